"""A distance that is chosen by its name, or given as a callable, with its options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.cost import Circular, Minkowski
from .batch import sinkhorn_batch, sinkhorn_divergence_batch, wasserstein_batch
from .entropic import sinkhorn, sinkhorn_divergence
from .exact import wasserstein
from .max_sliced import max_sliced_wasserstein
from .partial import partial_wasserstein, prices_and_amount
from .sliced import sliced_wasserstein
from .splits import Measured

DistanceName = Literal[
    "wasserstein",
    "sinkhorn",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "max_sliced_wasserstein",
    "partial_wasserstein",
]
DISTANCES: dict[str, Callable[..., Any]] = {
    "wasserstein": wasserstein,
    "sinkhorn": sinkhorn,
    "sinkhorn_divergence": sinkhorn_divergence,
    "sliced_wasserstein": sliced_wasserstein,
    "max_sliced_wasserstein": max_sliced_wasserstein,
    "partial_wasserstein": partial_wasserstein,
}
SEEDED = ("sliced_wasserstein", "max_sliced_wasserstein")  # by directions, or starts, that are drawn
BATCHES: dict[str, Callable[..., Any]] = {
    "wasserstein": wasserstein_batch,
    "sinkhorn": sinkhorn_batch,
    "sinkhorn_divergence": sinkhorn_divergence_batch,
}


@dataclass(frozen=True, eq=False)
class Chosen:
    """A distance between two sets and their weights: ``name`` is None for a callable of the caller's own."""

    name: str | None
    call: Callable[..., Any]
    options: dict[str, Any]

    def __call__(self, x: Any, y: Any, a: Any = None, b: Any = None) -> Any:
        """A result or a number."""
        return self.call(x, y, a, b, **self.options)

    @property
    def told(self) -> str:
        """What it is called, by its name or that of the callable."""
        if self.name is not None:
            return self.name
        named = self.call if hasattr(self.call, "__qualname__") else type(self.call)
        return f"{named.__module__}.{named.__qualname__}"

    @property
    def is_zero_at_home(self) -> bool:
        """Whether a set is proven to be at distance 0 from itself without any work: exactly measured, under a metric that is known."""
        known = isinstance(self.options.get("metric", "euclidean"), str | Minkowski | Circular)
        return self.name == "wasserstein" and known and self.options.get("solver", "auto") == "auto"

    @property
    def is_of_any_masses(self) -> bool:
        """Whether the totals of two sets may differ."""
        return self.name in (None, "partial_wasserstein") or self.options.get("relax") is not None

    @property
    def takes_empty_sets(self) -> bool:
        """Whether sets without points may be compared, as all of their mass may stay, or a callable knows what they are worth."""
        return self.name in (None, "partial_wasserstein")

    @property
    def batch(self) -> Callable[..., Any] | None:
        """What measures many pairs at once; None where each is measured alone."""
        return None if self.name is None else BATCHES.get(self.name)


def chosen(distance: Any, options: dict[str, Any], rng: Any = None) -> Chosen:
    """The distance that is asked for; a sliced one takes the same directions for all sets, by ``rng`` where it is given no seed of its own.

    Raises
    ------
    InvalidInput
        For a name that there is not, for what is neither a name nor a callable, and for options that a named distance does not take.

    Examples
    --------
    >>> chosen("wasserstein", {"p": 1})([0.0], [2.0]).value
    2.0
    """
    if isinstance(distance, str):
        name = scalars.one_of(distance, "distance", tuple(DISTANCES))
        _check_options(name, options)
        if name == "partial_wasserstein":
            _check_prices(options)
        if name in SEEDED:
            seed = options.get("rng")
            fixed = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
            source = scalars.generator(rng if seed is None else seed)
            options = {**options, "rng": seed if fixed else int(source.integers(2**62))}
        return Chosen(name, DISTANCES[name], options)
    if not callable(distance):
        raise InvalidInput(
            f"distance must be a name ({', '.join(DISTANCES)}) or a callable; received {scalars.told(distance)}; pass 'wasserstein'"
        )
    return Chosen(None, distance, options)


def statistic(distance: Any, options: dict[str, Any], rng: Any) -> Chosen:
    """The distance that is asked for as what tests compare: of max-sliced ones the value alone, since their intervals need not be narrow, without W_p itself."""
    found = chosen(distance, options, rng)
    if found.name != "max_sliced_wasserstein":
        return found
    return Chosen(found.name, _along_the_best, {"exact": False, "throw": False, **found.options})


def _along_the_best(*sides: Any, **options: Any) -> Measured:
    value = max_sliced_wasserstein(*sides, **options).value
    return Measured(value, value, value)


def _check_prices(options: dict[str, Any]) -> None:
    """Refuse what partial transport is asked for in vain, and prices of points, which are of one pair of sets."""
    penalty, mass = options.get("penalty"), options.get("mass")
    sides: Any = penalty if isinstance(penalty, tuple | list) else (penalty,)
    if any(isinstance(side, tuple | list) or np.ndim(side) for side in sides):
        raise InvalidInput(
            f"penalty must be a number, or a pair of them, where many sets are compared; received {scalars.told(penalty)}; pass a callable as "
            f"distance, which sets a price for each point of two sets"
        )
    prices_and_amount(penalty, mass, (1, 1))
    scalars.finite_order(options.get("p", 2))


def _check_options(name: str, options: dict[str, Any]) -> None:
    """Refuse options that a distance does not take, and the lack of one that it needs."""
    taken = [one for one in inspect.signature(DISTANCES[name]).parameters.values() if one.kind is one.KEYWORD_ONLY]
    known = [one.name for one in taken]
    odd = [option for option in options if option not in known]
    if odd:
        raise InvalidInput(
            f"options must be those of distance={name!r} ({', '.join(known)}); received {odd[0]}={scalars.told(options[odd[0]])}; leave it out"
        )
    missing = [one.name for one in taken if one.default is one.empty and one.name not in options]
    if missing:
        raise InvalidInput(
            f"{missing[0]} must be given for distance={name!r}; received none; pass {missing[0]}=otgen.Relative(0.05), for example"
        )
