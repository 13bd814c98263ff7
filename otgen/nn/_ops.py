"""The seam between torch and the numerics: operators that compilers and transforms take as they are.

Each operator turns tensors (..., n, d) into arrays (B, n, d), calls :mod:`otgen.differentiable` in double precision, and turns the
answer back. It says what shapes come out (for ``torch.compile``) and what a batch of calls is (for ``torch.func.vmap``): one
call with another leading dimension. Gradients are autograd functions around operators, up to the second order.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..model.cost import unspelt
from . import _solves, _weights

Options = tuple[float, str, float, float, int, float, float, bool, bool]
Solving = tuple[
    float, int, float, float, bool
]  # tolerance, limit on iterations, both strengths, whether the limit raises


def _metric(name: str, q: float) -> Any:
    return unspelt(name, q)


def _terms(
    x: Tensor,
    p: float,
    metric: str,
    q: float,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    symmetric: bool,
) -> Any:
    return _solves.Terms(p, _metric(metric, q), tol, max_iter, (relax_x, relax_y), symmetric, _home(x))


def _home(x: Tensor) -> str:
    """Where pairs are computed: where the points live, if that is CUDA and cupy is there to reach it; else on the host."""
    reachable = (
        x.device.type == "cuda" and torch.version.cuda is not None and importlib.util.find_spec("cupy") is not None
    )
    return str(x.device) if reachable else "cpu"


def _arrays(*tensors: Tensor, keep: int) -> list[np.ndarray]:
    """Tensors (..., n, d), (..., n) and (...,) as arrays with one leading axis; ``keep`` is how many leading axes there are."""
    return [z.detach().reshape(-1, *z.shape[keep:]).to("cpu", torch.float64).numpy() for z in tensors]


def _tensor(array: np.ndarray, like: Tensor, lead: torch.Size, dtype: torch.dtype | None = None) -> Tensor:
    return torch.from_numpy(np.array(array)).reshape(*lead, *array.shape[1:]).to(like.device, dtype or like.dtype)


def _batched(operator: Any, tensors: int) -> None:
    """Say that a batch of calls is one call with another leading dimension; the first ``tensors`` arguments are tensors."""

    def rule(info: Any, in_dims: Any, *arguments: Any) -> tuple[Any, Any]:
        moved = [
            z.expand(info.batch_size, *z.shape) if at is None else z.movedim(at, 0)
            for z, at in zip(arguments[:tensors], in_dims[:tensors])
        ]
        out = operator(*moved, *arguments[tensors:])
        return out, tuple(0 for _ in out) if isinstance(out, tuple) else 0

    torch.library.register_vmap(operator, rule)


@torch.library.custom_op("otgen::entropic", mutates_args=())
def entropic(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    p: float,
    metric: str,
    q: float,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    symmetric: bool,
    throw: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Entropic values (...,) and potentials (..., n) and (..., m), float64: what is subtracted from them is subtracted unrounded."""
    lead = x.shape[:-2]
    terms = _terms(x, p, metric, q, tol, max_iter, relax_x, relax_y, symmetric)
    values, f, g = _solves.entropic(terms, *_arrays(x, y, a, b, epsilon, keep=len(lead)), throw=throw)
    return (
        _tensor(values, x, lead, torch.float64),
        _tensor(f, x, lead, torch.float64),
        _tensor(g, y, lead, torch.float64),
    )


@entropic.register_fake
def _(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    return (
        x.new_empty(x.shape[:-2], dtype=torch.float64),
        x.new_empty(x.shape[:-1], dtype=torch.float64),
        y.new_empty(y.shape[:-1], dtype=torch.float64),
    )


@torch.library.custom_op("otgen::entropic_gradient", mutates_args=())
def entropic_gradient(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    f: Tensor,
    g: Tensor,
    p: float,
    metric: str,
    q: float,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    symmetric: bool,
    throw: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of entropic values at their potentials, in x, y, a and b."""
    lead = x.shape[:-2]
    terms = _terms(x, p, metric, q, tol, max_iter, relax_x, relax_y, symmetric)
    found = _solves.entropic_gradients(terms, *_arrays(x, y, a, b, epsilon, f, g, keep=len(lead)))
    one, two, three, four = (_tensor(part, z, lead) for part, z in zip(found, (x, y, a, b)))
    return one, two, three, four


@torch.library.custom_op("otgen::entropic_hessian_product", mutates_args=())
def entropic_hessian_product(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    f: Tensor,
    g: Tensor,
    of_x: Tensor,
    of_y: Tensor,
    of_a: Tensor,
    of_b: Tensor,
    p: float,
    metric: str,
    q: float,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    symmetric: bool,
    throw: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hessians of entropic values times directions in x, y, a and b."""
    lead = x.shape[:-2]
    terms = _terms(x, p, metric, q, tol, max_iter, relax_x, relax_y, symmetric)
    arrays = _arrays(x, y, a, b, epsilon, f, g, of_x, of_y, of_a, of_b, keep=len(lead))
    found = _solves.entropic_hessian_product(terms, *arrays, throw=throw)
    one, two, three, four = (_tensor(part, z, lead) for part, z in zip(found, (x, y, a, b)))
    return one, two, three, four


def _like_inputs(x: Tensor, y: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), y.new_empty(y.shape), a.new_empty(a.shape), b.new_empty(b.shape)


entropic_gradient.register_fake(_like_inputs)
entropic_hessian_product.register_fake(_like_inputs)


Exact = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
_EXACT = (torch.float64, torch.int64, torch.int64, torch.float64, torch.float64, torch.float64)


def _exact_answers(found: tuple[np.ndarray, ...], a: Tensor, b: Tensor, lead: torch.Size) -> Exact:
    """Costs, plans and potentials of exact problems with weights a (..., n) and b (..., m) as tensors."""
    likes = (a, a, a, a, a, b)
    costs, rows, columns, values, f, g = (_tensor(z, like, lead, kind) for z, like, kind in zip(found, likes, _EXACT))
    return costs, rows, columns, values, f, g


def _exact_shapes(a: Tensor, b: Tensor) -> Exact:
    """Tensors of the shapes that :func:`_exact_answers` has."""
    entries = (*a.shape[:-1], a.shape[-1] + b.shape[-1])
    shapes = (a.shape[:-1], entries, entries, entries, a.shape, b.shape)
    costs, rows, columns, values, f, g = (a.new_empty(shape, dtype=kind) for shape, kind in zip(shapes, _EXACT))
    return costs, rows, columns, values, f, g


@torch.library.custom_op("otgen::exact", mutates_args=())
def exact(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, p: float, metric: str, q: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Exact costs (...,), plans as rows, columns and values (..., n + m), and potentials (..., n), (..., m); float64."""
    lead = x.shape[:-2]
    arrays = _arrays(x, y, a, b, keep=len(lead))
    found = _solves.exact(*arrays, p=p, metric=_metric(metric, q), device=_home(x))
    return _exact_answers(found, a, b, lead)


@exact.register_fake
def _(x: Tensor, y: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    return _exact_shapes(a, b)


@torch.library.custom_op("otgen::mean_cost", mutates_args=())
def mean_cost(x: Tensor, y: Tensor, a: Tensor, b: Tensor, p: float, metric: str, q: float) -> Tensor:
    """Mean costs ``sum a_i b_j c_ij``, float64: (...,)."""
    lead = x.shape[:-2]
    means = _solves.mean_costs(*_arrays(x, y, a, b, keep=len(lead)), p=p, metric=_metric(metric, q), device=_home(x))
    return _tensor(means, x, lead, torch.float64)


@mean_cost.register_fake
def _(x: Tensor, *rest: Any) -> Tensor:
    return x.new_empty(x.shape[:-2], dtype=torch.float64)


@torch.library.custom_op("otgen::checked_total", mutates_args=())
def checked_total(a: Tensor, b: Tensor, tolerance: float) -> Tensor:
    """The total of a, (...,), once it is certain that both are weights and b has the same, to a relative tolerance."""
    lead = a.ndim - 1
    one, other = _arrays(a, b, keep=lead)
    _weights.check_weights(one, other, tolerance)
    return a.sum(-1)


@checked_total.register_fake
def _(a: Tensor, b: Tensor, tolerance: float) -> Tensor:
    return a.new_empty(a.shape[:-1])


@torch.library.custom_op("otgen::matrix_exact", mutates_args=())
def matrix_exact(C: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """As :func:`exact`, of listed costs (..., n, m)."""
    lead = C.shape[:-2]
    found = _solves.matrix_exact(*_arrays(C, a, b, keep=len(lead)))
    return _exact_answers(found, a, b, lead)


@matrix_exact.register_fake
def _(C: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    return _exact_shapes(a, b)


@torch.library.custom_op("otgen::matrix_potentials", mutates_args=())
def matrix_potentials(
    C: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    throw: bool,
) -> tuple[Tensor, Tensor]:
    """Entropic potentials (..., n) and (..., m) of listed costs (..., n, m), float64."""
    lead = C.shape[:-2]
    terms = _solves.Terms(tol=tol, max_iter=max_iter, relax=(relax_x, relax_y))
    f, g = _solves.matrix_potentials(terms, *_arrays(C, a, b, epsilon, keep=len(lead)), throw=throw)
    return _tensor(f, a, lead, torch.float64), _tensor(g, b, lead, torch.float64)


@matrix_potentials.register_fake
def _(C: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return a.new_empty(a.shape, dtype=torch.float64), b.new_empty(b.shape, dtype=torch.float64)


for _operator, _count in (
    (entropic, 5),
    (entropic_gradient, 7),
    (entropic_hessian_product, 11),
    (exact, 4),
    (mean_cost, 4),
    (checked_total, 2),
    (matrix_exact, 3),
    (matrix_potentials, 4),
):
    _batched(_operator, _count)


class EntropicGradient(torch.autograd.Function):
    """The gradient of :class:`EntropicValue`; its own derivative is by implicit differentiation."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, y: Tensor, a: Tensor, b: Tensor, epsilon: Tensor, f: Tensor, g: Tensor, options: Options
    ) -> Any:
        """The gradients in x, y, a and b."""
        return entropic_gradient(x, y, a, b, epsilon, f, g, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the Hessian needs."""
        ctx.save_for_backward(*inputs[:7])
        ctx.options = inputs[7]

    @staticmethod
    def backward(ctx: Any, *along: Any) -> Any:
        """The Hessian times a direction."""
        x, y, a, b = entropic_hessian_product(*ctx.saved_tensors, *along, *ctx.options)
        return x, y, a, b, None, None, None, None


class EntropicValue(torch.autograd.Function):
    """Entropic values (...,) of probabilities, with their potentials (not differentiable here)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, a: Tensor, b: Tensor, epsilon: Tensor, options: Options) -> Any:
        """Value and potentials."""
        return entropic(x, y, a, b, epsilon, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep inputs and potentials: the gradient needs one more pass over the pairs, and only if it is asked for."""
        ctx.save_for_backward(*inputs[:5], output[1], output[2])
        ctx.mark_non_differentiable(output[1], output[2])
        ctx.options = inputs[5]

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        """The envelope gradient, times what comes in."""
        x, y, a, b = EntropicGradient.apply(*ctx.saved_tensors, ctx.options)
        points, weights = incoming[0][..., None, None], incoming[0][..., None]
        one, two, three, four = (
            (factor * z).to(z.dtype) for factor, z in ((points, x), (points, y), (weights, a), (weights, b))
        )
        return one, two, three, four, None, None


def entropic_value(x: Tensor, y: Tensor, a: Tensor, b: Tensor, epsilon: Tensor, options: Options) -> Tensor:
    """Differentiable entropic values (...,)."""
    apply: Callable[..., Any] = EntropicValue.apply
    return apply(x, y, a, b, epsilon, options)[0]
