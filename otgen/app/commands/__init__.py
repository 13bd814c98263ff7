"""The commands of ``otgen``: what they are called, what they take, and how they end."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer

from ...errors import Infeasible, InvalidInput, MissingExtra, NotConverged, TooLarge, require, words_of
from ..json_text import json_text
from ..words import spoken
from . import check, demo, distance, divergence, doctor, neighbors, pairwise, report, train, transport, verify, warmup
from .app import ORDER, app, say

__all__ = [
    "app",
    "check",
    "demo",
    "distance",
    "divergence",
    "doctor",
    "main",
    "neighbors",
    "pairwise",
    "report",
    "train",
    "transport",
    "verify",
    "warmup",
]

_STOPPED = 130  # typer's word for an interrupt
_USAGE: Any = typer.BadParameter.__base__  # the parser's errors: options that there are not, arguments that are missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exit 0 done, 1 refuted, 2 bad input, 3 not converged, 130 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(given, prog_name="otgen", standalone_mode=False)
    except _USAGE as fault:
        if type(fault).__name__ == "NoArgsIsHelpError":
            fault.show()
            raise SystemExit(2) from None
        code = _failed(_told(fault, given), 2, given, "UsageError")
    except (InvalidInput, MissingExtra, TooLarge) as fault:
        code = _failed(spoken(str(fault)), 2, given, type(fault).__name__)
    except MemoryError as fault:
        words = words_of(fault) or "the system has no more"
        message = (
            f"what was asked must fit in memory; received a refusal: {words}; ask for less, or use a larger machine"
        )
        code = _failed(message, 2, given, "MemoryError")
    except (NotConverged, Infeasible) as fault:
        code = _failed(spoken(str(fault)), 3, given, type(fault).__name__)
    except OSError as fault:
        code = _failed(_of_system(fault), 2, given, type(fault).__name__)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if code == _STOPPED:
        raise KeyboardInterrupt
    if code:
        raise SystemExit(code)


def _told(fault: Any, given: list[str]) -> str:
    """What is wrong with a command, and where to look; of a metric, the library's own words, which know what it is called elsewhere."""
    message = fault.format_message()
    if not message.startswith("Invalid value"):
        command = (
            fault.ctx.command_path if fault.ctx else " ".join(["otgen", *(word for word in given[:1] if word in ORDER)])
        )
        return f"{message.rstrip('.')}; see {command} -h"
    name, received = max(fault.param.opts, key=len), _received(fault.param.opts, given)
    choices = re.search(r"is not one of (.+?)\.?$", message)
    if name == "--metric":
        try:
            require("otgen.model.cost").metric_name(received)
        except InvalidInput as wrong:
            return spoken(str(wrong))
    if choices:
        return f"{name} must be one of {choices[1]}; received {received!r}; choose one of them"
    return f"{name} must be a {'whole ' * ('integer' in message)}number; received {received!r}; correct it"


def _received(names: Sequence[str], given: list[str]) -> str:
    """The last value that an option was given: behind it, behind ``=``, or behind its one letter."""
    joined = tuple(name if len(name) == 2 else f"{name}=" for name in names)
    for k in range(len(given) - 1, -1, -1):
        if given[k] in names:
            return given[k + 1]
        if given[k].startswith(joined):
            return next(given[k].removeprefix(name) for name in joined if given[k].startswith(name))
    return ""


def _of_system(fault: OSError) -> str:
    """What the system said of a file, which the library calls a path."""
    name, said = fault.filename or "output", str(fault.strerror or fault)
    return said.replace("path", str(name), 1) if said.startswith("path must") else f"{name}: {said}"


def _failed(message: str, code: int, given: list[str], kind: str) -> int:
    """Say what is wrong, as the user asked to be told."""
    try:
        if "--json" in given:
            say(json_text({"error": {"kind": kind, "message": message}}))
            return code
    except OSError:  # it may be what is wrong
        pass
    say("otgen: " + message.replace("\n", r"\n"), err=True)
    _let_go_of_output()
    return code


def _let_go_of_output() -> None:
    """What could not be printed would be tried again, and complained of, when Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
