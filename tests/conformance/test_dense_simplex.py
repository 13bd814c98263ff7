"""The network simplex over listed costs alone, and what is proven of its claims: exact, in stacks as one by one."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from proving import exact_transport, fractions
from scipy.optimize import linprog

from otgen.kernels import dense_dual, dense_simplex, dense_stack

KINDS = ("random", "ties", "far apart", "equal", "negative")


def costs_of(kind, rng, n, m):
    return {
        "random": lambda: rng.random((n, m)),
        "ties": lambda: rng.integers(0, 3, (n, m)).astype(float),
        "far apart": lambda: np.where(rng.random((n, m)) < 0.4, 1e16, rng.integers(0, 3, (n, m)).astype(float)),
        "equal": lambda: np.full((n, m), 7.0),
        "negative": lambda: -np.multiply.outer(np.arange(1.0, n + 1), np.arange(1.0, m + 1)),
    }[kind]()


def masses_of(rng, size):
    """Some without mass, and of totals that differ."""
    weights = rng.integers(0, 4, size).astype(float)
    weights[rng.integers(size)] += 1
    return weights * 10.0 ** rng.integers(-3, 4)


def stack(seed, kind):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, (5, 2))
    problems = [(costs_of(kind, rng, n, m), masses_of(rng, n), masses_of(rng, m)) for n, m in sizes]
    costs, a, b = (np.concatenate([problem[k].ravel() for problem in problems]) for k in range(3))
    return problems, costs, a, b, dense_stack.layout(*sizes.T)


def proven(costs, a, b, where):
    claims, ends = dense_simplex.solve(costs, a, b, where)
    numbers, f, g = dense_dual.prove(costs, a, b, claims, np.zeros((len(where.starts) - 1, 2)), where)
    return claims, ends, numbers, f, g


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_intervals_hold_the_exact_optimum(seed, kind):
    problems, *laid_out, where = stack(seed, kind)
    _, ends, numbers, f, g = proven(*laid_out, where)
    for k, (C, a, b) in enumerate(problems):
        truth = exact_transport(fractions(C), a, b)
        cost, lower, upper = map(Fraction, numbers[k, :3].tolist())
        assert ends[k, 0] == dense_simplex.SOLVED
        assert lower <= truth <= upper
        assert upper - lower <= 4e-15 * np.abs(C).max()
        assert lower <= cost <= upper
        (i, j, _), (i_end, j_end, _) = where.starts[k : k + 2].tolist()
        excess = f[i:i_end, None] + g[j:j_end] - C
        assert excess.max() <= 4e-15 * np.abs(C).max()


@pytest.mark.parametrize("kind", KINDS)
def test_stacks_are_solved_as_their_parts(kind):
    problems, *laid_out, where = stack(0, kind)
    *_, together, _, _ = proven(*laid_out, where)
    for k, (C, a, b) in enumerate(problems):
        *_, alone, _, _ = proven(C.ravel(), a, b, dense_stack.single(*C.shape))
        np.testing.assert_array_equal(together[k], alone[0])


@pytest.mark.parametrize("seed", range(6))
def test_any_claim_proves_an_interval(seed):
    """Plans that miss their marginals and potentials that are infeasible make it wide, never wrong."""
    problems, costs, a, b, where = stack(seed, "random")
    claims, *_ = proven(costs, a, b, where)
    rng = np.random.default_rng(seed)
    claims.f[:] += rng.normal(size=len(claims.f))
    claims.flows[0] *= rng.random(len(claims.flows[0])) * 2
    numbers, *_ = dense_dual.prove(costs, a, b, claims, np.zeros((len(problems), 2)), where)
    for (C, *sides), (cost, lower, upper, *_) in zip(problems, numbers.tolist()):
        assert Fraction(lower) <= exact_transport(fractions(C), *sides) <= Fraction(upper)
        assert lower <= cost


@pytest.mark.parametrize("lie", [np.nan, np.inf, -np.inf, -1.0, 1e300])
@pytest.mark.parametrize("field", ["f", "g", "high", "low"])
def test_claims_that_are_no_numbers_or_no_plans_prove_nothing_wrong(field, lie):
    rng = np.random.default_rng(2)
    C, a, b, where = rng.random((4, 4)), np.ones(4), np.ones(4), dense_stack.single(4, 4)
    truth = exact_transport(fractions(C), a, b)
    claims, *_ = proven(C.ravel(), a, b, where)
    flows = dict(high=claims.flows[0], low=claims.flows[1])
    {**flows, "f": claims.f, "g": claims.g}[field][1] = lie
    numbers, f, g = dense_dual.prove(C.ravel(), a, b, claims, np.zeros((1, 2)), where)
    _, lower, upper, *_ = numbers[0].tolist()
    assert Fraction(lower) <= truth
    assert upper == np.inf if field in ("high", "low") else truth <= Fraction(upper)
    assert (f[:, None] + g - C).max() <= 1e-15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(63, 65), (70, 129), (130, 64), (200, 5)])
def test_what_takes_several_words_and_stretches_is_solved(shape, kind):
    """Nodes beyond one word of bits, columns beyond one stretch: the value is that of HiGHS."""
    rng = np.random.default_rng(shape)
    C, (a, b) = costs_of(kind, rng, *shape), (masses_of(rng, k) for k in shape)
    _, ends, numbers, *_ = proven(C.ravel(), a, b, dense_stack.single(*shape))
    cost, lower, upper = numbers[0, :3]
    assert ends[0, 0] == dense_simplex.SOLVED
    assert lower <= cost <= upper
    assert upper - lower <= 1e-13 * np.abs(C).max()
    if kind == "far apart":  # beyond HiGHS
        return
    n, m = shape
    met = scipy.sparse.vstack(
        [scipy.sparse.kron(np.eye(n), np.ones((1, m))), scipy.sparse.kron(np.ones((1, n)), np.eye(m))]
    )
    found = linprog(C.ravel(), A_eq=met, b_eq=np.concatenate([a / a.sum(), b / b.sum()]))
    assert lower - 1e-6 <= found.fun <= upper + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_hold_at_every_limit(kind):
    rng = np.random.default_rng(1)
    C, a, b = costs_of(kind, rng, 6, 5), masses_of(rng, 6), masses_of(rng, 5)
    truth, where = exact_transport(fractions(C), a, b), dense_stack.single(6, 5)
    ends = np.empty((1, 2))
    for limit in range(8):
        claims, ends = dense_simplex.solve(C.ravel(), a, b, where, limit)
        assert ends[0, 1] <= limit
        numbers, *_ = dense_dual.prove(C.ravel(), a, b, claims, np.zeros((1, 2)), where)
        _, lower, upper, _, missed, *_ = map(Fraction, numbers[0].tolist())
        assert lower <= truth <= upper
        assert missed < 1e-28  # every tree is a plan
    assert ends[0, 0] == dense_simplex.SOLVED


def test_masses_below_all_units_are_odd():
    _, ends = dense_simplex.solve(np.ones(4), np.array([1.0, 1e-30]), np.ones(2), dense_stack.single(2, 2))
    assert ends[0, 0] == dense_simplex.ODD
