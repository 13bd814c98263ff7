"""Timing ours beside a peer: in one process, in turn, the median of several repeats."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def seconds(call: Callable[[], Any]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def timed(call: Callable[..., Any], *args: Any, **options: Any) -> tuple[float, Any]:
    """Wall time of one call, and what it returned."""
    began = time.perf_counter()
    answer = call(*args, **options)
    return time.perf_counter() - began, answer


def beside(benchmark: Any, ours: Callable[[], Any], peer: Callable[[], Any], repeats: int = 5) -> float:
    """Benchmark ours, time the peer in turn with it, and record both; returns how many times faster ours is."""
    ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(repeats)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs))
    result = benchmark.pedantic(ours, rounds=1, iterations=1)
    ratios = sorted(other / one for one, other in pairs)
    benchmark.extra_info.update(
        ours=mine,
        peer=theirs,
        ratio=theirs / mine,
        ratio_range=(ratios[0], ratios[-1]),
        gap=result.gap,
        status=result.status.name,
    )
    print(
        f"\n{benchmark.name}: ours {mine:.4f} s, peer {theirs:.4f} s, {theirs / mine:.2f} x [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
    )
    return theirs / mine


def clouds(n: int, d: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """x uniform in the unit cube, y ~ N(.5, .2^2 I), weights uniform in (.5, 1.5) and normalised."""
    import numpy as np

    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.normal(0.5, 0.2, (n, d))
    a, b = rng.uniform(0.5, 1.5, n), rng.uniform(0.5, 1.5, n)
    return x, y, a / a.sum(), b / b.sum()


def dirichlet_gaussians(n: int, d: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """Two Gaussians, one wider and aside, with Dirichlet weights."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.5, 1.5, (n, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(n)),
    )


def noisy_digits(n: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """scikit-learn's 8 x 8 digits, drawn n times for either side, in [0, 1] with noise of standard deviation 0.05."""
    import numpy as np
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    images = load_digits().data / 16
    x, y = (images[rng.integers(0, len(images), n)] + 0.05 * rng.normal(size=(n, 64)) for _ in range(2))
    return x, y, np.full(n, 1 / n), np.full(n, 1 / n)


_PEAK = """
import re, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from peers import clouds
import otgen
data = clouds({n}, {d})
before = int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
run = lambda *data: {call}
run(*(z[:600] for z in data[:2]))  # compile or load the kernels
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of that
run(*data)
after = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print((after - before) / 1024)
"""


def peak_memory(n: int, d: int, call: str = "otgen.wasserstein(*data)") -> float:
    """Megabytes of a process at its peak in a solve of :func:`clouds`, above what it held with the data before; Linux only."""
    code = _PEAK.format(here=str(Path(__file__).parent), n=n, d=d, call=call)
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
