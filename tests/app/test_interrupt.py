"""Ctrl-C: one line and exit code 130, whatever runs."""

import signal
import subprocess
import sys
import time

from otgen.app import interrupt


class TestInterrupts:
    def interrupted(self, code, grace):
        """A process that says when it is ready, interrupted after ``grace`` seconds, or by itself: its code and what it wrote on stderr."""
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        if grace is not None:
            time.sleep(grace)
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        return process.returncode, err

    START = "import sys, time\nfrom otgen.app import cli, commands\n"

    def test_between_instructions(self):
        code = self.START + "def run(): print('ready', flush=True); time.sleep(60)\ncli._run = run\ncli.main()\n"
        assert self.interrupted(code, 0.1) == (130, "otgen: stopped\n")

    def test_within_compiled_code(self):
        """A kernel without the GIL that does not end: Python's own handler never runs."""
        code = self.START + (
            "import numba\n"
            "@numba.njit(nogil=True)\ndef spin(n):\n    total = 0.0\n    for i in range(n):\n        total += (i % 7) ** .5\n"
            "    return total\n"
            "spin(1)\n"
            "def run(): print('ready', flush=True); spin(10**14)\ncli._run = run\ncli.main()\n"
        )
        assert self.interrupted(code, 0.1) == (130, "otgen: stopped\n")

    def test_what_is_put_away_half_made_says_nothing(self):
        code = self.START + (
            "class Half:\n    def __del__(self): raise AttributeError('half made')\n"
            "def run():\n    half = Half()\n    print('ready', flush=True); time.sleep(60)\n"
            "cli._run = run\ncli.main()\n"
        )
        assert self.interrupted(code, 0.1) == (130, "otgen: stopped\n")

    ENTERED = (
        "import atexit, os, signal, sys\n"
        "def stop(*_): os.kill(os.getpid(), signal.SIGINT)\n"
        "from otgen.app import entry\n"
    )

    def test_before_the_command_is_loaded(self):
        code = self.ENTERED + (
            "class Stop:\n    def find_spec(self, name, *_):\n        if name == 'otgen.app.cli': stop()\n"
            "sys.meta_path.insert(0, Stop())\nprint('ready', flush=True)\nentry.main()\n"
        )
        assert self.interrupted(code, None) == (130, "otgen: stopped\n")

    def test_when_the_process_ends(self):
        code = self.ENTERED + (
            "sys.argv = ['otgen', '--version']\nprint('ready', flush=True)\natexit.register(stop)\nentry.main()\n"
        )
        assert self.interrupted(code, None) == (130, "otgen: stopped\n")

    def test_little_is_loaded_before_it_is_minded(self):
        code = "import os, sys; before = set(sys.modules); import otgen.app.entry; print(*sorted(set(sys.modules) - before))"
        ran = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
        ours = {"otgen", "otgen._version", "otgen.app", "otgen.app.entry"}
        assert set(ran.stdout.split()) - ours <= {
            "__future__",
            "importlib",
            "importlib._bootstrap",
            "importlib._bootstrap_external",
            "warnings",
        }

    def test_what_typer_catches(self, monkeypatch, told):
        def stop(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("otgen.app.measuring.read_sets", stop)
        before = signal.getsignal(signal.SIGINT)
        assert told("distance", "a.npy", "b.npy") == (130, "", "otgen: stopped\n")
        assert signal.getsignal(signal.SIGINT) is before

    def test_the_process_is_left_as_it_was(self):
        before = signal.getsignal(signal.SIGINT)
        with interrupt.watched():
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before
