"""Resize, LongestMaxSize, SmallestMaxSize, RandomScale and LetterBox: sizes, interpolation, placement."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury import ops
from augury.errors import FieldError
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature


@pytest.mark.parametrize("interpolation", range(7))
def test_resize_is_that_of_opencv(interpolation: int) -> None:
    pixels = image()
    mask = (pixels[..., 0] > 128).astype(np.uint8)
    out = run(A.Resize(50, 33, interpolation=interpolation), image=pixels, mask=mask, bboxes=[[6, 8, 30, 20]])
    assert np.array_equal(out["image"], cv2.resize(pixels, (33, 50), interpolation=interpolation))
    assert np.array_equal(out["mask"], cv2.resize(mask, (33, 50), interpolation=cv2.INTER_NEAREST))
    assert np.allclose(out["bboxes"], [[3.3, 10, 16.5, 25]])


@pytest.mark.parametrize(
    ("height", "width", "area", "want"),
    [
        (20, 30, None, (2, 0)),
        (20, 30, "image", (3, 0)),
        (20, 30, "image_mask", (3, 3)),
        (40, 60, "image_mask", (2, 0)),
        (80, 90, "image_mask", (2, 0)),
        (20, 90, "image", (3, 0)),
    ],
)
def test_area_for_downscale(height: int, width: int, area: Any, want: tuple[int, int]) -> None:
    (op,) = lowered(A.Resize(height, width, interpolation=2, area_for_downscale=area))
    assert (op.interpolation, op.mask_interpolation) == want
    for transform in (
        A.LongestMaxSize(30, interpolation=2, area_for_downscale=area),
        A.SmallestMaxSize(20, interpolation=2, area_for_downscale=area),
        A.RandomScale((-0.5, -0.5), interpolation=2, area_for_downscale=area),
    ):
        (op,) = lowered(transform)
        assert (op.height, op.width) == (20, 30)
        assert (op.interpolation == 3) == (area is not None)
        assert (op.mask_interpolation == 3) == (area == "image_mask")


@pytest.mark.parametrize(
    ("transform", "landscape", "portrait"),
    [
        (A.LongestMaxSize(30), (20, 30), (30, 16)),
        (A.LongestMaxSize(90), (60, 90), (90, 49)),
        (A.LongestMaxSize(max_size_hw=(20, 80)), (20, 30), (20, 11)),
        (A.LongestMaxSize(max_size_hw=(None, 50)), (33, 50), (92, 50)),
        (A.LongestMaxSize(max_size_hw=(50, None)), (50, 75), (50, 27)),
        (A.SmallestMaxSize(30), (30, 45), (55, 30)),
        (A.SmallestMaxSize(max_size_hw=(20, 80)), (53, 80), (148, 80)),
        (A.SmallestMaxSize(max_size_hw=(None, 50)), (33, 50), (92, 50)),
    ],
)
def test_max_sizes(transform: Any, landscape: tuple[int, int], portrait: tuple[int, int]) -> None:
    assert run(transform)["image"].shape[:2] == landscape
    assert run(transform, image=image(61, 33))["image"].shape[:2] == portrait


@pytest.mark.parametrize("cls", [A.LongestMaxSize, A.SmallestMaxSize])
def test_max_size_holds_for_every_size(cls: Any) -> None:
    pick = max if cls is A.LongestMaxSize else min
    for height in range(1, 80, 3):
        for width in range(1, 80, 3):
            for wanted in (1, 7, 50):
                (op,) = lowered(cls(wanted), 0, signature(height, width))
                assert pick(op.height, op.width) == wanted


def test_max_size_is_chosen_from_a_list() -> None:
    seen = [lowered(A.LongestMaxSize([20, 30, 40]), key)[0].width for key in KEYS]
    assert {size: seen.count(size) > 60 for size in set(seen)} == {20: True, 30: True, 40: True}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_size": 3, "max_size_hw": (3, 4)},
        {"max_size": []},
        {"max_size": 0},
        {"max_size_hw": (None, None)},
        {"max_size_hw": 3},
    ],
)
def test_max_size_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=r"SmallestMaxSize\.max_size"):
        A.SmallestMaxSize(**arguments)


def test_random_scale() -> None:
    scales = [drawn(A.RandomScale(scale_limit=0.2), key)["scale"] for key in KEYS]
    assert 0.8 <= min(scales) < 0.81
    assert 1.19 < max(scales) < 1.2
    assert A.RandomScale(scale_limit=0.2) == A.RandomScale((-0.2, 0.2))
    assert run(A.RandomScale((0.29, 0.29), p=1))["image"].shape[:2] == (52, 77)
    per_axis = [drawn(A.RandomScale({"y": (-0.5, 0.5)}), key)["scale"] for key in KEYS]
    assert {s["x"] for s in per_axis} == {1}
    assert min(s["y"] for s in per_axis) < 0.51
    (op,) = lowered(A.RandomScale({"x": (0.5, 0.5), "y": (-0.5, -0.5)}))
    assert (op.height, op.width) == (20, 90)
    (op,) = lowered(A.RandomScale((-0.999, -0.999)))
    assert (op.height, op.width) == (1, 1)
    with pytest.raises(FieldError, match="scale_range"):
        A.RandomScale((-1, 0))


@pytest.mark.parametrize(
    ("position", "top", "left"),
    [("center", 14, 0), ("top_left", 0, 0), ("top_right", 0, 0), ("bottom_left", 29, 0), ("bottom_right", 29, 0)],
)
def test_letter_box(position: str, top: int, left: int) -> None:
    pixels = image()
    box = A.LetterBox((80, 77), position=position, fill=9, fill_mask=4)
    out = run(box, image=pixels, mask=pixels[..., 0], keypoints=[[0, 0]])
    assert out["image"].shape == (80, 77, 3)
    inner = out["image"][top : top + 51, left : left + 77]
    assert np.array_equal(inner, cv2.resize(pixels, (77, 51)))
    assert (np.delete(out["image"], range(top, top + 51), axis=0) == 9).all()
    assert (np.delete(out["mask"], range(top, top + 51), axis=0) == 4).all()
    assert np.allclose(out["keypoints"], [[0.5 * 77 / 60 - 0.5, 0.5 * 51 / 40 - 0.5 + top]])


def test_letter_box_at_random_and_without_borders() -> None:
    tops = {drawn(A.LetterBox((80, 77), position="random"), key)["pad_top"] for key in KEYS}
    assert tops == set(range(30))
    assert [type(op) for op in lowered(A.LetterBox((20, 30)))] == [ops.Resize]
    assert run(A.LetterBox((5, 500)), image=image(500, 1))["image"].shape == (5, 500, 3)
