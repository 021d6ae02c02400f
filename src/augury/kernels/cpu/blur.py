"""Neighbourhood filters: every channel alone, borders mirrored without repeating the edge (OpenCV's reflect101).

Images are (H, W) or (H, W, C), any C, of uint8, uint16 or float32. Integer results are rounded to nearest and clipped;
float results are clipped to [0, 1] where a kernel can leave it. Outputs are fresh and C-contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import channels_of, to_bytes, to_fractions
from augury.sample import Array

_MOST_CHANNELS = 128  # of an OpenCV image
_DEPTH = {1: cv2.CV_8U, 2: cv2.CV_16U, 4: cv2.CV_32F}


def _by_channels(image: Array, run: Callable[[Array], Array], most: int = _MOST_CHANNELS) -> Array:
    """`run` on at most `most` channels at a time, shape kept."""
    channels = channels_of(image)
    if channels <= most:
        out = run(image)
        return out if out.ndim == image.ndim else out.reshape(image.shape)
    parts = [run(np.ascontiguousarray(image[..., i : i + most])) for i in range(0, channels, most)]
    return np.concatenate([part.reshape(*image.shape[:2], -1) for part in parts], axis=2)


def _clip(image: Array) -> Array:
    """Float images clipped to [0, 1], in place; others unchanged."""
    return np.clip(image, np.float32(0), np.float32(1), out=image) if image.itemsize == 4 else image


def gaussian_size(sigma: float) -> int:
    """The odd size that holds a Gaussian to 3.5 sigma: 2 * floor(3.5 * sigma) + 1."""
    return int(sigma * 3.5) * 2 + 1


def box_blur(image: Array, op: ops.BoxBlur) -> Array:
    """Mean of size x size pixels, size >= 1; an even size reaches one pixel further up and left.

    On uint8 OpenCV divides in fixed point: results lie within 0.6 of the mean.
    """
    return _by_channels(image, lambda part: cv2.blur(part, (op.size, op.size)))


def gaussian_blur(image: Array, op: ops.GaussianBlur) -> Array:
    """Gaussian of `sigma` pixels cut to size x size (odd).

    size 0: 2 * floor(3.5 * sigma) + 1. sigma 0: OpenCV's 0.3 * ((size - 1) / 2 - 1) + 0.8. Both 0: a copy.
    """
    weights = _gaussian(op.size or gaussian_size(op.sigma), op.sigma)
    return _by_channels(image, lambda part: cv2.sepFilter2D(part, -1, weights, weights))


@lru_cache(maxsize=256)
def _gaussian(size: int, sigma: float) -> Array:
    """Weights of sum 1, (size, 1): by row and column they are faster than cv2.GaussianBlur, and rounded once."""
    return cv2.getGaussianKernel(size, sigma, cv2.CV_32F)


def median_blur(image: Array, op: ops.MedianBlur) -> Array:
    """Median of size x size pixels (odd). uint16 and float32 with sizes above 5 are computed on 8 bits."""
    size = op.size
    if size <= 5 or image.itemsize == 1:
        few = size <= 5 or channels_of(image) in (3, 4)
        return _by_channels(image, lambda part: cv2.medianBlur(part, size), _MOST_CHANNELS if few else 1)
    bytes_ = to_bytes(image if image.itemsize == 4 else to_fractions(image))
    out = median_blur(bytes_, op)
    return to_fractions(out) if image.itemsize == 4 else out.astype(np.uint16) * np.uint16(257)


@lru_cache(maxsize=256)
def _kernel(rows: tuple[ops.Coefficients, ...]) -> Array:
    return np.array(rows, np.float32)


def filter(image: Array, op: ops.Filter) -> Array:
    """Correlate every channel with the kernel, its centre at (size // 2)."""
    return _correlate(image, _kernel(op.rows))


def _correlate(image: Array, kernel: Array) -> Array:
    return _clip(_by_channels(image, lambda part: cv2.filter2D(part, -1, kernel)))


@lru_cache(maxsize=256)
def defocus_kernel(radius: int, alias_blur: float) -> Array:
    """A disc of `radius` pixels, weights of sum 1, softened by a Gaussian of `alias_blur` pixels.

    The Gaussian covers 3 x 3 pixels, above radius 8 it covers 5 x 5.
    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """
    soft = 1 if radius <= 8 else 2
    at = np.arange(-radius - soft, radius + soft + 1)
    disc = (at**2 + at[:, None] ** 2 <= radius**2).astype(np.float32)
    disc /= disc.sum()
    return cv2.GaussianBlur(disc, (2 * soft + 1, 2 * soft + 1), alias_blur, borderType=cv2.BORDER_CONSTANT)


def defocus(image: Array, op: ops.Defocus) -> Array:
    """Out-of-focus blur: correlate with a soft disc."""
    return _correlate(image, defocus_kernel(op.radius, op.alias_blur))


def unsharp(image: Array, op: ops.Unsharp) -> Array:
    """value + alpha * (value - Gaussian(size, sigma)), rounded once; size 0 and sigma 0 as in `gaussian_blur`."""
    weights = _gaussian(op.size or gaussian_size(op.sigma), op.sigma)
    soft = _by_channels(image, lambda part: cv2.sepFilter2D(part, cv2.CV_32F, weights, weights))
    rows = np.ascontiguousarray(image).reshape(image.shape[0], -1)
    out = cv2.addWeighted(rows, 1 + op.alpha, soft.reshape(rows.shape), -op.alpha, 0, dtype=_DEPTH[image.itemsize])
    return _clip(out.reshape(image.shape))
