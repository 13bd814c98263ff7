"""Where commands write: never over what is read, over what is there only where asked, and never through a link out of its folder."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import otgen
from otgen import InvalidInput
from otgen.app.outputs import folder_place, page_place, regular


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.random((20, 2)))
    np.save("y.npy", rng.random((25, 2)))
    return tmp_path


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("place", ["y.npy", "./y.npy", "link.html", "hard.html"])
def test_an_input_is_never_replaced(folder, told, place, force):
    Path("link.html").symlink_to("y.npy")
    Path("hard.html").hardlink_to("y.npy")
    before = Path("y.npy").read_bytes()
    code, _, err = told("report", "x.npy", "y.npy", "--out", place, *force)
    assert (code, "must not be a file that is read" in err) == (2, True), err
    assert Path("y.npy").read_bytes() == before


@pytest.mark.parametrize("command", [("report", "x.npy", "y.npy", "--out"), ("demo", "--out"), ("check", "--html")])
def test_what_is_there_wants_force(folder, told, command):
    Path("page.html").write_text("mine")
    code, _, err = told(*command, "page.html")
    assert (code, "replace it with --force" in err) == (2, True), err
    for place, said in (("page.txt", "ends in .html"), ("page.htm", "ends in .html"), (".", "received the folder")):
        code, _, err = told(*command, place)
        assert (code, said in err) == (2, True), err
    assert Path("page.html").read_text() == "mine"


def test_a_report_as_json(folder, told):
    code, out, err = told("report", "x.npy", "y.npy", "--out", "p.html", "--splits", "3", "--json")
    found = json.loads(out)
    (one,) = found["comparisons"]
    assert (code, err, found["page"], one["compared"]["points"]) == (0, "", "p.html", [20, 25])
    second = one["distances"][1]
    assert (second["distance"], second["measured_in"]) == ("W₂", "units of the data")
    assert second["lower"] <= otgen.wasserstein(np.load("x.npy"), np.load("y.npy")).value <= second["upper"]
    assert second["chance"]["splits"] == 3
    assert Path("p.html").read_text().startswith("<!doctype html>")
    for command in (("report", "x.npy", "y.npy"), ("demo",)):
        code, out, _ = told(*command, "--out", "-", "--json")
        assert (code, "beside --json" in json.loads(out)["error"]["message"]) == (2, True)


def test_force_and_the_standard_output(folder, told):
    Path("page.html").write_text("mine")
    assert told("report", "x.npy", "y.npy", "--out", "page.html", "--force", "--splits", "0")[0] == 0
    assert Path("page.html").read_text().startswith("<!doctype html>")
    code, out, err = told("report", "x.npy", "y.npy", "--out", "-", "--splits", "0")
    assert (code, err) == (0, "")
    assert out.startswith("<!doctype html>")
    assert out.rstrip().endswith("</html>")


def test_a_folder_with_files_of_another_run(folder, told):
    Path("run").mkdir()
    Path("run/samples.png").write_text("mine")
    code, _, err = told("train", "sliced", "--out", "run")
    assert (code, "must not hold samples.png already" in err) == (2, True), err


@pytest.mark.usefixtures("judged_by_fewer")
@pytest.mark.parametrize(("asked", "count"), [((), 2), (("--threads", "3"), 3)])
def test_a_run_tells_how_many_threads_it_had(folder, told, asked, count):
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    before = torch.get_num_threads()
    torch.set_num_threads(4)  # torch's own, whatever the machine has
    try:
        code, out, err = told("train", "sliced", "--steps", "2", "--batch-size", "8", "--out", "run", "--quiet", *asked)
        assert (code, torch.get_num_threads()) == (0, 4), err
        assert f"trained on {count} threads of torch" in out
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--batch-size", 10**14), "must fit in memory; received a refusal: torch was refused memory"),
        (("--threads", 10**9), "--threads must be at most 1024; received 1000000000"),
        (("--steps", 0), "--steps must be a whole number of at least 1"),
    ],
)
def test_a_run_that_cannot_be_is_refused_in_one_line(folder, told, asked, said):
    """Of memory, without a traceback; of threads, before their library ends the process; and no empty line of the bar's."""
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    code, out, err = told("train", "sliced", "--steps", "2", "--out", "run", *asked)
    assert (code, out, err.startswith("otgen: "), err.count("\n")) == (2, "", True, 1), err
    assert said in err


def test_a_page_replaces_pages_alone_through_links_too(folder, told):
    Path("thesis.txt").write_text("mine")
    Path("link.html").symlink_to("thesis.txt")
    code, _, err = told("report", "x.npy", "y.npy", "--out", "link.html", "--force")
    assert (code, "must name a page that ends in .html" in err) == (2, True), err
    assert Path("thesis.txt").read_text() == "mine"


def test_a_link_to_itself(tmp_path):
    (tmp_path / "loop.html").symlink_to("loop.html")
    with pytest.raises(InvalidInput, match=r"loop\.html must"):
        page_place(tmp_path / "loop.html", force=False)


def test_a_folder_with_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "model.npz").symlink_to(tmp_path / "elsewhere" / "model.npz")
    with pytest.raises(InvalidInput, match=r"must not hold model\.npz already"):
        folder_place(tmp_path, ["model.npz"])


def test_through_links_and_never_over_devices(tmp_path):
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    assert regular(tmp_path / "link.html") == (tmp_path / "real.html").resolve()
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InvalidInput):
            regular(place)
