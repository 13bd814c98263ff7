"""Partial transport of few points: the short way says what the long way does, and is taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partial_truth import problems
from proving import assert_proven
from scipy.spatial.distance import cdist

import otgen
from otgen import Status, partial_wasserstein


class TestSmallProblems:
    @given(problems(), st.sampled_from([1, 2, 3.5]), st.sampled_from([None, 0.0, 0.3, 0.999]))
    def test_the_short_way_says_what_the_long_way_does(self, given_, p, share):
        x, y, a, b, lam, mu = given_[:6]
        asked = dict(penalty=(lam, mu)) | ({} if share is None else dict(mass=share * min(sum(a), sum(b))))
        sides = [np.asarray(z, float) for z in (x, y, a, b)]
        short, long = (
            partial_wasserstein(*sides, p=p, **asked, **more) for more in ({}, {"solver": otgen.solvers.Simplex()})
        )
        assert short.status is long.status
        assert short.value == pytest.approx(long.value, rel=1e-11, abs=1e-14)
        assert max(short.lower, long.lower) <= min(short.upper, long.upper) * (1 + 1e-15)
        (f, g), slope = short.potentials, short.gradients().mass or 0.0
        dual = f @ sides[2] + g @ sides[3] + slope * asked.get("mass", 0.0)
        assert dual == pytest.approx(short.cost, rel=1e-9, abs=1e-12)
        moved = short.plan.todense() * short.mass
        np.testing.assert_allclose(moved.sum(axis=1) + short.unmatched[0], sides[2], atol=1e-13)
        np.testing.assert_allclose(moved.sum(axis=0) + short.unmatched[1], sides[3], atol=1e-13)
        assert moved.sum() == pytest.approx(short.mass, rel=1e-13, abs=1e-14)

    def test_it_is_taken(self, monkeypatch):
        rng = np.random.default_rng(0)
        x, y, a, b = rng.normal(size=(9, 2)), rng.normal(size=(8, 2)), rng.random(9), rng.random(8)
        monkeypatch.setattr("otgen.distances.partial.solved", lambda *args, **options: pytest.fail("the long way"))
        prices = rng.random(9), rng.random(8)
        for asked, turned in (
            (dict(penalty=0.5), dict(penalty=0.5)),
            (dict(penalty=prices), dict(penalty=prices[::-1])),
            (dict(mass=1.0), dict(mass=1.0)),
            (dict(penalty=50.0), dict(penalty=50.0)),
        ):
            assert_proven(partial_wasserstein(x, y, a, b, **asked), partial_wasserstein(y, x, b, a, **turned).value)
        assert partial_wasserstein(x[:, 0], y[:, 0], a, b, penalty=0.5).status is Status.OPTIMAL

    @given(problems(), st.sampled_from([None, 0.3, 0.999]), st.booleans())
    def test_of_a_matrix_as_well(self, given_, share, uniform):
        x, y, a, b, lam, mu = given_[:6]
        C, a, b = cdist(x, y), np.asarray(a, float), np.asarray(b, float)
        asked = dict(penalty=(lam, mu)) | ({} if share is None else dict(mass=share * min(sum(a), sum(b))))
        sides = (None, b) if uniform else (a, b)
        if uniform and share is not None:
            asked["mass"] = share * sum(b)
        short, long = (otgen.transport(C, *sides, **asked, **more) for more in ({}, {"solver": "simplex"}))
        assert (short.status, short.of_samples, short.p) == (long.status, long.of_samples, long.p)
        assert short.value == pytest.approx(long.value, rel=1e-11, abs=1e-14)
        assert short.mass == pytest.approx(long.mass, rel=1e-11, abs=1e-14)
        assert max(short.lower, long.lower) <= min(short.upper, long.upper) * (1 + 1e-15)
        a = np.full(len(C), b.sum() / len(C)) if uniform else a
        moved = short.plan.todense() * short.mass
        np.testing.assert_allclose(moved.sum(axis=1) + short.unmatched[0], a, atol=1e-13)
        np.testing.assert_allclose(moved.sum(axis=0) + short.unmatched[1], b, atol=1e-13)
        (f, g), slope = short.potentials, short.gradients().mass or 0.0
        assert f @ a + g @ b + slope * asked.get("mass", 0.0) == pytest.approx(short.cost, rel=1e-9, abs=1e-12)

    def test_a_matrix_takes_it_where_its_costs_are_plain(self, monkeypatch, tmp_path):
        rng = np.random.default_rng(0)
        C, a, b = rng.random((9, 8)), rng.random(9), rng.random(8)
        truth = [otgen.transport(C, a, b, solver="simplex", **asked) for asked in (dict(penalty=0.3), dict(mass=2.0))]
        with monkeypatch.context() as patch:
            patch.setattr("otgen.distances.exact.solved", lambda *args, **options: pytest.fail("the long way"))
            found = [otgen.transport(C, a, b, **asked) for asked in (dict(penalty=0.3), dict(mass=2.0))]
        for one, other in zip(found, truth):
            assert_proven(one, other.value)
            one.save_proof(tmp_path / "proof.npz")
            low, high = otgen.load_proof(tmp_path / "proof.npz").verify()
            assert low <= other.value * (1 + 1e-12)
            assert other.value * (1 - 1e-12) <= high
            assert high - low <= 1e-12 * high
        wide = np.where(C > 0.9, np.inf, C - 0.5)  # these go the long way, to the same words
        assert otgen.transport(wide, a, b, mass=1.0).value == pytest.approx(
            otgen.transport(wide, a, b, mass=1.0, solver="simplex").value, rel=1e-12
        )
