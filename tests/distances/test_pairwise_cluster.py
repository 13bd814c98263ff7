"""All pairs by the workers of a cluster: the example of it, and a worker that dies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import otgen

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "pairwise_cluster.py"
DASK = """
import os, signal, sys, threading, time
import joblib, numpy as np
from distributed import Client, LocalCluster
sys.path[:0] = [{folder!r}, {folder!r} + "/.."]
import otgen

def main():
    from test_pairwise_runs import SETS, slow
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.run(lambda folder: sys.path.__setitem__(slice(0, 0), [folder, folder + "/.."]), {folder!r})
        process = next(iter(client.run(os.getpid).values()))
        kept = {place!r}

        def kill():
            while not any(name.startswith("tile-") for name in os.listdir(kept)):
                time.sleep(0.01)
            os.kill(process, signal.SIGKILL)
            print("killed")

        killer = threading.Thread(target=kill)
        killer.start()
        with joblib.parallel_config(backend="dask"):
            found = otgen.pairwise(SETS, distance=slow, n_jobs=-1, checkpoint=kept)
        killer.join()
    print("same" if (found == otgen.pairwise(SETS)).all() else "other", "bits")

if __name__ == "__main__":
    main()
"""


@pytest.mark.nightly
def test_a_worker_of_dask_that_is_killed(tmp_path):
    """Two processes, one of them killed after the first tile: what it had is measured by another one, to the same bits."""
    pytest.importorskip("distributed", reason="tested where Dask is installed")
    code, place = tmp_path / "run.py", tmp_path / "kept"
    place.mkdir()
    code.write_text(DASK.format(folder=os.path.dirname(__file__), place=str(place)))
    done = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split("\n")[:2] == ["killed", "same bits"], done.stderr


@pytest.mark.nightly
@pytest.mark.skipif(not EXAMPLE.exists(), reason="the documentation is not part of a source distribution")
def test_the_example(tmp_path):
    """With Dask; Ray is not among what is pinned."""
    pytest.importorskip("distributed", reason="tested where Dask is installed")
    environment = {**os.environ, "PYTHONPATH": str(Path(otgen.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 workers of Dask" in done.stdout
    assert done.stdout.splitlines()[-1] == "the same bits"
