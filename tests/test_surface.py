"""The public surface is what it was: what goes, or changes, is seen in a diff."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="otgen.nn needs torch")
import surface  # after torch, which otgen.nn asks for

import otgen

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="signatures are printed in other words")
def test_it_is_the_one_that_is_kept():
    kept = surface.KEPT.read_text(encoding="utf-8").splitlines()[1:]
    found = surface.lines()
    gone, new = sorted(set(kept) - set(found)), sorted(set(found) - set(kept))
    assert not gone, f"gone or changed, which breaks those who use it: {gone}; in its place: {new}"
    assert not new, f"new: {new}; python tests/surface.py writes them down"


def test_every_public_name_is_in_it():
    kept = surface.KEPT.read_text(encoding="utf-8")
    modules = {*surface.PACKAGES, "lab"}
    assert all(f"\notgen.{name}" in kept for name in otgen.__all__ if name not in modules)


def test_a_change_is_seen():
    def before(x, *, p=2): ...

    def after(x, *, p=1): ...

    assert list(surface.told("f", before)) == ["f(x, *, p=2)"] != list(surface.told("f", after))


def test_the_citation_is_of_this_version():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited
    assert cited[1] == otgen.__version__
