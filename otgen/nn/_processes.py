"""What processes tell each other, and what they must agree on before they start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist

from ..errors import InvalidInput
from ..inputs.types import Floats

T = TypeVar("T")


class Processes:
    """What the processes tell each other, in double precision."""

    def __init__(self, group: Any) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise InvalidInput(
                "torch.distributed must be initialised first; received a single process; use otgen.nn.sinkhorn_loss"
            )
        self.group, self.size = group, dist.get_world_size(group)

    def summed(self, numbers: Floats) -> Floats:
        """Numbers (k,) added up over all processes."""
        return self._reduced(numbers, dist.ReduceOp.SUM)

    def largest(self, numbers: Floats) -> Floats:
        """The largest of each number over all processes."""
        return self._reduced(numbers, dist.ReduceOp.MAX)

    def log_summed(self, logarithms: Floats) -> Floats:
        """Logarithms (k,) of numbers that are added up over all processes."""
        top = self.largest(logarithms)
        return top + np.log(self.summed(np.exp(logarithms - top)))

    def _reduced(self, numbers: Floats, how: Any) -> Floats:
        sent = torch.from_numpy(np.array(numbers, np.float64))
        dist.all_reduce(sent, how, group=self.group)
        return sent.numpy()

    def gathered(self, rows: Floats, most: int) -> Floats:
        """The rows of all processes, (n, d) each with n up to ``most``, one after the other."""
        padded = np.zeros((most + 1, rows.shape[1]))
        padded[: len(rows)], padded[most, 0] = rows, len(rows)
        parts = [torch.empty(padded.shape, dtype=torch.float64) for _ in range(self.size)]
        dist.all_gather(parts, torch.from_numpy(padded), group=self.group)
        return np.concatenate([part.numpy()[: int(part[most, 0])] for part in parts])

    def agreed(self, check: Callable[[], T], *alike: Callable[[T], tuple[str, bytes]]) -> T:
        """What ``check`` returns here; an error on all processes if it raises on any, or if what must be alike is not.

        Parameters
        ----------
        check : callable
            Of no argument; raises InvalidInput for what is malformed.
        *alike : callable
            Of what was checked: what it is called, and its bytes.

        Raises
        ------
        InvalidInput
            On every process or on none.
        """
        try:
            checked, fault = check(), None
        except InvalidInput as found:
            checked, fault = None, found
        if self.largest(np.array([float(fault is not None)]))[0]:
            raise fault or InvalidInput(
                "x, y and options must be well formed on every process; received others on another one; its error says what to mend"
            )
        for told in alike:
            assert checked is not None
            name, content = told(checked)
            digest = np.frombuffer(hashlib.sha256(content).digest(), np.uint32).astype(np.float64)
            if (self.largest(digest) != -self.largest(-digest)).any():
                raise InvalidInput(
                    f"{name} must be the same on every process; received different ones; broadcast {name} first"
                )
        assert checked is not None
        return checked
