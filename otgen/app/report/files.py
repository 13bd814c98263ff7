"""A report of files: a baseline against others, measured, drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ...model.cost import COSTS
from ...model.problem import Relative
from .. import compared
from ..chance import usual_splits
from ..files import Samples
from ..words import counted, spoken
from .clouds import coupled_images, sets_drawn
from .compare import USUAL_EPSILON, Comparison, Quantity, compare, quantities
from .figures import Figure, beside_chance
from .page import origin, write_page

_MOST_PAIRS = 100_000_000  # up to which the Sinkhorn divergence, which sweeps over all of them, is measured without being asked for


@dataclass(frozen=True)
class Report:
    """What a report measures and draws; None stands for what is usual."""

    p: float | None = None
    metric: str = "euclidean"
    epsilon: float | Relative | None = None
    normalize: bool = False
    image: str | None = None
    splits: int | None = None
    seed: int = 0

    def quantities(self, dim: int = 2) -> tuple[Quantity, ...]:
        """What is measured of points with so many coordinates: with one, a sliced distance is the distance itself."""
        p = 1.0 if self.p is None and self.metric in COSTS else self.p
        return quantities(p, self.metric, self.epsilon, normalize=self.normalize, on_line=dim == 1)

    def measured(self, sets: Sequence[Samples]) -> tuple[Quantity, ...]:
        """What is measured of these sets: no Sinkhorn divergence where there are very many points, unless an epsilon asks for it."""
        found = self.quantities(sets[0].dim)
        pairs = len(sets[0]) * max(map(len, sets[1:]))
        if self.epsilon is not None or pairs <= _MOST_PAIRS:
            return found
        return tuple(one for one in found if one.beside_chance)

    def notes(self, sets: Sequence[Samples]) -> list[str]:
        """What was left out or assumed."""
        said = compared.notes(sets)
        if len(self.measured(sets)) == len(self.quantities(sets[0].dim)):
            return said
        sizes = f"{len(sets[0])} x {max(map(len, sets[1:]))}"
        return [*said, f"no Sinkhorn divergence, which takes long for {sizes} points; --epsilon 5% asks for it"]

    def check(self) -> None:
        """Raise what is wrong with the options; kernels are loaded by this."""
        for quantity in self.quantities():
            quantity.run([[1.0, 0.5], [0.5, 0.5]], [[0.5, 1.0]])
        if self.image is not None:
            _shape(self.image)

    def write(
        self, path: Path, sets: Sequence[Samples], options: str, tell: Callable[[str], None]
    ) -> tuple[Path | None, list[Comparison]]:
        """Compare the first set with each of the others, and write the page."""
        base, *others = sets
        shape = None if self.image is None else _shape(self.image, base.dim)
        comparisons: list[Comparison] = []
        figures: list[Figure] = []
        for other in others:
            tell(f"{base.name} against {other.name}")
            comparisons.append(self._compared(base, other, self.measured(sets)))
            figures += _drawn(base, other, comparisons[-1], shape, titled=len(others) > 1)
        if any(one.headline.chance for one in comparisons):
            figures.insert(0, _chances(comparisons))
        title = f"{base.name} against {others[0].name if len(others) == 1 else counted(len(others), 'other')}"
        told = [compared.told(base, other) for other in others]
        lead = "; ".join(told if len(told) == 1 else [f"{o.name}: {words}" for o, words in zip(others, told)]) + "."
        page = write_page(path, title, lead, comparisons, figures, self._provenance(sets, options))
        return page, comparisons

    def _compared(self, base: Samples, other: Samples, measured: Sequence[Quantity]) -> Comparison:
        x, y = base.points, other.points
        count = usual_splits(x, y) if self.splits is None else self.splits
        name = f"{base.name} against {other.name}"
        try:
            return compare(name, x, y, base.weights, other.weights, measured=measured, count=count, seed=self.seed)
        except InvalidInput as fault:
            raise type(fault)(spoken(str(fault), (base.name, other.name))) from None

    def _provenance(self, sets: Sequence[Samples], options: str) -> list[tuple[str, str]]:
        rows = [
            (one.name, f"{counted(len(one), 'point')}, {one.size} bytes, SHA-256 begins with {one.digest}")
            for one in sets
        ]
        rows += [("left out or assumed", note) for note in self.notes(sets)]
        return [*rows, ("options", self._told(self.measured(sets))), *origin(options, self.seed)]

    def _told(self, measured: Sequence[Quantity]) -> str:
        """The options, those that were not given as well."""
        named = f"{self.metric} metric; {', '.join(one.name for one in measured)}"
        strength = USUAL_EPSILON if self.epsilon is None else self.epsilon
        if measured[-1].beside_chance:  # none that is entropic
            return named
        share = f"{100 * strength.fraction:g} % of the mean cost" if isinstance(strength, Relative) else f"{strength:g}"
        return f"{named} with epsilon = {share}"


def _drawn(
    base: Samples, other: Samples, comparison: Comparison, shape: tuple[int, int] | None, *, titled: bool
) -> list[Figure]:
    plan, name = comparison.headline.result.plan, comparison.headline.distance
    figures = sets_drawn(base, other, plan, name)
    if shape is not None:
        figures.insert(0, coupled_images(base.points, other.points, plan, shape))
    return [one._replace(title=f"{one.title}: {other.name}") for one in figures] if titled else figures


def _chances(comparisons: list[Comparison]) -> Figure:
    rows = [(one.name, one.headline.result.value, one.headline.chance) for one in comparisons]
    head = comparisons[0].headline
    marks = [
        (name.partition(" against ")[2], value, np.empty(0) if beside is None else beside.values)
        for name, value, beside in rows
    ]
    return beside_chance(marks, head.distance, head.quantity.unit)


def _shape(text: str, size: int | None = None) -> tuple[int, int]:
    parts = text.lower().split("x")
    sizes = [int(part) for part in parts if part.isdigit()]
    wrong = len(parts) != 2 or len(sizes) != 2 or 0 in sizes
    if wrong or (size is not None and sizes[0] * sizes[1] != size):
        told, remedy = "", "write it as in 28x28"
        if not wrong:
            told, remedy = f" with {size} pixels in all, one for each coordinate", "correct it, or leave it out"
        raise InvalidInput(f"--image must be HEIGHTxWIDTH{told}; received {text!r}; {remedy}")
    return sizes[0], sizes[1]
