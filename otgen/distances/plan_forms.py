"""The forms in which people hand over a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InvalidInput
from ..inputs import arrays, scalars
from ..inputs.types import Floats
from ..model.claim import Flows
from ..model.plan import MonotonePlan, Plan, SparsePlan
from ..model.problem import Problem


def flows_from(plan: Any, problem: Problem, name: str = "plan") -> Flows:
    """A plan in any of its forms as flows of total 1: of ours, dense or sparse, a permutation, or (rows, columns[, flows])."""
    n, m = problem.shape
    if isinstance(plan, Plan) and plan.shape != (n, m):
        raise InvalidInput(f"{name} must have shape {(n, m)}; received {plan.shape}; pass the plan of this problem")
    if isinstance(plan, MonotonePlan):
        plan = plan.sparse
    if isinstance(plan, SparsePlan):
        return Flows(plan.rows, plan.columns, plan.values, plan.low)
    if isinstance(plan, Plan):
        return _listed(plan.todense(), 1.0, (n, m), name)
    if isinstance(plan, tuple):
        return _pairs(plan, problem, name)
    if scipy.sparse.issparse(plan):
        return _listed(plan, problem.mass, (n, m), name)
    table = arrays.potential(plan, name)
    if table.ndim == 2:
        return _listed(table, problem.mass, (n, m), name)
    if table.ndim != 1 or len(table) != n or n != m or (table != np.floor(table)).any():
        raise InvalidInput(
            f"{name} must be ({n}, {m}), a permutation of {n} targets, or a tuple of rows, columns and flows; received shape {table.shape}; "
            f"reshape it"
        )
    return _pairs((np.arange(n), table), problem, name)


def _listed(table: Any, mass: float, shape: tuple[int, int], name: str) -> Flows:
    """The entries of a dense or sparse matrix that are not 0."""
    if table.shape != shape:
        raise InvalidInput(f"{name} must have shape {shape}; received {table.shape}; pass the plan of this problem")
    coo: Any = scipy.sparse.coo_array(table)
    return Flows(coo.row.astype(np.int64), coo.col.astype(np.int64), _shares(coo.data.astype(np.float64), mass))


def _shares(flows: Floats, mass: float) -> Floats:
    """Flows of total 1; those beyond all floats prove nothing."""
    with np.errstate(over="ignore"):
        return flows / mass


def _pairs(parts: tuple[Any, ...], problem: Problem, name: str) -> Flows:
    """Rows, columns and flows; equal shares where there are none."""
    if len(parts) not in (2, 3):
        raise InvalidInput(
            f"{name} as a tuple must be (rows, columns) or (rows, columns, flows); received {len(parts)} parts; pass two or three"
        )
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
