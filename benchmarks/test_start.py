"""What a new process waits for: the import, and the first call with a warm and with a cold kernel cache."""

import os
import subprocess
import sys

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
