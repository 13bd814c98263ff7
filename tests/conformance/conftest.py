"""Compiled kernels overflow in silence, as IEEE has it; stepped through in Python they should too."""

import os

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quiet_where_not_compiled():
    with np.errstate(all="ignore" if os.environ.get("NUMBA_DISABLE_JIT") == "1" else None):
        yield
