"""Every kernel that the public calls need, compiled ahead: in two processes side by side, for an image or a machine of CI.

``python -m otgen.app.warming exact`` is one of the two; it says on stdout which of them it is and what it is compiling, a line at a time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..distances.batch import sinkhorn_batch, sinkhorn_divergence_batch, wasserstein_batch
from ..distances.entropic import sinkhorn, sinkhorn_divergence
from ..distances.exact import transport, wasserstein
from ..distances.sliced import sliced_wasserstein
from ..errors import NotConverged
from ..kernels import compiling
from ..kernels.kernel_cache import folder

SIZES = {"exact": (40, 600), "entropic": (40, 300)}  # points a side: costs that are listed, and costs that are not


def exact(n: int) -> list[Callable[[], Any]]:
    """Calls that ask for exact transport between about n points a side."""
    x, y, far, weights = _clouds(n)
    costs, pixels = np.abs(x[:, :1] - y[:, 0]), np.argwhere(np.ones((int(n**0.5), int(n**0.5)))) * 1.0
    return [
        lambda: wasserstein(x, y),
        lambda: wasserstein(x, y, weights, p=1).gradients(),
        lambda: wasserstein(np.repeat(x, 2, axis=0), y, np.repeat(weights, 2)),
        lambda: wasserstein(x, y, p=np.inf),
        lambda: wasserstein(*far),
        lambda: wasserstein(pixels, pixels + 0.5),
        lambda: wasserstein(x[:, 0], y[:, 0], weights),
        lambda: wasserstein(np.tile(x[:, 0], 40), y[:, 0]),
        lambda: wasserstein(np.tile(x[:, 0], 40), y[:, 0], np.tile(weights, 40)),
        lambda: transport(costs),
        lambda: transport(np.where(costs < costs.max(), costs, np.inf)),
        lambda: wasserstein_batch(x[None, :9], y[None, :8]),
        lambda: sliced_wasserstein(x, y),
        *([lambda: wasserstein(*_large())] if n == max(SIZES["exact"]) else []),
    ]


def entropic(n: int) -> list[Callable[[], Any]]:
    """Calls that ask for entropic transport."""
    x, y, far, _ = _clouds(n)
    many = (
        [np.tile(z, (3, 1)) + np.arange(3 * len(z))[:, None] * 1e-6 for z in (x, y)]
        if n > min(SIZES["entropic"])
        else (x, y)
    )
    return [
        lambda: sinkhorn(x, y, epsilon=0.1).gradients(),
        lambda: sinkhorn(*many, epsilon=0.1, relax=1.0),
        lambda: sinkhorn_divergence(*many, epsilon=0.1),
        lambda: sinkhorn_divergence(x, y, epsilon=0.1),
        lambda: sinkhorn(*far, epsilon=10.0),
        lambda: sinkhorn_divergence_batch(x[None, :9], y[None, :8], epsilon=0.1),
        lambda: sinkhorn_batch(x[None, :9], y[None, :8], epsilon=0.1),
    ]


PARTS = {"exact": exact, "entropic": entropic}


def _clouds(n: int) -> tuple[Any, Any, tuple[Any, Any], Any]:
    rng = np.random.default_rng(0)
    x, y = rng.random((n, 2)), rng.random((n + 10, 2))
    return x, y, (rng.random((n, 12)), rng.random((n + 10, 12))), rng.random(n) + 0.1


def _large() -> tuple[Any, ...]:
    """Clouds of which pivots would move thousands of nodes each."""
    rng = np.random.default_rng(0)
    return rng.random((10_000, 2)), rng.normal(0.5, 0.2, (10_000, 2)), *rng.dirichlet(np.ones(10_000), 2)


def warm(part: str, tell: Callable[[str], None]) -> None:
    """Make the calls of one part, and tell of what is compiled."""
    with compiling.told(tell):
        for n in SIZES[part]:
            for call in PARTS[part](n):
                with contextlib.suppress(NotConverged):  # what it needs is compiled all the same
                    call()


def side_by_side(tell: Callable[[str], None], parts: Sequence[str] = tuple(PARTS)) -> str:
    """All parts, each in a process of its own; returns the folder in which the kernels are, empty where there is none.

    Raises
    ------
    RuntimeError
        If one of the processes fails.
    """
    said = dict.fromkeys(parts, "")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OTGEN_NUM_THREADS": "1"}
    processes, faults = dict[str, subprocess.Popen[str]](), dict[str, str]()
    reading, writing = os.pipe()  # one for all: whole lines never mix
    try:
        with open(reading, encoding="utf-8") as lines:
            with open(writing, "wb") as told:
                for part in parts:
                    processes[part] = subprocess.Popen(
                        [sys.executable, "-m", __name__, part], stdout=told, stderr=subprocess.PIPE, text=True, env=environment
                    )  # fmt: skip
            for line in lines:
                part, _, said[part] = line.strip().partition(": ")
                tell("; ".join(f"{name}: {text}" for name, text in said.items() if text))
        faults = {part: process.communicate()[1] for part, process in processes.items()}
    except BaseException:
        for process in processes.values():
            process.kill()
        raise
    for part, process in processes.items():
        if process.returncode:
            raise RuntimeError(f"compiling for {part} ended with code {process.returncode}: {faults[part]}")
    return str(folder() or "")


if __name__ == "__main__":
    name = sys.argv[1]
    warm(name, lambda text: print(f"{name}: {text}", flush=True) if text else None)  # noqa: T201, what the parent reads
