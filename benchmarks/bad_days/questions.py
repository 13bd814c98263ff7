"""The questions that rows ask, and how each library is asked: one function a question, from the input to calls by name."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import otgen

Calls = dict[str, Callable[[], Any]]
HIGHS_PAIRS = 2500  # more make a linear programme of scipy's slow, not wrong


def matrix(C: Any, a: Any = None, b: Any = None, **options: Any) -> Calls:
    """The least cost of moving a to b."""
    calls: Calls = {"otgen": lambda: otgen.transport(C, a, b, **options), "POT emd2": lambda: emd2(C, a, b)}
    shape = np.shape(C)
    if 0 < math.prod(shape) <= HIGHS_PAIRS:
        calls["scipy linprog"] = lambda: linprog(C, a, b)
    if a is None and b is None and len(shape) == 2 and shape[0] == shape[1]:
        calls["scipy linear_sum_assignment"] = lambda: assignment(C)
    return calls


def points(x: Any, y: Any, a: Any = None, b: Any = None, *, p: float = 2, metric: Any = "euclidean") -> Calls:
    """W_p of weighted points in any dimension."""
    calls: Calls = {
        "otgen": lambda: otgen.wasserstein(x, y, a, b, p=p, metric=metric),
        "POT dist, emd2": lambda: distances(x, y, a, b, p, metric),
    }
    if p == 1 and metric == "euclidean":
        calls["scipy wasserstein_distance_nd"] = lambda: nd(x, y, a, b)
    return calls


def line(x: Any, y: Any, a: Any = None, b: Any = None, *, p: float = 1) -> Calls:
    """W_p on the line."""
    calls: Calls = {
        "otgen": lambda: otgen.wasserstein(x, y, a, b, p=p),
        "POT wasserstein_1d": lambda: one_dimensional(x, y, a, b, p),
    }
    if p == 1:
        calls["scipy wasserstein_distance"] = lambda: scipy_line(x, y, a, b)
    return calls


def entropic(x: Any, y: Any, a: Any = None, b: Any = None, *, epsilon: float, **options: Any) -> Calls:
    """min <P, C> + epsilon KL(P, a b') with squared Euclidean costs."""
    return {
        "otgen": lambda: otgen.sinkhorn(x, y, a, b, epsilon=epsilon, tol=1e-9, max_iter=100_000, **options),
        "POT solve_sample": lambda: pot_entropic(x, y, a, b, epsilon),
        "GeomLoss SamplesLoss": lambda: geomloss(x, y, a, b, epsilon, debias=False),
        "OTT-JAX solve": lambda: ott(x, y, a, b, epsilon),
    }


def divergence(x: Any, y: Any, a: Any = None, b: Any = None, *, epsilon: float) -> Calls:
    """The debiased value: of x and y less half of each with itself."""
    return {
        "otgen": lambda: otgen.sinkhorn_divergence(x, y, a, b, epsilon=epsilon, tol=1e-9),
        "POT solve_sample": lambda: pot_entropic(x, y, a, b, epsilon, debias=True),
        "GeomLoss SamplesLoss": lambda: geomloss(x, y, a, b, epsilon, debias=True),
    }


# ------------------------------------------------------------------------------------------------------------------------ POT


def uniform(n: int) -> Any:
    """Weights 1 / n."""
    return np.full(n, 1 / n)


def emd2(C: Any, a: Any = None, b: Any = None, **options: Any) -> Any:
    """POT's exact value."""
    import ot

    C = np.asarray(C)
    return ot.emd2([] if a is None else np.asarray(a), [] if b is None else np.asarray(b), C, **options)


def distances(x: Any, y: Any, a: Any, b: Any, p: float, metric: Any) -> float:
    """POT's exact value of POT's own distances, over the mass and with the root."""
    import ot

    x, y = (np.asarray(z) for z in (x, y))
    x, y = (z[:, None] if z.ndim == 1 else z for z in (x, y))
    mass = 1.0 if a is None else float(np.sum(np.asarray(a, float)))
    if metric == "euclidean" and p == 2:
        return math.sqrt(float(emd2(ot.dist(x, y), a, b)) / mass)
    name, options = ("minkowski", {"p": metric.q}) if isinstance(metric, otgen.Minkowski) else (metric, {})
    return (float(emd2(ot.dist(x, y, metric=name, **options) ** p, a, b)) / mass) ** (1 / p)


def one_dimensional(x: Any, y: Any, a: Any, b: Any, p: float) -> float:
    """POT's value on the line, with the root that it leaves out."""
    import ot

    x, y = (np.asarray(z) for z in (x, y))
    a, b = (None if w is None else np.asarray(w) for w in (a, b))
    power = float(ot.wasserstein_1d(x, y, a, b, p=p))
    return power if math.isinf(p) else power ** (1 / p)


def pot_entropic(x: Any, y: Any, a: Any, b: Any, epsilon: float, debias: bool = False, **options: Any) -> Any:
    """POT's value with the relative entropy."""
    import ot

    x, y = (np.asarray(z) for z in (x, y))
    x, y = (z[:, None] if z.ndim == 1 else z for z in (x, y))
    a, b = (None if w is None else np.asarray(w) for w in (a, b))
    options = dict(tol=1e-9, max_iter=2000) | options

    def value(u: Any, v: Any, c: Any, d: Any) -> Any:
        return ot.solve_sample(u, v, c, d, reg=epsilon, reg_type="KL", **options).value  # pyright: ignore[reportAttributeAccessIssue]

    return value(x, y, a, b) - (value(x, x, a, a) + value(y, y, b, b)) / 2 if debias else value(x, y, a, b)


# ---------------------------------------------------------------------------------------------------------------------- scipy


def linprog(C: Any, a: Any = None, b: Any = None) -> float:
    """HiGHS through scipy; status 0 only."""
    import scipy.optimize
    import scipy.sparse

    C = np.asarray(C)
    n, m = C.shape
    sums = scipy.sparse.vstack(
        [
            scipy.sparse.kron(scipy.sparse.eye_array(n), np.ones((1, m))),
            scipy.sparse.kron(np.ones((1, n)), scipy.sparse.eye_array(m)),
        ]
    )
    masses = [uniform(k) if w is None else np.asarray(w) for w, k in ((a, n), (b, m))]
    found: Any = scipy.optimize.linprog(C.ravel(), A_eq=sums, b_eq=np.concatenate(masses), method="highs")
    if found.status != 0:
        raise ValueError(f"scipy: {found.message}")
    return found.fun


def assignment(C: Any) -> float:
    """scipy's assignment: equally many points of equal weight."""
    import scipy.optimize

    C = np.asarray(C)
    rows, columns = scipy.optimize.linear_sum_assignment(C)
    return math.fsum(C[rows, columns]) / len(C)


def nd(x: Any, y: Any, a: Any, b: Any) -> Any:
    """scipy's W_1 in any dimension."""
    import scipy.stats

    return scipy.stats.wasserstein_distance_nd(x, y, a, b)


def scipy_line(x: Any, y: Any, a: Any, b: Any) -> Any:
    """scipy's W_1 on the line."""
    import scipy.stats

    return scipy.stats.wasserstein_distance(x, y, a, b)


# ------------------------------------------------------------------------------------------------------------------- GeomLoss


def tensors(*arrays: Any, **options: Any) -> list[Any]:
    """As GeomLoss takes them: points are (n, d)."""
    import torch

    out = [None if z is None else torch.as_tensor(np.asarray(z), **options) for z in arrays]
    return [z[:, None] if k < 2 and z is not None and z.ndim == 1 else z for k, z in enumerate(out)]


def geomloss(x: Any, y: Any, a: Any, b: Any, epsilon: float, *, debias: bool, scaling: float = 0.95) -> float:
    """GeomLoss with p = 2, whose cost is half ours: blur^2 = epsilon / 2."""
    from geomloss import SamplesLoss

    loss = SamplesLoss(
        "sinkhorn", p=2, blur=math.sqrt(epsilon / 2), scaling=scaling, debias=debias, backend="tensorized"
    )
    x, y, a, b = tensors(x, y, a, b)
    return 2 * float(loss(x, y) if a is None and b is None else loss(a, x, b, y))


def ott(x: Any, y: Any, a: Any, b: Any, epsilon: float) -> float:
    """OTT-JAX in double precision; its value has the relative entropy."""
    jax, pointcloud, linear = map(importlib.import_module, ("jax", "ott.geometry.pointcloud", "ott.solvers.linear"))
    jax.config.update("jax_enable_x64", True)
    x, y = (jax.numpy.asarray(z if np.ndim(z) == 2 else np.asarray(z)[:, None]) for z in (x, y))
    geometry = pointcloud.PointCloud(x, y, epsilon=epsilon)
    return float(linear.solve(geometry, a, b, threshold=1e-9, max_iterations=100_000).reg_ot_cost)
