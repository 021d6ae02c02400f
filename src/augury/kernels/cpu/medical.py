"""What scanners and stains do to an image.

Images are (H, W) or (H, W, C) of uint8, uint16 or float32. Integer results are rounded to nearest and clipped; float
results are clipped to [0, 1]. Outputs are fresh and C-contiguous.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import DEPTH, FULL, channels_of, clipped, planes, refuse_channels, repeated, scratch
from augury.rng import Source
from augury.sample import Array

# ---- magnetic resonance --------------------------------------------------------------------------------


def bias_field(image: Array, op: ops.BiasField) -> Array:
    """value * exp(field): Gaussians of sigma on a grid of `scale` times the size (at least 1 x 1), enlarged by cubic
    interpolation; one field for all channels unless per_channel.
    """
    height, width = image.shape[:2]
    channels = channels_of(image) if op.per_channel else 1
    rows, columns = max(math.ceil(op.scale * height), 1), max(math.ceil(op.scale * width), 1)
    grids = Source(op.key).normal(channels * rows * columns).reshape(channels, rows, columns) * np.float32(op.sigma)
    gains = [cv2.exp(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)) for grid in grids]
    gain = repeated(gains, channels_of(image)).reshape(height, -1)
    rows_of = np.ascontiguousarray(image).reshape(height, -1)
    return clipped(cv2.multiply(rows_of, gain, dtype=DEPTH[image.itemsize])).reshape(image.shape)


def truncate_spectrum(image: Array, op: ops.TruncateSpectrum) -> Array:
    """Every channel without the frequencies beyond `fraction` of the highest, along either axis."""
    height, width = image.shape[:2]
    top, left = int(op.fraction * height / 2), int(op.fraction * width / 2)
    parts = planes(image) if image.ndim == 3 else [np.ascontiguousarray(image)]
    done = []
    for part in parts:
        spectrum = cv2.dft(part.astype(np.float32), flags=cv2.DFT_COMPLEX_OUTPUT)
        spectrum[top + 1 : height - top] = 0
        spectrum[:, left + 1 : width - left] = 0
        back = cv2.dft(spectrum, flags=cv2.DFT_INVERSE | cv2.DFT_REAL_OUTPUT | cv2.DFT_SCALE)
        done.append(cv2.addWeighted(back, 1.0, back, 0.0, 0.0, dtype=DEPTH[image.itemsize]))
    return clipped(done[0] if image.ndim == 2 else repeated(done, len(done)))


def spikes(image: Array, op: ops.Spikes) -> Array:
    """Add waves a * mean * cos(2 pi (u x / W + v y / H) + phase), u and v whole and not both 0: what a spike at (u, v)
    of the spectrum, a times as high as its highest value, adds to the image; a in [low, high).
    """
    height, width = image.shape[:2]
    channels = channels_of(image)
    own = channels if op.per_channel else 1
    words = Source(op.key).uniform(4 * op.number * own).astype(np.float64).reshape(own, 4, op.number)
    means = np.array(cv2.meanStdDev(np.ascontiguousarray(image).reshape(height, width, -1))[0]).ravel()
    nothing: Any = None
    waves = []
    for u, v, phase, strength in words:
        # Without the lowest eighth of the frequencies, which would be shading rather than stripes.
        u, v = (
            np.rint((0.125 + 0.875 * np.abs(2 * at - 1)) * np.sign(at - 0.5) * size / 2)
            for at, size in ((u, width), (v, height))
        )
        x = 2 * np.pi * (np.outer(np.arange(width) / width, u) + phase)
        y = 2 * np.pi * np.outer(np.arange(height) / height, v)
        size = op.low + (op.high - op.low) * strength
        across = np.concatenate([np.cos(x) * size, np.sin(x) * size], axis=1).astype(np.float32)
        down = np.concatenate([np.cos(y), -np.sin(y)], axis=1).astype(np.float32)
        waves.append(cv2.gemm(down, across, 1.0, nothing, 0.0, flags=cv2.GEMM_2_T))
    mean = float(means.mean())
    scaled = [wave * np.float32(means[i] if op.per_channel else mean) for i, wave in enumerate(waves)]
    added = repeated(scaled, channels).reshape(height, -1)
    rows = np.ascontiguousarray(image).reshape(height, -1)
    return clipped(cv2.add(rows, added, dtype=DEPTH[image.itemsize])).reshape(image.shape)


# ---- stained tissue ------------------------------------------------------------------------------------

# Optical densities of hematoxylin and eosin for red, green and blue. ruifrok: Ruifrok and Johnston, 2001; macenko:
# Macenko et al., 2009; standard: the defaults of QuPath (Bankhead et al., 2017). The others turn the two of "standard"
# towards or away from each other, or make the light they pass bluer or redder.
PRESETS: dict[str, tuple[ops.Coefficients, ops.Coefficients]] = {
    "ruifrok": ((0.644211, 0.716556, 0.266844), (0.092789, 0.954111, 0.283111)),
    "macenko": ((0.5626, 0.7201, 0.4062), (0.2159, 0.8012, 0.5581)),
    "standard": ((0.65111, 0.70119, 0.29049), (0.2159, 0.8012, 0.5581)),
    "high_contrast": ((0.75, 0.62, 0.23), (0.11, 0.84, 0.53)),
    "h_heavy": ((0.75, 0.61, 0.26), (0.28, 0.80, 0.53)),
    "e_heavy": ((0.61, 0.73, 0.31), (0.12, 0.87, 0.48)),
    "dark": ((0.70, 0.65, 0.30), (0.28, 0.77, 0.57)),
    "light": ((0.58, 0.75, 0.32), (0.17, 0.83, 0.53)),
}
# Densities of hematoxylin and eosin that fits start from (Ruifrok and Johnston, 2001).
_START = np.array([[0.644211, 0.716556, 0.266844], [0.092789, 0.954111, 0.283111]])
# Mean density below which a pixel shows background.
_TISSUE = 0.15
_FEW = 1 << 14


def stain(image: Array, op: ops.Stain) -> Array:
    """Densities -ln(value), value at least 1/256, as sums of stains; the sums mixed anew and turned back into light."""
    if channels_of(image) != 3:
        raise refuse_channels("Stain", image, "3 (RGB)")
    image = np.ascontiguousarray(image)
    density = _density(image)
    if op.stains:
        stains = np.array(op.stains, np.float64)
    else:
        some = _some(density.reshape(-1, 3))
        stains = _FITS[op.method](some[some.mean(axis=1) > _TISSUE])
    stains = stains / np.maximum(np.linalg.norm(stains, axis=1, keepdims=True), 1e-9)
    # The pseudo-inverse of two rows that differ.
    a, b, d = float(stains[0] @ stains[0]), float(stains[0] @ stains[1]), float(stains[1] @ stains[1])
    unmix: Array = stains.T @ np.array([[d, -b], [-b, a]]) / max(a * d - b * b, 1e-9)
    mixed = unmix * op.scale[:2] @ stains
    added = np.array(op.shift[:2]) @ stains
    rest = np.eye(3) - unmix @ stains
    if op.residual != "project":
        mixed = mixed + rest * (op.scale[2] if op.residual == "augment" else 1.0)
        if op.residual == "augment":
            added = added + op.shift[2] * np.array([1.0, 1.0, 1.0]) @ rest
    matrix = np.concatenate([mixed.T, added[:, None]], axis=1).astype(np.float32)
    changed = cv2.transform(density, -matrix, dst=scratch(image.shape, np.float32, "stain_out"))
    rows = changed.reshape(image.shape[0], -1)
    if not op.background:
        # Pixels with half of the density that tissue has stay as they are, those with more change the more.
        share = cv2.transform(density, np.full((1, 4), 1 / 3 / _TISSUE, np.float32) * _RAMP)
        share = cv2.merge([np.clip(share, 0, 1, out=share)] * 3).reshape(rows.shape)
        dense = density.reshape(rows.shape)
        np.add(rows, dense, out=rows)
        np.multiply(rows, share, out=rows)
        np.subtract(rows, dense, out=rows)
    cv2.exp(rows, dst=rows)
    full = FULL[image.itemsize]
    return clipped(cv2.addWeighted(rows, full, rows, 0.0, 0.0, dtype=DEPTH[image.itemsize]).reshape(image.shape))


_RAMP = np.array([2, 2, 2, -3 * _TISSUE], np.float32)
_LEVELS = -np.log(np.maximum(np.arange(256), 1) / 255.0).astype(np.float32).reshape(1, 256)


def _density(image: Array) -> Array:
    if image.itemsize == 1:
        return cv2.LUT(image, _LEVELS, dst=scratch(image.shape, np.float32, "stain_in"))
    light = np.maximum(image * np.float32(1 / FULL[image.itemsize]), np.float32(1 / 256))
    return np.negative(cv2.log(light))


def _some(densities: Array) -> Array:
    """At most some thousand of the pixels (N, 3), evenly spread, as float64."""
    return densities[:: len(densities) // _FEW + 1].astype(np.float64)


def _macenko(some: Array) -> Array:
    """The two extreme directions, at percentiles 1 and 99, in the plane of the largest variance; hematoxylin first.

    Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", 2009.
    """
    if len(some) < 3:
        return _START
    plane: Any = np.linalg.eigh(np.cov(some.T))[1][:, 1:]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    along = some @ plane
    low, high = np.percentile(np.arctan2(along[:, 0], along[:, 1]), (1, 99))
    found: Array = np.array([[math.sin(at), math.cos(at)] for at in (low, high)]) @ plane.T
    np.maximum(found, 0.01, out=found)
    return found if found[0, 0] >= found[1, 0] else found[::-1]


def _vahadane(some: Array) -> Array:
    """Non-negative factors with few stains per pixel, by multiplicative updates from the usual densities.

    Source: Vahadane et al., "Structure-preserving color normalization and sparse stain separation", 2016.
    """
    some = np.maximum(some, 0)
    found = _START.copy()
    if len(some) < 3:
        return found
    parts = np.maximum(some @ np.linalg.pinv(found), 1e-3)
    for _ in range(20):
        parts *= (some @ found.T) / (parts @ (found @ found.T) + 0.1 + 1e-9)
        found *= (parts.T @ some) / (parts.T @ parts @ found + 1e-9)
        norms = np.maximum(np.linalg.norm(found, axis=1), 1e-9)
        found, parts = np.maximum(found / norms[:, None], 1e-6), parts * norms
    return found if found[0, 0] >= found[1, 0] else found[::-1]


_FITS = {"macenko": _macenko, "vahadane": _vahadane}
