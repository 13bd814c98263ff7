"""Relaxed transport with outliers and clouds far apart converges, to what plain damped Sinkhorn iterations in long doubles find."""

import math

import numpy as np
import pytest
from chosen import few
from hypothesis import assume, given
from hypothesis import strategies as st

import otgen


def log_sum(z, axis):
    most = z.max(axis=axis, keepdims=True)
    return (most + np.log(np.exp(z - most).sum(axis=axis, keepdims=True))).squeeze(axis)


def divergence(p, q):
    return (p * np.log(np.where(p > 0, p / q, 1.0)) - p + q).sum()


def shift(f, g, a, b, relax):
    """What is best added to f and taken from g, which the plan does not see."""
    one, other = (log_sum(np.log(w) - z / np.longdouble(r), 0) for z, w, r in zip((f, g), (a, b), relax))
    return (one - other) / sum(1 / np.longdouble(r) for r in relax)


def plain(costs, a, b, epsilon, relax, sweeps=40_000):
    """The primal value after sweeps in long doubles, each followed by a shift; None where costs are so many epsilon that these do not end."""
    costs, a, b = (np.asarray(z, np.longdouble) for z in (costs, a, b))
    damped = [1 / (1 + np.longdouble(epsilon) / r) for r in relax]
    f, g = np.zeros_like(a), np.zeros_like(b)
    for _ in range(sweeps):
        before = f
        f = -damped[0] * epsilon * log_sum((g - costs) / epsilon + np.log(b), 1)
        g = -damped[1] * epsilon * log_sum((f[:, None] - costs) / epsilon + np.log(a)[:, None], 0)
        by = shift(f, g, a, b, relax)
        f, g = f + by, g - by
        if np.abs(f - before).max() < 1e-14 + 1e-17 * np.abs(f).max():
            break
    else:
        return None
    plan = np.exp((f[:, None] + g - costs) / epsilon) * a[:, None] * b
    value = (plan * costs).sum() + epsilon * divergence(plan, a[:, None] * b)
    sides = ((relax[0], plan.sum(1), a), (relax[1], plan.sum(0), b))
    return float(value + sum(r * divergence(p, q) for r, p, q in sides if r < math.inf))


@few(20)
@given(
    seed=st.integers(0, 2**32 - 1),
    outlier=st.floats(0, 4),
    apart=st.sampled_from([0.0, 0.0, 10.0, 300.0]),
    epsilon=st.floats(-2, 1.5),
    relax=st.tuples(*[st.one_of(st.floats(-2, 3), st.just(math.inf))] * 2).filter(lambda z: min(z) < math.inf),
    p=st.sampled_from([1, 2]),
    listed=st.booleans(),
)
def test_values_are_those_of_plain_iterations(seed, outlier, apart, epsilon, relax, p, listed):
    rng = np.random.default_rng(seed)
    n, m, d = rng.integers(1, 6), rng.integers(1, 6), rng.integers(1, 3)
    x, y, a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + apart, rng.random(n) + 0.05, rng.random(m) + 0.05
    x[0] += 10.0**outlier
    epsilon, relax = 10.0**epsilon, tuple(10.0**r for r in relax)
    costs = np.sqrt(((x[:, None] - y) ** 2).sum(axis=2)) ** p
    if listed:
        found = otgen.transport(costs, a, b, epsilon=epsilon, relax=relax)
    else:
        found = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, relax=relax, p=p)
    truth = plain(costs, a, b, epsilon, relax)
    assume(truth is not None)
    slack = 1e-8 * max(1.0, abs(truth))
    assert found.lower - slack <= truth <= found.upper + slack
    assert found.value == pytest.approx(truth, rel=1e-4, abs=1e-7 * costs.max())
