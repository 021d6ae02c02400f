"""Labels follow pixels: markers are drawn into all targets, and found again after every geometric transform.

A marker is a smooth blob (its centroid must be where the keypoint is) or a filled shape in image and mask (both must
stay the same shape, and the box must be its hull). Images have odd sizes; every case meets several draws.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.catalogue import dropout, mixing
from augury.transform import REGISTRY
from tests.catalogue import test_volume as volumes
from tests.catalogue.cases import CASES
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, sample

SIZES = ((61, 83), (77, 59))
# Draws of a case: at least FEW, and until ENOUGH markers stayed whole.
FEW, ENOUGH, MANY = 4, 8, 60
# Of a blob, in pixels.
SIGMA = 1.5
# Dual transforms whose pixels stay where they are, and those that take markers apart: their own files test them.
STILL = {"NoOp", "ToTensorV2", "UniformTemporalSubsample", *dropout.__all__, *mixing.__all__}
APART = {"PixelSpread", "RandomGridShuffle"}
EVERY = [
    (i, name, arguments)
    for i, (name, arguments) in enumerate(CASES)
    if REGISTRY[name].acts_on == "dual" and REGISTRY[name].sees == "frames" and name not in STILL
]
MOVING = [case for case in EVERY if case[1] not in APART]
# Largest distance, in pixels of the result, between a keypoint and the blob's centroid, and between a box and the hull
# of its object.
# A bend moves the centroid of a blob by its curvature, and a box's outline is followed at 32 points.
# An ellipse of an even number of pixels has its middle half a pixel aside.
BENT = {
    "ElasticTransform": (1.5, 2.0), "GridDistortion": (1.0, 2.0), "OpticalDistortion": (0.5, 1.5),
    "PiecewiseAffine": (1.5, 2.0), "ThinPlateSpline": (1.5, 2.5), "GridElasticDeform": (1.5, 2.0),
    "WaterRefraction": (1.5, 3.0), "Morphological": (1.0, 1.25),
}  # fmt: skip
STRAIGHT = (0.5, 1.25)
# OpenCV's nearest neighbour reads up to a pixel beside where linear interpolation reads when the size changes.
RESIZING = {
    "Resize",
    "LongestMaxSize",
    "SmallestMaxSize",
    "RandomScale",
    "LetterBox",
    "RandomSizedCrop",
    "RandomResizedCrop",
    "CropAndPad",
    "BBoxSafeRandomCrop",
    "RandomSizedBBoxSafeCrop",
}
LABEL = 77


def spots(height: int, width: int) -> list[tuple[float, float]]:
    return [
        (width * fx, height * fy)
        for fx, fy in ((0.5, 0.5), (0.25, 0.3), (0.7, 0.35), (0.3, 0.72), (0.78, 0.75), (0.5, 0.2))
    ]


def blob(height: int, width: int, x: float, y: float, sigma: float = SIGMA) -> Any:
    """A bright Gaussian spot with its centre at pixel index (x, y)."""
    rows, columns = np.mgrid[:height, :width]
    bright = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(bright).astype(np.uint8)[..., None], 3, axis=2)


def rectangle(height: int, width: int, x: float, y: float) -> tuple[int, int, int, int]:
    """Edges of a box around a spot."""
    return round(x) - 8, round(y) - 6, round(x) + 7, round(y) + 8


def marked(height: int, width: int, box: tuple[int, int, int, int], round_: bool) -> dict[str, Any]:
    """An image and a mask in which the box, or its inscribed ellipse, is filled."""
    shape = np.zeros((height, width), np.uint8)
    x_min, y_min, x_max, y_max = box
    if round_:
        rows, columns = np.mgrid[:height, :width] + 0.5
        across, down = (2 * columns - x_min - x_max) / (x_max - x_min), (2 * rows - y_min - y_max) / (y_max - y_min)
        shape[across**2 + down**2 <= 1] = 1
    else:
        shape[y_min:y_max, x_min:x_max] = 1
    return {"image": np.repeat(shape[..., None] * 255, 3, axis=2), "mask": shape * LABEL}


def core(shape: Any, rim: int) -> Any:
    """A shape without the outermost pixels."""
    return cv2.erode(shape.astype(np.uint8), np.ones((3, 3)), iterations=rim, borderValue=0).astype(bool)


def test_what_is_left_out_moves_no_points() -> None:
    for name, arguments in CASES:
        if REGISTRY[name].acts_on == "dual" and name in STILL - set(mixing.__all__):
            given = sample("every" if name != "ToTensorV2" else "boxes")
            settings = {
                "bbox_params": A.BboxParams(**BOX_SETTINGS),
                "keypoint_params": A.KeypointParams(**POINT_SETTINGS),
            }
            out = A.Compose([getattr(A, name)(**{**arguments, "p": 1})], seed=1, **settings)(**given)
            rows = np.array(given["keypoints"])[list(out["names"])]
            assert np.allclose(rows, np.reshape(out["keypoints"], rows.shape), atol=1e-6), name


# Where markers are looked for instead.
ELSEWHERE = {
    "ToTensor3D": "test_volume.py: test_tensors_hold_the_same_voxels",
    "CoarseDropout3D": "test_volume.py: test_holes_and_labels",
    "UniformTemporalSubsample": "targets/test_bindings.py",
    "NoOp": "test_what_is_left_out_moves_no_points", "ToTensorV2": "test_what_is_left_out_moves_no_points",
    **dict.fromkeys(dropout.__all__, "test_dropout.py, and test_what_is_left_out_moves_no_points"),
    **dict.fromkeys(("Mosaic", "CopyAndPaste", "OverlayElements"), "test_mixing.py"),
}  # fmt: skip


def test_every_dual_transform_meets_a_marker() -> None:
    here = {name for _, name, _ in EVERY} | {name for name, _ in volumes.MOVING}
    dual = {name for name in A.catalogue.__all__ if REGISTRY[name].acts_on == "dual"}
    assert dual - here == ELSEWHERE.keys() & dual
    assert not here & ELSEWHERE.keys()


def record_of(name: str, arguments: dict[str, Any], height: int, width: int, key: int) -> Any:
    """One draw of the transform on a sample with a marker in it."""
    box = rectangle(height, width, *spots(height, width)[key % 6])
    pipeline = A.ReplayCompose(
        [getattr(A, name)(**{**arguments, "p": 1})],
        seed=137,
        bbox_params=A.BboxParams("pascal_voc", clip_after_transform=False),
        keypoint_params=A.KeypointParams("xyas", remove_invisible=False),
    )
    extras = {"cropping_bbox": list(box)} if name == "RandomCropNearBBox" else {}
    return pipeline(**marked(height, width, box, False), bboxes=[list(box)], **extras, key=key)["replay"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("index", "name", "arguments"), MOVING, ids=[f"{name}-{i}" for i, name, _ in MOVING])
def test_keypoints_follow_pixels(index: int, name: str, arguments: dict[str, Any], size: tuple[int, int]) -> None:
    tolerance, _ = BENT.get(name, STRAIGHT)
    sigma = 3 * SIGMA if name == "Morphological" else SIGMA  # erosion must leave something
    found = 0
    for key in range(MANY):
        if key >= FEW and found >= ENOUGH:
            break
        record = record_of(name, arguments, *size, key)
        for spot in spots(*size):
            around = ((0, 0), (1, 0), (0, 1), (2 * sigma, 0), (-2 * sigma, 0), (0, 2 * sigma), (0, -2 * sigma))
            points = [(spot[0] + dx, spot[1] + dy, 0.0, 1.0) for dx, dy in around]
            out = A.replay(record, image=blob(*size, *spot, sigma), keypoints=points)
            (x, y), right, below, *sides = (np.array(point[:2]) for point in out["keypoints"])
            # A blob that is bent in itself has its middle elsewhere.
            bent = max(np.hypot(*((sides[i] + sides[i + 1]) / 2 - (x, y))) for i in (0, 2))
            if name in BENT and bent > 1:
                continue
            height, width = out["image"].shape[:2]
            across, down = np.maximum(3 * sigma * np.hypot(right - (x, y), below - (x, y)), 3)
            if not (across < x < width - 1 - across and down < y < height - 1 - down):
                continue
            # Borders may mirror the blob, so only its surroundings are searched.
            left, top = int(x - across), int(y - down)
            near = out["image"][top : int(y + down) + 2, left : int(x + across) + 2, 0].astype(np.float64)
            near[near < 25] = 0
            assert near.max() > 80, (key, spot, "the blob is not where the keypoint is")
            rows, columns = np.mgrid[: near.shape[0], : near.shape[1]]
            centre = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum() + (left, top)
            distance = float(np.hypot(*(centre - (x, y))))
            assert distance < tolerance, (key, spot, distance)
            found += 1
    assert found >= ENOUGH, "too few blobs stayed whole"


# What no case fills masks with.
LABELS = (20, 50, 77, 110, 140, 200)


def scene(height: int, width: int, round_: bool) -> dict[str, Any]:
    """Every target with the same six rectangles or ellipses in it, each with a label of its own in the mask.

    Every object has five keypoints: its middle, and four of its own outline.
    """
    rows, columns = np.mgrid[:height, :width]
    middles = [(round(x), round(y)) for x, y in spots(height, width)]
    mask = np.zeros((height, width), np.uint8)
    for label, (x, y) in zip(LABELS, middles, strict=True):
        across, down = np.abs(columns - x) / 4.5, np.abs(rows - y) / 3.5
        mask[across**2 + down**2 <= 1 if round_ else np.maximum(across, down) <= 1] = label
    picture = np.repeat(np.where(mask > 0, 55 + mask, 0).astype(np.uint8)[..., None], 3, axis=2)
    around = ((0, 0), (4, 0), (-4, 0), (0, 3), (0, -3))
    return {
        "image": picture,
        "images": np.stack([picture] * 2),
        "mask": mask,
        "masks": [np.where(mask == label, mask, 0) for label in LABELS],
        "volume": np.stack([picture] * 2),
        "mask3d": np.stack([mask] * 2),
        "bboxes": [[x - 4.0, y - 3.0, x + 5.0, y + 4.0] for x, y in middles],
        "keypoints": [[float(x + dx), float(y + dy), 0.0, 1.0] for x, y in middles for dx, dy in around],
    }


@pytest.mark.parametrize(("index", "name", "arguments"), EVERY, ids=[f"{name}-{i}" for i, name, _ in EVERY])
def test_every_target_shows_the_same(index: int, name: str, arguments: dict[str, Any]) -> None:
    _, tight = BENT.get(name, STRAIGHT)
    whole = 0
    for key in range(MANY):
        if key >= FEW and (whole >= ENOUGH or name in APART):
            break
        size = SIZES[key % 2]
        given = scene(*size, arguments.get("rotate_method") == "ellipse")
        record = record_of(name, arguments, *size, key)
        out = A.replay(record, **given)
        height, width = out["image"].shape[:2]
        for frames, frame in (("images", "image"), ("volume", "image"), ("mask3d", "mask")):
            assert len(out[frames]) == 2 and all(np.array_equal(part, out[frame]) for part in out[frames]), frames
        filled = {0, arguments.get("fill_mask", 0)}
        assert set(np.unique(out["mask"])) <= {*LABELS, *filled}
        assert len(out["bboxes"]) <= len(LABELS) == len(out["masks"]) == len(out["keypoints"]) / 5
        for i, label in enumerate(LABELS):
            shown = out["mask"] == label
            assert name == "Morphological" or np.array_equal(out["masks"][i] == label, shown)
            binary = shown.astype(np.uint8)
            parts, _, (*_, (left, top, w, h, area)), (*_, middle) = cv2.connectedComponentsWithStats(binary)
            (x, y), *sides = (np.array(point[:2]) for point in out["keypoints"][5 * i : 5 * i + 5])
            bent = max(np.hypot(*((sides[j] + sides[j + 1]) / 2 - (x, y))) for j in (0, 2))
            if name in APART or parts != 2 or min(left, top, width - left - w, height - top - h) < 1 or area < 4:
                continue  # it is cut, mirrored, or all but gone
            if name in BENT and bent > 0.5:
                continue
            assert np.hypot(*(middle - (x, y))) < (1.5 if name in BENT else 1.25 if name in RESIZING else 1), (
                key,
                label,
            )
            bright = out["image"][..., 0][core(shown, 1)]
            assert not bright.size or abs(np.median(bright) - 55 - label) < 13, (key, label, "mask and image differ")
            hull = np.array([left, top, left + w, top + h])
            off = np.abs(np.array([box[:4] for box in out["bboxes"]]) - hull).max(axis=1).min()
            assert off < tight + 0.5, (key, label, hull)
            whole += 1
    assert name in APART or whole >= ENOUGH, "too few objects stayed whole"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("index", "name", "arguments"), MOVING, ids=[f"{name}-{i}" for i, name, _ in MOVING])
def test_masks_and_boxes_follow_pixels(index: int, name: str, arguments: dict[str, Any], size: tuple[int, int]) -> None:
    _, tolerance = BENT.get(name, STRAIGHT)
    ellipse = arguments.get("rotate_method") == "ellipse"
    whole = 0
    for key in range(MANY):
        if key >= FEW and whole >= ENOUGH:
            break
        record = record_of(name, arguments, *size, key)
        for spot in spots(*size):
            box = rectangle(*size, *spot)
            out = A.replay(record, **marked(*size, box, ellipse), bboxes=[list(map(float, box))])
            height, width = out["image"].shape[:2]
            assert out["mask"].shape == (height, width)
            bright, labelled = out["image"][..., 0] > 127, out["mask"] == LABEL
            if not out["bboxes"]:
                assert labelled.sum() < 6, (key, spot, "the box was removed, but its object is there")
                continue
            x_min, y_min, x_max, y_max = out["bboxes"][0]
            # Both were resampled, each in its own way, so they may differ along the outline.
            rim = 2 if name in RESIZING else 1
            assert not (core(bright, rim) & ~labelled).any() and not (core(labelled, rim) & ~bright).any(), (key, spot)
            inside = labelled.copy()
            if min(x_min, y_min, width - x_max, height - y_max) > -tolerance:
                _, parts = cv2.connectedComponents(labelled.astype(np.uint8))
                middle = parts[round((y_min + y_max) / 2 - 0.5), round((x_min + x_max) / 2 - 0.5)]
                assert middle, (key, spot, "the middle of the box is not in the object")
                inside = parts == middle
                rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
                hull = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
                difference = np.abs(np.subtract(hull, out["bboxes"][0])).max()
                assert difference < tolerance, (key, spot, hull, out["bboxes"][0])
                whole += 1
    assert whole >= ENOUGH, "too few objects stayed whole"


@pytest.mark.parametrize(("index", "name", "arguments"), MOVING, ids=[f"{name}-{i}" for i, name, _ in MOVING])
def test_scales_and_angles_follow_pixels(index: int, name: str, arguments: dict[str, Any]) -> None:
    # A second keypoint one pixel along the first one's direction tells where the direction and the unit of length go.
    height, width = SIZES[0]
    step, found = 0.05, 0
    for key in range(FEW):
        record = record_of(name, arguments, height, width, key)
        for x, y in spots(height, width):
            for angle in (0.0, 70.0, 200.0):
                along = np.radians(angle)
                points = [[x, y, angle, 1.0], [x + step * np.cos(along), y + step * np.sin(along), angle, 1.0]]
                (x0, y0, turned, scale), (x1, y1, turned_too, scale_too) = A.replay(
                    record, image=np.zeros((height, width, 3), np.uint8), keypoints=points
                )["keypoints"]
                if name in BENT and (abs((turned - turned_too + 180) % 360 - 180) > 2 or abs(scale - scale_too) > 0.05):
                    continue  # a field has a kink between pixels
                moved = np.array([x1 - x0, y1 - y0]) / step
                want = np.degrees(np.arctan2(moved[1], moved[0]))
                off = abs((turned - want + 180) % 360 - 180)
                assert off < (6 if name in BENT else 0.5), (key, x, y, angle, turned, want)
                assert np.hypot(*moved) <= scale * (1.1 if name in BENT else 1.001), "the scale is the larger stretch"
                found += 1
    assert found >= 9
