"""Where voxels go. Edge coordinates: x right, y down, z from the first slice to the last; the volume spans [0, W] x
[0, H] x [0, D]. Points are rows of x, y, z; a map takes source points to output points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations, product
from typing import Any, NamedTuple, Self

import cv2
import numpy as np

from augury.errors import InverseError
from augury.maps.dense import Dense, placed
from augury.maps.matrix import Floats
from augury.rng import Source

Row = tuple[float, float, float, float]
Six = tuple[int, int, int, int, int, int]


class Matrix3(NamedTuple):
    """An affine map: three rows (by x, by y, by z, shift), of the output's x, y and z."""

    x: Row
    y: Row
    z: Row

    @classmethod
    def scale(cls, x: float, y: float, z: float) -> Self:
        return cls((x, 0.0, 0.0, 0.0), (0.0, y, 0.0, 0.0), (0.0, 0.0, z, 0.0))

    @classmethod
    def translate(cls, x: float, y: float, z: float) -> Self:
        return cls((1.0, 0.0, 0.0, x), (0.0, 1.0, 0.0, y), (0.0, 0.0, 1.0, z))

    @classmethod
    def rotate(cls, x: float, y: float, z: float) -> Self:
        """Degrees about the x axis, then y, then z; about z as `Matrix.rotate`: counter-clockwise on a slice."""
        out = cls.scale(1.0, 1.0, 1.0)
        for angle, (i, j) in ((x, (1, 2)), (y, (2, 0)), (z, (0, 1))):
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            rows = [[float(r == c) for c in range(4)] for r in range(3)]
            rows[i][i], rows[i][j], rows[j][i], rows[j][j] = cos, sin, -sin, cos
            out = cls(*(tuple(row) for row in rows)) @ out  # type: ignore[arg-type]
        return out

    def __matmul__(self, first: Matrix3) -> Self:
        """`first`, then this."""
        return type(self)(
            *(
                tuple(
                    [a * p + b * q + c * r for p, q, r in zip(*(row[:3] for row in first), strict=True)]
                    + [a * first.x[3] + b * first.y[3] + c * first.z[3] + d]
                )
                for a, b, c, d in self
            )
        )

    def about(self, x: float, y: float, z: float) -> Self:
        """The same map with (x, y, z) in the place of the origin."""
        return type(self)(*(self.translate(x, y, z) @ self @ self.translate(-x, -y, -z)))

    def inverse(self) -> Self:
        """The map back; InverseError if it squeezes the volume to a plane."""
        (a, b, c, p), (d, e, f, q), (g, h, i, r) = self
        rows = (
            (e * i - f * h, c * h - b * i, b * f - c * e),
            (f * g - d * i, a * i - c * g, c * d - a * f),
            (d * h - e * g, b * g - a * h, a * e - b * d),
        )
        det = a * rows[0][0] + b * rows[1][0] + c * rows[2][0]
        if abs(det) < 1e-12:
            raise InverseError("the volume is squeezed to a plane, which cannot be undone; drop the step")
        back = [tuple(v / det for v in row) for row in rows]
        return type(self)(*((u, v, w, -(u * p + v * q + w * r)) for u, v, w in back))

    def points(self, xyz: Floats) -> Floats:
        """(N, 3) source points to the output."""
        x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
        return np.stack([a * x + b * y + c * z + d for a, b, c, d in self], axis=1)


# What each axis shows, and whether it is mirrored, of the 48 symmetries of the cube.
SYMMETRIES = tuple(
    (axes, flips) for axes in permutations((0, 1, 2)) for flips in product((False, True), (False, True), (False, True))
)


def quarter_turns(turns: int, first: int, second: int) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Axes and flips of a turn by right angles from the first axis towards the second, as np.rot90 turns."""
    axes, flips = [0, 1, 2], [False, False, False]
    if turns % 2:
        axes[first], axes[second] = second, first
    flips[first], flips[second] = turns in (1, 2), turns in (2, 3)
    return tuple(axes), tuple(flips)


def cut(window: Sequence[int], sides: Sequence[int]) -> tuple[Six, Six]:
    """The part of a window (z, y, x, z, y, x) that lies inside, and the voxels missing on both sides of each axis."""
    low, high = window[:3], window[3:]
    inner = (*(max(0, v) for v in low), *(min(v, side) for v, side in zip(high, sides, strict=True)))
    front = [inside - wanted for inside, wanted in zip(inner[:3], low, strict=True)]
    behind = [wanted - inside for inside, wanted in zip(inner[3:], high, strict=True)]
    around = tuple(width for pair in zip(front, behind, strict=True) for width in pair)
    return inner, around  # type: ignore[return-value]


def pose(scale: Sequence[float], rotate: Sequence[float], translate: Sequence[float], sides: Sequence[int]) -> Matrix3:
    """Scale, turn (degrees) about the centre, move (fractions of the sides), all in x, y, z; sides in z, y, x."""
    x, y, z = (float(side) for side in sides[::-1])
    turn = Matrix3.rotate(*rotate) @ Matrix3.scale(*scale)
    move = Matrix3.translate(translate[0] * x, translate[1] * y, translate[2] * z)
    return move @ turn.about(x / 2, y / 2, z / 2)


class Layers:
    """A dense field for every slice; voxels stay in their slice.

    Displacements along x and y are drawn at a grid of rows x columns control points on each of min(rows, columns)
    levels, uniform within +-`displacement` of the shorter side of a slice, and are interpolated bicubically within a
    slice and cubically from slice to slice.
    """

    def __init__(
        self, key: str, rows: int, columns: int, displacement: float, depth: int, height: int, width: int
    ) -> None:
        levels, reach = min(rows, columns), displacement * min(height, width)
        noise = Source(key).uniform(2 * levels * rows * columns, -reach, reach).reshape(levels, -1)
        planes: Any = cv2.resize(noise, (noise.shape[1], depth), interpolation=cv2.INTER_CUBIC)
        self._planes = planes.reshape(depth, 2, rows, columns)
        self._size = height, width

    def field(self, z: int) -> Dense:
        """Where the pixels of a slice come from."""
        height, width = self._size
        x, y = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in self._planes[z])
        return Dense(*placed(x, y))

    def points(self, xyz: Floats) -> Floats:
        """(N, 3) source points to the output; those outside the volume move with the nearest slice."""
        return self._by_slice(xyz, lambda field, xy: field.points(xy))

    def back(self, xyz: Floats) -> Floats:
        """Where output points (N, 3) came from."""
        return self._by_slice(xyz, lambda field, xy: field.sources(xy))

    def _by_slice(self, xyz: Floats, move: Callable[[Dense, Floats], Floats]) -> Floats:
        out = xyz.copy()
        at = np.clip(np.floor(xyz[:, 2]), 0, len(self._planes) - 1).astype(np.intp)
        for z in np.unique(at).tolist():
            out[at == z, :2] = move(self.field(z), xyz[at == z, :2])
        return out
