"""Density matching: a policy whose images look, to a model that never saw any, like more of the same data.

Source: Lim et al. 2019, Fast AutoAugment; its search by Bayesian optimisation is replaced by gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from augury.search.algorithms import Batch, SearchAlgorithm, Step, frozen, task_losses


class DensityMatching(SearchAlgorithm):
    """The model learns the task on plain images; the policy minimises its loss on augmented held-out ones.

    It finds what changes the meaning of an image, and says little about what is worth learning from: no augmentation at
    all would be best. There is no critic; `d_loss` is always 0.
    """

    name = "density_matching"
    needs_held_out = True

    def step(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        assert step.held_out is not None  # needs_held_out says so
        loss = task_losses(self.model(batch.image)[0], batch.target).mean()
        step.update("main", loss)

        with frozen(self.model):
            fake, augmented = self.augment(step.held_out, step.chance)
            losses = task_losses(self.model(fake.image)[0], fake.target)
            with torch.no_grad():
                plain = task_losses(self.model(step.held_out.image)[0], step.held_out.target)
            a_loss = self.policy.objective(losses, augmented, plain)
        step.update("policy", a_loss)
        return {"loss": loss, "d_loss": torch.zeros_like(loss), "a_loss": losses.mean()}
