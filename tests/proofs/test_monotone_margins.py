"""Margins for rounding on the line, against the worst that each operation may do: no less, and no more than 50 times as much.

The true mean comes from rational numbers. Rounding is far below its bound in nearly every case, so that no comparison with the truth tells
whether a margin is enough: here one of the terms dominates in each case.
"""

import math

import mpmath
import numpy as np
import pytest
from line_truth import line_truth

from otgen.kernels import monotone as kernel
from otgen.model.plan import MonotonePlan
from otgen.proofs.monotone import are_plain, monotone_largest, monotone_mean

U, LEAST, MOST = 2.0**-53, 2.0**-1074, 50.0
ONES, THREES = [1.0, 2.0, 7.0], [3.0, 6.0, 21.0]  # shares are the same, but a third is no pair of doubles
AWKWARD = 2.0**-54 + 2.0**-106  # beside 1 it fills both doubles of a pair
LESS = 2.0**-70 + 2.0**-122  # of this its last digit is lost beside that


def coupled(x, y, a=None, b=None):
    """Of points and weights in order."""
    x, y, a, b = (None if z is None else np.asarray(z, np.float64) for z in (x, y, a, b))
    return MonotonePlan(x, y, x, y, a, b)


def distance_of(plan, p):
    return line_truth(plan.x, plan.y, *(None if z is None else z.tolist() for z in (plan.a, plan.b)), p)


def truth_of(plan, p, unit=1.0):
    """The mean of ``(distance / unit) ** p``, or of those over the largest that is travelled."""
    with mpmath.workdps(60):
        return (distance_of(plan, p) / unit) ** mpmath.mpf(p)


def flows(plan):
    """Masses and distances of the staircase."""
    steps = kernel.exact_steps(plan.masses.a, plan.masses.b)
    return steps.shares, np.abs(plan.x[steps.rows] - plan.y[steps.columns])


def chain(n):
    """Additions in a row in numpy's sum of n numbers: eight lanes of at most 128, and halves."""
    if n < 8:
        return n - 1
    if n <= 128:
        return n // 8 - 1 + 3 + n % 8
    half = n // 2 - n // 2 % 8
    return 1 + max(chain(half), chain(n - half))


def operations(plan, p):
    """Beside distances: the power by an ulp, sums, a division; of masses also what they are made of, times the power, over the total."""
    power = 0 if p == 1 else 2
    if plan.a is None and plan.b is None and len(plan.x) == len(plan.y):
        return power + chain(len(plan.x)) + 1
    return power + 2 + 1 + min(len(flows(plan)[0]) - 1, 15) + 2 + 2


def holds(needed, margin):
    assert needed <= margin <= MOST * needed


RAMP = np.linspace(1.0, 2.0, 4096)
PLANS = {
    "one pair": coupled([0.1], [2.0999]),
    "three pairs": coupled([0.0, 1.0, 2.0], [0.3, 1.9, 2.7]),
    "twenty pairs": coupled(np.arange(20.0), np.arange(20.0) + 0.9),
    "many pairs": coupled(RAMP, RAMP + np.linspace(0.3, 0.4, 4096)),
    "far": coupled([0.0, 1e6], [2e6, 3.1e6]),
    "near": coupled([0.0, 1.0], [2.0**-20, 1 + 2.0**-19]),
    "unlike": coupled([0.0, 1.0, 2.0], [0.3, 1.9]),
    "weighed": coupled([0.0, 1.0, 2.0], [0.3, 1.9, 2.7, 4.1], [1.0, 2.0, 5.0], [3.0, 1.0, 2.0, 2.0]),
    "light": coupled([0.0, 1.0], [0.3, 1.9, 2.7], [2.0**-90, 2.0**-91], [2.0**-91, 2.0**-90, 2.0**-93]),
    "heavy": coupled([0.0, 1.0], [0.3, 1.9, 2.7], [1e80, 2e80], [2.5e80, 1e80, 1e80]),
}


@pytest.mark.parametrize("p", [1, 2, 3, 3.7, 8])
@pytest.mark.parametrize("name", PLANS)
def test_mean(name, p):
    plan = PLANS[name]
    found = monotone_mean(plan, p)
    needed = U * (p + operations(plan, p)) * found.cost
    assert abs(found.cost - truth_of(plan, p)) <= needed
    holds(needed, found.cost - found.lower)
    holds(needed, found.upper - found.cost)
    assert (found.kind, found.unit, found.marginal_error) == ("monotone", None, 0.0)


def largest_share(plan):
    shares, distances = flows(plan)
    return float(shares[distances.argmax()])


def steep_needed(plan, p):
    """Quotients of two distances err by 3 u; the largest by itself is 1."""
    shares, distances = flows(plan)
    quotients = distances / distances.max()
    terms = shares * quotients**p
    return U * float(3 * p * terms[quotients < 1].sum() + operations(plan, p) * terms.sum())


NEARLY = 1 - 2.0**-20
STEEP = {
    "one nearly": coupled([0.0, 10.0], [1.0, 10 + NEARLY]),
    "twice one nearly": coupled([0.0, 10.0], [2.0, 10 + 2 * NEARLY]),
    "five nearly": coupled([0.0, 10.0, 20.0, 30.0, 40.0], [1.0, *(10.0 * k + NEARLY for k in range(1, 5))]),
    "twenty nearly": coupled(10.0 * np.arange(20), 10.0 * np.arange(20) + np.append(1.0, np.full(19, NEARLY))),
    "unlike nearly": coupled([0.0, 2 * NEARLY], [-1.0, NEARLY, 3 * NEARLY]),
    "weighed nearly": coupled([0.0, 10.0], [1.0, 10 + NEARLY, 11.0], [1.0, 7.0], [1.0, 7.0, 0.0]),
}


@pytest.mark.parametrize("p", [8.1, 9, 80, 540, 1e5])
@pytest.mark.parametrize("name", STEEP)
def test_mean_in_the_unit_of_the_largest_distance(name, p):
    in_unit_of_largest(STEEP[name], p)


@pytest.mark.parametrize("p", [1, 2, 3.7])
@pytest.mark.parametrize("name", ["one nearly", "five nearly", "twenty nearly", "weighed nearly"])
def test_means_that_are_too_small_for_their_powers(name, p):
    plan, tiny = STEEP[name], 2.0**-700
    in_unit_of_largest(coupled(plan.x * tiny * 2, plan.y * tiny * 2, plan.a, plan.b), p)


def in_unit_of_largest(plan, p):
    found, truth = monotone_mean(plan, p), truth_of(plan, p, float(flows(plan)[1].max()))
    needed = steep_needed(plan, p)
    assert abs(found.cost - truth) <= needed
    holds(needed, found.cost - found.lower)
    holds(min(needed, 1.0 - found.cost), found.upper - found.cost)
    assert (found.kind, found.unit, found.marginal_error) == ("monotone", flows(plan)[1].max(), 0.0)
    spread = math.log(found.upper / found.lower)  # a scale at which "narrow" means that the value is known
    assert found.scale * spread == pytest.approx(p * (found.upper - found.lower), rel=1e-12)


class TestMassThatTiesMisplace:
    """Breakpoints that agree up to rounding: mass up to the tie may go from one end to the other."""

    @pytest.mark.parametrize(("p", "apart"), [(1, 2.0**50), (2, 1e8), (3.7, 1e4), (8, 50.0)])
    def test_mean(self, p, apart, decided):
        plan = coupled([0.0, apart, 2 * apart], [1.0, apart + 1, 2 * apart + 1], ONES, THREES)
        found = monotone_mean(plan, p)
        assert decided == []
        needed = U * (p + operations(plan, p)) * found.cost + 2 * plan.masses.tie / plan.masses.total * (2 * apart) ** p
        assert abs(found.cost - truth_of(plan, p)) <= needed
        holds(needed, found.cost - found.lower)
        holds(needed, found.upper - found.cost)

    def test_mean_in_the_unit_of_the_largest_distance(self, decided):
        plan = coupled([0.0, 0.5, 1.0], [0.0135, 0.5108, 1.0108], ONES, THREES)
        found = monotone_mean(plan, 9)
        assert decided == []
        needed = steep_needed(plan, 9) + 2 * plan.masses.tie / plan.masses.total * (1.0135 / 0.0135) ** 9
        holds(needed, found.cost - found.lower)
        holds(needed, found.upper - found.cost)

    @pytest.mark.parametrize("p", [1e18, 1e300])
    def test_the_share_that_travels_farthest(self, p, decided):
        """At the highest orders it is all that is known; 1e-17 of the mass, of which one part in 1e12 may be misplaced."""
        plan = coupled([-10.0, 0.0, 1.0], [0.5, 1.5], [1e-17, 0.25, 0.75], [0.3, 0.7])
        found = monotone_mean(plan, p)
        assert decided == []
        share = largest_share(plan)
        holds(3 * U * share + plan.masses.tie / plan.masses.total, share - found.lower)
        assert found.upper == 1.0


@pytest.fixture
def decided(monkeypatch):
    """Work is counted: what whole numbers were asked to decide."""
    asked, exact_steps = [], kernel.exact_steps
    monkeypatch.setattr(kernel, "exact_steps", lambda a, b: asked.append(1) or exact_steps(a, b))
    return asked


@pytest.mark.parametrize("p", [1e17, 1e20, 1e300])
@pytest.mark.parametrize("n", [1, 3, 20])
def test_share_of_pairs(n, p):
    plan = coupled(10.0 * np.arange(n), 10.0 * np.arange(n) + np.append(1.0, np.full(n - 1, 0.5)))
    found = monotone_mean(plan, p)
    holds(U / n, 1 / n - found.lower)
    assert found.lower < found.cost <= found.upper == 1.0


FAINT = {  # shares, or what they cost beside the rest, are below all normal floats
    "one step": coupled([1.0, 1.0], [1.0, 2.0], None, [2.0**500, 0.75 * 2.0**-574]),
    "below all floats": coupled([0.0, 4.0], [0.0], [2.0**900, 1.5 * 2.0**-900], [1.0]),
    "two far apart": coupled([0.0, 1.0, 3.0], [0.0], [2.0**800, 1.25 * 2.0**-400, 1.75 * 2.0**-900], [1.0]),
    "costs of it": coupled([0.0, 3.0, 4.0], [0.0], [1.0, 2.0**-1000, 2.0**-1010], [1.0]),
    "both sides": coupled([0.0, 5.0], [2.0, 4.0], [2.0**-700, 2.0**700], [1.0, 2.0**900]),
}


class TestFaintMass:
    @pytest.mark.parametrize("p", [1, 2, 9, 80, 700, 1e6])
    @pytest.mark.parametrize("name", FAINT)
    def test_distance(self, name, p):
        """In the unit of what costs most, where the mean power is about 1."""
        plan = FAINT[name]
        found = monotone_mean(plan, p)
        truth = truth_of(plan, p, found.unit or 1.0)
        assert found.lower <= truth <= found.upper
        errors = U * (4 * p + 7 * 1500)  # of logarithms up to 1500, those of shares and of powers
        assert found.upper - found.lower <= 3 * errors * found.cost
        assert p > 8 or found.optimal

    @pytest.mark.parametrize("p", [9, 700])
    def test_margins(self, p):
        """The logarithm of a share of 2**-1800 and its product are rounded, and a power of 4 in the unit of the distance."""
        plan = FAINT["below all floats"]
        found = monotone_mean(plan, p)
        needed = U * (2 * 1800 * math.log(2) + 3 * p) * found.cost
        holds(needed, found.cost - found.lower)
        holds(needed, found.upper - found.cost)

    @pytest.mark.parametrize("p", [4, 5])
    def test_margins_of_nearly_all_mass(self, p):
        """Of a step whose share is 1: roundings of its power, which no logarithm of a share covers."""
        near, faint = 2.0 ** -(1048 // p), 2.0**-1060
        plan = coupled([0.0, 2.0], [near, 3.0], [1.0, faint], [1.0, faint])
        found = monotone_mean(plan, p)
        needed = U * (3 * p + 3) * found.cost
        assert found.unit == near
        holds(needed, found.cost - found.lower)
        holds(needed, found.upper - found.cost)

    @pytest.mark.parametrize("p", [700, 1e6])
    @pytest.mark.parametrize("name", FAINT)
    def test_points_close_to_each_other(self, name, p):
        """In a unit as much smaller."""
        plan, tiny = FAINT[name], 2.0**-900
        found, plain = monotone_mean(coupled(plan.x * tiny, plan.y * tiny, plan.a, plan.b), p), monotone_mean(plan, p)
        assert (found.cost, found.lower, found.upper) == (plain.cost, plain.lower, plain.upper)
        assert found.unit == plain.unit * tiny

    @pytest.mark.parametrize("faint", [0.75, 1.25, 1.75, 3.25])
    @pytest.mark.parametrize("p", [2e18, 1e300])
    def test_orders_at_which_nearly_may_be_anything(self, faint, p):
        """The share is rounded to a multiple of the least float, and subtracted from what may cost all."""
        found = monotone_mean(coupled([1.0, 1.0], [1.0, 2.0], None, [2.0**500, faint * 2.0**-574]), p)
        cost, lower = found.cost / LEAST, found.lower / LEAST
        assert cost == round(faint)
        assert max(cost - MOST, 0.0) <= lower <= faint

    def test_no_plan_costs_nothing(self):
        found = monotone_mean(FAINT["below all floats"], 1e300)
        assert (found.unit, found.cost, found.lower, found.upper, found.optimal) == (4.0, 1.0, 0.0, 1.0, False)


@pytest.mark.parametrize("light", [2.0**-95, 2.0**-120])
def test_what_travels_farthest_counts_where_nothing_else_is_known(light):
    """At such an order a mean of 0.4 may be anything; ties hide that a fifth travels 3, behind a point that is passed over."""
    plan = coupled([1.0, 3.0, 3.0, 3.0], [0.0, 0.0, 1.0], [1.0, light, 1.0, 0.5], [2.0**60, 2.0**59, 2.0**60])
    found = monotone_mean(plan, 1e18)
    assert found.optimal
    holds(U / 5, 0.2 - found.lower)


def test_a_lower_end_of_0_is_no_narrow_interval():
    """Of a cost that nearly all mass nearly travels, at an order at which "nearly" may be anything."""
    y = 1 - 2.0**-53
    found = monotone_mean(coupled([0.0, 0.0], [y, 1.0], None, [2.0**500, 0.75 * 2.0**-574]), 4e18)
    assert (found.lower, found.upper, found.optimal) == (0.0, 1.0, False)


class TestScale:
    """What a gap is compared with: the mean, or 1e-7 of what the farthest points with mass cost."""

    @pytest.mark.parametrize("p", [1, 2, 3.7])
    @pytest.mark.parametrize(("from_x", "from_y"), [(100.0, 101.0), (101.0, 100.0), (-100.0, -101.0), (-101.0, -100.0)])
    def test_of_the_farthest_points(self, p, from_x, from_y):
        apart = 2.0**40
        plan = coupled([from_x, from_x + apart], [from_y, from_y + apart])
        assert monotone_mean(plan, p).scale == pytest.approx(1e-7 * (apart + 1.0) ** p, rel=1e-14)

    @pytest.mark.parametrize(("first", "last"), [(0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5)])
    def test_of_points_with_mass(self, first, last):
        x = 2.0**30 * np.array([0.0, 1.0, 2.0, 5.0, 6.0, 7.0])
        weights = [first, first, 0.5, 0.5, last, last]
        low, high = 2.0**30 * (0 if first else 2), 2.0**30 * (7 if last else 5)
        for plan in (coupled(x, x + 1.0, weights, weights), coupled(x + 1.0, x, weights, weights)):
            found = monotone_mean(plan, 2)
            assert found.cost == pytest.approx(1.0, rel=1e-14)
            assert found.scale == pytest.approx(1e-7 * (high + 1.0 - low) ** 2, rel=1e-14)

    def test_of_the_mean(self):
        found = monotone_mean(coupled([0.0, 1.0], [3.0, 7.0]), 2)
        assert found.scale == found.cost == 22.5


class TestNothingTravels:
    @pytest.mark.parametrize("p", [1, 2, 9, 1e300])
    @pytest.mark.parametrize("weights", [None, ONES])
    def test_mean(self, p, weights, decided):
        found = monotone_mean(coupled([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], weights, weights), p)
        assert (found.cost, found.lower, found.upper, found.scale, found.marginal_error) == (0.0,) * 5
        assert found.unit is None
        assert decided == []

    @pytest.mark.parametrize("p", [1, 2, 9, 1e300])
    def test_mean_as_whole_numbers_have_it(self, p):
        """Pairs of doubles cannot tell that breakpoints agree."""
        found = monotone_mean(coupled([0.0, 1.0, 2.0], [0.0, 1.0, 2.0], ONES, THREES), p)
        assert (found.cost, found.lower, found.upper) == (0.0, 0.0, 0.0)

    def test_largest(self):
        found = monotone_largest(coupled([0.0, 1.0], [0.0, 1.0]))
        assert (found.cost, found.lower, found.upper) == (0.0, 0.0, 0.0)


class TestPointsThatLostDigits:
    @pytest.mark.parametrize("p", [1, 2, 9])
    def test_mean(self, p):
        """So little that a rounding may be all of it; known where no digit was lost."""
        for tiny in (0.0, 2.0**-1070, 2.0**-1010):
            plan = coupled([0.0, 1.0], [tiny, 1.0])
            found = monotone_mean(plan, p, lossless=False)
            assert (found.cost, found.lower, found.upper) == ((tiny / 2.0**-1000) ** p, 0.0, 1.0)
            assert (found.unit, found.scale, found.marginal_error) == (2.0**-1000, math.inf, 0.0)
            found = monotone_mean(plan, p)
            assert found.lower == pytest.approx(0.5 if tiny else 0.0)
            assert found.unit == (tiny or None)

    def test_mean_of_larger_ones(self):
        plan = coupled([0.0, 1.0], [2.0**-999, 1.0])
        assert monotone_mean(plan, 2, lossless=False).unit == 2.0**-999

    def test_largest(self):
        for tiny in (0.0, 2.0**-1070):
            found = monotone_largest(coupled([0.0, 1.0], [tiny, 1.0]), lossless=False)
            assert found.lower == max(tiny - 2 * LEAST, 0.0)
            assert found.upper == tiny + 2 * LEAST


@pytest.mark.parametrize("largest", [1e-150, 0.7, 3e90])
def test_the_largest_distance(largest):
    """One rounding, of a difference."""
    found = monotone_largest(coupled([0.0, 1e-160], [largest, largest]))
    holds(U * largest, found.cost - found.lower)
    holds(U * largest, found.upper - found.cost)
    assert (found.kind, found.cost, found.scale, found.marginal_error) == ("cut", largest, largest, 0.0)


UNDECIDED = {
    "thirds": ([0.0, 1e9, 2e9], [1e-5, 1e9 + 1e-5, 2e9 + 1e-5], ONES, THREES),
    "one side weighed": ([0.0, 1e9, 2e9], [1e-5, 1e9 + 1e-5, 2e9 + 1e-5], None, [0.1, 0.1, 0.1]),
    "other side weighed": ([0.0, 1e9, 2e9], [1e-5, 1e9 + 1e-5, 2e9 + 1e-5], [0.1, 0.1, 0.1], None),
    "passed over": ([0.0, 0.0, 1e30], [0.0, 0.0], [1.0, AWKWARD, 2.0**-110], [AWKWARD, 1.0]),
    "sums alike": ([0.0, 0.0, 0.0, 1e30], [0.0, 0.0, 1e30], [1.0, AWKWARD, LESS, 1.0], [1.0, AWKWARD + LESS, 1.0]),
}
UNDECIDED["sums of much mass alike"] = (
    *UNDECIDED["sums alike"][:2],
    *(2.0**60 * np.array(z) for z in UNDECIDED["sums alike"][2:]),
)
PLAIN = {
    "alike": ([0.0, 1e9, 2e9], [1e-5, 1e9 + 1e-5, 2e9 + 1e-5], ONES, ONES),
    "light": ([0.0, 1e9, 2e9], [1e-5, 1e9 + 1e-5, 2e9 + 1e-5], *(2 * [[2.0**-90, 2.0**-89, 2.0**-88]])),
    "uniform": ([0.0, 1e9], [1e-5, 2e-5, 1e9 + 1e-5, 1e9 + 2e-5], None, None),
    "no two breakpoints": ([0.0, 2.0], [0.0, 1.0, 2.0], [1.0, 3.0], [1.0, 1.1, 2.0]),
    "without mass": ([-1e30, 0.0, 1.0, 1e30], [-1e30, 1e-5, 1.0, 1e30], [0.0, 1.0, 3.0, 0.0], [0.0, 1.0, 3.0, 0.0]),
}


@pytest.mark.parametrize("p", [2, 8, 80, math.inf])
@pytest.mark.parametrize("name", [*UNDECIDED, *PLAIN])
def test_whole_numbers_decide_where_pairs_of_doubles_do_not(name, p, decided):
    """Points far apart, of which hardly any mass travels."""
    plan = coupled(*{**UNDECIDED, **PLAIN}[name])
    if p == math.inf:
        found, truth = monotone_largest(plan), distance_of(plan, 1e40)
    else:
        found = monotone_mean(plan, p)
        truth = truth_of(plan, p, found.unit or 1.0)
    assert found.lower <= truth <= found.upper
    assert found.upper - found.lower <= 1e-10 * found.cost
    assert decided == ([1] if name in UNDECIDED else [])


@pytest.mark.parametrize("p", [2, 80])
def test_equal_masses_as_many_are_not_walked(p):
    plan = coupled([0.0, 1.0], [0.5, 2.0])
    monotone_mean(plan, p)
    assert "masses" not in vars(plan)


@pytest.mark.parametrize(
    ("cost", "charge", "plain"),  # of mean powers, in their own unit and as a share of it
    [
        (1.0, 0.0, True),
        (1.0, 5e-10, True),
        (1.0, 2e-9, False),
        (1e-6, 5e-10, True),
        (1e-6, 2e-9, False),
        (1e9, 5e-10, True),
        (1e-250, 0.0, False),
        (1e250, 0.0, False),
    ],
)
@pytest.mark.parametrize("order", [1.0, 2.0, 9.0])
def test_costs_are_plain_where_no_digit_is_missing(cost, charge, plain, order):
    found = are_plain(np.array([cost, cost]), np.array([charge * cost, 0.0]), order)
    assert found.tolist() == [plain and order < 9, 1e-200 < cost < 1e200 and order < 9]
