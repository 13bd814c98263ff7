"""Small problems between plain arrays: what the short way says is true, and is what the long way says."""

import copy
import math
import pickle
from fractions import Fraction

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from proving import exact_transport, fractions

import otgen
from otgen.distances import small
from otgen.kernels import dense_simplex

TELLING = (
    *("value", "lower", "upper", "cost", "cost_lower", "cost_upper"),
    *("status", "certificate", "solver", "mass", "p", "epsilon", "unit"),
)  # fields


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def taken(monkeypatch):
    """How often the short way was taken to its end."""
    ways = []
    for name in ("wasserstein", "transport"):
        whole = getattr(small, name)

        def counted(*args, whole=whole, **options):
            found = whole(*args, **options)
            ways.append(found is not None)
            return found

        monkeypatch.setattr(small, name, counted)
    return ways


def the_long_way(solve, *args, **options):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("wasserstein", "transport"):
            patch.setattr(small, name, lambda *args, **options: None)
        return solve(*args, **options)


def outcome(solve, *args, **options):
    """A result, or the error in its place."""
    try:
        return solve(*args, **options)
    except otgen.OtgenError as error:
        return type(error), str(error)


def assert_same(one, other, tight=1e-10):
    """Two outcomes tell the same: errors word for word, numbers up to rounding."""
    if isinstance(other, tuple):
        assert one == other
        return
    for name in TELLING:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, float):
            assert isinstance(right, float), name
            assert left == pytest.approx(right, rel=tight, abs=1e-12 * abs(other.value) + 1e-26), name
        else:
            assert left == right, name


def entries(*kinds):
    """Entries of one of several kinds: ties, negative numbers, far apart, tiny."""
    return st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(0, 1),
        st.sampled_from([0.0, -0.0, 1.0, 1e16, 1e-16, 2.0**59, -(2.0**-59), 1e-300, 3e-310, 5e-324]),
        *kinds,
    )


def masses(size):
    weights = st.one_of(
        st.integers(0, 3).map(float), st.floats(2.0**-60, 1), st.sampled_from([1e-300, 5e-324, -0.0, 2.0**-62, 1e280])
    )
    return st.none() | hnp.arrays(float, size, elements=weights).filter(np.any)


@st.composite
def listed(draw):
    n, m = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    C = draw(hnp.arrays(float, (n, m), elements=entries()))
    return C, draw(masses(n)), draw(masses(m))


@st.composite
def posed(draw):
    n, m, d = draw(st.integers(2, 4)), draw(st.integers(2, 4)), draw(st.integers(2, 9))
    scale = draw(st.sampled_from([1.0, 2.0**-59, 2.0**-16, 2.0**14, 2.0**15, 2.0**58, 2.0**60]))
    x, y = (scale * draw(hnp.arrays(float, (k, d), elements=st.integers(-2, 2) | st.floats(-1, 1))) for k in (n, m))
    metric = draw(
        st.sampled_from(["euclidean", "cityblock", "chebyshev"])
        | st.floats(1, 1e6).map(otgen.Minkowski)
        | st.sampled_from([1, 2, 1 + 2.0**-52, 1e300, math.inf]).map(otgen.Minkowski)
    )
    p = draw(st.sampled_from([1, 2, 2.0, 8, 8.0, 1 + 2.0**-52]) | st.floats(1, 8))
    return (x, y, draw(masses(n)), draw(masses(m))), {"p": p, "metric": metric, "normalize": draw(st.booleans())}


@given(listed(), st.booleans())
def test_intervals_hold_the_exact_optimum_of_a_matrix(problem, normalize):
    C, a, b = problem
    result = outcome(otgen.transport, C, a, b, normalize=normalize)
    assume(not isinstance(result, tuple))
    one, other = (np.ones(k) if side is None else side for k, side in zip(C.shape, (a, b)))
    given_mass = [sum(map(Fraction, side)) for side in (a, b) if side is not None]
    mass = Fraction(1) if normalize or not given_mass else given_mass[0]
    truth = mass * exact_transport(fractions(C), one, other)
    assert Fraction(result.lower) <= truth <= Fraction(result.upper)


@given(listed(), st.booleans())
def test_a_matrix_has_the_result_that_the_long_way_finds(problem, normalize):
    """But where costs are subnormal: these are lost where the others are scaled."""
    C = problem[0]
    assume(not ((C != 0) & (np.abs(C) < 1e-290)).any())
    one = outcome(otgen.transport, *problem, normalize=normalize)
    other = outcome(the_long_way, otgen.transport, *problem, normalize=normalize)
    assert_same(one, other, 1e-6 if np.abs(C).max() > 1e10 else 1e-10)


@given(posed())
def test_points_have_the_result_that_the_long_way_finds(problem):
    args, options = problem
    one, other = (
        outcome(otgen.wasserstein, *args, **options),
        outcome(the_long_way, otgen.wasserstein, *args, **options),
    )
    q = getattr(options["metric"], "q", 1.0)
    assert_same(one, other, 1e-9 if q < 100 or math.isinf(q) else 1.0)


@given(posed(), st.integers(0, 3), st.integers(0, 3), st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 1e308]))
def test_what_is_malformed_is_refused_in_the_words_of_the_long_way(problem, which, where, what):
    args, options = problem
    args = [None if z is None else z.copy() for z in args]
    assume(args[which] is not None)
    args[which].flat[where % args[which].size] = what
    one, other = (
        outcome(otgen.wasserstein, *args, **options),
        outcome(the_long_way, otgen.wasserstein, *args, **options),
    )
    if isinstance(other, tuple):
        assert one == other
    else:
        assert one.status is other.status


def with_kind(kind, array):
    if kind == "read-only":
        array = array.copy()
        array.flags.writeable = False
        return array
    kinds = {
        "swapped": lambda z: z.astype(z.dtype.newbyteorder()),
        "Fortran": np.asfortranarray,
        "backward": lambda z: z[::-1].copy()[::-1],
        "strided": lambda z: np.repeat(z, 2, axis=0)[::2],
        "single": lambda z: z.astype(np.float32),
        "object": lambda z: z.astype(object),
        "masked": np.ma.masked_array,
        "list": lambda z: z.tolist(),
    }
    return kinds[kind](array)


@pytest.mark.parametrize(
    "kind", ["read-only", "swapped", "Fortran", "backward", "strided", "single", "object", "masked", "list"]
)
def test_arrays_of_any_kind_have_one_answer(rng, kind):
    """Costs far apart and no lower bound near the value: so the promise, too, is looked up in the array as received."""
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    a, C = rng.random(5), np.exp(rng.uniform(-90, 35, (5, 4)))
    for solve, args in ((otgen.wasserstein, (x, y)), (otgen.transport, (C,)), (otgen.transport, (C, a))):
        args = tuple(with_kind(kind, z) for z in args)
        before = copy.deepcopy(args)
        assert_same(outcome(solve, *args), outcome(the_long_way, solve, *args), 1e-6)
        for left, right in zip(args, before):
            np.testing.assert_array_equal(left, right)


class TestLists:
    X, Y = [[0.5, 1.0], [2.0, 0.25], [1.0, 1.0]], [[1.5, 0.0], [0.0, 3.0]]

    @pytest.mark.parametrize("weights", [{}, {"a": [0.5, 0.25, 0.25]}, {"a": [1.0, 2.0, 1.0], "b": [3.0, 1.0]}])
    def test_lists_of_floats_take_it(self, taken, weights):
        result = otgen.wasserstein(self.X, self.Y, **weights)
        otgen.transport(self.X, a=weights.get("a"))
        assert taken == [True, True]
        expected = the_long_way(otgen.wasserstein, self.X, self.Y, **weights)
        assert_same(result, expected, 1e-12)
        for found, other in (
            (result.plan.todense(), expected.plan.todense()),
            (result.gradients().x, expected.gradients().x),
        ):
            assert type(found) is type(other)
            assert found.dtype == other.dtype
            np.testing.assert_allclose(found, other, atol=1e-12)

    def test_lists_that_are_changed_afterwards_change_nothing(self):
        x, y, a = copy.deepcopy(self.X), copy.deepcopy(self.Y), [0.5, 0.25, 0.25]
        result, expected = otgen.wasserstein(x, y, a), otgen.wasserstein(self.X, self.Y, list(a))
        x[0][0], y[1][1], a[0] = 7.0, -7.0, 0.125
        np.testing.assert_array_equal(result.gradients().x, expected.gradients().x)
        np.testing.assert_array_equal(result.plan.todense(), expected.plan.todense())

    @pytest.mark.parametrize(
        "x",
        [
            [[0, 1], [2, 0], [1, 1]],
            [[2**60, 1], [2**60 + 1, 0], [2**60, 1]],
            [[0.5, 1.0], [2.0], [1.0, 1.0]],
            [[0.5, True], [2.0, 0.25], [1.0, 1.0]],
            [[0.5, None], [2.0, 0.25], [1.0, 1.0]],
            [[0.5, math.nan], [2.0, 0.25], [1.0, 1.0]],
            [[0.5, "1"], [2.0, 0.25], [1.0, 1.0]],
            [[0.5, [1.0]], [2.0, 0.25], [1.0, 1.0]],
            [(0.5, 1.0), (2.0, 0.25), (1.0, 1.0)],
            [np.array([0.5, 1.0]), [2.0, 0.25], [1.0, 1.0]],
            [[], [], []],
            [],
        ],
        ids=str,
    )
    def test_other_lists_are_read_where_they_were(self, taken, x):
        found, expected = (way(otgen.wasserstein, x, self.Y) for way in (outcome, lambda *z: outcome(the_long_way, *z)))
        assert taken == [False]
        assert_same(found, expected, 1e-12)


class TestFields:
    @pytest.mark.parametrize("p", [1, 2, 8, 1.5])
    def test_the_order_is_a_float(self, rng, taken, p):
        result = otgen.wasserstein(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)), p=p)
        assert taken == [True]
        assert (type(result.p), result.p) == (float, p)

    @pytest.mark.parametrize("sides", [(True, True), (True, False), (False, True)])
    def test_normalised_masses_move_a_mass_of_one(self, rng, taken, sides):
        a, b = (rng.random(k) if held else None for k, held in zip((4, 5), sides))
        x, y = rng.normal(size=(4, 2)), rng.normal(size=(5, 2))
        assert otgen.wasserstein(x, y, a, b, normalize=True).mass == 1.0
        assert otgen.transport(rng.random((4, 5)), a, b, normalize=True).mass == 1.0
        assert taken == [True, True]

    def test_copies_tell_the_same(self, rng, taken):
        result = otgen.wasserstein(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)))
        assert taken == [True]
        for twin in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
            assert twin.to_dict() == result.to_dict()
            np.testing.assert_array_equal(twin.plan.todense(), result.plan.todense())
            np.testing.assert_array_equal(twin.potentials[0], result.potentials[0])
            np.testing.assert_array_equal(twin.gradients().x, result.gradients().x)


class TestProofs:
    def test_one_point_is_proven_by_its_only_plan(self):
        """Potentials prove less: a point far away without mass to speak of has them, too."""
        x, y = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 0.0]])
        result = otgen.wasserstein(x, y, np.array([1.0, 1e-19]))
        assert result.status is otgen.Status.OPTIMAL
        assert result.cost_upper - result.cost_lower < 1e-14 * result.cost

    @pytest.mark.parametrize("way", [np.asarray, np.ndarray.tolist])
    def test_what_underflows_is_charged(self, way):
        """A margin that underflows is not the margin of a value without rounding."""
        tiny = 5e-324
        C = np.array([[0, tiny, tiny, tiny, tiny], [tiny, tiny, 0, 0, tiny], [1, 0, 0, tiny, tiny]])
        a = [2.0, 1.0, 0.0]
        result = otgen.transport(way(C), way(np.array(a)))
        truth = 3 * exact_transport(fractions(C), a, np.ones(5))
        assert Fraction(result.lower) <= truth <= Fraction(result.upper)

    @pytest.mark.parametrize("way", [np.asarray, np.ndarray.tolist])
    def test_a_large_mass_of_tiny_costs(self, way):
        a, b = np.array([2e290]), np.array([0.5e290, 1.5e290])
        result = otgen.transport(way(np.array([[5e-324, 0.0]])), way(a), way(b))
        truth = Fraction(5e-324) * Fraction(0.5e290)
        assert Fraction(result.lower) <= truth <= Fraction(result.upper)

    def test_totals_beyond_all_floats_are_refused(self):
        C, a = np.full((4, 5), 2.0**58), np.full(4, 2e299)
        with pytest.raises(otgen.InvalidInput, match="C must have a total cost below the largest float"):
            otgen.transport(C, a)

    @given(posed())
    def test_proof_files_hold(self, tmp_path_factory, problem):
        args, options = problem
        result = outcome(otgen.wasserstein, *args, **options)
        assume(not isinstance(result, tuple))
        path = tmp_path_factory.mktemp("proofs") / "proof.npz"
        result.save_proof(path)
        lower, upper = otgen.load_proof(path).verify()
        assert lower <= result.upper
        assert result.lower <= upper


class TestSize:
    """A row is read, and the tree walked, for every point: of very many beside a few the square would take minutes."""

    @pytest.mark.parametrize("shape", [(1, 2**18), (2, 2**17), (2**14, 16)])
    def test_long_thin_problems_are_not_for_rows(self, shape):
        assert math.prod(shape) <= dense_simplex.LARGEST
        assert not dense_simplex.fits(*shape)

    @pytest.mark.parametrize("shape", [(2, 5), (5, 2), (1, 2)])
    def test_what_does_not_fit_goes_another_way(self, rng, shape, monkeypatch):
        monkeypatch.setattr(dense_simplex, "LONGEST", 4)
        monkeypatch.setattr(dense_simplex, "solve", lambda *args: pytest.fail("listed"))
        x, y = (rng.normal(size=(k, 2)) for k in shape)
        assert otgen.wasserstein(x, y).status is otgen.Status.OPTIMAL
        assert otgen.transport(rng.random(shape)).status is otgen.Status.OPTIMAL

    def test_kept_arrays_are_never_written(self, rng):
        shares, starts = small._uniform(7), small.dense_stack.single(7, 7).starts
        before = shares.copy(), starts.copy()
        otgen.wasserstein(rng.normal(size=(7, 2)), rng.normal(size=(7, 2))).gradients()
        otgen.transport(rng.random((7, 7))).gradients()
        assert small._uniform(7) is shares
        np.testing.assert_array_equal(shares, before[0])
        np.testing.assert_array_equal(starts, before[1])
