"""Regions of like colour."""

from __future__ import annotations

import math

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import channels_of, to_bytes, to_fractions
from augury.kernels.cpu.geometry import resize
from augury.rng import Source
from augury.sample import Array

_ROUNDS = 5
# Weight of place against colour, in levels of 255 per spacing of the seeds.
_COMPACTNESS = 15.0
_NEAR = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))


def superpixels(image: Array, op: ops.Superpixels) -> Array:
    """Fill regions, each with the op's probability, with their mean colour; other pixels stay as they are.

    Regions are found on an image of at most max_size pixels a side; (H, W) or (H, W, C), any dtype.
    """
    height, width = image.shape[:2]
    small = np.ascontiguousarray(image)
    least = np.uint32(min(round(op.probability * 2**32), 2**32 - 1))
    words = Source(op.key).uint32(4 * op.segments + 4)
    if (words >= least).all():
        return image.copy(order="C")
    if op.max_size is not None and max(height, width) > op.max_size:
        scale = op.max_size / max(height, width)
        size = max(round(height * scale), 1), max(round(width * scale), 1)
        small = resize(small, ops.Resize(*size, op.interpolation))
        if image.itemsize == 4:
            np.clip(small, image.min(), image.max(), out=small)  # cubic and Lanczos overshoot
    small = small.reshape(*small.shape[:2], -1)
    labels, count = slic(small, op.segments)
    chosen = words[:count] < least
    out = image.copy(order="C")
    if not chosen.any():
        return out
    flat = labels.ravel()
    sizes = np.maximum(np.bincount(flat, minlength=count), 1)
    means = [np.bincount(flat, small[..., c].ravel(), count) / sizes for c in range(small.shape[2])]
    colors = np.stack(means, axis=1)
    colors = (colors if image.itemsize == 4 else np.rint(colors)).astype(image.dtype)
    if labels.shape != (height, width):
        labels = cv2.resize(labels.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.intp)
    pixels = out.reshape(-1, channels_of(image))
    where = np.flatnonzero(chosen[labels.ravel()])
    pixels[where] = colors[labels.ravel()[where]]
    return out


def slic(image: Array, segments: int) -> tuple[Array, int]:
    """Labels (H, W) of about `segments` regions of (H, W, C), and how many labels there are.

    Every pixel goes to the best of the nine seeds around it, by colour and place; seeds move to the mean of theirs.
    Source: Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods", 2012.
    """
    height, width = image.shape[:2]
    unit = image if image.itemsize == 1 else to_bytes(image if image.itemsize == 4 else to_fractions(image))
    color = cv2.cvtColor(unit, cv2.COLOR_RGB2LAB) if image.shape[2] == 3 else unit
    spacing = max(math.sqrt(height * width / segments), 1.0)
    rows, columns = max(round(height / spacing), 1), max(round(width / spacing), 1)
    y = np.arange(height, dtype=np.float32)[:, None] * np.float32(_COMPACTNESS * rows / height)
    x = np.arange(width, dtype=np.float32) * np.float32(_COMPACTNESS * columns / width)
    features = [*np.moveaxis(color.astype(np.float32), 2, 0), *np.broadcast_arrays(y, x)]
    features = [np.ascontiguousarray(feature).ravel() for feature in features]
    row = (np.arange(height) * rows // height)[:, None]
    column = np.arange(width) * columns // width
    # The label of every neighbouring seed, per pixel; at the border a seed stands in for the missing one.
    near = [
        (np.clip(row + dy, 0, rows - 1) * columns + np.clip(column + dx, 0, columns - 1)).ravel() for dy, dx in _NEAR
    ]
    labels: Array = near[4]
    count = rows * columns
    seeds = [np.zeros(count, np.float32) for _ in features]
    for _ in range(_ROUNDS):
        sizes = np.bincount(labels, minlength=count)
        for seed, feature in zip(seeds, features, strict=True):
            # A seed that lost all its pixels stays where it was.
            np.divide(np.bincount(labels, feature, count), sizes, out=seed, where=sizes > 0, casting="unsafe")
        best = np.full(height * width, np.inf, np.float32)
        labels = np.zeros(height * width, np.intp)
        for candidate in near:
            distance = np.zeros(height * width, np.float32)
            for seed, feature in zip(seeds, features, strict=True):
                difference = seed[candidate]
                difference -= feature
                difference *= difference
                distance += difference
            better = distance < best
            np.copyto(best, distance, where=better)
            np.copyto(labels, candidate, where=better)
    return labels.reshape(height, width), count
