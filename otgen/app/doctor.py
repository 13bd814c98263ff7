"""What ``otgen doctor`` says of a machine: versions, threads, memory, cache and device, and whether answers there are right.

The self-test is of a few problems small enough that every plan can be listed: exact answers are held against all permutations in rational
numbers, entropic ones against plain Sinkhorn in the logarithmic domain by numpy, proofs against the checker that shares no code with them.
"""

from __future__ import annotations

import importlib
import itertools
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..distances.batch import wasserstein_batch
from ..distances.entropic import sinkhorn
from ..distances.exact import transport, wasserstein
from ..distances.result import Result
from ..errors import is_installed
from ..inputs.memory import available, readable
from ..inputs.types import Floats
from ..kernels.kernel_cache import folder
from ..kernels.parallel import threads
from . import check_proof

PACKAGES = ("numpy", "scipy", "numba", "llvmlite")
EXTRAS = (
    "torch", "cupy", "typer", "rich", "pyarrow", "pandas", "matplotlib", "jinja2", "scikit-learn", "joblib", "threadpoolctl"
)  # fmt: skip
_CUPY = ("cupy", "cupy-cuda13x", "cupy-cuda12x")  # names of one package
_SETTINGS = ("OTGEN_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Trial:
    """One check of the self-test; ``fault`` is empty where it holds."""

    name: str
    fault: str
    seconds: float


def facts() -> dict[str, str]:
    """What the machine has, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "otgen": f"{__version__}, {Path(__file__).parents[1]}",
        "python": f"{platform.python_version()}, {sys.executable}",
        "system": f"{platform.platform()}, {platform.machine()}",
        "cores": f"{cores}, of which kernels use {threads()}",
        "memory": f"{readable(available())} free",
        "kernels": _cache(),
        "device": _device(),
    }
    found |= {name: _version(name) or "missing" for name in PACKAGES}
    found |= {name: _version(name) or "not installed" for name in EXTRAS}
    return found | {name: os.environ[name] for name in _SETTINGS if name in os.environ}


def self_test() -> list[Trial]:
    """Run every check, whatever the others say."""
    return [_tried(name, check) for name, check in CHECKS.items()]


def _tried(name: str, check: Callable[[], str]) -> Trial:
    begun = time.perf_counter()
    try:
        fault = check()
    except Exception as raised:
        fault = f"{type(raised).__name__}: {raised}"
    return Trial(name, fault, time.perf_counter() - begun)


def _version(name: str) -> str:
    """Of a package; empty where there is none."""
    for one in _CUPY if name == "cupy" else (name,):
        try:
            return metadata.version(one)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _cache() -> str:
    place = folder()
    if place is None:
        return "can be kept nowhere; set NUMBA_CACHE_DIR to a folder that can be written"
    files = list(place.glob("*.nbc"))
    size = readable(sum(file.stat().st_size for file in files))
    return f"{len(files)} compiled, {size}, in {place}" + ("" if files else "; otgen warmup compiles them ahead")


def _device() -> str:
    if not is_installed("cupy"):
        return "none: cupy is not installed"
    try:
        runtime: Any = importlib.import_module("cupy").cuda.runtime
        names = [runtime.getDeviceProperties(k)["name"].decode() for k in range(runtime.getDeviceCount())]
    except Exception as fault:
        return f"none: {type(fault).__name__}: {fault}"
    return ", ".join(names)


def _clouds(p: int) -> tuple[Floats, Floats, Fraction]:
    """Two clouds of six points with whole coordinates in the plane, and their ``W_p ** p`` by all permutations."""
    rng = np.random.default_rng(p)
    x, y = rng.integers(-9, 10, (2, 6, 2)).astype(float)
    costs = [[sum(abs(int(s) - int(t)) for s, t in zip(u, v)) ** p for v in y] for u in x]
    best = min(sum(costs[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(6)))
    return x, y, Fraction(best, 6)


def _missed(result: Result, truth: Fraction | float, power: int = 1) -> str:
    """What is wrong with an interval that should hold a number's root."""
    assert result.lower is not None
    assert result.upper is not None
    if Fraction(result.lower) ** power <= truth <= Fraction(result.upper) ** power and result.status.name == "OPTIMAL":
        return ""
    return f"[{result.lower!r}, {result.upper!r}], {result.status.name}, for the root of degree {power} of {float(truth)!r}"


def _exact() -> str:
    faults = []
    for p in (1, 2, 3):
        x, y, truth = _clouds(p)
        faults.append(_missed(wasserstein(x, y, p=p, metric="cityblock"), truth, p))
        faults.append(_missed(wasserstein_batch(x[None], y[None], p=p, metric="cityblock")[0], truth, p))
    return "; ".join(filter(None, faults))


def _line() -> str:
    """Sorted points are paired in turn."""
    x, y = [9.0, 0.0, 4.0], [1.0, 12.0, 2.0]
    return _missed(wasserstein(x, y, p=1), Fraction(sum(abs(int(u - v)) for u, v in zip(sorted(x), sorted(y))), 3))


def _listed() -> str:
    costs = np.array([[3.0, 1, 4], [1, 5, 9], [2, 6, 5]])
    best = min(sum(int(costs[i, j]) for i, j in enumerate(order)) for order in itertools.permutations(range(3)))
    return _missed(transport(costs), Fraction(best, 3))


def _entropic() -> str:
    """Against the textbook's iteration."""
    rng = np.random.default_rng(0)
    x, y = rng.random((5, 2)), rng.random((4, 2))
    costs, epsilon = ((x[:, None] - y) ** 2).sum(-1), 0.1
    f, g = np.zeros(5), np.zeros(4)
    for _ in range(2000):
        f = -epsilon * np.log(np.exp((g - costs) / epsilon).mean(1))
        g = -epsilon * np.log(np.exp((f[:, None] - costs) / epsilon).mean(0))
    truth, result = float(f.mean() + g.mean()), sinkhorn(x, y, epsilon=epsilon, tol=1e-10)
    assert result.lower is not None
    assert result.upper is not None
    near = 1e-12 * (1 + abs(truth))
    holds = result.lower - near <= truth <= result.upper + near and result.status.name == "CONVERGED"
    return "" if holds else f"[{result.lower!r}, {result.upper!r}], {result.status.name}, for {truth!r}"


def _proof() -> str:
    x, y, _ = _clouds(2)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "proof.npz"
        wasserstein(x, y).save_proof(path)
        return "" if "within" in check_proof.Proof(str(path)).check() else "a proof of ours is not confirmed"


def _threads() -> str:
    """Sums over enough pairs for every thread, twice: the same bits."""
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 1500, 2))
    one, other = (wasserstein(x, y).value for _ in range(2))
    near = math.isfinite(one) and one == other
    return "" if near else f"{one!r} and then {other!r}"


CHECKS: dict[str, Callable[[], str]] = {
    "exact, against all permutations": _exact,
    "on the line": _line,
    "a listed cost": _listed,
    "entropic, against numpy": _entropic,
    "a proof, by the independent checker": _proof,
    "1500 x 1500 twice, bit for bit": _threads,
}
