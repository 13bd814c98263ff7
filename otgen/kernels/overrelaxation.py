"""What Sinkhorn's iteration does next, whoever computes its sweeps: stop, take a step back, and how far the next one goes.

Near the end, errors of plain sweeps fall by a factor theta each, and with ``omega = 2 / (1 + sqrt(1 - theta))`` by
``omega - 1`` (Young's theory of successive over-relaxation; for Sinkhorn: Thibault, Chizat, Dossal, Papadakis, "Overrelaxed
Sinkhorn-Knopp algorithm", 2017; Lehmann, von Renesse, Sambale, Uschmajew, "A note on overrelaxation in the Sinkhorn
algorithm", 2021).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .jit import jit

_WINDOW = 6  # sweeps, at least, over which a rate is taken
_LARGEST = 1.9999  # omega


DONE, STOPPED, TAKEN_BACK, TAKEN = 0, 1, 2, 3  # what is decided of a sweep


class Aim(NamedTuple):
    """What an iteration is to reach at one epsilon.

    Both marginal errors at most ``tolerance`` within ``limit`` iterations in all. ``slip``: relative fall of the dual value that rounding
    explains. ``patience``: sweeps without an error half as large after which it stops, 0 for never. ``overrelaxes``: whether steps may
    go further than their update.
    """

    tolerance: float
    limit: int
    slip: float
    patience: int
    overrelaxes: bool


class Pace(NamedTuple):
    """Where an iteration stands: over-relaxation, errors, dual value; iterations, errors listed at this over-relaxation, and when what was."""

    omega: float
    error: float
    column_error: float
    dual: float
    milestone: float
    count: int
    listed: int
    probing: int
    since: int


@jit
def started(count):
    """The pace of an iteration that begins after ``count`` others."""
    return Pace(1.0, math.inf, math.inf, -math.inf, math.inf, count, 0, 0, count)


@jit
def numbers(pace):
    """The same as a plain tuple. To return anything with a name numba calls Python, where Ctrl-C may be heard, and then ends in SystemError."""
    return (
        pace.omega, pace.error, pace.column_error, pace.dual, pace.milestone, pace.count, pace.listed, pace.probing, pace.since
    )  # fmt: skip


@jit
def first(count):
    """The numbers of the pace that an iteration begins at."""
    return numbers(started(count))


@jit
def next_of(pace, errors, probed, row_error, column_error, dual, epsilon, aim):
    """What becomes of a sweep, as `decided` says, and the numbers of the pace to go on with: for callers in Python."""
    verdict, now = decided(pace, errors, probed, row_error, column_error, dual, epsilon, aim)
    return verdict, numbers(now)


@jit
def probes(pace, aim):
    """Whether the next step is a plain one, which takes the overshoot out of an error that would be small enough without."""
    return pace.omega > 1.0 and pace.error * (2.0 - pace.omega) <= aim.tolerance and pace.count >= pace.probing


@jit
def decided(pace, errors, probed, row_error, column_error, dual, epsilon, aim):
    """What becomes of a sweep: its step is ``TAKEN`` or ``TAKEN_BACK``, or ends the iteration; and the pace to go on with.

    ``row_error`` is that of the potentials before the step, ``column_error`` and ``dual`` are of those after it. ``errors`` (k,) lists the
    row errors that a rate is taken of.
    """
    error = max(row_error, pace.column_error)
    milestone, since, count = pace.milestone, pace.since, pace.count
    if error < milestone / 2.0:
        milestone, since = error, count
    omega, listed, probing = pace.omega, pace.listed, pace.probing
    now = Pace(omega, error, pace.column_error, pace.dual, milestone, count, listed, probing, since)
    if row_error <= aim.tolerance and pace.column_error <= aim.tolerance:  # one may be NaN, beyond all floats
        return DONE, now
    hopeless = aim.patience > 0 and (count > since + aim.patience or not math.isfinite(dual))
    if count >= aim.limit or hopeless:
        return STOPPED, now
    count += 1
    if omega > 1.0 and not dual >= pace.dual - aim.slip * (abs(pace.dual) + epsilon):
        return TAKEN_BACK, Pace(1.0, error, pace.column_error, pace.dual, milestone, count, 0, probing, since)
    if probed:
        listed, probing = 0, count + window(omega)
    elif aim.overrelaxes:
        listed %= errors.shape[0]
        errors[listed] = row_error
        listed += 1
        before = omega
        omega = next_omega(errors, listed, omega)
        if omega != before:
            listed = 0
    return TAKEN, Pace(omega, error, column_error, dual, milestone, count, listed, probing, since)


@jit
def window(omega):
    """Over how many sweeps a rate is taken: large steps first raise the error, for about so long."""
    return max(_WINDOW, int(2.0 / (2.0 - omega)))


@jit
def next_omega(errors, count, omega):
    """The over-relaxation to go on with, from the ``count`` errors since it was last changed."""
    if omega == 1.0:
        if count < 3 or not 0 < errors[count - 1] < errors[count - 2] < errors[count - 3]:
            return omega
        rate, before = errors[count - 1] / errors[count - 2], errors[count - 2] / errors[count - 3]
        if rate < 0.3 or abs(rate - before) > 0.1 * (1.0 - rate):
            return omega
        return min(_LARGEST, 2.0 / (1.0 + math.sqrt(1.0 - rate)))
    span = window(omega)
    if count <= 2 * span or not errors[count - 1] > 0:
        return omega
    rate = (errors[count - 1] / errors[count - 1 - span]) ** (1.0 / span)
    if rate >= 1.0:  # as far as rounding lets it, or not yet near: either way no time for large steps
        return 1.0
    if omega - 1.0 >= 0.99 * rate:
        return omega
    theta = (rate + omega - 1.0) ** 2 / (omega**2 * rate)
    return min(_LARGEST, 2.0 / (1.0 + math.sqrt(1.0 - theta))) if theta < 1.0 else omega
