"""Layers of opacity over an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu import light, weather
from augury.kernels.cpu.arrays import FULL, channels_of, scratch
from augury.kernels.cpu.blend import as_bytes, as_fractions, mix, rows_of, spread, words_of
from augury.sample import Array

LAYERS: dict[type, Callable[[Any, int, int], Array]] = {
    ops.DepthLayer: weather.depth,
    ops.PuffLayer: weather.puff,
    ops.StreakLayer: weather.streak,
    ops.SnowLayer: weather.snow,
    ops.SpatterLayer: weather.spatter,
    ops.PolygonLayer: light.polygon,
    ops.PlasmaLayer: light.plasma,
    ops.VignetteLayer: light.vignette,
    ops.RampLayer: light.ramp,
    ops.SpotLayer: light.spot,
    ops.CornerLayer: light.corner,
}


def veil(image: Array, op: ops.Veil) -> Array:
    """value * (base + gain * a) + shift * a, `a` the layer's opacity; with about_mean, shift - gain * mean is added."""
    opacity = LAYERS[type(op.layer)](op.layer, *image.shape[:2])
    base, gain = op.base, op.gain
    shift = op.shift[:1] if len(set(op.shift)) == 1 else op.shift
    if op.about_mean:
        mean = cv2.mean(rows_of(image))[0] / FULL[image.itemsize]
        shift = tuple([one - gain * mean for one in shift])
    if image.itemsize == 1:
        peak = max(base, base + gain)
        if min(shift) >= 0 and (peak <= 1 or not any(shift)):
            peak = max(peak, 1.0)
            add = [as_bytes(opacity, one) for one in shift] if any(shift) else []
            return mix(image, [as_bytes(opacity, gain / peak, base / peak)], add, peak)
        if len(shift) == 1:
            return _by_table(image, as_bytes(opacity), op, shift[0])
    opacity = as_fractions(opacity)
    add = [opacity * np.float32(one) for one in shift] if any(shift) else []
    return mix(image, [opacity * np.float32(gain) + np.float32(base)], add)


def _by_table(image: Array, opacity: Array, op: ops.Veil, shift: float) -> Array:
    """uint8 looked up by value and opacity, which rounds once."""
    level = np.arange(256, dtype=np.float32)
    table = np.multiply(  # [opacity, value]
        (level * np.float32(op.gain / 255) + np.float32(op.base))[:, None],
        level,
        out=scratch((256, 256), np.float32, "veil_table"),
    )
    table += (level * np.float32(shift))[:, None]
    lookup = cv2.addWeighted(table, 1.0, table, 0.0, 0.0, dtype=cv2.CV_8U).reshape(1, -1)
    over = rows_of(spread([opacity], channels_of(image), "veil"))
    return cv2.LUT(words_of(rows_of(image), over), lookup).reshape(image.shape)
