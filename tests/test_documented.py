"""Every public name has its place in the documentation, and what stands there exists."""

import dataclasses
import importlib
import inspect
import io
import math
import re
import runpy
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import otgen
from otgen.proofs.projections import Frames
from otgen.solvers.base import ExactName

API = Path(__file__).parents[1] / "docs" / "api"
pytestmark = pytest.mark.skipif(not API.is_dir(), reason="the documentation is not part of a source distribution")
PACKAGES = ("divergences", "estimators", "laws", "nn", "nn.critics", "solvers")
MODULES = {"coupling", "critics", "distributed", "flow_matching", "objectives"}  # of nn; what they hold is listed


def listed():
    """Full names of all that the reference lists."""
    names = set()
    for page in API.glob("*.rst"):
        module = "otgen"
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split("::")[1].strip()
            elif line.startswith("   ") and not line.strip().startswith(":"):
                names.add(f"{module}.{line.strip()}")
    return names


def test_names_of_the_package():
    here = {name for name in otgen.__all__ if name != "__version__" and name not in (*PACKAGES, "lab")}
    assert {f"otgen.{name}" for name in here} <= listed()


@pytest.mark.parametrize("package", PACKAGES)
def test_names_of_a_package(package):
    if package.startswith("nn"):
        pytest.importorskip("torch", reason="otgen.nn needs torch")
    if package == "estimators":
        pytest.importorskip("sklearn")
    public = set(importlib.import_module(f"otgen.{package}").__all__) - MODULES
    assert {f"otgen.{package}.{name}" for name in public} <= listed()


def found(name):
    """What a full name stands for."""
    parts, at = name.split("."), 1
    thing = otgen
    for at in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:at]))
            break
        except ModuleNotFoundError:
            continue
    for part in parts[at:]:
        thing = getattr(thing, part)
    return thing


def test_what_is_listed_exists():
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    for name in listed():
        assert found(name).__doc__, name


def test_sections_hold_names():
    """A sentence that slips into a list of parameters is shown in bold, markup and all, as if it were one of them."""
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    docscrape = pytest.importorskip("numpydoc.docscrape")
    plain = re.compile(r"[\w*.]+(, [\w*.]+)*")
    for name in listed():
        thing = found(name)
        members = vars(thing).values() if inspect.isclass(thing) else ()
        for one in (thing, *members):
            sections = docscrape.NumpyDocString(inspect.getdoc(one) or "") if callable(one) else {}
            for section in ("Parameters", "Attributes", "Other Parameters"):
                for entry in sections[section] if sections else ():
                    assert plain.fullmatch(entry.name), f"{name}, {section}: {entry.name}"


def test_what_is_inherited_from_others_is_left_to_them():
    """A loss shows what is its own, not fifty methods of nn.Module, and a number with bounds none of float's."""
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    pytest.importorskip("torchmetrics")
    conf = (API.parent / "conf.py").read_text(encoding="utf-8")
    left = set(re.search(r'"inherited-members": "([^:}]*)"', conf)[1].replace('"', "").replace("\n", "").split(", "))
    left = {name.strip() for name in left}
    for name in listed():
        thing = found(name)
        for base in thing.__mro__ if inspect.isclass(thing) else ():
            if base.__name__ in left:
                break
            shown = [one for one in vars(base) if not one.startswith("_")]
            assert base.__module__.startswith("otgen") or not shown, f"{name} shows {shown[:3]} of {base.__name__}"


def test_solvers_are_named_where_they_are_chosen():
    said = inspect.getdoc(otgen.wasserstein)
    assert all(f'"{name}"' in said for name in get_args(ExactName))


def test_fields_of_a_result_are_described():
    """Those that anybody may read."""
    docscrape = pytest.importorskip("numpydoc.docscrape")
    entries = docscrape.NumpyDocString(inspect.getdoc(otgen.Result))["Attributes"]
    told = {one for entry in entries for one in entry.name.split(", ")}
    assert told == {field.name for field in dataclasses.fields(otgen.Result)} - {"makers"}


@pytest.mark.parametrize(
    ("where", "said", "constant", "value"),
    [
        ("otgen.solvers.Simplex", "Up to 2**18 pairs", "kernels.dense_simplex.LARGEST", 2**18),
        ("otgen.solvers.Simplex", "at most 2**12 points a side", "kernels.dense_simplex.LONGEST", 2**12),
        ("otgen.solvers.Simplex", "up to 2**20 between", "kernels.dense_simplex.ASSIGNED", 2**20),
        ("otgen.solvers.Simplex", "of 2**-61 of the total", "kernels.whole_masses.UNITS", 2**61),
        ("otgen.solvers.Bottleneck", "61-bit whole numbers", "solvers.bottleneck._BITS", 61),
        ("otgen.solvers.Sinkhorn", "at least 1e-12 of the largest cost", "solvers.sinkhorn._LEAST", 1e-12),
        ("otgen.solvers.Auto", "more than 2**16 pairs", "solvers.auto._FEW_PAIRS", 2**16),
        ("otgen.solvers.LinearProgram.solve", "above four million pairs", "solvers.linprog._PAIRS", 4_000_000),
        ("otgen.max_sliced_wasserstein", "up to a million pairs", "distances.max_sliced._PAIRS", 1_000_000),
        ("otgen.max_sliced_wasserstein", "up to 256 dimensions", "distances.slices.ascent._MOMENTS", 256),
        ("otgen.semidiscrete", "1024 draws a point", "distances.semidiscrete.fit._LIMIT", 1024),
        (
            "otgen.semidiscrete",
            "and 2**20 at least unless said otherwise; 64 and 2**14",
            "distances.semidiscrete.fit._LEAST",
            (2**14, 2**20),
        ),
        ("otgen.semidiscrete", "64 and 2**14", "distances.semidiscrete.fit._FIRST", 64),
        (
            "otgen.semidiscrete",
            "at most 64 draws a point, or 2**16",
            "distances.semidiscrete.fit._CHECKED_LEAST",
            2**16,
        ),
        ("otgen.SemidiscreteMap.held_out", "Draws, 30 at least", "distances.semidiscrete.held_out.LEAST", 30),
        ("otgen.confidence_interval", "fewer than 50 points a side", "distances.confidence._POINTS", 50),
        ("otgen.confidence_interval", "``n ** 0.8`` unless", "distances.confidence._EXPONENT", 0.8),
        ("otgen.confidence_interval", "a test with 99 deals", "distances.confidence._DEALS", 99),
        ("otgen.distances.batch", "up to 65 536 pairs", "kernels.sinkhorn_small.PAIRS", 65_536),
        ("otgen.sinkhorn_divergence", "or 1e-6 if that is more", "distances.nearly_equal.CLOSE", 1e-6),
        ("otgen.Measure", "any total up to 1e300", "inputs.arrays._HEAVIEST", 1e300),
    ],
)
def test_numbers_that_are_told_are_those_that_decide(where, said, constant, value):
    assert said in " ".join((inspect.getdoc(found(where)) or "").split())
    assert found(f"otgen.{constant}") == pytest.approx(value, rel=1e-7)


def test_errors_are_of_the_kinds_of_python_that_they_say():
    errors = [one for one in vars(otgen.errors).values() if inspect.isclass(one) and issubclass(one, otgen.OtgenError)]
    public = [one for one in errors if not one.__name__.startswith("_") and one is not otgen.OtgenError]
    assert len(public) == 6
    for one in public:
        said = re.findall(r"``(\w*Error)``|`(InvalidInput)`", inspect.getdoc(one))
        kinds = {name for pair in said for name in pair if name}
        assert kinds, one
        assert kinds <= {base.__name__ for base in one.__mro__}, one


@pytest.mark.parametrize("picture", ["pictures/closing.py", "examples/plot_interval.py"])
def test_an_interval_that_is_said_to_close_does(picture):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with pyplot.rc_context({"backend": "agg"}):
        drawn = runpy.run_path(str(API.parent / picture))
        pyplot.close("all")
    lower, upper = drawn["lower"], drawn["upper"]
    truth = otgen.wasserstein(drawn["x"], drawn["y"], solver="linprog").value
    assert upper[0] - lower[0] > 0.05 * truth
    assert upper[-1] - lower[-1] < 1e-12 * truth
    assert all(low - 1e-9 <= truth <= high + 1e-9 for low, high in zip(lower, upper))
    assert len(set(upper - lower)) > 10


NUMBERS = [  # a page, what stands there, the constant that says so, and how
    ("plans", "up to {} million entries", "model.plan.base.DENSE_AT_MOST", lambda entries: entries // 10**6),
    ("how-to-choose", "more than 2^{} pairs where p > 1", "solvers.auto._FEW_PAIRS", math.log2),
    ("how-to-choose", "down to {} of the largest cost", "solvers.sinkhorn._LEAST", "{:.0e}".format),
    ("neighbors", "{} queries are open at a time", "distances.pairs.asking._OPEN", {16: "sixteen"}.get),
    ("neighbors", "Intervals take {} bytes", "distances.pairs.intervals._BYTES", int),
    ("pairwise", "at most {} MB unless", "distances.pairs.tiles._BYTES", lambda of_a_side: 2 * of_a_side >> 20),
    ("pairwise", "handed to it {} a worker", "distances.pairs.running._AT_ONCE", {8: "eight"}.get),
    ("command-line", "up to {} pairs of points", "app.chance._SMALL", lambda pairs: f"{pairs:,}".replace(",", " ")),
    (
        "command-line",
        "or {} points on a line",
        "app.chance._SMALL_LINE",
        lambda points: f"{points:,}".replace(",", " "),
    ),
    ("command-line", "none of {} splits lies as far", "distances.splits.SPLITS", int),
    ("training", "{} of 1797 held out", "lab.training.data._HELD_OUT", int),
    ("training", "({} samples, within", "lab.training.scores._SAMPLES", int),
    ("training", "or {} draws of a law", "lab.training.data._DRAWN", int),
    ("training", "each of {} snapshots", "lab.training.run._PICTURED", {8: "eight"}.get),
]


@pytest.mark.parametrize(("page", "said", "constant", "told"), NUMBERS)
def test_numbers_of_the_how_to_pages_are_those_of_the_code(page, said, constant, told):
    if constant.startswith("lab.training"):
        pytest.importorskip("torch", reason="otgen.lab.training needs torch")
    text = " ".join((API.parent / f"{page}.rst").read_text(encoding="utf-8").split())
    number = told(found(f"otgen.{constant}"))
    assert said.format(int(number) if isinstance(number, float) else number) in text


def test_neighbours_have_as_many_directions_as_is_said():
    counts = {}
    for d in range(2, 40):
        frames = Frames.of(np.random.default_rng(0).normal(size=(100, d)), 2.0).frames
        counts[d] = sum(len(frame.directions) for frame in frames)
    text = " ".join((API.parent / "neighbors.rst").read_text(encoding="utf-8").split())
    assert f"in the plane {counts.pop(2)} directions, at most {max(counts.values())} in more" in text


def test_the_first_picture_is_the_one_that_is_drawn():
    """`python docs/pictures/interval.py` writes it anew; letters may be others' by a version of matplotlib's, lines may not."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with pyplot.rc_context({"backend": "agg"}):
        picture = runpy.run_path(str(API.parent / "pictures" / "interval.py"))
        picture["figure"].canvas.draw()
        drawn = np.asarray(picture["figure"].canvas.buffer_rgba()) / 255
        pyplot.close("all")
    stored = pyplot.imread(picture["STORED"])
    assert stored.shape == drawn.shape
    assert np.abs(stored - drawn).mean() < 0.005


def test_the_picture_of_digits_is_what_its_script_draws():
    """Of the samples, which take minutes to train, their places alone; of the real digits, all of it."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    training = pytest.importorskip("otgen.lab.training", reason="training needs torch")
    from otgen.app.report.training import side_by_side

    script = runpy.run_path(str(API.parent / "pictures" / "training_digits.py"))
    run = training.train("vae", "digits", steps=1)
    held = io.BytesIO()
    side_by_side(dict.fromkeys(script["METHODS"], run)).savefig(held, dpi=script["DPI"], format="png")
    drawn = pyplot.imread(io.BytesIO(held.getvalue()))
    stored = pyplot.imread(script["STORED"])
    assert stored.shape == drawn.shape
    above, left = len(drawn) // 2, drawn.shape[1] // 5
    assert np.abs(stored - drawn)[20:above, :left].mean() < 0.01
    assert np.abs(stored - drawn)[20:above, left : 2 * left].mean() > 0.05
