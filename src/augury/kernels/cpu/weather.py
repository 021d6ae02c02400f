"""Weather and dirt: opacities of their layers, each a field in [0, 1] (see `blend`), gravel, and snow on the ground.

Layers of uint8 say 255ths.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import channels_of, planes, scratch, to_fractions
from augury.kernels.cpu.blend import from_fractions, mix, rows_of, smooth, spread, words_of
from augury.kernels.cpu.light import SHIFT
from augury.rng import Source, normal_quantiles
from augury.sample import Array

# Of three distances: share of the drops, and their size and opacity relative to the nearest.
_DROPS = ((0.5, 0.5, 0.3), (0.3, 0.7, 0.5), (0.2, 1.0, 0.75))
# Cells of the grid that fog is drawn on, a side at most.
_FOG_CELLS = 64
_STONES = 24
# Natural logarithms of the least and greatest radius, as a fraction of the shorter side.
_RADII = math.log(0.003), math.log(0.013)
_FROM_TOP_LEFT = np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]], np.float32)
# Sizes of flakes in pixels, and the share of places that has one in the heaviest snow.
_FLAKES = ((1, 0.04), (2, 0.03), (4, 0.012), (8, 0.004))


_DEPTHS: dict[str, Callable[[Array, Array], Array]] = {
    "linear": lambda y, x: 1 - y + 0 * x,
    "diagonal": lambda y, x: 1 - (y + x) / 2,
    "radial": lambda y, x: 1 - np.hypot(y - 0.5, x - 0.5) / math.sqrt(0.5),
}


def depth(layer: ops.DepthLayer, height: int, width: int) -> Array:
    """1 - exp(-density * depth), depth in [0, 1]. Source: Koschmieder, "Theorie der horizontalen Sichtweite", 1924."""
    distance = _DEPTHS[layer.mode]
    return smooth(height, width, lambda y, x: 1 - np.exp(np.float32(-layer.density) * np.maximum(distance(y, x), 0)))


def puff(layer: ops.PuffLayer, height: int, width: int) -> Array:
    """1 - exp(-optical depth) (Koschmieder's law), the optical depth a sum of Gaussian puffs at random places."""
    rows, columns = min(height, _FOG_CELLS), min(width, _FOG_CELLS)
    places = Source(layer.key).uint32(layer.number) % np.uint32(rows * columns)
    cells: Array = np.bincount(places, minlength=rows * columns).astype(np.float32).reshape(rows, columns)
    short = layer.radius * min(height, width)
    sigma = max(short * columns / width, 0.5), max(short * rows / height, 0.5)
    cells = cv2.GaussianBlur(cells, (0, 0), sigma[0], sigmaY=sigma[1], borderType=cv2.BORDER_REFLECT)
    middle = 2 * math.pi * sigma[0] * sigma[1]  # what a smoothed puff has to be multiplied by to be 1 there
    opacity = 1 - cv2.exp(cells * np.float32(-layer.depth * middle))
    return cv2.resize(opacity, (width, height), interpolation=cv2.INTER_LINEAR)


def streak(layer: ops.StreakLayer, height: int, width: int) -> Array:
    """Motion-blurred drops at three distances: lines, the nearer the longer, wider and more opaque; uint8.

    Source: Garg and Nayar, "Vision and rain", IJCV 2007: a drop is a lens that shows the sky, and during the exposure
    it covers each pixel of its streak for a fraction of the time only.
    """
    out = np.zeros((height, width), np.uint8)
    counts = [round(layer.number * share) for share, _, _ in _DROPS]
    total = sum(counts)
    source = Source(layer.key)
    down = np.repeat([np.float32(max(layer.length * scale, 1.0)) for _, scale, _ in _DROPS], counts)
    across = down * np.float32(math.tan(math.radians(layer.slant)))
    lines = np.empty((total, 2, 2), np.float32)
    lines[:, 0, 0] = source.uniform(total) * (width + np.abs(across)) - np.maximum(across, 0)
    lines[:, 0, 1] = source.uniform(total) * (height + down) - down
    lines[:, 1, 0] = lines[:, 0, 0] + across
    lines[:, 1, 1] = lines[:, 0, 1] + down
    lines *= np.float32(1 << SHIFT)
    points = np.rint(lines, out=lines).astype(np.int32)
    first = 0
    for count, (_, scale, opacity) in zip(counts, _DROPS, strict=True):
        if count:
            thick = max(round(layer.width * scale), 1)
            part: Any = points[first : first + count]  # one array is a sequence of lines, too
            cv2.polylines(out, part, False, (round(255 * opacity),), thick, cv2.LINE_AA, SHIFT)
        first += count
    return out


def snow(layer: ops.SnowLayer, height: int, width: int) -> Array:
    """Flakes of 1, 2, 4 and 8 pixels, the larger the rarer, before a haze that thins towards the bottom; uint8."""
    source = Source(layer.key)
    haze = smooth(height, width, lambda y, x: 0.6 * layer.amount * (1 - 0.8 * y) + 0 * x)
    out = cv2.convertScaleAbs(haze, alpha=255)
    for size, share in _FLAKES:
        rows, columns = -(-height // size), -(-width // size)
        noise = source.uint16(rows * columns).reshape(rows, columns)
        here: Array = np.multiply(noise < np.uint16(share * layer.amount * 65536), np.uint8(255))
        if size > 1:
            here = cv2.resize(here, (columns * size, rows * size), interpolation=cv2.INTER_LINEAR)[:height, :width]
        cv2.max(out, here, dst=out)
    return out


def spatter(layer: ops.SpatterLayer, height: int, width: int) -> Array:
    """Liquid on the lens: where smoothed noise is above the threshold.

    "rain": drops, clear at their rim and lit at the side of the light; "mud": opaque, soft at the edge.
    The noise is drawn on a grid of floor(sigma) pixels, with the deviation that full resolution has.
    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019 (spatter).
    """
    step = max(int(layer.sigma), 1)
    rows, columns = -(-height // step) + 1, -(-width // step) + 1
    words = Source(layer.key).uint16(rows * columns).reshape(rows, columns)
    field: Array = cv2.LUT(words, normal_quantiles().reshape(1, -1))
    if layer.sigma:
        sigma = layer.sigma / step
        field = cv2.GaussianBlur(field, (0, 0), sigma)
        field = field * np.float32(_left(layer.sigma) / _left(sigma))
    if step > 1:
        large = cv2.resize(field, (columns * step, rows * step), interpolation=cv2.INTER_CUBIC)
        field = large[:height, :width]
    field = field[:height, :width] * np.float32(layer.std) + np.float32(layer.mean - layer.threshold)
    thick = max(layer.std * _left(layer.sigma), 1e-6)
    if layer.mode == "mud":
        mud: Array = np.clip(field * np.float32(4 / thick) + np.float32(0.5), 0, 1)
        return mud
    wet = np.clip(field * np.float32(3 / thick), 0, 1)
    lit = cv2.filter2D(field, cv2.CV_32F, _FROM_TOP_LEFT * np.float32(0.15 / thick)) + np.float32(0.55)
    return cv2.multiply(np.clip(lit, 0.1, 1, out=lit), wet)


def _left(sigma: float) -> float:
    """What smoothing by a sampled Gaussian leaves of white noise's standard deviation."""
    if not sigma:
        return 1.0
    weights = cv2.getGaussianKernel(2 * math.ceil(4 * sigma) + 1, sigma)
    return float((weights * weights).sum())


def gravel(image: Array, op: ops.Gravel) -> Array:
    """Heaps of stones, Gaussian around the heap's middle, radii log-uniform; each lit from the top left."""
    height, width = image.shape[:2]
    x_min, y_min, x_max, y_max = op.roi
    short = min(height, width)
    source = Source(op.key)
    out = np.array(image, order="C")
    for _ in range(op.patches):
        at_x, at_y, size = source.uniform(3).tolist()
        at_x, at_y = (x_min + (x_max - x_min) * at_x) * width, (y_min + (y_max - y_min) * at_y) * height
        wide = (0.04 + 0.05 * size) * short
        x, y = source.normal(_STONES) * np.float32(wide), source.normal(_STONES) * np.float32(0.6 * wide)
        radii = np.maximum(np.exp(source.uniform(_STONES, *_RADII)) * np.float32(short), np.float32(0.5))
        tones = source.uniform(_STONES, 60, 190)
        left, top = max(int(at_x - 3 * wide), 0), max(int(at_y - 3 * wide), 0)
        right, bottom = min(int(at_x + 3 * wide) + 1, width), min(int(at_y + 3 * wide) + 1, height)
        if left >= right or top >= bottom:
            continue
        x += np.float32(at_x - left)
        y += np.float32(at_y - top)
        fine = np.rint(np.stack([x, y, radii]) * (1 << SHIFT)).astype(np.int32).T.tolist()
        lit = np.rint(np.stack([x - radii / 4, y - radii / 4, radii * 0.7, tones])).astype(np.int32).T.tolist()
        cover, gray = np.zeros((2, bottom - top, right - left), np.uint8)
        gray[:] = 50
        for (px, py, r), (lit_x, lit_y, lit_r, tone) in zip(fine, lit, strict=True):
            cv2.circle(cover, (px, py), r, (255,), -1, cv2.LINE_AA, SHIFT)
            cv2.circle(gray, (lit_x, lit_y), lit_r, (tone,), -1)
        part = out[top:bottom, left:right]
        part[:] = mix(part, [cv2.bitwise_not(cover)], [cv2.multiply(gray, cover, scale=1 / 255)])
    return out


def bleach(image: Array, op: ops.Bleach) -> Array:
    """Lightness L = (max + min) / 2 below the threshold becomes L' = min(L * factor, 1); hue and saturation stay.

    In HLS a value is L plus chroma times what hue says, and chroma is saturation * (1 - |2 L - 1|): so a new value is
    L' + (value - L) (1 - |2 L' - 1|) / (1 - |2 L - 1|). Any number of channels.
    """
    if image.itemsize != 1:
        unit = np.ascontiguousarray(image if image.itemsize == 4 else to_fractions(image))
        parts = planes(unit) if unit.ndim == 3 else [unit]
        low, high = _extremes(parts)
        scale, shift = _chroma(cv2.addWeighted(low, 0.5, high, 0.5, 0.0), op)
        done = [cv2.add(cv2.multiply(part, scale), shift) for part in parts]
        return from_fractions(rows_of(spread(done, len(done))), image).reshape(image.shape)
    levels = (np.arange(256, dtype=np.float32) / 255)[:, None]
    scale, shift = _chroma(levels, op)
    channels = channels_of(image)
    if channels == 1:
        lookup = cv2.convertScaleAbs(np.maximum(levels * scale + shift, 0), alpha=255).reshape(1, -1)
        return cv2.LUT(rows_of(image), lookup).reshape(image.shape)
    table = np.multiply(levels[:, 0], scale, out=scratch((256, 256), np.float32, "bleach"))  # [light, value]
    table += shift
    lookup = cv2.convertScaleAbs(np.maximum(table, 0, out=table), alpha=255).reshape(1, -1)
    image = np.ascontiguousarray(image)
    low, high = _extremes(planes(image))
    light = cv2.addWeighted(low, 0.5, high, 0.5, 0.0)
    over = rows_of(spread([light], channels, "bleach_light"))
    return cv2.LUT(words_of(rows_of(image), over), lookup).reshape(image.shape)


def _extremes(parts: Sequence[Array]) -> tuple[Array, Array]:
    """Least and greatest of the channels."""
    low, high = parts[0], parts[0]
    for part in parts[1:]:
        low, high = cv2.min(low, part), cv2.max(high, part)
    return low, high


def _chroma(light: Array, op: ops.Bleach) -> tuple[Array, Array]:
    """What values are multiplied by and what is added, by lightness."""
    one = np.float32(1)
    new = np.where(light < np.float32(op.threshold), np.minimum(light * np.float32(op.factor), one), light)
    room = np.maximum(one - np.abs(light + light - one), np.float32(1e-6))
    scale = (one - np.abs(new + new - one)) / room
    return scale, new - light * scale
