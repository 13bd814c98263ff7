"""What proofs cost and save: an audit of a foreign answer, a warm start, and losses that compute no bounds."""

import statistics

import numpy as np
import pytest
from peers import seconds

import otgen
from otgen.nn import _solves
from otgen.solvers import Sinkhorn


@pytest.mark.parametrize("d", [2, 3])
def test_audit(benchmark, d):
    """A permutation and potentials of 100 000 points: those of the translation that the second cloud nearly is."""
    n, rng = 100_000, np.random.default_rng(0)
    x = rng.random((n, d))
    y = x + 0.3 + rng.normal(0, 1e-3, (n, d))
    shift = np.full(d, 0.3)
    f, g = (shift**2).sum() - 2 * x @ shift - (shift**2).sum(), 2 * y @ shift - (shift**2).sum()

    def audit():
        return otgen.audit(x, y, plan=np.arange(n), potentials=(f, g))

    audit()
    benchmark.pedantic(audit, rounds=3, iterations=1)
    found = audit()
    took = statistics.median(seconds(audit) for _ in range(3))
    benchmark.extra_info.update(seconds=took, lower=found.lower, upper=found.upper)
    print(f"\nd = {d}: {took:.2f} s, [{found.lower:.6f}, {found.upper:.6f}]")


@pytest.mark.parametrize(("n", "d", "p"), [(4000, 2, 2), (2000, 16, 2), (4000, 3, 1)])
def test_warm_start(benchmark, n, d, p):
    """From the potentials of the same clouds before every point moved by about 1e-3."""
    rng = np.random.default_rng(0)
    x, y = rng.random((n, d)), rng.random((n, d)) + 0.1
    before = otgen.wasserstein(x, y, p=p)
    x = x + rng.normal(size=x.shape) * 1e-3
    otgen.wasserstein(x, y, p=p)
    pairs = [
        (seconds(lambda: otgen.wasserstein(x, y, p=p)), seconds(lambda: otgen.wasserstein(x, y, p=p, init=before)))
        for _ in range(5)
    ]
    ratios = sorted(cold / warm for cold, warm in pairs)
    benchmark.pedantic(lambda: otgen.wasserstein(x, y, p=p, init=before), rounds=1, iterations=1)
    benchmark.extra_info.update(ratio=statistics.median(ratios), ratio_range=(ratios[0], ratios[-1]))
    print(f"\nn = {n}, d = {d}, p = {p}: {statistics.median(ratios):.2f} x [{ratios[0]:.2f}, {ratios[-1]:.2f}]")


@pytest.mark.parametrize(("size", "n"), [(1, 64), (32, 64), (1, 256), (1, 1024)])
def test_loss_without_bounds(benchmark, size, n):
    """Values and potentials as a loss has them, against the same with all that a result proves."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(size, n, 2)), rng.normal(size=(size, n, 2)) + 0.5
    a = np.full((size, n), 1 / n)
    epsilon = np.full(size, 0.05 * 2.5)
    terms = _solves.Terms()

    def loss():
        return _solves.entropic(terms, x, y, a, a, epsilon)

    def proven():
        return otgen.sinkhorn_batch(x, y, epsilon=epsilon[0], solver=Sinkhorn())

    loss()
    proven()
    pairs = [(seconds(proven), seconds(loss)) for _ in range(15)]
    ratios = sorted(one / other for one, other in pairs)
    benchmark.pedantic(loss, rounds=1, iterations=1)
    mine = statistics.median(other for _, other in pairs)
    benchmark.extra_info.update(ratio=statistics.median(ratios), ratio_range=(ratios[0], ratios[-1]))
    print(f"\n{size} x {n}: {1e3 * mine:.2f} ms, {statistics.median(ratios):.2f} x [{ratios[0]:.2f}, {ratios[-1]:.2f}]")
