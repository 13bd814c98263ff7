"""What columns are called, and how they are written behind ``--columns``."""

from __future__ import annotations

import csv
import io
import shlex
import unicodedata
from collections.abc import Iterable


def tidy(name: str) -> str:
    """A name as it is compared: blanks around it and repeated ones do not count, nor how an accent is encoded.

    Examples
    --------
    >>> tidy(" body  height"), tidy("u\u0308ber") == tidy("\u00fcber")
    ('body height', True)
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def listed_in(option: str) -> list[str]:
    """The names in the value of ``--columns``: apart by commas, in double quotes where a comma is part of one.

    Examples
    --------
    >>> listed_in('u, "a,b"')
    ['u', 'a,b']
    """
    return [name for cell in next(csv.reader([option], skipinitialspace=True), []) if (name := tidy(cell))]


def option(names: Iterable[str]) -> str:
    """``--columns`` with its value, as a shell takes it.

    Examples
    --------
    >>> option(["u", "v"]), option(["body height"])
    ('--columns u,v', "--columns 'body height'")
    """
    held = io.StringIO()
    csv.writer(held, lineterminator="").writerow(names)
    return f"--columns {shlex.quote(held.getvalue())}"
