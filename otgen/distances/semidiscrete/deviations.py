"""How far a mean of independent draws may lie from what it estimates: on one side, with a probability of at most ``delta``."""

from __future__ import annotations

import math

import numpy as np
import scipy.special

from ...inputs.types import Floats


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
