"""Tests against mutants: collected once, then a process forked for each mutant runs those that enter its function, until one fails.

The process that is forked has run the tests, or one variant of each, so that kernels are loaded; they use one thread. Those of the mutant's
file come first; each is tried once before further variants of any are; what fails on a mutant of a function comes first for the next of that function.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from .making import Mutant

SLOW = 1.0  # seconds; tests that take longer are left out
# Tests that a mutant meets, of its file and further ones: at first, and those that live.
FEW, MANY = (60, 25), (400, 150)
# Parts of the names of tests of libraries whose threads a forked process waits for in vain.
NOT_FORKED = ("polars", "dask")
PATIENCE = 5, 10  # a mutant may take so many times the seconds of the processor that its tests took, and so many more

Results = dict[str, dict[str, Any]]


class Runner:
    """A plugin whose loop runs mutants in place of tests."""

    def __init__(
        self, mutants: list[Mutant], results: Results, save: Callable[[], None], children: int, tests: tuple[int, int]
    ) -> None:
        self.mutants, self.results, self.save, self.children, self.most = mutants, results, save, children, tests
        self.killers: dict[str, list[str]] = defaultdict(list)
        self.noted = 0

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        from hypothesis import Phase, settings  # pytest rewrites its assertions, unless it has been imported before

        settings.register_profile(
            "mutants", settings.get_profile("ci"), database=None, phases=[Phase.explicit, Phase.generate]
        )
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.tests = self._tests_by_function()
        self._warm_up()
        running: dict[int, tuple[Mutant, int, float, float]] = {}
        todo = iter(self.mutants)
        for mutant in todo:
            self._start(mutant, running)
            if len(running) >= self.children:
                self._wait(running)
        while running:
            self._wait(running)
        self.save()
        return True

    def _tests_by_function(self) -> dict[str, list[tuple[str, float]]]:
        """Which tests enter a function, in the order in which they are tried; found out once, kept in a file."""
        kept = Path("tests.json")
        known = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        missing = [item for name, item in self.items.items() if name not in known]
        known |= dict(_entered(missing))
        kept.write_text(json.dumps(known), "utf-8")
        by_function: dict[str, list[tuple[bool, int, float, str]]] = defaultdict(list)
        seen: dict[tuple[str, str], int] = defaultdict(int)
        for name in self.items:
            seconds, functions, passed = known[name]
            if not passed:
                raise SystemExit(f"{name} fails without any mutant")
            forked = not any(library in name.lower() for library in NOT_FORKED)
            for function in functions if seconds < SLOW and forked else ():
                variant = function, name.partition("[")[0]
                by_function[function].append((not name.startswith(_own(function)), seen[variant], seconds, name))
                seen[variant] += 1
        return {function: _first(some, *self.most) for function, some in by_function.items()}

    def _warm_up(self) -> None:
        """Run a variant of each test that mutants will meet: kernels are loaded once, and children share them."""
        functions = {mutant.name.partition("__mutmut_")[0] for mutant in self.mutants}
        met = {
            name.partition("[")[0]: self.items[name]
            for function in functions
            for name, _ in self.tests.get(function, [])
        }
        for _ in _entered(list(met.values())):
            pass
        gc.freeze()  # pages of what is there stay shared

    def _start(self, mutant: Mutant, running: dict[int, tuple[Mutant, int, float, float]]) -> None:
        function = mutant.name.partition("__mutmut_")[0]
        tests = self.tests.get(function, [])
        if not tests:
            self.results[mutant.key] = {"outcome": "no test", "seconds": 0.0}
            return
        first = self.killers[function]
        names = first + [name for name, _ in tests if name not in first]
        limit = PATIENCE[0] * sum(seconds for _, seconds in tests) + PATIENCE[1]
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            running[reader] = mutant, pid, time.monotonic(), 20 * limit
            return
        os.setpgrp()
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit),) * 2)
        set_mutant_under_test(mutant.name)
        os.write(writer, (self._first_failure(names) or "survived").encode())
        os._exit(0)

    def _first_failure(self, names: list[str]) -> str | None:
        items = [self.items[name] for name in names]
        for item, following in zip(items, [*items[1:], None]):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return item.nodeid
        return None

    def _wait(self, running: dict[int, tuple[Mutant, int, float, float]]) -> None:
        """Until one of the children has said what became of its mutant, died, or run out of time."""
        while True:
            ready = select.select(list(running), [], [], 0.5)[0]
            late = [r for r, (_, _, start, limit) in running.items() if time.monotonic() - start > limit]
            for reader in ready or late:
                mutant, pid, start, _ = running.pop(reader)
                said = os.read(reader, 10_000).decode() if reader in ready else "timeout"
                os.close(reader)
                if said == "timeout":
                    os.killpg(pid, signal.SIGKILL)
                by_signal = os.WTERMSIG(os.waitpid(pid, 0)[1])
                said = said or ("timeout" if by_signal in {signal.SIGXCPU, signal.SIGKILL} else "died")
                self._note(mutant, said, time.monotonic() - start)
            if ready or late:
                return

    def _note(self, mutant: Mutant, said: str, seconds: float) -> None:
        outcome = said if said in {"survived", "timeout", "died"} else "killed"
        self.results[mutant.key] = {"outcome": outcome, "by": said, "seconds": round(seconds, 2)}
        function = mutant.name.partition("__mutmut_")[0]
        if outcome == "killed":
            first = self.killers[function]
            if said in first:
                first.remove(said)
            first.insert(0, said)
        self.noted += 1
        if self.noted % 20 == 0:
            self.save()


def _first(tests: list[tuple[bool, int, float, str]], most: int, further: int) -> list[tuple[str, float]]:
    """Those of the function's file, then others; each test once before further variants of any, quick ones first."""
    own, others = ([some for some in sorted(tests) if some[0] == other] for other in (False, True))
    return [(name, seconds) for _, _, seconds, name in own[:most] + others[:further]]


def _own(function: str) -> str:
    """The tests of the file where a function is."""
    _, folder, file, *_ = function.split(".")
    return f"tests/{folder}/test_{file}"


def _entered(items: list[Any]) -> Iterator[tuple[str, tuple[float, list[str], bool]]]:
    """Of each test: its seconds, the functions that it enters, whether it passes."""
    set_mutant_under_test("stats")
    for item, following in zip(items, [*items[1:], None]):
        start = time.process_time()
        reports = runtestprotocol(item, log=False, nextitem=following)
        seconds = time.process_time() - start
        yield item.nodeid, (seconds, sorted(state()._stats), not any(report.failed for report in reports))
        state()._stats.clear()
    set_mutant_under_test("")
