"""Parts of the proof by duality, each against exact arithmetic: bounds hold, and charge no more than their terms."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import otgen
from otgen.kernels.dual_margins import TOO_LARGE
from otgen.model.claim import Claim, Flows
from otgen.proofs import prove
from otgen.proofs.dual import (
    balanced,
    dual_certificate,
    dual_value,
    marginal_errors,
    plan_bound,
    plan_of,
    prove_dual,
    usable_potentials,
)

SEEDS = range(4)


def problem(seed, n=4, m=3, low=-1.0):
    """Costs from ``low`` to 1, weights that are no dyadic numbers, one source without mass."""
    rng = np.random.default_rng(seed)
    a, b = rng.random(n), rng.random(m)
    a[1] = 0.0
    return otgen.Problem.from_matrix(rng.uniform(low, 1.0, (n, m)), a, b, normalize=True)


def shares(side):
    weights = [Fraction(w) for w in side.weights.tolist()]
    return [w / sum(weights) for w in weights]


def listed(matrix):
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    return Flows(rows, columns, matrix.ravel())


def missed(posed, matrix):
    """The L1 errors of rows and columns, as fractions."""
    exact = [[Fraction(z) for z in row] for row in matrix.tolist()]
    rows, columns = [sum(row) for row in exact], [sum(column) for column in zip(*exact, strict=True)]
    return tuple(
        sum(abs(s - w) for s, w in zip(sums, shares(side), strict=True))
        for sums, side in ((rows, posed.source), (columns, posed.target))
    )


@pytest.mark.parametrize("factor", [1.0, 0.75, 1.5, 0.0])
@pytest.mark.parametrize("low", [-1.0, 0.25])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_that_misses_mass_is_charged_what_its_repair_may_cost(seed, low, factor):
    posed = problem(seed, low=low)
    matrix = np.random.default_rng(seed + 9).random(posed.shape)
    matrix *= factor / matrix.sum()
    errors, costs = missed(posed, matrix), posed.cost.block()
    total = sum(Fraction(z) for z in matrix.ravel().tolist())
    paid = sum(Fraction(p) * Fraction(c) for p, c in zip(matrix.ravel().tolist(), costs.ravel().tolist(), strict=True))
    least, spread = Fraction(costs.min()), Fraction(costs.max()) - Fraction(costs.min())
    charged = sum(errors) * spread + abs(least) * min(abs(total - 1), sum(errors))
    found = plan_bound(posed, listed(matrix))
    assert paid + charged <= Fraction(found) <= paid + charged * Fraction(1.02) + Fraction(1e-14)
    plan = plan_of(listed(matrix), posed.shape)
    bounds = marginal_errors(posed, plan)
    assert all(e <= Fraction(bound) <= e + Fraction(1e-14) for e, bound in zip(errors, bounds, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_dual_value_is_off_by_no_more_than_its_bound(seed):
    posed, rng = problem(seed), np.random.default_rng(seed)
    f, g = rng.normal(size=4) * 1e3, rng.normal(size=3)
    value, size, bound = dual_value(posed.cost, posed.source.probabilities, posed.target.probabilities, f, g)
    terms = [
        share * Fraction(z)
        for side, potential in ((posed.source, f), (posed.target, g))
        for share, z in zip(shares(side), potential.tolist(), strict=True)
    ]
    assert abs(Fraction(float(value)) - sum(terms)) <= Fraction(float(bound)) <= Fraction(1e-14) * sum(map(abs, terms))
    assert float(size) == pytest.approx(float(sum(map(abs, terms))), rel=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_certificates_of_potentials_are_feasible_and_tight(seed):
    posed, rng = problem(seed), np.random.default_rng(seed)
    a, b, costs = posed.source.probabilities, posed.target.probabilities, posed.cost.block()
    potentials = rng.normal(size=4), rng.normal(size=3)
    found = prove(posed, Claim(listed(np.outer(a, b)), potentials=potentials))
    assert found.potentials is not None
    f, g = found.potentials
    assert (f[:, None] + g <= costs + 1e-15).all()
    np.testing.assert_allclose((costs - f[:, None]).min(axis=0), g, atol=1e-15)
    assert (costs - g).min(axis=1)[1] == pytest.approx(f[1], abs=1e-15)
    assert found.lower == pytest.approx(a @ f + b @ g, abs=1e-14)
    assert found.cost == pytest.approx(a @ costs @ b, abs=1e-14)
    assert found.scale == pytest.approx(max(abs(found.cost), a @ np.abs(f) + b @ np.abs(g)), rel=1e-14)
    assert found.marginal_error <= 1e-15
    assert (found.kind, found.upper - found.cost <= 1e-14) == ("dual", True)


def test_scale_is_no_less_than_a_share_of_the_spread():
    posed = otgen.Problem.from_matrix([[0.0, 1.0], [1.0, 0.0]])
    found = prove(posed, Claim(listed(np.eye(2) / 2), potentials=(np.zeros(2), np.zeros(2))))
    assert found.scale == pytest.approx(1e-7, rel=1e-12)
    assert found.upper - found.lower <= 1e-15


def test_without_plan_or_potentials():
    posed = otgen.Problem.from_matrix([[1.0, 3.0], [2.0, 0.5]])
    only = prove(posed, Claim(potentials=(np.array([0.0, math.nan]), np.zeros(2))))
    assert (only.cost, only.upper, only.plan) == (math.inf, math.inf, None)
    assert math.isnan(only.marginal_error)
    assert only.lower == pytest.approx(0.75, rel=1e-14)
    assert prove(posed, Claim(listed(np.eye(2) / 2))).lower == pytest.approx(0.75, rel=1e-14)


def test_balancing_moves_a_constant():
    a, b, f, g = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.75]), np.array([5.0, 7.0, math.inf]), np.array([1.0, 3.0])
    one, other = balanced(a, b, f, g)
    assert a[:2] @ one[:2] == b @ other == 4.25
    np.testing.assert_array_equal(one[:2] + other, f[:2] + g)
    posed = otgen.Problem.from_matrix(np.zeros((2, 1)))
    usable = usable_potentials(posed, (np.array([TOO_LARGE, -2.0]), np.array([math.nan])))
    np.testing.assert_array_equal(usable[0], [0.5, -1.5])
    np.testing.assert_array_equal(usable[1], [-0.5])


@pytest.mark.parametrize(("high", "low"), [(1.0, 1e-20), (1e-20, 1.0), (1.0, -0.25), (0.1, 0.2), (0.0, 0.3)])
def test_pairs_are_normalised_without_loss(high, low):
    plan = plan_of(Flows(np.array([0]), np.array([0]), np.array([high]), np.array([low])), (1, 1))
    value, rest = float(plan.values[0]), float(plan.low[0])
    assert Fraction(value) + Fraction(rest) == Fraction(high) + Fraction(low)
    assert abs(rest) <= math.ulp(value) / 2


@pytest.mark.parametrize(
    ("high", "low"), [(-1e-300, None), (math.nan, None), (TOO_LARGE, None), (1.0, -2.0), (1.0, math.nan), (-1.0, 2.0)]
)
def test_what_is_no_plan(high, low):
    flows = Flows(np.array([0]), np.array([0]), np.array([high]), None if low is None else np.array([low]))
    assert plan_of(flows, (1, 1)) is None
    assert plan_bound(otgen.Problem.from_matrix([[1.0]]), flows) == math.inf


def test_a_little_that_is_missed_where_pairs_are_forbidden():
    """It goes along an alternating path; more than rounding may miss proves nothing."""
    costs = np.array([[1.0, math.inf], [3.0, 0.5]])
    posed, eighth = otgen.Problem.from_matrix(costs, [0.25, 0.75], [0.5, 0.5]), np.array([[0.25, 0.0], [0.25, 0.5]])
    exact = plan_bound(posed, listed(eighth))
    assert exact == pytest.approx(1.25, rel=1e-14)
    little = plan_bound(posed, listed(eighth - np.array([[2.0**-52, 0.0], [0.0, 0.0]])))
    assert little - exact == pytest.approx(2 * 2.0**-52 * 2.5 * 4, rel=0.2, abs=0.0)
    assert plan_bound(posed, listed(eighth - np.array([[2.0**-40, 0.0], [0.0, 0.0]]))) == math.inf
    assert plan_bound(posed, listed(np.full((2, 2), 0.25))) == math.inf


def test_a_plan_along_a_forbidden_pair_is_none():
    posed = otgen.Problem.from_matrix([[1.0, math.inf], [3.0, 0.5]], [0.25, 0.75], [0.5, 0.5])
    found = prove_dual(posed, Claim(listed(np.array([[0.0, 0.25], [0.5, 0.25]]))))
    assert (found.cost, found.upper) == (math.inf, math.inf)
    assert math.isfinite(found.lower)


def test_a_target_that_none_may_serve():
    posed = otgen.Problem.from_matrix([[1.0, math.inf]])
    found = dual_certificate(posed, None, np.zeros(1), posed.cost.column_minima(np.zeros(1)))
    assert found.lower == math.inf


def test_a_target_without_mass_proves_nothing_whatever_its_potential():
    posed = otgen.Problem.from_matrix([[1.0, 4.0], [3.0, 2.0]], [0.5, 0.5], [1.0, 0.0])
    a, b, f = posed.source.probabilities, posed.target.probabilities, np.array([0.25, 0.75])
    for useless in (math.inf, -math.inf, 7.0):
        g = np.array([0.5, useless])
        value, size, bound = map(float, dual_value(posed.cost, a, b, f, g))
        assert (value, size) == (1.0, 1.0)
        assert 0 < bound < 1e-14
        one, other = balanced(a, b, f, g)
        np.testing.assert_array_equal(one, f)
        np.testing.assert_array_equal(other, g)


def test_costs_beyond_all_floats_prove_nothing():
    posed = otgen.Problem.from_matrix([[1.0, 2.0]])
    sides = posed.source.probabilities, posed.target.probabilities
    value, size, bound = map(float, dual_value(posed.cost, *sides, np.zeros(1), np.array([1.0, math.inf])))
    assert (value, size, bound) == (-math.inf, math.inf, 0.0)


def test_what_entries_lost_to_rounding_is_part_of_the_plan():
    """0.5 + 2**-54 and what is missing to 1, which is a double: the cost of the first rounds upwards, were it alone downwards."""
    index, tiny = np.arange(2), 2.0**-54
    posed = otgen.Problem.from_matrix([[1.5, 9.0], [9.0, 0.0]], [0.5, 0.5])
    plan = plan_of(Flows(index, index, np.array([0.5, 0.5 - tiny]), np.array([tiny, 0.0])), (2, 2))
    assert plan is not None
    found = dual_certificate(posed, plan, np.zeros(2), np.zeros(2))
    assert found.cost == 0.75 + 2.0**-53
    errors = marginal_errors(posed, plan)
    assert errors == pytest.approx((2 * tiny, 2 * tiny), rel=1e-6, abs=0)
    whole = plan_of(Flows(index, index, np.array([0.5, 0.5 - tiny]), np.array([0.0, tiny])), (2, 2))
    assert whole is not None
    assert marginal_errors(posed, whole) == pytest.approx((0.0, 0.0), abs=1e-28)


@pytest.mark.parametrize("least", [0.0, -1.0, 1e-290])
@pytest.mark.parametrize("seed", SEEDS)
def test_beside_dear_pairs_a_plan_costs_what_its_flow_does(seed, least):
    """To one rounding, whatever rounding has left of the plan's masses, and however many pairs are listed that carry nothing."""
    costs = np.full((3, 3), 1e100)
    costs[[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]] = (
        np.random.default_rng(seed).random(5) * (least if least > 0 else 1) + least
    )
    third = Fraction(1, 3)
    posed = otgen.Problem.from_matrix(costs, [2.0, 5.0, 2.0], [1.0, 3.0, 5.0], normalize=True)
    flows = {(0, 0): third / 3, (0, 1): third / 3, (1, 1): third * 2 / 3, (1, 2): third, (2, 2): third * 2 / 3}
    truth = sum(flow * Fraction(costs[pair]) for pair, flow in flows.items())
    matrix = np.zeros((3, 3))
    for pair, flow in flows.items():
        matrix[pair] = float(flow) * (1 + 1e-12)
    found = prove_dual(posed, Claim(listed(matrix)))
    assert found.cost == float(truth)
    assert truth <= Fraction(found.upper) <= truth + Fraction(4 * 2.0**-53) * abs(truth) + Fraction(1e-300)


def test_what_costs_of_points_are_off_by_is_charged_whatever_a_plan_misses():
    """In single precision, where half of all distances are below the true ones."""
    for x, y in np.random.default_rng(0).random((8, 2, 1, 2)):
        posed = otgen.Problem.from_points(x, y, p=1)
        single = replace(posed, cost=posed.cost.astype(np.float32))
        found = prove_dual(single, Claim(listed(np.array([[0.999]]))))
        assert Fraction(found.upper) ** 2 >= sum((Fraction(s) - Fraction(t)) ** 2 for s, t in zip(x[0], y[0]))


ZEROS = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize("tiny", [1.0, 1e-300, 1e-320])
@pytest.mark.parametrize("size", [2, 150])
def test_no_interval_of_costs_of_at_least_0_begins_below_0(size, tiny):
    """It printed [-3.5e-323, 2.9e-29]."""
    matrix = tiny * np.kron(ZEROS, np.ones((size // 2, size // 2)))
    found = [
        otgen.transport(matrix),
        otgen.transport(matrix, solver="linprog"),
        otgen.transport(matrix, epsilon=otgen.Relative(0.1)),
    ]
    found += [
        otgen.transport(matrix, penalty=1.0),
        otgen.transport(matrix, [1.0] * size, [2.0] * size, epsilon=otgen.Relative(1.0), relax=tiny),
    ]
    found += [otgen.transport(matrix[:1])]
    for result in found:
        assert 0 <= result.lower <= result.value <= result.upper
        assert result.cost_lower is None or 0 <= result.cost_lower <= result.cost_upper
    assert found[0].value == 0


def test_costs_below_0_leave_intervals_below_0():
    for matrix in (-ZEROS, ZEROS - 0.5):
        assert otgen.transport(matrix, epsilon=0.1).lower < 0
        assert otgen.transport(matrix).lower < 0


def test_the_cost_of_points_at_one_place_does_not_begin_below_0():
    x = np.random.default_rng(0).normal(size=(40, 2))
    for result in (
        otgen.wasserstein(x, x + 1e-200, p=1),
        otgen.wasserstein(x, x[::-1], p=3),
        otgen.wasserstein(x[:, 0], x[:, 0], p=3),
    ):
        assert 0 <= result.cost_lower <= result.cost_upper
