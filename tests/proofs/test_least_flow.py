"""Least flows in whole numbers against rational shortest paths that start anew each time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proving import exact_transport

from otgen.proofs.least_flow import least_flow


def drawn(seed):
    rng = random.Random(seed)
    n, m, digits = rng.randint(1, 6), rng.randint(1, 6), rng.choice([1, 2, 400])
    costs = [[rng.randint(-(10**digits) // 5, 10 ** rng.randint(0, digits)) for _ in range(m)] for _ in range(n)]
    a, b = ([rng.randint(0, 10 ** rng.randint(0, digits)) for _ in range(k)] for k in (n, m))
    short = sum(a) - sum(b)
    side = b if short > 0 else a
    side[0] += abs(short)
    return costs, a, b


@given(seed=st.integers(0, 2**32 - 1))
def test_flows_and_potentials_prove_each_other(seed):
    costs, a, b = drawn(seed)
    if not sum(a):
        return
    found = least_flow([dict(enumerate(row)) for row in costs], a, b)
    assert found is not None
    spent = sum(flow * costs[i][j] for (i, j), flow in found.flows.items())
    assert spent == exact_transport(costs, a, b) * sum(a)
    assert spent == sum(x * z for x, z in zip(a, found.f)) + sum(x * z for x, z in zip(b, found.g))
    assert all(flow > 0 for flow in found.flows.values())
    for side, k in ((a, 0), (b, 1)):
        sums = [0] * len(side)
        for pair, flow in found.flows.items():
            sums[pair[k]] += flow
        assert sums == side
    slack = [[cost - f - g for cost, g in zip(row, found.g)] for row, f in zip(costs, found.f)]
    assert min(map(min, slack)) == 0
    assert all(min(row) == 0 for row in slack), "potentials are as large as they may be, of points without mass too"


@pytest.mark.parametrize("pairs", [[{0: 1}, {0: 1}], [{0: 1}, {}]])
def test_pairs_that_carry_no_plan(pairs):
    assert least_flow(pairs, [1, 1], [1, 1]) is None


def test_pairs_that_may_not_be_used():
    found = least_flow([{0: 1}, {0: 1, 1: 10**400}], [1, 1], [1, 1])
    assert found is not None
    assert found.flows == {(0, 0): 1, (1, 1): 1}


def test_potentials_where_they_are_free():
    """Targets that nobody is turned away from are worth 0, and so are points without mass or pairs."""
    found = least_flow([{0: 2, 1: 3, 2: 7}, {0: 1, 1: 4}, {}, {0: 9, 1: 9}], [3, 1, 0, 0], [2, 2, 0, 0])
    assert found.flows == {(0, 0): 1, (1, 0): 1, (0, 1): 2}
    assert (found.f, found.g) == ([3, 2, 0, 9], [-1, 0, 4, 0])


def test_what_is_turned_away_in_part():
    """Of 5 that the first source has at the near target, 2 make room for the second."""
    found = least_flow([{0: 0, 1: 1}, {0: 0, 1: 9}], [5, 2], [5, 2])
    assert found.flows == {(0, 0): 3, (0, 1): 2, (1, 0): 2}
