"""The same numbers give the same bits: over threads, layouts, containers, runs and processes; and nobody's random state matters but ``rng``."""

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

FEW = 60  # points: a call takes milliseconds
MANY = 800  # where kernels share out their rows
RUNS = 2 if BY_DAY else 20
LARGE = [name for name in NAMES if "batch" not in name and name not in ("an exact test", "max_sliced_wasserstein")]


@pytest.mark.parametrize("name", NAMES)
def test_runs(name):
    assert len({called(name, FEW) for _ in range(RUNS)}) == 1


@pytest.mark.by_day(4)
@pytest.mark.parametrize("name", LARGE)
def test_threads(name, monkeypatch):
    found = set()
    for count in ("1", "2", "4"):
        monkeypatch.setenv("OTGEN_NUM_THREADS", count)
        found.add(called(name, MANY))
    assert len(found) == 1


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
