"""Light and shade: the opacities of their layers, each a field in [0, 1] (see `blend`), and lens flares.

Positions are fractions of the image's size, x right and y down.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.blend import mix, smooth
from augury.rng import Source
from augury.sample import Array

# Flares are painted on about this many cells along the shorter side: their edges are soft.
_FLARE_CELLS = 128
# Fixed-point bits of polygon corners.
SHIFT = 4


def vignette(layer: ops.VignetteLayer, height: int, width: int) -> Array:
    """1 - cos^4 of the angle to the optical axis, whose tangent grows with the distance from (x, y).

    The farthest corner is at 45 degrees at most, where it loses 3/4; more is a steeper copy of that.
    Source: Kingslake, "Optical system design", 1983 (the cosine fourth law).
    """
    across, down = max(layer.x, 1 - layer.x) * width, max(layer.y, 1 - layer.y) * height
    # cos^4 = (1 + tan^2)^-2
    tangent2 = (max(1 - layer.loss, 0.25) ** -0.5 - 1) / (across * across + down * down)
    steeper = max(layer.loss / 0.75, 1.0)

    def lost(y: Array, x: Array) -> Array:
        wide = ((y - layer.y) * height) ** 2 + ((x - layer.x) * width) ** 2
        wide *= tangent2
        wide += 1
        return steeper - steeper / (wide * wide)

    return smooth(height, width, lost)


def ramp(layer: ops.RampLayer, height: int, width: int) -> Array:
    """0 to 1 between the centres of the outermost pixels along the angle."""
    along, down = math.cos(math.radians(layer.angle)), math.sin(math.radians(layer.angle))
    low, high = min(along, 0) + min(down, 0), max(along, 0) + max(down, 0)

    def value(y: Array, x: Array) -> Array:
        return (_inner(x, width) * along + _inner(y, height) * down - low) / (high - low)

    return smooth(height, width, value)


def _inner(at: Array, side: int) -> Array:
    """Pixel centres counted from 0 at the first to 1 at the last."""
    return (at * side - 0.5) / max(side - 1, 1)


def spot(layer: ops.SpotLayer, height: int, width: int) -> Array:
    """Maximum over the spots of strength * exp(-d^2 / (2 sigma^2)), d in fractions of the longer side."""

    longer = max(height, width)
    across, down = width / longer, height / longer

    def value(y: Array, x: Array) -> Array:
        best: Array = np.zeros((len(y), len(x)), np.float32)
        for at_x, at_y, sigma, strength in layer.spots:
            squares = np.float32(-0.5 / max(sigma, 1e-3) ** 2) * (((x - at_x) * across) ** 2 + ((y - at_y) * down) ** 2)
            np.maximum(best, np.float32(strength) * np.exp(squares), out=best)
        return best

    return smooth(height, width, value)


def corner(layer: ops.CornerLayer, height: int, width: int) -> Array:
    """1 - distance from the corner / diagonal."""
    at_x, at_y = float(layer.corner in (1, 2)), float(layer.corner in (2, 3))
    diagonal = math.hypot(height, width)

    def value(y: Array, x: Array) -> Array:
        return 1 - np.hypot((x - at_x) * width, (y - at_y) * height) / diagonal

    return smooth(height, width, value)


def plasma(layer: ops.PlasmaLayer, height: int, width: int) -> Array:
    """Random midpoint displacement: a grid is doubled again and again, each time noise of weaker amplitude is added.

    Octaves finer than a pixel are left out. The result spans [0, 1].
    Source: Fournier, Fussell, Carpenter, "Computer rendering of stochastic models", 1982.
    """
    source = Source(layer.key)
    side, amplitude = 2, 1.0
    cells: Array = source.uint8(4).view(np.int8).reshape(2, 2).astype(np.float32)
    while side < min(layer.size, max(height, width)):
        side *= 2
        amplitude *= layer.roughness / (layer.roughness + 2)
        noise = source.uint8(side * side).view(np.int8).reshape(side, side)
        cells = cv2.resize(cells, (side, side), interpolation=cv2.INTER_LINEAR)
        cells = cv2.scaleAdd(noise.astype(np.float32), amplitude, cells)
    low, high = float(cells.min()), float(cells.max())
    cells -= np.float32(low)
    cells *= np.float32(1 / max(high - low, 1e-6))
    # A linear enlargement would show the grid.
    field = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC if side < max(height, width) else 1)
    return np.clip(field, 0, 1, out=field)


def polygon(layer: ops.PolygonLayer, height: int, width: int) -> Array:
    """Filled polygons with soft edges, uint8; where they overlap, what they let through multiplies.

    Corners are uniform in the region, joined in the order of their direction from their mean.
    """
    x_min, y_min, x_max, y_max = layer.roi
    source = Source(layer.key)
    through = np.full((height, width), 255, np.uint8)
    for i, opacity in enumerate(layer.opacities):
        x = source.uniform(layer.corners, x_min * width, x_max * width)
        y = source.uniform(layer.corners, y_min * height, y_max * height)
        order = np.argsort(np.arctan2(y - y.mean(), x - x.mean()), kind="stable")
        corners = np.rint(np.stack([x[order], y[order]], axis=1) * (1 << SHIFT)).astype(np.int32)
        single = through if i == 0 else np.full((height, width), 255, np.uint8)
        cv2.fillPoly(single, [corners], (round(255 * (1 - opacity)),), cv2.LINE_AA, SHIFT)
        if i:
            cv2.multiply(through, single, dst=through, scale=1 / 255)
    return cv2.bitwise_not(through)


def flare(image: Array, op: ops.Flare) -> Array:
    """Discs of light, and the spikes that a diaphragm's edges diffract.

    A disc's opacity falls over `edge` of its radius as 3 t^2 - 2 t^3. Painted: colour over image. screen: 1 - (1 -
    value) (1 - light), the sum of lights that saturates; a spike is a Gaussian across and falls off as exp(-r / reach).
    Source: Hullin and others, "Physically-based real-time lens flare rendering", 2011.
    """
    height, width = image.shape[:2]
    step = max(min(height, width) // _FLARE_CELLS, 1)
    rows, columns = -(-height // step), -(-width // step)
    longer = max(height, width) / step
    tones = len(op.discs[0]) - 5
    light = np.zeros((tones, rows, columns), np.float32)
    through = np.ones((rows, columns), np.float32)
    for x, y, radius, opacity, edge, *color in op.discs:
        middle_x, middle_y, reach = x * width / step - 0.5, y * height / step - 0.5, max(radius * longer, 0.5)
        left, right = max(math.ceil(middle_x - reach), 0), min(math.floor(middle_x + reach) + 1, columns)
        top, bottom = max(math.ceil(middle_y - reach), 0), min(math.floor(middle_y + reach) + 1, rows)
        if left >= right or top >= bottom:
            continue
        across = (np.arange(left, right, dtype=np.float32) - np.float32(middle_x)) ** 2
        away = np.sqrt((np.arange(top, bottom, dtype=np.float32) - np.float32(middle_y))[:, None] ** 2 + across)
        fade = np.clip((reach - away) / np.float32(max(edge * reach, 1)), 0, 1)
        fade *= fade * (3 - 2 * fade) * np.float32(opacity)
        part = through[top:bottom, left:right]
        for plane, tone in zip(light, color, strict=True):
            inside = plane[top:bottom, left:right]
            if not op.screen:
                inside *= 1 - fade
            inside += fade * np.float32(tone)
        part *= 1 - fade
    if op.rays:
        light += _spikes(op, rows, columns, longer, (width / step, height / step))
    np.clip(light, 0, 1, out=light)
    keep = [1 - plane for plane in light] if op.screen else [through]
    large = [cv2.resize(part, (columns * step, rows * step))[:height, :width] for part in (*keep, *light)]
    if image.itemsize == 1:
        large = [cv2.convertScaleAbs(part, alpha=255) for part in large]
    return mix(image, large[: len(keep)], large[len(keep) :])


def _spikes(op: ops.Flare, rows: int, columns: int, longer: float, size: tuple[float, float]) -> Array:
    """Light of the spikes of the first disc, (rows, columns)."""
    x, y = op.discs[0][0] * size[0] - 0.5, op.discs[0][1] * size[1] - 0.5
    right = np.arange(columns, dtype=np.float32) - np.float32(x)
    down = (np.arange(rows, dtype=np.float32) - np.float32(y))[:, None]
    away = np.sqrt(right * right + down * down)
    away *= np.float32(-1 / max(op.reach * longer, 1))
    fall = cv2.exp(away)
    narrow = np.float32(-1 / max(0.004 * longer, 0.7) ** 2)
    out = np.zeros((rows, columns), np.float32)
    for i in range(op.rays):
        angle = op.turn + 2 * math.pi * i / op.rays
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        spike = cv2.exp((down * c - right * s) ** 2 * narrow)
        spike[right * c + down * s < 0] = 0
        np.maximum(out, spike, out=out)
    out *= fall
    return out * np.float32(op.discs[0][3])
