"""The way back: an answer goes to the library, device and dtype that the question came from."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, NamedTuple, cast

import numpy as np

from ..errors import require
from .types import Floats, Indices

_SINGLE = float(np.finfo(np.float32).max)


def _fits_single(array: Floats | Indices) -> bool:
    """Whether no number of an array is beyond single precision."""
    return not bool(((np.abs(array) > _SINGLE) & np.isfinite(array)).any())


class Origin(NamedTuple):
    """Where an input came from: its library, its device and its dtype (by name)."""

    library: str = "numpy"
    device: str = "cpu"
    dtype: str = "float64"

    def back(self, array: Floats | Indices, *, exact: bool = True) -> Any:
        """Hand ``array`` to the caller's library; float64 from exact solvers, and where single precision ends below it, else the input's float dtype."""
        if not exact and self.dtype in ("float32", "float16", "bfloat16") and _fits_single(array):
            array = array.astype(np.float32)
        if self.device != "cpu":
            return self._there(array)
        if self.library == "torch":
            return sys.modules["torch"].from_numpy(np.array(array))
        return array

    def _there(self, array: Floats | Indices) -> Any:
        cupy = require("cupy")
        with cupy.cuda.Device(int(self.device.partition(":")[2] or 0)):
            moved = cupy.asarray(array)
        return sys.modules["torch"].from_dlpack(moved) if self.library == "torch" else moved

    def tolerance(self) -> float:
        """How far two totals of mass in this dtype may lie apart, relatively."""
        return {"float32": 1e-5, "float16": 1e-2, "bfloat16": 1e-2}.get(self.dtype, 1e-9)


def device_of(array: Any) -> contextlib.AbstractContextManager[Any]:
    """Where arithmetic with an array that was handed back is to happen: a cupy array's device must be the current one."""
    device = getattr(array, "device", None)
    is_context = hasattr(device, "__enter__") and not type(array).__module__.startswith("torch")
    return cast(Any, device) if is_context else contextlib.nullcontext()
