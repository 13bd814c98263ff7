"""What random examples of all calls have found, each as one call."""

import numpy as np
import pytest

import otgen

HUGE = 1e200


def test_partial_transport_of_nothing_between_points_too_light_for_a_unit():
    result = otgen.partial_wasserstein([[0.0], [1.0]], [[2.0]], [1.0, 1e-40], [1e-30], p=3, mass=0)
    assert result.cost_lower == result.cost == 0


@pytest.mark.parametrize("relax", [1.0, (1.0, 3.0)])
def test_epsilon_beyond_all_floats_is_refused(relax):
    with pytest.raises(otgen.InvalidInput, match="must"):
        otgen.transport(np.full((2, 3), 1.5e308), epsilon=otgen.Relative(20.0), relax=relax)


def test_relaxed_masses_beyond_squares_of_floats():
    x, y = np.zeros((2, 1)), np.ones((2, 1))
    with pytest.raises(otgen.InvalidInput, match="must have totals"):
        otgen.sinkhorn_divergence(x, y, [1.0, 2.0], [1e290, 1e290], epsilon=1.0, relax=1.0, throw=False)


def test_a_plan_whose_shares_are_beyond_all_floats_is_no_plan():
    found = otgen.audit(C=[[1.0, 2.0]], a=[1e-200], b=[5e-201, 5e-201], plan=np.full((1, 2), HUGE))
    assert found.cost_lower <= 1.5e-200 <= found.cost_upper
    assert "no numbers" in str(found)


def test_no_plan_at_all_is_said_so_to_torch_too():
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    nn = pytest.importorskip("otgen.nn")
    with pytest.raises(otgen.Infeasible):
        nn.entropic_plan(torch.full((6, 2), torch.inf), epsilon=1.0)


def test_no_place_in_memory_is_told(tmp_path):
    from otgen.errors import words_of

    assert words_of(ValueError("odd: <ast.Name object at 0x7ffb5dd28220>; no.\nmore")) == "odd: <ast.Name object>, no"


@pytest.mark.parametrize("options", [{}, {"solver": "line"}])
@pytest.mark.parametrize(
    ("x", "y", "weights", "truth"),
    [
        ([0.0, 1.0], [2.0**-365, 1.0], None, 2.0**-731),  # means of squares that vanish beside 1
        ([0.0, 2.0**500, 2.0**500], [2.0**-33, 2.0**500], ([2.0, 1.0, 1.0], [0.5, 0.5]), 2.0**-67),
        ([2.0**61, 2.0**61], [0.0], ([2e289, 1e289], [1.0]), 2.0**122),  # sums of squares beyond all floats
    ],
)
def test_squares_on_the_line_in_the_unit_of_what_is_travelled(x, y, weights, truth, options):
    a, b = weights or (None, None)
    result = otgen.wasserstein(x, y, a, b, p=1, metric="sqeuclidean", normalize=True, **options)
    assert result.lower <= truth <= result.upper
    assert result.cost_lower <= truth <= result.cost_upper
    assert result.upper - result.lower < 1e-12 * truth
    batch = otgen.wasserstein_batch(
        [x], [y], weights and [a], weights and [b], p=1, metric="sqeuclidean", normalize=True
    )
    assert batch[0].lower <= truth <= batch[0].upper
