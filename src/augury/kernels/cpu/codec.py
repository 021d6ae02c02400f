"""Lossy round trips: image codecs and down-scaling. Outputs are fresh and C-contiguous, same shape and dtype."""

from __future__ import annotations

import cv2
import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import SMALL, refuse_dtype, to_bytes, to_fractions
from augury.sample import Array

_CODECS = {
    "jpeg": (".jpg", cv2.IMWRITE_JPEG_QUALITY),
    "webp": (".webp", cv2.IMWRITE_WEBP_QUALITY),
}


def compress(image: Array, op: ops.Compress) -> Array:
    """Encode and decode. uint8; float32 through uint8.

    1 and 3 channels are coded as one picture, other counts as pictures of three channels and then of one.
    """
    if image.itemsize == 2:
        raise refuse_dtype("Compress", image)
    if image.itemsize == 4:
        return to_fractions(compress(to_bytes(image), op))
    if op.codec not in _CODECS:
        raise SampleError(f"Compress: got codec {op.codec!r}; use {' or '.join(_CODECS)}")
    extension, flag = _CODECS[op.codec]
    settings = [flag, op.quality]
    image = np.ascontiguousarray(image)
    if image.ndim == 2 or image.shape[2] in (1, 3):
        return _round_trip(image, extension, settings)
    out = np.empty(image.shape, np.uint8)
    at = 0
    while at < image.shape[2]:
        end = at + (3 if at + 3 <= image.shape[2] else 1)
        out[:, :, at:end] = _round_trip(np.ascontiguousarray(image[:, :, at:end]), extension, settings)
        at = end
    return out


def _round_trip(image: Array, extension: str, settings: list[int]) -> Array:
    colour = image.ndim == 3 and image.shape[2] == 3
    _, encoded = cv2.imencode(extension, image, settings)
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return decoded.reshape(image.shape)


def downscale(image: Array, op: ops.Downscale) -> Array:
    """Shrink both sides by op.scale (rounded, at least one pixel) and enlarge back."""
    height, width = image.shape[:2]
    small = max(round(width * op.scale), 1), max(round(height * op.scale), 1)
    shrunk = resized(np.ascontiguousarray(image), small, op.down)
    if op.up != cv2.INTER_NEAREST or small[1] == height or image.size < SMALL:
        return resized(shrunk, (width, height), op.up)
    # OpenCV copies pixel by pixel: the columns first, for few rows, and then whole rows are twice as fast.
    rows = cv2.resize(np.arange(small[1], dtype=np.int32)[:, None], (1, height), interpolation=cv2.INTER_NEAREST)
    return resized(shrunk, (width, small[1]), op.up).take(rows.reshape(-1).astype(np.intp), axis=0)


def resized(image: Array, size: tuple[int, int], interpolation: int) -> Array:
    """cv2.resize to (width, height) for any number of channels."""
    if image.ndim == 2 or image.shape[2] <= 4:
        out = cv2.resize(image, size, interpolation=interpolation)
        return out.reshape(size[1], size[0], 1) if out.ndim < image.ndim else out
    out = np.empty((size[1], size[0], image.shape[2]), image.dtype)
    for at in range(0, image.shape[2], 4):
        part = cv2.resize(np.ascontiguousarray(image[:, :, at : at + 4]), size, interpolation=interpolation)
        out[:, :, at : at + 4] = part if part.ndim == 3 else part[:, :, None]
    return out
