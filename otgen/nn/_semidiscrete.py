"""Noise paired with a whole data set by one semidiscrete map, instead of batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module

from ..distances.semidiscrete.fit import semidiscrete as fit_map
from ..distances.semidiscrete.fitted import SemidiscreteMap
from ..errors import InvalidInput, NotConverged
from ..inputs import scalars, sizes
from ..model.cost import Metric
from ..model.cost.metrics import entry_of
from ._inputs import finite, real_and_dense
from ._modes import generator_from

_BLOCK = 2**24  # products that are held at once
_SIFTED = 4  # candidates that products leave, of which differences of coordinates decide

Source = Callable[[int, torch.Generator], Tensor]


class Sent(NamedTuple):
    """Noise x0 (n, ...) as it came, the sample x1 (n, ...) that each goes to, and which of the data that is, (n,)."""

    x0: Tensor
    x1: Tensor
    columns: Tensor


class SemidiscreteCoupling(Module):
    """Pairs noise with the samples of a data set by a fitted map: what :func:`semidiscrete` makes.

    A module without parameters: data and potential are buffers, which ``.to(device)`` moves and ``state_dict`` holds.

    Parameters
    ----------
    fitted : SemidiscreteMap
        A map to the N points of the data, flattened; perhaps one that was read from a file.
    x1 : Tensor
        (N, ...), the data.

    Raises
    ------
    InvalidInput
        If the data are not those of the map.

    Examples
    --------
    >>> import torch
    >>> coupling = semidiscrete(torch.tensor([[0.0, 1.0], [0.0, -1.0]]), rng=0)
    >>> coupling.pair(torch.tensor([[3.0, 2.0]])).x1
    tensor([[0., 1.]])
    """

    x1: Tensor
    potential: Tensor
    weights: Tensor

    def __init__(self, fitted: SemidiscreteMap, x1: Tensor) -> None:
        super().__init__()
        scalars.instance(
            fitted, SemidiscreteMap, "fitted", "an otgen.SemidiscreteMap", "call semidiscrete, which makes one"
        )
        _check_data(x1)
        if tuple(fitted.points.shape) != (len(x1), x1[0].numel()):
            raise InvalidInput(
                f"x1 must hold the {len(fitted.points)} points in dimension {fitted.points.shape[1]} of the map; received shape "
                f"{tuple(x1.shape)}; pass the data that it was fitted to"
            )
        self.metric: Metric = fitted.metric
        self.p = fitted.p
        self.register_buffer("x1", x1.detach().clone())
        self.register_buffer("potential", torch.from_numpy(fitted.potential.copy()))
        self.register_buffer("weights", torch.from_numpy(fitted.weights.copy()))
        self._fitted: SemidiscreteMap | None = fitted
        self.register_load_state_dict_post_hook(_forget)

    def get_extra_state(self) -> str:
        """What a state dict holds beside the buffers: the cost that the potential is of."""
        return f"metric={'a callable' if callable(self.metric) else repr(self.metric)}, p={self.p:g}"

    def set_extra_state(self, state: str) -> None:
        """Refuse the potential of another cost."""
        self._fitted = None
        if state != self.get_extra_state():
            raise InvalidInput(
                f"state_dict must be that of a coupling with {self.get_extra_state()}; received one with {state}; make this one with that metric and p"
            )

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Move or convert the data; the potential and the weights stay in double precision, as halves of them are another map's."""
        exact, held = {name: getattr(self, name) for name in ("potential", "weights")}, self.x1.dtype
        super()._apply(fn, recurse)
        for name, z in exact.items():
            moved = getattr(self, name)
            if moved.dtype != z.dtype:
                setattr(self, name, z.to(moved.device))
        if self.x1.dtype != held:
            self._fitted = None
        return self

    @property
    def fitted(self) -> SemidiscreteMap:
        """The map, on the host: its :meth:`~otgen.SemidiscreteMap.held_out` says how good it is."""
        if self._fitted is None:
            points, potential, weights = (
                z.double().cpu().numpy() for z in (self.x1.flatten(1), self.potential, self.weights)
            )
            self._fitted = SemidiscreteMap(points, weights, potential, self.metric, self.p, 0)
        return self._fitted

    def index(self, x0: Tensor) -> Tensor:
        """Which of the data each noise (n, ...) goes to: (n,) int64, on its device, where it is searched for.

        On the host by the searches of :meth:`otgen.SemidiscreteMap.sample`. Elsewhere, for squared euclidean distances, by matrix
        products in the dtype of the noise, float32 at least, that leave four candidates, of which distances in double precision
        decide; costs of another kind are searched on the host.
        """
        _check_noise(x0, self.x1)
        x = x0.detach().flatten(1)
        if x.device.type == "cpu" or not self._squared:
            return self.fitted.sample(x.double().cpu()).to(x.device)
        return nearest_by_products(x, self.x1.flatten(1).to(x.device), self.potential.to(x.device))

    def pair(self, x0: Tensor) -> Sent:
        """Noise (n, ...) and the samples that it goes to, on its device and in the dtype of the data; no gradient flows through the choice."""
        columns = self.index(x0)
        return Sent(x0, self.x1[columns.to(self.x1.device)].to(x0.device), columns)

    def forward(self, x0: Tensor) -> Sent:
        """As :meth:`pair`."""
        return self.pair(x0)

    @property
    def _squared(self) -> bool:
        return not callable(self.metric) and entry_of(self.metric).form(self.p) == (2.0, 1.0, 1.0)

    def extra_repr(self) -> str:
        """Of the data and the cost."""
        return f"{len(self.x1)} samples of shape {tuple(self.x1.shape[1:])}, metric={self.metric!r}, p={self.p:g}"


def _forget(coupling: Any, keys: Any) -> None:
    """The map is made again from the buffers, once these have changed. (No closure, so that couplings can be pickled.)"""
    coupling._fitted = None


def semidiscrete(
    x1: Tensor,
    noise: Source | None = None,
    *,
    b: Tensor | None = None,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float | None = 1e-3,
    confidence: float = 0.95,
    max_draws: int | None = None,
    rng: Any = None,
    throw: bool = True,
    progress: bool = False,
) -> SemidiscreteCoupling:
    """Couple noise that can be drawn with a data set: each noise goes to one sample, and all samples get their share.

    Parameters
    ----------
    x1 : Tensor
        (N, ...), the data, flattened for the cost.
    noise : callable, optional
        From a number n and a torch.Generator on the host to noise (n, ...) of the size of the data; standard normal unless given.
    b : Tensor, optional
        (N,) weights; None means uniform.
    p, metric, tol, confidence, max_draws, throw, progress
        As in :func:`otgen.semidiscrete`; the fit runs on the host.
    rng : seed or Generator, optional
        What decides the noise of the fit: torch's global generator (``torch.manual_seed``) unless a seed or a generator of torch's or numpy's
        is given.

    Returns
    -------
    SemidiscreteCoupling
        Its ``pair(x0)`` is the step of a training loop. It lives on the device of the data.

    Raises
    ------
    InvalidInput, NotConverged
        As in :func:`otgen.semidiscrete`; ``.result`` is the coupling so far.

    Examples
    --------
    >>> import torch
    >>> x1 = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    >>> coupling = semidiscrete(x1, tol=None, rng=0)
    >>> coupling.pair(torch.zeros(4, 3)).columns.unique().numel()
    1
    """
    _check_data(x1, b)
    if noise is not None and not callable(noise):
        raise InvalidInput(
            f"noise must be a callable of a number and a generator; received {scalars.told(noise)}; leave it out for the normal law"
        )
    generator = generator_from(rng)

    def drawn(n: int, _: np.random.Generator) -> Tensor:
        shape = (n, *x1.shape[1:])
        x0 = torch.randn(shape, generator=generator, dtype=torch.float32) if noise is None else noise(n, generator)
        if not isinstance(x0, Tensor):
            raise InvalidInput(
                f"noise must return a tensor; received {scalars.told(x0)}; make one with torch.randn(n, ..., generator=generator)"
            )
        return x0.detach().flatten(1).cpu()

    data = x1.detach().flatten(1).double().cpu()
    weights = b.detach().cpu() if isinstance(b, Tensor) and not b.is_meta else b
    try:
        found = fit_map(
            drawn, data, weights, p=p, metric=metric, tol=tol, confidence=confidence, max_draws=max_draws, rng=0, throw=throw,
            progress=progress,
        )  # fmt: skip
    except NotConverged as ended:
        ended.result = SemidiscreteCoupling(ended.result, x1)
        raise
    return SemidiscreteCoupling(found, x1)


def nearest_by_products(x: Tensor, y: Tensor, potential: Tensor) -> Tensor:
    """``argmin_j |x_i - y_j| ** 2 - g_j``, (n,), for x (n, d), y (N, d), g (N,): some rows at a time, O(n d + N d) in memory."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    centre = y.double().mean(dim=0)
    targets = (y.double() - centre).to(dtype)
    offsets = ((y.double() - centre).square().sum(dim=1) - potential).to(dtype)
    step = max(1, _BLOCK // len(y))
    return torch.cat([_sifted(rows, targets, offsets, centre, y, potential) for rows in x.split(step)])


def _sifted(x: Tensor, targets: Tensor, offsets: Tensor, centre: Tensor, y: Tensor, potential: Tensor) -> Tensor:
    centred = (x.double() - centre).to(targets.dtype)
    scores = torch.addmm(offsets, centred, targets.T, alpha=-2.0)
    candidates = scores.topk(min(_SIFTED, len(y)), dim=1, largest=False).indices
    costs = (x.double()[:, None] - y.double()[candidates]).square().sum(dim=2) - potential[candidates]
    return candidates.gather(1, costs.argmin(dim=1, keepdim=True))[:, 0]


def _check_data(x1: Any, b: Any = None) -> None:
    if isinstance(x1, Tensor):
        real_and_dense(x1, "x1")
    if not isinstance(x1, Tensor) or x1.ndim < 2 or x1.numel() == 0:
        received = f"shape {tuple(x1.shape)}, dtype {x1.dtype}" if isinstance(x1, Tensor) else scalars.told(x1)
        raise InvalidInput(
            f"x1 must be a tensor (N, ...), one sample a row; received {received}; use x1[:, None] for (N,)"
        )
    if (shape := sizes.shape_of(b)) is not None:
        sizes.refuse_count(shape, len(x1), "b", "the points of x1")
    finite(x1, "x1")


def _check_noise(x0: Any, x1: Tensor) -> None:
    if isinstance(x0, Tensor):
        real_and_dense(x0, "x0")
    if not isinstance(x0, Tensor) or x0.ndim < 2 or x0[:1].numel() != x1[0].numel() or not x0.is_floating_point():
        received = f"shape {tuple(x0.shape)}, dtype {x0.dtype}" if isinstance(x0, Tensor) else scalars.told(x0)
        raise InvalidInput(
            f"x0 must be a floating tensor (n, ...) of samples of the size of the data, {tuple(x1.shape[1:])}; received {received}; reshape it"
        )
    finite(x0, "x0")
