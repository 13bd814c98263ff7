"""A solver that lies makes the interval wide, or is refused; never does it make the interval wrong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from liars import Liar, honest, lies, malformed
from proving import exact_transport, fractions

import otgen
from otgen.model.units import scaled
from otgen.proofs import prove
from otgen.solvers import Claim, Flows, Line, Sinkhorn

RNG = np.random.default_rng(0)


def two(**options):
    """A problem and another one of the same shape."""
    rng = np.random.default_rng(1)
    first, second = (rng.integers(-32, 32, (2, 7, 2)) / 8 for _ in range(2))
    a, b = rng.integers(1, 9, (2, 7)) / 1.0
    pairs = ((first, a, b), (second, b, a))
    return [otgen.Problem.from_points(z[0], z[1], u, v, normalize=True, **options) for z, u, v in pairs]


def two_on_a_circle(p):
    """A problem and another one of the same shape."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(-32, 32, (2, 2, 7)) / 8
    return [otgen.Problem.from_points(*z, p=p, metric=otgen.Circular(4.5)) for z in (first, second)]


def matrices():
    """Listed costs, some pairs forbidden."""
    rng = np.random.default_rng(2)
    costs = rng.integers(0, 64, (2, 6, 7)) / 16
    costs[:, 0, 1:4] = np.inf
    return [otgen.Problem.from_matrix(cost) for cost in costs]


KINDS = {
    "points": lambda: two(p=2),
    "line": lambda: [otgen.Problem.from_points(np.arange(5.0) * k, np.arange(5.0)[::-1] * 3 + k, p=1) for k in (1, 2)],
    "circle": lambda: two_on_a_circle(p=2),
    "one point": lambda: [otgen.Problem.from_points([[k, 0.0]], np.eye(4)[:, :2] * 3, p=1) for k in (1.0, 2.0)],
    "matrix": matrices,
    "bottleneck": lambda: two(p=math.inf),
    "entropic": lambda: two(epsilon=0.7),
    "relaxed": lambda: [otgen.Problem(z.source, z.target, z.cost, 0.7, relax=(2.0, 3.0)) for z in two(epsilon=0.7)],
    "half relaxed": lambda: [
        otgen.Problem(z.source, z.target, z.cost, 0.7, relax=(math.inf, 3.0)) for z in two(epsilon=0.7)
    ],
}


def truth(problem: otgen.Problem) -> tuple[float, float]:
    """The optimum, and how well it is known."""
    if problem.epsilon:
        result = otgen.solve(problem, Sinkhorn(tol=1e-13, max_iter=100_000))
        return result.value, 1e-9
    if problem.bottleneck:
        return otgen.solve(problem).value, 0.0
    costs = problem.cost.block()
    weights = (side.weights.tolist() for side in (problem.source, problem.target))
    return float(exact_transport(fractions(costs), *weights)), 1e-13


CASES = [(kind, name) for kind, make in KINDS.items() for name in lies(*map(honest, make()), np.random.default_rng(3))]
BROKEN = [(kind, name) for kind, make in KINDS.items() for name in malformed(honest(make()[0]))]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_lie_widens_the_interval(kind, name):
    problem, other = KINDS[kind]()
    claim = lies(honest(problem), honest(other), np.random.default_rng(3))[name]
    value, slack = truth(problem)
    status = otgen.Status.CONVERGED if problem.epsilon else otgen.Status.OPTIMAL
    result = otgen.solve(problem, Liar(claim, status), throw=False)
    assert result.lower <= value + slack * max(value, 1), (result.lower, value)
    assert value - slack * max(value, 1) <= result.upper, (value, result.upper)
    if result.status in (otgen.Status.OPTIMAL, otgen.Status.CONVERGED):
        assert result.upper - result.lower <= 1e-4 * max(abs(value), 1.0)
    if result.plan is not None and math.isfinite(result.upper):
        assert np.isfinite(result.plan.todense()).all()


@pytest.mark.parametrize(("kind", "name"), BROKEN)
def test_a_claim_that_is_none_is_refused(kind, name):
    problem = KINDS[kind]()[0]
    with pytest.raises(otgen.InvalidInput, match="claim of a solver must be well formed"):
        otgen.solve(problem, Liar(malformed(honest(problem))[name]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_claim_where_something_must_be_said(kind):
    problem = KINDS[kind]()[0]
    if kind in ("line", "one point"):
        assert otgen.solve(problem, Liar(Claim())).value == otgen.solve(problem).value
        return
    with pytest.raises(otgen.InvalidInput, match="claim of a solver must hold"):
        otgen.solve(problem, Liar(Claim()))


@pytest.mark.parametrize("answer", [None, 3.0, (Claim(), 1), Claim()])
def test_what_is_no_solution_is_refused(answer):
    class Other:
        def solve(self, problem, progress=None, init=None):
            return answer

    with pytest.raises(otgen.InvalidInput, match=r"must return an otgen\.solvers\.Solution"):
        otgen.solve(KINDS["points"]()[0], Other())


@pytest.mark.parametrize("status", list(otgen.Status))
def test_a_status_is_lowered_to_what_is_proven(status):
    problem, other = two(p=2)
    result = otgen.solve(problem, Liar(honest(other), status), throw=False)
    assert result.status not in (otgen.Status.OPTIMAL, otgen.Status.CONVERGED, otgen.Status.ESTIMATE)


def test_the_issue_of_the_monotone_plan():
    """The proof on the line read the solver's points: a plan of others gave 0, [0, 0], OPTIMAL for 10."""
    x, y = np.array([0.0, 1.0]), np.array([10.0, 11.0])
    near = scaled(otgen.Problem.from_points(x, x, p=1))
    claim = Line().solve(near).claim
    result = otgen.wasserstein(x, y, p=1, solver=Liar(claim))
    assert result.value == 10.0
    assert 10 - 1e-12 < result.lower <= 10 <= result.upper < 10 + 1e-12


numbers = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1e-300, 1e300, math.nan, math.inf, -math.inf])


@st.composite
def claims(draw, n, m):
    """Any claim that fits the shape."""
    size = draw(st.integers(0, 8))
    indices = [draw(arrays(np.int64, size, elements=st.integers(0, k - 1))) for k in (n, m)]
    flows = Flows(*indices, draw(arrays(float, size, elements=numbers | st.floats(0, 1))))
    if draw(st.booleans()):
        flows = flows._replace(low=draw(arrays(float, size, elements=numbers | st.floats(-1e-16, 1e-16))))
    potentials = tuple(draw(arrays(float, k, elements=numbers | st.floats(-1, 1))) for k in (n, m))
    kept = draw(st.sampled_from(["both", "flows", "potentials"]))
    return Claim(flows if kept != "potentials" else None, potentials if kept != "flows" else None)


@given(st.data())
def test_any_claim_about_any_exact_problem(data):
    """Against the optimum in rational arithmetic."""
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    cost = data.draw(arrays(float, (n, m), elements=st.integers(-20, 20).map(lambda k: k / 8)))
    if data.draw(st.booleans()):
        cost[0, 1:] = np.inf
    a, b = (data.draw(arrays(float, k, elements=st.integers(0, 5).map(float))) for k in (n, m))
    a[0] += 1
    b[0] += 1
    problem = otgen.Problem.from_matrix(cost, a, b, normalize=True)
    claim = data.draw(claims(n, m))
    proof = prove(problem, claim)
    best = optimum(cost, a, b)
    assert proof.lower <= best
    assert best <= proof.upper


@given(st.data())
def test_any_potentials_of_an_entropic_problem(data):
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    x, y = (data.draw(arrays(float, (k, 2), elements=st.integers(-8, 8).map(lambda z: z / 4))) for k in (n, m))
    problem = scaled(otgen.Problem.from_points(x, y, epsilon=data.draw(st.sampled_from([0.05, 1.0, 20.0]))))
    relax = data.draw(st.sampled_from([(math.inf, math.inf), (1.0, 2.0), (math.inf, 0.5)]))
    problem = otgen.Problem(problem.source, problem.target, problem.cost, problem.epsilon, relax=relax)
    claim = Claim(potentials=tuple(data.draw(arrays(float, k, elements=numbers | st.floats(-1, 1))) for k in (n, m)))
    proof = prove(problem, claim)
    best = prove(problem, Sinkhorn(tol=1e-12, max_iter=100_000).solve(problem).claim)
    assert proof.lower <= best.upper
    assert best.lower <= proof.upper


def optimum(cost, a, b):
    """In rational arithmetic; infinite where there is no plan."""
    feasible = exact_feasible(np.isfinite(cost), a, b)
    return exact_transport(fractions(cost), a.tolist(), b.tolist()) if feasible else math.inf


def exact_feasible(allowed, a, b):
    """Whether all mass can go by allowed pairs: Hall's condition, over all sets of sources with mass."""
    n, total = len(a), a.sum() / b.sum()
    for mask in range(1, 2**n):
        chosen = [i for i in range(n) if mask >> i & 1 and a[i] > 0]
        if chosen and a[chosen].sum() > b[allowed[chosen].any(axis=0)].sum() * total * (1 + 1e-12):
            return False
    return True


@pytest.mark.parametrize("units", [(math.inf, math.inf), ("1", "1"), (1j, 1j), 5, (0.5, 0.5)])
def test_units_that_are_no_whole_numbers_are_refused(units):
    """Infinite units met any marginals: the upper bound of 3 was 0."""
    x = np.array([[0.0, 0.0], [3.0, 0.0]])
    problem = otgen.Problem.from_points(x, x, [0.9, 0.1], [0.1, 0.9], p=math.inf)
    flows = Flows(np.arange(2), np.arange(2), np.full(2, 0.5))
    with pytest.raises(otgen.InvalidInput, match="claim of a solver must be well formed: units must be whole numbers"):
        prove(problem, Claim(flows, units=units))
    assert prove(problem, Claim(flows, units=(0, 0))).upper == math.inf
    assert prove(problem, Claim(flows, units=np.array([2**62, 2**62]))).upper == math.inf


@pytest.mark.parametrize(
    "claim",
    [
        Claim(potentials=3.0),
        Claim(potentials=(np.zeros(2),)),
        Claim(potentials=([[1], [1, 2]], np.zeros(2))),
        Claim(ray=(np.zeros(2),)),
        Claim((np.arange(2), np.arange(2), np.full(2, 0.5))),
    ],
)
def test_claims_of_other_types_are_refused(claim):
    with pytest.raises(otgen.InvalidInput, match="claim of a solver must be well formed"):
        prove(otgen.Problem.from_matrix([[0.0, 1.0], [1.0, 0.0]]), claim)
