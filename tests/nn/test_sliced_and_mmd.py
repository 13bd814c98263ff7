"""Sliced and MMD losses against rationals and against sums written out: any dtype, origin, order, weights and padding."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([torch.float32, torch.float64])
AXIS = torch.ones(1, 1)


def line(x, y, a, b, p):
    """W_p^p on the line: weights as the rationals that their floats are, divided by their exact sums."""
    sides = []
    for points, weights in ((x, a), (y, b)):
        whole = sum(Fraction(float(w)) for w in weights)
        sides.append(sorted((float(v), Fraction(float(w)) / whole) for v, w in zip(points, weights)))
    levels = sorted({u for side in sides for u in itertools.accumulate(w for _, w in side)})
    total, last = 0.0, Fraction(0)
    for level in levels:
        gap = abs(at(sides[0], level) - at(sides[1], level))
        total, last = total + float(level - last) * gap**p, level
    return total


def at(side, level):
    """The quantile of a sorted law."""
    passed = Fraction(0)
    for value, weight in side:
        passed += weight
        if weight > 0 and passed >= level:
            return value
    raise AssertionError(level)


class TestSliced:
    @given(seeds, dtypes, st.sampled_from([1, 1.5, 2, 4, 8]), st.sampled_from([0.0, 1e-3, 1e6, 1e20]), st.booleans())
    def test_weighted_lines_are_those_of_rationals(self, seed, dtype, p, pad, ties):
        generator = torch.Generator().manual_seed(seed)
        x, y = (torch.randn(k, 1, generator=generator).to(dtype) for k in (6, 9))
        if ties:
            a, b = (torch.randint(0, 3, (k,), generator=generator).to(dtype) for k in (6, 9))
            a[0], b[0] = 1, 1
        else:
            a, b = (torch.rand(k, generator=generator, dtype=dtype) for k in (6, 9))
        b = b * (a.sum() / b.sum())
        right = line(x[:, 0], y[:, 0], a, b, p)
        x, a = torch.cat([x, torch.full((2, 1), pad, dtype=dtype)]), torch.cat([a, torch.zeros(2, dtype=dtype)])
        found = nn.sliced_wasserstein_loss(x, y, a, b, p=p, directions=AXIS.to(dtype)).item()
        assert found == pytest.approx(right, rel=1e-5 if dtype is torch.float32 else 1e-12, abs=1e-30)

    @given(seeds, dtypes, st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.booleans())
    def test_equal_laws_are_at_distance_zero(self, seed, dtype, one, other, size, weighted):
        """Each point several times, once in x and once in y: for every p, to the last bit, and so is the gradient."""
        points = 10 * torch.randn(size, 1, generator=torch.Generator().manual_seed(seed)).to(dtype)
        x, y = points.repeat(one, 1).requires_grad_(), points.repeat(other, 1)
        weights = torch.rand(size, generator=torch.Generator().manual_seed(seed + 1)).to(dtype)
        a, b = (weights.repeat(k) for k in (one, other)) if weighted and one == other else (None, None)
        for p in (1, 2, 8, 60):
            value = nn.sliced_wasserstein_loss(x, y, a, b, p=p, root=True, directions=AXIS.to(dtype))
            (slope,) = torch.autograd.grad(value, x)
            assert value.item() == 0.0
            assert (slope == 0).all()

    @pytest.mark.parametrize("p", [1, 2, 3, 50, 540])
    @pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
    @pytest.mark.parametrize("m", [4, 6])
    def test_powers_are_in_the_scale_of_the_largest(self, p, scale, m):
        x, y = torch.arange(4.0).double()[:, None] * scale, 3 * scale + torch.arange(float(m)).double()[:, None] * scale
        found = nn.sliced_wasserstein_loss(x, y, p=p, root=True, directions=AXIS.double()).item()
        right = line(x[:, 0] / scale / 4, y[:, 0] / scale / 4, np.ones(4), np.ones(m), p)
        assert found == pytest.approx(right ** (1 / p) * 4 * scale, rel=1e-9)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_the_origin_costs_nothing(self, dtype):
        far = 2.0**23 if dtype is torch.float32 else 2.0**48
        generator = torch.Generator().manual_seed(0)
        x, y = (torch.randint(-4, 5, (20, 3), generator=generator).to(dtype) for _ in range(2))
        lines = torch.randn(7, 3, generator=generator).to(dtype)
        near = nn.sliced_wasserstein_loss(x, y, directions=lines).item()
        assert nn.sliced_wasserstein_loss(x + far, y + far, directions=lines).item() == pytest.approx(near, rel=1e-4)

    @given(seeds)
    def test_gradients_in_weights_where_masses_end_together(self, seed):
        """They are potentials: what the loss rises by for other weights is at least what they say, as it is convex in them."""
        generator = torch.Generator().manual_seed(seed)
        x, y = (torch.randn(4, 1, generator=generator, dtype=torch.float64) for _ in range(2))
        a = torch.full((4,), 0.25, dtype=torch.float64, requires_grad=True)
        loss = partial(nn.sliced_wasserstein_loss, x, y, b=a.detach(), directions=AXIS.double())
        value = loss(a)
        (slope,) = torch.autograd.grad(value, a)
        for _ in range(10):
            other = torch.rand(4, generator=generator, dtype=torch.float64)
            other = other / other.sum()
            assert loss(other).item() >= value.item() + float(slope @ (other - a.detach())) - 1e-12


def kernel_mean(x, y, a, b, kernel, scale):
    squares = ((x[:, None] - y[None]) ** 2).sum(-1)
    values = {
        "energy": -np.sqrt(squares),
        "imq": scale / (scale + squares),
        "gaussian": np.exp(-squares / (2 * scale**2)),
    }[kernel]
    return a @ values @ b


class TestMmd:
    @given(
        seeds,
        st.sampled_from([torch.bfloat16, torch.float32, torch.float64]),
        st.sampled_from(["energy", "imq", "gaussian"]),
        st.sampled_from([0.0, 1e-6, 1e-4, 1.0]),
        st.sampled_from([0.0, 1e4]),
        st.sampled_from([0.0, 1e6, 1e20]),
    )
    def test_values_are_those_of_the_sums_and_not_negative(self, seed, dtype, kernel, shift, origin, pad):
        generator = torch.Generator().manual_seed(seed)
        x = (origin + torch.randn(12, 3, generator=generator, dtype=torch.float64)).to(dtype)
        y = (x.double() + shift * torch.randn(12, 3, generator=generator, dtype=torch.float64)).to(dtype)
        u, v, w = x.double().numpy(), y.double().numpy(), np.full(12, 1 / 12)
        right = sum(sign * kernel_mean(s, t, w, w, kernel, 2.0) for sign, s, t in ((1, u, u), (-2, u, v), (1, v, v)))
        padded = torch.cat([x, torch.full((2, 3), pad, dtype=dtype)]).requires_grad_()
        weights = torch.cat([torch.ones(12), torch.zeros(2)]) / 12
        found = nn.mmd_loss(padded, y, weights, kernel=kernel, scale=2.0)
        assert found.item() >= 0
        assert found.item() == pytest.approx(right, rel=1e-5, abs=1e-7 if kernel == "energy" and origin else 1e-14)
        found.backward()
        assert padded.grad.isfinite().all()
        assert (padded.grad[12:] == 0).all()

    @pytest.mark.parametrize("kernel", ["imq", "gaussian"])
    def test_second_derivatives_where_clouds_are_equal(self, kernel):
        """There the value is 0, which rounding may pass: the curvature is that of the kernel all the same."""
        y = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

        def written_out(x):
            def mean(s, t):
                squares = (s[:, None] - t[None]).square().sum(-1)
                return (1 / (1 + squares) if kernel == "imq" else torch.exp(-squares / 2)).mean()

            return mean(x, x) - 2 * mean(x, y) + mean(y, y)

        found = torch.func.jacrev(torch.func.grad(lambda x: nn.mmd_loss(x, y, kernel=kernel)))(y)
        torch.testing.assert_close(found, torch.func.jacrev(torch.func.grad(written_out))(y), rtol=1e-8, atol=1e-10)

    @pytest.mark.parametrize("weights", [[1.0, 0.0], [0.0, 1.0]])
    def test_unbiased_needs_two_points_with_mass(self, weights):
        with pytest.raises(otgen.InvalidInput, match="two points of positive weight"):
            nn.mmd_loss(torch.rand(2, 1), torch.rand(3, 1), torch.tensor(weights), unbiased=True)
        assert nn.mmd_loss(torch.rand(2, 1), torch.rand(3, 1), torch.tensor(weights)).isfinite()

    def test_memory_is_that_of_distances(self):
        x, y = torch.randn(96, 512, requires_grad=True), torch.randn(96, 512)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as watched:
            nn.mmd_loss(x, y, kernel="gaussian").backward()
        sizes = [event.nbytes() for event in watched.profiler.kineto_results.events() if event.name() == "[memory]"]
        assert 0 < max(np.cumsum(sizes)) < 0.5 * 96 * 96 * 512 * 4
