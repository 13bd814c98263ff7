"""``otgen train``: the objectives of lecture notes, trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import require
from ..interrupt import leave
from ..json_text import json_text
from .app import Json, Quiet, Seed, app, at_least_one, columns_table, err, refreshed, say, wide

_WRITTEN = ("metrics.jsonl", "scores.json", "samples.png")


@app.command(short_help="Train a generator by one of many objectives.")
def train(
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD",
            help="gan, ns-gan, wgan, wgan-gp, sinkhorn, sliced, vae, avb, aae, wae, vqvae, cfm, ot-cfm or sd-cfm.",
        ),
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder of the run: checkpoint, metrics, scores, pictures.")],
    data: Annotated[str, typer.Option(help="ring, grid, swiss-roll, eight-gaussians or digits.")] = "ring",
    steps: Annotated[
        int | None, typer.Option(callback=at_least_one, help="Steps of the generator; the method's own unless given.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(callback=at_least_one, help="Samples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="At the start; it falls along a cosine.")] = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            callback=at_least_one,
            help="Of torch, on which the last bits depend; two at most unless told, one for autoencoders of digits.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a generator by an objective of lecture notes; judge it, and draw its samples over time."""
    require("otgen.app.outputs").folder_place(folder, () if resume else _WRITTEN)
    training, pictures = require("otgen.lab.training"), require("otgen.app.report.training")
    for module in ("matplotlib", "safetensors"):
        require(module)
    bars = require("rich.progress")
    shown = *bars.Progress.get_default_columns(), bars.TextColumn("{task.fields[measured]}")
    bar = bars.Progress(*shown, console=err(), disable=as_json or quiet or not sys.stderr.isatty(), auto_refresh=False)
    task = bar.add_task(f"{method} on {data}", total=None, measured="")

    def tell(step: int, total: int, measured: dict[str, float]) -> None:
        bar.start()
        bar.update(task, completed=step, total=total)
        if step % 20 == 0:
            bar.update(task, measured=", ".join(f"{name} {value:.3g}" for name, value in measured.items()))

    try:
        with refreshed(bar):
            run = training.train(
                method, data, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, folder=folder,
                resume=resume, threads=threads, tell=tell,
            )  # fmt: skip
    except KeyboardInterrupt:
        bar.live.stop()
        leave(f"stopped; what was done up to the last checkpoint is in {folder}; go on with --resume")
    finally:
        bar.live.stop()  # the bar's own adds an empty line where there is no terminal
    drawn = pictures.draw_samples(run, folder / "samples.png")
    if as_json:
        say(json_text({"method": method, "data": data, "seed": seed, "threads": run.threads, **run.scores}))
        return
    table = columns_table()
    table.add_column("score")
    table.add_column("value", justify="right")
    for name, told in _told(run.scores).items():
        table.add_row(name.replace("_", " "), told)
    wide().print(table)
    on = f"{run.threads} thread{'s' * (run.threads != 1)}"
    say(f"\nThe run: {folder.resolve()}; samples over time: {drawn.name}; trained on {on} of torch")


def _told(scores: dict[str, float]) -> dict[str, str]:
    """Scores in words: W_2 with as many digits as its interval has, in one row with it."""
    told = {name: f"{value:.6g}" for name, value in scores.items() if name not in ("w2_lower", "w2_upper")}
    if "w2" in scores:
        interval = require("otgen.inputs.numerals").interval(scores["w2_lower"], scores["w2_upper"])
        at = list(told).index("w2") + 1
        whose = "w2 of these samples, proven within"
        told = dict([*list(told.items())[:at], (whose, interval), *list(told.items())[at:]])
    return told
