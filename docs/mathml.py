"""Formulas as MathML, written when the pages are built: browsers show them by themselves, without a network or a script."""

from html import escape

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

logger = logging.getLogger(__name__)
converter = LatexToMathML()


def setup(app):
    """Make ``mathml`` a name that html_math_renderer may have."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator, node):
    translator.body.append(_converted(node.astext(), False, node))
    raise nodes.SkipNode


def _block(translator, node):
    """Formulas apart by blank lines are formulas of their own; ``\\\\`` breaks and ``&`` aligns the lines of one."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({translator.encode(str(node["number"]))})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    for formula in filter(str.strip, node.astext().split("\n\n")):
        aligned = r"\\" in formula and r"\begin" not in formula
        latex = rf"\begin{{aligned}}{formula}\end{{aligned}}" if aligned else formula
        translator.body.append(_converted(latex, True, node))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def _converted(latex, display, node):
    try:
        return converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        logger.warning("formula %r cannot be shown: %s", latex, error, location=node)
        return f"<code>{escape(latex)}</code>"
