"""Weights."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

import otgen

from .questions import Calls, divergence, entropic, linprog, matrix, points, uniform
from .row import Row, Truth, malformed
from .truths import FIXED, HAND, squares
from .truths import entropic as entropic_value

SQUARE = np.array([[1.0, 2.0], [2.0, 1.0]])
HALF = np.array([0.5, 0.5])
LINE = np.array([[0.0, 0.0], [1.0, 0.0]])
DIFFERENT = malformed("the totals differ")


def _five() -> Any:
    rng = np.random.default_rng(4)
    return squares(rng.random((5, 3)), rng.random((960, 3)))


def _largest_violation() -> Calls:
    """Of f + g <= C, at points without mass too."""
    rng = np.random.default_rng(0)
    C = squares(rng.random((12, 2)), rng.random((9, 2)))
    a, b = rng.integers(0, 2, 12).astype(float), rng.integers(0, 2, 9).astype(float)
    a, b = a / a.sum(), b / b.sum()

    def ours() -> float:
        f, g = otgen.transport(C, a, b).potentials  # pyright: ignore[reportGeneralTypeIssues]
        return float((f[:, None] + g - C).max())

    def pots() -> float:
        import ot

        log = ot.emd(a, b, C, log=True)[1]
        return float((log["u"][:, None] + log["v"] - C).max())

    return {"otgen": ours, "POT emd": pots}


def _half_precision() -> Calls:
    z = np.random.default_rng(0).normal(size=100)
    weights = (np.exp(z) / np.exp(z).sum()).astype(np.float16)
    x = np.linspace(0, 1, 100)[:, None]
    return points(x, x + 1, weights, uniform(100).astype(np.float16), p=1)


def _both_ways() -> Calls:
    C = np.full((3, 1), 0.6)

    def ours() -> float:
        one, other = (
            otgen.transport(C, [1, 1, 1], [2], normalize=True),
            otgen.transport(C.T, [2], [1, 1, 1], normalize=True),
        )
        return one.value - other.value

    return {"otgen": ours}


def _relaxed_by_infinity() -> Calls:
    a, b = np.array([3.0, 7.0]), np.array([0.7, 0.3])

    def pots() -> Any:
        import ot

        return ot.unbalanced.sinkhorn_unbalanced2(a, b, SQUARE, 0.1, math.inf)

    return {
        "otgen": lambda: otgen.transport(SQUARE, a, b, epsilon=0.1, relax=math.inf),
        "POT sinkhorn_unbalanced2": pots,
    }


ROWS = [
    Row("tiny_unequal_totals", "weights 1e-9 twice against 5e-8 twice", DIFFERENT, lambda: matrix(SQUARE, [1e-9] * 2, [5e-8] * 2)),
    Row("large_totals", "totals 1e9 that differ by 1e-14 of it", Truth(1.1e9, HAND),
        lambda: matrix(SQUARE, [5e8, 5e8], [4e8, 6e8 * (1 + 1e-14)])),
    Row("float32_against_float64", "float32 weights 1/5 against float64 ones", Truth(math.sqrt(2), HAND, 1e-7),
        lambda: points(np.arange(10.0).reshape(5, 2), np.arange(10.0).reshape(5, 2) + 1, np.full(5, 0.2, np.float32), uniform(5)), "POT#342"),
    Row("half_the_mass", "weights (.5, .5) against (1, 1)", DIFFERENT, lambda: matrix(SQUARE, HALF, [1.0, 1.0])),
    Row("half_the_mass_on_the_line", "0, 1 against 0, 1, weights (.5, .5) against (1, 1)", DIFFERENT, lambda: points([0.0, 1.0], [0.0, 1.0], HALF, [1.0, 1.0], p=1)),
    Row("half_the_mass_entropic", "the same, epsilon .1", DIFFERENT, lambda: entropic(LINE, LINE, HALF, np.array([1.0, 1.0]), epsilon=0.1)),
    Row("nan_weight", "a NaN among the weights", malformed("NaN"), lambda: matrix(SQUARE, [0.5, math.nan], HALF)),
    Row("infinite_weight", "an infinite weight", malformed("infinity"), lambda: matrix(SQUARE, [0.5, math.inf], HALF)),
    Row("negative_weight", "weights (1.5, -.5) against (.5, .5)", malformed("a negative weight"), lambda: matrix(SQUARE, [1.5, -0.5], HALF)),
    Row("no_mass", "weights that are all zero, on both sides", malformed("no mass"), lambda: matrix(SQUARE, [0.0, 0.0], [0.0, 0.0])),
    Row("faint_weight", "(0, 0) with weight 1, (5, 0) with 1e-300, against (0, 0); W_2", Truth(5e-150, HAND), lambda: points([[0.0, 0], [5, 0]], [[0.0, 0]], [1, 1e-300], [1.0])),
    Row("a_little_too_much", "1 and 2 weigh .5 and a third 1e-300 more than the other side has: (0, 0), (1, 0), (5, 0) against (0, 0), (1, 0); W_2",
        Truth(math.sqrt(16.5e-300), "by hand, weights over their exact sums"), lambda: points([[0.0, 0], [1, 0], [5, 0]], [[0.0, 0], [1, 0]], [0.5, 0.5, 1e-300], HALF)),
    Row("five_by_960", "5 against 960 uniform points, uniform weights", Truth(lambda: linprog(_five()), "HiGHS", 1e-7, 1e-9), lambda: matrix(_five()), "POT#190"),
    Row("potentials_without_mass", "largest f + g - C, where weights are zero too", Truth(0.0, "feasible by definition", absolute=1e-12), _largest_violation),
    Row("bool_weights", "weights True, True on both sides: each is 1", Truth(2.0, HAND), lambda: matrix(SQUARE, [True, True], [True, True])),
    Row("whole_weights", "whole weights (1, 1) on both sides", Truth(2.0, HAND), lambda: matrix(SQUARE, [1, 1], [1, 1])),
    Row("weights_beyond_int64", "weights 2^62 four times, on both sides, int64: the sum is 2^64", Truth(1.0, HAND),
        lambda: points(np.arange(4.0), np.arange(4.0) + 1, np.full(4, 2**62), np.full(4, 2**62), p=1)),
    Row("weights_that_overflow", "weights 1e308 twice, on both sides: the sum is infinite", Truth(1.0, HAND), lambda: points(LINE, LINE + [0, 1], [1e308] * 2, [1e308] * 2, p=1)),
    Row("subnormal_weights", "weights 5e-324 twice, on both sides", Truth(1.0, HAND), lambda: points(LINE, LINE + [0, 1], [5e-324] * 2, [5e-324] * 2, p=1)),
    Row("float16_probabilities", "a float16 softmax of 100, whose sum is off by 1e-3, against float16 1/100; W_1 from x to x + 1", Truth(1.0, "a shift; to 5e-2, since the weights differ", 0.05, 1.0), _half_precision),
    Row("complex_weights", "weights (.5 + .5i, .5 - .5i) against (.5, .5)", malformed("complex weights"), lambda: matrix(SQUARE, [0.5 + 0.5j, 0.5 - 0.5j], HALF)),
    Row("decimal_weights", "weights Decimal('.5')", Truth(1.0, HAND), lambda: matrix(SQUARE, [Decimal("0.5")] * 2, [Decimal("0.5")] * 2)),
    Row("masked_weights", "a masked array of weights (.5, .5, 7), the last masked", malformed("which weight is masked is not said by a number"),
        lambda: matrix(np.ones((3, 2)) + np.eye(3, 2), np.ma.masked_array([0.5, 0.5, 7.0], [False, False, True]), HALF)),
    Row("too_few_weights", "3 weights for 2 points", malformed("lengths differ"), lambda: matrix(SQUARE, [0.5, 0.25, 0.25], HALF), "POT#114"),
    Row("zero_weight_entropic", "a weight of 0 and a point at 1e6, epsilon .1", Truth(lambda: entropic_value(squares(LINE, LINE), 0.1), FIXED, 1e-6),
        lambda: entropic(np.array([[0.0, 0], [1, 0], [1e6, 0]]), LINE, np.array([0.5, 0.5, 0.0]), HALF, epsilon=0.1), "POT#34"),
    Row("negative_zero", "weights (1, -0.0) against (1, 0)", Truth(1.0, HAND), lambda: matrix(SQUARE, [1.0, -0.0], [1.0, 0.0])),
    Row("normalised_both_ways", "three weights of 1 against one of 2, costs .6, normalised: one way less the other", Truth(0.0, HAND, absolute=1e-12), _both_ways, "pyemd#57"),
    Row("relaxed_by_infinity", "totals 10 and 1, epsilon .1, marginals relaxed by inf, which keeps them", DIFFERENT, _relaxed_by_infinity),
    Row("mass_divergence", "the divergence of weights (.5, .5) and (1, 1), epsilon .1", DIFFERENT, lambda: divergence(LINE, LINE, HALF, np.array([1.0, 1.0]), epsilon=0.1)),
]  # fmt: skip
