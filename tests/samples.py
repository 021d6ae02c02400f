"""Samples that any process makes alike from a few words: the inputs of tests that run in several processes."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

BOX_SETTINGS = {"coord_format": "pascal_voc", "label_fields": ["labels"]}
SPACE_SETTINGS = {"coord_format": "xyz"}
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


def cube(channels: int = 3, dtype: str = "uint8", seed: int = 0, sides: tuple[int, int, int] = (6, 17, 23)) -> Any:
    """A sample of volumes, their masks and keypoints, which change from slice to slice."""
    depth, height, width = sides
    slices = [image(height, width, channels, dtype, seed + i) for i in range(depth)]
    masks = [mask(height, width, seed + i) for i in range(depth)]
    points = np.random.default_rng(seed + 3000).uniform(0, 1, (5, 3)) * (width - 1, height - 1, depth - 1)
    volume, mask3d = np.stack(slices), np.stack(masks)
    return {
        "volume": volume,
        "volumes": np.stack([volume, volume[::-1]]),
        "mask3d": mask3d,
        "masks3d": np.stack([mask3d, mask3d[:, ::-1]]).astype(np.int16),
        "keypoints": points.tolist(),
    }


def objects(seed: int = 0) -> list[dict[str, Any]]:
    """Four objects, each with mask, box and a keypoint, and label fields."""
    given, (one, two) = labels(seed=seed), (mask(seed=seed + 1), mask(seed=seed + 2))
    parts = zip(
        given["bboxes"], given["labels"], given["keypoints"], given["names"], (one, two, one, two), strict=False
    )
    return [
        {"mask": (m == 1).astype(np.uint8), "bbox": box, "labels": label, "keypoints": [point], "names": [name]}
        for box, label, point, name, m in parts
    ]


def sample(kind: str, seed: int = 0) -> dict[str, Any]:
    """A sample by name: every, image, gray, one, four, six, float, float_gray, uint16, boxes; cube, cube_gray,
    cube_one, cube_five, cube_float, cube_uint16; turned (boxes), instances, frames, films (volumes of steps on images).
    """
    if kind == "turned":
        given = sample("boxes", seed)
        turns = np.random.default_rng(seed + 4000).uniform(-80, 80, len(given["bboxes"]))
        return given | {"bboxes": [[*box, turn] for box, turn in zip(given["bboxes"], turns.tolist(), strict=True)]}
    if kind == "instances":
        return {"image": image(seed=seed), "mask": mask(seed=seed), "instances": objects(seed)}
    if kind == "frames":
        return {"frames": [sample("boxes", seed + t) for t in range(3)]}
    if kind == "films":
        volumes = np.stack([image(seed=seed + i) for i in range(4)]).reshape(2, 2, 60, 81, 3)
        labels3d = np.stack([mask(seed=seed + i) for i in range(4)]).reshape(2, 2, 60, 81)
        return {"volumes": volumes, "masks3d": labels3d, "mask": mask(seed=seed), **labels(seed=seed)}
    cubes: dict[str, tuple[int, str]] = {
        "cube": (3, "uint8"), "cube_gray": (0, "uint8"), "cube_one": (1, "uint8"), "cube_five": (5, "uint8"),
        "cube_float": (0, "float32"), "cube_uint16": (2, "uint16"),
    }  # fmt: skip
    if kind in cubes:
        return cube(*cubes[kind], seed)  # type: ignore[no-any-return]
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


def settings_of(targets: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a pipeline for these targets."""
    import augury as A

    boxes, points = A.BboxParams(**BOX_SETTINGS), A.KeypointParams(**POINT_SETTINGS)
    if "instances" in targets:
        bound = ["masks", "bboxes", "keypoints"]
        return {"instance_binding": bound, "bbox_params": boxes, "keypoint_params": points}
    if "frames" in targets:
        bound = ["images", "masks", "bboxes", "keypoints"]
        return {"frame_binding": bound, "bbox_params": boxes, "keypoint_params": points}
    if "bboxes" not in targets:
        return {"keypoint_params": A.KeypointParams(**SPACE_SETTINGS)} if "keypoints" in targets else {}
    if len(targets["bboxes"][0]) == 5:
        boxes = A.BboxParams(**BOX_SETTINGS, bbox_type="obb")
    return {"bbox_params": boxes, "keypoint_params": points}


# What donors are passed under, by transform.
DONORS = {
    "Mosaic": "mosaic_metadata", "CopyAndPaste": "copy_paste_metadata", "OverlayElements": "overlay_metadata",
    "FDA": "fda_metadata", "HistogramMatching": "hm_metadata", "PixelDistributionAdaptation": "pda_metadata",
}  # fmt: skip


def donors(like: Any, count: int = 3) -> list[dict[str, Any]]:
    """Items for an image of this dtype and these channels, every other one without an id."""
    out, like = [], image() if like is None else like
    for i in range(count):
        channels = like.shape[2] if like.ndim > 2 else 0
        item = {"image": image(44 + 9 * i, 50, channels, str(like.dtype), seed=90 + i), **labels(44 + 9 * i, 50, i)}
        item |= {"mask": mask(44 + 9 * i, 50, seed=i), "masks": [mask(44 + 9 * i, 50, seed=i + j) for j in range(2)]}
        out.append(item if i % 2 else {"id": f"donor {i}", **item})
    return out


def extras(name: str, like: Any) -> dict[str, Any]:
    """What a transform asks for beside the targets of a sample with this image."""
    if name == "RandomCropNearBBox":
        return {"cropping_bbox": [10, 12, 50, 44]}
    if name == "TextImage":
        texts = [("Who reads this?", [0.1, 0.1, 0.9, 0.4]), ("one two three", [0.3, 0.6, 0.8, 0.8])]
        return {"textimage_metadata": [{"text": text, "bbox": bbox} for text, bbox in texts]}
    if name == "OverlayElements":
        items = [{k: item[k] for k in ("image", "mask")} | {"mask_id": 7} for item in donors(like)]
        return {"overlay_metadata": [items[0] | {"bbox": [0.1, 0.2, 0.5, 0.6]}, items[1] | {"id": 4}, items[2]]}
    if name == "CopyAndPaste":
        return {"copy_paste_metadata": [item | {k: item[k][:1] for k in ("bboxes", "labels")} for item in donors(like)]}
    return {DONORS[name]: donors(like)} if name in DONORS else {}


@cache
def font() -> str:
    """Path of a font that Pillow ships, as a file."""
    from PIL import ImageFont

    path = Path(tempfile.gettempdir()) / "augury_tests_font.ttf"
    stream: Any = ImageFont.load_default(20).path  # type: ignore[union-attr]
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(stream.getvalue())
    fresh.replace(path)
    return str(path)


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
