"""Which intervals OPTIMAL is said of, on either side of each threshold."""

import math
from dataclasses import replace

import numpy as np
import pytest

import otgen
from otgen.proofs import Certificate, keeps_promise
from otgen.proofs.promise import usual_cost

SQUARE = otgen.Problem.from_points(np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 1.0]]))  # what any pair costs is 1
LINE = otgen.Problem.from_points(np.zeros(1), np.array([1.0, -1.0]))


def promised(problem, lower, upper, *, root=False, kind="dual", scale=1.0, cost=None, unit=None):
    found = Certificate(kind, upper if cost is None else cost, lower, upper, scale, 0.0, unit=unit)
    return keeps_promise(problem, found, root=root)


@pytest.mark.parametrize("root", [True, False])
def test_beside_the_value(root):
    """Half the width, at p = 2, is that of the root."""
    assert promised(SQUARE, 1.0, 1.0 + 0.9e-10, root=root)
    assert promised(SQUARE, 1.0, 1.0 + 1.9e-10, root=root) is root
    assert not promised(SQUARE, 1.0, 1.0 + 2.1e-10, root=root)
    assert promised(SQUARE, 1.0, 1.0 + 1.9e-10, root=root, scale=2.0) is root
    assert promised(SQUARE, 100.0, 100.0 + 0.9e-8, root=root, scale=100.0)
    assert not promised(SQUARE, -math.inf, math.inf, root=root)


def test_beside_what_pairs_cost():
    """Near 0; of a scale that is none of theirs nothing is promised."""
    assert promised(SQUARE, 0.0, 0.9e-10, cost=0.0)
    assert promised(SQUARE, -2e-11, 0.9e-10, cost=0.0, scale=2.0) is False
    assert not promised(SQUARE, 0.0, 1.1e-10, cost=0.0, scale=1e6)
    assert not promised(SQUARE, 0.0, 0.9e-10, cost=0.0, scale=0.5)
    assert promised(SQUARE, 0.0, 0.9e-10, cost=0.0, root=True)
    assert promised(SQUARE, -1e-12, 0.9e-10, cost=0.0, root=True)
    assert promised(replace(SQUARE, cost=replace(SQUARE.cost, p=4.0)), 0.0, 0.9e-10, cost=0.0)
    assert not promised(replace(SQUARE, cost=replace(SQUARE.cost, p=4.0)), 0.0, 0.9e-10, cost=0.0, root=True)


@pytest.mark.parametrize(("upper", "held"), [(0.9e-5**2, True), (1.1e-5**2, False)])
def test_roots_near_0_beside_a_unit(upper, held):
    for problem, unit in ((LINE, None), (SQUARE, 1.0)):
        kind = "monotone" if unit is None else "dual"
        assert promised(problem, 0.0, upper, kind=kind, scale=1e3, unit=unit, root=True) is held
        assert promised(problem, 0.0, upper, kind=kind, scale=1e3, unit=unit)


@pytest.mark.parametrize(("width", "held"), [(1.9e-5, True), (2.1e-5, False)])
def test_roots_beside_themselves(width, held):
    assert promised(LINE, 1.0, 1.0 + width, kind="monotone", scale=1e6, root=True) is held
    assert promised(LINE, 4.0, 4.0 + 4 * width, kind="monotone", scale=4e6, root=True) is held
    assert promised(LINE, 4.0, 4.0 + 4 * width, kind="monotone", scale=4e6)


def test_in_the_unit_of_what_is_travelled():
    """At moderate orders what is not narrow there may be so beside other pairs."""
    assert promised(SQUARE, 0.0, 0.9e-2, kind="dual", unit=1e-4, cost=1e-3)
    assert not promised(SQUARE, 0.0, 1.2e-2, kind="dual", unit=1e-4, cost=1e-3)
    assert promised(SQUARE, 0.0, 0.9e-2, kind="dual", unit=1e-4, cost=1e-3, root=True)
    assert not promised(SQUARE, 1.0, 1.0 + 1e-8, kind="dual", unit=2.0, cost=1.0)
    eighth, ninth = (replace(SQUARE, cost=replace(SQUARE.cost, p=p)) for p in (8.0, 9.0))
    assert promised(eighth, 0.0, 0.9, unit=0.05)
    assert not promised(eighth, 0.0, 0.9, unit=0.05, root=True)
    assert not promised(ninth, 0.0, 0.9, unit=0.05)


@pytest.mark.parametrize("others", [316.3, 1e5])
def test_where_pairs_cost_much(others):
    """1e10 at p = 4: a width of 1 is next to nothing beside them, and the root of 1 is not, beside 316."""
    problem = otgen.Problem.from_points(np.zeros((1, 2)), np.array([[316.2278, 0.0], [0.0, others]]), p=4.0)
    assert promised(problem, 0.0, 0.9, cost=0.0, scale=1e10)
    assert not promised(problem, 0.0, 0.9, cost=0.0, scale=1e10, root=True)
    assert not promised(problem, 0.0, 1.1, cost=0.0, scale=1e12)


def test_where_pairs_say_nothing():
    """All that are looked at are forbidden, or cost nothing: the scale of the proof counts, and then what underflows."""
    forbidden, free = (otgen.Problem.from_matrix(np.full((3, 3), cost)) for cost in (math.inf, 0.0))
    assert promised(forbidden, 0.0, 0.9e-10, cost=0.0)
    assert not promised(forbidden, 0.0, 1.1e-10, cost=0.0)
    assert promised(free, 0.0, 5e-281, cost=0.0, scale=0.0)
    assert not promised(free, 0.0, 2e-280, cost=0.0)


def test_the_largest_distance_has_no_root():
    problem = otgen.Problem.from_points(np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 1.0]]), p=math.inf)
    assert promised(problem, 1.0, 1.0 + 0.9e-10, kind="cut", root=True)
    assert not promised(problem, 1.0, 1.0 + 1.9e-10, kind="cut", root=True)


class TestUsualCosts:
    def test_a_tenth_cost_less(self):
        costs = np.arange(1.0, 31.0).reshape(5, 6)
        assert usual_cost(otgen.Problem.from_matrix(costs)) == 3.0
        assert usual_cost(otgen.Problem.from_matrix(-costs)) == 3.0

    def test_of_pairs_that_cost_something_and_have_mass(self):
        costs = np.full((4, 3), 0.0)
        costs[0], costs[1] = 7.0, 5.0
        problem = otgen.Problem.from_matrix(costs, [1, 0, 1, 1], [1, 1, 1], normalize=True)
        assert usual_cost(problem) == 7.0
        assert usual_cost(otgen.Problem.from_matrix(np.zeros((2, 2)))) == 0.0

    def test_of_forbidden_pairs(self):
        costs = np.full((3, 3), math.inf)
        assert usual_cost(otgen.Problem.from_matrix(costs)) is None
        costs[1, 2] = 4.0
        assert usual_cost(otgen.Problem.from_matrix(costs)) == 4.0

    def test_points_that_differ_cost_something(self):
        x, y = np.array([[0.0, 0.0], [0.0, 1e-200]]), np.zeros((1, 2))
        problem = otgen.Problem.from_points(x, y)
        assert usual_cost(problem) == problem.cost.rounding[1] > 0
        assert usual_cost(otgen.Problem.from_points(np.full((1, 2), 1e-200), y)) > 0
        assert usual_cost(otgen.Problem.from_points(np.zeros((2, 2)), y)) == 0.0

    def test_every_so_many_points(self):
        """Of 256 and of 129 points every second, of 128 each."""
        for n, step in ((128, 1), (129, 2), (256, 2), (257, 3)):
            costs = np.full((n, 1), 1.0)
            costs[::step] = 2.0
            assert usual_cost(otgen.Problem.from_matrix(costs)) == 2.0
            assert usual_cost(otgen.Problem.from_matrix(costs.T)) == 2.0
