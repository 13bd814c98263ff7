"""Threads, processes, files."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import otgen

from .questions import Calls, assignment, emd2, uniform
from .row import Row, Truth, malformed
from .truths import squares

RNG = np.random.default_rng(0)
X, Y = RNG.random((200, 3)), RNG.random((200, 3))


def _ours() -> float:
    return otgen.wasserstein(X, Y).value


def _pots() -> float:
    return float(emd2(squares(X, Y), uniform(200), uniform(200)))


def _both(turn: Callable[[Callable[[], float]], float]) -> Calls:
    return {"otgen": lambda: turn(_ours), "POT emd2": lambda: turn(_pots)}


def _at_once(call: Callable[[], float]) -> float:
    """The largest difference of 16 calls on 4 threads."""
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda _: call(), range(16)))
    return max(values) - min(values)


def _after_fork(call: Callable[[], float]) -> float:
    """What a child answers, less what its parent did, once threads have run."""
    before = call()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: call(), range(2)))
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=lambda: send.send(call()))
    child.start()
    if not receive.poll(15):
        child.kill()
        raise TimeoutError("the child hangs")
    return receive.recv() - before


def _pickled() -> Calls:
    def pots() -> Any:
        import ot

        found: Any = ot.solve(squares(X, Y))
        return pickle.loads(pickle.dumps(found)).value - found.value

    def ours() -> float:
        found = otgen.wasserstein(X, Y)
        return pickle.loads(pickle.dumps(found)).value - found.value

    return {"otgen": ours, "POT solve": pots}


def _file(write: Callable[[Path], object], name: str) -> Calls:
    """Reading a file that means harm; numpy reads it where the others do."""

    def ours() -> Any:
        from otgen.app.files.reading import read

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            return read(path)

    return {"otgen": ours}


def _interrupted(call: Callable[[], Any], after: float) -> float:
    """Seconds from Ctrl-C, ``after`` seconds into a call, until that is left; NaN where it ended before."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    began = time.perf_counter()
    try:
        call()
    except KeyboardInterrupt:
        return time.perf_counter() - began - after
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return float("nan")


def _long_solves() -> Calls:
    C = np.random.default_rng(0).random((5000, 5000))
    calls: Calls = {
        "otgen": lambda: otgen.transport(C),
        "POT emd2": lambda: emd2(C, uniform(5000), uniform(5000)),
        "scipy linear_sum_assignment": lambda: assignment(C),
    }
    return {who: (lambda call=call: _interrupted(call, 0.5)) for who, call in calls.items()}


def _gradients_after() -> Calls:
    """Whether torch records gradients once a loss was interrupted."""

    def recorded(loss: Callable[[Any, Any], Any]) -> float:
        import torch

        x, y = (
            torch.rand(2000, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in (0, 1)
        )
        try:
            late = _interrupted(lambda: loss(x.requires_grad_(), y), 0.2)
            return late if late != late else float(torch.is_grad_enabled())
        finally:
            torch.set_grad_enabled(True)

    def geom(x: Any, y: Any) -> Any:
        from geomloss import SamplesLoss

        return SamplesLoss("sinkhorn", p=2, blur=1e-3, scaling=0.99, backend="tensorized")(x, y)

    def pots(x: Any, y: Any) -> Any:
        import ot

        return ot.solve_sample(x, y, reg=1e-4, max_iter=10_000, tol=0.0)

    calls = {
        "otgen": lambda x, y: otgen.nn.sinkhorn_loss(x, y, epsilon=1e-6, max_iter=10**6, tol=1e-9),
        "POT solve_sample": pots,
        "GeomLoss SamplesLoss": geom,
    }
    return {who: (lambda loss=loss: recorded(loss)) for who, loss in calls.items()}


def _without_a_cache(code: str) -> float:
    """What a new process prints that can keep nothing: below a file no folder can be made, not by root either."""
    with tempfile.NamedTemporaryFile() as file:
        nowhere = f"{file.name}/below"
        places = dict.fromkeys(("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"), nowhere)
        environment = {**os.environ, **places, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.splitlines()[-1] if done.stderr else f"exit code {done.returncode}")
    return float(done.stdout)


def _nowhere_to_keep() -> Calls:
    calls = {
        "otgen": "import otgen; print(otgen.wasserstein([0., 1.], [1., 3.], p=1).value)",
        "POT wasserstein_1d": "import numpy as np, ot; print(ot.wasserstein_1d(np.array([0., 1.]), np.array([1., 3.]), p=1))",
        "scipy wasserstein_distance": "import scipy.stats as s; print(s.wasserstein_distance([0., 1.], [1., 3.]))",
    }
    return {who: (lambda code=code: _without_a_cache(code)) for who, code in calls.items()}


def _claims_too_much(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + bytes(80))


def _inflates(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as entry:
        np.save(entry, np.zeros(40_000_000))


ROWS = [
    Row("threads_at_once", "16 solves of 200 x 200 on 4 threads: largest difference", Truth(0.0, "one problem"), lambda: _both(_at_once), "numba#6108"),
    Row("fork_after_threads", "a fork once threads have run: difference to the parent", Truth(0.0, "one problem"), lambda: _both(_after_fork)),
    Row("ctrl_c", "Ctrl-C in a solve of 5000 x 5000: seconds until it is left", Truth(0.0, "within half a second", absolute=0.5), _long_solves, slow=True, timed=True),
    Row("gradients_after_ctrl_c", "Ctrl-C in a loss: whether torch records gradients afterwards", Truth(1.0, "as before"), _gradients_after),
    Row("nowhere_to_keep_kernels", "no folder for caches can be written: W_1 of {0, 1} and {1, 3}", Truth(1.5, "by hand"), _nowhere_to_keep, slow=True),
    Row("pickled", "a result pickled and read: difference", Truth(0.0, "one result"), _pickled),
    Row("pickle_in_npy", "an npy file that holds a pickle", malformed("it would run what it holds"), lambda: _file(lambda path: np.save(path, np.array([{}], object)), "x.npy")),
    Row("npy_that_claims", "an npy file of 150 bytes that claims 10^13 numbers", malformed("they are not there"), lambda: _file(_claims_too_much, "x.npy")),
    Row("npz_that_inflates", "an npz file of 311 kB that holds 320 MB of zeros", malformed("1000 times what it says"), lambda: _file(_inflates, "x.npz"), slow=True),
    Row("csv_with_formulas", "a csv file with a cell =1+1", malformed("cells are data"), lambda: _file(lambda path: path.write_text("x\n0\n=1+1\n"), "x.csv")),
]  # fmt: skip
