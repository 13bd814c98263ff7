"""How good samples are: modes, exact transport to held-out data, what a classifier sees, straight paths."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...distances.exact import wasserstein
from ...errors import InvalidInput, require
from ...inputs.types import Floats
from .data import Data, labelled_digits

_SAMPLES = 2500  # of the PacGAN protocol
_NEAR = 3.0  # standard deviations


def scores(
    data: Data, sample: Callable[[int], Floats], rng: np.random.Generator, judged: int = 1000
) -> dict[str, float]:
    """All that can be said of a sampler on its data.

    Parameters
    ----------
    data : Data
        What it was trained on.
    sample : callable
        From a number to samples (n, dim).
    rng : Generator
        For held-out data.
    judged : int
        How many samples transport is computed between; of digits at most the 500 held out.

    Returns
    -------
    dict
        ``w2``, ``w2_lower``, ``w2_upper``: exact transport between as many samples as held-out data, proven; ``w2_real``: between two
        sets of real samples; with modes ``modes``, ``high_quality``, ``reverse_kl``; for digits ``confidence``, ``label_entropy``.
    """
    samples = sample(_SAMPLES)
    found: dict[str, float] = {}
    if data.modes is not None:
        found |= modes(samples, data.modes, data.width)
    if data.name == "digits":
        found |= labels(samples)
    count = min(judged, 500) if data.name == "digits" else judged
    held_out = data.held_out(count, rng)
    result = wasserstein(samples[:count], held_out)
    assert result.lower is not None
    assert result.upper is not None
    real = wasserstein(data.draw(count, rng), held_out).value
    return found | dict(w2=result.value, w2_lower=result.lower, w2_upper=result.upper, w2_real=real)


def modes(samples: Floats, centres: Floats, width: float) -> dict[str, float]:
    """Modes with at least one sample within three standard deviations, the share of such samples, reverse KL over modes.

    Each sample counts for its nearest mode; KL is that of these counts to equal ones, of high-quality samples only, in nats
    (Lin et al., "PacGAN", 2018, section 4.1).

    Examples
    --------
    >>> modes(np.array([[0.0, 0.0], [5.0, 5.0]]), np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)["modes"]
    1.0
    """
    if not len(samples):
        raise InvalidInput(
            f"samples must hold at least one row; received shape {np.shape(samples)}; draw some before they are scored"
        )
    apart = np.linalg.norm(samples[:, None] - centres, axis=2)
    nearest, good = apart.argmin(axis=1), apart.min(axis=1) <= _NEAR * width
    counts = np.bincount(nearest[good], minlength=len(centres)).astype(float)
    share = counts[counts > 0] / max(counts.sum(), 1.0)
    divergence = float((share * np.log(share * len(centres))).sum()) if len(share) else math.inf
    return {"modes": float((counts > 0).sum()), "high_quality": float(good.mean()), "reverse_kl": divergence}


@functools.cache
def _classifier() -> Any:
    """Fitted on the digits held out from generators, so that it shares no sample with their training."""
    images, targets = labelled_digits()
    kind = require("sklearn.svm").SVC
    return kind(C=10.0, gamma=0.02, decision_function_shape="ovr").fit(images[:500], targets[:500])


def labels(samples: Floats) -> dict[str, float]:
    """What a classifier of real digits sees: the entropy of its labels (log 10 = 2.303 at most), the mean margin of its votes."""
    machine = _classifier()
    votes = machine.decision_function(samples)
    ranked = np.sort(votes, axis=1)
    counts = np.bincount(votes.argmax(axis=1), minlength=10) / len(samples)
    kept = counts[counts > 0]
    return {
        "label_entropy": -float((kept * np.log(kept)).sum()),
        "confidence": float(np.minimum(ranked[:, -1] - ranked[:, -2], 1.0).mean()),
    }


def accuracy(images: Floats, targets: Any) -> float:
    """The share of images in which the classifier sees their label."""
    return float((_classifier().predict(images) == targets).mean())


def path_energy(velocity: Callable[[Floats, float], Floats], noise: Floats, w2_squared: float) -> float:
    """``|E int |v|^2 dt - W_2^2| / W_2^2`` of a flow from noise (n, d), by 100 Euler steps (Tong et al., 2024)."""
    x, total, steps = noise.copy(), 0.0, 100
    for k in range(steps):
        v = velocity(x, k / steps)
        total += float((v**2).sum(axis=1).mean()) / steps
        x = x + v / steps
    return abs(total - w2_squared) / w2_squared
