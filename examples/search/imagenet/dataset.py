"""ImageNet (ILSVRC 2012), from the folders of JPEG files that its training archive unpacks to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2


class SearchDataset:
    """Images (H, W, 3) uint8 and classes, numbered in order of their WordNet ids.

    root: the folder that holds n01440764, n01443537 and so on. per_class: how many images of each to use, all by
    default.
    """

    def __init__(self, root: str, per_class: int | None = None) -> None:
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir())
        self.samples = [
            (path, label) for label, folder in enumerate(folders) for path in sorted(folder.glob("*.JPEG"))[:per_class]
        ]
        self.targets = [label for _, label in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.samples[index]
        # A few files are grey, CMYK, or PNG under the name of JPEG; this reads all of them as colour.
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{path} is not an image that OpenCV can read")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), label
