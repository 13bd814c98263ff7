r"""Vector quantisation: the nearest code, a gradient straight through it, and what pulls codes and encodings together.

Van den Oord, Vinyals, Kavukcuoglu, "Neural discrete representation learning", 2017, equation (3); "Deep Generative Models,
Lecture 6", vector quantisation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...inputs import scalars
from .._modes import holds
from ._inputs import alike, tensors

_HELD = 2**22  # distances that are held at once
_FAINT, _FAR = 1e-18, 1e18  # distances between which squares in single precision have all their digits


class Quantised(NamedTuple):
    """Codes (..., L) nearest to encodings, with the gradient that goes straight to the encodings; the codes; their numbers (...)."""

    through: Tensor
    codes: Tensor
    numbers: Tensor


def quantise(z: Tensor, codebook: Tensor) -> Quantised:
    """The nearest of K codes (K, L) for encodings (..., L); ties go to the first. Halves are compared in float32.

    ``through`` equals ``codes`` to the last bit, but its derivative in z is the identity and it has none in the codebook; ``codes``
    has one in the codebook and none in z. No (..., K, L) array is held.

    Raises
    ------
    InvalidInput
        If the lengths of encodings and codes differ, or there are none; and for NaN and infinity, where values can be seen. Under ``torch.compile`` and
        transforms they cannot: there ``through`` is NaN wherever an encoding is not finite, and so are losses of it, whatever its number.

    Examples
    --------
    >>> quantise(torch.tensor([[0.9], [0.2]]), torch.tensor([[0.0], [1.0]])).numbers
    tensor([1, 0])
    """
    near, book = tensors(z=z, codebook=codebook)
    if near.ndim == 0 or book.ndim != 2 or near.shape[-1] != book.shape[1]:
        raise InvalidInput(
            f"codebook must be (K, L) for encodings (..., L); received {tuple(codebook.shape)} and {tuple(z.shape)}; "
            f"give codes the length of encodings"
        )
    index = _nearest(near.detach().flatten(0, -2) if near.ndim > 1 else near.detach()[None], book.detach())
    if index is None:
        raise _without_nearest(near, book)
    codes = codebook[index].reshape(z.shape)
    z = near if z.dtype == torch.bool else z  # which has no difference
    straight = codes.detach() + (z - z.detach())  # the last term is 0: no bit of the codes is lost to the size of z
    return Quantised(straight, codes, index.reshape(z.shape[:-1]))


def _nearest(z: Tensor, codebook: Tensor) -> Tensor | None:
    """Numbers (k,) of the codes nearest to encodings (k, L), by differences: products would confuse codes that are close.

    None where an encoding is known to have no nearest code.
    """
    dtype = torch.promote_types(z.dtype, codebook.dtype)
    book = codebook.to(dtype)
    step = max(1, _HELD // len(book))
    found: list[Tensor] = []
    for part in z.to(dtype).split(step):
        if (index := _searched(part, book)) is None:
            return None
        found.append(index)
    return torch.cat(found)


def _searched(z: Tensor, book: Tensor) -> Tensor | None:
    """The same for a few; in double precision where squares leave the range of single precision, so that codes look equally near."""
    distances, index = torch.cdist(z, book, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    if z.dtype is torch.float64:
        return index if holds(distances.isfinite()) else None
    known = (distances > _FAINT) & (distances < _FAR)
    if holds(known):
        return index
    rest = _searched(z[~known].double(), book.double())
    return None if rest is None else index.masked_scatter(~known, rest)


def _without_nearest(z: Tensor, codebook: Tensor) -> InvalidInput:
    """What is wrong with encodings (..., L) and codes (K, L) whose distances are no floats."""
    for name, rows in (("z", z), ("codebook", codebook)):
        bad = (~rows.isfinite().all(-1)).nonzero()
        if len(bad):
            place = f"{name}{bad[0].tolist()}" if rows.ndim > 1 else name
            return InvalidInput(
                f"{name} must be finite; received NaN or infinity in {place}; lower the learning rate, or leave it out"
            )
    return InvalidInput(
        "z and codebook must have distances that are floats; received larger ones; divide both by one number"
    )


def codebook_loss(z: Tensor, codes: Tensor) -> Tensor:
    """``mean |sg(z) - e|^2`` of encodings and codes (..., L), the same shape: moves codes to encodings."""
    z, codes = alike(z=z, codes=codes)
    return _mean_square(z.detach() - codes)


def commitment_loss(z: Tensor, codes: Tensor) -> Tensor:
    """``mean |z - sg(e)|^2`` of encodings and codes (..., L), the same shape: keeps encodings at their codes."""
    z, codes = alike(z=z, codes=codes)
    return _mean_square(z - codes.detach())


def _mean_square(difference: Tensor) -> Tensor:
    return torch.atleast_1d(difference).square().sum(-1).mean()


def vqvae_loss(log_likelihood: Tensor, z: Tensor, codes: Tensor, commitment: float = 0.25) -> Tensor:
    """``-mean log p(x|z_q)`` plus codebook and commitment losses."""
    (log_likelihood,) = tensors(log_likelihood=log_likelihood)
    weight = scalars.positive(commitment, "commitment", "0.25 is usual")
    return codebook_loss(z, codes) + weight * commitment_loss(z, codes) - log_likelihood.mean()


def elbo(log_likelihood: Tensor, codes: int, positions: int = 1) -> Tensor:
    """``log p(x|z_q) - positions log K``: the ELBO of a deterministic posterior under the uniform prior over K codes, (n,)."""
    (log_likelihood,) = tensors(log_likelihood=log_likelihood)
    return log_likelihood - scalars.count(positions, "positions") * math.log(scalars.count(codes, "codes"))
