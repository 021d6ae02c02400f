"""Axis-aligned boxes: read from the caller's format, moved by ops, filtered, written back.

Inside, boxes are (N, 4) float64 rows of x_min, y_min, x_max, y_max: edges in pixels, as `maps` says.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from augury import maps, ops
from augury.errors import SampleError
from augury.targets.params import Event, Floats, LabelParams, Rows, read_rows, write_rows

# Columns that a custom transform sees.
GIVEN = 4
FORMATS = ("pascal_voc", "coco", "yolo", "albumentations", "cxcywh")

LAYOUTS = {
    "pascal_voc": "x_min, y_min, x_max, y_max in pixels",
    "coco": "x_min, y_min, width, height in pixels",
    "yolo": "x_center, y_center, width, height as fractions of the image",
    "albumentations": "x_min, y_min, x_max, y_max as fractions of the image",
    "cxcywh": "x_center, y_center, width, height in pixels",
}
# How far an edge may lie outside, as a fraction of the image: what six decimals of yolo coordinates can be off.
_TOLERANCE = 2e-6


class BboxParams(LabelParams):
    """How boxes are written, checked and filtered.

    coord_format (alias `format`): pascal_voc, coco, yolo, albumentations or cxcywh.
    label_fields: names of the lists that belong to the boxes.
    bbox_type: "hbb", upright boxes, or "obb", boxes turned about their centre by a fifth number (see `oriented`).
    Boxes are removed when, after clipping to the image, they are smaller than min_area (square pixels), min_width or
    min_height (pixels), when less than min_visibility of their area is left, or when one side is more than
    max_accept_ratio times the other; after every transform, or once at the end if check_each_transform is False.
    filter_invalid_bboxes: drop bad input boxes instead of raising. clip_bboxes_on_input: clip input boxes to the image
    first. clip_after_transform: give out clipped boxes.
    clip: the same as clip_bboxes_on_input; results are clipped as well, unless clip_after_transform is False.
    Raises FieldError for values out of range.
    """

    _names = (
        "coord_format", "label_fields", "bbox_type", "min_area", "min_visibility", "min_width", "min_height",
        "check_each_transform", "filter_invalid_bboxes", "max_accept_ratio", "clip_bboxes_on_input",
        "clip_after_transform",
    )  # fmt: skip
    bbox_type: str
    min_area: float
    min_visibility: float
    min_width: float
    min_height: float
    check_each_transform: bool
    filter_invalid_bboxes: bool
    max_accept_ratio: float | None
    clip_bboxes_on_input: bool
    clip_after_transform: bool
    unlimited: bool

    def __init__(
        self,
        coord_format: str | None = None,
        label_fields: list[str] | tuple[str, ...] | None = None,
        *,
        bbox_type: str = "hbb",
        min_area: float = 0.0,
        min_visibility: float = 0.0,
        min_width: float = 0.0,
        min_height: float = 0.0,
        check_each_transform: bool = True,
        filter_invalid_bboxes: bool = False,
        max_accept_ratio: float | None = None,
        clip_bboxes_on_input: bool | None = None,
        clip_after_transform: bool = True,
        format: str | None = None,
        clip: bool | None = None,
    ) -> None:
        if bbox_type not in ("hbb", "obb"):
            raise self._refuse("bbox_type", bbox_type, "use 'hbb' (upright boxes) or 'obb' (turned by a fifth number)")
        if clip is not None and clip_bboxes_on_input is not None:
            raise self._refuse("clip", clip, "clip_bboxes_on_input is the same field, pass one of them")
        on_input = clip if clip_bboxes_on_input is None else clip_bboxes_on_input
        if max_accept_ratio is not None:
            max_accept_ratio = self._at_least(1.0, max_accept_ratio=max_accept_ratio)["max_accept_ratio"]
        self._set(
            coord_format=self._format(coord_format, format, FORMATS),
            label_fields=self._labels(label_fields),
            bbox_type=bbox_type,
            max_accept_ratio=max_accept_ratio,
            **self._at_least(0.0, min_area=min_area, min_width=min_width, min_height=min_height),
            **self._at_least(0.0, 1.0, min_visibility=min_visibility),
            **self._flags(
                check_each_transform=check_each_transform,
                filter_invalid_bboxes=filter_invalid_bboxes,
                clip_bboxes_on_input=False if on_input is None else on_input,
                clip_after_transform=clip_after_transform,
            ),
        )
        limits = (self.min_area, self.min_visibility, self.min_width, self.min_height, self.max_accept_ratio)
        self._set(unlimited=not any(limits))


# ---- reading and writing ---------------------------------------------------------------------------------


def read(value: Any, params: BboxParams, height: int, width: int, name: str = "bboxes") -> tuple[Floats, Rows]:
    """The caller's boxes as (N, 4), and which of the caller's rows they are.

    Raises SampleError for rows that are not four finite numbers, that are empty or inverted, or that leave the image,
    unless the params say to drop (filter_invalid_bboxes) or clip (clip_bboxes_on_input) them.
    """
    boxes = read_rows(value, 4, name, LAYOUTS[params.coord_format])
    if not len(boxes):
        return boxes, np.arange(0)
    to_edges(boxes, params.coord_format, height, width)
    finite: Any = True
    if params.clip_bboxes_on_input:
        finite = np.isfinite(boxes).all(axis=1)
        _clip(boxes, height, width, out=boxes)
    x, y = _TOLERANCE * width, _TOLERANCE * height
    low = boxes[:, 0].min() >= -x and boxes[:, 1].min() >= -y and (boxes[:, 2:] - boxes[:, :2]).min() > 0
    # Comparisons with NaN are false, so only sound boxes get through.
    if low and boxes[:, 2].max() <= width + x and boxes[:, 3].max() <= height + y:
        return boxes, np.arange(len(boxes))
    # Infinite and NaN edges fail these comparisons too.
    fine = (boxes[:, :2] < boxes[:, 2:]) & (boxes[:, :2] >= (-x, -y)) & (boxes[:, 2:] <= (width + x, height + y))
    good = fine[:, 0] & fine[:, 1] & finite
    if good.all():
        return boxes, np.arange(len(boxes))
    if not params.filter_invalid_bboxes:
        _refuse(int(good.argmin()), value, boxes, params, height, width, name)
    rows = np.flatnonzero(good)
    return boxes[rows], rows


def to_edges(boxes: Floats, coord_format: str, height: int, width: int) -> None:
    """Turn the four numbers of a format into edges in pixels, in place."""
    if coord_format in ("yolo", "cxcywh"):
        boxes[:, :2] -= boxes[:, 2:] * 0.5
    if coord_format in ("yolo", "cxcywh", "coco"):
        boxes[:, 2:] += boxes[:, :2]
    if coord_format in ("yolo", "albumentations"):
        boxes *= (width, height, width, height)


def from_edges(boxes: Floats, coord_format: str, height: int, width: int) -> None:
    """Turn edges in pixels into the four numbers of a format, in place."""
    if coord_format in ("yolo", "albumentations"):
        boxes /= (width, height, width, height)
    if coord_format in ("coco", "yolo", "cxcywh"):
        boxes[:, 2:] -= boxes[:, :2]
    if coord_format in ("yolo", "cxcywh"):
        boxes[:, :2] += boxes[:, 2:] * 0.5


def _refuse(i: int, value: Any, boxes: Floats, params: BboxParams, height: int, width: int, name: str) -> None:
    numbers = read_rows(value, 4, name, "")[i]
    given, (x0, y0, x1, y1) = [float(v) for v in numbers], boxes[i].tolist()
    if not np.isfinite(numbers).all():
        rule, remedy = "holds NaN or infinite numbers", "repair it or drop it"
    elif not (x0 < x1 and y0 < y1) and params.clip_bboxes_on_input and (x0 == x1 or y0 == y1):
        rule, remedy = "lies outside the image, or has no area", "drop it"
    elif not (x0 < x1 and y0 < y1):
        rule = f"needs x_min < x_max and y_min < y_max, and spans x {x0:g} to {x1:g}, y {y0:g} to {y1:g} pixels"
        remedy = f"check that its format is {LAYOUTS[params.coord_format]}, or drop it"
    else:
        rule = f"spans x {x0:g} to {x1:g}, y {y0:g} to {y1:g} pixels and leaves the image of {width} x {height} (W x H)"
        remedy = "clip it with BboxParams(clip_bboxes_on_input=True), or drop it"
    raise SampleError(
        f"{name}[{i}]: {given} ({params.coord_format}) {rule}; {remedy}: BboxParams(filter_invalid_bboxes=True)"
    )


def write(value: Any, boxes: Floats, rows: Rows, params: BboxParams, height: int, width: int) -> Any:
    """Boxes in the caller's format and container (see `write_rows`); `rows` are the caller's rows they came from."""
    out = boxes.copy()
    from_edges(out, params.coord_format, height, width)
    return write_rows(value, out, rows)


# ---- moving ------------------------------------------------------------------------------------------------

# Where a D4 element takes each column from, and the size that a mirrored one is counted from.
_D4: dict[str, tuple[tuple[int, str], ...]] = {
    "h": ((2, "w"), (1, ""), (0, "w"), (3, "")),
    "v": ((0, ""), (3, "h"), (2, ""), (1, "h")),
    "r180": ((2, "w"), (3, "h"), (0, "w"), (1, "h")),
    "t": ((1, ""), (0, ""), (3, ""), (2, "")),
    "r90": ((1, ""), (2, "w"), (3, ""), (0, "w")),
    "r270": ((3, "h"), (0, ""), (1, "h"), (2, "")),
    "hvt": ((3, "h"), (2, "w"), (1, "h"), (0, "w")),
}

_ANGLES = np.arange(120) * (2 * np.pi / 120)
_ELLIPSE = np.stack([0.5 + 0.5 * np.cos(_ANGLES), 0.5 + 0.5 * np.sin(_ANGLES)], axis=1)
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
# The corners and seven points between them on each side.
OUTLINE = np.concatenate(
    [CORNERS[i] + np.linspace(0, 1, 9)[:8, None] * (CORNERS[(i + 1) % 4] - CORNERS[i]) for i in range(4)]
)


def follow(boxes: Floats, op: Any, height: int, width: int) -> Floats:
    """Boxes after a geometry op on a height x width image, not clipped: the hull of what they become.

    A dense field may show parts of a box only, so that hull is cut to them on the sides that stay inside the frame.
    """
    if not len(boxes):
        return boxes
    if isinstance(op, ops.D4):
        if op.element == "e":
            return boxes
        out = np.empty(boxes.shape, order="F")
        for to, (column, size) in enumerate(_D4[op.element]):
            if size:
                np.subtract(width if size == "w" else height, boxes[:, column], out=out[:, to])
            else:
                out[:, to] = boxes[:, column]
        return out
    if isinstance(op, ops.Crop):
        return np.subtract(boxes, (op.x_min, op.y_min, op.x_min, op.y_min))
    if isinstance(op, ops.Pad):
        return np.add(boxes, (op.left, op.top, op.left, op.top))
    if isinstance(op, ops.Resize):
        x, y = op.width / width, op.height / height
        return np.multiply(boxes, (x, y, x, y))
    if isinstance(op, ops.GridShuffle):
        return op.map(height, width).hulls(boxes)
    outline = OUTLINE if isinstance(op, ops.Remap) else _ELLIPSE if op.box_method == "ellipse" else CORNERS
    points = boxes[:, None, :2] + outline * (boxes[:, None, 2:] - boxes[:, None, :2])
    move = op.map(height, width)
    moved = move.points(points.reshape(-1, 2)).reshape(points.shape)
    hulls = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    if isinstance(move, maps.Dense):
        _cut_to_shown(hulls, boxes, moved, move, height, width)
    return hulls


def _cut_to_shown(hulls: Floats, boxes: Floats, moved: Floats, field: maps.Dense, height: int, width: int) -> None:
    """Cut hulls (N, 4), in place, of boxes whose moved outline (N, K, 2) partly leaves the frame; no area if all does.

    What is shown of a box lies between its outline inside the frame and the places of the frame that show the box.
    """
    size = (width, height)
    inside: Any = ((moved >= 0) & (moved <= size)).all(axis=2)
    leaving = np.flatnonzero(~inside.all(axis=1))
    if not len(leaving):
        return
    frame, shown = field.frame(max(size))
    x, y = shown.T
    for i in leaving.tolist():
        through: Any = (x >= boxes[i, 0]) & (x <= boxes[i, 2]) & (y >= boxes[i, 1]) & (y <= boxes[i, 3])
        seen = np.concatenate([moved[i, inside[i]], frame[through]])
        if len(seen):
            low, high = seen.min(axis=0), seen.max(axis=0)
            hulls[i, :2] = np.where(low <= 0, np.minimum(hulls[i, :2], 0), low)
            hulls[i, 2:] = np.where(high >= size, np.maximum(hulls[i, 2:], size), high)
        else:
            hulls[i] = (*hulls[i, :2], *hulls[i, :2])


def hide(boxes: Floats, holes: tuple[tuple[int, int, int, int], ...], params: BboxParams) -> Floats:
    """Boxes shrunk to the hull of what holes (x_min, y_min, x_max, y_max) leave visible; no area if nothing is left."""
    if not len(boxes) or not holes:
        return boxes
    cut = np.array(holes, np.float64)
    touched: Any = ((boxes[:, None, :2] < cut[:, 2:]) & (boxes[:, None, 2:] > cut[:, :2])).all(axis=2)
    out = boxes.copy()
    for i in np.flatnonzero(touched.any(axis=1)).tolist():
        x0, y0, x1, y1 = boxes[i].tolist()
        inside = np.clip(cut[touched[i]], (x0, y0, x0, y0), (x1, y1, x1, y1))
        # Hole edges cut the box into a small grid; a cell is hidden if any hole covers it.
        xs, ys = np.unique([x0, x1, *inside[:, 0], *inside[:, 2]]), np.unique([y0, y1, *inside[:, 1], *inside[:, 3]])
        seen = np.ones((len(ys) - 1, len(xs) - 1), bool)
        left, right = np.searchsorted(xs, inside[:, 0]), np.searchsorted(xs, inside[:, 2])
        top, bottom = np.searchsorted(ys, inside[:, 1]), np.searchsorted(ys, inside[:, 3])
        for a, b, c, d in zip(left, right, top, bottom, strict=True):
            seen[c:d, a:b] = False
        columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
        if len(columns):
            out[i] = xs[columns[0]], ys[rows[0]], xs[columns[-1] + 1], ys[rows[-1] + 1]
        else:
            out[i] = x0, y0, x0, y0
    return out


def hide_where(boxes: Floats, where: Any, params: BboxParams) -> Floats:
    """Boxes shrunk to the hull of the pixels that a pattern (H, W), 0 where it is not, leaves visible."""
    height, width = where.shape
    out = boxes.copy()
    for i, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        left, top = max(math.floor(x0), 0), max(math.floor(y0), 0)
        seen = where[top : min(math.ceil(y1), height), left : min(math.ceil(x1), width)] == 0
        columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
        if seen.all():
            continue
        if len(columns):
            low = max(x0, left + int(columns[0])), max(y0, top + int(rows[0]))
            out[i] = *low, min(x1, left + int(columns[-1]) + 1), min(y1, top + int(rows[-1]) + 1)
        else:
            out[i] = x0, y0, x0, y0
    return out


def grow(boxes: Floats, op: ops.Morphology, height: int, width: int) -> Floats:
    """Boxes of bright things after a dilation or erosion, cut to the image; no area if nothing is left."""
    across, down = op.width // 2, op.height // 2
    back, up = op.width - 1 - across, op.height - 1 - down
    if op.operation == "dilation":
        return _clip(np.add(boxes, (-back, -up, across, down)), height, width)
    out = np.add(boxes, (across, down, -back, -up))
    np.maximum(out[:, 2:], out[:, :2], out=out[:, 2:])
    return out


# ---- filtering -----------------------------------------------------------------------------------------------


def filter(
    boxes: Floats, params: BboxParams, height: int, width: int, explain: bool = False
) -> tuple[Rows, Floats, list[Event]]:
    """Positions of the boxes that stay, those boxes (clipped if the params say so), and what happened to which.

    Events, made only when explain: (position, "removed" or "clipped", rule, value, limit).
    """
    if not len(boxes):
        return np.arange(0), boxes, []
    low, high = boxes[:, :2], boxes[:, 2:]
    lowest, top = low.min(), high.max(axis=0)
    if lowest >= 0 and top[0] <= width and top[1] <= height and params.unlimited and (high > low).all():
        return np.arange(len(boxes)), boxes, []
    clipped = _clip(boxes, height, width)
    sides = clipped[:, 2:] - clipped[:, :2]
    area = sides[:, 0] * sides[:, 1]
    before = (high - low).prod(axis=1)
    visible = np.divide(area, before, out=np.zeros_like(area), where=before > 0)
    good = allowed(sides, area, visible, params)
    kept = np.flatnonzero(good)
    events: list[Event] = []
    if explain:
        changed = (np.abs(boxes - clipped) > 1e-6).any(axis=1)
        events = told(good, changed, sides, area, visible, params)
    return kept, (clipped if params.clip_after_transform else boxes)[kept], events


def allowed(sides: Floats, area: Floats, visible: Floats, params: BboxParams) -> Any:
    """Which boxes the rules let stay, by the sides, area and visible share of what is left of each."""
    good = (sides > 0).all(axis=1)
    if not params.unlimited:
        good &= (area >= params.min_area) & (visible >= params.min_visibility)
        good &= (sides[:, 0] >= params.min_width) & (sides[:, 1] >= params.min_height)
        if params.max_accept_ratio is not None:
            good &= sides.max(axis=1) <= params.max_accept_ratio * sides.min(axis=1)
    return good


def told(good: Any, changed: Any, sides: Floats, area: Floats, visible: Floats, params: BboxParams) -> list[Event]:
    """What the rules did to boxes: which stay, which clipping changed, sides, area and visible share of each."""
    events: list[Event] = []
    for i, (wide, tall) in enumerate(sides.tolist()):
        if good[i]:
            if params.clip_after_transform and changed[i]:
                events.append((i, "clipped", "frame", float(visible[i]), None))
            continue
        if not (wide > 0 and tall > 0):
            events.append((i, "removed", "nothing_visible", 0.0, None))
            continue
        ratio = max(wide, tall) / min(wide, tall)
        tests = (
            ("min_area", float(area[i]), params.min_area, area[i] >= params.min_area),
            ("min_visibility", float(visible[i]), params.min_visibility, visible[i] >= params.min_visibility),
            ("min_width", wide, params.min_width, wide >= params.min_width),
            ("min_height", tall, params.min_height, tall >= params.min_height),
            ("max_accept_ratio", ratio, params.max_accept_ratio, False),
        )
        rule, value, limit, _ = next(test for test in tests if not test[3])
        events.append((i, "removed", rule, value, limit))
    return events


def _clip(boxes: Floats, height: int, width: int, out: Floats | None = None) -> Floats:
    return np.minimum(np.maximum(boxes, 0.0), (width, height, width, height), out=out)
