"""Comments in tables of text: where they are names, that no sample is lost to them unsaid, and the Ctrl-Z that ends a text of DOS."""

import numpy as np
import pytest
from written import table

from otgen import InvalidInput
from otgen.app import compared, files


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


ROWS = [[1.5, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("mark", ["#", "# ", "%", "% ", "%% ", "//", "// "])
@pytest.mark.parametrize(("name", "apart"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t"), ("t.txt", " ")])
class TestMarks:
    def test_names_in_a_comment(self, mark, name, apart):
        found = table(f"{mark}by hand, in 2024\n{mark}u{apart}v\n1.5{apart}2\n3{apart}4\n", name)
        assert (found.points.tolist(), found.columns) == (ROWS, ("u", "v"))
        told = [note for note in compared.said_of(found) if "names were read from the comment" in note]
        assert len(told) == (not mark.startswith("#")), "a name may begin with a percent sign"

    def test_names_below_comments(self, mark, name, apart):
        found = table(f"{mark}by hand\n\n{mark}\nu{apart}v\n1.5{apart}2\n3{apart}4\n", name)
        assert (found.points.tolist(), found.columns, found.notes) == (ROWS, ("u", "v"), ())

    def test_no_names(self, mark, name, apart):
        found = table(f"{mark}by hand in 2024\n1.5{apart}2\n3{apart}4\n", name)
        assert (found.points.tolist(), found.columns, found.notes) == (ROWS, None, ())

    def test_a_row_that_is_commented_out_is_said(self, mark, name, apart):
        found = table(f"{mark}9.5{apart}8\n1.5{apart}2\n3{apart}4\n", name)
        assert found.points.tolist() == ROWS
        assert "1 line of numbers left out as a comment" in found.notes[0]

    def test_rows_that_all_look_like_comments_are_not_lost(self, mark, name, apart):
        """Their first cells are labels; a long file lost those that were looked at to tell how it is written."""
        rows = "".join(f"{mark}{k}{apart}0.5{apart}1.5\n" for k in range(9000))
        with pytest.raises(InvalidInput, match="must have rows; received comments alone"):
            table(rows, name)
        if apart != " " and not mark.endswith(" "):
            quoted = rows.replace(mark, f'"{mark}').replace(f"{apart}0.5", f'"{apart}0.5')
            assert table(quoted, name).points.shape == (9000, 2)


def test_comments_longer_than_what_is_looked_at():
    licence = "".join(f"# line {k} of a long licence, in words\n" for k in range(3000))
    found = table(licence + "u,v\n1.5,2\n3,4\n")
    assert (found.points.tolist(), found.columns) == (ROWS, ("u", "v"))


def test_comments_below_the_first_row_are_said():
    """Such as the footer of numpy.savetxt, or labels."""
    np.savetxt("t.txt", ROWS, header="u v", footer="the end")
    found = files.read("t.txt")
    assert (found.points.tolist(), found.columns) == (ROWS, ("u", "v"))
    assert found.notes == ("1 line below the first row left out as a comment",)
    found = table("a 1.5 2\n#b 7.5 8\nc 3 4\n#d 9 9\n", "t.txt")
    assert found.points.tolist() == ROWS
    assert found.notes[0] == "2 lines below the first row left out as comments"


@pytest.mark.parametrize("end", ["\x1a", "\r\n\x1a", "\r\n\x1a\r\n", "\r\n" + "\x1a" * 9])
@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_ctrl_z_at_the_end(end, name):
    apart = "," if name == "t.csv" else " "
    found = table(f"u{apart}v\r\n1.5{apart}2\r\n3{apart}4{end}", name)
    assert (found.points.tolist(), found.columns) == (ROWS, ("u", "v"))


def test_ctrl_z_within_is_no_end():
    with pytest.raises(InvalidInput, match="rectangular table"):
        table("u,v\r\n1.5,2\r\n\x1a\r\n3,4\r\n")


@pytest.mark.parametrize("number", [2**63 + 1, 2**64 - 1, -(2**63) - 1])
def test_the_rule_for_whole_numbers_is_one_that_they_break(number):
    with pytest.raises(InvalidInput, match=rf"from -2\*\*63 to 2\*\*63 - 1, or .*received {number}"):
        table(f"u\n{number}\n3\n")
