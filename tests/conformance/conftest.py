"""Compiled kernels overflow in silence, as IEEE has it; stepped through in Python they should too."""

import numba
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def quiet_where_not_compiled():
    with np.errstate(all="ignore" if numba.config.DISABLE_JIT else None):
        yield
