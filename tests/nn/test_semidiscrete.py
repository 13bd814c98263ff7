"""A data set coupled with noise in torch: the map of the floor below, on tensors."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput, NotConverged

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import _semidiscrete, coupling


def data(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_images_go_to_the_images_of_their_index():
    x1, x0 = data(60, 1, 3, 3), data(200, 1, 3, 3, seed=1)
    found = coupling.semidiscrete(x1, rng=0, tol=None)
    sent = found.pair(x0)
    assert sent.x0 is x0
    assert torch.equal(sent.x1, x1[sent.columns])
    assert sent.columns.dtype == torch.int64
    reduced = torch.cdist(x0.flatten(1).double(), x1.flatten(1).double()).square() - found.potential
    torch.testing.assert_close(reduced.gather(1, sent.columns[:, None])[:, 0], reduced.min(dim=1).values)
    shares = torch.bincount(found.index(data(30_000, 9, seed=2)), minlength=60) / 30_000
    assert float((shares - 1 / 60).abs().sum() / 2) < 0.1
    assert torch.equal(found(x0).columns, sent.columns)


def test_it_costs_less_than_a_minibatch_coupling():
    """What the map is for: a batch of 32 cannot know where the rest of the data is."""
    x1, x0 = data(500, 2), data(2048, 2, seed=1)
    found = coupling.semidiscrete(x1, rng=0, tol=None).pair(x0)
    batches = [
        coupling.pair(part, x1[torch.randperm(500, generator=torch.Generator().manual_seed(k))[:32]])
        for k, part in enumerate(x0.split(32))
    ]
    batched = torch.cat([(pairs.x0 - pairs.x1).square().sum(dim=1) for pairs in batches]).mean()
    assert (found.x0 - found.x1).square().sum(dim=1).mean() < 0.7 * batched


class TestGenerators:
    def test_a_seed_decides_and_torchs_own_does_where_there_is_none(self):
        x1, options = data(20, 2), dict(tol=None, max_draws=6000)
        fits = [coupling.semidiscrete(x1, rng=0, **options), coupling.semidiscrete(x1, rng=0, **options)]
        for _ in range(2):
            torch.manual_seed(5)
            fits.append(coupling.semidiscrete(x1, **options))
        for _ in range(2):
            fits.append(coupling.semidiscrete(x1, rng=torch.Generator().manual_seed(5), **options))
        potentials = [fit.potential for fit in fits]
        for k in (0, 2, 4):
            assert torch.equal(potentials[k], potentials[k + 1])
        assert not torch.equal(potentials[0], potentials[2])

    def test_a_given_one_leaves_torchs_own_alone(self):
        before = torch.get_rng_state()
        coupling.semidiscrete(data(5, 2), rng=0, tol=None, max_draws=6000)
        assert torch.equal(torch.get_rng_state(), before)

    def test_noise_of_ones_own_gets_the_generator(self):
        found = coupling.semidiscrete(
            torch.tensor([[0.25], [0.75]]),
            lambda n, generator: torch.rand(n, 1, generator=generator),
            b=torch.tensor([1.0, 3.0]),
            rng=0,
        )
        edge = 0.5 + float(found.potential[0] - found.potential[1])  # where both points are equally good
        assert edge == pytest.approx(0.25, abs=0.02)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 70]),
    st.sampled_from([1, 2, 40]),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_products_find_what_the_host_finds(seed, size, d, dtype):
    generator = torch.Generator().manual_seed(seed)
    y = 100 + torch.randn(size, d, generator=generator, dtype=dtype)
    x = 100 + torch.randn(50, d, generator=generator, dtype=dtype)
    g = torch.randn(size, generator=generator, dtype=torch.float64)
    reduced = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").square() - g
    columns = _semidiscrete.nearest_by_products(x, y, g)
    torch.testing.assert_close(reduced.gather(1, columns[:, None])[:, 0], reduced.min(dim=1).values, atol=1e-5, rtol=0)


def test_products_by_blocks_are_the_same(monkeypatch):
    x, y, g = data(50, 3), data(20, 3, seed=1), data(20, seed=2).double()
    whole = _semidiscrete.nearest_by_products(x, y, g)
    monkeypatch.setattr(_semidiscrete, "_BLOCK", 60)
    assert torch.equal(_semidiscrete.nearest_by_products(x, y, g), whole)


def test_a_point_without_weight_is_never_found_by_products():
    x1 = data(6, 2)
    found = coupling.semidiscrete(x1, b=torch.tensor([1.0, 0, 1, 1, 0, 1]), rng=0, tol=None)
    columns = _semidiscrete.nearest_by_products(data(500, 2, seed=1), x1, found.potential)
    assert set(columns.tolist()) == {0, 2, 3, 5}


def test_state_goes_through_a_file():
    found, other = (coupling.semidiscrete(data(20, 2, seed=k), rng=0, tol=None) for k in (0, 1))
    file = io.BytesIO()
    torch.save(found.state_dict(), file)
    other.index(data(5, 2))
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    x0 = data(100, 2, seed=3)
    assert torch.equal(other.pair(x0).x1, found.pair(x0).x1)
    assert list(found.parameters()) == []


def test_a_map_of_the_host_becomes_one(tmp_path):
    x1 = data(20, 1, 2)
    fitted = otgen.semidiscrete("gaussian", x1.flatten(1), rng=0, tol=None)
    fitted.save(tmp_path / "map.npz")
    again = coupling.SemidiscreteCoupling(otgen.load_semidiscrete(tmp_path / "map.npz"), x1)
    x0 = data(50, 1, 2, seed=1)
    np.testing.assert_array_equal(again.index(x0).numpy(), fitted.sample(x0.flatten(1)))
    assert "20 samples of shape (1, 2)" in repr(again)


def test_halves_and_gradients_go_in():
    found = coupling.semidiscrete(data(20, 2), rng=0, tol=None)
    x0 = data(10, 2, seed=1).requires_grad_()
    sent = found.pair(x0)
    (sent.x0 - sent.x1).square().sum().backward()
    torch.testing.assert_close(x0.grad, 2 * (x0 - sent.x1).detach())
    assert found.index(x0.detach().bfloat16()).shape == (10,)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda found: found.index(torch.zeros(3, 5)), "x0 must be a floating tensor"),
        (lambda found: found.index(torch.zeros(2)), "x0 must be a floating tensor"),
        (lambda found: found.index(np.zeros((3, 2))), "x0 must be a floating tensor"),
        (lambda found: found.index(torch.full((3, 2), torch.nan)), "x0 must have data, all of it finite"),
        (lambda found: coupling.semidiscrete(torch.zeros(3)), r"x1 must be a dense real tensor \(N, ...\)"),
        (lambda found: coupling.semidiscrete(np.zeros((3, 2))), "x1 must be a dense real tensor"),
        (lambda found: coupling.semidiscrete(torch.full((3, 2), torch.inf)), "x1 must have data"),
        (lambda found: coupling.semidiscrete(torch.eye(2), lambda n, g: 3), "noise must return a tensor"),
        (lambda found: coupling.semidiscrete(torch.eye(2), rng="x"), "rng must be None, a seed"),
        (lambda found: coupling.SemidiscreteCoupling(found.fitted, torch.zeros(3, 2)), "x1 must hold the 2 points"),
    ],
)
def test_refusals(call, said):
    found = coupling.semidiscrete(torch.eye(2), rng=0, tol=None, max_draws=5000)
    with pytest.raises(InvalidInput, match=said):
        call(found)


def test_the_end_of_its_draws_hands_over_a_coupling():
    with pytest.raises(NotConverged) as caught:
        coupling.semidiscrete(data(30, 2), rng=0, tol=1e-9, max_draws=5000)
    assert caught.value.result.pair(torch.zeros(1, 2)).x1.shape == (1, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": "gaussian"}, "noise must be a callable"),
        ({"b": torch.ones(4, device="meta")}, "b must hold numbers"),
        ({"b": torch.ones(4).to_sparse()}, "b must be dense"),
    ],
)
def test_noise_and_weights_that_are_none(options, words):
    with pytest.raises(InvalidInput, match=words):
        coupling.semidiscrete(data(4, 2), tol=None, max_draws=100, **options)


class TestAsAModule:
    """What is done to modules: kept in files, copied, converted, filled from a state."""

    def test_it_goes_through_a_file_whole(self):
        found, x0 = coupling.semidiscrete(data(20, 2), rng=0, tol=None), data(100, 2, seed=3)
        for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
            again.load_state_dict(found.state_dict())
            assert torch.equal(again.index(x0), found.index(x0))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
    def test_conversions_round_the_data_alone(self, dtype):
        """The potential has digits that halves lack; the map is that to the rounded points, before a file and after."""
        found, x0 = coupling.semidiscrete(100 + data(300, 2), rng=0, tol=None), data(1000, 2, seed=3)
        potential = found.potential.clone()
        module = torch.nn.ModuleDict({"coupling": found}).to(dtype)
        assert found.x1.dtype is dtype
        assert torch.equal(found.potential, potential)
        costs = torch.cdist(x0.double(), found.x1.double()).square() - potential
        best = costs.gather(1, found.index(x0)[:, None])[:, 0]
        torch.testing.assert_close(best, costs.amin(1), rtol=1e-9, atol=0)
        again = copy.deepcopy(module)
        again.load_state_dict(module.state_dict())
        assert torch.equal(again["coupling"].index(x0), found.index(x0))

    @pytest.mark.parametrize("strict", [True, False])
    def test_the_potential_of_another_cost_is_refused(self, strict):
        found = coupling.semidiscrete(data(20, 2), rng=0, tol=None)
        other = coupling.semidiscrete(data(20, 2), rng=0, tol=None, metric="cityblock", p=1)
        with pytest.raises(
            InvalidInput, match=r"with metric='cityblock', p=1; received one with metric='euclidean', p=2"
        ):
            other.load_state_dict(found.state_dict(), strict=strict)
