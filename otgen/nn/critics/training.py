"""The steps that fit a critic: how fast, how many, and what is seen on the way."""

from __future__ import annotations

import collections.abc
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import Module

from ...distances.telling import told
from ...errors import InvalidInput
from ...inputs.types import Floats
from .._modes import seeded
from .kinds import Critic
from .networks import InUnits

Sampler = Callable[[int], Tensor]
MOST = 3000  # steps that are taken if the gain never stops
_EVERY = 100  # steps between two entries of the history, and between two looks at the watched gain
_TOLD = 20  # steps between two words of progress
_PATIENCE = 3  # looks without a better gain, after which it has stopped
_BETTER = 0.01  # relative: less is no better
_COOLING = 0.3  # of the steps taken so far: how many more there are once the gain has stopped


@dataclass(frozen=True)
class Course:
    """How long to train: so many steps of such batches, no longer than ``limit`` seconds.

    ``watched`` are samples (k, d) and (l, d), neither trained on nor used for the estimate: training ends early when the gain on them
    has stopped.
    """

    steps: int
    batch_size: int
    limit: float = math.inf
    watched: tuple[Tensor, Tensor] | None = None
    progress: bool = True


@dataclass(eq=False)
class _Pace:
    """The share of the learning rate at every step: it falls along a cosine, sooner once the gain has stopped."""

    course: Course
    began: float = field(default_factory=time.perf_counter)
    best: float | None = None
    looks: int = 0  # since it was the best
    stopped: tuple[int, float] | None = None  # the step at which the gain stopped, and the share then

    def share(self, step: int) -> float:
        """At most 1; 0 once all is done."""
        spent = max(step / self.course.steps, (time.perf_counter() - self.began) / max(self.course.limit, 1e-9))
        share = _cosine(spent)
        if self.stopped is None:
            return share
        since, then = self.stopped
        return min(share, then * _cosine((step - since) / max(_EVERY, _COOLING * since)))

    def see(self, step: int, gain: float) -> None:
        """Take note of the watched gain."""
        if self.best is None or gain > self.best + _BETTER * abs(self.best):
            self.best, self.looks = gain, 0
            return
        self.looks += 1
        if self.stopped is None and self.looks >= _PATIENCE:
            self.stopped = step, self.share(step)


def _cosine(spent: float) -> float:
    return (1 + math.cos(math.pi * spent)) / 2 if spent < 1 else 0.0


def train(
    network: InUnits, critic: Critic, draw_x: Sampler, draw_y: Sampler, generator: Generator, course: Course
) -> dict[str, Floats]:
    """Take the steps; what happened on the way. Differences count in units of the points' distance from their middle."""
    optimiser = critic.optimiser(network.network)
    rates = [group["lr"] for group in optimiser.param_groups]
    away = float(network.unit) * math.sqrt(len(network.centre))
    pace, rows, last = _Pace(course), list[tuple[float, float, float]](), None
    with _without_denormals(), told(course.progress) as tell:
        for step in range(course.steps):
            share = pace.share(step)
            if share <= 0:
                break
            for group, rate in zip(optimiser.param_groups, rates):
                group["lr"] = rate * share
            x, y = draw_x(course.batch_size), draw_y(course.batch_size)
            difference, penalty = _objective(network, critic, x, y, generator)
            gain = difference / away
            optimiser.zero_grad()
            (-gain if penalty is None else penalty - gain).backward()
            optimiser.step()
            critic.after_step(network.network)
            last = (float(step), difference.item(), 0.0 if penalty is None else penalty.item())
            if step % _EVERY == 0:
                rows.append(last)
                if course.watched is not None:
                    pace.see(step, _watched_gain(network, critic, course.watched, away))
            if step % _TOLD == 0:
                tell(f"critic: step {step} of at most {course.steps}, difference of means {last[1]:.4g}")
    if last is not None and rows[-1] != last:
        rows.append(last)
    table = np.array(rows, np.float64).reshape(-1, 3)
    return {name: table[:, k] for k, name in enumerate(("step", "difference", "penalty"))}


def fresh(critic: Critic, x: Tensor, y: Tensor, generator: Generator) -> InUnits:
    """A fresh network that sees points around their middle, in units of their spread a coordinate."""
    both = torch.cat([x, y]).double()
    centre = both.mean(dim=0)
    unit = float((both - centre).square().mean().sqrt()) or 1.0
    if not 1e-30 < unit < 1e30:
        raise InvalidInput(f"samples must be finite with a spread in [1e-30, 1e30]; received {unit:.3g}; rescale them")
    with seeded(int(torch.randint(2**62, (1,), generator=generator, device="cpu"))), torch.device("cpu"):
        own = critic.network(y.shape[1], ((y.double() - centre) / unit).float())
    return InUnits(own, centre, unit).to(x.device)


def values(network: Module, points: Tensor) -> Floats:
    """Of a critic at points (n, d), block by block: (n,)."""
    with torch.no_grad():
        parts = [network(part) for part in points.split(4096)]
    return torch.cat(parts).double().cpu().numpy()


def _objective(
    network: InUnits, critic: Critic, x: Tensor, y: Tensor, generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """The difference of means, and the penalty if there is one."""
    values = network(torch.cat([x, y]))
    return values[: len(x)].mean() - values[len(x) :].mean(), critic.penalty(network, x, y, generator)


def _watched_gain(network: InUnits, critic: Critic, watched: tuple[Tensor, Tensor], away: float) -> float:
    """What training maximises, on samples that are not trained on, always at the same points between them."""
    size = min(map(len, watched))
    network.eval()
    with torch.no_grad():
        x, y = (z[:size] for z in watched)
        difference, penalty = _objective(network, critic, x, y, Generator().manual_seed(0))
    network.train()
    return difference.item() / away - (0.0 if penalty is None else penalty.item())


@contextlib.contextmanager
def _without_denormals() -> collections.abc.Generator[None]:
    """Where a gradient is 0 for long, Adam's averages fade into denormal numbers, a hundred times slower to compute with."""
    flushed = bool((torch.tensor(1e-40, dtype=torch.float32, device="cpu") * 1.0) == 0)
    try:
        torch.set_flush_denormal(True)
        yield
    finally:
        torch.set_flush_denormal(flushed)
