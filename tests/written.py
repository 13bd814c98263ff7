"""Tables of text, written where the test is and read as the command line reads them."""

from pathlib import Path

from otgen.app import files


def table(text, name="t.csv", **options):
    Path(name).write_text(text, newline="")
    return files.read(name, **options)
