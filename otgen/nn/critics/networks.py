"""Networks that critics are made of, and how Lipschitz they are for certain."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear, Module, Parameter
from torch.nn.utils import parametrize

from ...errors import InvalidInput
from ...inputs.scalars import count, told
from .._modes import keeping_dtype

_SLACK = 1e-9  # relative, on singular values: an SVD in double precision is off by far less


class GroupSort(Module):
    """Pairs of neighbouring entries of (..., k), k even, in order: 1-Lipschitz, and gradients keep their length.

    References
    ----------
    Anil, Lucas, Grosse, "Sorting out Lipschitz function approximation", 2019.

    Examples
    --------
    >>> GroupSort()(torch.tensor([2.0, 1.0, 3.0, 4.0]))
    tensor([2., 4., 1., 3.])
    """

    def forward(self, z: Tensor) -> Tensor:
        """The larger of all pairs, then the smaller."""
        plain = (
            isinstance(z, Tensor)
            and z.layout is torch.strided
            and not (z.is_nested or z.is_quantized or z.is_complex())
        )
        if not plain or z.ndim == 0 or z.shape[-1] % 2:
            raise InvalidInput(
                f"z must be a dense real tensor whose last axis holds pairs; received {told(z)}; make that axis of even length"
            )
        one, other = z[..., 0::2], z[..., 1::2]
        return torch.cat([torch.maximum(one, other), torch.minimum(one, other)], dim=-1)


class Ramp(Module):
    """``z sigmoid(6 z) / 1.1``: a ramp with a small round knee, of slope at most one.

    Round, so that a penalty on gradients has something to say about every weight; small, so that a critic may have edges where
    clouds a tenth of their spread apart are told from each other.

    Examples
    --------
    >>> Ramp()(torch.tensor([-100.0, 0.0, 110.0]))
    tensor([ -0.,   0., 100.])
    """

    def forward(self, z: Tensor) -> Tensor:
        """Entry by entry."""
        return torch.nn.functional.silu(6 * z) / 6.6  # silu rises by up to 1.0999


class Perceptron(Module):
    """A critic (n, d) to (n,): linear layers in single precision with one 1-Lipschitz activation between them."""

    def __init__(self, dim: int, width: int, depth: int, activation: Module) -> None:
        super().__init__()
        sizes = [count(dim, "dim"), *[width] * depth, 1]
        pairs = itertools.pairwise(sizes)
        self.layers = torch.nn.ModuleList(Linear(one, other, dtype=torch.float32) for one, other in pairs)
        self.activation = activation

    def forward(self, z: Tensor) -> Tensor:
        """Critic values of points."""
        *hidden, last = self.layers
        for layer in hidden:
            z = self.activation(layer(z))
        return last(z)[..., 0]


class Transform(Module):
    """``f(z) = min_j |z - y_j| - g_j`` with points y (m, d) held and g (m,) learned: 1-Lipschitz by construction."""

    support: Tensor

    def __init__(self, support: Tensor) -> None:
        super().__init__()
        self.register_buffer("support", support)
        self.heights = Parameter(torch.zeros(len(support), dtype=support.dtype, device=support.device))

    def forward(self, z: Tensor) -> Tensor:
        """Critic values of points: the minimum is found first, and one distance a point is differentiated."""
        with torch.no_grad():
            nearest = (torch.cdist(z, self.support) - self.heights).argmin(dim=1)
        squares = ((z - self.support[nearest]) ** 2).sum(dim=1)
        positive = squares > 0
        return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0) - self.heights[nearest]


class Pieces(Module):
    """``min_k l_k(z)`` over cones ``|z - c_k| + h_k`` and planes ``<u_k, z> / |u_k| + h_k``, all of it learned: 1-Lipschitz by construction.

    In training the minimum is a soft one, ``-t log sum_k exp(-l_k / t)``: 1-Lipschitz too, since its gradient is a mean of unit vectors.
    """

    temperature: Tensor

    def __init__(self, centres: Tensor, directions: Tensor, heights: Tensor, temperature: float) -> None:
        super().__init__()
        self.centres, self.directions, self.heights = Parameter(centres), Parameter(directions), Parameter(heights)
        self.register_buffer("temperature", torch.tensor(temperature, dtype=centres.dtype, device=centres.device))

    def forward(self, z: Tensor) -> Tensor:
        """Critic values of points."""
        unit = self.directions / self.directions.norm(dim=1, keepdim=True).clamp_min(1e-12)
        pieces = torch.cat([self._distances(z), z @ unit.T], dim=1) + self.heights
        if not self.training:
            return pieces.amin(dim=1)
        return -self.temperature * torch.logsumexp(-pieces / self.temperature, dim=1)

    def _distances(self, z: Tensor) -> Tensor:
        """To all centres: fast in training, to the last digits afterwards."""
        if not self.training:
            return torch.cdist(z, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        squares = (z * z).sum(dim=1)[:, None] + (self.centres**2).sum(dim=1) - 2 * z @ self.centres.T
        return squares.clamp_min(1e-8).sqrt()


class Witness(Module):
    """``sign h / bound`` between ``low`` and ``high``, in double precision: a bounded function that is 1-Lipschitz for certain."""

    def __init__(self, network: InUnits, sign: float) -> None:
        super().__init__()
        self.network = settled(copy.deepcopy(network).double().eval())
        bound = lipschitz_bound(self.network)
        self.factor = sign / bound if bound > 0 else 0.0
        self.low, self.high = -math.inf, math.inf

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Move it; what is proven is proven of weights in double precision."""
        return super()._apply(keeping_dtype(fn), recurse)

    def get_extra_state(self) -> Tensor:
        """What a state dict holds beside the network's weights."""
        return torch.tensor([self.factor, self.low, self.high], dtype=torch.float64, device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Take it back."""
        self.factor, self.low, self.high = state.tolist()

    def forward(self, z: Tensor) -> Tensor:
        """Its values at points (n, d)."""
        return (self.factor * self.network(z)).clamp(self.low, self.high)


class InUnits(Module):
    """``unit h((z - centre) / unit) / slope`` for a network h: whatever units and origin points come in.

    Points are centred in double precision, before the network's single one could lose them to their origin.
    """

    centre: Tensor
    unit: Tensor
    slope: Tensor

    def __init__(self, network: Module, centre: Tensor, unit: float, slope: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centre", centre.double())
        for name, number in (("unit", unit), ("slope", slope)):
            self.register_buffer(name, torch.tensor(number, dtype=torch.float64, device=centre.device))

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Convert the network; the origin and the unit of points keep their digits."""
        super()._apply(keeping_dtype(fn), recurse=False)
        if recurse:
            self.network._apply(fn)
        return self

    def forward(self, z: Tensor) -> Tensor:
        """Critic values of points (n, d)."""
        dim = len(self.centre)
        if z.ndim != 2 or z.shape[1] != dim:
            raise InvalidInput(f"z must be points (n, {dim}); received {tuple(z.shape)}; reshape it")
        kind = next(self.network.parameters()).dtype
        return (self.unit / self.slope) * self.network(((z.double() - self.centre) / self.unit).to(kind))


def settled(network: InUnits) -> InUnits:
    """The network, its weights as they are: what made them orthogonal or divided them served training, and cannot be pickled."""
    for part in list(network.modules()):
        for name, layer in list(part.named_children()):
            if isinstance(layer, Linear) and parametrize.is_parametrized(layer):
                part.register_module(name, _plain(layer))
    return network


def _plain(layer: Linear) -> Linear:
    """The same layer without parametrisation. (To remove it would take it from copies too: they share a class.)"""
    kind = dict(dtype=layer.weight.dtype, device=layer.weight.device)
    plain: Any = torch.nn.utils.skip_init(Linear, layer.in_features, layer.out_features, **kind)
    plain.weight.data, plain.bias.data = layer.weight.detach(), layer.bias.detach()
    return plain.train(layer.training)


def lipschitz_bound(network: Module) -> float:
    """A number that the network's Lipschitz constant certainly does not exceed, in the Euclidean norm.

    The product of the largest singular values of all weights, by a full decomposition in double precision (a power iteration
    approaches them from below and proves nothing), rounded up.

    Parameters
    ----------
    network : Module
        A critic of this package: linear layers, parametrised or not, between activations of slope at most one; a
        c-transform; or cones and planes; in units of its own or not.

    Returns
    -------
    float

    Raises
    ------
    InvalidInput
        For any other network.

    Examples
    --------
    >>> network = Perceptron(2, 4, 1, GroupSort())
    >>> lipschitz_bound(network) > 0
    True
    """
    if isinstance(network, InUnits):
        return lipschitz_bound(network.network) / float(network.slope) * (1 + _SLACK)
    if isinstance(network, (Transform, Pieces)):
        return 1.0
    if not isinstance(network, Perceptron):
        raise InvalidInput(
            f"network must be a critic of otgen.nn.critics; received {told(network)}; of what critics.fit returns read .lipschitz"
        )
    with torch.no_grad():
        largest = [torch.linalg.svdvals(layer.weight.double())[0].item() for layer in network.layers]
    return math.prod(largest) * (1 + _SLACK)
