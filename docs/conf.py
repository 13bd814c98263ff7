"""Sphinx configuration: numpydoc, a gallery that runs, warnings as errors, no network."""

import sys
from pathlib import Path

import otgen

sys.path.insert(0, str(Path(__file__).parent))
import house_page
import lab_pages

project = "otgen"
author = "The otgen authors"
copyright = "2026, the otgen authors"
release = otgen.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
html_theme = "furo"
html_title = "otgen"
exclude_patterns = ["_build", "examples"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "show_signature": False,
    "download_all_examples": False,
    "min_reported_time": 1e9,
}
nitpicky = False
suppress_warnings = ["config.cache"]


def setup(app):
    """Pages of the theorem lab come from the checks themselves, the picture of the house from the imports."""
    app.connect("builder-inited", lambda app: lab_pages.write(Path(app.srcdir) / "generated"))
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    app.connect("builder-inited", lambda app: house_page.write(Path(app.srcdir) / "generated", pyproject))
