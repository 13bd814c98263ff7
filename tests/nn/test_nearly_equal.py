"""Divergences of nearly equal clouds, whose terms cancel: gradients are right to the tolerance asked for all the same."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn

TRUTH = 1e-13


def value_and_gradient(x, y, **options):
    x = x.clone().requires_grad_()
    value = nn.sinkhorn_loss(x, y, **options)
    value.sum().backward()
    return value.detach(), x.grad


def near(n, apart, seed=0, dtype=torch.float64):
    """A cloud in the unit square, and one that differs by ``apart``."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(n, 2, dtype=torch.float64, generator=generator)
    return (y + apart * torch.randn(n, 2, dtype=torch.float64, generator=generator)).to(dtype), y.to(dtype)


def off(found, truth):
    return float((found.double() - truth.double()).norm() / truth.double().norm())


@pytest.mark.parametrize("tol", [1e-3, 1e-6])
@pytest.mark.parametrize("epsilon", [0.1, 0.01])
@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("n", [40, pytest.param(700, marks=pytest.mark.nightly)])
def test_gradients_are_right_to_the_tolerance(n, apart, epsilon, tol):
    x, y = near(n, apart)
    _, found = value_and_gradient(x, y, epsilon=epsilon, tol=tol)
    _, truth = value_and_gradient(x, y, epsilon=epsilon, tol=TRUTH)
    assert off(found, truth) < 10 * tol


@given(
    seed=st.integers(0, 2**32 - 1),
    apart=st.sampled_from([1e-1, 1e-3, 1e-5]),
    options=st.sampled_from([{}, dict(p=1), dict(p=1.5, metric="cityblock"), dict(relax=0.5)]),
    scale=st.sampled_from([1.0, 2.0**-30, 2.0**30]),
)
def test_for_other_costs_and_units(seed, apart, options, scale):
    x, y = near(8, apart, seed)
    p = options.get("p", 2)
    options = dict(options, epsilon=0.2 * scale**p)
    if "relax" in options:
        options["relax"] *= scale**p
    _, found = value_and_gradient(x * scale, y * scale, tol=1e-4, **options)
    _, truth = value_and_gradient(x * scale, y * scale, tol=1e-12, **options)
    assert off(found, truth) < 2e-3


def test_a_shift_is_what_the_gradient_says():
    """Of a cloud moved by v the divergence is |v|^2, and its gradient 2 v / n: known without solving anything."""
    _, y = near(30, 0.0)
    v = torch.tensor([3e-5, -4e-5], dtype=torch.float64)
    value, slope = value_and_gradient(y + v, y, epsilon=0.05)
    torch.testing.assert_close(value, (v @ v), rtol=1e-6, atol=0.0)
    torch.testing.assert_close(slope, (2 * v / 30).expand(30, 2), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_terms_are_subtracted_before_they_are_rounded(dtype):
    """Terms of 0.1 leave 1e-9 in single precision, less than they are rounded by."""
    x, y = (z.to(dtype) for z in near(20, 1e-4))
    found, truth = nn.sinkhorn_loss(x, y, epsilon=0.1), nn.sinkhorn_loss(x.double(), y.double(), epsilon=0.1)
    assert found.dtype is torch.float32
    assert found.item() == pytest.approx(truth.item(), rel=1e-5, abs=0.0)


def test_in_a_batch_each_has_its_own():
    pairs = [near(12, apart, seed) for seed, apart in enumerate([1.0, 1e-2, 1e-4, 0.0])]
    x, y = (torch.stack(side) for side in zip(*pairs))
    values, slopes = value_and_gradient(x, y, epsilon=0.1, reduction="none")
    for k in range(4):
        value, slope = value_and_gradient(x[k], y[k], epsilon=0.1)
        torch.testing.assert_close(values[k], value, rtol=1e-9, atol=1e-15)
        torch.testing.assert_close(slopes[k], slope, rtol=1e-5, atol=1e-12)


def test_a_limit_that_is_too_low_for_the_difference_is_said():
    """What met the tolerance itself is kept then, and is what throw=False gives in silence."""
    x, y = near(40, 1e-3)
    call = partial(value_and_gradient, x, y, epsilon=0.01, tol=1e-2)
    _, finer = call(max_iter=1000)
    with pytest.warns(UserWarning, match="may be off by"):
        value, slope = call(max_iter=60)
    silent = call(max_iter=60, throw=False)
    assert torch.equal(value, silent[0])
    assert torch.equal(slope, silent[1])
    assert not torch.allclose(slope, finer, rtol=1e-3)


@pytest.mark.parametrize("options", [{}, dict(p=1.0), dict(relax=0.5)])
def test_single_precision_is_rounded_last(options):
    """The terms' gradients, a thousand times and more what is left of them, are subtracted before they are rounded."""
    x, y = near(12, 1e-3, dtype=torch.float32)
    found = value_and_gradient(x, y, epsilon=0.5, **options)
    truth = value_and_gradient(x.double(), y.double(), epsilon=0.5, **options)
    assert [z.dtype for z in found] == [torch.float32] * 2
    assert all(off(one, other) < 1e-7 for one, other in zip(found, truth))
