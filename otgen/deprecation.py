"""How what is public goes: a release warns and does as before, a later one has it no more."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from . import errors
from .errors import InvalidInput


class Leaving(NamedTuple):
    """What is to be used in its place, the release that warns first, and the one that has it no more."""

    instead: str
    since: str
    gone: str


LEAVING: dict[str, Leaving] = {}  # by name: a test reads it, and fails where a promise to go is due


def leave(name: str, *, instead: str, since: str, gone: str) -> None:
    """Enter what is to go."""
    LEAVING[name] = Leaving(instead, since, gone)


def warn(name: str) -> None:
    """A DeprecationWarning at the line that called otgen, wherever in otgen it is found out."""
    instead, since, gone = LEAVING[name]
    message = f"{name} is deprecated since otgen {since} and goes with {gone}; use {instead}"
    errors.warn(message, DeprecationWarning)


def renamed_option(old: str, new: str, *, since: str, gone: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: the keyword ``old`` is taken for ``new``, with a warning; both at once are refused."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = f"{function.__qualname__}({old}=)"
        leave(name, instead=f"{new}=", since=since, gone=gone)

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            if old not in options:
                return function(*arguments, **options)
            if new in options:
                raise InvalidInput(f"{new} must be given once; received {old} as well, its older name; leave {old} out")
            warn(name)
            options[new] = options.pop(old)
            return function(*arguments, **options)

        return call

    return decorate


def moved(module: str, homes: dict[str, str], *, since: str, gone: str) -> Callable[[str], Any]:
    """A ``__getattr__`` for a module whose names have moved: ``homes`` says where to, as ``package.module.name``."""
    for old, new in homes.items():
        leave(f"{module}.{old}", instead=new, since=since, gone=gone)

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn(f"{module}.{name}")
        home, _, attribute = homes[name].rpartition(".")
        __import__(home)
        return getattr(sys.modules[home], attribute)

    return find
