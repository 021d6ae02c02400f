"""Pad and PadIfNeeded: which side grows, by how much, and what the new pixels show."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature


@pytest.mark.parametrize(
    ("padding", "sides"), [(3, (3, 3, 3, 3)), ((1, 2), (1, 2, 1, 2)), ((1, 2, 3, 4), (1, 2, 3, 4)), (0, (0, 0, 0, 0))]
)
def test_padding_is_left_top_right_bottom(padding: Any, sides: tuple[int, ...]) -> None:
    left, top, right, bottom = sides
    pixels = image()
    out = run(A.Pad(padding, fill=(1, 2, 3), fill_mask=9), image=pixels, mask=pixels[..., 0], bboxes=[[2, 3, 9, 8]])
    want = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(1, 2, 3))
    assert np.array_equal(out["image"], want)
    assert out["mask"].sum() == pixels[..., 0].sum(dtype=int) + 9 * (want[..., 0].size - 40 * 60)
    assert np.allclose(out["bboxes"], [[2 + left, 3 + top, 9 + left, 8 + top]])


@pytest.mark.parametrize("border", [0, 1, 2, 3, 4])
def test_border_modes(border: int) -> None:
    pixels = image()
    out = run(A.Pad((5, 7), border_mode=border), image=pixels)["image"]
    assert np.array_equal(out, cv2.copyMakeBorder(pixels, 7, 7, 5, 5, border))


@pytest.mark.parametrize("padding", [-1, (1, 2, 3), "wide", 1.5, (1, -2)])
def test_padding_refused(padding: Any) -> None:
    with pytest.raises(FieldError, match="padding"):
        A.Pad(padding)


@pytest.mark.parametrize(
    ("position", "sides"),
    [
        ("center", (2, 3, 3, 4)),
        ("top_left", (0, 5, 0, 7)),
        ("top_right", (0, 5, 7, 0)),
        ("bottom_left", (5, 0, 0, 7)),
        ("bottom_right", (5, 0, 7, 0)),
    ],
)
def test_positions(position: str, sides: tuple[int, ...]) -> None:
    (op,) = lowered(A.PadIfNeeded(45, 67, position=position))
    assert (op.top, op.bottom, op.left, op.right) == sides


def test_random_position_reaches_every_place() -> None:
    params = [drawn(A.PadIfNeeded(45, 67, position="random"), key) for key in KEYS]
    assert {p["pad_top"] for p in params} == set(range(6))
    assert {p["pad_left"] for p in params} == set(range(8))
    assert all(p["pad_top"] + p["pad_bottom"] == 5 and p["pad_left"] + p["pad_right"] == 7 for p in params)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((50, 71), (50, 71)),
        ((30, 71), (40, 71)),
        ((None, None, 32, 32), (64, 64)),
        ((None, None, 20, 60), (40, 60)),
        ((45, None, None, 7), (45, 63)),
        ((10, 10), (40, 60)),
    ],
)
def test_sizes(arguments: tuple[Any, ...], size: tuple[int, int]) -> None:
    assert run(A.PadIfNeeded(*arguments))["image"].shape[:2] == size
    if size == (40, 60):
        assert lowered(A.PadIfNeeded(*arguments)) == ()


@pytest.mark.parametrize("arguments", [{"pad_height_divisor": 32}, {"min_width": None}])
def test_one_rule_per_axis(arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="one of them"):
        A.PadIfNeeded(**arguments)


def test_a_minimum_of_the_other_size() -> None:
    assert drawn(A.PadIfNeeded(), 0, signature(1000, 2000))["pad_top"] == 12
