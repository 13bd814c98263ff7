"""Judges that share nothing with the library: rational numbers where problems are small, HiGHS beyond, mpmath for roots."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import scipy.optimize
import scipy.sparse
from line_truth import line_truth
from proving import exact_transport

DIGITS = 60
FEW = 20  # pairs up to which rational arithmetic is quick
HIGHS = 1e-7  # of the largest cost: what HiGHS is off by at most, as its tolerances say


def fraction(number: Any) -> Fraction:
    """An mpmath number as the fraction that it is."""
    if isinstance(number, int | float | Fraction):
        return Fraction(number)
    sign, man, exp, _ = number._mpf_
    return Fraction(-man if sign else man) * Fraction(2) ** exp


def real(number: Any) -> Any:
    """A number as mpmath has it, at the working precision."""
    return mpmath.mpf(number.numerator) / number.denominator if isinstance(number, Fraction) else mpmath.mpf(number)


def finite(nested: Any) -> bool:
    """Whether all of a nested list are finite numbers."""
    if isinstance(nested, list):
        return all(map(finite, nested))
    return nested is not None and math.isfinite(nested)


def rows(values: Any) -> list:
    """Points (n,) or (n, d) as n lists of fractions."""
    return [[Fraction(v) for v in row] if isinstance(row, list) else [Fraction(row)] for row in values]


def cost(x: list, y: list, metric: Any, p: float) -> Fraction:
    """What a pair of points costs: exact where it is rational, else to 60 digits."""
    if metric == "cosine":
        return _cosine(x, y)
    if metric == "great_circle":
        return _power(_great_circle(x, y), p)
    steps = [abs(s - t) for s, t in zip(x, y, strict=True)]
    if metric == "circular":
        steps = [min(s % 24, 24 - s % 24) for s in steps]
    if metric in ("euclidean", "circular", "sqeuclidean"):
        square = sum((s * s for s in steps), Fraction(0))
        power = 2.0 if metric == "sqeuclidean" else p
        if power % 2 == 0:
            return square ** int(power // 2)
        return _power(mpmath.sqrt(real(square)), 1.0 if math.isinf(p) else p)
    length = sum(steps, Fraction(0)) if metric == "cityblock" else max(steps)
    if metric == "minkowski":
        length = fraction(mpmath.cbrt(real(sum((s**3 for s in steps), Fraction(0)))))
    if math.isinf(p):
        return length
    return length ** int(p) if p == int(p) else _power(real(length), p)


def _power(length: Any, p: float) -> Fraction:
    return fraction(length if math.isinf(p) else length ** mpmath.mpf(p))


def _cosine(x: list, y: list) -> Fraction:
    one, other = (mpmath.sqrt(real(sum((v * v for v in z), Fraction(0)))) for z in (x, y))
    return fraction(1 - real(sum((s * t for s, t in zip(x, y)), Fraction(0))) / (one * other))


def _great_circle(x: list, y: list) -> Any:
    (u, v), (s, t) = (map(real, z) for z in (x, y))
    return 2 * mpmath.asin(
        mpmath.sqrt(
            min(
                mpmath.mpf(1),
                mpmath.sin((u - s) / 2) ** 2 + mpmath.cos(u) * mpmath.cos(s) * mpmath.sin((v - t) / 2) ** 2,
            )
        )
    )


def costs_of(x: Any, y: Any, metric: Any, p: float) -> list:
    """All pairs of points, fractions (n, m)."""
    with mpmath.workdps(DIGITS):
        one, other = rows(x), rows(y)
        return [[cost(s, t, metric, p) for t in other] for s in one]


def shares(values: Any, n: int) -> list:
    """Weights over their exact sum."""
    held = [Fraction(1)] * n if values is None else [Fraction(v) for v in values]
    total = sum(held)
    return [v / total for v in held]


def cheapest(costs: list, a: list, b: list) -> Fraction | None:
    """The least cost of a plan; None where forbidden pairs (None) leave no plan."""
    live, wanted = [i for i, w in enumerate(a) if w], [j for j, w in enumerate(b) if w]
    kept = [[costs[i][j] for j in wanted] for i in live]
    if len(live) == 1 or len(wanted) == 1:
        flows = [(kept[i][j], a[live[i]] * b[wanted[j]]) for i in range(len(live)) for j in range(len(wanted))]
        return None if any(c is None for c, _ in flows) else sum((c * w for c, w in flows), Fraction(0))
    try:
        return exact_transport(kept, [a[i] for i in live], [b[j] for j in wanted])
    except ValueError:  # nothing can be reached any more
        return None


def furthest(costs: list, a: list, b: list) -> Fraction:
    """The least t such that all mass can move along pairs at most t apart."""
    levels = sorted({c for row in costs for c in row})
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        allowed = [[Fraction(0) if c <= levels[middle] else None for c in row] for row in costs]
        low, high = (low, middle) if cheapest(allowed, a, b) is not None else (middle + 1, high)
    return levels[low]


def by_highs(costs: np.ndarray, a: np.ndarray, b: np.ndarray) -> float | None:
    """The least cost by a linear program, in doubles; None where it does not say."""
    n, m = costs.shape
    left = scipy.sparse.kron(scipy.sparse.eye_array(n), np.ones((1, m)))
    right = scipy.sparse.kron(np.ones((1, n)), scipy.sparse.eye_array(m))
    sums = np.concatenate([a / a.sum(), b / b.sum()])
    found = scipy.optimize.linprog(
        costs.ravel(), A_eq=scipy.sparse.vstack([left, right]).tocsr(), b_eq=sums, method="highs"
    )
    return float(found.fun) if found.status == 0 else None


def on_the_line(x: Any, y: Any, a: Any, b: Any, p: float) -> Fraction:
    """W_p on the line, of any number of points, to 60 digits."""
    sides = []
    for points, weights in ((x, a), (y, b)):
        flat = [v[0] if isinstance(v, list) else v for v in points]
        sides.append([*zip(*((v, w) for v, w in zip(flat, weights or [1] * len(flat)) if w))])
    (one, left), (other, right) = sides
    return fraction(line_truth(one, other, left, right, p))


def root(value: Fraction, p: float) -> Fraction:
    """The p-th root, to 60 digits."""
    with mpmath.workdps(DIGITS):
        return value if p == 1 or not value else fraction(real(value) ** (1 / mpmath.mpf(p)))


def small(n: int, m: int) -> bool:
    """Whether rational arithmetic is quick enough."""
    return n * m <= FEW


def product(costs: list, a: list, b: list) -> Fraction:
    """What the plan that pairs all with all costs."""
    return sum((c * s * t for row, s in zip(costs, a) for c, t in zip(row, b)), Fraction(0))


def pairs(n: int) -> Any:
    """Pairs of different indices."""
    return itertools.combinations(range(n), 2)
