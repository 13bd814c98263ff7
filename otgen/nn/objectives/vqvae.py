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


class Quantised(NamedTuple):
    """Codes (..., L) nearest to encodings, with the gradient that goes straight to the encodings; the codes; their numbers (...)."""

    through: Tensor
    codes: Tensor
    numbers: Tensor


def quantise(z: Tensor, codebook: Tensor) -> Quantised:
    """The nearest of K codes (K, L) for encodings (..., L); ties go to the first.

    ``through`` equals ``codes``, but its derivative in z is the identity and it has none in the codebook; ``codes`` has one in the
    codebook and none in z.

    Raises
    ------
    InvalidInput
        If the lengths of encodings and codes differ.

    Examples
    --------
    >>> quantise(torch.tensor([[0.9], [0.2]]), torch.tensor([[0.0], [1.0]])).numbers
    tensor([1, 0])
    """
    if codebook.ndim != 2 or z.shape[-1] != codebook.shape[1]:
        raise InvalidInput(
            f"codebook must be (K, {z.shape[-1]}), codes as long as encodings; received {tuple(codebook.shape)}"
        )
    with torch.no_grad():
        flat = z.reshape(-1, z.shape[-1])
        index = torch.cat([((part[:, None] - codebook) ** 2).sum(-1).argmin(1) for part in flat.split(4096)])
    codes = codebook[index].reshape(z.shape)
    return Quantised(z + (codes - z).detach(), codes, index.reshape(z.shape[:-1]))


def codebook_loss(z: Tensor, codes: Tensor) -> Tensor:
    """``mean |sg(z) - e|^2``: moves codes to encodings."""
    return (z.detach() - codes).square().sum(-1).mean()


def commitment_loss(z: Tensor, codes: Tensor) -> Tensor:
    """``mean |z - sg(e)|^2``: keeps encodings at their codes."""
    return (z - codes.detach()).square().sum(-1).mean()


def vqvae_loss(log_likelihood: Tensor, z: Tensor, codes: Tensor, commitment: float = 0.25) -> Tensor:
    """``-mean log p(x|z_q)`` plus codebook and commitment losses."""
    weight = scalars.positive(commitment, "commitment", "0.25 is usual")
    return codebook_loss(z, codes) + weight * commitment_loss(z, codes) - log_likelihood.mean()


def elbo(log_likelihood: Tensor, codes: int, positions: int = 1) -> Tensor:
    """``log p(x|z_q) - positions log K``: the ELBO of a deterministic posterior under the uniform prior over K codes, (n,)."""
    return log_likelihood - positions * math.log(scalars.count(codes, "codes"))
