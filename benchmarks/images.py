"""Images of the kinds that transport between images is measured on, after classes of DOTmark, by generators of our own.

The classes are those of Schrieber, Schuhmacher and Gottschlich, "DOTmark: a benchmark for discrete optimal transport", IEEE Access 5, 2017,
with parameters as remembered of them; its images are not among these, so that figures compare in kind and not to the digit. Fields are drawn
on a square of 512 x 512 and averaged down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FULL = 512  # pixels a side before averaging
Image = Any  # (side, side), non-negative


def matern(rng: np.random.Generator, smoothness: float, scale: float, variance: float = 1.0) -> Image:
    """A Gaussian random field with a Matern covariance, of lengths in sides of the image.

    By its spectral density ``(2 nu / l^2 + 4 pi^2 |k|^2) ** -(nu + 1)`` on a torus of twice the side, of which a quarter is kept: what is near on
    the torus is then not near in the image.
    """
    size = 2 * FULL
    frequencies = np.fft.fftfreq(size, 1 / FULL)
    squares = frequencies[:, None] ** 2 + frequencies**2
    density = (2 * smoothness / scale**2 + 4 * np.pi**2 * squares) ** -(smoothness + 1)
    noise = np.fft.fft2(rng.normal(size=(size, size)))
    field = np.fft.ifft2(noise * np.sqrt(density * size**2 / density.sum())).real
    return np.sqrt(variance) * field[:FULL, :FULL]


def lifted(field: Image) -> Image:
    """A field moved up until its least value is 0."""
    return field - field.min()


def cauchy(rng: np.random.Generator) -> Image:
    """The density of a bivariate Cauchy law, of random centre and ellipse."""
    u, v = np.mgrid[:FULL, :FULL] / FULL
    (x, y), turn, widths = rng.uniform(0.2, 0.8, 2), rng.uniform(0, np.pi), rng.uniform(0.03, 0.2, 2)
    s, t = np.cos(turn) * (u - x) + np.sin(turn) * (v - y), np.cos(turn) * (v - y) - np.sin(turn) * (u - x)
    return (1 + (s / widths[0]) ** 2 + (t / widths[1]) ** 2) ** -1.5


def shapes(rng: np.random.Generator, ground: float = 0.0, levels: tuple[float, ...] = (0.5, 1.0)) -> Image:
    """Discs, rectangles and rings, each of one grey level, on a ``ground`` of another: flat parts, and next to no mass between them."""
    u, v = np.mgrid[:FULL, :FULL] / FULL
    out = np.full((FULL, FULL), ground)
    for kind in rng.integers(0, 3, 4):
        (x, y), (r, s) = rng.uniform(0.2, 0.8, 2), rng.uniform(0.06, 0.2, 2)
        away = np.hypot(u - x, v - y)
        inside = [away < r, (np.abs(u - x) < r) & (np.abs(v - y) < s), (away < r) & (away > 0.6 * r)][kind]
        out[inside] = rng.choice(levels)
    return out


CLASSES: dict[str, Callable[[np.random.Generator], Image]] = {
    "rough": lambda rng: lifted(matern(rng, 0.25, 0.05)),
    "moderate": lambda rng: lifted(matern(rng, 1.0, 0.15)),
    "smooth": lambda rng: lifted(matern(rng, 2.5, 0.3)),
    "log": lambda rng: np.exp(matern(rng, 0.5, 0.4)),
    "logit": lambda rng: 1 / (1 + np.exp(-matern(rng, 4.5, 0.1, 4.0))),
    "cauchy": cauchy,
    "shapes": shapes,
    "shapes on grey": lambda rng: shapes(rng, 1e-6, (1.0,)),
}

WHITE_NOISE = "white noise"
KINDS = [WHITE_NOISE, *CLASSES]


def image(kind: str, side: int, seed: int) -> Image:
    """One image of a class: (side, side), of total 1; white noise is drawn at its own size: averaged down it would be flat."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    if kind == WHITE_NOISE:
        out = rng.random((side, side))
    else:
        out = CLASSES[kind](rng).reshape(side, FULL // side, side, FULL // side).mean(axis=(1, 3))
    return out / out.sum()


def two_images(kind: str, side: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """Two images of a class as points in the unit square and weights: x, y, a, b, (side ** 2, 2) and (side ** 2,)."""
    pixels = np.stack(np.meshgrid(*[np.arange(side) / side] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    return pixels, pixels, *(image(kind, side, 2 * seed + k).ravel() for k in range(2))
