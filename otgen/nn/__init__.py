"""Transport as losses, critics and objectives for torch: tensors in, right gradients out.

The numerics are those of the floors below; results come back in the dtype and on the device of the input.
Needs torch: ``pip install 'otgen[torch]'``.
"""

from ..errors import require

require("torch")

from . import coupling, critics, distributed, flow_matching, objectives
from .losses import SinkhornLoss, WassersteinLoss, sinkhorn_loss, wasserstein_loss
from .matrices import EntropicPlan, TransportLoss, entropic_plan, transport_loss
from .mmd import MMDLoss, mmd_loss
from .sliced import SlicedWassersteinLoss, sliced_wasserstein_loss

__all__ = [
    "EntropicPlan",
    "MMDLoss",
    "SinkhornLoss",
    "SlicedWassersteinLoss",
    "TransportLoss",
    "WassersteinLoss",
    "coupling",
    "critics",
    "distributed",
    "entropic_plan",
    "flow_matching",
    "mmd_loss",
    "objectives",
    "sinkhorn_loss",
    "sliced_wasserstein_loss",
    "transport_loss",
    "wasserstein_loss",
]
