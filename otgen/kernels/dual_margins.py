"""What rounding and missed marginals may come to in a proof by duality; derived in :mod:`otgen.proofs.dual`, for numbers, arrays and compiled code."""

from __future__ import annotations

from .double_double import UNIT

TOO_LARGE = 1e140  # of potentials and flows where costs are about 1: products would lose their errors
# More than 2**30 operations lose, with numbers up to 1, where these run out of exponents; nothing, of zeros. Itself it has all its digits, so
# that nobody's numpy raises.
_TINY = 2.0**-1020


def lower_margin(size_f, size_g, largest_f, largest_g, relative, absolute):
    """By how much the dual value may be off: of potentials of sizes ``a.|f|`` and ``b.|g|`` and costs off by ``relative |c| + absolute``."""
    slack = (UNIT + relative) * size_g + relative * largest_f + absolute
    largest = largest_f + largest_g
    return 1.01 * slack + 6 * UNIT * (size_f + size_g) + _TINY * ((largest > 0) + largest)


def excess(total, missed):
    """By how much more mass than 1 a plan may move, of a ``total``, whose marginals miss by ``missed`` in L1."""
    return min(abs(total - 1.0) + 2 * UNIT, missed) if missed > 0 else 0.0


def upper_charge(missed, repair, lowest, more, size, largest, relative, absolute):
    """By how much a plan may fall short of one that is feasible, of a cost of about ``size`` and pairs of at most ``largest``.

    ``repair`` is what a unit of missed mass costs.
    """
    charge = missed * repair + abs(lowest) * more + (relative + 4 * UNIT) * size + absolute
    return 1.01 * charge + _TINY * ((largest > 0) + largest)
