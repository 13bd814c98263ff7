"""The same numbers give the same bits: over threads, layouts, containers, runs and processes; and nobody's random state matters but ``rng``."""

import _thread
import os
import random
import subprocess
import sys
from pathlib import Path

import determinism
import numpy as np
import pandas as pd
import pytest
import torch
from chosen import BY_DAY
from determinism import LOSSES, NAMES, PLAIN, WEIGHTED, bits, called, clouds

import otgen
from otgen import nn
from otgen.kernels import parallel

FEW = 60  # points: a call takes milliseconds
RUNS = 2 if BY_DAY else 20


@pytest.mark.parametrize("name", NAMES)
def test_runs(name):
    assert len({called(name, FEW) for _ in range(RUNS)}) == 1


SHARED = 150  # points: enough for most calls to share out rows
ALONE = {
    *("wasserstein", "wasserstein, p=1", "wasserstein on the line", "gradients", "in sixteen dimensions", "transport"),
    *(
        "two_sample_test",
        "an exact test",
        "an MMD test",
        "permutation_null",
        "neighbors",
        "within",
        "bias_curve",
        "chance",
    ),
    *("max_sliced_wasserstein", "kl_samples", "js_samples", "tv_samples", "bures_wasserstein"),
    *("wasserstein_loss", "sinkhorn_loss", "sliced_wasserstein_loss", "mmd_loss", "transport_loss", "coupling.pair"),
}  # kernels of one thread, or of so few points


@pytest.mark.by_day(12)
@pytest.mark.parametrize("name", NAMES)
def test_threads(name, monkeypatch):
    """Rows are shared out however few: of as many as are shared out otherwise, a call takes seconds."""
    monkeypatch.setattr(parallel, "_SPLIT", 1)
    start, started = _thread.start_new_thread, []
    monkeypatch.setattr(_thread, "start_new_thread", lambda *given: started.append(given) or start(*given))
    found = set()
    for count in ("1", "2", "4"):
        monkeypatch.setenv("OTGEN_NUM_THREADS", count)
        found.add(called(name, SHARED))
    assert len(found) == 1
    assert bool(started) or name in ALONE


def strided(z):
    wide = np.zeros((2 * len(z), *(3 * k for k in z.shape[1:])))
    part = wide[(slice(None, None, 2), *(slice(1, None, 3) for _ in z.shape[1:]))]
    part[...] = z
    return part


def backward(z):
    return np.ascontiguousarray(z[::-1])[::-1]


def locked(z):
    z = z.copy()
    z.flags.writeable = False
    return z


FORMS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": strided,
    "backward": backward,
    "read-only": locked,
    "lists": lambda z: z.tolist(),
    "tuples": lambda z: tuple(map(tuple, z.tolist())) if z.ndim == 2 else tuple(z.tolist()),
    "tensors": lambda z: torch.tensor(z),
    "pandas": lambda z: pd.Series(z) if z.ndim == 1 else pd.DataFrame(z),
    "memoryview": lambda z: memoryview(np.ascontiguousarray(z)),
}


ARRAYS = ("C", "F", "strided", "backward", "read-only")


def unproven(x, y, a, b):
    """Few points of plain arrays are proven in one go, others piece by piece, which rounds otherwise: the documentation says so."""
    result = otgen.partial_wasserstein(x, y, a, b, penalty=0.3)
    return result.value, result.plan.rows, result.plan.columns, result.plan.values


@pytest.mark.parametrize("form", FORMS)
def test_layouts_and_containers(form):
    """A loss takes tensors, and costs and stacks are computed by the table of calls: those are left to `test_runs`."""
    x, y, a, b = clouds(FEW)
    given = [FORMS[form](z) for z in (x, y, a, b)]
    for name, call in WEIGHTED.items():
        if name == "partial_wasserstein" and form not in ARRAYS:
            call = unproven
        assert bits(call(*given)) == bits(call(x, y, a, b)), name


@pytest.mark.parametrize("name", LOSSES)
def test_layouts_of_tensors(name):
    x, y, _, _ = clouds(FEW)
    whole = bits(LOSSES[name](x, y))
    assert bits(LOSSES[name](np.asfortranarray(x), strided(y))) == whole


@pytest.mark.by_day(1)
@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_processes(threads):
    names = ["wasserstein", "sinkhorn", "wasserstein_batch", "pairwise"] if BY_DAY else NAMES
    environment = dict(os.environ, OTGEN_NUM_THREADS=threads, PYTHONHASHSEED=threads)
    command = [sys.executable, Path(determinism.__file__).resolve(), str(FEW), *names]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert told == [called(name, FEW) for name in names]


def states():
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002
    return kind, keys.tobytes(), *rest, random.getstate(), torch.get_rng_state().numpy().tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_rng_alone_decides(name):
    found = set()
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        torch.manual_seed(seed)
        before = states()
        found.add(called(name, FEW))
        assert states() == before
    assert len(found) == 1


def test_directions_of_a_loss_are_drawn_by_torch():
    """As the documentation says: a training step is random by torch's own generator."""
    x, y = (torch.tensor(z) for z in clouds(FEW)[:2])
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(float(nn.sliced_wasserstein_loss(x, y, n_projections=5)))
    assert found[0] == found[1] != found[2]


def test_a_changed_bit_is_seen():
    value = np.array([1.0, 2.0])
    assert bits((value, 1)) != bits((np.nextafter(value, 3), 1))
    assert set(WEIGHTED) | set(PLAIN) | set(LOSSES) == set(NAMES)
