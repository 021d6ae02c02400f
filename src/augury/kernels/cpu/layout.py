"""Numbers to model inputs: normalisation, float conversion and HWC to CHW.

Outputs are fresh and C-contiguous; inputs are uint8, uint16 or float32, (H, W) or (H, W, C). Normalisation is
a * value + b in float32 with a = 1 / (std * max_value) and b = -mean / std rounded to float32 once, and a single
rounding of the result (`arrays.affine`), so every path below gives the same bits. torch is imported when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import SMALL, affine, apart, merged, planes
from augury.sample import Array

if TYPE_CHECKING:
    import torch


@lru_cache(maxsize=256)
def _coefficients(
    mean: ops.Coefficients, std: ops.Coefficients, max_value: float, channels: int
) -> tuple[tuple[float, float], ...]:
    """(a, b) for all channels, or one pair per channel where they differ."""
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise SampleError(
                f"Normalize: {name} has {len(values)} values for an image with {channels} channel(s); "
                f"pass one number or {channels} of them"
            )
    count = max(len(mean), len(std))
    means = mean * count if len(mean) == 1 else mean
    stds = std * count if len(std) == 1 else std
    pairs = tuple((1.0 / (s * max_value), -m / s) for m, s in zip(means, stds, strict=True))
    return pairs if len(set(pairs)) > 1 else pairs[:1]


@lru_cache(maxsize=256)
def _float_table(pairs: tuple[tuple[float, float], ...]) -> Array:
    """(1, 256, C) float32: every byte through every channel's a * value + b."""
    columns = np.arange(256, dtype=np.float32)[None].repeat(len(pairs), 0)
    for column, (a, b) in zip(columns, pairs, strict=True):
        affine(column, a, b, column)
    return np.ascontiguousarray(columns.T)[None]


def _as_float(image: Array, pairs: tuple[tuple[float, float], ...]) -> Array:
    """a * value + b, same layout."""
    if len(pairs) == 1:
        out = image.astype(np.float32, order="C")
        flat = out.reshape(-1)
        affine(flat, *pairs[0], flat)
        return out
    if image.size < SMALL and image.itemsize == 1:
        return cv2.LUT(image, _float_table(pairs))
    parts = apart(len(pairs), image.shape[0], image.shape[1], np.float32, "floats")
    _fill_planes(image, pairs, parts)
    return merged(parts)


def _fill_planes(image: Array, pairs: tuple[tuple[float, float], ...], out: Sequence[Array]) -> None:
    """a * value + b into C float32 planes (H, W)."""
    if image.ndim == 2:
        parts: Sequence[Array] = [image]
    elif image.itemsize == 4:
        parts = planes(image, out)
    else:
        parts = planes(image)
    for part, (a, b), target in zip(parts, pairs * len(out) if len(pairs) == 1 else pairs, out, strict=True):
        if part is not target:
            np.copyto(target, part)
        flat = target.reshape(-1)
        affine(flat, a, b, flat)


@lru_cache(maxsize=256)
def _constants(
    mean: ops.Coefficients, std: ops.Coefficients, max_value: float, channels: int
) -> tuple[tuple[tuple[float, float], ...], Array | None]:
    """Coefficients, and their table if channels differ."""
    pairs = _coefficients(mean, std, max_value, channels)
    return pairs, _float_table(pairs) if len(pairs) > 1 else None


def normalize(image: Array, op: ops.Normalize) -> Array:
    """(value - mean * max_value) / (std * max_value) as float32, clipped to op.clip.

    Raises SampleError when mean or std has neither one value nor one per channel.
    """
    image = np.ascontiguousarray(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    out = _as_float(image, _coefficients(op.mean, op.std, op.max_value, channels))
    return out if op.clip is None else out.clip(*op.clip, out=out)


def normalize_to_tensor(image: Array, op: ops.NormalizeToTensor) -> torch.Tensor:
    """Normalize and then ToTensor, bit for bit, written once: float32 tensor (C, H, W), (1, H, W) from (H, W)."""
    first = op.normalize
    channels = image.shape[2] if image.ndim == 3 else 1
    pairs, table = _constants(first.mean, first.std, first.max_value, channels)
    if table is not None and image.size < SMALL and image.itemsize == 1:
        out = cv2.LUT(image, table).transpose(2, 0, 1).copy()
    else:
        out = np.empty((channels, image.shape[0], image.shape[1]), np.float32)
        _fill_planes(np.ascontiguousarray(image), pairs, [*out])
    if first.clip is not None:
        out.clip(*first.clip, out=out)
    return _from_numpy()(out)


def to_float(image: Array, op: ops.ToFloat) -> Array:
    """value / max_value as float32, correctly rounded (for max_value that float32 can hold)."""
    return np.divide(image, np.float32(op.max_value), dtype=np.float32, order="C")


def from_float(image: Array, op: ops.FromFloat) -> Array:
    """round(value * max_value), halves to even, clipped to op.dtype: uint8 or uint16; float32 is only scaled."""
    rows = np.ascontiguousarray(image, np.float32).reshape(image.shape[0], -1)
    depth = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U, "float32": cv2.CV_32F}.get(op.dtype)
    if depth is None:
        raise SampleError(f"FromFloat: got dtype {op.dtype!r}; images are uint8, uint16 or float32")
    return cv2.addWeighted(rows, op.max_value, rows, 0.0, 0.0, dtype=depth).reshape(image.shape)


@cache
def _from_numpy() -> Callable[[Any], torch.Tensor]:
    import torch

    return torch.from_numpy


def to_tensor(image: Array, op: ops.ToTensor) -> torch.Tensor:
    """(H, W, C) to a contiguous tensor (C, H, W), (H, W) to (1, H, W); dtype kept, memory not shared."""
    if image.ndim == 2:
        return _from_numpy()(image[None].copy())
    if image.size < SMALL:
        return _from_numpy()(image.transpose(2, 0, 1).copy())
    out = np.empty((image.shape[2], *image.shape[:2]), image.dtype)
    planes(image, [*out])
    return _from_numpy()(out)


def mask_to_tensor(mask: Array, op: ops.ToTensor | ops.NormalizeToTensor) -> torch.Tensor:
    """A mask as a contiguous tensor of the same layout; (H, W, C) becomes (C, H, W) if op.transpose_mask."""
    if op.transpose_mask and mask.ndim == 3:
        mask = mask.transpose(2, 0, 1)
    return _from_numpy()(np.array(mask, order="C"))
