"""``otgen train`` over methods, data and seeds: what the runs of docs/benchmarks came to.

    python benchmarks/training.py --seeds 3 --jobs 2 --out training.jsonl

One thread a run. A run that the file already holds is not run again, so that a stopped table goes on where it was.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from otgen.lab.training import train

PLANE = ("gan", "ns-gan", "wgan", "wgan-gp", "sinkhorn", "sliced")
IMAGES = ("wgan", "vae", "avb", "aae", "wae", "vqvae")
FLOWS = ("cfm", "ot-cfm", "sd-cfm")
ROWS = {
    "plane": [(method, data, None) for data in ("ring", "grid") for method in PLANE],
    "flow": [(method, data, None) for data in ("eight-gaussians", "digits") for method in FLOWS],
    "digits": [(method, "digits", None) for method in IMAGES],
    "long": [("sinkhorn", "grid", 32_000)],
}
SHOWN = {
    "plane": ("modes", "high_quality", "reverse_kl", "w2", "w2_real"),
    "flow": ("path_energy", "w2", "w2_real"),
    "digits": ("accuracy", "label_entropy", "confidence", "w2", "w2_real"),
    "long": ("modes", "high_quality", "reverse_kl", "w2", "w2_real"),
}


def one(cell):
    method, data, steps, seed = cell
    torch.set_num_threads(1)
    return dict(method=method, data=data, asked=steps, seed=seed, **train(method, data, steps=steps, seed=seed).scores)


def key(row):
    return row["method"], row["data"], row["asked"], row["seed"]


def held(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def summary(rows):
    for group, cells in ROWS.items():
        table = Table(title=group, box=None, header_style="bold")
        for name in ("method", "data", "seeds", *SHOWN[group], "steps", "seconds"):
            table.add_column(name.replace("_", " "), justify="left" if name in ("method", "data") else "right")
        for method, data, steps in cells:
            own = [row for row in rows if key(row)[:3] == (method, data, steps)]
            if own:
                figures = ([row[name] for row in own if name in row] for name in (*SHOWN[group], "steps", "seconds"))
                table.add_row(method, data, str(len(own)), *(spread(values) for values in figures))
        yield table


def spread(values):
    if not values:
        return ""
    return (
        f"{np.mean(values):.4g}"
        if np.ptp(values) == 0
        else f"{np.mean(values):.4g} ({min(values):.3g}-{max(values):.3g})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--methods", nargs="+", choices=sorted({*PLANE, *IMAGES, *FLOWS}), help="only these")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, default=Path("training.jsonl"))
    given = parser.parse_args()
    rows = held(given.out)
    done = {key(row) for row in rows}
    cells = [(*cell, seed) for seed in range(given.seeds) for group in given.groups for cell in ROWS[group]]
    cells = [cell for cell in cells if given.methods is None or cell[0] in given.methods]
    with ProcessPoolExecutor(given.jobs) as pool, given.out.open("a") as file:
        for finished in as_completed([pool.submit(one, cell) for cell in cells if cell not in done]):
            rows.append(finished.result())
            file.write(json.dumps(rows[-1]) + "\n")
            file.flush()
    for table in summary(rows):
        Console(width=160).print(table)


if __name__ == "__main__":
    main()
