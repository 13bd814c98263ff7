"""Held-out intervals by simulation: each bound fails no more often than it says, and what leaves a part of it out does."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from chosen import every
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from semidiscrete_truth import diamond, normal_on_the_line, on_the_line

import otgen
from otgen.distances.deviations import bernstein, hoeffding, student
from otgen.distances.semidiscrete.support import cost_ranges
from otgen.distances.semidiscrete.targets import Targets
from otgen.model.measure import Measure

Y, B = np.array([0.1, 0.3, 0.35, 0.9]), np.array([0.4, 0.1, 0.2, 0.3])
PROBLEMS = {
    "uniform": on_the_line(Y, B),
    "uniform, p=3": on_the_line(Y, B, 3.0),
    "normal": normal_on_the_line(3 * Y - 1, B),
    "square": diamond()[0],
}
TIMES, DRAWS, CONFIDENCE = 300, 100, 0.9


def optimal(known):
    return otgen.semidiscrete(known.noise, known.y, known.b, p=known.p, rng=0)


def poor(known):
    """No potential at all: noise goes to the nearest point."""
    return otgen.SemidiscreteMap(known.y, known.b, np.zeros(len(known.b)), "euclidean", known.p, 0)


def semi_dual(known, fitted):
    """Of the law itself, by a fine quadrature of it; and the share of its mass that the map misplaces."""
    levels = (np.arange(2**16) + 0.5) / 2**16
    if known.noise == "gaussian":
        from scipy.stats import norm

        x = norm.ppf(levels)[:, None]
    elif known.y.shape[1] == 1:
        x = levels[:, None]
    else:
        ticks = 2 * levels[:: 2**8] - 1
        x = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    columns = fitted.sample(x)
    costs = (np.abs(x - known.y[columns]) ** 2).sum(axis=1) ** (known.p / 2) - fitted.potential[columns]
    shares = np.bincount(columns, minlength=len(known.b)) / len(x)
    return costs.mean() + known.b @ fitted.potential, np.abs(shares - known.b).sum() / 2


def checks(known, fitted, **options):
    return [fitted.held_out(known.noise, DRAWS, confidence=CONFIDENCE, rng=seed, **options) for seed in range(TIMES)]


def allowed(share):
    """More failures than these come up once in 10 000 times where each has this chance."""
    return int(binom.ppf(0.9999, TIMES, share))


MADE = every(
    PROBLEMS,
    [optimal, poor],
    by_day=[("uniform", poor), ("uniform, p=3", optimal), ("normal", optimal), ("square", poor)],
)


@pytest.mark.no_cover
@pytest.mark.parametrize(("name", "make"), MADE)
@pytest.mark.by_day(2)
def test_bounds_fail_as_rarely_as_they_say(name, make):
    known = PROBLEMS[name]
    fitted = make(known)
    dual, misplaced = semi_dual(known, fitted)
    found = checks(known, fitted)
    assert sum(not check.lower <= known.cost <= check.upper for check in found) <= allowed(1 - CONFIDENCE)
    assert sum(known.cost - dual > check.suboptimality + 1e-5 for check in found) <= allowed(1 - CONFIDENCE)
    assert sum(misplaced > check.misplaced + 1e-3 for check in found) <= allowed(1 - CONFIDENCE)
    assert not any(check.guaranteed for check in found)
    assert np.mean([check.corrected for check in found]) > known.cost  # by convexity


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("name", "make"),
    every(
        ["uniform", "uniform, p=3", "square"],
        [optimal, poor],
        by_day=[("uniform", optimal), ("uniform, p=3", poor), ("square", optimal)],
    ),
)
@pytest.mark.by_day(1)
def test_guaranteed_bounds_hold_for_few_draws(name, make):
    known = PROBLEMS[name]
    fitted = make(known)
    dual, _ = semi_dual(known, fitted)
    found = checks(known, fitted, support=known.support)
    assert sum(not check.lower <= known.cost <= check.upper for check in found) <= allowed(1 - CONFIDENCE)
    assert sum(known.cost - dual > check.suboptimality + 1e-5 for check in found) <= allowed(1 - CONFIDENCE)
    assert all(check.guaranteed for check in found)


@pytest.mark.no_cover
def test_what_leaves_the_misplaced_mass_out_is_caught():
    """The cost of the assignment as it is, to its own masses, is no bound from above: this is what would pass without the correction."""
    known = PROBLEMS["uniform"]
    found = checks(known, poor(known))
    without = [check.assigned + (check.upper - check.corrected) for check in found]
    assert sum(upper < known.cost for upper in without) > 2 * allowed(1 - CONFIDENCE)


@pytest.mark.no_cover
def test_what_leaves_chance_out_is_caught():
    known = PROBLEMS["normal"]
    found = checks(known, optimal(known))
    assert sum(not check.dual <= known.cost <= check.corrected for check in found) > 3 * allowed(1 - CONFIDENCE)


def test_more_draws_close_the_interval():
    known = PROBLEMS["square"]
    fitted = optimal(known)
    widths = [
        (check.upper - check.lower, check.suboptimality)
        for check in (fitted.held_out(known.noise, n, rng=1) for n in (500, 8000))
    ]
    assert widths[1][0] < 0.4 * widths[0][0]
    assert widths[1][1] < 0.4 * widths[0][1]
    assert widths[1][1] < 0.3 * widths[1][0]  # the potential is known far better than the cost


class TestDeviations:
    """On laws whose means are known; Bernoulli's of a small mean is what Student's quantiles fail on."""

    @pytest.mark.parametrize("chance", [0.02, 0.5])
    def test_those_that_are_guaranteed(self, chance):
        rng, delta = np.random.default_rng(0), 0.1
        means = (rng.random((2000, 60)) < chance).astype(float)
        for bound in (lambda z: bernstein(z, 1.0, delta), lambda z: hoeffding(1.0, len(z), delta)):
            assert np.mean([z.mean() + bound(z) < chance for z in means]) <= delta

    def test_student(self):
        rng, delta = np.random.default_rng(0), 0.1
        normal = rng.standard_normal((4000, 40))
        share = np.mean([z.mean() + student(z, delta) < 0 for z in normal])
        assert share == pytest.approx(delta, abs=4 * math.sqrt(0.09 / 4000))

    def test_what_is_held_out_can_be_written_as_json(self):
        found = optimal(PROBLEMS["uniform, p=3"]).check
        told = json.loads(json.dumps(found.to_dict()))
        assert (told["lower"], told["distance"], told["guaranteed"]) == (
            found.lower,
            [*found.distance],
            found.guaranteed,
        )

    def test_empirical_bernstein_knows_a_small_variance(self):
        values = np.tile([0.0, 0.0, 0.0, 0.01], 2000)
        assert bernstein(values, 1.0, 0.05) < 0.2 * hoeffding(1.0, len(values), 0.05)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 4]),
    st.sampled_from(["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(1.3)]),
    st.sampled_from([1.0, 2.0, 2.5]),
)
def test_ranges_of_costs_over_a_box_hold_all_costs_in_it(seed, d, metric, p):
    rng = np.random.default_rng(seed)
    low = rng.normal(size=d)
    high = low + rng.exponential(size=d) * (rng.random(d) < 0.8)
    y = 2 * rng.normal(size=(6, d))
    targets = Targets.of(Measure(y), metric, p)
    corners = np.where(rng.random((50, d)) < 0.5, low, high)
    x = np.concatenate([low + (high - low) * rng.random((200, d)), corners, np.clip(targets.points, low, high)])
    ranges = cost_ranges(targets, (low, high), np.clip(x, low, high))
    costs = targets.cost_of(np.clip(x, low, high)).block()
    assert (costs >= ranges.low).all()
    assert (costs <= ranges.high).all()
    g = rng.normal(size=6)
    values = (costs - g).min(axis=1)
    assert np.ptp(values) <= ranges.width(g) + 1e-12


@pytest.mark.parametrize("power", [-300, 0, 300])
def test_deviations_follow_the_unit(power):
    values, unit = np.random.default_rng(0).normal(size=50), 2.0**power * 2.0**power
    assert student(values * unit, 0.05) == pytest.approx(student(values, 0.05) * unit, rel=1e-12)
    assert bernstein(values * unit, 9 * unit, 0.05) == pytest.approx(bernstein(values, 9.0, 0.05) * unit, rel=1e-12)
