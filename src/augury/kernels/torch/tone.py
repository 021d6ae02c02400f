"""Curves: each value alone, clipped to [0, 1]. Images (B, C, H, W), float, in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from augury import ops
from augury.kernels.torch.arrays import beside

# Width of the logistic that stands for solarize's threshold in its gradient.
_SOFT = 0.05
# Below this intensity, one step of 8 bits, the slope of a power curve is taken as if at it: roots are vertical at 0.
_DARK = 1.0 / 255.0


def curve(image: Tensor, op: Any) -> Tensor:
    """Run a curve."""
    return _CURVES[type(op)](image, op)


def invert(image: Tensor, op: ops.Invert) -> Tensor:
    """1 - value."""
    return 1.0 - image


def _linear(image: Tensor, op: ops.Linear) -> Tensor:
    scale = beside(op.scale, image)
    if isinstance(scale, Tensor) or scale != 1.0:
        image = image * scale
    out: Tensor = image + beside(op.shift, image)
    return out.clamp(0.0, 1.0)


class _Gamma(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, exponent: Tensor) -> Tensor:
        image = image.clamp(0.0, 1.0)
        out = image.pow(exponent)
        ctx.save_for_backward(image, exponent, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        image, exponent, out = ctx.saved_tensors
        flow = grads[0] * out
        by_image = flow * exponent / image.clamp(min=_DARK) if ctx.needs_input_grad[0] else None
        # 0 ** exponent is 0 for all exponents.
        by_exponent = _summed(flow * image.clamp(min=1e-30).log(), exponent) if ctx.needs_input_grad[1] else None
        return by_image, by_exponent


def _gamma(image: Tensor, op: ops.Gamma) -> Tensor:
    return _Gamma.apply(image, _number(op.exponent, image))  # type: ignore[no-any-return, no-untyped-call]


class _Solarize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, threshold: Tensor) -> Tensor:
        # Numbers instead of truth values: products are several times faster than torch.where.
        bright = (image >= threshold).to(image.dtype)
        ctx.save_for_backward(image, threshold, bright)
        return torch.addcmul(image, bright, 1.0 - 2.0 * image)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        image, threshold, bright = ctx.saved_tensors
        flow, by_threshold = grads[0], None
        if ctx.needs_input_grad[1]:
            share = torch.sigmoid((image - threshold) * (1.0 / _SOFT))
            by_threshold = _summed(flow * (image * 2.0 - 1.0) * (share * (1.0 - share)), threshold) / _SOFT
        return flow - 2.0 * bright * flow if ctx.needs_input_grad[0] else None, by_threshold


def _solarize(image: Tensor, op: ops.Solarize) -> Tensor:
    """1 - value where value >= threshold.

    The step has no slope, so the gradient for the threshold is a straight-through one: that of a logistic of width 0.05
    in its place (Bengio, Leonard, Courville, 2013).
    """
    return _Solarize.apply(image, _number(op.threshold, image))  # type: ignore[no-any-return, no-untyped-call]


class _Posterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, bits: Tensor) -> Tensor:
        step = torch.exp2(8.0 - bits)
        out = (image * 255.0).round_().div_(step).floor_().mul_(step / 255.0).clamp_(0.0, 1.0)
        ctx.save_for_backward(image, bits, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None]:
        image, bits, out = ctx.saved_tensors
        by_bits = _summed(grads[0] * (image - out), bits) * math.log(2.0) if ctx.needs_input_grad[1] else None
        return grads[0], by_bits


def _posterize(image: Tensor, op: ops.Posterize) -> Tensor:
    """Keep the highest bits of round(255 * value).

    Straight-through gradients (Bengio, Leonard, Courville, 2013): 1 for the image; for the bits, that of value -
    remainder, where the remainder halves with every bit.
    """
    return _Posterize.apply(image, _number(op.bits, image))  # type: ignore[no-any-return, no-untyped-call]


def _number(value: Any, image: Tensor) -> Tensor:
    found = beside(value, image)
    return found if isinstance(found, Tensor) else image.new_tensor(found)


def _summed(flow: Tensor, like: Tensor) -> Tensor:
    """A gradient of (B, C, H, W) summed to the shape of a number per image, or per image and channel."""
    return flow.sum_to_size(like.shape)


_CURVES: dict[type, Callable[[Tensor, Any], Tensor]] = {
    ops.Linear: _linear,
    ops.Gamma: _gamma,
    ops.Solarize: _solarize,
    ops.Posterize: _posterize,
}
