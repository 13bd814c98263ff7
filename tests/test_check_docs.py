"""What reads the built documentation finds what was planted, and nothing in a page that is right."""

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "check_docs.py"
pytestmark = pytest.mark.skipif(not TOOL.is_file(), reason="tools are not part of a source distribution")
GOOD = (
    '<html><head><link rel="canonical" href="https://otgen.example/"><link rel="stylesheet" href="_static/a.css"></head>'
    '<body><article><p>See <a href="https://mutmut.readthedocs.io">mutmut</a>, <code>``x``</code>, 2**53.</p>'
    "<pre>.. math:: x</pre></article></body></html>"
)


@pytest.fixture(scope="module")
def faults_of():
    spec = importlib.util.spec_from_file_location("check_docs", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.faults_of


def test_a_page_that_is_right(faults_of):
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(
    "planted",
    [
        '<script async src="https://cdn.example/mathjax.js"></script>',
        '<script src="//cdn.example/mathjax.js"></script>',
        '<link rel="stylesheet" href="https://fonts.example/a.css">',
        '<img alt="" src="http://example/a.png">',
        "<strong>Where ``of_samples`` is True</strong>",
        "<p>:meth:`chance` does</p>",
        "<p>.. plot:: a.py</p>",
        "<dd>Alias for field number 0</dd>",
    ],
)
def test_what_is_planted(faults_of, planted):
    assert faults_of(GOOD.replace("</article>", planted + "</article>"))
