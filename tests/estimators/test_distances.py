"""Distances for what takes them precomputed: collections, histograms, kernels."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse

import otgen

pytest.importorskip("sklearn", reason="otgen.estimators needs scikit-learn")

from sklearn.cluster import AgglomerativeClustering
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from otgen.estimators import OTMapper, PairwiseWasserstein
from otgen.estimators.collections import is_table

RNG = np.random.default_rng(0)
LABELS = np.arange(24) % 2
CLOUDS = [
    RNG.normal(size=(5 + k % 4, 2)) * (1 + 3 * label) for k, label in enumerate(LABELS)
]  # wide ones and narrow ones
HISTOGRAMS, GRID = RNG.multinomial(20, [0.2, 0.1, 0.5, 0.2], size=9).astype(float), np.array([0.0, 1.0, 2.0, 5.0])


class TestDistances:
    def test_they_are_those_of_pairwise(self):
        made = PairwiseWasserstein(distance_params={"p": 1, "metric": "cityblock"}).fit(CLOUDS[:6])
        want = otgen.pairwise(CLOUDS[6:], CLOUDS[:6], p=1, metric="cityblock")
        np.testing.assert_array_equal(made.transform(CLOUDS[6:]), want)

    @pytest.mark.parametrize(
        "made",
        [
            PairwiseWasserstein(),
            PairwiseWasserstein("sliced_wasserstein", kernel="exp"),
            PairwiseWasserstein("sinkhorn_divergence", distance_params={"epsilon": 0.5}, kernel="exp", power=1),
        ],
    )
    def test_all_pairs_at_once_are_the_same(self, made):
        """Also of random directions, which fit and transform share."""
        together = made.set_params(random_state=3).fit_transform(CLOUDS[:6])
        np.testing.assert_allclose(together, made.fit(CLOUDS[:6]).transform(CLOUDS[:6]), rtol=1e-9, atol=1e-7)

    def test_measures_bring_their_weights(self):
        sets = [otgen.Measure(cloud, np.arange(len(cloud)) + 1.0) for cloud in CLOUDS[:4]]
        found = PairwiseWasserstein(distance_params={"normalize": True}).fit_transform(sets)
        want = otgen.wasserstein(sets[0].points, sets[1].points, sets[0].weights, sets[1].weights, normalize=True)
        assert found[0, 1] == want.value

    def test_histograms_dense_and_sparse(self):
        dense = PairwiseWasserstein(support=GRID).fit_transform(HISTOGRAMS)
        assert dense[0, 1] == pytest.approx(otgen.wasserstein(GRID, GRID, HISTOGRAMS[0], HISTOGRAMS[1]).value)
        for kind in (scipy.sparse.csr_array, scipy.sparse.coo_matrix):
            np.testing.assert_array_equal(PairwiseWasserstein(support=GRID).fit_transform(kind(HISTOGRAMS)), dense)

    def test_rows_without_support_are_clouds_on_the_line(self):
        found = PairwiseWasserstein().fit(HISTOGRAMS[:3]).transform(HISTOGRAMS[3:])
        assert found[0, 2] == otgen.wasserstein(HISTOGRAMS[3], HISTOGRAMS[2]).value


class TestKernels:
    def test_it_is_the_exponential(self):
        distances = otgen.pairwise(CLOUDS)
        found = PairwiseWasserstein(kernel="exp", gamma=0.7, power=1).fit_transform(CLOUDS)
        np.testing.assert_allclose(found, np.exp(-0.7 * distances), rtol=1e-12)

    def test_the_median(self):
        made = PairwiseWasserstein(kernel="exp").fit(CLOUDS)
        apart = otgen.pairwise(CLOUDS)[np.triu_indices(len(CLOUDS), 1)]
        assert made.gamma_ == pytest.approx(1 / np.median(apart**2))
        assert np.median(made.transform(CLOUDS)[np.triu_indices(len(CLOUDS), 1)]) == pytest.approx(np.exp(-1))

    def test_of_sets_that_are_all_alike(self):
        made = PairwiseWasserstein(kernel="exp").fit([CLOUDS[0]] * 3)
        assert made.gamma_ == 1
        assert (made.transform(CLOUDS[:1]) == 1).all()

    @pytest.mark.parametrize("distance", ["sliced_wasserstein", "wasserstein"])
    @pytest.mark.nightly
    def test_positive_definite_where_that_is_promised(self, distance):
        sets = CLOUDS if distance == "sliced_wasserstein" else [cloud[:, 0] for cloud in CLOUDS]
        kernel = PairwiseWasserstein(distance, kernel="exp", random_state=0).fit_transform(sets)
        assert np.linalg.eigvalsh(kernel).min() > -1e-9


class TestScikitLearn:
    def test_neighbours(self):
        model = make_pipeline(PairwiseWasserstein(), KNeighborsClassifier(3, metric="precomputed"))
        assert cross_val_score(model, CLOUDS, LABELS, cv=3).mean() > 0.8

    def test_support_vectors_and_a_search_over_options(self):
        model = make_pipeline(PairwiseWasserstein(kernel="exp"), SVC(kernel="precomputed"))
        search = GridSearchCV(model, {"pairwisewasserstein__distance_params": [{"p": 1}, {"p": 2}]}, cv=2)
        assert search.fit(CLOUDS, LABELS).best_score_ > 0.8

    def test_clusters(self):
        far = [cloud + 50 * label for cloud, label in zip(CLOUDS, LABELS)]
        found = AgglomerativeClustering(2, metric="precomputed", linkage="average").fit_predict(
            PairwiseWasserstein().fit_transform(far)
        )
        assert len(set(zip(found, LABELS))) == 2

    def test_names_of_columns(self):
        made = PairwiseWasserstein().fit(CLOUDS[:2])
        assert made.get_feature_names_out().tolist() == ["pairwisewasserstein0", "pairwisewasserstein1"]
        assert not hasattr(made, "n_features_in_")

    def test_round_trips(self):
        made = PairwiseWasserstein("sliced_wasserstein", kernel="exp").fit(CLOUDS[:5])
        assert (pickle.loads(pickle.dumps(made)).transform(CLOUDS[5:]) == made.transform(CLOUDS[5:])).all()

    def test_what_was_fitted_before_is_forgotten(self):
        made = PairwiseWasserstein().fit(HISTOGRAMS)
        assert made.n_features_in_ == 4
        made.fit(CLOUDS)
        assert not hasattr(made, "n_features_in_")
        assert made.transform(CLOUDS[:1]).shape == (1, 24)

    def test_positive_tables_only_where_they_are_weights(self):
        assert PairwiseWasserstein(support=GRID).__sklearn_tags__().input_tags.positive_only
        assert not PairwiseWasserstein().__sklearn_tags__().input_tags.positive_only


def objects(sets):
    held = np.empty(len(sets), object)
    held[:] = sets
    return held


@pytest.mark.parametrize(
    ("sets", "table"),
    [
        (HISTOGRAMS, True),
        (HISTOGRAMS.tolist(), True),
        (scipy.sparse.csr_array(HISTOGRAMS), True),
        ([], False),
        ([1.0, 2.0], True),  # which scikit-learn refuses in its own words
        (CLOUDS, False),
        (np.zeros((3, 4, 2)), False),
        (np.zeros((3, 4, 2)).tolist(), False),
        ([[0.0, 1.0], [2.0]], False),
        ([np.zeros(2), np.zeros(2)], False),
        ([otgen.Measure([0.0, 1.0])], False),
        (objects(CLOUDS), False),
        ("clouds/", False),
    ],
)
def test_tables_and_collections(sets, table):
    assert is_table(sets) is table


def test_one_axis_of_objects_is_a_collection():
    want = PairwiseWasserstein().fit_transform(CLOUDS)
    np.testing.assert_array_equal(PairwiseWasserstein().fit_transform(objects(CLOUDS)), want)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: PairwiseWasserstein().fit([CLOUDS[0], CLOUDS[1] * np.nan]), r"X\[1\] must be finite"),
        (lambda: PairwiseWasserstein().fit(CLOUDS).transform([np.zeros((2, 3))]), "same number of coordinates"),
        (lambda: PairwiseWasserstein().fit([]), "X must hold at least one set"),
        (lambda: PairwiseWasserstein(kernel="rbf").fit(CLOUDS), "kernel must be one of 'exp'"),
        (lambda: PairwiseWasserstein(kernel="exp", gamma="scale").fit(CLOUDS), "gamma must be one of 'median'"),
        (lambda: PairwiseWasserstein(kernel="exp", gamma=-1.0).fit(CLOUDS), "gamma must"),
        (lambda: PairwiseWasserstein(kernel="exp", power=0).fit(CLOUDS), "power must"),
        (lambda: PairwiseWasserstein("energy").fit_transform(CLOUDS), "distance must be one of"),
        (lambda: PairwiseWasserstein(support=GRID[:3]).fit(HISTOGRAMS), r"X\[0\] must have shape \(3,\)"),
        (lambda: PairwiseWasserstein(support=GRID).fit(-HISTOGRAMS), r"X\[0\] must be finite and non-negative"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("sets", [None, 3, {"a": 1}, iter([[1.0]]), (cloud for cloud in CLOUDS)])
def test_what_is_no_collection(sets):
    with pytest.raises(otgen.InvalidInput, match=r"X must be a sequence, one entry a set; received .*; pass a list"):
        PairwiseWasserstein().fit(sets)


@pytest.mark.parametrize("params", ["x", [1], {1: 2}, 3])
def test_what_is_no_dictionary_of_options(params):
    with pytest.raises(otgen.InvalidInput, match="distance_params must be a dictionary"):
        PairwiseWasserstein(distance_params=params).fit_transform(CLOUDS[:3])


@pytest.mark.parametrize("state", ["x", -1, 1.5, 2**32, np.random.default_rng(0)])
def test_what_is_no_random_state(state):
    for made in (PairwiseWasserstein(random_state=state), OTMapper("uniform", random_state=state)):
        with pytest.raises(otgen.InvalidInput, match="random_state must be None, a whole number"):
            made.fit(np.eye(3))


def test_kernels_of_distances_whose_powers_overflow():
    """Nothing is alike there; what the median of infinities would scale is refused."""
    sets = [np.zeros((3, 1)), np.ones((3, 1)), np.full((3, 1), 1e200)]
    found = PairwiseWasserstein(kernel="exp", gamma=2.0).fit_transform(sets)
    np.testing.assert_allclose(found, [[1, np.exp(-2), 0], [np.exp(-2), 1, 0], [0, 0, 1]])
    with pytest.raises(otgen.InvalidInput, match="within the range of floats; received a median of inf"):
        PairwiseWasserstein(kernel="exp").fit(sets)


def test_the_median_is_of_pairs_that_are_apart():
    sets = [CLOUDS[0], CLOUDS[0], CLOUDS[0], CLOUDS[1], CLOUDS[2]]
    apart = otgen.pairwise(sets)[np.triu_indices(5, 1)]
    made = PairwiseWasserstein(kernel="exp").fit(sets)
    assert made.gamma_ == pytest.approx(1 / np.median(apart[apart > 1e-9] ** 2))


def test_all_pairs_of_a_collection_are_measured_once():
    asked = []

    def measured(x, y, a, b):
        asked.append(1)
        return abs(x.mean() - y.mean())

    PairwiseWasserstein(measured, kernel="exp").fit_transform(CLOUDS[:10])
    assert len(asked) < 10 * 9  # both triangles would be as many without the diagonal


@pytest.mark.parametrize("made", [PairwiseWasserstein(), OTMapper("uniform")])
def test_tables_are_refused_in_scikit_learns_words(made):
    for table in (np.full((2, 3), np.nan), np.empty((0, 3))):
        with pytest.raises(ValueError, match=r"contains NaN|minimum of 1 is required"):
            made.fit(table)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda X: PairwiseWasserstein(support=GRID).fit(X).transform(2 * X), r"^X\[0\] and the fitted sets\[0\] must carry the same total"),
        (lambda X: PairwiseWasserstein(support=GRID).fit_transform(np.array([[1.0], [2]]) * X[:2]), r"^X\[0\] and X\[1\] must carry the same"),
        (lambda X: PairwiseWasserstein(support=GRID).fit(X).transform(X[:, :3]), r"X must have the columns.*received shape \(9, 3\)"),
        (
            lambda X: PairwiseWasserstein("partial_wasserstein", distance_params={"mass": 30}, support=GRID).fit_transform(X),
            r"^mass must .* received 30 for X\[0\]",
        ),
    ],
)  # fmt: skip
def test_errors_name_what_was_passed(call, words, kind):
    with pytest.raises(otgen.InvalidInput, match=words) as caught:
        call(kind(HISTOGRAMS))
    assert "sets2" not in str(caught.value)


def test_options_that_are_of_no_distance_are_told_where_they_stand():
    with pytest.raises(otgen.InvalidInput, match="options must be those of distance='wasserstein'") as caught:
        PairwiseWasserstein(distance_params={"bounds": True}).fit_transform(CLOUDS[:2])
    assert caught.value.__notes__ == ["options of the distance stand in distance_params"]
