"""The samples of the search. Change what finds and reads them; what `__getitem__` returns stays as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np


class SearchDataset:
    """Images in root/images, and for each a grey PNG of the same name in root/masks whose pixels are class numbers."""

    def __init__(self, root: str, num_classes: int) -> None:
        self.num_classes = num_classes
        self.samples = [
            (path, Path(root, "masks", f"{path.stem}.png"))
            for path in sorted(Path(root, "images").iterdir())
            if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """An image (H, W, C), uint8 or float32 in [0, 1] as data.input_dtype says, and a mask (H, W, num_classes).

        The mask has a plane per class, 1 where the class is and 0 elsewhere; a pixel of no class is 0 in all of them.
        Do not augment, normalise or make tensors here: the search does.
        """
        image_path, mask_path = self.samples[index]
        image, numbers = cv2.imread(str(image_path)), cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if image is None or numbers is None:
            raise ValueError(f"{image_path} or {mask_path} is not an image that OpenCV can read")
        mask = (numbers[..., None] == np.arange(self.num_classes)).astype(np.uint8)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), mask
