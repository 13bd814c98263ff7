"""Transport between unequal masses: a price for what stays, or an amount that is moved."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np

from ..errors import InvalidInput
from ..inputs import reading, scalars, sizes, tables
from ..inputs.types import Floats
from ..kernels.double_double import UNIT, dot_in_unit
from ..kernels.outward import LEAST
from ..model.claim import Claim
from ..model.cost import Metric
from ..model.partial import Partial, Posed, Rounded
from ..model.problem import Problem
from ..model.units import PowerOfTwo, Units, powered, stretched
from ..proofs import (
    Certificate,
    above,
    below,
    prove,
    prove_few_in_part,
    prove_staying,
    prove_staying_in_part,
    usual_cost,
    way_back,
)
from ..solvers import Auto, MatrixName, Simplex, Solver
from ..underflow import may_underflow
from . import small_partial
from .answer import Answer
from .confined import confined
from .partial_alone import Alone, is_empty
from .partial_answer import PartialAnswer
from .result import Result
from .solve import SOLVERS, answered, checked, refuse_overflow, solver_from

_SHARP = 1e-12  # of the cost: an interval no wider is not worth two more passes over the pairs


@may_underflow
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
        (n, d) and (m, d) points, as in :func:`wasserstein`; here also none at all, (0, d), as of an empty persistence diagram: all of the
        other side then stays.
    a, b : array_like, optional
        (n,) and (m,) non-negative weights, which count as received: nothing is divided by a sum. None means uniform, with the total of the
        other side, 1 if neither is given or the other side has no points.
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
    The problem is solved, and proven, as a balanced one with one dummy point on either side; costs between points are not stored. Of a point
    with far more mass than the other side can take only a part enters it, since the rest stays whatever moves; a proof file is of that problem.
    A pair that costs more than twice the dearest two penalties counts as that, which changes no optimum. Where other costs or penalties lie far
    above all that are used, as at orders of hundreds with a ``mass``, it is solved again, with none above what the plan found shows to be needed.
    Where floats leave the interval wide all the same, up to 4096 pairs are solved once more in whole numbers of any size, and ``solver`` says so.
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
    if is_empty(x) or is_empty(y):
        return _beside_nothing(x, y, a, b, penalty, mass, p=number, metric=metric)
    refuse_other_names(penalty, {"the rows of x": tables.row_names(x), "the rows of y": tables.row_names(y)})
    pose = partial(_posed, x, y, a, b, penalty, mass, p=number, metric=metric)
    if type(solver) is str and solver == "auto" and type(throw) is type(progress) is bool:
        prices = partial(prices_and_amount, penalty, mass)
        found = small_partial.wasserstein(x, y, a, b, p=number, metric=metric, prices=prices, pose=pose)
        if found is not None:
            return found
    return solved(pose(), solver, throw=throw, progress=progress, root=True)


def _posed(
    x: Any, y: Any, a: Any, b: Any, penalty: Any, mass: Any, *, p: float, metric: Metric, **more: Any
) -> Partial:
    """What is asked of two clouds."""
    refuse_other_prices(penalty, sizes.of_clouds(x, y, a, b))
    problem = Problem.from_points(x, y, a, b, p=p, metric=metric, normalize=True)
    return replace(asked(replace(problem, normalized=False), penalty, mass), **more)


def asked(problem: Problem, penalty: Any, mass: Any) -> Partial:
    """What a penalty and a mass ask of a problem, whose totals may differ.

    Raises
    ------
    InvalidInput
        Where both are missing or one is malformed.
    """
    return Partial(problem, *prices_and_amount(penalty, mass, problem.shape))


def _beside_nothing(x: Any, y: Any, a: Any, b: Any, penalty: Any, mass: Any, *, p: float, metric: Metric) -> Result:
    """Of clouds of which one is empty."""
    began = time.perf_counter()
    _, amount = prices_and_amount(None if penalty is None else 0.0, mass, (0, 0))
    turned = is_empty(x)

    def prices(size: int) -> tuple[Floats, Floats]:
        return prices_and_amount(penalty, mass, (0, size) if turned else (size, 0))[0]

    return Alone.of(x, y, a, b, prices, amount, p=p, metric=metric).result(began)


def prices_and_amount(penalty: Any, mass: Any, shape: tuple[int, int]) -> tuple[tuple[Floats, Floats], float | None]:
    """Prices of all points (n,), (m,), and the amount that is to be moved, None where they decide."""
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
    prices = _prices(0.0 if penalty is None else penalty, shape)
    if amount is not None and any(bool(np.isinf(side).any()) for side in prices):
        raise InvalidInput(
            "penalty must be finite where mass is given, which says how much stays; received inf; leave one of them out"
        )
    return prices, amount


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


def refuse_other_names(penalty: Any, sides: Mapping[str, tables.Names | None]) -> None:
    """Raise for prices whose entries are called otherwise than what they are the prices of, told side by side, or stand in another order."""
    if isinstance(penalty, tuple | list) and len(penalty) == 2:
        for k, (side, names) in enumerate(sides.items()):
            tables.same_names({side: names, f"penalty[{k}]": tables.row_names(penalty[k])})


def refuse_other_prices(penalty: Any, shape: tuple[int, int] | None) -> None:
    """Raise for prices of points that say they are of another number than those; nothing is read."""
    if isinstance(penalty, tuple | list) and len(penalty) == 2 and shape is not None:
        for k, (value, size) in enumerate(zip(penalty, shape)):
            _refuse_other_count(sizes.shape_of(value) or (size,), size, f"penalty[{k}]")


def _refuse_other_count(shape: tuple[int, ...], size: int, name: str) -> None:
    if shape != (size,):
        raise InvalidInput(
            f"{name} must be a number or have shape ({size},), a price for each point; received shape {shape}; pass as many"
        )


def _side_prices(value: Any, size: int, name: str) -> Floats:
    if not isinstance(value, tuple | list) and np.ndim(value) == 0:
        prices = np.full(size, scalars.real(value, "penalty"))
    else:
        array, origin = reading.as_numpy(value, name, allow_gpu=True)
        _refuse_other_count(array.shape, size, name)
        prices = reading.as_float(array, origin, name).astype(np.float64, copy=False)
    bad = ~(prices >= 0)
    if bad.any():
        raise InvalidInput(
            f"penalty must be at least 0; received {prices[bad][0]}; pass 0 where mass may stay for nothing"
        )
    return prices


def solved(wanted: Partial, solver: Any, *, throw: bool, progress: bool, root: bool) -> Result:
    """The proven result; with ``root`` values are p-th roots of costs."""
    began = time.perf_counter()
    throw, progress = scalars.flag(throw, "throw"), scalars.flag(progress, "progress")
    chosen = _solver(solver)
    wanted, (scaled, solution, certificate) = confined(wanted, chosen, progress=progress)
    posed = wanted.posed
    if posed.problem is not wanted.problem:
        certificate = _sharpened(certificate, scaled, solution.claim, priced=wanted.amount is None)
    back = way_back(certificate, Units.of(scaled, posed.mass, root=root))
    widened = _widened(certificate, scaled, posed, priced=wanted.amount is None)
    whole = posed.problem is wanted.problem
    still = prove_staying(wanted.problem, widened) if whole else prove_staying_in_part(wanted, widened)
    proven = _with_stays(still, wanted, back)
    few = prove_few_in_part(wanted, scaled, proven) if isinstance(chosen, Auto | Simplex) else None
    if few is not None:
        solution = replace(solution, name=f"{solution.name} in whole numbers")
        proven, back = few[0], replace(way_back(few[0], back), mass=1.0, beyond=few[1])
    elif math.isinf(proven.cost) and math.isfinite(still.cost):
        refuse_overflow(posed.problem, float(max(wanted.totals)))
    answer = Answer(posed.problem, scaled, proven, back, solution.claim)
    return checked(PartialAnswer(wanted, answer).result(answered(answer, solution, chosen, began)), throw=throw)


def _solver(solver: Any) -> Solver:
    """What solves the balanced problem: no solver that wants points alone, or an epsilon."""
    if isinstance(solver, str) and solver in SOLVERS and solver not in get_args(MatrixName):
        raise InvalidInput(
            f"solver must be one that takes a dummy point on either side; received {scalars.told(solver)}; pass {', '.join(map(repr, get_args(MatrixName)))}"
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


def _widened(certificate: Certificate, scaled: Problem, posed: Posed, *, priced: bool) -> Certificate:
    """What is proven of masses that were rounded: a unit that moves elsewhere costs at most the spread of the costs.

    Where pairs are forbidden it may have to go along a path of all points, as in :mod:`otgen.proofs.dual`.
    """
    rounded = posed.rounded
    if not rounded:
        return certificate
    if certificate.lower == math.inf:
        return certificate if _beyond_rounding(certificate, scaled, rounded) else replace(certificate, lower=-math.inf)
    low, high = scaled.cost.range()
    path = sum(scaled.shape) if scaled.cost.forbids else 1
    margin = 2.02 * rounded * (high - low + abs(low)) * path
    below_it, above_it = margin, margin
    if certificate.kind == "dual" and certificate.potentials is not None:
        below_it = min(margin, _of_potentials(certificate.potentials, scaled, posed.sides))
        if priced:
            above_it = min(
                margin, _of_prices(max(map(abs, (certificate.lower, certificate.upper))), scaled, posed.sides)
            )
    return replace(
        certificate,
        lower=below(certificate.lower, below_it),
        upper=above(certificate.upper, above_it),
        scale=max(
            certificate.scale, usual_cost(scaled) or 0.0
        ),  # an optimum of 0 is known to a rounding of what pairs cost
    )


def _of_potentials(potentials: tuple[Floats, Floats], scaled: Problem, sides: tuple[Rounded, Rounded]) -> float:
    """What rounding the masses may take off a dual value: the potentials of what was rounded, that of the dummy target shifted to 0.

    Any shift will do, since both sides carry the same; with this one potentials are what masses are worth, and no larger than prices.
    """
    f, g = potentials
    shift = g[-1]
    charge = 0.0
    for z, side, of in zip((f + shift, g - shift), (scaled.source, scaled.target), sides):
        size = np.abs(z) + 4 * UNIT * abs(shift)
        charge += of.points * float(side.probabilities[:-1] @ size[:-1]) + of.dummy * float(size[-1])
    return charge * 1.01 + 1e-300 if math.isfinite(charge) else math.inf


def _of_prices(size: float, scaled: Problem, sides: tuple[Rounded, Rounded]) -> float:
    """What rounding the masses may add to the best plan, of a cost of this ``size``, where prices decide.

    A plan of the rounded masses, less by the larger share r that was rounded off points, is one of the true masses between the points; of each
    point then at most 2 r stay beside what stayed.
    """
    (n, m), most = scaled.shape, max(side.points for side in sides)
    to_dummy = scaled.cost.pairs(np.arange(n - 1), np.full(n - 1, m - 1))
    from_dummy = scaled.cost.pairs(np.full(m - 1, n - 1), np.arange(m - 1))
    paid = float(scaled.source.probabilities[:-1] @ to_dummy + scaled.target.probabilities[:-1] @ from_dummy)
    charge = 2.02 * most * (paid + size) + LEAST * (n + m)
    return charge if math.isfinite(charge) else math.inf


def _with_stays(certificate: Certificate, wanted: Partial, back: Units) -> Certificate:
    """What is proven, with the price of what stays whatever moves; of an amount of 0 that is all there is."""
    stays = wanted.left_out
    if wanted.gains_nothing:
        free = wanted.asks_nothing and certificate.cost == 0
        certificate = replace(certificate, lower=max(certificate.lower, 0.0), upper=0.0 if free else certificate.upper)
    if wanted.amount == 0:
        stays, certificate = wanted.weights, replace(certificate, cost=0.0, lower=0.0, upper=0.0, scale=0.0)
    if stays is None or certificate.lower == math.inf:
        return certificate
    paid = sum(
        _paid(z[part > 0], part[part > 0], wanted.posed.mass, back)
        for z, part in zip(wanted.prices, stays, strict=True)
    )
    factor = 1.0 if certificate.unit is None else powered(1 / certificate.unit, back.p)
    more = paid * factor
    if not math.isfinite(more):
        return replace(certificate, cost=math.inf, upper=math.inf)
    margin = (16 if certificate.unit is None else 4 * back.p + 64) * UNIT * more
    if any(
        bool(z[part > 0].any()) for z, part in zip(wanted.prices, stays, strict=True)
    ):  # far below costs they underflow
        margin += (8 + sum(wanted.problem.shape)) * LEAST * max(factor, 1.0)
    return replace(
        certificate,
        cost=certificate.cost + more,
        lower=below(certificate.lower + more, margin),
        upper=above(certificate.upper + more, margin),
        scale=certificate.scale + more,
    )


def _paid(prices: Floats, masses: Floats, whole: float, back: Units) -> float:
    """What staying costs over a ``whole`` mass, in the units of the scaled problem, in which prices themselves may have few digits."""
    (number, exponent), unit = dot_in_unit(prices, masses), PowerOfTwo.above(whole)
    return float(stretched(number / unit.divide(whole), exponent - unit.exponent - back.shift * back.p))


def _beyond_rounding(certificate: Certificate, scaled: Problem, rounded: float) -> bool:
    """Whether what proves that there is no plan, by Farkas' lemma, does so for the masses before they were rounded."""
    assert certificate.potentials is not None
    sides = (scaled.source.probabilities, scaled.target.probabilities)
    held = [np.where(weights > 0, z, 0.0) for weights, z in zip(sides, certificate.potentials)]
    gain = sum(float(weights @ z) for weights, z in zip(sides, held))
    return gain > (2.02 * rounded + 1e-13) * sum(float(np.abs(z).max()) for z in held)
