"""Small models of inference, and penalised transport: against closed forms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import logsumexp

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


@pytest.mark.parametrize("weight", [1e-9, 1e-3, 0.2, 0.3, 0.7, 20.0, 1e3, 1e9])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_one_datum_under_kl_has_a_closed_form(weight, k):
    """``min_q <q, c> + w KL(q || prior)`` is ``-w log sum prior exp(-c/w)``; the optimiser gave up beside 30 codes."""
    rng = np.random.default_rng(0)
    cost, prior = 3 * rng.normal(size=(1, k)), rng.dirichlet(np.ones(k))
    truth = -weight * logsumexp(-cost[0] / weight, b=prior)
    found, plan = relaxed_transport(cost, [1.0], prior, weight)
    assert found == pytest.approx(truth, rel=1e-12, abs=1e-15 * weight)
    assert plan.sum() == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("weight", [1e-9, 0.3, 1e9])
def test_one_code_takes_all(weight):
    rng = np.random.default_rng(0)
    cost, data = rng.normal(size=(30, 1)), rng.dirichlet(np.ones(30))
    found, plan = relaxed_transport(cost, data, [1.0], weight)
    assert found == pytest.approx(data @ cost[:, 0], rel=1e-12, abs=1e-15 * weight)
    np.testing.assert_allclose(plan[:, 0], data, rtol=1e-15)


def test_bounds_are_bounds_and_rise():
    rng = np.random.default_rng(0)
    log_joint, q = rng.normal(size=6), rng.dirichlet(np.ones(6))
    assert inference.elbo(log_joint, q) <= np.logaddexp.reduce(log_joint)
    posterior = np.exp(log_joint) / np.exp(log_joint).sum()
    assert inference.elbo(log_joint, posterior) == pytest.approx(np.logaddexp.reduce(log_joint), rel=1e-14)
    table = rng.dirichlet(np.ones(12)).reshape(3, 4)
    assert (np.diff(inference.mean_field(table).history) <= 1e-15).all()
    fit = inference.variational_regression(rng.normal(size=(20, 3)), rng.normal(size=20))
    assert (np.diff(fit.bounds) >= -1e-12).all()
    assert len(fit.bounds) < 100  # it stops where the bound no longer rises


def test_mean_field_of_a_gaussian_ends_at_its_mean_with_too_little_variance():
    cov = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.3], [0.2, 0.3, 1.5]])
    found = inference.mean_field_gaussian([1, 2, 3], cov, [9, 9, 9])
    np.testing.assert_allclose(found.means[-1], [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(found.variances, 1 / np.diag(np.linalg.inv(cov)), rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: inference.elbo("x", [1.0]),
        lambda: inference.elbo([math.nan], [1.0]),
        lambda: inference.mean_field("x"),
        lambda: inference.mean_field_gaussian([0.0], [[1.0]], "x"),
        lambda: inference.fit_gaussian("x", "forward"),
        lambda: inference.fit_gaussian(st.poisson(3), "forward"),
        lambda: inference.fit_gaussian(st.norm(), "forward", 1.0),
        lambda: inference.probit_propagation("x", [1]),
        lambda: inference.variational_regression("x", [1.0]),
        lambda: inference.variational_regression([[math.nan]], [1.0]),
        lambda: relaxed_transport("x", [1.0], [1.0], 1.0),
    ],
)
def test_what_is_no_array_or_no_law_is_refused_in_words(call):
    with pytest.raises(InvalidInput, match=r"received .*; "):
        call()


@pytest.mark.parametrize("seed", range(60))
def test_no_plan_is_much_better_at_any_scale(seed):
    """Every h gives ``sum_x p_x min_z (c_xz + h_z) - weight log sum_z q_z exp(h_z / weight)`` as a lower bound, by Legendre's transform of KL."""
    rng = np.random.default_rng(seed)
    n, k = rng.integers(2, 9, 2)
    cost, weight = rng.random((n, k)) * 10.0 ** rng.uniform(-3, 3), 10.0 ** rng.uniform(-3, 3)
    data, prior = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(k))
    value, plan = relaxed_transport(cost, data, prior, weight)
    latent = plan.sum(axis=0)
    h = weight * np.log(latent / prior)
    best = data @ (cost + h).min(axis=1) - weight * logsumexp(h / weight, b=prior)
    assert best - 1e-12 * abs(value) <= value <= best + 1e-7 * (1 + np.ptp(cost) + weight)
    np.testing.assert_allclose(plan.sum(axis=1), data, rtol=1e-12)
    assert (plan * cost).sum() + weight * (latent @ np.log(latent / prior)) == pytest.approx(value, rel=1e-9)
