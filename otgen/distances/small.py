"""Small exact problems between plain arrays, or lists of floats, and problems on the line: a short way to the result that the long way finds.

What is not plain (lists of anything else, tensors, weights that do not fit, points that are no numbers or far from 1) goes the long way, as does whatever
ends oddly here: errors are made there, and there alone.
"""

from __future__ import annotations

import time
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np

from ..inputs.types import Floats
from ..kernels import dense_simplex, dense_stack, line_stack
from ..kernels.ground_cost import own
from ..model.cost import Minkowski
from ..model.problem import Problem
from .line_stack import LineStack, power_of
from .result import Result
from .small_stack import Metered, Stack, Terms, metered
from .splits import Measure

_FLOAT64 = np.dtype(np.float64)
_LONGEST = 2**17  # entries of a list that may be of a small problem


def wasserstein(
    x: Any, y: Any, a: Any, b: Any, *, p: Any, metric: Any, normalize: bool, alike: Measure | None = None
) -> Result | None:
    """What :func:`otgen.wasserstein` returns of a small problem between plain arrays; None of any other."""
    began = time.perf_counter()
    x, y, a, b = _array_of_list(x, 2), _array_of_list(y, 2), _array_of_list(a, 1), _array_of_list(b, 1)
    if not (is_cloud(x) and is_cloud(y) and plain_weights(a, len(x)) and plain_weights(b, len(y))):
        return None
    d, beyond = _dimension(x), _dimension(y)
    terms = partial(Terms, root=True, normalize=normalize, given=(a is not None, b is not None), alike=alike)
    where = dense_stack.single(len(x), len(y))
    stack: Any = None
    if d == beyond == 1 and line_stack.is_small(len(x), len(y)):
        power = known_on_line(metric, p)
        if power is not None:
            x_flat, y_flat = own(x.ravel(), _FLOAT64), own(y.ravel(), _FLOAT64)
            stack = LineStack.of_points(x_flat, y_flat, a, b, power, where, terms(float(p)))
    elif d == beyond and is_small(len(x), len(y)):
        cost = known(metric, p, d)
        if cost is not None:
            sides = _weights_or_equal(a, len(x)), _weights_or_equal(b, len(y))
            stack = Stack.of_points(own(x, _FLOAT64), own(y, _FLOAT64), *sides, cost, where, terms(float(p)))
    if not isinstance(stack, Stack | LineStack):
        return None
    pose = partial(Problem.from_points, x, y, a, b, p=p, metric=metric, normalize=normalize)
    return stack.result(0, pose, time.perf_counter() - began)


def transport(C: Any, a: Any, b: Any, *, normalize: bool) -> Result | None:
    """What :func:`otgen.transport` returns of a small plain matrix without an entropic term; None of any other problem."""
    began = time.perf_counter()
    costs, a, b = _array_of_list(C, 2), _array_of_list(a, 1), _array_of_list(b, 1)
    if not (is_plain(costs, 2) and is_small(*costs.shape)):
        return None
    if not (plain_weights(a, len(costs)) and plain_weights(b, costs.shape[1])):
        return None
    sides = _weights_or_equal(a, len(costs)), _weights_or_equal(b, costs.shape[1])
    terms, where = Terms(1.0, False, normalize, (a is not None, b is not None)), dense_stack.single(*costs.shape)
    stack = Stack.of_costs(own(costs, _FLOAT64).ravel(), *sides, where, terms)
    pose = partial(Problem.from_matrix, costs, a, b, normalize=normalize)
    return stack.result(0, pose, time.perf_counter() - began) if isinstance(stack, Stack) else None


def _dimension(points: Floats) -> int:
    return 1 if points.ndim == 1 else points.shape[1]


def is_small(n: Any, m: Any) -> Any:
    """Whether there are few pairs, and more than one plan: of one plan more is proven the long way. Of sizes, or of arrays of them."""
    return (n > 1) & (m > 1) & dense_simplex.fits(n, m)


def is_plain(array: Any, ndim: int) -> bool:
    """Whether something is an array of numpy's of single or double precision in this machine's byte order, with entries."""
    if type(array) is not np.ndarray or array.ndim != ndim:
        return False
    return array.dtype.char in "fd" and array.dtype.isnative and array.size > 0


def is_cloud(points: Any) -> bool:
    """Whether something is such an array of points, (n, d), or (n,) on the line."""
    return is_plain(points, 2) or is_plain(points, 1)


def known_on_line(metric: Any, p: Any) -> float | None:
    """The power of a distance that a metric's cost is on the line; None where problems under it are not for here."""
    return power_of(metric, p) if type(metric) in (str, Minkowski) and _is_order(p) else None


def known(metric: Any, p: Any, d: int) -> Metered | None:
    """The cost of a metric in d dimensions; None where problems under it are not for here, as on the line."""
    return known_anywhere(metric, p, d) if d > 1 else None


def known_anywhere(metric: Any, p: Any, d: int) -> Metered | None:
    """The same, also on the line."""
    return metered(metric, p, d) if type(metric) in (str, Minkowski) and _is_order(p) else None


def _is_order(p: Any) -> bool:
    """Whether an order is a plain number that is a float."""
    return type(p) is float or (type(p) is int and p.bit_length() <= 53)


def _array_of_list(value: Any, ndim: int) -> Any:
    """A list of floats, or where two axes may be of lists of as many floats each, as an array; what is none as it is."""
    if type(value) is not list or not 0 < len(value) <= _LONGEST:
        return value
    rows = cast(list[Any], value if ndim == 2 and type(value[0]) is list else [value])
    if any(type(row) is not list or len(row) != len(rows[0]) or any(type(z) is not float for z in row) for row in rows):
        return cast(Any, value)
    return np.array(value)


def plain_weights(weights: Any, size: int) -> bool:
    """Whether weights are such an array of doubles, one for each point, or None."""
    return weights is None or (is_plain(weights, 1) and weights.dtype.char == "d" and len(weights) == size)


def _weights_or_equal(weights: Any, size: int) -> Floats:
    """Weights that were given, or equal ones of total 1: (size,)."""
    return _uniform(size) if weights is None else own(weights, _FLOAT64)


@lru_cache(maxsize=256)
def _uniform(n: int) -> Floats:
    return np.full(n, 1.0 / n)
