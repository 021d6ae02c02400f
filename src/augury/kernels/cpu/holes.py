"""Rectangles overwritten: x_min, y_min, x_max, y_max in pixels, end exclusive, inside the image.

Images are (H, W) or (H, W, C) of uint8, uint16 or float32; masks may have any dtype. Outputs are fresh and
C-contiguous.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import channels_of, filled, put_back, to_bytes, to_fractions
from augury.kernels.cpu.noise import fill_values, random_values
from augury.rng import Source
from augury.sample import Array

_INPAINT = {"inpaint_telea": cv2.INPAINT_TELEA, "inpaint_ns": cv2.INPAINT_NS}
_INPAINT_RADIUS = 3


def holes(image: Array, op: ops.Holes) -> Array:
    """Overwrite the holes with `fill`.

    fill: a number or one per channel, in the image's own range; "random" (each value drawn from the full range),
    "random_uniform" (one drawn colour per hole), "grayscale" (the hole loses its colour: RGB luma of 3 channels, else
    their mean); "inpaint_telea" (Telea, 2004) and "inpaint_ns" (Bertalmio et al., 2001) continue the surroundings, in
    8 bits.
    """
    fill = op.fill
    if not isinstance(fill, str):
        return _filled(image, op, fill)
    if fill in _INPAINT:
        where = np.zeros(image.shape[:2], np.uint8)
        for x_min, y_min, x_max, y_max in op.holes:
            where[y_min:y_max, x_min:x_max] = 255
        return _inpainted(image, where, _INPAINT[fill])
    out = image.copy()
    if fill == "grayscale":
        for x_min, y_min, x_max, y_max in op.holes:
            _decolour(out[y_min:y_max, x_min:x_max])
        return out
    channels = channels_of(image)
    source = Source(op.key)
    rows = out.reshape(out.shape[0], -1)
    for x_min, y_min, x_max, y_max in op.holes:
        hole = rows[y_min:y_max, x_min * channels : x_max * channels]
        if fill == "random_uniform":
            hole[:] = np.resize(random_values(source, channels, image.dtype), hole.shape[1])
        else:
            hole[:] = random_values(source, hole.size, image.dtype).reshape(hole.shape)
    return out


def stencil(image: Array, op: ops.Stencil) -> Array:
    """Overwrite the pattern with `fill`, as `holes` does."""
    where, fill = op.where(*image.shape[:2]), op.fill
    if isinstance(fill, str) and fill in _INPAINT:
        return _inpainted(image, where, _INPAINT[fill])
    source, channels = Source(op.key), channels_of(image)
    if fill == "random":
        out = image.copy()
        count = cv2.countNonZero(where) * channels
        out[where > 0] = random_values(source, count, image.dtype).reshape(-1, *image.shape[2:])
        return out
    if fill == "grayscale":
        out = image.copy()
        _decolour(out)
        return put_back(out, image, (where == 0).view(np.uint8))
    values = random_values(source, channels, image.dtype) if fill == "random_uniform" else _values(fill, image)
    out = filled(image.shape, values)
    return put_back(out, image, (where == 0).view(np.uint8))


def stencil_mask(mask: Array, op: ops.Stencil) -> Array:
    """Overwrite the pattern with fill_mask; a copy if that is None."""
    if op.fill_mask is None:
        return mask.copy()
    return stencil(mask, op._replace(fill=op.fill_mask))


def _values(fill: Any, image: Array) -> Array:
    values = fill_values(fill, image.dtype)
    if values.size not in (1, channels_of(image)):
        raise _misfit(fill, image)
    return values


def _misfit(fill: ops.Fill, image: Array) -> SampleError:
    return SampleError(f"fill {fill} does not fit an array of shape {image.shape}; pass one value, or one per channel")


def holes_mask(mask: Array, op: ops.Holes) -> Array:
    """Overwrite the holes with fill_mask; a copy if that is None."""
    return mask.copy() if op.fill_mask is None else _filled(mask, op, op.fill_mask)


def _filled(image: Array, op: ops.Holes, fill: ops.Fill) -> Array:
    """Holes of one colour."""
    out = image.copy()
    if not fill:
        for x_min, y_min, x_max, y_max in op.holes:
            out[y_min:y_max, x_min:x_max] = 0
        return out
    values = fill_values(fill, image.dtype)
    if values.size == 1:
        value = values[0]
        for x_min, y_min, x_max, y_max in op.holes:
            out[y_min:y_max, x_min:x_max] = value
        return out
    channels = values.size
    if channels != channels_of(image):
        raise _misfit(fill, image)
    rows = out.reshape(out.shape[0], -1)
    line = _line(fill, image.dtype, image.shape[1])
    for x_min, y_min, x_max, y_max in op.holes:
        rows[y_min:y_max, x_min * channels : x_max * channels] = line[: (x_max - x_min) * channels]
    return out


@lru_cache(maxsize=64)
def _line(fill: ops.Fill, dtype: np.dtype[Any], width: int) -> Array:
    """A colour, repeated for a row of pixels."""
    return np.tile(fill_values(fill, dtype), width)


def _decolour(hole: Array) -> None:
    """Replace each pixel's channels by one gray value, in place."""
    channels = channels_of(hole)
    if channels == 3 and hole.size:
        hole[:] = cv2.cvtColor(cv2.cvtColor(hole, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    elif channels > 1:
        mean = hole.mean(axis=2, keepdims=True, dtype=np.float64)
        hole[:] = mean if hole.dtype.kind == "f" else np.rint(mean)


def _inpainted(image: Array, where: Array, method: int) -> Array:
    """Pixels where `where` is not 0 continued from their surroundings; values outside stay as they are."""
    if 1 in where.shape:  # OpenCV 5.0 reads beyond the only row or column of an image
        axis, one = where.shape.index(1), slice(1)
        wide = _inpainted(image.repeat(2, axis), where.repeat(2, axis), method)
        return np.ascontiguousarray(wide[one] if axis == 0 else wide[:, one])
    unit = to_fractions(image) if image.itemsize == 2 else image
    bytes_ = np.ascontiguousarray(image) if image.itemsize == 1 else to_bytes(unit)
    if channels_of(image) in (1, 3):
        painted = cv2.inpaint(bytes_, where, _INPAINT_RADIUS, method)
    else:
        planes = np.ascontiguousarray(bytes_.transpose(2, 0, 1))
        painted = np.stack([cv2.inpaint(plane, where, _INPAINT_RADIUS, method) for plane in planes], axis=2)
    painted = painted.reshape(image.shape)
    if image.itemsize == 1:
        return painted
    out = image.copy()
    patch = painted[where > 0]
    out[where > 0] = to_fractions(patch) if image.itemsize == 4 else patch.astype(np.uint16) * 257
    return out
