"""Many clouds at once: all pairs, neighbours, tests; and maps that are fitted to a cloud."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import otgen
from otgen import estimators

from . import truths
from .calls import call, optional
from .draws import Draw, Numbers
from .draws import weights as drawn_weights
from .forms import Given, given
from .judges import CONSISTENT, EITHER, PROVEN, Trial, demand, holds_interval, plainly
from .problems import SPELT, Posed, posed

_METRICS = ("euclidean", "euclidean", "cityblock", "chebyshev", "circular", "great_circle", "minkowski", "callable")


class _Sets:
    """A collection of few small clouds, with weights or none, and its exact distances."""

    def __init__(self, draw: Draw, *, count: int | None = None) -> None:
        self.metric = draw.one(*_METRICS)
        self.p = draw.one(1, 2, 2, 3, math.inf)
        d = 2 if self.metric == "great_circle" else draw.one(1, 2, 3)
        numbers = Numbers.drawn(draw, tame=draw.chance(0.6))
        plain = draw.chance(0.5)
        sizes = [draw.whole(1, 4) for _ in range(draw.whole(0, 5) if count is None else count)]
        self.sets = [given(draw, numbers(draw, (n, d)), plain=plain) for n in sizes]
        held = [drawn_weights(draw, n) if draw.chance(0.5) else None for n in sizes]
        self.weights = [Given(None, None, True, "None") if w is None else given(draw, w, plain=plain) for w in held]

    @property
    def told(self) -> str:
        return f"{[one.told for one in self.sets]}, {[w.told for w in self.weights]}, {self.metric}, p={self.p}"

    @property
    def options(self) -> dict[str, Any]:
        return {"p": self.p, "metric": SPELT.get(self.metric, self.metric), "normalize": True}

    def arguments(self, first: str = "sets", second: str = "weights") -> dict[str, Any]:
        none = all(w.thing is None for w in self.weights)
        return {first: [one.thing for one in self.sets], second: None if none else [w.thing for w in self.weights]}

    def pair(self, i: int, j: int) -> Posed:
        return Posed(self.sets[i], self.sets[j], self.weights[i], self.weights[j], self.metric, self.p, EITHER, True)

    def holds(self, i: int, j: int, lower: float, upper: float) -> bool:
        """Check an interval of a distance; whether there was a truth to check it with."""
        pair = self.pair(i, j)
        if not pair.known or pair.truth is None:
            return False
        truth = pair.truth if math.isinf(self.p) else truths.root(pair.truth, self.p)
        slack = pair.slack if math.isinf(self.p) or not pair.truth else truths.root(pair.slack, self.p)
        holds_interval(float(lower), float(upper), truth, f"distance of sets {i} and {j}", slack)
        return True


@call("pairwise", "PairwiseBounds", share=0.7)
def pairwise(draw: Draw) -> Trial:
    sets = _Sets(draw)
    kept = draw.chance(0.2)

    def ask() -> Any:
        if not kept:
            return otgen.pairwise(**sets.arguments(), bounds=True, **sets.options)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "kept"
            first = otgen.pairwise(**sets.arguments(), bounds=True, checkpoint=place, **sets.options)
            again = otgen.pairwise(**sets.arguments(), bounds=True, checkpoint=place, **sets.options)
        assert all(np.array_equal(one, other) for one, other in zip(first, again)), (
            "a run that goes on ends with other bits"
        )
        return first

    def judge(found: Any) -> str:
        size = len(sets.sets)
        demand(found.value.shape == (size, size), "a matrix", found.value.shape)
        demand(
            (found.lower <= found.value).all() and (found.value <= found.upper).all(),
            "values outside of their intervals",
        )
        known = [sets.holds(i, j, found.lower[i, j], found.upper[i, j]) for i in range(size) for j in range(i, size)]
        return PROVEN if known and all(known) else CONSISTENT

    return Trial(ask, judge, EITHER, sets.told)


@call("neighbors", "Neighbors", share=0.7)
def neighbors(draw: Draw) -> Trial:
    sets = _Sets(draw)
    k = draw.one(1, 1, 2, 3, 0)
    ordered = draw.chance(0.7)

    def judge(found: Any) -> str:
        demand(
            (found.lower <= found.value).all() and (found.value <= found.upper).all(),
            "values outside of their intervals",
        )
        known = [
            sets.holds(i, int(j), found.lower[i, c], found.upper[i, c])
            for i, row in enumerate(found.indices)
            for c, j in enumerate(row)
        ]
        repr(found)
        return PROVEN if all(known) else CONSISTENT

    return Trial(
        lambda: otgen.neighbors(**sets.arguments("queries"), k=k, ordered=ordered, **sets.options),
        judge,
        EITHER,
        (sets.told, k),
    )


@call("within", "Within", share=0.7)
def within(draw: Draw) -> Trial:
    sets = _Sets(draw)
    radius = draw.one(0, 1, 0.5, 2.0, 100, math.inf, -1, math.nan, "1")

    def judge(found: Any) -> str:
        inside = {tuple(pair) for pair in found.pairs.tolist()}
        known = [sets.holds(i, j, found.lower[c], found.upper[c]) for c, (i, j) in enumerate(found.pairs.tolist())]
        known += [_beyond(sets, i, j, radius) for i, j in truths.pairs(len(sets.sets)) if (i, j) not in inside]
        repr(found)
        return PROVEN if all(known) else CONSISTENT

    return Trial(
        lambda: otgen.within(**sets.arguments(), radius=radius, **sets.options), judge, EITHER, (sets.told, radius)
    )


def _beyond(sets: _Sets, i: int, j: int, radius: float) -> bool:
    pair = sets.pair(i, j)
    if not pair.known or pair.truth is None:
        return False
    truth = pair.truth if math.isinf(sets.p) else truths.root(pair.truth, sets.p)
    slack = truth / 10**9 + pair.slack
    demand(truth + slack >= radius, f"sets {i} and {j} lie within {radius} and are left out:", float(truth))
    return True


@call("permutation_null", "PermutationNull", "PermutationNull.to_dict", "Result.chance", share=0.5)
def permutation_null(draw: Draw) -> Trial:
    problem = posed(draw, most=10)
    options = {k: v for k, v in problem.options.items() if k != "normalize"} | {
        "n_permutations": draw.one(1, 3, 5, 0),
        "rng": draw.seed(),
    }

    def judge(found: Any) -> str:
        demand(0 < found.p_value <= 1, "a p-value of", found.p_value)
        found.to_dict(), repr(found), found.verdict
        return CONSISTENT

    return Trial(lambda: otgen.permutation_null(**problem.clouds, **options), judge, EITHER, (problem.told, options))


@call("two_sample_test", "TestResult", "TestResult.to_dict", "TestResult.interval", share=0.5)
def two_sample_test(draw: Draw) -> Trial:
    problem = posed(draw, most=10)
    distance = draw.one("wasserstein", "energy", "mmd", "sliced_wasserstein", "nonsense")
    options: dict[str, Any] = {"n_permutations": draw.one(1, 5, 9, 0), "rng": draw.seed(), "distance": distance}
    if distance == "wasserstein":
        options |= {k: v for k, v in problem.options.items() if k != "normalize"}
    options |= optional(draw, 0.2, stop_after=draw.whole(0, 3))

    def judge(found: Any) -> str:
        demand(0 < found.p_value <= 1, "a p-value of", found.p_value)
        found.to_dict(), repr(found), found.interval()
        return CONSISTENT

    return Trial(lambda: otgen.two_sample_test(**problem.clouds, **options), judge, EITHER, (problem.told, options))


@call("confidence_interval", "ConfidenceInterval", "ConfidenceInterval.to_dict", share=0.3)
def confidence_interval(draw: Draw) -> Trial:
    problem = posed(draw, tame=draw.chance(0.7))
    options: dict[str, Any] = {"n_subsamples": draw.one(2, 5, 20), "rng": draw.seed(), "p": problem.p} | optional(
        draw, 0.3, level=draw.one(0.5, 0, 1, 2)
    )

    def judge(found: Any) -> str:
        demand(found.lower <= found.upper, "no interval:", found)
        found.to_dict(), repr(found)
        return CONSISTENT

    return Trial(
        lambda: otgen.confidence_interval(problem.x.thing, problem.y.thing, **options),
        judge,
        EITHER,
        (problem.told, options),
    )


@call("bias_curve", "BiasCurve", "BiasCurve.to_dict", "BiasCurve.at", "BiasCurve.interval", share=0.2)
def bias_curve(draw: Draw) -> Trial:
    problem = posed(draw, tame=draw.chance(0.7))

    def ask() -> Any:
        found = otgen.bias_curve(problem.x.thing, problem.y.thing, n_groups=draw.one(2, 3, 10), rng=0, p=problem.p)
        return found, found.at(100), found.interval(), found.to_dict(), repr(found)

    return Trial(ask, plainly, EITHER, problem.told)


@call(
    "semidiscrete",
    "SemidiscreteMap",
    "SemidiscreteMap.sample",
    "SemidiscreteMap.save",
    "SemidiscreteMap.held_out",
    "HeldOut",
    "load_semidiscrete",
    share=0.1,
)
def semidiscrete(draw: Draw) -> Trial:
    problem = posed(draw, metrics=("euclidean", "cityblock"), most=8)

    def ask() -> Any:
        d = np.ndim(problem.y.thing) if isinstance(problem.y.thing, np.ndarray) else 1
        fitted = otgen.semidiscrete(
            "gaussian",
            problem.y.thing,
            problem.b.thing,
            p=problem.p,
            metric=problem.metric,
            tol=None,
            max_draws=500,
            rng=0,
        )
        with tempfile.TemporaryDirectory() as folder:
            fitted.save(Path(folder) / "map.npz")
            again = otgen.load_semidiscrete(Path(folder) / "map.npz")
        noise = np.zeros((3, fitted.points.shape[1]))
        return fitted, d, fitted.sample(noise), again.sample(noise)

    def judge(answer: Any) -> str:
        fitted, _, one, other = answer
        demand(np.array_equal(one, other), "a map and its file send noise to other points")
        demand((fitted.weights[one] > 0).all(), "noise is sent to points without weight")
        return CONSISTENT

    return Trial(ask, judge, EITHER, problem.told)


@call("estimators.OTMapper", "estimators.OTMapper.fit", "estimators.OTMapper.transform", share=0.5)
def mapper(draw: Draw) -> Trial:
    problem = posed(draw, metrics=("euclidean", "cityblock"), orders=(1, 2, 2, 3), most=20)
    options = optional(draw, 0.4, epsilon=otgen.Relative(0.1)) | optional(
        draw, 0.3, extension=draw.one("image", "displacement")
    )
    target = optional(draw, 0.2, target=draw.one("uniform", "normal"), n_reference=20)

    def ask() -> Any:
        fitted = estimators.OTMapper(p=problem.p, metric=problem.metric, **options, **target).fit(
            problem.x.thing, None if target else problem.y.thing, sample_weight=problem.a.thing
        )
        return fitted.transform(problem.x.thing)

    def judge(found: Any) -> str:
        demand(np.isfinite(np.asarray(found, float)).all(), "images that are no numbers")
        return CONSISTENT

    return Trial(ask, judge, EITHER, (problem.told, options, target), words_of="sklearn")


@call("estimators.PairwiseWasserstein", "estimators.PairwiseWasserstein.fit", "estimators.PairwiseWasserstein.transform",
      "estimators.PairwiseWasserstein.fit_transform", share=0.4)  # fmt: skip
def pairwise_estimator(draw: Draw) -> Trial:
    sets = _Sets(draw)
    options = {"distance_params": {"p": sets.p}} | optional(draw, 0.3, kernel="exp")

    def judge(found: Any) -> str:
        demand(not np.isnan(found).any() and (found >= 0).all(), "distances that are none")
        return CONSISTENT

    things = [one.thing for one in sets.sets]
    return Trial(
        lambda: estimators.PairwiseWasserstein(**options).fit_transform(things),
        judge,
        EITHER,
        (sets.told, options),
        words_of="sklearn",
    )
