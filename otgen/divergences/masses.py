"""Divergences of mass functions that are given as arrays: one pair, or one pair a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..inputs import arrays, tables
from ..inputs.origin import Origin
from ..inputs.scalars import told
from ..inputs.types import Floats
from ..kernels.double_double import UNIT
from .estimate import Estimate
from .terms import Term


def over_masses(p: Any, q: Any, term: Term) -> Estimate:
    """The sum of a term over atoms; arrays (k,) where either side has rows (k, n)."""
    shapes = _shape(p, "p"), _shape(q, "q")
    if shapes[0][-1] != shapes[1][-1] or (len(shapes[0]) == len(shapes[1]) == 2 and shapes[0] != shapes[1]):
        raise InvalidInput(
            f"p and q must be mass functions over the same atoms, (n,) or rows (k, n); received shapes {shapes[0]} and "
            f"{shapes[1]}; give both a mass for every atom, 0 where there is none"
        )
    if len(shapes[0]) == len(shapes[1]) == 2:
        _refuse_other_rows(tables.row_names(p), tables.row_names(q))
    (one, first), (other, second) = _masses(p, "p"), _masses(q, "q")
    coarser = max(first, second, key=Origin.tolerance)
    one, other = _shares(one, coarser, "p"), _shares(other, coarser, "q")
    one, other = np.broadcast_arrays(one, _in_the_order_of(p, q, other))
    found = [_sum_of_term(*pair, term) for pair in zip(np.atleast_2d(one), np.atleast_2d(other))]
    if one.ndim == 1:
        return found[0]
    return Estimate(np.array([row.value for row in found]), np.array([row.error for row in found]), found[0].note)


def _sum_of_term(p: Floats, q: Floats, term: Term) -> Estimate:
    with np.errstate(all="ignore"):
        terms = term.masses(p, q)
        logs = np.abs(np.where(p > 0, np.log(p), 0.0)) + np.abs(np.where(q > 0, np.log(q), 0.0))
        size = float(np.abs(terms).sum() + (np.maximum(p, q) * (1 + logs)).sum())
    if not math.isfinite(size):
        return Estimate(math.inf, 0.0)
    return Estimate(math.fsum(terms.tolist()), 8 * UNIT * size).within(0.0, term.most)


def _shape(value: Any, name: str) -> tuple[int, ...]:
    """The shape of masses, (n,) or (k, n), before any is read where an array tells it."""
    try:
        shape = tuple(value.shape) if hasattr(value, "shape") else np.shape(value)
    except (TypeError, ValueError, RuntimeError):  # of what only looks like an array, and of nested tensors
        raise InvalidInput(
            f"{name} must be a rectangular array of masses; received {told(value)}, or rows of several lengths; fill them with zeros"
        ) from None
    if len(shape) not in (1, 2) or 0 in shape:
        raise InvalidInput(
            f"{name} must be a mass function over at least one atom, (n,), or rows of them, (k, n), or a law; received "
            f"{type(value).__name__} of shape {shape}; pass an array of masses or a frozen scipy.stats distribution"
        )
    return shape


def _masses(value: Any, name: str) -> tuple[Floats, Origin]:
    """Masses (n,) or (k, n), non-negative, and where they came from."""
    floats, origin, on_line = arrays.cloud(value, name, allow_gpu=True)
    masses = floats.astype(np.float64)
    if (masses < 0).any():
        remedy = "clip it, or correct it" if (masses > 0).any() else f"pass numpy.exp({name}), if these are logarithms"
        raise InvalidInput(f"{name} must be non-negative; received {float(masses.min())!r} among its masses; {remedy}")
    return masses[:, 0] if on_line else masses, origin


def _shares(masses: Floats, coarser: Origin, name: str) -> Floats:
    """Masses of which each row has sum 1 to the tolerance of the coarser dtype of both sides, divided by that sum."""
    sums = np.array([_row_total(row) for row in np.atleast_2d(masses).tolist()])
    worst, tolerance = float(sums[np.abs(sums - 1).argmax()]), coarser.tolerance()
    if not abs(worst - 1) <= tolerance:
        raise InvalidInput(
            f"{name} must sum to 1 (to {tolerance:g} in {coarser.dtype}); received a sum of {worst!r}; divide it by its sum"
        )
    return masses / (sums[:, None] if masses.ndim == 2 else sums[0])


def _row_total(row: list[float]) -> float:
    try:
        return math.fsum(row)
    except OverflowError:
        return math.inf


def _in_the_order_of(p: Any, q: Any, masses: Floats) -> Floats:
    """The masses of q by the names that p has for its atoms, where both are tables with names."""
    own, others = _names(p), _names(q)
    if own is None or others is None or own == others:
        return masses
    places = {name: k for k, name in enumerate(others)}
    if len(places) < len(others) or set(own) != set(others) or len(own) != len(others):
        odd = sorted(map(repr, set(own) ^ set(others)))[:3] or ["names that stand twice"]
        raise InvalidInput(
            f"p and q must name the same atoms; received {', '.join(odd)} on one side only; reindex both to all names, "
            f"with 0 where there is no mass"
        )
    return masses[..., [places[name] for name in own]]


def _refuse_other_rows(own: tables.Names | None, others: tables.Names | None) -> None:
    """Raise for rows of the same names in another order, since row is compared with row; those of other names go by position."""
    if own is None or others is None or list(own) == list(others) or set(own) != set(others):
        return
    k = next(k for k, pair in enumerate(zip(own, others)) if pair[0] != pair[1])
    raise InvalidInput(
        f"p and q must have rows of one name in the same order; received {own[k]!r} and {others[k]!r} in place {k}; bring both into one order"
    )


def _names(table: Any) -> list[Any] | None:
    """Names of atoms: the index of a Series, the columns of a frame."""
    names = tables.column_names(table) or tables.row_names(table)
    names = getattr(table, "columns", getattr(table, "index", None)) if names is None else names
    return None if names is None or callable(names) else list(names)
