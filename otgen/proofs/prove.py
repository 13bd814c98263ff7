"""Which argument proves a claim: decided by the problem as posed, never by who made the claim."""

from __future__ import annotations

import math

from ..errors import InvalidInput
from ..model.claim import Claim
from ..model.problem import Problem
from .bottleneck import prove_cut
from .certificate import Certificate
from .dual import prove_dual
from .entropic import prove_entropic
from .monotone import prove_line_cut, prove_monotone, prove_straight
from .no_plan import prove_no_plan, stranded_sources
from .steep import prove_steep
from .unique_plan import prove_unique_plan


def prove(problem: Problem, claim: Claim) -> Certificate:
    """Prove what a claim proves about a problem, whoever made it.

    Cost, weights, epsilon and relaxation come from the problem alone, so that a wrong claim can only make the interval wide.

    Parameters
    ----------
    problem : Problem
        As posed, with costs of about 1 (see :func:`otgen.model.units.scaled`).
    claim : Claim
        In the same units.

    Returns
    -------
    Certificate

    Raises
    ------
    InvalidInput
        If the claim does not fit the problem's shape, or holds nothing where the problem is not its own proof.

    Examples
    --------
    >>> problem = Problem.from_points([0.0, 1.0], [1.0, 3.0], p=1)
    >>> prove(problem, Claim()).kind
    'monotone'
    """
    claim = claim.checked(problem.shape)
    nothing = claim.flows is None and claim.potentials is None and claim.ray is None
    if claim.ray is not None and (found := prove_no_plan(problem, claim.ray)) is not None:
        return found
    if problem.epsilon:
        _demand(claim.potentials is not None or claim.ray is not None, "potentials of the entropic problem", problem)
        return prove_entropic(problem, claim)
    if problem.bottleneck:
        if claim.cut is None and claim.flows is None and problem.on_line:
            return prove_line_cut(problem)
        _demand(claim.flows is not None and claim.units is not None, "flows in whole numbers and a cut", problem)
        return prove_cut(problem, claim)
    if nothing and problem.on_line:
        return prove_monotone(problem)
    if nothing and 1 in problem.shape and not problem.cost.forbids:
        found = prove_unique_plan(problem)
    else:
        _demand(not nothing, "flows, potentials or both", problem)
        found = prove_dual(problem, claim)
    found = prove_straight(problem, prove_steep(problem, found))
    stranded = (
        prove_no_plan(problem, stranded_sources(problem)) if math.isinf(found.upper) and problem.cost.forbids else None
    )
    return stranded or found


def _demand(held: bool, needed: str, problem: Problem) -> None:
    if not held:
        raise InvalidInput(
            f"the claim of a solver must hold {needed}; received one without for {problem!r}; correct the solver"
        )
