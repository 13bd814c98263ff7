"""Results of many problems of which only the numbers are there yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from .result import Result


@dataclass(frozen=True, eq=False)
class LaterResults(Sequence[Result]):
    """Results, each made when it is asked for, and kept.

    ``columns`` are their numbers by name, (B,) each; ``make(k)`` makes the k-th result, those of ``made`` are there. ``which`` are the
    problems that are shown, all or a part.

    Examples
    --------
    >>> import numpy as np
    >>> LaterResults({"value": np.array([1.0, 2.0])}, lambda k: None, range(2))[1:].column("value")
    array([2.])
    """

    columns: Mapping[str, Any]
    make: Callable[[int], Result]
    which: range
    made: dict[int, Result] = field(default_factory=dict)

    def column(self, name: str) -> Any:
        """One number of each: a copy."""
        stop = self.which.stop if self.which.stop >= 0 else None  # of a slice that goes down to the first
        return self.columns[name][self.which.start : stop : self.which.step].copy()

    def __len__(self) -> int:
        return len(self.which)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> LaterResults: ...
    def __getitem__(self, index: int | slice) -> Result | LaterResults:
        if isinstance(index, slice):
            return LaterResults(self.columns, self.make, self.which[index], self.made)
        k = self.which[index]
        return self.made[k] if k in self.made else self.made.setdefault(k, self.make(k))
