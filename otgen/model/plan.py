"""Transport plans as operators: they multiply vectors, know their marginals, and become dense only on request."""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ..errors import InvalidInput, TooLarge, require
from ..inputs import arrays
from ..inputs.types import Floats, Indices
from ..kernels import monotone
from ..kernels.parallel import threads
from ..kernels.sorting import argsort, sort_with
from .cost import Cost
from .measure import Measure
from .units import ONE, PowerOfTwo

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional

DROPPED_BITS = (
    64.0  # terms of an entropic plan below 2 ** -64 of a (x) b may be left out of its sums; proofs charge them
)
_ONE_THREAD = 20_000  # points that are sorted sooner than a thread starts
_DENSE = 200_000_000  # entries above which todense refuses
_BLOCKS = 64  # of columns, of which a draw chooses one first
_NARROW = 128  # columns of a block that are not worth that: few for a matrix product
_BELOW_ONE = 1.0 - 2.0**-53


class Plan(abc.ABC):
    """A coupling of n sources and m targets, of total mass 1: ``P @ v``, ``v @ P``, ``P.T``, ``P.marginals()``, ``P.todense()``.

    It is not stored as a matrix; `numpy.asarray` and numpy's functions make it one, of (n, m), where that is not too large.

    Examples
    --------
    >>> import otgen
    >>> plan = otgen.wasserstein([0.0, 1.0], [3.0, 2.0]).plan
    >>> plan @ [3.0, 2.0], [1.0, 0.0] @ plan
    (array([1. , 1.5]), array([0. , 0.5]))
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""

    @property
    @abc.abstractmethod
    def T(self) -> Plan:
        """The plan from targets to sources."""

    @property
    @abc.abstractmethod
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m)."""

    @abc.abstractmethod
    def _multiply(self, vectors: Floats) -> Floats:
        """``P @ vectors``, (m, k) to (n, k)."""

    def __matmul__(self, vectors: npt.ArrayLike) -> Floats:
        """``P @ v`` for v of shape (m,) or (m, k)."""
        return self._product(vectors, "v")

    def _product(self, vectors: npt.ArrayLike, name: str) -> Floats:
        right = arrays.potential(vectors, name)
        if right.ndim not in (1, 2) or len(right) != self.shape[1]:
            raise InvalidInput(
                f"{name} must have shape ({self.shape[1]},) or ({self.shape[1]}, k), one row a target; received {right.shape}; "
                f"multiply sources by plan.T"
            )
        out = self._multiply(right if right.ndim == 2 else right[:, None])
        return out if right.ndim == 2 else out[:, 0]

    def __rmatmul__(self, vectors: npt.ArrayLike) -> Floats:
        """``v @ P`` for v of shape (n,) or (k, n)."""
        left = arrays.potential(vectors, "v")
        if left.ndim not in (1, 2) or left.shape[-1] != self.shape[0]:
            raise InvalidInput(
                f"v must have shape ({self.shape[0]},) or (k, {self.shape[0]}), one column a source; received {left.shape}; "
                f"multiply targets by plan.T"
            )
        return (self.T @ left.T).T

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What numpy's operators do with a plan: products stay products with an operator, anything else is done to the dense plan."""
        if ufunc is np.matmul and method == "__call__" and not options:
            left, right = inputs
            return left.__matmul__(right) if isinstance(left, Plan) else right.__rmatmul__(left)
        return getattr(ufunc, method)(*(np.asarray(z) if isinstance(z, Plan) else z for z in inputs), **options)

    @property
    def permutation(self) -> Indices | None:
        """``s`` with source i sent to target s_i, (n,), where the plan is one between equally many points; else None."""
        n, m = self.shape
        if n != m:
            return None
        entries = self.matrix.tocoo()  # a pair that was listed twice is one
        moved = entries.data > 0
        rows, columns = entries.row[moved], entries.col[moved].astype(np.int64)
        one_each = len(rows) == n and (rows == np.arange(n)).all() and len(np.unique(columns)) == n
        return columns if one_each else None

    def marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums: (n,), (m,)."""
        n, m = self.shape
        return self @ np.ones(m), self.T @ np.ones(n)

    def barycenters(self, points: npt.ArrayLike) -> Floats:
        """The mean of the target ``points``, (m, d) or (m,), that each source is sent to: (n, d) or (n,); NaN for one without mass."""
        sums, masses = self._product(points, "points"), self @ np.ones(self.shape[1])
        with np.errstate(invalid="ignore"):
            return sums / (masses if sums.ndim == 1 else masses[:, None])

    def draw(self, rows: Indices, levels: Floats) -> Indices:
        """Targets (k,) of the sources ``rows`` (k,), each with a probability in proportion to the mass that goes there.

        ``levels`` (k,) in [0, 1) decide: that share of a row's mass lies before its target. Nothing of n times m numbers is held.

        Examples
        --------
        >>> import numpy as np
        >>> import otgen
        >>> plan = otgen.transport([[0.0, 0.0], [5.0, 5.0]], [0.5, 0.5], [0.25, 0.75]).plan
        >>> plan.draw(np.array([0, 0, 1]), np.array([0.1, 0.6, 0.9])).shape
        (3,)
        """
        listed = self.matrix
        ends = np.cumsum(listed.data)
        first, last = listed.indptr[rows], listed.indptr[rows + 1]
        before, after = (
            np.where(at > 0, ends[np.maximum(at, 1) - 1], 0.0) if len(ends) else at for at in (first, last)
        )
        at = np.searchsorted(ends, before + levels * (after - before), side="right")
        return listed.indices[np.clip(at, first, np.maximum(last - 1, first))].astype(np.int64)

    def todense(self) -> Floats:
        """The plan as an (n, m) array."""
        n, m = self.shape
        if n * m > _DENSE:
            raise TooLarge(
                f"a dense plan must have at most {_DENSE:.0e} entries; received one of {n} x {m}; use it as an operator: plan @ v"
            )
        return self._multiply(np.eye(m))

    def to_frame(self) -> pandas.DataFrame:
        """The pairs between which mass moves, one a row: ``source`` and ``target``, counted from 0, and ``mass``, of total 1.

        Returns
        -------
        pandas.DataFrame
            Of an entropic plan all pairs, but for masses that are 0 in floating point.

        Raises
        ------
        MissingExtra
            Where pandas is not installed.
        TooLarge
            For an entropic plan of more pairs than :meth:`todense` makes.

        Examples
        --------
        >>> import otgen
        >>> frame = otgen.wasserstein([0.0, 1.0], [3.0, 2.0]).plan.to_frame()
        >>> frame.query("source == 0").target.tolist()
        [1]
        """
        pandas, entries = require("pandas"), self.matrix.tocoo()
        moved = entries.data > 0
        rows, columns = (index[moved].astype(np.int64) for index in (entries.row, entries.col))
        return pandas.DataFrame({"source": rows, "target": columns, "mass": entries.data[moved]})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """What `numpy.asarray` makes of it: the dense plan, or `TooLarge`; ``copy=False`` is refused, since it is made anew."""
        if copy is False:
            raise InvalidInput(
                "copy must not be False: a dense plan is made when asked for; received False; leave it out"
            )
        return self.todense().astype(dtype or np.float64, copy=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape})"


@dataclass(frozen=True, eq=False, repr=False)
class SparsePlan(Plan):
    """A plan listed by its non-zero entries.

    Parameters
    ----------
    rows, columns : ndarray of int64
        (k,) each.
    values : ndarray of float64
        (k,), non-negative.
    low : ndarray of float64, optional
        (k,), what ``values`` lost to rounding: the plan that is certified is ``values + low``.
    size : (int, int)
        Numbers of sources and targets.
    """

    rows: Indices
    columns: Indices
    values: Floats
    size: tuple[int, int]
    low: Floats | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.size

    @property
    def T(self) -> SparsePlan:
        """The plan from targets to sources."""
        return replace(self, rows=self.columns, columns=self.rows, size=self.size[::-1])

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m)."""
        return self._by_rows

    @cached_property
    def _by_rows(self) -> Any:
        return scipy.sparse.coo_array((self.values, (self.rows, self.columns)), shape=self.size).tocsr()

    def _multiply(self, vectors: Floats) -> Floats:
        return self.matrix @ vectors

    def todense(self) -> Floats:
        """The plan as an (n, m) array."""
        super_refuses = self.size[0] * self.size[1] > _DENSE
        return super().todense() if super_refuses else self.matrix.toarray()

    def __repr__(self) -> str:
        return f"SparsePlan(shape={self.size}, {len(self.values)} entries)"


@dataclass(frozen=True, eq=False, repr=False)
class MonotonePlan(Plan):
    """The monotone coupling of two measures on the line; entries are listed when first asked for, in O(n log n).

    ``x, y`` (n,), (m,) as received and ``x_sorted, y_sorted``; ``a, b`` the weights in sorted order, None where uniform;
    ``x_order, y_order`` the arg sorts, None where nobody has needed them yet;
    ``totals`` the sums of the weights as pairs.
    """

    x: Floats
    y: Floats
    x_sorted: Floats
    y_sorted: Floats
    a: Floats | None
    b: Floats | None
    x_order: Indices | None = None
    y_order: Indices | None = None
    totals: tuple[tuple[float, float], tuple[float, float]] | None = None

    @classmethod
    def between(cls, x: Floats, y: Floats, source: Measure, target: Measure) -> MonotonePlan:
        """Both clouds (n,), (m,) in order, each on its own thread; where weights do not matter, values are sorted alone."""
        plain = source.uniform and target.uniform

        def arranged(side: tuple[Floats, Measure]) -> tuple[Floats, Floats | None, Any]:
            values, measure = side
            if plain:
                return np.sort(values), None, None
            ordered = sort_with(values, measure.weights)
            return ordered.values, None if measure.uniform else ordered.weights, ordered.order

        sides = ((x, source), (y, target))
        if len(x) + len(y) < _ONE_THREAD:
            one, other = map(arranged, sides)
        else:
            with ThreadPoolExecutor(min(2, threads())) as pool:
                one, other = pool.map(arranged, sides)
        return cls(x, y, one[0], other[0], one[1], other[1], one[2], other[2], (source.total, target.total))

    @property
    def largest(self) -> float:
        """The largest distance that is travelled."""
        return monotone.walk(self.masses, self.x_sorted, self.y_sorted, 1.0).largest

    @cached_property
    def masses(self) -> monotone.Masses:
        """Both sides' masses in sorted order."""
        return monotone.masses(self.a, self.b, *self.shape, self.totals)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return len(self.x), len(self.y)

    @property
    def T(self) -> SparsePlan:
        """The plan from targets to sources."""
        return self.sparse.T

    @cached_property
    def orders(self) -> tuple[Indices, Indices]:
        """Arg sorts of the two clouds: (n,), (m,)."""
        return (
            argsort(self.x) if self.x_order is None else self.x_order,
            argsort(self.y) if self.y_order is None else self.y_order,
        )

    @cached_property
    def steps(self) -> monotone.Steps:
        """The staircase in sorted order; flows of total 1."""
        found = monotone.steps(self.masses)
        return found._replace(high=found.high / self.masses.total, low=found.low / self.masses.total)

    @cached_property
    def sparse(self) -> SparsePlan:
        """The plan by its entries, at most n + m - 1."""
        one, other = self.orders
        return SparsePlan(one[self.steps.rows], other[self.steps.columns], self.steps.high, self.shape)

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m)."""
        return self.sparse.matrix

    def _multiply(self, vectors: Floats) -> Floats:
        return self.matrix @ vectors

    def todense(self) -> Floats:
        """The plan as an (n, m) array."""
        return self.sparse.todense()

    @property
    def reach(self) -> float:
        """The largest distance of a point of one side from one of the other."""
        (low, high), (least, most) = (z[[0, -1]] for z in (self.x_sorted, self.y_sorted))
        return max(abs(high - least), abs(most - low))

    def potentials(self, power: float, unit: PowerOfTwo = ONE) -> tuple[Floats, Floats]:
        """Kantorovich potentials of the cost ``|x - y| ** power``, feasible for every pair, of points over a ``unit``: (n,), (m,)."""
        f, g = np.empty(len(self.x)), np.empty(len(self.y))
        (one, other), (x, y) = self.orders, (unit.divide(z) for z in (self.x_sorted, self.y_sorted))
        f[one], g[other] = monotone.potentials(self.steps.rows, self.steps.columns, x, y, power)
        return f, g


@dataclass(frozen=True, eq=False, repr=False)
class EntropicPlan(Plan):
    """``diag(u a) exp((f + g - c)/epsilon) diag(v b) + r s'``: a rounded Gibbs plan, never stored.

    ``u, v`` (n,), (m,) in [0, 1] scale rows and columns down until no marginal is exceeded; the rank-one rest ``r s'``
    fills what is missing (Altschuler, Weed, Rigollet, "Near-linear time approximation algorithms for optimal transport
    via Sinkhorn iteration", 2017, algorithm 2). With ``u = v = 1`` and no rest it is the plain Gibbs plan.
    """

    cost: Cost
    f: Floats
    g: Floats
    epsilon: float
    a: Floats
    b: Floats
    u: Floats | float = 1.0
    v: Floats | float = 1.0
    r: Floats | float = 0.0
    s: Floats | float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.cost.shape

    @property
    def T(self) -> EntropicPlan:
        """The plan from targets to sources."""
        return EntropicPlan(self.cost.T, self.g, self.f, self.epsilon, self.b, self.a, self.v, self.u, self.s, self.r)

    @property
    def matrix(self) -> Any:
        """The plan as a ``scipy.sparse.csr_array`` of shape (n, m), or `TooLarge`: it has mass nearly everywhere."""
        return scipy.sparse.csr_array(self.todense())

    def todense(self) -> Floats:
        """The plan as an (n, m) array, entry by entry."""
        n, m = self.shape
        if n * m > _DENSE:
            return super().todense()  # which refuses
        out = np.empty((n, m))
        for rows, entries in self._blocks():
            out[rows] = entries
        return out

    def draw(self, rows: Indices, levels: Floats) -> Indices:
        """As :meth:`Plan.draw`: first a block of columns by the masses of blocks, sums over all pairs where they are computed, then one of it.

        Only pairs of the blocks that were drawn are listed, one in ``_BLOCKS`` of all.
        """
        m = self.shape[1]
        width = -(-m // _BLOCKS)
        if width < _NARROW:
            return self._drawn(rows, levels)
        wanted, at = np.unique(rows, return_inverse=True)
        blocks = [np.arange(start, min(start + width, m)) for start in range(0, m, width)]
        parts = [self.restricted(wanted, block) for block in blocks]
        ends = np.cumsum([part._row_masses() for part in parts], axis=0)[:, at]
        aims = levels * ends[-1]
        chosen = np.minimum((ends <= aims).sum(0), len(blocks) - 1)
        before = np.where(chosen > 0, np.take_along_axis(ends, np.maximum(chosen - 1, 0)[None], 0)[0], 0.0)
        masses = np.take_along_axis(ends, chosen[None], 0)[0] - before
        rest = np.clip(np.divide(aims - before, masses, out=np.zeros(len(rows)), where=masses > 0), 0.0, _BELOW_ONE)
        out = np.empty(len(rows), np.int64)
        for k in np.unique(chosen):
            some = np.flatnonzero(chosen == k)
            own, among = np.unique(at[some], return_inverse=True)
            part = parts[k].restricted(own, np.arange(len(blocks[k])))
            out[some] = blocks[k][part._drawn(among, rest[some])]
        return out

    def restricted(self, rows: Indices, columns: Indices) -> EntropicPlan:
        """The entries of some rows and columns only, in the order given."""

        def taken(z: Floats | float, at: Indices) -> Any:
            return z[at] if isinstance(z, np.ndarray) else z

        return EntropicPlan(
            self.cost.restricted(rows, columns),
            *(self.f[rows], self.g[columns], self.epsilon, self.a[rows], self.b[columns]),
            *(taken(z, at) for z, at in ((self.u, rows), (self.v, columns), (self.r, rows), (self.s, columns))),
        )

    def _row_masses(self) -> Floats:
        """Row sums (n,), in one pass over all pairs that lists none."""
        heights, weights = self.u * self.a, self.v * self.b
        log_rows, _ = self.cost.sweep(self.f, self.g, heights, weights, self.epsilon, 0.0, cut=DROPPED_BITS)
        with np.errstate(over="ignore", invalid="ignore"):
            smooth = np.where(heights > 0, heights * np.exp(log_rows), 0.0)
        return smooth + self.r * np.broadcast_to(self.s, self.shape[1:]).sum()

    def _drawn(self, rows: Indices, levels: Floats) -> Indices:
        """Targets (k,), by entries of all pairs, some rows at a time."""
        order = np.argsort(rows, kind="stable")
        wanted, starts = np.unique(rows[order], return_index=True)
        out, shares = np.empty(len(rows), np.int64), dict(zip(wanted.tolist(), np.split(order, starts[1:])))
        for part, entries in self._blocks():
            for i in range(part.start, part.stop):
                if i in shares:
                    ends = np.cumsum(entries[i - part.start])
                    out[shares[i]] = np.searchsorted(ends, levels[shares[i]] * ends[-1], side="right")
        return np.minimum(out, self.shape[1] - 1)

    def _blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Entries, some rows at a time."""
        n, m = self.shape
        heights, weights = self.u * self.a, self.v * self.b
        r, s = (np.broadcast_to(z, (k,)) for z, k in ((self.r, n), (self.s, m)))
        f, g = (
            np.where(w > 0, z, -np.inf) for z, w in ((self.f, heights), (self.g, weights))
        )  # without mass they may be anything
        for rows, costs in self.cost.blocks():
            with np.errstate(over="ignore"):
                gibbs = np.exp((f[rows, None] + g - costs) / self.epsilon)
            yield rows, heights[rows, None] * gibbs * weights + r[rows, None] * s

    def _multiply(self, vectors: Floats) -> Floats:
        n, m = self.shape
        weighted = (self.v * self.b)[:, None] * vectors
        smooth = self.cost.gibbs(self.f, self.g, self.epsilon, weighted)
        rest = np.broadcast_to(self.r, (n,))[:, None] * (np.broadcast_to(self.s, (m,)) @ vectors)[None, :]
        return (self.u * self.a)[:, None] * smooth + rest

    def marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums, in one pass: (n,), (m,)."""
        n, m = self.shape
        rows, columns = self.smooth_marginals()
        r, s = np.broadcast_to(self.r, (n,)), np.broadcast_to(self.s, (m,))
        return rows + r * s.sum(), columns + s * r.sum()

    def smooth_marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums without the rank-one rest."""
        heights, weights = self.u * self.a, self.v * self.b
        log_rows, columns = self.cost.sweep(self.f, self.g, heights, weights, self.epsilon, 0.0, cut=DROPPED_BITS)
        with np.errstate(over="ignore", invalid="ignore"):
            return heights * np.exp(log_rows), weights * columns


def rounded(plan: EntropicPlan, relax: tuple[float, float] = (math.inf, math.inf)) -> EntropicPlan:
    """The plan moved onto the exact marginals (to rounding): scale rows, then columns, then add the rank-one rest.

    Where one side is relaxed, scaling the other is enough; where both are, any plan will do.
    """
    if min(relax) < math.inf:
        if max(relax) < math.inf:
            return plan
        rows, columns = plan.smooth_marginals()
        with np.errstate(divide="ignore", invalid="ignore"):
            if math.isinf(relax[0]):
                return replace(plan, u=np.where(plan.a > 0, plan.a / rows, 1.0))
            return replace(plan, v=np.where(plan.b > 0, plan.b / columns, 1.0))
    log_rows, columns = plan.cost.sweep(plan.f, plan.g, plan.a, plan.b, plan.epsilon, floor=0.0, cut=DROPPED_BITS)
    scaled = replace(plan, u=np.exp(-np.maximum(log_rows, 0.0)), v=1.0 / np.maximum(columns, 1.0))
    rows, columns = scaled.smooth_marginals()
    r, s = np.maximum(plan.a - rows, 0.0), np.maximum(plan.b - columns, 0.0)
    total = s.sum(axis=-1, keepdims=True)
    return replace(scaled, r=r, s=s / np.where(total > 0, total, 1.0))
