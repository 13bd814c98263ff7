"""Errata of the notes: the printed form, which fails when it is run, and the right one, which holds."""

# The order is that of the notes, and of the page of errata: sorting would change both.
from . import slides, lecture, chapter, course, cookbook  # noqa: I001
from .erratum import ERRATA, SLIPS, Slip

__all__ = ["ERRATA", "SLIPS", "Slip"]

del slides, lecture, chapter, course, cookbook
