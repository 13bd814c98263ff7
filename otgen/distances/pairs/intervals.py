"""The intervals of many pairs, each as narrow as it has had to be: what is cheap is known of all, the rest is found out when it is asked for.

A pair goes through stages. Lower ends: the distance of the means, of all pairs at once; projections; potentials of an earlier solve, which bound
other pairs too, once they are made feasible for them. An upper end: a coarse plan. At last the solver, which stops where what it is asked is settled, and
where that was not enough a whole solve. An interval only ever gets narrower.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidInput, TooLarge
from ...inputs.memory import available, readable
from ...inputs.types import Floats
from ...kernels import dense_simplex
from ...model import units
from ...model.claim import Claim
from ...model.cost import Circular, Metric, Minkowski
from ...model.problem import Problem
from ...model.status import Status
from ...model.units import STEEP, Units
from ...proofs import prove, way_back
from ...proofs.dual import plan_bound
from ..exact import wasserstein
from ..solve import run
from .collection import Collection, Weighted
from .outlines import Outlines

STAGES = ("equal", "means", "projections", "coarse plan", "duals", "stopped", "solved")
EQUAL, MEANS, PROJECTIONS, COARSE, DUALS, STOPPED, SOLVED = range(7)
_TINY = 2**10  # pairs of points that are solved as quickly as they are bounded
_KEPT = 8  # solves of a set whose potentials are kept
_BYTES = 25  # a pair

Donor = tuple[int, Floats]  # another set, and the potentials of this one beside it


class Finding(NamedTuple):
    """What was found out of a pair: its stage, bounds, its value where it was solved to the end, and the potentials of a solve."""

    i: int
    j: int
    stage: int
    lower: float
    upper: float
    value: float | None = None
    potentials: tuple[Floats, Floats] | None = None


class Intervals:
    """Values of the pairs of two collections, or of one with itself: ``lower``, ``upper`` and ``value`` (B, C), and the ``stage`` that each has reached.

    Values are ``upper`` until a pair is solved to the end.
    """

    def __init__(self, one: Collection, other: Collection | None, p: float, metric: Metric, *, normalize: bool) -> None:
        self.alone = other is None
        second = one if other is None else other
        self.names = one.source.names[0], second.source.names[0]
        self.options: dict[str, Any] = dict(p=p, metric=metric, normalize=normalize)
        self.p = float(p)
        self.shape = len(one), len(second)
        _refuse_size(self.shape)
        self.rows = one.block(0, len(one)).read()
        self.columns = self.rows if other is None else other.block(0, len(other)).read()
        self.outlines = Outlines.of(self.rows, None if other is None else self.columns, metric, self.names)
        self.lower, self.upper, self.value = (np.full(self.shape, end) for end in (0.0, math.inf, math.inf))
        self.stage = np.full(self.shape, MEANS, np.int8)
        self.solves = 0  # so far, those that stopped early as well
        self.donors: dict[tuple[int, int], deque[Donor]] = defaultdict(lambda: deque(maxlen=_KEPT))
        if self.outlines is not None:
            for i in range(self.shape[0]):
                self.lower[i] = self.outlines.by_means(i)
        if isinstance(metric, str | Minkowski | Circular):
            self._equal([fact.digest for fact in one.facts], [fact.digest for fact in second.facts])

    def _equal(self, digests: list[str], others: list[str]) -> None:
        """Sets of the same points and weights are at distance 0."""
        where: dict[str, list[int]] = defaultdict(list)
        for j, digest in enumerate(others):
            where[digest].append(j)
        for i, digest in enumerate(digests):
            same = where[digest]
            self.lower[i, same] = self.upper[i, same] = self.value[i, same] = 0.0
            self.stage[i, same] = EQUAL

    def is_done(self, i: int) -> Any:
        """Of which sets (C,) nothing more can be found out beside set i."""
        return (self.stage[i] == SOLVED) | (self.stage[i] == EQUAL)

    def counts(self) -> dict[str, int]:
        """How many pairs have reached which stage; of one collection each pair of two sets once."""
        stages = self.stage[np.triu_indices(len(self.stage), 1)] if self.alone else self.stage
        return dict(zip(STAGES, np.bincount(stages.ravel(), minlength=len(STAGES)).tolist(), strict=True))

    def place_of(self, i: int, j: int) -> tuple[int, int]:
        """Where a pair stands; of one collection the lower index comes first."""
        return (j, i) if self.alone and i > j else (i, j)

    def leaves_potentials(self, i: int, j: int, low: float, high: float) -> bool:
        """Whether a pair is solved next, and its potentials are kept."""
        i, j = self.place_of(i, j)
        return self._keeps(i, j) and self._next(i, j, high) >= STOPPED

    def _keeps(self, i: int, j: int) -> bool:
        return self.outlines is not None and self._by_rounds(self.rows[i].points, self.columns[j].points)

    def found(self, i: int, j: int, low: float, high: float) -> Finding:
        """What the next stage of a pair tells, of which nothing is asked but whether it is at most ``low``, or at least ``high``.

        Nothing is changed, so that several pairs may be looked at side by side.
        """
        i, j = self.place_of(i, j)
        stage = self._next(i, j, high)
        try:
            if stage == PROJECTIONS:
                assert self.outlines is not None
                return Finding(i, j, stage, self.outlines.by_shadows(i, j, self.p), math.inf)
            if stage == COARSE:
                return Finding(i, j, stage, 0.0, self._coarse(i, j))
            if stage == DUALS:
                return Finding(i, j, stage, self._dual(i, j, high), math.inf)
            return self._solve(i, j, low, high, whole=stage == SOLVED)
        except InvalidInput as fault:
            raise type(fault)(f"{self.names[0]}[{i}] and {self.names[1]}[{j}]: {fault}") from None

    def _next(self, i: int, j: int, high: float) -> int:
        """The next stage that a pair is to go through."""
        now, x, y = self.stage[i, j], self.rows[i].points, self.columns[j].points
        few = len(x) * len(y) <= _TINY or self._on_line(x)
        if self.outlines is None or few:
            return STOPPED if self._by_rounds(x, y) and now < STOPPED else SOLVED
        if now < PROJECTIONS:
            return PROJECTIONS
        if not self._by_rounds(x, y) or now >= STOPPED:
            return SOLVED
        if now < COARSE and self.p <= STEEP:
            return COARSE
        return DUALS if now < DUALS and self._donor(i, j, high) is not None else STOPPED

    def _on_line(self, points: np.ndarray) -> bool:
        """Whether sorting solves a problem between such points."""
        line = self.outlines is not None and self.outlines.entry.line_power(self.p) is not None
        return line and (points.ndim == 1 or points.shape[1] == 1)

    def _by_rounds(self, x: np.ndarray, y: np.ndarray) -> bool:
        """Whether the solver goes by rounds, between which it can stop."""
        return math.isfinite(self.p) and not dense_simplex.fits(len(x), len(y)) and not self._on_line(x)

    def keep(self, finding: Finding) -> None:
        """Keep what was found of a pair, beside what was known before."""
        i, j, stage, lower, upper, value, potentials = finding
        self.solves += stage >= STOPPED
        if potentials is not None:
            self.donors[0, i].append((j, potentials[0]))
            self.donors[0 if self.alone else 1, j].append((i, potentials[1]))
        lower, upper = max(lower, float(self.lower[i, j])), min(upper, float(self.upper[i, j]))
        for at in ((i, j), (j, i)) if self.alone else ((i, j),):
            self.stage[at], self.lower[at], self.upper[at] = stage, lower, upper
            # Other bounds may be narrower than the solve's.
            self.value[at] = upper if value is None else min(max(value, lower), upper)

    def _problem(self, x: Weighted, y: Weighted) -> Problem:
        return Problem.from_points(x.points, y.points, x.weights, y.weights, **self.options)

    def _coarse(self, i: int, j: int) -> float:
        """An upper bound by a plan that is not solved for."""
        assert self.outlines is not None
        scaled = units.scaled(self._problem(self.rows[i], self.columns[j]))
        return Units.of(scaled, root=True).value(plan_bound(scaled, self.outlines.coarse_plan(i, j)), 1)

    def _donor(self, i: int, j: int, high: float) -> tuple[bool, Floats] | None:
        """Potentials that may prove that a pair is at least ``high``: whether they are of the column, and they themselves.

        Those of set i beside some set k are nearly as good beside one that lies near k, by about the distance of these two.
        """
        assert self.outlines is not None
        one, other = self.outlines.one, self.outlines.other
        best, found = high, None
        for turned, (mine, near, partners) in enumerate(((i, j, other), (j, i, one))):
            for k, potentials in self.donors.get((0 if self.alone else turned, mine), ()):
                known = self.lower[mine, k] if self.alone or not turned else self.lower[k, mine]
                guess = known - _apart(partners[k].signature, partners[near].signature, self.outlines)
                if guess >= best:
                    best, found = guess, (bool(turned), potentials)
        return found

    def _dual(self, i: int, j: int, high: float) -> float:
        """A lower bound by potentials of an earlier solve."""
        donor = self._donor(i, j, high)
        assert donor is not None
        turned, potentials = donor
        x, y = self.rows[i], self.columns[j]
        scaled = units.scaled(self._problem(y, x) if turned else self._problem(x, y))
        back = Units.of(scaled, root=True)
        claim = Claim(potentials=(np.asarray(back.potentials_in(potentials)), np.zeros(scaled.shape[1])))
        found = prove(scaled, claim)
        return way_back(found, back).value(found.lower, -1)

    def _solve(self, i: int, j: int, low: float, high: float, *, whole: bool) -> Finding:
        """Solve as far as is asked, or to the end."""
        x, y = self.rows[i], self.columns[j]
        if whole:
            found = wasserstein(x.points, y.points, x.weights, y.weights, **self.options)
        else:
            found = run(self._problem(x, y), root=True, enough=(low, high))
        assert found.lower is not None
        assert found.upper is not None
        stage = STOPPED if found.status is Status.SETTLED else SOLVED
        value, potentials = found.value if stage == SOLVED else None, None
        if self._keeps(i, j) and found.makers.potentials is not None:
            potentials = found.makers.potentials()  # for other pairs of these sets
        return Finding(i, j, stage, found.lower, found.upper, value, potentials)


def _apart(one: Floats, other: Floats, outlines: Outlines) -> float:
    """How far apart two sets are about, by their signatures, under a metric; nothing where the value is no distance."""
    if len(one) != len(other) or not len(one):
        return math.inf
    return float(outlines.value(np.sqrt(np.square(one - other).sum() / len(outlines.frames.frames))))


def _refuse_size(shape: tuple[int, int]) -> None:
    """Raise `TooLarge` for intervals that do not fit in memory."""
    need = _BYTES * shape[0] * shape[1]
    if need > (free := available()):
        raise TooLarge(
            f"the intervals of all pairs must fit in memory; received {shape[0]} x {shape[1]} pairs, which take {readable(need)} with "
            f"{readable(free)} free; ask for fewer sets at a time"
        )
