"""Operations on each pixel's channels. Images (B, C, H, W), float, in [0, 1]; outputs are clipped to that range."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from augury import ops
from augury.kernels.torch.arrays import beside


def color_matrix(image: Tensor, op: ops.ColorMatrix) -> Tensor:
    """Each output channel is a weighted sum of the input channels plus a shift.

    op.rows: a tuple of rows, or a tensor (B, outputs, inputs).
    """
    rows: Any = op.rows
    matrix = rows if isinstance(rows, Tensor) else image.new_tensor(rows).expand(len(image), -1, -1)
    out = torch.bmm(matrix, image.flatten(2)).reshape(len(image), -1, *image.shape[2:])
    if any(op.shift):
        out += beside(op.shift, image)
    return out.clamp(0.0, 1.0)
