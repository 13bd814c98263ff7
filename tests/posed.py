"""Problems of every kind, at any power of two, each with a truth that shares nothing with the library."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse
from entropic_truth import matrix_truth
from proving import exact_transport, fractions
from scipy.sparse.csgraph import maximum_flow

import otgen

EXACT, LINE, CIRCLE, FURTHEST, FURTHEST_ON_LINE, ENTROPIC = (
    "exact",
    "line",
    "circle",
    "furthest",
    "furthest on the line",
    "entropic",
)


@dataclass(frozen=True)
class Example:
    """A problem at any power of two of its points or costs, and what it is by definition."""

    kind: str
    make: Callable[[float], otgen.Problem]
    costs: np.ndarray
    a: np.ndarray
    b: np.ndarray
    p: float = 1.0
    epsilon: float = 0.0
    relax: tuple[float, float] = (math.inf, math.inf)

    @property
    def forbids(self):
        """Whether some pairs are forbidden."""
        return bool(np.isinf(self.costs).any())

    @cached_property
    def truth(self):
        """Lower and upper ends of the optimal cost, by rational arithmetic, by maximal flows, or to 50 digits."""
        if self.epsilon:
            largest = self.costs[np.isfinite(self.costs)].max()
            far = np.where(np.isinf(self.costs), largest + 80 * self.epsilon, self.costs)  # exp(-80) is nothing
            found = matrix_truth(far.tolist(), self.a, self.b, self.epsilon, self.relax)
            return float(found.lower), float(found.upper)
        value = furthest(self.costs, self.a, self.b) if math.isinf(self.p) else cheapest(self.costs, self.a, self.b)
        return value, value


def cheapest(costs, a, b):
    """The least cost of any plan, as a fraction."""
    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    return exact_transport(fractions(costs[np.ix_(rows, columns)]), a[rows].tolist(), b[columns].tolist())


def furthest(distances, a, b):
    """The least t such that all mass, in whole numbers, flows along pairs at most t apart."""
    n, m = distances.shape
    supply, demand = (np.rint(4096 * side).astype(int) for side in (a * b.sum(), b * a.sum()))
    for t in np.unique(distances):
        capacities = np.zeros((n + m + 2, n + m + 2), np.int32)
        capacities[n + m, :n], capacities[n : n + m, n + m + 1] = supply, demand
        capacities[:n, n : n + m] = (distances <= t) * supply[:, None]
        if maximum_flow(scipy.sparse.csr_array(capacities), n + m, n + m + 1).flow_value == supply.sum():
            return t
    raise AssertionError("some threshold lets everything through")


def powers(x, y, metric, p):
    """Costs of points with dyadic coordinates; none of them is rounded."""
    steps = np.abs(x[:, None] - y)
    if isinstance(metric, otgen.Circular):
        steps = np.minimum(steps % metric.period, metric.period - steps % metric.period)
        return (steps**2).sum(-1) ** (p / 2) if x.shape[1] > 1 else steps[..., 0] ** p
    if metric == "euclidean":
        return (steps**2).sum(-1) ** (p / 2) if x.shape[1] > 1 else steps[..., 0] ** (1 if math.isinf(p) else p)
    lengths = steps.max(-1) if metric == "chebyshev" else steps.sum(-1)
    return lengths if math.isinf(p) else lengths**p


def of_points(kind, d, metric="euclidean", p=2.0, m=7, epsilon=0.0, relax=(math.inf, math.inf), seed=0):
    """Between points, some in one place, one on either side without mass."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-16, 16, (6, d)) / 8, rng.integers(-16, 16, (m, d)) / 8
    x[1] = x[0]
    a, b = rng.integers(1, 9, 6) / 8, rng.integers(1, 9, m) / 8
    a[2], b[m // 2] = 0.0, (0.0 if m > 1 else 1.0)
    a, b = (a, b) if epsilon and min(relax) < math.inf else (a * b.sum(), b * a.sum())
    function = (lambda u, v: np.abs(u[:, None] - v).sum(-1)) if metric == "callable" else metric

    def make(scale):
        named = otgen.Circular(metric.period * scale) if isinstance(metric, otgen.Circular) else function
        posed = otgen.Problem.from_points(x * scale, y * scale, a, b, p=p, metric=named, normalize=True)
        return (
            replace(posed, epsilon=epsilon * scale**p, relax=tuple(rho * scale**p for rho in relax))
            if epsilon
            else posed
        )

    return Example(kind, make, powers(x, y, metric, p), a, b, p, epsilon, relax)


def of_matrix(kind, forbidden=0.0, epsilon=0.0, sparse=False):
    """Between rows and columns, some pairs forbidden; the costs of a dense matrix may be negative."""
    rng = np.random.default_rng(0)
    costs = rng.integers(1 if sparse else -16, 64, (6, 7)) / 8
    costs[rng.random((6, 7)) < forbidden] = math.inf
    if 0 < forbidden < 0.5:
        costs[0], costs[:, 0] = 1.0, 2.0  # so that there is a plan
    a, b = rng.integers(1, 9, 6) / 8, rng.integers(1, 9, 7) / 8
    a, b = a * b.sum(), b * a.sum()

    def make(scale):
        matrix = scipy.sparse.csr_array(np.where(np.isinf(costs), 0.0, costs) * scale) if sparse else costs * scale
        return replace(otgen.Problem.from_matrix(matrix, a, b), epsilon=epsilon * scale)

    return Example(kind, make, costs, a, b, epsilon=epsilon)


def of_itself():
    """A measure against itself, which entropic solvers are told."""
    rng = np.random.default_rng(0)
    x, a = rng.integers(-16, 16, (6, 2)) / 8, rng.integers(1, 9, 6) / 8

    def make(scale):
        return replace(otgen.Problem.from_points(x * scale, x * scale, a, a), epsilon=scale**2 / 2, symmetric=True)

    return Example(ENTROPIC, make, powers(x, x, "euclidean", 2.0), a, a, 2.0, 0.5)


PROBLEMS = {
    "line": of_points(LINE, 1, p=1.0),
    "line, cubed": of_points(LINE, 1, p=3.0),
    "line, furthest": of_points(FURTHEST_ON_LINE, 1, p=math.inf),
    "circle": of_points(CIRCLE, 1, metric=otgen.Circular(2.75), p=1.0),
    "circle, cubed": of_points(CIRCLE, 1, metric=otgen.Circular(2.75), p=3.0),
    "plane": of_points(EXACT, 2),
    "space": of_points(EXACT, 3, metric="chebyshev", p=1.0),
    "callable": of_points(EXACT, 2, metric="callable", p=1.0),
    "one target": of_points(EXACT, 2, m=1),
    "matrix": of_matrix(EXACT),
    "forbidden pairs": of_matrix(EXACT, forbidden=0.4),
    "sparse matrix": of_matrix(EXACT, forbidden=0.4, sparse=True),
    "plane, furthest": of_points(FURTHEST, 2, metric="cityblock", p=math.inf),
    "entropic": of_points(ENTROPIC, 2, epsilon=0.5),
    "entropic, line": of_points(ENTROPIC, 1, p=1.0, epsilon=0.5),
    "entropic, matrix": of_matrix(ENTROPIC, epsilon=0.5),
    "entropic, forbidden pairs": of_matrix(ENTROPIC, forbidden=0.4, epsilon=0.5),
    "entropic, symmetric": of_itself(),
    "relaxed": of_points(ENTROPIC, 2, epsilon=0.5, relax=(2.0, 3.0)),
    "half relaxed": of_points(ENTROPIC, 2, epsilon=0.5, relax=(math.inf, 3.0)),
}
NO_PLAN = {
    "no plan": of_matrix(EXACT, forbidden=0.9),
    "entropic, no plan": of_matrix(ENTROPIC, forbidden=0.9, epsilon=0.5),
}
KINDS = {problem.kind for problem in PROBLEMS.values()}
