"""The forms in which people hand over a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes
from ..inputs.types import Floats
from ..model.claim import Flows
from ..model.plan import MonotonePlan, Plan, SparsePlan
from ..model.problem import Problem


def flows_from(plan: Any, problem: Problem, name: str = "plan") -> Flows:
    """A plan in any of its forms as flows of total 1: of ours, dense or sparse, a permutation, or (rows, columns[, flows])."""
    n, m = problem.shape
    refuse_other_size(plan, (n, m), name)
    if isinstance(plan, MonotonePlan):
        plan = plan.sparse
    if isinstance(plan, SparsePlan):
        return Flows(plan.rows, plan.columns, plan.values, plan.low)
    if isinstance(plan, Plan):
        return _listed(plan.todense(), 1.0, name)
    if isinstance(plan, tuple):
        return _pairs(plan, problem, name)
    if scipy.sparse.issparse(plan) and plan.ndim == 2:
        return _listed(plan, problem.mass, name)
    table = arrays.potential(plan, name)
    _refuse_other_shape(table.shape, (n, m), name)
    if table.ndim == 2:
        return _listed(table, problem.mass, name)
    if (table != np.floor(table)).any():
        raise InvalidInput(
            f"{name} must be a permutation of {n} targets where it is ({n},); received numbers that are not whole; pass the target of each source"
        )
    return _pairs((np.arange(n), table), problem, name)


def refuse_other_size(plan: Any, shape: tuple[int, int], name: str = "plan") -> None:
    """Raise for a plan that says that it is of another shape than a problem; nothing of it is read."""
    if isinstance(plan, tuple):
        _refuse_no_triple(plan, name)
    elif (own := sizes.shape_of(plan)) is not None:
        _refuse_other_shape(own, shape, name)


def refuse_other_potentials(pair: Any, shape: tuple[int, int], name: str = "potentials") -> None:
    """The same of a pair of potentials, (n,) and (m,)."""
    if isinstance(pair, tuple | list) and len(pair) == 2:
        own = sizes.shape_of(pair[0]), sizes.shape_of(pair[1])
        if None not in own and own != ((shape[0],), (shape[1],)):
            raise InvalidInput(
                f"{name} must be a pair of shapes ({shape[0]},) and ({shape[1]},); received {own[0]} and {own[1]}; pass one number a point"
            )


def _refuse_other_shape(own: tuple[int, ...], shape: tuple[int, int], name: str) -> None:
    """Raise unless a table is (n, m), or (n,) where both sides have n points."""
    n, m = shape
    if len(own) == 2 and own != shape:
        raise InvalidInput(f"{name} must have shape {shape}; received {own}; pass the plan of this problem")
    if own not in (shape, (n,)) or (n != m and len(own) == 1):
        raise InvalidInput(
            f"{name} must be ({n}, {m}), a permutation of {n} targets, or a tuple of rows, columns and flows; received shape {own}; "
            f"reshape it"
        )


def _refuse_no_triple(parts: tuple[Any, ...], name: str) -> None:
    """Raise for a tuple of other than two or three parts, and of parts that say that they are of several lengths."""
    if len(parts) not in (2, 3):
        raise InvalidInput(
            f"{name} as a tuple must be (rows, columns) or (rows, columns, flows); received {len(parts)} parts; pass two or three"
        )
    shapes = [sizes.shape_of(part) for part in parts]
    if None not in shapes and len(set(shapes)) > 1:
        raise InvalidInput(
            f"rows, columns and flows of {name} must be equally many; received {', '.join(map(str, shapes))}; pass one of each an entry"
        )


def _listed(table: Any, mass: float, name: str) -> Flows:
    """The entries of a dense or sparse matrix that are not 0."""
    coo: Any = scipy.sparse.coo_array(table)
    return Flows(coo.row.astype(np.int64), coo.col.astype(np.int64), _shares(arrays.potential(coo.data, name), mass))


def _shares(flows: Floats, mass: float) -> Floats:
    """Flows of total 1; those beyond all floats prove nothing."""
    with np.errstate(over="ignore"):
        return flows / mass


def _pairs(parts: tuple[Any, ...], problem: Problem, name: str) -> Flows:
    """Rows, columns and flows; equal shares where there are none."""
    _refuse_no_triple(parts, name)
    rows, columns = (arrays.potential(part, name) for part in parts[:2])
    for which, side, size in (("rows", rows, problem.shape[0]), ("columns", columns, problem.shape[1])):
        if side.ndim != 1 or (side != np.floor(side)).any() or (len(side) and not 0 <= side.min() <= side.max() < size):
            raise InvalidInput(
                f"{which} of {name} must be whole numbers in [0, {size}), in one dimension; received {scalars.told(side.tolist())}; count from 0"
            )
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    flows = np.full(len(rows), 1.0 / max(len(rows), 1))
    if len(parts) == 3:
        flows = _shares(arrays.potential(parts[2], name), problem.mass)
    if not rows.shape == columns.shape == flows.shape:
        raise InvalidInput(
            f"rows, columns and flows of {name} must be equally many; received {rows.shape}, {columns.shape}, {flows.shape}; "
            f"pass one of each an entry"
        )
    return Flows(rows, columns, flows)
