"""What `explain` promises, held against what comes."""

import numpy as np
import pytest
from peers import clouds, peak_memory, timed

import otgen

ROWS = [
    (1000, 2, 2),
    (4000, 2, 2),
    (16_000, 2, 2),
    (100_000, 2, 2),
    (4000, 3, 2),
    (16_000, 3, 2),
    (4000, 2, 1),
    (10_000, 2, 1),
    (1000, 64, 2),
    (8000, 64, 2),
    (8000, 16, 2),
    (2000, 2, np.inf),
    (1_000_000, 1, 2),
]


@pytest.mark.parametrize(("n", "d", "p"), ROWS)
def test_seconds(benchmark, n, d, p):
    x, y, a, b = clouds(n, d)
    otgen.wasserstein(x[:600], y[:600], p=p)
    expected = otgen.solvers.Auto().expected(otgen.Problem.from_points(x, y, a, b, p=p))
    seconds, _ = benchmark.pedantic(lambda: timed(otgen.wasserstein, x, y, a, b, p=p), rounds=1, iterations=1)
    benchmark.extra_info.update(expected=expected.seconds, seconds=seconds)
    print(f"\n{benchmark.name}: expected {expected.seconds:.2g} s, took {seconds:.2g} s")
    assert 1 / 3 <= seconds / expected.seconds <= 3 or max(seconds, expected.seconds) < 0.1


@pytest.mark.parametrize(("n", "d"), [(2000, 2), (8000, 64), (100_000, 2)])
def test_bytes(benchmark, n, d):
    expected = otgen.solvers.Auto().expected(otgen.Problem.from_points(*clouds(n, d))).size / 1e6
    came = benchmark.pedantic(lambda: peak_memory(n, d), rounds=1, iterations=1) * 1.048576
    benchmark.extra_info.update(expected=expected, megabytes=came)
    print(f"\n{benchmark.name}: expected {expected:.0f} MB, came to {came:.0f} MB")
    assert 1 / 3 <= came / expected <= 3
