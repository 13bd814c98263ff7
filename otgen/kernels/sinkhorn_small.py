"""Sinkhorn's iteration on problems so small that their exponentials are kept: many iterations a call, many problems at once.

``K_ij = exp((f0_i + g0_j - c_ij)/epsilon)`` is computed at some potentials f0, g0; from then on an iteration multiplies K by
``u = exp((f - f0)/epsilon)`` and ``v = exp((g - g0)/epsilon)`` and needs no exponential a pair. Where u, v or a sum leaves the
range in which lost terms cannot matter, K is computed again at the potentials reached. A sum that is out of range even there,
such as that of an outlier which is left where it is, is taken in logarithms, relative to the largest term; where u or v is, a whole
iteration is (Schmitzer, "Stabilized sparse scaling algorithms for entropy regularized transport problems", 2019, section 3.1). Where
a marginal is relaxed, the best constant moves from one potential to the other after each sweep, as :meth:`otgen.model.marginals.Marginals.best_shift` has it. What is decided, and when, is in :mod:`.overrelaxation`.
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
def _marginal_target(weight, potential, rho):
    return weight if rho == np.inf else weight * np.exp(-potential / rho)


@jit
def _dual_gain(potential, rho):
    return potential if rho == np.inf else -rho * np.expm1(-potential / rho)


@jit
def _is_in_range(scaling):
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
    for j in range(kernel.shape[1]):
        out[j] = 0.0
    for i in range(kernel.shape[0]):
        weight = w[i]
        for j in range(np.uint64(kernel.shape[1])):
            out[j] += weight * kernel[i, j]


class _Side(NamedTuple):
    """One side of an iteration: weights, strength of relaxation, and potential; where that is held, what it is scaled by since, and sums
    of the kernel; what comes next, the next scaling times the weights, and what is reached of the weights. Sums of those ``apart`` lie out of range even there.
    """

    weights: Floats
    rho: float
    potential: Floats
    origin: Floats
    scaling: Floats
    sums: Floats
    moved: Floats
    weighted: Floats
    reached: Floats
    apart: npt.NDArray[np.bool_]


@jit
def _new_side(weights, rho, potential):
    """A side that is still to be held somewhere."""
    n = len(weights)
    rows, apart = np.empty((6, n)), np.empty(n, np.bool_)
    return _Side(weights, rho, potential, rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], apart)


@jit
def _settle_at(side):
    """Hold a side where it stands now."""
    for i in range(side.weights.shape[0]):  # plainly: every assignment to a slice is compiled at length
        side.origin[i], side.scaling[i], side.weighted[i], side.apart[i] = (
            side.potential[i],
            1.0,
            side.weights[i],
            False,
        )


@jit
def _move_on(side):
    """Take the step."""
    for i in range(side.weights.shape[0]):
        side.potential[i] = side.moved[i]


@jit
def _sum_of_values(values):
    total = 0.0
    for i in range(values.shape[0]):
        total += values[i]
    return total


@jit
def _update_side(side, costs, turned, given, masses, epsilon, omega, after, held, fresh):
    """One side's next potentials, their scalings and these with the weights multiplied in, from the potentials ``given`` of the other.

    In logarithms where nothing is ``held``, and where a sum is out of range in a ``fresh`` kernel. Returns the marginal error, ``after``
    the update or before, the dual gain, the mass, and whether all was in range.
    """
    weights, potential, damping = side.weights, side.potential, _damping(side.rho, epsilon)
    plain = damping == 1.0 and omega == 1.0
    error = gain = mass = 0.0
    for i in range(weights.shape[0]):
        if weights[i] == 0.0:  # changes nothing for the others
            side.moved[i], side.weighted[i], side.reached[i] = potential[i], 0.0, 0.0
            continue
        within, logarithm = held and 1.0 / _SUMS < side.sums[i] < _SUMS, 0.0
        side.apart[i] |= fresh and not within
        if held and not within and not side.apart[i]:
            return 0.0, 0.0, 0.0, False
        if within:
            reached = side.sums[i] * side.scaling[i]
        else:
            logarithm = potential[i] / epsilon + _log_sum(costs, turned, i, given, masses, epsilon)
            reached = np.exp(logarithm)
        if within and plain:
            scaled = 1.0 / side.sums[i]
            moved = side.origin[i] + epsilon * math.log(scaled)
        elif logarithm == -np.inf:
            moved, scaled = potential[i], side.scaling[i]
        else:
            if within:
                logarithm = math.log(reached)
            moved = potential[i] + omega * ((damping - 1.0) * potential[i] - damping * epsilon * logarithm)
            scaled = np.exp((moved - side.origin[i]) / epsilon)
        if held and not _is_in_range(scaled):
            return 0.0, 0.0, 0.0, False
        if after:
            reached = side.sums[i] * scaled if within else np.exp(logarithm + (moved - potential[i]) / epsilon)
        error += abs(weights[i] * reached - _marginal_target(weights[i], moved if after else potential[i], side.rho))
        gain += weights[i] * _dual_gain(moved, side.rho)
        mass += weights[i] * reached
        side.moved[i], side.scaling[i], side.weighted[i], side.reached[i] = moved, scaled, weights[i] * scaled, reached
    return error, gain, mass, True


@jit
def _damping(rho, epsilon):
    return 1.0 if rho == np.inf else rho / (rho + epsilon)


@jit
def _log_sum(costs, turned, i, given, masses, epsilon):
    """``log sum_j w_j exp((g_j - c_ij) / epsilon)`` with the largest term taken out; ``turned`` asks for a column's."""
    top, total = -np.inf, 0.0
    for j in range(given.shape[0]):
        if masses[j] > 0:
            top = max(top, given[j] - (costs[j, i] if turned else costs[i, j]))
    if top == -np.inf:
        return top
    for j in range(given.shape[0]):
        if masses[j] > 0:
            term = given[j] - (costs[j, i] if turned else costs[i, j])
            total += masses[j] * math.exp((term - top) / epsilon)
    return top / epsilon + math.log(total)


@jit
def _relative(error, mass, size, free):
    """A marginal error relative to the larger total, or to the plan's mass where that is larger and free to be."""
    return error / (max(size, mass) if free else size)


@jit
def _sweep(costs, kernel, one, other, epsilon, omega, held, fresh):
    """A sweep from rows to columns: both errors, the gain of both, their masses, and whether scalings were in range."""
    if held:
        _kernel_product(kernel, other.weighted, one.sums)
    row_error, dual, row_mass, good = _update_side(
        one, costs, False, other.potential, other.weights, epsilon, omega, False, held, fresh
    )
    if not good:
        return 0.0, 0.0, 0.0, 0.0, 0.0, False
    if held:
        _transposed_product(kernel, one.weighted, other.sums)
    column_error, gain, mass, good = _update_side(
        other, costs, True, one.moved, one.weights, epsilon, omega, True, held, fresh
    )
    if min(one.rho, other.rho) < np.inf:
        _shift_best(one, other, dual, gain)
        dual, gain, column_error = _gain_of(one), _gain_of(other), _missed_by(other)
    return row_error, column_error, dual + gain, row_mass, mass, good


@jit
def _imbalance(side, gained):
    """``log sum_i w_i exp(-f_i / rho)`` of the next potential, accurate where that is nearly the total; ``gained`` is its dual gain."""
    total = _sum_of_values(side.weights)
    if side.rho == np.inf or total == 0.0:
        return np.log(total)
    share = -gained / (side.rho * total)
    if abs(share) < 0.5:
        return math.log(total) + math.log1p(share)
    left = 0.0
    for i in range(side.weights.shape[0]):
        left += _marginal_target(side.weights[i], side.moved[i], side.rho)
    return np.log(left)


@jit
def _shift_best(one, other, gained, gained_other):
    """Move the constant from one side's next potential to the other's that makes the dual value largest; nothing moves in the plan."""
    shift = (_imbalance(one, gained) - _imbalance(other, gained_other)) / (1.0 / one.rho + 1.0 / other.rho)
    if math.isfinite(shift):
        _shift(one, shift)
        _shift(other, -shift)


@jit
def _shift(side, by):
    """Add a constant to the next potential, and to where the kernel is held: scalings stay what they are."""
    for i in range(side.weights.shape[0]):
        if side.weights[i] > 0.0:
            side.moved[i] += by
            side.origin[i] += by


@jit
def _gain_of(side):
    """What the next potential adds to the dual value."""
    gain = 0.0
    for i in range(side.weights.shape[0]):
        gain += side.weights[i] * _dual_gain(side.moved[i], side.rho)
    return gain


@jit
def _missed_by(side):
    """By how much what is reached misses what the next potential asks for, in L1."""
    error = 0.0
    for i in range(side.weights.shape[0]):
        target = _marginal_target(side.weights[i], side.moved[i], side.rho)
        error += abs(side.weights[i] * side.reached[i] - target)
    return error


@jit
def _advance(costs, a, b, relax, epsilon, tolerance, limit, count, f, g):
    """Iterate at one epsilon from f (n,) and g (m,), in place; returns the count of iterations, the error, and if it is met."""
    kernel, one, other = np.empty(costs.shape), _new_side(a, relax[0], f), _new_side(b, relax[1], g)
    errors = np.empty(max(min(limit - count, _REMEMBERED), 0) + 1)
    mass_a, mass_b = _sum_of_values(a), _sum_of_values(b)
    size, whole, free = max(mass_a, mass_b), mass_a * mass_b, min(relax[0], relax[1]) < np.inf
    aim, pace = Aim(tolerance, limit, 1e-12, 0, True), started(count)
    fresh = held = True
    while True:
        if fresh:
            _settle_at(one)
            _settle_at(other)
            exponentials_of(costs, f, g, epsilon, kernel)
        probe = probes(pace, aim)
        step = 1.0 if probe else pace.omega
        row_error, column_error, dual, row_mass, mass, good = _sweep(
            costs, kernel, one, other, epsilon, step, held, fresh
        )
        if not good:  # hold the kernel where we are; if that was done, do one sweep without
            fresh = held = not fresh
            continue
        dual -= epsilon * (mass - whole)
        row_error, column_error = _relative(row_error, row_mass, size, free), _relative(column_error, mass, size, free)
        verdict, pace = decided(pace, errors, probe, row_error, column_error, dual, epsilon, aim)
        if verdict in (DONE, STOPPED):
            return pace.count, pace.error, verdict == DONE
        fresh, held = not held or verdict == TAKEN_BACK, True
        if verdict != TAKEN_BACK:
            _move_on(one)
            _move_on(other)


@jit
def _advance_symmetric(costs, a, rho, epsilon, tolerance, limit, count, f):
    """The same for one measure against itself, f = g, each step two thirds of the way."""
    kernel, side, size, free = np.empty(costs.shape), _new_side(a, rho, f), _sum_of_values(a), rho < np.inf
    fresh = held = True
    while True:
        if fresh:
            _settle_at(side)
            exponentials_of(costs, f, f, epsilon, kernel)
        if held:
            _kernel_product(kernel, side.weighted, side.sums)
        row_error, _, mass, good = _update_side(side, costs, False, f, a, epsilon, 2 / 3, False, held, fresh)
        if not good:
            fresh = held = not fresh
            continue
        error = _relative(row_error, mass, size, free)
        if error <= tolerance or count >= limit:
            return count, error, error <= tolerance
        count += 1
        _move_on(side)
        fresh, held = not held, True


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
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """The same at ``epsilon`` (B,) for measures against themselves: ``f = g`` (B, n)."""
    out = _initial_outcome(f, f, 0)

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
