"""xarray, polars, pandas and scipy.sparse at the door: what they hold, by the names that they carry, or a plain word on what to pass."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import otgen

RNG = np.random.default_rng(0)
X, Y = RNG.random((6, 2)), RNG.random((5, 2)) + 1
WANT = otgen.wasserstein(X, Y).value


@pytest.fixture
def xarray():
    return pytest.importorskip("xarray", reason="tested where it is installed")


@pytest.fixture
def polars():
    return pytest.importorskip("polars", reason="tested where it is installed")


class TestXarray:
    @staticmethod
    def labelled(xarray, points, labels="ab", dims=("point", "coordinate")):
        return xarray.DataArray(points, dims=dims, coords={dims[1]: list(labels)})

    def test_points_weights_costs_and_supports(self, xarray):
        one, other = self.labelled(xarray, X), self.labelled(xarray, Y, dims=("draw", "coordinate"))
        assert otgen.wasserstein(one, other).value == WANT
        assert otgen.wasserstein(one, Y).value == WANT
        weights = xarray.DataArray(np.arange(1.0, 7), dims="point")
        assert (
            otgen.wasserstein(one, other, weights, normalize=True).value
            == otgen.wasserstein(X, Y, np.arange(1, 7), normalize=True).value
        )
        assert otgen.transport(xarray.DataArray(X)).value == otgen.transport(X).value
        eye = xarray.DataArray(np.eye(3), dims=("set", "bin"))
        assert otgen.pairwise(eye, support=xarray.DataArray([0.0, 1, 2], dims="bin"))[0, 2] == 2

    def test_labels_in_another_order(self, xarray):
        one, other = self.labelled(xarray, X), self.labelled(xarray, Y[:, ::-1], "ba")
        with pytest.raises(otgen.InvalidInput, match=r"received a, b and b, a; pass y.sel\(coordinate=\['a', 'b'\]\)"):
            otgen.wasserstein(one, other)
        assert otgen.wasserstein(one, other.sel(coordinate=["a", "b"])).value == WANT
        with pytest.raises(otgen.InvalidInput, match="received 'a', 'c' on one side only"):
            otgen.wasserstein(one, self.labelled(xarray, Y, "cb"))

    def test_dimensions_in_another_order(self, xarray):
        """Of as many points as coordinates, so that shapes do not tell."""
        one, other = self.labelled(xarray, X[:2]), xarray.DataArray(Y[:2].T, dims=("coordinate", "draw"))
        with pytest.raises(
            otgen.InvalidInput, match="received point, coordinate and coordinate, draw; transpose one of them"
        ):
            otgen.wasserstein(one, other)
        with pytest.raises(otgen.InvalidInput, match="dimensions in the same order"):
            otgen.pairwise([one, one, other])
        assert otgen.wasserstein(one, other.T).value == otgen.wasserstein(X[:2], Y[:2]).value

    def test_labels_that_are_numbers_say_nothing(self, xarray):
        one, other = (self.labelled(xarray, z, labels) for z, labels in ((X, [0, 1]), (Y, [5, 6])))
        assert otgen.wasserstein(one, other).value == WANT

    def test_frames_beside_them(self, xarray):
        with pytest.raises(otgen.InvalidInput, match="same columns in the same order"):
            otgen.wasserstein(self.labelled(xarray, X), pd.DataFrame(Y, columns=["b", "a"]))

    def test_datasets_are_told_what_to_be(self, xarray):
        held = xarray.Dataset({"a": ("point", X[:, 0]), "b": ("point", X[:, 1])})
        with pytest.raises(otgen.InvalidInput, match=r"received a Dataset of 2 variables; pass x.to_dataarray\(\).T"):
            otgen.wasserstein(held, Y)
        assert otgen.wasserstein(held.to_dataarray().T, Y).value == WANT


class TestPolars:
    def test_frames_and_series(self, polars):
        one, other = (polars.DataFrame(z, schema=["a", "b"]) for z in (X, Y))
        assert otgen.wasserstein(one, other).value == WANT
        assert otgen.wasserstein(one["a"], other["a"], p=1).value == otgen.wasserstein(X[:, 0], Y[:, 0], p=1).value
        with pytest.raises(otgen.InvalidInput, match="same columns in the same order"):
            otgen.wasserstein(one, other[["b", "a"]])

    @pytest.mark.parametrize("other", [[0.5, 0.5], [5, 5]])
    @pytest.mark.parametrize("kind", ["Datetime", "Duration", "Decimal", "Date"])
    def test_moments_and_decimals_beside_numbers(self, polars, kind, other):
        """Moments and decimals became floats there: stamps 100 ns apart were 256 apart, "proven"."""
        start = 1_700_000_000_000_000_000 if kind != "Date" else 0
        dtype = {"Datetime": polars.Datetime("ns"), "Duration": polars.Duration("ns"), "Decimal": polars.Decimal(38, 0)}
        one, two = (
            polars.DataFrame(
                {"t": polars.Series([start + s, start + s]).cast(dtype.get(kind, polars.Date)), "u": other}
            )
            for s in (100, 200)
        )
        with pytest.raises(otgen.InvalidInput, match=r"x must hold (numbers in all of its columns.* 't'|real numbers)"):
            otgen.wasserstein(one, two, p=1)

    def test_gaps_and_plans_that_have_not_run(self, polars):
        with pytest.raises(otgen.InvalidInput, match=r"x must be finite.*row 1"):
            otgen.wasserstein(polars.DataFrame({"a": [1.0, None]}), Y[:, 0])
        lazy = polars.DataFrame(X, schema=["a", "b"]).lazy()
        with pytest.raises(otgen.InvalidInput, match=r"received a LazyFrame; pass x.collect\(\)"):
            otgen.wasserstein(lazy, Y)
        assert otgen.wasserstein(lazy.collect(), Y).value == WANT


class TestPandas:
    def test_columns_that_could_hold_gaps(self):
        held = pd.DataFrame({"a": X[:, 0], "b": np.arange(6), "c": np.arange(6) > 2})
        found = otgen.wasserstein(held.convert_dtypes(), np.ones((4, 3)))
        assert found.value == otgen.wasserstein(held.to_numpy(float), np.ones((4, 3))).value

    def test_columns_of_words_beside_numbers(self):
        with pytest.raises(
            otgen.InvalidInput,
            match=r"x must hold numbers in all of its columns.* received 'b' of .* leave it out, or make columns of 0 and 1",
        ):
            otgen.wasserstein(pd.DataFrame({"a": X[:, 0], "b": list("uvwxyz")}), Y)


class TestSparse:
    KINDS = (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array)

    @pytest.mark.parametrize("kind", KINDS)
    def test_points_must_be_dense(self, kind):
        with pytest.raises(otgen.InvalidInput, match=r"x must be dense; received a sparse .*; pass x.toarray\(\)"):
            otgen.wasserstein(kind(X), Y)
        with pytest.raises(otgen.InvalidInput, match=r"sets\[1\] must be dense"):
            otgen.pairwise([X, kind(X)])

    @pytest.mark.parametrize("kind", KINDS)
    def test_histograms_need_not_be(self, kind):
        counts = RNG.multinomial(9, [0.1, 0.6, 0.2, 0.1], size=7)
        want = otgen.pairwise(counts, support=[0.0, 1, 3, 9], p=1)
        np.testing.assert_array_equal(otgen.pairwise(kind(counts), support=[0.0, 1, 3, 9], p=1), want)
        others = otgen.pairwise(kind(counts[:2]), kind(counts[2:]), support=[0.0, 1, 3, 9], p=1)
        np.testing.assert_array_equal(others, want[:2, 2:])

    def test_a_histogram_without_mass_is_named(self):
        with pytest.raises(otgen.InvalidInput, match=r"sets\[1\] must carry some mass"):
            otgen.pairwise(scipy.sparse.csr_array([[1.0, 2.0], [0.0, 0.0]]), support=[0.0, 1])

    def test_entries_that_are_listed_twice_are_added(self):
        twice = scipy.sparse.coo_array(([1.0, 2.0, 3.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
        assert otgen.pairwise(twice, support=[0.0, 5.0], p=1)[0, 1] == 5


POINTS = pd.DataFrame({"u": [0.0, 10.0], "v": [0.0, 0.0]}, index=["p", "q"])
OTHER = pd.Series([0.75, 0.25], index=["q", "p"])
COSTS = pd.DataFrame(np.eye(2), index=["p", "q"], columns=["r", "s"])
ROWS = pd.DataFrame([[0.2, 0.8], [0.3, 0.7]], index=["p", "q"], columns=["r", "s"])


@pytest.mark.parametrize(
    "call",
    [
        lambda order: otgen.partial_wasserstein(POINTS, POINTS + 3, penalty=(OTHER[order], 1.0)),
        lambda order: otgen.transport(COSTS, penalty=(OTHER[order], 1.0)),
        lambda order: otgen.semidiscrete("gaussian", POINTS, OTHER[order], tol=0.5, max_draws=4096, throw=False),
        lambda order: otgen.estimators.OTMapper().fit(POINTS, POINTS, sample_weight=OTHER[order]),
        lambda order: otgen.estimators.OTMapper().fit(POINTS, POINTS, target_weight=OTHER[order]),
        lambda order: otgen.estimators.OTMapper(target=POINTS).fit(POINTS, target_weight=OTHER[order]),
        lambda order: otgen.audit(POINTS, POINTS, plan=pd.DataFrame(np.eye(2) / 2, index=order, columns=["p", "q"])),
        lambda order: otgen.audit(C=COSTS, plan=pd.DataFrame(np.eye(2) / 2, index=order, columns=["r", "s"])),
        lambda order: otgen.pairwise(ROWS.set_axis(order, axis=1), support=pd.Series([0.0, 1.0], index=["p", "q"])),
        lambda order: otgen.neighbors(ROWS.set_axis(order, axis=1), support=pd.Series([0.0, 1.0], index=["p", "q"])),
        lambda order: otgen.divergences.kl(ROWS, ROWS.loc[order]),
    ],
)  # fmt: skip
def test_what_belongs_to_named_rows_is_not_matched_by_place(call):
    """All were taken by position: prices and weights of the other point, without a word."""
    with pytest.raises(otgen.InvalidInput, match=r"in the same order; received '[pr]' and '[qs]' in place 0"):
        call(["q", "p"])
    call(["p", "q"])
