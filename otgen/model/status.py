"""How a solve ended, and what to do about it."""

from __future__ import annotations

import enum


class Status(enum.Enum):
    """How a solve ended. ``remedy`` says in words what to do about it; the interval, where there is one, holds in any case.

    Attributes
    ----------
    OPTIMAL
        Exact, and proven to be: the gap is below 1e-10 of the cost's scale.
    CONVERGED
        Entropic or max-sliced, and the marginals, or the value's interval, meet the tolerance.
    BOUNDED
        The largest of many distances: the best one found, and no more than the upper end, which may be well above.
    IMPRECISE
        Exact, but rounding leaves a wider gap than OPTIMAL promises.
    SETTLED
        Exact, but stopped where the interval settled the question that was asked of it.
    MAX_ITER
        Stopped at the iteration limit, which raises unless ``throw=False``.
    INFEASIBLE
        Forbidden pairs leave no plan, which raises unless ``throw=False``.
    ESTIMATE
        An average over random projections, with a standard error in place of bounds.

    Examples
    --------
    >>> Status.OPTIMAL.remedy, Status.MAX_ITER.remedy.split("; ")[1]
    ('', 'raise max_iter, or loosen tol or raise epsilon')
    """

    OPTIMAL = "proven optimal: the gap is below 1e-10 of the cost's scale"
    CONVERGED = "the marginals, or the value's interval, meet the tolerance"
    BOUNDED = "the best direction found, with an upper end that holds for all of them"
    IMPRECISE = "solved, but rounding leaves a gap above 1e-10 of the cost's scale"
    SETTLED = "stopped as soon as the interval settled what was asked"
    MAX_ITER = "stopped at the iteration limit"
    INFEASIBLE = "no plan with these marginals avoids the forbidden pairs"
    ESTIMATE = "an average over random projections"

    @property
    def remedy(self) -> str:
        """What to do about it; empty where nothing needs doing."""
        return {
            Status.BOUNDED: "the interval holds all the same; in more than two dimensions none need be narrow, and n_starts, or exact=True for large "
            "clouds, may help",
            Status.IMPRECISE: "the interval holds all the same; centre or rescale the data for a narrower one",
            Status.SETTLED: "the interval holds; leave enough out for a value that is as good as proven",
            Status.MAX_ITER: "the interval holds all the same; raise max_iter, or loosen tol or raise epsilon",
            Status.INFEASIBLE: "allow more pairs, or move mass to where it can be served",
        }.get(self, "")
