"""Partial transport beside POT's `dist` + `partial_wasserstein2`; our time includes costs and certificate.

POT's optimum is checked against our proven interval. It stores the matrix, larger by one row and one column; ours does not.
"""

import ot
import pytest
from peers import beside, clouds

import otgen

SHARE = 0.7  # of the mass that is moved


@pytest.mark.parametrize(("n", "d", "floor", "repeats"), [(500, 2, 1.0, 7), (2000, 2, 2.0, 3), (4000, 2, 4.0, 1)])
def test_a_share_of_uniform_against_normal(benchmark, n, d, floor, repeats):
    x, y, a, b = clouds(n, d)

    def ours():
        return otgen.partial_wasserstein(x, y, a, b, mass=SHARE)

    def peer():
        return ot.partial.partial_wasserstein2(a, b, ot.dist(x, y), m=SHARE, numItermax=10**9)

    result, theirs = ours(), peer()
    assert result.status is otgen.Status.OPTIMAL
    assert result.cost_lower * (1 - 1e-9) - 1e-12 <= theirs <= result.cost_upper * (1 + 1e-9) + 1e-12
    assert beside(benchmark, ours, peer, repeats) >= floor


def test_ten_thousand_points_by_a_price(benchmark):
    """No peer: its matrix takes 800 MB. Our interval is what says that the answer is right."""
    x, y, a, b = clouds(10_000, 2)
    result = benchmark.pedantic(lambda: otgen.partial_wasserstein(x, y, a, 1.3 * b, penalty=0.01), rounds=1)
    benchmark.extra_info.update(gap=result.gap, status=result.status.name, pivots=result.iterations)
    assert result.status is otgen.Status.OPTIMAL
