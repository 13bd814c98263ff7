"""The main job on real data: scikit-learn's 1797 scans of handwritten digits, 8 x 8 pixels."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ...distances.exact import wasserstein
from ...distances.splits import SPLITS
from ...errors import require
from ...inputs.types import Floats
from ..files import Samples
from .clouds import coupled_images, sets_drawn
from .compare import Comparison, compare
from .figures import Figure, beside_chance
from .matrix import heat_map
from .page import origin, write_page


def digits() -> tuple[Floats, Any]:
    """The images (1797, 64), grey levels 0 to 16, and their labels."""
    data = require("sklearn.datasets").load_digits()
    return data.data, data.target


def blurred(images: Floats) -> Floats:
    """Each image (n, 64) averaged with its four neighbours, edges repeated."""
    square = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), mode="edge")
    moved = [square[:, 1 + i : 9 + i, 1 + j : 9 + j] for i, j in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
    return np.mean(moved, axis=0).reshape(-1, 64)


def noisy(images: Floats, rng: Any = 0) -> Floats:
    """Gaussian noise of standard deviation 3 on every pixel, kept within 0 to 16."""
    return np.clip(images + np.random.default_rng(rng).normal(0, 3, images.shape), 0, 16)


def mode_dropped(images: Floats) -> Floats:
    """Only the half on one side of the main direction, twice: what a generator that lost modes would return."""
    _, _, directions = np.linalg.svd(images - images.mean(axis=0), full_matrices=False)
    kept = images[np.argsort(images @ directions[0], kind="stable")[: len(images) // 2]]
    return np.vstack([kept, kept])


def demo(
    path: str | os.PathLike[str], tell: Callable[[str], None] = lambda _: None, *, count: int = SPLITS
) -> tuple[Path | None, list[Comparison]]:
    """Compare digits, draw what the plans do, and write the page.

    Parameters
    ----------
    path : path
        Where the page goes; ``-`` is the standard output.
    tell : callable
        Told what is being worked on.
    count : int
        How many random splits stand beside each distance.

    Returns
    -------
    page : Path or None
        The page; None on the standard output.
    comparisons : list of Comparison
        Its table.
    """
    images, labels = digits()
    threes, eights = images[labels == 3], images[labels == 8]
    half = len(threes) // 2
    first, second = threes[:half], threes[half:]
    comparisons: list[Comparison] = []
    for name, other in _others(second, eights).items():
        tell(f"3s against {name}")
        comparisons.append(compare(name, first, other, count=count))
    tell("all ten classes against each other")
    table = class_table([images[labels == k] for k in range(10)])
    figures = _figures(comparisons, table, first, eights)
    lead = (
        f"{len(first)} real images of the digit 3, each time against another set: other 3s, corrupted 3s and 8s (scikit-learn's digits, 8 x 8 pixels, "
        f"64 dimensions). The order is what the distances say, not what we would like."
    )
    return write_page(path, "Real digits, compared", lead, comparisons, figures, _provenance(len(images))), comparisons


def _others(threes: Floats, eights: Floats) -> dict[str, Floats]:
    """What 3s are compared with: other 3s, the same spoilt in three ways, and 8s."""
    return {
        "other 3s": threes,
        "blurred 3s": blurred(threes),
        "noisy 3s": noisy(threes),
        "3s with modes dropped": mode_dropped(threes),
        "8s": eights,
    }


def _figures(comparisons: list[Comparison], table: Floats, threes: Floats, eights: Floats) -> list[Figure]:
    beside = [(one.name, one.headline.result.value, one.headline.chance) for one in comparisons]
    plan, bar = comparisons[-1].result("W₂").plan, "W₂, in grey levels"
    return [
        beside_chance([(name, value, chance.values) for name, value, chance in beside if chance], "W₂", "grey levels"),
        heat_map(
            list("0123456789"), table, "All ten digits against each other", "W₂ between the classes.", bar, "{:.0f}"
        ),
        coupled_images(threes, eights, plan, (8, 8)),
        *sets_drawn(Samples("3s", threes), Samples("8s", eights), plan, "W₂"),
    ]


def _provenance(count: int) -> list[tuple[str, str]]:
    data = f"{count} images of scikit-learn {version('scikit-learn')}: sklearn.datasets.load_digits"
    return [("data", data), *origin("otgen demo", 0)]


def class_table(classes: list[Floats]) -> Floats:
    """W_2 between every two of k classes: (k, k)."""
    out = np.zeros((len(classes), len(classes)))
    for i, one in enumerate(classes):
        for j in range(i):
            out[i, j] = out[j, i] = wasserstein(one, classes[j]).value
    return out
