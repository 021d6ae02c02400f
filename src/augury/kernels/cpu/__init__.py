"""Kernels on NumPy arrays: `KERNELS[type(op)](image, op)`, and for masks `MASK_KERNELS`.

A kernel is a pure function: it never writes to its input and gives the same bits in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from augury import ops
from augury.kernels.cpu import (
    blur,
    codec,
    color,
    data,
    film,
    geometry,
    holes,
    labels,
    layout,
    light,
    marks,
    medical,
    noise,
    segments,
    tone,
    veil,
    weather,
)
from augury.sample import Array

Kernel = Callable[[Array, Any], Any]

GEOMETRY: dict[type, Kernel] = {
    ops.D4: geometry.d4,
    ops.Crop: geometry.crop,
    ops.Pad: geometry.pad,
    ops.Resize: geometry.resize,
    ops.Warp: geometry.warp,
    ops.Remap: geometry.remap,
    ops.GridShuffle: geometry.grid_shuffle,
}


def on_channels(image: Array, op: ops.OnChannels) -> Array:
    """Run the inner ops on some channels of the image and write them back."""
    part = image[..., list(op.channels)]
    for inner in op.ops:
        part = KERNELS[type(inner)](part, inner)
    out = image.copy()
    out[..., list(op.channels)] = part
    return out


def on_windows(image: Array, op: ops.OnWindows) -> Array:
    """Run each window's ops on it and write it back."""
    out = image.copy(order="C")
    for (x_min, y_min, x_max, y_max), inner in op.parts:
        part = out[y_min:y_max, x_min:x_max]
        for step in inner:
            part = KERNELS[type(step)](part, step)
        out[y_min:y_max, x_min:x_max] = part
    return out


def blend(image: Array, op: ops.Blend) -> Array:
    """The weighted sum of the image and of what each chain makes of it, in single precision; integers are rounded."""
    total: Array = image.astype(np.float32) * np.float32(op.weight)
    for weight, chain in op.chains:
        part = image
        for inner in chain:
            part = KERNELS[type(inner)](part, inner)
        total += part.astype(np.float32) * np.float32(weight)
    if image.dtype.kind == "f":
        return total
    return np.clip(np.rint(total, out=total), 0, np.iinfo(image.dtype).max).astype(image.dtype)


KERNELS: dict[type, Kernel] = {
    **GEOMETRY,
    **dict.fromkeys((ops.Linear, ops.Gamma, ops.Solarize, ops.Posterize, ops.Tone, ops.Curves), tone.curve),
    ops.Invert: tone.invert,
    ops.ColorMatrix: color.color_matrix,
    ops.HueSaturation: color.hue_saturation,
    ops.ShuffleChannels: color.shuffle_channels,
    ops.FillChannels: color.fill_channels,
    ops.Gray: color.gray,
    ops.Normalize: layout.normalize,
    ops.NormalizeToTensor: layout.normalize_to_tensor,
    ops.ToFloat: layout.to_float,
    ops.FromFloat: layout.from_float,
    ops.ToTensor: layout.to_tensor,
    ops.Equalize: data.equalize,
    ops.ByteTable: data.byte_table,
    ops.Clahe: data.clahe,
    ops.AutoContrast: data.auto_contrast,
    ops.Contrast: data.contrast,
    ops.LinearByMean: data.linear_by_mean,
    ops.PcaShift: data.pca_shift,
    ops.GrayPca: data.gray_pca,
    ops.NormalizeByImage: data.normalize_by_image,
    ops.BoxBlur: blur.box_blur,
    ops.GaussianBlur: blur.gaussian_blur,
    ops.MedianBlur: blur.median_blur,
    ops.Filter: blur.filter,
    ops.Defocus: blur.defocus,
    ops.Unsharp: blur.unsharp,
    ops.Holes: holes.holes,
    ops.GaussNoise: noise.gauss_noise,
    ops.IsoNoise: noise.iso_noise,
    ops.MultiplyNoise: noise.multiply_noise,
    ops.SaltPepper: noise.salt_pepper,
    ops.ShotNoise: noise.shot_noise,
    ops.DropPixels: noise.drop_pixels,
    ops.Veil: veil.veil,
    ops.Flare: light.flare,
    ops.Gravel: weather.gravel,
    ops.Bleach: weather.bleach,
    ops.Aberration: film.aberration,
    ops.Grain: film.grain,
    ops.Halftone: film.halftone,
    ops.Dither: film.dither,
    ops.Compress: codec.compress,
    ops.Downscale: codec.downscale,
    ops.OnChannels: on_channels,
    ops.Blend: blend,
    ops.OnWindows: on_windows,
    ops.ColorRamp: color.color_ramp,
    ops.MatchMean: data.match_mean,
    ops.Stain: medical.stain,
    ops.TruncateSpectrum: medical.truncate_spectrum,
    ops.Spikes: medical.spikes,
    ops.BiasField: medical.bias_field,
    ops.RicianNoise: noise.rician_noise,
    ops.ModeFilter: blur.mode_filter,
    ops.ZoomBlur: blur.zoom_blur,
    ops.Scatter: blur.scatter,
    ops.Morphology: blur.morphology,
    ops.Superpixels: segments.superpixels,
    ops.Stencil: holes.stencil,
    ops.Draw: marks.draw,
    ops.Call: lambda image, op: op.functions["image"](image) if "image" in op.functions else image,
}

MASK_KERNELS: dict[type, Kernel] = {
    **GEOMETRY,
    ops.Holes: holes.holes_mask,
    ops.Stencil: holes.stencil_mask,
    ops.Morphology: blur.morphology,
    ops.DropPixels: noise.drop_pixels_mask,
    ops.Recode: labels.recode,
    ops.ToTensor: layout.mask_to_tensor,
    ops.NormalizeToTensor: layout.mask_to_tensor,
    ops.Call: lambda mask, op: op.functions["mask"](mask) if "mask" in op.functions else mask,
}
