"""The notary: what anybody's answer proves, in one pass over the pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays, numerals, scalars, sizes, tables
from ..inputs.types import Floats
from ..model import units
from ..model.claim import Claim
from ..model.cost import Metric
from ..model.problem import Problem, Relative
from ..model.units import Units
from ..proofs import way_back
from ..proofs.audit import Findings, find
from ..underflow import may_underflow
from .entropic import entropic_term
from .plan_forms import flows_from, refuse_other_potentials, refuse_other_size
from .result import Result, json_value

_SLACK = 1e-9  # of the largest cost: infeasibility below it is what rounding leaves
_DIGITS = 9  # of claims and ends, so that it shows on which side of an end a refuted claim lies


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
        Whether the claimed value lies inside the interval, to 1e-6 of the claim: rounding of whoever claimed it is forgiven.
        A claimed NaN never does.
    marginal_errors : (float, float) or None
        L1 errors of the plan's row and column sums, relative to the mass; None without a plan.
    infeasibility : float or None
        The largest ``f_i + g_j - c_ij`` over points with mass, in cost units, 0 if none is positive; None without potentials and
        under an entropic term.
    worst_pair : (int, int) or None
        Where it is.
    unusable : (int, int)
        Entries of the plan that are negative or no numbers, and potentials of points with mass that are not finite, or too large
        for arithmetic: none is that is below 1e60 times the largest cost. All of them count as 0.
    verdict : str
        All of it in one sentence. Of points, it is the truth for these samples, not for the laws behind them.

    Examples
    --------
    >>> import otgen
    >>> found = otgen.audit(C=[[0.0, 2.0], [2.0, 0.0]], plan=[[0.4, 0.2], [0.1, 0.3]])
    >>> [round(error, 9) for error in found.marginal_errors], found.unusable, found.holds
    ([0.2, 0.0], (0, 0), None)
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
        return {name: json_value(getattr(self, name)) for name in self.__dataclass_fields__}


@may_underflow
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
        (n, m), dense or sparse, in the units of the weights (of total 1 where there are none, or normalised ones); integers (n,), a permutation that sends
        source i to target ``plan[i]``; or ``(rows, columns)`` of equal shares; or ``(rows, columns, flows)``.
    potentials : (array_like, array_like), optional
        (n,) and (m,), in cost units. Where there is no mass they may be anything, -inf and NaN too. Under an entropic term the entropic
        ones, in our convention: the plan is ``a_i b_j exp((f_i + g_j - c_ij) / epsilon)``. For p = inf they prove nothing.
    epsilon : float or Relative
        Strength of an entropic term ``KL(P, a (x) b)``, in cost units.
    value : float, optional
        The claimed value: the distance for points, the cost for a matrix, the entropic value with ``epsilon``. NaN and infinities are
        claims like others.
    cost : float, optional
        The claimed cost, before the root, in place of ``value``; there is none for p = inf.

    Returns
    -------
    Audit

    Raises
    ------
    InvalidInput
        If the problem is malformed, if neither plan nor potentials are given (for p = inf: no plan), or if their shapes do not fit.

    Examples
    --------
    >>> import otgen
    >>> otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], potentials=([2.0, 1.0], [0.0, 1.0]), value=2.0)  # doctest: +ELLIPSIS
    Audit: the claimed 2 is proven: the truth for these samples lies within [1.99999999999999..., 2.00000000000000...].
    >>> print(otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], value=1.75).verdict)
    the claimed 1.75 is not refuted: the truth for these samples lies within [1.49999999, 2.00000001]; without potentials the lower end is what zeros prove.

    References
    ----------
    Kantorovich duality: Peyre and Cuturi, "Computational optimal transport", 2019, section 2.5.
    """
    if plan is None and potentials is None:
        raise InvalidInput("plan or potentials must be given, or both; received neither; pass what is to be checked")
    if value is not None and cost is not None:
        raise InvalidInput("value and cost must not both be given: each says what is claimed; received both; pass one")
    shape = sizes.of_clouds(x, y, a, b) if C is None else sizes.of_costs(C, a, b)
    _refuse_sizes(shape, plan, potentials)
    _refuse_other_names(x, y, C, plan)
    problem = _audited_problem(x, y, a, b, C, p, metric, epsilon, normalize)
    if problem.bottleneck and plan is None:
        raise InvalidInput("plan must be given for p = inf, where potentials prove nothing; received none; pass one")
    if problem.bottleneck and cost is not None:
        raise InvalidInput(
            "cost must not be given for p = inf, where there is none before a root; received one; pass the distance as value"
        )
    scaled = units.scaled(problem)
    root = C is None and not problem.epsilon
    mass = problem.mass if C is not None and not problem.epsilon else 1.0
    back = Units.of(scaled, mass, root=root)
    flows = None if plan is None else flows_from(_plan_of(plan), problem)
    ignored = potentials is None or problem.bottleneck
    claim = Claim(flows, None if ignored else _scaled_potentials(potentials, problem.shape, back))
    found = find(scaled, claim)
    number = _claimed_number(cost, "cost") if value is None else _claimed_number(value, "value")
    back = way_back(found.certificate, back)
    return _audit(problem, found, back, number, of_cost=cost is not None)


def _claimed_number(value: Any, name: str) -> float | None:
    """A claimed number, which NaN is as well: peers return it."""
    if value is None:
        return None
    try:
        no_number = math.isnan(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        no_number = False  # what else it is, the usual words say
    return math.nan if no_number else scalars.real(value, name)


def _audited_problem(
    x: Any, y: Any, a: Any, b: Any, C: Any, p: float, metric: Metric, epsilon: Any, normalize: bool
) -> Problem:
    """The problem that is said to be answered."""
    if (C is None) == (x is None or y is None) or (C is not None and (x is not None or y is not None)):
        raise InvalidInput(
            f"x and y, or C, must be given: points or a cost matrix; received {_given_arguments(x=x, y=y, C=C)}; pass one kind"
        )
    if C is None:
        problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=normalize)
    else:
        problem = Problem.from_matrix(C, a, b, normalize=normalize)
    return entropic_term(problem, epsilon, None, least=0.0)


def _given_arguments(**arguments: Any) -> str:
    """Which arguments are there."""
    return " and ".join(name for name, value in arguments.items() if value is not None) or "neither"


def _refuse_sizes(shape: tuple[int, int] | None, plan: Any, potentials: Any) -> None:
    """Raise for an answer of another size than the problem, as far as both say theirs; nothing is read."""
    if shape is None:
        return
    if plan is not None:
        refuse_other_size(_plan_of(plan), shape)
    if not isinstance(potentials, Result):
        refuse_other_potentials(potentials, shape)


def _refuse_other_names(x: Any, y: Any, C: Any, plan: Any) -> None:
    """Raise for a table as a plan whose rows or columns are called otherwise than what they belong to, or stand in another order."""
    one, other = {"the rows of x": tables.row_names(x)}, {"the rows of y": tables.row_names(y)}
    if C is not None:
        one, other = {"the rows of C": tables.row_names(C)}, {"the columns of C": tables.column_names(C)}
    tables.same_names(one | {"the rows of plan": tables.row_names(plan)})
    tables.same_names(other | {"the columns of plan": tables.column_names(plan)})


def _plan_of(plan: Any) -> Any:
    """A plan, or that of a result."""
    if not isinstance(plan, Result):
        return plan
    if plan.plan is None:
        raise InvalidInput("plan must be a plan or a result that has one; received a result without; pass its plan")
    return plan.plan


def _scaled_potentials(pair: Any, shape: tuple[int, int], back: Units) -> tuple[Floats, Floats]:
    """A pair of potentials in the units of the scaled problem."""
    try:
        f, g = pair.potentials if isinstance(pair, Result) else pair
    except (TypeError, ValueError):
        raise InvalidInput(
            f"potentials must be a pair (f, g), or a result that has them; received {scalars.told(pair)}; pass (f, g)"
        ) from None
    one, other = (arrays.potential(z, "potentials") for z in (f, g))
    refuse_other_potentials((one, other), shape)
    with np.errstate(over="ignore"):  # what is infinite in these units is of no use in any
        return np.asarray(back.potentials_in(one)), np.asarray(back.potentials_in(other))


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
    holds = meant = None
    if claimed is not None:
        assert low is not None
        assert high is not None
        room = 1e-6 * abs(claimed) if math.isfinite(claimed) else 0.0
        holds = bool(low - room <= claimed <= high + room)
        if not holds and not problem.epsilon and None not in costs:
            other: tuple[Any, Any] = (lower, upper) if of_cost else costs
            if other[0] - room <= claimed <= other[1] + room:
                meant = "value" if of_cost else "cost"
    over = None if found.infeasibility is None else float(back.potentials(found.infeasibility))
    return Audit(
        lower, upper, *costs, claimed, holds, found.marginal_errors, over, found.worst_pair, found.unusable,
        _verdict_sentence(problem, claimed, holds, (low, high), found, over, meant),
    )  # fmt: skip


def _verdict_sentence(
    problem: Problem,
    claimed: float | None,
    holds: bool | None,
    ends: tuple[Any, Any],
    found: Findings,
    over: float | None,
    meant: str | None,
) -> str:
    """One sentence; ``meant`` is the argument as which a refuted claim would not be refuted."""
    low, high = ends
    whose = "for these samples " if problem.cost.of_points else ""
    within = f"the truth {whose}{numerals.lies(low, high, _DIGITS)}"
    if claimed is None:
        head = within
    elif not holds:
        head = f"the claimed {numerals.number(claimed, _DIGITS)} is refuted: {within}"
        head += "" if meant is None else f"; as {meant}= it is not refuted"
    elif low == high or high - low <= 1e-6 * abs(claimed) < math.inf:
        head = f"the claimed {numerals.number(claimed, _DIGITS)} is proven: {within}"
    else:
        head = f"the claimed {numerals.number(claimed, _DIGITS)} is not refuted: {within}"
    return "; ".join([head, *_remarks(problem, found, over)]) + "."


def _remarks(problem: Problem, found: Findings, over: float | None) -> list[str]:
    """What is wrong with the answer, or missing from it."""
    out: list[str] = []
    if found.unusable[0]:
        out.append(f"{found.unusable[0]} entries of the plan are negative or no numbers")
    if found.unusable[1]:
        out.append(f"{found.unusable[1]} potentials of points with mass are not finite, or far too large")
    if found.marginal_errors is None:
        if not problem.epsilon:
            out.append("without a plan there is no upper end")
    elif max(found.marginal_errors) > 1e-9:
        out.append(f"the plan's marginals are off by {max(found.marginal_errors):.2g} of the mass")
    upper = found.certificate.upper
    if found.marginal_errors is not None and problem.cost.forbids and upper == math.inf:
        out.append("where pairs are forbidden a plan must avoid them, and meet its marginals, to prove an upper end")
    if problem.bottleneck and found.certificate.lower == 0 < upper:
        out.append("for p = inf no lower end is looked for")
    if problem.bottleneck and upper == math.inf:
        out.append("for p = inf a plan must meet its marginals to the last bit to prove an upper end")
    if found.infeasibility is None and not problem.epsilon and not problem.bottleneck:
        out.append("without potentials the lower end is what zeros prove")
    if found.infeasibility is not None and found.infeasibility > _SLACK and over is not None and found.worst_pair:
        out.append(f"f + g exceeds the cost by {over:.3g} at pair {found.worst_pair}")
    return out
