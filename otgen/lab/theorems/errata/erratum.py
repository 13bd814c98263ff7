"""How an erratum is entered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..check import COOKBOOK, Run, chapter

ERRATA = "Errata"
_check = chapter(ERRATA)


def erratum(where: str, printed: str, right: str, items: Iterable[int] = ()) -> Callable[[Run], Run]:
    """Enter an erratum: a function that yields comparisons as printed (they must fail) and as corrected."""
    return _check(items, where, "", printed, right)


class Slip(NamedTuple):
    """A slip of the pen that no number can tell."""

    where: str
    printed: str
    right: str


SLIPS = (
    Slip(f"{COOKBOOK}, proposition 2", "G maps X to the line", "G maps Z to X"),
    Slip(f"{COOKBOOK}, penalties", "equation (12) is displayed twice", "once"),
    Slip(
        f"{COOKBOOK}", "equations (3) and (8) are cited and absent", "the model P_G(Y|Z) P_Z, and its reparametrisation"
    ),
)
