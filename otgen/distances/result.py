"""What comes back: a value, its proven interval, and how it was found."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from ..errors import InvalidInput
from ..inputs import numerals, scalars
from ..model.status import Status
from .gradients import Gradients


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A transport value with its proof.

    ``value`` is the distance (or the cost, see the function that returned this), ``lower <= truth <= upper`` a proven
    interval for it; ``cost``, ``cost_lower``, ``cost_upper`` the same before the root is taken. Bounds that do not
    exist are None. ``plan`` is an operator, ``potentials`` a pair of arrays; these and gradients are made when asked for, from the
    arrays that were given: change those in place only when nothing more is asked. ``unit`` is what distances are counted in where points
    are ``datetime64`` or ``timedelta64``: ``"ns"``, ``"D"`` and so on, the finer of the two clouds' units; else None.

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
    unit: str | None = None
    make_plan: Callable[[], Any] | None = field(default=None)
    make_potentials: Callable[[], Any] | None = field(default=None)
    make_gradients: Callable[[], Gradients] | None = field(default=None)
    make_vjp: Callable[..., Gradients] | None = field(default=None)
    make_proof: Callable[..., None] | None = field(default=None)

    @cached_property
    def plan(self) -> Any:
        """The transport plan, of the total mass ``mass``'s share 1, as an operator; None where there is none."""
        return None if self.make_plan is None else self.make_plan()

    @cached_property
    def potentials(self) -> Any:
        """The pair (f, g), (n,) and (m,), in cost units and in the caller's array library; None where there is none."""
        return None if self.make_potentials is None else self.make_potentials()

    def gradients(self, of: str | None = None) -> Gradients:
        """Derivatives in the points and the weights: of an exact cost or distance, or of an entropic value or divergence.

        Parameters
        ----------
        of : {"cost", "value"}, optional
            What to differentiate: the cost unless said otherwise, for entropic results the value. The gradient of a
            distance is taken to be 0 where the distance is 0.

        Returns
        -------
        Gradients
            ``x`` and ``y`` of the shapes of the points, (n, d) or (n,), ``a`` (n,), ``b`` (m,). In the points a supergradient, the gradient where the optimal
            plan is unique; in the weights a subgradient, up to a constant. Entropic values are differentiable, and
            ``residual`` says how far from the optimum the gradient was taken.

        Raises
        ------
        InvalidInput
            For results that are sliced or of p = inf, for callable metrics, and for the cost of an entropic plan.
        """
        if self.make_gradients is None:
            raise InvalidInput(
                f"result must be of transport with finite p, and have a plan, to have gradients; received one of {self.solver}; "
                f"call otgen.wasserstein or otgen.sinkhorn"
            )
        if self.epsilon:
            scalars.one_of("value" if of is None else of, "of", ("value",))
            return self.make_gradients()
        assert self.cost is not None
        of = scalars.one_of("cost" if of is None else of, "of", ("cost", "value"))
        gradients = self.make_gradients()
        if of == "cost" or self.value == self.cost:
            return gradients
        return gradients.times(self.value / (self.p * self.cost) if self.cost > 0 else 0.0)

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
        if self.make_vjp is None:
            raise InvalidInput(
                f"result must be of one entropic problem to have a vjp; received one of {self.solver}; call otgen.sinkhorn"
            )
        return self.make_vjp(f, g, plan)

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

        Examples
        --------
        >>> import otgen, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.npz"
        >>> otgen.wasserstein([0.0, 1.0], [2.0, 3.0]).save_proof(path)
        >>> otgen.load_proof(path).kind
        'dual'
        """
        if self.make_proof is None:
            raise InvalidInput(
                f"result must be of one transport problem to have a proof file; received one of {self.solver}; save the proofs of its parts"
            )
        self.make_proof(path, embed=embed)

    @property
    def gap(self) -> float | None:
        """Width of the proven interval for the cost (for the value where the cost has none); None without bounds."""
        low, high = (self.lower, self.upper) if self.cost_lower is None else (self.cost_lower, self.cost_upper)
        return None if low is None or high is None else high - low

    def __bool__(self) -> NoReturn:
        raise TypeError("a Result is neither true nor false; compare result.value, or ask result.status")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise InvalidInput(
            "a Result must not be made an array; received one; use result.value, or numpy.asarray(result.plan)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but plan and potentials, as plain Python values that json can write."""
        out = {
            "value": self.value,
            "lower": self.lower,
            "upper": self.upper,
            "cost": self.cost,
            "cost_lower": self.cost_lower,
            "cost_upper": self.cost_upper,
            "gap": self.gap,
            "status": self.status.name,
            "certificate": self.certificate,
            "solver": self.solver,
            "iterations": self.iterations,
            "marginal_error": self.marginal_error,
            "mass": self.mass,
            "p": self.p,
            "epsilon": self.epsilon,
            "unit": self.unit,
            "exact_bounds": self.exact_bounds and list(self.exact_bounds),
            "standard_error": self.standard_error,
            "seconds": self.seconds,
        }
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in out.items()
        }

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("value", numerals.within(self.value, self.lower, self.upper))]
        if self.lower is not None and self.upper is not None:
            rows.append(("proven within", numerals.interval(self.lower, self.upper)))
        if self.standard_error is not None:
            rows.append(("standard error", f"{self.standard_error:.2g}"))
        if self.exact_bounds is not None:
            rows.append(("exact cost within", numerals.interval(*self.exact_bounds)))
        if self.lower is not None and self.upper is not None:
            rows.append(("gap", numerals.width(self.lower, self.upper, self.certificate)))
        if self.unit is not None:
            rows.append(("unit", f"distances in {self.unit}"))
        rows.append(("status", self.status.name + (f": {self.status.remedy}" if self.status.remedy else "")))
        iterations = f", {self.iterations} iterations" if self.iterations else ""
        rows.append(("solver", f"{self.solver}{iterations}, {self.seconds:.3g} s"))
        return rows

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "Result\n" + "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return f"<table><caption>otgen.Result</caption>{cells}</table>"
