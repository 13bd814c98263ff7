"""scikit-learn's own suite, no check of which is expected to fail."""

from __future__ import annotations

import numpy as np
import pytest

import otgen

pytest.importorskip("sklearn", reason="otgen.estimators needs scikit-learn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from otgen.estimators import OTMapper, PairwiseWasserstein

pytestmark = pytest.mark.no_cover  # what it runs is traced beside


def apart(x, y, a, b):
    """A distance that costs next to nothing, so that the suite is about the estimator."""
    return float(np.abs(np.mean(x) - np.mean(y)))


@parametrize_with_checks(
    [
        OTMapper("uniform", n_reference=100),
        OTMapper("uniform", n_reference=60, extension="displacement", p=1, metric="cityblock"),
        OTMapper("normal", n_reference=60, epsilon=otgen.Relative(0.1)),
        PairwiseWasserstein(),
        PairwiseWasserstein(apart, kernel="exp"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
