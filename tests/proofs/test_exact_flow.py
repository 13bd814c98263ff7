"""Flows along the pairs of a plan, against flows in rationals that marginals were summed from."""

from fractions import Fraction

import numpy as np
import pytest

import otgen
from otgen.model.plan import SparsePlan
from otgen.proofs.exact_flow import carrying, exact_cost, exact_flows

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def tree(rng, n, m):
    """The pairs of a tree that spans n sources and m targets, in some order."""
    rows, columns = [0], [0]
    for i in range(1, n):
        rows, columns = [*rows, i], [*columns, int(rng.choice(columns))]
    for j in range(1, m):
        rows, columns = [*rows, int(rng.integers(n))], [*columns, j]
    order = rng.permutation(len(rows))
    return np.array(rows)[order], np.array(columns)[order]


def marginals(rows, columns, flows, n, m):
    a, b = [Fraction(0)] * n, [Fraction(0)] * m
    for i, j, flow in zip(rows.tolist(), columns.tolist(), flows, strict=True):
        a[i], b[j] = a[i] + flow, b[j] + flow
    return a, b


@pytest.mark.parametrize("seed", range(6))
def test_the_flow_along_a_tree_is_found_whatever_of_it_is_0(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 8, 2)
    rows, columns = tree(rng, n, m)
    flows = [Fraction(int(k), 7) for k in rng.integers(0, 4, len(rows))]
    masses = marginals(rows, columns, flows, n, m)
    assert exact_flows(rows, columns, *masses) == flows
    found = carrying(rows, columns, *masses)
    assert found is not None
    assert found.tolist() == [flow > 0 for flow in flows]


def test_flows_along_several_trees():
    flows = [THIRD, HALF, 1 - THIRD]
    rows, columns = np.arange(3), np.array([0, 0, 1])
    assert exact_flows(rows, columns, *marginals(rows, columns, flows, 3, 2)) == flows


def test_of_a_pair_that_is_listed_twice_the_last_carries_all():
    flows = exact_flows(np.array([0, 0, 1]), np.array([0, 0, 0]), [THIRD, HALF], [THIRD + HALF])
    assert flows == [0, THIRD, HALF]


@pytest.mark.parametrize(
    ("pairs", "a", "b"),
    [
        ([(0, 0), (0, 1), (1, 1)], [HALF, HALF], [1 - THIRD, THIRD]),  # a flow of less than 0 would have these masses
        ([(0, 0), (0, 1), (1, 0), (1, 1)], [HALF, HALF], [HALF, HALF]),
        ([(0, 0)], [HALF, HALF], [HALF, HALF]),
        ([(0, 0), (1, 1)], [THIRD, 1 - THIRD], [HALF, HALF]),
        ([(0, 0)], [HALF], [THIRD]),
    ],
)
def test_where_there_is_no_flow_or_there_are_several(pairs, a, b):
    rows, columns = np.array(pairs).T
    assert exact_flows(rows, columns, a, b) is None
    assert carrying(rows, columns, a, b) is None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("uniform", [False, True])
def test_what_a_plan_costs_that_has_exactly_the_masses(seed, uniform):
    """Of either total, in shares of it; values of the plan say which pairs are used, and no more."""
    rng = np.random.default_rng(seed)
    n, m = 3, 4
    rows, columns = tree(rng, n, m)
    flows = [Fraction(int(k)) for k in rng.integers(1, 5, len(rows))]
    if uniform:
        rows, columns = np.arange(3), np.array([1, 2, 0])
        flows = [Fraction(1)] * 3
    a, b = marginals(rows, columns, flows, n, 3 if uniform else m)
    costs = rng.normal(size=(n, len(b)))
    truth = sum(flow * Fraction(costs[i, j]) for i, j, flow in zip(rows, columns, flows, strict=True)) / sum(a)
    weights = (None, None) if uniform else ([float(z) for z in a], [float(3 * z) for z in b])
    posed = otgen.Problem.from_matrix(costs, *weights, normalize=True)
    values = np.zeros(costs.shape)
    values[rows, columns] = rng.random(len(rows)) / 10
    plan = SparsePlan(*np.indices(costs.shape).reshape(2, -1), values.ravel(), costs.shape)
    assert exact_cost(posed, plan) == truth


def test_no_cost_is_known_of_a_plan_that_cannot_have_the_masses():
    posed = otgen.Problem.from_matrix(np.ones((2, 2)), [1.0, 2.0], [2.0, 1.0])
    assert exact_cost(posed, SparsePlan(np.arange(2), np.arange(2), np.full(2, 0.5), (2, 2))) is None
