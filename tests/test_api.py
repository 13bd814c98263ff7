"""What is public, what importing costs, what comes back, and how errors read."""

import copy
import functools
import importlib.util
import json
import pickle
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from proving import assert_proven

import otgen
from otgen import InvalidInput, Measure, MissingExtra, Problem, Status, elsewhere
from otgen.errors import is_installed, require
from otgen.model.plan import EntropicPlan, rounded
from otgen.solvers import Annealing, Auto, Fixed, Line, LinearProgram, Simplex, Sinkhorn

RNG = np.random.default_rng(0)
X, Y = RNG.random((12, 2)), RNG.random((15, 2))


def fresh(code):
    """Run code in a new interpreter and return what it prints."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


class TestImport:
    def test_what_it_must_not_load(self):
        heavy = {"torch", "numba", "cupy", "matplotlib", "scipy", "numpy", "sklearn", "pandas", "typer"}
        loaded = fresh("import sys, otgen; print(' '.join(m for m in sys.modules))").split()
        assert not heavy & set(loaded)

    def test_a_first_call_with_a_warm_cache_compiles_nothing(self):
        """At the second try, or later where another process writes into the same cache. Times: benchmarks/test_start.py."""
        code = (
            "import otgen; from numba.core import event\n"
            "with event.install_recorder('numba:compile') as compiled:\n"
            "    otgen.wasserstein([[0.0, 1], [1, 2]], [[1.0, 0], [2, 2]])\n"
            "    otgen.sinkhorn([[0.0, 1], [1, 2]], [[1.0, 0], [2, 2]], epsilon=0.1)\n"
            "print(len(compiled.buffer))"
        )
        assert "0" in (fresh(code) for _ in range(4))

    def test_public_names(self):
        kept = (Path(__file__).with_name("surface.txt")).read_text(encoding="utf-8")
        named = set(re.findall(r"^otgen\.(\w+)", kept, re.MULTILINE)) - {"estimators", "nn"} | {"lab"}
        assert sorted(otgen.__all__) == sorted(named)
        for name in otgen.__all__:
            assert getattr(otgen, name) is not None
        extras = {"nn": "torch", "estimators": "sklearn"}
        here = [name for name, extra in extras.items() if importlib.util.find_spec(extra)]
        assert dir(otgen) == sorted([*otgen.__all__, *here])
        with pytest.raises(AttributeError, match="no attribute 'wassertein'"):
            _ = otgen.wassertein

    def test_looking_around_loads_nothing(self):
        loaded = fresh("import sys, otgen; assert 'laws' in dir(otgen); print(' '.join(sys.modules))").split()
        assert not {"torch", "numpy", "numba"} & set(loaded)

    def test_extras_are_named(self):
        with pytest.raises(MissingExtra, match=r"otgen\[cuda12\]"):
            require("cupy")

    def test_a_stand_in_for_an_extra_counts(self, monkeypatch):
        """A module that is loaded already is there, with a spec or without; one that is marked as absent is not."""
        monkeypatch.setitem(sys.modules, "cupy", types.ModuleType("cupy"))
        assert require("cupy") is sys.modules["cupy"]
        monkeypatch.setitem(sys.modules, "cupy", None)
        with pytest.raises(MissingExtra):
            require("cupy")

    @pytest.mark.parametrize("fault", ["ImportError('libcudart.so: cannot open')", "OSError('no such file')", "1 / 0"])
    def test_extras_that_are_broken(self, tmp_path, monkeypatch, fault):
        (tmp_path / "shattered").mkdir()
        (tmp_path / "shattered" / "__init__.py").write_text(f"raise {fault}\n")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(MissingExtra, match="shattered must be whole for this; received one whose import ends in"):
            require("shattered.part")

    def test_losses_without_torch(self):
        code = (
            "import importlib.util as u; real = u.find_spec\n"
            "u.find_spec = lambda n, *a: None if n == 'torch' else real(n, *a)\n"
            "import otgen\n"
            "assert 'nn' not in dir(otgen)\n"
            "assert otgen.divergences.tv([1.0], [1.0]).value == 0\n"
            "try:\n    otgen.nn\nexcept otgen.MissingExtra as fault:\n    print(fault)\n"
        )
        assert "otgen[torch]" in fresh(code)

    def test_estimators_without_scikit_learn(self):
        code = (
            "import importlib.util as u; real = u.find_spec\n"
            "u.find_spec = lambda n, *a: None if n == 'sklearn' else real(n, *a)\n"
            "import otgen\n"
            "assert 'estimators' not in dir(otgen)\n"
            "try:\n    otgen.estimators\nexcept otgen.MissingExtra as fault:\n    print(fault)\n"
        )
        told = fresh(code)
        assert "sklearn must be installed for this" in told
        assert "otgen[sklearn]" in told

    def test_command_line_without_its_extra(self):
        code = (
            "import sys; sys.modules['typer'] = None\n"
            "import importlib.util as u; real = u.find_spec\n"
            "u.find_spec = lambda n, *a: None if n == 'typer' else real(n, *a)\n"
            "sys.stderr = sys.stdout\n"
            "import otgen.app.cli\n"
            "try:\n    otgen.app.cli.main()\nexcept SystemExit as e:\n    print(e.code)\n"
        )
        told = fresh(code)
        assert told.split("\n")[-1] == "2"
        assert "otgen[cli]" in told

    def test_an_unwritable_cache_does_not_matter(self, tmp_path):
        code = (
            "import numba.core.caching as c\n"
            "def refuse(*a, **k): raise RuntimeError('cannot cache')\n"
            "c.FunctionCache.__init__ = refuse\n"
            "import otgen\nprint(otgen.wasserstein([0.0, 1], [1.0, 2], p=1).value)\n"
        )
        assert fresh(code) == "1.0"


class TestResult:
    def test_it_reads_well(self):
        result = otgen.wasserstein(X, Y)
        text = repr(result)
        assert [line.split()[0] for line in text.split("\n")] == [
            "Result",
            "value",
            "proven",
            "gap",
            "chance",
            "status",
            "solver",
        ]
        assert "OPTIMAL" in text
        assert "Simplex" in text
        assert "<table>" in result._repr_html_()
        assert "exact cost within" in repr(otgen.sinkhorn(X, Y, epsilon=0.1))
        assert "standard error" in repr(otgen.sliced_wasserstein(X, Y, rng=0))

    def test_it_is_no_truth_value(self):
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(otgen.wasserstein(X, Y))

    def test_to_dict_is_json(self):
        out = json.loads(json.dumps(otgen.wasserstein(X, Y).to_dict()))
        assert out["status"] == "OPTIMAL"
        assert out["lower"] <= out["value"] <= out["upper"]
        infeasible = otgen.transport([[np.inf]], throw=False)
        assert json.loads(json.dumps(infeasible.to_dict(), allow_nan=False))["value"] is None

    @pytest.mark.parametrize("round_trip", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy])
    def test_round_trips(self, round_trip):
        for result in (otgen.wasserstein(X, Y), otgen.wasserstein(X[:, 0], Y[:, 0]), otgen.sinkhorn(X, Y, epsilon=0.1)):
            again = round_trip(result)
            assert again.to_dict() == result.to_dict()
            assert (again.plan.todense() == result.plan.todense()).all()
            assert (again.potentials[0] == result.potentials[0]).all()

    def test_every_status_has_words(self):
        for status in Status:
            assert status.value
            assert status.remedy or status in (Status.OPTIMAL, Status.CONVERGED, Status.ESTIMATE)


class TestPlans:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: otgen.wasserstein(X, Y),
            lambda: otgen.wasserstein(X[:, 0], Y[:, 0]),
            lambda: otgen.sinkhorn(X, Y, epsilon=0.1),
        ],
    )
    def test_they_are_operators(self, make):
        plan = make().plan
        dense = plan.todense()
        v, w = RNG.random(15), RNG.random((12, 3))
        np.testing.assert_allclose(plan @ v, dense @ v, atol=1e-14)
        np.testing.assert_allclose(plan.T @ w, dense.T @ w, atol=1e-14)
        np.testing.assert_allclose(plan.T.todense(), dense.T, atol=1e-15)
        rows, columns = plan.marginals()
        np.testing.assert_allclose(rows, dense.sum(axis=1), atol=1e-15)
        np.testing.assert_allclose(columns, dense.sum(axis=0), atol=1e-15)
        np.testing.assert_allclose(plan.barycenters(Y), (dense @ Y) / dense.sum(axis=1)[:, None], atol=1e-12)
        assert str(plan.shape) in repr(plan)
        with pytest.raises(InvalidInput, match=r"v must have shape \(15,\)"):
            plan @ np.ones(3)

    def test_a_permutation(self):
        assert sorted(otgen.wasserstein(X, Y[:12]).plan.permutation) == list(range(12))
        assert otgen.wasserstein(X[:, 0], Y[:12, 0]).plan.permutation is not None
        assert otgen.wasserstein(X, Y).plan.permutation is None

    def test_rounding_meets_the_marginals(self):
        problem = Problem.from_points(X, Y)
        a, b = problem.source.probabilities, problem.target.probabilities
        rough = EntropicPlan(problem.cost, RNG.normal(size=12), RNG.normal(size=15), 0.5, a, b)
        rows, columns = rounded(rough).marginals()
        np.testing.assert_allclose(rows, a, atol=1e-15)
        np.testing.assert_allclose(columns, b, atol=1e-15)
        assert (rounded(rough).todense() >= 0).all()


class TestCertify:
    """A bound that lies is caught: the certificate's own ends, moved by a part in 1e12 of the cost, no longer hold."""

    def test_a_bound_off_by_one_part_in_1e12_is_caught(self):
        from fractions import Fraction

        from proving import exact_transport, fractions

        rng = np.random.default_rng(3)
        C, a, b = rng.random((6, 5)), rng.random(6).tolist(), rng.random(5).tolist()
        truth = exact_transport(fractions(C), a, b)
        result = otgen.transport(C, a, b, normalize=True)
        total = Fraction(result.mass)
        assert_proven(result, truth * total)
        for field, change in (("lower", 1 + 1e-12), ("upper", 1 - 1e-12)):
            lied = copy.copy(result)
            object.__setattr__(lied, field, getattr(result, field) * change)
            with pytest.raises(AssertionError):
                assert_proven(lied, truth * total)


class TestInput:
    @pytest.mark.parametrize(
        ("x", "said"),
        [
            (np.zeros((2, 3, 4)), "otgen.wasserstein_batch"),
            (np.zeros((1, 1, 1, 1)), r"\(n, d\) or \(n,\)"),
            (3.0, r"\(n, d\) or \(n,\)"),
            ([[1, 2], [3]], "rectangular"),
            ([["a", "b"]], "real numbers"),
            ([[1j, 0]], "real numbers"),
            (np.zeros((3, 2), np.longdouble), "at most float64"),
            (np.zeros((0, 2)), "at least one point"),
        ],
    )
    def test_bad_points(self, x, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.wasserstein(x, [[0.0, 1.0]])

    @pytest.mark.parametrize(
        "call", [otgen.wasserstein, otgen.sinkhorn, otgen.sinkhorn_divergence, otgen.sinkhorn_batch]
    )
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(throw="x"), "throw must be True or False; received 'x'"),
            (dict(normalize=1), "normalize must be True or False"),
            (dict(p="2"), "p must be a real number; received '2'"),
        ],
    )
    def test_what_only_looks_right(self, call, options, said):
        x = np.zeros((1, 3, 2)) if call is otgen.sinkhorn_batch else np.zeros((3, 2))
        more = {} if call is otgen.wasserstein else dict(epsilon=0.1)
        with pytest.raises(InvalidInput, match=said):
            call(x, x, **more, **options)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(a=[1.0]), r"shape \(12,\), one weight for each of the points of x"),
            (dict(a=["x"] * 12), "real numbers"),
            (dict(a=[1e308] * 12), "a must have a total of at most"),
            (dict(p="two"), "p must be a real number"),
            (dict(p=float("nan")), "p must be a real number"),
            (dict(metric="euclid"), "metric must be one of"),
            (dict(metric="sqeuclidean"), 'metric="euclidean", p=2'),
            (dict(metric="cosine", p=2), "is a cost and no metric"),
            (dict(solver="emd"), "solver must be one of"),
            (dict(solver=Simplex), "solver must be a name"),
            (dict(solver="line"), "one coordinate"),
            (dict(solver="sinkhorn"), "epsilon > 0"),
            (dict(p=np.inf, solver="simplex"), "finite p"),
            (dict(p=np.inf, solver="linprog"), "finite p"),
            (dict(metric=lambda x, y: np.zeros(3)), "must return shape"),
            (dict(metric=lambda x, y: np.full((len(x), len(y)), -1.0)), "non-negative"),
        ],
    )
    def test_bad_options(self, options, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.wasserstein(X, Y, **options)

    def test_more_bad_options(self):
        for call, said in [
            (lambda: otgen.Minkowski(0.5), "q must be at least 1"),
            (lambda: otgen.Relative(0), "fraction must be positive"),
            (lambda: Annealing(1.0), "factor must lie"),
            (lambda: Sinkhorn(tol=0), "tol must be positive"),
            (lambda: Sinkhorn(max_iter=0), "whole number of at least 1"),
            (lambda: otgen.sliced_wasserstein(X, Y, n_projections=2.5), "whole number"),
            (lambda: otgen.sliced_wasserstein(X, Y, rng="x"), "rng must be"),
            (lambda: otgen.sinkhorn(X, Y, epsilon=0.1, p=np.inf), "p must be finite"),
            (lambda: otgen.sinkhorn(X, Y, epsilon=0.1, solver="simplex"), "must be a Sinkhorn"),
            (lambda: otgen.sinkhorn(X, Y, epsilon="x"), "real number"),
            (lambda: otgen.wasserstein(X, Y[:, :1]), "same number of coordinates"),
            (lambda: otgen.wasserstein([[0.0, 0.0]], Y, p=1, metric="cosine"), "zero vector.*row 0"),
            (lambda: Problem(Measure(2), Measure(3), Problem.from_matrix([[1.0]]).cost), "must have shape"),
            (lambda: otgen.transport(np.zeros(3)), "must be a matrix"),
            (lambda: otgen.bures_wasserstein(np.zeros((2, 2)), 1, 0, 1), "must be a vector"),
            (lambda: otgen.bures_wasserstein([0, 0], np.eye(2), 0, 1), "same length"),
        ]:
            with pytest.raises(InvalidInput, match=said):
                call()

    def test_sparse_costs(self):
        import scipy.sparse as sp

        C = RNG.random((8, 9))
        allowed = RNG.random((8, 9)) < 0.6
        allowed[0], allowed[:, 0] = True, True
        dense = otgen.transport(np.where(allowed, C, np.inf))
        sparse = otgen.transport(sp.coo_array(np.where(allowed, C, 0)))
        assert dense.value == pytest.approx(sparse.value, rel=1e-12)
        assert sparse.status is Status.OPTIMAL
        judge = otgen.transport(sp.csr_matrix(np.where(allowed, C, 0)), solver="linprog")
        assert judge.value == pytest.approx(sparse.value, rel=1e-8)
        soft = [
            otgen.transport(c, epsilon=0.5).value
            for c in (np.where(allowed, C, np.inf), sp.csr_array(np.where(allowed, C, 0)))
        ]
        assert soft[0] == pytest.approx(soft[1], rel=1e-9)
        with pytest.raises(InvalidInput, match="duplicate entries"):
            otgen.transport(sp.coo_array(([1.0, 2.0], ([0, 0], [0, 0])), shape=(1, 1)))
        with pytest.raises(InvalidInput, match="NaN or -inf"):
            otgen.transport(sp.coo_array(([np.nan], ([0], [0])), shape=(1, 1)))
        with pytest.raises(otgen.Infeasible):
            otgen.transport(sp.coo_array(([1.0], ([0], [0])), shape=(2, 2)))

    def test_a_relative_epsilon_of_a_sparse_cost_averages_what_is_allowed(self):
        import scipy.sparse as sp

        result = otgen.transport(sp.csr_array([[1.0, 0.0], [2.0, 3.0]]), epsilon=otgen.Relative(0.5), throw=False)
        assert result.epsilon == pytest.approx(0.5 * 6 / 4)


class TestSolvers:
    def test_auto_explains_itself(self):
        auto = Auto()
        assert auto.explain(Problem.from_points([0.0], [1.0])).startswith("Line: ")
        assert auto.explain(Problem.from_points(X, Y)).startswith("Simplex: ")
        assert auto.explain(Problem.from_points(X, Y, epsilon=0.1)).startswith("Sinkhorn: ")
        assert auto.explain(Problem.from_matrix([[1.0]])).startswith("Simplex: ")
        assert otgen.solve(Problem.from_points(X, Y), auto).solver == "Simplex"

    def test_solvers_are_values(self):
        assert Simplex(max_iter=3) == Simplex(max_iter=3) != Simplex()
        assert hash(Sinkhorn()) == hash(Sinkhorn())
        for solver in (Line(), Simplex(), LinearProgram(), Sinkhorn()):
            with pytest.raises(AttributeError):
                solver.max_iter = 3

    def test_schedules(self):
        assert Fixed().epsilons(0.1, 5.0) == [0.1]
        assert Annealing().epsilons(2.0, 1.0) == [2.0]
        fast = otgen.sinkhorn(X, Y, epsilon=0.01, solver=Sinkhorn())
        fixed = otgen.sinkhorn(X, Y, epsilon=0.01, solver=Sinkhorn(schedule=Fixed()))
        assert fast.value == pytest.approx(fixed.value, rel=1e-5)

    def test_highs_at_a_limit(self):
        with pytest.raises(otgen.NotConverged):
            otgen.wasserstein(X, Y, solver=LinearProgram(max_iter=1))
        assert otgen.transport([[np.inf]], solver="linprog", throw=False).status is Status.INFEASIBLE

    def test_progress_is_silent_in_a_pipe(self, capsys):
        otgen.wasserstein(X, Y, progress=True)
        assert capsys.readouterr().err == ""

    def test_progress_shows_on_a_terminal(self, capsys, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        otgen.sinkhorn(X, Y, epsilon=0.1, progress=True)
        assert "marginal error" in capsys.readouterr().err

    def test_measures_describe_themselves(self):
        assert repr(Measure(X)) == "Measure(12 uniform points in dimension 2, mass 1)"
        assert repr(Measure([0, 1], [1, 3])) == "Measure(2 weighted points in dimension 1, mass 4)"
        assert repr(Problem.from_points(X, Y, epsilon=0.5)) == "Problem(12 x 15, points, p=2, epsilon=0.5)"

    @pytest.mark.nightly
    def test_fuzz(self):
        for seed in range(10_000):
            check_against_highs(seed)

    @pytest.mark.parametrize("seed", [*range(150), 3194, 5888, 9693])  # the last: masses that nearly tie
    def test_fuzz_briefly(self, seed):
        check_against_highs(seed)


def check_against_highs(seed):
    """A random small problem of a random kind, against HiGHS."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 41, 2)
    kind = rng.integers(0, 6)
    a, b = rng.random(n), rng.random(m)
    style = rng.integers(0, 3)
    if style == 0:
        a, b = np.ones(n) * m, np.ones(m) * n
    elif style == 1:
        a, b = rng.integers(0, 4, n) + 1.0 * (np.arange(n) == 0), rng.integers(0, 4, m) + 1.0 * (np.arange(m) == 0)
        a, b = a * b.sum(), b * a.sum()
    else:
        b *= a.sum() / b.sum()
    s = 10.0 ** rng.integers(-12, 12)
    C = rng.random((n, m))
    C = [
        C,
        rng.integers(0, 4, (n, m)) * 1.0,
        C - 0.5,
        np.where(C < 0.3, np.inf, C),
        C + 1e6,
        np.where(C < 0.6, np.inf, C),
    ][kind] * s
    ours, judge = (otgen.transport(C, a / a.sum(), b / b.sum(), solver=k, throw=False) for k in ("simplex", "linprog"))
    if Status.INFEASIBLE in (ours.status, judge.status):
        assert ours.status is judge.status
        return
    assert ours.status is Status.OPTIMAL
    assert abs(ours.value - judge.value) <= 1e-8 * max(abs(ours.value), s)


def test_names_of_other_libraries_are_told_what_stands_in_for_them():
    for name, remedy in elsewhere._REMEDIES.items():
        assert not hasattr(otgen, name)
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'; {re.escape(remedy)}"):
            getattr(otgen, name)
        for path in re.findall(r"otgen\.([\w.]+)", remedy):  # what it names is there
            if is_installed("torch") or not path.startswith("nn"):
                assert functools.reduce(getattr, path.split("."), otgen)
