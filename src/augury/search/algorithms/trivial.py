"""TrivialAugment: one operation per image, all equally likely, of uniformly drawn strength.

Source: Müller and Hutter 2021, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation.
"""

from __future__ import annotations

import torch
from torch import nn

from augury.search.algorithms import Settings
from augury.search.algorithms.random import Random
from augury.search.policy import Policy

# Sigmoid of this is 1 in float32, and of its negative 2e-9.
CERTAIN = 20.0


class Trivial(Random):
    """The first stage always applies one operation over its whole range; later stages do nothing."""

    name = "trivial"

    def __init__(self, policy: Policy, model: nn.Module, settings: Settings) -> None:
        super().__init__(policy, model, settings)
        with torch.no_grad():
            policy.selection.zero_()
            policy.magnitude.fill_(CERTAIN)
            policy.probability.fill_(-CERTAIN)
            policy.probability[:, 0] = CERTAIN
