"""``otgen pairwise --report``: the matrix in the order of its dendrogram, of two sets and of hundreds, as one page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.cluster.hierarchy
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

import otgen
from otgen.app.report import matrix
from otgen.app.report.matrix import Tree, dendrogram, heat_map, shortened

RNG = np.random.default_rng(0)
SETS = {f"{name}.npy": RNG.random((6, 2)) + shift for name, shift in zip("acbd", (0, 4, 0.5, 4.5))}
OPTIONS = ["sets", "--out", "D.npz", "--report", "page.html"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sets").mkdir()
    for name, points in SETS.items():
        np.save(Path("sets") / name, points)
    return tmp_path


def text_of(page):
    """What stands between tags."""
    return " ".join(re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL).split())


def average_linkage(distances):
    """By its definition: the heights at which the two groups with the least mean distance join."""
    groups, heights = [[k] for k in range(len(distances))], []
    while len(groups) > 1:
        pairs = [(distances[np.ix_(u, v)].mean(), i, j) for j, v in enumerate(groups) for i, u in enumerate(groups[:j])]
        height, i, j = min(pairs)
        heights.append(height)
        groups = [group for k, group in enumerate(groups) if k not in (i, j)] + [groups[i] + groups[j]]
    return heights


class TestPage:
    def test_what_it_holds(self, folder, told):
        code, out, _ = told("pairwise", *OPTIONS, "--p", "1")
        assert code == 0
        assert f"the page       {folder / 'page.html'}" in out
        page = Path("page.html").read_text()
        text = text_of(page)
        assert page.count("<svg") == 2
        assert "6 pairs of the sample sets in sets: W₁ is from" in text
        assert text.count("W₁, units of the data") == 2
        assert "of these samples, not of the laws behind them" in text
        for part in (f"otgen {otgen.__version__}", "UTC", "otgen pairwise sets --out D.npz", "4 files"):
            assert part in text
        values = otgen.pairwise([SETS[name] for name in sorted(SETS)], p=1)
        for value in values[np.triu_indices(4, 1)]:
            assert text.count(f"{value:.2f}") >= 2

    def test_it_needs_nothing_else(self, folder, told):
        told("pairwise", *OPTIONS)
        page = Path("page.html").read_text()
        for known in ("http://www.w3.org", "http://purl.org", "http://creativecommons.org", "https://matplotlib.org"):
            page = page.replace(known, "")
        assert "http:" not in page
        assert "https:" not in page
        assert "<script" not in page
        assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:href|src)="([^"]*)"', page))

    def test_sets_are_listed_in_the_order_of_the_pictures(self, folder, told):
        told("pairwise", *OPTIONS)
        page = Path("page.html").read_text()
        listed = re.findall(r"<td>(\w\.npy)</td>", page)
        assert sorted(listed) == sorted(SETS)
        assert {frozenset(listed[:2]), frozenset(listed[2:])} == {
            frozenset(("a.npy", "b.npy")),
            frozenset(("c.npy", "d.npy")),
        }
        drawn = re.findall(r">(\w\.npy)</text>", page)
        assert drawn == [*listed, *listed]

    def test_names_are_escaped_and_shortened(self, folder, told):
        for k, name in enumerate(("a$x$<b>&.npy", "_z.npy", "é\x07.npy", "n" * 100 + "<i>.npy")):
            np.save(Path("sets") / name, RNG.random((3, 2)) + k)
        assert told("pairwise", *OPTIONS)[0] == 0
        page = Path("page.html").read_text()
        assert "<b>" not in page
        assert "<i>" not in page
        for shown in ("a$x$&lt;b&gt;&amp;.npy", "_z.npy", "é\ufffd.npy", "n" * 11 + "…" + "n" * 5 + "&lt;i&gt;.npy"):
            assert page.count(shown) >= 2

    def test_entropic_costs_are_called_so(self, folder, told):
        told("pairwise", *OPTIONS, "--epsilon", "0.5")
        text = text_of(Path("page.html").read_text())
        assert "entropic cost, squared units of the data" in text
        assert "need not be 0" in text
        assert "mean distance" not in text
        told("pairwise", *OPTIONS, "--metric", "cosine", "--p", "1", "--force")
        assert "transport cost, no unit" in text_of(Path("page.html").read_text())

    def test_what_was_left_out_is_said(self, folder, told):
        Path("sets/t.csv").write_text("id,u,v,name\n0,1,2,a\n1,2,4,b\n")
        told("pairwise", *OPTIONS)
        assert "t.csv: left out id (it counts the rows), name (text)" in text_of(Path("page.html").read_text())

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("page.pdf", "--report must name a page that ends in .html"),
            ("there.html", "replace it with --force"),
            ("sets", "the page must be a file"),
        ],
    )
    def test_what_is_refused_before_any_work(self, folder, told, place, said):
        Path("there.html").write_text("kept")
        code, _, err = told("pairwise", "sets", "--out", "D.npz", "--report", place)
        assert code == 2
        assert said in err
        assert not Path("D.npz").exists()
        assert Path("there.html").read_text() == "kept"

    def test_a_page_that_is_there_is_replaced_with_force(self, folder, told):
        Path("there.html").write_text("kept")
        assert told("pairwise", "sets", "--out", "D.npz", "--report", "there.html", "--force")[0] == 0
        assert Path("there.html").read_text() != "kept"

    def test_standard_output_and_json(self, folder, told):
        code, out, _ = told("pairwise", "sets", "--out", "D.npz", "--report", "-")
        assert code == 0
        assert out.startswith("<!doctype html>")
        assert out.rstrip().endswith("</html>")
        out = told("pairwise", "sets", "--out", "E.npz", "--report", "page.html", "--json")[1]
        assert json.loads(out)["report"] == "page.html"
        code, _, err = told("pairwise", "sets", "--out", "F.npz", "--report", "-", "--json")
        assert code == 2
        assert "received - for both" in json.loads(err or _)["error"]["message"]


class TestPictures:
    @pytest.mark.parametrize("count", [2, 12, 13, 120])
    def test_names_are_thinned_and_the_caption_says_so(self, count):
        names = [f"set-{k}.npy" for k in range(count)]
        distances = squareform(pdist(RNG.random((count, 2))))
        tree = Tree.of(distances)
        for figure in (
            heat_map(names, distances, "Distances", "Rows.", "W₂"),
            dendrogram(tree, names, "Tree", "Joins.", "W₂"),
        ):
            written = re.findall(r">(set-\d+\.npy)</text>", figure.markup)
            assert len(written) == len(set(written)) <= 30
            step = re.search(r"One name in (\d+) is written", figure.caption)
            assert (step is None) == (len(written) == count)
            assert step is None or len(written) == -(-count // int(step[1]))

    def test_numbers_stand_in_few_cells(self):
        def count(sets):
            values = 1.25 * (1 - np.eye(sets))
            return heat_map([f"set {k}" for k in range(sets)], values, "t", "c", "bar").markup.count(">1.25</text>")

        assert (count(12), count(13)) == (12 * 11, 0)

    @pytest.mark.parametrize(
        ("top", "text"), [(0.012345, "0.0123"), (123.4, "123"), (1.2e-9, "1.2e-09"), (5e7, "5.0e+07")]
    )
    def test_digits_follow_the_largest(self, top, text):
        assert f">{text}</text>" in heat_map(["a", "b"], top * (1 - np.eye(2)), "t", "c", "bar").markup

    def test_sets_that_are_all_the_same(self):
        tree = Tree.of(np.zeros((3, 3)))
        assert "<svg" in heat_map(["a", "b", "c"], np.zeros((3, 3)), "t", "c", "bar").markup
        assert "<svg" in dendrogram(tree, ["a", "b", "c"], "t", "c", "bar").markup

    @given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8, unique=True))
    def test_heights_are_those_of_the_definition(self, places):
        distances = squareform(pdist(np.array(places, float)[:, None] ** 1.1))
        np.testing.assert_allclose(Tree.of(distances).joins[:, 2], average_linkage(distances), rtol=1e-9)

    @given(st.integers(2, 40), st.integers(0, 10**6))
    def test_no_two_branches_cross(self, count, seed):
        """A join spans leaves that are side by side, and stands in their midst: what scipy draws too."""
        tree = Tree.of(squareform(pdist(np.random.default_rng(seed).random((count, 2)))))
        assert sorted(tree.order.tolist()) == list(range(count))
        drawn = scipy.cluster.hierarchy.dendrogram(tree.joins, no_plot=True)
        assert drawn["leaves"] == tree.order.tolist()
        theirs = {
            tuple(sorted(((u - 5) / 10, (v - 5) / 10))) + (round(h, 12),)
            for (u, _, v, _), (_, h, _, _) in zip(drawn["icoord"], drawn["dcoord"])
        }
        ours = {tuple(sorted((line[1][1], line[2][1]))) + (round(line[1][0], 12),) for line in tree.lines()}
        assert ours == theirs

    def test_a_chain_of_hundreds(self):
        """The deepest tree that there can be, of more sets than are arranged: each set is farther away than all before together."""
        places = 2.2 ** np.arange(850)
        tree = Tree.of(abs(places[:, None] - places))
        assert tree.joins[:, 3].tolist() == list(range(2, 851))
        assert len(tree.lines()) == 849
        assert sorted(tree.order.tolist()) == list(range(850))

    @given(st.text(max_size=60))
    def test_shortened_names_fit_and_can_be_printed(self, name):
        found = shortened(name)
        assert len(found) <= 24
        assert found.isprintable()
        assert len(name) > 24 or not name.isprintable() or found == name


@pytest.mark.parametrize("name", ["b", "b.csv", "bb.csv", "bbbbbb", "b" * 8, "b" * 40])
@pytest.mark.parametrize("bar", ["W₁, radians", "W₂, units of the data"])
def test_no_name_is_cut_off_at_the_edge(monkeypatch, name, bar):
    """Where nothing but the rows has names, the layout left them less room than they take."""
    agg = pytest.importorskip("matplotlib.backends.backend_agg", reason="pictures are an extra")
    drawn = []
    kept = matrix.svg
    monkeypatch.setattr(matrix, "svg", lambda figure, label: (kept(figure, label), drawn.append(figure))[0])
    heat_map([name] * 3, 1.1379 * (1 - np.eye(3)), "title", "caption", bar)
    (figure,) = drawn
    axes, colours = figure.axes
    canvas = agg.FigureCanvasAgg(figure).get_renderer()
    assert min(label.get_window_extent(canvas).x0 for label in axes.yaxis.get_ticklabels()) >= 0
    assert colours.yaxis.label.get_window_extent(canvas).x1 <= figure.bbox.width
