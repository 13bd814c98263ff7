"""Problems between two clouds, in any form, with what is known about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

import otgen

from . import truths
from .draws import Draw, Numbers, spoilt, weights
from .forms import Given, given
from .judges import ANSWER, CONSISTENT, EITHER, PROVEN, REFUSAL, demand, holds_interval, narrow, plan_of, sound

METRICS = (
    "euclidean",
    "euclidean",
    "euclidean",
    "cityblock",
    "chebyshev",
    "great_circle",
    "circular",
    "minkowski",
    "callable",
)
COSTS = ("sqeuclidean", "cosine")
ORDERS = (1, 1, 2, 2, 2, 2, 1.5, 3, 3, 2.5, 4, 50, 700, math.inf, math.inf, 1, 2, 3, 0.5, math.nan)


def blocks(s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The cityblock metric as a callable of blocks."""
    with np.errstate(over="ignore"):
        return np.abs(s[:, None] - t[None]).sum(-1)


SPELT = {"circular": otgen.Circular(24), "minkowski": otgen.Minkowski(3), "callable": blocks}


@dataclass(frozen=True)
class Posed:
    """Two clouds with weights, in some form, and the metric and order between them; ``due`` says whether an answer is."""

    x: Given
    y: Given
    a: Given
    b: Given
    metric: str
    p: float
    due: str
    normalize: bool

    @property
    def clouds(self) -> dict[str, Any]:
        """The arguments of most functions."""
        return {"x": self.x.thing, "y": self.y.thing, "a": self.a.thing, "b": self.b.thing}

    @property
    def options(self) -> dict[str, Any]:
        """How distances are meant."""
        out: dict[str, Any] = {"p": self.p, "metric": SPELT.get(self.metric, self.metric)}
        return out | ({"normalize": True} if self.normalize else {})

    @property
    def told(self) -> str:
        """The problem in words, for who looks at it again."""
        return (
            "; ".join(f"{n}={g.told}" for n, g in zip("xyab", (self.x, self.y, self.a, self.b))) + f"; {self.options}"
        )

    @cached_property
    def known(self) -> bool:
        """Whether numbers are known and finite, so that there is a truth."""
        sides = [self.x.values, self.y.values]
        given_weights = [g.values for g in (self.a, self.b) if g.thing is not None]
        return all(z is not None and z and truths.finite(z) for z in [*sides, *given_weights])

    @cached_property
    def shape(self) -> tuple[int, int]:
        """How many points there are."""
        return len(self.x.values), len(self.y.values)

    @cached_property
    def flat(self) -> bool:
        """Whether points lie on a line."""
        first = self.x.values[0]
        return not isinstance(first, list) or len(first) == 1

    @cached_property
    def masses(self) -> tuple[list, list]:
        """Weights over their exact sums."""
        n, m = self.shape
        return truths.shares(self.a.values, n), truths.shares(self.b.values, m)

    @cached_property
    def costs(self) -> list:
        """Exact costs of all pairs."""
        metric = "cityblock" if self.metric == "callable" else self.metric
        return truths.costs_of(self.x.values, self.y.values, metric, self.p)

    @cached_property
    def truth(self) -> Fraction | None:
        """The cost (for p = inf the distance), exact or to 60 digits; None where no judge is quick enough."""
        if not self.known or self.metric == "cosine" or not (1 <= self.p <= 50 or math.isinf(self.p)):
            return None
        n, m = self.shape
        if truths.small(n, m):
            judge = truths.furthest if math.isinf(self.p) else truths.cheapest
            return judge(self.costs, *self.masses)
        return None

    @cached_property
    def own_rounding(self) -> Fraction:
        """What rounding coordinates does to the largest cost on the sphere, where errors are not those of differences by poles and round the back."""
        if self.metric != "great_circle":
            return Fraction(0)
        largest = max(abs(Fraction(v)) for side in (self.x, self.y) for point in side.values for v in point)
        farthest = float(max(max(row) for row in self.costs)) ** (1 - 1 / self.p)
        return largest * Fraction(self.p * farthest) / 2**44

    @cached_property
    def slack(self) -> Fraction:
        """What the judge's 60 digits, or a callable's floats, leave open."""
        largest = max(max(row) for row in self.costs)
        return largest * (Fraction(1e-12) if self.metric in ("callable", "great_circle") else Fraction(1, 10**50))


def posed(
    draw: Draw,
    *,
    metrics: tuple[str, ...] = METRICS,
    orders: tuple[float, ...] = ORDERS,
    most: int = 60,
    tame: bool = False,
) -> Posed:
    """Two clouds that go together, or now and then do not."""
    metric = draw.one(*metrics)
    p = 1 if metric in COSTS else draw.one(*orders)
    numbers = Numbers.drawn(draw, tame=tame)
    d = 2 if metric == "great_circle" else draw.one(1, 1, 2, 2, 3, draw.whole(0, 8))
    n, m = draw.size(most), draw.size(most)
    if draw.chance(0.3):
        m = n
    flat = d == 1 and draw.chance(0.5)
    x = numbers(draw, (n,) if flat else (n, d))
    y = _other(draw, numbers, x, m)
    m = len(y)
    plain = draw.chance(0.35)
    due = _due(numbers, n * m * d, metric, p)
    if draw.chance(0.03):
        x, due = spoilt(draw, x), REFUSAL if x.size else EITHER
    sides = [drawn_weights(draw, k, plain) for k in (n, m)]
    both = all(s.thing is not None for s in sides)
    normalize = draw.chance(0.85 if both else 0.3)
    if not normalize and both:
        due = EITHER if due == ANSWER else due
    one, other = (given(draw, z, plain=plain) for z in (x, y))
    if not (one.plain and other.plain and all(s.plain for s in sides)) or _mixed(one.values, other.values):
        due = EITHER
    if due == ANSWER and not max(np.abs(np.asarray(z, float)).max() for z in (x, y)) < 1e100:
        due = EITHER  # distances, or their squares, may be beyond all floats
    return Posed(one, other, *sides, metric, p, due, normalize)


def _mixed(*sides: Any) -> bool:
    """Whether whole numbers that are no doubles stand beside numbers with a fraction, or far from others: no shift makes doubles of both."""
    flat = [v for side in sides if side is not None for v in np.array(side, object).ravel().tolist()]
    large = any(isinstance(v, int) and abs(v) > 2**53 for v in flat)
    return large and (any(v % 1 for v in flat) or max(flat) - min(flat) > 2**53)


def _other(draw: Draw, numbers: Numbers, x: np.ndarray, m: int) -> np.ndarray:
    """The second cloud: drawn alike, the same, some of the same points, or shifted."""
    shape = (m, *x.shape[1:])
    kind = draw.whole(0, 9)
    if kind == 0 and len(x):
        return x[draw.rng.integers(0, len(x), m)]
    if kind == 1:
        return x.copy()
    if kind == 2 and m == len(x) and x.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return x + draw.one(1.0, 1e-12, 1e3)
    if kind == 3:
        return Numbers.drawn(draw)(draw, shape)
    return numbers(draw, shape)


def drawn_weights(draw: Draw, n: int, plain: bool) -> Given:
    """Weights in some form; wrong ones at times."""
    held = weights(draw, n)
    if held is None:
        return Given(None, None, True, "None")
    wrong = draw.whole(0, 60)
    if wrong == 0:
        held = spoilt(draw, held)
    elif wrong == 1:
        held = -held
    elif wrong == 2:
        held = np.append(held, 1)
    out = given(draw, held, plain=plain)
    return Given(out.thing, out.values, out.plain and wrong > 2 and bool(held.any()), out.told)


def _due(numbers: Numbers, size: int, metric: str, p: float) -> str:
    if math.isnan(p) or p < 1 or not size:
        return REFUSAL
    if metric in ("great_circle", "cosine", "callable"):
        return EITHER
    return ANSWER if numbers.tame and (p <= 50 or math.isinf(p)) else EITHER


def judged(posed: Posed, result: Any) -> str:
    """The distance between two clouds, against the truth where there is one."""
    sound(result)
    if not posed.known:
        return CONSISTENT
    n, m = posed.shape
    if n * m <= 400:
        plan_of(result, n, m)
    return in_truth(posed, result)


def in_truth(posed: Posed, result: Any) -> str:
    """The interval of the distance, and that of the cost, hold the truth."""
    if not posed.known:
        return CONSISTENT
    if posed.truth is None:
        return _by_other_means(posed, result)
    holds_interval(result.cost_lower, result.cost_upper, posed.truth, "cost", posed.slack)
    if math.isinf(posed.p):
        holds_interval(result.lower, result.upper, posed.truth, "distance", posed.slack)
    else:
        distance = truths.root(posed.truth, posed.p)
        slack = (
            truths.root(posed.slack, posed.p)
            if posed.truth <= 10**6 * posed.slack
            else distance * posed.slack / posed.truth
        )
        holds_interval(result.lower, result.upper, distance, "distance", slack)
        narrow(result, posed.truth, max(max(row) for row in posed.costs), posed.own_rounding)
    return PROVEN


def _by_other_means(posed: Posed, result: Any) -> str:
    """Larger problems: on the line in order, else by HiGHS with its tolerance."""
    n, m = posed.shape
    if (
        posed.flat
        and posed.metric in ("euclidean", "cityblock", "chebyshev", "minkowski")
        and 1 <= posed.p <= 50
        and doubles(posed)
    ):
        truth = truths.on_the_line(posed.x.values, posed.y.values, posed.a.values, posed.b.values, posed.p)
        holds_interval(result.lower, result.upper, truth, "distance on the line", truth * Fraction(1, 10**40))
        return PROVEN
    if (
        n * m > 600
        or posed.metric in ("great_circle", "cosine", "callable", "circular")
        or not 1 <= posed.p <= 3
        or result.cost_lower is None
        or not doubles(posed)
    ):
        return CONSISTENT
    with np.errstate(all="ignore"):
        C = float_costs(posed)
        spread = C.max() - C.min()
    a, b = (np.array([float(v) for v in side]) for side in posed.masses)
    if not 1e-100 < C.max() < 1e100 or spread < 1e-3 * C.max() or min(a[a > 0].min(), b[b > 0].min()) < 1e-6:
        return CONSISTENT
    found = truths.by_highs(C / C.max(), a, b)
    if found is None:
        return CONSISTENT
    slack = truths.HIGHS
    demand(
        result.cost_lower / C.max() <= found + slack,
        "cost_lower is above what HiGHS finds:",
        result.cost_lower,
        found * C.max(),
    )
    demand(
        found - slack <= result.cost_upper / C.max(),
        "cost_upper is below what HiGHS finds:",
        result.cost_upper,
        found * C.max(),
    )
    return PROVEN


def doubles(posed: Posed) -> bool:
    """Whether all numbers are doubles as they are."""
    flat = np.array(posed.x.values + posed.y.values, object).ravel().tolist()
    return all(isinstance(v, float) or abs(v) <= 2**53 for v in flat)


def float_costs(posed: Posed) -> np.ndarray:
    """Costs in doubles, by definition."""
    x, y = (np.array(v, float).reshape(len(v), -1) for v in (posed.x.values, posed.y.values))
    steps = np.abs(x[:, None] - y[None])
    if posed.metric == "circular":
        steps = np.minimum(steps % 24, 24 - steps % 24)
    if posed.metric == "cityblock":
        lengths = steps.sum(-1)
    elif posed.metric == "chebyshev":
        lengths = steps.max(-1)
    elif posed.metric == "minkowski":
        lengths = (steps**3).sum(-1) ** (1 / 3)
    else:
        lengths = np.sqrt((steps**2).sum(-1))
    return lengths ** (2 if posed.metric == "sqeuclidean" else posed.p)
