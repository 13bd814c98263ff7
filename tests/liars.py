"""Solvers that lie: each hands over a claim that is wrong in a way of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import otgen
from otgen.model.units import scaled
from otgen.solvers import Auto, Claim, Flows, Solution


@dataclass(frozen=True)
class Liar:
    """Says of any problem what it was told to say, and that all is well."""

    claim: Claim
    status: otgen.Status = otgen.Status.OPTIMAL

    def solve(self, problem: Any, progress: Any = None, init: Any = None) -> Solution:
        return Solution(self.claim, self.status, 1, "Liar")


def honest(problem: otgen.Problem) -> Claim:
    """What a good solver says, spelt out where it may say nothing."""
    problem = scaled(problem)
    claim = Auto().solve(problem).claim
    if problem.epsilon or problem.bottleneck or claim.flows is not None:
        return claim
    result = otgen.solve(problem, "linprog")
    plan = getattr(result.plan, "sparse", result.plan)  # on a circle, of which half is a line
    return Claim(Flows(plan.rows, plan.columns, plan.values, plan.low), tuple(map(np.asarray, result.potentials)))


def _flows(claim: Claim, **changes: Any) -> Claim:
    return claim if claim.flows is None else replace(claim, flows=claim.flows._replace(**changes))


def lies(claim: Claim, other: Claim, rng: np.random.Generator) -> dict[str, Claim]:
    """Ways to spoil an honest claim; ``other`` is that of another problem of the same shape."""
    out: dict[str, Claim] = {"stale": other}
    if claim.potentials is not None:
        f, g = claim.potentials
        out |= {
            "potentials of another problem": replace(claim, potentials=other.potentials),
            "potentials swapped": replace(claim, potentials=(rng.permutation(f), g)),
            "potentials far too high": replace(claim, potentials=(f + 1e3, g + 1e3)),
            "potentials beyond all costs": replace(claim, potentials=(f * 1e200 + 1e200, g)),
            "constants that potentials do not lack": replace(claim, constants=(1e300, -1.0)),
            "potentials NaN": replace(claim, potentials=(np.full_like(f, np.nan), g)),
            "potentials infinite": replace(claim, potentials=(np.where(f == f.max(), np.inf, f), g - np.inf)),
            "potentials random": replace(claim, potentials=(rng.normal(size=len(f)), rng.normal(size=len(g)))),
        }
    if claim.flows is not None:
        rows, columns, high, _ = claim.flows
        out |= {
            "plan of another problem": replace(claim, flows=other.flows, units=other.units),
            "flows negative": _flows(claim, high=-high),
            "one flow negative": _flows(claim, high=np.where(np.arange(len(high)) == 0, -high, high)),
            "flows NaN": _flows(claim, high=np.full_like(high, np.nan)),
            "flows infinite": _flows(claim, high=np.full_like(high, np.inf)),
            "moves too much": _flows(claim, high=2 * high),
            "moves too little": _flows(claim, high=high / 2, low=None),
            "moves nothing": _flows(claim, high=np.zeros_like(high), low=None),
            "a lost part that takes everything back": _flows(claim, low=-high),
            "a lost part that is NaN": _flows(claim, low=np.full_like(high, np.nan)),
            "a lost part larger than the flow": _flows(claim, low=1e3 * high),
            "in another order": _flows(claim, columns=rng.permutation(columns)),
            "all to one target": _flows(claim, columns=np.zeros_like(columns)),
            "no entries": replace(
                claim, flows=Flows(rows[:0], columns[:0], high[:0]), units=None if claim.units is None else ()
            ),
        }
    if claim.cut is not None:
        assert claim.units is not None
        out |= {
            "a cut that is none": replace(claim, cut=np.arange(int(claim.cut.max()) + 1)),
            "an empty cut": replace(claim, cut=np.empty(0, np.int64)),
            "no cut": replace(claim, cut=None),
            "other units": replace(claim, units=tuple(2 * unit + 1 for unit in claim.units)),
            "a negative unit": replace(claim, units=(-claim.units[0], *claim.units[1:])),
        }
    return out


def malformed(claim: Claim) -> dict[str, Claim]:
    """Claims that are no claims: each must be refused."""
    out: dict[str, Claim] = {}
    if claim.potentials is not None:
        f, g = claim.potentials
        out |= {
            "potentials too short": replace(claim, potentials=(f[:-1], g)),
            "potentials swapped sides": replace(claim, potentials=(np.append(g, 0.0), f)),
            "potentials in two dimensions": replace(claim, potentials=(f[:, None], g)),
            "potentials that are text": replace(claim, potentials=(f.astype(str), g)),
            "constants that are no pair": replace(claim, constants=(1.0, 2.0, 3.0)),
            "constants that are no numbers": replace(claim, constants=(0.0, np.nan)),
        }
    if claim.flows is not None:
        rows, columns, high, _ = claim.flows
        out |= {
            "a row beyond the last": _flows(claim, rows=rows + 10**6),
            "a negative row": _flows(claim, rows=rows - rows.max() - 1),
            "a column beyond the last": _flows(claim, columns=columns + 10**6),
            "fewer flows than rows": _flows(claim, high=high[:-1], low=None),
            "rows that are no numbers": _flows(claim, rows=rows + 0.5),
        }
    return out
