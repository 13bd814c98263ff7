"""``otgen doctor``: it says what the machine has, and a wrong answer of any solver is seen."""

import json

import numpy as np
import pytest

import otgen
from otgen.app import doctor


def test_it_says_what_there_is(told, monkeypatch):
    monkeypatch.setenv("OTGEN_NUM_THREADS", "1")
    code, out, _ = told("doctor", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["machine"]["otgen"].startswith(otgen.__version__)
    assert found["machine"]["numpy"] == np.__version__
    assert found["machine"]["OTGEN_NUM_THREADS"] == "1"
    assert found["machine"]["cores"].endswith("kernels use 1")
    assert [one["name"] for one in found["self_test"]] == list(doctor.CHECKS)
    assert all(one["fault"] is None for one in found["self_test"])
    assert "right, " in told("doctor")[1]


def shifted(call):
    """The same call for points, or costs, that lie a little elsewhere."""
    return lambda x, *rest, **options: call(np.asarray(x) + 0.01, *rest, **options)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("wasserstein", {"exact, against all permutations", "on the line"}),
        ("wasserstein_batch", {"exact, against all permutations"}),
        ("transport", {"a listed cost"}),
        ("sinkhorn", {"entropic, against numpy"}),
    ],
)
def test_wrong_answers_are_seen(name, seen, told, monkeypatch):
    """By patches: no input makes a solver wrong."""
    monkeypatch.setattr(doctor, name, shifted(getattr(doctor, name)))
    code, out, _ = told("doctor", "--json")
    assert code == 1
    assert {one["name"] for one in json.loads(out)["self_test"] if one["fault"]} == seen


def test_a_proof_that_is_refused_and_bits_that_differ(monkeypatch):
    def refused(path):
        raise ValueError("the file is no proof")

    monkeypatch.setattr(doctor.check_proof, "Proof", refused)
    kept, turn = doctor.wasserstein, iter(range(100))
    monkeypatch.setattr(
        doctor, "wasserstein", lambda x, y, **rest: kept(x, y + next(turn) * 1e-9 if len(x) == 1500 else y, **rest)
    )
    faults = {one.name: one.fault for one in doctor.self_test() if one.fault}
    assert faults.pop("a proof, by the independent checker") == "ValueError: the file is no proof"
    assert list(faults) == ["1500 x 1500 twice, bit for bit"]


def test_a_machine_without_a_place_for_kernels(monkeypatch):
    monkeypatch.setattr(doctor, "folder", lambda: None)
    assert "set NUMBA_CACHE_DIR" in doctor.facts()["kernels"]
