"""Scalar options, checked before any work starts."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from ..errors import InvalidInput

Generator = np.random.Generator
_Kind = TypeVar("_Kind")


def told(value: Any) -> str:
    """A value as an error tells it: numbers as Python's, arrays by their shape, what is long by its type.

    Examples
    --------
    >>> told(np.float64(0.5)), told("eucl"), told(np.zeros((2, 2))), told(2**600)
    ('0.5', "'eucl'", 'an array of shape (2, 2)', 'a whole number of 601 bits')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and value.bit_length() > 190:  # 57 digits; Python spells none beyond some 4300
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, int | float | str | bool | None) and len(repr(value)) < 60:
        return repr(value)
    kind = type(value).__name__
    shape = shape_said(value)
    if isinstance(shape, tuple) and not isinstance(value, type):
        kind = "array" if kind == "ndarray" else kind
        return f"{_article(kind)} {kind} of shape {tuple(shape)}"
    if isinstance(value, list | tuple) and len(value) < 4:
        inside = ", ".join(map(told, value)) + ("," if isinstance(value, tuple) and len(value) == 1 else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"{_article(kind)} {kind}"


def shape_said(value: Any) -> Any:
    """What something has as its shape; None where it has none, or does not know it, as nested tensors do not."""
    try:
        return getattr(value, "shape", None)
    except Exception:
        return None


def _article(word: str) -> str:
    return "an" if word[0] in "aeiouAEIOU" else "a"


def relaxation(relax: Any) -> tuple[float, float]:
    """Strengths for the two sides from None, one number or two; None and inf keep a constraint."""
    several = isinstance(relax, tuple | list) or (isinstance(relax, np.ndarray) and relax.ndim == 1)
    pair = relax if several else (relax, relax)
    if len(pair) != 2:
        raise InvalidInput(
            f"relax must be one number or two, one a side; received {len(pair)} of them; pass (rho, rho)"
        )
    one, other = (math.inf if rho is None else real(rho, "relax") for rho in pair)
    if not (one > 0 and other > 0):
        raise InvalidInput(f"relax must be positive; received {told(relax)}; pass inf or None to keep a marginal")
    return one, other


def one_of(value: Any, name: str, allowed: Sequence[str], elsewhere: Mapping[str, str] | None = None) -> str:
    """A name out of a list; ``elsewhere`` has what to pass for the names, in small letters, that other libraries give."""
    if not isinstance(value, str) or value not in allowed:
        known = (elsewhere or {}).get(value.lower()) if isinstance(value, str) else None
        near = difflib.get_close_matches(value.lower(), allowed, 1) if isinstance(value, str) else []
        advice = f"pass {known}" if known else f"did you mean {near[0]!r}?" if near else "choose one of them"
        raise InvalidInput(f"{name} must be one of {', '.join(map(repr, allowed))}; received {told(value)}; {advice}")
    return value


def order(p: Any) -> float:
    """The order of a distance: a real number >= 1, or infinity."""
    number = real(p, "p")
    if number < 1:
        raise InvalidInput(f"p must be at least 1: below, W_p is no distance; received {told(p)}; use a p in [1, inf]")
    return number


def moderate_order(number: float) -> float:
    """An order whose powers can be added up in doubles, or infinity."""
    if 700 < number < math.inf:
        raise InvalidInput(
            f"p must be at most 700, or inf, but for exact and sliced distances on the line: powers beyond underflow; "
            f"received {number:g}; use p=inf"
        )
    return number


def finite_order(p: Any, *, steep: bool = False) -> float:
    """The order of an entropic or sliced distance: a real number in [1, inf); above 700 only where ``steep`` ones are taken."""
    number = order(p)
    if math.isinf(number):
        raise InvalidInput("p must be finite here; received inf; call otgen.wasserstein for W_inf")
    if number > 700 and not steep:
        raise InvalidInput(
            f"p must be at most 700 here: powers beyond underflow; received {number:g}; pass a smaller one"
        )
    return number


def real(value: Any, name: str) -> float:
    """A real number; NaN and truth values are none, nor is a tensor whose gradient would be lost."""
    if getattr(value, "requires_grad", False):
        raise InvalidInput(
            f"{name} must not require gradients: it is taken as a number; received a tensor with requires_grad=True; "
            f"pass {name}.detach()"
        )
    try:
        if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating):
            raise TypeError
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last of torch
        raise InvalidInput(f"{name} must be a real number; received {told(value)}; pass one number") from None
    if math.isnan(number):
        raise InvalidInput(f"{name} must be a real number; received nan; correct where it comes from")
    return number


def instance(value: Any, kind: type[_Kind], name: str, called: str, hint: str) -> _Kind:
    """Something of a class, ``called`` so in the error; ``hint`` is the remedy."""
    if not isinstance(value, kind):
        raise InvalidInput(f"{name} must be {called}; received {told(value)}; {hint}")
    return value


def text(value: Any, name: str, hint: str) -> str:
    """A string; ``hint`` is the remedy in the error."""
    return instance(value, str, name, "a string", hint)


def flag(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"{name} must be True or False; received {told(value)}; pass one of them")
    return bool(value)


def positive(value: Any, name: str, hint: str) -> float:
    """A finite real number above 0; ``hint`` is the remedy in the error."""
    number = real(value, name)
    if not 0 < number < math.inf:
        raise InvalidInput(f"{name} must be positive and finite; received {told(value)}; {hint}")
    return number


def whole(value: Any) -> int | None:
    """A whole number; None for what is none, as truth values and durations are not."""
    try:
        return None if isinstance(value, bool | np.bool_) else operator.index(value)
    except (TypeError, ValueError, RuntimeError):  # of arrays and tensors
        return None


def count(value: SupportsIndex | Any, name: str, *, least: int = 1) -> int:
    """A whole number of at least ``least``, below ``2 ** 62``."""
    number = whole(value)
    if number is not None and number >= 2**62:
        raise InvalidInput(f"{name} must be below 2**62; received {told(value)}; pass a smaller one")
    if number is None or number < least:
        raise InvalidInput(
            f"{name} must be a whole number of at least {least}; received {told(value)}; pass one, such as {least}"
        )
    return number


def generator(rng: Any, name: str = "rng") -> Generator:
    """A seed or a Generator (SPEC 7)."""
    try:
        if isinstance(rng, bool | np.bool_):  # which is no seed, though Python counts it as a number
            raise TypeError
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        foreign = type(rng).__name__ == "Generator"  # torch's, say, of which the name alone says nothing
        received = f"one of {type(rng).__module__.partition('.')[0]}" if foreign else told(rng)
        raise InvalidInput(
            f"{name} must be a seed or a numpy Generator; received {received}; pass a whole number, such as 0"
        ) from None


def named_options(options: Any) -> dict[str, Any]:
    """``distance_params``: options by their names, a copy; none for None.

    Examples
    --------
    >>> named_options({"p": 1}), named_options(None)
    ({'p': 1}, {})
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        raise InvalidInput(
            f"distance_params must be a dictionary of options by their names; received {told(options)}; pass one such as {{'p': 1}}"
        )
    return dict(options)
