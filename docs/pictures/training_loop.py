"""The training loop's generator as it learns, and its loss."""

import matplotlib.pyplot as plt
import torch

from otgen import nn


def ring(n):
    """Samples (n, 2) of eight Gaussians on a circle."""
    angle = torch.randint(8, (n,)) * (torch.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], dim=1) + 0.05 * torch.randn(n, 2)


torch.manual_seed(0)
generator = torch.nn.Sequential(
    torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
)
loss_of = nn.SinkhornLoss(epsilon=0.02, tol=1e-3)
optimiser = torch.optim.Adam(generator.parameters(), lr=2e-3)
history, seen, noise = [], {}, torch.randn(500, 8)
for step in range(301):
    if step in (0, 30, 100, 300):
        seen[step] = generator(noise).detach()
    loss = loss_of(generator(torch.randn(256, 8)), ring(256))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    history.append(loss.item())

figure, panels = plt.subplots(1, 5, figsize=(12, 2.6), layout="constrained", width_ratios=[1, 1, 1, 1, 1.4])
real = ring(500)
for (step, samples), axes in zip(seen.items(), panels, strict=False):
    axes.plot(*real.T, ".", color="0.8", ms=3)
    axes.plot(*samples.T, ".", ms=2)
    axes.set(title=f"step {step}", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
panels[-1].semilogy(history, lw=1)
panels[-1].set(title="loss", xlabel="step")
