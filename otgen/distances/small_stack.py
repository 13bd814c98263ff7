"""Stacks of small exact problems: listed, solved and proven in compiled code, everything else when it is asked for.

One problem is a stack of one, so that its numbers are the same alone and among others, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels import dense_dual, dense_simplex, dense_stack, dense_values
from ..kernels.dense_stack import Claims, Layout
from ..kernels.double_double import UNIT
from ..model.claim import Claim, Flows
from ..model.cost import Minkowski
from ..model.cost.metrics import TABLE, Powers, entry_of
from ..model.plan import SparsePlan
from ..model.problem import Problem
from ..model.status import Status
from ..model.units import STEEP, Units
from ..proofs import Certificate
from .answer import Answer
from .forwarded import Forwarded
from .makers import Makers
from .result import Result
from .splits import Measure, PermutationNull, null_of

_RELATIVE = 1e-10  # of the cost: an interval so narrow is optimal, whatever pairs usually cost


class Terms(NamedTuple):
    """What is asked: the order, whether values are roots, whether totals may differ, which sides' weights were given, and how other samples are
    measured alike.
    """

    p: float
    root: bool
    normalize: bool
    given: tuple[bool, bool]
    alike: Measure | None = None


class Metered(NamedTuple):
    """A cost by differences of coordinates: its form, and by how much it is rounded, ``relative |c| + absolute``, as (1, 2)."""

    form: tuple[float, float, float]
    rounding: Floats


_LISTED = np.zeros((1, 2))  # what rounds costs that were given, or are 0


@lru_cache(maxsize=256)
def metered(metric: Any, p: float, d: int) -> Metered | None:
    """A metric's cost in d dimensions; None where problems under it are not for here."""
    entry = entry_of(metric) if isinstance(metric, Minkowski) or metric in TABLE else None
    if not isinstance(entry, Powers) or not 1 <= p <= STEEP or (entry.only_p_one and p != 1):
        return None
    return Metered(entry.form(float(p)), np.array([entry.rounding(d, float(p), UNIT)]))


@dataclass(frozen=True, eq=False)
class Stack:
    """B problems, solved and proven.

    ``numbers`` and ``values`` (B, 7) are those of :mod:`.dense_dual` and of :mod:`.dense_values`, ``ends`` (B, 2) is how each ended and
    after how many pivots; the potentials of the claims are feasible.
    """

    where: Layout
    terms: Terms
    claims: Claims
    ends: Indices
    numbers: Floats
    values: Floats

    @classmethod
    def of_points(
        cls, x: Floats, y: Floats, a: Floats, b: Floats, cost: Metered, where: Layout, terms: Terms
    ) -> Stack | Any:
        """Between clouds (N, d) and (M, d); where some are not plain, a truth value a problem, (B,): whether it is."""
        costs, reach = dense_stack.listed(x, y, a, b, cost.form, where)
        if len(reach) == 1:
            if not dense_stack.is_plain(float(reach[0]), terms.p):
                return np.zeros(1, bool)
            return cls.of_listed(costs, a, b, cost.rounding if reach[0] else _LISTED, where, terms)
        plain = dense_stack.are_plain(reach, terms.p)
        if not plain.all():
            return plain
        rounding = np.where(reach[:, None] == 0.0, 0.0, cost.rounding)  # all in one point: costs are exactly 0
        return cls.of_listed(costs, a, b, rounding, where, terms)

    @classmethod
    def of_costs(cls, costs: Floats, a: Floats, b: Floats, where: Layout, terms: Terms) -> Stack | Any:
        """Of listed costs (E,); where some are not plain, a truth value a problem, (B,): whether it is."""
        reach = dense_stack.sizes(costs, a, b, where)
        if len(reach) == 1 and dense_stack.is_plain(float(reach[0]), 1.0):
            return cls.of_listed(costs, a, b, _LISTED, where, terms)
        plain = dense_stack.are_plain(reach, 1.0)
        return cls.of_listed(costs, a, b, np.zeros((len(plain), 2)), where, terms) if plain.all() else plain

    @classmethod
    def of_listed(
        cls,
        costs: Floats,
        a: Floats,
        b: Floats,
        rounding: Floats,
        where: Layout,
        terms: Terms,
    ) -> Stack:
        """Of listed costs (E,) that are plain, off by ``relative |c| + absolute``, both in ``rounding`` (B, 2)."""
        claims, ends = dense_simplex.solve(costs, a, b, where)
        numbers, f, g = dense_dual.prove(costs, a, b, claims, rounding, where)
        values = dense_values.tell(numbers, terms.p, terms.given, root=terms.root, normalize=terms.normalize)
        proven = Claims(claims.indices, claims.flows, f, g, claims.counts)
        return cls(where, terms, proven, ends, numbers, values)

    @property
    def good(self) -> Any:
        """Which problems ended as they should, (B,): solved, of masses that agree and a value that is a float, in an interval that is narrow.

        What next to nothing costs beside other pairs is proven the long way, more narrowly.
        """
        told = np.isfinite(self.values[:, 0]) & np.isfinite(self.values[:, 6])
        cost, lower, upper = self.numbers[:, :3].T
        narrow = upper - lower <= _RELATIVE * np.abs(cost)
        return (self.ends[:, 0] == dense_simplex.SOLVED) & told & narrow

    @property
    def missed(self) -> Floats:
        """By how much marginals are missed: (B,)."""
        return self.numbers[:, 4]

    @property
    def iterations(self) -> Indices:
        """Pivots: (B,)."""
        return self.ends[:, 1]

    def result(self, k: int, pose: Callable[[], Problem], seconds: float) -> Result | None:
        """The result of the k-th problem, which ``pose`` poses the long way; None where it ended oddly."""
        (ended, pivots), numbers = self.ends[k].tolist(), self.numbers[k].tolist()
        value, lower, upper, *of_cost, mass = self.values[k].tolist()
        narrow = numbers[2] - numbers[1] <= _RELATIVE * abs(numbers[0])
        if ended != dense_simplex.SOLVED or not narrow or not abs(value) < np.inf or mass != mass:
            return None
        later = Deferred(partial(self._answer, k, pose))
        return Result(
            *(value, lower, upper),
            *of_cost,
            status=Status.OPTIMAL,
            certificate="dual",
            solver="Simplex",
            iterations=pivots,
            marginal_error=numbers[4],
            mass=mass,
            seconds=seconds,
            p=self.terms.p,
            of_samples=self.terms.root,
            makers=later.makers(self.terms.alike)._replace(plan=partial(self._plan, k)),
        )

    def _plan(self, k: int) -> SparsePlan:
        """The plan of the k-th problem."""
        (i, j, _), (i_end, j_end, _) = self.where.starts[k : k + 2].tolist()
        rows, columns, high, low = self.claims.plan(k, i + j)
        return SparsePlan(rows, columns, high, (i_end - i, j_end - j), low)

    def _answer(self, k: int, pose: Callable[[], Problem]) -> Answer:
        """The answer whose numbers are known, of a problem that need not be scaled."""
        problem, terms = pose(), self.terms
        (i, j, _), (i_end, j_end, _) = self.where.starts[k : k + 2].tolist()
        f, g = self.claims.f[i:i_end], self.claims.g[j:j_end]
        cost, lower, upper, scale, error = self.numbers[k, :5].tolist()
        certificate = Certificate("dual", cost, lower, upper, scale, error, self._plan(k), (f, g))
        back = Units(0, terms.p, mass=1.0 if terms.root else float(self.values[k, 6]), root=terms.root)
        return Answer(problem, problem, certificate, back, Claim(Flows(*self.claims.plan(k, i + j)), (f, g)))


@dataclass(frozen=True, eq=False)
class Deferred(Forwarded):
    """An answer that is made when something more than numbers is asked of it."""

    make: Callable[[], Answer]

    @property
    def answer(self) -> Answer:
        """Problem, proof and the way back."""
        return self._answer

    @cached_property
    def _answer(self) -> Answer:
        return self.make()

    def makers(self, alike: Measure | None, *, dual: bool = True) -> Makers:
        """What makes the parts of a result; the dual ones only where there is a dual."""
        return Makers(
            plan=self.plan,
            potentials=self.potentials if dual else None,
            gradients=self.gradients if dual else None,
            proof=self.save_proof,
            plot=self.plot,
            null=None if alike is None else partial(self.null, alike),
        )

    def null(self, alike: Measure, observed: Any, count: int, rng: Any) -> PermutationNull:
        """What chance alone gives."""
        return null_of(self.answer.problem, alike, observed, count, rng)

    def save_proof(self, path: Any, *, embed: bool = True) -> None:
        """Write a proof file."""
        self.answer.save_proof(path, embed=embed)
