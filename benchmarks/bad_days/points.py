"""Points in any dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import otgen

from .questions import Calls, points
from .row import Row, Truth, malformed
from .truths import ASSIGNED, CLOSED, HAND, assigned, squares

INF, NAN = math.inf, math.nan


def _moved(power: int, kind: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x, y = ((rng.random((20, 3)) + 10.0**power).astype(kind) for _ in range(2))
    return x, y


def _far(power: int, kind: Any) -> Row:
    name = np.dtype(kind).name
    truth = Truth(
        lambda: math.sqrt(assigned(squares(*_moved(power, kind)))), "scipy's assignment of differences in float64"
    )
    return Row(
        f"{name}_plus_1e{power}",
        f"20 uniform points a side, plus 1e{power}, {name}; W_2",
        truth,
        lambda: points(*_moved(power, kind)),
    )


def _pair(kind: Any, one: int, other: int) -> Row:
    name = np.dtype(kind).name
    x, y = np.array([[one]], kind), np.array([[other]], kind)
    return Row(
        f"{name}_points", f"{name} {one} against {other}; W_2", Truth(abs(one - other), HAND), lambda: points(x, y)
    )


def _largest_bit_difference() -> Calls:
    """0 where read-only, Fortran-ordered and strided input gives the bits of plain input."""
    rng = np.random.default_rng(0)
    x, y = rng.random((20, 4)), rng.random((30, 4))
    locked = x.copy()
    locked.flags.writeable = False
    others = (np.asfortranarray(x), np.repeat(x, 2, 0)[::2], locked)

    def spread(who: str) -> float:
        values = [float(points(z, y)[who]()) for z in (x, *others)]
        return max(values) - min(values)

    def ours() -> float:
        values = [otgen.wasserstein(z, y).value for z in (x, *others)]
        return max(values) - min(values)

    return {"otgen": ours, "POT dist, emd2": lambda: spread("POT dist, emd2")}


def _frame() -> Calls:
    import pandas as pd

    x = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [1.0, 2.0]})
    return points(x, np.zeros((1, 2)))


def _columns() -> Calls:
    import pandas as pd

    x = pd.DataFrame({"height": [1.0, 2.0, 3.0], "weight": [10.0, 20.0, 30.0]})
    return points(x, x[["weight", "height"]])


def _below_one() -> Calls:
    def pots() -> float:
        import ot

        return ot.emd2([], [], ot.dist(_BY_ROWS, _BY_ROWS + 3, metric="minkowski", p=0.5))

    return {
        "otgen": lambda: otgen.wasserstein(_BY_ROWS, _BY_ROWS + 3, p=1, metric=otgen.Minkowski(0.5)),
        "POT dist, emd2": pots,
    }


_BY_ROWS = np.array([[0.0, 2.0], [4.0, 6.0]])
ROWS = [
    Row("far_from_the_origin", "1e8, 1e8 + 1 against 1e8 + 3 twice; W_2", Truth(math.sqrt(6.5), HAND), lambda: points([[1e8], [1e8 + 1]], [[1e8 + 3], [1e8 + 3]])),
    *(_far(power, kind) for power, kind in ((4, np.float32), (6, np.float32), (4, np.float64), (8, np.float64))),
    *(_pair(kind, one, other) for kind, one, other in ((np.int8, 100, -100), (np.int32, 60_000, -60_000), (np.uint8, 250, 5))),
    Row("float16_points", "float16 10 points a side, the second plus 1; W_2", Truth(1.0, CLOSED, 1e-9), lambda: points(*(np.arange(10.0)[:, None].astype(np.float16) + np.float16(k) for k in (0, 1)))),
    Row("float16_far", "float16 (300, 0) against (0, 400): squares are beyond float16; W_2", Truth(500.0, HAND), lambda: points(np.array([[300.0, 0]], np.float16), np.array([[0, 400.0]], np.float16))),
    *(Row(f"{name}_coordinate", f"a coordinate is {name}", malformed(f"{name} is no place"), lambda bad=bad: points([[0.0, 0], [bad, 0]], [[0.0, 0], [1, 1]], p=1)) for name, bad in (("nan", NAN), ("infinite", INF))),
    Row("largest_floats", "(-4e307, 0) against (4e307, 0); W_1", Truth(8e307, HAND), lambda: points([[-4e307, 0.0]], [[4e307, 0.0]], p=1)),
    Row("beyond_the_largest", "(-1e308, 0) against (1e308, 0)", malformed("beyond the largest float"), lambda: points([[-1e308, 0.0]], [[1e308, 0.0]], p=1)),
    Row("squares_that_underflow", "(1e-200, 0) against (0, 1e-200); W_2", Truth(math.sqrt(2) * 1e-200, HAND), lambda: points([[1e-200, 0.0]], [[0.0, 1e-200]])),
    Row("squares_that_overflow", "(1e200, 0), (0, 0) against (0, 2e200), (0, 0); W_1", Truth(math.sqrt(5) * 0.5e200, HAND), lambda: points([[1e200, 0.0], [0, 0]], [[0.0, 2e200], [0, 0]], p=1)),
    Row("small_points", "(1e-9, 0), (0, 0) against (0, 2e-9), (0, 0); W_1", Truth(math.sqrt(5) * 0.5e-9, HAND), lambda: points([[1e-9, 0.0], [0, 0]], [[0.0, 2e-9], [0, 0]], p=1)),
    Row("micrometres", "40 uniform points a side, in millionths; W_1", Truth(lambda: assigned(np.sqrt(squares(*_forty()))) * 1e-6, ASSIGNED), lambda: points(*(z * 1e-6 for z in _forty()), p=1)),
    Row("layouts", "read-only, Fortran-ordered, strided input: largest difference to plain input", Truth(0.0, "the same numbers"), _largest_bit_difference),
    Row("minkowski_1000_one_pair", "(0, 0) against (3, 3), Minkowski's q = 1000; W_1", Truth(3 * 2 ** (1 / 1000), CLOSED), lambda: points([[0.0, 0]], [[3.0, 3]], p=1, metric=otgen.Minkowski(1000)), "scipy#21114"),
    Row("minkowski_1000", "(0, 2), (4, 6), each plus 3, q = 1000; W_1", Truth(3 * 2 ** (1 / 1000), CLOSED), lambda: points(_BY_ROWS, _BY_ROWS + 3, p=1, metric=otgen.Minkowski(1000)), "scipy#25318"),
    Row("minkowski_infinite", "the same, q = inf; W_1", Truth(3.0, HAND), lambda: points(_BY_ROWS, _BY_ROWS + 3, p=1, metric=otgen.Minkowski(INF))),
    Row("minkowski_below_1", "the same, q = .5", malformed("no metric"), _below_one),
    Row("cosine_of_nothing", "(0, 0) against (1, 0), cosine", malformed("a vector of length 0 has no direction"), lambda: points([[0.0, 0]], [[1.0, 0]], p=1, metric="cosine"), "scipy#6370"),
    Row("cosine_of_tiny", "(1e-200, 0) against (1, 1), cosine: 1 - 1 / sqrt 2", Truth(1 - math.sqrt(0.5), CLOSED), lambda: points([[1e-200, 0.0]], [[1.0, 1]], p=1, metric="cosine")),
    Row("other_dimensions", "points in 2 and in 3 dimensions", malformed("dimensions differ"), lambda: points(np.zeros((2, 2)), np.zeros((2, 3)))),
    Row("no_coordinates", "3 points with 0 coordinates", malformed("nothing to measure"), lambda: points(np.zeros((3, 0)), np.zeros((3, 0)))),
    Row("no_points", "no points against 3", malformed("no points"), lambda: points(np.zeros((0, 2)), np.zeros((3, 2)))),
    Row("complex_points", "i against 1", malformed("complex points"), lambda: points(np.array([[1j]]), np.array([[1.0]]))),
    Row("masked_points", "(0), (7) masked, against (0), (1)", malformed("a masked place is no place"), lambda: points(np.ma.masked_array([[0.0], [7.0]], [[False], [True]]), [[0.0], [1.0]])),
    Row("missing_in_a_table", "a table whose Int64 column has a gap", malformed("a missing place"), _frame),
    Row("columns_in_another_order", "a table against itself with its columns swapped; W_2", Truth(0.0, "columns are named"), _columns, "diffdf#28"),
    Row("text_points", "'0', 'one'", malformed("text"), lambda: points(np.array([["0"], ["one"]]), np.array([[0.0], [1.0]]))),
    Row("three_axes", "an array of 2 x 3 x 4", malformed("which axis counts points is not said"), lambda: points(np.zeros((2, 3, 4)), np.zeros((2, 3, 4)))),
    Row("a_single_column_as_a_row", "(1, 3) against (3,): one point of 3 coordinates, 3 points of one", malformed("dimensions differ"), lambda: points(np.zeros((1, 3)), np.zeros(3))),
    Row("power_below_1", "p = .5", malformed("no metric"), lambda: points([[0.0, 0]], [[1.0, 1]], p=0.5)),
    Row("power_nan", "p = NaN", malformed("no power"), lambda: points([[0.0, 0], [1, 0]], [[1.0, 1], [2, 2]], p=NAN)),
    Row("bottleneck", "(0, 0), (1, 0), (5, 0) against (1, 0), (2, 0), (3, 0), p = inf", Truth(2.0, HAND), lambda: points([[0.0, 0], [1, 0], [5, 0]], [[1.0, 0], [2, 0], [3, 0]], p=INF)),
    Row("large_power", "(0, 0), (3, 4) against (0, 1), (3, 3), p = 200", Truth(1.0, HAND), lambda: points([[0.0, 0], [3, 4]], [[0.0, 1], [3, 3]], p=200)),
    Row("large_power_small_steps", "the same over 1000, p = 200", Truth(1e-3, HAND), lambda: points(np.array([[0.0, 0], [3, 4]]) / 1000, np.array([[0.0, 1], [3, 3]]) / 1000, p=200)),
    Row("one_point_itself", "(1.5, 2.5) against itself; W_1", Truth(0.0, HAND), lambda: points([[1.5, 2.5]], [[1.5, 2.5]], p=1), "gensim#979"),
    Row("everything_at_one_point", "5 times (1, 2) against 4 times (1, 2); W_2", Truth(0.0, HAND), lambda: points(np.full((5, 2), (1.0, 2.0)), np.full((4, 2), (1.0, 2.0)))),
    Row("a_missing_value_code", "0.1, 0.2 and FLT_MAX against 1.1, 1.2 and FLT_MAX, in the plane; W_1", Truth(2 / 3, HAND), lambda: points(_coded(0.1), _coded(1.1), p=1)),
]  # fmt: skip


def _forty() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((40, 2)), rng.random((40, 2))


def _coded(first: float) -> Any:
    return np.array([[first, 0], [first + 0.1, 0], [3.4028234663852886e38, 0]])
