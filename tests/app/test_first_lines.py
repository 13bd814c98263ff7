"""First lines of tables of text: which are names, which are samples, which nobody can tell, and what comes before them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import table

from otgen import InvalidInput
from otgen.app import compared, files
from otgen.app.files.heading import judged


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("t.csv", "ann,1.5,2\nbob,3,4\n", "text"),
        ("t.csv", "2024-01-01,1.5,2\n2024-01-02,3,4\n", "dates or times"),
        ("t.csv", "true,1.5,2\nfalse,3,4\n", "true or false"),
        ("t.csv", "state,1.5,2\nstate,3,4\n", "text"),
        ("t.csv", "12 %,1.5,2\n13 %,3,4\n", "text: '12 %' is no number"),
        ("t.tsv", "ann\t1,5\t2\nbob\t3\t4\n", "text"),
        ("t.txt", "ann 1.5 2\nbob 3 4\n", "text"),
        ("t.txt", "\n# by hand\nann 1,5 2\nbob 3 4\n", "text"),
    ],
)
def test_a_sample_is_not_lost_where_there_are_no_names(name, text, left):
    found = table(text, name)
    assert found.points.tolist() == [[1.5, 2], [3, 4]]
    assert (found.columns, found.left_out) == (None, {"1": left})


def test_whole_numbers_beside_words():
    """A line of adult.data and one of a pivot table look alike: what comes again below, and what counts up, tell them apart, and it is said."""
    assert len(table("39,gov,77516\n50,gov,83311\n38,private,215646\n")) == 3
    found = table("ann,30,170\nbob,42,181\n")
    assert len(found) == 2
    assert found.notes == ("its first line, ann, 30, 170, was read as a sample, not as names",)
    found = table("city,2019,2020\nu,15,25\nv,35,45\n")
    assert (found.columns, found.points.tolist()) == (("2019", "2020"), [[15, 25], [35, 45]])
    assert found.notes == ("its first line, city, 2019, 2020, was read as names",)
    found = table("dose,0.1,0.9\n1,2,3\n")
    assert (found.columns, found.points.tolist()) == (("dose", "0.1", "0.9"), [[1, 2, 3]])


@pytest.mark.parametrize("text", [",1.5\n2.0,1.7\n", "NA,1.5\n2.0,1.7\n"])
def test_a_first_sample_with_a_gap(text):
    """It is refused as any other is, or its column is named; it was read as names."""
    with pytest.raises(InvalidInput, match="must be filled; received 1 empty cell"):
        table(text)
    found = table("?,1.5\n2.0,1.7\n3.0,2\n")
    assert (len(found), found.left_out) == (3, {"1": "text: '?' is no number"})


@pytest.mark.parametrize("text", ["2019,2020\n1.5,2.5\n2.5,3.5\n", "2020,2019\n15,25\n35,45\n", "3,4,5\n1.5,2.5,.5\n"])
def test_numbers_that_may_be_names_are_refused(text):
    with pytest.raises(
        InvalidInput, match=r"t\.csv must say whether its first line is names; received .*, .*; write words"
    ):
        table(text)
    first = text.partition(",")[0]
    assert len(table(text.replace(first, f"{first}.0", 1))) == text.count("\n")


def test_a_number_above_fractions_is_said_to_be_a_sample():
    found = table("0\n0.25\n0.75\n")
    assert len(found) == 3
    assert found.notes == ("its first line, 0, was read as a sample, not as names",)
    assert table("0\n0.5\n1\n").notes == ()
    assert table("2019,2020\n2021,2018\n").notes == ()


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=4), st.booleans())
def test_fractions_below_words_or_beside_them(rows, named):
    """Names are taken for names, and no sample for one."""
    first = ["height", "mass"] if named else [f"{number!r}" for number in rows[0]]
    assert judged(first, [[repr(number) for number in row] for row in rows]).is_names == named
    assert not judged(["ann", "1.5"], [[f"bob {k}", "2.5"] for k in range(len(rows))]).is_names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "\n \nu,v\n1.5,2\n3,4\n"),
        ("t.csv", "# by a tool\n#\nu,v\n1.5,2\n3,4\n"),
        ("t.csv", "# u,v\n1.5,2\n3,4\n"),
        ("t.csv", "sep=;\nu;v\n1,5;2\n3;4\n"),
        ("t.csv", '"sep=|"\r\nu|v\r\n1.5|2\r\n3|4\r\n'),
        ("t.csv", 'u , "v"\n1.5,2\n3,4\n'),
        ("t.csv", "u,v\n1.5,2,\n3,4,\n"),
        ("t.csv", '"u","v"\n"a",1.5,2\n"b",3,4\n'),
        ("t.txt", "#u,v\n1.5,2\n3,4\n"),
        ("t.txt", "# u\tv\n1.5\t2\n3\t4\n"),
        ("t.txt", '"u" "v"\n"1" 1.5 2\n"2" 3 4\n'),
        ("t.txt", "   u  v\n0 1.5  2\n1 3.0  4\n"),
        ("t.txt", "# u v\n1,5 2\n3 4\n"),
    ],
)
def test_what_comes_before_the_data(name, text):
    found = table(text, name)
    assert found.points.tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert found.columns == ("u", "v")


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("t.csv", "P(a|b),t [s;UTC]\n1.5,2\n3,4\n", ("P(a|b)", "t [s;UTC]")),
        ("t.csv", '"height\n(cm)",v\n1.5,2\n3,4\n', ("height (cm)", "v")),
        ("t.csv", '"height\n(cm)";v\r\n1,5;2\r\n3;4\r\n', ("height (cm)", "v")),
        ("t.csv", " body  height,v\n1.5,2\n3,4\n", ("body height", "v")),
        ("t.txt", '"body height" v\n1.5 2\n3 4\n', ("body height", "v")),
        ("t.csv", "u\u0308,v\n1.5,2\n3,4\n", ("\u00fc", "v")),
        ("t.txt", "1,5 2\n3,0 4\n", None),
    ],
)
def test_names_as_they_are_written(name, text, columns):
    found = table(text, name)
    assert (found.columns, found.points.tolist()) == (columns, [[1.5, 2.0], [3.0, 4.0]])
    for one in columns or ():
        held = found.points[:, columns.index(one)].tolist()
        assert table(text, name, columns=[one]).points.ravel().tolist() == held


def test_a_first_line_wider_than_what_is_looked_at():
    names = [f"gene {k} {'x' * 100}" for k in range(700)]
    found = table("\n".join([",".join(names), ",".join(map(str, range(700))), ""]))
    assert found.columns == tuple(names)
    assert found.points.tolist() == [list(range(700))]


def test_decimal_points():
    """Two kinds in one table are refused: 1.234 is a thousand in one of them. Commas that may be of thousands are said."""
    with pytest.raises(InvalidInput, match=r"one decimal point in all of its columns; received 2,5 and 1\.234; write"):
        table("u;v\n1.234;2,5\n2.234;4,5\n")
    assert table("u;v\n1,5;2.5.1\n").points.tolist() == [[1.5]]
    assert table("u;v\n1,234;2\n").notes == ("its commas were read as decimal points, 1,234 as 1.234",)
    assert table("u;v\n1,25;2\n").notes == ()
    assert table("u\n1,5\n2\n").points.ravel().tolist() == [1.5, 2]
    assert table("1,5\n2,5\n").points.tolist() == [[1, 5], [2, 5]]


@pytest.mark.parametrize("cell", ["1,234.5", "1 234", "$5", "12%", "\u22121.5", "1.5D0", "?"])
def test_text_where_numbers_are_meant_is_shown(cell):
    found = table(f'u;v\n"{cell}";1\n"{cell}";2\n' if cell != "?" else "u;v\n?;1\n1;2\n")
    assert found.left_out == {"u": f"text: {cell!r} is no number"}
    assert table("u,v\nred,1\n").left_out == {"u": "text"}


def test_counters_that_count_as_coordinates_are_said():
    assert table("id,u\n1,5\n2,6\n5,7\n").notes == (
        "column 'id' counts as a coordinate; if it is an index, leave it out with --columns u",
    )
    found = table("patient,body mass\n1,5\n2,6\n3,7\n")
    assert found.notes[0].endswith("leave it out with --columns 'body mass'")


def test_names_with_commas_are_chosen_in_quotes(monkeypatch):
    found = table('"a,b",c\n1,2\n', columns=files.listed_in('"a,b"'))
    assert (found.columns, found.points.tolist()) == (("a,b",), [[1]])
    with pytest.raises(InvalidInput, match=r"""--columns '"a,b"'$"""):
        files.matched([table('"a,b",c\n1,2\n'), table('"a,b",d\n1,2\n', "s.csv")])


def test_np_savetxt_with_a_header(folder):
    """Its names were taken for a comment, and columns compared by position."""
    x = np.array([[1.0, 10.0], [2.0, 20.0]])
    np.savetxt("a.txt", x, delimiter=",", header="u,v")
    np.savetxt("b.txt", x[:, ::-1], delimiter=",", header="v,u")
    first, second = files.matched([files.read("a.txt"), files.read("b.txt")])
    assert (first.points == second.points).all()
    assert compared.to_dict(first, second)["matched_by"] == "name"
