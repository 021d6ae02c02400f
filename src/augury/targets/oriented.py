"""Oriented boxes: rectangles turned about their centre; read, moved by ops, filtered and written back.

A row of the caller's is the four numbers of its format, which say the extent before turning, and an angle in degrees:
x right, y down, positive from x towards y, as of keypoints. It is written back in [-90, 90). Inside, boxes are (N, 6)
float64 rows of x_min, y_min, x_max, y_max in pixels before turning, the angle, and the share of the box that the image
showed at the last check: a turned box may keep corners outside, which it does not lose again.

A map moves the four corners. If they form a rectangle again, as under similarities, that is the box; if not, the
rectangle of least area around them, with the width on the axis that is closest to where the old one went.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from augury import maps, ops
from augury.errors import SampleError
from augury.targets import boxes as upright
from augury.targets.boxes import BboxParams
from augury.targets.params import Event, Floats, Rows, read_rows, write_rows

# Columns that a custom transform sees.
GIVEN = 5
# Sides count as perpendicular below this cosine, and areas as equal within this share.
_EXACT = 1e-9
_TURN = "turned about its centre by a fifth number, an angle in degrees"


def corners(boxes: Floats) -> Floats:
    """The corners (N, 4, 2) of boxes, from the one that was upper left before turning, along the width first."""
    return _places(boxes, upright.CORNERS)


def _places(boxes: Floats, unit: Floats) -> Floats:
    """Points of the unit square (K, 2) in boxes, as (N, K, 2) points of the image."""
    half = (boxes[:, 2:4] - boxes[:, :2]) * 0.5
    offset = (2.0 * unit - 1.0) * half[:, None]
    cos, sin = (part[:, None] for part in _direction(boxes[:, 4]))
    x, y = offset[..., 0], offset[..., 1]
    middle = (boxes[:, :2] + boxes[:, 2:4]) * 0.5
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=2) + middle[:, None]


def _direction(degrees: Floats) -> tuple[Floats, Floats]:
    """Cosines and sines, exact at multiples of 90."""
    radians = np.deg2rad(degrees)
    cos, sin = np.cos(radians), np.sin(radians)
    square: Any = degrees % 90 == 0
    return np.where(square, np.round(cos), cos), np.where(square, np.round(sin), sin)


def hulls(boxes: Floats) -> Floats:
    """The smallest upright boxes (N, 4) around boxes."""
    points = corners(boxes)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


# ---- reading and writing ---------------------------------------------------------------------------------


def read(value: Any, params: BboxParams, height: int, width: int, name: str = "bboxes") -> tuple[Floats, Rows]:
    """The caller's boxes as (N, 6), and which of the caller's rows they are.

    The corners of a turned box may lie outside the image. Raises SampleError for rows that are not five finite
    numbers, that are empty or inverted, or of which nothing is inside, unless the params drop them
    (filter_invalid_bboxes); clip_bboxes_on_input shrinks them to what is inside.
    """
    given = read_rows(value, GIVEN, name, f"{upright.LAYOUTS[params.coord_format]}, {_TURN}")
    boxes = np.column_stack([given, np.ones(len(given))])
    if not len(boxes):
        return boxes, np.arange(0)
    finite: Any = np.isfinite(boxes).all(axis=1)
    upright.to_edges(boxes[:, :4], params.coord_format, height, width)
    good = finite & (boxes[:, :2] < boxes[:, 2:4]).all(axis=1)
    at = np.flatnonzero(good)
    clipped, area = _clipped(boxes[at], height, width)
    good[at] = area > 0
    if not (good.all() or params.filter_invalid_bboxes):
        _refuse(int(good.argmin()), value, boxes, params, height, width, name)
    if params.clip_bboxes_on_input:
        boxes[at] = clipped
    sides = boxes[at, 2:4] - boxes[at, :2]
    boxes[at, 5] = area / (sides[:, 0] * sides[:, 1])
    rows = np.flatnonzero(good)
    return boxes[rows], rows


def _refuse(i: int, value: Any, boxes: Floats, params: BboxParams, height: int, width: int, name: str) -> None:
    given, (x0, y0, x1, y1) = read_rows(value, GIVEN, name, "")[i].tolist(), boxes[i, :4].tolist()
    if not all(map(math.isfinite, given)):
        rule, remedy = "holds NaN or infinite numbers", "repair it or drop it"
    elif not (x0 < x1 and y0 < y1):
        rule = f"needs a width and a height above 0, and has {x1 - x0:g} and {y1 - y0:g} pixels"
        remedy = f"check that its format is {upright.LAYOUTS[params.coord_format]}, {_TURN}, or drop it"
    else:
        rule = f"shows nothing inside the image of {width} x {height} (W x H)"
        remedy = "drop it"
    raise SampleError(
        f"{name}[{i}]: {given} ({params.coord_format}, obb) {rule}; {remedy}: BboxParams(filter_invalid_bboxes=True)"
    )


def write(value: Any, boxes: Floats, rows: Rows, params: BboxParams, height: int, width: int) -> Any:
    """Boxes in the caller's format and container (see `write_rows`); `rows` are the caller's rows they came from."""
    out = boxes[:, :GIVEN].copy()
    upright.from_edges(out[:, :4], params.coord_format, height, width)
    # An angle that was never turned keeps its bits; rounding lets a turn and its undoing meet.
    angle = np.round(out[:, 4], 9)
    angle -= 180.0 * np.floor((angle + 90.0) / 180.0)
    out[:, 4] = np.where(angle >= 90.0, -90.0, angle)
    return write_rows(value, out, rows)


# ---- moving ------------------------------------------------------------------------------------------------

# What a D4 element does to an angle: sign * angle + degrees.
_D4 = {
    "h": (-1, 180), "v": (-1, 0), "r180": (1, 180), "t": (-1, 90), "r90": (1, -90), "r270": (1, 90), "hvt": (-1, -90),
}  # fmt: skip


def follow(boxes: Floats, op: Any, height: int, width: int) -> Floats:
    """Boxes after a geometry op on a height x width image, not clipped."""
    if not len(boxes):
        return boxes
    if isinstance(op, ops.Crop):
        return np.subtract(boxes, (op.x_min, op.y_min, op.x_min, op.y_min, 0, 0))
    if isinstance(op, ops.Pad):
        return np.add(boxes, (op.left, op.top, op.left, op.top, 0, 0))
    if isinstance(op, ops.D4):
        if op.element == "e":
            return boxes
        sign, more = _D4[op.element]
        half = (boxes[:, 2:4] - boxes[:, :2]) * 0.5
        middle = op.map(height, width).points((boxes[:, :2] + boxes[:, 2:4]) * 0.5)
        return np.column_stack([middle - half, middle + half, sign * boxes[:, 4] + more, boxes[:, 5]])
    if isinstance(op, ops.GridShuffle):
        return _shuffled(boxes, op.map(height, width))
    move = op.map(height, width)
    if isinstance(move, maps.Loose):
        return boxes
    unit = upright.OUTLINE if isinstance(op, ops.Remap) else upright.CORNERS
    moved = move.points(_places(boxes, unit).reshape(-1, 2)).reshape(len(boxes), -1, 2)
    if isinstance(move, maps.Matrix):
        out = _quadrilaterals(moved, move.affine)
    else:
        out = np.stack([_around_points(*pair) for pair in zip(moved, _width_of(moved), strict=True)])
        _cut_to_shown(out, boxes, moved, move, height, width)
    return np.column_stack([out, boxes[:, 5]])


def _quadrilaterals(moved: Floats, affine: bool) -> Floats:
    """Boxes of moved corners (N, 4, 2): the rectangle that they form, or the least one around them."""
    edges = np.roll(moved, -1, axis=1) - moved
    across, down = edges[:, 0], -edges[:, 3]
    if not affine:
        return _least(moved, edges, _width_of(moved))
    sides = np.hypot(across[:, 0], across[:, 1]), np.hypot(down[:, 0], down[:, 1])
    half = np.stack(sides, axis=1) * 0.5
    middle = (moved[:, 0] + moved[:, 2]) * 0.5
    out = np.column_stack([middle - half, middle + half, np.rad2deg(np.arctan2(across[:, 1], across[:, 0]))])
    skew: Any = np.abs((across * down).sum(axis=1)) > _EXACT * sides[0] * sides[1]
    if skew.any():
        out[skew] = _least(moved[skew], edges[skew], across[skew])
    return out


def _width_of(points: Floats) -> Floats:
    """The directions of the widths of boxes, from points (N, K, 2) along their outlines, a quarter on each side."""
    side = points.shape[1] // 4
    # From the middle of the left side to the middle of the right one.
    out: Floats = (points[:, side] + points[:, 2 * side] - points[:, 0] - points[:, 3 * side]) * 0.5
    return out


def _around_points(points: Floats, width: Floats) -> Floats:
    """The rectangle of least area around points (K, 2); see `_least`."""
    hull = points[cv2.convexHull(points.astype(np.float32), returnPoints=False)[:, 0]]
    out: Floats = _least(hull[None], (np.roll(hull, -1, axis=0) - hull)[None], width[None])[0]
    return out


def _least(points: Floats, edges: Floats, width: Floats) -> Floats:
    """Rectangles (N, 5) of least area around points (N, K, 2) whose hulls have edges (N, E, 2), each with its width on
    the axis closest to the direction `width` (N, 2).
    """
    length = np.hypot(width[:, 0], width[:, 1])[:, None]
    toward = np.where(length > _EXACT, width / np.maximum(length, _EXACT), (1.0, 0.0))[:, None]
    size = np.hypot(edges[..., 0], edges[..., 1])[..., None]
    along = np.where(size > _EXACT, edges / np.maximum(size, _EXACT), toward)
    # Of every edge the direction, or the one across, that is closest to the width.
    turned: Any = np.abs((along * toward).sum(axis=2)) < math.sqrt(0.5)
    along = np.where(turned[..., None], _left(along), along)
    along *= np.where((along * toward).sum(axis=2) < 0, -1.0, 1.0)[..., None]
    u = (points[:, None] * along[:, :, None]).sum(axis=3)
    v = (points[:, None] * _left(along)[:, :, None]).sum(axis=3)
    area = np.ptp(u, axis=2) * np.ptp(v, axis=2)
    # Among equal areas the direction that turns least, so that rounding does not decide.
    best: Any = area <= area.min(axis=1, keepdims=True) * (1 + _EXACT) + 1e-12
    at = np.where(best, (along * toward).sum(axis=2).round(9), -2.0).argmax(axis=1)
    each = np.arange(len(points))
    return _spanning(u[each, at], v[each, at], along[each, at])


def _left(directions: Floats) -> Floats:
    """Directions (..., 2) turned by a quarter, from x towards y."""
    out: Floats = np.stack([-directions[..., 1], directions[..., 0]], axis=-1)
    return out


def _spanning(u: Floats, v: Floats, along: Floats) -> Floats:
    """Boxes (N, 5) that span u (N, K) along directions (N, 2) and v across them."""
    low, high = np.stack([u.min(axis=1), v.min(axis=1)], axis=1), np.stack([u.max(axis=1), v.max(axis=1)], axis=1)
    x, y = ((low + high) * 0.5).T[..., None]
    middle, half = x * along + y * _left(along), (high - low) * 0.5
    return np.column_stack([middle - half, middle + half, np.rad2deg(np.arctan2(along[:, 1], along[:, 0]))])


def _inside(points: Floats, box: Floats) -> Any:
    """Which points (K, 2) lie in a box."""
    u, v, _ = _axes(points, box)
    half = (box[2:4] - box[:2]) * 0.5
    at = _axes(((box[:2] + box[2:4]) * 0.5)[None], box)
    return (np.abs(u - at[0]) <= half[0]) & (np.abs(v - at[1]) <= half[1])


def _axes(points: Floats, box: Floats) -> tuple[Floats, Floats, Floats]:
    """Points (K, 2) along and across a box, and the direction of its width."""
    cos, sin = _direction(box[4:5])
    along = np.array([cos[0], sin[0]])
    return points @ along, points @ np.array([-sin[0], cos[0]]), along


def _cut_to_shown(out: Floats, boxes: Floats, moved: Floats, field: maps.Dense, height: int, width: int) -> None:
    """Cut moved boxes (N, 5), in place, whose outline (N, K, 2) partly leaves the frame, on the sides that stay inside
    it: see `boxes.follow`.
    """
    size = (width, height)
    inside: Any = ((moved >= 0) & (moved <= size)).all(axis=2)
    leaving = np.flatnonzero(~inside.all(axis=1))
    if not len(leaving):
        return
    frame, shown = field.frame(max(size))
    for i in leaving.tolist():
        seen = np.concatenate([moved[i, inside[i]], frame[_inside(shown, boxes[i])]])
        if not len(seen):
            out[i, 2:4] = out[i, :2]
            continue
        u, v, along = _axes(seen, out[i])
        whole_u, whole_v, _ = _axes(moved[i], out[i])
        on_frame: Any = ((seen <= 0) | (seen >= size)).any(axis=1)
        spans = []
        for part, whole in ((u, whole_u), (v, whole_v)):
            low, high = int(part.argmin()), int(part.argmax())
            spans.append(
                np.array(
                    [
                        min(part[low], whole.min()) if on_frame[low] else part[low],
                        max(part[high], whole.max()) if on_frame[high] else part[high],
                    ]
                )
            )
        out[i] = _spanning(spans[0][None], spans[1][None], along[None])[0]


def _shuffled(boxes: Floats, tiles: maps.Tiles) -> Floats:
    """Boxes around the pieces that tiles cut them into; one that lies in a single tile moves with it."""
    out = boxes.copy()
    ys, xs = (edges.astype(np.float64) for edges in tiles.edges)
    xs[0] = ys[0] = -math.inf
    xs[-1] = ys[-1] = math.inf
    for i, points in enumerate(corners(boxes)):
        pieces = []
        for y0, y1 in _spanned(ys, points[:, 1]):
            for x0, x1 in _spanned(xs, points[:, 0]):
                piece = np.array(_cut(points.tolist(), x0, y0, x1, y1)).reshape(-1, 2)
                if _area(piece) > 0:
                    move = tiles.points(piece.mean(axis=0)[None])[0] - piece.mean(axis=0)
                    pieces.append((piece, np.round(move)))
        if len({tuple(move) for _, move in pieces}) == 1:
            out[i, :4] += np.tile(pieces[0][1], 2)
        elif pieces:
            moved = np.concatenate([piece + move for piece, move in pieces])
            out[i, :5] = _around_points(moved, points[1] - points[0])
    return out


def _spanned(edges: Floats, values: Floats) -> Iterator[tuple[float, float]]:
    """The intervals between edges that the range of values meets."""
    low, high = float(values.min()), float(values.max())
    for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if a < high and b > low:
            yield a, b


# ---- polygons: lists of corners (x, y) ---------------------------------------------------------------------


def _cut(polygon: Sequence[Sequence[float]], x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """A convex polygon inside an upright rectangle (Sutherland and Hodgman, 1974)."""
    out = [(x, y) for x, y in polygon]
    for axis, limit, sign in ((0, x0, 1.0), (0, x1, -1.0), (1, y0, 1.0), (1, y1, -1.0)):
        if all((p[axis] - limit) * sign >= 0 for p in out):
            continue
        kept: list[tuple[float, float]] = []
        for at, p in enumerate(out):
            q = out[at - 1]
            ahead, before = (p[axis] - limit) * sign, (q[axis] - limit) * sign
            if (ahead >= 0) != (before >= 0):
                share = before / (before - ahead)
                crossing = [q[0] + share * (p[0] - q[0]), q[1] + share * (p[1] - q[1])]
                crossing[axis] = limit
                kept.append((crossing[0], crossing[1]))
            if ahead >= 0:
                kept.append(p)
        out = kept
    return out


def _area(polygon: Any) -> float:
    points = np.asarray(polygon, np.float64)
    if len(points) < 3:
        return 0.0
    points = points - points[0]
    after = np.roll(points, -1, axis=0)
    return abs(float((points[:, 0] * after[:, 1] - points[:, 1] * after[:, 0]).sum())) / 2


def _clipped(boxes: Floats, height: int, width: int) -> tuple[Floats, Floats]:
    """Boxes shrunk along their own sides to what is inside the image, and how much area each has in it."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    out, area = boxes.copy(), sides[:, 0] * sides[:, 1]
    points = corners(boxes)
    leaving: Any = ((points < 0) | (points > (width, height))).any(axis=(1, 2))
    for i in np.flatnonzero(leaving).tolist():
        inside = _cut(points[i].tolist(), 0.0, 0.0, float(width), float(height))
        area[i] = _area(inside)
        _shrink(out, i, np.array(inside).reshape(-1, 2) if area[i] > 0 else np.empty((0, 2)))
    return out, area


def _shrink(boxes: Floats, i: int, points: Floats) -> None:
    """Shrink a box, in place, along its own sides to points inside it; no area without points."""
    if not len(points):
        boxes[i, 2:4] = boxes[i, :2]
        return
    box = boxes[i]
    middle = (box[:2] + box[2:4]) * 0.5
    u, v, along = _axes(points - middle, box)
    half = (box[2:4] - box[:2]) * 0.5
    low = np.maximum([u.min(), v.min()], -half)
    high = np.minimum([u.max(), v.max()], half)
    # A side that keeps its extent keeps its bits.
    low, high = np.where(low < -half + 1e-9, -half, low), np.where(high > half - 1e-9, half, high)
    x, y = (low + high) * 0.5
    middle += np.array([x * along[0] - y * along[1], x * along[1] + y * along[0]])
    half = (high - low) * 0.5
    boxes[i, :2], boxes[i, 2:4] = middle - half, middle + half


# ---- holes -------------------------------------------------------------------------------------------------


def hide(boxes: Floats, holes: tuple[tuple[int, int, int, int], ...], params: BboxParams) -> Floats:
    """Boxes shrunk along their own sides to what holes (x_min, y_min, x_max, y_max) leave visible."""
    if not len(boxes) or not holes:
        return boxes
    cut, around = np.array(holes, np.float64), hulls(boxes)
    touched: Any = ((around[:, None, :2] < cut[:, 2:]) & (around[:, None, 2:] > cut[:, :2])).all(axis=2)
    out = boxes.copy()
    for i in np.flatnonzero(touched.any(axis=1)).tolist():
        points = corners(boxes[i : i + 1])[0].tolist()
        mine = cut[touched[i]]
        if not any(_area(_cut(points, *hole)) > 0 for hole in mine.tolist()):
            continue
        seen = [
            p for strip in _strips(around[i].tolist(), mine) if _area(part := _cut(points, *strip)) > 0 for p in part
        ]
        _shrink(out, i, np.array(seen).reshape(-1, 2))
    return out


def _strips(around: list[float], holes: Floats) -> Iterator[tuple[float, float, float, float]]:
    """What holes leave of an upright rectangle, as rectangles as wide as they can be."""
    x0, y0, x1, y1 = around
    ys = np.unique(np.clip([y0, y1, *holes[:, 1], *holes[:, 3]], y0, y1)).tolist()
    for top, bottom in itertools.pairwise(ys):
        left = x0
        here = holes[(holes[:, 1] < bottom) & (holes[:, 3] > top)]
        for a, _, b, _ in here[here[:, 0].argsort(kind="stable")].tolist():
            if a > left:
                yield left, top, min(a, x1), bottom
            left = max(left, b)
        if left < x1:
            yield left, top, x1, bottom


def hide_where(boxes: Floats, where: Any, params: BboxParams) -> Floats:
    """Boxes shrunk along their own sides to the pixels, by their centres, that a pattern (H, W) leaves visible."""
    height, width = where.shape
    out = boxes.copy()
    for i, (x0, y0, x1, y1) in enumerate(hulls(boxes).tolist()):
        left, top = max(math.floor(x0), 0), max(math.floor(y0), 0)
        part = where[top : min(math.ceil(y1), height), left : min(math.ceil(x1), width)]
        y, x = np.indices(part.shape).reshape(2, -1)
        centres = np.stack([x + left + 0.5, y + top + 0.5], axis=1)
        mine, hidden = _inside(centres, boxes[i]), part.ravel() != 0
        if not (mine & hidden).any():
            continue
        seen = centres[mine & ~hidden]
        square = (upright.CORNERS - 0.5)[None]
        _shrink(out, i, (seen[:, None] + square).reshape(-1, 2))
    return out


def grow(boxes: Floats, op: ops.Morphology, height: int, width: int) -> Floats:
    """Boxes of bright things after a dilation or erosion by an ellipse; no area if nothing is left."""
    across, down = op.width // 2, op.height // 2
    back, up = op.width - 1 - across, op.height - 1 - down
    cos, sin = _direction(boxes[:, 4])
    # How far an ellipse reaches along and across a box.
    reach_x, reach_y = (across + back) / 2, (down + up) / 2
    reach = np.stack([np.hypot(cos * reach_x, sin * reach_y), np.hypot(sin * reach_x, cos * reach_y)], axis=1)
    bright = op.operation == "dilation"
    half = (boxes[:, 2:4] - boxes[:, :2]) * 0.5 + (reach if bright else -reach)
    middle = (boxes[:, :2] + boxes[:, 2:4]) * 0.5 + ((across - back) / 2, (down - up) / 2)
    np.maximum(half, 0.0, out=half)
    out = np.column_stack([middle - half, middle + half, boxes[:, 4:]])
    return _clipped(out, height, width)[0] if bright else out


# ---- filtering -----------------------------------------------------------------------------------------------


def filter(
    boxes: Floats, params: BboxParams, height: int, width: int, explain: bool = False
) -> tuple[Rows, Floats, list[Event]]:
    """Positions of the boxes that stay, those boxes (clipped if the params say so), and what happened to which.

    A clipped box is shrunk along its own sides to what the image shows of it, so its angle stays and its corners may
    be outside. min_area and min_visibility are about the area inside the image, the others about its sides.
    min_visibility compares with what the image showed of the box at the last check, or, if boxes are not clipped, with
    what it showed of it at the start.
    """
    if not len(boxes):
        return np.arange(0), boxes, []
    clipped, area = _clipped(boxes, height, width)
    before = (boxes[:, 2:4] - boxes[:, :2]).prod(axis=1) * boxes[:, 5]
    sides = clipped[:, 2:4] - clipped[:, :2]
    visible = np.minimum(np.divide(area, before, out=np.zeros_like(area), where=before > 0), 1.0)
    good = upright.allowed(sides, area, visible, params)
    kept = np.flatnonzero(good)
    changed = (np.abs(boxes - clipped) > 1e-6).any(axis=1)
    events = upright.told(good, changed, sides, area, visible, params) if explain else []
    whole = sides.prod(axis=1)
    np.divide(area, whole, out=clipped[:, 5], where=whole > 0)
    return kept, (clipped if params.clip_after_transform else boxes)[kept], events
