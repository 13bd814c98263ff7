"""The arithmetic that costs time: one signature on every device, picked explicitly from where the input lives."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from ..inputs import scalars
from . import cpu, gpu, listed, reference, stacks
from .ground_cost import CELL, CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost, matrix_ground, point_ground

__all__ = [
    "CELL",
    "CIRCULAR",
    "GREAT_CIRCLE",
    "PRODUCT",
    "GroundCost",
    "Kernels",
    "cpu",
    "gpu",
    "listed",
    "matrix_ground",
    "on_device",
    "point_ground",
    "reference",
    "stacks",
]


Kernels = Any  # a module with the functions of ``reference``


def on_device(device: str) -> Kernels:
    """The kernels for ``device``, ``"cpu"`` or ``"cuda:0"`` and the like.

    Nothing is moved in silence: a device without kernels is refused with the remedy.
    """
    if device == "cpu":
        return cpu
    if device.startswith("cuda"):
        return gpu
    raise InvalidInput(
        f"device must be cpu or cuda:0 and the like, for which there are kernels; received {scalars.told(device)}; move arrays to the host first"
    )
