"""The choice of a solver, as its table says."""

import math

import numpy as np
import pytest

import otgen
from otgen.solvers import Auto

X, Y = np.random.default_rng(0).random((2, 6, 2))
MANY = np.linspace(0, 1, 260)
MATRIX = otgen.Problem.from_matrix(np.ones((3, 3)))


def points(x, y, **options):
    return otgen.Problem.from_points(x, y, **options)


@pytest.mark.parametrize(
    ("problem", "name"),
    [
        (points(X, Y, epsilon=0.1), "Sinkhorn"),
        (points(X[:, 0], Y[:, 0], epsilon=0.1), "Sinkhorn"),
        (otgen.Problem.from_matrix(np.ones((3, 3)), epsilon=0.1), "Sinkhorn"),
        *((points(X[:, 0], Y[:, 0], p=p), "Line") for p in (1, 1.5, 2, 1e4, math.inf)),
        *((points(X[:, :1], Y[:, :1], p=1, metric=metric), "Line") for metric in ("cityblock", "sqeuclidean")),
        (points(X, Y, p=math.inf), "Bottleneck"),
        (points(X, Y, p=math.inf, metric="chebyshev"), "Bottleneck"),
        (points(X, Y), "Simplex"),
        (MATRIX, "Simplex"),
        *((points(MANY, MANY**2, p=p, metric=otgen.Circular(1.0)), "Circle") for p in (1, 1.5, 2)),
        (points(X[:, 0], Y[:, 0], p=1, metric=otgen.Circular(1.0)), "Circle"),
        (points(X[:, 0], Y[:, 0], p=2, metric=otgen.Circular(1.0)), "Simplex"),  # whose intervals are narrower
        (points(X, Y, metric=otgen.Circular(1.0)), "Simplex"),
        # With one coordinate, but no cost that grows with the difference: sorting does not solve these.
        (points(X[:, 0], Y[:, 0], p=1, metric="cosine"), "Simplex"),
        (points(X[:, 0], Y[:, 0], p=1, metric=lambda x, y: np.abs(x - y.T)), "Simplex"),
        (points(X[:, 0], Y[:, 0], p=math.inf, metric=otgen.Circular(1.0)), "Bottleneck"),
    ],
)
def test_the_table(problem, name):
    auto = Auto()
    assert type(auto.choose(problem)[0]).__name__ == name
    assert auto.explain(problem).startswith(f"{name}: ")
    assert otgen.solve(problem).solver == name
