"""The random start of a policy, left as it is: what a search must beat."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from augury.search.algorithms import Batch, SearchAlgorithm, Step, task_losses


class Random(SearchAlgorithm):
    """The model learns the task on augmented images; nothing teaches the policy. `d_loss` is always 0."""

    name = "random"

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"main": super().optimizers()["main"]}

    def step(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        with torch.no_grad():
            fake, _ = self.augment(batch, step.chance)
        loss = task_losses(self.model(fake.image)[0], fake.target).mean()
        step.update("main", loss)
        return {"loss": loss, "d_loss": torch.zeros_like(loss), "a_loss": loss}
