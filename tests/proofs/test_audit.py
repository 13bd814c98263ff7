"""What an audit finds, figure by figure, each against what was put into the claim."""

import math

import numpy as np
import pytest

import otgen
from otgen.kernels.dual_margins import TOO_LARGE
from otgen.model.claim import Claim, Flows
from otgen.proofs.audit import _count_useless, _in_whole_numbers, _out_of_the_way, find

COSTS = np.array([[0.0, 2.0], [3.0, 0.5]])


def flows(values, low=None):
    """Entries of a matrix, all of them."""
    values = np.asarray(values, float)
    rows, columns = np.indices(values.shape).reshape(2, -1)
    return Flows(rows, columns, values.ravel(), None if low is None else np.asarray(low, float).ravel())


def one_by_one(high, low=None):
    index = np.arange(len(high))
    return Flows(index, index, np.array(high), None if low is None else np.array(low))


def potentials(f, g):
    return Claim(potentials=(np.array(f), np.array(g)))


def test_a_plan_alone():
    found = find(otgen.Problem.from_matrix(COSTS), Claim(flows([[0.25, 0.125], [0.0, 0.5]])))
    assert found.marginal_errors == (0.125, 0.25 + 0.125)
    assert (found.unusable, found.infeasibility, found.worst_pair) == ((0, 0), None, None)


def test_entries_of_no_use_are_left_out_and_counted():
    found = find(otgen.Problem.from_matrix(COSTS), Claim(flows([[0.5, -0.25], [math.nan, 0.5]])))
    assert found.unusable == (2, 0)
    assert found.marginal_errors == (0.0, 0.0)
    assert found.certificate.upper == pytest.approx(0.25, rel=1e-14)


def test_what_entries_lost_to_rounding_counts():
    low = [[0.125, 0.0], [0.0, -0.25]]
    found = find(otgen.Problem.from_matrix(COSTS), Claim(flows([[0.375, 0.0], [0.0, 0.75]], low)))
    assert found.marginal_errors == (0.0, 0.0)
    assert found.certificate.marginal_error <= 1e-15
    assert found.certificate.cost == pytest.approx(0.25, rel=1e-15)


@pytest.mark.parametrize(
    ("f", "g", "over", "worst"),
    [
        ([0.0, 0.0], [0.0, 0.5], 0.0, None),  # tight
        ([0.0, 0.0], [-1.0, -1.0], 0.0, None),  # loose
        ([0.0, 0.0], [0.25, 0.0], 0.25, (0, 0)),
        ([0.0, 0.25], [0.0, 1.0], 0.75, (1, 1)),
        ([0.0, 0.0], [math.nan, 0.0], 0.0, None),  # counts as 0
        ([0.0, 0.0], [TOO_LARGE, -1.0], 0.0, None),  # the same
    ],
)
def test_potentials_alone(f, g, over, worst):
    found = find(otgen.Problem.from_matrix(COSTS), potentials(f, g))
    assert found.infeasibility == pytest.approx(over, abs=1e-15)
    assert found.worst_pair == worst
    assert (found.marginal_errors, found.unusable) == (None, (0, sum(not abs(z) < TOO_LARGE for z in f + g)))


@pytest.mark.parametrize("useless", [math.nan, TOO_LARGE])
def test_a_useless_potential_is_never_the_worst(useless):
    """It is taken to be 0, which is more than this problem allows; but the claim did not say so."""
    posed = otgen.Problem.from_matrix(COSTS - 4.0)
    found = find(posed, potentials([0.0, 0.0], [useless, -4.0]))
    assert found.infeasibility == 0.0
    assert find(posed, potentials([0.0, 0.0], [0.0, -4.0])).worst_pair == (0, 0)


@pytest.mark.parametrize("useless", [1.0, 1e100, math.inf, math.nan])
def test_potentials_of_points_without_mass_are_not_looked_at(useless):
    posed = otgen.Problem.from_matrix(np.pad(COSTS, ((0, 1), (0, 1)), constant_values=1.0), [1, 1, 0.0], [1, 1, 0.0])
    found = find(posed, potentials([0.0, 0.0, useless], [0.0, 0.5, useless]))
    assert (found.infeasibility, found.worst_pair, found.unusable) == (0.0, None, (0, 0))
    assert found.certificate.lower == pytest.approx(0.25, rel=1e-14)


def test_useless_potentials_are_counted_where_there_is_mass():
    posed = otgen.Problem.from_matrix(np.zeros((2, 3)), [0.0, 1.0], [0.5, 0.5, 0.0])
    given = np.array([math.nan, TOO_LARGE]), np.array([-TOO_LARGE, np.nextafter(TOO_LARGE, 0), math.inf])
    assert _count_useless(posed, given) == 2


@pytest.mark.parametrize("costs", [COSTS, COSTS * 8, COSTS - 1.5, COSTS / 8 + 9])
def test_sources_without_mass_are_out_of_the_way(costs):
    posed = otgen.Problem.from_matrix(costs, [0.0, 1.0])
    f = np.array([1e9, 0.25])
    moved = _out_of_the_way(posed, f)
    assert moved[1] == 0.25
    assert (costs[0] - moved[0] > costs[1] - moved[1]).all()
    every = otgen.Problem.from_matrix(costs)
    assert _out_of_the_way(every, f) is f


@pytest.mark.parametrize(
    ("high", "low", "whole"),
    [
        ([], None, ()),
        ([0.1], None, (1,)),
        ([0.1, 0.1], None, (1, 1)),
        ([0.1, 0.1], [0.0, 0.0], (1, 1)),
        ([0.25, 0.5], None, (1, 2)),
        ([0.5, 0.5], [0.25, 0.0], (3, 2)),
        ([0.5, 0.5], [-0.25, 0.0], (1, 2)),
        ([0.5, 0.5], [0.25, 0.25], (3, 3)),
        ([1.0, 3.0], None, (1, 3)),
    ],
)
def test_flows_as_whole_numbers(high, low, whole):
    assert _in_whole_numbers(one_by_one(high, low)) == whole


def test_a_bottleneck_on_the_line_needs_no_plan():
    posed = otgen.Problem.from_points([0.0, 2.0], [1.0, 5.0], p=math.inf)
    found = find(posed, Claim(potentials=(np.zeros(2), np.zeros(2))))
    assert (found.certificate.lower, found.certificate.upper) == pytest.approx((3.0, 3.0), rel=1e-14)
    assert (found.marginal_errors, found.infeasibility, found.unusable) == (None, None, (0, 0))


def test_an_entropic_plan_alone_is_what_is_judged():
    posed = otgen.Problem.from_matrix(COSTS, epsilon=0.5)
    plan = np.array([[0.375, 0.125], [0.125, 0.375]])
    value = (plan * COSTS).sum() + 0.5 * (plan * np.log(4 * plan)).sum()
    found = find(posed, Claim(flows(plan)))
    assert value <= found.certificate.objective == found.certificate.upper <= value + 1e-10
    assert found.certificate.cost == pytest.approx((plan * COSTS).sum(), rel=1e-13)
    assert (found.unusable, found.marginal_errors) == ((0, 0), (0.0, 0.0))
    both = find(posed, Claim(flows(plan), potentials=(np.zeros(2), np.zeros(2)))).certificate
    dual = -0.5 * (np.exp(-COSTS / 0.5).sum() / 4 - 1)
    assert both.objective == pytest.approx(dual, rel=1e-13)


@pytest.mark.parametrize("useless", [TOO_LARGE, math.nan, -math.inf])
def test_an_entropic_potential_of_no_use_counts_as_none(useless):
    posed = otgen.Problem.from_matrix(COSTS, epsilon=0.5)
    found, zero = (find(posed, potentials([z, 0.0], [0.25, 0.0])) for z in (useless, 0.0))
    assert found.unusable == (0, 1)
    assert (found.certificate.lower, found.certificate.upper) == (zero.certificate.lower, zero.certificate.upper)
