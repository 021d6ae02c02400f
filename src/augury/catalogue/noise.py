"""Noise: what a sensor adds, drawn again from a stream key whenever a step runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from augury import ops
from augury.catalogue.blur import odd
from augury.errors import FieldError, SampleError
from augury.fields import Flag, IntLimits, Limits, Number, Option, Plain, Probability, number
from augury.kernels.cpu.blur import random_kernels
from augury.kernels.cpu.noise import picked
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = [
    "AdditiveNoise",
    "GaussNoise",
    "ISONoise",
    "MultiplicativeNoise",
    "SaltAndPepper",
    "ShotNoise",
    "StochasticConvolution",
]

# Factors of more channels than this are recorded by the key they are drawn from.
MOST_RECORDED = 128


class GaussNoise(ImageTransform):
    """Add Gaussian noise.

    std_range: standard deviation as a fraction of full range, in [0, 1]. mean_range: mean, in [-1, 1].
    per_channel: every channel has its own noise. noise_scale_factor: noise is drawn at this fraction of the image's
    size, in (0, 1], and enlarged linearly: below 1 it is coarser and weaker.
    """

    std_range: Limits = Limits(default=(0.2, 0.44), low=0, high=1, scalar="fixed")
    mean_range: Limits = Limits(default=(0.0, 0.0), low=-1, high=1, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    p: Probability = Probability(default=0.5, kw_only=True)
    noise_scale_factor: Number = Number(default=1.0, low=0, high=1, open_low=True, keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"std": stream.uniform(*self.std_range), "mean": stream.uniform(*self.mean_range), "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (
            ops.GaussNoise(
                params["key"], params["mean"], params["std"], params["per_channel"], params["noise_scale_factor"]
            ),
        )


# Parameters of every distribution with their defaults and bounds.
_NOISES: dict[str, dict[str, tuple[tuple[float, float], float, float]]] = {
    "uniform": {"ranges": ((-0.1, 0.1), -1, 1)},
    "gaussian": {"mean_range": ((0.0, 0.0), -1, 1), "std_range": ((0.05, 0.15), 0, 1)},
    "laplace": {"mean_range": ((0.0, 0.0), -1, 1), "scale_range": ((0.05, 0.15), 0, 1)},
    "beta": {
        "alpha_range": ((0.5, 1.5), 0.01, math.inf),
        "beta_range": ((0.5, 1.5), 0.01, math.inf),
        "scale_range": ((0.1, 0.3), 0, 1),
    },
}


def _noise_params(value: Any) -> dict[str, Any] | None:
    rule = "pass None or a dict of ranges: " + "; or ".join(", ".join(parts) for parts in _NOISES.values())
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(rule)
    pairs: dict[str, Any] = {}
    for name, given in value.items():
        if name != "noise_type":
            ranges = given if name == "ranges" else [given]
            if not isinstance(ranges, (list, tuple)) or not ranges:
                raise ValueError(rule)
            limits = tuple(_pair(pair, rule) for pair in ranges)
            pairs[str(name)] = limits if name == "ranges" else limits[0]
    return pairs


def _pair(value: Any, rule: str) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(rule)
    low, high = float(number(value[0], rule)), float(number(value[1], rule))
    if low > high:
        raise ValueError(f"the low end of {(low, high)} is above the high end")
    return low, high


class AdditiveNoise(ImageTransform):
    """Add noise of one of four distributions.

    noise_type, noise_params: as fractions of full range, "uniform" with ranges (a list of (low, high), one for all
    channels or one each); "gaussian" with mean_range and std_range; "laplace" with mean_range and scale_range; "beta"
    with alpha_range and beta_range, stretched over (-1, 1) and times a value of scale_range.
    spatial_mode: "constant" (one value per channel), "shared" (one per pixel), "per_pixel" (one per pixel and channel),
    or "patch": patch_count_range rectangles of patch_height_range x patch_width_range of the image's sides, with one
    value per pixel, or per pixel and channel if per_channel. approximation: as noise_scale_factor of GaussNoise.
    """

    noise_type: Option = Option(default="uniform", options=tuple(_NOISES), keep=True)
    spatial_mode: Option = Option(default="constant", options=("constant", "per_pixel", "shared", "patch"), keep=True)
    noise_params: Plain = Plain(
        default=None,
        check=_noise_params,
        shape={"type": ["object", "null"]},
        examples=(None,),
    )
    p: Probability = Probability(default=0.5, kw_only=True)
    patch_count_range: IntLimits = IntLimits(default=(1, 1), low=1, high=100, scalar="fixed")
    patch_height_range: Limits = Limits(default=(0.1, 1.0), low=0, high=1, scalar="fixed")
    patch_width_range: Limits = Limits(default=(0.1, 1.0), low=0, high=1, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    approximation: Number = Number(default=1.0, low=0, high=1, open_low=True, keep=True)

    def check(self) -> None:
        known = _NOISES[self.noise_type]
        for name, value in (self.noise_params or {}).items():
            if name not in known:
                raise FieldError(
                    f"AdditiveNoise.noise_params: got {name!r}; noise_type={self.noise_type!r} has {', '.join(known)}"
                )
            _, low, high = known[name]
            if any(a < low or b > high for a, b in (value if name == "ranges" else [value])):
                raise FieldError(f"AdditiveNoise.noise_params: {name} is {value}; pass values from {low} to {high}")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`noise`: mean, standard deviation or scale, and shape, for all channels or one each."""
        given = {**{name: known[0] for name, known in _NOISES[self.noise_type].items()}, **(self.noise_params or {})}
        shape: tuple[float, ...] = ()
        if self.noise_type == "uniform":
            ranges = given["ranges"] if isinstance(given["ranges"][0], tuple) else (given["ranges"],)
            if len(ranges) not in (1, sig.channels):
                raise SampleError(
                    f"noise_params has {len(ranges)} ranges for {sig.channels} channels; pass 1 or one each"
                )
            noise = [((low + high) / 2, (high - low) / 2, shape) for low, high in ranges]
        elif self.noise_type == "beta":
            shape = (stream.uniform(*given["alpha_range"]), stream.uniform(*given["beta_range"]))
            noise = [(0.0, stream.uniform(*given["scale_range"]), shape)]
        else:
            width = given["std_range" if self.noise_type == "gaussian" else "scale_range"]
            noise = [(stream.uniform(*given["mean_range"]), stream.uniform(*width), shape)]
        if self.spatial_mode == "constant":
            op = ops.GaussNoise("", 0, 0, True, 1.0, self.noise_type, shape)
            parts = noise if len(noise) > 1 else noise * min(sig.channels, MOST_RECORDED)
            words = np.array([[stream.integer(0, 65535) for _ in parts]], np.uint16)
            drawn = picked(op, words)[0].tolist()
            return {"shift": tuple(mean + size * z for (mean, size, _), z in zip(parts, drawn, strict=True))}
        params: Params = {"noise": tuple(noise), "key": stream.key()}
        if self.spatial_mode == "patch":
            params["patches"] = tuple(self._patch(sig, stream) for _ in range(stream.integer(*self.patch_count_range)))
        return params

    def _patch(self, sig: Signature, stream: Stream) -> tuple[int, int, int, int]:
        h = min(max(round(stream.uniform(*self.patch_height_range) * sig.height), 1), sig.height)
        w = min(max(round(stream.uniform(*self.patch_width_range) * sig.width), 1), sig.width)
        y, x = stream.integer(0, sig.height - h), stream.integer(0, sig.width - w)
        return x, y, x + w, y + h

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if "shift" in params:
            shift = params["shift"]
            return (ops.Linear((1.0,), tuple(shift if len(shift) in (1, sig.channels) else shift[:1])),)
        mode = params["spatial_mode"]
        own = mode == "per_pixel" or (mode == "patch" and params["per_channel"])
        first = int(params["key"], 16)
        noises = [
            ops.GaussNoise(
                f"{first ^ i if own else first:024x}", mean, size, own, params["approximation"], params["noise_type"],
                tuple(shape),
            )
            for i, (mean, size, shape) in enumerate(params["noise"])
        ]  # fmt: skip
        one = len(noises) == 1
        program: tuple[Op, ...] = tuple(n if one else ops.OnChannels((i,), (n,)) for i, n in enumerate(noises))
        return program if mode != "patch" else (ops.OnWindows(tuple((tuple(w), program) for w in params["patches"])),)


class ISONoise(ImageTransform):
    """Camera noise of high sensitivity: hue and lightness jitter; RGB images only.

    color_shift_range: standard deviation of hue at intensity 1, in turns, in [0, 1]. intensity_range: strength of both,
    at least 0.
    """

    color_shift_range: Limits = Limits(default=(0.01, 0.05), low=0, high=1, scalar="fixed", alias="color_shift")
    intensity_range: Limits = Limits(default=(0.1, 0.5), low=0, scalar="fixed", alias="intensity")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "color_shift": stream.uniform(*self.color_shift_range),
            "intensity": stream.uniform(*self.intensity_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.IsoNoise(params["key"], params["color_shift"], params["intensity"]),)


class MultiplicativeNoise(ImageTransform):
    """Multiply by random factors.

    multiplier: range of the factors, at least 0. per_channel: every channel has its own factor. elementwise: every
    pixel has.
    """

    multiplier: Limits = Limits(default=(0.9, 1.1), low=0, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    elementwise: Flag = Flag(default=False, keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        low, high = self.multiplier
        n = sig.channels if self.per_channel else 1
        if self.elementwise or n > MOST_RECORDED:
            return {"multiplier_range": self.multiplier, "key": stream.key()}
        return {"multiplier": tuple([stream.uniform(low, high) for _ in range(n)])}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if "multiplier" in params:
            return (ops.Linear(params["multiplier"]),)
        low, high = params["multiplier_range"]
        return (ops.MultiplyNoise(params["key"], low, high, params["per_channel"], params["elementwise"]),)


class SaltAndPepper(ImageTransform):
    """Set some pixels to full range (salt) and some to 0 (pepper).

    amount_range: fraction of all pixels, in [0, 1]. salt_vs_pepper_range: fraction of those that become salt, in [0,
    1].
    """

    amount_range: Limits = Limits(default=(0.01, 0.06), low=0, high=1, scalar="fixed", alias="amount")
    salt_vs_pepper_range: Limits = Limits(default=(0.4, 0.6), low=0, high=1, scalar="fixed", alias="salt_vs_pepper")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "amount": stream.uniform(*self.amount_range),
            "salt_vs_pepper": stream.uniform(*self.salt_vs_pepper_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        salt = params["amount"] * params["salt_vs_pepper"]
        return (ops.SaltPepper(params["key"], salt, params["amount"] - salt),)


class ShotNoise(ImageTransform):
    """Photon noise: every value becomes a Poisson count of the light it stands for.

    scale_range: reciprocal of the photons at full range; larger is noisier.
    """

    scale_range: Limits = Limits(default=(0.1, 0.3), low=1e-9, high=1e9, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"scale": stream.uniform(*self.scale_range), "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.ShotNoise(params["key"], params["scale"]),)


class StochasticConvolution(ImageTransform):
    """Mix with the result of a random convolution, which changes texture and keeps shapes and flat areas.

    kernel_range: side of the kernel, pixels; odd sizes of at least 3. Its weights are Gaussian with standard deviation
    1 / side, moved to a sum of 1. strength_range: share of the result. per_channel: every channel has its own kernel.
    border_mode: an OpenCV constant. After Xu et al., "Robust and generalizable visual representation learning
    via random convolutions", 2021.
    """

    kernel_range: IntLimits = IntLimits(default=(3, 7), low=1, high=63, scalar="fixed", unit="pixel")
    strength_range: Limits = Limits(default=(0.0, 1.0), low=0, high=1, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    border_mode: Option = Option(default=4, options=(0, 1, 2, 4), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "kernel_size": odd(stream, *self.kernel_range),
            "strength": stream.uniform(*self.strength_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        size, channels = params["kernel_size"], sig.channels if params["per_channel"] else 1
        kernels = random_kernels(params["key"], channels, size, params["strength"])
        filters = [ops.Filter(rows, params["border_mode"]) for rows in kernels]
        return filters if channels == 1 else [ops.OnChannels((i,), (one,)) for i, one in enumerate(filters)]
