"""Curves: each value alone.

uint8 images go through one table of 256 bytes, uint16 through the same formula on 16-bit values, float32 through the
formula, clipped to [0, 1] (Invert and Solarize, which map that range onto itself, do not clip). Integer results are
rounded to nearest (halves to even) and clipped. A value's result depends on the value only, so curves commute with
crops and flips bit for bit. Outputs are fresh and C-contiguous.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import stringzilla as sz

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import SMALL, affine, merged, planes
from augury.sample import Array

_BYTES = np.arange(256.0).reshape(1, 256)
_T = _BYTES / 255.0
_LOW = 765.0 * _T * (1 - _T) ** 2
_HIGH = 765.0 * _T**2 * (1 - _T)
_CUBE = 255.0 * _T**3
# Curves whose constants may differ between channels.
_BY_CHANNEL = frozenset({ops.Linear, ops.Posterize, ops.Tone})
_IDENTITY = bytes(range(256))
_ONE = (1.0,)
_UNIT = np.eye(3, 4, dtype=np.float32)
_RAMP = bytes(256) + _IDENTITY + b"\xff" * 256
_INVERTED = _IDENTITY[::-1]
_POSTERIZED = tuple(bytes(value & (0xFF00 >> bits) & 0xFF for value in range(256)) for bits in range(9))


def _constants(op: Any, channels: int) -> bool:
    """Whether `op` differs between channels; raises SampleError when its constants do not fit the channels."""
    for values in op:
        if len(values) != 1:
            break
    else:
        return False
    for values in op:
        if len(values) not in (1, channels):
            raise SampleError(
                f"{type(op).__name__}: got {len(values)} values per channel for an image with {channels} channel(s); "
                f"pass one value for all channels or {channels}"
            )
    return channels > 1


def _varies(op: Any, channels: int) -> bool:
    """Whether a curve treats channels differently."""
    kind = type(op)
    if kind in _BY_CHANNEL:
        return _constants(op, channels)
    if kind is ops.Curves:
        return any(_varies(part, channels) for part in op.parts)
    return False


def _of_channel(op: Any, channel: int) -> Any:
    """The curve that one channel goes through."""
    if type(op) in _BY_CHANNEL:
        return type(op)(*(values[channel if len(values) > 1 else 0 :][:1] for values in op))
    if isinstance(op, ops.Curves):
        return ops.Curves(tuple(_of_channel(part, channel) for part in op.parts))
    return op


def table(op: Any, channels: int) -> bytes | tuple[bytes, ...]:
    """The curve as 256 bytes, or one such table per channel where the op's constants differ between channels."""
    if not _varies(op, channels):
        return _table(op)
    if isinstance(op, ops.Curves):
        composed = (_IDENTITY,) * channels
        for part in op.parts:
            nexts = table(part, channels)
            pairs = zip(composed, (nexts,) * channels if isinstance(nexts, bytes) else nexts, strict=True)
            composed = tuple(first.translate(second) for first, second in pairs)
        return composed
    if isinstance(op, ops.Posterize):
        return tuple([_POSTERIZED[bits] for bits in op.bits])
    if isinstance(op, ops.Linear):
        scales = op.scale if len(op.scale) > 1 else op.scale * channels
        shifts = op.shift if len(op.shift) > 1 else op.shift * channels
        return tuple([_line(scale, shift) for scale, shift in zip(scales, shifts, strict=True)])
    values = _column(op.low) * _LOW + _column(op.high) * _HIGH + _CUBE
    rows = cv2.addWeighted(values, 1.0, values, 0.0, 0.0, dtype=cv2.CV_8U).tobytes()
    return tuple([rows[at : at + 256] for at in range(0, 256 * channels, 256)])


def _column(values: ops.Coefficients) -> Array:
    return np.array(values)[:, None]


def _table(op: Any) -> bytes:
    """The byte table of a curve that treats all channels alike."""
    if isinstance(op, ops.Linear):
        return _line(op.scale[0], op.shift[0])
    if isinstance(op, ops.Gamma):
        values = np.power(_T, op.exponent)
        values = cv2.addWeighted(values, 255.0, values, 0.0, 0.0, dtype=cv2.CV_8U)
    elif isinstance(op, ops.Tone):
        values = cv2.addWeighted(_LOW, op.low[0], _HIGH, op.high[0], 0.0)
        values = cv2.add(values, _CUBE, dtype=cv2.CV_8U)
    elif isinstance(op, ops.Solarize):
        first = min(max(math.ceil(op.threshold * 255.0), 0), 256)
        return _IDENTITY[:first] + _INVERTED[first:]
    elif isinstance(op, ops.Invert):
        return _INVERTED
    elif isinstance(op, ops.Posterize):
        return _POSTERIZED[op.bits[0]]
    else:
        composed = _IDENTITY
        for part in op.parts:
            composed = composed.translate(_table(part))
        return composed
    return values.tobytes()


def steps(by: int) -> bytes:
    """The table of byte + by, clipped."""
    return _RAMP[256 + by : 512 + by] if -256 <= by <= 256 else _RAMP[:256] if by < 0 else _RAMP[-256:]


def _line(scale: float, shift: float) -> bytes:
    """The table of value * scale + shift."""
    if scale == 1.0:
        return steps(round(shift * 255.0))
    return cv2.addWeighted(_BYTES, scale, _BYTES, 0.0, shift * 255.0, dtype=cv2.CV_8U).tobytes()


def _words(op: Any, values: Array) -> Array:
    """uint16 values through a curve that treats all channels alike."""
    if isinstance(op, ops.Curves):
        for part in op.parts:
            values = _words(part, values)
        return values
    if isinstance(op, ops.Invert):
        return ~values
    if isinstance(op, ops.Posterize):
        return values & np.uint16(0xFFFF0000 >> op.bits[0] & 0xFFFF)
    if isinstance(op, ops.Solarize):
        return np.where(values >= op.threshold * 65535.0, ~values, values)
    wide = values.astype(np.float64)
    if isinstance(op, ops.Linear):
        wide *= op.scale[0]
        wide += op.shift[0] * 65535.0
    else:
        wide /= 65535.0
        wide = _gamma(op, wide) if isinstance(op, ops.Gamma) else _bezier(op, wide)
        wide *= 65535.0
    np.rint(wide, out=wide)
    wide.clip(0.0, 65535.0, out=wide)
    return wide.astype(np.uint16)


def _gamma(op: ops.Gamma, values: Array) -> Array:
    out: Array = values.clip(0.0, 1.0)
    np.power(out, values.dtype.type(op.exponent), out=out)
    return out


def _bezier(op: ops.Tone, values: Array) -> Array:
    """3 t (1-t)^2 low + 3 t^2 (1-t) high + t^3 by Horner's rule."""
    low, high, number = op.low[0], op.high[0], values.dtype.type
    out: Array = values * number(1.0 + 3.0 * (low - high))
    out += number(3.0 * high - 6.0 * low)
    out *= values
    out += number(3.0 * low)
    out *= values
    return out


def _fractions(op: Any, image: Array) -> Array:
    """float32 values through a curve that treats all channels alike."""
    if isinstance(op, ops.Curves):
        if not op.parts:
            return image.copy()
        for part in op.parts:
            image = _fractions(part, image)
        return image
    if isinstance(op, ops.Gamma):
        return _gamma(op, image)
    if isinstance(op, ops.Linear):
        out = np.empty(image.shape, np.float32)
        affine(image.reshape(-1), op.scale[0], op.shift[0], out.reshape(-1))
    elif isinstance(op, ops.Invert):
        return np.subtract(np.float32(1.0), image)
    elif isinstance(op, ops.Solarize):
        rows = image.reshape(image.shape[0], -1)
        out = np.subtract(np.float32(1.0), rows)
        return cv2.copyTo(rows, (rows < np.float32(op.threshold)).view(np.uint8), out).reshape(image.shape)
    elif isinstance(op, ops.Posterize):
        rows = image.reshape(image.shape[0], -1)
        kept: Array = cv2.addWeighted(rows, 255.0, rows, 0.0, 0.0, dtype=cv2.CV_8U).reshape(image.shape)
        return (kept & np.uint8(0xFF00 >> op.bits[0] & 0xFF)) / np.float32(255.0)
    else:
        out = _bezier(op, image)
    return out.clip(0.0, 1.0, out=out)


def translate(image: Array, lookup: bytes) -> Array:
    """C-contiguous uint8 of any shape through a byte table."""
    out = np.empty(image.shape, np.uint8)
    sz.translate(image.data.cast("B"), lookup, out=out)
    return out


def translate_channels(image: Array, lookups: tuple[bytes, ...]) -> Array:
    """C-contiguous uint8 (H, W, C), each channel through its own byte table."""
    parts = planes(image)
    for part, lookup in zip(parts, lookups, strict=True):
        if lookup != _IDENTITY:
            sz.translate(part.data.cast("B"), lookup, out=part)
    return merged(parts)


def _shifted(image: Array, shift: ops.Coefficients) -> Array:
    """uint8 (H, W, 3) plus a whole number per channel, as by tables: one call, which is faster on small images."""
    matrix = _UNIT.copy()
    matrix[:, 3] = [min(max(round(by * 255.0), -255), 255) for by in shift]
    return cv2.transform(image, matrix)


def invert(image: Array, op: ops.Invert) -> Array:
    """Full range minus value: uint8 and uint16 bit by bit."""
    image = np.ascontiguousarray(image)
    return np.subtract(np.float32(1.0), image) if image.itemsize == 4 else np.invert(image)


def curve(image: Array, op: Any) -> Array:
    """Run a curve. Image (H, W) or (H, W, C), uint8, uint16 or float32.

    Posterize on float32 keeps the highest bits of round(255 * value). Raises SampleError when per-channel constants do
    not fit the image's channels.
    """
    image = np.ascontiguousarray(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.itemsize == 1:
        if channels == 3 and type(op) is ops.Linear and len(op.shift) == 3 and op.scale == _ONE and image.size < SMALL:
            return _shifted(image, op.shift)
        lookup = table(op, channels)
        return translate(image, lookup) if isinstance(lookup, bytes) else translate_channels(image, lookup)
    if _varies(op, channels):
        return merged([curve(part, _of_channel(op, i)) for i, part in enumerate(planes(image))])
    if image.itemsize == 4:
        return _fractions(op, image)
    if image.size < 1 << 16:
        out = _words(op, image)
        return out if out is not image else image.copy()
    lookup16 = _words(op, np.arange(1 << 16, dtype=np.uint16)).reshape(1, -1)
    return cv2.LUT(image.reshape(image.shape[0], -1), lookup16).reshape(image.shape)
