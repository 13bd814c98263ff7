"""Funnels: what is claimed of the pairs, against exact transport."""

from __future__ import annotations

import numpy as np
import pytest

import otgen
from otgen.laws.funnels import HALF, Funnels


@pytest.mark.parametrize(("number", "dim"), [(1, 1), (4, 2), (64, 2), (16, 5), (4, 16)])
class TestFunnels:
    def test_moves_are_optimal(self, number, dim):
        """The samples come coupled; no other plan between them is cheaper."""
        x, y = Funnels.random(number, dim, rng=0).sample(400, rng=1)
        moved = np.linalg.norm(x - y, axis=1).mean()
        assert otgen.wasserstein(x, y, p=1).value == pytest.approx(moved, rel=1e-12)

    def test_the_critic_is_optimal(self, number, dim):
        pair = Funnels.random(number, dim, rng=0)
        x, y = pair.sample(400, rng=1)
        gain = pair.critic(x).mean() - pair.critic(y).mean()
        assert gain == pytest.approx(np.linalg.norm(x - y, axis=1).mean(), rel=1e-12)

    def test_its_gradient_is_that_of_the_critic(self, number, dim):
        pair = Funnels.random(number, dim, rng=0)
        x = np.random.default_rng(2).uniform(-HALF, HALF, (50, dim))
        h = 1e-6
        for k in range(dim):
            step = np.zeros(dim)
            step[k] = h
            difference = (pair.critic(x + step) - pair.critic(x - step)) / (2 * h)
            close = np.abs(difference - pair.gradient(x)[:, k]) < 1e-4
            assert close.mean() > 0.95  # a few of the points lie on a crease

    def test_the_distance_is_that_of_the_samples(self, number, dim):
        pair = Funnels.random(number, dim, rng=0)
        x, y = pair.sample(20_000, rng=1)
        moves = np.linalg.norm(x - y, axis=1)
        value, error = pair.w1(20_000, rng=3)
        assert abs(value - moves.mean()) < 4 * np.hypot(error, moves.std() / np.sqrt(20_000))


def test_a_point_at_a_centre_has_no_direction():
    pair = Funnels(np.zeros((1, 2)), np.zeros(1))
    assert (pair.gradient(np.zeros((1, 2))) == 0).all()


def test_sizes_are_checked():
    with pytest.raises(otgen.InvalidInput, match="number must be"):
        Funnels.random(0, 2)


def test_one_sample_has_no_standard_error():
    """Of two it is half of what they differ by: the deviation with one degree of freedom, over the root of 2."""
    pair = Funnels.random(4, 2, rng=0)
    with pytest.raises(otgen.InvalidInput, match=r"n must be .*at least 2"):
        pair.w1(1, rng=0)
    x, y = pair.sample(2, rng=0)
    moved = np.linalg.norm(x - y, axis=1)
    assert pair.w1(2, rng=0) == pytest.approx((moved.mean(), abs(moved[0] - moved[1]) / 2), rel=1e-12)


def test_targets_fill_the_box_that_is_named():
    _, y = Funnels.random(3, 2, rng=0).sample(20_000, rng=1)
    np.testing.assert_allclose([y.min(axis=0), y.max(axis=0)], [[-2.5] * 2, [2.5] * 2], atol=5e-3)
    assert (np.abs(y) <= 2.5).all()
