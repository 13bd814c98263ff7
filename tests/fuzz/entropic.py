"""Entropic costs, their divergences, and what is averaged or maximised over directions."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from entropic_truth import divergence_truth, entropic_truth

import otgen

from . import truths
from .calls import call, optional
from .draws import Draw
from .judges import CONSISTENT, EITHER, PROVEN, Trial, demand, exactly, holds_interval, sound
from .listed import listed
from .problems import Posed, doubles, plan_of, posed

_STRENGTHS = (0.5, 1.0, 0.1, 10.0, 1e-3, 1e6, 1e-300, 1e300, 0, -1.0, math.nan, math.inf)
_RELAXED = (1.0, 0.1, 100.0, (1.0, None), (None, 2.0), (1.0, 3.0), math.inf, 1e-300, -1.0, (1.0,))


def _strength(draw: Draw) -> Any:
    return otgen.Relative(draw.one(0.05, 0.5, 1.0, 1e-3, 20.0)) if draw.chance(0.5) else draw.one(*_STRENGTHS)


def _terms(draw: Draw, *, relax: bool = True) -> dict[str, Any]:
    options: dict[str, Any] = {
        "epsilon": _strength(draw),
        "max_iter": draw.one(50, 300, 1000),
        "throw": draw.chance(0.3),
    }
    options |= optional(draw, 0.2, tol=draw.one(1e-3, 1e-9, 1e-12, 0.0, -1.0))
    return options | (optional(draw, 0.25, relax=draw.one(*_RELAXED)) if relax else {})


@call("sinkhorn", "Relative", share=2)
def sinkhorn(draw: Draw) -> Trial:
    problem = _posed(draw)
    options = problem.options | _terms(draw)
    deep = draw.chance(0.05)
    return Trial(
        lambda: otgen.sinkhorn(**problem.clouds, **options),
        lambda r: _judged(problem, r, options, deep=deep),
        EITHER,
        (problem.told, options),
    )


def _posed(draw: Draw) -> Posed:
    return posed(draw, orders=(1, 2, 2, 1.5, 3, 4, 700, math.inf), most=30)


def _judged(problem: Posed, result: Any, options: dict[str, Any], *, deep: bool) -> str:
    """Between the exact cost, which no entropic one is below, and that of the product plan, which has no entropy; rarely to 50 digits."""
    sound(result)
    if not problem.known:
        return CONSISTENT
    if result.plan is not None and problem.shape[0] * problem.shape[1] <= 400:
        plan_of(result, *problem.shape)
    if options.get("relax") not in (None, math.inf) or problem.truth is None:
        return CONSISTENT
    if result.exact_bounds is not None:
        holds_interval(*result.exact_bounds, problem.truth, "exact cost", problem.slack)
    demand(
        exactly(result.upper) + problem.slack >= problem.truth, "the upper end is below the exact cost:", result.upper
    )
    most = truths.product(problem.costs, *problem.masses)
    demand(
        exactly(result.lower) <= most + problem.slack,
        "the lower end is above the cost of the product plan:",
        result.lower,
    )
    if deep and _moderate(problem, result):
        return _to_many_digits(problem, result, entropic_truth)
    return PROVEN


def _moderate(problem: Posed, result: Any) -> bool:
    """Whether Newton's method in mpmath takes no time to speak of."""
    n, m = problem.shape
    highest = max(max(row) for row in problem.costs)
    weights = [w for side in problem.masses for w in side]
    return (
        n * m <= 9 and problem.metric in ("euclidean", "cityblock", "chebyshev") and 1 <= problem.p <= 3 and Fraction(result.epsilon) * 200 > highest
        and highest > 0 and highest * 1000 > Fraction(result.epsilon) and all(not w or w > Fraction(1, 10**6) for w in weights)
    )  # fmt: skip


def _to_many_digits(problem: Posed, result: Any, judge: Any) -> str:
    n, m = problem.shape
    x, y = (np.array(v, float).reshape(k, -1) for v, k in ((problem.x.values, n), (problem.y.values, m)))
    a, b = (np.ones(k) if g.values is None else np.array(g.values, float) for g, k in ((problem.a, n), (problem.b, m)))
    if not doubles(problem):
        return CONSISTENT
    truth = judge(x, y, a, b, result.epsilon, metric=problem.metric, p=problem.p)
    demand(result.lower <= truth.upper, "lower", repr(result.lower), "is above the truth", float(truth.upper))
    demand(truth.lower <= result.upper, "upper", repr(result.upper), "is below the truth", float(truth.lower))
    return PROVEN


@call("sinkhorn_divergence")
def sinkhorn_divergence(draw: Draw) -> Trial:
    problem = _posed(draw)
    options = problem.options | _terms(draw, relax=False) | optional(draw, 0.15, relax=draw.one(1.0, 0.1, math.inf))
    deep = draw.chance(0.03)

    def judge(result: Any) -> str:
        sound(result)
        if (
            deep
            and problem.known
            and problem.truth is not None
            and "relax" not in options
            and _moderate(problem, result)
        ):
            return _to_many_digits(problem, result, divergence_truth)
        return CONSISTENT

    return Trial(lambda: otgen.sinkhorn_divergence(**problem.clouds, **options), judge, EITHER, (problem.told, options))


@call("sinkhorn_batch")
def sinkhorn_batch(draw: Draw) -> Trial:
    return _batch(draw, otgen.sinkhorn_batch, bounded=True)


@call("sinkhorn_divergence_batch")
def sinkhorn_divergence_batch(draw: Draw) -> Trial:
    return _batch(draw, otgen.sinkhorn_divergence_batch, bounded=False)


def _batch(draw: Draw, function: Any, *, bounded: bool) -> Trial:
    first = _posed(draw)
    rest = [posed(draw, metrics=(first.metric,), orders=(first.p,), most=12) for _ in range(draw.one(0, 1, 2, 2))]
    problems = [first, *(replace(one, normalize=first.normalize, p=first.p) for one in rest)]
    options = first.options | _terms(draw, relax=False)
    arguments: dict[str, Any] = {"xs": [p.x.thing for p in problems], "ys": [p.y.thing for p in problems]}
    arguments |= {
        name: [getattr(p, name).thing for p in problems]
        for name in "ab"
        if any(getattr(p, name).thing is not None for p in problems)
    }

    def judge(batch: Any) -> str:
        demand(len(batch) == len(problems), "a batch of", len(batch))
        if not bounded:
            for result in batch:
                sound(result)
            return CONSISTENT
        outcomes = {
            _judged(problem, result, options, deep=False) for problem, result in zip(problems, batch, strict=True)
        }
        return PROVEN if outcomes == {PROVEN} else CONSISTENT

    return Trial(lambda: function(**arguments, **options), judge, EITHER, ([p.told for p in problems], options))


@call("solvers.Sinkhorn", "solvers.Annealing", "solvers.Fixed", "solvers.Schedule", name="entropic transport")
def entropic_transport(draw: Draw) -> Trial:
    problem = listed(draw)
    options: dict[str, Any] = {"epsilon": _strength(draw), "throw": False}
    if draw.chance(0.6):
        schedule = draw.one(otgen.solvers.Fixed(), otgen.solvers.Annealing(0.3))
        options["solver"] = otgen.solvers.Sinkhorn(
            tol=draw.one(1e-3, 1e-8), max_iter=draw.one(1, 20, 300), schedule=schedule
        )
    options |= optional(draw, 0.2, relax=draw.one(*_RELAXED))
    options |= optional(draw, 0.2, penalty=draw.one(1.0, 0.0, -1.0)) | optional(draw, 0.1, mass=draw.one(0.5, 2.0))

    def judge(result: Any) -> str:
        sound(result)
        plain = not {"relax", "penalty", "mass"} & set(options)
        if (
            not plain
            or not problem.known
            or not truths.small(*problem.shape)
            or (problem.sparse and "sparse " not in problem.C.told)
        ):
            return CONSISTENT
        if problem.truth is None or any(c is None for row in problem.costs for c in row) or result.lower is None:
            return CONSISTENT
        slack = problem.largest * problem.mass * Fraction(1, 2**50)
        most = truths.product(problem.costs, *problem.masses) * problem.mass
        demand(
            exactly(result.upper) + slack >= problem.truth * problem.mass,
            "the upper end is below the exact cost:",
            result.upper,
        )
        demand(
            exactly(result.lower) <= most + slack, "the lower end is above the cost of the product plan:", result.lower
        )
        return PROVEN

    return Trial(lambda: otgen.transport(**problem.arguments, **options), judge, EITHER, (problem.told, options))


@call("sliced_wasserstein")
def sliced_wasserstein(draw: Draw) -> Trial:
    problem = posed(draw, metrics=("euclidean",))
    options = {k: v for k, v in problem.options.items() if k != "metric"} | {
        "rng": draw.seed(),
        "n_projections": draw.one(1, 2, 10, 33, 0),
    }
    options |= optional(draw, 0.3, directions=draw.one("orthogonal", "quasi-random", "independent", "haar"))

    def judge(result: Any) -> str:
        sound(result)
        demand(result.value >= 0, "a negative distance:", result.value)
        return _at_most(problem, result.value, "sliced")

    return Trial(lambda: otgen.sliced_wasserstein(**problem.clouds, **options), judge, EITHER, (problem.told, options))


def _at_most(problem: Posed, value: float, name: str) -> str:
    """No distance along lines is larger than that between the clouds themselves."""
    if not problem.known or problem.truth is None or not 1 <= problem.p <= 50:
        return CONSISTENT
    distance = truths.root(problem.truth, problem.p)
    largest = truths.root(max(max(row) for row in problem.costs), problem.p)
    if largest >= Fraction(2) ** 1000:
        return CONSISTENT
    slack = (distance + largest * Fraction(1, 10**4)) * Fraction(1, 10**9) + Fraction(1, 10**300)
    demand(exactly(value) <= distance + slack, f"the {name} distance is above W_p:", value, float(distance))
    return PROVEN


@call("max_sliced_wasserstein", "Result.direction")
def max_sliced_wasserstein(draw: Draw) -> Trial:
    problem = posed(draw, metrics=("euclidean",), most=20)
    options = {k: v for k, v in problem.options.items() if k != "metric"} | {
        "rng": draw.seed(),
        "throw": draw.chance(0.5),
    }
    options |= (
        {"max_iter": draw.one(100, 1000)}
        | optional(draw, 0.3, n_starts=draw.whole(0, 4))
        | optional(draw, 0.3, exact=draw.chance(0.5))
    )

    def judge(result: Any) -> str:
        sound(result)
        if result.direction is not None:
            demand(
                abs(np.linalg.norm(result.direction) - 1) < 1e-9, "the direction is no unit vector:", result.direction
            )
        return _at_most(problem, result.lower, "max-sliced")

    return Trial(
        lambda: otgen.max_sliced_wasserstein(**problem.clouds, **options), judge, EITHER, (problem.told, options)
    )
