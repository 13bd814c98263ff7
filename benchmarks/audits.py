"""Inputs on which other libraries return a wrong number, run through the library that is installed, and what an audit says of it.

    python benchmarks/audits.py

writes docs/audits.rst anew. Every claimed value is audited twice: beside the plan and the potentials that came with it, if any did, and
beside ours. What is true is known from elsewhere: by hand, or by scipy's assignment solver on numbers that it handles.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import ot
import scipy.optimize
import scipy.sparse
import torch

import otgen
from otgen.inputs import numerals

PAGE = Path(__file__).parents[1] / "docs" / "audits.rst"
INF = math.inf


@dataclass(frozen=True)
class Row:
    """An input, a peer's call, and what is true of it.

    ``problem`` are arguments of :func:`otgen.audit` that say what is asked; ``answer`` runs the peer and returns those that say what it
    answers. ``truth`` is the value in the units of the claim; None where the problem is malformed, so that there is none. ``of_cost``
    says that both are of the cost before the root.
    """

    name: str
    input: str
    peer: str
    problem: dict[str, Any]
    answer: Callable[[], dict[str, Any]]
    truth: float | None
    of_cost: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a row: what was claimed (None if nothing was), the audit of it, and the interval that we prove of the problem.

    ``evidence`` says whose plan and potentials the audit is of; ``said`` is the peer's error, or ours where the problem is malformed;
    ``warned`` whether the peer warned.
    """

    row: Row
    claimed: float | None
    audit: otgen.Audit | None = None
    evidence: str = ""
    proven: tuple[float, float] | None = None
    said: str = ""
    warned: bool = False

    @property
    def right(self) -> bool:
        """Whether the claimed value is the true one, to 1e-6 of the claim."""
        claimed, truth = self.claimed, self.row.truth
        if claimed is None or truth is None:
            return False
        return claimed == truth or abs(claimed - truth) <= _room(claimed)

    @property
    def flagged(self) -> bool:
        """Whether the audit refutes the claim, the proven interval does not hold it, or the problem is refused."""
        if self.claimed is None:
            return False
        if self.audit is None or self.proven is None:
            return True
        low, high = self.proven
        inside = low - _room(self.claimed) <= self.claimed <= high + _room(self.claimed)
        return self.audit.holds is False or not inside

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.claimed is None:
            return f"no number: {self.said}"
        if self.audit is None:
            return f"no such problem: {self.said}"
        if self.audit.holds is False:
            return f"refuted by {self.evidence}"
        if self.flagged:
            return "outside what we prove"
        return "right, and proven by its own answer" if "is proven" in self.audit.verdict else "right"


def _room(claimed: float) -> float:
    return 1e-6 * abs(claimed) if math.isfinite(claimed) else 0.0


def run(row: Row) -> Outcome:
    """Ask the peer, and audit what it returns; beside our plan and potentials where it returns a number only."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            answer = row.answer()
        except Exception as fault:
            return Outcome(row, None, said=f"{type(fault).__name__}, {_first_words(fault)}")
    name = "cost" if row.of_cost else "value"
    if answer["value"] is None:
        return Outcome(row, None, said="the value is None", warned=bool(heard))
    claimed = float(answer["value"])
    evidence = {key: answer[key] for key in ("plan", "potentials") if answer.get(key) is not None}
    try:
        result = _solved(**row.problem)
        whose = "its own answer" if evidence else "our plan and potentials"
        with np.errstate(over="ignore"):  # of potentials at p = 540
            found = otgen.audit(**row.problem, **(evidence or dict(plan=result, potentials=result)), **{name: claimed})
    except otgen.InvalidInput as fault:
        return Outcome(row, claimed, said=_first_words(fault), warned=bool(heard))
    proven = (result.cost_lower, result.cost_upper) if row.of_cost else (result.lower, result.upper)
    return Outcome(row, claimed, found, whose, proven, warned=bool(heard))  # pyright: ignore[reportArgumentType]


def ends(outcome: Outcome) -> tuple[float, float]:
    """The interval of the audit: of the cost where that is what the peer returns."""
    found = outcome.audit
    assert found is not None
    if not outcome.row.of_cost:
        return found.lower, found.upper
    assert found.cost_lower is not None
    assert found.cost_upper is not None
    return found.cost_lower, found.cost_upper


def _first_words(fault: BaseException) -> str:
    """What is wrong, without the remedy or the numbers that differ."""
    return " ".join(" ".join(str(fault).split(";")[0].splitlines()[:3]).split())


def _solved(epsilon: float = 0, **problem: Any) -> otgen.Result:
    """Our own result."""
    if "C" in problem:
        return otgen.transport(**problem, throw=False)
    return otgen.sinkhorn(**problem, epsilon=epsilon, tol=1e-9) if epsilon else otgen.wasserstein(**problem)


# ------------------------------------------------------------------------------------------------------------------ peers


def emd(a: Any, b: Any, C: Any, **options: Any) -> dict[str, Any]:
    """POT's exact solver: the value, the plan and the potentials."""
    value = ot.emd2(a, b, C, **options)
    plan, log = ot.emd(a, b, C, log=True, **options)
    return dict(value=value, plan=plan, potentials=(log["u"], log["v"]))


def solve_sample(x: Any, y: Any) -> dict[str, Any]:
    """POT's exact solver of samples, squared distances."""
    found: Any = ot.solve_sample(x, y)
    return dict(value=found.value, plan=found.plan, potentials=found.potentials)


def line(x: Any, y: Any, a: Any = None, b: Any = None, *, p: float) -> dict[str, Any]:
    """POT's one-dimensional solver, which returns the p-th power."""
    power = float(ot.wasserstein_1d(x, y, a, b, p=p))
    return dict(value=power if math.isinf(p) else power ** (1 / p))


def sinkhorn(C: Any, method: str) -> dict[str, Any]:
    """POT's Sinkhorn, whose value is the cost of its plan."""
    a, options = np.full(len(C), 1 / len(C)), dict(method=method, numItermax=1000)
    return dict(value=ot.sinkhorn2(a, a, C, 1e-4, **options), plan=ot.sinkhorn(a, a, C, 1e-4, **options))


def highs(C: Any) -> dict[str, Any]:
    """HiGHS through scipy, uniform weights: the value, the plan and the duals."""
    n = len(C)
    eye, ones = scipy.sparse.eye_array(n), np.ones((1, n))
    sums = scipy.sparse.vstack([scipy.sparse.kron(eye, ones), scipy.sparse.kron(ones, eye)])
    found: Any = scipy.optimize.linprog(C.ravel(), A_eq=sums, b_eq=np.full(2 * n, 1 / n), method="highs")
    duals = found.eqlin.marginals
    return dict(value=found.fun, plan=found.x.reshape(n, n), potentials=(duals[:n], duals[n:]))


def geomloss(x: Any, y: Any, blur: float) -> dict[str, Any]:
    """GeomLoss with p = 2; its cost is half ours."""
    from geomloss import SamplesLoss

    tensors, options = [torch.tensor(z) for z in (x, y)], dict(p=2, blur=blur, debias=False, backend="tensorized")
    value = 2 * float(SamplesLoss("sinkhorn", scaling=0.95, **options)(*tensors))
    f, g = SamplesLoss("sinkhorn", scaling=0.95, potentials=True, **options)(*tensors)
    return dict(value=value, potentials=(2 * f.ravel(), 2 * g.ravel()))


# ------------------------------------------------------------------------------------------------------------------- rows


def assigned(C: Any) -> float:
    """The optimum between equally many points of equal weight, by scipy's assignment solver."""
    rows, columns = scipy.optimize.linear_sum_assignment(C)
    return math.fsum(C[rows, columns]) / len(C)


def squares(x: Any, y: Any) -> Any:
    """Squared distances by differences, in float64."""
    return ((x.astype(float)[:, None] - y.astype(float)) ** 2).sum(-1)


def rows() -> list[Row]:
    """All rows, in the order of the page."""
    return [*_masses(), *_costs(), *_points(), *_lines(), *_entropic()]


def _masses() -> list[Row]:
    square, half = [[0.0, 1.0], [1.0, 0.0]], np.array([0.5, 0.5])
    C = np.array(square)
    malformed = [
        ("unequal totals", "totals 2e-9 and 1e-7", np.full(2, 1e-9), np.full(2, 5e-8)),
        ("half the mass", "weights (.5, .5) against (1, 1)", half, np.ones(2)),
        ("negative weight", "weights (1.5, -.5) against (.5, .5)", np.array([1.5, -0.5]), half),
    ]
    out = [
        Row(name, text, "POT ``emd2``", dict(C=C, a=a, b=b), partial(emd, a, b, C), None)
        for name, text, a, b in malformed
    ]
    a, b = np.array([5e8, 5e8]), np.array([4e8, 6e8 * (1 + 1e-14)])
    out += [Row("large totals", "totals 1e9 that differ by 1e-14 of it", "POT ``emd2``", dict(C=C, a=a, b=b), partial(emd, a, b, C), 1e8)]  # fmt: skip
    x = np.arange(10.0).reshape(5, 2)
    D, single, double = squares(x, x + 1), np.full(5, 0.2, np.float32), np.full(5, 0.2)
    out += [Row("float32 weights", "float32 weights 1/5 against float64 ones", "POT ``emd2``", dict(C=D, a=single, b=double), partial(emd, single, double, D), 2.0 * float(np.float32(0.2)) * 5)]  # fmt: skip
    return out


def _costs() -> list[Row]:
    rng = np.random.default_rng
    C = rng(0).random((200, 200))
    u = np.full(200, 1 / 200)
    out: list[Row] = []
    for power in (-12, -14, -300, 300):
        scale = 10.0**power
        text = f"200 x 200 uniform costs, times 1e{power}"
        out += [Row(f"emd 1e{power}", text, "POT ``emd2``", dict(C=C * scale), partial(emd, u, u, C * scale), assigned(C) * scale)]  # fmt: skip
    small = C[:30, :30]
    out += [Row("HiGHS 1e-12", "30 x 30 uniform costs, times 1e-12", "scipy ``linprog`` (HiGHS)", dict(C=small * 1e-12), partial(highs, small * 1e-12), assigned(small) * 1e-12)]  # fmt: skip
    v = np.full(30, 1 / 30)
    mixed = rng(0).random((40, 40)) * 100
    mixed[rng(1).integers(40, size=3), rng(2).integers(40, size=3)] = 1e16
    w = np.full(40, 1 / 40)
    out += [Row("mixed magnitudes", "40 x 40 costs below 100, three of them 1e16", "POT ``emd2``", dict(C=mixed), partial(emd, w, w, mixed), assigned(np.minimum(mixed, 1e6)))]  # fmt: skip
    half = np.array([0.5, 0.5])
    D = np.array([[INF, 1.0], [INF, 1.0]])
    out += [Row("infeasible", "2 x 2 costs, one column forbidden", "POT ``emd2``", dict(C=D), partial(emd, half, half, D), INF)]  # fmt: skip
    D = np.array([[np.nan, 1.0], [1.0, 0.0]])
    out += [Row("NaN cost", "2 x 2 costs, one of them NaN", "POT ``emd2``", dict(C=D), partial(emd, half, half, D), None)]  # fmt: skip
    for limit in (1, 50):
        text = f"30 x 30 uniform costs, ``numItermax={limit}``"
        out += [Row(f"{limit} iterations", text, "POT ``emd2``", dict(C=small), partial(emd, v, v, small, numItermax=limit), assigned(small))]  # fmt: skip
    return out


def _points() -> list[Row]:
    x, y = np.array([[1e8], [1e8 + 1]]), np.array([[1e8 + 3], [1e8 + 3]])
    far = dict(x=x, y=y)
    out = [Row("far from the origin", "1e8, 1e8 + 1 against 1e8 + 3 twice, squared", "POT ``solve_sample``", far, partial(solve_sample, x, y), 6.5, of_cost=True)]  # fmt: skip
    for power, kind in ((4, np.float32), (6, np.float32), (4, np.float64), (8, np.float64)):
        rng = np.random.default_rng(0)
        x, y = ((rng.random((20, 3)) + 10.0**power).astype(kind) for _ in range(2))
        text = f"20 uniform points a side, plus 1e{power}, {np.dtype(kind).name}"
        out += [Row(f"plus 1e{power} {kind.__name__}", text, "POT ``solve_sample``", dict(x=x, y=y), partial(solve_sample, x, y), assigned(squares(x, y)), of_cost=True)]  # fmt: skip
    for kind, one, other in ((np.int8, 100, -100), (np.int32, 60_000, -60_000), (np.uint8, 250, 5)):
        x, y = np.array([[one]], kind), np.array([[other]], kind)
        text = f"{np.dtype(kind).name} {one} against {other}, squared"
        truth = float((one - other) ** 2)
        call = partial(_integers, x, y)
        out += [Row(np.dtype(kind).name, text, "POT ``dist``, ``emd2``", dict(x=x, y=y), call, truth, of_cost=True)]
    x, y = np.array([[-4e307, 0.0]]), np.array([[4e307, 0.0]])
    out += [Row("largest floats", "(-4e307, 0) against (4e307, 0)", "POT ``dist``, ``emd2``", dict(x=x, y=y, p=1), partial(_euclidean, x, y), 8e307)]  # fmt: skip
    return out


def _integers(x: Any, y: Any) -> dict[str, Any]:
    found = emd(np.ones(1), np.ones(1), ot.dist(x, y).astype(float))
    return dict(value=found["value"], plan=found["plan"], potentials=found["potentials"])


def _euclidean(x: Any, y: Any) -> dict[str, Any]:
    return emd(np.ones(1), np.ones(1), ot.dist(x, y, metric="euclidean"))


def _lines() -> list[Row]:
    x, y = np.array([0, 1, 2]), np.array([1, 2, 3])
    call = "POT ``wasserstein_1d``"
    out = [Row("integers on the line", "integers 0, 1, 2 against 1, 2, 3", call, dict(x=x, y=y, p=1), partial(line, x, y, p=1), 1.0)]  # fmt: skip
    for p in (540, INF):
        out += [Row(f"p = {p}", f"0, 1, 2 against 1, 2, 3, p = {p}", call, dict(x=x, y=y, p=p), partial(line, x * 1.0, y * 1.0, p=p), 1.0)]  # fmt: skip
    for unit in (1e-2, 1e2):
        one, other = x * unit, y * unit
        out += [Row(f"p = 540, {unit:g}", f"the same times {unit:g}, p = 540", call, dict(x=one, y=other, p=540), partial(line, one, other, p=540), unit)]  # fmt: skip
    x, y, a, b = np.repeat(np.arange(0.0, 50, 10), 2), np.arange(0.0, 50, 10), np.full(10, 0.1), np.full(5, 0.2)
    for p in (4, 20, 540, INF):
        text = f"0, 0, 10, 10, .., 40, 40 against 0, 10, .., 40, p = {p}"
        out += [Row(f"breakpoints, p = {p}", text, call, dict(x=x, y=y, a=a, b=b, p=p), partial(line, x, y, a, b, p=p), 0.0)]  # fmt: skip
    return out


def _entropic() -> list[Row]:
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 2)), rng.random((30, 2))
    C = squares(x, y)
    out = [
        Row(f"POT {method}", "30 uniform points a side, epsilon 1e-4, 1000 iterations", f"POT ``sinkhorn2``, ``{method}``", dict(C=C), partial(sinkhorn, C, method), assigned(C))
        for method in ("sinkhorn", "sinkhorn_log", "sinkhorn_stabilized")
    ]  # fmt: skip
    text = "the same, epsilon .1, ``lazy=True``"
    out += [Row("lazy", text, "POT ``solve_sample``", dict(x=x, y=y, epsilon=0.1), partial(_lazy, x, y), None)]  # fmt: skip
    epsilon, kind = 2 * 0.3**2, np.float32
    for power in (0, 4):
        one, other = ((z + (10.0**power if power else 0)).astype(kind) for z in (x, y))
        exact: Any = ot.solve(squares(one, other), reg=epsilon, reg_type="KL", tol=1e-12, max_iter=100_000)
        text = f"the same{f' plus 1e{power}' if power else ''}, float32, blur .3"
        out += [Row(f"GeomLoss plus 1e{power}" if power else "GeomLoss", text, "GeomLoss ``SamplesLoss``", dict(x=one, y=other, epsilon=epsilon), partial(geomloss, one, other, 0.3), float(exact.value))]  # fmt: skip
    return out


def _lazy(x: Any, y: Any) -> dict[str, Any]:
    return dict(value=ot.solve_sample(x, y, reg=0.1, lazy=True).value)  # pyright: ignore[reportAttributeAccessIssue]


ROWS = rows()


# ------------------------------------------------------------------------------------------------------------------- page

HEAD = """Audits of other libraries
=========================

:func:`otgen.audit` reads an answer, whoever gave it, and says what it proves: a lower end of the truth from its potentials, an upper one
from its plan (:doc:`certificates`). Below, inputs on which other libraries were seen to return a wrong number were run through the
versions that are installed here, {versions}, and what came back was audited.
Where a peer returns nothing but a number, the audit is of our plan and potentials beside it. The last interval is that of our own result.

*Refuted by its own answer*: the plan and the potentials that came with the number already prove that it is wrong. *Outside what we
prove*: its plan is a plan and its potentials bound the truth from below, but the number is not optimal, which takes better
potentials to see. A claim is forgiven 1e-6 of itself; where the truth is 0, nothing. Rows that say *right* are inputs on which an older
version was seen to fail, and which this one answers rightly, or with an error in place of a number.

``python benchmarks/audits.py`` writes this page anew; ``tests/distances/test_audit_of_peers.py`` asserts that every wrong number on it is found,
and no right one, with truths that are known by hand or by scipy's assignment solver.
"""
COLUMNS = ("input", "peer", "claimed", "its audit", "otgen proves", "verdict")
WIDTHS = (24, 16, 14, 20, 20, 18)


def page(outcomes: list[Outcome]) -> str:
    """The page, in reStructuredText."""
    names = {"POT": "POT", "scipy": "scipy", "GeomLoss": "geomloss"}
    versions = ", ".join(f"{name} {version(package)}" for name, package in names.items())
    lines = [HEAD.format(versions=versions), ".. list-table::", "   :header-rows: 1"]
    lines += [f"   :widths: {' '.join(map(str, WIDTHS))}", "", *_cells(COLUMNS)]
    for outcome in outcomes:
        claimed = "none" if outcome.claimed is None else f"{outcome.claimed:.9g}{', with a warning' * outcome.warned}"
        audit = "" if outcome.audit is None else _interval(*ends(outcome))
        proven = "" if outcome.proven is None else _interval(*outcome.proven)
        lines += _cells((outcome.row.input, outcome.row.peer, claimed, audit, proven, outcome.verdict))
    return "\n".join(lines) + "\n"


def _interval(low: float, high: float) -> str:
    return numerals.interval(low, high, 9)


def _cells(cells: tuple[str, ...]) -> list[str]:
    return [f"   {'-' if k else '* -'} {cell}".replace("   -", "     -").rstrip() for k, cell in enumerate(cells)]


if __name__ == "__main__":
    PAGE.write_text(page([run(row) for row in ROWS]), encoding="utf-8")
