"""What the first process writes after every epoch: the policy, the metrics, a line on the console, a checkpoint."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from augury.groups import Step
from augury.saving import save
from augury.search.files import write_json, write_text, write_whole
from augury.search.lightning import Checkpoint, LightningModule, TQDMProgressBar, Trainer
from augury.search.module import CHANGE, DISTANCE, METRICS, SearchModule
from augury.search.policy import Policy

CHECKPOINTS = "checkpoints"


class Keeper(Checkpoint):
    """Writes to `folder`; the checkpoint comes last, so whatever it says is done has been written.

    before, after: steps around the policy in the pipelines. every, keep: epochs from checkpoint to checkpoint, and how
    many of the last stay. table: write metrics.csv beside metrics.json.
    """

    def __init__(
        self,
        folder: Path,
        before: Sequence[Step] = (),
        after: Sequence[Step] = (),
        every: int = 1,
        keep: int = 2,
        table: bool = True,
    ) -> None:
        self.folder = folder
        self.before = before
        self.after = after
        self.every = every
        self.keep = keep
        self.table = table

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SearchModule)
        if trainer.is_global_zero and not pl_module.history:
            self.write_policy(pl_module.algorithm.policy, "start")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SearchModule)
        epoch = pl_module.history[-1]["epoch"]
        if trainer.is_global_zero:
            self.write_policy(pl_module.algorithm.policy, f"epoch_{epoch}", "latest")
            self.write_metrics(pl_module)
            self.say(trainer, pl_module)
        done = trainer.should_stop or epoch + 1 == trainer.max_epochs
        if done or (epoch + 1) % self.every == 0:
            path = checkpoint_path(self.folder, epoch)
            # Every process takes part in saving; the first writes.
            write = trainer.save_checkpoint
            if trainer.is_global_zero:
                write_whole(path, write)
                self.forget()
            else:
                write(path)

    def write_policy(self, policy: Policy, *names: str) -> None:
        """The policy as a pipeline and as numbers."""
        pipeline = policy.pipeline(self.before, self.after)
        state = policy.state().to_dict()
        for name in names:
            write_whole(self.folder / "policy" / f"{name}.json", lambda path: save(pipeline, path, data_format="json"))
            write_json(self.folder / "states" / f"{name}.json", state)

    def write_metrics(self, module: SearchModule) -> None:
        decision = module.decision
        assert decision is not None  # an epoch is done
        enabled = {"enabled": module.patience is not None, "patience": module.patience, "min_delta": module.min_delta}
        write_json(
            self.folder / "metrics.json", {"epochs": module.history, "stopping": {**enabled, **decision.to_dict()}}
        )
        if self.table:
            text = io.StringIO()
            rows = csv.DictWriter(text, list(module.history[-1]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(module.history)
            write_text(self.folder / "metrics.csv", text.getvalue())

    def say(self, trainer: Trainer, module: SearchModule) -> None:
        """A line on the console, above the progress bar."""
        last, decision = module.history[-1], module.decision
        assert decision is not None  # an epoch is done
        values = "  ".join(f"{name} {last[name]:.4f}" for name in METRICS)
        line = (
            f"epoch {last['epoch']}  {values}  {CHANGE} {last['average_parameter_change']:.5f}  "
            f"{DISTANCE} {last['distance_from_start']:.5f}"
        )
        if decision.stop:
            line += f"\n{decision.reason}; the search is done"
        bar = trainer.progress_bar_callback
        if isinstance(bar, TQDMProgressBar):
            bar.print(line)
        else:
            print(line, flush=True)

    def forget(self) -> None:
        """Remove all but the last checkpoints, and what a killed process left of one."""
        for _, path in saved_checkpoints(self.folder)[: -self.keep]:
            path.unlink()
        for path in (self.folder / CHECKPOINTS).glob(".*.partial"):
            with suppress(FileNotFoundError):
                path.unlink()


def checkpoint_path(folder: Path, epoch: int) -> Path:
    """The file of a finished epoch's checkpoint, epochs counted from 0."""
    return folder / CHECKPOINTS / f"epoch_{epoch}.ckpt"


def saved_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Epochs and files of the checkpoints in a search's folder, in order."""
    found: list[tuple[int, Any]] = [
        (int(match[1]), path)
        for path in (folder / CHECKPOINTS).glob("epoch_*.ckpt")
        if (match := re.fullmatch(r"epoch_(\d+)\.ckpt", path.name))
    ]
    return sorted(found)
