"""A float that knows how far off it may be."""

from __future__ import annotations

from typing import Any

from ..inputs import numerals


class Bounded(float):
    """A number with bounds: it acts as a float everywhere, and ``lower <= truth <= upper``.

    Examples
    --------
    >>> number = Bounded(2.0, 1.5, 2.5)
    >>> number, number.value, number.lower, number.upper, number + 1
    (2 within [1.5, 2.5], 2.0, 1.5, 2.5, 3.0)
    """

    __slots__ = ("lower", "upper")
    lower: float
    upper: float

    def __new__(cls, value: float, lower: float, upper: float) -> Bounded:
        """A value and its bounds."""
        out = super().__new__(cls, value)
        out.lower, out.upper = float(lower), float(upper)
        return out

    @property
    def value(self) -> float:
        """The number, a plain float."""
        return float(self)

    @property
    def gap(self) -> float:
        """The width of the interval."""
        return self.upper - self.lower

    def __getnewargs__(self) -> tuple[Any, ...]:
        return float(self), self.lower, self.upper

    def __repr__(self) -> str:
        place = numerals.interval(self.lower, self.upper)
        return place if self.lower == self.upper else f"{numerals.within(self, self.lower, self.upper)} within {place}"

    __str__ = float.__repr__
