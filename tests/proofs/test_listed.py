"""Upper bounds from listed plans: against the definition in long doubles, which each exceeds by what rounding may come to and no more than 50 times that."""

import math
from dataclasses import replace

import numpy as np
import pytest
from entropic_truth import matrix_truth

import otgen
from otgen.model.claim import Flows
from otgen.proofs.listed import listed_upper

U, MOST = 2.0**-53, 50.0
EVEN = np.array([0.5, 0.5])
COSTS = np.array([[0.25, 1.0], [0.75, 0.125]])
WIDE = np.array([[0.5, 1.0, 0.25], [0.75, 0.0, 2.0]])
SOME = np.array([[0.25, 0.125, 0.0625], [0.125, 0.25, 0.1875]])
LIGHT = np.array([1.0 - 2.0**-45, 2.0**-45])
MANY = np.random.default_rng(0).random((40, 40))

CASES = {  # costs, plan, epsilon, a, b
    "exact": (COSTS, np.array([[0.375, 0.125], [0.125, 0.375]]), 0.5, EVEN, EVEN),
    "a permutation": (COSTS, np.eye(2) / 2, 0.5, EVEN, EVEN),
    "half of it": (COSTS, np.array([[0.1875, 0.0625], [0.0625, 0.1875]]), 0.5, EVEN, EVEN),
    "one entry": (COSTS, np.array([[0.0, 0.25], [0.0, 0.0]]), 0.5, EVEN, EVEN),
    "next to nothing": (COSTS, np.array([[0.0, 2.0**-300], [0.0, 0.0]]), 0.5, EVEN, EVEN),
    "nothing": (COSTS, np.zeros((2, 2)), 0.5, EVEN, EVEN),
    "twice as much": (COSTS, np.array([[0.75, 0.25], [0.25, 0.75]]), 0.5, EVEN, EVEN),
    "rows exceeded": (COSTS, np.array([[0.5, 0.25], [0.0, 0.125]]), 0.5, EVEN, EVEN),
    "columns exceeded": (COSTS, np.array([[0.5, 0.0], [0.25, 0.125]]), 0.5, EVEN, EVEN),
    "wide": (WIDE, SOME, 0.5, EVEN, np.array([0.25, 0.5, 0.25])),
    "tall": (WIDE.T, SOME.T, 0.5, np.array([0.25, 0.5, 0.25]), EVEN),
    "missing and uneven": (WIDE, SOME, 0.5, np.array([0.875, 0.125]), np.array([0.125, 0.125, 0.75])),
    "points without mass": (WIDE, SOME, 0.5, EVEN, np.array([0.75, 0.25, 0.0])),
    "a row without mass, and nothing there": (
        WIDE,
        SOME * [[0], [1]],
        0.5,
        np.array([0.0, 1.0]),
        np.array([0.25, 0.5, 0.25]),
    ),
    "a row without mass": (WIDE, SOME, 0.5, np.array([0.0, 1.0]), np.array([0.25, 0.5, 0.25])),
    "costs below 0": (COSTS - 1e3, np.array([[0.375, 0.125], [0.125, 0.375]]), 0.5, EVEN, EVEN),
    "costs large": (COSTS * 1e3, np.array([[0.375, 0.0], [0.125, 0.375]]), 2.0**-10, EVEN, EVEN),
    "epsilon large": (COSTS, np.array([[0.375, 0.125], [0.125, 0.375]]), 1e6, EVEN, EVEN),
    "epsilon large, missing": (COSTS, np.array([[0.375, 0.0], [0.125, 0.25]]), 1e6, EVEN, EVEN),
    "light points": (COSTS, np.outer(LIGHT, LIGHT), 1e3, LIGHT, LIGHT),
    "light points, missing": (COSTS, np.diag([0.5, 2.0**-46]), 1e3, LIGHT, LIGHT),
    "one light side": (COSTS, np.outer(EVEN, LIGHT), 1e3, EVEN, LIGHT),
    "many": (MANY + 1e3, np.diag(np.full(40, 0.025)), 2.0**-10, np.full(40, 0.025), np.full(40, 0.025)),
    "many, epsilon large": (MANY, MANY / MANY.sum(), 1e3, np.full(40, 0.025), np.full(40, 0.025)),
}


def listed(plan):
    rows, columns = np.indices(plan.shape).reshape(2, -1)
    return Flows(rows, columns, plan.ravel().astype(float))


def by_definition(costs, plan, epsilon, a, b):
    """The bound without rounding, what the repaired plan costs, and what rounding may come to."""
    costs, plan, a, b = (np.asarray(z, np.longdouble) for z in (costs, plan, a, b))
    whole = np.outer(a, b) > 0
    plan = np.where(whole, plan, 0)
    for axis, weights in ((1, a), (0, b)):
        sums = plan.sum(axis)
        factors = np.minimum(1, np.divide(weights, sums, out=np.ones_like(sums), where=sums > 0))
        plan = plan * np.expand_dims(factors, axis)
    r, s = a - plan.sum(1), b - plan.sum(0)
    t = r.sum()
    rest = np.outer(r, s) / t if t > 1e-18 else np.zeros_like(plan)
    entropy = 0.0
    for part, share in ((plan, plan.sum()), (rest, t)):
        used = part > 0
        entropy += (part[used] * np.log(part[used] / (share * np.outer(a, b)[used]))).sum()
    spent = ((plan + rest) * costs).sum()
    used, highest = plan > 0, np.abs(costs).max()
    depth = -np.log(a[a > 0].min()) - np.log(b[b > 0].min())
    hidden = U * sum(plan.shape)  # of the marginals: as many roundings in each sum as numbers
    logarithms = (plan[used] * (np.abs(np.log(plan[used])) + np.abs(np.log(np.outer(a, b)[used])))).sum()
    needed = hidden * (2 * highest + epsilon * (1 + depth)) + U * (3 * abs(spent) + 4 * epsilon * (logarithms + 1))
    return spent + epsilon * entropy, spent, float(needed)


@pytest.mark.parametrize("name", CASES)
def test_margins(name):
    costs, plan, epsilon, a, b = CASES[name]
    value, spent, needed = by_definition(costs, plan, epsilon, a, b)
    upper, cost = listed_upper(otgen.Problem.from_matrix(costs, a, b, epsilon=epsilon), listed(plan))
    assert needed <= float(upper - value) <= MOST * needed
    assert cost == pytest.approx(float(spent), rel=1e-13)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(("many", "costs large"))])
def test_no_plan_is_better_than_the_best(name):
    costs, plan, epsilon, a, b = CASES[name]
    upper, _ = listed_upper(otgen.Problem.from_matrix(costs, a, b, epsilon=epsilon), listed(plan))
    held = np.ix_(a > 0, b > 0)
    assert matrix_truth(costs[held].tolist(), a[a > 0], b[b > 0], epsilon).lower <= upper


def test_the_best_plan_proves_the_value():
    costs, epsilon = [[0.0, 1.0], [1.0, 0.0]], 0.25
    share = 1 / (1 + math.exp(-4.0)) / 2
    plan = np.array([[share, 0.5 - share], [0.5 - share, share]])
    upper, _ = listed_upper(otgen.Problem.from_matrix(costs, epsilon=epsilon), listed(plan))
    assert 0 <= upper + epsilon * math.log((1 + math.exp(-4.0)) / 2) <= 1e-13


def test_a_pair_listed_twice_counts_with_the_sum():
    posed = otgen.Problem.from_matrix(WIDE, EVEN, [0.25, 0.5, 0.25], epsilon=0.5)
    once = listed(SOME)
    order = np.random.default_rng(1).permutation(12)
    twice = Flows(*(np.tile(z, 2)[order] for z in once[:2]), np.concatenate([once.high / 4, once.high * 0.75])[order])
    assert listed_upper(posed, twice) == listed_upper(posed, once)


def test_what_lies_on_points_without_mass_is_not_there():
    """It takes nothing from others."""
    costs, plan = (
        np.pad(WIDE, ((0, 1), (0, 1)), constant_values=7.0),
        np.pad(SOME, ((0, 1), (0, 1)), constant_values=9.0),
    )
    a, b = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25, 0.0])
    found, cost = listed_upper(otgen.Problem.from_matrix(costs, a, b, epsilon=0.5), listed(plan))
    without = listed_upper(otgen.Problem.from_matrix(WIDE, a[:2], b[:3], epsilon=0.5), listed(SOME))
    assert (found, cost) == pytest.approx(without, rel=1e-12)


@pytest.mark.parametrize("high", [[1e308, 1e308], [1e308, 1.0], [1e150, 1e-150], [1e-320, 5e-324], [0.5, 0.0]])
@pytest.mark.parametrize("columns", [[0, 0], [0, 1]])
def test_flows_of_any_size(high, columns):
    posed = otgen.Problem.from_matrix(COSTS, epsilon=0.5)
    upper, _ = listed_upper(posed, Flows(np.zeros(2, int), np.array(columns), np.array(high)))
    assert matrix_truth(COSTS.tolist(), EVEN, EVEN, 0.5).lower <= upper <= COSTS.max() + math.log(2)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_an_epsilon_whose_products_are_no_floats_proves_nothing(share):
    """Some terms are beyond the largest float, others below the least."""
    plan = np.full((40, 40), 1e-30) + np.eye(40) / 40 * share
    upper, _ = listed_upper(otgen.Problem.from_matrix(MANY, epsilon=1.7e308), listed(plan))
    assert upper == math.inf


def test_a_plan_that_may_need_forbidden_pairs_proves_nothing():
    upper, cost = listed_upper(
        otgen.Problem.from_matrix([[0.0, np.inf], [1.0, 0.0]], epsilon=0.5), listed(np.eye(2) / 2)
    )
    assert upper == math.inf
    assert math.isnan(cost)


@pytest.mark.parametrize("metric", ["euclidean", "great_circle"])
@pytest.mark.parametrize("far", [0.01, 1.0])
def test_costs_that_are_off(metric, far):
    """In single precision, beside which all other roundings vanish: of a listed pair and of the rest."""
    x, y = far * np.array([[0.1, 0.2], [0.3, 0.7]]), far * np.array([[1.0, 1.2], [-0.5, 0.4]])
    posed = otgen.Problem.from_points(x, y, p=2, metric=metric, epsilon=1e-18)
    single = replace(posed, cost=posed.cost.astype(np.float32))
    relative, absolute = single.cost.rounding
    needed = relative * float(single.cost.highest) + absolute
    for plan in (np.eye(2) / 2, np.zeros((2, 2))):
        upper, cost = listed_upper(single, listed(plan))
        assert needed <= upper - cost <= 3 * needed
