"""Losses in torch, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import otgen

from .questions import Calls
from .row import Row, Truth, malformed
from .truths import FIXED, HAND, fixed_point, squares

X, Y = [[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]]
Loss = Callable[[Any, Any], Any]


def _tensors(*points: Any, kind: str = "float64") -> list[Any]:
    import torch

    return [torch.tensor(np.asarray(z), dtype=getattr(torch, kind)) for z in points]


def _pot_exact(p: float) -> Loss:
    def loss(x: Any, y: Any) -> Any:
        import ot

        C = ot.dist(x, y) if p == 2 else ot.dist(x, y, metric="euclidean")
        return ot.emd2(*(z.new_full((len(z),), 1 / len(z)) for z in (x, y)), C)

    return loss


def _geomloss(**options: Any) -> Loss:
    def loss(x: Any, y: Any) -> Any:
        from geomloss import SamplesLoss

        return SamplesLoss(backend="tensorized", **options)(x, y)

    return loss


def _pot_sliced(**options: Any) -> Loss:
    def loss(x: Any, y: Any) -> Any:
        import ot

        return ot.sliced_wasserstein_distance(x, y, n_projections=10, seed=0, **options)

    return loss


def _exact(p: float = 1) -> dict[str, Loss]:
    return {"otgen": lambda x, y: otgen.nn.wasserstein_loss(x, y, p=p), "POT dist, emd2": _pot_exact(p)}


def _entropic(p: float = 2, epsilon: float = 0.18) -> dict[str, Loss]:
    blur = (epsilon / 2) ** 0.5 if p == 2 else epsilon
    return {
        "otgen": lambda x, y: otgen.nn.sinkhorn_loss(x, y, p=p, epsilon=epsilon),
        "GeomLoss SamplesLoss": _geomloss(loss="sinkhorn", p=p, blur=blur),
    }


def _sliced(**options: Any) -> dict[str, Loss]:
    return {
        "otgen": lambda x, y: otgen.nn.sliced_wasserstein_loss(x, y, root=True, n_projections=10, **options),
        "POT sliced_wasserstein_distance": _pot_sliced(**options),
    }


def _energy() -> dict[str, Loss]:
    return {"otgen": lambda x, y: otgen.nn.mmd_loss(x, y), "GeomLoss SamplesLoss": _geomloss(loss="energy")}


def _gradient(losses: dict[str, Loss], x: Any, y: Any, **options: Any) -> Calls:
    """The largest entry of the gradient in x."""

    def largest(loss: Loss) -> float:
        one, other = _tensors(x, y, **options)
        one.requires_grad_()
        loss(one, other).backward()
        return one.grad.abs().max().item()

    return {who: (lambda loss=loss: largest(loss)) for who, loss in losses.items()}


def _scaled() -> Calls:
    def off(loss: Loss) -> float:
        gradients: list[Any] = []
        for factor in (-3, 3):
            x, y = _tensors(X, Y)
            (factor * loss(x.requires_grad_(), y)).backward()
            gradients.append(x.grad)
        return (gradients[0] + gradients[1]).abs().max().item()

    return {
        who: (lambda loss=loss: off(loss))
        for who, loss in (_exact(2) | {"GeomLoss SamplesLoss": _geomloss(loss="sinkhorn")}).items()
    }


def _value(losses: dict[str, Loss], *points: Any, **options: Any) -> Calls:
    return {who: (lambda loss=loss: loss(*_tensors(*points, **options))) for who, loss in losses.items()}


def _potential_without_mass() -> Calls:
    """d value / d weight at a point of no mass less that at the first point."""
    x = [*X, [3.0, 0.0]]

    def ours() -> float:
        u, v, a, b = _tensors(x, Y, [0.5, 0.5, 0.0], [0.5, 0.5])
        a.requires_grad_()
        otgen.nn.sinkhorn_loss(u, v, a, b, epsilon=0.18, debias=False, tol=1e-9).backward()
        return (a.grad[2] - a.grad[0]).item()

    def pots() -> float:
        import ot

        u, v, a, b = _tensors(x, Y, [0.5, 0.5, 0.0], [0.5, 0.5])
        a.requires_grad_()
        ot.solve_sample(u, v, a, b, reg=0.18, reg_type="KL").value.backward()  # pyright: ignore[reportAttributeAccessIssue]
        return (a.grad[2] - a.grad[0]).item()

    def geom() -> float:
        from geomloss import SamplesLoss

        u, v, a, b = _tensors(x, Y, [0.5, 0.5, 0.0], [0.5, 0.5])
        a.requires_grad_()
        SamplesLoss("sinkhorn", p=2, blur=0.3, scaling=0.95, debias=False, backend="tensorized")(a, u, b, v).backward()
        return 2 * (a.grad[2] - a.grad[0]).item()

    return {"otgen": ours, "POT solve_sample": pots, "GeomLoss SamplesLoss": geom}


def _without_mass() -> float:
    """By the soft c-transform of the second potential."""
    *_, b, C, g = fixed_point(squares(X, Y), 0.18)
    C = squares([*X, [3.0, 0.0]], Y)
    f = -0.18 * np.log((b * np.exp((g - C) / 0.18)).sum(1))
    return float(f[2] - f[0])


def _padded_slices(where: float) -> Calls:
    x, y = [[0.0], [1.0], [where]], [[1.0], [2.0]]

    def ours() -> Any:
        import torch

        u, v, a, b = _tensors(x, y, [0.5, 0.5, 0.0], [0.5, 0.5], kind="float32")
        return otgen.nn.sliced_wasserstein_loss(u, v, a, b, directions=torch.ones(1, 1), root=True)

    def pots() -> Any:
        import ot

        u, v, a, b = _tensors(x, y, [0.5, 0.5, 0.0], [0.5, 0.5], kind="float32")
        return ot.sliced_wasserstein_distance(u, v, a, b, n_projections=3, seed=0)

    return {"otgen": ours, "POT sliced_wasserstein_distance": pots}


def _gaussian_kernel() -> Calls:
    import torch

    g = torch.Generator().manual_seed(1)
    x = torch.randn(100, 8, generator=g)
    y = x + 1e-4 * torch.randn(100, 8, generator=g)
    geom = _geomloss(loss="gaussian", blur=2.0)
    return {
        "otgen": lambda: otgen.nn.mmd_loss(x, y, kernel="gaussian", scale=2.0),
        "GeomLoss SamplesLoss": lambda: 2 * geom(x, y),
    }


def _kernel_truth() -> float:
    import torch

    g = torch.Generator().manual_seed(1)
    x = torch.randn(100, 8, generator=g)
    y = x + 1e-4 * torch.randn(100, 8, generator=g)
    u, v = x.double().numpy(), y.double().numpy()
    one, across, other = (np.exp(-squares(s, t).astype(np.longdouble) / 8).mean() for s, t in ((u, u), (u, v), (v, v)))
    return float(one - 2 * across + other)


def _plan_mass(size: float) -> Calls:
    """The mass of the plan that a minibatch of flow matching is drawn from, float32."""

    def ours() -> float:
        x, y = _tensors(X, Y, kind="float32")
        return float(otgen.nn.flow_matching.PlanSampler().get_map(x * size, y * size).sum())

    def pots() -> float:
        import ot
        import torch

        x, y = _tensors(X, Y, kind="float32")
        return float(ot.emd([0.5, 0.5], [0.5, 0.5], (torch.cdist(x * size, y * size) ** 2).numpy()).sum())

    return {"otgen": ours, "POT emd": pots}


def _mixed_dtypes() -> Calls:
    import torch

    x, y = torch.tensor(X), torch.tensor(Y, dtype=torch.float64)
    return {
        who: (lambda loss=loss: loss(x, y))
        for who, loss in (_exact() | _entropic()).items()
        if who != "GeomLoss SamplesLoss"
    } | {"GeomLoss SamplesLoss": lambda: _geomloss(loss="sinkhorn", p=1, blur=1e-3)(x, y)}


REPEATED = np.repeat(np.arange(5.0) * 10, 2)[:, None], np.arange(5.0)[:, None] * 10
ROWS = [
    Row("coincident_gradient", "points against themselves, W_1: the largest entry of the gradient", Truth(0.0, "least subgradient"), lambda: _gradient(_exact(), X, X), "ott#152"),
    Row("coincident_entropic_gradient", "the same, entropic, p = 1", Truth(0.0, "by symmetry", absolute=1e-6), lambda: _gradient(_entropic(1), X, X), "ott#411"),
    Row("coincident_sliced_gradient", "the same, sliced, with the root", Truth(0.0, "least subgradient"), lambda: _gradient(_sliced(), X, X)),
    Row("coincident_energy_gradient", "the same, energy distance", Truth(0.0, "by symmetry"), lambda: _gradient(_energy(), X, X)),
    Row("scaled_gradient", "the gradient of -3 times a loss, and 3 times that of the loss: largest entry of their sum", Truth(0.0, "the chain rule", absolute=1e-12), _scaled, "POT#309"),
    Row("gradient_without_mass", "d value / d weight where the weight is 0, less that at the first point", Truth(_without_mass, FIXED, 1e-3), _potential_without_mass, "POT#34"),
    Row("mixed_dtypes", "float32 against float64 points; W_1", Truth(1.0, HAND, 1e-2), _mixed_dtypes),
    Row("half_precision", "float16 (60000, 0) against (-60000, 0), squared", Truth(1.44e10, HAND, 1e-2), lambda: _value(_exact(2), [[6e4, 0]], [[-6e4, 0]], kind="float16")),
    Row("half_precision_divergence", "the same, debiased", Truth(1.44e10, HAND, 1e-2), lambda: {who: _doubled(who, call) for who, call in _value(_entropic(2, 1e6), [[6e4, 0]], [[-6e4, 0]], kind="float16").items()}),
    Row("bfloat16_far", "bfloat16 1000, 1008 against 1016, 1024, squared", Truth(256.0, HAND, 1e-2), lambda: _value(_exact(2), [[1000.0, 0], [1008.0, 0]], [[1016.0, 0], [1024.0, 0]], kind="bfloat16")),
    Row("float8", "points of 8 bits", malformed("torch does not compute with them"), lambda: _value(_entropic(), X, Y, kind="float8_e4m3fn")),
    Row("nan_loss", "a NaN coordinate", malformed("NaN"), lambda: _value(_entropic(), [[math.nan, 0], [0, 0]], Y)),
    Row("whole_points_loss", "int64 points, W_1", Truth(1.0, HAND), lambda: _value(_exact(), X, Y, kind="int64")),
    Row("equal_laws_sliced", "float32 0, 0, 10, 10, .., 40, 40 against 0, 10, .., 40, sliced, p = 8", Truth(0.0, HAND, absolute=1e-5), lambda: _value(_sliced(p=8), *REPEATED, kind="float32"), "POT#218"),
    Row("padded_slices", "float32 0, 1 and no mass at 1e20 against 1, 2, sliced", Truth(1.0, HAND), lambda: _padded_slices(1e20)),
    Row("near_kernels", "float32 clouds 1e-4 apart, a Gaussian kernel's MMD", Truth(_kernel_truth, "the sums in long doubles", 0.1), _gaussian_kernel),
    Row("plan_of_large_points", "float32 points of 1e20: the mass of the plan that pairs are drawn from", Truth(1.0, "by definition"), lambda: _plan_mass(1e20), "torchcfm"),
    Row("plan_of_nan", "the same with NaN", malformed("NaN"), lambda: _plan_mass(math.nan), "torchcfm"),
]  # fmt: skip


def _doubled(who: str, call: Callable[[], Any]) -> Callable[[], Any]:
    """GeomLoss's cost is half ours."""
    return (lambda: 2 * call()) if who.startswith("GeomLoss") else call
