"""Losses: values of the floors below, and gradients to the second order."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
from losses import AXES, LOSSES, clouds, each, elsewhere
from torch.autograd import gradcheck, gradgradcheck

from otgen import nn


def normalised(loss):
    return lambda x, y, a, b: loss(x, y, a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True))


class TestGradients:
    @each
    @pytest.mark.parametrize("lead", [(), (2,)])
    @pytest.mark.by_day(5)
    def test_first_in_points_and_weights(self, loss, lead):
        arguments = [z.requires_grad_() for z in clouds(*lead)]
        assert gradcheck(normalised(loss), arguments, atol=1e-6, rtol=1e-6)

    @each
    @pytest.mark.by_day(5)
    def test_second_in_points(self, loss):
        x, y, a, b = clouds(2)
        a, b = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
        inputs = x.requires_grad_(), y.requires_grad_()
        assert gradgradcheck(lambda x, y: loss(x, y, a, b), inputs, atol=1e-6, rtol=1e-5)

    @pytest.mark.parametrize("name", ["divergence", "entropic", "relaxed"])
    def test_second_in_weights_too(self, name):
        arguments = [z.requires_grad_() for z in clouds()]
        assert gradgradcheck(normalised(LOSSES[name]), arguments, atol=1e-6, rtol=1e-5)

    @each
    def test_coincident_points_have_a_finite_gradient(self, loss):
        x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=torch.float64, requires_grad=True)
        y = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
        value = loss(x, y)
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        assert first.isfinite().all()
        (second,) = torch.autograd.grad(first.square().sum(), x)
        assert second.isfinite().all()

    @pytest.mark.parametrize("p", [1, 2, 3])
    def test_a_distance_of_zero_has_gradient_zero(self, p):
        x = torch.rand(4, 2, dtype=torch.float64, requires_grad=True)
        loss = nn.wasserstein_loss(x, x.detach().clone(), p=p, root=True)
        loss.backward()
        assert loss.item() == 0.0
        assert (x.grad == 0).all()

    @each
    def test_scale_and_sign_come_through(self, loss):
        """POT#309, #393: the factor in front of the loss."""
        x, y, _, _ = clouds()
        x.requires_grad_()
        (once,) = torch.autograd.grad(loss(x, y), x)
        (other,) = torch.autograd.grad(-3 * loss(x, y), x)
        torch.testing.assert_close(other, -3 * once)

    @each
    def test_only_the_weights_require_a_gradient(self, loss):
        x, y, a, b = clouds()
        a.requires_grad_()
        (found,) = torch.autograd.grad(loss(x, y, a / a.sum(), b / b.sum()), a)
        assert found.abs().sum() > 0

    def test_cosine_has_no_second_derivative_and_says_so(self):
        x, y, _, _ = clouds()
        x.requires_grad_()
        loss = nn.sinkhorn_loss(x, y, epsilon=0.1, metric="cosine", p=1)
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        with pytest.raises(otgen.InvalidInput, match="cosine"):
            first.sum().backward()


class TestValues:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("n", [4, 300])
    def test_are_those_of_the_floors_below(self, dtype, n):
        x, y, a, b = (z.to(dtype) for z in clouds(n=n, m=n + 20))
        a, b = a / a.sum(), b / b.sum()
        assert_close = partial(torch.testing.assert_close, rtol=1e-5 if dtype is torch.float32 else 1e-9, atol=1e-7)

        def number(value):
            return torch.tensor(value, dtype=dtype)

        assert_close(nn.wasserstein_loss(x, y, a, b), number(otgen.wasserstein(x, y, a, b).cost))
        assert_close(nn.wasserstein_loss(x, y, a, b, root=True), number(otgen.wasserstein(x, y, a, b).value))
        options = dict(epsilon=0.05, tol=1e-8)
        assert_close(
            nn.sinkhorn_loss(x, y, a, b, **options), number(otgen.sinkhorn_divergence(x, y, a, b, **options).value)
        )
        entropic = otgen.sinkhorn(x, y, a, b, relax=0.7, **options)
        assert_close(nn.sinkhorn_loss(x, y, a, b, relax=0.7, debias=False, **options), number(entropic.value))
        own = nn.sinkhorn_loss(x, y, a, b, epsilon=otgen.Relative(0.1))
        assert_close(own, number(otgen.sinkhorn_divergence(x, y, a, b, epsilon=otgen.Relative(0.1)).value), atol=1e-6)

    @pytest.mark.parametrize("n", [4, 300])
    def test_gradients_are_those_of_the_floors_below(self, n):
        """Also where problems are too large for a stack, and far from the size of one."""
        x, y, _, _ = clouds(n=n, m=n + 20)
        x = (1000.0 * x).requires_grad_()
        y = 1000.0 * y
        nn.sinkhorn_loss(x, y, epsilon=1e5, tol=1e-9).backward()
        ours = otgen.sinkhorn_divergence(x.detach(), y, epsilon=1e5, tol=1e-9).gradients().x
        torch.testing.assert_close(x.grad, ours, rtol=1e-7, atol=1e-6)

    @pytest.mark.parametrize("p", [1, 1.5, 2, 3])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_sliced_is_a_mean_over_lines(self, p, weighted):
        x, y, a, b = clouds(n=7, m=7)
        a, b = (a / a.sum(), b / b.sum()) if weighted else (None, None)
        want = np.mean([otgen.wasserstein(x @ line, y @ line, a, b, p=p).cost for line in AXES])
        assert nn.sliced_wasserstein_loss(x, y, a, b, p=p, directions=AXES).item() == pytest.approx(want, rel=1e-12)

    def test_sliced_of_unequal_sizes(self):
        x, y, _, _ = clouds(n=6, m=9)
        want = np.mean([otgen.wasserstein(x @ line, y @ line).cost for line in AXES])
        assert nn.sliced_wasserstein_loss(x, y, directions=AXES).item() == pytest.approx(want, rel=1e-12)

    def test_energy_is_the_limit_of_large_epsilon(self):
        x, y, _, _ = clouds()
        far = nn.sinkhorn_loss(x, y, epsilon=1e5, p=1, tol=1e-12)
        torch.testing.assert_close(far, nn.mmd_loss(x, y) / 2, rtol=1e-4, atol=1e-6)

    def test_unbiased_mmd_is_a_mean_over_distinct_pairs(self):
        x, y, _, _ = clouds(n=5, m=6)

        def kernel(s, t):
            return 2.0 / (2.0 + ((s - t) ** 2).sum())

        within = [np.mean([kernel(s, t) for i, s in enumerate(z) for j, t in enumerate(z) if i != j]) for z in (x, y)]
        want = sum(within) - 2 * np.mean([kernel(s, t) for s in x for t in y])
        assert nn.mmd_loss(x, y, kernel="imq", scale=2.0, unbiased=True).item() == pytest.approx(want, rel=1e-12)

    @each
    def test_equal_clouds_are_at_distance_zero(self, loss):
        keywords = getattr(loss, "keywords", {})
        if keywords.get("debias") is False or keywords.get("unbiased"):
            pytest.skip("with a bias or without the diagonal it is not zero there")
        x, _, a, _ = clouds()
        a = a / a.sum()
        assert loss(x, x, a, a).item() == pytest.approx(0.0, abs=1e-9)

    @each
    def test_reductions(self, loss):
        x, y, _, _ = clouds(3)
        single = torch.stack([loss(*pair) for pair in zip(x, y)])
        torch.testing.assert_close(loss(x, y, reduction="none"), single)
        torch.testing.assert_close(loss(x, y, reduction="sum"), single.sum())
        torch.testing.assert_close(loss(x, y), single.mean())
        assert loss(x[0], y[0], reduction="none").shape == ()


class TestModules:
    @pytest.mark.parametrize(
        ("module", "function"),
        [
            (nn.WassersteinLoss(p=1, root=True), partial(nn.wasserstein_loss, p=1, root=True)),
            (nn.SinkhornLoss(0.1, relax=0.5), partial(nn.sinkhorn_loss, epsilon=0.1, relax=0.5)),
            (nn.SinkhornLoss(otgen.Relative(0.1)), partial(nn.sinkhorn_loss, epsilon=otgen.Relative(0.1))),
            (nn.SlicedWassersteinLoss(directions=AXES), LOSSES["sliced"]),
            (nn.MMDLoss("imq", scale=2.0), partial(nn.mmd_loss, kernel="imq", scale=2.0)),
        ],
    )
    def test_are_the_functions(self, module, function):
        x, y, _, _ = clouds()
        torch.testing.assert_close(module(x, y), function(x, y))
        assert type(module).__name__ in repr(module)
        assert "reduction" in repr(module) or "epsilon" in repr(module)

    @pytest.mark.no_cover
    def test_a_generator_learns(self):
        """Eighty steps bring a cloud onto another."""
        torch.manual_seed(0)
        target = torch.randn(40, 2) * 0.3 + torch.tensor([2.0, -1.0])
        for loss in (
            nn.WassersteinLoss(),
            nn.SinkhornLoss(0.05),
            nn.SlicedWassersteinLoss(n_projections=20),
            nn.MMDLoss(),
        ):
            points = torch.randn(40, 2, requires_grad=True)
            optimiser = torch.optim.Adam([points], 0.1)
            before = otgen.wasserstein(points.detach(), target).value
            for _ in range(80):
                optimiser.zero_grad()
                loss(points, target).backward()
                optimiser.step()
            assert otgen.wasserstein(points.detach(), target).value < 0.25 * before

    def test_an_iteration_limit_raises_or_is_lived_with(self):
        x, y, _, _ = clouds(n=20, m=20)
        with pytest.raises(otgen.NotConverged):
            nn.SinkhornLoss(1e-3, max_iter=2)(x, y)
        assert nn.SinkhornLoss(1e-3, max_iter=2, throw=False)(x, y).isfinite()


class TestInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((np.zeros((2, 1)), torch.zeros(2, 1)), "must be a tensor"),
            ((torch.zeros(3), torch.zeros(3)), r"must be \(n, d\)"),
            ((torch.zeros(3, 1), torch.zeros(3, 2)), r"must be \(n, d\)"),
            ((torch.zeros(0, 1), torch.zeros(3, 1)), "not empty"),
            ((torch.zeros(2, 3, 1), torch.zeros(3, 3, 1)), "equally many problems"),
            ((torch.zeros(3, 1), torch.zeros(3, 1), torch.ones(2)), "one weight per point"),
            ((torch.zeros(3, 1, dtype=torch.complex64), torch.zeros(3, 1)), "real numbers"),
            ((elsewhere(3, 1), torch.zeros(3, 1)), "one device"),
            ((torch.zeros(3, 1, device="meta"), torch.zeros(3, 1)), "must hold numbers"),
        ],
    )
    @each
    def test_is_refused_in_words(self, loss, arguments, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            loss(*arguments)

    @pytest.mark.parametrize("name", ["exact", "divergence", "sliced", "energy"])
    def test_unequal_totals(self, name):
        x, y, _, _ = clouds()
        with pytest.raises(otgen.MassMismatch):
            LOSSES[name](x, y, torch.ones(4), torch.ones(5))

    @pytest.mark.parametrize("name", ["exact", "divergence"])
    def test_nan_is_refused(self, name):
        x, y, _, _ = clouds()
        x[1, 0] = float("nan")
        with pytest.raises(otgen.InvalidInput, match="finite"):
            LOSSES[name](x, y)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: nn.SinkhornLoss(0.0), "WassersteinLoss"),
            (lambda: nn.SinkhornLoss(0.1, p=0.5), "p must be at least 1"),
            (lambda: nn.SinkhornLoss(0.1, relax=-1.0), "relax must be positive"),
            (lambda: nn.SinkhornLoss(0.1, relax=(0.5, 5.0)), "the same on both sides"),
            (lambda: nn.sinkhorn_loss(*2 * [torch.zeros(1, 1)], epsilon=1.0, relax=(0.5, None)), "same on both"),
            (lambda: nn.WassersteinLoss(metric=lambda x, y: x), "built-in"),
            (lambda: nn.WassersteinLoss(metric="sqeuclidean", p=2), "p must be 1 for metric"),
            (lambda: nn.WassersteinLoss(reduction="max"), "reduction must be one of"),
            (lambda: nn.MMDLoss("laplace"), "kernel must be one of"),
            (lambda: nn.MMDLoss(scale=[])(torch.zeros(2, 1), torch.zeros(2, 1)), "at least one number"),
            (lambda: nn.MMDLoss(unbiased=True)(torch.zeros(1, 1), torch.zeros(2, 1)), "two points"),
            (
                lambda: nn.SlicedWassersteinLoss(directions=torch.zeros(1, 3))(torch.zeros(2, 1), torch.zeros(2, 1)),
                "directions",
            ),
            (lambda: nn.SlicedWassersteinLoss(n_projections=0), "n_projections"),
        ],
    )
    def test_options_are_checked(self, make, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            make()


class TestFoundByReview:
    @pytest.mark.parametrize("name", ["energy", "imq", "gaussian", "sliced", "sliced, root"])
    def test_nan_stays_nan(self, name):
        x, y, _, _ = clouds()
        x[1, 0] = float("nan")
        assert LOSSES[name](x, y).isnan()
        assert nn.sliced_wasserstein_loss(x, y, p=3).isnan()

    @each
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
    def test_weights_of_a_coarser_dtype_are_weights(self, loss, dtype):
        x, y, a, b = clouds()
        a, b = a.to(dtype).softmax(0), b.to(dtype).softmax(0)
        assert loss(x, y, a, b).isfinite()
        assert loss(x, y, a, b.double()).isfinite()

    def test_costs_beyond_single_precision(self):
        x, y = torch.tensor([[0.0, 0], [1, 1]]), torch.tensor([[1.0, 0], [0, 2]])
        want = otgen.wasserstein(x, y).value
        for scale in (1e25, 1e-25):
            assert nn.wasserstein_loss(x * scale, y * scale, root=True).item() == pytest.approx(want * scale, rel=1e-6)
        far = torch.tensor([[0.0, 0.0], [3e19, 0.0]]), torch.tensor([[3e19, 0.0], [0.0, 1.0]])
        assert nn.wasserstein_loss(*far).item() == pytest.approx(0.5)

    @pytest.mark.parametrize("name", ["exact", "divergence", "sliced", "energy"])
    @pytest.mark.parametrize("bad", [[1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, float("nan"), 1.0, 1.0]])
    def test_what_is_no_weight_is_refused(self, name, bad):
        x, y, _, _ = clouds()
        with pytest.raises(otgen.InvalidInput, match="a must"):
            LOSSES[name](x, y, torch.tensor(bad))

    @pytest.mark.parametrize(
        "directions",
        [torch.ones(1, 2) * 1j, torch.zeros(0, 2), np.eye(2), [[1.0, 0.0]], torch.ones(2), torch.ones(1, 3)],
    )
    def test_what_is_no_direction_is_refused(self, directions):
        x, y, _, _ = clouds()
        with pytest.raises(otgen.InvalidInput, match="directions must be"):
            nn.sliced_wasserstein_loss(x, y, directions=directions)

    @each
    def test_a_batch_of_none(self, loss):
        x, y = torch.zeros(0, 4, 2, requires_grad=True), torch.zeros(0, 5, 2)
        loss(x, y, reduction="sum").backward()
        assert x.grad.shape == x.shape

    def test_a_second_derivative_of_a_tiny_cotangent(self):
        x, y, _, _ = clouds()
        x.requires_grad_()
        (first,) = torch.autograd.grad(nn.sinkhorn_loss(x, y, epsilon=0.1, tol=1e-12), x, create_graph=True)
        (one,) = torch.autograd.grad(first[0, 0], x, retain_graph=True)
        (tiny,) = torch.autograd.grad(first[0, 0] * 1e-170, x)
        torch.testing.assert_close(tiny / 1e-170, one)

    @each
    def test_what_is_no_tensor_is_refused(self, loss):
        with pytest.raises(otgen.InvalidInput, match="y must be a tensor"):
            loss(torch.zeros(2, 2), None)

    @each
    def test_floats_of_8_bits_are_refused(self, loss):
        with pytest.raises(otgen.InvalidInput, match="16 bits at least"):
            loss(torch.zeros(2, 2).to(torch.float8_e4m3fn), torch.zeros(2, 2))

    @pytest.mark.parametrize("make", [lambda: nn.MMDLoss("imq", scale=-1), lambda: nn.MMDLoss("imq", scale="a")])
    def test_scales_are_checked_at_once(self, make):
        with pytest.raises(otgen.InvalidInput, match="scale must be"):
            make()

    @pytest.mark.parametrize("size", [9, 70])
    def test_far_above_all_costs_epsilon_leaves_their_means(self, size):
        x = torch.rand(size, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        y = x[: size // 2] + 0.5
        means = [torch.cdist(*pair).square().mean().item() for pair in ((x, y), (x, x), (y, y))]
        for epsilon in (1e9, 1e21):
            across = nn.sinkhorn_loss(x, y, epsilon=epsilon, debias=False)
            assert across.item() == pytest.approx(means[0], rel=1e-7)
            relaxed = nn.sinkhorn_loss(x, y, epsilon=epsilon, debias=False, relax=1.0)
            assert relaxed.item() == pytest.approx(means[0], rel=1e-7)
            debiased = nn.sinkhorn_loss(x, y, epsilon=epsilon)
            assert debiased.item() == pytest.approx(means[0] - (means[1] + means[2]) / 2, rel=1e-7)
