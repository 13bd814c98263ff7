"""Processes that talk to each other, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# What is forked for each process of each test: torch takes seconds to load, and starts no thread until it is asked to.
NURSERY = """
import contextlib, json, os, signal, sys, warnings, torch, torch.distributed as dist
from datetime import timedelta
with contextlib.suppress(ImportError):
    import torchmetrics
from otgen import nn
from otgen.nn import coupling, distributed, sinkhorn_loss
import otgen
torch.set_num_threads(1)
few = torch.rand(9, 2).double()
for way in ("euclidean", "cityblock"):  # kernels are loaded once, not in each process
    nn.sinkhorn_loss(few, few + 1, epsilon=0.1, metric=way)
nn.wasserstein_loss(few, few + 1)
otgen.sinkhorn(few.numpy(), few.numpy() + 1, epsilon=0.1)
for line in sys.stdin:
    world, folder, body = json.loads(line)
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            signal.alarm(40)  # to meet
            told = os.open(f"{folder}/told{rank}", os.O_WRONLY | os.O_CREAT)
            os.dup2(told, 1)
            os.dup2(told, 2)
            exec(body)
        children.append(child)
    print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)
"""


PREAMBLE = """
warnings.simplefilter("error")
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world, timeout=timedelta(seconds=60))
open(f"{folder}/met{rank}", "w").close()
signal.alarm(120)
generator = torch.Generator().manual_seed(0)
x, y = torch.rand(37, 2, dtype=torch.float64, generator=generator), torch.rand(29, 2, dtype=torch.float64, generator=generator)
"""


EPILOGUE = """
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # gloo's threads may abort a process that takes its time to leave
"""


@pytest.fixture(scope="session")
def nursery():
    environment = dict(os.environ, OTGEN_NUM_THREADS="1", OMP_NUM_THREADS="1")
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process


@pytest.fixture
def together(nursery, tmp_path):
    """Runs the same text in several processes: their exit codes and output. Those that never met, by a fault of gloo's, meet again."""

    def run_in(folder: Path, world: int, body: str) -> list[tuple[int, str]]:
        folder.mkdir()
        text = PREAMBLE + textwrap.dedent(body) + EPILOGUE
        print(json.dumps([world, str(folder), text]), file=nursery.stdin, flush=True)
        codes = [int(code) for code in nursery.stdout.readline().split()]
        assert len(codes) == world
        return [(code, (folder / f"told{rank}").read_text()) for rank, code in enumerate(codes)]

    def run(world: int, body: str) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for attempt in range(3):
            folder = tmp_path / str(attempt)
            found = run_in(folder, world, body)
            if all((folder / f"met{rank}").exists() for rank in range(world)):
                break
        return found

    return run
