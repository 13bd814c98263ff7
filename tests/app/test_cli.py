"""The command line as a user meets it, and the files it reads."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import otgen
from otgen import InvalidInput
from otgen.app import commands, files
from otgen.app.cli import main
from otgen.app.report import demo as run_demo

RNG = np.random.default_rng(0)
X, Y = RNG.random((20, 2)), RNG.random((25, 2))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    np.save("y.npy", Y)
    np.savez("y.npz", points=Y, mass=np.ones(25))
    Path("x.csv").write_text("u,v,mass,name\n" + "".join(f"{float(u)!r},{float(v)!r},2,=cmd()\n" for u, v in X))
    Path("bare.csv").write_text("".join(f"{float(u)!r},{float(v)!r}\n" for u, v in X))
    pyarrow.parquet.write_table(pyarrow.table({"u": Y[:, 0], "v": Y[:, 1]}), "y.parquet")
    return tmp_path


def call(*arguments, code=0):
    """Run main in this process; its stdout and stderr."""
    out = subprocess.run(
        [sys.executable, "-c", "from otgen.app.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == code, out.stderr
    return out


def inside(*arguments):
    """Run a command inside this process, for those that need not start anew."""
    return CliRunner().invoke(commands.app, list(map(str, arguments)))


class TestDistance:
    def test_a_number_and_its_interval(self, folder):
        out = call("distance", "x.npy", "y.npy").stdout
        assert out.startswith("W_2\n  value")
        assert "proven within" in out

    @pytest.mark.parametrize(
        ("files_", "options"),
        [
            (("x.npy", "y.npy"), []),
            (("x.csv", "y.parquet"), ["--columns", "u,v"]),
            (("bare.csv", "y.parquet"), []),
            (("x.npy", "y.npz"), ["--key", "points"]),
        ],
    )
    def test_every_format_gives_the_same(self, folder, files_, options):
        out = inside("distance", *files_, *options, "--json", "--p", "1", "--metric", "cityblock")
        assert out.exit_code == 0, out.exception
        expected = otgen.wasserstein(X, Y, p=1, metric="cityblock")
        assert json.loads(out.stdout)["value"] == pytest.approx(expected.value, rel=1e-12)

    def test_weights_from_a_column(self, folder):
        out = inside("distance", "x.csv", "x.csv", "--columns", "u,v", "--weights", "mass", "--json")
        assert json.loads(out.stdout)["mass"] == 40

    def test_entropic(self, folder):
        out = inside("distance", "x.npy", "y.npy", "--epsilon", "0.1")
        assert "entropic cost, epsilon = 0.1" in out.stdout
        assert "exact cost within" in out.stdout

    def test_infinite_order(self, folder):
        np.save("line.npy", X[:, 0])
        assert json.loads(inside("distance", "line.npy", "line.npy", "--p", "inf", "--json").stdout)["value"] == 0

    def test_not_converged_is_3(self, folder):
        rng = np.random.default_rng(0)
        np.save("s.npy", rng.random((15, 2)))
        np.save("t.npy", rng.random((15, 2)) + 0.3)
        out = call("distance", "s.npy", "t.npy", "--epsilon", "1e-3", "--max-iter", "20", code=3)
        assert "stopped at 20 iterations" in out.stderr

    def test_options_of_entropic_transport_alone(self, folder):
        np.save("s.npy", np.zeros((3, 2)))
        assert (
            "--max-iter is for entropic transport"
            in call("distance", "s.npy", "s.npy", "--max-iter", "9", code=2).stderr
        )
        relaxed = call("distance", "s.npy", "s.npy", "--epsilon", "1", "--relax", "2", "--tol", "1e-9")
        assert "CONVERGED" in relaxed.stdout

    def test_version(self):
        assert inside("--version").stdout.strip() == otgen.__version__


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("missing.npy", None, "there is no such file"),
            ("empty.csv", b"", "is empty"),
            ("text.csv", b"u,v\n1,a\n2,b\n", "column 'v' holds string"),
            ("ragged.csv", b"1,2\n3\n", "not a rectangular table"),
            ("gaps.csv", b"u,v\n1,2\n,3\n", "1 empty cells"),
            ("names.csv", b"u,v\n", "has no rows"),
            ("what.txt", b"1 2", "must end in .npy, .npz, .csv, .parquet"),
            ("junk.npy", b"junkjunkjunk", "not an npy array"),
            ("junk.npz", b"junk", "not an npz archive"),
            ("junk.parquet", b"junkjunkjunk", "not a parquet table"),
        ],
    )
    def test_one_clear_sentence_and_exit_code_2(self, folder, name, content, said, monkeypatch, capsys):
        """In this process: a dozen new ones take half a minute, and the tests around start theirs."""
        if content is not None:
            Path(name).write_bytes(content)
        monkeypatch.setattr(sys, "argv", ["otgen", "distance", name, "y.npy"])
        with pytest.raises(SystemExit) as left:
            main()
        out = capsys.readouterr()
        assert left.value.code == 2
        assert said in out.err
        assert name in out.err
        assert len(out.err.strip().split("\n")) == 1
        assert out.out == ""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["x.npy", "z.npy"], "same number of coordinates; received 2 and 3"),
            (["x.npy", "y.npy", "--p", "0.5"], "p must be at least 1"),
            (["x.npy", "y.npy", "--p", "two"], "--p must be a number"),
            (["x.npy", "y.npy", "--metric", "l2"], "metric must be one of"),
            (["x.npy", "y.npy", "--epsilon", "0"], "epsilon must be positive"),
            (["x.npy", "y.npy", "--solver", "simplex", "--epsilon", "1"], "takes no --epsilon"),
            (["x.csv", "y.npy", "--columns", "w"], "has no column 'w'; it has u, v, mass, name"),
            (["x.npy", "y.npz"], "holds 2 arrays (points, mass); choose one with --key"),
            (["y.npz", "y.npz", "--key", "nothing"], "has no array 'nothing'"),
            (["x.npy", "y.npy", "--columns", "u"], "columns are chosen in tables only"),
            (["x.npy", "y.npy", "--weights", "u"], "holds one array and no weights"),
        ],
    )
    def test_options_that_do_not_fit(self, folder, arguments, said):
        np.save("z.npy", RNG.random((5, 3)))
        out = inside("distance", *arguments)
        assert isinstance(out.exception, InvalidInput)
        assert said in str(out.exception)

    def test_a_pickle_is_refused_unread(self, folder):
        np.save("p.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(InvalidInput, match="only a pickle"):
            files.read("p.npy")

    def test_a_header_that_lies_is_refused_unread(self, folder):
        with Path("l.npy").open("wb") as stream:
            header = {"descr": "<f8", "fortran_order": False, "shape": (10**13, 2)}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(X.tobytes())
        with pytest.raises(InvalidInput, match="promises"):
            files.read("l.npy")

    def test_an_array_that_unfolds_is_refused_unread(self, folder):
        np.savez_compressed("bomb.npz", np.zeros((300_000_000 // 8,)))
        assert Path("bomb.npz").stat().st_size < 1_000_000
        with pytest.raises(InvalidInput, match="would unfold"):
            files.read("bomb.npz")

    def test_an_npz_with_a_damaged_member(self, folder):
        with zipfile.ZipFile("d.npz", "w") as archive:
            archive.writestr("a.npy", b"junkjunkjunk")
        with pytest.raises(InvalidInput, match="not an npy array"):
            files.read("d.npz")

    def test_formulas_are_data(self, folder):
        assert files.read("x.csv", columns=["u"]).points.shape == (20, 1)
        with pytest.raises(InvalidInput, match="column 'name' holds string"):
            files.read("x.csv")

    def test_a_folder_that_cannot_be_written(self, folder):
        Path("file").write_text("")
        assert "file" in call("report", "x.npy", "y.npy", "--out", "file/page.html", code=2).stderr


class TestReport:
    def test_a_page_that_needs_nothing_else(self, folder):
        out = inside("report", "x.npy", "y.npy", "--out", "page.html")
        assert out.exit_code == 0, out.exception
        page = Path("page.html").read_text()
        assert page.count("<svg") == 1
        assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
            "http://creativecommons.org", ""
        ).replace("https://matplotlib.org", "")
        assert f"{otgen.wasserstein(X, Y).value:.5g}" in page
        assert list(folder.glob("tmp*")) == []

    def test_images(self, folder):
        np.save("i.npy", RNG.random((6, 12)))
        assert inside("report", "i.npy", "i.npy", "--out", "page.html", "--image", "3x4").exit_code == 0
        assert Path("page.html").read_text().count("<img") == 12
        out = inside("report", "i.npy", "i.npy", "--out", "page.html", "--image", "5x5")
        assert "12 pixels" in str(out.exception)

    def test_points_on_a_line(self, folder):
        np.save("l.npy", X[:, 0])
        assert inside("report", "l.npy", "l.npy", "--out", "page.html").exit_code == 0

    def test_demo(self, folder):
        said = []
        page, comparisons = run_demo("deep/report.html", said.append)
        text = page.read_text()
        assert [c.name for c in comparisons] == [*("other 3s", "blurred 3s", "noisy 3s", "3s with modes dropped", "8s")]
        assert text.count("<img") == 24
        assert text.count("<svg") == 2
        assert len(said) == 7
        for comparison in comparisons:
            for row in comparison.rows:
                assert row.peak > 0
                if row.distance in ("W₁", "W₂"):
                    assert row.result.lower <= row.result.value <= row.result.upper
                    assert row.result.status is otgen.Status.OPTIMAL


def test_a_page_is_written_through_links_and_never_over_devices(tmp_path):
    import os

    from otgen.app.report import checked

    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    assert checked(tmp_path / "link.html") == (tmp_path / "real.html").resolve()
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(otgen.InvalidInput):
            checked(place)
