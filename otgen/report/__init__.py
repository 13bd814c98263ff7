"""Pictures, tables and one self-contained HTML page; nothing below imports this."""

from .compare import Comparison, Row, compare
from .demo import demo
from .page import write_page

__all__ = ["Comparison", "Row", "compare", "demo", "write_page"]
