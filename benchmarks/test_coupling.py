"""Minibatch couplings beside torchcfm's sampler, and at the size of data sets, where it has no answer.

The peer is the sampler's published algorithm: squared distances, ``ot.emd`` of uniform weights, and pairs drawn one by one from the dense plan (Tong et al.,
"Improving and generalizing flow-based generative models with minibatch optimal transport", 2024, algorithm 3). It is given as many pivots as it needs:
POT's own limit, which the package leaves as it is, stops it short of the optimum at 4096. The floor of each row is asserted. Rows without a peer write
down seconds.
"""

from functools import partial

import numpy as np
import ot
import pytest
import torch
from peers import seconds

import otgen
from otgen import nn


def batches(n, d, seed=0):
    """Noise, and data of eight clusters."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(8, d, generator=generator)
    data = centres[torch.randint(8, (n,), generator=generator)] + 0.3 * torch.randn(n, d, generator=generator)
    return torch.randn(n, d, generator=generator), data


def published(x0, x1):
    """One minibatch paired as published."""
    n, m = len(x0), len(x1)
    costs = torch.cdist(x0, x1).square().double().numpy()
    plan = ot.emd(ot.unif(n), ot.unif(m), costs, numItermax=10**9)
    shares = plan.ravel() / plan.sum()
    chosen = np.random.default_rng(0).choice(n * m, p=shares, size=n)
    rows, columns = np.divmod(chosen, m)
    return x0[rows], x1[columns]


@pytest.mark.parametrize("d", [2, 64])
@pytest.mark.parametrize(("n", "repeats", "floor"), [(256, 41, 4.0), (4096, 3, 4.0)])
def test_exact_pairs_beside_torchcfm(benchmark, n, d, repeats, floor):
    ours, peer = (partial(call, *batches(n, d)) for call in (nn.coupling.pair, published))
    found = ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(repeats)]
    mine, theirs = (float(np.median(side)) for side in zip(*pairs))
    ratios = sorted(other / one for one, other in pairs)
    assert sorted(found.columns.tolist()) == list(range(n))
    benchmark.pedantic(ours, rounds=1, iterations=1)
    benchmark.extra_info.update(ours=mine, peer=theirs, ratio=theirs / mine, ratio_range=(ratios[0], ratios[-1]))
    print(
        f"\n{benchmark.name}: ours {mine:.4g} s, peer {theirs:.4g} s, {theirs / mine:.2f} x [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
    )
    assert theirs / mine >= floor


ROWS = {
    "exact": (10_000, 3072, {}),
    "sinkhorn": (100_000, 64, dict(epsilon=otgen.Relative(0.05), tol=1e-3, rng=0)),
}


@pytest.mark.parametrize("method", ROWS)
def test_pairs_of_a_data_set(benchmark, method):
    """As many draws as rows; of the exact one a permutation. No plan is dense: that would be 0.8 and 80 GB."""
    n, d, options = ROWS[method]
    x0, x1 = batches(n, d)
    found = benchmark.pedantic(nn.coupling.pair, (x0, x1), dict(method=method, **options), rounds=1, iterations=1)
    assert torch.equal(found.rows, torch.arange(n))
    if method == "exact":
        assert len(found.columns.unique()) == n
    paid = float((found.x0 - found.x1).square().sum(1).mean())
    benchmark.extra_info.update(paid=paid, at_random=float((x0 - x1).square().sum(1).mean()))
    print(f"\n{benchmark.name}: {benchmark.stats.stats.mean:.4g} s, pairs {paid:.4g} apart in the square")
