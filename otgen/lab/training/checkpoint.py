"""A run's state in one safetensors file, written beside and renamed: networks, optimisers, generators, pictures and scores so far."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from ...errors import InvalidInput, require
from ...inputs.atomic import write_atomically
from ...inputs.stored import refuse_endless
from .methods import Method
from .recipes import threads_given

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
    notes = {"step": state.step, "history": state.history, "draws": state.draws.bit_generator.state, "given": given}
    tensors, words = _tensors(state), json.dumps(notes)
    content = require("safetensors.torch").save(tensors, {"run": words, "digest": digest(tensors, words)})
    write_atomically(folder / NAME, lambda path: Path(path).write_bytes(content))  # its errors are Python's own


def load(folder: Path, state: State, given: dict[str, Any], stops: Sequence[int]) -> int:
    """Read a checkpoint, written at one of some steps, into a freshly built state; raises InvalidInput if it is of another run, or damaged.

    Returns how many threads the run began with, which it goes on with where ``given`` does not say.
    """
    path = folder / NAME
    if path.is_dir():
        raise InvalidInput(f"{path} must be a checkpoint of a run; received a folder; start anew in another one")
    refuse_endless(path, "a checkpoint of a run", "train")
    library = require("safetensors")
    try:
        with library.safe_open(path, framework="pt") as opened:
            written = opened.metadata()
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 (not a mapping)
        if digest(tensors, written["run"]) != written["digest"]:
            raise ValueError("some bit of it was changed")
        notes = json.loads(written["run"])
        if given["threads"] is None:
            given = given | {"threads": notes["given"]["threads"]}
        other = {key: value for key, value in notes["given"].items() if given.get(key) != value}
    except (library.SafetensorError, *_ODD) as fault:
        raise _damaged(path, fault) from None
    if notes["given"] != given:
        raise InvalidInput(
            f"{path} must be of a run with the same options; received one with {other}; repeat them, or choose another folder"
        )
    try:
        _refuse_steps(notes, tensors, stops)
        _restore(state, notes, tensors)
        return threads_given(given["threads"])
    except _ODD as fault:
        raise _damaged(path, fault) from None


_ODD = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError)


def digest(tensors: Mapping[str, Tensor], words: str) -> str:
    """SHA-256 of what a checkpoint holds: its notes, and the tensors with their names, types and shapes."""
    found = hashlib.sha256(words.encode())
    for name, value in sorted(tensors.items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _tensors(state: State) -> dict[str, Tensor]:
    """All tensors of a state by name, copied."""
    found = {"noise": state.noise.get_state()}
    for name, module in state.method.modules.items():
        found |= {f"module.{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in state.method.optimisers.items():
        for index, entries in optimiser.state_dict()["state"].items():
            found |= {f"optimiser.{name}.{index}.{key}": torch.as_tensor(value) for key, value in entries.items()}
    found |= {f"snapshot.{step}": samples for step, samples in state.snapshots.items()}
    return {key: value.detach().clone().contiguous() for key, value in found.items()}


def _damaged(path: Path, fault: Exception) -> InvalidInput:
    words = " ".join(str(fault).replace(";", ",").split())[:200]
    return InvalidInput(
        f"{path} must be a checkpoint of a run; received a file that ends in {type(fault).__name__}: {words}; start anew"
    )


def _refuse_steps(notes: dict[str, Any], tensors: dict[str, Tensor], stops: Sequence[int]) -> None:
    """Raise ValueError unless the step is one at which runs are written, with a line of the history and a picture for each so far."""
    step, history = notes["step"], notes["history"]
    if type(step) is not int or step not in stops:
        raise ValueError(f"its step {step!r} is none at which such a run is written")
    so_far = [stop for stop in stops if stop <= step]
    if [line["step"] for line in history] != so_far:
        raise ValueError(f"its history is not that of the steps {so_far}")
    if any(
        type(value) not in (int, float) or line.keys() != history[0].keys()
        for line in history
        for value in line.values()
    ):
        raise ValueError("lines of its history hold other things than numbers, or not the same ones")
    if set(_below(tensors, "snapshot.")) != set(map(str, so_far)):
        raise ValueError(f"its snapshots are not those of the steps {so_far}")


def _restore(state: State, notes: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Bring a freshly built state to what a checkpoint holds; raises ValueError where it is not that in the end."""
    for name, module in state.method.modules.items():
        module.load_state_dict(_below(tensors, f"module.{name}."))
    for name, optimiser in state.method.optimisers.items():
        _restore_optimiser(optimiser, _below(tensors, f"optimiser.{name}."))
    state.noise.set_state(tensors["noise"])
    state.draws.bit_generator.state = notes["draws"]
    state.step, state.history = notes["step"], notes["history"]
    state.snapshots = {int(key): value for key, value in _below(tensors, "snapshot.").items()}
    if state.draws.bit_generator.state != notes["draws"]:
        raise ValueError("its draws are no state of a generator")
    restored = _tensors(state)
    for key in sorted(restored.keys() | tensors.keys()):
        if key not in restored or digest({key: restored[key]}, "") != digest({key: tensors[key]}, ""):
            raise ValueError(f"its {key!r} belongs to no such run, or is of another kind")


def _restore_optimiser(optimiser: Optimizer, held: dict[str, Tensor]) -> None:
    """What an optimiser keeps of every parameter, since each of them has been moved by the first step."""
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in held.items():
        index, _, entry = key.partition(".")
        entries.setdefault(int(index), {})[entry] = value
    parameters = [one for group in optimiser.param_groups for one in group["params"]]
    names, steps = _entry_names(optimiser), {float(one["step"]) for one in entries.values()}
    if sorted(entries) != list(range(len(parameters))) or any(one.keys() != names for one in entries.values()):
        raise ValueError(f"an optimiser must have {', '.join(sorted(names))} of every parameter")
    if any(
        value.shape != parameters[k].shape for k, one in entries.items() for key, value in one.items() if key != "step"
    ):
        raise ValueError("an optimiser has entries of other shapes than its parameters")
    if len(steps) != 1 or not (min(steps) >= 1 and min(steps).is_integer()):
        raise ValueError(f"an optimiser must have made one whole number of steps, not {sorted(steps)}")
    optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})


def _entry_names(optimiser: Optimizer) -> set[str]:
    """What such an optimiser keeps of a parameter, by one step of another one of its kind."""
    moved = torch.zeros(1, requires_grad=True)
    moved.grad = torch.zeros(1)
    probe: Any = type(optimiser)
    made = probe([moved], **optimiser.defaults)
    made.step()
    return set(made.state[moved])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
