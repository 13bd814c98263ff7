"""A call that can be tried: what it is called, which public names it is of, how often it is tried, and how a trial is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .draws import Draw
from .judges import Trial


@dataclass(frozen=True)
class Call:
    """``make(draw)`` is a trial; ``covers`` are names of ``tests/surface.txt`` without ``otgen.``; ``share`` is how often, beside 1."""

    name: str
    make: Callable[[Draw], Trial]
    covers: tuple[str, ...]
    share: float = 1.0


CALLS: dict[str, Call] = {}


def call(
    *covers: str, share: float = 1.0, name: str = ""
) -> Callable[[Callable[[Draw], Trial]], Callable[[Draw], Trial]]:
    """Enter a maker of trials in the table, under the first name that it covers."""

    def entered(make: Callable[[Draw], Trial]) -> Callable[[Draw], Trial]:
        enter(name or covers[0], make, covers, share)
        return make

    return entered


def enter(name: str, make: Callable[[Draw], Trial], covers: tuple[str, ...], share: float = 1.0) -> None:
    """The same without a decorator."""
    assert name not in CALLS, f"{name} is there twice"
    CALLS[name] = Call(name, make, covers, share)


def optional(draw: Draw, chance: float, **options: Any) -> dict[str, Any]:
    """Each of the options with this chance."""
    return {name: value for name, value in options.items() if draw.chance(chance)}
