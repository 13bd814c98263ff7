r"""Divergences of laws that are known by samples only: by nearest neighbours, or by a classifier that tells them apart.

A classifier's logit estimates ``log p(x)/q(x)`` up to the logarithm of the sample sizes: the density-ratio trick. It is fitted on one
half of the samples and judged on the other, and the other way round, so that what it reports on data is not what it learned by
heart; what its features cannot express it does not see, so its estimates are low.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.spatial

from ..errors import InvalidInput
from ..inputs import arrays, scalars, tables
from ..inputs.types import Floats
from .estimate import Estimate

_RIDGE = 1e-3  # weight of squared coefficients, a sample: keeps separable samples finite


def kl_samples(x: Any, y: Any, *, method: str = "knn", k: int = 5, rng: Any = None) -> Estimate:
    r"""KL(p || q) from samples x of p and y of q.

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d), or (n,) and (m,).
    method : {"knn", "classifier"}
        ``d mean log(nu_k / rho_k) + log(m / (n - 1))`` with the distances to the k-th neighbour among y and among the other x: biased by
        order ``(k / n)^(1/d)``, consistent for any smooth densities; or the mean logit of a logistic regression with quadratic
        features: exact for Gaussians, low otherwise.
    k : int
        Which neighbour.
    rng : seed or Generator
        How samples are split in halves for a classifier.

    Returns
    -------
    Estimate
        In nats; ``error`` is the standard error of the mean, neighbours or the classifier taken as given.

    Raises
    ------
    InvalidInput
        For too few samples, and samples with so many ties that neighbours are at distance 0.

    References
    ----------
    Wang, Kulkarni, Verdu, "Divergence estimation for multidimensional densities via k-nearest-neighbor distances", 2009,
    equation (25).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = kl_samples(rng.normal(size=2000), rng.normal(size=2000) + 1)
    >>> abs(found.value - 0.5) < 0.15
    True
    """
    points, others = _pair(x, y)
    if scalars.one_of(method, "method", ("knn", "classifier")) == "classifier":
        own, _ = _logits(points, others, rng)
        return _mean(own, "standard error; low where the features cannot express the ratio")
    k = scalars.count(k, "k")
    if len(points) <= k or len(others) < k:
        raise InvalidInput(
            f"x must hold more than k samples, y at least k; received {len(points)} and {len(others)} for k={k}"
        )
    near, far = _neighbour(points, points, k + 1), _neighbour(others, points, k)
    if (near == 0).any() or (far == 0).any():
        raise InvalidInput(
            "samples must be of continuous laws: k-th neighbours at distance 0; raise k, or count atoms and use kl"
        )
    logs = points.shape[1] * (np.log(far) - np.log(near)) + math.log(len(others) / (len(points) - 1))
    return _mean(logs, "standard error; biased by order (k/n)^(1/d)")


def js_samples(x: Any, y: Any, *, rng: Any = None) -> Estimate:
    """JS(p, q) from samples, by a classifier: ``(E_p log D + E_q log(1 - D) + log 4) / 2`` on held-out samples, a lower bound in
    the mean.

    Parameters and errors are those of :func:`kl_samples`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> js_samples(rng.normal(size=500), rng.normal(size=500) + 10).value > 0.6
    True
    """
    own, other = _logits(*_pair(x, y), rng)
    one, two = -np.logaddexp(0.0, -own), -np.logaddexp(0.0, other)
    error = math.hypot(one.std(ddof=1) / math.sqrt(len(one)), two.std(ddof=1) / math.sqrt(len(two))) / 2
    value = (float(one.mean() + two.mean()) + math.log(4)) / 2
    return Estimate(value, error, "standard error; at most the truth in the mean")


def tv_samples(x: Any, y: Any, *, rng: Any = None) -> Estimate:
    """TV(p, q) from samples, by a classifier: ``P(logit > 0) - Q(logit > 0)`` on held-out samples, at most the truth in the mean.

    Parameters and errors are those of :func:`kl_samples`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tv_samples(rng.normal(size=500), rng.normal(size=500) + 10).value > 0.95
    True
    """
    own, other = _logits(*_pair(x, y), rng)
    p, q = float((own > 0).mean()), float((other > 0).mean())
    error = math.sqrt(p * (1 - p) / len(own) + q * (1 - q) / len(other))
    return Estimate(p - q, error, "standard error; at most the truth in the mean")


def _neighbour(among: Floats, points: Floats, k: int) -> Floats:
    """Distances from points (n, d) to their k-th neighbours: (n,)."""
    which: Any = [k]
    return scipy.spatial.KDTree(among).query(points, which)[0][:, 0]


def _mean(values: Floats, note: str) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))), note)


def _pair(x: Any, y: Any) -> tuple[Floats, Floats]:
    tables.same_columns(x, y)
    one, other = (cloud.points for cloud in arrays.clouds(x, y)[:2])
    if min(len(one), len(other)) < 4:
        raise InvalidInput(f"x and y must hold at least 4 samples each; received {len(one)} and {len(other)}")
    return one.astype(np.float64, copy=False), other.astype(np.float64, copy=False)


def _logits(x: Floats, y: Floats, rng: Any) -> tuple[Floats, Floats]:
    """Estimated ``log p/q`` at all samples, each by the classifier that has not seen it."""
    generator = scalars.generator(rng)
    middle, scale = np.concatenate([x, y]).mean(0), np.concatenate([x, y]).std(0)
    features = [_quadratic((z - middle) / np.where(scale > 0, scale, 1.0)) for z in (x, y)]
    halves = [np.array_split(generator.permutation(len(z)), 2) for z in (x, y)]
    out = np.empty(len(x)), np.empty(len(y))
    for held in (0, 1):
        one, other = (z[half[1 - held]] for z, half in zip(features, halves))
        weights = _regression(one, other)
        for target, z, half in zip(out, features, halves):
            target[half[held]] = z[half[held]] @ weights + math.log(len(other) / len(one))
    return out


def _quadratic(z: Floats) -> Floats:
    """1, coordinates, and products of two of them."""
    rows, columns = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, rows] * z[:, columns]], axis=1)


def _regression(x: Floats, y: Floats) -> Floats:
    """Coefficients of a ridge logistic regression of x against y, by Newton's method with halved steps."""
    design, labels = np.concatenate([x, y]), np.concatenate([np.ones(len(x)), np.zeros(len(y))])
    weights, ridge = np.zeros(design.shape[1]), _RIDGE * np.ones(design.shape[1])
    ridge[0] = 0.0

    def loss(w: Floats) -> float:
        z = design @ w
        return float((np.logaddexp(0.0, z) - labels * z).sum() + (ridge * w**2).sum() / 2)

    current = loss(weights)
    for _ in range(100):
        share = 1 / (1 + np.exp(-np.clip(design @ weights, -700, 700)))
        slope = design.T @ (share - labels) + ridge * weights
        bend = (design * (share * (1 - share))[:, None]).T @ design + np.diag(ridge + 1e-12)
        step, size = np.linalg.solve(bend, slope), 1.0
        while loss(weights - size * step) > current and size > 1e-8:
            size /= 2
        weights = weights - size * step
        before, current = current, loss(weights)
        if before - current <= 1e-12 * (1 + abs(before)):
            break
    return weights
