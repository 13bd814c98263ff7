"""What the server of processes imports: everything, and every kernel of the calls, on one thread, so that its children may be forked."""

import tempfile
from pathlib import Path

from . import table as table
from .calls import CALLS

with tempfile.TemporaryDirectory() as _place:
    for _call in CALLS.values():
        _call(Path(_place))
