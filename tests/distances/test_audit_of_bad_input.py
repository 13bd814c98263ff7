"""What audits refuse, and that no answer that they take, however bad, makes the interval wrong."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from audited import M, X, Y
from hypothesis import given
from hypothesis import strategies as st
from proving import exact_transport, fractions

import otgen
from otgen import InvalidInput
from otgen.solvers import Sinkhorn

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(0)


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(x=X, y=Y), "plan or potentials must be given, or both; received neither"),
            (dict(x=X, y=Y, plan=[0], value=1, cost=1), "value and cost must not both be given"),
            (dict(x=X, y=Y, C=M, plan=M), "must be given.*received x and y and C;"),
            (dict(x=X, C=M, plan=M), "must be given.*received x and C;"),
            (dict(x=X, plan=M), "must be given.*received x;"),
            (dict(plan=M), "must be given.*received neither;"),
            (dict(C=M, plan=M.T), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=scipy.sparse.csr_array(M.T)), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=otgen.wasserstein(Y, X)), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=np.arange(9)), "a permutation of 9 targets"),
            (dict(C=M[:7], plan=np.arange(6)), "a permutation of 7 targets"),
            (dict(C=M[:7], plan=np.arange(7) + 0.5), "a permutation of 7 targets"),
            (dict(C=M[:7], plan=np.arange(7) + 1), r"columns of plan must be whole numbers in \[0, 7\)"),
            (dict(C=M, plan=([0, 9], [0, 0])), r"rows of plan must be whole numbers in \[0, 9\)"),
            (dict(C=M, plan=([0, -1], [0, 0])), r"rows of plan must be whole numbers in \[0, 9\)"),
            (dict(C=M, plan=([0, 1], [0, NAN])), r"columns of plan must be whole numbers in \[0, 7\)"),
            (dict(C=M, plan=([0, 1], [0, 1], [1.0])), "must be equally many"),
            (dict(C=M, plan=([0, 1], [0])), "must be equally many"),
            (dict(C=M, plan=([0], [0], [1], [1])), "received 4 parts"),
            (dict(C=M, plan="emd"), "plan must be an array of numbers"),
            (dict(C=M[:7], plan=[10**400, *range(6)]), "plan must hold numbers below 2"),
            (dict(C=M, plan=([0], [0], [10**400])), "plan must hold numbers below 2"),
            (dict(C=M, potentials=([10**400] + [0] * 8, [0] * 7)), "potentials must hold numbers below 2"),
            (dict(C=M, plan=otgen.sliced_wasserstein(X, Y, rng=0)), "received a result without"),
            (dict(C=M, potentials=otgen.sliced_wasserstein(X, Y, rng=0)), "a result that has them"),
            (dict(C=M, potentials=np.zeros(9)), "must be a pair"),
            (dict(C=M, potentials=1.0), r"must be a pair \(f, g\).*received 1.0;"),
            (dict(C=M, potentials=(np.zeros(7), np.zeros(9))), r"shapes \(9,\) and \(7,\); received \(7,\) and \(9,\)"),
            (dict(C=M, potentials=(np.zeros((9, 1)), np.zeros(7))), r"received \(9, 1\)"),
            (dict(C=M, potentials=(["a"] * 9, np.zeros(7))), "potentials must hold real numbers"),
            (dict(C=M, plan=M, epsilon=-1), "epsilon must be positive"),
            (dict(C=M, plan=M, value="1"), "value must be a real number"),
            (dict(C=M, plan=M, cost=True), "cost must be a real number"),
            (dict(x=X, y=Y, p=INF, potentials=(np.zeros(9), np.zeros(7))), "plan must be given for p = inf"),
            (dict(x=X, y=Y, p=INF, plan=M, cost=1.0), "cost must not be given for p = inf"),
            (dict(x=X, y=Y, p=0.5, plan=M), "p must be at least 1"),
            (dict(x=X, y=Y, a=np.ones(9), b=np.ones(7), plan=M), "same total mass"),
        ],
    )
    def test_messages(self, options, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.audit(**options)


NUMBERS = st.one_of(
    st.floats(-4, 4), st.floats(0, 0.5), st.sampled_from([0.0, NAN, INF, -INF, 1e308, -1e308, 1e150, 5e-324, 1e-310])
)  # fmt: skip


@st.composite
def answers(draw, n, m):
    """Any plan and any potentials, one of them perhaps missing."""

    def table(*shape):
        size = math.prod(shape)
        return np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size))).reshape(shape)

    kind = draw(st.sampled_from(["dense", "sparse", "pairs", "none", "product"]))
    plan = {
        "dense": lambda: table(n, m),
        "product": lambda: np.full((n, m), 1 / (n * m)) * (1 + 1e-7 * RNG.random((n, m))),
        "sparse": lambda: scipy.sparse.csr_array(table(n, m)),
        "pairs": lambda: (np.arange(5) % n, np.arange(5) % m, table(5)),
        "none": lambda: None,
    }[kind]()
    potentials = (table(n), table(m)) if plan is None or draw(st.booleans()) else None
    return dict(plan=plan, potentials=potentials)


@st.composite
def weights(draw, n):
    """Whole numbers, some of them 0, divided by nothing."""
    out = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
    return np.array(out, float)


@st.composite
def problems(draw):
    """A shape, weights of equal total, and seeds for points or costs that are dyadic."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    a, b = draw(weights(n)), draw(weights(m))
    return n, m, a * b.sum(), b * a.sum(), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


class TestNoAnswerMakesTheIntervalWrong:
    @given(st.data(), problems(), st.sampled_from([2.0**-300, 1.0, 2.0**300]), st.sampled_from([0.0, 0.2]))
    def test_matrix(self, data, problem, scale, forbidden):
        n, m, a, b, rng = problem
        costs = scale * rng.integers(-16, 64, (n, m)) / 8
        costs[(rng.random((n, m)) < forbidden) & (np.arange(m) > 0)] = INF
        costs[:, 0] = scale  # so that there may be a plan
        found = otgen.audit(C=costs, a=a, b=b, **data.draw(answers(n, m)))
        truth = otgen.transport(costs, a, b, throw=False)
        if truth.status is otgen.Status.INFEASIBLE:
            assert found.upper == INF
            return
        held = [np.flatnonzero(side) for side in (a, b)]
        exact = exact_transport(fractions(costs[np.ix_(*held)]), *(side[i].tolist() for side, i in zip((a, b), held)))
        exact *= Fraction(a.sum())
        assert Fraction(found.lower) <= exact if math.isfinite(found.lower) else found.lower < 0
        assert found.upper == INF or exact <= Fraction(found.upper)

    @given(
        st.data(),
        problems(),
        st.sampled_from([(1, "cityblock"), (1, "chebyshev"), (2, "euclidean")]),
        st.integers(1, 2),
    )
    def test_points(self, data, problem, kind, d):
        n, m, a, b, rng = problem
        p, metric = kind
        x, y = (rng.integers(-16, 16, (k, d)) / 8 for k in (n, m))
        steps = np.abs(x[:, None] - y)
        costs = {"cityblock": steps.sum(-1), "chebyshev": steps.max(-1), "euclidean": (steps**2).sum(-1)}[metric]
        exact = exact_transport(fractions(costs), a.tolist(), b.tolist())
        found = otgen.audit(x, y, a, b, p=p, metric=metric, **data.draw(answers(n, m)))
        assert Fraction(found.cost_lower) <= exact
        assert found.cost_upper == INF or exact <= Fraction(found.cost_upper)
        assert Fraction(found.lower) ** p <= exact
        assert found.upper == INF or exact <= Fraction(found.upper) ** p

    @given(st.data(), problems())
    def test_the_largest_distance(self, data, problem):
        n, m, a, b, rng = problem
        x, y = (rng.integers(-16, 16, (k, 2)) / 8 for k in (n, m))
        answer = data.draw(answers(n, m).filter(lambda answer: answer["plan"] is not None))
        found = otgen.audit(x, y, a, b, p=INF, **answer)
        truth = otgen.wasserstein(x, y, a, b, p=INF)
        assert found.lower <= truth.value <= found.upper

    @given(st.data(), problems(), st.sampled_from([0.1, 1.0, 30.0]))
    def test_entropic(self, data, problem, epsilon):
        n, m, a, b, rng = problem
        costs = rng.integers(-16, 64, (n, m)) / 16
        answer = data.draw(answers(n, m))
        found = otgen.audit(C=costs, a=a, b=b, epsilon=epsilon, **answer)
        problem = otgen.Problem.from_matrix(costs, a, b)
        entropic = otgen.Problem(problem.source, problem.target, problem.cost, epsilon)
        truth = otgen.solve(entropic, Sinkhorn(tol=1e-13, max_iter=10_000), throw=False)  # its interval holds anyway
        assert truth.upper - truth.lower <= 1e-6
        assert found.lower <= truth.upper
        assert truth.lower <= found.upper
        if answer["plan"] is not None:
            assert found.upper < 1e3


def test_costs_beyond_all_floats_are_not_forbidden_pairs():
    x = np.array([[0.0, 2.0], [4.0, 6.0]])
    for answer in (dict(potentials=(np.zeros(2), np.zeros(2))), dict(plan=[0, 1])):
        found = otgen.audit(x, x + 3, p=1, metric=otgen.Minkowski(1000), **answer)
        assert found.lower <= 3 * 2 ** (1 / 1000) <= found.upper
