"""Dense fields of every kind, from plain parameters, height and width."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from augury.maps.dense import Maps, placed
from augury.maps.matrix import Floats
from augury.maps.products import cubic, hats, positions, product, spanned
from augury.rng import Source


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
    return product(v.T, across), product(down.T, u)


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
    return placed(moved[0], moved[-1])


def control_field(key: str, rows: int, columns: int, displacement: float, height: int, width: int) -> Maps:
    """Displacements at the centres of rows x columns cells, uniform within +-displacement of the shorter side; bicubic
    between."""
    reach = displacement * min(height, width)
    noise: Any = Source(key).uniform(2 * rows * columns, -reach, reach).reshape(2, rows, columns)
    if columns > _FEW:
        moved = [cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in noise]
        return placed(moved[0], moved[1])
    return spanned(cubic(rows, height), noise, cubic(columns, width))


# Above as many columns OpenCV enlarges a grid faster than a product does.
_FEW = 32


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
    return spanned(hats(rows, height), moved, hats(columns, width))


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
    return positions(left, right * x, left, right * y)


def spread_field(key: str, radius: int, height: int, width: int) -> Maps:
    """Displacements of whole pixels, drawn evenly from the square of `radius` pixels around each pixel."""
    words = Source(key).uint16(2 * height * width).reshape(2, height, width)
    table = _spread_table(radius)
    x, y = (cv2.LUT(part, table) for part in words)
    return placed(x, y)


@lru_cache(maxsize=32)
def _spread_table(radius: int) -> npt.NDArray[np.float32]:
    """The displacement of every 16-bit word."""
    steps = (np.arange(65536, dtype=np.int64) * (2 * radius + 1) >> 16) - radius
    return steps.astype(np.float32).reshape(1, -1)
