"""Files of sample sets: how they are written, which columns are coordinates, and what is refused unread."""

import decimal
import gzip
import io
import json
import os
import sys
import threading
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgen import InvalidInput
from otgen.app import compared, files, measuring
from otgen.app.files.text import dialect

RNG = np.random.default_rng(0)
X = RNG.random((20, 2))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(text, name="t.csv", **options):
    Path(name).write_text(text)
    return files.read(name, **options)


class TestDialects:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("t.csv", "u,v\n1.5,2\n3,4.25\n"),
            ("t.csv", "u;v\n1.5;2\n3;4.25\n"),
            ("t.csv", "u;v\n1,5;2\n3;4,25\n"),
            ("t.csv", "u\tv\n1.5\t2\n3\t4.25\n"),
            ("t.csv", "u|v\n1,5|2\n3|4,25\n"),
            ("t.txt", "u|v\n1.5|2\n3|4.25\n"),
            ("t.csv", "\ufeffu, v\r\n1.5,2\r\n3,4.25\r\n"),
            ("t.csv", '"u","v"\n1.5,"2"\n"3",4.25'),
            ("t.tsv", "u\tv\n1.5\t2\n3\t4.25\n"),
            ("t.txt", "# made by hand\n# u v\n 1.5   2\n\n 3  4.25\n"),
            ("t.txt", "u v\n1.5 2\n3 4.25\n"),
            ("t.txt", "u,v\n1.5,2\n3,4.25\n"),
        ],
    )
    def test_each_holds_the_same(self, name, text):
        found = table(text, name)
        assert found.points.tolist() == [[1.5, 2.0], [3.0, 4.25]]
        assert found.columns == ("u", "v")

    def test_without_names_columns_are_numbered(self):
        found = table("1.5,2\n3,4.25\n")
        assert found.columns is None
        assert found.points.shape == (2, 2)
        assert table("1.5,2\n3,4.25\n", columns=["2"]).points.tolist() == [[2.0], [4.25]]

    def test_numbers_for_names(self):
        """What a data frame without names writes: 0, 1, 2 in the first line, which is no sample."""
        found = table("0,1\n0.5,2.5\n1.5,3.5\n")
        assert found.points.tolist() == [[0.5, 2.5], [1.5, 3.5]]
        assert "was read as names" in found.notes[0]
        assert len(table("0,1\n2,3\n")) == 2

    def test_packed_and_from_the_standard_input(self, monkeypatch):
        text = b"u,v\n1,2\n"
        Path("t.csv.gz").write_bytes(gzip.compress(text))
        assert files.read("t.csv.gz").points.tolist() == [[1, 2]]
        held = io.BytesIO()
        np.save(held, X)
        parquet = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table({"u": [1], "v": [2]}), parquet)
        contents = (text, gzip.compress(text), b"1 2\n", held.getvalue(), parquet.getvalue())
        for content, expected in zip(contents, ([[1, 2]], [[1, 2]], [[1, 2]], X.tolist(), [[1, 2]]), strict=True):
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
            assert files.read("-").points.tolist() == expected
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        with pytest.raises(InvalidInput, match="received nothing there"):
            files.read("-")

    def test_a_device_without_end_is_not_read(self):
        Path("zero.csv").symlink_to("/dev/zero")
        with pytest.raises(InvalidInput, match=r"zero\.csv must be a file of samples; received a device or a pipe"):
            files.read("zero.csv")

    def test_a_pipe_is_known_by_its_first_bytes(self):
        os.mkfifo("pipe")
        held = io.BytesIO()
        np.savez(held, points=X, mass=np.ones(20))
        writer = threading.Thread(target=lambda: Path("pipe").write_bytes(held.getvalue()))
        writer.start()
        (found,) = measuring.read_sets([Path("pipe")], None, "mass", "points")
        writer.join()
        assert found.points.tolist() == X.tolist()
        assert found.weights is not None

    @given(
        st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=5),
        st.sampled_from([",", ";", "\t", "|"]),
        st.booleans(),
    )
    def test_numbers_come_back_as_written(self, rows, separator, named):
        """Written with any separator, with a decimal comma where the separator leaves one, numbers are the same doubles."""
        lines = [separator.join(map(repr, row)) for row in rows]
        if separator != ",":
            lines = [line.replace(".", ",") for line in lines]
        text = "\n".join([separator.join("uv"), *lines] if named else lines)
        how = dialect(text)
        assert how.separator == separator
        assert (how.names is not None) == named
        found = table(text)
        assert found.points.astype(float).tolist() == rows


class TestColumns:
    @pytest.mark.parametrize("first", ["", "Unnamed: 0", "index", "id", "row_number"])
    def test_an_index_is_left_out_and_named(self, first):
        found = table(f"{first},u,v\n0,1.5,2\n1,3,4\n")
        assert found.columns == ("u", "v")
        assert list(found.left_out) == [first or "(unnamed)"]

    def test_an_index_in_any_order_where_it_has_no_name(self):
        assert table(",u\n7,1.5\n2,3\n").columns == ("u",)

    def test_the_index_of_a_parquet_file(self):
        held = pyarrow.table({"u": [1.0, 2.0], "__index_level_0__": [4, 2]})
        pyarrow.parquet.write_table(held, "t.parquet")
        assert files.read("t.parquet").columns == ("u",)
        named = pyarrow.table({"u": [1.0, 2.0], "time": [4, 2]})
        held = named.replace_schema_metadata({"pandas": json.dumps({"index_columns": ["time"]})})
        pyarrow.parquet.write_table(held, "t.parquet")
        assert files.read("t.parquet").left_out == {"time": "the index of a data frame"}

    def test_what_may_be_an_index_is_said(self):
        """Row numbers under a name of their own may be data: they count, and the answer says what they look like."""
        found = table("dose,u\n1,5\n2,6\n3,8\n")
        assert found.columns == ("dose", "u")
        assert found.notes == ("column 'dose' counts the rows; if it is an index, leave it out with --columns u",)
        assert table("0,5\n1,6\n2,8\n").notes[0].endswith("--columns 2")
        assert table("dose,u\n1,5\n2,6\n3,8\n", columns=["dose", "u"]).notes == ()

    def test_names_of_counters_that_do_not_count_are_coordinates(self):
        assert table("id,u\n5,1\n2,3\n").columns == ("id", "u")
        assert table("height,u\n1,5\n2,6\n").columns == ("height", "u")

    def test_what_is_no_number_is_left_out_and_named(self):
        found = table("u,name,day,flag,nothing\n1.5,a,2020-01-01,true,\n2,b,2020-01-02,false,\n")
        assert found.columns == ("u",)
        assert found.left_out == {"name": "text", "day": "dates or times", "flag": "true or false", "nothing": "empty"}
        assert compared.notes([found]) == [
            "t.csv: left out name (text), day (dates or times), flag (true or false), nothing (empty)"
        ]

    def test_formulas_are_data(self):
        assert table("u,name\n1,=cmd()\n").columns == ("u",)
        with pytest.raises(InvalidInput, match=r"column 'name' of .* must hold numbers; received text"):
            table("u,name\n1,=cmd()\n", columns=["name"])

    def test_whole_numbers_stay_whole(self):
        """Nanoseconds since 1970 are no floats: they are handed on as they are, or refused beside fractions."""
        stamp = 1_700_000_000_000_000_123
        found = table(f"t\n{stamp}\n{stamp + 1}\n")
        assert found.points.dtype == np.int64
        assert found.points.ravel().tolist() == [stamp, stamp + 1]
        with pytest.raises(InvalidInput, match="subtract a constant"):
            table(f"t,u\n{stamp},0.5\n")

    @given(st.integers(-(10**40), 10**40), st.sampled_from(["", "0.5\n"]), st.sampled_from([",", ";"]))
    def test_whole_numbers_are_exact_or_refused(self, number, fraction, separator):
        """Those beyond 64 bits, and those among fractions, would be read as the nearest float."""
        text = f"t{separator}u\n{number}{separator}1\n" + (fraction and f"0.5{separator}1\n")
        held = int(float(number)) == number if fraction else -(2**63) <= number < 2**63 or int(float(number)) == number
        if held:
            assert int(table(text).points[0, 0]) == number
        else:
            with pytest.raises(
                InvalidInput,
                match=rf"column 't' .* from -2\*\*63 to 2\*\*63 - 1.* received {number}, which is read as ",
            ):
                table(text)
            assert table(text, columns=["u"]).points.ravel().tolist() == [1] * (1 + bool(fraction))

    @pytest.mark.parametrize("number", [2**60 + 1, -(2**60) - 1, 10**20 + 1])
    def test_decimals_without_fractions_are_whole_numbers(self, number):
        held = pyarrow.table({"t": pyarrow.array([decimal.Decimal(number)], pyarrow.decimal128(38, 0))})
        pyarrow.parquet.write_table(held, "t.parquet")
        if abs(number) < 2**63:
            assert files.read("t.parquet").points.tolist() == [[number]]
        else:
            with pytest.raises(InvalidInput, match=rf"from -2\*\*63 to 2\*\*63 - 1.* received {number}"):
                files.read("t.parquet")

    @pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
    def test_text_is_utf_8(self, encoding, name):
        Path(name).write_bytes("größe,v\n1,2\n".encode(encoding))
        with pytest.raises(InvalidInput, match=r"must be text in UTF-8; .* iconv"):
            files.read(name)

    @pytest.mark.parametrize("text", ["u,v\n1,2\n3,4\n", "größe,v\n1,2\n", "名前,v\n1,2\n", "1,2\n3,4\n"])
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16le", "utf-16be", "utf-32le", "utf-32be"])
    def test_wide_encodings_are_told_apart(self, encoding, name, text):
        """Without a mark, plain letters in them are UTF-8 with NULs: rows of one cell, or columns of text."""
        Path(name).write_bytes(text.encode(encoding))
        mark = "" if encoding.endswith(("16", "32")) else " without a mark"
        said = rf"{name} must be text in UTF-8; received {encoding.upper()}{mark}; .* iconv -f {encoding} -t utf-8"
        with pytest.raises(InvalidInput, match=said):
            files.read(name)

    def test_bytes_of_no_encoding(self):
        Path("t.csv").write_bytes(b"u,v\n1,2\n\0\xff\0")
        with pytest.raises(InvalidInput, match="received NUL bytes, which no text has; write its numbers as text"):
            files.read("t.csv")

    def test_what_is_no_text_is_told_by_what_it_is(self):
        Path("t.csv").write_bytes("größe,v\n1,2\n".encode("utf-16"))
        with pytest.raises(InvalidInput, match=r"received UTF-16; .* iconv -f utf-16"):
            files.read("t.csv")
        np.save("x.npy", X)
        Path("x.npy").rename("x.csv")
        with pytest.raises(InvalidInput, match="received an npy array; rename the file"):
            files.read("x.csv")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("u,v\n1,2\n,3\n", "1 empty cell, the first in row 1;"),
            ("u,v\n1,2\n,3\n,4\n", "2 empty cells, the first in row 1;"),
            ("u,u\n1,2\n", "several called u"),
            ("name\na\n", "must have a column of numbers.*write cells as numbers"),
            ("id\n1\n2\n", r"received id \(it counts the rows\); choose with --columns, such as --columns id"),
            ("day\n2024-01-01\n", "received day .dates or times.; write moments as numbers"),
            ("u,v\n", "must have rows"),
            ("u,v\n1,2\n3\n", "must be a rectangular table"),
        ],
    )
    def test_what_cannot_be_compared(self, text, said):
        with pytest.raises(InvalidInput, match=said):
            table(text)


class TestMatching:
    @given(st.permutations(["u", "v", "w"]), st.permutations(["u", "v", "w"]), st.integers(0, 2**32))
    def test_by_name_whatever_the_order(self, ours, theirs, seed):
        points = {name: np.random.default_rng([seed, k]).random(4) for k, name in enumerate("uvw")}
        one, two = (
            files.Samples(name, np.column_stack([points[c] for c in order]), columns=tuple(order))
            for name, order in (("a.csv", ours), ("b.csv", theirs))
        )
        first, second = files.matched([one, two])
        assert first.columns == second.columns == tuple(ours)
        assert (first.points == second.points).all()

    @pytest.mark.parametrize(
        ("one", "two", "said"),
        [
            ("u,v\n1,2\n", "u,w\n1,2\n", "'v' of a.csv and 'w' of b.csv without a partner; .*--columns u"),
            ("u,v\n1,2\n", "s,t\n1,2\n", "rename the columns"),
            ("u,v\n1,2\n", "u\n1\n", "'v' of a.csv without"),
            ("u,v\n1,2\n", "u,v\n1,?\n", r"'v' of a.csv \(left out of b.csv: v \(text\)\)"),
            ("id,u\n0,1\n1,2\n", "id,u\n5,1\n2,2\n", r"'id' of b.csv \(left out of a.csv: id \(it counts the rows\)\)"),
            ("1,2\n", "1,2,3\n", "same number of coordinates; received 2 and 3"),
        ],
    )
    def test_names_that_differ_are_refused(self, one, two, said):
        with pytest.raises(InvalidInput, match=said):
            files.matched([table(one, "a.csv"), table(two, "b.csv")])

    def test_arrays_have_no_names(self):
        np.save("x.npy", X)
        first, second = files.matched([table("u,v\n1,2\n"), files.read("x.npy")])
        assert compared.told(first, second) == "1 x 20 points, 2 coordinates: u, v, by position in x.npy"
        assert compared.told(second, second) == "20 x 20 points, 2 coordinates by position"


class TestHeadersThatLie:
    def test_a_pickle_is_refused_unread(self):
        np.save("p.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(InvalidInput, match="only a pickle"):
            files.read("p.npy")

    def test_more_than_the_file_holds(self):
        with Path("l.npy").open("wb") as stream:
            header = {"descr": "<f8", "fortran_order": False, "shape": (10**13, 2)}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(X.tobytes())
        with pytest.raises(InvalidInput, match="promises"):
            files.read("l.npy")

    def test_what_unfolds(self):
        np.savez_compressed("bomb.npz", np.zeros(9_000_000))
        assert Path("bomb.npz").stat().st_size < 1_000_000
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read("bomb.npz")
        Path("bomb.csv.gz").write_bytes(gzip.compress(b"0\n" * 33_000_000))
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read("bomb.csv.gz")

    @pytest.mark.parametrize("name", ["twice.npz.gz", "twice.parquet.gz"])
    def test_what_unfolds_twice(self, name):
        """70 MB from 1 or 9, which are from some kB: each of the two steps would be right alone."""
        content = modest_npz() if "npz" in name else modest_parquet()
        Path(name.removesuffix(".gz")).write_bytes(content)
        Path(name).write_bytes(gzip.compress(content, 6))
        assert 72_000_000 / 100 < len(content) < 64_000_000
        with pytest.raises(InvalidInput, match=f"received {Path(name).stat().st_size} bytes that would unfold to 72"):
            files.read(name)

    def test_a_damaged_member(self):
        with zipfile.ZipFile("d.npz", "w") as archive:
            archive.writestr("a.npy", b"junkjunkjunk")
        with pytest.raises(InvalidInput, match="must be an npy array"):
            files.read("d.npz")
        Path("d.csv.gz").write_bytes(gzip.compress(b"1,2\n")[:-6])
        with pytest.raises(InvalidInput, match="damaged"):
            files.read("d.csv.gz")

    def test_a_folder(self, folder):
        (folder / "f.csv").mkdir()
        with pytest.raises(InvalidInput, match="received a folder"):
            files.read("f.csv")
        (folder / "sets").mkdir()
        with pytest.raises(InvalidInput, match="received a folder"):
            files.read("sets")


def test_an_archive_whose_entries_lie_elsewhere():
    held = io.BytesIO()
    np.savez(held, x=X)
    content = held.getvalue()
    Path("x.npz").write_bytes(content[:40] + content[60:])
    with pytest.raises(InvalidInput, match=r"x\.npz"):
        files.read("x.npz")


def test_headers_as_python_2_wrote_them():
    held = io.BytesIO()
    np.save(held, X)
    Path("x.npy").write_bytes(held.getvalue().replace(b"(20, 2)", b"(20L,2)"))
    assert files.read("x.npy").points.tolist() == X.tolist()


def modest_npz():
    """An archive of zeros in a bit a byte, since no repetition is used: the entry is stored, then called packed."""
    held = io.BytesIO()
    np.save(held, np.zeros(9_000_000))
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    packed, out = squeeze.compress(held.getvalue()) + squeeze.flush(), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x.npy", packed)
    content = bytearray(out.getvalue())
    for at, method, size in ((0, 8, 22), (content.rindex(b"PK\x01\x02"), 10, 24)):
        content[at + method : at + method + 2] = zipfile.ZIP_DEFLATED.to_bytes(2, "little")
        content[at + size : at + size + 4] = held.tell().to_bytes(4, "little")
    return bytes(content)


def modest_parquet():
    """A column of two numbers, a bit each, in a pattern that comes again."""
    values, out = np.tile(RNG.integers(0, 2, 9000), 1000).astype(float), io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"x": values}), out, compression="none")
    return out.getvalue()


def lying(path):
    """A footer that says that a column is small: its size, a varint, is written anew in as many bytes."""
    content = bytearray(path.read_bytes())
    size = pyarrow.parquet.read_metadata(path).row_group(0).column(0).total_uncompressed_size
    places = [at for at in range(len(content)) if content.startswith(varint(2 * size), at)]
    assert places
    for at in places:
        content[at : at + len(varint(2 * size))] = varint(200, len(varint(2 * size)))
    path.write_bytes(content)
    assert pyarrow.parquet.read_metadata(path).row_group(0).column(0).total_uncompressed_size == 100


def varint(number, width=0):
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    groups += [0] * (width - len(groups))
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


class TestParquetThatUnfolds:
    def written(self, **columns):
        pyarrow.parquet.write_table(pyarrow.table(columns), "b.parquet", compression="zstd", store_schema=False)
        return Path("b.parquet")

    @pytest.mark.parametrize("values", [np.zeros(9_000_000), pyarrow.nulls(9_000_000, pyarrow.float64())])
    def test_numbers_that_repeat(self, values):
        assert self.written(x=values).stat().st_size < 100_000
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read("b.parquet")

    def test_sizes_that_lie(self):
        path = self.written(x=np.zeros(9_000_000))
        lying(path)
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read(path)

    def test_a_text_that_repeats(self):
        text = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 2000), ["a" * 100_000])
        self.written(x=np.arange(2000.0), name_of=text)
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read("b.parquet")

    def test_texts_are_labels_and_lists_are_left_out(self):
        self.written(x=[0.5, 1.5], called=["u", "v"], lists=[[1.0], [2.0, 3.0]])
        found = files.read("b.parquet")
        assert found.points.ravel().tolist() == [0.5, 1.5]
        assert found.labels == ("u", "v")
        assert found.left_out == {"lists": "list<element: double>", "called": "text"}
        with pytest.raises(InvalidInput, match=r"'lists' of b\.parquet must hold numbers"):
            files.read("b.parquet", columns=["lists"])


@pytest.mark.parametrize(("kind", "shape"), [("<f8", (-1, -1)), ("|V0", (10**10,)), ("|S0", (10**10,))])
def test_shapes_of_nothing(kind, shape):
    with Path("n.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        stream.write(bytes(8))
    with pytest.raises(InvalidInput, match="must hold numbers in a shape"):
        files.read("n.npy")
