"""Directions on the sphere for sliced losses, drawn anew from torch's global generator."""

from __future__ import annotations

import math
from typing import get_args

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from ..errors import InvalidInput
from ..inputs import scalars
from ..inputs.reading import refuse_bytes
from ..inputs.types import Design
from ._ops import batched

DESIGNS = get_args(Design)


def drawn(design: str, count: int, like: Tensor) -> Tensor:
    """Directions (count, d) for points (..., d), each uniform on the sphere, in their dtype and on their device.

    Examples
    --------
    >>> blocks = drawn("orthogonal", 4, torch.zeros(1, 2, dtype=torch.float64))
    >>> bool(abs(blocks[0] @ blocks[1]) < 1e-6)
    True
    """
    count, d = scalars.count(count, "n_projections"), like.shape[-1]
    refuse_bytes(8 * count * d, (count, d), "n_projections")
    if design == "orthogonal":
        return _orthogonal(count, d, like.device).to(like.dtype)
    if design == "quasi-random":
        return _quasi_random(count, d).to(like.device, like.dtype)
    return _normalized(torch.randn(count, d, dtype=like.dtype, device=like.device))


def _normalized(vectors: Tensor) -> Tensor:
    return vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)


def _orthogonal(count: int, d: int, device: torch.device) -> Tensor:
    """Blocks of d rows from Haar's law: the Q of Gaussian matrices, with the signs that make it unique; in single precision."""
    size = min(d, count)
    blocks = -(-count // size)
    q, r = torch.linalg.qr(torch.randn(blocks, d, size, device=device, dtype=torch.float32))
    signs = torch.where(torch.diagonal(r, dim1=-2, dim2=-1) < 0, -1.0, 1.0)
    return (q * signs[:, None, :]).mT.reshape(blocks * size, d)[:count]


def _quasi_random(count: int, d: int) -> Tensor:
    """The first points of a scrambled Sobol sequence mapped to half of the sphere; a direction and its opposite are one line."""
    if d > SobolEngine.MAXDIM:
        raise InvalidInput(
            f"directions must be 'independent' or 'orthogonal' in more than {SobolEngine.MAXDIM} dimensions; received 'quasi-random' for "
            f"{d}; pass directions='orthogonal'"
        )
    u = sobol(torch.randint(2**31, (), device="cpu"), count, d - 1 if 1 < d < 4 else d)
    u = u + 2.0**-31  # from the corner of a cell to its middle: never 0
    if d == 2:
        return torch.cat([torch.cos(math.pi * u), torch.sin(math.pi * u)], dim=-1)
    if d == 3:
        height, angle = u[..., :1], 2 * math.pi * u[..., 1:]
        radius = torch.sqrt(1 - height**2)
        return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle), height], dim=-1)
    half = torch.cat([(1 + u[..., :1]) / 2, u[..., 1:]], dim=-1)
    return _normalized(torch.special.ndtri(half))


@torch.library.custom_op("otgen::sobol", mutates_args=())
def sobol(seed: Tensor, count: int, d: int) -> Tensor:
    """The first points of scrambled Sobol sequences in [0, 1)^d, one a seed (...,): (..., count, d), float64, on the host."""
    with torch.device("cpu"):
        engines = [SobolEngine(d, scramble=True, seed=int(number)) for number in seed.reshape(-1)]
        drawn = [engine.draw(count, dtype=torch.float64) for engine in engines]
    return torch.stack(drawn).reshape(*seed.shape, count, d)


@sobol.register_fake
def _(seed: Tensor, count: int, d: int) -> Tensor:
    return seed.new_empty((*seed.shape, count, d), dtype=torch.float64)


batched(sobol, 1)
