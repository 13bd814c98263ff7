"""Tables as scikit-learn checks them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from ..errors import InvalidInput, words_of
from ..inputs import reading, scalars, tensors
from ..inputs.types import Floats


def table(estimator: BaseEstimator, X: Any, *, reset: bool, **options: Any) -> Floats:
    """What scikit-learn reads a table as, float64, by whose words malformed ones are refused; tensors are read by otgen, which knows all of their forms.

    Raises
    ------
    InvalidInput
        For tables of another width than the one that was fitted, tensors that are no plain numbers, and for what scikit-learn cannot read and has no words for.
    ValueError, TypeError
        As scikit-learn does.
    """
    shape = scalars.shape_said(X)
    fitted: int = getattr(estimator, "n_features_in_", 0)
    if not reset and isinstance(shape, tuple) and len(shape) == 2 and shape[1] != fitted:
        raise InvalidInput(
            f"X has {shape[1]} features, but {type(estimator).__name__} is expecting {fitted} features as input: X must have the columns "
            f"that it was fitted with; received shape {shape}; pass those columns"
        )
    plain: Any = reading.as_numpy(X, "X")[0] if tensors.is_tensor(X) else X
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # of a sum by which scikit-learn looks for NaN
            return cast(Any, validate_data(estimator, plain, dtype=np.float64, reset=reset, **options))
    except (OverflowError, RuntimeError) as fault:
        raise InvalidInput(
            f"X must be a table of numbers; received {scalars.told(X)}, of which scikit-learn says: {words_of(fault)}; convert it to a numpy array"
        ) from None
