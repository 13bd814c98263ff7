"""Logarithms of densities for families whose scipy formula takes the logarithm of a density, -inf once that underflows.

Or once a term of it overflows or cancels. Each is a function of the standardised point and the shape parameters; its source is the family's page in scipy's manual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln, i0e, ive, k1e, log1p, xlogy, zeta

Log = Callable[..., Any]

_ROOT = math.log(2 * math.pi) / 2


def _normal(z: Any) -> Any:
    return -z * z / 2 - _ROOT


def _log_cosh(z: Any) -> Any:
    return np.abs(z) + log1p(np.exp(-2 * np.abs(z))) - math.log(2)


def _levy(x: Any) -> Any:
    return -_ROOT - 1.5 * np.log(x) - 0.5 / x


def _foldnorm(x: Any, c: Any) -> Any:
    return _normal(x - c) + log1p(np.exp(-2 * c * x))


def _rice(x: Any, b: Any) -> Any:
    return np.log(x) - (x - b) ** 2 / 2 + np.log(i0e(x * b))


def _johnsonsu(x: Any, a: Any, b: Any) -> Any:
    return math.log(b) - np.log(np.hypot(1.0, x)) + _normal(a + b * np.arcsinh(x))


def _johnsonsb(x: Any, a: Any, b: Any) -> Any:
    return math.log(b) - np.log(x) - log1p(-x) + _normal(a + b * (np.log(x) - log1p(-x)))


def _norminvgauss(x: Any, a: Any, b: Any) -> Any:
    size = np.hypot(1.0, x)
    # sqrt(a^2 - b^2) + b x - a sqrt(1 + x^2), with the factor exp(a size) that k1e carries
    exponent = math.sqrt((a - b) * (a + b)) + b * x - a * size
    return np.log(a / math.pi) + np.log(k1e(a * size)) - np.log(size) + exponent


def _jf_skew_t(x: Any, a: Any, b: Any) -> Any:
    """Powers of ``1 + x/r`` and ``1 - x/r``, r = sqrt(a + b + x^2): the smaller one is ``(a + b) / (r (r + |x|))``."""
    r = np.hypot(x, math.sqrt(a + b))
    less, more = math.log(a + b) - np.log(r) - np.log(r + np.abs(x)), log1p(np.abs(x) / r)
    powers = (a + 0.5) * np.where(x < 0, less, more) + (b + 0.5) * np.where(x < 0, more, less)
    return powers - (a + b - 1) * math.log(2) - betaln(a, b) - math.log(a + b) / 2


def _skellam(k: Any, m: Any, n: Any) -> Any:
    """``exp(-m - n) (m/n) ** (k/2) I_|k|(2 sqrt(m n))``; where the Bessel function underflows, by its expansion for large orders (DLMF 10.41.3)."""
    order, z = np.abs(np.asarray(k, np.float64)), 2 * math.sqrt(m * n)
    head = k / 2 * math.log(m / n) - (math.sqrt(m) - math.sqrt(n)) ** 2
    bessel, large = ive(order, z), np.maximum(order, 1.0)
    root = np.hypot(large, z)
    t = large / root
    series = log1p((3 * t - 5 * t**3) / (24 * large) + (81 * t**2 - 462 * t**4 + 385 * t**6) / (1152 * large**2))
    beyond = root + large * np.log(z / (large + root)) - np.log(2 * math.pi * root) / 2 + series - z
    return head + np.where(bessel > 1e-290, np.log(np.maximum(bessel, 1e-290)), beyond)


CONTINUOUS: dict[str, Log] = {
    "cosine": lambda x: 2 * np.log(np.abs(np.cos(x / 2))) - math.log(math.pi),
    "fisk": lambda x, c: math.log(c) + (c - 1) * np.log(x) - 2 * np.logaddexp(0.0, c * np.log(x)),
    "foldnorm": _foldnorm,
    "hypsecant": lambda x: -math.log(math.pi) - _log_cosh(x),
    "invweibull": lambda x, c: math.log(c) - (c + 1) * np.log(x) - np.exp(-c * np.log(x)),
    "jf_skew_t": _jf_skew_t,
    "johnsonsb": _johnsonsb,
    "johnsonsu": _johnsonsu,
    "laplace": lambda x: -np.abs(x) - math.log(2),
    "levy": _levy,
    "levy_l": lambda x: _levy(-x),
    "loglaplace": lambda x, c: math.log(c / 2) + np.where(x < 1, c - 1, -c - 1) * np.log(x),
    "moyal": lambda x: -(x + np.exp(-x)) / 2 - _ROOT,
    "norminvgauss": _norminvgauss,
    "pareto": lambda x, b: math.log(b) - (b + 1) * np.log(x),
    "rice": _rice,
}

DISCRETE: dict[str, Log] = {
    "boltzmann": lambda k, rate, n: np.log(-np.expm1(-rate)) - np.log(-np.expm1(-rate * n)) - rate * k,
    "dlaplace": lambda k, a: np.log(np.tanh(a / 2)) - a * np.abs(k),
    "logser": lambda k, p: k * np.log(p) - np.log(k) - np.log(-log1p(-p)),
    "planck": lambda k, rate: np.log(-np.expm1(-rate)) - rate * k,
    "skellam": _skellam,
    "zipf": lambda k, a: -xlogy(a, k) - np.log(zeta(a, 1)),
}

# The largest summand of scipy's logarithm of a mass, whose rounding is left when all of them cancel.
CANCELLING: dict[str, Log] = {
    "betabinom": lambda k, n, a, b: gammaln(n + a + b + 1),
    "binom": lambda k, n, p: gammaln(n + 1),
    "hypergeom": lambda k, M, n, N: gammaln(M + 2),
    "nbinom": lambda k, n, p: gammaln(n + k + 1),
    "nhypergeom": lambda k, M, n, r: gammaln(M + 2),
    "poisson": lambda k, mu: gammaln(k + 1) + mu,
}
