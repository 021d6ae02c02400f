"""Operations on each pixel's channels.

Images (H, W) or (H, W, C), uint8, uint16 or float32 in [0, 1]; outputs are fresh and C-contiguous, same dtype; integers
are rounded and clipped, floats clipped to [0, 1]. Channels are red, green, blue where an op speaks of colour. uint16
images take the float32 path where OpenCV has no 16-bit one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import stringzilla as sz

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import (
    FULL,
    SMALL,
    by_pixel,
    channels_of,
    merged,
    planes,
    refuse_channels,
    to_fractions,
)
from augury.kernels.cpu.tone import steps
from augury.sample import Array

# Hues of 2 degrees, as often as needed to read on from any of them for 256 bytes.
_HUES = bytes(range(180)) * 3


@lru_cache(maxsize=64)
def _matrix(rows: tuple[ops.Coefficients, ...], shift: ops.Coefficients, full: float) -> Array:
    """(outputs, inputs + 1) float32, the last column in the image's range."""
    shifts = shift * len(rows) if len(shift) == 1 else shift[: len(rows)]
    return np.array([(*row, s * full) for row, s in zip(rows, shifts, strict=True)], np.float32)


def color_matrix(image: Array, op: ops.ColorMatrix) -> Array:
    """Each output channel is a weighted sum of the input channels plus a shift (fraction of full range)."""
    channels = channels_of(image)
    if len(op.rows[0]) != channels:
        raise refuse_channels("ColorMatrix", image, f"{len(op.rows[0])} channels")
    image = np.ascontiguousarray(image)
    matrix = _matrix(op.rows, op.shift, FULL[image.itemsize])
    if image.itemsize != 4:
        return cv2.transform(image, matrix).reshape(_like(image, op))
    out = by_pixel(image.reshape(*image.shape[:2], channels), lambda part: cv2.transform(part, matrix))
    return out.clip(0.0, 1.0, out=out).reshape(_like(image, op))


def _like(image: Array, op: ops.ColorMatrix) -> tuple[int, ...]:
    """The output's shape: (H, W) stays (H, W) under a 1x1 matrix."""
    return image.shape if image.ndim == 2 and len(op.rows) == 1 else (*image.shape[:2], len(op.rows))


@lru_cache(maxsize=64)
def _selection(order: tuple[int, ...], channels: int) -> Array:
    """The 0/1 matrix that picks channels."""
    return np.eye(channels, dtype=np.float32)[list(order)]


def hue_saturation(image: Array, op: ops.HueSaturation) -> Array:
    """Shift hue, saturation and value in HSV. RGB only. Gray pixels have no hue, so they stay gray.

    uint8: OpenCV's 8-bit HSV, hue in steps of 2 degrees. float32 and uint16: hue in degrees, no quantisation.
    """
    if channels_of(image) != 3:
        raise refuse_channels("HueSaturation", image, "3 (RGB)")
    image = np.ascontiguousarray(image)
    if image.itemsize == 1:
        return _hue_saturation_bytes(image, op)
    hsv = _converted(image, cv2.COLOR_RGB2HSV)
    hue, saturation, value = planes(hsv)
    if op.hue:
        hue += np.float32(op.hue % 360.0)  # OpenCV wraps hues above 360 on the way back
    if op.saturation:
        colored = saturation > 0.0
        np.add(saturation, np.float32(op.saturation), out=saturation, where=colored)
        saturation.clip(0.0, 1.0, out=saturation)
    if op.value:
        value += np.float32(op.value)
        value.clip(0.0, 1.0, out=value)
    out = _converted(cv2.merge([hue, saturation, value], hsv), cv2.COLOR_HSV2RGB)
    if image.itemsize == 4:
        return out.clip(0.0, 1.0, out=out)
    rows = out.reshape(out.shape[0], -1)
    return cv2.addWeighted(rows, 65535.0, rows, 0.0, 0.0, dtype=cv2.CV_16U).reshape(image.shape)


def _converted(image: Array, code: int) -> Array:
    """cv2.cvtColor of float32, or of uint16 as fractions."""
    return by_pixel(image if image.itemsize == 4 else to_fractions(image), lambda part: cv2.cvtColor(part, code))


def _hue_saturation_bytes(image: Array, op: ops.HueSaturation) -> Array:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hue, saturation, value = round(op.hue / 2.0) % 180, round(op.saturation * 255.0), round(op.value * 255.0)
    tables = (
        _HUES[hue : hue + 256] if hue else b"",
        b"\0" + steps(saturation)[1:] if saturation else b"",
        steps(value) if value else b"",
    )
    parts = planes(hsv)
    for part, table in zip(parts, tables, strict=True):
        if table:
            sz.translate(part.data.cast("B"), table, out=part)
    return cv2.cvtColor(cv2.merge(parts, dst=hsv), cv2.COLOR_HSV2RGB, dst=hsv)


def shuffle_channels(image: Array, op: ops.ShuffleChannels) -> Array:
    """Output channel i is input channel order[i]."""
    channels = channels_of(image)
    if max(op.order) >= channels:
        raise refuse_channels("ShuffleChannels", image, f"{max(op.order) + 1} channels")
    if image.ndim == 2:
        return image.copy()
    if len(op.order) > 1 and channels <= 4 and (image.size < SMALL or image.itemsize == 4):
        return cv2.transform(np.ascontiguousarray(image), _selection(op.order, channels))
    parts = planes(image)
    return merged([parts[source] for source in op.order])


def fill_channels(image: Array, op: ops.FillChannels) -> Array:
    """Set whole channels to op.fill (image's own range)."""
    channels = channels_of(image)
    if op.channels and max(op.channels) >= channels:
        raise refuse_channels("FillChannels", image, f"{max(op.channels) + 1} channels")
    if image.ndim == 2:
        return np.full(image.shape, op.fill if op.channels else image, image.dtype)
    if image.size < SMALL:
        out: Array = np.array(image, order="C")
        for channel in op.channels:
            out[:, :, channel] = op.fill
        return out
    word = _WORDS[image.itemsize]
    keep, fill = _rows_of_fill(op.channels, op.fill, channels, image.shape[1], image.dtype)
    rows = np.ascontiguousarray(image).view(word).reshape(image.shape[0], -1)
    out = np.bitwise_and(rows, keep)
    if fill is not None:
        np.bitwise_or(out, fill, out=out)
    return out.view(image.dtype).reshape(image.shape)


_WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32}


@lru_cache(maxsize=64)
def _rows_of_fill(
    filled: tuple[int, ...], fill: float, channels: int, width: int, dtype: np.dtype[Any]
) -> tuple[Array, Array | None]:
    """For a row of pixels: a word with all bits set for every value that stays, and the bits of the fill, None for
    zeros.
    """
    word = _WORDS[dtype.itemsize]
    keep = np.full(channels, -1, np.int64).astype(word)
    keep[list(filled)] = 0
    values = np.zeros(channels, dtype)
    values[list(filled)] = fill
    bits = values.view(word)
    return np.tile(keep, width), np.tile(bits, width) if bits.any() else None


def gray(image: Array, op: ops.Gray) -> Array:
    """One gray value per pixel, repeated over op.channels; (H, W, 1) if op.channels is 1.

    weighted_average: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); from_lab: lightness of CIE Lab; these two need RGB.
    average: mean of the channels; desaturation: mean of their minimum and maximum; max: their maximum.
    Gray images are repeated as they are.
    """
    image = np.ascontiguousarray(image)
    if channels_of(image) == 1:
        level = image.reshape(image.shape[:2])
    elif op.method in ("weighted_average", "from_lab"):
        if image.shape[2] != 3:
            raise refuse_channels(f"Gray ({op.method})", image, "1 or 3 (RGB); average, desaturation and max take any")
        level = _luma(image) if op.method == "weighted_average" else _lightness(image)
    elif op.method in _LEVELS:
        level = _LEVELS[op.method](planes(image))
    else:
        raise SampleError(f"Gray: got method {op.method!r}; use weighted_average, from_lab, {', '.join(_LEVELS)}")
    if op.channels == 1:
        return np.array(level[:, :, None]) if np.may_share_memory(level, image) else level[:, :, None]
    if op.channels == 3:
        return cv2.cvtColor(level, cv2.COLOR_GRAY2RGB)
    return cv2.merge([level] * op.channels)


def color_ramp(image: Array, op: ops.ColorRamp) -> Array:
    """Each pixel's luma (BT.601; of one channel, itself) through one piecewise linear curve per output channel."""
    level = np.ascontiguousarray(image)
    if channels_of(image) == 3:
        level = _luma(level)
    level = level.reshape(level.shape[0], -1)
    full = FULL[image.itemsize]
    curves = np.array(op.colors, np.float64).T
    if image.itemsize == 4:
        parts = [np.interp(level, op.stops, curve).astype(np.float32) for curve in curves]
    else:
        at = np.arange(full + 1) / full
        tables = [np.rint(np.interp(at, op.stops, curve) * full).astype(image.dtype) for curve in curves]
        if image.itemsize == 1:
            return cv2.LUT(cv2.merge([level] * len(tables)), np.stack(tables, axis=1)[None])
        parts = [table.take(level) for table in tables]
    return merged(parts)


def _luma(image: Array) -> Array:
    return _converted(image, cv2.COLOR_RGB2GRAY) if image.itemsize == 4 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _lightness(image: Array) -> Array:
    """L of CIE Lab as a fraction of full range."""
    if image.itemsize == 1:
        return cv2.extractChannel(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), 0)
    level: Array = cv2.extractChannel(_converted(image, cv2.COLOR_RGB2LAB), 0)
    if image.itemsize == 2:
        return cv2.addWeighted(level, 655.35, level, 0.0, 0.0, dtype=cv2.CV_16U)
    level /= np.float32(100.0)
    return level.clip(0.0, 1.0, out=level)


def _average(parts: Sequence[Array]) -> Array:
    total: Array = parts[0].astype(np.float32)
    for part in parts[1:]:
        total += part
    total /= np.float32(len(parts))
    if parts[0].itemsize == 4:
        return total
    return np.rint(total, out=total).astype(parts[0].dtype)


def _maximum(parts: Sequence[Array]) -> Array:
    out = cv2.max(parts[0], parts[1])
    for part in parts[2:]:
        cv2.max(out, part, dst=out)
    return out


def _desaturation(parts: Sequence[Array]) -> Array:
    low = cv2.min(parts[0], parts[1])
    for part in parts[2:]:
        cv2.min(low, part, dst=low)
    return cv2.addWeighted(low, 0.5, _maximum(parts), 0.5, 0.0)


_LEVELS = {"average": _average, "desaturation": _desaturation, "max": _maximum}


# ---- colours of light ----------------------------------------------------------------------------------

# Where the chromaticity x of light of temperature T is a + b / T + c / T^2 + d / T^3: from T, and a to d.
_BLACKBODY = (
    (4000, (0.240390, 0.2226347e3, 2.1070379e6, -3.0258469e9)), (0, (0.179910, 0.8776956e3, -0.2343589e6, -0.2661239e9))
)  # fmt: skip
_DAYLIGHT = ((7000, (0.237040, 0.24748e3, 1.9018e6, -2.0064e9)), (0, (0.244063, 0.09911e3, 2.9678e6, -4.6070e9)))
# And y as a polynomial of x, lowest power first.
_BLACKBODY_Y = (
    (4000, (-0.37001483, 3.75112997, -5.87338670, 3.0817580)),
    (2222, (-0.16748867, 2.09137015, -1.37418593, -0.9549476)),
    (0, (-0.20219683, 2.18555832, -1.34811020, -1.1063814)),
)  # fmt: skip
_DAYLIGHT_Y = ((0, (-0.275, 2.870, -3.0, 0.0)),)
_LIGHTS = {"blackbody": (_BLACKBODY, _BLACKBODY_Y), "cied": (_DAYLIGHT, _DAYLIGHT_Y)}
COLDEST = {"blackbody": 3000.0, "cied": 4000.0}


def light_of(mode: str, temperature: float) -> tuple[float, float]:
    """Linear red and blue over green, in sRGB (IEC 61966-2-1), of a glowing body ("blackbody"; the Planckian locus of
    Kim et al., 2002) or of daylight ("cied"; CIE 015:2018); kelvin, at least COLDEST.
    """
    in_x, in_y = _LIGHTS[mode]
    a, b, c, d = next(row for low, row in in_x if temperature >= low)
    x = a + b / temperature + c / temperature**2 + d / temperature**3
    a, b, c, d = next(row for low, row in in_y if temperature >= low)
    y = a + x * (b + x * (c + x * d))
    big_x, big_z = x / y, (1 - x - y) / y
    red = 3.2404542 * big_x - 1.5371385 - 0.4985314 * big_z
    green = -0.9692660 * big_x + 1.8760108 + 0.0415560 * big_z
    blue = 0.0556434 * big_x - 0.2040259 + 1.0572252 * big_z
    return max(red, 0.0) / green, max(blue, 0.0) / green
