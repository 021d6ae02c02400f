"""Crops: where the window may lie, what it shows, what is refused."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury import ops
from augury.errors import FieldError, SampleError
from augury.kernels.cpu import KERNELS
from augury.sample import Labels
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature


def coords(transform: Any, sig: Any = None, keys: Any = KEYS) -> Any:
    return np.array([drawn(transform, key, sig)["crop_coords"] for key in keys])


# ---- fixed sizes ---------------------------------------------------------------------------------------


def test_crop() -> None:
    pixels = image()
    out = run(A.Crop(5, 6, 25, 36), image=pixels, mask=pixels[..., 0], bboxes=[[0, 0, 10, 10]], keypoints=[[7, 9]])
    assert np.array_equal(out["image"], pixels[6:36, 5:25])
    assert np.array_equal(out["mask"], pixels[6:36, 5:25, 0])
    assert np.allclose(out["bboxes"], [[0, 0, 5, 4]])
    assert np.allclose(out["keypoints"], [[2, 3]])
    with pytest.raises(SampleError, match="pad_if_needed=True"):
        run(A.Crop(x_max=61, y_max=40))
    with pytest.raises(FieldError, match="x_max"):
        A.Crop(x_min=10, x_max=10)


@pytest.mark.parametrize("border", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("position", ["center", "top_left", "top_right", "bottom_left", "bottom_right"])
@pytest.mark.parametrize("box", [(5, 6, 70, 80), (50, 30, 70, 80), (65, 6, 90, 20), (61, 45, 90, 80), (0, 0, 90, 10)])
def test_padding_comes_before_cropping(box: tuple[int, ...], position: str, border: int) -> None:
    x_min, y_min, x_max, y_max = box
    pixels = image()
    down, across = max(0, y_max - 40), max(0, x_max - 60)
    top = down // 2 if position == "center" else down if "bottom" in position else 0
    left = across // 2 if position == "center" else across if "right" in position else 0
    frame = cv2.copyMakeBorder(pixels, top, down - top, left, across - left, border, value=(7, 7, 7))
    crop = A.Crop(*box, pad_if_needed=True, pad_position=position, border_mode=border, fill=7)
    out = run(crop, image=pixels, keypoints=[[8, 9]])
    assert np.array_equal(out["image"], frame[y_min:y_max, x_min:x_max])
    assert np.allclose(out["keypoints"], [[8 + left - x_min, 9 + top - y_min]])


def test_random_crop_is_uniform_over_all_places() -> None:
    box = coords(A.RandomCrop(37, 57), keys=range(2000))
    assert (box[:, 2] - box[:, 0] == 57).all()
    assert (box[:, 3] - box[:, 1] == 37).all()
    places, counts = np.unique(box[:, :2], axis=0, return_counts=True)
    assert len(places) == 16
    assert counts.min() > 85


def test_random_crop_pads_only_the_short_axis() -> None:
    transform = A.RandomCrop(50, 30, pad_if_needed=True, fill=9)
    box = coords(transform)
    assert set(box[:, 1]) == {-5}
    assert set(box[:, 0]) == set(range(31))
    pixels = image()
    for border in range(5):
        crop = A.RandomCrop(50, 30, pad_if_needed=True, border_mode=border)
        x_min = drawn(crop, 4)["crop_coords"][0]
        program = lowered(crop, 4)
        out = pixels

        for op in program:
            out = KERNELS[type(op)](out, op)
        assert np.array_equal(out, cv2.copyMakeBorder(pixels, 5, 5, 0, 0, border)[:, x_min : x_min + 30])
    random = coords(A.RandomCrop(50, 70, pad_if_needed=True, pad_position="random"))
    assert set(random[:, 1]) == set(range(-10, 1))
    assert set(random[:, 0]) == set(range(-10, 1))
    with pytest.raises(SampleError, match="pad_if_needed=True"):
        run(A.RandomCrop(50, 30))


def test_center_crop() -> None:
    assert drawn(A.CenterCrop(20, 31))["crop_coords"] == (14, 10, 45, 30)
    assert drawn(A.CenterCrop(51, 81, pad_if_needed=True))["crop_coords"] == (-10, -5, 71, 46)
    assert lowered(A.CenterCrop(51, 81, pad_if_needed=True)) == (ops.Pad(5, 6, 10, 11),)
    with pytest.raises(SampleError, match="does not fit"):
        run(A.CenterCrop(41, 60))


def test_edited_windows_are_checked() -> None:
    params = drawn(A.RandomCrop(10, 10))
    for box in ((0, 0, 61, 40), (-1, 0, 5, 5), (5, 5, 5, 9), (9, 9, 5, 12)):
        with pytest.raises(SampleError, match="crop_coords"):
            A.RandomCrop.lower({**params, "crop_coords": box}, signature())


def test_records_scale_with_the_image() -> None:
    record = A.ReplayCompose([A.RandomCrop(50, 30, pad_if_needed=True)], seed=3)(image=image())["replay"]
    assert A.replay(record, image=image(80, 120), resize="relative")["image"].shape == (100, 60, 3)
    record = A.ReplayCompose([A.RandomResizedCrop((20, 22))], seed=3)(image=image())["replay"]
    assert A.replay(record, image=image(83, 127), resize="relative")["image"].shape == (20, 22, 3)


# ---- scaled to a fixed size ----------------------------------------------------------------------------


def test_random_sized_crop() -> None:
    box = coords(A.RandomSizedCrop((10, 20), (30, 31), w2h_ratio=1.5))
    heights, widths = box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]
    assert set(heights) == set(range(10, 21))
    assert (np.abs(widths - 1.5 * heights) <= 0.5).all()
    assert box.min() >= 0
    assert (box <= (60, 40, 60, 40)).all()
    assert coords(A.RandomSizedCrop((100, 110), (30, 31)), keys=[0]).tolist() == [[0, 0, 60, 40]]
    pixels = image()
    out = run(A.RandomSizedCrop((15, 15), (30, 31), area_for_downscale="image"), image=pixels)["image"]
    assert out.shape == (30, 31, 3)
    crop, resize = lowered(A.RandomSizedCrop((35, 40), (10, 12), area_for_downscale="image_mask"))
    assert isinstance(crop, ops.Crop)
    assert resize == ops.Resize(10, 12, 3, 3)


@pytest.mark.parametrize("method", ["standard", "uniform_scale"])
def test_random_resized_crop_area_and_ratio(method: str) -> None:
    big = signature(1000, 1000)
    box = coords(A.RandomResizedCrop((8, 8), (0.2, 0.5), (0.5, 2.0), sampling_method=method), big, range(1000))
    heights, widths = box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]
    area, ratio = heights * widths / 1e6, widths / heights
    assert box.min() >= 0
    assert box.max() <= 1000
    assert 0.198 < area.min() < 0.21
    assert 0.49 < area.max() < 0.502
    assert 0.497 < ratio.min() < 0.52
    assert 1.95 < ratio.max() < 2.01
    assert np.log(ratio).mean() == pytest.approx(0, abs=0.05)
    assert area.mean() == pytest.approx(0.35, abs=0.01)


def test_uniform_scale_keeps_large_areas() -> None:
    wide = signature(100, 300)
    areas = {}
    for method in ("standard", "uniform_scale"):
        box = coords(A.RandomResizedCrop((8, 8), (0.1, 0.4), (0.5, 2), sampling_method=method), wide, range(1000))
        areas[method] = float(((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])).mean() / 30000)
    assert areas["uniform_scale"] == pytest.approx(0.25, abs=0.01)
    assert areas["standard"] < 0.24


@pytest.mark.parametrize("method", ["standard", "uniform_scale"])
@pytest.mark.parametrize(
    ("height", "width", "size"), [(20, 200, (20, 27)), (200, 20, (27, 20)), (200, 203, (200, 203)), (1, 1, (1, 1))]
)
def test_when_nothing_fits(height: int, width: int, size: tuple[int, int], method: str) -> None:
    transform = A.RandomResizedCrop((8, 8), (1, 1), (3 / 4, 4 / 3), sampling_method=method)
    box = coords(transform, signature(height, width))
    assert (box[:, 3] - box[:, 1] <= height).all()
    assert (box[:, 2] - box[:, 0] <= width).all()
    if (height, width) != (200, 203):
        assert {(y1 - y0, x1 - x0) for x0, y0, x1, y1 in box.tolist()} == {size}
    if method == "standard" and width == 200:
        assert set(box[:, 0].tolist()) == {86}


# ---- moved sides ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "box"),
    [
        ({"px": 5}, (-5, -5, 65, 45)),
        ({"px": -5}, (5, 5, 55, 35)),
        ({"px": (1, 2, 3, 4)}, (-4, -1, 62, 43)),
        ({"px": (5, -6, 7, -8)}, (8, -5, 54, 47)),
        ({"percent": 0.1}, (-6, -4, 66, 44)),
        ({"percent": (0.1, 0.2, 0.05, 0.15)}, (-9, -4, 72, 42)),
        ({"px_choices": [3]}, (-3, -3, 63, 43)),
        ({"percent_choices": [-0.25]}, (15, 10, 45, 30)),
        ({"px": 0}, (0, 0, 60, 40)),
    ],
)
def test_crop_and_pad_sides(arguments: dict[str, Any], box: tuple[int, ...]) -> None:
    assert drawn(A.CropAndPad(**arguments))["crop_coords"] == box
    x_min, y_min, x_max, y_max = box
    pixels = image()
    frame = cv2.copyMakeBorder(pixels, 50, 50, 50, 50, cv2.BORDER_CONSTANT, value=(4, 4, 4))
    want = frame[50 + y_min : 50 + y_max, 50 + x_min : 50 + x_max]
    out = run(A.CropAndPad(keep_size=False, fill=4, **arguments), image=pixels)["image"]
    assert np.array_equal(out, want)
    kept = run(A.CropAndPad(fill=4, interpolation=0, **arguments), image=pixels)["image"]
    assert np.array_equal(kept, cv2.resize(want, (60, 40), interpolation=cv2.INTER_NEAREST))


def test_crop_and_pad_ranges() -> None:
    box = coords(A.CropAndPad(px=(-5, 5)))
    amounts = np.stack([-box[:, 1], box[:, 2] - 60, box[:, 3] - 40, -box[:, 0]], axis=1)
    assert all(set(side) == set(range(-5, 6)) for side in amounts.T)
    assert (amounts != amounts[:, :1]).any()
    box = coords(A.CropAndPad(px=(-5, 5), sample_independently=False))
    amounts = np.stack([-box[:, 1], box[:, 2] - 60, box[:, 3] - 40, -box[:, 0]], axis=1)
    assert (amounts == amounts[:, :1]).all()
    box = coords(A.CropAndPad(px=((0, 2), 5, [-3, -1], 0)))
    assert (set(-box[:, 1]), set(box[:, 2]), set(box[:, 3]), set(box[:, 0])) == ({0, 1, 2}, {65}, {37, 38, 39}, {0})
    assert set(coords(A.CropAndPad(px_choices=[-9, 0, 9]))[:, 0]) == {-9, 0, 9}
    same = coords(A.CropAndPad(percent_choices=[-0.1, 0.1], sample_independently=False))
    assert {tuple(row) for row in same.tolist()} == {(6, 4, 54, 36), (-6, -4, 66, 44)}
    box = coords(A.CropAndPad(percent=(-0.1, 0.1)))
    assert set(box[:, 1]) == set(range(-4, 5))


@pytest.mark.parametrize(
    "amount", [{"px": -30}, {"px": (-100, 0, -100, -59)}, {"percent": -0.9}, {"percent": (-0.99, 0.0)}]
)
def test_a_pixel_stays(amount: dict[str, Any]) -> None:
    for key in range(50):
        x_min, y_min, x_max, y_max = drawn(A.CropAndPad(**amount), key)["crop_coords"]
        assert min(x_max, 60) > max(x_min, 0)
        assert min(y_max, 40) > max(y_min, 0)
        assert run(A.CropAndPad(**amount), key)["image"].shape == (40, 60, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"px": 1, "percent": 0.1},
        {"px": 1.5},
        {"percent": -1},
        {"px": (3, 1)},
        {"px": (1, 2, 3)},
        {"px_choices": []},
    ],
)
def test_crop_and_pad_refuses(arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="CropAndPad"):
        A.CropAndPad(**arguments)


def test_crop_from_borders() -> None:
    box = coords(A.RandomCropFromBorders(0.1, 0.2, 0.3, 0.4), signature(100, 100), range(1000))
    assert box.min(axis=0).tolist() == [0, 0, 80, 60]
    assert box.max(axis=0).tolist() == [10, 30, 100, 100]
    box = coords(A.RandomCropFromBorders(0.9, 0.1, 0.5, 0.5), signature(7, 3), range(1000))
    assert (box[:, 2:] > box[:, :2]).all()
    assert coords(A.RandomCropFromBorders(0, 0, 0, 0), keys=[1]).tolist() == [[0, 0, 60, 40]]
    with pytest.raises(FieldError, match="at most 1"):
        A.RandomCropFromBorders(0.6, 0.5)


# ---- labels --------------------------------------------------------------------------------------------


def with_labels(boxes: Any = None, height: int = 80, width: int = 90, **data: Any) -> Any:
    extras = {k: v for k, v in data.items() if "mask" not in k}
    arrays = {k: v for k, v in data.items() if "mask" in k}
    return signature(
        height, width, Labels(None if boxes is None else np.array(boxes, float).reshape(-1, 4), arrays, extras)
    )


def test_crop_near_box() -> None:
    sig = with_labels(cropping_bbox=[20, 25, 50, 65])
    box = coords(A.RandomCropNearBBox((0.1, 0.5)), sig, range(1000))
    assert box.min(axis=0).tolist() == [5, 21, 35, 61]
    assert box.max(axis=0).tolist() == [35, 29, 65, 69]
    assert A.RandomCropNearBBox(0.3) == A.RandomCropNearBBox() == A.RandomCropNearBBox((0, 0.3))
    outside = coords(A.RandomCropNearBBox((1, 1)), with_labels(cropping_bbox=(-10.5, 70.2, 30, 99)))
    assert outside.min() >= 0
    assert (outside <= (90, 80, 90, 80)).all()
    assert (outside[:, :2] < outside[:, 2:]).all()


def test_crop_near_box_reads_its_argument() -> None:
    crop = A.Compose([A.RandomCropNearBBox((0, 0), cropping_bbox_key="at")])
    pixels = image()
    assert np.array_equal(crop(image=pixels, at=np.array([5, 6, 25, 16]))["image"], pixels[6:16, 5:25])
    for bad in (None, [1, 2, 3], "box", [70, 0, 80, 9], [1, 2, float("nan"), 4], 7):
        with pytest.raises(SampleError, match=r"at: .*pass at=\(x_min"):
            crop(image=pixels, at=bad)
    with pytest.raises(SampleError, match="at: missing"):
        crop(image=pixels)
    with pytest.raises(FieldError, match="max_part_shift"):
        A.RandomCropNearBBox(1.5)


BOXES = [[10, 12, 30, 32], [40.5, 5, 50.2, 20]]


def test_safe_crop_shows_every_box() -> None:
    sig = with_labels(BOXES, 40, 60)
    for transform in (A.BBoxSafeRandomCrop(), A.RandomSizedBBoxSafeCrop(20, 22)):
        box = coords(transform, sig, range(1000))
        assert box.min(axis=0).tolist() == [0, 0, 51, 32]
        assert box.max(axis=0).tolist() == [10, 5, 60, 40]


def test_erosion_lets_every_box_lose_a_part() -> None:
    box = coords(A.BBoxSafeRandomCrop(0.5), with_labels(BOXES, 40, 60), range(1000))
    # A quarter of each box on either side: 10 + 5, 5 + 3.75, 50.2 - 2.425, 32 - 5.
    assert box.max(axis=0).tolist()[:2] == [15, 8]
    assert box.min(axis=0).tolist()[2:] == [48, 27]
    free = coords(A.BBoxSafeRandomCrop(1.0), with_labels(BOXES, 40, 60))
    assert free[:, 0].max() > 30


@pytest.mark.parametrize("boxes", [None, []])
def test_safe_crop_without_boxes(boxes: Any) -> None:
    sig = with_labels(boxes, 40, 60)
    assert {tuple(row) for row in coords(A.BBoxSafeRandomCrop(), sig).tolist()} == {(0, 0, 60, 40)}
    box = coords(A.BBoxSafeRandomCrop(0.5), sig)
    heights, widths = box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]
    assert heights.min() == 20
    assert (np.abs(widths - heights * 1.5) <= 1.5).all()


def test_safe_crop_at_the_edges_of_a_box_that_fills_the_image() -> None:
    out = run(A.RandomSizedBBoxSafeCrop(20, 22, interpolation=3), bboxes=[[0, 0, 60, 40]])
    assert out["image"].shape == (20, 22, 3)
    assert np.allclose(out["bboxes"], [[0, 0, 22, 20]])
    tiny = coords(A.BBoxSafeRandomCrop(), with_labels([[59.5, 39.5, 60, 40]], 40, 60))
    assert (tiny[:, :2] < tiny[:, 2:]).all()


def test_crop_of_a_mask_that_is_not_empty() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[30, 50] = 3
    mask[2, 1] = 1
    sig = with_labels(None, 40, 60, mask=mask)
    box = coords(A.CropNonEmptyMaskIfExists(10, 12), sig, range(500))
    assert (box[:, 2:] - box[:, :2] == (12, 10)).all()
    near = (box[:, 0] <= 50) & (box[:, 2] > 50) & (box[:, 1] <= 30) & (box[:, 3] > 30)
    first = (box[:, 0] <= 1) & (box[:, 2] > 1) & (box[:, 1] <= 2) & (box[:, 3] > 2)
    assert (near | first).all()
    assert 0.4 < near.mean() < 0.6
    only = coords(A.CropNonEmptyMaskIfExists(10, 12, ignore_values=[3]), sig)
    assert ((only[:, 0] <= 1) & (only[:, 1] <= 2)).all()
    none = coords(A.CropNonEmptyMaskIfExists(10, 12, ignore_values=[1, 3]), sig)
    assert none[:, 0].max() > 40


def test_every_pixel_of_the_mask_is_equally_likely() -> None:
    mask = np.zeros((4, 5), np.int64)
    mask[0, 3] = mask[2, 1] = mask[2, 4] = 7
    box = coords(A.CropNonEmptyMaskIfExists(1, 1), with_labels(None, 4, 5, mask=mask), range(3000))
    places, counts = np.unique(box[:, :2], axis=0, return_counts=True)
    assert places.tolist() == [[1, 2], [3, 0], [4, 2]]
    assert math.isclose(counts.min(), 1000, rel_tol=0.1)


def test_masks_channels_and_refusals() -> None:
    one, two = np.zeros((40, 60), np.uint8), np.zeros((40, 60), bool)
    one[5, 5] = 1
    two[35, 55] = True
    crop = A.CropNonEmptyMaskIfExists(3, 3)
    for masks in ([one, two], np.stack([one, two.astype(np.uint8)])):
        box = coords(crop, with_labels(None, 40, 60, masks=masks))
        assert {bool(x < 20) for x in box[:, 0]} == {True, False}
    layered = np.dstack([one, two])
    for channel, left in ((0, False), (1, True), (-1, True)):
        box = coords(
            A.CropNonEmptyMaskIfExists(3, 3, ignore_channels=[channel]), with_labels(None, 40, 60, mask=layered)
        )
        assert {bool(x < 20) for x in box[:, 0]} == {left}
    with pytest.raises(SampleError, match="pass mask or masks"):
        A.Compose([crop])(image=image())
    with pytest.raises(SampleError, match="does not fit"):
        A.Compose([A.CropNonEmptyMaskIfExists(41, 3)])(image=image(), mask=one)
    with pytest.raises(SampleError, match="no channels"):
        A.Compose([A.CropNonEmptyMaskIfExists(3, 3, ignore_channels=[0])])(image=image(), mask=one)
    with pytest.raises(SampleError, match="differs"):
        A.Compose([crop], is_check_shapes=False)(image=image(), mask=one[:20])
    out = A.Compose([crop])(image=image(), masks=[one, two])
    assert sum(int(m.any()) for m in out["masks"]) == 1


def test_windows_that_show_boxes() -> None:
    boxes = np.array([[5, 5, 20, 25], [50, 40, 60, 58], [70, 3, 79, 12.0]])
    settings = {"bbox_params": A.BboxParams("pascal_voc"), "seed": 1, "save_applied_params": True}
    sample = np.zeros((60, 80, 3), np.uint8)
    for key in range(200):
        out = A.Compose([A.AtLeastOneBBoxRandomCrop(30, 25)], **settings)(image=sample, bboxes=boxes, key=key)
        x0, y0, x1, y1 = out["applied_transforms"][0][1]["crop_coords"]
        assert ((boxes >= [x0, y0, x0, y0]) & (boxes <= [x1, y1, x1, y1])).all(axis=1).any()
        step = A.BBoxSubsetSafeRandomCrop((0.6, 0.6), aspect_ratio_range=(1.2, 1.2))
        out = A.Compose([step], **settings)(image=sample, bboxes=boxes, key=key)
        x0, y0, x1, y1 = out["applied_transforms"][0][1]["crop_coords"]
        assert 0 <= x0 < x1 <= 80 and 0 <= y0 < y1 <= 60
        assert ((boxes >= [x0, y0, x0, y0]) & (boxes <= [x1, y1, x1, y1])).all(axis=1).sum() >= 2
        assert abs((x1 - x0) / (y1 - y0) - 1.2) < 0.05 or (x1 - x0, y1 - y0)[0] == 80 or y1 - y0 == 60
