"""
Training on many processes
==========================

Under DistributedDataParallel with the Sinkhorn loss of the whole batch: ``torchrun --nproc-per-node 2 docs/examples/ddp.py``.

Every process draws its own noise; all of them see the same real samples. The step is that of one process with all the noise.
"""

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import otgen
from otgen.nn import distributed


def ring(n: int, generator: torch.Generator) -> torch.Tensor:
    """Samples (n, 2) of eight Gaussians on a circle."""
    angle = torch.randint(8, (n,), generator=generator) * (torch.pi / 4)
    centres = torch.stack([angle.cos(), angle.sin()], dim=1)
    return centres + 0.05 * torch.randn(n, 2, generator=generator)


def main(steps: int = 200) -> None:
    """So many steps, and how far the generator then is from the ring."""
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    layers = torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
    generator = DistributedDataParallel(torch.nn.Sequential(*layers))
    optimiser = torch.optim.Adam(generator.parameters(), 3e-3)
    noise, data = torch.Generator().manual_seed(1 + dist.get_rank()), torch.Generator().manual_seed(0)
    for step in range(steps + 1):
        fake = generator(torch.randn(128, 2, generator=noise))
        loss = distributed.sinkhorn_loss(fake, ring(256, data), epsilon=0.02, tol=1e-3)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % (steps // 4) == 0 and dist.get_rank() == 0:
            print(f"step {step:3}: divergence {loss.item():.4f}", flush=True)
    if dist.get_rank() == 0:
        samples = generator.module(torch.randn(1000, 2, generator=noise)).detach()
        result = otgen.wasserstein(samples, ring(1000, data))
        print(f"W2 to the ring: {result.value:.3f}, proven to {result.gap:.0e} of these samples")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
