"""The exception family: every error of otgen says the argument, the rule, what was received and the remedy. And how otgen warns."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

_OURS = str(Path(__file__).parent) + os.sep


class OtgenError(Exception):
    """Root of what otgen raises of its own kinds; files that cannot be read or written are Python's own ``OSError``, in words.

    Examples
    --------
    >>> import otgen
    >>> try:
    ...     otgen.wasserstein([0.0], [1.0], [1.0], [2.0])
    ... except otgen.OtgenError as error:
    ...     print(type(error).__name__, isinstance(error, ValueError))
    MassMismatch True
    """


class InvalidInput(OtgenError, ValueError):
    """An argument breaks a rule; a ``ValueError``, raised before work starts, but for what only the work shows, such as a cost beyond all floats."""


class MassMismatch(InvalidInput):
    """The two sides carry different total masses; an `InvalidInput`."""


class _WithResult(OtgenError):
    """An error that still hands over what was computed, as ``.result``."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class Infeasible(_WithResult, ValueError):
    """No plan with the given marginals avoids the forbidden pairs; a ``ValueError``, ``.result`` holds what proves it."""


class NotConverged(_WithResult, RuntimeError):
    """The iteration limit came before the answer; a ``RuntimeError``, ``.result`` holds the bounds reached.

    Examples
    --------
    >>> import otgen
    >>> try:
    ...     otgen.sinkhorn([0.0, 1.0, 5.0], [0.0, 3.0, 4.0], epsilon=0.01, max_iter=2)
    ... except otgen.NotConverged as error:
    ...     print(error.result.status.name, error.result.lower < error.result.upper)
    MAX_ITER True
    """


class TooLarge(OtgenError, MemoryError):
    """What is asked for would not fit in memory; a ``MemoryError``, raised before it is allocated."""


class MissingExtra(OtgenError, ImportError):
    """An optional dependency is absent or broken; an ``ImportError`` whose message names the extra that brings it."""


_EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "cupy": "cuda12",
    "typer": "cli",
    "rich": "cli",
    "pyarrow": "cli",
    "matplotlib": "plot",
    "jinja2": "plot",
    "latex2mathml": "plot",
    "sklearn": "sklearn",
    "joblib": "parallel",
}


def require(module: str) -> ModuleType:
    """Import an optional dependency, or say how to install it: the extra that brings it, or its own name where none does.

    Parameters
    ----------
    module : str
        Dotted name of the module, such as ``"matplotlib.pyplot"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtra
        If the package is not installed, or is and cannot be imported.

    Examples
    --------
    >>> require("math").sqrt(4.0)
    2.0
    """
    package = module.partition(".")[0]
    source = f"'otgen[{_EXTRAS[package]}]'" if package in _EXTRAS else package
    if not is_installed(package):
        raise MissingExtra(
            f"{package} must be installed for this; received an environment without it; run: pip install {source}"
        )
    try:
        return importlib.import_module(module)
    except Exception as fault:
        if package == __package__:
            raise
        raise MissingExtra(
            f"{package} must be whole for this; received one whose import ends in {type(fault).__name__}: {fault}; "
            f"run: pip install --force-reinstall {source}"
        ) from fault


def words_of(fault: BaseException) -> str:
    """What another library says, to stand within an error of ours: its first line, without places in memory."""
    line = str(fault).strip().partition("\n")[0].rstrip(".").replace(";", ",")
    return re.sub(r" at 0x[0-9a-fA-F]+", "", line)


def of_system(fault: OSError, rule: str, remedy: str) -> OSError:
    """An error of the system in our words, of the same kind and about the same file.

    Examples
    --------
    >>> of_system(FileNotFoundError(2, "No such file or directory", "none"), "path must be a proof file", "check the name")
    FileNotFoundError(2, 'path must be a proof file; received one of which the system says: No such file or directory; check the name')
    """
    said = f"{rule}; received one of which the system says: {fault.strerror or fault}; {remedy}"
    return OSError(fault.errno, said, fault.filename)


def is_installed(package: str) -> bool:
    """Whether a package can be imported; one that is loaded already may lack a spec, as stand-ins in tests do."""
    if package in sys.modules:
        return bool(sys.modules[package])  # None marks it as absent
    return importlib.util.find_spec(package) is not None


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the line that called otgen, wherever in otgen it is found out, and whatever was called in between."""
    frame, level, outermost = sys._getframe(), 1, 1
    while frame.f_back is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            outermost = level
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=outermost + 1)
