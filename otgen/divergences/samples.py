r"""Divergences of laws that are known by samples only: by nearest neighbours, or by a classifier that tells them apart.

A classifier's logit estimates ``log p(x)/q(x)`` up to the logarithm of the sample sizes: the density-ratio trick. It is fitted on one
half of the samples and judged on the other, and the other way round, so that what it reports on data is not what it learned by
heart; what its features cannot express it does not see.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy.spatial
from scipy.special import expit

from ..errors import InvalidInput
from ..inputs import arrays, scalars, tables
from ..inputs.types import Floats
from ..kernels.duplicates import unique_points
from ..underflow import may_underflow
from .classifier import HeldOut, held_out_logits
from .estimate import Estimate, logarithm_base

Pair: TypeAlias = tuple[Floats, Floats]

_LOG2 = math.log(2.0)
_LOW = "standard error; held out: at most the truth in the mean, but for being held to the range of the quantity"


@may_underflow
def kl_samples(
    x: Any,
    y: Any,
    *,
    method: Literal["knn", "classifier"] = "knn",
    k: int | None = None,
    base: float | None = None,
    rng: Any = None,
) -> Estimate:
    r"""KL(p || q) from samples x of p and y of q.

    Parameters
    ----------
    x, y : array_like
        (n, d) and (m, d), or (n,) and (m,).
    method : {"knn", "classifier"}
        ``d mean log(nu_k / rho_k) + log(m / (n - 1))`` with the distances to the k-th neighbour among y and among the other x, d the dimension
        of the flat that all samples lie in, as where columns are constant or sums of others, held to be no less than 0: biased, by less the more samples there are; or the mean held-out logit of a logistic regression on
        coordinates, squares and (where samples suffice) products, held to be no less than 0: near the truth for Gaussians with
        many samples a coefficient, neither a lower nor an upper bound otherwise.
    k : int, optional
        Which neighbour, 5 unless it is given; not beside a classifier, which has none.
    base : float or None
        Of the logarithm; None for nats.
    rng : seed or Generator
        How samples are split in halves for a classifier; neighbours draw nothing.

    Returns
    -------
    Estimate
        ``error`` is a standard error. By neighbours it is the deviation of the logarithms times ``sqrt(1/n + 1/m)``: y's draws move all distances to
        them as x's do, but neighbours that points share are not counted, which at d = 10 makes it some 1.5 times too small. For a classifier
        it is that of the mean with one more draw of either law, told wrong by odds of n + 1 to 1 (the rule of succession): that it tells all n alike does not show that
        it would tell the next one so. What draws teach the classifier counts to first order (the infinitesimal jackknife), but not that they choose how much it may learn:
        with fewer than some 20 samples a coefficient, or laws that hardly overlap, it can be up to 4 times too small.

    Raises
    ------
    InvalidInput
        For fewer than 4 samples, or too few for k, and samples with so many ties that neighbours are at distance 0; by neighbours, for samples
        of which one lies in a flat that the other leaves: there no density of both is.
    TooLarge
        Where a classifier would not fit in memory, before any work.

    References
    ----------
    Wang, Kulkarni, Verdu, "Divergence estimation for multidimensional densities via k-nearest-neighbor distances", 2009,
    equation (5). Jaeckel, "The infinitesimal jackknife", 1972. Laplace, "Memoire sur la probabilite des causes par les evenements", 1774; Agresti and Coull, "Approximate is better than
    'exact' for interval estimation of binomial proportions", 1998, for draws that are added to a standard error.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = kl_samples(rng.normal(size=2000), rng.normal(size=2000) + 1)
    >>> abs(found.value - 0.5) < 0.15
    True
    """
    points, others = _sample_pair(x, y)
    base = logarithm_base(base)
    if scalars.one_of(method, "method", ("knn", "classifier")) == "classifier":
        if k is not None:
            raise InvalidInput(
                f"k must be left out beside method='classifier', which has no neighbours; received {scalars.told(k)}; leave one of them out"
            )
        told = held_out_logits(points, others, rng)
        own, other = told.own, np.zeros(len(others))
        error = _error(told, (own, other), (np.ones(len(own)), other), ([-math.log(len(own) + 1)], [0.0]))
        note = "standard error; biased where samples are few a coefficient, or log p/q is not quadratic"
        return Estimate(float(own.mean()), error, note).within(0.0, math.inf).in_base(base)
    k = 5 if k is None else scalars.count(k, "k")
    if len(points) <= k or len(others) < k:
        raise InvalidInput(
            f"x must hold more than k samples, y at least k; received {len(points)} and {len(others)} for k={k}; lower k"
        )
    # neighbours keep their order, and logarithms their difference, in any unit; in this one no square overflows
    exponent = math.frexp(max(float(np.abs(z).max()) for z in (points, others)))[1]
    points, others = np.ldexp(points, -exponent), np.ldexp(others, -exponent)
    near = far = np.zeros(1)
    if not _has_ties(points, others, k):  # of which trees are searched for hours
        near, far = _neighbour(points, points, k + 1), _neighbour(others, points, k)
    if (near == 0).any() or (far == 0).any():
        raise InvalidInput(
            "x and y must be samples of continuous laws; received ones whose k-th neighbours are at distance 0; raise k, or count atoms and use kl"
        )
    logs = _dimension_of_both(points, others) * (np.log(far) - np.log(near)) + math.log(len(others) / (len(points) - 1))
    error = float(logs.std(ddof=1)) * math.sqrt(1 / len(points) + 1 / len(others))
    note = "standard error; biased, by less the more samples there are"
    return Estimate(float(logs.mean()), error, note).within(0.0, math.inf).in_base(base)


@may_underflow
def js_samples(x: Any, y: Any, *, base: float | None = None, root: bool = False, rng: Any = None) -> Estimate:
    """JS(p, q) from samples, by a classifier D: ``(E_p log D + E_q log(1 - D) + log 4) / 2`` on held-out samples.

    Before it is held to [0, log 2], where JS lies, that is at most JS(p, q) in the mean, whatever D has learned, and JS(p, q) for the
    best D; of laws that D cannot tell apart, it is about 0. Samples and errors are those of :func:`kl_samples`, and x and y may have
    ties; with ``root=True`` its square root.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> js_samples(rng.normal(size=500), rng.normal(size=500) + 10).value > 0.6
    True
    """
    base, root = logarithm_base(base), scalars.flag(root, "root")
    told = held_out_logits(*_sample_pair(x, y), rng)
    one, two = -np.logaddexp(0.0, -told.own), -np.logaddexp(0.0, told.other)
    slopes = expit(-told.own), -expit(told.other)
    more = [-math.log(len(one) + 2)], [-math.log(len(two) + 2)]
    error = _error(told, (one, two), slopes, more) / 2
    value = (float(one.mean() + two.mean()) + math.log(4)) / 2
    found = Estimate(value, error, _LOW).within(0.0, _LOG2).in_base(base)
    return found.root() if root else found


@may_underflow
def tv_samples(x: Any, y: Any, *, rng: Any = None) -> Estimate:
    """TV(p, q) from samples, by a classifier: ``P(logit > 0) - Q(logit > 0)`` on held-out samples, held to [0, 1].

    Before that it is at most TV(p, q) in the mean, whatever the classifier has learned. Samples and errors are those of
    :func:`kl_samples`, and x and y may have ties.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tv_samples(rng.normal(size=500), rng.normal(size=500) + 10).value > 0.95
    True
    """
    told = held_out_logits(*_sample_pair(x, y), rng)
    one, two = (told.own > 0).astype(np.float64), -(told.other > 0).astype(np.float64)
    error = _error(told, (one, two), _at_zero(told), ([0.0, 1.0], [0.0, -1.0]))
    return Estimate(float(one.mean() + two.mean()), error, _LOW).within(0.0, 1.0)


def _at_zero(told: HeldOut) -> tuple[Floats, Floats]:
    """What shares of positive logits change by with each logit, up to the sample's size: the density at 0, by a logistic kernel."""
    width = float(np.concatenate([told.own, told.other]).std()) or 1.0
    own, other = (expit(z / width) * expit(-z / width) / width for z in (told.own, told.other))
    return own, -other


def _has_ties(points: Floats, others: Floats, k: int) -> bool:
    """Whether some point coincides with k of the other points, or with k of ``others``."""
    n = len(points)
    of = unique_points(np.concatenate([points, others])).of
    own, other = (np.bincount(side, minlength=int(of.max()) + 1) for side in (of[:n], of[n:]))
    return bool((own > k).any() or (other[own > 0] >= k).any())


def _dimension_of_both(points: Floats, others: Floats) -> int:
    """The dimension of the flat that all points lie in, as far as it takes more of them than they are to span one.

    Distances in a flat are those of its own coordinates. Raises where one sample lies in a flat that the other leaves.
    """
    d, both = points.shape[1], np.concatenate([points, others])
    ranks = [_rank(z) for z in (points, others, both)]
    own, other, whole = (rank if rank < len(z) - 1 else d for rank, z in zip(ranks, (points, others, both)))
    for name, rank in (("x", own), ("y", other)):
        if rank < whole:
            raise InvalidInput(
                f"x and y must be samples of laws with densities in the same coordinates; received {name} in a flat of dimension {rank} that the other "
                f"leaves, where KL is infinite; leave out columns that are constant, or sums of others, in one of them"
            )
    return whole


def _rank(points: Floats) -> int:
    return int(np.linalg.matrix_rank(points - points[0])) if points.shape[1] > 1 else 1


def _neighbour(among: Floats, points: Floats, k: int) -> Floats:
    """Distances from points (n, d) to their k-th neighbours: (n,)."""
    which: Any = [k]
    return scipy.spatial.KDTree(among).query(points, which)[0][:, 0]


def _error(told: HeldOut, terms: Pair, slopes: Pair, more: tuple[list[float], list[float]]) -> float:
    """The standard error of the mean of ``terms`` over x and that over y together, whose derivatives in their own logits are ``slopes``.

    A draw counts by its own term, and by what classifiers learned from it. Both sides have ``more`` terms, such as one draw told wrong
    as surely as n draws let one be, by odds of n + 1 to 1: where a classifier tells all draws alike the values hardly differ, and what
    it would say of one that it has not seen is not among them.
    """
    moved = told.by_training(slopes[0] / len(terms[0]), slopes[1] / len(terms[1]))
    held = [np.append(term + len(term) * by, extra) for term, by, extra in zip(terms, moved, more)]
    return math.hypot(*(float(z.std(ddof=1)) / math.sqrt(len(z)) for z in held))


def _sample_pair(x: Any, y: Any) -> tuple[Floats, Floats]:
    tables.same_columns(x, y)
    one, other = (cloud.points for cloud in arrays.clouds(x, y)[:2])
    if min(len(one), len(other)) < 4:
        raise InvalidInput(
            f"x and y must hold at least 4 samples each; received {len(one)} and {len(other)}; draw more"
        )
    return one.astype(np.float64, copy=False), other.astype(np.float64, copy=False)
