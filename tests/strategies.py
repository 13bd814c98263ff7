"""Hypothesis strategies that make a problem together with its exact answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import otgen

METRICS = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3)]
ORDERS = [1, 1.5, 2, 3]


def distance(metric: Any, v: np.ndarray) -> float:
    """The length of a vector under a metric, by its definition."""
    v = np.abs(np.asarray(v, float))
    if metric == "euclidean":
        return float(np.sqrt((v**2).sum()))
    if metric == "cityblock":
        return float(v.sum())
    if metric == "chebyshev":
        return float(v.max())
    return float((v**metric.q).sum() ** (1 / metric.q))


@st.composite
def clouds(draw, dim=None, size=None, weighted=None):
    """(points, weights): dyadic coordinates, so that sums and differences of them are exact."""
    d = draw(st.integers(1, 4)) if dim is None else dim
    n = draw(st.integers(1, 12)) if size is None else size
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.integers(-64, 64, (n, d)) / 16
    if weighted is None:
        weighted = draw(st.booleans())
    return points, (rng.integers(1, 9, n) / 8.0 if weighted else None)


@dataclass
class Known:
    """A problem and its answer."""

    x: np.ndarray
    y: np.ndarray
    a: Any
    b: Any
    metric: Any
    p: float
    value: float

    def solve(self, **options):
        return otgen.wasserstein(self.x, self.y, self.a, self.b, p=self.p, metric=self.metric, **options)


@st.composite
def translations(draw):
    """A cloud against itself moved by v: W_p = |v|."""
    x, a = draw(clouds())
    metric, p = draw(st.sampled_from(METRICS)), draw(st.sampled_from(ORDERS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    v = rng.integers(-32, 33, x.shape[1]) / 8
    return Known(x, x + v, a, a, metric, p, distance(metric, v))


@st.composite
def diracs(draw):
    """A point mass against a cloud: W_p^p is the mean of the p-th powers of the distances."""
    y, b = draw(clouds())
    metric, p = draw(st.sampled_from(METRICS)), draw(st.sampled_from(ORDERS))
    x = np.zeros((1, y.shape[1]))
    weights = np.ones(len(y)) if b is None else b
    powers = np.array([distance(metric, row) ** p for row in y])
    return Known(x, y, None, b, metric, p, float(np.average(powers, weights=weights) ** (1 / p)))


@st.composite
def permutations(draw):
    """A cloud against itself in another order: 0."""
    x, a = draw(clouds())
    order = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).permutation(len(x))
    metric, p = draw(st.sampled_from(METRICS)), draw(st.sampled_from(ORDERS))
    return Known(x, x[order], a, None if a is None else a[order], metric, p, 0.0)


@st.composite
def lines(draw):
    """Equally many uniform points on a line: sorted against sorted."""
    n = draw(st.integers(1, 12))
    x, _ = draw(clouds(dim=1, size=n, weighted=False))
    y, _ = draw(clouds(dim=1, size=n, weighted=False))
    p = draw(st.sampled_from(ORDERS))
    value = float((np.abs(np.sort(x, axis=0) - np.sort(y, axis=0)) ** p).mean() ** (1 / p))
    return Known(x, y, None, None, draw(st.sampled_from(METRICS)), p, value)


@st.composite
def products(draw):
    """Product measures: W_2^2 adds up over the factors, each of them on a line."""
    factors = [draw(lines()) for _ in range(2)]
    square = sum(((np.sort(k.x, axis=0) - np.sort(k.y, axis=0)) ** 2).mean() for k in factors)
    grids = [
        np.array([(s[0], t[0]) for s in first for t in second]) for first, second in zip(*((k.x, k.y) for k in factors))
    ]
    return Known(*grids, None, None, "euclidean", 2, float(np.sqrt(square)))


def known():
    """Any of the above."""
    return st.one_of(translations(), diracs(), permutations(), lines(), products())
