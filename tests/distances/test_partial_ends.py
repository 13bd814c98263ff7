"""Transport between unequal masses where it ends: nothing moves or all does, no points, masses far apart, forbidden pairs."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import example, given
from hypothesis import strategies as st
from partial_truth import INF, A, B, X, Y, assert_accounts, definition, problems, rational_of_any_masses
from proving import assert_proven
from scipy.spatial.distance import cdist

import otgen
from otgen import Infeasible, InvalidInput, Status, partial_wasserstein, transport


class TestEnds:
    """Where nothing moves, where all does, and masses, points and prices of any scale."""

    def test_nothing_moves(self):
        for asked in (dict(mass=0), dict(mass=0.0, penalty=0.0)):
            result = partial_wasserstein(X, Y, A, B, **asked)
            assert result.mass == result.value == result.lower == result.upper == 0.0
            assert result.status.name == "OPTIMAL"
            assert result.plan.todense().sum() == 0.0
            assert [side.tolist() for side in result.unmatched] == [A, B]
        dear = partial_wasserstein(
            X, np.add(Y, 1.0), A, B, penalty=1e-9
        )  # far below every cost, and proven to its own digits
        assert dear.mass == 0.0
        assert_proven(dear, np.sqrt(7e-9), tight=1e-11)
        with pytest.raises(InvalidInput, match="have a plan to be plotted"):
            dear.plot()

    def test_an_amount_of_nothing_costs_the_prices_alone(self):
        """Costs of hundreds leave no rounding behind, and the derivative in the amount is that of the first unit that would move."""
        x, y = np.random.default_rng(0).normal(size=(2, 30, 160))
        nearest = ((x[:, None] - y) ** 2).sum(-1).min()
        free = partial_wasserstein(x, y, mass=0)
        assert (free.value, free.lower, free.upper, free.status.name) == (0.0, 0.0, 0.0, "OPTIMAL")
        assert free.gradients().mass == pytest.approx(nearest)
        priced = partial_wasserstein(x, y, mass=0, penalty=(2, 3))
        assert_proven(priced, np.sqrt(5), tight=1e-13)
        assert priced.gradients().mass == pytest.approx(nearest - 5)
        assert [side[0] for side in priced.potentials] == [2.0, 3.0]
        assert transport([[-1.0, 2.0], [0.0, INF]], [1, 1], [2, 3], mass=0).gradients().mass == -1.0
        assert transport([[INF]], [1.0], [2.0], mass=0, penalty=1).value == 3.0

    @pytest.mark.parametrize("asked", [dict(mass=0), dict(mass=1, solver="simplex"), dict(penalty=1, solver="simplex")])
    def test_results_travel_to_other_processes(self, asked):
        result = partial_wasserstein(X, Y, A, B, **asked)
        again = pickle.loads(pickle.dumps(result))
        assert again.value == result.value
        assert (again.gradients().x == result.gradients().x).all()

    @pytest.mark.parametrize("line", [False, True])
    def test_an_infinite_penalty_is_balanced_transport(self, line):
        x, y = (np.array(z)[:, 0] if line else np.array(z) for z in (X, Y))
        plain = otgen.wasserstein(x, y, A, [3, 1])
        for penalty in (INF, (INF, 1.0), (0.0, INF), 1e10):
            result = partial_wasserstein(x, y, A, [3, 1], penalty=penalty)
            assert_proven(result, 2.0 * plain.value)
            assert result.solver == plain.solver
            assert result.mass == 4.0
            assert [side.tolist() for side in result.unmatched] == [[0, 0, 0], [0, 0]]
            dual = np.dot(A, result.potentials[0]) + np.dot([3, 1], result.potentials[1])
            assert dual == pytest.approx(result.cost, rel=1e-6 if penalty == 1e10 else 1e-12)
        assert_proven(partial_wasserstein(x, y, A, [3, 1], mass=4), 2.0 * plain.value)
        assert partial_wasserstein(x, x, A, A, penalty=INF).upper == 0.0

    def test_infinite_penalties_of_some_points(self):
        lam, mu = [INF, 1.0, 1.0], [1.0, INF]
        truth = definition(cdist(X, Y) ** 2, A, B, [1e4, 1, 1], [1, 1e4])
        result = partial_wasserstein(X, Y, A, B, penalty=(lam, mu))
        assert_proven(result, np.sqrt(truth), tight=1e-7)
        assert result.unmatched[0][0] == result.unmatched[1][1] == 0.0
        assert transport(cdist(X, Y) ** 2, A, B, penalty=(lam, mu)).value == pytest.approx(truth, abs=1e-7)

    @pytest.mark.parametrize("points", [1e-200, 1e-20, 1.0, 1e100])
    @pytest.mark.parametrize("masses", [1e-290, 1e-20, 1.0, 1e290])
    def test_any_scale(self, points, masses):
        x, y, a, b = np.multiply(X, points), np.multiply(Y, points), np.multiply(A, masses), np.multiply(B, masses)
        for price in (0.1, 2.0, 1e6):
            truth, exponent = definition(cdist(X, Y), A, B, price, price), np.log10(points) + np.log10(masses)
            if exponent > 300:
                with pytest.raises(
                    InvalidInput, match="below the largest float; received costs and penalties beyond it"
                ):
                    partial_wasserstein(x, y, a, b, p=1, penalty=price * points)
                continue
            result = partial_wasserstein(x, y, a, b, p=1, penalty=price * points)
            assert result.lower <= result.value <= result.upper
            if exponent > -300:
                assert result.value / points / masses == pytest.approx(truth, rel=1e-12)
                assert result.upper - result.lower <= 1e-12 * result.value

    def test_prices_far_above_and_far_below_the_costs(self):
        for price in (1e-20, 1e30, 1e300):
            result = partial_wasserstein(X, Y, A, B, penalty=price, p=1)
            expected = 5 * price if price < 1 else price + 2.0
            assert_proven(result, expected, tight=1e-12 if price > 1 else 1e-7)
        tiny = partial_wasserstein(np.multiply(X, 1e-200), np.multiply(Y, 1e-200), A, B, penalty=([1.0, 2.0, 3.0], 1.0))
        assert_proven(tiny, 1.0)

    @given(
        problems(),
        st.sampled_from([("sqeuclidean", 1), ("euclidean", 2)]),
        st.integers(-180, 180),
        st.integers(-900, 900),
    )
    @example(
        ([[2.75, 1.0]], [[0.0, -1.875], [-1.625, -3.75]], np.ones(1), np.array([1.0, 0.25]), [4.5], [3.5, 5.0]),
        ("sqeuclidean", 1),
        *(179, -664),
    )  # prices that underflow beside the costs
    def test_prices_of_any_size_beside_costs_of_any_size(self, given_, named, of_points, of_prices):
        x, y, a, b, lam, mu = given_
        metric, p = named
        lam, mu = np.ldexp(lam, of_prices), np.ldexp(mu, of_prices)
        result = partial_wasserstein(
            np.ldexp(x, of_points), np.ldexp(y, of_points), a, b, penalty=(lam, mu), mass=0, p=p, metric=metric
        )
        truth = float(a @ lam + b @ mu)
        assert result.cost_lower <= truth <= result.cost_upper

    @pytest.mark.parametrize("of", ["cost", "value"])
    def test_derivatives_beyond_all_floats_are_infinite_and_none_is_nan(self, of):
        for result in (
            partial_wasserstein([0.0], [5e-5], penalty=1, p=75),
            partial_wasserstein([0.0, 1.0], [1e300], [1, 2], [1e-300], mass=1e-300),
            partial_wasserstein([0.0, 1.0], [1.5], [1, 2], [1e250], mass=1e-300),
            partial_wasserstein([1e300], [-1e300], [1], [1], penalty=INF, p=1.0),
        ):
            found = result.gradients(of)
            parts = [found.x, found.y, found.a, found.b, *(() if found.mass is None else (np.array(found.mass),))]
            assert not any(np.isnan(part).any() for part in (*parts, *result.potentials))

    def test_an_amount_is_not_lost_beside_the_heavier_side(self):
        C = np.array([[-2.0, 1.0], [0.5, -1.0], [3.0, -2.0]])
        for share in (1e-300, 1e-30, 1e-5):
            result = transport(C, [0.1, 0.9, 0.5], [1e250, 1e262], mass=share)
            assert result.plan.todense().sum() <= 1 + 1e-12
            assert result.status is Status.OPTIMAL
            assert result.cost_lower <= -2 * share <= result.cost_upper

    def test_points_that_coincide(self):
        result = partial_wasserstein(
            np.ones((3, 2)), np.ones((2, 2)), np.ones(3), np.ones(2), penalty=([3.0, 1.0, 2.0], 1.0)
        )
        assert_proven(result, 1.0)
        assert result.unmatched[0].tolist() == [0.0, 1.0, 0.0]
        many = np.random.default_rng(0).integers(0, 3, (400, 2)).astype(float)
        prices = np.random.default_rng(1).random(400)
        found = partial_wasserstein(many, many[:300], np.ones(400), np.ones(300), penalty=(prices, 9.0))
        assert found.unmatched[0].sum() == pytest.approx(100.0)
        judge = transport(cdist(many, many[:300]) ** 2, np.ones(400), np.ones(300), penalty=(prices, 9.0))
        assert max(found.cost_lower, judge.lower) <= min(found.cost_upper, judge.upper)

    def test_weights_that_are_not_given(self):
        result = partial_wasserstein(X, Y, penalty=0.4)
        assert_proven(result, np.sqrt(definition(cdist(X, Y) ** 2, np.full(3, 1 / 3), np.full(2, 0.5), 0.4, 0.4)))
        result = partial_wasserstein(X, Y, A, penalty=0.4)
        assert_proven(result, np.sqrt(definition(cdist(X, Y) ** 2, A, [2, 2], 0.4, 0.4)))

    def test_points_without_mass(self):
        result = partial_wasserstein(X, Y, [0, 2, 1], [2, 0], penalty=3.0)
        assert_proven(result, np.sqrt(definition(cdist(X, Y) ** 2, [0, 2, 1], [2, 0], 3.0, 3.0)))
        f, g = result.potentials
        assert (f[:, None] + g <= cdist(X, Y) ** 2 + 1e-12).all()
        assert (np.append(f, g) <= 3.0 + 1e-12).all()


def must_move(C, a, b, lam, mu, mass):
    """The linear program with each point's leftover as a variable: none where its price is infinite, no flow where a pair is forbidden."""
    (n, m), prices = C.shape, np.concatenate([C.ravel(), lam, mu])
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    equal, total = np.hstack([sums, np.eye(n + m)]), np.concatenate([a, b])
    if mass is not None:
        equal = np.vstack([equal, np.concatenate([np.ones(n * m), np.zeros(n + m)])])
        total = np.append(total, mass)
    bounds = [(0, None if np.isfinite(price) else 0) for price in prices]
    found = scipy.optimize.linprog(
        np.where(np.isfinite(prices), prices, 0.0), A_eq=equal, b_eq=total, bounds=bounds, method="highs"
    )
    return found.fun if found.status == 0 else INF


class TestNoPoints:
    """An empty persistence diagram: all of the other side stays, each unit at its price."""

    @pytest.mark.parametrize("p", [1, 2, 3.5])
    @pytest.mark.parametrize("turned", [False, True])
    @pytest.mark.parametrize("empty", [[], np.empty((0, 2)), np.empty(0)], ids=str)
    def test_against_exact_rationals(self, p, turned, empty):
        points, weights, prices = X, np.array([0.1, 2.0, 0.7]), np.array([0.3, 0.1, 1 / 3])
        sides, masses, penalty = (points, empty), (weights, None), (prices, np.empty(0))
        if turned:
            sides, masses, penalty = sides[::-1], masses[::-1], penalty[::-1]
        result = partial_wasserstein(*sides, *masses, penalty=penalty, p=p)
        truth = sum(Fraction(w) * Fraction(z) for w, z in zip(weights.tolist(), prices.tolist()))
        assert Fraction(result.cost_lower) <= truth <= Fraction(result.cost_upper)
        assert result.lower <= float(truth) ** (1 / p) <= result.upper
        assert result.upper - result.lower < 1e-13 * result.value
        assert (result.status, result.mass) == (Status.OPTIMAL, 0.0)
        assert result.plan.shape == ((0, 3) if turned else (3, 0))
        for found in (result.unmatched, result.potentials):
            assert [len(z) for z in found] == ([0, 3] if turned else [3, 0])
        np.testing.assert_array_equal(result.unmatched[turned], weights)
        np.testing.assert_array_equal(result.potentials[turned], prices)
        slope = result.gradients("value").b if turned else result.gradients("value").a
        np.testing.assert_allclose(slope, prices * float(truth) ** (1 / p - 1) / p)

    def test_it_is_where_a_point_of_next_to_no_mass_leads(self):
        nearly = partial_wasserstein(X, Y, A, [1e-13, 1e-13], penalty=0.5)
        assert partial_wasserstein(X, np.empty((0, 2)), A, penalty=0.5).value == pytest.approx(nearly.value, rel=1e-12)

    def test_nothing_at_all(self):
        assert partial_wasserstein([], np.empty((0, 2)), penalty=1.0).value == 0
        assert partial_wasserstein(X, [], A, mass=0).value == 0

    @pytest.mark.parametrize(
        ("sides", "asked", "said"),
        [
            ((X, []), dict(mass=1), "mass must be 0 where one side has no points; received 1"),
            ((X, []), dict(), "penalty or mass must be given"),
            ((X, []), dict(penalty=INF), "received inf for a mass in a, of which the other side can take none"),
            (([], X), dict(penalty=-1.0), "penalty must be at least 0"),
            ((X, np.empty((0, 3))), dict(penalty=1), "same number of coordinates; received 2 and 3"),
            ((X, [], None, [1.0]), dict(penalty=1), r"b must have shape \(0,\)"),
            (([], [], None, [1.0]), dict(penalty=1), r"b must have shape \(0,\)"),
            (([], X, [1.0]), dict(penalty=1), r"a must have shape \(0,\)"),
            (([], X, None, [1.0, -1.0, 1.0]), dict(penalty=1), "b must be finite and non-negative"),
            (([], np.full((3, 2), np.nan)), dict(penalty=1), "y must be finite"),
            ((X, []), dict(penalty=1, metric="no"), "metric must be"),
            ((X, [], [1e299, 1, 1]), dict(penalty=1e30, p=1), "largest float"),
        ],
    )
    def test_what_is_refused(self, sides, asked, said):
        with pytest.raises(InvalidInput, match=said):
            partial_wasserstein(*sides, **asked)


class TestFarApartMasses:
    @pytest.mark.parametrize("far", [1e2, 1e7, 1e12])
    @pytest.mark.parametrize(
        "asked", [dict(mass=1.5), dict(penalty=(0, 1.0)), dict(penalty=(1e-9, 1.0)), dict(penalty=0.5)]
    )
    @pytest.mark.parametrize("p", [1, 2])
    def test_intervals_are_as_narrow_as_of_equal_ones(self, far, asked, p):
        rng = np.random.default_rng(0)
        x, y = rng.integers(-32, 32, (5, 2)) / 64, rng.integers(-32, 32, (4, 2)) / 64
        a, b = far * np.array([1.0, 0, 2, 1e-14, 3]), np.array([1.0, 0.5, 0.25, 1])
        result = partial_wasserstein(x, y, a, b, p=p, **asked)
        assert result.status is Status.OPTIMAL
        assert result.upper - result.lower <= 1e-9 * result.value
        lam, mu = np.broadcast_to(asked.get("penalty", 0.0), 2)
        held, total = np.minimum(a, b.sum()), b.sum()  # what the other side can take, by exact dyadic numbers
        moved = definition(cdist(x, y) ** p, held, b, lam, mu, asked.get("mass"))
        truth = moved + lam * (a - held).sum()
        assert result.cost == pytest.approx(truth, rel=1e-7)
        assert result.mass <= total
        np.testing.assert_allclose(result.unmatched[0] + result.plan @ np.full(4, result.mass), a, rtol=1e-15)
        (f, g), slope = result.potentials, result.gradients().mass or 0.0
        assert (f <= lam * (1 + 1e-9) + 1e-15).all()
        assert f @ a + g @ b + slope * asked.get("mass", 0.0) == pytest.approx(result.cost, rel=1e-9)

    @given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([None, 0.3, 1e-3]))
    def test_against_exact_rationals(self, seed, priced, share):
        """Weights ten orders of magnitude apart on either side, whose sums no float holds: dummies of rounded masses."""
        rng = np.random.default_rng(seed)
        x, y = (rng.integers(-4, 5, (n, 2)).astype(float) for n in rng.integers(1, 5, 2))
        a, b = (rng.random(len(z)) * 10.0 ** rng.choice([0, 10, -10, 3], len(z)) for z in (x, y))
        prices = [rng.choice([0, 1e-3, 0.5, 1, 3, 8], len(z)) * (priced or share is None) for z in (x, y)]
        mass, C = None if share is None else share * min(a.sum(), b.sum()), cdist(x, y, "cityblock")
        truth = rational_of_any_masses(C, a, b, *prices, mass)
        for result in (
            transport(C, a, b, penalty=tuple(prices), mass=mass),
            partial_wasserstein(x, y, a, b, p=1, metric="cityblock", penalty=tuple(prices), mass=mass),
        ):
            assert Fraction(result.cost_lower) <= truth <= Fraction(result.cost_upper)

    def test_rounding_the_dummies_is_charged_at_prices(self):
        """Not at the spread of all costs, far above what is paid."""
        C = np.array([[3.0, 11, 9], [4, 4, 4], [6, 6, 10], [11, 3, 7]])
        lam, mu = np.array([0.5, 0, 8, 1e-3]), np.zeros(3)
        a, b = np.array([3.3976e-11, 3.6682e-2, 2.6729e-11, 6.5481e-3]), np.array([466.69, 3.9493e-11, 2.2697e-11])
        truth = rational_of_any_masses(C, a, b, lam, mu)
        result = transport(C, a, b, penalty=(lam, mu))
        assert_proven(result, truth, tight=1e-11)
        assert result.upper <= float(truth) * (1 + 1e-13)


class TestForbiddenPairs:
    @given(problems(whole=True), st.sampled_from([0.0, 0.3, 0.7]), st.sampled_from([0.0, 0.3, 0.7]), st.booleans())
    def test_with_infinite_penalties(self, given_, forbidden, bound, fixed):
        x, y, a, b, lam, mu = given_
        rng = np.random.default_rng(int(abs(x).sum() * 8))
        C = np.where(rng.random((len(x), len(y))) < forbidden, INF, cdist(x, y, "cityblock"))
        mass = min(a.sum(), b.sum()) // 2 if fixed else None
        if not fixed:
            lam, mu = (np.where(rng.random(len(z)) < bound, INF, z) for z in (lam, mu))
        truth, scale = must_move(C, a, b, lam, mu, mass), 40.0 * (a.sum() + b.sum())
        calls = [lambda: transport(C, a, b, penalty=(lam, mu), mass=mass)]
        if not forbidden:
            calls.append(lambda: partial_wasserstein(x, y, a, b, p=1, metric="cityblock", penalty=(lam, mu), mass=mass))
        for call in calls:
            if np.isinf(truth):
                with pytest.raises(
                    (Infeasible, InvalidInput), match=r"no plan with these marginals|penalty must be finite"
                ):
                    call()
                continue
            result = call()
            assert result.value == pytest.approx(truth, abs=1e-9 * scale)
            assert_accounts(result, a, b, C, *(np.where(np.isfinite(z), z, 0.0) for z in (lam, mu)))
            for prices, stays in zip((lam, mu), result.unmatched):
                assert (stays[np.isinf(prices)] == 0.0).all()

    C = np.array([[1.0, INF], [INF, 2.0], [INF, INF]])

    def test_what_has_nowhere_to_go_stays(self):
        listed = scipy.sparse.csr_array(([1.0, 2.0], ([0, 1], [0, 1])), shape=(3, 2))
        for cost in (self.C, listed):
            assert_proven(transport(cost, A, B, penalty=5.0), Fraction(18))
            assert_proven(transport(cost, A, B, mass=2.0), Fraction(3))
            assert transport(cost, A, B, penalty=5.0).unmatched[0].tolist() == [0.0, 1.0, 1.0]
        assert_proven(transport([[INF]], [1], [1], penalty=2.0), Fraction(4))

    @pytest.mark.parametrize("b", [[2.0, 3.0], [299.897, 54.7], [0.1, 1e9]])
    def test_more_is_asked_for_than_can_be_served(self, b):
        for C, a, mass in (([[INF, INF]], [1.0], 0.98), ([[1.0, INF], [INF, INF]], [0.3, 5.7], 0.9)):
            with pytest.raises(Infeasible):
                transport(C, a, b, mass=mass, penalty=(8.0, (1.7, 3.3)))
            result = transport(C, a, b, mass=mass, penalty=(8.0, (1.7, 3.3)), throw=False)
            assert result.status is Status.INFEASIBLE
            assert result.lower == result.upper == INF

    @given(st.integers(1, 3), st.integers(0, 2**32 - 1))
    def test_just_as_much_as_can_be_served(self, n, seed):
        rng = np.random.default_rng(seed)
        C = np.full((n, n), INF)
        np.fill_diagonal(C, rng.integers(1, 5, n))
        a, b = rng.integers(1, 9, (2, n)) / 10
        mass = min(float(np.minimum(a, b).sum()), a.sum(), b.sum())
        result = transport(C, a, b, mass=mass)
        assert result.cost_lower <= float(np.diag(C) @ np.minimum(a, b)) * (1 + 1e-15)
        assert result.cost_upper >= float(np.diag(C) @ np.minimum(a, b)) * (1 - 1e-15)

    def test_none_is_left(self):
        for asked in (dict(mass=2.5), dict(penalty=(5.0, INF)), dict(penalty=(INF, 5.0))):
            b = [4, 4] if asked == dict(penalty=(INF, 5.0)) else B
            with pytest.raises(Infeasible):
                transport(self.C, A, b, **asked)
            result = transport(self.C, A, b, throw=False, **asked)
            assert result.status is Status.INFEASIBLE
            assert result.lower == result.value == INF
            assert result.plan is result.potentials is result.unmatched is None


class TestNothing:
    """What costs nothing, where costs are far above it."""

    @given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3]), st.booleans())
    def test_all_may_stay_for_nothing(self, seed, p, listed):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(6, 2)), rng.normal(size=(5, 2))
        a, b = rng.integers(1, 9, 6), rng.integers(1, 9, 5)  # whole masses: none is rounded, so that none must move
        if listed:
            result = otgen.transport(rng.random((6, 5)), a, b, penalty=0)
        else:
            result = otgen.partial_wasserstein(x, y, a, b, penalty=0, p=p)
        assert (result.value, result.lower, result.upper) == (0, 0, 0)
        assert result.status is Status.OPTIMAL

    @given(st.integers(0, 2**32 - 1))
    def test_no_interval_begins_below_what_no_plan_can_cost(self, seed):
        rng = np.random.default_rng(seed)
        a, b = rng.random(6), rng.random(5)
        result = otgen.transport(np.zeros((6, 5)), a, b, mass=0.3 * min(a.sum(), b.sum()))
        assert result.lower == result.value == 0
        assert result.upper < 1e-14

    def test_costs_below_0_are_worth_moving_for(self):
        result = otgen.transport([[-2.0, 1.0]], [1.0], [1.0, 1.0], penalty=0)
        assert result.lower <= -2 <= result.upper
        assert result.upper < -1.9


@pytest.mark.parametrize("size", [3, 60])
@pytest.mark.parametrize("p", [1, 2])
def test_an_optimum_of_0_is_optimal(size, p):
    """What stays had to be rounded, and [0, 1e-15] was called imprecise."""
    rng = np.random.default_rng(size)
    x, a, b = rng.normal(size=(size, 2)), 0.1 + rng.random(size), 0.1 + rng.random(size)
    amount = 0.3 * float(np.minimum(a, b).sum())  # of what need not move at all
    costs = ((x[:, None] - x) ** 2).sum(axis=-1)
    for found in (partial_wasserstein(x, x, a, b, p=p, mass=amount), otgen.transport(costs, a, b, mass=amount)):
        assert found.status is Status.OPTIMAL
        assert found.lower == found.value == 0 <= found.upper < 1e-5
