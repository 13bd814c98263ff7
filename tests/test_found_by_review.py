"""Inputs that once broke a bound, a status or an error; each was found by someone trying to."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import otgen
from otgen import InvalidInput, Status
from otgen.app import files
from otgen.solvers import LinearProgram, Simplex, Sinkhorn

INF = math.inf


@pytest.mark.parametrize("e", [1e-20, 1e-28, 1e-30, 1e-33, 1e-40, 1e-300])
def test_w_inf_sees_any_mass_at_all(e):
    assert otgen.wasserstein([0.0], [-5.0, 0.0], None, [e, 1], p=INF).value == 5


@pytest.mark.parametrize("k", range(1, 90, 4))
@pytest.mark.parametrize("p", [2, 3, 7])
def test_bounds_of_roots_of_tiny_costs(k, p):
    y = 10.0**-k
    result = otgen.wasserstein([0.0, 1.0], [y, 1.0], p=p)
    truth = Fraction(y) ** p / 2
    assert Fraction(result.lower) ** p <= truth <= Fraction(result.upper) ** p
    assert result.cost_lower <= truth <= result.cost_upper


@pytest.mark.parametrize(("size", "p"), [(1e200, 1.1), (1e150, 1.3), (1e-200, 1.1), (1e250, 1.2)])
def test_bounds_of_costs_in_units_far_from_one(size, p):
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    truth = Decimal(size) ** Decimal(p)
    for x, y in (([0.0], [size]), ([[0.0, 0.0]], [[size, 0.0]])):
        result = otgen.wasserstein(x, y, p=p)
        assert Decimal(result.cost_lower) <= truth <= Decimal(result.cost_upper)


def test_all_weights_tiny():
    result = otgen.transport([[0, 1.0], [3, 1.0]], [1e-300, 2e-300], [2e-300, 1e-300])
    assert result.value == pytest.approx(2e-300, rel=1e-12)
    assert result.lower <= result.value <= result.upper
    assert result.marginal_error <= 1e-12


class TestEntropicWithForbiddenPairs:
    def test_feasible(self):
        result = otgen.transport([[0, INF, 1], [1, 0, INF], [2.0, 1, 0]], epsilon=1.0)
        assert result.status is Status.CONVERGED
        assert math.isfinite(result.value)
        assert result.lower <= result.value + 1e-6
        assert result.upper == INF  # not proven, and not claimed
        dense = result.plan.todense()
        assert dense[0, 1] == dense[1, 2] == 0

    def test_infeasible(self):
        for C in ([[0, INF], [1, INF]], [[INF, INF]]):
            with pytest.raises(otgen.Infeasible):
                otgen.transport(C, epsilon=1.0)

    def test_a_column_without_mass(self):
        result = otgen.transport([[0, INF], [1, INF]], [0.5, 0.5], [1, 0], epsilon=0.1)
        assert result.value == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 50])
def test_sinkhorn_far_from_done_still_proves_something(limit):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    result = otgen.sinkhorn(x, y, epsilon=1e-4, max_iter=limit, throw=False)
    exact = otgen.wasserstein(x, y).cost
    assert math.isfinite(result.lower)
    assert math.isfinite(result.upper)
    assert result.exact_bounds[0] <= exact <= result.exact_bounds[1]


def test_an_epsilon_that_rounding_would_decide():
    with pytest.raises(InvalidInput, match="at least 1e-12 of the largest cost"):
        otgen.sinkhorn([0.0, 1.0], [1.0, 2.0], epsilon=1e-20)
    with pytest.raises(InvalidInput, match="comparable with the costs"):
        otgen.sinkhorn([0.0, 1e-200], [1e-200, 2e-200], epsilon=0.1)


def test_divergence_of_equal_samples_is_quick():
    z = np.random.default_rng(0).normal(size=(40, 2))
    own = otgen.solve(
        otgen.Problem(otgen.Measure(z), otgen.Measure(z), otgen.Problem.from_points(z, z).cost, 0.1, True)
    )
    assert own.iterations < 100
    assert otgen.sinkhorn_divergence(z, z[::-1], epsilon=0.5).value == pytest.approx(0, abs=1e-5)


def test_a_divergence_that_stops_early_hands_over_the_divergence():
    rng = np.random.default_rng(0)
    x, y = rng.random((15, 2)), rng.random((15, 2)) + 0.3
    with pytest.raises(otgen.NotConverged) as caught:
        otgen.sinkhorn_divergence(x, y, epsilon=1e-3, max_iter=5)
    exact = otgen.sinkhorn_divergence(x, y, epsilon=1e-3, max_iter=2000, throw=False)
    assert caught.value.result.lower <= exact.value <= caught.value.result.upper


def test_powers_that_underflow():
    with pytest.raises(InvalidInput, match="at most 700"):
        otgen.wasserstein([[0.0, 0.0]], [[1.0, 0.0]], p=1075)
    assert otgen.wasserstein([0.0], [1.0], p=1075).value == 1
    assert otgen.wasserstein([0.0], [1.0], p=700).value == 1
    wide = otgen.wasserstein([[0, 0], [1, 0.0]], [[0.01, 0], [1.01, 0]], p=540)
    assert wide.lower <= 0.01 <= wide.upper
    assert wide.status is Status.OPTIMAL


def test_tiny_weights_entropic():
    result = otgen.sinkhorn([0.0, 1], [0, 2.0], [1e-200, 1], [1e-200, 1], epsilon=0.1)
    assert result.lower <= 1.0 <= result.upper


@pytest.mark.parametrize("e", [1e-14, 1e-30])
def test_infeasible_by_very_little(e):
    with pytest.raises(otgen.Infeasible):
        otgen.transport([[INF, INF], [0, 1.0]], [e, 1.0], [0.5, 0.5 + e])


def test_a_callable_sees_only_points_that_were_given():
    table = {float(k): k for k in range(400)}

    def lookup(x, y):
        return np.abs(np.array([table[v] for v in x[:, 0]])[:, None] - np.array([table[v] for v in y[:, 0]]))

    assert otgen.wasserstein(np.arange(400.0), np.arange(400.0)[::-1], p=1, metric=lookup).value == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Sinkhorn(schedule=3), "method epsilons"),
        (lambda: Sinkhorn(max_iter=2.5), "max_iter must be a whole number"),
        (lambda: Simplex(max_iter=2.5), "max_iter must be a whole number"),
        (lambda: Simplex(max_iter="5"), "max_iter must be a whole number"),
        (lambda: LinearProgram(max_iter=-1), "max_iter must be a whole number"),
        (lambda: otgen.sinkhorn([0.0], [1.0], epsilon=1, init=3), "init must be"),
        (lambda: otgen.sinkhorn([0.0], [1.0], epsilon=1, init="ab"), "init must be"),
        (lambda: otgen.sinkhorn([0.0], [1.0], epsilon=1, init=([np.nan], [0.0])), "init must be finite"),
        (
            lambda: otgen.solve(otgen.Problem.from_points([0.0], [1.0]), init=([0.0], [1.0])),
            "init must be None for a solver",
        ),
        (lambda: otgen.Problem.from_points([0.0], [1.0], epsilon=-1), "at least 0 and finite"),
        (lambda: otgen.Problem.from_points([0.0], [1.0], epsilon="a"), "real number"),
        (lambda: otgen.Problem.from_points([0.0], [1.0], p=INF, epsilon=0.1), "epsilon must be 0 for p = inf"),
        (lambda: otgen.wasserstein([0.0], [1.0], metric=otgen.Minkowski), "received the class Minkowski"),
        (lambda: otgen.wasserstein([[0.0, 0]], [[1.0, 0]], metric=lambda x, y: np.array([["a"]])), "real numbers"),
        (lambda: otgen.wasserstein(np.ma.masked_array([0.0, 1e9], [False, True]), [0.0]), "masked array"),
    ],
)
def test_clear_errors(call, said):
    with pytest.raises(InvalidInput, match=said):
        call()


def test_text_is_no_number():
    for make in (lambda: Sinkhorn(tol="1e-6"), lambda: otgen.Relative("0.05")):
        with pytest.raises(InvalidInput, match="real number"):
            make()


def test_threads_from_the_environment(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.random((1500, 3))  # fewer are solved on one thread
    monkeypatch.setenv("OTGEN_NUM_THREADS", "abc")
    with pytest.raises(InvalidInput, match="OTGEN_NUM_THREADS"):
        otgen.sinkhorn(x, rng.random((1500, 3)), epsilon=0.1)


class TestFiles:
    def test_damaged_archives(self, tmp_path):
        path = tmp_path / "c.npz"
        np.savez_compressed(path, np.arange(1000.0))
        raw = bytearray(path.read_bytes())
        raw[60:90] = b"\xff" * 30
        path.write_bytes(bytes(raw))
        with pytest.raises(InvalidInput, match=r"c\.npz"):
            files.read(path)

    @pytest.mark.parametrize("content", [b"x,x\n1,2\n", "é,b\n1,2\n".encode("latin-1")])
    def test_odd_tables(self, tmp_path, content):
        path = tmp_path / "t.csv"
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match=r"t\.csv"):
            files.read(path)

    def test_a_folder_is_no_page(self, tmp_path):
        from otgen.app.report import write_page

        with pytest.raises(InvalidInput, match="received the folder"):
            write_page(tmp_path, "title", "lead", [], [])
        assert list(Path(tmp_path).iterdir()) == []


class TestEntropicCorners:
    """Each of these once gave a NaN, a wrong number, a false status or a warning."""

    @pytest.mark.parametrize(
        ("call", "truth"),
        [
            (lambda: otgen.transport([[-100.0, -100], [-99, -98]], [0, 1.0], [0.5, 0.5], epsilon=0.1), -98.5),
            (lambda: otgen.sinkhorn([[0.0], [3]], [[3.0], [0]], [1, 0], [1, 0], epsilon=0.005, relax=100.0), None),
            (
                lambda: otgen.sinkhorn(
                    [[0.0], [1], [50]], [[0.0], [1]], [0, 0.5, 0.5], [0.5, 0.5], epsilon=0.5, relax=(1000.0, None)
                ),
                None,
            ),
        ],
    )
    def test_points_without_mass(self, call, truth):
        result = call()
        assert result.status is otgen.Status.CONVERGED
        assert result.lower <= result.value <= result.upper < math.inf
        assert truth is None or result.value == pytest.approx(truth, abs=0.1)

    @pytest.mark.parametrize(
        ("scale", "metric", "p", "epsilon"),
        [(1e20, "euclidean", 1, 0.05), (1e-25, "cityblock", 2, 0.2), (1e-15, "chebyshev", 3, 0.5)],
    )
    @pytest.mark.by_day(1)
    def test_units_beyond_single_precision(self, scale, metric, p, epsilon):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(600, 2)), rng.normal(size=(600, 2)) + 0.3
        plain = otgen.sinkhorn(x, y, epsilon=epsilon, p=p, metric=metric)
        scaled = otgen.sinkhorn(x * scale, y * scale, epsilon=epsilon * scale**p, p=p, metric=metric)
        assert scaled.value / scale**p == pytest.approx(plain.value, rel=1e-6)

    def test_rows_that_serve_nobody(self):
        C = np.array([[0.0, 1, 2], [INF] * 3, [1, 0, 3]])
        result = otgen.transport(C, [0.5, 0, 0.5], [0.3, 0.3, 0.4], epsilon=0.1)
        assert result.plan.marginals()[1] == pytest.approx([0.3, 0.3, 0.4], abs=1e-5)
        sparse = scipy.sparse.csr_array(np.array([[1.0, 1, 2, 0], [0, 0, 0, 5], [1, 2, 3, 0]]))
        again = otgen.transport(sparse, [0.5, 0, 0.5], [0.3, 0.3, 0.4, 0], epsilon=0.1)
        assert again.plan.marginals()[1] == pytest.approx([0.3, 0.3, 0.4, 0], abs=1e-5)
        with pytest.raises(InvalidInput, match="rows with mass must have an allowed pair"):
            otgen.transport([[0, 1.0], [INF, INF]], [0.5, 0.5], [0.5, 0.5], epsilon=0.1, relax=1.0)

    @pytest.mark.parametrize("relax", [(None, 2.0), (2.0, None), 2.0])
    def test_relaxed_and_far_from_done(self, relax):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(160, 12)), rng.normal(size=(5, 12))
        options = dict(epsilon=1e-4, metric="cosine", p=1, relax=relax)
        rough = otgen.sinkhorn(x, y, **options, max_iter=1, throw=False)
        fine = otgen.sinkhorn(x, y, **options, max_iter=100_000, tol=1e-9)
        assert rough.lower <= fine.value <= rough.upper

    def test_wild_starts(self):
        rng = np.random.default_rng(0)
        init = np.full(5, 1e3), np.full(7, 1e3)
        x, y = rng.random((5, 2)), rng.random((7, 2))
        rough = otgen.sinkhorn(x, y, epsilon=0.1, relax=1.0, init=init, max_iter=1, throw=False)
        assert not math.isnan(rough.upper)
        with pytest.raises(InvalidInput, match="init must be"):
            otgen.sinkhorn(x, y, epsilon=0.1, init=(np.zeros(5) + 1j, np.zeros(7)))

    @pytest.mark.parametrize("heavier", [104, 101, 120])
    def test_clusters_of_slightly_unequal_mass(self, heavier):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 200, 2)) * 0.5
        x[100:] += 10
        y[heavier:] += 10
        assert otgen.sinkhorn(x, y, epsilon=0.1).iterations < 2000

    def test_plans_keep_their_digits_far_from_the_origin(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(40, 2)) + 1e6, rng.normal(size=(50, 2)) + 1e6
        plan = otgen.sinkhorn(x, y, epsilon=0.05, tol=1e-9).plan
        assert plan @ np.ones(50) == pytest.approx(plan.marginals()[0], rel=1e-10)
        assert plan @ np.ones(50) == pytest.approx(np.full(40, 1 / 40), rel=1e-9)

    def test_a_callable_that_is_no_metric(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(50, 2)), rng.normal(size=(40, 2)) + 0.2

        def one_way(u, v):
            t = u[:, None, 0] - v[None, :, 0]
            return np.maximum(t, 0) + 0.1 * np.maximum(-t, 0)

        result = otgen.sinkhorn_divergence(x, y, epsilon=0.1, metric=one_way, p=1)
        assert result.marginal_error <= 1.01e-6

    @pytest.mark.parametrize("stages", [[], "ab", [0.0], [-1.0, 0.1], [1.0]])
    def test_schedules_that_make_no_sense(self, stages):
        class Odd:
            def epsilons(self, last, largest_cost):
                return stages

        with pytest.raises(InvalidInput, match=r"schedule.epsilons must give"):
            otgen.sinkhorn([0.0, 1], [0.5], epsilon=0.1, solver=otgen.solvers.Sinkhorn(schedule=Odd()))


class TestBatchesAndLosses:
    """Found by a reader who tried to break batches, vjp and the losses."""

    @pytest.mark.parametrize("scale", [1e-8, 1e-30, 1e17])
    @pytest.mark.parametrize(("q", "p"), [(3, 2), (7, 1)])
    def test_bounds_hold_where_the_outer_power_is_rounded(self, scale, q, p):
        """(sum |t|^q)^(p/q) with p/q rounded: the error grows with the logarithm of the sum."""
        rng = np.random.default_rng(0)
        for _ in range(20):
            x, y = scale * rng.random((1, 2)), scale * rng.random((1, 2))
            steps = [abs(Fraction(s) - Fraction(t)) for s, t in zip(x[0], y[0])]
            with localcontext() as context:
                context.prec = 60
                powers = sum(((Decimal(t.numerator) / Decimal(t.denominator)) ** q for t in steps), Decimal(0))
                truth = powers ** (Decimal(p) / Decimal(q))
                options = dict(p=p, metric=otgen.Minkowski(q))
                result = otgen.wasserstein(x, y, **options)
                assert Decimal(result.cost_lower) <= truth <= Decimal(result.cost_upper)
                bounds = otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.1), **options).exact_bounds
                assert Decimal(bounds[0]) <= truth <= Decimal(bounds[1])

    @pytest.mark.parametrize("ratio", [1e18, 8.858667904100795e18, 1e30, 1e60])
    def test_relaxed_bounds_hold_at_any_ratio_of_masses(self, ratio):
        """One point a side at distance 0: P minimises eps KL(P, ab) + rho KL(P, a) + rho KL(P, b)."""
        epsilon, rho = 5.0, 0.003
        with localcontext() as context:
            context.prec = 60
            e, r, b = Decimal(epsilon), Decimal(rho), Decimal(ratio)
            plan = b ** ((e + r) / (e + 2 * r))

            def kl(mass, other):
                return mass * (mass / other).ln() - mass + other

            truth = e * kl(plan, b) + r * kl(plan, Decimal(1)) + r * kl(plan, b)
            result = otgen.sinkhorn(
                [[0.0]], [[0.0]], [1.0], [ratio], p=1, epsilon=epsilon, relax=(rho, rho), tol=1e-13, throw=False
            )
            assert Decimal(result.lower) <= truth <= Decimal(result.upper)

    def test_a_batch_equals_the_loop_with_a_far_point_of_no_mass(self):
        x = np.array([[0.0, 0.0], [0.1, 0.0], [50.0, 0.0]])
        a = np.array([0.5, 0.5, 0.0])
        for call, many in (
            (otgen.sinkhorn, otgen.sinkhorn_batch),
            (otgen.sinkhorn_divergence, otgen.sinkhorn_divergence_batch),
        ):
            one = call(x, x + 0.3, a, a, epsilon=0.01, tol=1e-3)
            other = many([x], [x + 0.3], [a], [a], epsilon=0.01, tol=1e-3)[0]
            assert other.value == pytest.approx(one.value, abs=1e-12)
            assert other.iterations == one.iterations
            for mine, theirs in zip(other.potentials, one.potentials):
                np.testing.assert_allclose(mine, theirs, atol=1e-9)

    @pytest.mark.parametrize("scale", [1e75, 1e100, 1e-100])
    def test_vjp_in_any_units(self, scale):
        x, y = np.random.default_rng(0).random((2, 6, 2))
        of_f = np.arange(6.0)
        want = otgen.sinkhorn(x, y, epsilon=0.1, tol=1e-12).vjp(of_f).x
        found = otgen.sinkhorn(x * scale, y * scale, epsilon=0.1 * scale * scale, tol=1e-12).vjp(of_f)
        np.testing.assert_allclose(found.x / scale, want, rtol=1e-6)
        assert found.residual < 1e-9

    @pytest.mark.parametrize("factor", [1e-170, 1e160])
    def test_vjp_of_cotangents_of_any_size(self, factor):
        x, y = np.random.default_rng(0).random((2, 6, 2))
        result = otgen.sinkhorn(x, y, epsilon=0.1, tol=1e-12)
        want = result.vjp(np.arange(6.0)).x
        np.testing.assert_allclose(result.vjp(factor * np.arange(6.0)).x / factor, want, rtol=1e-9)

    def test_bounds_are_never_nan(self):
        for result in (
            otgen.sinkhorn([[0.3]], [[0.3]], epsilon=1e-300),
            otgen.sinkhorn_divergence([[1e-150]], [[2e-150]], epsilon=1e-300),
        ):
            assert result.lower <= result.value <= result.upper

    @pytest.mark.parametrize(
        "call",
        [
            lambda y: otgen.sinkhorn_batch(None, y, epsilon=0.1),
            lambda y: otgen.sinkhorn_batch(np.array(1.0), y, epsilon=0.1),
            lambda y: otgen.sinkhorn_batch({"a": 1}, y, epsilon=0.1),
            lambda y: otgen.sinkhorn_batch(y, y, epsilon=0.1, max_iter=10**20),
            lambda y: otgen.sinkhorn_batch([], [], epsilon=-1.0),
            lambda y: otgen.wasserstein_batch([], [], solver="zzz"),
            lambda y: otgen.sinkhorn(y[0], y[0], epsilon=0.1).vjp(plan=5),
            lambda y: otgen.sinkhorn(y[0], y[0], epsilon=0.1).vjp(plan=np.zeros((3, 3))),
            lambda y: otgen.sinkhorn(y[0], y[0], epsilon=True),
        ],
    )
    def test_bad_input_is_refused_in_words(self, call):
        with pytest.raises(otgen.InvalidInput):
            call(np.zeros((2, 3, 1)))
