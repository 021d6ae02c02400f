from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augury import maps, ops
from augury.errors import FieldError, SampleError
from augury.kernels.cpu import geometry
from augury.targets import boxes
from augury.targets.boxes import BboxParams

PASCAL = BboxParams("pascal_voc")
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


def warp(move: maps.Matrix, **kwargs: Any) -> ops.Warp:
    return ops.Warp(move.rows, H, W, **kwargs)


TILT = maps.perspective([[0, 0], [W, 0], [W, H], [0, H]], [[4, 2], [55, 5], [60, 41], [1, 44]])
MOVES: list[Any] = [
    *(ops.D4(element) for element in ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")),  # type: ignore[arg-type]
    ops.Crop(7, 5, 54, 41),
    ops.Pad(3, 8, 11, 2),
    ops.Resize(91, 53),
    warp(maps.affine(H, W, rotate=33.3)),
    warp(maps.affine(H, W, rotate=-71, scale=(0.9, 0.8), shear=(8, -5), translate=(3.3, -2.1))),
    warp(TILT),
    ops.Remap(ops.GridField((0.8, 1.2, 1.0), (1.1, 0.9))),
    ops.Remap(ops.LensField("camera", 0.2)),
    ops.Remap(ops.SmoothField(KEY, 24.0, 6.0)),
]


# ---- moving ----


@pytest.mark.parametrize("op", MOVES, ids=lambda op: type(op).__name__)
@pytest.mark.parametrize("box", [(20, 17, 31, 25), (25, 14, 40, 36), (30, 20, 32, 22)])
def test_boxes_bound_what_they_bounded(op: Any, box: tuple[int, int, int, int]) -> None:
    """A bright rectangle is moved, and its bounding box is found again where the box went."""
    image = np.zeros((H, W), np.float32)
    image[box[1] : box[3], box[0] : box[2]] = 1
    out = KERNELS[type(op)](image, op) > 0.5
    y, x = np.nonzero(out)
    found = [x.min(), y.min(), x.max() + 1, y.max() + 1]
    followed = boxes.follow(np.array([box], np.float64), op, H, W)[0]
    slack = 1e-9 if isinstance(op, (ops.D4, ops.Crop, ops.Pad)) else 1.6
    np.testing.assert_allclose(followed, found, atol=slack)


@pytest.mark.parametrize("op", MOVES[:10], ids=lambda op: type(op).__name__)
def test_arithmetic_equals_the_map(op: Any) -> None:
    given_ = np.array([[3.0, 4.0, 20.5, 9.25], [0.0, 0.0, W, H]])
    corners = given_[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    moved = op.map(H, W).points(corners).reshape(-1, 4, 2)
    expected = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    np.testing.assert_allclose(boxes.follow(given_, op, H, W), expected)


def test_ellipse_hull_is_tighter_and_exact() -> None:
    box = np.array([[20.0, 15.0, 40.0, 25.0]])
    turn = maps.affine(H, W, rotate=30)
    largest = boxes.follow(box, warp(turn), H, W)[0]
    ellipse = boxes.follow(box, warp(turn, box_method="ellipse"), H, W)[0]
    assert (ellipse[:2] > largest[:2]).all()
    assert (ellipse[2:] < largest[2:]).all()
    cos, sin = np.cos(np.pi / 6), 0.5
    half = np.hypot(10 * cos, 5 * sin), np.hypot(10 * sin, 5 * cos)
    np.testing.assert_allclose((ellipse[2:] - ellipse[:2]) / 2, half, rtol=2e-3)


def test_holes_shrink_boxes_to_what_is_visible() -> None:
    given_ = np.array([[10.0, 10.0, 20.0, 20.0]])

    def seen(*holes: tuple[int, int, int, int]) -> list[float]:
        out: list[float] = boxes.hide(given_, holes, PASCAL)[0].tolist()
        return out

    assert seen((0, 0, 5, 5)) == [10, 10, 20, 20]
    assert seen((12, 12, 15, 15)) == [10, 10, 20, 20]
    assert seen((0, 0, 14, 40)) == [14, 10, 20, 20]
    assert seen((10, 17, 20, 25)) == [10, 10, 20, 17]
    assert seen((0, 0, 14, 15), (0, 15, 13, 40)) == [13, 10, 20, 20]
    assert seen((0, 0, 14, 40), (14, 0, 30, 12)) == [14, 12, 20, 20]
    x0, y0, x1, y1 = seen((0, 0, 14, 40), (14, 0, 30, 40))
    assert (x1 - x0) * (y1 - y0) == 0


@given(st.lists(st.tuples(*[st.integers(0, 16)] * 4), max_size=6), st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=80, deadline=None)
def test_holes_agree_with_drawn_pixels(raw: list[tuple[int, int, int, int]], x: int, y: int) -> None:
    holes = tuple((min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in raw)
    image = np.zeros((20, 20), bool)
    image[y : y + 7, x : x + 9] = True
    for a, b, c, d in holes:
        image[b:d, a:c] = False
    out = boxes.hide(np.array([[x, y, x + 9, y + 7]], float), holes, PASCAL)[0]
    rows, columns = np.nonzero(image)
    if len(rows):
        assert out.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    else:
        assert out[0] == out[2]


# ---- formats ----


@pytest.mark.parametrize(
    ("coord_format", "row"),
    [
        ("pascal_voc", [6.1, 9.0, 30.5, 27.0]),
        ("coco", [6.1, 9.0, 24.4, 18.0]),
        ("yolo", [0.3, 0.4, 0.4, 0.4]),
        ("albumentations", [0.1, 0.2, 0.5, 0.6]),
        ("cxcywh", [18.3, 18.0, 24.4, 18.0]),
    ],
)
def test_formats_read_edges_and_write_back(coord_format: str, row: list[float]) -> None:
    params = BboxParams(coord_format)
    values, rows = boxes.read([row], params, H, W)
    np.testing.assert_allclose(values, [[6.1, 9.0, 30.5, 27.0]])
    np.testing.assert_allclose(boxes.write([row], values, rows, params, H, W), [row])


def test_containers_come_back_as_they_were() -> None:
    def through(value: Any) -> Any:
        values, rows = boxes.read(value, PASCAL, H, W)
        return boxes.write(value, values[::-1], rows[::-1], PASCAL, H, W)

    assert through([[1, 2, 3, 4], [5, 6, 7, 8]]) == [[5.0, 6.0, 7.0, 8.0], [1.0, 2.0, 3.0, 4.0]]
    assert through([(1, 2, 3, 4, "cat"), (5, 6, 7, 8, "dog")]) == [
        (5.0, 6.0, 7.0, 8.0, "dog"),
        (1.0, 2.0, 3.0, 4.0, "cat"),
    ]
    assert through(((1, 2, 3, 4),)) == ((1.0, 2.0, 3.0, 4.0),)
    assert through([[1, 2, 3, 4, 9], (5, 6, 7, 8)]) == [(5.0, 6.0, 7.0, 8.0), [1.0, 2.0, 3.0, 4.0, 9]]
    for dtype, expected in ((np.float32, "f4"), (np.float64, "f8"), (np.float16, "f2"), (np.int64, "f4")):
        out = through(np.array([[1, 2, 3, 4, 17], [5, 6, 7, 8, 18]], dtype))
        assert out.dtype == expected
        assert out.tolist() == [[5, 6, 7, 8, 18], [1, 2, 3, 4, 17]]
    mixed = through(np.array([[1, 2, 3, 4, "cat"]], object))
    assert mixed.tolist() == [[1.0, 2.0, 3.0, 4.0, "cat"]]
    rows = through([np.array([1.0, 2, 3, 4], np.float32)])
    assert isinstance(rows[0], np.ndarray)
    assert rows[0].dtype == np.float32


@pytest.mark.parametrize("empty", [[], np.empty((0, 4)), np.empty(0, np.float32), np.empty((0, 5))])
def test_no_boxes_is_fine(empty: Any) -> None:
    values, rows = boxes.read(empty, PASCAL, H, W)
    for op in MOVES:
        assert boxes.follow(values, op, H, W).shape == (0, 4)
    kept, values, events = boxes.filter(values, PASCAL, H, W, explain=True)
    assert (kept.shape, values.shape, events) == ((0,), (0, 4), [])
    out = boxes.write(empty, values, rows, PASCAL, H, W)
    assert type(out) is type(empty)
    assert len(out) == 0


def test_all_boxes_lost_leaves_an_empty_container() -> None:
    nothing = np.empty((0, 4)), np.arange(0)
    assert boxes.write([[1, 2, 3, 4]], *nothing, PASCAL, H, W) == []
    assert boxes.write(np.ones((3, 6), np.float32), *nothing, PASCAL, H, W).shape == (0, 6)


# ---- bad input ----


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, 2, 3, 4], [1, 2, 3]], r"bboxes\[1\].*starts with 4 numbers"),
        ([[1, 2, 3, 4], [1, 2, "x", 4]], r"bboxes\[1\].*starts with 4 numbers"),
        ([[1, 2, 3, 4], 7], r"bboxes\[1\]"),
        (np.ones((2, 3)), r"shape \(2, 3\)"),
        (np.array([["a"] * 4]), "not numeric"),
        ("boxes", "got str"),
        (None, "got NoneType"),
        ([[1, 2, np.nan, 4]], r"bboxes\[0\].*NaN"),
        ([[1, 2, 3, 4], [1, 2, np.inf, 4]], r"bboxes\[1\].*infinite"),
        ([[1, 2, 3, 4], [5, 2, 3, 4]], r"bboxes\[1\].*x_min < x_max.*filter_invalid_bboxes=True"),
        ([[1, 2, 1, 4]], r"bboxes\[0\].*x_min < x_max"),
        ([[1, 2, 70, 4]], r"bboxes\[0\].*leaves the image of 61 x 45.*clip_bboxes_on_input=True"),
        ([[-1, 2, 7, 4]], r"bboxes\[0\].*leaves the image"),
    ],
)
def test_bad_boxes_say_what_and_where(value: Any, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        boxes.read(value, PASCAL, H, W)


def test_bad_boxes_can_be_dropped_or_clipped() -> None:
    value = [[1, 2, 3, 4], [1, 2, 70, 4], [5, 2, 3, 4], [1, np.nan, 3, 4], [7, 2, 9, 4]]
    values, rows = boxes.read(value, BboxParams("pascal_voc", filter_invalid_bboxes=True), H, W)
    assert rows.tolist() == [0, 4]
    assert len(values) == 2
    values, rows = boxes.read(value[:2], BboxParams("pascal_voc", clip_bboxes_on_input=True), H, W)
    assert values.tolist() == [[1, 2, 3, 4], [1, 2, 61, 4]]
    with pytest.raises(SampleError, match="outside the image"):
        boxes.read([[70, 2, 80, 4]], BboxParams("pascal_voc", clip=True), H, W)
    both = BboxParams("pascal_voc", clip_bboxes_on_input=True, filter_invalid_bboxes=True)
    assert boxes.read([[70, 2, 80, 4], [1, 1, 2, np.inf]], both, H, W)[1].tolist() == []


def test_six_decimals_of_yolo_are_inside() -> None:
    boxes.read([[0.999999, 0.5, 0.000003, 1.0]], BboxParams("yolo"), 640, 640)


# ---- filtering ----


def test_what_is_left_decides() -> None:
    value = np.array([[0.0, 0.0, 10.0, 10.0], [-5.0, 0.0, 5.0, 10.0], [-9.0, 0.0, 1.0, 10.0], [-9.0, 0.0, -1.0, 10.0]])

    def kept(**limits: Any) -> list[int]:
        out: list[int] = boxes.filter(value, BboxParams("pascal_voc", **limits), H, W)[0].tolist()
        return out

    assert kept() == [0, 1, 2]
    assert kept(min_area=50) == [0, 1]
    assert kept(min_visibility=0.5) == [0, 1]
    assert kept(min_visibility=0.51) == [0]
    assert kept(min_width=1.5) == [0, 1]
    assert kept(min_height=10) == [0, 1, 2]
    assert kept(min_height=10.5) == []
    assert kept(max_accept_ratio=2.0) == [0, 1]
    clipped = boxes.filter(value, PASCAL, H, W)[1]
    assert clipped.tolist() == [[0, 0, 10, 10], [0, 0, 5, 10], [0, 0, 1, 10]]
    whole = boxes.filter(value, BboxParams("pascal_voc", clip_after_transform=False), H, W)[1]
    assert whole.tolist() == value[:3].tolist()


def test_what_a_lens_does_not_show_is_cut_off() -> None:
    """A fisheye that enlarges loses the rim: boxes follow what masks show, and what is shown nowhere has no area."""
    op = ops.Remap(ops.LensField("fisheye", -0.3), interpolation=0)
    before = np.array([[116, 23, 129, 76], [36, 50, 107, 95], [0, 46, 82, 80], [0, 0, 5, 4]], np.float64)
    moved = boxes.follow(before, op, 97, 131)
    kept, clipped, _ = boxes.filter(moved, PASCAL, 97, 131)
    assert kept.tolist() == [0, 1, 2]
    for (x0, y0, x1, y1), box in zip(before[kept].astype(int).tolist(), clipped, strict=True):
        mask = np.zeros((97, 131), np.uint8)
        mask[y0:y1, x0:x1] = 1
        rows, columns = np.nonzero(geometry.remap(mask, op))
        shown = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(box - shown).max() < 1.6
    # Only sides at the frame go on outside, so that min_visibility knows what was lost.
    assert moved[0, 2] > 131 and 0 < moved[0, 1] < 30 and 70 < moved[0, 3] < 97


def test_events_name_the_rule() -> None:
    value = np.array([[0.0, 0.0, 10.0, 10.0], [-5.0, 0.0, 5.0, 10.0], [-9.0, 0.0, 1.0, 10.0], [-9.0, 0.0, -1.0, 10.0]])
    limits: list[tuple[dict[str, float], tuple[Any, ...]]] = [
        ({"min_area": 20.0}, (2, "removed", "min_area", 10.0, 20.0)),
        ({"min_visibility": 0.3}, (2, "removed", "min_visibility", 0.1, 0.3)),
        ({"min_width": 3.0}, (2, "removed", "min_width", 1.0, 3.0)),
        ({"max_accept_ratio": 5.0}, (2, "removed", "max_accept_ratio", 10.0, 5.0)),
    ]
    for limit, event in limits:
        events = boxes.filter(value, BboxParams("pascal_voc", **limit), H, W, explain=True)[2]  # type: ignore[arg-type]
        assert events == [
            (1, "clipped", "frame", 0.5, None),
            event,
            (3, "removed", "nothing_visible", 0.0, None),
        ]
    assert boxes.filter(value, PASCAL, H, W)[2] == []


# ---- parameters ----


def test_params_round_trip() -> None:
    params = BboxParams("coco", ["labels", "ids"], min_area=4, max_accept_ratio=3, clip=True)
    assert params.clip_bboxes_on_input
    assert params.clip_after_transform
    assert BboxParams(**json.loads(json.dumps(params.to_dict()))) == params
    assert eval(repr(params)) == params
    assert hash(BboxParams("coco", ("labels", "ids"), min_area=4.0, max_accept_ratio=3, clip=True)) == hash(params)
    assert BboxParams(format="coco") == BboxParams("coco") != BboxParams("yolo")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, r"BboxParams.coord_format: got None; use one of"),
        ({"coord_format": "voc"}, r"got 'voc'; use one of pascal_voc"),
        ({"coord_format": "coco", "format": "coco"}, "same field"),
        ({"format": "coco", "label_fields": "labels"}, r"label_fields: got 'labels'; use a list"),
        ({"format": "coco", "label_fields": ["a", "a"]}, "once"),
        ({"format": "coco", "min_area": -1}, r"min_area: got -1; .*at least 0"),
        ({"format": "coco", "min_visibility": 1.5}, r"min_visibility.*at most 1"),
        ({"format": "coco", "min_width": "3"}, "min_width: got '3'"),
        ({"format": "coco", "max_accept_ratio": 0.5}, "max_accept_ratio.*at least 1"),
        ({"format": "coco", "bbox_type": "round"}, "'hbb'.*'obb'"),
        ({"format": "coco", "clip": 3}, "True or False"),
        ({"format": "coco", "clip": True, "clip_bboxes_on_input": True}, "same field"),
        ({"format": "coco", "check_each_transform": None}, "True or False"),
    ],
)
def test_bad_params_say_why(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        BboxParams(**kwargs)


def test_params_are_frozen() -> None:
    with pytest.raises(FieldError, match="frozen"):
        PASCAL.min_area = 3.0
