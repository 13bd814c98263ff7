"""Minkowski metrics and costs of any order through every door: proven intervals hold the least over all permutations, and are narrow."""

import math
from itertools import permutations

import mpmath
import numpy as np
from chosen import few
from hypothesis import given
from hypothesis import strategies as st

import otgen

Q = [1.0, 1.0000001, 1.5, 2.0, 3.0, 50.0, 300.0, 1000.0, 1e5, 1e17, 1e300, math.inf]
P = [1.0, 1.3, 2.0, 3.0, 8.0, 8.5, 60.0, 400.0, 700.0, math.inf]


def minkowski(u, v, q):
    sizes = [abs(mpmath.mpf(float(s)) - mpmath.mpf(float(t))) for s, t in zip(u, v)]
    most = max(sizes)
    if q == math.inf or not most:
        return most
    return most * mpmath.fsum((z / most) ** mpmath.mpf(q) for z in sizes) ** (1 / mpmath.mpf(q))


def least(x, y, p, q):
    """W_p of as many points of equal weight, with the largest distance divided out."""
    with mpmath.workdps(60):
        d = [[minkowski(u, v, q) for v in y] for u in x]
        plans = [[row[k] for row, k in zip(d, order)] for order in permutations(range(len(x)))]
        if p == math.inf or not max(map(max, d)):
            return min(map(max, plans))
        top, p = max(map(max, d)), mpmath.mpf(p)
        return top * min(mpmath.fsum((z / top) ** p for z in plan) / len(plan) for plan in plans) ** (1 / p)


@st.composite
def clouds(draw):
    """Few points, some of them on a grid, moved little, with outliers, or far from the origin, in single or double precision."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    x, y = rng.normal(size=(2, n, d))
    kind = draw(st.sampled_from(["normal", "grid", "near", "outlier"]))
    if kind == "grid":
        x, y = np.round(3 * x), np.round(3 * y)
    elif kind == "near":
        y = rng.permutation(x) + 10.0 ** -draw(st.integers(1, 14)) * rng.normal(size=(n, d))
    elif kind == "outlier":
        x[0], y[-1] = 1e10 * x[0], 1e-10 * y[-1]
    if draw(st.booleans()):
        return x.astype(np.float32), y.astype(np.float32)
    scale = 10.0 ** draw(st.sampled_from([0, 0, -30, 30, -150, 150, -290, 290]))
    offset = draw(st.sampled_from([0.0, 0.0, 1e8]))
    return (x + offset) * scale, (y + offset) * scale


def answers(x, y, options, door):
    """Intervals, and values within, by one of the doors."""
    if door == "batch":
        found = otgen.wasserstein_batch([x, x[::-1]], [y, y], throw=False, **options)
        return [(one.lower, one.upper, one.value) for one in found]
    if door == "pairwise":
        found = otgen.pairwise([x, y], bounds=True, **options)
        return [(found.lower[0, 1], found.upper[0, 1], found.value[0, 1])]
    if door == "neighbors":
        found = otgen.neighbors([x], [y], k=1, **options)
        return [(found.lower[0, 0], found.upper[0, 0], found.value[0, 0])]
    if door == "audit" and options["p"] < math.inf:
        found = otgen.audit(x, y, plan=np.arange(len(x)), **options)
        return [(found.lower, found.upper, found.upper)]
    solver = door if options["p"] < math.inf and door in ("simplex", "linprog") else "auto"
    found = otgen.wasserstein(x, y, solver=solver, throw=False, **options)
    return [(found.lower, found.upper, found.value)]


DOORS = ["alone", "alone", "batch", "pairwise", "neighbors", "audit", "simplex", "linprog"]


@few(25)
@given(clouds(), st.sampled_from(P), st.sampled_from(Q), st.sampled_from(DOORS))
def test_every_door_holds_the_least_of_all_permutations(pair, p, q, door):
    x, y = pair
    truth = least(x, y, p, q)
    for low, high, value in answers(x, y, {"p": p, "metric": otgen.Minkowski(q)}, door):
        assert mpmath.mpf(low) <= truth <= mpmath.mpf(high)
        assert low <= value <= high
        if door not in ("neighbors", "audit", "linprog") and truth > 1e-290:
            assert high - low <= 1e-6 * truth


@given(clouds(), st.sampled_from(P[:-1]), st.sampled_from(Q))
def test_gradients_are_numbers(pair, p, q):
    """Where a derivative of the cost leaves the floats it is infinite, and that of the distance is a number."""
    x, y = pair
    found = otgen.wasserstein(x, y, p=p, metric=otgen.Minkowski(q), throw=False)
    for of in ("cost", "value"):
        slopes = found.gradients(of=of)
        for slope in (slopes.x, slopes.y):
            assert slope is None or not np.isnan(slope).any()
            assert slope is None or of == "cost" or np.isfinite(slope).all()


@given(clouds(), st.floats(0.3, 3.0), st.sampled_from(P), st.sampled_from(Q))
def test_what_lies_within_a_radius(pair, share, p, q):
    x, y = pair
    truth = least(x, y, p, q)
    if not 1e-290 < truth < 1e300 or abs(share - 1) < 1e-6:
        return
    found = otgen.within([x], float(truth) * share, [y], p=p, metric=otgen.Minkowski(q))
    assert len(found.pairs) + len(found.undecided) >= (share > 1)
    assert len(found.pairs) == 0 or share > 1
