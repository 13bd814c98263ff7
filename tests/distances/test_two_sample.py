"""The two-sample test: the p-values that solving every deal gives, its level and power by simulation, early stops, and what is refused."""

import json
import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

import otgen
from otgen import InvalidInput, TestResult
from otgen.distances import deals
from otgen.distances.deals import NearLists
from otgen.distances.splits import Measured
from otgen.kernels import auction

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 2)), RNG.normal(size=(11, 2)) + 0.7


def apart(x, y, a, b):
    return float(abs(np.average(x[:, 0], weights=a) - np.average(y[:, 0], weights=b)))


class TestAgainstEveryDeal:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"p": 1, "metric": "cityblock"},
            {"p": np.inf},
            {"distance": "sinkhorn", "epsilon": 0.5},
            {"distance": "sinkhorn_divergence", "epsilon": 0.5},
            {"distance": "sliced_wasserstein", "n_projections": 20},
            {"distance": apart},
            {"distance": "partial_wasserstein", "penalty": 0.6},
            {"distance": "partial_wasserstein", "mass": 0.8, "p": 1},
            {"distance": "max_sliced_wasserstein", "tol": 0.1},
        ],
    )
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.by_day(3)
    def test_it_counts_as_the_null_does(self, options, weighted):
        weights = [w / w.sum() for w in (RNG.random(8), RNG.random(11))] if weighted else ()
        found = otgen.two_sample_test(X, Y, *weights, n_permutations=150, rng=5, **options)
        null = otgen.permutation_null(X, Y, *weights, n_permutations=150, rng=5, **options)
        assert (found.as_far, found.p_value) == (null.as_far, null.p_value)
        assert found.observed == pytest.approx(null.observed, rel=1e-12)
        assert 0 < found.as_far < 150

    @pytest.mark.parametrize("weights", [(), (RNG.random(30), None), (np.eye(30)[0], np.eye(20)[1])])
    def test_it_counts_as_the_null_does_on_the_line(self, weights):
        """Where one point has all the weight of its side, many deals have a side without any: nothing is apart there."""
        x, y = np.random.default_rng(0).normal(size=30), np.random.default_rng(1).normal(size=20) + 0.3
        options = dict(n_permutations=99, rng=1, normalize=True)
        found, null = (call(x, y, *weights, **options) for call in (otgen.two_sample_test, otgen.permutation_null))
        assert (found.as_far, found.observed) == (null.as_far, null.observed)

    @pytest.mark.parametrize("shift", [0.0, 0.15, 1.0])
    def test_bounds_decide_as_solving_does(self, shift):
        x, y = np.random.default_rng(3).normal(size=(2, 130, 3))
        found, null = (
            call(x, y + shift, n_permutations=60, rng=2) for call in (otgen.two_sample_test, otgen.permutation_null)
        )
        assert found.as_far == null.as_far
        assert found.settled == 60 - found.as_far  # in space bounds leave next to nothing open
        assert found.settled <= 60 - found.as_far

    @pytest.mark.parametrize("p", [1, 2, 3.5, 8])
    @pytest.mark.parametrize("d", [2, 3])
    @pytest.mark.parametrize("near", [16, 120, 179])
    def test_an_auction_among_near_points_bounds_the_distance_from_both_sides(self, p, d, near, monkeypatch):
        """Beside the assignment by scipy, wherever the level lies that it is to decide on."""
        monkeypatch.setattr(deals, "_NEAR", near)
        points = np.random.default_rng(d).normal(size=(180, d)) ** 3
        order = np.random.default_rng(near).permutation(180)
        cost = cdist(points[order[:90]], points[order[90:]]) ** p
        truth = cost[linear_sum_assignment(cost)].mean() ** (1 / p)
        said = set()
        for level in truth * np.array([0.3, 0.9, 0.99, 1 - 1e-6, 1, 1 + 1e-6, 1.01, 1.1, 3]):
            own = Measured(level, level * (1 - 1e-12), level * (1 + 1e-12))
            lists = NearLists.of(points, 90, p, own)
            word = lists.word(order, own)
            assert word != (deals.SETTLED if truth >= own.lower else deals.FARTHER), level
            said.add(word)
            sides = order[:90], order[90:]
            lower, upper = auction.bounds(lists.points, lists.neighbours, lists.costs, *sides, p, 0.0, 1e-3, 1e-2)
            assert lower * level**p <= truth**p * (1 + 1e-12)
            assert truth**p <= upper * level**p * (1 + 1e-12)
        assert near < 179 or {deals.SETTLED, deals.FARTHER} <= said  # lists may hold no assignment at all

    def test_an_auction_is_not_held_where_its_rounding_might_be_seen(self):
        points = np.random.default_rng(0).normal(size=(100, 2))
        assert NearLists.of(points, 50, 2, Measured(1e-6, 1e-6, 1e-6)) is None
        assert NearLists.of(points, 50, 9, Measured(1.0, 1.0, 1.0)) is None
        assert NearLists.of(points, 50, 2, Measured(0.0, 0.0, 0.0)) is None

    @pytest.mark.parametrize("p", [1, 2, 3.5])
    def test_a_coarse_plan_bounds_the_distance(self, p):
        from otgen.distances.deals import Coarse

        for n, d, scale in ((1, 1, 1.0), (7, 2, 1e-150), (64, 3, 1.0), (100, 5, 1e150)):
            points = np.random.default_rng(n).normal(size=(2 * n, d)) * scale
            bound = Coarse(points, n, float(p)).bound(np.arange(2 * n))
            truth = otgen.wasserstein(points[:n], points[n:], p=p)
            assert truth.lower <= bound
            assert bound < 4 * truth.value
        assert math.isinf(Coarse(np.zeros((2, 1)), 1, 2.0).bound(np.arange(2)))

    @pytest.mark.parametrize("name", ["energy", "mmd"])
    def test_kernels_against_their_definitions(self, name):
        """Every one of the 70 deals of eight points, by sums over pairs."""
        x, y = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 2)) + 1
        pool = np.concatenate([x, y])
        width = np.sqrt(cdist(pool, pool, "sqeuclidean").mean() / 2)

        def squared(one, two):
            def mean(u, v):
                return (cdist(u, v) if name == "energy" else -np.exp(-(cdist(u, v) ** 2) / (2 * width**2))).mean()

            return 2 * mean(one, two) - mean(one, one) - mean(two, two)

        own = squared(x, y)
        every = [squared(pool[list(c)], np.delete(pool, c, axis=0)) for c in combinations(range(8), 4)]
        share = np.mean([value >= own - 1e-12 for value in every])
        found = otgen.two_sample_test(x, y, distance=name, n_permutations=4000, rng=0)
        assert found.observed == pytest.approx(math.sqrt(own), rel=1e-9)
        assert found.lower <= math.sqrt(own) * (1 + 1e-14)
        assert math.sqrt(own) * (1 - 1e-14) <= found.upper
        low, high = stats.binom.interval(1 - 1e-6, 4000, share)
        assert low <= found.as_far <= high

    def test_energy_of_weights_is_that_of_repeated_points(self):
        x, y = np.array([0.0, 1.0]), np.array([3.0])
        found = otgen.two_sample_test(x, y, [3, 1], [1.0], distance="energy", n_permutations=1, rng=0)
        assert found.observed**2 == pytest.approx(stats.energy_distance([0, 0, 0, 1], [3]) ** 2)

    def test_ties_count_as_far(self):
        """Two points, and both deals lie equally far apart: every p-value is 1."""
        for name in ("wasserstein", "energy", "mmd"):
            found = otgen.two_sample_test([[0.0, 1.0]], [[2.0, 0.5]], distance=name, n_permutations=20, rng=0)
            assert (found.p_value, found.undecided) == (1.0, 20)

    def test_workers_do_not_change_it(self):
        x, y = np.random.default_rng(4).normal(size=(2, 100, 2))
        options = dict(n_permutations=40, rng=1)
        truth = otgen.two_sample_test(x, y, **options).to_dict()
        assert otgen.two_sample_test(x, y, n_jobs=2, **options).to_dict() == truth
        stopped = otgen.two_sample_test(x, y, stop_after=3, **options).to_dict()
        assert otgen.two_sample_test(x, y, stop_after=3, n_jobs=2, **options).to_dict() == stopped


class TestChance:
    @pytest.mark.parametrize(
        ("options", "count", "tests"),
        [
            ({"distance": "energy"}, 19, 2000),
            ({"distance": "energy", "stop_after": 3}, 39, 1000),
            ({"distance": "wasserstein"}, 19, 400),
        ],
    )
    @pytest.mark.by_day(1)
    def test_the_level_is_kept(self, options, count, tests):
        """Under the null p <= 1/20 in one test of twenty: within the interval that holds a binomial count all but once in 10 000."""
        rng = np.random.default_rng(11)
        found = [
            otgen.two_sample_test(*rng.normal(size=(2, 6, 2)), n_permutations=count, rng=rng, **options).p_value
            for _ in range(tests)
        ]
        for level in (0.05, 0.5):
            low, high = stats.binom.interval(1 - 1e-4, tests, level)
            rejected = sum(p <= level for p in found)
            assert rejected <= high
            if "stop_after" not in options:  # a p-value h / l need not reach every level exactly
                assert low <= rejected

    @pytest.mark.nightly
    @pytest.mark.no_cover
    @pytest.mark.parametrize("d", [1, 2])
    def test_the_level_of_transport_in_2000_tests(self, d):
        """As the documentation has it: 20 + 20 points, 99 deals, at all levels at once."""
        found = np.array(
            [
                otgen.two_sample_test(*rng.normal(size=(2, 20, d)), n_permutations=99, rng=rng).p_value
                for rng in (np.random.default_rng([18, 20, d, k]) for k in range(2000))
            ]
        )
        for level in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
            low, high = stats.binom.interval(1 - 1e-4, 2000, level)
            assert low <= (found <= level + 1e-12).sum() <= high

    @pytest.mark.parametrize("name", ["wasserstein", "energy", "mmd", "sliced_wasserstein"])
    def test_a_shift_is_found(self, name):
        rng = np.random.default_rng(12)
        found = [
            otgen.two_sample_test(
                rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 1, distance=name, n_permutations=19, rng=rng
            ).p_value
            for _ in range(20)
        ]
        assert sum(p <= 0.05 for p in found) >= 15

    def test_another_shape_is_found(self):
        """Laws of one mean and one covariance: a normal one, and a uniform one on a circle."""
        rng = np.random.default_rng(13)
        angle = rng.uniform(0, 2 * np.pi, 150)
        circle = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        for options in ({}, {"distance": "energy"}, {"distance": "mmd", "bandwidth": 0.5}):
            found = otgen.two_sample_test(rng.normal(size=(150, 2)), circle, n_permutations=39, rng=0, **options)
            assert found.p_value == 1 / 40


class TestEarlyStops:
    def test_it_stops_at_the_deal_that_decides(self):
        """The deals are those of a whole test, of which the first ones are looked at."""
        x, y = RNG.normal(size=(2, 9, 2))
        for seed in range(5):
            deals = []
            for count in range(1, 60):
                deals.append(otgen.two_sample_test(x, y, n_permutations=count, rng=seed).as_far)
            if deals[-1] < 4:
                continue
            found = otgen.two_sample_test(x, y, n_permutations=59, stop_after=4, rng=seed)
            assert found.stopped
            assert found.n_permutations == deals.index(4) + 1
            assert found.p_value == 4 / found.n_permutations
            return
        raise AssertionError("no seed has four deals as far apart")

    def test_where_there_is_something_to_be_found_it_goes_on(self):
        found = otgen.two_sample_test(X, Y + 5, n_permutations=199, stop_after=5, rng=0)
        assert not found.stopped
        assert found.n_permutations == 199
        assert found.p_value == (1 + found.as_far) / 200

    def test_expected_p_values(self):
        """Of p = 1/2, of which h / l is an estimate by the negative binomial law; its error is that which is told."""
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 6, 2))
        truth = otgen.two_sample_test(x, y, distance="energy", n_permutations=20000, rng=1).p_value
        found = [
            otgen.two_sample_test(x, y, distance="energy", n_permutations=5000, stop_after=25, rng=k) for k in range(80)
        ]
        held = sum(one.interval()[0] <= truth <= one.interval()[1] for one in found)
        assert held >= stats.binom.ppf(1e-4, 80, 0.95)
        spread = np.std([one.p_value for one in found])
        assert spread == pytest.approx(np.mean([one.standard_error for one in found]), rel=0.4)


class TestResults:
    def test_the_interval_holds_the_p_value_of_all_deals(self):
        for k, n in ((0, 19), (3, 99), (99, 99)):
            found = TestResult("energy", 1.0, 1.0, 1.0, k, 0, 0, n, False)
            truth = stats.binomtest(k, n).proportion_ci(0.9)
            assert found.interval(0.9) == pytest.approx((truth.low, truth.high), abs=1e-12)
        with pytest.raises(InvalidInput, match="level must lie in"):
            found.interval(1.0)

    def test_it_is_told(self):
        found = otgen.two_sample_test(X, Y, n_permutations=19, rng=0)
        out = json.loads(json.dumps(found.to_dict()))
        assert out["p_value"] == found.p_value
        assert out["verdict"] == found.verdict
        assert "of these samples" in repr(found)
        assert found.lower <= found.observed <= found.upper

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(distance="emd"), "distance must be one of"),
            (dict(distance=3), "distance must be a name"),
            (dict(n_permutations=0), "n_permutations must be a whole number"),
            (dict(stop_after=0), "stop_after must be a whole number"),
            (dict(n_jobs=0), "n_jobs must be a whole number other than 0"),
            (dict(rng="x"), "rng must be"),
            (dict(distance="sinkhorn", epsilon=1.0, relax=1.0), "relax must be left out"),
            (dict(distance="energy", p=1), "p must be left out for distance='energy'"),
            (dict(distance="mmd", bandwidth=0.0), "bandwidth must be positive"),
            (dict(a=[1.0]), r"a must have shape \(8,\)"),
            (dict(metric="eucl"), "metric must be one of"),
        ],
    )
    def test_what_is_refused(self, options, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.two_sample_test(X, Y, **options)

    def test_options_of_larger_samples_are_checked_as_well(self):
        x = RNG.normal(size=(120, 2))
        for options in (dict(p="2"), dict(p=0.5), dict(metric="eucl")):
            with pytest.raises(InvalidInput, match="must be"):
                otgen.two_sample_test(x, x, **options)

    def test_all_in_one_point(self):
        for name in ("wasserstein", "energy", "mmd"):
            assert otgen.two_sample_test(np.zeros((3, 2)), np.zeros((4, 2)), distance=name, rng=0).p_value == 1.0


@pytest.mark.parametrize("name", ["energy", "mmd"])
@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-541, 1e155, 2.0**1000])
def test_kernels_at_any_scale(name, scale):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=(7, 2)) + 2.0
    plain, other = (otgen.two_sample_test(x * s, y * s, distance=name, n_permutations=99, rng=3) for s in (1.0, scale))
    assert other.p_value == plain.p_value == 0.01
    power = 0.5 if name == "energy" else 0.0
    assert other.observed == pytest.approx(plain.observed * scale**power, rel=1e-9)
