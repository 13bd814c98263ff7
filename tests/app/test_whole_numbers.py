"""Whole numbers in files, such as nanoseconds since 1970: floats would round these to multiples of 256, every one of them 50 later."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

STAMPS = 1_700_000_000_000_000_000 + np.array([100, 200, 300])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["csv", "npy", "datetime64"])
def files(request, here):
    for name, stamps in (("a", STAMPS), ("b", STAMPS + 50)):
        if request.param == "csv":
            Path(f"{name}.csv").write_text("t_ns\n" + "".join(f"{stamp}\n" for stamp in stamps))
        else:
            np.save(f"{name}.npy", stamps.astype("M8[ns]") if request.param == "datetime64" else stamps)
    unit = "ns" if request.param == "datetime64" else None
    return *(f"{name}.{'csv' if request.param == 'csv' else 'npy'}" for name in "ab"), unit


def test_they_are_exact(files, told):
    code, out, _ = told("distance", *files[:2], "--p", "1", "--json")
    found = json.loads(out)
    assert (code, found["value"], found["unit"]) == (0, 50.0, files[2])
    assert found["lower"] <= 50 <= found["upper"]
    assert ("distances in ns" in told("distance", *files[:2])[1]) == (files[2] is not None)


def test_units_of_time_are_spelt_out(here, told):
    np.save("d.npy", np.array(["2024-01-01", "2024-02-01"], "M8[D]"))
    assert "distances in days" in told("distance", "d.npy", "d.npy")[1]


@pytest.mark.by_day(1)
def test_they_are_drawn(files, told):
    assert told("report", *files[:2], "--out", "page.html", "--splits", "0")[0] == 0
    assert "less a constant" in Path("page.html").read_text()


def test_what_would_round_them_is_refused(files, told):
    code, _, err = told("distance", *files[:2], "--metric", "cosine", "--p", "1")
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
@pytest.mark.parametrize("weight", [2**53 + 1, 2**60 + 1, 2**63 - 1])
def test_weights_that_are_no_doubles_are_refused(here, told, kind, weight):
    place, masses = Path(f"a.{kind}"), np.array([weight, 2**53, 1])
    if kind == "npz":
        np.savez(place, x=np.arange(3.0), w=masses)
    else:
        table = pd.DataFrame({"x": np.arange(3.0), "w": masses})
        table.to_csv(place, index=False) if kind == "csv" else table.to_parquet(place)
    code, _, err = told("distance", str(place), str(place), "--weights", "w")
    assert (code, str(weight) in err, "doubles" in err) == (2, True, True)


def test_weights_that_text_rounds_are_refused(here, told):
    Path("a.csv").write_text("x,w\n0,9007199254740993\n1,0.5\n")
    code, _, err = told("distance", "a.csv", "a.csv", "--weights", "w")
    assert (code, "received 9007199254740993, which is read as 9007199254740992.0" in err) == (2, True)


def test_weights_up_to_2_53_and_doubles_beyond_are_exact(here, told):
    """W_1 of a mass at 0 to masses at 0 and 1: the share of 2**53 in 2**53 + 2**60 lies at 1."""
    Path("a.csv").write_text("x,w\n0,1\n")
    Path("b.csv").write_text(f"x,w\n0,{2**60}\n1,{2**53}\n")
    out = told("distance", "a.csv", "b.csv", "--weights", "w", "--p", "1", "--normalize", "--json")[1]
    found = json.loads(out)
    assert found["lower"] <= Fraction(1, 1 + 2**7) <= found["upper"]
    assert found["upper"] - found["lower"] < 1e-12
