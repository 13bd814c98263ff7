"""Inputs on which well-known libraries were seen to fail; the numbers are those of the project's list of hard cases."""

import math
from fractions import Fraction

import numpy as np
import pytest
from proving import assert_coupling, assert_feasible, assert_proven, exact_transport, fractions

import otgen
from otgen import Infeasible, InvalidInput, MassMismatch, NotConverged, Status, TooLarge
from otgen.solvers import LinearProgram, Simplex, Sinkhorn

SQUARE = [[0.0, 1.0], [1.0, 0.0]]


class TestMass:
    def test_1_tiny_unequal_totals(self):
        with pytest.raises(MassMismatch, match=r"2e-09.*1e-07.*normalize=True"):
            otgen.transport(SQUARE, [1e-9, 1e-9], [5e-8, 5e-8])

    def test_2_large_totals_that_differ_by_rounding(self):
        a, b = np.array([5e8, 5e8]), np.array([4e8, 6e8 * (1 + 1e-14)])
        result = otgen.transport(SQUARE, a, b)
        assert result.mass == pytest.approx(1e9)
        assert result.value == pytest.approx(1e8, rel=1e-12)
        assert result.status is Status.OPTIMAL

    def test_3_float32_against_float64_weights(self):
        x = np.arange(10.0).reshape(5, 2)
        result = otgen.wasserstein(x, x + 1, np.full(5, 0.2, np.float32), np.full(5, 0.2))
        assert result.value == pytest.approx(math.sqrt(2), rel=1e-7)

    def test_4_half_the_mass(self):
        with pytest.raises(MassMismatch, match="normalize=True"):
            otgen.wasserstein([[0, 0], [1, 1]], [[0, 0], [1, 1]], [0.5, 0.5], [1, 1])
        result = otgen.wasserstein([[0, 0], [1, 1]], [[0, 0], [1, 1]], [0.5, 0.5], [1, 1], normalize=True)
        assert result.value == 0

    @pytest.mark.parametrize(
        ("bad", "said"), [(np.nan, "nan at index 1"), (np.inf, "inf at index 1"), (-1.0, "-1.0 at index 1")]
    )
    def test_5_bad_weights(self, bad, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.wasserstein([0, 1, 2], [0, 1, 2], [1, bad, 1])

    def test_5_no_mass(self):
        with pytest.raises(InvalidInput, match="3 zeros"):
            otgen.wasserstein([0, 1, 2], [0, 1, 2], [0, 0, 0])

    def test_6_zero_weights_entropic(self):
        x = np.random.default_rng(0).random((6, 2))
        a = np.array([0, 1, 1, 0, 1, 1.0])
        full = otgen.sinkhorn(x, x + 1, a, None, epsilon=0.1)
        part = otgen.sinkhorn(x[a > 0], x + 1, None, None, epsilon=0.1)
        assert full.value == pytest.approx(part.value, rel=1e-9)
        f, g = full.potentials
        costs = ((x[:, None] - x - 1) ** 2).sum(-1)
        soft = -0.1 * np.log(np.exp((g - costs) / 0.1).mean(axis=1))
        np.testing.assert_allclose(f, soft, atol=1e-5)  # at zero mass too: the soft c-transform

    def test_7_weights_of_1e_300(self):
        a = np.array([0.5, 0.5, 1e-300])
        x = np.array([[0, 0], [1, 0], [5, 5.0]])
        result = otgen.wasserstein(x, x[:2], a, None)
        assert result.value == pytest.approx(math.sqrt(41e-300))
        assert result.lower <= math.sqrt(41e-300) <= result.upper
        rows, _ = result.plan.marginals()
        assert rows[2] == 1e-300
        assert_feasible(result.potentials, ((x[:, None] - x[:2]) ** 2).sum(-1), 1e-15)

    @pytest.mark.parametrize("seed", range(10))
    def test_8_5_by_960_uniform(self, seed):
        rng = np.random.default_rng(seed)
        x, y = rng.random((5, 3)), rng.random((960, 3))
        result = otgen.wasserstein(x, y)
        assert result.status is Status.OPTIMAL
        assert_coupling(result.plan, np.ones(5), np.ones(960))

    def test_9_potentials_at_points_without_mass(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((12, 2)), rng.random((9, 2))
        a, b = rng.integers(0, 2, 12).astype(float), rng.integers(0, 2, 9).astype(float)
        result = otgen.wasserstein(x, y, a / a.sum(), b / b.sum())
        costs = ((x[:, None] - y) ** 2).sum(-1)
        assert_feasible(result.potentials, costs, 1e-15)
        f, g = result.potentials
        np.testing.assert_allclose(f[a == 0], (costs - g).min(axis=1)[a == 0], atol=1e-14)


class TestCosts:
    @pytest.mark.parametrize("scale", [1e-300, 1e-14, 1e-12, 1.0, 1e300])
    def test_10_scale(self, scale):
        C = np.random.default_rng(0).random((200, 200))
        reference = otgen.transport(C).value
        result = otgen.transport(C * scale)
        assert result.value / scale == pytest.approx(reference, rel=1e-10)
        assert result.status is Status.OPTIMAL

    def test_11_offset(self):
        C = np.random.default_rng(0).random((30, 30))
        shifted = C + 1e12
        result = otgen.transport(shifted)
        truth = otgen.transport(shifted - 1e12).value + 1e12  # what float64 left of it, exactly
        assert result.lower <= truth <= result.upper
        assert result.upper - result.lower < 2e-3

    def test_12_orders_of_magnitude_in_one_matrix(self):
        rng = np.random.default_rng(5)
        C = 10.0 ** rng.uniform(0, 16, (7, 7))
        a, b = rng.integers(1, 9, 7), rng.integers(1, 9, 7)
        a, b = a * b.sum(), b * a.sum()
        result = otgen.transport(C, a, b)
        truth = exact_transport(fractions(C), a.tolist(), b.tolist()) * int(a.sum())
        assert_proven(result, truth, scale=max(float(truth), 1.0))

    def test_13_forbidden_pairs(self):
        C = np.array([[1, np.inf, np.inf], [2, 1, np.inf], [np.inf, 2, 1.0]])
        result = otgen.transport(C)
        assert result.value == pytest.approx(1.0)
        assert np.isfinite(np.where(result.plan.todense() > 0, C, 0)).all()
        C[0, 0] = np.inf
        with pytest.raises(Infeasible) as caught:
            otgen.transport(C)
        assert caught.value.result.value == math.inf
        assert caught.value.result.plan is None
        assert otgen.transport(C, throw=False).status is Status.INFEASIBLE
        heavy = otgen.transport([[np.inf]], [3.0], [3.0], throw=False)
        assert heavy.lower == heavy.upper == heavy.cost_lower == np.inf

    @pytest.mark.parametrize("bad", [np.nan, -np.inf])
    def test_14_nan_cost(self, bad):
        with pytest.raises(InvalidInput, match=r"at \[1, 0\]"):
            otgen.transport([[0.0, 1.0], [bad, 0.0]])

    @pytest.mark.parametrize("kind", ["equal", "doubled", "integers"])
    def test_15_ties(self, kind):
        rng = np.random.default_rng(0)
        C = {
            "equal": np.ones((40, 40)),
            "doubled": np.repeat(np.repeat(rng.random((20, 20)), 2, 0), 2, 1),
            "integers": rng.integers(0, 3, (40, 40)).astype(float),
        }[kind]
        first, second = otgen.transport(C), otgen.transport(C)
        truth = otgen.transport(C, solver=LinearProgram()).value
        assert first.value == pytest.approx(truth, rel=1e-12, abs=1e-12)
        assert first.gap <= 1e-14
        assert (first.plan.todense() == second.plan.todense()).all()

    def test_16_single_points(self):
        y = np.arange(8.0).reshape(4, 2)
        expected = (y**2).sum(axis=1).mean()
        assert otgen.wasserstein([[0, 0]], y).cost == pytest.approx(expected)
        assert otgen.wasserstein(y, [[0, 0]]).cost == pytest.approx(expected)
        assert otgen.transport([[3.0]]).value == 3

    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_16_no_points(self, shape):
        with pytest.raises(InvalidInput, match="at least one"):
            otgen.transport(np.zeros(shape))
        with pytest.raises(InvalidInput, match="at least one"):
            otgen.wasserstein(np.zeros((0, 2)), np.zeros((3, 2)))

    def test_17_more_pairs_than_32_bits_count(self):
        rng = np.random.default_rng(0)
        x = np.zeros((70_000, 2))
        x[-1] = 3, 4
        y = rng.random((2, 2))
        cost = otgen.Problem.from_points(x, x).cost
        pairs = cost.pairs(np.array([69_999]), np.array([69_998]))
        assert pairs[0] == 25.0  # entry number 4 899 999 998
        sizes = otgen.wasserstein(x[:2000], y)
        assert sizes.status is Status.OPTIMAL

    def test_18_a_dense_path_is_refused_before_it_is_allocated(self):
        x = np.zeros((60_000, 2))
        with pytest.raises(TooLarge, match=r"60000 x 60000, about .* GB; use solver='simplex'"):
            otgen.wasserstein(x, x, solver="linprog")
        plan = otgen.Problem.from_points(x[:, :1], x[:, :1])
        result = otgen.solve(plan)
        with pytest.raises(TooLarge, match="60000 x 60000"):
            result.plan.todense()

    @pytest.mark.parametrize("limit", [0, 1, 2, 5, 50])
    def test_19_iteration_limits(self, limit):
        rng = np.random.default_rng(0)
        x, y, a = rng.random((30, 2)), rng.random((40, 2)), rng.random(30)
        truth = otgen.wasserstein(x, y, a / a.sum(), solver="linprog").value
        with pytest.raises(NotConverged, match="raise the solver's max_iter") as caught:
            otgen.wasserstein(x, y, a / a.sum(), solver=Simplex(max_iter=limit))
        result = caught.value.result
        assert result.status is Status.MAX_ITER
        assert result.lower <= truth <= result.upper
        assert_coupling(result.plan, a, np.ones(40))
        entropic = otgen.sinkhorn(x, y, a / a.sum(), epsilon=0.01, max_iter=limit + 1, throw=False)
        exact = otgen.sinkhorn(x, y, a / a.sum(), epsilon=0.01, tol=1e-12)
        assert entropic.status is Status.MAX_ITER
        assert entropic.lower <= exact.value <= entropic.upper
        assert entropic.exact_bounds[0] <= truth**2 <= entropic.exact_bounds[1]


class TestPoints:
    def test_20_far_from_the_origin(self):
        result = otgen.wasserstein([[1e8], [1e8 + 1]], [[1e8 + 3], [1e8 + 3]], p=1, metric="sqeuclidean")
        assert result.value == 6.5
        assert otgen.Problem.from_points([[1e8], [1e8 + 1]], [[1e8 + 3]]).cost.block().ravel().tolist() == [9, 4]

    @pytest.mark.parametrize("offset", [1e4, 1e6, 2.0**26])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_21_offsets(self, offset, dtype):
        rng = np.random.default_rng(0)
        step = 2.0 if dtype is np.float64 else 16.0
        x, y = step * rng.integers(0, 64, (20, 3)), step * rng.integers(0, 64, (20, 3))
        expected = otgen.wasserstein(x, y).value
        shift = dtype(offset - offset % 16)
        moved = otgen.wasserstein((x + shift).astype(dtype), (y + shift).astype(dtype))
        assert moved.value == expected

    def test_22_integers(self):
        assert otgen.wasserstein(np.array([[100]], np.int8), np.array([[-100]], np.int8)).cost == 40_000
        assert otgen.wasserstein(np.array([[60_000]], np.int32), np.array([[-60_000]], np.int32)).cost == 1.44e10
        assert otgen.wasserstein(np.array([[250]], np.uint8), np.array([[5]], np.uint8)).value == 245

    def test_23_integers_on_a_line(self):
        assert otgen.wasserstein([0, 1, 2], [1, 2, 3], p=1).value == 1

    def test_24_half_floats(self):
        x = np.random.default_rng(0).random((10, 2)).astype(np.float16)
        result = otgen.wasserstein(x, x + np.float16(1))
        wide = otgen.wasserstein(x.astype(float), (x + np.float16(1)).astype(float))
        assert result.value == wide.value
        assert result.potentials[0].dtype == np.float64
        assert otgen.sinkhorn(x, x, epsilon=0.1).potentials[0].dtype == np.float32

    def test_25_high_powers(self):
        assert otgen.wasserstein([0, 1, 2], [1, 2, 3], p=540).value == pytest.approx(1, rel=1e-14)
        assert otgen.wasserstein([0.0, 1e-3], [1e-3, 1.0], p=540).value == pytest.approx(
            0.999 * 0.5 ** (1 / 540), rel=1e-12
        )
        result = otgen.wasserstein([0, 1, 5], [1, 2, 3], p=math.inf)
        assert (result.value, result.cost, result.certificate) == (2, None, "cut")

    @pytest.mark.parametrize("p", [0.5, 0, -1, -math.inf])
    def test_26_powers_below_one(self, p):
        with pytest.raises(InvalidInput, match="p must be at least 1"):
            otgen.wasserstein([0], [1], p=p)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_27_coordinates_that_are_no_numbers(self, bad):
        with pytest.raises(InvalidInput, match=r"x must be finite.*row 1"):
            otgen.wasserstein([[0, 0], [bad, 0]], [[0, 0]])

    def test_28_the_largest_floats(self):
        with pytest.raises(InvalidInput, match="largest float"):
            otgen.wasserstein([-1e308], [1e308])
        assert otgen.wasserstein([-4e307], [4e307]).value == 8e307
        square = otgen.wasserstein([[-4e307, 0]], [[4e307, 0]])
        assert square.value == 8e307
        assert square.cost == math.inf
        assert square.cost_lower == pytest.approx(1.797e308, rel=1e-3)

    def test_29_layouts(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((20, 4)), rng.random((30, 4))
        expected = otgen.wasserstein(x, y)
        locked, before = x.copy(), x.copy()
        locked.flags.writeable = False
        for other in (np.asfortranarray(x), np.repeat(x, 2, 0)[::2], locked):
            result = otgen.wasserstein(other, y)
            assert (result.value, result.lower, result.upper) == (expected.value, expected.lower, expected.upper)
        assert (x == before).all()

    def test_30_unsorted_points_on_a_line(self):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.normal(size=9), rng.normal(size=7), rng.random(9), rng.random(7)
        order = rng.permutation(9)
        first = otgen.wasserstein(x, y, a, b, normalize=True)
        second = otgen.wasserstein(x[order], y, a[order], b, normalize=True)
        assert first.value == pytest.approx(second.value, rel=1e-14)
        np.testing.assert_allclose(first.plan.todense()[order], second.plan.todense(), atol=1e-15)

    @pytest.mark.parametrize("p", [1, 4, 540, math.inf])
    def test_30b_breakpoints(self, p):
        x, y = np.repeat(np.arange(0.0, 50, 10), 2), np.arange(0.0, 50, 10)
        result = otgen.wasserstein(x, y, np.full(10, 0.1), np.full(5, 0.2), p=p)
        assert (result.value, result.lower, result.upper) == (0, 0, 0)
        assert result.status is otgen.Status.OPTIMAL


class TestEntropic:
    def test_31_small_epsilon(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((30, 2)), rng.random((30, 2))
        exact = otgen.wasserstein(x, y).cost
        result = otgen.sinkhorn(x, y, epsilon=1e-4, max_iter=1000, throw=False)
        assert result.exact_bounds[0] <= exact <= result.exact_bounds[1]

    @pytest.mark.parametrize("epsilon", [0, -1, math.nan, math.inf])
    def test_32_epsilon_out_of_range(self, epsilon):
        with pytest.raises(InvalidInput, match="epsilon must be"):
            otgen.sinkhorn([0], [1], epsilon=epsilon)

    def test_32_zero_names_the_exact_function(self):
        with pytest.raises(InvalidInput, match=r"otgen\.wasserstein"):
            otgen.sinkhorn([0], [1], epsilon=0)

    def test_33_marginals_are_measured_again(self):
        rng = np.random.default_rng(0)
        x, y = rng.random((30, 2)), rng.random((20, 2))
        result = otgen.sinkhorn(x, y, epsilon=0.05, tol=1e-8)
        f, g = result.potentials
        gibbs = np.exp((f[:, None] + g - ((x[:, None] - y) ** 2).sum(-1)) / 0.05) / 600
        measured = np.abs(gibbs.sum(axis=1) - 1 / 30).sum(), np.abs(gibbs.sum(axis=0) - 1 / 20).sum()
        assert max(measured) <= 1.01e-8
        assert result.marginal_error == pytest.approx(max(measured), rel=1e-3)

    def test_34_a_dirac_against_itself(self):
        assert otgen.sinkhorn([[1.0, 2.0]], [[1.0, 2.0]], epsilon=0.1).value == 0
        assert otgen.sinkhorn(np.ones((5, 2)), np.ones((4, 2)), epsilon=0.1).value == pytest.approx(0, abs=1e-15)
        assert otgen.sinkhorn_divergence(np.ones((5, 2)), np.ones((4, 2)), epsilon=0.1).value == pytest.approx(
            0, abs=1e-15
        )

    @pytest.mark.parametrize(("metric", "p"), [("euclidean", 1), ("euclidean", 2), ("cityblock", 1)])
    def test_35_nearly_equal_clouds(self, metric, p):
        rng = np.random.default_rng(0)
        x = rng.random((20, 2))
        result = otgen.sinkhorn_divergence(x, x + 1e-7 * rng.random((20, 2)), epsilon=0.1, metric=metric, p=p, tol=1e-9)
        assert result.value >= -1e-9
        assert result.lower <= result.value <= result.upper

    def test_35_where_the_sign_is_free(self):
        result = otgen.sinkhorn_divergence([0.0], [-1.0, 1.0], epsilon=10.0, p=3)
        assert result.upper < 0


def test_squared_points_answer_in_rationals():
    """On dyadic points every cost is exact, so the proven interval is held to the rational optimum itself."""
    rng = np.random.default_rng(7)
    x, y = rng.integers(-8, 8, (5, 2)) / 4, rng.integers(-8, 8, (4, 2)) / 4
    a, b = rng.random(5).tolist(), rng.random(4).tolist()
    truth = exact_transport(fractions(((x[:, None] - y) ** 2).sum(-1)), a, b)
    result = otgen.wasserstein(x, y, a, b, metric="sqeuclidean", p=1, normalize=True)
    assert isinstance(truth, Fraction)
    assert_proven(result, truth)


def test_sinkhorn_solver_is_configured_once():
    with pytest.raises(InvalidInput, match="beside a configured solver"):
        otgen.sinkhorn([0], [1], epsilon=1, solver=Sinkhorn(), tol=1e-3)
