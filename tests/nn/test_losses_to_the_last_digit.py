"""What losses lose to rounding, what their totals are called, and what takes the place of a loss on a matrix."""

from __future__ import annotations

from functools import partial

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn


class TestLosses:
    def test_a_divergence_in_single_precision_is_rounded_once(self):
        """Three values of 6e5 that differ by 0.3: rounded before they are subtracted nothing is left of it."""
        generator = torch.Generator().manual_seed(0)
        x = 255 * torch.rand(16, 784, generator=generator)
        y = x + 0.02 * torch.randn(16, 784, generator=generator)
        for relax in (None, 1e7):
            loss = partial(nn.sinkhorn_loss, epsilon=4e5, tol=1e-9, relax=relax)
            found, right = loss(x, y), loss(x.double(), y.double())
            assert found.dtype is torch.float32
            assert found.item() == pytest.approx(right.item(), rel=1e-6)

    @pytest.mark.parametrize("weighted", [False, True])
    def test_totals_of_unequal_sizes_cancel_in_single_precision(self, weighted):
        """1 / n is rounded before it is summed: n of them would be as much more or less than 1 as a small difference is."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(30, 2, generator=generator)
        y = (x + 1e-4 * torch.randn(30, 2, generator=generator)).repeat(3, 1)
        a = 1 + 1e-3 * torch.rand(30, generator=generator) if weighted else None
        for loss in (
            nn.mmd_loss,
            partial(nn.mmd_loss, kernel="gaussian"),
            partial(nn.mmd_loss, kernel="imq", scale=50.0, unbiased=True),
            partial(nn.sinkhorn_loss, epsilon=3.0),
            partial(nn.sinkhorn_loss, epsilon=1.0, p=1, debias=False),
        ):
            one, other = x.clone().requires_grad_(), x.double().requires_grad_()
            found, right = loss(one, y, a), loss(other, y.double(), None if a is None else a.double())
            assert found.item() == pytest.approx(right.item(), rel=1e-6)
            found.backward()
            right.backward()
            assert (one.grad - other.grad).norm() <= 1e-6 * other.grad.norm()

    def test_totals_are_plain_numbers(self):
        with pytest.raises(otgen.MassMismatch) as fault:
            nn.mmd_loss(torch.zeros(2, 1), torch.zeros(1, 1), torch.tensor([0.5, 0.5]), torch.tensor([2.0]))
        assert "received 1.0 and 2.0;" in str(fault.value)

    def test_the_gradient_in_a_cost_matrix_is_the_plan(self):
        """As the message says that refuses a matrix which wants a gradient: by central differences of the value."""
        costs = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
        sharp = otgen.solvers.Sinkhorn(tol=1e-12)
        for options in (dict(epsilon=0.5, solver=sharp), dict(epsilon=0.5, solver=sharp, relax=1.0), {}):
            with pytest.raises(otgen.InvalidInput, match=r"the gradient in C is the plan, that of \(plan \* C\)"):
                otgen.transport(costs, **options)
            plan = otgen.transport(costs.detach(), **options).plan.todense()
            (costs * torch.as_tensor(plan)).sum().backward()
            for i, j in ((0, 0), (1, 2)):
                step = torch.zeros(3, 4, dtype=torch.float64)
                step[i, j] = 1e-4
                up, down = (otgen.transport(costs.detach() + sign * step, **options).value for sign in (1, -1))
                assert costs.grad[i, j].item() == pytest.approx((up - down) / 2e-4, abs=1e-6)
            costs.grad = None
