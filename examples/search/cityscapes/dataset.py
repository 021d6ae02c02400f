"""Cityscapes, fine annotations, from the folders that leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

# The 34 label ids of the files by the 19 classes that are trained; all others are in no plane.
TRAIN_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


class SearchDataset:
    """Images (1024, 2048, 3) uint8 and masks (1024, 2048, 19) uint8.

    root: the folder with leftImg8bit and gtFine. split: train or val. scale: images are shrunk to this part of their
    size as they are read, so that the 19 planes of a mask stay small.
    """

    def __init__(self, root: str, split: str = "train", scale: float = 0.25) -> None:
        self.scale = scale
        self.samples = [
            (
                image,
                Path(root, "gtFine", split, image.parent.name, image.name.replace("leftImg8bit", "gtFine_labelIds")),
            )
            for image in sorted(Path(root, "leftImg8bit", split).glob("*/*_leftImg8bit.png"))
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image_path, label_path = self.samples[index]
        image = cv2.imread(str(image_path), cv2.IMREAD_COLOR)
        labels = cv2.imread(str(label_path), cv2.IMREAD_GRAYSCALE)
        if image is None or labels is None:
            raise ValueError(f"{image_path if image is None else label_path} is missing, or no image")
        image = cv2.resize(image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (labels[..., None] == np.array(TRAIN_IDS)).astype(np.uint8)
