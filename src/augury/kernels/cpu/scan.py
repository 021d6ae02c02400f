"""What scanners do to whole volumes (D, H, W) or (D, H, W, C) of uint8, uint16 or float32.

All is computed in float32 and rounded once. Spectra are taken along one axis only: what is done to whole planes of the
spectrum leaves the other two axes alone.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import FULL
from augury.kernels.cpu.blur import gaussian_size, gaussian_weights
from augury.kernels.cpu.volume import moved, rounded
from augury.sample import Array


def blur_slices(volume: Array, op: ops.BlurSlices) -> Array:
    """Gaussian along z, mirrored at the ends without repeating them."""
    lines = np.ascontiguousarray(volume).reshape(volume.shape[0], -1)
    weights = gaussian_weights(op.size or gaussian_size(op.sigma), op.sigma)
    return cv2.sepFilter2D(lines, -1, np.ones((1, 1), np.float32), weights).reshape(volume.shape)


def anisotropy(volume: Array, op: ops.Anisotropy) -> Array:
    """Shrink and enlarge along some axes."""
    out: Array = volume.astype(np.float32)
    for axis, factor in zip(op.axes, op.factors, strict=True):
        lines = np.moveaxis(out, axis, 0)
        flat = np.ascontiguousarray(lines).reshape(len(lines), -1)
        few = max(1, round(len(lines) / factor))
        down = cv2.INTER_AREA if op.antialias else cv2.INTER_NEAREST_EXACT
        small = cv2.resize(flat, (flat.shape[1], few), interpolation=down)
        wide = cv2.resize(small, (flat.shape[1], len(flat)), interpolation=cv2.INTER_LINEAR)
        out = np.moveaxis(wide.reshape(lines.shape), 0, axis)
    return _finished(np.ascontiguousarray(out), volume)


def ghosts(volume: Array, op: ops.Ghosts) -> Array:
    """Weaken every number-th line of the spectrum, counted from its centre, but for the central ones."""
    size = volume.shape[op.axis]
    lines = np.fft.rfft(volume.astype(np.float32), axis=op.axis)
    frequency = np.arange(size // 2 + 1)
    weak = (frequency % op.number == 0) & (frequency > op.restore * size / 2)
    gain = np.where(weak, np.float32(1 - op.intensity), np.float32(1))
    lines *= gain.reshape([-1 if axis == op.axis else 1 for axis in range(volume.ndim)])
    return _finished(np.fft.irfft(lines, size, axis=op.axis).astype(np.float32), volume)


def motion(volume: Array, op: ops.Motion) -> Array:
    """A spectrum of pieces of moved copies, back as magnitudes."""
    values = volume.astype(np.float32)
    size = volume.shape[op.axis]
    lines = np.moveaxis(np.fft.fft(values, axis=op.axis), op.axis, 0)
    # The lines from the lowest frequency, -size / 2, to the highest; the centre is line size // 2.
    order = np.fft.fftshift(np.arange(size))
    ends = [0, *(round(time * size) for time in op.times), size]
    pieces = list(pairwise(ends))
    centre = next(i for i, (start, end) in enumerate(pieces) if start <= size // 2 < end)
    del pieces[centre]
    depth, height, width = volume.shape[:3]
    for (start, end), matrix in zip(pieces, op.matrices, strict=True):
        if start < end:
            copy = moved(values, ops.Affine3D(matrix, depth, height, width, op.interpolation), np.float32)
            at = order[start:end]
            lines[at] = np.moveaxis(np.fft.fft(copy, axis=op.axis), op.axis, 0)[at]
    out = np.abs(np.fft.ifft(np.moveaxis(lines, 0, op.axis), axis=op.axis)).astype(np.float32)
    return _finished(out, volume)


def _finished(values: Array, volume: Array) -> Array:
    """Values as the dtype of `volume`, clipped to its range."""
    np.clip(values, 0, FULL[volume.itemsize], out=values)
    return np.ascontiguousarray(rounded(values, volume.dtype))
