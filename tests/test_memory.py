"""Memory as docstrings claim it: what is said to need O(n + m) never holds an array of all pairs."""

import ctypes
import gc
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch
from scipy.spatial.distance import cdist

import otgen
from otgen import nn
from otgen.lab import training
from otgen.solvers import Simplex, Sinkhorn

N = 4000
ALL_PAIRS = 4 * N * N  # bytes, in single precision

RNG = np.random.default_rng(0)
X, Y = RNG.random((2, N, 2))
OURS = otgen.sinkhorn(X, Y, epsilon=1.0)
FEWER = 3000  # more than a piece of four million pairs, so that pieces are as large in both
PLANS = {N: OURS.plan, FEWER: otgen.sinkhorn(X[:FEWER], Y[:FEWER], epsilon=1.0).plan}
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


def costs(n):
    return (X[:n, None, 0] - Y[None, :n, 0]) ** 2


def entropic_plan(n):
    return otgen.transport(costs(n), epsilon=1.0, solver=Sinkhorn(tol=1e-2)).plan


def mmd(n):
    x = torch.tensor(X[:n], requires_grad=True)
    nn.mmd_loss(x, torch.tensor(Y[:n])).backward()


SHORT = Simplex(max_iter=100)
# Every array of n m numbers that is left, by the call that holds it; docs/memory.rst gives each its reason.
HELD = {
    "transport": lambda n: otgen.transport(costs(n), solver=SHORT, throw=False),
    "transport, epsilon": entropic_plan,
    "transport, penalty": lambda n: otgen.transport(costs(n), penalty=0.1, solver=SHORT, throw=False),
    "audit, C": lambda n: otgen.audit(C=costs(n), plan=np.arange(n), potentials=(np.zeros(n), np.zeros(n))),
    "sinkhorn, above ten dimensions": lambda n: otgen.sinkhorn(WIDE[:n], WIDE[-n:], epsilon=5.0, tol=1e-2),
    "plan.todense": lambda n: PLANS[n].todense(),
    "nn.transport_loss": lambda n: nn.transport_loss(torch.tensor(costs(n)), epsilon=1.0, tol=1e-2),
    "nn.entropic_plan": lambda n: nn.entropic_plan(torch.tensor(costs(n)), epsilon=1.0, tol=1e-2),
    "nn.mmd_loss": mmd,
    "pairwise": lambda n: otgen.pairwise(X[:n, None, :1], n_jobs=1, distance="wasserstein"),
}
# Those that hold none, some of them pieces of four million pairs.
FREE = {
    "sparse transport": lambda n: otgen.transport(scipy.sparse.eye_array(n).tocsr()),
    "on the line": lambda n: otgen.wasserstein(X[:n, 0], Y[:n, 0]),
    "W_inf": lambda n: otgen.wasserstein(X[:n], Y[:n], p=np.inf),
    "in sixteen dimensions": lambda n: otgen.wasserstein(WIDE[:n], WIDE[-n:], solver=SHORT, throw=False),
    "a callable": lambda n: otgen.wasserstein(X[:n], Y[:n], metric=cdist, solver=SHORT, throw=False),
    "sliced": lambda n: otgen.sliced_wasserstein(X[:n], Y[:n], rng=0),
    "max-sliced": lambda n: otgen.max_sliced_wasserstein(X[:n], Y[:n], n_starts=1, max_iter=100, rng=0, throw=False),
    "energy test": lambda n: otgen.two_sample_test(X[:n], Y[:n], distance="energy", n_permutations=19, rng=0),
    "MMD test": lambda n: otgen.two_sample_test(X[:n], Y[:n], distance="mmd", n_permutations=19, rng=0),
    "semidiscrete": lambda n: otgen.semidiscrete("gaussian", Y[:n], max_draws=2000, rng=0, throw=False),
    "kl_samples": lambda n: otgen.divergences.kl_samples(X[:n], Y[:n], rng=0),
    "wasserstein_loss": lambda n: nn.wasserstein_loss(torch.tensor(X[:n]), torch.tensor(Y[:n])),
    "sliced_wasserstein_loss": lambda n: nn.sliced_wasserstein_loss(torch.tensor(X[:n]), torch.tensor(Y[:n])),
}
WIDE = np.random.default_rng(1).random((N, 16))


SEEN = 2 * (N**2 - FEWER**2)  # half of what an array of all pairs in single precision grows by


def grown(call):
    """How many bytes more a call takes of N points than of fewer: pieces of a fixed size are the same in both."""
    taken = []
    for n in (FEWER, N):
        call(n)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what was freed is no longer held, so that it counts when it is taken again
        taken.append(peak(lambda n=n: call(n)))
    return taken[1] - taken[0]


@pytest.mark.nightly
@pytest.mark.parametrize("name", FREE)
def test_no_array_of_all_pairs_is_undeclared(name):
    assert grown(FREE[name]) < SEEN


@pytest.mark.nightly
@pytest.mark.parametrize("name", HELD)
def test_what_is_declared_is_held(name):
    assert grown(HELD[name]) > SEEN


def test_every_array_of_all_pairs_has_its_reason():
    text = (Path(__file__).parent.parent / "docs" / "memory.rst").read_text()
    assert [name for name in HELD if f"``{name}``" not in text] == []


def test_it_would_be_seen():
    assert peak(lambda: np.ones((N, N), np.float32).sum()) > 0.9 * ALL_PAIRS


def test_memory_that_torch_is_refused():
    """torch itself raises RuntimeError, in words alone; a sampler or a batch asks for more than any machine has."""
    with pytest.raises(MemoryError, match="torch was refused memory"):
        nn.critics.fit(X, Y, steps=1, batch_size=2**45)
    with pytest.raises(MemoryError, match="torch was refused memory"):
        training.train("sliced", steps=1, batch_size=2**45)


def test_other_errors_of_training_are_as_they_are():
    def refuse(n):
        raise RuntimeError("of a sampler")

    with pytest.raises(RuntimeError, match="of a sampler"):
        nn.critics.fit(refuse, Y, steps=1)


ANGLES = np.random.default_rng(2).uniform(0, 360, (2, 200_000))
FINE = np.random.default_rng(3).random((2, 1000, 3))
BROAD = np.random.default_rng(4).random((2, 1800, 200))
MODELLED = {
    "a circle": (otgen.wasserstein, ANGLES, {"metric": otgen.Circular(360)}),
    "an assignment": (otgen.wasserstein, FINE, {}),
    "products that are kept": (otgen.sinkhorn, BROAD, {"epsilon": 10.0}),
}


@pytest.mark.by_day(2)
@pytest.mark.parametrize("name", MODELLED)
@pytest.mark.nightly
def test_what_a_call_takes_is_what_was_expected(name):
    call, (x, y), options = MODELLED[name]
    expected = otgen.solvers.Auto().expected(otgen.Problem.from_points(x, y, **options)).grows

    def taken():
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return peak(lambda: call(x, y, **options))

    taken()  # compiled, and loaded
    assert taken() == pytest.approx(expected, rel=0.3)
