"""Values and intervals where epsilon is far above all costs: the product plan's mean cost, to its digits."""

import math
from fractions import Fraction

import numpy as np
import pytest

import otgen
from otgen.model.cost import MatrixCost
from otgen.model.marginals import Marginals
from otgen.model.product_plan import most_saved

X, Y = np.array([[0.0, 0.25], [1.0, 0.5], [0.5, 3.0]]), np.array([[0.0, 1.0], [2.0, 1.5]])
HUGE = (1e6, 1e8, 1e10, 1e15, 1e21, 1e200)


def _mean(x, y):
    """The exact mean of squared distances."""
    pairs = [sum((Fraction(s) - Fraction(t)) ** 2 for s, t in zip(one, other)) for one in x for other in y]
    return sum(pairs) / len(pairs)


def _holds(result, mean, epsilon):
    """Whether the interval is right and narrow: values are nearer to the mean than the squared range of costs, at most 100, over epsilon."""
    assert Fraction(result.lower) <= mean + Fraction(100) / Fraction(epsilon)
    assert Fraction(result.upper) >= mean - Fraction(100) / Fraction(epsilon)
    room = 100 / epsilon + 2e-6
    assert float(mean) - room <= result.lower <= result.value <= result.upper <= float(mean) + room


@pytest.mark.parametrize("epsilon", HUGE)
def test_values_keep_their_digits(epsilon):
    mean = _mean(X, Y)
    _holds(otgen.sinkhorn(X, Y, epsilon=epsilon), mean, epsilon)
    _holds(otgen.sinkhorn(X, Y, epsilon=epsilon, relax=(2.0, None)), mean, epsilon)
    costs = np.square(X[:, None] - Y).sum(-1)
    _holds(otgen.sinkhorn_divergence(X, Y, epsilon=epsilon), mean - (_mean(X, X) + _mean(Y, Y)) / 2, epsilon)
    moved = otgen.solve(otgen.Problem.from_matrix(costs - 2.0, epsilon=epsilon))  # negative costs
    _holds(moved, mean - 2, epsilon)


def test_the_interval_closes_with_epsilon():
    result = otgen.sinkhorn(X, Y, epsilon=1e15)
    assert result.upper - result.lower < 1e-11


def test_masses_that_are_not_one_are_not_taken_for_it():
    """The product plan then misses relaxed marginals, and says nothing."""
    result = otgen.sinkhorn(X, Y, [2.0, 2.0, 2.0], [1.0, 1.0], epsilon=1e9, relax=1.0)
    assert result.lower <= 12 * float(_mean(X, Y)) + 6 * (2 * math.log(2) - 1) + 2 * (6 * math.log(6) - 5)
    assert result.lower <= result.value <= result.upper


@pytest.mark.parametrize("relax", [math.inf, 1e-168])
def test_squares_of_tiny_costs_do_not_underflow(relax):
    """An epsilon below the costs leaves their mean no bound, in whatever unit."""
    half = np.full(2, 0.5)
    for unit in (1.0, 1e-167, 1e300):
        cost = MatrixCost(np.array([[1.0, 2.0], [2.0, 1.0]]) * unit)
        saved = most_saved(cost, Marginals(half, half, (relax, relax)), 0.01 * unit)
        assert saved == pytest.approx(unit * (12.5 if relax == math.inf else 200), rel=1e-12)
