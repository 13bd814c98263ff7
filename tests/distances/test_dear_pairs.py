"""Cost matrices with huge numbers for pairs that must not be used: intervals hold the optimum among the others, and are narrow."""

import runpy
from fractions import Fraction

import numpy as np
import pytest
from proving import exact_transport
from scipy.optimize import linprog

import otgen
import otgen.app
from otgen import Status

CHECKER = runpy.run_path(otgen.app.__path__[0] + "/check_proof.py")


def problem(rng, dear):
    """Costs of about 1, two in five of them ``dear``, and whole masses, so that many plans are as good as each other."""
    n, m = rng.integers(3, 9, 2)
    costs = rng.random((n, m)) * 3
    costs[rng.random((n, m)) < 0.4] = dear
    a = rng.integers(1, 4, n).astype(float)
    return costs, a, rng.multinomial(int(a.sum()), np.full(m, 1 / m)).astype(float)


def cheapest(costs, a, b, dear):
    """The least cost without dear pairs, by HiGHS and then in rationals on the basis found; None where they cannot be left out."""
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.tile(np.eye(m), n)
    bounds = [(0, 0 if cost == dear else None) for cost in costs.ravel()]
    found = linprog(
        np.where(costs == dear, 0, costs).ravel(), A_eq=np.r_[rows, columns], b_eq=np.r_[a, b], bounds=bounds
    )
    if found.status:
        return None
    flows = np.rint(found.x).reshape(n, m)  # whole masses have plans of whole numbers
    assert (flows.sum(1) == a).all()
    assert (flows.sum(0) == b).all()
    return sum(Fraction(cost) * int(flow) for cost, flow in zip(costs.ravel().tolist(), flows.ravel().tolist()))


@pytest.mark.parametrize("least", [0.0, -1.0, -1e-17])
@pytest.mark.parametrize("dear", [1e6, 1e9, 1e12, 1e16, 1e30, 1e100, 1e250])
def test_pairs_that_must_not_be_used_take_no_digits(dear, least, tmp_path):
    rng = np.random.default_rng(0)
    tried = 0
    while tried < 4:
        costs, a, b = problem(rng, dear)
        costs = np.where(costs == dear, dear, costs + least)
        truth = cheapest(costs, a, b, dear)
        if truth is None:
            continue
        tried += 1
        found = otgen.transport(costs, a, b)
        assert found.status is Status.OPTIMAL
        assert Fraction(found.lower) <= truth <= Fraction(found.upper)
        assert found.upper - found.lower <= 1e-11 * max(abs(float(truth)), 1.0)
        found.save_proof(tmp_path / "dear.npz")
        low, high = otgen.load_proof(tmp_path / "dear.npz").verify()
        assert CHECKER["main"]([str(tmp_path / "dear.npz")]) == 0
        assert Fraction(low) <= truth <= Fraction(high)
        assert high - low <= 1e-11 * max(abs(float(truth)), 1.0)
        together = otgen.transport_batch([costs, costs], [a, a], [b, b])
        assert (together.lower == found.lower).all()
        assert (together.upper == found.upper).all()


@pytest.mark.parametrize("mass", [1e-9, 1e-16])
def test_one_dear_target_of_little_mass_does_not_widen_a_proof(mass, tmp_path):
    """Its potential is off by a rounding of 1e14, which its mass alone pays for."""
    rng = np.random.default_rng(4)
    costs = rng.random((6, 6)) + 1
    costs[:, 0] *= 1e14
    found = otgen.transport(costs, b=[mass, 1, 1, 1, 1, 1], normalize=True)
    found.save_proof(tmp_path / "dear.npz")
    proof = otgen.load_proof(tmp_path / "dear.npz")
    assert proof.upper - proof.lower <= 1e-13 * found.value
    assert CHECKER["main"]([str(tmp_path / "dear.npz")]) == 0


def test_the_checker_follows_pairs_without_a_cycle():
    flows_along = CHECKER["flows_along"]
    half, third = Fraction(1, 2), Fraction(1, 3)
    found = flows_along({(0, 0), (1, 0), (1, 1)}, [third, 1 - third], [half, half])
    assert found == {(0, 0): third, (1, 0): half - third, (1, 1): half}
    assert flows_along({(0, 0), (0, 1), (1, 0), (1, 1)}, [half, half], [half, half]) is None  # a cycle
    assert (
        flows_along({(0, 0), (0, 1), (1, 1)}, [third, 1 - third], [half, half]) is None
    )  # less than nothing would flow
    assert flows_along({(0, 0), (1, 1)}, [third, 1 - third], [half, half]) is None
    assert flows_along({(0, 0)}, [half, half], [half, half]) is None


@pytest.mark.parametrize(
    ("dear", "mass"), [(1e20, 1e-18), (1e30, 1e-28), (1e100, 1e-102), (1e290, 1e-290), (1e307, 1e-300)]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_dear_pairs_that_little_mass_must_use_take_no_digits(dear, mass, axis, tmp_path):
    """Potentials there are as large as the costs, and have no digits left for those of the others."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        costs, weights = rng.random((5, 5)) * 9, [np.ones(5), np.ones(5)]
        costs[3 if axis == 0 else slice(None), 3 if axis == 1 else slice(None)] = dear
        weights[axis][3] = mass
        truth = exact_transport([list(map(Fraction, row)) for row in costs.tolist()], *map(np.ndarray.tolist, weights))
        found = otgen.transport(costs, *weights, normalize=True)
        assert found.status is Status.OPTIMAL
        found.save_proof(tmp_path / "dear.npz")
        for one in (found, otgen.load_proof(tmp_path / "dear.npz")):
            assert Fraction(one.lower) <= truth <= Fraction(one.upper)
            assert one.upper - one.lower <= 1e-12 * found.value
        assert CHECKER["main"]([str(tmp_path / "dear.npz")]) == 0


@pytest.mark.parametrize("dear", [1e30, 1e100, 1e300, 1e307])
def test_what_costs_nothing_or_more_is_proven_to_cost_no_less(dear):
    rng = np.random.default_rng(1)
    for _ in range(12):
        costs, a, b = problem(rng, dear)
        truth = cheapest(costs, a, b, dear)
        found = otgen.transport(costs, a, b)
        assert found.lower >= 0
        if truth is not None:
            assert Fraction(found.lower) <= truth <= Fraction(found.upper)
            assert found.upper - found.lower <= 1e-11 * found.upper
            assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("kind", [bool, int, float])
def test_a_matrix_whose_best_plan_is_free_has_a_lower_end_of_nothing(kind, tmp_path):
    costs = (1 - np.eye(3)).astype(kind)
    found = otgen.transport(costs)
    assert found.value == found.lower == 0.0
    assert found.status is Status.OPTIMAL
    found.save_proof(tmp_path / "free.npz")
    low, high = otgen.load_proof(tmp_path / "free.npz").verify()
    assert low <= 0 <= high
    assert CHECKER["main"]([str(tmp_path / "free.npz")]) == 0


def test_a_larger_matrix_whose_dear_pairs_are_not_listed_at_once():
    rng = np.random.default_rng(2)
    n = 560
    costs = rng.random((n, n))
    costs[rng.random((n, n)) < 0.5] = 1e14
    a = rng.integers(1, 3, n).astype(float)
    b = rng.permutation(a)
    found = otgen.transport(costs, a, b)
    assert found.status is Status.OPTIMAL
    plain = otgen.transport(np.minimum(costs, 1e3), a, b)
    assert found.lower <= plain.upper
    assert plain.lower <= found.upper
    assert found.upper - found.lower <= 1e-10 * found.value


def test_beside_epsilon_they_are_told_to_be_forbidden():
    costs = np.random.default_rng(3).random((6, 6))
    dear = costs > 0.7
    with pytest.raises(otgen.InvalidInput, match=r"; pass inf for pairs that must not be used, raise it, or use"):
        otgen.transport(np.where(dear, 1e12, costs), epsilon=0.1)
    found = otgen.transport(np.where(dear, np.inf, costs), epsilon=0.1)
    assert found.lower <= otgen.transport(np.where(dear, 1e4, costs), epsilon=0.1).upper
