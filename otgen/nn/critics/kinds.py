"""Ways to keep a critic Lipschitz, each a small frozen class: what network, what penalty, what after a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, func
from torch.nn import Module
from torch.nn.utils import parametrizations

from ...errors import InvalidInput
from ...inputs import scalars
from .._modes import differentiating
from .mixing import refuse_mixing_layers, refuse_mixing_values
from .networks import GroupSort, Perceptron, Pieces, Ramp, Transform

_WARM, _COLD, _COOLER = (
    0.1,
    0.003,
    0.99,
)  # temperatures of a soft minimum, in units of the spread, and its factor a step
_ABOVE = 3.0  # height of planes at the start: above nearly all cones


@dataclass(frozen=True)
class Critic:
    """A kind of critic.

    Parameters
    ----------
    width, depth : int
        Of the hidden layers.
    learning_rate : float
        Of Adam, at the start; it falls to 0 along a cosine.
    """

    width: int = 128
    depth: int = 3
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("width", "depth"):
            scalars.count(getattr(self, name), name)
        scalars.positive(self.learning_rate, "learning_rate", "use a step such as 1e-3")

    @property
    def held(self) -> int:
        """How many points of a sample the network is made from, at most."""
        return 0

    def network(self, dim: int, sample: Tensor) -> Module:
        """A fresh network for ``dim`` coordinates; ``sample`` (m, d) is one of the target, in the units that the network sees."""
        return Perceptron(dim, self.width, self.depth, torch.nn.ReLU())

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """What takes the steps."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=(0.0, 0.9))

    def penalty(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor | None:
        """What is added to the loss on a batch, if anything."""
        return None

    def after_step(self, network: Module) -> None:
        """What is done to the weights after each step."""
        return

    def slope(self, norms: Tensor) -> float:
        """What the critic is divided by for its estimate, from gradient norms (k,); 1 where it is 1-Lipschitz as it is."""
        return 1.0


@dataclass(frozen=True)
class WeightClipping(Critic):
    """All weights and biases are held in [-limit, limit] (Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, algorithm 1).

    The critic is then Lipschitz with an unknown constant far from 1: its estimate is divided by what is measured.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    limit : float
        Largest absolute value of a weight or bias.
    """

    limit: float = 0.01
    learning_rate: float = 5e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.positive(self.limit, "limit", "the paper has 0.01")

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """RMSProp, as in the paper: momentum was found to be unstable there."""
        return torch.optim.RMSprop(network.parameters(), lr=self.learning_rate)

    def slope(self, norms: Tensor) -> float:
        """The largest gradient norm that was seen."""
        return float(norms.max()) or 1.0

    def after_step(self, network: Module) -> None:
        """Clip."""
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.clamp_(-self.limit, self.limit)


@dataclass(frozen=True)
class _Penalised(Critic):
    """A penalty on gradient norms at points between a sample of x and one of y.

    ``weight`` is its factor, beside a difference of means in units of the points' distance from their middle (root mean square): the
    steepness that is paid for does not depend on units. (Papers have 10 beside means in units of their data.)
    """

    weight: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.positive(self.weight, "weight", "3 is usual")

    def slope(self, norms: Tensor) -> float:
        """The median: a soft penalty lets gradients grow a little above one, all of them alike where the fit is good."""
        return max(1.0, float(norms.median()))

    def _norms(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor:
        t = self._shares(len(x), generator, x.dtype).to(x.device)
        return gradient_norms(network, t * x + (1 - t) * y)

    def _shares(self, count: int, generator: Generator, dtype: torch.dtype) -> Tensor:
        """How far from y to x the points lie: (count, 1)."""
        return torch.rand(count, 1, generator=generator, dtype=dtype)


@dataclass(frozen=True)
class GradientPenalty(_Penalised):
    """``weight E (|grad f| - 1)^2`` (Gulrajani et al., "Improved training of Wasserstein GANs", 2017).

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    weight : float
        Factor of the penalty, beside a difference of means in units of the points' distance from their middle.
    """

    def penalty(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Gradient norms away from one, on either side."""
        return self.weight * ((self._norms(network, x, y, generator) - 1) ** 2).mean()


@dataclass(frozen=True)
class OneSidedPenalty(_Penalised):
    """``weight E max(|grad f| - 1, 0)^2`` (Petzka, Fischer, Lukovnikov, "On the regularization of Wasserstein GANs", 2018).

    A gradient shorter than one is where the best critic may have it too: nothing is paid for it. The default: half of the points
    are samples themselves, where the mass is, half lie in between; activations have a round knee.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    weight : float
        Factor of the penalty, beside a difference of means in units of the points' distance from their middle.
    """

    learning_rate: float = 2e-3

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with ramps."""
        return Perceptron(dim, self.width, self.depth, Ramp())

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """Adam with some momentum."""
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.99))

    def _shares(self, count: int, generator: Generator, dtype: torch.dtype) -> Tensor:
        return (2 * super()._shares(count, generator, dtype) - 0.5).clamp(0, 1)

    def penalty(self, network: Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """Gradient norms above one."""
        return self.weight * (torch.relu(self._norms(network, x, y, generator) - 1) ** 2).mean()


@dataclass(frozen=True)
class SpectralNormalisation(Critic):
    """Every weight is divided by an estimate of its largest singular value (Miyato et al., 2018): 1-Lipschitz, nearly.

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    """

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with normalised weights."""
        network = Perceptron(dim, self.width, self.depth, torch.nn.ReLU())
        for layer in network.layers:
            parametrizations.spectral_norm(layer)
        return network


@dataclass(frozen=True)
class Orthogonal(Critic):
    """Orthogonal weights and sorted pairs as activation: 1-Lipschitz to rounding, and hidden layers keep the length of gradients.

    (Anil, Lucas, Grosse, "Sorting out Lipschitz function approximation", 2019.)

    Parameters
    ----------
    width, depth, learning_rate
        As in :class:`Critic`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2:
            raise InvalidInput(f"width must be even for pairs to be sorted; received {self.width}; add one")

    def network(self, dim: int, sample: Tensor) -> Module:
        """A perceptron with orthogonal weights."""
        network = Perceptron(dim, self.width, self.depth, GroupSort())
        for layer in network.layers:
            parametrizations.orthogonal(layer)
        return network


@dataclass(frozen=True)
class CTransform(Critic):
    """``min_j |z - y_j| - g_j`` over points of a sample, with heights learned: 1-Lipschitz by construction.

    Parameters
    ----------
    learning_rate
        As in :class:`Critic`; there are no hidden layers, so that ``width`` and ``depth`` are not used.
    points : int
        How many points of the sample, at most.
    """

    points: int = 2000
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.count(self.points, "points")

    @property
    def held(self) -> int:
        """All of them."""
        return self.points

    def network(self, dim: int, sample: Tensor) -> Module:
        """The transform over the first points of the sample."""
        return Transform(sample[: self.points].clone())


@dataclass(frozen=True)
class Cones(Critic):
    """``min_k l_k`` over cones ``|z - c_k| + h_k`` and planes, with centres, directions and heights learned: 1-Lipschitz by construction.

    The extension of McShane from values at a few points, whose places are learned too, so that it may be used in many dimensions. Gradients
    have length one everywhere, as the best critic's have wherever mass is moved. It starts from points of the sample.

    Parameters
    ----------
    learning_rate
        As in :class:`Critic`; there are no hidden layers, so that ``width`` and ``depth`` are not used.
    cones, planes : int
        How many of either; of cones not more than the sample has points.

    References
    ----------
    McShane, "Extension of range of functions", 1934; for minima of planes and distances as critics: Anil, Lucas, Grosse, "Sorting out Lipschitz
    function approximation", 2019, section 4.
    """

    cones: int = 256
    planes: int = 16
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        scalars.count(self.cones, "cones")
        scalars.count(self.planes, "planes")

    @property
    def held(self) -> int:
        """A point a cone."""
        return self.cones

    def network(self, dim: int, sample: Tensor) -> Module:
        """Cones at the first points of the sample, planes in all directions above them."""
        centres = sample[: self.cones].clone()
        directions = torch.randn(self.planes, dim).to(sample)
        heights = torch.cat([torch.zeros(len(centres)), torch.full((self.planes,), _ABOVE)]).to(sample)
        return Pieces(centres, directions, heights, _WARM)

    def optimiser(self, network: Module) -> torch.optim.Optimizer:
        """Adam with some momentum; centres have further to go than heights."""
        assert isinstance(network, Pieces)
        rest = [network.heights, network.directions]
        groups = [{"params": [network.centres], "lr": 3 * self.learning_rate}, {"params": rest}]
        return torch.optim.Adam(groups, lr=self.learning_rate, betas=(0.5, 0.99))

    def after_step(self, network: Module) -> None:
        """The soft minimum cools."""
        assert isinstance(network, Pieces)
        network.temperature.mul_(_COOLER).clamp_(min=_COLD)


def gradient_norms(network: Module, points: Tensor) -> Tensor:
    """Norms of a critic's gradient at points (n, ...), one for each: (n,), in float32 at least.

    Differentiable in the weights; under ``no_grad`` and in inference mode the norms are there all the same, as numbers.

    Parameters
    ----------
    network : Module or callable
        (n, ...) to n values, each of which depends on its own point only: a mean over the batch would make gradients n times too
        short, and attention or normalisation over the batch mixes them. At a critic's first call that is tried.
    points : Tensor
        (n, ...).

    Raises
    ------
    InvalidInput
        If anything else than n values comes back, or values that cannot be differentiated, for batch normalisation in training, and for values
        with a derivative in other points; the last is not tried under ``torch.func`` and compilation.

    References
    ----------
    Gulrajani et al., "Improved training of Wasserstein GANs", 2017, section 4: no batch normalisation in the critic.

    Examples
    --------
    >>> gradient_norms(lambda z: 3 * z[:, 0], torch.zeros(2, 5))
    tensor([3., 3.])
    """
    if not callable(network):
        raise InvalidInput(
            f"critic must be a module or a function of points; received {scalars.told(network)}; pass what critics.fit trains, or your own"
        )
    if not isinstance(points, Tensor) or not points.is_floating_point() or points.ndim < 1:
        raise InvalidInput(
            f"points must be a tensor of floats, one point a row; received {scalars.told(points)}; use torch.as_tensor"
        )
    refuse_mixing_layers(network)
    wanted = torch.is_grad_enabled()
    with differentiating():
        slopes = _slopes(network, points.detach(), wanted).flatten(1)
        slopes = slopes if slopes.element_size() >= 4 else slopes.float()  # squares of halves end at 65504 and at 6e-8
        norms = (slopes**2).sum(dim=1).clamp_min(1e-24).sqrt()
    return norms if wanted else norms.detach()


def _slopes(network: Module, points: Tensor, wanted: bool) -> Tensor:
    """Derivatives of each point's value, (n, ...)."""
    if torch.compiler.is_compiling() or _is_transformed(points):
        return func.grad(lambda z: _values(network, z).sum())(points)
    points = points.clone().requires_grad_()
    values = _values(network, points)
    refuse_mixing_values(network, values, points)
    found: Any = torch.autograd.grad(values.sum(), points, create_graph=wanted, allow_unused=True)
    if found[0] is None:
        raise InvalidInput("critic must depend on its points; received values that do not; do not detach them in it")
    return found[0]


def _is_transformed(points: Tensor) -> bool:
    """Whether a transform of torch.func is at work, under which no tensor may be told to require gradients."""
    try:
        points.clone().requires_grad_()
    except RuntimeError:
        return True
    return False


def _values(network: Module, points: Tensor) -> Tensor:
    """A critic's values, one a point."""
    values = network(points)
    _check_values(values, len(points))
    return values


def _check_values(values: Tensor, count: int) -> None:
    if not isinstance(values, Tensor) or values.numel() != count or (values.ndim > 0 and len(values) != count):
        received = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        raise InvalidInput(
            f"critic must return one value a point, shape ({count},) or ({count}, 1); received {received}; take means "
            f"outside of it"
        )
    if not values.requires_grad:
        raise InvalidInput(
            "critic must be differentiable in its points; received values without a gradient; no no_grad inside of it"
        )
