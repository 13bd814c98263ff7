"""The theorem lab: every check holds, every check notices an error planted in the library, and what the commands say."""

from __future__ import annotations

import dataclasses
import json
import math
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="errors are planted in otgen.nn too, which needs torch")
from planting import Plant, found, numbered, plant, reds
from plants import PLANTS

from otgen import divergences
from otgen.errors import InvalidInput
from otgen.lab import theorems
from otgen.lab.theorems import CHECKS, ERRATA, SLIPS, Sides, Verdict, run
from otgen.lab.theorems.check import arithmetic, as_printed, below, differ, equal, largest

# Checks that take a quarter of a second and more, of which most is spent on what is not being looked at: their planted errors wait for the night.
LONG = {
    "clipping-too-little-or-too-much",
    "densities-compared-point-by-point",
    "disjoint-supports",
    "elbo-surgery",
    "no-converse",
    "no-gradient-on-disjoint-supports",
    "no-guarantee-by-gradients",
    "proposition-two",
    "rates-by-dimension",
    "samples-of-a-wgan",
    "shifted-uniforms",
    "the-classifiers-logit",
    "the-optimal-prior-overfits",
    "the-relaxation-rises",
    "the-root-of-jsd-is-a-metric",
    "uniform-samples",
    "variational-regression",
    "w-is-a-metric",
    "w-is-continuous-in-the-parameters",
    "what-follows-from-what",
    "which-converse-the-example-refutes",
}
# Checks whose comparisons are all of arithmetic, calculus or dates, which no function of ours enters.
WITHOUT = {"a-dropped-factor", "who-was-first", "a-cusp"}


@pytest.fixture(scope="module")
def outcomes():
    return {outcome.check.name: outcome for outcome in run()}


@pytest.mark.parametrize("name", CHECKS)
def test_it_holds(outcomes, name):
    outcome = outcomes[name]
    assert outcome.verdict is Verdict.HOLDS, [one for one in outcome.comparisons if not one.stands]
    assert outcome.comparisons
    assert outcome.check.statement
    assert outcome.check.where


class TestPlantedErrors:
    def test_each_check_has_some(self, outcomes):
        assert {name for name, outcome in outcomes.items() if not outcome.counted} == WITHOUT
        assert set(PLANTS) == set(CHECKS) - WITHOUT

    @pytest.mark.no_cover
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.nightly if name in LONG else ()) for name in PLANTS]
    )
    def test_every_comparison_that_counts_is_turned_red_by_one(self, monkeypatch, outcomes, name):
        missing = {key for key, one in numbered(outcomes[name].comparisons) if one.counts}
        for planted in PLANTS[name]:
            red = reds(CHECKS[name], monkeypatch, planted)
            assert red & missing, f"{planted} turns nothing red that those before it do not"
            missing -= red
        assert not missing, "these stay green whatever is planted"

    def test_what_touches_nothing_of_ours_stays_green(self, monkeypatch):
        made = dataclasses.replace(CHECKS["pinsker"], run=one_that_echoes)
        assert reds(made, monkeypatch, Plant("otgen.divergences.tv")) == {("TV", 0)}
        assert reds(made, monkeypatch, Plant("otgen.divergences.kl")) == set()

    def test_what_cannot_be_computed_is_not_red(self, monkeypatch):
        made = dataclasses.replace(CHECKS["pinsker"], run=one_that_stops)
        assert [key for key, _ in found(made)] == [("TV", 0)]


def one_that_echoes(rng):
    """A comparison of something of ours, and one of its own input."""
    yield equal("TV", divergences.tv([1.0, 0.0], [0.0, 1.0]).value, 1.0)
    yield equal("an echo", 3.0, 3.0)


def one_that_stops(rng):
    """A comparison, and an error."""
    yield equal("TV", divergences.tv([1.0, 0.0], [0.0, 1.0]).value, 1.0)
    raise InvalidInput("what follows cannot be computed")


class TestErrata:
    def test_every_erratum_fails_as_printed_and_holds_as_corrected(self, outcomes):
        errata = [outcome for outcome in outcomes.values() if outcome.check.group == ERRATA]
        assert len(errata) > 55
        for outcome in errata:
            printed = [one for one in outcome.comparisons if one.printed]
            right = [one for one in outcome.comparisons if not one.printed]
            assert printed, outcome.check.name
            assert right, outcome.check.name
            assert not any(one.holds for one in printed)
            assert all(one.holds for one in right)
            assert outcome.check.printed
            assert outcome.check.right

    def test_what_separates_them_is_no_rounding(self, outcomes):
        for outcome in outcomes.values():
            for one in outcome.comparisons:
                if one.printed and not math.isinf(one.left):
                    assert -one.slack > 1e-9 or (one.relation == "<" and one.left == one.right), (
                        outcome.check.name,
                        one,
                    )

    def test_slips_have_both_forms(self):
        assert all(slip.where and slip.printed and slip.right for slip in SLIPS)


class TestCoverage:
    def test_every_statement_of_the_notes_has_a_check(self):
        covered = {item for check in CHECKS.values() for item in check.items}
        assert covered == set(range(1, 108))

    def test_formulas_become_mathml(self):
        convert = pytest.importorskip(
            "latex2mathml.converter", reason="formulas of the page need the plot extra"
        ).convert
        for check in CHECKS.values():
            if check.formula:
                assert convert(check.formula).startswith("<math"), check.name
            assert check.formula or check.group == ERRATA


class TestDeterminism:
    @pytest.mark.parametrize("name", ["pinsker", "total-variation", "noise", "mean-field-equations"])
    def test_a_seed_says_it_all(self, name):
        one, two = run([name], seed=3)[0], run([name], seed=3)[0]
        assert one.comparisons == two.comparisons
        assert run([name], seed=4)[0].comparisons != one.comparisons

    def test_a_check_does_not_depend_on_the_others(self, outcomes):
        assert run(["total-variation"])[0].comparisons == outcomes["total-variation"].comparisons


class TestComparisons:
    @pytest.mark.parametrize(
        ("one", "holds"),
        [
            (equal("", 1.0, 1.0 + 1e-13), True),
            (equal("", 1.0, 1.1, 0.05), False),
            (equal("", math.inf, math.inf, 0), True),
            (equal("", math.inf, 1.0), False),
            (equal("", math.nan, math.nan), False),
            (below("", 1.0, 2.0), True),
            (below("", 1.0, 1.0), False),
            (below("", math.nan, 1.0), False),
            (below("", math.inf, math.inf), False),
            (below("", 1.0, 1.5, 0.6), False),
            (differ("", 1.0, 1.1, 0.05), True),
            (differ("", 1.0, 1.0, 0.0), False),
            (differ("", math.nan, 1.0, 0.0), False),
            (theorems.check.at_most("", 1.0, 1.0), True),
            (theorems.check.at_most("", 1.1, 1.0), False),
            (theorems.check.at_most("", 1.1, 1.0, 0.2), True),
            (theorems.check.at_most("", math.inf, math.inf), True),
        ],
    )
    def test_relations(self, one, holds):
        assert one.holds is holds
        assert one.stands is holds
        unknown = math.isnan(one.left) or math.isnan(one.right)  # which no printed form may hide behind
        assert as_printed(one).stands is (not holds and not unknown)

    def test_arithmetic_is_shown_and_does_not_count(self):
        one = arithmetic(equal("one and one", 1 + 1, 2))
        assert one.what == "arithmetic: one and one"
        assert one.to_dict()["arithmetic"] is True
        assert one.stands
        assert not one.counts
        assert not arithmetic(equal("", 1, 2)).stands
        assert not as_printed(equal("", 1, 2)).counts
        assert equal("", 1, 1).counts

    def test_a_check_says_how_many_count(self, outcomes):
        for outcome in outcomes.values():
            counted = [one for one in outcome.comparisons if not (one.printed or one.arithmetic)]
            assert outcome.to_dict()["counted"] == len(outcome.counted) == len(counted)
            assert outcome.telling.counts or not counted

    def test_arrays_are_judged_where_they_agree_least(self):
        assert largest("", [1.0, 2.0, 3.0], [1.0, 2.5, 3.1]).left == 2.0
        assert not largest("", [1.0, math.nan], [1.0, 1.0]).holds
        assert not largest("", [1.0, math.inf], [1.0, 1.0]).holds

    def test_a_check_without_comparisons_does_not_hold(self, monkeypatch):
        made = dataclasses.replace(CHECKS["pinsker"], name="nothing-compared", run=nothing_compared)
        monkeypatch.setitem(CHECKS, made.name, made)
        assert run([made.name])[0].verdict is Verdict.FAILS

    def test_what_is_missing_is_said(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        outcome = run(["noise"])[0]
        assert outcome.verdict is Verdict.NOT_RUN
        assert "torch" in outcome.note
        assert outcome.telling is None


def nothing_compared(rng):
    """Says nothing."""
    return []


class TestMetricAxioms:
    def test_what_is_no_metric(self):
        def draw(generator):
            return generator.normal(size=2)

        def broken(distance):
            found = theorems.metric_axioms(distance, draw, rng=0)
            return [one.what.removeprefix("distance: ") for one in found if not one.stands]

        def norm(s, t):
            return float(np.linalg.norm(s - t))

        assert broken(norm) == []
        assert broken(lambda s, t: norm(s, t) ** 2) == ["triangle inequality"]
        assert broken(lambda s, t: norm(s, t) + 1e-3) == ["a thing to itself"]
        assert "there; back" in broken(lambda s, t: norm(s, 0 * t) * (norm(s, t) > 0))
        assert "0; least distance of different things" in broken(lambda s, t: max(norm(s, t) - 2.0, 0.0))


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda: run(["pinskr"]), "did you mean pinsker"),
            (lambda: run(["?"]), "--list"),
            (lambda: run(seed=-1), "seed"),
            (lambda: run(seed=0.5), "seed"),
        ],
    )
    def test_bad_input(self, call, words):
        with pytest.raises(InvalidInput, match=words):
            call()


def cli(*arguments):
    from typer.testing import CliRunner

    from otgen.app.commands import app

    return CliRunner().invoke(app, ["check", *map(str, arguments)])


class TestCommand:
    def test_a_table(self):
        result = cli("pinsker", "gluing", "total-variation", "mean-field-equations")
        assert result.exit_code == 0
        assert "4 checks" in result.stdout
        assert "4 hold" in result.stdout

    def test_one_check_in_full(self):
        result = cli("pinskers-constant")
        assert result.exit_code == 0
        assert "as printed: Pinsker's inequality" in result.stdout
        assert "sharp" in result.stdout

    def test_a_list(self):
        result = cli("--list")
        assert result.exit_code == 0
        assert all(name in result.stdout for name in CHECKS)

    def test_json(self):
        found = json.loads(cli("no-converse", "--json", "--seed", 5).stdout)
        assert found["seed"] == 5
        [check] = found["checks"]
        assert check["verdict"] == "holds"
        assert any(row["left"] == "inf" for row in check["comparisons"])

    def test_a_page(self, tmp_path):
        page = tmp_path / "page.html"
        assert cli("split-move-merge", "pinskers-constant", "--html", page).exit_code == 0
        text = page.read_text()
        assert "<math" in text
        assert "<svg" in text
        assert "Slips of the pen" in text

    def test_a_failure_is_exit_code_one(self, monkeypatch):
        plant(monkeypatch, "otgen.divergences.tv")
        result = cli("total-variation")
        assert result.exit_code == 1
        assert "✗" in result.stdout

    def test_a_list_runs_nothing(self):
        assert isinstance(cli("--list", "--json").exception, InvalidInput)
        assert isinstance(cli("--list", "nonsense").exception, InvalidInput)


def test_pictures_draw_themselves():
    from otgen.app.report.pictures import PICTURES

    assert set(PICTURES) <= set(CHECKS)
    for picture in PICTURES.values():
        assert picture.figure().markup.count("<path") > 5


def test_a_comparison_as_plain_values():
    row = Sides("what", math.inf, "=", 1.0, 0.0).to_dict()
    assert json.loads(json.dumps(row))["left"] == "inf"
    assert row["stands"] is False
