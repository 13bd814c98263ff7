"""What somebody sees in an editor, by pyright, and that the literals are the names that there are."""

import importlib.resources
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import otgen
from otgen import typing
from otgen.distances.chosen import DISTANCES
from otgen.distances.solve import SOLVERS
from otgen.model.cost.metrics import TABLE
from otgen.solvers import MatrixName

EDITED = Path(__file__).parent / "edited.py"


def marked(tmp_path, text):
    """What pyright marks in a module: (line, rule) pairs, lines counted from 1."""
    package = Path(otgen.__file__).parents[1]
    (tmp_path / "edited.py").write_text(text)
    options = {"typeCheckingMode": "standard", "extraPaths": [str(package)], "reportUnusedExpression": "none"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(options))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(told.stdout)
    assert report["summary"]["filesAnalyzed"] == 1, told.stderr
    return {(z["range"]["start"]["line"] + 1, z.get("rule")) for z in report["generalDiagnostics"]}


def expected(text):
    """What the comments of a module say is marked."""
    found = ((k, re.search(r"# (report\w+(?:, report\w+)*)$", line)) for k, line in enumerate(text.splitlines(), 1))
    return {(k, rule) for k, match in found if match for rule in match[1].split(", ")}


def test_an_editor_marks_what_is_wrong_and_nothing_else(tmp_path):
    pytest.importorskip("pyright")
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    text = EDITED.read_text()
    assert len(expected(text)) > 20
    assert marked(tmp_path, text) == expected(text)


def test_types_are_shipped():
    assert importlib.resources.files("otgen").joinpath("py.typed").is_file()


def test_literals_are_the_names_that_there_are():
    assert get_args(typing.MetricName) == tuple(TABLE)
    assert get_args(typing.DistanceName) == tuple(DISTANCES)
    assert set(get_args(MatrixName)) == set(SOLVERS) - {"line", "circle", "bottleneck", "sinkhorn"}
    assert {name for part in get_args(typing.SolverName) for name in get_args(part) or [part]} == set(SOLVERS)


def test_so_are_those_of_training():
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    from otgen.lab.training import data, recipes

    assert get_args(recipes.MethodName) == tuple(recipes.RECIPES)
    assert get_args(data.DataName) == tuple(data._KINDS)


def test_names_for_annotations_are_public():
    for name in typing.__all__:
        assert getattr(typing, name) is not None
