"""Small exact problems between plain arrays: listed, solved and proven in compiled code, everything else when it is asked for.

What is not plain (lists, tensors, weights that do not fit, points that are no numbers or far from 1) goes the long way, as does whatever
ends oddly here: errors are made there, and there alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Literal, NamedTuple

import numpy as np

from ..inputs.types import Floats
from ..kernels import dense_dual, dense_simplex, dense_stack
from ..kernels.dense_stack import Claims, Layout
from ..kernels.double_double import UNIT
from ..kernels.ground_cost import own
from ..model.claim import Claim, Flows
from ..model.cost import Minkowski
from ..model.cost.metrics import TABLE, Powers, entry_of
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import STEEP, Units
from ..proofs import Certificate
from .answer import Answer
from .gradients import Gradients
from .result import Result
from .splits import Measure, PermutationNull, null_of

_RELATIVE = 1e-10  # of the cost: an interval so narrow is optimal, whatever pairs usually cost
_SAME = 1e-9  # of the mass: how far totals of doubles may lie apart
_FLOAT64 = np.dtype(np.float64)


class _Asked(NamedTuple):
    """What is asked: how the problem is posed the long way, its order, whether its value is a root, which sides' weights were given, and how other
    samples are measured alike.
    """

    pose: Callable[[], Problem]
    p: float
    root: bool
    normalize: bool
    given: tuple[bool, bool]
    alike: Measure | None = None

    def mass(self, totals: tuple[float, float]) -> float | None:
        """The mass that is moved; None where two that were given do not agree."""
        if self.normalize:
            return 1.0
        if self.given == (True, True) and abs(totals[0] - totals[1]) > _SAME * max(totals):
            return None
        return totals[0] if self.given[0] else totals[1] if self.given[1] else 1.0


def wasserstein(
    x: Any, y: Any, a: Any, b: Any, *, p: Any, metric: Any, normalize: bool, alike: Measure | None = None
) -> Result | None:
    """What :func:`otgen.wasserstein` returns of a small problem between plain arrays; None of any other."""
    began = time.perf_counter()
    if not (_plain(x, 2) and _plain(y, 2) and _small(len(x), len(y)) and x.shape[1] == y.shape[1]):
        return None
    if not (_plain_weights(a, len(x)) and _plain_weights(b, len(y))):
        return None
    cost = _known(metric, p, x.shape[1]) if type(metric) in (str, Minkowski) and type(p) in (int, float) else None
    if cost is None:
        return None
    form, relative, absolute = cost
    where, sides = dense_stack.single(len(x), len(y)), (_weights(a, len(x)), _weights(b, len(y)))
    costs, reach = dense_stack.listed(own(x, _FLOAT64), own(y, _FLOAT64), *sides, form, where)
    if not dense_stack.is_plain(float(reach[0]), p):
        return None
    if reach[0] == 0.0:  # all in one point: costs are exactly 0
        relative, absolute = 0.0, np.zeros(1)
    pose = partial(Problem.from_points, x, y, a, b, p=p, metric=metric, normalize=normalize)
    asked = _Asked(pose, float(p), True, normalize, (a is not None, b is not None), alike)
    return _result(costs, *sides, where, relative, absolute, asked, began)


def transport(C: Any, a: Any, b: Any, *, normalize: bool) -> Result | None:
    """What :func:`otgen.transport` returns of a small plain matrix without an entropic term; None of any other problem."""
    began = time.perf_counter()
    if not (_plain(C, 2) and _small(*C.shape)):
        return None
    if not (_plain_weights(a, len(C)) and _plain_weights(b, C.shape[1])):
        return None
    largest = max(abs(float(C.min())), abs(float(C.max())))
    sides = _weights(a, len(C)), _weights(b, C.shape[1])
    if not (dense_stack.is_plain(largest, 1.0) and all(map(dense_stack.is_mass, sides))):
        return None
    where, pose = dense_stack.single(*C.shape), partial(Problem.from_matrix, C, a, b, normalize=normalize)
    asked = _Asked(pose, 1.0, False, normalize, (a is not None, b is not None))
    return _result(own(C, _FLOAT64).ravel(), *sides, where, 0.0, np.zeros(1), asked, began)


def _result(
    costs: Floats, a: Floats, b: Floats, where: Layout, relative: float, absolute: Floats, asked: _Asked, began: float
) -> Result | None:
    """The result of a problem whose costs are listed; None where it ends oddly."""
    claims, ends = dense_simplex.solve(costs, a, b, where)
    ended, pivots = ends[0].tolist()
    if ended != dense_simplex.SOLVED:
        return None
    numbers, f, g = dense_dual.prove(costs, a, b, claims, relative, absolute, where)
    cost, lower, upper, scale, error, *totals = numbers[0].tolist()
    mass = asked.mass((totals[0], totals[1]))
    if mass is None or (asked.root and cost == 0 < upper):  # where nothing moves more is proven the long way
        return None
    back = Units(0, asked.p, mass=1.0 if asked.root else mass, root=asked.root)
    if not math.isfinite(back.value(cost)):
        return None
    later = Deferred(partial(_answer, asked, back, (cost, lower, upper, scale, error), claims, f, g))
    narrow = upper - lower <= _RELATIVE * abs(cost)
    status = Status.OPTIMAL if narrow else later.answer.status(Status.OPTIMAL, 0.0)
    return Result(
        *(back.value(cost), back.value(lower, -1), back.value(upper, 1)),
        *(back.cost(cost), back.cost(lower, -1), back.cost(upper, 1)),
        status=status,
        certificate="dual",
        solver="Simplex",
        iterations=pivots,
        marginal_error=error,
        mass=mass,
        seconds=time.perf_counter() - began,
        p=asked.p,
        of_samples=asked.root,
        make_plan=later.plan,
        make_potentials=later.potentials,
        make_gradients=later.gradients,
        make_proof=later.save_proof,
        make_plot=later.plot,
        make_null=None if asked.alike is None else partial(later.null, asked.alike),
    )


def _small(n: int, m: int) -> bool:
    """Whether there are few pairs, and more than one plan: of one plan more is proven the long way."""
    return min(n, m) > 1 and dense_simplex.fits(n, m)


def _plain(array: Any, ndim: int) -> bool:
    """Whether something is an array of numpy's of single or double precision in this machine's byte order, with entries."""
    if type(array) is not np.ndarray or array.ndim != ndim:
        return False
    return array.dtype.char in "fd" and array.dtype.isnative and array.size > 0


def _plain_weights(weights: Any, size: int) -> bool:
    return weights is None or (_plain(weights, 1) and weights.dtype.char == "d" and len(weights) == size)


@lru_cache(maxsize=256)
def _known(metric: Any, p: float, d: int) -> tuple[tuple[float, float, float], float, Floats] | None:
    """The form of a cost by differences and its rounding, (relative, absolute); None where a problem is not for here."""
    entry = entry_of(metric) if isinstance(metric, Minkowski) or metric in TABLE else None
    if not isinstance(entry, Powers) or not 1 <= p <= STEEP or (entry.only_p_one and p != 1) or d == 1:
        return None
    relative, absolute = entry.rounding(d, float(p), UNIT)
    return entry.form(float(p)), relative, np.array([absolute])


def _weights(weights: Any, size: int) -> Floats:
    """Weights that were given, or equal ones of total 1: (size,)."""
    return _uniform(size) if weights is None else own(weights, _FLOAT64)


@lru_cache(maxsize=256)
def _uniform(n: int) -> Floats:
    return np.full(n, 1.0 / n)


@dataclass(frozen=True, eq=False)
class Deferred:
    """An answer that is made when something more than numbers is asked of it."""

    make: Callable[[], Answer]

    @cached_property
    def answer(self) -> Answer:
        """Problem, proof and the way back."""
        return self.make()

    def plan(self) -> Any:
        """The plan."""
        return self.answer.plan()

    def potentials(self) -> tuple[Any, Any]:
        """The potentials, in cost units."""
        return self.answer.potentials()

    def gradients(self, of: Literal["cost", "value"]) -> Gradients:
        """Gradients of the cost or of the distance."""
        return self.answer.gradients(of)

    def plot(self, *arguments: Any) -> Any:
        """A picture of the plan."""
        return self.answer.plot(*arguments)

    def null(self, alike: Measure, observed: Any, count: int, rng: Any) -> PermutationNull:
        """What chance alone gives."""
        return null_of(self.answer.problem, alike, observed, count, rng)

    def save_proof(self, path: Any, *, embed: bool = True) -> None:
        """Write a proof file."""
        self.answer.save_proof(path, embed=embed)


def _answer(
    asked: _Asked, back: Units, numbers: tuple[float, float, float, float, float], claims: Claims, f: Floats, g: Floats
) -> Answer:
    """The answer whose numbers are known, of a problem that need not be scaled."""
    problem = asked.pose()
    rows, columns, high, low = claims.plan()
    certificate = Certificate("dual", *numbers, SparsePlan(rows, columns, high, problem.shape, low), (f, g))
    return Answer(problem, problem, certificate, back, Claim(Flows(rows, columns, high, low), (f, g)))
