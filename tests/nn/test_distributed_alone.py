"""A group of one process: losses and pairings over processes are those of one, and nobody else is asked."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
import torch.distributed as dist

import otgen
from otgen.nn import coupling, distributed, mmd_loss, sinkhorn_loss, sliced_wasserstein_loss, wasserstein_loss

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch without torch.distributed")

LINES = torch.eye(2, dtype=torch.float64)
LOSSES = {
    "exact": (distributed.wasserstein_loss, wasserstein_loss, dict(p=1)),
    "root": (distributed.wasserstein_loss, wasserstein_loss, dict(root=True)),
    "sliced": (distributed.sliced_wasserstein_loss, sliced_wasserstein_loss, dict(directions=LINES)),
    "sliced root": (distributed.sliced_wasserstein_loss, sliced_wasserstein_loss, dict(directions=LINES, root=True)),
    "energy": (distributed.mmd_loss, mmd_loss, dict()),
    "unbiased": (distributed.mmd_loss, mmd_loss, dict(kernel="gaussian", scale=(0.5, 2.0), unbiased=True)),
    "sinkhorn": (distributed.sinkhorn_loss, sinkhorn_loss, dict(epsilon=0.1, tol=1e-9)),
    "biased": (distributed.sinkhorn_loss, sinkhorn_loss, dict(epsilon=0.1, tol=1e-9, debias=False)),
}
PAIRINGS = (dict(), dict(method="sinkhorn"), dict(penalty=0.2), dict(p=1, metric="cityblock"))


@pytest.fixture(scope="module", autouse=True)
def _alone(tmp_path_factory):
    store = tmp_path_factory.mktemp("group") / "store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def clouds():
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(n, 2, dtype=torch.float64, generator=generator).requires_grad_() for n in (9, 7))


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_that_of_one_process(name, sharded):
    together, alone, options = LOSSES[name]
    x, y = clouds()
    found, want = together(x, y, y_sharded=sharded, **options), alone(x, y, **options)
    assert found.item() == pytest.approx(want.item(), rel=1e-9, abs=1e-12)
    for one, other in zip(torch.autograd.grad(found, [x, y]), torch.autograd.grad(want, [x, y])):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_energies_of_points_whose_squares_are_no_floats_are_those_of_one_process():
    x, y = (z.detach().mul(1e200).requires_grad_() for z in clouds())
    found, want = distributed.mmd_loss(x, y), mmd_loss(x, y)
    assert found.item() == pytest.approx(want.item(), rel=1e-9)
    for one, other in zip(torch.autograd.grad(found, [x, y]), torch.autograd.grad(want, [x, y])):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_masked_rows_are_not_there(name):
    together, _, options = LOSSES[name]
    x, y = (z.detach() for z in clouds())
    padded = torch.cat([x, torch.full((3, 2), 7e5, dtype=torch.float64)])
    mask = torch.arange(12) < 9
    assert together(padded, y, x_mask=mask, **options).item() == together(x, y, **options).item()


@pytest.mark.parametrize("options", PAIRINGS)
def test_a_pairing_is_that_of_one_process(options):
    x, y = (z.detach() for z in clouds())
    found, want = distributed.pair(x, y, rng=3, **options), coupling.pair(x, y, rng=3, **options)
    assert torch.equal(found.rows, want.rows)
    assert torch.equal(found.columns, want.columns)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_malformed_is_refused_in_words(name):
    together, _, options = LOSSES[name]
    x, y = (z.detach() for z in clouds())
    with pytest.raises(otgen.InvalidInput, match="must"):
        together(x, torch.full_like(y, float("nan")), **options)
    with pytest.raises(otgen.InvalidInput, match="must"):
        together(x[:, 0], y, **options)
