"""The kernels of stacks against the reference, problem by problem."""

import numpy as np
import pytest

from otgen.kernels import CIRCULAR, GREAT_CIRCLE, point_ground, reference, stacks

INF = np.inf
FORMS = [
    (2.0, 1.0, 1.0), (1.0, 1.5, 1.0), (INF, 2.0, 1.0), (3.0, 1.0, 1.0), (CIRCULAR, 1.0, 0.7), (GREAT_CIRCLE, 2.0, 0.5)
]  # fmt: skip
NAMES = ["cost_block", "cost_sums", "ctransform", "softmin", "gibbs", "gibbs_cost", "gibbs_slope", "sweep", "symmetric"]


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    return {
        "x": rng.random((3, 5, 2)), "y": rng.random((3, 4, 2)), "f": rng.random((3, 5)), "g": rng.random((3, 4)),
        "a": rng.random((3, 5)) + 0.1, "b": rng.random((3, 4)) + 0.1, "epsilon": rng.random(3) + 0.5, "v": rng.random((3, 4, 2)),
    }  # fmt: skip


def arguments(name, z, k=slice(None)):
    """What a kernel takes beside its ground: of all problems, or of one."""
    epsilon = z["epsilon"][k]
    return {
        "cost_block": (),
        "cost_sums": (z["b"][k],),
        "ctransform": (z["g"][k],),
        "softmin": (z["g"][k], epsilon),
        "gibbs": (z["f"][k], z["g"][k], epsilon, z["v"][k]),
        "gibbs_cost": (z["f"][k], z["g"][k], epsilon, z["b"][k]),
        "gibbs_slope": (z["f"][k], z["g"][k], epsilon, z["b"][k]),
        "sweep": (z["f"][k], z["g"][k], z["a"][k], z["b"][k], epsilon, 0.5, -0.1),
        "symmetric": (z["f"][k], z["a"][k], epsilon),
    }[name]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_each_problem_gets_what_it_would_get_alone(name, form, given):
    y = given["x"] if name == "symmetric" else given["y"]
    found = getattr(stacks, name)(stacks.listed(given["x"], y, form), *arguments(name, given))
    for k in range(3):
        alone = getattr(reference, name)(point_ground(given["x"][k], y[k], *form), *arguments(name, given, k))
        pairs = zip(found, alone, strict=True) if isinstance(alone, tuple) else [(found, alone)]
        for mine, theirs in pairs:
            np.testing.assert_allclose(mine[k], theirs, rtol=1e-11, atol=1e-12)


def test_terms_of_no_weight_are_left_out(given):
    ground = stacks.listed(given["x"], given["y"], (2.0, 1.0, 1.0))
    some = given["g"].copy()
    some[1, 2] = -INF
    one = stacks.listed(given["x"], np.delete(given["y"], 2, axis=1), (2.0, 1.0, 1.0))
    expected = stacks.softmin(one, np.delete(some, 2, axis=1), given["epsilon"])
    np.testing.assert_allclose(stacks.softmin(ground, some, given["epsilon"])[1], expected[1], rtol=1e-13)
    some[1] = -INF
    assert (stacks.softmin(ground, some, given["epsilon"])[1] == INF).all()
