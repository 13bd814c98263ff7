"""Every statement of five sets of notes on transport and generative models, run: two sides, slack, verdict.

Each check compares what otgen computes with a computation that shares none of its functions; errata run as printed, where they
fail, and as corrected. ``otgen check`` on the command line; :func:`run` here.
"""

# The order is that of a reader, and of the report: sorting would change both.
from . import measures, duality, gans, game_failures, variational, vaes, wgans, penalised, rates, errata  # noqa: I001
from .check import CHECKS, Check, Sides, Outcome, Verdict, chosen, outcomes, run
from .duality import metric_axioms
from .errata import ERRATA, SLIPS, Slip

GROUPS = tuple(dict.fromkeys(check.group for check in CHECKS.values()))

__all__ = [
    "CHECKS",
    "ERRATA",
    "GROUPS",
    "SLIPS",
    "Check",
    "Outcome",
    "Sides",
    "Slip",
    "Verdict",
    "chosen",
    "metric_axioms",
    "outcomes",
    "run",
]

del measures, duality, gans, game_failures, variational, vaes, wgans, penalised, rates, errata
