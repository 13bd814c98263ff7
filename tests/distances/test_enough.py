"""Solves that stop where a question is settled: what is then proven, what it is called, and what cannot be asked."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput, Problem, Status

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(600, 2)), RNG.normal(size=(550, 2)) * [1.5, 0.5] + 1  # more pairs than are solved in one go
KINDS = [
    (2, "euclidean"),
    (1, "euclidean"),
    (3, "cityblock"),
    (1, "sqeuclidean"),
    (1.5, otgen.Circular(4.0)),
    (12, "euclidean"),
]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def solved(request):
    p, metric = request.param
    problem = Problem.from_points(X, Y, p=p, metric=metric)
    return problem, otgen.solve(problem, throw=False)


class TestThePair:
    @pytest.mark.parametrize("share", [0.3, 0.95, 0.9999, 1.0001, 1.05, 3.0])
    @pytest.mark.by_day(18)
    def test_it_stops_on_the_right_side(self, solved, share):
        problem, whole = solved
        r = share * whole.value
        found = otgen.solve(problem, enough=(r, r), throw=False)
        assert found.upper <= r if share > 1 else found.lower >= r
        assert found.lower <= whole.upper
        assert whole.lower <= found.upper
        assert found.lower <= found.value <= found.upper
        assert found.iterations <= whole.iterations
        narrow = found.gap <= 1e-9 * found.value
        assert found.status is Status.SETTLED or narrow

    def test_a_far_one_needs_no_pivot(self, solved):
        problem, whole = solved
        found = otgen.solve(problem, enough=(0.5 * whole.value, 0.5 * whole.value))
        assert found.status is Status.SETTLED
        assert found.iterations == 0 < whole.iterations

    def test_what_the_plan_and_the_potentials_prove_is_what_is_said(self, solved):
        problem, whole = solved
        found = otgen.solve(problem, enough=(0.5 * whole.value, 0.5 * whole.value))
        rows, columns = found.plan.marginals()
        assert np.abs(rows - 1 / 600).sum() + np.abs(columns - 1 / 550).sum() < 1e-12
        f, g = found.potentials
        costs = problem.cost.block()
        assert (f[:, None] + g - costs).max() <= 1e-12 * costs.max()
        assert math.isclose(f.mean() + g.mean(), found.lower, rel_tol=1e-9)
        assert math.isclose((found.plan.todense() * costs).sum(), found.value, rel_tol=1e-9)

    def test_one_that_is_never_left_is_solved_to_the_end(self):
        problem = Problem.from_points(X, Y)
        whole, found = otgen.solve(problem), otgen.solve(problem, enough=(-math.inf, math.inf))
        assert (found.value, found.lower, found.upper, found.status) == (
            whole.value,
            whole.lower,
            whole.upper,
            Status.OPTIMAL,
        )

    def test_in_the_units_of_the_mass(self):
        costs = np.abs(X[:, None] - Y).sum(-1)
        a, b = np.full(600, 5.0), np.full(550, 3000 / 550)
        whole = otgen.transport(costs, a, b)
        found = otgen.solve(
            Problem.from_matrix(costs, a, b), mass=3000.0, enough=(0.9 * whole.value, 0.9 * whole.value)
        )
        assert found.lower >= 0.9 * whole.value
        assert found.lower <= whole.upper

    @given(scale=st.sampled_from([1e-200, 1e-3, 1.0, 1e90]), share=st.sampled_from([0.9, 1.1]))
    def test_at_any_scale(self, scale, share):
        problem = Problem.from_points(scale * X, scale * Y, p=1)
        whole = otgen.solve(problem)
        r = share * whole.value
        found = otgen.solve(problem, enough=(r, r))
        assert found.upper <= r if share > 1 else found.lower >= r
        assert found.lower <= whole.upper


class TestTheCallable:
    def test_it_is_asked_until_it_says_yes(self):
        asked = []

        def narrow(lower, upper):
            asked.append((lower, upper))
            return upper - lower < 0.05 * upper

        problem = Problem.from_points(X, Y)
        whole, found = otgen.solve(problem), otgen.solve(problem, enough=narrow)
        assert found.gap < 0.05 * found.upper
        assert found.status is Status.SETTLED
        assert found.lower <= whole.value <= found.upper
        assert asked[-1] == (found.lower, found.upper)  # proven, while those before are as the solver reckons
        assert asked[0][1] == math.inf

    def test_it_returns_a_truth_value(self):
        with pytest.raises(InvalidInput, match=r"enough\(lower, upper\) must be"):
            otgen.solve(Problem.from_points(X, Y), enough=lambda lower, upper: "no")

    def test_its_errors_are_its_own(self):
        def broken(lower, upper):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            otgen.solve(Problem.from_points(X, Y), enough=broken)


class TestOthers:
    @pytest.mark.parametrize(
        "problem",
        [
            Problem.from_points([0.0, 1.0], [2.0, 3.0]),
            Problem.from_points(X[:5], Y[:6], p=math.inf),
            Problem.from_points(X[:5], Y[:6]),
            Problem.from_matrix([[0.0, math.inf], [1.0, 1.0]]),
            Problem.from_points(X[:5], Y[:6], epsilon=0.1),
        ],
        ids=repr,
    )
    def test_they_are_solved_to_the_end(self, problem):
        whole, found = otgen.solve(problem), otgen.solve(problem, enough=(1e9, 1e9))
        assert (found.value, found.status) == (whole.value, whole.status)


@pytest.mark.parametrize("enough", [1.0, (1.0,), (2.0, 1.0), (math.nan, 1.0), "ab", (0.0, "1"), [1, 2, 3]], ids=str)
def test_what_is_no_question_is_refused(enough):
    with pytest.raises(InvalidInput, match="enough must be"):
        otgen.solve(Problem.from_points(X, Y), enough=enough)
