"""What numpy makes of a plan."""

import numpy as np
import pytest

import otgen

X, Y = np.random.default_rng(0).random((12, 2)), np.random.default_rng(1).random((15, 2))
PLANS = [
    lambda: otgen.wasserstein(X, Y).plan,
    lambda: otgen.wasserstein(X[:, 0], Y[:, 0]).plan,
    lambda: otgen.sinkhorn(X, Y, epsilon=1).plan,
]


@pytest.mark.parametrize("make", PLANS)
def test_an_array_of_a_plan_is_dense(make):
    plan = make()
    np.testing.assert_array_equal(np.asarray(plan), plan.todense())
    assert np.asarray(plan, dtype=np.float32).dtype == np.float32
    assert np.array(plan, copy=True).shape == plan.shape
    with pytest.raises(ValueError, match="copy must not be False"):
        np.array(plan, copy=False)


def test_a_plan_that_would_not_fit_stays_an_operator():
    plan = otgen.wasserstein(np.arange(20_000.0), np.arange(20_000.0)).plan
    with pytest.raises(otgen.TooLarge, match="use it as an operator"):
        np.asarray(plan)
