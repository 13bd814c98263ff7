"""Estimates before work starts, and refusals of what would not fit."""

import numpy as np
import pytest
import scipy.sparse

import otgen
from otgen.inputs.memory import available, readable
from otgen.solvers import Auto
from otgen.solvers.cost_model import Expected

INF = float("inf")


def made(n, d=2, **options):
    return otgen.Problem.from_points(np.random.default_rng(0).random((n, d)), np.ones((n, d)), **options)


@pytest.mark.parametrize("options", [{}, {"p": 1}, {"p": INF}, {"epsilon": 0.1}, {"d": 1}, {"d": 30}])
def test_estimates_grow_with_the_problem(options):
    small, large = (Auto().expected(made(n, **options)) for n in (200, 2000))
    assert 0 < small.seconds < large.seconds
    assert 1e8 < small.size < large.size < 1e9


def test_estimates_for_matrices():
    dense = Auto().expected(otgen.Problem.from_matrix(np.ones((300, 300))))
    holes = np.ones((300, 300))
    holes[0, 0] = INF
    assert Auto().expected(otgen.Problem.from_matrix(holes)).size > dense.size


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.01, "under 0.1 s"), (3.4, "about 3 s"), (300, "about 5 minutes"), (9000, "about 2.5 hours")],
)
def test_words(seconds, said):
    assert str(Expected(seconds, 2.51e8)) == f"{said} and 250 MB"


def test_sizes_in_words():
    assert [readable(z) for z in (1500, 2.5e6, 3e9)] == ["1.5 kB", "2.5 MB", "3 GB"]
    assert available() > 10**7


def test_explain_says_what_it_takes():
    assert "Expect under 0.1 s and 160 MB." in Auto().explain(made(100))
    assert "for 100 iterations" in Auto().explain(made(100, epsilon=0.1))


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr("otgen.solvers.simplex.available", lambda: 10**5)  # a machine's memory is no input
    x = np.arange(24_000.0).reshape(-1, 2)
    with pytest.raises(
        otgen.TooLarge, match=r"received 12000 x 12000, which needs about .* with 100 kB free; subsample"
    ):
        otgen.wasserstein(x, x + 1)


def test_copies_of_few_points_count_as_places(monkeypatch):
    monkeypatch.setattr("otgen.solvers.simplex.available", lambda: 10**7)
    x, y = np.tile([[0.0, 0.0], [1.0, 0.0]], (8000, 1)), np.tile([[0.0, 1.0]], (16_000, 1))
    assert otgen.wasserstein(x, y).cost == pytest.approx(1.5)


def test_sparse_matrices_count_by_their_entries():
    n = 30_000
    costs = scipy.sparse.diags_array(np.ones(n)).tocsr()
    assert Auto().expected(otgen.Problem.from_matrix(costs)).grows < 2e7
    assert otgen.transport(costs).cost == n * (1 / n)


def test_a_search_for_the_longest_pair_that_outgrows_memory_is_refused(monkeypatch):
    free = iter([10**9])  # before the first pairs; then less
    monkeypatch.setattr("otgen.solvers.bottleneck.available", lambda: next(free, 10**5))
    monkeypatch.setattr("otgen.solvers.bottleneck._JUDGED", 10**5)
    rng = np.random.default_rng(0)
    with pytest.raises(otgen.TooLarge, match=r"received 300 x 300 points, of which \d+ pairs are not enough"):
        otgen.wasserstein(rng.random((300, 2)), rng.normal(0.5, 0.2, (300, 2)), p=INF)


def test_the_first_pairs_of_a_search_for_the_longest_are_counted(monkeypatch):
    monkeypatch.setattr("otgen.solvers.bottleneck.available", lambda: 10**8)
    x = np.random.default_rng(0).random((60_000, 2))
    with pytest.raises(
        otgen.TooLarge, match=r"received 60000 x 60000 points, of which 2880000 pairs are looked at first"
    ):
        otgen.wasserstein(x, x + 1, p=INF)
