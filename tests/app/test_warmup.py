"""``otgen warmup``: after it, no public call compiles."""

import os
import subprocess
import sys

import pytest

from otgen.app import warming

CODE = (
    "from numba.core import event\n"
    "import numpy as np, otgen\n"
    "class Count(event.Listener):\n"
    "    def on_start(self, e): print('compiled', e.data['dispatcher'])\n"
    "    def on_end(self, e): pass\n"
    "event.register('numba:compile', Count())\n"
    "x = np.random.default_rng(0).random((50, 3))\n"
    "otgen.wasserstein(x, x[:20] + 1)\n"
    "otgen.wasserstein(x[:, 0], x[:20, 1])\n"
    "otgen.sinkhorn(x, x[:20] + 1, epsilon=0.1)\n"
    "otgen.sinkhorn_divergence(x, x[:20] + 1, epsilon=0.1)\n"
)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_after_it_nothing_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    command = [sys.executable, "-m", "otgen", "warmup"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert str(tmp_path) in done.stderr
    assert (
        "compiled"
        not in subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    )


def test_a_process_that_fails_is_reported(monkeypatch):
    with pytest.raises(RuntimeError, match="compiling for nothing ended with code 1"):
        warming.side_by_side(lambda text: None, ["nothing"])
