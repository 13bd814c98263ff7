"""Proof files: what they hold, that they are checked by code that shares nothing with ours, and that no bit can change."""

import ast
import hashlib
import json
import math
import re
import runpy
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import otgen
import otgen.app
from otgen.distances import proof_file

CHECKER = otgen.app.__path__[0] + "/check_proof.py"
checker = runpy.run_path(CHECKER)
Refused, Proof = checker["Refused"], checker["Proof"]
INF = math.inf


def problems(count, seed):
    """Results of random problems of every exact kind."""
    rng = np.random.default_rng(seed)
    metrics = ["euclidean", "cityblock", "chebyshev", otgen.Minkowski(3), otgen.Minkowski(1.5), otgen.Circular(6.5)]
    for _ in range(count):
        n, m, d = rng.integers(1, 7), rng.integers(1, 7), rng.integers(1, 4)
        a, b = (rng.integers(0, 4, k) + (np.arange(k) == 0) for k in (n, m))
        if rng.random() < 0.3:
            C = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-200, 200)
            C[rng.random((n, m)) < 0.2] = INF
            listed = scipy.sparse.csr_array(np.where(np.isinf(C), 0, C)) if rng.random() < 0.5 else C
            yield otgen.transport(listed, a / a.sum(), b / b.sum(), throw=False)
            continue
        scale = 10.0 ** rng.integers(-30, 30)
        x, y = (
            scale * (rng.integers(-8, 8, (k, d)) if rng.random() < 0.5 else rng.normal(size=(k, d))) for k in (n, m)
        )
        if rng.random() < 0.1:
            yield otgen.wasserstein(abs(x) + scale, y - scale * 20, a, b, p=1, metric="cosine", normalize=True)
            continue
        p = rng.choice([1, 2, 3, 1.5, 2.25, 9, INF])
        yield otgen.wasserstein(x, y, a, b, p=p, metric=metrics[rng.integers(len(metrics))], normalize=True)


def test_five_hundred_proofs_hold_in_rational_arithmetic(tmp_path):
    kinds = dict.fromkeys(("dual", "cut", "no plan"), 0)
    path = tmp_path / "proof.npz"
    for k, result in enumerate(problems(500, 0)):
        result.save_proof(path)
        ours = otgen.load_proof(path)
        assert "within" in Proof(path).check() or ours.kind == "no plan", k
        assert ours.verify() == (ours.lower, ours.upper)
        assert (
            ours.lower <= result.lower + 1e-14 * abs(result.lower) or result.lower == INF
        )  # of a high order two proofs, a rounding apart
        assert result.upper <= ours.upper + 1e-14 * abs(ours.upper)
        kinds[ours.kind] += 1
    assert min(kinds.values()) > 10


@pytest.fixture
def saved(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "proof.npz"
    otgen.wasserstein(rng.random((5, 2)), rng.random((4, 2)), p=1).save_proof(path)
    return path


def test_a_proof_with_one_bit_changed_is_refused(saved):
    data = saved.read_bytes()
    for bit in range(0, 8 * len(data), 97):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(changed)
        with pytest.raises(otgen.InvalidInput, match="some bit was changed"):
            otgen.load_proof(saved)
        with pytest.raises(Refused, match="some bit was changed"):
            Proof(saved)


CHANGES = {
    "lower": lambda v: v * (1 + 1e-9),
    "upper": lambda v: v * (1 - 1e-9),
    "cost_lower": lambda v: v * (1 + 1e-9),
    "cost_upper": lambda v: v * (1 - 1e-9),
    "flows": lambda v: v[::-1] * 1.1,
    "columns": lambda v: np.roll(v, 1),
    "f": lambda v: v + np.arange(len(v)),
    "x": lambda v: v * 1.01,
    "a": lambda v: v * np.arange(1, len(v) + 1),
    "mass": lambda v: v * 2,
    "p": lambda v: v + 1,
    "metric": lambda v: np.array(["cityblock"]),
    "root": lambda v: v,
    "flows_low": lambda v: v - 1.0,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_forger_who_seals_anew_is_refused(saved, name):
    held = proof_file._read(saved)
    held[name] = CHANGES[name](held[name])
    given = {key: held[key] for key in proof_file._PROBLEM if key in held}
    held["digest"] = proof_file._digest({key: proof_file._storable(value) for key, value in given.items()})
    proof_file._write(saved, held)
    if name == "root":  # for p = 1 it makes no difference
        assert Proof(saved).check()
        return
    with pytest.raises(Refused):
        Proof(saved).check()
    if name not in ("mass",):
        with pytest.raises(otgen.InvalidInput):
            otgen.load_proof(saved).verify()


def test_a_digest_stands_for_the_problem(tmp_path):
    x, y = np.random.default_rng(2).random((2, 6, 2))
    path, whole = tmp_path / "digest.npz", tmp_path / "whole.npz"
    result = otgen.wasserstein(x, y)
    result.save_proof(path, embed=False)
    result.save_proof(whole)
    assert path.stat().st_size < whole.stat().st_size
    proof = otgen.load_proof(path)
    assert proof.problem is None
    assert "digest only" in repr(proof)
    with pytest.raises(otgen.InvalidInput, match="problem must be given"):
        proof.verify()
    with pytest.raises(otgen.InvalidInput, match="another digest"):
        proof.verify(otgen.Problem.from_points(x, y + 1))
    assert proof.verify(otgen.Problem.from_points(x, y)) == (proof.lower, proof.upper)
    with pytest.raises(Refused, match="only the problem's digest"):
        Proof(path)


def test_verify_takes_the_problem_that_was_proven_and_no_other(saved):
    rng = np.random.default_rng(1)
    proof = otgen.load_proof(saved)
    right = otgen.Problem.from_points(rng.random((5, 2)), rng.random((4, 2)), p=1)
    assert proof.verify(right) == proof.verify()
    with pytest.raises(otgen.InvalidInput, match="another digest"):
        proof.verify(otgen.Problem.from_points(right.source.points, right.target.points, p=2))
    with pytest.raises(otgen.InvalidInput, match="problem must be an"):
        proof.verify(right.source.points)


def documented():
    """The names in the table of the module's docstring."""
    table = proof_file.__doc__[proof_file.__doc__.index("``format``") :].split("\n")
    cells = " ".join(line[:54].strip() for line in table if not line.startswith("=="))
    return {name.strip() for group in re.findall(r"``([^`]+)``", cells) for name in group.split(",")}


LINE = np.array([0.0, 1.0, 5.0])
SAVED = {
    "points": lambda: otgen.wasserstein(np.eye(3), np.eye(3) + 0.5, [3, 1, 1], [1, 2, 2]),
    "line": lambda: otgen.wasserstein(LINE, LINE[:2] + 2, p=3),
    "bottleneck": lambda: otgen.wasserstein(np.eye(3), np.eye(3) + 0.5, p=INF),
    "matrix": lambda: otgen.transport([[1.0, 2.0, INF], [3.0, 5.0, 1.0]], [4, 2], [3, 2, 1]),
    "sparse": lambda: otgen.transport(scipy.sparse.csr_array([[1.0, 2.0], [3.0, 5.0]])),
    "no plan": lambda: otgen.transport([[INF, INF], [1.0, 1.0]], throw=False),
    "entropic": lambda: otgen.sinkhorn(np.eye(3), np.eye(3) + 0.5, epsilon=0.5, relax=(1, None)),
}


class TestTheTableOfAFile:
    """What the docstring says a file holds is what numpy reads from it, and all that it reads."""

    def read(self, result, path):
        result.save_proof(path)
        with np.load(path, allow_pickle=False) as held:
            return dict(held)

    def test_every_array_is_in_the_table_and_every_row_in_some_file(self, tmp_path):
        seen = set()
        for make in SAVED.values():
            held = self.read(make(), tmp_path / "proof.npz")
            seen |= set(held)
            for name, array in held.items():
                assert array.dtype.str in ("<f8", "<i8") or array.dtype.str.startswith("<U"), name
                assert array.ndim >= 1
        assert seen == documented()

    @pytest.mark.parametrize("kind", [kind for kind in SAVED if kind not in ("no plan", "bottleneck", "entropic")])
    def test_plan_and_potentials(self, tmp_path, kind):
        result = SAVED[kind]()
        held = self.read(result, tmp_path / "proof.npz")
        assert (held["flows"] + held["flows_low"]).sum() == pytest.approx(1.0, rel=1e-15)
        cost = held["f"] @ (held["a"] / held["a"].sum()) + held["g"] @ (held["b"] / held["b"].sum())
        assert held["mass"][0] * cost == pytest.approx(result.cost, rel=1e-12)
        assert held["value"][0] == pytest.approx(result.value, rel=1e-12)
        assert bool(held["root"][0]) == (kind not in ("matrix", "sparse"))
        assert held["lower"][0] <= result.value <= held["upper"][0]
        assert [str(held[name][0]) for name in ("format", "version", "kind")] == [
            "otgen proof 1",
            otgen.__version__,
            "dual",
        ]

    def test_weights_and_points_as_received(self, tmp_path):
        held = self.read(SAVED["points"](), tmp_path / "proof.npz")
        assert held["a"].tolist() == [3.0, 1.0, 1.0]
        assert held["b"].tolist() == [1.0, 2.0, 2.0]
        np.testing.assert_array_equal(held["x"], np.eye(3))
        far = np.array([2**60 + 1, 2**60 + 4])
        held = self.read(otgen.wasserstein(far, far + 3, p=1), tmp_path / "proof.npz")
        assert (held["x"][1] - held["x"][0], held["y"][0] - held["x"][0]) == (3.0, 3.0)

    def test_units_and_cut_of_a_bottleneck(self, tmp_path):
        held = self.read(SAVED["bottleneck"](), tmp_path / "proof.npz")
        assert all(int(unit) >= 0 for unit in held["units"])
        assert sum(int(unit) for unit in held["units"]) > 0
        assert np.isnan([held["cost_lower"][0], held["cost_upper"][0]]).all()
        assert set(held["cut"]) <= {0, 1, 2}

    def test_it_is_not_compressed_and_sealed_at_the_end(self, saved):
        with zipfile.ZipFile(saved) as archive:
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
            seal = archive.comment
        data = saved.read_bytes()
        assert data[-64:] == seal == hashlib.sha256(data[:-64]).hexdigest().encode()


def test_a_compressed_file_is_refused(tmp_path):
    """A few kilobytes could unfold to all memory."""
    path = tmp_path / "large.npz"
    np.savez_compressed(path, x=np.zeros(10**6))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"0" * 64
    body = path.read_bytes()[:-64]
    path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())
    with pytest.raises(otgen.InvalidInput, match="compressed"):
        otgen.load_proof(path)
    with pytest.raises(Refused, match="compressed"):
        Proof(path)


def test_what_the_system_refuses_is_told_in_words(tmp_path):
    for load in (otgen.load_proof, otgen.load_semidiscrete):
        with pytest.raises(
            FileNotFoundError, match=r"path must be .* can be read; received .*: No such file .*; check"
        ) as caught:
            load(tmp_path / "none.npz")
        assert (caught.value.errno, caught.value.filename) == (2, str(tmp_path / "none.npz"))
    proven = otgen.wasserstein([0.0], [1.0])
    with pytest.raises(
        FileNotFoundError, match=r"path must be a file that can be written; received .*; choose another"
    ):
        proven.save_proof(tmp_path / "none" / "proof.npz")
    with pytest.raises(
        IsADirectoryError, match=r"path must be a file that can be written; received .*; choose another"
    ) as caught:
        proven.save_proof(tmp_path)
    assert caught.value.filename == str(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="directory"):
        otgen.load_proof(tmp_path)
    with pytest.raises(otgen.InvalidInput, match="path must be the name of a file"):
        otgen.load_proof(3)


def test_a_refused_save_leaves_the_file_that_was_there(saved):
    before = saved.read_bytes()
    x = np.eye(3)
    with pytest.raises(otgen.InvalidInput):
        otgen.wasserstein(x, x + 1, metric=lambda u, v: np.abs(u[:, None] - v).sum(2)).save_proof(saved)
    with pytest.raises(OSError, match="nowhere"):
        otgen.wasserstein(x, x + 1).save_proof(saved.parent / "nowhere" / "proof.npz")
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_what_a_proof_has_read(saved):
    proof = otgen.load_proof(saved)
    assert (proof.kind, proof.version, proof.mass, proof.root) == ("dual", otgen.__version__, 1.0, True)
    assert proof.lower <= proof.value <= proof.upper
    assert proof.cost_lower <= proof.cost_upper
    assert len(proof.digest) == 64
    assert proof.claim.potentials is not None


def test_entropic_proofs_are_ours_to_check(tmp_path):
    x, y = np.random.default_rng(3).random((2, 6, 2))
    for k, result in enumerate((otgen.sinkhorn(x, y, epsilon=0.1), otgen.sinkhorn(x, y, epsilon=0.1, relax=(1, 2)))):
        result.save_proof(tmp_path / f"{k}.npz")
        assert otgen.load_proof(tmp_path / f"{k}.npz").kind == "entropic"
        otgen.load_proof(tmp_path / f"{k}.npz").verify()
        with pytest.raises(Refused, match="otgen verify only"):
            Proof(tmp_path / f"{k}.npz").check()


def test_what_has_no_proof_file(tmp_path):
    x = np.random.default_rng(4).random((6, 2))
    for result in (otgen.sinkhorn_divergence(x, x + 1, epsilon=0.1), otgen.sliced_wasserstein(x, x + 1, rng=0)):
        with pytest.raises(otgen.InvalidInput, match="one transport problem"):
            result.save_proof(tmp_path / "no.npz")
    with pytest.raises(otgen.InvalidInput, match="received a callable"):
        otgen.wasserstein(x, x + 1, metric=lambda u, v: np.abs(u[:, None] - v).sum(2)).save_proof(tmp_path / "no.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"PK\3\4" + b"0" * 500])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(otgen.InvalidInput, match="must be a proof file"):
        otgen.load_proof(path)
    sealed = content + hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(sealed)
    with pytest.raises(otgen.InvalidInput, match="must be a proof file"):
        otgen.load_proof(path)


def test_an_npz_of_other_things_is_refused(saved):
    proof_file._write(saved, {"format": "otgen proof 1", "x": np.zeros(3)})
    with pytest.raises(otgen.InvalidInput, match="lacks or mixes up"):
        otgen.load_proof(saved)


@pytest.mark.parametrize("name", ["f", "flows", "rows", "lower", "mass", "x"])
def test_words_among_numbers_are_refused(saved, name):
    held = proof_file._read(saved)
    held[name] = np.array(["nonsense"] * len(held[name]))
    proof_file._write(saved, held)
    with pytest.raises(otgen.InvalidInput, match=r"lacks or mixes up|must hold real numbers"):
        otgen.load_proof(saved)


def test_the_checker_imports_nothing_but_the_standard_library(saved):
    source = Path(CHECKER).read_text()
    modules = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert modules <= set(sys.stdlib_module_names)
    assert len(source.splitlines()) <= 330
    out = subprocess.run([sys.executable, "-I", "-S", CHECKER, str(saved)], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
    assert "verified" in out.stdout
    saved.write_bytes(saved.read_bytes()[:-1])
    out = subprocess.run([sys.executable, "-I", "-S", CHECKER, str(saved)], capture_output=True, text=True)
    assert (out.returncode, "refused" in out.stdout) == (1, True)


def test_on_the_command_line(saved, tmp_path):
    pytest.importorskip("typer", reason="the command line is an extra")
    from typer.testing import CliRunner

    from otgen.app.commands import app

    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"\0" + saved.read_bytes())
    out = CliRunner().invoke(app, ["verify", str(saved)])
    assert out.exit_code == 0
    assert "verified: the truth lies within" in out.stdout
    assert "], of these samples, not of the laws behind them (dual)" in out.stdout
    otgen.transport([[0.0, 2.0], [2.0, 0.0]]).save_proof(tmp_path / "listed.npz")
    assert "samples" not in CliRunner().invoke(app, ["verify", str(tmp_path / "listed.npz")]).stdout
    assert "must be a proof file that exists" in str(CliRunner().invoke(app, ["verify", "none.npz"]).exception)
    out = CliRunner().invoke(app, ["verify", str(saved), str(broken), "--json"])
    assert out.exit_code == 1
    assert [row["verified"] for row in json.loads(out.stdout)] == [True, False]


def forged(path, result, **changes):
    """A proof file with other entries, sealed anew."""
    result.save_proof(path)
    held = proof_file._read(path) | {name: np.asarray(value) for name, value in changes.items()}
    given = {key: proof_file._storable(held[key]) for key in proof_file._PROBLEM if key in held}
    proof_file._write(path, held | {"digest": proof_file._digest(given)})


WIDE = {"lower": [-9.0], "cost_lower": [-9.0], "upper": [99.0], "cost_upper": [99.0]}
TRICKS = {
    "p = inf by potentials": ("points", {"p": [INF]}),
    "an entropic problem": ("points", {"epsilon": [1.0]}),
    "a relaxed problem": ("points", {"relax": [1.0, 1.0]}),
    "a negative order": ("points", WIDE | {"p": [-1.0], "root": [1], "upper": [1e-3]}),
    "an order below 1": ("points", WIDE | {"p": [0.5]}),
    "an order beyond memory": ("points", WIDE | {"p": [1e300]}),
    "a square to a power": ("points", WIDE | {"p": [2.0], "metric": ["sqeuclidean"]}),
    "a negative period": ("points", WIDE | {"metric": ["circular"], "q": [-1.0]}),
    "no period": ("points", WIDE | {"metric": ["circular"], "q": [0.0]}),
    "q below 1": ("points", WIDE | {"metric": ["minkowski"], "q": [0.5]}),
    "a bound beyond all floats": ("points", {"cost_lower": [INF]}),
    "a plan of nothing": ("bottleneck", {"units": ["0", "0"], "lower": [0.0], "upper": [0.0]}),
    "a source counted twice": ("bottleneck", {"cut": [0, -2], "lower": [9.0], "upper": [10.0]}),
    "a cut outside": ("bottleneck", {"cut": [7]}),
    "bounds without a plan": ("no plan", {"lower": [0.0], "upper": [1.0]}),
    "a relaxed problem without a plan": ("no plan", {"relax": [1.0, 1.0]}),
    "a matrix and an order": ("matrix", {"p": [INF]}),
    "NaN costs": ("matrix", {"C": np.full((2, 2), np.nan)}),
    "indices of memory": ("sparse", {"C_indptr": [0, -3, 4]}),
    "columns outside": ("sparse", {"C_indices": [0, 5, 0, 1]}),
}


@pytest.mark.parametrize("name", TRICKS)
def test_forgers_tricks(tmp_path, name):
    kind, changes = TRICKS[name]
    x, C = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 5.0]])
    result = {
        "points": lambda: otgen.wasserstein(x, x + 1.0, p=1),
        "bottleneck": lambda: otgen.wasserstein(x, x, p=INF),
        "matrix": lambda: otgen.transport(C),
        "sparse": lambda: otgen.transport(scipy.sparse.csr_array(C)),
        "no plan": lambda: otgen.transport([[INF, INF], [1.0, 1.0]], throw=False),
    }[kind]()
    path = tmp_path / "proof.npz"
    forged(path, result, **changes)
    assert checker["main"]([path]) == 1
    with pytest.raises(otgen.InvalidInput):
        otgen.load_proof(path).verify()


@pytest.mark.parametrize(("p", "shift"), [(1, 0.0), (2, 0.0), (80, 0.0), (80, 1e-3)])
@pytest.mark.parametrize("d", [1, 2])
def test_a_file_holds_the_truth_where_the_result_is_narrower(tmp_path, p, shift, d):
    """Equal clouds, and high orders: proven otherwise than in the units of the cost, in which a file's interval is wider."""
    x = np.random.default_rng(0).integers(-8, 8, (9, d)) / 8
    result = otgen.wasserstein(x, x[::-1] + np.array([shift, 0.0])[:d], p=p)
    assert (result.lower, result.upper) == (0, 0) if not shift else result.upper - result.lower < 1e-12
    result.save_proof(tmp_path / "proof.npz")
    proof = otgen.load_proof(tmp_path / "proof.npz")
    assert proof.lower <= result.lower <= result.upper <= proof.upper
    low, high = proof.verify()
    assert low <= result.lower <= result.upper <= high


@pytest.mark.parametrize("mass", [-1.0, 0.0, np.inf, np.nan])
def test_a_mass_that_is_none_is_refused(saved, mass):
    proof_file._write(saved, proof_file._read(saved) | {"mass": np.array([mass])})
    with pytest.raises(otgen.InvalidInput, match="its mass is not positive"):
        otgen.load_proof(saved)


@pytest.mark.parametrize(("base", "exponent"), [("2", "1/2"), ("1e-300", "1/2"), ("3", "3/2"), ("7/3", "5/4")])
def test_the_checker_knows_roots_and_powers_to_a_factor(base, exponent):
    """Exact powers of both ends lie on both sides; whole powers are one fraction."""
    base, exponent = Fraction(base), Fraction(exponent)
    low, high = checker["power"](base, exponent)
    assert low**exponent.denominator < base**exponent.numerator < high**exponent.denominator
    assert high / low - 1 < Fraction(3, 10**55)
    assert checker["power"](base, Fraction(3)) == (base**3, base**3)


def test_the_checker_is_in_the_words_of_python_3_9():
    assert ast.parse(Path(CHECKER).read_text(), feature_version=(3, 9))
