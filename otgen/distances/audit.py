"""The notary: what anybody's answer proves, in one pass over the pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import scipy.sparse

from ..errors import InvalidInput
from ..inputs import arrays, scalars
from ..inputs.types import Floats
from ..model import units
from ..model.claim import Claim, Flows
from ..model.cost import Metric
from ..model.plan import MonotonePlan, Plan, SparsePlan
from ..model.problem import Problem, Relative
from ..model.units import Units
from ..proofs.audit import Findings, find
from .entropic import entropic_term
from .result import Result

_SLACK = 1e-9  # of the largest cost: infeasibility below it is what rounding leaves


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What an answer proves about the problem it is said to answer.

    Attributes
    ----------
    lower, upper : float
        ``lower <= truth <= upper``, proven from what was given: the lower end from potentials, the upper one from the plan. Of the
        distance for points, of the cost for a matrix or under an entropic term.
    cost_lower, cost_upper : float or None
        The same for the cost, before the root; None for p = inf.
    claimed : float or None
        The value that was claimed.
    holds : bool or None
        Whether the claimed value lies inside the interval, to 1e-6 of it: rounding of whoever claimed it is forgiven.
    marginal_errors : (float, float) or None
        L1 errors of the plan's row and column sums, relative to the mass; None without a plan.
    infeasibility : float or None
        The largest ``f_i + g_j - c_ij``, in cost units, 0 if none is positive; None without potentials and under an entropic term.
    worst_pair : (int, int) or None
        Where it is.
    unusable : (int, int)
        Entries of the plan that are negative or no numbers (they count as 0), and potentials of points with mass that are not finite.
    verdict : str
        All of it in one sentence.
    """

    lower: float
    upper: float
    cost_lower: float | None
    cost_upper: float | None
    claimed: float | None
    holds: bool | None
    marginal_errors: tuple[float, float] | None
    infeasibility: float | None
    worst_pair: tuple[int, int] | None
    unusable: tuple[int, int]
    verdict: str

    def __bool__(self) -> NoReturn:
        raise TypeError("an Audit is neither true nor false; ask audit.holds, or read audit.verdict")

    def __repr__(self) -> str:
        return f"Audit: {self.verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain Python values that json can write."""
        out = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            key: list(value)
            if isinstance(value, tuple)
            else None
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for key, value in out.items()
        }


def audit(
    x: Any = None,
    y: Any = None,
    a: Any = None,
    b: Any = None,
    *,
    C: Any = None,
    p: float = 2,
    metric: Metric = "euclidean",
    plan: Any = None,
    potentials: Any = None,
    epsilon: float | Relative = 0,
    value: float | None = None,
    cost: float | None = None,
    normalize: bool = False,
) -> Audit:
    """Check an answer, whoever gave it: the proven interval, and whether the claimed value lies inside.

    One pass over the pairs of points, one over the entries of the plan; memory O(n + m) beside what is given. Nothing of the answer is
    believed: a wrong one makes the interval wide, never wrong.

    Parameters
    ----------
    x, y, a, b, p, metric, normalize
        The problem, as in :func:`otgen.wasserstein`.
    C : array_like or scipy.sparse, optional
        A cost matrix in place of x and y, as in :func:`otgen.transport`.
    plan : array_like, scipy.sparse, tuple, or a plan of otgen, optional
        (n, m), dense or sparse, in the units of the weights (of total 1 where there are none); integers (n,), a permutation that sends
        source i to target ``plan[i]``; or ``(rows, columns)`` of equal shares; or ``(rows, columns, flows)``.
    potentials : (array_like, array_like), optional
        (n,) and (m,), in cost units. -inf and NaN are allowed where there is no mass. Under an entropic term the entropic ones, in our
        convention: the plan is ``a_i b_j exp((f_i + g_j - c_ij) / epsilon)``.
    epsilon : float or Relative
        Strength of an entropic term ``KL(P, a (x) b)``, in cost units.
    value : float, optional
        The claimed value: the distance for points, the cost for a matrix, the entropic value with ``epsilon``.
    cost : float, optional
        The claimed cost, before the root, in place of ``value``.

    Returns
    -------
    Audit

    Raises
    ------
    InvalidInput
        If the problem is malformed, if neither plan nor potentials are given, or if their shapes do not fit.

    Examples
    --------
    >>> import otgen
    >>> otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], potentials=([2.0, 1.0], [0.0, 1.0]), value=2.0)
    Audit: the claimed 2 is proven: the truth lies within [2, 2].
    >>> print(otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], value=1.0).verdict)
    the claimed 1 is not refuted: the truth lies within [0, 2]; without potentials the lower end is what zeros prove.

    References
    ----------
    Kantorovich duality: Peyre and Cuturi, "Computational optimal transport", 2019, section 2.5.
    """
    problem = _problem(x, y, a, b, C, p, metric, epsilon, normalize)
    if plan is None and potentials is None:
        raise InvalidInput("an audit needs a plan, potentials or both; received neither; pass what is to be checked")
    if value is not None and cost is not None:
        raise InvalidInput("value and cost are two ways to say what is claimed; received both; pass one")
    scaled = units.scaled(problem)
    root = C is None and not problem.epsilon
    mass = problem.mass if C is not None and not problem.epsilon else 1.0
    back = Units.of(scaled, mass, root=root)
    flows = None if plan is None else flows_from(plan, problem)
    claim = Claim(flows, None if potentials is None else _potentials(potentials, back), units=_whole(flows, problem))
    found = find(scaled, claim)
    number = (
        None
        if value is None and cost is None
        else scalars.real(value if cost is None else cost, "value" if cost is None else "cost")
    )
    return _audit(problem, found, back, number, of_cost=cost is not None)


def _problem(
    x: Any, y: Any, a: Any, b: Any, C: Any, p: float, metric: Metric, epsilon: Any, normalize: bool
) -> Problem:
    """The problem that is said to be answered."""
    if (C is None) == (x is None or y is None) or (C is not None and (x is not None or y is not None)):
        raise InvalidInput(
            "an audit is of points x and y or of a cost matrix C; received neither, both or one cloud; pass one kind"
        )
    if C is None:
        problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=normalize)
    else:
        problem = Problem.from_matrix(C, a, b, normalize=normalize)
    return entropic_term(problem, epsilon, None, least=0.0)


def flows_from(plan: Any, problem: Problem) -> Flows:
    """A plan in any of its forms as flows of total 1."""
    n, m = problem.shape
    if isinstance(plan, Result):
        plan = plan.plan
    if isinstance(plan, MonotonePlan):
        plan = plan.sparse
    if isinstance(plan, SparsePlan):
        return Flows(plan.rows, plan.columns, plan.values, plan.low)
    if isinstance(plan, Plan):
        return _listed(plan.todense(), 1.0, (n, m))
    if isinstance(plan, tuple):
        return _pairs(plan, problem)
    if scipy.sparse.issparse(plan):
        return _listed(plan, problem.mass, (n, m))
    table = arrays.potential(plan, "plan")
    if table.ndim == 2:
        return _listed(table, problem.mass, (n, m))
    if table.ndim != 1 or len(table) != n or n != m or (table != np.floor(table)).any():
        raise InvalidInput(
            f"plan must be ({n}, {m}), a permutation of {n} targets, or a tuple of rows, columns and flows; received shape {table.shape}"
        )
    return _pairs((np.arange(n), table), problem)


def _listed(table: Any, mass: float, shape: tuple[int, int]) -> Flows:
    """The entries of a dense or sparse matrix that are not 0."""
    if table.shape != shape:
        raise InvalidInput(f"plan must have shape {shape}; received {table.shape}")
    coo: Any = scipy.sparse.coo_array(table)
    return Flows(coo.row.astype(np.int64), coo.col.astype(np.int64), coo.data.astype(np.float64) / mass)


def _pairs(parts: tuple[Any, ...], problem: Problem) -> Flows:
    """Rows, columns and flows; equal shares where there are none."""
    if len(parts) not in (2, 3):
        raise InvalidInput(
            f"plan as a tuple must be (rows, columns) or (rows, columns, flows); received {len(parts)} parts"
        )
    rows, columns = (arrays.potential(part, "plan") for part in parts[:2])
    for name, side, size in (("rows", rows, problem.shape[0]), ("columns", columns, problem.shape[1])):
        if side.ndim != 1 or (side != np.floor(side)).any() or (len(side) and not 0 <= side.min() <= side.max() < size):
            raise InvalidInput(
                f"{name} of the plan must be whole numbers in [0, {size}), in one dimension; received {side}"
            )
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    flows = np.full(len(rows), 1.0 / max(len(rows), 1))
    if len(parts) == 3:
        flows = arrays.potential(parts[2], "plan") / problem.mass
    if not rows.shape == columns.shape == flows.shape:
        raise InvalidInput(
            f"rows, columns and flows of the plan must be equally many; received {rows.shape}, {columns.shape}, {flows.shape}"
        )
    return Flows(rows, columns, flows)


def _potentials(pair: Any, back: Units) -> tuple[Floats, Floats]:
    """A pair of potentials in the units of the scaled problem."""
    try:
        f, g = pair.potentials if isinstance(pair, Result) else pair
    except (TypeError, ValueError):
        raise InvalidInput(f"potentials must be a pair (f, g); received {type(pair).__name__}") from None
    one, other = (np.asarray(back.potentials_in(arrays.potential(z, "potentials").astype(np.float64))) for z in (f, g))
    return one, other


def _whole(flows: Flows | None, problem: Problem) -> tuple[int, ...] | None:
    """For p = inf, flows as whole numbers: equal ones as ones, others as their floats stand."""
    if flows is None or not problem.bottleneck:
        return None
    if len(flows.high) and (flows.high == flows.high[0]).all():
        return (1,) * len(flows.high)
    from_floats = [float(v).as_integer_ratio() for v in flows.high]
    common = max((below for _, below in from_floats), default=1)
    return tuple(above * (common // below) for above, below in from_floats)


def _audit(problem: Problem, found: Findings, back: Units, claimed: float | None, *, of_cost: bool) -> Audit:
    """The findings in the caller's units, and what they come to."""
    certificate = found.certificate
    pair = certificate.lower, certificate.upper
    if problem.bottleneck:
        (lower, upper), costs = (back.distance(z, side) for z, side in zip(pair, (-1, 1))), (None, None)
    else:
        lower, upper = (back.value(z, side) for z, side in zip(pair, (-1, 1)))
        costs = back.cost(pair[0], -1), back.cost(pair[1], 1)
    low, high = costs if of_cost else (lower, upper)
    holds = None
    if claimed is not None:
        assert low is not None
        assert high is not None
        room = 1e-6 * max(abs(claimed), abs(low))
        holds = bool(low - room <= claimed <= high + room)
    over = None if found.infeasibility is None else float(back.potentials(found.infeasibility))
    return Audit(
        lower, upper, *costs, claimed, holds, found.marginal_errors, over, found.worst_pair, found.unusable,
        _verdict(problem, claimed, holds, (low, high), found, over),
    )  # fmt: skip


def _verdict(
    problem: Problem,
    claimed: float | None,
    holds: bool | None,
    ends: tuple[Any, Any],
    found: Findings,
    over: float | None,
) -> str:
    """One sentence."""
    low, high = ends
    within = f"the truth lies within [{low:.9g}, {high:.9g}]"
    if claimed is None:
        head = within
    elif not holds:
        head = f"the claimed {claimed:.9g} is refuted: {within}"
    elif high - low <= 1e-6 * max(abs(claimed), abs(low)):
        head = f"the claimed {claimed:.9g} is proven: {within}"
    else:
        head = f"the claimed {claimed:.9g} is not refuted: {within}"
    return "; ".join([head, *_remarks(problem, found, over)]) + "."


def _remarks(problem: Problem, found: Findings, over: float | None) -> list[str]:
    """What is wrong with the answer, or missing from it."""
    out: list[str] = []
    if found.unusable[0]:
        out.append(f"{found.unusable[0]} entries of the plan are negative or no numbers")
    if found.unusable[1]:
        out.append(f"{found.unusable[1]} potentials of points with mass are not finite")
    if found.marginal_errors is None:
        if not problem.epsilon:
            out.append("without a plan there is no upper end")
    elif max(found.marginal_errors) > 1e-9:
        out.append(f"the plan's marginals are off by {max(found.marginal_errors):.2g} of the mass")
    if found.infeasibility is None and not problem.epsilon and not problem.bottleneck:
        out.append("without potentials the lower end is what zeros prove")
    if found.infeasibility is not None and found.infeasibility > _SLACK and over is not None and found.worst_pair:
        out.append(f"f + g exceeds the cost by {over:.3g} at pair {found.worst_pair}")
    return out
