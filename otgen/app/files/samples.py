"""A sample set as it was read: points, weights, and what its columns are called."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...inputs.types import Floats


@dataclass(frozen=True)
class Samples:
    """Points of one file.

    Attributes
    ----------
    name : str
        The file, as it was named.
    points : ndarray
        (n, d), or (n,) for an array file of one axis; integers stay integers.
    weights : ndarray or None
        (n,), or None for uniform ones.
    columns : tuple of str or None
        What the d coordinates are called; None where the file has no names.
    left_out : dict
        Columns that are no coordinates, and why: ``{"name": "text"}``.
    labels : tuple of str or None
        What the rows are called, by columns that are no coordinates.
    notes : tuple of str
        What was assumed about the file.
    size : int
        Bytes of the file.
    digest : str
        The first digits of the file's SHA-256.
    """

    name: str
    points: Floats
    weights: Floats | None = None
    columns: tuple[str, ...] | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    size: int = 0
    digest: str = ""

    @property
    def dim(self) -> int:
        """How many coordinates."""
        return 1 if self.points.ndim == 1 else self.points.shape[1]

    def __len__(self) -> int:
        return len(self.points)
