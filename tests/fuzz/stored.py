"""Files in bytes: right ones, cut, changed and put together wrong, and bytes that are no file at all, into every reader."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import safetensors.torch
import torch

import otgen
from otgen.app import files
from otgen.lab.training import checkpoint
from otgen.lab.training.run import _fresh

from .calls import call, enter
from .draws import Draw, Numbers
from .judges import CONSISTENT, EITHER, PROVEN, Trial, demand

_WORDS = (b"nan", b"inf", b"1e999", b"-", b",", b";", b"\t", b'"', b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"1_000", b"0x1p3", b"9" * 25, b"'shape': (1", b"PK\x03\x04")  # fmt: skip


def mutated(draw: Draw, data: bytes) -> bytes:
    """A file of which bytes are changed, cut out, doubled, or put in."""
    out = bytearray(data)
    for _ in range(draw.one(1, 1, 2, 5, 20)):
        at = draw.whole(0, max(len(out) - 1, 0))
        kind = draw.whole(0, 6)
        if kind == 0 and out:
            out[at] ^= 1 << draw.whole(0, 7)
        elif kind == 1 and out:
            out[at] = draw.whole(0, 255)
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            del out[at : at + draw.whole(1, 20)]
        elif kind == 4:
            out[at:at] = out[at : at + draw.whole(1, 50)]
        elif kind == 5:
            out[at:at] = draw.one(*_WORDS)
        else:
            out[at : at + 8] = draw.rng.bytes(8)
    return bytes(out)


def _array(draw: Draw) -> np.ndarray:
    array = Numbers.drawn(draw)(draw, (draw.size(8), draw.whole(0, 3)))
    with np.errstate(all="ignore"):
        return array.astype(draw.one("f8", "f8", "f4", "f2", ">f8", "c16", "U5", "longdouble", "M8[s]", "bool"))


def _npy(draw: Draw) -> bytes:
    held = io.BytesIO()
    np.save(held, _array(draw))
    return held.getvalue()


def _npz(draw: Draw) -> bytes:
    held = io.BytesIO()
    draw.one(np.savez, np.savez_compressed)(
        held, **{draw.one("x", "points", "", "a/b"): _array(draw), **({"w": _array(draw)} if draw.chance(0.5) else {})}
    )
    return held.getvalue()


def _table(draw: Draw) -> bytes:
    separator, end = draw.one(",", ";", "\t", " "), draw.one("\n", "\r\n", "\r")
    head = separator.join(draw.one("x", "y", "", '"a b"', "weight", "1", "id", "µ") for _ in range(3))
    rows = [separator.join(_cell(draw) for _ in range(3)) for _ in range(draw.whole(0, 6))]
    return end.join(([head] if draw.chance(0.6) else []) + rows).encode(draw.one("utf-8", "utf-8", "latin-1", "utf-16"))


def _cell(draw: Draw) -> str:
    if draw.chance(0.9):
        return f"{draw.rng.normal():.6g}"
    return draw.one(f"{draw.rng.normal():.6g}", str(draw.whole(-9, 9)), "1,5", "", "nan", "1e400", "abc", '"2"', "2020-01-01", str(2**63 + 1), "True", " 3 ", "1.234,5", "=1+1")  # fmt: skip


def _parquet(draw: Draw) -> bytes:
    held = io.BytesIO()
    n = draw.whole(0, 5)
    columns = {
        "x": draw.rng.normal(size=n), "k": draw.rng.integers(-9, 9, n), "s": ["a"] * n, "n": [None] * n, "d": [1.5, None, 2.0, 0.0, 1.0][:n],
        "t": np.arange(n).astype("M8[ns]"), "b": [True] * n, "l": [[1.0]] * n, "u": np.full(n, 2**63 + 1, np.uint64),
    }  # fmt: skip
    pyarrow.parquet.write_table(pyarrow.table({name: columns[name] for name in columns if draw.chance(0.4)}), held)
    return held.getvalue()


_KINDS: dict[str, Callable[[Draw], bytes]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _table,
    ".tsv": _table,
    ".txt": _table,
    ".parquet": _parquet,
}


def _read(ending: str) -> Callable[[Draw], Trial]:
    def make(draw: Draw) -> Trial:
        data = _KINDS[ending](draw) if draw.chance(0.93) else draw.rng.bytes(draw.whole(0, 200))
        data = mutated(draw, data) if draw.chance(0.4) else data
        packed = draw.chance(0.1)
        if packed:
            data = gzip.compress(data)
            data = mutated(draw, data) if draw.chance(0.5) else data
        options: dict[str, Any] = {}
        if draw.chance(0.2):
            options = draw.one(
                {"columns": ["x", "k"]},
                {"weights": "w"},
                {"key": "points"},
                {"columns": ["1"]},
                {"columns": ["x"], "weights": "weight"},
            )

        def ask() -> Any:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"f{ending}{'.gz' * packed}"
                path.write_bytes(data)
                return files.read(path, **options)

        def judge(found: Any) -> str:
            demand(isinstance(found.points, np.ndarray), "points are a", type(found.points))
            return CONSISTENT

        return Trial(ask, judge, EITHER, (ending, data[:200], options))

    return make


for _ending in _KINDS:
    enter(f"reading {_ending}", _read(_ending), (), 0.7)


@cache
def _proof() -> tuple[bytes, otgen.Problem, float]:
    """A proof file, its problem, and the truth: 5 exactly."""
    result = otgen.wasserstein([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [4.0, 4.0]])
    with tempfile.TemporaryDirectory() as folder:
        result.save_proof(Path(folder) / "p.npz")
        data = (Path(folder) / "p.npz").read_bytes()
    return data, otgen.Problem.from_points([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [4.0, 4.0]]), 5.0


def resealed(data: bytes) -> bytes:
    """A file with a seal that holds: its maker lies."""
    body = data[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def _rewritten(draw: Draw, data: bytes) -> bytes:
    """One array of a proof file is another one, or missing."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    name = draw.one(*held)
    if draw.chance(0.15):
        del held[name]
    else:
        entry = io.BytesIO()
        old = np.load(io.BytesIO(held[name]))
        new = Numbers.drawn(draw)(draw, old.shape if draw.chance(0.7) else (draw.whole(0, 3),)).astype(
            draw.one("f8", "f8", "i8"), copy=False
        )
        with np.errstate(all="ignore"):
            np.save(entry, new if draw.chance(0.8) else np.array(["nonsense"]))
        held[name] = entry.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for one, content in held.items():
            archive.writestr(one, content)
        archive.comment = b"0" * 64
    return resealed(out.getvalue())


@call(share=1.0, name="reading proofs")
def proofs(draw: Draw) -> Trial:
    """A proof file that was tampered with is refused, or proves what is true."""
    data, problem, truth = _proof()
    kind = draw.whole(0, 3)
    changed = (
        mutated(draw, data)
        if kind == 0
        else _rewritten(draw, data)
        if kind > 1
        else resealed(mutated(draw, data[:-64]) + b"0" * 64)
    )

    def ask() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "p.npz"
            path.write_bytes(changed)
            proof = otgen.load_proof(path)
            return proof, repr(proof), proof.verify(problem)

    def judge(answer: Any) -> str:
        lower, upper = answer[2]
        root = answer[0].root
        value = truth if root else truth**2
        demand(
            lower <= value <= upper or answer[0].mass != 1,
            f"a file that lies was verified: [{lower}, {upper}], mass {answer[0].mass}, root {root}",
        )
        return PROVEN

    return Trial(ask, judge, EITHER, (kind, changed[:100]))


@cache
def _map() -> bytes:
    fitted = otgen.semidiscrete("gaussian", [[0.0, 1.0], [0.0, -1.0]], tol=None, max_draws=100, rng=0)
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder) / "m.npz")
        return (Path(folder) / "m.npz").read_bytes()


@call(share=0.5, name="reading maps")
def maps(draw: Draw) -> Trial:
    data = mutated(draw, _map()) if draw.chance(0.4) else _rewritten(draw, _map())[:-64] + b"0" * 64

    def ask() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.npz"
            path.write_bytes(data)
            found = otgen.load_semidiscrete(path)
            return found, found.sample(np.zeros((2, found.points.shape[1])))

    def judge(answer: Any) -> str:
        found, index = answer
        demand(((index >= 0) & (index < len(found.points))).all(), "noise is sent to no point:", index)
        return CONSISTENT

    return Trial(ask, judge, EITHER, data[:200])


@call(share=0.5, name="reading tiles")
def tiles(draw: Draw) -> Trial:
    """A checkpoint of all pairs whose files were tampered with: measured anew, or refused."""
    sets = [[0.0, 1.0], [2.0], [5.0, 7.0]]

    def ask() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "kept"
            right = otgen.pairwise(sets, p=1, checkpoint=place)
            path = draw.one(*sorted(place.iterdir()))
            path.write_bytes(mutated(draw, path.read_bytes()))
            return right, otgen.pairwise(sets, p=1, checkpoint=place)

    def judge(answer: Any) -> str:
        demand(np.array_equal(*answer), "a damaged checkpoint was believed:", answer)
        return PROVEN

    return Trial(ask, judge)


@cache
def _checkpoint() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder), _fresh("gan", "ring", 0, None)[1], {"steps": 1})
        return (Path(folder) / checkpoint.NAME).read_bytes()


def _rebuilt(draw: Draw, data: bytes) -> bytes:
    """A checkpoint that lacks a tensor or a note, or has others in their place."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.safetensors"
        path.write_bytes(data)
        with safetensors.safe_open(path, framework="pt") as opened:
            notes, held = json.loads(opened.metadata()["run"]), {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        if draw.chance(0.5):
            name = draw.one(*held)
            if draw.chance(0.4):
                del held[name]
            else:
                held[name] = torch.zeros(draw.whole(0, 3))
        else:
            name = draw.one(*notes)
            notes[name] = draw.one(None, -1, "x", [], {}, {"steps": 1}, 10**400)
            if draw.chance(0.3):
                del notes[name]
        words = json.dumps(notes)
        digest = {"digest": checkpoint.digest(held, words)} if draw.chance(0.9) else {}
        return safetensors.torch.save(held, {"run": words} | digest)


@call(share=0.3, name="reading checkpoints")
def checkpoints(draw: Draw) -> Trial:
    """A training checkpoint that was tampered with."""
    data = mutated(draw, _checkpoint()) if draw.chance(0.5) else _rebuilt(draw, _checkpoint())

    def ask() -> Any:
        state = _fresh("gan", "ring", 0, None)[1]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / checkpoint.NAME).write_bytes(data)
            checkpoint.load(Path(folder), state, {"steps": 1}, (0, 1))
        return state

    return Trial(ask, lambda answer: CONSISTENT, EITHER, data[:100])
