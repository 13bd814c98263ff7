"""Boxes around clouds beside numpy's reductions, column by column."""

import numpy as np
import pytest

from otgen.model.boxes import Box


@pytest.mark.parametrize("d", [1, 2, 3, 64, 511, 512, 700])
@pytest.mark.parametrize("order", ["C", "F"])
def test_ends_are_those_of_each_column(d, order):
    rng = np.random.default_rng(d)
    for n in (1, 2, 7, 1030):  # shorter than what is compared at a time, and longer, with a rest
        points = np.array(rng.normal(size=(n, d)), order=order)
        at = rng.integers(n, size=(2, d))
        points[at[0], range(d)], points[at[1], range(d)] = -9.0, 9.0 + np.arange(d)
        found = Box.around(points, -points)
        assert [end.tolist() for end in found] == [
            [column.min() for column in points.T],
            [column.max() for column in points.T],
            [(-column).min() for column in points.T],
            [(-column).max() for column in points.T],
        ]


def test_ends_of_stacks_are_those_of_each_problem():
    x, y = np.random.default_rng(0).normal(size=(2, 3, 40, 2))
    found = Box.around(x, y)
    for k in range(3):
        assert [end[k].tolist() for end in found] == [end.tolist() for end in Box.around(x[k], y[k])]
