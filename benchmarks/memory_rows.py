"""What is measured by ``benchmarks.memory``: calls, their sizes, and what each is expected to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

import otgen

INF = float("inf")
Call = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One measurement: ``make(row)`` returns the call to be measured, its data made, and the problem it solves, if it solves one."""

    group: str
    n: int
    m: int
    d: int
    make: Callable[[Row], tuple[Call, Any]]
    dtype: str = "float64"
    p: float = 2
    note: str = ""

    def expected(self, problem: Any) -> float:
        """Bytes beside the data: of a problem as `Auto.expected` has it, else by what the call holds."""
        if problem is not None:
            return otgen.solvers.Auto().expected(problem).grows
        return HELD[self.group](self)


def clouds(row: Row) -> tuple[Any, Any, Any, Any]:
    """x uniform in the unit cube, y normal around its centre, weights unequal."""
    rng = np.random.default_rng(0)
    x, y = rng.random((row.n, row.d)), rng.normal(0.5, 0.2, (row.m, row.d))
    a, b = rng.uniform(0.5, 1.5, row.n), rng.uniform(0.5, 1.5, row.m)
    return x.astype(row.dtype), y.astype(row.dtype), a / a.sum(), b / b.sum()


def points(row: Row) -> tuple[Call, Any]:
    """Exact transport between points, by whatever solver suits."""
    x, y, a, b = clouds(row)
    if row.note == "uniform":
        a = b = None
    problem = otgen.Problem.from_points(x, y, a, b, p=row.p)
    return lambda: otgen.wasserstein(x, y, a, b, p=row.p), problem


def circle(row: Row) -> tuple[Call, Any]:
    """Exact transport between angles."""
    x, y, a, b = clouds(row)
    if row.note == "uniform":
        a = b = None
    x, y = x[:, 0] * 300, y[:, 0] * 300
    problem = otgen.Problem.from_points(x, y, a, b, p=row.p, metric=otgen.Circular(360))
    return lambda: otgen.wasserstein(x, y, a, b, p=row.p, metric=otgen.Circular(360)), problem


def matrix(row: Row) -> tuple[Call, Any]:
    """Exact transport with a dense matrix."""
    x, y, a, b = clouds(replace(row, d=2))
    costs = ((x[:, None, 0] - y[None, :, 0]) ** 2 + (x[:, None, 1] - y[None, :, 1]) ** 2).astype(row.dtype)
    return lambda: otgen.transport(costs, a, b), otgen.Problem.from_matrix(costs, a, b)


def sparse(row: Row) -> tuple[Call, Any]:
    """Exact transport with a sparse matrix of ``row.d`` pairs a source."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(row.n), row.d)
    columns = rng.integers(0, row.m, rows.size)
    ring = np.arange(row.n), np.arange(row.n) % row.m
    values = rng.uniform(1, 2, rows.size + row.n)
    costs = scipy.sparse.coo_array(
        (values, (np.concatenate([rows, ring[0]]), np.concatenate([columns, ring[1]]))), (row.n, row.m)
    ).tocsr()
    return lambda: otgen.transport(costs), otgen.Problem.from_matrix(costs)


def partial(row: Row) -> tuple[Call, Any]:
    """Partial transport between points: exact transport beside a dummy."""
    x, y, a, b = clouds(row)
    return lambda: otgen.partial_wasserstein(x, y, a, b, penalty=0.02), otgen.Problem.from_points(x, y, a, b)


def forbidden(row: Row) -> tuple[Call, Any]:
    """Exact transport with a dense matrix, one entry of which is forbidden."""
    costs = np.random.default_rng(0).uniform(1, 2, (row.n, row.m))
    costs[0, 0] = INF
    return lambda: otgen.transport(costs), otgen.Problem.from_matrix(costs)


def entropic(row: Row) -> tuple[Call, Any]:
    """Entropic transport between points; ``note`` is the relative epsilon."""
    x, y, a, b = clouds(row)
    problem = otgen.Problem.from_points(x, y, a, b, epsilon=0.05)
    tol = float(row.note or 1e-3)
    return lambda: otgen.sinkhorn(x, y, a, b, epsilon=0.05, tol=tol), problem


def entropic_matrix(row: Row) -> tuple[Call, Any]:
    """Entropic transport with a dense matrix."""
    x, y, a, b = clouds(replace(row, d=2))
    costs = ((x[:, None, 0] - y[None, :, 0]) ** 2 + (x[:, None, 1] - y[None, :, 1]) ** 2).astype(row.dtype)
    return lambda: otgen.transport(costs, a, b, epsilon=0.05), otgen.Problem.from_matrix(costs, a, b, epsilon=0.05)


def divergence(row: Row) -> tuple[Call, Any]:
    """Sinkhorn divergence."""
    x, y, a, b = clouds(row)
    return lambda: otgen.sinkhorn_divergence(x, y, a, b, epsilon=0.05, tol=1e-3), None


def gradients(row: Row) -> tuple[Call, Any]:
    """Gradients of a result that is there."""
    x, y, a, b = clouds(row)
    result = otgen.sinkhorn(x, y, a, b, epsilon=0.05, tol=1e-3) if row.note else otgen.wasserstein(x, y, a, b)
    return (lambda: result.gradients()), None


def audit(row: Row) -> tuple[Call, Any]:
    """An audit of a permutation and potentials of zero."""
    x, y, _, _ = clouds(row)
    plan, potentials = np.arange(row.n), (np.zeros(row.n), np.zeros(row.m))
    return lambda: otgen.audit(x, y, plan=plan, potentials=potentials), None


def sliced(row: Row) -> tuple[Call, Any]:
    """Sliced distances."""
    x, y, a, b = clouds(row)
    if row.note == "uniform":
        a = b = None
    return lambda: otgen.sliced_wasserstein(x, y, a, b, n_projections=100, rng=0), None


def two_sample(row: Row) -> tuple[Call, Any]:
    """Energy and MMD tests; ``note`` is the distance."""
    x, y, _, _ = clouds(row)
    return lambda: otgen.two_sample_test(x, y, distance=row.note, n_permutations=99, rng=0), None


def mmd(row: Row) -> tuple[Call, Any]:
    """The MMD loss and its gradient."""
    import torch

    from otgen import nn

    x, y = (torch.tensor(z, requires_grad=True) for z in clouds(row)[:2])
    return lambda: nn.mmd_loss(x, y, kernel=row.note).backward(), None


def batch(row: Row) -> tuple[Call, Any]:
    """``row.m`` problems of ``row.n`` points a side."""
    rng = np.random.default_rng(0)
    xs, ys = rng.random((2, row.m, row.n, row.d)).astype(row.dtype)
    if row.note == "entropic":
        return lambda: otgen.sinkhorn_batch(xs, ys, epsilon=0.05, tol=1e-3), None
    return lambda: otgen.wasserstein_batch(xs, ys), None


def pairwise(row: Row) -> tuple[Call, Any]:
    """All pairs of ``row.m`` sets of ``row.n`` points."""
    sets = np.random.default_rng(0).random((row.m, row.n, row.d)).astype(row.dtype)
    return lambda: otgen.pairwise(sets, bounds=row.note == "bounds", n_jobs=1), None


def _points(row: Row) -> float:
    return (row.n + row.m) / 2


def _piece(row: Row) -> float:
    """A product of coordinates, four million entries at a time, and what is made of it: where there are too many dimensions for cells."""
    return 16 * min(4e6, row.n * row.m) if row.d > 3 else 0.0


def _kept(row: Row) -> float:
    """Inner products of all pairs in double precision, where they are kept between sweeps."""
    return 8.0 * row.n * row.m if row.d > 10 and 8 * row.n * row.m <= 2**28 else 0.0


# What other calls hold, in bytes: fitted where no array stands out.
HELD: dict[str, Callable[[Row], float]] = {
    "divergence": lambda row: _piece(row) + _kept(row) + _points(row) * (3000 + 3 * 79 * row.d if row.d > 3 else 1300),
    "gradients": lambda row: _points(row) * (200 + (50 if row.note else 137) * row.d),
    "audit": lambda row: _piece(row) + _points(row) * (350 + 34 * row.d),
    "sliced": lambda row: (row.n + row.m) * (145 + 8 * row.d + 40 * (row.note == "uniform")),
    # A piece of pairs; where there are several, the allocator has not given the one before back.
    "two-sample test": lambda row: 8 * 4e6 * (2 if (row.n + row.m) ** 2 > 2**22 else 1) + (row.n + row.m) * 2400,
    "MMD loss": lambda row: 50.0 * row.n * row.m,  # kernels of three pairs of clouds, and autograd's
    "batch": lambda row: row.m * (8 * row.n**2 + 7200 if row.note else 200 + 135 * row.n),
    "pairwise": lambda row: (24 if row.note else 8) * row.m**2 + min(37e6, 37.0 * row.m**2),
}

ROWS: list[Row] = [
    *(Row("simplex", n, n, 2, points) for n in (1000, 3000, 10_000, 30_000)),
    *(Row("simplex", n, n, 3, points) for n in (3000, 10_000, 30_000)),
    Row("simplex", 3000, 12_000, 2, points),
    Row("simplex", 20_000, 2_000, 3, points),
    Row("simplex", 10_000, 10_000, 2, points, p=1),
    Row("simplex", 10_000, 10_000, 2, points, note="uniform"),
    Row("simplex", 10_000, 10_000, 2, points, dtype="float32"),
    *(Row("simplex", n, n, 16, points) for n in (1000, 3000, 8000)),
    *(Row("simplex", n, n, 64, points) for n in (1000, 3000, 8000)),
    Row("simplex", 8000, 8000, 64, points, dtype="float32"),
    Row("simplex", 2000, 10_000, 16, points),
    *(Row("matrix", n, n, 1, matrix) for n in (500, 1000, 2000, 4000)),
    Row("matrix", 4000, 4000, 1, matrix, dtype="float32"),
    Row("matrix", 1000, 6000, 1, matrix),
    *(Row("forbidden", n, n, 1, forbidden) for n in (500, 1000, 2000)),
    *(Row("sparse", n, n, k, sparse) for n, k in ((3000, 10), (10_000, 10), (10_000, 50))),
    *(Row("partial", n, n, d, partial) for n, d in ((3000, 2), (10_000, 2), (10_000, 3), (3000, 16))),
    *(
        Row("bottleneck", n, n, d, points, p=INF, note="uniform")
        for n, d in ((3000, 2), (10_000, 2), (10_000, 3), (5000, 16))
    ),
    *(Row("bottleneck", n, n, 2, points, p=INF) for n in (3000, 8000)),
    Row("bottleneck", 2000, 8000, 2, points, p=INF, note="uniform"),
    Row("bottleneck", 10_000, 10_000, 2, points, p=INF, note="uniform", dtype="float32"),
    *(
        Row("line", n, m, 1, points, p=p)
        for n, m, p in (
            (100_000, 100_000, 2),
            (1_000_000, 1_000_000, 2),
            (1_000_000, 200_000, 2),
            (300_000, 300_000, 1),
            (300_000, 300_000, INF),
        )
    ),
    Row("line", 1_000_000, 1_000_000, 1, points, note="uniform"),
    Row("line", 1_000_000, 1_000_000, 1, points, dtype="float32"),
    *(Row("sinkhorn", n, n, d, entropic) for n, d in ((1000, 2), (10_000, 2), (20_000, 2), (10_000, 16), (5000, 64))),
    Row("sinkhorn", 3000, 12_000, 3, entropic),
    Row("sinkhorn", 5000, 5000, 64, entropic, dtype="float32"),
    Row("sinkhorn", 5000, 5000, 2, entropic, note="1e-6"),
    *(Row("held", n, n, 2, entropic) for n in (100, 250)),
    *(Row("entropic matrix", n, n, 1, entropic_matrix) for n in (1000, 3000)),
    Row("entropic matrix", 3000, 3000, 1, entropic_matrix, dtype="float32"),
    *(Row("divergence", n, n, d, divergence) for n, d in ((10_000, 2), (5000, 64))),
    *(Row("gradients", n, n, d, gradients) for n, d in ((10_000, 2), (30_000, 2), (5000, 64))),
    *(Row("gradients", n, n, d, gradients, note="entropic") for n, d in ((10_000, 2), (10_000, 64))),
    *(Row("audit", n, n, d, audit) for n, d in ((10_000, 2), (30_000, 2), (10_000, 64))),
    *(Row("sliced", n, n, d, sliced) for n, d in ((10_000, 2), (100_000, 3), (30_000, 64))),
    Row("sliced", 100_000, 100_000, 3, sliced, note="uniform"),
    *(Row("two-sample test", n, n, 3, two_sample, note=name) for name in ("energy", "mmd") for n in (1000, 3000)),
    *(Row("MMD loss", n, n, d, mmd, note=name) for name in ("energy", "gaussian") for n, d in ((3000, 2), (6000, 16))),
    *(Row("batch", n, m, 2, batch) for n, m in ((16, 10_000), (64, 2000), (200, 300))),
    *(Row("batch", n, m, 2, batch, note="entropic") for n, m in ((16, 10_000), (64, 2000))),
    *(Row("pairwise", n, m, 2, pairwise) for n, m in ((20, 1000), (500, 60))),
    Row("pairwise", 20, 1000, 2, pairwise, note="bounds"),
]

# Sizes, shapes and dimensions that nothing was fitted to.
FRESH: list[Row] = [
    Row("simplex", 22_000, 22_000, 2, points),
    Row("simplex", 6000, 25_000, 3, points, dtype="float32"),
    Row("simplex", 5000, 5000, 5, points),
    Row("simplex", 5000, 5000, 5, points, p=1),
    Row("simplex", 4000, 9000, 30, points, dtype="float32"),
    Row("simplex", 6000, 6000, 100, points),
    Row("simplex", 5000, 5000, 30, points, note="uniform"),
    Row("simplex", 900, 900, 30, points, note="uniform"),
    Row("matrix", 2500, 2500, 1, matrix),
    Row("matrix", 1500, 5000, 1, matrix, dtype="float32"),
    Row("forbidden", 700, 1500, 1, forbidden),
    Row("sparse", 20_000, 20_000, 25, sparse),
    Row("sparse", 30_000, 5000, 12, sparse),
    Row("partial", 5000, 5000, 5, partial),
    Row("partial", 3000, 7000, 30, partial),
    Row("bottleneck", 4000, 4000, 5, points, p=INF, note="uniform"),
    Row("line", 1_000_000, 600_000, 1, points, note="uniform"),
    Row("line", 700_000, 1_200_000, 1, points, p=3, dtype="float32"),
    Row("circle", 200_000, 150_000, 1, circle),
    Row("circle", 200_000, 200_000, 1, circle, p=1, note="uniform"),
    Row("sinkhorn", 12_000, 18_000, 2, entropic),
    Row("sinkhorn", 8000, 8000, 5, entropic),
    Row("sinkhorn", 4000, 7000, 30, entropic, dtype="float32"),
    Row("sinkhorn", 6000, 6000, 30, entropic),
    Row("sinkhorn", 3000, 3000, 100, entropic),
    Row("entropic matrix", 2000, 3500, 1, entropic_matrix),
    Row("divergence", 3000, 4000, 30, divergence),
    Row("gradients", 8000, 8000, 30, gradients, note="entropic"),
    Row("gradients", 4000, 6000, 100, gradients),
    Row("audit", 6000, 6000, 100, audit),
    Row("sliced", 60_000, 90_000, 5, sliced),
    Row("two-sample test", 2000, 2500, 30, two_sample, note="energy"),
    Row("MMD loss", 3000, 3000, 30, mmd, note="gaussian"),
    Row("batch", 100, 3000, 5, batch),
    Row("batch", 40, 4000, 2, batch, note="entropic"),
]
