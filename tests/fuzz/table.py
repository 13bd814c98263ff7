"""The table of all calls: these modules enter theirs when they are loaded."""

from . import commands, entropic, exact, many_clouds, stored, swapped
from .calls import CALLS, Call

MODULES = (commands, entropic, exact, many_clouds, stored, swapped)
__all__ = ["CALLS", "MODULES", "Call"]
