"""Semidiscrete transport: what a fit and a search cost, and what is proven of the fit; beside pairing each minibatch anew.

The peer of a search is ``nn.coupling.pair`` of batches of 1024, which is what a training step would call without a fit.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from peers import seconds

import otgen
from otgen import nn

torch = pytest.importorskip("torch", reason="minibatch couplings need torch")


@pytest.mark.parametrize(("n", "d"), [(250, 2), (250, 16), (1000, 2)])
def test_a_fit_and_its_search(benchmark, n, d):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(8, d))
    data = centres[rng.integers(8, size=n)] + 0.3 * rng.normal(size=(n, d))
    otgen.semidiscrete("gaussian", data[:8], rng=0)  # kernels are loaded
    began = time.perf_counter()
    fitted = otgen.semidiscrete("gaussian", data, rng=0)
    spent = time.perf_counter() - began
    check = fitted.held_out("gaussian", 8000, rng=1)
    noise, batch = rng.normal(size=(1024, d)), torch.tensor(data[rng.integers(n, size=1024)])
    one = torch.tensor(noise)
    fitted.sample(noise)
    nn.coupling.pair(one, batch)
    pairs = [(seconds(lambda: fitted.sample(noise)), seconds(lambda: nn.coupling.pair(one, batch))) for _ in range(7)]
    mine, other = (float(np.median(side)) for side in zip(*pairs))
    benchmark.pedantic(fitted.sample, (noise,), rounds=1, iterations=1)
    share = check.suboptimality / check.upper
    benchmark.extra_info.update(fit=spent, search=mine, pairing=other, suboptimality=share, misplaced=check.misplaced)
    print(
        f"\nN {n}, d {d}: fit {spent:.2f} s, off the optimum by at most {share:.2%}; 1024 noises {1e3 * mine:.2f} ms, paired {1e3 * other:.1f} ms"
    )
    assert share < 0.05
