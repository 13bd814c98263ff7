"""What must hold of two collections and a distance before any pair is measured."""

from __future__ import annotations

import numpy as np

from ...errors import InvalidInput
from ...inputs import scalars, sizes
from ..chosen import Chosen
from ..splits import measured
from .collection import Collection, enough_mass, same_columns, same_masses, same_unit

_ROUNDED = 1e-9  # of a distance: more than what the order of sums changes in a callable's number


def check_pairs(one: Collection, other: Collection | None, distance: Chosen) -> None:
    """Refuse collections that cannot be compared, options that the distance does not take, and a distance of one collection that is not symmetric."""
    _check_together(one, one if other is None else other, distance)
    if distance.is_zero_at_home and one.facts:  # the options are tried, also where no pair is left to be measured
        point = np.full((1, one.facts[0].dim), 0.5)
        distance(point, point)
    if distance.name is None:
        _check_empty(one, one if other is None else other, distance)
    if other is None and len(one) > 1:
        _check_symmetry(one, distance)


def _check_together(one: Collection, other: Collection, distance: Chosen) -> None:
    """Refuse sets that cannot be compared with each other."""
    if one.facts and other.facts:
        names = f"{one.source.names[0]}[0]", f"{other.source.names[0]}[0]"
        sizes.same_dimension(one.facts[0].dim, other.facts[0].dim, names)
        same_unit(one.facts[0], other.facts[0], names)
        if one.held is not None and other.held is not None and one.source.support is None:
            k, j = one.named, other.named
            named = f"{one.source.names[0]}[{k}]", f"{other.source.names[0]}[{j}]"
            same_columns(one.source.sets[k], other.source.sets[j], named)
    both = [one] if other is one else [one, other]
    if not distance.is_of_any_masses:
        same_masses(both, normalize=distance.options.get("normalize", False))
    if distance.name == "partial_wasserstein" and distance.options.get("mass") is not None:
        enough_mass(both, distance.options["mass"])


def _check_empty(one: Collection, other: Collection, distance: Chosen) -> None:
    """Refuse sets without points where a callable does not take them, of the first such set and the first of another kind."""
    for mine, theirs in ((one, other), (other, one)):
        k = next((k for k, fact in enumerate(mine.facts) if fact.size == 0), None)
        j = next((j for j, fact in enumerate(theirs.facts) if fact.size > 0), None)
        if k is None or j is None:
            continue
        (x,), (y,) = mine.block(k, k + 1).read(), theirs.block(j, j + 1).read()
        pair = (x, y) if mine is one else (y, x)
        try:
            distance(pair[0].points, pair[1].points, pair[0].weights, pair[1].weights)
        except Exception as fault:  # whatever it may raise: it was written for points
            raise InvalidInput(
                f"{mine.source.names[0]}[{k}] must hold a point at least, as distance takes no empty set; received shape {x.points.shape}, for "
                f"which it raised {type(fault).__name__}: {fault}; leave empty sets out, or let it measure them"
            ) from fault


def _check_symmetry(one: Collection, distance: Chosen) -> None:
    """Refuse two prices for what stays, and a callable, distance or metric, that tells another distance the other way round; of the first two sets."""
    penalty = distance.options.get("penalty") if distance.name == "partial_wasserstein" else None
    if isinstance(penalty, tuple | list) and penalty[0] != penalty[1]:
        raise InvalidInput(
            f"penalty must be one number where pairs are measured one way; received {scalars.told(penalty)}; compare the collection "
            f"with itself as a second one, which measures both ways"
        )
    if distance.name is not None and not callable(distance.options.get("metric")):
        return
    x, y = (one.block(k, k + 1).read()[0] for k in (0, 1))
    to, back = (
        measured(distance(u.points, v.points, u.weights, v.weights)) for u, v in ((x, y), (y, x))
    )  # fmt: skip
    apart = max(to.lower - back.upper, back.lower - to.upper)
    if apart > _ROUNDED * max(abs(to.value), abs(back.value)):
        raise InvalidInput(
            f"distance must be symmetric, since pairs are measured one way; received {to.value:.17g} from {one.source.names[0]}[0] to "
            f"{one.source.names[0]}[1] and {back.value:.17g} back; compare the collection with itself as a second one, which measures both ways"
        )
