"""Pictures, tables and self-contained HTML pages; nothing below imports this."""

from .compare import Comparison, Quantity, Row, compare, quantities
from .demo import demo
from .page import write_page
from .theorems import write_theorems

__all__ = ["Comparison", "Quantity", "Row", "compare", "demo", "quantities", "write_page", "write_theorems"]
