"""``otgen neighbors``: the nearest files of each in a folder, or pairs within a radius, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import otgen

RNG = np.random.default_rng(0)
SETS = [RNG.random((5, 2)) + shift for shift in (0, 1, 3)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sets").mkdir()
    for name, points in zip("abc", SETS):
        np.save(f"sets/{name}.npy", points)
    return tmp_path


def test_neighbours_are_named_with_their_intervals(folder, told):
    code, out, _ = told("neighbors", "sets", "-k", "2", "--p", "1", "--json")
    found, truth = json.loads(out), otgen.neighbors(SETS, k=2, p=1)
    assert code == 0
    assert [one["second"] for one in found["found"]] == [f"{'abc'[j]}.npy" for j in truth.indices.ravel()]
    assert [one["lower"] for one in found["found"]] == truth.lower.ravel().tolist()
    assert all(one["proven"] for one in found["found"])
    out = told("neighbors", "sets")[1]
    assert out.startswith("nearest by W_2")
    assert "c.npy and b.npy  [" in out


def test_pairs_within_a_radius(folder, told):
    reach = otgen.wasserstein(SETS[0], SETS[1]).value + 0.1
    found = json.loads(told("neighbors", "sets", "--radius", reach, "--json")[1])
    assert [(one["first"], one["second"]) for one in found["found"]] == [("a.npy", "b.npy")]
    every = json.loads(told("neighbors", "sets", "--radius", "inf", "--json")[1])
    assert [one["upper"] for one in every["found"]] == [None] * 3  # not needed, so not known
    assert "no pair" in told("neighbors", "sets", "--radius", "0")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sets", "-k", "0"], "--k must be a whole number of at least 1; received 0"),
        (["sets", "-k", "3"], "--k must be at most the number of other sets; received 3 with 2 of them; pass --k 2"),
        (["sets", "-k", "1", "--radius", "1"], "--k must be left out beside --radius"),
        (["nowhere", "--radius", "-1"], "--radius must be at least 0; received -1"),  # before a file is read
        (["nowhere", "--metric", "cosine"], "--p must be 1 for --metric"),
        (["nowhere"], "DIR must be a folder"),
    ],
)
def test_what_is_refused(folder, told, arguments, said):
    code, _, err = told("neighbors", *arguments)
    assert (code, said in err) == (2, True), err


def test_a_bad_file_is_named(folder, told):
    np.save("sets/bad.npy", np.full((2, 2), np.nan))
    code, _, err = told("neighbors", "sets")
    assert (code, "bad.npy must be finite" in err) == (2, True), err
