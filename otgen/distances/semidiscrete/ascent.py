r"""A potential by averaged stochastic ascent of the semi-dual.

.. math:: L(g) = \mathbb{E} \min_j (c(X, y_j) - g_j) + \sum_j b_j g_j

is concave, and ``b_j - P(j(X) = j)`` its supergradient, where j(x) is the point that has the minimum; a batch of noise gives it without
bias. Steps are divided by the masses, so that each point moves by how far it is from its own mass in proportion to it, and fall as
``t ** -0.5``; the average of the iterates, from which early ones fade, is what counts (Polyak and Juditsky, 1992; Shamir and Zhang, 2013).
How long the first steps are is read off the data, in two stages:

far     a hundredth of the mean cost, from entropic potentials of that epsilon between a first sample of noise and the data, which are
        about that far from the optimum: what regions of the data must be charged
near    from the average of the far stage, and point by point: by how much the next best point is worse for noise that comes to this one,
        on the mean. That is the scale on which the mass of a cell answers to its own potential: moved by that much, it gains or loses
        about all of it

Whoever asks for more noise goes on with the far stage for half of it, and starts the near one again from there.

Genevay, Cuturi, Peyre, Bach, "Stochastic optimization for large-scale optimal transport", 2016, algorithm 2, of which this is the
ascent with other steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...inputs.types import Floats
from ...model.problem import Relative
from ..entropic import sinkhorn
from ..solve import too_far_apart
from .noise import Noise
from .targets import Targets

_SHARE = 0.01  # of the mean cost, that the far stage starts with
_FIRST = 4096  # points of the first sample
_BATCH = (256, 4096)  # points of a batch, at least and at most; one for every two targets between
_PILOT_TOL, _PILOT_ITERATIONS = 0.03, 300  # what the ascent starts from may be rough
_FADING = 3.0  # the average weighs the iterate t as ``t ** 3``
_LATE = 3.0  # steps fall as ``(t + 3) ** -0.5``
_MEMORY = 0.9  # what is kept, each time, of how much worse the next best point was


@dataclass(eq=False)
class Stage:
    """Iterates and their average, (k,) each: of steps of a length, one or (k,)."""

    length: Floats | float
    current: Floats
    average: Floats
    steps: int = 0

    def step(self, missed: Floats) -> None:
        """Along how much of its mass each point misses, in proportion."""
        self.steps += 1
        self.current = self.current + self.length / math.sqrt(self.steps + _LATE) * missed
        weight = (_FADING + 1) / (self.steps + _FADING)
        self.average = (1 - weight) * self.average + weight * self.current


@dataclass(eq=False)
class Ascent:
    """An ascent that can go on.

    ``mean_cost`` is that between noise and data that know nothing of each other, ``draws`` how much noise was taken so far, ``gaps`` (k,)
    by how much the next best points are worse.
    """

    targets: Targets
    noise: Noise
    rng: np.random.Generator
    mean_cost: float
    far: Stage
    gaps: Floats
    draws: int
    near: Stage = field(init=False)

    def __post_init__(self) -> None:
        self.near = self.far

    @classmethod
    def begun(cls, targets: Targets, noise: Noise, rng: np.random.Generator, limit: int) -> Ascent:
        """From entropic potentials of a first sample of noise, of ``limit`` draws at most."""
        first = noise.draw(min(_FIRST, limit), rng)
        if not math.isfinite(targets.cost_of(first[:1]).block().max() * len(targets)):
            raise too_far_apart("noise and y")
        pilot = sinkhorn(
            first, targets.points, None, targets.masses, epsilon=Relative(_SHARE), p=targets.p, metric=targets.metric,
            tol=_PILOT_TOL, max_iter=_PILOT_ITERATIONS, throw=False, normalize=True,
        )  # fmt: skip
        g = np.array(pilot.potentials[1])
        _, gaps = targets.rivals(first, g)
        length, gaps = float(pilot.epsilon), np.full(len(targets), gaps.mean())
        return cls(targets, noise, rng, length / _SHARE, Stage(length, g, g), gaps, len(first))

    def advance(self, goal: int, tell: Callable[[int], None]) -> None:
        """Go on until ``goal`` draws were taken, half of the rest in each stage; ``tell`` is told of draws."""
        middle = (self.draws + goal) / 2
        while self.draws < middle:
            self._step(self.far, goal, tell)
        g = self.far.average
        self.near = Stage(2 * self.gaps, g, g)
        while self.draws < goal:
            self._step(self.near, goal, tell)
            self.near.length = 2 * self.gaps

    def _step(self, stage: Stage, goal: int, tell: Callable[[int], None]) -> None:
        """One step of a stage, on a batch of fresh noise, or what is left of it up to ``goal`` draws."""
        masses = self.targets.masses
        size = min(max(len(masses) // 2, _BATCH[0]), _BATCH[1], goal - self.draws)
        x = self.noise.draw(size, self.rng)
        columns, gaps = self.targets.rivals(x, stage.current)
        counts = np.bincount(columns, minlength=len(masses))
        stage.step((masses - counts / size) / np.maximum(masses, 1 / size))
        seen = np.flatnonzero(counts)
        means = np.bincount(columns, gaps, len(masses))[seen] / counts[seen]
        self.gaps[seen] = _MEMORY * self.gaps[seen] + (1 - _MEMORY) * means
        self.draws += size
        tell(self.draws)

    @property
    def potential(self) -> Floats:
        """The average, (k,), of mean 0 over the masses."""
        return self.near.average - self.near.average @ self.targets.masses
