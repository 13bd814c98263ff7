"""Which argument is taken, by what the problem is and what the claim holds."""

import math

import numpy as np
import pytest

import otgen
from otgen.model.claim import Claim, Flows
from otgen.proofs import prove

INF = math.inf
COSTS = np.array([[1.0, 3.0], [2.0, 0.5]])
PAIR = np.zeros(2), np.zeros(2)
ONE_EACH = Flows(np.arange(2), np.arange(2), np.full(2, 0.5))
HALF = np.array([[1.0, INF], [3.0, 2.0]])  # the first source may go to the first target only


def on_line(p):
    return otgen.Problem.from_points([0.0, 2.0], [1.0, 5.0], p=p)


def test_a_ray_decides_where_it_proves_something():
    ray = np.array([1.0, 0.0]), np.zeros(2)
    stuck = otgen.Problem.from_matrix(HALF, [0.75, 0.25], [0.5, 0.5])
    assert prove(stuck, Claim(ray=ray, potentials=PAIR)).lower == INF
    assert prove(stuck, Claim(potentials=PAIR)).lower < INF
    moves = otgen.Problem.from_matrix(HALF, [0.5, 0.5], [0.5, 0.5])
    found = prove(moves, Claim(ray=ray, potentials=PAIR, flows=ONE_EACH))
    assert (found.kind, found.cost) == ("dual", 1.5)


@pytest.mark.parametrize("claim", [Claim(potentials=PAIR), Claim(ray=PAIR), Claim(ray=PAIR, potentials=PAIR)])
def test_an_entropic_problem_takes_potentials_or_a_ray(claim):
    assert prove(otgen.Problem.from_matrix(COSTS, epsilon=1.0), claim).kind == "entropic"


@pytest.mark.parametrize(
    ("problem", "claim"),
    [
        (otgen.Problem.from_matrix(COSTS, epsilon=1.0), Claim()),
        (otgen.Problem.from_matrix(COSTS, epsilon=1.0), Claim(ONE_EACH)),
        (otgen.Problem.from_matrix(COSTS), Claim()),
        (otgen.Problem.from_matrix(np.ones((2, 3))), Claim()),
        (otgen.Problem.from_matrix([[INF, 1.0]]), Claim()),
        (otgen.Problem.from_points(np.eye(2), np.eye(2), p=INF), Claim()),
        (on_line(INF), Claim(ONE_EACH)),
        (on_line(INF), Claim(cut=np.array([0]))),
    ],
)
def test_a_claim_that_holds_too_little(problem, claim):
    with pytest.raises(otgen.InvalidInput, match="the claim of a solver must hold"):
        prove(problem, claim)


def test_what_needs_no_claim():
    assert prove(on_line(1), Claim()).kind == "monotone"
    assert prove(on_line(INF), Claim()).cost == 3.0
    assert prove(otgen.Problem.from_matrix(np.ones((1, 3))), Claim()).cost == pytest.approx(1.0, rel=1e-15)


def test_a_cut_on_the_line_is_looked_at():
    crossed = Flows(np.array([0, 1]), np.array([1, 0]), np.full(2, 0.5))
    found = prove(on_line(INF), Claim(crossed, units=(1, 1), cut=np.array([0])))
    assert (found.cost, found.lower < 3.5) == (5.0, True)


def test_sources_that_nobody_may_serve():
    stranded = otgen.Problem.from_matrix([[INF, INF], [1.0, 1.0]])
    found = prove(stranded, Claim(potentials=PAIR))
    assert (found.lower, found.upper, found.cost) == (INF, INF, INF)
    assert prove(otgen.Problem.from_matrix(HALF), Claim(potentials=PAIR)).lower < INF
