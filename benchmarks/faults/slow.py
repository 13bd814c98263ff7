"""A distance that leaves time for its worker to be killed; what a worker imports is otgen alone."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import otgen

SETS = [np.random.default_rng(k).normal(size=(4 + k % 5, 2)) for k in range(40)]


def slow(x: Any, y: Any, a: Any, b: Any) -> Any:
    """A Wasserstein distance; tiles of callables are small."""
    time.sleep(0.001)
    return otgen.wasserstein(x, y, a, b)
