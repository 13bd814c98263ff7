r"""The Bures distance between covariances, with bounds.

For any factors ``A A' = X``, ``B B' = Y``: :math:`d(X, Y)^2 = \min_U |A - B U|_F^2 = \mathrm{tr} X + \mathrm{tr} Y - 2 |B' A|_*`, over orthogonal
U, with the sum of singular values (Bhatia, Jain, Lim, theorem 1). What was computed is measured, not trusted:

- Eigenvalues L and vectors V with ``|V' V - I| <= h`` and a residual ``|X - V L V'| <= r`` belong to a matrix that is
  ``e = r + 2.1 h |L|`` from X. Setting negative eigenvalues to 0 moves no two matrices further apart, and two positive ones
  that are e apart have ``d <= (sqrt(d) e)^(1/2)`` (Powers and Stormer, 1970), and ``d <= e / sqrt(l)`` if all eigenvalues exceed l.
- Columns G whose norms s are those of ``M J``: ``|M J|_* <= sum s``, and ``>= sum s (1 - f^2 / 2)`` where their
  cosines have Frobenius norm f: ``(1 + F)^(1/2) >= 1 + F/2 - F^2/2``, and F is 0 on the diagonal.
- A sum of singular values changes by no more than ``sqrt(d)`` times the Frobenius norm of what is added.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels import pair_matrices as pairs
from ..kernels.double_double import UNIT
from ..kernels.pair_matrices import PAIR_UNIT, Pair

FINE = 64  # dimensions up to which pairs of doubles take less than a second or so


class Interval(NamedTuple):
    """A number and its bounds."""

    value: float
    lower: float
    upper: float


class _Factor(NamedTuple):
    """Eigenvalues (d,), not negative, and vectors (d, d); what those miss being orthogonal by, and how far the law with the matrix
    that they stand for is from the one that was asked for.
    """

    values: Pair
    vectors: Pair
    departure: float
    distance: float


def bures(one: Floats, other: Floats) -> Interval:
    """The distance between the positive semi-definite matrices nearest to two symmetric ones, (d, d), entries of about 1."""
    if np.array_equal(one, other):
        return Interval(0.0, 0.0, 0.0)
    if len(one) > FINE:
        return _coarse(one, other)
    pad = (0, len(one) % 2)
    first, second = (_factor(_symmetric(np.pad(z, pad))) for z in (one, other))
    square, error = _squared_distance(first, second)
    away = first.distance + second.distance
    lower, upper = (math.sqrt(max(square + sign * error, 0.0)) for sign in (-1, 1))
    return _outward_interval(math.sqrt(max(square, 0.0)), lower - away, upper + away)


def _outward_interval(value: float, lower: float, upper: float) -> Interval:
    return Interval(value, max(lower * (1 - 4 * UNIT), 0.0), upper * (1 + 4 * UNIT))


def _symmetric(matrix: Floats) -> Pair:
    """The mean of a matrix and its transpose, exactly."""
    return pairs.add(pairs.pair(matrix / 2), pairs.pair(matrix.T / 2))


def _factor(matrix: Pair) -> _Factor:
    """Eigenvalues and vectors as pairs."""
    values, vectors = pairs.eigen(matrix)
    back = pairs.product(pairs.times(vectors, values.at(None)), vectors.T)
    rest, d = pairs.add(matrix, pairs.minus(back)), len(matrix.high)
    sizes = np.abs(values.high)
    rounding = (d + 8) * PAIR_UNIT * _norm((np.abs(vectors.high) * sizes) @ np.abs(vectors.high).T)
    error = 1.01 * (_norm(rest.high) + 3 * rounding)
    departure = pairs.departure(vectors)
    held = values.high > 0
    positive = Pair(np.where(held, values.high, 0.0), np.where(held, values.low, 0.0))
    return _Factor(
        positive, vectors, departure, _distance_of_errors(error + 2.1 * departure * sizes.max(), values.high)
    )


def _distance_of_errors(error: float, values: Floats) -> float:
    """How far apart laws may be whose covariances are ``error`` apart, one of them with these eigenvalues."""
    far, least = math.sqrt(math.sqrt(len(values)) * error), float(values.min())
    return min(far, error / math.sqrt(least - error)) if least > 2 * error else far


def _squared_distance(first: _Factor, second: _Factor) -> tuple[float, float]:
    """``tr X + tr Y - 2 |M|_*`` of the matrices that factors stand for, and a bound on its error."""
    roots = [pairs.root(z.values) for z in (first, second)]
    product = pairs.product(second.vectors.T, first.vectors)
    matrix = pairs.times(pairs.times(product, roots[1].at(slice(None), None)), roots[0].at(None))
    s, t, d = roots[0].high, roots[1].high, len(product.high)
    sizes = (t[:, None] * np.abs(second.vectors.high.T)) @ (np.abs(first.vectors.high) * s)
    error = 1.01 * s.max() * t.max() * (first.departure + second.departure) + (d + 16) * PAIR_UNIT * _norm(sizes)
    total, nuclear_error = _nuclear(matrix)
    both = pairs.summed(Pair(*(np.concatenate(z) for z in zip(first.values, second.values))))
    square = pairs.add(both, pairs.times(pairs.pair(np.array(-2.0)), total))
    traces = float(both.high)
    return float(square.high), 2 * nuclear_error + 2 * math.sqrt(d) * error + (2 * d + 8) * PAIR_UNIT * traces + 1e-290


def _nuclear(matrix: Pair) -> tuple[Pair, float]:
    """The sum of the singular values, and a bound on its error."""
    found, d, size = pairs.orthogonal_columns(matrix), len(matrix.high), _norm(matrix.high)
    rows = found.columns.T
    norms = pairs.root(pairs.summed(pairs.times(rows, rows)))
    strong = norms.high > 2.0**-90 * norms.high.max()
    units = norms.high[strong]
    cosines = (
        pairs.product(rows.at(strong), rows.at(strong).T).high / units[:, None] / units if strong.any() else np.eye(1)
    )
    skew = 1.01 * _norm(cosines - np.eye(len(cosines))) + d * (d + 8) * PAIR_UNIT
    total = pairs.summed(norms)
    turned = (4 * found.sweeps * d + math.sqrt(d) * (d + 8)) * PAIR_UNIT * size
    weak = float(norms.high[~strong].sum())
    relative = skew**2 / 2 + 1.01 * found.departure + (2 * d + 16) * PAIR_UNIT
    return total, relative * float(total.high) + weak + math.sqrt(d) * turned


def _coarse(one: Floats, other: Floats) -> Interval:
    """The same in doubles, in many dimensions: what is measured is less, and singular covariances are known to half the digits."""
    d, unit = len(one), (len(one) + 8) * UNIT
    roots, away = [], 0.0
    for matrix in (one, other):
        symmetric = matrix / 2 + matrix.T / 2
        values, vectors = np.linalg.eigh(symmetric)
        sizes = np.abs(vectors)
        rounding = unit * _norm((sizes * np.abs(values)) @ sizes.T)
        error = _norm(symmetric - (vectors * values) @ vectors.T) + 2 * rounding + UNIT * _norm(symmetric)
        error += 2.1 * _orthogonality_error(vectors) * float(np.abs(values).max())
        values = np.maximum(values, 0.0)
        away += _distance_of_errors(1.01 * error, values)
        roots.append(vectors * np.sqrt(values))
        away += (1.01 * _orthogonality_error(vectors) + 2 * UNIT) * math.sqrt(float(values.sum()))
    product = roots[1].T @ roots[0]
    left, values, right = np.linalg.svd(product)
    rest = _norm(product - (left * values) @ right) + unit * _norm((np.abs(left) * values) @ np.abs(right))
    rest += unit * _norm(np.abs(roots[1]).T @ np.abs(roots[0]))
    total = float(values.sum())
    traces = float((roots[0] ** 2).sum() + (roots[1] ** 2).sum())
    error = (
        2.02 * (math.sqrt(d) * rest + total * (_orthogonality_error(left) + _orthogonality_error(right.T)))
        + 4 * d * UNIT * traces
    )
    square = traces - 2 * total
    value = _norm(roots[0] - (roots[1] @ left) @ right)
    lower = math.sqrt(max(square - error, 0.0)) - away
    upper = math.sqrt(max(square + error, 0.0)) + away
    found = _outward_interval(value, lower, upper)
    return found._replace(value=min(max(value, found.lower), found.upper))


def _orthogonality_error(vectors: Floats) -> float:
    """A bound on ``|V' V - I|``, in doubles."""
    rounding = (len(vectors) + 8) * UNIT * _norm(np.abs(vectors).T @ np.abs(vectors))
    return _norm(vectors.T @ vectors - np.eye(len(vectors))) + rounding


def _norm(matrix: Floats) -> float:
    return float(np.linalg.norm(matrix))
