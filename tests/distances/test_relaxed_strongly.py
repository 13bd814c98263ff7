"""Relaxed transport at any strength, beside epsilon and beside 1: as many iterations as with marginals met, and the right value."""

import math

import numpy as np
import pytest
from scipy.special import logsumexp

import otgen


def clouds(n, m):
    rng = np.random.default_rng(4)
    return rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5


def optimum(C, a, b, epsilon, relax):
    """The dual value at the root of its derivatives, by Newton's method in plain numpy."""
    n, (one, other) = len(a), (1 / rho for rho in relax)
    z = np.zeros(sum(C.shape))
    for _ in range(300):  # alternate maximisation, to come near
        z[:n] = -epsilon * logsumexp((z[n:] - C) / epsilon, axis=1, b=b) / (1 + epsilon * one)
        z[n:] = -epsilon * logsumexp((z[:n, None] - C) / epsilon, axis=0, b=a[:, None]) / (1 + epsilon * other)
        t = math.log(a @ np.exp(-z[:n] * one) / (b @ np.exp(-z[n:] * other))) / (one + other)
        z += np.concatenate([np.full(n, t), np.full(len(b), -t)])
    for _ in range(50):
        f, g = z[:n], z[n:]
        P = np.outer(a, b) * np.exp((f[:, None] + g - C) / epsilon)
        held, kept = a * np.exp(-f * one), b * np.exp(-g * other)
        slope = np.concatenate([held - P.sum(1), kept - P.sum(0)])
        curved = np.block([[np.diag(P.sum(1)), P], [P.T, np.diag(P.sum(0))]]) / epsilon
        step = np.linalg.solve(curved + np.diag(np.concatenate([held * one, kept * other])), slope)
        z = z + step * min(1.0, epsilon / np.abs(step[:n, None] + step[n:]).max(initial=1e-300))
    f, g = z[:n], z[n:]
    gained = [
        -rho * weights @ np.expm1(-h / rho) if rho < math.inf else weights @ h
        for rho, weights, h in zip(relax, (a, b), (f, g))
    ]
    mass = (np.outer(a, b) * np.exp((f[:, None] + g - C) / epsilon)).sum()
    return sum(gained) - epsilon * (mass - a.sum() * b.sum())


@pytest.mark.parametrize("both", [(1, 1), (1, math.inf), (math.inf, 1), (1, 0.1)])
@pytest.mark.parametrize("strength", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("mass", [1.0, 3.0])
def test_iterations_do_not_grow(mass, strength, both):
    x, y = clouds(12, 15)
    epsilon = 0.3
    a, b = np.full(12, 1 / 12), np.full(15, mass / 15)
    relax = tuple(strength * epsilon * z for z in both)
    C = ((x[:, None] - y) ** 2).sum(-1)
    met = otgen.sinkhorn(x, y, epsilon=epsilon).iterations
    result = otgen.sinkhorn(x, y, a, b, epsilon=epsilon, relax=relax)
    assert result.iterations < 2 * met + 20
    truth = optimum(C, a, b, epsilon, relax)
    room = 1e-9 * max(1.0, abs(truth))
    assert result.lower - room <= truth <= result.upper + room
    assert result.upper - result.lower < 1e-6 * max(1.0, abs(truth), min(relax))


@pytest.mark.parametrize("mass", [1.0, 3.0])
def test_nor_do_those_of_the_general_loop(mass):
    x, y = clouds(260, 270)
    met = otgen.sinkhorn(x, y, epsilon=0.3).iterations
    result = otgen.sinkhorn(x, y, np.full(260, 1 / 260), np.full(270, mass / 270), epsilon=0.3, relax=3e4)
    assert result.iterations < 2 * met + 20
    small = otgen.sinkhorn(x[:200], y[:200], b=np.full(200, mass / 200), epsilon=0.3, relax=3e4)
    assert small.iterations < 2 * met + 20


@pytest.mark.parametrize("relax", [1e4, 1e9, 1e15, (1e12, None), (None, 1e12), (1e13, 1e7)])
@pytest.mark.parametrize("mass", [1.0, 40.0, 1e-3])
def test_intervals_do_not_grow_with_the_strength(mass, relax):
    x, y = clouds(12, 15)
    a, b = np.full(12, mass / 12), np.full(15, mass / 15)
    strengths = tuple(math.inf if z is None else z for z in (relax if isinstance(relax, tuple) else (relax, relax)))
    truth = optimum(((x[:, None] - y) ** 2).sum(-1), a, b, 0.3, strengths)
    alone = otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=relax)
    batch = otgen.sinkhorn_batch([x, x], [y, y], [a, a], [b, b], epsilon=0.3, relax=relax)
    room = 1e-9 * truth
    for found in (alone, *batch):
        assert found.lower - room <= truth <= found.upper + room
        assert found.upper - found.lower < 1e-5 * truth


@pytest.mark.parametrize("max_iter", [1, 3, 10])
def test_an_upper_end_of_unfinished_potentials_is_one(max_iter):
    x, y = clouds(12, 15)
    a, b = np.full(12, 3 / 12), np.full(15, 3 / 15)
    truth = optimum(((x[:, None] - y) ** 2).sum(-1), a, b, 0.3, (1e6, 1e6))
    found = otgen.sinkhorn(x, y, a, b, epsilon=0.3, relax=1e6, tol=1e-12, max_iter=max_iter, throw=False)
    assert found.lower <= truth <= found.upper < 100 * truth
