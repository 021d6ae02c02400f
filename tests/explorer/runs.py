"""Small runs to explore: samples with boxes, a mask and keypoints, and losses that grow with the angle of Rotate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import augury as A

ODD = "<script>alert(1)</script>\"'&"
IDS = [*(f"img{n:02d}" for n in range(11)), ODD]
EPOCHS = 4
HEIGHT, WIDTH = 40, 48


def source(sample_id: str) -> dict[str, Any]:
    """A picture of coloured waves, two boxes, a mask of one of them, and a point."""
    draw = np.random.default_rng(IDS.index(sample_id))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(x / draw.uniform(2, 9)) * np.cos(y / draw.uniform(2, 9)) for _ in range(3)]
    image = np.round(127 + 120 * np.stack(waves, -1)).astype(np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:20, 6:24] = 1
    return {
        "image": image,
        "mask": mask,
        "bboxes": [[6, 5, 24, 20], [30, 22, 46, 38]],
        "labels": ["cat", "<b>dog</b>"],
        "keypoints": [[15, 12]],
    }


def score(sample: dict[str, Any]) -> float:
    """A loss that any change of pixels changes."""
    return float(sample["image"].mean()) / 100


def broken(sample_id: str) -> dict[str, Any]:
    raise KeyError(f"no file for {sample_id}")


def resized(sample_id: str) -> dict[str, Any]:
    """The samples, but larger than when the records were drawn."""
    return {"image": np.zeros((64, 64, 3), np.uint8)}


def pipeline(seed: int = 7, limit: int = 180) -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.HorizontalFlip(p=0.5),
            A.Rotate(limit=limit, p=0.6),
            A.RandomBrightnessContrast(p=0.5),
            A.OneOf([A.GaussNoise(p=1), A.GaussianBlur(p=1)], p=0.5),
            A.CoarseDropout(p=0.3),
        ],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xy"),
        seed=seed,
    )


def write(
    folder: Path,
    augment: A.ReplayCompose | None = None,
    loss: Callable[[float, int], Any] = lambda angle, n: 0.2 + abs(angle) / 100 + n % 7 / 50,
    epochs: int = EPOCHS,
) -> A.Ledger:
    """A ledger of every sample in every epoch. loss: of the angle that Rotate drew, 0 without, and the row's number."""
    augment = augment or pipeline()
    ledger = A.Ledger(folder, pipeline=augment)
    with ledger:
        for n in range(epochs * len(IDS)):
            epoch, index = divmod(n, len(IDS))
            record = augment(**source(IDS[index]), key=(epoch, index))["replay"]
            angle = next((s["params"]["angle"] for s in record["steps"] if "angle" in s.get("params", {})), 0.0)
            ledger.log(IDS[index], record, loss(angle, n), epoch, n, label=index % 3)
    return ledger
