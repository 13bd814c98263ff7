"""Threads, processes, files."""

from __future__ import annotations

import multiprocessing
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import otgen

from .questions import Calls, emd2, uniform
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


def _claims_too_much(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + bytes(80))


def _inflates(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as entry:
        np.save(entry, np.zeros(40_000_000))


ROWS = [
    Row("threads_at_once", "16 solves of 200 x 200 on 4 threads: largest difference", Truth(0.0, "one problem"), lambda: _both(_at_once), "numba#6108"),
    Row("fork_after_threads", "a fork once threads have run: difference to the parent", Truth(0.0, "one problem"), lambda: _both(_after_fork)),
    Row("pickled", "a result pickled and read: difference", Truth(0.0, "one result"), _pickled),
    Row("pickle_in_npy", "an npy file that holds a pickle", malformed("it would run what it holds"), lambda: _file(lambda path: np.save(path, np.array([{}], object)), "x.npy")),
    Row("npy_that_claims", "an npy file of 150 bytes that claims 10^13 numbers", malformed("they are not there"), lambda: _file(_claims_too_much, "x.npy")),
    Row("npz_that_inflates", "an npz file of 311 kB that holds 320 MB of zeros", malformed("1000 times what it says"), lambda: _file(_inflates, "x.npz"), slow=True),
    Row("csv_with_formulas", "a csv file with a cell =1+1", malformed("cells are data"), lambda: _file(lambda path: path.write_text("x\n0\n=1+1\n"), "x.csv")),
]  # fmt: skip
