"""The samples of the search. Change what finds and reads them; what `__getitem__` returns stays as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2


class SearchDataset:
    """Images in one folder per class: root/cat/1.jpg, root/dog/2.png. Classes are numbered in order of their names."""

    def __init__(self, root: str) -> None:
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir())
        self.samples = [
            (path, label)
            for label, folder in enumerate(folders)
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """An image (H, W, C), uint8 or float32 in [0, 1] as data.input_dtype says, and its class, 0 to num_classes - 1.

        Do not augment, normalise or make tensors here: the search does.
        """
        path, label = self.samples[index]
        image = cv2.imread(str(path))
        if image is None:
            raise ValueError(f"{path} is not an image that OpenCV can read")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), label
