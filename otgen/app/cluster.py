"""A Dask cluster as the workers of joblib: reached, manned and of our version before any work starts."""

from __future__ import annotations

import contextlib
import pkgutil
from collections.abc import Generator
from typing import Any

from .._version import __version__
from ..errors import InvalidInput, require

_SECONDS = 30  # that a scheduler may take to answer, and to have a worker


@contextlib.contextmanager
def dask(scheduler: str) -> Generator[None]:
    """What joblib runs within this is done by the workers of the Dask scheduler at an address.

    Parameters
    ----------
    scheduler : str
        Such as ``tcp://host:8786``.

    Raises
    ------
    InvalidInput
        Where nothing answers at the address, no worker comes, or a worker has no otgen, or one of another version.
    MissingExtra
        Without Dask's ``distributed``, or joblib.
    """
    distributed, joblib = require("distributed"), require("joblib")
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(distributed.Client(scheduler, timeout=_SECONDS))
        except (OSError, ValueError) as fault:
            raise InvalidInput(
                f"--scheduler must be the address of a Dask scheduler; received {scheduler!r}, where none answers ({_first_line(fault)}); "
                f"start one by `dask scheduler`, which prints it"
            ) from None
        try:
            client.wait_for_workers(1, timeout=_SECONDS)
        except TimeoutError:
            raise InvalidInput(
                f"--scheduler must have workers; received {scheduler}, without any for {_SECONDS} seconds; start some by "
                f"`dask worker {scheduler}`"
            ) from None
        _check_versions(client)
        stack.enter_context(joblib.parallel_config(backend="dask"))
        yield


def _check_versions(client: Any) -> None:
    """Refuse workers that would fail, or find other bits, once tiles are there."""
    found = client.run(pkgutil.resolve_name, "otgen:__version__", on_error="return")
    for address, version in sorted(found.items()):
        if version != __version__:
            has = (
                f"with otgen {version}"
                if isinstance(version, str)
                else f"which cannot load it ({_first_line(version)})"
            )
            raise InvalidInput(
                f"workers of --scheduler must have otgen {__version__}; received {address}, {has}; install the same version there"
            )


def _first_line(fault: Any) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]
