"""Files that are right and large in an odd way, and headers that nothing sensible has."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from otgen import InvalidInput
from otgen.app import files

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ",")])
def test_a_first_line_longer_than_what_is_sampled(separator, decimal):
    """As of genes: names may take more than 64 kB, and the first numbers come behind them."""
    X = RNG.normal(size=(4, 200)).round(14)
    names = [f"gene{k}".ljust(400, "x") for k in range(200)]
    lines = [separator.join(map(repr, row)).replace(".", decimal) for row in X.tolist()]
    Path("wide.csv").write_text("\n".join([separator.join(names), *lines, ""]))
    found = files.read("wide.csv")
    np.testing.assert_array_equal(found.points, X)
    assert found.columns == tuple(names)


def test_an_array_of_arrays_in_a_header():
    """A dtype that numpy writes for no file, and reads without its data."""
    head = b"{'descr': ('<f8', (2, 2)), 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64)
    Path("x.npy").write_bytes(content)
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("x.npy", content)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(InvalidInput, match=r"must hold numbers in a shape; received \(2,\) items"):
            files.read(name)


def test_an_archive_of_very_many_arrays_is_refused_in_few_words():
    held = io.BytesIO()
    np.save(held, np.ones(2))
    with zipfile.ZipFile("many.npz", "w") as archive:
        for k in range(500):
            archive.writestr(f"{k}.npy", held.getvalue())
    for key in (None, "x"):
        with pytest.raises(InvalidInput, match=r"11 and 488 more; choose one") as found:
            files.read("many.npz", key=key)
        assert len(str(found.value)) < 250


def test_fractions_above_other_things():
    """A first row of fractions does not make a column one of numbers; whole numbers beyond doubles stay what they are."""
    Path("x.csv").write_text("a,b,c,d\n0.5,9007199254740993,1.5,x\n,2,two,y\n")
    found = files.read("x.csv", columns=["b"])
    assert found.points.tolist() == [[9007199254740993], [2]]
    assert files.read("x.csv", columns=["b"], weights=None).points.dtype.kind == "i"
    with pytest.raises(InvalidInput, match="must be filled; received 1 empty cell, the first in row 1"):
        files.read("x.csv", columns=["a"])
    Path("y.csv").write_text("a,c,d\n0.5,1.5,2024-01-01\n2,two,2024-01-02\n")
    assert files.read("y.csv").left_out == {"c": "text: 'two' is no number", "d": "dates or times"}


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_arrays_of_no_axis_or_of_three(shape, name):
    """Refused as they are read: commands that ask how many points there are had IndexError and TypeError for them."""
    (np.save if name == "x.npy" else np.savez)(name, np.ones(shape))
    with pytest.raises(InvalidInput, match=r"must be an array \(n, d\) or \(n,\); received shape \("):
        files.read(name)


def test_columns_of_which_none_has_a_name():
    """Their cells are numbers already."""
    Path("x.csv").write_text(",,\n1,2,3\n4,5,6\n")
    with pytest.raises(
        InvalidInput, match=r"received \(unnamed\) \(without a name\); give names to columns that count"
    ):
        files.read("x.csv")


def test_a_nul_in_plain_text():
    """It is no UTF-16, and `iconv` would not help."""
    Path("x.csv").write_bytes(b"h,w\n1,2\x00\n3,4\n")
    with pytest.raises(InvalidInput, match="received NUL bytes, which no text has"):
        files.read("x.csv")


@pytest.mark.parametrize("cell", ["1_000", "1\u2019000", "10%", "$3", "1.0D+03"])
def test_what_is_meant_as_a_number_is_shown(cell):
    Path("x.csv").write_text(f"h\n{cell}\n{cell}\n")
    with pytest.raises(InvalidInput, match="is no number"):
        files.read("x.csv")
