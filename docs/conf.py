"""Sphinx configuration: numpydoc, a gallery that runs, warnings as errors, no network."""

import re
import sys
from pathlib import Path

import numpydoc.xref

import otgen

sys.path.insert(0, str(Path(__file__).parent))
import house_page
import lab_pages

project = "otgen"
author = "The otgen authors"
copyright = "2026, the otgen authors"
release = otgen.__version__
extensions = [
    "matplotlib.sphinxext.plot_directive",
    "mathml",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
html_theme = "furo"
html_title = "otgen"
html_static_path = ["_static"]
html_css_files = ["otgen.css"]
html_show_search_summary = False  # it is fetched page by page, which browsers refuse for local files
html_math_renderer = "mathml"
html_copy_source = False  # and so no link "view source": the index and the search hold all there is to see
exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]
autosummary_generate = True
autosummary_filename_map = {  # Audit beside audit: one file where case does not tell names apart
    f"otgen.{name}": f"otgen.{name}-class"
    for name in otgen.__all__
    if name.lower() != name and name.lower() in otgen.__all__
}
autodoc_typehints = "none"
autodoc_default_options = {
    "member-order": "bysource",
    "exclude-members": "extra_repr, set_fit_request, set_output, get_metadata_routing",
    # What is inherited from these is theirs to document.
    "inherited-members": "Module, ImportError, BaseException, float, Enum, Sequence, tuple, Protocol, object, BaseEstimator, TransformerMixin, "
    "OneToOneFeatureMixin, ClassNamePrefixFeaturesOutMixin, Metric",
}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = {name: f"otgen.{name}" for name in otgen.__all__ if name[0].isupper()}
numpydoc_xref_ignore = "all"
numpydoc.xref.DEFAULT_LINKS.clear()  # words of Python and numpy would be links to other sites
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 150)]
plot_rcparams = {"figure.constrained_layout.use": True, "font.size": 10}
plot_apply_rcparams = True
copybutton_exclude = ".linenos, .gp, .go"  # prompts and output stay behind
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,  # that page loads scripts from elsewhere
    "default_thumb_file": str(Path(__file__).parent / "_static" / "script.png"),
    "within_subsection_order": "gallery_order.FirstPictures",
    "min_reported_time": 1e9,
}
nitpicky = False
suppress_warnings = ["config.cache"]


HANDED_BACK = "makers", "*args, **kwargs"


def signature(app, what, name, obj, options, arguments, returned):
    """A class that is only handed back, or only followed, has no call to show; what a default is called inside says nothing."""
    if what == "class" and any(mark in (arguments or "") for mark in HANDED_BACK):
        return "", returned
    return arguments and re.sub(r"=<[^<>]*(<[^<>]*>)?[^<>]*>", "=...", arguments), returned


def skipped(app, what, name, obj, skip, options):
    """Fields of named tuples, of which autodoc knows a number only; the class says what they are."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    """Pages of the theorem lab come from the checks themselves, the picture of the house from the imports."""
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skipped)
    app.connect("builder-inited", lambda app: lab_pages.write(Path(app.srcdir) / "generated"))
    pyproject = Path(__file__).parent.parent / "pyproject.toml"
    app.connect("builder-inited", lambda app: house_page.write(Path(app.srcdir) / "generated", pyproject))
