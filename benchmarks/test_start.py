"""What a new process waits for: the import, the first call with a warm and with a cold kernel cache; and what Ctrl-C waits for."""

import os
import signal
import subprocess
import sys
import time

import pytest

CALL = (
    "import time; t = time.perf_counter(); import otgen; s = time.perf_counter();"
    "otgen.wasserstein([[0.0, 1], [1, 2], [3, 1]], [[1.0, 0], [2, 2]]); print(s - t, time.perf_counter() - t)"
)


def run(**environment):
    out = subprocess.run(
        [sys.executable, "-c", CALL], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return tuple(map(float, out.stdout.split()))


def test_start(benchmark, tmp_path):
    cold = run(NUMBA_CACHE_DIR=str(tmp_path))
    warm = [run(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(5)]
    benchmark.pedantic(lambda: run(NUMBA_CACHE_DIR=str(tmp_path)), rounds=1, iterations=1)
    imported, first = min(w[0] for w in warm), min(w[1] for w in warm)
    benchmark.extra_info.update(imported=imported, warm=first, cold=cold[1])
    print(f"\nimport {imported:.3f} s, first call warm {first:.2f} s, cold {cold[1]:.1f} s")
    assert imported < 0.25
    assert first < 1
    assert cold[1] < 15


SOLVES = {
    "simplex": "Simplex(), otgen.Problem.from_points(rng.random((20_000, 3)), rng.random((20_000, 3)))",
    "sinkhorn": (
        "Sinkhorn(max_iter=10**6),otgen.Problem.from_points(rng.random((6000, 3)), rng.random((6000, 3)), epsilon=1e-5)"
    ),
}


@pytest.mark.parametrize("name", SOLVES)
def test_ctrl_c(benchmark, name):
    """From the signal to the exception, at moments spread over the first seconds of a solve."""
    code = (
        "import numpy as np, otgen\n"
        "from otgen.model.units import scaled\n"
        "from otgen.solvers import Simplex, Sinkhorn\n"
        "said = []\n"
        "def progress(message):\n    said or print('ready', flush=True)\n    said.append(message)\n"
        "rng = np.random.default_rng(0)\n"
        f"solver, problem = {SOLVES[name]}\n"
        "try:\n    solver.solve(scaled(problem), progress)\n"
        "except KeyboardInterrupt:\n    print('stopped', flush=True)\n"
    )

    def waited(after: float) -> float:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(after)
            sent = time.perf_counter()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "stopped\n"
            return time.perf_counter() - sent

    seconds = [waited(after) for after in (0.1, 0.5, 1.0, 1.5, 2.0, 2.5)]
    benchmark.pedantic(lambda: waited(1.0), rounds=1, iterations=1)
    benchmark.extra_info.update(longest=max(seconds))
    print(f"\n{name}: stopped within {min(seconds):.3f} to {max(seconds):.3f} s")
    assert max(seconds) < 0.5
