"""Under a metric, mass that both sides hold at one place stays there; only the rest is a problem of transport.

By the triangle inequality a plan that sends mass from x to z and other mass from z to y costs no less than one that sends it from x to y and
leaves that at z where it is. So what both sides have in common is taken off before solving, and put back into the plan.

The potentials of what is left extend to all points. With g those of the remaining targets, ``phi(z) = min_j d(z, y_j) - g_j`` differs between
two points by no more than their distance (a minimum of functions that do not: McShane, "Extension of range of functions", Bull. AMS 40,
1934). So ``f_i = phi(x_i)`` and ``g_j = -phi(y_j)`` are feasible for every pair and add up to 0 where points coincide; where mass moves they are
the potentials that they extend, which an arc of the optimal tree makes tight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inputs.types import Floats, Indices
from ..kernels.double_double import Pairs, add_up
from ..kernels.duplicates import common_places
from ..model.cost import CloudCost, Cost

_SAME = 2.0**-95  # two masses nearer to each other than this are one in pairs of doubles


class Masses(NamedTuple):
    """What places carry, (k,): in whole units, and as received in pairs of doubles."""

    whole: Indices
    real: Pairs

    def at(self, places: Indices) -> Masses:
        """What some of them carry."""
        return Masses(self.whole[places], (self.real[0][places], self.real[1][places]))

    def less(self, places: Indices, staying: Masses) -> Masses:
        """What is left once ``staying`` is taken off, place by place."""
        whole, real = self.whole.copy(), (self.real[0].copy(), self.real[1].copy())
        whole[places] -= staying.whole
        add_up(places, -staying.real[0], -staying.real[1], *real)
        return Masses(whole, real)


class CommonMass(NamedTuple):
    """Mass that stays, ``flow`` (k,) at ``rows`` and ``columns`` that coincide; ``sources`` and ``targets`` are the places with mass ``left``."""

    rows: Indices
    columns: Indices
    flow: Pairs
    sources: Indices
    targets: Indices
    left: tuple[Masses, Masses]


def common_mass(cost: Cost, a: Masses, b: Masses) -> CommonMass:
    """What stays of masses (n,) and (m,) under a cost; nothing does where that is no metric."""
    none = np.empty(0, np.int64)
    rows, columns = common_places(cost.clouds.x, cost.clouds.y) if cost.is_metric else (none, none)
    one, other = a.at(rows), b.at(columns)
    rest = np.abs((one.real[0] - other.real[0]) + (one.real[1] - other.real[1]))
    # what is left but less than a unit would be lost: such places keep all their mass
    told = np.flatnonzero((one.whole != other.whole) | (rest < _SAME))
    rows, columns, staying = rows[told], columns[told], _lesser_masses(one.at(told), other.at(told))
    a, b = a.less(rows, staying), b.less(columns, staying)
    sources, targets = np.flatnonzero(a.whole), np.flatnonzero(b.whole)
    return CommonMass(rows, columns, staying.real, sources, targets, (a.at(sources), b.at(targets)))


def _lesser_masses(one: Masses, other: Masses) -> Masses:
    """The lesser of two masses, place by place."""
    (high, low), (more_high, more_low) = one.real, other.real
    less = (high < more_high) | ((high == more_high) & (low < more_low))
    real = np.where(less, high, more_high), np.where(less, low, more_low)
    return Masses(np.minimum(one.whole, other.whole), real)


def extended(cost: CloudCost, f: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Potentials (n,), (m,) of a metric for all pairs, from those that are optimal where mass moves; -inf stands where none does.

    ``phi`` is cut off at its extremes where mass moves: it still differs by no more than the distance, and small numbers lose less.
    """
    moving, reached = np.isfinite(f), np.isfinite(g)
    if not reached.any() or not moving.any():
        return np.zeros(len(f)), np.zeros(len(g))
    y, low, high = cost.y[reached], -float(g[reached].max()), float(f[moving].max())

    def phi(points: Floats) -> Floats:
        if not len(points):
            return np.empty(0)
        return np.clip(cost.between(points, y).ctransform(g[reached])[0], low, max(low, high))

    f, whole = f.copy(), g.copy()
    f[~moving], whole[~reached] = phi(cost.x[~moving]), -phi(cost.y[~reached])
    return f, whole
