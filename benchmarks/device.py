"""Everything that only a GPU can tell, in one run: the tests of its kernels there, then rows; written to one JSON file.

    make device            or      PYTHONPATH=. python benchmarks/device.py --out device.json

It takes Python, numpy, scipy, numba, cupy, torch and pytest; POT and GeomLoss are timed where they are installed. A row that fails says so
in its place, one for which no time is left is left out and told. ``--tiny`` makes every row small, to see whether all of it runs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peers import clouds, seconds

import otgen
from otgen.kernels import PRODUCT, GroundCost, gpu, point_ground
from otgen.model.cost import PointCost
from otgen.model.marginals import Marginals
from otgen.model.units import mean_cost, scaled
from otgen.solvers.sinkhorn_iteration import CostPass

HERE = Path(__file__).parent
TESTED = ("tests/conformance/test_kernels.py", "tests/test_device.py", "tests/nn/test_losses_on_device.py")
PUBLISHED = {(10_000, 64): 0.061, (50_000, 64): 1.450}  # FlashSinkhorn 0.4, one A100, TF32: 100 symmetric iterations


class Row(NamedTuple):
    """A measurement: its name, what it does, and about how long that takes on a device of today."""

    name: str
    run: Callable[[], dict[str, Any]]
    seconds: float


class Bench:
    """All rows on one device; ``tiny`` shrinks every number of points to at most 60."""

    def __init__(self, tiny: bool = False) -> None:
        self.cupy, self.tiny = importlib.import_module("cupy"), tiny

    def size(self, n: int) -> int:
        """How many points a row takes that is about n."""
        return min(n, 60) if self.tiny else n

    def placed(self, n: int, d: int, dtype: Any = np.float32, seed: int = 0) -> tuple[Any, Any]:
        """Two clouds of the device, of :func:`peers.clouds`."""
        x, y = clouds(self.size(n), d, seed)[:2]
        return self.cupy.asarray(x.astype(dtype)), self.cupy.asarray(y.astype(dtype))

    def rows(self) -> Iterator[Row]:
        """All of them, those first that others are read by."""
        for n, d in ((10_000, 3), (10_000, 64), (50_000, 3), (50_000, 64), (100_000, 3), (100_000, 64)):
            yield Row(f"sinkhorn, 100 iterations, n={n}, d={d}", lambda n=n, d=d: self.iterations(n, d), 4 + n**2 / 5e8)
        for d in (3, 64):
            for dtype in ("float32", "float64"):
                yield Row(f"kernels, n=20000, d={d}, {dtype}", lambda d=d, t=dtype: self.kernels(20_000, d, t), 8)
        for d in (2, 64):
            yield Row(f"training step, SinkhornLoss, 1024 x 1024, d={d}", lambda d=d: self.training(1024, d), 15)
        for n, d in ((10_000, 3), (10_000, 64), (100_000, 3), (100_000, 64)):
            yield Row(f"sinkhorn, solved and proven, n={n}, d={d}", lambda n=n, d=d: self.solved(n, d), 3 + n**2 / 5e8)
        for n, d in ((8_000, 64), (100_000, 2), (100_000, 3)):
            yield Row(f"wasserstein, n={n}, d={d}", lambda n=n, d=d: self.exact(n, d), 10 + n * 3 ** min(d, 3) / 15_000)

    def iterations(self, n: int, d: int) -> dict[str, Any]:
        """100 iterations of ours at a twentieth of the mean cost, in single precision, and of POT's on torch, where it holds n m costs."""
        x, y = self.placed(n, d)
        plain = otgen.Problem.from_points(x, y)
        problem = scaled(replace(plain, epsilon=0.05 * mean_cost(plain)))
        cost = problem.cost
        assert isinstance(cost, PointCost)
        way = CostPass(cost.astype(np.float32), Marginals(*problem.masses, problem.relax), problem.epsilon, 1e-6)

        def ours() -> float:
            f, g, error = np.zeros(len(x)), np.zeros(len(y)), np.inf
            for _ in range(100):
                f, g, error, *_ = way.sweep(f, g, 1.0, True)
            return error

        error = ours()
        out = dict(seconds=[seconds(ours) for _ in range(3)], marginal_error=error, published=PUBLISHED.get((n, d)))
        if importlib.util.find_spec("ot") and n <= 50_000 and torch_there():
            out["pot"] = _outcome(lambda: self._pot(x, y, problem.epsilon, float(cost.range()[1])))
        return out

    def _pot(self, x: Any, y: Any, epsilon: float, largest: float) -> dict[str, Any]:
        """POT's iteration in the logarithms, on torch, in single precision; costs are its own."""
        os.environ.setdefault(
            "XLA_PYTHON_CLIENT_PREALLOCATE", "false"
        )  # JAX, which POT loads, else takes most of the memory
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX, which POT loads, else takes the memory
        import ot
        import torch

        x, y = (torch.from_dlpack(z) for z in (x, y))
        a, b = (torch.full((len(z),), 1 / len(z), device=x.device) for z in (x, y))
        matrix = ot.dist(x, y)
        matrix = matrix / matrix.max() * largest

        def theirs() -> None:
            ot.bregman.sinkhorn_log(a, b, matrix, epsilon, numItermax=100, stopThr=0.0, warn=False)
            torch.cuda.synchronize()

        theirs()
        return dict(seconds=[seconds(theirs) for _ in range(2)])

    def kernels(self, n: int, d: int, dtype: str) -> dict[str, Any]:
        """Each kernel once over all pairs, transfers of vectors included: seconds, medians of 5."""
        n = self.size(n)
        x, y = (z.astype(dtype) for z in clouds(n, d)[:2])
        squares = gpu.moved(point_ground(x, y, 2.0, 1.0))
        products = gpu.moved(point_ground(x, y, PRODUCT, 1.0, -2.0))
        f, g = np.zeros(n), np.zeros(n)
        calls: dict[str, Callable[[GroundCost], Any]] = {
            "softmin": lambda c: gpu.softmin(c, g, 0.05),
            "ctransform": lambda c: gpu.ctransform(c, g),
            "cost_sums": lambda c: gpu.cost_sums(c, g),
            "gibbs_cost": lambda c: gpu.gibbs_cost(c, f, g, 0.05, g),
            "gibbs": lambda c: gpu.gibbs(c, f, g, 0.05, g[:, None]),
            "nearest 8": lambda c: gpu.nearest(c, g, 8),
        }
        out = {
            f"{name}, {form}": _median(lambda call=call, c=c: call(c))
            for name, call in calls.items()
            for form, c in (("squares", squares), ("products", products))
        }
        return out | {"gibbs_slope, squares": _median(lambda: gpu.gibbs_slope(squares, f, g, 0.05, g))}

    def training(self, n: int, d: int) -> dict[str, Any]:
        """Value and gradient of a loss of tensors there, of the same on this machine's host, and of GeomLoss there."""
        import torch

        x, y = (torch.from_numpy(z.astype(np.float32)) for z in clouds(self.size(n), d)[:2])
        epsilon = 0.05 * float(((x[:, None] - y[None]) ** 2).sum(-1).mean())
        loss = otgen.nn.SinkhornLoss(epsilon=epsilon)

        def step(loss: Any, home: str) -> Callable[[], Any]:
            mine, other = x.detach().to(home).requires_grad_(), y.to(home)

            def run() -> Any:
                mine.grad = None
                loss(mine, other).sum().backward()
                return mine.grad.cpu()

            return run

        there, here = step(loss, "cuda" if torch_there() else "cpu"), step(loss, "cpu")
        error = float((there() - here()).norm() / here().norm())
        out = dict(seconds=_median(there), host_seconds=_median(here), gradients_apart=error)
        if importlib.util.find_spec("geomloss") and torch_there():
            import geomloss

            peer = geomloss.SamplesLoss("sinkhorn", p=2, blur=(epsilon / 2) ** 0.5, backend="tensorized")
            out["geomloss"] = _outcome(lambda: dict(seconds=_median(step(peer, "cuda"))))
        return out

    def solved(self, n: int, d: int) -> dict[str, Any]:
        """To a marginal error of 1e-4, with the interval."""
        x, y = self.placed(n, d)
        otgen.sinkhorn(x[:600], y[:600], epsilon=otgen.Relative(0.05), tol=1e-4)
        return _told(lambda: otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.05), tol=1e-4))

    def exact(self, n: int, d: int) -> dict[str, Any]:
        """Pairs priced there, pivots on the host; and all of it on the host."""
        x, y = self.placed(n, d, np.float64)
        here = [z.get() if hasattr(z, "get") else np.array(z._held) for z in (x, y)]
        for pair in ((x[:600], y[:600]), [z[:600] for z in here]):
            otgen.wasserstein(*pair)
        there, host = (_told(lambda pair=pair: otgen.wasserstein(*pair)) for pair in ((x, y), here))
        return there | {f"host_{name}": host[name] for name in ("seconds", "value")}


def torch_there() -> bool:
    """Whether torch reaches a GPU."""
    import torch

    return torch.cuda.is_available()


def _median(call: Callable[[], Any], repeats: int = 5) -> float:
    call()
    return statistics.median(seconds(call) for _ in range(repeats))


def _told(solve: Callable[[], Any]) -> dict[str, Any]:
    """One solve, and what came of it."""
    began = time.perf_counter()
    result = solve()
    spent = time.perf_counter() - began
    return dict(
        seconds=spent,
        value=result.value,
        lower=result.lower,
        upper=result.upper,
        iterations=result.iterations,
        status=result.status.name,
        solver=result.solver,
    )


def tests() -> dict[str, Any]:
    """The kernels' suite and the device's tests, as pytest counts them."""
    side = ["-n", str(min(8, os.cpu_count() or 1))] if importlib.util.find_spec("xdist") else []
    report = Path(os.environ.get("TMPDIR", "/tmp")) / "device-tests.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *TESTED,
        "-k",
        "cuda or cupy or torch or gpu",
        "-q",
        f"--junitxml={report}",
    ]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-W", "default", *side], cwd=HERE.parent, capture_output=True, text=True
    )
    suite = next(ET.parse(report).getroot().iter("testsuite"))
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    return counts | dict(exit=run.returncode, end=run.stdout[-6000:] if run.returncode else "")


def machine(cupy: Any) -> dict[str, Any]:
    """What it ran on."""
    out: dict[str, Any] = dict(processor=platform.machine(), cores=os.cpu_count(), python=platform.python_version())
    for name in ("numpy", "scipy", "numba", "torch", "cupy", "cupy-cuda12x", "cupy-cuda13x", "POT", "geomloss"):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    if hasattr(cupy.cuda, "runtime"):
        out["device"] = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    return out | dict(otgen=otgen.__version__)


def measured(bench: Bench, wanted: str, limit: float, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Every row that fits into what is left of the seconds; ``keep`` is told after each."""
    began, out = time.monotonic(), dict[str, Any](machine=machine(bench.cupy), rows={})
    for row in (row for row in bench.rows() if wanted in row.name):
        left = limit - (time.monotonic() - began)
        if row.seconds > left and not bench.tiny:
            out["rows"][row.name] = dict(left_out=f"{left:.0f} s were left, about {row.seconds:.0f} s are needed")
        else:
            out["rows"][row.name] = _outcome(row.run)
        print(f"{time.monotonic() - began:6.1f} s  {row.name}: {json.dumps(out['rows'][row.name])}", flush=True)
        keep(out)
    return out


def _outcome(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return run()
    except Exception:  # a row that fails is told, and the next one runs
        return dict(failed=traceback.format_exc()[-3000:])


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("device.json"), help="where the figures go")
    parser.add_argument(
        "--seconds", type=float, default=480.0, help="for all of it; rows that would not fit are left out"
    )
    parser.add_argument("--tiny", action="store_true", help="60 points a row, to see whether all of it runs")
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--no-tests", action="store_true", help="rows only")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    tested = {} if given.no_tests else dict(tests=_outcome(tests))
    print(json.dumps(tested), flush=True)

    def keep(out: dict[str, Any]) -> None:
        beside = given.out.with_suffix(".part")
        beside.write_text(json.dumps(tested | out, indent=1))
        beside.replace(given.out)

    return tested | measured(Bench(given.tiny), given.rows, given.seconds - (time.monotonic() - began), keep)


if __name__ == "__main__":
    main()
