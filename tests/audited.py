"""A small problem that audits are tried on, its true values, and what an interval must do."""

from __future__ import annotations

import numpy as np

import otgen

RNG = np.random.default_rng(0)
X, Y = RNG.random((9, 2)), RNG.random((7, 2)) + 0.5
A, B = RNG.dirichlet(np.ones(9)), RNG.dirichlet(np.ones(7))
M = ((X[:, None] - Y) ** 2).sum(-1)
TRUTH = otgen.wasserstein(X, Y, A, B).cost
REG = 0.2
ENTROPIC = otgen.sinkhorn(X, Y, A, B, epsilon=REG, tol=1e-12).value


def assert_holds(found, truth, tight):
    """The interval holds the truth and is no wider than ``tight``, either end alone infinite where ``tight`` is None."""
    assert found.lower <= truth * (1 + 1e-9)
    assert truth * (1 - 1e-9) <= found.upper
    if tight is not None:
        assert found.upper - found.lower <= tight
