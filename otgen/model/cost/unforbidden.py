"""Costs that forbid no pair."""

from __future__ import annotations

from ...inputs.types import Indices
from .base import Cost


class Unforbidden(Cost):
    """A cost all of whose pairs may carry mass, which nobody asks for those that may."""

    @property
    def forbids(self) -> bool:
        """No pair is forbidden."""
        return False

    def allowed(self) -> Cost:
        """No pair is forbidden."""
        raise AssertionError("no pair is forbidden")

    def allowed_pairs(self) -> tuple[Indices, Indices]:
        """No pair is forbidden."""
        raise AssertionError("no pair is forbidden")
