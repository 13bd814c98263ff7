"""How often confidence intervals hold the truth: laws whose distance is known, many samples of each.

Run from the root: ``python -m benchmarks.held``, or with a part of the names as an argument. The table of docs/samples-and-laws.rst comes from it.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import otgen

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """Two laws, their distance, and how many samples of how many points are drawn."""

    name: str
    draw: Draw
    truth: float
    options: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[int, ...] = (100, 400)
    samples: int = 400


def normals(d: int, shift: float = 0.0, scale: float = 1.0) -> Draw:
    """A standard normal law in d dimensions, and one that is scaled and shifted along the first axis."""
    along = shift * np.eye(d)[0]
    return lambda rng, n: (rng.normal(size=(n, d)), scale * rng.normal(size=(n, d)) + along)


def uniforms(d: int, shift: float = 0.0, scale: float = 1.0) -> Draw:
    """A uniform law on a cube around 0, and one that is scaled and shifted along the first axis."""
    along = shift * np.eye(d)[0]
    return lambda rng, n: (rng.random((n, d)) - 0.5, scale * (rng.random((n, d)) - 0.5) + along)


def exponentials(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """An exponential law, and one twice as wide."""
    return rng.exponential(size=(n, 1)), 2 * rng.exponential(size=(n, 1))


SLICED: dict[str, Any] = {"distance": "sliced_wasserstein", "n_projections": 50}
FEW: dict[str, Any] = {"sizes": (100,), "samples": 200}
CASES = (
    Case("line: normal, shifted by 1, p = 2", normals(1, 1.0), 1.0),
    Case("line: normal, shifted by 0.3, p = 1", normals(1, 0.3), 0.3, {"p": 1}),
    Case("line: normal, shifted by 0.3, p = 2", normals(1, 0.3), 0.3),
    Case("line: exponential, twice as wide, p = 1", exponentials, 1.0, {"p": 1}),
    Case("line: exponential, twice as wide, p = 2", exponentials, 2**0.5),
    Case("line: uniform, twice as wide, p = 2", uniforms(1, 0.0, 2.0), 12**-0.5),
    Case("plane: uniform, shifted by 1", uniforms(2, 1.0), 1.0, sizes=(100,)),
    Case("plane: uniform, shifted by 0.3", uniforms(2, 0.3), 0.3, sizes=(100,)),
    Case("plane: normal, shifted by 1", normals(2, 1.0), 1.0, sizes=(100,)),
    Case("plane: normal, twice as wide", normals(2, 0.0, 2.0), 2**0.5, sizes=(100,)),
    Case("space: uniform, shifted by 0.3", uniforms(3, 0.3), 0.3, sizes=(100,)),
    Case("space: normal, shifted by 1", normals(3, 1.0), 1.0, sizes=(100,)),
    Case("sliced, d = 2: normal, shifted by 1", normals(2, 1.0), 2**-0.5, SLICED, **FEW),
    Case("sliced, d = 10: normal, shifted by 1", normals(10, 1.0), 10**-0.5, SLICED, **FEW),
    Case("sliced, d = 10: normal, shifted by 3", normals(10, 3.0), 3 * 10**-0.5, SLICED, **FEW),
    Case("sliced, d = 10: normal, twice as wide", normals(10, 0.0, 2.0), 1.0, SLICED, **FEW),
)


def row(case: Case, n: int) -> str:
    """How many intervals of 95 % hold the truth, of those that are claimed; on which side the others lie, and how wide they are."""
    began = time.process_time()
    found = []
    for k in range(case.samples):
        rng = np.random.default_rng([18, n, k])
        found.append(otgen.confidence_interval(*case.draw(rng, n), rng=rng, **case.options))
    claimed = [one for one in found if one.claimed]
    above, below = (sum(one.lower > case.truth for one in claimed), sum(one.upper < case.truth for one in claimed))
    held = len(claimed) - above - below
    width = np.mean([one.upper - one.lower for one in claimed])
    spread = np.std([one.observed for one in found])
    return (
        f"{case.name:42}  n = {n:3}  claimed {len(claimed):3} of {case.samples}  held {100 * held / len(claimed):5.1f} %  "
        f"above {above:2}  below {below:2}  width {width / spread:4.1f} standard deviations  {time.process_time() - began:4.0f} s"
    )


if __name__ == "__main__":
    for wanted in CASES:
        if not sys.argv[1:] or sys.argv[1] in wanted.name:
            for size in wanted.sizes:
                print(row(wanted, size), flush=True)
