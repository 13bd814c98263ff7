"""A classifier that tells two samples apart: its held-out logits estimate ``log p/q``, in memory of the order of the data.

It is a logistic regression on coordinates and their squares, and on all products of two coordinates where there are samples enough
for so many coefficients. How much the coefficients are held to 0 is chosen within the training half, up to not looking at all.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse.linalg
from scipy.special import expit

from ..errors import TooLarge
from ..inputs import scalars
from ..inputs.memory import available, readable
from ..inputs.types import Floats

_RIDGES = (1e4, 300.0, 10.0, 0.3, 1e-3)  # weights of squared coefficients; the last only keeps separable samples finite
_ENOUGH = 20  # samples a coefficient, from which on the last serves
_PRODUCTS = 4  # samples a coefficient that products are taken from
_COPIES = 12  # of the samples, that are held at a time at most; 11.3 have been measured


class _Logit(NamedTuple):
    """``constant + linear . x + x . quadratic . x``; quadratic is (d,) for squares alone, (d, d) for all products."""

    constant: float
    linear: Floats
    quadratic: Floats

    @classmethod
    def of(cls, flat: Floats, d: int) -> _Logit:
        rest = flat[1 + d :]
        return cls(float(flat[0]), flat[1 : 1 + d], rest if len(rest) == d else rest.reshape(d, d))

    def at(self, x: Floats) -> Floats:
        squares = x * x @ self.quadratic if self.quadratic.ndim == 1 else (x @ self.quadratic * x).sum(axis=1)
        return self.constant + x @ self.linear + squares


class _Fold(NamedTuple):
    """A classifier, and which of the samples x and y it has seen, and which are judged by it."""

    logit: _Logit
    ridge: float
    seen: tuple[np.ndarray, ...]
    held: tuple[np.ndarray, ...]


class HeldOut(NamedTuple):
    """Estimated ``log p/q`` at all samples x (n, d) of p and y (m, d) of q, each by a classifier that has not seen it."""

    own: Floats
    other: Floats
    standardised: tuple[Floats, ...]
    folds: tuple[_Fold, ...]

    def by_training(self, own: Floats, other: Floats) -> tuple[Floats, Floats]:
        """What each sample moves a number by that has the derivatives ``own`` (n,) and ``other`` (m,) in the logits, since classifiers learned from it.

        A fit moves by ``-H^-1 grad l_i`` with the weight of its i-th loss, to first order, H the Hessian of what it minimises: the
        infinitesimal jackknife (Jaeckel, "The infinitesimal jackknife", 1972).
        """
        out = np.zeros_like(own), np.zeros_like(other)
        for fold in self.folds:
            if math.isinf(fold.ridge):
                continue  # it has learned nothing
            held, seen = ([z[which] for z, which in zip(self.standardised, half)] for half in (fold.held, fold.seen))
            slope = sum(_moments(side[which], z, fold.logit) for side, which, z in zip((own, other), fold.held, held))
            step = _newton_step(np.asarray(slope), np.concatenate(seen), fold)
            for target, which, z, label in zip(out, fold.seen, seen, (1.0, 0.0)):
                target[which] -= (expit(fold.logit.at(z)) - label) * step.at(z)
        return out


def held_out_logits(x: Floats, y: Floats, rng: Any) -> HeldOut:
    """Both samples, told apart by classifiers of which each has seen one half of either.

    Raises `TooLarge` before any work where what it holds would not fit in memory.
    """
    generator = scalars.generator(rng)
    _refuse_size(x, y)
    both = np.concatenate([x, y])
    largest = np.abs(both).max(axis=0)  # divided out first: squares of large coordinates overflow
    unit = np.where(largest > 0, largest, 1.0)
    middle, scale = (both / unit).mean(axis=0), (both / unit).std(axis=0)
    pair = tuple((z / unit - middle) / np.where(scale > 0, scale, 1.0) for z in (x, y))
    halves = [np.array_split(generator.permutation(len(z)), 2) for z in (x, y)]
    out, folds = (np.empty(len(x)), np.empty(len(y))), []
    for k in (0, 1):
        held, seen = tuple(half[k] for half in halves), tuple(half[1 - k] for half in halves)
        one, other = (z[which] for z, which in zip(pair, seen))
        ridge, found = _trained(one, other)
        for target, z, which in zip(out, pair, held):
            target[which] = found.at(z[which]) + math.log(len(other) / len(one))
        folds.append(_Fold(found, ridge, seen, held))
    return HeldOut(*out, pair, tuple(folds))


def _refuse_size(x: Floats, y: Floats) -> None:
    need = _COPIES * (x.nbytes + y.nbytes)
    if need > (free := available()):
        raise TooLarge(
            f"x and y must be so few that a classifier can learn them in memory; received {len(x)} and {len(y)} samples of "
            f"{x.shape[1]} coordinates, which need about {readable(need)} with {readable(free)} free; pass fewer samples"
        )


def _trained(x: Floats, y: Floats) -> tuple[float, _Logit]:
    """The ridge that does best on the last third of each sample, and the classifier that it makes of all of both."""
    size, d = min(len(x), len(y)), x.shape[1]
    products = size >= _PRODUCTS * (1 + d + d * (d + 1) // 2)
    count = 1 + d + (d * d if products else d)
    ridge = _RIDGES[-1] if size >= _ENOUGH * count or size < 3 else _ridge(x, y, count)
    return ridge, _fitted(x, y, ridge, _blind_coefficients(x, y, count))


def _blind_coefficients(x: Floats, y: Floats, count: int) -> Floats:
    """The coefficients of a classifier that knows how many samples there are of either, and no more."""
    found = np.zeros(count)
    found[0] = math.log(len(x) / len(y))
    return found


def _ridge(x: Floats, y: Floats, count: int) -> float:
    cut = [max(1, 2 * len(z) // 3) for z in (x, y)]
    train, test = (x[: cut[0]], y[: cut[1]]), (x[cut[0] :], y[cut[1] :])
    start = _blind_coefficients(*train, count)
    best, least = math.inf, _loss(_Logit.of(start, x.shape[1]), *test)
    for ridge in _RIDGES:
        loss = _loss(_fitted(*train, ridge, start), *test)
        if loss > least and best < math.inf:
            break  # from here on, more is learned by heart
        best, least = (ridge, loss) if loss < least else (best, least)
    return best


def _loss(logit: _Logit, x: Floats, y: Floats) -> float:
    return float(np.logaddexp(0.0, -logit.at(x)).sum() + np.logaddexp(0.0, logit.at(y)).sum())


def _fitted(x: Floats, y: Floats, ridge: float, start: Floats) -> _Logit:
    """The regression of x against y, its coefficients but for the constant held to 0 by a ridge."""
    d = x.shape[1]
    if math.isinf(ridge):
        return _Logit.of(start, d)
    z, labels = np.concatenate([x, y]), np.concatenate([np.ones(len(x)), np.zeros(len(y))])

    def of(flat: Floats) -> tuple[float, Floats]:
        logit, held = _Logit.of(flat, d), _but_the_constant(flat)
        levels = logit.at(z)
        slope = _moments(expit(levels) - labels, z, logit) + ridge * held
        return float((np.logaddexp(0.0, levels) - labels * levels).sum() + ridge * (held**2).sum() / 2), slope

    options = {"maxiter": 300, "maxcor": 20, "ftol": 1e-11, "gtol": 1e-6}
    found: Any = scipy.optimize.minimize(of, start, jac=True, method="L-BFGS-B", options=options)
    return _Logit.of(found.x, d)


def _newton_step(slope: Floats, z: Floats, fold: _Fold) -> _Logit:
    """``H^-1 slope`` by conjugate gradients, H the Hessian at a classifier of what it minimised over samples z."""
    share = expit(fold.logit.at(z))
    curvature, d = share * (1 - share), z.shape[1]
    diagonal = _moments(curvature, z * z, fold.logit) + fold.ridge * _but_the_constant(np.ones(len(slope)))
    scale = np.maximum(diagonal, np.finfo(np.float64).tiny)

    def times(flat: Floats) -> Floats:
        return _moments(curvature * _Logit.of(flat, d).at(z), z, fold.logit) + fold.ridge * _but_the_constant(flat)

    operator: Any = partial(scipy.sparse.linalg.LinearOperator, (len(slope), len(slope)), dtype=np.float64)
    hessian, inverse = operator(matvec=times), operator(matvec=lambda flat: flat / scale)
    found, _ = scipy.sparse.linalg.cg(hessian, slope, rtol=1e-4, maxiter=300, M=inverse)
    return _Logit.of(found, d)


def _moments(weights: Floats, z: Floats, like: _Logit) -> Floats:
    """``sum weights (1, z, products)`` over samples z (n, d), in the order of coefficients: the derivative of the weighted sum of logits."""
    weighted = weights[:, None] * z
    squares = (weighted * z).sum(axis=0) if like.quadratic.ndim == 1 else (weighted.T @ z).ravel()
    return np.concatenate([[weights.sum()], weighted.sum(axis=0), squares])


def _but_the_constant(flat: Floats) -> Floats:
    """Coefficients, the constant one set to 0."""
    held = flat.copy()
    held[0] = 0.0
    return held
