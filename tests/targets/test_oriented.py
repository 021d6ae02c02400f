"""Oriented boxes: a filled turned box is moved as pixels and as a row, and both have to agree."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augury as A
from augury import maps, ops
from augury.catalogue import mixing
from augury.errors import SampleError
from augury.kernels.cpu import KERNELS
from augury.targets import boxes, oriented
from augury.targets.boxes import BboxParams
from tests.samples import extras

H, W = 120, 160
KEY = "0123456789abcdef01234567"
PARAMS = BboxParams("cxcywh", bbox_type="obb")
TILT = maps.perspective([[0, 0], [W, 0], [W, H], [0, H]], [[14, 6], [145, 12], [157, 108], [4, 115]])


def warp(move: maps.Matrix, **kwargs: Any) -> ops.Warp:
    return ops.Warp(move.rows, H, W, **kwargs)


MOVES: list[Any] = [
    *(ops.D4(element) for element in ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")),  # type: ignore[arg-type]
    ops.Crop(20, 10, 140, 110),
    ops.Pad(3, 8, 11, 2),
    ops.Resize(240, 320),
    ops.Resize(90, 200),
    warp(maps.affine(H, W, rotate=33.3)),
    warp(maps.affine(H, W, rotate=33.3), box_method="ellipse"),
    warp(maps.affine(H, W, scale=(-1, 1.2))),
    warp(maps.affine(H, W, rotate=-71, scale=(0.9, 0.8), shear=(8, -5), translate=(3.3, -2.1))),
    warp(TILT),
    ops.Remap(ops.GridField((0.8, 1.2, 1.0), (1.1, 0.9))),
    ops.Remap(ops.LensField("camera", 0.2)),
    ops.Remap(ops.SmoothField(KEY, 24.0, 9.0)),
    ops.GridShuffle(1, 2, (0, 1)),
]
ROWS = [(80, 60, 60, 24, 0), (80, 60, 60, 24, 30), (75, 55, 50, 20, -70), (80, 60, 20, 50, 10), (70, 62, 41, 40, 80)]


def drawn(row: Any, height: int = H, width: int = W) -> Any:
    """A filled box as float32, its edges softened by the share of each pixel that it covers."""
    values, _ = oriented.read([row], PARAMS, height, width)
    points = np.round((oriented.corners(values)[0] * 4 - 0.5) * 16).astype(int)
    fine = np.zeros((height * 4, width * 4), np.float32)
    cv2.fillPoly(fine, [points], 1.0, shift=4)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def found(picture: Any) -> Any:
    """Corners of the rectangle of least area around the bright pixels, whole pixels counted."""
    y, x = np.nonzero(picture > 0.5)
    pixels = np.concatenate([np.stack([x, y], axis=1) + corner for corner in boxes.CORNERS])
    return cv2.boxPoints(cv2.minAreaRect(pixels.astype(np.float32)))


def apart(a: Any, b: Any) -> float:
    """How far corners (4, 2) are from the nearest of other corners."""
    each = np.abs(np.asarray(a)[:, None] - np.asarray(b)[None]).max(axis=2)
    return float(max(each.min(axis=0).max(), each.min(axis=1).max()))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("op", MOVES, ids=lambda op: type(op).__name__)
def test_boxes_bound_what_they_bounded(op: Any, row: Any) -> None:
    moved = oriented.follow(oriented.read([row], PARAMS, H, W)[0], op, H, W)
    picture = KERNELS[type(op)](drawn(row), op)
    assert apart(oriented.corners(moved)[0], found(picture)) < 2.0


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("op", MOVES[:15], ids=lambda op: type(op).__name__)
def test_similarities_are_exact(op: Any, row: Any) -> None:
    """Corners go exactly where the map takes them, in their order around the box, unless sides are sheared."""
    values = oriented.read([row], PARAMS, H, W)[0]
    if row[4] % 90 and op in (ops.Resize(90, 200), MOVES[14]):
        return  # sheared by a scale that differs along the axes
    wanted = op.map(H, W).points(oriented.corners(values)[0])
    assert apart(oriented.corners(oriented.follow(values, op, H, W))[0], wanted) < 1e-9


def test_the_rectangle_of_least_area_holds_all_corners() -> None:
    shear = warp(maps.affine(H, W, shear=(25, 0)))
    values = oriented.read(ROWS, PARAMS, H, W)[0]
    moved = oriented.follow(values, shear, H, W)
    for before, after in zip(oriented.corners(values), moved, strict=True):
        corners = shear.map(H, W).points(before)
        least = cv2.minAreaRect(corners.astype(np.float32))[1]
        sides = after[2:4] - after[:2]
        assert sides.prod() == pytest.approx(np.prod(least), rel=1e-4)
        # Slightly grown, so that rounding is no corner outside.
        grown = after + np.array([-1e-6, -1e-6, 1e-6, 1e-6, 0, 0])
        assert oriented._inside(corners, grown).all()


@pytest.mark.parametrize("sides", [(60, 15), (15, 60)])
@given(angle=st.floats(-90, 89.9), shear=st.floats(-25, 25), turn=st.floats(-0.5, 0.5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_width_stays_width(sides: tuple[int, int], angle: float, shear: float, turn: float) -> None:
    """A box that is sheared and turned a little keeps its longer side, and turns little."""
    row = (80, 60, *sides, angle)
    values = oriented.read([row], PARAMS, H, W)[0]
    move = warp(maps.affine(H, W, rotate=turn, shear=(shear, 0)))
    cx, cy, wide, high, new = oriented.write([row], oriented.follow(values, move, H, W), np.arange(1), PARAMS, H, W)[0]
    assert (cx, cy) == pytest.approx(move.map(H, W).points(np.array([[80.0, 60.0]]))[0], abs=1e-6)
    assert (wide > high) == (sides[0] > sides[1])
    assert abs((new - angle + 90) % 180 - 90) < 40
    assert -90 <= new < 90


def test_mirrored_angles() -> None:
    def after(element: Any) -> list[float]:
        values = oriented.read([(80, 60, 60, 24, 30)], PARAMS, H, W)[0]
        height, width = ops.D4(element).size(H, W)
        moved = oriented.follow(values, ops.D4(element), H, W)
        out: list[float] = oriented.write([(0,) * 5], moved, np.arange(1), PARAMS, height, width)[0]
        return list(out)

    assert after("h") == [80, 60, 60, 24, -30]
    assert after("v") == [80, 60, 60, 24, -30]
    assert after("r180") == [80, 60, 60, 24, 30]
    assert after("t") == [60, 80, 60, 24, 60]
    assert after("r90") == [60, 80, 60, 24, -60]
    assert after("r270") == [60, 80, 60, 24, -60]
    assert after("hvt") == [60, 80, 60, 24, 60]


# ---- formats ----


@pytest.mark.parametrize(
    ("coord_format", "row"),
    [
        ("pascal_voc", [50.0, 48.0, 110.0, 72.0, 30.0, "ship"]),
        ("coco", [50.0, 48.0, 60.0, 24.0, 30.0, "ship"]),
        ("yolo", [0.5, 0.5, 0.375, 0.2, 30.0, "ship"]),
        ("albumentations", [0.3125, 0.4, 0.6875, 0.6, 30.0, "ship"]),
        ("cxcywh", [80.0, 60.0, 60.0, 24.0, 30.0, "ship"]),
    ],
)
def test_formats_say_the_extent_before_turning(coord_format: str, row: list[Any]) -> None:
    params = BboxParams(coord_format, bbox_type="obb")
    values, rows = oriented.read([row], params, H, W)
    np.testing.assert_allclose(values, [[50, 48, 110, 72, 30, 1]])
    again = oriented.write([row], values, rows, params, H, W)[0]
    assert again[5] == "ship"
    np.testing.assert_allclose(again[:5], row[:5])


def test_containers_and_angles_come_back() -> None:
    def through(value: Any) -> Any:
        return A.Compose([A.NoOp(p=1)], bbox_params=PARAMS)(image=np.zeros((H, W), np.uint8), bboxes=value)["bboxes"]

    assert through([(80, 60, 60, 24, 12.3)]) == [(80, 60, 60, 24, 12.3)]
    assert through([[80, 60, 60, 24, 90]]) == [[80, 60, 60, 24, -90]]
    assert through([[80, 60, 60, 24, 400]]) == [[80, 60, 60, 24, 40]]
    out = through(np.array([[80, 60, 60, 24, -200.5, 7]], np.float32))
    assert out.dtype == np.float32 and out.tolist() == [[80, 60, 60, 24, -20.5, 7]]
    assert through([]) == []
    assert through(np.zeros((0, 5))).shape == (0, 5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([80, 60, 60, 24], r"bboxes\[0\]: got \[80, 60, 60, 24\]; each row starts with 5 numbers.*angle in degrees"),
        ([80, 60, 60, float("nan"), 3], r"bboxes\[0\].*NaN.*repair"),
        ([80, 60, 60, 24, float("inf")], r"bboxes\[0\].*NaN or infinite"),
        ([80, 60, -60, 24, 3], r"bboxes\[0\].*above 0, and has -60 and 24.*filter_invalid"),
        ([-80, 60, 60, 24, 3], r"bboxes\[0\].*nothing inside the image of 160 x 120"),
    ],
)
def test_bad_input(row: Any, message: str) -> None:
    pipeline = A.Compose([A.HorizontalFlip(p=1)], bbox_params=PARAMS)
    with pytest.raises(SampleError, match=message):
        pipeline(image=np.zeros((H, W), np.uint8), bboxes=[row])
    if len(row) == 5:
        drop = A.Compose([A.HorizontalFlip(p=1)], bbox_params={**PARAMS.to_dict(), "filter_invalid_bboxes": True})
        assert drop(image=np.zeros((H, W), np.uint8), bboxes=[row, (80, 60, 60, 24, 3)])["bboxes"] == [
            [80, 60, 60, 24, -3]
        ] or isinstance(row, list)


def test_corners_may_stick_out_of_the_image() -> None:
    pipeline = A.Compose([A.HorizontalFlip(p=1)], bbox_params=PARAMS)
    out = pipeline(image=np.zeros((H, W), np.uint8), bboxes=[(5, 60, 60, 24, 45)])["bboxes"]
    assert out == [(155, 60, 60, 24, -45)]


# ---- what is visible ----


def crop(row: Any, explain: bool = True, **rules: Any) -> tuple[Any, Any]:
    pipeline = A.Compose(
        [A.Crop(40, 20, 120, 100, p=1)],
        bbox_params=A.BboxParams("cxcywh", bbox_type="obb", **rules),
        annotation_fate=True,
    )
    out = pipeline(image=np.zeros((H, W), np.uint8), bboxes=[row])
    return out["bboxes"], out["fate"]


def test_a_clipped_box_shrinks_along_its_own_sides() -> None:
    """Turned by 45 degrees about a corner of the crop, half of the box's length is left, and its angle stays."""
    row = (120, 60, 60, 10, 0)
    (out,), (event,) = crop(row)
    assert out == pytest.approx((65, 40, 30, 10, 0))
    assert (event["event"], event["rule"], event["value"]) == ("clipped", "frame", pytest.approx(0.5))
    (out,), _ = crop((120, 60, 60, 10, 45))
    half = 30 + 5  # along the box, from its end to where its lower side leaves the crop
    assert out[2] == pytest.approx(half) and out[3] == pytest.approx(10) and out[4] == pytest.approx(45)
    assert crop((120, 60, 60, 10, 45), clip_after_transform=False)[0] == [(80, 40, 60, 10, 45)]


def test_visibility_is_about_the_area_inside() -> None:
    row = (120, 60, 60, 10, 45)
    assert len(crop(row, min_visibility=0.499)[0]) == 1
    assert crop(row, min_visibility=0.501)[1][0]["rule"] == "min_visibility"
    assert crop(row, min_visibility=0.501)[1][0]["value"] == pytest.approx(0.5)
    assert len(crop(row, min_area=299)[0]) == 1
    assert crop(row, min_area=301)[1][0]["rule"] == "min_area"
    assert len(crop(row, min_height=9.9, min_width=34.9)[0]) == 1
    assert crop(row, min_height=10.1)[1][0]["rule"] == "min_height"
    assert crop(row, min_width=35.1)[1][0]["rule"] == "min_width"
    assert crop(row, max_accept_ratio=3)[1][0]["rule"] == "max_accept_ratio"
    assert crop((130, 110, 20, 10, 45))[1][0]["rule"] == "nothing_visible"


def test_what_was_lost_is_not_lost_again() -> None:
    """Corners that were outside before do not cost visibility again."""
    params = A.BboxParams("cxcywh", bbox_type="obb", min_visibility=0.8)
    image = np.zeros((H, W), np.uint8)
    half = (0, 60, 40, 40, 45)
    steps = [A.Crop(0, 0, 150, 120, p=1), A.Crop(0, 0, 140, 120, p=1)]
    (row,) = A.Compose(steps, bbox_params=params)(image=image, bboxes=[half])["bboxes"]
    assert row == pytest.approx(half)
    # Of what was inside, the upper half goes.
    params = A.BboxParams("cxcywh", bbox_type="obb", min_visibility=0.51)
    pipeline = A.Compose([A.Crop(0, 60, 150, 120, p=1)], bbox_params=params, annotation_fate=True)
    (event,) = pipeline(image=image, bboxes=[half])["fate"]
    assert event["rule"] == "min_visibility" and event["value"] == pytest.approx(0.5)


@given(st.floats(0, 160), st.floats(0, 120), st.floats(5, 70), st.floats(5, 70), st.floats(-90, 90))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_visible_area_agrees_with_drawn_pixels(x: float, y: float, wide: float, high: float, angle: float) -> None:
    values = np.array([[x - wide / 2 + 100, y - high / 2 + 100, x + wide / 2 + 100, y + high / 2 + 100, angle, 1]])
    whole = drawn((x + 100, y + 100, wide, high, angle), H + 200, W + 200)
    clipped, area = oriented._clipped(values - (100, 100, 100, 100, 0, 0), H, W)
    assert area[0] == pytest.approx(whole[100:-100, 100:-100].sum(), abs=0.5 * (wide + high) + 6)
    # What is left holds all that is visible, and clipping it again changes nothing.
    again, same = oriented._clipped(clipped, H, W)
    assert same[0] == pytest.approx(area[0], abs=1e-6)
    np.testing.assert_allclose(again[:, :4], clipped[:, :4], atol=1e-6)


def test_upright_boxes_are_clipped_like_axis_aligned_ones() -> None:
    rng = np.random.default_rng(3)
    low = rng.uniform(0, 90, (40, 2))
    rows = np.concatenate([low, low + rng.uniform(2, 60, (40, 2))], axis=1).clip(0, (W, H, W, H))
    image = np.zeros((H, W), np.uint8)
    steps = [A.Crop(30, 20, 110, 90, p=1), A.CoarseDropout(num_holes_range=(5, 5), p=1), A.Morphological(p=1)]
    rules = {"min_visibility": 0.3, "min_area": 30, "max_accept_ratio": 6}
    plain = A.Compose(steps, bbox_params=A.BboxParams("pascal_voc", **rules), seed=4)
    turned = A.Compose(steps, bbox_params=A.BboxParams("pascal_voc", bbox_type="obb", **rules), seed=4)
    for key in range(8):
        wanted = np.array(plain(image=image, bboxes=rows.tolist(), key=key)["bboxes"]).reshape(-1, 4)
        got = turned(image=image, bboxes=[(*row, 0) for row in rows.tolist()], key=key)["bboxes"]
        np.testing.assert_allclose(np.array(got).reshape(-1, 5)[:, :4], wanted, atol=1e-9)


@given(st.lists(st.tuples(*[st.integers(0, 119)] * 4), min_size=1, max_size=6), st.floats(-90, 90))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_holes_agree_with_drawn_pixels(raw: list[tuple[int, int, int, int]], angle: float) -> None:
    holes = tuple((min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in raw)
    row = (70, 60, 70, 30, angle)
    values = oriented.read([row], PARAMS, H, W)[0]
    hidden = np.ones((H, W), np.float32)
    for a, b, c, d in holes:
        hidden[b:d, a:c] = 0
    out = oriented.hide(values, holes, PARAMS)
    seen = drawn(row) * hidden
    y, x = np.nonzero(seen > 0.5)
    if not len(y):
        return  # less than a pixel
    grown = out[0] + (-1.5, -1.5, 1.5, 1.5, 0, 0)
    assert oriented._inside(np.stack([x + 0.5, y + 0.5], axis=1), grown).all()
    y, x = np.nonzero(seen > 0.01)
    u, v, _ = oriented._axes(np.stack([x + 0.5, y + 0.5], axis=1), out[0])
    assert np.ptp(u) > out[0, 2] - out[0, 0] - 3
    assert np.ptp(v) > out[0, 3] - out[0, 1] - 3


def test_holes_and_patterns_shrink_and_hide() -> None:
    values = oriented.read([(80, 60, 60, 20, 90)], PARAMS, H, W)[0]
    holes = ((0, 0, 160, 50),)
    where = np.zeros((H, W), np.uint8)
    where[:50] = 255
    wanted = [[80, 70, 40, 20, -90]]
    for out in (oriented.hide(values, holes, PARAMS), oriented.hide_where(values, where, PARAMS)):
        np.testing.assert_allclose(oriented.write([[0] * 5], out, np.arange(1), PARAMS, H, W), wanted, atol=1e-6)
    gone = oriented.hide(values, ((0, 0, 160, 60), (0, 60, 160, 120)), PARAMS)
    assert gone[0, 2] == gone[0, 0]
    assert oriented.hide(values, ((0, 0, 40, 40),), PARAMS).tolist() == values.tolist()
    # Through the middle: both ends are visible, so nothing shrinks.
    np.testing.assert_allclose(oriented.hide(values, ((60, 55, 100, 65),), PARAMS), values)


@pytest.mark.parametrize("operation", ["dilation", "erosion"])
@pytest.mark.parametrize("size", [(5, 5), (7, 3), (4, 6)])
@pytest.mark.parametrize("angle", [0, 30, 90])
def test_morphology_agrees_with_drawn_pixels(operation: str, size: tuple[int, int], angle: float) -> None:
    row = (80, 60, 60, 24, angle)
    op = ops.Morphology(operation, *size)
    values = oriented.grow(oriented.read([row], PARAMS, H, W)[0], op, H, W)
    picture = KERNELS[ops.Morphology](drawn(row), op)
    u, v, _ = oriented._axes(np.argwhere(picture > 0.5)[:, ::-1] + 0.5, values[0])
    sides = values[0, 2:4] - values[0, :2]
    assert np.ptp(u) == pytest.approx(sides[0], abs=2.6)
    assert np.ptp(v) == pytest.approx(sides[1], abs=2.6)


def test_tiles_carry_and_cut() -> None:
    op = ops.GridShuffle(1, 2, (1, 0))
    row = (40, 60, 40, 20, 30)
    moved = oriented.follow(oriented.read([row], PARAMS, H, W)[0], op, H, W)
    np.testing.assert_allclose(oriented.write([row], moved, np.arange(1), PARAMS, H, W), [(120, 60, 40, 20, 30)])
    row = (80, 60, 60, 20, 30)
    picture = KERNELS[ops.GridShuffle](drawn(row), op)
    moved = oriented.follow(oriented.read([row], PARAMS, H, W)[0], op, H, W)
    assert apart(oriented.corners(moved)[0], found(picture)) < 2.5


# ---- every transform ----


def test_every_transform_moves_turned_boxes_and_replays() -> None:
    from augury.transform import REGISTRY
    from tests.catalogue.cases import CASES

    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (96, 96, 3), np.uint8)
    mask = np.kron(rng.integers(0, 4, (12, 12)), np.ones((8, 8))).astype(np.uint8)
    rows = [(40, 40, 30, 10, 25), (60, 50, 24, 30, -60), (20, 70, 16, 16, 80)]
    params = A.BboxParams("cxcywh", ["labels"], bbox_type="obb", min_visibility=0.1)
    seen = set()
    for name, arguments in CASES:
        if (
            REGISTRY[name].acts_on != "dual"
            or REGISTRY[name].sees == "volumes"
            or (name in seen and len(arguments) < 2)
        ):
            continue
        seen.add(name)
        pipeline = A.ReplayCompose([getattr(A, name)(**{**arguments, "p": 1})], bbox_params=params, seed=3)
        targets: dict[str, Any] = {"image": image, "mask": mask, "bboxes": rows, "labels": list("abc")}
        for beside, items in extras(name, image).items():
            turned = (
                [{k: [(*row, 30) for row in v] if k == "bboxes" else v for k, v in item.items()} for item in items]
                if name in mixing.__all__
                else items
            )
            targets[beside] = turned
        result = pipeline(**targets)
        assert all(-90 <= row[4] < 90 and row[2] > 0 and row[3] > 0 for row in result["bboxes"])
        assert len(result["bboxes"]) == len(result["labels"])
        again = A.replay(json.loads(json.dumps(result["replay"])), **targets)
        assert again["bboxes"] == result["bboxes"] and again["labels"] == result["labels"]
    assert len(seen) > 40


def test_transforms_that_draw_from_boxes_get_upright_hulls() -> None:
    params = A.BboxParams("cxcywh", bbox_type="obb")
    pipeline = A.Compose([A.BBoxSafeRandomCrop(p=1)], bbox_params=params, seed=1)
    image = np.zeros((H, W), np.uint8)
    for key in range(30):
        (row,) = pipeline(image=image, bboxes=[(80, 60, 70, 10, 45)], key=key)["bboxes"]
        assert row[2:] == pytest.approx((70, 10, 45))


def test_custom_transforms_get_the_angle() -> None:
    class Turn(A.DualTransform):
        def apply(self, img: Any, **params: Any) -> Any:
            return img

        def apply_to_bboxes(self, bboxes: Any, **params: Any) -> Any:
            assert bboxes.shape[1] == 6  # four fractions, the angle, the row
            bboxes[:, 4] += 10
            return bboxes[::-1]

    pipeline = A.Compose([Turn(p=1)], bbox_params=A.BboxParams("cxcywh", ["labels"], bbox_type="obb"))
    rows = [(80, 60, 60, 24, 3), (40, 60, 30, 24, 7)]
    out = pipeline(image=np.zeros((H, W), np.uint8), bboxes=rows, labels=["a", "b"])
    np.testing.assert_allclose(out["bboxes"], [(40, 60, 30, 24, 17), (80, 60, 60, 24, 13)])
    assert out["labels"] == ["b", "a"]


def test_the_inverse_takes_them_back() -> None:
    pipeline = A.ReplayCompose(
        [A.HorizontalFlip(p=1), A.Rotate(p=1), A.PadIfNeeded(200, 200, p=1)], bbox_params=PARAMS, seed=3
    )
    row = (80, 60, 30, 12, 20)
    out = pipeline(image=np.zeros((H, W), np.uint8), bboxes=[row])
    back = A.inverse(json.loads(json.dumps(out["replay"])))(bboxes=out["bboxes"])["bboxes"]
    np.testing.assert_allclose(back, [row], atol=1e-6)
