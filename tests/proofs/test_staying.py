"""What need not move: only where points coincide and balance exactly."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import otgen
from otgen.model.claim import Claim, Flows
from otgen.model.partial import Partial
from otgen.proofs import prove, prove_staying, prove_staying_in_part

X = np.array([[0.0, 1.0], [2.0, 5.0], [3.0, 3.0]])


def found(x, y, a, b, flows):
    problem = otgen.Problem.from_points(x, y, a, b, normalize=True)
    rows, columns, values = (np.array(z) for z in zip(*flows, strict=True))
    return prove_staying(problem, prove(problem, Claim(Flows(rows, columns, values.astype(float)))))


def test_a_cloud_in_another_order():
    """Masses that are no dyadic numbers leave the plan a little short; an entry of 0 connects nothing."""
    a, order = np.array([0.1, 0.3, 0.2]), [2, 0, 1]
    flows = [(order[j], j, (a / a.sum())[order[j]] * (1 - 2e-16)) for j in range(3)] + [(0, 0, 0.0)]
    proof = found(X, X[order], a, a[order], flows)
    assert (proof.lower, proof.cost, proof.upper) == (0.0, 0.0, 0.0)


def test_a_plan_that_moves_nothing_is_kept():
    """Entries of 0 between points that are apart move nothing."""
    posed = otgen.Problem.from_points(X, X, [0.1, 0.3, 0.2], [0.1, 0.3, 0.2], normalize=True)
    rows, columns = np.indices((3, 3)).reshape(2, -1)
    proof = prove(posed, Claim(Flows(rows, columns, np.diag(posed.source.probabilities).ravel() * (1 - 2e-16))))
    proof = replace(proof, upper=1e-16)
    found = prove_staying(posed, proof)
    assert (found.upper, found.plan) == (0.0, proof.plan)


@pytest.mark.parametrize(
    ("y", "b"), [(X, [0.1, 0.3, math.nextafter(0.2, 1)]), (X + [[0, 0], [0, 0], [0, 1e-15]], [0.1, 0.3, 0.2])]
)
def test_a_little_moves(y, b):
    a = np.array([0.1, 0.3, 0.2])
    proof = found(X, y, a, b, [(k, k, w) for k, w in enumerate(a / a.sum())])
    assert proof.lower <= proof.cost < proof.upper


def test_a_matrix_has_no_points():
    problem = otgen.Problem.from_matrix(np.zeros((2, 2)), [0.1, 0.2], [0.2, 0.1])
    proof = prove(problem, Claim(Flows(np.arange(2), np.arange(2), np.full(2, 0.5))))
    assert prove_staying(problem, proof) is proof


@pytest.mark.parametrize("kind", ["matrix", "callable"])
def test_where_no_place_is_known_pairs_of_a_plan_must_cost_nothing(kind):
    """Entries of 0 cost nothing, whatever their pairs do; without a plan nothing is known."""
    posed = (
        otgen.Problem.from_matrix(1 - np.eye(3), [0.1, 0.3, 0.2], [0.1, 0.3, 0.2], normalize=True)
        if kind == "matrix"
        else otgen.Problem.from_points(X, X, [0.1, 0.3, 0.2], [0.1, 0.3, 0.2], normalize=True, metric=plainly)
    )
    rows, columns = np.indices((3, 3)).reshape(2, -1)
    proof = replace(
        prove(posed, Claim(Flows(rows, columns, np.diag(posed.source.probabilities).ravel()))), lower=0.0, upper=1e-16
    )
    found = prove_staying(posed, proof)
    assert (found.lower, found.cost, found.upper) == (0.0, 0.0, 0.0)
    for less in (
        replace(proof, plan=None),
        replace(proof, plan=prove(posed, Claim(Flows(rows, columns, np.full(9, 1 / 9)))).plan),
    ):
        assert prove_staying(posed, less) is less


def test_what_costs_something_or_nothing_is_left_as_it_is():
    problem = otgen.Problem.from_points(X, X)
    staying = Flows(np.arange(3), np.arange(3), np.full(3, 1 / 3))
    proof = prove(problem, Claim(staying))
    for lower, upper in ((0.25, 0.75), (0.0, 0.0), (-1e-300, 0.0)):
        other = replace(proof, lower=lower, upper=upper)
        assert prove_staying(problem, other) is other
    for left in (proof, replace(proof, plan=None)):
        found = prove_staying(problem, replace(left, upper=1.0, cost=0.5))
        assert (found.lower, found.cost, found.upper, found.plan) == (0.0, 0.0, 0.0, left.plan)


@pytest.mark.parametrize("p", [1, 2, 20, 700])
@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize("reach", [5, 40, 290])
def test_faint_points_do_not_move_either(p, halved, reach):
    """The distance of a cloud and itself in another order, or with every point as two halves, is 0, and the plan's cost is."""
    rng = np.random.default_rng(reach)
    x, a = rng.normal(size=(8, 3)), 10.0 ** rng.uniform(-reach, 0, 8)
    order = rng.permutation(np.tile(np.arange(8), 1 + halved))
    y, b = x[order] + 0.0, a[order] / (1 + halved)
    result = otgen.wasserstein(x, y, a, b, p=p)
    assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)
    assert result.status is otgen.Status.OPTIMAL
    plan = result.plan.todense()
    assert not plan[(x[:, None] != y).any(axis=2)].any()
    np.testing.assert_allclose(plan.sum(axis=1), a / a.sum(), rtol=1e-12)
    assert result.marginal_error < 1e-15


def test_the_same_numbers_of_a_circle_and_of_either_zero():
    """Places that are written in two ways: a period apart, or 0.0 and -0.0."""
    x, a = np.array([[0.0, 23.0], [5.0, -0.0], [7.0, 1.0]]), np.array([1.0, 1e-30, 3e-60])
    y = np.array([[31.0, 25.0], [-0.0, 47.0], [5.0, 0.0]])
    result = otgen.wasserstein(x, y, a, a[[2, 0, 1]], p=20, metric=otgen.Circular(24))
    assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)


def in_part(metric):
    """A mass of 0.3 within places, what is known of it and of a plan that moves it so, and the pairs of that plan."""
    wanted = Partial(otgen.Problem.from_points(X, X, A, A, normalize=True, metric=metric), (np.zeros(3),) * 2, 0.3)
    flows = Flows(
        np.array([0, 1, 1, 2, 3, 3]), np.array([0, 1, 3, 3, 1, 2]), np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2]) / 0.9
    )
    return wanted, replace(prove(wanted.posed.problem, Claim(flows)), lower=-1e-17, upper=1e-16)


@pytest.mark.parametrize("known", [True, False])
def test_in_part_what_costs_something_or_nothing_is_left_as_it_is(known):
    wanted, proof = in_part("euclidean" if known else plainly)
    found = prove_staying_in_part(wanted, proof)
    assert (found.lower, found.cost, found.upper) == (0.0, 0.0, 0.0)
    for lower, upper in ((0.25, 0.75), (0.0, 0.0), (-1e-300, 0.0)):
        other = replace(proof, lower=lower, upper=upper)
        assert prove_staying_in_part(wanted, other) is other
    without = replace(proof, plan=None)
    assert (prove_staying_in_part(wanted, without) is without) == (not known)


def test_in_part_pairs_that_cost_something_or_do_not_carry_the_masses_show_nothing():
    wanted, proof = in_part(lambda x, y: plainly(x, y) + 1e-300)
    assert prove_staying_in_part(wanted, proof) is proof
    wanted, proof = in_part(plainly)
    assert proof.plan is not None
    values = proof.plan.values.copy()
    values[0] = 0.0
    less = replace(proof, plan=replace(proof.plan, values=values))
    assert prove_staying_in_part(wanted, less) is less


def test_faint_points_stay_in_part():
    rng = np.random.default_rng(0)
    x, a, order = rng.normal(size=(8, 2)), 10.0 ** rng.uniform(-40, 0, 8), rng.permutation(8)
    result = otgen.partial_wasserstein(x, x[order], a, a[order], p=20, penalty=1.0)
    assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)


A = np.array([0.1, 0.3, 0.2])
PART = {
    "a price": (X, A, dict(penalty=1.0)),
    "a mass": (X, A, dict(mass=0.37)),
    "all of it": (X, A, dict(mass=math.fsum(A))),
    "equal weights": (X, None, dict(penalty=1.0)),
    "equal weights, places twice": (np.repeat(X, 2, axis=0), None, dict(penalty=1.0)),
    "what stays is free": (np.vstack([X, X + 1]), np.concatenate([A, A]), dict(penalty=(1.0, 0.0))),
    "in halves": (np.vstack([X, X]), np.concatenate([A / 2, A / 2]), dict(penalty=(1.0, 1.0))),
}


@pytest.mark.parametrize("p", [2, 3])
@pytest.mark.parametrize("case", PART)
def test_transport_in_part_between_points_that_coincide_costs_nothing(case, p):
    y, b, asked = PART[case]
    result = otgen.partial_wasserstein(X, y, None if b is None else A, b, p=p, **asked)
    assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)
    assert result.status is otgen.Status.OPTIMAL


@pytest.mark.parametrize("p", [2, 3])
@pytest.mark.parametrize(
    ("y", "b", "asked", "least"),
    [
        (X, [0.1, 0.3, math.nextafter(0.2, 1)], dict(penalty=1.0), lambda p: math.ulp(0.2)),
        (X + 1e-9, A, dict(penalty=1.0), lambda p: 0.6 * (2e-18) ** (p / 2)),
        (np.vstack([X, X + 1]), np.concatenate([A, A]), dict(penalty=(1.0, 1e-9)), lambda p: 6e-10),
    ],
)
def test_what_must_move_or_stay_at_a_price_is_no_zero(y, b, asked, least, p):
    result = otgen.partial_wasserstein(X, y, A, b, p=p, **asked)
    assert result.lower <= (1.01 * least(p)) ** (1 / p)
    assert result.upper >= (0.99 * least(p)) ** (1 / p)


def test_a_mass_of_one_place_only():
    """As much as both places have, exactly, and half a unit in the last place more."""
    x, y = np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 7.0]])
    exact = otgen.partial_wasserstein(x, y, [0.3, 0.7], [0.3, 0.7], p=3, mass=0.3)
    assert (exact.lower, exact.upper) == (0.0, 0.0)
    priced = otgen.partial_wasserstein(x, y, [0.3, 0.7], [0.3, 0.7], p=3, mass=0.3, penalty=([1.0, 0.0], [1.0, 0.0]))
    assert (priced.lower, priced.upper) == (0.0, 0.0)
    beyond = otgen.partial_wasserstein(x, y, [0.3, 0.7], [0.3, 0.7], p=3, mass=math.nextafter(0.3, 1))
    assert beyond.upper >= (math.ulp(0.3) * 125) ** (1 / 3)


def plainly(x, y):
    """A callable, of which nothing is known."""
    return np.abs(x[:, None] - y).sum(axis=-1)


@pytest.mark.parametrize("p", [1, 2, 3, 7])
@pytest.mark.parametrize("asked", [{}, dict(penalty=1.0), dict(mass=0.37)])
def test_equal_clouds_under_a_callable_that_is_0_on_the_diagonal(p, asked):
    """They were [0, 2e-9] apart at p = 3."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    a = np.random.default_rng(1).random(20)
    call = otgen.partial_wasserstein if asked else otgen.wasserstein
    for weights in (None, a):
        result = call(
            x, x[::-1].copy(), weights, weights if weights is None else a[::-1].copy(), p=p, metric=plainly, **asked
        )
        assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)
        assert result.status is otgen.Status.OPTIMAL


@pytest.mark.parametrize("p", [2, 3])
@pytest.mark.parametrize("metric", ["euclidean", plainly])
@pytest.mark.parametrize("asked", [dict(penalty=(0.0, 1.0)), dict(mass=0.3), dict(mass=0.3, penalty=(0.0, 1e-9))])
def test_beside_points_with_far_more_than_can_move_nothing_costs_nothing_either(p, metric, asked):
    """They were [0, 3e-5] apart at p = 3; a target that stays at a price costs that."""
    x = np.array([[0.0, 0.0], [3.0, 3.0]])
    found = otgen.partial_wasserstein(x, x, [1000.0, 7.0], [0.3, 0.1], p=p, metric=metric, **asked)
    truth = Fraction(0.3) + Fraction(0.1) - Fraction(0.3) if len(asked) == 2 else 0
    if truth:
        assert 0 < found.lower**p <= truth * 1e-9 * (1 + 1e-9)
        assert found.upper**p >= truth * 1e-9 * (1 - 1e-9)
    else:
        assert (found.lower, found.value, found.upper) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("p", [1, 3, 300])
def test_a_callable_that_is_nearly_0_or_clouds_that_hardly_differ_are_no_zeros(p):
    x = np.random.default_rng(0).normal(size=(5, 2))
    a = np.full(5, 0.3)
    more = np.array([0.3, 0.3, 0.3, 0.3, math.nextafter(0.3, 1)])
    for weights, metric in ((a, lambda x, y: plainly(x, y) + 1e-300), (more, plainly)):
        assert otgen.wasserstein(x, x, a, weights, p=p, metric=metric).upper > 0


@pytest.mark.parametrize(("a", "b"), [(None, None), ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]), ([3, 0, 3], [2, 2, 2])])
@pytest.mark.parametrize("size", [1, 60])
def test_a_matrix_of_which_pairs_that_cost_0_carry_all(a, b, size):
    C = np.kron(np.eye(size), np.ones((3, 3))) if size > 1 else np.zeros((3, 3))
    C = C.max() - C + (1 - np.eye(3 * size)) * (a is None or a[0] != 3)
    a, b = (z if z is None else np.tile(z, size) for z in (a, b))
    result = otgen.transport(C, a, b, solver="simplex")
    assert (result.lower, result.value, result.upper) == (0.0, 0.0, 0.0)
    below = otgen.transport(C - 1, a, b)
    assert below.lower < 0


def test_a_matrix_whose_zeros_carry_all_but_the_last_digit():
    found = otgen.transport(1 - np.eye(2), [0.1, 0.2], [0.1, math.nextafter(0.2, 1)], normalize=True)
    assert found.upper > 0
