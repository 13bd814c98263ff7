"""Data frames are compared by the names of their columns."""

import types

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.inputs.tables import column_names

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
    with pytest.raises(otgen.InvalidInput, match=r"received a, b and b, a; pass y\[list\(x.columns\)\]"):
        call(frame("a", "b"), frame("b", "a"))
    with pytest.raises(otgen.InvalidInput, match="received 'b', 'c' on one side only"):
        call(frame("a", "b"), frame("a", "c"))


@pytest.mark.parametrize("call", CALLS)
def test_the_same_names_and_arrays_are_taken(call):
    call(frame("a", "b"), frame("a", "b"))
    call(frame("a", "b"), POINTS)


@given(st.permutations("abcd"), st.permutations("abcd"))
def test_a_distance_is_by_name_or_refused(ours, theirs):
    held = {name: np.arange(3.0) * k for k, name in enumerate("abcd")}
    one, other = (pyarrow.table({name: held[name] for name in order}) for order in (ours, theirs))
    if ours == theirs:
        assert otgen.wasserstein(one, other).value == 0
    else:
        with pytest.raises(otgen.InvalidInput, match="same columns in the same order"):
            otgen.wasserstein(one, other)


def test_what_has_names():
    pandas = types.SimpleNamespace(columns=["a", "b"], iloc=None)  # what is asked of a frame
    assert column_names(pandas) == ("a", "b")
    assert column_names(types.SimpleNamespace(columns=[0, 1], iloc=None)) is None
    assert column_names(types.SimpleNamespace(iloc=None)) is None  # a series
    assert column_names([[0.0]]) is None


def test_frames_of_pandas():
    pandas = pytest.importorskip("pandas", reason="tested where it is installed")
    held = pandas.DataFrame(POINTS, columns=["a", "b"])
    assert otgen.wasserstein(held, held[["a", "b"]]).value == 0
    with pytest.raises(otgen.InvalidInput, match="same columns in the same order"):
        otgen.wasserstein(held, held[["b", "a"]])
