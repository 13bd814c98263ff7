"""Seeds as scikit-learn passes them around."""

from __future__ import annotations

from typing import Any

from sklearn.utils import check_random_state

from ..errors import InvalidInput
from ..inputs import scalars


def seed_of(random_state: Any) -> int:
    """A whole number below ``2 ** 31`` by scikit-learn's ``random_state``: None, a seed, or a RandomState, which moves on.

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> seed_of(0) == seed_of(0)
    True
    """
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except (TypeError, ValueError):
        raise InvalidInput(
            f"random_state must be None, a whole number in [0, 2**32), or a numpy RandomState; received {scalars.told(random_state)}; "
            f"pass a whole number, such as 0"
        ) from None
