"""``otgen warmup``: after it, no public call compiles."""

import os
import subprocess
import sys

import pytest
from chosen import BY_DAY

from otgen.app import warming

LARGE = 10_000 if BY_DAY else 20_000  # points, of whose tree pivots move thousands of nodes each
CALLS = (
    "import numpy as np, otgen\n"
    "x = np.random.default_rng(0).random((50, 3))\n"
    "otgen.wasserstein(x, x[:20] + 1)\n"
    "otgen.wasserstein(x[:, 0], x[:20, 1])\n"
    "pixels = np.argwhere(np.ones((25, 25)))\n"
    "otgen.wasserstein(pixels, pixels[:600] + 2)\n"
    "otgen.wasserstein(pixels, pixels[:600] + 2, p=1)\n"
    "rng = np.random.default_rng(0)\n"
    f"n = {LARGE}; large = rng.random((n, 2)), rng.normal(0.5, 0.2, (n, 2))\n"
    "otgen.wasserstein(*large, *rng.dirichlet(np.ones(n), 2))\n"
    "otgen.sinkhorn(x, x[:20] + 1, epsilon=0.1)\n"
    "otgen.sinkhorn_divergence(x, x[:20] + 1, epsilon=0.1)\n"
)
ASKED = (
    "from otgen.app import warming\n"
    "from otgen.kernels.kernel_cache import KernelCache\n"
    "load, asked = KernelCache.load_overload, []\n"
    "KernelCache.load_overload = lambda cache, *given: asked.append(cache) or load(cache, *given)\n"
    "for part in warming.PARTS:\n    warming.warm(part, lambda text: None)\n"
    "print(len(asked))\n"
)
COMPILED = (
    "from numba.core import event\n"
    "class Count(event.Listener):\n"
    "    def on_start(self, e): print('compiled', e.data['dispatcher'])\n"
    "    def on_end(self, e): pass\n"
    "event.register('numba:compile', Count())\n"
)
compiles = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


@compiles
def test_after_its_calls_no_kernel_is_asked_for():
    """Every kernel is asked of the cache before it is compiled, so it does not matter what lies there."""
    before, after = run("-c", ASKED + CALLS + "print(len(asked))").stdout.split()
    assert before == after != "0"


@compiles
@pytest.mark.nightly
def test_in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    done = run("-m", "otgen", "warmup")
    assert done.stdout == ""
    assert str(tmp_path) in done.stderr
    assert run("-c", COMPILED + CALLS).stdout == ""


def test_a_process_that_fails_is_reported(monkeypatch):
    with pytest.raises(RuntimeError, match="compiling for nothing ended with code 1"):
        warming.side_by_side(lambda text: None, ["nothing"])
