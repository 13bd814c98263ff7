"""Options that choose what is read of files, where these have no such thing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InvalidInput
from ..words import listed
from .reading import ending, is_piped, is_table


def check_choices(
    paths: Sequence[Path], *, columns: list[str] | None = None, weights: str | None = None, key: str | None = None
) -> None:
    """Refuse options that fit none of the files, and weights that one cannot hold, before any is read."""
    told = listed(tuple(path.name for path in paths))
    tables = any(map(is_table, paths))
    archives = any(is_piped(path) or ending(path) == ".npz" for path in paths)
    if key and not archives:
        raise InvalidInput(
            f"--key must be for an npz, of which it chooses an array; received it for {told}; leave it out"
        )
    if columns and not tables:
        raise InvalidInput(f"--columns must be for tables; received it for {told}; slice the arrays")
    bare = tuple(path.name for path in paths if weights and not is_piped(path) and ending(path) == ".npy")
    if bare:  # their points would count alike beside others that do not
        raise InvalidInput(
            f"--weights must be for tables and npz files, which hold them beside points; received it for {listed(bare)}; save npz files with both"
        )
