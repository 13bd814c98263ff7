"""Pictures of training runs: samples over time, and runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import require
from ...inputs.atomic import write_atomically
from ...inputs.types import Floats
from ...lab.training import Run


def draw_samples(run: Run, path: Path) -> Path:
    """Snapshots of a run in a row, real samples last, as a png."""
    real = run.data.held_out(64 if run.data.name == "digits" else 1000, np.random.default_rng(0))
    panels = {f"step {step}": samples for step, samples in run.snapshots.items()} | {"real": real}
    write_atomically(path, lambda name: _figure(run.data, panels).savefig(name, dpi=110, format="png"))
    return path


def side_by_side(runs: Mapping[str, Run]) -> Any:
    """Last samples of several runs on the same data, real samples first, as a matplotlib figure."""
    data = next(iter(runs.values())).data
    real = data.held_out(64 if data.name == "digits" else 1000, np.random.default_rng(0))
    return _figure(data, {"real": real} | {name: run.snapshots[max(run.snapshots)] for name, run in runs.items()})


def _figure(data: Any, panels: dict[str, Floats]) -> Any:
    columns = min(len(panels), 5)
    rows = -(-len(panels) // columns)
    figure = require("matplotlib.figure").Figure(figsize=(2.4 * columns, 2.6 * rows), layout="constrained")
    reach = 1.25 * float(np.abs(panels["real"]).max())
    for axes, (title, samples) in zip(figure.subplots(rows, columns, squeeze=False).flat, panels.items()):
        if data.name == "digits":
            axes.imshow(mosaic(samples), cmap="gray_r", vmin=0, vmax=1)
        else:
            axes.plot(*samples.T, ".", ms=1.5, alpha=0.6)
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set_title(title, fontsize=10)
    for axes in figure.axes:
        axes.set_xticks([])
        axes.set_yticks([])
    for axes in figure.axes[len(panels) :]:
        axes.remove()
    return figure


def mosaic(images: Floats) -> Floats:
    """Up to 64 images (n, 64) as one picture of eight by eight, with a line between."""
    shown = np.ones((64, 10, 10)) * 0.3
    shown[: len(images), 1:9, 1:9] = images[:64].reshape(-1, 8, 8)
    return shown.reshape(8, 8, 10, 10).swapaxes(1, 2).reshape(80, 80)
