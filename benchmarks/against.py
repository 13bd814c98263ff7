"""This tree beside an older commit of it: rows in turn, in two processes that wait for each other.

    python benchmarks/against.py COMMIT [ROW ...]

prints what either takes, medians, and the ratio old / new with its range; above 1 it got faster. Results that differ are named.
Nothing else should run meanwhile. Rows use only what both have.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import clouds, dirichlet_gaussians, noisy_digits

HERE = Path(__file__).parents[1]
Call = Callable[[Any], Any]  # of otgen


def _exact(n: int, d: int, p: float = 2) -> Call:
    x, y, a, b = clouds(n, d)
    return lambda otgen: otgen.wasserstein(x, y, a, b, p=p)


def _uniform(n: int, d: int) -> Call:
    x, y, _, _ = clouds(n, d)
    return lambda otgen: otgen.wasserstein(x, y)


def _dirichlet(n: int, d: int) -> Call:
    x, y, a, b = dirichlet_gaussians(n, d)
    return lambda otgen: otgen.wasserstein(x, y, a, b)


def _digits(n: int) -> Call:
    x, y, a, b = noisy_digits(n)
    return lambda otgen: otgen.wasserstein(x, y, a, b)


def _matrix(n: int) -> Call:
    C = np.random.default_rng(0).random((n, n))
    return lambda otgen: otgen.transport(C)


def _ties(side: int) -> Call:
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(float)
    weights = np.random.default_rng(0).integers(1, 9, (2, len(grid))).astype(float)
    a, b = (w / w.sum() for w in weights)
    return lambda otgen: otgen.wasserstein(grid, grid, a, b)


def _bottleneck(n: int) -> Call:
    x, y, _, _ = clouds(n, 2)
    return lambda otgen: otgen.wasserstein(x, y, p=np.inf)


def _line(n: int, *, weights: bool, p: float) -> Call:
    x, y, a, b = clouds(n, 1)
    return (
        (lambda otgen: otgen.wasserstein(x, y, a, b, p=p)) if weights else (lambda otgen: otgen.wasserstein(x, y, p=p))
    )


def _sliced(n: int, d: int, *, weights: bool) -> Call:
    x, y, a, b = clouds(n, d)
    given = (a, b) if weights else ()
    return lambda otgen: otgen.sliced_wasserstein(x, y, *given, n_projections=50, rng=0)


def _sinkhorn(n: int, d: int, strength: float) -> Call:
    x, y, a, b = clouds(n, d)
    return lambda otgen: otgen.sinkhorn(x, y, a, b, epsilon=otgen.Relative(strength))


def _divergence(n: int, d: int) -> Call:
    x, y, a, b = clouds(n, d)
    return lambda otgen: otgen.sinkhorn_divergence(x, y, a, b, epsilon=otgen.Relative(0.05))


def _batch(count: int, n: int, strength: float | None) -> Call:
    xs, ys = np.random.default_rng(0).random((2, count, n, 2))
    if strength is None:
        return lambda otgen: otgen.wasserstein_batch(xs, ys)
    return lambda otgen: otgen.sinkhorn_batch(xs, ys, epsilon=otgen.Relative(strength))


ROWS: dict[str, tuple[Callable[[], Call], int]] = {  # and how often they are run
    "exact 4, d=3": (lambda: _uniform(4, 3), 201),
    "exact 64, d=3": (lambda: _uniform(64, 3), 101),
    "exact 256, d=2": (lambda: _uniform(256, 2), 31),
    "exact 500, d=2": (lambda: _exact(500, 2), 21),
    "exact 500, d=64": (lambda: _exact(500, 64), 21),
    "exact 1000, d=2": (lambda: _exact(1000, 2), 11),
    "exact 1000, d=64": (lambda: _exact(1000, 64), 11),
    "exact 2000, d=2": (lambda: _exact(2000, 2), 11),
    "exact 2000, d=64": (lambda: _exact(2000, 64), 9),
    "exact 4000, d=2": (lambda: _exact(4000, 2), 7),
    "exact 8000, d=2": (lambda: _exact(8000, 2), 5),
    "exact 8000, d=16": (lambda: _exact(8000, 16), 3),
    "exact 8000, d=64": (lambda: _exact(8000, 64), 3),
    "exact 10000, d=2, p=1": (lambda: _exact(10_000, 2, 1), 3),
    "exact 16000, d=2": (lambda: _exact(16_000, 2), 3),
    "exact 16000, d=3": (lambda: _exact(16_000, 3), 3),
    "Dirichlet 8000, d=2": (lambda: _dirichlet(8000, 2), 5),
    "Dirichlet 8000, d=16": (lambda: _dirichlet(8000, 16), 3),
    "digits 10000": (lambda: _digits(10_000), 3),
    "matrix 2000": (lambda: _matrix(2000), 5),
    "grid of 64 x 64": (lambda: _ties(64), 5),
    "bottleneck 2000, d=2": (lambda: _bottleneck(2000), 3),
    "line 1e6, weights, p=1": (lambda: _line(1_000_000, weights=True, p=1), 9),
    "line 1e6, weights, p=2": (lambda: _line(1_000_000, weights=True, p=2), 9),
    "line 1e6, p=2": (lambda: _line(1_000_000, weights=False, p=2), 9),
    "sliced 10000, d=64": (lambda: _sliced(10_000, 64, weights=False), 9),
    "sliced 10000, d=64, weights": (lambda: _sliced(10_000, 64, weights=True), 9),
    "sinkhorn 200, d=2, .05": (lambda: _sinkhorn(200, 2, 0.05), 51),
    "sinkhorn 4000, d=2, .05": (lambda: _sinkhorn(4000, 2, 0.05), 7),
    "sinkhorn 4000, d=2, .01": (lambda: _sinkhorn(4000, 2, 0.01), 5),
    "sinkhorn 4000, d=64, .05": (lambda: _sinkhorn(4000, 64, 0.05), 5),
    "divergence 2000, d=2": (lambda: _divergence(2000, 2), 7),
    "divergence 2000, d=64": (lambda: _divergence(2000, 64), 5),
    "batch 1000 of 64, .05": (lambda: _batch(1000, 64, 0.05), 5),
    "batch 400 of 64, exact": (lambda: _batch(400, 64, None), 3),
}


def serve() -> None:
    """Run rows as they are asked for, one a line, and answer with seconds and value; the first run of a row is not timed."""
    import otgen

    made: dict[str, Call] = {}
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            made = {name: ROWS[name][0]()}
            made[name](otgen)
        began = time.perf_counter()
        found = made[name](otgen)
        seconds = time.perf_counter() - began
        value = float(np.sum(found.value))
        print(json.dumps([seconds, value]), file=answers, flush=True)


def unpack(commit: str, folder: Path) -> Path:
    """The package as it was at a commit."""
    packed = subprocess.run(["git", "archive", commit, "otgen"], cwd=HERE, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def started(tree: Path) -> subprocess.Popen[str]:
    """A process that runs rows with the package of a tree, and the rows of this file."""
    code = f"import sys; sys.path[:0] = [{str(tree)!r}, {str(HERE)!r}]; from benchmarks.against import serve; serve()"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        env=dict(os.environ, PYTHONPATH=""),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(child: subprocess.Popen[str], row: str) -> tuple[float, float]:
    """One run of a row in a process: seconds and value."""
    assert child.stdin is not None
    assert child.stdout is not None
    print(row, file=child.stdin, flush=True)
    seconds, value = json.loads(child.stdout.readline())
    return seconds, value


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all unless given: {', '.join(ROWS)}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        old, new = started(unpack(asked.commit, Path(folder))), started(HERE)
        print(f"{'row':<30} {'old, s':>9} {'new, s':>9}  old / new")
        for name in asked.rows or ROWS:
            pairs = [(run(old, name), run(new, name)) for _ in range(ROWS[name][1])]
            before, after = (statistics.median(seconds for seconds, _ in side) for side in zip(*pairs))
            ratios = sorted(one[0] / other[0] for one, other in pairs)
            (_, was), (_, now) = pairs[0]
            apart = "" if abs(was - now) <= 1e-4 * abs(was) else f"  values {was:.9g} and {now:.9g}"
            spread = f"{before / after:5.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
            print(f"{name:<30} {before:9.5f} {after:9.5f}  {spread}{apart}", flush=True)
        for child in (old, new):
            child.communicate()


if __name__ == "__main__":
    main()
