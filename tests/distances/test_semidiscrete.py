"""Maps from noise to data: the truth where it is known, brute force where it is not, files, and refusals."""

from __future__ import annotations

import itertools
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import ot
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from semidiscrete_truth import among, diamond, ends_of_cells, grid, normal_on_the_line, on_the_line, uniform

import otgen
from otgen import InvalidInput, NotConverged, SemidiscreteMap

LINE = np.sort(np.random.default_rng(5).random(12))
WEIGHTS = np.random.default_rng(6).dirichlet(np.ones(12))
TRUTHS = {
    "line": on_the_line(LINE, WEIGHTS),
    "line, p=1": on_the_line(LINE, WEIGHTS, 1.0),
    "line, p=3": on_the_line(LINE, WEIGHTS, 3.0),
    "normal line": normal_on_the_line(3 * LINE - 1, WEIGHTS),
    "grid": grid(6),
    "diamond": diamond()[0],
}


@lru_cache
def fitted(name, **options):
    known = TRUTHS[name]
    return otgen.semidiscrete(
        known.noise, known.y, known.b, p=known.p, rng=0, **{"tol": 4e-3 if known.p == 1 else 1e-3, **options}
    )


@pytest.mark.parametrize("name", TRUTHS)
class TestTruth:
    @pytest.mark.by_day(2)
    def test_the_interval_holds_it_and_is_narrow(self, name):
        known = TRUTHS[name]
        found = fitted(name)
        assert found.check.suboptimality <= 0.1 * found.check.upper
        wide = found.held_out(known.noise, 40_000, confidence=0.999, rng=1)
        assert wide.upper - wide.lower < 0.2 * known.cost
        for check in (found.check, wide):
            assert check.lower <= known.cost <= check.upper
            low, high = check.distance
            assert low <= known.cost ** (1 / known.p) <= high

    def test_cells_have_the_masses_that_were_asked_for(self, name):
        known = TRUTHS[name]
        if known.p == 1:
            pytest.skip("noise beyond the last point is equally well off with all of them")
        noise = np.random.default_rng(2)
        x = noise.standard_normal((50_000, 1)) if known.noise == "gaussian" else known.noise(50_000, noise)
        shares = np.bincount(fitted(name, tol=None, max_draws=100_000).sample(x), minlength=len(known.b)) / len(x)
        assert np.abs(shares - known.b).sum() / 2 < 0.04

    def test_a_guaranteed_interval_holds_it(self, name):
        known = TRUTHS[name]
        if known.support is None:
            pytest.skip("no box holds normal noise")
        check = fitted(name, tol=None).held_out(known.noise, 20_000, support=known.support, confidence=0.99, rng=3)
        assert check.guaranteed
        assert check.lower <= known.cost <= check.upper


def test_cells_on_the_line_are_those_of_quantiles():
    known = TRUTHS["line"]
    x = np.linspace(0, 1, 2001)
    ends = ends_of_cells(known.b)
    inside = np.abs(x[:, None] - ends).min(axis=1) > 0.01
    want = np.searchsorted(ends, x, side="right") - 1
    np.testing.assert_array_equal(fitted("line", tol=None, max_draws=200_000).sample(x)[inside], want[inside])


def test_potentials_of_laguerre_cells_of_equal_mass():
    _, potential = diamond()
    found = fitted("diamond", tol=None, max_draws=200_000).potential
    np.testing.assert_allclose(found, potential - potential.mean(), atol=0.02)
    assert abs(found[0]) > 0.05  # the centre's cell is not the one of nearest points


@pytest.mark.nightly
def test_potentials_of_a_grid_are_equal():
    found = fitted("grid").potential
    assert np.abs(found).max() < 0.2 / 6**2  # of a cell's width, squared


class TestAgainstExactTransport:
    """Noise on finitely many atoms: the law is a sample, whose transport is known to the last digit."""

    @pytest.mark.parametrize(
        ("d", "options"),
        [
            (1, {}), (2, {}), (3, dict(p=1)), (2, dict(p=1.5, metric="cityblock")), (12, {}), (2, dict(metric="chebyshev")),
            (2, dict(metric=otgen.Minkowski(3))), (1, dict(metric=otgen.Circular(2.0))), (3, dict(p=1, metric="cosine")),
            pytest.param(2, dict(p=1, metric=lambda x, y: cdist(x, y, "cityblock")), marks=pytest.mark.nightly),
        ],
    )  # fmt: skip
    @pytest.mark.by_day(3)
    def test_the_semi_dual_comes_near_and_the_interval_holds(self, d, options):
        rng = np.random.default_rng(d)
        atoms, y, b = rng.normal(size=(300, d)), rng.normal(size=(20, d)) + 0.5, rng.dirichlet(np.ones(20))
        exact = otgen.wasserstein(atoms, y, None, b, **options)
        found = otgen.semidiscrete(among(atoms), y, b, rng=0, **options)
        columns = found.sample(atoms)
        problem = otgen.Problem.from_points(atoms, y, None, b, **options)
        costs = problem.cost.block()
        reduced = costs - found.potential
        np.testing.assert_allclose(reduced[np.arange(300), columns], reduced.min(axis=1), atol=1e-12)
        dual = reduced.min(axis=1).mean() + found.potential @ found.weights
        assert exact.cost * 0.985 < dual <= exact.cost * (1 + 1e-12)
        assert found.check.lower <= exact.cost <= found.check.upper
        assert exact.cost - dual <= found.check.suboptimality

    def test_a_peer_agrees(self):
        rng = np.random.default_rng(0)
        atoms, y = rng.normal(size=(200, 2)), rng.normal(size=(15, 2))
        theirs = ot.emd2(np.full(200, 1 / 200), np.full(15, 1 / 15), ot.dist(atoms, y))
        check = otgen.semidiscrete(among(atoms), y, rng=0).check
        assert check.lower <= theirs <= check.upper


class TestSample:
    @given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 15]), st.sampled_from([1, 2, 7, 150]))
    def test_it_is_the_least_by_brute_force(self, seed, d, size):
        rng = np.random.default_rng(seed)
        y, x = rng.normal(size=(size, d)), rng.normal(size=(rng.integers(1, 400), d))
        b = rng.random(size) * (rng.random(size) < 0.7) + 1e-3 * (np.arange(size) == 0)
        potential = np.where(b > 0, rng.normal(size=size), -np.inf)
        found = otgen.SemidiscreteMap(y, b / b.sum(), potential, "euclidean", 2.0, 0)
        reduced = cdist(x, y, "sqeuclidean") - potential
        columns = found.sample(x)
        assert columns.dtype == np.int64
        np.testing.assert_allclose(reduced[np.arange(len(x)), columns], reduced.min(axis=1), atol=1e-11)

    def test_blocks_change_nothing(self, monkeypatch):
        found = otgen.semidiscrete("gaussian", np.random.default_rng(0).normal(size=(70, 3)), tol=None, rng=0)
        x = np.random.default_rng(1).normal(size=(500, 3))
        whole = found.sample(x)
        np.testing.assert_array_equal(np.concatenate([found.sample(row[None]) for row in x]), whole)
        monkeypatch.setattr("otgen.distances.semidiscrete.targets._BLOCK", 100)
        np.testing.assert_array_equal(found.sample(x), whole)

    def test_tensors_in_tensors_out(self):
        torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
        y = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
        found = otgen.semidiscrete("gaussian", y, tol=None, rng=0)
        x = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
        columns = found.sample(x)
        assert columns.dtype == torch.int64
        np.testing.assert_array_equal(columns.numpy(), found.sample(x.numpy()))


class TestFit:
    def test_it_is_a_function_of_its_seed(self):
        y = np.random.default_rng(0).normal(size=(20, 2))
        one, two, other = (
            otgen.semidiscrete("gaussian", y, tol=None, max_draws=50_000, rng=seed)
            for seed in (1, np.random.default_rng(1), 2)
        )
        np.testing.assert_array_equal(one.potential, two.potential)
        assert one.held_out("gaussian", 5000, rng=3).upper == two.held_out("gaussian", 5000, rng=3).upper
        assert not np.array_equal(one.potential, other.potential)

    @pytest.mark.parametrize(
        "power", [-40, pytest.param(3, marks=pytest.mark.nightly), pytest.param(40, marks=pytest.mark.nightly)]
    )
    def test_units_do_not_matter(self, power):
        y, scale = np.random.default_rng(0).normal(size=(30, 3)), 2.0**power
        short = dict(tol=None, max_draws=100_000, rng=0)

        def noise(n, rng):
            return scale * rng.standard_normal((n, 3))

        one, two = otgen.semidiscrete("gaussian", y, **short), otgen.semidiscrete(noise, scale * y, **short)
        np.testing.assert_allclose(two.potential / scale**2, one.potential, rtol=1e-6, atol=1e-6)
        checks = one.held_out("gaussian", 5000, rng=3), two.held_out(noise, 5000, rng=3)
        assert checks[1].upper / scale**2 == pytest.approx(checks[0].upper, rel=1e-6)

    def test_points_without_weight_get_nothing(self):
        y = np.random.default_rng(0).normal(size=(9, 2))
        b = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0.0])
        found = otgen.semidiscrete("gaussian", y, b, rng=0)
        assert set(found.sample(np.random.default_rng(1).normal(size=(3000, 2)))) == {1, 2, 4, 5, 6, 7}
        assert np.isneginf(found.potential[b == 0]).all()
        kept = otgen.semidiscrete("gaussian", y[b > 0], rng=0)
        np.testing.assert_allclose(found.potential[b > 0], kept.potential, atol=1e-12)

    def test_one_point_gets_everything(self):
        found = otgen.semidiscrete("gaussian", [[1.0, 2.0]], rng=0)
        assert found.potential.tolist() == [0.0]
        assert found.check.lower <= 7.0 <= found.check.upper
        assert found.check.misplaced < 0.05

    def test_far_clusters_of_unequal_density(self):
        """What charges whole regions, and what balances points within one, differ by orders of magnitude."""
        rng = np.random.default_rng(0)
        y = np.concatenate([5 + 0.01 * rng.standard_normal((30, 3)), 3 * rng.standard_normal((30, 3))])
        found = otgen.semidiscrete("gaussian", y, tol=None, max_draws=60_000, rng=0)
        shares = np.bincount(found.sample(rng.standard_normal((20_000, 3))), minlength=60) / 20_000
        assert shares[:30].sum() == pytest.approx(0.5, abs=0.05)

    def test_the_end_of_its_draws(self):
        y = np.random.default_rng(0).normal(size=(50, 2))
        with pytest.raises(NotConverged, match="raise max_draws or tol") as caught:
            otgen.semidiscrete("gaussian", y, tol=1e-9, max_draws=6000, rng=0)
        assert caught.value.result.check.suboptimality > 0
        again = otgen.semidiscrete("gaussian", y, tol=1e-9, max_draws=6000, rng=0, throw=False)
        np.testing.assert_array_equal(again.potential, caught.value.result.potential)

    def test_without_a_tolerance_nothing_is_asked(self):
        found = otgen.semidiscrete("gaussian", [[0.0], [1.0]], tol=None, max_draws=5000, rng=0)
        assert found.check is None
        assert repr(found) == "SemidiscreteMap(2 points in dimension 1, p=2, fitted on 5000 draws)"

    @pytest.mark.parametrize("most", [1, 40, 4096, 5000])
    @pytest.mark.parametrize("tol", [None, 1e-9])
    def test_no_more_noise_is_fitted_on_than_was_asked_for(self, most, tol):
        seen = []

        def noise(n, rng):
            seen.append(n)
            return rng.normal(size=(n, 1))

        found = otgen.semidiscrete(noise, [[0.0], [1.0]], tol=tol, max_draws=most, rng=0, throw=False)
        assert found.draws == most
        assert sum(seen) == most + (0 if tol is None else found.check.draws)

    def test_progress_shows_on_a_terminal(self, capsys, monkeypatch):
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        otgen.semidiscrete("gaussian", [[0.0], [1.0]], rng=0, progress=True)
        assert "draws" in capsys.readouterr().err


class TestFiles:
    @pytest.mark.parametrize("metric", ["euclidean", otgen.Minkowski(3), otgen.Circular(2.0)])
    def test_a_map_comes_back_as_it_was(self, tmp_path, metric):
        found = otgen.semidiscrete("gaussian", [[0.0], [1.0], [3.0]], [1, 0, 2], metric=metric, tol=None, rng=0)
        found.save(tmp_path / "map.npz")
        again = otgen.load_semidiscrete(str(tmp_path / "map.npz"))
        for name in ("points", "weights", "potential"):
            np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
        assert (again.metric, again.p, again.draws, again.check) == (metric, 2.0, found.draws, None)
        x = np.linspace(-3, 3, 50)
        np.testing.assert_array_equal(again.sample(x), found.sample(x))
        assert [file.name for file in tmp_path.iterdir()] == ["map.npz"]

    def test_an_interrupted_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        found = otgen.semidiscrete("gaussian", [[0.0], [1.0]], tol=None, rng=0)
        found.save(tmp_path / "map.npz")
        before = (tmp_path / "map.npz").read_bytes()

        def broken(file, **arrays):
            file.write(b"half")
            raise KeyboardInterrupt

        monkeypatch.setattr(np, "savez", broken)
        with pytest.raises(KeyboardInterrupt):
            found.save(tmp_path / "map.npz")
        assert (tmp_path / "map.npz").read_bytes() == before
        assert len(list(tmp_path.iterdir())) == 1

    def test_what_is_no_map(self, tmp_path):
        good = tmp_path / "map.npz"
        otgen.semidiscrete("gaussian", [[0.0], [1.0]], tol=None, rng=0).save(good)
        held = dict(np.load(good))
        bad = {
            "text": b"not a map",
            "cut": good.read_bytes()[:200],
            "format": held | {"format": "other"},
            "missing": {name: value for name, value in held.items() if name != "potential"},
            "shapes": held | {"weights": np.ones(3)},
            "infinite": held | {"potential": np.array([np.inf, 0.0])},
            "pickle": held | {"points": np.array([object(), 1], object)},
            "complex": held | {"potential": np.array([1j, 0.0])},
            "masses": held | {"weights": np.array([0.2, 0.2])},
            "negative": held | {"weights": np.array([-1.0, 2.0])},
            "nan": held | {"points": np.array([[np.nan], [1.0]])},
            "p": held | {"p": np.nan},
            "order": held | {"p": 0.5},
            "metric": held | {"metric": "no metric"},
            "q": held | {"metric": "minkowski", "q": np.nan},
            "dimension": held | {"metric": "great_circle"},
            "draws": held | {"draws": np.inf},
            "fewer": held | {"draws": -1},
        }
        for name, value in bad.items():
            path = tmp_path / f"{name}.npz"
            path.write_bytes(value) if isinstance(value, bytes) else np.savez(path, **value)
            with pytest.raises(InvalidInput):
                otgen.load_semidiscrete(path)
        with pytest.raises(FileNotFoundError):
            otgen.load_semidiscrete(tmp_path / "none.npz")
        with pytest.raises(InvalidInput, match="path must be the name of a file"):
            otgen.load_semidiscrete(3)

    @pytest.mark.parametrize("path", [3, b"map.npz", "a\0b", None])
    def test_what_is_no_name_of_a_file(self, path):
        found = otgen.semidiscrete("gaussian", [[0.0], [1.0]], tol=None, rng=0)
        for call in (otgen.load_semidiscrete, found.save):
            with pytest.raises(InvalidInput, match="path must be the name of a file"):
                call(path)

    @given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=5))
    def test_changed_bytes_are_refused_or_make_a_map(self, changes):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.npz"
            SemidiscreteMap(np.eye(2), np.full(2, 0.5), np.zeros(2), "euclidean", 2.0, 9).save(path)
            content = bytearray(path.read_bytes())
            for place, byte in changes:
                content[place % len(content)] = byte
            path.write_bytes(content)
            try:
                again = otgen.load_semidiscrete(path)
            except InvalidInput:
                return
            assert set(again.sample([[0.0, 1.0]])) <= {0, 1}

    def test_a_callable_metric_has_no_name(self, tmp_path):
        found = otgen.semidiscrete("gaussian", [[0.0], [1.0]], metric=lambda x, y: cdist(x, y), tol=None, rng=0)
        with pytest.raises(InvalidInput, match="metric must have a name for a file"):
            found.save(tmp_path / "map.npz")
        assert not list(tmp_path.iterdir())


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(noise="normal"), "noise must be 'gaussian' or a function"),
            (dict(y=3), r"y must be \(n, d\) or \(n,\); received shape \(\)"),
            (dict(noise=lambda n, rng: np.zeros((n, 3))), r"noise must return \(n, 2\)"),
            (dict(noise=lambda n, rng: np.zeros((n - 1, 2))), r"noise must return \(n, 2\)"),
            (dict(noise=lambda n, rng: np.full((n, 2), np.nan)), "noise must be finite"),
            (dict(noise=lambda n, rng: np.full((n, 2), 1e200)), "closer together than the largest float"),
            (dict(y=np.zeros((2, 2, 2))), r"y must be \(n, d\)"),
            (dict(b=[1.0]), r"b must have shape \(2,\)"),
            (dict(b=[-1.0, 2.0]), "b must be finite and non-negative"),
            (dict(p=np.inf), "p must be finite"),
            (dict(metric="euclid"), "metric must be one of"),
            (dict(metric="sqeuclidean"), "p must be 1"),
            (dict(tol=0), "tol must be positive"),
            (dict(confidence=1.0), r"confidence must lie in \(0, 1\)"),
            (dict(max_draws=0), "max_draws must be a whole number"),
            (dict(rng="x"), "rng must be a seed"),
            (dict(throw=1), "throw must be True or False"),
            (dict(progress=None), "progress must be True or False"),
        ],
    )
    def test_of_the_fit(self, options, said):
        given = {"noise": "gaussian", "y": [[0.0, 1.0], [1.0, 0.0]]} | options
        with pytest.raises(InvalidInput, match=said):
            otgen.semidiscrete(given.pop("noise"), given.pop("y"), given.pop("b", None), **given)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(n=5), "n must be at least 30"),
            (dict(n=100, confidence=0.0), "confidence must lie"),
            (dict(n=100, support=(0.0, 0.9)), "support must hold all noise"),
            (dict(n=100, support=(1.0, 0.0)), "support must be a box"),
            (dict(n=100, support=(0.0, np.inf)), "support must be a box"),
            (dict(n=100, support=0.5), "support must be a pair"),
            (dict(n=100, support=([0.0, [1.0]], 1.0)), "support must be.*; received"),
            (dict(n=100, support=([0.0], 1.0)), r"support must have shape \(2,\)"),
        ],
    )
    def test_of_held_out_noise(self, options, said):
        found = otgen.SemidiscreteMap(np.eye(2), np.full(2, 0.5), np.zeros(2), "euclidean", 2.0, 0)
        with pytest.raises(InvalidInput, match=said):
            found.held_out(uniform(2), rng=0, **options)

    def test_of_noise(self):
        found = otgen.SemidiscreteMap(np.eye(2), np.full(2, 0.5), np.zeros(2), "euclidean", 2.0, 0)
        with pytest.raises(InvalidInput, match="noise and the data must have the same number of coordinates"):
            found.sample([[1.0, 2.0, 3.0]])

    def test_a_box_and_a_callable(self):
        found = otgen.SemidiscreteMap(np.eye(2), np.full(2, 0.5), np.zeros(2), lambda x, y: cdist(x, y), 2.0, 0)
        with pytest.raises(InvalidInput, match="metric must be a built-in one beside a support"):
            found.held_out(uniform(2), 100, support=(0.0, 1.0), rng=0)


def test_every_pair_of_options_of_a_check(tmp_path):
    """Metrics and orders, with and without a box, in one and in several dimensions: a bound is a bound of what exact transport says."""
    rng = np.random.default_rng(0)
    for metric, d, box in itertools.product(
        ["euclidean", "chebyshev", otgen.Circular(0.7)], [1, 3], [None, (0.0, 1.0)]
    ):
        atoms, y = rng.random((60, d)), rng.random((8, d))
        found = otgen.SemidiscreteMap(y, np.full(8, 1 / 8), 0.1 * rng.normal(size=8), metric, 2.0, 0)
        check = found.held_out(among(atoms), 2000, support=box, confidence=0.999, rng=1)
        truth = otgen.wasserstein(atoms, y, metric=metric).cost
        dual = (otgen.Problem.from_points(atoms, y, metric=metric).cost.block() - found.potential).min(axis=1).mean()
        assert check.lower <= truth <= check.upper
        assert truth - (dual + found.potential.mean()) <= check.suboptimality
        assert check.dual <= check.corrected
        assert "HeldOut" in repr(check)
