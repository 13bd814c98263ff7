"""The only door: user arrays come in, trusted float arrays go out.

What passes here is finite, of the right shape and a float dtype, so that no floor above checks again. The origin of an
array (its library, device and dtype) is kept, so that answers can go back to where the question came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput, MassMismatch
from . import moments, sizes, tables, whole
from .origin import Origin
from .reading import as_float, as_numpy, refuse_bytes, refuse_dtype
from .scalars import flag, told
from .types import Floats

_HEAVIEST = 1e300  # a total of weights, beside which double doubles have room


class Cloud(NamedTuple):
    """A cloud of points that has been checked: (n, d), float32 or float64, where it came from, and whether it came as (n,)."""

    points: Floats
    origin: Origin
    line: bool = False


class _Raw(NamedTuple):
    """A cloud (n, d) of any dtype, of which only the shape has been checked."""

    entries: np.ndarray
    origin: Origin
    line: bool


def points(value: Any, name: str, *, allow_gpu: bool = False) -> tuple[Floats, Origin]:
    """Check a cloud of points.

    Parameters
    ----------
    value : array_like
        (n, d), or (n,) for n points on a line; real and finite.
    name : str
        How errors call it.
    allow_gpu : bool
        Whether it may live on a GPU, for callers that have kernels there; a copy on the host is returned.

    Returns
    -------
    points : ndarray
        (n, d), float32 or float64.
    origin : Origin
        Where it came from.

    Raises
    ------
    InvalidInput
        On any other shape, on no points at all, on NaN or infinity (the row is named), on complex or text.

    Examples
    --------
    >>> points([0, 1], "x")[0].shape
    (2, 1)
    """
    found = cloud(value, name, allow_gpu=allow_gpu)
    return found.points, found.origin


def cloud(value: Any, name: str, *, allow_gpu: bool = False) -> Cloud:
    """What `points` checks, and whether it came as (n,)."""
    raw = _raw(value, name, allow_gpu=allow_gpu)
    return Cloud(_finite(as_float(raw.entries, raw.origin, name), name), raw.origin, raw.line)


def clouds(
    x: Any, y: Any, names: tuple[str, str] = ("x", "y"), *, allow_gpu: bool = False, fixed: str = ""
) -> tuple[Cloud, Cloud, str | None]:
    """Check two clouds that are to be compared by the differences of their coordinates.

    Whole numbers that are no doubles, such as nanoseconds since 1970, are taken: both clouds are moved by the same whole number, one a
    coordinate, before they become floats. So are moments and durations, as whole numbers of the finer of their units.

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d), or (n,) and (m,); real and finite.
    names : (str, str)
        How errors call them.
    allow_gpu : bool
        Whether they may live on a GPU.
    fixed : str
        Why they must not be moved, in a few words: under a metric that is none of differences.

    Returns
    -------
    x, y : Cloud
    unit : str or None
        Of coordinates that are moments or durations, as numpy abbreviates it: ``"ns"``, ``"D"``.

    Raises
    ------
    InvalidInput
        As in `points`, and where no whole number makes doubles of all of a coordinate.

    Examples
    --------
    >>> one, other, _ = clouds([2**60 + 1], [2**60 + 4, 2**60 + 5])
    >>> one.points, other.points.ravel()
    (array([[-2.]]), array([1., 2.]))
    """
    sides = [_raw(value, name, allow_gpu=allow_gpu) for value, name in ((x, names[0]), (y, names[1]))]
    sizes.same_dimension(sides[0].entries.shape[1], sides[1].entries.shape[1], names)
    entries, unit = [side.entries for side in sides], None
    if any(map(moments.is_moments, entries)):
        if fixed:
            raise InvalidInput(
                f"{names[0]} and {names[1]} must be numbers under {fixed}: moments and durations have differences only; received dtypes "
                f"{entries[0].dtype} and {entries[1].dtype}; use a metric of differences, such as 'euclidean'"
            )
        *entries, unit = moments.counted(entries[0], entries[1], names)
    lost = [e[~whole.held(e)] for e in entries if whole.is_whole(e)]
    if any(z.size for z in lost):
        if fixed:
            first = next(z[0] for z in lost if z.size)
            raise InvalidInput(
                f"{names[0]} and {names[1]} must hold whole numbers that are doubles under {fixed}, as all up to 2**53 are; received {told(first)}; "
                f"round them with .astype(float) if that does not matter, or use a metric of differences, which stay exact"
            )
        floats = _moved(sides, entries, names)
    else:
        floats = [_finite(as_float(e, side.origin, name), name) for e, side, name in zip(entries, sides, names)]
    one, other = (Cloud(z, side.origin, side.line) for z, side in zip(floats, sides))
    return one, other, unit


def once(value: Any, name: str) -> Any:
    """A cloud that many problems share, checked here and held in double precision, so that none of them makes a copy of its own.

    What depends on the other cloud stays as it is, and so does what lives on a GPU: the names of columns are compared, whole numbers that
    are no doubles and moments are moved with the other's.
    """
    raw = _raw(value, name, allow_gpu=True)
    entries = raw.entries
    moved = moments.is_moments(entries) or (whole.is_whole(entries) and not whole.held(entries).all())
    if moved or raw.origin.device != "cpu" or tables.column_names(value) is not None:
        return value
    floats = _finite(as_float(entries, raw.origin, name), name)
    return Cloud(floats.astype(np.float64, copy=False), raw.origin, raw.line)


def checked(value: Any, name: str) -> None:
    """Raise where a cloud could be compared with none, whatever the other one is: shape, dtype, NaN or infinity."""
    raw = _raw(value, name)
    if not moments.is_moments(raw.entries) and not whole.is_whole(raw.entries):
        _finite(as_float(raw.entries, raw.origin, name), name)


def _raw(value: Any, name: str, *, allow_gpu: bool = False) -> _Raw:
    if isinstance(value, Cloud):
        return _Raw(value.points, value.origin, value.line)
    array, origin = as_numpy(value, name, allow_gpu=allow_gpu)
    if array.ndim == 3:
        of_image = f"for the pixels of an image pass {name}.reshape(-1, {array.shape[2]}), " * (
            array.shape[2] in (1, 3, 4)
        )
        raise InvalidInput(
            f"{name} must be (n, d); received shape {array.shape}; {of_image}for a batch of problems use otgen.wasserstein_batch "
            f"or otgen.sinkhorn_batch"
        )
    if array.ndim not in (1, 2):
        remedy = (
            f"make each entry a point with {name}.reshape(len({name}), -1)" if array.ndim else "pass a list or an array"
        )
        raise InvalidInput(f"{name} must be (n, d) or (n,); received shape {array.shape}; {remedy}")
    if 0 in array.shape:
        raise InvalidInput(
            f"{name} must hold at least one point of at least one coordinate; received shape {array.shape}; leave empty clouds out"
        )
    if not moments.is_moments(array):
        refuse_dtype(array, name)
    return _Raw(array[:, None] if array.ndim == 1 else array, origin, array.ndim == 1)


def _finite(floats: Floats, name: str) -> Floats:
    """Points without NaN and infinity."""
    if not np.isfinite(floats.min()) or not np.isfinite(floats.max()):  # NaN carries through both
        bad = ~np.isfinite(floats).all(axis=1)
        row = int(bad.argmax())
        raise InvalidInput(
            f"{name} must be finite; received {floats[row].tolist()} in row {row} "
            f"({int(bad.sum())} such {'row' if bad.sum() == 1 else 'rows'}); drop or impute them"
        )
    return floats


def _moved(sides: list[_Raw], entries: list[np.ndarray], names: tuple[str, str]) -> list[Floats]:
    """Both clouds in double precision; coordinates that hold whole numbers which are no doubles less one whole number each."""
    numbers = [
        whole.narrowed(e)
        if e.dtype == object
        else e
        if whole.is_whole(e)
        else _finite(as_float(e, side.origin, name), name)
        for e, side, name in zip(entries, sides, names)
    ]
    out: list[Floats] = [np.empty(z.shape) for z in numbers]
    for k in range(numbers[0].shape[1]):
        columns = [z[:, k] for z in numbers]
        if all(not whole.is_whole(z) or whole.held(z).all() for z in columns):
            found: Any = columns
        else:
            found = whole.moved(columns[0], columns[1])
        if found is None:
            ends = min(z.min() for z in columns), max(z.max() for z in columns)
            raise InvalidInput(
                f"{names[0]} and {names[1]} must hold whole numbers that are doubles once one of them is subtracted from all, as those that "
                f"span up to 2**53 are; received {told(ends[0])} to {told(ends[1])} in coordinate {k}; count in a coarser unit, or round them with "
                f".astype(float) if that does not matter"
            )
        out[0][:, k], out[1][:, k] = found
    return out


def weights(
    value: Any, size: int, name: str, of: str, *, allow_gpu: bool = False
) -> tuple[npt.NDArray[np.float64], Origin | None]:
    """Check the weights of ``size`` things, in words: ``of``; None means uniform, of total 1.

    Returns
    -------
    weights : ndarray
        (size,), float64, not yet divided by their sum.
    origin : Origin or None
        None where the weights were not given.
    """
    if value is None:
        return np.broadcast_to(1.0 / size, (size,)), None
    array, origin = as_numpy(value, name, allow_gpu=allow_gpu)
    sizes.refuse_count(array.shape, size, name, of)
    if size == 0:
        raise InvalidInput(f"{name} must carry some mass; received none at all; pass at least one weight")
    floats = as_float(array, origin, name).astype(np.float64, copy=False)
    least, most = float(floats.min()), float(floats.max())
    if not (least >= 0 and most < math.inf):
        at = int((~(np.isfinite(floats) & (floats >= 0))).argmax())
        raise InvalidInput(f"{name} must be finite and non-negative; received {floats[at]} at index {at}; correct it")
    if most == 0:
        raise InvalidInput(f"{name} must carry some mass; received {size} zeros; pass None for uniform weights")
    if most > _HEAVIEST / size and float((floats / size).sum()) > _HEAVIEST / size:
        raise InvalidInput(
            f"{name} must have a total of at most {_HEAVIEST:g}; received {size} weights up to {most:g}; divide them by the largest"
        )
    return floats, origin


def numbers(value: Any, name: str) -> tuple[Floats, Origin]:
    """Real numbers of any shape, float32 or float64, and where they came from; neither shape nor NaN are looked at."""
    array, origin = as_numpy(value, name)
    return as_float(array, origin, name), origin


def potential(value: Any, name: str) -> Floats:
    """An array of real numbers, float64, rounded where whole numbers are no doubles; it may live on a GPU, and its shape is not looked at."""
    array, origin = as_numpy(value, name, allow_gpu=True)
    return as_float(array, origin, name, exact=False).astype(np.float64, copy=False)


def same_mass(a: float, b: float, origins: Sequence[Origin | None], names: tuple[str, str], *, normalize: bool) -> None:
    """Raise `MassMismatch` unless the totals agree to the tolerance of the coarser dtype, or ``normalize`` is set.

    Weights that were not given (origin None) take the other side's total.
    """
    given = [origin.tolerance() for origin in origins if origin is not None]
    if flag(normalize, "normalize") or len(given) < 2:
        return
    tolerance = max(given)
    if abs(a - b) <= tolerance * max(a, b):
        return
    raise MassMismatch(
        f"{names[0]} and {names[1]} must carry the same total mass (to {tolerance:g} relative); received {a!r} and {b!r}; "
        f"divide each by its sum, or pass normalize=True where that is an option"
    )


def vector(value: Any, size: int, name: str) -> Floats:
    """A finite array (size,), float64; None means zeros."""
    if value is None:
        return np.zeros(size)
    array, origin = as_numpy(value, name, allow_gpu=True)
    if array.shape != (size,):
        raise InvalidInput(f"{name} must have shape ({size},); received shape {array.shape}; reshape it")
    return _all_finite(as_float(array, origin, name).astype(np.float64, copy=False), name)


def pair(value: Any, name: str) -> tuple[Any, Any]:
    """Two things in a tuple or list."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InvalidInput(f"{name} must be a pair of arrays; received {told(value)}; pass a tuple of two")
    return value[0], value[1]


def factors(left: Any, right: Any, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The factors (n, k) and (m, k) of a matrix, float64."""
    (one, home), (other, away) = as_numpy(left, "plan[0]", allow_gpu=True), as_numpy(right, "plan[1]", allow_gpu=True)
    if one.ndim != 2 or other.ndim != 2 or (len(one), len(other)) != shape or one.shape[1] != other.shape[1]:
        raise InvalidInput(
            f"plan must be two arrays of shapes ({shape[0]}, k) and ({shape[1]}, k); received {one.shape} and {other.shape}; "
            f"pass its factors U and V, of U V'"
        )
    one, other = as_float(one, home, "plan[0]"), as_float(other, away, "plan[1]")
    return (
        _all_finite(one.astype(np.float64, copy=False), "plan[0]"),
        _all_finite(other.astype(np.float64, copy=False), "plan[1]"),
    )


def _all_finite(array: Floats, name: str) -> Floats:
    if not np.isfinite(array).all():
        raise InvalidInput(
            f"{name} must be finite; received {array[~np.isfinite(array)][0]}; correct it, or pass 0 there"
        )
    return array


def cost_matrix(value: Any, name: str = "C") -> tuple[Any, Origin]:
    """Check a cost matrix, dense or ``scipy.sparse`` (where absent means forbidden).

    Returns
    -------
    matrix : ndarray or scipy.sparse.csr_array
        (n, m), float32 or float64; +inf allowed, NaN and -inf not.
    origin : Origin
        Where it came from.
    """
    if type(value).__module__.startswith("scipy.sparse"):
        return _sparse_matrix(value, name)
    if getattr(value, "requires_grad", False):
        raise InvalidInput(
            f"{name} must not require gradients here; received a tensor with requires_grad=True; pass {name}.detach(): "
            f"the gradient in {name} is the plan, that of (plan * {name}).sum()"
        )
    array, origin = as_numpy(value, name)
    _refuse_shape(array.shape, name)
    floats = as_float(array, origin, name)
    _no_nan(floats, name)
    return floats, origin


def _refuse_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2 or 0 in shape:
        raise InvalidInput(
            f"{name} must be a matrix of at least one row and one column; received shape {shape}; reshape it, one row a "
            f"source, and pass weights after it"
        )


def _sparse_matrix(value: Any, name: str) -> tuple[Any, Origin]:
    _refuse_shape(value.shape, name)
    refuse_bytes(8 * sum(value.shape), value.shape, name)
    origin = Origin("numpy", "cpu", value.dtype.name)
    coordinates = value.tocoo(copy=True)
    _refuse_filling(value, coordinates, name)
    pairs = coordinates.row.astype(np.int64) * value.shape[1] + coordinates.col
    if len(np.unique(pairs)) < len(pairs):
        raise InvalidInput(
            f"{name} must list each pair once; received duplicate entries; call sum_duplicates() if that is meant"
        )
    csr = coordinates.tocsr()
    csr.sort_indices()
    csr.data = as_float(csr.data, origin, name).astype(np.float64)
    bad = np.isnan(csr.data) | (csr.data == -np.inf)
    if bad.any():
        raise InvalidInput(
            f"{name} must not hold NaN or -inf; received {csr.data[bad.argmax()]} among its stored entries; "
            f"leave out what is forbidden"
        )
    return csr, origin


def _refuse_filling(value: Any, coordinates: Any, name: str) -> None:
    """Raise for zeros in blocks and along diagonals: these formats store them for pairs that were never listed as well."""
    zeros = value.nnz - np.count_nonzero(coordinates.data)
    if value.format in ("bsr", "dia") and zeros:
        raise InvalidInput(
            f"{name} must tell costs of 0 from absent pairs; received a {value.format} array, which fills up with zeros, and holds some ({zeros}); "
            f"pass a coo or csr array of the pairs that are allowed"
        )


def _no_nan(matrix: Floats, name: str) -> None:
    for start in range(0, len(matrix), 1024):  # blocks: no mask of the size of the matrix
        block = matrix[start : start + 1024]
        bad = ~(block > -np.inf)
        if bad.any():
            row, column = np.unravel_index(int(bad.argmax()), bad.shape)
            raise InvalidInput(
                f"{name} must not hold NaN or -inf; received {block[row, column]} at [{row + start}, {column}]; "
                f"use +inf for a forbidden pair"
            )
