"""Critics whose values depend on other points of their batch are refused, and left as they were."""

from __future__ import annotations

import copy
import dataclasses
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import critics
from otgen.nn.objectives import wgan


class Holder:
    """A callable that holds a network."""

    def __init__(self, net):
        self.net = net

    def __call__(self, z):
        return self.net(z)


class Counting(torch.nn.Module):
    """A layer that counts its calls in a buffer, which it replaces."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, z):
        self.calls = self.calls + 1
        return z.tanh()


def attention(z):
    """Each point's value is read off the whole batch."""
    return (torch.softmax(z @ z.T, dim=1) @ z).sum(dim=1)


MIXING = {
    "a mean for all": lambda z: z.mean().expand(len(z)),
    "softmax over the batch": lambda z: z.sum(dim=1).softmax(dim=0),
    "attention": attention,
    "centred": lambda z: ((z - z.mean(dim=0)) ** 3).sum(dim=1),
    "spread of the batch": lambda z: z.sum(dim=1) + z.std(dim=0).mean(),
    "layer normalisation of the wrong axis": lambda z: torch.nn.functional.layer_norm(z.T, (len(z),)).T[:, 0],
    "sums so far": lambda z: z.sum(dim=1).cumsum(dim=0),
    "the next point": lambda z: z.sum(dim=1).roll(1),
    "a faint mean": lambda z: z.sum(dim=1) + 1e-6 * z.mean(),
    "mirrored": lambda z: (z.flip(0) ** 2).sum(dim=1),
}


class TestCriticsThatMix:
    @pytest.mark.parametrize("n", [2, 8])
    @pytest.mark.parametrize("mean", [lambda v: v.mean(), lambda v: v.mean(0), lambda v: v.mean(0, keepdim=True)])
    def test_a_mean_is_refused(self, n, mean):
        layer = torch.nn.Linear(5, 1)
        with pytest.raises(otgen.InvalidInput, match="one value a point"):
            wgan.gradient_penalty(lambda z: mean(layer(z)), torch.rand(n, 5), torch.rand(n, 5))

    def test_batch_normalisation_is_refused_while_it_mixes(self):
        network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
        with pytest.raises(otgen.InvalidInput, match="BatchNorm1d"):
            critics.gradient_norms(network, torch.rand(6, 2))
        assert critics.gradient_norms(network.eval(), torch.rand(6, 2)).shape == (6,)

    @given(n=st.integers(2, 9), mixing=st.sampled_from(sorted(MIXING)), column=st.booleans(), seed=st.integers(0, 99))
    def test_values_of_other_points_are_refused(self, n, mixing, column, seed):
        z = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))

        def critic(points):
            values = MIXING[mixing](points)
            return values[:, None] if column else values

        for call in (lambda: critics.gradient_norms(critic, z), lambda: wgan.gradient_penalty(critic, z, z + 1)):
            with pytest.raises(otgen.InvalidInput, match="one by one"):
                call()

    @pytest.mark.parametrize("n", [2, 3, 8])
    @pytest.mark.parametrize(
        "statistic",
        [lambda z: z.mean(dim=0), lambda z: z.roll(1, 0), lambda z: z.abs().amax(dim=0), lambda z: z.std(dim=0)],
    )
    @pytest.mark.parametrize("rate", [0.0, 0.5])
    def test_statistics_without_a_derivative_are_refused(self, n, statistic, rate):
        """Beside a layer that draws at random too; whose next draws are what they would have been."""
        z, drop = torch.randn(n, 3, generator=torch.Generator().manual_seed(n)), torch.nn.Dropout(rate)
        with pytest.raises(otgen.InvalidInput, match="one by one"):
            critics.gradient_norms(lambda z: ((drop(z) + 0.1 * z - statistic(z.detach())) ** 2).sum(dim=1), z)

    @pytest.mark.parametrize("layer", [torch.nn.Dropout(0.5), torch.nn.Identity()])
    def test_trying_a_critic_draws_nothing(self, layer):
        network, z, draws = torch.nn.Sequential(layer, torch.nn.Linear(3, 1)), torch.ones(8, 3), []
        for _ in range(2):  # the first call tries it
            torch.manual_seed(0)
            draws.append((critics.gradient_norms(network, z), torch.rand(3)))
        assert torch.equal(draws[0][0], draws[1][0])
        assert torch.equal(draws[0][1], draws[1][1])

    @pytest.mark.parametrize(
        "wrapped", [lambda net: net, lambda net: lambda z: net(z), lambda net: functools.partial(net)]
    )
    @pytest.mark.parametrize("kind", ["running means", "power iteration", "replaced"])
    def test_trying_a_critic_leaves_its_buffers_as_one_pass_does(self, kind, wrapped):
        """Running means of points that are no samples would stay in the critic."""
        torch.manual_seed(0)
        layers = {
            "running means": lambda: torch.nn.InstanceNorm1d(3, track_running_stats=True),
            "power iteration": lambda: torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 4)),
            "replaced": Counting,
        }
        network = torch.nn.Sequential(layers[kind](), torch.nn.Flatten(), torch.nn.Linear(12, 1))
        other, z = copy.deepcopy(network), torch.randn(8, 3, 4)
        critics.gradient_norms(wrapped(network), z).sum().backward()
        other(z)
        assert all(torch.equal(one, two) for one, two in zip(network.buffers(), other.buffers(), strict=True))

    def test_layers_that_change_from_pass_to_pass_are_taken(self):
        """A power iteration goes on at every call in training."""
        for seed in range(20):
            torch.manual_seed(seed)
            layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 64))
            network = torch.nn.Sequential(layer, torch.nn.Tanh(), torch.nn.Linear(64, 1))
            assert critics.gradient_norms(network, torch.rand(6, 3)).shape == (6,)

    def test_weights_of_inference_mode_are_refused(self):
        """They cannot be kept for a derivative; a copy made outside can."""
        with torch.inference_mode():
            network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 1))
        for critic in (network, network.forward, functools.partial(lambda net, z: net(z), network)):
            with pytest.raises(otgen.InvalidInput, match=r"Linear built under torch.inference_mode.*copy.deepcopy"):
                wgan.gradient_penalty(critic, torch.rand(4, 3), torch.rand(4, 3))
        assert critics.gradient_norms(copy.deepcopy(network), torch.rand(4, 3)).shape == (4,)

    def test_layers_that_keep_points_apart_are_taken(self):
        for layer in (torch.nn.LayerNorm(4), torch.nn.GroupNorm(2, 4), torch.nn.Dropout(0.5)):
            network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), layer, torch.nn.Linear(4, 1))
            for _ in range(2):
                assert critics.gradient_norms(network, torch.rand(6, 2)).shape == (6,)

    @pytest.mark.parametrize("critic", [lambda z: z[:, 0].detach(), lambda z: torch.ones(len(z), requires_grad=True)])
    def test_what_has_no_gradient_is_refused(self, critic):
        with pytest.raises(otgen.InvalidInput, match="critic must"):
            critics.gradient_norms(critic, torch.rand(6, 2))

    def test_images_and_columns_of_values_are_taken(self):
        layer = torch.nn.Linear(12, 1)
        norm = layer.weight.norm().item()
        for critic in (lambda z: layer(z.flatten(1)), lambda z: layer(z.flatten(1))[:, 0]):
            found = critics.gradient_norms(critic, torch.rand(6, 3, 2, 2))
            assert found.tolist() == pytest.approx([norm] * 6, rel=1e-6)

    @pytest.mark.parametrize("mask", [3, 5, 6, 15])
    def test_points_that_trade_places_are_refused(self, mask):
        """Whatever subset of the rows has a pattern, so may have a critic: those here keep the parity of binary ones of a row's number."""
        places = torch.arange(16) ^ mask
        for critic in (lambda z: (z[places] ** 2).sum(1), lambda z: (z**2).sum(1) + 1e-3 * (z[places] ** 2).sum(1)):
            with pytest.raises(otgen.InvalidInput, match="one by one"):
                critics.gradient_norms(critic, torch.rand(16, 2))

    def test_one_pair_that_trades_places_is_refused(self):
        places = torch.arange(300)
        places[[7, 100]] = torch.tensor([100, 7])
        with pytest.raises(otgen.InvalidInput, match="one by one"):
            critics.gradient_norms(lambda z: z.norm(dim=1) + z[places, 0], torch.rand(300, 3))

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
    def test_roundings_do_not_pass_for_mixing(self, dtype):
        network = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.GELU(), torch.nn.Linear(64, 1)).to(dtype)
        assert critics.gradient_norms(network, torch.rand(130, 3).to(dtype)).shape == (130,)

    @pytest.mark.parametrize(
        "wrapped",
        [
            lambda net: net,
            lambda net: net.forward,
            functools.partial,
            lambda net: lambda z: net(z),
            lambda net: functools.partial(lambda inner, z: inner(z), net),
            Holder,
        ],
    )
    def test_a_refusal_leaves_running_means_as_they_were(self, wrapped):
        net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
        before = {name: z.clone() for name, z in net.state_dict().items()}
        with pytest.raises(otgen.InvalidInput, match="BatchNorm1d in training mode"):
            critics.gradient_norms(wrapped(net), torch.rand(8, 2))
        assert all(torch.equal(z, before[name]) for name, z in net.state_dict().items())
        assert critics.gradient_norms(wrapped(net.eval()), torch.rand(8, 2)).shape == (8,)

    def test_a_constant_is_told_alike_under_transforms(self):
        weight = torch.nn.Parameter(torch.ones(1))
        points = torch.rand(3, 4, 2)

        def norms(z):
            return critics.gradient_norms(lambda z: weight.expand(len(z)), z)

        for call in (lambda: norms(points[0]), lambda: torch.func.vmap(norms)(points)):
            with pytest.raises(otgen.InvalidInput, match="without a derivative in them"):
                call()

    def test_points_may_be_numbers(self):
        z = torch.arange(3.0)
        torch.testing.assert_close(critics.gradient_norms(lambda z: z**2, z), 2 * z)
        assert critics.gradient_norms(lambda z: z**2, z[:0]).shape == (0,)
        found = torch.func.vmap(lambda z: critics.gradient_norms(lambda z: z**2, z))(z[None])
        torch.testing.assert_close(found, 2 * z[None])
        weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda w: critics.gradient_norms(lambda z: w * z**3, z.double()), weight)


def test_critics_are_known_by_themselves():
    """One without a hash is taken; one that mixes is refused beside an equal one that does not."""

    @dataclasses.dataclass
    class Plain:
        mixes: bool = dataclasses.field(default=False, compare=False)

        def __call__(self, z):
            return (z**2).sum(1) * (z.mean() if self.mixes else 1)

    class Hashed(Plain):
        def __hash__(self):
            return 1

    x = torch.arange(1.0, 33.0).reshape(16, 2)
    for kind in (Plain, Hashed):
        torch.testing.assert_close(critics.gradient_norms(kind(), x), 2 * x.norm(dim=1))
        with pytest.raises(otgen.InvalidInput, match="one by one"):
            critics.gradient_norms(kind(mixes=True), x)
