"""Between points in the plane and above costs vanish beside others, at high orders and where little moves; values and intervals do not."""

from itertools import permutations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.model.claim import Claim, Flows
from otgen.model.units import scaled
from otgen.proofs import prove

try:
    import torch
except ImportError:  # as beside the oldest versions
    torch = None

METRICS = {"euclidean": 2, "cityblock": 1, "chebyshev": mpmath.inf, otgen.Minkowski(3): 3, otgen.Minkowski(1000): 1000}


def truth(x, y, p, q=2):
    """Least p-th mean of distances over all permutations, at 40 digits."""
    with mpmath.workdps(40):
        d = [
            [mpmath.norm([mpmath.mpf(float(u)) - mpmath.mpf(float(v)) for u, v in zip(r, s)], q) for s in y] for r in x
        ]
        n = len(x)
        least = min(sum(d[i][s[i]] ** mpmath.mpf(p) for i in range(n)) for s in permutations(range(n)))
        return (least / n) ** (1 / mpmath.mpf(p))


def assert_holds(result, value):
    assert mpmath.mpf(result.lower) <= value <= mpmath.mpf(result.upper)
    assert result.lower <= result.value <= result.upper
    assert abs(result.value / value - 1) <= 1e-9 if value > 1e-290 else result.value <= 1e-290


orders = st.sampled_from([8.5, 9.0, 20.0, 37.5, 80.0, 200.0, 540.0, 700.0])


@given(st.integers(0, 2**32 - 1), orders, st.sampled_from([1e-3, 0.1, 1.0, 30.0]), st.sampled_from(list(METRICS)))
def test_clouds_against_all_permutations(seed, p, spread, metric):
    rng = np.random.default_rng(seed)
    x = rng.random((5, 2)) * 10.0 ** rng.integers(-3, 4)
    y = rng.permutation(x) + spread * rng.normal(size=x.shape)
    assert_holds(otgen.wasserstein(x, y, p=p, metric=metric), truth(x, y, p, METRICS[metric]))


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1.5, 2, 3, 4.5, 7, 8]),
    st.sampled_from([1e-2, 1e-4, 1e-6]),
    st.booleans(),
    st.sampled_from(list(METRICS)),
)
def test_little_moves_at_moderate_orders(seed, p, spread, code, metric):
    """Each point a little, beside others far away: `OPTIMAL` is said of the distance itself, with a code for what is missing or without."""
    rng = np.random.default_rng(seed)
    x = rng.random((5, 2)) * 10.0 ** rng.integers(-3, 4)
    y = rng.permutation(x) + spread * np.abs(x).max() * rng.normal(size=x.shape)
    if code:
        x[0] = y[3] = 999 * np.abs(x).max()
    result, value = otgen.wasserstein(x, y, p=p, metric=metric), truth(x, y, p, METRICS[metric])
    assert_holds(result, value)
    assert result.status is otgen.Status.OPTIMAL
    assert result.gap <= 1e-9 * result.value
    seen = otgen.audit(x, y, p=p, metric=metric, plan=result.plan)
    assert seen.lower <= value <= seen.upper
    if torch:
        loss = otgen.nn.wasserstein_loss(*map(torch.tensor, (x, y)), p=p, metric=metric, root=True)
        assert loss.item() == pytest.approx(float(value), rel=1e-9)


@given(
    st.integers(0, 2**32 - 1),
    orders,
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(2, 4),
    st.sampled_from(list(METRICS)),
)
def test_weights_that_are_shares_of_atoms(seed, p, n, m, d, metric):
    """Any numbers of points, one included, with masses in fifths: every atom of a fifth goes somewhere."""
    rng = np.random.default_rng(seed)
    sides = [(rng.random((k, d)), np.sort(np.append(np.arange(k), rng.integers(0, k, 5 - k)))) for k in (n, m)]
    (x, of_x), (y, of_y) = sides
    x *= 10.0 ** rng.integers(-3, 4)
    result = otgen.wasserstein(x, y, np.bincount(of_x), np.bincount(of_y), p=p, metric=metric)
    assert_holds(result, truth(x[of_x], y[of_y], p, METRICS[metric]))
    assert result.status is otgen.Status.OPTIMAL
    assert result.gap <= 1e-9 * result.value


@pytest.mark.parametrize("p", [2, 5, 8, 20, 80, 540])
@pytest.mark.parametrize("n", [40, 300])
def test_a_translation_costs_its_length(p, n):
    """By Jensen the mean displacement is a lower bound for every p, and the translation attains it."""
    x = np.random.default_rng(n).random((n, 3))
    result = otgen.wasserstein(x, x + 1e-3, p=p)
    length = np.sqrt((((x + 1e-3) - x).mean(axis=0) ** 2).sum())
    assert result.status is otgen.Status.OPTIMAL
    assert result.value == pytest.approx(length, rel=1e-9)
    assert result.gap <= 1e-9 * length
    if torch:
        loss = otgen.nn.wasserstein_loss(*map(torch.tensor, (x, x + 1e-3)), p=p, root=True)
        assert loss.item() == pytest.approx(length, rel=1e-9)


def test_little_moves_among_many_points():
    """Where its nearest is not where a point goes, and multiples of rounding are all that costs are in the unit of the cloud."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    y = rng.permutation(x) + 1e-3 * rng.normal(size=x.shape)
    found, least = otgen.wasserstein(x, y, p=8), otgen.wasserstein(x, y, p=9)
    assert found.status is otgen.Status.OPTIMAL
    assert found.gap <= 1e-9 * found.value
    assert found.value <= least.value < 1.1 * found.value  # distances grow with the order


@given(st.integers(0, 2**32 - 1), orders)
def test_liars(seed, p):
    """Any permutation and any potentials prove something, and nothing wrong."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((5, 2)), rng.random((5, 2))
    flows = rng.choice([0.2, 0.2, 0.2, 0.0, 0.1, 0.3]) * rng.choice([1.0, 1.0, 1.0, 1 + 1e-12, 0.9], 5)
    claim = Claim(
        Flows(rng.permutation(5), rng.integers(0, 5, 5) if rng.random() < 0.3 else rng.permutation(5), flows),
        (rng.normal(size=5), rng.normal(size=5)) if rng.random() < 0.5 else None,
    )
    problem = scaled(otgen.Problem.from_points(x, y, p=p))
    found, value = prove(problem, claim), truth(x, y, p)
    with mpmath.workdps(40):
        unit, root = mpmath.mpf(found.unit or 1) * 2**problem.cost.scale.exponent, 1 / mpmath.mpf(p)
        assert unit * mpmath.mpf(max(found.lower, 0.0)) ** root <= value
        assert found.upper == np.inf or unit * mpmath.mpf(found.upper) ** root >= value


def test_a_plan_that_serves_groups_unevenly_is_not_repaired_within_them():
    """Two groups far apart, the first with a trifle more mass on one side: that has to travel."""
    x, y = np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([[0.0, 1e-3], [100.0, 1e-3]])
    a, b = np.array([0.5, 0.5]), np.array([0.5 * (1 + 2.0**-50), 0.5 * (1 - 2.0**-50)])
    result = otgen.wasserstein(x, y, a, b, p=20)
    with mpmath.workdps(60):
        mass = mpmath.mpf(2) ** -51
        value = ((1 - mass) * mpmath.mpf(1e-3) ** 20 + mass * mpmath.norm([100, mpmath.mpf(1e-3)]) ** 20) ** (
            mpmath.mpf(1) / 20
        )
    assert mpmath.mpf(result.lower) <= value <= mpmath.mpf(result.upper)


def arcs(x, y):
    """Angles between (latitude, longitude), by the cross product."""
    u, v = (
        np.stack([np.cos(z[:, 0]) * np.cos(z[:, 1]), np.cos(z[:, 0]) * np.sin(z[:, 1]), np.sin(z[:, 0])], axis=1)
        for z in (x, y)
    )
    normal = np.linalg.norm(np.cross(u[:, None], v[None]), axis=2)
    return np.arctan2(normal, u @ v.T)


@given(st.integers(0, 2**32 - 1), orders, st.sampled_from(["great_circle", "circular"]))
def test_metrics_with_a_unit_of_their_own(seed, p, name):
    """Latitudes cannot be rescaled, and powers of a period overflow: the interval may be wide, and holds."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-1.5, 1.5, (4, 2)) * 10.0 ** -rng.integers(0, 3), rng.uniform(-1.5, 1.5, (4, 2))
    turns = (x[:, None] - y + 12.0) % 24.0 - 12.0
    d = arcs(x, y) if name == "great_circle" else np.sqrt((turns**2).sum(axis=2))
    value = min(max(d[i, s[i]] for i in range(4)) * np.mean([(d[i, s[i]] / max(d[j, s[j]] for j in range(4))) ** p for i in range(4)]) ** (1 / p) for s in permutations(range(4)))  # fmt: skip
    result = otgen.wasserstein(x, y, p=p, metric="great_circle" if name == "great_circle" else otgen.Circular(24.0))
    assert result.lower <= value * (1 + 1e-9)
    assert result.upper >= value * (1 - 1e-9)


@given(st.floats(1.0, 1e4), st.floats(1.0, 700.0), st.integers(1, 20), st.floats(1e-12, 1e3))
def test_one_pair_under_any_minkowski_metric(q, p, d, size):
    """Equal differences: ``size d ** (1/q)``, whose factors leave the range of floats long before the cost does."""
    result = otgen.wasserstein(np.full((1, d), size), np.zeros((2, d)), p=p, metric=otgen.Minkowski(q), throw=False)
    with mpmath.workdps(40):
        value = mpmath.mpf(size) * mpmath.mpf(d) ** (1 / mpmath.mpf(q))
        assert result.lower <= value <= result.upper


@given(p=st.integers(300, 700), faint=st.integers(200, 300))
def test_mass_beside_rounding_leaves_the_value_of_the_plan(p, faint):
    """0 and 5, with .7 of the mass, go by 2, and 1 by 1. What 10^-200 of mass needs is lost beside rounding; the value was 0 for it."""
    x, y = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]), np.array([[0.5, 0.0], [2.0, 0.0], [7.0, 0.0]])
    found = otgen.wasserstein(x, y, [0.2, 0.3, 0.5], [10.0**-faint, 0.5, 0.5], p=p, normalize=True)
    least = 2 * 0.7 ** (1 / p)
    assert found.lower <= found.value <= found.upper
    assert found.value == pytest.approx(least, rel=1e-12)
    assert found.lower <= least * (1 + 1e-12)
