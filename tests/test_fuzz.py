"""Two thousand examples of the fuzz run, of all calls; and that the run itself sees faults, goes on, and leaves no public function out."""

import json
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="otgen.nn needs torch")
import surface
from fuzz import judges, runner, truths
from fuzz.judges import Trial
from fuzz.table import CALLS, Call

import otgen

COUNT = 2000
LEFT_OUT = {  # public names that are no functions to call with data, or that others of the table call
    r"(Status|Infeasible|InvalidInput|MassMismatch|MissingExtra|NotConverged|OtgenError|TooLarge)(\.\w+)?": "words and errors",
    r"__version__": "a word",
    r"(Certificate|Problem|Measure|Result|Proof|HeldOut|Neighbors|Within|Audit)\.\w+": "what results and problems hold, read where they are judged",
    r"(BatchResult|BiasCurve|PermutationNull|TestResult|ConfidenceInterval|Bounded|PairwiseBounds|Gradients)(\.\w+)?": "results",
    r"Certificate|Relative\.of": "made by solve and sinkhorn",
    r"divergences\.(Estimate|Gaussian|Mixture)(\.\w+)?": "answers, and laws that others of the table take",
    r"estimators\.\w+\.set_fit_request": "scikit-learn's",
    r"laws\.(Branch|Funnels|Pair|Pushforward)(\.\w+)?": "what makers of pairs return",
    r"nn\.\w+Loss\.(extra_repr|forward)": "modules around the functions",
    r"nn\.(EntropicPlan|coupling\.(Pairing|Sent))(\.\w+)?": "results",
    r"nn\.coupling\.(SemidiscreteCoupling(\.\w+)?|semidiscrete)": "a module around semidiscrete, which is in the table",
    r"nn\.critics\.\w+\.\w+|nn\.critics\.(Critic|CriticFit|GroupSort)(\.\w+)?": "parts of critics.fit",
    r"nn\.distributed\.\w+": "needs processes: tests/nn/test_distributed.py and its likes",
    r"nn\.flow_matching\.\w+(\.\w+)?": "samplers around coupling.pair",
    r"nn\.objectives\.vae\.(FlowPrior|Surgery)(\.\w+)?|nn\.objectives\.vqvae\.Quantised(\.\w+)?|nn\.objectives\.wgan\.Clipping(\.\w+)?": "parts",
    r"solvers\.\w+\.\w+|solvers\.Solver": "called by solve, and a protocol",
    r"SemidiscreteMap\.\w+": "what a map holds",
}  # fmt: skip


@pytest.mark.no_cover
def test_examples():
    found = runner.run(map(runner.chosen, range(COUNT)), runner.listening())
    assert not found.faults, "\n".join(f"{fault['why']}\n    {fault['repeat']}" for fault in found.faults)
    outcomes = found.per_outcome()
    assert outcomes.total() == COUNT
    assert outcomes[judges.PROVEN] > COUNT / 10


def test_no_public_function_is_left_out():
    names = {
        re.split(r"[( ]", line)[0].removeprefix("otgen.")
        for line in surface.KEPT.read_text(encoding="utf-8").splitlines()[1:]
    }
    covered = {name for call in CALLS.values() for name in call.covers}
    assert covered <= names, f"no public names: {covered - names}"
    left = {name for name in names - covered if not any(re.fullmatch(pattern, name) for pattern in LEFT_OUT)}
    assert not left, f"in no call of tests/fuzz, and without a reason: {sorted(left)}"


@pytest.fixture
def spoilt(monkeypatch):
    """A call that ends as it is told to."""

    def enter(ask, judge=judges.plainly, due=judges.EITHER):
        monkeypatch.setitem(CALLS, "spoilt", Call("spoilt", lambda draw: Trial(ask, judge, due), ()))
        return runner.run(["spoilt:0"], runner.messages.Heard()).per_outcome()

    return enter


def test_faults_are_seen(spoilt):
    def refuse():
        raise otgen.InvalidInput("x must be right; received a wrong one; correct it")

    assert spoilt(lambda: 1 / 0)[runner.FAULT]
    assert spoilt(lambda: np.float64(1e308) * 10)[runner.FAULT]
    assert spoilt(lambda: 1, due=judges.REFUSAL)[runner.FAULT]
    assert spoilt(refuse, due=judges.ANSWER)[runner.FAULT]
    assert spoilt(refuse)[judges.REFUSED]
    assert spoilt(lambda: 1, lambda answer: judges.holds_interval(1.0, 2.0, Fraction(3), "it"))[runner.FAULT]
    assert spoilt(lambda: 1)[judges.CONSISTENT]


def test_calls_that_hang_are_ended(spoilt, monkeypatch):
    def forever():
        while True:
            pass

    monkeypatch.setattr(runner, "LIMIT", 0.05)
    assert spoilt(forever)[runner.FAULT]


def test_a_run_goes_on(tmp_path, monkeypatch, capsys):
    """Two halves are the whole, whichever process runs them."""
    monkeypatch.setattr(runner, "_Worker", _here(runner))
    half = runner.many(3, tmp_path / "fuzz.json", 1)
    whole = runner.many(6, tmp_path / "fuzz.json", 2)
    assert (half["next"], whole["next"], sum(whole["outcomes"].values())) == (3, 6, 6)
    assert json.loads((tmp_path / "fuzz.json").read_text())["next"] == 6
    assert "6 examples" in capsys.readouterr().out


def test_a_process_that_dies_costs_its_example_alone(tmp_path, monkeypatch):
    """What it had found since its state was written is found again."""
    tried = []

    def run(examples, heard, found):
        for example in examples:
            tried.append(example)
            if example == runner.chosen(5) and tried.count(example) == 1:
                raise SystemExit(-6)
            found.add(example, judges.REFUSED, "", 0.0)

    class Process:
        def __init__(self, command):
            self.words = command[command.index("--work") + 1 :]

        def wait(self):
            first, last, stride, path, *left_out = self.words
            try:
                runner.work(int(first), int(last), int(stride), Path(path), map(int, left_out))
            except SystemExit as ended:
                return ended.code
            return 0

    monkeypatch.setattr(runner, "CHUNK", 2)
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(runner, "listening", lambda: None)
    monkeypatch.setattr(runner.subprocess, "Popen", Process)
    state = runner.many(8, tmp_path / "fuzz.json", 1)
    assert sum(state["outcomes"].values()) == 7
    assert [fault["example"] for fault in state["faults"]] == [runner.chosen(5)]
    assert sorted(set(tried)) == sorted(map(runner.chosen, range(8)))


def _here(module):
    class Worker:
        def __init__(self, first, last, stride, path):
            self.path = path
            found = module.Found()
            for number in range(first, last, stride):
                found.add(module.chosen(number), judges.REFUSED, "", 0.0)
            module._write(path, found, last, 0.0)

        def finish(self, state):
            module.merged(state, json.loads(self.path.read_text()))

    return Worker


def test_the_judges_agree_where_several_know():
    rng = np.random.default_rng(0)
    x, y = rng.integers(-8, 8, (3, 1)) / 4, rng.integers(-8, 8, (4, 1)) / 4
    a, b = truths.shares([1, 2, 3], 3), truths.shares(None, 4)
    for p in (1, 2, 3):
        costs = truths.costs_of(x.tolist(), y.tolist(), "euclidean", p)
        cost = truths.cheapest(costs, a, b)
        assert float(truths.on_the_line(x.tolist(), y.tolist(), [1, 2, 3], None, p) ** p) == pytest.approx(float(cost))
        floats = np.array([[float(c) for c in row] for row in costs])
        assert truths.by_highs(floats, np.array([1.0, 2, 3]), np.ones(4)) == pytest.approx(float(cost))
        assert truths.furthest(costs, a, b) in {c for row in costs for c in row}
    assert truths.cheapest([[None, Fraction(1)], [None, Fraction(2)]], *[[Fraction(1, 2)] * 2] * 2) is None
    assert judges.exactly(math.inf) > Fraction(1.7976931348623157e308)
