"""Posing many entropic problems between arrays: clouds (B, n, d) and (B, m, d) are checked, and their mean costs taken, all at once.

The first problem is posed as it would be alone, and so all are where the arrays hold anything but numbers far from the ends of the range of
floats: what is wrong with a problem is then told as ever, with its number.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays
from ..inputs.origin import Origin
from ..inputs.types import Floats
from ..model.cost import Metric
from ..model.cost.clouds import CloudCost
from ..model.measure import Measure
from ..model.problem import Problem, Relative
from ..model.units import STEEP
from ..solvers import sinkhorn_held
from .batch_inputs import Side, Sides
from .entropic import accepts_any_totals, entropic_problem
from .small import is_plain

HELD = 2**19  # pairs whose costs are held at once


def entropic_problems(
    sides: Sides, *, epsilon: Any, p: float, metric: Metric, relax: Any, normalize: bool
) -> list[Problem]:
    """What :func:`entropic_problem` makes of each; an error names the first problem at fault.

    Examples
    --------
    >>> import numpy as np
    >>> from otgen.distances import batch_inputs
    >>> x = np.linspace(0, 1, 12).reshape(2, 3, 2)
    >>> sides = batch_inputs.of_points(x, x + 1, None, None)
    >>> one, other = entropic_problems(sides, epsilon=Relative(0.5), p=2, metric="euclidean", relax=None, normalize=False)
    >>> one, one.epsilon == entropic_problem(
    ...     x[0], x[0] + 1, None, None, epsilon=Relative(0.5), p=2, metric="euclidean", relax=None, normalize=False
    ... ).epsilon
    (Problem(3 x 3, points, p=2, epsilon=1.04408), True)
    """
    pose = partial(entropic_problem, epsilon=epsilon, p=p, metric=metric, relax=relax, normalize=normalize)
    one, other = (_Clouds.of(side) for side in sides.between)
    if one is None or other is None or one.points.shape[2] != other.points.shape[2]:
        return sides.each(pose)
    first = sides.each(pose, [0])[0]
    try:
        free = accepts_any_totals(normalize, relax)
        found = _posed_alike(first, one, other, sides.weights, epsilon, free=free)
    except InvalidInput:  # told below, with the number of the problem
        found = None
    return sides.each(pose) if found is None else found


class _Clouds(NamedTuple):
    """One side of B problems: points (B, n, d), float32 or float64, and whether they came as (B, n)."""

    points: Floats
    line: bool

    @classmethod
    def of(cls, side: Side) -> _Clouds | None:
        """Of one array with a cloud for each problem; None of all else."""
        given = side.given
        if side.shared or not (is_plain(given, 2) or is_plain(given, 3)):
            return None
        return cls(given if given.ndim == 3 else given[:, :, None], given.ndim == 2)

    def measures(self, weights: Side, name: str, weights_name: str) -> list[Measure]:
        """The points of each problem with their weights."""
        origin = Origin("numpy", "cpu", self.points.dtype.name)
        return [
            Measure(arrays.Cloud(points, origin, self.line), weights.of(k), name, weights_name)
            for k, points in enumerate(self.points)
        ]


def _posed_alike(
    first: Problem, one: _Clouds, other: _Clouds, weights: tuple[Side, Side], epsilon: Any, *, free: bool
) -> list[Problem] | None:
    """All problems like the first; None where some cost must be rescaled, or where problems are not for stacks.

    Raises `InvalidInput` for bad weights; points that are not finite are left too.
    """
    cost = first.cost
    if cost.entry is None or not cost.entry.by_differences or cost.p > STEEP or not sinkhorn_held.suits(cost):
        return None
    x, y = (side.points.astype(np.float64, copy=False) for side in (one, other))
    stack = cost.clouds.between(x, y)
    if not stack.plain:
        return None
    sources, targets = one.measures(weights[0], "x", "a"), other.measures(weights[1], "y", "b")
    for source, target in zip(sources, targets):
        origins = source.weights_origin, target.weights_origin
        arrays.same_mass(source.mass, target.mass, origins, ("a", "b"), normalize=free)
    if isinstance(epsilon, Relative):
        strengths = epsilon.of(_mean_costs(stack, sources, targets)).tolist()
    else:
        strengths = [first.epsilon] * len(x)
    between, relax, normalized = cost.clouds.between, first.relax, first.normalized
    return [
        Problem(source, target, between(*pair), strength, relax=relax, normalized=normalized)
        for source, target, pair, strength in zip(sources, targets, zip(x, y), strengths)
    ]


def _mean_costs(stack: CloudCost, sources: list[Measure], targets: list[Measure]) -> Floats:
    """``sum_ij a_i b_j c_ij`` of each problem, in the order of summation that it has alone: (B,)."""
    out = np.empty(len(sources))
    step = max(1, HELD // (len(sources[0]) * len(targets[0])))
    for start in range(0, len(out), step):
        some = slice(start, start + step)
        a, b = (np.array([side.probabilities for side in measures[some]]) for measures in (sources, targets))
        sums = stack.between(stack.x[some], stack.y[some]).sums(b)
        out[some] = np.matmul(a[:, None, :], sums[:, :, None])[:, 0, 0]
    return out
