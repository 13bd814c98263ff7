"""What plans and potentials of many small problems prove, of which all costs are listed: :mod:`otgen.proofs.dual`, compiled.

It reads costs and weights as posed, and numbers that somebody claims; it knows nothing of who does.
"""

from __future__ import annotations

import numpy as np

from ..inputs.types import Floats
from . import dual_margins
from .dense_stack import Claims, Layout
from .double_double import _dot, _total, marginal_misses
from .dual_margins import TOO_LARGE
from .jit import jit
from .lesser import lesser

_lower_margin, _excess, _upper_charge = map(
    jit, (dual_margins.lower_margin, dual_margins.excess, dual_margins.upper_charge)
)
NUMBERS = ("cost", "lower", "upper", "scale", "marginal_error", "mass_a", "mass_b")


@jit
def _clear_potentials(potentials):
    """Make 0 of what is no number that arithmetic can be done with."""
    for i in range(len(potentials)):
        if not abs(potentials[i]) < TOO_LARGE:
            potentials[i] = 0.0


@jit
def _is_plan(high, low):
    """Whether flows are numbers, and none is negative."""
    for k in range(len(high)):  # noqa: SIM110 - compiled
        if not (0.0 <= high[k] < TOO_LARGE and 0.0 <= high[k] + low[k] < TOO_LARGE):
            return False
    return True


@jit
def _row_minima(costs, f, out):
    """``g_j = min_i c_ij - f_i``: with f feasible for every pair."""
    for j in range(len(out)):
        out[j] = np.inf
    for i in range(costs.shape[0]):
        level = f[i]
        for j in range(np.uint64(costs.shape[1])):
            out[j] = lesser(costs[i, j] - level, out[j])


@jit
def _balance_potentials(a, b, f, g):
    """Shift a constant from one side to the other so that both contribute equally."""
    shift = (_dot(a, f) - _dot(b, g)) / 2
    for i in range(len(f)):
        f[i] -= shift
    for j in range(len(g)):
        g[j] += shift


@jit
def _range(costs):
    lowest = against = np.inf
    for i in range(costs.shape[0]):
        for j in range(np.uint64(costs.shape[1])):
            lowest, against = lesser(costs[i, j], lowest), lesser(-costs[i, j], against)
    return lowest, -against


@jit
def _plan_upper(costs, a, b, total_a, total_b, rows, columns, high, low, relative, absolute, lowest, spread):
    """What the plan costs, the charge for what it misses and for rounding, and the larger L1 error of its marginals."""
    paid = np.empty(len(rows))
    for k in range(len(rows)):
        paid[k] = costs[rows[k], columns[k]]
    cost = _dot(high, paid) + _dot(low, paid)
    off = (
        marginal_misses(rows, high, low, a, total_a[0], total_a[1]),
        marginal_misses(columns, high, low, b, total_b[0], total_b[1]),
    )
    missed = off[0] + off[1]
    more = _excess(_total(high)[0] + _total(low)[0], missed)
    largest = _make_absolute(paid)
    charge = _upper_charge(missed, spread, lowest, more, _dot(high, paid), largest, relative, absolute)
    return cost, charge, max(off[0], off[1])


@jit
def _make_absolute(values):
    """In place; the largest."""
    largest = 0.0
    for i in range(len(values)):
        values[i] = abs(values[i])
        largest = max(largest, values[i])
    return largest


@jit
def _shares_of(weights, total):
    out = np.empty(len(weights))
    for i in range(len(weights)):
        out[i] = weights[i] / total
    return out


@jit
def _outward(value, margin, sign):
    """A bound past its margin and the rounding of that; a margin of 0 means that it is exact."""
    return value if margin == 0 else np.nextafter(value + sign * margin, sign * np.inf)


@jit
def _prove(costs, a, b, rows, columns, high, low, relative, absolute, f, g, out):
    """One problem: potentials that are feasible, in place, and its :data:`NUMBERS`."""
    total_a, total_b = _total(a), _total(b)
    share_a, share_b = _shares_of(a, total_a[0]), _shares_of(b, total_b[0])
    _clear_potentials(f)
    _clear_potentials(g)
    _balance_potentials(share_a, share_b, f, g)
    _row_minima(costs, f, g)
    lowest, highest = _range(costs)
    spread = (highest - lowest) * (1 + 1e-9)
    value = _dot(share_a, f) + _dot(share_b, g)
    one, other = f.copy(), g.copy()
    largest_f, largest_g = _make_absolute(one), _make_absolute(other)
    size_f, size_g = _dot(share_a, one), _dot(share_b, other)
    lower = _outward(value, _lower_margin(size_f, size_g, largest_f, largest_g, relative, absolute), -1.0)
    lower = max(lower, 0.0) if lowest >= 0.0 else lower  # no plan costs less
    cost, charge, error = _plan_upper(
        costs, a, b, total_a, total_b, rows, columns, high, low, relative, absolute, lowest, spread
    )
    scale = max(max(abs(cost), size_f + size_g), 1e-7 * spread)
    cost = max(cost, lower)  # a plan that misses mass may cost less than any plan
    out[0], out[1], out[2], out[3], out[4] = cost, lower, _outward(cost, charge, 1.0), scale, error
    out[5], out[6] = total_a[0], total_b[0]
    if not _is_plan(high, low):
        out[0], out[2], out[3], out[4] = np.inf, np.inf, size_f + size_g, np.nan


@jit
def _prove_all(costs, a, b, indices, flows, f, g, counts, rounding, starts, out, first, last):
    for k in range(first, last):
        i, j, e = starts[k, 0], starts[k, 1], starts[k, 2]
        i_end, j_end, e_end = starts[k + 1, 0], starts[k + 1, 1], starts[k + 1, 2]
        one, other, entries = slice(i, i_end), slice(j, j_end), slice(i + j, i + j + counts[k])
        _prove(
            costs[e:e_end].reshape(i_end - i, j_end - j), a[one], b[other], indices[0, entries], indices[1, entries],
            flows[0, entries], flows[1, entries], rounding[k, 0], rounding[k, 1], f[one], g[other], out[k],
        )  # fmt: skip


def prove(
    costs: Floats, a: Floats, b: Floats, claims: Claims, rounding: Floats, where: Layout
) -> tuple[Floats, Floats, Floats]:
    """:data:`NUMBERS` of a stack, (B, 7), and potentials (N,), (M,) that are feasible for every pair.

    Costs (E,) are off by ``relative |c| + absolute``, both in ``rounding`` (B, 2); weights (N,), (M,) are divided by their totals.
    """
    indices, flows, f, g, counts = claims
    f, g, out = f.copy(), g.copy(), np.empty((len(where.starts) - 1, len(NUMBERS)))
    where.over(
        10, lambda s, t: _prove_all(costs, a, b, indices, flows, f, g, counts, rounding, where.starts, out, s, t)
    )
    return out, f, g
