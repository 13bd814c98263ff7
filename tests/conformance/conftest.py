"""Compiled kernels overflow in silence, as IEEE has it; stepped through in Python they should too."""

import os

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quiet_where_not_compiled():
    with np.errstate(all="ignore" if os.environ.get("NUMBA_DISABLE_JIT") == "1" else None):
        yield


def pytest_collection_modifyitems(items):
    """Coverage counts what is stepped through in Python once: compiled, only emulated devices, plans and solvers show lines of their own."""
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        return
    for item in items:
        own = any(word in item.nodeid for word in ("emulated", "nvrtc", "test_plan.py", "test_solver.py"))
        if "conformance" in item.nodeid and not own:
            item.add_marker("no_cover")
