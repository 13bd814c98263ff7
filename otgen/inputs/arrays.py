"""The only door: user arrays come in, trusted float arrays go out.

What passes here is finite, of the right shape and a float dtype, so that no floor above checks again. The origin of an
array (its library, device and dtype) is kept, so that answers can go back to where the question came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidInput, MassMismatch, require
from .origin import Origin
from .scalars import flag
from .types import Floats


def _from_torch(value: Any, name: str) -> tuple[Any, Origin]:
    if value.requires_grad:
        raise InvalidInput(
            f"{name} must not require gradients here; received a tensor with requires_grad=True; "
            f"use a loss from otgen.nn, or pass {name}.detach()"
        )
    dtype = str(value.dtype).removeprefix("torch.")
    value = value.float() if dtype == "bfloat16" else value
    where = "cuda:0" if str(value.device) == "cuda" else str(value.device)
    return value.numpy() if where == "cpu" else value, Origin("torch", where, dtype)


def _as_numpy(value: Any, name: str, *, allow_gpu: bool = False) -> tuple[np.ndarray, Origin]:
    """Any array-like as a numpy array, and its origin; from a GPU only where the caller has kernels for it."""
    library = type(value).__module__.partition(".")[0]
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidInput(f"{name} must not be a masked array; received one; pass the entries that count")
    if library == "torch":
        array, origin = _from_torch(value, name)
    elif library != "numpy" and hasattr(value, "__dlpack_device__"):
        kind, index = value.__dlpack_device__()
        device = "cpu" if kind in (1, 3) else f"cuda:{index}" if kind in (2, 13) else f"device {kind}:{index}"
        array = np.from_dlpack(value) if device == "cpu" else value
        origin = Origin(library, device, array.dtype.name if device == "cpu" else "")
    else:
        try:
            array = np.asarray(value)
        except ValueError as fault:
            raise InvalidInput(
                f"{name} must be a rectangular array of numbers; received {fault}; pad or split it"
            ) from None
        origin = Origin("numpy", "cpu", array.dtype.name)
    if origin.device == "cpu":
        return array, origin
    if not allow_gpu or not origin.device.startswith("cuda"):
        raise InvalidInput(
            f"{name} must live on the host: there are no kernels for its device here; received device "
            f"{origin.device!r}; move it with .cpu() or .get()"
        )
    cupy = require("cupy")
    try:
        moved = cupy.asnumpy(cupy.from_dlpack(array))
    except (TypeError, NotImplementedError, BufferError) as fault:
        raise InvalidInput(f"{name} must be an array that cupy can read; received {fault}; convert it") from None
    return moved, origin if origin.dtype else origin._replace(dtype=moved.dtype.name)


def _as_float(array: np.ndarray, origin: Origin, name: str) -> Floats:
    """Integers and booleans become float64, half floats float32; what holds no numbers is refused."""
    if array.dtype.kind not in "biuf":
        raise InvalidInput(
            f"{name} must hold real numbers; received dtype {array.dtype}; convert it with .astype(float)"
        )
    if array.dtype.kind in "biu":
        return array.astype(np.float64)
    if array.dtype.itemsize > 8:
        raise InvalidInput(
            f"{name} must be at most float64; received dtype {array.dtype}; convert it with .astype(float)"
        )
    return array.astype(np.float32) if array.dtype == np.float16 else array


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
    array, origin = _as_numpy(value, name, allow_gpu=allow_gpu)
    if array.ndim == 3:
        raise InvalidInput(
            f"{name} must be (n, d); received shape {array.shape}; for a batch of problems use otgen.wasserstein_batch "
            f"or otgen.sinkhorn_batch"
        )
    if array.ndim not in (1, 2):
        raise InvalidInput(f"{name} must be (n, d) or (n,); received shape {array.shape}; reshape it")
    if 0 in array.shape:
        raise InvalidInput(
            f"{name} must hold at least one point of at least one coordinate; received shape {array.shape}"
        )
    floats = _as_float(array, origin, name)
    floats = floats[:, None] if floats.ndim == 1 else floats
    if not np.isfinite(floats.min()) or not np.isfinite(floats.max()):  # NaN carries through both
        bad = ~np.isfinite(floats).all(axis=1)
        row = int(bad.argmax())
        raise InvalidInput(
            f"{name} must be finite; received {floats[row].tolist()} in row {row} "
            f"({int(bad.sum())} such rows); drop or impute them"
        )
    return floats, origin


def weights(
    value: Any, size: int, name: str, of: str, *, allow_gpu: bool = False
) -> tuple[npt.NDArray[np.float64], Origin | None]:
    """Check the weights of ``size`` points; None means uniform, of total 1.

    Returns
    -------
    weights : ndarray
        (size,), float64, not yet divided by their sum.
    origin : Origin or None
        None where the weights were not given.
    """
    if value is None:
        return np.broadcast_to(1.0 / size, (size,)), None
    array, origin = _as_numpy(value, name, allow_gpu=allow_gpu)
    if array.shape != (size,):
        raise InvalidInput(
            f"{name} must have one weight per point of {of}, shape ({size},); received shape {array.shape}"
        )
    floats = _as_float(array, origin, name).astype(np.float64, copy=False)
    least, most = float(floats.min()), float(floats.max())
    if not (least >= 0 and most < math.inf):
        at = int((~(np.isfinite(floats) & (floats >= 0))).argmax())
        raise InvalidInput(f"{name} must be finite and non-negative; received {floats[at]} at index {at}; correct it")
    if most == 0:
        raise InvalidInput(f"{name} must carry some mass; received {size} zeros; pass None for uniform weights")
    if most > 1e300 / size:
        raise InvalidInput(f"{name} must have a finite sum; received weights up to {most}; divide them by it")
    return floats, origin


def numbers(value: Any, name: str) -> tuple[Floats, Origin]:
    """Real numbers of any shape, float32 or float64, and where they came from; neither shape nor NaN are looked at."""
    array, origin = _as_numpy(value, name)
    return _as_float(array, origin, name), origin


def potential(value: Any, name: str) -> Floats:
    """An array of real numbers from allow_gpu, float64; its shape is not looked at."""
    array, origin = _as_numpy(value, name, allow_gpu=True)
    return _as_float(array, origin, name).astype(np.float64, copy=False)


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
        f"pass normalize=True to divide each by its sum"
    )


def vector(value: Any, size: int, name: str) -> Floats:
    """A finite array (size,), float64; None means zeros."""
    if value is None:
        return np.zeros(size)
    array, origin = _as_numpy(value, name, allow_gpu=True)
    if array.shape != (size,):
        raise InvalidInput(f"{name} must have shape ({size},); received shape {array.shape}")
    return _all_finite(_as_float(array, origin, name).astype(np.float64, copy=False), name)


def pair(value: Any, name: str) -> tuple[Any, Any]:
    """Two things in a tuple or list."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InvalidInput(f"{name} must be a pair of arrays; received {type(value).__name__}")
    return value[0], value[1]


def factors(left: Any, right: Any, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The factors (n, k) and (m, k) of a matrix, float64."""
    (one, home), (other, away) = _as_numpy(left, "plan[0]", allow_gpu=True), _as_numpy(right, "plan[1]", allow_gpu=True)
    if one.ndim != 2 or other.ndim != 2 or (len(one), len(other)) != shape or one.shape[1] != other.shape[1]:
        raise InvalidInput(
            f"plan must be two arrays of shapes ({shape[0]}, k) and ({shape[1]}, k); received {one.shape} and {other.shape}"
        )
    one, other = _as_float(one, home, "plan[0]"), _as_float(other, away, "plan[1]")
    return (
        _all_finite(one.astype(np.float64, copy=False), "plan[0]"),
        _all_finite(other.astype(np.float64, copy=False), "plan[1]"),
    )


def _all_finite(array: Floats, name: str) -> Floats:
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} must be finite; received NaN or infinity")
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
    array, origin = _as_numpy(value, name)
    if array.ndim != 2 or 0 in array.shape:
        raise InvalidInput(f"{name} must be a matrix of at least one row and one column; received shape {array.shape}")
    floats = _as_float(array, origin, name)
    _no_nan(floats, name)
    return floats, origin


def _sparse_matrix(value: Any, name: str) -> tuple[Any, Origin]:
    if value.ndim != 2 or 0 in value.shape:
        raise InvalidInput(f"{name} must be a matrix of at least one row and one column; received shape {value.shape}")
    origin = Origin("numpy", "cpu", value.dtype.name)
    coordinates = value.tocoo(copy=True)
    pairs = coordinates.row.astype(np.int64) * value.shape[1] + coordinates.col
    if len(np.unique(pairs)) < len(pairs):
        raise InvalidInput(
            f"{name} must list each pair once; received duplicate entries; call sum_duplicates() if that is meant"
        )
    csr = coordinates.tocsr()
    csr.sort_indices()
    csr.data = _as_float(csr.data, origin, name).astype(np.float64)
    bad = np.isnan(csr.data) | (csr.data == -np.inf)
    if bad.any():
        raise InvalidInput(
            f"{name} must not hold NaN or -inf; received {csr.data[bad.argmax()]} among its stored entries"
        )
    return csr, origin


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
