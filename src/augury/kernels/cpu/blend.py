"""Fields over an image, and images mixed with them.

A field is an (H, W) array of float32 fractions or of uint8 255ths. Images are (H, W) or (H, W, C), any C, of uint8,
uint16 or float32. Results are fresh and C-contiguous; integers are rounded and clipped, floats clipped to [0, 1]. On
uint8 images fields are rounded to 255ths, so a result lies within 1.5 of the exact one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from augury.kernels.cpu.arrays import MOST_CHANNELS, channels_of, scratch, to_fractions
from augury.kernels.cpu.tone import translate
from augury.sample import Array

# Smooth fields are computed on about this many cells a side and enlarged.
_CELLS = 64
_LEVELS = np.arange(256, dtype=np.uint8)


def smooth(height: int, width: int, function: Callable[[Array, Array], Array]) -> Array:
    """function(y, x) of pixel centres, as fractions of the size, for every pixel; float32 (H, W), maybe a view.

    Large images are computed on a grid and enlarged linearly, so `function` must be smooth.
    """
    rows, columns = max(height // _CELLS, 1), max(width // _CELLS, 1)  # pixels of a cell
    y, x = _centres(height, rows), _centres(width, columns)
    grid: Array = function(y[:, None], x).astype(np.float32, copy=False)
    if rows > 1 or columns > 1:
        grid = cv2.resize(grid, (len(x) * columns, len(y) * rows), interpolation=cv2.INTER_LINEAR)
    return grid[rows : rows + height, columns : columns + width]


def _centres(side: int, step: int) -> Array:
    """Centres of cells of `step` pixels, one before the image and one behind it, as fractions of its side."""
    return ((np.arange(-1, -(-side // step) + 1) + 0.5) * (step / side)).astype(np.float32)


def spread(parts: Sequence[Array], channels: int, slot: str = "") -> Array:
    """One plane, or one per channel, as an array of so many channels; (H, W) for one.

    slot: of the scratch memory that holds the result; fresh memory without.
    """
    if channels == 1:
        return parts[0]
    parts = list(parts) * channels if len(parts) == 1 else parts
    if channels > MOST_CHANNELS:
        return np.stack(parts, axis=2)
    shape = (*parts[0].shape, channels)
    return cv2.merge(parts, dst=scratch(shape, parts[0].dtype, slot)) if slot else cv2.merge(parts)


def words_of(low: Array, high: Array) -> Array:
    """Two uint8 (H, W) as one little-endian uint16, to look up by both; in scratch memory."""
    both = scratch((*low.shape, 2), np.uint8, "words")
    words: Array = cv2.merge((low, high), dst=both).view("<u2").reshape(low.shape)
    return words


def rows_of(array: Array) -> Array:
    """All values as (H, W * C), which OpenCV takes whatever C is."""
    return np.ascontiguousarray(array).reshape(array.shape[0], -1)


def mix(image: Array, keep: Sequence[Array], add: Sequence[Array] = (), peak: float = 1.0) -> Array:
    """value * keep * peak + add, with one field or one per channel; all fields of the same dtype.

    Fields of uint8 are for uint8 images.
    """
    channels = channels_of(image)
    if image.itemsize == 1 and keep[0].dtype == np.uint8:
        out = cv2.multiply(rows_of(image), rows_of(spread(keep, channels, "mix_keep")), scale=peak / 255)
        if add:
            cv2.add(out, rows_of(spread(add, channels, "mix_add")), dst=out)
        return out.reshape(image.shape)
    unit = rows_of(image if image.itemsize == 4 else to_fractions(image))
    kept = rows_of(spread([as_fractions(field) for field in keep], channels, "mix_keep"))
    result = cv2.multiply(unit, kept, scale=peak)
    if add:
        cv2.add(result, rows_of(spread([as_fractions(field) for field in add], channels, "mix_add")), dst=result)
    return from_fractions(result, image).reshape(image.shape)


def from_fractions(values: Array, like: Array) -> Array:
    """Float32 fractions (H, N) in the range and dtype of `like`, clipped; float32 in place."""
    if like.itemsize == 4:
        return np.clip(values, np.float32(0), np.float32(1), out=values)
    full, depth = (255.0, cv2.CV_8U) if like.itemsize == 1 else (65535.0, cv2.CV_16U)
    return cv2.addWeighted(values, full, values, 0.0, 0.0, dtype=depth)


def as_fractions(field: Array) -> Array:
    """A field as float32."""
    return field if field.dtype == np.float32 else field * np.float32(1 / 255)


def as_bytes(field: Array, scale: float = 1.0, shift: float = 0.0) -> Array:
    """field * scale + shift (fractions) as uint8, of nonnegative results."""
    if field.dtype == np.float32:
        return cv2.convertScaleAbs(field, alpha=scale * 255, beta=255 * shift)
    return translate(np.ascontiguousarray(field), cv2.convertScaleAbs(_LEVELS, alpha=scale, beta=255 * shift).tobytes())
