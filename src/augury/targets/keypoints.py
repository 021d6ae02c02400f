"""Keypoints: read from the caller's format, moved by ops, filtered, written back.

The caller's x and y are pixel indices: 0 is the centre of the first pixel. Inside, keypoints are (N, 5) float64 rows
of x, y (edge coordinates, so index + 0.5), z, angle, scale. The angle is in radians, of the direction (cos a, sin a)
with x right and y down; the scale is a length in pixels. A hidden keypoint has x = y = NaN until the next check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from augury import maps, ops
from augury.errors import SampleError, shown
from augury.targets.params import Event, Floats, LabelParams, Rows, read_rows, write_rows
from augury.targets.relabel import Swaps, read_fields, written

# Columns that a custom transform sees.
GIVEN = 5
FORMATS = ("xy", "yx", "xya", "xys", "xyas", "xysa", "xyz")

_COLUMN = {"x": 0, "y": 1, "z": 2, "a": 3, "s": 4}
_WORDS = {"x": "x", "y": "y", "z": "z", "a": "angle", "s": "scale"}
# A point on the first pixel's centre may come out of a rotation this far below 0.
_TOLERANCE = 1e-6


class KeypointParams(LabelParams):
    """How keypoints are written and filtered.

    coord_format (alias `format`): xy, yx, xya, xys, xyas, xysa or xyz, where a is an angle and s a scale.
    label_fields: names of the lists that belong to the keypoints.
    remove_invisible: remove keypoints outside 0 <= x < width, 0 <= y < height (pixel indices) or under a hole; input
    outside is then an error. angle_in_degrees: else radians; angles come back in [0, 360) degrees.
    check_each_transform: after every transform, or once at the end.
    label_mapping: labels to swap when a step mirrors the image, {transform name or "reflection": {label field: {old:
    new}}}.
    Raises FieldError for values out of range.
    """

    _names = (
        "coord_format", "label_fields", "remove_invisible", "angle_in_degrees", "check_each_transform", "label_mapping",
    )  # fmt: skip
    remove_invisible: bool
    angle_in_degrees: bool
    check_each_transform: bool
    label_mapping: Swaps | None
    columns: tuple[int, ...]
    layout: str

    def __init__(
        self,
        coord_format: str | None = None,
        label_fields: list[str] | tuple[str, ...] | None = None,
        remove_invisible: bool = True,
        angle_in_degrees: bool = True,
        check_each_transform: bool = True,
        *,
        label_mapping: Mapping[str, Any] | None = None,
        format: str | None = None,
    ) -> None:
        fields = self._labels(label_fields)
        self._set(
            coord_format=self._format(coord_format, format, FORMATS),
            label_fields=fields,
            label_mapping=(
                label_mapping
                and read_fields(label_mapping, fields, lambda got, rule: self._refuse("label_mapping", got, rule))
            )
            or None,
            **self._flags(
                remove_invisible=remove_invisible,
                angle_in_degrees=angle_in_degrees,
                check_each_transform=check_each_transform,
            ),
        )
        self._set(
            columns=tuple(_COLUMN[letter] for letter in self.coord_format),
            layout=", ".join(_WORDS[letter] for letter in self.coord_format),
        )

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "label_mapping": written(self.label_mapping)}


# ---- reading and writing ---------------------------------------------------------------------------------


def read(value: Any, params: KeypointParams, height: int, width: int, name: str = "keypoints") -> tuple[Floats, Rows]:
    """The caller's keypoints as (N, 5), and which of the caller's rows they are (all).

    Raises SampleError for rows that are not finite numbers, or outside the image if remove_invisible.
    """
    given = read_rows(value, len(params.columns), name, params.layout)
    # Column by column in memory: every step works on columns.
    points = np.zeros((len(given), 5), order="F")
    if not len(given):
        return points, np.arange(0)
    for i, column in enumerate(params.columns):
        points[:, column] = given[:, i]
    x, y = points[:, 0], points[:, 1]
    more = len(params.columns) == 2 or math.isfinite(points.sum())
    # Comparisons with NaN are false, so broken numbers go to the check too.
    if not (x.max() < width and y.max() < height and points[:, :2].min() >= 0 and more):
        _check(given, points, params, height, width, name)
    x += 0.5
    y += 0.5
    if params.angle_in_degrees and 3 in params.columns:
        points[:, 3] *= math.pi / 180
    return points, np.arange(len(points))


def _check(given: Floats, points: Floats, params: KeypointParams, height: int, width: int, name: str) -> None:
    bad = ~np.isfinite(given).all(axis=1)
    if bad.any():
        i = int(bad.argmax())
        raise SampleError(f"{name}[{i}]: {given[i].tolist()} holds NaN or infinite numbers; repair it or drop it")
    if params.remove_invisible:
        bad = ~_inside(points[:, :2], height, width)
        if bad.any():
            i = int(bad.argmax())
            raise SampleError(
                f"{name}[{i}]: {shown(given[i].tolist())} ({params.coord_format}) lies outside the image, whose pixel "
                f"indices are 0 <= x < {width}, 0 <= y < {height}; drop it, or keep such points with "
                "KeypointParams(remove_invisible=False)"
            )


def _inside(index: Floats, height: int, width: int) -> Any:
    x, y = index[:, 0], index[:, 1]
    return (x >= -_TOLERANCE) & (y >= -_TOLERANCE) & (x < width) & (y < height)


def write(value: Any, points: Floats, rows: Rows, params: KeypointParams, height: int, width: int) -> Any:
    """Keypoints in the caller's format and container (see `write_rows`); `rows` are the caller's rows they are."""
    out = points[:, :2] - 0.5
    if params.coord_format == "xy":
        return write_rows(value, out, rows)
    points = np.column_stack([out, points[:, 2:]])
    out = points.take(params.columns, axis=1)
    if 3 in params.columns:
        turn = 360.0 if params.angle_in_degrees else 2 * math.pi
        angle = points[:, 3] * (turn / (2 * math.pi))
        # Rounding brings back the caller's number after the way to radians and back.
        angle = np.round(angle % turn, 9)
        out[:, params.columns.index(3)] = np.where(angle >= turn, 0.0, angle)
    return write_rows(value, out, rows)


# ---- moving ------------------------------------------------------------------------------------------------

# What a D4 element does: swap x and y, mirror the new x, mirror the new y; the angle becomes sign * angle + quarter
# turns.
_D4: dict[str, tuple[bool, bool, bool, int, int]] = {
    "h": (False, True, False, -1, 2),
    "v": (False, False, True, -1, 0),
    "r180": (False, True, True, 1, 2),
    "t": (True, False, False, -1, 1),
    "r90": (True, False, True, 1, -1),
    "r270": (True, True, False, 1, 1),
    "hvt": (True, True, True, -1, -1),
}


def follow(points: Floats, op: Any, height: int, width: int) -> Floats:
    """Keypoints after a geometry op on a height x width image; scales grow with its larger stretch."""
    if not len(points):
        return points
    if isinstance(op, ops.Crop):
        return np.subtract(points, (op.x_min, op.y_min, 0, 0, 0))
    if isinstance(op, ops.Pad):
        return np.add(points, (op.left, op.top, 0, 0, 0))
    out = points.copy(order="F")
    if isinstance(op, ops.D4):
        if op.element != "e":
            swaps, flip_x, flip_y, sign, quarters = _D4[op.element]
            if swaps:
                out[:, 0], out[:, 1] = points[:, 1], points[:, 0]
                height, width = width, height
            if flip_x:
                np.subtract(width, out[:, 0], out=out[:, 0])
            if flip_y:
                np.subtract(height, out[:, 1], out=out[:, 1])
            out[:, 3] *= sign
            out[:, 3] += quarters * (math.pi / 2)
        return out
    move = op.map(height, width)
    if isinstance(move, maps.Matrix):
        out[:, :2] = move.points(points[:, :2])
        # The derivative of an affine map is the same everywhere.
        _turn(out, move.jacobian(points[:1, :2] if move.affine else points[:, :2]))
    else:
        known = np.flatnonzero(np.isfinite(points[:, :2]).all(axis=1))
        part = out[known]
        part[:, :2], jacobian = move.points_and_jacobian(points[known, :2])
        _turn(part, jacobian)
        out[known] = part
    return out


def _turn(points: Floats, jacobian: Floats) -> None:
    """Turn angles and multiply scales in place by (N or 1, 2, 2) derivatives."""
    a, b, c, d = jacobian[:, 0, 0], jacobian[:, 0, 1], jacobian[:, 1, 0], jacobian[:, 1, 1]
    cos, sin = np.cos(points[:, 3]), np.sin(points[:, 3])
    points[:, 3] = np.arctan2(c * cos + d * sin, a * cos + b * sin)
    # Larger singular value of a 2 x 2 matrix, from the sum of squares and the determinant.
    squares = a * a + b * b + c * c + d * d
    points[:, 4] *= np.sqrt((squares + np.sqrt(np.maximum(squares**2 - 4 * (a * d - b * c) ** 2, 0))) / 2)


def hide(points: Floats, holes: tuple[tuple[int, int, int, int], ...], params: KeypointParams) -> Floats:
    """Keypoints inside a hole (x_min, y_min, x_max, y_max) are hidden, if the params remove invisible ones."""
    if not len(points) or not holes or not params.remove_invisible:
        return points
    cut = np.array(holes, np.float64)
    xy = points[:, None, :2]
    each: Any = ((xy >= cut[:, :2]) & (xy < cut[:, 2:])).all(axis=2)
    covered = each.any(axis=1)
    if covered.any():
        points = points.copy()
        points[covered, :2] = np.nan
    return points


def hide_where(points: Floats, where: Any, params: KeypointParams) -> Floats:
    """Keypoints in a pattern (H, W), 0 where it is not, are hidden, if the params remove invisible ones."""
    if not params.remove_invisible:
        return points
    height, width = where.shape
    points = points.copy()
    for i, (x, y) in enumerate(points[:, :2].tolist()):
        if 0 <= x < width and 0 <= y < height and where[int(y), int(x)]:
            points[i, :2] = np.nan
    return points


# ---- filtering -----------------------------------------------------------------------------------------------


def filter(
    points: Floats, params: KeypointParams, height: int, width: int, explain: bool = False
) -> tuple[Rows, Floats, list[Event]]:
    """Positions of the keypoints that stay, those keypoints, and, if explain, what happened to the others.

    Events: (position, "removed", "outside" or "hidden", the offending index coordinate, the limit it broke).
    """
    if not params.remove_invisible or not len(points):
        return np.arange(len(points)), points, []
    if points[:, 0].max() < width and points[:, 1].max() < height and points[:, :2].min() >= 0.5:
        return np.arange(len(points)), points, []
    index = points[:, :2] - 0.5
    good = _inside(index, height, width)
    kept = np.flatnonzero(good)
    events: list[Event] = []
    if explain:
        for i in np.flatnonzero(~good).tolist():
            x, y = index[i].tolist()
            if x != x:
                events.append((i, "removed", "hidden", None, None))
                continue
            across = not -_TOLERANCE <= x < width
            value, size = (x, width) if across else (y, height)
            events.append((i, "removed", "outside", value, 0.0 if value < 0 else float(size)))
    return kept, points[kept], events
