"""Rotate and SafeRotate: direction, centre, sizes without border."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature


@pytest.mark.parametrize("method", ["largest_box", "ellipse"])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_of_a_square_are_exact_and_counter_clockwise(turns: int, method: str) -> None:
    square = image(32, 32)
    turn = A.Rotate((90 * turns, 90 * turns), rotate_method=method, p=1)
    out = run(turn, image=square, mask=square[..., 0], bboxes=[[2, 4, 10, 7]])
    assert np.array_equal(out["image"], np.rot90(square, turns))
    assert np.array_equal(out["mask"], np.rot90(square[..., 0], turns))
    boxes = {0: [2, 4, 10, 7], 1: [4, 22, 7, 30], 2: [22, 25, 30, 28], 3: [25, 2, 28, 10]}
    assert np.allclose(out["bboxes"], [boxes[turns]], atol=1e-9)


def test_angles_fill_the_range_and_limit_is_an_alias() -> None:
    angles = [drawn(A.Rotate(limit=30), key)["angle"] for key in KEYS]
    assert -30 <= min(angles) < -29
    assert 29 < max(angles) < 30
    assert A.Rotate(limit=30) == A.Rotate((-30, 30)) == A.Rotate(angle_range=30)
    with pytest.raises(FieldError, match="second value"):
        A.Rotate(limit=30, angle_range=30)


@pytest.mark.parametrize("size", [(40, 60), (61, 33), (20, 200), (64, 64), (7, 3), (1, 1), (1, 9)])
@pytest.mark.parametrize("angle", [0, 1, 30, 44.9, 45, 60, 89, 90, 120, 135, -75, 180])
def test_crop_border_shows_no_border_and_wastes_little(angle: float, size: tuple[int, int]) -> None:
    plain = np.full((*size, 1), 200, np.uint8)
    out = A.Compose([A.Rotate((angle, angle), crop_border=True, interpolation=0, p=1)])(image=plain)["image"]
    assert out.min() == 200 or out.shape[:2] == (1, 1)
    assert out.shape[0] <= size[0]
    assert out.shape[1] <= size[1]
    if angle in (0, 180):
        assert out.shape[:2] == size


def test_crop_border_is_the_largest_rectangle() -> None:
    # A square turned by 45 degrees holds one of 1 / sqrt(2) of its side; a thin strip touches both long sides.
    assert run(A.Rotate((45, 45), crop_border=True, p=1), image=image(100, 100))["image"].shape == (70, 70, 3)
    height, width = run(A.Rotate((30, 30), crop_border=True, p=1), image=image(20, 200))["image"].shape[:2]
    assert (height, width) == (10, 20)  # half of 20 over cos and over sin of 30 degrees, with the frame's parity


def test_crop_border_keeps_the_centre() -> None:
    out = run(A.Rotate((30, 30), crop_border=True, p=1), keypoints=[[29.5, 19.5]])
    height, width = out["image"].shape[:2]
    assert np.allclose(out["keypoints"], [[(width - 1) / 2, (height - 1) / 2]])


@pytest.mark.parametrize("angle", [0, 30, 90, -120, 179])
def test_safe_rotate_fills_the_frame(angle: float) -> None:
    turn = A.SafeRotate((angle, angle), p=1)
    corners = np.array([[0.0, 0], [60, 0], [60, 40], [0, 40]])
    moved = lowered(turn)[0].map(40, 60).points(corners)
    assert np.allclose(moved.min(axis=0), 0, atol=1e-9)
    assert np.allclose(moved.max(axis=0), (60, 40), atol=1e-9)
    assert run(turn)["image"].shape == (40, 60, 3)


def test_borders_and_fills_reach_the_op() -> None:
    kwargs: dict[str, Any] = {"border_mode": 4, "interpolation": 2, "mask_interpolation": 1, "fill": (1, 2, 3), "p": 1}
    (op,) = lowered(A.Rotate((10, 10), fill_mask=7, rotate_method="ellipse", **kwargs))
    assert (op.border, op.interpolation, op.mask_interpolation, op.fill, op.fill_mask) == (4, 2, 1, (1, 2, 3), 7)
    assert op.box_method == "ellipse"
    (op,) = lowered(A.SafeRotate((10, 10), **kwargs))
    assert op.fill_mask == 0
    out = run(A.Rotate((45, 45), fill=(10, 20, 30), fill_mask=5, p=1), mask=np.zeros((40, 60), np.uint8))
    assert out["image"][0, 0].tolist() == [10, 20, 30]
    assert out["mask"][0, 0] == 5


def test_a_drawn_turn_runs_on_another_size() -> None:
    params = drawn(A.Rotate((30, 30), crop_border=True))
    assert A.Rotate.lower(params, signature(400, 600))[0].height > 200


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_cubic_reflection_of_one_pixel_ends(size: tuple[int, int]) -> None:
    # OpenCV loops for ever on its own; a side of one pixel is constant beyond its borders, whatever is reflected.
    line = image(*size)
    turn = A.Rotate((180, 180), interpolation=2, border_mode=4, p=1)
    assert np.array_equal(run(turn, image=line)["image"], line[::-1, ::-1])
    bent = run(A.OpticalDistortion((0, 0), interpolation=2, border_mode=4, p=1), image=line)["image"]
    assert np.array_equal(bent, line)
