"""A call in this process with something done to it, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import otgen

from . import kinds, state
from .calls import CALLS, INPUTS, digest
from .kinds import Outcome, Reference

_OUTPUTS = ("run",)


def ended(work: Callable[[], str], reference: str) -> tuple[str, str]:
    """How a call ended that returns its digest, and the first words of its error."""
    try:
        found = work()
    except KeyboardInterrupt as fault:
        return kinds.STOPPED, told(fault)
    except otgen.OtgenError as fault:
        return kinds.OURS, told(fault)
    except MemoryError as fault:
        return kinds.MEMORY, told(fault)
    except OSError as fault:
        return (kinds.SYSTEM if fault.errno is not None else kinds.STRAY), told(fault)
    except BaseException as fault:
        return kinds.STRAY, told(fault)
    return (kinds.RIGHT, "") if found == reference else (kinds.WRONG, "")


def told(fault: BaseException) -> str:
    """The name of an error and its first words."""
    words = " ".join(str(fault).split())[:160]
    return f"{type(fault).__name__}: {words}" if words else type(fault).__name__


def disturbed(
    name: str, place: Path, reference: Reference, fault: AbstractContextManager[Any], outputs: Sequence[str] = _OUTPUTS
) -> Outcome:
    """One call within ``fault``, then the same call left alone: its bits are those of an undisturbed run in any case."""
    call = CALLS[name]
    before = state.taken(place, INPUTS, outputs)

    def within() -> str:
        with fault:
            found = call(place)
        return digest(found)

    end, said = ended(within, reference.digest)
    spoiled = state.differing(before, place, INPUTS, outputs)
    after, words = ended(lambda: digest(call(place)), reference.digest)
    if after != kinds.RIGHT:
        spoiled += (f"the next call: {after} {words}".strip(),)
    return Outcome(end, said, spoiled)
