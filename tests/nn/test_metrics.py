"""The metric of torchmetrics: batches and processes against one call; what it is without torchmetrics."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from importlib.util import find_spec
from types import ModuleType

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn.metrics import TransportDistance

needs_it = pytest.mark.skipif(find_spec("torchmetrics") is None, reason="tested where torchmetrics is installed")
GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(40, 3, generator=GENERATOR), torch.randn(30, 3, generator=GENERATOR) + 1


def seen(metric, parts=4):
    """A metric that has seen X and Y in parts."""
    for batch in X.tensor_split(parts):
        metric.update(batch, real=True)
    for batch in Y.tensor_split(parts):
        metric.update(batch, real=False)
    return metric


@pytest.mark.skipif(find_spec("torchmetrics") is not None, reason="tested where torchmetrics is not installed")
def test_without_torchmetrics():
    with pytest.raises(otgen.MissingExtra, match="torchmetrics must be installed"):
        TransportDistance()


class StandIn(torch.nn.Module):
    """A bare class that keeps states, as the documented protocol has it."""

    def __init__(self, **options):
        super().__init__()
        self.names = []

    def add_state(self, name, default, dist_reduce_fx):
        assert dist_reduce_fx == "cat"
        self.names.append(name)
        setattr(self, name, default)

    def reset(self):
        for name in self.names:
            setattr(self, name, [])


def loaded_beside(torchmetrics, monkeypatch):
    """The metric of a module that is loaded anew, with this in the place of torchmetrics."""
    monkeypatch.setitem(sys.modules, "torchmetrics", torchmetrics)
    spec = find_spec("otgen.nn.metrics")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TransportDistance


def test_where_it_is_marked_as_absent(monkeypatch):
    made = loaded_beside(None, monkeypatch)
    with pytest.raises(otgen.MissingExtra, match="torchmetrics must be installed"):
        made(reset_real=False)


def test_with_a_stand_in_for_torchmetrics(monkeypatch):
    module = ModuleType("torchmetrics")
    module.Metric = StandIn
    metric = loaded_beside(module, monkeypatch)(reset_real=False)
    x, y = torch.arange(6.0), torch.tensor([0.5, 9.0])
    metric.update(x[:2], True)
    metric.update(x[2:], True)
    for _ in range(2):  # what is real is kept over a reset
        metric.update(y, False)
        assert metric.compute().item() == otgen.wasserstein(x, y).value
        metric.reset()


@needs_it
class TestMetric:
    @pytest.mark.parametrize(
        ("name", "params"),
        [
            ("wasserstein", {"p": 1}),
            ("sinkhorn_divergence", {"epsilon": 0.5}),
            ("sliced_wasserstein", {"rng": 3}),
        ],
    )
    def test_batches_are_one_sample(self, name, params):
        found = seen(TransportDistance(name, distance_params=params)).compute()
        assert found.dtype == torch.float64
        assert found.item() == getattr(otgen, name)(X, Y, **params).value

    def test_sparse_samples(self):
        with pytest.raises(otgen.InvalidInput, match="samples must be dense"):
            TransportDistance().update(X.to_sparse(), real=True)

    def test_a_callable(self):
        found = seen(TransportDistance(lambda x, y, a, b: float((x.mean() - y.mean()).abs()))).compute()
        assert found.item() == pytest.approx(float((X.mean() - Y.mean()).abs()))

    def test_bounds(self):
        found = seen(TransportDistance(bounds=True)).compute()
        assert found["lower"] <= found["value"] <= found["upper"]
        assert seen(TransportDistance("sliced_wasserstein", bounds=True)).compute()["lower"].isnan()

    def test_directions_are_the_same_every_time(self):
        one, other = (seen(TransportDistance("sliced_wasserstein")).compute() for _ in range(2))
        assert one == other

    @pytest.mark.parametrize("kept", [False, True])
    def test_reset(self, kept):
        metric = seen(TransportDistance(reset_real=not kept))
        metric.reset()
        metric.update(Y[:10], real=False)
        if kept:
            assert metric.compute().item() == otgen.wasserstein(X, Y[:10]).value
        else:
            with pytest.raises(otgen.InvalidInput, match="real samples must have been seen"):
                metric.compute()

    def test_more_after_an_answer(self):
        metric = seen(TransportDistance())
        metric.compute()
        metric.update(Y + 1, real=False)
        assert metric.compute().item() == otgen.wasserstein(X, torch.cat([Y, Y + 1])).value

    def test_round_trips_and_collections(self):
        from torchmetrics import MetricCollection

        again = pickle.loads(pickle.dumps(seen(TransportDistance())))
        assert again.compute() == seen(TransportDistance()).compute()
        both = {"w1": TransportDistance(distance_params={"p": 1}), "w2": TransportDistance()}
        found = seen(MetricCollection(both)).compute()
        assert found["w1"] == otgen.wasserstein(X, Y, p=1).value
        assert found["w2"] == otgen.wasserstein(X, Y).value

    def test_gradients_are_left_behind(self):
        metric = TransportDistance()
        metric.update(X.clone().requires_grad_(), real=True)
        metric.update(Y, real=False)
        assert not metric.compute().requires_grad

    def test_numbers_and_empty_batches(self):
        metric = TransportDistance(distance_params={"p": 1})
        metric.update(torch.tensor([0.0, 1.0]), real=True)
        metric.update(torch.empty(0), real=True)
        metric.update(torch.tensor([3]), real=False)
        assert metric.compute().item() == 2.5

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda m: m.update(X[None], real=True), r"samples must be a tensor \(n, d\).*received \(1, 40, 3\)"),
            (lambda m: m.update(X.tolist(), real=True), "samples must be a tensor"),
            (lambda m: m.update(X / 0, real=True), "samples must have data, all of it finite"),
            (lambda m: seen(m).update(X[:, :2], real=True), "samples and those before must have the same number"),
            (lambda m: m(X, real=True), "update must be called in place of the metric itself"),
            (lambda m: m.update(X, real="yes"), "real must be"),
            (lambda m: TransportDistance(distance_params={"q": 1}), "options must be those of"),
        ],
    )
    def test_refusals(self, call, words):
        with pytest.raises(otgen.InvalidInput, match=words):
            call(TransportDistance())


@needs_it
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")
def test_processes_are_one_sample(together):
    """Uneven shares, one of them empty, brought together to the number of one process."""
    body = """
    from otgen.nn.metrics import TransportDistance

    warnings.simplefilter("ignore")  # torchmetrics', of an answer before any sample
    shares = {0: (x[:20], y[:5]), 1: (x[20:], y[5:]), 2: None}  # the last one sees nothing
    for name in ("wasserstein", "sliced_wasserstein"):
        metric = TransportDistance(name)
        for side, real in zip(shares[rank] or (), (True, False)):
            for batch in side.split(7):
                metric.update(batch, real=real)
        found = metric.compute().item()
        want = getattr(otgen, name)(x, y, **({"rng": 0} if name.startswith("sliced") else {})).value
        assert abs(found - want) <= 1e-12 * want, (name, found, want)
        assert sum(map(len, metric.generated)) == (len(shares[rank][1]) if shares[rank] else 0)  # its own again
    print("fine")
    """
    for code, output in together(3, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


@needs_it
def test_options_of_the_distance_are_told_their_place():
    with pytest.raises(
        otgen.InvalidInput, match=r"received p=1, of which it says: .*; pass those of the distance as distance_params"
    ):
        TransportDistance(p=1)
