"""A semidiscrete map: which point of the data each noise goes to, by a potential."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...inputs import arrays, scalars, sizes
from ...inputs.types import Floats
from ...model.cost import Metric
from ...model.measure import Measure
from ...underflow import may_underflow
from . import saved
from .held_out import HeldOut, judged
from .noise import Noise, Source
from .targets import Targets


@may_underflow
@dataclass(frozen=True, eq=False, repr=False)
class SemidiscreteMap:
    """A map from noise to the points of a data set: ``x`` goes to the ``j`` of least ``metric(x, y_j) ** p - potential_j``.

    Attributes
    ----------
    points : ndarray
        (N, d), float64.
    weights : ndarray
        (N,), of sum 1. A point without weight gets nothing: its potential is -inf.
    potential : ndarray
        (N,), in units of the cost, of mean 0 over the weights.
    metric, p
        The cost is ``metric ** p``.
    draws : int
        How much noise it was fitted on.
    check : HeldOut or None
        What held-out noise said when the fit ended; None where it was not asked, and once read from a file.

    Examples
    --------
    >>> import otgen
    >>> fitted = otgen.semidiscrete(lambda n, rng: rng.random((n, 1)), [0.25, 0.75], rng=0)
    >>> fitted.sample([0.1, 0.9, 0.4])
    array([0, 1, 0])
    """

    points: Floats
    weights: Floats
    potential: Floats
    metric: Metric
    p: float
    draws: int
    check: HeldOut | None = None

    @cached_property
    def _targets(self) -> Targets:
        return Targets.of(Measure(self.points, self.weights), self.metric, self.p)

    @cached_property
    def _live(self) -> Floats:
        """The potentials of the targets, in their order."""
        return self.potential[self._targets.where]

    def sample(self, noise: Any) -> Any:
        """The index of the point that each noise goes to.

        Parameters
        ----------
        noise : array_like
            (n, d), or (n,) on the line.

        Returns
        -------
        index : int64
            (n,), in the library and on the device of the noise; searched for on the host, in memory O(n d + N). Where several
            points are equally good it is always the same one of them.

        Raises
        ------
        InvalidInput
            On malformed noise.

        Examples
        --------
        >>> import otgen
        >>> otgen.semidiscrete("gaussian", [-1.0, 1.0], rng=0).sample([0.5, -2.0, 3.0])
        array([1, 0, 1])
        """
        sizes.same_dimension(sizes.dimension_of(noise), self.points.shape[1], ("noise", "the data"))
        x, origin = arrays.points(noise, "noise", allow_gpu=True)
        return origin.back(self._targets.where[self._targets.assigned(x.astype(np.float64, copy=False), self._live)[1]])

    def held_out(
        self,
        noise: Source = "gaussian",
        n: int | None = None,
        *,
        confidence: float = 0.95,
        support: Any = None,
        rng: Any = None,
    ) -> HeldOut:
        """What fresh noise says: between what the transport cost of the law lies, and how far from optimal the potential is at most.

        Parameters
        ----------
        noise : "gaussian" or callable
            As in :func:`otgen.semidiscrete`, and the same law.
        n : int, optional
            Draws, 30 at least: 16 a point unless said otherwise, 4096 at least. An exact transport problem of n points and the data is
            solved. The interval's width falls as ``n ** -0.5``, and what multinomial masses add to its upper end as ``N / n``.
        confidence : float
            In (0, 1).
        support : (low, high), optional
            A box, two numbers or two arrays (d,), that all noise lies in. With it bounds are guaranteed for every n; without it they
            are asymptotic. For normal noise there is none.
        rng : int, Generator, optional
            Seed or generator (SPEC 7); not that of the fit, whose noise has been seen.

        Returns
        -------
        HeldOut

        Raises
        ------
        InvalidInput
            On malformed options, and for noise outside of its support.

        Examples
        --------
        >>> import otgen
        >>> uniform = lambda n, rng: rng.random((n, 1))
        >>> fitted = otgen.semidiscrete(uniform, [0.25, 0.75], rng=0)
        >>> found = fitted.held_out(uniform, 10_000, support=(0.0, 1.0), rng=1)
        >>> bool(found.lower <= 1 / 48 <= found.upper)  # two cells of length 1/2
        True
        """
        size = sample_size(len(self._targets)) if n is None else scalars.count(n, "n")
        x = Noise(noise, self.points.shape[1]).draw(size, scalars.generator(rng))
        return judged(self._targets, self._live, x, confidence=confidence, support=support)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to an npz file of plain arrays, whole or not at all; :func:`otgen.load_semidiscrete` reads it.

        Raises
        ------
        InvalidInput
            For a callable metric.
        """
        held = {"points": self.points, "weights": self.weights, "potential": self.potential}
        saved.write(path, held, self.metric, self.p, self.draws)

    def __repr__(self) -> str:
        n, d = self.points.shape
        told = f"SemidiscreteMap({n} points in dimension {d}, p={self.p:g}, fitted on {self.draws} draws)"
        return told if self.check is None else f"{told}\n{self.check!r}"


def sample_size(targets: int) -> int:
    """Held-out draws for a number of targets: enough for multinomial masses to be near those of the law."""
    return max(4096, 16 * targets)


@may_underflow
def load_semidiscrete(path: str | os.PathLike[str]) -> SemidiscreteMap:
    """Read a map that :meth:`SemidiscreteMap.save` wrote.

    Raises
    ------
    InvalidInput
        For a file of another kind, or a damaged one.
    OSError
        If it cannot be read, of the kind that Python's own is, in words.

    Examples
    --------
    >>> import otgen, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "map.npz"
    >>> otgen.semidiscrete("gaussian", [[0.0, 1.0], [2.0, 0.0]], rng=0).save(path)
    >>> otgen.load_semidiscrete(path).sample([[0.0, 2.0]])
    array([0])
    """
    found = SemidiscreteMap(**saved.read(path))
    try:
        live = found._live  # refuses points, weights and metrics that do not go together
    except InvalidInput as fault:
        raise InvalidInput(
            f"{path} must hold a map; received points, weights or a metric that are none ({fault}); write it again with save"
        ) from None
    if not np.isfinite(live).all():
        raise InvalidInput(f"{path} must hold finite potentials; received others; write it again with save")
    return found
