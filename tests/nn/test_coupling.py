"""Minibatch couplings."""

from __future__ import annotations

from functools import partial
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import coupling


def test_an_exact_pairing_is_the_optimal_permutation():
    torch.manual_seed(0)
    x0, x1 = torch.randn(50, 3), torch.randn(50, 3)
    found = coupling.pair(x0, x1)
    assert sorted(found.columns.tolist()) == list(range(50))
    cost = (found.x0 - found.x1).square().sum(1).mean().item()
    assert cost == pytest.approx(otgen.wasserstein(x0, x1).cost, rel=1e-6)
    assert torch.equal(found.x1, x1[found.columns])


def test_a_permutation_draws_nothing():
    x0, x1 = torch.randn(5, 3), torch.randn(5, 3)
    before = torch.get_rng_state()
    coupling.pair(x0, x1)
    assert torch.equal(torch.get_rng_state(), before)


def test_images_are_flattened_and_come_back_as_images():
    x0, x1 = torch.randn(6, 1, 4, 4), torch.randn(6, 1, 4, 4)
    found = coupling.pair(x0, x1)
    assert found.x1.shape == x1.shape
    assert found.plan.shape == (6, 6)


def drawn(found, rows, times=4000):
    """How often each pair of a plan came up, when it was drawn from as ``pair`` draws."""
    generator, counts = torch.Generator().manual_seed(0), np.zeros(found.plan.shape)
    for _ in range(times):
        np.add.at(counts, coupling._rows_and_columns(found.plan, generator, drawn=rows), 1)
    return counts / times


@pytest.mark.parametrize("method", ["exact", "sinkhorn"])
def test_columns_are_drawn_from_the_plan(method):
    found = coupling.pair(torch.randn(3, 1), torch.randn(7, 1), method=method)
    assert found.rows.tolist() == [0, 1, 2]
    plan = found.plan.todense()
    want = plan / plan.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(drawn(found, rows=False), want, atol=4.5 * np.sqrt(0.25 / 4000))


@pytest.mark.parametrize(
    "options",
    [
        dict(a=torch.tensor([0.5, 0.3, 0.2])),
        dict(method="unbalanced"),
        dict(method="sinkhorn", relax=2.0, epsilon=0.5, b=torch.tensor([0.25, 0.75])),
    ],
)
@pytest.mark.by_day(2)
def test_rows_are_drawn_where_their_masses_differ(options):
    """Pairs come as often as the plan has mass on them: with weights, and where marginals may be missed."""
    x0, x1 = torch.tensor([[0.0], [1.0], [30.0]]), torch.tensor([[0.2], [0.9]])
    found = coupling.pair(x0, x1, rng=0, **options)
    assert torch.equal(found.x0, x0[found.rows])
    assert torch.equal(found.x1, x1[found.columns])
    plan = found.plan.todense()
    # Of three draws with chance q each, 3 q (1 - q) <= 3 / 4 is the variance.
    np.testing.assert_allclose(drawn(found, True, 1000), 3 * plan / plan.sum(), atol=4.5 * np.sqrt(0.75 / 1000))
    if "a" not in options:
        assert plan[2].sum() < 0.01  # an outlier, which is paired next to never


@pytest.mark.parametrize("options", [dict(a=torch.tensor([1.0, 0.0, 0.0])), dict(method="unbalanced")])
def test_rows_without_mass_do_not_come(options):
    found = coupling.pair(torch.tensor([[0.0], [90.0], [90.0]]), torch.tensor([[0.2], [0.9]]), rng=0, **options)
    assert found.rows.tolist() == [0, 0, 0]


def test_at_the_limit_it_raises_or_the_plan_reached_is_drawn_from():
    x0, x1 = torch.randn(9, 2), torch.randn(9, 2)
    for method in ("sinkhorn", "unbalanced"):
        call = partial(coupling.pair, x0, x1, method=method, epsilon=1e-4, max_iter=1)
        with pytest.raises(otgen.NotConverged, match="max_iter"):
            call()
        assert len(call(throw=False, rng=0).columns) == 9
        assert len(call(tol=1e9, rng=0).columns) == 9  # what was asked for is reached


@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 2**32 - 1), st.sampled_from([1, 2]))
def test_ties_are_broken_into_a_permutation_too(n, d, seed, p):
    """Points of a small grid, many of them equal: the best of all permutations, and nothing is drawn."""
    generator = torch.Generator().manual_seed(seed)
    x0, x1 = (torch.randint(3, (n, d), generator=generator).double() for _ in range(2))
    before = torch.get_rng_state()
    found = coupling.pair(x0, x1, p=p)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.rows.tolist() == list(range(n))
    assert sorted(found.columns.tolist()) == list(range(n))
    costs = torch.cdist(x0, x1).numpy() ** p
    best = costs[linear_sum_assignment(costs)].sum()
    assert costs[found.rows, found.columns].sum() == pytest.approx(best, rel=1e-12, abs=1e-12)


class TestPartial:
    @given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.5, 2.0]))
    def test_pairs_are_those_of_the_best_partial_matching(self, n, seed, penalty):
        """Over all partial matchings: an assignment among points and as many dummies as there are."""
        generator = torch.Generator().manual_seed(seed)
        x0, x1 = torch.rand(n, 2, generator=generator).double(), 1.5 * torch.rand(n, 2, generator=generator).double()
        costs = np.full((2 * n, 2 * n), penalty)
        costs[:n, :n], costs[n:, n:] = torch.cdist(x0, x1).numpy() ** 2, 0.0
        rows, columns = linear_sum_assignment(costs)
        matched = (rows < n) & (columns < n)
        if not matched.any():
            with pytest.raises(otgen.InvalidInput, match="penalty must leave"):
                coupling.pair(x0, x1, penalty=penalty)
            return
        found = coupling.pair(x0, x1, penalty=penalty)
        assert found.rows.tolist() == sorted(set(found.rows.tolist()))
        assert len(set(found.columns.tolist())) == len(found.columns)
        assert found.unmatched is not None
        paid = costs[found.rows, found.columns].sum() + penalty * sum(side.sum().item() for side in found.unmatched)
        assert paid == pytest.approx(costs[rows, columns].sum(), rel=1e-9)
        for at, side in zip((found.rows, found.columns), found.unmatched):
            assert torch.equal(side, torch.ones(n, dtype=torch.float64).index_fill(0, at, 0.0))
        assert torch.equal(found.x1, x1[found.columns])

    def test_weights_leave_shares(self):
        x0, x1 = torch.tensor([[0.0], [9.0]]), torch.tensor([[0.1], [50.0]])
        options = dict(a=torch.tensor([0.75, 0.25]), b=torch.tensor([0.5, 0.5]), penalty=1.0)
        found = coupling.pair(x0, x1, **options, rng=0)
        assert found.unmatched is not None
        assert found.rows.tolist() == found.columns.tolist() == [0, 0]
        torch.testing.assert_close(found.unmatched[0], torch.tensor([1 / 3, 1.0], dtype=torch.float64))
        torch.testing.assert_close(found.unmatched[1], torch.tensor([0.0, 1.0], dtype=torch.float64))
        assert coupling.pair(x0, x1).unmatched is None

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (dict(penalty=1.0, method="sinkhorn"), "penalty must be None unless"),
            (dict(penalty=-1.0), "penalty must"),
            (dict(penalty=1e-3), "penalty must leave some mass"),
        ],
    )
    def test_bad_input(self, options, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            coupling.pair(torch.zeros(3, 2), torch.ones(3, 2), **options)


@pytest.mark.parametrize("method", ["sinkhorn", "unbalanced"])
def test_a_seed_decides(method):
    x0, x1 = torch.randn(9, 2), torch.randn(9, 2)

    def columns(rng):
        return coupling.pair(x0, x1, method=method, epsilon=1.0, rng=rng).columns

    assert torch.equal(columns(3), columns(3))
    assert torch.equal(columns(np.random.default_rng(3)), columns(3))
    one, other = (columns(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)
    draws = []
    for _ in range(2):
        torch.manual_seed(0)
        draws.append(columns(None))
    assert torch.equal(*draws)
    assert not all(torch.equal(columns(None), draws[0]) for _ in range(5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: coupling.pair(z, z, method="random"), "method must be one of"),
        (lambda z: coupling.pair(z[:, 0], z), "one sample a row"),
        (lambda z: coupling.pair(z, z[:0]), "one sample a row and one at least"),
        (lambda z: coupling.pair(z, z[:, :1]), "samples of one size"),
        (lambda z: coupling.pair(z, z, relax=1.0), "relax must be None"),
        (lambda z: coupling.pair(z, z, rng="seed"), "rng must be"),
        (lambda z: coupling.pair(z, z, a=torch.ones(3)), "one weight for each"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(otgen.InvalidInput, match=message):
        call(torch.zeros(2, 2))


def test_weights_of_rows_are_those_of_pairs():
    """Rows are drawn as often as they weigh; of equal weights each comes once, in order."""
    x0, x1 = torch.arange(4.0)[:, None], torch.arange(4.0)[:, None]
    assert coupling.pair(x0, x1, method="sinkhorn", rng=0).rows.tolist() == [0, 1, 2, 3]
    heavy = torch.tensor([0.97, 0.01, 0.01, 0.01])
    rows = np.concatenate([coupling.pair(x0, x1, a=heavy, rng=seed).rows.numpy() for seed in range(300)])
    assert (rows == 0).mean() == pytest.approx(0.97, abs=4 * (0.97 * 0.03 / 1200) ** 0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_what_comes_back_is_the_input(dtype):
    x0, x1 = torch.randn(5, 2).to(dtype).requires_grad_(), torch.randn(5, 2).to(dtype)
    found = coupling.pair(x0, x1)
    assert (found.x0.dtype, found.x1.dtype) == (dtype, dtype)
    found.x0.sum().backward()
    assert torch.equal(x0.grad, torch.ones(5, 2, dtype=dtype))  # each row once, and nothing through the choice


def test_unbalanced_is_sinkhorn_relaxed_by_one():
    x0, x1 = torch.randn(5, 2), torch.randn(6, 2)
    plans = [
        coupling.pair(x0, x1, epsilon=0.3, rng=0, **options).plan.todense()
        for options in (dict(method="unbalanced"), dict(method="sinkhorn", relax=1.0))
    ]
    np.testing.assert_array_equal(*plans)


@pytest.mark.nightly
def test_more_pairs_than_a_dense_plan_may_have():
    """15 000 x 15 000: a dense plan would be refused."""
    generator = torch.Generator().manual_seed(0)
    x0, x1 = (torch.rand(15_000, 2, generator=generator) for _ in range(2))
    found = coupling.pair(x0, x1, method="sinkhorn", epsilon=otgen.Relative(0.5), tol=1e-3, rng=0)
    assert torch.equal(found.rows, torch.arange(15_000))
    counts = torch.bincount(found.columns, minlength=15_000)
    assert counts.max() < 20  # a column comes once on average


def test_one_row_may_be_drawn_every_time():
    x0, x1 = torch.zeros(4000, 1), torch.linspace(0, 1, 4000)[:, None]
    a = torch.zeros(4000)
    a[7] = 1.0
    found = coupling.pair(x0, x1, a=a, method="sinkhorn", epsilon=1.0, rng=0)
    assert (found.rows == 7).all()
    assert len(found.columns.unique()) > 2000


class TestConditions:
    def test_the_cost_is_that_of_samples_and_conditions(self):
        """By the definition, over all permutations; images and conditions of any shape."""
        generator = torch.Generator().manual_seed(0)
        x0, x1 = (torch.randn(5, 1, 2, 2, generator=generator) for _ in range(2))
        c0, c1 = (torch.randn(5, 3, generator=generator) for _ in range(2))
        for weight in (0.01, 1.0, 50.0):
            found = coupling.pair(x0, x1, condition0=c0, condition1=c1, weight=weight)
            costs = torch.cdist(x0.flatten(1), x1.flatten(1)) ** 2 + weight * torch.cdist(c0, c1) ** 2
            best = min(permutations(range(5)), key=lambda at: sum(costs[i, j] for i, j in enumerate(at)))
            assert found.columns.tolist() == list(best)

    @pytest.mark.parametrize("method", ["sinkhorn", "unbalanced"])
    def test_plans_are_those_of_joined_samples(self, method):
        x0, x1, c0, c1 = torch.randn(6, 2), torch.randn(5, 2), torch.randn(6), torch.randn(5)
        options = dict(method=method, epsilon=0.4, rng=0, p=1, metric="cityblock")
        found = coupling.pair(x0, x1, condition0=c0, condition1=c1, weight=3.0, **options).plan
        joined = [torch.cat([z.double(), 3 * c.double()[:, None]], 1) for z, c in ((x0, c0), (x1, c1))]
        np.testing.assert_allclose(found.todense(), coupling.pair(*joined, **options).plan.todense(), atol=1e-12)

    def test_a_large_weight_keeps_classes_apart(self):
        labels = torch.tensor([0, 1, 2, 0, 1, 2])
        classes = torch.nn.functional.one_hot(labels)
        found = coupling.pair(
            torch.randn(6, 2), torch.randn(6, 2), condition0=classes, condition1=classes.flip(0), weight=1e4
        )
        assert torch.equal(labels[found.rows], labels.flip(0)[found.columns])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (dict(condition0=torch.zeros(4)), "condition1 must be a real tensor"),
            (dict(condition0=torch.zeros(3), condition1=torch.zeros(4)), "condition0 must be a real tensor"),
            (dict(condition0=torch.zeros(4, 2), condition1=torch.zeros(4)), "rows of one size"),
            (dict(condition0=torch.zeros(4), condition1=torch.full((4,), float("nan"))), "condition1 must have data"),
            (dict(condition0=torch.zeros(4), condition1=torch.zeros(4), weight=0), "weight must be positive"),
            (dict(condition0=torch.zeros(4), condition1=torch.zeros(4), metric="cosine", p=1), "must be a norm"),
        ],
    )
    def test_bad_input(self, options, message):
        with pytest.raises(otgen.InvalidInput, match=message):
            coupling.pair(torch.ones(4, 2), torch.ones(4, 2), **options)


@pytest.mark.parametrize("method", ["exact", "sinkhorn"])
@pytest.mark.parametrize(
    ("move", "words"), [(lambda a: a.to("meta"), "on the host"), (torch.Tensor.to_sparse, "dense")]
)
def test_weights_without_numbers_or_rows(method, move, words):
    x = torch.zeros(4, 2)
    with pytest.raises(otgen.InvalidInput, match=f"a must .*{words}"):
        coupling.pair(x, x, a=move(torch.ones(4)), method=method)


@pytest.mark.parametrize("options", [dict(epsilon=0.1), dict(tol=1e-9), dict(max_iter=50), dict(weight=2.0)])
def test_no_option_is_ignored(options):
    """Options of entropic plans beside an exact one, and the weight of conditions that there are not."""
    x = torch.eye(3)
    (name,) = options
    with pytest.raises(otgen.InvalidInput, match=f"{name} must be left out"):
        coupling.pair(x, x + 1, **options)
    if name != "weight":
        assert coupling.pair(x, x + 1, method="sinkhorn", rng=0, **options).rows.tolist() == [0, 1, 2]


@pytest.mark.parametrize("method", ["sinkhorn", "unbalanced"])
def test_tolerance_and_limit_are_those_of_the_plan(method):
    """A loose plan is far from a tight one."""
    generator = torch.Generator().manual_seed(0)
    x0, x1 = (torch.rand(20, 2, generator=generator) for _ in range(2))
    options = dict(method=method, epsilon=0.01, rng=0)
    loose, fine, finest = (coupling.pair(x0, x1, **options, tol=tol).plan.todense() for tol in (1e-1, 1e-6, 1e-12))
    assert abs(fine - finest).sum() < 1e-4 < abs(loose - finest).sum()
    with pytest.raises(otgen.NotConverged, match="3 iterations"):
        coupling.pair(x0, x1, **options, max_iter=3)


@pytest.mark.parametrize("options", [{}, dict(method="sinkhorn"), dict(method="sinkhorn", relax=float("inf"))])
def test_weights_of_two_totals_are_told_what_can_be_done(options):
    """They were told to pass normalize=True, which ``pair`` does not have."""
    x, a = torch.rand(3, 2), torch.tensor([1.0, 2.0, 3.0])
    with pytest.raises(otgen.MassMismatch, match="; divide each by its sum"):
        coupling.pair(x, x, a=a, b=2 * a, **options)
    assert len(coupling.pair(x, x, a=a / a.sum(), b=2 * a / (2 * a).sum(), rng=0, **options).rows) == 3
