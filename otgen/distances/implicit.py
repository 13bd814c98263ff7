r"""Derivatives through an entropic optimum: of what is made of its potentials or of its plan.

The potentials solve ``f_i = -epsilon log sum_j b_j exp((g_j - c_ij)/epsilon)`` and the like for g. With
``K_ij = exp((f_i + g_j - c_ij)/epsilon)``, differentiated:

.. math:: \sum_j K_{ij} b_j (df_i + dg_j - dc_{ij}) = -\varepsilon \sum_j K_{ij} db_j, \qquad
          \sum_i K_{ij} a_i (df_i + dg_j - dc_{ij}) = -\varepsilon \sum_i K_{ij} da_i

A loss with derivatives ``f', g'`` in the potentials therefore has, with the solution (w, v) of the adjoint system

.. math:: \rho_i w_i + a_i (K v)_i = f'_i, \qquad \gamma_j v_j + b_j (K^\top w)_j = g'_j, \qquad \rho = K b, \ \gamma = K^\top a,

the derivative ``K_ij (w_i b_j + a_i v_j)`` in c_ij, ``-epsilon K v`` in a and ``-epsilon K' w`` in b. Relaxed, rho and gamma are
multiplied by ``1 + epsilon / relax``. The system is solved by conjugate gradients on its Schur complement, scaled by its diagonal,
without the constant vector, on which it vanishes where both marginals are met (the implicit function theorem for
Sinkhorn: Luise, Rudi, Pontil, Ciliberto, "Differential properties of Sinkhorn approximation for learning with Wasserstein
distance", 2018). A plan is ``a_i b_j K_ij``: what a loss makes of it is
partly a derivative in the potentials, partly one in a, b and c.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from ..model.cost import CloudCost, Cost
from ..model.cost.point_metric import power
from ..model.marginals import Marginals
from .gradients import Gradients

_KEPT = 2**23  # entries of K that are kept; where there are more, every product computes them again
_TOLERANCE = 1e-13  # of the residual
_ROUNDS = 20  # iterations a point, at most
_ROUNDING = 4 * 2.0**-52  # of a right-hand side and of products, relative


class Cotangent(NamedTuple):
    """Derivatives of a loss: in the potentials (n,), (m,), and, as ``U V'`` with (n, k) and (m, k), in the plan."""

    f: Floats
    g: Floats
    left: Floats
    right: Floats


class _Gibbs:
    """``K`` as an operator, kept where it is small."""

    def __init__(self, cost: Cost, f: Floats, g: Floats, epsilon: float) -> None:
        self.cost, self.f, self.g, self.epsilon = cost, f, g, epsilon
        small = math.prod(cost.shape) <= _KEPT
        self.matrix = np.exp((f[:, None] + g - cost.block()) / epsilon) if small else None

    def dense(self) -> Floats:
        """K itself: (n, m)."""
        return (
            np.exp((self.f[:, None] + self.g - self.cost.block()) / self.epsilon)
            if self.matrix is None
            else self.matrix
        )

    def times(self, vectors: Floats) -> Floats:
        """``K v``: (n,) or (n, k)."""
        if self.matrix is not None:
            return self.matrix @ vectors
        return self._made(self.cost, self.f, self.g, vectors)

    def transposed_times(self, vectors: Floats) -> Floats:
        """``K' w``: (m,) or (m, k)."""
        if self.matrix is not None:
            return self.matrix.T @ vectors
        return self._made(self.cost.T, self.g, self.f, vectors)

    def _made(self, cost: Cost, f: Floats, g: Floats, vectors: Floats) -> Floats:
        columns = vectors if vectors.ndim == 2 else vectors[:, None]
        out = cost.gibbs(f, g, self.epsilon, columns)
        return out if vectors.ndim == 2 else out[:, 0]


def vjp(cost: Cost, goal: Marginals, epsilon: float, f: Floats, g: Floats, given: Cotangent) -> Gradients:
    """What derivatives in the potentials and in the plan amount to in points or costs, and in the weights.

    Where both marginals are met the potentials are those with ``a.f = b.g``.

    Returns
    -------
    Gradients
        ``x``, ``y``, or ``C`` for a listed cost, ``a``, ``b``; ``residual`` is that of the linear system, relative.
    """
    kernel, a, b = _Gibbs(cost, f, g, epsilon), goal.a, goal.b
    through_b, through_a = kernel.times(b[:, None] * given.right), kernel.transposed_times(a[:, None] * given.left)
    of_rows, of_columns = (given.left * through_b).sum(1), (given.right * through_a).sum(1)
    right_f, right_g = given.f + a * of_rows / epsilon, given.g + b * of_columns / epsilon
    balance = 0.0
    if math.isinf(min(goal.relax)):
        balance = float(given.f.sum() - given.g.sum()) / 2
        right_f, right_g = right_f - balance * a, right_g + balance * b
    w, v, residual = _adjoint_solution(kernel, goal, epsilon, right_f, right_g)
    in_a = of_rows - balance * f - epsilon * kernel.times(v)
    in_b = of_columns + balance * g - epsilon * kernel.transposed_times(w)
    if cost.entry is not None:
        clouds = cost.clouds
        x = _in_points(clouds, f, g, epsilon, (w, v), (a, b), (given.left, given.right))
        y = _in_points(clouds.T, g, f, epsilon, (v, w), (b, a), (given.right, given.left))
        return Gradients(x, y, in_a, in_b, residual=residual)
    in_costs = kernel.dense() * (
        np.outer(w, b) + np.outer(a, v) - np.outer(a, b) * (given.left @ given.right.T) / epsilon
    )
    return Gradients(None, None, in_a, in_b, residual=residual, C=in_costs)


def _in_points(
    cost: CloudCost,
    f: Floats,
    g: Floats,
    epsilon: float,
    solution: tuple[Floats, Floats],
    weights: tuple[Floats, Floats],
    factors: tuple[Floats, Floats],
) -> Floats:
    """``sum_j q_ij dc_ij/dx_i`` for ``q = K (w b' + a v' - a b' (U V') / epsilon)``: (n, d)."""
    (w, v), (a, b), (left, right) = solution, weights, factors
    out = w[:, None] * cost.gibbs_slope(f, g, epsilon, b) + a[:, None] * cost.gibbs_slope(f, g, epsilon, v)
    for one, other in zip(left.T, right.T):
        out -= (a * one / epsilon)[:, None] * cost.gibbs_slope(f, g, epsilon, b * other)
    return out


def hessian_product(
    cost: CloudCost, goal: Marginals, epsilon: float, f: Floats, g: Floats, along: tuple[Floats, Floats, Floats, Floats]
) -> tuple[tuple[Floats, Floats, Floats, Floats], float]:
    """How the gradient of an entropic value, in points x, y and weights a, b, changes along a direction in these.

    For metrics of coordinate differences. Holds a few arrays (n, m). The relative residual of the linear system comes with it.

    Raises
    ------
    InvalidInput
        For the cosine.
    """
    of_x, of_y, of_a, of_b = along
    kernel, a, b = _Gibbs(cost, f, g, epsilon), goal.a, goal.b
    K = kernel.dense()
    slope, bend, change = _second_derivatives(cost, of_x, of_y)
    one, other = (1.0 + epsilon / rho for rho in goal.relax)
    rho, gamma = one * (K @ b), other * (K.T @ a)
    rows = (K * change) @ b - epsilon * (K @ of_b)
    columns = (K * change).T @ a - epsilon * (K.T @ of_a)
    w, v, residual = _adjoint_solution(kernel, goal, epsilon, a * rows, b * columns)
    df, dg = (rows - K @ v) / rho, (columns - K.T @ w) / gamma
    plan = K * np.outer(a, b)
    moved = plan * ((df[:, None] + dg - change) / epsilon) + K * (np.outer(of_a, b) + np.outer(a, of_b))
    out_x, out_y = np.empty_like(cost.x), np.empty_like(cost.y)
    for k in range(cost.x.shape[1]):
        part = moved * slope(k) + plan * bend(k)
        out_x[:, k], out_y[:, k] = part.sum(1), -part.sum(0)
    return (out_x, out_y, rho * df + epsilon * of_b.sum(), gamma * dg + epsilon * of_a.sum()), residual


def _second_derivatives(cost: CloudCost, of_x: Floats, of_y: Floats) -> Any:
    """Of ``c = S ** outer`` with ``S = sum_k |t_k| ** inner``: by coordinate, dc/dt_k and its change; and the change of c.

    Where c has a kink all of these are 0. Of a general inner power the largest ``|t_k|`` is taken out, ``c = top ** p S ** outer`` then.
    """
    if cost.entry is None or not cost.entry.by_differences:
        raise InvalidInput(
            f"metric must be one of differences for second derivatives; received {scalars.told(cost.metric)}; use 'euclidean', or "
            f"differences of gradients"
        )
    inner, outer, _ = cost.entry.form(cost.p)
    if math.isinf(inner):
        return _second_of_maxima(cost, of_x, of_y)
    d, order = cost.x.shape[1], inner * outer
    top = np.ones(cost.shape)
    if inner not in (1, 2):
        top = np.max(np.abs([cost.x[:, k, None] - cost.y[None, :, k] for k in range(d)]), axis=0)
    divisor = np.where(top > 0, top, 1.0)

    def step(k: int) -> Floats:
        return (cost.x[:, k, None] - cost.y[None, :, k]) / divisor

    def along(k: int) -> Floats:
        return of_x[:, k, None] - of_y[None, :, k]

    def first(k: int) -> Floats:
        t = step(k)
        return inner * np.sign(t) * np.abs(t) ** (inner - 1)

    def second(k: int) -> Floats:
        t = np.abs(step(k))
        return np.zeros_like(t) if inner == 1 else inner * (inner - 1) * power(t, inner - 2)

    total, change = np.zeros(cost.shape), np.zeros(cost.shape)
    for k in range(d):
        total += np.abs(step(k)) ** inner
        change += first(k) * along(k)
    rise, curve = outer * power(total, outer - 1), outer * (outer - 1) * power(total, outer - 2)
    once, twice = power(top, order - 1), power(top, order - 2)

    def bend(k: int) -> Floats:
        return twice * (curve * change * first(k) + rise * second(k) * along(k))

    return lambda k: once * rise * first(k), bend, once * rise * change


def _second_of_maxima(cost: CloudCost, of_x: Floats, of_y: Floats) -> Any:
    """The same for ``c = max_k |t_k| ** p``."""
    steps = np.stack([cost.x[:, k, None] - cost.y[None, :, k] for k in range(cost.x.shape[1])])
    longest = np.argmax(np.abs(steps), axis=0)
    top = np.take_along_axis(steps, longest[None], 0)[0]
    along = np.take_along_axis(of_x.T[:, :, None] - of_y.T[:, None, :], longest[None], 0)[0]
    p, size = cost.p, np.abs(top)
    slope = p * power(size, p - 1) * np.sign(top)
    curve = p * (p - 1) * power(size, p - 2) * along
    return lambda k: slope * (longest == k), lambda k: curve * (longest == k), slope * along


def _adjoint_solution(
    kernel: _Gibbs, goal: Marginals, epsilon: float, f: Floats, g: Floats
) -> tuple[Floats, Floats, float]:
    """The solution of the adjoint system, and its relative residual."""
    a, b = goal.a, goal.b
    height = max(float(np.abs(f).max()), float(np.abs(g).max()))
    if height == 0:
        return np.zeros_like(f), np.zeros_like(g), 0.0
    f, g = f / height, g / height
    one, other = (1.0 + epsilon / rho for rho in goal.relax)
    rho, gamma = one * kernel.times(b), other * kernel.transposed_times(a)
    # Points without mass: nothing leads back to them.
    w, v = np.where(a > 0, 0.0, f / rho), np.where(b > 0, 0.0, g / gamma)
    f, g = f - a * kernel.times(v) - rho * w, g - b * kernel.transposed_times(w) - gamma * v
    free = math.isinf(min(goal.relax))

    def complement(u: Floats) -> Floats:  # for v = b u
        return b * (gamma * u - kernel.transposed_times(a / rho * kernel.times(b * u)))

    led = b * kernel.transposed_times(f / rho)
    right, terms = (np.where(b > 0, z, 0.0) for z in (g - led, np.abs(g) + np.abs(led)))
    u = _conjugate_gradients(complement, right, terms, b * gamma, free)
    v = v + b * u
    w = w + np.where(a > 0, (f - a * kernel.times(b * u)) / rho, 0.0)
    missed = g - b * kernel.transposed_times(np.where(a > 0, (f - a * kernel.times(b * u)) / rho, 0.0)) - gamma * b * u
    size = np.abs(f).sum() + np.abs(g).sum()
    return w * height, v * height, float(np.abs(missed[b > 0]).sum() / size) if size > 0 else 0.0


def _conjugate_gradients(operator: Any, right: Floats, terms: Floats, diagonal: Floats, free: bool) -> Floats:
    """``x`` with ``operator(x) = right``, scaled to a diagonal of ones; zero where that is; ``free`` of a constant vector.

    What rounding leaves of ``right``, a difference of numbers of the size ``terms``, is nothing to be solved for: between parts of a plan that
    exchange next to no mass the operator all but vanishes, and would make anything of it. So directions end it in which no more than rounding is left.
    """
    root = np.sqrt(np.maximum(diagonal, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    null = root / np.linalg.norm(root) if free else np.zeros_like(root)

    def projected(y: Floats) -> Floats:
        return y - null * (null @ y)

    y, left = np.zeros_like(right), projected(inverse * right)
    enough = max(_TOLERANCE * np.linalg.norm(left), _ROUNDING * np.linalg.norm(inverse * terms))
    along, square = left, left @ left
    for _ in range(_ROUNDS * len(right) + 100):
        image = projected(inverse * operator(inverse * along))
        curvature = along @ image
        if square <= enough**2 or curvature <= _ROUNDING * (along @ along):
            break
        step = square / curvature
        y, left = y + step * along, left - step * image
        before, square = square, left @ left
        along = left + (square / before) * along
    return inverse * y
