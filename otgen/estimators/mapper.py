"""A map from one sample to another, for scikit-learn's pipelines."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..distances.entropic import sinkhorn
from ..distances.exact import wasserstein
from ..distances.result import Result
from ..errors import InvalidInput
from ..inputs import arrays, scalars, sizes, tables
from ..inputs.reading import refuse_bytes
from ..inputs.types import Floats
from ..model.cost import COSTS, Circular, Metric, is_norm, point_cost
from ..model.cost.metrics import entry_of
from ..model.problem import Relative
from ..model.units import stretched
from ..solvers import ExactName, Sinkhorn, Solver
from . import references
from .seeds import seed_of
from .validated import table

Extension = Literal["image", "displacement"]


class OTMapper(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Map a sample onto another one by the means of an optimal plan's rows, and new points along with it.

    .. math:: T(x_i) = \sum_j P_{ij}\, y_j \Big/ \sum_j P_{ij}

    Domain adaptation, colour transfer and alignment of batches take a source and a target, ``OTMapper().fit(X, Y)``. Multivariate ranks
    take a law instead, ``OTMapper(target="uniform").fit(X)``.

    Parameters
    ----------
    target : array_like, {"uniform", "normal"}, optional
        What X is mapped to. None: the second argument of :meth:`fit`. An array (m, d) that is given here leaves that argument to the labels
        that pipelines hand to every step; it is then ignored. A name: points of the uniform law on the unit cube, or of the standard
        normal one.
    epsilon : float or Relative
        0 for an exact plan; else the strength of the entropic term, in cost units or relative to the mean cost.
    p : float
        Order of the cost ``metric ** p``.
    metric : str, Minkowski or callable
        As in :func:`otgen.wasserstein`; neither ``"great_circle"`` nor :class:`otgen.Circular`, where means of coordinates are no means.
    extension : {"image", "displacement"}
        How an exact plan maps a point that is no source. ``"image"``: where the nearest source goes. ``"displacement"``: as far, and in the
        direction, as the nearest source is moved. Entropic plans map all points by their potential.
    solver : str or solver object, optional
        As in :func:`otgen.wasserstein`, or with an epsilon as in :func:`otgen.sinkhorn`.
    n_reference : int
        How many points a named target has.
    random_state : int, RandomState instance or None
        Of the points of a named target; as in scikit-learn.

    Attributes
    ----------
    result_ : Result
        The plan that was found, with its distance and its proof.
    target_ : ndarray
        (m, d): the points that X was mapped to.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    With an epsilon the map is the conditional mean of the plan, for any x as for the sources:

    .. math:: T_\varepsilon(x) = \frac{\sum_j b_j\, y_j\, e^{(g_j - c(x, y_j)) / \varepsilon}}{\sum_j b_j\, e^{(g_j - c(x, y_j)) / \varepsilon}}

    the estimator of Pooladian and Niles-Weed. It is smooth, and blurred: images are drawn towards the mean of Y, by more the larger epsilon
    is. An exact plan gives the nearest neighbour estimator of Manole et al., whose rate for smooth maps they prove; moving by the
    displacement is the out-of-sample rule of Ferradans et al., which keeps the detail of new points. Potentials of an exact plan
    are no third way: a solver ends at a vertex of the dual, where most sources have several targets at the same least price, so that they do
    not tell where a source goes.

    References
    ----------
    Pooladian and Niles-Weed, "Entropic estimation of optimal transport maps", 2021; Manole, Balakrishnan, Niles-Weed, Wasserman, "Plugin
    estimation of smooth optimal transport maps", 2024, section 4; Ferradans, Papadakis, Peyre, Aujol, "Regularized discrete optimal transport",
    2014; ranks: Ghosal and Sen, "Multivariate ranks and quantiles using optimal transport", 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from otgen.estimators import OTMapper
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> mapper = OTMapper(extension="displacement").fit(x, x + [3.0, 4.0])
    >>> mapper.transform([[0.5, 0.5]])
    array([[3.5, 4.5]])
    >>> mapper.result_.value
    5.0
    """

    def __init__(
        self,
        target: Any = None,
        *,
        epsilon: float | Relative = 0.0,
        p: float = 2,
        metric: Metric = "euclidean",
        extension: Extension = "image",
        solver: ExactName | Sinkhorn | Solver | Literal["sinkhorn"] | None = None,
        n_reference: int = 1000,
        random_state: Any = None,
    ) -> None:
        self.target: Any = target
        self.epsilon = epsilon
        self.p = p
        self.metric: Any = metric
        self.extension = extension
        self.solver = solver
        self.n_reference = n_reference
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, target_weight: Any = None) -> OTMapper:
        """Find the plan from X to the target.

        Parameters
        ----------
        X : array_like
            (n, d), the source.
        y : array_like, optional
            (m, d), the target, unless it was given when this was made; then it is ignored.
        sample_weight, target_weight : array_like, optional
            (n,) and (m,), non-negative; each is divided by its sum. Points without weight take no part.

        Returns
        -------
        OTMapper
            Itself.

        Raises
        ------
        InvalidInput
            Without a target, or with one of another number of coordinates or other columns, and for malformed weights and options.
        NotConverged
            As the solver does.
        TooLarge
            Where X would not fit in memory.
        ValueError
            As scikit-learn does for an X that is empty or not finite.
        """
        self._check_options()
        self._refuse_sizes(X, y, sample_weight, target_weight)
        tables.weighed_rows(X, sample_weight, ("X", "sample_weight"))
        tables.weighed_rows(y if self.target is None else self.target, target_weight, ("the target", "target_weight"))
        points = self._points(X)
        others = self._target_points(y, X, points.shape[1])
        self._check_directions(others, "Y" if self.target is None else "target")
        source, a = _with_mass(points, sample_weight, ("sample_weight", "the rows of X"))
        self.target_, b = _with_mass(others, target_weight, ("target_weight", "the points of the target"))
        self.result_ = self._solved(source, self.target_, a, b)
        if self.result_.epsilon:
            self._heights = self.result_.potentials[1] + self.result_.epsilon * np.log(b)
        else:
            images = self.result_.plan.barycenters(self.target_)
            served = ~np.isnan(images).any(axis=1)  # the faintest weights are nothing beside the others
            self._source, self._images = _merged(source[served], images[served], a[served])
        return self

    def transform(self, X: Any) -> Floats:
        """Where points go: (n, d) to (n, d), float64; raises as :meth:`fit` does."""
        check_is_fitted(self)
        points = self._points(X, reset=False)
        return self._by_potential(points) if self.result_.epsilon else self._by_nearest(points)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.target is None
        return tags

    def _points(self, X: Any, *, reset: bool = True) -> Floats:
        """(n, d), checked by scikit-learn, once they are known to fit in memory: it reads all of them."""
        shape = scalars.shape_said(X)
        if isinstance(shape, tuple):
            refuse_bytes(8 * math.prod(shape), shape, "X")
        points = table(self, X, reset=reset)
        self._check_directions(points, "X")
        return points

    def _check_directions(self, points: Floats, name: str) -> None:
        """Raise for points that have no place under a metric with a name."""
        if isinstance(self.metric, str):
            entry_of(self.metric).check(points, name)

    def _refuse_sizes(self, X: Any, y: Any, a: Any, b: Any) -> None:
        """Raise for points and weights of sizes that do not belong together: scikit-learn reads them first."""
        sizes.as_many(a, X, "sample_weight", "the rows of X")
        target, name = (y, "Y") if self.target is None else (self.target, "target")
        if isinstance(target, str) or target is None:
            return
        sizes.as_many(b, target, "target_weight", "the points of the target")
        sizes.same_dimension(sizes.dimension_of(X), sizes.dimension_of(target), ("X", name))

    def _check_options(self) -> None:
        scalars.one_of(self.extension, "extension", ("image", "displacement"))
        if self.extension != "image" and self.epsilon != 0:
            raise InvalidInput(
                f"extension must be left out beside an epsilon, where the potential maps all points; received {scalars.told(self.extension)}; "
                f"pass epsilon=0 for an exact plan"
            )
        named = isinstance(self.metric, str | Circular) and self.metric not in COSTS
        if named and not is_norm(self.metric):
            raise InvalidInput(
                f"metric must be one under which the mean of coordinates is a mean of points; received {scalars.told(self.metric)}; map points of the plane "
                f"or of space, such as (cos, sin) of an angle"
            )

    def _target_points(self, given: Any, source: Any, dim: int) -> Floats:
        """The points (m, d) that ``source`` is to be mapped to."""
        if isinstance(self.target, str):
            scalars.one_of(self.target, "target", references.NAMES)
            size = scalars.count(self.n_reference, "n_reference")
            return references.reference_sample(self.target, size, dim, seed_of(self.random_state))
        target, name = (given, "Y") if self.target is None else (self.target, "target")
        if target is None:
            raise InvalidInput(
                "Y must be given: the sample that X is mapped to; received None; call fit(X, Y), or make OTMapper(target=Y), "
                "or OTMapper(target='uniform') for ranks"
            )
        tables.same_columns(source, target, ("X", name))
        points = arrays.points(target, name)[0].astype(np.float64, copy=False)
        sizes.same_dimension(dim, points.shape[1], ("X", name))
        return points

    def _solved(self, x: Floats, y: Floats, a: Floats, b: Floats) -> Result:
        options: dict[str, Any] = dict(p=self.p, metric=self.metric, normalize=True)
        if not isinstance(self.epsilon, Relative) and scalars.real(self.epsilon, "epsilon") == 0:
            options["solver"] = "auto" if self.solver is None else self.solver
            return wasserstein(x, y, a, b, **options)
        options["solver"] = self.solver
        return sinkhorn(x, y, a, b, epsilon=self.epsilon, **options)

    def _by_potential(self, points: Floats) -> Floats:
        """The conditional mean of the entropic plan; its softmin in x first, so that no exponential overflows."""
        cost = point_cost(points, self.target_, self.metric, self.p).scaled()
        power = -cost.scale.exponent * self.p
        heights, epsilon = stretched(self._heights, power), float(stretched(self.result_.epsilon, power))
        if epsilon == 0:
            raise InvalidInput(
                f"X must hold points whose costs are comparable with epsilon; received {float(np.abs(points).max()):.3g} as a coordinate, beside "
                f"epsilon={self.result_.epsilon:.3g}; leave out points that lie far from all others"
            )
        f = cost.softmin(heights, epsilon)
        carried = np.column_stack([self.target_, np.ones(len(self.target_))])
        sums = cost.gibbs(f, heights, epsilon, carried)
        return sums[:, :-1] / sums[:, -1:]

    def _by_nearest(self, points: Floats) -> Floats:
        """The image of the nearest source under the metric, or its displacement."""
        nearest = point_cost(points, self._source, self.metric, 1).scaled().ctransform(np.zeros(len(self._source)))[1]
        images = self._images[nearest]
        return images if self.extension == "image" else points + (images - self._source[nearest])


def _with_mass(points: Floats, weights: Any, names: tuple[str, str]) -> tuple[Floats, Floats]:
    """The points that carry mass, (k, d), and their weights as received, (k,)."""
    found = arrays.weights(weights, len(points), *names)[0]
    kept = found > 0
    return points[kept], found[kept]


def _merged(points: Floats, images: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Each place once, (k, d), with the mean image (k, d) of the points that lie there."""
    places, at = np.unique(points, axis=0, return_inverse=True)
    if len(places) == len(points):
        return points, images
    at, sums = at.reshape(-1), np.zeros(places.shape)
    shares = weights / np.bincount(at, weights)[at]
    np.add.at(sums, at, shares[:, None] * images)
    return places, sums
