"""What a call must leave as it was: modes of the process, random generators, files, threads, the arrays it was given."""

from __future__ import annotations

import contextlib
import decimal
import gc
import hashlib
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba.core import config

from otgen.kernels import parallel

_PATIENCE = 10.0  # seconds in which threads may end


def taken(place: Path, arrays: Iterable[np.ndarray], outputs: Iterable[str] = ()) -> dict[str, Any]:
    """All of it, by name; ``outputs`` are files and folders below ``place`` that a call may change."""
    gc.collect()
    return {**_modes(), **_generators(), **_process(), "inputs": _digests(arrays), "files": _files(place, set(outputs))}


def differing(before: dict[str, Any], *rest: Any) -> tuple[str, ...]:
    """The names of what is not as :func:`taken` found it, with the same arguments, before; threads begun since are given a moment to end."""
    until = time.monotonic() + _PATIENCE
    while len(threading.enumerate()) > len(before["threads"]) and time.monotonic() < until:
        time.sleep(0.01)
    after = taken(*rest)
    return tuple(name for name, value in before.items() if after[name] != value)


def _modes() -> dict[str, Any]:
    handlers = {one: signal.getsignal(one) for one in signal.valid_signals()}
    return {
        "numpy errstate": (np.geterr(), np.geterrcall(), np.get_printoptions()),
        "torch dtype": torch.get_default_dtype(),
        "torch threads": torch.get_num_threads(),
        "torch deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.get_float32_matmul_precision(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "torch gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "torch autocast": torch.is_autocast_enabled("cpu"),
        "denormals": bool(torch.tensor(1e-40) * 1.0 == 0),
        "numba threads": config.NUMBA_NUM_THREADS,
        "kernel threads": parallel.threads(),
        "signal handlers": handlers,
        "warnings": (list(warnings.filters), warnings.showwarning),
        "decimal context": str(decimal.getcontext()),
        "hooks": (
            sys.excepthook,
            sys.unraisablehook,
            threading.excepthook,
            sys.stdout,
            sys.stderr,
            list(sys.meta_path),
        ),
        "interpreter": (sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled()),
    }


def _generators() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002, the global one is what must be left alone
    return {
        "random": hash(random.getstate()),
        "numpy random": (kind, np.asarray(keys).tobytes(), rest),
        "torch random": torch.get_rng_state().numpy().tobytes(),
    }


def _process() -> dict[str, Any]:
    return {
        "threads": sorted(one.name for one in threading.enumerate()),
        "open files": _open_files(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


def _open_files() -> list[str]:
    found = list[str]()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(one for one in found if not one.startswith("/proc/"))


def _digests(arrays: Iterable[np.ndarray]) -> list[str]:
    return [hashlib.sha256(one.tobytes()).hexdigest() for one in arrays]


def _files(place: Path, outputs: set[str]) -> dict[str, str]:
    """Digests of what is there by name; of outputs only those names that no finished file has."""
    found: dict[str, str] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place)
        if not path.is_file():
            continue
        if name.parts[0] not in outputs:
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name.startswith(".") or ".tmp" in path.name:
            found[str(name)] = "left over"
    return found
