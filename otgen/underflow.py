"""Numbers that underflow are what otgen reckons with, and charges its bounds for: in numpy's default they vanish in silence.

Whoever calls it under ``numpy.errstate(all="raise")`` asks about his own arithmetic, so that what he calls sets the default for its time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T", bound=Callable[..., Any])

_OPERATORS = ("__matmul__", "__rmatmul__", "__array__")


def may_underflow(thing: T) -> T:
    """A decorator of what is public: the function, or what is public of the class, runs where underflow is no fault.

    Examples
    --------
    >>> square = may_underflow(np.square)
    >>> with np.errstate(all="raise"):
    ...     float(square(1e-200))
    0.0
    """
    return _with_quiet_methods(thing) if inspect.isclass(thing) else _quiet(thing)


def _with_quiet_methods(thing: type) -> Any:
    for name, member in list(vars(thing).items()):
        if name.startswith("_") and name not in _OPERATORS:
            continue
        if isinstance(member, functools.cached_property):
            member.func = _quiet(member.func)
        elif isinstance(member, property) and member.fget is not None:
            setattr(thing, name, property(_quiet(member.fget)))
        elif inspect.isfunction(member):
            setattr(thing, name, _quiet(member))
    return thing


def _quiet(function: Any) -> Any:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(under="ignore"):
            return function(*args, **kwargs)

    return called
