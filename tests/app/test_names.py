"""Names of files and columns are the user's, or somebody else's: none steers a terminal, breaks a page, or ends a command."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

RNG = np.random.default_rng(0)
NAMES = [
    os.fsdecode(b"\xff.npy"),
    "\u6570\u636e.npy",  # letters that the font of the pictures lacks
    "\x1b]0;title\x07.npy",
    "\u202eyek.npy",
    "two\nlines.npy",
    '"><img src=x onerror=alert(1)>.npy',
    "$\\frac{.npy",
    "{{7*7}}.npy",
]
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sets").mkdir()
    for name in NAMES:
        np.save(Path("sets") / name, RNG.random((8, 2)))
    return tmp_path


def plain(text):
    assert not STEERS.search(text), repr(STEERS.search(text))
    return text


def test_files_on_a_page_and_a_terminal(folder, told):
    files = [f"sets/{name}" for name in NAMES]
    code, out, err = told("report", *files, "--splits", "0", "--out", "page.html")
    assert (code, err) == (0, "")
    page = plain(Path("page.html").read_text(encoding="utf-8"))
    assert "<img src=x" not in page
    assert "\\udcff.npy" in plain(out)
    assert "\u6570\u636e.npy" in out
    assert "\\u001b]0;title" in out


def test_all_pairs_on_a_page_and_a_terminal(folder, told):
    code, out, err = told("pairwise", "sets", "--out", "D.npz", "--report", "page.html")
    assert (code, err) == (0, "")
    plain(out)
    assert "<img src=x" not in plain(Path("page.html").read_text(encoding="utf-8"))
    with np.load("D.npz") as kept:
        assert sorted(kept["names"]) == sorted(NAMES)


def test_neighbors(folder, told):
    code, out, err = told("neighbors", "sets")
    assert (code, err) == (0, "")
    plain(out)


@pytest.mark.parametrize("name", NAMES)
def test_errors_stay_one_line(folder, told, name):
    code, out, err = told("distance", f"sets/{name}x", f"sets/{name}")
    assert (code, out, plain(err).count("\n")) == (2, "", 1)
    code, out, err = told("distance", f"sets/{name}x", f"sets/{name}", "--json")
    assert (code, err) == (2, "")
    assert f"{name}x" in json.loads(plain(out))["error"]["message"]


def test_columns(folder, told):
    for name, first in (("x.csv", "u"), ("y.csv", "v")):
        rows = "".join(f"{a},{b}\n" for a, b in RNG.random((5, 2)))
        Path(name).write_text(f"{first},w\x1b[2J\x7f\n{rows}")
    code, _, err = told("distance", "x.csv", "y.csv")
    assert code == 2
    assert "--columns 'w\\u001b[2J\\u007f'" in plain(err)
