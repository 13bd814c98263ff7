"""What the proof costs: under 20 % of the solve at n = 2000."""

import pytest
from peers import clouds, seconds

import otgen
from otgen.model.units import scaled
from otgen.proofs import prove
from otgen.solvers import Simplex


@pytest.mark.parametrize("d", [2, 64])
def test_certificate_overhead(benchmark, d):
    x, y, a, b = clouds(2000, d)
    problem = scaled(otgen.Problem.from_points(x, y, a, b))
    solution = Simplex().solve(problem)
    solve = min(seconds(lambda: Simplex().solve(problem)) for _ in range(3))
    proof = min(seconds(lambda: prove(problem, solution.claim)) for _ in range(3))
    benchmark.pedantic(lambda: prove(problem, solution.claim), rounds=3, iterations=1)
    benchmark.extra_info.update(solve=solve, proof=proof, share=proof / solve)
    print(f"\nd = {d}: solve {solve:.3f} s, proof {proof:.4f} s, {100 * proof / solve:.1f} %")
    assert proof < 0.2 * solve
