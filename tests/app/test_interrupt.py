"""Ctrl-C: one line and exit code 130, whatever runs."""

import signal
import subprocess
import sys
import time

from otgen.app import interrupt


class TestInterrupts:
    def interrupted(self, code, grace):
        """A process that says when it is ready, interrupted: its code and what it wrote on stderr."""
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
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
