"""Two collections and a Wasserstein distance, read and checked before any work starts: what questions about near sets are put to."""

from __future__ import annotations

from typing import Any

from ...errors import InvalidInput
from ...inputs import scalars, tables
from ...model.cost import Metric
from ..chosen import Chosen, chosen
from .checks import check_pairs
from .collection import Collection, collected, sequence, support_from


def posed(
    sets: Any,
    sets2: Any,
    weights: Any,
    weights2: Any,
    support: Any,
    names: tuple[str, str],
    p: float,
    metric: Metric,
    normalize: bool,
) -> tuple[Collection, Collection | None, Chosen]:
    """The collections, the second None where there is one, and the distance; errors call the collections by ``names``.

    Raises
    ------
    InvalidInput, MassMismatch
        As :func:`otgen.pairwise` does.
    """
    distance = chosen("wasserstein", dict(p=scalars.order(p), metric=metric, normalize=normalize))
    points = support_from(support)
    if points is not None:
        tables.same_columns(sets, sets2, names)
    one = collected(sequence(sets, names[0]), weights, support=points, names=(names[0], "weights"))
    other = None
    if sets2 is not None:
        other = collected(sequence(sets2, names[1]), weights2, support=points, names=(names[1], "weights2"))
    elif weights2 is not None:
        raise InvalidInput(
            f"weights2 must stand beside {names[1]}; received it alone; pass weights for those of {names[0]}"
        )
    check_pairs(one, other, distance)
    return one, other, distance
