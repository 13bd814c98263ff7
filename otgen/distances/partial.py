"""Transport between unequal masses: a price for what stays, or an amount that is moved."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from ..errors import InvalidInput
from ..inputs import reading, scalars
from ..inputs.types import Floats
from ..model.claim import Claim
from ..model.cost import Metric
from ..model.partial import Partial
from ..model.problem import Problem
from ..model.units import Units
from ..proofs import Certificate, above, below, prove
from ..solvers import MatrixName, Solver
from .answer import Answer
from .partial_answer import PartialAnswer
from .result import Result
from .solve import SOLVERS, answered, attempted, checked, solver_from

_SHARP = 1e-12  # of the cost: an interval no wider is not worth two more passes over the pairs


def partial_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    penalty: Any = None,
    mass: float | None = None,
    p: float = 2,
    metric: Metric = "euclidean",
    solver: MatrixName | Solver = "auto",
    throw: bool = True,
    progress: bool = False,
) -> Result:
    r"""Exact distance between clouds of unequal mass, of which a part may stay unmatched, with its proof.

    .. math:: \left( \min_{P \ge 0,\; P 1 \le a,\; P^\top 1 \le b} \; \sum_{ij} P_{ij}\, d(x_i, y_j)^p
        + \sum_i \lambda_i (a - P 1)_i + \sum_j \mu_j (b - P^\top 1)_j \right)^{1/p}

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d) points, as in :func:`wasserstein`.
    a, b : array_like, optional
        (n,) and (m,) non-negative weights, which count as received: nothing is divided by a sum. None means uniform, with the total of the
        other side, 1 if neither is given.
    penalty : float or (float or array_like, float or array_like), optional
        What a unit of mass that stays costs, at least 0, in the units of ``d ** p``: one number, or one for either side, each a number or an
        array (n,), (m,) of a price a point. ``inf`` where nothing may stay. A pair that costs more than leaving both of its ends is never used.
    mass : float, optional
        How much is moved, at most the lighter of both totals; then what stays costs nothing, unless there is a ``penalty`` too, which must be
        finite. At least one of the two must be given.
    p : float
        Order, in [1, 700].
    metric, solver, throw, progress
        As in :func:`wasserstein`.

    Returns
    -------
    Result
        ``value`` is the p-th root of the least total, penalties among it, and ``cost`` that total, for the masses as received; both with
        proven bounds, of these samples. ``mass`` is what was moved, ``plan`` how, between the real points and of total 1, and ``unmatched``
        what stays on either side, (n,) and (m,). ``potentials`` are the derivatives of ``cost`` in ``a`` and ``b``, with
        ``f_i <= lambda_i``, ``g_j <= mu_j`` and ``f_i + g_j <= d(x_i, y_j) ** p - s``, where ``s``, 0 unless ``mass`` is given, is the
        derivative in that, ``gradients().mass``.

    Raises
    ------
    InvalidInput
        As :func:`wasserstein`, without a penalty and a mass, for negative ones, for more mass than there is, and where an infinite penalty
        leaves no plan.
    NotConverged
        At an iteration limit set on the solver.

    Notes
    -----
    The problem is solved, and proven, as a balanced one with one dummy point on either side; costs between points are not stored.
    With one price c for both sides it is a distance between finite measures if ``p = 1`` and ``metric`` is one.
    Persistence diagrams have their prices from the diagonal, jets theirs from a radius: see :doc:`/partial`.

    References
    ----------
    Figalli, "The optimal partial transport problem", 2010; Piccoli and Rossi, "Generalized Wasserstein distance and its
    application to transport equations with source", 2014.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.partial_wasserstein([0.0, 1.0, 9.0], [1.0, 2.0], [1, 1, 1], [1, 1], p=1, penalty=3)
    >>> result.value, result.mass
    (5.0, 2.0)
    >>> result.unmatched
    (array([0., 0., 1.]), array([0., 0.]))
    >>> otgen.partial_wasserstein([0.0, 1.0, 9.0], [1.0, 2.0], [1, 1, 1], [1, 1], p=1, mass=1).value
    0.0
    """
    number = scalars.finite_order(p)
    problem = Problem.from_points(x, y, a, b, p=number, metric=metric, normalize=True)
    problem = replace(problem, normalized=False)
    return solved(asked(problem, penalty, mass), solver, throw=throw, progress=progress, root=True)


def asked(problem: Problem, penalty: Any, mass: Any) -> Partial:
    """What a penalty and a mass ask of a problem, whose totals may differ.

    Raises
    ------
    InvalidInput
        Where both are missing or one is malformed.
    """
    if penalty is None and mass is None:
        raise InvalidInput(
            "penalty or mass must be given for partial transport; received neither; pass penalty=1.0, what a unit of unmatched mass costs, or "
            "mass=, how much is moved; for all of it call otgen.wasserstein"
        )
    amount = None if mass is None else scalars.real(mass, "mass")
    if amount is not None and not 0 <= amount < math.inf:
        raise InvalidInput(
            f"mass must be at least 0 and finite; received {scalars.told(mass)}; pass how much is to be moved"
        )
    prices = _prices(0.0 if penalty is None else penalty, problem.shape)
    if amount is not None and any(bool(np.isinf(side).any()) for side in prices):
        raise InvalidInput(
            "penalty must be finite where mass is given, which says how much stays; received inf; leave one of them out"
        )
    return Partial(problem, prices, amount)


def _prices(penalty: Any, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Prices of all points (n,), (m,), of one number or of a pair of numbers or arrays."""
    several = isinstance(penalty, tuple | list)
    if getattr(penalty, "ndim", 0) or (several and len(penalty) != 2):
        raise InvalidInput(
            f"penalty must be a number or a pair, one for either side; received {scalars.told(penalty)}; pass (penalty_x, penalty_y), each a "
            f"number or an array"
        )
    pair: Any = penalty if several else (penalty, penalty)
    one, other = (_side_prices(value, size, f"penalty[{k}]") for k, (value, size) in enumerate(zip(pair, shape)))
    return one, other


def _side_prices(value: Any, size: int, name: str) -> Floats:
    if not isinstance(value, tuple | list) and np.ndim(value) == 0:
        prices = np.full(size, scalars.real(value, "penalty"))
    else:
        array, origin = reading.as_numpy(value, name, allow_gpu=True)
        if array.shape != (size,):
            raise InvalidInput(
                f"{name} must be a number or have shape ({size},), a price for each point; received shape {array.shape}; pass as many"
            )
        prices = reading.as_float(array, origin, name).astype(np.float64, copy=False)
    bad = ~(prices >= 0)
    if bad.any():
        raise InvalidInput(
            f"penalty must be at least 0; received {prices[bad][0]}; pass 0 where mass may stay for nothing"
        )
    return prices


def solved(partial: Partial, solver: Any, *, throw: bool, progress: bool, root: bool) -> Result:
    """The proven result; with ``root`` values are p-th roots of costs."""
    began = time.perf_counter()
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    chosen, posed = _solver(solver), partial.posed
    scaled, solution, certificate = attempted(posed.problem, chosen, progress=progress)
    if posed.problem is not partial.problem:
        certificate = _sharpened(certificate, scaled, solution.claim, priced=partial.amount is None)
    back = replace(Units.of(scaled, posed.mass, root=root), unit=certificate.unit)
    proven = _widened(certificate, scaled, posed.rounded)
    answer = Answer(posed.problem, scaled, proven, back, solution.claim)
    return checked(PartialAnswer(partial, answer).result(answered(answer, solution, chosen, began)), throw=throw)


def _solver(solver: Any) -> Solver:
    """What solves the balanced problem: no solver that wants points alone, or an epsilon."""
    if isinstance(solver, str) and solver in SOLVERS and solver not in get_args(MatrixName):
        raise InvalidInput(
            f"solver must be one that takes a dummy point on either side; received {solver!r}; pass {', '.join(map(repr, get_args(MatrixName)))}"
        )
    return solver_from(solver)


def _sharpened(certificate: Certificate, scaled: Problem, claim: Claim, *, priced: bool) -> Certificate:
    """What is proven, or what potentials of smaller numbers prove, where costs are far above prices.

    Where nothing moves no pair ties the sources' potentials to the targets', and what a solver says of these is as large as costs.
    ``priced`` says that a unit between the dummies costs 0: their potentials may be 0 then, and no other is larger than its price.
    """
    width = certificate.upper - certificate.lower
    if certificate.potentials is None or not math.isfinite(width) or width <= _SHARP * abs(certificate.cost):
        return certificate
    f, g = certificate.potentials
    if priced:
        f = np.append(f[:-1] + g[-1], 0.0)
    g = scaled.cost.column_minima(f)
    if not np.isfinite(g).all():
        return certificate
    again = prove(scaled, replace(claim, potentials=(scaled.cost.ctransform(g)[0], g)))
    return max(certificate, again, key=lambda found: found.lower)


def _widened(certificate: Certificate, scaled: Problem, rounded: float) -> Certificate:
    """What is proven of masses that were rounded by that share: a unit that moves elsewhere costs at most the spread of the costs.

    Where pairs are forbidden it may have to go along a path of all points, as in :mod:`otgen.proofs.dual`.
    """
    if not rounded:
        return certificate
    if certificate.lower == math.inf:
        return certificate if _beyond_rounding(certificate, scaled, rounded) else replace(certificate, lower=-math.inf)
    low, high = scaled.cost.range()
    path = sum(scaled.shape) if scaled.cost.forbids else 1
    margin = 2.02 * rounded * (high - low + abs(low)) * path
    return replace(certificate, lower=below(certificate.lower, margin), upper=above(certificate.upper, margin))


def _beyond_rounding(certificate: Certificate, scaled: Problem, rounded: float) -> bool:
    """Whether what proves that there is no plan, by Farkas' lemma, does so for the masses before they were rounded."""
    assert certificate.potentials is not None
    sides = (scaled.source.probabilities, scaled.target.probabilities)
    held = [np.where(weights > 0, z, 0.0) for weights, z in zip(sides, certificate.potentials)]
    gain = sum(float(weights @ z) for weights, z in zip(sides, held))
    return gain > (2.02 * rounded + 1e-13) * sum(float(np.abs(z).max()) for z in held)
