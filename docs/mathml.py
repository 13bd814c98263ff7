"""Formulas as MathML, written when the pages are built: browsers show them by themselves, without a network or a script."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app):
    """Make ``mathml`` a name that html_math_renderer may have."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator, node):
    translator.body.append(_converted(node.astext(), "inline", node))
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
        translator.body.append(_converted(latex, "block", node))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def _converted(latex, display, node):
    try:
        return convert(latex, display=display)
    except Exception as error:  # the converter has a dozen of its own, of no common kind
        logger.warning("formula %r cannot be shown: %s", latex, error, location=node)
        return f"<code>{nodes.unescape(latex)}</code>"
