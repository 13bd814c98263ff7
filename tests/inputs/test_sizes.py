"""Sizes that do not belong together are judged before any entry is read: here all entries are NaN, and only the sizes are told."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

import otgen
from otgen import divergences

COSTS, X, Y, MASSES = np.full((3, 4), np.nan), np.full((3, 2), np.nan), np.full((4, 2), np.nan), np.full(5, np.nan)
OF_POINTS = [
    otgen.wasserstein,
    otgen.sliced_wasserstein,
    otgen.max_sliced_wasserstein,
    otgen.permutation_null,
    lambda *sets, **weights: otgen.sinkhorn(*sets, **weights, epsilon=1),
    lambda *sets, **weights: otgen.sinkhorn_divergence(*sets, **weights, epsilon=1),
    lambda *sets, **weights: otgen.partial_wasserstein(*sets, **weights, penalty=1),
    lambda *sets, **weights: otgen.audit(*sets, **weights, plan=[0, 1, 2]),
]


@pytest.mark.parametrize("call", OF_POINTS)
def test_of_points_and_weights(call):
    with pytest.raises(otgen.InvalidInput, match=r"a must have shape \(3,\), .* points of x; received shape \(5,\)"):
        call(X, Y, a=MASSES)
    with pytest.raises(otgen.InvalidInput, match=r"b must have shape \(4,\), .* points of y; received shape \(5,\)"):
        call(X, Y, b=MASSES)
    with pytest.raises(otgen.InvalidInput, match="number of coordinates; received 2 and 3"):
        call(X, COSTS[:, :3])


@pytest.mark.parametrize("made", [np.asarray, torch.tensor, pd.DataFrame, scipy.sparse.csr_array])
@pytest.mark.parametrize("options", [{}, {"epsilon": 1}, {"penalty": 1}])
def test_of_costs_and_masses(made, options):
    with pytest.raises(otgen.InvalidInput, match=r"a must have shape \(3,\), .* rows of C; received shape \(5,\)"):
        otgen.transport(made(COSTS), MASSES, **options)
    with pytest.raises(otgen.InvalidInput, match=r"b must have shape \(4,\), .* columns of C; received shape \(5,\)"):
        otgen.transport(made(COSTS), b=MASSES, **options)


@pytest.mark.parametrize(("p", "q"), [(X, COSTS), (COSTS, MASSES), (COSTS, np.full((2, 4), np.nan)), (MASSES, X[0])])
def test_of_mass_functions(p, q):
    with pytest.raises(otgen.InvalidInput, match=r"over the same atoms, .*; received shapes"):
        divergences.kl(p, q)
