"""Kernels on torch batches: `KERNELS[type(op)](image, op)`, and for masks `MASK_KERNELS`.

Images are float (B, C, H, W) in [0, 1], on any device. A number of an op may be a tensor (B, ...) with one entry per
image. Results are differentiable by the image and by these numbers; where a function has no useful gradient, its
docstring names the estimator. Only the ops that policy search needs are here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from augury import ops
from augury.kernels.torch import blur, color, data, geometry, holes, tone

Kernel = Callable[[Tensor, Any], Tensor]

MASK_KERNELS: dict[type, Kernel] = {ops.D4: geometry.d4, ops.Warp: geometry.warp}

KERNELS: dict[type, Kernel] = {
    **MASK_KERNELS,
    **dict.fromkeys((ops.Linear, ops.Gamma, ops.Solarize, ops.Posterize), tone.curve),
    ops.Invert: tone.invert,
    ops.ColorMatrix: color.color_matrix,
    ops.Equalize: data.equalize,
    ops.AutoContrast: data.auto_contrast,
    ops.Contrast: data.contrast,
    ops.GaussianBlur: blur.gaussian_blur,
    ops.Unsharp: blur.unsharp,
    ops.Holes: holes.holes,
}
