"""``otgen distance``."""

from __future__ import annotations

from ...errors import require
from .app import (
    Columns,
    Epsilon,
    Json,
    Key,
    MaxIter,
    MetricName,
    MetricOption,
    Moved,
    Normalize,
    Order,
    PathA,
    PathB,
    Penalty,
    Quiet,
    Relax,
    Seed,
    SolverName,
    SolverOption,
    Splits,
    Tol,
    Weights,
    app,
    order,
    print_found,
    progress,
    strength,
)


@app.command(short_help="The distance between two sample sets, with its proof.")
def distance(
    a: PathA,
    b: PathB,
    p: Order = "2",
    metric: MetricOption = MetricName.euclidean,
    solver: SolverOption = SolverName.auto,
    epsilon: Epsilon = None,
    relax: Relax = None,
    tol: Tol = None,
    max_iter: MaxIter = None,
    columns: Columns = None,
    weights: Weights = None,
    key: Key = None,
    normalize: Normalize = False,
    penalty: Penalty = None,
    mass: Moved = None,
    splits: Splits = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The Wasserstein distance between two sample sets: its proven interval, and what chance alone gives."""
    power, blur = order(p), strength(epsilon)
    shown = not (quiet or as_json)
    with progress("loading", shown=shown) as tell:
        work, words = require("otgen.app.measuring"), require("otgen.app.shown")
        measure = work.Transport(
            solver.value, blur, relax, tol, max_iter, normalize, penalty, mass, power, metric.value
        )
        measure.check()
        tell("reading files")
        first, other = work.read_sets([a, b], columns, weights, key)
        tell("measuring")
        found = work.compare(measure, first, other, splits=splits, seed=seed)
    print_found(
        words.described(measure.name(found.result), found),
        words.to_dict(found),
        work.failure(found.result),
        as_json=as_json,
    )
