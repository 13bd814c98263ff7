"""Entropic transport to 50 digits, by Newton's method on the dual in mpmath: a truth that shares nothing with the library.

``min <P, C> + eps KL(P, a (x) b) + rho_1 KL(P 1, a) + rho_2 KL(P' 1, b)``, a side with an infinite rho being a constraint. Plain
Sinkhorn in doubles comes near; Newton then doubles the digits each time. How far the answer can be off is not believed but computed:
the dual value of the potentials and the objective of a feasible plan enclose it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 50


@dataclass(frozen=True)
class Enclosure:
    """``lower <= truth <= upper``, 30 digits alike."""

    lower: Any
    upper: Any

    def __float__(self):
        return float(self.lower)


def entropic_truth(x, y, a, b, epsilon, relax=(math.inf, math.inf), metric="euclidean", p=2, as_received=False):
    """The optimal value for points and weights as these doubles are; of weights over their exact sums, where none is relaxed."""
    with mpmath.workdps(DIGITS):
        return matrix_truth(costs(x, y, metric, p), a, b, epsilon, relax, as_received)


def divergence_truth(x, y, a, b, epsilon, relax=(math.inf, math.inf), metric="euclidean", p=2):
    """The debiased value: across, less half of either measure against itself, plus what unequal masses add where relaxed."""
    with mpmath.workdps(DIGITS):
        across = entropic_truth(x, y, a, b, epsilon, relax, metric, p)
        received = min(relax) < math.inf
        one = entropic_truth(x, x, a, a, epsilon, relax[:1] * 2, metric, p, received)
        other = entropic_truth(y, y, b, b, epsilon, relax[1:] * 2, metric, p, received)
        masses = mpmath.fsum(map(mpf, a)) - mpmath.fsum(map(mpf, b)) if received else mpf(0)
        more = mpf(epsilon) * masses**2 / 2
        return Enclosure(
            across.lower - (one.upper + other.upper) / 2 + more, across.upper - (one.lower + other.lower) / 2 + more
        )


def costs(x, y, metric="euclidean", p=2):
    """Powers of distances, rows of numbers of 50 digits; the exponent is the double that is handed over."""
    with mpmath.workdps(DIGITS):
        return [[_distance(metric, one, other) ** mpf(p) for other in y.tolist()] for one in x.tolist()]


def _distance(metric, one, other):
    sizes = [abs(mpf(s) - mpf(t)) for s, t in zip(one, other, strict=True)]
    if metric == "euclidean":
        return mpmath.sqrt(mpmath.fsum(size**2 for size in sizes))
    if metric == "cityblock":
        return mpmath.fsum(sizes)
    if metric == "chebyshev":
        return max(sizes)
    return mpmath.fsum(size ** mpf(metric.q) for size in sizes) ** (1 / mpf(metric.q))


def matrix_truth(C, a, b, epsilon, relax=(math.inf, math.inf), as_received=False):
    """The same for costs (n, m), numbers of any kind."""
    with mpmath.workdps(DIGITS):
        rows, columns = np.flatnonzero(a), np.flatnonzero(b)
        weights = [[mpf(float(w)) for w in np.asarray(side)[kept]] for side, kept in ((a, rows), (b, columns))]
        if min(relax) == math.inf and not as_received:
            weights = [[w / mpmath.fsum(side) for w in side] for side in weights]
        problem = _Dual([[mpf(C[i][j]) for j in columns] for i in rows], *weights, mpf(epsilon), relax)
        lower, upper = problem.ascend(problem.start())
        assert upper - lower <= mpf(10) ** -30 * (abs(upper) + problem.size), "the truth has not converged"
        slack = mpf(10) ** (3 - DIGITS) * (abs(upper) + problem.size)  # of its own arithmetic
        return Enclosure(lower - slack, upper + slack)


@dataclass
class _Dual:
    """``max a.h_1(f) + b.h_2(g) - eps (sum a_i b_j exp((f_i + g_j - c_ij)/eps) - sum a sum b)``, h(z) = z or rho (1 - exp(-z/rho))."""

    C: list
    a: list
    b: list
    epsilon: Any
    relax: tuple

    @property
    def size(self):
        return max(abs(c) for row in self.C for c in row) + self.epsilon

    def start(self):
        """A hundred sweeps in doubles."""
        C, a, b = np.array(self.C, float), np.array(self.a, float), np.array(self.b, float)
        epsilon, (one, other) = float(self.epsilon), self.relax
        f, g = np.zeros(len(a)), np.zeros(len(b))
        damped = [1.0 if math.isinf(rho) else rho / (rho + epsilon) for rho in (one, other)]
        for _ in range(100):
            f = -damped[0] * epsilon * _log_sum((g - C) / epsilon + np.log(b), 1)
            g = -damped[1] * epsilon * _log_sum((f[:, None] - C) / epsilon + np.log(a)[:, None], 0)
        return [mpf(z) for z in (*f.tolist(), *g.tolist())]

    def kernel(self, z):
        n = len(self.a)
        return [
            [w * v * mpmath.exp((z[i] + z[n + j] - self.C[i][j]) / self.epsilon) for j, v in enumerate(self.b)]
            for i, w in enumerate(self.a)
        ]

    def rhos(self):
        return [self.relax[0]] * len(self.a) + [self.relax[1]] * len(self.b)

    def value(self, z):
        gains = [v if math.isinf(rho) else -rho * mpmath.expm1(-v / rho) for v, rho in zip(z, self.rhos(), strict=True)]
        mass = mpmath.fsum(map(mpmath.fsum, self.kernel(z)))
        whole = mpmath.fsum(self.a) * mpmath.fsum(self.b)
        return mpmath.fdot(self.a + self.b, gains) - self.epsilon * (mass - whole)

    def ascend(self, z):
        """Newton's method until value and objective agree; the last potential stays where a constant does not matter."""
        free = len(z) - (min(self.relax) == math.inf)
        value = self.value(z)
        for _ in range(200):
            upper = self.objective(self.plan(z))
            if upper - value <= mpf(10) ** -34 * (abs(upper) + self.size):
                return value, upper
            step, length = self.step(z, free), mpf(1)
            while True:
                moved = [v + length * s for v, s in zip(z, step, strict=True)]
                higher = self.value(moved)
                if higher >= value - mpf(10) ** (4 - DIGITS) * (abs(value) + self.size):  # but for rounding
                    break
                length /= 2
                assert length > 1e-12, "no step of Newton's gains anything"
            z, value = moved, higher
        raise AssertionError("Newton's method has not converged")

    def step(self, z, free):
        n, rhos, weights = len(self.a), self.rhos(), self.a + self.b
        P = self.kernel(z)
        sums = [*map(mpmath.fsum, P), *map(mpmath.fsum, zip(*P, strict=True))]
        wanted = [w if math.isinf(r) else w * mpmath.exp(-v / r) for w, v, r in zip(weights, z, rhos, strict=True)]
        curvature = mpmath.matrix(free, free)
        for k in range(free):
            curvature[k, k] = sums[k] / self.epsilon + (0 if math.isinf(rhos[k]) else wanted[k] / rhos[k])
        for i in range(n):
            for j in range(n, free):
                curvature[i, j] = curvature[j, i] = P[i][j - n] / self.epsilon
        slope = mpmath.matrix([wanted[k] - sums[k] for k in range(free)])
        return [*mpmath.lu_solve(curvature, slope), *[mpf(0)] * (len(z) - free)]

    def plan(self, z):
        """A plan that meets what must be met: scaled down to the marginals, and what is then missing added as a product."""
        P, sides = self.kernel(z), (self.a, self.b)
        for side in (0, 1):
            if math.isinf(self.relax[side]):
                both = math.isinf(self.relax[1 - side])
                ratios = [w / mpmath.fsum(row) for w, row in zip(sides[side], P, strict=True)]
                P = [[min(r, mpf(1)) * v if both else r * v for v in row] for r, row in zip(ratios, P, strict=True)]
            P = list(map(list, zip(*P, strict=True)))
        if min(self.relax) < math.inf:
            return P
        rest = [[w - mpmath.fsum(row) for w, row in zip(side, t, strict=True)] for side, t in zip(sides, (P, zip(*P)))]
        missing = mpmath.fsum(rest[0]) or mpf(1)
        return [[v + r * s / missing for v, s in zip(row, rest[1], strict=True)] for row, r in zip(P, rest[0])]

    def objective(self, P):
        product = [[w * v for v in self.b] for w in self.a]
        value = mpmath.fsum(mpmath.fdot(row, cost) for row, cost in zip(P, self.C, strict=True))
        value += self.epsilon * mpmath.fsum(map(_divergence, P, product))
        for rho, weights, sums in zip(self.relax, (self.a, self.b), (P, zip(*P, strict=True)), strict=True):
            value += 0 if math.isinf(rho) else rho * _divergence([*map(mpmath.fsum, sums)], weights)
        return value


def _divergence(one, other):
    return mpmath.fsum(p * mpmath.log(p / q) - p + q for p, q in zip(one, other, strict=True))


def _log_sum(logs, axis):
    top = logs.max(axis, keepdims=True)
    return np.log(np.exp(logs - top).sum(axis)) + top.squeeze(axis)
