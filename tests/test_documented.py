"""Every public name has its place in the documentation, and what stands there exists."""

import dataclasses
import importlib
import inspect
import re
import runpy
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import otgen
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
