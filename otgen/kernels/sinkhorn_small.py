"""Sinkhorn's iteration on problems so small that their exponentials are kept: many iterations a call, many problems at once.

``K_ij = exp((f0_i + g0_j - c_ij)/epsilon)`` is computed at some potentials f0, g0; from then on an iteration multiplies K by
``u = exp((f - f0)/epsilon)`` and ``v = exp((g - g0)/epsilon)`` and needs no exponential a pair. Where u, v or a sum leaves the
range in which lost terms cannot matter, K is computed again at the potentials reached, and where that is not enough one
iteration is done in logarithms, relative to the largest term (Schmitzer, "Stabilized sparse scaling algorithms for entropy
regularized transport problems", 2019, section 3.1). What is decided, and when, is in :mod:`.overrelaxation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..inputs.types import Floats, Indices
from .jit import jit
from .overrelaxation import DONE, STOPPED, TAKEN_BACK, Aim, decided, probes, started
from .parallel import over_rows
from .stacks import exponentials_of

PAIRS = 2**16  # of a problem that is small
_SUMS = 2.0**500  # sums lie between its inverse and this,
_SCALINGS = 2.0**400  # scalings between its inverse and this
_LONGEST, _SHORTEST = 20_000, 2_000  # iterations a call, at most and at least
_REMEMBERED = 2**17  # errors, more than any decision looks back
_PATIENCE = 3e8  # nanoseconds that a call may take before an interrupt is heard


@jit
def _wanted(weight, potential, rho):
    return weight if rho == np.inf else weight * math.exp(-potential / rho)


@jit
def _gain(potential, rho):
    return potential if rho == np.inf else -rho * math.expm1(-potential / rho)


@jit
def _fits(scaling):
    return 1.0 / _SCALINGS < scaling < _SCALINGS


@jit(sums=True)
def _kernel_product(kernel, w, out):
    """``out = K w``."""
    for i in range(kernel.shape[0]):
        total = 0.0
        for j in range(np.uint64(kernel.shape[1])):
            total += kernel[i, j] * w[j]
        out[i] = total


@jit(sums=True)
def _transposed_product(kernel, w, out):
    """``out = K' w``."""
    out[:] = 0.0
    for i in range(kernel.shape[0]):
        weight = w[i]
        for j in range(np.uint64(kernel.shape[1])):
            out[j] += weight * kernel[i, j]


@jit
def _update(sums, scaling, weights, potential, origin, rho, epsilon, omega, after, out, weighted):
    """One side's new potentials, into ``out``, their scalings into ``weighted`` and with the weights multiplied in.

    Returns the marginal error, ``after`` the update or before, the dual gain, the mass, and whether all was in range.
    """
    damping = _damping(rho, epsilon)
    error = gain = mass = 0.0
    for i in range(sums.shape[0]):
        if weights[i] == 0.0:  # changes nothing for the others
            out[i], weighted[i] = potential[i], 0.0
            continue
        if not 1.0 / _SUMS < sums[i] < _SUMS:
            return 0.0, 0.0, 0.0, False
        reached = sums[i] * scaling[i]
        if damping == 1.0 and omega == 1.0:
            scaled = 1.0 / sums[i]
            moved = origin[i] + epsilon * math.log(scaled)
        else:
            moved = potential[i] + omega * ((damping - 1.0) * potential[i] - damping * epsilon * math.log(reached))
            scaled = math.exp((moved - origin[i]) / epsilon)
        if not _fits(scaled):
            return 0.0, 0.0, 0.0, False
        if after:
            reached = sums[i] * scaled
        error += abs(weights[i] * reached - _wanted(weights[i], moved if after else potential[i], rho))
        gain += weights[i] * _gain(moved, rho)
        mass += weights[i] * reached
        out[i], scaling[i], weighted[i] = moved, scaled, weights[i] * scaled
    return error, gain, mass, True


@jit
def _damping(rho, epsilon):
    return 1.0 if rho == np.inf else rho / (rho + epsilon)


@jit
def _in_logarithms(costs, turned, given, weights, damping, epsilon, out):
    """A plain update of one side, with the largest term taken out of every sum; ``turned`` asks for the columns."""
    for i in range(out.shape[0]):
        top, total = -np.inf, 0.0
        for j in range(given.shape[0]):
            if weights[j] > 0:
                top = max(top, given[j] - (costs[j, i] if turned else costs[i, j]))
        if top == -np.inf:
            continue
        for j in range(given.shape[0]):
            if weights[j] > 0:
                term = given[j] - (costs[j, i] if turned else costs[i, j])
                total += weights[j] * math.exp((term - top) / epsilon)
        out[i] = -damping * (top + epsilon * math.log(total))


@jit
def _advance(costs, a, b, relax, epsilon, tolerance, limit, count, f, g):
    """Iterate at one epsilon from f (n,) and g (m,), in place; returns the count of iterations, the error, and if it is met."""
    n, m = costs.shape
    kernel = np.empty((n, m))
    u, v, wu, wv = np.empty(n), np.empty(m), np.empty(n), np.empty(m)
    f0, g0, new_f, new_g = f.copy(), g.copy(), np.empty(n), np.empty(m)
    rows, columns = np.empty(n), np.empty(m)
    errors = np.empty(max(min(limit - count, _REMEMBERED), 0) + 1)
    size, whole = max(a.sum(), b.sum()), a.sum() * b.sum()
    aim, pace = Aim(tolerance, limit, 1e-12, 0, True), started(count)
    fresh = stale = False
    while True:
        if not fresh:
            f0[:], g0[:] = f, g
            exponentials_of(costs, f, g, epsilon, kernel)
            u[:], v[:], wv[:] = 1.0, 1.0, b
            fresh = stale = True
        probe = probes(pace, aim)
        step = 1.0 if probe else pace.omega
        _kernel_product(kernel, wv, rows)
        row_error, dual, _, good = _update(rows, u, a, f, f0, relax[0], epsilon, step, False, new_f, wu)
        if good:
            _transposed_product(kernel, wu, columns)
            column_error, gain, mass, good = _update(columns, v, b, g, g0, relax[1], epsilon, step, True, new_g, wv)
        if not good:
            if stale:  # even at its own potentials
                if pace.count >= limit:
                    return pace.count, pace.error, False
                _in_logarithms(costs, False, g, b, _damping(relax[0], epsilon), epsilon, f)
                _in_logarithms(costs, True, f, a, _damping(relax[1], epsilon), epsilon, g)
                pace = started(pace.count + 1)
            fresh = stale = False
            continue
        stale = False
        dual += gain - epsilon * (mass - whole)
        verdict, pace = decided(pace, errors, probe, row_error / size, column_error / size, dual, epsilon, aim)
        if verdict in (DONE, STOPPED):
            return pace.count, pace.error, verdict == DONE
        if verdict == TAKEN_BACK:
            fresh = False
        else:
            f[:], g[:] = new_f, new_g


@jit
def _advance_symmetric(costs, a, rho, epsilon, tolerance, limit, count, f):
    """The same for one measure against itself, f = g, each step two thirds of the way."""
    n = costs.shape[0]
    kernel, sums, u, weighted = np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n)
    f0, new_f = f.copy(), np.empty(n)
    size, error = a.sum(), np.inf
    fresh = stale = False
    while True:
        if not fresh:
            f0[:], u[:], weighted[:] = f, 1.0, a
            exponentials_of(costs, f, f, epsilon, kernel)
            fresh = stale = True
        _kernel_product(kernel, weighted, sums)
        row_error, _, _, good = _update(sums, u, a, f, f0, rho, epsilon, 2 / 3, False, new_f, weighted)
        if good:
            stale, error = False, row_error / size
            if error <= tolerance or count >= limit:
                return count, error, error <= tolerance
            count += 1
            f[:] = new_f
            continue
        if stale:
            if count >= limit:
                return count, error, False
            _in_logarithms(costs, False, f, a, _damping(rho, epsilon), epsilon, new_f)
            f[:] = (f + new_f) / 2
            count += 1
        fresh = stale = False


@jit
def _anneal(costs, a, b, relax, stages, ends, rough, tolerance, upto, limit, f, g, at, count, error, done, first, last):
    for k in range(first, last):
        while not done[k]:
            final = at[k] == ends[k]
            enough = tolerance if final else max(rough, tolerance)
            count[k], error[k], met = _advance(
                costs[k], a[k], b[k], relax, stages[k, at[k]], enough, upto, count[k], f[k], g[k]
            )
            if final:
                done[k] = met
            if final or (not met and upto < limit):
                break
            at[k] += 1


@jit
def _all_symmetric(costs, a, relax, epsilon, tolerance, upto, f, count, error, done, first, last):
    for k in range(first, last):
        if not done[k]:
            count[k], error[k], done[k] = _advance_symmetric(
                costs[k], a[k], relax[0], epsilon[k], tolerance, upto, count[k], f[k]
            )


class Stack(NamedTuple):
    """B small problems of one shape: costs (B, n, m), masses a (B, n) and b (B, m), and ``relax`` (2,), inf for a marginal met.

    Float64, C-contiguous. A point without mass changes nothing for the others, and its potential is left as it is.
    """

    costs: Floats
    a: Floats
    b: Floats
    relax: Floats


class Outcome(NamedTuple):
    """Potentials f (B, n) and g (B, m), iterations (B,), marginal errors (B,), and whether these meet the tolerance (B,)."""

    f: Floats
    g: Floats
    count: Indices
    error: Floats
    done: npt.NDArray[np.bool_]


def suits(shape: tuple[int, int]) -> bool:
    """Whether a problem of that shape is small."""
    return shape[0] * shape[1] <= PAIRS


def iterate(
    stack: Stack,
    stages: Floats,
    ends: Indices,
    rough: float,
    tolerance: float,
    limit: int,
    f: Floats,
    g: Floats,
    count: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Go through the epsilons ``stages`` (B, s) of every problem, that at ``ends`` (B,) the last, from f (B, n) and g (B, m) on.

    Before the last one a marginal error of ``rough`` is enough. ``limit`` bounds a problem's iterations, ``count`` those so far
    included.
    """
    out, at = _initial_outcome(f, g, count), np.zeros(len(f), np.int64)

    def kernel(upto: int, first: int, last: int) -> None:
        _anneal(*stack, stages, ends, rough, tolerance, upto, limit, out.f, out.g, at, *out[2:], first, last)

    _in_passes(out, limit, kernel, progress)
    return out


def iterate_symmetric(
    stack: Stack,
    epsilon: Floats,
    tolerance: float,
    limit: int,
    f: Floats,
    count: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """The same at ``epsilon`` (B,) for measures against themselves: ``f = g`` (B, n)."""
    out = _initial_outcome(f, f, count)

    def kernel(upto: int, first: int, last: int) -> None:
        costs, a, _, relax = stack
        _all_symmetric(costs, a, relax, epsilon, tolerance, upto, out.f, *out[2:], first, last)

    _in_passes(out, limit, kernel, progress)
    return out._replace(g=out.f)


def _initial_outcome(f: Floats, g: Floats, count: int) -> Outcome:
    size = len(f)
    return Outcome(f.copy(), g.copy(), np.full(size, count), np.full(size, np.inf), np.zeros(size, np.bool_))


def _in_passes(
    out: Outcome, limit: int, kernel: Callable[[int, int, int], None], progress: Callable[[str], None] | None
) -> None:
    """``kernel(upto, first, last)`` until all problems are done or at the limit; between calls an interrupt is heard."""
    (size, n), m = out.f.shape, out.g.shape[1]
    iteration = n * m // 4 + 12 * (n + m) + 1
    longest = int(min(max(_PATIENCE / iteration, _SHORTEST), _LONGEST))
    upto = int(out.count.min()) // longest * longest
    while not out.done.all() and upto < limit:
        upto = min(upto + longest, limit)
        over_rows(size, longest * iteration // 8, lambda s, t, upto=upto: kernel(upto, s, t))
        if progress is not None:
            progress(f"iteration {int(out.count.max())}, marginal error {float(out.error.max()):.2e}")
