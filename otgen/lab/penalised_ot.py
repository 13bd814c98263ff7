"""Penalised optimal transport on finite spaces: what the relaxation of Wasserstein auto-encoders costs.

Bousquet et al., "From optimal transport to generative modeling: the VEGAN cookbook", 2017, equation (12).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import scipy.optimize
import scipy.special

from ..errors import InvalidInput, NotConverged
from ..inputs import arrays, scalars
from ..inputs.types import Floats

_STEPS = 200  # of Newton's method
_CLOSE, _CLOSE_ENOUGH = (
    1e-11,
    1e-7,
)  # of the optimum, in units of cost of about 1: what is aimed at, and what is promised


def relaxed_transport(
    cost: Any, data: Any, prior: Any, weight: float, penalty: Literal["kl", "tv"] = "kl"
) -> tuple[float, Floats]:
    """``min <P, C> + weight F(Q_Z, P_Z)`` over joint laws P of x and z whose law of x is the data's; Q_Z is its law of z.

    Parameters
    ----------
    cost : array_like
        ``c(x, G(z))``, (n, k): for problems of some hundred entries.
    data, prior : array_like
        Mass functions (n,) and (k,), positive.
    weight : float
        Lambda of equation (12).
    penalty : {"kl", "tv"}
        ``KL(Q_Z || P_Z)`` or ``sum |Q_Z - P_Z| / 2``.

    Returns
    -------
    value : float
        In units of cost: for ``"tv"`` the optimum of a linear program, by HiGHS; for ``"kl"`` above the optimum by at most 1e-7 of 1 plus
        the weight plus the range of the costs, which convexity shows.
    plan : ndarray
        (n, k).

    Raises
    ------
    InvalidInput
        For what is not finite, shapes that do not fit, masses that are not positive or of another sum, and another weight or penalty.
    NotConverged
        If the optimiser gives up.

    Examples
    --------
    >>> value, plan = relaxed_transport([[0.0, 1.0], [1.0, 0.0]], [0.5, 0.5], [0.9, 0.1], 0.5, "tv")
    >>> round(value, 12)
    0.2
    """
    given = {"cost": cost, "data": data, "prior": prior}
    c, p, q = (arrays.numbers(value, name)[0].astype(np.float64) for name, value in given.items())
    if c.ndim != 2 or p.shape != c.shape[:1] or q.shape != c.shape[1:] or not ((p > 0).all() and (q > 0).all()):
        raise InvalidInput(
            f"cost must be (n, k), data (n,) and prior (k,), positive; received shapes {c.shape}, {p.shape}, {q.shape}; reshape them, and leave out atoms without mass"
        )
    if not np.isfinite(c).all() or any(abs(z.sum() - 1) > 1e-9 for z in (p, q)):
        raise InvalidInput(
            f"cost must be finite, and data and prior sum to 1; received sums {float(p.sum())!r} and {float(q.sum())!r}; divide each by its sum"
        )
    weight = scalars.positive(weight, "weight", "it multiplies the penalty")
    return {"kl": _by_kl, "tv": _by_tv}[scalars.one_of(penalty, "penalty", ("kl", "tv"))](c, p, q, weight)


def _by_tv(c: Floats, p: Floats, q: Floats, weight: float) -> tuple[float, Floats]:
    """A linear program: what the law of z has too much, z by z, is charged the weight."""
    n, k = c.shape
    rows = np.hstack([np.kron(np.eye(n), np.ones(k)), np.zeros((n, k))])
    above = np.hstack([np.kron(np.ones(n), np.eye(k)), -np.eye(k)])
    found: Any = scipy.optimize.linprog(
        np.concatenate([c.ravel(), np.full(k, weight)]), A_ub=above, b_ub=q, A_eq=rows, b_eq=p, method="highs"
    )
    if not found.success:
        raise NotConverged(f"the linear program was not solved: {found.message}; rescale the cost")
    return float(found.fun), found.x[: n * k].reshape(n, k)


def _by_kl(c: Floats, p: Floats, q: Floats, weight: float) -> tuple[float, Floats]:
    """A convex program in the kernels Q(z|x); where there is one x, or one z, ``Q(z|x)`` is ``q_z exp(-c_xz / weight)``, normalised."""
    kernel = scipy.special.softmax(np.log(q) - c / weight, axis=1) if 1 in c.shape else _kernel(c, p, q, weight)
    paid = weight * float(scipy.special.rel_entr(p @ kernel, q).sum())
    return float((p[:, None] * kernel * c).sum()) + paid, p[:, None] * kernel


def _kernel(c: Floats, p: Floats, q: Floats, weight: float) -> Floats:
    """The best kernel (n, k), from an independent one on, by a primal-dual interior-point method (Boyd and Vandenberghe, "Convex optimization",
    2004, section 11.7) in units of cost of about 1.

    Slopes in the entries of a plan are ``c + weight (1 + log(s / q))`` for its law s of z; at the optimum they are ``f + Z`` with ``Z >= 0`` and
    ``Z P = 0``. Each step solves for f and s, n + k numbers.
    """
    unit = 1.0 + float(np.ptp(c)) + weight
    c, weight = (c - c.min()) / unit, weight / unit
    plan = np.outer(p, (q + 1 / len(q)) / 2)
    f = c.min(axis=1) + weight * (1 + np.log(plan.sum(axis=0) / q)).min() - 1.0
    excess = c + weight - f[:, None]
    best, least = plan, math.inf
    for _ in range(_STEPS):
        latent = plan.sum(axis=0)
        slopes = c + weight * (1 + np.log(latent / q))
        missing = float((plan * (slopes - slopes.min(axis=1, keepdims=True))).sum())  # what convexity leaves open
        if missing < least:
            best, least = plan, missing
        if least <= _CLOSE:
            break
        plan, f, excess = _step(plan, f, excess, slopes, p, weight)
    if not least <= _CLOSE_ENOUGH:
        raise NotConverged(f"the convex program was left {least * unit:.1e} above its optimum; use another weight")
    return best / best.sum(axis=1, keepdims=True)


def _step(
    plan: Floats, f: Floats, excess: Floats, slopes: Floats, p: Floats, weight: float
) -> tuple[Floats, Floats, Floats]:
    """One step of Newton's towards products of plan and excess a tenth as large, in proportion to the data, as far as both stay positive."""
    (n, k), latent = plan.shape, plan.sum(axis=0)
    wanted = 0.1 * float((plan * excess).sum()) / k * p[:, None]
    rest = wanted / plan - (slopes - f[:, None])
    ratio, steep = plan / excess, weight / latent
    across = ratio * rest
    system = np.block(
        [
            [np.diag(ratio.sum(axis=1) / p), -ratio * steep / p[:, None]],
            [-ratio.T, np.diag(1 + ratio.sum(axis=0) * steep)],
        ]
    )
    aims = np.concatenate([1 - (plan.sum(axis=1) + across.sum(axis=1)) / p, across.sum(axis=0)])
    moved = np.linalg.solve(system, aims)
    of_plan = ratio * (rest + moved[:n, None] - steep * moved[n:])
    of_excess = wanted / plan - excess - of_plan / ratio
    length = min(1.0, *(0.99 * _room(z, step) for z, step in ((plan, of_plan), (excess, of_excess))))
    return plan + length * of_plan, f + length * moved[:n], excess + length * of_excess


def _room(values: Floats, step: Floats) -> float:
    """How many times a step fits before a value is 0."""
    with np.errstate(all="ignore"):
        return float(np.min(-values / step, where=step < 0, initial=math.inf))
