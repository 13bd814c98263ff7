"""Bures distances against mpmath with 60 digits, and what is refused."""

import math
import pickle
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput
from otgen.distances import bures


def truth(mean0, cov0, mean1, cov1):
    """W_2 of the laws with the positive semi-definite covariances nearest to these."""
    with mpmath.workdps(60):
        factors = []
        for cov in (cov0, cov1):
            matrix = mpmath.matrix(np.asarray(cov, float).tolist())
            values, vectors = mpmath.eigsy((matrix + matrix.T) / 2)
            factors.append(vectors * mpmath.diag([mpmath.sqrt(max(v, 0)) for v in values]))
        nuclear = mpmath.fsum(mpmath.svd_r(factors[1].T * factors[0], compute_uv=False))
        square = mpmath.fsum(z * z for factor in factors for z in factor) - 2 * nuclear
        shift = mpmath.fsum((mpmath.mpf(float(s)) - mpmath.mpf(float(t))) ** 2 for s, t in zip(mean0, mean1))
        return mpmath.sqrt(max(square, 0) + shift)


def covariances(kind, d, rng):
    """Two covariances (d, d) of a kind that is hard."""

    def some(rank):
        z = rng.normal(size=(d, rank))
        return z @ z.T / d

    half = max(d // 2, 1)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    graded = (turn * 10.0 ** -rng.integers(0, 30, d)) @ turn.T
    base = some(d)
    return {
        "full": (base, some(d)),
        "singular": (some(half), some(half)),
        "singular beside full": (some(1), base),
        "close": (base, base + 1e-9 * some(d)),
        "multiples": (some(half), some(half) * 1e-12),
        "graded": (graded, np.diag(10.0 ** -rng.integers(0, 30, d))),
        "rounded to single": tuple(some(half).astype(np.float32) for _ in range(2)),
        "nearly the identity": (np.eye(d), np.diag(1 + rng.random(d) * 1e-14)),
    }[kind]


KINDS = [
    "full",
    "singular",
    "singular beside full",
    "close",
    "multiples",
    "graded",
    "rounded to single",
    "nearly the identity",
]


@pytest.mark.parametrize("exponent", [0, 100, 280])
def test_eigenvalues_that_agree_to_the_last_double(exponent):
    """What tells them apart is in the second halves of pairs: the angle of a rotation was 45 degrees, again and again."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    cov = (turn * [1.0, 1.0, 1e-15]) @ turn.T * 10.0**exponent
    found = otgen.bures_wasserstein(np.zeros(3), cov, np.zeros(3), np.diag([1e-2, 1e-5, 1e-10]) * 10.0**exponent)
    assert found.gap <= 1e-13 * found


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.sampled_from([0.0, 1e-9, 1.0, 1e6]),
    st.sampled_from([-300, 0, 280]),
)
def test_bounds_hold_and_are_narrow(kind, seed, d, shift, exponent):
    rng = np.random.default_rng(seed)
    one, other = covariances(kind, d, rng)
    scale = 1.0 if one.dtype == np.float32 else 10.0**exponent
    one, other, mean = one * scale, other * scale, shift * math.sqrt(scale) * rng.normal(size=d)
    tolerance = 1e-12 * math.sqrt(float(np.trace(one) / 2 + np.trace(other) / 2))
    found = otgen.bures_wasserstein(np.zeros(d), one, mean, other)
    exact = truth(np.zeros(d), one, mean, other)
    assert found.lower <= exact <= found.upper
    assert found.lower <= found <= found.upper
    assert found.gap <= 2 * tolerance + 40 * np.finfo(float).eps * found


@pytest.mark.parametrize("rank", [3, 8, 40])
@pytest.mark.parametrize("fine", [True, False])
def test_both_precisions_bound_one_truth(rank, fine):
    """What doubles alone prove, which more than 64 dimensions get, holds the truth too, and is wide where a covariance is singular."""
    rng = np.random.default_rng(rank)
    one, other = (z @ z.T / rank for z in rng.normal(size=(2, 8, rank)) / 4)
    found = bures.bures(one, other) if fine else bures._coarse(one, other)
    exact = truth(np.zeros(8), one, np.zeros(8), other)
    assert found.lower <= exact <= found.upper
    assert found.upper - found.lower < (1e-12 if fine else 1e-4 if rank < 8 else 1e-9)


def test_many_dimensions():
    rng = np.random.default_rng(0)
    d = bures.FINE + 5
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    one, other = rng.random((2, d))
    found = otgen.bures_wasserstein(np.zeros(d), (turn * one) @ turn.T, np.zeros(d), (turn * other) @ turn.T)
    exact = np.linalg.norm(np.sqrt(one) - np.sqrt(other))  # they commute
    assert found.lower <= exact <= found.upper
    assert found == pytest.approx(exact, rel=1e-13)


def test_closed_forms():
    assert otgen.bures_wasserstein(0.0, 1.0, 3.0, 1.0) == pytest.approx(3, rel=1e-15)
    assert otgen.bures_wasserstein(0.0, 1.0, 0.0, 9.0) == pytest.approx(2, rel=1e-15)
    step = math.fsum((1e-9, 0.5e-18))
    assert otgen.bures_wasserstein(0.0, 1.0, 0.0, 1 + 2e-9) == pytest.approx(step - 1e-18, rel=1e-15)
    assert otgen.bures_wasserstein(0, 0, 0, 0) == 0


@given(st.integers(0, 2**32 - 1))
def test_against_the_formula(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 5))
    one, other = (m @ m.T + 0.1 * np.eye(d) for m in rng.normal(size=(2, d, d)))
    root = scipy.linalg.sqrtm(one)
    expected = np.trace(one + other - 2 * scipy.linalg.sqrtm(root @ other @ root)).real
    found = otgen.bures_wasserstein(np.zeros(d), one, np.zeros(d), other)
    assert found**2 == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_samples_tend_to_it():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 2)), rng.normal(size=(600, 2)) * [2, 0.5] + [3, 0]
    law = otgen.bures_wasserstein(x.mean(0), np.cov(x.T, ddof=0), y.mean(0), np.cov(y.T, ddof=0))
    assert law <= otgen.wasserstein(x, y).upper  # the Gaussian bound of Gelbrich
    assert otgen.wasserstein(x, y).value == pytest.approx(law, rel=0.05)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_covariances_are_those_of_their_dtype(dtype):
    """20 samples in 64 dimensions: singular, with eigenvalues below 0 by what the dtype rounds."""
    features = np.random.default_rng(0).normal(size=(20, 64)) + 3
    cov = np.cov(features, rowvar=False).astype(dtype)
    assert np.linalg.eigvalsh(cov.astype(float))[0] < 0
    assert otgen.bures_wasserstein(np.zeros(64), cov, np.zeros(64), cov) == 0
    assert otgen.bures_wasserstein(np.zeros(2), cov[:2, :2], np.zeros(2), torch.eye(2)).gap < 1e-12


@pytest.mark.parametrize("size", [1e-310, 1e200, 4e307])
def test_means_of_any_size(size):
    found = otgen.bures_wasserstein([size, 0.0], np.zeros((2, 2)), [-size, size], np.zeros((2, 2)))
    assert found == pytest.approx(math.sqrt(5) * size, rel=1e-12)
    assert found.lower <= math.sqrt(5) * size <= found.upper


def test_it_is_a_float():
    found = otgen.bures_wasserstein(0, 1, 0, 2)
    assert isinstance(found, float)
    assert (f"{found:.3f}", str(found)) == ("0.414", repr(found.value))
    value, low, high = re.fullmatch(r"(\S+) within \[(\S+), (\S+)\]", repr(found)).groups()
    assert Fraction(low) <= Fraction(found.lower) < Fraction(value) < Fraction(found.upper) <= Fraction(high)
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.lower, again.upper) == (found, found.lower, found.upper)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0, 0], [[1, 2], [0, 1]], [0, 0], np.eye(2)), "cov0 must be symmetric; received entries 2 apart"),
        (([0, 0], [[1, 2], [2, 1]], [0, 0], np.eye(2)), "semi-definite to 1e-10.*received an eigenvalue -1"),
        (([0, 0], np.eye(2), [0, 0], [[1]]), r"cov1 must be a \(2, 2\) matrix.*received shape \(1, 1\)"),
        (
            ([0, 0], np.full((2, 2), np.nan), [0, 0], np.eye(2)),
            "cov0 must be finite; received nan in 4 of 4 entries; .*two samples",
        ),
        (([0, np.inf], np.eye(2), [0, 0], np.eye(2)), "mean0 must be finite; received inf in 1 of 2 entries"),
        (([1e308], 1, [-1e308], 1), "closer together than the largest float"),
        (("a", 1, 0, 1), "mean0 must be an array of numbers"),
    ],
)
def test_what_is_no_law_is_refused(arguments, said):
    with pytest.raises(InvalidInput, match=said):
        otgen.bures_wasserstein(*arguments)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float64, 1e-10), (np.float32, 4 * 2 * 2.0**-23)])
@pytest.mark.parametrize("size", [1.0, 2.0**40])
def test_what_rounding_may_leave(dtype, rounding, size):
    """A covariance that is off counts as the mean with its transpose, without the negative eigenvalue; one that is further off is refused."""
    mean = np.zeros(2)

    def distance(entries):
        return otgen.bures_wasserstein(mean, (size * np.array(entries)).astype(dtype), mean, np.zeros((2, 2)))

    for off in (0.7 * rounding, 1.6 * rounding):
        skew, negative = [[1.0, 0.5 + off], [0.5, 1.0]], [[1.0, 0.0], [0.0, -off]]
        if off < rounding:
            assert distance(skew) == pytest.approx(math.sqrt(2 * size), rel=1e-12)
            assert distance(negative) == pytest.approx(math.sqrt(size), rel=1e-15)
        else:
            for entries, said in ((skew, "symmetric"), (negative, "semi-definite")):
                with pytest.raises(InvalidInput, match=said):
                    distance(entries)


def test_variances_that_underflow_beside_others():
    """The first coordinates alone are apart, and lost where the largest entry is 1."""
    one, other = np.diag([1e-200, 1e200]), np.diag([4e-200, 1e200])
    found = otgen.bures_wasserstein([0, 0], one, [0, 0], other)
    assert found.lower <= 1e-100 <= found.upper <= 1.000001e-100


def test_groups_of_coordinates_that_nothing_joins():
    """Each is computed in units of its own, whatever the order of coordinates."""
    rng = np.random.default_rng(0)
    covs = []
    for _ in range(2):
        blocks = [scale * z @ z.T for scale, z in zip((1.0, 1e-3), rng.normal(size=(2, 3, 3)))]
        covs.append(scipy.linalg.block_diag(*blocks, rng.uniform(1, 2), 0.0, 1e-5))
    order = rng.permutation(9)
    one, other = (z[np.ix_(order, order)] for z in covs)
    found, want = (
        otgen.bures_wasserstein(np.zeros(9), one, np.zeros(9), other),
        truth(np.zeros(9), one, np.zeros(9), other),
    )
    assert found.lower <= want <= found.upper
    assert found.upper - found.lower < 1e-12
    tiny = scipy.linalg.block_diag(covs[0][:3, :3] * 2.0**-600, 2.0**600)
    moved = scipy.linalg.block_diag(covs[1][:3, :3] * 2.0**-600, 2.0**600)
    alone = otgen.bures_wasserstein(np.zeros(3), covs[0][:3, :3], np.zeros(3), covs[1][:3, :3])
    assert otgen.bures_wasserstein(np.zeros(4), tiny, np.zeros(4), moved) == pytest.approx(
        alone.value * 2.0**-300, rel=1e-12
    )
