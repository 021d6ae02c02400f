"""The 1,797 handwritten digits that scikit-learn brings along: nothing to download."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits


class SearchDataset:
    """Images (8, 8, 1) uint8 and the digits they show. limit: how many to use, all by default."""

    def __init__(self, limit: int | None = None) -> None:
        held = load_digits()
        self.images = np.rint(held.images[:limit, ..., None] * (255 / 16)).astype(np.uint8)
        self.targets = held.target[:limit]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], int(self.targets[index])
