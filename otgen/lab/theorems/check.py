"""A check: a statement of the notes, run as comparisons of two sides that share no function of ours."""

from __future__ import annotations

import difflib
import enum
import inspect
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...errors import InvalidInput, MissingExtra, OtgenError, require
from ...inputs import scalars

SLIDES = "Application of O.T."
LECTURE = "Lecture 9: generative models with adversaries"
CHAPTER = "UL: GANs & VAEs"
COURSE = "Deep Generative Models, Lecture 6"
COOKBOOK = "From OT to generative modeling: the VEGAN cookbook"
PAPER = "Wasserstein GAN (Arjovsky, Chintala, Bottou, 2017)"


class Sides(NamedTuple):
    """A comparison: two sides, and how they should relate.

    ``relation`` is ``=``, ``<=``, ``<`` (by more than the tolerance) or ``!=`` (the same).
    ``printed`` marks a statement as the notes print it and as it does not hold: it stands when the comparison fails.
    ``arithmetic`` marks one that no function of ours enters: it is shown, and does not count.

    Examples
    --------
    >>> Sides("one half twice", 0.5 + 0.5, "=", 1.0, 1e-12).stands
    True
    """

    what: str
    left: float
    relation: str
    right: float
    tolerance: float
    printed: bool = False
    arithmetic: bool = False

    @property
    def counts(self) -> bool:
        """Whether it holds something that otgen computes to a second way: neither arithmetic nor as printed."""
        return not (self.printed or self.arithmetic)

    @property
    def slack(self) -> float:
        """By how much it holds; negative where it does not."""
        if self.relation in ("=", "!="):
            apart = 0.0 if self.left == self.right else abs(self.left - self.right)
            return self.tolerance - apart if self.relation == "=" else apart - self.tolerance
        room = 0.0 if self.left == self.right else self.right - self.left
        return room + self.tolerance if self.relation == "<=" else room - self.tolerance

    @property
    def holds(self) -> bool:
        """Whether the two sides relate as written; never for a NaN."""
        return self.slack > 0 if self.relation in ("<", "!=") else self.slack >= 0

    @property
    def stands(self) -> bool:
        """Whether it comes out as it should."""
        return self.holds != self.printed and not any(map(math.isnan, (self.left, self.right)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite as strings, since JSON has none."""
        numbers = {name: _plain(getattr(self, name)) for name in ("left", "right", "tolerance", "slack")}
        marks = {name: getattr(self, name) for name in ("printed", "arithmetic", "stands")}
        return {"what": self.what, "relation": self.relation, **marks, **numbers}


def equal(what: str, left: Any, right: Any, tolerance: float = 1e-12) -> Sides:
    """``left = right`` to a tolerance."""
    return Sides(what, float(left), "=", float(right), float(tolerance))


def at_most(what: str, left: Any, right: Any, tolerance: float = 0.0) -> Sides:
    """``left <= right + tolerance``."""
    return Sides(what, float(left), "<=", float(right), float(tolerance))


def below(what: str, left: Any, right: Any, margin: float = 0.0) -> Sides:
    """``left < right - margin``."""
    return Sides(what, float(left), "<", float(right), float(margin))


def differ(what: str, left: Any, right: Any, margin: float) -> Sides:
    """``|left - right| > margin``."""
    return Sides(what, float(left), "!=", float(right), float(margin))


def as_printed(comparison: Sides) -> Sides:
    """The same, marked as what the notes print: it must fail."""
    return comparison._replace(printed=True)


def arithmetic(comparison: Sides) -> Sides:
    """The same, marked in its words and in a field as one of arithmetic or calculus alone, which does not count."""
    return comparison._replace(what=f"arithmetic: {comparison.what}", arithmetic=True)


def largest(what: str, left: Any, right: Any, tolerance: float = 1e-12) -> Sides:
    """Arrays that should agree, at the entry where they agree least."""
    one, other = np.broadcast_arrays(np.asarray(left, np.float64), np.asarray(right, np.float64))
    with np.errstate(invalid="ignore"):
        apart = np.where(one == other, 0.0, np.abs(one - other))
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(apart), np.inf, apart))), one.shape)
    return equal(what, float(one[worst]), float(other[worst]), tolerance)


def torch_and_nn() -> tuple[Any, Any]:
    """Torch and otgen.nn; a check that asks for them is not run where torch is missing."""
    return require("torch"), require("otgen.nn")


def line_layer(weight: float, bias: float) -> Any:
    """A linear layer of torch from numbers to numbers with this weight and bias, in double precision."""
    torch, _ = torch_and_nn()
    layer = torch.nn.Linear(1, 1).double()
    with torch.no_grad():
        layer.weight.fill_(weight)
        layer.bias.fill_(bias)
    return layer


class Verdict(enum.Enum):
    """What came of a check.

    Attributes
    ----------
    HOLDS
        All its comparisons do.
    FAILS
        One of them does not.
    NOT_RUN
        What it needs is not installed.
    """

    HOLDS = "holds"
    FAILS = "fails"
    NOT_RUN = "not run"


Found = Iterator[Sides]
Run = Callable[[np.random.Generator], Iterable[Sides]]


@dataclass(frozen=True, eq=False)
class Check:
    """A statement, where it stands, and how it is run.

    Attributes
    ----------
    name : str
        What ``otgen check`` calls it.
    statement, formula : str
        In words; in LaTeX.
    where : tuple of str
        Titles of notes, with section, slide, page or equation.
    items : tuple of int
        Numbers of the statements of the notes that it covers (see the page "Theorems, statement by statement").
    group : str
        Chapter of the lab.
    run : callable
        From a generator to comparisons.
    printed, right : str
        For an erratum: the form that the notes print, and the one that holds.
    """

    name: str
    statement: str
    formula: str
    where: tuple[str, ...]
    items: tuple[int, ...]
    group: str
    run: Run = field(repr=False)
    printed: str = ""
    right: str = ""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a check found: all comparisons, the verdict and the seconds it took."""

    check: Check
    comparisons: tuple[Sides, ...]
    verdict: Verdict
    seconds: float
    note: str = ""

    @property
    def counted(self) -> tuple[Sides, ...]:
        """Those of what otgen computes with a second way to the same number."""
        return tuple(one for one in self.comparisons if one.counts)

    @property
    def telling(self) -> Sides | None:
        """The comparison that says most: one that does not stand, or the one with the least room."""
        fallen = [one for one in self.comparisons if not one.stands]
        return fallen[0] if fallen else min(self.counted or self.comparisons, key=_allowed_difference, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        own = {name: getattr(self.check, name) for name in ("name", "group", "statement", "formula", "where", "items")}
        if self.check.printed:
            own |= {"printed": self.check.printed, "right": self.check.right}
        rows = [one.to_dict() for one in self.comparisons]
        found = {
            "verdict": self.verdict.value,
            "seconds": self.seconds,
            "note": self.note,
            "counted": len(self.counted),
        }
        return {**own, **found, "comparisons": rows}


CHECKS: dict[str, Check] = {}


def chapter(group: str) -> Callable[..., Callable[[Run], Run]]:
    """A decorator that enters checks of one group: ``@check(items, where, formula)`` over a function with a docstring."""

    def check(
        items: Iterable[int], where: str | Iterable[str], formula: str, printed: str = "", right: str = ""
    ) -> Callable[[Run], Run]:
        places = (where,) if isinstance(where, str) else tuple(where)

        def enter(function: Run) -> Run:
            name = function.__name__.replace("_", "-")
            assert name not in CHECKS, name
            statement = " ".join((inspect.getdoc(function) or "").split())
            CHECKS[name] = Check(name, statement, formula, places, tuple(items), group, function, printed, right)
            return function

        return enter

    return check


def run(
    names: Iterable[str] | None = None, *, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> list[Outcome]:
    """Run checks, all of them unless named.

    Parameters
    ----------
    names : iterable of str, optional
        Keys of :data:`CHECKS`.
    seed : int
        Everything is a function of it.
    tell : callable
        Told the name of each check before it runs.

    Returns
    -------
    list of Outcome
        In the order of the names.

    Raises
    ------
    InvalidInput
        For a name that is none, and a seed that is no whole number.

    Examples
    --------
    >>> [outcome] = run(["gaussian-kl"])
    >>> outcome.verdict
    <Verdict.HOLDS: 'holds'>
    """
    return list(outcomes(names, seed=seed, tell=tell))


def outcomes(
    names: Iterable[str] | None = None, *, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Outcome]:
    """The outcomes of :func:`run` one by one, as they come."""
    scalars.count(seed, "seed", least=0)
    for name in chosen(names):
        tell(name)
        yield _outcome(CHECKS[name], seed)


def chosen(names: Iterable[str] | None) -> list[str]:
    """Names of checks, each once, all of them for None; raises InvalidInput for one that is none."""
    if isinstance(names, str):
        raise InvalidInput(f"names must be a list of names; received {names!r}; put it in brackets")
    found = list(CHECKS) if names is None else list(dict.fromkeys(names))
    for name in found:
        if name not in CHECKS:
            near = difflib.get_close_matches(str(name), CHECKS, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see otgen check --list"
            raise InvalidInput(f"names must be names of checks; received {scalars.told(name)}; {hint}")
    return found


def generator(check: Check, seed: int) -> np.random.Generator:
    """What is random in a check: a function of the seed and the check's name."""
    return np.random.default_rng([seed, zlib.crc32(check.name.encode())])


def _outcome(check: Check, seed: int) -> Outcome:
    began = time.perf_counter()
    try:
        found = tuple(check.run(generator(check, seed)))
    except MissingExtra as fault:
        return Outcome(check, (), Verdict.NOT_RUN, time.perf_counter() - began, str(fault))
    except (
        OtgenError,
        ArithmeticError,
        ValueError,
        RuntimeError,
    ) as fault:  # what is wrong in one is no reason to lose the others
        note = f"{check.name} stopped: {type(fault).__name__}: {fault}"
        return Outcome(check, (), Verdict.FAILS, time.perf_counter() - began, note)
    good = bool(found) and all(one.stands for one in found)
    return Outcome(check, found, Verdict.HOLDS if good else Verdict.FAILS, time.perf_counter() - began)


def _allowed_difference(comparison: Sides) -> float:
    scale = comparison.tolerance or max(abs(comparison.right), 1.0)
    room = abs(comparison.slack) / scale
    return math.inf if math.isnan(room) else room


def _plain(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)
