"""Our side of the table of bad days: every row is right or refused in words, but for those that the page says are lost."""

import importlib.util

import pytest
from bad_days import outcomes, table
from bad_days.page import PAGE, page
from bad_days.row import NOTHING, REFUSED, RIGHT, WARNED, WRONG, Outcome, Truth, malformed, verdict
from bad_days.runner import first_words, outcome

LOST = {"a_little_too_much"}
TORCH = importlib.util.find_spec("torch") is not None
PANDAS = importlib.util.find_spec("pandas") is not None


def _mark(row):
    marks = [pytest.mark.nightly] if row.slow else []
    return pytest.param(row, id=row.name, marks=marks)


@pytest.mark.parametrize("row", [_mark(row) for row in table.ROWS.values() if not row.timed])
def test_ours(row):
    if row in table.KINDS["Losses in torch"] and not TORCH:
        pytest.skip("needs torch")
    if row.name in ("missing_in_a_table", "columns_in_another_order") and not PANDAS:
        pytest.skip("needs pandas")
    found = outcome(row.ask()["otgen"], "otgen")
    said = verdict(row.truth, found)
    if row.name in LOST:
        assert said == WRONG, f"won: take it from LOST, and write the page anew ({found})"
    else:
        assert said in (RIGHT, REFUSED), found
        assert not found.warned, found


class TestJudging:
    """A judge that forgives everything would make a fine page."""

    @pytest.mark.parametrize(
        ("truth", "found", "said"),
        [
            (Truth(1.0, ""), Outcome("number", 1.0 + 1e-7), RIGHT),
            (Truth(1.0, ""), Outcome("number", 1.0 + 1e-5), WRONG),
            (Truth(1.0, ""), Outcome("number", 1.0, 1.1, 1.2), WRONG),
            (Truth(1.0, ""), Outcome("number", 0.0, warned=True), WARNED),
            (Truth(float("inf"), ""), Outcome("number", 0.0), WRONG),
            (Truth(float("inf"), ""), Outcome("number", float("inf")), RIGHT),
            (Truth(1.0, ""), Outcome("number", float("nan")), NOTHING),
            (malformed(""), Outcome("number", 1.0), WRONG),
            (malformed(""), Outcome("refused"), REFUSED),
            (malformed(""), Outcome("stray"), NOTHING),
        ],
    )
    def test_verdicts(self, truth, found, said):
        assert verdict(truth, found) == said

    def test_errors_that_fall_out(self):
        assert outcome(lambda: [][1], "POT emd2").kind == "stray"
        assert outcome(lambda: None + 1, "otgen").kind == "stray"
        assert outcome(lambda: None, "POT emd2").kind == "nothing"

    def test_words_without_paths(self):
        assert first_words(OSError("no /a/b/c.txt")) == "OSError: no c.txt"


def test_the_page_is_that_of_the_stored_outcomes():
    stored = outcomes.load()
    assert set(stored) == set(table.ROWS)
    assert page(stored) == PAGE.read_text(encoding="utf-8")
    assert len(stored) >= 90
    assert sum(not table.ROWS[name].seen for name in stored) >= 30
