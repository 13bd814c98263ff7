"""How results read, at every scale: intervals that hold what was proven, with ends that differ, and of what they are intervals."""

import re
from fractions import Fraction

import numpy as np
import pytest

import otgen

RNG = np.random.default_rng(5)
X, Y = RNG.random((6, 2)), RNG.random((7, 2))
SCALES = (1e-300, 1e-150, 1e-9, 1.0, 1e9, 1e150, 1e300)
OF_POINTS = {
    "exact": lambda s: otgen.wasserstein(X * s, Y * s),
    "line": lambda s: otgen.wasserstein(X[:, 0] * s, Y[:, 0] * s, p=1),
    "bottleneck": lambda s: otgen.wasserstein(X * s, Y * s, p=np.inf),
    "equal": lambda s: otgen.wasserstein(X * s, X * s),
    "callable": lambda s: otgen.wasserstein(X * s, Y * s, p=1, metric=lambda x, y: abs(x[:, None] - y).sum(axis=2)),
    "entropic": lambda s: otgen.sinkhorn(X * s, Y * s, epsilon=0.1 * s, p=1),
    "divergence": lambda s: otgen.sinkhorn_divergence(X * s, Y * s, epsilon=0.1 * s, p=1),
}
OF_MATRICES = {
    "matrix": lambda s: otgen.transport((X @ Y.T) * s),
    "entropic matrix": lambda s: otgen.transport((X @ Y.T) * s, epsilon=0.1 * s),
}


def interval_in(text):
    """The ends of the first interval in a text, or its point twice."""
    exact = re.search(r"exactly (\S+?)(?:[,.)]|\s|$)", text)
    if exact:
        return exact[1], exact[1]
    found = re.search(r"\[(\S+), (\S+)\]", text)
    assert found, text
    return found[1], found[2]


def assert_holds(text, lower, upper):
    low, high = interval_in(text)
    if lower == upper:
        assert float(low) == lower
        return
    assert low != high
    assert Fraction(low) <= Fraction(lower) < Fraction(upper) <= Fraction(high)


def rows(result):
    """The lines of a result by their names."""
    return dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in repr(result).split("\n")[1:])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("make", [*OF_POINTS.values(), *OF_MATRICES.values()], ids=[*OF_POINTS, *OF_MATRICES])
def test_a_result(make, scale):
    result = make(scale)
    told = rows(result)
    place = told.get("proven within") or told["proven"]
    assert_holds(place, result.lower, result.upper)
    low, high = map(Fraction, interval_in(place))
    assert low <= Fraction(told["value"]) <= high
    assert float(told["gap"].split()[0]) == pytest.approx(result.gap, rel=0.05, abs=5e-324)
    assert result.gap == pytest.approx(result.upper - result.lower)
    assert ("of these samples, not of the laws behind them" in place) == result.of_samples
    assert "np." not in repr(result)
    if result.exact_bounds:
        assert_holds(told["exact cost within"], *result.exact_bounds)
        assert told["exact cost within"].endswith("of these samples") == result.of_samples
    assert place.split(",")[0] in result._repr_html_()


def test_whose_it_is():
    assert all(make(1.0).of_samples for make in OF_POINTS.values())
    assert not any(make(1.0).of_samples for make in OF_MATRICES.values())
    assert otgen.wasserstein(X, Y).to_dict()["of_samples"] is True


@pytest.mark.parametrize("scale", SCALES)
def test_an_estimate_has_the_digits_of_its_error(scale):
    result = otgen.sliced_wasserstein(X * scale, Y * scale, rng=0)
    told = rows(result)
    assert abs(float(told["value"]) - result.value) <= result.standard_error / 10
    assert (
        "from random directions; the value is of these samples, not of the laws behind them" in told["standard error"]
    )
    assert "proven" not in repr(result)
    one = otgen.sliced_wasserstein(X * scale, Y * scale, rng=0, n_projections=1)
    assert rows(one)["standard error"].startswith("unknown, from random directions; the value is of these samples")


@pytest.mark.parametrize("scale", SCALES)
def test_an_audit(scale):
    plan, potentials = np.arange(6), (np.zeros(6), np.zeros(6))
    points = otgen.audit(X * scale, X * scale + scale, p=1, plan=plan, potentials=potentials, value=3 * scale)
    assert_holds(points.verdict, points.lower, points.upper)
    assert "the truth for these samples lies within" in repr(points)
    matrix = otgen.audit(C=(X @ X.T) * scale, plan=plan, potentials=potentials)
    assert_holds(matrix.verdict, matrix.lower, matrix.upper)
    assert "samples" not in matrix.verdict


def test_a_refuted_claim_lies_outside_as_printed():
    """To nine digits: a claim that is refuted by 2e-6 of itself."""
    upper = otgen.audit([0.0, 1.0], [2.0, 3.1234567], p=1, plan=[0, 1]).upper
    found = otgen.audit([0.0, 1.0], [2.0, 3.1234567], p=1, plan=[0, 1], value=upper * (1 + 2e-6))
    claimed = re.search(r"the claimed (\S+) is refuted", found.verdict)
    assert Fraction(claimed[1]) > Fraction(interval_in(found.verdict)[1])


@pytest.mark.parametrize("scale", SCALES)
def test_a_proof(scale, tmp_path):
    for name, result in (("points", OF_POINTS["exact"](scale)), ("matrix", OF_MATRICES["matrix"](scale))):
        result.save_proof(tmp_path / name)
        proof = otgen.load_proof(tmp_path / name)
        assert_holds(repr(proof), proof.lower, proof.upper)
        assert ("of these samples" in repr(proof)) == (name == "points")


@pytest.mark.parametrize("scale", SCALES)
def test_a_batch(scale):
    batch = otgen.wasserstein_batch([X * scale, X * scale], [Y * scale, X * scale])
    least, most, gap = re.search(
        r"values (\S+) to (\S+), proven within intervals of width (\S+) at most", repr(batch)
    ).groups()
    assert (float(least), float(most)) == (0.0, pytest.approx(batch.value.max(), rel=1e-4))
    assert float(gap) == pytest.approx((batch.upper - batch.lower).max(), rel=0.05)
    assert "of these samples" in repr(batch)
    assert repr(batch[:0]).startswith("BatchResult(0 results; ")


@pytest.mark.parametrize("scale", SCALES)
def test_a_limit(scale):
    with pytest.raises(otgen.NotConverged, match="the value of these samples within ") as caught:
        otgen.sinkhorn(X * scale, Y * scale, epsilon=1e-3 * scale, p=1, max_iter=2)
    assert_holds(str(caught.value), caught.value.result.lower, caught.value.result.upper)
    with pytest.raises(otgen.NotConverged, match="the value within "):
        otgen.transport((X @ Y.T) * scale, epsilon=1e-3 * scale, solver=otgen.solvers.Sinkhorn(max_iter=1))


@pytest.mark.parametrize("scale", SCALES)
def test_a_number_with_bounds(scale):
    found = otgen.bures_wasserstein([0.0, 0.0], np.eye(2), [scale, scale], np.eye(2) * 3)
    assert_holds(repr(found), found.lower, found.upper)
    assert repr(otgen.bures_wasserstein(0.0, 1.0, 0.0, 1.0)) == "exactly 0"


def test_without_a_plan():
    result = otgen.transport([[np.inf]], throw=False)
    assert rows(result)["proven"] == "infinite"
    assert rows(result)["gap"].startswith("0")
    assert result.gap == 0
