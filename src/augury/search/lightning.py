"""Lightning's names, imported once torchvision is: Lightning's own libraries import it without the care it may need."""

from __future__ import annotations

from augury.search import libraries

libraries.torchvision()

from lightning.pytorch import LightningModule, Trainer  # noqa: E402
from lightning.pytorch.callbacks import Callback, Checkpoint, TQDMProgressBar  # noqa: E402
from lightning.pytorch.loggers import TensorBoardLogger  # noqa: E402
from lightning.pytorch.strategies import DDPStrategy  # noqa: E402
from lightning.pytorch.utilities import rank_zero_only  # noqa: E402

__all__ = [
    "Callback",
    "Checkpoint",
    "DDPStrategy",
    "LightningModule",
    "TQDMProgressBar",
    "TensorBoardLogger",
    "Trainer",
    "rank_zero_only",
]
