"""Rectangles overwritten, in batches (B, C, H, W)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from augury import ops
from augury.errors import SampleError
from augury.kernels.torch.arrays import straight_through


def holes(image: Tensor, op: ops.Holes) -> Tensor:
    """Set the holes of every image to 0.

    op.holes: a tensor (B, n, 4) of x_min, y_min, x_max, y_max in whole pixels, end exclusive, or (B, n, 5) whose fifth
    number says whether there is a hole, 1, or not, 0.
    Whole pixels have no gradient, so that of a side is a straight-through one (Bengio, Leonard, Courville, 2013): as if
    the hole's edges were ramps of two pixels; it flows where no more than one hole covers.
    """
    found: Any = op.holes
    if op.fill != 0 or not isinstance(found, Tensor):
        raise SampleError(f"Holes: got fill {op.fill!r}, holes {type(found).__name__}; torch knows fill 0 and tensors")
    x_min, y_min, x_max, y_max, *weight = found.to(image.dtype).unbind(2)
    across = _span(x_min, x_max, image.shape[3])
    down = _span(y_min, y_max, image.shape[2])
    if weight:
        across = across * weight[0].unsqueeze(2)
    count = torch.bmm(down.transpose(1, 2), across)
    return image * (1.0 - count.clamp(max=1.0)).unsqueeze(1)


def _span(low: Tensor, high: Tensor, size: int) -> Tensor:
    """(B, n, size) of 1 from low to high, else 0."""
    low, high = low.unsqueeze(2), high.unsqueeze(2)
    centre = torch.arange(0.5, size, dtype=low.dtype, device=low.device)
    hard = ((centre > low) & (centre < high)).to(low.dtype)
    if not (low.requires_grad or high.requires_grad):
        return hard
    ramps = ((centre - low) * 0.5 + 0.5).clamp(0.0, 1.0) * ((high - centre) * 0.5 + 0.5).clamp(0.0, 1.0)
    return straight_through(hard, ramps)
