"""The two kinds of array that everything here is made of, and words that several floors share."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]
Design = Literal["independent", "orthogonal", "quasi-random"]  # of random directions
