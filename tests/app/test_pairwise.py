"""``otgen pairwise``: a folder of files to matrices with their names, and what it refuses."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import otgen
from otgen.app.cluster import dask
from otgen.app.pairing import Files

RNG = np.random.default_rng(0)
SETS = {"a.npy": RNG.random((9, 2)), "b.npy": RNG.random((12, 2)), "d.npy": RNG.random((5, 2)) + 1}
TABLE = np.array([[0.5, 2.0], [1.5, 0.25]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sets").mkdir()
    for name, points in SETS.items():
        np.save(Path("sets") / name, points)
    Path("sets/c.csv").write_text("u,v\n" + "".join(f"{u},{v}\n" for u, v in TABLE))
    Path("sets/notes.md").write_text("no sample set")
    return tmp_path


ORDERED = [SETS["a.npy"], SETS["b.npy"], TABLE, SETS["d.npy"]]


def test_matrices_and_names(folder, told):
    code, out, _ = told("pairwise", "sets", "--out", "D.npz", "--p", "1")
    assert code == 0
    truth = otgen.pairwise(ORDERED, p=1, bounds=True)
    with np.load("D.npz", allow_pickle=False) as found:
        assert found["names"].tolist() == ["a.npy", "b.npy", "c.csv", "d.npy"]
        assert (found["distances"] == truth.value).all()
        assert (found["lower"] == truth.lower).all()
        assert (found["upper"] == truth.upper).all()
    assert "4 sets, 6 pairs" in out
    assert "written" in out


def test_json(folder, told):
    found = json.loads(told("pairwise", "sets", "--out", "D.npz", "--json")[1])
    truth = otgen.pairwise(ORDERED)
    apart = truth[np.triu_indices(4, 1)]
    assert found["sets"] == 4
    assert found["pairs"] == 6
    assert found["nearest"][2] == apart.min()
    assert found["farthest"][2] == apart.max()
    assert found["median"] == np.median(apart)


def test_options_checkpoints_and_workers(folder, told):
    options = ["--epsilon", "0.5", "--jobs", "2", "--checkpoint", "run"]
    assert told("pairwise", "sets", "--out", "D.npz", *options)[0] == 0
    with np.load("D.npz") as found:
        np.testing.assert_allclose(
            found["distances"], otgen.pairwise(ORDERED, distance="sinkhorn", epsilon=0.5), rtol=1e-9
        )
    assert Path("run/pairwise.json").exists()
    assert told("pairwise", "sets", "--out", "E.npz", *options)[0] == 0
    np.save("sets/b.npy", SETS["b.npy"] + 1)
    code, _, said = told("pairwise", "sets", "--out", "F.npz", *options)
    assert code == 2
    assert "other points or weights in b.npy" in said
    assert not Path("F.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "options", "called"),
    [
        (["--penalty", "0.5"], dict(distance="partial_wasserstein", penalty=0.5), "partial W_2"),
        (["--mass", "0.5", "--p", "1"], dict(distance="partial_wasserstein", mass=0.5, p=1), "partial W_1"),
        (["--max-sliced"], dict(distance="max_sliced_wasserstein", rng=0), "max-sliced W_2"),
    ],
)
def test_other_distances(folder, told, arguments, options, called):
    code, out, _ = told("pairwise", "sets", "--out", "D.npz", *arguments)
    assert code == 0
    assert out.startswith(called)
    truth = otgen.pairwise(ORDERED, bounds=True, **options)
    with np.load("D.npz") as found:
        for name, numbers in zip(("distances", "lower", "upper"), truth):
            np.testing.assert_array_equal(found[name], numbers)


def test_a_page_says_which_distance_it_is(folder, told):
    assert told("pairwise", "sets", "--out", "D.npz", "--max-sliced", "--report", "D.html")[0] == 0
    assert "the sample sets in sets: max-sliced" in Path("D.html").read_text()


def test_columns_are_matched_by_name_and_weights_taken(folder, told):
    for path in Path("sets").iterdir():
        path.unlink()
    Path("sets/one.csv").write_text("u,v,mass\n0,5,1\n2,5,3\n")
    Path("sets/two.csv").write_text("v,u,mass\n5,0,2\n5,2,2\n")
    assert told("pairwise", "sets", "--out", "D.npz", "--p", "1", "--weights", "mass")[0] == 0
    with np.load("D.npz") as found:
        assert found["distances"].tolist() == [[0.0, 0.5], [0.5, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "--out", "D.npz"], "DIR must be a folder of sample sets"),
        (["sets", "--out", "D.csv"], "--out must name a file that ends in .npz"),
        (["sets", "--out", "sets/D.npz"], "--out must lie outside the folder"),
        (["sets", "--out", "away/D.npz"], "--out must lie in a folder that exists"),
        (["sets", "--out", "there.npz"], "replace it with --force"),
        (["sets", "--out", "D.npz", "--jobs", "0"], "--jobs must be"),
        (["sets", "--out", "D.npz", "--jobs", "2", "--scheduler", "tcp://host:1"], "--jobs must be left out beside"),
        (["sets", "--out", "D.npz", "--columns", ","], "--columns must name columns"),
        (["empty", "--out", "D.npz"], "DIR must hold two sample sets at least"),
        (["sets", "--out", "D.npz", "--metric", "great_circle"], "must hold latitudes"),
        (
            ["sets", "--out", "D.npz", "--epsilon", "1", "--mass", "1"],
            "--epsilon must not stand beside --penalty or --mass",
        ),
        (["sets", "--out", "D.npz", "--penalty", "1", "--normalize"], "--normalize must not stand beside --penalty"),
        (["sets", "--out", "D.npz", "--penalty", "-1"], "--penalty must be at least 0"),
        (["sets", "--out", "D.npz", "--mass", "2"], "--mass must be at most the total of each set"),
        (["sets", "--out", "D.npz", "--max-sliced", "--metric", "cityblock"], "--metric must be euclidean"),
    ],
)
def test_what_is_refused(folder, told, arguments, said):
    Path("empty").mkdir()
    np.savez("there.npz", x=np.zeros(2))
    code, _, err = told("pairwise", *arguments)
    assert code == 2
    assert said in err


@pytest.mark.parametrize("command", [("pairwise", "sets", "--out", "D.npz"), ("neighbors", "sets")])
def test_a_link_that_leads_nowhere_is_no_file_of_another_kind(folder, told, command):
    Path("sets/gone.npy").symlink_to("nowhere.npy")
    code, _, err = told(*command)
    assert (code, "received sets/gone.npy, a link that leads nowhere" in err) == (2, True), err


def test_a_scheduler_needs_dask(folder, told, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = told("pairwise", "sets", "--out", "D.npz", "--scheduler", "tcp://127.0.0.1:1")
    assert code == 2
    assert "pip install distributed" in err
    assert not Path("D.npz").exists()


class Cluster:
    """A stand-in for Dask's package whose scheduler does not answer, or has no workers, or those with the versions given."""

    TOLD = "Timed out trying to connect\nand more"

    def __init__(self, versions=None, reached=True):
        self.versions, self.reached, self.closed = versions, reached, 0

    def Client(self, address, timeout):
        if not self.reached:
            raise OSError(self.TOLD)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed += 1

    def wait_for_workers(self, count, timeout):
        if self.versions is None:
            raise TimeoutError

    def run(self, function, name, on_error):
        assert function(name) == otgen.__version__
        return self.versions


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Cluster(reached=False), "'tcp://h:1', where none answers (Timed out trying to connect); start one by"),
        (Cluster(), "--scheduler must have workers; received tcp://h:1"),
        (Cluster({"tcp://w:2": "0.0.9"}), "received tcp://w:2, with otgen 0.0.9; install the same version"),
        (
            Cluster({"tcp://w:2": ImportError("No module named 'otgen'")}),
            "which cannot load it (No module named 'otgen')",
        ),
    ],
)
def test_clusters_that_cannot_work(monkeypatch, cluster, said):
    monkeypatch.setattr("otgen.app.cluster.require", lambda name: cluster)
    with pytest.raises(otgen.InvalidInput) as caught, dask("tcp://h:1"):
        pass
    assert said in str(caught.value)
    assert cluster.closed == cluster.reached


CLUSTER = """
import os, subprocess, sys
from distributed import Client, LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        arguments = [sys.executable, "-m", "otgen", "pairwise", "sets", "--out", "E.npz", "--scheduler", cluster.scheduler_address]
        subprocess.run(arguments, check=True)
        with Client(cluster) as client:
            print("workers", len(client.run(os.getpid)))
"""


@pytest.mark.nightly
def test_a_scheduler_measures_the_same_bits(folder, told):
    """Two workers of a local cluster, the sets shipped to them, against this process."""
    pytest.importorskip("distributed", reason="tested where Dask is installed")
    Path("run.py").write_text(CLUSTER)
    environment = {**os.environ, "PYTHONPATH": str(Path(otgen.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "run.py"], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert "workers 2" in done.stdout, done.stderr
    assert told("pairwise", "sets", "--out", "D.npz")[0] == 0
    with np.load("D.npz") as ours, np.load("E.npz") as theirs:
        for name in ("distances", "lower", "upper"):
            np.testing.assert_array_equal(ours[name].view(np.int64), theirs[name].view(np.int64))


def test_a_scheduler_that_does_not_answer(folder, told):
    pytest.importorskip("distributed", reason="tested where Dask is installed")
    code, _, err = told("pairwise", "sets", "--out", "D.npz", "--scheduler", "nonsense://host:1")
    assert code == 2
    assert "--scheduler must be the address of a Dask scheduler; received 'nonsense://host:1'" in err


def test_collections_that_are_read_a_tile_at_a_time(folder):
    """As they are where they do not fit in memory together."""
    files = Files(Path("sets"), None, None, None)
    assert (otgen.pairwise(files) == otgen.pairwise(ORDERED)).all()
    assert [len(points) for points in files[1:3]] == [12, 2]


def test_workers_find_the_files_from_anywhere(folder, monkeypatch):
    sent = pickle.dumps(Files(Path("sets"), None, None, None))
    monkeypatch.chdir("/")
    assert (otgen.pairwise(pickle.loads(sent)) == otgen.pairwise(ORDERED)).all()


def test_a_bad_file_is_named(folder, told):
    np.save("sets/d.npy", np.array([[np.nan, 1.0]]))
    code, _, err = told("pairwise", "sets", "--out", "D.npz")
    assert code == 2
    assert "d.npy must be finite" in err
    np.save("sets/d.npy", np.zeros((3, 5)))
    code, _, err = told("pairwise", "sets", "--out", "D.npz")
    assert code == 2
    assert "d.npy must have the same number of coordinates" in err
