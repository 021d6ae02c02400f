"""What both sides of a comparison share: images, labels, and pipelines described as JSON.

A spec is a list of [name, arguments]; both libraries take the argument names of Albumentations 2.0.8. Lists in
arguments are tuples, "@negate" is a function and "@font" the path of a TrueType font. This module imports neither
library.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")

Array = npt.NDArray[Any]
Spec = list[list[Any]]


def photo(height: int, width: int, channels: int = 3, dtype: str = "uint8", seed: int = 7) -> Array:
    """A synthetic photo: octaves of smooth noise, finer ones weaker, a few hard edges, a little grain; full range used.

    Shape (H, W) if channels is 0, else (H, W, C). float32 is in [0, 1].
    """
    rng = np.random.default_rng(seed)
    planes = max(channels, 1)
    image: Array = np.zeros((height, width, planes), np.float32)
    for octave in range(1, 7):
        cells = 2**octave + 1
        coarse = rng.random((cells, cells, planes), np.float32) - 0.5
        fine: Array = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        image += fine.reshape(height, width, planes) / 2 ** (0.8 * octave)
    for _ in range(6):
        x, y = rng.integers(0, width), rng.integers(0, height)
        image[y : y + height // 4, x : x + width // 4] += rng.normal(0, 0.15, planes).astype(np.float32)
    image += rng.normal(0, 0.01, image.shape).astype(np.float32)
    image = (image - image.min()) / (image.max() - image.min())
    if dtype != "float32":
        full = np.iinfo(dtype).max
        image = np.rint(image * full).astype(dtype)
    return image[:, :, 0].copy() if channels == 0 else image


def label_mask(height: int, width: int, seed: int = 11) -> Array:
    """Regions with labels 0 to 5, uint8, (H, W)."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((5, 7), np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    labels: Array = np.clip(np.asarray(smooth) * 6, 0, 5).astype(np.uint8)
    return labels


def boxes(count: int, height: int, width: int, seed: int = 13) -> Array:
    """pascal_voc boxes inside the image, float32, (N, 4), each side at least 4 pixels."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random((count, 2)) * (width - 4), axis=1)
    y = np.sort(rng.random((count, 2)) * (height - 4), axis=1)
    return np.stack([x[:, 0], y[:, 0], x[:, 1] + 4, y[:, 1] + 4], axis=1).astype(np.float32)


def points(count: int, height: int, width: int, seed: int = 17) -> Array:
    """xy keypoints inside the image, float32, (N, 2)."""
    rng = np.random.default_rng(seed)
    found: Array = (rng.random((count, 2)) * (width - 1, height - 1)).astype(np.float32)
    return found


def metadata(kind: str, count: int, size: int) -> list[Any]:
    """What transforms that mix read beside the image: pictures of the same size, an element to lay over, a text."""
    pictures = [photo(size, size, seed=20 + i) for i in range(count)]
    if kind == "mosaic_metadata":
        return [{"image": picture} for picture in pictures]
    if kind == "overlay_metadata":
        quarter = size // 4
        return [{"image": picture[:quarter, :quarter].copy(), "bbox": [0.1, 0.1, 0.35, 0.35]} for picture in pictures]
    if kind == "textimage_metadata":
        return [{"text": "the quick brown fox", "bbox": (0.1, 0.1, 0.9, 0.2)}] * count
    return pictures


def negate(image: Array, **_: Any) -> Array:
    """The function that "@negate" stands for."""
    return 255 - image


def font() -> str:
    """The first TrueType font of this machine; LookupError if there is none."""
    found = sorted(path for folder in FONTS for path in Path(folder).rglob("*.ttf"))
    if not found:
        raise LookupError(f"no TrueType font in {' or '.join(FONTS)}")
    return str(found[0])


def arguments(value: Any) -> Any:
    """JSON `value` as arguments: lists become tuples, "@negate" the function, "@font" a path."""
    if isinstance(value, list):
        return tuple(arguments(item) for item in value)
    if isinstance(value, dict):
        return {key: arguments(item) for key, item in value.items()}
    return negate if value == "@negate" else font() if value == "@font" else value


def transform(library: ModuleType, name: str, values: dict[str, Any]) -> Any:
    """One transform of `library`; the tensor transforms live in its torch module."""
    cls = getattr(library, name, None)
    if cls is None and name.startswith("ToTensor"):
        module = "pytorch" if library.__name__ == "albumentations" else "torch"
        cls = getattr(importlib.import_module(f"{library.__name__}.{module}"), name, None)
    if cls is None:
        raise LookupError(f"{library.__name__} has no {name}")
    return cls(**arguments(values))


def pipeline(library: ModuleType, spec: Spec, compose: str = "Compose", **options: Any) -> Any:
    """A pipeline of `library` from a spec; `options` go to its constructor."""
    return getattr(library, compose)([transform(library, name, values) for name, values in spec], **options)
