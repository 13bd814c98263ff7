"""What all divergences are said to be: distances, within their ranges, with errors that bound what is off."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import scipy.spatial.distance as distances
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.divergences import Gaussian, Mixture, chi2, hellinger, js, kl, kl_samples, tv

seeds = st.integers(0, 2**32 - 1)

DISTANCES = {"tv": tv, "hellinger": hellinger, "root of js": lambda p, q: js(p, q, root=True)}


def masses(rng, n):
    """A law on n atoms, of masses of any size, some of them 0."""
    drawn = rng.dirichlet(np.full(n, 10.0 ** rng.uniform(-2, 1)))
    drawn[drawn < rng.choice([0.0, 1e-3])] = 0.0
    return drawn / drawn.sum()


def truth(name, p, q):
    """By 50 digits, of the masses divided by their sums."""
    with mpmath.workdps(50):
        p, q = ([mpmath.mpf(float(z)) for z in masses] for masses in (p, q))
        p, q = ([z / mpmath.fsum(side) for z in side] for side in (p, q))

        def relative(p, q):
            return mpmath.fsum(s * mpmath.log(s / t) if t else mpmath.inf for s, t in zip(p, q) if s)

        if name == "kl":
            return relative(p, q)
        if name == "js":
            middle = [(s + t) / 2 for s, t in zip(p, q)]
            return (relative(p, middle) + relative(q, middle)) / 2
        if name == "tv":
            return mpmath.fsum(abs(s - t) for s, t in zip(p, q)) / 2
        if name == "hellinger":
            return mpmath.sqrt(mpmath.fsum((mpmath.sqrt(s) - mpmath.sqrt(t)) ** 2 for s, t in zip(p, q)) / 2)
        return mpmath.fsum((s - t) ** 2 / t if t else mpmath.inf for s, t in zip(p, q) if s or t)


@pytest.mark.parametrize("each", [kl, js, tv, hellinger, chi2], ids=lambda each: each.__name__)
@given(seed=seeds, n=st.integers(1, 40), near=st.sampled_from([None, 1e-3, 1e-8, 1e-15]))
def test_the_error_bounds_rounding(each, seed, n, near):
    rng = np.random.default_rng(seed)
    p = masses(rng, n)
    q = masses(rng, n) if near is None else p * (1 + near * rng.random(n))
    q = q / q.sum()
    found, exact = each(p, q), truth(each.__name__, p, q)
    if exact > np.finfo(float).max:
        assert found.value == math.inf
        return
    assert abs(found.value - exact) <= found.error
    assert found.value >= 0
    assert found.error <= 1e-12 * max(1.0, float(exact)) or each is hellinger


@pytest.mark.parametrize("name", DISTANCES)
@given(seed=seeds, n=st.integers(1, 12))
def test_distances_obey_the_axioms(name, seed, n):
    rng, each = np.random.default_rng(seed), DISTANCES[name]
    p, q, r = (masses(rng, n) for _ in range(3))
    assert each(p, r).value <= each(p, q).value + each(q, r).value + 1e-12
    assert each(p, q).value == pytest.approx(each(q, p).value, rel=1e-12, abs=1e-15)
    assert each(p, p).value == pytest.approx(0, abs=1e-7)


LAWS = [
    scipy.stats.norm(),
    scipy.stats.norm(30, 2),
    scipy.stats.cauchy(1, 1e-3),
    scipy.stats.expon(),
    scipy.stats.uniform(100, 1),
    Gaussian(0.5, 1e-6),
    Mixture([0.5, 0.5], [scipy.stats.norm(-9), scipy.stats.laplace(9)]),
]


@pytest.mark.parametrize(("p", "q"), list(itertools.combinations_with_replacement(LAWS, 2)))
@pytest.mark.by_day(7)
def test_ranges_of_laws(p, q):
    for each, most in ((tv, 1.0), (hellinger, 1.0), (js, math.log(2))):
        found, turned = each(p, q), each(q, p)
        assert 0 <= found.value <= most
        assert abs(found.value - turned.value) <= found.error + turned.error
        if p is q:
            assert found.value <= found.error
        else:
            assert found.value > 0
    assert js(p, q, base=2).value <= 1
    for one, other in ((p, q), (q, p)):
        assert kl(one, other).value >= 0
        assert chi2(one, other).value >= 0


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("d", [1, 2, 4])
def test_neighbours_by_brute_force(k, d):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, d)), rng.normal(size=(40, d)) + 0.5
    rho = np.sort(distances.cdist(x, x), axis=1)[:, k]  # the first is the point itself
    nu = np.sort(distances.cdist(x, y), axis=1)[:, k - 1]
    logs = d * np.log(nu / rho)
    found = kl_samples(x, y, k=k)
    assert found.value == pytest.approx(max(logs.mean() + math.log(40 / 29), 0.0), rel=1e-12)
    assert found.error == pytest.approx(logs.std(ddof=1) * math.sqrt(1 / 30 + 1 / 40), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Gaussian([0, 0], [[1, 2], [2, 1]]), "positive definite"),
        (lambda: Gaussian(0.0, 0.0), "positive definite"),
        (lambda: Mixture([0.5, 0.6], [scipy.stats.norm(), scipy.stats.norm()]), "of sum 1"),
        (lambda: Mixture([0.0, 1.0], [scipy.stats.norm(), scipy.stats.norm()]), "positive"),
        (lambda: Mixture([0.0, 1.0], [scipy.stats.norm(), scipy.stats.norm()]), "leave out laws of weight 0"),
        (
            lambda: Mixture([1.0], [scipy.stats.poisson(1)]),
            r"laws\[0\] must be a continuous law .* received one with a mass function",
        ),
    ],
)
def test_laws_that_are_none(call, said):
    with pytest.raises(otgen.InvalidInput, match=said):
        call()


def test_variances_of_gaussians():
    """A number, one a coordinate, or a matrix."""
    for cov in (2.0, [2.0, 2.0], [[2.0, 0.0], [0.0, 2.0]]):
        assert kl(Gaussian([0, 0], cov), Gaussian([1, 1], [[2, 0], [0, 2]])).value == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_of_a_mixture_are_those_of_their_dtype(dtype):
    weights = np.full(10, 0.1, dtype)
    assert Mixture(weights, [scipy.stats.norm()] * 10).weights.sum() == pytest.approx(1.0, abs=1e-15)
