"""What the torch kernels share: an op's numbers beside a batch, and gradients that pass by a function without any."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def beside(value: Any, image: Tensor) -> Any:
    """A field of an op, as a number or a tensor (B or 1, 1 or C, 1, 1) that combines with a batch (B, C, H, W).

    value: a number, a tensor (B,) with one number per image, a tensor (B, C), or a tuple of numbers and such tensors,
    one for all channels or one per channel.
    """
    if isinstance(value, Tensor):
        return value.reshape(*value.shape, *(1,) * (4 - value.ndim))
    if not isinstance(value, tuple):
        return value
    if len(value) == 1:
        return beside(value[0], image)
    if not any(isinstance(part, Tensor) for part in value):
        return image.new_tensor(value).reshape(1, -1, 1, 1)
    shape = (len(image),)
    parts = [part if isinstance(part, Tensor) else image.new_full(shape, part) for part in value]
    return torch.stack(parts, 1).reshape(-1, len(value), 1, 1)


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, source: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        return None, grads[0]


def straight_through(value: Tensor, source: Tensor) -> Tensor:
    """`value`, with the gradient of `source`, which has its shape.

    Source: Bengio, Leonard, Courville, "Estimating or propagating gradients through stochastic neurons for conditional
    computation", 2013.
    """
    if not source.requires_grad:
        return value
    out: Tensor = _StraightThrough.apply(value, source)  # type: ignore[no-untyped-call]
    return out
