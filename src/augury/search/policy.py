"""The policy while it is searched: choices, probabilities and magnitudes as parameters that gradients reach.

Images are float32 (B, C, H, W) in [0, 1]; masks follow every geometric operation with nearest interpolation. A policy
holds sub-policies, a sub-policy holds stages, and a stage picks one operation by its selection weight and applies it
with its probability at its magnitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

import augury as A
from augury.errors import FieldError, RecordError, shown
from augury.search.chance import Chance, mean_of_all, seed_of

if TYPE_CHECKING:
    from augury.groups import Step
    from augury.search.operations import Operation

ESTIMATORS = ("score", "sampled", "mixture")
# Random starts lie between these, where the slope of the logistic function is at least 0.64 of its largest.
START = (0.2, 0.8)

Numbers = list[list[list[float]]]


@dataclass(frozen=True)
class PolicyState:
    """A policy as plain numbers, indexed [sub-policy][stage][operation].

    weights: how likely a stage selects the operation, 1 in sum over a stage. probabilities, magnitudes: in [0, 1].
    strengths: whether the operation has a magnitude.
    """

    operations: tuple[str, ...]
    strengths: tuple[bool, ...]
    weights: Numbers
    probabilities: Numbers
    magnitudes: Numbers

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> PolicyState:
        try:
            return cls(**{**saved, "operations": tuple(saved["operations"]), "strengths": tuple(saved["strengths"])})
        except (TypeError, KeyError) as error:
            raise RecordError(f"policy state: got {shown(saved)}; it lacks or does not know {error}") from None

    def totals(self) -> dict[str, float]:
        """How often each operation is applied to a sample, on average, by name."""
        applied = torch.tensor(self.weights) * torch.tensor(self.probabilities)
        return dict(zip(self.operations, applied.sum(1).mean(0).tolist(), strict=True))

    def effects(self) -> Tensor:
        """(sub-policies, stages, operations): weight times probability, times magnitude where there is one."""
        magnitudes = torch.where(torch.tensor(self.strengths), torch.tensor(self.magnitudes), 1.0)
        return torch.tensor(self.weights) * torch.tensor(self.probabilities) * magnitudes


def average_parameter_change(before: PolicyState, after: PolicyState) -> float:
    """Mean over all operations of all stages of |m'p' - mp|.

    p: selection weight times probability. m: magnitude, 1 for an operation that has none.
    Source: AutoAlbument's documentation of its metrics, Average Parameter Change.
    """
    return float((after.effects() - before.effects()).abs().mean())


class Augmented(NamedTuple):
    """What a policy made of a batch; `log_chance` (B,) is the log-probability of the choices behind each sample."""

    image: Tensor
    mask: Tensor | None
    log_chance: Tensor


class Policy(nn.Module):
    """A policy with `num_sub_policies` x `operation_count` stages that choose among `operations`.

    num_chunks: parts of a batch, each augmented by a randomly chosen sub-policy.
    temperature: of the relaxed choices: lower is closer to real choices, with steeper gradients.
    estimator: where gradients of choices come from. `mixture` evaluates every operation and mixes the results (Hataya
    et al. 2019, Faster AutoAugment). `sampled` evaluates only the chosen operation of each stage and sample, with
    straight-through gradients (Jang et al. 2017, Gumbel-softmax; Bengio et al. 2013). `score` evaluates only what is
    applied; its choices learn from the loss of each sample (Williams 1992), its magnitudes from gradients.
    """

    selection: nn.Parameter
    probability: nn.Parameter
    magnitude: nn.Parameter

    def __init__(
        self,
        operations: Sequence[Operation],
        num_sub_policies: int = 40,
        operation_count: int = 4,
        num_chunks: int = 4,
        temperature: float = 0.05,
        estimator: str = "score",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not operations:
            raise FieldError("policy_model.operations: got none; list at least one operation")
        for name, count in (
            ("num_sub_policies", num_sub_policies),
            ("operation_count", operation_count),
            ("num_chunks", num_chunks),
        ):
            if count < 1:
                raise FieldError(f"policy_model.{name}: got {count}; pass 1 or more")
        if not temperature > 0:
            raise FieldError(f"policy_model.temperature: got {temperature}; pass a number above 0")
        if estimator not in ESTIMATORS:
            raise FieldError(f"policy_model.estimator: got {shown(estimator)}; pass one of {', '.join(ESTIMATORS)}")
        self.operations = tuple(operations)
        self.num_chunks = num_chunks
        self.temperature = temperature
        self.estimator = estimator
        shape = (num_sub_policies, operation_count, len(operations))
        generator = torch.Generator().manual_seed(seed_of(seed, "policy"))
        low, high = START
        # Selection logits are what the temperature would divide, already divided: Adam then moves choices,
        # probabilities and magnitudes at one pace.
        self.selection = nn.Parameter(torch.zeros(shape))
        self.probability = nn.Parameter(torch.logit(low + (high - low) * torch.rand(shape, generator=generator)))
        self.magnitude = nn.Parameter(torch.logit(low + (high - low) * torch.rand(shape, generator=generator)))

    def forward(self, image: Tensor, mask: Tensor | None, chance: Chance) -> Augmented:
        """Augment a batch; FieldError if it is smaller than the number of chunks."""
        count = len(image)
        if count * chance.processes < self.num_chunks:
            raise FieldError(
                f"policy_model.num_chunks: got {self.num_chunks} for {count * chance.processes} samples; "
                "use fewer chunks or larger batches"
            )
        stage = self._mixed if self.estimator == "mixture" else self._sampled
        rows = self._rows(count, chance).to(image.device)
        log_chance = image.new_zeros(count)
        for index in range(self.selection.shape[1]):
            numbers = _Stage(
                functional.log_softmax(self.selection[:, index], -1)[rows],
                self.probability[:, index][rows],
                self.magnitude[:, index].sigmoid()[rows],
            )
            image, mask, log = stage(image, mask, numbers, chance, f"stage {index}")
            log_chance = log_chance + log
        return Augmented(image, mask, log_chance)

    def _rows(self, count: int, chance: Chance) -> Tensor:
        """(B,) the sub-policy of each sample."""
        held = len(self.selection)
        generator = chance.generator("sub-policies")
        if held >= self.num_chunks:
            drawn = torch.randperm(held, generator=generator)[: self.num_chunks]
        else:
            drawn = torch.randint(held, (self.num_chunks,), generator=generator)
        return drawn[chance.chunks(count, self.num_chunks)]

    def _mixed(self, image: Tensor, mask: Tensor | None, stage: _Stage, chance: Chance, name: str) -> Augmented:
        uniform = chance.uniform(f"{name}/applied", *stage.probability.shape)
        applied = _relaxed(stage.probability, uniform, self.temperature)
        shares = stage.log_weight.exp() * applied
        change = torch.zeros_like(image)
        masks = []
        for k, operation in enumerate(self.operations):
            drawn = chance.uniform(f"{name}/{k}", len(image), operation.draws)
            out, moved = operation.apply(image, mask, stage.magnitude[:, k], drawn)
            change = change + shares[:, k, None, None, None] * (out - image)
            masks.append(moved)
        if mask is not None:
            # Labels cannot be mixed: a mask follows the largest share, which may be that of leaving things as they are.
            every = torch.cat([shares, 1 - shares.sum(1, keepdim=True)], 1)
            stacked = torch.stack([*masks, mask])  # type: ignore[list-item]
            mask = stacked[every.argmax(1), torch.arange(len(mask), device=mask.device)]
        return Augmented(image + change, mask, image.new_zeros(len(image)))

    def _sampled(self, image: Tensor, mask: Tensor | None, stage: _Stage, chance: Chance, name: str) -> Augmented:
        uniform = chance.uniform(f"{name}/selected", *stage.log_weight.shape).clamp_min(1e-20)
        noisy = stage.log_weight - torch.log(-torch.log(uniform))
        chosen = noisy.argmax(1, keepdim=True)
        logit = stage.probability.gather(1, chosen)[:, 0]
        magnitude = stage.magnitude.gather(1, chosen)[:, 0]
        uniform = chance.uniform(f"{name}/applied", len(image))
        applied = uniform < logit.sigmoid()
        score = self.estimator == "score"
        # Samples are put in the order of their operations, -1 for none, so that each operation runs on one slice.
        kinds = torch.where(applied, chosen[:, 0], -1) if score else chosen[:, 0]
        order = kinds.argsort(stable=True)
        counts = torch.bincount(kinds + 1, minlength=len(self.operations) + 1).tolist()
        # A sample takes part in one operation only, so one set of numbers serves them all. They are drawn for every
        # sample of the batch, so that a draw does not depend on who holds which samples.
        most = max(operation.draws for operation in self.operations)
        drawn = chance.uniform(f"{name}/drawn", len(image), most)
        parts = [torch.split(part.index_select(0, order), counts) for part in (image, magnitude, drawn)]
        masks = [None] * len(counts) if mask is None else torch.split(mask.index_select(0, order), counts)
        done: list[Tensor] = [parts[0][0]]
        followed = [masks[0]]
        for operation, image_part, mask_part, strengths, numbers in zip(
            self.operations, parts[0][1:], masks[1:], parts[1][1:], parts[2][1:], strict=True
        ):
            if len(image_part):
                image_part, mask_part = operation.apply(image_part, mask_part, strengths, numbers[:, : operation.draws])
            done.append(image_part)
            followed.append(mask_part)
        back = order.argsort()
        image_out = torch.cat(done).index_select(0, back)
        mask_out = None if mask is None else torch.cat(followed).index_select(0, back)  # type: ignore[arg-type]
        if score:
            log = stage.log_weight.gather(1, chosen)[:, 0] + functional.logsigmoid(torch.where(applied, logit, -logit))
            return Augmented(image_out, mask_out, log)
        soft = (noisy / self.temperature).softmax(1).gather(1, chosen)[:, 0]
        relaxed = _relaxed(logit, uniform, self.temperature)
        # The value of a real choice, the gradient of the relaxed one.
        share = (1 + soft - soft.detach()) * (applied.float() + relaxed - relaxed.detach())
        image = image + share[:, None, None, None] * (image_out - image)
        if mask is not None and mask_out is not None:
            mask = torch.where(applied.view(-1, *[1] * (mask.ndim - 1)), mask_out, mask)
        return Augmented(image, mask, image.new_zeros(len(image)))

    def objective(self, losses: Tensor, augmented: Augmented, baseline: Tensor | None = None) -> Tensor:
        """The mean of `losses` (B,), with gradients for the policy's choices whatever the estimator.

        baseline: (B,) what the same samples cost without the policy; it lowers the variance of `score` and nothing
        else.
        """
        if self.estimator != "score":
            return losses.mean()
        gain = losses.detach() - (0 if baseline is None else baseline.detach())
        gain = gain - mean_of_all(gain.mean())
        return losses.mean() + (gain * (augmented.log_chance - augmented.log_chance.detach())).mean()

    def state(self) -> PolicyState:
        """The policy's numbers now."""
        with torch.no_grad():
            return PolicyState(
                tuple(operation.name for operation in self.operations),
                tuple(operation.has_magnitude for operation in self.operations),
                self.selection.double().softmax(-1).tolist(),
                self.probability.double().sigmoid().tolist(),
                self.magnitude.double().sigmoid().tolist(),
            )

    def pipeline(self, before: Sequence[Step] = (), after: Sequence[Step] = ()) -> A.Compose:
        """The policy as an ordinary pipeline that draws as the search does, between other steps."""
        return pipeline_of(self.state(), self.operations, before, after)


class _Stage(NamedTuple):
    """The numbers of one stage for each sample, all (B, operations): log-weights, probability logits, magnitudes."""

    log_weight: Tensor
    probability: Tensor
    magnitude: Tensor


def _relaxed(logit: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """Relaxed Bernoulli draws; above one half exactly where `uniform < sigmoid(logit)`.

    Source: Maddison et al. 2017, The Concrete Distribution, appendix B.
    """
    return ((logit - torch.logit(uniform.clamp(1e-6, 1 - 1e-6))) / temperature).sigmoid()


def pipeline_of(
    state: PolicyState, operations: Sequence[Operation], before: Sequence[Step] = (), after: Sequence[Step] = ()
) -> A.Compose:
    """A policy state as a pipeline: one of the sub-policies, and in each stage one operation or none."""
    by_name = {operation.name: operation for operation in operations}
    held = [by_name[name] for name in state.operations]
    sub_policies: list[Step] = []
    for sub in range(len(state.weights)):
        stages: list[Step] = []
        for weights, chances, magnitudes in zip(
            state.weights[sub], state.probabilities[sub], state.magnitudes[sub], strict=True
        ):
            shares = [weight * chance for weight, chance in zip(weights, chances, strict=True)]
            steps: list[Step] = [
                operation.transform_at(magnitude, share)
                for operation, magnitude, share in zip(held, magnitudes, shares, strict=True)
            ]
            stages.append(A.OneOf([*steps, A.NoOp(p=max(0.0, 1.0 - sum(shares)))], p=1.0))
        sub_policies.append(A.Sequential(stages, p=1.0))
    return A.Compose([*before, A.OneOf(sub_policies, p=1.0), *after])
