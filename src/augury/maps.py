"""Maps between the frame before a step and the frame after it.

Coordinates are EDGE coordinates: x right, y down, an image of W x H pixels spans [0, W] x [0, H]. The pixel
with index i has its centre at i + 0.5. A box is given by its edges, so a box around pixels 3 and 4 is
[3, 5]; a point that names a pixel by its index lies at that pixel's centre. Index coordinates (edge - 0.5),
which OpenCV uses, appear only inside `Dense` fields and kernels.

`Matrix` maps source to output, `Dense` stores for every output pixel where in the source it is read, and
both move points from the source to the output.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from augury.errors import InverseError, SampleError
from augury.rng import Source

Floats: TypeAlias = npt.NDArray[np.float64]
Maps: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Rows: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]

# Points at or behind the horizon of a perspective are pushed this close to it: they land far away, in a true direction.
_HORIZON = 1e-9

# ---- 3x3 matrices ------------------------------------------------------------------------------------

_IDENTITY: Rows = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A projective map of the plane; `rows` are the nine numbers of its 3x3 matrix, row by row.

    Products and inverses are plain float arithmetic, so they have the same bits on every platform.
    """

    rows: Rows = _IDENTITY

    @staticmethod
    def d4(element: str, height: int, width: int) -> Matrix:
        """The symmetry `element` of an image of height x width (names as in `ops.D4`)."""
        a, b, c, d = _D4_LINEAR[element]
        return Matrix((a, b, _offset(a, b, width, height), c, d, _offset(c, d, width, height), 0.0, 0.0, 1.0))

    @staticmethod
    def translate(x: float, y: float) -> Matrix:
        return Matrix((1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0))

    @staticmethod
    def scale(x: float, y: float) -> Matrix:
        return Matrix((x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, 1.0))

    @staticmethod
    def rotate(degrees: float) -> Matrix:
        """Turn about the origin, counter-clockwise as seen on the screen; multiples of 90 are exact."""
        quarters = degrees / 90.0
        if quarters == int(quarters):
            cos, sin = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarters) % 4]
        else:
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return Matrix((cos, sin, 0.0, -sin, cos, 0.0, 0.0, 0.0, 1.0))

    @staticmethod
    def shear(x: float, y: float) -> Matrix:
        """Shear by angles in degrees: x moves by tan(x) * y, y moves by tan(y) * x."""
        return Matrix((1.0, math.tan(math.radians(x)), 0.0, math.tan(math.radians(y)), 1.0, 0.0, 0.0, 0.0, 1.0))

    @property
    def values(self) -> Floats:
        """The matrix as a (3, 3) float64 array."""
        return np.array(self.rows, np.float64).reshape(3, 3)

    @property
    def affine(self) -> bool:
        """Whether the last row is 0, 0, 1."""
        return self.rows[6] == 0.0 and self.rows[7] == 0.0 and self.rows[8] == 1.0

    def about(self, x: float, y: float) -> Matrix:
        """This map with its origin moved to (x, y)."""
        return Matrix.translate(x, y) @ self @ Matrix.translate(-x, -y)

    def __matmul__(self, first: Matrix) -> Matrix:
        """`self @ first`: run `first`, then `self`."""
        a, b, c, d, e, f, g, h, i = self.rows
        j, k, l, m, n, o, p, q, r = first.rows  # noqa: E741
        return Matrix(
            (
                a * j + b * m + c * p, a * k + b * n + c * q, a * l + b * o + c * r,
                d * j + e * m + f * p, d * k + e * n + f * q, d * l + e * o + f * r,
                g * j + h * m + i * p, g * k + h * n + i * q, g * l + h * o + i * r,
            )
        )  # fmt: skip

    def inverse(self) -> Matrix:
        """The map back; raises InverseError if this map flattens the plane."""
        a, b, c, d, e, f, g, h, i = self.rows
        p, q, r = e * i - f * h, f * g - d * i, d * h - e * g
        det = a * p + b * q + c * r
        if det == 0.0 or not math.isfinite(det):
            raise InverseError(f"matrix {self.rows} has determinant {det} and no inverse; use a scale other than 0")
        rows = (
            p / det, (c * h - b * i) / det, (b * f - c * e) / det,
            q / det, (a * i - c * g) / det, (c * d - a * f) / det,
            r / det, (b * g - a * h) / det, (a * e - b * d) / det,
        )  # fmt: skip
        return Matrix((*rows[:6], 0.0, 0.0, 1.0)) if self.affine else Matrix(rows)

    def points(self, xy: Floats) -> Floats:
        """(N, 2) source points to the output."""
        a, b, c, d, e, f, g, h, i = self.rows
        x, y = xy[:, 0], xy[:, 1]
        out = np.empty((len(xy), 2))
        np.add(a * x + b * y, c, out=out[:, 0])
        np.add(d * x + e * y, f, out=out[:, 1])
        if not self.affine:
            out /= np.maximum(g * x + h * y + i, _HORIZON)[:, None]
        return out

    def jacobian(self, xy: Floats) -> Floats:
        """(N, 2, 2) derivatives of the output by the source at (N, 2) source points."""
        a, b, _, d, e, _, g, h, i = self.rows
        out = np.empty((len(xy), 2, 2))
        out[:] = ((a, b), (d, e))
        if not self.affine:
            weight = np.maximum(g * xy[:, 0] + h * xy[:, 1] + i, _HORIZON)
            out -= self.points(xy)[:, :, None] * np.array([g, h])
            out /= weight[:, None, None]
        return out


_D4_LINEAR: dict[str, tuple[float, float, float, float]] = {
    "e": (1, 0, 0, 1),
    "r90": (0, 1, -1, 0),
    "r180": (-1, 0, 0, -1),
    "r270": (0, -1, 1, 0),
    "h": (-1, 0, 0, 1),
    "v": (1, 0, 0, -1),
    "t": (0, 1, 1, 0),
    "hvt": (0, -1, -1, 0),
}


def _offset(by_x: float, by_y: float, width: int, height: int) -> float:
    """What brings a mirrored axis back to start at 0."""
    return float(width if by_x < 0 else height if by_y < 0 else 0)


def linear(rotate: float, scale: Mapping[str, float], shear: Mapping[str, float]) -> tuple[float, float, float, float]:
    """shear @ rotate @ scale as rows of a 2x2 matrix; angles in degrees, the shear matrix is (1, -tan x, -tan y, 1)."""
    a, b, _, c, d, *_ = Matrix.rotate(rotate).rows
    x, y = scale["x"], scale["y"]
    a, b, c, d = a * x, b * y, c * x, d * y
    x, y = shear["x"], shear["y"]
    if x or y:
        x, y = math.tan(math.radians(x)), math.tan(math.radians(y))
        return a - x * c, b - x * d, c - y * a, d - y * b
    return a, b, c, d


def affine(
    height: int,
    width: int,
    *,
    scale: tuple[float, float] = (1.0, 1.0),
    shear: tuple[float, float] = (0.0, 0.0),
    rotate: float = 0.0,
    translate: tuple[float, float] = (0.0, 0.0),
) -> Matrix:
    """Scale, shear (degrees), rotate (degrees, counter-clockwise) about the image centre, then translate (pixels)."""
    move = Matrix.rotate(rotate) @ Matrix.shear(*shear) @ Matrix.scale(*scale)
    return Matrix.translate(*translate) @ move.about(width / 2, height / 2)


def perspective(source: npt.ArrayLike, output: npt.ArrayLike) -> Matrix:
    """The projective map that brings four source corners (4, 2) to four output corners (4, 2).

    Solves the eight linear equations of the direct linear transform by Gaussian elimination in plain floats.
    Raises InverseError if three of the corners lie on a line.
    """
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(np.asarray(source, float).tolist(), np.asarray(output, float).tolist(), strict=True):
        rows.append([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u])
        rows.append([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v])
    for i in range(8):
        pivot = max(range(i, 8), key=lambda r: abs(rows[r][i]))
        if abs(rows[pivot][i]) < 1e-12:
            raise InverseError(f"perspective: corners {source!r} to {output!r} do not span an area; move them apart")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(8):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [p - factor * q for p, q in zip(rows[r], rows[i], strict=True)]
    a, b, c, d, e, f, g, h = (rows[i][8] / rows[i][i] for i in range(8))
    return Matrix((a, b, c, d, e, f, g, h, 1.0))


def fit(matrix: Matrix, height: int, width: int) -> tuple[Matrix, int, int]:
    """`matrix` moved so that the whole height x width image is seen, with the output's height and width."""
    corners = matrix.points(np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]))
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    new_height, new_width = max(1, math.ceil(y1 - y0 - 1e-6)), max(1, math.ceil(x1 - x0 - 1e-6))
    shift = Matrix.translate((new_width - x0 - x1) / 2, (new_height - y0 - y1) / 2)
    return shift @ matrix, new_height, new_width


# ---- dense fields --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """For every output pixel, the source index coordinates that it shows: map_x, map_y are (H, W) float32."""

    map_x: npt.NDArray[np.float32]
    map_y: npt.NDArray[np.float32]

    def points(self, xy: Floats) -> Floats:
        """(N, 2) source points to the output; beyond its borders the field goes on linearly.

        Exact where the field is smooth and one-to-one; where it folds, one of the places that show the point. A point
        that is shown nowhere lands a pixel outside the frame, by the place of the frame that shows what is nearest.
        """
        return self._solve(xy)[0]

    def jacobian(self, xy: Floats) -> Floats:
        """(N, 2, 2) derivatives of the output by the source at (N, 2) source points; 0 where the field is flat."""
        return self.points_and_jacobian(xy)[1]

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        """`points` and `jacobian` for the price of one."""
        output, forward = self._solve(xy)
        back = _adjugate(forward)
        det = forward[:, 0, 0] * forward[:, 1, 1] - forward[:, 0, 1] * forward[:, 1, 0]
        flat = np.abs(det) < 1e-12
        back /= np.where(flat, np.inf, det)[:, None, None]
        return output, back

    def sources(self, xy: Floats) -> Floats:
        """Where output points (N, 2) came from."""
        return self._sample(xy)[0]

    def folds(self) -> bool:
        """Whether the area of some square of neighbouring pixels, seen in the source, is turned over or nil."""
        (x_across, x_down), (y_across, y_down) = (
            (np.diff(field, axis=1)[:-1], np.diff(field, axis=0)[:, :-1]) for field in (self.map_x, self.map_y)
        )
        return bool((x_across * y_down <= x_down * y_across).any())

    def inverse(self) -> Dense:
        """The field that undoes this one, found at pixel centres."""
        height, width = self.map_x.shape
        xy = np.empty((height, width, 2))
        xy[..., 0] = np.arange(width) + 0.5
        xy[..., 1] = np.arange(height)[:, None] + 0.5
        back = (self.points(xy.reshape(-1, 2)) - 0.5).astype(np.float32).reshape(height, width, 2)
        return Dense(np.ascontiguousarray(back[..., 0]), np.ascontiguousarray(back[..., 1]))

    def _solve(self, xy: Floats) -> tuple[Floats, Floats]:
        """Newton's method for field(output) = xy, restarted from the best pixel of a coarse search where it stalls."""
        at = np.array(xy, np.float64)
        if not len(at):
            return at, np.empty((0, 2, 2))
        self._newton(at, xy)
        seen, jacobian = self._sample(at)
        lost = np.flatnonzero(np.abs(seen - xy).max(axis=1) > 5e-3)
        if len(lost):
            self._restart(at, xy, lost, np.abs(seen - xy).max(axis=1)[lost])
            seen, jacobian[lost] = self._sample(at[lost])
            self._expel(at, xy, lost[np.abs(seen - xy[lost]).max(axis=1) > 0.5])
        return at, jacobian

    def _newton(self, at: Floats, xy: Floats, steps: int = 12) -> None:
        """Improve `at` in place; a step is never longer than a quarter of the image."""
        reach = max(1.0, max(self.map_x.shape) / 4)
        todo = np.arange(len(at))
        for _ in range(steps):
            seen, jacobian = self._sample(at[todo])
            error = xy[todo] - seen
            moving = np.abs(error).max(axis=1) > 1e-4
            if not moving.all():
                todo, error, jacobian = todo[moving], error[moving], jacobian[moving]
                if not len(todo):
                    return
            det = jacobian[:, 0, 0] * jacobian[:, 1, 1] - jacobian[:, 0, 1] * jacobian[:, 1, 0]
            step = np.einsum("nij,nj->ni", _adjugate(jacobian), error) / np.where(np.abs(det) < 1e-6, 1.0, det)[:, None]
            at[todo] += np.clip(step, -reach, reach)

    def _restart(self, at: Floats, xy: Floats, lost: npt.NDArray[np.intp], before: Floats) -> None:
        """Search the field at up to 64 x 64 pixels for the nearest start; keep the new place where it is better."""
        height, width = self.map_x.shape
        rows = np.unique(np.linspace(0, height - 1, min(height, 64)).astype(int))
        columns = np.unique(np.linspace(0, width - 1, min(width, 64)).astype(int))
        grid_x = self.map_x[np.ix_(rows, columns)].ravel() + 0.5
        grid_y = self.map_y[np.ix_(rows, columns)].ravel() + 0.5
        for begin in range(0, len(lost), 256):
            part = lost[begin : begin + 256]
            far = (grid_x - xy[part, :1]) ** 2 + (grid_y - xy[part, 1:]) ** 2
            nearest = far.argmin(axis=1)
            start = np.stack([columns[nearest % len(columns)], rows[nearest // len(columns)]], axis=1) + 0.5
            self._newton(start, xy[part], steps=24)
            better = np.abs(self._sample(start)[0] - xy[part]).max(axis=1) < before[begin : begin + 256]
            at[part[better]] = start[better]

    def _expel(self, at: Floats, xy: Floats, lost: npt.NDArray[np.intp]) -> None:
        """Put points that no place shows a pixel outside the frame."""
        if not len(lost):
            return
        height, width = self.map_x.shape
        frame, shown = self.frame(64)
        outside = frame + np.where(frame <= 0, -1.0, 0.0) + np.where(frame >= (width, height), 1.0, 0.0)
        for begin in range(0, len(lost), 256):
            part = lost[begin : begin + 256]
            at[part] = outside[((shown - xy[part, None]) ** 2).sum(axis=2).argmin(axis=1)]

    def frame(self, most: int) -> tuple[Floats, Floats]:
        """(N, 2) points of the output's frame, a pixel apart or in `most` steps a side, and the points they show."""
        height, width = self.map_x.shape
        x, y = (np.linspace(0.0, size, min(size, most) + 1) for size in (width, height))
        sides = [np.stack(np.broadcast_arrays(*side), axis=1) for side in ((x, 0.0), (x, height), (0.0, y), (width, y))]
        points = np.concatenate(sides)
        return points, self._sample(points)[0]

    def _sample(self, at: Floats) -> tuple[Floats, Floats]:
        """The source point (N, 2) shown at output points (N, 2), bilinear, and its derivatives (N, 2, 2)."""
        height, width = self.map_x.shape
        index = at - 0.5
        column = np.clip(index[:, 0], 0, max(width - 2, 0)).astype(np.intp)
        row = np.clip(index[:, 1], 0, max(height - 2, 0)).astype(np.intp)
        right, below = (column + 1 if width > 1 else column), (row + 1 if height > 1 else row)
        u, v = index[:, 0] - column, index[:, 1] - row
        seen, jacobian = np.empty((len(at), 2)), np.empty((len(at), 2, 2))
        for axis, field in enumerate((self.map_x, self.map_y)):
            p, q = field[row, column].astype(np.float64), field[row, right].astype(np.float64)
            r, s = field[below, column].astype(np.float64), field[below, right].astype(np.float64)
            across, down, twist = q - p, r - p, p - q - r + s
            if axis == 0 and width == 1:
                across = np.ones_like(p)
            elif axis == 1 and height == 1:
                down = np.ones_like(p)
            jacobian[:, axis, 0] = across + twist * v
            jacobian[:, axis, 1] = down + twist * u
            seen[:, axis] = p + across * u + down * v + twist * u * v + 0.5
        return seen, jacobian


def _adjugate(matrices: Floats) -> Floats:
    """(N, 2, 2) adjugates: inverses times determinants."""
    out = np.empty_like(matrices)
    out[:, 0, 0], out[:, 1, 1] = matrices[:, 1, 1], matrices[:, 0, 0]
    out[:, 0, 1], out[:, 1, 0] = -matrices[:, 0, 1], -matrices[:, 1, 0]
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Loose(Dense):
    """A field that shuffles pixels about the place where they were: labels stay, and nothing takes it back."""

    def points(self, xy: Floats) -> Floats:
        return np.array(xy, np.float64)

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        return self.points(xy), np.broadcast_to(np.eye(2), (len(xy), 2, 2))

    def inverse(self) -> Dense:
        raise InverseError("pixels that were spread at random cannot be put back; drop the step")


def loose(field: Dense) -> Loose:
    """`field` as one that labels do not follow."""
    return Loose(field.map_x, field.map_y)


# ---- tiles ---------------------------------------------------------------------------------------------


def tile_edges(parts: int, size: int) -> list[int]:
    """Edges of the most even cut of `size` pixels into `parts`, or into single pixels if they are fewer."""
    parts = min(parts, size)
    return [(i * size + parts // 2) // parts for i in range(parts + 1)]


@lru_cache(maxsize=64)
def tile_sizes(rows: int, columns: int, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Height and width of every tile, row by row."""
    tall, wide = ([b - a for a, b in pairwise(tile_edges(*cut))] for cut in ((rows, height), (columns, width)))
    return tuple((h, w) for h in tall for w in wide)


def tile_order(key: str, rows: int, columns: int, height: int, width: int) -> tuple[int, ...]:
    """Which tile each place shows, drawn from a stream key; only tiles of equal size change places."""
    sizes = tile_sizes(rows, columns, height, width)
    words = Source(key).uint32(len(sizes)).tolist()
    places = sorted(range(len(sizes)), key=sizes.__getitem__)
    tiles = sorted(range(len(sizes)), key=lambda i: (sizes[i], words[i]))
    return tuple([tile for _, tile in sorted(zip(places, tiles, strict=True))])


class Tiles:
    """The image cut into tiles and put together in another order: output tile i shows tile order[i]."""

    def __init__(self, rows: int, columns: int, order: tuple[int, ...], height: int, width: int) -> None:
        self.y, self.x = np.array(tile_edges(rows, height)), np.array(tile_edges(columns, width))
        self.order = np.array(order)
        across = len(self.x) - 1
        low = np.stack([np.tile(self.x[:-1], len(self.y) - 1), np.repeat(self.y[:-1], across)], axis=1)
        # How far each source tile moves.
        self.moves = np.empty((len(order), 2), np.int64)
        self.moves[self.order] = low - low[self.order]

    def _tile(self, xy: Floats) -> npt.NDArray[np.intp]:
        column = np.clip(np.searchsorted(self.x, xy[..., 0], "right") - 1, 0, len(self.x) - 2)
        row = np.clip(np.searchsorted(self.y, xy[..., 1], "right") - 1, 0, len(self.y) - 2)
        return row * (len(self.x) - 1) + column

    def points(self, xy: Floats) -> Floats:
        """(N, 2) source points to the output; those outside the image move with the nearest tile."""
        out: Floats = xy + self.moves[self._tile(xy)]
        return out

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        return self.points(xy), np.broadcast_to(np.eye(2), (len(xy), 2, 2))

    def hulls(self, boxes: Floats) -> Floats:
        """Boxes (N, 4) as the hulls of the pieces that tiles cut them into."""
        out = boxes.copy()
        for i, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
            xs = np.array([x0, *self.x[(self.x > x0) & (self.x < x1)], x1])
            ys = np.array([y0, *self.y[(self.y > y0) & (self.y < y1)], y1])
            x, y = (grid.ravel() for grid in np.meshgrid((xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2))
            moves = self.moves[self._tile(np.stack([x, y], axis=1))]
            left, top = np.tile(xs[:-1], len(ys) - 1) + moves[:, 0], np.repeat(ys[:-1], len(xs) - 1) + moves[:, 1]
            right, bottom = np.tile(xs[1:], len(ys) - 1) + moves[:, 0], np.repeat(ys[1:], len(xs) - 1) + moves[:, 1]
            out[i] = left.min(), top.min(), right.max(), bottom.max()
        return out


# ---- patterns ------------------------------------------------------------------------------------------


def bits(packed: bytes, rows: int, columns: int, size: tuple[int, int]) -> Any:
    """A packed pattern as (H, W) uint8, 255 where a bit is set."""
    if (rows, columns) != size:
        raise SampleError(f"a pattern of {(rows, columns)} does not fit an image of height and width {size}")
    flat = np.unpackbits(np.frombuffer(packed, np.uint8), count=rows * columns)
    return flat.reshape(size) * np.uint8(255)


def grid_lines(unit: float, width: float, x: float, y: float, angle: float, size: tuple[int, int]) -> Any:
    """Lines of `width` pixels every `unit` pixels as (H, W) uint8, 255 on a line."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across = (np.arange(size[1], dtype=np.float32) + np.float32(0.5 - size[1] / 2)) / np.float32(unit)
    down = (np.arange(size[0], dtype=np.float32) + np.float32(0.5 - size[0] / 2))[:, None] / np.float32(unit)
    if angle:
        u = across * np.float32(cos) + down * np.float32(sin)
        v = down * np.float32(cos) - across * np.float32(sin)
    else:
        u, v = across, down
    on = []
    for part, start in ((u, x), (v, y)):
        part -= np.float32(start / unit)
        part -= np.floor(part)
        on.append(part < np.float32(width / unit))
    return np.where(on[0] | on[1], np.uint8(255), np.uint8(0))


# ---- field builders: plain parameters, height, width -> (map_x, map_y) ----------------------------------


def grid_field(x_factors: tuple[float, ...], y_factors: tuple[float, ...], height: int, width: int) -> Maps:
    """Each axis is cut into as many equal cells as it has factors; output cell i shows factor i's cells of source."""
    map_x, map_y = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    map_x[:] = _stretched(x_factors, width)
    map_y[:] = _stretched(y_factors, height)[:, None]
    return map_x, map_y


def _stretched(factors: tuple[float, ...], size: int) -> npt.NDArray[np.float32]:
    ends = np.concatenate([[0.0], np.cumsum(factors)]) * (size / len(factors))
    knots = np.arange(len(factors) + 1) * (size / len(factors))
    seen: Floats = np.interp(np.arange(size) + 0.5, knots, ends) - 0.5
    return seen.astype(np.float32)


def lens_field(mode: str, k: float, height: int, width: int) -> Maps:
    """Radial distortion about the centre; k > 0 shows more of the scene towards the corners.

    camera: 1 + k r^2 + k r^4, x and y as fractions of width and height (the OpenCV model with focal lengths
    W and H and k1 = k2 = k); fisheye: 1 + k r^2, r as a fraction of half the diagonal.
    """
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    half = math.hypot(width, height) / 2
    unit, fourth = ((width, height), k) if mode == "camera" else ((half, half), 0.0)
    # 1 + k r^2 + fourth r^4 with r^2 = u^2 + v^2, sorted by powers of v^2 or of u^2: a product of three terms.
    squares = [(at / length) ** 2 for at, length in zip((x, y), unit, strict=True)]
    u, v = (np.stack([np.ones_like(s), s, s * s]) for s in squares)
    across, down = (np.stack([1 + k * s + fourth * s * s, k + 2 * fourth * s, 0 * s + fourth]) for s in squares)
    across *= x
    across[0] += (width - 1) / 2
    down *= y
    down[0] += (height - 1) / 2
    return _product(v.T, across), _product(down.T, u)


# A Gaussian of this many pixels is wide enough to be drawn on a coarser grid and enlarged.
_SMOOTH_ENOUGH = 4


def smooth_field(
    key: str, alpha: float, sigma: float, same_dxdy: bool, uniform: bool, approximate: bool, height: int, width: int
) -> Maps:
    """White noise smoothed by a Gaussian of sigma pixels and multiplied by alpha (Simard et al., 2003).

    Noise is standard Gaussian, or uniform in [-1, 1). A sigma of four pixels or more is drawn on a grid coarser by 2,
    by sigma / 4 from 12 on, and enlarged by cubic interpolation, with the same variance. `approximate` cuts the
    Gaussian to 17 x 17 pixels on the full grid.
    """
    shrink = 1 if approximate or sigma < _SMOOTH_ENOUGH else max(2, int(sigma / _SMOOTH_ENOUGH))
    rows, columns = max(1, round(height / shrink)), max(1, round(width / shrink))
    fields, area = 1 if same_dxdy else 2, rows * columns
    source = Source(key)
    noise = source.uniform(fields * area, -1.0, 1.0) if uniform else source.normal(fields * area)
    sigma_x, sigma_y = sigma * columns / width, sigma * rows / height
    size = (17, 17) if approximate else (0, 0)
    gain = alpha * math.sqrt(sigma_x * sigma_y) / sigma if sigma > 0 else alpha
    moved: list[npt.NDArray[np.float32]] = []
    for i in range(fields):
        part: Any = noise[i * area : (i + 1) * area].reshape(rows, columns)
        if sigma > 0:
            part = cv2.GaussianBlur(part, size, sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
        part = part * np.float32(gain)
        moved.append(part if shrink == 1 else cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC))
    return _placed(moved[0], moved[-1])


def control_field(key: str, rows: int, columns: int, displacement: float, height: int, width: int) -> Maps:
    """Displacements at the centres of rows x columns cells, uniform within +-displacement of the shorter side; bicubic
    between."""
    reach = displacement * min(height, width)
    noise: Any = Source(key).uniform(2 * rows * columns, -reach, reach).reshape(2, rows, columns)
    if columns > _FEW:
        moved = [cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in noise]
        return _placed(moved[0], moved[1])
    return _spanned(_cubic(rows, height), noise, _cubic(columns, width))


# Above as many columns OpenCV enlarges a grid faster than a product does.
_FEW = 32


@lru_cache(maxsize=32)
def _cubic(cells: int, size: int) -> Any:
    """(size, cells) weights that OpenCV enlarges cells to pixels with."""
    return cv2.resize(np.eye(cells, dtype=np.float32), (cells, size), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=32)
def _hats(knots: int, size: int) -> Any:
    """(size, knots) weights of linear interpolation at pixel centres, with a knot at either end of the axis."""
    at = (np.arange(size) + 0.5) * ((knots - 1) / size)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(knots)), 0).astype(np.float32)


def mesh_field(key: str, rows: int, columns: int, x: float, y: float, pinned: bool, height: int, width: int) -> Maps:
    """A mesh of rows x columns vertices over the image, every vertex displaced; bilinear within its cells.

    x, y: fractions of width and height: the standard deviation of Gaussian displacements, or, if `pinned`, the reach
    of even ones, with the vertices on the frame left where they are.
    """
    size, source = 2 * rows * columns, Source(key)
    moved = (source.uniform(size, -1, 1) if pinned else source.normal(size)).reshape(2, rows, columns)
    moved *= np.array([x * width, y * height], np.float32)[:, None, None]
    if pinned:
        moved[:, [0, -1]] = moved[:, :, [0, -1]] = 0
    return _spanned(_hats(rows, height), moved, _hats(columns, width))


def spline_field(key: str, points: int, scale: float, height: int, width: int) -> Maps:
    """The thin-plate spline through points x points control points over the unit square, stretched to the image
    (Bookstein, 1989).

    scale: the reach of their displacements, drawn evenly along each axis, as a fraction of the distance between them.
    It is evaluated at a few nodes, cubic between them at about 128 points a side, and linear from there to pixels:
    within half a per cent of the reach of 4 x 4 points, 2 per cent of that of 8 x 8.
    """
    nodes, basis = _spline_nodes(points)
    reach = np.array([[width], [height]], np.float32) * np.float32(scale / (points - 1))
    moved = _product(Source(key).uniform(2 * points**2, -1, 1).reshape(2, -1) * reach, basis)
    stride = max(1, min(height, width) // 128)
    down, across = (_lagrange(nodes, size, stride) for size in (height, width))
    fields: list[Any] = [_product(_product(down, part), across.T) for part in moved.reshape(2, nodes, nodes)]
    if stride > 1:
        size = len(across) * stride, len(down) * stride
        fields = [cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in fields]
    x, y = (part[stride : stride + height, stride : stride + width] for part in fields)
    return _placed(x, y)


@lru_cache(maxsize=8)
def _spline_nodes(points: int) -> tuple[int, Any]:
    """Nodes along a side, and how far each control point of the unit square moves each of them: (points^2, nodes^2).

    Solves Bookstein's system once: weights of U(r) = r^2 log r^2 and an affine part, with the side conditions that the
    weights are orthogonal to every affine map.
    """
    # The spline is least smooth at the control points, so nodes fall on them.
    side = max(6, -(-24 // (points - 1))) * (points - 1) + 1
    control, nodes = (
        np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2) for at in (np.linspace(0, 1, n) for n in (points, side))
    )
    count = len(control)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _spline_kernel(control, control)
    system[count:, :count] = system[:count, count:].T
    solved = _eliminated(system, np.eye(count + 3)[:, :count])
    return side, _product(_spline_kernel(nodes, control), solved, np.float64).T.astype(np.float32)


def _eliminated(system: Floats, right: Floats) -> Floats:
    """system^-1 right, by elimination with row pivots: the bits of LAPACK depend on how many threads it has."""
    rows = np.concatenate([system, right], axis=1)
    for i in range(len(rows)):
        pivot = i + int(np.abs(rows[i:, i]).argmax())
        rows[[i, pivot]] = rows[[pivot, i]]
        rows[i] /= rows[i, i]
        factors = rows[:, i].copy()
        factors[i] = 0
        rows[:, i:] -= factors[:, None] * rows[i, i:]
    return rows[:, len(system) :]


def _spline_kernel(at: Floats, control: Floats) -> Floats:
    """(N, points + 3): U of the distance to every control point, and 1, x, y."""
    r2 = ((at[:, None] - control) ** 2).sum(axis=2)
    return np.concatenate([r2 * np.log(np.where(r2 > 0, r2, 1)), np.ones((len(at), 1)), at], axis=1)


@lru_cache(maxsize=32)
def _lagrange(nodes: int, size: int, stride: int) -> Any:
    """(points, nodes) weights of the cubic through the four nodes nearest to each point.

    The points are the centres of `stride` pixels each, one beyond either end of the axis.
    """
    at = (np.arange(-1, -(-size // stride) + 1) + 0.5) * (stride * (nodes - 1) / size)
    first = np.clip(np.floor(at).astype(np.intp) - 1, 0, nodes - 4)
    weights = np.zeros((len(at), nodes), np.float32)
    for i in range(4):
        others = [j for j in range(4) if j != i]
        weights[np.arange(len(at)), first + i] = np.prod([(at - first - j) / (i - j) for j in others], axis=0)
    return weights


def wave_field(amplitude: float, waves: tuple[tuple[float, float, float], ...], height: int, width: int) -> Maps:
    """What is seen through rippled water: refraction at a small slope moves a ray along the slope, in proportion to it.

    waves: (length, direction, phase) of plane waves, each displacing along its direction by a sine of `amplitude`;
    lengths and amplitude as fractions of the shorter side, angles in degrees.
    """
    short = min(height, width)
    lengths, directions, phases = np.array(waves).T
    turn = np.radians(directions)
    along = np.stack([np.cos(turn), np.sin(turn)])
    k = along * (2 * np.pi / (lengths * short))
    # sin(a + b) by the sines and cosines of its parts: a product of few columns and rows, without a sine per pixel.
    a = (np.arange(height) + 0.5)[:, None] * k[1] + np.radians(phases)
    b = k[0][:, None] * (np.arange(width) + 0.5)
    left, right = np.concatenate([np.sin(a), np.cos(a)], axis=1), np.concatenate([np.cos(b), np.sin(b)])
    x, y = (np.tile(part * (amplitude * short), 2)[:, None] for part in along)
    return _positions(left, right * x, left, right * y)


def spread_field(key: str, radius: int, height: int, width: int) -> Maps:
    """Displacements of whole pixels, drawn evenly from the square of `radius` pixels around each pixel."""
    words = Source(key).uint16(2 * height * width).reshape(2, height, width)
    table = _spread_table(radius)
    x, y = (cv2.LUT(part, table) for part in words)
    return _placed(x, y)


@lru_cache(maxsize=32)
def _spread_table(radius: int) -> npt.NDArray[np.float32]:
    """The displacement of every 16-bit word."""
    steps = (np.arange(65536, dtype=np.int64) * (2 * radius + 1) >> 16) - radius
    return steps.astype(np.float32).reshape(1, -1)


def _spanned(down: Any, values: Any, across: Any) -> Maps:
    """Positions from displacements (2, rows, columns) and the weights of rows (H, rows) and columns (W, columns)."""
    return _positions(_product(down, values[0]), across.T, _product(down, values[1]), across.T)


def _positions(left_x: Any, right_x: Any, left_y: Any, right_y: Any) -> Maps:
    """Index coordinates from displacements that are products of (H, K) and (K, W)."""
    x, y = np.arange(right_x.shape[1])[None], np.arange(len(left_x))[:, None]
    return (
        _product(np.concatenate([left_x, np.ones_like(y)], axis=1), np.concatenate([right_x, x])),
        _product(np.concatenate([left_y, y], axis=1), np.concatenate([right_y, np.ones_like(x)])),
    )


# Multiplications that no BLAS starts threads for: OpenBLAS does so above 262,144.
_ALONE = 250_000


def _product(left: Any, right: Any, dtype: Any = np.float32) -> npt.NDArray[Any]:
    """The product of (H, K) and (K, W) in small blocks: threads of BLAS would change its last bits, and cost time."""
    left, right = left.astype(dtype), right.astype(dtype)
    (height, terms), width = left.shape, right.shape[1]
    out = np.empty((height, width), dtype)
    if height == 1 or width == 1:
        np.einsum("ik,kj->ij", left, right, out=out)
        return out
    across = max(2, min(width, _ALONE // (4 * terms)))
    down = max(2, _ALONE // (terms * across))
    # Evenly cut, since a block of one row or column would be a product with a vector, which has threads much earlier.
    edges_y, edges_x = tile_edges(-(-height // down), height), tile_edges(-(-width // across), width)
    for y, y_end in pairwise(edges_y):
        for x, x_end in pairwise(edges_x):
            np.matmul(left[y:y_end], right[:, x:x_end], out=out[y:y_end, x:x_end])
    return out


def _placed(x: Any, y: Any) -> Maps:
    """Index coordinates (H, W) from displacements, float32."""
    return x + np.arange(x.shape[1], dtype=np.float32), y + np.arange(y.shape[0], dtype=np.float32)[:, None]


_last = threading.local()


def dense(
    build: Callable[..., Maps], params: tuple[Any, ...], height: int, width: int, resolution: float = 1.0
) -> Dense:
    """The field `build(*params, height, width)`, read-only; below resolution 1 its displacements are built at that
    fraction of the size and enlarged.

    Each thread keeps the last field, since all targets of a call ask for the same one.
    """
    asked = (build, params, height, width, resolution)
    if getattr(_last, "asked", None) == asked:
        return _last.field  # type: ignore[no-any-return]
    if resolution >= 1.0:
        map_x, map_y = build(*params, height, width)
    else:
        rows, columns = max(1, round(height * resolution)), max(1, round(width * resolution))
        x: Any
        y: Any
        x, y = build(*params, rows, columns)
        x = (x - np.arange(columns, dtype=np.float32)) * np.float32(width / columns)
        y = (y - np.arange(rows, dtype=np.float32)[:, None]) * np.float32(height / rows)
        x = cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR)
        y = cv2.resize(y, (width, height), interpolation=cv2.INTER_LINEAR)
        map_x, map_y = _placed(x, y)
    map_x.flags.writeable = map_y.flags.writeable = False
    field = Dense(map_x, map_y)
    _last.field, _last.asked = field, asked
    return field
