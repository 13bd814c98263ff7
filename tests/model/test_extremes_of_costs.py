"""Costs of points and tables whose numbers leave the range of floats raise no warning."""

import numpy as np
import scipy.sparse

import otgen
from otgen.model.cost.sparse import SparseSearches


def test_boxes_wider_than_the_largest_float_are_unbounded():
    x, y = [[1.7e308, 1.0], [1.0, 2.0]], [[-1.7e308, 1.0], [2.0, 1.0]]
    result = otgen.wasserstein(x, y, p=1, metric="cosine")
    assert abs(result.value - (1 - np.sqrt(0.05))) < 1e-12


def test_forbidden_entries_stay_forbidden_at_an_infinite_price():
    costs = SparseSearches(scipy.sparse.csr_array(np.array([[1.0, np.inf]])), None)
    values, nearest = costs.ctransform(np.array([0.0, np.inf]))
    assert (values.tolist(), nearest.tolist()) == ([1.0], [0])
