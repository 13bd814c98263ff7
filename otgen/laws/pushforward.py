"""The law of x = G(z) on the line, by the change of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from ..errors import InvalidInput
from ..inputs import scalars


class Branch(NamedTuple):
    """One way back from x to z, and its derivative in x."""

    inverse: Callable[[float], float]
    slope: Callable[[float], float]


@dataclass(frozen=True, eq=False)
class Pushforward:
    """The law of ``G(z)`` for z of a law with a density: ``sum |(G^-1)'(x)| f_z(G^-1(x))`` over the branches of ``G^-1``.

    The branches are those that are there at the x that are asked for. ("UL: GANs & VAEs", page 2, for one branch.)

    Attributes
    ----------
    law : distribution
        Of z, with ``logpdf``.
    branches : sequence of Branch
        Where there is none, the density is 0.

    Examples
    --------
    >>> import math, scipy.stats
    >>> squared = Pushforward(
    ...     scipy.stats.norm(), [Branch(lambda x, s=s: s * math.sqrt(x), lambda x, s=s: s / (2 * math.sqrt(x))) for s in (-1, 1)]
    ... )
    >>> round(squared.pdf(1.0), 12) == round(float(scipy.stats.chi2(1).pdf(1.0)), 12)
    True
    """

    law: Any
    branches: Sequence[Branch]

    def __post_init__(self) -> None:
        if isinstance(self.law, type) or not callable(getattr(self.law, "logpdf", None)):
            raise InvalidInput(
                f"law must have a method logpdf; received {scalars.told(self.law)}; pass a frozen law, such as scipy.stats.norm()"
            )
        if not isinstance(self.branches, list | tuple) or not all(map(_is_branch, self.branches)):
            raise InvalidInput(
                f"branches must be a list of pairs of functions, an inverse and its slope; received {scalars.told(self.branches)}; "
                f"make them with Branch"
            )

    def logpdf(self, x: float) -> float:
        """The logarithm of the density at x."""
        x = scalars.real(x, "x")
        logs = [float(self.law.logpdf(one.inverse(x))) + float(np.log(abs(one.slope(x)))) for one in self.branches]
        found: Any = scipy.special.logsumexp(logs)
        return float(found)

    def pdf(self, x: float) -> float:
        """The density at x."""
        return float(np.exp(self.logpdf(x)))


def _is_branch(one: Any) -> bool:
    """Whether something is a pair of functions."""
    return isinstance(one, tuple) and len(one) == 2 and all(map(callable, one))
