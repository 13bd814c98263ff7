"""Files that are whole or not there, whenever a write ends."""

import os
import pathlib
from pathlib import Path

import pytest
from stopped import at_each_place

from otgen.inputs import atomic


def write(path):
    def content(name):
        with open(name, "w") as file:
            file.write("new")

    atomic.write_atomically(path, content)


@pytest.mark.parametrize("old", ["old", None])
def test_a_stop_at_any_place_leaves_the_file_whole_and_no_other(tmp_path, old):
    path = tmp_path / "a.txt"

    def whole():
        assert {one.name for one in tmp_path.iterdir()} <= {"a.txt"}
        assert (path.read_text() if path.exists() else None) in (old, "new")
        begin()

    def begin():
        path.unlink(missing_ok=True)
        if old is not None:
            path.write_text(old)

    begin()
    assert at_each_place(lambda: write(path), {atomic.__file__, pathlib.__file__}, whole) >= 10


def test_a_file_between_two_folders_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.txt", tmp_path / "missing" / "a.txt"):
        with pytest.raises(OSError, match=r"a\.txt") as found:
            write(path)
        assert found.value.filename == str(path)


def test_what_was_there_stays_where_writing_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="No space"):
        atomic.write_atomically(path, lambda name: Path("/dev/full").write_text("x"))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.txt", "old")]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_modes_are_those_that_the_user_set(tmp_path, umask, mode):
    """Of a new file by the umask; of one that is replaced those that it had."""
    before = os.umask(umask)
    try:
        write(tmp_path / "new.txt")
        (tmp_path / "old.txt").touch()
        (tmp_path / "old.txt").chmod(0o640)
        write(tmp_path / "old.txt")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.txt", "old.txt")] == [mode, 0o640]
