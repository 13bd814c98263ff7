"""What losses are said to be beyond their values: digits by the tolerance, derivatives of any order, directions, scales."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn

SLICED = {"p": 4, "directions": torch.eye(2, dtype=torch.double)}


def clouds(seed, n=12, m=10, d=2):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(k, d, generator=generator, dtype=torch.double) + z for k, z in ((n, 0.0), (m, 0.3)))


def derivatives(x, y, tol, epsilon):
    """The value, its gradient, and a product with its Hessian."""
    x = x.clone().requires_grad_()
    value = nn.sinkhorn_loss(x, y, epsilon=epsilon, tol=tol, max_iter=10**6)
    (first,) = torch.autograd.grad(value, x, create_graph=True)
    (second,) = torch.autograd.grad((first * torch.linspace(0, 1, x.numel(), dtype=x.dtype).view_as(x)).sum(), x)
    return value.detach(), first.detach(), second


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("epsilon", [0.03, 0.3])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
def test_digits_by_the_tolerance(seed, epsilon, tol):
    """Costs are about 1: the value is off by about tol squared, the gradient by tol, second derivatives by tol over epsilon."""
    x, y = clouds(seed)
    exact, found = (derivatives(x, y, t, epsilon) for t in (1e-13, tol))
    off = [(one - other).abs().max().item() for one, other in zip(exact, found)]
    for error, claimed in zip(off, (tol**2 + 1e-14, tol, tol / epsilon)):
        assert error <= 3 * claimed


class TestAnyOrder:
    """Third derivatives: second ones of a function of the gradient, against differences."""

    @pytest.mark.parametrize(
        "loss",
        [
            lambda x, y: nn.sliced_wasserstein_loss(x, y, **SLICED),
            *(lambda x, y, kernel=kernel: nn.mmd_loss(x, y, kernel=kernel) for kernel in ("energy", "imq", "gaussian")),
        ],
    )
    def test_third(self, loss):
        x, y = clouds(0, 3, 4)

        def of_gradient(z):
            (gradient,) = torch.autograd.grad(loss(z, y), z, create_graph=True)
            return (gradient**2).sum()

        assert torch.autograd.gradgradcheck(of_gradient, (x.requires_grad_(),))


@pytest.mark.parametrize("gap", [0.3, 0.6, 0.8, 1.0, 3.0, 100.0])
@pytest.mark.parametrize("debias", [True, False])
def test_second_where_next_to_nothing_passes_between_pairs(gap, debias):
    """Pairs that keep to themselves cost ``|x - y|^2`` each, an n-th of it: second derivatives 2 / n, and 0 in own terms."""
    x = gap * torch.tensor([[0.0, 0.0], [1.0, 0.2], [-0.3, 1.1]], dtype=torch.double)
    y, along = x + 1e-3 * x.cos(), torch.linspace(-1, 2, 6, dtype=torch.double).view(3, 2)
    x, y = x.requires_grad_(), y.requires_grad_()
    value = nn.sinkhorn_loss(x, y, epsilon=1e-2, debias=debias)
    (first,) = torch.autograd.grad(value, x, create_graph=True)
    of_x, of_y = torch.autograd.grad((first * along).sum(), (x, y))
    rounding = dict(rtol=1e-6 if gap > 0.5 else 0.05, atol=1e-9)
    torch.testing.assert_close(of_x, 2 / 3 * along, **rounding)
    torch.testing.assert_close(of_y, -2 / 3 * along, **rounding)


class TestDirections:
    def test_they_are_drawn_anew_from_the_global_generator(self):
        x, y = clouds(0)
        draws = []
        for _ in range(2):
            torch.manual_seed(1)
            draws.append([nn.sliced_wasserstein_loss(x, y).item() for _ in range(2)])
        assert draws[0] == draws[1]
        assert draws[0][0] != draws[0][1]

    @pytest.mark.parametrize("p", [1, 2, 3.5])
    def test_they_are_used_as_they_are(self, p):
        """Twice as long, the loss is 2 ** p times as large."""
        x, y = clouds(0)
        axes = torch.eye(2, dtype=torch.double)
        one, other = (nn.sliced_wasserstein_loss(x, y, p=p, directions=s * axes).item() for s in (1, 2))
        assert other == pytest.approx(2**p * one, rel=1e-12)

    def test_they_go_where_the_module_goes(self):
        loss = nn.SlicedWassersteinLoss(directions=torch.eye(2))
        assert [name for name, _ in loss.named_buffers()] == ["directions"]
        assert loss.to("meta").directions.is_meta
        assert loss.half().directions.dtype is torch.float32  # of which halves would make others


@pytest.mark.parametrize("kernel", ["imq", "gaussian"])
def test_kernels_of_several_scales_are_added(kernel):
    x, y = clouds(0)
    both, one, other = (nn.mmd_loss(x, y, kernel=kernel, scale=s).item() for s in ([0.5, 2.0], 0.5, 2.0))
    assert both == pytest.approx(one + other, rel=1e-12)


def test_an_unbiased_discrepancy_may_be_negative():
    x, _ = clouds(0)
    assert nn.mmd_loss(x, x.flip(0), unbiased=True).item() < 0
