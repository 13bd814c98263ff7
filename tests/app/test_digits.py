"""Numbers in files with more digits than doubles have: distances are those of what is written, to the last digit, or are refused."""

import decimal
import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.app import files

D = decimal.Decimal
NANOSECONDS = 1_700_000_000_000_000_000


def pair(cells, kind):
    """Sample sets of two columns of decimals, written as text or as parquet."""
    for name, column in zip("xy", cells):
        if kind == "parquet":
            held = pyarrow.array(column, pyarrow.decimal128(38, max(0, *(-z.as_tuple().exponent for z in column))))
            pyarrow.parquet.write_table(pyarrow.table({"t": held}), f"{name}.parquet")
        else:
            point = kind == "semicolons"
            rows = [f"{z:f}".replace(".", ",") + ";1" if point else f"{z:f}" for z in column]
            Path(f"{name}.csv").write_text("\n".join(["t;u" if point else "t", *rows, ""]))
    end = "parquet" if kind == "parquet" else "csv"
    return [files.read(f"{name}.{end}", columns=["t"]).points for name in "xy"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@given(
    base=st.integers(0, 2 * 10**18),
    steps=st.lists(st.tuples(*[st.integers(0, 10**4)] * 2), min_size=2, max_size=5),
    places=st.integers(0, 12),
    kind=st.sampled_from(["text", "semicolons", "parquet"]),
)
def test_distances_are_those_of_the_decimals_or_refused(base, steps, places, kind):
    """Nanoseconds, seconds with nine places as ``date +%s.%N`` writes them, and whole numbers as ``12.00``."""
    cells = [[D(base + step).scaleb(-places) for step in column] for column in zip(*steps)]
    spread = max(map(max, cells)) - min(map(min, cells))
    exact = all(D(float(z)) == z for column in cells for z in column)
    try:
        x, y = pair(cells, kind)
    except otgen.InvalidInput as fault:
        if exact or "that doubles tell apart; received" not in str(fault):
            raise
        return
    found = otgen.wasserstein(x, y, p=1)
    want = sum(abs(Fraction(s) - Fraction(t)) for s, t in zip(*map(sorted, cells))) / len(steps)
    size, alone = float(max(map(max, cells))), min(max(column) - min(column) for column in cells) == 0
    digit = Fraction(1, 10**places)  # half of the last one for each number
    slack = max(digit, Fraction(max(2e-9 * float(spread), 1e-15 * size * alone)))
    assert Fraction(found.lower) - slack <= want <= Fraction(found.upper) + slack


@pytest.mark.parametrize("cell", ["{}.0", "{}.00", "{}.5"])
def test_whole_numbers_with_a_point_are_not_rounded(cell):
    """They were: 256 for 100, called proven."""
    rows = [cell.format(NANOSECONDS + step) for step in (100, 300)]
    Path("x.csv").write_text("\n".join(["t", *rows, ""]))
    with pytest.raises(otgen.InvalidInput, match=rf"received {rows[0]}, which is read as 1\.7e\+18; subtract a const"):
        files.read("x.csv")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5), st.floats(-1e18, 1e18))
def test_what_doubles_are_written_as_is_read_back(numbers, offset):
    """As numpy, C and Python write them, and in full."""
    numbers = np.array(numbers) + offset
    for form in ("%.18e", "%.17g", "%.25e", "%r", "%f", "%s"):
        held = [form % z for z in numbers.tolist()]
        if form == "%f" and any(float(z) != w for z, w in zip(held, numbers)):
            continue  # six places are another number
        Path("x.csv").write_text("\n".join(["t", *held, ""]))
        assert files.read("x.csv").points.ravel().astype(float).tolist() == numbers.tolist()
    text = io.StringIO()
    np.savetxt(text, numbers)
    Path("x.txt").write_text(text.getvalue())
    assert files.read("x.txt").points.ravel().tolist() == numbers.tolist()


def test_columns_of_both_signs_of_64_bits_stay_whole():
    for name, step in (("x", 100), ("y", 200)):
        times, counts = pyarrow.array([NANOSECONDS + step], pyarrow.int64()), pyarrow.array([7], pyarrow.uint64())
        pyarrow.parquet.write_table(pyarrow.table({"t": times, "u": counts}), f"{name}.parquet")
    x, y = (files.read(f"{name}.parquet").points for name in "xy")
    assert otgen.wasserstein(x, y, p=1).value == 100
