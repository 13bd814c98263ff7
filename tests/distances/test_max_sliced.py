"""Max-sliced distances against grids of angles, a peer, closed forms and the axioms of a metric."""

from fractions import Fraction

import mpmath
import numpy as np
import ot
import pytest
from chosen import every
from hypothesis import given
from hypothesis import strategies as st
from strategies import clouds, translations

import otgen
from otgen import Status
from otgen.distances.slices.ascent import climb
from otgen.distances.slices.ceiling import ceiling
from otgen.distances.slices.couplings import Clouds, Coupling, Side

ORDERS = [1, 2, 3]


def along(x, y, a, b, p, angles):
    """Distances of the projections by the line's own solver."""
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.array([otgen.wasserstein(x @ t, y @ t, a, b, p=p, normalize=True).value for t in directions])


def sides(seed, n, m, d, weighted):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) * rng.uniform(0.5, 2, d) + rng.normal(size=d) / 2
    return x, y, *((rng.random(n) + 0.1, rng.random(m) + 0.1) if weighted else (None, None))


GRIDDED = [
    (1, False, (1, 1)),
    (1, True, (8, 8)),
    (2, False, (8, 8)),
    (2, True, (7, 12)),
    (3, False, (7, 12)),
    (3, True, (1, 5)),
]


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("p", "weighted", "sizes"), every(ORDERS, [False, True], [(1, 1), (1, 5), (8, 8), (7, 12)], by_day=GRIDDED)
)
def test_a_fine_grid_of_angles(p, weighted, sizes):
    n, m = sizes
    x, y, a, b = sides(n * m, n, m, 2, weighted)
    found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, normalize=True)
    grid = along(x, y, a, b, p, np.linspace(0, np.pi, 1500))
    assert grid.max() <= found.upper
    assert found.lower >= grid.max() - 1e-6 * found.upper
    assert found.upper - found.lower <= 1.1e-6 * found.upper
    assert found.status is Status.CONVERGED
    own = otgen.wasserstein(x @ found.direction, y @ found.direction, a, b, p=p, normalize=True)
    assert found.value == pytest.approx(own.value, rel=1e-12)
    assert np.hypot(*found.direction) == pytest.approx(1, rel=1e-15)
    assert found.lower <= otgen.wasserstein(x, y, a, b, p=p, normalize=True).upper


@given(clouds(dim=2), clouds(dim=2), st.sampled_from([1, 1.5, 2, 3]), st.floats(0, np.pi))
def test_no_angle_lies_above_the_interval(one, other, p, angle):
    (x, a), (y, b) = one, other
    found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, normalize=True, exact=False)
    assert along(x, y, a, b, p, np.array([angle]))[0] <= found.upper
    assert found.lower <= found.value <= found.upper
    assert found.status is Status.CONVERGED


@pytest.mark.parametrize("d", [2, 3, 10])
def test_the_peer_finds_no_more(d):
    x, y, a, b = sides(d, 20, 25, d, True)
    a, b = a / a.sum(), b / b.sum()
    for p in (1, 2):
        found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, rng=0)
        theirs = ot.max_sliced_wasserstein_distance(x, y, a, b, n_projections=500, p=p, seed=0)
        assert theirs <= found.value * (1 + 1e-6)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("p", ORDERS)
def test_single_points(exact, p):
    """A point against a point: their distance, along the line through them; the bounds close in any dimension."""
    for d in (2, 3, 50):
        x, y = np.zeros((1, d)), np.full((1, d), 2.0)
        found = otgen.max_sliced_wasserstein(x, y, p=p, exact=exact, rng=0)
        assert found.lower <= 2 * d**0.5 * (1 + 1e-15)
        assert found.upper >= 2 * d**0.5 * (1 - 1e-15)
        assert found.value == pytest.approx(2 * d**0.5, rel=1e-6)
        assert abs(found.direction @ np.full(d, d**-0.5)) == pytest.approx(1, rel=1e-6)


@given(translations())
def test_translations(case):
    """Of a cloud moved by v no line sees more than |v|, the one along v sees all."""
    length = float(np.sqrt(((case.y - case.x)[0] ** 2).sum()))
    found = otgen.max_sliced_wasserstein(case.x, case.y, case.a, case.b, p=case.p, rng=0)
    assert found.lower <= length * (1 + 1e-14)
    assert length <= found.upper * (1 + 1e-14)
    assert found.value == pytest.approx(length, rel=1e-5, abs=1e-14)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_equal_clouds(d):
    x = np.random.default_rng(0).normal(size=(30, d))
    for y in (x, x[::-1].copy()):
        found = otgen.max_sliced_wasserstein(x, y, rng=0)
        assert (found.value, found.lower, found.upper) == (0, 0, 0)


def test_on_the_line_it_is_the_distance():
    x, y = np.array([0.0, 2.0]), np.array([1.0, 5.0, 7.0])
    for p in ORDERS:
        found, own = otgen.max_sliced_wasserstein(x, y, p=p), otgen.wasserstein(x, y, p=p)
        assert (found.value, found.lower, found.upper) == (own.value, own.lower, own.upper)
        assert found.direction.tolist() == [1.0]


@pytest.mark.parametrize("d", [2, 4])
@pytest.mark.parametrize("scale", [2.0**-500, 1.0, 2.0**400])
@pytest.mark.parametrize("offset", [0.0, 2.0**40])
def test_offsets_and_scales(d, scale, offset):
    rng = np.random.default_rng(3)
    x, y = (rng.integers(-64, 64, (9, d)) / 16.0 for _ in range(2))
    plain = otgen.max_sliced_wasserstein(x, y, p=3, rng=1)
    moved = otgen.max_sliced_wasserstein((x + offset) * scale, (y + offset) * scale, p=3, rng=1)
    assert moved.value == pytest.approx(plain.value * scale, rel=1e-5)
    assert moved.lower <= plain.upper * scale
    assert plain.lower * scale <= moved.upper


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 1.5, 2, 3]))
def test_axioms_of_a_metric(seed, p):
    """Symmetry and the triangle's inequality, as far as intervals tell; rotations change nothing."""
    rng = np.random.default_rng(seed)
    x, y, z = (rng.normal(size=(n, 2)) + rng.normal(size=2) for n in rng.integers(1, 8, 3))
    xy, yx, yz, xz = (otgen.max_sliced_wasserstein(u, v, p=p) for u, v in ((x, y), (y, x), (y, z), (x, z)))
    assert xy.lower <= yx.upper
    assert yx.lower <= xy.upper
    assert xz.lower <= xy.upper + yz.upper
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = otgen.max_sliced_wasserstein(x @ turn, y @ turn, p=p)
    assert turned.lower <= xy.upper * (1 + 1e-13)
    assert xy.lower <= turned.upper * (1 + 1e-13)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 1.5, 2, 3, 6]), st.booleans(), st.sampled_from([3, 5]))
def test_more_dimensions_are_bounded(seed, p, weighted, d):
    """No direction at random, nor the best of a longer ascent, lies above the upper end."""
    x, y, a, b = sides(seed, 6, 9, d, weighted)
    held = Clouds(Side(x, a), Side(y, b), p)
    start = np.random.default_rng(seed).normal(size=d)
    climbed = climb(held, start / np.linalg.norm(start), 300)
    upper = ceiling(held, [climbed.coupling])
    assert climbed.distance <= upper
    found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, n_starts=2, rng=0, normalize=True)
    assert climbed.distance <= found.upper
    assert found.lower <= upper
    assert found.status in (Status.BOUNDED, Status.CONVERGED)


@pytest.mark.parametrize("p", [1.5, 2, 3])
def test_the_slope_is_the_derivative(p):
    x, y, a, b = sides(5, 9, 11, 4, True)
    held = Clouds(Side(x, a), Side(y, b), p)
    t, v = np.random.default_rng(0).normal(size=(2, 4))
    up, down = (held.coupled(t + sign * 1e-6 * v).distance(t + sign * 1e-6 * v) for sign in (1, -1))
    assert held.coupled(t).slope(t) @ v == pytest.approx((up - down) / 2e-6, rel=1e-6)


def test_the_best_of_an_ascent_beats_many_random_directions():
    x, y, _, _ = sides(8, 100, 100, 8, False)
    directions = np.random.default_rng(0).normal(size=(3000, 8))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    best = np.sqrt(((np.sort(x @ directions.T, axis=0) - np.sort(y @ directions.T, axis=0)) ** 2).mean(axis=0)).max()
    found = otgen.max_sliced_wasserstein(x, y, rng=0)
    assert best < found.value <= found.upper < otgen.wasserstein(x, y).lower


def test_a_limit_raises_with_the_interval():
    x, y, _, _ = sides(2, 30, 30, 2, False)
    with pytest.raises(otgen.NotConverged, match="raise max_iter or tol") as caught:
        otgen.max_sliced_wasserstein(x, y, max_iter=4)
    left = otgen.max_sliced_wasserstein(x, y, max_iter=4, throw=False)
    assert left.status is Status.MAX_ITER
    assert left.lower == caught.value.result.lower < otgen.max_sliced_wasserstein(x, y).lower * 1.001 < left.upper


@pytest.mark.parametrize("most", [1, 2, 3, 4, 7, 10])
def test_no_more_directions_of_the_plane_are_tried_than_that(most):
    x, y, _, _ = sides(2, 30, 30, 2, False)
    found = otgen.max_sliced_wasserstein(x, y, max_iter=most, tol=1e-12, throw=False)
    assert max(2, most - 1) <= found.iterations <= max(2, most)


def test_weightless_points_do_not_count():
    x, y, a, b = sides(3, 5, 6, 2, True)
    one = otgen.max_sliced_wasserstein(x, y, a, b, normalize=True)
    far = np.vstack([x, [[1e30, 1e30]]])
    assert otgen.max_sliced_wasserstein(far, y, np.append(a, 0), b, normalize=True).value == one.value


@pytest.mark.parametrize("exact", [True, False])
def test_faint_weights_travel(exact):
    """They were left out of couplings: no upper end closed, or one was below the distance along another direction."""
    x, y = np.array([[1.0, 0], [1, 0], [10, 0]]), np.array([[0.0, 0], [2, 0], [2, 0]])
    a, b = np.array([2.0**-80, 1, 1e-60]), np.array([2.0**-81, 1, 2.0**-81])
    found = otgen.max_sliced_wasserstein(x, y, a, b, p=200, exact=exact)
    assert found.lower <= 8 * 10 ** (-60 / 200) <= found.upper
    assert found.status is Status.CONVERGED


def test_chance_alone():
    x, y = np.random.default_rng(0).normal(size=(2, 40, 3))
    far = otgen.max_sliced_wasserstein(x, y + 1, n_starts=2, rng=0).chance(rng=0)
    near = otgen.max_sliced_wasserstein(x, y, n_starts=2, rng=0).chance(rng=0)
    assert far.p_value == 0.05
    assert near.p_value > 0.05


@pytest.mark.parametrize("options", [dict(n_starts=0), dict(tol=0), dict(max_iter=1.5), dict(exact="yes"), dict(p=0.5)])
def test_bad_options(options):
    with pytest.raises(otgen.InvalidInput, match=next(iter(options))):
        otgen.max_sliced_wasserstein([[0.0, 1.0]], [[1.0, 2.0]], **options)


def by_definition(x, y, a, b, p, direction):
    """The distance of the projections in 60 digits: masses as rational numbers, coordinates as they are, a direction of length 1."""
    with mpmath.workdps(60):
        t = [mpmath.mpf(float(z)) for z in direction]
        length = mpmath.sqrt(mpmath.fsum(z * z for z in t))
        u, v = (sorted((mpmath.fdot(map(float, z), t) / length, k) for k, z in enumerate(side)) for side in (x, y))
        shares = [[Fraction(float(w)) for w in side] for side in (a, b)]
        left, right = ([shares[s][k] / sum(shares[s]) for _, k in side] for s, side in enumerate((u, v)))
        i = j = 0
        moved = []
        while i < len(u) and j < len(v):
            share = min(left[i], right[j])
            if share:
                moved.append((share, abs(u[i][0] - v[j][0])))
            left[i], right[j] = left[i] - share, right[j] - share
            i, j = i + (left[i] == 0), j + (right[j] == 0)
        largest = max(distance for _, distance in moved)
        if np.isinf(p) or largest == 0:
            return largest
        terms = (mpmath.mpf(w.numerator) / w.denominator * (d / largest) ** p for w, d in moved)
        return largest * mpmath.fsum(terms) ** (1 / mpmath.mpf(p))


@pytest.mark.parametrize("p", [3, 20, 700, 1e6, 1e17, np.inf])
@pytest.mark.parametrize("exact", [True, False])
def test_points_of_next_to_no_mass_count_at_high_orders(p, exact):
    """A far point of 1e-40 of the mass: the root of that is most of the distance, and pairs of doubles do not see it."""
    for seed, d in enumerate((2, 2, 2, 3)):
        rng = np.random.default_rng(seed)
        x, y = 0.01 * rng.normal(size=(3, d)), 0.01 * rng.normal(size=(4, d))
        x[0, 0] += 3
        a, b = np.array([10.0 ** -(40 + seed), *rng.random(2)]), rng.random(4)
        found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, exact=exact, normalize=True, rng=0)
        at_best, near = (by_definition(x, y, a, b, p, t) for t in (found.direction, np.eye(d)[0]))
        assert found.lower <= at_best <= found.upper
        assert near <= found.upper
        assert float(found.value) == pytest.approx(float(at_best), rel=1e-9)
        if d == 2:
            assert found.status is Status.CONVERGED
            assert found.upper - found.lower <= 1.1e-6 * found.upper


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2.5, 7, 100, 700, 1e5, np.inf]), st.sampled_from([2, 3]))
def test_intervals_in_sixty_digits(seed, p, d):
    """Ties, duplicates, equal and unequal weights, at any order."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-2, 3, (n, d)) * rng.choice([1.0, 0.1, 1e-150]) for n in rng.integers(1, 6, 2))
    a, b = (rng.choice([1.0, 2.0, 3.0, 0.1, 1e-14], len(z)) for z in (x, y))
    found = otgen.max_sliced_wasserstein(x, y, a, b, p=p, normalize=True, rng=0, n_starts=2)
    along_it = by_definition(x, y, a, b, p, found.direction)
    assert found.lower <= along_it <= found.upper
    assert by_definition(x, y, a, b, p, rng.normal(size=d)) <= found.upper
    if np.isfinite(p):
        assert found.cost_lower <= along_it**p <= found.cost_upper


@pytest.mark.parametrize("d", [2, 3])
def test_the_farthest_shadow_of_all(d):
    """Of order infinity: between the best of many directions, by sorting, and W_inf itself."""
    x, y, _, _ = sides(4, 12, 12, d, False)
    found = otgen.max_sliced_wasserstein(x, y, p=np.inf, rng=0)
    directions = np.random.default_rng(0).normal(size=(2000, d))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    best = np.abs(np.sort(x @ directions.T, axis=0) - np.sort(y @ directions.T, axis=0)).max()
    assert best <= found.upper <= otgen.wasserstein(x, y, p=np.inf).upper * (1 + 1e-14)
    assert best <= found.value * (1 + 1e-3)
    assert (found.p, found.cost, found.cost_lower, found.cost_upper) == (np.inf, None, None, None)
    assert (
        otgen.max_sliced_wasserstein(x[:, 0], y[:, 0], p=np.inf).value
        == otgen.wasserstein(x[:, 0], y[:, 0], p=np.inf).value
    )


@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_many_dimensions_have_an_upper_end(p):
    x, y = np.random.default_rng(0).normal(size=(2, 20, 300))
    found = otgen.max_sliced_wasserstein(x, y, p=p, exact=False, n_starts=2, rng=0)
    solved = otgen.max_sliced_wasserstein(x, y, p=p, n_starts=2, rng=0)
    assert found.status is solved.status is Status.BOUNDED
    assert found.lower == solved.lower < solved.upper <= found.upper < np.inf


@pytest.mark.parametrize("faint", [1e-300, 1e-320, 0.0])
def test_a_faint_point_far_away_at_a_high_order(faint):
    """Its share of the mass decides, though it may be no float: the slope ended in Python's own error."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)) * 1e-3
    x[0] *= 1e6
    found = otgen.max_sliced_wasserstein(x, y, [faint, 1.0, 1.0], p=700, normalize=True, rng=0)
    own = otgen.wasserstein(x @ found.direction, y @ found.direction, [faint, 1.0, 1.0], p=700, normalize=True)
    assert found.lower <= own.upper
    assert own.lower <= found.upper
    assert found.value == pytest.approx(own.value, rel=1e-9)


def test_slopes_of_shares_that_are_no_floats():
    """By differences, of shares down to 0."""
    clouds = Clouds(Side(np.array([[1e3, 1.0, 0.0], [1.0, 2.0, 3.0]]), None), Side(np.zeros((1, 3)), None), 200.0)
    for least in (1e-300, 5e-324, 0.0):
        coupling = Coupling(clouds, np.array([0, 1]), np.array([0, 0]), np.array([least, 1.0]), 0.0)
        t, step = np.array([0.6, 0.8, 0.0]), 1e-6
        slope = coupling.slope(t)
        for k in range(3):
            ends = [coupling.distance(t + sign * step * np.eye(3)[k]) for sign in (1, -1)]
            assert slope[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-6)
