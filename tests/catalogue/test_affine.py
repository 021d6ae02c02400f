"""Affine, ShiftScaleRotate and Perspective: matrices by formula, drawn ranges, arguments of both dialects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature


def matrix(transform: Any, key: int = 0) -> Any:
    return np.array(lowered(transform, key)[0].matrix).reshape(3, 3)


def test_affine_composes_scale_rotate_shear_translate_about_the_centre() -> None:
    move = A.Affine(
        scale={"x": 0.5, "y": 2},
        rotate=30,
        shear={"x": 10, "y": 20},
        translate_px={"x": 3, "y": -4},
        keep_ratio=False,
        p=1,
    )
    r = math.radians(30)
    turn = np.array([[math.cos(r), math.sin(r)], [-math.sin(r), math.cos(r)]])
    shear = np.array([[1, -math.tan(math.radians(10))], [-math.tan(math.radians(20)), 1]])
    linear = shear @ turn @ np.diag([0.5, 2.0])
    centre = np.array([30.0, 20.0])
    got = matrix(move)
    assert np.allclose(got[:2, :2], linear)
    assert np.allclose(got[:2, 2], centre - linear @ centre + (3, -4))
    assert got[2].tolist() == [0, 0, 1]


def test_a_translation_moves_whole_pixels() -> None:
    pixels = image()
    out = run(A.Affine(translate_px={"x": 5, "y": -3}, p=1), image=pixels, keypoints=[[10, 10]])
    assert np.array_equal(out["image"][:37, 5:], pixels[3:, :55])
    assert not out["image"][37:].any()
    assert not out["image"][:, :5].any()
    assert np.allclose(out["keypoints"], [[15, 7]])
    assert drawn(A.Affine(translate_percent={"x": 0.1, "y": -0.2}))["translate"] == (6, -8)


@pytest.mark.parametrize(
    ("arguments", "name", "x", "y"),
    [
        ({"scale": 0.7}, "scale", (0.7, 0.7), (0.7, 0.7)),
        ({"scale": (0.5, 2), "keep_ratio": False}, "scale", (0.5, 2), (0.5, 2)),
        ({"scale": {"y": (0.5, 2)}, "keep_ratio": False}, "scale", (1, 1), (0.5, 2)),
        ({"shear": 5}, "shear", (5, 5), (5, 5)),
        ({"shear": (-5, 9)}, "shear", (-5, 9), (-5, 9)),
        ({"shear": {"x": (-5, 9)}}, "shear", (-5, 9), (0, 0)),
        ({"translate_px": 4}, "translate", (4, 4), (4, 4)),
        ({"translate_px": (-2, 2)}, "translate", (-2, 2), (-2, 2)),
        ({"translate_px": {"y": (-2, 2)}}, "translate", (0, 0), (-2, 2)),
        ({"translate_percent": (-0.5, 0.5)}, "translate", (-30, 30), (-20, 20)),
        ({"translate_percent": {"x": 0.5}}, "translate", (30, 30), (0, 0)),
    ],
)
def test_numbers_ranges_and_axes(arguments: dict[str, Any], name: str, x: Any, y: Any) -> None:
    transform = A.Affine(**arguments)
    values = [drawn(transform, key)[name] for key in KEYS]
    pairs = [(v["x"], v["y"]) if isinstance(v, dict) else v for v in values]
    for axis, (low, high) in zip(zip(*pairs, strict=True), (x, y), strict=True):
        reach = high - low
        assert low <= min(axis) <= low + 0.1 * reach
        assert high - 0.1 * reach <= max(axis) <= high
    if x == y and x[0] < x[1]:
        assert any(a != b for a, b in pairs)


def test_keep_ratio_shares_one_scale() -> None:
    for key in KEYS:
        scale = drawn(A.Affine(scale=(0.5, 2)), key)["scale"]
        assert scale["x"] == scale["y"]
    with pytest.raises(FieldError, match="keep_ratio=False"):
        A.Affine(scale={"x": (0.5, 2)})


def test_balanced_scale_shrinks_as_often_as_it_enlarges() -> None:
    below = sum(drawn(A.Affine(scale=(0.5, 10), balanced_scale=True), key)["scale"]["x"] < 1 for key in range(1000))
    assert 430 < below < 570
    scales = [drawn(A.Affine(scale=(2, 3), balanced_scale=True), key)["scale"]["x"] for key in KEYS]
    assert min(scales) >= 2


@pytest.mark.parametrize("rotate", [0, 30, 90, 200])
def test_fit_output_shows_everything_and_no_more(rotate: float) -> None:
    transform = A.Affine(rotate=rotate, scale=0.8, shear={"x": 12}, fit_output=True, translate_px=9, p=1)
    (op,) = lowered(transform)
    moved = op.map(40, 60).points(np.array([[0.0, 0], [60, 0], [60, 40], [0, 40]]))
    assert moved.min() >= -1e-5
    assert (moved.max(axis=0) <= (op.width + 1e-5, op.height + 1e-5)).all()
    assert (np.ptp(moved, axis=0) > (op.width - 1, op.height - 1)).all()
    assert run(transform)["image"].shape == (op.height, op.width, 3)
    if rotate == 0:
        assert run(A.Affine(fit_output=True, p=1))["image"].shape == (40, 60, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"translate_px": 3, "translate_percent": 0.1},
        {"scale": 0},
        {"scale": {"z": 1}},
        {"scale": {}},
        {"shear": 90},
        {"translate_px": 1.5},
        {"translate_percent": 2},
        {"rotate_method": "hull"},
    ],
)
def test_affine_refuses(arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="Affine"):
        A.Affine(**arguments)


def test_shift_scale_rotate() -> None:
    move = A.ShiftScaleRotate((0.1, 0.1), (0.2, 0.2), (90, 90), p=1)
    assert drawn(move)["shift"] == (6, 4)
    linear = 1.2 * np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert np.allclose(matrix(move)[:2, :2], linear)
    assert np.allclose(matrix(move)[:2, 2], np.array([30, 20]) - linear @ (30, 20) + (6, 4))
    old = A.ShiftScaleRotate(shift_limit=0.2, scale_limit=0.3, rotate_limit=20, shift_limit_x=(0.5, 0.5))
    assert old == A.ShiftScaleRotate(0.2, 0.3, 20, shift_range_x=(0.5, 0.5))
    shifts = [drawn(old, key)["shift"] for key in KEYS]
    assert {x for x, _ in shifts} == {30}
    assert {y for _, y in shifts} == set(range(-8, 9))
    fixed = drawn(A.ShiftScaleRotate(shift_limit_x=(0, 0), shift_limit_y=(0, 0)))
    assert fixed["shift"] == (0, 0)


def test_perspective_corners_are_half_normal_and_stay_in_their_quarter() -> None:
    transform = A.Perspective((0.1, 0.1))
    corners = np.array([drawn(transform, key)["corners"] for key in range(1000)])
    ends = np.array([[0, 0], [60, 0], [60, 40], [0, 40]])
    inside = np.abs(corners - ends) / (60, 40)
    assert inside.min() >= 0
    assert inside.max() < 0.5
    assert inside.mean() == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.03)
    assert (np.sign(corners - ends) * [[1, 1], [-1, 1], [-1, -1], [1, -1]] >= 0).all()


@pytest.mark.parametrize("key", range(20))
def test_perspective_brings_the_points_to_the_corners(key: int) -> None:
    for keep_size in (True, False):
        transform = A.Perspective(0.4, keep_size=keep_size, p=1)
        (op,) = lowered(transform, key)
        p, q, r, s = corners = np.array(drawn(transform, key)["corners"])
        moved = op.map(40, 60).points(corners)
        ends = [[0, 0], [op.width, 0], [op.width, op.height], [0, op.height]]
        assert np.allclose(moved, ends, atol=1e-6)
        # Whatever lies between the points is in front of the horizon.
        assert (corners @ np.array(op.matrix[6:8]) + op.matrix[8] > 0).all()
        sides = [np.linalg.norm(a - b) for a, b in ((p, q), (s, r), (p, s), (q, r))]
        want = (40, 60) if keep_size else (round(max(sides[2:])), round(max(sides[:2])))
        assert (op.height, op.width) == want


@pytest.mark.parametrize("keep_size", [True, False])
def test_perspective_fit_output_shows_everything(keep_size: bool) -> None:
    for key in KEYS:
        (op,) = lowered(A.Perspective((0.1, 0.6), fit_output=True, keep_size=keep_size), key)
        moved = op.map(40, 60).points(np.array([[0.0, 0], [60, 0], [60, 40], [0, 40]]))
        assert moved.min() >= -1e-6
        assert (moved.max(axis=0) <= (op.width + 1e-6, op.height + 1e-6)).all()
        assert max(op.height, op.width) < 600


def test_perspective_survives_any_scale() -> None:
    for key in KEYS:
        for height, width in ((40, 60), (1, 1), (3, 500)):
            sig = signature(height, width)
            for fit in (True, False):
                (op,) = lowered(A.Perspective((0.5, 3.0), fit_output=fit, keep_size=False), key, sig)
                assert 1 <= max(op.height, op.width) <= 20 * max(height, width)


def test_perspective_scales_with_the_image() -> None:
    run_it = A.ReplayCompose([A.Perspective(p=1)], seed=1)
    record = run_it(image=image())["replay"]
    big = A.replay(record, image=image(80, 120), resize="relative")["image"]
    assert big.shape == (80, 120, 3)
    corners = np.array(record["steps"][0]["params"]["corners"])
    (op,) = A.Perspective.lower({**record["steps"][0]["params"], "corners": (corners * 2).tolist()}, signature(80, 120))
    assert np.allclose(op.map(80, 120).points(corners * 2), [[0, 0], [120, 0], [120, 80], [0, 80]], atol=1e-6)
