"""Files of arrays: what is larger than the file, or would run code, is refused before it is read."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from otgen.errors import InvalidInput
from otgen.inputs.stored import stored_arrays

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
