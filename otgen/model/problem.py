"""What is to be solved; nothing about how."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes, tables
from ..inputs.types import Floats
from ..kernels import gpu
from ..kernels.outward import LEAST
from .cost import Cost, MatrixCost, Metric, SparseCost, origin_matters, point_cost
from .marginals import Marginals
from .measure import Measure
from .plan import MonotonePlan
from .units import STEEP

FEW = 2**12  # pairs of problems that are proven in whole numbers of any size, where floats do not tell


@dataclass(frozen=True)
class Relative:
    """An epsilon given as a multiple of the mean cost ``sum a_i b_j c_ij``; the result tells what it came to.

    Parameters
    ----------
    fraction : float
        Positive: 0.05 is 5 % of the mean cost.

    Examples
    --------
    >>> Relative(0.05)
    Relative(fraction=0.05)
    """

    fraction: float

    def __post_init__(self) -> None:
        hint = "use a positive multiple of the mean cost, such as 0.05"
        object.__setattr__(self, "fraction", scalars.positive(self.fraction, "fraction", hint))

    def of(self, mean_cost: Any) -> Any:
        """What it comes to for mean costs, one or many; where these are 0 any strength will do, and the fraction itself is taken."""
        means = arrays.numbers(mean_cost, "mean_cost")[0]
        with np.errstate(over="ignore"):
            return self.fraction * np.where(means > 0, means, 1.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """``min <P, C> + epsilon KL(P, a (x) b)`` over the couplings P of source and target.

    Parameters
    ----------
    source, target : Measure
        n and m points, or numbers of points.
    cost : Cost
        Of shape (n, m).
    epsilon : float
        Strength of the entropic term, in cost units; 0 is plain transport.
    symmetric : bool
        Whether source and target are the same measure, in the same order: entropic solvers then keep f = g.
    relax : (float, float)
        Strengths ``rho`` of ``rho KL(P 1, a)`` and ``rho KL(P' 1, b)`` in place of the constraints, in cost units; inf keeps one.
    as_received : bool
        Whether weights count as received; else both sides are divided by their sums. Always so where relaxed.
    normalized : bool
        Whether totals do not count at all: the mass that is moved is then 1.
    unit : str, optional
        What distances are counted in, where points are moments or durations: ``"ns"``, ``"D"``.

    Examples
    --------
    >>> problem = Problem.from_points([0.0, 1.0], [2.0, 3.0], p=1)
    >>> problem.shape, problem.on_line
    ((2, 2), True)
    """

    source: Measure
    target: Measure
    cost: Cost
    epsilon: float = 0.0
    symmetric: bool = False
    relax: tuple[float, float] = (math.inf, math.inf)
    as_received: bool = False
    normalized: bool = False
    unit: str | None = None

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            scalars.instance(
                getattr(self, name), Measure, name, "an otgen.Measure", "make one of points or of their number"
            )
        scalars.instance(
            self.cost, Cost, "cost", "a cost", "take that of a problem by Problem.from_points or from_matrix"
        )
        for name in ("symmetric", "as_received", "normalized"):
            scalars.flag(getattr(self, name), name)
        object.__setattr__(self, "relax", scalars.relaxation(self.relax))
        epsilon = scalars.real(self.epsilon, "epsilon")
        if not 0 <= epsilon < math.inf:
            raise InvalidInput(
                f"epsilon must be at least 0 and finite; received {scalars.told(self.epsilon)}; pass 0 for exact transport"
            )
        if epsilon and math.isinf(self.cost.p):
            raise InvalidInput(f"epsilon must be 0 for p = inf; received {epsilon:g}; use a finite p")
        if self.relaxed and not epsilon:
            raise InvalidInput(
                "relax must stand beside epsilon > 0: only entropic transport can be relaxed; received epsilon = 0; pass an epsilon"
            )
        if self.cost.shape != (len(self.source), len(self.target)):
            raise InvalidInput(
                f"cost must have shape {(len(self.source), len(self.target))}, one row per source and one column per "
                f"target; received {self.cost.shape}; transpose it, or pass measures of its sizes"
            )

    @classmethod
    def from_points(
        cls,
        x: Any,
        y: Any,
        a: Any = None,
        b: Any = None,
        *,
        p: float = 2,
        metric: Metric = "euclidean",
        epsilon: float = 0.0,
        normalize: bool = False,
        allow_gpu: bool = True,
    ) -> Problem:
        """A problem between two clouds, (n, d) and (m, d); see :func:`otgen.wasserstein` for the arguments and errors.

        ``allow_gpu`` says whether they may live on a GPU.
        """
        p = scalars.order(p)
        tables.same_columns(x, y)
        for cloud, weights, told in ((x, a, "xa"), (y, b, "yb")):
            tables.weighed_rows(cloud, weights, (told[0], told[1]))
        sizes.of_clouds(x, y, a, b)
        one, other, unit = arrays.clouds(x, y, allow_gpu=allow_gpu, fixed=origin_matters(metric))
        source, target = (
            Measure(one, a, "x", "a", allow_gpu=allow_gpu),
            Measure(other, b, "y", "b", allow_gpu=allow_gpu),
        )
        _same_home(source, target)
        origins = (source.weights_origin, target.weights_origin)
        arrays.same_mass(source.mass, target.mass, origins, ("a", "b"), normalize=normalize)
        cost = point_cost(source.float64(), target.float64(), metric, p)
        out = cls(source, target, cost, epsilon, normalized=normalize, unit=unit)
        if not out.on_line:
            scalars.moderate_order(p)
        return of_shares(out)._placed(x, y)

    @classmethod
    def from_matrix(
        cls, C: Any, a: Any = None, b: Any = None, *, epsilon: float = 0.0, normalize: bool = False
    ) -> Problem:
        """A problem with a listed cost, dense or sparse; see :func:`otgen.transport` for the arguments and errors."""
        tables.same_names({"the rows of C": tables.row_names(C), "a": tables.row_names(a)})
        tables.same_names({"the columns of C": tables.column_names(C), "b": tables.row_names(b)})
        sizes.of_costs(C, a, b)
        matrix, origin = arrays.cost_matrix(C)
        cost = MatrixCost(matrix) if origin.library != "numpy" or not hasattr(matrix, "indptr") else SparseCost(matrix)
        n, m = cost.shape
        source, target = Measure(n, a, "rows of C", "a"), Measure(m, b, "columns of C", "b")
        for side in (source, target):
            object.__setattr__(side, "origin", origin)
        origins = (source.weights_origin, target.weights_origin)
        arrays.same_mass(source.mass, target.mass, origins, ("a", "b"), normalize=normalize)
        return of_shares(cls(source, target, cost, epsilon, normalized=normalize))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of sources and targets, ``(n, m)``."""
        return self.cost.shape

    def _placed(self, x: Any, y: Any) -> Problem:
        """The same problem with its pairs computed where the clouds live, from copies of them that stay there."""
        origins = self.source.origin, self.target.origin
        device = origins[0].device
        moved = self.on(device)
        if device == "cpu" or any(origin.dtype not in ("float32", "float64") for origin in origins):
            return moved
        return replace(moved, cost=self.cost.on(device, (gpu.copied(x, device), gpu.copied(y, device))))

    def on(self, device: str) -> Problem:
        """The same problem with its pairs computed on a device, ``"cpu"`` or ``"cuda:0"`` and the like."""
        device = "cuda:0" if scalars.text(device, "device", "pass 'cpu' or 'cuda:0'") == "cuda" else device
        return self if device == self.cost.device else replace(self, cost=self.cost.on(device))

    def own(self) -> tuple[Problem, Problem]:
        """Each of the two clouds against itself, under the same metric, in the same unit."""
        one, other = self.cost.clouds.own()
        source, target = self.source, self.target
        return Problem(source, source, one, unit=self.unit), Problem(target, target, other, unit=self.unit)

    @property
    def relaxed(self) -> bool:
        """Whether a marginal may be missed at a price."""
        return min(self.relax) < math.inf

    @property
    def marginals(self) -> Marginals:
        """What a plan's marginals must be."""
        return Marginals(*self.masses, self.relax)

    @property
    def masses(self) -> tuple[Floats, Floats]:
        """What the two sides carry, (n,) and (m,): probabilities, or the weights as received where the problem is relaxed."""
        sides = self.source, self.target
        raw = self.relaxed or self.as_received
        one, other = (np.asarray(z.weights if raw else z.probabilities, np.float64) for z in sides)
        return one, other

    @property
    def mass(self) -> float:
        """The total mass that is moved: that of the source, or of the target where only its weights were given; 1 where normalised."""
        if self.normalized:
            return 1.0
        return self.source.mass if self.source.weights_origin is not None else self.target.mass

    @property
    def p(self) -> float:
        """The cost is the p-th power of a distance; 1 for a cost matrix."""
        return self.cost.p

    @property
    def on_line(self) -> bool:
        """Whether the points lie on a line and the cost is convex in their difference."""
        return self.cost.line_power is not None and self.source.dim == 1

    @property
    def on_circle(self) -> bool:
        """Whether the points lie on a circle and the cost is a power of the distance along it."""
        return self.cost.period is not None

    @property
    def line_power(self) -> float:
        """On the line the cost is ``|x - y|`` to this power, whatever the metric is called."""
        power = self.cost.line_power
        return self.p if power is None else power

    @property
    def bottleneck(self) -> bool:
        """Whether p is infinite: the largest distance counts, not the sum."""
        return math.isinf(self.p)

    @cached_property
    def monotone(self) -> MonotonePlan:
        """The coupling of both clouds in order, for points on the line."""
        clouds = self.cost.clouds
        return MonotonePlan.between(clouds.x[:, 0], clouds.y[:, 0], self.source, self.target)

    def __repr__(self) -> str:
        n, m = self.shape
        strength = f", epsilon={self.epsilon:g}" if self.epsilon else ""
        return f"Problem({n} x {m}, {self.cost.called}, p={self.p:g}{strength})"


def of_shares(problem: Problem) -> Problem:
    """The same problem; raises `InvalidInput` where a weight's share of its total is no float and may matter all the same: at high orders beyond the line.

    Of few points whole numbers tell.
    """
    steep = STEEP < problem.p < math.inf and not problem.epsilon
    if steep and not problem.on_line and math.prod(problem.shape) > FEW:
        for side in (problem.source, problem.target):
            _refuse_vanishing(side)
    return problem


def _refuse_vanishing(side: Measure) -> None:
    """Raise `InvalidInput` where a weight is so small beside the total that its share is 0."""
    vanishing = (side.weights > 0) & (side.probabilities == 0)
    if vanishing.any():
        at = int(vanishing.argmax())
        raise InvalidInput(
            f"{side.weights_name} must be 0, or have a share of the total that is a float, at least {LEAST:.2g}, for p > {STEEP} and more than {FEW} pairs; received "
            f"{side.weights[at]:g} at index {at} beside a total of {side.mass:g}; pass 0 there, or a larger weight"
        )


def _same_home(source: Measure, target: Measure) -> None:
    x, y = source.origin, target.origin
    if x.device != y.device or (x.library != y.library and "numpy" not in (x.library, y.library)):
        raise InvalidInput(
            f"x and y must live in one library on one device; received {x.library} on {x.device} and "
            f"{y.library} on {y.device}; move one of them"
        )
