"""Truths that share nothing with ours: rational numbers, scipy's assignment on numbers that it handles, a plain fixed point."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np

HAND = "by hand"
CLOSED = "closed form"
RATIONAL = "all permutations in rationals"
ASSIGNED = "scipy's assignment at scale 1"
FIXED = "fixed point in long doubles"


def permuted(C: Any) -> float:
    """The least mean of a permutation's entries, in rational numbers; entries that are infinite are forbidden."""
    n = len(C)
    exact = [[Fraction(v) if math.isfinite(v) else None for v in row] for row in np.asarray(C, float).tolist()]
    sums = (
        sum(picked)
        for order in permutations(range(n))
        if None not in (picked := [exact[i][j] for i, j in enumerate(order)])
    )
    return float(min(sums) / n)  # pyright: ignore[reportOperatorIssue]


def assigned(C: Any) -> float:
    """The least mean of a permutation's entries, by scipy's assignment."""
    import scipy.optimize

    rows, columns = scipy.optimize.linear_sum_assignment(C)
    return math.fsum(np.asarray(C)[rows, columns]) / len(C)


def squares(x: Any, y: Any) -> Any:
    """Squared distances by differences, in float64."""
    x, y = (np.asarray(z, float) for z in (x, y))
    return ((x[:, None] - y) ** 2).sum(-1)


def entropic(C: Any, epsilon: float, a: Any = None, b: Any = None, relax: float = math.inf) -> float:
    """min <P, C> + epsilon KL(P, a b') + relax KL of both marginals: the primal value of :func:`fixed_point`."""
    P, a, b, C, _ = fixed_point(C, epsilon, a, b, relax)
    value = (P * C).sum() + epsilon * _kl(P, a[:, None] * b)
    return float(value if math.isinf(relax) else value + relax * (_kl(P.sum(1), a) + _kl(P.sum(0), b)))


def fixed_point(
    C: Any, epsilon: float, a: Any = None, b: Any = None, relax: float = math.inf
) -> tuple[Any, Any, Any, Any, Any]:
    """A damped fixed point in the log domain, long doubles, of rows and columns that have mass: plan, masses, costs and the second potential."""
    C = np.asarray(C, np.longdouble)
    a, b = (
        np.full(n, 1 / np.longdouble(n)) if w is None else np.asarray(w, np.longdouble) for w, n in zip((a, b), C.shape)
    )
    if math.isinf(relax):
        a, b = a / a.sum(), b / b.sum()
    damped = 1 if math.isinf(relax) else relax / (relax + epsilon)
    rows, columns = a > 0, b > 0
    C, a, b = C[np.ix_(rows, columns)], a[rows], b[columns]
    f, g = np.zeros_like(a), np.zeros_like(b)
    for _ in range(100_000):
        old = f
        f = -damped * epsilon * np.logaddexp.reduce((g - C) / epsilon + np.log(b), axis=1)
        g = -damped * epsilon * np.logaddexp.reduce((f[:, None] - C) / epsilon + np.log(a)[:, None], axis=0)
        if np.abs(f - old).max() <= 1e-17 * (1 + np.abs(f).max()):
            break
    P = np.exp((f[:, None] + g - C) / epsilon + np.log(a)[:, None] + np.log(b))
    return P, a, b, C, g


def debiased(x: Any, y: Any, epsilon: float) -> float:
    """The divergence of uniform clouds, squared Euclidean costs."""
    return entropic(squares(x, y), epsilon) - (entropic(squares(x, x), epsilon) + entropic(squares(y, y), epsilon)) / 2


def _kl(p: Any, q: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.where(p > 0, p * np.log(p / q), 0) - p + q).sum()
