"""What Lightning documents of ``LightningModule`` and ``Trainer``, as far as the recipes use it, for machines without the package."""

from __future__ import annotations

from types import ModuleType

import torch


class LightningModule(torch.nn.Module):
    """A module that a trainer steps."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization, self.trainer = True, None

    def optimizers(self):
        held = self.trainer.held
        return held[0] if len(held) == 1 else held

    def manual_backward(self, loss):
        if self.automatic_optimization:
            raise RuntimeError("manual_backward is for manual optimization")
        loss.backward()

    def toggle_optimizer(self, optimizer):
        own = {id(w) for group in optimizer.param_groups for w in group["params"]}
        others = [w for held in self.trainer.held for group in held.param_groups for w in group["params"]]
        self.trainer.toggled = [w for w in others if id(w) not in own and w.requires_grad]
        for w in self.trainer.toggled:
            w.requires_grad_(False)

    def untoggle_optimizer(self, optimizer):
        for w in self.trainer.toggled:
            w.requires_grad_(True)

    def log(self, name, value, prog_bar=False):
        self.trainer.callback_metrics[name] = torch.as_tensor(value).detach()


class Trainer:
    """Epochs over a loader: the steps of a module, and those of its optimizer where that is not left to it."""

    def __init__(self, *, max_epochs, accelerator, logger, enable_checkpointing, enable_progress_bar):
        self.max_epochs, self.callback_metrics = max_epochs, {}

    def fit(self, model, train_dataloaders):
        model.trainer, found = self, model.configure_optimizers()
        self.held = list(found) if isinstance(found, list | tuple) else [found]
        model.train()
        for _ in range(self.max_epochs):
            for k, batch in enumerate(train_dataloaders):
                loss = model.training_step(batch, k)
                if model.automatic_optimization:
                    (optimizer,) = self.held
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                elif loss is not None:
                    raise RuntimeError("training_step must return nothing under manual optimization")


def module():
    """Under the name of the package."""
    found = ModuleType("lightning")
    found.LightningModule, found.Trainer = LightningModule, Trainer
    return found
