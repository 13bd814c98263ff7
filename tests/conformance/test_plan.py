"""One suite for every plan: it does what the dense matrix of its definition does.

A new kind of plan is a function that makes one, entered in `PLANS`.
"""

import importlib
import pkgutil
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.errors import InvalidInput, TooLarge
from otgen.model.cost import MatrixCost, PointCost, SparseCost
from otgen.model.plan import EntropicPlan, MonotonePlan, Plan, SparsePlan


def listed(rng, n, m):
    """Entries in any order, some pairs more than once, some rows perhaps not at all."""
    count = n + m
    rows, columns, values = rng.integers(0, n, count), rng.integers(0, m, count), rng.random(count)

    def dense():
        out = np.zeros((n, m))
        for i, j, value in zip(rows, columns, values):
            out[i, j] += value
        return out

    return SparsePlan(rows, columns, values, (n, m)), dense


def matched(rng, n, m):
    """A permutation of the smaller number of points: one of all points where there are equally many."""
    rows, columns = rng.permutation(n)[: min(n, m)], rng.permutation(m)[: min(n, m)]

    def dense():
        out = np.zeros((n, m))
        out[rows, columns] = 1 / len(rows)
        return out

    return SparsePlan(rows, columns, np.full(len(rows), 1 / len(rows)), (n, m)), dense


def empty(rng, n, m):
    """Nothing is moved."""
    nothing = np.empty(0, np.int64)
    return SparsePlan(nothing, nothing, np.empty(0), (n, m)), lambda: np.zeros((n, m))


def staircase(x, y, a, b):
    """The monotone coupling of points without ties, in fractions."""
    out = np.zeros((len(x), len(y)))
    rows, columns = list(np.argsort(x)), list(np.argsort(y))
    left = [[Fraction(float(w)) / sum(map(Fraction, side.tolist())) for w in side] for side in (a, b)]
    while rows and columns:
        i, j = rows[0], columns[0]
        amount = min(left[0][i], left[1][j])
        out[i, j] += float(amount)
        left[0][i] -= amount
        left[1][j] -= amount
        rows, columns = rows[left[0][i] == 0 :], columns[left[1][j] == 0 :]
    return out


def sorted_(rng, n, m):
    """Uniform weights, on the line."""
    x, y = rng.permutation(n) / 8, rng.permutation(m) / 4
    problem = otgen.Problem.from_points(x, y, p=1)
    return problem.monotone, lambda: staircase(x, y, np.ones(n), np.ones(m))


def sorted_by_weight(rng, n, m):
    """Weights of unequal totals, some points without mass."""
    x, y = rng.permutation(n) / 8, rng.permutation(m) / 4
    a, b = rng.integers(0, 4, n) / 4, rng.integers(0, 4, m) / 8
    a[rng.integers(n)] += 1
    b[rng.integers(m)] += 1
    problem = otgen.Problem.from_points(x, y, a, b, p=2, normalize=True)
    return problem.monotone, lambda: staircase(x, y, a, b)


def gibbs(cost, entries, rng, n, m, rounded):
    """The plan of some potentials, and its formula entry by entry."""
    f, g, epsilon = rng.normal(size=n) / 4, rng.normal(size=m) / 4, 0.5
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    u, v = (rng.random(n), rng.random(m)) if rounded else (1.0, 1.0)
    r, s = (rng.random(n) / n, rng.random(m) / m) if rounded else (0.0, 0.0)

    def dense():
        smooth = np.exp((f[:, None] + g - entries()) / epsilon)
        return (u * a)[:, None] * smooth * (v * b) + np.outer(np.broadcast_to(r, n), np.broadcast_to(s, m))

    return EntropicPlan(cost, f, g, epsilon, a, b, u, v, r, s), dense


def of_points(rng, n, m, rounded=False):
    """The Gibbs plan between points."""
    x, y = rng.random((n, 2)), rng.random((m, 2))
    return gibbs(PointCost(x, y, "euclidean", 2), lambda: ((x[:, None] - y) ** 2).sum(-1), rng, n, m, rounded)


def of_points_rounded(rng, n, m):
    """Between points, scaled down and with a rest of rank one."""
    return of_points(rng, n, m, rounded=True)


def of_matrix(rng, n, m):
    """Between rows and columns of a matrix, some pairs forbidden, rounded."""
    costs = np.where(rng.random((n, m)) < 0.2, np.inf, rng.random((n, m))) if n * m < 10**6 else np.zeros((n, m), "f4")
    return gibbs(MatrixCost(costs), lambda: costs, rng, n, m, rounded=True)


def of_sparse_matrix(rng, n, m):
    """Between rows and columns of a sparse matrix, whose absent pairs are forbidden."""
    csr = scipy.sparse.random_array((n, m), density=min(0.5, 1e4 / (n * m)), rng=rng).tocsr()

    def entries():
        out, coo = np.full((n, m), np.inf), csr.tocoo()
        out[coo.row, coo.col] = coo.data
        return out

    return gibbs(SparseCost(csr), entries, rng, n, m, rounded=False)


#: From a generator and two sizes to a plan, and to a function that makes the same plan by its definition.
PLANS = [
    listed, matched, empty, sorted_, sorted_by_weight, of_points, of_points_rounded, of_matrix, of_sparse_matrix,
]  # fmt: skip
SHAPES = [(1, 1), (1, 5), (5, 1), (6, 6), (4, 9), (9, 4)]
CLOSE = dict(rtol=1e-12, atol=1e-15)


@pytest.fixture(params=PLANS, ids=lambda make: make.__name__)
def make(request):
    return request.param


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def pair(make, request):
    """A plan, and the matrix of its definition."""
    plan, define = make(np.random.default_rng(sum(request.param)), *request.param)
    return plan, define()


def below(kind):
    """The classes that inherit from one."""
    return [found for child in kind.__subclasses__() for found in (child, *below(child))]


def test_every_plan_of_the_package_is_here():
    for floor in ("model", "solvers", "proofs", "distances"):
        package = importlib.import_module(f"otgen.{floor}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    plans = {kind for kind in below(Plan) if kind.__module__.startswith("otgen.") and not kind.__abstractmethods__}
    assert {type(make(np.random.default_rng(0), 3, 4)[0]) for make in PLANS} == plans


class TestAsAMatrix:
    def test_shape(self, pair):
        plan, dense = pair
        assert plan.shape == dense.shape
        assert plan.T.shape == dense.T.shape
        assert isinstance(plan.T, Plan)

    def test_dense(self, pair):
        plan, dense = pair
        np.testing.assert_allclose(plan.todense(), dense, **CLOSE)
        np.testing.assert_allclose(plan.T.todense(), dense.T, **CLOSE)
        assert plan.todense().dtype == np.float64

    def test_the_dense_plan_is_a_copy(self, pair):
        plan, _ = pair
        before = plan.todense().copy()
        plan.todense()[:] = 7.0
        np.testing.assert_array_equal(plan.todense(), before)

    def test_transposed_twice_it_is_itself(self, pair):
        plan, dense = pair
        again = plan.T.T
        assert again.shape == plan.shape
        np.testing.assert_allclose(again.todense(), dense, **CLOSE)
        vector = np.arange(dense.shape[1]) - 1.5
        np.testing.assert_allclose(again @ vector, dense @ vector, **CLOSE)

    @pytest.mark.parametrize("width", [None, 0, 1, 3])
    def test_products(self, pair, width):
        plan, dense = pair
        sizes = [size if width is None else (size, width) for size in dense.shape[::-1]]
        rng = np.random.default_rng(1)
        for dtype in (np.float64, np.float32, np.int64, bool):
            right, left = (rng.integers(-8, 8, size).astype(dtype) for size in sizes)
            for out, wanted in ((plan @ right, dense @ right), (plan.T @ left, dense.T @ left)):
                assert (out.shape, out.dtype) == (wanted.shape, np.float64)
                np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-13)

    def test_products_with_a_list(self, pair):
        plan, dense = pair
        vector = list(range(2, 2 + dense.shape[1]))
        np.testing.assert_allclose(plan @ vector, dense @ np.array(vector), **CLOSE)

    def test_multiplies_vectors_from_the_left(self, pair):
        plan, dense = pair
        rows = np.random.default_rng(3).normal(size=(4, dense.shape[0]))
        for left in (rows, rows[0], rows[:1]):
            found = left @ plan
            assert found.shape == (left @ dense).shape
            np.testing.assert_allclose(found, left @ dense, **CLOSE)

    def test_is_a_sparse_matrix(self, pair):
        plan, dense = pair
        assert plan.matrix.format == "csr"
        np.testing.assert_allclose(plan.matrix.toarray(), dense, **CLOSE)

    def test_marginals(self, pair):
        plan, dense = pair
        for found, wanted in zip(plan.marginals(), (dense.sum(1), dense.sum(0)), strict=True):
            np.testing.assert_allclose(found, wanted, **CLOSE)

    def test_barycenters(self, pair):
        plan, dense = pair
        rng = np.random.default_rng(2)
        for points in (rng.random((dense.shape[1], 2)), rng.random((dense.shape[1], 1)), rng.random(dense.shape[1])):
            masses = dense.sum(1)
            with np.errstate(invalid="ignore"):
                wanted = (dense @ points) / (masses if points.ndim == 1 else masses[:, None])
            found = plan.barycenters(points)
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=1e-10)
            assert np.isnan(found[masses == 0]).all()

    def test_permutation_where_it_has_one(self, pair):
        plan, dense = pair
        moved = dense > 0
        one_to_one = len(set(dense.shape)) == 1 and (moved.sum(0) == 1).all() and (moved.sum(1) == 1).all()
        if one_to_one:
            np.testing.assert_array_equal(plan.permutation, dense.argmax(1))
        else:
            assert plan.permutation is None

    @given(make=st.sampled_from(PLANS), seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), m=st.integers(1, 12))
    def test_any_size(self, make, seed, n, m):
        rng = np.random.default_rng(seed)
        plan, define = make(rng, n, m)
        dense, vectors = define(), rng.normal(size=(m, 2))
        np.testing.assert_allclose(plan @ vectors, dense @ vectors, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(plan.T @ (plan @ vectors), dense.T @ (dense @ vectors), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(plan.marginals()[1], dense.sum(0), **CLOSE)


class TestAsAnObject:
    def test_repr(self, pair):
        plan, dense = pair
        assert re.fullmatch(rf"{type(plan).__name__}\(shape={re.escape(str(dense.shape))}(, .*)?\)", repr(plan))
        assert len(repr(plan)) < 100

    def test_is_frozen_and_keeps_what_it_was_given(self, pair):
        plan, dense = pair
        assert is_dataclass(plan)
        before = {field.name: np.copy(getattr(plan, field.name)) for field in fields(plan) if _is_array(plan, field)}
        vectors = np.arange(2.0 * dense.shape[1]).reshape(-1, 2)
        given = vectors.copy()
        plan @ vectors, plan.marginals(), plan.todense(), plan.barycenters(vectors), plan.T.T
        np.testing.assert_array_equal(vectors, given)
        for name, values in before.items():
            np.testing.assert_array_equal(getattr(plan, name), values)
        for name in ("shape", fields(plan)[0].name):
            with pytest.raises((FrozenInstanceError, AttributeError)):
                setattr(plan, name, 0)

    def test_the_same_bits_twice(self, make):
        one, other = (make(np.random.default_rng(4), 7, 9)[0] for _ in range(2))
        vectors = np.random.default_rng(5).random((9, 3))
        assert (one @ vectors).tobytes() == (other @ vectors).tobytes() == (one @ vectors).tobytes()
        assert one.todense().tobytes() == other.todense().tobytes()


class TestWhatIsRefused:
    @pytest.mark.parametrize("shape", [(), (4,), (6,), (4, 2), (9, 1), (5, 1, 1), (0,)])
    def test_wrong_shapes(self, make, shape):
        plan, _ = make(np.random.default_rng(0), 4, 5)
        for call in (plan.__matmul__, plan.barycenters):
            with pytest.raises(
                InvalidInput,
                match=rf"(v|points) must have shape \(5,\) or \(5, k\), .*received {re.escape(str(shape))};",
            ):
                call(np.ones(shape))

    @pytest.mark.parametrize("values", [["a"] * 5, [1j] * 5, [[1], [2, 3]], None])
    def test_what_is_no_number(self, make, values):
        plan, _ = make(np.random.default_rng(0), 4, 5)
        with pytest.raises(InvalidInput, match="v must"):
            plan @ values

    def test_dense_plans_beyond_all_memory(self, make):
        plan, _ = make(np.random.default_rng(0), 20_000, 20_001)
        assert plan.shape == (20_000, 20_001)
        with pytest.raises(TooLarge, match="20000 x 20001; use it as an operator"):
            plan.todense()


def _is_array(plan, field):
    return isinstance(getattr(plan, field.name), np.ndarray)


def test_the_suite_sees_a_plan_that_is_wrong():
    """A plan whose transpose is itself, and whose products are short, does not pass."""

    class Wrong(SparsePlan):
        @property
        def T(self):
            return self

        def _multiply(self, vectors):
            return super()._multiply(vectors) * (1 - 1e-9)

    right, define = listed(np.random.default_rng(0), 4, 5)
    pair = Wrong(right.rows, right.columns, right.values, right.size), define()
    suite = TestAsAMatrix()
    for test in (suite.test_shape, suite.test_transposed_twice_it_is_itself, suite.test_marginals):
        with pytest.raises((AssertionError, InvalidInput)):
            test(pair)


def test_a_permutation_is_one_however_it_is_listed():
    """A pair in two parts, and a pair that carries nothing."""
    plan = SparsePlan(np.array([1, 0, 1, 0]), np.array([0, 1, 0, 0]), np.array([0.25, 0.5, 0.25, 0.0]), (2, 2))
    np.testing.assert_array_equal(plan.permutation, [1, 0])


def test_a_permutation_of_points_that_tie():
    """Of points that tie either may go first."""
    x, side = np.array([2.0, 1.0, 2.0]), otgen.Measure(3)
    plan = MonotonePlan.between(x, x, side, side)
    assert sorted(plan.permutation) == [0, 1, 2]
    assert plan.permutation[1] == 1


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_draws_follow_cumulative_masses(n, m, seed):
    """Of an exact, a monotone and an entropic plan: a draw is where the dense row's cumulative mass passes the level."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, 2)), rng.random((m, 2))
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    a, b = a / a.sum(), b / b.sum()
    for plan in (
        otgen.wasserstein(x, y, a, b).plan,
        otgen.wasserstein(x[:, 0], y[:, 0], a, b).plan,
        otgen.sinkhorn(x, y, a, b, epsilon=0.1).plan,
    ):
        rows, levels = rng.integers(0, n, 9), rng.random(9)
        dense = plan.todense()
        ends = np.cumsum(dense[rows], axis=1)
        drawn = plan.draw(rows, levels)
        assert drawn.dtype == np.int64
        assert (dense[rows, drawn] > 0).all()
        passed = levels * ends[:, -1]
        at = np.take_along_axis(ends, drawn[:, None], axis=1)[:, 0]
        assert (at >= passed - 1e-12).all()
        assert (at - dense[rows, drawn] <= passed + 1e-12).all()


@pytest.mark.parametrize("d", [2, 16])
@pytest.mark.parametrize("tol", [1e-9, 0.5])
def test_draws_from_many_columns_go_by_blocks_of_them(d, tol):
    """Above 8192 columns, in the plane and where costs are products; some without mass; with and without a rest of rank one."""
    rng, m = np.random.default_rng(d), 8300
    x, y, b = rng.random((3, d)), rng.random((m, d)), rng.random(m) * (np.arange(m) % 700 > 200)
    plan = otgen.sinkhorn(x, y, [0.5, 0.5, 0.0], b, epsilon=0.05, tol=tol, normalize=True).plan
    dense, rows, levels = plan.todense(), np.array([1, 0, 1, 1, 0] * 20), rng.random(100)
    drawn, ends = plan.draw(rows, levels), np.cumsum(dense, axis=1)
    assert drawn.dtype == np.int64
    assert (dense[rows, drawn] > 0).all()
    passed, at = levels * ends[rows, -1], ends[rows, drawn]
    assert (at >= passed - 1e-12).all()
    assert (at - dense[rows, drawn] <= passed + 1e-12).all()
    assert plan.draw(np.array([0, 1]), np.array([0.0, 1.0 - 2.0**-53])).max() < m
