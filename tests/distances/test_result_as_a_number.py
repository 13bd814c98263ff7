"""A result stands for its value beside numbers; its dictionary is JSON's."""

import json
import math
import operator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

RNG = np.random.default_rng(0)
X, Y = RNG.random((6, 2)), RNG.random((7, 2))
RESULT = otgen.wasserstein(X, Y)
BY = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
KINDS = {
    "exact": RESULT,
    "line": otgen.wasserstein(X[:, 0], Y[:, 0], p=np.float64(3)),
    "longest": otgen.wasserstein(X, Y, p=math.inf),
    "entropic": otgen.sinkhorn(X, Y, epsilon=np.float32(0.1)),
    "relaxed": otgen.sinkhorn(X, Y, epsilon=otgen.Relative(0.1), relax=(1, None)),
    "divergence": otgen.sinkhorn_divergence(X, Y, epsilon=0.1),
    "float32": otgen.wasserstein(X.astype(np.float32), Y.astype(np.float32)),
    "sliced": otgen.sliced_wasserstein(X, Y, rng=0),
    "once": otgen.sliced_wasserstein(X, Y, rng=0, n_projections=1),
    "matrix": otgen.transport(RNG.random((3, 4)), [1, 2, 3], [2, 2, 1, 1]),
    "infeasible": otgen.transport([[np.inf]], throw=False),
    "highs": otgen.wasserstein(X, Y, solver="linprog"),
    "stopped": otgen.sinkhorn(X, Y, epsilon=1e-3, max_iter=2, throw=False),
    "days": otgen.wasserstein(np.array([1, 2], "M8[D]"), np.array([3], "M8[D]")),
}


@given(st.floats(allow_nan=True), st.floats(0, 1e300))
def test_it_compares_as_its_value(number, value):
    result = replace(RESULT, value=value)
    kinds = [number, np.float64(number), replace(RESULT, value=number)]
    if math.isfinite(number):
        kinds += [Fraction(number), math.floor(number)]
    for by in BY:
        for other in kinds:
            seen = other.value if isinstance(other, otgen.Result) else other
            assert by(result, other) == by(value, seen)
            assert by(other, result) == by(seen, value)


def test_it_is_written_as_its_value_is():
    result = otgen.wasserstein([0.0, 1.0], [1.0, 4.0], p=1)
    assert f"{result:.3f}|{result:>8.1e}" == "2.000| 2.0e+00"
    assert f"{result}" == str(result)
    with pytest.raises(ValueError, match="format code"):
        format(result, "d")


def test_it_goes_where_floats_go():
    apart, same = RESULT, otgen.wasserstein(X, X)
    assert float(apart) == apart.value
    assert min(apart, same) is same
    assert sorted([apart, same]) == [same, apart]
    assert hash(apart) == hash(apart.value)
    assert math.sqrt(apart) == math.sqrt(apart.value)
    assert apart != "far"


@pytest.mark.parametrize("other", ["1", None, np.ones(2), [1.0], 1j])
def test_what_is_no_number_is_no_order(other):
    with pytest.raises(TypeError, match="not supported between"):
        operator.lt(RESULT, other)
    with pytest.raises(TypeError, match="not supported between"):
        operator.ge(other, RESULT)


@pytest.mark.parametrize("kind", KINDS)
def test_its_dictionary_goes_through_json_and_back(kind):
    told = KINDS[kind].to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert all(type(value) in (bool, int, float, str, list, type(None)) for value in told.values())
