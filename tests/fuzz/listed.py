"""Problems whose costs are listed, dense or sparse, in any form, with what is known about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from . import truths
from .draws import Draw, Numbers
from .forms import Given, given
from .judges import ANSWER, CONSISTENT, EITHER, PROVEN, REFUSAL, demand, holds_interval, narrow, plan_of, sound
from .problems import drawn_weights


@dataclass(frozen=True)
class Listed:
    """A cost matrix with masses, in some form."""

    C: Given
    a: Given
    b: Given
    normalize: bool
    due: str
    sparse: bool

    @property
    def arguments(self) -> dict[str, Any]:
        """As `otgen.transport` takes it."""
        out = {"C": self.C.thing, "a": self.a.thing, "b": self.b.thing}
        return out | ({"normalize": True} if self.normalize else {})

    @property
    def told(self) -> str:
        """In words."""
        return f"C={self.C.told}; a={self.a.told}; b={self.b.told}; normalize={self.normalize}; sparse={self.sparse}"

    @cached_property
    def known(self) -> bool:
        """Whether the numbers are known, none of them NaN."""
        weights_known = all(
            g.thing is None or (g.values is not None and truths.finite(g.values)) for g in (self.a, self.b)
        )
        flat = None if self.C.values is None else np.array(self.C.values, object)
        return (
            weights_known
            and flat is not None
            and flat.ndim == 2
            and flat.size > 0
            and not any(v != v or v == -math.inf for v in flat.flat)
        )

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.C.values), len(self.C.values[0])

    @cached_property
    def costs(self) -> list:
        """Fractions, None where forbidden."""
        return [[None if v == math.inf else Fraction(v) for v in row] for row in self.C.values]

    @cached_property
    def masses(self) -> tuple[list, list]:
        """Over their sums."""
        return truths.shares(self.a.values, self.shape[0]), truths.shares(self.b.values, self.shape[1])

    @cached_property
    def mass(self) -> Fraction:
        """What is moved."""
        if self.normalize:
            return Fraction(1)
        side = self.a.values if self.a.thing is not None else self.b.values
        return Fraction(1) if side is None else sum(map(Fraction, side), Fraction(0))

    @cached_property
    def truth(self) -> Fraction | None:
        """The least cost of mass 1; None where there is no plan."""
        return truths.cheapest(self.costs, *self.masses)

    @cached_property
    def largest(self) -> Fraction:
        """The largest cost that is allowed, in size."""
        return max((abs(c) for row in self.costs for c in row if c is not None), default=Fraction(0))


def listed(draw: Draw, *, tame: bool = False, forbidden: bool = True) -> Listed:
    """A cost matrix, dense or sparse."""
    numbers = Numbers.drawn(draw, tame=tame)
    n, m = draw.size(), draw.size()
    C = numbers(draw, (n, m))
    plain = draw.chance(0.4)
    due = ANSWER if numbers.tame and n * m else EITHER if n * m else REFUSAL
    if draw.chance(0.05) and C.size:
        C, due = C.astype(float), REFUSAL
        C.flat[0] = draw.one(np.nan, -np.inf)
    elif draw.chance(0.25) and forbidden and C.size:
        C = C.astype(float)
        C[draw.rng.random((n, m)) < draw.one(0.1, 0.5, 0.9)] = np.inf
        due = EITHER
    sides = [drawn_weights(draw, k, plain) for k in (n, m)]
    both = all(s.thing is not None for s in sides)
    normalize = draw.chance(0.85 if both else 0.3)
    if not normalize and both:
        due = EITHER if due == ANSWER else due
    if draw.chance(0.12) and C.size:
        return Listed(_sparse(draw, C), *sides, normalize, EITHER, True)
    held = given(draw, C, plain=plain)
    if not (held.plain and all(s.plain for s in sides)):
        due = EITHER
    return Listed(held, *sides, normalize, due, type(held.thing).__module__.startswith("scipy.sparse"))


def _sparse(draw: Draw, C: np.ndarray) -> Given:
    """A sparse matrix of the costs that are neither 0 nor infinite, in some format."""
    there = np.isfinite(C.astype(float)) & (C != 0)
    kept = np.where(there, C, 0)
    kind = draw.one("csr", "csc", "coo", "lil", "dok", "bsr")
    make = getattr(scipy.sparse, f"{kind}_{draw.one('array', 'matrix')}")
    values = np.where(there, kept.astype(float), np.inf).tolist()  # where zeros fill blocks up, a refusal is due
    return Given(make(kept), values, False, f"sparse {kind} {kept.dtype}")


def judged_listed(problem: Listed, result: Any) -> str:
    """The cost of transport against the truth."""
    sound(result)
    if not problem.known or (problem.C.thing is not None and problem.sparse and "sparse " not in problem.C.told):
        return CONSISTENT
    n, m = problem.shape
    if n * m <= 400:
        plan_of(result, n, m)
    if not truths.small(n, m):
        return CONSISTENT
    return in_listed_truth(problem, result)


def in_listed_truth(problem: Listed, result: Any) -> str:
    """The interval holds the least cost; where pairs are forbidden, but for the mass that a plan may miss."""
    if problem.truth is None:
        demand(result.upper == math.inf or _hair(problem), "an answer where there is no plan:", result.value)
        return PROVEN
    forbids = any(c is None for row in problem.costs for c in row)
    slack = problem.largest * problem.mass * (Fraction(1, 2**45) * sum(problem.shape) if forbids else 0)
    if problem.a.thing is not None or problem.b.thing is not None:
        slack += problem.largest * problem.mass * Fraction(1, 2**50)  # the total is a double
    holds_interval(result.lower, result.upper, problem.truth * problem.mass, "cost", slack)
    narrow(
        result, problem.truth * problem.mass, problem.largest * problem.mass, max(problem.mass, 1) * Fraction(1e-279)
    )
    return PROVEN


def _hair(problem: Listed) -> bool:
    """Whether masses that are equal up to rounding may make the difference between a plan and none."""
    return any(v is not None and any(isinstance(w, float) for w in v) for v in (problem.a.values, problem.b.values))
