"""Whole numbers that no double holds, and moments: distances against integers and fractions."""

import datetime
from fractions import Fraction

import numpy as np
import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.inputs import arrays, moments, reading, tables, whole

EPOCH = 1_700_000_000_000_000_000  # nanoseconds since 1970, in 2023
X, Y = np.array([EPOCH + 100, EPOCH + 300]), np.array([EPOCH + 200, EPOCH + 400])
FORMS = [
    np.asarray,
    lambda z: z.astype(np.uint64),
    lambda z: z.tolist(),
    lambda z: z.astype(object),
    lambda z: z[:, None],
    lambda z: [[number] for number in z],
    torch.tensor,
    pyarrow.array,
    lambda z: pyarrow.table({"t": z}),
    lambda z: pyarrow.table({"t": z, "u": z.astype(np.uint64) // 2**40}),  # numpy makes floats of both
]


def truth(x, y):
    """W_1 of equally many points on the line, in integers."""
    return Fraction(sum(abs(int(s) - int(t)) for s, t in zip(sorted(x), sorted(y), strict=True)), len(x))


def assert_holds(result, want):
    assert Fraction(result.lower) <= want <= Fraction(result.upper)
    assert abs(Fraction(result.value) - want) <= want * Fraction(1, 10**12)


@st.composite
def lines(draw):
    """Two clouds of whole numbers around anything, of a span that doubles hold once they are moved."""
    grain = 2 ** draw(st.integers(0, 20))
    base = draw(st.integers(-(2**80), 2**80))
    size = draw(st.integers(1, 6))
    cloud = st.lists(st.integers(-(2**50), 2**50), min_size=size, max_size=size)
    return [[base + grain * step for step in draw(cloud)] for _ in range(2)]


@given(lines())
def test_distances_are_those_of_the_integers(clouds):
    x, y = clouds
    assert_holds(otgen.wasserstein(x, y, p=1), truth(x, y))


@given(lines(), st.sampled_from([np.int64, np.uint64]), st.sampled_from([np.int64, np.uint64]))
def test_any_dtypes(clouds, one, other):
    (low, high), base = (0, 2**63 - 1), min(map(min, clouds))
    x, y = ([number - base + 2**62 for number in z] for z in clouds)
    if all(low <= number <= high for number in x + y):
        assert_holds(otgen.wasserstein(np.array(x, one), np.array(y, other), p=1), truth(x, y))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=6))
def test_what_is_taken_is_exact_and_what_is_refused_cannot_be(numbers):
    found = whole.moved(np.array(numbers[:1]), np.array(numbers[1:]))
    differences = [number - numbers[0] for number in numbers]
    if found is not None:
        moved = np.concatenate(found)
        assert [Fraction(z) - Fraction(moved[0]) for z in moved] == differences
    else:
        assert max(numbers) - min(numbers) > 2**53


@given(st.lists(st.one_of(st.integers(-(2**1200), 2**1200), st.integers(-(2**64), 2**64)), min_size=1, max_size=5))
def test_which_numbers_are_doubles(numbers):
    def is_double(number):
        try:
            return int(float(number)) == number
        except OverflowError:
            return False

    array = whole.narrowed(np.array(numbers, object))
    assert whole.is_whole(array)
    assert whole.held(array).tolist() == [is_double(number) for number in numbers]


def test_the_largest_and_what_is_larger():
    assert not whole.held(np.array([2**1024 - 1, 2**1100], object)).any()
    assert whole.moved(np.array([2**1100], object), np.array([0])) is None
    assert_holds(otgen.wasserstein([2**1100 + 1], [2**1100 + 4], p=1), 3)
    assert_holds(otgen.wasserstein([2**900 + 2**800], [2**900], p=1), 2**800)


def test_fractions_beside_whole_numbers_are_moved_with_them():
    found = whole.moved(np.array([2**53 + 3]), np.array([2.0**53 + 2, 2.0**52 + 0.5]))
    assert found is not None
    one, other = found
    assert one[0] - other[0] == 1
    assert other[0] - other[1] == 2.0**52 + 1.5
    assert otgen.wasserstein(X, Y.astype(float), p=1).value == float(truth(X, map(int, Y.astype(float))))


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form):
    assert_holds(otgen.wasserstein(form(X), form(Y), p=1), 100)


CALLS = [
    lambda x, y: otgen.wasserstein(x, y, p=1),
    lambda x, y: otgen.wasserstein(x, y, p=np.inf),
    lambda x, y: otgen.wasserstein(np.stack([x, x], 1), np.stack([y, y], 1), p=1, metric="chebyshev"),
    lambda x, y: otgen.wasserstein(x, y, p=1, metric=otgen.Minkowski(3)),
    lambda x, y: otgen.wasserstein(x, y, p=1, metric=otgen.Circular(10_000)),
    lambda x, y: otgen.sinkhorn(x, y, p=1, epsilon=5.0),
    lambda x, y: otgen.sinkhorn_divergence(x, y, p=1, epsilon=5.0),
    lambda x, y: otgen.sliced_wasserstein(np.stack([x, x[::-1]], 1), np.stack([y, y[::-1]], 1), rng=0),
    lambda x, y: otgen.wasserstein_batch([x, y], [y, x], p=1)[1],
    lambda x, y: otgen.sinkhorn_batch([x, y], [y, x], p=1, epsilon=5.0)[1],
    lambda x, y: otgen.sinkhorn_divergence_batch([x, y], [y, x], p=1, epsilon=5.0)[1],
]


@pytest.mark.parametrize("call", CALLS)
def test_every_entry_gives_what_small_numbers_give(call):
    assert call(X, Y).value == pytest.approx(call(X - EPOCH, Y - EPOCH).value, rel=1e-12)


def flat(found):
    return np.concatenate(
        [np.ravel(np.asarray(part, float)) for part in (found if isinstance(found, list) else [found])]
    )


def planes(x, y):
    return [np.stack([z, z[::-1]], axis=1) for z in (x, y)]


DOORS = [
    lambda x, y: otgen.partial_wasserstein(x, y, penalty=500.0, p=1).value,
    lambda x, y: otgen.max_sliced_wasserstein(*planes(x, y), rng=0).value,
    lambda x, y: otgen.pairwise([x, y], p=1),
    lambda x, y: otgen.pairwise([x], [y], p=1),
    lambda x, y: otgen.pairwise(np.eye(len(x)), support=x, p=1),
    lambda x, y: otgen.neighbors([x], [y, y[:1]], k=2, p=1).value,
    lambda x, y: len(otgen.within([x], 1000.0, [y], p=1).pairs),
    lambda x, y: otgen.two_sample_test(x, y, n_permutations=5, rng=0, p=1).observed,
    lambda x, y: otgen.two_sample_test(x, y, n_permutations=5, rng=0, distance="energy").observed,
    lambda x, y: otgen.permutation_null(x, y, n_permutations=3, rng=0, p=1).values,
    lambda x, y: otgen.audit(x, y, p=1, plan=np.arange(len(x))).cost_upper,
    lambda x, y: otgen.solve(otgen.Problem.from_points(x, y, p=1)).value,
    lambda x, y: [(slopes := otgen.wasserstein(x, y).gradients()).x, slopes.y],
    lambda x, y: otgen.nn.coupling.pair(*(torch.tensor(z)[:, None] for z in (x, y)), rng=0).columns,
    lambda x, y: otgen.nn.objectives.minibatch.transport(*(torch.tensor(z)[:, None] for z in (x, y))).value,
]


@given(
    base=st.integers(2**54, 2**62),
    steps=st.lists(st.integers(0, 5000), min_size=4, max_size=4, unique=True),
    door=st.sampled_from([*range(len(CALLS) + len(DOORS))]),
)
def test_every_door_gives_what_small_numbers_give(base, steps, door):
    call = (*((lambda x, y, call=call: call(x, y).value) for call in CALLS), *DOORS)[door]
    near = [np.array(steps[:2]), np.array(steps[2:])]
    far = [z + base for z in near]
    np.testing.assert_allclose(flat(call(*far)), flat(call(*near)), rtol=1e-9, atol=1e-9)


def test_audits_and_divergences_of_samples():
    assert otgen.audit(X, Y, p=1, plan=[0, 1], potentials=([200.0, 0.0], [-100.0, -300.0]), value=100.0).holds
    steps = np.random.default_rng(0).integers(0, 10_000, (2, 50))
    there, here = (otgen.divergences.kl_samples(*(steps + start)) for start in (EPOCH, 0))
    assert there.value == pytest.approx(here.value, rel=1e-12)


def test_plans_send_points_where_they_are():
    result = otgen.wasserstein(X, Y[::-1], p=1)
    assert result.plan.permutation.tolist() == [1, 0]
    np.testing.assert_array_equal(result.plan.barycenters(Y[::-1]), Y.astype(float))


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("cosine", "metric='cosine'"),
        ("great_circle", "metric='great_circle'"),
        (lambda s, t: np.abs(s[:, None] - t).sum(-1), "a callable metric"),
    ],
)
def test_metrics_that_change_under_translation(metric, said):
    x, y = np.array([[EPOCH + 1, 3]]), np.array([[EPOCH, 3]])
    with pytest.raises(otgen.InvalidInput, match=f"under {said}.*received {EPOCH + 1}"):
        otgen.wasserstein(x, y, p=1, metric=metric)
    with pytest.raises(otgen.InvalidInput, match=f"must be numbers under {said}"):
        otgen.wasserstein(x.astype("M8[ns]"), y.astype("M8[ns]"), p=1, metric=metric)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: otgen.wasserstein([2**62 + 1], [-(2**62)]), "whole numbers that are doubles once"),
        (lambda: otgen.wasserstein([2**70 + 2], [1]), "whole numbers that are doubles once"),
        (lambda: otgen.wasserstein([2**53 + 1], [0.5]), "received 0.5 to 9007199254740993 in coordinate 0"),
        (lambda: otgen.wasserstein([[2**53 + 1, 0.5]], [[1, 1]]), "where it holds fractions as well"),
        (
            lambda: otgen.wasserstein(pyarrow.table({"a": X, "b": [0.5, 0.5]}), [[1.0, 1.0]]),
            "where it holds fractions as well",
        ),
        (lambda: otgen.Measure(X), "points must hold whole numbers that are doubles"),
        (lambda: otgen.transport([[2**53 + 1, 0], [0, 1]]), "C must hold whole numbers that are doubles"),
        (lambda: otgen.transport([[2**53 + 1, 0.5], [0, 1]]), "C must hold whole numbers that are doubles"),
        (lambda: otgen.wasserstein([0, 1], [0, 1], [2**53 + 1, 1], [2**53 + 1, 1]), "a must hold whole numbers that"),
        (lambda: otgen.bures_wasserstein([2**53 + 1], [[1]], [0], [[1]]), "mean0 must hold whole numbers that"),
    ],
)
def test_what_cannot_be_exact_is_refused(call, said):
    with pytest.raises(otgen.InvalidInput, match=said):
        call()


def test_losses_refuse_what_they_would_round():
    x, y = torch.tensor(X)[:, None], torch.tensor(Y)[:, None]
    with pytest.raises(otgen.InvalidInput, match="x must hold whole numbers up to"):
        otgen.nn.SinkhornLoss(epsilon=1.0)(x, y)
    near = otgen.nn.SinkhornLoss(epsilon=1.0)(x - EPOCH, y - EPOCH)
    assert near.dtype == torch.float64


def test_what_doubles_hold_is_not_moved():
    one, other, unit = arrays.clouds([[2**60, 5]], [[2.0, 2**53]])
    assert (one.points.tolist(), other.points.tolist(), unit) == ([[2.0**60, 5.0]], [[2.0, 2.0**53]], None)
    beside, _, _ = arrays.clouds([[EPOCH + 1, 5]], [[EPOCH, 7]])
    assert beside.points[0, 1] == 5


UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"]
NANOSECONDS = dict(zip(UNITS[2:], (604_800 * 10**9, 86_400 * 10**9, 3600 * 10**9, 60 * 10**9, 10**9, 10**6, 1000, 1)))


@given(
    st.sampled_from(UNITS[2:]),
    st.sampled_from(UNITS[2:]),
    st.sampled_from("mM"),
    st.lists(st.integers(-300, 300), min_size=1, max_size=4),
    st.integers(-300, 300),
)
def test_moments_and_durations_are_whole_numbers_of_the_finer_unit(one, other, kind, steps, step):
    x, y = np.array(steps, f"{kind}8[{one}]"), np.full(len(steps), step, f"{kind}8[{other}]")
    result = otgen.wasserstein(x, y, p=1)
    finer = max(one, other, key=UNITS.index)
    in_nanoseconds = truth([number * NANOSECONDS[one] for number in steps], [step * NANOSECONDS[other]] * len(steps))
    assert result.unit == finer
    assert_holds(result, in_nanoseconds / NANOSECONDS[finer])


STAMPS = st.lists(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)), min_size=2, max_size=2)


@given(STAMPS, STAMPS)
def test_moments_against_the_calendar(x, y):
    result = otgen.wasserstein(np.array(x, "M8[us]"), np.array(y, "M8[us]"), p=1)
    apart = [abs(s - t) // datetime.timedelta(microseconds=1) for s, t in zip(sorted(x), sorted(y), strict=True)]
    assert_holds(result, Fraction(sum(apart), 2))


@pytest.mark.parametrize("call", CALLS)
def test_every_entry_tells_the_unit(call):
    result = call(X.astype("M8[ns]"), Y.astype("M8[ns]"))
    assert result.unit == result.to_dict()["unit"] == "ns"
    assert "distances in ns" in repr(result)
    assert result.value == pytest.approx(call(X, Y).value, rel=1e-12)


def test_both_clouds_of_a_divergence_are_in_one_unit():
    hours, minutes = np.array([0, 2, 3], "m8[h]"), np.array([30, 90, 200], "m8[m]")
    want = otgen.sinkhorn_divergence([0.0, 120.0, 180.0], [30.0, 90.0, 200.0], epsilon=500.0)
    for call in (otgen.sinkhorn_divergence, lambda *z, **k: otgen.sinkhorn_divergence_batch(*([w] for w in z), **k)[0]):
        assert call(hours, minutes, epsilon=500.0).value == pytest.approx(want.value, rel=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (X.astype("M8[ns]"), X * 1.0, "must both be moments, durations or numbers"),
        (X.astype("M8[ns]"), X.astype("m8[ns]"), "must both be moments, durations or numbers"),
        (np.array(["NaT", "2024"], "M8[D]"), X.astype("M8[ns]"), r"x must be finite; received NaT in row 0 \(1 such"),
        (np.array([1], "m8[M]"), np.array([60], "m8[D]"), "units of which one is a multiple"),
        (np.array([1], "m8"), np.array([60], "m8[D]"), "must have a unit of time"),
        (np.array(["3000"], "M8[Y]"), X.astype("M8[ns]"), "x must lie within the 64 bits"),
        (np.array(["1900-01-01T00:00:00.000000001"], "M8[ns]"), X.astype("M8[ns]") + 1, "span up to 2"),
    ],
)
def test_moments_that_have_no_distance(x, y, said):
    with pytest.raises(otgen.InvalidInput, match=said):
        otgen.wasserstein(x, y, p=1)


def test_a_multiple_of_a_unit_counts_in_the_unit():
    one, other, unit = moments.counted(np.array([1], "M8[10ns]"), np.array([1], "M8[15ns]"), ("x", "y"))
    assert (one.tolist(), other.tolist(), unit) == ([10], [15], "ns")


def test_columns_of_tables():
    table = pyarrow.table({"a": [1, 2], "b": [0.5, 1.0]})
    assert [column.dtype.kind for column in tables.columns_of(table) or []] == ["i", "f"]
    array, _ = reading.as_numpy(table, "x")
    np.testing.assert_array_equal(array, [[1.0, 0.5], [2.0, 1.0]])
