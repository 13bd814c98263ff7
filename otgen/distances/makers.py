"""How the parts of a result are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .answer import Answer
    from .gradients import Gradients
    from .splits import PermutationNull


class Makers(NamedTuple):
    """A function for each part of a `Result` that is made on demand; None where it has no such part."""

    plan: Callable[[], Any] | None = None
    potentials: Callable[[], Any] | None = None
    gradients: Callable[..., Gradients] | None = None
    vjp: Callable[..., Gradients] | None = None
    proof: Callable[..., None] | None = None
    plot: Callable[..., Axes] | None = None
    null: Callable[..., PermutationNull] | None = None
    unmatched: Callable[[], Any] | None = None
    answer: Answer | None = (
        None  # of an entropic value: what differences of such values are made of, before anything is rounded
    )


NOTHING = Makers()
