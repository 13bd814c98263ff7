"""Sample sets from files: npy, npz, csv, tsv, txt and parquet, gz or not, or the standard input."""

from .choices import check_choices
from .matching import aligned, matched
from .names import listed_in
from .reading import ending, is_piped, is_table, read
from .samples import Samples
from .tables import told_left_out

__all__ = [
    "Samples",
    "aligned",
    "check_choices",
    "ending",
    "is_piped",
    "is_table",
    "listed_in",
    "matched",
    "read",
    "told_left_out",
]
