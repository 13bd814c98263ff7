"""Losses of tensors on a GPU: their pairs are computed there. The GPU is emulated, see :mod:`emulated`; the tensors are told to be there."""

import sys
from types import SimpleNamespace

import emulated
import numpy as np
import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn
from otgen.kernels import sinkhorn_small
from otgen.model.plan import EntropicPlan
from otgen.nn import _ops

pytestmark = pytest.mark.skipif(emulated.COMPILER is None, reason="needs g++")


@pytest.fixture(autouse=True)
def _device():
    with emulated.device():
        yield


@pytest.fixture
def _no_problem_is_small(monkeypatch):
    """The emulated device is too slow for a problem that is not."""
    monkeypatch.setattr(sinkhorn_small, "PAIRS", 0)


LOSSES = [
    nn.SinkhornLoss(0.1, tol=1e-9),
    nn.SinkhornLoss(0.1, p=1, relax=0.5, tol=1e-9),
    nn.WassersteinLoss(2),
]


def derivatives(loss, x, y):
    value = loss(x, y)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (bend,) = torch.autograd.grad((slope * torch.linspace(0, 1, slope.numel()).reshape(slope.shape)).sum(), x)
    return value.detach(), slope.detach(), bend


@pytest.mark.usefixtures("_no_problem_is_small")
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_values_and_derivatives_are_those_of_the_host(loss, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(n, 2, generator=generator, dtype=torch.float64) for n in (24, 20))
    x.requires_grad_()
    here = derivatives(loss, x, y)
    assert not emulated.launched
    monkeypatch.setattr(_ops, "home", lambda x: "cuda:0")
    there = derivatives(loss, x, y)
    for mine, other in zip(there, here):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)
    assert any(emulated.launched[kernel] for kernel in ("softmin", "nearest", "cost_block"))


@pytest.mark.usefixtures("_no_problem_is_small")
@pytest.mark.parametrize(
    "options", [dict(method="exact"), dict(method="sinkhorn"), dict(method="unbalanced", b=True)], ids=str
)
def test_pairs_are_those_of_the_host(options, monkeypatch):
    generator, method = torch.Generator().manual_seed(0), options["method"]
    x0 = torch.rand(6, 2, generator=generator, dtype=torch.float64)
    x1 = torch.rand(6 if method == "exact" else 9, 2, generator=generator, dtype=torch.float64)
    b = torch.rand(len(x1), generator=generator, dtype=torch.float64) if "b" in options else None
    given = dict(method=method, rng=0, b=b if b is None else b / b.sum())
    given |= {} if method == "exact" else dict(epsilon=0.3)
    here = nn.coupling.pair(x0, x1, **given)
    assert not emulated.launched
    monkeypatch.setattr(_ops, "home", lambda x: "cuda:0")
    there = nn.coupling.pair(x0, x1, **given)
    assert torch.equal(there.rows, here.rows)
    assert torch.equal(there.columns, here.columns)
    assert any(emulated.launched[kernel] for kernel in ("softmin", "nearest", "cost_block"))
    emulated.launched.clear()
    callable_metric = dict(metric=lambda x, y: abs(x[:, None] - y).sum(-1), p=1)  # there is none there
    assert torch.equal(nn.coupling.pair(x0, x0, **callable_metric).columns, torch.arange(6))
    assert not emulated.launched


def test_draws_sum_over_blocks_of_columns_there():
    rng = np.random.default_rng(0)
    problem = otgen.Problem.from_points(rng.random((2, 2)), rng.random((8300, 2)))
    f, g, a, b = np.zeros(2), rng.normal(size=8300) / 10, np.full(2, 0.5), np.full(8300, 1 / 8300)
    here, there = (
        EntropicPlan(where.cost, f, g, 0.3, a, b).draw(np.array([0, 1, 1]), np.array([0.1, 0.5, 0.9]))
        for where in (problem, problem.on("cuda:0"))
    )
    np.testing.assert_array_equal(here, there)
    assert emulated.launched["softmin"]
    assert emulated.launched["cost_block"] <= 3


def test_small_problems_stay_on_the_host(monkeypatch):
    monkeypatch.setattr(_ops, "home", lambda x: "cuda:0")
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    assert nn.sinkhorn_loss(x, x + 1, epsilon=0.1).isfinite()
    assert not emulated.launched


def test_without_cupy_or_on_another_make_pairs_are_computed_on_the_host(monkeypatch):
    tensor = SimpleNamespace(device=torch.device("cuda:1"))
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert _ops.home(tensor) == "cuda:1"
    assert _ops.home(torch.zeros(1)) == "cpu"
    monkeypatch.setattr(torch.version, "cuda", None)
    assert _ops.home(tensor) == "cpu"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert _ops.home(tensor) == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.usefixtures("_no_problem_is_small")
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_on_a_gpu(loss):
    x, y = (torch.rand(n, 2, dtype=torch.float64) for n in (300, 280))
    here, there = (loss(x.to(home), y.to(home)) for home in ("cpu", "cuda"))
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), here, rtol=1e-6, atol=1e-9)
