"""When Sinkhorn's iteration goes further than its update, and how far: decided from the errors so far.

Near the end, errors of plain sweeps fall by a factor theta each, and with ``omega = 2 / (1 + sqrt(1 - theta))`` by
``omega - 1`` (Young's theory of successive over-relaxation; for Sinkhorn: Thibault, Chizat, Dossal, Papadakis, "Overrelaxed
Sinkhorn-Knopp algorithm", 2017; Lehmann, von Renesse, Sambale, Uschmajew, "A note on overrelaxation in the Sinkhorn
algorithm", 2021).
"""

from __future__ import annotations

import math

from .jit import jit

_WINDOW = 6  # sweeps, at least, over which a rate is taken
_LARGEST = 1.9999  # omega


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
