"""Search algorithms by name: what a policy is trained for.

An algorithm is a class with the networks it trains and one method, `step`. Networks are submodules, so checkpoints,
devices and processes take care of them; a network that no optimizer holds (a teacher that follows the model, say) is
kept as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar, NamedTuple

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from augury.errors import FieldError, nearest, shown
from augury.search.chance import Chance
from augury.search.policy import Augmented, Policy

SEGMENTATION = "semantic_segmentation"


class Batch(NamedTuple):
    """Images (B, C, H, W) in [0, 1] before normalisation; labels (B,) int64, or masks (B, N, H, W) float of 0 and 1."""

    image: Tensor
    target: Tensor

    @property
    def mask(self) -> Tensor | None:
        """The target where it follows geometric operations."""
        return self.target if self.target.ndim > 1 else None

    def part(self, start: int, stop: int) -> Batch:
        return Batch(self.image[start:stop], self.target[start:stop])


@dataclass(frozen=True)
class Settings:
    """What the configuration says to every algorithm: weights of the losses, and optimizers to be.

    main, policy: make the optimizer of some parameters.
    """

    main: Callable[[Iterable[nn.Parameter]], Optimizer]
    policy: Callable[[Iterable[nn.Parameter]], Optimizer]
    task_factor: float = 0.1
    gp_factor: float = 10.0


class Step(NamedTuple):
    """What an algorithm works with in one step.

    update: `update(name, loss)` makes one step of the optimizer `name` on a scalar loss, with gradients averaged over
    all processes. chance: the random numbers of this step. held_out: samples that the main batch never holds.
    progress: the part of all steps that is done, in [0, 1).
    """

    update: Callable[[str, Tensor], None]
    chance: Chance
    held_out: Batch | None = None
    progress: float = 0.0


class SearchAlgorithm(nn.Module, ABC):
    """Base of every algorithm.

    A subclass sets `name`, may add networks and arguments of its own in `__init__`, and may replace `optimizers`.
    """

    name: ClassVar[str]
    # Whether `step` needs `held_out`.
    needs_held_out: ClassVar[bool] = False
    # The part of the search before the policy starts to learn.
    rest: ClassVar[float] = 0.0

    def __init__(self, policy: Policy, model: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.policy = policy
        self.model = model
        self.settings = settings

    def optimizers(self) -> Mapping[str, Optimizer]:
        """The optimizers by the name that `update` takes."""
        return {
            "main": self.settings.main(self.model.parameters()),
            "policy": self.settings.policy(self.policy.parameters()),
        }

    def rate(self, optimizer: str, progress: float) -> float:
        """What the learning rate of an optimizer is multiplied by when this part of the steps is done."""
        return 1.0

    @abstractmethod
    def step(self, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Train on a batch; scalar metrics `loss` (task), `d_loss` (critic) and `a_loss` (policy), and any others."""

    def augment(self, batch: Batch, chance: Chance) -> tuple[Batch, Augmented]:
        """The batch under the policy, with the mask as target where there is one."""
        augmented = self.policy(batch.image, batch.mask, chance)
        target = batch.target if augmented.mask is None else augmented.mask
        return Batch(augmented.image, target), augmented


def task_losses(logits: Tensor, target: Tensor) -> Tensor:
    """(B,) losses: cross-entropy for labels (B,); mean binary cross-entropy with logits for masks (B, N, H, W)."""
    logits = logits.float()
    if target.ndim == 1:
        return functional.cross_entropy(logits, target, reduction="none")
    losses = functional.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
    return losses.flatten(1).mean(1)


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Gradients flow through these modules, but none is computed for their parameters."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


# Each algorithm is its own file and is imported when it is asked for.
ALGORITHMS = {
    "density_matching": "augury.search.algorithms.density_matching:DensityMatching",
    "faster_autoaugment": "augury.search.algorithms.faster_autoaugment:FasterAutoAugment",
    "random": "augury.search.algorithms.random:Random",
    "trivial": "augury.search.algorithms.trivial:Trivial",
    "validation_gradient": "augury.search.algorithms.validation_gradient:ValidationGradient",
}


def find_algorithm(name: str) -> type[SearchAlgorithm]:
    """The class called `name`; FieldError with the nearest known name if there is none."""
    if name not in ALGORITHMS:
        near = nearest(str(name), ALGORITHMS)
        hint = f"did you mean {near!r}? " if near else ""
        raise FieldError(f"policy_model.algorithm: got {shown(name)}; {hint}known: {', '.join(ALGORITHMS)}")
    module, _, attribute = ALGORITHMS[name].partition(":")
    found: type[SearchAlgorithm] = getattr(import_module(module), attribute)
    return found
