"""The sampler of torchcfm's call form, beside dense plans by definition, and beside the package where it is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import coupling
from otgen.nn.flow_matching import PlanSampler, with_sampler

METHODS = ["exact", "sinkhorn", "unbalanced"]


def batches(n=6, m=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, generator=generator), torch.randn(m, 2, generator=generator) + 1


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_a_plan(method):
    x0, x1 = batches(5, 7)
    pi = PlanSampler(method, reg=0.5).get_map(x0, x1)
    entropic = {} if method == "exact" else dict(epsilon=0.5)
    want = coupling.pair(x0, x1, method=method, **entropic).plan.todense()
    np.testing.assert_allclose(pi, want, atol=1e-12)
    assert pi.shape == (5, 7)


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.by_day(2)
def test_pairs_come_as_often_as_the_plan_says(method, replace):
    x0, x1 = batches(4, 3)
    sampler = PlanSampler(method, reg=0.5)
    pi = sampler.get_map(x0, x1)
    torch.manual_seed(0)
    counts, times = np.zeros(pi.shape), 200
    for _ in range(times):
        rows, columns, *_ = sampler.sample_plan_with_labels(x0, x1, replace=replace)
        i = (rows[:, None] == x0).all(-1).int().argmax(1)
        j = (columns[:, None] == x1).all(-1).int().argmax(1)
        np.add.at(counts, (i.numpy(), j.numpy()), 1)
    q = pi / pi.sum()
    deviations = np.sqrt(4 * q * (1 - q) / times)  # of four draws with chance q each
    assert (abs(counts / times - 4 * q) <= 4.5 * deviations + 1e-9).all()
    if not replace and method != "unbalanced":
        assert (counts.sum(1) == times).all()


def test_labels_stay_with_their_samples():
    x0, x1 = batches()
    y1 = torch.arange(6)
    got0, got1, no, labels = PlanSampler("sinkhorn", reg=1.0).sample_plan_with_labels(x0, x1, y1=y1)
    assert no is None
    assert torch.equal(got1, x1[labels])
    assert got0.shape == x0.shape


def test_trajectories_follow_the_plans():
    """Exact plans of clouds that only moved: every sample goes with itself."""
    x0, _ = batches()
    X = torch.stack([x0, x0[[2, 0, 1, 5, 4, 3]] + 0.01, x0 + 0.02], 1)
    found = PlanSampler().sample_trajectory(X)
    torch.testing.assert_close(found, torch.stack([x0, x0 + 0.01, x0 + 0.02], 1))


def test_a_seed_decides():
    x0, x1 = batches()
    sampler = PlanSampler("sinkhorn", reg=1.0)
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append((sampler.sample_plan(x0, x1)[1], sampler.sample_map(np.full((6, 6), 1 / 36), 6)[0]))
    assert torch.equal(draws[0][0], draws[1][0])
    np.testing.assert_array_equal(draws[0][1], draws[1][1])
    fixed = PlanSampler("sinkhorn", reg=1.0, rng=0)
    assert torch.equal(fixed.sample_plan(x0, x1)[1], fixed.sample_plan(x0, x1)[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PlanSampler("partial"), "method must be one of"),
        (lambda: PlanSampler(reg=0.0), "reg must be"),
        (lambda: PlanSampler(normalize_cost=1), "normalize_cost must be"),
        (lambda: PlanSampler().sample_map(np.zeros((2, 2)), 2), "pi must be"),
        (lambda: PlanSampler().sample_plan(*batches(), replace="no"), "replace must be"),
        (lambda: with_sampler(SimpleNamespace(), PlanSampler()), "matcher must pair"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(otgen.InvalidInput, match=message):
        call()


def test_a_matcher_is_copied():
    matcher = SimpleNamespace(ot_sampler="theirs", sigma=0.1)
    mine = PlanSampler()
    adapted = with_sampler(matcher, mine)
    assert (adapted.ot_sampler, adapted.sigma, matcher.ot_sampler) == (mine, 0.1, "theirs")


class TestBesideTheirs:
    @pytest.mark.parametrize("normalize", [False, True])
    @pytest.mark.parametrize("method", METHODS)
    def test_maps_agree(self, method, normalize):
        torchcfm = pytest.importorskip("torchcfm")
        x0, x1 = batches()
        options = dict(method=method, reg=1.0, reg_m=0.7, normalize_cost=normalize)
        theirs = torchcfm.optimal_transport.OTPlanSampler(**options).get_map(x0, x1)
        np.testing.assert_allclose(PlanSampler(**options).get_map(x0, x1), theirs, atol=2e-5)

    @pytest.mark.parametrize("guided", [False, True])
    @pytest.mark.parametrize("name", ["Exact", "Schrodinger"])
    def test_matchers_run(self, name, guided):
        torchcfm = pytest.importorskip("torchcfm")
        made = {
            "Exact": lambda: torchcfm.ExactOptimalTransportConditionalFlowMatcher(sigma=0.0),
            "Schrodinger": lambda: torchcfm.SchrodingerBridgeConditionalFlowMatcher(sigma=0.5, ot_method="sinkhorn"),
        }[name]()
        sampler = PlanSampler("exact") if name == "Exact" else PlanSampler("sinkhorn", reg=2 * 0.5**2)
        matcher = with_sampler(made, sampler)
        x0, x1 = batches()
        if not guided:
            t, x, u = matcher.sample_location_and_conditional_flow(x0, x1)
            assert (t.shape, x.shape, u.shape) == ((6,), (6, 2), (6, 2))
            return
        t, x, u, y0, y1 = matcher.guided_sample_location_and_conditional_flow(x0, x1, torch.arange(6), torch.arange(6))
        assert (t.shape, x.shape, u.shape) == ((6,), (6, 2), (6, 2))
        if name == "Exact":
            torch.testing.assert_close(u, x1[y1] - x0[y0])
            assert torch.equal(coupling.pair(x0, x1).columns[y0], y1)


PLAN = np.full((2, 2), 0.25)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        *[
            (lambda s, pi=pi: s.sample_map(pi, 4), "pi must")
            for pi in (
                None,
                "x",
                PLAN[0],
                np.zeros((2, 2)),
                -PLAN,
                PLAN * np.nan,
                [[1], [2, 3]],
                np.zeros((0, 2)),
                PLAN + 1j,
            )
        ],
        *[
            (lambda s, size=size: s.sample_map(PLAN, size), "batch_size must")
            for size in (None, -1, 0, 1.5, "x", 2**70)
        ],
        (lambda s: s.sample_map(np.eye(2), 3, replace=False), "batch_size must be at most .* received 3 of 2"),
        (lambda s: s.sample_map(PLAN, 3, replace="x"), "replace must"),
        *[
            (lambda s, x=x: s.sample_trajectory(x), "X must be a tensor")
            for x in (None, "x", torch.zeros(4), torch.zeros(4, 2), torch.zeros(4, 0, 2))
        ],
        *[
            (lambda s, y=y: s.sample_plan_with_labels(torch.zeros(4, 2), torch.zeros(4, 2), y), "y0 must be .* 4 rows")
            for y in (3, [1, 2, 3, 4], torch.arange(3), torch.arange(5), torch.tensor(1))
        ],
    ],
)
def test_what_a_sampler_cannot_draw_from(call, words):
    with pytest.raises(otgen.InvalidInput, match=words):
        call(PlanSampler())


def test_plans_of_any_mass():
    for mass in (1e-320, 1e308):
        rows, columns = PlanSampler(rng=0).sample_map(np.eye(3) * mass, 50)
        assert (rows == columns).all()
