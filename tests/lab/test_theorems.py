"""The theorem lab: every check holds, every check notices an error planted in the library, and what the commands say."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="errors are planted in otgen.nn too, which needs torch")
import torch
from planting import plant, plant_skipped

import otgen.lab.networks
from otgen.errors import InvalidInput, MissingExtra
from otgen.lab import theorems
from otgen.lab.theorems import CHECKS, ERRATA, SLIPS, Comparison, Verdict, run
from otgen.lab.theorems.check import as_printed, below, chapter, differ, equal, largest

# The function in which an error is planted, check by check; "-" where the error is that it does nothing.
PLANTS = {
    "samples-of-a-wgan": "otgen.distances.wasserstein",
    "gaussian-kl": "otgen.divergences.kl",
    "kl-is-cross-entropy": "otgen.divergences.kl",
    "kl-of-a-joint-law": "otgen.divergences.kl",
    "the-argmax-form": "otgen.divergences.kl",
    "disjoint-supports": "otgen.distances.wasserstein",
    "shifted-uniforms": "otgen.distances.wasserstein",
    "total-variation": "otgen.divergences.tv",
    "what-follows-from-what": "otgen.distances.wasserstein",
    "no-converse": "otgen.distances.wasserstein",
    "pinsker": "otgen.divergences.kl",
    "densities-compared-point-by-point": "otgen.divergences.tv",
    "four-measures-by-their-definitions": "otgen.distances.wasserstein",
    "the-root-of-jsd-is-a-metric": "otgen.divergences.js",
    "parallel-segments": "otgen.distances.wasserstein",
    "w-ranks-corruptions": "otgen.divergences.js",
    "likelihood-is-not-quality": "otgen.nn.objectives.vae.gaussian_log_density",
    "kantorovich-duality": "otgen.distances.transport",
    "kantorovich-rubinstein": "otgen.distances.wasserstein",
    "any-critic-is-a-lower-bound": "otgen.distances.wasserstein",
    "kernels-and-plans": "otgen.distances.wasserstein",
    "the-optimal-critic": "otgen.distances.wasserstein",
    "the-gradient-of-w": "otgen.distances.wasserstein",
    "split-move-merge": "otgen.distances.wasserstein",
    "earth-mover-on-a-line": "otgen.distances.wasserstein",
    "orders-of-w": "otgen.distances.wasserstein",
    "k-lipschitz-critics": "otgen.distances.wasserstein",
    "gluing": "otgen.distances.wasserstein",
    "w-is-a-metric": "otgen.distances.wasserstein",
    "change-of-variables": "otgen.laws.Pushforward.logpdf",
    "noise": "otgen.nn.objectives.gan.noise",
    "likelihood-and-cross-entropy": "otgen.nn.objectives.vae.bernoulli_log_likelihood",
    "logistic-regression": "otgen.divergences.kl",
    "likelihood-estimates-kl": "otgen.divergences.kl",
    "the-discriminators-cost": "otgen.nn.objectives.gan.discriminator_loss",
    "the-generators-cost": "otgen.nn.objectives.gan.discriminator_loss",
    "a-round-of-the-game": "-otgen.lab.rounds.step",
    "the-optimal-discriminator": "otgen.nn.objectives.gan.optimal_logit",
    "the-value-at-the-optimum": "otgen.divergences.js",
    "the-global-minimum": "otgen.divergences.js",
    "one-half-everywhere": "otgen.nn.objectives.gan.optimal_logit",
    "what-each-loss-descends": "otgen.divergences.js",
    "no-gradient-on-disjoint-supports": "otgen.divergences.js",
    "the-perfect-discriminator": "otgen.nn.objectives.gan.value",
    "oscillation": "otgen.nn.objectives.wgan.critic_loss",
    "mode-collapse": "otgen.nn.objectives.gan.generator_loss",
    "continuity-of-w-and-the-jump-of-js": "otgen.divergences.js",
    "mean-field-equations": "otgen.lab.inference.mean_field",
    "factorised-gaussian": "otgen.lab.inference.mean_field_gaussian",
    "forward-kl-keeps-marginals": "otgen.divergences.kl",
    "mode-covering-and-mode-seeking": "otgen.divergences.js",
    "the-evidence-bound": "otgen.lab.inference.elbo",
    "expectation-propagation": "otgen.lab.inference.probit_propagation",
    "variational-regression": "otgen.lab.inference.variational_regression",
    "a-linear-decoder": "otgen.nn.objectives.vae.gaussian_log_likelihood",
    "decoders": "otgen.nn.objectives.vae.bernoulli_log_likelihood",
    "both-forms-of-the-elbo": "otgen.nn.objectives.vae.gaussian_kl",
    "gradients-through-a-sample": "otgen.nn.objectives.vae.reparametrised",
    "the-encoders-gap": "otgen.divergences.kl",
    "discrete-latents": "otgen.divergences.kl",
    "the-nearest-code": "otgen.nn.objectives.vqvae.quantise",
    "straight-through": "otgen.nn.objectives.vqvae.quantise",
    "elbo-surgery": "otgen.divergences.kl",
    "the-optimal-prior": "otgen.divergences.kl",
    "the-optimal-prior-overfits": "otgen.divergences.kl",
    "a-flow-as-prior": "otgen.nn.objectives.vae.FlowPrior.log_density",
    "the-objectives": "otgen.nn.objectives.gan.value",
    "a-round-of-the-algorithm": "-otgen.lab.rounds.step",
    "w-is-continuous-in-the-parameters": "otgen.distances.wasserstein",
    "compact-weights-are-lipschitz": "otgen.nn.critics.lipschitz_bound",
    "clipping-too-little-or-too-much": "otgen.nn.critics.lipschitz_bound",
    "the-clipped-linear-critic": "otgen.distances.wasserstein",
    "unit-gradients-along-rays": "otgen.distances.wasserstein",
    "the-vae-objective": "otgen.divergences.kl",
    "the-avb-bound": "otgen.nn.objectives.adversarial.f_bound_kl",
    "what-aae-drops": "otgen.divergences.kl",
    "w-dagger-is-larger": "otgen.distances.transport",
    "theorem-one": "otgen.distances.transport",
    "the-relaxation-rises": "otgen.lab.relaxed.relaxed_transport",
    "remark-one": "otgen.distances.transport",
    "the-adversarial-penalty": "otgen.nn.objectives.adversarial.discrete_penalty",
    "penalised-transport": "otgen.nn.objectives.adversarial.discrete_penalty",
    "proposition-two": "otgen.laws.semi_discrete",
    "aae-is-penalised-transport": "otgen.nn.objectives.adversarial.aae_loss",
    "gradients-of-both-approximations": "otgen.distances.wasserstein",
    "uniform-samples": "otgen.distances.wasserstein",
    "rates-by-dimension": "otgen.distances.wasserstein",
    "minibatch-bias": "otgen.laws.Pair.wasserstein",
    "debiased-sinkhorn": "otgen.distances.sinkhorn_divergence",
    "minus-argmin": "otgen.divergences.kl",
    "a-missing-mean": "otgen.divergences.kl",
    "likelihood-is-not-the-loss": "otgen.nn.objectives.vae.bernoulli_log_likelihood",
    "reversed-headings": "otgen.divergences.kl",
    "the-swap-of-theta": "otgen.divergences.kl",
    "which-loss-gives-kl": "otgen.divergences.kl",
    "the-logit-is-no-classifier": "otgen.nn.objectives.gan.optimal_logit",
    "overlap-does-not-suffice": "otgen.divergences.kl",
    "kantorovich-rubinstein-for-p-one": "otgen.distances.wasserstein",
    "tied-parameters": "otgen.distances.wasserstein",
    "tv-of-shifted-uniforms": "otgen.divergences.tv",
    "kl-at-no-shift": "otgen.divergences.kl",
    "a-missing-constraint": "otgen.distances.wasserstein",
    "which-converse-the-example-refutes": "otgen.divergences.tv",
    "pinskers-constant": "otgen.divergences.kl",
    "a-family-is-a-lower-bound": "otgen.distances.wasserstein",
    "a-missing-step": "-otgen.lab.rounds.step",
    "the-sign-of-cross-entropy": "otgen.nn.objectives.gan.value",
    "a-determinant-not-a-norm": "otgen.nn.objectives.vae.gaussian_log_density",
    "one-branch-of-two": "otgen.laws.Pushforward.logpdf",
    "not-a-kl": "otgen.divergences.kl",
    "signs-of-the-two-terms": "otgen.nn.objectives.vae.bernoulli_log_likelihood",
    "a-missing-minus": "otgen.nn.objectives.gan.discriminator_loss",
    "halves-do-not-match": "otgen.nn.objectives.gan.generator_loss",
    "where-the-optimum-is": "otgen.divergences.js",
    "halves-of-js": "otgen.divergences.js",
    "zero-when-equal": "otgen.divergences.js",
    "an-unnormalised-law": "otgen.lab.inference.mean_field",
    "f-for-p": "otgen.divergences.kl",
    "an-inverse-too-many": "otgen.divergences.kl",
    "when-one-mode-is-picked": "otgen.lab.inference.fit_gaussian",
    "propagation-is-no-global-minimum": "otgen.lab.inference.probit_propagation",
    "the-response-is-y": "otgen.lab.inference.variational_regression",
    "the-prior-is-standard": "otgen.divergences.kl",
    "the-elbo-is-maximised": "otgen.lab.inference.elbo",
    "gradients-of-frozen-samples": "otgen.nn.objectives.vae.reparametrised",
    "sign-and-scale-of-the-likelihood": "otgen.nn.objectives.vae.gaussian_log_likelihood",
    "js-only-at-the-optimum": "otgen.divergences.js",
    "noise-with-a-mean": "otgen.laws.on_the_line",
    "jsd-is-no-distance": "otgen.divergences.js",
    "jeffreys": "otgen.divergences.js",
    "no-guarantee-by-gradients": "otgen.divergences.js",
    "one-log-k-a-code": "otgen.nn.objectives.vqvae.elbo",
    "one-half-for-equal-classes": "otgen.nn.objectives.gan.optimal_logit",
    "touching-supports": "otgen.nn.objectives.gan.value",
    "when-jsd-seeks": "otgen.lab.inference.fit_gaussian",
    "a-missing-minimum": "otgen.distances.transport",
    "a-missing-integral": "otgen.distances.wasserstein",
    "samples-overestimate": "otgen.distances.wasserstein",
    "the-constant-of-the-family": "otgen.distances.wasserstein",
    "the-penalty-at-equality": "otgen.divergences.js",
    "remark-one-for-squares": "otgen.distances.transport",
    "proposition-two-and-a-dirac": "otgen.gaussians.bures_wasserstein",
    "what-is-moved-outside": "otgen.divergences.kl",
}
# Statements of arithmetic, calculus or dates, which no function of ours enters.
WITHOUT = {"a-dropped-factor", "who-was-first", "a-cusp"}
OWN = {"the-classifiers-logit", "samples-lie-on-a-manifold"}


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


def test_each_check_has_a_planted_error():
    assert set(PLANTS) | WITHOUT | OWN == set(CHECKS)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_error_turns_it_red(monkeypatch, name):
    target = PLANTS[name]
    (plant_skipped if target.startswith("-") else plant)(monkeypatch, target.removeprefix("-"))
    [outcome] = run([name])
    assert outcome.verdict is Verdict.FAILS


def test_a_biased_classifier_turns_it_red(monkeypatch):
    plant(monkeypatch, "otgen.divergences.kl_samples", scale=1.2)
    assert run(["the-classifiers-logit"])[0].verdict is Verdict.FAILS


def test_noise_on_samples_turns_it_red(monkeypatch):
    class Noise(torch.nn.Module):
        def forward(self, x):
            return x + 1e-6 * torch.randn_like(x)

    honest = otgen.lab.networks.perceptron
    monkeypatch.setattr(otgen.lab.networks, "perceptron", lambda *a, **k: torch.nn.Sequential(honest(*a, **k), Noise()))
    assert run(["samples-lie-on-a-manifold"])[0].verdict is Verdict.FAILS


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

    def test_arrays_are_judged_where_they_agree_least(self):
        assert largest("", [1.0, 2.0, 3.0], [1.0, 2.5, 3.1]).left == 2.0
        assert not largest("", [1.0, math.nan], [1.0, 1.0]).holds
        assert not largest("", [1.0, math.inf], [1.0, 1.0]).holds

    def test_a_check_without_comparisons_does_not_hold(self, monkeypatch):
        entered = dict(CHECKS)
        monkeypatch.setattr("otgen.lab.theorems.check.CHECKS", entered)
        chapter("Test")([], "nowhere", "")(nothing_compared)
        assert run(["nothing-compared"])[0].verdict is Verdict.FAILS

    def test_what_is_missing_is_said(self, monkeypatch):
        def missing(module):
            raise MissingExtra(f"{module} is not installed")

        monkeypatch.setattr("otgen.lab.theorems.check.require", missing)
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
        found = cli("pinsker", "gluing", "total-variation", "mean-field-equations")
        assert found.exit_code == 0
        assert "4 checks" in found.stdout
        assert "4 hold" in found.stdout

    def test_one_check_in_full(self):
        found = cli("pinskers-constant")
        assert found.exit_code == 0
        assert "as printed: Pinsker's inequality" in found.stdout
        assert "sharp" in found.stdout

    def test_a_list(self):
        found = cli("--list")
        assert found.exit_code == 0
        assert all(name in found.stdout for name in CHECKS)

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
        found = cli("total-variation")
        assert found.exit_code == 1
        assert "✗" in found.stdout

    def test_a_list_runs_nothing(self):
        assert isinstance(cli("--list", "--json").exception, InvalidInput)
        assert isinstance(cli("--list", "nonsense").exception, InvalidInput)


def test_pictures_draw_themselves():
    from otgen.app.report.pictures import PICTURES

    assert set(PICTURES) <= set(CHECKS)
    for picture in PICTURES.values():
        assert picture.figure().markup.count("<path") > 5


def test_a_comparison_as_plain_values():
    row = Comparison("what", math.inf, "=", 1.0, 0.0).to_dict()
    assert json.loads(json.dumps(row))["left"] == "inf"
    assert row["stands"] is False
