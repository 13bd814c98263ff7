"""The problems that two sides ask for: B clouds against B others, or one cloud against all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InvalidInput
from ..inputs import arrays, scalars, tables
from ..inputs.reading import refuse_size


@dataclass(frozen=True)
class _Side:
    """What stands on one side of all problems: an entry a problem, or one thing for all of them."""

    entries: Any
    shared: bool

    def of(self, k: int) -> Any:
        """What the k-th problem has of it."""
        return self.entries if self.shared else self.entries[k]


def each(xs: Any, ys: Any, a: Any, b: Any, call: Callable[..., Any]) -> list[Any]:
    """``call(x, y, a, b)`` for every problem; an error says which one.

    One cloud, (n, d) beside clouds (m, d) or (n,) beside clouds (m,), goes to every problem as it is, read and checked once; so do weights (n,).
    """
    sides = _sides(xs, ys, a, b)
    sizes = {name: len(side.entries) for name, side in sides.items() if not side.shared}
    if not sizes:
        raise InvalidInput(
            "xs and ys must hold several problems on one side at least; received one cloud each; call otgen.wasserstein or otgen.sinkhorn, or "
            "pass clouds in a list"
        )
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise InvalidInput(
            f"xs, ys, a and b must hold equally many problems, or one cloud for all; received {told}; pass one entry a problem, or one "
            f"cloud alone, such as xs[0]"
        )
    if not next(iter(sizes.values())):
        call(np.zeros((1, 1)), np.zeros((1, 1)), None, None)  # the options are checked all the same
    out: list[Any] = []
    for k in range(next(iter(sizes.values()))):
        try:
            out.append(call(*(side.of(k) for side in sides.values())))
        except InvalidInput as fault:
            raise type(fault)(f"problem {k}: {fault}") from None
    return out


def _sides(xs: Any, ys: Any, a: Any, b: Any) -> dict[str, _Side]:
    """The four sides, clouds that all problems share already read."""
    for name, side in (("xs", xs), ("ys", ys), ("a", a), ("b", b)):
        if side is not None or name in ("xs", "ys"):
            _refuse_single(side, name)
    alone = _is_alone(xs, ys, ("xs", "ys")), _is_alone(ys, xs, ("ys", "xs"))
    clouds = {
        name: _Side(arrays.once(side, name[0]) if shared else side, shared)
        for name, side, shared in zip(("xs", "ys"), (xs, ys), alone)
    }
    return clouds | {"a": _weights(a), "b": _weights(b)}


def _weights(side: Any) -> _Side:
    """Weights, the rows of a table among them."""
    columns = tables.columns_of(side)
    entries = side if columns is None else np.column_stack(columns)
    return _Side(entries, entries is None or _depth(entries) == 1)


def _refuse_single(side: Any, name: str) -> None:
    """Raise for what can neither be counted nor be a cloud, and for views that do not fit in memory."""
    if isinstance(side, np.ndarray):
        refuse_size(side, name)
    listed = isinstance(side, Sequence) and not isinstance(side, str | bytes)
    if not listed and (not _shape(side) or scipy.sparse.issparse(side)):
        raise InvalidInput(
            f"{name} must be an array or a sequence, one entry a problem; received {scalars.told(side)}; pass a list"
        )


def _is_alone(side: Any, other: Any, names: tuple[str, str]) -> bool:
    """Whether a side is one cloud for all problems: it has one axis less than the clouds of the other side, or but one.

    (B, n) beside (B, m, 1) are B clouds on the line, as they would be beside (B, m): only for (B, 1) can nobody tell.
    """
    if tables.columns_of(side) is not None:
        return True
    depth, beyond = _depth(side), _depth(other)
    if depth != 2 or beyond != 3:
        return depth == 1
    if not len(other):
        return True
    coordinates, last = (_last_axis(z[0]) for z in (other, side))
    if coordinates != 1 or len(side) != len(other):
        return True
    if last == 1 and len(side) > 1:
        raise InvalidInput(
            f"{names[0]} must say whether it is one cloud or one point a problem, both of which it may be beside {len(other)} clouds on the "
            f"line; received shape ({len(side)}, 1); pass {names[0]}[:, 0] for one cloud, {names[0]}[:, None] for one point a problem"
        )
    return last == 1


def _shape(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", ())
    return tuple(shape) if isinstance(shape, tuple) else ()  # of a module it is a function


def _depth(value: Any) -> int:
    """How many axes an array has, or a list of such things; an empty list is one of clouds."""
    if _shape(value) or not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return len(_shape(value)) if 0 not in _shape(value)[:1] else 3
    return 1 + _depth(value[0]) if len(value) else 3


def _last_axis(value: Any) -> int:
    """The length of the last axis of an array or a list."""
    return _shape(value)[-1] if _shape(value) else len(value) if _depth(value) == 1 else _last_axis(value[0])
