"""Arrays of Python's own objects: moments are told how to become numbers, by remedies that work, and truth values are 0 and 1."""

import datetime as dt
import re
from collections import UserList, deque

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

import otgen

DAYS = [dt.datetime(2020, 1, 1), dt.datetime(2020, 3, 4), dt.datetime(2021, 5, 6)]
BERLIN = pd.DatetimeIndex(DAYS).tz_localize("Europe/Berlin")


@pytest.mark.parametrize(
    "moments",
    [pd.Series(BERLIN), BERLIN, list(BERLIN), [d.replace(tzinfo=dt.UTC) for d in DAYS], [None, *BERLIN]],
    ids=["series", "index", "timestamps", "datetimes", "with a gap"],
)
def test_time_zones_are_left_behind(moments):
    with pytest.raises(otgen.InvalidInput, match=r"pass|leave the time zone behind.*DatetimeIndex\(x\)\.tz_convert"):
        otgen.wasserstein(moments, moments, p=1)


def test_the_remedy_for_time_zones_works():
    for moments in (pd.Series(BERLIN), BERLIN, list(BERLIN), list(BERLIN.to_pydatetime())):
        utc = pd.DatetimeIndex(moments).tz_convert(None)
        result = otgen.wasserstein(utc, utc + pd.Timedelta("1s"), p=1)
        assert result.value == 10 ** {"s": 0, "ms": 3, "us": 6, "ns": 9}[result.unit]


@pytest.mark.parametrize(
    ("objects", "dtype"),
    [
        (DAYS, "datetime64[us]"),
        ([d.date() for d in DAYS], "datetime64[us]"),
        ([dt.timedelta(1), dt.timedelta(2)], "timedelta64[us]"),
    ],
)
def test_moments_in_lists(objects, dtype):
    with pytest.raises(otgen.InvalidInput) as caught:
        otgen.wasserstein(objects, objects, p=1)
    assert f"convert it with numpy.asarray(x, '{dtype}')" in str(caught.value)
    held = np.asarray(objects, dtype)
    result = otgen.wasserstein(held, held + np.timedelta64(3, "us"), p=1)
    assert (result.value, result.unit) == (3.0, "us")


@pytest.mark.parametrize("of", ["datetime", "timedelta"])
def test_the_remedy_for_moments_of_pandas_keeps_nanoseconds(of):
    """As datetime64[us] they were 0 apart."""
    read = getattr(pd, f"to_{of}")
    x, y = ([read(k, unit="ns")] for k in (1_700_000_000_000_000_001, 1_700_000_000_000_000_008))
    with pytest.raises(otgen.InvalidInput, match=re.escape(f"convert it with pandas.to_{of}(x)")):
        otgen.wasserstein(x, y, p=1)
    assert otgen.wasserstein(read(x), read(y), p=1).value == 7.0


def test_truth_values_are_0_and_1():
    """As indicator columns are: of arrays, lists, tensors, and of tables beside numbers, for which pandas has no common dtype."""
    one, other = np.array([[True, False], [True, True]]), np.array([[False, False], [False, True]])
    want = otgen.wasserstein(one.astype(float), other.astype(float)).value
    assert want == 1.0
    for wrap in (np.asarray, np.ndarray.tolist, torch.tensor, pd.DataFrame):
        assert otgen.wasserstein(wrap(one), wrap(other)).value == want
    numbers = np.array([0.5, 2.5])
    tables = [pd.DataFrame({"u": numbers, "v": z[:, 0], "w": z[:, 1]}) for z in (one, other)]
    arrays = [np.column_stack([numbers, z]) for z in (one, other)]
    assert otgen.wasserstein(*tables).value == otgen.wasserstein(*arrays).value
    assert otgen.nn.wasserstein_loss(torch.tensor(one), torch.tensor(other), root=True).item() == want


def test_truth_values_beside_whole_numbers_stay_exact():
    table = pd.DataFrame({"id": np.array([2**60 + 1, 2**60 + 3]), "flag": [True, False]})
    moved = table.assign(id=table["id"] + 2)
    assert otgen.wasserstein(table, moved, p=1, metric="cityblock").value == 2.0
    with pytest.raises(otgen.InvalidInput, match="dtype object"):
        otgen.wasserstein(table.assign(name="a"), table.assign(name="a"))


@pytest.mark.parametrize(
    "call", [otgen.wasserstein, lambda x, y: otgen.transport(x), lambda x, y: otgen.wasserstein(y, y, x[0])]
)
@pytest.mark.parametrize("kind", [list, tuple, deque])
def test_masked_entries_in_sequences_are_not_counted_in_silence(call, kind):
    row = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(otgen.InvalidInput, match=r"masked array.*pass the entries that count"):
        call(kind([row, row]), [[0.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("kind", [list, tuple, deque, UserList])
@pytest.mark.parametrize("convert", [int, np.uint64])
def test_whole_numbers_in_any_sequence_stay_exact(kind, convert):
    """numpy makes floats of numbers above 2**63, or of its own unsigned ones, beside others: 0 for 1."""
    one, other = ([np.int64(2**63 - 1), convert(2**63 + step)] for step in (5, 6))
    assert otgen.wasserstein(kind(one), kind(other), p=1).value == 0.5
    with pytest.raises(otgen.InvalidInput, match="whole numbers that are doubles"):
        otgen.wasserstein(kind([-1, convert(2**63 + 5)]), kind([-1, convert(2**63 + 6)]), p=1)


def test_columns_of_one_name_stay_exact():
    columns = {"dtype": object, "columns": ["t", "t"]}
    one, other = (pd.DataFrame([[2**62 + 5, 2**63 + step]], **columns) for step in (5, 6))
    signed = [pd.concat([z.iloc[:, 0].astype("int64"), z.iloc[:, 1].astype("uint64")], axis=1) for z in (one, other)]
    assert otgen.wasserstein(*signed, p=1).value == 1.0


def test_half_floats_of_pyarrow():
    assert otgen.wasserstein(pa.array(np.array([1, 2], np.float16)), [0.0], p=1).value == 1.5
