"""What chance alone gives: random splits against exact counts, the level of the test, and verdicts in words."""

import inspect
import math
import pickle
from itertools import combinations

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import otgen
from otgen import InvalidInput, PermutationNull
from otgen.distances.splits import SPLITS, Measured, permuted


def means_apart(x, y, a, b):
    return float(abs(np.average(x, weights=a) - np.average(y, weights=b)))


class TestSplits:
    def test_they_are_those_of_the_pool(self):
        """Many splits of five points in sets of two and three: every one of the ten that there are, and no other value."""
        x, y = np.array([0.0, 1.0]), np.array([3.0, 7.0, 15.0])
        pool = np.concatenate([x, y])
        truth = {round(abs(pool[list(c)].mean() - np.delete(pool, c).mean()), 9) for c in combinations(range(5), 2)}
        found = otgen.permutation_null(x, y, distance=means_apart, n_permutations=300, rng=0)
        assert {round(value, 9) for value in found.values} == truth
        assert found.observed == means_apart(x, y, None, None)

    def test_what_is_no_seed(self):
        with pytest.raises(otgen.InvalidInput, match="rng must be a seed or a numpy Generator; received -1"):
            otgen.permutation_null([0.0, 1.0], [2.0, 3.0], rng=-1)

    def test_a_seed_makes_them(self):
        x, y = np.random.default_rng(0).random((2, 9, 2))
        one, same, other = (otgen.permutation_null(x, y, rng=seed).values for seed in (0, np.random.default_rng(0), 1))
        assert (one == same).all()
        assert (one != other).any()

    def test_weights_stay_with_their_points(self):
        """Points that weigh their own square, sides of equal mean weight: in every split, weights are in proportion to the squares."""
        x, y = np.array([1.0, 7.0]), np.array([5.0, 5.0, 5.0])
        seen = []

        def measure(x, y, a, b):
            for points, weights in ((x, a), (y, b)):
                np.testing.assert_allclose(weights, points**2 / (points**2).sum(), rtol=1e-12)
            seen.append(x)
            return 0.0

        permuted(measure, x, y, x**2, 3 * y**2, 30, 0)
        assert len({tuple(sorted(one)) for one in seen}) > 2

    @pytest.mark.parametrize("points", [3, 300])
    def test_a_line_and_a_column_are_pooled(self, points):
        """Points (n,) beside points (m, 1): what a file of numbers and a table of one column are to each other."""
        x, y = np.random.default_rng(0).random((2, points))
        flat = otgen.wasserstein(x, y).chance(rng=0).values
        for one, other in ((x, y[:, None]), (x[:, None], y)):
            np.testing.assert_array_equal(otgen.wasserstein(one, other).chance(rng=0).values, flat)

    def test_a_side_without_weight_is_nowhere(self):
        found = permuted(means_apart, np.zeros(1), np.ones(3), np.ones(1), np.array([0.0, 0.0, 1.0]), 20, 0)
        assert [split.value for split in found].count(0.0) > 0

    def test_it_is_the_distance_that_is_asked_for(self):
        """Of sets of one point each there are two deals, and both have the distance of the sets."""
        x, y = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
        for options, truth in (
            ({}, 5.0),
            ({"metric": "cityblock", "p": 1}, 7.0),
            ({"distance": "sinkhorn", "epsilon": 1.0}, 25.0),
            ({"distance": "sinkhorn_divergence", "epsilon": 1.0}, 25.0),
            ({"distance": lambda *sides: 2 * otgen.wasserstein(*sides).value}, 10.0),
        ):
            found = otgen.permutation_null(x, y, **options)
            assert found.observed == pytest.approx(truth)
            assert found.values == pytest.approx(np.full(19, truth))
            assert found.p_value == 1.0

    def test_what_is_taken_from_the_data_is_taken_from_each_split(self):
        """A relative epsilon: of one split alone it is what that split's own mean cost says."""
        x, y = np.array([0.0, 1.0, 5.0]), np.array([2.0, 3.0, 9.0])
        options = dict(epsilon=otgen.Relative(0.1), tol=1e-10)
        pool, truth = np.concatenate([x, y]), set()
        for chosen in combinations(range(6), 3):
            result = otgen.sinkhorn(pool[list(chosen)], np.delete(pool, chosen), **options)
            truth.add(round(result.value, 6))
        found = otgen.permutation_null(x, y, distance="sinkhorn", n_permutations=50, rng=0, **options)
        assert {round(value, 6) for value in found.values} <= truth
        assert len(set(found.values)) > 5

    def test_without_throwing_intervals_decide(self):
        x, y = np.random.default_rng(0).random((2, 9, 2))
        options = dict(distance="sinkhorn", epsilon=1e-3, max_iter=1)
        with pytest.raises(otgen.NotConverged):
            otgen.permutation_null(x, y + 9.0, **options)
        assert otgen.permutation_null(x, y + 9.0, throw=False, **options).as_far == 0

    def test_sliced_directions_are_those_of_all_splits(self):
        x, y = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
        found = otgen.permutation_null(x, y, distance="sliced_wasserstein", n_projections=3, rng=0)
        assert set(found.values) == {found.observed}

    @pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]], np.array([1, 2**60])])
    def test_a_callable_is_handed_arrays_of_one_kind(self, x):
        kinds = set()

        def measure(x, y, a, b):
            kinds.add((type(x), x.dtype, x.ndim, type(y), y.dtype, y.ndim, a, b))
            return 1.0

        otgen.permutation_null(x, x, distance=measure)
        assert kinds == {(np.ndarray, np.dtype(float), np.ndim(x), np.ndarray, np.dtype(float), np.ndim(x), None, None)}

    def test_tables_are_matched_by_name(self):
        table = pyarrow.table({"u": [0.0, 1.0], "v": [5.0, 5.0]})
        with pytest.raises(InvalidInput, match="must have the same columns in the same order"):
            otgen.permutation_null(table, table.select(["v", "u"]), distance=means_apart)

    @pytest.mark.parametrize("dtype", ["float32", "int64", "datetime64[D]"])
    def test_any_points_that_can_be_compared(self, dtype):
        x, y = np.arange(20).astype(dtype), (np.arange(20) + 100).astype(dtype)
        found = otgen.permutation_null(x, y, p=1, rng=0)
        assert found.observed == pytest.approx(100.0)
        assert found.p_value == 0.05


OF_RESULTS = {
    "small": (dict(p=1, metric="cityblock"), otgen.wasserstein, "wasserstein"),
    "line": (dict(p=3), lambda x, y, *w, **o: otgen.wasserstein(x[:, 0], y[:, 0], *w, **o), "wasserstein"),
    "bottleneck": (dict(p=math.inf), otgen.wasserstein, "wasserstein"),
    "callable": (dict(metric=lambda u, v: abs(u[:, None] - v).sum(2)), otgen.wasserstein, "wasserstein"),
    "entropic": (dict(epsilon=otgen.Relative(0.2), p=1), otgen.sinkhorn, "sinkhorn"),
    "divergence": (dict(epsilon=0.5, metric="chebyshev"), otgen.sinkhorn_divergence, "sinkhorn_divergence"),
}


class TestOfAResult:
    """``result.chance`` is :func:`otgen.permutation_null` of the samples, weights and options that made the result."""

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("name", OF_RESULTS)
    def test_it_is_that_of_its_samples_and_options(self, name, weighted):
        rng = np.random.default_rng(0)
        x, y = rng.random((9, 2)), rng.random((8, 2)) + 0.2
        weights = tuple(rng.dirichlet(np.ones(len(z))) for z in (x, y)) if weighted else ()
        options, call, distance = OF_RESULTS[name]
        result = call(x, y, *weights, **options)
        assert "result.chance()" in repr(result)
        assert "result.chance()" in result._repr_html_()
        sides = (x[:, 0], y[:, 0]) if name == "line" else (x, y)
        right = otgen.permutation_null(*sides, *weights, distance=distance, n_permutations=9, rng=5, **options)
        found = result.chance(9, rng=5)
        assert found.values == pytest.approx(right.values, rel=1e-9)
        assert (found.observed, found.as_far) == (result.value, right.as_far)

    def test_how_many_splits_unless_said(self):
        assert inspect.signature(otgen.Result.chance).parameters["n_permutations"].default == SPLITS
        assert len(otgen.wasserstein([0.0, 1.0], [2.0, 5.0]).chance(rng=0).values) == SPLITS

    def test_sliced_splits_are_measured_along_its_directions(self):
        x, y = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
        result = otgen.sliced_wasserstein(x, y, n_projections=3, rng=7)
        assert set(result.chance().values) == {result.value}

    @pytest.mark.parametrize("dtype", ["datetime64[D]", "int64", "float32"])
    def test_whole_numbers_and_moments(self, dtype):
        x = (np.arange(20) + (2**60 if dtype == "int64" else 0)).astype(dtype)
        assert (
            otgen.wasserstein(x, x + np.ones((), "m8[D]" if dtype[0] == "d" else dtype), p=1).chance(rng=0).p_value
            > 0.5
        )
        y = x + np.array(100).astype("m8[D]" if dtype[0] == "d" else dtype)
        assert otgen.wasserstein(x, y, p=1).chance(rng=0).p_value == 0.05

    def test_it_throws_where_the_result_did(self):
        x, y = np.random.default_rng(0).random((2, 9, 2))
        result = otgen.sinkhorn(x, y + 9.0, epsilon=1e-3, max_iter=1, throw=False)
        assert result.chance(rng=0).as_far == 0

    @pytest.mark.parametrize(
        "result",
        [
            otgen.transport([[1.0, 2.0], [2.0, 1.0]]),
            otgen.sinkhorn([0.0, 1.0], [2.0], epsilon=1.0, relax=1.0),
            otgen.sinkhorn_divergence([0.0, 1.0], [2.0], epsilon=1.0, relax=1.0),
        ],
        ids=["matrix", "relaxed", "relaxed divergence"],
    )
    def test_what_has_none(self, result):
        assert "chance" not in repr(result)
        with pytest.raises(InvalidInput, match="result must be of two sets of samples"):
            result.chance()

    def test_refusals(self):
        result = otgen.wasserstein([0.0, 1.0], [2.0, 5.0])
        with pytest.raises(InvalidInput, match="n_permutations must be"):
            result.chance(0)
        with pytest.raises(InvalidInput, match="rng must be"):
            result.chance(rng="no")

    def test_it_survives_a_pickle(self):
        result = otgen.wasserstein(*np.random.default_rng(0).random((2, 9, 2)))
        assert (pickle.loads(pickle.dumps(result)).chance(rng=0).values == result.chance(rng=0).values).all()


class TestPValue:
    @given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0, 10), st.floats(0, 1), st.floats(0, 1))
    def test_it_counts_what_is_not_proven_nearer(self, values, observed, width, own):
        mine = Measured(observed, observed - width, observed + width)
        found = PermutationNull.of(mine, [Measured(value, value - own, value + own) for value in values])
        as_far = sum(value + own >= observed - width for value in values)
        assert found.as_far == as_far
        assert found.p_value == (1 + as_far) / (1 + len(values))
        assert ("beyond chance: " in found.verdict) == (found.p_value <= 0.05)
        assert found.to_dict()["as_far"] == as_far

    def test_its_level(self):
        """300 pairs of skewed samples of one law, of unequal sizes: a test of level 1 in 10 rejects as many as the binomial law lets it."""
        rng = np.random.default_rng(0)

        def p_value(shift):
            x, y = rng.exponential(size=6), rng.exponential(size=9) + shift
            return otgen.permutation_null(x, y, p=1, n_permutations=9, rng=rng).p_value

        rejected = sum(p_value(0.0) <= 0.1 for _ in range(300))
        low, high = stats.binom(300, 0.1).interval(0.9999)
        assert low <= rejected <= high
        assert sum(p_value(5.0) <= 0.1 for _ in range(30)) == 30

    def test_sixty_four_dimensions(self):
        """Two samples of 91 of one law are 9.5 apart, which chance alone explains; a shift by a twentieth of that it does not."""
        x, y = np.random.default_rng(0).normal(size=(2, 91, 64))
        found = otgen.permutation_null(x, y, rng=0)
        assert 9 < found.observed < 10
        assert found.p_value > 0.05
        moved = otgen.permutation_null(x, y + 0.3, rng=0)
        assert moved.p_value == 0.05


class TestWords:
    def test_it_reads_well(self):
        found = PermutationNull.of(9.53011, [9.4, 9.6])
        assert repr(found).split("\n") == [
            "PermutationNull",
            "  observed      9.5301, of these samples, not of the laws behind them",
            "  chance alone  9.4 to 9.6",
            "  p-value       0.67",
            "  verdict       no difference beyond chance is shown: 1 of 2 random splits of the pooled samples lies as far apart",
        ]
        assert PermutationNull.of(2.0, [1.0]).spread == "1"
        assert PermutationNull.of(2.0, [1.0, math.inf]).spread == "1 to inf"

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"distance": "wassertein"}, "distance must be one of .*; did you mean 'wasserstein'"),
            ({"distance": 3}, "distance must be a name .* or a callable; received 3; pass 'wasserstein'"),
            ({"distance": lambda *sides: math.nan}, "what distance returns must be a real number; received nan"),
            ({"distance": "sinkhorn", "epsilon": 0.1, "relax": 1.0}, "relax must be left out"),
            ({"n_permutations": 0}, "n_permutations must be a whole number of at least 1"),
            ({"rng": "no"}, "rng must be a seed or a numpy Generator"),
            ({"a": [1.0, 2.0], "b": [1.0, 1.0]}, "must carry the same total mass"),
        ],
    )
    def test_refusals(self, options, words):
        with pytest.raises(InvalidInput, match=words):
            otgen.permutation_null([0.0, 1.0], [2.0, 3.0], **options)


@pytest.mark.parametrize("given", [(True, True), (True, False), (False, True)])
def test_weights_in_single_precision_have_one_total(given):
    """Sums of softmax outputs differ by the rounding of their dtype, and their distance is taken."""
    rng = np.random.default_rng(0)
    x, weights = np.arange(50.0), rng.dirichlet(np.ones(50), 2).astype("float32") * np.float32(1 + 3e-7)
    a, b = (side if one else None for side, one in zip(weights, given))
    null = otgen.permutation_null(x, x + 1, a, b, p=1, rng=0)
    assert null.observed == pytest.approx(otgen.wasserstein(x, x + 1, a, b, p=1).value, rel=1e-6)
