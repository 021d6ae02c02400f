"""Projective maps of the plane, which take source points to the output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from augury.errors import InverseError

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]

# Points at or behind the horizon of a perspective are pushed this close to it: they land far away, in a true direction.
_HORIZON = 1e-9

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
