"""What flows along the pairs of a plan, in exact arithmetic: of pairs without a cycle there is one flow, found leaf by leaf."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..inputs.types import Indices
from ..model.cost.searches import Mask


def carrying(rows: Indices, columns: Indices, a: Sequence[Fraction], b: Sequence[Fraction]) -> Mask | None:
    """Which of distinct pairs (k,) carry something where what flows along them has exactly the marginals a (n,) and b (m,).

    None where nothing does, and where pairs form a cycle, so that there may be several flows.

    Examples
    --------
    >>> import numpy as np
    >>> half, third = Fraction(1, 2), Fraction(1, 3)
    >>> carrying(np.array([0, 1, 1]), np.array([0, 0, 1]), [third, 1 - third], [half, half]).tolist()
    [True, True, True]
    >>> carrying(np.array([0, 1]), np.array([0, 1]), [third, 1 - third], [half, half]) is None
    True
    """
    n = len(a)
    left, out = [*a, *b], np.zeros(len(rows), bool)
    pairs: list[dict[int, int]] = [{} for _ in left]  # of each point, by its neighbour
    for k, (i, j) in enumerate(zip(rows.tolist(), (columns + n).tolist(), strict=True)):
        pairs[i][j] = pairs[j][i] = k
    leaves = [point for point, of in enumerate(pairs) if len(of) == 1]
    while leaves:
        leaf = leaves.pop()
        if not pairs[leaf]:  # the last of its tree
            continue
        other, pair = pairs[leaf].popitem()
        if left[leaf] < 0:
            return None
        out[pair] = left[leaf] > 0
        left[other] -= left[leaf]
        left[leaf] = Fraction(0)
        del pairs[other][leaf]
        if len(pairs[other]) == 1:
            leaves.append(other)
    return None if any(left) or any(pairs) else out
