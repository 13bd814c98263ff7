"""Random directions, each uniform on the sphere: independent, orthogonal within blocks, or quasi-random within replicates."""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from ..errors import InvalidInput
from ..inputs.types import Design, Floats

DESIGNS = get_args(Design)
_GROUPS = 10  # as many, at least, for a standard error that is known to a quarter of itself


class Directions(NamedTuple):
    """Unit vectors ``rows`` (k, d); groups of ``size`` successive ones are independent of each other, the last may be shorter."""

    rows: Floats
    size: int

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return -(-len(self.rows) // self.size)

    def error_of_mean(self, values: Floats) -> float | None:
        """The standard error of the mean of ``values`` (k,), one a direction, from how far the sums of groups vary; None for one group.

        Examples
        --------
        >>> Directions(np.eye(2)[[0, 1, 0, 1]], 2).error_of_mean(np.array([0.0, 2.0, 2.0, 0.0]))
        0.0
        """
        if self.groups < 2:
            return None
        sums = np.add.reduceat(values - values.mean(), np.arange(0, len(values), self.size))
        return math.sqrt(float((sums**2).sum()) * self.groups / (self.groups - 1)) / len(values)


def drawn(design: str, count: int, d: int, rng: np.random.Generator) -> Directions:
    """``count`` directions in d dimensions by one of `DESIGNS`.

    Examples
    --------
    >>> blocks = drawn("orthogonal", 40, 2, np.random.default_rng(0))
    >>> bool(abs(blocks.rows[0] @ blocks.rows[1]) < 1e-15), blocks.groups
    (True, 20)
    """
    if design == "orthogonal":
        size = min(d, max(1, count // _GROUPS))
        return Directions(_orthogonal(count, d, size, rng), size)
    if design == "quasi-random":
        if d > qmc.Sobol.MAXDIM:
            raise InvalidInput(
                f"directions must be 'independent' or 'orthogonal' in more than {qmc.Sobol.MAXDIM} dimensions; received 'quasi-random' "
                f"for {d}; pass directions='orthogonal'"
            )
        power = max(0, (count // _GROUPS).bit_length() - 1)
        replicates = [_quasi_random(power, d, rng) for _ in range(-(-count >> power) if power else count)]
        return Directions(np.concatenate(replicates)[:count], 2**power)
    return Directions(_normalized(rng.standard_normal((count, d))), 1)


def _normalized(vectors: Floats) -> Floats:
    return vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))


def _orthogonal(count: int, d: int, size: int, rng: np.random.Generator) -> Floats:
    """Blocks of ``size`` rows from Haar's law: the Q of Gaussian matrices, with the signs that make it unique (Mezzadri)."""
    blocks = -(-count // size)
    q, r = np.linalg.qr(rng.standard_normal((blocks, d, size)))
    q *= np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None, :]
    return q.transpose(0, 2, 1).reshape(blocks * size, d)[:count]


def _quasi_random(power: int, d: int, rng: np.random.Generator) -> Floats:
    """``2 ** power`` points of a scrambled Sobol sequence (Owen) mapped to the sphere: (2 ** power, d).

    On half of it, since a direction and its opposite are one line, and would be one point twice: by the angle in the plane, by
    Archimedes' cylinder in space, and by normal quantiles from 4 dimensions on, the first of them that of an absolute value.
    """
    variables = d - 1 if 1 < d < 4 else d
    sobol = qmc.Sobol(variables, scramble=True, bits=30, seed=rng)  # pyright: ignore[reportCallIssue]  # scipy 1.13 has no rng=
    u = sobol.random_base2(power) + 2.0**-31  # from the corner of a cell to its middle: never 0
    if d == 2:
        return np.stack([np.cos(np.pi * u[:, 0]), np.sin(np.pi * u[:, 0])], axis=1)
    if d == 3:
        height, angle = u[:, 0], 2 * np.pi * u[:, 1]
        radius = np.sqrt(1 - height**2)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    u[:, 0] = (1 + u[:, 0]) / 2
    return _normalized(ndtri(u))
