"""Which tests a run leaves out."""

import itertools
import os

import pytest
from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
BY_DAY = PROFILE != "nightly"
STEPPED = os.environ.get("NUMBA_DISABLE_JIT") == "1"  # kernels are stepped through, which shows their lines


def leave_out(config, items, left):
    """Tests that ``left`` holds of are counted as deselected: thousands of skips take pytest seconds."""
    out = [item for item in items if left(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not left(item)]


def every(*axes, by_day):
    """The product of parameters, each case a ``pytest.param``: by day only those that are named."""
    cases = list(itertools.product(*axes))
    assert set(by_day) <= set(cases)
    return [pytest.param(*case, marks=() if case in by_day else pytest.mark.nightly) for case in cases]


def few(examples):
    """Of a property whose examples take tenths of seconds: how many by day."""
    return settings(max_examples=examples) if BY_DAY else lambda test: test
