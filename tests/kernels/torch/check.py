"""Torch kernels beside the kernels on arrays, which define what an op does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from augury.kernels.cpu import KERNELS as CPU
from augury.kernels.cpu import MASK_KERNELS as CPU_MASKS
from augury.kernels.torch import KERNELS, MASK_KERNELS
from augury.sample import Array


def images(count: int = 3, height: int = 21, width: int = 30, channels: int = 3) -> Array:
    """Random (B, H, W, C) float32 images of byte values, smooth enough that sampling places matter little."""
    coarse = np.random.default_rng(5).random((count, 6, 8, channels))
    ys, xs = np.linspace(0, 4.99, height), np.linspace(0, 6.99, width)
    y, x = ys.astype(int), xs.astype(int)
    fy, fx = (ys - y)[:, None, None], (xs - x)[None, :, None]
    rows = coarse[:, y] * (1 - fy) + coarse[:, y + 1] * fy
    out = rows[:, :, x] * (1 - fx) + rows[:, :, x + 1] * fx
    return (np.rint(out * 255) / 255).astype(np.float32)


def batch(arrays: Array) -> torch.Tensor:
    """(B, H, W, C) as a tensor (B, C, H, W)."""
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous()


def off(arrays: Array, batched: Any, single: Sequence[Any]) -> Array:
    """Absolute differences (B, H, W, C) between the batched op in torch and one op per image on arrays."""
    out = KERNELS[type(batched)](batch(arrays), batched).permute(0, 2, 3, 1).numpy()
    expected = np.stack([CPU[type(op)](image, op) for image, op in zip(arrays, single, strict=True)])
    assert out.dtype == np.float32
    assert out.shape == expected.shape
    return np.abs(out - expected)


def masks_off(masks: Array, batched: Any, single: Sequence[Any]) -> float:
    """Share of mask values (B, H, W) that differ."""
    out = MASK_KERNELS[type(batched)](torch.from_numpy(masks), batched.for_mask()).numpy()
    expected = np.stack([CPU_MASKS[type(op)](mask, op.for_mask()) for mask, op in zip(masks, single, strict=True)])
    assert out.dtype == masks.dtype
    assert set(np.unique(out)) <= set(np.unique(masks)) | {0}
    return float((out != expected).mean())
