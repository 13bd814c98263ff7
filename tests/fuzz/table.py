"""All calls: these modules enter theirs when they are loaded."""

from . import collections, entropic, exact, swapped

ALL = (collections, entropic, exact, swapped)
