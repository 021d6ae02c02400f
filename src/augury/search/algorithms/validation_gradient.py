"""Validation gradient: a policy whose images, trained on, lower the loss of images that were held out.

Source: Li et al. 2020, DADA: Differentiable Automatic Data Augmentation, which learns policies by the one-step gradient
of Liu, Simonyan and Yang 2019, DARTS; the difference of two losses is equation 8 of the latter.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.func import functional_call

from augury.search.algorithms import Batch, SearchAlgorithm, Step, frozen, task_losses
from augury.search.chance import mean_of_all

# The share in which the model's learning rate rises, before it falls along half a cosine.
RISE = 0.2
# How far the model is moved to either side, in parameter space.
REACH = 0.02


class ValidationGradient(SearchAlgorithm):
    """The model learns the task on augmented images; the policy learns to make images that teach it the most.

    A step of the model down the gradient g of one image's loss lowers the held-out loss by the product of g with the
    held-out gradient h. That product is the slope of the image's loss along h, and losses of models moved by REACH to
    either side along h / |h| give it for a whole batch at once. `a_loss` is the mean of these slopes, with its sign
    turned, in units of their spread over plain images. There is no critic; `d_loss` is always 0.
    """

    name = "validation_gradient"
    needs_held_out = True
    # What teaches a model that knows nothing says little about what will.
    rest = 0.5

    def rate(self, optimizer: str, progress: float) -> float:
        """A cycle for the model: its last, calm part is where augmentation shows its worth."""
        if optimizer != "main":
            return 1.0
        return progress / RISE if progress < RISE else 0.5 * (1 + math.cos(math.pi * (progress - RISE) / (1 - RISE)))

    def step(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        assert step.held_out is not None  # needs_held_out says so
        self.model.train()
        with torch.no_grad():
            fake, _ = self.augment(batch, step.chance)
        loss = task_losses(self.model(fake.image)[0], fake.target).mean()
        step.update("main", loss)
        nothing = torch.zeros_like(loss)
        metrics = {"loss": loss, "d_loss": nothing, "a_loss": nothing}
        if step.progress < self.rest:
            return metrics

        # Statistics of a batch would let images answer for each other.
        self.model.eval()
        ahead, back = self.moved(step.held_out)
        with frozen(self.model):
            fake, augmented = self.augment(batch, step.chance)
            slopes = self.slopes(fake, ahead, back)
            with torch.no_grad():
                plain = self.slopes(batch, ahead, back)
            spread = mean_of_all(plain.square().mean()).sqrt().clamp_min(1e-6)
            a_loss = self.policy.objective(-slopes / spread, augmented, -plain / spread)
        step.update("policy", a_loss)
        return {**metrics, "a_loss": (-slopes / spread).mean()}

    def moved(self, held_out: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The model's parameters moved up and down the gradient of the held-out loss."""
        named = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        loss = task_losses(self.model(held_out.image)[0], held_out.target).mean()
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True, materialize_grads=True)
        gradients = [mean_of_all(gradient) for gradient in found]
        length = torch.stack([g.square().sum() for g in gradients]).sum().sqrt().clamp_min(1e-12)
        with torch.no_grad():
            steps = {name: g * (REACH / length) for name, g in zip(named, gradients, strict=True)}
            return (
                {name: p + steps[name] for name, p in named.items()},
                {name: p - steps[name] for name, p in named.items()},
            )

    def slopes(self, batch: Batch, ahead: dict[str, Tensor], back: dict[str, Tensor]) -> Tensor:
        """(B,) slope of each sample's loss along the held-out gradient."""
        above, below = (
            task_losses(functional_call(self.model, moved, (batch.image,))[0], batch.target) for moved in (ahead, back)
        )
        return (above - below) / (2 * REACH)
