"""The command line, inside this process: files in, one JSON object or one sentence out."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from otgen.app import commands

from . import truths
from .calls import call
from .draws import Draw, Numbers
from .judges import CONSISTENT, EITHER, ENDED, PROVEN, REFUSED, Trial, demand, holds_interval

_NUMBERS = ("0", "1", "-1", "0.5", "nan", "inf", "abc", "", "1e400", "5%", "1e-300", "2", "9999999999999999999999")
_SLOW = ("demo", "train", "warmup", "doctor", "check", "report")  # run for their refusals only


@dataclass(frozen=True)
class Left:
    """How a command ended: its code, and what it said."""

    code: int
    out: str
    err: str


def run(*arguments: str) -> Left:
    """A command, as a user would call it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            commands.main(arguments)
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
    return Left(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _inside(files: dict[str, Any]) -> Any:
    """A folder of files, which is where commands run."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, array in files.items():
                Path(name).parent.mkdir(exist_ok=True)
                _write(name, array)
            yield
        finally:
            os.chdir(before)


def _write(name: str, array: np.ndarray) -> None:
    kind = Path(name).suffix
    if kind == ".npy":
        np.save(name, array)
    elif kind == ".npz":
        np.savez(name, points=array)
    elif kind == ".parquet":
        columns = _in_columns(array)
        pyarrow.parquet.write_table(pyarrow.table({f"x{k}": columns[:, k] for k in range(columns.shape[1])}), name)
    else:
        rows = _in_columns(array).tolist()
        Path(name).write_text(
            "\n".join(
                [
                    ",".join(f"x{k}" for k in range(len(rows[0]) if rows else 1)),
                    *(",".join(map(repr, row)) for row in rows),
                ]
            )
            + "\n"
        )


def _in_columns(array: np.ndarray) -> np.ndarray:
    return array[:, None] if array.ndim == 1 else array


def _name(draw: Draw, stem: str) -> str:
    return stem + draw.one(".npy", ".npy", ".npz", ".csv", ".parquet")


def _values(array: np.ndarray) -> list:
    return array.tolist()


def _options(draw: Draw, **choices: tuple[str, ...]) -> list[str]:
    """Some options with right and wrong values."""
    out: list[str] = []
    for name, values in choices.items():
        if draw.chance(0.12):
            out += (
                [f"--{name.replace('_', '-')}", draw.one(*values, *_NUMBERS)]
                if values
                else [f"--{name.replace('_', '-')}"]
            )
    return out


def _ended(left: Left, codes: tuple[int, ...] = (0, 2, 3)) -> str | None:
    """How it ended where there is no answer: in one sentence, on stderr or as JSON."""
    demand(left.code in codes, "exit code", left.code, left.err[-300:], left.out[-300:])
    demand("Traceback" not in left.err + left.out, "a traceback:", left.err[-500:])
    if left.code == 0:
        return None
    said = left.err.strip() or left.out.strip()
    demand(said, "nothing is said about code", left.code)
    return REFUSED if left.code == 2 else ENDED


@call(share=1.0, name="command distance")
def distance(draw: Draw) -> Trial:
    numbers = Numbers.drawn(draw)
    d = draw.one(1, 2, 3)
    x, y = (numbers(draw, (draw.whole(0 if draw.chance(0.05) else 1, 4), d)) for _ in range(2))
    one, other = _name(draw, "a"), _name(draw, "b")
    p = draw.one("1", "2", "2", "3", "inf")
    metric = draw.one("euclidean", "cityblock", "chebyshev")
    more = _options(draw, solver=("simplex", "linprog", "line", "sinkhorn"), epsilon=("5%", "1.0"), relax=("1.0",), tol=("1e-3",), max_iter=("10", "100"),
                    columns=("x0", "x1", "x0,x1"), weights=("x0", "w"), key=("points",), normalize=(), splits=("0", "2"), seed=("3",), nonsense=())  # fmt: skip
    arguments = ["distance", one, other, "--p", p, "--metric", metric, "--json", "--splits", "0", *more]

    def ask() -> Any:
        with _inside({one: x, other: y}):
            return run(*arguments)

    def judge(left: Left) -> str:
        ended = _ended(left)
        if ended:
            return ended
        found = json.loads(left.out)
        if more or not all(truths.finite(_values(z)) for z in (x, y)):
            return CONSISTENT
        order = float(p)
        costs = truths.costs_of(_values(x), _values(y), metric, order)
        masses = [truths.shares(None, len(z)) for z in (x, y)]
        truth = (
            truths.furthest(costs, *masses)
            if math.isinf(order)
            else truths.root(truths.cheapest(costs, *masses) or 0, order)
        )
        slack = max(max(row) for row in costs) / 10**45 if math.isinf(order) else truth / 10**45
        lower, upper = (found[k] if found[k] is not None else math.inf for k in ("lower", "upper"))
        holds_interval(lower, upper, truth, "distance", slack)
        return PROVEN

    return Trial(ask, judge, EITHER, (arguments, x.tolist(), y.tolist()))


@call(share=0.6, name="command transport")
def transport(draw: Draw) -> Trial:
    C = Numbers.drawn(draw)(draw, (draw.whole(1, 4), draw.whole(1, 4)))
    name = _name(draw, "c")
    more = _options(
        draw,
        solver=("simplex", "linprog", "sinkhorn"),
        epsilon=("5%",),
        relax=("1.0",),
        tol=("1e-3",),
        max_iter=("10",),
        key=("points",),
        normalize=(),
    )
    a = draw.rng.integers(0, 4, C.shape[0])
    weighted = draw.chance(0.4)
    arguments = ["transport", name, "--json", *(["--a", "a.npy"] if weighted else []), *more]

    def ask() -> Any:
        with _inside({name: C, "a.npy": a}):
            return run(*arguments)

    def judge(left: Left) -> str:
        ended = _ended(left)
        if ended or more or C.dtype.kind != "f" or not np.isfinite(C).all():
            return ended or CONSISTENT
        found = json.loads(left.out)
        masses = truths.shares(a.tolist() if weighted else None, C.shape[0]), truths.shares(None, C.shape[1])
        total = int(a.sum()) if weighted else 1
        truth = truths.cheapest([[truths.Fraction(v) for v in row] for row in C.tolist()], *masses)
        slack = truths.Fraction(float(np.abs(C).max())) * total / 2**50
        holds_interval(found["lower"], found["upper"], (truth or 0) * total, "cost", slack)
        return PROVEN

    return Trial(ask, judge, EITHER, (arguments, C.tolist(), a.tolist()))


@call(share=0.4, name="command divergence")
def divergence(draw: Draw) -> Trial:
    kind = draw.one("kl", "js", "tv", "hellinger", "chi2")
    masses = draw.chance(0.6)
    n = draw.whole(1, 8)
    with np.errstate(all="ignore"):
        x, y = (np.abs(Numbers.drawn(draw)(draw, (n,) if masses else (n + 8, 2)).astype(float)) for _ in range(2))
    one, other = _name(draw, "a"), _name(draw, "b")
    arguments = [
        "divergence",
        one,
        other,
        "--kind",
        kind,
        "--json",
        *(["--masses"] if masses else []),
        *_options(draw, seed=("1",), columns=("x0",), key=("points",)),
    ]
    slow = not masses and kind in ("js", "tv") and not draw.chance(0.1)

    def ask() -> Any:
        with _inside({one: x, other: y}):
            return Left(2, "", "left out") if slow else run(*arguments)

    return Trial(
        ask,
        lambda left: _ended(left) or (json.loads(left.out) and CONSISTENT),
        EITHER,
        (arguments, x.tolist(), y.tolist()),
    )


@call(share=0.3, name="command pairwise")
def pairwise(draw: Draw) -> Trial:
    numbers = Numbers.drawn(draw, tame=draw.chance(0.7))
    files = {
        f"sets/{_name(draw, str(k))}": numbers(draw, (draw.whole(1, 4), draw.one(1, 2, 2, 2)))
        for k in range(draw.whole(0, 4))
    }
    arguments = ["pairwise", "sets", "--out", draw.one("d.npz", "d.npz", "d.npz", "d.csv", "sets/d.npz", "none/d.npz"), "--json",
                 *_options(draw, p=("1", "inf"), metric=("cityblock",), epsilon=("5%",), jobs=("1", "2"), checkpoint=("kept",), force=(), normalize=())]  # fmt: skip

    def ask() -> Any:
        with _inside({**files, "other.npy": np.zeros(2)}):
            return run(*arguments)

    return Trial(
        ask,
        lambda left: _ended(left) or (json.loads(left.out) and CONSISTENT),
        EITHER,
        (arguments, {k: v.tolist() for k, v in files.items()}),
    )


@call(share=0.3, name="command verify")
def verify(draw: Draw) -> Trial:
    """Right proof files are verified, all others refused in words, with code 1."""
    from .stored import _proof, _rewritten, mutated

    data, kind = _proof()[0], draw.whole(0, 2)
    content = data if kind == 0 else mutated(draw, data) if kind == 1 else _rewritten(draw, data)
    arguments = ["verify", "p.npz", *draw.one([], ["--json"], ["q.npz"])]

    def ask() -> Any:
        with _inside({}):
            Path("p.npz").write_bytes(content)
            return run(*arguments)

    def judge(left: Left) -> str:
        demand(kind or "q.npz" in arguments or left.code == 0, "a right proof is refused:", left.out, left.err)
        return _ended(left, (0, 1, 2)) if left.code != 1 else REFUSED

    return Trial(ask, lambda left: judge(left) or PROVEN, EITHER, (arguments, kind))


@call(share=0.3, name="commands of nonsense")
def nonsense(draw: Draw) -> Trial:
    """Arguments that are none: usage errors, in one sentence."""
    words = (
        *_NUMBERS,
        "a.npy",
        "none.npy",
        "--p",
        "--json",
        "--out",
        "page.html",
        "--html",
        "-",
        "--list",
        "--force",
        "--seed",
        "--tol",
        "--epsilon",
        "gan",
        "--nonsense",
    )
    command = draw.one(*_SLOW, "distance", "transport", "pairwise", "divergence", "verify", "nonsense", "")
    arguments = [command, *(draw.one(*words) for _ in range(draw.whole(0, 4)))]
    if command in _SLOW:
        arguments += draw.one(["--nonsense"], ["--out", "/dev/null"], ["--seed", "x"], ["--help"])
        if command in ("check", "demo", "doctor", "warmup") and "--help" not in arguments:
            arguments += ["--nonsense"]

    def ask() -> Any:
        with _inside({"a.npy": np.zeros((2, 2))}):
            return run(*arguments)

    return Trial(ask, lambda left: _ended(left, (0, 1, 2, 3)) or CONSISTENT, EITHER, arguments)
