"""All pairs: the distances that pairs have alone, to the last bit; the forms that collections come in; what is refused, and by which name."""

from collections.abc import Sequence

import numpy as np
import pandas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import otgen
from otgen import InvalidInput, MassMismatch, Measure, NotConverged, PairwiseBounds
from otgen.distances.pairs.tiles import blocks, tiles

RNG = np.random.default_rng(0)
RAGGED = [RNG.normal(size=(n, 2)) for n in (3, 40, 1, 7, 150, 7)]
WEIGHTS = [RNG.random(len(x)) for x in RAGGED]


def serial(sets, others=None, distance=otgen.wasserstein, weights=None, **options):
    """Value, lower and upper of every pair, measured alone; where there is one collection, of the upper triangle, mirrored."""
    second = sets if others is None else others
    out = np.empty((3, len(sets), len(second)))
    for i, x in enumerate(sets):
        for j, y in enumerate(second):
            if others is None and j < i:
                out[:, i, j] = out[:, j, i]
                continue
            a, b = (None, None) if weights is None else (weights[i], weights[j])
            found = distance(x, y, a, b, **options)
            out[:, i, j] = found.value, found.lower, found.upper
    return out


def same_bits(found, truth):
    np.testing.assert_array_equal(np.asarray(found).view(np.int64), np.ascontiguousarray(truth).view(np.int64))


class Lazy(Sequence):
    """Sets that are made when they are asked for, counting how often."""

    def __init__(self, sets):
        self.sets, self.asked = sets, []

    def __len__(self):
        return len(self.sets)

    def __getitem__(self, k):
        if k >= len(self.sets):
            raise IndexError(k)
        self.asked.append(k)
        return self.sets[k].copy()


class TestValues:
    @pytest.mark.parametrize(
        "sets",
        [RAGGED, RNG.normal(size=(9, 4, 2)), RNG.normal(size=(5, 6)), [np.arange(3), np.arange(5)[:, None]]],
        ids=["ragged", "alike", "line", "whole numbers"],
    )
    @pytest.mark.parametrize("options", [{}, {"p": 1, "metric": "cityblock"}, {"p": np.inf}])
    def test_they_are_those_of_pairs_alone(self, sets, options):
        found = otgen.pairwise(sets, bounds=True, **options)
        assert isinstance(found, PairwiseBounds)
        same_bits(found, serial(sets, **options))
        same_bits(otgen.pairwise(sets, **options), found.value)
        same_bits(found.value, found.value.T)

    def test_with_weights(self):
        found = otgen.pairwise(RAGGED, weights=WEIGHTS, normalize=True, bounds=True)
        same_bits(found, serial(RAGGED, weights=WEIGHTS, normalize=True))
        measures = [Measure(x, a) for x, a in zip(RAGGED, WEIGHTS)]
        same_bits(otgen.pairwise(measures, normalize=True), found.value)

    def test_weights_of_some(self):
        few = [None, WEIGHTS[1], *[None] * 4]
        same_bits(otgen.pairwise(RAGGED, weights=few, bounds=True), serial(RAGGED, weights=few))

    def test_two_collections(self):
        others = RNG.normal(size=(3, 5, 2))
        same_bits(otgen.pairwise(RAGGED, others, bounds=True), serial(RAGGED, others))

    @pytest.mark.parametrize("support", [np.arange(6.0), RNG.normal(size=(6, 2))])
    def test_histograms_on_one_support(self, support):
        rows = RNG.random((7, 6))
        rows /= rows.sum(axis=1, keepdims=True)
        found = otgen.pairwise(rows, support=support, bounds=True)
        same_bits(found, serial([support] * 7, weights=rows))
        same_bits(otgen.pairwise(pandas.DataFrame(rows), support=support), found.value)

    def test_sets_that_are_read_when_they_are_needed(self, tmp_path):
        truth = serial(RAGGED)[0]
        lazy = Lazy(RAGGED)
        same_bits(otgen.pairwise(lazy), truth)
        assert lazy.asked == [*range(6), *range(6)]  # once to be checked, once for the only tile
        for k, x in enumerate(RAGGED):
            np.save(tmp_path / f"{k}.npy", x)
        (tmp_path / "notes.txt").write_text("no set")
        same_bits(otgen.pairwise(tmp_path), truth)
        same_bits(otgen.pairwise(str(tmp_path), n_jobs=2), truth)

    def test_anybodys_arrays(self):
        x = RNG.random((4, 5, 2)).astype(np.float32)
        truth = serial(list(x))[0]
        same_bits(otgen.pairwise(torch.tensor(x)), truth)
        same_bits(otgen.pairwise([torch.tensor(z) for z in x]), truth)
        same_bits(otgen.pairwise([pandas.DataFrame(z, columns=["u", "v"]) for z in x]), truth)
        same_bits(otgen.pairwise(x.astype(float).tolist()), truth)

    def test_moments(self):
        days = [np.array(dates, "M8[D]") for dates in (["2020-01-01"], ["2020-01-03", "2020-01-05"])]
        assert otgen.pairwise(days, p=1).tolist() == [[0.0, 3.0], [3.0, 0.0]]

    def test_entropic_ones(self):
        for name in ("sinkhorn", "sinkhorn_divergence"):
            found = otgen.pairwise(RAGGED, distance=name, epsilon=0.3, tol=1e-10, bounds=True)
            truth = serial(RAGGED, distance=getattr(otgen, name), epsilon=0.3, tol=1e-10)
            np.testing.assert_allclose(found, truth, rtol=1e-8, atol=1e-8)

    def test_sliced_ones_share_their_directions(self):
        found = otgen.pairwise(RAGGED, distance="sliced_wasserstein", n_projections=20, rng=3)
        truth = [[otgen.sliced_wasserstein(x, y, n_projections=20, rng=3).value for y in RAGGED] for x in RAGGED]
        np.testing.assert_allclose(found, truth, rtol=1e-12)
        same_bits(found, otgen.pairwise(RAGGED, distance="sliced_wasserstein", n_projections=20, rng=3, n_jobs=2))
        free = otgen.pairwise([RAGGED[0]] * 3, distance="sliced_wasserstein")
        assert (free == 0).all()

    def test_a_callable(self):
        def apart(x, y, a, b):
            return abs(np.average(x, weights=a) - np.average(y, weights=b))

        found = otgen.pairwise([[0.0, 1.0], [4.0]], weights=[[1, 3], None], distance=apart)
        assert found.tolist() == [[0.0, 3.25], [3.25, 0.0]]

    @pytest.mark.parametrize(
        "metric", ["cosine", "sqeuclidean", "great_circle", otgen.Minkowski(3), otgen.Circular(2.0)]
    )
    def test_other_costs(self, metric):
        sets = [np.abs(np.sin(x)) + 0.1 for x in RAGGED]
        same_bits(otgen.pairwise(sets, p=1, metric=metric, bounds=True), serial(sets, p=1, metric=metric))

    def test_a_callable_metric(self):
        def metric(x, y):
            return np.abs(x[:, None] - y).sum(axis=2)

        same_bits(otgen.pairwise(RAGGED, p=1, metric=metric, bounds=True), serial(RAGGED, p=1, metric=metric))

    def test_none_at_all(self):
        assert otgen.pairwise([]).shape == (0, 0)
        assert otgen.pairwise([[0.0]], []).shape == (1, 0)

    @given(
        hnp.arrays(
            np.float64, st.tuples(st.integers(2, 5), st.integers(1, 4), st.just(2)), elements=st.integers(-4, 4)
        ),
        st.sampled_from([1, 2, 3.5]),
    )
    def test_they_are_a_metric_within_their_intervals(self, sets, p):
        value, lower, upper = otgen.pairwise(sets, p=p, bounds=True)
        assert (lower <= value).all()
        assert (value <= upper).all()
        assert (value == value.T).all()
        assert (np.diagonal(lower) == 0).all()
        same = [[sorted(map(tuple, x)) == sorted(map(tuple, y)) for y in sets] for x in sets]
        assert (lower[~np.array(same)] > 0).all()
        detours = (upper[:, :, None] + upper[None, :, :]).min(axis=1)
        assert (lower <= detours * (1 + 1e-15)).all()


class TestTiles:
    def test_every_pair_is_in_one(self):
        found = otgen.distances.pairs.collection.collected([np.zeros((n, 2)) for n in (3000, 10, 6000, 9000, 3000, 5)])
        parts = tiles(found, None, "wasserstein")
        assert len(parts) > 3
        count = np.zeros((6, 6), int)
        for tile in parts:
            i, j = tile.pairs()
            assert len(i) == len(tile)
            np.add.at(count, (i + tile.rows[0], j + tile.columns[0]), 1)
        assert (count == np.triu(np.ones((6, 6), int))).all()

    def test_they_do_not_depend_on_what_is_in_the_sets(self):
        shapes = [(500, 2)] * 40
        one, other = (
            otgen.distances.pairs.collection.collected([rng.random(shape) for shape in shapes])
            for rng in (np.random.default_rng(0), np.random.default_rng(1))
        )
        assert blocks(one.facts, "wasserstein") == blocks(other.facts, "wasserstein")
        assert tiles(one, None, "wasserstein") == tiles(other, None, "wasserstein")


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "said"),
        [
            (lambda: otgen.pairwise([[0.0], [np.nan]]), r"sets\[1\] must be finite"),
            (lambda: otgen.pairwise([[0.0]], [[1.0], []]), r"sets2\[1\] must hold at least one point"),
            (lambda: otgen.pairwise([[0.0], 3.0]), r"sets\[1\] must be \(n, d\)"),
            (lambda: otgen.pairwise([[0.0], [[1.0, 2.0]]]), r"sets\[0\] and sets\[1\] must have the same number"),
            (lambda: otgen.pairwise([[0.0]], [[[1.0, 2.0]]]), r"sets\[0\] and sets2\[0\] must have the same number"),
            (lambda: otgen.pairwise([[0.0], [1.0]], weights=[None, [-1]]), r"weights\[1\] must be finite and non-neg"),
            (lambda: otgen.pairwise([[0.0], [1.0]], weights=[None]), "one entry for each of sets; received 1 for 2"),
            (lambda: otgen.pairwise([[0.5, 0.5], [1.0]], support=[0, 1]), r"sets\[1\] must have shape \(2,\)"),
            (lambda: otgen.pairwise([[1.0]], support=[np.inf]), "support must be finite"),
            (lambda: otgen.pairwise([[1.0]], support=[0.0], weights=[[1.0]]), "must be left out beside support"),
            (lambda: otgen.pairwise([Measure([0.0])], weights=[[1.0]]), r"weights\[0\] must be None"),
            (lambda: otgen.pairwise(iter([[0.0]])), "sets must be a sequence"),
            (lambda: otgen.pairwise({0: [0.0]}), "sets must be a sequence"),
            (lambda: otgen.pairwise("nowhere"), "received nowhere, which is no folder"),
            (lambda: otgen.pairwise([[0.0]], "nowhere"), "sets2 must be a collection"),
            (lambda: otgen.pairwise([[0.0]], weights2=[[1.0]]), "weights2 must stand beside sets2"),
            (lambda: otgen.pairwise([[0.0]], distance="emd"), "distance must be one of"),
            (lambda: otgen.pairwise([[0.0]], distance=3), "distance must be a name"),
            (lambda: otgen.pairwise([[0.0]], a=[1.0]), "a must be left out"),
            (lambda: otgen.pairwise([[0.0]], init=None), "init must be left out"),
            (lambda: otgen.pairwise([[0.0]], bounds=1), "bounds must be True or False"),
            (lambda: otgen.pairwise([[0.0]], progress=1), "progress must be True or False"),
            (lambda: otgen.pairwise([[0.0]], throw=1), "throw must be True or False"),
            (lambda: otgen.pairwise([[0.0]], n_jobs=0), "n_jobs must be a whole number other than 0"),
            (lambda: otgen.pairwise([[0.0]], n_jobs=2.0), "n_jobs must be a whole number other than 0"),
            (lambda: otgen.pairwise([[0.0]], metric="eucl"), "^metric must be one of"),
            (
                lambda: otgen.pairwise([[0.0], [1.0]], distance="sinkhorn", epsilon=-1.0),
                "^epsilon must be positive",
            ),
            (lambda: otgen.pairwise([[0.0]], distance="sliced_wasserstein", bounds=True), "bounds must be False"),
        ],
    )
    def test_what_is_wrong_is_told_by_its_name(self, call, said):
        with pytest.raises(InvalidInput, match=said):
            call()

    def test_masses_that_differ(self):
        with pytest.raises(MassMismatch, match=r"weights\[1\] and weights\[3\] must carry the same total mass"):
            otgen.pairwise([[0.0]] * 4, weights=[None, [1.0], [1.0], [2.0]])
        with pytest.raises(MassMismatch, match=r"sets\[0\] and sets2\[0\] must carry"):
            otgen.pairwise([[1.0, 2.0]], [[1.0, 1.0]], support=[0.0, 1.0])
        found = otgen.pairwise([[1.0, 0.0], [0.0, 5.0]], support=[0.0, 1.0], normalize=True)
        assert found[0, 1] == 1.0

    def test_one_bad_set_among_many_is_found_before_any_is_measured(self):
        measured = []
        sets = [np.zeros((1, 1)) for _ in range(200)]
        sets[170] = np.full((1, 1), np.nan)
        with pytest.raises(InvalidInput, match=r"sets\[170\] must be finite"):
            otgen.pairwise(sets, distance=lambda *sides: measured.append(sides) or 0.0)
        assert not measured

    def test_an_iteration_limit_names_the_pair(self):
        sets = [RAGGED[0], RAGGED[0] + 0.0, RAGGED[1] * 9]
        options = dict(distance="sinkhorn", epsilon=1e-2, max_iter=60)
        with pytest.raises(NotConverged, match=r"^sets\[\d\] and sets\[2\]: Sinkhorn stopped at") as caught:
            otgen.pairwise(sets, **options)
        assert caught.value.result.lower <= caught.value.result.upper
        found = otgen.pairwise(sets, throw=False, bounds=True, **options)
        assert (found.lower <= found.upper).all()

    def test_a_set_that_changes_while_pairs_are_measured(self):
        class Drifting(Lazy):
            def __getitem__(self, k):
                return super().__getitem__(k) + len(self.asked)

        with pytest.raises(InvalidInput, match=r"sets\[0\] must stay as it is"):
            otgen.pairwise(Drifting(RAGGED))

    def test_a_damaged_file_is_named(self, tmp_path):
        np.save(tmp_path / "a.npy", RAGGED[0])
        (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
        with pytest.raises(InvalidInput, match=r"b\.npy must be an npy file of numbers"):
            otgen.pairwise(tmp_path)
        np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
        with pytest.raises(InvalidInput, match=r"b\.npy must be an npy file of numbers"):
            otgen.pairwise(tmp_path)

    def test_distances_that_are_others_the_other_way_round(self):
        def uphill(x, y, a, b):
            return max(0.0, float(np.mean(y) - np.mean(x)))

        with pytest.raises(InvalidInput, match=r"symmetric.*received 1 from sets\[0\] to sets\[1\] and 0 back"):
            otgen.pairwise([[0.0], [1.0]], distance=uphill)
        with pytest.raises(InvalidInput, match="distance must be symmetric"):
            otgen.pairwise(RAGGED, p=1, metric=lambda x, y: np.maximum(0, y[None, :, 0] - x[:, None, 0]))
        assert otgen.pairwise([[0.0], [1.0]], [[0.0], [1.0]], distance=uphill).tolist() == [[0.0, 1.0], [0.0, 0.0]]

    def test_matrices_that_do_not_fit(self):
        with pytest.raises(otgen.TooLarge, match="the matrix of all pairs must fit"):
            otgen.pairwise(np.broadcast_to(0.0, (10**7, 1)))


@pytest.mark.parametrize(
    ("distance", "options", "said"),
    [
        (
            "wasserstein",
            dict(epsilon=1),
            r"options must be those of distance='wasserstein' \(p, metric, .* received epsilon=1; leave",
        ),
        ("sliced_wasserstein", dict(max_iter=3), "options must be those of distance='sliced_wasserstein'"),
        ("sinkhorn", {}, "epsilon must be given for distance='sinkhorn'; received none; pass epsilon="),
    ],
)
@pytest.mark.parametrize(
    "call",
    [lambda **said: otgen.pairwise([[0.0], [1.0]], **said), lambda **said: otgen.two_sample_test([0.0], [1.0], **said)],
)
def test_options_of_another_distance(call, distance, options, said):
    with pytest.raises(InvalidInput, match=said):
        call(distance=distance, **options)


FOUR = [RNG.normal(size=(n, 2)) + k for k, n in enumerate((5, 8, 3, 6))]
FOUR_WEIGHTS = [RNG.random(len(z)) + 0.2 for z in FOUR]


class TestPartial:
    """Partial and max-sliced distances by their names: each number is that of the call, and what cannot be asked of many sets is refused first."""

    @pytest.mark.parametrize("options", [dict(penalty=1.0, p=1), dict(mass=0.5), dict(mass=0.5, penalty=0.3)])
    def test_each_pair_is_that_of_the_call(self, options):
        found = otgen.pairwise(
            FOUR, distance="partial_wasserstein", weights=FOUR_WEIGHTS, bounds=True, n_jobs=2, **options
        )
        for i, (x, a) in enumerate(zip(FOUR, FOUR_WEIGHTS)):
            for j in range(i, 4):
                alone = otgen.partial_wasserstein(x, FOUR[j], a, FOUR_WEIGHTS[j], **options)
                assert [z[i, j] for z in found] == [alone.value, alone.lower, alone.upper]
                assert found.value[j, i] == alone.value

    def test_prices_of_either_side_take_two_collections(self):
        options = dict(distance="partial_wasserstein", penalty=(1, 2))
        found = otgen.pairwise(FOUR, FOUR, weights=FOUR_WEIGHTS, weights2=FOUR_WEIGHTS, **options)
        assert found[0, 1] == pytest.approx(
            otgen.partial_wasserstein(*FOUR[:2], *FOUR_WEIGHTS[:2], penalty=(1, 2)).value
        )
        assert found[0, 1] != found[1, 0]
        with pytest.raises(InvalidInput, match="penalty must be one number where pairs are measured one way"):
            otgen.pairwise(FOUR, weights=FOUR_WEIGHTS, **options)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(), "penalty or mass must be given"),
            (
                dict(penalty=(np.ones(5), 1)),
                "penalty must be a number, or a pair of them, where many sets are compared",
            ),
            (dict(penalty=-1.0), "penalty must be at least 0"),
            (dict(mass=2.5), r"received 2.5 for sets\[2\], which has"),
            (dict(penalty=1.0, p=np.inf), "^p must be finite here; received inf"),
            (dict(penalty=1.0, epsilon=1.0), "options must be those of distance='partial_wasserstein'"),
        ],
    )
    def test_what_cannot_be_asked_is_refused_before_any_work(self, options, said, monkeypatch):
        monkeypatch.setattr("otgen.distances.pairs.measuring.Task.__call__", None)
        weights = [np.full(len(z), 3.0 / len(z)) for z in FOUR]
        weights[2] = weights[2] / 2
        with pytest.raises(InvalidInput, match=said):
            otgen.pairwise(FOUR, distance="partial_wasserstein", weights=weights, **options)

    def test_max_sliced_takes_the_same_starts_for_all_pairs(self, tmp_path):
        sets = [np.column_stack([z, z[:, 0] ** 2]) for z in FOUR[:3]]
        options = dict(distance="max_sliced_wasserstein", n_starts=2, exact=False)
        found = otgen.pairwise(sets, rng=3, **options)
        alone = otgen.max_sliced_wasserstein(sets[0], sets[2], rng=3, n_starts=2, exact=False)
        assert found[0, 2] == alone.value
        with pytest.raises(InvalidInput, match="rng must be a seed beside checkpoint"):
            otgen.pairwise(sets, checkpoint=tmp_path, **options)


EMPTY = np.empty((0, 2))
DIAGRAMS = [np.array([[0.0, 4.0], [1.0, 1.5]]), EMPTY, np.array([[0.0, 5.0]]), EMPTY]


def to_the_diagonal(x, y, a=None, b=None):
    prices = tuple((z[:, 1] - z[:, 0]) ** 2 / 4 for z in (x, y))
    return otgen.partial_wasserstein(x, y, np.ones(len(x)), np.ones(len(y)), metric="chebyshev", penalty=prices)


class TestEmptySets:
    """Sets without points, where all that the other one has may stay."""

    def test_by_a_callable(self, tmp_path):
        truth = np.sqrt(
            [[0, 4.0625, 1.0625, 4.0625], [4.0625, 0, 6.25, 0], [1.0625, 6.25, 0, 6.25], [4.0625, 0, 6.25, 0]]
        )
        for options in (dict(), dict(n_jobs=2), dict(checkpoint=tmp_path), dict(checkpoint=tmp_path)):
            found = otgen.pairwise(DIAGRAMS, distance=to_the_diagonal, **options)
            np.testing.assert_allclose(found, truth, rtol=1e-14)
        found = otgen.pairwise(DIAGRAMS, DIAGRAMS[:2], distance=to_the_diagonal, bounds=True)
        assert ((found.lower <= truth[:, :2] * (1 + 1e-15)) & (truth[:, :2] * (1 - 1e-15) <= found.upper)).all()

    @pytest.mark.parametrize("weights", [None, [[2.0, 1.0], [], [3.0], None]])
    def test_by_name(self, weights):
        options = dict(distance="partial_wasserstein", penalty=0.5, p=1)
        found = otgen.pairwise(DIAGRAMS, weights=weights, **options)
        total = [1.0, 0.0, 1.0, 0.0] if weights is None else [3.0, 0.0, 3.0, 0.0]
        np.testing.assert_allclose(found[1], 0.5 * np.array(total), rtol=1e-15)
        a, b = (None, None) if weights is None else (weights[0], weights[2])
        assert found[0, 2] == otgen.partial_wasserstein(DIAGRAMS[0], DIAGRAMS[2], a, b, penalty=0.5, p=1).value

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(), r"sets\[1\] must hold at least one point"),
            (dict(distance="sinkhorn", epsilon=1.0), r"sets\[1\] must hold at least one point"),
            (
                dict(distance=lambda x, y, a, b: abs(x.max() - y.max())),
                r"sets\[1\] must hold a point at least, as distance",
            ),
            (dict(distance=otgen.wasserstein), r"sets\[1\] must hold a point at least, as distance takes no empty set"),
            (
                dict(distance="partial_wasserstein", mass=0.5),
                r"mass must be .* received 0.5 for sets\[1\], which has 0.0",
            ),
            (
                dict(distance="partial_wasserstein", penalty=1, weights=[None, [1.0], None, None]),
                r"weights\[1\] must have shape \(0,\), as sets\[1\] has no points",
            ),
        ],
    )
    def test_what_is_refused(self, options, said):
        with pytest.raises(InvalidInput, match="^" + said):
            otgen.pairwise(DIAGRAMS, **options)

    def test_of_no_coordinates(self):
        with pytest.raises(InvalidInput, match=r"^sets\[1\] must hold at least one point of at least one coordinate"):
            otgen.pairwise([DIAGRAMS[0], np.empty((0, 0))], distance="partial_wasserstein", penalty=1)
