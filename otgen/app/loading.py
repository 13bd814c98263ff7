"""Time that is the computation's own: what compiling and loading kernels takes is not counted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import require

FEW = 300  # points of each side that kernels are loaded with
WORTH = 10.0  # seconds up to which a computation that loaded kernels is run again

T = TypeVar("T")


def first_points(*sides: Any) -> tuple[Any, ...]:
    """The beginnings of two sets, without their weights."""
    return tuple(side[:FEW] for side in sides[:2])


def kernels_loaded(run: Callable[[], T], seconds: Callable[[T], float]) -> T:
    """What ``run`` returns, run once more where it was short and kernels were loaded during it.

    Parameters
    ----------
    run : callable
        The computation.
    seconds : callable
        How long it took, from what it returns.

    Examples
    --------
    >>> kernels_loaded(lambda: 0.5, seconds=lambda found: found)
    0.5
    """
    before = _loaded()
    found = run()
    return run() if _loaded() > before and seconds(found) < WORTH else found


def _loaded() -> int:
    """How many kernels are in memory, one for each signature."""
    dispatcher = require("numba.core.dispatcher").Dispatcher
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("otgen.kernels.")]
    kernels = {id(one): one for module in modules for one in vars(module).values() if isinstance(one, dispatcher)}
    return sum(len(one.overloads) for one in kernels.values())
