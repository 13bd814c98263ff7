"""Margins for rounding of entropic bounds, against the worst that each operation may do: no less, and no more than 50 times as much.

Rounding is far below its bound in nearly every case, so that no comparison with a true value tells whether a margin is enough. Here each
case is one in which one of the terms dominates. All figures come from plain numpy with 11 bits more than a double has.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import otgen
from otgen.model.balance import Balance
from otgen.model.claim import Claim
from otgen.model.plan import EntropicPlan, rounded
from otgen.proofs import entropic

U, DROPPED, MOST = 2.0**-53, 2.0**-64, 50.0
EVEN = np.array([0.5, 0.5])
TINY = np.array([1.0 - 2.0**-45, 2.0**-45])
COSTS = np.array([[0.25, 1.0], [0.75, 0.125]])
INF = math.inf


@dataclass(frozen=True, eq=False)
class Case:
    """Potentials of a problem."""

    f: Any = (0.0, 0.0)
    g: Any = (0.0, 0.0)
    costs: Any = field(default_factory=lambda: COSTS)
    epsilon: float = 1.0
    a: Any = field(default_factory=lambda: EVEN)
    b: Any = field(default_factory=lambda: EVEN)
    relax: tuple[float, float] = (INF, INF)
    v: Any = None  # what columns are scaled by, where the plan is not moved onto its marginals


def near(costs, epsilon):
    """Potentials that nearly meet the marginals of even weights."""
    low, f, g = costs.min(), np.zeros(len(costs)), np.zeros(costs.shape[1])
    for _ in range(200):
        g = -epsilon * np.log(np.exp((f[:, None] + low - costs) / epsilon).mean(0))
        f = -epsilon * np.log(np.exp((g + low - costs) / epsilon).mean(1))
    return f + low, g


F, G = near(COSTS, 1.0)
CASES = {
    "nothing": Case(),
    "optimal": Case(F, G),
    "far apart": Case(F + 1e6, G - 1e6),
    "far apart otherwise": Case(F - 1e6, G + 1e6),
    "only f large": Case(F + 300.0, G),
    "f too large": Case(F + 2.0, G),
    "one f too large": Case(F + [1.0, 0.0], G),
    "g too large": Case(F, G + [0.0, 3.0]),
    "too small": Case(F - 3.0, G),
    "far too small": Case(F - 40.0, G),
    "large where there is little": Case((0.0, -1e3), (0.0, 1e3), epsilon=50.0, a=TINY, b=TINY),
    "costs large": Case(*near(COSTS * 1e3, 1e3 / 8), costs=COSTS * 1e3, epsilon=1e3 / 8),
    "costs small": Case(*near(COSTS * 2.0**-20, 2.0**-20), costs=COSTS * 2.0**-20, epsilon=2.0**-20),
    "costs large, moved": Case(*near(COSTS + 1e3, 1.0), costs=COSTS + 1e3),
    "costs below 0": Case(*near(COSTS - 1e3, 1.0), costs=COSTS - 1e3),
    "costs below 0, too small": Case(near(COSTS - 1e3, 1.0)[0] - 3, near(COSTS - 1e3, 1.0)[1], costs=COSTS - 1e3),
    "epsilon small": Case(*near(COSTS, 2.0**-6), epsilon=2.0**-6),
    "epsilon large": Case(*near(COSTS, 1e3), epsilon=1e3),
    "epsilon large, too small": Case(F - 3e3, G, epsilon=1e3),
    "costs of both signs": Case(F + 1.0, G + [0.0, 1.0], costs=COSTS - 0.5),
    "much mass": Case(F, G, a=EVEN * 64, b=EVEN * 64),
    "weights uneven": Case((0.25, 0.5), (0.125, 0.0), a=TINY, b=TINY, epsilon=4.0),
    "many": Case(np.zeros(40), np.zeros(50), costs=np.full((40, 50), 0.25), a=np.full(40, 1 / 40), b=np.full(50, 0.02)),
}
OFF = [
    "f too large",
    "one f too large",
    "g too large",
    "too small",
    "costs below 0, too small",
    "costs of both signs",
    "much mass",
]
ROOMY = {
    "relaxed": Case(F, G, relax=(1.0, 2.0)),
    "rho small": Case(F, G, relax=(2.0**-7, 2.0**-6)),
    "rho large": Case(F, G, relax=(1e5, 1e6)),
    "f below 0": Case(F - 6.0, G, relax=(1.0, INF)),
    "g below 0": Case(F, G - 6.0, relax=(INF, 0.5)),
    "rho far below f": Case(F - 0.5, G, relax=(2.0**-6, INF)),
    "rho far below g": Case(F, G - 0.5, relax=(INF, 2.0**-6)),
    "rho far below both": Case((-0.5, -0.5), (-0.5, -0.5), relax=(2.0**-6, 2.0**-6)),
    "rows relaxed": Case(F, G, relax=(3.0, INF)),
    "columns relaxed": Case(F, G, relax=(INF, 3.0)),
    "g uneven, columns relaxed": Case(F, G - [0.0, 2.0], relax=(INF, 3.0)),
    "little mass": Case(F, G, a=EVEN / 64, b=EVEN / 128, relax=(1.0, 2.0)),
    "much mass": Case(F, G, a=EVEN * 64, b=EVEN * 128, relax=(1.0, 2.0)),
    "costs large, rows relaxed": Case(*near(COSTS + 1e3, 1.0), costs=COSTS + 1e3, relax=(1e3, INF)),
    "epsilon large, columns relaxed": Case(*near(COSTS, 1e3), epsilon=1e3, relax=(INF, 10.0)),
    "much mass, rows relaxed": Case(F, G, a=EVEN * 64, b=EVEN * 64, relax=(1.0, INF)),
    "much uneven mass, rows relaxed": Case(F, G, a=EVEN * 1e3, b=np.array([300.3, 699.9]), relax=(1.0, INF)),
    "one cost large, much mass, rows relaxed": Case(
        costs=np.array([[0.25, 1.0], [0.75, 1e6]]), a=EVEN * 64, b=EVEN * 64, relax=(1.0, INF)
    ),
    "light points, columns relaxed": Case(a=TINY, b=TINY, epsilon=1e3, relax=(INF, 10.0)),
    "f far too large, rows relaxed": Case(F + 300.0, G, relax=(1.0, INF)),
    "epsilon small, rows relaxed": Case(*near(COSTS, 2.0**-6), epsilon=2.0**-6, relax=(1.0, INF)),
    "next to no mass": Case(a=EVEN * 2.0**-200, relax=(1.0, 1.0)),
    "next to none of a plan": Case((-3.0, -3.0), epsilon=2.0**-6, relax=(1.0, 1.0)),
    "dear where there is little once it is scaled": Case(
        g=(0.0, 628.0), b=np.array([1.0, 2.0**-900]), relax=(1.0, 1.0), v=(1.0, math.exp(2.0))
    ),
    "nothing costs": Case(costs=np.zeros((2, 2)), a=EVEN * 2.0**20, relax=(1.0, 1.0)),
}
STEEP = {  # what a relaxed potential adds is that many times as far off as it is large beside rho
    "f far above rho": Case((-2.0, -2.0), relax=(2.0**-6, INF)),
    "g far above rho": Case((0.0, 0.0), (-2.0, -2.0), relax=(INF, 2.0**-6)),
}
STORED = ["relaxed", "costs large, rows relaxed", "epsilon small, rows relaxed", "epsilon large, columns relaxed"]


def plan_of(case, moved=True, sparse=False):
    """The plan, moved onto its marginals or as it is, and what it is made of, in long doubles."""
    f, g, a, b = (np.asarray(z, float) for z in (case.f, case.g, case.a, case.b))
    costs = csr_array(case.costs) if sparse else case.costs
    cost = otgen.Problem.from_matrix(costs, epsilon=case.epsilon).cost
    plan = EntropicPlan(cost, f, g, case.epsilon, a, b)
    made_of = (np.asarray(z, np.longdouble) for z in (f, g, a, b, case.costs, case.epsilon))
    if case.v is not None:
        return replace(plan, u=np.ones(len(a)), v=np.asarray(case.v, float)), (*made_of,)
    return rounded(plan, case.relax) if moved else plan, (*made_of,)


def exponentials(case, plan):
    """Those that sums of the plan are of, row by row: their logarithms are off by what a cost may be."""
    ones, each = np.ones(plan.shape[1]), np.eye(plan.shape[0])
    sums = [plan.cost.sweep(plan.f, plan.g, row, ones, plan.epsilon, 0.0)[1] for row in each]
    kernel = np.array(sums).astype(np.longdouble)
    exact = np.exp(
        (np.add.outer(*(np.asarray(z, np.longdouble) for z in (case.f, case.g))) - case.costs) / case.epsilon
    )
    assert (np.abs(kernel - exact) <= 4 * (cost_error(case) / case.epsilon + U) * exact + 1e-300).all()
    return kernel


def cost_error(case):
    """Of an exponent, as a cost: four roundings of each part."""
    return 4 * U * float(sum(np.abs(np.asarray(z, float)).max() for z in (case.f, case.g, case.costs)))


def sum_error(case, *sums):
    """Of a sum of exponentials, and that of its logarithm; of a large one also of the lightest term's, which may be the largest."""
    logarithms = [float(np.abs(np.log(z)).max()) for z in sums]
    light = -math.log(min(case.b.min(), 1.0)) if max(logarithms) > 5 else 0.0
    return U * (len(case.a) + len(case.b) + 4 + sum(logarithms) + light)


@pytest.fixture
def alone(monkeypatch):
    """Bounds without those of the product plan, and of relaxed marginals without those of the plan that meets them."""
    monkeypatch.setattr(entropic, "_nearer", lambda plan, goal, *bounds: bounds)
    for beside in ("_beside_met", "_beside_kept"):
        monkeypatch.setattr(entropic, beside, lambda plan, goal, rounding, lower, upper, *error: upper)


@pytest.mark.parametrize("name", [*CASES, *ROOMY, *STEEP])
def test_lower(name, alone):
    case = {**CASES, **ROOMY, **STEEP}[name]
    plan, (f, g, a, b, costs, epsilon) = plan_of(case)
    sums = (b * np.exp((f[:, None] + g - costs) / epsilon)).sum(1)
    mass, product = float(a @ sums), float(a.sum() * b.sum())
    value, size, dearer = -epsilon * (np.longdouble(mass) - product), 0.0, []
    for weights, z, rho in ((a, f, case.relax[0]), (b, g, case.relax[1])):
        gain = z if math.isinf(rho) else -rho * np.expm1(-z / rho)
        steep = 1.0 if math.isinf(rho) else 1.0 + np.abs(z) / rho  # the argument of an exponential is rounded before it
        value, size = value + weights @ gain, size + float(weights @ (np.abs(gain) * steep))
        off = cost_error(case)  # costs less by it are made up for by either potential
        held = weights if math.isinf(rho) else weights * np.exp(-z / rho)
        dearer.append((off if math.isinf(rho) else rho * np.expm1(off / rho)) * held.sum())
    needed = float(U * size + case.epsilon * max(mass, product) * (sum_error(case, sums) + DROPPED) + min(dearer))
    needed += 3 * U * case.epsilon * float(product)  # two sums and a product
    found = entropic.entropic_bounds(plan, case.relax, exact=False)
    assert needed <= float(value - found.lower) <= MOST * needed


@pytest.mark.parametrize(("name", "moved"), [*((name, True) for name in CASES), *((name, False) for name in OFF)])
def test_upper(name, moved, alone):
    """What a plan misses that has not been moved onto its marginals is charged in full."""
    case = CASES[name]
    plan, (f, g, a, b, costs, epsilon) = plan_of(case, moved)
    u, v, r, s = (
        np.broadcast_to(np.asarray(z, np.longdouble), (k,))
        for z, k in ((plan.u, len(a)), (plan.v, len(b)), (plan.r, len(a)), (plan.s, len(b)))
    )
    kernel = exponentials(case, plan)
    smooth = (u * a)[:, None] * kernel * (v * b)
    p, q, mass, t = smooth.sum(1), smooth.sum(0), smooth.sum(), r.sum() * s.sum()
    spent = (smooth * costs).sum() + r @ costs @ s

    def used(z, w):
        return z[z > 0] @ np.log(z[z > 0] / w[z > 0])

    entropy = used(r, a) * s.sum() + r.sum() * used(s, b)
    value = p @ (f + epsilon * np.log(u)) + q @ (g + epsilon * np.log(v)) + r @ costs @ s
    if t > 0:  # of the two parts of the plan, in the best mixture: 0.5 is as much as is taken of the second
        share = np.clip(t / (mass + t), np.longdouble(2.0) ** -100, np.longdouble(0.5))
        entropy_of_both = entropy - t * np.log(share) - mass * np.log1p(-share)
    else:
        entropy_of_both = np.longdouble(0.0)
    value += epsilon * (entropy_of_both + a.sum() * b.sum() - mass - t)
    error = sum_error(case, (b * kernel).sum(1), (v * b * kernel).sum(1))
    residual = np.abs(p + r * s.sum() - a).sum() + np.abs(q + s * r.sum() - b).sum()
    residual += (2 * error + 4 * DROPPED) * a.sum()
    highest, lowest = np.abs(costs).max(), min(0.0, float(costs.min()))
    product = a.sum() * b.sum()
    depth = max(np.log(a.sum()) - np.log(a.min()) - np.log(b.min()), np.log(product / residual), 0.0)
    repair = residual * (highest - lowest + epsilon * depth)
    sizes = p @ np.abs(f) + q @ np.abs(g) + epsilon * (p @ np.abs(np.log(u)) + q @ np.abs(np.log(v)))
    needed = float(repair + error * (sizes + np.abs(r @ costs @ s) + epsilon * (np.abs(entropy) + product)))
    needed += float(cost_error(case) * (mass + t))
    found = entropic.entropic_bounds(plan, case.relax, exact=True)
    assert needed <= float(found.upper - value) <= MOST * needed
    assert found.exact is not None
    needed = float(residual * highest + (error + cost_error(case) / case.epsilon) * np.abs(spent))
    assert needed <= float(found.exact[1] - spent) <= MOST * needed
    assert float(found.cost) == pytest.approx(float(spent), rel=1e-9)


@pytest.mark.parametrize(("name", "sparse"), [*((name, False) for name in ROOMY), *((name, True) for name in STORED)])
def test_upper_where_a_marginal_is_relaxed(name, sparse, alone):
    """Sums over the columns of listed pairs are of exponentials of their own, off by what costs may be."""
    case = ROOMY[name]
    plan, (f, g, a, b, costs, epsilon) = plan_of(case, sparse=sparse)
    u, v = (np.broadcast_to(np.asarray(z, np.longdouble), (2,)) for z in (plan.u, plan.v))
    kernel = exponentials(case, plan)
    smooth = (u * a)[:, None] * kernel * (v * b)
    p, q, product = smooth.sum(1), smooth.sum(0), a.sum() * b.sum()
    value = p @ (f + epsilon * np.log(u)) + q @ (g + epsilon * np.log(v)) + epsilon * (product - smooth.sum())
    size = p @ np.abs(f) + q @ np.abs(g) + epsilon * (p @ np.abs(np.log(u)) + q @ np.abs(np.log(v)) + product)
    for weights, sums, rho in ((a, p, case.relax[0]), (b, q, case.relax[1])):
        if math.isinf(rho):  # the rest is mixed in
            depth = np.log(max(a.sum(), b.sum(), 1.0)) - np.log(a.min()) - np.log(b.min())
            size += 2 * max(a.sum(), b.sum()) * (np.abs(costs).max() + epsilon * depth)
            continue
        value += rho * (sums @ np.log(sums / weights) - sums.sum() + weights.sum())
        size += rho * (sums @ (np.abs(np.log(sums / weights)) + 1.0) + weights.sum())
    error = sum_error(case, (b * kernel).sum(1), (v * b * kernel).sum(1))
    error += cost_error(case) / case.epsilon if sparse else 0.0
    needed = float(error * size + cost_error(case) * smooth.sum())
    found = entropic.entropic_bounds(plan, case.relax, exact=False)
    assert needed <= float(found.upper - value) <= MOST * needed
    assert float(found.cost) == pytest.approx(float((smooth * costs).sum()), rel=1e-9)


@pytest.mark.parametrize("relax", [(1.0, 1.0), (INF, 1.0), (1.0, INF)])
@pytest.mark.parametrize("f", [1e6, -1e6])
def test_a_kernel_beyond_floats_or_lost_to_0_bounds_no_relaxed_value(f, relax, alone):
    """From above: of nothing at all the value is known where both sides are relaxed."""
    plan, _ = plan_of(Case((f, f), (0.0, 0.0), relax=relax))
    found = entropic.entropic_bounds(plan, relax, exact=False)
    known = f < 0 and max(relax) < INF
    assert (found.upper < INF) == known
    assert not np.isnan(found.cost)


def test_bounds_are_past_the_rounding_of_their_margins():
    assert entropic._bound_below(1.0, 0.0) < 1.0 < entropic._bound_above(1.0, 0.0)


def test_sums_that_pass_through_logarithms():
    """Those of 1 are exact; a term is as far off as its own logarithm where kernels may take it relative to the largest."""

    def added(logarithms, weights):
        return float(entropic._Rounding(0.0, 0.0).and_of(np.array(logarithms), np.array(weights)).sums)

    assert added([0.0], [1.0]) == 0.0
    light = 2.0**-1000
    for far in (10.0, -10.0):
        needed = U * (10.0 - math.log(light))
        assert needed <= added([-INF, far, 1.0], [0.0, light, 0.5]) <= MOST * needed
        assert added([far], [4.0]) == added([far], [1.0]) >= U * 10


def test_a_size_beyond_floats_bounds_nothing(alone):
    """Of infinite sums of both signs not even the sign is known."""
    case = Case((8e307, 8e307), (-8e307, -8e307), a=EVEN * 64, b=EVEN * 64)
    plan, _ = plan_of(case, moved=False)
    assert entropic.entropic_bounds(plan, case.relax, exact=False).lower == -INF


@pytest.mark.parametrize("relax", [(1.0, 2.0), (INF, 2.0), (1.0, INF)])
def test_a_marginal_that_is_met_up_to_rounding_is_met(relax, alone):
    """Whatever the unit of mass, up to which sums are rounded."""
    rng = np.random.default_rng(0)
    a, b = (weights / weights.sum() for weights in rng.random((2, 7)))
    for mass in (2.0**-10, 1.0, 1e3):
        plan, _ = plan_of(Case(np.zeros(7), np.zeros(7), rng.random((7, 7)), a=a * mass, b=b * mass, relax=relax))
        assert entropic.entropic_bounds(plan, relax, exact=False).upper < INF


@pytest.mark.parametrize("relax", [(1e3, 2e3), (1e3, INF), (INF, 1e3)])
def test_potentials_of_unequal_masses_are_those_of_the_problem_as_posed(relax):
    """Their dual value is the certificate's."""
    a, b = 3 * EVEN, EVEN
    plain = otgen.Problem.from_matrix(COSTS, a, b, epsilon=1.0, normalize=True)
    problem = replace(plain, relax=relax)
    s, t = Balance.of(problem).constants
    found = otgen.proofs.prove(problem, Claim(potentials=(F + s, G + t)))
    assert {type(number) for number in (found.cost, found.lower, found.upper, found.scale)} == {float}
    assert found.potentials is not None
    f, g = found.potentials
    value = 3 - a @ np.exp(np.add.outer(f, g) - COSTS) @ b
    for weights, z, rho in ((a, f, relax[0]), (b, g, relax[1])):
        value += weights @ (z if math.isinf(rho) else -rho * np.expm1(-z / rho))
    assert found.objective == pytest.approx(value, rel=1e-12)
    assert found.scale >= abs(value) * (1 - 1e-12)
