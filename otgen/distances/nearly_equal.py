"""How well the terms of a debiased cost must be solved for its gradient: where they cancel, better than each for itself.

A marginal error e leaves the gradient of a term off by about ``e`` of its own size. The gradient of the divergence S is smaller than theirs by about
``sqrt(S / W)``, for the largest term W: that is how far the measures are apart beside how far mass travels, where squared lengths are the cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..errors import warn
from ..model.problem import Problem
from ..model.status import Status
from ..solvers import Sinkhorn
from .result import Result
from .solve import run

CLOSE = 1e-6  # relative error of gradients that is not worth more iterations
FINEST = 1e-12  # marginal error that double precision reaches, if costs are not very many epsilons
ROUNDINGS = 16 * 2.0**-52  # the same, a unit of cost over epsilon
_FAR = 10.0  # times the error that was wanted, and nothing is said


def wanted_error(values: Sequence[float], difference: float, epsilon: float, tol: float) -> float:
    """The marginal error that leaves the gradient of a difference of values off by about ``tol`` of itself, or ``CLOSE``; at most ``tol``."""
    largest = max(abs(value) for value in values)
    if not (0 < largest < math.inf):
        return tol
    beside = min(math.sqrt(max(difference, 0.0) / largest), 1.0)
    return min(max(max(tol, CLOSE) * beside, FINEST, ROUNDINGS * largest / epsilon), tol)


def tightened(
    problems: Sequence[Problem], parts: Sequence[Result], difference: float, solver: Sinkhorn
) -> Sequence[Result]:
    """The terms of a debiased cost, iterated on to the marginal error that its gradient asks for; as they are where they have met it.

    A warning says where the limit on iterations, counted anew, came first, by how much.
    """
    wanted = wanted_error([part.value for part in parts], difference, problems[0].epsilon, solver.tol)
    if wanted > solver.tol / 2 or any(part.status is Status.MAX_ITER for part in parts):
        return parts
    finer = replace(solver, tol=wanted)
    found = [
        part if (part.marginal_error or 0.0) <= wanted else run(problem, finer, throw=False, init=part)
        for problem, part in zip(problems, parts, strict=True)
    ]
    reached = max(part.marginal_error or 0.0 for part in found)
    if reached > _FAR * wanted:
        warn(
            f"the marginal error {wanted:.1e}, to which the gradient of so small a divergence is known to {max(solver.tol, CLOSE):g}, was not "
            f"reached in {solver.max_iter} iterations more: it may be off by {reached / wanted:.0f} times that; raise max_iter or epsilon"
        )
    return found
