"""What the command line says: its own options in messages, numbers with the digits that they have, plural forms."""

from __future__ import annotations

import math
import re

_OPTIONS = (
    "checkpoint",
    "data",
    "epsilon",
    "relax",
    "tol",
    "max_iter",
    "normalize",
    "metric",
    "solver",
    "p",
    "splits",
    "penalty",
    "mass",
    "radius",
    "k",
    "seed",
    "steps",
    "threads",
    "batch_size",
    "learning_rate",
)
_REPLACED = (
    (r"; pass throw=False for a result", ""),
    (
        r"divide each by its sum, or pass normalize=True where that is an option",
        "add --normalize to divide each by its sum",
    ),
    (r"for epsilon = 0, exact transport, call [\w. ]+", "leave --epsilon out for exact transport"),
    (r"call otgen\.wasserstein for W_inf", "leave --epsilon out for W_inf"),
    (r"use otgen\.wasserstein or otgen\.transport$", "leave --epsilon out for exact transport"),
    (r"pass an epsilon to otgen\.sinkhorn, or leave solver out$", "add --epsilon, or leave --solver out"),
    (r"received Problem\(\d+ x \d+, ([^()]*)\)", r"received \1"),  # options are tried on a problem of one pair
    (r"call numpy\.radians on degrees", "convert degrees to radians"),
    (r"pass (otgen\.(Minkowski|Circular)\(|a callable, such as).*", "choose one of these"),
    (r"pass the costs to otgen\.transport.*", "give the matrix to the command transport"),
    (r"leave out resume\b", "leave out --resume"),
    (r"pass None for uniform weights", "leave them out for uniform ones"),
    (r"as many, or None for uniform ones", "as many, or leave it out for uniform ones"),
    (r"np\.\w+\(([^()]*)\)", r"\1"),
    (rf"\b(?<!-)({'|'.join(_OPTIONS)})=([\w.\"']+)", r"--\1 \2"),
    (rf"^({'|'.join(_OPTIONS)}) must", r"--\1 must"),
    (r"(?<![-\w])(epsilon|relax|tol|max_iter)(?![\w(])", r"--\1"),
    (r"--(max|batch|learning)_(iter|size|rate)", r"--\1-\2"),
)
# Controls but line and tab, marks that turn the direction of writing, and the halves of letters that stand for bytes of no encoding.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PYTHON = re.compile(r"otgen\.\w+|\.\w+\(|\w+\(\)|=True|=False|throw|detach|astype")


def spoken(message: str, names: tuple[str, str] | None = None) -> str:
    """A message of the library in the command line's words.

    Parameters
    ----------
    message : str
        As an error holds it.
    names : (str, str), optional
        What x and y, and a and b, are called: the files.

    Examples
    --------
    >>> spoken("epsilon must be positive and finite; received 0.0; raise max_iter")
    '--epsilon must be positive and finite; received 0.0; raise --max-iter'
    >>> spoken("a and b must carry the same total mass; received 1.0 and 2.0; pass normalize=True", ("u.csv", "v.csv"))
    'the weights of u.csv and v.csv must carry the same total mass; received 1.0 and 2.0; pass --normalize'
    """
    text = message
    for pattern, instead in _REPLACED:
        text = re.sub(pattern, instead, text)
    text = re.sub(r"--(normalize) True", r"--\1", text)
    if names:
        names = (_escaped(names[0]), _escaped(names[1]))
        text = re.sub(r"\ba and b\b", f"the weights of {names[0]} and {names[1]}", text)
        text = re.sub(r"\bx and y\b", f"{names[0]} and {names[1]}", text)
        for letter, name in zip("xy", names):
            text = re.sub(rf"^{letter} (?=must)", f"{name} ", text)
    *kept, remedy = text.split("; ")
    return "; ".join([*kept, "correct the file"]) if kept and _PYTHON.search(remedy) else text


def _escaped(name: str) -> str:
    """A name as a replacement in a regular expression."""
    return name.replace("\\", r"\\")


def printable(text: str) -> str:
    r"""A text as it can be told: letters that steer a terminal, and bytes that are no letter, which names of files and columns may hold, by their codes.

    Examples
    --------
    >>> print(printable("\x1b]0;title\a.npy, \udcff.npy"))
    \u001b]0;title\u0007.npy, \udcff.npy
    """
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def counted(number: int, thing: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "point"), counted(2, "point")
    ('1 point', '2 points')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(names: tuple[str, ...], most: int = 12) -> str:
    """Names in a row, the first ones where they are many.

    Examples
    --------
    >>> listed(("x", "y", "z")), listed(("a", "b", "c"), most=2)
    ('x, y, z', 'a, b and 1 more')
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def significant(value: float) -> str:
    """Five digits, or the words for what is no number.

    Examples
    --------
    >>> significant(9.53011), significant(math.inf)
    ('9.5301', 'infinite')
    """
    return f"{value:.5g}" if math.isfinite(value) else "infinite" if value > 0 else str(value)
