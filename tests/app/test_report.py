"""The page: what it measures, says and draws."""

import json
import re
import tracemalloc
import types
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import otgen
from otgen.app import commands, loading
from otgen.app.files import Samples
from otgen.app.report import Quantity, clouds, demo, figures, matrix, quantities
from otgen.app.report.compare import compare
from otgen.app.report.files import Report
from otgen.app.report.page import rendered
from otgen.inputs import numerals

RNG = np.random.default_rng(0)
X, Y = RNG.random((20, 2)), RNG.random((25, 2))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    return tmp_path


def report(*arguments):
    """The page that a report writes."""
    out = CliRunner().invoke(commands.app, ["report", *map(str, arguments), "--out", "page.html", "--force"])
    assert out.exit_code == 0, out.exception
    return Path("page.html").read_text(), out.stdout


class Balanced(HTMLParser):
    """Tags that are open, and all text."""

    VOID = frozenset(("meta", "link", "br", "img"))

    def __init__(self, page):
        super().__init__()
        self.open, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


class TestPage:
    @pytest.mark.no_cover
    def test_it_needs_nothing_else(self, folder):
        page, printed = report("x.npy", "y.npy")
        assert page.count("<svg") == 2
        for known in ("http://www.w3.org", "http://purl.org", "http://creativecommons.org", "https://matplotlib.org"):
            page = page.replace(known, "")
        assert "http:" not in page
        assert "https:" not in page
        assert f"{otgen.wasserstein(X, Y).value:.5g}" in page
        assert "of these samples, not of the laws behind them" in page
        assert "of these samples, not of the laws behind them" in printed
        assert list(folder.glob("*.html*")) == [folder / "page.html"]
        assert list(folder.glob(".page*")) == []

    def test_a_verdict_in_words(self, folder):
        np.save("far.npy", Y + 3)
        page, printed = report("x.npy", "y.npy", "far.npy")
        text = " ".join(Balanced(page).text)
        assert "No difference beyond chance is shown" in text
        assert "Beyond chance: none of 19 random splits" in text
        assert "x.npy against far.npy: W₂ is" in printed
        text = "".join(Balanced(report("x.npy", "y.npy", "--splits", "0")[0]).text)
        assert "was not measured; it takes 19 more runs (--splits 19)." in text

    def test_nothing_runs_and_nothing_is_fetched(self):
        """What a name might smuggle in has no right to do anything: every page says so before all else."""
        pages = [path for path in Path(clouds.__file__).parent.glob("*.j2") if "title" in path.read_text()]
        html = rendered("base.html.j2", title="<script>alert(1)</script>", lead="<img src=//x>")
        policy = re.search(
            r'<meta charset="utf-8">\s*<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html
        )
        rules = dict(rule.split(maxsplit=1) for rule in policy[1].split(";"))
        assert rules == {
            "default-src": "'none'",
            "style-src": "'unsafe-inline'",
            "img-src": "data:",
            "base-uri": "'none'",
            "form-action": "'none'",
        }
        assert "<script" not in html
        assert "<img" not in html
        for path in pages:
            text = path.read_text()
            assert path.name == "base.html.j2" or text.startswith(('{% extends "base.html.j2" %}', "{% macro"))
            assert not re.search(r"<script|\son\w+=|javascript:|url\(", text)

    @pytest.mark.no_cover
    def test_names_are_escaped_everywhere(self, folder):
        for name in ("a$x$<b>&.csv", "_b.csv"):
            np.savetxt(name, Y, delimiter=",", header='<i>u</i>,"v&"', comments="")
        page, _ = report("a$x$<b>&.csv", "_b.csv", "--splits", "2")
        text = "".join(Balanced(page).text)
        assert "<b>" not in page
        assert "<i>" not in page
        for name in ("a$x$<b>&.csv", "_b.csv", "<i>u</i>", "v&"):
            assert name in text

    @pytest.mark.no_cover
    def test_units_stand_apart(self, folder):
        page, _ = report("x.npy", "y.npy", "--splits", "0")
        one, two = page.index("<h2>In units of the data</h2>"), page.index("<h2>In squared units of the data</h2>")
        assert one < page.index('<td data-label="distance">W₂</td>') < two < page.index("Sinkhorn divergence</td>")

    def test_where_it_comes_from(self, folder):
        Path("t.csv").write_text("id,u,v,name\n0,1,2,a\n1,2,4,b\n")
        page, printed = report("t.csv", "x.npy", "--seed", "7", "--splits", "3")
        assert "t.csv against x.npy: 2 x 20 points, 2 coordinates: u, v, by position in x.npy" in printed
        assert "noted: t.csv: left out id (it counts the rows), name (text)" in printed
        text = " ".join(Balanced(page).text)
        for part in ("SHA-256 begins with", "2 points", f"otgen {otgen.__version__}", "UTC", "name (text)"):
            assert part in text
        assert re.search(r"seed\s+7", text)

    def test_options(self, folder):
        page, _ = report("x.npy", "y.npy", "--p", "3", "--metric", "cityblock", "--epsilon", "10%", "--splits", "2")
        expected = otgen.wasserstein(X, Y, p=3, metric="cityblock").value
        assert f">{expected:.5g}<" in page
        assert "In units of the data to the power 3" in page
        assert "cityblock metric; W₃, Sinkhorn divergence with epsilon = 10 % of the mean cost" in page
        assert "sliced" not in page
        largest, _ = report("x.npy", "y.npy", "--p", "inf", "--splits", "0")
        assert "W_inf" in largest
        assert "Sinkhorn divergence" not in largest
        assert "no unit" in report("x.npy", "y.npy", "--metric", "cosine", "--splits", "0")[0]

    def test_on_a_line_slices_are_left_out(self, folder):
        for name, points in (("u.npy", X[:, 0]), ("v.npy", Y[:, :1])):
            np.save(name, points)
        page, printed = report("u.npy", "v.npy")
        assert "sliced W" not in page + printed
        assert "A sliced distance" not in page
        assert 'data-label="estimate"' not in page
        assert page.count('data-label="proven within"') == 3

    def test_very_many_points_have_no_divergence_unless_one_is_asked_for(self, folder):
        """It sweeps over all pairs: 10^10 of two files of 100 000 lines, for an hour."""
        np.save("x.npy", np.arange(20_000.0))
        np.save("y.npy", np.arange(20_000.0) + 1)
        page, out = report("x.npy", "y.npy", "--splits", "0")
        said = "no Sinkhorn divergence, which takes long for 20000 x 20000 points; --epsilon 5% asks for it"
        assert f"noted: {said}" in out
        assert said in page
        assert "with epsilon" not in page
        assert json.loads(report("x.npy", "y.npy", "--json", "--splits", "0")[1])["notes"] == [said]
        few, many = Samples("a", X[:, :1]), Samples("b", np.broadcast_to(1.0, (10**8, 1)))
        assert [one.name for one in Report().measured([few, few])] == ["W₁", "W₂", "Sinkhorn divergence"]
        assert len(Report(epsilon=0.1).measured([few, few, many])) == 3
        assert len(Report().measured([few, few, many])) == 2
        assert Report().notes([few, few]) == []

    def test_an_estimate_is_not_called_proven(self, folder):
        page, _ = report("x.npy", "y.npy", "--splits", "0")
        for label in re.findall(r'<td data-label="([a-z ]*)">± ', page):
            assert label == "estimate"
        assert page.count('data-label="estimate"') == 1
        text = " ".join("".join(Balanced(page).text).split())
        assert (
            "regularised value. A sliced distance averages 200 random directions, and its error is statistical. Seconds"
            in text
        )

    def test_orders_only_what_is_told_apart(self, folder):
        for name, cloud in (("same.npy", Y), ("near.npy", X), ("far.npy", Y + 3)):
            np.save(name, cloud)
        text = " ".join(Balanced(report("x.npy", "y.npy", "same.npy", "near.npy", "far.npy", "--splits", "0")[0]).text)
        names = [f"x.npy against {other}.npy" for other in ("near", "y", "same", "far")]
        for distance in ("W₁", "W₂", "sliced W₂", "Sinkhorn divergence"):
            assert f"{distance}: {names[0]} < {names[1]} ≈ {names[2]} < {names[3]}" in text

    def test_images(self, folder):
        np.save("i.npy", RNG.random((6, 12)))
        page, _ = report("i.npy", "i.npy", "--image", "3x4")
        assert page.count("<img") == 12
        for size in ("5x5", "3", "0x12", "axb"):
            out = CliRunner().invoke(commands.app, ["report", "i.npy", "i.npy", "--out", "p.html", "--image", size])
            assert "--image must be HEIGHTxWIDTH" in str(out.exception)

    @pytest.mark.parametrize(
        ("n", "d", "titles"),
        [
            (30, 1, ["Histograms", "Quantile functions"]),
            (30, 2, ["The plan, drawn"]),
            (30, 5, ["The plan, drawn"]),
            (1600, 2, ["Where the points lie"]),
        ],
    )
    def test_pictures_by_coordinates_and_points(self, n, d, titles):
        x, y = (
            Samples(name, RNG.random((n, d)), weights) for name, weights in (("a.npy", None), ("b.npy", RNG.random(n)))
        )
        plan = otgen.wasserstein(x.points[:30], y.points[:30]).plan
        found = clouds.sets_drawn(x, y, plan, "W₂")
        assert [figure.title for figure in found] == titles
        for figure in found:
            Balanced(figure.markup)
            assert "a.npy" in figure.markup

    def test_points_that_are_all_one(self):
        one = Samples("a.npy", np.zeros((3000, 2)))
        assert "<svg" in clouds.sets_drawn(one, one, None, "W₂")[0].markup
        line = Samples("a.npy", np.zeros(5))
        assert len(clouds.sets_drawn(line, line, None, "W₂")) == 2

    @pytest.mark.no_cover
    def test_phones_get_cards(self, folder):
        page, _ = report("x.npy", "y.npy", "--splits", "0")
        assert "table.cards td::before { content: attr(data-label)" in page
        labels = set(re.findall(r'data-label="([^"]*)"', page.split("<body>")[1]))
        assert labels == {
            "distance",
            "value",
            "proven within",
            "estimate",
            "width",
            "chance alone",
            "seconds",
            "peak MB",
        }


def plan_of(masses):
    """A plan that carries these masses on a diagonal."""
    return types.SimpleNamespace(matrix=scipy.sparse.diags_array(np.asarray(masses, float)).tocsr())


class TestCaptions:
    def test_all_pairs(self):
        assert clouds.pairs_of(plan_of([1, 2]), 5).told == "all 2 pairs of the plan"
        assert clouds.pairs_of(plan_of([1]), 5).told == "all 1 pair of the plan"

    def test_ties_are_spread_and_said(self):
        found = clouds.pairs_of(plan_of(np.ones(100)), 10)
        assert found.told == "10 of the 100 pairs of the plan, which all carry the same mass"
        assert found.rows.min() == 0
        assert found.rows.max() == 99

    def test_the_heaviest(self):
        assert (
            clouds.pairs_of(plan_of([4, 3, 2, 1]), 2).told
            == "the 2 heaviest of the 4 pairs of the plan, 70 % of the mass"
        )
        told = clouds.pairs_of(plan_of([4, 1, 1, 1, 0.5]), 3).told
        assert told.endswith("the 1 heaviest, and some of the 3 that tie behind them")
        assert "2 of the 3 heaviest of the 4" in clouds.pairs_of(plan_of([1, 1, 1, 0.5]), 2).told

    @given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 3.5]), min_size=1, max_size=30), st.integers(1, 12))
    def test_none_that_is_left_out_is_heavier(self, masses, count):
        found = clouds.pairs_of(plan_of(masses), count)
        assert len(found.rows) == min(count, len(masses))
        assert len(set(found.rows.tolist())) == len(found.rows)
        left = np.delete(masses, found.rows)
        assert not len(left) or left.max() <= found.masses.min()


class TestHeatMap:
    @given(st.tuples(*[st.floats(0, 1)] * 3))
    def test_ink_stands_out_on_every_colour(self, colour):
        """WCAG 2 asks for a ratio of 4.5 of text of this size; black or white always reaches it."""
        ink = {"black": 0.0, "white": 1.0}[figures.readable_ink(colour)]
        high, low = sorted((figures.luminance(colour), ink), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5

    def test_it_has_a_bar_and_a_diagonal(self):
        values = np.array([[0.0, 40.0], [40.0, 0.0]])
        markup = matrix.heat_map(["a", "b"], values, "title", "caption", "W₂, in grey levels", "{:.0f}").markup
        assert "W₂, in grey levels" in markup
        assert markup.count(">0</text>") >= 2
        assert markup.count(">40</text>") >= 2


class TestMeasurements:
    def test_kernels_are_loaded_before_time_is_taken(self, monkeypatch):
        """A run during which a kernel came into memory is done again; one that found all of them is not."""
        counts = iter([3, 4])
        monkeypatch.setattr(loading, "_loaded", lambda: next(counts))
        runs = iter([9.0, 0.1])
        assert loading.kernels_loaded(lambda: next(runs), lambda seconds: seconds) == 0.1
        counts, runs = iter([4, 4]), iter([0.2])
        assert loading.kernels_loaded(lambda: next(runs), lambda seconds: seconds) == 0.2

    def test_seconds_are_those_of_a_run_whose_memory_is_not_counted(self):
        """Counting makes what is short take two to four times as long."""
        counted = []

        def run(*sides, **options):
            result = otgen.wasserstein(*sides, **options)
            counted.append((result, tracemalloc.is_tracing()))
            return result

        [row] = compare("c", X, Y, measured=[Quantity("W₂", "units of the data", run)], count=2).rows
        assert [tracing for result, tracing in counted if result is row.result] == [False]
        assert any(tracing for _, tracing in counted)
        assert row.peak > 0

    def test_nothing_is_loaded_after_the_splits(self):
        compare("warm", X, Y, count=1)
        before = loading._loaded()
        assert before > 0
        compare("again", X, Y, count=1)
        assert loading._loaded() == before

    def test_quantities(self):
        assert [one.unit for one in quantities()] == [*["units of the data"] * 3, "squared units of the data"]
        assert [one.unit for one in quantities(2.0, "great_circle")] == ["radians", "squared radians"]
        assert [one.name for one in quantities(1.5)] == ["W₁.₅", "sliced W₁.₅", "Sinkhorn divergence"]

    def test_values_have_the_digits_of_their_interval_or_error(self):
        found = {row.distance: row for row in compare("c", X, X).rows}
        assert found["W₂"].value == "0"
        divergence = found["Sinkhorn divergence"]
        lower, upper = divergence.result.lower, divergence.result.upper
        assert lower <= float(divergence.value) <= upper
        assert (
            len(divergence.value.split("e")[0].lstrip("-0.").replace(".", "")) < 5
        )  # near 0, in an interval around it
        sliced = {row.distance: row for row in compare("c", X, Y + 3).rows}["sliced W₂"]
        assert sliced.value == numerals.beside_error(sliced.result.value, sliced.result.standard_error)

    def test_rows_say_whose_they_are(self):
        found = compare("c", X, Y, count=3)
        for row in found.rows:
            assert row.peak > 0
            assert (row.chance is None) == (row.distance == "Sinkhorn divergence")
        assert found.headline.distance == "W₂"


def test_demo(tmp_path):
    said = []
    page, comparisons = demo(tmp_path / "deep" / "report.html", said.append, count=2)
    text = page.read_text()
    assert [c.name for c in comparisons] == [*("other 3s", "blurred 3s", "noisy 3s", "3s with modes dropped", "8s")]
    assert text.count("<img") == 24
    assert text.count("<svg") == 3
    assert len(said) == 6
    for comparison in comparisons:
        for row in comparison.rows:
            assert row.peak > 0
            if row.distance in ("W₁", "W₂"):
                assert row.result.lower <= row.result.value <= row.result.upper
                assert row.result.status is otgen.Status.OPTIMAL
    assert json.dumps([c.headline.chance.to_dict() for c in comparisons])
