r"""Sinkhorn divergences: three entropic values, to a tolerance that says something of their difference.

Near equality the gradients of the terms cancel. A marginal error e leaves each of them off by about ``e`` of its own size; the difference is
of second order, so its gradient is smaller than theirs by about :math:`\sqrt{S / W}`, for the divergence S and the largest term W: where squared
lengths are the cost, that is how far the clouds are apart beside how far mass travels. So S is computed first, to the tolerance asked for, which leaves
it off by the square of that; where it is small the iterations go on from there, to ``tol`` times that root, or 1e-6 times where ``tol`` is smaller:
who asks for a marginal error of 1e-9 has a gradient good to 1e-6 without them until the clouds are a thousandth apart.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..distances.nearly_equal import CLOSE, FINEST, ROUNDINGS
from . import _ops
from ._entropic import entropic_value
from ._inputs import Batch


class _Term(NamedTuple):
    """One entropic problem of a batch."""

    x: Tensor
    y: Tensor
    a: Tensor
    b: Tensor
    epsilon: Tensor
    counted: Tensor | None
    options: _ops.Options

    def solved(self) -> tuple[Tensor, Tensor, Tensor]:
        """Values and potentials, constants."""
        return _ops.entropic(*self._constants(), self.counted, *self.options)

    def tightened(self, found: tuple[Tensor, Tensor, Tensor], tolerances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same from there on, to marginal errors of ``tolerances`` (B,)."""
        return _ops.tightened(*self._constants(), self.counted, *found, tolerances, *self.options)

    def value(self, found: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Values that are known, with their derivatives."""
        return entropic_value(*self[:6], found, self.options)

    def _constants(self) -> tuple[Tensor, ...]:
        return tuple(z.detach() for z in self[:5])


def entropic_cost(given: Batch, epsilon: Tensor, options: _ops.Options) -> Tensor:
    """Entropic transport costs (B,)."""
    term = _across(given, epsilon, options)
    return term.value(term.solved())


def divergence(given: Batch, epsilon: Tensor, options: _ops.Options, *, relaxed: bool) -> Tensor:
    """Sinkhorn divergences (B,), float64; relaxed, with what unequal masses add.

    Gradients of the terms, too, are subtracted in double precision: rounded to the points' own first, nothing would be left near equality.
    """
    given = given.in_doubles()
    terms = [_across(given, epsilon, options), *_within(given, epsilon, options)]
    found = [term.solved() for term in terms]
    excess = epsilon / 2 * (given.a.sum(-1) - given.b.sum(-1)) ** 2 if relaxed else 0.0
    values = [values for values, _, _ in found]
    wanted = tolerances(values, _difference(values) + excess, epsilon, options[3])
    found = [term.tightened(old, wanted) for term, old in zip(terms, found)]
    return _difference([term.value(new) for term, new in zip(terms, found)]) + excess


def _difference(values: list[Tensor]) -> Tensor:
    """What is left of the first of three terms, in double precision."""
    across, one, other = values
    return across - (one / 2 + other / 2)


def tolerances(values: list[Tensor], difference: Tensor, epsilon: Tensor, tol: float) -> Tensor:
    """The marginal errors that leave the gradient of a difference of values off by about ``tol`` of itself, or 1e-6: (B,)."""
    largest = torch.stack([value.abs() for value in values]).amax(0)
    beside = (difference.detach().clamp_min(0) / largest.where(largest > 0, 1.0)).sqrt().clamp_max(1.0)
    reached = (ROUNDINGS * largest / epsilon).clamp_min(FINEST)
    return torch.minimum(torch.maximum(max(tol, CLOSE) * beside, reached), torch.full_like(reached, tol))


def _across(given: Batch, epsilon: Tensor, options: _ops.Options) -> _Term:
    """Between both measures."""
    return _Term(*given.each(), epsilon, given.counted, options)


def _within(given: Batch, epsilon: Tensor, options: _ops.Options) -> list[_Term]:
    """Each measure against itself."""
    (x, y, a, b), sizes = given.each(), (given.a.shape[-1], given.b.shape[-1])
    sides = [None, None] if given.counted is None else given.counted.split(sizes, -1)
    symmetric = (*options[:7], True, options[8])
    return [  # compilers do not take the same tensor twice
        _Term(z, z.clone(), w, w.clone(), epsilon, None if side is None else torch.cat([side, side], -1), symmetric)
        for z, w, side in zip((x, y), (a, b), sides)
    ]
