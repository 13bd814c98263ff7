"""What batches of entropic problems prove is what each of them proves alone, wherever points carry no mass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen


def assert_as_good(x, y, a, b, **options) -> None:
    """The status, and intervals no wider than those of each problem alone, to rounding."""
    batch = otgen.sinkhorn_batch(x, y, a, b, throw=False, **options)
    for k, one in enumerate(batch):
        alone = otgen.sinkhorn(x[k], y[k], a[k], b[k], throw=False, **options)
        assert one.status is alone.status
        assert one.marginal_error == pytest.approx(alone.marginal_error, rel=1e-3, abs=1e-12)
        slack = 1e-9 * max(abs(alone.value), 1e-3)
        assert one.upper - one.lower <= 2 * (alone.upper - alone.lower) + slack
        if alone.exact_bounds is not None:
            assert one.exact_bounds == pytest.approx(alone.exact_bounds, abs=10 * slack)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 12),
    alike=st.booleans(),
    bare=st.tuples(st.booleans(), st.booleans()),
    relax=st.sampled_from([None, (np.inf, 1.0), (1.0, np.inf), 1.0, (1e-3, np.inf)]),
    strength=st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    far=st.sampled_from([0.0, 30.0, 1e4]),
)
def test_points_without_mass_widen_nothing(seed, n, alike, bare, relax, strength, far):
    """They lie ``far`` off."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, n, 2))
    y = x.copy() if alike else rng.normal(size=(3, n, 2))
    weights = []
    for points, some in zip((x, y), bare, strict=True):
        masses = rng.random((3, n)) + 0.01
        if some:
            empty = rng.random((3, n)) < 0.4
            empty[:, 0] = False
            masses[empty] = 0
            points[empty] += far
        weights.append(masses / masses.sum(axis=1, keepdims=True))
    assert_as_good(x, y, *weights, epsilon=otgen.Relative(strength), relax=relax, tol=1e-7, max_iter=1000)


def test_a_marginal_that_is_held_beside_one_that_is_not():
    """Points without mass had potentials beyond all floats in units of epsilon: what converged was called not to have."""
    rng = np.random.default_rng(1)
    x = 100 * rng.normal(size=(6, 7, 2))
    a, b = rng.random((2, 6, 7))
    a[:, 2:5] = b[:, 1:4] = 0
    assert_as_good(x, x, a, b, epsilon=0.1, relax=(1.0, np.inf), tol=1e-4, max_iter=3000)
    found = otgen.sinkhorn_batch(x, x, a, b, epsilon=0.1, relax=(1.0, np.inf), tol=1e-4, max_iter=3000)
    assert all(np.isfinite(one.marginal_error) for one in found)


@pytest.mark.parametrize(
    "options", [{}, {"metric": "cityblock", "p": 1}, {"relax": 1.0}, {"epsilon": otgen.Relative(0.1)}]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_divergences_are_posed_at_once_as_one_by_one(options, weighted):
    """To the same bits: lists are posed one by one."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5, 7, 3))
    y[2] = x[2]
    a, b = rng.random((2, 5, 7)) if weighted else (None, None)
    if weighted:
        a, b = (z / z.sum(axis=1, keepdims=True) for z in (a, b))
    lists = [None if z is None else list(z) for z in (x, y, a, b)]
    options = {"epsilon": 0.3} | options
    one, other = (otgen.sinkhorn_divergence_batch(*given, **options) for given in ((x, y, a, b), lists))
    for name in ("value", "lower", "upper", "iterations", "epsilon"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one[1].gradients().x, other[1].gradients().x)
