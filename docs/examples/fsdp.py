"""
Training with sharded parameters
================================

Under FSDP, with noise, data and parameters all in shards: ``torchrun --nproc-per-node 2 docs/examples/fsdp.py``.

Every process draws its own noise and reads its own part of the data; the pairing of all noise with all data, and the loss between all samples and
all data, are those of one process that has everything. On GPUs the backend is ``nccl`` and the mesh one of ``"cuda"``.
"""

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from otgen.nn import distributed


def ring(n: int, generator: torch.Generator) -> torch.Tensor:
    """Samples (n, 2) of eight Gaussians on a circle."""
    angle = torch.randint(8, (n,), generator=generator) * (torch.pi / 4)
    centres = torch.stack([angle.cos(), angle.sin()], dim=1)
    return centres + 0.05 * torch.randn(n, 2, generator=generator)


def main(steps: int = 200) -> None:
    """First by the pairs of one optimal pairing of all noise with all data, then by the exact loss of fresh samples."""
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    layers = torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
    generator = torch.nn.Sequential(*layers)
    for layer in layers:
        if isinstance(layer, torch.nn.Linear):
            fully_shard(layer, mesh=mesh)
    fully_shard(generator, mesh=mesh)
    optimiser = torch.optim.Adam(generator.parameters(), 3e-3)
    own = torch.Generator().manual_seed(1 + dist.get_rank())
    for step in range(steps + 1):
        noise, real = torch.randn(128, 2, generator=own), ring(128, own)
        if step < steps // 2:
            pairs = distributed.pair(noise, real)
            loss = (generator(pairs.x0) - pairs.x1).square().sum(1).mean()
        else:
            loss = distributed.wasserstein_loss(generator(noise), real, y_sharded=True)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % (steps // 4) == 0 and dist.get_rank() == 0:
            print(f"step {step:3}: loss {loss.item():.4f}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
