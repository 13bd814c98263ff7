"""What processes tell each other, and what they must agree on before they start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ...errors import InvalidInput, NotConverged, OtgenError, TooLarge
from ...inputs import scalars
from ...inputs.types import Floats

T = TypeVar("T")
_ELSEWHERE: tuple[tuple[type[BaseException], type[OtgenError], str], ...] = (
    (
        InvalidInput,
        InvalidInput,
        "x, y and options must be well formed on every process; received others on another one; its error says what to mend",
    ),
    (
        NotConverged,
        NotConverged,
        "another process stopped at its limit on iterations; its error says how far it came: raise max_iter, or loosen tol",
    ),
    (TooLarge, TooLarge, "another process would need more memory than there is; its error says how much"),
    (
        BaseException,
        OtgenError,
        "another process failed while all were needed; its own error says why; mend that, and start all again",
    ),
)


def _check_group(group: Any) -> None:
    if group is not None and group is not dist.GroupMember.NON_GROUP_MEMBER:
        called, hint = "a process group of torch.distributed", "pass None for all processes"
        scalars.instance(group, dist.ProcessGroup, "group", called, hint)


class Processes:
    """What the processes of a group tell each other."""

    def __init__(self, group: Any) -> None:
        if not dist.is_available() or not dist.is_initialized():
            raise InvalidInput(
                "torch.distributed must be initialised first; received a single process; use the function of that name in otgen.nn, or in "
                "otgen.nn.coupling"
            )
        _check_group(group)
        self.group, self.size, self.rank = group, dist.get_world_size(group), dist.get_rank(group)
        if self.rank < 0:
            raise InvalidInput(
                "group must be one that this process belongs to; received another; call on its members only"
            )
        self._home = _home(group)

    def summed(self, numbers: Floats) -> Floats:
        """Numbers of any shape added up over all processes, in double precision."""
        return self._reduced(numbers, dist.ReduceOp.SUM)

    def largest(self, numbers: Floats) -> Floats:
        """The largest of each number over all processes."""
        return self._reduced(numbers, dist.ReduceOp.MAX)

    def log_summed(self, logarithms: Floats) -> Floats:
        """Logarithms (k,) of numbers that are added up over all processes."""
        top = self.largest(logarithms)
        return top + np.log(self.summed(np.exp(logarithms - top)))

    def _reduced(self, numbers: Floats, how: Any) -> Floats:
        sent = torch.from_numpy(np.array(numbers, np.float64)).to(self._home)
        with _explained():
            dist.all_reduce(sent, how, group=self.group)
        return sent.cpu().numpy()

    def counts(self, count: int) -> list[int]:
        """How many rows each process has."""
        return [int(part) for part in self.gathered(np.array([[float(count)]]), [1] * self.size)[:, 0]]

    def gathered(self, rows: Floats, counts: list[int]) -> Floats:
        """The rows (n, d) of all processes, one after the other; there are ``counts`` of them."""
        return self.gathered_tensor(torch.from_numpy(np.ascontiguousarray(rows, np.float64)), counts).numpy()

    def gathered_tensor(self, rows: Tensor, counts: list[int]) -> Tensor:
        """The same of a tensor (n, ...) of any dtype, on the host."""
        sent = rows.detach().contiguous()
        padded = sent.new_zeros(max(max(counts), 1), *sent.shape[1:])
        padded[: len(sent)] = sent
        content = padded.reshape(-1).view(torch.uint8).to(self._home)  # not every backend knows every dtype
        parts = [torch.empty_like(content) for _ in range(self.size)]
        with _explained():
            dist.all_gather(parts, content, group=self.group)
        whole = [
            part.cpu().view(rows.dtype).view(padded.shape)[:count] for part, count in zip(parts, counts, strict=True)
        ]
        return torch.cat(whole)

    def from_first(self, work: Callable[[], Floats], shape: tuple[int, ...]) -> Floats:
        """Numbers of a known ``shape`` that the first process of the group computes for all; an error on all if it fails."""
        found = self.together(lambda: work() if self.rank == 0 else np.empty(shape))
        sent = torch.from_numpy(np.array(found, np.float64)).reshape(shape).to(self._home)
        first = dist.get_process_group_ranks(dist.group.WORLD if self.group is None else self.group)[0]
        with _explained():
            dist.broadcast(sent, first, group=self.group)
        return sent.cpu().numpy()

    def together(self, work: Callable[[], T]) -> T:
        """What ``work`` returns here; an error on all processes if it raises on any: its own there, and what can be known of it elsewhere."""
        try:
            done, fault = work(), None
        except BaseException as found:  # an interrupt, too, is told to those who wait
            done, fault = None, found
        kind = 0 if fault is None else next(k for k, row in enumerate(_ELSEWHERE, 1) if isinstance(fault, row[0]))
        kinds = self.largest(np.eye(1 + len(_ELSEWHERE))[kind])[1:]
        if fault is not None:
            raise fault
        if kinds.any():
            _, error, told = _ELSEWHERE[int(np.flatnonzero(kinds)[-1])]
            raise error(told)
        assert done is not None
        return done

    def agreed(self, check: Callable[[], T], *alike: Callable[[T], tuple[str, bytes, str]]) -> T:
        """What ``check`` returns here; an error on all processes if it raises on any, or if what must be alike is not.

        Parameters
        ----------
        check : callable
            Of no argument; raises InvalidInput for what is malformed.
        *alike : callable
            Of what was checked: what it is called, its bytes, and what to do where they differ.

        Raises
        ------
        InvalidInput
            On every process or on none.
        """
        checked = self.together(check)
        for told in alike:
            name, content, remedy = told(checked)
            digest = np.frombuffer(hashlib.sha256(content).digest(), np.uint32).astype(np.float64)
            if (self.largest(digest) != -self.largest(-digest)).any():
                raise InvalidInput(f"{name} must be the same on every process; received different ones; {remedy}")
        return checked


def _home(group: Any) -> torch.device:
    """Where a group's backend sends from: the host where it can, as gloo does; else the current device of its kind, as with NCCL alone."""
    kinds = [part.partition(":")[0] for part in str(dist.get_backend_config(group)).split(",")]
    return torch.device("cpu" if "cpu" in kinds else kinds[0])


@contextmanager
def _explained() -> Generator[None]:
    """Errors of torch's communication come with what they mean here."""
    try:
        yield
    except RuntimeError as fault:
        fault.add_note(
            "otgen.nn.distributed: another process of the group has ended, or did not come within the group's timeout; its own output says why. "
            "Nothing was computed here."
        )
        raise
