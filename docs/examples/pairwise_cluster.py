"""
All pairs on a cluster
======================

The same call on one core, on all cores of this machine, and on a cluster, to the same bits::

    python docs/examples/pairwise_cluster.py                      # a Dask cluster of two processes, started here
    python docs/examples/pairwise_cluster.py tcp://host:8786      # the workers of that scheduler
    python docs/examples/pairwise_cluster.py ray                  # Ray with two processes, started here
    python docs/examples/pairwise_cluster.py ray auto             # the Ray cluster that this machine belongs to

Each worker needs otgen of the same version; the sets are sent with their tiles. On machines of many cores, start one worker a core with
``OTGEN_NUM_THREADS=1``. A run that is stopped goes on from its checkpoint.
"""

import contextlib
import sys
import tempfile
import time

import joblib
import numpy as np

import otgen


def clouds(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Clouds in the plane, of 100 to 400 points each, around as many centres."""
    return [rng.normal(size=(rng.integers(100, 400), 2)) + 3 * rng.normal(size=2) for _ in range(count)]


@contextlib.contextmanager
def dask(address: str | None):
    """The workers of a Dask scheduler for joblib; two processes of this machine without an address."""
    from distributed import Client, LocalCluster  # noqa: PLC0415  # either engine will do without the other

    with contextlib.ExitStack() as stack:
        place = address or stack.enter_context(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None))
        client = stack.enter_context(Client(place))
        client.wait_for_workers(1)
        print(f"{len(client.scheduler_info()['workers'])} workers of Dask")
        with joblib.parallel_config(backend="dask"):
            yield


@contextlib.contextmanager
def ray(address: str | None):
    """A Ray cluster for joblib; two processes of this machine without an address."""
    import ray  # noqa: PLC0415
    from ray.util.joblib import register_ray  # noqa: PLC0415

    own = {"num_cpus": 2, "include_dashboard": False} if address is None else {"address": address}
    ray.init(runtime_env={"env_vars": {"OTGEN_NUM_THREADS": "1"}}, **own)
    register_ray()
    print(f"{int(ray.cluster_resources()['CPU'])} cores of Ray")
    try:
        with joblib.parallel_config(backend="ray"):
            yield
    finally:
        ray.shutdown()


def main() -> None:
    """Three times the same matrix."""
    sets = clouds(24, np.random.default_rng(0))
    began = time.perf_counter()
    truth = otgen.pairwise(sets)
    print(f"one after the other: {time.perf_counter() - began:.1f} s")

    began = time.perf_counter()
    assert (otgen.pairwise(sets, n_jobs=-1) == truth).all()
    print(f"threads on all cores: {time.perf_counter() - began:.1f} s, the same bits")

    engine, *address = sys.argv[1:] or ["dask"]
    if engine == "ray":
        cluster = ray(address[0] if address else None)
    else:
        cluster = dask(None if engine == "dask" else engine)
    with cluster, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = otgen.pairwise(sets, n_jobs=-1, checkpoint=folder, progress=True)
        print(f"on the cluster: {time.perf_counter() - began:.1f} s, kernels loaded by each worker included")
    assert (found == truth).all()
    print("the same bits")


if __name__ == "__main__":
    main()
