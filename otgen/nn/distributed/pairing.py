"""One pairing of all samples of all processes: solved by the first of them, told to all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars, tensors
from ...inputs.types import Floats
from ...model.cost import Metric
from ...model.problem import Relative
from .. import coupling
from ..coupling import MODERATE, Method, Pairing
from ._processes import Processes
from ._shards import ONE_CALL


def pair(
    x0: Tensor,
    x1: Tensor,
    *,
    a: Tensor | None = None,
    b: Tensor | None = None,
    condition0: Tensor | None = None,
    condition1: Tensor | None = None,
    weight: float = 1.0,
    method: Method = "exact",
    epsilon: float | Relative = MODERATE,
    relax: float | tuple[float, float] | None = None,
    penalty: float | None = None,
    p: float = 2,
    metric: Metric = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    throw: bool = True,
    rng: Any = None,
    group: Any = None,
) -> Pairing:
    """:func:`otgen.nn.coupling.pair` of all samples of all processes.

    Parameters
    ----------
    x0, x1 : Tensor
        (n, ...) and (m, ...): this process's samples, as many as it has, perhaps none, without gradients.
    a, b, condition0, condition1 : Tensor, optional
        Those of this process's samples, on every process or on none.
    weight, method, epsilon, relax, penalty, p, metric, tol, max_iter, throw
        As in :func:`otgen.nn.coupling.pair`; the same on every process.
    rng : seed or Generator, optional
        As there; that of the first process of the group decides, or torch's global generator there.
    group : ProcessGroup, optional
        The processes; all of them unless said otherwise.

    Returns
    -------
    Pairing
        Of all pairs that one process with all samples, in order of ranks, would have made, to the last index: where every sample of x0 is paired
        once, or those are that have a partner, the pairs of this process's x0; where rows are drawn, its share of the pairs, as many as it has rows.
        ``rows`` and ``columns`` count through the samples of all processes; ``unmatched`` is of this process's own. ``plan`` is that of all samples, on the
        first process, and None on the others. Every process holds all samples, in their own dtype; the first one solves, on the
        device of its x0.

    Raises
    ------
    InvalidInput, NotConverged
        On every process, as in :func:`otgen.nn.coupling.pair`, and where options, sizes or dtypes differ between processes.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> import torch.distributed as dist
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    ...     found = pair(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.1], [0.1]]))
    ...     dist.destroy_process_group()
    >>> found.columns
    tensor([1, 0])
    """
    processes = Processes(group)
    sides = _Side("x0", x0, a, condition0), _Side("x1", x1, b, condition1)
    options: dict[str, Any] = dict(weight=weight, method=method, epsilon=epsilon, relax=relax, penalty=penalty, p=p)
    options |= dict(metric=metric, tol=tol, max_iter=max_iter, throw=throw)
    processes.agreed(
        lambda: [side.checked() for side in sides],
        lambda here: (
            "sizes and dtypes of samples, conditions and weights",
            repr([told.kind for told in here]).encode(),
            "convert or reshape those of one process",
        ),
        lambda here: ("options", repr(("pair", _spelt(options))).encode(), ONE_CALL),
    )
    one, other = (_Gathered.of(side, processes) for side in sides)
    for side in (one, other):
        if not sum(side.counts):
            raise InvalidInput(
                f"{side.name} must have a sample on some process; received none at all; pass at least one"
            )
    plan: list[Any] = []

    def solve() -> Floats:
        (y0, a0, c0), (y1, a1, c1) = (side.on(x0.device) for side in (one, other))
        found = coupling.pair(y0, y1, a=a0, b=a1, condition0=c0, condition1=c1, rng=rng, **options)
        plan.append(found.plan)
        return _packed(sum(one.counts), [found.rows, found.columns, *(found.unmatched or ())])

    n, m = sum(one.counts), sum(other.counts)
    packed = processes.from_first(solve, (1 + 2 * n + (0 if penalty is None else n + m),))
    count, (own, others) = int(packed[0]), (_own(side.counts, processes.rank) for side in (one, other))
    rows, columns = packed[1 : 1 + 2 * n].astype(np.int64).reshape(2, n)[:, :count]
    some = own if count == n else np.flatnonzero((rows >= own.start) & (rows < own.stop))
    at, to = (torch.from_numpy(z[some].copy()) for z in (rows, columns))
    x, y = one.samples[at].to(x0.device), other.samples[to].to(x1.device)
    found = Pairing(x, y, at.to(x0.device), to.to(x1.device), plan[0] if plan else None)
    if penalty is None:
        return found
    left, right = np.split(packed[1 + 2 * n :], [n])
    here, there = (torch.from_numpy(share.copy()) for share in (left[own], right[others]))
    return found._replace(unmatched=(here.to(x0.device), there.to(x1.device)))


class _Told(NamedTuple):
    """What must be alike on all processes: shapes behind the first axis, and dtypes; None for what was not given."""

    kind: list[Any]


class _Side(NamedTuple):
    """Samples of one process with their weights and conditions."""

    name: str
    samples: Any
    weights: Any
    conditions: Any

    def checked(self) -> _Told:
        """Raise for what is malformed here."""
        coupling.check_cloud(self.samples, self.name)
        if self.samples.requires_grad:
            raise InvalidInput(
                f"{self.name} must not require gradients: none would reach another process; received a tensor that does; pass "
                f"{self.name}.detach(), and index by rows and columns"
            )
        kind: list[Any] = []
        for name, z in (
            (self.name, self.samples),
            ("weights of " + self.name, self.weights),
            ("conditions of " + self.name, self.conditions),
        ):
            if isinstance(z, Tensor):
                tensors.refuse_other_forms(z, name)
            if z is not None and (not isinstance(z, Tensor) or z.is_meta or z.ndim == 0 or len(z) != len(self.samples)):
                received = f"shape {tuple(z.shape)}" if isinstance(z, Tensor) else scalars.told(z)
                raise InvalidInput(
                    f"{name} must be a tensor with a row for each of {len(self.samples)} samples; received {received}; pass those of this process"
                )
            kind.append(None if z is None else (tuple(z.shape[1:]), str(z.dtype)))
        return _Told(kind)


class _Gathered(NamedTuple):
    """Samples, weights and conditions of all processes, on the host, and how many each process has."""

    name: str
    samples: Tensor
    weights: Tensor | None
    conditions: Tensor | None
    counts: list[int]

    @classmethod
    def of(cls, side: _Side, processes: Processes) -> _Gathered:
        """Told by all."""
        counts = processes.counts(len(side.samples))
        rest = (None if z is None else processes.gathered_tensor(z, counts) for z in (side.weights, side.conditions))
        return cls(side.name, processes.gathered_tensor(side.samples, counts), *rest, counts=counts)

    def on(self, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Samples, weights and conditions on a device."""
        weights, conditions = (None if z is None else z.to(device) for z in (self.weights, self.conditions))
        return self.samples.to(device), weights, conditions


def _own(counts: list[int], rank: int) -> slice:
    """Which of all rows a process has."""
    start = sum(counts[:rank])
    return slice(start, start + counts[rank])


def _packed(n: int, parts: list[Tensor]) -> Floats:
    """How many pairs there are, their rows and columns, each with room for n, and what else there is."""
    rows, columns, *rest = (z.double().cpu().numpy() for z in parts)
    room = np.zeros((2, n))
    room[:, : len(rows)] = rows, columns
    return np.concatenate([[len(rows)], room.ravel(), *rest])


def _spelt(options: dict[str, Any]) -> list[tuple[str, str]]:
    """Options by name; of a callable metric its name, since the first process alone calls it."""

    def told(value: Any) -> str:
        known: Callable[..., Any] | None = value if callable(value) else None
        return repr(value) if known is None else getattr(known, "__qualname__", type(known).__name__)

    return [(name, told(value)) for name, value in options.items()]
