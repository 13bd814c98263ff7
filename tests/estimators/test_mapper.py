"""Maps against their definitions, and against maps that are known."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.special import softmax

import otgen

pytest.importorskip("sklearn", reason="otgen.estimators needs scikit-learn")

from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from otgen.estimators import OTMapper

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(40, 2)) + 1
NEW = RNG.normal(size=(7, 2)) * 3
STRETCH = np.array(
    [[2.0, 0.5], [0.5, 1.0]]
)  # symmetric and positive definite: the optimal map between a law and its image


class TestEntropic:
    @pytest.mark.parametrize(("metric", "p"), [("euclidean", 2), ("cityblock", 1), ("euclidean", 1.5)])
    def test_it_is_the_softmin_weighted_mean(self, metric, p):
        b = RNG.random(40) + 0.1
        mapper = OTMapper(epsilon=0.3, metric=metric, p=p, solver=otgen.solvers.Sinkhorn(tol=1e-10))
        mapper.fit(X, Y, target_weight=b)
        g = otgen.sinkhorn(X, Y, b=b, epsilon=0.3, metric=metric, p=p, tol=1e-10, normalize=True).potentials[1]
        shares = softmax((g - cdist(NEW, Y, metric) ** p) / 0.3 + np.log(b), axis=1)
        np.testing.assert_allclose(mapper.transform(NEW), shares @ Y, rtol=1e-8, atol=1e-8)

    def test_sources_go_where_the_plan_sends_them(self):
        mapper = OTMapper(epsilon=0.1, solver=otgen.solvers.Sinkhorn(tol=1e-10)).fit(X, Y)
        np.testing.assert_allclose(mapper.transform(X), mapper.result_.plan.barycenters(Y), atol=1e-7)

    def test_far_points_go_to_the_end_of_the_target(self):
        far = np.array([[1e8, 0.0], [0.0, -1e8]])
        found = OTMapper(epsilon=1e-2).fit(X, Y).transform(far)
        np.testing.assert_allclose(found, Y[[Y[:, 0].argmax(), Y[:, 1].argmin()]], rtol=1e-12)

    def test_it_finds_a_known_map(self):
        """Blurred by about epsilon, off by sampling: below the error of not moving by a factor of ten."""
        x, y = (RNG.normal(size=(1500, 2)) for _ in range(2))
        found = OTMapper(epsilon=0.1).fit(x, y @ STRETCH).transform(inner := x[np.abs(x).max(axis=1) < 1])
        assert np.mean((found - inner @ STRETCH) ** 2) < 0.1 * np.mean((inner - inner @ STRETCH) ** 2)

    def test_points_without_weight_take_no_part(self):
        a, b = np.arange(30.0) % 3, np.arange(40.0) % 2
        weighed = OTMapper(epsilon=0.2).fit(X, Y, a, b)
        left = OTMapper(epsilon=0.2).fit(X[a > 0], Y[b > 0], a[a > 0], b[b > 0])
        assert len(weighed.target_) == 20
        np.testing.assert_array_equal(weighed.transform(NEW), left.transform(NEW))


class TestExact:
    def test_image_of_the_nearest_source(self):
        mapper = OTMapper().fit(X, Y)
        images = otgen.wasserstein(X, Y).plan.barycenters(Y)
        np.testing.assert_allclose(mapper.transform(X), images, rtol=1e-12)
        np.testing.assert_allclose(mapper.transform(NEW), images[cdist(NEW, X).argmin(axis=1)], rtol=1e-12)

    def test_the_nearest_is_by_the_metric(self):
        sources, point = (
            np.array([[3.0, 0.0], [2.0, 2.0]]),
            [[0.0, 0.0]],
        )  # nearest by sums, and by the largest coordinate
        by = {m: OTMapper(metric=m).fit(sources, sources + 10).transform(point) for m in ("cityblock", "chebyshev")}
        np.testing.assert_allclose(by["cityblock"], sources[:1] + 10)
        np.testing.assert_allclose(by["chebyshev"], sources[1:] + 10)

    def test_displacement_of_a_shift_is_the_shift(self):
        mapper = OTMapper(extension="displacement").fit(X, X + [5.0, -2.0])
        np.testing.assert_allclose(mapper.transform(NEW), NEW + [5.0, -2.0], atol=1e-12)

    @given(st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(any))
    def test_weights_are_repetitions(self, counts):
        one = OTMapper().fit(X[:6], Y, sample_weight=counts)
        other = OTMapper().fit(np.repeat(X[:6], counts, axis=0), Y)
        np.testing.assert_allclose(one.transform(NEW), other.transform(NEW), atol=1e-9)

    def test_it_finds_a_known_map(self):
        x = RNG.normal(size=(1000, 2))
        found = OTMapper().fit(x, RNG.normal(size=(1000, 2)) @ STRETCH).transform(NEW / 3)
        assert np.mean((found - NEW / 3 @ STRETCH) ** 2) < 0.3 * np.mean((NEW / 3 - NEW / 3 @ STRETCH) ** 2)

    def test_the_proof_is_there(self):
        found = OTMapper().fit(X, Y).result_
        assert found.lower <= found.value <= found.upper
        assert found.value == otgen.wasserstein(X, Y).value


class TestTargets:
    def test_one_of_the_constructor_leaves_labels_alone(self):
        labels = (X[:, 0] > 0).astype(int)
        model = make_pipeline(OTMapper(X + 100, extension="displacement"), KNeighborsClassifier(1)).fit(X, labels)
        assert (model.predict(X) == labels).all()
        np.testing.assert_allclose(model[0].transform(X), X + 100)

    def test_ranks_on_the_line_are_ranks(self):
        x = RNG.exponential(size=(50, 1))
        ranks = OTMapper("uniform", n_reference=1000, random_state=0).fit_transform(x)[:, 0]
        assert (np.argsort(ranks) == np.argsort(x[:, 0])).all()
        np.testing.assert_allclose(np.sort(ranks), (np.arange(50) + 0.5) / 50, atol=0.003)

    def test_ranks_do_not_depend_on_the_law(self):
        """Scores of a stretched sample look standard normal: mean, and covariance, to the grain of 400 points."""
        scores = OTMapper("normal", random_state=0).fit_transform(RNG.normal(size=(400, 2)) @ STRETCH + 7)
        np.testing.assert_allclose(scores.mean(axis=0), 0, atol=0.02)
        np.testing.assert_allclose(np.cov(scores.T), np.eye(2), atol=0.05)

    def test_seeds(self):
        one, same, other = (OTMapper("normal", n_reference=80, random_state=k).fit_transform(X) for k in (0, 0, 1))
        assert (one == same).all()
        assert (one != other).any()


class TestScikitLearn:
    def test_frames_come_back_as_frames(self):
        pandas = pytest.importorskip("pandas", reason="tested where it is installed")
        held = pandas.DataFrame(X, columns=["a", "b"], index=np.arange(30) * 2)
        mapper = OTMapper().set_output(transform="pandas").fit(held, Y)
        found = mapper.transform(held)
        assert list(found.columns) == ["a", "b"] == list(mapper.get_feature_names_out())
        assert (found.index == held.index).all()

    def test_round_trips(self):
        for mapper in (OTMapper().fit(X, Y), OTMapper(epsilon=0.1).fit(X, Y)):
            assert (pickle.loads(pickle.dumps(mapper)).transform(NEW) == mapper.transform(NEW)).all()
        assert clone(OTMapper(Y, epsilon=otgen.Relative(0.1))).epsilon == otgen.Relative(0.1)

    def test_another_fit_forgets_the_first(self):
        mapper = OTMapper(epsilon=0.1).fit(X, Y)
        mapper.set_params(epsilon=0).fit(X, Y)
        assert (mapper.transform(NEW) == OTMapper().fit(X, Y).transform(NEW)).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: OTMapper().fit(X), r"Y must be given.*received None; call fit\(X, Y\)"),
        (lambda: OTMapper().fit(X, np.zeros((3, 5))), "X and Y must have the same number of coordinates; received 2 and 5"),
        (lambda: OTMapper(np.zeros((3, 5))).fit(X), "X and target must have the same number of coordinates"),
        (lambda: OTMapper("gaussian").fit(X), "target must be one of 'uniform', 'normal'; received 'gaussian'"),
        (lambda: OTMapper(epsilon=0.1, extension="image").fit(X, Y * np.nan), "Y must be finite"),
        (lambda: OTMapper(epsilon=0.1, extension="displacement").fit(X, Y), "extension must be left out beside an epsilon"),
        (lambda: OTMapper(extension="nearest").fit(X, Y), "extension must be one of"),
        (lambda: OTMapper(metric="great_circle").fit(X, Y), "metric must be one under which the mean"),
        (lambda: OTMapper(metric=otgen.Circular(6)).fit(X, Y), "metric must be one under which the mean"),
        (lambda: OTMapper(epsilon=-1).fit(X, Y), "epsilon must"),
        (lambda: OTMapper().fit(X, Y, [1.0]), r"sample_weight must have shape \(30,\), one weight for each of the rows of X"),
        (lambda: OTMapper().fit(X, Y, None, -np.ones(40)), "target_weight must be finite and non-negative"),
        (lambda: OTMapper("normal", n_reference=0).fit(X), "n_reference must"),
        (lambda: OTMapper(metric="cosine", p=1).fit(X * 0, Y), "^X must hold no zero vector"),
        (lambda: OTMapper(metric="cosine", p=1).fit(X, Y * 0), "^Y must hold no zero vector"),
        (lambda: OTMapper(Y * 0, metric="cosine", p=1).fit(X), "^target must hold no zero vector"),
        (lambda: OTMapper(metric="cosine", p=1).fit(X, Y).transform(X * 0), "^X must hold no zero vector"),
        (lambda: OTMapper(epsilon=0.1).fit(X, Y).transform(X * 1e300), "^X must hold points whose costs are comparable with epsilon"),
        (lambda: OTMapper().fit(X, Y).transform(X[:, :1]), r"X must have the columns.*received shape \(30, 1\); pass those columns"),
        (
            lambda: OTMapper().fit(*(pyarrow.table(dict.fromkeys(names, X[:, 0])).to_pandas() for names in ("ab", "ba"))),
            "X and Y must have the same columns in the same order",
        ),
    ],
)  # fmt: skip
def test_refusals(call, words):
    pytest.importorskip("pandas", reason="one of them is of a frame")
    with pytest.raises(otgen.InvalidInput, match=words):
        call()


def test_sizes_are_judged_before_contents():
    with pytest.raises(otgen.TooLarge, match="X must fit in memory"):
        OTMapper(np.zeros((2, 2))).fit(np.broadcast_to(np.nan, (10**12, 2)))


def test_tensors_that_require_gradients_are_refused():
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    x = torch.ones((3, 2), requires_grad=True)
    with pytest.raises(otgen.InvalidInput, match="must not require gradients"):
        OTMapper().fit(x, np.zeros((3, 2)))


def test_mean_images_of_one_place_hold_weights_times_images_beyond_the_largest_float():
    weights = np.full(3, 1e3)
    mapper = otgen.estimators.OTMapper().fit(
        [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]],
        [[1e307, 0.0], [2e307, 0.0], [1.0, 1.0]],
        sample_weight=weights,
        target_weight=weights,
    )
    np.testing.assert_allclose(mapper.transform([[0.0, 0.0]]), [[1.5e307, 0.0]])


def test_larger_epsilons_draw_images_towards_the_mean():
    spreads = [OTMapper(epsilon=epsilon).fit(X, Y).transform(X).var(axis=0) for epsilon in (0.05, 0.5, 5.0, 1e3)]
    assert (np.diff(spreads, axis=0) < 0).all()
    np.testing.assert_allclose(
        OTMapper(epsilon=1e6).fit(X, Y).transform(NEW), np.tile(Y.mean(axis=0), (7, 1)), atol=1e-4
    )


def test_maps_are_doubles_and_weights_any_total():
    found = OTMapper().fit(X.astype(np.float32), Y, np.full(30, 7.0)).transform(NEW.astype(np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(
        found, OTMapper().fit(X.astype(np.float32), Y).transform(NEW.astype(np.float32)), rtol=1e-12
    )
    with pytest.raises(otgen.NotConverged):
        OTMapper(epsilon=1e-3, solver=otgen.solvers.Sinkhorn(max_iter=1)).fit(X, Y)
