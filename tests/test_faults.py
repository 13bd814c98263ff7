"""The harness of faults: a call that is spoiled is found out, whatever is spoiled; and the page is that of the stored runs."""

import contextlib
import os
import signal
import warnings

import numpy as np
import pytest
import torch
from faults import kinds, outcomes, trial
from faults.calls import CALLS, INPUTS, digest
from faults.kinds import Outcome, Reference
from faults.page import PAGE, page
from faults.table import KINDS, RUNS


@contextlib.contextmanager
def raising(fault):
    raise fault
    yield


@pytest.fixture
def tried(tmp_path):
    """What the harness says of a call with something done to it."""
    reference = Reference(digest(CALLS["line"](tmp_path)), 0.0)
    return lambda fault: trial.disturbed("line", tmp_path, reference, fault)


def test_an_undisturbed_call_passes(tried):
    assert tried(contextlib.nullcontext()) == Outcome(kinds.RIGHT)


@pytest.mark.parametrize(
    ("fault", "end", "passed"),
    [
        (MemoryError(), kinds.MEMORY, True),
        (KeyboardInterrupt(), kinds.STOPPED, True),
        (OSError(28, "No space left on device"), kinds.SYSTEM, True),
        (OSError("no number"), kinds.STRAY, False),
        (RuntimeError("can't start new thread"), kinds.STRAY, False),
        (SystemExit(1), kinds.STRAY, False),
    ],
)
@pytest.mark.by_day(3)
def test_ends(tried, fault, end, passed):
    found = tried(raising(fault))
    assert (found.end, found.passed) == (end, passed)


def _undone(do, undo):
    @contextlib.contextmanager
    def fault():
        do()
        yield

    return fault(), undo


def _handler():
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


SPOILED = {
    "numpy errstate": (lambda: np.seterr(under="raise"), lambda: np.seterr(under="ignore")),
    "torch dtype": (lambda: torch.set_default_dtype(torch.float64), lambda: torch.set_default_dtype(torch.float32)),
    "torch gradients": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "denormals": (lambda: torch.set_flush_denormal(True), lambda: torch.set_flush_denormal(False)),
    "torch random": (lambda: torch.rand(1), lambda: None),
    "numpy random": (lambda: np.random.random(), lambda: None),  # noqa: NPY002
    "signal handlers": (_handler, lambda: signal.signal(signal.SIGUSR2, signal.SIG_DFL)),
    "warnings": (lambda: warnings.simplefilter("ignore", ImportWarning), lambda: warnings.filters.pop(0)),
    "environment": (lambda: os.environ.update(OTGEN_FAULT="1"), lambda: os.environ.pop("OTGEN_FAULT")),
    "inputs": (lambda: INPUTS[0].__setitem__((0, 2), 7.0), lambda: None),
}


@pytest.mark.parametrize("what", SPOILED)
@pytest.mark.by_day(4)
def test_what_is_spoiled_is_named(tried, what):
    kept = INPUTS[0].copy()
    fault, undo = _undone(*SPOILED[what])
    try:
        found = tried(fault)
    finally:
        undo()
        INPUTS[0][:] = kept
    assert found.spoiled == (what,)
    assert not found.passed


def test_files_that_are_left_over(tried, tmp_path):
    (tmp_path / "run").mkdir()
    fault, _ = _undone(lambda: (tmp_path / "run" / ".a-0123.npz").write_bytes(b""), None)
    assert tried(fault).spoiled == ("files",)


def test_other_bits_are_wrong(tmp_path):
    found = trial.disturbed("line", tmp_path, Reference("0", 0.0), contextlib.nullcontext())
    assert found.end == kinds.WRONG
    assert not found.passed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the kinds need Linux")
@pytest.mark.parametrize(("kind", "number"), [("memory", 4), ("clocks", 4)])
def test_a_run(kind, number, tmp_path):
    chosen = KINDS[kind]
    plan = chosen.drawn(number)
    assert plan.call == "line"
    reference = Reference(digest(CALLS["line"](tmp_path)), 0.0)
    assert chosen.carry_out(plan, tmp_path, {"line": reference}).passed


def test_plans_are_a_function_of_their_numbers():
    for kind in KINDS.values():
        assert [kind.drawn(k) for k in range(RUNS)] == [kind.drawn(k) for k in range(RUNS)]
        assert len({(kind.drawn(k).call, kind.drawn(k).told) for k in range(RUNS)}) > 10


def test_the_page_is_that_of_the_stored_outcomes():
    assert page(outcomes.load()) == PAGE.read_text(encoding="utf-8")
