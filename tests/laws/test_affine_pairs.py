"""W_p of laws on the line that lie far away, or differ by place and scale alone, against closed forms."""

import math

import mpmath
import pytest
import scipy.stats as st

import otgen
from otgen.laws import on_the_line


@pytest.mark.parametrize("law", [st.norm(), st.cauchy(), st.pareto(0.5), st.gamma(0.01), st.beta(0.03, 0.03)])
@pytest.mark.parametrize("apart", [1.0, -1e17])
@pytest.mark.parametrize("order", [1, 3])
def test_a_translation_is_as_long_as_it_is(law, apart, order):
    """Of Pareto laws it was off by 5e-10, with an error of 1.6e-10; normal laws at 1e17 had no quantiles."""
    found = on_the_line(law, law.dist(*law.args, loc=apart), order)
    assert found.value == abs(apart)
    assert found.error <= 1e-15 * abs(apart)


@pytest.mark.parametrize("place", [0.0, 1e9, 1e14, -1e200])
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e200])
def test_places_and_scales_of_normal_laws(place, scale):
    """At 1e14 its error was 0.09, after minutes."""
    found = on_the_line(st.norm(place, scale), st.norm(place, 2 * scale), 2)
    assert abs(found.value - scale) <= found.error < 1e-13 * scale


@pytest.mark.parametrize("order", [5, 50, 90, 200])
def test_high_orders(order):
    """The unit of the integrand was its largest gap within 8 deviations, where at p = 50 hardly any of it is: refused."""
    with mpmath.workdps(30):
        p = mpmath.mpf(order)
        truth = (2 ** (p / 2) * mpmath.gamma((p + 1) / 2) / mpmath.sqrt(mpmath.pi)) ** (1 / p)
        found = on_the_line(st.norm(), st.norm(0, 2), order)
        assert abs(found.value - truth) <= found.error < 1e-9


def test_gaps_that_rounding_has_eaten_are_refused():
    """Half the quantiles' digits are beyond 1e16 there: what is left of a gap of 1 is rounding."""
    with pytest.raises(otgen.InvalidInput, match="too heavy"):
        on_the_line(st.pareto(0.5), st.lomax(0.5), 3)
    assert math.isinf(on_the_line(st.cauchy(), st.cauchy(0, 2), 1).value)
