"""Faster AutoAugment: a policy whose images a critic cannot tell from real ones.

Source: Hataya, Zdenek, Yoshizoe and Nakayama 2019, Faster AutoAugment: Learning Augmentation Strategies using
Backpropagation; the critic is that of Gulrajani et al. 2017, Improved Training of Wasserstein GANs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from augury.search.algorithms import Batch, SearchAlgorithm, Step, frozen, task_losses


class FasterAutoAugment(SearchAlgorithm):
    """One half of a batch is real, the other is augmented.

    The model learns the task and the critic: critic(augmented) - critic(real) + gp_factor * penalty. The policy
    minimises -critic(augmented) + task_factor * task loss of the augmented half.
    """

    name = "faster_autoaugment"

    def step(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        half = len(batch.image) // 2
        real, source = batch.part(0, half), batch.part(half, 2 * half)
        with torch.no_grad():
            fake, _ = self.augment(source, step.chance)
        logits, scores = self.model(torch.cat([real.image, fake.image]))
        loss = task_losses(logits[:half], real.target).mean()
        distance = scores[half:].mean() - scores[:half].mean()
        mix = step.chance.uniform("penalty", half)
        d_loss = distance + self.settings.gp_factor * self.penalty(real.image, fake.image, mix)
        step.update("main", loss + d_loss)

        with frozen(self.model):
            fake, augmented = self.augment(source, step.chance)
            logits, scores = self.model(fake.image)
            losses = self.settings.task_factor * task_losses(logits, fake.target) - scores
            baseline = self.cost(source) if self.policy.estimator == "score" else None
            a_loss = self.policy.objective(losses, augmented, baseline)
        step.update("policy", a_loss)
        return {"loss": loss, "d_loss": d_loss, "a_loss": losses.mean(), "critic_distance": distance}

    @torch.no_grad()
    def cost(self, batch: Batch) -> Tensor:
        """(B,) what the policy minimises, of images as they are."""
        logits, scores = self.model(batch.image)
        costs: Tensor = self.settings.task_factor * task_losses(logits, batch.target) - scores
        return costs

    def penalty(self, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
        """Mean of (|gradient| - 1)^2 between real and augmented images, the norm over all dimensions of a sample.

        In float32 whatever the precision, since half precision loses small gradients. mix: (B,) in [0, 1].
        """
        with torch.autocast(real.device.type, enabled=False):
            between = torch.lerp(real.float(), fake.float(), mix[:, None, None, None]).requires_grad_()
            # `forward`, for what torch.compile makes of a call cannot be differentiated twice.
            _, scores = self.model.forward(between)
            (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
            norm: Tensor = gradient.flatten(1).norm(dim=1)
            return ((norm - 1) ** 2).mean()
