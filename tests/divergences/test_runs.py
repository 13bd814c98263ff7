"""Laws on millions of whole numbers, beyond all floats, or beside listed atoms: against closed forms of 40 digits."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import chi2, hellinger, js, kl, tv
from otgen.divergences.runs import nodes, total

M = mpmath
mpf = M.mpf


def holds(found, truth, loose=1e-9):
    if M.isinf(truth):
        assert found.value == math.inf
        return
    assert abs(mpf(found.value) - truth) <= found.error <= loose * max(1, truth)


def kl_geom(a, b):
    a, b = mpf(a), mpf(b)
    return M.log(a / b) + (1 / a - 1) * M.log((1 - a) / (1 - b))


def tv_geom(a, b):
    a, b = mpf(a), mpf(b)
    crossing = M.floor(M.log(a / b) / M.log((1 - b) / (1 - a))) + 1
    return (1 - b) ** crossing - (1 - a) ** crossing


@pytest.mark.parametrize(("a", "b"), [(1e-6, 2e-6), (1e-9, 2e-9), (0.5, 1e-9), (1e-9, 0.5), (1e-12, 1.1e-12)])
def test_geometric_laws_of_any_length(a, b):
    """They were added up one by one, or refused beyond ten million."""
    with M.workdps(40):
        holds(kl(st.geom(a), st.geom(b)), kl_geom(a, b))
        holds(tv(st.geom(min(a, b)), st.geom(max(a, b))), tv_geom(max(a, b), min(a, b)))


@pytest.mark.parametrize("n", [3 * 10**6, 10**9, 10**15])
def test_uniform_laws_of_any_length(n):
    one, two, moved = st.randint(0, n), st.randint(0, 2 * n), st.randint(1, n + 1)
    with M.workdps(40):
        holds(kl(one, two), M.log(2))
        holds(chi2(one, two), mpf(1))
        holds(kl(two, one), M.inf)
        holds(kl(one, moved), M.inf)
        holds(tv(one, moved), mpf(1) / n)
        holds(js(one, moved), M.log(2) / n)


def test_laws_far_apart():
    with M.workdps(40):
        holds(kl(st.geom(0.5, loc=10**9), st.geom(0.25)), (10**9 + 1) * M.log(mpf(4) / 3))
        zeta = M.zeta(2)
        # nothing of the second lies before 10^9 + 1, where the first has 1e-9/zeta(2) left: they differ by what is left at its peak
        assert abs(tv(st.zipf(2.0), st.zipf(2.0, loc=10**9)).value - (1 - mpf(10) ** -9 / zeta)) < 1e-12


def test_a_block_is_summed_exactly():
    low, high = np.array([-77.0, 3.0]), np.array([51.0, 1003.0])
    n, weights = nodes(low, high)
    for degree in range(16):
        for k in range(2):
            x = [mpf(z) / 1000 for z in range(int(low[k]), int(high[k]))]
            truth = sum(z**degree for z in x)
            assert float((weights[k] * (n[k] / 1000) ** degree).sum()) == pytest.approx(float(truth), rel=1e-12)


def test_blocks_are_halved_down_to_a_jump():
    """Both an exponential law's sum, and that of one that breaks off between two nodes."""

    def of(n):
        return np.array([np.exp(-n / 1e6), np.where(n < 123457, 1.0, 0.0)]), np.zeros(n.shape)

    values, apart, _ = total(of, np.array([0.0, 2.0**20, 1e8]), np.array([0.0, 1.0]))
    assert abs(values[0] + 1 / math.expm1(-1e-6)) <= apart[0] + 1e-8
    assert values[1] == pytest.approx(123457, rel=1e-12)


def test_noise_ends_the_halving():
    noise = np.random.default_rng(0)
    values, apart, _ = total(
        lambda n: (1 + noise.normal(size=(1, *n.shape)) * 1e-3, 0.0 * n), np.array([0.0, 1e12]), np.zeros(1)
    )
    assert abs(values[0] - 1e12) <= 1e10
    assert apart[0] > 0


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (st.poisson(3, loc=2**60), st.poisson(3, loc=2**60 + 1)),
        (st.poisson(3, loc=np.int64(2**60 + 1)), st.poisson(3)),
        (st.norm(2**60 + 1), st.norm(2**60)),
        (st.rv_discrete(values=([2**60, 2**60 + 1], [0.5, 0.5])), st.rv_discrete(values=([2**60, 2**60 + 1], [0.9, 0.1]))),
        (st.randint(2**60, 2**60 + 10), st.randint(2**60 + 5, 2**60 + 15)),
        (st.randint(2**55, 2**55 + 10), st.randint(2**55 + 5, 2**55 + 15)),
        (st.poisson(1e300), st.poisson(1e300)),
    ],
    ids=["loc", "numpy's loc", "normal", "listed", "ends", "nearer ends", "huge"],
)  # fmt: skip
def test_whole_numbers_that_no_double_is(p, q):
    """They were rounded, and laws of a total variation of 0.2 said to be 0 apart."""
    with pytest.raises(otgen.InvalidInput, match=r"2\*\*53"):
        tv(p, q)


def test_places_that_are_doubles_are_taken():
    p, q = st.poisson(3, loc=2**60), st.poisson(5, loc=2**60)
    with M.workdps(40):
        holds(kl(p, q), 3 * M.log(mpf(3) / 5) + 2)


@pytest.mark.parametrize("mean", [1e-5, 1e-9, 1e-13])
def test_little_mass_beside_listed_atoms(mean):
    """It was what is left of 1, without the digits that this takes away: off by 1e-17 with an error of 4e-22."""
    p, q = st.poisson(mean), st.rv_discrete(values=([0], [1.0]))
    with M.workdps(40):
        e = M.exp(-mpf(mean))
        holds(tv(p, q), 1 - e)
        holds(js(p, q), (e * M.log(2 * e / (1 + e)) + M.log(2 / (1 + e)) + (1 - e) * M.log(2)) / 2)
        holds(hellinger(q, p), M.sqrt(1 - M.sqrt(e)))
        holds(kl(q, p), mpf(mean))


def test_much_mass_beside_listed_atoms():
    q = st.rv_discrete(values=([1, 2], [0.5, 0.5]))
    with M.workdps(40):
        zeta = M.zeta(2)
        holds(tv(st.zipf(2.0), q), (1 / zeta - mpf(1) / 2 + mpf(1) / 2 - 1 / zeta / 4 + 1 - mpf(5) / 4 / zeta) / 2)
        holds(kl(q, st.randint(0, 9 * 10**6)), M.log(mpf(9 * 10**6) / 2))
        holds(
            kl(st.rv_discrete(values=([1, 10**9], [0.5, 0.5])), st.zipf(2.0)),
            M.log(zeta / 2) + M.log(mpf(10) ** 18) / 2,
        )


@pytest.mark.parametrize(("n", "p", "m", "q"), [(5, 0.1, 300, 1e-9), (1, 0.1, 5000, 1e-9), (3, 0.5, 2000, 1e-3)])
def test_few_atoms_beside_a_law_whose_logarithms_cancel(n, p, m, q):
    """log-gammas of 1400 leave the rounding of 1400 in a logarithm of 4."""
    with M.workdps(40):

        def mass(k, n, p):
            return M.binomial(n, k) * mpf(p) ** k * (1 - mpf(p)) ** (n - k)

        truth = sum(mass(k, n, p) * M.log(mass(k, n, p) / mass(k, m, q)) for k in range(n + 1))
        holds(kl(st.binom(n, p), st.binom(m, q)), truth)


@pytest.mark.skipif(not hasattr(st, "poisson_binom"), reason="scipy has no Poisson binomial law before 1.15")
def test_poisson_binomial_laws_at_any_place():
    """Their shapes are a list of one; a TypeError of scipy's came out."""
    with M.workdps(40):
        three, two = (0.5, 0.375, 0.125), (0.25, 0.75)

        def masses(shares):
            found = [mpf(1)]
            for p in shares:
                padded = [*found, mpf(0)]
                found = [a * (1 - mpf(p)) + b * mpf(p) for a, b in zip(padded, [mpf(0), *found])]
            return found

        truth = sum(a * M.log(a / b) for a, b in zip(masses(two), masses(three)))
        for loc in (0, 2, -0.5):
            holds(kl(st.poisson_binom(two, loc=loc), st.poisson_binom(three, loc=loc)), truth)
            holds(kl(st.poisson_binom(three, loc=loc), st.poisson_binom(two, loc=loc)), M.inf)
        holds(kl(st.poisson_binom([0.3]), st.bernoulli(0.3)), mpf(0))


def test_a_long_law_has_a_finite_mean():
    """Which was asked of scipy, that adds all of it up, for minutes."""
    with M.workdps(30):
        a, b, n = mpf(3) / 2, mpf(2), 10**9

        def harmonic(s):
            return M.zeta(s) - M.zeta(s, n + 1)

        mean = -M.diff(harmonic, a) / harmonic(a)
        holds(kl(st.zipfian(1.5, n), st.zipfian(2.0, n)), (b - a) * mean + M.log(harmonic(b) / harmonic(a)))
