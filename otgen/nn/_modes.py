"""Modes of torch: derivatives where the caller has switched them off, and whose noise is drawn."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..inputs import scalars

_AUTOCASTS = ("cpu", "cuda")
_alone = threading.RLock()


@contextlib.contextmanager
def differentiating() -> Generator[None]:
    """Gradients on, whether the caller is under ``no_grad``, in inference mode, or neither."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


@contextlib.contextmanager
def training() -> Generator[None]:
    """Gradients on and autocast off: inside one autocast region weights are cast once, so that no step would be seen. Refused memory is MemoryError."""
    with contextlib.ExitStack() as modes:
        modes.enter_context(_refused_memory())
        for device in _AUTOCASTS:
            if torch.is_autocast_enabled(device):
                modes.enter_context(torch.autocast(device, enabled=False))
        modes.enter_context(differentiating())
        yield


def spared(z: Tensor) -> Tensor:
    """A tensor as it is, or inside autocast in double precision, which that leaves alone.

    Switched off for a while, autocast would still round the derivatives that are taken inside of it.
    """
    return z.double() if torch.is_autocast_enabled(z.device.type) else z


@contextlib.contextmanager
def _refused_memory() -> Generator[None]:
    """MemoryError where torch's allocator of the host raises RuntimeError, which says what happened in its words alone."""
    try:
        yield
    except RuntimeError as fault:
        if "DefaultCPUAllocator" not in str(fault):
            raise
        raise MemoryError(f"torch was refused memory: {fault}") from fault


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Generator[None]:
    """The host's global generator, which layers draw their first weights from, and that of a device, at a seed; afterwards they are as they were.

    For one thread at a time.
    """
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index])
    with _alone:
        before = [generator.get_state() for generator in generators]
        for generator in generators:  # torch.manual_seed would leave those of GPUs elsewhere
            generator.manual_seed(seed)
        try:
            yield
        finally:
            for generator, state in zip(generators, before):
                generator.set_state(state)


def keeping_dtype(convert: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """What moves a module's tensors as ``convert`` does and leaves their dtype, where their digits are what was fitted, proven or given.

    For ``Module._apply``: a model in halves may hold modules that stay exact.
    """

    def moved(z: Tensor) -> Tensor:
        out = convert(z)
        return out if out.dtype == z.dtype else z.to(out.device)

    return moved


def usable(z: Tensor) -> Tensor:
    """The tensor, or its copy where inference mode made it: autograd keeps no tensor of that kind."""
    if torch.compiler.is_compiling() or not z.is_inference() or torch.is_inference_mode_enabled():
        return z
    return z.clone()


def holds(condition: Tensor) -> bool:
    """Whether a condition holds everywhere, as far as it can be seen: inside torch's transforms values cannot, and pass."""
    if torch.compiler.is_compiling():
        return True
    try:
        return bool(condition.all())
    except RuntimeError:  # of vmap, and of tensors without data
        return True


def generator_from(rng: Any) -> torch.Generator:
    """A generator on the host from None (torch's global one decides), a seed, or a generator of torch's or numpy's."""
    if checked_rng(rng) is None:
        seed = int(torch.randint(2**62, (), device="cpu"))
    elif isinstance(rng, torch.Generator):
        seed = int(torch.randint(2**62, (), generator=rng, device=rng.device))
    else:
        seed = int(scalars.generator(rng).integers(2**63))
    return torch.Generator().manual_seed(seed)


def checked_rng(rng: Any) -> Any:
    """What a generator can be made from, as it is: None, a seed, or a generator of torch's or numpy's."""
    if rng is None or isinstance(rng, torch.Generator):
        return rng
    try:
        scalars.generator(rng)
    except InvalidInput:
        raise InvalidInput(
            f"rng must be None, a seed, or a generator of torch's or numpy's; received {scalars.told(rng)}; use rng=0 or leave it out"
        ) from None
    return rng


def noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise of the shape, dtype and device of ``like``, drawn where the generator lives."""
    return torch.randn(like.shape, dtype=like.dtype, **drawing(generator)).to(like.device)


def drawing(generator: torch.Generator | None) -> dict[str, Any]:
    """Arguments that say by what, and where, torch draws; none that compilers refuse where sizes are dynamic."""
    own = {} if generator is None else {"generator": generator}
    return {"device": home_of(generator), **own}


def home_of(generator: Any) -> torch.device:
    """Where a generator of torch's draws; the host for None, which is torch's own."""
    if generator is None:
        return torch.device("cpu")
    if not isinstance(generator, torch.Generator):
        raise InvalidInput(
            f"generator must be a torch.Generator or None; received {scalars.told(generator)}; pass torch.Generator().manual_seed(0)"
        )
    return generator.device
