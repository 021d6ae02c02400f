"""Neighbourhood filters: every channel alone, borders mirrored without repeating the edge (OpenCV's reflect101).

Images are (H, W) or (H, W, C), any C, of uint8, uint16 or float32. Integer results are rounded to nearest and clipped;
float results are clipped to [0, 1] where a kernel can leave it. Outputs are fresh and C-contiguous.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu import geometry
from augury.kernels.cpu.arrays import FULL, SMALL, channels_of, scratch, to_bytes, to_fractions
from augury.rng import Source
from augury.sample import Array

_MOST_CHANNELS = 128  # of an OpenCV image
# Weights of a kernel that OpenCV correlates directly.
_MOST_WEIGHTS = 121
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
    return _correlate(image, _kernel(op.rows), op.border)


def _correlate(image: Array, kernel: Array, border: int = cv2.BORDER_REFLECT_101) -> Array:
    # Zeros cost OpenCV nothing. Bytes are correlated as they are where that costs less than the way through floats.
    few = 12 + 120_000 // image.size if image.itemsize == 1 else 9 if image.size >= SMALL else _MOST_WEIGHTS
    if kernel.size <= _MOST_WEIGHTS and (kernel.size <= 9 or np.count_nonzero(kernel) <= few):
        return _clip(_by_channels(image, lambda part: cv2.filter2D(part, -1, kernel, borderType=border)))
    return _clip(_by_channels(image, lambda part: _correlate_floats(part, kernel, border)))


def _correlate_floats(image: Array, kernel: Array, border: int) -> Array:
    """cv2.filter2D by way of float32, which is twice as fast, and never by its Fourier transform, which is slower than
    bands of a kernel that are small enough to go without.
    """
    given = image
    if image.itemsize < 4:
        given = scratch(image.shape, np.float32, "filter_in")
        np.copyto(given, image)
    if kernel.size <= _MOST_WEIGHTS:
        out = scratch(image.shape, np.float32, "filter_out") if image.itemsize < 4 else None
        total = cv2.filter2D(given, -1, kernel, dst=out, borderType=border)
    else:
        (rows, columns), height = kernel.shape, image.shape[0]
        y, x = rows // 2, columns // 2
        given = cv2.copyMakeBorder(given, y, rows - 1 - y, 0, 0, border)
        step = max(_MOST_WEIGHTS // columns, 1)
        total = None
        for first in range(0, rows, step):
            band = np.ascontiguousarray(kernel[first : first + step])
            part = np.ascontiguousarray(given[first : first + height + len(band) - 1])
            done = cv2.filter2D(part, -1, band, anchor=(x, 0), borderType=border)[:height]
            total = done if total is None else cv2.add(total, done, dst=total)
    rows_of = np.ascontiguousarray(total).reshape(image.shape[0], -1)
    if image.itemsize == 4:
        return rows_of.reshape(image.shape)
    if image.itemsize == 1 and kernel.min() >= 0:
        return cv2.convertScaleAbs(rows_of).reshape(image.shape)  # three times faster, of what is not negative
    return cv2.addWeighted(rows_of, 1.0, rows_of, 0.0, 0.0, dtype=_DEPTH[image.itemsize]).reshape(image.shape)


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
    """value + alpha * (value - Gaussian(size, sigma)), rounded once; size 0 and sigma 0 as in `gaussian_blur`.

    threshold: alpha is multiplied by the Gaussian of the places where the difference is above it.
    """
    weights = _gaussian(op.size or gaussian_size(op.sigma), op.sigma)
    if op.threshold is not None:
        return _clip(_by_channels(image, lambda part: _unsharp_edges(part, op, weights)))
    soft = _by_channels(image, lambda part: cv2.sepFilter2D(part, cv2.CV_32F, weights, weights))
    rows = np.ascontiguousarray(image).reshape(image.shape[0], -1)
    out = cv2.addWeighted(rows, 1 + op.alpha, soft.reshape(rows.shape), -op.alpha, 0, dtype=_DEPTH[image.itemsize])
    return _clip(out.reshape(image.shape))


def _unsharp_edges(image: Array, op: ops.Unsharp, weights: Array) -> Array:
    """`unsharp` where the difference is above op.threshold."""
    image = np.ascontiguousarray(image).reshape(image.shape[0], -1, channels_of(image))
    least = (op.threshold or 0.0) * FULL[image.itemsize]
    soft = cv2.sepFilter2D(image, -1, weights, weights).reshape(image.shape)
    rows, soft_rows = image.reshape(image.shape[0], -1), soft.reshape(image.shape[0], -1)
    edges = np.greater(cv2.absdiff(rows, soft_rows), np.float32(least)).view(np.uint8)
    edges *= 255
    share = cv2.sepFilter2D(edges.reshape(image.shape), -1, weights, weights).reshape(rows.shape)
    depth = cv2.CV_16S if image.itemsize == 1 else cv2.CV_32F
    change = cv2.multiply(share, cv2.subtract(rows, soft_rows, dtype=depth), scale=op.alpha / 255, dtype=depth)
    return cv2.add(rows, change, dtype=_DEPTH[image.itemsize]).reshape(image.shape)


def mode_filter(image: Array, op: ops.ModeFilter) -> Array:
    """The most frequent value of size x size pixels (odd), the lowest of several; unchanged where none occurs twice.

    uint16 and float32 are computed on 8 bits.
    """
    if image.itemsize > 1:
        out = mode_filter(to_bytes(image if image.itemsize == 4 else to_fractions(image)), op)
        return to_fractions(out) if image.itemsize == 4 else out.astype(np.uint16) * np.uint16(257)
    return _by_channels(np.ascontiguousarray(image), lambda part: _mode(part, op.size))


def _mode(image: Array, size: int) -> Array:
    """Counts of every level by a box filter, the largest so far kept."""
    depth = cv2.CV_8U if size <= 15 else cv2.CV_16U
    rows = image.reshape(image.shape[0], -1)
    most = np.ones(rows.shape, np.uint8 if size <= 15 else np.uint16)
    mode = np.zeros(rows.shape, np.uint8)
    equal = scratch(image.shape, np.bool_, "mode_equal")
    for level in np.flatnonzero(np.bincount(rows.reshape(-1), minlength=256)).tolist():
        np.equal(image, np.uint8(level), out=equal)
        count = cv2.boxFilter(equal.view(np.uint8), depth, (size, size), normalize=False).reshape(rows.shape)
        more = cv2.compare(count, most, cv2.CMP_GT)
        cv2.max(most, count, dst=most)
        # Levels ascend, so the new one is the larger wherever it wins.
        cv2.max(mode, np.bitwise_and(more, np.uint8(level), out=more), dst=mode)
    return cv2.copyTo(rows, (most == 1).view(np.uint8), mode).reshape(image.shape)


def zoom_blur(image: Array, op: ops.ZoomBlur) -> Array:
    """Mean of enlargements about the centre by 1, 1 + step ... up to factor, linear; cuts are rounded to pixels.

    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """
    count = max(int((op.factor - 1) / op.step + 1e-9) + 1, 1)
    height, width = image.shape[:2]
    given = image.astype(np.float32, order="C")
    if channels_of(image) > 4:  # of a resized OpenCV array
        return _by_channels(image, lambda part: zoom_blur(part, op), 4)
    total, layer = scratch(image.shape, np.float32, "zoom_sum"), scratch(image.shape, np.float32, "zoom_layer")
    np.copyto(total, given)
    for i in range(1, count):
        zoom = 1 + i * op.step
        # As many pixels are cut off on either side.
        x, y = (round((side - side / zoom) / 2) for side in (width, height))
        part = given[y : max(height - y, y + 1), x : max(width - x, x + 1)]
        cv2.accumulate(cv2.resize(part, (width, height), dst=layer, interpolation=cv2.INTER_LINEAR), total)
    rows = total.reshape(height, -1)
    if image.itemsize == 1:
        return cv2.convertScaleAbs(rows, alpha=1 / count).reshape(image.shape)
    return cv2.addWeighted(rows, 1 / count, rows, 0, 0, dtype=_DEPTH[image.itemsize]).reshape(image.shape)


def scatter(image: Array, op: ops.Scatter) -> Array:
    """Pixels moved within `reach` (below 32,767 pixels a side).

    swap: pixel after pixel, from the lower right, trades places with a drawn one, so that none is lost (Hendrycks and
    Dietterich, 2019); pixels nearer than `reach` to the border are only traded with.
    """
    if not op.swap:
        for i in range(op.rounds):
            key = f"{int(op.key, 16) ^ i:024x}"
            image = geometry.remap(image, ops.Remap(ops.SpreadField(key, op.reach), 0, 0, cv2.BORDER_REFLECT_101))
        return image
    height, width = image.shape[:2]
    reach = min(op.reach, (min(height, width) - 1) // 2)
    places = np.arange(height * width).reshape(height, width)
    inner = places[reach : height - reach, reach : width - reach][::-1, ::-1].ravel()
    order, source, side = list(range(height * width)), Source(op.key), np.uint32(2 * reach + 1)
    for _ in range(op.rounds):
        down, right = ((source.uint16(inner.size) * side >> np.uint32(16)).astype(np.int64) - reach for _ in range(2))
        for i, j in zip(inner.tolist(), (inner + down * width + right).tolist(), strict=True):
            order[i], order[j] = order[j], order[i]
    return np.ascontiguousarray(image).reshape(height * width, -1)[order].reshape(image.shape)


@lru_cache(maxsize=64)
def _ellipse(width: int, height: int) -> Array:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, height))


def morphology(image: Array, op: ops.Morphology) -> Array:
    """Maximum or minimum over an ellipse (OpenCV's); images and masks of any dtype."""
    ellipse = _ellipse(op.width, op.height)
    run = cv2.dilate if op.operation == "dilation" else cv2.erode
    if image.dtype.char not in "BHhfd":
        return morphology(image.astype(np.float64), op).astype(image.dtype)
    if image.ndim == 2 or 1 < image.shape[2] <= _MOST_CHANNELS:
        return run(image, ellipse)
    return _by_channels(np.ascontiguousarray(image), lambda part: run(part, ellipse))


# ---- kernels by formula --------------------------------------------------------------------------------

Rows = tuple[ops.Coefficients, ...]


def _rows(kernel: Array) -> Rows:
    """A kernel as an op holds it, scaled to a sum of 1 and rounded, so that no library's last bit shows."""
    return tuple(map(tuple, (kernel / kernel.sum()).round(7).tolist()))


def sinc_kernel(size: int, cutoff: float) -> Rows:
    """The ideal low-pass of radius `cutoff` (radians per pixel) on size x size pixels: cutoff J1(cutoff r) / (2 pi r).

    J1(x) from a table of its integral, the mean of cos(t - x sin t) over half a turn.
    """
    at = np.arange(size) - size // 2
    r = np.sqrt(at**2 + at[:, None] ** 2)
    r[size // 2, size // 2] = 1.0
    most = -(-int(cutoff * size) // 64) * 64
    kernel = np.interp(cutoff * r, *_bessel(most)) / r
    kernel[size // 2, size // 2] = cutoff / 2
    return _rows(kernel)


@lru_cache(maxsize=16)
def _bessel(most: int) -> tuple[Array, Array]:
    """x from 0 to `most` in steps of 1/128, and J1(x)."""
    x, t = np.arange(most * 128 + 1) / 128, (np.arange(2 * most + 64) + 0.5) * (math.pi / (2 * most + 64))
    return x, np.mean([np.cos(one - x * math.sin(one)) for one in t.tolist()], axis=0)


def noisy_gaussian(
    size: int, sigma: tuple[float, float], angle: float, beta: float, noise: tuple[float, float], key: str
) -> Rows:
    """exp(-(r^2 / 2)^beta), r the distance in sigmas (x, y) along axes turned by `angle` (degrees), each weight times
    a number drawn from `noise`; sum 1.
    """
    turn = math.radians(angle)
    at = np.arange(size) - size // 2
    x = at * math.cos(turn) + at[:, None] * math.sin(turn)
    y = at[:, None] * math.cos(turn) - at * math.sin(turn)
    far = sum(0.5 * (axis / max(wide, 0.05)) ** 2 for axis, wide in zip((x, y), sigma, strict=True))
    kernel = np.exp(-(np.minimum(far, 1e4) ** beta))
    noisy = kernel * Source(key).uniform(size * size, *noise).reshape(size, size)
    return _rows(noisy if noisy.sum() > 0 else kernel)


def random_kernels(key: str, count: int, size: int, strength: float) -> list[Rows]:
    """Mixes of the identity with Gaussian weights of deviation 1 / size moved to a sum of 1, `strength` of these."""
    weights = Source(key).normal(count * size * size).astype(np.float64).reshape(count, -1) / size
    weights += (1 - weights.sum(axis=1, keepdims=True)) / size**2
    weights *= strength
    weights[:, size * size // 2] += 1 - strength
    return [_rows(one) for one in weights.reshape(count, size, size)]
