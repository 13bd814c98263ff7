"""Integrals of several functions at once, each panel by a rule and again by two rules on its halves.

What both disagree by is the error that is claimed for the panel: the finer rule is far better wherever the panel has converged. Neither
sees what lies between an end of a panel and its first node, such as the kink of a total variation where densities cross. So functions are
computed at the ends too: what they are off there from the polynomial through the nodes, times that distance, is claimed as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats

_INNER, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_END = 1 - 2.0**-20  # inside, since a function may jump where panels meet
NODES = np.concatenate([[-_END], _INNER, [_END]])
_BLIND = 1 - _INNER[-1]  # from an end to its first node
_TO_THE_ENDS = np.linalg.solve(
    np.polynomial.legendre.legvander(_INNER, 15).T, np.polynomial.legendre.legvander(NODES[[0, -1]], 15).T
)
_ROUNDS = 700  # halvings: from the widest panel down to the smallest float
_PANELS = 500  # at work at once; more are the mark of noise, which halving does not cure
_TOLERANCE = 2e-15

# Parameters (panels, nodes) to functions (functions, panels, nodes), and what the first may be wrong by there (panels, nodes).
Integrand = Callable[[Floats], tuple[Floats, Floats]]


class Integrals(NamedTuple):
    """Integrals (functions,), how far their two rules lie apart, and what the first may be wrong by for rounding."""

    values: Floats
    apart: Floats
    doubt: float


def integrals(of: Integrand, low: Floats, high: Floats, coarse: Floats, scales: Floats) -> Integrals:
    """All functions integrated over panels, each halved until both rules agree.

    Parameters
    ----------
    of : callable
        The functions.
    low, high : ndarray
        (panels,), the ends of panels.
    coarse : ndarray
        (functions, panels), the sums that :func:`rule` finds over the panels.
    scales : ndarray
        (functions,), sizes that errors are judged by; infinite for functions that ask for no halving.
    """
    values, apart, doubt = np.zeros(len(scales)), np.zeros(len(scales)), 0.0
    for turn in range(_ROUNDS):
        middle = low + (high - low) / 2
        halves, doubts, unseen = rule(of, np.concatenate([low, middle]), np.concatenate([middle, high]))
        halves = halves.reshape(len(scales), 2, -1)
        finer, unsure = halves.sum(axis=1), doubts.reshape(2, -1).sum(axis=0)
        gap = np.abs(finer - coarse) + unseen.reshape(len(scales), 2, -1).sum(axis=1)
        allowed = np.broadcast_to(_TOLERANCE * scales[:, None], gap.shape).copy()
        allowed[0] = np.maximum(allowed[0], unsure / 8)
        open_ = (gap > allowed).any(axis=0) & (middle > low) & (middle < high)
        if open_.sum() > _PANELS or turn == _ROUNDS - 1:
            open_[:] = False
        if turn:  # beside a kink both rules may agree by chance, to less than what they are off
            gap[0] = np.maximum(gap[0], allowed[0])
        values, apart = values + finer[:, ~open_].sum(axis=1), apart + gap[:, ~open_].sum(axis=1)
        doubt += float(unsure[~open_].sum())
        if not open_.any():
            break
        low, middle, high = low[open_], middle[open_], high[open_]
        coarse = halves[:, :, open_].reshape(len(scales), -1)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return Integrals(values, apart, doubt)


def rule(of: Integrand, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """Gauss-Legendre sums (functions, panels), of the doubt (panels,), and what the first may miss at the ends (functions, panels)."""
    half = (high - low) / 2
    found, doubt = of(low[:, None] + half[:, None] * (1 + NODES))
    inner = found[..., 1:-1]
    off = np.abs(found[..., [0, -1]] - inner @ _TO_THE_ENDS).sum(axis=2)
    return (inner * _WEIGHTS).sum(axis=2) * half, (doubt[:, 1:-1] * _WEIGHTS).sum(axis=1) * half, off * _BLIND * half
