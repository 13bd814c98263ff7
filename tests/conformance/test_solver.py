"""One suite for every solver that is exported: it solves what it takes, says numbers, and the proof holds the truth.

A new solver is one line of `SOLVERS`, a new kind of problem one of `tests/posed.py`.
"""

import math
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from posed import CIRCLE, ENTROPIC, EXACT, FURTHEST, FURTHEST_ON_LINE, KINDS, LINE, NO_PLAN, PROBLEMS, of_points

import otgen
from otgen import InvalidInput, NotConverged, Status
from otgen.distances.solve import SOLVERS as NAMES
from otgen.model.units import scaled
from otgen.solvers import (
    Auto,
    Bottleneck,
    Circle,
    Claim,
    Fixed,
    Flows,
    Line,
    LinearProgram,
    Simplex,
    Sinkhorn,
    Solution,
)
from otgen.solvers.base import silent

#: Each solver, and the kinds of problems that it takes.
SOLVERS = [
    (Auto(), KINDS),
    (Simplex(), {EXACT, LINE, CIRCLE}),
    (LinearProgram(), {EXACT, LINE, CIRCLE}),
    (Circle(), {CIRCLE}),
    (Line(), {LINE, FURTHEST_ON_LINE}),
    (Bottleneck(), {FURTHEST, FURTHEST_ON_LINE}),
    (Sinkhorn(tol=1e-8), {ENTROPIC}),
    (Sinkhorn(tol=1e-8, schedule=Fixed()), {ENTROPIC}),
]
STARTED = {"Auto", "Simplex", "Sinkhorn"}  # these take potentials to start from


def pairs(taken):
    """Each solver with each problem that it takes, or with each that it does not."""
    return [
        pytest.param(solver, example, id=f"{type(solver).__name__}{at}-{name}")
        for at, (solver, kinds) in enumerate(SOLVERS)
        for name, example in PROBLEMS.items()
        if (example.kind in kinds) == taken
    ]


def examples(solver):
    """The problems that a solver takes."""
    kinds = next(kinds for other, kinds in SOLVERS if other is solver)
    return [example for example in PROBLEMS.values() if example.kind in kinds]


def harder(solver):
    """One that takes work: neither the line nor one target."""
    return [example for example in examples(solver) if 1 not in example.costs.shape][-1]


on_what_it_takes = pytest.mark.parametrize(("solver", "example"), pairs(taken=True))
each = pytest.mark.parametrize("solver", [solver for solver, _ in SOLVERS], ids=lambda z: type(z).__name__)


def numbers(value):
    """Every array in something made of dataclasses, tuples and sparse matrices, in order."""
    if isinstance(value, np.ndarray):
        yield value
    elif scipy.sparse.issparse(value):
        yield from (value.data, value.indices, value.indptr)
    elif is_dataclass(value):
        for part in fields(value):
            yield from numbers(getattr(value, part.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from numbers(part)


def bits(value):
    """What is in those arrays."""
    return [(array.dtype.str, array.shape, array.tobytes()) for array in numbers(value)]


def only_numbers(claim):
    """Whether a claim holds arrays of numbers, numbers, tuples of them, and nothing else."""
    parts = [getattr(claim, part.name) for part in fields(claim)]
    while parts:
        part = parts.pop()
        if isinstance(part, tuple):
            parts += part
        elif isinstance(part, np.ndarray):
            if part.dtype not in (np.float64, np.int64) or part.ndim != 1:
                return False
        elif part is not None and type(part) not in (int, float):
            return False
    return True


def assert_leaves_the_problem_alone(solver, problem):
    before = bits(problem)
    assert len(before) >= 5
    solver.solve(problem)
    assert bits(problem) == before


def assert_says_the_same_twice(solver, example):
    one, other = (solver.solve(scaled(example.make(1.0))) for _ in range(2))
    assert bits(one.claim) == bits(other.claim)
    assert (one.claim.units, one.status, one.iterations) == (other.claim.units, other.status, other.iterations)


def assert_proof_holds_the_truth(solver, example, tight=True, exponent=0, **options):
    """At costs times a power of two as well."""
    result = otgen.solve(example.make(2.0**exponent), solver, throw=False, **options)
    size = Fraction(2) ** (exponent * (1 if math.isinf(example.p) else int(example.p)))
    low, high = (size * Fraction(end) for end in example.truth)
    assert result.lower <= high
    assert low <= result.upper
    if tight:
        above = result.value if example.epsilon and example.forbids else result.upper  # a rounded plan fills every pair
        assert above - result.lower <= (1e-5 if example.epsilon else 1e-11) * max(abs(high), size)
        assert result.status is (Status.CONVERGED if example.epsilon else Status.OPTIMAL)


@on_what_it_takes
class TestWhatItTakes:
    def test_it_hands_over_numbers(self, solver, example):
        problem = scaled(example.make(1.0))
        solution = solver.solve(problem)
        assert type(solution) is Solution
        assert type(solution.claim) is Claim
        assert isinstance(solution.claim.flows, Flows | None)
        assert only_numbers(solution.claim)
        assert bits(solution.claim.checked(problem.shape)) == bits(solution.claim)

    def test_it_says_what_it_has_done(self, solver, example):
        solution = solver.solve(scaled(example.make(1.0)))
        chosen = solver.choose(example.make(1.0))[0] if isinstance(solver, Auto) else solver
        assert solution.name == type(chosen).__name__
        assert solution.status is (Status.CONVERGED if example.epsilon else Status.OPTIMAL)
        assert type(solution.iterations) is int
        assert solution.iterations >= 0

    def test_it_leaves_the_problem_alone(self, solver, example):
        assert_leaves_the_problem_alone(solver, scaled(example.make(1.0)))

    def test_the_same_bits_twice(self, solver, example):
        assert_says_the_same_twice(solver, example)

    def test_telling_how_far_it_is_changes_nothing(self, solver, example):
        told = []
        problem = scaled(example.make(1.0))
        assert bits(solver.solve(problem, told.append).claim) == bits(solver.solve(problem).claim)
        assert all(isinstance(message, str) and message for message in told)

    def test_the_proof_holds_the_truth(self, solver, example):
        assert_proof_holds_the_truth(solver, example)

    @pytest.mark.parametrize("exponent", [-90, -9, 9, 90])
    def test_so_it_does_at_any_scale(self, solver, example, exponent):
        assert_proof_holds_the_truth(solver, example, exponent=exponent)


@pytest.mark.parametrize(("solver", "example"), pairs(taken=False))
def test_what_it_does_not_take_is_refused_in_words(solver, example):
    told = []
    with pytest.raises(
        InvalidInput, match=r"^solver='\w+' must get .+; received Problem\(.+\); (use|pass) .+"
    ) as refused:
        solver.solve(scaled(example.make(1.0)), told.append)
    name = next(name for name, kind in NAMES.items() if kind is type(solver))
    assert f"solver={name!r}" in str(refused.value)
    assert not told


@pytest.mark.parametrize("name", NO_PLAN)
@each
def test_where_there_is_no_plan(solver, name):
    example = NO_PLAN[name]
    if not any(example.kind == other.kind for other in examples(solver)):
        return
    solution = solver.solve(scaled(example.make(1.0)))
    assert solution.status is Status.INFEASIBLE
    assert only_numbers(solution.claim)
    result = otgen.solve(example.make(1.0), solver, throw=False)
    assert (result.status, result.lower) == (Status.INFEASIBLE, math.inf)


@each
class TestEverySolver:
    def test_is_frozen_configuration(self, solver):
        assert is_dataclass(solver)
        assert replace(solver) == solver
        with pytest.raises(FrozenInstanceError):
            solver.tol = 1.0

    def test_says_how_far_it_is_or_that_it_cannot_be_stopped(self, solver):
        """Whoever is told can stop it."""

        def stop(message):
            raise KeyboardInterrupt

        problem = scaled(harder(solver).make(1.0))
        if "interrupt" in type(solver).__doc__:
            solver.solve(problem, stop)
            return
        with pytest.raises(KeyboardInterrupt):
            solver.solve(problem, stop)

    def test_potentials_to_start_from(self, solver):
        """They are used or refused, and do not change what is proven."""
        example = harder(solver)
        problem = scaled(example.make(1.0))
        start = np.linspace(0, 1, problem.shape[0]), np.linspace(1, 0, problem.shape[1])
        before = [z.copy() for z in start]
        if type(solver).__name__ not in STARTED:
            with pytest.raises(
                InvalidInput,
                match=f"init must be None for a solver that starts from nothing; received one for {type(solver).__name__};",
            ):
                solver.solve(problem, init=Claim(potentials=start))
            return
        assert only_numbers(solver.solve(problem, init=Claim(potentials=start)).claim)
        assert all((z == kept).all() for z, kept in zip(start, before))
        assert_proof_holds_the_truth(solver, example, init=start)

    def test_a_limit_is_kept_and_the_proof_still_holds(self, solver):
        if not any(part.name == "max_iter" for part in fields(solver)):
            return
        limited, example = replace(solver, max_iter=1), harder(solver)
        solution = limited.solve(scaled(example.make(1.0)))
        assert solution.status is Status.MAX_ITER
        assert solution.iterations <= 1
        assert_proof_holds_the_truth(limited, example, tight=False)
        with pytest.raises(NotConverged, match=r"raise max_iter|raise the solver's max_iter") as caught:
            otgen.solve(example.make(1.0), limited)
        assert ("epsilon" in str(caught.value)) == isinstance(solver, Sinkhorn), "what exact transport does not have"


@given(seed=st.integers(0, 2**32 - 1), solver=st.sampled_from([Auto(), Simplex(), LinearProgram()]))
def test_any_exact_problem(seed, solver):
    rng = np.random.default_rng(seed)
    d, metric = int(rng.integers(1, 4)), str(rng.choice(["cityblock", "chebyshev"]))
    assert_proof_holds_the_truth(solver, of_points(EXACT, d, metric, float(rng.integers(1, 4)), 6, seed=seed))


class TestTheSuite:
    def test_covers_what_is_exported(self):
        covered = {type(solver) for solver, _ in SOLVERS}
        exported = {name: getattr(otgen.solvers, name) for name in otgen.solvers.__all__}
        solvers = {
            kind for kind in exported.values() if hasattr(kind, "solve") and not getattr(kind, "_is_protocol", False)
        }
        assert solvers == covered == set(NAMES.values())
        schedules = {"Annealing", "Fixed", "Schedule"}
        assert set(exported) - {kind.__name__ for kind in covered} - schedules == {
            "Claim",
            "Flows",
            "Solution",
            "Solver",
        }
        used = {type(solver.schedule).__name__ for solver, _ in SOLVERS if isinstance(solver, Sinkhorn)}
        assert used == schedules - {"Schedule"}

    def test_every_kind_of_problem_is_refused_by_some_and_taken_by_some(self):
        for kind in KINDS:
            assert sum(kind in kinds for _, kinds in SOLVERS) in range(2, len(SOLVERS))

    def test_sees_a_solver_that_writes_into_the_problem(self):
        class Wrong(Simplex):
            def solve(self, problem, progress=silent, init=None, enough=None):
                problem.source.weights[0] += 1
                return super().solve(problem)

        with pytest.raises(AssertionError):
            assert_leaves_the_problem_alone(Wrong(), scaled(PROBLEMS["plane"].make(1.0)))

    def test_sees_a_solver_that_says_something_else_each_time(self):
        @dataclass(frozen=True)
        class Wrong(Sinkhorn):
            said: list = field(default_factory=list)

            def solve(self, problem, progress=silent, init=None):
                self.said.append(problem)
                return replace(self, tol=10.0 ** -len(self.said)).solve_once(problem)

            def solve_once(self, problem):
                return super().solve(problem)

        with pytest.raises(AssertionError):
            assert_says_the_same_twice(Wrong(), PROBLEMS["entropic"])

    def test_sees_a_solver_whose_proof_does_not_come_out(self):
        class Wrong:  # no Simplex, of which few points would be proven all the same
            def solve(self, problem, progress=silent, init=None):
                solution = Simplex().solve(problem)
                return replace(solution, claim=replace(solution.claim, potentials=None))

        with pytest.raises(AssertionError):
            assert_proof_holds_the_truth(Wrong(), PROBLEMS["plane"])

    def test_sees_what_is_no_number(self):
        for part in ("a", 1j, np.zeros((2, 2)), np.zeros(2, object), (np.zeros(2), otgen.Measure(2))):
            assert not only_numbers(Claim(cut=part))
