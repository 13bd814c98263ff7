"""W_inf beyond the line: against subsets, permutations, the line and linear programs; ties decided as the real numbers are."""

from dataclasses import replace
from fractions import Fraction
from itertools import chain, combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist

import otgen
from otgen.model.units import scaled
from otgen.proofs import prove
from otgen.solvers import Bottleneck
from otgen.solvers.base import silent
from otgen.solvers.bottleneck import _Search

INF = float("inf")


def distance(x, y):
    return np.linalg.norm(x[:, None] - y[None], axis=2)


def by_subsets(costs, a, b):
    """The least t such that every set of sources has at most the mass of the targets within t of it, in fractions."""
    a, b = ([Fraction(float(w)) for w in side] for side in (a, b))
    a, b = ([w / sum(side) for w in side] for side in (a, b))
    sets = list(chain.from_iterable(combinations(range(len(a)), k) for k in range(1, len(a) + 1)))
    for t in np.unique(costs):
        if all(
            sum(a[i] for i in s) <= sum((b[j] for j in range(len(b)) if (costs[list(s), j] <= t).any()), Fraction(0))
            for s in sets
        ):
            return t
    raise AssertionError("some threshold lets everything through")


WEIGHTS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1.0, 1e-12, 1 / 3])


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_every_subset_agrees(n, m, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    x, y = rng.integers(0, 4, (n, 2)).astype(float), rng.integers(0, 4, (m, 2)).astype(float)
    a, b = (np.array(data.draw(st.lists(WEIGHTS, min_size=k, max_size=k))) for k in (n, m))
    if not a.any() or not b.any():
        return
    result = otgen.wasserstein(x, y, a, b, p=INF, normalize=True)
    truth = by_subsets(distance(x, y)[np.ix_(a > 0, b > 0)], a[a > 0], b[b > 0])
    assert result.lower <= truth <= result.upper
    assert result.value == pytest.approx(truth, rel=1e-15)
    assert result.status is otgen.Status.OPTIMAL
    assert result.certificate == "cut"
    assert result.cost is None


def test_permutations_agree():
    rng = np.random.default_rng(0)
    for n in range(1, 7):
        x, y = rng.random((2, n, 3))
        costs = distance(x, y)
        best = min(max(costs[i, p[i]] for i in range(n)) for p in permutations(range(n)))
        result = otgen.wasserstein(x, y, p=INF)
        assert result.value == pytest.approx(best, rel=1e-15)
        assert sorted(result.plan.permutation) == list(range(n))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_line_agrees(weighted):
    rng = np.random.default_rng(1)
    x, y = rng.random(60), rng.normal(0.5, 0.3, 45)
    a, b = (rng.dirichlet(np.ones(len(z))) if weighted else None for z in (x, y))
    line = otgen.wasserstein(x, y, a, b, p=INF)
    plane = otgen.wasserstein(np.stack([x, 0 * x], 1), np.stack([y, 0 * y], 1), a, b, p=INF)
    assert (line.solver, plane.solver) == ("Line", "Bottleneck")
    assert plane.value == pytest.approx(line.value, rel=1e-14)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3)])
def test_linear_programs_agree(metric):
    rng = np.random.default_rng(2)
    n, m = 9, 12
    x, y = rng.random((n, 2)), rng.random((m, 2))
    a, b = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    result = otgen.wasserstein(x, y, a, b, p=INF, metric=metric)
    costs = otgen.Problem.from_points(x, y, p=1, metric=metric).cost.block()
    rows = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])

    def feasible(t):
        bounds = [(0, None if c <= t else 0) for c in costs.ravel()]
        return linprog(np.zeros(n * m), A_eq=rows, b_eq=np.concatenate([a, b]), bounds=bounds).status == 0

    assert feasible(result.upper * (1 + 1e-12))
    assert not feasible(result.lower * (1 - 1e-12))


def matched(costs, t):
    """Whether every source can have a target of its own within t."""
    return (maximum_bipartite_matching(csr_array(costs <= t), perm_type="column") >= 0).all()


@pytest.mark.parametrize("dim", [2, 3, 9, 30])
@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Circular(1.0)])
def test_matchings_agree(dim, metric):
    """Enough points for cells, trees and products; the least distance at which there is a matching, and none below."""
    rng = np.random.default_rng(dim)
    x, y = rng.random((300, dim)), rng.random((300, dim)) ** 1.5
    result = otgen.wasserstein(x, y, p=INF, metric=metric)
    costs = otgen.Problem.from_points(x, y, p=1, metric=metric).cost.block()
    assert matched(costs, result.value * (1 + 1e-13))
    assert not matched(costs, result.value * (1 - 1e-13))
    assert 0 < result.value * (1 - 1e-13) < result.lower <= result.upper < result.value * (1 + 1e-13)


@pytest.mark.parametrize("seed", range(12))
def test_many_dimensions_are_proven_on_both_sides(seed):
    """A sum of many squares is rounded otherwise for one pair than for a block: the cut must not be lost over that."""
    x, y = np.random.default_rng(seed).random((2, 300, 16))
    result = otgen.wasserstein(x, y, p=INF)
    assert result.value * (1 - 1e-13) < result.lower <= result.upper < result.value * (1 + 1e-13)


@pytest.mark.parametrize("metric", ["great_circle", "euclidean"])
def test_weights_against_a_split_into_equal_atoms(metric):
    """Weights that are whole numbers of grains, against as many points as there are grains."""
    rng = np.random.default_rng(8)
    x, y = rng.random((150, 2)), rng.random((120, 2))
    a, b = rng.integers(0, 4, 150), rng.multinomial(0, np.ones(120) / 120)
    b = b + 1 + rng.multinomial(a.sum() - 120, np.ones(120) / 120)
    weighted = otgen.wasserstein(x, y, a / a.sum(), b / b.sum(), p=INF, metric=metric)
    atoms = otgen.wasserstein(np.repeat(x, a, axis=0), np.repeat(y, b, axis=0), p=INF, metric=metric)
    rounded = otgen.wasserstein(x, y, a.astype(float), b.astype(float), p=INF, metric=metric, normalize=True)
    assert rounded.value == pytest.approx(atoms.value, rel=1e-14)
    assert weighted.value >= atoms.value * (1 - 1e-14)  # a grain that rounding adds may have to go further
    assert weighted.lower > 0


def test_scattered_clusters_need_a_jump():
    """Nearest distances say nothing where whole clusters have too much mass: the cut tells how far to look."""
    rng = np.random.default_rng(9)
    x = np.concatenate([rng.random((60, 2)), rng.random((40, 2)) + [1e6, 0]])
    y = np.concatenate([rng.random((40, 2)), rng.random((60, 2)) + [1e6, 0]])
    result = otgen.wasserstein(x, y, p=INF)
    assert result.lower == pytest.approx(1e6, rel=1e-5)
    assert result.iterations < 60


def test_an_ulp_of_mass_decides():
    """0.1 + 0.2 > 0.3 as floats are: a grain of mass has to cross to the other cluster, however far that is."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0]])
    y = np.array([[0.0, 0.5], [9.0, 0.0]])
    near = otgen.wasserstein(x, y, [0.25, 0.25, 0.5], [0.5, 0.5], p=INF)
    far = otgen.wasserstein(x, y, [0.1, 0.2, 0.7], [0.3, 0.7], p=INF)
    assert near.value == 0.5
    assert far.value == 9.0
    truth = by_subsets(distance(x, y), [0.1, 0.2, 0.7], [0.3, 0.7])
    assert far.lower <= truth <= far.upper


def test_equal_clouds_are_at_distance_zero():
    x = np.random.default_rng(3).random((50, 4))
    result = otgen.wasserstein(x, x[::-1], p=INF)
    assert (result.value, result.lower, result.upper) == (0.0, 0.0, 0.0)


def test_a_callable_metric():
    x, y = np.random.default_rng(4).random((2, 12, 2))
    expected = otgen.wasserstein(x, y, p=INF, metric="cityblock")
    result = otgen.wasserstein(x, y, p=INF, metric=lambda u, v: np.abs(u[:, None] - v[None]).sum(2))
    assert result.value == pytest.approx(expected.value, rel=1e-15)


def test_the_proof_believes_nothing():
    rng = np.random.default_rng(5)
    problem = scaled(
        otgen.Problem.from_points(rng.random((6, 2)), rng.random((7, 2)), rng.dirichlet(np.ones(6)), p=INF)
    )
    claim = Bottleneck().solve(problem).claim
    honest = prove(problem, claim)
    assert honest.lower <= honest.cost <= honest.upper < INF
    units = (claim.units[0] + 1, *claim.units[1:])
    assert prove(problem, replace(claim, units=units)).upper == INF
    assert prove(problem, replace(claim, cut=np.empty(0, np.int64))).lower == 0.0
    moved = claim.flows._replace(rows=(claim.flows.rows + 1) % 6)
    assert prove(problem, replace(claim, flows=moved)).upper == INF
    many = np.concatenate([claim.cut, claim.cut])  # a source counts once, however often it is listed
    assert prove(problem, replace(claim, cut=many)).lower == honest.lower


def test_few_pairs_are_looked_at():
    """One point far away makes all pairs of the others near ones: they are not listed for that."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 600, 2))
    x[0] = 60.0
    search = _Search(scaled(otgen.Problem.from_points(x, y, p=INF)), silent)
    search.run()
    assert len(search.known.rows) < 100 * 600


def test_it_solves_nothing_else():
    with pytest.raises(otgen.InvalidInput, match="must get points and p=inf"):
        otgen.wasserstein(np.zeros((2, 2)), np.zeros((2, 2)), p=2, solver="bottleneck")


@pytest.mark.parametrize("metric", ["euclidean", "cityblock"])
def test_distances_that_tie_up_to_an_ulp(metric):
    """Of rounded data there are many, and between two of them no threshold is left to try."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        x, y = rng.normal(size=(30, 2)).round(1), rng.normal(size=(30, 2)).round(1)
        result = otgen.wasserstein(x, y, p=np.inf, metric=metric)
        costs = cdist(x, y, metric)
        ends = result.value * (1 - 1e-12), result.value * (1 + 1e-12)
        matched = [(maximum_bipartite_matching(csr_array(costs <= end)) >= 0).all() for end in ends]
        assert matched == [False, True]
