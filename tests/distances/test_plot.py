"""Pictures of results: what is drawn is the plan, and what is not drawn is told."""

from __future__ import annotations

import io
import pickle
import sys

import matplotlib
import numpy as np
import pytest

import otgen
from otgen.distances import drawing

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(20, 2)) + 3
KINDS = {
    "plane": lambda: otgen.wasserstein(X, Y),
    "entropic plane": lambda: otgen.sinkhorn(X, Y, epsilon=0.5),
    "longest": lambda: otgen.wasserstein(X, Y, p=np.inf),
    "callable": lambda: otgen.wasserstein(X, Y, metric=lambda s, t: np.abs(s[:, None] - t[None]).sum(-1)),
    "space": lambda: otgen.wasserstein(RNG.normal(size=(20, 7)), RNG.normal(size=(20, 7))),
    "one point": lambda: otgen.wasserstein([[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]),
    "line": lambda: otgen.wasserstein(X[:, 0], Y[:, 0]),
    "weighted line": lambda: otgen.wasserstein(X[:, 0], Y[:, 0], RNG.random(30), normalize=True),
    "entropic line": lambda: otgen.sinkhorn(X[:, 0], Y[:, 0], epsilon=0.5),
    "many on a line": lambda: otgen.sinkhorn(RNG.random(80), RNG.random(70), epsilon=0.5),
    "circle": lambda: otgen.wasserstein([23.0, 1.0], [2.0, 22.0], metric=otgen.Circular(24)),
    "earth": lambda: otgen.wasserstein([[0.5, 3.0], [0.2, 1.0]], [[0.5, -3.0], [0.0, 1.0]], metric="great_circle"),
    "matrix": lambda: otgen.transport(RNG.random((5, 8))),
    "sparse": lambda: otgen.transport(np.where(np.eye(4), 1.0, np.inf)),
    "large matrix": lambda: otgen.transport(RNG.random((401, 30))),
    "divergence": lambda: otgen.sinkhorn_divergence(X, Y, epsilon=0.5),
    "relaxed": lambda: otgen.sinkhorn(X, Y, epsilon=0.5, relax=1.0),
    "days": lambda: otgen.wasserstein(np.array([1, 5], "M8[D]"), np.array([3], "M8[D]")),
    "stopped": lambda: otgen.sinkhorn(X, Y, epsilon=1e-3, max_iter=1, throw=False),
}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_bias_curve_is_a_line_that_ends_at_its_limit():
    curve = otgen.BiasCurve.fitted([4, 16], [[3.0, 2.0], [3.5, 2.5]], 0.5, "as given")
    axes = plt.subplots()[1]
    assert curve.plot(axes) is axes
    line = axes.lines[0].get_xydata()
    assert line[-1].tolist() == [0.0, pytest.approx(1.25)]
    assert line[:, 1] == pytest.approx([curve.at(4), curve.at(16), curve.limit])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["4", "16", "∞"]
    assert title(axes) == ["limit 1.25, at the rate as given"]
    with pytest.raises(otgen.InvalidInput, match="ax must be one matplotlib Axes"):
        curve.plot("x")


def title(axes):
    return axes.get_title(loc="left").split("\n")


def segments(axes):
    return axes.collections[0].get_segments()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.by_day(9)
def test_every_result_with_a_plan_has_a_picture(kind):
    result = KINDS[kind]()
    axes = result.plot()
    assert isinstance(axes, matplotlib.axes.Axes)
    axes.figure.savefig(io.BytesIO(), format="png")
    axes.figure.savefig(io.BytesIO(), format="svg")
    assert title(axes)[0].startswith(f"value {result.value:.6g}")


def test_it_is_drawn_where_asked():
    figure, grid = plt.subplots(1, 2)
    assert otgen.wasserstein(X, Y).plot(grid[1]) is grid[1]
    assert otgen.wasserstein(X, Y).plot(ax=grid[0]) is grid[0]
    assert len(figure.axes) == 2
    with pytest.raises(otgen.InvalidInput, match=r"ax must be one matplotlib Axes; received an array of shape \(2,\)"):
        otgen.wasserstein(X, Y).plot(grid)


def test_lines_are_the_plan():
    result = otgen.wasserstein(X, Y)
    axes, entries = result.plot(), result.plan.matrix.tocoo()
    drawn = {(*map(tuple, line),) for line in segments(axes)}
    assert drawn == {(tuple(X[i]), tuple(Y[j])) for i, j in zip(entries.row, entries.col)}
    assert len(title(axes)) == 1
    dots = [np.ma.getdata(z.get_offsets()) for z in axes.collections[1:]]
    np.testing.assert_array_equal(dots[0], X)
    np.testing.assert_array_equal(dots[1], Y)


def test_pairs_that_are_left_out_are_told_and_are_the_lightest(monkeypatch):
    monkeypatch.setattr(drawing, "_BLOCK", 100)  # several blocks, which a test of real size would take minutes for
    result = otgen.sinkhorn(RNG.normal(size=(60, 2)), RNG.normal(size=(70, 2)), epsilon=0.1)
    found = drawing._heaviest(result.plan)
    dense = result.plan.todense()
    assert found.pairs == (dense > 0).sum()
    np.testing.assert_allclose(np.sort(found.masses), np.sort(dense.ravel())[-2_000:], rtol=1e-9)
    np.testing.assert_allclose(dense[found.rows, found.columns], found.masses, rtol=1e-9)
    share = 100 * found.masses.sum() / dense.sum()
    assert title(result.plot())[1] == f"2,000 of {found.pairs:,} pairs are drawn, with {share:.3g} % of the mass"


def test_of_equal_pairs_some_from_everywhere_are_drawn():
    n = 3_000
    result = otgen.wasserstein(np.stack([np.arange(n), np.zeros(n)], 1), np.stack([np.arange(n), np.ones(n)], 1))
    axes = result.plot()
    assert title(axes)[1] == "2,000 of 3,000 pairs are drawn, with 66.7 % of the mass"
    starts = np.sort([line[0][0] for line in segments(axes)])
    assert len(starts) == 2_000
    assert np.diff(starts).max() <= 2


def test_points_without_mass_are_told():
    result = otgen.wasserstein(X, Y, [0.0] * 4 + [1.0] * 26, normalize=True)
    assert title(result.plot())[1] == "4 points without mass are not drawn"


def test_quantile_functions_are_those_of_the_points():
    x, y, a = np.array([2.0, 0.0, 1.0]), np.array([5.0, 4.0]), np.array([0.5, 0.25, 0.25])
    axes = otgen.wasserstein(x, y, a, [0.5, 0.5], p=1).plot()
    for line, points, weights in zip(axes.lines, (x, y), (a, [0.5, 0.5])):
        levels, heights = line.get_data()
        for level in (0.1, 0.2, 0.3, 0.45, 0.6, 0.9):
            order = np.argsort(points)
            truth = points[order][np.searchsorted(np.cumsum(np.asarray(weights)[order]), level)]
            assert heights[np.searchsorted(levels, level)] == truth
    area = np.sum(np.diff(axes.lines[0].get_xdata()) * (axes.lines[1].get_ydata() - axes.lines[0].get_ydata())[1:])
    assert area == pytest.approx(otgen.wasserstein(x, y, a, [0.5, 0.5], p=1).value)


def test_quantiles_of_many_points_are_told_and_keep_their_ends():
    x, y = RNG.normal(size=20_000), RNG.normal(size=30_000)
    axes = otgen.wasserstein(x, y).plot()
    assert title(axes)[1].startswith("quantiles at 4,000 levels of ")
    for line, points in zip(axes.lines, (x, y)):
        drawn = line.get_ydata()
        assert drawn[len(drawn) // 2] == pytest.approx(np.median(points), abs=0.01)
        assert (drawn.min(), drawn.max()) == (points.min(), points.max())


@pytest.mark.parametrize(("n", "m", "told"), [(5, 8, []), (401, 30, ["a cell is the sum of 3 x 1 pairs"])])
def test_a_matrix_is_its_shares(n, m, told):
    result = otgen.transport(RNG.random((n, m)))
    axes = result.plot()
    shares, dense = axes.images[0].get_array(), result.plan.todense()
    assert title(axes)[1:] == told
    step = -(-n // 200)
    np.testing.assert_allclose(shares, np.add.reduceat(dense, np.arange(0, n, step)), atol=1e-15)


def test_cells_of_an_entropic_plan_hold_all_of_the_mass():
    x, y = RNG.random(80), RNG.random(70)
    axes = otgen.sinkhorn(x, y, epsilon=0.01).plot()
    assert title(axes)[1] == "16 x 16 cells sum up 5,600 pairs"
    assert axes.collections[0].get_array().sum() == pytest.approx(1.0)
    assert axes.get_xlim() == (x.min(), x.max())


def test_lines_go_the_near_way_round():
    axes = otgen.wasserstein([[1.0, 5.0]], [[23.0, 5.0]], metric=otgen.Circular(24)).plot()
    assert np.array(segments(axes)).tolist() == [[[1.0, 5.0], [-1.0, 5.0]], [[25.0, 5.0], [23.0, 5.0]]]
    axes = otgen.wasserstein([[0.5, 3.0]], [[0.25, -3.0]], metric="great_circle").plot()
    first, second = segments(axes)
    np.testing.assert_allclose(first, [[3.0, 0.5], [2 * np.pi - 3, 0.25]])  # longitude across, latitude up
    np.testing.assert_allclose(second, [[3 - 2 * np.pi, 0.5], [-3.0, 0.25]])


def test_principal_axes_keep_what_lies_in_a_plane():
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0][:2]
    axes = otgen.wasserstein(X @ turn, Y @ turn).plot()
    dots = np.concatenate([np.ma.getdata(z.get_offsets()) for z in axes.collections[1:]])
    both = np.concatenate([X, Y])
    gaps = [np.linalg.norm(z[:, None] - z[None], axis=-1) for z in (dots, both)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-12)
    shares = [int(text.split(", ")[1].split(" ")[0]) for text in (axes.get_xlabel(), axes.get_ylabel())]
    assert abs(sum(shares) - 100) <= 1


def test_it_survives_a_pickle():
    result = pickle.loads(pickle.dumps(otgen.wasserstein(X, Y)))
    assert len(segments(result.plot())) == len(result.plan.values)


@pytest.mark.parametrize(
    "make", [lambda: otgen.sliced_wasserstein(X, Y, rng=0), lambda: otgen.transport([[np.inf]], throw=False)]
)
def test_without_a_plan_there_is_nothing_to_draw(make):
    with pytest.raises(
        otgen.InvalidInput, match=r"result must have a plan to be plotted; received one of .*; plot what"
    ):
        make().plot()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(otgen.MissingExtra, match=r"matplotlib must be installed .*pip install 'otgen\[plot\]'"):
        otgen.wasserstein(X, Y).plot()
