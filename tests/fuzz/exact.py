"""Exact distances: between clouds, for listed costs, in batches, of unequal mass, with solvers that lie, audited, in files."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from liars import Liar, honest, lies, malformed

import otgen
from otgen import solvers

from . import truths
from .calls import call, optional
from .draws import Draw, Numbers
from .forms import given
from .judges import CONSISTENT, EITHER, PROVEN, Trial, demand, holds_interval, plainly, sound
from .listed import judged_listed, listed
from .problems import COSTS, METRICS, Posed, in_truth, judged, posed


@call("wasserstein", "Result", "Result.plan", "Result.potentials", "Result.to_dict", "Minkowski", "Circular", share=10)
def wasserstein(draw: Draw) -> Trial:
    problem = posed(draw, metrics=(*METRICS, *COSTS))
    options = problem.options | optional(
        draw, 0.2, solver=draw.one("auto", "line", "circle", "simplex", "linprog", "bottleneck", "nonsense")
    )
    options |= optional(draw, 0.1, throw=draw.chance(0.5))
    due = EITHER if "solver" in options else problem.due
    return Trial(
        lambda: otgen.wasserstein(**problem.clouds, **options),
        lambda r: judged(problem, r),
        due,
        (problem.told, options),
    )


@call("transport", "Result.unmatched", share=6)
def transport(draw: Draw) -> Trial:
    problem = listed(draw)
    options = optional(draw, 0.2, solver=draw.one("auto", "simplex", "linprog", "line", "sinkhorn"))
    options |= optional(draw, 0.15, throw=False)
    due = EITHER if "solver" in options else problem.due
    return Trial(
        lambda: otgen.transport(**problem.arguments, **options),
        lambda r: judged_listed(problem, r),
        due,
        (problem.told, options),
    )


@call("wasserstein_batch", "BatchResult", "BatchResult.to_dict", "BatchResult.to_frame", share=2)
def wasserstein_batch(draw: Draw) -> Trial:
    problems = _several(draw)
    arguments = _stacked(draw, problems)
    options = problems[0].options if problems else {}
    return Trial(
        lambda: otgen.wasserstein_batch(**arguments, **options),
        lambda r: _each(problems, r),
        EITHER,
        [p.told for p in problems],
    )


def _several(draw: Draw) -> list[Posed]:
    """Problems of one metric and order, each in a form of its own."""
    first = posed(draw, most=20)
    count = draw.one(0, 1, 2, 3, 3)
    return [first, *(replace(posed(draw, metrics=(first.metric,), orders=(first.p,), most=20), normalize=first.normalize, p=first.p)
                     for _ in range(count))]  # fmt: skip


def _stacked(draw: Draw, problems: list[Posed]) -> dict[str, Any]:
    """The arguments of a batch: lists; weights None where none is given."""
    sides = {"xs": [p.x.thing for p in problems], "ys": [p.y.thing for p in problems]}
    weights = {name: [getattr(p, name).thing for p in problems] for name in "ab"}
    return sides | {name: None if all(w is None for w in some) else some for name, some in weights.items()}


def _each(problems: list[Posed], batch: Any) -> str:
    demand(len(batch) == len(problems), "a batch of", len(batch))
    batch.to_dict()
    outcomes = {judged(problem, result) for problem, result in zip(problems, batch, strict=True)}
    demand([float(v) for v in batch.value] == [r.value for r in batch], "the batch and its results have other values")
    return PROVEN if outcomes == {PROVEN} else CONSISTENT


@call("transport_batch")
def transport_batch(draw: Draw) -> Trial:
    some = [listed(draw) for _ in range(draw.whole(1, 3))]
    if draw.chance(0.5):
        some = [some[0]] * len(some)
    normalize = some[0].normalize
    some = [replace(one, normalize=normalize) for one in some]
    arguments: dict[str, Any] = {"Cs": [one.C.thing for one in some]}
    arguments |= {
        name: [getattr(one, name).thing for one in some]
        for name in "ab"
        if any(getattr(one, name).thing is not None for one in some)
    }

    def judge(batch: Any) -> str:
        demand(len(batch) == len(some), "a batch of", len(batch))
        return PROVEN if {judged_listed(one, result) for one, result in zip(some, batch)} == {PROVEN} else CONSISTENT

    return Trial(
        lambda: otgen.transport_batch(**arguments, normalize=normalize), judge, EITHER, [one.told for one in some]
    )


def _prices(draw: Draw, posed: Posed) -> tuple[Any, Any, list | None, list | None]:
    """A penalty and a mass, and the prices that they come to on both sides."""
    n, m = posed.shape if posed.known else (1, 1)
    kind = draw.whole(0, 5)
    if kind == 0:
        return None, draw.one(0, 0.25, 0.5, 1.0, 2.0, -1.0, math.nan), [0] * n, [0] * m
    price = draw.one(0, 1, 0.5, 3.25, 100.0, 1e-300, 1e300, math.inf, -1.0, math.nan)
    if kind < 4:
        return price, None, [price] * n, [price] * m
    if kind == 4:
        other = draw.one(0, 2, math.inf)
        return (price, other), None, [price] * n, [other] * m
    prices = draw.rng.integers(0, 9, n) / 4
    return (prices, price), draw.one(None, 0.5), prices.tolist(), [price] * m


@call("partial_wasserstein", share=2)
def partial_wasserstein(draw: Draw) -> Trial:
    problem = posed(
        draw, metrics=("euclidean", "cityblock", "chebyshev", "minkowski"), orders=(1, 2, 2, 3, 1.5, 700, math.inf)
    )
    penalty, mass, *prices = _prices(draw, problem)
    options = {k: v for k, v in problem.options.items() if k != "normalize"} | {"penalty": penalty, "mass": mass}

    def judge(result: Any) -> str:
        sound(result)
        if (
            not problem.known
            or not truths.small(problem.shape[0] + 1, problem.shape[1] + 1)
            or not 1 <= problem.p <= 50
        ):
            return CONSISTENT
        return _in_partial_truth(problem, result, prices, mass)

    return Trial(lambda: otgen.partial_wasserstein(**problem.clouds, **options), judge, EITHER, (problem.told, options))


def _in_partial_truth(problem: Posed, result: Any, prices: list, mass: float | None) -> str:
    """The balanced problem with a dummy on either side, in fractions."""
    if any(math.isinf(v) for side in prices for v in side):
        return CONSISTENT
    a, b = _received(problem)
    one, other = [Fraction(v) for v in prices[0]], [Fraction(v) for v in prices[1]]
    costs = [[*row, price] for row, price in zip(problem.costs, one)] + [
        [*other, Fraction(0) if mass is None else None]
    ]
    if mass is None:
        a, b = [*a, sum(b)], [*b, sum(a)]
    else:
        moved = Fraction(mass)
        if moved > min(sum(a), sum(b)):
            return CONSISTENT
        a, b = [*a, sum(b) - moved], [*b, sum(a) - moved]
    total = sum(a)
    truth = truths.cheapest(costs, [v / total for v in a], [v / total for v in b])
    if truth is None:
        return CONSISTENT
    largest = max(c for row in costs for c in row if c is not None)
    holds_interval(result.cost_lower, result.cost_upper, truth * total, "total", largest * total * Fraction(1, 10**50))
    return PROVEN


def _received(problem: Posed) -> tuple[list, list]:
    """Weights as they count in partial transport: as received, or the other side's total."""
    sides = [None if g.thing is None else [Fraction(v) for v in g.values] for g in (problem.a, problem.b)]
    totals = [None if side is None else sum(side) for side in sides]
    out = []
    for side, total, size in zip(sides, reversed(totals), problem.shape):
        out.append(side if side is not None else [Fraction(1 if total is None else total) / size] * size)
    return out[0], out[1]


@call("solve", "solvers.Simplex", "solvers.LinearProgram", "solvers.Auto", "solvers.Line", "solvers.Circle", "solvers.Bottleneck", "solvers.Claim",
      "solvers.Flows", "solvers.Solution", "Problem", "Measure", "Problem.from_points", share=2)  # fmt: skip
def solve(draw: Draw) -> Trial:
    """Solvers by name and as objects, and such as lie: the interval holds the truth whatever they say."""
    tame = draw.chance(0.7)
    problem = posed(draw, tame=tame, most=12)
    options = problem.options

    def ask() -> Any:
        made = otgen.Problem.from_points(**problem.clouds, **options)
        return otgen.solve(made, _solver(draw, made), throw=False)

    def judge(result: Any) -> str:
        sound(result)
        if not problem.known or problem.truth is None:
            return CONSISTENT
        holds_interval(result.lower, result.upper, problem.truth, "cost", problem.slack)
        return PROVEN

    return Trial(ask, judge, EITHER, problem.told)


def _solver(draw: Draw, problem: otgen.Problem) -> Any:
    """An honest one, or one that lies about this problem."""
    if draw.chance(0.3):
        return draw.one(
            solvers.Simplex(),
            solvers.LinearProgram(),
            solvers.Simplex(max_iter=draw.whole(1, 5)),
            solvers.Circle(),
            "auto",
            "simplex",
            "line",
        )
    mine = honest(problem)
    other = honest(_shuffled(draw, problem))
    with np.errstate(all="ignore"):
        spoilt = malformed(mine) if draw.chance(0.15) else lies(mine, other, draw.rng)
    return Liar(spoilt[draw.one(*spoilt)] if spoilt else mine, draw.one(*otgen.Status))


def _shuffled(draw: Draw, problem: otgen.Problem) -> otgen.Problem:
    """Another problem of the same shape."""
    n, m = problem.shape
    C = draw.rng.integers(0, 9, (n, m)).astype(float)
    if problem.bottleneck:
        return otgen.Problem.from_points(draw.rng.normal(size=(n, 2)), draw.rng.normal(size=(m, 2)), p=math.inf)
    return otgen.Problem.from_matrix(C)


@call("audit", "Audit", "Audit.to_dict", share=2)
def audit(draw: Draw) -> Trial:
    """Plans and potentials of anybody's: right, of another problem, or nonsense."""
    if draw.chance(0.3):
        return _audit_of_matrix(draw)
    problem = posed(draw, most=12)
    n, m = problem.shape if problem.x.values is not None and problem.y.values is not None else (3, 3)
    arguments = problem.clouds | problem.options | _answer(draw, n, m)

    def judge(found: Any) -> str:
        _sound_audit(found)
        if not problem.known or problem.truth is None:
            return CONSISTENT
        if found.cost_lower is not None:
            holds_interval(found.cost_lower, found.cost_upper, problem.truth, "audited cost", problem.slack)
        else:
            holds_interval(found.lower, found.upper, problem.truth, "audited distance", problem.slack)
        return PROVEN

    return Trial(lambda: otgen.audit(**arguments), judge, EITHER, problem.told)


def _audit_of_matrix(draw: Draw) -> Trial:
    problem = listed(draw)
    n, m = problem.shape if problem.C.values else (3, 3)
    arguments = problem.arguments | _answer(draw, n, m)

    def judge(found: Any) -> str:
        _sound_audit(found)
        if not problem.known or not truths.small(n, m) or (problem.sparse and "sparse " not in problem.C.told):
            return CONSISTENT
        if problem.truth is None:
            return CONSISTENT
        slack = problem.largest * problem.mass * Fraction(1, 2**44) * (n + m)
        holds_interval(found.lower, found.upper, problem.truth * problem.mass, "audited cost", slack)
        return PROVEN

    return Trial(lambda: otgen.audit(**arguments), judge, EITHER, problem.told)


def _sound_audit(found: Any) -> None:
    demand(
        not math.isnan(found.lower) and not math.isnan(found.upper) and found.lower <= found.upper,
        "no interval:",
        found,
    )
    demand(found.verdict.endswith("."), "no sentence:", found.verdict)
    found.to_dict()


def _answer(draw: Draw, n: int, m: int) -> dict[str, Any]:
    """A plan, potentials and a claim, of whatever kind."""
    out: dict[str, Any] = {}
    kind = draw.whole(0, 6)
    numbers = Numbers.drawn(draw)
    if kind < 2:
        out["plan"] = given(draw, draw.rng.dirichlet(np.ones(n * m)).reshape(n, m) if n * m else np.zeros((n, m))).thing
    elif kind == 2:
        out["plan"] = given(draw, numbers(draw, (n, m))).thing
    elif kind == 3:
        out["plan"] = draw.rng.integers(-1, max(m, 1) + 1, n)
    elif kind == 4:
        k = draw.whole(0, 5)
        out["plan"] = draw.rng.integers(0, max(n, 1), k), draw.rng.integers(0, max(m, 1), k), numbers(draw, (k,))
    if kind > 3 or draw.chance(0.6):
        out["potentials"] = tuple(given(draw, numbers(draw, (k,))).thing for k in (n, m))
    return out | optional(draw, 0.4, value=draw.one(0.0, 1.0, -1.0, math.nan, math.inf, 1e300, 10**400, "1"))


@call("Result.save_proof", "load_proof", "Proof", "Proof.verify", share=1)
def proofs(draw: Draw) -> Trial:
    """What a file proves is what was proven."""
    problem = posed(draw, metrics=METRICS[:-1], most=12)
    embed = draw.chance(0.8)

    def ask() -> Any:
        result = otgen.wasserstein(**problem.clouds, **problem.options)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "proof.npz"
            result.save_proof(path, embed=embed)
            proof = otgen.load_proof(path)
        again = None if embed else otgen.Problem.from_points(**problem.clouds, **problem.options)
        return result, proof, proof.verify(again)

    def judge(answer: Any) -> str:
        result, proof, (lower, upper) = answer
        repr(proof)
        return in_truth(problem, replace(result, lower=lower, upper=upper))

    return Trial(ask, judge, EITHER, problem.told)


@call("Result.gradients", "Gradients", "Gradients.minus", "Result.vjp")
def gradients(draw: Draw) -> Trial:
    """Gradients of any kind of result are finite, or refused."""
    problem = posed(draw, most=12)
    ask_for = draw.one(None, "value", "cost", "plan")
    entropic = draw.chance(0.4)

    def ask() -> Any:
        if entropic:
            result = otgen.sinkhorn(
                **problem.clouds, **problem.options, epsilon=otgen.Relative(0.2), throw=False, max_iter=200
            )
        else:
            result = otgen.wasserstein(**problem.clouds, **problem.options)
        if ask_for == "plan":
            return result, result.vjp(f=np.ones(result.plan.shape[0]) if result.plan is not None else None)
        return result, result.gradients() if ask_for is None else result.gradients(of=ask_for)

    def judge(answer: Any) -> str:
        for part in (
            answer[1][:4] if isinstance(answer[1], tuple) else (answer[1].x, answer[1].y, answer[1].a, answer[1].b)
        ):
            demand(part is None or not np.isnan(np.asarray(part, float)).any(), "a gradient is NaN")
        return CONSISTENT

    return Trial(ask, judge, EITHER, (problem.told, ask_for, entropic))


@call("Result.plot", name="printed")
def printed(draw: Draw) -> Trial:
    """What is printed of a result, and what plans do."""
    problem = posed(draw, tame=True, most=12)

    def ask() -> Any:
        result = otgen.wasserstein(**problem.clouds, **problem.options)
        plan = result.plan
        return (
            result._repr_html_() if hasattr(result, "_repr_html_") else "",
            repr(result),
            str(result),
            float(result),
            plan.todense(),
            plan.marginals(),
            repr(plan),
        )

    return Trial(ask, plainly, EITHER, problem.told)


@call("bures_wasserstein", "Bounded", share=0.7)
def bures_wasserstein(draw: Draw) -> Trial:
    """Diagonal covariances, where W_2 is that of the deviations; and matrices that are none."""
    numbers = Numbers.drawn(draw)
    d = draw.one(1, 2, 3, draw.whole(0, 8))
    means = [numbers(draw, (d,)) for _ in range(2)]
    with np.errstate(all="ignore"):
        variances = [np.abs(numbers(draw, (d,)).astype(float)) for _ in range(2)]
    broken = draw.chance(0.2)
    covariances = [numbers(draw, (d, d)) if broken else np.diag(v) for v in variances]
    forms = [given(draw, z) for pair in zip(means, covariances) for z in pair]

    def judge(found: Any) -> str:
        demand(found.lower <= found.value <= found.upper, "no interval:", found)
        values = [f.values for f in forms]
        if broken or d == 0 or not all(v is not None and truths.finite(v) for v in values):
            return CONSISTENT
        holds_interval(found.lower, found.upper, _diagonal_truth(values, d), "W_2", Fraction(found.value) / 10**40)
        return PROVEN

    return Trial(lambda: otgen.bures_wasserstein(*(f.thing for f in forms)), judge, EITHER, [f.told for f in forms])


def _diagonal_truth(values: list, d: int) -> Fraction:
    import mpmath

    with mpmath.workdps(truths.DIGITS):
        total = mpmath.mpf(0)
        for k in range(d):
            s, t = (mpmath.sqrt(truths.real(Fraction(v[k][k]))) for v in (values[1], values[3]))
            total += truths.real(Fraction(values[0][k]) - Fraction(values[2][k])) ** 2 + (s - t) ** 2
        return truths.fraction(mpmath.sqrt(total))


@call(
    "Measure",
    "Measure.probabilities",
    "Measure.float64",
    "Problem.from_matrix",
    "Problem.own",
    "Problem.marginals",
    name="measures",
)
def measures(draw: Draw) -> Trial:
    problem, matrix = posed(draw), listed(draw)

    def ask() -> Any:
        if draw.chance(0.5):
            made = otgen.Problem.from_matrix(**matrix.arguments)
        else:
            measure = otgen.Measure(problem.x.thing, problem.a.thing)
            made = otgen.Problem.from_points(**problem.clouds, **problem.options)
            assert measure.probabilities.shape == measure.weights.shape
            repr(measure), measure.float64()
        return made, repr(made), made.shape, made.mass, made.masses, made.marginals

    return Trial(ask, plainly, EITHER, (problem.told, matrix.told))
