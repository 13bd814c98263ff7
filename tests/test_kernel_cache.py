"""Compiled kernels: kept by content, lost to nobody, told of on a terminal alone."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import otgen
from otgen.kernels import compiling, kernel_cache, network_simplex
from otgen.kernels.pair_matrices import pair, product

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
PACKAGE = Path(otgen.__file__).parent
LINE = "import numpy as np; from otgen.kernels.pair_matrices import pair, product; print(product(pair(np.eye(2)), pair(np.eye(2)))[0])"
COUNT = (
    "from numba.core import event\n"
    "class Count(event.Listener):\n"
    "    def on_start(self, e): print('compiled', e.data['dispatcher'])\n"
    "    def on_end(self, e): pass\n"
    "event.register('numba:compile', Count())\n"
    f"{LINE}\n"
)


def run(code, path, **environment):
    given = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "COVERAGE", "COV_"))}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=path, env={**given, "PYTHONPATH": str(path), **environment},
    )  # fmt: skip


def copied(place):
    """A fresh copy of the package, in a folder."""
    shutil.copytree(PACKAGE, place / "otgen", ignore=shutil.ignore_patterns("__pycache__"))
    for path in place.rglob("*.py"):
        os.utime(path)
    return place


@pytest.fixture
def installed(tmp_path):
    """Installs the package in a folder of a name, as a fresh copy."""
    return lambda name: copied(tmp_path / name)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A first run, which compiles, and the cache that it leaves."""
    place = tmp_path_factory.mktemp("first")
    cache = str(place / "cache")
    return run(COUNT, copied(place / "one"), NUMBA_CACHE_DIR=cache), cache


@pytest.mark.by_day(1)
def test_a_reinstall_compiles_nothing(installed, first):
    done, cache = first
    assert "compiled" in done.stdout
    assert "compiled" not in run(COUNT, installed("another"), NUMBA_CACHE_DIR=cache).stdout


@pytest.mark.nightly
def test_a_change_in_a_kernel_that_is_called_compiles_anew(installed, first):
    _, cache = first
    changed = installed("one")
    with (changed / "otgen" / "kernels" / "double_double.py").open("a") as file:
        file.write("# changed\n")
    assert "compiled" in run(COUNT, changed, NUMBA_CACHE_DIR=cache).stdout


def test_without_a_place_one_warning_and_the_value(installed, tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("")  # no folder can be made below it, by root neither
    done = run(LINE, installed("one"), NUMBA_CACHE_DIR=str(nowhere / "below"))
    assert done.stdout == str(product(pair(np.eye(2)), pair(np.eye(2)))[0]) + "\n"
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1
    assert done.stderr.startswith("<string>:")  # the line that called


@pytest.mark.nightly
def test_the_users_folder_serves_where_none_is_named(installed, tmp_path):
    home = tmp_path / "home"
    run(COUNT, installed("one"), HOME=str(home), XDG_CACHE_HOME=str(home), LOCALAPPDATA=str(home))
    assert list(home.rglob(f"kernels-{kernel_cache.digest()}/*.nbi"))


def test_a_disk_that_cannot_be_written_loses_nothing(monkeypatch):
    cache = kernel_cache.KernelCache(network_simplex._thread.py_func)

    def full(sig, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache._kept, "save_overload", full)
    cache.save_overload(None, None)
    assert cache.load_overload(None, None) is None


def test_a_terminal_is_told_and_a_pipe_is_not(installed, first, tmp_path):
    place, told = installed("one"), []
    assert first[0].stderr == ""
    for _ in range(2):
        ours, theirs = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(place), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        subprocess.run(
            [sys.executable, "-c", LINE], stderr=theirs, stdout=subprocess.DEVNULL, check=True, env=environment
        )
        os.write(theirs, b"end")
        told.append("")
        while not told[-1].endswith("end"):  # a terminal hands over some 4 kB at a time
            told[-1] += os.read(ours, 100_000).decode()
        os.close(ours)
        os.close(theirs)
    assert "compiling kernels, once for this machine: 1 of " in told[0]
    assert told[0].endswith("\x1b[Kend")  # and nothing of it is left
    assert told[1] == "end"


def test_what_a_kernel_calls_is_in_sight():
    names = {kernel.py_func.__name__ for kernel in compiling.reached(network_simplex._pivot)}
    fresh = {
        name for name in ("_enter", "_leaving", "_push", "_rehang") if not getattr(network_simplex, name).overloads
    }
    assert fresh <= names


def test_who_asks_is_told_instead():
    said = []
    with compiling.told(said.append):
        compiling._default.tell("now")
    assert said == ["now"]


class TestDamage:
    """numba would run whatever a damaged file unpickles to."""

    def files(self, place):
        return kernel_cache._SealedFiles(str(place), "kernel", "stamp")

    def test_what_is_whole_is_read(self, tmp_path):
        self.files(tmp_path).save("key", ["code"])
        assert self.files(tmp_path).load("key") == ["code"]
        assert kernel_cache._SealedFiles(str(tmp_path), "kernel", "another stamp").load("key") is None
        assert sorted(path.name for path in tmp_path.iterdir()) == ["kernel.1.nbc", "kernel.nbi"]

    @pytest.mark.parametrize("name", ["kernel.nbi", "kernel.1.nbc"])
    def test_each_bit_counts(self, tmp_path, name):
        self.files(tmp_path).save("key", ["code"])
        path = tmp_path / name
        whole = path.read_bytes()
        for k in range(len(whole)):
            path.write_bytes(whole[:k] + bytes([whole[k] ^ 1 << k % 8]) + whole[k + 1 :])
            assert self.files(tmp_path).load("key") is None
            path.write_bytes(whole[:k])
            assert self.files(tmp_path).load("key") is None
        self.files(tmp_path).save("key", ["other code"])
        assert self.files(tmp_path).load("key") == ["other code"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    @pytest.mark.parametrize("name", ["kernel.nbi", "kernel.1.nbc"])
    def test_what_another_user_put_there(self, tmp_path, name):
        """In a folder such as /tmp, where anybody may: compiled again, and replaced."""
        self.files(tmp_path).save("key", ["code"])
        os.chown(tmp_path / name, 12345, -1)
        assert self.files(tmp_path).load("key") is None
        self.files(tmp_path).save("key", ["own code"])
        assert self.files(tmp_path).load("key") == ["own code"]
        assert (tmp_path / name).stat().st_uid == 0

    def test_a_kernel_under_the_name_of_another_one(self, tmp_path):
        for key in "ab":
            self.files(tmp_path).save(key, key)
        (tmp_path / "kernel.2.nbc").replace(tmp_path / "kernel.1.nbc")
        assert self.files(tmp_path).load("a") is None
