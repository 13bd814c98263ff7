"""The seam between torch and the numerics: operators that compilers and transforms take as they are.

Each operator turns tensors (..., n, d) into arrays (B, n, d), calls :mod:`._solves` in double precision, and turns the answer back.
Where points do not all count, ``counted`` (..., n + m) says which do. It says what shapes come out (for ``torch.compile``) and what a
batch of calls is (for ``torch.func.vmap``): one call with another leading dimension. Derivatives are functions around operators.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import is_installed
from ..kernels.double_double import total
from ..model.cost import unspelt
from . import _groups, _solves, _weights

Options = tuple[float, str, float, float, int, float, float, bool, bool]
_OPTIONS = (
    "float p, str metric, float q, float tol, int max_iter, float relax_x, float relax_y, bool symmetric, bool throw"
)
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
    throw: bool,
) -> tuple[_solves.Terms, bool]:
    """What :data:`Options` ask for, and whether the limit on iterations raises."""
    return _solves.Terms(p, _metric(metric, q), tol, max_iter, (relax_x, relax_y), symmetric, home(x)), throw


def home(x: Tensor) -> str:
    """Where pairs are computed: where the points live, if that is CUDA and cupy is there to reach it; else on the host."""
    reachable = x.device.type == "cuda" and torch.version.cuda is not None and is_installed("cupy")
    return str(x.device) if reachable else "cpu"


def _arrays(*tensors: Tensor, keep: int) -> list[np.ndarray]:
    """Tensors (..., n, d), (..., n) and (...,) as arrays with one leading axis; ``keep`` is how many leading axes there are."""
    return [_once(z.detach().reshape(-1, *z.shape[keep:])).numpy() for z in tensors]


def _once(z: Tensor) -> Tensor:
    """A tensor (B, ...) on the host in double precision; one that is the same for all B, as ``expand`` makes it, is copied once."""
    same = len(z) > 1 and z.stride(0) == 0
    return z[:1].to("cpu", torch.float64).expand(z.shape) if same else z.to("cpu", torch.float64)


def _points(counted: Tensor | None) -> np.ndarray | None:
    """Which points count, (B, n + m)."""
    return None if counted is None else counted.reshape(-1, counted.shape[-1]).cpu().numpy()


def _tensor(array: np.ndarray, like: Tensor, lead: torch.Size, dtype: torch.dtype | None = None) -> Tensor:
    return torch.from_numpy(np.array(array)).reshape(*lead, *array.shape[1:]).to(like.device, dtype or like.dtype)


def batched(operator: Any, tensors: int) -> None:
    """Say that a batch of calls is one call with another leading dimension; the first ``tensors`` arguments are tensors."""

    def rule(info: Any, in_dims: Any, *arguments: Any) -> tuple[Any, Any]:
        moved = [
            z if z is None else z.expand(info.batch_size, *z.shape) if at is None else z.movedim(at, 0)
            for z, at in zip(arguments[:tensors], in_dims[:tensors])
        ]
        out = operator(*moved, *arguments[tensors:])
        return out, tuple(0 for _ in out) if isinstance(out, tuple) else 0

    torch.library.register_vmap(operator, rule)


def _schema(more: str, results: int) -> str:
    """Of an operator on problems, as torch spells it: clouds, weights, epsilon and which points count, ``more`` tensors, and options."""
    tensors = "Tensor x, Tensor y, Tensor a, Tensor b, Tensor epsilon, Tensor? counted"
    return f"({tensors}, {more + ', ' if more else ''}{_OPTIONS}) -> ({', '.join(['Tensor'] * results)})"


@torch.library.custom_op("otgen::entropic", mutates_args=(), schema=_schema("", 3))
def entropic(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, epsilon: Tensor, counted: Tensor | None, *options: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Entropic values (...,) and potentials (..., n) and (..., m), float64: what is subtracted from them is subtracted unrounded."""
    lead = x.shape[:-2]
    terms, throw = _terms(x, *options)
    call, arrays = partial(_solves.entropic, terms, throw=throw), _arrays(x, y, a, b, epsilon, keep=len(lead))
    values, f, g = _groups.solved(call, _points(counted), "x y x y -", "- x y", *arrays)
    return (
        _tensor(values, x, lead, torch.float64),
        _tensor(f, x, lead, torch.float64),
        _tensor(g, y, lead, torch.float64),
    )


@torch.library.custom_op(
    "otgen::tightened", mutates_args=(), schema=_schema("Tensor values, Tensor f, Tensor g, Tensor tolerances", 3)
)
def tightened(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    counted: Tensor | None,
    values: Tensor,
    f: Tensor,
    g: Tensor,
    tolerances: Tensor,
    *options: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """What :func:`entropic` found, iterated further to marginal errors of ``tolerances`` (...,)."""
    lead = x.shape[:-2]
    terms, throw = _terms(x, *options)
    arrays = _arrays(x, y, a, b, epsilon, values, f, g, tolerances, keep=len(lead))
    call = partial(_solves.tightened, terms, throw=throw)
    found = _groups.solved(call, _points(counted), "x y x y - - x y -", "- x y", *arrays)
    one, two, three = (_tensor(z, like, lead, torch.float64) for z, like in zip(found, (x, x, y)))
    return one, two, three


def _like_entropic(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    return (
        x.new_empty(x.shape[:-2], dtype=torch.float64),
        x.new_empty(x.shape[:-1], dtype=torch.float64),
        y.new_empty(y.shape[:-1], dtype=torch.float64),
    )


entropic.register_fake(_like_entropic)
tightened.register_fake(_like_entropic)


@torch.library.custom_op("otgen::entropic_gradient", mutates_args=(), schema=_schema("Tensor f, Tensor g", 4))
def entropic_gradient(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    counted: Tensor | None,
    f: Tensor,
    g: Tensor,
    *options: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of entropic values at their potentials, in x, y, a and b."""
    lead = x.shape[:-2]
    terms, _ = _terms(x, *options)
    call, arrays = partial(_solves.entropic_gradients, terms), _arrays(x, y, a, b, epsilon, f, g, keep=len(lead))
    found = _groups.solved(call, _points(counted), "x y x y - x y", "x y x y", *arrays)
    one, two, three, four = (_tensor(part, z, lead) for part, z in zip(found, (x, y, a, b)))
    return one, two, three, four


@torch.library.custom_op(
    "otgen::entropic_hessian_product",
    mutates_args=(),
    schema=_schema("Tensor f, Tensor g, Tensor of_x, Tensor of_y, Tensor of_a, Tensor of_b", 4),
)
def entropic_hessian_product(
    x: Tensor,
    y: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    counted: Tensor | None,
    f: Tensor,
    g: Tensor,
    of_x: Tensor,
    of_y: Tensor,
    of_a: Tensor,
    of_b: Tensor,
    *options: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hessians of entropic values times directions in x, y, a and b."""
    lead = x.shape[:-2]
    terms, throw = _terms(x, *options)
    arrays = _arrays(x, y, a, b, epsilon, f, g, of_x, of_y, of_a, of_b, keep=len(lead))
    call = partial(_solves.entropic_hessian_product, terms, throw=throw)
    found = _groups.solved(call, _points(counted), "x y x y - x y x y x y", "x y x y", *arrays)
    one, two, three, four = (_tensor(part, z, lead) for part, z in zip(found, (x, y, a, b)))
    return one, two, three, four


def _like_inputs(x: Tensor, y: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), y.new_empty(y.shape), a.new_empty(a.shape), b.new_empty(b.shape)


entropic_gradient.register_fake(_like_inputs)
entropic_hessian_product.register_fake(_like_inputs)


Exact = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
_EXACT_AXES = "- kx ky k x y"
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
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, counted: Tensor | None, p: float, metric: str, q: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Exact costs (...,), plans as rows, columns and values (..., n + m), and potentials (..., n), (..., m); float64."""
    lead = x.shape[:-2]
    arrays = _arrays(x, y, a, b, keep=len(lead))
    call = partial(_solves.exact, p=p, metric=_metric(metric, q), device=home(x))
    found = _groups.solved(call, _points(counted), "x y x y", _EXACT_AXES, *arrays)
    return _exact_answers(found, a, b, lead)


@exact.register_fake
def _(x: Tensor, y: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    return _exact_shapes(a, b)


@torch.library.custom_op("otgen::mean_cost", mutates_args=())
def mean_cost(
    x: Tensor, y: Tensor, a: Tensor, b: Tensor, counted: Tensor | None, p: float, metric: str, q: float
) -> Tensor:
    """Mean costs ``sum a_i b_j c_ij``, float64: (...,)."""
    lead = x.shape[:-2]
    call = partial(_solves.mean_costs, p=p, metric=_metric(metric, q), device=home(x))
    means = _groups.solved(call, _points(counted), "x y x y", "-", *_arrays(x, y, a, b, keep=len(lead)))
    return _tensor(means, x, lead, torch.float64)


@mean_cost.register_fake
def _(x: Tensor, *rest: Any) -> Tensor:
    return x.new_empty(x.shape[:-2], dtype=torch.float64)


@torch.library.custom_op("otgen::checked_totals", mutates_args=())
def checked_totals(a: Tensor, b: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """The totals of a and b, (...,), once it is certain that both are weights and that totals agree, to a relative tolerance.

    To the last digit: weights of 0 leave no trace in the order of a sum.
    """
    lead = a.shape[:-1]
    one, other = _arrays(a, b, keep=len(lead))
    _weights.check_weights(one, other, tolerance)
    of_one, of_other = (_tensor(np.array([total(row) for row in z]), like, lead) for z, like in ((one, a), (other, b)))
    return of_one, of_other


@checked_totals.register_fake
def _(a: Tensor, b: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    return a.new_empty(a.shape[:-1]), b.new_empty(b.shape[:-1])


@torch.library.custom_op("otgen::counted", mutates_args=())
def counted(mask: Tensor, name: str) -> Tensor:
    """How many points of a mask (..., n) count, at least one: (...,)."""
    counts = mask.sum(-1)
    _groups.refuse_empty(counts.reshape(-1).cpu().numpy(), name)
    return counts


@counted.register_fake
def _(mask: Tensor, name: str) -> Tensor:
    return mask.new_empty(mask.shape[:-1], dtype=torch.int64)


@torch.library.custom_op("otgen::matrix_exact", mutates_args=())
def matrix_exact(
    C: Tensor, a: Tensor, b: Tensor, counted: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """As :func:`exact`, of listed costs (..., n, m)."""
    lead = C.shape[:-2]
    arrays = _arrays(C, a, b, keep=len(lead))
    found = _groups.solved(_solves.matrix_exact, _points(counted), "xy x y", _EXACT_AXES, *arrays)
    return _exact_answers(found, a, b, lead)


@matrix_exact.register_fake
def _(C: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    return _exact_shapes(a, b)


@torch.library.custom_op("otgen::matrix_potentials", mutates_args=())
def matrix_potentials(
    C: Tensor,
    a: Tensor,
    b: Tensor,
    epsilon: Tensor,
    counted: Tensor | None,
    tol: float,
    max_iter: int,
    relax_x: float,
    relax_y: float,
    throw: bool,
) -> tuple[Tensor, Tensor]:
    """Entropic potentials (..., n) and (..., m) of listed costs (..., n, m), float64."""
    lead = C.shape[:-2]
    terms = _solves.Terms(tol=tol, max_iter=max_iter, relax=(relax_x, relax_y))
    call, arrays = partial(_solves.matrix_potentials, terms, throw=throw), _arrays(C, a, b, epsilon, keep=len(lead))
    f, g = _groups.solved(call, _points(counted), "xy x y -", "x y", *arrays)
    return _tensor(f, a, lead, torch.float64), _tensor(g, b, lead, torch.float64)


@matrix_potentials.register_fake
def _(C: Tensor, a: Tensor, b: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    return a.new_empty(a.shape, dtype=torch.float64), b.new_empty(b.shape, dtype=torch.float64)


for _operator, _count in (
    (entropic, 6),
    (tightened, 10),
    (entropic_gradient, 8),
    (entropic_hessian_product, 12),
    (exact, 5),
    (mean_cost, 5),
    (checked_totals, 2),
    (counted, 1),
    (matrix_exact, 4),
    (matrix_potentials, 5),
):
    batched(_operator, _count)
