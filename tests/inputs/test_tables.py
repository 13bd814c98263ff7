"""Data frames are compared by the names of their columns."""

import types

import numpy as np
import pandas
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.inputs.tables import are_named, column_names, row_names

CALLS = [
    lambda x, y: otgen.wasserstein(x, y),
    lambda x, y: otgen.sinkhorn(x, y, epsilon=0.5),
    lambda x, y: otgen.sinkhorn_divergence(x, y, epsilon=0.5),
    lambda x, y: otgen.sliced_wasserstein(x, y, rng=0),
    lambda x, y: otgen.audit(x, y, plan=np.arange(6), value=1.0),
    lambda x, y: otgen.divergences.js_samples(x, y, rng=0),
]
POINTS = np.random.default_rng(0).random((6, 2))


def frame(*names):
    return pyarrow.table({name: POINTS[:, "ab".find(name)] for name in names})


@pytest.mark.parametrize("call", CALLS)
def test_other_names_and_other_orders_are_refused(call):
    with pytest.raises(otgen.InvalidInput, match=r"received a, b and b, a; pass y\.select\(\['a', 'b'\]\)"):
        call(frame("a", "b"), frame("b", "a"))
    with pytest.raises(otgen.InvalidInput, match="received 'b', 'c' on one side only"):
        call(frame("a", "b"), frame("a", "c"))


@pytest.mark.parametrize("call", CALLS)
def test_the_same_names_and_arrays_are_taken(call):
    numbers = [
        call(*pair) for pair in ((POINTS, POINTS), (frame("a", "b"), frame("a", "b")), (frame("a", "b"), POINTS))
    ]
    truth, *others = (one.upper if isinstance(one, otgen.Audit) else one.value for one in numbers)
    assert others == [truth, truth]


@given(st.permutations("abcd"), st.permutations("abcd"))
def test_a_distance_is_by_name_or_refused(ours, theirs):
    held = {name: np.arange(3.0) * k for k, name in enumerate("abcd")}
    one, other = (pyarrow.table({name: held[name] for name in order}) for order in (ours, theirs))
    if ours == theirs:
        assert otgen.wasserstein(one, other).value == 0
    else:
        with pytest.raises(otgen.InvalidInput, match=r"same columns in the same order; .* pass y\.select\("):
            otgen.wasserstein(one, other)
        assert otgen.wasserstein(one, other.select(list(ours))).value == 0


def test_what_has_names():
    pandas = types.SimpleNamespace(columns=["a", "b"], iloc=None)  # what is asked of a frame
    assert column_names(pandas) == ("a", "b")
    assert column_names(types.SimpleNamespace(columns=[2019, 2020], iloc=None)) == (2019, 2020)
    assert not are_named(column_names(types.SimpleNamespace(columns=[0, 1], iloc=None)))
    assert column_names(types.SimpleNamespace(iloc=None)) is None  # a series
    assert column_names([[0.0]]) is None


def test_frames_of_pandas():
    pandas = pytest.importorskip("pandas", reason="tested where it is installed")
    held = pandas.DataFrame(POINTS, columns=["a", "b"])
    assert otgen.wasserstein(held, held[["a", "b"]]).value == 0
    with pytest.raises(otgen.InvalidInput, match="same columns in the same order"):
        otgen.wasserstein(held, held[["b", "a"]])


COLLECTIONS = [
    lambda x, y: otgen.pairwise([x], [y]),
    lambda x, y: otgen.neighbors([x], [y]),
    lambda x, y: otgen.within([x], 1.0, [y]),
    lambda x, y: otgen.wasserstein_batch([x], [y]),
]


@pytest.mark.parametrize("call", COLLECTIONS)
def test_collections_are_compared_by_name(call):
    with pytest.raises(otgen.InvalidInput, match="same columns in the same order; received a, b and b, a"):
        call(frame("a", "b"), frame("b", "a"))
    call(frame("a", "b"), frame("a", "b"))


@pytest.mark.parametrize("call", [otgen.pairwise, otgen.neighbors, lambda x, y, **k: otgen.within(x, 1.0, y, **k)])
def test_so_are_histograms(call):
    one = pandas.DataFrame([[0.25, 0.75]], columns=["a", "b"])
    with pytest.raises(otgen.InvalidInput, match="same columns in the same order; received a, b and b, a"):
        call(one, one[["b", "a"]], support=[0.0, 1.0])
    call(one, one.to_numpy(), support=[0.0, 1.0])


@given(st.permutations("abc"), st.permutations("abc"), st.permutations("abc"))
def test_moments_belong_together_by_name(means, rows, columns):
    data = pandas.DataFrame(np.random.default_rng(0).normal(size=(9, 3)), columns=list("abc"))
    mean, cov = data.mean(), data.cov()
    moments = mean[list(means)], cov.loc[list(rows), list(columns)]
    if means == rows == columns == list("abc"):
        assert otgen.bures_wasserstein(mean, cov, *moments) == 0
        assert otgen.bures_wasserstein(mean.to_numpy(), cov.to_numpy(), *moments) == 0
    else:
        with pytest.raises(otgen.InvalidInput, match="must have the same names in the same order"):
            otgen.bures_wasserstein(mean, cov, *moments)
    if not means == rows == columns:
        with pytest.raises(otgen.InvalidInput, match="must have the same names in the same order"):
            otgen.divergences.Gaussian(*moments)
    else:
        one, other = otgen.divergences.Gaussian(mean, cov), otgen.divergences.Gaussian(*moments)
        if list(means) == list("abc"):
            assert otgen.divergences.kl(one, other).value == pytest.approx(0, abs=1e-12)
        else:
            with pytest.raises(otgen.InvalidInput, match="p and q must have the same names in the same order"):
                otgen.divergences.kl(one, other)


def test_masses_belong_to_the_rows_that_bear_their_names():
    cost = pandas.DataFrame([[0.0, 1.0], [1.0, 0.0]], index=["a", "b"], columns=["u", "v"])
    a, b = pandas.Series({"a": 0.1, "b": 0.9}), pandas.Series({"u": 0.1, "v": 0.9})
    assert otgen.transport(cost, a, b).value == 0
    with pytest.raises(otgen.InvalidInput, match=r"the rows of C and a must .* received 'a' and 'b' in place 0"):
        otgen.transport(cost, a[["b", "a"]], b)
    with pytest.raises(otgen.InvalidInput, match="the columns of C and b must have the same names"):
        otgen.transport(cost, a, b[["v", "u"]])
    points = pandas.Series([0.0, 1.0], index=["a", "b"])
    assert otgen.wasserstein(points, [0.0, 1.0], a, [0.1, 0.9]).value == 0
    with pytest.raises(otgen.InvalidInput, match="the rows of x and a must have the same names"):
        otgen.wasserstein(points, [0.0, 1.0], a[["b", "a"]], [0.1, 0.9])


def test_numbered_rows_have_no_names():
    assert not are_named(row_names(pandas.Series([1.0, 2.0])))
    assert row_names(pandas.Series({"a": 1.0})) == ("a",)
    assert row_names(POINTS) is None


LABELS = [(2019, 2020), (1, 0), ("a", 3), (("a", "x"), ("a", "y")), tuple(pandas.to_datetime(["2020", "2021"]))]


@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_any_kind_are_names(labels):
    """Years, levels and moments name columns and rows as words do; they were compared by position."""
    index = pandas.MultiIndex.from_tuples(labels) if isinstance(labels[0], tuple) else list(labels)
    one = pandas.DataFrame(POINTS, columns=index)
    turned = one[one.columns[::-1]]
    assert otgen.wasserstein(one, one).value == otgen.wasserstein(one, POINTS).value == 0
    for call in (*CALLS, *COLLECTIONS):
        with pytest.raises(otgen.InvalidInput, match="must have the same columns in the same order"):
            call(one, turned)
    masses = pandas.Series([0.1, 0.9], index=index)
    cost = pandas.DataFrame([[0.0, 1.0], [1.0, 0.0]], index=index, columns=index)
    assert otgen.transport(cost, masses, masses).value == 0
    for sides in ((masses[::-1], masses), (masses, masses[::-1])):
        with pytest.raises(otgen.InvalidInput, match="must have the same names in the same order"):
            otgen.transport(cost, *sides)
    with pytest.raises(otgen.InvalidInput, match="must have the same names in the same order"):
        otgen.bures_wasserstein(masses, cost + 2 * np.eye(2), masses[::-1], cost + 2 * np.eye(2))


def test_numbers_that_nobody_gave_are_no_names():
    one, other = pandas.DataFrame(POINTS), pandas.DataFrame(POINTS, columns=["a", "b"])
    assert otgen.wasserstein(one, other).value == 0
    with pytest.raises(otgen.InvalidInput, match="received 0, 1 and 1, 0"):
        otgen.wasserstein(one, one[[1, 0]])
    points = pandas.Series([0.0, 1.0, 3.0])
    masses = pandas.Series([1, 2, 7], index=[2, 1, 0])
    with pytest.raises(otgen.InvalidInput, match="the rows of x must have the same names in the same order"):
        otgen.wasserstein(points, points, masses, normalize=True)
    assert (
        otgen.wasserstein(points[1:], points[1:], masses[1:].reset_index(drop=True), [2, 7], normalize=True).value == 0
    )


@pytest.mark.parametrize("wrap", [lambda x: x, otgen.Measure])
def test_collections_go_by_the_first_set_that_has_names(wrap):
    """Arrays come first; the frames behind them were compared by position."""
    one = pandas.DataFrame(POINTS, columns=["a", "b"])
    sets, turned = [POINTS, wrap(one)], [POINTS, wrap(one[["b", "a"]])]
    assert otgen.pairwise(sets, [wrap(one)])[1, 0] == 0
    for call in (otgen.pairwise, otgen.neighbors, lambda *sets: otgen.within(sets[0], 1.0, *sets[1:])):
        with pytest.raises(otgen.InvalidInput, match=r"\[1\] and .*\[1\] must have the same columns in the same order"):
            call(sets, turned)
        with pytest.raises(otgen.InvalidInput, match=r"\[1\] and .*\[3\] must have the same columns in the same order"):
            call([*sets, *turned])


def test_weights_of_a_collection_belong_to_the_rows_that_bear_their_names():
    points, masses = pandas.Series({"a": 0.0, "b": 1.0}), pandas.Series({"a": 0.1, "b": 0.9})
    assert otgen.pairwise([points, points], weights=[masses, masses])[0, 1] == 0
    with pytest.raises(otgen.InvalidInput, match=r"the rows of sets\[1\] and weights\[1\] must have the same names"):
        otgen.pairwise([points, points], weights=[masses, masses[::-1]])
    with pytest.raises(otgen.InvalidInput, match="the rows of points and weights must have the same names"):
        otgen.Measure(points, masses[::-1])


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        (["1", "2", "3", "4", "5", "6"], "convert text to numbers"),
        (pandas.date_range("2020", periods=6), "count from a moment"),
        (pandas.date_range("2020", periods=6, tz="UTC"), "leave the time zone behind"),
        ([1, None, "x", 2, 3, 4], "pass numbers of one kind"),
    ],
)
def test_a_column_that_holds_no_numbers_is_named(column, remedy):
    with pytest.raises(
        otgen.InvalidInput, match=f"x must hold numbers in all of its columns.* received 'day' of .*; {remedy}"
    ):
        otgen.wasserstein(pandas.DataFrame({"a": POINTS[:, 0], "day": column}), POINTS)


@pytest.mark.parametrize("call", [otgen.permutation_null, otgen.two_sample_test, otgen.sliced_wasserstein])
def test_weights_of_samples_belong_to_the_rows_that_bear_their_names(call):
    points, masses = pandas.Series({"a": 0.0, "b": 1.0, "c": 3.0}), pandas.Series({"a": 1, "b": 2, "c": 5})
    with pytest.raises(otgen.InvalidInput, match="the rows of y and b must have the same names"):
        call(points, points, a=masses, b=masses[::-1], rng=0)


def test_atoms_of_arrow_tables_have_names():
    """Their columns are arrays, which were taken for names."""
    p, q = pyarrow.table({"u": [0.25], "v": [0.75]}), pyarrow.table({"v": [0.5], "u": [0.5]})
    assert otgen.divergences.tv(p, q).value == 0.25
    assert otgen.divergences.tv(p, p.select(["v", "u"])).value == 0
