"""Whole numbers that no double holds: nanoseconds since 1970, and ids.

Distances by differences do not change when both clouds are moved alike. So both are moved by the same whole numbers, one a
coordinate, in integer arithmetic, before they become floats, and nothing is rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .types import Floats

EXACT = 2**53  # whole numbers up to here are doubles


def is_whole(array: np.ndarray) -> bool:
    """Whether an array holds whole numbers, be it as Python's."""
    if array.dtype != object:
        return array.dtype.kind in "biu"
    return all(isinstance(entry, int | np.integer | np.bool_) for entry in array.ravel())


def narrowed(entries: np.ndarray) -> np.ndarray:
    """Python's whole numbers as int64 or uint64, where one of these holds them."""
    if not entries.size:
        return entries.astype(np.int64)
    low, high = int(entries.min()), int(entries.max())
    if low >= -(2**63) and high < 2**63:
        return entries.astype(np.int64)
    whole: Any = np.frompyfunc(int, 1, 1)(entries)
    return entries.astype(np.uint64) if low >= 0 and high < 2**64 else whole


def held(array: np.ndarray) -> np.ndarray:
    """Which of some whole numbers are doubles: a mask of the same shape.

    Examples
    --------
    >>> held(np.array([2**53, 2**53 + 1, 2**60]))
    array([ True, False,  True])
    """
    if array.dtype == object:
        return np.vectorize(_is_double, otypes=[bool])(array)
    if array.dtype.itemsize < 8 or not array.size or (int(array.min()) >= -EXACT and int(array.max()) <= EXACT):
        return np.broadcast_to(np.True_, array.shape)
    floats, limit = array.astype(np.float64), 2.0**63 if array.dtype.kind == "i" else 2.0**64
    inside = floats < limit  # the limit itself is no number of this dtype
    return inside & (np.where(inside, floats, 0.0).astype(array.dtype) == array)


def moved(x: np.ndarray, y: np.ndarray) -> tuple[Floats, Floats] | None:
    """Coordinates of two clouds, (n,) and (m,), less the same number, exactly; None where no number makes doubles of all.

    Examples
    --------
    >>> moved(np.array([2**60 + 1]), np.array([2**60 + 4, 2**60 + 5]))
    (array([-2.]), array([1., 2.]))
    """
    (one, other), places = _scaled(x, y)
    low, high = min(int(one.min()), int(other.min())), max(int(one.max()), int(other.max()))
    if high - low >= 2**64:
        return None
    steps = [_steps(z, low) for z in (one, other)]
    bits = int(np.bitwise_or.reduce(steps[0])) | int(np.bitwise_or.reduce(steps[1]))
    grain = bits & -bits or 1  # all differences are multiples of it
    middle = (high - low) // (2 * grain) * grain
    if (high - low - middle) // grain > EXACT:
        return None
    out = [np.where(z >= middle, z - np.uint64(middle), np.uint64(middle) - z).astype(np.float64) for z in steps]
    signed = [np.where(z >= middle, size, -size) for z, size in zip(steps, out)]
    return np.ldexp(signed[0], -places), np.ldexp(signed[1], -places)


def _is_double(number: Any) -> bool:
    number = int(number)
    return abs(number) < 2**1023 and int(float(number)) == number


def _scaled(x: np.ndarray, y: np.ndarray) -> tuple[list[np.ndarray], int]:
    """Coordinates times a power of two that makes whole numbers of them all, and which."""
    if is_whole(x) and is_whole(y):
        return [x, y], 0
    ratios = [[z.as_integer_ratio() for z in side.tolist()] for side in (x, y)]
    places = max(bottom for side in ratios for _, bottom in side).bit_length() - 1
    return [np.array([top * (2**places // bottom) for top, bottom in side], object) for side in ratios], places


def _steps(numbers: np.ndarray, low: int) -> np.ndarray:
    """``numbers - low``, which lie in [0, 2**64): uint64, in arithmetic modulo 2**64."""
    if numbers.dtype == object:
        return (numbers - low).astype(np.uint64)
    return numbers.astype(np.int64 if numbers.dtype.kind != "u" else np.uint64).view(np.uint64) - np.uint64(low % 2**64)
