"""How fast distances between samples approach those between laws, and what distances that is known of."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from ..inputs import scalars
from ..model.cost import NORMS, is_norm

NAMED = ("wasserstein", "sliced_wasserstein")


def known_order(distance: Any, options: dict[str, Any], remedy: str) -> tuple[str, float]:
    """The name and the order p of a distance under a norm, for which theory has rates; others are refused with a remedy.

    Examples
    --------
    >>> known_order("wasserstein", {"p": 1}, "pass rate=")
    ('wasserstein', 1.0)
    """
    if not isinstance(distance, str) or distance not in NAMED:
        raise InvalidInput(
            f"distance must be one of {', '.join(map(repr, NAMED))}, for which theory has a rate; received {scalars.told(distance)}; {remedy}"
        )
    metric = options.get("metric", "euclidean")
    if not is_norm(metric):
        raise InvalidInput(
            f"metric must be a norm ({', '.join(NORMS)} or otgen.Minkowski), for which theory has a rate; "
            f"received {scalars.told(metric)}; {remedy}"
        )
    return distance, scalars.finite_order(options.get("p", 2))


def worst_rate(name: str, p: float, d: int) -> tuple[float, str]:
    """The exponent r of Fournier and Guillin's ``n ** -r``, with which empirical measures approach their law at least, and where it is from.

    Their theorem 1 bounds the mean of ``W_p ** p`` by ``n ** (-1/2)`` where ``d < 2p``, times a logarithm where ``d = 2p``, and by ``n ** (-p/d)`` beyond.

    Examples
    --------
    >>> worst_rate("wasserstein", 2, 8)
    (0.125, 'n ** (-1/d), d = 8: Fournier and Guillin, 2015')
    """
    if name == "sliced_wasserstein":
        return 1 / (2 * p), "n ** (-1/(2p)), that of the line: Fournier and Guillin, 2015; Nadjahi et al., 2020"
    if d > 2 * p:
        return 1 / d, f"n ** (-1/d), d = {d}: Fournier and Guillin, 2015"
    log = " but for a logarithm" if d == 2 * p else ""
    return 1 / (2 * p), f"n ** (-1/(2p)), p = {p:g}{log}: Fournier and Guillin, 2015"
