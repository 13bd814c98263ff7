"""What the attributes of results are said to be, for every kind of problem."""

import json
import math

import numpy as np
import pytest

import otgen

RNG = np.random.default_rng(0)
X, Y, A, B = RNG.random((8, 2)), RNG.random((9, 2)) + 0.2, RNG.dirichlet(np.ones(8)), RNG.dirichlet(np.ones(9))
M = ((X[:, None] - Y) ** 2).sum(-1)
DTYPES = ["float16", "float32", "float64", "int64"]


@pytest.mark.parametrize("d", [1, 2])
def test_the_largest_distance_has_no_cost_and_no_potentials(d):
    result = otgen.wasserstein(X[:, :d], Y[:, :d], A, B, p=math.inf)
    assert (result.cost, result.cost_lower, result.cost_upper, result.potentials) == (None,) * 4
    assert result.certificate == "cut"


def test_what_an_infeasible_problem_has():
    result = otgen.transport([[math.inf]], throw=False)
    assert (result.value, result.lower, result.upper, result.gap) == (math.inf, math.inf, math.inf, 0.0)
    assert (result.plan, result.marginal_error) == (None, None)
    assert result.status is otgen.Status.INFEASIBLE
    f, g = result.potentials
    assert (result.certificate, float(f[0] + g[0]) > 0) == ("dual", True), (
        "what no allowed pair forbids, and the masses gain by"
    )


@pytest.mark.parametrize(
    ("a", "b", "mass"),
    [(None, None, 1.0), ([1, 2, 3.5], None, 6.5), (None, [3, 4], 7.0), ([1, 2, 3], [3, 3], 6.0)],
)
def test_the_mass_of_a_matrix_is_that_of_the_weights(a, b, mass):
    """None is uniform, with the total of the other side; the plan has mass 1, the value is for all of it."""
    C = np.array([[1.0, 5.0], [2.0, 2.5], [4.0, -1.0]])
    result = otgen.transport(C, a, b)
    assert result.mass == pytest.approx(mass, rel=1e-15)
    assert result.plan.todense().sum() == pytest.approx(1.0, rel=1e-15)
    assert result.value == pytest.approx(mass * (result.plan.todense() * C).sum(), rel=1e-14)
    sums = [np.full(k, 1 / k) if w is None else np.array(w) / mass for w, k in ((a, 3), (b, 2))]
    for found, given in zip(result.plan.marginals(), sums):
        np.testing.assert_allclose(found, given, rtol=1e-14)


@pytest.mark.parametrize(
    ("result", "mass", "total"),
    [
        (otgen.wasserstein(X, Y), 1, 1),
        (otgen.wasserstein(X, Y, [9] * 8, [8] * 9), 72, 1),
        (otgen.wasserstein(X[:, 0], Y[:, 0], [9] * 8, [8] * 9), 72, 1),
        (otgen.wasserstein(X, Y, [9] * 8, [8] * 9, p=math.inf), 72, 1),
        (otgen.wasserstein(X, Y, [9] * 8, [7] * 9, normalize=True), 1, 1),
        (otgen.wasserstein(X, Y, [9] * 8), 72, 1),
        (otgen.sinkhorn(X, Y, None, [8] * 9, epsilon=1), 72, 1),
        (otgen.sinkhorn_divergence(X, Y, [9] * 8, [8] * 9, epsilon=1), 72, 1),
        (otgen.max_sliced_wasserstein(X, Y, [9] * 8, [8] * 9, rng=0), 72, None),
        (otgen.sliced_wasserstein(X, Y, [9] * 8, [8] * 9, rng=0), 72, None),
        (otgen.transport(M, [9] * 8, [8] * 9), 72, 1),
        (otgen.transport(M, [9] * 8, [8] * 9, mass=5), 5, 1),
        (otgen.partial_wasserstein(X, Y, [9] * 8, [1] * 9, penalty=1e9), 9, 1),
        (otgen.sinkhorn(X, Y, [9] * 8, [1] * 9, epsilon=1, relax=(None, 2.0)), 72, 72),
        (otgen.sinkhorn(X, Y, [9] * 8, [1] * 9, epsilon=1, relax=(2.0, None)), 72, 9),
    ],
)
def test_what_is_moved_in_all_and_the_total_of_the_plan(result, mass, total):
    assert result.mass == pytest.approx(mass, rel=1e-12)
    if total is None:
        assert result.plan is None
    else:
        assert sum(result.plan.marginals()[0]) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("weight", [1, 7])
def test_the_mass_multiplies_no_distance(weight):
    a, b = [9 * weight] * 8, [8 * weight] * 9
    assert otgen.wasserstein(X, Y, a, b).value == pytest.approx(otgen.wasserstein(X, Y).value, rel=1e-14)
    assert otgen.transport(M, a, b).value == pytest.approx(72 * weight * otgen.transport(M).value, rel=1e-14)


@pytest.mark.parametrize(
    ("result", "argument"),
    [
        (otgen.wasserstein(X, Y), "dual"),
        (otgen.wasserstein(X[:, 0], Y[:, 0]), "monotone"),
        (otgen.wasserstein(X, Y, p=math.inf), "cut"),
        (otgen.sinkhorn(X, Y, epsilon=1), "entropic"),
        (otgen.partial_wasserstein(X, Y, penalty=1), "dual"),
        (otgen.max_sliced_wasserstein(X, Y, rng=0), "branch and bound"),
        (otgen.max_sliced_wasserstein(X[:, [0, 1, 1]], Y[:, [0, 1, 0]], n_starts=2, rng=0), "couplings"),
        (otgen.sliced_wasserstein(X, Y, rng=0), None),
    ],
)
def test_the_argument_is_named(result, argument):
    assert result.certificate == argument
    assert (result.lower is None) == (result.upper is None) == (argument is None)


def test_derivatives_beyond_all_floats():
    """Of a cost they are infinite; of the distance those in the points are right."""
    result = otgen.wasserstein([[0.0, 0.0]], [[3.0, 4.0]], p=600)
    assert np.isneginf(result.gradients().x).all()
    np.testing.assert_allclose(result.gradients(of="value").x, [[-0.6, -0.8]], rtol=1e-12)


def test_normalised_weights_move_a_mass_of_one():
    one, other = (otgen.transport(M, s * A, t * B, normalize=True) for s, t in ((1, 1), (3, 0.5)))
    assert (one.mass, other.mass) == (1.0, 1.0)
    assert other.value == pytest.approx(one.value, rel=1e-14)


@pytest.mark.parametrize("solver", ["line", "simplex", "linprog"])
def test_iterations_are_none_only_where_there_are_none(solver):
    result = otgen.wasserstein(X[:, 0], Y[:, 0], A, B, solver=solver)
    assert (result.iterations == 0) == (solver == "line")


@pytest.mark.parametrize("relax", [None, 0.5])
def test_the_cost_of_an_entropic_result_is_that_of_its_plan(relax):
    result = otgen.sinkhorn(X, Y, A, B, epsilon=0.1, relax=relax, max_iter=3, throw=False)
    assert result.cost == pytest.approx((result.plan.todense() * M).sum(), rel=1e-13)
    assert (result.exact_bounds is None) == (relax is not None)
    if relax is None:
        for found, given in zip(result.plan.marginals(), (A, B)):
            np.testing.assert_allclose(found, given, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solve", [otgen.sinkhorn, otgen.sinkhorn_divergence])
def test_entropic_potentials_come_in_a_dtype_of_the_input(solve, dtype):
    """Its own; halves are computed in single precision, whole numbers in double."""
    result = solve((16 * X).astype(dtype), (16 * Y).astype(dtype), epsilon=10.0)
    wanted = {"float16": "float32", "int64": "float64"}.get(dtype, dtype)
    assert [z.dtype for z in result.potentials] == [np.dtype(wanted)] * 2


def test_potentials_of_a_divergence_are_differences():
    options = dict(epsilon=0.1, tol=1e-12)
    found = otgen.sinkhorn_divergence(X, Y, A, B, **options)
    across, *own = (otgen.sinkhorn(*z, **options) for z in ((X, Y, A, B), (X, X, A, A), (Y, Y, B, B)))
    for k, mine in enumerate(own):
        difference = found.potentials[k] - (across.potentials[k] - mine.potentials[k])
        assert np.ptp(difference) <= 1e-9  # they are known up to a constant
    assert found.value == pytest.approx(across.value - (own[0].value + own[1].value) / 2, rel=1e-10)
    np.testing.assert_allclose(found.plan.todense(), across.plan.todense(), atol=1e-12)


def test_a_relative_epsilon_of_a_divergence_is_of_the_cost_between_the_two():
    result = otgen.sinkhorn_divergence(X, Y, A, B, epsilon=otgen.Relative(0.1))
    assert result.epsilon == pytest.approx(0.1 * A @ M @ B, rel=1e-13)


@pytest.mark.parametrize("kept", [None, math.inf, (None, math.inf), (math.inf, None)])
def test_no_strength_keeps_the_constraints(kept):
    plain, relaxed = (otgen.sinkhorn(X, Y, A, B, epsilon=0.1, relax=z) for z in (None, kept))
    assert relaxed.value == plain.value
    with pytest.raises(otgen.MassMismatch):
        otgen.sinkhorn(X, Y, A, 2 * B, epsilon=0.1, relax=kept)


@pytest.mark.parametrize("n", [1, 7, 40])
def test_a_plan_on_the_line_is_short(n):
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, 9, n), rng.random(n + 5)
    plan = otgen.wasserstein(x, y, rng.random(n), rng.random(n + 5), normalize=True).plan
    assert plan.matrix.nnz <= n + n + 5 - 1


def test_a_dense_entropic_plan_is_what_its_products_are():
    """Points without mass lie so far away that their entries would overflow before they are weighed."""
    x, y = np.vstack([X, 1e3 * X[:1]]), np.vstack([Y, 1e3 * Y[:2]])
    plan = otgen.sinkhorn(x, y, np.append(A, 0.0), np.append(B, [0.0, 0.0]), epsilon=0.01, max_iter=5, throw=False).plan
    dense = plan.todense()
    np.testing.assert_allclose(dense, plan @ np.eye(11), rtol=1e-9, atol=1e-16)
    assert (dense[8] == 0).all()
    assert (dense[:, 9:] == 0).all()


def test_the_order_inf_is_told_in_words_that_float_reads():
    told = json.loads(json.dumps(otgen.wasserstein([[0.0, 0.0]], [[3.0, 4.0]], p=math.inf).to_dict()))
    assert told["p"] == "inf"
    assert float(told["p"]) == math.inf
    batch = otgen.wasserstein_batch([[0.0], [1.0]], [[1.0], [3.0]], p=math.inf)
    assert batch.to_frame()["p"].tolist() == [math.inf, math.inf]


@pytest.mark.parametrize("p", [2, np.inf])
def test_an_interval_beyond_the_largest_float_is_not_called_optimal(p):
    far = np.finfo(float).max / 2
    result = otgen.wasserstein([[far, 0.0], [far, 1.0]], [[-far, 0.0], [-far, 1.0]], p=p, metric="chebyshev")
    assert result.lower <= result.value <= result.upper
    assert (result.status is otgen.Status.OPTIMAL) == np.isfinite(result.upper)
