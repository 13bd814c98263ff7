"""What comes back of many problems at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..errors import require
from ..inputs import numerals
from ..inputs.types import Floats, Indices
from ..model.status import Status
from .later_results import LaterResults
from .result import TOLD, Result

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional

_WORDS = ("status", "certificate", "solver", "unit", "of_samples")
_INTERVAL = ("exact_lower", "exact_upper")


@dataclass(frozen=True, eq=False, repr=False)
class BatchResult(Sequence[Result]):
    """The results of B problems: a sequence of :class:`Result`, and their numbers as arrays of shape (B,).

    Small exact problems have their numbers at once; a result is made when it is asked for, from the arrays that were given.

    Examples
    --------
    >>> import numpy as np, otgen
    >>> x = np.zeros((3, 2, 1))
    >>> batch = otgen.wasserstein_batch(x, x + np.arange(3.0)[:, None, None])
    >>> batch.value
    array([0., 1., 2.])
    >>> batch[1].value
    1.0
    """

    results: Sequence[Result]
    seconds: float

    def __len__(self) -> int:
        return len(self.results)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> BatchResult: ...
    def __getitem__(self, index: int | slice) -> Result | BatchResult:
        if isinstance(index, slice):
            return BatchResult(self.results[index], self.seconds)
        return self.results[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @cached_property
    def value(self) -> Floats:
        """Values: (B,)."""
        return self._numbers("value")

    @cached_property
    def lower(self) -> Floats:
        """Proven lower bounds of the values: (B,)."""
        return self._numbers("lower")

    @cached_property
    def upper(self) -> Floats:
        """Proven upper bounds of the values: (B,)."""
        return self._numbers("upper")

    @cached_property
    def gap(self) -> Floats:
        """Widths of the proven intervals, ``upper - lower``: (B,)."""
        return self._numbers("gap")

    @cached_property
    def cost(self) -> Floats:
        """Costs of the plans, (B,), NaN where there is none."""
        return self._numbers("cost")

    @cached_property
    def epsilon(self) -> Floats:
        """Strengths of the entropic terms, in cost units: (B,)."""
        return self._numbers("epsilon")

    @cached_property
    def marginal_error(self) -> Floats:
        """L1 marginal errors, (B,), NaN where there is none."""
        return self._numbers("marginal_error")

    @cached_property
    def iterations(self) -> Indices:
        """Iterations: (B,), int64."""
        if isinstance(self.results, LaterResults):
            return self.results.column("iterations")
        return np.array([result.iterations for result in self.results], np.int64)

    @property
    def status(self) -> tuple[Status, ...]:
        """How each solve ended."""
        if isinstance(self.results, LaterResults):
            return tuple(self.results.column("status").tolist())
        return tuple(result.status for result in self.results)

    def to_dict(self) -> dict[str, list[Any]]:
        """What :meth:`Result.to_dict` tells of each problem, in columns: a list of B plain Python values a name, for json and for tables.

        Examples
        --------
        >>> import otgen
        >>> otgen.wasserstein_batch([[0.0], [0.0]], [[1.0], [2.0]]).to_dict()["value"]
        [1.0, 2.0]
        """
        rows = [result.to_dict() for result in self.results]
        return {name: [row[name] for row in rows] for name in TOLD}

    def to_frame(self) -> pandas.DataFrame:
        """A table, a row a problem: the columns of :meth:`to_dict`, with NaN where a number is missing and ``exact_bounds`` in two.

        Raises
        ------
        MissingExtra
            Where pandas is not installed.

        Examples
        --------
        >>> import otgen
        >>> batch = otgen.wasserstein_batch([[0.0], [0.0]], [[1.0], [2.0]])
        >>> batch.to_frame()[["value", "status"]].to_dict("list")
        {'value': [1.0, 2.0], 'status': ['OPTIMAL', 'OPTIMAL']}
        """
        pandas, told = require("pandas"), self.to_dict()
        intervals = [bounds or (None, None) for bounds in told.pop("exact_bounds")]
        told |= {name: [ends[k] for ends in intervals] for k, name in enumerate(_INTERVAL)}
        kept = ("iterations", *_WORDS)
        columns = {name: column if name in kept else np.array(column, np.float64) for name, column in told.items()}
        return pandas.DataFrame(
            columns | {"iterations": self.iterations}, index=pandas.RangeIndex(len(self), name="problem")
        )

    def _numbers(self, name: str) -> Floats:
        if isinstance(self.results, LaterResults):
            return self.results.column(name)
        numbers = (getattr(result, name) for result in self.results)
        return np.array([np.nan if number is None else number for number in numbers], np.float64)

    def __repr__(self) -> str:
        counts = Counter(self.status)
        ended = ", ".join(f"{count} {status.name}" for status, count in counts.items())
        told = [f"{len(self)} result{'s' * (len(self) != 1)}" + (f": {ended}" if ended else "")]
        if len(self):
            least, most = (numerals.number(float(end), 5) for end in (self.value.min(), self.value.max()))
            spread = least if least == most else f"{least} to {most}"
            gap = numerals.number(float(self.gap.max()), 2)
            told.append(f"values {spread}, proven within intervals of width {gap} at most, of these samples")
        return f"BatchResult({'; '.join(told)}; {self.seconds:.3g} s)"
