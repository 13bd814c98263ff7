"""Divergences do not change when both laws are moved and stretched alike: laws at the ends of the range of floats, against closed forms."""

import math

import pytest
from scipy.stats import expon, gamma, laplace, norm, uniform

import otgen
from otgen import divergences
from otgen.divergences.affine import moderate

NORMALS = math.log(2) + 1 / 8 - 1 / 2  # of N(0, 1) from N(0, 4)


@pytest.mark.parametrize("scale", [1e-307, 1e-300, 1e-200, 1e-120, 1.0, 1e150, 1e300])
@pytest.mark.parametrize(
    ("p", "q", "kl", "tv"),
    [
        (lambda s: uniform(0, s), lambda s: uniform(0, 2 * s), math.log(2), 0.5),
        (lambda s: norm(0, s), lambda s: norm(0, 2 * s), NORMALS, None),
        (lambda s: norm(3 * s, s), lambda s: norm(3 * s, 2 * s), NORMALS, None),
        (lambda s: expon(0, s), lambda s: gamma(2, scale=s), 0.5772156649015329, math.exp(-1)),
        (lambda s: uniform(s, s), lambda s: expon(0, s), 1.5, None),
    ],
)
def test_at_any_scale(p, q, kl, tv, scale):
    found = divergences.kl(p(scale), q(scale))
    assert abs(found.value - kl) <= found.error < 1e-9
    if tv is not None:
        found = divergences.tv(p(scale), q(scale))
        assert abs(found.value - tv) <= found.error < 1e-9


@pytest.mark.parametrize("place", [1e200, -1e300, 1e17])
def test_at_any_place(place):
    found = divergences.kl(norm(place, 1), norm(place, 2))
    assert abs(found.value - NORMALS) <= found.error < 1e-9


@pytest.mark.parametrize(
    ("p", "q", "truth"),
    [
        (uniform(1, 2.0**-52), uniform(1, 1), 52 * math.log(2)),
        (uniform(0, 5e-324), uniform(0, 1e-323), math.log(2)),
        (uniform(0, 1e-310), uniform(0, 2e-310), math.log(2)),
        (norm(1e200), norm(1e200), 0.0),
    ],
)
def test_where_no_floats_lie_between_the_ends(p, q, truth):
    found = divergences.kl(p, q)
    assert abs(found.value - truth) <= found.error < 1e-9


def test_of_unlike_scales():
    """A law that is nearly one point, from N(0, 1): its entropy and the density at 0."""
    found = divergences.kl(uniform(0, 1e-300), norm(0, 1))
    assert abs(found.value - (300 * math.log(10) + math.log(2 * math.pi) / 2)) <= found.error < 1e-6
    found = divergences.tv(uniform(0, 1e-300), norm(0, 1))
    assert abs(found.value - 1) <= found.error < 1e-6


def test_what_would_round_is_left():
    for pair in ((norm(1e200, 1), norm(3.0, 1)), (norm(0, 5e-324), norm(0, 1e300)), (norm(0, 1), norm(0.5, 0.3))):
        assert moderate(*pair) == pair


def test_what_floats_cannot_tell_is_refused_in_words():
    with pytest.raises(otgen.InvalidInput, match="; "):
        divergences.kl(laplace(1e200, 1), laplace(0, 1))
