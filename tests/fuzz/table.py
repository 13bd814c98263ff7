"""All calls: these modules enter theirs when they are loaded."""

from . import commands, entropic, exact, many_clouds, stored, swapped

ALL = (commands, entropic, exact, many_clouds, stored, swapped)
