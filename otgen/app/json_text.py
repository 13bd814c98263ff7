"""JSON that every reader takes: it has no numbers that are infinite or none."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(found: Any, *, indent: int | None = None) -> str:
    """As JSON; inf, -inf and NaN as the texts ``"Infinity"``, ``"-Infinity"`` and ``"NaN"``, which ``float`` takes, and JavaScript's ``Number``.

    Examples
    --------
    >>> json_text({"lower": 1.5, "upper": math.inf})
    '{"lower": 1.5, "upper": "Infinity"}'
    """
    return json.dumps(_finite(found), indent=indent, allow_nan=False)


def _finite(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _finite(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [_finite(value) for value in found]
    if isinstance(found, float) and not math.isfinite(found):
        return "NaN" if math.isnan(found) else "Infinity" if found > 0 else "-Infinity"
    return found
