"""Which epsilons an entropic solver passes through on its way to the one asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import InvalidInput
from ..inputs import scalars


class Schedule(Protocol):
    """The epsilons to pass through on the way to the last one: any object with this method.

    Examples
    --------
    >>> import otgen
    >>> class Twice:
    ...     def epsilons(self, last, largest_cost):
    ...         return [2 * last, last]
    >>> otgen.sinkhorn([0.0, 1.0], [0.0, 1.0], epsilon=0.1, solver=otgen.solvers.Sinkhorn(schedule=Twice())).status.name
    'CONVERGED'
    """

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """A descending sequence that ends with ``last``; both numbers are in one unit, which need not be that of the caller's costs."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Only the epsilon asked for.

    Examples
    --------
    >>> Fixed().epsilons(0.1, 1.0)
    [0.1]
    """

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """Just ``last``."""
        return [_asked_for(last)]


@dataclass(frozen=True)
class Annealing:
    """From the largest cost down by a constant factor, each stage from the potentials of the one before.

    Where plain iterations are slow, at a small epsilon, this needs many times fewer of them than :class:`Fixed`; where they are fast, it
    may need more.

    Parameters
    ----------
    factor : float
        In (0, 1); each epsilon over the one before.

    Examples
    --------
    >>> Annealing(0.5).epsilons(0.2, 1.0)
    [1.0, 0.5, 0.25, 0.2]
    """

    factor: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", scalars.real(self.factor, "factor"))
        if not 0 < self.factor < 1:
            raise InvalidInput(f"factor must lie in (0, 1); received {scalars.told(self.factor)}; 0.5 is usual")

    def epsilons(self, last: float, largest_cost: float) -> Sequence[float]:
        """``largest_cost`` times powers of the factor, as long as above ``last``; then ``last``."""
        last, largest_cost = _asked_for(last), scalars.real(largest_cost, "largest_cost")
        if math.isinf(largest_cost):
            raise InvalidInput(
                f"largest_cost must be finite; received {largest_cost}; leave out pairs that are forbidden"
            )
        share = max(last / largest_cost, math.ulp(0.0)) if last < largest_cost else 1.0
        steps = math.ceil(math.log(share) / math.log(self.factor))
        return [largest_cost * self.factor**k for k in range(steps)] + [last]


def _asked_for(last: float) -> float:
    return scalars.positive(last, "last", "pass the epsilon asked for")


def checked_stages(schedule: Schedule, last: float, largest: float) -> list[float]:
    """What a schedule says, checked: it may be the caller's own."""
    stages = schedule.epsilons(last, largest)
    try:
        numbers = [float(epsilon) for epsilon in stages]
    except (TypeError, ValueError):
        numbers = []
    if not numbers or numbers[-1] != last or not all(last <= epsilon < math.inf for epsilon in numbers):
        raise InvalidInput(
            f"schedule.epsilons must give finite numbers of at least the epsilon asked for, which comes last; received {scalars.told(stages)} "
            f"for {last!r}; end them with it"
        )
    return numbers
