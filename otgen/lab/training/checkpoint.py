"""A run's state in one safetensors file, written beside and renamed: networks, optimisers, generators, pictures and scores so far."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from ...errors import InvalidInput, require
from ...inputs.atomic import write_atomically
from .methods import Method

NAME = "checkpoint.safetensors"


@dataclass(eq=False)
class State:
    """What a run is at a step: enough to go on as if it had never stopped."""

    method: Method
    noise: Generator
    draws: np.random.Generator
    step: int = 0
    snapshots: dict[int, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def save(folder: Path, state: State, given: dict[str, Any]) -> None:
    """Write a checkpoint; ``given`` is what the run was asked for, to be compared when it goes on."""
    tensors = {"noise": state.noise.get_state()}
    for name, module in state.method.modules.items():
        tensors |= {f"module.{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in state.method.optimisers.items():
        for index, entries in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{name}.{index}.{key}": torch.as_tensor(value) for key, value in entries.items()}
    tensors |= {f"snapshot.{step}": samples for step, samples in state.snapshots.items()}
    notes = {"step": state.step, "history": state.history, "draws": state.draws.bit_generator.state, "given": given}
    serialised = require("safetensors.torch").save
    whole = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    content = serialised(whole, {"run": json.dumps(notes)})
    write_atomically(folder / NAME, lambda path: Path(path).write_bytes(content))  # its errors are Python's own


def load(folder: Path, state: State, given: dict[str, Any]) -> None:
    """Read a checkpoint into a freshly built state; raises InvalidInput if it is of another run, or damaged."""
    path = folder / NAME
    library = require("safetensors")
    try:
        with library.safe_open(path, framework="pt") as opened:
            notes = json.loads(opened.metadata()["run"])
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 (not a mapping)
        other = {key: value for key, value in notes["given"].items() if given.get(key) != value}
    except (library.SafetensorError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise _damaged(path, fault) from None
    if notes["given"] != given:
        raise InvalidInput(
            f"{path} must be of a run with the same options; received one with {other}; repeat them, or choose another folder"
        )
    try:
        _restore(state, notes, tensors)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as fault:
        raise _damaged(path, fault) from None


def _damaged(path: Path, fault: Exception) -> InvalidInput:
    words = " ".join(str(fault).replace(";", ",").split())[:200]
    return InvalidInput(
        f"{path} must be a checkpoint of a run; received a file that ends in {type(fault).__name__}: {words}; start anew"
    )


def _restore(state: State, notes: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Bring a freshly built state to what a checkpoint holds."""
    for name, module in state.method.modules.items():
        module.load_state_dict(_below(tensors, f"module.{name}."))
    for name, optimiser in state.method.optimisers.items():
        whole, entries = optimiser.state_dict(), dict[int, dict[str, Tensor]]()
        for key, value in _below(tensors, f"optimiser.{name}.").items():
            index, _, entry = key.partition(".")
            entries.setdefault(int(index), {})[entry] = value
        optimiser.load_state_dict({**whole, "state": entries})
    state.noise.set_state(tensors["noise"])
    state.draws.bit_generator.state = notes["draws"]
    state.step = int(notes["step"])
    state.history = [dict(line) for line in notes["history"]]
    state.snapshots = {int(key): value for key, value in _below(tensors, "snapshot.").items()}


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
