"""Operations that first look at the whole image. Images (B, C, H, W), float, in [0, 1]; so are the outputs."""

from __future__ import annotations

import torch
from torch import Tensor

from augury import ops
from augury.errors import SampleError
from augury.kernels.torch.arrays import beside, straight_through

_LUMA = (0.299, 0.587, 0.114)


def equalize(image: Tensor, op: ops.Equalize) -> Tensor:
    """Histogram equalisation of each channel by OpenCV's formula, on round(255 * value).

    A channel with one value stays. Counting has no gradient, so that of the image is a straight-through one: 1
    (Bengio, Leonard, Courville, 2013).
    """
    if op.mode != "cv" or not op.by_channels:
        raise SampleError(f"Equalize: got mode {op.mode!r}, by_channels {op.by_channels}; batches know 'cv' and True")
    with torch.no_grad():
        planes = image.shape[0] * image.shape[1]
        offset = torch.arange(0, planes * 256, 256, device=image.device, dtype=torch.int32)
        level = (image * 255.0).round_().clamp_(0.0, 255.0).to(torch.int32).reshape(planes, -1).add_(offset[:, None])
        level = level.reshape(-1)
        counts = torch.bincount(level, minlength=planes * 256).reshape(planes, 256)
        below = counts.cumsum(1)
        total = below[:, -1:]
        first = below.masked_fill(below == 0, image[0, 0].numel()).amin(1, keepdim=True)
        table = (below - first).clamp_(min=0).to(image.dtype).mul_(255.0).div_((total - first).clamp(min=1)).round_()
        table = table.div_(255.0)
        constant = torch.arange(256, device=image.device, dtype=image.dtype).div_(255.0)
        table = torch.where(first == total, constant, table)
        out = table.reshape(-1).index_select(0, level).reshape(image.shape)
    return straight_through(out, image)


def auto_contrast(image: Tensor, op: ops.AutoContrast) -> Tensor:
    """Stretch each channel linearly from its least and greatest value to [0, 1]; one flatter than a byte stays."""
    if op.cutoff or op.ignore is not None or op.method != "pil":
        raise SampleError(
            f"AutoContrast: got cutoff {op.cutoff}, ignore {op.ignore}, method {op.method!r}; use 0, None, 'pil'"
        )
    flat = image.flatten(2)
    low, high = flat.amin(2)[:, :, None, None], flat.amax(2)[:, :, None, None]
    reach = high - low
    flat_one = reach < 0.9 / 255.0
    scale = torch.where(flat_one, 1.0, 1.0 / reach.clamp(min=1e-6))
    return (image * scale - torch.where(flat_one, 0.0, low * scale)).clamp(0.0, 1.0)


def contrast(image: Tensor, op: ops.Contrast) -> Tensor:
    """value * factor + mean * (1 - factor); mean of the luma 0.299 R + 0.587 G + 0.114 B, or of all values."""
    means = image.flatten(2).mean(2)
    mean = (means @ image.new_tensor(_LUMA) if image.shape[1] == 3 else means.mean(1))[:, None, None, None]
    factor = beside(op.factor, image)
    out: Tensor = image * factor + mean * (1.0 - factor)
    return out.clamp(0.0, 1.0)
