"""A lower bound of W_1 between two laws that holds at a stated confidence, from a bounded function that is 1-Lipschitz for certain.

For every f with ``|f(a) - f(b)| <= |a - b|`` there is ``E f(x) - E f(y) <= W_1``, and f cut off at two values is such a function as well. Cut
off where training samples end, it is bounded, whatever the laws: its held-out means can be bounded for every number of samples, with no
assumption on the laws' tails, only that samples are independent draws.

The functions that are tried: the critic itself over the bound of its Lipschitz constant, and minima, and maxima, of cones and planes
(:class:`otgen.nn.critics.Cones`), trained and as they start. Training samples choose among them, so that held-out ones are used once.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from ...distances.deviations import betting
from ...inputs.types import Floats
from .kinds import Cones
from .networks import InUnits, Pieces, Witness
from .training import Course, Sampler, fresh, train, values

CONFIDENCE = 0.99
_MOST, _LARGE = 800, 512  # steps, and samples in them, at most
_RACE, _SMALL = 250, 256  # after which minima or maxima are chosen: after 60 steps both look alike in 16 dimensions
_ROUNDING = 1e-9  # of a range: double precision is off by far less
_PROVER = Cones()


@dataclass(frozen=True)
class Sides:
    """Ways to draw training samples of x and y, and samples of either that choose among functions; ``apart``: nothing was trained on these."""

    draw_x: Sampler
    draw_y: Sampler
    x: Tensor
    y: Tensor
    apart: bool

    def turned(self) -> Sides:
        """The other way round."""
        return Sides(self.draw_y, self.draw_x, self.y, self.x, self.apart)


def find_witness(own: InUnits, sides: Sides, generator: Generator, course: Course | None) -> Witness:
    """The best function that the training samples show, cut off where its values at them end.

    ``own`` is the critic that was fitted. ``course`` says how long cones may be trained; without one they are not tried.
    """
    candidates = [Witness(own, 1.0)]
    if course is not None:
        candidates += _cones(sides, generator, course)
    best = max(candidates, key=lambda one: _gain(one, sides))
    seen = values(best, torch.cat([sides.x, sides.y]))
    if np.isfinite(seen).all():
        best.low, best.high = float(seen.min()), float(seen.max())
    return best


def _cones(sides: Sides, generator: Generator, course: Course) -> list[Witness]:
    """Minima and maxima of cones and planes, trained for a while; the better ones then to the end.

    And both as they start, distances to the nearest of some training samples: the best there is where a law is one point, and in many dimensions far better than
    cones that were moved. Samples on which they were made would flatter them.
    """
    began, runners, starts = time.perf_counter(), list[tuple[InUnits, Sides, float]](), list[Witness]()
    race = Course(min(_RACE, course.steps), min(_SMALL, course.batch_size), course.limit / 4, progress=False)
    for way, sign in ((sides, 1.0), (sides.turned(), -1.0)):
        size = max(course.batch_size, _PROVER.held)
        network = fresh(_PROVER, way.draw_x(size), way.draw_y(size), generator)
        if sides.apart:
            starts.append(_distances(network, sign))
        train(network, _PROVER, way.draw_x, way.draw_y, generator, race)
        runners.append((network, way, sign))
    network, way, sign = max(runners, key=lambda one: _gain(Witness(one[0], one[2]), sides))
    left = max(course.limit - (time.perf_counter() - began), 0.0)
    rest = Course(min(course.steps, _MOST), min(_LARGE, course.batch_size), left, progress=False)
    train(network, _PROVER, way.draw_x, way.draw_y, generator, rest)
    return [Witness(network, sign), *starts]


def _distances(network: InUnits, sign: float) -> Witness:
    """Cones as they start, without planes."""
    one = Witness(network, sign)
    own = one.network.network
    assert isinstance(own, Pieces)
    with torch.no_grad():
        own.heights[len(own.centres) :] = math.inf
    return one


def _gain(one: Witness, sides: Sides) -> float:
    gain = float(values(one, sides.x).mean() - values(one, sides.y).mean())
    return gain if math.isfinite(gain) else -math.inf


def proven(one: Witness, f: Floats, g: Floats) -> float:
    """What values f (n,) and g (m,) of a witness at held-out samples of x and y prove about the W_1 of the laws, 0 at least.

    Each value of the smaller sample has a mean of equally many of the larger one beside it, so that both errors are one.
    """
    width = one.high - one.low
    if not (math.isfinite(width) and np.isfinite(f).all() and np.isfinite(g).all()):
        return 0.0
    size = min(len(f), len(g))
    if size < 2:
        return 0.0
    x, y = (z[: len(z) // size * size].reshape(size, -1).mean(axis=1) for z in (f, g))
    return max(0.0, betting(x - y, -width, width, 1 - CONFIDENCE) - _ROUNDING * (width + abs(one.low) + abs(one.high)))
