"""A metric for torchmetrics: samples of two laws are accumulated, over batches and processes, and compared at the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

from ..distances.chosen import SEEDED, DistanceName, chosen
from ..distances.distance_options import ParamsByName
from ..distances.splits import Measure
from ..errors import InvalidInput, is_installed, require
from ..inputs import scalars, sizes
from ._inputs import finite

_INSTALLED = is_installed("torchmetrics")

if TYPE_CHECKING:
    _Base: Any = torch.nn.Module
elif _INSTALLED:
    from torchmetrics import Metric as _Base
else:

    class _Base:
        """What stands in for ``torchmetrics.Metric`` where that is not installed: nothing can be made of it."""

        def __init__(self, **options: Any) -> None:
            require("torchmetrics")


class TransportDistance(_Base):
    """Distance between the real and the generated samples that have been seen: a ``torchmetrics.Metric``.

    Samples, or features of them, come in batches and on any number of processes; :meth:`compute` brings those of all processes together
    and measures once, so that the number is the one that a single process would find.

    Parameters
    ----------
    distance : {"wasserstein", "sinkhorn", "sinkhorn_divergence", "sliced_wasserstein", "max_sliced_wasserstein", "partial_wasserstein"} or callable
        As in :func:`otgen.pairwise`.
    distance_params : dict, optional
        Options of that distance, such as ``{"p": 1}`` or ``{"epsilon": otgen.Relative(0.05)}``. A sliced one takes the directions of the
        seed 0 unless ``rng`` is among them, the same on every process and in every epoch.
    bounds : bool
        Whether :meth:`compute` returns the proven bounds beside the value.
    reset_real : bool
        Whether :meth:`reset` forgets the real samples too; else they need to be seen only once.
    **options
        Those of ``torchmetrics.Metric``: ``sync_on_compute``, ``process_group``, ``compute_on_cpu`` and so on.

    Raises
    ------
    MissingExtra
        Where torchmetrics is not installed.
    InvalidInput
        For options that the distance does not take.

    Notes
    -----
    All samples are kept: 8 bytes a coordinate once they are brought together. The distance is of the samples, not of the laws, and its bias falls
    slowly with their number where there are many coordinates (:doc:`/samples-and-laws`): compare models by equally many samples.

    Examples
    --------
    >>> import torch
    >>> from otgen.nn.metrics import TransportDistance
    >>> metric = TransportDistance(distance_params={"p": 1})  # doctest: +SKIP
    >>> metric.update(torch.zeros(4, 2), real=True)  # doctest: +SKIP
    >>> metric.update(torch.tensor([[3.0, 4.0]]), real=False)  # doctest: +SKIP
    >>> metric.compute()  # doctest: +SKIP
    tensor(5., dtype=torch.float64)
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    plot_lower_bound = 0.0

    real: list[Tensor] | Tensor
    generated: list[Tensor] | Tensor

    @overload
    def __init__(
        self,
        distance: DistanceName = "wasserstein",
        *,
        distance_params: ParamsByName | None = None,
        bounds: bool = False,
        reset_real: bool = True,
        **options: Any,
    ) -> None: ...

    @overload
    def __init__(
        self,
        distance: Measure,
        *,
        distance_params: dict[str, Any] | None = None,
        bounds: bool = False,
        reset_real: bool = True,
        **options: Any,
    ) -> None: ...

    def __init__(
        self,
        distance: DistanceName | Measure = "wasserstein",
        *,
        distance_params: Any = None,
        bounds: bool = False,
        reset_real: bool = True,
        **options: Any,
    ) -> None:
        options.setdefault("dist_sync_fn", _gathered)
        try:
            super().__init__(**options)
        except ValueError as fault:
            given = ", ".join(
                f"{name}={scalars.told(value)}" for name, value in options.items() if name != "dist_sync_fn"
            )
            raise InvalidInput(
                f"options must be those of torchmetrics.Metric; received {given}, of which it says: {fault}; pass those of the distance as "
                f"distance_params, such as {{'p': 1}}"
            ) from None
        params = scalars.named_options(distance_params)
        if isinstance(distance, str) and distance in SEEDED:
            params.setdefault("rng", 0)
        self.distance = chosen(distance, params)
        self.bounds, self.reset_real = scalars.flag(bounds, "bounds"), scalars.flag(reset_real, "reset_real")
        self.add_state("real", default=[], dist_reduce_fx="cat")
        self.add_state("generated", default=[], dist_reduce_fx="cat")

    def update(self, samples: Tensor, real: bool) -> None:
        """Take a batch of samples.

        Parameters
        ----------
        samples : Tensor
            (n, d), or (n,) numbers; perhaps none. Flatten images, or pass features of them.
        real : bool
            Whether they are real; else they are generated.

        Raises
        ------
        InvalidInput
            For other shapes, for another number of coordinates than before, and for NaN and infinity.
        """
        side = "real" if scalars.flag(real, "real") else "generated"
        if not isinstance(samples, Tensor) or samples.ndim not in (1, 2) or samples.shape[1:] == (0,):
            received = tuple(samples.shape) if isinstance(samples, Tensor) else scalars.told(samples)
            raise InvalidInput(f"samples must be a tensor (n, d) or (n,); received {received}; use samples.flatten(1)")
        rows = samples.detach() if samples.ndim == 2 else samples.detach()[:, None]
        if len(rows) == 0:
            return
        for held in (self.real, self.generated):
            if len(held):
                sizes.same_dimension(rows.shape[1], held[0].shape[-1], ("samples", "those before"))
        finite(rows, "samples")
        kept = getattr(self, side)
        setattr(self, side, [*([kept] if isinstance(kept, Tensor) else kept), rows])

    def compute(self) -> Tensor | dict[str, Tensor]:
        """The distance, in double precision where the device of the samples has it; with ``bounds`` ``{"value", "lower", "upper"}``.

        Bounds are NaN where nothing is proven, as of sliced distances.

        Raises
        ------
        InvalidInput
            Where there are no samples of one side.
        NotConverged
            As the distance does.
        """
        rows = {side: _joined(getattr(self, side)) for side in ("real", "generated")}
        for side, held in rows.items():
            if held.numel() == 0:
                raise InvalidInput(
                    f"{side} samples must have been seen before they are compared; received none; call update(samples, real={side == 'real'})"
                )
        found = self.distance(rows["real"].cpu(), rows["generated"].cpu())
        proven = (getattr(found, bound, None) for bound in ("lower", "upper"))
        told = (getattr(found, "value", found), *(math.nan if bound is None else bound for bound in proven))
        where = rows["generated"].device
        value, lower, upper = (torch.tensor(float(number), dtype=_precise(where), device=where) for number in told)
        return {"value": value, "lower": lower, "upper": upper} if self.bounds else value

    def forward(self, *args: Any, **named: Any) -> Any:
        """Refused: a batch of one side has no distance of its own."""
        raise InvalidInput(
            "update must be called in place of the metric itself: a batch of one side has no distance of its own; received a call; write "
            "metric.update(samples, real=False), and metric.compute() at the end"
        )

    def reset(self) -> None:
        """Forget all samples, or with ``reset_real=False`` the generated ones."""
        real = self.real if isinstance(self.real, Tensor) else list(self.real)  # lists are emptied in place
        super().reset()
        if not self.reset_real:
            self.real = real


def _joined(held: list[Tensor] | Tensor) -> Tensor:
    """The samples of one side, (n, d): a list of batches, or what was gathered."""
    if isinstance(held, Tensor):
        return held
    return torch.cat(held) if held else torch.empty(0, device="cpu")


def _precise(device: torch.device) -> torch.dtype:
    """Double precision, but for Apple's devices, which have none."""
    return torch.float32 if device.type == "mps" else torch.float64


def _gathered(rows: Tensor, group: Any = None) -> list[Tensor]:
    """The samples of every process, (n, d) each; a process without any, which does not know d, has an empty tensor.

    In double precision, since that process does not know their dtype either.
    """
    gather = require("torchmetrics.utilities.distributed").gather_all_tensors
    sent = rows.to(_precise(rows.device))
    parts = gather(sent if sent.ndim == 2 else sent.reshape(0, 0), group)
    return [part if part.numel() else part.reshape(-1) for part in parts]
