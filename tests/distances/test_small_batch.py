"""Small exact problems in stacks: each is what it would be alone, to the last bit, whatever is beside it."""

import math
import pickle

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.distances import small, small_batch
from otgen.distances.later_results import LaterResults
from otgen.kernels import dense_values
from otgen.model.units import Units

NUMBERS = (
    *("value", "lower", "upper", "gap", "cost", "cost_lower", "cost_upper", "marginal_error", "mass", "p", "epsilon"),
    *("status", "certificate", "solver", "iterations", "unit", "of_samples", "exact_bounds"),
)
ARRAYS = ("value", "lower", "upper", "gap", "cost", "marginal_error", "iterations", "epsilon")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def told(result):
    """Every number of a result, and the arrays that are made when they are asked for."""
    slopes = result.gradients()
    arrays = (result.plan.todense(), *result.potentials, slopes.x, slopes.y, slopes.a, slopes.b)
    return [getattr(result, name) for name in NUMBERS], [None if z is None else np.asarray(z).tolist() for z in arrays]


def outcome(call):
    """What a call gives, or the error in its place."""
    try:
        return call()
    except otgen.OtgenError as error:
        return type(error), str(error)


def assert_is_loop(batch, alone, problems, **options):
    """A batch over ``problems``, each a tuple of arguments, is the loop; an error is that of the first that is malformed, else infeasible."""
    found = outcome(lambda: batch(*map(list, zip(*problems)), **options))
    loop = [outcome(lambda k=k: alone(*problems[k], **options)) for k in range(len(problems))]
    wrong = [(k, one) for k, one in enumerate(loop) if isinstance(one, tuple)]
    if wrong:
        k, (kind, words) = min(wrong, key=lambda pair: pair[1][0] is otgen.Infeasible)
        assert found == (kind, f"problem {k}: {words}")
        return
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), [getattr(one, name) for one in loop])
    assert found.status == tuple(one.status for one in loop)
    for one, other in zip(found, loop, strict=True):
        assert told(one) == told(other)


METRICS = st.sampled_from(
    ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Minkowski(math.inf), otgen.Circular(2.0)]
)


@st.composite
def side(draw, n):
    """Weights: none, with zeros, in single precision, or too small to be whole numbers."""
    weights = draw(hnp.arrays(float, n, elements=st.integers(0, 3).map(float) | st.sampled_from([0.25, 1e-30, 1e5])))
    weights[draw(st.integers(0, n - 1))] += 1.0
    kind = draw(st.sampled_from(["none", "double", "double", "single"]))
    return None if kind == "none" else weights.astype(np.float32) if kind == "single" else weights


@st.composite
def problems(draw):
    """Of all kinds together: for stacks, on the line, of one point, far apart, lists, and some that are malformed."""
    out, metric = [], draw(METRICS)
    for _ in range(draw(st.integers(1, 6))):
        n, m, d = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.sampled_from([2, 2, 3, 1]))
        scale = draw(st.sampled_from([1.0, 1.0, 0.0, 1e-200, 2.0**-40]))
        x, y = (scale * draw(hnp.arrays(float, (k, d), elements=st.integers(-2, 2) | st.floats(-1, 1))) for k in (n, m))
        if draw(st.integers(0, 15)) == 0:
            x[0, 0] = math.nan
        kind = draw(st.sampled_from(["double", "double", "single", "list", "Fortran", "read-only"]))
        if kind == "single":
            x, y = x.astype(np.float32), y.astype(np.float32)
        elif kind == "list":
            x = x.tolist()
        elif kind == "Fortran":
            x = np.asfortranarray(x)
        elif kind == "read-only":
            y.flags.writeable = False
        out.append((x, y, draw(side(n)), draw(side(m))))
    return out, metric, draw(st.sampled_from([1, 2, 1.5]))


@given(problems(), st.sampled_from([True, True, False]))
def test_each_problem_is_what_it_is_alone(posed, normalize):
    listed, metric, p = posed
    assert_is_loop(otgen.wasserstein_batch, otgen.wasserstein, listed, metric=metric, p=p, normalize=normalize)


@given(problems(), st.sampled_from([True, True, False]), st.booleans())
def test_each_matrix_is_what_it_is_alone(posed, normalize, forbidden):
    listed, _, _ = posed
    matrices = []
    for x, y, a, b in listed:
        C = (np.asarray(x, float)[:, None] - y).sum(-1)
        if forbidden:
            C[C > 1] = math.inf
        matrices.append((C, a, b))
    assert_is_loop(otgen.transport_batch, otgen.transport, matrices, normalize=normalize)


@pytest.mark.parametrize(
    "metric", ["euclidean", "cityblock", "chebyshev", "sqeuclidean", "cosine", otgen.Minkowski(2.5)]
)
@pytest.mark.parametrize("kind", [np.asarray, np.float32, np.asfortranarray, list, tuple, np.ndarray.tolist])
def test_arrays_of_any_kind(rng, metric, kind):
    x, y, a = rng.random((7, 4, 3)) + 1, rng.random((7, 5, 3)) + 1, rng.random((7, 4))
    given_x, given_y = kind(x), kind(y)
    for weights in (None, a):
        batch = otgen.wasserstein_batch(given_x, given_y, weights, metric=metric, p=1)
        for k, one in enumerate(batch):
            alone = otgen.wasserstein(given_x[k], given_y[k], None if weights is None else a[k], metric=metric, p=1)
            assert told(one) == told(alone)


@pytest.mark.parametrize("shared", ["x", "y", "a", "b", "xa"])
def test_what_all_share(rng, shared):
    many = dict(x=rng.random((6, 4, 3)), y=rng.random((6, 5, 3)), a=rng.random((6, 4)), b=rng.random((6, 5)))
    sides = [z[0] if name in shared else z for name, z in many.items()]
    batch = otgen.wasserstein_batch(*sides, normalize=True)
    for k, one in enumerate(batch):
        alone = [z if name in shared else z[k] for name, z in zip(many, sides)]
        assert told(one) == told(otgen.wasserstein(*alone, normalize=True))


def test_bits_depend_neither_on_threads_nor_on_stacks(rng, monkeypatch):
    """Enough work for two threads, and for many stacks where these may hold little."""
    sizes = rng.integers(2, 40, (250, 2))
    xs, ys = ([rng.random((n, 2)) for n in lengths] for lengths in sizes.T)
    monkeypatch.setenv("OTGEN_NUM_THREADS", "1")
    alone = otgen.wasserstein_batch(xs, ys, p=1)
    for threads, held in (("2", small_batch.HELD), ("2", 4000), ("5", small_batch.HELD)):
        monkeypatch.setenv("OTGEN_NUM_THREADS", threads)
        monkeypatch.setattr(small_batch, "HELD", held)
        found = otgen.wasserstein_batch(xs, ys, p=1)
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
        for one, other in zip(found[::50], alone[::50], strict=True):
            assert told(one) == told(other)


def test_numbers_are_there_before_results(rng):
    batch = otgen.wasserstein_batch(rng.random((9, 4, 2)), rng.random((9, 4, 2)))
    assert isinstance(batch.results, LaterResults)
    kept = batch.value.copy(), repr(batch), batch.status, batch[2:5].upper
    assert batch.results.made == {}
    assert batch[3] is batch[3] is batch[2:5][1] is batch[::-1][5]
    assert set(batch.results.made) == {3}
    assert "9 OPTIMAL" in kept[1]
    np.testing.assert_array_equal(kept[0][2:5][::-1], batch[2:5][::-1].value)
    assert batch[::-1].value.tolist() == [result.value for result in batch][::-1]
    assert batch[::-2].iterations.tolist() == [result.iterations for result in batch[::-2]]
    with pytest.raises(IndexError):
        batch[9]
    with pytest.raises(TypeError):
        batch["value"]
    batch.value[0] = 7.0
    assert batch[:1].value[0] == batch[0].value != 7.0


def test_copies_tell_the_same(rng):
    batch = otgen.wasserstein_batch(rng.random((5, 4, 2)), rng.random((5, 4, 2)))
    twin = pickle.loads(pickle.dumps(batch))
    assert [told(one) for one in twin] == [told(one) for one in batch]
    np.testing.assert_array_equal(twin.value, batch.value)


def test_stacks_are_what_is_solved(rng, monkeypatch):
    """Nothing of what is for stacks goes one by one."""
    monkeypatch.setattr(small, "wasserstein", lambda *args, **options: pytest.fail("alone"))
    monkeypatch.setattr(small, "transport", lambda *args, **options: pytest.fail("alone"))
    x, y = rng.random((4, 3, 2)), rng.random((4, 5, 2))
    y[2] = y[2, :1]
    x[2] = y[2, 0]
    assert otgen.wasserstein_batch(x, y).value[2] == 0.0
    assert otgen.wasserstein_batch(list(x), y, rng.random((4, 3)), normalize=True).value.argmin() == 2
    assert len(otgen.transport_batch(rng.random((4, 3, 5)), None, rng.random(5))) == 4


class TestErrors:
    def test_the_first_that_is_wrong_is_named(self, rng):
        x, y = rng.random((5, 4, 2)), rng.random((5, 4, 2))
        x[3, 1, 0] = math.nan
        y[4] = math.inf
        with pytest.raises(otgen.InvalidInput, match=r"^problem 3: x must be finite"):
            otgen.wasserstein_batch(x, y)
        a, b = np.ones((5, 4)), np.ones((5, 4))
        b[2] = 2.0
        with pytest.raises(otgen.MassMismatch, match=r"^problem 2: a and b must carry the same total mass"):
            otgen.wasserstein_batch(x, y, a, b)
        with pytest.raises(otgen.InvalidInput, match=r"^p must be at least 1"):
            otgen.wasserstein_batch(x, y, p=0)

    def test_forbidden_pairs_that_leave_no_plan(self):
        C = np.ones((3, 2, 2))
        C[1, 0] = math.inf
        with pytest.raises(otgen.Infeasible, match=r"^problem 1: "):
            otgen.transport_batch(C)
        batch = otgen.transport_batch(C, throw=False)
        assert batch.value.tolist() == [1.0, math.inf, 1.0]
        assert batch[1].plan is None
        assert np.isnan(batch.marginal_error).tolist() == [False, True, False]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((np.ones((2, 2)),), "Cs must hold several matrices"),
            ((np.ones((2, 2, 2)), np.ones((3, 2))), "Cs, a and b must hold equally many problems.*2 of Cs, 3 of a"),
            ((3.0,), "Cs must be an array or a sequence"),
            (
                (np.ones((2, 2, 2)), np.ones(3)),
                r"^a must have shape \(2,\), one weight for each of the rows of Cs\[0\]",
            ),
            (([np.ones((2, 2)), np.ones(2)],), "problem 1: C must be a matrix"),
        ],
    )
    def test_matrices_that_do_not_fit(self, arguments, words):
        with pytest.raises(otgen.InvalidInput, match=words):
            otgen.transport_batch(*arguments)

    def test_none_at_all(self):
        for batch in (otgen.transport_batch([]), otgen.wasserstein_batch(np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), [])):
            assert len(batch) == 0
            assert batch.value.shape == (0,)
            assert batch.status == ()
            assert batch.to_dict()["value"] == []


class TestMatrices:
    def test_one_matrix_between_many_histograms(self, rng):
        C, a, b = rng.random((4, 5)), rng.random((6, 4)), rng.random(5)
        for matrix in (C, C.tolist(), scipy.sparse.csr_array(C)):
            batch = otgen.transport_batch(matrix, a, b, normalize=True)
            for one, weights in zip(batch, a, strict=True):
                assert told(one) == told(otgen.transport(matrix, weights, b, normalize=True))

    def test_masses_count(self, rng):
        C, a = rng.random((3, 4, 5)), rng.random((3, 4))
        batch = otgen.transport_batch(C, a)
        np.testing.assert_allclose([one.mass for one in batch], a.sum(axis=1))
        np.testing.assert_array_equal(batch.value, [otgen.transport(*pair).value for pair in zip(C, a)])

    def test_entropic_ones(self, rng):
        C = rng.random((3, 4, 5))
        batch = otgen.transport_batch(C, epsilon=0.1, relax=1.0)
        np.testing.assert_array_equal(batch.value, [otgen.transport(c, epsilon=0.1, relax=1.0).value for c in C])
        with pytest.raises(otgen.InvalidInput, match=r"^epsilon"):
            otgen.transport_batch(C, epsilon=-1.0)

    def test_a_limit_is_told_for_its_problem(self, rng):
        C, solver = rng.random((2, 20, 20)), otgen.solvers.Simplex(max_iter=1)
        with pytest.raises(otgen.NotConverged, match=r"^problem 0: ") as caught:
            otgen.transport_batch(C, solver=solver)
        assert len(caught.value.result) == 2


def test_the_least_floats_are_moved_by_one_of_them():
    """5e-324 of mass 2 is 1e-323, and nothing of it was lost: an end lies one float further, as it does for one problem alone."""
    numbers = np.array([[5e-324, 5e-324, 5e-324, 0.0, 0.0, 2.0, 2.0]])
    found = dense_values.tell(numbers, 1.0, (True, True), root=False, normalize=False)
    assert found[0, :3].tolist() == [1e-323, 5e-324, 1.5e-323]


@given(
    numbers=hnp.arrays(
        float,
        (4, 7),
        elements=st.floats(0, 1e3) | st.sampled_from([0.0, 5e-324, 1e-310, 1e300, 1.5e308, math.inf, math.nan]),
    ),
    p=st.sampled_from([1.0, 2.0, 8.0]) | st.floats(1, 8),
    given_masses=st.tuples(st.booleans(), st.booleans()),
    normalize=st.booleans(),
    root=st.booleans(),
    masses=hnp.arrays(float, (4, 2), elements=st.sampled_from([1.0, 2.0, 1.0 + 2.0**-40, 0.3, 1e-300, 1e290])),
)
def test_values_are_those_of_units(numbers, p, given_masses, normalize, root, masses):
    """The compiled way back from costs to values is the one for numbers, to the last bit."""
    numbers[:, 5:] = masses
    p = p if root else 1.0
    found = dense_values.tell(numbers, p, given_masses, root=root, normalize=normalize)
    for (cost, lower, upper, *_, one, other), row in zip(numbers.tolist(), found.tolist()):
        mass = one if given_masses[0] else other if given_masses[1] else 1.0
        if normalize:
            mass = 1.0
        elif all(given_masses) and abs(one - other) > 1e-9 * max(one, other):
            mass = math.nan
        back = Units(0, p, mass=1.0 if root else mass, root=root)
        wanted = [back.value(cost), back.value(lower, -1), back.value(upper, 1)]
        wanted += [back.cost(cost), back.cost(lower, -1), back.cost(upper, 1), mass]
        if math.isnan(mass):
            assert math.isnan(row[6])
        else:
            np.testing.assert_array_equal(row, wanted)
