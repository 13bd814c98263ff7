"""Every public name has its place in the documentation, and what stands there exists."""

import importlib
from pathlib import Path

import pytest

import otgen

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
        pytest.importorskip("torch")
    if package == "estimators":
        pytest.importorskip("sklearn")
    public = set(importlib.import_module(f"otgen.{package}").__all__) - MODULES
    assert {f"otgen.{package}.{name}" for name in public} <= listed()


def test_what_is_listed_exists():
    pytest.importorskip("torch")
    for name in listed():
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
        assert thing.__doc__, name
