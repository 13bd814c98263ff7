"""Transport between unequal masses by its definitions: linear programs and rational arithmetic; problems, and what answers must add up to."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize
from hypothesis import strategies as st
from proving import exact_transport, fractions

INF = float("inf")
X, Y = [[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]], [[0.0, 0.0], [1.0, 1.0]]
A, B = [1, 2, 1], [2, 1]


def definition(C, a, b, lam, mu, mass=None):
    """``min <P, C> + lam.(a - P 1) + mu.(b - P' 1)`` over ``P 1 <= a``, ``P' 1 <= b``, perhaps of a total: the linear program, by HiGHS."""
    C, a, b = (np.asarray(z, float) for z in (C, a, b))
    (n, m), lam, mu = C.shape, np.broadcast_to(lam, len(a)), np.broadcast_to(mu, len(b))
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    total = {} if mass is None else dict(A_eq=np.ones((1, n * m)), b_eq=[mass])
    found = scipy.optimize.linprog(
        (C - lam[:, None] - mu).ravel(), A_ub=sums, b_ub=np.concatenate([a, b]), method="highs", **total
    )
    assert found.status == 0
    return found.fun + lam @ a + mu @ b


def rational(C, a, b, lam, mu, mass=None):
    """The same in rational arithmetic, of whole masses: every way to match units of mass, some of them staying, by dynamic programming."""
    C, lam, mu = fractions(C), [Fraction(float(z)) for z in lam], [Fraction(float(z)) for z in mu]
    one, other = (np.repeat(np.arange(len(w)), w).tolist() for w in (a, b))
    least = {0: Fraction(0)}  # of the sources so far, by the set of targets that they have taken
    for i in one:
        after = {}
        for taken, cost in least.items():
            ways = [(taken, cost + lam[i])]
            ways += [(taken | 1 << k, cost + C[i][j]) for k, j in enumerate(other) if not taken >> k & 1]
            for now, spent in ways:
                after[now] = min(spent, after.get(now, spent))
        least = after
    return min(
        cost + sum(mu[j] for k, j in enumerate(other) if not taken >> k & 1)
        for taken, cost in least.items()
        if mass is None or taken.bit_count() == mass
    )


def rational_of_any_masses(C, a, b, lam, mu, mass=None):
    """The same of masses that are any floats: what stays goes to a dummy, and successive shortest paths in rational arithmetic."""
    one, other = ([Fraction(float(w)) for w in side] for side in (a, b))
    moved = Fraction(0 if mass is None else mass)
    costs = [[*row, Fraction(float(price))] for row, price in zip(fractions(C), lam)]
    costs.append([*(Fraction(float(price)) for price in mu), Fraction(0) if mass is None else None])
    total = sum(one) + sum(other) - moved
    return total * exact_transport(costs, [*one, sum(other) - moved], [*other, sum(one) - moved])


def rational_of_any_range(costs, a, b, lam, mu, mass=None):
    """The same of costs that are rationals of any size: in whole numbers, since their common denominators are long."""
    one, other = ([Fraction(float(w)) for w in side] for side in (a, b))
    moved = Fraction(0) if mass is None else min(Fraction(mass), sum(one), sum(other))
    column, row = ([Fraction(z) if z < INF else None for z in side] for side in (lam, mu))
    table = [[*of, price] for of, price in zip(costs, column)] + [[*row, Fraction(0) if mass is None else None]]
    unit = max(cost.denominator for of in table for cost in of if cost is not None)
    table = [[None if cost is None else int(cost * unit) for cost in of] for of in table]
    ends = [*one, sum(other) - moved], [*other, sum(one) - moved]
    return exact_transport(table, *ends) * sum(ends[0]) / unit


def assert_holds(result, cost, p=1):
    """The interval holds the p-th root of an exact cost, and is narrow; both ends are raised to the power, exactly."""
    assert Fraction(result.lower) ** p <= cost or (result.lower < 0 and p > 1)
    assert result.upper == INF or cost <= Fraction(result.upper) ** p
    assert result.lower <= result.value <= result.upper
    assert result.upper - result.lower <= 1e-9 * abs(result.value) + 1e-300
    assert (result.value == 0) == (cost == 0) or abs(result.value) < 1e-300


@st.composite
def problems(draw, whole=False):
    """Clouds in the plane with dyadic coordinates and masses, and prices."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 4 if whole else 7)), draw(st.integers(1, 4 if whole else 7))
    x, y = rng.integers(-32, 32, (n, 2)) / 8, rng.integers(-32, 32, (m, 2)) / 8
    a, b = (rng.integers(0, 3, k) if whole else rng.integers(0, 9, k) / 4 for k in (n, m))
    a[0], b[0] = a[0] or 1, b[0] or 1
    lam, mu = rng.integers(0, 12, n) / 2, rng.integers(0, 12, m) / 2
    if draw(st.booleans()):
        lam, mu = np.full(n, lam[0]), np.full(m, mu[0])
    return x, y, a, b, lam, mu


def amount(a, b, share):
    return min(float(np.sum(a)), float(np.sum(b))) * share


def assert_accounts(result, a, b, C, lam, mu):
    """What moves and what stays add up to the weights, and to the cost."""
    flows, (left, missed) = result.plan.todense() * result.mass, result.unmatched
    assert (flows >= 0).all()
    assert (left >= 0).all()
    assert (missed >= 0).all()
    size = max(np.sum(a), np.sum(b))
    np.testing.assert_allclose(flows.sum(axis=1) + left, a, atol=1e-13 * size)
    np.testing.assert_allclose(flows.sum(axis=0) + missed, b, atol=1e-13 * size)
    spent = (np.where(flows > 0, C, 0.0) * flows).sum() + np.dot(lam, left) + np.dot(mu, missed)
    assert spent == pytest.approx(result.cost, rel=1e-12, abs=1e-12 * size * (np.max(lam) + np.max(mu) + 1))
