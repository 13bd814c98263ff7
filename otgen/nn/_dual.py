"""The dual of entropic transport between listed costs, as torch differentiates it.

With ``E_ij = exp((f_i + g_j - C_ij) / epsilon)`` the potentials satisfy ``sum_j b_j E_ij = exp(-f_i / rho)`` and ``sum_i a_i E_ij = exp(-g_j / rho')``,
1 where a marginal is met: two equations whose derivatives are a linear system. The dual value has no derivative in the potentials at the optimum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import NotConverged
from . import _ops
from ._modes import holds


class Costs(NamedTuple):
    """Costs C (B, n, m), weights a (B, n), b (B, m), all float64 but C, which rows and columns count (B, n + m), None where all do, whether
    the caller gave one problem, and the dtype of answers.
    """

    C: Tensor
    a: Tensor
    b: Tensor
    counted: Tensor | None
    single: bool
    dtype: torch.dtype


def entries(C: Tensor, f: Tensor, g: Tensor, epsilon: Tensor) -> Tensor:
    """``exp((f_i + g_j - C_ij) / epsilon)``: (B, n, m)."""
    return ((f[..., :, None] + g[..., None, :] - C) / epsilon[..., None, None]).exp()


def potentials(given: Costs, epsilon: Tensor, solving: _ops.Solving) -> tuple[Tensor, Tensor]:
    """Differentiable potentials (B, n), (B, m)."""
    apply: Callable[..., Any] = _Potentials.apply
    return apply(given.C.double(), given.a, given.b, epsilon, given.counted, solving)


def dual_value(given: Costs, epsilon: Tensor, relax: tuple[float, float], f: Tensor, g: Tensor) -> Tensor:
    """Differentiable dual values (B,); first derivatives hold the potentials fixed."""
    apply: Callable[..., Any] = _Value.apply
    return apply(given.C.double(), given.a, given.b, f, g, epsilon, relax)


def _term(potential: Tensor, rho: float) -> Tensor:
    """What a potential adds to the dual value, a unit of weight."""
    return potential if math.isinf(rho) else -rho * torch.expm1(-potential / rho)


class _Value(torch.autograd.Function):
    """``sum a term(f) + sum b term(g) - epsilon (sum a_i b_j E_ij - sum a sum b)``; the envelope theorem is its derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        C: Tensor, a: Tensor, b: Tensor, f: Tensor, g: Tensor, epsilon: Tensor, relax: tuple[float, float]
    ) -> Tensor:
        """Dual values."""
        gained = (a * _term(f, relax[0])).sum(-1) + (b * _term(g, relax[1])).sum(-1)
        mass = (a[..., None, :] @ entries(C, f, g, epsilon) @ b[..., :, None])[..., 0, 0]
        return gained - epsilon * (mass - a.sum(-1) * b.sum(-1))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the gradient needs."""
        ctx.save_for_backward(*inputs[:6])
        ctx.relax = inputs[6]

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        """The plan, and what a unit of either weight adds."""
        C, a, b, f, g, epsilon = ctx.saved_tensors
        E, strength = entries(C, f, g, epsilon), epsilon[..., None]
        rows, columns = (E @ b[..., None])[..., 0], (a[..., None, :] @ E)[..., 0, :]
        in_a = _term(f, ctx.relax[0]) - strength * (rows - b.sum(-1, keepdim=True))
        in_b = _term(g, ctx.relax[1]) - strength * (columns - a.sum(-1, keepdim=True))
        plan = a[..., :, None] * b[..., None, :] * E
        along = incoming[0][..., None]
        return along[..., None] * plan, along * in_a, along * in_b, None, None, None, None


class _Potentials(torch.autograd.Function):
    """Potentials of costs and weights; their derivatives are those of the equations that they solve."""

    generate_vmap_rule = True

    @staticmethod
    def forward(C: Tensor, a: Tensor, b: Tensor, epsilon: Tensor, counted: Tensor | None, solving: _ops.Solving) -> Any:
        """Solved on the host."""
        return _ops.matrix_potentials(C, a, b, epsilon, counted, *solving)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the linear system needs."""
        ctx.save_for_backward(*inputs[:5], *output)
        ctx.set_materialize_grads(False)
        ctx.relax = inputs[5][2:4]

    @staticmethod
    def backward(ctx: Any, *along: Any) -> Any:
        """The adjoint system, ``lambda`` and ``mu`` for the equations of rows and columns, and what they say of costs and weights."""
        C, a, b, epsilon, counted, f, g = ctx.saved_tensors
        if along[0] is None and along[1] is None:
            return None, None, None, None, None, None
        of_f, of_g = (torch.zeros_like(z) if of is None else of for z, of in zip((f, g), along))
        sides = None if counted is None else counted.split([f.shape[-1], g.shape[-1]], -1)
        if sides is not None:  # potentials of padding are 0
            of_f, of_g = of_f.where(sides[0], 0.0), of_g.where(sides[1], 0.0)
        met = all(map(math.isinf, ctx.relax))
        gauge = (of_f.sum(-1, keepdim=True) - of_g.sum(-1, keepdim=True)) / (
            a.sum(-1, keepdim=True) + b.sum(-1, keepdim=True)
        )
        if met:  # a . f = b . g takes its part of the constant that is free
            of_f, of_g = of_f - gauge * a, of_g + gauge * b
        E, stiff = (
            entries(C, f, g, epsilon),
            [1.0 if math.isinf(rho) else 1 + epsilon[..., None] / rho for rho in ctx.relax],
        )
        of_rows = (E @ b[..., None])[..., 0] * stiff[0]
        of_columns = (a[..., None, :] @ E)[..., 0, :] * stiff[1]
        if sides is not None:  # equations of padding say that 0 is 0
            of_rows, of_columns = of_rows.where(sides[0], 1.0), of_columns.where(sides[1], 1.0)
        one, other = _adjoint(E, a, b, of_rows, of_columns, of_f, of_g, met)
        strength = epsilon[..., None]
        in_C = (one[..., :, None] * b[..., None, :] + a[..., :, None] * other[..., None, :]) * E
        in_a = -strength * (E @ other[..., None])[..., 0]
        in_b = -strength * (one[..., None, :] @ E)[..., 0, :]
        if met:
            in_a, in_b = in_a - gauge * f, in_b + gauge * g
        return in_C, in_a, in_b, None, None, None


def _adjoint(
    E: Tensor, a: Tensor, b: Tensor, of_rows: Tensor, of_columns: Tensor, of_f: Tensor, of_g: Tensor, met: bool
) -> tuple[Tensor, Tensor]:
    """``r l + a (E m) = of_f`` and ``c m + b (E^T l) = of_g`` for l (B, n) and m (B, m), the longer of which is eliminated."""
    if E.shape[-2] < E.shape[-1]:
        other, one = _adjoint(E.mT, b, a, of_columns, of_rows, of_g, of_f, met)
        return one, other
    back = b[..., :, None] * (E / of_rows[..., :, None]).mT
    system = torch.diag_embed(of_columns) - back @ (a[..., :, None] * E)
    if met:  # singular along b; what is added says that the solution has no total
        system = system + b[..., :, None]
    wanted = of_g[..., None] - back @ of_f[..., None]
    other = _solved(system, wanted)
    one = (of_f - a * (E @ other)[..., 0]) / of_rows
    return one, other[..., 0]


def _solved(system: Tensor, wanted: Tensor) -> Tensor:
    """The solution; a plan that falls apart into blocks leaves a constant of each open, and then there is none."""
    found, info = torch.linalg.solve_ex(system, wanted)
    if not holds(info == 0):
        raise NotConverged(
            "epsilon must be large enough for mass to pass between all parts of the plan, else potentials and their derivatives are not determined; received "
            "a plan that falls apart into blocks; raise epsilon"
        )
    return found.where(info[..., None, None] == 0, math.nan)  # inside a transform what holds cannot be seen
