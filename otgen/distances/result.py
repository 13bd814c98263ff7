"""What comes back: a value, its proven interval, and how it was found."""

from __future__ import annotations

import math
import numbers
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from ..errors import InvalidInput
from ..inputs import numerals, scalars
from ..model.plan import Plan
from ..model.status import Status
from ..underflow import may_underflow
from .gradients import Gradients
from .makers import NOTHING, Makers
from .result_rows import as_table, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .splits import PermutationNull

TOLD = (  # by to_dict, in this order
    "value",
    "lower",
    "upper",
    "gap",
    "cost",
    "cost_lower",
    "cost_upper",
    "status",
    "certificate",
    "solver",
    "iterations",
    "marginal_error",
    "mass",
    "p",
    "epsilon",
    "unit",
    "of_samples",
    "exact_bounds",
    "standard_error",
    "seconds",
)


def json_value(value: Any) -> Any:
    """A number, word, pair or status as json has it; None for what is no finite number."""
    if isinstance(value, Status):
        return value.name
    if isinstance(value, tuple):
        return [json_value(part) for part in cast(tuple[Any, ...], value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A transport value with its proof.

    Plan, potentials and gradients are made when they are asked for, from the arrays that were given: change those in place only when
    nothing more is asked. ``makers`` are how; they are no part of what is promised.

    Attributes
    ----------
    value : float
        The distance for points, the cost where the function that returned this says so.
    lower, upper : float or None
        The proven interval, ``lower <= truth <= upper``; None where nothing is proven.
    cost, cost_lower, cost_upper : float or None
        The same before the root is taken; None for p = inf and where there is no single cost.
    status : Status
        How the solve ended; ``status.remedy`` says what to do about it.
    certificate : str or None
        The argument that proves the interval: ``"dual"``, ``"monotone"``, ``"cut"`` or ``"entropic"``, of max-sliced
        distances ``"branch and bound"`` or ``"couplings"``; None for estimates.
    solver : str
        What solved it; "in whole numbers" where floats left the interval of few points too wide for OPTIMAL, and whole numbers of any size narrowed it.
    iterations : int
        Pivots, sweeps or halvings of that solver, or paths where few points of one mass are assigned to each other; 0 where it has none.
    marginal_error : float or None
        The larger L1 error of the plan's two marginals, relative to the mass; None without a plan.
    mass : float
        What is moved in all: the total of the weights as received, 1 where there are none or both were normalised; in partial transport the
        part that moves, and under ``relax`` the source's total, whatever of it moves. It multiplies the cost of ``transport``, no distance.
    seconds : float
        Wall-clock time, proof included.
    p : float
        The order; 1 for a cost matrix.
    epsilon : float
        Strength of the entropic term, in cost units; 0 for exact transport.
    exact_bounds : (float, float) or None
        Of entropic results: a proven interval for the cost without the entropic term.
    standard_error : float or None
        Of sliced distances: how far the average over random directions may be off.
    direction : ndarray or None
        (d,), of max-sliced distances: the unit vector along which the clouds lie ``value`` apart.
    unit : str or None
        What distances are counted in where points are ``datetime64`` or ``timedelta64``: ``"ns"``, ``"D"`` and so on, the finer of the two
        clouds' units.
    of_samples : bool
        Whether points were compared. Then all of this is of these points, and the interval says nothing of laws that they may be drawn
        from: :meth:`chance` does, and :doc:`/samples-and-laws` has the rest. A cost matrix has no samples.

    Examples
    --------
    >>> import otgen
    >>> result = otgen.wasserstein([0.0, 1.0], [1.0, 2.0], p=1)
    >>> result.value
    1.0
    >>> result.lower <= 1.0 <= result.upper
    True
    """

    value: float
    lower: float | None
    upper: float | None
    cost: float | None
    cost_lower: float | None
    cost_upper: float | None
    status: Status
    certificate: str | None
    solver: str
    iterations: int
    marginal_error: float | None
    mass: float
    seconds: float
    p: float = 1.0
    epsilon: float = 0.0
    exact_bounds: tuple[float, float] | None = None
    standard_error: float | None = None
    direction: Any = None
    unit: str | None = None
    of_samples: bool = False
    makers: Makers = NOTHING

    @cached_property
    def plan(self) -> Plan | Any:  # Any, so that nobody must rule out None where he knows that there is a plan
        """The transport plan as an operator, of total 1, whatever ``mass`` is; under ``relax`` in the units of the weights. None where there is none."""
        return None if self.makers.plan is None else self.makers.plan()

    @cached_property
    def potentials(self) -> tuple[Any, Any] | Any:
        """The pair (f, g), (n,) and (m,), in cost units and in the caller's array library; None where there is none.

        Of an infeasible problem what proves that no plan exists: ``f_i + g_j <= 0`` for every allowed pair, and yet ``a.f + b.g > 0``.
        """
        return None if self.makers.potentials is None else self.makers.potentials()

    @cached_property
    def unmatched(self) -> tuple[Any, Any] | Any:
        """Of partial transport: the masses that stay on either side, (n,) and (m,), in the units of the weights; None for all else."""
        return None if self.makers.unmatched is None else self.makers.unmatched()

    def gradients(self, of: Literal["cost", "value"] | None = None) -> Gradients:
        """Derivatives in the points and the weights: of an exact cost or distance, or of an entropic value or divergence.

        Parameters
        ----------
        of : {"cost", "value"}, optional
            What to differentiate: the cost unless said otherwise, for entropic results the value. The gradient of a
            distance is taken to be 0 where the distance is 0.

        Returns
        -------
        Gradients
            ``x`` and ``y`` of the shapes of the points, (n, d) or (n,), ``a`` (n,), ``b`` (m,). In the points the slope of what this plan costs, which is never
            less than the least cost: the gradient where the optimal plan is unique. Of pairs at a kink of the metric (at one place with
            p = 1) 0 is taken. In the weights a subgradient, up to a constant. Entropic values are differentiable, and ``residual`` says how
            far from the optimum the gradient was taken.

        Raises
        ------
        InvalidInput
            For results that are sliced or of p = inf, for callable metrics, and for the cost of an entropic plan.

        Examples
        --------
        >>> import otgen
        >>> result = otgen.wasserstein([[0.0, 0.0]], [[3.0, 4.0]])
        >>> result.gradients().x, result.gradients(of="value").x.round(12)
        (array([[-6., -8.]]), array([[-0.6, -0.8]]))
        """
        if self.makers.gradients is None:
            raise InvalidInput(
                f"result must be of transport with finite p, and have a plan, to have gradients; received one of {self.solver}; "
                f"call otgen.wasserstein or otgen.sinkhorn"
            )
        if self.epsilon:
            scalars.one_of("value" if of is None else of, "of", ("value",))
            return self.makers.gradients()
        return self.makers.gradients(scalars.one_of("cost" if of is None else of, "of", ("cost", "value")))

    def vjp(self, f: Any = None, g: Any = None, plan: tuple[Any, Any] | None = None) -> Gradients:
        """Vector-Jacobian products: the derivatives of a loss that is made of the entropic potentials or of the plan.

        By implicit differentiation at the optimum; nothing is unrolled.

        Parameters
        ----------
        f, g : array_like, optional
            (n,) and (m,), the loss's derivatives in ``potentials``; None means 0. Where both marginals are met, potentials are
            known up to a constant, and those with ``a.f = b.g`` are taken.
        plan : (array_like, array_like), optional
            (n, k) and (m, k), U and V: the loss's derivative in the plan is ``U V'``. For a loss of ``plan @ V``, such as barycentric
            projections, U is its derivative in that product.

        Returns
        -------
        Gradients
            ``x``, ``y`` of the shapes of the points, or ``C`` for a cost matrix, and ``a``, ``b``; ``residual`` is the marginal error, or the relative
            residual of the linear system where that is larger.

        Raises
        ------
        InvalidInput
            For results that are not entropic, divergences, and arrays of other shapes.

        Examples
        --------
        >>> import numpy as np, otgen
        >>> x, y = np.array([0.0, 1.0]), np.array([0.0, 3.0])
        >>> result = otgen.sinkhorn(x, y, epsilon=0.5, tol=1e-12)
        >>> result.vjp(plan=(np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]]))).x.round(3)
        array([ 0.007, -0.007])

        References
        ----------
        Luise et al., "Differential properties of Sinkhorn approximation for learning with Wasserstein distance", 2018.
        """
        if self.makers.vjp is None:
            raise InvalidInput(
                f"result must be of one entropic problem to have a vjp; received one of {self.solver}; call otgen.sinkhorn"
            )
        return self.makers.vjp(f, g, plan)

    def save_proof(self, path: str | os.PathLike[str], *, embed: bool = True) -> None:
        """Write a proof file, which anybody can check: ``otgen.load_proof(path).verify()``, ``otgen verify``, or the standard library alone.

        Parameters
        ----------
        path : path-like
            Where to; conventionally ``*.npz``. Written beside and renamed.
        embed : bool
            Whether the problem goes into the file; else only its digest, and whoever verifies must bring the problem.

        Raises
        ------
        InvalidInput
            For divergences and sliced distances, which have no single proof, and for callable metrics.

        Notes
        -----
        The file proves its interval in the units of the cost, as the independent checker repeats it. Where this result was proven
        otherwise, its own interval is the narrower one: between equal clouds, [0, 0] here, and at orders p so high that powers of the
        distances travelled vanish beside those of others. Read ``lower`` and ``upper`` of the loaded proof.

        Examples
        --------
        >>> import otgen, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.npz"
        >>> otgen.wasserstein([0.0, 1.0], [2.0, 3.0]).save_proof(path)
        >>> otgen.load_proof(path).kind
        'dual'
        """
        if self.makers.proof is None:
            raise InvalidInput(
                f"result must be of one transport problem to have a proof file; received one of {self.solver}; save the proofs of its parts"
            )
        self.makers.proof(path, embed=embed)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the plan.

        In the plane the points, with areas as their masses, and a line for each pair between which mass moves; of points with more
        coordinates the two principal axes of both clouds together. On the line both quantile functions, which the plan pairs level by
        level, or for other plans than the monotone one the positions of the pairs. Of a cost matrix the shares of the mass as colours.
        What a picture sums up or leaves out (of more than 2000 pairs the lighter ones) is said above it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure unless given.

        Returns
        -------
        matplotlib.axes.Axes
            The axes, for titles and limits of your own; ``.figure.savefig(path)`` writes them.

        Raises
        ------
        MissingExtra
            Where matplotlib is not installed.
        InvalidInput
            For results without a plan: sliced and infeasible ones.

        Examples
        --------
        >>> import otgen
        >>> axes = otgen.wasserstein([[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]]).plot()
        >>> axes.get_title(loc="left")
        'value 1'
        """
        if self.makers.plot is None:
            raise InvalidInput(
                f"result must have a plan to be plotted; received one of {self.solver} without; plot what otgen.wasserstein, "
                f"otgen.sinkhorn or otgen.transport returns"
            )
        unit = "" if self.unit is None else f" {self.unit}"
        return self.makers.plot(f"value {self.value:.6g}{unit}", ax)

    def chance(self, n_permutations: int = 19, rng: Any = None) -> PermutationNull:
        """What chance alone gives: the distance between random splits of the pooled samples, beside this one.

        As :func:`otgen.permutation_null` does it, for the samples, weights and options that this result is of.

        Parameters
        ----------
        n_permutations : int
            How many splits; the time is that of as many distances. 19 is the least that can tell anything at a level of 1 in 20.
        rng : int, Generator, optional
            Seed or generator (SPEC 7).

        Returns
        -------
        PermutationNull
            ``values`` (k,), ``observed``, ``p_value``, and a ``verdict`` in words.

        Raises
        ------
        InvalidInput
            For results of a cost matrix, which has no samples, and of relaxed marginals, whose sets have no one mass.
        NotConverged
            As the function that made the result does; with ``throw=False`` there, the intervals reached count.

        Examples
        --------
        >>> import numpy as np, otgen
        >>> x, y = np.random.default_rng(0).normal(size=(2, 91, 64))  # samples of one law
        >>> result = otgen.wasserstein(x, y)
        >>> bool(result.lower > 9), result.chance(rng=0).p_value > 0.05
        (True, True)
        """
        if self.makers.null is None:
            raise InvalidInput(
                f"result must be of two sets of samples, neither marginal relaxed, to be compared with random splits of them; received one "
                f"of {self.solver} that is not; call otgen.wasserstein, otgen.sinkhorn or their likes, or otgen.permutation_null"
            )
        return self.makers.null(self, scalars.count(n_permutations, "n_permutations"), rng)

    @property
    def gap(self) -> float | None:
        """Width of the proven interval for the value, ``upper - lower``; 0 where both are infinite, None without bounds."""
        if self.lower is None or self.upper is None:
            return None
        return 0.0 if self.lower == self.upper else self.upper - self.lower

    __array_ufunc__ = None  # numpy's numbers leave comparisons to what follows

    def __float__(self) -> float:
        """The value, for which a result stands where it is compared with numbers and other results, too.

        What is proven is ``result.upper < 3``, not ``result < 3``.

        Examples
        --------
        >>> import otgen
        >>> result = otgen.wasserstein([0.0, 1.0], [1.0, 2.0], p=1)
        >>> float(result), result < 2, max(result, 0) == 1
        (1.0, True, True)
        """
        return float(self.value)

    def __format__(self, spec: str) -> str:
        """The value by a float's format; all that is known without one: ``f"{result:.3f}"``, ``f"{result}"``."""
        return format(float(self), spec) if spec else str(self)

    def _other(self, other: object) -> Any:
        """What a result is compared with: a number, or another result's value; None where it is neither."""
        return other.value if isinstance(other, Result) else other if isinstance(other, numbers.Real) else None

    def __lt__(self, other: Any) -> bool:
        return NotImplemented if (number := self._other(other)) is None else self.value < number

    def __le__(self, other: Any) -> bool:
        return NotImplemented if (number := self._other(other)) is None else self.value <= number

    def __gt__(self, other: Any) -> bool:
        return NotImplemented if (number := self._other(other)) is None else self.value > number

    def __ge__(self, other: Any) -> bool:
        return NotImplemented if (number := self._other(other)) is None else self.value >= number

    def __eq__(self, other: object) -> bool:
        return NotImplemented if (number := self._other(other)) is None else self.value == number

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> NoReturn:
        raise TypeError("a Result is neither true nor false; compare result.value, or ask result.status")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise InvalidInput(
            "a Result must not be made an array; received one; use result.value, or numpy.asarray(result.plan)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but plan, potentials and direction, as plain Python values that json can write and read; None where there is no finite number.

        Of ``p = inf``, the word ``"inf"``, which `float` reads.
        """
        return {name: json_value(getattr(self, name)) for name in TOLD} | ({"p": "inf"} if math.isinf(self.p) else {})

    def __repr__(self) -> str:
        return numerals.in_rows("Result", rows_of(self))

    def _repr_html_(self) -> str:
        return as_table("otgen.Result", rows_of(self))
