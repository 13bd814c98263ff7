"""A run: seeded, judged as it goes, written down, and able to go on from where it stopped."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...distances.exact import wasserstein
from ...errors import InvalidInput, NotConverged
from ...inputs import scalars
from ...inputs.atomic import write_atomically
from ...inputs.stored import made
from ...inputs.types import Floats
from ...nn import _modes
from . import checkpoint
from .checkpoint import State
from .data import Data, DataName, labelled_digits, named
from .methods import Sizes, arrays
from .recipes import RECIPES, MethodName, built, threads_for, threads_given
from .scores import accuracy, path_energy, scores

_LAST = 0.01  # of the learning rate, at the end of its cosine
_PICTURED = 8  # snapshots, the last among them
_SHOWN = {True: 64, False: 1000}  # samples of a snapshot, of images and in the plane
_GLANCED = 300  # samples that transport is computed between on the way
_JUDGED = 2000  # points for path energy


@dataclass(frozen=True, eq=False)
class Run:
    """What a run came to.

    Attributes
    ----------
    scores : dict
        Of :func:`~otgen.lab.training.scores.scores`, and ``seconds`` of this call, ``steps``, and with an encoder ``accuracy`` and
        ``accuracy_real`` of training digits, reconstructed or not; with a flow ``path_energy``.
    history : list of dict
        The lines of the metrics file.
    snapshots : dict
        Samples (n, dim) by step.
    data : Data
        What it was trained on.
    folder : Path or None
        Where all of this is written.
    threads : int
        How many of torch's threads it was trained on.
    """

    scores: dict[str, float]
    history: list[dict[str, float]]
    snapshots: dict[int, Floats]
    data: Data
    folder: Path | None
    threads: int


@_modes.training()
def train(
    method: MethodName,
    data: DataName = "ring",
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    threads: int | None = None,
    tell: Callable[[int, int, dict[str, float]], None] = lambda step, steps, measured: None,
) -> Run:
    """Train a small generator by one objective, and judge its samples.

    Parameters
    ----------
    method : str
        ``gan``, ``ns-gan``, ``wgan``, ``wgan-gp``, ``sinkhorn``, ``sliced``, ``vae``, ``avb``, ``aae``, ``wae``, ``vqvae``,
        ``cfm``, ``ot-cfm``, ``sd-cfm``.
    data : str
        ``ring``, ``grid``, ``swiss-roll``, ``eight-gaussians``, ``digits``.
    steps, batch_size, learning_rate : optional
        The method's own unless given; the rate falls along a cosine to a hundredth.
    seed : int
        Everything random is a function of it.
    folder : path, optional
        Gets ``metrics.jsonl``, ``checkpoint.safetensors`` and ``scores.json``; nothing is written otherwise.
    resume : bool
        Go on from the folder's checkpoint: the result is that of a run that never stopped, bit by bit.
    threads : int, optional
        Of torch, on which the last bits of a run depend. Left out, a run that goes on takes those that it began with, and a new one
        two, where torch has as many, or one for autoencoders of digits.
    tell : callable
        Told step, steps and what was measured, at every step.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput
        For names that are none, pairs that make no sense, a folder that holds a run already, and a checkpoint of other options.
    NotConverged
        If a loss stops being a number.

    Examples
    --------
    >>> run = train("sliced", "ring", steps=20)
    >>> sorted(run.scores)[:2]
    ['high_quality', 'modes']
    """
    steps = RECIPES[_known_method(method)].steps if steps is None else scalars.count(steps, "steps")
    batch = RECIPES[method].batch if batch_size is None else scalars.count(batch_size, "batch_size", least=2)
    rate = None if learning_rate is None else scalars.positive(learning_rate, "learning_rate", "1e-3 is usual")
    seed = scalars.count(seed, "seed", least=0)
    given: dict[str, Any] = dict(method=method, data=data, steps=steps, batch_size=batch, learning_rate=rate, seed=seed)
    given |= {"threads": None if threads is None else threads_given(threads)}
    source, state = _fresh(method, data, seed, rate)
    place = _prepared(folder, resume)
    stops = sorted({max(1, round(steps * k / _PICTURED)) for k in range(1, _PICTURED + 1)})
    if place and resume:
        given |= {"threads": checkpoint.load(place, state, given, stops)}
    elif threads is None:
        given |= {"threads": threads_for(method, data, torch.get_num_threads())}
    began = time.perf_counter()

    def real(n: int) -> Tensor:
        return torch.tensor(source.draw(n, state.draws) / source.scale, dtype=torch.float32)

    with _on_threads(given["threads"]):
        while state.step < steps:
            _set_rates(state, state.step / steps)
            measured = _advanced(state, real, batch)
            tell(state.step, steps, measured)
            if state.step in stops:
                state.history.append({"step": float(state.step), **measured, **_score_state(source, state, seed)})
                if place:
                    _write(place, state, given)
        found = _final(source, state, seed)
    found |= dict(seconds=time.perf_counter() - began, steps=float(steps))
    if place:
        _write_history(place, state)  # which a run that was stopped just after its last checkpoint has not done
        write_atomically(place / "scores.json", lambda path: Path(path).write_text(json.dumps(found, indent=1) + "\n"))
    pictures = {step: arrays(samples) for step, samples in sorted(state.snapshots.items())}
    return Run(found, state.history, pictures, source, place, given["threads"])


@contextlib.contextmanager
def _on_threads(count: int) -> Generator[None]:
    """Within this torch has so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _known_method(method: str) -> str:
    return scalars.one_of(method, "method", tuple(RECIPES))


def _fresh(method: str, data: str, seed: int, rate: float | None) -> tuple[Data, State]:
    source = named(data)
    noise = torch.Generator().manual_seed(seed + 1)

    def data_set() -> Tensor:
        whole = source.data_set(np.random.default_rng([seed, 5])) / source.scale
        return torch.tensor(whole, dtype=torch.float32)

    with _modes.seeded(seed):
        networks = built(method, Sizes(source.dim, source.name == "digits", rate, noise, data_set))
    for optimiser in networks.optimisers.values():
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return source, State(networks, noise, np.random.default_rng([seed, 2]))


def _prepared(folder: str | Path | None, resume: bool) -> Path | None:
    if folder is None:
        if resume:
            raise InvalidInput("resume must stand beside the folder of a run; received it without; say which folder")
        return None
    if not isinstance(folder, str | Path) or "\0" in str(folder):
        raise InvalidInput(
            f"folder must be the name of a folder; received {scalars.told(folder)}; pass a string or a Path"
        )
    place = Path(folder)
    there = (place / checkpoint.NAME).exists()
    if resume and not there:
        raise InvalidInput(
            f"{place} must hold a checkpoint to go on from; received a folder without; leave out resume to start"
        )
    if there and not resume:
        raise InvalidInput(
            f"{place} must not hold a run already; received a folder that does; resume it, or choose another folder"
        )
    if place.exists() and not place.is_dir():
        raise InvalidInput(f"{place} must be a folder; received a file; choose another name")
    made(place, "folder")
    return place


def _advanced(state: State, real: Callable[[int], Tensor], batch: int) -> dict[str, float]:
    """One step, and what it measured; raises NotConverged where that is no number."""
    try:
        measured = state.method.advance(real, batch)
    except InvalidInput as fault:  # what a loss says of samples that are no numbers
        raise NotConverged(f"training broke down at step {state.step + 1}: {fault}; lower the learning rate") from fault
    state.step += 1
    if not all(map(math.isfinite, measured.values())):
        raise NotConverged(f"a loss is no number at step {state.step}: {measured}; lower the learning rate")
    return measured


def _set_rates(state: State, share: float) -> None:
    factor = _LAST + (1 - _LAST) * 0.5 * (1 + math.cos(math.pi * share))
    for optimiser in state.method.optimisers.values():
        for group in optimiser.param_groups:
            group["lr"] = factor * group["initial_lr"]


def _sampler(source: Data, state: State, seed: int) -> Callable[[int], Floats]:
    """Samples that are the same whenever they are asked for at a step, and do not touch the run's own noise."""

    def sample(n: int) -> Floats:
        with torch.no_grad():
            return source.scale * arrays(state.method.sample(n, torch.Generator().manual_seed(seed + 3)))

    return sample


def _score_state(source: Data, state: State, seed: int) -> dict[str, float]:
    sample = _sampler(source, state, seed)
    state.snapshots[state.step] = torch.tensor(sample(_SHOWN[source.name == "digits"]), dtype=torch.float32)
    return scores(source, sample, np.random.default_rng([seed, 4]), _GLANCED)


def _final(source: Data, state: State, seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, 4])
    found = scores(source, _sampler(source, state, seed), rng)
    with torch.no_grad():
        if source.name == "digits" and state.method.reconstruct:
            images, targets = labelled_digits()
            rebuilt = state.method.reconstruct(torch.tensor(images[500:], dtype=torch.float32))
            found |= dict(
                accuracy=accuracy(arrays(rebuilt), targets[500:]), accuracy_real=accuracy(images[500:], targets[500:])
            )
        flow = state.method.velocity
        if flow is not None:
            noise = rng.standard_normal((_JUDGED, source.dim))
            w2 = wasserstein(noise, source.held_out(_JUDGED, rng) / source.scale).value

            def velocity(x: Floats, t: float) -> Floats:
                return arrays(flow(torch.tensor(x, dtype=torch.float32), t))

            found["path_energy"] = path_energy(velocity, noise, w2 * w2)
    return found


def _write(place: Path, state: State, given: dict[str, Any]) -> None:
    """What a run goes on from comes first, so that nothing else is ever left of a run that cannot."""
    checkpoint.save(place, state, given)
    _write_history(place, state)


def _write_history(place: Path, state: State) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in state.history)
    write_atomically(place / "metrics.jsonl", lambda path: Path(path).write_text(lines, encoding="utf-8"))
