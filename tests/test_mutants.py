"""What is kept of mutation testing fits the source as it is: scores that add up, and reasons for lines that stand there."""

import json
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tools" / "mutation"
pytestmark = pytest.mark.skipif(not KEPT.exists(), reason="there are no tools in what is published")


def test_scores_add_up():
    scores = json.loads((KEPT / "scores.json").read_text("utf-8"))
    assert {"otgen/model/units.py", "otgen/proofs/dual.py"} <= scores.keys()
    for file, score in scores.items():
        assert (ROOT / file).is_file()
        assert score["noticed"] + score["explained"] <= score["run"] <= score["all"]


def test_reasons_are_of_lines_that_stand():
    for mutant in tomllib.loads((KEPT / "explained.toml").read_text("utf-8"))["mutant"]:
        lines = {line.strip() for line in (ROOT / mutant["file"]).read_text("utf-8").splitlines()}
        assert mutant["was"] != mutant["became"]
        assert {line for line in mutant["was"].splitlines() if not line.startswith("def (")} <= lines, mutant
        assert mutant["kind"] in {"same", "wider", "choice", "slower"}
        assert len(mutant["why"]) > 10
