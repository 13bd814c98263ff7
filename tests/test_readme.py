"""What the README shows runs, and every command that the documentation shows exists, with the options that it is given."""

import re
import tomllib
from pathlib import Path

import pytest

import otgen

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.rst")), *sorted((ROOT / "docs" / "examples").glob("*.py"))]
pytestmark = pytest.mark.skipif(not README.is_file(), reason="there is no README beside these tests")


def blocks(language):
    """The blocks of code in the README, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def test_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    held = {}
    for block in blocks("python")[:2]:
        exec(compile(block, str(README), "exec"), held)
    assert held["result"].lower <= held["result"].value <= held["result"].upper
    low, high = otgen.load_proof("proof.npz").verify()
    assert low <= held["result"].value <= high


@pytest.mark.nightly
def test_the_other_lines(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    monkeypatch.chdir(tmp_path)
    held = {}
    for block in blocks("python"):
        if "fake" in block:
            x, y = (torch.tensor(held[name], dtype=torch.float32) for name in "xy")
            held |= {"fake": x.requires_grad_(), "real": y}
        exec(compile(block, str(README), "exec"), held)
    assert held["fake"].grad.isfinite().all()


def shown(text):
    """Commands of ours in a page, the name and the options of each: lines of code, and what stands in backticks."""
    text = re.sub(r"^otgen ", "   otgen ", text, flags=re.M) if text.startswith("# otgen") else text
    for found in re.finditer(r"(?:^ {3,}(?:\$ )?|`)otgen ([a-z][a-z-]*)([^`\n#|>]*)", text, re.M):
        yield found[1], re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", found[2])


def test_commands_and_their_options_exist():
    typer = pytest.importorskip("typer")
    from otgen.app import commands  # needs typer

    known = typer.main.get_command(commands.app).commands
    seen = set()
    for page in PAGES:
        for name, options in shown(page.read_text(encoding="utf-8")):
            assert name in known, f"{page.name}: otgen {name}"
            taken = {option for one in known[name].params for option in (*one.opts, *one.secondary_opts)}
            assert set(options) <= taken | {"-h", "--help"}, f"{page.name}: otgen {name} {options}"
            seen.add(name)
    assert len(seen) > 10


def test_extras_solvers_and_places_that_are_named_exist():
    text = README.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.search(r"extras are ([^.]*)\.", text)[1]
    assert set(re.findall(r"`(\w+)`", named)) == set(project["optional-dependencies"]) - {"all"}
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in text
    places = dict(re.findall(r"^\| `(\w+(?:/\w+)?)/` \| (.*) \|$", text, re.M))
    solvers = {name for name in otgen.solvers.__all__ if hasattr(getattr(otgen.solvers, name), "solve")} - {"Solver"}
    assert set(re.findall(r"`(\w+)`", places["otgen/solvers"])) == solvers
    assert all((ROOT / place).is_dir() for place in places)
    packages = {f"otgen/{one.parent.name}" for one in (ROOT / "otgen").glob("*/__init__.py")}
    assert packages == {place for place in places if place.startswith("otgen/")}


def test_a_command_that_is_made_up_is_seen():
    assert list(shown("   $ otgen distanse a.csv --metrik x\nand ``otgen report --force``, but otgen proves.")) == [
        ("distanse", ["--metrik"]),
        ("report", ["--force"]),
    ]
