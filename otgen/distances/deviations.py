"""How far a mean of independent draws may lie from what it estimates: on one side, with a probability of at most ``delta``."""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from ..inputs.types import Floats

_MOST_STAKED = 0.9  # of the wealth, on one value


def student(values: Floats, delta: float) -> float:
    """Of the mean of values (n,), by the central limit theorem: true as n grows, for any law that has a variance.

    Examples
    --------
    >>> import numpy as np
    >>> round(student(np.array([0.0, 1.0, 2.0, 3.0]), 0.05), 3)
    1.519
    """
    n = len(values)
    return float(scipy.special.stdtrit(n - 1, 1 - delta)) * _spread(values) / math.sqrt(n)


def bernstein(values: Floats, width: float, delta: float) -> float:
    """The same for every n, where all values lie in an interval of a width (Maurer and Pontil, 2009, theorem 4).

    Examples
    --------
    >>> import numpy as np
    >>> round(bernstein(np.tile([0.0, 1.0], 500), 1.0, 0.05), 3)
    0.052
    """
    n, log = len(values), math.log(2 / delta)
    return _spread(values) * math.sqrt(2 * log / n) + 7 * width * log / (3 * (n - 1))


def betting(values: Floats, low: float, high: float, delta: float) -> float:
    """A lower bound of the mean that independent values (n,) between ``low`` and ``high`` share, for every n: wrong with probability ``delta``.

    Whoever bets on "more than m" where the mean is m multiplies her wealth by ``1 + s (v - m)`` with each value; only with probability delta
    does it ever grow to ``1 / delta`` of what it was. Those m are left out where it does, with stakes by the variance so far. Tighter than
    Bernstein where n is small. (Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting", 2024, theorem 3.)

    Examples
    --------
    >>> import numpy as np
    >>> round(betting(np.tile([0.0, 1.0], 500), 0.0, 1.0, 0.05), 3)
    0.461
    """
    width, n = high - low, len(values)
    if width <= 0:
        return low
    unit, count = np.clip((values - low) / width, 0.0, 1.0), np.arange(1, n + 1)
    means = (0.5 + np.cumsum(unit)) / (count + 1)
    spread = (0.25 + np.cumsum((unit - means) ** 2)) / (count + 1)
    stakes = np.sqrt(2 * math.log(1 / delta) / (n * np.concatenate([[0.25], spread[:-1]])))
    left_out, kept = 0.0, 1.0
    while kept - left_out > 1e-9:
        m = (left_out + kept) / 2
        wealth = np.cumsum(np.log1p(np.minimum(stakes, _MOST_STAKED / m) * (unit - m)))
        won = wealth.max() > math.log(1 / delta) + 1e-9
        left_out, kept = (m, kept) if won else (left_out, m)
    return low + width * left_out


def hoeffding(width: float, n: int, delta: float) -> float:
    """The same from the width alone, of a mean or of any function of n draws that each of them moves by at most ``width / n``.

    (Hoeffding, 1963; McDiarmid, 1989.)

    Examples
    --------
    >>> round(hoeffding(1.0, 1000, 0.05), 3)
    0.039
    """
    return width * math.sqrt(math.log(1 / delta) / (2 * n))


def _spread(values: Floats) -> float:
    """The standard deviation of values (n,), of any size: their squares may be no floats."""
    largest = float(np.abs(values).max())
    with np.errstate(under="ignore"):
        return largest * float((values / largest).std(ddof=1)) if largest else 0.0
