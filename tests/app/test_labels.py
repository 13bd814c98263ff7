"""Names of rows: masses are paired by them whatever their order, and folders by the columns of all files."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import pytest

NAMES = {
    "text": ["north", "south", "east"],
    "ids": [101, 17, 205],
    "count": [0, 1, 2],
    "bins": ["0", "1", "2+"],
    "days": ["2024-01-01", "2024-02-01", "2024-03-01"],
    "floats": [0.5, 1.5, 7.5],
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def total_variation(p, q):
    """Of masses by name, in exact arithmetic."""
    shares = [{name: Fraction(mass, sum(side.values())) for name, mass in side.items()} for side in (p, q)]
    return sum(abs(shares[0][name] - shares[1][name]) for name in p) / 2


def write(path, masses, called):
    frame = pandas.DataFrame({called or "index": list(masses), "m": list(masses.values())})
    frame = frame if called else frame.set_index("index").rename_axis(None)
    if path.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=not called, sep="\t" if path.endswith("tsv") else ",")


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("called", ["", "atom"])
@pytest.mark.parametrize(("one", "other"), [("p.csv", "q.tsv"), ("p.parquet", "q.csv")])
def test_masses_are_paired_by_name(told, kind, called, one, other):
    names = NAMES[kind]
    p, q = dict(zip(names, (1, 2, 5))), dict(zip(names, (3, 1, 2)))
    truth = float(total_variation(p, q))
    for order in (names[::-1], names[1:] + names[:1]):
        write(one, p, called)
        write(other, {name: q[name] for name in order}, called)
        asked = ("divergence", one, other, "--masses", "--kind", "tv", "--json")
        for options in [["--columns", "m"]] + ([[]] if not called and kind != "floats" else []):
            found = json.loads(told(*asked, *options)[1])
            assert found["value"] == pytest.approx(truth, abs=1e-12)
            assert found["compared"] == "masses of 3 atoms, by name"


def test_rows_of_two_levels(told):
    """Two columns of text name the rows together, in either order."""
    Path("p.csv").write_text("a,b,m\nu,x,1\nu,y,2\nv,x,5\n")
    Path("q.csv").write_text("b,a,m\nx,v,5\nx,u,1\ny,u,2\n")
    found = json.loads(told("divergence", "p.csv", "q.csv", "--masses", "--json")[1])
    assert (found["value"], found["compared"]) == (0, "masses of 3 atoms, by name")


def test_a_name_counts_more_than_the_number_of_a_row(told):
    """Indices are 0, 1 in both files, whose rows stand in another order."""
    Path("p.csv").write_text(",region,m\n0,north,1\n1,south,3\n")
    Path("q.csv").write_text(",region,m\n0,south,3\n1,north,1\n")
    found = json.loads(told("divergence", "p.csv", "q.csv", "--masses", "--json")[1])
    assert (found["value"], found["compared"]) == (0, "masses of 2 atoms, by name")


def test_the_range_of_a_data_frame_names_its_rows(told):
    frame = pandas.DataFrame({"m": [1, 2, 5]})
    frame.to_parquet("p.parquet")
    frame.iloc[::-1].to_parquet("q.parquet")
    found = json.loads(told("divergence", "p.parquet", "q.parquet", "--masses", "--json")[1])
    assert (found["value"], found["compared"]) == (0, "masses of 3 atoms, by name")


def test_numbers_that_are_others_are_refused(told):
    """Rows 101, 102 are not rows 102, 103; rows that count go with any."""
    Path("p.csv").write_text(",m\n101,1\n102,3\n")
    Path("q.csv").write_text(",m\n102,1\n103,3\n")
    asked = ("divergence", "p.csv", "q.csv", "--masses", "--json")
    code, out, _ = told(*asked)
    assert code == 2
    assert "received '103' without a partner" in out
    Path("q.csv").write_text(",m\n1,1\n2,3\n")
    found = json.loads(told(*asked)[1])
    assert found["value"] == 0
    assert found["compared"].startswith("masses of 2 atoms, by position; p.csv: left out (unnamed)")


@pytest.mark.parametrize("by", [["u", "v", "w"], ["7", "9", "3"], ["2019", "2020", "2021"]])
def test_costs_and_masses_are_paired_by_name(told, by):
    """Costs of 0 between what has one name: nothing is to be moved."""
    masses = dict(zip(by, (0.1, 0.2, 0.7)))
    Path("a.csv").write_text(",m\n" + "".join(f"{name},{masses[name]}\n" for name in by[::-1]))
    Path("b.csv").write_text("name,m\n" + "".join(f"{name},{masses[name]}\n" for name in by[1:] + by[:1]))
    rows = "".join(f"{row}," + ",".join(str(int(row != column)) for column in by) + "\n" for row in by)
    Path("c.csv").write_text(f",{','.join(by)}\n{rows}")
    if by[0].isdigit():
        Path("b.csv").write_text(Path("b.csv").read_text().replace("name,", ","))
    found = json.loads(told("transport", "c.csv", "--a", "a.csv", "--b", "b.csv", "--json")[1])
    assert found["upper"] < 1e-15
    assert found["compared"].startswith(
        "3 x 3 costs of c.csv, rows by name, columns by name; c.csv: left out (unnamed)"
    )
    Path("a.csv").write_text("0.1\n0.2\n0.7\n")
    assert "rows by position" in told("transport", "c.csv", "--a", "a.csv", "--json")[1]


class TestFolders:
    """An array comes first, which has no names: the tables behind it were compared by position."""

    @pytest.fixture(autouse=True)
    def sets(self, folder):
        Path("sets").mkdir()
        np.save("sets/a.npy", [[1.0, 2.0], [3.0, 5.0]])
        Path("sets/b.csv").write_text("u,v\n1,10\n2,20\n")
        Path("sets/c.csv").write_text(",v,u,kind\n0,10,1,x\n1,20,2,y\n")

    def test_pairs(self, told):
        found = json.loads(told("pairwise", "sets", "--out", "D.npz", "--json")[1])
        assert np.load("D.npz")["distances"][1, 2] == 0
        assert found["compared"] == "2 coordinates: u, v, by position in a.npy"
        assert found["notes"] == ["c.csv: left out (unnamed) (an index without a name), kind (text)"]
        out = told("pairwise", "sets", "--out", "D.npz", "--force")[1]
        assert "3 sets, 3 pairs, 2 coordinates: u, v, by position in a.npy\n" in out
        assert "noted" in out

    def test_neighbors(self, told):
        found = json.loads(told("neighbors", "sets", "--json")[1])
        pairs = {(one["first"], one["second"]): one["upper"] for one in found["found"]}
        assert pairs["b.csv", "c.csv"] == pairs["c.csv", "b.csv"] == 0
        assert found["compared"] == "2 coordinates: u, v, by position in a.npy"
        out = told("neighbors", "sets")[1]
        assert "3 sets, 2 coordinates: u, v, by position in a.npy\n" in out
        assert "c.csv: left out (unnamed)" in out

    def test_names_that_differ(self, told):
        Path("sets/d.csv").write_text("u,w\n1,10\n2,20\n")
        assert "'v' of sets/b.csv and 'w' of sets/d.csv" in told("pairwise", "sets", "--out", "D.npz")[2]
