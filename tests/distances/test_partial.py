"""Transport between unequal masses, held to its definitions: linear programs, rational arithmetic, and other libraries' words."""

import itertools
import pickle
from fractions import Fraction

import numpy as np
import ot
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from proving import assert_proven, fractions
from scipy.spatial.distance import cdist

import otgen
from otgen import Infeasible, InvalidInput, Status, partial_wasserstein, transport

INF = float("inf")


def definition(C, a, b, lam, mu, mass=None):
    """``min <P, C> + lam.(a - P 1) + mu.(b - P' 1)`` over ``P 1 <= a``, ``P' 1 <= b``, perhaps of a total: the linear program, by HiGHS."""
    C, a, b = (np.asarray(z, float) for z in (C, a, b))
    (n, m), lam, mu = C.shape, np.broadcast_to(lam, len(a)), np.broadcast_to(mu, len(b))
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    total = {} if mass is None else dict(A_eq=np.ones((1, n * m)), b_eq=[mass])
    found = scipy.optimize.linprog(
        (C - lam[:, None] - mu).ravel(), A_ub=sums, b_ub=np.concatenate([a, b]), method="highs", **total
    )
    assert found.status == 0
    return found.fun + lam @ a + mu @ b


def rational(C, a, b, lam, mu, mass=None):
    """The same in rational arithmetic, of whole masses: every way to match units of mass, some of them staying, by dynamic programming."""
    C, lam, mu = fractions(C), [Fraction(float(z)) for z in lam], [Fraction(float(z)) for z in mu]
    one, other = (np.repeat(np.arange(len(w)), w).tolist() for w in (a, b))
    least = {0: Fraction(0)}  # of the sources so far, by the set of targets that they have taken
    for i in one:
        after = {}
        for taken, cost in least.items():
            ways = [(taken, cost + lam[i])]
            ways += [(taken | 1 << k, cost + C[i][j]) for k, j in enumerate(other) if not taken >> k & 1]
            for now, spent in ways:
                after[now] = min(spent, after.get(now, spent))
        least = after
    return min(
        cost + sum(mu[j] for k, j in enumerate(other) if not taken >> k & 1)
        for taken, cost in least.items()
        if mass is None or taken.bit_count() == mass
    )


@st.composite
def problems(draw, whole=False):
    """Clouds in the plane with dyadic coordinates and masses, and prices."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 4 if whole else 7)), draw(st.integers(1, 4 if whole else 7))
    x, y = rng.integers(-32, 32, (n, 2)) / 8, rng.integers(-32, 32, (m, 2)) / 8
    a, b = (rng.integers(0, 3, k) if whole else rng.integers(0, 9, k) / 4 for k in (n, m))
    a[0], b[0] = a[0] or 1, b[0] or 1
    lam, mu = rng.integers(0, 12, n) / 2, rng.integers(0, 12, m) / 2
    if draw(st.booleans()):
        lam, mu = np.full(n, lam[0]), np.full(m, mu[0])
    return x, y, a, b, lam, mu


def amount(a, b, share):
    return min(float(np.sum(a)), float(np.sum(b))) * share


def assert_accounts(result, a, b, C, lam, mu):
    """What moves and what stays add up to the weights, and to the cost."""
    flows, (left, missed) = result.plan.todense() * result.mass, result.unmatched
    assert (flows >= 0).all()
    assert (left >= 0).all()
    assert (missed >= 0).all()
    size = max(np.sum(a), np.sum(b))
    np.testing.assert_allclose(flows.sum(axis=1) + left, a, atol=1e-13 * size)
    np.testing.assert_allclose(flows.sum(axis=0) + missed, b, atol=1e-13 * size)
    spent = (np.where(flows > 0, C, 0.0) * flows).sum() + np.dot(lam, left) + np.dot(mu, missed)
    assert spent == pytest.approx(result.cost, rel=1e-12, abs=1e-12 * size * (np.max(lam) + np.max(mu) + 1))


class TestDefinition:
    @pytest.mark.no_cover
    @given(problems(), st.sampled_from([1, 1.5, 2, 3]), st.sampled_from([None, 0.0, 0.3, 1.0]))
    def test_of_points_and_of_matrices(self, given_, p, share):
        x, y, a, b, lam, mu = given_
        mass, C = None if share is None else amount(a, b, share), cdist(x, y) ** p
        truth, scale = definition(C, a, b, lam, mu, mass), np.sum(a) * C.max() + np.sum(b) * 12 + 1
        options, shifted = dict(penalty=(lam, mu), mass=mass), dict(penalty=(lam + 0.5, mu + 0.5), mass=mass)
        shift = (np.sum(a) + np.sum(b)) / 2  # half a unit more for each end of a pair, moved or not
        for result, expected in (
            (partial_wasserstein(x, y, a, b, p=p, **options), truth),
            (partial_wasserstein(x, y, a, b, p=p, metric=cdist, **options), truth),
            (transport(C, a, b, **options), truth),
            (transport(scipy.sparse.csr_array(C + 1.0), a, b, **shifted), truth + shift),
            (transport(C, a, b, solver="linprog", **options), truth),
        ):
            assert result.status is Status.OPTIMAL or result.solver == "LinearProgram"
            assert result.cost == pytest.approx(expected, abs=1e-9 * scale)
            assert result.cost_lower <= result.cost <= result.cost_upper
            assert result.cost_upper - result.cost_lower <= 1e-8 * scale
            assert result.lower <= result.value <= result.upper

    @given(problems(), st.sampled_from([1, 1.5, 2, 3]), st.sampled_from([None, 0.0, 0.3, 1.0]))
    def test_plan_unmatched_and_potentials(self, given_, p, share):
        x, y, a, b, lam, mu = given_
        mass, C = None if share is None else amount(a, b, share), cdist(x, y) ** p
        result = transport(C, a, b, penalty=(lam, mu), mass=mass)
        assert_accounts(result, a, b, C, lam, mu)
        slack = 1e-12 * (C.max() + 12)
        (f, g), slope = result.potentials, result.gradients().mass or 0.0
        assert (f <= lam + slack).all()
        assert (g <= mu + slack).all()
        assert (f[:, None] + g <= C - slope + slack).all()
        dual = a @ f + b @ g + (mass or 0.0) * slope
        assert dual == pytest.approx(result.cost, abs=1e-11 * (np.sum(a) + np.sum(b)) * (C.max() + 12))

    @given(problems(whole=True), st.booleans())
    def test_intervals_hold_the_rational_optimum(self, given_, fixed):
        x, y, a, b, lam, mu = given_
        mass = min(int(a.sum()), int(b.sum())) // 2 if fixed else None
        C = cdist(x, y, "cityblock")
        truth = rational(C, a, b, lam, mu, mass)
        for result in (
            transport(C, a, b, penalty=(lam, mu), mass=mass),
            partial_wasserstein(x, y, a, b, p=1, metric="cityblock", penalty=(lam, mu), mass=mass),
        ):
            assert_proven(result, truth, scale=(C.max() + 12) * (a.sum() + b.sum()))


class TestOtherDefinitions:
    """What other fields and libraries call by other names."""

    def test_a_rectangular_assignment(self):
        for seed, (n, m) in enumerate([(7, 12), (12, 7), (1, 5), (30, 31)]):
            C = np.random.default_rng(seed).normal(size=(n, m))
            rows, columns = scipy.optimize.linear_sum_assignment(C)
            result = transport(C, np.ones(n), np.ones(m), mass=min(n, m))
            assert_proven(result, float(C[rows, columns].sum()), scale=float(np.abs(C).sum()))
            flows = result.plan.todense() * result.mass
            np.testing.assert_allclose(flows[rows, columns], 1.0, atol=1e-12)

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 1.0])
    def test_partial_wasserstein_of_pot(self, share):
        rng = np.random.default_rng(3)
        x, y, a, b = rng.normal(size=(12, 2)), rng.normal(size=(9, 2)) + 0.5, rng.random(12), rng.random(9)
        mass, C = share * min(a.sum(), b.sum()), cdist(x, y) ** 2
        theirs = ot.partial.partial_wasserstein2(a, b, C, m=mass)
        result = partial_wasserstein(x, y, a, b, mass=mass)
        assert result.cost == pytest.approx(theirs, rel=1e-9)
        assert result.value == pytest.approx(np.sqrt(theirs), rel=1e-9)

    @pytest.mark.parametrize("heavier", [0, 1])
    def test_the_extra_mass_penalty_of_pyemd(self, heavier):
        """The least cost of moving min(A, B), plus the largest cost for each unit that one side has more (Pele and Werman, 2009)."""
        rng = np.random.default_rng(4)
        C = cdist(rng.random((6, 1)), rng.random((8, 1)))
        a, b = rng.integers(1, 9, 6) * (4.0 if heavier == 0 else 1.0), rng.integers(1, 9, 8) * (4.0 * heavier + 1.0)
        totals, extra = (a.sum(), b.sum()), C.max()
        expected = definition(C, a, b, 0.0, 0.0, min(totals)) + abs(totals[0] - totals[1]) * extra
        assert_proven(transport(C, a, b, penalty=extra, mass=min(totals)), expected)
        light_must_move = (extra, INF) if heavier == 0 else (INF, extra)
        assert_proven(transport(C, a, b, penalty=light_must_move), expected)

    def test_the_distance_of_jets(self):
        """EnergyFlow's EMD: ``min sum f_ij theta_ij / R + |E - E'|`` over flows that move the lesser energy; the azimuth is periodic."""
        rng = np.random.default_rng(5)
        (one, two), (a, b) = (
            (rng.uniform([-1, -np.pi], [1, np.pi], (k, 2)) for k in (9, 12)),
            (
                rng.random(9) * 30,
                rng.random(12) * 30,
            ),
        )
        turn = np.abs(one[:, None, 1] - two[:, 1]) % (2 * np.pi)
        theta = np.hypot(one[:, None, 0] - two[:, 0], np.minimum(turn, 2 * np.pi - turn))
        for radius in (0.4, 1.0, float(theta.max())):
            expected = definition(theta / radius, a, b, 0.0, 0.0, min(a.sum(), b.sum())) + abs(a.sum() - b.sum())
            result = transport(theta / radius, a, b, penalty=1.0, mass=min(a.sum(), b.sum()))
            assert_proven(result, expected, scale=expected * 10)
            priced = transport(theta / radius, a, b, penalty=1.0)
            assert priced.value <= expected * (1 + 1e-12)
            if theta.max() <= 2 * radius:  # then it is a metric, and the price alone moves as much as it can
                assert_proven(priced, expected, scale=expected * 10)

    @pytest.mark.parametrize("p", [1, 2])
    def test_persistence_diagrams(self, p):
        """Every matching of points with points or with the diagonal, in the largest difference of coordinates, one by one."""
        rng = np.random.default_rng(6)
        for n, m in ((3, 2), (4, 4), (1, 5)):
            x, y = (np.cumsum(rng.integers(1, 40, (k, 2)) / 16, axis=1) for k in (n, m))
            lam, mu = (((z[:, 1] - z[:, 0]) / 2) ** p for z in (x, y))
            C = np.abs(x[:, None] - y).max(axis=2) ** p
            best = min(
                sum(C[i, j] for i, j in zip(rows, columns))
                + lam[np.setdiff1d(np.arange(n), rows)].sum()
                + mu[np.setdiff1d(np.arange(m), columns)].sum()
                for k in range(min(n, m) + 1)
                for rows in itertools.combinations(range(n), k)
                for columns in itertools.permutations(range(m), k)
            )
            result = partial_wasserstein(x, y, np.ones(n), np.ones(m), p=p, metric="chebyshev", penalty=(lam, mu))
            assert_proven(result, best ** (1 / p))
            assert result.cost == pytest.approx(best, rel=1e-13)


class TestHowItDependsOnWhatIsAsked:
    @given(problems(), st.sampled_from([1, 2]))
    def test_in_the_mass_it_rises_and_is_convex(self, given_, p):
        x, y, a, b, *_ = given_
        found = [partial_wasserstein(x, y, a, b, p=p, mass=amount(a, b, k / 4)) for k in range(5)]
        lower, upper = (np.array([getattr(r, f"cost_{end}") for r in found]) for end in ("lower", "upper"))
        assert upper[0] <= 1e-20
        assert (lower[:-1] <= upper[1:]).all()
        assert (2 * lower[1:-1] <= upper[:-2] + upper[2:]).all()
        slopes = np.array([r.gradients().mass for r in found])
        scale = float(cdist(x, y).max() ** p) + 1.0
        assert (np.diff(slopes) >= -1e-12 * scale).all()
        chords = np.diff([r.cost for r in found]) / (amount(a, b, 0.25) or 1.0)
        assert (slopes[:-1] <= chords + 1e-11 * scale).all()

    @given(problems())
    def test_in_the_penalty_it_rises_and_is_concave(self, given_):
        x, y, a, b, *_ = given_
        found = [partial_wasserstein(x, y, a, b, p=1, penalty=price) for price in (0.0, 1.0, 2.0, 3.0)]
        lower, upper = (np.array([getattr(r, end) for r in found]) for end in ("lower", "upper"))
        assert (lower[:-1] <= upper[1:]).all()
        assert (2 * upper[1:-1] >= lower[:-2] + lower[2:]).all()
        assert (np.diff([r.mass for r in found]) >= -1e-12).all()

    @given(problems(), st.sampled_from([0.25, 0.5, 0.75]))
    def test_a_mass_has_its_penalty(self, given_, share):
        """Lagrange: at half the derivative in the mass as the price on either side no plan does better than the one that moves it."""
        x, y, a, b, *_ = given_
        mass = amount(a, b, share)
        given_mass = partial_wasserstein(x, y, a, b, p=1, mass=mass)
        price = max(given_mass.gradients().mass, 0.0) / 2
        priced = partial_wasserstein(x, y, a, b, p=1, penalty=price)
        stays = a.sum() + b.sum() - 2 * mass
        assert priced.cost == pytest.approx(given_mass.cost + price * stays, abs=1e-11 * (a.sum() + b.sum()) * 20)

    @given(problems(), st.sampled_from([None, 0.5]))
    def test_both_sides_may_be_swapped(self, given_, share):
        x, y, a, b, lam, mu = given_
        mass = None if share is None else amount(a, b, share)
        one = partial_wasserstein(x, y, a, b, p=1, penalty=(lam, mu), mass=mass)
        other = partial_wasserstein(y, x, b, a, p=1, penalty=(mu, lam), mass=mass)
        assert max(one.lower, other.lower) <= min(one.upper, other.upper)

    @given(problems(), st.sampled_from([2.0**-40, 0.5, 2.0**30]))
    def test_it_scales(self, given_, by):
        x, y, a, b, lam, mu = given_
        one = partial_wasserstein(x, y, a, b, penalty=(lam, mu))
        longer = partial_wasserstein(x * by, y * by, a, b, penalty=(lam * by**2, mu * by**2))
        heavier = partial_wasserstein(x, y, a * by, b * by, penalty=(lam, mu))
        for found, factor in ((longer, by), (heavier, np.sqrt(by))):
            assert found.lower * (1 - 1e-12) <= one.upper * factor
            assert one.lower * factor <= found.upper * (1 + 1e-12)

    @given(problems(), st.integers(0, 2**32 - 1))
    def test_the_triangle_inequality_between_finite_measures(self, given_, seed):
        """With one price, p = 1 and a metric it is a distance, as if the dummy were one more point at half the price from all."""
        x, y, a, b, *_ = given_
        rng = np.random.default_rng(seed)
        z, c = rng.integers(-32, 32, (5, 2)) / 8, rng.integers(1, 9, 5) / 4
        across, first, second = (
            partial_wasserstein(*pair, p=1, penalty=1.5) for pair in ((x, y, a, b), (x, z, a, c), (z, y, c, b))
        )
        assert across.lower <= first.upper + second.upper
        assert partial_wasserstein(x, x[::-1], a, a[::-1], p=1, penalty=1.5).upper <= 1e-20 * a.sum()


class TestGradients:
    @pytest.mark.parametrize("of", ["cost", "value"])
    @pytest.mark.parametrize(
        "asked",
        [
            dict(penalty=1.0),
            dict(mass=1.3),
            dict(penalty=(0.3, 0.7), mass=1.0),
            dict(penalty=(50.0, INF)),
            dict(penalty=INF),
        ],
    )
    def test_by_differences(self, asked, of):
        rng = np.random.default_rng(8)
        x, y, a, b = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), rng.random(7) + 0.5, rng.random(5) + 0.5
        if asked["penalty" if "penalty" in asked else "mass"] == INF:
            a = a * (b.sum() / a.sum())

        def slope(argument, direction, step=1e-6):
            given_ = dict(x=x, a=a, b=b, **asked)
            ends = [
                partial_wasserstein(y=y, **{**given_, argument: given_[argument] + k * direction})
                for k in (step, -step)
            ]
            return (getattr(ends[0], of) - getattr(ends[1], of)) / (2 * step)

        found = partial_wasserstein(x, y, a, b, **asked).gradients(of)
        for i in (0, 3, 6):
            assert found.x[i, 0] == pytest.approx(slope("x", np.outer(np.arange(7) == i, [1.0, 0.0])), abs=1e-5)
            if asked != dict(penalty=INF):
                assert found.a[i] == pytest.approx(slope("a", 1.0 * (np.arange(7) == i)), abs=1e-5)
        if asked != dict(penalty=INF):
            assert found.b[2] == pytest.approx(slope("b", 1.0 * (np.arange(5) == 2)), abs=1e-5)
        assert found.mass == (pytest.approx(slope("mass", 1.0), abs=1e-5) if "mass" in asked else None)

    def test_of_a_matrix_and_of_nothing(self):
        found = transport([[1.0, 5.0]], [2.0], [1.0, 2.0], penalty=2.0)
        assert found.gradients().x is None
        assert found.gradients().a.tolist() == found.potentials[0].tolist() == [2.0]
        nothing = partial_wasserstein([0.0, 1.0], [0.0], [1, 1], [1], penalty=0.0)
        assert (nothing.gradients("value").x == 0).all()


X, Y = [[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]], [[0.0, 0.0], [1.0, 1.0]]
A, B = [1, 2, 1], [2, 1]


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
            ((X, [], [1e299, 1, 1]), dict(penalty=1e30), "largest float"),
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


class TestLargeProblems:
    def test_against_the_same_problem_as_a_matrix(self):
        rng = np.random.default_rng(0)
        x, y, a = rng.normal(size=(900, 2)), rng.normal(size=(700, 2)) + 0.3, rng.random(900) + 0.5
        for asked in (dict(penalty=0.05), dict(penalty=(rng.random(900), 0.1)), dict(mass=300.0)):
            result = partial_wasserstein(x, y, a, np.ones(700), **asked)
            judge = transport(cdist(x, y) ** 2, a, np.ones(700), **asked)
            assert result.status is Status.OPTIMAL
            assert max(result.cost_lower, judge.lower) <= min(result.cost_upper, judge.upper)
            assert_accounts(
                result,
                a,
                np.ones(700),
                cdist(x, y) ** 2,
                *(np.broadcast_to(z, k) for z, k in zip(pair_of(asked.get("penalty", 0.0)), (900, 700))),
            )

    def test_an_iteration_limit(self):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(700, 2)), rng.normal(size=(600, 2))
        with pytest.raises(otgen.NotConverged, match="Simplex stopped at"):
            partial_wasserstein(x, y, penalty=0.1, solver=otgen.solvers.Simplex(max_iter=3))
        stopped = partial_wasserstein(x, y, penalty=0.1, solver=otgen.solvers.Simplex(max_iter=3), throw=False)
        truth = partial_wasserstein(x, y, penalty=0.1)
        assert stopped.status is Status.MAX_ITER
        assert stopped.lower <= truth.upper
        assert truth.lower <= stopped.upper


def pair_of(penalty):
    return penalty if isinstance(penalty, tuple) else (penalty, penalty)


class TestWhatComesBack:
    def test_it_reads_well(self):
        text = repr(partial_wasserstein(X, Y, A, B, p=1, penalty=3.0))
        assert "mass 3, beside 1 and 0 that stay" in text
        assert partial_wasserstein(X, Y, A, B, penalty=3.0).to_dict()["mass"] == 3.0
        assert otgen.wasserstein(X, Y).unmatched is None

    def test_tensors(self):
        torch = pytest.importorskip("torch")
        x, y, a, b = (torch.tensor(z, dtype=torch.float64) for z in (X, Y, A, B))
        result = partial_wasserstein(x, y, a, b, penalty=(torch.ones(3), torch.tensor(2.0)))
        for made in (*result.unmatched, *result.potentials, result.gradients().x):
            assert isinstance(made, torch.Tensor)
        assert result.gradients().x.shape == (3, 2)

    def test_a_picture(self):
        axes = partial_wasserstein(X, Y, A, B, penalty=3.0).plot()
        assert axes.get_title(loc="left").startswith("value 2.23607")
        assert transport(cdist(X, Y), A, B, mass=1).plot() is not None

    def test_a_proof_file_is_of_the_matrix_with_its_dummies(self, tmp_path):
        result = transport([[0.0, 2.0, 4.0], [2.0, 0.5, 1.0]], [3, 1], [2, 2, 1], penalty=(0.5, 0.75))
        result.save_proof(tmp_path / "proof.npz")
        proof = otgen.load_proof(tmp_path / "proof.npz")
        low, high = proof.verify()
        assert low <= result.value <= high
        assert proof.problem.cost.matrix.tolist() == [
            [0.0, 2.0, 4.0, 0.5],
            [2.0, 0.5, 1.0, 0.5],
            [0.75, 0.75, 0.75, 0.0],
        ]
        assert proof.mass == 9.0
        with pytest.raises(InvalidInput, match="list the costs of all pairs"):
            partial_wasserstein(X, Y, A, B, penalty=1.0).save_proof(tmp_path / "other.npz")

    def test_it_survives_pickling(self):
        import pickle

        result = partial_wasserstein(X, Y, A, B, penalty=1.0)
        again = pickle.loads(pickle.dumps(result))
        assert again.to_dict() == result.to_dict()
        assert [side.tolist() for side in again.unmatched] == [side.tolist() for side in result.unmatched]


class TestBadInput:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (dict(), "penalty or mass must be given.*otgen.wasserstein"),
            (
                dict(mass=3.1),
                r"mass must be at most the lighter of both totals; received 3.1 for totals of 4.0 and 3.0; pass 3.0",
            ),
            (dict(mass=-1), "mass must be at least 0 and finite; received -1"),
            (dict(mass=INF), "mass must be at least 0 and finite"),
            (dict(mass="1"), "mass must be a real number"),
            (dict(penalty=-1), "penalty must be at least 0; received -1.0"),
            (dict(penalty=float("nan")), "penalty must be a real number; received nan"),
            (dict(penalty=([1.0, float("nan"), 1.0], 1)), "penalty must be at least 0; received nan"),
            (dict(penalty="1"), "penalty must be a real number"),
            (dict(penalty=np.ones(3)), r"a number or a pair.*\(penalty_x, penalty_y\)"),
            (dict(penalty=[1, 2, 3]), r"a number or a pair"),
            (dict(penalty=([1, 2], 1)), r"penalty\[0\] must be a number or have shape \(3,\)"),
            (dict(penalty=([1, [2], 3], 1)), r"penalty\[0\] must be.*; received"),
            (dict(penalty=(1, [1, 2, 3])), r"penalty\[1\] must be a number or have shape \(2,\)"),
            (dict(penalty=INF), "received inf for a mass of 4.0 in a, of which the other side can take 3.0"),
            (dict(penalty=([INF, INF, INF], [1, INF])), "received inf for a mass of 4.0 in a"),
            (dict(penalty=INF, mass=2), "penalty must be finite where mass is given"),
            (dict(penalty=1, p=INF), "p must be finite here"),
            (dict(penalty=1, p=0.5), "p must be at least 1"),
            (dict(penalty=1, solver="line"), "one that takes a dummy point"),
            (dict(penalty=1, throw=1), "throw must be True or False"),
        ],
    )
    def test_of_points(self, asked, said):
        with pytest.raises(InvalidInput, match=said):
            partial_wasserstein(X, Y, A, B, **asked)

    @pytest.mark.parametrize("option", [dict(epsilon=0.1), dict(relax=1.0), dict(normalize=True), dict(init=(A, B))])
    def test_options_of_other_transport_are_not_ignored(self, option):
        with pytest.raises(InvalidInput, match=f"{next(iter(option))} must be left out where penalty or mass is given"):
            transport(cdist(X, Y), A, B, penalty=1.0, **option)

    def test_a_mass_that_rounding_has_raised_is_the_total(self):
        weights = [0.1] * 10
        result = partial_wasserstein(np.arange(10.0), np.arange(12.0), weights, [1.0] * 12, mass=np.nextafter(1.0, 2))
        assert result.mass == pytest.approx(1.0, rel=1e-15)
        assert result.unmatched[0].max() <= 1e-16


class TestSmallProblems:
    @given(problems(), st.sampled_from([1, 2, 3.5]), st.sampled_from([None, 0.0, 0.3, 0.999]))
    def test_the_short_way_says_what_the_long_way_does(self, given_, p, share):
        x, y, a, b, lam, mu = given_[:6]
        asked = dict(penalty=(lam, mu)) | ({} if share is None else dict(mass=share * min(sum(a), sum(b))))
        sides = [np.asarray(z, float) for z in (x, y, a, b)]
        short, long = (
            partial_wasserstein(*sides, p=p, **asked, **more) for more in ({}, {"solver": otgen.solvers.Simplex()})
        )
        assert short.status is long.status
        assert short.value == pytest.approx(long.value, rel=1e-11, abs=1e-14)
        assert max(short.lower, long.lower) <= min(short.upper, long.upper) * (1 + 1e-15)
        (f, g), slope = short.potentials, short.gradients().mass or 0.0
        dual = f @ sides[2] + g @ sides[3] + slope * asked.get("mass", 0.0)
        assert dual == pytest.approx(short.cost, rel=1e-9, abs=1e-12)
        moved = short.plan.todense() * short.mass
        np.testing.assert_allclose(moved.sum(axis=1) + short.unmatched[0], sides[2], atol=1e-13)
        np.testing.assert_allclose(moved.sum(axis=0) + short.unmatched[1], sides[3], atol=1e-13)
        assert moved.sum() == pytest.approx(short.mass, rel=1e-13, abs=1e-14)

    def test_it_is_taken(self, monkeypatch):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.normal(size=(9, 2)), rng.normal(size=(8, 2)), rng.random(9), rng.random(8)
        monkeypatch.setattr("otgen.distances.partial.solved", lambda *args, **options: pytest.fail("the long way"))
        prices = rng.random(9), rng.random(8)
        for asked, turned in (
            (dict(penalty=0.5), dict(penalty=0.5)),
            (dict(penalty=prices), dict(penalty=prices[::-1])),
            (dict(mass=1.0), dict(mass=1.0)),
            (dict(penalty=50.0), dict(penalty=50.0)),
        ):
            assert_proven(partial_wasserstein(x, y, a, b, **asked), partial_wasserstein(y, x, b, a, **turned).value)
        assert partial_wasserstein(x[:, 0], y[:, 0], a, b, penalty=0.5).status is Status.OPTIMAL
