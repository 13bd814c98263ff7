"""Nearest sets and sets within a radius: those of all distances, whatever the sets and the metric; ties; what is refused, and by which name."""

import json
import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen import InvalidInput, MassMismatch, Measure, TooLarge
from otgen.distances.pairs.intervals import Intervals

RNG = np.random.default_rng(0)
METRICS = [
    "euclidean",
    "cityblock",
    "chebyshev",
    otgen.Minkowski(3),
    otgen.Circular(2.0),
    "great_circle",
    "sqeuclidean",
    "cosine",
    "callable",
]
ORDERS = [1, 2, 3, math.inf]


def spread(x, y):
    return np.abs(x[:, None] - y).sum(-1)


def options(metric, p):
    """A metric that may be a callable, with an order that it goes with."""
    only = metric in ("sqeuclidean", "cosine")
    return dict(metric=spread if metric == "callable" else metric, p=1 if only else p)


def drawn(rng, count, grid):
    """Sets of any size from one point on; on a grid, where many distances tie; some of them twice, or the same in another order."""
    sets = []
    for _ in range(count):
        kind = rng.integers(6)
        if sets and kind < 2:
            other = sets[rng.integers(len(sets))]
            sets.append(other.copy() if kind else other[rng.permutation(len(other))])
            continue
        points = rng.integers(1, 4, size=(rng.integers(1, 7), 2)) / 4.0
        sets.append(points if grid else points + rng.normal(size=points.shape) * 0.05)
    return sets


def checked_neighbors(found, truth, k, alone, ordered=True):
    """Every neighbour is one: no set that comes later, or not at all, is nearer, but for what intervals leave open; where they do, it is told."""
    count, others = truth.value.shape
    assert found.indices.shape == (count, k)
    for i in range(count):
        chosen = found.indices[i]
        assert len(set(chosen)) == k
        left = set(range(others)) - ({i} if alone else set())
        assert set(chosen) <= left
        for place, j in enumerate(chosen):
            assert found.lower[i, place] <= truth.upper[i, j]
            assert truth.lower[i, j] <= found.upper[i, place]
            assert found.lower[i, place] <= found.value[i, place] <= found.upper[i, place]
            left = left - {j} if ordered else left - set(chosen)
            nearer = [o for o in left if truth.upper[i, o] < truth.lower[i, j]]
            assert not nearer
            if any(truth.upper[i, o] == truth.lower[i, j] == truth.lower[i, o] == truth.upper[i, j] for o in left):
                assert found.tied[i, place]
            if found.tied[i, place]:
                assert any(truth.lower[i, o] <= truth.upper[i, j] + 1e-9 for o in left)


class TestNeighborsAreThoseOfAllDistances:
    @given(
        seed=st.integers(0, 2**32 - 1),
        metric=st.sampled_from(METRICS),
        p=st.sampled_from(ORDERS),
        grid=st.booleans(),
        weighted=st.booleans(),
        ordered=st.booleans(),
    )
    def test_of_one_collection(self, seed, metric, p, grid, weighted, ordered):
        rng = np.random.default_rng(seed)
        sets = drawn(rng, 7, grid)
        weights = [rng.integers(1, 4, len(x)) / 4.0 for x in sets] if weighted else None
        extra = dict(weights=weights, normalize=weighted, **options(metric, p))
        truth = otgen.pairwise(sets, bounds=True, **extra)
        k = int(rng.integers(1, 7))
        checked_neighbors(otgen.neighbors(sets, k=k, ordered=ordered, **extra), truth, k, True, ordered)

    @given(
        seed=st.integers(0, 2**32 - 1), metric=st.sampled_from(METRICS), p=st.sampled_from(ORDERS), grid=st.booleans()
    )
    def test_of_two(self, seed, metric, p, grid):
        rng = np.random.default_rng(seed)
        queries, sets = drawn(rng, 3, grid), drawn(rng, 6, grid)
        truth = otgen.pairwise(queries, sets, bounds=True, **options(metric, p))
        for k in (1, 6):
            checked_neighbors(otgen.neighbors(queries, sets, k, **options(metric, p)), truth, k, False)

    @given(
        seed=st.integers(0, 2**32 - 1), metric=st.sampled_from(METRICS), p=st.sampled_from(ORDERS), grid=st.booleans()
    )
    def test_and_so_are_pairs_within_a_radius(self, seed, metric, p, grid):
        rng = np.random.default_rng(seed)
        sets = drawn(rng, 6, grid)
        truth = otgen.pairwise(sets, bounds=True, **options(metric, p))
        upper = np.triu_indices(6, 1)
        radii = [0.0, float(rng.choice(truth.value[upper])), float(np.median(truth.value[upper])), math.inf]
        for radius in radii:
            found = otgen.within(sets, radius, **options(metric, p))
            inside = {tuple(pair) for pair in found.pairs.tolist()}
            undecided = {tuple(pair) for pair in found.undecided.tolist()}
            for i, j in zip(*map(np.ndarray.tolist, upper)):
                if truth.upper[i, j] <= radius:
                    assert (i, j) in inside or (i, j) in undecided
                elif truth.lower[i, j] > radius:
                    assert (i, j) not in inside or (i, j) in undecided
                if (i, j) in undecided:
                    assert abs(truth.value[i, j] - radius) <= 1e-7 * max(radius, 1.0)
            for (i, j), low, value, high in zip(found.pairs, found.lower, found.value, found.upper, strict=True):
                assert low <= truth.upper[i, j]
                assert truth.lower[i, j] <= high
                assert low <= value <= high


@pytest.fixture(
    scope="module", params=[{}, {"p": 1, "metric": "cityblock"}, {"p": 1, "metric": "sqeuclidean"}], ids=str
)
def large(request):
    """Sets so large that the solver goes by rounds, two of them near copies of others; and all distances."""
    rng = np.random.default_rng(1)
    sets = [rng.normal(size=(520 + 40 * (k % 2), 2)) * rng.uniform(0.3, 1, 2) + rng.normal(size=2) for k in range(5)]
    sets += [sets[k] + 0.02 * rng.normal(size=sets[k].shape) for k in range(2)]
    return sets, request.param, otgen.pairwise(sets, bounds=True, **request.param)


class TestLargeSets:
    @pytest.mark.parametrize("ordered", [True, False])
    @pytest.mark.by_day(3)
    def test_neighbours_are_settled_by_all_means(self, large, ordered):
        sets, extra, truth = large
        found = otgen.neighbors(sets, k=2, ordered=ordered, **extra)
        checked_neighbors(found, truth, 2, True, ordered)
        assert sum(found.settled.values()) == 21
        assert found.solved < 15
        for at, j in np.ndenumerate(found.indices):
            if ordered and found.upper[at] - found.lower[at] < 1e-9:  # solved to the end
                assert found.value[at] == truth.value[at[0], j]

    @pytest.mark.parametrize("share", [0.2, 0.6])
    def test_and_so_are_pairs_within_a_radius(self, large, share):
        sets, extra, truth = large
        i, j = np.triu_indices(7, 1)
        radius = float(np.quantile(truth.value[i, j], share)) * 1.001
        found = otgen.within(sets, radius, **extra)
        inside = {tuple(pair) for pair in found.pairs.tolist()}
        assert inside == {(a, b) for a, b in zip(i.tolist(), j.tolist()) if truth.value[a, b] <= radius}
        assert found.solved < 10

    def test_potentials_of_earlier_solves_settle_near_copies(self):
        """In many dimensions projections say little; what separates a set from one separates it from a copy that lies close."""
        rng = np.random.default_rng(0)
        base = [rng.normal(size=(520, 20)) for _ in range(2)]
        sets = [base[0], base[1], *(base[1] + 1e-4 * rng.normal(size=(520, 20)) for _ in range(3))]
        radius = 0.999 * otgen.wasserstein(sets[0], sets[1]).value
        found = otgen.within(sets, radius)
        assert found.pairs.tolist() == [[a, b] for a in range(1, 5) for b in range(a + 1, 5)]
        assert found.settled["duals"] == 3
        assert found.solved == 1


class TestTies:
    def test_go_by_index_and_are_told(self):
        sets = [[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]], [[-1.0, 0.0]], [[0.0, 9.0]]]
        found = otgen.neighbors(sets, k=2)
        assert found.indices[0].tolist() == [1, 2]
        assert found.tied[0].tolist() == [True, True]
        assert "ties" in repr(found)
        whole = otgen.neighbors(sets, k=4)
        assert whole.indices[0].tolist() == [1, 2, 3, 4]
        assert whole.tied[0].tolist() == [True, True, False, False]

    def test_copies_are_at_distance_0(self):
        cloud = RNG.normal(size=(600, 2))
        found = otgen.neighbors([cloud, cloud + 5, cloud.copy(), cloud.copy()], k=2)
        assert found.indices[0].tolist() == [2, 3]
        assert (found.upper[[0, 2, 3]] == 0).all()
        assert found.settled["equal"] == 3
        assert otgen.within([cloud, cloud + 5, cloud.copy()], 0).pairs.tolist() == [[0, 2]]

    def test_a_radius_that_is_a_distance(self):
        sets = [[[0.0, 0.0]], [[3.0, 4.0]], [[6.0, 8.0]]]
        found = otgen.within(sets, 5.0)
        assert {tuple(pair) for pair in [*found.pairs.tolist(), *found.undecided.tolist()]} >= {(0, 1), (1, 2)}
        assert found.pairs.tolist() == [[0, 1], [1, 2]]


class TestForms:
    def test_they_are_those_of_pairwise(self, tmp_path):
        sets = [RNG.normal(size=(n, 2)) for n in (3, 8, 1, 5)]
        truth = otgen.neighbors(sets, k=2).indices
        for k, x in enumerate(sets):
            np.save(tmp_path / f"{k}.npy", x)
        for form in (tmp_path, [Measure(x) for x in sets], [x.tolist() for x in sets]):
            np.testing.assert_array_equal(otgen.neighbors(form, k=2).indices, truth)

    def test_histograms(self):
        rows = RNG.integers(1, 9, size=(5, 6))
        truth = otgen.pairwise(rows, support=np.arange(6.0), normalize=True)
        np.fill_diagonal(truth, np.inf)
        found = otgen.neighbors(rows, k=1, support=np.arange(6.0), normalize=True)
        np.testing.assert_array_equal(truth[np.arange(5), found.indices[:, 0]], truth.min(axis=1))

    def test_moments_and_numbers_that_are_no_doubles(self):
        days = [np.array(day, "datetime64[D]") for day in (["2024-01-01"], ["2024-01-03"], ["2024-01-04"])]
        assert otgen.neighbors(days, k=1).indices[:, 0].tolist() == [1, 2, 1]
        big = 2**53
        assert otgen.neighbors([[big], [big + 3], [big + 4]], k=1).indices[:, 0].tolist() == [1, 2, 1]

    def test_points_without_mass_change_nothing(self):
        sets = [np.array([[0.0, 0.0], [1e6, 1e6]]), np.array([[1.0, 0.0], [-1e6, 0.0]]), np.array([[3.0, 0.0]])]
        weights = [[1.0, 0.0], [1.0, 0.0], [1.0]]
        found = otgen.neighbors(sets, k=1, weights=weights)
        assert found.indices[:, 0].tolist() == [1, 0, 1]

    @pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e150, 1e307])
    def test_at_any_scale(self, scale):
        sets = [scale * np.array(z) for z in ([[0.0, 0.0], [1.0, 1.0]], [[0.5, 0.0], [1.0, 1.0]], [[4.0, 0.0]])]
        assert otgen.neighbors(sets, k=1).indices[:, 0].tolist() == [1, 0, 1]
        assert len(otgen.within(sets, scale).pairs) == 1

    def test_no_queries(self):
        assert otgen.neighbors([], [[0.0]], 1).indices.shape == (0, 1)
        assert otgen.within([], 1.0).pairs.shape == (0, 2)


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: otgen.neighbors([[0.0], [math.nan]], k=1), r"queries\[1\] must be finite"),
            (lambda: otgen.neighbors([[0.0]], [[0.0], [[1.0, 2.0]]], 1), r"sets\[1\]"),
            (lambda: otgen.within([[0.0], []], 1.0), r"sets\[1\]"),
            (lambda: otgen.within([[0.0]], 1.0, [[math.inf]]), r"sets2\[0\] must be finite"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=2), "k must be at most the number of other sets; received 2 with 1"),
            (lambda: otgen.neighbors([[0.0]]), "sets must hold at least one set other than the query"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=0), "k must be"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=10**30), r"k must be below 2\*\*62; received 1000"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=1, p=0.5), "p must be at least 1"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=1, metric="eucl"), "metric must be one of"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=1, metric="sqeuclidean"), "p must be 1 for metric='sqeuclidean'"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=1, ordered=1), "ordered must be True or False"),
            (lambda: otgen.neighbors([[0.0], [1.0]], k=1, weights2=[None]), "weights2 must stand beside sets"),
            (lambda: otgen.neighbors([[[0.1, 0.0]], [[2.0, 0.0]]], k=1, metric="great_circle"), r"queries\[1\] must hold latitudes"),
            (lambda: otgen.neighbors([[[1.0, 1.0]], [[0.0, 0.0]]], k=1, p=1, metric="cosine"), r"queries\[1\] must hold no zero vector"),
            (lambda: otgen.within([[0.0]], -1.0), "radius must be at least 0"),
            (lambda: otgen.within([[0.0]], math.nan), "radius must be a real number"),
            (lambda: otgen.within([[0.0], [1.0]], 1.0, metric=lambda x, y: np.maximum(x - y.T, 0)), "symmetric"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named_before_any_work(self, call, message):
        with pytest.raises(InvalidInput, match=message):
            call()

    def test_moments_in_two_units(self):
        """A pair of them would be measured in days, another in nanoseconds."""
        days = [np.array([day], "datetime64[D]") for day in ("2024-01-01", "2024-01-03")]
        fine = np.array(["2024-01-04"], "datetime64[ns]")
        for call in (
            lambda: otgen.pairwise([*days, fine]),
            lambda: otgen.neighbors([*days, fine], k=1),
            lambda: otgen.within([*days, fine], 3.0),
        ):
            with pytest.raises(
                InvalidInput, match=r"\[2\] must be counted in the unit of \w+\[0\].*astype\('datetime64\[ns\]'\)"
            ):
                call()
        # the remedy loses nothing: in days, the unit of the first, 5 nanoseconds were 0
        moved = [z.astype("datetime64[ns]") for z in (days[0], days[0] + np.timedelta64(5, "ns"))]
        assert otgen.pairwise(moved, p=1)[0, 1] == 5.0
        with pytest.raises(InvalidInput, match="make all of them moments, durations or numbers of one unit"):
            otgen.pairwise([np.array([1], "m8[M]"), np.array([1], "m8[D]")])
        with pytest.raises(InvalidInput, match=r"sets2\[0\] must be counted in the unit of sets\[0\]"):
            otgen.within(days, 3.0, [fine])

    def test_masses_that_differ(self):
        with pytest.raises(MassMismatch):
            otgen.neighbors([[0.0], [1.0]], k=1, weights=[[1.0], [2.0]])

    def test_more_pairs_than_fit(self, monkeypatch):
        monkeypatch.setattr("otgen.distances.pairs.intervals.available", lambda: 99)
        with pytest.raises(TooLarge, match="2 x 2 pairs"):
            otgen.neighbors([[0.0], [1.0]], k=1)


class TestTables:
    def test_dictionaries_go_through_json_and_back(self):
        near, inside = otgen.neighbors([[0.0], [1.0], [5.0]], k=2), otgen.within([[0.0], [1.0], [5.0]], 2.0)
        for found in (near, inside):
            again = json.loads(json.dumps(found.to_dict()))
            for name, value in again.items():
                kept = getattr(found, name)
                assert (kept if name == "settled" else kept.tolist()) == value, name

    def test_a_frame_has_a_row_a_neighbour_or_a_pair(self):
        near = otgen.neighbors([[0.0], [1.0], [5.0]], k=2)
        frame = near.to_frame()
        assert frame["query"].tolist() == [0, 0, 1, 1, 2, 2]
        assert frame["rank"].tolist() == [1, 2] * 3
        assert frame["set"].tolist() == near.indices.ravel().tolist()
        assert all(frame["lower"] <= frame["value"])
        inside = otgen.within([[0.0], [1.0], [5.0]], 4.0).to_frame()
        assert inside[["first", "second"]].to_numpy().tolist() == [[0, 1], [1, 2]]
        assert otgen.within([], 1.0).to_frame().shape == (0, 6)

    def test_pairs_at_the_radius_are_marked(self):
        found = otgen.within([[[0.0, 0.0]], [[0.1, 0.2]]], math.hypot(0.1, 0.2))
        assert found.to_frame()["undecided"].tolist() == [len(found.undecided) == 1] * len(found.pairs)


def test_values_lie_in_intervals_that_other_bounds_make_narrower():
    far = np.finfo(float).max
    one = [[1e308, 0.0], [0.0, 1e154], [far, -far], [2.3e-308, 1.0]]
    other = [[1e-160, far], [far, 1e-160], [5e-324, 1.0], [1.0, 1.0]]
    found = otgen.neighbors([one, other], k=1, p=np.inf, metric=otgen.Circular(24))
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()


class TestWorkers:
    """How many there are changes nothing: not the answer, not its intervals, and not what was solved for it."""

    SETS = tuple(np.random.default_rng(5).normal(size=(6, 520, 20)) + np.arange(6)[:, None, None] % 3 / 4)

    def test_neighbours_and_pairs_within_a_radius(self):
        one, two, all_cores = (otgen.neighbors(self.SETS, k=2, n_jobs=jobs) for jobs in (None, 2, -1))
        assert one.settled["stopped"] + one.settled["duals"] > 0
        assert one.to_dict() == two.to_dict() == all_cores.to_dict()
        assert otgen.within(self.SETS, 0.3, n_jobs=3).to_dict() == otgen.within(self.SETS, 0.3).to_dict()

    def test_they_narrow_side_by_side(self, monkeypatch):
        met, real = threading.Barrier(2), Intervals.found

        def found(*arguments):
            met.wait(60)  # alone, a worker would wait in vain
            return real(*arguments)

        monkeypatch.setattr(Intervals, "found", found)
        crosses = [np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([[-1.1, 0.0], [1.1, 0.0]])]
        assert len(otgen.within(crosses, 1.0, [[[0.0, -1.0], [0.0, 1.0]]], n_jobs=2).pairs) == 0

    def test_what_fails_in_one_comes_back_with_its_pair(self):
        def metric(x, y):
            if (x == 2).any() or (y == 2).any():
                raise ValueError("no such place")
            return np.abs(x - y.T)

        with pytest.raises(ValueError, match="no such place"):
            otgen.neighbors([[0.0], [1.0], [2.0], [3.0]], [[5.0], [6.0]], n_jobs=2, metric=metric)

    def test_no_workers_are_refused(self):
        for call in (
            lambda: otgen.neighbors([[0.0], [1.0]], n_jobs=0),
            lambda: otgen.within([[0.0], [1.0]], 1, n_jobs=True),
        ):
            with pytest.raises(InvalidInput, match="n_jobs must be a whole number other than 0"):
                call()
