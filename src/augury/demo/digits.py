"""What the demonstration works on: handwritten digits, a pipeline with one harmful step, a dataset, a small network."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import Dataset

import augury as A
from augury.digest import digest_of
from augury.sample import Array

SIDE = 32


@cache
def digits() -> tuple[Array, Array]:
    """Images (N, 32, 32) uint8, enlarged from 8 x 8, and the digits they show; in the order scikit-learn has them."""
    data = load_digits()
    small = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return np.stack([cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for image in small]), data.target


def name_of(index: int) -> str:
    """The sample id of an image."""
    return f"digit-{index:04d}"


def source(sample_id: str) -> dict[str, Any]:
    """The targets of a sample, as `Ledger.replay` asks for them."""
    return {"image": digits()[0][int(sample_id.rpartition("-")[2])]}


def pipeline(seed: int) -> A.ReplayCompose:
    """Ordinary augmentations, and one that is wrong for digits: turned far enough, a 6 is a 9."""
    return A.ReplayCompose(
        [
            A.ShiftScaleRotate(shift_limit=0.06, scale_limit=0.1, rotate_limit=10, p=0.7),
            A.Rotate(limit=180, p=0.2),
            A.RandomBrightnessContrast(p=0.5),
            A.CoarseDropout(num_holes_range=(1, 2), hole_height_range=(4, 8), hole_width_range=(4, 8), p=0.3),
            A.GaussNoise(std_range=(0.02, 0.1), p=0.3),
            A.Normalize(mean=0.3, std=0.35),
            A.ToTensorV2(),
        ],
        seed=seed,
    )


class Digits(Dataset[dict[str, Any]]):
    """Augmented samples; the item (epoch, index) depends on nothing but these two and the seed."""

    def __init__(self, seed: int) -> None:
        self.pipeline = pipeline(seed)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        images, labels = digits()
        result = self.pipeline(image=images[key[1]], key=key)
        return {
            "sample_id": name_of(key[1]),
            "image": result["image"],
            "label": int(labels[key[1]]),
            "record": result["replay"],
            "digest": digest_of(result["image"])["digest"],
        }


def network() -> nn.Sequential:
    """About 25,000 weights, from (N, 1, 32, 32) to ten logits."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10))


def plain_tensor(index: Any) -> torch.Tensor:
    """Images as the network sees them when nothing else is done to them."""
    plain = A.Compose([A.Normalize(mean=0.3, std=0.35), A.ToTensorV2()])
    return torch.stack([plain(image=digits()[0][i])["image"] for i in index])
