"""Exact transport in the plane and beyond, beside POT's `dist` + `emd2`; our time includes costs and certificate.

The floor of each row is what we hold ourselves to; it is asserted. POT's optimum is checked against our proven interval.
"""

from functools import partial

import numpy as np
import ot
import pytest
from peers import clouds, seconds

import otgen

ROWS = [
    # n, d, p, floor, repeats
    (500, 2, 2, 1.0, 9),
    (500, 64, 2, 1.0, 9),
    (1000, 2, 2, 2.0, 7),
    (2000, 2, 2, 2.0, 5),
    (2000, 64, 2, 2.0, 5),
    (4000, 2, 2, 2.0, 3),
    (8000, 2, 2, 6.0, 1),
    (8000, 16, 2, 5.0, 1),
    (8000, 64, 2, 5.0, 1),
    (10_000, 2, 1, 6.0, 1),
    (16_000, 2, 2, 20.0, 1),
    (16_000, 3, 2, 12.0, 1),
]


@pytest.fixture(scope="module", autouse=True)
def warm():
    for d, p in ((2, 1), (2, 2), (64, 2)):
        x, y, a, b = clouds(600, d)
        otgen.wasserstein(x, y, a, b, p=p)


def pot(x, y, a, b, p):
    costs = ot.dist(x, y) if p == 2 else ot.dist(x, y, metric="euclidean") ** p
    return ot.emd2(a, b, costs, numItermax=10**9)


@pytest.mark.parametrize(("n", "d", "p", "floor", "repeats"), ROWS)
def test_exact(benchmark, n, d, p, floor, repeats):
    ours, theirs = [], []
    for seed in range(3 if n <= 4000 else 1):
        solve, peer = partial(otgen.wasserstein, *clouds(n, d, seed), p=p), partial(pot, *clouds(n, d, seed), p)
        for _ in range(repeats):
            ours.append(seconds(solve))
            theirs.append(seconds(peer))
        if n <= 4000:
            assert solve().cost_lower * (1 - 1e-9) <= peer() <= solve().cost_upper * (1 + 1e-9)
    result = benchmark.pedantic(partial(otgen.wasserstein, *clouds(n, d), p=p), rounds=1, iterations=1)
    mine, other = np.median(ours), np.median(theirs)
    benchmark.extra_info.update(ours=mine, peer=other, ratio=other / mine, gap=result.gap, pivots=result.iterations)
    print(f"\nn = {n}, d = {d}, p = {p}: ours {mine:.3f} s, POT {other:.3f} s, {other / mine:.1f} x (floor {floor:g})")
    assert result.status is otgen.Status.OPTIMAL
    assert other / mine >= floor


@pytest.mark.parametrize(("d", "limit"), [(2, 120), (3, 240)])
def test_hundred_thousand(benchmark, d, limit):
    x, y, a, b = clouds(100_000, d)
    result = benchmark.pedantic(lambda: otgen.wasserstein(x, y, a, b), rounds=1, iterations=1)
    print(
        f"\nn = 100000, d = {d}: {result.seconds:.1f} s, gap {result.gap:.1e}, {result.iterations} pivots (limit {limit} s)"
    )
    benchmark.extra_info.update(seconds=result.seconds, gap=result.gap, pivots=result.iterations)
    assert result.gap <= 1e-9
    assert result.seconds < limit
