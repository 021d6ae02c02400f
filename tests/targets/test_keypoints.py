from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from augury import maps, ops
from augury.errors import FieldError, SampleError
from augury.kernels.cpu import geometry
from augury.targets import keypoints
from augury.targets.keypoints import KeypointParams

XY = KeypointParams("xy")
H, W = 45, 61
KERNELS: dict[type, Any] = {
    ops.D4: geometry.d4,
    ops.Crop: geometry.crop,
    ops.Pad: geometry.pad,
    ops.Resize: geometry.resize,
    ops.Warp: geometry.warp,
    ops.Remap: geometry.remap,
}
KEY = "0123456789abcdef01234567"


def warp(move: maps.Matrix) -> ops.Warp:
    return ops.Warp(move.rows, H, W)


TILT = maps.perspective([[0, 0], [W, 0], [W, H], [0, H]], [[4, 2], [55, 5], [60, 41], [1, 44]])
D4 = tuple(ops.D4(e) for e in ("e", "r90", "r180", "r270", "v", "hvt", "h", "t"))  # type: ignore[arg-type]
MOVES: list[Any] = [
    *D4,
    ops.Crop(7, 5, 54, 41),
    ops.Pad(3, 8, 11, 2),
    ops.Resize(91, 53),
    warp(maps.affine(H, W, rotate=33.3)),
    warp(maps.affine(H, W, rotate=-71, scale=(1.2, 0.8), shear=(8, -5), translate=(3.3, -2.1))),
    warp(TILT),
    ops.Remap(ops.GridField((0.8, 1.2, 1.0), (1.1, 0.9))),
    ops.Remap(ops.LensField("camera", 0.2)),
    ops.Remap(ops.SmoothField(KEY, 24.0, 6.0)),
]


def through(value: Any, params: KeypointParams, op: Any) -> Any:
    points, rows = keypoints.read(value, params, H, W)
    points = keypoints.follow(points, op, H, W)
    return keypoints.write(value, points, rows, params, *op.size(H, W))


@pytest.mark.parametrize("op", MOVES, ids=lambda op: type(op).__name__)
@pytest.mark.parametrize("at", [(20, 17), (30, 22), (41, 28)])
def test_a_bright_pixel_is_found_where_its_keypoint_went(op: Any, at: tuple[int, int]) -> None:
    y, x = np.mgrid[0:H, 0:W]
    image = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 2).astype(np.float32)
    out = KERNELS[type(op)](image, op)
    row, column = np.unravel_index(out.argmax(), out.shape)
    found = through([list(at)], XY, op)[0]
    slack = 1e-9 if isinstance(op, (ops.D4, ops.Crop, ops.Pad)) else 0.9
    np.testing.assert_allclose(found, [column, row], atol=slack)


def test_flips_mirror_pixel_indices() -> None:
    assert through([[0, 0], [W - 1, 3]], XY, ops.D4("h")) == [[W - 1, 0], [0, 3]]
    assert through([[0, 0]], XY, ops.D4("v")) == [[0, H - 1]]


@pytest.mark.parametrize("op", MOVES, ids=lambda op: type(op).__name__)
@pytest.mark.parametrize("degrees", [0.0, 37.0, 90.0, 200.0, 359.0])
def test_angles_turn_as_a_short_arrow_does(op: Any, degrees: float) -> None:
    at, step = np.array([[26.3, 19.2]]), 0.02
    arrow = np.array([[math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]]) * step
    tail, tip = (op.map(H, W).points(at + 0.5 + part)[0] for part in (0 * arrow, arrow))
    expected = math.degrees(math.atan2(tip[1] - tail[1], tip[0] - tail[0]))
    found = through([[*at[0].tolist(), degrees]], KeypointParams("xya"), op)[0][2]
    assert 0 <= found < 360
    assert abs((found - expected + 180) % 360 - 180) < 3


@pytest.mark.parametrize(
    ("op", "factor"),
    [
        (ops.D4("r90"), 1.0),
        (ops.Pad(1, 2, 3, 4), 1.0),
        (ops.Resize(H * 2, W * 3), 3.0),
        (warp(maps.affine(H, W, rotate=20)), 1.0),
        (warp(maps.affine(H, W, rotate=20, scale=(0.5, 0.7))), 0.7),
        (ops.Remap(ops.GridField((0.5,), (1.0,))), 2.0),
    ],
)
def test_scales_grow_with_the_larger_stretch(op: Any, factor: float) -> None:
    assert through([[10.0, 20.0, 8.0]], KeypointParams("xys"), op)[0][2] == pytest.approx(8.0 * factor)


@pytest.mark.parametrize(
    ("coord_format", "row"),
    [
        ("xy", [3.0, 4.0]),
        ("yx", [4.0, 3.0]),
        ("xya", [3.0, 4.0, 30.0]),
        ("xys", [3.0, 4.0, 7.0]),
        ("xyas", [3.0, 4.0, 30.0, 7.0]),
        ("xysa", [3.0, 4.0, 7.0, 30.0]),
        ("xyz", [3.0, 4.0, -5.0]),
    ],
)
def test_formats_read_and_write_back(coord_format: str, row: list[float]) -> None:
    params = KeypointParams(coord_format)
    points, rows = keypoints.read([row], params, H, W)
    assert points[0, :2].tolist() == [3.5, 4.5]
    assert points[0, 2] == (-5.0 if "z" in coord_format else 0.0)
    assert points[0, 3] == pytest.approx(math.pi / 6 if "a" in coord_format else 0.0)
    assert points[0, 4] == (7.0 if "s" in coord_format else 0.0)
    assert keypoints.write([row], points, rows, params, H, W) == [row]


def test_angles_may_be_radians_and_never_reach_a_full_turn() -> None:
    radians = KeypointParams("xya", angle_in_degrees=False)
    assert through([[3, 4, 1.25]], radians, ops.D4("e"))[0][2] == pytest.approx(1.25)
    assert through([[3, 4, -1e-15]], KeypointParams("xya"), ops.D4("e"))[0][2] == 0.0


def test_containers_come_back_as_they_were() -> None:
    flip = ops.D4("v")
    assert through([(1, 2, "eye"), (3, 4, "ear")], XY, flip) == [(1.0, 42.0, "eye"), (3.0, 40.0, "ear")]
    assert through(((1, 2),), XY, flip) == ((1.0, 42.0),)
    out = through(np.array([[1, 2, 9]], np.int32), XY, flip)
    assert out.dtype == np.float32
    assert out.tolist() == [[1, 42, 9]]
    assert through(np.array([[1, 2]], np.float64), XY, flip).dtype == np.float64
    for empty in ([], np.empty((0, 2)), np.empty(0)):
        for op in MOVES:
            assert len(through(empty, XY, op)) == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2], [3]], r"keypoints\[1\].*starts with 2 numbers, x, y"),
        (np.ones((2, 1)), r"shape \(2, 1\)"),
        ([[1, np.nan]], r"keypoints\[0\].*NaN"),
        ([[1, 2], [W, 2]], r"keypoints\[1\].*outside the image.*0 <= x < 61.*remove_invisible=False"),
        ([[-0.1, 2]], "outside"),
        ([[3, H]], "outside"),
    ],
)
def test_bad_keypoints_say_what_and_where(value: Any, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        keypoints.read(value, XY, H, W)


def test_infinite_angles_are_refused() -> None:
    for bad in (np.inf, -np.inf, np.nan):
        with pytest.raises(SampleError, match=r"keypoints\[1\]"):
            keypoints.read([[1, 2, 3], [1, 2, bad]], KeypointParams("xya"), H, W)
    keypoints.read([[1, 2, -30]], KeypointParams("xya"), H, W)


def test_points_outside_pass_when_nothing_is_removed() -> None:
    loose = KeypointParams("xy", remove_invisible=False)
    points, _ = keypoints.read([[-3, 2], [99, 99]], loose, H, W)
    kept, _, events = keypoints.filter(points, loose, H, W, explain=True)
    assert kept.tolist() == [0, 1]
    assert events == []
    np.testing.assert_array_equal(keypoints.hide(points, ((-9, 0, 9, 9),), loose), points)


def test_filter_removes_what_left_or_was_hidden() -> None:
    points, _ = keypoints.read([[0, 0], [5, 5], [W - 1, H - 1], [9, 9]], XY, H, W)
    points = keypoints.hide(points, ((5, 5, 6, 6), (20, 20, 30, 30)), XY)
    points = keypoints.follow(points, ops.Crop(1, 0, W - 1, H), H, W)
    for op in MOVES[:-1]:  # NaN travels through every op without a warning
        keypoints.follow(points, op, H, W - 2)
    kept, left, events = keypoints.filter(points, XY, H, W - 2, explain=True)
    assert kept.tolist() == [3]
    assert left[0, :2].tolist() == [8.5, 9.5]
    assert events == [
        (0, "removed", "outside", -1.0, 0.0),
        (1, "removed", "hidden", None, None),
        (2, "removed", "outside", W - 2.0, W - 2.0),
    ]
    assert keypoints.filter(points, XY, H, W - 2)[2] == []


def test_params_round_trip() -> None:
    params = KeypointParams("xyas", ["names"], remove_invisible=False)
    assert KeypointParams(**json.loads(json.dumps(params.to_dict()))) == params
    assert eval(repr(params)) == params
    assert hash(params) == hash(KeypointParams(format="xyas", label_fields=("names",), remove_invisible=False))
    assert params != XY


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "KeypointParams.coord_format: got None"),
        ({"format": "xyw"}, "got 'xyw'; use one of xy, yx"),
        (
            {"format": "xy", "label_mapping": {"HorizontalFlip": {"names": {1: 2}}}},
            "'names'; it is not one of label_fields",
        ),
        ({"format": "xy", "label_mapping": ["HorizontalFlip"]}, r"label_mapping: got .*; pass \{'HorizontalFlip'"),
        ({"format": "xy", "remove_invisible": 1}, "True or False"),
        ({"format": "xy", "label_fields": 3}, "use a list"),
    ],
)
def test_bad_params_say_why(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        KeypointParams(**kwargs)
