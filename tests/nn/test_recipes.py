"""The recipes' scripts for Lightning, an epoch each: by the package where it is installed, else by what it documents."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
import lightning_surface

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not part of a source distribution")


def script(page):
    """The block of Python of a page, cut down to one epoch."""
    text = (DOCS / page).read_text(encoding="utf-8")
    start = text.index(".. code-block:: python\n") + len(".. code-block:: python\n")
    lines = text[start:].splitlines()
    end = next((k for k, line in enumerate(lines) if line and not line.startswith("   ")), len(lines))
    whole = textwrap.dedent("\n".join(lines[:end]))
    assert whole.count("max_epochs=") == 1
    head, _, tail = whole.partition("max_epochs=")
    return f"{head}max_epochs=1{tail[tail.index(',') :]}"


@pytest.mark.parametrize(
    ("page", "logged"),
    [("recipe-wgan-gp.rst", "estimate"), ("recipe-wae.rst", "penalty"), ("recipe-flow-matching.rst", "loss")],
)
def test_a_script_trains_every_part_of_its_model(page, logged, monkeypatch):
    if importlib.util.find_spec("lightning") is None:
        monkeypatch.setitem(sys.modules, "lightning", lightning_surface.module())
    held = {"__name__": "recipe"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the package: few workers, no logger
        exec(compile(script(page), page, "exec"), held)
    assert held["trainer"].callback_metrics[logged].isfinite()
    torch.manual_seed(0)
    fresh = held["Model"]()
    for part, new in zip(held["model"].children(), fresh.children()):
        assert all(z.isfinite().all() for z in part.parameters())
        assert any(not torch.equal(z, other) for z, other in zip(part.parameters(), new.parameters()))


def test_what_stands_in_for_the_package_refuses_what_it_refuses():
    model = lightning_surface.LightningModule()
    with pytest.raises(RuntimeError, match="manual"):
        model.manual_backward(torch.zeros((), requires_grad=True))
    with pytest.raises(TypeError):
        lightning_surface.Trainer(max_epochs=1, gpus=1)
