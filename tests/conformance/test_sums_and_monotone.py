"""The accurate sums, the sort and the staircase against exact rational arithmetic."""

import math
import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otgen.kernels import block_walk, double_double, jit, light_walk, monotone, sorting

COMPILED = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="too much to step through line by line"
)


@pytest.mark.parametrize("n", [1, 7, 100, 5003])
def test_sums_are_accurate_under_cancellation(n):
    rng = np.random.default_rng(n)
    values = rng.normal(size=n) * 10.0 ** rng.integers(-12, 12, n)
    exact = sum(map(Fraction, values.tolist()))
    high, low = double_double.total_pair(values)
    scale = Fraction(float(np.abs(values).sum()))
    assert abs(Fraction(high) + Fraction(low) - exact) <= scale * Fraction(2) ** -95
    assert double_double.total(values) == pytest.approx(float(exact), rel=1e-15)


@pytest.mark.parametrize("n", [1, 7, 5003])
def test_dot_products_are_accurate_under_cancellation(n):
    rng = np.random.default_rng(n)
    left, right = rng.normal(size=(2, n))
    exact = sum(Fraction(x) * Fraction(y) for x, y in zip(left.tolist(), right.tolist()))
    size = Fraction(float(np.abs(left * right).sum()))
    assert (
        abs(Fraction(double_double.dot(left, right)) - exact)
        <= 2 * Fraction(2) ** -53 * abs(exact) + size * Fraction(2) ** -85
    )


def test_marginal_residual_sees_what_is_missing():
    index = np.array([0, 0, 1])
    values, low = np.array([0.25, 0.25, 0.5]), np.zeros(3)
    weights = np.array([1.0, 1.0])
    assert double_double.marginal_residual(index, values, low, weights) < 1e-28
    values[0] += 2.0**-50
    assert double_double.marginal_residual(index, values, low, weights) >= 2.0**-50


@pytest.mark.parametrize("kind", ["random", "ties", "heavy tail", "one far away", "constant", "huge", "descending"])
@pytest.mark.parametrize("n", [2_500, 16_384, 16_385])  # by keys of 32 bits, the most of them, and by keys of 64
def test_sort_agrees_with_numpy(kind, n):
    rng = np.random.default_rng(0)
    values = {
        "random": lambda: rng.normal(size=n),
        "ties": lambda: np.round(rng.normal(size=n), 1),
        "heavy tail": lambda: rng.standard_cauchy(n) ** 9,
        "one far away": lambda: np.append(rng.normal(size=n - 1), 1e6),
        "constant": lambda: np.ones(n),
        "huge": lambda: rng.choice([-1e308, 1e308, 0.0], n),
        "descending": lambda: np.arange(n)[::-1] * 1.0,
    }[kind]()
    weights = rng.random(n)
    order = np.argsort(values, kind="stable")
    found = sorting.sort_with(values, weights)
    assert found.order.dtype == np.int64
    assert (found.order == order).all()
    assert (found.values == values[order]).all()
    assert (found.weights == weights[order]).all()


def whole(values):
    """Whole numbers, and how many of them make 1."""
    values = [Fraction(v) for v in values]
    unit = math.lcm(*(v.denominator for v in values))
    return [int(v * unit) for v in values], unit


def exact_cost(a, b, x, y, p):
    """The monotone coupling's cost by whole numbers, each side's of one unit; fractions would be reduced at every step."""
    (a, _), (b, _), (points, unit) = whole(a), whole(b), whole([*x, *y])
    x, y = points[: len(a)], points[len(a) :]
    mass_of_a, mass_of_b = sum(a), sum(b)
    a, b = [v * mass_of_b for v in a], [v * mass_of_a for v in b]
    i = j = total = 0
    left, right = a[0], b[0]
    while True:
        flow = min(left, right)
        total += flow * abs(x[i] - y[j]) ** p
        left, right = left - flow, right - flow
        if left == 0:
            i += 1
            if i == len(a):
                return Fraction(total, mass_of_a * mass_of_b * unit**p)
            left = a[i]
        if right == 0:
            j += 1
            right = b[j] if j < len(b) else right


@pytest.mark.parametrize("seed", range(20))
def test_staircase_against_fractions(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 30, 2)
    x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=m))
    a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
    both = monotone.masses(a, b, n, m)
    for p in (1, 2, 3):
        exact = exact_cost(a.tolist(), b.tolist(), x.tolist(), y.tolist(), p)
        assert monotone.walk(both, x, y, float(p)).cost == pytest.approx(float(exact), rel=1e-14)
    steps = monotone.steps(both)
    flows = (steps.high + steps.low) / both.total
    np.testing.assert_allclose(np.bincount(steps.rows, flows, n), a / a.sum(), rtol=1e-13)
    np.testing.assert_allclose(np.bincount(steps.columns, flows, m), b / b.sum(), rtol=1e-13)
    exact = monotone.exact_steps(a, b)
    assert exact.rows.tolist() == steps.rows.tolist()
    assert exact.columns.tolist() == steps.columns.tolist()
    np.testing.assert_allclose(exact.shares, flows, rtol=1e-14)
    np.testing.assert_allclose(np.exp(exact.logs), flows, rtol=1e-14)


def test_logarithms_of_shares_below_all_floats():
    """Of 2**-2000 / (2**900 + 2**-2000), and of what a third leaves of it."""
    steps = monotone.exact_steps([1.5 * 2.0**-1000, 2.0**900], [3.0, 1.0, 2.0**-1050])
    exact = [math.log(1.5) - 1900 * math.log(2), math.log(0.75), math.log(0.25), -1052 * math.log(2)]
    np.testing.assert_allclose(steps.logs, exact, rtol=4 * 2.0**-53)
    assert steps.shares[0] == 0.0


@pytest.mark.parametrize("kind", ["weights", "other total", "ties", "uniform", "faint", "half without mass"])
def test_blocks_in_fixed_point_against_fractions(kind):
    rng = np.random.default_rng(7)
    n, m = 290, 270  # more than a block
    x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=m))
    a, b = {
        "weights": lambda: (z / z.sum() for z in (rng.random(n), rng.random(m))),
        "other total": lambda: (rng.random(n) * 1e-5, rng.random(m) * 1e9),
        "ties": lambda: (rng.integers(1, 4, n) * 1.0, rng.integers(1, 4, m) * 1.0),
        "uniform": lambda: (np.full(n, float(m)), np.full(m, float(n))),
        "faint": lambda: (10.0 ** rng.integers(-20, 1, n), 10.0 ** rng.integers(-20, 1, m)),
        "half without mass": lambda: (np.r_[np.zeros(200), np.ones(90)], rng.random(m)),
    }[kind]()
    both = monotone.masses(a, b, n, m)
    exact = float(exact_cost(a.tolist(), b.tolist(), x.tolist(), y.tolist(), 2))
    pairs = monotone._walk_pairs(both, x, y, 2.0, 1.0)
    assert pairs[0] / both.total == pytest.approx(exact, rel=4e-15)
    for backward in (False, True):
        blocks = block_walk.walk_blocks(both, x, y, 2.0, 1.0, n, backward)
        assert blocks[0] / both.total == pytest.approx(exact, rel=4e-15)
        assert (blocks[1], *blocks[3:]) == (pairs[1], *pairs[3:])
        assert blocks[2] == pytest.approx(pairs[2], rel=4e-15)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("b", "agree"),
    [
        ([0.25, 0.25, 0.5], True),
        ([3.0, 3.0, 6.0], True),
        ([0.25 + 2.0**-54, 0.25 - 2.0**-54, 0.5], True),
        ([0.25 + 2.0**-54, 0.25, 0.5 - 2.0**-54], False),
    ],
)
def test_blocks_say_whether_breakpoints_agree(b, agree, backward):
    x = np.arange(4.0)
    both = monotone.masses(np.full(4, 0.25), np.array(b), 4, 3)
    assert block_walk.walk_blocks(both, x, x[:3], 1.0, 1.0, 4, backward)[3] == agree
    assert monotone._walk_pairs(both, x, x[:3], 1.0, 1.0)[3] == agree


@pytest.mark.parametrize("told", [3, 6])
def test_rows_are_sorted_one_by_one(told):
    """Also those whose keys of 32 bits or of 64 cannot tell, and those that span more than the largest float."""
    rng = np.random.default_rng(0)
    n = 2_500
    easy = [rng.normal(size=n), np.round(rng.normal(size=n), 2), -np.arange(n) * 1.0]
    hard = [rng.standard_cauchy(n) ** 9, np.ones(n), rng.choice([-1e308, 1e308, 0.0], n)]
    rows = np.stack([*easy, *hard][:told])
    weights = rng.random(n)
    found, order = sorting.sort_rows(rows, weights), np.argsort(rows, axis=1, kind="stable")
    assert (found.order == order).all()
    assert (found.values == np.sort(rows, axis=1)).all()
    assert (found.weights == weights[order]).all()


def test_rows_are_walked_one_by_one():
    rng = np.random.default_rng(0)
    x, y, a = np.sort(rng.normal(size=(3, 40)), axis=1), np.sort(rng.normal(size=(3, 30)), axis=1), rng.random((3, 40))
    a[1:] = rng.permuted(np.stack([a[0], a[0]]), axis=1)
    both = monotone.masses(a[0], None, 40, 30)
    found, charges = monotone.walk_rows(both._replace(a=a, b=both.b[None]), x, y, 2.0)
    for k in range(3):
        exact = exact_cost(a[k].tolist(), [1] * 30, x[k].tolist(), y[k].tolist(), 2)
        assert found[k] == pytest.approx(float(exact), rel=1e-14)
    assert (charges <= 1e-13 * found).all()


class TestLightWalks:
    """Off by no more than they say."""

    @staticmethod
    def walked(a, b, x, y, p):
        """What a light walk says beside the truth, as shares of the total."""
        both = monotone.masses(np.array(a, float), np.array(b, float), len(a), len(b))
        found = light_walk.walk_lightly(both, np.array(x, float), np.array(y, float), p)
        cost, charge = (z / both.total for z in found)
        exact = exact_cost(a, b, x, y, int(p))
        assert abs(cost - exact) <= charge + 1e-14 * exact
        return cost, charge, exact

    @settings(max_examples=40)
    @given(
        st.integers(0, 2**32 - 1),
        st.integers(1, 40),
        st.integers(1, 40),
        st.sampled_from([1.0, 2.0, 3.0]),
        st.sampled_from([0, 3, 30]),
    )
    def test_any_masses(self, seed, n, m, p, spread):
        rng = np.random.default_rng(seed)
        a, b = (np.exp(-spread * rng.random(k)) for k in (n, m))
        x, y = (np.sort(rng.integers(-9, 9, k) / 8) for k in (n, m))
        self.walked(a.tolist(), b.tolist(), x.tolist(), y.tolist(), p)

    def test_totals_that_are_equal_but_for_rounding(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            a, b = (rng.dirichlet(np.ones(k)) for k in (30, 50))
            x, y = (np.sort(rng.normal(size=k)).tolist() for k in (30, 50))
            cost, charge, _ = self.walked(a.tolist(), b.tolist(), x, y, 2.0)
            assert charge <= 1e-13 * max(cost, 1.0)

    @pytest.mark.parametrize("end", ["first", "last"])
    @pytest.mark.parametrize("side", [0, 1])
    def test_the_faintest_mass_far_out_is_met(self, side, end):
        """It is no unit, but what it may cost is said."""
        near, far = [0.0, 1.0, 2.0], [-1e9, 0.0, 2.0] if end == "first" else [0.0, 2.0, 1e9]
        light = [2.0**-80, 1.0, 1.0 - 2.0**-53] if end == "first" else [1.0, 1.0 - 2.0**-53, 2.0**-80]
        masses, points = ([light, [1.0, 0.5, 0.5]], [far, near])
        a, b = masses[:: -1 if side else 1]
        x, y = points[:: -1 if side else 1]
        assert self.walked(a, b, x, y, 2.0)[1] >= 1e18 * 2.0**-63

    @pytest.mark.parametrize(
        ("n", "m"),
        [
            (512, 512),
            (513, 1),
            (1, 513),
            *(pytest.param(*both, marks=COMPILED) for both in ((1024, 1500), (1536, 511))),
        ],
    )
    def test_blocks_end_where_they_end(self, n, m):
        rng = np.random.default_rng(n)
        a, b = rng.integers(1, 3, n), rng.integers(1, 3, m)
        a, b = 1.0 * a * b.sum(), 1.0 * b * a.sum()
        x, y = (np.sort(rng.integers(0, 999, k)).astype(float) for k in (n, m))
        self.walked(a.tolist(), b.tolist(), x.tolist(), y.tolist(), 2.0)

    def test_equal_measures(self):
        rng = np.random.default_rng(0)
        a, x = rng.dirichlet(np.ones(700)), np.sort(rng.normal(size=700))
        both = monotone.masses(a, a, 700, 700)
        assert light_walk.walk_lightly(both, x, x, 2.0)[0] == 0.0

    def test_what_is_charged_too_much_is_walked_again(self):
        a, b = np.array([2.0**-70, 1.0]), np.array([1.0, 2.0**-70])
        x, y = np.array([[0.0, 1.0]]), np.array([[1.0, 1.5]])
        cost, charge = monotone.walk_rows(monotone.masses(a, b, 2, 2)._replace(a=a[None], b=b[None]), x, y, 2.0)
        assert cost[0] == pytest.approx(1.25 * 2.0**-70, rel=1e-14)
        assert charge[0] <= 1e-7 * cost[0]


def test_breakpoints_that_agree_are_seen_to_agree():
    both = monotone.masses(np.full(10, 0.1), np.full(5, 0.2), 10, 5)
    steps = monotone.steps(both)
    assert len(steps.rows) == 10
    assert (steps.columns == np.arange(10) // 2).all()


@pytest.mark.parametrize(
    "case", [pytest.param("weights", marks=COMPILED), pytest.param("none", marks=COMPILED), "half without mass"]
)
def test_halves_of_a_long_walk_make_the_whole(case):
    """Above 200 000 points; each step of the plan that is listed beside it is added up instead."""
    rng = np.random.default_rng(1)
    n, m = 110_000, 100_000
    x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=m))
    a, b = {
        "weights": (rng.random(n), rng.random(m)),
        "none": (None, None),
        "half without mass": (np.r_[np.zeros(n - 40_000), np.ones(40_000)], None),
    }[case]
    both = monotone.masses(a, b, n, m)
    halves, steps = monotone.walk(both, x, y, 2.0), monotone.steps(both)
    lengths = np.abs(x[steps.rows] - y[steps.columns])
    assert halves.cost == pytest.approx(math.fsum(steps.high * lengths**2) / both.total, rel=1e-12)
    assert halves.largest == lengths[steps.high > 0].max()


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
def test_potentials_are_feasible_and_tight(p):
    rng = np.random.default_rng(3)
    x, y = np.sort(rng.normal(size=70)), np.sort(rng.normal(size=50))
    a, b = rng.random(70), rng.random(50)
    both = monotone.masses(a, b, 70, 50)
    steps = monotone.steps(both)
    f, g = monotone.potentials(steps.rows, steps.columns, x, y, p)
    costs = np.abs(x[:, None] - y) ** p
    assert (f[:, None] + g <= costs).all()
    value = f @ a / a.sum() + g @ b / b.sum()
    assert value == pytest.approx(monotone.walk(both, x, y, p).cost, rel=1e-11)
    assert math.isfinite(value)


@COMPILED
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_what_one_point_receives_is_bounded_for_certain(scale):
    """A million small parts behind eight large ones: errors of the low parts themselves add up."""
    m = 2**20
    part = scale * 2.0**-57 * (1 + int(0.49 * 2**16) * 2.0**-52)
    high = np.full(m, part)
    high[:8] = scale * 0.125
    missed = abs(Fraction(part) * (m - 8) + 8 * Fraction(scale * 0.125) - 1)
    bound = double_double.marginal_residual(np.zeros(m, np.int64), high, np.zeros(m), np.ones(1))
    assert missed <= Fraction(bound) <= missed * (1 + Fraction(1e-14)) + Fraction(m + 8) / 2**98


@jit.jit
def _product(a, b):
    return double_double.two_product(a, b)


def test_products_are_exact_compiled_or_not():
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(100, 2)) * 10.0 ** rng.integers(-60, 60, (100, 2)):
        for high, low in (_product(a, b), double_double.two_product(a, b)):
            assert Fraction(float(high)) + Fraction(float(low)) == Fraction(a) * Fraction(b)


def test_products_beyond_all_floats_are_no_warning():
    """Halves of numbers near the largest float are infinite where Python has no math.sumprod."""
    large = np.array([1e308, -1e308, 1.0])
    found = double_double.dot(large, np.array([0.5, 0.5, 1.0]))
    assert math.isnan(found) or found == 1.0
