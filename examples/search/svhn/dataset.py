"""SVHN, cropped digits, from train_32x32.mat of its web page. Needs SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat


class SearchDataset:
    """Images (32, 32, 3) uint8 and the digits they show.

    root: the folder with the files. split: train, extra or test. limit: how many images to use, all by default.
    """

    def __init__(self, root: str, split: str = "train", limit: int | None = None) -> None:
        held = loadmat(Path(root, f"{split}_32x32.mat"), variable_names=["X", "y"])
        self.images = np.ascontiguousarray(held["X"].transpose(3, 0, 1, 2)[:limit])
        # The file counts digits from 1, and writes 10 for the digit 0.
        self.targets = held["y"].ravel()[:limit].astype(np.int64) % 10

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], int(self.targets[index])
