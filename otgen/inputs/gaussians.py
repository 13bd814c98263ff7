"""Means and covariances, checked before anything is computed of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..underflow import may_underflow
from . import arrays, sizes, tables
from .origin import Origin
from .types import Floats

_ROUNDING = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}  # of a number near 1, by dtype


def mean(value: Any, name: str) -> Floats:
    """A finite vector (d,), float64; a number is one of length 1.

    Examples
    --------
    >>> mean(1, "mean").tolist()
    [1.0]
    """
    held, _ = arrays.numbers(value, name)
    _length(held.shape, name)
    _finite(held, name, "drop or impute them before means are taken")
    return np.atleast_1d(held).astype(np.float64)


def refuse_sizes(
    mean: Any, cov: Any, told: tuple[str, str] = ("mean", "cov"), *, variances: bool = False
) -> int | None:
    """The length of a mean, where it says one; raises for it and a covariance of sizes that do not belong together, of which nothing is read."""
    d, other = length(mean, told[0]), sizes.shape_of(cov)
    if d is not None and other is not None:
        _refuse_shape(other, d, told[1], variances=variances)
    return d


def length(mean: Any, name: str) -> int | None:
    """The length that a mean says it has; raises for what is no vector."""
    own = sizes.shape_of(mean)
    return None if own is None else _length(own, name)


def refuse_other_length(one: int | None, other: int | None, told: tuple[str, str] = ("mean0", "mean1")) -> None:
    """Raise for two means of unlike lengths, where both are known."""
    if one is not None and other is not None and one != other:
        raise InvalidInput(
            f"{told[0]} and {told[1]} must have the same length; received {one} and {other}; leave out what only one law has"
        )


def _length(shape: tuple[int, ...], name: str) -> int:
    """The length of a vector, or of a number."""
    if len(shape) > 1 or 0 in shape:
        raise InvalidInput(f"{name} must be a vector (d,) or a number; received shape {shape}; flatten it")
    return shape[0] if shape else 1


def names(mean: Any, cov: Any, told: tuple[str, str] = ("mean", "cov")) -> dict[str, tables.Names | None]:
    """What a mean and both axes of a covariance call the coordinates, for :func:`otgen.inputs.tables.same_names`."""
    return {
        told[0]: tables.row_names(mean),
        f"the rows of {told[1]}": tables.row_names(cov),
        f"the columns of {told[1]}": tables.column_names(cov),
    }


@may_underflow
def covariance(value: Any, d: int, name: str, *, variances: bool = False, definite: bool = False) -> Floats:
    """A covariance (d, d), symmetric and positive semi-definite to the rounding of its dtype, float64.

    ``definite`` asks for a positive definite one. A number stands for a variance: of d = 1, or with ``variances`` of all coordinates, which (d,) list one by one.

    Examples
    --------
    >>> covariance(4, 2, "cov", variances=True).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    held, origin = arrays.numbers(value, name)
    _refuse_shape(held.shape, d, name, variances=variances)
    matrix = np.atleast_2d(held).astype(np.float64)
    if variances and held.shape in ((), (1,), (d,)):
        matrix = np.diag(np.broadcast_to(held, (d,)).astype(np.float64))
    _finite(matrix, name, "a covariance needs two samples or more, all of them finite")
    size, tolerance = float(np.abs(matrix).max()), _tolerance(origin, d)
    skew = float(np.abs(matrix / 2 - matrix.T / 2).max()) * 2
    if skew > tolerance * size:
        raise InvalidInput(
            f"{name} must be symmetric; received entries {skew:.3g} apart; average it with its transpose"
        )
    share = _smallest(matrix, size)
    if definite and share <= 0:
        raise InvalidInput(
            f"{name} must be positive definite; received a matrix whose least eigenvalue is {share * size:.3g}; "
            f"add a little to its diagonal, or leave out what follows from other coordinates"
        )
    if share < -tolerance and share * size < -d * 2.0**-1074:  # what entries this small lose when they are stored
        raise InvalidInput(
            f"{name} must be positive semi-definite to {tolerance:.1g} of its largest entry; received an eigenvalue {share * size:.3g}; "
            f"compute it in double precision, or set negative eigenvalues to 0"
        )
    return matrix


def _refuse_shape(shape: tuple[int, ...], d: int, name: str, *, variances: bool) -> None:
    """Raise for what is no covariance of d coordinates."""
    listed = ((), (1,), (d,)) if variances else ((), (1,)) if d == 1 else ()
    if shape != (d, d) and shape not in listed:
        wanted = f"a number, ({d},) or ({d}, {d})" if variances else f"a ({d}, {d}) matrix"
        raise InvalidInput(
            f"{name} must be {wanted}, as the mean is ({d},); received shape {shape}; np.diag makes a matrix of variances"
        )


def _smallest(matrix: Floats, size: float) -> float:
    """The smallest eigenvalue of a symmetric matrix whose largest entry is given, as a share of that; 0 for zeros."""
    return float(np.linalg.eigvalsh(matrix / (2 * size) + matrix.T / (2 * size))[0]) if size else 0.0


def _finite(held: Floats, name: str, remedy: str) -> None:
    bad = ~np.isfinite(held)
    if bad.any():
        raise InvalidInput(
            f"{name} must be finite; received {float(held[bad][0])} in {int(bad.sum())} of {bad.size} entries; {remedy}"
        )


def _tolerance(origin: Origin, d: int) -> float:
    """What rounding of a dtype can do to an eigenvalue, relative to the largest entry."""
    return max(1e-10, 4 * d * _ROUNDING.get(origin.dtype, 2.0**-52))
