"""Transport plans as operators: they multiply vectors, know their marginals, and become dense only on request."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidInput, TooLarge, require
from ...inputs import arrays
from ...inputs.memory import available, readable
from ...inputs.types import Floats, Indices
from ...underflow import may_underflow

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional

DENSE_AT_MOST = 200_000_000  # entries: todense refuses more
_JUDGED = 2**26  # bytes from which it is asked whether they fit


def refuse_dense(shape: tuple[int, int], each: int = 8) -> None:
    """Raise `TooLarge` for an array of a plan that has too many entries, or that does not fit in memory at so many bytes an entry."""
    n, m = shape
    if n * m > DENSE_AT_MOST:
        raise TooLarge(
            f"a dense plan must have at most {DENSE_AT_MOST:.0e} entries; received one of {n} x {m}; use it as an operator: plan @ v"
        )
    need = each * n * m
    if need >= _JUDGED and need > (free := available()):
        raise TooLarge(
            f"a dense plan must fit in memory; received one of {n} x {m}, which takes {readable(need)} with {readable(free)} free; "
            f"use it as an operator: plan @ v"
        )


@may_underflow
class Plan(abc.ABC):
    """A coupling of n sources and m targets, of total mass 1 unless marginals are relaxed: ``P @ v``, ``v @ P``, ``P.T``, ``P.marginals()``, ``P.todense()``.

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
        with np.errstate(invalid="ignore", over="ignore"):  # infinities and NaN keep their meaning
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
        rows, columns, values = self._entries()
        moved = values > 0
        rows, columns = rows[moved], columns[moved].astype(np.int64)
        one_each = len(rows) == n and (rows == np.arange(n)).all() and (np.bincount(columns, minlength=n) == 1).all()
        return columns if one_each else None

    def _entries(self) -> tuple[Indices, Indices, Floats]:
        """Rows, columns and masses of pairs, each of which is listed once."""
        entries = self.matrix.tocoo()
        return entries.row, entries.col, entries.data

    def marginals(self) -> tuple[Floats, Floats]:
        """Row and column sums: (n,), (m,)."""
        n, m = self.shape
        return self @ np.ones(m), self.T @ np.ones(n)

    def barycenters(self, points: npt.ArrayLike) -> Floats:
        """The mean of the target ``points``, (m, d) or (m,), that each source is sent to: (n, d) or (n,); NaN for one without mass."""
        held = arrays.potential(points, "points")
        if not np.isfinite(held).all():
            raise InvalidInput(
                "points must be finite; received NaN or infinities; drop those points and their columns of the plan"
            )
        sums, masses = self._product(held, "points"), self @ np.ones(self.shape[1])
        with np.errstate(invalid="ignore", over="ignore"):
            means = sums / (masses if sums.ndim == 1 else masses[:, None])
        if np.isinf(means).any():  # the faintest masses have few digits
            return np.clip(means, held.min(axis=0), held.max(axis=0))
        return means

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

    @abc.abstractmethod
    def todense(self) -> Floats:
        """The plan as an (n, m) array."""

    def to_frame(self) -> pandas.DataFrame:
        """The pairs between which mass moves, one a row: ``source`` and ``target``, counted from 0, and ``mass``, of the plan's total.

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
