"""Two collections and a Wasserstein distance, read and checked before any work starts: what questions about near sets are put to."""

from __future__ import annotations

from typing import Any

from ...inputs import scalars, tables
from ...model.cost import Metric
from ..chosen import Chosen, chosen
from .checks import check_pairs
from .collection import Collection, both_collected


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
    if support is not None:
        tables.same_columns(sets, sets2, names)
        called = {
            "the rows of support": tables.row_names(support),
            f"the columns of {names[0]}": tables.column_names(sets),
        }
        tables.same_names(called)
    one, other = both_collected(sets, sets2, weights, weights2, support, names)
    check_pairs(one, other, distance)
    return one, other, distance
