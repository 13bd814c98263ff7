"""Files of arrays: what is larger than the file, or would run code, is refused before it is read."""

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from otgen.errors import InvalidInput, TooLarge
from otgen.inputs.stored import stored_arrays, stored_bytes

PATH = Path("file.npz")


def archive(entries, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def claiming(descr, shape):
    """An entry that says that it is of a shape, and has 48 bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(48)


def with_header(header):
    """An entry of a header that numpy would evaluate, and 48 bytes."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(48)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        npy(np.zeros(3)),
        archive({"x.npy": npy(np.zeros(9))}, zipfile.ZIP_DEFLATED),
        archive({"x.npy": npy(np.array([{}], object))}),
        archive({"x.npy": npy(np.zeros(9)) + b"more"}),
        archive({"x.npy": npy(np.zeros(9))[:-1]}),
        archive({"x.npy": claiming("<f8", (10**13, 2))}),
        archive({"x.npy": claiming("<f8", (10**22,))}),
        archive({"x.npy": claiming("<f8", (-1, 2))}),
        archive({"x.npy": claiming("<f8", (2**60,))}),
        archive({"x.npy": claiming("<f8", (2**60, 0))[:-48]}),
        archive({"x.npy": claiming("<U0", (2**60,))[:-48]}),
        archive({"x.npy": claiming("<U12", (2**60,))}),
        archive({"x.npy": claiming("(2,3)f8", (1,))}),
        archive({"x.npy": claiming([("a", "<f8")], (6,))}),
        archive({"x.npy": claiming(("f8",), (6,))}),
        archive({"x.npy": with_header(b"(" * 5000)}),
        archive({"x.npy": with_header(b"-" * 9000 + b"1\n")}),
        archive(
            {"x.npy": with_header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 6000 + b",), }\n")}
        ),
        archive({"x.npy": npy(np.zeros(3, ">f8"))}),
        archive({"x.npy": npy(np.zeros(3, "M8[s]"))}),
        archive({"x.npy": npy(np.zeros(3)), "x": npy(np.ones(3))}),
        archive({"x.npy": b"text"}),
    ],
)
def test_other_files(content):
    with pytest.raises(InvalidInput, match=r"file\.npz must be an archive; received .*; write it with save"):
        stored_arrays(PATH, content, "an archive", "save")


def test_entries_that_overlap():
    content = bytearray(archive({"x.npy": npy(np.zeros(900)), "y.npy": npy(np.zeros(900))}))
    directory = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", directory + 1)
    content[second + 42 : second + 46] = bytes(4)  # where the first one is
    second_name = content.index(b"y.npy", second)
    content[second_name : second_name + 5] = b"x.npy"
    del content[content.index(b"y.npy") - 30 : directory]
    with pytest.raises(InvalidInput, match="must be an archive"):
        stored_arrays(PATH, bytes(content), "an archive", "save")


def test_what_was_written():
    stream = io.BytesIO()
    np.savez(stream, x=np.arange(6.0).reshape(2, 3), word="a")
    held = stored_arrays(PATH, stream.getvalue(), "an archive", "save")
    assert held["x"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert str(held["word"]) == "a"


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(2.5),
        np.zeros((0, 2)),
        np.array(["ab", ""]),
        np.arange(3),
    ],
)
def test_what_numpy_writes_is_read_as_it_was(array):
    found = stored_arrays(PATH, archive({"x.npy": npy(array)}), "an archive", "save")["x"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.flags.writeable
    assert found.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.skipif(sys.platform == "win32", reason="devices and links as Unix has them")
def test_what_has_no_end_is_not_read(tmp_path):
    (tmp_path / "link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(
            InvalidInput, match=rf"{name} must be a map; received a device or a pipe; write one with save"
        ):
            stored_bytes(tmp_path / name, "a map", "save")
    with pytest.raises(IsADirectoryError):
        stored_bytes(tmp_path, "a map", "save")


def test_what_does_not_fit_is_not_read(tmp_path):
    """A file of a size without anything in it takes no disk."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        try:
            file.truncate(2**43)
        except OSError:
            pytest.skip("files cannot be so large here")
    with pytest.raises(TooLarge, match=r"large must fit in memory; received a file of .* GB"):
        stored_bytes(path, "a map", "save")
