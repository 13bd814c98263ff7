"""Losses, plans and potentials of listed costs, against POT, finite differences and what points give."""

import math
from functools import partial

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

import otgen
from otgen import nn

D = torch.float64


def problem(n, m, batch=(), seed=0):
    generator = torch.Generator().manual_seed(seed)
    C = torch.rand(*batch, n, m, generator=generator, dtype=D)
    a, b = (torch.rand(*batch, k, generator=generator, dtype=D) + 0.2 for k in (n, m))
    return C, a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)


def requiring(*tensors):
    return [z.clone().requires_grad_() for z in tensors]


@pytest.mark.parametrize(("n", "m"), [(5, 7), (7, 5), (1, 4), (4, 1)])
def test_exact_against_pot(n, m):
    C, a, b = requiring(*problem(n, m))
    loss = nn.transport_loss(C, a, b)
    _, log = ot.emd(*(z.detach().numpy() for z in (a, b, C)), log=True)
    assert loss.item() == pytest.approx(log["cost"], rel=1e-12)
    of_C, of_a, of_b = torch.autograd.grad(loss, (C, a, b))
    np.testing.assert_allclose((of_C * C).sum().item(), log["cost"], rtol=1e-12)
    np.testing.assert_allclose(of_C.sum(1), a.detach(), atol=1e-14)
    reduced = C.detach() - of_a[:, None] - of_b[None, :]
    used = of_C > 1e-12
    assert (
        reduced[used] - reduced.min()
    ).abs().max() < 1e-9  # complementary slackness, up to what weights' totals leave free


def test_forbidden_pairs_and_no_plan():
    C = torch.tensor([[0.0, math.inf], [math.inf, 2.0]], requires_grad=True)
    loss = nn.transport_loss(C)
    loss.backward()
    assert loss.item() == 1.0
    assert C.grad is not None
    assert C.grad.tolist() == [[0.5, 0.0], [0.0, 0.5]]
    with pytest.raises(otgen.Infeasible):
        nn.transport_loss(torch.tensor([[0.0, math.inf], [0.0, math.inf]]))
    soft = torch.tensor([[0.0, math.inf], [1.0, 2.0]], dtype=D, requires_grad=True)
    (slope,) = torch.autograd.grad(nn.transport_loss(soft, epsilon=0.5), soft)
    assert slope.isfinite().all()
    assert slope[0, 1] == 0


@pytest.mark.parametrize("relax", [None, 0.7, (0.4, math.inf)])
@pytest.mark.parametrize(("n", "m"), [(4, 6), (6, 4)])
def test_entropic_value_is_that_of_transport(n, m, relax):
    C, a, b = problem(n, m)
    loss = nn.transport_loss(C, a, b, epsilon=0.2, relax=relax, tol=1e-12)
    here = otgen.transport(C.numpy(), a.numpy(), b.numpy(), epsilon=0.2, relax=relax)
    assert here.lower - 1e-9 <= loss.item() <= here.upper + 1e-9


@pytest.mark.parametrize("relax", [None, 0.7, (0.4, math.inf)])
@pytest.mark.parametrize(("n", "m"), [(3, 4), (4, 3)])
def test_derivatives_of_entropic_losses(n, m, relax):
    """In weights along directions that keep their totals: else they are divided by them."""
    given = requiring(*problem(n, m))
    if relax is not None:
        given = requiring(*(z * s for z, s in zip(problem(n, m), (1, 1.5, 0.8))))

    def loss(C, a, b):
        return nn.transport_loss(C, a, b, epsilon=0.3, relax=relax, tol=1e-13)

    if relax is None:
        C, a, b = given
        assert torch.autograd.gradcheck(lambda C: loss(C, a, b), (C,), atol=1e-6)
        assert torch.autograd.gradgradcheck(lambda C: loss(C, a, b), (C,), atol=1e-5)
        assert torch.autograd.gradcheck(
            lambda s, t: loss(C.detach(), s.softmax(0), t.softmax(0)), tuple(requiring(a.log(), b.log())), atol=1e-6
        )
    else:
        assert torch.autograd.gradcheck(loss, tuple(given), atol=1e-6)
        assert torch.autograd.gradgradcheck(loss, tuple(given), atol=1e-5)


@pytest.mark.parametrize("relax", [None, (0.5, 2.0), (0.4, math.inf)])
@pytest.mark.parametrize(("n", "m"), [(3, 5), (5, 3), (1, 3)])
def test_derivatives_of_plans_and_potentials(n, m, relax):
    C, a, b = problem(n, m)
    weights = torch.linspace(0.5, 2, n * m, dtype=D).reshape(n, m)

    def told(C, s, t):
        found = nn.entropic_plan(C, s.softmax(0), t.softmax(0), epsilon=0.3, relax=relax, tol=1e-13)
        return (found.plan * weights).sum(), found.f[0] * 2 + (found.f**2).sum(), (found.g**2).sum() - found.g[-1]

    assert torch.autograd.gradcheck(told, tuple(requiring(C, a.log(), b.log())), atol=1e-6)


def test_a_plan_is_that_of_transport():
    C, a, b = problem(5, 6)
    found = nn.entropic_plan(C, a, b, epsilon=0.2, tol=1e-12)
    here = otgen.transport(C.numpy(), a.numpy(), b.numpy(), epsilon=0.2)
    np.testing.assert_allclose(found.plan, here.plan @ np.eye(6), rtol=1e-5)
    np.testing.assert_allclose(found.f, here.potentials[0], atol=1e-5)
    assert (a @ found.f).item() == pytest.approx((b @ found.g).item(), abs=1e-12)


def test_points_get_their_gradient_through_costs():
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.rand(k, 2, generator=generator, dtype=D) for k in (6, 5))
    for epsilon, of_points in (
        (0, nn.WassersteinLoss(2)),
        (0.1, nn.SinkhornLoss(0.1, debias=False, tol=1e-12)),
    ):
        one, other = requiring(x, x)
        squares = ((one[:, None] - y[None]) ** 2).sum(-1)
        listed = nn.transport_loss(squares, epsilon=epsilon, tol=1e-12)
        points = of_points(other, y)
        assert listed.item() == pytest.approx(points.item(), rel=1e-9)
        torch.testing.assert_close(
            torch.autograd.grad(listed, one)[0], torch.autograd.grad(points, other)[0], rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize("epsilon", [0, 0.2])
def test_batches_are_single_problems(epsilon):
    C, a, b = problem(4, 5, (3,))
    whole = nn.transport_loss(C, a, b, epsilon=epsilon, reduction="none")
    each = torch.stack([nn.transport_loss(*z, epsilon=epsilon) for z in zip(C, a, b)])
    torch.testing.assert_close(whole, each, rtol=1e-12, atol=0)
    shared = nn.transport_loss(C[0], a, b, epsilon=epsilon, reduction="none")
    torch.testing.assert_close(
        shared, torch.stack([nn.transport_loss(C[0], *z, epsilon=epsilon) for z in zip(a, b)]), rtol=1e-12, atol=0
    )
    one = nn.transport_loss(C, a[0], None, epsilon=epsilon, reduction="sum")
    torch.testing.assert_close(
        one, sum(nn.transport_loss(c, a[0], None, epsilon=epsilon) for c in C), rtol=1e-12, atol=0
    )


def test_points_without_mass():
    C, a, b = problem(4, 5)
    a[1], b[3] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    kept = nn.entropic_plan(C[[0, 2, 3]][:, [0, 1, 2, 4]], a[[0, 2, 3]], b[[0, 1, 2, 4]], epsilon=0.2, tol=1e-12)
    C = C.requires_grad_()
    found = nn.entropic_plan(C, a, b, epsilon=0.2, tol=1e-12)
    torch.testing.assert_close(found.plan[[0, 2, 3]][:, [0, 1, 2, 4]], kept.plan, rtol=1e-9, atol=1e-12)
    (slope,) = torch.autograd.grad((found.plan**2).sum(), C)
    assert slope.isfinite().all()
    assert (slope[1] == 0).all()


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 0.05, 1.0]), st.integers(0, 10_000))
@settings(max_examples=25)
def test_gradients_say_what_a_step_does(n, m, epsilon, seed):
    """The value is concave in the costs: a step along any direction gains at most what the gradient says."""
    C, a, b = problem(n, m, seed=seed)
    (C,) = requiring(C)
    loss = nn.transport_loss(C, a, b, epsilon=epsilon, tol=1e-10)
    (slope,) = torch.autograd.grad(loss, C)
    along = torch.randn(n, m, dtype=D, generator=torch.Generator().manual_seed(seed)) * 0.1
    after = nn.transport_loss(C.detach() + along, a, b, epsilon=epsilon, tol=1e-10)
    assert after.item() <= loss.item() + (slope * along).sum().item() + 1e-7


def test_transforms_and_dtypes():
    C, a, b = problem(3, 4, (2,))
    for epsilon in (0, 0.2):
        mapped = torch.func.vmap(partial(nn.transport_loss, epsilon=epsilon))(C, a, b)
        torch.testing.assert_close(mapped, nn.transport_loss(C, a, b, epsilon=epsilon, reduction="none"))
        assert nn.transport_loss(C.half(), epsilon=epsilon).dtype == torch.float32
        assert nn.transport_loss(C.float(), a.float(), epsilon=epsilon).dtype == torch.float32
    module = nn.TransportLoss(epsilon=0.2, reduction="sum")
    torch.testing.assert_close(module(C, a, b), nn.transport_loss(C, a, b, epsilon=0.2, reduction="sum"))
    assert repr(module) == "TransportLoss(epsilon=0.2, relax=None, tol=1e-06)"
    relative = nn.transport_loss(C[0], a[0], b[0], epsilon=otgen.Relative(0.1))
    mean = float(a[0] @ C[0] @ b[0])
    assert relative.item() == pytest.approx(nn.transport_loss(C[0], a[0], b[0], epsilon=0.1 * mean).item(), rel=1e-6)


def test_what_is_refused():
    C, a, b = problem(3, 4)
    for call, message in (
        (lambda: nn.transport_loss(C[0]), r"C must be \(n, m\)"),
        (lambda: nn.transport_loss(C, b), "a must have one weight per row of C"),
        (lambda: nn.transport_loss(C, relax=1.0), "relax must be None where epsilon is 0"),
        (lambda: nn.transport_loss(C, epsilon=-1.0), "epsilon must be positive"),
        (lambda: nn.entropic_plan(C, epsilon=0), "epsilon must be positive for an entropic plan"),
        (lambda: nn.transport_loss(C.expand(2, 3, 4), a.expand(3, 3)), "equally many problems"),
        (lambda: nn.transport_loss(C.numpy()), "C must be a tensor"),
        (lambda: nn.TransportLoss(reduction="all"), "reduction must be"),
    ):
        with pytest.raises(otgen.InvalidInput, match=message):
            call()
    with pytest.raises(otgen.MassMismatch):
        nn.transport_loss(C, 2 * a, b)
    with pytest.raises(otgen.NotConverged):
        nn.transport_loss(C, a, b, epsilon=0.01, max_iter=1)


BLOCKS = {
    "far points": torch.tensor([[0.0, 200.0], [200.0, 0.0]], dtype=D),
    "forbidden": torch.tensor([[0.0, math.inf], [math.inf, 0.3]], dtype=D),
}


@pytest.mark.parametrize("C", list(BLOCKS.values()), ids=list(BLOCKS))
def test_a_plan_that_falls_apart_into_blocks(C):
    """The loss has a gradient, the plan; what lies between blocks is not determined, and says so."""
    (C,) = requiring(C)
    (slope,) = torch.autograd.grad(nn.transport_loss(C, epsilon=0.5), C)
    torch.testing.assert_close(slope, torch.eye(2, dtype=D) / 2, rtol=0, atol=1e-15)
    with pytest.raises(otgen.NotConverged, match="falls apart into blocks"):
        nn.entropic_plan(C, epsilon=0.5).f[0].backward()
    blind = torch.func.vmap(torch.func.grad(lambda costs: nn.entropic_plan(costs, epsilon=0.5).f[0]))(C.detach()[None])
    assert blind.isnan().any()  # where nothing can be raised, no number is made up
