"""Where commands may write: never over what they read, over nothing without being told to, and to nothing but files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import InvalidInput


def page_place(
    path: str | os.PathLike[str], *, inputs: Iterable[str | os.PathLike[str]] = (), force: bool, option: str = "--out"
) -> None:
    """Check, before any work, that a page may be written to ``path``; ``-`` is the standard output.

    Parameters
    ----------
    path : path
        Where the page is to go.
    inputs : iterable of paths
        What the command reads.
    force : bool
        Whether a page that is there may be replaced.
    option : str
        How errors call it.

    Raises
    ------
    InvalidInput
        For a name that does not end in ``.html``, an input, a folder, a device, a place that cannot be written, and a file that is
        there already.

    Examples
    --------
    >>> page_place("-", force=False)
    >>> page_place("page.npy", force=True)
    Traceback (most recent call last):
    ...
    otgen.errors.InvalidInput: --out must name a page that ends in .html, or - for the standard output; received page.npy; add .html to it
    """
    if str(path) == "-":
        return
    target = regular(path)
    _refuse_inputs(target, inputs, option)
    if target.suffix.lower() != ".html":
        raise InvalidInput(
            f"{option} must name a page that ends in .html, or - for the standard output; received {path}; add .html to it"
        )
    _refuse_place(target, path, force=force, option=option)


def matrix_place(path: str | os.PathLike[str], folder: str | os.PathLike[str], *, force: bool) -> None:
    """Check, before any work, that an npz may be written to ``path``, outside the folder that is read.

    Raises
    ------
    InvalidInput
        As in `page_place`.

    Examples
    --------
    >>> matrix_place("D.csv", "sets", force=False)
    Traceback (most recent call last):
    ...
    otgen.errors.InvalidInput: --out must name a file that ends in .npz; received D.csv; add .npz to it
    """
    target = _in_its_folder(path)
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise InvalidInput(f"--out must be a regular file; received {target}; choose a name such as D.npz")
    if target.suffix.lower() != ".npz":
        raise InvalidInput(f"--out must name a file that ends in .npz; received {path}; add .npz to it")
    if target.parent == Path(folder).resolve():
        raise InvalidInput(
            f"--out must lie outside the folder that is read; received {path} in {folder}; choose another place"
        )
    if not target.parent.is_dir():
        raise InvalidInput(f"--out must lie in a folder that exists; received {path}; make {target.parent} first")
    _refuse_place(target, path, force=force, option="--out")


def _refuse_place(target: Path, path: str | os.PathLike[str], *, force: bool, option: str) -> None:
    """Refuse folders that cannot be written, and files that are there already."""
    folder = next(place for place in target.parents if place.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidInput(f"{option} must lie in a folder that can be written; received {path}; choose another one")
    if target.exists() and not force:
        raise InvalidInput(f"{path} must not exist already; received a file of that name; replace it with --force")


def regular(path: str | os.PathLike[str]) -> Path:
    """Where a file may go: a new one, or one to be replaced, behind links within its folder; raises InvalidInput for all else."""
    target = _in_its_folder(path)
    if target.is_dir():
        raise InvalidInput(f"the page must be a file; received the folder {target}; add a name such as report.html")
    if target.exists() and not target.is_file():
        raise InvalidInput(f"the page must be a regular file; received {target}; choose another name")
    return target


def _in_its_folder(path: str | os.PathLike[str]) -> Path:
    """What is behind a name; refuses links that lead out of the folder that they lie in: who made them chose where is written."""
    try:
        target, folder = Path(path).resolve(), Path(path).absolute().parent.resolve()
    except (OSError, RuntimeError):  # RuntimeError up to Python 3.12
        raise InvalidInput(
            f"{path} must lead somewhere; received a link that leads back to itself; remove it, or choose another name"
        ) from None
    if Path(path).is_symlink() and target.parent != folder:
        raise InvalidInput(
            f"{path} must not be a link out of its folder; received one to {target}; name that place, or remove the link"
        )
    return target


def folder_place(path: str | os.PathLike[str], names: Iterable[str]) -> None:
    """Check that files may be written into a folder, which is no link out of its own: none of ``names`` is there, nor is a link of that name."""
    _in_its_folder(path)
    there = [name for name in names if os.path.lexists(Path(path) / name)]
    if there:
        raise InvalidInput(
            f"{path} must not hold {there[0]} already; received a folder that does; go on with --resume, or choose another folder"
        )


def _refuse_inputs(target: Path, inputs: Iterable[str | os.PathLike[str]], option: str) -> None:
    for source in inputs:
        same = Path(source).resolve() == target
        if same or (target.exists() and Path(source).exists() and os.path.samefile(source, target)):
            raise InvalidInput(
                f"{option} must not be a file that is read; received {source} for both; choose another name"
            )
