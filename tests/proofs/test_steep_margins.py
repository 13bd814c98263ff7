"""Margins of steep proofs, part by part: no less than the worst that each operation may do at 40 digits, and no more than 50 times that."""

import math

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import otgen
from otgen.model.plan import SparsePlan
from otgen.proofs.certificate import Certificate
from otgen.proofs.steep import _in_unit, _nearest_share, _stretch, balanced, prove_steep

U, MOST = 2.0**-53, 50
ALONG = np.array([[0.0, 0.0], [100.0, 0.0]])  # two points far apart
BESIDE = ALONG + [[0.0, 3.0], [0.0, 1.0]]  # and their mates, 3 and 1 away


def steep(values, x=ALONG, y=BESIDE, *, a=None, b=None, p=20, metric="cityblock", pairs=((0, 1), (0, 1)), **plain):
    """The problem, what was proven before, and what is proven then."""
    problem = otgen.Problem.from_points(x, y, a, b, p=p, metric=metric)
    plan = SparsePlan(*map(np.array, pairs), np.array(values, float), problem.shape)
    before = Certificate(
        "dual", **{"cost": 1.0, "lower": 0.0, "upper": 1e100, "scale": 1.0, "marginal_error": 0.0} | plain, plan=plan
    )
    return problem, before, prove_steep(problem, before)


def off(problem, unit):
    """How far off a length may be, in the unit: by the metric's rounding, and by that of a quotient and of a sum."""
    relative, absolute = problem.cost.clouds.distances.rounding
    return relative + absolute / unit + 2 * U


@pytest.mark.parametrize("p", [1.5, 8.5, 80, 700])
@pytest.mark.parametrize("metric", ["cityblock", "euclidean", "chebyshev"])
def test_a_plan_that_misses_nothing(p, metric):
    problem, _, found = steep([0.5, 0.5], p=p, metric=metric)
    with mpmath.workdps(40):
        power = 1 / mpf(3) ** mpf(p)
        needed = (p * off(problem, 3.0) + 3 * U) * (1 + power) / 2
        assert needed <= mpf(found.upper) - (1 + power) / 2 <= MOST * needed
        assert needed <= (1 + power) / 2 - mpf(found.lower) <= MOST * needed  # each goes to its nearest
        assert abs(found.cost - (1 + power) / 2) <= needed
    assert (found.unit, found.scale) == (3.0, found.cost)


@pytest.mark.parametrize("far", [1e-3, 1e-12, 2.0**-47])
def test_lengths_that_are_off(far):
    """On the sphere by as much wherever the points are."""
    x, y = np.zeros((2, 2)), np.array([[far, 0.0], [0.0, far]])
    problem, _, found = steep([0.5, 0.5], x, y, metric="great_circle", p=2)
    share = off(problem, far)
    assert (1 + share) ** 2 <= found.upper <= (1 + 3 * share) ** 2
    assert max(1 - 3 * share, 0.0) ** 2 <= found.lower <= max(1 - share, 0.0) ** 2


def test_lengths_of_which_nothing_is_known_prove_nothing():
    _, absolute = otgen.Problem.from_points(
        ALONG[:1], ALONG[:1] + 1e-9, metric="great_circle"
    ).cost.clouds.distances.rounding
    for far, known in ((absolute / 1.5, False), (absolute * 2, True)):
        _, before, found = steep([1.0], [[0.0, 0.0]], [[far, 0.0]], metric="great_circle", pairs=((0,), (0,)))
        assert (found is not before) == known


@pytest.mark.parametrize("moved", [2.0**-30, 2.0**-12])
def test_little_mass_moves(moved):
    x = np.array([[0.0, 0.0], [50.0, 0.0]])
    _, _, found = steep([1 - moved, moved], x, x + [[0.0, 0.0], [0.0, 2.0]], a=[1 - moved, moved], b=[1 - moved, moved])
    assert 20 * 8 * U * moved <= found.upper - moved <= 20 * 50 * U * moved
    assert 20 * 8 * U * moved <= moved - found.lower <= 20 * 50 * U * moved


def test_sums_that_are_hardly_numbers_are_rounded_too():
    """A trifle between points without mass is the plan's all the same; so is what the nearest are away."""
    faint = 2.0**-1000
    _, _, found = steep([1.0, faint], ALONG, ALONG + [[0.0, 0.0], [0.0, 1.0]], a=[1.0, 0.0], b=[1.0, 0.0], p=80)
    assert faint + 2.0**-1040 <= found.upper <= faint * (1 + 1e-5)
    problem = otgen.Problem.from_points(ALONG, ALONG + [[0.0, 2.0**-50], [0.0, 2.0**-50]], p=20, metric="cityblock")
    nearest = _nearest_share(problem, problem.cost.clouds.distances, 1.0, 0.0)
    assert faint * (1 - 1e-5) <= nearest <= faint - 2.0**-1040


@pytest.mark.parametrize("side", [0, 1])
def test_the_dearer_side_is_what_it_costs_to_send_all_to_their_nearest(side):
    clouds = [ALONG[:1], ALONG[:1] + [[0.0, 1.0], [0.0, 4.0]]]
    values, pairs = [0.5, 0.5], [(0, 0), (0, 1)]
    weights = [None, [0.5, 0.5]]
    order = (0, 1) if side else (1, 0)
    problem, _, found = steep(
        values,
        *(clouds[k] for k in order),
        a=weights[order[0]],
        b=weights[order[1]],
        p=2,
        pairs=[pairs[k] for k in order],
    )
    assert found.lower == pytest.approx((1 + 1 / 16) / 2, rel=1e-13)
    assert found.upper == pytest.approx(found.lower, rel=1e-13)
    assert problem.shape == ((1, 2) if side else (2, 1))


def test_a_plan_that_costs_less_than_the_way_to_the_nearest():
    """It misses most of the mass: the lower end is let to be no more than the value."""
    _, _, found = steep([0.25, 0.0], upper=3.0**20, p=20)
    assert found.lower == found.cost <= 0.25


def test_what_is_missed_is_paid_along_every_sturdy_pair():
    x, y = np.array([[0.0, 0.0], [0.0, 4.0]]), np.array([[2.0, 0.0], [2.0, 4.0]])
    x, y = np.vstack([x, [[2.0, 2.0]]])[[0, 1]], np.vstack([y, x + 1])[[0, 1]]
    missed, pairs = 2.0**-40, ((0, 0, 1, 1), (0, 1, 0, 1))
    _, _, found = steep([0.25 - missed, 0.25, 0.25, 0.25], x, y, p=1.5, pairs=pairs)
    sides = 2 + 2 * 3**1.5  # 2 and 6 away
    assert found.unit == 6.0
    paid = 2 * missed * sides / 3**1.5
    assert paid <= found.upper - found.cost <= 1.5 * paid


@pytest.mark.parametrize(("upper", "p"), [(0.5, 300), (1e30, 300), (1e200, 300), (1e300, 20)])
def test_what_cannot_be_repaired_may_cost_what_it_did_before(upper, p):
    values = [0.25, 0.5]
    _, _, found = steep(values, upper=upper, p=p)
    with mpmath.workdps(40):
        before = mpf(upper) / mpf(found.unit) ** p
        plan = (mpf(values[0]) * mpf(3) ** p + mpf(values[1])) / mpf(found.unit) ** p
        assert max(before, plan) <= found.upper <= max(before, plan) * (1 + mpf(1e-10))
        assert found.cost == pytest.approx(float(plan), rel=1e-10)


@pytest.mark.parametrize("upper", [0.0, math.inf])
def test_what_cannot_be_repaired_proves_nothing_beside_nothing(upper):
    _, before, found = steep([0.25, 0.5], upper=upper, lower=-1.0)
    assert found is before


@pytest.mark.parametrize("length", [0.0, 2.0**-1020])
def test_what_hardly_moves_is_left_as_it_was(length):
    _, before, found = steep([0.5, 0.5], ALONG, ALONG + [[0.0, length], [0.0, 0.0]])
    assert found is before


def test_pairs_that_carry_nothing_are_no_unit():
    _, _, found = steep([0.5, 0.5, 0.0], pairs=((0, 1, 0), (0, 1, 1)))
    assert found.unit == 3.0


@pytest.mark.parametrize(
    ("lower", "upper", "cost", "left"),
    [(0.0, 1e-10, 1.0, True), (0.0, 1.1e-10, 1.0, False), (0.0, 1e-10, 0.25, False), (0.5, 0.5 + 1e-11, 1.0, True)],
)
def test_what_is_tight_is_left_as_it_was(lower, upper, cost, left):
    _, before, found = steep([0.5, 0.5], cost=cost, upper=upper, lower=lower)
    assert (found is before) == left


def test_costs_that_are_listed_are_left_as_they_were():
    problem = otgen.Problem.from_matrix(np.eye(2))
    plan = SparsePlan(np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5]), (2, 2))
    before = Certificate("dual", 1.0, 0.0, 1.0, 1.0, 0.0, plan)
    assert prove_steep(problem, before) is before


def test_the_dual_value_counts_where_it_is_more():
    """Each goes by a half, though one of them lies upon the other's goal."""
    x, y = np.array([[0.0, 0.0], [0.5, 0.0]]), np.array([[0.5, 0.0], [1.0, 0.0]])
    _, _, found = steep([0.5, 0.5], x, y, lower=0.225, p=2)
    assert 0.9 * (1 - 1e-14) <= found.lower < mpf(0.225) * 4
    _, _, nearest = steep([0.5, 0.5], x, y, lower=0.0, p=2)
    assert 0.5 * (1 - 1e-13) <= nearest.lower < 0.5


def test_points_so_faint_that_digits_are_lost_go_nowhere():
    problem = otgen.Problem.from_points(ALONG, ALONG[:1], [1.0, 2.0**-970], [1.0], p=20)
    assert _nearest_share(problem, problem.cost.clouds.distances, 100.0, 0.0) == 0.0


@pytest.mark.parametrize(("a", "b", "expected"), [((2.0, 6.0), (1.0, 3.0), True), ((2.0, 6.0), (3.0, 1.0), False), ((1.0, 3.0), (1.5, 4.5), True), ((1.0, 3.0), (1.0, 1.0), False)])  # fmt: skip
def test_groups_are_balanced_by_their_shares(a, b, expected):
    posed = otgen.Problem.from_points(ALONG, BESIDE, a, b, normalize=True)
    assert balanced(posed, np.array([0, 1]), np.array([0, 1])) is expected


@pytest.mark.parametrize(("b", "expected"), [((3.0, 3.0), True), ((2.0, 4.0), False)])
def test_a_group_carries_what_its_points_do(b, expected):
    posed = otgen.Problem.from_points(np.vstack([ALONG, [[0.0, 1.0]]]), BESIDE, [1.0, 3.0, 2.0], b)
    assert balanced(posed, np.array([0, 1, 2]), np.array([0, 1, 0])) is expected


@pytest.mark.parametrize("bound", [1e-300, 1e-10, 0.5, 1.0, 3.0, 1e100])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 7.3, 1e5])
@pytest.mark.parametrize("p", [1.0, 8.5, 60.0, 700.0])
def test_bounds_in_the_unit(bound, unit, p):
    with mpmath.workdps(400):
        exact = mpmath.log(mpf(bound)) - mpf(p) * mpmath.log(mpf(unit))
        needed = U * (abs(mpmath.log(mpf(bound))) + 2 * abs(p * mpmath.log(mpf(unit))) + 1)
        for way in (-1, 1):
            if abs(exact) < 600:
                found = _in_unit(bound, unit, p, way)
                assert needed <= way * (mpmath.log(mpf(found)) - exact) <= MOST * needed


def test_a_lower_bound_beyond_all_floats_is_cut_off():
    assert _in_unit(1e300, 1e-3, 300.0, -1) == math.exp(700.0)


@pytest.mark.parametrize(("upper", "unit", "p"), [(1e100, 1e-3, 300.0), (1e200, 1e-300, 2.0), (0.5, 1e-30, 700.0)])
def test_a_unit_is_stretched_until_a_bound_is_a_float(upper, unit, p):
    longer = unit * _stretch(upper, unit, p)
    assert math.log(upper) - p * math.log(longer) == pytest.approx(600.0, rel=1e-10)
    assert _stretch(1e100, 1.0, p) == 1.0
