"""The command line as a user meets it: answers, refusals, and how commands end."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from chosen import BY_DAY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import otgen
from otgen.app import commands
from otgen.app.commands.app import MatrixSolverName, MetricName, SolverName
from otgen.app.words import spoken
from otgen.distances.solve import SOLVERS
from otgen.model.cost import COSTS, METRICS

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
    pyarrow.parquet.write_table(pyarrow.table({"v": Y[:, 1], "u": Y[:, 0]}), "y.parquet")
    return tmp_path


def call(*arguments, code=0):
    """Run main in a process of its own; its stdout and stderr."""
    out = subprocess.run(
        [sys.executable, "-m", "otgen", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert out.returncode == code, out.stderr
    return out


def inside(*arguments):
    """Run a command inside this process, for those that need not start anew."""
    return CliRunner().invoke(commands.app, list(map(str, arguments)))


class TestDistance:
    def test_a_number_its_interval_and_whose_it_is(self, folder, told):
        code, out, err = told("distance", "x.npy", "y.npy")
        assert (code, err) == (0, "")
        assert out.startswith("W_2\n  compared       20 x 25 points, 2 coordinates by position\n  value")
        assert "of these samples, not of the laws behind them" in out
        assert "no difference beyond chance is shown" in out

    @pytest.mark.parametrize(
        ("files_", "options"),
        [
            (("x.npy", "y.npy"), []),
            (("x.csv", "y.parquet"), ["--weights", "mass"]),
            (("x.csv", "y.parquet"), ["--columns", "u,v"]),
            (("bare.csv", "y.npy"), []),
            (("x.npy", "y.npz"), ["--key", "points"]),
        ],
    )
    def test_every_format_gives_the_same(self, folder, files_, options):
        if "--weights" in options:
            held = pyarrow.table({"mass": np.full(25, 1.6), "v": Y[:, 1], "u": Y[:, 0]})
            pyarrow.parquet.write_table(held, "y.parquet")
        out = inside("distance", *files_, *options, "--json", "--p", "1", "--metric", "cityblock")
        assert out.exit_code == 0, out.exception
        found = json.loads(out.stdout)
        assert found["value"] == pytest.approx(otgen.wasserstein(X, Y, p=1, metric="cityblock").value, rel=1e-12)
        assert found["compared"]["points"] == [20, 25]

    def test_columns_in_another_order(self, folder):
        """The same three samples, columns in another order and an index in front: by name they are 0 apart."""
        Path("a.csv").write_text("height,weight\n1,10\n2,20\n3,30\n")
        Path("b.csv").write_text(",weight,height,name\n0,10,1,a\n1,20,2,b\n2,30,3,c\n")
        found = json.loads(inside("distance", "a.csv", "b.csv", "--json").stdout)
        assert found["value"] == 0
        assert found["compared"]["names"] == ["height", "weight"]
        assert found["compared"]["left_out"] == {"b.csv": {"(unnamed)": "an index without a name", "name": "text"}}
        text = inside("distance", "a.csv", "b.csv").stdout
        assert re.search(r"noted +b\.csv: left out \(unnamed\) \(an index without a name\), name \(text\)", text)

    def test_weights_from_a_column(self, folder):
        out = inside("distance", "x.csv", "x.csv", "--columns", "u,v", "--weights", "mass", "--json")
        assert json.loads(out.stdout)["mass"] == 40

    def test_entropic_by_a_share_of_the_mean_cost(self, folder):
        out = inside("distance", "x.npy", "y.npy", "--epsilon", "5%", "--json", "--splits", 0)
        mean = float(((X[:, None] - Y) ** 2).sum(-1).mean())
        assert json.loads(out.stdout)["epsilon"] == pytest.approx(0.05 * mean, rel=1e-9)
        assert "5 % of the mean cost" in inside("distance", "x.npy", "y.npy", "--epsilon", "5%").stdout
        assert "exact cost within" in inside("distance", "x.npy", "y.npy", "--epsilon", "0.1").stdout

    def test_infinite_order(self, folder):
        np.save("line.npy", X[:, 0])
        assert json.loads(inside("distance", "line.npy", "line.npy", "--p", "inf", "--json").stdout)["value"] == 0

    def test_one_file_from_the_standard_input(self, folder):
        out = CliRunner().invoke(commands.app, ["distance", "-", "y.npy", "--json"], input=Path("x.npy").read_bytes())
        assert json.loads(out.stdout)["value"] == pytest.approx(otgen.wasserstein(X, Y).value, rel=1e-12)
        assert "twice" in str(inside("distance", "-", "-").exception)

    def test_not_converged_is_3_and_prints_the_bounds(self, folder, told):
        rng = np.random.default_rng(0)
        np.save("s.npy", rng.random((15, 2)))
        np.save("t.npy", rng.random((15, 2)) + 0.3)
        command = ("distance", "s.npy", "t.npy", "--epsilon", "1e-3", "--max-iter", "20")
        code, out, err = told(*command)
        assert (code, out.count("proven within")) == (3, 1)
        assert "stopped at 20 iterations" in err
        assert "raise --max-iter" in err
        assert "throw" not in err
        code, out, err = told(*command, "--json")
        found = json.loads(out)
        assert (code, err, found["error"]["kind"]) == (3, "", "NotConverged")
        assert found["lower"] <= found["value"] <= found["upper"]

    def test_options_of_entropic_transport_alone(self, folder):
        np.save("s.npy", np.zeros((3, 2)))
        assert "--max-iter must stand beside --epsilon" in str(
            inside("distance", "s.npy", "s.npy", "--max-iter", "9").exception
        )
        relaxed = inside("distance", "s.npy", "s.npy", "--epsilon", "1", "--relax", "2", "--tol", "1e-9")
        assert "CONVERGED" in relaxed.stdout
        assert "chance" not in relaxed.stdout


class TestOtherCommands:
    def test_a_cost_matrix(self, folder, told):
        Path("c.txt").write_text("0 2\n2 0\n")
        Path("a.txt").write_text("3\n1\n")
        Path("b.csv").write_text("mass\n2\n2\n")
        found = json.loads(told("transport", "c.txt", "--a", "a.txt", "--b", "b.csv", "--json")[1])
        assert found["value"] == otgen.transport([[0, 2], [2, 0]], [3, 1], [2, 2]).value
        assert "2 x 2 costs of c.txt" in told("transport", "c.txt")[1]
        np.savez("c.npz", costs=np.eye(2), other=np.ones(2))
        assert json.loads(told("transport", "c.npz", "--key", "costs", "--json")[1])["value"] == 0
        assert "holds the costs" in told("transport", "--help")[1]
        assert "--tol must stand beside --epsilon" in told("transport", "c.txt", "--tol", "1e-9")[2]
        blurred = told("transport", "c.txt", "--a", "a.txt", "--epsilon", "1", "--tol", "1e-12", "--json")[1]
        assert json.loads(blurred)["marginal_error"] <= 1e-12
        code, out, _ = told("transport", "c.txt", "--a", "a.txt", "--epsilon", "5%", "--max-iter", "1", "--json")
        assert (code, json.loads(out)["error"]["kind"], json.loads(out)["iterations"]) == (3, "NotConverged", 1)
        Path("c.txt").write_text("0 inf\n2 inf\n")
        code, out, _ = told("transport", "c.txt", "--json")
        assert (code, json.loads(out)["error"]["kind"]) == (3, "Infeasible")

    @pytest.mark.parametrize("kind", ["text", "index", "parquet"])
    def test_masses_are_matched_with_costs_by_name(self, folder, told, kind):
        rows, columns = (("m1", "m2"), ("f1", "f2")) if kind != "index" else (("0", "1"), ("0", "1"))
        first = "" if kind == "index" else "mine"
        Path("c.csv").write_text(f"{first},{','.join(columns)}\n{rows[0]},0,2\n{rows[1]},2,0.5\n")
        Path("a.csv").write_text(f"{first},tons\n{rows[1]},3\n{rows[0]},1\n")
        Path("b.csv").write_text(f"{first},tons\n{columns[1]},1\n{columns[0]},3\n")
        if kind == "parquet":
            pandas = {"pandas": json.dumps({"index_columns": ["mine"], "columns": [], "column_indexes": []})}
            masses = pyarrow.table({"mine": ["m2", "m1"], "tons": [3, 1]}).replace_schema_metadata(pandas)
            pyarrow.parquet.write_table(masses, "a.parquet")
        masses = ("--a", "a.parquet" if kind == "parquet" else "a.csv", "--b", "b.csv")
        found = json.loads(told("transport", "c.csv", *masses, "--json")[1])
        assert found["value"] == otgen.transport([[0, 2], [2, 0.5]], [1, 3], [3, 1]).value
        assert found["compared"].startswith("2 x 2 costs of c.csv, rows by name, columns by name")

    @pytest.mark.parametrize(
        ("names", "said"), [("m1\nm3", "received 'm3' without a partner"), ("m1\nm1", "without a partner")]
    )
    def test_masses_of_other_names_are_refused(self, folder, told, names, said):
        Path("c.csv").write_text("mine,f1,f2\nm1,0,2\nm2,2,0\n")
        first, second = names.split()
        Path("a.csv").write_text(f"mine,tons\n{first},3\n{second},1\n")
        assert said in told("transport", "c.csv", "--a", "a.csv")[2]
        Path("a.csv").write_text("number,tons\n0,3\n1,1\n")  # numbered on one side only: by position
        assert told("transport", "c.csv", "--a", "a.csv")[0] == 0

    def test_masses_that_differ(self, folder, told):
        Path("c.txt").write_text("0 2\n2 0\n")
        Path("a.txt").write_text("3\n1\n")
        Path("b.txt").write_text("2\n2.5\n")
        masses = ("c.txt", "--a", "a.txt", "--b", "b.txt")
        assert "2 x 2 costs of c.txt\n" in told("transport", "c.txt", "--a", "a.txt")[1]  # nothing has a name to go by
        truth = otgen.transport([[0, 2], [2, 0]], [3, 1], [2, 2.5], penalty=0.5)
        found = json.loads(told("transport", *masses, "--penalty", "0.5", "--json")[1])
        assert (found["value"], found["mass"], found["stays"]) == (truth.value, truth.mass, [1.0, 1.5])
        assert told("transport", *masses)[2].endswith("by its sum, or --penalty or --mass to move a part\n")
        assert told("transport", *masses, "--epsilon", "1")[2].endswith(", or --relax 1 to let totals differ\n")
        assert (
            "moved          mass 3; 1 and 1.5 stay on either side" in told("transport", *masses, "--penalty", "0.5")[1]
        )
        assert json.loads(told("transport", *masses, "--mass", "3.5", "--json")[1])["mass"] == 3.5
        found = json.loads(told("distance", "x.npy", "y.npy", "--mass", "0.5", "--json")[1])
        assert found["value"] == otgen.partial_wasserstein(X, Y, mass=0.5).value
        assert found["chance"] is None
        assert found["stays"] == [0.5, 0.5]
        assert "stays" not in json.loads(told("distance", "x.npy", "y.npy", "--json")[1])
        assert told("distance", "x.npy", "y.npy", "--penalty", "1")[1].startswith("partial W_2")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["x.npy", "--penalty", "-1"], "--penalty must be at least 0; received -1"),
            (["x.npy", "--mass", "inf"], "--mass must be at least 0 and finite"),
            (["x.npy", "--penalty", "nan"], "--penalty must be at least 0; received nan"),
            (["x.npy", "--mass", "2"], "--mass must be at most the lighter of both totals"),
            (["x.npy", "--penalty", "1", "--epsilon", "1"], "--epsilon must not stand beside --penalty or --mass"),
            (["x.npy", "--penalty", "1", "--normalize"], "--normalize must not stand beside"),
            (["x.npy", "--mass", "1", "--solver", "sinkhorn"], "--solver must be auto, simplex, linprog beside"),
            (["x.npy", "--a", "y.npy"], "y.npy must hold one column of masses; received 2"),
            (["line.npy"], "line.npy must hold a matrix of costs"),
            (["x.npy", "--relax", "1"], "--relax must stand beside --epsilon"),
            (["x.npy", "--epsilon", "1", "--solver", "simplex"], "--epsilon must not stand beside --solver"),
            (["-", "--a", "-"], "twice"),
            (
                ["x.npy", "--solver", "line"],
                "--solver must be one of 'auto', 'simplex', 'linprog', 'sinkhorn'; received 'line'",
            ),
            (["x.npy", "--solver", "sinkhorn"], "received matrix, --p 1; add --epsilon"),
            (["x.npy", "--a", "line.npy", "--b", "two.npy"], "line.npy and two.npy must carry the same total mass"),
            (["x.npy", "--a", "two.npy"], "one weight for each of the rows of x.npy"),
            (["x.npy", "--a", "two.npy"], "pass as many, or leave it out for uniform ones"),
            (["gaps.csv"], "received 1 empty cell, the first in row 0; fill them; inf forbids a pair"),
        ],
    )
    def test_matrices_that_do_not_fit(self, folder, told, arguments, said):
        np.save("line.npy", np.ones(20))
        Path("gaps.csv").write_text("0,nan\n1,0\n")
        np.save("two.npy", np.ones(2))
        code, _, err = told("transport", *arguments)
        assert (code, said in err) == (2, True), err

    def test_divergences(self, folder, told):
        Path("p.csv").write_text("atom,p\nu,1\nv,1\n")
        Path("q.csv").write_text("atom,q\nu,1\nv,3\n")
        found = json.loads(told("divergence", "p.csv", "q.csv", "--masses", "--kind", "tv", "--json")[1])
        assert found["value"] == 0.25
        assert json.loads(told("divergence", "p.csv", "q.csv", "--masses", "--json")[1])["infinite"] is False
        Path("q.csv").write_text("atom,q\nv,3\nu,1\n")
        found = json.loads(told("divergence", "p.csv", "q.csv", "--masses", "--kind", "tv", "--json")[1])
        assert (found["value"], found["compared"]) == (0.25, "masses of 2 atoms, by name")
        Path("q.csv").write_text("atom,q\nv,3\nw,1\n")
        assert "called like those of p.csv; received 'w'" in told("divergence", "p.csv", "q.csv", "--masses")[2]
        assert told("divergence", "x.npy", "y.npy", "--kind", "js")[1].startswith("js\n  compared  20 x 25 points")
        assert "must be kl, js, tv for files of samples" in told("divergence", "x.npy", "y.npy", "--kind", "chi2")[2]
        assert "one column of masses" in told("divergence", "x.npy", "y.npy", "--masses")[2]

    def test_version_and_help_load_nothing_heavy(self):
        code = (
            "import sys\nfrom otgen.app.cli import main\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print(sorted({'numpy', 'numba', 'scipy', 'torch', 'matplotlib', 'pyarrow'} & set(sys.modules)))"
        )
        for option in ("--version", "--help", "-h"):
            out = subprocess.run(
                [sys.executable, "-c", code, option], capture_output=True, text=True, check=True
            ).stdout
            assert out.endswith("[]\n")
        assert inside("--version").stdout.strip() == otgen.__version__

    def test_help_is_not_cut_short(self):
        listed = inside("--help").output.partition("Commands:")[2]
        assert "distance" in listed
        assert "..." not in listed

    def test_as_a_module(self, folder):
        assert call("--version").stdout.strip() == otgen.__version__
        assert "must be a file that exists" in call("distance", "none.npy", "y.npy", code=2).stderr

    def test_completion(self):
        environment = {**os.environ, "_OTGEN_COMPLETE": "complete_bash", "COMP_WORDS": "otgen dis", "COMP_CWORD": "1"}
        out = subprocess.run(
            [sys.executable, "-c", "from otgen.app.cli import main; main()"],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        assert "distance" in out.stdout

    def test_names_are_those_of_the_library(self):
        assert [one.value for one in MetricName] == [*METRICS, *COSTS]
        assert [one.value for one in SolverName] == list(SOLVERS)
        assert {one.value for one in MatrixSolverName} == set(SOLVERS) - {
            "line",
            "circle",
            "bottleneck",
        }  # which need points


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("missing.npy", None, "must be a file that exists"),
            ("empty.csv", b"", "an empty file"),
            ("text.csv", b"u,v\n1,a\n2,b\n", "same number of coordinates"),
            ("ragged.csv", b"1,2\n3\n", "must be a rectangular table"),
            ("gaps.csv", b"u,v\n1,2\n,3\n", "1 empty cell, the first in row 1;"),
            ("names.csv", b"u,v\n", "must have rows"),
            ("what.xls", b"1 2", "must end in .npy, .npz, .csv, .tsv, .txt, .parquet"),
            ("junk.npy", b"junkjunkjunk", "must be an npy array"),
            ("junk.npz", b"junk", "must be an npz archive"),
            ("junk.parquet", b"junkjunkjunk", "must be a parquet table"),
            ("nan.csv", b"u,v\n1,inf\n", "must be finite; received [1.0, inf] in row 0"),
        ],
    )
    def test_one_clear_sentence_and_exit_code_2(self, folder, told, name, content, said):
        if content is not None:
            Path(name).write_bytes(content)
        code, out, err = told("distance", name, "y.npy")
        assert (code, out) == (2, "")
        assert said in err
        assert name in err
        assert len(err.strip().split("\n")) == 1
        code, out, err = told("distance", name, "y.npy", "--json")
        assert (code, err) == (2, "")
        assert said in json.loads(out)["error"]["message"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["x.npy", "z.npy"], "same number of coordinates; received 2 and 3"),
            (["x.npy", "y.npy", "--p", "0.5"], "--p must be at least 1"),
            (["x.npy", "y.npy", "--p", "two"], "--p must be a number"),
            (["x.npy", "y.npy", "--metric", "l2"], "'euclidean', 'cityblock'"),
            (["x.npy", "y.npy", "--metric", "Manhattan"], "'cosine'; received 'Manhattan'; pass 'cityblock'"),
            (["x.npy", "y.npy", "--metric", "minkowski"], "received 'minkowski'; choose one of these"),
            (["x.npy", "y.npy", "--metric", "cosine"], "--p must be 1 for --metric"),
            (["x.npy", "y.npy", "--solver", "sinkhorn"], "received points, --p 2; add --epsilon"),
            (
                ["x.npy", "y.npy", "--solver", "fast"],
                "--solver must be one of 'auto', 'line', 'circle', 'simplex', 'bottleneck', 'linprog', 'sinkhorn'; received 'fast'",
            ),
            (["x.npy", "y.npy", "--epsilon", "0"], "--epsilon must be positive"),
            (["x.npy", "y.npy", "--epsilon", "1e-20"], "raise it, or leave --epsilon out for exact transport"),
            (["x.npy", "y.npy", "--epsilon", "-5%"], "--epsilon must be positive"),
            (["x.npy", "y.npy", "--epsilon", "much"], "--epsilon must be a number or a percentage"),
            (["x.npy", "y.npy", "--solver", "simplex", "--epsilon", "1"], "--epsilon must not stand beside --solver"),
            (["x.npy", "y.npy", "--epsilon", "1", "--max-iter", "0"], "--max-iter must be a whole number"),
            (
                ["x.npy", "y.npy", "--epsilon", "1", "--relax", "1", "--splits", "2"],
                "--splits must be for sets of one mass",
            ),
            (["x.csv", "y.npy", "--columns", "w"], "must have a column 'w'; received u, v, mass, name"),
            (["index.csv", "y.npy", "--columns", "w"], "must have a column 'w'; received (unnamed), u"),
            (["x.csv", "y.npy", "--columns", ","], "--columns must name columns"),
            (["x.csv", "y.npy", "--columns", "u, u"], "--columns must name each column once; received 'u, u'"),
            (["x.npy", "y.npy", "--seed", "-1"], "--seed must be a whole number of at least 0; received -1"),
            (["x.npy", "y.npy", "--splits", "-1"], "--splits must be a whole number of at least 0; received -1"),
            (["x.npy", "y.npy", "--splits", "9" * 22], "--splits must be a whole number of at most 1000000"),
            (["x.npy", "y.npz"], "must hold one array where --key is left out; received points, mass"),
            (["y.npz", "y.npz", "--key", "nothing"], "must hold an array 'nothing'"),
            (["x.npy", "y.npy", "--key", "points"], "--key must be for an npz"),
            (["x.npy", "y.npy", "--columns", "u"], "--columns must be for tables"),
            (["x.npy", "y.npy", "--weights", "u"], "must be an npz to hold weights"),
            (["y.npz", "v.npz", "--key", "points", "--weights", "mass"], "add --normalize"),
            (["far.npy", "y.npy", "--metric", "great_circle"], "far.npy must hold latitudes"),
        ],
    )
    def test_options_that_do_not_fit(self, folder, told, arguments, said):
        np.save("z.npy", RNG.random((5, 3)))
        np.save("far.npy", 100 * X)
        np.savez("v.npz", points=Y, mass=np.full(25, 2.0))
        Path("index.csv").write_text(",u\n0,0.5\n1,1.5\n")
        code, _, err = told("distance", *arguments)
        assert (code, said in err) == (2, True), err

    def test_options_are_checked_before_files_are_read(self, folder):
        Path("x.csv").write_text("no,numbers\na,b\n")
        assert "--p must be at least 1" in spoken(str(inside("distance", "x.csv", "y.npy", "--p", "0").exception))
        assert "--metric" in spoken(str(inside("distance", "x.csv", "y.npy", "--metric", "cosine").exception))

    @settings(max_examples=15 if BY_DAY else 1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.dictionaries(
            st.sampled_from(["--p", "--epsilon", "--tol", "--max-iter", "--relax", "--splits", "--metric", "--solver"]),
            st.sampled_from(
                ["-1", "0", "1", "nan", "inf", "1e-9", "5%", "2.5", "many", "", "cosine", "line", "sinkhorn"]
            ),
            min_size=1,
            max_size=3,
        )
    )
    def test_no_message_speaks_python(self, folder, told, options):
        """Whatever options are given: an answer, or one line in the command line's own words, as text and as JSON."""
        np.save("few.npy", X[:3])
        arguments = [part for pair in options.items() for part in pair]
        code, _, err = told("distance", "few.npy", "few.npy", *arguments)
        assert code in (0, 2, 3), err
        assert len(err.strip().splitlines()) == (code != 0)
        assert not re.search(r"otgen\.\w|=True|=False|throw|max_iter|Traceback|np\.", err), err
        _, text, quiet = told("distance", "few.npy", "few.npy", "--json", *arguments)
        assert quiet == ""
        assert ("error" in json.loads(text)) == (code != 0)

    def test_a_folder_that_cannot_be_written(self, folder, told):
        Path("file").write_text("")
        assert "file" in told("report", "x.npy", "y.npy", "--out", "file/page.html")[2]

    def test_usage(self, folder, told):
        code, out, err = told("distance", "x.npy", "--json")
        assert (code, err) == (2, "")
        assert json.loads(out)["error"]["kind"] == "UsageError"
        assert told("nonsense")[0::2] == (2, "otgen: No such command 'nonsense'; see otgen -h\n")
        assert told("distance", "x.npy")[2] == "otgen: Missing argument 'B'; see otgen distance -h\n"
        assert (
            told("distance", "x.npy", "--p")[2] == "otgen: Option '--p' requires an argument; see otgen distance -h\n"
        )
        assert "Usage" in told()[1] + told()[2]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
    @pytest.mark.parametrize("options", [[], ["--json"]])
    @pytest.mark.by_day(1)
    def test_an_output_that_takes_nothing(self, folder, options):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "otgen", "distance", "x.npy", "y.npy", *options],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        assert (done.returncode, done.stderr) == (2, "otgen: output: No space left on device\n")
