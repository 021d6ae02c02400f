"""The search as Lightning runs it: one algorithm, its optimizers, its metrics, the same on any number of processes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn

from augury.errors import FieldError
from augury.search.algorithms import Batch, SearchAlgorithm, Step
from augury.search.chance import Chance, mean_of_all, seed_everything, seed_of
from augury.search.lightning import DDPStrategy, LightningModule
from augury.search.policy import PolicyState, average_parameter_change
from augury.search.stopping import Decision, decide

METRICS = ("loss", "d_loss", "a_loss")
CHANGE = "Average Parameter Change"
DISTANCE = "Distance From Start"


class SearchModule(LightningModule):
    """Trains an algorithm; `history` holds the metrics of each finished epoch.

    loaders: makes the loader, or loaders by name, for an epoch to start with, a rank and a number of processes.
    patience, min_delta: of the stop decision; patience None never stops early.
    """

    def __init__(
        self,
        algorithm: SearchAlgorithm,
        loaders: Callable[[int, int, int], Any],
        seed: int = 0,
        patience: int | None = None,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.algorithm = algorithm
        self.loaders = loaders
        self.seed = seed
        self.patience = patience
        self.min_delta = min_delta
        self.history: list[dict[str, Any]] = []
        self.start = self.before = self.state
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    @property
    def state(self) -> PolicyState:
        """The policy's numbers now."""
        return self.algorithm.policy.state()

    @property
    def decision(self) -> Decision | None:
        """Whether to stop, judged by the finished epochs; None before the first."""
        if not self.history:
            return None
        changes = [epoch["average_parameter_change"] for epoch in self.history]
        first = math.ceil(self.algorithm.rest * (self.trainer.max_epochs or 0))
        return decide(changes, len(changes) + 1 if self.patience is None else self.patience, self.min_delta, first)

    # ---- data and optimizers ----

    def train_dataloader(self) -> Any:
        return self.loaders(self.trainer.current_epoch, self.trainer.global_rank, self.trainer.world_size)

    def configure_optimizers(self) -> Any:
        named = self.algorithm.optimizers()
        self._names = tuple(named)
        return list(named.values())

    # ---- training ----

    def on_fit_start(self) -> None:
        share(self.algorithm.state_dict())

    def on_train_epoch_start(self) -> None:
        # Seeding every epoch makes a resumed search draw what an uninterrupted one would, on every process, without
        # any generator's state in the checkpoint.
        seed_everything(seed_of(self.seed, "epoch", self.current_epoch, self.global_rank))
        share(dict(self.algorithm.named_buffers()))
        self.before = self.state
        self._sums, self._steps = {}, 0
        self._began = time.perf_counter()

    def training_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        chance = Chance(
            self.seed, (self.current_epoch, batch_idx), self.global_rank, self.trainer.world_size, self.device
        )
        held_out = batch.get("held_out")
        progress = self._progress(batch_idx)
        for name, optimizer in self._named().items():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * self.algorithm.rate(name, progress)
        metrics = self.algorithm.step(
            Batch(*batch["train"]), Step(self.update, chance, None if held_out is None else Batch(*held_out), progress)
        )
        names = list(metrics)
        means = mean_of_all(torch.stack([metrics[name].detach().float() for name in names]))
        for name, mean in zip(names, means, strict=True):
            self._sums[name] = self._sums.get(name, 0) + mean
            self.log(name, mean, prog_bar=name in METRICS)
        self._steps += 1

    def update(self, name: str, loss: Tensor) -> None:
        """One step of an optimizer, with gradients averaged over all processes."""
        optimizer = self._named()[name]
        optimizer.zero_grad()
        self.manual_backward(loss)
        average_gradients([p for group in optimizer.param_groups for p in group["params"]])
        optimizer.step()

    def _named(self) -> dict[str, Any]:
        optimizers = self.optimizers()
        held = optimizers if isinstance(optimizers, list) else [optimizers]
        return dict(zip(self._names, held, strict=True))

    def _progress(self, batch_idx: int) -> float:
        steps, epochs = int(self.trainer.num_training_batches), self.trainer.max_epochs or 1
        return (self.current_epoch + batch_idx / steps) / epochs

    def on_train_epoch_end(self) -> None:
        after = self.state
        values = {name: float(total) / self._steps for name, total in self._sums.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise FieldError(
                    f"{name}: became {value} in epoch {self.current_epoch}; lower the learning rates in `optim`, or "
                    "use trainer.precision=32-true"
                )
        change = average_parameter_change(self.before, after)
        distance = average_parameter_change(self.start, after)
        self.history.append({
            "epoch": self.current_epoch,
            **values,
            "average_parameter_change": change,
            "distance_from_start": distance,
            "seconds": time.perf_counter() - self._began,
        })  # fmt: skip
        for name, value in ((CHANGE, change), (DISTANCE, distance)):
            self.log(name, value, prog_bar=True, sync_dist=self.trainer.world_size > 1)
        decision = self.decision
        self.history[-1]["waited"] = decision.waited if decision else 0
        if decision and decision.stop:
            self.trainer.should_stop = True

    # ---- checkpoints ----

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["augury"] = {"start": self.start.to_dict(), "history": self.history}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.start = PolicyState.from_dict(checkpoint["augury"]["start"])
        self.history = list(checkpoint["augury"]["history"])


class OneForAll(DDPStrategy):
    """Distributed training without Lightning's wrapper, which knows one loss per step; the module averages gradients.

    A step has several losses, and the penalty differentiates twice, which the wrapper does not support.
    """

    def configure_ddp(self) -> None:
        pass


def _distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def share(state: Mapping[str, Tensor]) -> None:
    """Give all processes the tensors of the first, in place."""
    if _distributed():
        for value in state.values():
            distributed.broadcast(value.data, 0)


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Replace gradients by their mean over all processes; one that is missing here counts as zero."""
    if not _distributed():
        return
    trained = [p for p in parameters if p.requires_grad]
    whole = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained])
    distributed.all_reduce(whole)
    whole /= distributed.get_world_size()
    for parameter, part in zip(trained, torch.split(whole, [p.numel() for p in trained]), strict=True):
        parameter.grad = part.view_as(parameter)
