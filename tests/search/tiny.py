"""A search that takes seconds: 32 generated images of 8 x 8 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augury.search.config import Config

DATASET = '''
import os
import signal
from pathlib import Path

import numpy as np
import torch

from augury.search.models import SmallModel


class Net(SmallModel):
    """A model that draws random numbers of its own."""

    def forward(self, image):
        return super().forward(torch.nn.functional.dropout(image, 0.2, self.training))


class SearchDataset:
    def __init__(self, masks=False, count=32):
        self.masks, self.count = masks, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = np.random.default_rng(index)
        image = generator.integers(0, 256, (8, 8, 3), np.uint8)
        label = index % 2
        image[:4] //= 1 + 3 * label
        if not self.masks:
            return image, label
        mask = np.zeros((8, 8, 2), np.uint8)
        mask[:4, :, label] = 1
        return image, mask

class Noisy(SearchDataset):
    """A dataset that draws random numbers of its own, and kills its process once, in the second epoch."""

    def __init__(self, kill=None):
        super().__init__()
        self.kill, self.loaded = kill, 0

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        self.loaded += 1
        if self.kill and not Path(self.kill).exists() and self.loaded > 32 + 64:
            Path(self.kill).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        noise = np.random.randint(0, 9, image.shape, np.uint8)
        return np.maximum(image, noise), label
'''

OPERATIONS = ["Brightness", "VerticalFlip", "Rotate", "ShiftX", "CutoutFixedNumber"]


def write_dataset(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.py").write_text(DATASET)
    return folder


def tiny_config(**changes: Any) -> Config:
    """A config; changes are section={key: value} or key=value, sections two levels deep at most."""
    values: dict[str, Any] = {
        "task": "classification",
        "policy_model": {
            "algorithm": "faster_autoaugment", "operations": OPERATIONS, "num_sub_policies": 3, "operation_count": 2,
            "num_chunks": 2,
        },
        "classification_model": {"num_classes": 2, "_target_": "augury.search.models.SmallModel"},
        "data": {"dataset": {"_target_": "dataset.SearchDataset"}, "dataloader": {"batch_size": 16}},
        "callbacks": {"stopping": {"enabled": False}},
        "logger": {"tensorboard": False},
        "trainer": {"max_epochs": 2, "accelerator": "cpu", "devices": 1, "progress_bar": False},
        "seed": 5,
    }  # fmt: skip
    for name, change in changes.items():
        held = values.get(name)
        values[name] = {**held, **change} if isinstance(held, dict) and isinstance(change, dict) else change
    return Config.read(values)
