"""What ``--help`` says of defaults and choices, against what there is."""

import inspect
import json
import re

import numpy as np
import pytest

import otgen
from otgen.distances.splits import SPLITS
from otgen.solvers import Sinkhorn

pytest.importorskip("typer", reason="the command line is an extra")
COMMANDS = ("check", "demo", "distance", "divergence", "doctor", "neighbors", "pairwise", "report", "train", "transport", "verify", "warmup")  # fmt: skip


@pytest.fixture
def helped(told, monkeypatch):
    """The help of a command in one line."""
    monkeypatch.setenv("COLUMNS", "200")

    def text(command):
        code, out, _ = told(command, "--help")
        assert code == 0
        return " ".join(out.split())

    return text


@pytest.mark.parametrize("command", ["distance", "transport"])
def test_limits_of_entropic_transport(helped, command):
    said = helped(command)
    assert float(re.search(r"marginal error to stop at; (\S+)\. ", said)[1]) == Sinkhorn().tol
    assert int(re.search(r"limit on iterations; (\d+)\.", said)[1]) == Sinkhorn().max_iter


def test_numbers_that_are_the_librarys(helped):
    for command in ("distance", "report"):
        assert f"what chance alone gives; {SPLITS} where they are few" in helped(command)
    most = inspect.signature(otgen.neighbors).parameters["k"].default
    assert f"How many neighbours of each; {most}." in helped("neighbors")


def test_what_can_be_trained(helped):
    pytest.importorskip("torch", reason="otgen.lab.training needs torch")
    from otgen.lab.training import DATA, METHODS

    said = helped("train")
    assert ", ".join(METHODS[:-1]) + f" or {METHODS[-1]}." in said
    assert ", ".join(DATA[:-1]) + f" or {DATA[-1]}." in said


def test_what_a_report_measures(helped):
    for module in ("jinja2", "matplotlib", "pyarrow"):
        pytest.importorskip(module, reason="reports are an extra")
    from otgen.app.report.compare import USUAL_EPSILON

    assert f"{100 * USUAL_EPSILON.fraction:g}% of the mean cost otherwise" in helped("report")


def test_a_relative_strength_beside_a_matrix(told, tmp_path):
    """``--epsilon 5%`` is of the mean cost, 2 here; inf forbids a pair, in any file of numbers."""
    (tmp_path / "costs.csv").write_text("1,3\n3,1\n")
    code, out, _ = told("transport", tmp_path / "costs.csv", "--epsilon", "5%", "--json")
    assert code == 0
    assert json.loads(out)["epsilon"] == pytest.approx(0.1, rel=1e-12)
    np.save(tmp_path / "costs.npy", [[np.inf, 3.0], [3.0, 1.0]])
    code, out, _ = told("transport", tmp_path / "costs.npy", "--json")
    assert (code, json.loads(out)["value"]) == (0, 3.0)


def test_which_columns_are_coordinates_unless_they_are_named(told, helped, tmp_path):
    assert "otherwise all numeric columns but weights and indices" in helped("distance")
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("id,x,name,w\n0,1.5,u,1\n1,2.5,v,1\n2,7.5,w,1\n")
    files = tmp_path / "a.csv", tmp_path / "b.csv"
    out = told("distance", *files, "--weights", "w", "--splits", "0")[1]
    assert "3 x 3 points, 1 coordinate: x" in " ".join(out.split())
    out = told("distance", *files, "--columns", "id,x", "--splits", "0")[1]
    assert "2 coordinates: id, x" in " ".join(out.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_ends_its_sentences(told, helped, command):
    assert re.search(rf"^  {command} +[A-Z].*\.$", told("--help")[1], re.MULTILINE)
    assert helped(command).startswith(f"Usage: otgen {command} ")


def test_kinds_that_files_of_samples_have_no_estimate_of(told, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x\n1\n2\n3\n4\n5\n")
    for kind in ("hellinger", "chi2"):
        code, _, err = told("divergence", tmp_path / "a.csv", tmp_path / "b.csv", "--kind", kind)
        assert code == 2
        assert "--masses" in err
        assert told("divergence", tmp_path / "a.csv", tmp_path / "b.csv", "--kind", kind, "--masses")[0] == 0


@pytest.mark.parametrize("metric", ["sqeuclidean", "cosine"])
def test_costs_that_go_with_order_1_only(told, tmp_path, metric):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x,y\n1,2\n2,3\n3,5\n")
    files = tmp_path / "a.csv", tmp_path / "b.csv"
    assert told("distance", *files, "--metric", metric, "--p", "1", "--splits", "0")[0] == 0
    assert told("distance", *files, "--metric", metric, "--splits", "0")[0] == 2
