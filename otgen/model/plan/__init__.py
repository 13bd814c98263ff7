"""Transport plans: listed by their entries, monotone on the line, or entropic by their potentials."""

from .base import Plan
from .entropic import DROPPED_BITS, EntropicPlan, rounded
from .monotone import MonotonePlan
from .sparse import SparsePlan

__all__ = ["DROPPED_BITS", "EntropicPlan", "MonotonePlan", "Plan", "SparsePlan", "rounded"]
