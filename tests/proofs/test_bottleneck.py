"""Plans in whole numbers and cuts: what proves an end of W_inf, and what proves nothing."""

import math

import numpy as np
import pytest

import otgen
from otgen.model.claim import Claim, Flows
from otgen.proofs import prove

X = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
Y = np.array([[1.0, 0.0], [10.0, 2.0], [20.0, 4.0]])


def found(units, cut, a=(1.0, 2.0, 3.0), b=(1.0, 2.0, 3.0), pairs=((0, 0), (1, 1), (2, 2)), x=X, y=Y):
    problem = otgen.Problem.from_points(x, y, a, b, p=math.inf, normalize=True)
    rows, columns = np.array(pairs).T
    flows = Flows(rows, columns, np.ones(len(rows)))
    return prove(problem, Claim(flows, units=units, cut=None if cut is None else np.array(cut, np.int64)))


def test_both_ends():
    proof = found((1, 2, 3), [2, 2])
    assert proof.lower < 4.0 < proof.upper
    assert proof.upper - proof.lower <= 1e-14
    assert (proof.kind, proof.cost, proof.scale, proof.marginal_error) == ("cut", 4.0, 4.0, 0.0)
    np.testing.assert_allclose(proof.plan.values, [1 / 6, 2 / 6, 3 / 6])


@pytest.mark.parametrize("units", [(1, 2, 4), (2, 2, 3), (0, 0, 0), (-1, -2, -3), (3, 2, 1)])
def test_marginals_that_are_missed(units):
    proof = found(units, [2])
    assert (proof.upper, proof.plan) == (math.inf, None)
    assert math.isnan(proof.marginal_error)
    assert 3.999 < proof.lower < 4.0


def test_one_unit_of_mass_in_2_to_the_53():
    b = (1.0, 2.0, math.nextafter(3.0, 4.0))
    assert found((1, 2, 3), [2], b=b).upper == math.inf
    assert found((1, 2, 3), [2], a=(2.0, 4.0, 6.0)).upper < math.inf
    assert found((2, 3, 0, 1), [2], a=(2, 4, 0), b=(2, 3, 1), pairs=((0, 0), (1, 1), (2, 2), (1, 2))).upper < math.inf


@pytest.mark.parametrize(("cut", "lower"), [([2], 4.0), ([0, 1, 2], 4.0), ([], 0.0), (None, 0.0), ([1], 0.0)])
def test_cuts(cut, lower):
    """The second source has targets nearer than the longest pair that hold as much as it."""
    assert found((1, 2, 3), cut).lower == pytest.approx(lower, rel=1e-14)


def test_a_cut_needs_more_mass_than_what_it_reaches():
    """One unit in the last place more is enough, and as much is not."""
    more = math.nextafter(2.0, 3.0)
    x, y = np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[1.0, 0.0], [9.0, 0.0]])
    pairs = ((0, 0), (0, 1), (1, 1))
    extra = int((more - 2.0) * 2**52)
    units = (2 * 2**52, extra, 2**52 - extra)
    proof = found(units, [0], a=(more, 3.0 - more), b=(2.0, 1.0), pairs=pairs, x=x, y=y)
    assert proof.lower == pytest.approx(9.0, rel=1e-14)
    assert proof.upper == pytest.approx(9.0, rel=1e-14)
    assert found((2, 0, 1), [0], a=(2.0, 1.0), b=(2.0, 1.0), pairs=pairs, x=x, y=y).lower == 0.0


def test_rounding_is_charged_unless_points_coincide():
    proof = found((1, 2, 3), [0], y=X)
    assert (proof.lower, proof.upper) == (0.0, 0.0)
    apart = found((1, 2, 3), None, y=X + np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 5e-324]]))
    assert apart.upper > 0


def test_distances_as_long_as_the_cut_is_proven_below():
    """A plan whose longest pair is off by rounding: the cut holds a little below it, not at it."""
    y = np.array([[0.1, 0.2], [10.1, 0.2], [20.1, 0.2]])
    x = X[:1]
    problem_a, b = (3.0,), (1.0, 1.0, 1.0)
    proof = found((1, 1, 1), [0], a=problem_a, b=b, pairs=((0, 0), (0, 1), (0, 2)), x=x, y=y)
    truth = math.hypot(20.1, 0.2)
    assert proof.lower <= truth <= proof.upper
    assert proof.upper - proof.lower <= 1e-13


def test_without_flows_or_units():
    problem = otgen.Problem.from_points(X, Y, p=math.inf)
    with pytest.raises(otgen.InvalidInput, match="flows in whole numbers and a cut"):
        prove(problem, Claim(Flows(np.arange(3), np.arange(3), np.ones(3))))
    none = Flows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    proof = prove(problem, Claim(none, units=()))
    assert (proof.kind, proof.cost, proof.lower, proof.upper, proof.scale) == ("cut", math.inf, 0.0, math.inf, math.inf)
    assert math.isnan(proof.marginal_error)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev"])
def test_points_that_scaling_merges_are_not_called_one(metric):
    """1e-320 apart beside points at 1.7e308: the unit of the latter leaves no digit of the former."""
    x, y = np.array([[1e-320, 0.0], [1.7e308, 0.0]]), np.array([[2e-320, 0.0], [1.7e308, 0.0]])
    result = otgen.wasserstein(x, y, p=math.inf, metric=metric)
    assert result.lower <= 1e-320 <= result.upper
