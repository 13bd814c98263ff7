"""How many random splits are measured unless one says."""

import numpy as np
import pytest

from otgen.app.chance import usual_splits


@pytest.mark.parametrize(("n", "d", "count"), [(500, 2, 19), (501, 2, 0), (50_000, 1, 19), (50_001, 1, 0)])
def test_how_many_unless_one_says(n, d, count):
    points = np.broadcast_to(0.0, (n, d))
    assert usual_splits(points, points) == count
