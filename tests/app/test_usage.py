"""What is said of options of the wrong kind: the rule, what was received, and what to do."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x.npy", "y.npy"):
        np.save(name, np.random.default_rng(0).normal(size=(4, 2)))
    (tmp_path / "sets").mkdir()
    for name in ("a.npy", "b.npy"):
        np.save(f"sets/{name}", np.ones((3, 2)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("distance x.npy y.npy --splits x", "--splits must be a whole number; received 'x'"),
        ("distance x.npy y.npy --splits=1.5", "--splits must be a whole number; received '1.5'"),
        ("distance x.npy y.npy --relax x", "--relax must be a number; received 'x'"),
        ("distance x.npy y.npy --solver=fast", "'sinkhorn'; received 'fast'; choose one of them"),
        ("distance x.npy y.npy --metric=l2", "received 'l2'; pass 'euclidean'"),
        ("distance x.npy y.npy --p 1e400", "--p must be a number that is no more than doubles hold, or inf; received '1e400'; use inf"),
        ("distance x.npy y.npy --metric canberra", "received 'canberra'; choose one of these"),
        ("divergence x.npy y.npy --kind k", "--kind must be one of 'kl', 'js', 'tv', 'hellinger', 'chi2'; received 'k'"),
        ("neighbors sets -k 0", "--k must be a whole number of at least 1; received 0"),
        ("neighbors sets -k0", "--k must be a whole number of at least 1; received 0"),
        ("neighbors sets -kx", "--k must be a whole number; received 'x'"),
        ("neighbors sets -k 1 --k z", "--k must be a whole number; received 'z'"),
        ("train sliced --out run --batch-size 0", "--batch-size must be a whole number of at least 1; received 0"),
        ("train sliced --out run --steps 0", "--steps must be a whole number of at least 1; received 0"),
        ("train sliced --out run --threads 0", "--threads must be a whole number of at least 1; received 0"),
        ("report x.npy y.npy --out p.html --image 28x28", "with 2 pixels in all, one for each coordinate; received '28x28'; correct it, or leave it out"),
        ("report x.npy y.npy --out p.html --image 28", "must be HEIGHTxWIDTH; received '28'; write it as in 28x28"),
    ],
)  # fmt: skip
def test_options_of_the_wrong_kind(folder, told, arguments, said):
    code, out, err = told(*arguments.split())
    assert (code, out, said in err) == (2, "", True), err


def test_a_checkpoint_of_other_options_says_which(folder, told):
    assert told("pairwise", "sets", "--out", "D.npz", "--checkpoint", "run", "-q")[0] == 0
    code, _, err = told("pairwise", "sets", "--out", "E.npz", "--checkpoint", "run", "--p", "1")
    assert (code, "--checkpoint must be" in err, "received --p 1.0 for --p 2.0 then" in err) == (2, True, True), err


def test_one_iteration_is_one(folder, told):
    np.save("cost.npy", [[1.0, 2.0], [0.0, 4.0], [3.0, 1.0]])
    lines = told("transport", "cost.npy", "--epsilon", "1", "--max-iter", "1", "--tol", "1e-15")[1].splitlines()
    assert ", 1 iteration, " in lines[-1]


@pytest.mark.parametrize("command", ["check", "report", "verify", "train"])
def test_help_has_no_brackets_twice(told, command):
    out = told(command, "-h")[1]
    assert "]..." not in out.replace("[NAME]...", "")
    assert "...}" not in out


@pytest.mark.parametrize("command", ["neighbors sets", "pairwise sets --out D.npz"])
def test_a_folder_with_an_array_of_no_axis(folder, told, command):
    np.save("sets/a.npy", np.array(1.0))
    code, _, err = told(*command.split())
    assert (code, "a.npy must be an array" in err) == (2, True), err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "transport cost.npy --key x",
            "--key must be for an npz, of which it chooses an array; received it for cost.npy",
        ),
        ("neighbors sets --key x", "--key must be for an npz"),
        ("pairwise sets --out D.npz --key x", "received it for a.npy, b.npy; leave it out"),
        ("pairwise sets --out D.npz --columns u", "--columns must be for tables; received it for a.npy, b.npy"),
        ("neighbors sets --weights w", "--weights must be for tables and npz files, which hold them beside points"),
    ],
)
def test_choices_that_fit_no_file_are_not_ignored(folder, told, arguments, said):
    np.save("cost.npy", np.ones((2, 2)))
    code, _, err = told(*arguments.split())
    assert (code, said in err) == (2, True), err


@pytest.mark.parametrize("command", ["neighbors mixed", "pairwise mixed --out D.npz"])
def test_weights_that_one_file_of_a_folder_cannot_hold(folder, told, command):
    """Its points would count alike, unsaid, beside others that do not."""
    Path("mixed").mkdir()
    np.save("mixed/a.npy", np.ones((2, 1)))
    for name in ("b.csv", "c.csv"):
        Path("mixed", name).write_text("u,w\n0.5,1\n1.5,3\n")
    code, _, err = told(*command.split(), "--columns", "u", "--weights", "w")
    assert code == 2
    assert "--weights must be for tables and npz files" in err
    assert "received it for a.npy; save npz files with both" in err
    assert told(*command.split(), "--columns", "u")[0] == 0


@pytest.mark.parametrize("command", ["neighbors tables --weights w", "pairwise tables --out D.npz --weights w"])
def test_weights_of_a_folder_are_told_by_their_file(folder, told, command):
    Path("tables").mkdir()
    for name, weight in (("a.csv", 1), ("b.csv", -1)):
        Path("tables", name).write_text(f"u,w\n0.5,1\n1.5,{weight}\n")
    code, _, err = told(*command.split())
    assert (code, "the weights of tables/b.csv must be finite and non-negative" in err) == (2, True), err


def test_equal_sets_are_tied_for_no_rounding(folder, told):
    """They are at the same distance, exactly: that is no matter of rounding."""
    np.save("sets/c.npy", np.ones((3, 2)))
    assert "exactly 0, another may be as near" in told("neighbors", "sets")[1]


@pytest.mark.parametrize("command", ["distance x.npy y.npy", "pairwise sets --out D.npz", "neighbors sets"])
def test_a_cost_is_called_no_distance(folder, told, command):
    out = told(*command.split(), "--p", "1", "--metric", "cosine")[1]
    assert "transport cost, cosine" in out.splitlines()[0]
    assert "W_1" not in out
