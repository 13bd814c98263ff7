"""Sums over long runs of whole numbers, by few of them.

A block of m whole numbers is summed by the polynomial through 16 of them: discrete Chebyshev polynomials of a degree above 0 have sum 0
over the block, and that of degree 0 has m. A block is halved until its sum and those of its halves agree, or until it is added one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..inputs.types import Floats

_DEGREE = 15
_SHORT = 128  # a block of fewer is added one by one: its 16 nodes would meet
_BLOCKS = 500  # at work at once; more are the mark of noise, which halving does not cure
_TOLERANCE = 2e-15
_NODES = (1 - np.cos(np.pi * np.arange(_DEGREE + 1) / _DEGREE)) / 2

# Whole numbers to functions (functions, ...), and what the first may be wrong by there.
Summand = Callable[[Floats], tuple[Floats, Floats]]


def blocks(first: float, last: float, centres: list[float], cuts: list[float]) -> Floats:
    """Ends of blocks (k + 1,), from the first number to one beyond the last: at cuts, and at powers of 2 from each centre."""
    steps = 2.0 ** np.arange(6, 54)
    ways = [c + side * steps for c in centres for side in (-1, 1)]
    ends = np.unique(np.concatenate([[first, last + 1], [z for z in cuts if math.isfinite(z)], *ways]))
    return ends[(ends >= first) & (ends <= last + 1)]


def seen(ends: Floats) -> Floats:
    """Some numbers of every block: its first, and all nodes of long ones."""
    low, high = ends[:-1], ends[1:]
    return np.concatenate([low, nodes(low[high - low >= _SHORT], high[high - low >= _SHORT])[0].ravel()])


def nodes(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Whole numbers (blocks, 16) and their weights, for blocks of ``low <= n < high``.

    Examples
    --------
    >>> n, weights = nodes(np.array([0.0]), np.array([1000.0]))
    >>> abs(float((weights * n**3).sum()) / sum(k**3 for k in range(1000)) - 1) < 1e-13
    True
    """
    size = (high - low)[:, None]
    step = np.rint(_NODES * (size - 1))
    x = (2 * step - size + 1) / size
    rows = [np.ones_like(x), x]
    for n in range(1, _DEGREE):
        rows.append(((2 * n + 1) * x * rows[n] - n * (1 - (n / size) ** 2) * rows[n - 1]) / (n + 1))
    sums = np.zeros((len(low), _DEGREE + 1, 1))
    sums[:, 0, 0] = size[:, 0]
    return low[:, None] + step, np.linalg.solve(np.stack(rows, axis=1), sums)[..., 0]


def total(of: Summand, ends: Floats, scales: Floats) -> tuple[Floats, Floats, float]:
    """Sums of all functions over blocks, how far the two rules lie apart, and what the first may be wrong by.

    ``scales`` (functions,) are sizes that errors are judged by, infinite for functions that ask for no halving; the first is that of the sum itself.
    """
    values, apart, doubt = np.zeros(len(scales)), np.zeros(len(scales)), 0.0
    low, high = ends[:-1], ends[1:]
    while len(low):
        short = high - low < 2 * _SHORT
        if short.any():
            n = np.concatenate([np.arange(*pair) for pair in zip(low[short], high[short])])
            found, unsure = of(n)
            values, doubt = values + found.sum(axis=1), doubt + float(unsure.sum())
            low, high = low[~short], high[~short]
        if not len(low):
            break
        middle = low + np.floor((high - low) / 2)
        coarse, _ = _rule(of, low, high)
        halves, unsure = _rule(of, np.concatenate([low, middle]), np.concatenate([middle, high]))
        finer, unsure = halves.reshape(len(scales), 2, -1).sum(axis=1), unsure.reshape(2, -1).sum(axis=0)
        gap = np.abs(finer - coarse)
        judged = np.concatenate([[max(scales[0], abs(float(values[0] + finer[0].sum())))], scales[1:]])
        allowed = np.broadcast_to(_TOLERANCE * judged[:, None], gap.shape).copy()
        allowed[0] = np.maximum(allowed[0], unsure / 8)
        again = (gap > allowed).any(axis=0)
        if again.sum() > _BLOCKS:
            again[:] = False
        gap[0] = np.maximum(gap[0], allowed[0])  # beside a kink both rules may agree by chance
        values, apart = values + finer[:, ~again].sum(axis=1), apart + gap[:, ~again].sum(axis=1)
        doubt += float(unsure[~again].sum())
        low, middle, high = low[again], middle[again], high[again]
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return values, apart, doubt


def _rule(of: Summand, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    n, weights = nodes(low, high)
    found, doubt = of(n)
    return (found * weights).sum(axis=2), (doubt * np.abs(weights)).sum(axis=1)
