"""Few points in whole numbers: costs, ends, plans and potentials against exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from partial_truth import rational_of_any_range
from proving import exact_transport

from otgen import Problem
from otgen.model.partial import Partial
from otgen.model.plan import SparsePlan
from otgen.model.units import scaled
from otgen.proofs import Certificate, prove_few, prove_few_in_part
from otgen.proofs.few_points import _Asked, _asked, _costs, _ends, _lengths, _shares

INF = math.inf
DIGITS = [0.1, 1 / 3, 1e-300 / 7, 1e300 / 7, -(2 / 3), 5e-324]  # none of sixty digits
DRAWN = np.random.default_rng(0).random((2, 7, 2))


def claim(shape, cost=1.0, width=1.0):
    """An interval, of some plan."""
    plan = SparsePlan(np.zeros(1, int), np.zeros(1, int), np.ones(1), shape)
    return Certificate("dual", cost, cost, cost + width, 1.0, 0.0, plan)


def asked(problem, may_stay=True, prices=None):
    n, m = problem.shape
    masses = [Fraction(1, n)] * n, [Fraction(1, m)] * m
    return _Asked(problem, masses, (Fraction(1),) * 2, prices or (np.full(n, INF), np.full(m, INF)), may_stay)


def known(found):
    assert found is not None
    return found


def ends(found, beyond, problem):
    """Lower, cost and upper in units of the problem's costs, as rationals; p is whole."""
    unit = Fraction(found.unit or 1) ** int(problem.p)
    power = (beyond + scaled(problem).cost.scale.exponent) * int(problem.p)
    return [Fraction(z) * unit * Fraction(2) ** power for z in (found.lower, found.cost, found.upper)]


class TestCosts:
    def test_listed_ones_are_exact(self):
        C = np.array([DIGITS, DIGITS[::-1]])
        found = _costs(asked(Problem.from_matrix(C)))
        exact = [{j: Fraction(z) * 2**found.bits for j, z in enumerate(row)} for row in C.tolist()]
        assert found.low[:2] == found.near[:2] == found.high[:2] == exact

    @pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
    @pytest.mark.parametrize("p", [1, 3, 7])
    def test_of_points_they_hold_powers_of_lengths(self, p, scale):
        """By a hair: of one unit, or of digits that powers round."""
        problem = Problem.from_points(DRAWN[0] * scale, DRAWN[1] * scale, p=p)
        found = _costs(asked(problem))
        for i, j, length in _lengths(problem.cost):
            low, near, high = (Fraction(z) ** p for z in (length.low, length.near, length.high))
            low_unit, near_unit, high_unit = (
                Fraction(z[i][j], 2**found.bits) for z in (found.low, found.near, found.high)
            )
            assert low * (1 - Fraction(1, 10**38)) <= low_unit < low
            assert high < high_unit <= high * (1 + Fraction(1, 10**38))
            assert abs(near_unit / near - 1) < Fraction(1, 10**38)
            truth = sum((Fraction(s) - Fraction(t)) ** 2 for s, t in zip(DRAWN[0][i] * scale, DRAWN[1][j] * scale))
            assert low_unit**2 < truth**p < high_unit**2
            assert high_unit < low_unit * (1 + Fraction(p, 10**14))

    @pytest.mark.parametrize("metric", ["euclidean", "cityblock", "cosine"])
    def test_points_that_coincide_cost_nothing(self, metric):
        x = np.array([[1e-3, 7.0], [1 / 3, 2.0]])
        found = _costs(asked(Problem.from_points(x, x, p=1, metric=metric)))
        assert [found.low[k][k] for k in (0, 1)] == [found.high[k][k] for k in (0, 1)] == [0, 0]
        assert 0 < found.low[0][1] < found.high[0][1]

    def test_of_a_callable_lengths_are_what_it_says(self):
        """In a unit of the longest the others would lose digits."""
        x, y = np.array([[1e-170 / 3, 0.0], [1e150, 0.0]]), np.zeros((1, 2))
        problem = Problem.from_points(x, y, p=1, metric=lambda x, y: np.abs(x[:, None] - y).sum(-1))
        for (*_, length), truth in zip(_lengths(problem.cost), x[:, 0].tolist(), strict=True):
            assert all(abs(Fraction(z) / Fraction(truth) - 1) < Fraction(1, 10**55) for z in length)

    def test_numbers_longer_than_megabytes_are_left(self):
        far, near = np.tile([1e308, 0.0], (9, 1)), np.zeros((9, 2))
        assert _costs(asked(Problem.from_points(far, near, p=700))) is None
        assert _costs(asked(Problem.from_points(far[:8], near, p=700))) is not None

    def test_a_pair_dearer_than_leaving_its_ends_is_left_out(self):
        problem = Problem.from_points([[0.0, 0.0], [9.0, 0.0]], [[2.0, 0.0]], p=1)
        prices = np.array([1.5, 1.5]), np.array([1.0])
        assert [sorted(row) for row in _costs(asked(problem, prices=prices)).low] == [[0, 1], [1], [0, 1]]
        assert [sorted(row) for row in _costs(asked(problem, False, prices)).low] == [[0, 1], [0, 1], [0]]


class TestEnds:
    @pytest.mark.parametrize("p", [1, 2, 5, 80, 700])
    @pytest.mark.parametrize("spread", [1, 10**9])
    def test_a_unit_is_off_by_no_more_than_the_ends_allow(self, p, spread):
        problem = Problem.from_points([[0.0, 0.0]], [[1.0, 0.0]], p=p)
        for k in range(1, 14):
            totals, per = (k**9, spread * k**9 + 1, spread**2 * k**9 + 2), 7 ** (k * p) * 3
            found = _ends(totals, per, scaled(problem))
            lower, _, upper = ends(found, found.beyond, problem)
            assert (lower <= Fraction(totals[0], per)) & (Fraction(totals[2], per) <= upper)
            assert found.upper <= Fraction(totals[2], totals[1]) * (1 + Fraction(40 * p, 10**15))

    def test_nothing_is_0(self):
        found = _ends((0, 0, 0), 3, scaled(Problem.from_points([[0.0, 0.0]], [[1.0, 0.0]])))
        assert (found.lower, found.cost, found.upper) == (0.0, 0.0, 0.0)


FLOWS = {(0, 0): Fraction(1, 3), (0, 1): Fraction(1, 3), (1, 0): Fraction(1, 3), (1, 1): Fraction(2, 3)}


class TestShares:
    def test_without_dummies(self):
        plan = _shares(FLOWS, (1, 1), (1, 1), Fraction(1, 3))
        assert (plan.rows.tolist(), plan.columns.tolist(), plan.values.tolist()) == ([0], [0], [1.0])

    def test_with_dummies(self):
        plan = _shares(FLOWS, (2, 2), (1, 1))
        assert plan.values.tolist() == [1 / 3, 1 / 3, 1 / 3, 2 / 3]


def prices_of(problem, lam, mu):
    n, m = problem.shape
    return np.broadcast_to(np.asarray(lam, float), n).copy(), np.broadcast_to(np.asarray(mu, float), m).copy()


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e90])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_all_mass(p, scale):
    """Points on an axis of a plane; potentials and plan prove the cost once more."""
    x, y = np.array([0.0, 1.5, 4.0, 9.0]) * scale, np.array([0.5, 3.0, 8.5]) * scale
    a, b = [1.0, 2.0, 0.5, 0.5], [1.25, 1.0, 1.75]
    problem = Problem.from_points(np.c_[x, 0 * x], np.c_[y, 0 * y], a, b, p=p)
    held = scaled(problem)
    found, beyond = known(prove_few(problem, held, claim(problem.shape)))
    costs = [[abs(Fraction(s) - Fraction(t)) ** p for t in y] for s in x]
    truth = exact_transport(costs, [Fraction(z) for z in a], [Fraction(z) for z in b])
    lower, cost, upper = ends(found, beyond, problem)
    assert lower <= truth <= upper
    assert upper - lower <= cost / 10**13
    assert found.marginal_error <= 1e-15
    in_floats = [[float(z / Fraction(2) ** (held.cost.scale.exponent * p)) for z in row] for row in costs]
    f, g = known(found.potentials)
    assert (np.asarray(in_floats) - f[:, None] - g >= -1e-13).all()
    value = np.dot(a, f) / 4 + np.dot(b, g) / 4
    assert value == pytest.approx(float(truth / Fraction(2) ** (held.cost.scale.exponent * p)), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e90])
@pytest.mark.parametrize(
    ("a", "b", "amount"),
    [
        ([0.25, 0.125, 0.5], [0.125, 0.375], None),
        ([0.25, 0.125, 100.0], [0.125, 0.375], None),
        ([0.25, 0.125, 0.5], [0.125, 100.0], None),
        ([0.03125, 0.015625, 12.5], [0.015625, 0.046875], None),
        ([0.25, 0.125, 0.5], [0.125, 0.375], 0.375),
        ([0.5, 0.25, 0.5], [0.75, 0.5], 1.0),
    ],
)
def test_a_part(a, b, amount, scale):
    """What stays is in the plan, of masses that no other side can take too; potentials are worth what staying costs."""
    x, y, p = np.array([0.0, 1.5, 4.0]) * scale, np.array([0.5, 2.5]) * scale, 2
    lam, mu = np.array([1.0, 0.5, 0.75]) * scale**2, np.array([0.25, 1.25]) * scale**2
    problem = Problem.from_points(np.c_[x, 0 * x], np.c_[y, 0 * y], a, b, p=p, normalize=True)
    wanted = Partial(problem, (lam, mu), amount)
    posed, held = wanted.posed, scaled(wanted.posed.problem)
    found, beyond = known(prove_few_in_part(wanted, held, claim(posed.problem.shape)))
    costs = [[abs(Fraction(s) - Fraction(t)) ** p for t in y] for s in x]
    truth = rational_of_any_range(costs, a, b, lam, mu, amount)
    lower, cost, upper = ends(found, beyond, posed.problem)
    assert lower <= truth <= upper
    assert upper - lower <= cost / 10**13
    assert found.marginal_error <= 1e-15
    if amount is None:
        unit = 2.0 ** (held.cost.scale.exponent * p)
        f, g = (z[:k] * unit for z, k in zip(found.potentials, (3, 2)))
        C = np.array(costs, float)
        least = [C - f[:, None] - g, lam - f, mu - g]
        assert all((slack >= -1e-12 * scale**2).all() for slack in least)
        assert np.dot(a, f) + np.dot(b, g) == pytest.approx(float(truth), rel=1e-12)


class TestWhatIsLeftAlone:
    def test_what_is_narrow(self):
        problem = Problem.from_points([[0.0, 0.0]], [[1.0, 0.0]])
        for cost in (0.0, 1.0):
            assert prove_few(problem, scaled(problem), claim((1, 1), cost, 0.0)) is None
        assert prove_few(problem, scaled(problem), claim((1, 1), INF)) is not None

    def test_many_points(self):
        problem = Problem.from_points(np.eye(70, 2), np.ones((70, 2)))
        assert prove_few(problem, scaled(problem), claim((70, 70))) is None

    def test_where_nothing_moves(self):
        problem = Problem.from_points([[0.0, 0.0]], [[1.0, 0.0]], [1.0], [1.0], normalize=True)
        wanted = Partial(problem, (np.ones(1), np.ones(1)), 0.0)
        held = scaled(wanted.posed.problem)
        assert prove_few_in_part(wanted, held, claim((2, 2), 2.0, 0.0)) is None
        found, beyond = known(prove_few_in_part(wanted, held, claim((2, 2))))
        assert ends(found, beyond, wanted.posed.problem)[1] == pytest.approx(2, rel=1e-14)

    def test_where_all_of_a_mass_moves(self):
        problem = Problem.from_points([[0.0, 0.0]], [[3.0, 0.0]], [2.0], [1.0], p=1, normalize=True)
        wanted = Partial(problem, (np.ones(1), np.ones(1)), 1.0)
        found, beyond = known(prove_few_in_part(wanted, scaled(wanted.posed.problem), claim((2, 2))))
        lower, _, upper = ends(found, beyond, wanted.posed.problem)
        assert lower <= 4 <= upper < 4 + 1e-13

    def test_totals_that_count_as_one(self):
        """Of all digits they differ, so that something would stay that must not."""
        points = np.array([[0.0, 0.0], [1.0, 0.0]])
        for b, known in (([0.5, 0.5], True), ([0.5, 0.5 + 1e-16], False)):
            problem = Problem.from_points(points, points, [0.5, 0.5], b, normalize=True)
            assert (_asked(Partial(problem, (np.full(2, INF),) * 2)) is not None) == known
