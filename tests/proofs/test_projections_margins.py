"""Margins for rounding of bounds by means and projections, against the worst that each operation may do: no less, and no more than 50 times as much.

Rounding is far below its bound in nearly every case, so that no comparison with a true value tells whether a margin is enough. All figures
come from plain numpy with 11 bits more than a double has, or from whole numbers. A power is off by two roundings, and by those of its exponent.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from otgen.proofs import projections
from otgen.proofs.projections import Frame, Frames, Shadows, lines_apart

U, MOST = 2.0**-53, 50.0
ORDERS = [1, 1.5, 2, 3, 40, math.inf]
ALONE = Frames(np.zeros(1), 2.0, (Frame(np.ones((1, 1)), 0.0),))


def cloud(lines, reach=0.0, weights=None, mean=(0.0,)):
    """Shadows that are as they are said to be."""
    return Shadows(np.atleast_2d(np.asarray(lines, float)), weights, np.asarray(mean, float), reach)


def norm(values, p):
    """The root of the sum of powers along the last axis, in long doubles."""
    values = np.asarray(values, np.longdouble)
    if p == math.inf:
        return values.max(axis=-1)
    largest = values.max(axis=-1, keepdims=True)
    return largest[..., 0] * ((values / largest) ** np.longdouble(p)).sum(axis=-1) ** (1 / np.longdouble(p))


def held(found, value, needed):
    """Whether a bound is below a value by what rounding may take, and not by far more."""
    assert (needed * value <= value - found).all()
    assert (value - found <= MOST * needed * value).all()


@pytest.mark.parametrize("n", [1, 2, 9, 5000])
@pytest.mark.parametrize("p", ORDERS[:-1])
def test_sorted_points_of_equal_mass(n, p):
    x, y = np.sort(np.random.default_rng(n).normal(size=(2, 3, n)), axis=-1)
    value = norm(np.abs(x.astype(np.longdouble) - y), p) * np.longdouble(n) ** (-1 / np.longdouble(p))
    # difference, quotient, root, two products; in the mean the power, a sum, its division; the exponent of the root
    needed = U * (6 + (2 + math.log2(n) + 1 + math.log(n)) / p)
    held(lines_apart(cloud(x), cloud(y), p), value, needed)


def test_the_largest_distance_of_sorted_points():
    x, y = np.random.default_rng(0).normal(size=(2, 100, 1))
    found = lines_apart(cloud(x), cloud(y), math.inf).tolist()
    for here, there, least in zip(x[:, 0].tolist(), y[:, 0].tolist(), found, strict=True):
        distance = abs(Fraction(here) - Fraction(there))
        assert distance * (1 - Fraction(4 * U)) <= Fraction(least) <= distance


@pytest.mark.parametrize("p", [*ORDERS, 100])
def test_between_points_of_any_mass(p):
    """Along one direction between two points, where whole numbers know the distance."""
    x, y = np.random.default_rng(0).normal(size=(2, 100))
    for here, there in zip(x, y, strict=True):
        one, other = cloud([[here]]), cloud([[there, there]], weights=np.array([[0.3, 0.7]]))
        distance = abs(Fraction(here) - Fraction(there))
        for found in (lines_apart(one, other, p)[0], lines_apart(other, one, p)[0]):
            assert distance * (1 - Fraction(100 * U)) <= Fraction(float(found)) <= distance


@pytest.mark.parametrize("m", [2, 5, 16])
@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("q", [1, 1.5, 2, 3, math.inf])
def test_directions_together(m, p, q):
    apart = np.random.default_rng(m).uniform(0.9, 1.0, m)
    power = min(np.longdouble(0), 1 / np.longdouble(q) - 1 / np.longdouble(p))
    value = norm(apart, p) * np.longdouble(m) ** power
    found = projections._together(apart, p, q)
    if value < apart.max() * (1 + 1e-9):
        assert found == apart.max()
        return
    # quotient, root, power of m, two products; in the sum the power and a sum; the exponents
    needed = U * (1 + 2 + 2 + 2 - float(power) * math.log(m) + (2 + math.log2(m) + math.log(m)) / p)
    held(found, value, needed)


@pytest.mark.parametrize("d", [1, 2, 16, 40])
@pytest.mark.parametrize("q", [1, 1.5, 2, 3, math.inf])
def test_means(d, q):
    one, other = np.random.default_rng(d).normal(size=(2, 50, d))
    value = norm(np.abs(one[0].astype(np.longdouble) - other), q)
    # difference, quotient, root, two products, the reaches; in the sum the power and a sum; the exponent of the root
    needed = U * (1 + 1 + 2 + 2 + 1 + (2 + math.log2(d) + math.log(d)) / q)
    frames = Frames(np.zeros(d), q, ())
    held(frames.means_apart(cloud([[0.0]], mean=one[0]), other, np.zeros(50)), value, needed)


@pytest.mark.parametrize("d", [1, 2, 5, 16, 40])
@pytest.mark.parametrize("q", [1.0, 2.0])
@pytest.mark.parametrize("error", [0.0, 1e-9])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_cloud_may_be_off_by_its_error_and_by_what_projections_round(d, q, error, weighted):
    points = np.random.default_rng(d).normal(size=(6, d)) + 1e6
    frames = Frames.of(points, q)
    size = float(np.abs(points - points.mean(axis=0)).sum(axis=1).max())
    found = frames.seen(points, np.arange(1.0, 7.0) if weighted else None, error)
    # a difference, products and their sum; or of the mean a difference, shares of three roundings, its own
    needed = error + U * size * max(d + 1, 5)
    assert needed <= found.reach <= MOST * needed
    exact = [
        [Fraction(z) - Fraction(c) for z, c in zip(x, frames.centre.tolist(), strict=True)] for x in points.tolist()
    ]
    masses = [Fraction(k + 1 if weighted else 1) for k in range(6)]
    mean = [
        sum(a * z for a, z in zip(masses, column, strict=True)) / sum(masses) for column in zip(*exact, strict=True)
    ]
    assert sum(abs(Fraction(m) - z) for m, z in zip(found.mean.tolist(), mean, strict=True)) <= found.reach - error


def test_frames_that_are_turned():
    for d in (2, 3, 8, 12):
        axes, *turned = Frames.of(np.eye(d), 2.0).frames
        assert axes.slack == 0
        spread = np.random.default_rng(d).normal(size=(60, 3 * d + 11))
        for directions, slack in [*turned, *Frames.of(spread, 2.0).frames]:
            exact = directions.astype(np.longdouble)
            m, k = exact.shape
            off = float(np.sqrt(np.square(exact @ exact.T - np.eye(m)).sum()))
            needed = (off + m * k * U) / 2  # the root of 1 + off, and products and their sums
            assert needed <= slack <= MOST * needed < 1e-11


def test_what_is_left_of_the_distance():
    """Both reaches, the frame's slack, and four roundings where these come off."""
    one, other = cloud([[0.0]], 0.25), cloud([[4.0]], 0.5)
    assert 3.25 * (1 - 1e-13) < ALONE.shadows_apart(one, other, 2) < 3.25
    long = Frames(np.zeros(1), 2.0, (Frame(np.ones((1, 1)), 0.5),))
    assert 2 * (1 - 1e-13) < long.shadows_apart(cloud([[0.0]]), cloud([[3.0]]), 2) < 2
    means = ALONE.means_apart(cloud([[0.0]], 0.25), np.array([[4.0], [-4.0]]), np.array([0.5, 1.0]))
    held(means, np.array([3.25, 2.75]), 8 * U)
    along = lines_apart(cloud([[0.0]]), cloud([[4.0]]), 2)[0]
    held(np.array(ALONE.shadows_apart(cloud([[0.0]]), cloud([[4.0]]), 2)), np.array(along), 4 * U)
