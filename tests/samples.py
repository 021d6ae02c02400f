"""Samples that any process makes alike from a few words: the inputs of tests that run in several processes."""

from __future__ import annotations

from typing import Any

import numpy as np

BOX_SETTINGS = {"coord_format": "pascal_voc", "label_fields": ["labels"]}
POINT_SETTINGS = {"coord_format": "xyas", "label_fields": ["names"]}


def image(height: int = 60, width: int = 81, channels: int = 3, dtype: str = "uint8", seed: int = 0) -> Any:
    """A smooth picture with texture; float32 in [0, 1]. channels 0 gives (H, W)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [0.5 + 0.3 * np.sin(x / (5 + c) + c) * np.cos(y / (7 + c)) for c in range(max(channels, 1))]
    values = np.clip(np.stack(waves, -1) + rng.normal(0, 0.08, (height, width, max(channels, 1))), 0, 1)
    values = values[..., 0] if channels == 0 else values
    if dtype == "float32":
        return values.astype(np.float32)
    full = {"uint8": 255, "uint16": 65535}[dtype]
    return np.round(values * full).astype(dtype)


def mask(height: int = 60, width: int = 81, seed: int = 0, dtype: str = "uint8") -> Any:
    """Blocks of labels 0..4."""
    rng = np.random.default_rng(seed + 1000)
    coarse = rng.integers(0, 5, (-(-height // 8), -(-width // 8)))
    return np.kron(coarse, np.ones((8, 8), int))[:height, :width].astype(dtype)


def labels(height: int = 60, width: int = 81, seed: int = 0) -> dict[str, Any]:
    """Boxes, keypoints and their label fields."""
    rng = np.random.default_rng(seed + 2000)
    low = rng.uniform(0, 0.6, (4, 2)) * (width, height)
    high = low + rng.uniform(0.1, 0.4, (4, 2)) * (width, height)
    points = rng.uniform(0.05, 0.9, (5, 2)) * (width - 1, height - 1)
    angles, scales = rng.uniform(0, 360, 5), rng.uniform(1, 5, 5)
    return {
        "bboxes": np.concatenate([low, high], 1).tolist(),
        "labels": list("abcd"),
        "keypoints": np.column_stack([points, angles, scales]).tolist(),
        "names": list(range(5)),
    }


def every_target(seed: int = 0) -> dict[str, Any]:
    """One sample with all targets."""
    return {
        "image": image(seed=seed),
        "mask": mask(seed=seed),
        "images": np.stack([image(seed=seed + i) for i in range(2)]),
        "masks": [mask(seed=seed + i) for i in range(2)],
        "volume": np.stack([image(seed=seed + i) for i in range(3)]),
        "mask3d": np.stack([mask(seed=seed + i) for i in range(3)]),
        **labels(seed=seed),
    }


def sample(kind: str, seed: int = 0) -> dict[str, Any]:
    """A sample by name: every, image, gray, one, four, six, float, float_gray, uint16, boxes."""
    if kind == "every":
        return every_target(seed)
    if kind == "boxes":
        return {"image": image(seed=seed), "mask": mask(seed=seed), **labels(seed=seed)}
    shapes: dict[str, tuple[int, str]] = {
        "image": (3, "uint8"), "gray": (0, "uint8"), "one": (1, "uint8"), "four": (4, "uint8"), "six": (6, "uint8"),
        "float": (3, "float32"), "float_gray": (0, "float32"), "uint16": (3, "uint16"),
    }  # fmt: skip
    channels, dtype = shapes[kind]
    return {"image": image(channels=channels, dtype=dtype, seed=seed), "mask": mask(seed=seed)}


def extras(name: str, like: Any) -> dict[str, Any]:
    """What a transform asks for beside the targets of a sample with this image."""
    return {"cropping_bbox": [10, 12, 50, 44]} if name == "RandomCropNearBBox" else {}


def equal(a: Any, b: Any) -> bool:
    """Whether two results hold the same values, whatever their containers."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(equal(p, q) for p, q in zip(a, b, strict=True))
    x, y = np.asarray(a), np.asarray(b)
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    return bool(np.array_equal(x, y, equal_nan=x.dtype.kind == "f"))


def digest(value: Any) -> str:
    """A short digest of a result's values, dtypes and shapes."""
    from hashlib import blake2b

    h = blake2b(digest_size=12)

    def feed(part: Any) -> None:
        if isinstance(part, dict):
            for k in sorted(part):
                h.update(k.encode())
                feed(part[k])
        elif isinstance(part, (list, tuple)):
            h.update(b"[")
            for item in part:
                feed(item)
            h.update(b"]")
        else:
            array = np.asarray(part)
            h.update(f"{array.dtype}{array.shape}".encode())
            h.update(np.ascontiguousarray(array).tobytes() if array.dtype != object else repr(part).encode())

    feed(value)
    return h.hexdigest()
