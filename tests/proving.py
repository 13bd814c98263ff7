"""Assertions about results, and an independent exact solver to hold them to."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np


def assert_proven(result, truth, *, scale=None, tight=1e-12):
    """The interval holds the truth (a float, or an exact Fraction) and is no wider than ``tight`` of the scale.

    A bound that lies on the wrong side of the truth fails by any amount, however small, if the truth is exact.
    """
    size = float(scale if scale is not None else max(abs(float(truth)), abs(result.value)))
    lower, upper = Fraction(result.lower), Fraction(result.upper)
    exact = isinstance(truth, Fraction)
    slack = 0 if exact else Fraction(1e-13 * size)
    truth = Fraction(truth)
    assert lower - slack <= truth, f"lower bound {result.lower!r} is above the truth {float(truth)!r}"
    assert truth <= upper + slack, f"upper bound {result.upper!r} is below the truth {float(truth)!r}"
    assert upper - lower <= tight * size + 1e-300, f"interval of width {float(upper - lower)} for a scale of {size}"
    assert abs(Fraction(result.value) - truth) <= tight * size + 1e-300, (
        f"value {result.value!r}, truth {float(truth)!r}"
    )


def assert_coupling(plan, a, b, tolerance=1e-12):
    """The plan is non-negative and has these marginals (divided by their sums)."""
    rows, columns = plan.marginals()
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert np.abs(rows - a / a.sum()).sum() <= tolerance
    assert np.abs(columns - b / b.sum()).sum() <= tolerance
    assert (plan.todense() >= 0).all()


def assert_feasible(potentials, costs, tolerance=0.0):
    """``f_i + g_j <= c_ij`` for every pair."""
    f, g = potentials
    excess = (f[:, None] + g[None, :] - costs).max()
    assert excess <= tolerance, f"potentials exceed the cost by {excess}"


def exact_transport(costs, a, b) -> Fraction:
    """The optimum in rational arithmetic, by successive shortest paths; costs (n, m) of Fractions or None (forbidden).

    Weights are divided by their exact sums.
    """
    n, m = len(a), len(b)
    a, b = [Fraction(v) for v in a], [Fraction(v) for v in b]
    supply = [v / sum(a) for v in a]
    demand = [v / sum(b) for v in b]
    flow = [[Fraction(0)] * m for _ in range(n)]
    while any(supply):
        distance, parent = _shortest(costs, flow, supply, n, m)
        end = min((j for j in range(m) if demand[j] and distance[n + j] is not None), key=lambda j: distance[n + j])
        path = [n + end]
        while parent[path[-1]] is not None:
            path.append(parent[path[-1]])
        path.reverse()
        amount = min(supply[path[0]], demand[end])
        for u, v in itertools.pairwise(path):
            if u >= n:
                amount = min(amount, flow[v][u - n])
        for u, v in itertools.pairwise(path):
            if u < n:
                flow[u][v - n] += amount
            else:
                flow[v][u - n] -= amount
        supply[path[0]] -= amount
        demand[end] -= amount
    return sum((flow[i][j] * costs[i][j] for i in range(n) for j in range(m) if flow[i][j]), Fraction(0))


def _shortest(costs, flow, supply, n, m):
    """Bellman-Ford from every source that has supply left, in the residual graph."""
    distance = [Fraction(0) if i < n and supply[i] else None for i in range(n + m)]
    parent = [None] * (n + m)
    changed = True
    while changed:
        changed = False
        for i in range(n):
            for j in range(m):
                if costs[i][j] is None:
                    continue
                if distance[i] is not None and (distance[n + j] is None or distance[i] + costs[i][j] < distance[n + j]):
                    distance[n + j], parent[n + j], changed = distance[i] + costs[i][j], i, True
                if flow[i][j] and distance[n + j] is not None:
                    back = distance[n + j] - costs[i][j]
                    if distance[i] is None or back < distance[i]:
                        distance[i], parent[i], changed = back, n + j, True
    return distance, parent


def fractions(matrix):
    """A matrix of floats, or of Fractions, as exact Fractions; infinities become None."""
    return [[Fraction(v) if math.isfinite(v) else None for v in row] for row in np.asarray(matrix).tolist()]
