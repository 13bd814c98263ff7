"""Whether forbidden pairs leave a plan, to the last unit of mass."""

import math
from dataclasses import replace

import numpy as np
import pytest

import otgen
from otgen.proofs.no_plan import prove_no_plan, stranded_sources

INF = math.inf
NEXT = np.array([[1.0, INF], [3.0, 2.0]])  # the first source may go to the first target only
RAY_OF_THREE = np.array([1.0, 0.0, 0.0]), np.zeros(3)
RAY = np.array([1.0, 0.0]), np.zeros(2)  # which then gains what the first source has beyond the first target


@pytest.mark.parametrize(
    ("a", "b", "proven"),
    [
        ([0.5, 0.5], [0.5, 0.5], False),
        ([math.nextafter(0.5, 1), 1 - math.nextafter(0.5, 1)], [0.5, 0.5], True),
        ([0.1, 0.2], [0.2, 0.4], False),
        ([math.nextafter(0.1, 1), 0.2], [0.1, 0.2], True),
        ([0.3, 0.2], [0.2, 0.3], True),
    ],
)
def test_one_unit_in_the_last_place_decides(a, b, proven):
    problem = otgen.Problem.from_matrix(NEXT, a, b, normalize=True)
    found = prove_no_plan(problem, RAY)
    assert (found is not None) is proven
    if found is not None:
        assert (found.cost, found.lower, found.upper, found.scale) == (INF, INF, INF, INF)
        assert math.isnan(found.marginal_error)
        assert found.potentials is not None
        f, g = found.potentials
        assert (f[:, None] + g <= np.where(np.isinf(NEXT), INF, 0.0)).all()


def test_rays_of_no_numbers_and_points_without_mass():
    problem = otgen.Problem.from_matrix(NEXT, [0.0, 1.0], [0.5, 0.5])
    for ray in ((np.array([math.nan, math.inf]), np.zeros(2)), (np.array([5.0, 0.0]), np.zeros(2))):
        assert prove_no_plan(problem, ray) is None
    empty = otgen.Problem.from_matrix(np.array([[1.0, INF], [INF, 2.0]]), [1.0, 0.0], [1.0, 0.0])
    assert prove_no_plan(empty, (np.array([1.0, 7.0]), np.zeros(2))) is None


def test_a_target_that_none_may_serve():
    problem = otgen.Problem.from_matrix(np.array([[1.0, INF], [3.0, INF]]), [1.0, 0.0], [0.5, 0.5])
    found = prove_no_plan(problem, (np.zeros(2), np.zeros(2)))
    np.testing.assert_array_equal(found.potentials[1], [0.0, 1.0])
    np.testing.assert_array_equal(found.potentials[0], [0.0, 0.0])


def test_what_has_no_mass_proves_nothing_and_hinders_nothing():
    more = math.nextafter(0.5, 1)
    costs = np.array([[1.0, INF, INF], [3.0, 2.0, INF], [1.0, 1.0, INF]])
    problem = otgen.Problem.from_matrix(costs, [more, 1 - more, 0.0], [0.5, 0.5, 0.0], normalize=True)
    found = prove_no_plan(problem, (np.array([1.0, math.nan, 5.0]), np.zeros(3)))
    assert found is not None
    assert found.potentials is not None
    f, g = found.potentials
    np.testing.assert_array_equal(f, [1.0, 0.0, -1e300])
    assert (f[:, None] + g <= np.where(np.isinf(costs), INF, 0.0)).all()
    assert np.isfinite(g).all()
    assert g[2] < 0
    balanced = otgen.Problem.from_matrix(costs, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0])
    assert prove_no_plan(balanced, RAY_OF_THREE) is None


def test_mass_that_need_not_be_moved_has_a_plan():
    problem = otgen.Problem.from_matrix(NEXT, [0.9, 0.1], [0.1, 0.9])
    assert prove_no_plan(problem, RAY) is not None
    assert prove_no_plan(replace(problem, epsilon=0.1, relax=(1.0, 1.0)), RAY) is None


def test_only_where_pairs_are_forbidden():
    assert prove_no_plan(otgen.Problem.from_matrix(np.ones((2, 2)), [0.9, 0.1], [0.1, 0.9]), RAY) is None


def test_sources_that_are_stranded():
    problem = otgen.Problem.from_matrix(np.array([[INF, INF], [3.0, INF]]))
    np.testing.assert_array_equal(stranded_sources(problem)[0], [1.0, 0.0])
    np.testing.assert_array_equal(stranded_sources(problem)[1], [0.0, 0.0])
    assert prove_no_plan(problem, stranded_sources(problem)) is not None
