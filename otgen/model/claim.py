"""What somebody says the answer is: numbers only, so that nothing can be believed of them but what they prove."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats, Indices


class Flows(NamedTuple):
    """A plan by its entries: ``rows``, ``columns`` (k,) int64 and flows (k,) float64 of total 1, as pairs ``high + low``.

    ``low`` is what ``high`` lost to rounding; None means nothing.

    Examples
    --------
    >>> Flows(np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.5])).columns
    array([1, 0])
    """

    rows: Indices
    columns: Indices
    high: Floats
    low: Floats | None = None


@dataclass(frozen=True, eq=False)
class Claim:
    """What a solver, a file or a user says of a problem, in the units in which the problem is posed.

    It knows no cost, no weights and no problem: :func:`otgen.proofs.prove` takes those from the problem alone. With nothing in it a
    claim says that the problem is its own proof: on the line, where sorting solves it, and where one side is a single point.

    Parameters
    ----------
    flows : Flows, optional
        A plan; the upper bound comes from it.
    potentials : (ndarray, ndarray), optional
        (n,) and (m,), float64; the lower bound comes from them. For an entropic problem the entropic ones, which give both bounds.
    ray : (ndarray, ndarray), optional
        Where no plan avoids the forbidden pairs: ``f_i + g_j <= 0`` for every allowed pair, and yet ``a.f + b.g > 0``.
    units : tuple of int, optional
        For p = inf the flows as whole numbers, in the exact proportions of the weights.
    cut : ndarray of int64, optional
        For p = inf sources that have more mass than all targets closer to one of them than the longest pair of the plan.
    constants : (float, float)
        What is still to be added to the potentials: those of strongly relaxed problems may be so large that a sum would lose their digits.

    Examples
    --------
    >>> Claim(Flows(np.array([0]), np.array([1]), np.array([1.0]))).checked((2, 2)).flows.high
    array([1.])
    """

    flows: Flows | None = None
    potentials: tuple[Floats, Floats] | None = None
    ray: tuple[Floats, Floats] | None = None
    units: tuple[int, ...] | None = None
    cut: Indices | None = None
    constants: tuple[float, float] = (0.0, 0.0)

    def checked(self, shape: tuple[int, int]) -> Claim:
        """The same claim as plain arrays that fit a problem of a shape; raises `InvalidInput` where they do not."""
        n, m = shape
        flows = None if self.flows is None else _checked_flows(self.flows, n, m)
        potentials = None if self.potentials is None else _checked_potentials(self.potentials, n, m)
        units = None if self.units is None else _checked_units(self.units)
        ray = None if self.ray is None else _checked_potentials(self.ray, n, m)
        cut = None if self.cut is None else _numbers(self.cut, "iu", "cut", n)
        if not np.isfinite(_numbers(self.constants, "fiu", "constants")).all() or len(self.constants) != 2:
            raise _malformed("constants must be two finite numbers", scalars.told(self.constants))
        if units is not None and (flows is None or len(units) != len(flows.rows)):
            raise _malformed("units must be as many as the flows", f"{len(units)} of them")
        return replace(self, flows=flows, potentials=potentials, ray=ray, units=units, cut=cut)


def _malformed(rule: str, received: str) -> InvalidInput:
    return InvalidInput(f"the claim of a solver must be well formed: {rule}; received {received}; correct the solver")


def _numbers(values: Any, kinds: str, name: str, below: int | None = None) -> Any:
    """A one-dimensional array of numbers, for indices in ``range(below)``."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise _malformed(f"{name} must be one-dimensional numbers", "sequences of several lengths") from None
    if array.ndim != 1 or (array.dtype.kind not in kinds and array.size):
        raise _malformed(f"{name} must be one-dimensional numbers", f"dtype {array.dtype}, shape {array.shape}")
    if below is None:
        with np.errstate(over="ignore"):  # what is infinite in float64 counts as that
            return array.astype(np.float64, copy=False)
    array = array.astype(np.int64, copy=False)
    if len(array) and not (array.min() >= 0 and array.max() < below):
        raise _malformed(f"{name} must lie in [0, {below})", f"{array.min()} to {array.max()}")
    return array


def _checked_units(units: Any) -> tuple[int, ...]:
    """Python's whole numbers, which do not overflow."""
    try:
        return tuple(operator.index(unit) for unit in units)
    except TypeError:
        raise _malformed("units must be whole numbers", scalars.told(units)) from None


def _checked_flows(flows: Any, n: int, m: int) -> Flows:
    if not isinstance(flows, Flows):
        raise _malformed("flows must be an otgen.solvers.Flows", type(flows).__name__)
    rows, columns = _numbers(flows.rows, "iu", "rows", n), _numbers(flows.columns, "iu", "columns", m)
    high = _numbers(flows.high, "fiu", "flows")
    low = None if flows.low is None else _numbers(flows.low, "fiu", "what flows lost to rounding")
    lengths = {len(part) for part in (rows, columns, high, low) if part is not None}
    if len(lengths) > 1:
        raise _malformed("rows, columns and flows must be equally many", f"lengths {sorted(lengths)}")
    return Flows(rows, columns, high, low)


def _checked_potentials(pair: Any, n: int, m: int) -> tuple[Floats, Floats]:
    try:
        f, g = pair
    except (TypeError, ValueError):
        raise _malformed("potentials must be a pair", type(pair).__name__) from None
    f, g = (_numbers(side, "fiu", "potentials") for side in (f, g))
    if (len(f), len(g)) != (n, m):
        raise _malformed(f"potentials must have shapes ({n},) and ({m},)", f"({len(f)},) and ({len(g)},)")
    return f, g
