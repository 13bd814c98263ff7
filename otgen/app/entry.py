"""What the ``otgen`` script and ``python -m otgen`` call: it minds Ctrl-C before anything else is loaded, and until the process ends."""

from __future__ import annotations

import importlib
import os

_signal = importlib.import_module("_signal")  # signal itself takes longer to load than all that is loaded until then


def main() -> None:
    """Run the command line, see :func:`otgen.app.cli.main`; at an interrupt before and after it there is nothing to put away."""
    _signal.signal(_signal.SIGINT, _stopped)
    importlib.import_module(".cli", __package__).main()


def _stopped(number: int, frame: object) -> None:
    os.write(2, b"otgen: stopped\n")
    os._exit(130)
