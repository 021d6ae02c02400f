"""Pascal VOC 2012 segmentation, from the folders of its archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

CLASSES = 21  # background and twenty kinds of things


class SearchDataset:
    """Images (H, W, 3) uint8 and masks (H, W, 21) uint8; the white outlines, 255 in the files, are in no plane.

    root: the folder with JPEGImages, SegmentationClass and ImageSets. split: a list in ImageSets/Segmentation.
    """

    def __init__(self, root: str, split: str = "train") -> None:
        self.root = Path(root)
        self.names = (self.root / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name = self.names[index]
        path = self.root / "JPEGImages" / f"{name}.jpg"
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{path} is not an image that OpenCV can read")
        # Pixels of a palette PNG are class numbers; OpenCV would return the colours of the palette.
        with Image.open(self.root / "SegmentationClass" / f"{name}.png") as file:
            if file.mode != "P":
                raise ValueError(f"{file.filename} has mode {file.mode}; a mask of VOC is a palette PNG")
            numbers = np.asarray(file)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (numbers[..., None] == np.arange(CLASSES)).astype(np.uint8)
