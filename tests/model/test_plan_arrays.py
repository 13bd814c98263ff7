"""What numpy makes of a plan."""

import sys

import numpy as np
import pytest

import otgen
from otgen.model.plan import EntropicPlan, SparsePlan

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


RNG = np.random.default_rng(2)


@pytest.mark.parametrize("make", PLANS)
def test_products_from_the_left_stay_with_the_operator(make, monkeypatch):
    plan = make()
    dense, v, w = plan.todense(), RNG.random(12), RNG.random((3, 12))
    monkeypatch.setattr(type(plan), "todense", lambda self: pytest.fail("made dense"))
    for left in (v, w, v.tolist(), v.astype(np.float32)):
        product = left @ plan
        assert type(product) is np.ndarray
        np.testing.assert_allclose(product, np.asarray(left) @ dense, atol=1e-14)
    np.testing.assert_allclose(np.matmul(w, plan), w @ dense, atol=1e-14)
    np.testing.assert_allclose(np.matmul(plan, RNG.random((15, 2)) * 0 + 1)[:, 0], dense.sum(1), atol=1e-14)
    for wrong in (np.ones(15), np.ones((12, 3)), np.ones((2, 2, 12)), 1.0):
        with pytest.raises(otgen.InvalidInput, match=r"v must have shape \(12,\) or \(k, 12\)"):
            plan.__rmatmul__(wrong)


@pytest.mark.parametrize("make", PLANS)
def test_numpys_functions_take_the_dense_plan(make):
    plan, C = make(), RNG.random((12, 15))
    dense = plan.todense()
    for mine, theirs in [
        ((C * plan).sum(), (C * dense).sum()),
        ((plan * C).sum(), (C * dense).sum()),
        (np.add.reduce(plan), dense.sum(0)),
        (np.sqrt(plan), np.sqrt(dense)),
        (plan @ dense.T, dense @ dense.T),
    ]:
        np.testing.assert_allclose(mine, theirs, atol=1e-15)


@pytest.mark.parametrize("make", PLANS)
def test_every_plan_is_a_sparse_matrix_and_knows_whether_it_permutes(make):
    plan = make()
    np.testing.assert_array_equal(plan.matrix.toarray(), plan.todense())
    assert plan.permutation is None


@pytest.mark.parametrize("make", PLANS)
def test_a_frame_lists_what_moves(make):
    pytest.importorskip("pandas")
    plan = make()
    frame, dense = plan.to_frame(), plan.todense()
    assert frame.dtypes.astype(str).tolist() == ["int64", "int64", "float64"]
    assert (frame.mass > 0).all()
    again = np.zeros(plan.shape)
    again[frame.source, frame.target] = frame.mass
    np.testing.assert_array_equal(again, dense)
    assert len(frame) == (dense > 0).sum()


def test_a_frame_holds_a_pair_once_and_no_pair_without_mass():
    pytest.importorskip("pandas")
    plan = SparsePlan(np.array([1, 0, 1]), np.array([0, 1, 0]), np.array([0.25, 0.0, 0.75]), (2, 2))
    assert plan.to_frame().to_dict("list") == {"source": [1], "target": [0], "mass": [1.0]}


def test_a_frame_that_would_not_fit_is_refused():
    pytest.importorskip("pandas")
    line = np.arange(20_000.0)
    problem = otgen.Problem.from_points(line, line)
    f = np.zeros(len(line))
    plan = EntropicPlan(problem.cost, f, f, 1.0, problem.source.probabilities, problem.target.probabilities)
    with pytest.raises(otgen.TooLarge, match="use it as an operator"):
        plan.to_frame()
    assert len(otgen.wasserstein(line, line).plan.to_frame()) == len(line)


def test_a_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        otgen.MissingExtra,
        match=r"pandas must be installed for this; received an environment without it; run: pip install pandas$",
    ):
        PLANS[0]().to_frame()
