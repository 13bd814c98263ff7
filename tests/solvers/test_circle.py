"""Points on a circle against rational arithmetic, linear programming, and POT; whatever the period, the scale and the weights."""

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_truth import line_truth
from proving import assert_coupling, assert_feasible, assert_proven, exact_transport

import otgen
from otgen import Circular, Problem, Status
from otgen.model.cost.searches import CircleSearches
from otgen.solvers import Circle

CHECKER = Path(otgen.__file__).parent / "app" / "check_proof.py"


def exact_costs(x, y, period, p):
    """Powers of the distances, as fractions, for a whole p."""
    period = Fraction(period)

    def cost(u, v):
        step = abs(Fraction(u) - Fraction(v)) % period
        return min(step, period - step) ** p

    return [[cost(u, v) for v in y] for u in x]


coordinates = st.one_of(st.integers(-40, 40).map(lambda k: k / 8), st.floats(-50, 50).map(lambda z: round(z, 9)))
masses = st.one_of(st.integers(0, 5).map(float), st.sampled_from([1e-30, 1e-9, 0.1, 1 / 3]))


@st.composite
def problems(draw):
    """Points, some in one place or outside one turn, and weights, some of which are 0 or nearly so."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    x, y = draw(st.lists(coordinates, min_size=n, max_size=n)), draw(st.lists(coordinates, min_size=m, max_size=m))
    a, b = ([draw(masses) for _ in range(k)] for k in (n, m))
    a[0] += 1.0
    b[-1] += 1.0
    return x, y, a, b


@given(
    problems(),
    st.sampled_from([1.0, 2.5, 24.0, 2 * math.pi]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([-60, 0, 60]),
)
def test_it_holds_the_truth(problem, period, p, exponent):
    x, y, a, b = problem
    scale = 2.0**exponent
    x, y, period = np.multiply(x, scale), np.multiply(y, scale), period * scale
    costs = exact_costs(x, y, period, p)
    truth = exact_transport(costs, *([Fraction(w) / sum(map(Fraction, side)) for w in side] for side in (a, b)))
    posed = Problem.from_points(x, y, a, b, p=p, metric=Circular(period), normalize=True)
    result = otgen.solve(posed, Circle())
    assert result.solver == "Circle"
    assert_proven(result, truth, scale=period**p, tight=1e-14)
    assert_coupling(result.plan, np.array(a) / sum(a), np.array(b) / sum(b))
    slack = 1e-14 * period**p
    assert_feasible(result.potentials, np.array(costs, float), slack)


@pytest.mark.parametrize("p", [1, 1.3, 2, 5])
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "equal weights"])
def test_many_points_are_proven_by_their_order(p, weighted):
    rng = np.random.default_rng(0)
    x, y = rng.vonmises(0, 1, 300), rng.vonmises(1.5, 3, 260) + 20 * np.pi
    a, b = (rng.random(len(z)) ** 8 if weighted else None for z in (x, y))
    posed = Problem.from_points(x, y, a, b, p=p, metric=Circular(2 * np.pi), normalize=True)
    assert isinstance(posed.cost.searches, CircleSearches)
    result, listed = otgen.solve(posed), otgen.transport(posed.cost.block(), a, b, normalize=True)
    assert (result.solver, result.status) == ("Circle", Status.OPTIMAL)
    assert result.value == pytest.approx(listed.value, rel=1e-11)
    assert result.upper - result.lower <= 1e-11 * result.value
    assert len(result.plan.values) <= 300 + 260 - 1


@pytest.mark.parametrize("p", [1, 2])
def test_pot_says_the_same(p):
    rng = np.random.default_rng(3)
    x, y, a, b = rng.random(60), rng.random(50) ** 2, rng.random(60), rng.random(50)
    theirs = float(ot.wasserstein_circle(x, y, a / a.sum(), b / b.sum(), p=p)[0])
    mine = otgen.wasserstein(x, y, a, b, p=p, metric=Circular(1), normalize=True)
    assert mine.cost == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("p", [1, 2, 2.5])
def test_a_turn_of_both_changes_nothing_and_a_turn_of_one_is_found(p):
    rng = np.random.default_rng(1)
    x, y, a = rng.integers(0, 96, 40) / 4, rng.integers(0, 96, 40) / 4, rng.integers(1, 9, 40)
    day = dict(p=p, metric=Circular(24))
    plain, turned = (
        otgen.wasserstein(x, y, a, **day, normalize=True),
        otgen.wasserstein(x + 17, y - 31, a, **day, normalize=True),
    )
    assert turned.value == pytest.approx(plain.value, rel=1e-12)
    same = otgen.wasserstein(
        x, x + 0.125, a, a, **day
    )  # less than half of the least gap, so that nobody passes anybody
    assert same.value == pytest.approx(0.125, rel=1e-12)
    assert same.status is Status.OPTIMAL


@pytest.mark.parametrize("p", [1, 2, 7])
def test_equal_measures_are_at_distance_nothing_however_often_they_are_wound_up(p):
    x = np.array([-3.0, 0.1, 7.25, 24.0, 12.0, -12.0])
    for y in (x, np.roll(x, 2), x[::-1] + [24, 0, -48, 24, 0, 24]):
        result = otgen.wasserstein(x, y, p=p, metric=Circular(24))
        assert (result.lower, result.value) == (0.0, 0.0)
    assert otgen.wasserstein([-3.0], [21.0], p=p, metric=Circular(24)).upper == 0.0
    assert otgen.wasserstein([12.0], [-12.0], p=p, metric=Circular(24)).upper == 0.0


def test_opposite_points_may_go_either_way():
    for p in (1, 2, 3):
        for y, costs in (([0.5, 0.5], [0.5, 0.4]), ([0.5, 0.55], [0.4, 0.45]), ([0.5, 0.6], [0.4, 0.4])):
            result = otgen.wasserstein([0.0, 0.1], y, p=p, metric=Circular(1))
            assert result.cost == pytest.approx(sum(cost**p for cost in costs) / 2, rel=1e-14)
            assert result.status is Status.OPTIMAL


def test_masses_below_the_unit_of_the_search_are_moved_as_well():
    x, y = [0.0, 0.3, 0.6], [0.05, 0.35, 0.9]
    result = otgen.wasserstein(x, y, [1.0, 1e-25, 1.0], [1.0, 1.0, 1e-25], p=2, metric=Circular(1), normalize=True)
    assert result.status is Status.OPTIMAL
    assert result.cost == pytest.approx((0.05**2 + 0.25**2) / 2, rel=1e-13)
    assert_coupling(result.plan, np.array([1, 1e-25, 1]) / 2, np.array([1, 1, 1e-25]) / 2)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_gradients_are_what_a_small_step_costs(p):
    rng = np.random.default_rng(5)
    x, y = rng.random(7), rng.random(9)

    def call(z):
        return otgen.wasserstein(z, y, p=p, metric=Circular(1)).cost

    slopes = otgen.wasserstein(x, y, p=p, metric=Circular(1)).gradients().x
    for k in range(7):
        step = np.eye(7)[k] * 1e-6
        assert slopes[k] == pytest.approx((call(x + step) - call(x - step)) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_the_independent_checker_agrees(p, tmp_path):
    rng = np.random.default_rng(2)
    path = tmp_path / "proof.npz"
    otgen.wasserstein(rng.normal(size=9) * 20, rng.random(8), p=p, metric=Circular(7)).save_proof(path)
    otgen.load_proof(path).verify()
    ran = subprocess.run([sys.executable, CHECKER, path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_is_not_on_a_circle_is_refused():
    for x, options in (
        ([0.0, 1.0], {}),
        ([[0.0, 1.0], [1.0, 0.0]], {"metric": Circular(1)}),
        ([0.0, 1.0], {"metric": Circular(1), "p": math.inf}),
    ):
        with pytest.raises(
            otgen.InvalidInput, match=r"solver='circle' must get points with one coordinate under otgen.Circular"
        ):
            otgen.wasserstein(x, x, **options, solver="circle")


def test_it_can_be_stopped_between_passes():
    rng = np.random.default_rng(0)
    told = []

    def stop(message):
        told.append(message)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Circle().solve(Problem.from_points(rng.random(9), rng.random(8), metric=Circular(1)), stop)
    assert told[-1].startswith("shift known to within")


def test_many_circles_at_once_and_pairs_of_them():
    rng = np.random.default_rng(4)
    xs, ys = rng.random((3, 5)), rng.random((3, 6))
    single = [otgen.wasserstein(x, y, p=1, metric=Circular(1)).value for x, y in zip(xs, ys, strict=True)]
    np.testing.assert_allclose(
        otgen.wasserstein_batch(xs[..., None], ys[..., None], p=1, metric=Circular(1)).value, single, rtol=1e-12
    )
    table = otgen.pairwise(list(xs), list(ys), p=1, metric=Circular(1))
    np.testing.assert_allclose(np.diag(table), single, rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_where_nobody_goes_round_the_period_takes_no_digits(p):
    """An interval was off by roundings of the period, 24 here, in which distances of 1e-9 have no digits left at p = 2."""
    x, y = np.array([0.0, 1.0, -3.0]) * 1e-9, np.array([48.0, 24.0, -24.0]) + 2.0**-28
    near, line = otgen.wasserstein(x, y, p=p, metric=Circular(24)), otgen.wasserstein(x, np.full(3, 2.0**-28), p=p)
    assert near.value == pytest.approx(line.value, rel=1e-13)
    assert near.upper - near.lower <= 1e-13 * near.value


@pytest.mark.parametrize("p", [1, 2, 3, 7])
@pytest.mark.parametrize("spread", [1e-3, 1e-6])
def test_what_clusters_cost_in_themselves_is_not_lost_beside_the_distances_between_them(p, spread):
    """Potentials were tight all round, as large as the cost of half a turn: at p = 2 and a spread of 1e-6 the lower bound had no digit."""
    rng = np.random.default_rng(p)
    hours = rng.choice([-12.0, -5.0, 0.0, 7.0, 11.0], 270)
    x, y = (np.sort(hours) + spread * rng.uniform(-1, 1, 270) for _ in range(2))
    result = otgen.wasserstein(x, y, p=p, metric=Circular(24))
    members = [np.sort(hours) == hour for hour in np.unique(hours)]
    costs = [
        abs(Fraction(u) - Fraction(v)) ** p for k in members for u, v in zip(np.sort(x[k]), np.sort(y[k]), strict=True)
    ]
    truth = float(sum(costs) / 270)
    assert (result.solver, result.status) == ("Circle", Status.OPTIMAL)
    assert result.cost == pytest.approx(truth, rel=1e-12)
    assert result.cost_upper - result.cost_lower <= 1e-10 * truth


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.sampled_from([1.0, 24.0, 0.1, 2 * math.pi]), st.integers(0, 60))
def test_the_nearer_way_is_rounded_once(u, v, period, closer):
    """Beside the seam distances were off by roundings of the period."""
    x, y = u * period, period / 2 - v * period * 2.0**-closer
    posed = Problem.from_points([x, -y, y], [y, x], p=1, metric=Circular(period))
    relative, absolute = posed.cost.rounding
    assert absolute == 0
    assert relative < 1e-14
    for row, u in zip(posed.cost.block().tolist(), [x, -y, y], strict=True):
        for cost, v in zip(row, [y, x], strict=True):
            truth = exact_costs([u], [v], period, 1)[0][0]
            assert abs(Fraction(cost) - truth) <= Fraction(relative) * truth
    pairs = posed.cost.pairs(np.repeat([0, 1, 2], 2), np.tile([0, 1], 3))
    np.testing.assert_array_equal(pairs, posed.cost.block().ravel())


@pytest.mark.parametrize("p", [1, 2, 7, 80])
@pytest.mark.parametrize("solver", ["circle", "simplex"])
@pytest.mark.parametrize(("period", "size"), [(1.0, 1e-150), (2.0**1000, 1.0), (1e300, 1e-5), (24.0, 1e-290)])
def test_points_far_closer_than_the_period_are_as_on_the_line(p, solver, period, size):
    """Costs were in units of half a period; at high powers of it the upper bound was infinite."""
    x, y = size * np.array([0.0, -1.0, 3.0, 0.0]), size * np.array([0.25, 2.0, -1.5, 1.0])
    line = otgen.wasserstein(x, y, p=p)
    result = otgen.wasserstein([period, x[1], x[2], -period], y, p=p, metric=Circular(period), solver=solver)
    assert result.status is Status.OPTIMAL
    assert result.value == pytest.approx(line.value, rel=1e-11)
    assert math.isfinite(result.upper)


@pytest.mark.parametrize("faint", [1e-30, 1e-100, 1e-300])
def test_the_value_is_the_plans_where_faint_masses_travel(faint):
    """They were left out of it: 0, between ends of which the upper one was not."""
    found = otgen.wasserstein([0.0, 1.0], [0.0, 0.0], [1.0, faint], p=1, metric=Circular(10), normalize=True)
    assert found.value == pytest.approx(faint, rel=1e-12)
    assert found.lower <= faint <= found.upper


@pytest.mark.parametrize("p", [1, 2, 80])
def test_distances_of_which_the_period_is_no_float(p):
    x, y = 1e-308 * np.array([0.0, -1.0, 3.0, 0.0]), 1e-308 * np.array([0.25, 2.0, -1.5, 1.0])
    found = otgen.wasserstein(x, y, p=p, metric=Circular(24.0))
    assert found.value == pytest.approx(otgen.wasserstein(x, y, p=p).value, rel=1e-11)


@pytest.mark.parametrize("p", [2, 80, 300])
@pytest.mark.parametrize("solver", ["circle", "simplex"])
@pytest.mark.parametrize(("centre", "size"), [(0.0, 1e-100), (0.0, 1e-3), (12.0, 2.0**-10)])
def test_where_nobody_goes_round_the_proof_is_that_of_the_line(p, solver, centre, size):
    """Weights that balance only up to rounding, and high powers, left intervals as wide as the value and far wider."""
    rng = np.random.default_rng(p)
    x, y = (size * np.round(rng.normal(size=k) * 2**20) / 2**20 for k in (4, 5))
    a, b = [0.1, 0.2, 0.3, 0.4], [0.2] * 5
    found = otgen.wasserstein(centre + x, centre + y, a, b, p=p, metric=Circular(24.0), solver=solver)
    assert found.status is Status.OPTIMAL
    assert found.lower <= line_truth(x, y, a, b, p) <= found.upper
    assert found.upper - found.lower <= 1e-12 * found.value


def test_a_proof_file_of_a_straight_circle_is_by_duality(tmp_path):
    """As on the line: it holds what an independent checker can repeat."""
    x, y, faint = [0.0, 1.0], [0.0, 0.0], [1.0, 1e-100]
    found = otgen.wasserstein(x, y, faint, p=1, metric=Circular(10), normalize=True)
    assert (found.certificate, found.status) == ("monotone", Status.OPTIMAL)
    found.save_proof(tmp_path / "proof.npz")
    kept = otgen.load_proof(tmp_path / "proof.npz")
    assert kept.kind == "dual"
    kept.verify()
    assert kept.lower <= found.lower <= found.upper <= kept.upper
