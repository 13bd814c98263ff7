"""What is drawn: choices, sizes and numbers of every kind, all of one seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST, LARGEST = 5e-324, 1.7976931348623157e308


class Draw:
    """Everything that is random in an example."""

    def __init__(self, name: str, seed: int) -> None:
        self.rng = np.random.default_rng([zlib.crc32(name.encode()), seed])

    def chance(self, p: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < p)

    def one(self, *options: Any) -> Any:
        """One of them."""
        return options[int(self.rng.integers(len(options)))]

    def whole(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def size(self, most: int = 60) -> int:
        """How many: few, mostly; none, now and then; up to 60 at times."""
        u = self.rng.random()
        if u < 0.01:
            return 0
        return (
            self.whole(1, min(4, most))
            if u < 0.65
            else self.whole(1, min(12, most))
            if u < 0.9
            else self.whole(1, most)
        )

    def seed(self) -> int:
        """A seed for what takes one."""
        return self.whole(0, 2**31)


def _ordinary(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return draw.rng.normal(size=shape) * draw.one(1.0, 1.0, 10.0, 1e-3)


def _dyadic(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return draw.rng.integers(-8, 9, shape) / draw.one(1, 2, 8)


def _ties(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return draw.rng.integers(0, 3, shape).astype(float)


def _whole(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return draw.rng.integers(-100, 101, shape)


def _scaled(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return draw.rng.normal(size=shape) * 10.0 ** draw.one(
            -300, -200, -150, -100, -30, -8, 8, 30, 100, 150, 200, 300
        )


def _wide(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    reach = draw.one(3, 20, 150, 300)
    return draw.rng.choice([-1.0, 1.0], shape) * 10.0 ** draw.rng.uniform(-reach, reach, shape)


def _edge(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return draw.rng.choice([0.0, -0.0, 1.0, LEAST, -LEAST, 2.3e-308, 1e-160, 1e154, LARGEST, -LARGEST, 1e308], shape)


def _near(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    """Equal up to the last digits, or far from the origin."""
    return draw.one(1.0, 1e6, 1e15, 2.0**52) + draw.rng.integers(-4, 5, shape) * draw.one(2.0**-52, 1e-9, 1e-3, 1.0)


def _large_whole(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    centre = draw.one(2**53, 2**60, 2**62, 2**63 - 200, -(2**63) + 200, 1_700_000_000_000_000_000)
    return (centre + draw.rng.integers(-100, 101, shape)).astype(np.int64)


def _none(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, draw.one(0.0, -0.0, 1.0, -1.0))


KINDS: dict[Callable[[Draw, tuple[int, ...]], np.ndarray], float] = {
    _ordinary: 6, _dyadic: 6, _ties: 3, _whole: 3, _scaled: 3, _wide: 1.5, _edge: 1, _near: 1.5, _large_whole: 1, _none: 0.5,
}  # fmt: skip
TAME = (_ordinary, _dyadic, _ties, _whole)
_SHARES = np.array([*KINDS.values()]) / sum(KINDS.values())


@dataclass(frozen=True)
class Numbers:
    """How numbers of one example are drawn, so that both clouds can be of one kind."""

    kind: Callable[[Draw, tuple[int, ...]], np.ndarray]

    @classmethod
    def drawn(cls, draw: Draw, *, tame: bool = False) -> Numbers:
        """A kind; with ``tame`` one that no arithmetic overflows on."""
        if tame:
            return cls(draw.one(*TAME))
        return cls([*KINDS][int(draw.rng.choice(len(KINDS), p=_SHARES))])

    @property
    def tame(self) -> bool:
        """Whether a refusal of such numbers would be a fault."""
        return self.kind in TAME

    def __call__(self, draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
        """An array of the shape, float64 or int64."""
        return self.kind(draw, shape)


def weights(draw: Draw, n: int) -> np.ndarray | None:
    """Weights that are right, of many kinds; None for uniform ones."""
    kind = draw.whole(0, 9)
    if kind < 4 or n == 0:
        return None
    if kind < 6:
        out: np.ndarray = draw.rng.integers(1, 9, n)
    elif kind == 6:
        out = draw.rng.random(n) + 1e-3
    elif kind == 7:  # most of them nothing
        out = draw.rng.integers(0, 2, n).astype(float)
    elif kind == 8:
        out = 10.0 ** draw.rng.uniform(-draw.one(5, 30, 290), 0, n)
    else:
        out = draw.rng.random(n) * draw.one(1e-300, 1e-100, 1e100, 1e290)
    if not out.any():
        out[0] = 1
    return out


def spoilt(draw: Draw, array: np.ndarray) -> np.ndarray:
    """The same with an entry that is no number, or too large."""
    out = array.astype(float)
    if out.size:
        out.flat[draw.whole(0, out.size - 1)] = draw.one(np.nan, np.inf, -np.inf)
    return out
