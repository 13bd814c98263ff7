"""Small models of inference, and penalised transport: against closed forms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st

import otgen
from otgen.divergences import Mixture
from otgen.errors import InvalidInput, NotConverged
from otgen.lab import inference
from otgen.lab.penalised_ot import relaxed_transport


class TestFits:
    @pytest.mark.parametrize("kind", ["forward", "reverse", "js"])
    def test_a_gaussian_is_its_own_fit(self, kind):
        fit = inference.fit_gaussian(st.norm(2, 3), kind, (0.0, 1.0))
        assert (fit.mean, fit.sd, fit.divergence) == pytest.approx((2, 3, 0), abs=1e-6)

    def test_forward_keeps_moments(self):
        law = Mixture([0.2, 0.8], [st.norm(-3, 1), st.norm(2, 2)])
        fit = inference.fit_gaussian(law, "forward")
        mean = 0.2 * -3 + 0.8 * 2
        variance = 0.2 * (1 + 9) + 0.8 * (4 + 4) - mean**2
        assert (fit.mean, fit.sd) == pytest.approx((mean, math.sqrt(variance)), rel=1e-7)

    def test_mean_field_of_independent_parts_is_exact(self):
        first, second = np.array([0.2, 0.8]), np.array([0.5, 0.3, 0.2])
        found = inference.mean_field(np.outer(first, second))
        np.testing.assert_allclose(found.first, first, rtol=1e-12)
        assert found.history[-1] == pytest.approx(0, abs=1e-15)

    def test_propagation_of_one_factor_is_exact(self):
        fit = inference.probit_propagation([2.0], [-1])
        z = np.linspace(-10, 10, 200_001)
        weight = np.exp(-z * z / 2) * st.norm.cdf(-2 * z)
        mean = (z * weight).sum() / weight.sum()
        variance = (z * z * weight).sum() / weight.sum() - mean**2
        assert (fit.mean, fit.variance) == pytest.approx((mean, variance), rel=1e-9)


class TestRelaxed:
    @pytest.mark.parametrize("penalty", ["kl", "tv"])
    def test_no_penalty_is_the_nearest_code_and_much_is_transport(self, penalty):
        rng = np.random.default_rng(0)
        cost, data, prior = rng.random((5, 3)), rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3))
        nearest, transport = float(data @ cost.min(axis=1)), otgen.transport(cost, data, prior).value
        values = [relaxed_transport(cost, data, prior, weight, penalty)[0] for weight in (1e-9, 0.3, 50.0)]
        assert values[0] == pytest.approx(nearest, abs=1e-6)
        assert nearest < values[1] < transport
        assert values[2] == pytest.approx(transport, abs=2e-2)

    def test_its_plan_has_the_data_as_marginal(self):
        rng = np.random.default_rng(1)
        cost, data, prior = rng.random((4, 3)), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3))
        for penalty in ("kl", "tv"):
            np.testing.assert_allclose(
                relaxed_transport(cost, data, prior, 1.0, penalty)[1].sum(axis=1), data, atol=1e-9
            )


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: inference.fit_gaussian(st.norm(100, 1), "forward"), InvalidInput),
        (lambda: inference.fit_gaussian(st.uniform(), "reverse"), InvalidInput),
        (lambda: inference.fit_gaussian(st.norm(), "forward", (0.0, 0.0)), InvalidInput),
        (lambda: inference.fit_gaussian(st.norm(), "forward", (math.nan, 1.0)), InvalidInput),
        (lambda: inference.fit_gaussian(st.norm(0, 1e-3), "forward", (0.0, 1e-3)), (InvalidInput, NotConverged)),
        (lambda: inference.fit_gaussian(st.norm(), "sideways"), InvalidInput),
        (lambda: inference.elbo([0.0, 0.0], [-1.0, 2.0]), InvalidInput),
        (lambda: inference.elbo([0.0, 0.0], [2.0, 5.0]), InvalidInput),
        (lambda: inference.mean_field([[0.5, -0.5], [0.5, 0.5]]), InvalidInput),
        (lambda: inference.mean_field_gaussian([0, 0], [[1, 2], [2, 1]], [0, 0]), InvalidInput),
        (lambda: inference.mean_field_gaussian([0, 0], np.eye(2), [0]), InvalidInput),
        (lambda: inference.probit_propagation([1, 2], [0, 1]), InvalidInput),
        (lambda: inference.probit_propagation([1, 2, 3], [1]), InvalidInput),
        (lambda: inference.probit_propagation([1.0, 2.0], [1, -1], sweeps=1), NotConverged),
        (lambda: inference.variational_regression([1.0], [1.0]), InvalidInput),
        (lambda: inference.variational_regression([[1.0]], [1.0], precision=-1), InvalidInput),
        (lambda: relaxed_transport(np.zeros((2, 2)), [5, 9], [0.9, 0.1], 1.0), InvalidInput),
        (lambda: relaxed_transport([[math.nan, 0]], [1.0], [0.5, 0.5], 1.0), InvalidInput),
        (lambda: relaxed_transport(np.zeros((2, 2)), [0.5, 0.5], [1.0], 1.0), InvalidInput),
        (lambda: relaxed_transport(np.zeros((2, 2)), [0.5, 0.5], [0.5, 0.5], 1.0, "l2"), InvalidInput),
    ],
)
def test_refusals(call, kind):
    with pytest.raises(kind):
        call()
