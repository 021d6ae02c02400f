"""Dropout: what is overwritten, where, and that records reproduce it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from augury.sample import Array

KEYS = range(300)
FILLS = [7, "colour", "random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns"]


def image(height: int = 64, width: int = 80, channels: int = 3, dtype: str = "uint8") -> Array:
    values = np.random.default_rng(0).integers(1, 255, (height, width, channels))
    return (values / 255).astype(np.float32) if dtype == "float32" else values.astype(dtype)


def params(transform: Any, key: int, sample: Array) -> dict[str, Any]:
    out = A.Compose([transform], seed=1, save_applied_params=True)(image=sample, key=key)
    return dict(out["applied_transforms"][0][1])


def covered(holes: Any, height: int, width: int) -> Array:
    out = np.zeros((height, width), bool)
    for x_min, y_min, x_max, y_max in holes:
        assert 0 <= x_min < x_max <= width
        assert 0 <= y_min < y_max <= height
        out[y_min:y_max, x_min:x_max] = True
    return out


# ---- rectangles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height_range", "width_range", "heights", "widths"),
    [
        ((0.1, 0.2), (0.1, 0.2), (6, 12), (8, 15)),
        ((5, 9), (3, 4), (5, 9), (3, 4)),
        ((1, 1), (1.0, 1.0), (1, 1), (80, 80)),
        ((0, 0.001), (500, 900), (1, 1), (80, 80)),
        (0.5, 7, (32, 32), (7, 7)),
    ],
)
def test_coarse_dropout_sides(height_range: Any, width_range: Any, heights: Any, widths: Any) -> None:
    transform = A.CoarseDropout((1, 3), height_range, width_range, p=1)
    seen, counts = [], set()
    for key in KEYS:
        holes = params(transform, key, image())["holes"]
        covered(holes, 64, 80)
        counts.add(len(holes))
        seen += holes
    h, w = [y1 - y0 for _, y0, _, y1 in seen], [x1 - x0 for x0, _, x1, _ in seen]
    assert counts == {1, 2, 3}
    assert (min(h), max(h)) == heights
    assert (min(w), max(w)) == widths
    assert min(x for x, *_ in seen) == 0
    assert max(x1 for *_, x1, _ in seen) == 80


def test_coarse_dropout_overwrites_the_holes_only() -> None:
    sample = image()
    out = A.Compose([A.CoarseDropout(fill=9, fill_mask=5, p=1)], save_applied_params=True)(
        image=sample, mask=np.ones((64, 80), np.int32)
    )
    where = covered(out["applied_transforms"][0][1]["holes"], 64, 80)
    assert (out["image"][where] == 9).all()
    assert (out["image"][~where] == sample[~where]).all()
    assert (out["mask"] == np.where(where, 5, 1)).all()
    assert out["mask"].dtype == np.int32


def test_masks_stay_without_fill_mask() -> None:
    mask = np.ones((64, 80), np.uint8)
    assert (A.Compose([A.CoarseDropout(p=1)])(image=image(), mask=mask)["mask"] == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("name", ["CoarseDropout", "Erasing", "GridDropout"])
def test_fills(name: str, fill: Any, channels: int, dtype: str) -> None:
    if fill == "colour":
        fill = tuple(range(1, channels + 1))
    sample = image(24, 20, channels, dtype)
    pipeline = A.Compose([getattr(A, name)(fill=fill, p=1)], save_applied_params=True, seed=3)
    out = pipeline(image=sample, key=1)
    assert out["image"].shape == sample.shape
    assert out["image"].dtype == sample.dtype
    applied = out["applied_transforms"]
    if name != "GridDropout":
        where = covered(applied[0][1]["holes"], 24, 20)
        assert (out["image"][~where] == sample[~where]).all()
    again = A.Compose.from_applied_transforms(json.loads(json.dumps(applied)))
    assert (again(image=sample)["image"] == out["image"]).all()


def test_a_colour_of_the_wrong_length_is_refused() -> None:
    for transform in (A.CoarseDropout(fill=(1, 2), p=1), A.PixelDropout(drop_value=(1, 2), p=1)):
        with pytest.raises(SampleError, match=r"2 values .* one per channel"):
            A.Compose([transform])(image=image())
    with pytest.raises(SampleError, match="one per channel"):
        A.Compose([A.CoarseDropout(fill_mask=(1, 2, 3), p=1)])(image=image(), mask=np.ones((64, 80), np.uint8))


def test_many_holes_are_recorded_by_key() -> None:
    sample, mask = image(), np.zeros((64, 80), np.uint8)
    transform = A.CoarseDropout((129, 5000), (1, 3), (1, 3), fill="random", fill_mask=1, p=1)
    for key in range(5):
        out = A.ReplayCompose([transform], seed=1)(image=sample, mask=mask, key=key)
        text = json.dumps(out["replay"])
        assert len(text) < 1000
        again = A.replay(text, image=sample, mask=mask)
        assert (again["image"] == out["image"]).all()
        assert (again["mask"] == out["mask"]).all()
        assert ((out["image"] != sample).any(axis=2) <= (out["mask"] == 1)).all()
        assert out["mask"].any()
    few = A.CoarseDropout((128, 128), (1, 3), (1, 3), p=1)
    assert len(params(few, 0, sample)["holes"]) == 128
    assert len(json.dumps(params(few, 0, image(2000, 3000)))) < 16_000


@pytest.mark.parametrize("ratio", [(1, 1), (2, 2), (0.3, 3.3)])
def test_erasing_area_and_ratio(ratio: tuple[float, float]) -> None:
    sample = image(400, 400, 1)
    areas, ratios = [], []
    for key in KEYS:
        ((x0, y0, x1, y1),) = params(A.Erasing((0.02, 0.3), ratio, p=1), key, sample)["holes"]
        areas.append((x1 - x0) * (y1 - y0) / 400**2)
        ratios.append((x1 - x0) / (y1 - y0))
    assert min(areas) >= 0.019
    assert max(areas) <= 0.303
    assert max(areas) - min(areas) > 0.2
    assert min(ratios) >= ratio[0] * 0.97
    assert max(ratios) <= ratio[1] * 1.03


def test_erasing_that_cannot_fit_is_cut_to_the_image() -> None:
    for key in range(20):
        ((x0, y0, x1, y1),) = params(A.Erasing((0.9, 1), (0.1, 0.2), p=1), key, image())["holes"]
        assert (y0, y1) == (0, 64)
        assert 0 <= x0 < x1 <= 80


# ---- grid --------------------------------------------------------------------------------------------


def grid(sample: Array, **arguments: Any) -> Array:
    white = np.full_like(sample, 200)
    out: Array = A.Compose([A.GridDropout(p=1, **arguments)], seed=2)(image=white, key=0)["image"]
    return (out == 0)[..., 0]


def test_grid_of_fixed_holes() -> None:
    where = grid(image(40, 60), random_offset=False, unit_size_range=(20, 20), ratio=0.5)
    want = np.zeros((40, 60), bool)
    for y in (0, 20):
        for x in (0, 20, 40):
            want[y : y + 10, x : x + 10] = True
    assert (where == want).all()
    shifted = grid(image(40, 60), random_offset=False, unit_size_range=(20, 20), ratio=0.5, shift_xy=(5, 3))
    assert (shifted == np.roll(want, (3, 5), (0, 1))).all()


def test_grid_shift_stays_inside() -> None:
    where = grid(image(40, 60), random_offset=False, unit_size_range=(20, 20), shift_xy=(300, 500))
    assert where.sum() == 100
    assert where[30:, 50:].all()


def test_grid_numbers_are_columns_and_rows() -> None:
    where = grid(image(40, 60), random_offset=False, holes_number_xy=(3, 2))
    assert (where == grid(image(40, 60), random_offset=False, unit_size_range=(20, 20))).all()


@pytest.mark.parametrize("shape", [(40, 60), (64, 83), (7, 9), (3, 30), (1, 1), (2, 2)])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0])
def test_random_offsets_stay_in_their_cells(shape: tuple[int, int], ratio: float) -> None:
    height, width = shape
    columns, rows = max(width // max(width // 10, 2), 1), max(height // max(height // 10, 2), 1)
    from augury.sample import Signature

    for key in range(20):
        drawn = params(A.GridDropout(ratio, p=1), key, image(height, width))
        w, h = drawn["hole_size"]
        (op,) = A.GridDropout.lower(drawn, Signature((height, width, 3)))
        assert len(op.holes) == columns * rows
        where = covered(op.holes, height, width)
        assert where.sum() == columns * rows * w * h


def test_grid_offsets_differ_and_units_vary() -> None:
    a, b = (A.Compose([A.GridDropout(p=1)])(image=image(), key=key)["image"] for key in (0, 1))
    assert (a != b).any()
    units = {params(A.GridDropout(unit_size_range=(8, 16), p=1), key, image(32, 32))["unit_size"][0] for key in KEYS}
    assert {32 / (32 // side) for side in range(8, 17)} == units


def test_grid_refuses_what_does_not_fit() -> None:
    with pytest.raises(SampleError, match=r"GridDropout: unit_size_range=\(100, 200\)"):
        A.Compose([A.GridDropout(unit_size_range=(100, 200), p=1)])(image=image())
    with pytest.raises(SampleError, match="holes_number_xy"):
        A.Compose([A.GridDropout(holes_number_xy=(100, 2), p=1)])(image=image())
    for wrong in (
        {"ratio": 0},
        {"ratio": 1.1},
        {"unit_size_range": (1, 4)},
        {"holes_number_xy": (0, 3)},
        {"shift_xy": (-1, 0)},
    ):
        with pytest.raises(FieldError, match="GridDropout"):
            A.GridDropout(**wrong)


# ---- labels ------------------------------------------------------------------------------------------


def test_holes_hide_labels_and_pixels_do_not() -> None:
    boxes, points = [[0, 0, 40, 32]], [[1.5, 1.5], [70.0, 60.0]]
    labels: dict[str, Any] = {"bbox_params": {"format": "pascal_voc"}, "keypoint_params": {"format": "xy"}}
    hole = A.GridDropout(holes_number_xy=(1, 1), random_offset=False, ratio=0.25, p=1)
    out = A.Compose([hole], **labels)(image=image(), bboxes=boxes, keypoints=points)
    assert [list(map(float, box)) for box in out["bboxes"]] == [[0, 0, 40, 32]]
    assert [list(map(float, point)) for point in out["keypoints"]] == [[70, 60]]
    whole = A.CoarseDropout((1, 1), (1.0, 1.0), (1.0, 1.0), p=1)
    out = A.Compose([whole], **labels)(image=image(), bboxes=boxes, keypoints=points)
    assert len(out["bboxes"]) == len(out["keypoints"]) == 0
    out = A.Compose([A.PixelDropout(1.0, p=1)], **labels)(image=image(), bboxes=boxes, keypoints=points)
    assert len(out["bboxes"]) == 1
    assert len(out["keypoints"]) == 2


# ---- channels and pixels -----------------------------------------------------------------------------


def test_channel_dropout() -> None:
    sample = image(channels=4)
    seen = set()
    for key in KEYS:
        out = A.Compose([A.ChannelDropout((1, 3), 300, p=1)], seed=1, save_applied_params=True)(image=sample, key=key)
        dropped = out["applied_transforms"][0][1]["channels_to_drop"]
        seen.add(frozenset(dropped))
        for channel in range(4):
            want = np.full((64, 80), 255) if channel in dropped else sample[..., channel]
            assert (out["image"][..., channel] == want).all()
    assert len(seen) == 4 + 6 + 4
    half = A.Compose([A.ChannelDropout(fill=0.5, p=1)])(image=image(dtype="float32"))["image"]
    assert (half == 0.5).all(axis=(0, 1)).sum() == 1


def test_channel_dropout_needs_channels() -> None:
    for sample, limits in ((image()[..., 0], (1, 1)), (image(), (1, 3))):
        with pytest.raises(SampleError, match="ChannelDropout: channel_drop_range"):
            A.Compose([A.ChannelDropout(limits, p=1)])(image=sample)


@pytest.mark.parametrize("per_channel", [False, True])
def test_pixel_dropout(per_channel: bool) -> None:
    sample = image(200, 200)
    out = A.Compose([A.PixelDropout(0.25, per_channel, 0, 7, p=1)])(image=sample, mask=np.ones((200, 200), np.uint8))
    dropped = out["image"] == 0
    assert abs(dropped.mean() - 0.25) < 0.01
    assert (out["image"][~dropped] == sample[~dropped]).all()
    assert abs((out["mask"] == 7).mean() - 0.25) < 0.02
    if not per_channel:
        assert (dropped.all(axis=2) == dropped.any(axis=2)).all()
        assert ((out["mask"] == 7) == dropped[..., 0]).all()
    else:
        assert (dropped.all(axis=2) != dropped.any(axis=2)).any()


def test_pixel_dropout_values() -> None:
    sample = np.zeros((100, 100, 3), np.uint8)
    colour = A.Compose([A.PixelDropout(1.0, drop_value=(1, 2, 3), p=1)])(image=sample)["image"]
    assert (colour == (1, 2, 3)).all()
    drawn = A.Compose([A.PixelDropout(1.0, drop_value=None, p=1)])(image=sample)["image"]
    assert len(np.unique(drawn)) == 256


def test_recorded_holes_scale_with_the_image() -> None:
    sample = image()
    out = A.ReplayCompose([A.CoarseDropout(fill=0, p=1), A.GridDropout(fill=0, p=1)], seed=1)(image=sample, key=0)
    twice = np.repeat(np.repeat(sample, 2, 0), 2, 1)
    again = A.replay(out["replay"], resize="relative", image=twice)["image"]
    share, larger = (out["image"] == 0).mean(), (again == 0).mean()
    assert abs(share - larger) < 0.03


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("CoarseDropout", {"num_holes_range": (0, 1)}),
        ("CoarseDropout", {"hole_height_range": (0.5, 3)}),
        ("CoarseDropout", {"hole_width_range": (2, 1)}),
        ("CoarseDropout", {"hole_width_range": (1, 2, 3)}),
        ("CoarseDropout", {"fill": "blue"}),
        ("CoarseDropout", {"fill": None}),
        ("Erasing", {"ratio": (0, 1)}),
        ("Erasing", {"scale": (0.5, 1.5)}),
        ("ChannelDropout", {"channel_drop_range": (0, 1)}),
        ("PixelDropout", {"dropout_prob": 1.2}),
        ("PixelDropout", {"drop_value": "random"}),
    ],
)
def test_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=f"{name}.{next(iter(wrong))}: got"):
        getattr(A, name)(**wrong)


def one(step: Any, key: int = 0, **targets: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"bbox_params": A.BboxParams("pascal_voc", label_fields=["labels"])}
    settings = settings if "bboxes" in targets else {}
    return A.Compose([step], seed=1, save_applied_params=True, **settings)(**targets, key=key)


def test_strips_and_grids() -> None:
    white = np.full((50, 70), 255, np.uint8)
    out = one(A.XYMasking((2, 2), (1, 1), (3, 5), (4, 4), p=1), image=white, mask=white)
    black = out["image"] == 0
    assert 3 <= black.all(axis=0).sum() <= 10 and black.all(axis=1).sum() == 4
    assert (out["mask"] == 255).all()
    for key in range(30):
        assert (one(A.TimeMasking(9, p=1), key, image=white)["image"] == 0).all(axis=0).sum() <= 9
        assert (one(A.FrequencyMasking(9, p=1), key, image=white)["image"] == 0).all(axis=1).sum() <= 9
    for angle in (0, 45):
        grid = one(A.GridMask((5, 5), (0.2, 0.2), (angle, angle), p=1), image=white)["image"]
        assert abs((grid == 0).mean() - (1 - 0.8**2)) < 0.06


def test_objects_are_dropped_whole() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:15, 5:15], mask[20:35, 20:35] = 1, 2
    white = np.full((40, 40, 3), 255, np.uint8)
    boxes = {"bboxes": [[5, 5, 15, 15], [20, 20, 35, 35]], "labels": ["a", "b"]}
    seen = set()
    for key in range(20):
        out = one(A.MaskDropout(p=1), key, image=white, mask=mask, **boxes)
        dropped = out["image"][..., 0] == 0
        assert any(np.array_equal(dropped, mask == value) for value in (1, 2))
        assert not out["mask"][dropped].any() and len(out["labels"]) == 1
        seen.add(out["labels"][0])
    assert seen == {"a", "b"}


def test_holes_stand_on_objects_and_keep_away_from_others() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[20:30, 20:30] = 3
    white = np.full((40, 60, 3), 255, np.uint8)
    boxes = {"bboxes": [[30, 5, 50, 15]], "labels": ["b"]}
    region = np.zeros((40, 60), bool)
    region[:20] = True
    for key in range(20):
        small = {"hole_height_range": (0.2, 0.2), "hole_width_range": (0.2, 0.2), "p": 1}
        out = one(A.ConstrainedCoarseDropout(mask_indices=[3], **small), key, image=white, mask=mask, **boxes)
        ((x0, y0, x1, y1),) = out["applied_transforms"][0][1]["holes"]
        assert 18 <= x0 < x1 <= 32 and 18 <= y0 < y1 <= 32 and (x1 - x0, y1 - y0) == (2, 2)
        out = one(A.ConstrainedCoarseDropout(bbox_labels=["b"], **small), key, image=white, mask=mask, **boxes)
        ((x0, y0, x1, y1),) = out["applied_transforms"][0][1]["holes"]
        assert 26 <= x0 < x1 <= 54 and 3 <= y0 < y1 <= 17 and (x1 - x0, y1 - y0) == (4, 2)
        guided = A.GuidedCoarseDropout(protected_bbox_labels=["b"], num_holes_range=(9, 9), p=1)
        out = one(guided, key, image=white, dropout_region=region, **boxes)
        assert (out["image"][5:15, 30:50] == 255).all() and (out["image"][30:] == 255).all()
        assert (out["image"] == 0).any()


@pytest.mark.parametrize("fill", ["inpaint_telea", "inpaint_ns"])
def test_one_row_is_inpainted_alike_every_time(fill: str) -> None:
    row = np.random.default_rng(0).integers(0, 256, (1, 63), np.uint8)
    pipeline = A.Compose([A.CoarseDropout(hole_width_range=(20, 20), fill=fill, p=1)], seed=1)
    assert len({pipeline(image=row, key=0)["image"].tobytes() for _ in range(20)}) == 1
