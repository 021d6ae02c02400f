"""Geometry ops on batches (B, C, H, W) of images and (B, N, H, W) or (B, H, W) of masks.

Masks are moved with op.for_mask(), whose interpolation is nearest, and keep their dtype.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from augury import ops
from augury.errors import SampleError

_FLIPS = {"h": (-1,), "v": (-2,), "r180": (-2, -1)}
_TURNS = {"r90": 1, "r270": 3}
# By OpenCV's border constants; both mirrors differ in whether pixel centres (reflect_101) or edges are mirrored at.
_PADDING = {0: "zeros", 1: "border", 2: "reflection", 4: "reflection"}
_CENTRES = 4
# Places that are read nearest are rounded to this part of a pixel first, so that half-way between two pixels the even
# one is taken, as on arrays.
_PART = 1024.0


def d4(image: Tensor, op: ops.D4) -> Tensor:
    """Flip, turn or transpose."""
    element = op.element
    if element in _FLIPS:
        return image.flip(_FLIPS[element])
    if element in _TURNS:
        return image.rot90(_TURNS[element], (-2, -1))
    if element == "e":
        return image.clone()
    turned = image.transpose(-2, -1)
    return turned.contiguous() if element == "t" else turned.flip((-2, -1))


def warp(image: Tensor, op: ops.Warp) -> Tensor:
    """Move pixels by an affine matrix, edge coordinates, with linear (1) or nearest (0) interpolation.

    op.matrix: nine numbers, or a tensor (B, 9) with one matrix per image, last row 0 0 1. Borders: 0 constant,
    1 replicate, 2 reflect, 4 reflect_101.
    """
    if op.border not in _PADDING or op.interpolation not in (0, 1):
        raise SampleError(
            f"Warp: got border {op.border}, interpolation {op.interpolation}; torch knows borders 0, 1, 2 and 4 and "
            "interpolations 0 and 1"
        )
    given: Any = op.matrix
    data = image if image.ndim == 4 else image.unsqueeze(1)
    data = data if data.is_floating_point() else data.to(torch.float32)
    matrix = (given if isinstance(given, Tensor) else data.new_tensor(given)).reshape(-1, 3, 3).to(data.dtype)
    centres = op.border == _CENTRES and min(data.shape[2:]) > 1
    to_source, places = _frames(*data.shape[2:], op.height, op.width, centres, data.dtype, data.device)
    back = torch.linalg.inv_ex(matrix).inverse
    # Two rows: x and y of where each output pixel is read.
    if op.interpolation:
        read = torch.matmul((to_source @ back)[:, :2], places)
    else:
        pixel = ((torch.matmul(back[:, :2], places) - 0.5) * _PART).round().div(_PART).round()
        read = (pixel + 0.5) * to_source.diagonal()[:2, None] + to_source[:2, 2:]
    grid = read.reshape(-1, 2, op.height, op.width).permute(0, 2, 3, 1).expand(len(data), -1, -1, -1)
    fill = _fill(op.fill, data) if op.border == 0 else 0.0
    source = data if _zero(fill) else data - fill
    mode = "bilinear" if op.interpolation else "nearest"
    out = functional.grid_sample(source, grid, mode, _PADDING[op.border], align_corners=centres)
    out = out if _zero(fill) else out + fill
    return out.to(image.dtype).reshape(*image.shape[:-2], op.height, op.width)


@lru_cache(maxsize=64)
def _frames(
    height: int,
    width: int,
    new_height: int,
    new_width: int,
    centres: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """The matrix from edge coordinates of the source to grid_sample's, which are -1 and 1 at the edges (or the centres
    of the outer pixels), and (3, pixels) edge coordinates of the output's pixels.
    """
    x, y = (2.0 / (width - 1), 2.0 / (height - 1)) if centres else (2.0 / width, 2.0 / height)
    left, top = (-0.5 * x - 1.0, -0.5 * y - 1.0) if centres else (-1.0, -1.0)
    to_source = torch.tensor(((x, 0.0, left), (0.0, y, top), (0.0, 0.0, 1.0)), dtype=dtype, device=device)
    across = torch.arange(0.5, new_width, dtype=dtype, device=device)
    down = torch.arange(0.5, new_height, dtype=dtype, device=device)
    y_places, x_places = torch.meshgrid(down, across, indexing="ij")
    return to_source, torch.stack((x_places, y_places, torch.ones_like(x_places))).reshape(3, -1)


def _fill(fill: ops.Fill, data: Tensor) -> Any:
    return data.new_tensor(fill).reshape(1, -1, 1, 1) if isinstance(fill, tuple) else float(fill)


def _zero(fill: Any) -> bool:
    return not isinstance(fill, Tensor) and fill == 0.0
