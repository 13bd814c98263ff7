"""What the proof costs: under 20 % of the solve at n = 2000."""

import pytest
from peers import clouds, seconds

import otgen
from otgen.distances.solve import certify
from otgen.solvers import Simplex


@pytest.mark.parametrize("d", [2, 64])
def test_certificate_overhead(benchmark, d):
    x, y, a, b = clouds(2000, d)
    problem = otgen.Problem.from_points(x, y, a, b).scaled()
    solution = Simplex().solve(problem)
    solve = min(seconds(lambda: Simplex().solve(problem)) for _ in range(3))
    proof = min(seconds(lambda: certify(problem, solution.plan, solution.potentials)) for _ in range(3))
    benchmark.pedantic(lambda: certify(problem, solution.plan, solution.potentials), rounds=3, iterations=1)
    benchmark.extra_info.update(solve=solve, proof=proof, share=proof / solve)
    print(f"\nd = {d}: solve {solve:.3f} s, proof {proof:.4f} s, {100 * proof / solve:.1f} %")
    assert proof < 0.2 * solve
