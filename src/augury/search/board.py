"""What a search shows while it runs: samples under the policy and its heat map, in TensorBoard after every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from augury.groups import Group
from augury.search.lightning import Callback, LightningModule, TensorBoardLogger, Trainer
from augury.search.module import SearchModule
from augury.search.pictures import FILE, heat_map, keep, kept, sheet

if TYPE_CHECKING:
    from augury.search.data import SearchData


class Painter(Callback):
    """Keeps a few samples in `folder`, for the report as well, and draws them under every epoch's policy."""

    def __init__(self, folder: Path, data: SearchData) -> None:
        self.folder = folder
        self.data = data

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero and not (self.folder / FILE).exists():
            keep(self.folder, self.data)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, SearchModule)
        if not (trainer.is_global_zero and isinstance(trainer.logger, TensorBoardLogger)):
            return
        policy, epoch = pl_module.algorithm.policy, trainer.current_epoch
        (choice,) = policy.pipeline().transforms
        assert isinstance(choice, Group)  # of one of the sub-policies
        board = trainer.logger.experiment
        board.add_image("policy/samples", sheet(kept(self.folder), choice.transforms), epoch, dataformats="HWC")
        board.add_image("policy/operations", heat_map(policy.state()), epoch, dataformats="HWC")
