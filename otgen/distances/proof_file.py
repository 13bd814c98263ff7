"""Proof files: a problem, what is claimed of it, and the interval that this proves, for anyone to check again.

A file is an npz of plain arrays, without pickle and uncompressed, whose last 64 bytes (the archive's comment) are the SHA-256 of all
before them, so that no bit can change unseen. ``otgen/app/check_proof.py`` reads the same files in rational arithmetic, with nothing
but the standard library and none of this code.

======================================================  =========================================================================
array                                                   what it is
======================================================  =========================================================================
``format``, ``version``                                 text: ``otgen proof 1``, and the version that wrote it
``kind``                                                text: ``dual``, ``cut``, ``entropic`` or ``no plan``
``x, y`` (n, d), (m, d); ``metric``, ``q``; ``p``       the points in float64; the cost is ``metric ** p``. As received, but for
                                                        whole numbers that are no doubles, less one whole number
``C`` (n, m), or ``C_data, C_indices, C_indptr,         a cost matrix; absent or infinite pairs are forbidden
C_shape``
``a`` (n,), ``b`` (m,)                                  weights as received, to be divided by their sums
``digest``                                              text: SHA-256 of the problem, which may be left out of the file
``epsilon``, ``relax``, ``mass``, ``root``              numbers; ``root`` says that values are ``cost ** (1/p)``
``rows, columns, flows, flows_low``                     the plan by its entries, of total 1; flows are ``flows + flows_low``
``f`` (n,), ``g`` (m,)                                  potentials, in cost units, of total mass 1
``units``, ``cut``                                      p = inf: flows as whole numbers in text; sources that outweigh all in reach
``ray_f, ray_g``                                        potentials that gain though no allowed pair lets them: there is no plan
``value, lower, upper, cost_lower, cost_upper``         what is proven; ``lower <= truth <= upper``
======================================================  =========================================================================
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from .._version import __version__
from ..errors import InvalidInput
from ..inputs import numerals, scalars
from ..inputs.atomic import write_atomically
from ..inputs.stored import placed, stored_arrays, stored_bytes
from ..model import units
from ..model.claim import Claim, Flows
from ..model.cost import unspelt
from ..model.problem import Problem
from ..model.units import Units
from ..proofs import Certificate, prove, prove_dual
from ..proofs.dual import least_value
from ..underflow import may_underflow

FORMAT = "otgen proof 1"
_SEAL = 64  # hexadecimal digits of a SHA-256
_NAMES = ("value", "lower", "upper", "cost_lower", "cost_upper")
_INDICES = ("rows", "columns", "cut")
_REALS = ("flows", "flows_low", "f", "g", "ray_f", "ray_g", *_NAMES, "mass", "root", "epsilon", "relax", "p", "q")
_WORDS = ("format", "version", "kind", "digest", "metric")
_KINDS = ("dual", "cut", "entropic", "no plan")
_SIZES = dict.fromkeys((*_WORDS, *_NAMES, "mass", "root", "epsilon", "p", "q"), 1) | {"relax": 2, "C_shape": 2}
_PROBLEM = (
    "x",
    "y",
    "metric",
    "q",
    "C",
    "C_data",
    "C_indices",
    "C_indptr",
    "C_shape",
    "a",
    "b",
    "p",
    "epsilon",
    "relax",
)


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class Proof:
    """What a proof file holds.

    Attributes
    ----------
    problem : Problem or None
        None where the file holds its digest only.
    claim : Claim
        Plan, potentials, cut or ray, in the units of the problem.
    value, lower, upper, cost_lower, cost_upper : float
        The interval that was proven; the last two NaN where there are none.
    kind, version, digest : str
        The argument, the version that wrote the file, and the SHA-256 of the problem.
    mass : float
        What costs are multiplied by.
    root : bool
        Whether values are ``cost ** (1/p)``.
    """

    problem: Problem | None
    claim: Claim
    value: float
    lower: float
    upper: float
    cost_lower: float
    cost_upper: float
    kind: str
    version: str
    digest: str
    mass: float
    root: bool

    def verify(self, problem: Problem | None = None) -> tuple[float, float]:
        """Prove the interval again; returns it.

        Parameters
        ----------
        problem : Problem, optional
            Needed where the file holds a digest only. It must be the very one that was proven.

        Raises
        ------
        InvalidInput
            If the problem is missing or another, or if the file's numbers do not prove the interval.

        Examples
        --------
        >>> import otgen, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.npz"
        >>> otgen.wasserstein([0.0, 1.0], [2.0, 4.0], p=1).save_proof(path)
        >>> low, high = otgen.load_proof(path).verify()
        >>> low <= 2.5 <= high
        True
        """
        given = self.problem if problem is None else problem
        if given is None:
            raise InvalidInput(
                "problem must be given, since the proof file holds its digest only; received none; pass it to verify"
            )
        if not isinstance(given, Problem):
            raise InvalidInput(
                f"problem must be an otgen.Problem; received {scalars.told(given)}; make one with Problem.from_points or from_matrix"
            )
        if _digest(_problem_arrays(given)) != self.digest:
            raise InvalidInput(
                "the problem must be the one that was proven; received one with another digest; pass the same arrays"
            )
        numbers = _numbers(given, self.claim, self.mass, root=self.root)[1]
        holds = all(
            (mine >= recorded if name.endswith("lower") else mine <= recorded)
            or (math.isnan(mine) and math.isnan(recorded))
            for name, mine in numbers.items()
            if name != "value"
            for recorded in (getattr(self, name),)
        )
        holds = holds and self.lower <= self.value <= self.upper
        if not holds:
            raise InvalidInput(
                f"a proof must hold: the numbers of this one prove [{numbers['lower']!r}, {numbers['upper']!r}]; received [{self.lower!r}, "
                f"{self.upper!r}]; do not trust the file"
            )
        return self.lower, self.upper

    def __repr__(self) -> str:
        where = "its problem's digest only" if self.problem is None else repr(self.problem)
        place = numerals.interval(self.lower, self.upper)
        if self.lower < self.upper:
            place = f"{numerals.within(self.value, self.lower, self.upper)} within {place}"
        return f"Proof({self.kind}, {place}{' of these samples' * self.of_samples}, {where})"

    @property
    def of_samples(self) -> bool:
        """Whether it is known to be of points, which may be samples of laws; a proof that holds a digest alone does not say."""
        return self.problem is not None and self.problem.cost.of_points


def save_proof(
    path: str | os.PathLike[str], problem: Problem, claim: Claim, *, mass: float, root: bool, embed: bool = True
) -> None:
    """Write a proof file; with ``embed`` False only a digest of the problem goes into it."""
    embed = scalars.flag(embed, "embed")
    held = _problem_arrays(problem)
    certificate, numbers = _numbers(problem, claim, mass, root=root)
    if (
        certificate.kind == "dual" and certificate.potentials is not None and claim.ray is None
    ):  # feasible ones, whatever was claimed
        back = Units.of(units.scaled(problem))
        claim = replace(
            claim, potentials=(back.potentials(certificate.potentials[0]), back.potentials(certificate.potentials[1]))
        )
    _, numbers = _numbers(problem, claim, mass, root=root, slack=_slack(problem, certificate))
    arrays = {"format": FORMAT, "version": __version__, "kind": _kind_of_proof(certificate), "digest": _digest(held)}
    arrays |= held if embed else {name: held[name] for name in ("p",)}
    arrays |= _claim_arrays(claim) | numbers | {"mass": mass, "root": root}
    _write(placed(path), arrays)


@may_underflow
def load_proof(path: str | os.PathLike[str]) -> Proof:
    """Read a proof file.

    Parameters
    ----------
    path : path-like
        What ``result.save_proof`` wrote.

    Returns
    -------
    Proof
        Its :meth:`Proof.verify` proves the interval again.

    Raises
    ------
    InvalidInput
        If the file is no proof file, or if any bit of it was changed.
    TooLarge
        If it does not fit in memory.
    OSError
        If it cannot be read, of the kind that Python's own is, in words.

    Examples
    --------
    >>> import otgen, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.npz"
    >>> otgen.transport([[1.0, 2.0], [2.0, 1.0]]).save_proof(path)
    >>> otgen.load_proof(path)  # doctest: +ELLIPSIS
    Proof(dual, 1 within [0.99999999999999..., 1.00000000000000...], Problem(2 x 2, matrix, p=1))
    """
    held = _read(placed(path))
    try:
        return _proof_from_arrays(held)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as fault:
        raise InvalidInput(
            f"{path} must be a proof file of otgen; received one that lacks or mixes up entries ({_plainly(fault)}); "
            f"write it again with save_proof"
        ) from None


def _proof_from_arrays(held: dict[str, Any]) -> Proof:
    if _stored_text(held["format"]) != FORMAT:
        raise InvalidInput(
            f"the format of a proof file must be {FORMAT!r}; received {_stored_text(held['format'])!r}; read it with the version that wrote it"
        )
    _refuse_kinds(held)
    flows = Flows(*(held[name] for name in ("rows", "columns", "flows", "flows_low"))) if "rows" in held else None
    claim = Claim(
        flows,
        (held["f"], held["g"]) if "f" in held else None,
        (held["ray_f"], held["ray_g"]) if "ray_f" in held else None,
        tuple(int(unit) for unit in held["units"]) if "units" in held else None,
        held.get("cut"),
    )
    value, lower, upper, cost_lower, cost_upper, mass = (float(held[name][0]) for name in (*_NAMES, "mass"))
    if not 0 < mass < math.inf:
        raise ValueError("its mass is not positive and finite")
    if held["root"][0] not in (0, 1):
        raise ValueError("its root is neither 0 nor 1")
    kind, version, digest = (_stored_text(held[name]) for name in ("kind", "version", "digest"))
    if kind not in _KINDS:
        raise ValueError(f"its kind is {kind[:40]!r}")
    problem, root = _problem_from(held) if "a" in held else None, bool(held["root"][0])
    return Proof(problem, claim, value, lower, upper, cost_lower, cost_upper, kind, version, digest, mass, root)


def _refuse_kinds(held: dict[str, Any]) -> None:
    """Raise ValueError for words among numbers and lists in place of one; what a problem consists of is checked where one is made."""
    for names, kinds, what in (
        (_INDICES, "iu", "whole numbers"), (_REALS, "fiu", "numbers"), ((*_WORDS, "units"), "U", "text"),
    ):  # fmt: skip
        wrong = next((name for name in names if name in held and held[name].dtype.kind not in kinds), None)
        if wrong is not None:
            raise ValueError(f"its {wrong!r} are no {what}")
    wrong = next((name for name, size in _SIZES.items() if name in held and held[name].shape != (size,)), None)
    if wrong is not None:
        raise ValueError(f"its {wrong!r} has the shape {held[wrong].shape}")


def _plainly(fault: Exception) -> str:
    """What Python says, without the names of numpy's types and in one clause."""
    return re.sub(r"np\.\w+\(([^()]*)\)", r"\1", str(fault)).replace(";", ",")


def _slack(problem: Problem, certificate: Certificate) -> float:
    """What bounds are moved outward by, so that other processors' last digits do not matter: of listed costs the largest, which need not be used, has none in them."""
    size = certificate.scale
    if certificate.kind == "dual" and certificate.potentials is not None and not problem.cost.of_points:
        sides = zip((problem.source.probabilities, problem.target.probabilities), certificate.potentials)
        size = max(abs(certificate.cost), sum(float(w[w > 0] @ np.abs(z[w > 0])) for w, z in sides))
    return 4e-15 * size if math.isfinite(size) else 0.0


def _kind_of_proof(certificate: Certificate) -> str:
    return "no plan" if certificate.lower == math.inf else certificate.kind


def _numbers(
    problem: Problem, claim: Claim, mass: float, *, root: bool, slack: float = 0.0
) -> tuple[Certificate, dict[str, float]]:
    """What a claim in the problem's own units proves."""
    scaled = units.scaled(problem)
    back = Units.of(scaled, mass, root=root)
    pair = (
        None
        if problem.bottleneck or claim.potentials is None
        else (back.potentials_in(claim.potentials[0]), back.potentials_in(claim.potentials[1]))
    )
    claim = replace(claim, potentials=pair)
    found = prove(scaled, claim)
    if (
        found.unit or found.kind == "monotone"
    ):  # what the independent checker repeats is by duality, in the units of the cost
        found = prove_dual(scaled, claim)
    low, high = found.lower - slack, found.upper + slack
    if found.kind == "dual":
        low = max(low, min(found.lower, float(least_value(scaled.cost))))
    if problem.bottleneck:
        ends = back.distance(found.cost), back.distance(low, -1), back.distance(high, 1)
        return found, dict(zip(_NAMES, (*ends, math.nan, math.nan)))
    value = found.cost if found.objective is None else found.objective
    ends = back.value(value), back.value(low, -1), back.value(high, 1)
    return found, dict(zip(_NAMES, (*ends, back.cost(low, -1), back.cost(high, 1))))


def _problem_arrays(problem: Problem) -> dict[str, Any]:
    """The problem as posed, array by array."""
    out: dict[str, Any] = {"a": problem.source.weights, "b": problem.target.weights, "p": float(problem.p)}
    out |= {"epsilon": float(problem.epsilon), "relax": problem.relax}
    out |= problem.cost.stored()
    return {name: _storable(value) for name, value in out.items()}


def _problem_from(held: dict[str, Any]) -> Problem:
    """The problem that a file holds."""
    a, b, epsilon = held["a"], held["b"], float(held["epsilon"][0])
    if "x" in held:
        name = _stored_text(held["metric"])
        metric = unspelt(name, float(held["q"][0]))
        problem = Problem.from_points(held["x"], held["y"], a, b, p=float(held["p"][0]), metric=metric, normalize=True)
    else:
        C: Any = held["C"] if "C" in held else _csr(held)
        problem = Problem.from_matrix(C, a, b, normalize=True)
    one, other = held["relax"].tolist()
    if not (one > 0 and other > 0):
        raise ValueError("its relax is not positive")
    return Problem(problem.source, problem.target, problem.cost, epsilon, relax=(one, other))


def _csr(held: dict[str, Any]) -> Any:
    """A sparse matrix whose indices are known to lie inside it."""
    shape = tuple(held["C_shape"].tolist())
    csr = scipy.sparse.csr_array((held["C_data"], held["C_indices"], held["C_indptr"]), shape=shape)
    csr.check_format(full_check=True)
    return csr


def _claim_arrays(claim: Claim) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if claim.flows is not None:
        rows, columns, high, low = claim.flows
        out |= {
            "rows": rows,
            "columns": columns,
            "flows": high,
            "flows_low": np.zeros(len(high)) if low is None else low,
        }
    for names, pair in ((("f", "g"), claim.potentials), (("ray_f", "ray_g"), claim.ray)):
        out |= {} if pair is None else dict(zip(names, pair))
    if claim.units is not None:
        out |= {"units": np.array([str(unit) for unit in claim.units] or [""])[: len(claim.units)]}
    return out | ({} if claim.cut is None else {"cut": claim.cut})


def _storable(value: Any) -> np.ndarray:
    """An array of little-endian float64, int64 or text, at least one-dimensional."""
    array = np.atleast_1d(np.asarray(value))
    kind = {"f": "<f8", "b": "<i8", "i": "<i8", "u": "<i8"}.get(array.dtype.kind)
    return np.ascontiguousarray(array, kind) if kind else array.astype(f"<U{max(1, array.dtype.itemsize // 4)}")


def _digest(held: dict[str, np.ndarray]) -> str:
    """The SHA-256 of a problem's arrays with their names, kinds and shapes."""
    found = hashlib.sha256()
    for name in _PROBLEM:
        if name in held:
            found.update(f"{name} {held[name].dtype.str} {held[name].shape};".encode())
            found.update(held[name].tobytes())
    return found.hexdigest()


def _stored_text(array: Any) -> str:
    return str(array[0])


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """The arrays as an npz with the seal as its comment, written beside and renamed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, value in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, _storable(value), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue())
        archive.comment = b"0" * _SEAL
    body = buffer.getvalue()[:-_SEAL]
    whole = body + hashlib.sha256(body).hexdigest().encode()
    write_atomically(path, lambda name: Path(name).write_bytes(whole))


def _read(path: Path) -> dict[str, Any]:
    """The arrays of a sealed npz."""
    kind, writer = "a proof file of otgen", "save_proof"
    data = stored_bytes(path, kind, writer)
    if len(data) <= _SEAL or hashlib.sha256(data[:-_SEAL]).hexdigest().encode() != data[-_SEAL:]:
        raise InvalidInput(
            f"{path} must be a proof file with an unbroken seal; received one in which some bit was changed, or another "
            f"file; fetch or write it again"
        )
    return stored_arrays(path, data, kind, writer)
