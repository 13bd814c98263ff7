"""The other side of a comparison: textbook computations that share nothing with the solvers they judge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
import scipy.sparse
import scipy.special
import scipy.stats

from ...inputs.types import Floats

Function = Callable[[float], float]
stats: Any = scipy.stats  # its stubs take continuous laws for discrete ones


def integral(f: Function, low: float, high: float, cuts: Iterable[float] = ()) -> float:
    """Adaptive quadrature, piece by piece."""
    edges = [low, *sorted(z for z in cuts if low < z < high), high]
    pieces = [
        scipy.integrate.quad(f, left, right, epsabs=1e-14, epsrel=1e-13, limit=400, full_output=1)[0]
        for left, right in itertools.pairwise(edges)
    ]
    return math.fsum(pieces)


def normal(x: Any, mean: float = 0.0, sd: float = 1.0) -> Any:
    """The normal density."""
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Normal:
    """A normal law with what laws on the line need, and nothing around it: for quadratures of thousands of points."""

    mean: float = 0.0
    sd: float = 1.0

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density."""
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - math.log(self.sd * math.sqrt(2 * math.pi))

    def pdf(self, x: Any) -> Any:
        """The density."""
        return normal(x, self.mean, self.sd)

    def cdf(self, x: Any) -> Any:
        """The mass below."""
        return scipy.special.ndtr((x - self.mean) / self.sd)

    def sf(self, x: Any) -> Any:
        """The mass above."""
        return scipy.special.ndtr((self.mean - x) / self.sd)

    def logcdf(self, x: Any) -> Any:
        """The logarithm of the mass below."""
        return scipy.special.log_ndtr((x - self.mean) / self.sd)

    def logsf(self, x: Any) -> Any:
        """The logarithm of the mass above."""
        return scipy.special.log_ndtr((self.mean - x) / self.sd)

    def ppf(self, u: Any) -> Any:
        """The point with this mass below."""
        return self.mean + self.sd * scipy.special.ndtri(u)

    def isf(self, u: Any) -> Any:
        """The point with this mass above."""
        return self.mean - self.sd * scipy.special.ndtri(u)

    def support(self) -> tuple[float, float]:
        """The line."""
        return -math.inf, math.inf


def pmf(rng: np.random.Generator, *shape: int) -> Floats:
    """Mass functions (..., n), uniform on the simplex."""
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1] or None)


def entropy(p: Floats) -> float:
    """``-sum p log p``, with 0 log 0 = 0."""
    kept = p[p > 0]
    return -math.fsum(kept * np.log(kept))


def relative(p: Floats, q: Floats) -> float:
    """``sum p log p/q`` of positive mass functions, written out."""
    return math.fsum((np.ravel(p) * np.log(np.ravel(p) / np.ravel(q))).tolist())


def primal(cost: Floats, a: Floats, b: Floats) -> tuple[float, Floats]:
    """``min <P, C>`` over plans, as a textbook linear program: the value and the plan (n, m)."""
    n, m = cost.shape
    rows = scipy.sparse.vstack([scipy.sparse.kron(np.eye(n), np.ones(m)), scipy.sparse.kron(np.ones(n), np.eye(m))])
    found = _solved(cost.ravel(), A_eq=rows, b_eq=np.concatenate([a, b]))
    return float(found.fun), found.x.reshape(n, m)


def dual(cost: Floats, a: Floats, b: Floats) -> tuple[float, Floats, Floats]:
    """``max a.f + b.g`` subject to ``f_i + g_j <= c_ij``: the value, f (n,) and g (m,)."""
    n, m = cost.shape
    below = scipy.sparse.hstack(
        [scipy.sparse.kron(np.eye(n), np.ones((m, 1))), scipy.sparse.kron(np.ones((n, 1)), np.eye(m))]
    )
    found = _solved(-np.concatenate([a, b]), A_ub=below, b_ub=cost.ravel(), bounds=(None, None))
    return -float(found.fun), found.x[:n], found.x[n:]


def lipschitz(distance: Floats, mass: Floats, constant: float = 1.0) -> tuple[float, Floats]:
    """``max sum_i mass_i f_i`` over f (n,) with ``f_i - f_j <= constant d_ij``: Kantorovich and Rubinstein's program."""
    n = len(mass)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    k = np.arange(len(i))
    shape = (len(i), n)
    rows = scipy.sparse.coo_matrix((np.ones(len(i)), (k, i)), shape) - scipy.sparse.coo_matrix(
        (np.ones(len(i)), (k, j)), shape
    )
    bounds = [(0.0, 0.0), *((None, None) for _ in range(n - 1))]  # constants add nothing
    found = _solved(-mass, A_ub=rows, b_ub=constant * distance[i, j], bounds=bounds)
    return -float(found.fun), found.x


def _solved(objective: Floats, **constraints: Any) -> Any:
    options = dict(primal_feasibility_tolerance=1e-10, dual_feasibility_tolerance=1e-10)
    found = scipy.optimize.linprog(objective, method="highs-ds", options=options, **constraints)
    if not found.success:
        raise RuntimeError(f"the textbook program was not solved: {found.message}")
    return found


def distances(x: Floats, y: Floats, q: float = 2.0) -> Floats:
    """All distances of the q-norm between points (n, d) and (m, d)."""
    return (np.abs(x[:, None] - y[None]) ** q).sum(axis=2) ** (1 / q)


def slope(f: Function, x: float, h: float = 1e-3) -> float:
    """A derivative by central differences of order six."""
    terms = ((45, 1), (-9, 2), (1, 3))
    return math.fsum(c * (f(x + k * h) - f(x - k * h)) for c, k in terms) / (60 * h)


def curvature(f: Function, x: float, h: float = 1e-3) -> float:
    """A second derivative by central differences of order four."""
    return (-f(x + 2 * h) + 16 * f(x + h) - 30 * f(x) + 16 * f(x - h) - f(x - 2 * h)) / (12 * h * h)


def best(f: Function, low: float, high: float) -> float:
    """Where a function of one variable is least, between two points."""
    found = scipy.optimize.minimize_scalar(f, bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    return float(found.x)


def sigmoid(z: Any) -> Any:
    """The logistic function, by its definition."""
    return 1 / (1 + np.exp(-z))
