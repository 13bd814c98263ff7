"""Transport between unequal masses, held to its definitions: linear programs, rational arithmetic, and other libraries' words."""

import itertools
import pickle

import numpy as np
import ot
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from partial_truth import INF, A, B, X, Y, amount, assert_accounts, definition, problems, rational
from proving import assert_proven
from scipy.spatial.distance import cdist

import otgen
from otgen import InvalidInput, Status, partial_wasserstein, transport


class TestDefinition:
    @pytest.mark.no_cover
    @given(problems(), st.sampled_from([1, 1.5, 2, 3]), st.sampled_from([None, 0.0, 0.3, 1.0]))
    def test_of_points_and_of_matrices(self, given_, p, share):
        x, y, a, b, lam, mu = given_
        mass, C = None if share is None else amount(a, b, share), cdist(x, y) ** p
        truth, scale = definition(C, a, b, lam, mu, mass), np.sum(a) * C.max() + np.sum(b) * 12 + 1
        options, shifted = dict(penalty=(lam, mu), mass=mass), dict(penalty=(lam + 0.5, mu + 0.5), mass=mass)
        shift = (np.sum(a) + np.sum(b)) / 2  # half a unit more for each end of a pair, moved or not
        for result, expected in (
            (partial_wasserstein(x, y, a, b, p=p, **options), truth),
            (partial_wasserstein(x, y, a, b, p=p, metric=cdist, **options), truth),
            (transport(C, a, b, **options), truth),
            (transport(scipy.sparse.csr_array(C + 1.0), a, b, **shifted), truth + shift),
            (transport(C, a, b, solver="linprog", **options), truth),
        ):
            assert result.status is Status.OPTIMAL or result.solver == "LinearProgram"
            assert result.cost == pytest.approx(expected, abs=1e-9 * scale)
            assert result.cost_lower <= result.cost <= result.cost_upper
            assert result.cost_upper - result.cost_lower <= 1e-8 * scale
            assert result.lower <= result.value <= result.upper

    @given(problems(), st.sampled_from([1, 1.5, 2, 3]), st.sampled_from([None, 0.0, 0.3, 1.0]))
    def test_plan_unmatched_and_potentials(self, given_, p, share):
        x, y, a, b, lam, mu = given_
        mass, C = None if share is None else amount(a, b, share), cdist(x, y) ** p
        result = transport(C, a, b, penalty=(lam, mu), mass=mass)
        assert_accounts(result, a, b, C, lam, mu)
        slack = 1e-12 * (C.max() + 12)
        (f, g), slope = result.potentials, result.gradients().mass or 0.0
        assert (f <= lam + slack).all()
        assert (g <= mu + slack).all()
        assert (f[:, None] + g <= C - slope + slack).all()
        dual = a @ f + b @ g + (mass or 0.0) * slope
        assert dual == pytest.approx(result.cost, abs=1e-11 * (np.sum(a) + np.sum(b)) * (C.max() + 12))

    @given(problems(whole=True), st.booleans())
    def test_intervals_hold_the_rational_optimum(self, given_, fixed):
        x, y, a, b, lam, mu = given_
        mass = min(int(a.sum()), int(b.sum())) // 2 if fixed else None
        C = cdist(x, y, "cityblock")
        truth = rational(C, a, b, lam, mu, mass)
        for result in (
            transport(C, a, b, penalty=(lam, mu), mass=mass),
            partial_wasserstein(x, y, a, b, p=1, metric="cityblock", penalty=(lam, mu), mass=mass),
        ):
            assert_proven(result, truth, scale=(C.max() + 12) * (a.sum() + b.sum()))


class TestOtherDefinitions:
    """What other fields and libraries call by other names."""

    def test_a_rectangular_assignment(self):
        for seed, (n, m) in enumerate([(7, 12), (12, 7), (1, 5), (30, 31)]):
            C = np.random.default_rng(seed).normal(size=(n, m))
            rows, columns = scipy.optimize.linear_sum_assignment(C)
            result = transport(C, np.ones(n), np.ones(m), mass=min(n, m))
            assert_proven(result, float(C[rows, columns].sum()), scale=float(np.abs(C).sum()))
            flows = result.plan.todense() * result.mass
            np.testing.assert_allclose(flows[rows, columns], 1.0, atol=1e-12)

    @pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 1.0])
    def test_partial_wasserstein_of_pot(self, share):
        rng = np.random.default_rng(3)
        x, y, a, b = rng.normal(size=(12, 2)), rng.normal(size=(9, 2)) + 0.5, rng.random(12), rng.random(9)
        mass, C = share * min(a.sum(), b.sum()), cdist(x, y) ** 2
        theirs = ot.partial.partial_wasserstein2(a, b, C, m=mass)
        result = partial_wasserstein(x, y, a, b, mass=mass)
        assert result.cost == pytest.approx(theirs, rel=1e-9)
        assert result.value == pytest.approx(np.sqrt(theirs), rel=1e-9)

    @pytest.mark.parametrize("heavier", [0, 1])
    def test_the_extra_mass_penalty_of_pyemd(self, heavier):
        """The least cost of moving min(A, B), plus the largest cost for each unit that one side has more (Pele and Werman, 2009)."""
        rng = np.random.default_rng(4)
        C = cdist(rng.random((6, 1)), rng.random((8, 1)))
        a, b = rng.integers(1, 9, 6) * (4.0 if heavier == 0 else 1.0), rng.integers(1, 9, 8) * (4.0 * heavier + 1.0)
        totals, extra = (a.sum(), b.sum()), C.max()
        expected = definition(C, a, b, 0.0, 0.0, min(totals)) + abs(totals[0] - totals[1]) * extra
        assert_proven(transport(C, a, b, penalty=extra, mass=min(totals)), expected)
        light_must_move = (extra, INF) if heavier == 0 else (INF, extra)
        assert_proven(transport(C, a, b, penalty=light_must_move), expected)

    def test_the_distance_of_jets(self):
        """EnergyFlow's EMD: ``min sum f_ij theta_ij / R + |E - E'|`` over flows that move the lesser energy; the azimuth is periodic."""
        rng = np.random.default_rng(5)
        (one, two), (a, b) = (
            (rng.uniform([-1, -np.pi], [1, np.pi], (k, 2)) for k in (9, 12)),
            (
                rng.random(9) * 30,
                rng.random(12) * 30,
            ),
        )
        turn = np.abs(one[:, None, 1] - two[:, 1]) % (2 * np.pi)
        theta = np.hypot(one[:, None, 0] - two[:, 0], np.minimum(turn, 2 * np.pi - turn))
        for radius in (0.4, 1.0, float(theta.max())):
            expected = definition(theta / radius, a, b, 0.0, 0.0, min(a.sum(), b.sum())) + abs(a.sum() - b.sum())
            result = transport(theta / radius, a, b, penalty=1.0, mass=min(a.sum(), b.sum()))
            assert_proven(result, expected, scale=expected * 10)
            priced = transport(theta / radius, a, b, penalty=1.0)
            assert priced.value <= expected * (1 + 1e-12)
            if theta.max() <= 2 * radius:  # then it is a metric, and the price alone moves as much as it can
                assert_proven(priced, expected, scale=expected * 10)

    @pytest.mark.parametrize("p", [1, 2])
    def test_persistence_diagrams(self, p):
        """Every matching of points with points or with the diagonal, in the largest difference of coordinates, one by one."""
        rng = np.random.default_rng(6)
        for n, m in ((3, 2), (4, 4), (1, 5)):
            x, y = (np.cumsum(rng.integers(1, 40, (k, 2)) / 16, axis=1) for k in (n, m))
            lam, mu = (((z[:, 1] - z[:, 0]) / 2) ** p for z in (x, y))
            C = np.abs(x[:, None] - y).max(axis=2) ** p
            best = min(
                sum(C[i, j] for i, j in zip(rows, columns))
                + lam[np.setdiff1d(np.arange(n), rows)].sum()
                + mu[np.setdiff1d(np.arange(m), columns)].sum()
                for k in range(min(n, m) + 1)
                for rows in itertools.combinations(range(n), k)
                for columns in itertools.permutations(range(m), k)
            )
            result = partial_wasserstein(x, y, np.ones(n), np.ones(m), p=p, metric="chebyshev", penalty=(lam, mu))
            assert_proven(result, best ** (1 / p))
            assert result.cost == pytest.approx(best, rel=1e-13)


class TestHowItDependsOnWhatIsAsked:
    @given(problems(), st.sampled_from([1, 2]))
    def test_in_the_mass_it_rises_and_is_convex(self, given_, p):
        x, y, a, b, *_ = given_
        found = [partial_wasserstein(x, y, a, b, p=p, mass=amount(a, b, k / 4)) for k in range(5)]
        lower, upper = (np.array([getattr(r, f"cost_{end}") for r in found]) for end in ("lower", "upper"))
        assert upper[0] <= 1e-20
        assert (lower[:-1] <= upper[1:]).all()
        assert (2 * lower[1:-1] <= upper[:-2] + upper[2:]).all()
        slopes = np.array([r.gradients().mass for r in found])
        scale = float(cdist(x, y).max() ** p) + 1.0
        assert (np.diff(slopes) >= -1e-12 * scale).all()
        chords = np.diff([r.cost for r in found]) / (amount(a, b, 0.25) or 1.0)
        assert (slopes[:-1] <= chords + 1e-11 * scale).all()

    @given(problems())
    def test_in_the_penalty_it_rises_and_is_concave(self, given_):
        x, y, a, b, *_ = given_
        found = [partial_wasserstein(x, y, a, b, p=1, penalty=price) for price in (0.0, 1.0, 2.0, 3.0)]
        lower, upper = (np.array([getattr(r, end) for r in found]) for end in ("lower", "upper"))
        assert (lower[:-1] <= upper[1:]).all()
        assert (2 * upper[1:-1] >= lower[:-2] + lower[2:]).all()
        assert (np.diff([r.mass for r in found]) >= -1e-12).all()

    @given(problems(), st.sampled_from([0.25, 0.5, 0.75]))
    def test_a_mass_has_its_penalty(self, given_, share):
        """Lagrange: at half the derivative in the mass as the price on either side no plan does better than the one that moves it."""
        x, y, a, b, *_ = given_
        mass = amount(a, b, share)
        given_mass = partial_wasserstein(x, y, a, b, p=1, mass=mass)
        price = max(given_mass.gradients().mass, 0.0) / 2
        priced = partial_wasserstein(x, y, a, b, p=1, penalty=price)
        stays = a.sum() + b.sum() - 2 * mass
        assert priced.cost == pytest.approx(given_mass.cost + price * stays, abs=1e-11 * (a.sum() + b.sum()) * 20)

    @given(problems(), st.sampled_from([None, 0.5]))
    def test_both_sides_may_be_swapped(self, given_, share):
        x, y, a, b, lam, mu = given_
        mass = None if share is None else amount(a, b, share)
        one = partial_wasserstein(x, y, a, b, p=1, penalty=(lam, mu), mass=mass)
        other = partial_wasserstein(y, x, b, a, p=1, penalty=(mu, lam), mass=mass)
        assert max(one.lower, other.lower) <= min(one.upper, other.upper)

    @given(problems(), st.sampled_from([2.0**-40, 0.5, 2.0**30]))
    def test_it_scales(self, given_, by):
        x, y, a, b, lam, mu = given_
        one = partial_wasserstein(x, y, a, b, penalty=(lam, mu))
        longer = partial_wasserstein(x * by, y * by, a, b, penalty=(lam * by**2, mu * by**2))
        heavier = partial_wasserstein(x, y, a * by, b * by, penalty=(lam, mu))
        for found, factor in ((longer, by), (heavier, np.sqrt(by))):
            assert found.lower * (1 - 1e-12) <= one.upper * factor
            assert one.lower * factor <= found.upper * (1 + 1e-12)

    @given(problems(), st.integers(0, 2**32 - 1))
    def test_the_triangle_inequality_between_finite_measures(self, given_, seed):
        """With one price, p = 1 and a metric it is a distance, as if the dummy were one more point at half the price from all."""
        x, y, a, b, *_ = given_
        rng = np.random.default_rng(seed)
        z, c = rng.integers(-32, 32, (5, 2)) / 8, rng.integers(1, 9, 5) / 4
        across, first, second = (
            partial_wasserstein(*pair, p=1, penalty=1.5) for pair in ((x, y, a, b), (x, z, a, c), (z, y, c, b))
        )
        assert across.lower <= first.upper + second.upper
        assert partial_wasserstein(x, x[::-1], a, a[::-1], p=1, penalty=1.5).upper <= 1e-20 * a.sum()


class TestGradients:
    @pytest.mark.parametrize("of", ["cost", "value"])
    @pytest.mark.parametrize(
        "asked",
        [
            dict(penalty=1.0),
            dict(mass=1.3),
            dict(penalty=(0.3, 0.7), mass=1.0),
            dict(penalty=(50.0, INF)),
            dict(penalty=INF),
        ],
    )
    def test_by_differences(self, asked, of):
        rng = np.random.default_rng(8)
        x, y, a, b = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), rng.random(7) + 0.5, rng.random(5) + 0.5
        if asked["penalty" if "penalty" in asked else "mass"] == INF:
            a = a * (b.sum() / a.sum())

        def slope(argument, direction, step=1e-6):
            given_ = dict(x=x, a=a, b=b, **asked)
            ends = [
                partial_wasserstein(y=y, **{**given_, argument: given_[argument] + k * direction})
                for k in (step, -step)
            ]
            return (getattr(ends[0], of) - getattr(ends[1], of)) / (2 * step)

        found = partial_wasserstein(x, y, a, b, **asked).gradients(of)
        for i in (0, 3, 6):
            assert found.x[i, 0] == pytest.approx(slope("x", np.outer(np.arange(7) == i, [1.0, 0.0])), abs=1e-5)
            if asked != dict(penalty=INF):
                assert found.a[i] == pytest.approx(slope("a", 1.0 * (np.arange(7) == i)), abs=1e-5)
        if asked != dict(penalty=INF):
            assert found.b[2] == pytest.approx(slope("b", 1.0 * (np.arange(5) == 2)), abs=1e-5)
        assert found.mass == (pytest.approx(slope("mass", 1.0), abs=1e-5) if "mass" in asked else None)

    @pytest.mark.parametrize("asked", [dict(penalty=1.0), dict(mass=0.5), dict(mass=0.0), dict(penalty=(0.5, INF))])
    def test_are_shaped_like_the_points(self, asked):
        x, y = np.array([0.0, 1.0, 5.0]), np.array([2.0, 2.5, 9.0])
        for of in ("cost", "value"):
            found = partial_wasserstein(x, y, **asked).gradients(of)
            columns = partial_wasserstein(x[:, None], y, **asked).gradients(of)
            assert (found.x.shape, found.y.shape, columns.x.shape, columns.y.shape) == ((3,), (3,), (3, 1), (3,))
            np.testing.assert_array_equal(found.x, columns.x[:, 0])

    def test_of_a_matrix_and_of_nothing(self):
        found = transport([[1.0, 5.0]], [2.0], [1.0, 2.0], penalty=2.0)
        assert found.gradients().x is None
        assert found.gradients().a.tolist() == found.potentials[0].tolist() == [2.0]
        nothing = partial_wasserstein([0.0, 1.0], [0.0], [1, 1], [1], penalty=0.0)
        assert (nothing.gradients("value").x == 0).all()


class TestLargeProblems:
    def test_against_the_same_problem_as_a_matrix(self):
        rng = np.random.default_rng(0)
        x, y, a = rng.normal(size=(900, 2)), rng.normal(size=(700, 2)) + 0.3, rng.random(900) + 0.5
        for asked in (dict(penalty=0.05), dict(penalty=(rng.random(900), 0.1)), dict(mass=300.0)):
            result = partial_wasserstein(x, y, a, np.ones(700), **asked)
            judge = transport(cdist(x, y) ** 2, a, np.ones(700), **asked)
            assert result.status is Status.OPTIMAL
            assert max(result.cost_lower, judge.lower) <= min(result.cost_upper, judge.upper)
            assert_accounts(
                result,
                a,
                np.ones(700),
                cdist(x, y) ** 2,
                *(np.broadcast_to(z, k) for z, k in zip(pair_of(asked.get("penalty", 0.0)), (900, 700))),
            )

    def test_an_iteration_limit(self):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(700, 2)), rng.normal(size=(600, 2))
        with pytest.raises(otgen.NotConverged, match="Simplex stopped at"):
            partial_wasserstein(x, y, penalty=0.1, solver=otgen.solvers.Simplex(max_iter=3))
        stopped = partial_wasserstein(x, y, penalty=0.1, solver=otgen.solvers.Simplex(max_iter=3), throw=False)
        truth = partial_wasserstein(x, y, penalty=0.1)
        assert stopped.status is Status.MAX_ITER
        assert stopped.lower <= truth.upper
        assert truth.lower <= stopped.upper


def pair_of(penalty):
    return penalty if isinstance(penalty, tuple) else (penalty, penalty)


class TestWhatComesBack:
    def test_it_reads_well(self):
        text = repr(partial_wasserstein(X, Y, A, B, p=1, penalty=3.0))
        assert "mass 3, beside 1 and 0 that stay" in text
        assert partial_wasserstein(X, Y, A, B, penalty=3.0).to_dict()["mass"] == 3.0
        assert otgen.wasserstein(X, Y).unmatched is None

    def test_tensors(self):
        torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
        x, y, a, b = (torch.tensor(z, dtype=torch.float64) for z in (X, Y, A, B))
        result = partial_wasserstein(x, y, a, b, penalty=(torch.ones(3), torch.tensor(2.0)))
        for made in (*result.unmatched, *result.potentials, result.gradients().x):
            assert isinstance(made, torch.Tensor)
        assert result.gradients().x.shape == (3, 2)

    def test_a_picture(self):
        axes = partial_wasserstein(X, Y, A, B, penalty=3.0).plot()
        assert axes.get_title(loc="left").startswith("value 2.23607")
        assert transport(cdist(X, Y), A, B, mass=1).plot() is not None

    def test_a_proof_file_is_of_the_matrix_with_its_dummies(self, tmp_path):
        result = transport([[0.0, 2.0, 4.0], [2.0, 0.5, 1.0]], [3, 1], [2, 2, 1], penalty=(0.5, 0.75))
        result.save_proof(tmp_path / "proof.npz")
        proof = otgen.load_proof(tmp_path / "proof.npz")
        low, high = proof.verify()
        assert low <= result.value <= high
        assert proof.problem.cost.matrix.tolist() == [
            [0.0, 2.0, 4.0, 0.5],
            [2.0, 0.5, 1.0, 0.5],
            [0.75, 0.75, 0.75, 0.0],
        ]
        assert proof.mass == 9.0
        with pytest.raises(InvalidInput, match="list the costs of all pairs"):
            partial_wasserstein(X, Y, A, B, penalty=1.0).save_proof(tmp_path / "other.npz")

    def test_it_survives_pickling(self):

        result = partial_wasserstein(X, Y, A, B, penalty=1.0)
        again = pickle.loads(pickle.dumps(result))
        assert again.to_dict() == result.to_dict()
        assert [side.tolist() for side in again.unmatched] == [side.tolist() for side in result.unmatched]


class TestBadInput:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (dict(), "penalty or mass must be given.*otgen.wasserstein"),
            (
                dict(mass=3.1),
                r"mass must be at most the lighter of both totals; received 3.1 for totals of 4.0 and 3.0; pass 3.0",
            ),
            (dict(mass=-1), "mass must be at least 0 and finite; received -1"),
            (dict(mass=INF), "mass must be at least 0 and finite"),
            (dict(mass="1"), "mass must be a real number"),
            (dict(penalty=-1), "penalty must be at least 0; received -1.0"),
            (dict(penalty=float("nan")), "penalty must be a real number; received nan"),
            (dict(penalty=([1.0, float("nan"), 1.0], 1)), "penalty must be at least 0; received nan"),
            (dict(penalty="1"), "penalty must be a real number"),
            (dict(penalty=np.ones(3)), r"a number or a pair.*\(penalty_x, penalty_y\)"),
            (dict(penalty=[1, 2, 3]), r"a number or a pair"),
            (dict(penalty=([1, 2], 1)), r"penalty\[0\] must be a number or have shape \(3,\)"),
            (dict(penalty=([1, [2], 3], 1)), r"penalty\[0\] must be.*; received"),
            (dict(penalty=(1, [1, 2, 3])), r"penalty\[1\] must be a number or have shape \(2,\)"),
            (dict(penalty=INF), "received inf for a mass of 4.0 in a, of which the other side can take 3.0"),
            (dict(penalty=([INF, INF, INF], [1, INF])), "received inf for a mass of 4.0 in a"),
            (dict(penalty=INF, mass=2), "penalty must be finite where mass is given"),
            (dict(penalty=1, p=INF), "p must be finite here"),
            (dict(penalty=1, p=0.5), "p must be at least 1"),
            (dict(penalty=1, solver="line"), "one that takes a dummy point"),
            (dict(penalty=1, throw=1), "throw must be True or False"),
        ],
    )
    def test_of_points(self, asked, said):
        with pytest.raises(InvalidInput, match=said):
            partial_wasserstein(X, Y, A, B, **asked)

    @pytest.mark.parametrize("option", [dict(epsilon=0.1), dict(relax=1.0), dict(normalize=True), dict(init=(A, B))])
    def test_options_of_other_transport_are_not_ignored(self, option):
        with pytest.raises(InvalidInput, match=f"{next(iter(option))} must be left out where penalty or mass is given"):
            transport(cdist(X, Y), A, B, penalty=1.0, **option)

    def test_a_mass_that_rounding_has_raised_is_the_total(self):
        weights = [0.1] * 10
        result = partial_wasserstein(np.arange(10.0), np.arange(12.0), weights, [1.0] * 12, mass=np.nextafter(1.0, 2))
        assert result.mass == pytest.approx(1.0, rel=1e-15)
        assert result.unmatched[0].max() <= 1e-16
