"""The command line inside this process, ended as a user sees it end."""

import sys

import pytest

from otgen.app.cli import main


@pytest.fixture
def told(monkeypatch, capfd):
    """Run main inside this process as a user would: code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["otgen", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code
        return code, *capfd.readouterr()

    return run
