"""How the command line measures two sample sets: options that are checked before a file is read, kernels loaded before time is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from ..distances.entropic import sinkhorn
from ..distances.exact import wasserstein
from ..distances.partial import partial_wasserstein
from ..distances.result import Result
from ..distances.splits import PermutationNull, permuted
from ..errors import InvalidInput, MassMismatch
from ..inputs import arrays
from ..model.problem import Relative
from ..model.status import Status
from ..solvers import MatrixName
from . import files
from .chance import usual_splits
from .files import Samples
from .loading import first_points, kernels_loaded
from .words import spoken


@dataclass(frozen=True)
class Options:
    """How transport is solved, in the words of the command line; None stands for the library's own."""

    solver: Any = "auto"  # a word from the command line, which the call refuses where it does not fit
    epsilon: float | Relative | None = None
    relax: float | None = None
    tol: float | None = None
    max_iter: int | None = None
    normalize: bool = False
    penalty: float | None = None
    mass: float | None = None

    @property
    def partial(self) -> dict[str, float]:
        """What is asked of partial transport; nothing where all mass is to be moved."""
        return self.given("penalty", "mass")

    def tried(self) -> Any:
        """These options for a trial on points of another mass: any penalty and no amount, where one was given."""
        return replace(self, penalty=1.0, mass=None) if self.partial else self

    def check_together(self) -> None:
        """Raise where what is meant for entropic transport stands without ``--epsilon``, or that beside what is exact."""
        if self.partial:
            self._check_partial()
        entropic = {"--relax": self.relax, "--tol": self.tol, "--max-iter": self.max_iter}
        given = [name for name, value in entropic.items() if value is not None]
        if self.epsilon is None and given:
            raise InvalidInput(
                f"{given[0]} must stand beside --epsilon, for entropic transport; received it alone; add --epsilon"
            )
        if self.epsilon is not None and self.solver not in ("auto", "sinkhorn"):
            raise InvalidInput(
                f"--epsilon must not stand beside --solver {self.solver}, which is exact; received both; leave one of them out"
            )

    def _check_partial(self) -> None:
        refused = {"--epsilon": self.epsilon, "--relax": self.relax, "--normalize": self.normalize or None}
        for name, value in refused.items():
            if value is not None:
                raise InvalidInput(
                    f"{name} must not stand beside --penalty or --mass, with which totals may differ; received both; leave one of them out"
                )
        if self.solver not in get_args(MatrixName):
            raise InvalidInput(
                f"--solver must be {', '.join(get_args(MatrixName))} beside --penalty or --mass; received {self.solver}; choose one of these"
            )
        for name, value in self.partial.items():
            if not value >= 0 or (name == "mass" and math.isinf(value)):
                raise InvalidInput(
                    f"--{name} must be at least 0{' and finite' if name == 'mass' else ''}; received {value:g}; correct it"
                )

    def unequal(self, fault: MassMismatch, names: tuple[str, str]) -> MassMismatch:
        """The fault in the words of the command line, with what else there is for sets of different totals."""
        instead = "--penalty or --mass to move a part" if self.epsilon is None else "--relax 1 to let totals differ"
        told = f"{spoken(str(fault), names)}, or {instead}"
        return MassMismatch(told)

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the options that were given."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Transport(Options):
    """A distance and its options, as ``otgen distance`` takes them."""

    p: float = 2.0
    metric: str = "euclidean"

    def name(self, result: Result) -> str:
        """What was measured, in words."""
        if self.partial:
            return f"partial W_{self.p:g}"
        if self.epsilon is None:
            return f"W_{self.p:g}"
        share = f", {100 * self.epsilon.fraction:g} % of the mean cost" if isinstance(self.epsilon, Relative) else ""
        return f"entropic cost, epsilon = {result.epsilon:.6g}{share}"

    def fixed(self, epsilon: float) -> Transport:
        """The same with a relative epsilon told as a number, so that random splits are measured by the same one."""
        return replace(self, epsilon=epsilon) if isinstance(self.epsilon, Relative) else self

    def check(self) -> None:
        """Raise what is wrong with the options; try them on two points, which loads kernels as well."""
        self.check_together()
        x, y = np.array([[1.0, 0.5]]), np.array([[0.5, 1.0]])
        self(x[:, :1], y[:, :1]) if self.solver == "line" else self.tried()(x, y)

    def __call__(self, x: Any, y: Any, a: Any = None, b: Any = None, *, progress: bool = False) -> Result:
        """The result, whatever its status."""
        common: dict[str, Any] = dict(
            p=self.p, metric=self.metric, normalize=self.normalize, progress=progress, throw=False
        )
        if self.partial:
            common.pop("normalize")
            return partial_wasserstein(x, y, a, b, solver=self.solver, **self.partial, **common)
        if self.epsilon is None:
            return wasserstein(x, y, a, b, solver=self.solver, **common)
        return sinkhorn(x, y, a, b, epsilon=self.epsilon, **self.given("relax", "tol", "max_iter"), **common)


def read_sets(paths: Sequence[Path], columns: str | None, weights: str | None, key: str | None) -> list[Samples]:
    """Read and match sample sets; what is wrong with one is told by its name."""
    names = names_of(columns)
    _check_choices(paths, names, key)
    sets: list[Samples] = []
    for path in paths:
        chosen = names if files.is_table(path) else None
        sets.append(files.read(path, columns=chosen, weights=weights, key=key))
    for one in sets:
        arrays.checked(one.points, one.name)
        arrays.weights(one.weights, len(one), f"the weights of {one.name}", f"the points of {one.name}")
    return files.matched(sets)


def names_of(columns: str | None) -> list[str] | None:
    """The value of ``--columns``: names, or None for all."""
    if columns is None:
        return None
    names = files.listed_in(columns)
    if not names:
        raise InvalidInput(f"--columns must name columns, comma-separated; received {columns!r}; leave it out for all")
    if len(set(names)) < len(names):
        raise InvalidInput(f"--columns must name each column once; received {columns!r}; leave out what is there twice")
    return names


def _check_choices(paths: Sequence[Path], columns: list[str] | None, key: str | None) -> None:
    """Refuse options that fit none of the files, before any is read."""
    if sum(str(path) == "-" for path in paths) > 1:
        raise InvalidInput("- must stand for one of the files only; received it twice; save one of them")
    told = ", ".join(path.name for path in paths)
    missing = [path for path in paths if str(path) != "-" and not path.exists()]
    if missing:
        raise InvalidInput(f"{missing[0]} must be a file that exists; received a path to none; check it")
    kinds = ["-" if files.is_piped(path) else files.ending(path) for path in paths]
    if key and not {".npz", "-"} & set(kinds):
        raise InvalidInput(
            f"--key must be for an npz, of which it chooses an array; received it for {told}; leave it out"
        )
    if columns and not any(files.is_table(path) for path in paths):
        raise InvalidInput(f"--columns must be for tables; received it for {told}; slice the arrays")


@dataclass(frozen=True)
class Comparison:
    """Two matched sets, the result, and what chance alone gives, where it was measured."""

    first: Samples
    other: Samples
    result: Result
    chance: PermutationNull | None


def compare(
    measure: Transport, first: Samples, other: Samples, *, splits: int | None, seed: int, progress: bool = False
) -> Comparison:
    """Measure two matched sets: first random splits of their pool, then themselves, when all kernels are loaded."""
    x, y, a, b = first.points, other.points, first.weights, other.weights
    if measure.relax is not None and splits:
        raise InvalidInput("--splits must be for sets of one mass; received --relax beside it; leave one of them out")
    if measure.partial and splits:
        raise InvalidInput(
            "--splits must be for sets of one mass; received --penalty or --mass beside it; leave one of them out"
        )
    one_mass = measure.relax is None and not measure.partial
    count = 0 if not one_mass else usual_splits(x, y) if splits is None else splits
    try:
        whole = count and isinstance(measure.epsilon, Relative)
        few = measure(x, y, a, b) if whole else measure.tried()(*first_points(x, y))
        split = measure.fixed(few.epsilon)
        found = permuted(split, x, y, a, b, count, seed)
        result = kernels_loaded(lambda: measure(x, y, a, b, progress=progress), lambda one: one.seconds)
    except MassMismatch as fault:
        raise measure.unequal(fault, (first.name, other.name)) from None
    except InvalidInput as fault:
        raise InvalidInput(spoken(str(fault), (first.name, other.name))) from None
    beside = PermutationNull.of(result, found) if found and failure(result) is None else None
    return Comparison(first, other, result, beside)


class Failure(NamedTuple):
    """Why a result is no answer."""

    kind: str
    message: str


def failure(result: Result) -> Failure | None:
    """What to say of a result that is no answer; None where it is one."""
    if result.status is Status.MAX_ITER:
        what = f"{result.solver} stopped at {result.iterations} iteration{'s' * (result.iterations != 1)}; the bounds reached are printed"
        return Failure("NotConverged", spoken(f"{what}; {result.status.remedy}"))
    if result.status is Status.INFEASIBLE:
        return Failure("Infeasible", f"{result.status.value}; {result.status.remedy}")
    return None
