"""
All pairs on a cluster
======================

The same call on one core, on all cores of this machine, and on a Dask cluster: ``python docs/examples/pairwise_cluster.py [SCHEDULER]``.

Without an address a cluster of two processes is started here. With one, such as ``tcp://host:8786``, the workers there measure; each of them needs
otgen of the same version, and the sets are sent to them with their tiles. A worker that dies has its tiles measured by another one, and a run that
is stopped goes on from its checkpoint: the matrix is the same to the last bit.
"""

import sys
import tempfile
import time

import joblib
import numpy as np
from distributed import Client, LocalCluster

import otgen


def clouds(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Clouds in the plane, of 100 to 400 points each, around as many centres."""
    return [rng.normal(size=(rng.integers(100, 400), 2)) + 3 * rng.normal(size=2) for _ in range(count)]


def main() -> None:
    """Three times the same matrix."""
    sets = clouds(24, np.random.default_rng(0))
    began = time.perf_counter()
    truth = otgen.pairwise(sets)
    print(f"one after the other: {time.perf_counter() - began:.1f} s")

    began = time.perf_counter()
    assert (otgen.pairwise(sets, n_jobs=-1) == truth).all()
    print(f"threads on all cores: {time.perf_counter() - began:.1f} s, the same bits")

    cluster = (
        sys.argv[1] if len(sys.argv) > 1 else LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="")
    )
    with tempfile.TemporaryDirectory() as folder, Client(cluster), joblib.parallel_config(backend="dask"):
        began = time.perf_counter()
        found = otgen.pairwise(sets, n_jobs=-1, checkpoint=folder, progress=True)
        print(f"workers of {cluster}: {time.perf_counter() - began:.1f} s")
    assert (found == truth).all()


if __name__ == "__main__":
    main()
