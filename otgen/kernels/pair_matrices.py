"""Matrices of pairs of doubles: products, eigenvalues and orthogonal columns to about 30 digits, by Jacobi's method.

A square root halves the number of digits: variances known to 1e-16 are standard deviations known to 1e-8. With twice the
precision they are known to 1e-16.

Sums of pairs err by ``2 ** -105`` of the summands, products by ``2 ** -102`` of themselves, and
so a product of matrices by ``(d + 8) 2 ** -102 |A| |B|`` (Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic
building blocks of double-word arithmetic", 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from .double_double import pair_add, two_product
from .jit import jit

PAIR_UNIT = 2.0**-102  # what one operation with pairs is off by, at most
_SWEEPS = 16  # of Jacobi's method at most: convergence is quadratic, and what is left is measured


class Pair(NamedTuple):
    """The unevaluated sum ``high + low`` of two arrays of one shape."""

    high: Floats
    low: Floats

    @property
    def T(self) -> Pair:
        """Transposed."""
        return Pair(self.high.T, self.low.T)

    def at(self, *index: object) -> Pair:
        """Some of the entries."""
        return Pair(self.high[index], self.low[index])


def pair(values: Floats) -> Pair:
    """Doubles as pairs."""
    return Pair(values, np.zeros_like(values))


def add(a: Pair, b: Pair) -> Pair:
    """``a + b``."""
    s = a.high + b.high
    t = s - a.high
    return _normalised(s, (a.high - (s - t)) + (b.high - t) + (a.low + b.low))


def minus(a: Pair) -> Pair:
    """``-a``."""
    return Pair(-a.high, -a.low)


def times(a: Pair, b: Pair) -> Pair:
    """``a b``, entry by entry; entries below 1e150."""
    p, e = two_product(a.high, b.high)
    return _normalised(p, e + (a.high * b.low + a.low * b.high))


def root(a: Pair) -> Pair:
    """The square root of what is positive, 0 of what is not: a step of Newton's method."""
    x = np.sqrt(np.maximum(a.high, 0.0))
    p, e = two_product(x, x)
    rest = ((a.high - p) - e) + a.low
    return _normalised(x, np.divide(rest, 2 * x, out=np.zeros_like(x), where=x > 0))


def inverse(a: Pair) -> Pair:
    """``1 / a``: a step of Newton's method."""
    x = 1.0 / a.high
    rest = add(pair(np.ones_like(x)), minus(times(a, pair(x))))
    return add(pair(x), times(pair(x), rest))


@jit
def _pair_times(ah, al, bh, bl):
    p, e = two_product(ah, bh)
    e += ah * bl + al * bh
    s = p + e
    return s, e - (s - p)


@jit
def _product(ah, al, bh, bl, high, low):
    for i in range(ah.shape[0]):
        for k in range(ah.shape[1]):
            for j in range(bh.shape[1]):
                th, tl = _pair_times(ah[i, k], al[i, k], bh[k, j], bl[k, j])
                high[i, j], low[i, j] = pair_add(high[i, j], low[i, j], th, tl)


@jit
def _gram(high, low, one, other, out):
    """``|x|^2``, ``|y|^2`` and ``<x, y>`` of the rows of every pair: (3, k)."""
    for k in range(one.shape[0]):
        for which in range(3):
            i, j = (other[k] if which == 1 else one[k]), (one[k] if which == 0 else other[k])
            sh, sl = 0.0, 0.0
            for c in range(high.shape[1]):
                th, tl = _pair_times(high[i, c], low[i, c], high[j, c], low[j, c])
                sh, sl = pair_add(sh, sl, th, tl)
            out[which, k] = sh


@jit
def _turn(high, low, one, other, ch, cl, sh, sl):
    """Rotate pairs of rows, in place; those with a sine of 0 stay."""
    for k in range(one.shape[0]):
        if sh[k] != 0.0:
            i, j = one[k], other[k]
            for c in range(high.shape[1]):
                xh, xl, yh, yl = high[i, c], low[i, c], high[j, c], low[j, c]
                th, tl = _pair_times(ch[k], cl[k], xh, xl)
                uh, ul = _pair_times(sh[k], sl[k], yh, yl)
                high[i, c], low[i, c] = pair_add(th, tl, -uh, -ul)
                th, tl = _pair_times(sh[k], sl[k], xh, xl)
                uh, ul = _pair_times(ch[k], cl[k], yh, yl)
                high[j, c], low[j, c] = pair_add(th, tl, uh, ul)


def product(a: Pair, b: Pair) -> Pair:
    """The matrix product of (n, k) and (k, m)."""
    out = pair(np.zeros((a.high.shape[0], b.high.shape[1])))
    _product(*_contiguous(a), *_contiguous(b), *out)
    return out


def _contiguous(a: Pair) -> Pair:
    return Pair(np.ascontiguousarray(a.high), np.ascontiguousarray(a.low))


def summed(a: Pair) -> Pair:
    """The sum along the last axis."""
    out = pair(np.zeros(a.high.shape[:-1]))
    for k in range(a.high.shape[-1]):
        out = add(out, a.at(..., k))
    return out


def orthonormal(vectors: Floats) -> tuple[Pair, float]:
    """Nearly orthogonal doubles (d, d), made orthogonal by a step of Newton and Schulz; what is left of ``|V' V - I|``."""
    held = pair(vectors)
    error = add(pair(np.eye(len(vectors))), minus(product(held.T, held)))
    out = add(held, product(held, Pair(error.high / 2, error.low / 2)))
    return out, departure(out)


def departure(vectors: Pair) -> float:
    """A bound on the Frobenius norm of ``V' V - I``."""
    d = len(vectors.high)
    left = add(product(vectors.T, vectors), pair(-np.eye(d)))
    return 1.01 * float(np.linalg.norm(left.high)) + (d + 8) * PAIR_UNIT * d


def eigen(matrix: Pair) -> tuple[Pair, Pair]:
    """Eigenvalues (d,) and vectors (d, d), in columns, of a symmetric matrix of even size: doubles first, then Jacobi's method."""
    vectors, _ = orthonormal(np.linalg.eigh(matrix.high)[1])
    held, rows = product(product(vectors.T, matrix), vectors), _contiguous(vectors.T)
    size = float(np.abs(matrix.high).max())
    for _ in range(_SWEEPS):
        off = np.abs(held.high - np.diag(np.diag(held.high))).max()
        if off <= PAIR_UNIT * size:
            break
        for one, other in _rounds(len(matrix.high)):
            apart = (held.high[other, other] - held.high[one, one]) + (held.low[other, other] - held.low[one, one])
            c, s = _rotation(apart, held.high[one, other], PAIR_UNIT / 8 * size)
            for _both in range(2):  # rows, then columns
                _turn(*held, one, other, *c, *s)
                held = _contiguous(held.T)
            _turn(*rows, one, other, *c, *s)
    return Pair(np.diag(held.high).copy(), np.diag(held.low).copy()), rows.T


class Columns(NamedTuple):
    """``M J`` (d, d) with J orthogonal, so that the norms of its columns are the singular values of M.

    ``departure`` bounds ``|J' J - I|`` before the rotations, of which there were ``sweeps``.
    """

    columns: Pair
    departure: float
    sweeps: int


def orthogonal_columns(matrix: Pair) -> Columns:
    """The columns of a matrix of even size made orthogonal: doubles first, then Jacobi's method from one side."""
    right, error = orthonormal(np.linalg.svd(matrix.high)[2].T)
    rows, squares = _contiguous(product(matrix, right).T), np.empty((3, len(right.high) // 2))
    sweeps, worst = 0, 1.0
    while sweeps < _SWEEPS and worst > 2.0**-50:
        sweeps, worst = sweeps + 1, 0.0
        weak = 2.0**-180 * float((rows.high**2).sum(axis=1).max(initial=0.0))  # rounding, which has no direction
        for one, other in _rounds(len(rows.high)):
            _gram(*rows, one, other, squares)
            sizes = np.sqrt(squares[0]) * np.sqrt(squares[1])
            strong = np.minimum(squares[0], squares[1]) > weak
            cosines = np.divide(np.abs(squares[2]), sizes, out=np.zeros_like(sizes), where=strong)
            worst = max(worst, float(cosines.max()))
            c, s = _rotation(squares[1] - squares[0], squares[2], np.where(strong, 2.0**-60 * sizes, np.inf))
            _turn(*rows, one, other, *c, *s)
    return Columns(rows.T, error, sweeps)


def _rounds(size: int) -> list[tuple[Indices, Indices]]:
    """All pairs of an even number of rows, in rounds of disjoint ones (a tournament)."""
    order, out = np.arange(size), []
    for _ in range(size - 1):
        out.append((order[: size // 2], order[size // 2 :][::-1]))
        order = np.concatenate([order[:1], order[-1:], order[1:-1]])
    return out


def _rotation(apart: Floats, r: Floats, small: Floats | float) -> tuple[Pair, Pair]:
    """Cosine and sine (k,) that make ``[[p, r], [r, q]]`` diagonal, q - p ``apart``, none where r is small; a rotation to 30 digits."""
    turned = np.abs(r) > small
    half = apart / np.where(turned, 2 * r, 1.0)
    tangent = np.where(turned, np.copysign(1.0, half) / (np.abs(half) + np.hypot(half, 1.0)), 0.0)
    cosine = inverse(root(add(pair(np.ones_like(tangent)), Pair(*two_product(tangent, tangent)))))
    return cosine, times(pair(tangent), cosine)


def _normalised(high: Floats, low: Floats) -> Pair:
    s = high + low
    return Pair(s, low - (s - high))
