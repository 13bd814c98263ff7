"""Semidiscrete problems whose answers are known in closed form."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm


class Known(NamedTuple):
    """Noise, the data (N, d) with weights (N,), and the transport cost of order ``p``; a box of the noise, if there is one."""

    noise: Any
    y: np.ndarray
    b: np.ndarray
    cost: float
    p: float = 2.0
    support: Any = None


def uniform(d):
    return lambda n, rng: rng.random((n, d))


def among(atoms):
    """Noise on finitely many atoms, equally likely."""
    return lambda n, rng: atoms[rng.integers(len(atoms), size=n)]


def square(n, rng):
    """Uniform on [-1, 1] ** 2."""
    return 2 * rng.random((n, 2)) - 1


def ends_of_cells(b):
    return np.concatenate([[0.0], np.cumsum(b)])


def on_the_line(y, b, p=2.0):
    """Uniform noise on [0, 1]; y ascending: each point gets an interval as long as its weight."""
    ends = ends_of_cells(b)

    def integral(u):  # of |u| ** p
        return np.sign(u) * np.abs(u) ** (p + 1) / (p + 1)

    cost = float((integral(ends[1:] - y) - integral(ends[:-1] - y)).sum())
    return Known(uniform(1), y[:, None], b, cost, p, (0.0, 1.0))


def normal_on_the_line(y, b):
    """Normal noise, p = 2; y ascending."""
    density = norm.pdf(norm.ppf(np.clip(ends_of_cells(b), 0, 1)))
    return Known("gaussian", y[:, None], b, float(1 + b @ y**2 - 2 * y @ (density[:-1] - density[1:])))


def grid(k):
    """Uniform noise on the unit square, and the middles of k x k equal squares."""
    ticks = (np.arange(k) + 0.5) / k
    y = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    return Known(uniform(2), y, np.full(k * k, 1 / k**2), 1 / (6 * k**2), 2.0, (0.0, 1.0))


def diamond(r=0.5):
    """Uniform noise on [-1, 1] ** 2, its centre and four points (+-r, +-r), equal weights; and the potentials.

    By symmetry the cell of the centre is ``|x| + |y| < s``, of area 4/5 = 2 s ** 2, and the others have equal potentials, larger than
    the centre's by ``2 r ** 2 - 2 r s``. The cost: in a quadrant the centre's triangle has ``s ** 4 / 6``, and the rest
    ``int |z - (r, r)| ** 2`` over the unit square less that over the triangle.
    """
    s = np.sqrt(0.4)
    whole = 2 / 3 - 2 * r + 2 * r**2  # of |z - (r, r)| ** 2 over the unit square
    triangle = s**4 / 6 - 2 * r * s**3 / 3 + r**2 * s**2
    y = np.array([[0.0, 0.0], [r, r], [r, -r], [-r, r], [-r, -r]])
    known = Known(square, y, np.full(5, 0.2), float(s**4 / 6 + whole - triangle), 2.0, (-1.0, 1.0))
    return known, np.array([0.0, *[2 * r**2 - 2 * r * s] * 4])
