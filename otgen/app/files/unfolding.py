"""Files that unfold: what would grow beyond reason is refused before it is unfolded."""

from __future__ import annotations

import gzip
import io

from ...errors import InvalidInput

_LARGE = 64_000_000  # bytes below which a compressed file may unfold as it likes
_RATIO = 100


def refuse_bombs(what: str, packed: int, unfolded: int, remedy: str) -> None:
    """Raise `InvalidInput` where ``unfolded`` bytes are too many for ``packed`` ones."""
    if unfolded > _LARGE and unfolded > _RATIO * packed:
        raise InvalidInput(
            f"{what} must unfold to at most {_RATIO} times its size; received {packed} bytes that would unfold to {unfolded} or more; {remedy}"
        )


def ungzipped(name: str, content: bytes) -> bytes:
    """What a gz file holds; never more than what is allowed is unfolded."""
    most = max(_LARGE, _RATIO * len(content))
    with gzip.open(io.BytesIO(content)) as stream:
        unfolded = stream.read(most + 1)
    refuse_bombs(name, len(content), len(unfolded), "unpack it yourself if that is meant")
    return unfolded
