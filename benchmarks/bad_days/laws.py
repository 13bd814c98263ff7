"""Gaussians, and divergences between laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import otgen

from .questions import Calls
from .row import Row, Truth, malformed
from .truths import CLOSED, HAND

EYE, ZERO = np.eye(2), np.zeros(2)


def _bures(mean0: Any, cov0: Any, mean1: Any, cov1: Any) -> Calls:
    def pots() -> Any:
        import ot

        return ot.gaussian.bures_wasserstein_distance(np.asarray(mean0, float), np.asarray(mean1, float), cov0, cov1)

    return {"otgen": lambda: otgen.bures_wasserstein(mean0, cov0, mean1, cov1), "POT bures_wasserstein_distance": pots}


def _few_samples(kind: str) -> Calls:
    z = np.random.default_rng(0).normal(size=(20, 64)).astype(kind)
    cov, mean = np.cov(z, rowvar=False, dtype=z.dtype), z.mean(0)
    return _bures(mean, cov, mean, cov)


def _atoms() -> Calls:
    import scipy.stats as st

    return _masses("tv", *(st.rv_discrete(values=([0.5, 1.5], masses)) for masses in ([0.3, 0.7], [0.5, 0.5])))


def _beta() -> float:
    import scipy.special as sp

    return float(-sp.betaln(0.9, 0.9) - 0.2 * (sp.digamma(0.9) - sp.digamma(1.8)))


def _masses(name: str, p: Any, q: Any, scipys: Any = None) -> Calls:
    calls: Calls = {"otgen": lambda: getattr(otgen.divergences, name)(p, q).value}
    return calls | ({} if scipys is None else {scipys[0]: scipys[1]})


def _entropy(p: Any, q: Any) -> Any:
    def call() -> Any:
        import scipy.stats

        return scipy.stats.entropy(p, q)

    return "scipy entropy", call


def _counts() -> Calls:
    import scipy.stats as st

    k = np.arange(2000)
    return _masses("kl", st.poisson(300), st.poisson(3), _entropy(st.poisson(300).pmf(k), st.poisson(3).pmf(k)))


def _near() -> Calls:
    p, q = [0.5, 0.5], [0.5 + 1e-9, 0.5 - 1e-9]

    def scipys() -> Any:
        from scipy.spatial.distance import jensenshannon

        return jensenshannon(p, q)

    return {"otgen": lambda: otgen.divergences.js(p, q, root=True).value, "scipy jensenshannon": scipys}


def _laws(name: str, one: str, other: str, *first: Any, second: tuple[Any, ...] = ()) -> Calls:
    """A divergence of two of scipy's laws; scipy's own way is to integrate the densities."""
    import scipy.integrate
    import scipy.stats as st

    p, q = getattr(st, one)(*first), getattr(st, other)(*second)

    def scipys() -> Any:
        def kl(t: float) -> Any:
            return p.pdf(t) * np.log(p.pdf(t) / q.pdf(t))

        def tv(t: float) -> Any:
            return abs(p.pdf(t) - q.pdf(t)) / 2

        low, high = (
            (min(p.support()[0], q.support()[0]), max(p.support()[1], q.support()[1])) if name == "tv" else p.support()
        )
        return scipy.integrate.quad(kl if name == "kl" else tv, low, high)[0]

    return {"otgen": lambda: getattr(otgen.divergences, name)(p, q).value, "scipy pdf, quad": scipys}


def _softmax() -> Calls:
    z = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    p = np.exp(z) / np.exp(z).sum()
    return _masses("kl", p, p, _entropy(p, p))


ROWS = [
    Row("few_samples", "covariance of 20 samples in 64 dimensions against itself; W_2", Truth(0.0, HAND), lambda: _few_samples("float64"), "POT#708, TTUR#4"),
    Row("few_float32_samples", "the same in float32", Truth(0.0, HAND, absolute=1e-2), lambda: _few_samples("float32"), "TTUR#4"),
    Row("far_means", "means (1e200, 0), (-1e200, 1e200), unit covariances; W_2", Truth(math.sqrt(5) * 1e200, HAND), lambda: _bures([1e200, 0], EYE, [-1e200, 1e200], EYE)),
    Row("near_covariances", "I against (1 + 1e-12) I; W_2", Truth(math.sqrt(2) * math.expm1(0.5 * math.log1p(1e-12)), CLOSED, 1e-3), lambda: _bures(ZERO, EYE, ZERO, EYE * (1 + 1e-12))),
    Row("variances_far_apart", "diag(1e-200, 1e200) against diag(4e-200, 1e200); W_2", Truth(1e-100, CLOSED), lambda: _bures(ZERO, np.diag([1e-200, 1e200]), ZERO, np.diag([4e-200, 1e200]))),
    Row("large_variances", "1e308 I against itself; W_2", Truth(0.0, HAND), lambda: _bures(ZERO, EYE * 1e308, ZERO, EYE * 1e308)),
    Row("small_variances", "1e-300 I against 4e-300 I; W_2", Truth(math.sqrt(2) * 1e-150, CLOSED), lambda: _bures(ZERO, EYE * 1e-300, ZERO, EYE * 4e-300)),
    Row("asymmetric_covariance", "((1, .5), (0, 1)) against I", malformed("no covariance"), lambda: _bures(ZERO, np.array([[1, 0.5], [0, 1]]), ZERO, EYE)),
    Row("negative_covariance", "-I against I", malformed("no covariance"), lambda: _bures(ZERO, -EYE, ZERO, EYE)),
    Row("nan_covariance", "the covariance of one sample", malformed("NaN"), lambda: _bures(ZERO, np.full((2, 2), math.nan), ZERO, EYE), "torchmetrics#1652"),
    Row("js_of_near_laws", "sqrt of JS of (.5, .5) and (.5 + 1e-9, .5 - 1e-9)", Truth(1e-9 / math.sqrt(2), "second order, to 1e-9 of it", 1e-4), _near),
    Row("kl_of_counts", "KL of Poisson(300) and Poisson(3)", Truth(300 * math.log(100) - 297, CLOSED), _counts),
    Row("kl_normal_laplace", "KL of N(0, 1) and Laplace", Truth(-0.5 * math.log(2 * math.pi * math.e) + math.log(2) + math.sqrt(2 / math.pi), CLOSED), lambda: _laws("kl", "norm", "laplace"), "scipy#12490"),
    Row("kl_uniform_arcsine", "KL of the uniform law and Beta(.5, .5)", Truth(math.log(math.pi) - 1, CLOSED), lambda: _laws("kl", "uniform", "beta", second=(0.5, 0.5))),
    Row("kl_beta_uniform", "KL of Beta(.9, .9) and the uniform law", Truth(_beta, CLOSED), lambda: _laws("kl", "beta", "uniform", 0.9, 0.9)),
    Row("atoms_off_the_integers", "TV of masses (.3, .7) and (.5, .5) at .5 and 1.5", Truth(0.2, HAND), _atoms, "scipy#3758"),
    Row("kl_without_variance", "KL of Student's t(2) and N(0, 1)", Truth(math.inf, "t(2) has no variance"), lambda: _laws("kl", "t", "norm", 2), "Distributions.jl#1443"),
    Row("tv_far_apart", "TV of N(0, 1) and N(1e9, 1)", Truth(1.0, "to the last digit"), lambda: _laws("tv", "norm", "norm", second=(1e9, 1))),
    Row("kl_subnormal", "KL of (.5, .5) and (1e-320, 1)", Truth(0.5 * (math.log(0.5) - math.log(1e-320)) + 0.5 * math.log(0.5), CLOSED), lambda: _masses("kl", [0.5, 0.5], [1e-320, 1.0], _entropy([0.5, 0.5], [1e-320, 1.0]))),
    Row("chi2_beyond_floats", "chi^2 of (.5, .5) and (1e-320, 1)", Truth(math.inf, "2.5e319"), lambda: _masses("chi2", [0.5, 0.5], [1e-320, 1.0])),
    Row("masses_of_2", "KL of (1, 1) and (.5, .5)", malformed("no law"), lambda: _masses("kl", [1.0, 1.0], [0.5, 0.5], _entropy([1.0, 1.0], [0.5, 0.5]))),
    Row("softmax_float32", "KL of a float32 softmax and itself", Truth(0.0, HAND), _softmax, "numpy#6123"),
    Row("negative_mass", "KL of (1.5, -.5) and (.5, .5)", malformed("no law"), lambda: _masses("kl", [1.5, -0.5], [0.5, 0.5], _entropy([1.5, -0.5], [0.5, 0.5]))),
    Row("other_lengths", "KL of 1 and 2 masses", malformed("lengths differ"), lambda: _masses("kl", [1.0], [0.5, 0.5], _entropy([1.0], [0.5, 0.5]))),
]  # fmt: skip
