"""Pairs of laws in any dimension whose W_1, and the gradient of whose best critic, are known.

``u(x) = min_n (a_n + |x - b_n|)`` is 1-Lipschitz, and falls at rate one along rays that start at a funnel's centre b_n until they
reach another funnel or the box. Mass that is moved along such rays is moved optimally, and -u is the best critic (Korotin, Kolesov,
Burnaev, "Kantorovich strikes back! Wasserstein GANs are not optimal transport?", 2022, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.spatial.distance

from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes
from ..inputs.gaussians import mean
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats

HALF = 2.5  # of the box's edge
SPREAD = 0.1  # of the heights
POWER = 8.0  # how strongly mass is drawn to the centres
_FAR = 2.0**600  # distances beyond some 2 ** 511 are measured in this unit


@dataclass(frozen=True, eq=False)
class Funnels:
    """Funnels with centres (N, D) and heights (N,): y is uniform in the box [-2.5, 2.5]^D, x is y drawn towards the centre of its funnel.

    W_1 is with the Euclidean distance. Centres, heights or points of sizes that do not fit, or that are not finite, raise InvalidInput.

    Examples
    --------
    >>> pair = Funnels.random(4, 2, rng=0)
    >>> x, y = pair.sample(1000, rng=1)
    >>> x.shape, 0.3 < pair.w1(1000, rng=2)[0] < 1.5
    ((1000, 2), True)
    """

    centres: Any
    heights: Any

    def __post_init__(self) -> None:
        _refuse_counts(*map(sizes.count_of, (self.centres, self.heights)))
        centres = arrays.points(self.centres, "centres")[0].astype(np.float64)
        heights = mean(self.heights, "heights")
        _refuse_counts(len(centres), len(heights))
        object.__setattr__(self, "centres", centres)
        object.__setattr__(self, "heights", heights)

    @classmethod
    def random(cls, number: int, dim: int, rng: Any = None) -> Funnels:
        """``number`` funnels, centres uniform in the box of ``dim`` dimensions, heights normal of deviation 0.1."""
        number, dim = scalars.count(number, "number"), scalars.count(dim, "dim")
        refuse_bytes(8 * number * dim, (number, dim), "number and dim")
        generator = scalars.generator(rng)
        centres = generator.uniform(-HALF, HALF, (number, dim))
        return cls(centres, SPREAD * generator.standard_normal(number))

    def sample(self, n: int, rng: Any = None) -> tuple[Floats, Floats]:
        """``n`` optimally coupled pairs: x (n, D) of the drawn law, y (n, D) of the uniform one."""
        y = self._uniform(n, rng)
        n = len(y)
        parts = [self._mates(part)[0] for part in np.array_split(y, max(1, n * len(self.heights) // 500_000))]
        return np.concatenate(parts), y

    def w1(self, n: int, rng: Any = None) -> tuple[float, float]:
        """The distance W_1 of the two laws by ``n`` samples, at least 2, and its standard error."""
        y = self._uniform(scalars.count(n, "n", least=2), rng)
        n = len(y)
        parts = np.array_split(y, max(1, n * len(self.heights) // 500_000))
        moved = np.concatenate([self._mates(part)[1] for part in parts])
        return float(moved.mean()), float(moved.std(ddof=1) / np.sqrt(n))

    def _uniform(self, n: int, rng: Any) -> Floats:
        """``n`` points, uniform in the box."""
        n, generator, dim = scalars.count(n, "n"), scalars.generator(rng), self.centres.shape[1]
        refuse_bytes(16 * n * dim, (n, dim), "n")
        return generator.uniform(-HALF, HALF, (n, dim))

    def _placed(self, x: Any) -> Floats:
        """Points (n, D) in the dimension of the centres."""
        self._refuse_dimension(sizes.dimension_of(x))
        points = arrays.points(x, "x")[0].astype(np.float64)
        self._refuse_dimension(points.shape[1])
        return points

    def _refuse_dimension(self, received: int | None) -> None:
        dim = self.centres.shape[1]
        if received not in (None, dim):
            raise InvalidInput(
                f"x must have {dim} coordinates, as the centres have; received {received}; pass (n, {dim})"
            )

    def gradient(self, x: Any) -> Floats:
        """The gradient of the best critic, -u, at points (n, D): unit vectors towards the centre of their funnel; 0 at one."""
        x = self._placed(x)
        v = self.centres[self._funnel(x)] - x
        largest = np.abs(v).max(axis=1, keepdims=True)
        v = np.divide(v, largest, out=np.zeros_like(v), where=largest > 0)  # whose squares are floats
        return v / np.where(largest > 0, np.linalg.norm(v, axis=1, keepdims=True), 1.0)

    def critic(self, x: Any) -> Floats:
        """The best critic, -u, at points (n, D): (n,)."""
        return -(self.heights + self._distances(self._placed(x))).min(axis=1)

    def _distances(self, x: Floats) -> Floats:
        found = scipy.spatial.distance.cdist(x, self.centres)
        far = ~np.isfinite(found).all(axis=1)  # whose squares are no floats
        if far.any():
            with np.errstate(over="ignore"):
                found[far] = _FAR * scipy.spatial.distance.cdist(x[far] / _FAR, self.centres / _FAR)
        return found

    def _funnel(self, x: Floats) -> np.ndarray:
        return (self.heights + self._distances(x)).argmin(axis=1)

    def _mates(self, y: Floats) -> tuple[Floats, Floats]:
        """The mates x of points y, and how far each is moved."""
        rows, distances = np.arange(len(y)), self._distances(y)
        values = self.heights + distances
        n = values.argmin(axis=1)
        length = distances[rows, n]
        way = y - self.centres[n]
        way[length == 0, 0], span = 1.0, np.where(length == 0, 1.0, length)  # from a centre itself any ray will do
        v = way / span[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.abs((np.sign(v) * HALF - y) / v).min(axis=1)
            s = values[rows, n][:, None] - self.heights  # u(y) - a_m
            along = np.einsum("nd,nmd->nm", v, y[:, None, :] - self.centres)
            meets = (distances**2 - s**2) / (2 * (s - along))
        allowed = (meets > 0) & (meets > -s)
        allowed[rows, n] = False
        reach = np.minimum(reach, np.where(allowed, meets, np.inf).min(axis=1))
        whole = length + reach
        t = length / whole
        return self.centres[n] + (t**POWER * whole)[:, None] * v, whole * (t - t**POWER)


def _refuse_counts(centres: int | None, heights: int | None) -> None:
    """Raise for centres and heights that are not equally many, where both numbers are known."""
    if centres is not None and heights is not None and centres != heights:
        raise InvalidInput(
            f"centres and heights must be equally many; received {centres} and {heights}; pass one height a centre"
        )
