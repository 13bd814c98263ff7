"""Pictures, tables and self-contained HTML pages; nothing below imports this."""

from .compare import Comparison, Row, compare
from .demo import demo
from .page import checked, write_page
from .theorems import write_theorems

__all__ = ["Comparison", "Row", "checked", "compare", "demo", "write_page", "write_theorems"]
