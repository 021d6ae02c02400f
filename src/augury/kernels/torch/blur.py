"""Neighbourhood filters; borders are mirrored without repeating the edge. Images (B, C, H, W), float, in [0, 1].

A Gaussian along an axis of n pixels is an n x n matrix with one band, mirrored ends folded in: two batched products
filter images that all differ in sigma, and beat sliding windows up to hundreds of pixels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from augury import ops
from augury.kernels.torch.arrays import beside

# Of the kernel's reach, in units of sigma, where the op leaves it open: as in kernels/cpu.
_REACH = 3.5


def gaussian_blur(image: Tensor, op: ops.GaussianBlur) -> Tensor:
    """Gaussian of `sigma` pixels, a number or a tensor (B,), cut to size x size (odd).

    size 0: 2 * floor(3.5 * sigma) + 1. The gradient for sigma is that of the weights; the size is held fixed.
    """
    sigma: Any = op.sigma
    if isinstance(sigma, Tensor):
        weights = _weights(op.size, sigma)
        return _filtered(image, *(_matrices(weights, side) for side in dict.fromkeys(image.shape[2:])))
    return _fixed(image, op.size, sigma)


def unsharp(image: Tensor, op: ops.Unsharp) -> Tensor:
    """value + alpha * (value - Gaussian(size, sigma)), alpha a number or a tensor (B,)."""
    alpha = beside(op.alpha, image)
    out: Tensor = image + (image - _fixed(image, op.size, op.sigma)) * alpha
    return out.clamp(0.0, 1.0)


def _fixed(image: Tensor, size: int, sigma: float) -> Tensor:
    """Images filtered with one Gaussian."""
    sides = dict.fromkeys(image.shape[2:])
    return _filtered(image, *(_fixed_matrix(size, sigma, side, image.dtype, image.device) for side in sides))


@lru_cache(maxsize=16)
def _fixed_matrix(size: int, sigma: float, side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _matrices(_weights(size, torch.tensor([sigma], dtype=dtype, device=device)), side)


def _weights(size: int, sigma: Tensor) -> Tensor:
    """(B, 2 * radius + 1) weights of sum 1."""
    reach = torch.full_like(sigma, size // 2) if size else (sigma.detach() * _REACH).floor()
    radius = size // 2 if size else int(reach.max())
    at = torch.arange(-radius, radius + 1, dtype=sigma.dtype, device=sigma.device)
    # A reach of 0 leaves one weight, whatever sigma is.
    weights = torch.exp(-0.5 * (at / sigma.clamp(min=1e-3)[:, None]) ** 2) * (at.abs() <= reach[:, None])
    return weights / weights.sum(1, keepdim=True)


def _matrices(weights: Tensor, side: int) -> Tensor:
    """(B, side, side) matrices that filter an axis of `side` pixels."""
    bands = _bands(side, weights.shape[1] // 2, weights.dtype, weights.device)
    return (weights @ bands).reshape(-1, side, side)


def _filtered(image: Tensor, down: Tensor, across: Tensor | None = None) -> Tensor:
    """Filter along both axes, with matrices (B or 1, side, side); one serves for both sides of a square."""
    count, channels, height, width = image.shape
    down = down.expand(count, -1, -1)
    across = down if across is None else across.expand(count, -1, -1)
    # Channels side by side, then one above the other: two plain products per image.
    columns = torch.bmm(down, image.transpose(1, 2).reshape(count, height, -1))
    rows = columns.reshape(count, height, channels, width).transpose(1, 2).reshape(count, -1, width)
    return torch.bmm(rows, across.transpose(1, 2)).reshape(image.shape)


@lru_cache(maxsize=16)
def _bands(side: int, radius: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(2 * radius + 1, side * side): for every weight, the matrix that moves an axis by its place, mirrored at ends."""
    at = torch.arange(side)[None] + torch.arange(-radius, radius + 1)[:, None]
    period = max(2 * (side - 1), 1)
    at = at % period
    at = torch.where(at >= side, period - at, at)
    return torch.nn.functional.one_hot(at, side).reshape(2 * radius + 1, -1).to(device=device, dtype=dtype)
