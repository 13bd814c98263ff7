"""One point against many, in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

import otgen
from otgen.model.claim import Claim
from otgen.proofs import prove

WEIGHTS = {"alike": np.full(5, 0.2), "any": np.array([0.3, 0.1, 0.7, 0.0, 1e-12]), "large": np.arange(5) * 2.0**900}


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("sign", [1, -1, 0])
def test_matrices(sign, weights, turned):
    b = WEIGHTS[weights]
    costs = np.random.default_rng(0).random((1, 5)) * np.array([1, sign, 1, 1, sign]) if sign else np.zeros((1, 5))
    problem = otgen.Problem.from_matrix(*((costs.T, b, [1.0]) if turned else (costs, [1.0], b)), normalize=True)
    found = prove(problem, Claim())
    total = sum(map(Fraction, b.tolist()))
    terms = [Fraction(w) * Fraction(c) / total for w, c in zip(b.tolist(), costs[0].tolist(), strict=True)]
    size = float(sum(map(abs, terms)))
    assert Fraction(found.lower) <= sum(terms) <= Fraction(found.upper)
    assert found.upper - found.lower <= 2e-15 * size + 1e-320
    assert found.cost == pytest.approx(float(sum(terms)), rel=1e-14)
    assert found.scale == pytest.approx(max(size, 1e-7 * np.abs(costs).max()), rel=1e-14)
    assert found.potentials is not None
    f, g = found.potentials
    np.testing.assert_allclose(f[:, None] + g, problem.cost.block(), atol=1e-15)
    assert f[0] == pytest.approx(found.cost / 2) or turned
    plan = found.plan.todense()
    np.testing.assert_allclose(plan.ravel(), [float(Fraction(w) / total) for w in b.tolist()], rtol=1e-15)
    assert plan.shape == problem.shape
    values, low = found.plan.values.tolist(), found.plan.low.tolist()
    held = [Fraction(w) / total for w in b.tolist() if w]
    off = sum(abs(Fraction(v) + Fraction(z) - w) for v, z, w in zip(values, low, held, strict=True))
    assert off <= Fraction(found.marginal_error) <= 13 * 2.0**-100
    assert found.marginal_error > 1e-30


@pytest.mark.parametrize("cost", [0.9, 1e80])
def test_shares_below_all_normal_floats(cost):
    """They have few digits, whatever they are multiplied by."""
    small = 1.37 * 2.0**-1060
    found = prove(otgen.Problem.from_matrix([[0.0, cost]], [1.0], [7.0, small], normalize=True), Claim())
    truth = Fraction(cost) * Fraction(small) / (7 + Fraction(small))
    assert Fraction(found.lower) <= truth <= Fraction(found.upper)
    assert found.upper - found.lower <= 1e-299 * max(cost, 1)


def test_scale_beside_a_cost_that_hardly_counts():
    found = prove(otgen.Problem.from_matrix([[0.0, 1.0]], [1.0], [1.0, 1e-12], normalize=True), Claim())
    assert found.scale == 1e-7
