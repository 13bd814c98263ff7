"""Critics: what keeps them Lipschitz, what they estimate and what they prove."""

from __future__ import annotations

import dataclasses
import functools
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.spatial.distance as distances
from chosen import BY_DAY
from stopped import at_each_place

import otgen
from otgen.laws.funnels import Funnels

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import critics
from otgen.nn._modes import generator_from
from otgen.nn.critics import training
from otgen.nn.critics.fitting import batch_bounds
from otgen.nn.critics.networks import Perceptron, Transform

KINDS = [
    critics.WeightClipping(learning_rate=5e-4),
    critics.GradientPenalty(),
    critics.OneSidedPenalty(),
    critics.SpectralNormalisation(),
    critics.Orthogonal(width=32, depth=2),
    critics.CTransform(points=200),
    critics.Cones(cones=64),
]
LONG = dict(steps=150, batch_size=64) if BY_DAY else dict(steps=300, batch_size=256)
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)


def shifted(n: int = 1500, d: int = 2, by: float = 1.0):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    y = rng.normal(size=(n, d))
    y[:, 0] -= by
    return x, y


class TestEveryKind:
    @pytest.mark.no_cover
    @kinds
    @pytest.mark.by_day(2)
    def test_estimates_a_translation_and_proves_no_more_than_is_true(self, kind):
        x, y = shifted()
        found = critics.fit(x, y, kind, **LONG, rng=0)
        assert found.lower <= 1.0
        assert 0.0 <= found.batch_lower <= found.batch_exact
        if not isinstance(kind, critics.WeightClipping):
            assert found.estimate == pytest.approx(1.0, abs=0.3)
            assert found.batch_lower > 0.5
        assert found.potential(torch.zeros(5, 2)).shape == (5,)
        assert set(found.history) == {"step", "difference", "penalty"}
        assert list(found.history["step"]) == [*range(0, LONG["steps"], 100), LONG["steps"] - 1]
        assert "CriticFit(" in repr(found)

    @kinds
    @pytest.mark.by_day(3)
    def test_a_seed_decides_everything(self, kind):
        x, y = shifted(200)
        one, other = (critics.fit(x, y, kind, steps=2, batch_size=16, rng=3) for _ in range(2))
        assert one.estimate == other.estimate
        assert one.batch_lower == other.batch_lower
        assert one.estimate != critics.fit(x, y, kind, steps=2, batch_size=16, rng=4).estimate

    @kinds
    @pytest.mark.by_day(3)
    def test_units_do_not_matter(self, kind):
        """Powers of two only shift exponents: the same critic, bit by bit."""
        x, y = shifted(200)
        one, other = (critics.fit(z * x, z * y, kind, steps=8, batch_size=16, rng=3) for z in (1.0, 1024.0))
        assert other.estimate == 1024 * one.estimate
        assert other.slope == one.slope
        assert other.batch_lower == pytest.approx(1024 * one.batch_lower, rel=1e-12)

    def test_the_origin_does_not_matter(self):
        x, y = shifted(300)
        near, far = (critics.fit(x + by, y + by, steps=15, batch_size=32, rng=3) for by in (0.0, 2.0**27))
        assert far.estimate == pytest.approx(near.estimate, rel=0.02)
        assert far.batch_exact == pytest.approx(near.batch_exact, rel=1e-6)

    @kinds
    @pytest.mark.parametrize("prove", [False, True])
    def test_potentials_can_be_kept(self, kind, prove):
        found = critics.fit(*shifted(100), kind, steps=3, batch_size=16, rng=0, prove=prove)
        points = torch.randn(5, 2, dtype=torch.float64)
        for function in (found.potential, found.witness):
            again = pickle.loads(pickle.dumps(function))
            assert torch.equal(again(points), function(points))
            assert {name.split(".")[-1] for name in again.state_dict()} >= {"centre", "unit", "slope"}

    @pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
    def test_conversions_leave_what_is_proven_and_where_points_lie(self, dtype):
        """A model in halves may hold them: the witness is the same function, the potential one of a coarser network."""
        x, y = (z + 1e8 for z in shifted(100))
        found = critics.fit(x, y, critics.Cones(cones=8), steps=3, batch_size=16, rng=0, prove=False)
        points = torch.as_tensor(x[:9])
        want = [function(points).detach() for function in (found.witness, found.potential)]
        torch.nn.ModuleList([found.witness, found.potential]).to(dtype)
        assert torch.equal(found.witness(points), want[0])
        if dtype is torch.float32:  # in halves the host has no cones
            torch.testing.assert_close(found.potential(points).double(), want[1].double(), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("prove", [False, True])
    def test_the_estimate_is_that_of_its_potential(self, prove):
        """Held-out means, of the witness where it gains as much: then of a function whose slope is 1 at most, for certain."""
        x, y = shifted(2000)
        found = critics.fit(x, y, critics.Cones(), steps=40, batch_size=32, rng=0, prove=prove)
        with torch.no_grad():
            gain = float(found.potential(torch.as_tensor(x)).mean() - found.potential(torch.as_tensor(y)).mean())
        assert gain == pytest.approx(found.estimate, abs=0.15)  # of all samples, a fifth of them held out
        assert (found.potential is found.witness) == prove

    @pytest.mark.parametrize("factor", [1e39, 1e-42, np.nan])
    def test_what_single_precision_cannot_hold_is_refused(self, factor):
        with pytest.raises(otgen.InvalidInput, match="finite"):
            critics.fit(*2 * [lambda n: factor * torch.randn(n, 2, dtype=torch.float64)], batch_size=50, steps=1)

    @kinds
    def test_its_bound_is_never_below_a_slope(self, kind):
        x, y = shifted(400)
        found = critics.fit(x, y, kind, steps=30, batch_size=64, rng=0, prove=False)
        points = torch.randn(400, 2, dtype=torch.float32)
        values = (found.potential(points) * found.slope).detach().double().numpy()
        steps = distances.pdist(points.double().numpy())
        rises = np.abs(values[:, None] - values)[np.triu_indices(400, 1)]
        assert (rises <= found.lipschitz * steps * (1 + 1e-5) + 1e-6).all()

    def test_global_randomness_is_left_alone(self):
        x, y = shifted(100)
        torch.manual_seed(0)
        before = torch.get_rng_state()
        critics.fit(x, y, steps=3, batch_size=16, rng=0)
        assert torch.equal(before, torch.get_rng_state())


class TestPenalty:
    def test_the_norm_is_one_per_sample(self):
        """Not over the batch, not over coordinates: against differences, one sample at a time."""
        torch.manual_seed(0)
        network = Perceptron(3, 16, 2, torch.nn.Tanh()).double()
        points = torch.randn(7, 3, dtype=torch.float64)
        found = critics.gradient_norms(network, points)
        assert found.shape == (7,)
        h = 1e-6
        for point, norm in zip(points, found):
            slopes = [
                (network((point + h * e)[None]) - network((point - h * e)[None])).item() / (2 * h)
                for e in torch.eye(3, dtype=torch.float64)
            ]
            assert norm.item() == pytest.approx(np.linalg.norm(slopes), rel=1e-6)

    def test_one_sided_pays_for_steep_gradients_only(self):
        generator = torch.Generator().manual_seed(0)
        x, y = torch.zeros(8, 2), torch.ones(8, 2)
        for scale, two, one in ((0.5, 2.5, 0.0), (1.0, 0.0, 0.0), (2.0, 10.0, 10.0)):
            network = torch.nn.Linear(2, 1)
            torch.nn.init.constant_(network.weight, scale / np.sqrt(2))

            def values(z, network=network):
                return network(z)[:, 0]

            assert critics.GradientPenalty(weight=10.0).penalty(values, x, y, generator).item() == pytest.approx(
                two, abs=1e-4
            )
            assert critics.OneSidedPenalty(weight=10.0).penalty(values, x, y, generator).item() == pytest.approx(
                one, abs=1e-4
            )

    def test_a_dead_network_has_no_nan(self):
        network = Perceptron(2, 4, 1, torch.nn.ReLU())
        torch.nn.init.zeros_(network.layers[0].weight)
        torch.nn.init.constant_(network.layers[0].bias, -1.0)
        critics.GradientPenalty().penalty(network, torch.zeros(3, 2), torch.ones(3, 2), torch.Generator()).backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


class TestBounds:
    def test_singular_values_bound_a_linear_chain_exactly(self):
        network = Perceptron(3, 3, 1, torch.nn.Identity())
        with torch.no_grad():
            network.layers[0].weight.copy_(torch.diag(torch.tensor([3.0, 2.0, 1.0])))
            network.layers[1].weight.copy_(torch.tensor([[2.0, 0.0, 0.0]]))
        assert critics.lipschitz_bound(network) == pytest.approx(6.0, rel=1e-8)
        assert critics.lipschitz_bound(network) >= 6.0

    def test_a_transform_is_one_lipschitz(self):
        torch.manual_seed(0)
        network = Transform(torch.randn(20, 3))
        torch.nn.init.normal_(network.heights)
        z = torch.randn(300, 3)
        values = network(z).detach().double().numpy()
        rises = np.abs(values[:, None] - values)[np.triu_indices(300, 1)]
        assert critics.lipschitz_bound(network) == 1.0
        assert (rises <= distances.pdist(z.double().numpy()) * (1 + 1e-5) + 1e-6).all()

    def test_orthogonal_networks_are_one_lipschitz_for_certain(self):
        network = critics.Orthogonal(width=32).network(5, torch.zeros(1, 5))
        assert critics.lipschitz_bound(network) == pytest.approx(1.0, abs=1e-5)

    def test_another_network_is_refused(self):
        """Of a fit its bound is read: it was sent to .network, which a fit does not have."""
        with pytest.raises(otgen.InvalidInput, match=r"critic of otgen\.nn\.critics") as caught:
            critics.lipschitz_bound(torch.nn.Linear(2, 1))
        assert str(caught.value).split("read .")[1] in {field.name for field in dataclasses.fields(critics.CriticFit)}

    def test_any_values_prove_something_about_a_batch(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 1.0
            f, g = rng.normal(size=30), rng.normal(size=20)
            lower, exact = batch_bounds(f, g, x, y)
            assert 0.0 <= lower <= exact

    def test_the_best_critic_proves_all_of_it(self):
        pair = Funnels.random(4, 3, rng=0)
        x, y = pair.sample(200, rng=1)
        lower, exact = batch_bounds(pair.critic(x), pair.critic(y), x, y)
        assert lower == pytest.approx(exact, rel=1e-9)

    def test_a_rise_without_a_step_proves_nothing(self):
        x = np.zeros((2, 1))
        assert batch_bounds(np.array([1.0, 1.0]), np.array([0.0, 0.0]), x, x)[0] == 0.0


class TestKnownDistances:
    @pytest.mark.nightly
    @pytest.mark.parametrize("dim", [1, 2])
    def test_a_dirac_against_the_sphere(self, dim):
        def sphere(n):
            z = torch.randn(n, dim, generator=generator)
            return z / z.norm(dim=1, keepdim=True)

        generator = torch.Generator().manual_seed(0)
        found = critics.fit(sphere, lambda n: torch.zeros(n, dim), steps=800, batch_size=256, rng=0)
        assert found.batch_exact == pytest.approx(1.0, abs=1e-6)
        assert 0.985 <= found.batch_lower <= 1.0 + 1e-6
        assert found.estimate == pytest.approx(1.0, abs=0.03)


class TestInput:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda x, y: critics.fit(x, y, "lp"), "critic must be one of"),
            (lambda x, y: critics.fit(x[:9], y), "at least 10 samples"),
            (lambda x, y: critics.fit(x, y, rng="a"), "rng must be None, a seed"),
            (lambda x, y: critics.fit(x, y[:, :1]), "same number of coordinates"),
            (
                lambda x, y: critics.fit(pd.DataFrame(x, columns=["u", "v"]), pd.DataFrame(y, columns=["v", "u"])),
                "x and y must have the same columns in the same order; received u, v and v, u",
            ),
            (lambda x, y: critics.fit(lambda n: torch.zeros(n), y), "must return"),
            (lambda x, y: critics.fit(x, y, steps=0), "steps must be"),
            (lambda x, y: critics.fit(x, y, seconds=-1.0), "seconds must be positive"),
            (lambda x, y: critics.Orthogonal(width=33), "even"),
            (lambda x, y: critics.GradientPenalty(weight=0.0), "weight must be positive"),
            (lambda x, y: critics.WeightClipping(limit=-1.0), "limit must be positive"),
        ],
    )
    def test_is_refused_in_words(self, call, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            call(*shifted(20))

    def test_time_can_be_limited(self):
        x, y = shifted(100)
        found = critics.fit(x, y, steps=10**9, batch_size=16, seconds=0.3, rng=0)
        assert 0 <= found.history["step"][-1] < 10**9 - 1

    @pytest.mark.parametrize(("shown", "terminal"), [(True, True), (True, False), (False, True)])
    def test_progress_is_told_on_a_terminal(self, monkeypatch, capsys, shown, terminal):
        monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
        critics.fit(*shifted(50), steps=21, batch_size=8, rng=0, progress=shown)
        out, told = capsys.readouterr()
        assert out == ""
        assert ("critic: step 20 of at most 21" in told) == told.endswith("\n") == (shown and terminal)


class TestStopping:
    def test_by_default_when_the_gain_has_stopped(self):
        x, y = shifted(1000)
        found = critics.fit(x, y, critics.OneSidedPenalty(width=32, depth=2), batch_size=128, rng=0, prove=False)
        assert 300 <= found.history["step"][-1] < 1500
        assert found.estimate == pytest.approx(1.0, abs=0.2)
        assert found.batch_lower > 0.8 * found.batch_exact

    def test_all_steps_are_taken_that_were_asked_for(self):
        """Left to itself, a critic that learns next to nothing stops after 400."""
        idle = critics.CTransform(points=5, learning_rate=1e-12)
        found = critics.fit(*shifted(50), idle, steps=500, batch_size=8, rng=0, prove=False)
        assert found.history["step"][-1] == 499

    def test_samplers_are_watched_too(self):
        generator = torch.Generator().manual_seed(0)
        sizes = []

        def source(n):
            sizes.append(n)
            return torch.randn(n, 1, generator=generator)

        found = critics.fit(source, source, critics.Orthogonal(width=8, depth=1), batch_size=16, rng=0, prove=False)
        assert found.history["step"][-1] < 2999
        assert sizes.count(2000) == 2

    @pytest.mark.parametrize("n", [10, 11, 19])
    def test_the_fewest_samples(self, n):
        rng = np.random.default_rng(n)
        x, y = rng.normal(size=(2, n, 2))
        for steps in (2, None):
            found = critics.fit(
                x, y, critics.CTransform(points=5), steps=steps, batch_size=4, rng=0, prove=steps is not None
            )
            assert np.isfinite([found.lower, found.estimate, found.standard_error, found.batch_lower]).all()


class TestRowsThatOccurTwice:
    def test_copies_prove_nothing(self):
        """One law: W_1 is 0, whatever is learned by heart."""
        x, y = (np.repeat(z, 8, axis=0) for z in np.random.default_rng(0).normal(size=(2, 25, 10)))
        with pytest.warns(UserWarning, match="holds rows more than once"):
            found = critics.fit(x, y, critics.CTransform(points=400, learning_rate=0.1), steps=40, batch_size=32, rng=0)
        assert found.estimate > 5 * found.standard_error
        assert found.lower == 0.0

    def test_a_few_of_them_take_little_away(self):
        x, y = shifted(400, by=5.0)
        kind = critics.Orthogonal(width=16, depth=1)
        options = dict(steps=60, batch_size=64, rng=0, prove=False)
        right = critics.fit(x, y, kind, **options).lower
        x[:40] = x[40:80]
        with pytest.warns(UserWarning, match="x holds rows more than once"):
            found = critics.fit(x, y, kind, **options).lower
        assert 0.5 * right < found <= 5.0

    def test_only_held_out_rows_matter(self, recwarn):
        x, y = shifted(50)
        x[0], y[0] = 0.0, -0.0
        order = torch.randperm(50, generator=generator_from(0))
        x[order[-1]] = x[order[-2]]
        critics.fit(x, y, critics.CTransform(points=5), steps=1, batch_size=8, rng=0, prove=False)
        assert not len(recwarn)


class TestPotential:
    def test_points_of_other_sizes_are_refused(self):
        found = critics.fit(*shifted(50), critics.CTransform(points=5), steps=1, batch_size=8, rng=0, prove=False)
        for shape in ((3, 1), (2,), (3, 3), (1, 3, 2)):
            with pytest.raises(otgen.InvalidInput, match=r"z must be points \(n, 2\)"):
                found.potential(torch.zeros(shape))


class TestDefaultDtype:
    @kinds
    def test_does_not_matter(self, kind, doubles_by_default):
        x, y = shifted(60)

        def figures():
            one = critics.fit(x, y, kind, steps=3, batch_size=16, rng=0)
            return one.estimate, one.lower, one.lipschitz, one.slope

        right = figures()
        with doubles_by_default():
            assert figures() == right

    def test_denormals_stay_flushed(self, doubles_by_default):
        if not torch.set_flush_denormal(True):
            pytest.skip("this processor has no such mode")
        try:
            with doubles_by_default(), training._without_denormals():
                pass
            assert torch.tensor(1e-40, dtype=torch.float32) * 1.0 == 0
        finally:
            torch.set_flush_denormal(False)


@functools.cache
def plainly_fitted(kind):
    return critics.fit(*shifted(100), kind, steps=3, batch_size=16, rng=0)


class TestModes:
    @pytest.mark.parametrize(
        "mode",
        [
            torch.no_grad,
            torch.inference_mode,
            lambda: torch.autocast("cpu", torch.bfloat16),
            lambda: torch.autocast("cpu", torch.float16),
        ],
    )
    @kinds
    @pytest.mark.by_day(8)
    def test_a_fit_is_the_same_in_every_mode(self, mode, kind):
        x, y = shifted(100)
        right = plainly_fitted(kind)
        with mode():
            found = critics.fit(x, y, kind, steps=3, batch_size=16, rng=0)
            assert found.potential(torch.zeros(3, 2)).shape == (3,)
        assert found.estimate == right.estimate
        assert found.batch_lower == right.batch_lower

    def test_samplers_that_infer(self):
        @torch.inference_mode()
        def source(n):
            return torch.ones(n, 2, dtype=torch.bfloat16)

        found = critics.fit(source, lambda n: torch.zeros(n, 2), steps=3, batch_size=16, rng=0)
        assert found.batch_exact == pytest.approx(np.sqrt(2))

    def test_seeds_are_of_either_library(self):
        x, y = shifted(50)

        def estimate(rng):
            return critics.fit(x, y, steps=2, batch_size=8, rng=rng).estimate

        assert estimate(torch.Generator().manual_seed(3)) == estimate(torch.Generator().manual_seed(3))
        assert estimate(np.random.default_rng(3)) == estimate(3)
        torch.manual_seed(7)
        first, second = estimate(None), estimate(None)
        torch.manual_seed(7)
        assert estimate(None) == first != second


def test_denormals_count_again_after_any_stop():
    def work():
        with training._without_denormals():
            pass

    def counting():
        assert torch.tensor(1e-40) * 1.0 != 0

    assert at_each_place(work, {__file__, training.__file__}, counting) >= 3
