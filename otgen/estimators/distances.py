"""Distances between clouds or histograms, for what takes them precomputed."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..distances.chosen import SEEDED, DistanceName
from ..distances.distance_options import ParamsByName
from ..distances.pairs.collection import both_collected, sequence
from ..distances.pairwise import named_pairs
from ..distances.splits import Measure
from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.types import Floats
from .collections import holds_objects, is_table
from .seeds import seed_of
from .validated import table

_NAMES = "X", "the fitted sets"


class PairwiseWasserstein(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Distances from each set to those of the collection that was fitted, or a kernel of them.

    What ``metric="precomputed"`` takes in scikit-learn's neighbours and clustering, and with ``kernel="exp"`` what ``SVC(kernel="precomputed")``
    does:

    .. math:: K(\alpha, \beta) = \exp(-\gamma\, W(\alpha, \beta)^2)

    Parameters
    ----------
    distance : str or callable
        As in :func:`otgen.pairwise`.
    distance_params : dict, optional
        Options of that distance: ``{"p": 1}``, ``{"epsilon": otgen.Relative(0.05)}``, ``{"normalize": True}``.
    support : array_like, optional
        (n, d) or (n,): the points that histograms share. Rows of X are then their weights.
    kernel : {"exp"}, optional
        None for distances.
    gamma : float or "median"
        Of the kernel; ``"median"`` is 1 over the median of ``W ** power`` over the pairs of the fitted collection that are apart, which are
        measured for it; 1 where no pair is.
    power : float
        The exponent of the distance in the kernel: 1 for a Sinkhorn divergence of p = 2, which is in squared units by itself.
    n_jobs : int, optional
        As in :func:`otgen.pairwise`.
    random_state : int, RandomState instance or None
        Of the directions of a sliced distance, which are the same for :meth:`fit` and :meth:`transform`; as in scikit-learn.

    Attributes
    ----------
    sets_ : sequence
        The collection that was fitted.
    gamma_ : float
        The factor of the kernel, where there is one.
    n_features_in_, feature_names_in_
        As in scikit-learn, where X was a table.

    Notes
    -----
    A collection is what :func:`otgen.pairwise` takes: a list of (n, d) arrays of any n, or of :class:`otgen.Measure` with their weights, an array
    (B, n, d), a folder. A table (B, n), a data frame or a sparse one holds one set a row: weights of the ``support``, or without it a cloud of n
    numbers on the line. As all of scikit-learn, what was fitted with n columns takes n columns.

    The kernel is positive definite on the line for ``p = 2``, and for the sliced distance of p = 2 in any dimension, with a power of at most 2; of
    other distances it need not be, and a support vector machine may then stop at a local optimum.

    References
    ----------
    Kolouri, Zou, Rohde, "Sliced Wasserstein kernels for probability distributions", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from otgen.estimators import PairwiseWasserstein
    >>> clouds = [np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0]])]
    >>> PairwiseWasserstein(distance_params={"p": 1}).fit(clouds).transform([np.array([[0.0, 0.0]])])
    array([[0.5, 5. ]])
    """

    @overload
    def __init__(
        self,
        distance: DistanceName = "wasserstein",
        *,
        distance_params: ParamsByName | None = None,
        support: Any = None,
        kernel: Literal["exp"] | None = None,
        gamma: float | Literal["median"] = "median",
        power: float = 2.0,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        distance: Measure,
        *,
        distance_params: dict[str, Any] | None = None,
        support: Any = None,
        kernel: Literal["exp"] | None = None,
        gamma: float | Literal["median"] = "median",
        power: float = 2.0,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None: ...

    def __init__(
        self,
        distance: DistanceName | Measure = "wasserstein",
        *,
        distance_params: Any = None,
        support: Any = None,
        kernel: Literal["exp"] | None = None,
        gamma: float | Literal["median"] = "median",
        power: float = 2.0,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.distance: DistanceName | Measure = distance
        self.distance_params: ParamsByName | dict[str, Any] | None = distance_params
        self.support = support
        self.kernel = kernel
        self.gamma = gamma
        self.power = power
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> PairwiseWasserstein:
        """Keep a collection, and find the kernel's factor where it is the median.

        Parameters
        ----------
        X : sequence or array_like
            B sets.
        y : Ignored
            There for pipelines.

        Returns
        -------
        PairwiseWasserstein
            Itself.

        Raises
        ------
        InvalidInput, MassMismatch
            As :func:`otgen.pairwise` does, with the number of the first set that is malformed; for options of the kernel that are none, and where
            the power of a median is no float.
        ValueError
            As scikit-learn does for a table that is empty or holds NaN.
        """
        self._start(X)
        if self._asks_for_median():
            self._scale(self._measured())
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Floats:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The distances, or the kernel, between all pairs of a collection: (B, B), each measured once."""
        self._start(X)
        distances = self._measured()
        if self._asks_for_median():
            self._scale(distances)
        return self._kernel(distances)

    def transform(self, X: Any) -> Floats:
        """Distances, or the kernel, from each set of X to each that was fitted: (C, B), float64; raises as :meth:`fit` does."""
        check_is_fitted(self)
        return self._kernel(self._measured(self._sets(X, reset=False)))

    @property
    def _n_features_out(self) -> int:
        return len(self.sets_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self.support is not None
        return tags

    def _start(self, X: Any) -> None:
        """What does not depend on any distance."""
        if self.kernel is not None:
            scalars.one_of(self.kernel, "kernel", ("exp",))
            scalars.positive(self.power, "power", "use 2 for a distance, 1 for a divergence")
            if not isinstance(self.gamma, str):
                self.gamma_ = scalars.positive(self.gamma, "gamma", "use a positive factor, or 'median'")
            else:
                scalars.one_of(self.gamma, "gamma", ("median",))
        self._seed = seed_of(self.random_state)
        self.sets_ = self._sets(X, reset=True)

    def _sets(self, X: Any, *, reset: bool) -> Any:
        """The rows of a table that scikit-learn has checked, or a collection of clouds; an error names the set that is malformed."""
        if is_table(X):
            sets = table(self, X, accept_sparse="csr", reset=reset)
        else:
            if reset:
                for name in ("n_features_in_", "feature_names_in_"):
                    self.__dict__.pop(name, None)
            sets = list(X) if holds_objects(X) else sequence(X, "X")
            if len(sets) == 0:
                raise InvalidInput("X must hold at least one set; received none; pass a list of clouds")
        fitted = None if reset else self.sets_
        both_collected(sets, fitted, None, None, self.support, _NAMES)
        return sets

    def _measured(self, sets: Any = None) -> Floats:
        """Distances of all pairs that were fitted, (B, B), or to them from other ``sets``, (C, B)."""
        options = scalars.named_options(self.distance_params)
        name = self.distance
        if isinstance(name, str) and name in SEEDED:
            options.setdefault("rng", self._seed)
        one, other = (self.sets_, None) if sets is None else (sets, self.sets_)
        try:
            return named_pairs(one, other, _NAMES, name, options, support=self.support, n_jobs=self.n_jobs)[0]
        except InvalidInput as fault:
            fault.add_note("options of the distance stand in distance_params")
            raise

    def _asks_for_median(self) -> bool:
        return self.kernel is not None and isinstance(self.gamma, str)

    def _scale(self, distances: Floats) -> None:
        """Gamma by the median over the pairs; 1 where there is no pair apart."""
        apart = self._powers(distances[np.triu_indices(len(distances), 1)])
        median = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
        if not 0 < 1 / median < np.inf:
            raise InvalidInput(
                f"X must hold sets whose distances have a power {self.power:g} within the range of floats; received a median of {median:g}; "
                f"divide all points by one number, or give gamma"
            )
        self.gamma_ = 1.0 / median

    def _kernel(self, distances: Floats) -> Floats:
        return distances if self.kernel is None else np.exp(-self.gamma_ * self._powers(distances))

    def _powers(self, distances: Floats) -> Floats:
        """Infinite beyond the range of floats: nothing is alike from there on."""
        with np.errstate(over="ignore"):
            return distances**self.power
