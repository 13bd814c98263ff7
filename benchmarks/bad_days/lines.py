"""Points on the line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import otgen

from .questions import Calls, line
from .row import Row, Truth, malformed
from .truths import CLOSED, HAND

INF = math.inf
STAMP = 1_700_000_000_000_000_000
WHOLE = np.array([0, 1, 2]), np.array([1, 2, 3])
BREAKS = np.repeat(np.arange(0.0, 50, 10), 2), np.arange(0.0, 50, 10), np.full(10, 0.1), np.full(5, 0.2)
ULP = float(np.spacing(3.0))


def _stamps(kind: str) -> Calls:
    x, y = (np.array([STAMP + k, STAMP + k + 200]) for k in (100, 200))
    return line(x.astype(kind), y.astype(kind))


def _permuted() -> Calls:
    """0 where the order of points on the line changes nothing."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=9), rng.normal(size=7)
    a, b = rng.integers(1, 9, 9) * 1.0, rng.integers(1, 9, 7) * 1.0
    a, b = a / a.sum(), b / b.sum()
    order = rng.permutation(9)

    def spread(call: str) -> float:
        one, other = (
            float(getattr(z := line(*data, p=2)[call](), "value", z))
            for data in ((x, y, a, b), (x[order], y, a[order], b))
        )
        return abs(one - other)

    return {who: (lambda who=who: spread(who)) for who in ("otgen", "POT wasserstein_1d")}


def _sliced(p: float, x: Any, y: Any, **options: Any) -> Calls:
    def pots() -> Any:
        import ot

        return ot.sliced_wasserstein_distance(
            np.asarray(x)[:, None], np.asarray(y)[:, None], p=p, n_projections=options.get("n_projections", 10)
        )

    return {
        "otgen": lambda: otgen.sliced_wasserstein(x, y, p=p, rng=0, **options).value,
        "POT sliced_wasserstein_distance": pots,
    }


def _circle() -> Calls:
    x, y = np.array([0.05, 0.95]), np.array([0.95, 0.05])

    def pots() -> Any:
        import ot

        return float(np.ravel(ot.wasserstein_circle(x, y + 0.1, p=1))[0])

    return {
        "otgen": lambda: otgen.wasserstein(x, y + 0.1, p=1, metric=otgen.Circular(1.0)),
        "POT wasserstein_circle": pots,
    }


ROWS = [
    Row("whole_numbers", "int64 0, 1, 2 against 1, 2, 3", Truth(1.0, HAND), lambda: line(*WHOLE)),
    Row("power_540", "0, 1, 2 against 1, 2, 3, p = 540", Truth(1.0, HAND), lambda: line(*(z * 1.0 for z in WHOLE), p=540), "scipy#19712"),
    Row("power_540_small", "the same over 100", Truth(0.01, HAND), lambda: line(*(z * 0.01 for z in WHOLE), p=540)),
    Row("power_540_large", "the same times 100", Truth(100.0, HAND), lambda: line(*(z * 100.0 for z in WHOLE), p=540)),
    Row("power_infinite", "0, 1, 5 against 1, 2, 3, p = inf", Truth(2.0, HAND), lambda: line([0.0, 1, 5], [1.0, 2, 3], p=INF)),
    Row("power_20_one_ulp", "0, 1, 2, 3 against 0, 1, 2, 3 + 1 ulp, p = 20", Truth(ULP * 4 ** (-1 / 20), CLOSED), lambda: line([0.0, 1, 2, 3], [0.0, 1, 2, 3 + ULP], p=20)),
    *(Row(f"breakpoints_{p:g}", f"0, 0, 10, 10, .., 40, 40 against 0, 10, .., 40, p = {p:g}: equal laws", Truth(0.0, HAND, absolute=1e-12), lambda p=p: line(*BREAKS, p=p)) for p in (1, 4, 20, 540, INF)),
    Row("unsorted", "shuffled points with weights: difference to sorted ones; W_2", Truth(0.0, "the same law", absolute=1e-14), _permuted, "POT#138"),
    Row("nanoseconds", "int64 nanoseconds since 1970, each 100 later", Truth(100.0, "whole numbers"), lambda: _stamps("int64"), "pylake#209"),
    Row("datetimes", "the same as datetime64[ns], in nanoseconds", Truth(100.0, "whole numbers"), lambda: _stamps("M8[ns]")),
    Row("uint64_difference", "uint64 2^63 + 1 against 2^63", Truth(1.0, "whole numbers"), lambda: line(np.array([2**63 + 1], np.uint64), np.array([2**63], np.uint64))),
    Row("int64_extremes", "int64 -2^63 against 2^63 - 1", Truth(2.0**64, "whole numbers, to float64"), lambda: line(np.array([-(2**63)]), np.array([2**63 - 1]))),
    Row("python_integers", "10^20 against 10^20 + 1, Python's whole numbers", Truth(1.0, "whole numbers"), lambda: line(np.array([10**20], dtype=object), np.array([10**20 + 1], dtype=object))),
    Row("long_doubles", "long doubles 1 against 1 + 2^-60", Truth(2.0**-60, HAND), lambda: line(np.array([1], np.longdouble), np.array([1 + np.longdouble(2) ** -60]))),
    Row("largest_float_on_the_line", "-1e308 against 1e308", malformed("beyond the largest float"), lambda: line([-1e308], [1e308])),
    Row("nan_on_the_line", "0, NaN against 0, 1", malformed("NaN"), lambda: line([0.0, math.nan], [0.0, 1.0])),
    Row("infinity_on_the_line", "0, inf against 0, inf", malformed("infinity is no place"), lambda: line([0.0, INF], [0.0, INF])),
    Row("negative_on_the_line", "0, 1 with weights 1.5, -.5 against 3, 1", malformed("a negative weight"), lambda: line([0.0, 1], [3.0, 1], [1.5, -0.5], [0.5, 0.5])),
    Row("mass_on_the_line", "0, 1 with weights .5, .5 against 0, 3 with 1, 1", malformed("the totals differ"), lambda: line([0.0, 1], [0.0, 3], [0.5, 0.5], [1.0, 1.0])),
    Row("one_ulp_of_weight", "10 weights of 1/10 at 0 and one of 1 at 0: equal laws; W_2", Truth(0.0, HAND), lambda: line(np.zeros(10), [0.0], np.full(10, 0.1), [1.0], p=2)),
    Row("a_table_of_two_columns", "3 x 2 ones against 3 x 2 zeros, given to functions for the line; W_1", Truth(math.sqrt(2), HAND), lambda: line(np.ones((3, 2)), np.zeros((3, 2))), "scipy#23801"),
    Row("many_weights", "10^5 equal weights against 3 of 1/3 at the same place, 0; W_1 plus a shift by 1", Truth(1.0, HAND), lambda: line(np.zeros(100_000), np.ones(3), np.full(100_000, 1e-5), np.full(3, 1 / 3))),
    Row("sliced_power_540", "{0, 1} against {1, 3}, sliced, p = 540", Truth(2 * 0.5 ** (1 / 540), CLOSED), lambda: _sliced(540, [0.0, 1], [1.0, 3])),
    Row("sliced_power_540_small", "the same over 1000", Truth(2e-3 * 0.5 ** (1 / 540), CLOSED), lambda: _sliced(540, [0.0, 1e-3], [1e-3, 3e-3])),
    Row("sliced_nan", "a NaN, sliced", malformed("NaN"), lambda: _sliced(2, [0.0, math.nan], [1.0, 3])),
    Row("sliced_no_lines", "no projections", malformed("a mean of nothing"), lambda: _sliced(2, [0.0, 1], [1.0, 3], n_projections=0)),
    Row("circle", "0.05, 0.95 against 1.05, 0.15 on a circle of length 1; W_1", Truth(0.1, HAND), _circle, "POT#738"),
]  # fmt: skip
