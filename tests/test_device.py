"""Points that live on a GPU: the same answers, handed back there. One emulated, see :mod:`emulated`, and the machine's own where it has one."""

import contextlib
import importlib.util
import pickle
import sys
from collections import Counter

import emulated
import numpy as np
import pytest

import otgen
from otgen import Problem
from otgen.distances import implicit
from otgen.kernels import launching
from otgen.model.units import ONE, scaled
from otgen.solvers import sinkhorn


class Emulated:
    """The emulated device and arrays of it."""

    library = "emulated"

    def __init__(self):
        self.devices = 2

    def array(self, values, index=0):
        return emulated.Array(np.array(values), index)

    def host(self, array):
        assert isinstance(array, emulated.Array)
        return array._held

    def kernels_array(self, array):
        """The numbers of an array that kernels read, which is of cupy whatever the caller's library."""
        return self.host(array)

    def index(self, array):
        return array._index

    def add(self, array, number):
        array._held += number


class Cupy(Emulated):
    """A GPU, and arrays of cupy."""

    library = "cupy"

    def __init__(self):
        self.cupy = importlib.import_module("cupy")
        self.devices = self.cupy.cuda.runtime.getDeviceCount()

    def array(self, values, index=0):
        with self.cupy.cuda.Device(index):
            return self.cupy.array(values)

    def host(self, array):
        assert isinstance(array, self.cupy.ndarray)
        return array.get()

    def index(self, array):
        return array.device.id

    def add(self, array, number):
        array += number


class Torch(Cupy):
    """A GPU, and tensors of torch there."""

    library = "torch"

    def __init__(self):
        self.torch = importlib.import_module("torch")
        self.devices = self.torch.cuda.device_count()

    def array(self, values, index=0):
        return self.torch.tensor(np.asarray(values), device=f"cuda:{index}")

    def host(self, array):
        assert isinstance(array, self.torch.Tensor)
        assert array.device.type == "cuda"
        return array.cpu().numpy()

    def kernels_array(self, array):
        return array.get()

    def index(self, array):
        return array.device.index


def kinds():
    """What this machine has."""
    if emulated.COMPILER is not None:
        yield Emulated
    if importlib.util.find_spec("cupy") and importlib.import_module("cupy").is_available():
        yield Cupy
        if importlib.util.find_spec("torch") and importlib.import_module("torch").cuda.is_available():
            yield Torch


GPU: Emulated
launched: Counter[str] = Counter()  # how often each kernel ran


@pytest.fixture(autouse=True, scope="module", params=list(kinds()), ids=lambda kind: kind.library)
def on_device(request):
    global GPU
    with emulated.device() if request.param is Emulated else contextlib.nullcontext():
        GPU = request.param()
        yield


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """Every launch of a kernel."""
    launched.clear()
    launch = launching.launch

    def told(source, name, *rest, **numbers):
        launched[name] += 1
        launch(source, name, *rest, **numbers)

    monkeypatch.setattr(launching, "launch", told)


def there(array, index=0):
    return GPU.array(array, index)


def host(array):
    return GPU.host(array)


def clouds(n, m, d, dtype=float):
    rng = np.random.default_rng(n + d)
    a, b = rng.uniform(0.5, 1.5, n), rng.uniform(0.5, 1.5, m)
    return rng.random((n, d)).astype(dtype), rng.normal(0.5, 0.2, (m, d)).astype(dtype), a / a.sum(), b / b.sum()


@pytest.mark.parametrize(
    ("d", "metric", "p"),
    [
        (2, "euclidean", 2),
        (12, "euclidean", 2),
        pytest.param(3, "cityblock", 1, marks=pytest.mark.nightly),
        pytest.param(3, "cosine", 1, marks=pytest.mark.nightly),
    ],
)
def test_exact_transport(d, metric, p):
    given = clouds(170, 150, d)
    here = otgen.wasserstein(*given, p=p, metric=metric)
    result = otgen.wasserstein(*map(there, given), p=p, metric=metric)
    assert result.value == pytest.approx(here.value, rel=1e-12)
    assert result.status is otgen.Status.OPTIMAL
    assert result.solver == "Simplex (pairs on cuda:0)"
    assert launched["nearest"] > 3
    assert launched["ctransform"]
    f, g = map(host, result.potentials)
    assert (given[2] @ f + given[3] @ g) == pytest.approx(here.cost, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "m", "d", "p", "relax"),
    [
        pytest.param(310, 290, 2, 2, None, marks=pytest.mark.nightly),
        pytest.param(110, 90, 2, 2, 0.5, marks=pytest.mark.nightly),
        pytest.param(110, 90, 3, 1, None, marks=pytest.mark.nightly),
        (110, 90, 3, 1, 0.5),
        pytest.param(110, 90, 12, 2, None, marks=pytest.mark.nightly),
        (110, 90, 12, 2, 0.5),
    ],
)
@pytest.mark.by_day(1)
def test_entropic_transport(n, m, d, p, relax):
    """The first is solved between merged points first."""
    given = clouds(n, m, d)
    options = dict(epsilon=otgen.Relative(0.1), p=p, tol=1e-7, relax=relax)
    here, result = otgen.sinkhorn(*given, **options), otgen.sinkhorn(*map(there, given), **options)
    assert result.value == pytest.approx(here.value, rel=1e-5)
    assert result.lower <= here.upper
    assert here.lower <= result.upper
    assert result.upper - result.lower <= 10 * (here.upper - here.lower) + 1e-12
    assert result.marginal_error <= 1e-7
    assert result.solver == "Sinkhorn (pairs on cuda:0)"
    assert launched["softmin"] >= 2 * result.iterations
    for name in "xyab":
        mine, other = (getattr(z.gradients(), name) for z in (result, here))
        np.testing.assert_allclose(host(mine), other, rtol=0, atol=1e-4 * np.abs(other).max())
    np.testing.assert_allclose(result.plan @ np.ones(m), here.plan @ np.ones(m), rtol=1e-5)


@pytest.mark.parametrize("d", [pytest.param(3, marks=pytest.mark.nightly), 12])
@pytest.mark.nightly
def test_divergence_in_single_precision(d, monkeypatch):
    monkeypatch.setattr(sinkhorn, "_SMALL", 0)  # the emulated device is too slow for a problem that is not
    kinds, made = set(), launching.module_of

    def told(source, ground, **numbers):
        kinds.add(ground.dtype)
        return made(source, ground, **numbers)

    monkeypatch.setattr(launching, "module_of", told)
    given = clouds(110, 90, d, np.float32)
    options = dict(epsilon=0.05, tol=1e-4)
    here, result = (
        otgen.sinkhorn_divergence(*given, **options),
        otgen.sinkhorn_divergence(*map(there, given), **options),
    )
    assert result.value == pytest.approx(here.value, rel=1e-3)
    assert kinds == {np.dtype(np.float32), np.dtype(np.float64)}
    assert host(result.gradients().x).dtype == np.float32


def test_another_device_than_the_first():
    if GPU.devices < 2:
        pytest.skip("needs two GPUs")
    given = clouds(40, 30, 2)
    there_, here = (otgen.sinkhorn_divergence(*z, epsilon=0.1) for z in ([there(z, 1) for z in given], given))
    assert there_.value == pytest.approx(here.value, rel=1e-4)
    assert there_.solver == "Sinkhorn (pairs on cuda:1)"
    for name in "xyab":
        mine = getattr(there_.gradients(), name)
        assert GPU.index(mine) == 1
        np.testing.assert_allclose(host(mine), getattr(here.gradients(), name), rtol=0, atol=1e-4)


def test_results_can_be_sent_where_there_is_no_gpu(monkeypatch):
    given = clouds(40, 30, 2)
    result = otgen.sinkhorn(*map(there, given), epsilon=0.1)
    sent = pickle.dumps(result)
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert pickle.loads(sent).plan.shape == (40, 30)
    assert pickle.loads(sent).value == result.value


def test_the_line_says_that_it_is_solved_on_the_host():
    x, y, a, b = clouds(30, 20, 1)
    result = otgen.wasserstein(*map(there, (x, y, a, b)))
    assert result.value == otgen.wasserstein(x, y, a, b).value
    assert result.solver == "Line (on the host)"


def test_weights_may_come_from_the_host():
    x, y, a, b = clouds(30, 20, 2)
    assert otgen.wasserstein(there(x), there(y), a, b).value == pytest.approx(otgen.wasserstein(x, y, a, b).value)


def test_a_start_may_come_from_there():
    given = [there(z) for z in clouds(110, 90, 2)]
    first = otgen.sinkhorn(*given, epsilon=0.05)
    assert otgen.sinkhorn(*given, epsilon=0.05, init=first).iterations < first.iterations
    assert otgen.sinkhorn(*given, epsilon=0.05, init=first.potentials).iterations < first.iterations


def test_what_does_not_belong_together_is_refused():
    x, y, a, b = clouds(30, 20, 2)
    for call, message in (
        (lambda: otgen.wasserstein(there(x), y), f"{GPU.library} on cuda:0 and numpy on cpu"),
        (lambda: otgen.wasserstein(x, y, there(a), b), "a must live on the host"),
        (
            lambda: otgen.wasserstein(there(x), there(y), metric=lambda u, v: np.zeros((len(u), len(v)))),
            "callable metric",
        ),
        (lambda: otgen.sliced_wasserstein(there(x), there(y)), "x must live on the host"),
        (lambda: otgen.wasserstein(there(np.full((3, 2), np.nan)), there(y)), "x must be finite"),
    ):
        with pytest.raises(otgen.InvalidInput, match=message):
            call()


def test_batches_are_solved_there_one_by_one():
    x, y, a, b = clouds(30, 20, 2)
    results = otgen.sinkhorn_batch([there(x)], [there(y)], [a], [b], epsilon=0.1)
    assert results[0].solver == "Sinkhorn (pairs on cuda:0)"
    assert results[0].value == pytest.approx(otgen.sinkhorn(x, y, a, b, epsilon=0.1).value, rel=1e-6)


@pytest.mark.parametrize("kept", [2**23, 0])
def test_derivatives_through_the_optimum(kept, monkeypatch):
    monkeypatch.setattr(implicit, "_KEPT", kept)  # the emulated device is too slow for a kernel that is not kept
    x, y, a, b = clouds(40, 30, 2)
    direction = np.random.default_rng(0).random(40)
    there_, here = otgen.sinkhorn(*map(there, (x, y, a, b)), epsilon=0.1), otgen.sinkhorn(x, y, a, b, epsilon=0.1)
    for name in "xyab":
        mine = getattr(there_.vjp(f=there(direction)), name)
        np.testing.assert_allclose(host(mine), getattr(here.vjp(f=direction), name), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("d", "metric", "p", "dtype"),
    [
        (3, "euclidean", 1, np.float32),
        *(
            pytest.param(*row, marks=pytest.mark.nightly)
            for row in (
                (2, "euclidean", 2, np.float32),
                (2, "euclidean", 2, np.float64),
                (3, "euclidean", 1, np.float64),
                (12, "euclidean", 2, np.float32),
                (12, "euclidean", 2, np.float64),
            )
        ),
    ],
)
@pytest.mark.nightly
def test_points_do_not_travel_back(d, metric, p, dtype, monkeypatch):
    """Kernels read what lies on the device: indices and vectors are sent there, no points."""
    given = clouds(140, 130, d, dtype)
    sent, asarray = set(), sys.modules["cupy"].asarray

    def told(value, dtype=None):
        if isinstance(value, np.ndarray) and value.ndim == 2 and value.size:
            sent.add(value.shape)
        return asarray(value, dtype)

    monkeypatch.setattr(sys.modules["cupy"], "asarray", told)
    placed = [there(z) for z in given]
    options = dict(epsilon=0.1, p=p, metric=metric, tol=1e-5)
    here, result = otgen.sinkhorn_divergence(*given, **options), otgen.sinkhorn_divergence(*placed, **options)
    assert result.value == pytest.approx(here.value, rel=1e-4, abs=1e-6)
    exact = otgen.wasserstein(*placed, p=p, metric=metric)
    assert exact.value == pytest.approx(otgen.wasserstein(*given, p=p, metric=metric).value, rel=1e-6)
    assert launched["softmin"]
    assert launched["nearest"]
    assert not sent


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize(("unit", "dtype"), [(1.0, np.float32), (1.0, float), (1e60, float), (1e-60, float)])
def test_numbers_are_the_same_wherever_points_were_shifted(metric, unit, dtype):
    """Far from the origin and in units of their own."""
    x, y = ((unit * (1e5 + 30 * z)).astype(dtype) for z in clouds(300, 250, 2)[:2])
    p = 1 if metric == "sqeuclidean" else 2
    placed, plain = (
        scaled(Problem.from_points(*pair, p=p, metric=metric)).cost for pair in ((there(x), there(y)), (x, y))
    )
    assert (plain.scale != ONE) == (unit != 1.0)
    for mine, other in ((placed._ground, plain._ground), (placed._middle, plain._middle)):
        assert (GPU.kernels_array(mine.x) == other.x).all()
        assert (GPU.kernels_array(mine.yt) == other.yt).all()
    assert (GPU.kernels_array(placed.T._ground.x) == plain.T._ground.x).all()
    order = np.random.default_rng(0).permutation(250)
    part = placed.restricted(order, order)
    assert (GPU.kernels_array(part._ground.x) == plain.x[order]).all()
    assert part.between(part.x, part.y).device_points is None


def test_points_changed_afterwards_change_nothing():
    x, y, a, b = clouds(40, 30, 2)
    placed = there(x)
    result = otgen.sinkhorn(placed, there(y), there(a), there(b), epsilon=0.1)
    GPU.add(placed, 1.0)
    np.testing.assert_allclose(
        host(result.gradients().x), otgen.sinkhorn(x, y, a, b, epsilon=0.1).gradients().x, atol=1e-4
    )


def test_halves_are_seen_on_the_host_first():
    x, y, _, _ = clouds(40, 30, 2)
    for pair in ((x.astype(np.float16), y), (x, y.astype(np.float16))):
        problem = Problem.from_points(*map(there, pair))
        assert problem.cost.device_points is None
        assert otgen.solve(problem).value == pytest.approx(otgen.solve(Problem.from_points(*pair)).value)


def test_a_problem_can_be_put_on_a_device_and_back():
    x, y, a, b = clouds(40, 30, 2)
    problem = scaled(Problem.from_points(1e60 * x, 1e60 * y, a, b))
    moved = problem.on("cuda:0")
    assert (moved.cost.device, moved.cost.scale, moved.on("cuda:0")) == ("cuda:0", problem.cost.scale, moved)
    value = otgen.solve(problem).value
    assert otgen.solve(moved).value == pytest.approx(value, rel=1e-12)
    assert otgen.solve(moved.on("cpu")).value == value
    assert moved.on("cpu").cost.device == "cpu"
    with pytest.raises(otgen.InvalidInput, match="for a callable metric and for a matrix"):
        Problem.from_matrix(np.ones((2, 2))).on("cuda:0")


def test_a_line_of_points_may_be_seen_there():
    x = np.arange(3.0)
    assert Problem.from_points(there(x), there(x)).cost.device_points[0].shape == (3, 1)
