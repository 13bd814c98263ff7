"""The sliced loss against rational numbers: offsets, padding, weights of any dtype, high orders."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from line_truth import line_truth

import otgen
from otgen import nn

DTYPES = [torch.float32, torch.float64]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1.5, 2, 4, 8]),
    st.sampled_from(DTYPES),
    st.sampled_from([0.0, 1e4, 1e8]),
    st.sampled_from(["uniform", "weighted", "one side"]),
    st.sampled_from([None, 0.0, -1e3, 1e20, math.nan]),
)
def test_against_rational_numbers(seed, p, dtype, offset, weights, padding):
    generator = torch.Generator().manual_seed(seed)
    n, m = (int(k) for k in torch.randint(1, 40, (2,), generator=generator))
    x, y = (8.0 * torch.randint(-64, 64, (k, 2), generator=generator).to(dtype) for k in (n, m))
    lines = torch.tensor([[1.0, 0.0], [0.5, 2.0], [0.0, -1.0]], dtype=dtype)
    a = None if weights == "uniform" else torch.rand(n, generator=generator).to(dtype).softmax(0)
    b = torch.rand(m, generator=generator).to(dtype).softmax(0) if weights == "weighted" else None
    held = [None if w is None else w.double().tolist() for w in (a, b)]
    costs = [line_truth((x.double() @ t).tolist(), (y.double() @ t).tolist(), *held, p) for t in lines.double()]
    right = float(sum(z**p for z in costs) / len(costs))
    if padding is not None and a is not None:
        x, a = torch.cat([x, torch.full((3, 2), padding, dtype=dtype) - offset]), torch.cat([a, a.new_zeros(3)])
    found = nn.sliced_wasserstein_loss(x + offset, y + offset, a, b, p=p, directions=lines).item()
    assert found == pytest.approx(right, rel=1e-4 if dtype == torch.float32 else 1e-10, abs=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("copies", [2, 3, 7])
@pytest.mark.parametrize("p", [2, 4, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_laws_are_at_distance_zero(dtype, copies, p, weighted):
    y = 10.0 * torch.arange(5.0, dtype=dtype)[:, None]
    x = y.repeat_interleave(copies, 0).requires_grad_()
    b = torch.tensor([1.0, 4.0, 2.0, 8.0, 1.0], dtype=dtype) if weighted else None
    a = None if b is None else (b / copies if copies == 2 else b).repeat_interleave(copies)
    b = b if b is None or copies == 2 else b * copies
    loss = nn.sliced_wasserstein_loss(x, y, a, b, p=p, directions=torch.ones(1, 1))
    loss.backward()
    assert (loss.item(), x.grad.abs().max().item()) == (0.0, 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_roots_of_high_powers(dtype):
    x = torch.tensor([[0.0], [1.0]], dtype=dtype, requires_grad=True)
    value = nn.sliced_wasserstein_loss(x, torch.tensor([[1.0], [3.0]]), p=540, root=True, directions=torch.ones(1, 1))
    assert value.item() == pytest.approx(2 * 0.5 ** (1 / 540), rel=1e-6)
    value.backward()
    assert x.grad[1].item() == pytest.approx(-(0.5 ** (1 / 540)), rel=1e-5)
    far = nn.sliced_wasserstein_loss(x * 1e30, x.flip(0) * 1e30 + 1e30, root=True, directions=torch.ones(1, 1))
    assert far.item() == pytest.approx(1e30, rel=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradients(weighted):
    generator = torch.Generator().manual_seed(0)
    x, y, a, b = (torch.rand(k, generator=generator, dtype=torch.float64) for k in ((6, 2), (8, 2), 6, 8))
    lines = torch.rand(3, 2, generator=generator, dtype=torch.float64)
    inputs = [z.requires_grad_() for z in ((x, y, a, b) if weighted else (x, y))]

    def loss(x, y, a=None, b=None):
        if a is not None:
            a, b = a / a.sum(), b / b.sum()
        return nn.sliced_wasserstein_loss(x, y, a, b, p=3, root=True, directions=lines)

    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)


def test_points_without_mass_have_weights_with_derivatives():
    """What mass there would cost: the potential at that point, up to a constant."""
    x, y = torch.tensor([[0.0], [5.0]], dtype=torch.float64), torch.tensor([[1.0]], dtype=torch.float64)
    a = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    nn.sliced_wasserstein_loss(x, y, a, torch.ones(1), directions=torch.ones(1, 1)).backward()
    assert (a.grad[1] - a.grad[0]).item() == pytest.approx(16 - 1)
    assert otgen.wasserstein([0.0, 5.0], [1.0], [1.0, 0.0]).cost == 1


@pytest.mark.parametrize("p", [1, 2])
def test_shared_clouds_of_no_problems(p):
    x, none = torch.zeros(4, 2), torch.zeros(0, 4)
    for weights in ({"a": none}, {"b": none}, {"a": none, "b": none}):
        assert nn.sliced_wasserstein_loss(x, x, **weights, p=p, reduction="none").shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_directions_of_a_module_keep_their_digits(dtype):
    """A model in halves may hold a loss: its directions have length 1 all the same."""
    lines = torch.nn.functional.normalize(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    model = torch.nn.Sequential(nn.SlicedWassersteinLoss(directions=lines)).to(dtype)
    x, y = torch.zeros(4, 3, dtype=torch.float64), torch.eye(4, 3, dtype=torch.float64)
    assert model[0](x, y).item() == nn.sliced_wasserstein_loss(x, y, directions=lines).item()
    assert torch.equal(model[0].directions, lines)
