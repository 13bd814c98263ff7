"""Sums of exponentials beyond the plain suite: leaving terms out, many rows, extreme exponents, exp2 itself."""

import os

import numpy as np
import pytest
from workers import count_workers

from otgen.kernels import cpu, point_ground, reference
from otgen.kernels.exponential import exp2
from otgen.kernels.jit import jit
from otgen.kernels.kdtree import kd_order


@jit
def powers(t, out):
    for i in range(t.shape[0]):
        out[i] = exp2(t[i])


@pytest.mark.parametrize(
    ("dtype", "low", "high", "ulps"), [(np.float32, -126, 127, 1.5), (np.float64, -1022, 1023, 1.5)]
)
def test_exp2(dtype, low, high, ulps):
    rng = np.random.default_rng(0)
    t = np.concatenate([rng.uniform(low, high, 2000), rng.uniform(-2, 2, 2000), [low, high, 0, -0.5, 0.5]]).astype(
        dtype
    )
    out = np.empty_like(t)
    powers(t, out)
    exact = np.exp2(t.astype(np.longdouble))
    assert np.abs(out / exact - 1).max() <= ulps * np.finfo(dtype).eps
    special = np.array([-np.inf, 2 * low, np.nan, 0.0], dtype)
    out = np.empty_like(special)
    powers(special, out)
    assert out[0] == 0.0
    assert out[1] < np.finfo(dtype).tiny
    assert np.isnan(out[2])
    assert out[3] == 1.0


def clouds(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.normal(0.5, 0.2, (m, d))
    return x[kd_order(x)], y[kd_order(y)], rng.random(n) + 0.1, rng.random(m) + 0.1


@pytest.mark.parametrize("form", [(2.0, 1.0, 1.0), (2.0, 0.5, 1.0), (1.0, 1.0, 1.0), (np.inf, 2.0, 1.0)])
@pytest.mark.parametrize("shape", [(70, 150, 1), (33, 200, 2), (150, 64, 3), (40, 130, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_terms_left_out_do_not_show(form, shape, dtype):
    x, y, a, b = clouds(*shape)
    b /= b.sum()
    exact = point_ground(x, y, *form)
    celled = point_ground(x.astype(dtype), y.astype(dtype), *form, celled=True)
    f, g = np.zeros(shape[0]), np.zeros(shape[1])
    epsilon = 0.02
    for _ in range(5):  # near a fixed point, where sums are about 1
        rows, columns = reference.sweep(exact, f, g, a, b, epsilon)
        f, g = f - epsilon * rows, g - epsilon * np.log(columns)
    expected = reference.sweep(exact, f, g, a, b, epsilon)
    found = cpu.sweep(celled, f, g, a, b, epsilon, cut=40.0)
    slack = 1e-3 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=slack)
    np.testing.assert_allclose(found[1], expected[1], rtol=slack)


@pytest.mark.parametrize("n", [1, 3, 4, 31, 32, 33, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cut", [np.inf, 50.0])
def test_half_the_pairs_are_enough(n, dtype, cut):
    x, _, a, _ = clouds(n, n, 2)
    a /= a.sum()
    ground = point_ground(x.astype(dtype), x.astype(dtype), 2.0, 1.0, celled=True)
    expected = reference.symmetric(point_ground(x, x, 2.0, 1.0), np.zeros(n), a, 0.5)
    found = cpu.symmetric(ground, np.zeros(n), a, 0.5, cut)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-12)


def test_a_sum_that_cannot_be_trusted_says_so():
    x = np.array([[0.0], [0.0], [1000.0]])
    found = cpu.symmetric(point_ground(x, x, 2.0, 1.0), np.array([0.0, 0.0, -1e6]), np.full(3, 1 / 3), 1.0)
    assert found[2] == -np.inf
    assert np.isfinite(found[:2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_potentials_that_are_far_off(dtype):
    x, y, a, b = clouds(30, 40, 2)
    ground = point_ground(x.astype(dtype), y.astype(dtype), 2.0, 1.0)
    f, g = np.linspace(-3, 3, 30), np.linspace(2, -2, 40)
    rows, _ = cpu.sweep(ground, f, g, a, b, 1e-3)
    expected, _ = reference.sweep(point_ground(x, y, 2.0, 1.0), f, g, a, b, 1e-3)
    np.testing.assert_allclose(rows, expected, rtol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="millions of pairs take minutes to step through")
@pytest.mark.parametrize("celled", [False, True])
def test_sweeps_have_the_same_bits_for_any_number_of_threads(celled, monkeypatch):
    x, y, a, b = clouds(2600, 2700, 2)
    ground = point_ground(x, y, 2.0, 1.0, celled=celled)
    counts, found = count_workers(monkeypatch), []
    for threads in ("1", "2"):
        monkeypatch.setenv("OTGEN_NUM_THREADS", threads)
        found.append(cpu.sweep(ground, np.zeros(2600), np.zeros(2700), a, b, 0.5))
    assert counts == [1, 2]
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
