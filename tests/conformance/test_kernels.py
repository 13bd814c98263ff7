"""One suite for every implementation of the kernels: each is held to the readable definition in ``reference``.

Run with NUMBA_DISABLE_JIT=1 the same tests step through the compiled kernels' source line by line.
"""

import importlib.util
import os

import emulated
import numpy as np
import pytest
from workers import count_workers

from otgen import InvalidInput
from otgen.kernels import (
    CIRCULAR,
    GREAT_CIRCLE,
    PRODUCT,
    cpu,
    gpu,
    listed,
    matrix_ground,
    on_device,
    point_ground,
    reference,
)

FORMS = {
    "euclidean": (2.0, 0.5, 1.0),
    "sqeuclidean": (2.0, 1.0, 1.0),
    "euclidean^3": (2.0, 1.5, 1.0),
    "euclidean^4": (2.0, 2.0, 1.0),
    "cityblock": (1.0, 1.0, 1.0),
    "cityblock^2": (1.0, 2.0, 1.0),
    "chebyshev": (np.inf, 1.0, 1.0),
    "minkowski3^2": (3.0, 2 / 3, 1.0),
    "minkowski1000": (1000.0, 1 / 1000, 1.0),
    "cosine": (2.0, 1.0, 0.5),
    "product": (PRODUCT, 1.0, -2.0),
    "circular": (CIRCULAR, 0.5, 1.0),
    "circular^3": (CIRCULAR, 1.5, 1.25),
    "great_circle": (GREAT_CIRCLE, 1.0, 1.0),
    "great_circle^2": (GREAT_CIRCLE, 2.0, 0.5),
}
SHAPES = [(1, 1, 1), (7, 5, 3), (3, 530, 2), (4, 9, 6)]
DTYPES = [np.float64, np.float32]
TENSOR_CORES = (PRODUCT, 2, 1)  # form, shape and type that are for them


def missing(device):
    """What a device lacks to be tested here, or None."""
    if device == "emulated" and emulated.COMPILER is None:
        return "needs g++"
    if device == "cuda" and not (importlib.util.find_spec("cupy") and importlib.import_module("cupy").is_available()):
        return "needs a GPU"
    return None


ALL = ["cpu", "listed", "emulated", "cuda"]
DEVICES = [device for device in ALL if missing(device) is None]


@pytest.mark.parametrize("device", ALL)
def test_which_devices_are_tested(device):
    """One line for all the tests that a machine cannot run."""
    if device not in DEVICES:
        pytest.skip(str(missing(device)))
    assert device in {case.values[0] for case in cases()}


def cases():
    """Of the emulated ones, each of which is compiled, a sixth in the usual run: every form once, in every shape and type some."""
    for device in DEVICES:
        shapes = [(7, 5, 3), (3, 530, 2), (19, 45, 21)] if device == "emulated" else SHAPES  # a block costs much there
        if device == "cuda":  # several tiles either way, and shares of columns
            shapes = [*SHAPES, (300, 280, 21), (5, 5000, 3)]
        for i, (name, form) in enumerate(FORMS.items()):
            for j, shape in enumerate([(*shape[:2], 2) for shape in shapes] if form[0] == GREAT_CIRCLE else shapes):
                for k, dtype in enumerate(DTYPES[:1] if device == "listed" else DTYPES):
                    label = f"{device}-{name}-{shape}-{np.dtype(dtype).name}"
                    usual = device != "emulated" or (i + 2 * j + k) % 6 == 0 or (form[0], j, k) == TENSOR_CORES
                    marks = () if usual else pytest.mark.nightly
                    yield pytest.param(device, form, shape, dtype, id=label, marks=marks)
        for shape in shapes if device != "listed" else ():  # finite costs between points
            yield pytest.param(device, None, shape, np.float64, id=f"{device}-matrix-{shape}")


def made(form, shape, dtype):
    n, m, d = shape
    rng = np.random.default_rng(n * m + d)
    if form is None:
        matrix = rng.random((n, m))
        matrix[rng.random((n, m)) < 0.2] = np.inf
        matrix[:, 0] = 1.0
        ground = matrix_ground(matrix)
    else:
        ground = point_ground(rng.random((n, d)).astype(dtype), rng.random((m, d)).astype(dtype), *form)
    tolerance = 200 * np.finfo(dtype).eps
    return ground, rng.random(n).astype(dtype), rng.random(m).astype(dtype), tolerance


class Device:
    """The kernels of a GPU, with costs moved there."""

    def __getattr__(self, name):
        return lambda ground, *arguments: getattr(gpu, name)(gpu.moved(ground), *arguments)


class Listed:
    """The kernels of costs that are listed, with these computed."""

    def __getattr__(self, name):
        return lambda ground, *arguments: getattr(listed, name)(listed.listed(ground), *arguments)


@pytest.fixture(params=DEVICES)
def kernels(request):
    if request.param == "cpu":
        yield cpu
    elif request.param == "listed":
        yield Listed()
    elif request.param == "emulated":
        with emulated.device():
            yield Device()
    else:
        yield Device()


@pytest.mark.parametrize(("kernels", "form", "shape", "dtype"), list(cases()), indirect=["kernels"])
@pytest.mark.by_day(130)
class TestAgainstReference:
    @staticmethod
    def lost(ground):
        """What the reference loses of small angles, which it takes from vectors."""
        return 8 * np.finfo(ground.dtype).eps if ground.inner == GREAT_CIRCLE else 0.0

    def test_cost_block(self, kernels, form, shape, dtype):
        ground, _, _, tolerance = made(form, shape, dtype)
        np.testing.assert_allclose(
            kernels.cost_block(ground), reference.cost_block(ground), rtol=tolerance, atol=self.lost(ground)
        )
        assert kernels.cost_block(ground).dtype == dtype

    def test_cost_pairs(self, kernels, form, shape, dtype):
        ground, _, _, tolerance = made(form, shape, dtype)
        i, j = np.divmod(np.arange(0, shape[0] * shape[1], 2), shape[1])
        expected = reference.cost_pairs(ground, i, j)
        np.testing.assert_allclose(kernels.cost_pairs(ground, i, j), expected, rtol=tolerance, atol=self.lost(ground))

    def test_ctransform(self, kernels, form, shape, dtype):
        ground, _, g, tolerance = made(form, shape, dtype)
        values, argmin = kernels.ctransform(ground, g)
        expected, _ = reference.ctransform(ground, g)
        np.testing.assert_allclose(values, expected, rtol=0, atol=tolerance)
        picked = kernels.cost_block(ground)[np.arange(shape[0]), argmin] - g[argmin]
        np.testing.assert_allclose(picked, values, rtol=0, atol=tolerance)

    def test_softmin(self, kernels, form, shape, dtype):
        ground, _, h, tolerance = made(form, shape, dtype)
        h[0] = -np.inf if shape[1] > 1 else h[0]
        np.testing.assert_allclose(
            kernels.softmin(ground, h, 0.1), reference.softmin(ground, h, 0.1), rtol=0, atol=2 * tolerance
        )

    def test_nearest(self, kernels, form, shape, dtype):
        ground, _, g, tolerance = made(form, shape, dtype)
        count = min(3, shape[1])
        columns, values = kernels.nearest(ground, g, count)
        np.testing.assert_allclose(values, reference.nearest(ground, g, count)[1], rtol=0, atol=tolerance)
        reduced = kernels.cost_block(ground) - g
        finite = np.isfinite(values)
        picked = np.take_along_axis(reduced, columns, axis=1)
        np.testing.assert_allclose(picked[finite], values[finite], rtol=0, atol=tolerance)
        assert (np.diff(values, axis=1)[finite[:, 1:]] >= 0).all()

    def test_nearest_below_a_bar(self, kernels, form, shape, dtype):
        ground, f, g, tolerance = made(form, shape, dtype)
        count = min(3, shape[1])
        bars = reference.nearest(ground, g, 1)[1][:, 0] + (f - 0.5).astype(
            dtype
        )  # above the least for half of the rows
        columns, values = kernels.nearest(ground, g, count, bars)
        expected_columns, expected = reference.nearest(ground, g, count, bars)
        sure = np.isinf(expected) == np.isinf(values)
        assert sure.mean() > 0.9  # a value within rounding of the bar may fall on either side
        np.testing.assert_allclose(values[sure], expected[sure], rtol=0, atol=tolerance)
        assert ((columns >= 0) == np.isfinite(values)).all()
        assert (expected_columns.shape, columns.dtype) == (columns.shape, np.int64)

    def test_gibbs(self, kernels, form, shape, dtype):
        ground, f, g, tolerance = made(form, shape, dtype)
        for width in (2, 11):
            vectors = np.random.default_rng(0).random((shape[1], width)).astype(dtype)
            expected = reference.gibbs(ground, f, g, 0.5, vectors)
            np.testing.assert_allclose(
                kernels.gibbs(ground, f, g, 0.5, vectors), expected, rtol=4 * tolerance * np.sqrt(shape[1])
            )

    def test_gibbs_cost(self, kernels, form, shape, dtype):
        ground, f, g, tolerance = made(form, shape, dtype)
        weights = np.random.default_rng(0).random(shape[1]).astype(dtype)
        expected = reference.gibbs_cost(ground, f, g, 0.5, weights)
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            kernels.gibbs_cost(ground, f, g, 0.5, weights), expected, rtol=0, atol=8 * tolerance * largest
        )

    def test_gibbs_slope(self, kernels, form, shape, dtype):
        if form is None or form[0] == PRODUCT:
            pytest.skip("no points to move")
        ground, f, g, tolerance = made(form, shape, dtype)
        ground.x[0, :] = ground.yt[:, 0]  # a kink
        weights = np.random.default_rng(0).random(shape[1]).astype(dtype)
        expected = reference.gibbs_slope(ground, f, g, 0.5, weights)
        np.testing.assert_allclose(
            kernels.gibbs_slope(ground, f, g, 0.5, weights), expected, rtol=0, atol=64 * tolerance * shape[1]
        )

    def test_cost_sums(self, kernels, form, shape, dtype):
        ground, _, weights, tolerance = made(form, shape, dtype)
        np.testing.assert_allclose(
            kernels.cost_sums(ground, weights), reference.cost_sums(ground, weights), rtol=4 * tolerance
        )

    @pytest.mark.parametrize(
        ("epsilon", "power", "floor"),
        [
            *((0.05, *rest) for rest in ((1.0, -np.inf), (0.0, -np.inf), (1.0, 0.0), (1.2, -np.inf))),
            *((1e-4, 1.0, floor) for floor in (-np.inf, 0.0)),
            *(pytest.param(1.0, 1.0, floor, marks=pytest.mark.nightly) for floor in (-np.inf, 0.0)),
        ],
    )
    def test_sweep(self, kernels, form, shape, dtype, epsilon, power, floor):
        ground, f, g, tolerance = made(form, shape, dtype)
        rng = np.random.default_rng(1)
        a, b = rng.random(shape[0]) + 0.1, rng.random(shape[1]) + 0.1
        f, g = f * epsilon, g * epsilon
        f = f + np.where(
            np.isin(power, (1.0, 1.2)), 0.0, reference.softmin(ground, g, epsilon)
        )  # else columns overflow
        rows, columns = kernels.sweep(ground, f, g, a, b, epsilon, power, floor)
        with np.errstate(over="ignore"):
            expected_rows, expected = reference.sweep(ground, f, g, a, b, epsilon, power, floor)
        costs = reference.cost_block(ground)
        size = np.abs(costs[np.isfinite(costs)]).max() + np.abs(f).max() + np.abs(g).max()
        slack = tolerance * (1 + size / epsilon)  # of a rounded exponent
        np.testing.assert_allclose(rows, expected_rows, rtol=0, atol=slack)
        if expected.min() > 1e-30 and expected.max() < 1e30:
            np.testing.assert_allclose(columns, expected, rtol=8 * slack, atol=8 * slack * expected.max())
        assert rows.dtype == columns.dtype == np.float64

    def test_symmetric(self, kernels, form, shape, dtype):
        if form is None:
            pytest.skip("a random matrix is not symmetric")
        ground, f, _, tolerance = made(form, shape, dtype)
        ground = ground._replace(yt=np.ascontiguousarray(ground.x.T))
        a = np.random.default_rng(1).random(shape[0]) + 0.1
        expected = reference.symmetric(ground, f, a, 0.5)
        np.testing.assert_allclose(kernels.symmetric(ground, f, a, 0.5), expected, rtol=0, atol=16 * tolerance)


def test_softmin_of_nothing_is_infinite(kernels):
    ground = point_ground(np.zeros((2, 1)), np.zeros((3, 1)), 2.0, 1.0)
    assert (kernels.softmin(ground, np.full(3, -np.inf), 1.0) == np.inf).all()


def test_ties_go_to_the_first_column(kernels):
    ground = matrix_ground(np.ones((2, 600)))
    _, argmin = kernels.ctransform(ground, np.zeros(600))
    columns, _ = kernels.nearest(ground, np.zeros(600), 3)
    assert argmin.tolist() == [0, 0]
    assert columns.tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("layout", ["C", "F", "strided", "readonly", "memmap"])
def test_layouts_give_the_same_bits(kernels, layout, tmp_path):
    x, y = np.random.default_rng(0).random((2, 20, 3))
    expected = kernels.cost_block(point_ground(x, y, 2.0, 1.0))
    other = {"C": x, "F": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=0)[::2], "readonly": x.copy()}.get(
        layout
    )
    if layout == "readonly":
        other.flags.writeable = False
    if layout == "memmap":
        np.save(tmp_path / "x.npy", x)
        other = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert (kernels.cost_block(point_ground(other, y, 2.0, 1.0)) == expected).all()


def test_no_kernels_for_an_unknown_device():
    assert on_device("cpu") is cpu
    assert on_device("cuda:1") is gpu
    with pytest.raises(InvalidInput, match=r"device must be cpu or cuda:0 .*'rocm:0'"):
        on_device("rocm:0")


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="millions of pairs take minutes to step through")
@pytest.mark.parametrize("call", ["softmin", "ctransform", "cost_block"])
def test_bits_do_not_depend_on_threads(call, monkeypatch):
    x, y = np.random.default_rng(0).random((2, 1900, 3))
    ground = point_ground(x, y, 2.0, 1.0)
    more = {"softmin": (np.zeros(1900), 0.1), "ctransform": (np.zeros(1900),), "cost_block": ()}[call]
    counts, found = count_workers(monkeypatch), []
    for threads in ("1", "2"):
        monkeypatch.setenv("OTGEN_NUM_THREADS", threads)
        found.append(getattr(cpu, call)(ground, *more))
    assert counts == [1, 2]
    np.testing.assert_array_equal(*found)
