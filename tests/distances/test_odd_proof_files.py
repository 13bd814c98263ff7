"""Proof files sealed by those who mean no good: entries of odd kinds and shapes, and what never ends."""

import runpy
import sys

import numpy as np
import pytest
import scipy.sparse

import otgen
import otgen.app
from otgen.distances import proof_file

checker = runpy.run_path(otgen.app.__path__[0] + "/check_proof.py")
Refused, Checked = checker["Refused"], checker["Proof"]
INF = np.inf


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "proof.npz"
    otgen.wasserstein([[0.0, 0.0], [10.0, 0.0]], [[1.0, 1.0], [11.0, 1.0]], p=1).save_proof(path)
    return path


def forged(path, name, value):
    """Another entry, and all digests made to fit."""
    held = proof_file._read(path) | {name: value}
    given = {key: proof_file._storable(held[key]) for key in proof_file._PROBLEM if key in held}
    proof_file._write(path, held | {"digest": proof_file._digest(given), name: value})


ODD = {
    "a list without end": ("relax", np.zeros((2**40, 0))),
    "a negative price": ("relax", np.array([-1.0, -1.0])),
    "a price that is no number": ("relax", np.array([INF, np.nan])),
    "two lower ends": ("lower", np.array([-9.0, 0.0])),
    "two orders": ("p", np.array([1.0, 2.0])),
    "a half root": ("root", np.array([0.5])),
    "a number as a kind": ("kind", np.array([1.0])),
    "another kind": ("kind", np.array(["q" * 5000])),
    "no digest": ("digest", np.array([], str)),
    "units in floats": ("units", np.array([1.0])),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_entries_are_refused(saved, name):
    entry, value = ODD[name]
    forged(saved, entry, value)
    with pytest.raises(otgen.InvalidInput, match="must be a proof file of otgen"):
        otgen.load_proof(saved)


@pytest.mark.skipif(sys.platform == "win32", reason="devices as Unix has them")
def test_a_device_is_not_read(tmp_path):
    path = tmp_path / "proof.npz"
    path.symlink_to("/dev/zero")
    with pytest.raises(otgen.InvalidInput, match=r"must be a proof file of otgen; received a device or a pipe"):
        otgen.load_proof(path)
    with pytest.raises(Refused, match="it is no file"):
        Checked(path)


@pytest.mark.parametrize("name", ["C_shape", "relax"])
def test_the_checker_takes_no_shape_beyond_the_file(tmp_path, name):
    path = tmp_path / "proof.npz"
    otgen.transport(scipy.sparse.csr_array([[1.0, 2.0], [3.0, 5.0]])).save_proof(path)
    forged(path, name, np.zeros((2**40, 0)))
    with pytest.raises(Refused, match="a shape is larger than its array"):
        Checked(path)
