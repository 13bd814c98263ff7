"""What errors say to do about input as people have it works when it is done."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

import otgen
from otgen import divergences
from otgen.app.words import spoken

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 3)), rng.normal(size=(15, 3))


def said(call):
    with pytest.raises(otgen.InvalidInput) as caught:
        call()
    return str(caught.value).rpartition("; ")[2]


@pytest.mark.parametrize(
    "words", [["a", "b", "b"], [b"a", b"b", b"b"], pd.Series(["a", "b", None]), pd.Categorical(["a", "b", "b"])]
)
def test_words_are_not_sent_to_astype_float(words):
    table = pd.DataFrame({"size": [1.0, 2.0, 3.0], "kind": words})
    for given in (np.asarray(words), table):
        assert "get_dummies" in said(lambda given=given: otgen.wasserstein(given, given))
    numbers = pd.get_dummies(table, columns=["kind"])
    assert otgen.wasserstein(numbers, numbers).value == 0


@pytest.mark.parametrize("words", [["1", "2.5", "-3e2"], [b"1", b"2", b"3"], pd.Series(["1", "2", "3"])])
def test_numbers_as_text_are(words):
    assert ".astype(float)" in said(lambda: otgen.wasserstein(words, words))
    assert otgen.wasserstein(np.asarray(words).astype(float), [1.0], p=1).value >= 0


@pytest.mark.parametrize("shape", [(12, 1), (1, 12), (3, 4)])
def test_weights_of_another_shape(shape):
    a = np.full(shape, 1 / 12)
    assert said(lambda: otgen.wasserstein(X, Y, a)) == "flatten it with a.ravel()"
    assert otgen.wasserstein(X, Y, a.ravel()).value == otgen.wasserstein(X, Y).value
    assert "as many" in said(lambda: otgen.wasserstein(X, Y, np.full((5, 1), 0.2)))


@pytest.mark.parametrize("colours", [1, 3, 4])
def test_an_image_is_told_how_to_be_its_pixels(colours):
    image = rng.integers(0, 256, (4, 5, colours), dtype=np.uint8)
    assert f"x.reshape(-1, {colours})" in said(lambda: otgen.wasserstein(image, image))
    assert otgen.wasserstein(image.reshape(-1, colours), image.reshape(-1, colours)).value == 0
    assert "reshape" not in said(lambda: otgen.wasserstein(np.zeros((4, 5, 7)), np.zeros((4, 5, 7))))


def test_images_are_told_how_to_be_points():
    images = rng.random((6, 3, 4, 4))
    assert "x.reshape(len(x), -1)" in said(lambda: otgen.wasserstein(images, images))
    assert otgen.wasserstein(images.reshape(6, -1), images.reshape(6, -1)).value == 0
    torch = pytest.importorskip("torch", reason="tensors need torch")
    batch = torch.tensor(images)
    loss = otgen.nn.WassersteinLoss()
    assert "z.flatten(1)" in said(lambda: loss(batch, batch))
    assert loss(batch.flatten(1), batch.flatten(1)) == 0


def test_logarithms_of_probabilities():
    logs = np.log([0.2, 0.8])
    assert said(lambda: divergences.kl(logs, [0.5, 0.5])) == "pass numpy.exp(p), if these are logarithms"
    assert divergences.kl(np.exp(logs), [0.5, 0.5]).value == pytest.approx(0.2 * np.log(0.4) + 0.8 * np.log(1.6))
    assert "clip" in said(lambda: divergences.kl([1.1, -0.1], [0.5, 0.5]))


def test_a_generator_of_another_library():
    torch = pytest.importorskip("torch", reason="tensors need torch")
    with pytest.raises(otgen.InvalidInput, match="received one of torch; pass a whole number"):
        otgen.sliced_wasserstein(X, Y, rng=torch.Generator())


@pytest.mark.parametrize("name", ["hamming", "jaccard", "canberra", "braycurtis", "jensenshannon", "correlation"])
def test_metrics_of_scipy_are_told_how_they_are_passed(name):
    x, y = np.abs(X), np.abs(Y)
    remedy = said(lambda: otgen.wasserstein(x, y, metric=name, p=1))
    metric = eval(
        remedy.removeprefix("pass a callable, such as ").removesuffix(" of scipy.spatial.distance"), {"cdist": cdist}
    )
    assert otgen.wasserstein(x, y, metric=metric, p=1).value == pytest.approx(otgen.transport(cdist(x, y, name)).value)


def test_distances_in_units_of_the_spread():
    both = np.concatenate([X, Y])
    assert "standard deviations" in said(lambda: otgen.wasserstein(X, Y, metric="seuclidean"))
    spread = both.std(0, ddof=1)
    truth = otgen.transport(cdist(X, Y, "seuclidean")).value
    assert otgen.wasserstein(X / spread, Y / spread, p=1).value == pytest.approx(truth)
    assert "Cholesky" in said(lambda: otgen.wasserstein(X, Y, metric="mahalanobis"))
    factor = np.linalg.cholesky(np.linalg.inv(np.cov(both.T)))
    truth = otgen.transport(cdist(X, Y, "mahalanobis")).value
    assert otgen.wasserstein(X @ factor, Y @ factor, p=1).value == pytest.approx(truth)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("hamming", "choose one of these"), ("precomputed", "give the matrix to the command transport")],
)
def test_on_the_command_line_they_are_told_its_own_words(name, remedy):
    with pytest.raises(otgen.InvalidInput) as caught:
        otgen.wasserstein(X, Y, metric=name)
    assert spoken(str(caught.value)).endswith("; " + remedy)


def test_distances_that_rounding_leaves_below_nothing():
    def cosine(x, y):
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        return 1 - x @ y.T - 1e-15  # as some processor's product may have it

    assert "numpy.maximum(d, 0)" in said(lambda: otgen.wasserstein(X, X, p=1, metric=cosine))
    clipped = otgen.wasserstein(X, Y, p=1, metric=lambda x, y: np.maximum(cosine(x, y), 0))
    assert clipped.value == pytest.approx(otgen.wasserstein(X, Y, p=1, metric="cosine").value)
    assert said(lambda: otgen.wasserstein(X, Y, p=1, metric=lambda x, y: cosine(x, y) - 1)) == "correct the callable"


@pytest.mark.parametrize("rng", [True, False, np.True_])
def test_truth_values_are_no_seeds(rng):
    with pytest.raises(
        otgen.InvalidInput, match=r"rng must be a seed or a numpy Generator; received (np\.)?(True|False)"
    ):
        otgen.sliced_wasserstein(np.eye(3), np.eye(3), rng=rng)
