"""Progress: on a terminal alone, and the line is ended however the work ends."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

import otgen
from otgen.distances import solve, telling


class Terminal(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self):
        """It is."""
        return True


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal has received."""
    seen = Terminal()
    monkeypatch.setattr(telling, "sys", SimpleNamespace(stderr=seen))
    monkeypatch.setattr(solve, "sys", SimpleNamespace(stderr=seen))
    return seen


SETS = [np.arange(6.0).reshape(3, 2) * k for k in range(4)]
LONG = [
    (lambda **z: otgen.neighbors(SETS, **z), "4 of 4 queries"),
    (lambda **z: otgen.within(SETS, 5.0, **z), "3 of 3 pairs"),
    (lambda **z: otgen.pairwise(SETS, **z), "pairs, 100 %"),
    (lambda **z: otgen.max_sliced_wasserstein(np.eye(3), np.eye(3) * 2, rng=0, **z), "10 of 10 starts"),
    (lambda **z: otgen.semidiscrete("gaussian", [[0.0], [1.0]], tol=None, max_draws=5000, rng=0, **z), "draws"),
    (lambda **z: otgen.two_sample_test(SETS[1], SETS[2], n_permutations=9, rng=0, **z), "9 of 9 deals"),
    (lambda **z: otgen.permutation_null(SETS[1], SETS[2], rng=0, **z), "19 of 19 splits"),
    (lambda **z: otgen.bias_curve(np.arange(40.0), np.arange(40.0), n_groups=2, rng=0, **z), "2 of 2 groups"),
    (
        lambda **z: otgen.confidence_interval(np.arange(50.0), np.arange(50.0) + 9, n_subsamples=20, rng=0, **z),
        "20 of 20 subsamples",
    ),
    (lambda **z: otgen.partial_wasserstein(np.eye(600), np.eye(600) + 1, penalty=1, **z), ""),
]


@pytest.mark.parametrize(("call", "last"), LONG)
def test_long_calls_tell_where_they_are_asked(terminal, call, last):
    call(progress=True)
    text = terminal.getvalue()
    assert text.endswith("\n")
    assert last in text.rsplit("\r", 1)[-1]
    assert text.count("\n") == 1
    before = len(text)
    call()
    assert len(terminal.getvalue()) == before


def test_nothing_where_it_is_no_terminal(capsys):
    otgen.neighbors(SETS, progress=True)
    assert capsys.readouterr() == ("", "")


def stopped_half_way():
    with telling.told(True) as tell:
        tell("half")
        raise ZeroDivisionError


def test_the_line_is_ended_by_a_fault_too(terminal):
    with pytest.raises(ZeroDivisionError):
        stopped_half_way()
    assert terminal.getvalue().endswith("half\n")
