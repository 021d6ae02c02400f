"""Array helpers that the kernels share: ranges, channel planes, and a*x+b with one rounding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numkong as nk
import numpy as np
import numpy.typing as npt

from augury.errors import SampleError
from augury.sample import Array

# Full range by item size: uint8, uint16, float32.
FULL = {1: 255.0, 2: 65535.0, 4: 1.0}
# OpenCV depths by item size.
DEPTH = {1: cv2.CV_8U, 2: cv2.CV_16U, 4: cv2.CV_32F}
# Images of fewer values than this are dominated by call overhead, where one look-up beats splitting planes.
SMALL = 1 << 14
# Of an OpenCV image.
MOST_CHANNELS = 128
_KEPT = 1 << 24
# What OpenCV may take values of so many bytes for, to copy them.
_WORDS = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.float64}
_BLOCK = 64
_local = threading.local()


def scratch(shape: tuple[int, ...], dtype: npt.DTypeLike, slot: str) -> Array:
    """Uninitialised memory kept per thread and slot; the next call for the slot overwrites it, so never return it."""
    size = np.dtype(dtype).itemsize
    for side in shape:
        size *= side
    if size > _KEPT:
        return np.empty(shape, dtype)
    kept: Array | None = getattr(_local, slot, None)
    if kept is None or kept.size < size:
        kept = np.empty(size, np.uint8)
        setattr(_local, slot, kept)
    return kept[:size].view(dtype).reshape(shape)


def channels_of(image: Array) -> int:
    """C of (H, W, C), 1 for (H, W)."""
    return image.shape[2] if image.ndim == 3 else 1


def apart(count: int, height: int, width: int, dtype: npt.DTypeLike, slot: str) -> list[Array]:
    """`count` C-contiguous (height, width) arrays, kept per thread and slot like `scratch` while they stay the same.

    They begin at different places of a vector: where all planes begin at the same one, OpenCV's split and merge write
    around the cache, for twice the time.
    """
    asked = (count, height, width, dtype)
    kept: tuple[Any, list[Array]] | None = getattr(_local, slot, None)
    if kept is not None and kept[0] == asked:
        return kept[1]
    size = np.dtype(dtype).itemsize
    area = height * width
    stride = (-(-area * size // 64) * 64 + 16) // size
    flat = np.empty(count * stride, dtype)
    out = [flat[at : at + area].reshape(height, width) for at in range(0, count * stride, stride)]
    if flat.nbytes <= _KEPT:
        setattr(_local, slot, (asked, out))
    return out


def planes(image: Array, out: Sequence[Array] | None = None) -> Sequence[Array]:
    """The channels of (H, W, C) as C-contiguous (H, W) arrays, in `out` or in this thread's scratch."""
    height, width, channels = image.shape
    views = apart(channels, height, width, image.dtype, "planes") if out is None else out
    if 1 < channels <= MOST_CHANNELS:
        cv2.split(image, views)
    else:
        for i, view in enumerate(views):
            np.copyto(view, image[:, :, i])
    return views


def merged(parts: Sequence[Array]) -> Array:
    """(H, W) arrays as a fresh (H, W, C)."""
    out = cv2.merge(parts)
    return out if len(parts) > 1 else out.reshape(*parts[0].shape, 1)


def repeated(parts: Sequence[Array], channels: int) -> Array:
    """(H, W) arrays, one per channel or one for all, as (H, W, C)."""
    if len(parts) == 1 < channels:
        parts = [parts[0]] * channels
    return merged(parts) if channels <= MOST_CHANNELS else np.stack(parts, axis=2)


def filled(shape: tuple[int, ...], values: Array) -> Array:
    """A fresh array of one value, or of one per channel."""
    out = np.zeros(shape, values.dtype)
    if values.any():
        out.reshape(shape[0], -1)[:] = np.tile(values, out[0].size // values.size)
    return out


def put_back(out: Array, image: Array, where: Array) -> Array:
    """`out`, a fresh array, with the image's pixels wherever (H, W) uint8 `where` is not 0."""
    if channels_of(image) > MOST_CHANNELS:
        np.copyto(out, image, where=(where != 0)[..., None])
    else:
        # OpenCV copies bytes, whatever they mean, fifty times faster than NumPy under a mask.
        word = _WORDS[image.itemsize]
        cv2.copyTo(np.ascontiguousarray(image).view(word), where, out.view(word))
    return out


def clipped(values: Array) -> Array:
    """Float32 clipped to [0, 1], in place; others as they are."""
    return np.clip(values, np.float32(0), np.float32(1), out=values) if values.itemsize == 4 else values


def affine(values: Array, scale: float, shift: float, out: Array) -> None:
    """out = values * scale + shift: flat contiguous float32, constants rounded to float32, one rounding of the result.

    `out` may be `values`. Blocks of 16 keep every value in the fused multiply-add of the vector unit: tails are
    computed with two roundings on some processors, which would make a value depend on where it lies.
    """
    rest = values.size & 15
    if not rest:
        nk.scale(values, alpha=scale, beta=shift, out=out)
        return
    body = values.size - rest
    tail = np.zeros(16, np.float32)
    tail[:rest] = values[body:]
    if body:
        nk.scale(values[:body], alpha=scale, beta=shift, out=out[:body])
    nk.scale(tail, alpha=scale, beta=shift, out=tail)
    out[body:] = tail[:rest]


def by_pixel(image: Array, function: Callable[[Array], Array]) -> Array:
    """Run an OpenCV function of single pixels on float32 (H, W, C); a pixel's result never depends on its place.

    OpenCV computes the ends of rows without vectors and so with other roundings. Here the image is one row, and its
    last pixels are computed again where they are not at an end.
    """
    height, width, channels = image.shape
    flat = image.reshape(1, -1, channels)
    out = function(flat)
    rest = min(flat.shape[1], _BLOCK)
    end = np.zeros((1, 2 * _BLOCK, channels), np.float32)
    end[:, :rest] = flat[:, -rest:]
    out[:, -rest:] = function(end)[:, :rest]
    return out.reshape(height, width, *out.shape[2:])


def to_bytes(image: Array) -> Array:
    """Float fractions as uint8: round(255 * value), clipped."""
    rows = np.ascontiguousarray(image).reshape(image.shape[0], -1)
    return cv2.addWeighted(rows, 255.0, rows, 0.0, 0.0, dtype=cv2.CV_8U).reshape(image.shape)


def to_fractions(image: Array) -> Array:
    """uint8 or uint16 as float32 fractions of full range, correctly rounded."""
    out = image.astype(np.float32, order="C")
    out /= np.float32(FULL[image.itemsize])
    return out


def refuse_channels(name: str, image: Array, needs: str) -> SampleError:
    """The error for an op that cannot work on this number of channels."""
    return SampleError(
        f"{name}: got an image of shape {image.shape} with {channels_of(image)} channel(s), needs {needs}; "
        f"convert it first, or run {name} on some channels only"
    )


def refuse_dtype(name: str, image: Array) -> SampleError:
    """The error for an op that is defined on 8-bit images (and on float through them)."""
    return SampleError(
        f"{name}: got dtype {image.dtype}, works on uint8 and float32; convert the image with ToFloat first"
    )
