"""The networks of the lab's experiments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch.nn import Flatten, LeakyReLU, Linear, Module, Sequential

from ..errors import InvalidInput
from ..inputs.scalars import count, told


def perceptron(sizes: Sequence[int], activation: Module | None = None) -> Sequential:
    """Linear layers of the given sizes, in single precision, with an activation between them; with a last size of 1, values (n,) instead of (n, 1).

    Examples
    --------
    >>> len(perceptron([2, 16, 16, 3]))
    5
    """
    listed = list(sizes) if isinstance(sizes, Sequence) and not isinstance(sizes, str | bytes) else []
    if len(listed) < 2:
        raise InvalidInput(
            f"sizes must hold an input and an output size; received {told(sizes)}; pass a list, such as [2, 16, 1]"
        )
    sizes = [count(size, "sizes") for size in listed]
    layers: list[Module] = []
    for one, two in itertools.pairwise(sizes):
        layers += [Linear(one, two, dtype=torch.float32), activation or LeakyReLU(0.2)]
    layers.pop()
    return Sequential(*layers, *([Flatten(0)] if sizes[-1] == 1 else []))
