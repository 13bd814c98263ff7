"""Memory as docstrings claim it: what is said to need O(n + m) never holds an array of all pairs."""

from pathlib import Path

import numpy as np
import pytest
import torch

import otgen
from otgen import nn
from otgen.solvers import Simplex, Sinkhorn

N = 4000
ALL_PAIRS = 4 * N * N  # bytes, in single precision

RNG = np.random.default_rng(0)
X, Y = RNG.random((2, N, 2))
OURS = otgen.sinkhorn(X, Y, epsilon=1.0)
PROC = Path("/proc/self")


def peak(call):
    """How many bytes a call adds to what the process holds at most, compiled code included."""
    before = _held("VmRSS")
    (PROC / "clear_refs").write_text("5")  # the peak starts anew
    call()
    return _held("VmHWM") - before


def _held(name):
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


@pytest.fixture(autouse=True)
def measured():
    try:
        (PROC / "clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not measure peaks")


def learned():
    x = torch.tensor(X, requires_grad=True)
    nn.sinkhorn_loss(x, torch.tensor(Y), epsilon=1.0).backward()
    assert x.grad is not None


CALLS = {
    "wasserstein": lambda: otgen.wasserstein(X, Y, solver=Simplex(max_iter=100), throw=False),
    "partial_wasserstein": lambda: otgen.partial_wasserstein(
        X, Y, penalty=0.1, solver=Simplex(max_iter=100), throw=False
    ),
    "sinkhorn": lambda: otgen.sinkhorn(X, Y, epsilon=1.0, solver=Sinkhorn()),
    "gradients": lambda: OURS.gradients(),
    "marginals": lambda: OURS.plan.marginals(),
    "products": lambda: OURS.plan @ np.ones(N),
    "divergence": lambda: otgen.sinkhorn_divergence(X, Y, epsilon=1.0),
    "audit of points": lambda: otgen.audit(X, Y, plan=np.arange(N), potentials=OURS.potentials),
    "sinkhorn_loss": learned,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.by_day(3)
def test_no_array_of_all_pairs(name):
    CALLS[name]()  # compiled, and loaded
    assert peak(CALLS[name]) < ALL_PAIRS / 2


def test_it_would_be_seen():
    assert peak(lambda: np.ones((N, N), np.float32).sum()) > 0.9 * ALL_PAIRS
