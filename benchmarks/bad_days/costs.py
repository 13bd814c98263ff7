"""Cost matrices."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

import otgen

from .questions import Calls, assignment, emd2, matrix, uniform
from .row import Row, Truth, malformed
from .truths import ASSIGNED, HAND, RATIONAL, assigned, permuted

INF, NAN = math.inf, math.nan
ONES = np.ones((4, 3))


def _random(n: int) -> Any:
    return np.random.default_rng(0).random((n, n))


def _mixed() -> Any:
    C = np.random.default_rng(0).random((40, 40)) * 100
    C[np.random.default_rng(1).integers(40, size=3), np.random.default_rng(2).integers(40, size=3)] = 1e16
    return C


def _walled() -> Any:
    """One row and one column can only meet each other: all else there is 1e32."""
    C = 10.0 ** np.random.default_rng(5).uniform(-3, 4, (6, 6))
    C[3, :], C[:, 3] = 1e32, 1e32
    C[3, 3] = 5.0
    return C


def _ties(kind: str) -> Any:
    rng = np.random.default_rng(0)
    if kind == "doubled":
        return np.repeat(np.repeat(rng.random((20, 20)), 2, 0), 2, 1)
    return np.ones((40, 40)) if kind == "equal" else rng.integers(0, 3, (40, 40)).astype(float)


def _limited(limit: int) -> Calls:
    C = _random(30)
    return {
        "otgen": lambda: otgen.transport(C, solver=otgen.solvers.Simplex(max_iter=limit)),
        "POT emd2": lambda: emd2(C, uniform(30), uniform(30), numItermax=limit),
    }


def _huge(n: int, dense: bool) -> Calls:
    """n points a side in the plane, one cluster shifted by 3."""
    x = np.random.default_rng(0).random((n, 2))

    def pots() -> float:
        import ot

        return math.sqrt(ot.solve_sample(x, x + [3, 0]).value)  # pyright: ignore[reportAttributeAccessIssue]

    def scipys() -> float:
        from scipy.spatial.distance import cdist

        return math.sqrt(assignment(cdist(x, x + [3, 0], "sqeuclidean")))

    solver = "linprog" if dense else "auto"
    return {
        "otgen": lambda: otgen.wasserstein(x, x + [3, 0], solver=solver),
        "POT solve_sample": pots,
        "scipy linear_sum_assignment": scipys,
    }


def _sparse_zero() -> Calls:
    """A pair that costs nothing and is written down; one that is absent."""
    import scipy.sparse

    C = scipy.sparse.csr_array(([0.0, 1.0, 2.0], ([0, 0, 1], [0, 1, 0])), shape=(2, 2))
    return {"otgen": lambda: otgen.transport(C), "POT emd2": lambda: _sparse_pot(C)}


def _sparse_pot(C: Any) -> Any:
    import ot

    return ot.emd2(uniform(2), uniform(2), C)


def _scaled(scale: float) -> Row:
    truth = Truth(lambda: assigned(_random(50)) * scale, ASSIGNED)
    return Row(
        f"costs_times_{scale:g}".replace("-", "m").replace("+", ""),
        f"50 x 50 uniform costs, times {scale:g}",
        truth,
        lambda: matrix(_random(50) * scale),
    )


ROWS = [
    *map(_scaled, (1e-12, 1e-14, 1e-300, 1e300)),
    Row("subnormal_costs", "5 x 5 costs, multiples of 5e-324", Truth(lambda: permuted(_random(5).round(1) * 10) * 5e-324, "all permutations, whole numbers", absolute=5e-324),
        lambda: matrix((_random(5).round(1) * 10) * 5e-324)),
    Row("costs_plus_1e12", "30 x 30 uniform costs, plus 1e12; the optimum less 1e12", Truth(lambda: assigned((_random(30) + 1e12) - 1e12), ASSIGNED, absolute=2e-3), lambda: _less(1e12)),
    Row("mixed_magnitudes", "40 x 40 costs below 100, three of them 1e16", Truth(lambda: assigned(np.minimum(_mixed(), 1e6)), "scipy's assignment with 1e6 in their place"), lambda: matrix(_mixed()), "POT#229, GUDHI#465"),
    Row("walls_of_1e32", "6 x 6 costs from 1e-3 to 1e4; a row and a column are 1e32 but where they meet", Truth(lambda: permuted(_walled()), RATIONAL), lambda: matrix(_walled()), "POT#229"),
    Row("forbidden_feasible", "3 x 3 costs, infinite below the diagonal", Truth(1.0, HAND), lambda: matrix(np.array([[1, 2, 2], [INF, 1, 2], [INF, INF, 1]])), "scipy#6900"),
    Row("forbidden_infeasible", "2 x 2 costs, one column forbidden", Truth(INF, "no plan"), lambda: matrix(np.array([[INF, 1.0], [INF, 1.0]])), "scipy#7005"),
    Row("all_forbidden", "4 x 3 costs, all infinite", Truth(INF, "no plan"), lambda: matrix(ONES * INF), "POT#869"),
    Row("one_nan", "2 x 2 costs, one of them NaN", malformed("NaN"), lambda: matrix(np.array([[NAN, 1.0], [1.0, 0.0]])), "scipy#6370, scipy#14545"),
    Row("all_nan", "4 x 3 costs, all NaN", malformed("NaN"), lambda: matrix(ONES * NAN), "POT#869, POT#469"),
    Row("minus_infinity", "2 x 2 costs, one of them -inf", malformed("no least cost"), lambda: matrix(np.array([[-INF, 1.0], [1.0, 0.0]]))),
    *(Row(f"ties_{kind}", f"40 x 40 costs: {words}", Truth(lambda kind=kind: assigned(_ties(kind)), ASSIGNED, 1e-9, 1e-12), partial(lambda kind: matrix(_ties(kind)), kind), "networkx#3480")
      for kind, words in (("equal", "all equal"), ("doubled", "every row and column twice"), ("whole", "whole numbers 0, 1, 2"))),
    Row("one_row", "1 x 4 costs 1, 2, 3, 4", Truth(2.5, HAND), lambda: matrix(np.array([[1.0, 2, 3, 4]]), [1.0], uniform(4))),
    Row("one_column", "4 x 1 costs 1, 2, 3, 4", Truth(2.5, HAND), lambda: matrix(np.array([[1.0], [2], [3], [4]]), uniform(4), [1.0])),
    Row("no_pairs", "a matrix of 0 x 0", malformed("nothing to move"), lambda: matrix(np.zeros((0, 0)))),
    Row("no_rows", "a matrix of 0 x 3", malformed("nothing to move"), lambda: matrix(np.zeros((0, 3)))),
    Row("one_iteration", "30 x 30 uniform costs, at most 1 iteration", Truth(lambda: assigned(_random(30)), ASSIGNED), lambda: _limited(1), "POT#93"),
    Row("fifty_iterations", "30 x 30 uniform costs, at most 50 iterations", Truth(lambda: assigned(_random(30)), ASSIGNED), lambda: _limited(50), "POT#24"),
    Row("more_pairs_than_int32", "47 000 points a side in the plane, shifted by 3", Truth(3.0, "of a shift"), lambda: _huge(47_000, False), "POT#117, scipy#13421", slow=True),
    Row("dense_path", "60 000 points a side; ours asked for its dense solver", Truth(3.0, "of a shift"), lambda: _huge(60_000, True), "scipy#15888"),
    Row("negative_costs", "costs (-1, 5), (5, -3)", Truth(-2.0, HAND), lambda: matrix(np.array([[-1.0, 5], [5, -3]]))),
    Row("complex_costs", "costs (i, 1), (1, i)", malformed("complex costs have no order"), lambda: matrix(np.array([[1j, 1], [1, 1j]]))),
    Row("whole_costs_beyond_float64", "whole costs (2^60 + 1, 2^60), (2^60, 2^60 + 1), as they are", Truth(2.0**60, "by hand; exact in float64"),
        lambda: matrix(np.array([[2**60 + 1, 2**60], [2**60, 2**60 + 1]]))),
    Row("object_costs", "costs 10^400, as Python's whole numbers", malformed("beyond the largest float"), lambda: matrix(np.array([[10**400, 1], [1, 10**400]], dtype=object))),
    Row("text_costs", "costs '1', 'two'", malformed("text"), lambda: matrix(np.array([["1", "two"], ["3", "4"]]))),
    Row("jagged_costs", "rows of 2 and 3 costs", malformed("no matrix"), lambda: _jagged()),
    Row("sparse_zero", "a sparse matrix with a zero written down and a pair absent", Truth(1.5, "by hand: absent is forbidden"), _sparse_zero),
    Row("costs_near_the_largest", "costs (0, 1.7e308), (1.7e308, 1.7e308): their sum is infinite", Truth(0.85e308, HAND), lambda: matrix(np.array([[0, 1.7e308], [1.7e308, 1.7e308]]))),
    Row("total_beyond_floats", "cost 1e300, mass 1e9: the total is 1e309", malformed("beyond the largest float"), lambda: matrix([[1e300]], [1e9], [1e9])),
]  # fmt: skip


def _less(offset: float) -> Calls:
    C = _random(30) + offset
    calls = matrix(C)

    def ours() -> Any:
        result = otgen.transport(C)
        return otgen.Bounded(result.value - offset, result.lower - offset, result.upper - offset)

    return {who: (lambda call=call: float(call()) - offset) for who, call in calls.items()} | {"otgen": ours}


def _jagged() -> Calls:
    rows: Any = [[1.0, 2.0], [1.0, 2.0, 3.0]]

    def pots() -> Any:
        import ot

        return ot.emd2(uniform(2), uniform(2), rows)

    return {"otgen": lambda: otgen.transport(rows), "POT emd2": pots}
