"""Variational inference on models small enough to be checked: mean field, Gaussian fits, expectation propagation, regression.

"UL: GANs & VAEs", part II; Bishop, "Pattern recognition and machine learning", 2006, chapter 10.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import scipy.optimize
import scipy.special

from ..divergences import Gaussian
from ..divergences.laws import line
from ..errors import InvalidInput, NotConverged
from ..inputs import arrays, scalars
from ..inputs.types import Floats

Kind = Literal["forward", "reverse", "js"]


def elbo(log_joint: Any, q: Any) -> float:
    """``sum q(z) log p(x, z)/q(z)``: at most ``log p(x)``, and equal to it for the posterior ("UL: GANs & VAEs", page 18).

    Parameters
    ----------
    log_joint : array_like
        ``log p(x, z)`` at the values of z, (n,).
    q : array_like
        A mass function (n,).

    Raises
    ------
    InvalidInput
        For a q that is no mass function over these values, and for what is NaN.

    Examples
    --------
    >>> round(elbo(np.log([0.1, 0.3]), [0.25, 0.75]), 12) == round(math.log(0.4), 12)
    True
    """
    logs, masses = _real_array(log_joint, "log_joint"), _real_array(q, "q")
    if np.isnan(logs).any():
        raise InvalidInput("log_joint must hold logarithms, -inf at least; received NaN; correct it")
    if logs.shape != masses.shape or masses.ndim != 1 or not (masses >= 0).all() or abs(masses.sum() - 1) > 1e-9:
        raise InvalidInput(
            f"q must be a mass function (n,) over the values of log_joint; received {scalars.told(q)}; divide masses by their sum, one a value"
        )
    kept = masses > 0
    return math.fsum(masses[kept] * (logs[kept] - np.log(masses[kept])))


class MeanField(NamedTuple):
    """Two factors, (n,) and (m,), and ``KL(q1 q2 || p)`` before the first sweep and after each."""

    first: Floats
    second: Floats
    history: list[float]


def mean_field(table: Any, sweeps: int = 500, tol: float = 1e-15) -> MeanField:
    """The product of factors nearest to a positive table p (n, m) by ``KL(q || p)``, one factor after the other.

    ``log q1 = E_q2 log p + const``, then the same for q2 ("UL: GANs & VAEs", pages 11 and 12); each step can only lower KL, and
    the end may be a local minimum. It stops after ``sweeps``, or where no mass of the first factor (n,) moves by more than ``tol``. Raises
    InvalidInput for a table that is not positive or not of sum 1.

    Examples
    --------
    >>> found = mean_field([[0.1, 0.2], [0.3, 0.4]])
    >>> found.history[-1] <= found.history[0]
    True
    """
    p = _real_array(table, "table")
    if p.ndim != 2 or not (p > 0).all() or abs(p.sum() - 1) > 1e-9:
        raise InvalidInput(
            f"table must be positive, (n, m), of sum 1; received shape {p.shape} and sum {float(p.sum())!r}; divide it by its sum"
        )
    logs = np.log(p)
    first, second = np.full(p.shape[0], 1 / p.shape[0]), np.full(p.shape[1], 1 / p.shape[1])

    def distance() -> float:
        q = first[:, None] * second
        return math.fsum((q * (np.log(q) - logs)).ravel())

    history = [distance()]
    for _ in range(scalars.count(sweeps, "sweeps")):
        before = first
        first = scipy.special.softmax(logs @ second)
        second = scipy.special.softmax(first @ logs)
        history.append(distance())
        if np.abs(first - before).max() <= tol:
            break
    return MeanField(first, second, history)


class GaussianField(NamedTuple):
    """The means of a factorised fit, before the first sweep and after each, (sweeps + 1, d), and its variances (d,)."""

    means: Floats
    variances: Floats


def mean_field_gaussian(mean: Any, cov: Any, start: Any, sweeps: int = 50) -> GaussianField:
    """Coordinate iteration of the mean-field equations for ``N(mean, cov)``: variances ``1 / Lambda_jj``, means in turn.

    ``m_j = mu_j - sum_(k != j) Lambda_jk (m_k - mu_k) / Lambda_jj`` with the precision Lambda ("UL: GANs & VAEs", pages 13 and 14), from a
    start (d,). Raises InvalidInput for what is no Gaussian (d,), (d, d), and a start of another shape.

    Examples
    --------
    >>> found = mean_field_gaussian([0, 1], [[1, 0.9], [0.9, 1]], [5, 5])
    >>> [round(float(v), 12) for v in found.variances]
    [0.19, 0.19]
    """
    law, m = Gaussian(mean, cov), _real_array(start, "start").copy()
    if m.shape != law.mean.shape:
        raise InvalidInput(f"start must be ({law.dim},), like the mean; received shape {m.shape}; reshape it")
    mu, precision = law.mean, np.linalg.inv(law.cov)
    means = [m.copy()]
    for _ in range(scalars.count(sweeps, "sweeps")):
        for j in range(len(m)):
            m[j] += mu[j] - m[j] - (precision[j] @ (m - mu) - precision[j, j] * (m[j] - mu[j])) / precision[j, j]
        means.append(m.copy())
    return GaussianField(np.array(means), 1 / np.diag(precision))


class GaussianFit(NamedTuple):
    """``N(mean, sd^2)`` and the divergence that it has, in nats."""

    mean: float
    sd: float
    divergence: float


def fit_gaussian(target: Any, kind: Kind, start: tuple[float, float] = (0.0, 1.0)) -> GaussianFit:
    """The Gaussian nearest to a law on the line, from a start (mean, sd): a local minimum.

    Parameters
    ----------
    target : distribution, Gaussian or Mixture
        Continuous, on the line, or anything with ``logpdf`` of arrays; nearly all of its mass within 40 of 0, and with a density everywhere
        unless the kind is forward.
    kind : {"forward", "reverse", "js"}
        ``KL(target || fit)``, which covers; ``KL(fit || target)``, which seeks a mode; the Jensen-Shannon divergence.
    start : (float, float)
        Mean and standard deviation to begin at.

    Raises
    ------
    InvalidInput
        For another kind, another target, and a start that is no finite mean with a positive deviation.
    NotConverged
        If the minimum is not reached.

    Examples
    --------
    >>> import scipy.stats
    >>> fit = fit_gaussian(scipy.stats.norm(1, 2), "reverse")
    >>> round(fit.mean, 6), round(fit.sd, 6)
    (1.0, 2.0)
    """
    scalars.one_of(kind, "kind", get_args(Kind))
    law = target if callable(getattr(target, "logpdf", None)) else line(target, "target")
    x = np.linspace(-40, 40, 16001)
    step = x[1] - x[0]
    with np.errstate(divide="ignore"):
        log_p = np.asarray(law.logpdf(x), np.float64)
    p = np.exp(log_p)
    if abs(float(p.sum()) * step - 1) > 1e-6:
        raise InvalidInput(
            f"target must have nearly all of its mass within 40 of 0; received one with {p.sum() * step:.6g} of it there; shift and scale it"
        )
    if kind != "forward" and not np.isfinite(log_p).all():
        raise InvalidInput(
            f"target must have a density everywhere to be fitted by {kind}; received one with none at {x[~np.isfinite(log_p)][0]:g}; pass kind='forward', or mix it with a wide normal law"
        )

    def objective(parameters: Floats) -> tuple[float, Floats]:
        m, log_s = parameters
        z = (x - m) * math.exp(-log_s)
        log_q = -0.5 * z * z - log_s - 0.5 * math.log(2 * math.pi)
        q = np.exp(log_q)
        middle = np.logaddexp(log_p, log_q) - math.log(2)
        if kind == "forward":
            value, pull = p * (log_p - log_q), -p
        elif kind == "reverse":
            value, pull = q * (log_q - log_p), q * (log_q - log_p)
        else:
            value = (p * (log_p - middle) + q * (log_q - middle)) / 2
            pull = q * (log_q - middle) / 2
        score = np.array([z * math.exp(-log_s), z * z - 1])
        return float(value.sum() * step), (score * pull).sum(axis=1) * step

    began_at, deviation = arrays.pair(start, "start")
    scale = scalars.positive(deviation, "start", "a standard deviation comes second")
    began = np.array([scalars.real(began_at, "start"), math.log(scale)])
    found: Any = scipy.optimize.minimize(objective, began, jac=True, method="BFGS", options={"gtol": 1e-11})
    slope = float(np.abs(found.jac).max())
    if not slope <= 1e-7 or not 5 * step < math.exp(float(found.x[1])) < 8:
        raise NotConverged(
            f"the fit stopped at a slope of {slope:.1e} and deviation {math.exp(found.x[1]):.3g}; begin nearer to the target"
        )
    return GaussianFit(float(found.x[0]), math.exp(float(found.x[1])), float(found.fun))


class ProbitFit(NamedTuple):
    """A Gaussian for the posterior, ``N(mean, variance)``; cavities and sites in natural form, (n, 2): precision, its mean."""

    mean: float
    variance: float
    cavities: Floats
    sites: Floats


def probit_propagation(x: Any, labels: Any, variance: float = 1.0, sweeps: int = 200) -> ProbitFit:
    """Expectation propagation for ``z ~ N(0, variance)``, labels +1 or -1 of probability ``Phi(label x z)``.

    Each factor in turn is replaced by the Gaussian with which the tilted law, cavity times factor, keeps its two moments ("UL: GANs &
    VAEs", page 18; Rasmussen and Williams, "Gaussian processes for machine learning", 2006, equations (3.58)). ``x`` and ``labels`` are (n,).

    Raises
    ------
    InvalidInput
        For inputs that are not finite, labels other than +1 and -1, and a variance that is not positive.
    NotConverged
        If it still moves after so many sweeps.

    Examples
    --------
    >>> fit = probit_propagation([1.0], [1])
    >>> round(fit.mean, 6) == round(math.sqrt(1 / math.pi), 6)  # one factor: exact
    True
    """
    inputs, signs = _real_array(x, "x"), _real_array(labels, "labels")
    if (
        inputs.ndim != 1
        or inputs.shape != signs.shape
        or not (np.abs(signs) == 1).all()
        or not np.isfinite(inputs).all()
    ):
        raise InvalidInput(
            f"x must be (n,), finite, and labels (n,) of +1 and -1; received {scalars.told(inputs)} and {scalars.told(labels)}; reshape or recode them"
        )
    slopes = inputs * signs
    sites, cavities = np.zeros((len(slopes), 2)), np.zeros((len(slopes), 2))
    prior = np.array([1 / scalars.positive(variance, "variance", "1 is usual"), 0.0])
    total = prior.copy()
    for _ in range(scalars.count(sweeps, "sweeps")):
        before = total
        for k, w in enumerate(slopes):
            cavity = total - sites[k]
            v, m = 1 / cavity[0], cavity[1] / cavity[0]
            width = math.sqrt(1 + w * w * v)
            u = w * m / width
            hazard = math.exp(-0.5 * u * u - 0.5 * math.log(2 * math.pi) - float(scipy.special.log_ndtr(u)))
            mean = m + w * v * hazard / width
            spread = v - (w * v / width) ** 2 * hazard * (u + hazard)
            cavities[k], sites[k] = cavity, np.array([1 / spread, mean / spread]) - cavity
            total = prior + sites.sum(axis=0)
        if np.abs(total - before).max() <= 1e-12 * np.abs(total).max():
            break
    else:
        raise NotConverged(f"expectation propagation still moved after {sweeps} sweeps; allow more")
    return ProbitFit(float(total[1] / total[0]), float(1 / total[0]), cavities, sites)


class RegressionFit(NamedTuple):
    """``q(beta) = N(mean, cov)``, ``q(lambda) = Gamma(shape, rate)``, and the bound on the log evidence after each sweep."""

    mean: Floats
    cov: Floats
    shape: float
    rate: float
    bounds: list[float]


def variational_regression(
    design: Any, y: Any, precision: float = 1.0, shape: float = 1.0, rate: float = 1.0, sweeps: int = 100
) -> RegressionFit:
    """Factorised posterior of ``y ~ N(X beta, 1/precision)``, ``beta ~ N(0, 1/lambda)``, ``lambda ~ Gamma(shape, rate)``.

    ("UL: GANs & VAEs", page 19; Bishop, 2006, section 10.3.) No sweep lowers the bound; there are ``sweeps`` at most, fewer where it no longer
    rises. The design is (n, d), y (n,), both finite, else InvalidInput is raised, as for parameters that are not positive.

    Examples
    --------
    >>> fit = variational_regression([[1.0], [2.0]], [1.0, 2.1])
    >>> bool(np.all(np.diff(fit.bounds) >= -1e-12))
    True
    """
    x, target = _real_array(design, "design"), _real_array(y, "y")
    if x.ndim != 2 or target.shape != x.shape[:1] or not (np.isfinite(x).all() and np.isfinite(target).all()):
        raise InvalidInput(
            f"design must be (n, d) and y (n,), finite; received {scalars.told(x)} and {scalars.told(target)}; reshape one, a row a case, or drop cases"
        )
    for name, value in (("precision", precision), ("shape", shape), ("rate", rate)):
        scalars.positive(value, name, "1 is usual")
    n, d = x.shape
    a, b, bounds = shape + d / 2, rate, list[float]()
    gram, moment = precision * x.T @ x, precision * x.T @ target
    mean, cov = np.zeros(d), np.eye(d)
    for _ in range(scalars.count(sweeps, "sweeps")):
        cov = np.linalg.inv(a / b * np.eye(d) + gram)
        mean = cov @ moment
        b = rate + 0.5 * (float(mean @ mean) + float(np.trace(cov)))
        square = float(((target - x @ mean) ** 2).sum()) + float(np.trace(x @ cov @ x.T))
        log_lambda = float(scipy.special.digamma(a)) - math.log(b)
        likelihood = 0.5 * n * math.log(precision / (2 * math.pi)) - 0.5 * precision * square
        weights = 0.5 * d * (log_lambda - math.log(2 * math.pi)) - 0.5 * a / b * (
            float(mean @ mean) + float(np.trace(cov))
        )
        prior = shape * math.log(rate) - math.lgamma(shape) + (shape - 1) * log_lambda - rate * a / b
        entropies = 0.5 * float(np.linalg.slogdet(2 * math.pi * math.e * cov)[1]) + (
            a - math.log(b) + math.lgamma(a) + (1 - a) * float(scipy.special.digamma(a))
        )
        bounds.append(likelihood + weights + prior + entropies)
        if len(bounds) > 1 and abs(bounds[-1] - bounds[-2]) <= 1e-14 * abs(bounds[-1]):
            break
    return RegressionFit(mean, cov, a, b, bounds)


def _real_array(value: Any, name: str) -> Floats:
    """Real numbers of any shape, float64."""
    return arrays.numbers(value, name)[0].astype(np.float64, copy=False)
