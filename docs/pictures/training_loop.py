"""The training loop's generator as it learns, and its loss."""

from itertools import pairwise

import matplotlib.pyplot as plt
import torch

from otgen import nn


def ring(n):
    """Samples (n, 2) of eight Gaussians on a circle."""
    angle = torch.randint(8, (n,)) * (torch.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], dim=1) + 0.05 * torch.randn(n, 2)


torch.manual_seed(0)
widths = [2, 128, 128, 128]
hidden = [layer for n, m in pairwise(widths) for layer in (torch.nn.Linear(n, m), torch.nn.ReLU())]
generator = torch.nn.Sequential(*hidden, torch.nn.Linear(128, 2))
loss_of = nn.SinkhornLoss(epsilon=0.01, tol=1e-3)
optimiser = torch.optim.Adam(generator.parameters(), lr=1e-2)
pace = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 400)
history, seen, noise = [], {}, torch.randn(500, 2)
for step in range(401):
    if step in (0, 30, 100, 400):
        seen[step] = generator(noise).detach()
    loss = loss_of(generator(torch.randn(256, 2)), ring(256))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    pace.step()
    history.append(loss.item())

figure, panels = plt.subplots(1, 5, figsize=(12, 2.6), layout="constrained", width_ratios=[1, 1, 1, 1, 1.4])
real = ring(500)
for (step, samples), axes in zip(seen.items(), panels, strict=False):
    axes.plot(*real.T, ".", color="0.8", ms=3)
    axes.plot(*samples.T, ".", ms=2)
    axes.set(title=f"step {step}", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
panels[-1].semilogy(history, lw=1)
panels[-1].set(title="loss", xlabel="step")
