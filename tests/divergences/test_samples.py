"""Divergences from samples: within what their errors and notes say of closed forms."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.divergences import Gaussian, js, js_samples, kl, kl_samples, tv, tv_samples
from otgen.divergences.classifier import _COPIES, _fitted, held_out_logits


@st.composite
def any_samples(draw):
    """Two clouds as they come: few or many coordinates, far off, in any unit, ties, constants, outliers, and no law at all."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(4, 60)), draw(st.integers(4, 60))
    d = draw(st.one_of(st.integers(1, 6), st.integers(7, 300)))
    kind = draw(st.sampled_from(["normal", "cauchy", "ties", "constant", "outlier", "copies"]))
    if kind in ("normal", "outlier"):
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    elif kind == "cauchy":
        x, y = rng.standard_cauchy((n, d)), rng.standard_cauchy((m, d))
    elif kind == "ties":
        x, y = rng.integers(0, 2, (n, d)).astype(float), rng.integers(0, 2, (m, d)).astype(float)
    else:
        x, y = np.ones((n, d)), np.ones((m, d))
    if kind == "outlier":
        x[0] = draw(st.sampled_from([1e3, 1e30, -1e300]))
    shift, unit = draw(st.sampled_from([0.0, 0.5, 30.0])), draw(st.sampled_from([1e-300, 1e-5, 1.0, 1e7]))
    offset = draw(st.sampled_from([0.0, 1e8]))
    return (offset + x) * unit, (offset + y + shift) * unit


def pairs(n: int, shift: float, d: int = 1, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift / math.sqrt(d)


class TestNeighbours:
    @pytest.mark.parametrize("d", [1, 2, 3])
    @pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
    def test_comes_near_the_truth(self, d, shift):
        x, y = pairs(5000, shift, d)
        found = kl_samples(x, y)
        assert found.value == pytest.approx(shift**2 / 2, abs=5 * found.error + 0.1 + 0.1 * (d - 1) * shift)
        assert "biased" in found.note

    def test_the_error_is_that_of_repetition(self):
        values = [kl_samples(*pairs(400, 1.0, seed=seed)) for seed in range(100)]
        spread = np.std([one.value for one in values])
        assert np.mean([one.error for one in values]) == pytest.approx(spread, rel=0.5)

    @pytest.mark.parametrize(("n", "m", "d"), [(200, 20, 1), (200, 20, 2), (60, 60, 10)])
    def test_the_error_knows_the_draws_of_both(self, n, m, d):
        """It was 2.2 times too small for 20 draws of q beside 200 of p, and twice in 10 dimensions."""
        rng = np.random.default_rng(0)
        found = [kl_samples(rng.normal(size=(n, d)), rng.normal(size=(m, d))) for _ in range(60)]
        assert np.std([one.value for one in found]) < 1.6 * np.mean([one.error for one in found])

    def test_no_estimate_is_negative(self):
        """It was -0.26 of a sample beside itself, and -0.1 of many pairs of one law."""
        x = np.random.default_rng(0).normal(size=200)
        assert kl_samples(x, x).value == 0.0
        assert all(kl_samples(*pairs(50, 0.0, seed=seed)).value >= 0 for seed in range(10))

    def test_columns_that_say_nothing_change_nothing(self):
        """Each counted as a dimension more: 1.04 for the 0.53 of the first column alone."""
        x, y = pairs(500, 1.0)
        alone = kl_samples(x, y)
        for more in (lambda z: np.c_[z, np.ones(len(z))], lambda z: np.c_[z, 0 * z, 0 * z - 3]):
            assert kl_samples(more(x), more(y))[:2] == pytest.approx(alone[:2], rel=1e-12)
        assert kl_samples(np.c_[x, 2 * x], np.c_[y, 2 * y]).value == pytest.approx(alone.value, rel=1e-9)

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_flat_that_the_other_leaves_is_refused(self, swap):
        x, y = pairs(50, 1.0, 2)
        x[:, 1] = 3.0
        with pytest.raises(otgen.InvalidInput, match=f"received {'y' if swap else 'x'} in a flat of dimension 1"):
            kl_samples(*((y, x) if swap else (x, y)))
        assert math.isfinite(kl_samples(*np.random.default_rng(0).normal(size=(2, 7, 300))).value)  # too few to span it

    def test_bias_falls_with_n(self):
        def bias(n):
            return abs(np.mean([kl_samples(*pairs(n, 1.5, 3, seed)).value for seed in range(30)]) - 1.5**2 / 2)

        assert bias(3000) < bias(100)

    def test_ties_are_refused(self):
        with pytest.raises(otgen.InvalidInput, match="continuous laws"):
            kl_samples(np.zeros(20), np.zeros(20))


class TestClassifier:
    def test_of_gaussians_is_exact_to_its_error(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2)) * 1.3 + 0.5
        truth = kl(Gaussian(np.zeros(2), 1.0), Gaussian(np.full(2, 0.5), 1.3**2)).value
        found = kl_samples(x, y, method="classifier", rng=0)
        assert found.value == pytest.approx(truth, abs=5 * found.error + 0.01)

    def test_few_samples_a_coefficient_are_a_bias_that_is_told(self):
        """Of normal laws .3 apart in each of 40 coordinates: log p/q is linear, and 100 samples tell some of it."""
        rng = np.random.default_rng(0)
        found = kl_samples(rng.normal(size=(100, 40)), rng.normal(size=(100, 40)) + 0.3, method="classifier", rng=0)
        assert found.value + 3 * found.error < 40 * 0.3**2 / 2
        assert "biased where samples are few a coefficient" in found.note

    def test_js_and_tv_do_not_exceed_the_truth(self):
        p, q = scipy.stats.norm(0, 1), scipy.stats.norm(1, 1)
        for seed in range(4):
            x, y = pairs(2000, 1.0, seed=seed)
            for samples, exact in ((js_samples, js), (tv_samples, tv)):
                found, truth = samples(x, y, rng=seed), exact(p, q).value
                assert found.value <= truth + 4 * found.error
                assert found.value >= truth - 4 * found.error - 0.02

    def test_equal_laws_are_not_told_apart(self):
        x, y = pairs(3000, 0.0)
        assert abs(kl_samples(x, y, method="classifier", rng=0).value) < 0.02
        assert abs(js_samples(x, y, rng=0).value) < 0.01

    @pytest.mark.parametrize(("n", "m", "d"), [(100, 100, 1), (400, 400, 2), (40, 400, 2)])
    def test_the_error_knows_what_draws_teach(self, n, m, d):
        """Classifiers were taken as given: errors of KL were 1.65 times too small for 100 samples of either law."""
        rng = np.random.default_rng(0)
        found = [
            kl_samples(rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1 / math.sqrt(d), method="classifier", rng=0)
            for _ in range(40)
        ]
        assert np.std([one.value for one in found]) < 1.35 * np.mean([one.error for one in found])

    @pytest.mark.parametrize("d", [1, 2])
    def test_what_a_sample_teaches_is_what_changes_without_it(self, d):
        """Against fits without one sample each: the mean logit of those held out moves by that, to first order in 1/n."""
        told = held_out_logits(*pairs(300, 1.0, d), 0)
        moves = told.by_training(np.full(300, 1 / 300), np.zeros(300))
        x, y = told.standardised
        fold = told.folds[0]
        held, (ours, theirs) = x[fold.held[0]], fold.seen

        def mean(own, other):
            start = np.array([math.log(len(own) / len(other)), *np.zeros(d + d * d)])
            return _fitted(x[own], y[other], fold.ridge, start).at(held).sum() / 300

        whole = mean(ours, theirs)
        for k in range(8):
            without = [np.delete(side, k) for side in (ours, theirs)]
            assert whole - mean(without[0], theirs) == pytest.approx(moves[0][ours[k]], rel=0.3, abs=1e-4)
            assert whole - mean(ours, without[1]) == pytest.approx(moves[1][theirs[k]], rel=0.3, abs=1e-4)

    def test_separable_samples_stay_finite(self):
        x, y = pairs(100, 1000.0)
        assert math.isfinite(kl_samples(x, y, method="classifier", rng=0).value)
        assert js_samples(x, y, rng=0).value == pytest.approx(math.log(2), abs=1e-2)
        total = tv_samples(x, y, rng=0)
        assert total.value == 1.0
        assert 0.5 / len(x) < total.error < 0.1  # none of n draws on the wrong side does not show that none is

    @pytest.mark.parametrize(("n", "shift"), [(200, 5.0), (200, 1000.0), (20, 8.0)])
    def test_samples_that_are_all_told_alike_show_no_certainty(self, n, shift):
        """None of n draws was told wrong: that there are such draws is not ruled out, and the error says so."""
        truth = js(scipy.stats.norm(), scipy.stats.norm(shift)).value
        for seed in range(2):
            x, y = pairs(n, shift, seed=seed)
            found = js_samples(x, y, rng=seed)
            assert abs(found.value - truth) <= 3 * found.error
            assert 0.5 / n < found.error < 10 / n
            assert js_samples(x, y, rng=seed, root=True).error > 0.2 / n
            assert kl_samples(x, y, method="classifier", rng=seed).error > 1 / n

    @pytest.mark.parametrize("samples", [js_samples, tv_samples, lambda x, y: kl_samples(x, y, method="classifier")])
    def test_constants_show_no_certainty(self, samples):
        found = samples(np.ones(30), np.ones(30))
        assert found.value < 1e-15
        assert 0.02 < found.error < 1

    def test_the_error_of_js_is_that_of_repetition(self):
        values = [js_samples(*pairs(400, 1.0, seed=seed), rng=seed) for seed in range(30)]
        spread = np.std([one.value for one in values])
        assert np.mean([one.error for one in values]) == pytest.approx(spread, rel=0.5)

    def test_unequal_sizes(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=6000), rng.normal(size=2000) + 1
        found = kl_samples(x, y, method="classifier", rng=0)
        assert found.value == pytest.approx(0.5, abs=5 * found.error + 0.02)

    def test_a_constant_coordinate_does_no_harm(self):
        x, y = (np.column_stack([z[:, 0], np.ones(len(z))]) for z in pairs(2000, 1.0))
        assert kl_samples(x, y, method="classifier", rng=0).value == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize(("n", "d"), [(200, 40), (60, 300), (12, 5)])
    @pytest.mark.parametrize("shift", [0.0, 3.0])
    @pytest.mark.by_day(2)
    def test_few_samples_in_many_dimensions_stay_in_range(self, n, d, shift):
        """Held out, chosen out of sample: near 0 for one law, never below 0 nor above what it can be."""
        for seed in range(2):
            x, y = pairs(n, shift, d, seed)
            found = js_samples(x, y, rng=seed)
            assert 0 <= found.value <= math.log(2)
            assert 0 <= tv_samples(x, y, rng=seed).value <= 1
            assert kl_samples(x, y, method="classifier", rng=seed).value >= 0
            if not shift:
                assert found.value <= 5 * found.error + 0.01

    @given(any_samples(), st.sampled_from([None, 2, 10.0]), st.booleans(), st.integers(0, 9))
    def test_whatever_the_samples_an_estimate_is_a_value_of_its_quantity(self, samples, base, root, seed):
        """JS lies in [0, log 2], TV in [0, 1], KL in [0, inf): so do their estimates, and their errors are finite."""
        most = math.log(2) / (math.log(base) if base else 1.0)
        found = js_samples(*samples, base=base, root=root, rng=seed)
        assert 0 <= found.value <= (math.sqrt(most) if root else most) * (1 + 1e-15)
        total = tv_samples(*samples, rng=seed)
        assert 0 <= total.value <= 1
        relative = kl_samples(*samples, method="classifier", base=base, rng=seed)
        assert 0 <= relative.value < math.inf
        assert all(0 <= one.error < math.inf for one in (found, total, relative))

    @given(st.integers(8, 80), st.integers(1, 300), st.integers(0, 2**32 - 1))
    def test_samples_of_one_law_are_not_told_apart_beyond_the_error(self, n, d, seed):
        x, y = pairs(n, 0.0, d, seed)
        found = js_samples(x, y, rng=seed)
        assert found.value <= 6 * found.error + 0.05

    @pytest.mark.parametrize("estimate", [js_samples, tv_samples, lambda x, y: kl_samples(x, y, method="classifier")])
    def test_what_would_not_fit_is_refused_before_work(self, estimate, monkeypatch):
        x, y = pairs(100, 0.0, 1000)
        monkeypatch.setattr(
            "otgen.divergences.classifier.available", lambda: 5 * x.nbytes
        )  # a machine's memory is no input
        monkeypatch.setattr("scipy.optimize.minimize", None)
        with pytest.raises(otgen.TooLarge, match="pass fewer samples"):
            estimate(x, y)

    @pytest.mark.parametrize(("n", "d"), [(800, 300), (20_000, 20), (50_000, 2), (100_000, 1)])
    @pytest.mark.by_day(2)
    def test_no_more_copies_are_held_than_are_counted(self, n, d):
        x, y = pairs(n, 0.1, d)
        tracemalloc.start()
        js_samples(x, y, rng=0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < _COPIES * (x.nbytes + y.nbytes)

    def test_memory_is_of_the_order_of_the_data(self):
        x, y = pairs(100, 0.0, 1000)
        tracemalloc.start()
        js_samples(x, y, rng=0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40 * (x.nbytes + y.nbytes)

    def test_products_of_coordinates_are_seen_where_samples_suffice(self):
        """Two laws of equal marginals that differ by a correlation alone."""
        rng = np.random.default_rng(0)
        cov = np.array([[1.0, 0.9], [0.9, 1.0]])
        x, y = rng.multivariate_normal([0, 0], cov, 3000), rng.normal(size=(3000, 2))
        truth = kl(Gaussian([0.0, 0.0], cov), Gaussian([0.0, 0.0], 1.0)).value
        found = kl_samples(x, y, method="classifier", rng=0)
        assert found.value == pytest.approx(truth, abs=5 * found.error + 0.05)

    def test_units_do_not_matter(self):
        x, y = pairs(100, 1.0, 2)
        want = js_samples(x, y, rng=0).value
        for unit in (1e-300, 1e300):
            assert js_samples(unit * x, unit * y, rng=0).value == pytest.approx(want, rel=1e-6)

    def test_base_and_root(self):
        x, y = pairs(300, 2.0)
        nats, bits = js_samples(x, y, rng=0), js_samples(x, y, base=2, rng=0)
        assert bits.value == pytest.approx(nats.value / math.log(2), rel=1e-14)
        assert js_samples(x, y, root=True, rng=0).value == pytest.approx(math.sqrt(nats.value), rel=1e-14)
        assert kl_samples(x, y, base=2).value == pytest.approx(kl_samples(x, y).value / math.log(2), rel=1e-14)

    def test_a_seed_decides(self):
        x, y = pairs(200, 1.0)
        assert js_samples(x, y, rng=1) == js_samples(x, y, rng=1)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros(3), np.zeros(30)), {}, "at least 4"),
        ((np.zeros((9, 1)), np.zeros((9, 2))), {}, "same number of coordinates"),
        ((np.arange(5.0), np.arange(9.0)), dict(k=5), "more than k"),
        ((np.arange(9.0), np.arange(9.0)), dict(method="histogram"), "method must be one of"),
        ((np.repeat(np.arange(9.0), 6), np.arange(40.0) / 7), dict(k=5), "distance 0"),
        ((np.arange(9.0), np.tile(np.arange(9.0), 5)), dict(k=5), "distance 0"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, options, message):
    with pytest.raises(otgen.InvalidInput, match=message):
        kl_samples(*arguments, **options)


def test_equal_points_are_told_before_their_neighbours_are_searched(monkeypatch):
    """In many coordinates a tree of equal points takes hours."""
    monkeypatch.setattr("scipy.spatial.KDTree", None)
    with pytest.raises(otgen.InvalidInput, match="distance 0"):
        kl_samples(np.ones((500, 300)), np.ones((500, 300)))


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_ties_that_are_told_are_those_that_neighbours_show(k, seed):
    rng = np.random.default_rng(seed)
    x, y = (
        rng.integers(0, 6, (rng.integers(5, 12), 1)).astype(float),
        rng.integers(0, 9, (rng.integers(5, 12), 1)) + 0.0,
    )
    apart = np.sort(np.abs(x - x.T), axis=1)[:, k], np.sort(np.abs(x - y.T), axis=1)[:, k - 1]
    try:
        kl_samples(x, y, k=k)
        assert min(side.min() for side in apart) > 0
    except otgen.InvalidInput:
        assert min(side.min() for side in apart) == 0
