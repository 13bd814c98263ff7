"""Threads that share items: how many come, none that come, errors, interrupts, and memory that is refused."""

import _thread
import contextvars
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from stopped import at_each_place

from otgen.kernels import parallel
from otgen.kernels.parallel import each, over_rows


def meeting(count, work=lambda item: item):
    """Work at whose first item so many threads wait for one another, and what threads have been seen."""
    together, seen = threading.Barrier(count), set()

    def met(item):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            together.wait(60)
        return work(item)

    return met, seen


@pytest.fixture
def started(monkeypatch):
    """The threads that are started from now on."""
    start, found = _thread.start_new_thread, []
    monkeypatch.setattr(_thread, "start_new_thread", lambda *given: found.append(given) or start(*given))
    return found


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_caller_is_one_of_the_workers(workers, started):
    work, seen = meeting(workers, lambda item: item**2)
    assert each(work, range(40), workers) == [k**2 for k in range(40)]
    assert len(seen) == workers
    assert threading.get_ident() in seen
    assert len(started) == workers - 1


@pytest.mark.parametrize(("items", "threads"), [([], 0), ([1], 0), ([1, 2, 3], 2)])
def test_no_more_threads_than_items(items, threads, started):
    assert each(lambda item: item, items, 8) == items
    assert len(started) == threads


@pytest.mark.parametrize("refusal", [RuntimeError("can't start new thread"), MemoryError()])
@pytest.mark.parametrize("given", [0, 1, 2])
def test_rows_are_computed_where_the_system_gives_no_thread(monkeypatch, given, refusal):
    """As under a limit on memory, or on processes; these cannot be set to the very number of threads."""
    monkeypatch.setenv("OTGEN_NUM_THREADS", "4")
    start, came, rows = _thread.start_new_thread, [], []

    def refused(*arguments):
        if len(came) == given:
            raise refusal
        came.append(arguments)
        return start(*arguments)

    monkeypatch.setattr(_thread, "start_new_thread", refused)
    over_rows(40, 10**7, lambda first, stop: rows.extend(range(first, stop)))
    assert sorted(rows) == list(range(40))
    assert len(came) == given


def test_nobody_waits_for_a_thread_that_dies_or_comes_late(monkeypatch):
    """A start that succeeds, of a thread that has not run an instruction: no input makes the system do so each time."""
    late, done = [], []
    monkeypatch.setattr(_thread, "start_new_thread", lambda *given: late.append(given))
    assert each(lambda item: done.append(item) or -item, range(5), 3) == [0, -1, -2, -3, -4]
    assert len(late) == 2
    for function, arguments in late:
        function(*arguments)
    assert done == list(range(5))


STARVED = """
import resource, sys
from pathlib import Path
from otgen.kernels.parallel import each

def held():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

each(abs, range(8), 2)
before = resource.getrlimit(resource.RLIMIT_AS)
for room in range(0, 2**16, 2**12):
    resource.setrlimit(resource.RLIMIT_AS, (held() + room, before[1]))
    try:
        found = each(abs, range(-300, 0), 3)
    except MemoryError:
        found = None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert found in (None, list(range(300, 0, -1))), found
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such limits are not kept")
def test_no_memory_for_a_thread_is_no_wait_without_end():
    ran = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "done\n", ran.stderr


def test_an_error_of_a_kernel_is_no_lack_of_threads(monkeypatch):
    monkeypatch.setenv("OTGEN_NUM_THREADS", "2")

    def kernel(start, stop):
        raise RuntimeError("of the kernel")

    with pytest.raises(RuntimeError, match="of the kernel"):
        over_rows(40, 10**7, kernel)


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt, SystemExit])
def test_an_error_of_a_helper_is_the_callers_and_stops_all(error):
    caller, done = threading.get_ident(), []

    def work(item):
        if threading.get_ident() != caller:
            raise error("of a helper")
        done.append(item)
        time.sleep(0.001)

    met, _ = meeting(2, work)
    with pytest.raises(error, match="of a helper"):
        each(met, range(10_000), 2)
    assert len(done) < 9_000


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_the_caller_leaves_no_helper_at_work(error):
    caller, done = threading.get_ident(), []

    def work(item):
        if threading.get_ident() == caller:
            raise error("of the caller")
        time.sleep(0.2)
        done.append(item)

    met, _ = meeting(2, work)
    with pytest.raises(error, match="of the caller"):
        each(met, range(10_000), 2)
    assert len(done) == 1
    time.sleep(0.05)
    assert len(done) == 1


def test_a_stop_at_any_place_leaves_no_helper_at_work():
    at_work = []

    def work(item):
        at_work.append(item)
        time.sleep(0.002)
        at_work.remove(item)

    def idle():
        assert not at_work

    assert at_each_place(lambda: each(work, range(6), 3), {parallel.__file__}, idle) > 10


def test_every_thread_has_the_context_of_a_new_one():
    mark = contextvars.ContextVar("mark", default="of a new thread")
    mark.set("of the caller")
    expected = []
    thread = threading.Thread(target=lambda: expected.append((mark.get(), np.geterr())))
    thread.start()
    thread.join()
    with np.errstate(all="raise"):
        work, seen = meeting(2, lambda item: (mark.get(), np.geterr()))
        found = each(work, range(20), 2)
        assert set(np.geterr().values()) == {"raise"}
    assert len(seen) == 2
    assert found == expected * 20
    assert mark.get() == "of the caller"
