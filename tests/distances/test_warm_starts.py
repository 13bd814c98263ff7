"""What a solve starts from changes how long it takes, and nothing else."""

import numpy as np
import pytest
import scipy.sparse

import otgen


def nearby(n, d, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.random((n + 5, d))
    return x, x + 0.01 * rng.normal(size=x.shape), y


def starts(result):
    n, m = result.plan.shape
    return {
        "result": result,
        "potentials": result.potentials,
        "list": [list(z) for z in result.potentials],
        "plan": result.plan,
        "dense": result.plan.todense(),
        "sparse": result.plan.matrix,
        "coo": scipy.sparse.coo_array(result.plan.matrix),
        "wrong potentials": tuple(np.random.default_rng(1).normal(size=size) for size in (n, m)),
        "wrong plan": np.ones((n, m)) / (n * m),
        "empty plan": np.zeros((n, m)),
    }


@pytest.mark.parametrize("start", starts(otgen.wasserstein([[0.0], [1.0]], [[0.5], [2.0]], solver="simplex")))
@pytest.mark.parametrize(("n", "d", "p"), [(40, 2, 2), (200, 3, 1), (150, 16, 2)])
def test_the_answer_and_its_proof_are_the_same(start, n, d, p):
    before, after, y = nearby(n, d)
    init = starts(otgen.wasserstein(before, y, p=p))[start]
    cold, warm = otgen.wasserstein(after, y, p=p), otgen.wasserstein(after, y, p=p, init=init)
    assert warm.status is otgen.Status.OPTIMAL
    assert warm.certificate == cold.certificate
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.lower <= cold.value <= warm.upper


@pytest.mark.parametrize("start", ["result", "potentials", "plan", "dense"])
def test_a_nearby_answer_saves_pivots_in_many_dimensions(start):
    before, after, y = nearby(800, 16)
    init = starts(otgen.wasserstein(before, y))[start]
    assert otgen.wasserstein(after, y, init=init).iterations < 0.9 * otgen.wasserstein(after, y).iterations


@pytest.mark.parametrize("start", ["result", "plan"])
def test_a_plan_saves_pivots_where_pairs_are_forbidden(start):
    rng = np.random.default_rng(1)
    C = rng.random((120, 120))
    C[C > 0.3] = np.inf
    np.fill_diagonal(C, 0.5)
    init = starts(otgen.transport(C))[start]
    warm, cold = otgen.transport(C * 1.01, init=init), otgen.transport(C * 1.01)
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.iterations < 0.5 * cold.iterations


def test_points_that_coincide_and_points_without_mass():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 3, (30, 2)).astype(float), rng.integers(0, 3, (25, 2)).astype(float)
    a, b = rng.random(30) * (rng.random(30) > 0.3), rng.random(25)
    a, b = a / a.sum(), b / b.sum()
    cold = otgen.wasserstein(x, y, a, b)
    for init in starts(cold).values():
        assert otgen.wasserstein(x, y, a, b, init=init).value == pytest.approx(cold.value, rel=1e-12)


@pytest.mark.parametrize("solver", ["linprog", "line", "circle", "bottleneck"])
def test_solvers_that_cannot_start_anywhere_say_so(solver):
    x, y = np.random.default_rng(0).random((2, 5, 1))
    options = dict(
        p=np.inf if solver == "bottleneck" else 2, metric=otgen.Circular(1) if solver == "circle" else "euclidean"
    )
    with pytest.raises(otgen.InvalidInput, match="init must be None for a solver that starts from nothing"):
        otgen.wasserstein(x, y, solver=solver, init=(np.zeros(5), np.zeros(5)), **options)


def test_on_a_circle_the_choice_of_the_library_takes_a_start_and_needs_none():
    x, y = np.random.default_rng(0).random((2, 5, 1))
    result = otgen.wasserstein(x, y, metric=otgen.Circular(1))
    assert otgen.wasserstein(x, y, metric=otgen.Circular(1), init=result).value == result.value


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ((np.zeros(3), np.zeros(40)), "init must be a pair of shapes"),
        ((np.zeros(40), np.full(40, np.nan)), "finite"),
        (3.0, "a plan; received 3.0;"),
        (np.zeros((3, 4)), "init must have shape"),
    ],
)
@pytest.mark.parametrize("call", [otgen.wasserstein, lambda x, y, init: otgen.sinkhorn(x, y, epsilon=0.1, init=init)])
def test_what_is_no_start_is_refused(call, init, said):
    x, y = np.random.default_rng(0).random((2, 40, 2))
    with pytest.raises(otgen.InvalidInput, match=said):
        call(x, y, init=init)


def test_sinkhorn_starts_from_potentials_only():
    x, y = np.random.default_rng(0).random((2, 40, 2))
    exact = otgen.wasserstein(x, y)
    assert otgen.sinkhorn(x, y, epsilon=0.1, init=exact).status is otgen.Status.CONVERGED
    with pytest.raises(otgen.InvalidInput, match="received a plan"):
        otgen.sinkhorn(x, y, epsilon=0.1, init=exact.plan)
