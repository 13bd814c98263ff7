"""Losses under every transform of torch: vmap and derivatives of it, the compiler, autocast, and other dtypes."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
from losses import LOSSES, clouds, each
from torch.func import grad, jacrev, vmap

from otgen import nn
from otgen.nn.objectives import vae, wgan

BACKEND = "inductor" if shutil.which("c++") or shutil.which("g++") else "aot_eager"  # the former needs a compiler


class TestTransforms:
    @each
    @pytest.mark.by_day(9)
    def test_grad_vmap_jacrev(self, loss):
        x, y, _, _ = clouds(2)
        first = grad(lambda z: loss(z, y[0]))(x[0])
        z = x[0].clone().requires_grad_()
        torch.testing.assert_close(first, torch.autograd.grad(loss(z, y[0]), z)[0])
        torch.testing.assert_close(vmap(loss)(x, y), loss(x, y, reduction="none"))
        torch.testing.assert_close(vmap(loss, in_dims=(0, None))(x, y[0]), torch.stack([loss(z, y[0]) for z in x]))
        torch.testing.assert_close(vmap(loss, in_dims=(1, None))(x.movedim(0, 1), y[0])[1], loss(x[1], y[0]))
        torch.testing.assert_close(vmap(grad(loss))(x, y)[0], first)
        torch.testing.assert_close(jacrev(lambda z: loss(z, y, reduction="none"))(x)[0, 0], first)
        assert jacrev(grad(lambda z: loss(z, y[0])))(x[0]).isfinite().all()

    @pytest.mark.filterwarnings("ignore")  # the compiler's own
    @pytest.mark.parametrize("name", ["exact", "divergence", "relaxed", "sliced", "energy"])
    @pytest.mark.by_day(1)
    def test_compile(self, name):
        loss = LOSSES[name]
        x, y, a, b = clouds()
        a, b = a / a.sum(), b / b.sum()
        z = x.clone().requires_grad_()
        torch._dynamo.reset()
        value = torch.compile(loss, fullgraph=True, backend=BACKEND)(z, y, a, b)
        value.backward()
        torch.testing.assert_close(value, loss(x, y, a, b))
        w = x.clone().requires_grad_()
        torch.testing.assert_close(z.grad, torch.autograd.grad(loss(w, y, a, b), w)[0])

    @each
    @pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own decompositions
    def test_forward_mode_is_right_or_refused(self, loss):
        x, y, _, _ = clouds()
        along = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)
        try:
            _, found = torch.func.jvp(lambda z: loss(z, y), (x,), (along,))
        except NotImplementedError:
            assert getattr(loss, "func", loss) in (nn.sinkhorn_loss, nn.mmd_loss)
        else:
            torch.testing.assert_close(found, (grad(lambda z: loss(z, y))(x) * along).sum())

    @each
    def test_autocast_computes_in_single_precision(self, loss):
        x, y = (z.float() for z in clouds()[:2])
        x.requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(x, y)
            (slope,) = torch.autograd.grad(value, x)
        assert value.dtype is torch.float32
        wanted = loss(x, y)
        torch.testing.assert_close(value, wanted)
        torch.testing.assert_close(slope, torch.autograd.grad(wanted, x)[0])

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    @each
    def test_halves_are_promoted_and_get_their_gradient(self, loss, dtype):
        x, y = (z.to(dtype) for z in clouds()[:2])
        x.requires_grad_()
        value = loss(x, y)
        value.backward()
        assert value.dtype is torch.float32
        assert x.grad.dtype is dtype
        assert x.grad.isfinite().all()

    def test_dtypes_are_promoted(self):
        x, y, _, _ = clouds()
        assert nn.wasserstein_loss(x.float(), y).dtype is torch.float64
        assert nn.wasserstein_loss(torch.tensor([[0], [1]]), torch.tensor([[1], [2]])).dtype is torch.float64

    @each
    def test_the_input_is_left_as_it_was(self, loss):
        x, y, _, _ = clouds()
        before = x.clone(), y.clone()
        strided = x.t().contiguous().t().requires_grad_()
        loss(strided, y).backward()
        torch.testing.assert_close(x, before[0], rtol=0, atol=0)
        torch.testing.assert_close(y, before[1], rtol=0, atol=0)
        assert torch.is_grad_enabled()

    @pytest.mark.filterwarnings("ignore")
    def test_compile_of_strided_input(self):
        x = torch.rand(2, 4, dtype=torch.float64).t().requires_grad_()
        y = torch.rand(5, 2, dtype=torch.float64)
        torch._dynamo.reset()
        torch.compile(partial(nn.sinkhorn_loss, epsilon=0.2), backend=BACKEND)(x, y).backward()
        assert x.grad.isfinite().all()

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("name", ["noise", "plan", "penalty"])
    @pytest.mark.by_day(1)
    def test_compiled_whole_at_sizes_that_change(self, name):
        """Nothing on the way asks for numbers that the compiler does not have."""
        critic = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
        call = {
            "plan": lambda z: (nn.entropic_plan((z[:, None] - z).square().sum(-1), epsilon=0.2).plan @ z)[0],
            "noise": lambda z: vae.reparametrised(z, 0 * z - 2000.0),
            "penalty": lambda z: z.sum() + 0 * wgan.gradient_penalty(critic, z, z + 1),
        }[name]
        torch._dynamo.reset()
        compiled = torch.compile(call, fullgraph=True, backend="eager")
        for n in (5, 7):
            z = torch.rand(n, 2, dtype=torch.float64, requires_grad=True)
            value = compiled(z)
            torch.testing.assert_close(value, call(z))
            torch.testing.assert_close(
                *(torch.autograd.grad(out.sum(), z, retain_graph=True)[0] for out in (value, call(z)))
            )
