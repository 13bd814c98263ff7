"""Runs of many pairs: stopped and gone on with, by several workers, after changes; always the same bits or an error."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from workers import counted_threads

import otgen
from otgen import InvalidInput, MissingExtra
from otgen.distances.pairs.checkpoint import Checkpoint
from otgen.distances.pairs.running import Progress
from otgen.distances.pairs.tiles import Tile
from otgen.kernels import parallel

RNG = np.random.default_rng(0)
SETS = [RNG.normal(size=(n, 2)) for n in RNG.integers(2, 9, 40)]


def slow(x, y, a, b):
    """A distance that leaves time to be stopped; tiles of callables are small."""
    time.sleep(0.002)
    return otgen.wasserstein(x, y, a, b)


def of_any(x, y, a, b, *, shift):
    """A distance with an option that it makes nothing of."""
    return otgen.wasserstein(x, y, a, b)


def never(x, y, a, b):
    """A distance of the first two sets, for which symmetry is tried, and of no others."""
    assert len(x) + len(y) == len(SETS[0]) + len(SETS[1])
    return 1.0


def share(x, y, a, b):
    return float(parallel.threads())


def files(place):
    return sorted(path.name for path in place.iterdir())


SCRIPT = """
import sys
import numpy as np, otgen
sys.path[:0] = [{folder!r}, {folder!r} + "/.."]
from test_pairwise_runs import SETS, slow
otgen.pairwise(SETS, distance=slow, bounds=True, checkpoint={place!r})
print("done")
"""


class TestCheckpoints:
    def test_a_run_that_is_killed_goes_on_to_the_same_bits(self, tmp_path):
        place = tmp_path / "run"
        code = SCRIPT.format(folder=os.path.dirname(__file__), place=str(place))
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + 120
        while len(list(place.glob("tile-*.npz"))) < 2 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        assert "done" not in run.communicate()[0]
        kept = {name: (place / name).stat().st_mtime_ns for name in files(place) if name.startswith("tile-")}
        counted = []

        def slow_again(x, y, a, b):
            counted.append(1)
            return slow(x, y, a, b)

        slow_again.__module__, slow_again.__qualname__ = "test_pairwise_runs", "slow"  # as the script calls it
        found = otgen.pairwise(SETS, distance=slow_again, bounds=True, checkpoint=place)
        assert 0 < len(counted) < 40 * 41 // 2
        assert {name: (place / name).stat().st_mtime_ns for name in kept} == kept
        whole = otgen.pairwise(SETS, bounds=True)
        for one, other in zip(found, whole):
            np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64))

    def test_a_run_that_is_done_measures_nothing(self, tmp_path):
        truth = otgen.pairwise(SETS, checkpoint=tmp_path)
        assert files(tmp_path) == ["pairwise.json", "tile-000000-000000.npz"]
        before = (tmp_path / "tile-000000-000000.npz").stat().st_mtime_ns
        assert (otgen.pairwise(SETS, checkpoint=str(tmp_path)) == truth).all()
        assert (tmp_path / "tile-000000-000000.npz").stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda sets: dict(sets=[*sets[:7], sets[7] + 1e-15, *sets[8:]]), r"other points or weights in sets\[7\]"),
            (lambda sets: dict(sets=[z.astype(np.float32) for z in sets]), r"other points or weights in sets\[0\]"),
            (lambda sets: dict(sets=sets[:-1]), "received 39 sets for 40 then"),
            (lambda sets: dict(sets=sets, sets2=sets), "received sets2, of which there was none then"),
            (lambda sets: dict(sets=sets, weights=[np.ones(len(z)) / len(z) for z in sets]), r"weights in sets\[0\]"),
            (lambda sets: dict(sets=sets, p=1), "received p=1 for no p then"),
            (lambda sets: dict(sets=sets, metric=otgen.Minkowski(3)), "received metric=.* for no metric then"),
            (lambda sets: dict(sets=sets, bounds=True), "received bounds True for False then"),
            (lambda sets: dict(sets=sets, distance="sinkhorn", epsilon=1.0), "received distance sinkhorn for wasserstein"),
        ],
    )  # fmt: skip
    def test_what_has_changed_is_refused(self, tmp_path, change, said):
        otgen.pairwise(SETS, checkpoint=tmp_path)
        before = files(tmp_path)
        with pytest.raises(InvalidInput, match="^checkpoint must be of the same sets.*" + said):
            otgen.pairwise(**change(SETS), checkpoint=tmp_path)
        assert files(tmp_path) == before

    def test_the_number_of_workers_may_change(self, tmp_path):
        options = dict(distance=slow, checkpoint=tmp_path)
        truth = otgen.pairwise(SETS, **options)
        tiles = [name for name in files(tmp_path) if name.startswith("tile-")]
        assert len(tiles) > 3
        for name in tiles[::2]:
            (tmp_path / name).unlink()
        assert (otgen.pairwise(SETS, n_jobs=2, **options) == truth).all()

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (dict(shift=1.0), dict(shift=1.0 + 1e-15)),
            (dict(shift=np.zeros(2000)), dict(shift=np.eye(1, 2000, 1000)[0])),  # alike where numpy prints them
            (dict(shift=(1, [np.ones(2)])), dict(shift=(1, [np.ones(2) + 1e-15]))),
            (dict(shift={"by": np.float32(1)}), dict(shift={"by": np.float64(1)})),
        ],
    )  # fmt: skip
    def test_options_of_a_callable_are_compared_to_the_last_bit(self, tmp_path, one, other):
        places = tmp_path / "options", tmp_path / "partial"
        for made in (one, {key: one[key] for key in one}):
            otgen.pairwise(SETS[:3], distance=of_any, checkpoint=places[0], **made)
            otgen.pairwise(SETS[:3], distance=partial(of_any, **made), checkpoint=places[1])
        with pytest.raises(InvalidInput, match="received shift="):
            otgen.pairwise(SETS[:3], distance=of_any, checkpoint=places[0], **other)
        with pytest.raises(InvalidInput, match="received distance"):
            otgen.pairwise(SETS[:3], distance=partial(of_any, **other), checkpoint=places[1])

    def test_a_tile_in_the_place_of_another_is_measured_again(self, tmp_path):
        truth = otgen.pairwise(SETS, distance=otgen.wasserstein, checkpoint=tmp_path)
        tiles = [path for path in sorted(tmp_path.iterdir()) if path.name.startswith("tile-")]
        first, content = tiles[1], tiles[2].read_bytes()
        assert first.stat().st_size == len(content)
        first.write_bytes(content)
        assert (otgen.pairwise(SETS, distance=otgen.wasserstein, checkpoint=tmp_path) == truth).all()

    def test_no_bit_of_a_tile_can_be_turned_unseen(self, tmp_path):
        tile, numbers = Tile((0, 4), (4, 8), False), RNG.random((1, 4, 4))
        kept = Checkpoint.at(tmp_path, {})
        kept.save(tile, numbers)
        path, noticed = tmp_path / tile.name, 0
        content = path.read_bytes()
        for place in range(0, 8 * len(content), 41):
            turned = bytearray(content)
            turned[place // 8] ^= 1 << place % 8
            path.write_bytes(turned)
            found = kept.load(tile, 1)
            noticed += found is None
            assert found is None or (found == numbers).all()
        assert noticed > len(content) / 8  # of 8 / 41 a byte; the others are dates and the like

    @pytest.mark.parametrize("damage", ["cut", "empty", "text", "bit", "another run", "device", "sparse"])
    def test_a_damaged_tile_is_measured_again(self, tmp_path, damage):
        place, other = tmp_path / "run", tmp_path / "other"
        truth = otgen.pairwise(SETS, checkpoint=place)
        tile = place / "tile-000000-000000.npz"
        content = tile.read_bytes()
        if damage == "device":
            tile.unlink()
            tile.symlink_to("/dev/zero")
        elif damage == "sparse":
            with tile.open("ab") as file:
                file.truncate(2**43)  # more than fits, and nothing of it on the disk
        elif damage == "another run":
            otgen.pairwise([z + z for z in SETS], checkpoint=other)
            content = (other / tile.name).read_bytes()
        elif damage == "bit":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        else:
            content = {"cut": content[:-100], "empty": b"", "text": b"no archive"}[damage]
        if damage not in ("device", "sparse"):
            tile.write_bytes(content)
        assert (otgen.pairwise(SETS, checkpoint=place) == truth).all()
        assert tile.stat().st_size < 10**5

    def test_a_folder_with_other_things_in_it_is_left_alone(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("important")
        with pytest.raises(InvalidInput, match="which holds other files"):
            otgen.pairwise(SETS, checkpoint=tmp_path)
        with pytest.raises(InvalidInput, match="a file; choose another name"):
            otgen.pairwise(SETS, checkpoint=tmp_path / "thesis.tex")
        assert files(tmp_path) == ["thesis.tex"]
        for terms in ("{", "[" * 10**5, "[]", "9" * 5000, "\udcff"):
            (tmp_path / "pairwise.json").write_text(terms, errors="surrogateescape")
            with pytest.raises(InvalidInput, match="received a damaged one"):
                otgen.pairwise(SETS, checkpoint=tmp_path)
        (tmp_path / "pairwise.json").unlink()
        (tmp_path / "pairwise.json").symlink_to("/dev/zero")
        with pytest.raises(InvalidInput, match="received a damaged one"):
            otgen.pairwise(SETS, checkpoint=tmp_path)

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("x" * 300, "File name too long"),
            ("a\0b", "null byte"),
            ("gone", "a link that leads nowhere"),
            ("file/run", "file is a file; choose another one"),
        ],
    )
    def test_names_that_no_folder_can_have(self, tmp_path, name, said):
        (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidInput, match="^checkpoint must .*" + said):
            otgen.pairwise(SETS, distance=never, checkpoint=tmp_path / name)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_is_read_only(self, tmp_path):
        """Refused before anything is measured; a run that is done is read all the same."""
        truth = otgen.pairwise(SETS, checkpoint=tmp_path)
        tmp_path.chmod(0o500)
        try:
            assert (otgen.pairwise(SETS, checkpoint=tmp_path) == truth).all()
            with pytest.raises(InvalidInput, match="may not be written to"):
                otgen.pairwise(SETS, distance=never, checkpoint=tmp_path / "run")
        finally:
            tmp_path.chmod(0o700)

    def test_a_run_killed_while_it_wrote_its_terms(self, tmp_path):
        (tmp_path / ".pairwise-0123456789abcdef.json").write_text("{")
        assert (otgen.pairwise(SETS, checkpoint=tmp_path) == otgen.pairwise(SETS)).all()

    def test_wrong_options_leave_no_folder(self, tmp_path):
        place = tmp_path / "run"
        with pytest.raises(InvalidInput):
            otgen.pairwise(SETS, metric="eucl", checkpoint=place)
        with pytest.raises(InvalidInput):
            otgen.pairwise(SETS, distance="sinkhorn", epsilon=-1.0, checkpoint=place)
        assert not place.exists()

    def test_a_disk_that_is_full(self, tmp_path, monkeypatch):
        """What was written stays, nothing half-written does, and the same call goes on."""
        import errno

        place, real, count = tmp_path / "run", np.savez, [0]

        def full(name, **kept):
            count[0] += 1
            if count[0] > 2:
                with open(name, "wb") as file:
                    file.write(b"half")
                raise OSError(errno.ENOSPC, "No space left on device", name)
            real(name, **kept)

        monkeypatch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space left") as caught:
            otgen.pairwise(SETS, distance=slow, checkpoint=place)
        assert re.match(rf"\d+ of 820 pairs are kept in {place}; the same call goes on", caught.value.__notes__[0])
        assert len(files(place)) == 3
        monkeypatch.undo()
        assert (otgen.pairwise(SETS, distance=slow, checkpoint=place) == otgen.pairwise(SETS)).all()

    def test_sliced_ones_need_a_seed(self, tmp_path):
        with pytest.raises(InvalidInput, match="rng must be a seed beside checkpoint"):
            otgen.pairwise(SETS, distance="sliced_wasserstein", checkpoint=tmp_path)
        one, same = (
            otgen.pairwise(SETS[:5], distance="sliced_wasserstein", rng=1, checkpoint=tmp_path) for _ in range(2)
        )
        assert (one == same).all()


class TestWorkers:
    def test_other_processes_find_the_same_bits(self):
        large = [RNG.normal(size=(n, 2)) for n in (3000, 40, 3000, 2500)]
        truth = otgen.pairwise(large, bounds=True)
        with joblib.parallel_config(backend="loky"):
            found = otgen.pairwise(large, bounds=True, n_jobs=2)
        for one, other in zip(found, truth):
            np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64))

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of a process with threads, in newer Pythons
    @pytest.mark.nightly
    def test_a_backend_without_a_stream_of_results(self, tmp_path):
        """Such as Ray's: tiles are kept as they come in, a few a worker at a time, to the same bits."""
        truth = otgen.pairwise(SETS)
        with joblib.parallel_config(backend="multiprocessing"):
            assert (otgen.pairwise(SETS, distance=slow, n_jobs=2, checkpoint=tmp_path) == truth).all()
            assert (otgen.pairwise(SETS, distance=slow, n_jobs=1) == truth).all()
        assert len(files(tmp_path)) > 2

    def test_threads_and_a_configuration(self):
        seen = set()

        def told(x, y, a, b):
            seen.add(threading.get_ident())
            return slow(x, y, a, b)

        truth = otgen.pairwise(SETS)
        assert (otgen.pairwise(SETS, distance=told, n_jobs=2) == truth).all()
        assert len(seen) > 1
        seen.clear()
        with joblib.parallel_config(backend="threading", n_jobs=2):
            assert (otgen.pairwise(SETS, distance=told) == truth).all()
        assert len(seen) > 1
        seen.clear()
        otgen.pairwise(SETS, distance=told)
        assert seen == {threading.get_ident()}

    def test_an_error_in_a_worker_comes_back(self, tmp_path):
        def picky(x, y, a, b):
            if len(x) == 8:
                raise InvalidInput("x must be smaller; received 8; drop it")
            return 0.0

        with pytest.raises(InvalidInput, match=r"^sets\[\d+\] and sets\[\d+\]: x must be smaller"):
            otgen.pairwise(SETS, distance=picky, n_jobs=2, checkpoint=tmp_path)

    def test_a_worker_that_dies_is_an_error_of_ours(self):
        """What loky raises then; benchmarks/faults kills its workers."""

        def broken(x, y, a, b):
            if threading.current_thread() is threading.main_thread():
                return 0.0
            raise BrokenProcessPool("a process in the process pool was terminated abruptly")

        with pytest.raises(otgen.OtgenError, match="workers must live") as found:
            otgen.pairwise(SETS, distance=broken, n_jobs=2)
        assert isinstance(found.value.__cause__, BrokenProcessPool)

    def test_without_joblib(self):
        code = (
            "import importlib.util as u; real = u.find_spec\n"
            "u.find_spec = lambda n, *a: None if n == 'joblib' else real(n, *a)\n"
            "import sys, otgen\n"
            "print(otgen.pairwise([[0.0], [2.0]])[0, 1], otgen.pairwise([[0.0], [2.0]], n_jobs=1)[0, 1], 'joblib' in sys.modules)\n"
            "try:\n    otgen.pairwise([[0.0], [2.0]], n_jobs=2)\nexcept otgen.MissingExtra as fault:\n    print(fault)\n"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.startswith("2.0 2.0 False\n")
        assert "otgen[parallel]" in told
        assert issubclass(MissingExtra, ImportError)


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.fixture
def no_limit(monkeypatch):
    monkeypatch.delenv("OTGEN_NUM_THREADS", raising=False)


class TestShares:
    """Workers side by side take no more threads together than there are cores."""

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of a process with threads, in newer Pythons
    @pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
    @pytest.mark.by_day(1)
    def test_threads_are_those_of_a_share(self, backend, no_limit):
        with joblib.parallel_config(backend=backend):
            found = otgen.pairwise(SETS[:1], SETS[1:15], distance=counted_threads, n_jobs=2)
        assert set(found.ravel()) == {max(1, CORES // 2)}
        assert counted_threads(*[None] * 4) == CORES

    @pytest.mark.parametrize(("jobs", "expected"), [(2, 4), (3, 2), (9, 1), (None, 8)])
    def test_cores_by_workers(self, jobs, expected, no_limit, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        found = otgen.pairwise(SETS, distance=share, n_jobs=jobs)
        assert set(found.ravel()) == {expected}

    def test_fewer_tiles_than_workers(self, no_limit, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        assert otgen.pairwise(SETS[:2], distance=share, n_jobs=4)[0, 1] == 8

    def test_a_number_that_was_set_is_kept(self, monkeypatch):
        monkeypatch.setenv("OTGEN_NUM_THREADS", "3")
        assert set(otgen.pairwise(SETS[:1], SETS[1:15], distance=counted_threads, n_jobs=2).ravel()) == {3}

    def test_what_was_before_comes_back(self, no_limit):
        with contextlib.suppress(KeyError), parallel.shared_among(10**6):
            assert parallel.threads() == 1
            raise KeyError
        assert parallel.threads() == CORES


class TestProgress:
    def test_what_is_left_is_told_by_the_pace(self):
        told = []
        progress = Progress(10, 100.0, told.append)
        progress.found(4, 40.0)
        progress.began -= 3.0  # three seconds ago
        progress.add(3, 30.0)
        progress.add(3, 30.0)
        assert told == ["7 of 10 pairs, 70 %, 3 s left", "10 of 10 pairs, 100 %, 0 s left"]

    def test_nothing_is_told_in_a_pipe(self, capsys):
        otgen.pairwise(SETS[:3], progress=True)
        assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody may write to, be it root")
def test_a_checkpoint_that_the_system_does_not_let_be_made():
    with pytest.raises(
        InvalidInput, match=r"checkpoint must be a folder that can be made, .*; received /proc/x, of which .*; choose"
    ):
        otgen.pairwise([[0.0], [1.0]], checkpoint="/proc/x")
