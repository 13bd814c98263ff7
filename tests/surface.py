"""The public surface, a line a name: what it is called and what it takes. ``python tests/surface.py`` writes ``surface.txt`` anew."""

import inspect
import re
from pathlib import Path

import otgen

KEPT = Path(__file__).with_name("surface.txt")
# lab's checks and experiments are what they find, not what others call
PACKAGES = ("divergences", "estimators", "laws", "nn", "solvers")
HEAD = "# What users may rely on: a line that goes, or changes, breaks them (CONTRIBUTING.md). Written by tests/surface.py\n"


def lines():
    """All of it, sorted."""
    homes = [(f"otgen.{package}", getattr(otgen, package)) for package in PACKAGES]
    return sorted(line for home in [("otgen", otgen), *homes] for line in of_home(*home))


def of_home(name, home):
    """Every public name of a module: those of ``__all__``, else what is defined there."""
    own = [
        one
        for one, thing in vars(home).items()
        if not one.startswith("_") and getattr(thing, "__module__", "") == home.__name__
    ]
    for one in getattr(home, "__all__", own):
        if one not in (*PACKAGES, "lab"):
            yield from told(f"{name}.{one}", getattr(home, one))


def told(name, thing):
    """A function with its parameters, a class with its public members, a module with its names, or a name alone."""
    if inspect.ismodule(thing):
        yield from of_home(name, thing)
    elif inspect.isclass(thing):
        yield name if issubclass(thing, Exception) else f"{name}{parameters(thing)}"
        for member in sorted(one for one in dir(thing) if not one.startswith("_")):
            at = inspect.getattr_static(thing, member)
            ours = next(base for base in thing.__mro__ if member in vars(base)).__module__.startswith("otgen")
            if ours:
                at = at.__func__ if isinstance(at, classmethod | staticmethod) else at
                yield f"{name}.{member}{parameters(at) if inspect.isfunction(at) else ''}"
    else:
        yield f"{name}{parameters(thing) if callable(thing) else ''}"


def parameters(thing):
    """Names, kinds and defaults; annotations may become wider without breaking anybody."""
    try:
        signature = inspect.signature(thing)
    except ValueError:
        return ""
    bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    told = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return re.sub(r"<function (\w+) at 0x\w+>", r"\1", told)


if __name__ == "__main__":
    KEPT.write_text(HEAD + "\n".join(lines()) + "\n", encoding="utf-8")
