"""Entropic transport, with and without marginals that give way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import otgen

from .questions import Calls, divergence, entropic, tensors, uniform
from .row import Row, Truth, malformed
from .truths import ASSIGNED, FIXED, HAND, assigned, debiased, squares
from .truths import entropic as value

DEFINITE = malformed("epsilon must be positive")
X, Y = np.array([[0.0, 0], [1, 0]]), np.array([[0.0, 1], [1, 1]])
DIRAC = np.array([[1.0, 2.0]])


def _clouds(n: int = 30) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((n, 2)), rng.random((n, 2))


def _small_epsilon(method: str) -> Callable[[], float]:
    def call() -> float:
        import ot

        return float(ot.sinkhorn2(uniform(30), uniform(30), squares(*_clouds()), 1e-4, method=method, numItermax=1000))

    return call


def _exact_by_small_epsilon() -> Calls:
    """The exact cost: ours by its interval, the others by the cost of their plan."""
    x, y = _clouds()

    def ours() -> otgen.Bounded:
        result = otgen.sinkhorn(x, y, epsilon=1e-4, max_iter=1000, throw=False)
        exact = otgen.wasserstein(x, y).cost
        return otgen.Bounded(exact, *(result.exact_bounds or (math.inf, -math.inf)))

    return {"otgen": ours} | {
        f"POT {name}": _small_epsilon(name) for name in ("sinkhorn", "sinkhorn_log", "sinkhorn_stabilized")
    }


def _bad_epsilon(epsilon: float) -> Calls:
    C = squares(X, Y)

    def pots() -> Any:
        import ot

        return ot.sinkhorn2(uniform(2), uniform(2), C, epsilon)

    def geom() -> Any:
        from geomloss import SamplesLoss

        return 2 * SamplesLoss("sinkhorn", blur=epsilon, debias=False, backend="tensorized")(*tensors(X, Y))

    return {"otgen": lambda: otgen.sinkhorn(X, Y, epsilon=epsilon), "POT sinkhorn2": pots, "GeomLoss SamplesLoss": geom}


def _marginal_error() -> Calls:
    """What is said of the marginals less what they are off by, measured from the potentials."""
    x, y = _clouds()

    def ours() -> float:
        result = otgen.sinkhorn(x, y, epsilon=0.05, tol=1e-8)
        f, g = result.potentials
        plan = np.exp((f[:, None] + g - squares(x, y)) / 0.05) / 900
        off = max(np.abs(plan.sum(1) - 1 / 30).sum(), np.abs(plan.sum(0) - 1 / 30).sum())
        return result.marginal_error - float(off)

    def pots() -> float:
        import ot

        plan, log = ot.sinkhorn(
            uniform(30), uniform(30), squares(x, y), 0.05, method="sinkhorn_log", stopThr=1e-8, log=True
        )
        off = max(np.abs(plan.sum(1) - 1 / 30).sum(), np.abs(plan.sum(0) - 1 / 30).sum())
        return float(log["err"][-1] - off)

    return {"otgen": ours, "POT sinkhorn": pots}


def _lazy() -> Calls:
    x, y = _clouds()

    def pots() -> Any:
        import ot

        return ot.solve_sample(x, y, reg=0.1, lazy=True, reg_type="KL").value  # pyright: ignore[reportAttributeAccessIssue]

    return {"otgen": lambda: otgen.sinkhorn(x, y, epsilon=0.1), "POT solve_sample, lazy": pots}


def _two_values() -> Calls:
    """The primal value less the dual one, of what each calls its answer."""
    x, y = _clouds()
    C, epsilon, u = squares(x, y), 0.05, uniform(30)

    def gap(f: Any, g: Any, P: Any) -> float:
        primal = (P * C).sum() + epsilon * (P * np.log(P / (u[:, None] * u))).sum()
        return float(primal - (f.mean() + g.mean()))

    def ours() -> float:
        result = otgen.sinkhorn(x, y, epsilon=epsilon, tol=1e-9)
        return gap(*result.potentials, result.plan.todense())

    def geom() -> float:
        from geomloss import SamplesLoss

        loss = SamplesLoss(
            "sinkhorn",
            p=2,
            blur=math.sqrt(epsilon / 2),
            scaling=0.95,
            debias=False,
            backend="tensorized",
            potentials=True,
        )
        f, g = (2 * z.numpy().ravel() for z in loss(*tensors(x, y)))
        return gap(f, g, np.exp((f[:, None] + g - C) / epsilon) / 900)

    return {"otgen": ours, "GeomLoss SamplesLoss": geom}


def _relaxed(x: Any, y: Any, epsilon: float, relax: float) -> Calls:
    def pots() -> Any:
        import ot

        u, v = np.asarray(x, float)[:, None], np.asarray(y, float)[:, None]
        return ot.solve_sample(u, v, uniform(len(u)), uniform(len(v)), reg=epsilon, reg_type="KL", unbalanced=relax, unbalanced_type="KL", tol=1e-12, max_iter=10_000).value  # pyright: ignore[reportAttributeAccessIssue]  # fmt: skip

    def geom() -> Any:
        from geomloss import SamplesLoss

        loss = SamplesLoss(
            "sinkhorn",
            p=2,
            blur=math.sqrt(epsilon / 2),
            reach=math.sqrt(relax / 2),
            scaling=0.95,
            debias=False,
            backend="tensorized",
        )
        return 2 * float(loss(*tensors(x, y)))

    return {
        "otgen": lambda: otgen.sinkhorn(x, y, epsilon=epsilon, relax=relax),
        "POT solve_sample": pots,
        "GeomLoss SamplesLoss": geom,
    }


def _stabilized() -> Calls:
    C, a, b = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.3, 0.7]), np.array([0.7, 0.3])

    def pots(method: str) -> Callable[[], float]:
        def call() -> float:
            import ot

            options = dict(tau=1000.0) if method == "sinkhorn_stabilized" else {}
            plan = ot.unbalanced.sinkhorn_unbalanced(
                a, b, C, 0.01, 100, method=method, reg_type="kl", numItermax=100_000, **options
            )
            return float(plan[1, 0])

        return call

    names = ("sinkhorn", "sinkhorn_stabilized")
    return {"otgen": lambda: otgen.transport(C, a, b, epsilon=0.01, relax=100).plan.todense()[1, 0]} | {
        f"POT unbalanced, {name}": pots(name) for name in names
    }


def _partial(scale: float, mass: float) -> Calls:
    C = np.random.default_rng(0).random((8, 8)) * scale

    def pots() -> Any:
        import ot

        return ot.partial.partial_wasserstein2(uniform(8), uniform(8), C, m=mass)

    return {"otgen": lambda: otgen.transport(C, mass=mass), "POT partial_wasserstein2": pots}


def _half_assigned() -> float:
    """Four pairs of eight: dummy points take the other four of either side."""
    padded = np.zeros((12, 12))
    padded[:8, :8] = np.random.default_rng(0).random((8, 8))
    padded[8:, 8:] = 1e3
    return assigned(padded) * 12 / 8


def _cubes() -> Calls:
    x, y = np.array([[0.0]]), np.array([[-1.0], [1.0]])

    def geom() -> Any:
        from geomloss import SamplesLoss

        return SamplesLoss("sinkhorn", p=3, blur=10 ** (1 / 3), backend="tensorized")(*tensors(x, y))

    return {
        "otgen": lambda: otgen.sinkhorn_divergence(x, y, epsilon=10.0, p=3, tol=1e-10),
        "GeomLoss SamplesLoss": geom,
    }


def _huge_epsilon() -> Calls:
    return entropic(X, Y, epsilon=1e21)


def _near(shift: float) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.random((20, 2))
    return x, x + shift * rng.random((20, 2))


def _single(x: Any, y: Any, epsilon: float) -> Calls:
    """The divergence of float32 clouds."""
    x, y = x.astype(np.float32), y.astype(np.float32)
    return divergence(x, y, epsilon=epsilon)


FAR = np.random.default_rng(0).random((20, 2)).astype(np.float32)
ROWS = [
    Row("small_epsilon", "30 uniform points a side, epsilon 1e-4, 1000 iterations: the exact cost", Truth(lambda: assigned(squares(*_clouds())), ASSIGNED), _exact_by_small_epsilon),
    *(Row(f"epsilon_{name}", f"epsilon = {epsilon:g}", DEFINITE, lambda epsilon=epsilon: _bad_epsilon(epsilon)) for name, epsilon in (("zero", 0.0), ("negative", -1.0), ("nan", math.nan), ("infinite", math.inf))),
    Row("epsilon_1e21", "costs of 1 and 2, epsilon 1e21: the mean cost", Truth(1.5, "the limit, to 1e-21"), _huge_epsilon),
    Row("marginals_told", "what is said of the marginals' error less what it is", Truth(0.0, "by definition", absolute=1e-7), _marginal_error, "ott#5, ott#375"),
    Row("dirac_itself", "a point against itself, epsilon .1", Truth(0.0, HAND, absolute=1e-12), lambda: entropic(DIRAC, DIRAC, epsilon=0.1)),
    Row("dirac_divergence", "the same, debiased", Truth(0.0, HAND), lambda: divergence(DIRAC, DIRAC, epsilon=0.1)),
    Row("equal_points_divergence", "5 times a point against 4 times the same, debiased", Truth(0.0, HAND, absolute=1e-12), lambda: divergence(np.repeat(DIRAC, 5, 0), np.repeat(DIRAC, 4, 0), epsilon=0.1)),
    Row("nearly_equal", "20 points against themselves moved by 1e-7, debiased, epsilon .1; not below zero, to 1e-9", Truth(0.0, "between 0 and 1e-13", absolute=1e-9), lambda: divergence(*_near(1e-7), epsilon=0.1), "geomloss#24, #25"),
    Row("nearly_equal_single", "float32, moved by 1e-3, debiased, epsilon 10", Truth(lambda: debiased(*(z.astype(np.float32).astype(float) for z in _near(1e-3)), 10.0), FIXED, 0.02), lambda: _single(*_near(1e-3), 10.0), "geomloss#36"),
    Row("free_sign", "0 against -1, 1 at epsilon 10 with cubes of distances, debiased: negative", Truth(lambda: 1 - value([[0.0, 8], [8, 0]], 10.0) / 2, FIXED), _cubes),
    Row("far_single", "float32 clouds plus 1e4, epsilon .18", Truth(lambda: value(squares(FAR + np.float32(1e4), (FAR + 1) + np.float32(1e4)), 0.18), FIXED, 1e-4), lambda: entropic(FAR + np.float32(1e4), (FAR + 1) + np.float32(1e4), epsilon=0.18)),
    Row("padding_at_1e9", "a point of no mass at 1e9, float32, epsilon .18", Truth(lambda: value(squares(X, Y), 0.18), FIXED, 1e-5), lambda: _padded(1e9), "geomloss#33"),
    Row("padding_at_1e20", "the same at 1e20", Truth(lambda: value(squares(X, Y), 0.18), FIXED, 1e-5), lambda: _padded(1e20), "lucidrains/vector-quantize#149"),
    Row("lazy", "30 points a side, epsilon .1, without the matrix", Truth(lambda: value(squares(*_clouds()), 0.1), FIXED, 1e-5), _lazy, "POT#861"),
    Row("two_values", "the primal value less the dual one", Truth(0.0, "duality", absolute=1e-6), _two_values, "geomloss#58"),
    Row("one_outlier", "0, 100 against 0, squared, epsilon .1, marginals relaxed by 1", Truth(lambda: value([[0.0], [1e4]], 0.1, relax=1.0), FIXED, 1e-3), lambda: _relaxed([0.0, 100], [0.0], 0.1, 1.0), "ott#121"),
    Row("stabilized", "(.3, .7) against (.7, .3), epsilon .01, relaxed by 100: mass moved from the second to the first", Truth(0.395026633305142, "Newton on the fixed point, long doubles", 1e-5), _stabilized, "POT#711"),
    Row("partial_small_costs", "half of 8 against 8 uniform, costs times 1e-14", Truth(lambda: _half_assigned() * 1e-14, "scipy's assignment with dummy points"), lambda: _partial(1e-14, 0.5)),
    Row("partial_too_much", "twice the mass that there is", malformed("more than there is"), lambda: _partial(1.0, 2.0)),
    Row("partial_nan", "NaN of the mass", malformed("NaN"), lambda: _partial(1.0, math.nan)),
    Row("nan_entropic", "a NaN coordinate, epsilon .1", malformed("NaN"), lambda: entropic(X * math.nan, Y, epsilon=0.1)),
    Row("negative_weight_entropic", "weights (1.5, -.5), epsilon .1", malformed("a negative weight"), lambda: entropic(X, Y, np.array([1.5, -0.5]), uniform(2), epsilon=0.1)),
    Row("whole_points_entropic", "int64 points, epsilon .1", Truth(lambda: value(squares(X, Y), 0.1), FIXED, 1e-5), lambda: entropic(X.astype(int), Y.astype(int), epsilon=0.1)),
    Row("int8_entropic", "int8 100 against -100, epsilon 1", Truth(4e4, HAND), lambda: entropic(np.array([[100]], np.int8), np.array([[-100]], np.int8), epsilon=1.0)),
    Row("one_point_entropic", "0 against 2, 3, 5, 7, squared, epsilon .1: there is one plan", Truth(21.75, HAND), lambda: entropic(np.zeros((1, 1)), np.array([[2.0], [3], [5], [7]]), epsilon=0.1)),
]  # fmt: skip


def _padded(where: float) -> Calls:
    x = np.vstack([X, [[where, 0]]]).astype(np.float32)
    return entropic(
        x, Y.astype(np.float32), np.array([0.5, 0.5, 0.0], np.float32), np.array([0.5, 0.5], np.float32), epsilon=0.18
    )
