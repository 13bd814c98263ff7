"""W_p on the line by rational numbers, rooted with 60 digits."""

from fractions import Fraction

import mpmath


def line_truth(x, y, a, b, p):
    """W_p of points (n,), (m,) and weights, None where uniform; all as the floats that they are. Who has no weight is left out."""
    (xs, left), (ys, right) = (_sorted(*side) for side in ((x, a), (y, b)))
    i = j = 0
    steps, rest, wanted = [], left[0], right[0]
    while True:
        flow = min(rest, wanted)
        steps.append((flow, abs(xs[i] - ys[j])))
        rest, wanted = rest - flow, wanted - flow
        if not rest:
            i += 1
            if i == len(xs):
                break
            rest = left[i]
        if not wanted:
            j += 1
            wanted = right[j] if j < len(ys) else wanted
    largest = max(gap for flow, gap in steps if flow)
    if not largest:
        return mpmath.mpf(0)
    with mpmath.workdps(60):
        mean = mpmath.fsum(_real(flow) * _real(gap / largest) ** mpmath.mpf(p) for flow, gap in steps if flow)
        return _real(largest) * mean ** (1 / mpmath.mpf(p))


def _sorted(points, weights):
    pairs = sorted(zip(map(Fraction, map(float, points)), map(Fraction, map(float, weights or [1] * len(points)))))
    total = sum(w for _, w in pairs)
    return [z for z, w in pairs if w], [w / total for _, w in pairs if w]


def _real(fraction):
    return mpmath.mpf(fraction.numerator) / fraction.denominator
