"""All commands that write, and all their options that name what is written: links, files that are there, disks that are full."""

import contextlib
import resource
import typing
from pathlib import Path

import numpy as np
import pytest
import typer

from otgen.app.commands.app import app

SETS = ("pairwise", "sets", "--quiet")
FILES = {
    "report --out": ("report", "x.npy", "y.npy", "--splits", "0", "--quiet", "--out", "page.html"),
    "demo --out": ("demo", "--quiet", "--out", "page.html"),
    "check --html": ("check", "gaussian-kl", "--quiet", "--html", "page.html"),
    "pairwise --out": (*SETS, "--out", "page.npz"),
    "pairwise --report": (*SETS, "--out", "D.npz", "--report", "page.html"),
}
FOLDERS = {
    "pairwise --checkpoint": (*SETS, "--out", "D.npz", "--checkpoint", "kept"),
    "train --out": ("train", "sliced", "--steps", "2", "--batch-size", "8", "--quiet", "--out", "kept"),
}
READ = {"transport --a", "transport --b"}
QUICK = [pytest.param(name, marks=[pytest.mark.nightly] if name == "demo --out" else []) for name in FILES]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Path("sets").mkdir()
    for name in ("x.npy", "y.npy", "sets/a.npy", "sets/b.npy"):
        np.save(name, rng.random((20, 2)))
    return tmp_path


@pytest.fixture
def elsewhere(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


def test_none_is_left_out():
    """An option that is a path is one of these, or read."""
    found = set()
    for command in app.registered_commands:
        for name, hint in typing.get_type_hints(command.callback, include_extras=True).items():
            kind, *notes = typing.get_args(hint) or (hint,)
            option = next((one for one in notes if isinstance(one, typer.models.OptionInfo)), None)
            if option is not None and "Path" in str(kind):
                written = option.default if isinstance(option.default, str) else f"--{name}"  # as Annotated holds it
                found.add(f"{command.callback.__name__} {written}")
    assert found == {*FILES, *FOLDERS, *READ}


def _place(command):
    return Path(next(word for word in command if word.startswith("page.")))


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("writer", FILES)
def test_no_link_is_followed_out_of_its_folder(folder, told, elsewhere, writer, there):
    place = _place(FILES[writer])
    target = elsewhere / place.name
    if there:
        target.write_text("kept")
    place.symlink_to(target)
    code, _, err = told(*FILES[writer], "--force")
    assert (code, "must not be a link out of its folder" in err) == (2, True), err
    assert (target.read_text() if target.exists() else None) == ("kept" if there else None)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("writer", FOLDERS)
def test_no_folder_is_a_link_out_of_its_own(folder, told, elsewhere, writer, there):
    target = elsewhere / "target"
    if there:
        target.mkdir()
    Path("kept").symlink_to(target)
    code, _, err = told(*FOLDERS[writer])
    assert (code, "must not be a link out of its folder" in err) == (2, True), err
    assert not any(target.iterdir()) if there else not target.exists()


@pytest.mark.parametrize("writer", FILES)
def test_what_is_there_stays_without_force(folder, told, writer):
    place = _place(FILES[writer])
    place.write_text("kept")
    code, _, err = told(*FILES[writer])
    assert (code, "replace it with --force" in err) == (2, True), err
    assert place.read_text() == "kept"


@contextlib.contextmanager
def _full(room):
    """No file may be longer, as on a disk that has no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("writer", QUICK)
def test_what_is_there_stays_where_the_disk_is_full(folder, told, writer):
    """There is room for what is said; beside a page, for the matrices."""
    place = _place(FILES[writer])
    place.write_text("kept")
    before = {*folder.rglob("*"), *([folder / "D.npz"] if writer == "pairwise --report" else [])}
    with _full(4000 if writer == "pairwise --report" else 700):
        code, out, err = told(*FILES[writer], "--force")
    said = f"{place.name} must be a file that can be written"
    assert (code, out, err.count("\n"), said in err) == (2, "", 1, True), err
    assert place.read_text() == "kept"
    assert set(folder.rglob("*")) == before
