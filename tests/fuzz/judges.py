"""What an answer must be, whatever was asked: an interval that holds the truth, as narrow as its status says, or an error of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

import otgen

PROVEN, CONSISTENT, REFUSED, ENDED = "proven", "consistent", "refused", "ended"
ANSWER, REFUSAL, EITHER = "an answer", "a refusal", "either"


class Wrong(AssertionError):
    """An answer that is none, or an error where there should be none."""


@dataclass(frozen=True)
class Trial:
    """A call: what is asked, how an answer is judged, and whether one is due; ``told`` is for who repeats it.

    ``words_of`` is a package whose own errors count as ours, by its conventions.
    """

    ask: Callable[[], Any]
    judge: Callable[[Any], str]
    due: str = EITHER
    told: Any = ""
    words_of: str = ""


def demand(holds: Any, *why: Any) -> None:
    """Raise `Wrong` unless it holds."""
    if not holds:
        raise Wrong(" ".join(map(str, why)))


def holds_interval(lower: Any, upper: Any, truth: Any, name: str, slack: Any = 0) -> None:
    """``lower <= truth <= upper`` in rational arithmetic, but for a slack of the judge's own."""
    demand(
        lower is None or exactly(lower) <= truth + slack, f"{name}: lower {lower!r} is above the truth", _told(truth)
    )
    demand(
        upper is None or upper == math.inf or truth <= exactly(upper) + slack,
        f"{name}: upper {upper!r} is below the truth",
        _told(truth),
    )


def exactly(number: float) -> Any:
    """A float as a fraction; inf means that something is beyond the largest float."""
    if math.isinf(number):
        return Fraction(2) ** 1024 if number > 0 else -(Fraction(2) ** 100000)
    return Fraction(number)


def _told(number: Any) -> str:
    try:
        return repr(float(number))
    except OverflowError:
        return "beyond floats"


def sound(result: Any) -> None:
    """What holds of every result."""
    demand(isinstance(result, otgen.Result), "no Result:", type(result))
    lower, value, upper = result.lower, result.value, result.upper
    demand(type(value) is float, "value is a", type(value))
    demand(isinstance(result.status, otgen.Status), "status is", result.status)
    if lower is not None or upper is not None:
        demand(not math.isnan(lower) and not math.isnan(upper), f"[{lower}, {upper}] is no interval")
        demand(lower <= value <= upper, f"{value!r} lies outside [{lower!r}, {upper!r}]")
        if result.cost_lower is not None:
            demand(
                result.cost_lower <= result.cost <= result.cost_upper, "the cost lies outside of its interval", result
            )
    else:
        demand(not math.isnan(value), "the estimate is NaN")
    if result.status is otgen.Status.OPTIMAL:
        _optimal(result)
    json.dumps(result.to_dict(), allow_nan=False)
    demand("\n" in repr(result) or repr(result), "nothing is told")


def _optimal(result: Any) -> None:
    """What OPTIMAL promises that can be told from outside: a finite interval, and a plan that meets its marginals."""
    demand(math.isfinite(result.upper - result.lower), "OPTIMAL with an infinite interval", result.lower, result.upper)
    honest = result.solver != "Liar"  # where all costs are equal any plan will do
    demand(
        not honest or result.marginal_error is None or result.marginal_error <= 1e-6,
        "OPTIMAL with a marginal error of",
        result.marginal_error,
    )


def narrow(result: Any, truth: Any, largest: Any, own: Any = 0) -> None:
    """OPTIMAL is said only of intervals no wider than 1e-10 of the value or of the largest cost, or than the data's ``own`` rounding."""
    if result.status is not otgen.Status.OPTIMAL or result.cost_lower is None or math.isinf(result.cost_upper):
        return
    width = Fraction(result.cost_upper) - Fraction(result.cost_lower)
    demand(
        width <= max(largest, truth) * Fraction(1e-9) + own + Fraction(1e-279), "OPTIMAL with a width of", float(width)
    )


def plan_of(result: Any, n: int, m: int) -> None:
    """The plan is one: of the shape, non-negative, of total 1 where it is said to be."""
    plan = result.plan
    if plan is None:
        return
    dense = plan.todense()
    demand(dense.shape == (n, m), "the plan is", dense.shape)
    demand(np.isfinite(dense).all() and (dense >= 0).all(), "the plan has entries that are none")
    if result.status in (otgen.Status.OPTIMAL, otgen.Status.CONVERGED) and not _relaxed(result):
        demand(abs(dense.sum() - 1) < 1e-5, "the plan's total is", dense.sum())
    potentials = result.potentials
    if potentials is not None:
        demand([len(z) for z in potentials] == [n, m], "potentials of other lengths")


def _relaxed(result: Any) -> bool:
    return result.epsilon > 0


def plainly(answer: Any) -> str:
    """An answer of which nothing more is asked than that there is one."""
    return CONSISTENT
