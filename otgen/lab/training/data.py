"""What generators are trained on: laws in the plane with known modes, and digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ...errors import require
from ...inputs import scalars
from ...inputs.types import Floats

_HELD_OUT = 500  # digits
_DRAWN = 4096  # training samples of a law, where somebody asks for a whole data set


@dataclass(frozen=True, eq=False)
class Data:
    """Samples to train on, others to judge by, and modes where there are any.

    Attributes
    ----------
    name : str
        Of the command line.
    dim : int
        Of a sample.
    draw : callable
        From a number and a generator to new training samples (n, dim).
    held_out : callable
        The same, of samples that no training sees.
    scale : float
        What samples are divided by for networks: about their spread.
    modes : ndarray or None
        (k, dim), and ``width``, the standard deviation around each.
    finite : ndarray or None
        All training samples, where there are finitely many.
    """

    name: str
    dim: int
    draw: Callable[[int, np.random.Generator], Floats]
    held_out: Callable[[int, np.random.Generator], Floats]
    scale: float
    modes: Floats | None = None
    width: float = 0.0
    finite: Floats | None = None

    def data_set(self, generator: np.random.Generator) -> Floats:
        """All training samples, (N, dim); of a law 4096 of them."""
        return self.draw(_DRAWN, generator) if self.finite is None else self.finite


def mixture(name: str, modes: Floats, width: float) -> Data:
    """Equally likely Gaussians of one width around modes (k, 2)."""

    def draw(n: int, generator: np.random.Generator) -> Floats:
        return modes[generator.integers(len(modes), size=n)] + width * generator.standard_normal((n, 2))

    return Data(name, 2, draw, draw, float(np.abs(modes).max()), modes, width)


def ring() -> Data:
    """Eight Gaussians on the unit circle, deviation .01 (the protocol of Lin et al., "PacGAN", 2018).

    Examples
    --------
    >>> ring().draw(3, np.random.default_rng(0)).shape
    (3, 2)
    """
    return mixture("ring", _circle(1.0), 0.01)


def eight_gaussians() -> Data:
    """Eight Gaussians at radius 5, variance .1, which flow matching is shown on (Tong et al., 2024)."""
    return mixture("eight-gaussians", _circle(5.0), math.sqrt(0.1))


def grid() -> Data:
    """25 Gaussians on a grid of step 2, deviation .05 (the same protocol)."""
    ticks = np.arange(-4.0, 5.0, 2.0)
    return mixture("grid", np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), 0.05)


def swiss_roll() -> Data:
    """A spiral of one and a half turns with deviation .05, of radius about 2."""

    def draw(n: int, generator: np.random.Generator) -> Floats:
        t = 1.5 * math.pi * (1 + 2 * generator.random(n))
        spiral = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / (2.25 * math.pi)
        return spiral + 0.05 * generator.standard_normal((n, 2))

    return Data("swiss-roll", 2, draw, draw, 2.0)


def digits() -> Data:
    """scikit-learn's 1797 digits, 8 x 8, grey levels 0 to 1; 500 of them are held out."""
    images, _ = labelled_digits()
    train, held_out = images[_HELD_OUT:], images[:_HELD_OUT]

    def draw(n: int, generator: np.random.Generator) -> Floats:
        return train[generator.integers(len(train), size=n)]

    def others(n: int, generator: np.random.Generator) -> Floats:
        return held_out[generator.choice(len(held_out), size=n, replace=n > len(held_out))]

    return Data("digits", 64, draw, others, 1.0, finite=train)


def labelled_digits() -> tuple[Floats, Any]:
    """All digits (1797, 64) in [0, 1] and their labels, shuffled once and for all; the first 500 are those held out."""
    found = require("sklearn.datasets").load_digits()
    order = np.random.default_rng(0).permutation(len(found.data))
    return found.data[order] / 16.0, found.target[order]


DataName = Literal["ring", "grid", "swiss-roll", "eight-gaussians", "digits"]
_KINDS: dict[str, Callable[[], Data]] = {
    "ring": ring,
    "grid": grid,
    "swiss-roll": swiss_roll,
    "eight-gaussians": eight_gaussians,
    "digits": digits,
}
NAMES = get_args(DataName)


def named(name: str) -> Data:
    """The data of a name; raises InvalidInput for one that is none."""
    return _KINDS[scalars.one_of(name, "data", NAMES)]()


def _circle(radius: float) -> Floats:
    angles = 2 * math.pi * np.arange(8) / 8
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
