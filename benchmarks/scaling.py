"""What all pairs of a collection take on one process, on two, and, by a model that these are held against, on 64 hosts.

    python benchmarks/scaling.py            # some minutes; nothing else should run meanwhile
    python benchmarks/scaling.py --smoke    # seconds: whether it works

The model, in seconds, of P workers that one process hands tiles to:

    T(P) = work / P + tiles * (overhead + bytes / bandwidth) + (1 - 1 / P) * longest tile

``work`` is what one process takes without any shipping, ``bytes`` what is sent for a tile and comes back. Shipping is counted as if it never ran
beside the work, and the tail as if the longest tile came last (Graham's bound of list scheduling), so that T(P) is a bound from above for
workers as quick as those measured. Its terms are measured apart from what it is held against: shipping by tasks that carry the same bytes and do nothing. Kernels
run on one thread. The tables are reStructuredText, for docs/benchmarks.rst.
"""

from __future__ import annotations

import argparse
import math
import os
import pickle
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np

import otgen
from otgen.distances.chosen import chosen
from otgen.distances.pairs.collection import Collection, Facts, collected
from otgen.distances.pairs.measuring import Task
from otgen.distances.pairs.tiles import Tile, tile_work, tiles

NETWORK = 1.25e9  # bytes a second: 10 Gbit
TASK = 1e-3  # seconds that Dask's scheduler takes for a task, as its manual has it
HOSTS = (1, 4, 16, 64)


@dataclass(frozen=True)
class Model:
    """The terms of T(P): seconds, but ``tiles``, a number, ``bytes`` of a tile both ways, and ``bandwidth``, bytes a second."""

    work: float
    tiles: int
    overhead: float
    bytes: float
    bandwidth: float
    longest: float

    @property
    def shipping(self) -> float:
        """Seconds for all tiles."""
        return self.tiles * (self.overhead + self.bytes / self.bandwidth)

    def seconds(self, workers: int) -> float:
        """T(P) with P >= 2; one process ships nothing."""
        if workers == 1:
            return self.work
        return self.work / workers + self.shipping + (1 - 1 / workers) * self.longest


def clouds(count: int, size: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(size, 2)) + rng.normal(size=2) for _ in range(count)]


def tasks(whole: Collection) -> list[Task]:
    """As `otgen.pairwise` sends them."""
    distance = chosen("wasserstein", {})
    blocks = [(tile, whole.block(*tile.rows), whole.block(*tile.columns)) for tile in tiles(whole, None, distance.name)]
    return [Task(tile, distance, rows, columns, ("sets", "sets"), False, True) for tile, rows, columns in blocks]


def shipped(some: Sequence[Task]) -> float:
    """Bytes of a tile in the mean: the task as it is sent, and the numbers that come back."""
    back = [len(pickle.dumps((task.tile, np.zeros((1, *task.tile.shape))))) for task in some]
    return statistics.fmean(len(pickle.dumps(task)) + more for task, more in zip(some, back, strict=True))


def nothing(load: Any) -> None:
    """What a task that carries a load takes beside it."""


def shipping(load: float, count: int, repeats: int) -> tuple[float, float]:
    """Seconds a task that carries nothing, and bytes a second of loads this large or larger, to two processes."""
    loads = b"", os.urandom(max(int(load), 2**22))
    found = []
    for one in loads:
        taken = []
        for _ in range(repeats):
            with joblib.Parallel(n_jobs=2, batch_size=1, return_as="generator_unordered") as pool:
                began = time.perf_counter()
                for _ in pool(joblib.delayed(nothing)(one + bytes([k % 256])) for k in range(count)):
                    pass
                taken.append((time.perf_counter() - began) / count)
        found.append(statistics.median(taken))
    return found[0], len(loads[1]) / max(found[1] - found[0], 1e-9)


def measured(sets: list[np.ndarray], repeats: int) -> dict[int, list[float]]:
    """Seconds of one process and of two, in turn, kernels loaded; the same bits."""
    out: dict[int, list[float]] = {1: [], 2: []}
    with joblib.parallel_config(backend="loky"):
        truth = otgen.pairwise(sets[:4], n_jobs=1)
        joblib.Parallel(n_jobs=2)(joblib.delayed(otgen.pairwise)(sets[:4], n_jobs=1) for _ in range(4))
        for _ in range(repeats):
            for jobs, seconds in out.items():
                began = time.perf_counter()
                found = otgen.pairwise(sets, n_jobs=jobs)
                seconds.append(time.perf_counter() - began)
                assert (found[:4, :4] == truth).all()
    return out


def longest(some: Sequence[Task]) -> float:
    """Seconds of the tile that is to take longest."""
    sides = [(task, sum(len(one.points) for one in task.rows.read())) for task in some]
    task = max(sides, key=lambda side: (len(side[0].tile), side[1]))[0]
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def larger(model: Model, count: int, size: int, pair: float) -> tuple[Model, int]:
    """The model of a collection of more sets of the same size, cut as `otgen.pairwise` would, over a network; and its pairs.

    The bandwidth is the lesser of the network's and that at which a process was seen to hand out bytes; the overhead likewise the greater one.
    """
    facts = [Facts(size, 2, "", None, None)] * count
    whole = Collection(None, facts, None)  # pyright: ignore[reportArgumentType]  # tiles look at facts alone
    cut = tiles(whole, None, "wasserstein")
    pairs = count * (count - 1) // 2
    share = max(tile_work(tile, whole, whole, "wasserstein") for tile in cut) / sum(
        tile_work(tile, whole, whole, "wasserstein") for tile in cut
    )
    sides = statistics.fmean(_sets(tile) for tile in cut)
    bytes_ = sides * 16 * size + 8 * 2 * pairs / len(cut)
    work = pairs * pair
    network = replace(model, work=work, tiles=len(cut), bytes=bytes_, longest=share * work)
    return replace(network, bandwidth=min(NETWORK, model.bandwidth), overhead=max(TASK, model.overhead)), pairs


def _sets(tile: Tile) -> int:
    return tile.shape[0] if tile.diagonal else sum(tile.shape)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in reStructuredText."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = " ".join("=" * width for width in widths)
    lines = [
        " ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def report(model: Model, seconds: dict[int, list[float]], pairs: int, size: int, count: int, cores: int) -> str:
    """What was measured, beside the model, and the model of a larger collection on many hosts."""
    terms = [
        ["work, one process", f"{model.work:.3g} s"],
        ["a pair", f"{1e3 * model.work / pairs:.3g} ms"],
        ["tiles", f"{model.tiles}"],
        ["the longest tile", f"{model.longest:.3g} s"],
        ["shipped a tile, both ways", f"{model.bytes / 1e3:.4g} kB"],
        ["overhead a tile", f"{1e3 * model.overhead:.3g} ms"],
        ["bandwidth between processes", f"{model.bandwidth / 1e9:.3g} GB/s"],
    ]
    held = []
    for jobs, times in seconds.items():
        middle, told = statistics.median(times), model.seconds(jobs)
        spread = f"{middle:.3g} [{min(times):.3g}, {max(times):.3g}]"
        held.append([str(jobs), spread, f"{told:.3g}", f"{middle / told:.2f}", f"{model.work / middle:.2f}"])
    far, many = larger(model, count, size, model.work / pairs)
    hosts = [
        [str(n), str(n * cores), f"{far.work / (n * cores):.4g}", f"{far.shipping:.3g}", f"{far.seconds(n * cores):.4g}", f"{far.work / far.seconds(n * cores) / (n * cores):.2f}"]
        for n in HOSTS
    ]  # fmt: skip
    fed = math.floor(far.work / far.shipping)
    return "\n\n".join(
        [
            f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} hardware threads; {pairs} pairs of {size} points in the plane:",
            table(["term", "measured"], terms),
            table(["processes", "measured, s", "model, s", "ratio", "speed-up"], held),
            f"The model of {count} such sets, {many} pairs in {far.tiles} tiles of {far.bytes / 1e3:.4g} kB, on hosts of {cores} cores, one worker a core, "
            f"{far.bandwidth / NETWORK * 10:.3g} Gbit/s out of the calling one and {1e3 * far.overhead:.3g} ms a tile (not measured):",
            table(["hosts", "workers", "work / P, s", "shipping, s", "T(P), s", "efficiency"], hosts),
            f"Shipping takes as long as the work with {fed} workers.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=120)
    parser.add_argument("--points", type=int, default=500, help="of each set")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--many", type=int, default=2000, help="sets of the collection that the model of many hosts is of"
    )
    parser.add_argument("--cores", type=int, default=16, help="of each host")
    parser.add_argument("--smoke", action="store_true", help="few small sets, once")
    given = parser.parse_args()
    os.environ["OTGEN_NUM_THREADS"] = "1"
    if given.smoke:
        given.sets, given.points, given.repeats = 12, 700, 1
    sets = clouds(given.sets, given.points)
    some = tasks(collected(sets))
    seconds = measured(sets, given.repeats)
    load = shipped(some)
    overhead, bandwidth = shipping(load, 20 if given.smoke else 200, given.repeats)
    model = Model(statistics.median(seconds[1]), len(some), overhead, load, bandwidth, longest(some))
    pairs = given.sets * (given.sets - 1) // 2
    print(report(model, seconds, pairs, given.points, given.many, given.cores))


if __name__ == "__main__":
    main()
