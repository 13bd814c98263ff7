"""Which sets an error is about, where it comes from a caller's own code."""

from collections.abc import Sequence

import numpy as np
import pytest

import otgen

FOUR = [np.random.default_rng(0).normal(size=(n, 2)) for n in (5, 8, 3, 6)]


class OutOfReach(Sequence):
    """A sequence of which one entry cannot be fetched."""

    def __init__(self, entries):
        self.entries = entries

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, k):
        if k == 2:
            raise OSError("out of reach")
        return self.entries[k]


def test_an_error_of_a_sequence_names_the_set():
    sets, weights = OutOfReach(FOUR), OutOfReach([None] * 4)
    for call, name in (
        (lambda: otgen.pairwise(sets), "sets[2]"),
        (lambda: otgen.pairwise(FOUR, weights=weights), "weights[2]"),
        (lambda: otgen.neighbors(FOUR, sets, 1), "sets[2]"),
        (lambda: otgen.within(sets, 1.0), "sets[2]"),
    ):
        with pytest.raises(OSError, match="out of reach") as caught:
            call()
        assert caught.value.__notes__ == [f"raised when {name} was read"]


def test_an_error_of_a_callable_names_the_pair():
    def mine(x, y, a, b):
        if x[0, 0] == 3:
            raise RuntimeError("mine")
        return 0.0

    with pytest.raises(RuntimeError, match="mine") as caught:
        otgen.pairwise([np.full((2, 2), float(k)) for k in range(5)], distance=mine)
    assert caught.value.__notes__ == ["raised by the distance between sets[3] and sets[3]"]
