"""Ctrl-C, threads, forks: what happens around a solve."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from stopped import at_each_place
from workers import count_workers

import otgen
from otgen.kernels import parallel

# Far more work than the test waits for; the progress of a solver is told once, from the midst of it.
LONG = {
    "simplex": "Simplex(), otgen.Problem.from_points(rng.random((60_000, 3)), rng.random((60_000, 3)))",
    "sinkhorn": (
        "Sinkhorn(max_iter=10**6),otgen.Problem.from_points(rng.random((6000, 3)), rng.random((6000, 3)), epsilon=1e-5)"
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c(name):
    """The signal is sent once the solver says that it is at work; benchmarks/test_start.py measures how soon it is heard."""
    with interrupted(LONG[name]) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopped\n"


def interrupted(call):
    """A process in the midst of a solve, which prints whether it was stopped or came to its end."""
    code = (
        "import numpy as np, otgen, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in what a shell starts in the background
        "from otgen.model.units import scaled\n"
        "from otgen.solvers import Simplex, Sinkhorn\n"
        "said = []\n"
        "def progress(message):\n    said or print('ready', flush=True)\n    said.append(message)\n"
        "rng = np.random.default_rng(0)\n"
        f"solver, problem = {call}\n"
        "try:\n    solver.solve(scaled(problem), progress)\n"
        "except KeyboardInterrupt:\n    print('stopped', flush=True)\n"
        "else:\n    print('done', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_several_threads_at_once():
    rng = np.random.default_rng(0)
    x, y = rng.random((600, 2)), rng.random((600, 2))
    expected = otgen.wasserstein(x, y).value
    values = []
    callers = [threading.Thread(target=lambda: values.append(otgen.wasserstein(x, y).value)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert values == [expected] * 4


def test_a_fork_after_threads_have_run():
    code = (
        "import os, numpy as np, otgen\n"
        "from otgen.kernels import parallel\n"
        "start, started = parallel._thread.start_new_thread, []\n"
        "parallel._thread.start_new_thread = lambda *given: started.append(given) or start(*given)\n"
        "rng = np.random.default_rng(0)\n"
        "x, y = rng.random((2, 4000, 2))\n"
        "value = otgen.wasserstein(x, y).value\n"
        "assert started\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    os._exit(0 if otgen.wasserstein(x, y).value == value else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    environment = dict(os.environ, OTGEN_NUM_THREADS="2")
    command = [sys.executable, "-W", "ignore", "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "0"


def test_the_same_answer_on_one_thread_and_on_two(monkeypatch):
    """On a grid, where many plans are optimal."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 600, (2, 4000, 2)) / 1.0
    counts, answers = count_workers(monkeypatch), []
    for threads in ("1", "2"):
        monkeypatch.setenv("OTGEN_NUM_THREADS", threads)
        answers.append((otgen.wasserstein(x, y).plan, otgen.sinkhorn(x, y, epsilon=otgen.Relative(0.05))))
        assert max(counts) == int(threads)
        counts.clear()
    (plan, entropic), (other, too) = answers
    assert (plan.rows == other.rows).all()
    assert (plan.columns == other.columns).all()
    assert (plan.values == other.values).all()
    assert (entropic.value, entropic.lower, entropic.upper) == (too.value, too.lower, too.upper)
    assert all((one == two).all() for one, two in zip(entropic.potentials, too.potentials))


def test_a_share_of_the_cores_is_given_back_at_any_stop():
    def work():
        with parallel.shared_among(10**6):
            pass

    before = parallel._SHARED.get()
    assert at_each_place(work, {__file__, parallel.__file__}, lambda: _equal(parallel._SHARED.get(), before)) >= 2


def _equal(found, wanted):
    assert found == wanted
