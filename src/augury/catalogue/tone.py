"""Brightness, contrast and other changes of tone: each channel by itself, on images of any number of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augury import masks, ops
from augury.fields import (
    Flag, Fractions, Integer, IntLimits, Limits, Listed, Maybe, Name, Number, Option, Plain, Probability, Size,
)  # fmt: skip
from augury.kernels.cpu.data import equalizing_table, masked_histograms
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Ops, Params

__all__ = [
    "AutoContrast", "CLAHE", "Equalize", "InvertImg", "Posterize", "RandomBrightnessContrast", "RandomGamma",
    "RandomToneCurve", "Solarize",
]  # fmt: skip


class RandomBrightnessContrast(ImageTransform):
    """Multiply by alpha = 1 + contrast and add beta = brightness, as a fraction of the image's mean or of full range.

    brightness_range, contrast_range: of what is drawn. brightness_by_max: beta is a fraction of full range, not of the
    mean. ensure_safe_output: limit beta to at least 0 and alpha to at most 1 - beta, so that nothing is clipped.
    """

    brightness_range: Limits = Limits(default=(-0.2, 0.2), alias="brightness_limit", unit="fraction")
    contrast_range: Limits = Limits(default=(-0.2, 0.2), alias="contrast_limit", unit="fraction")
    brightness_by_max: Flag = Flag(default=False, keep=True)
    ensure_safe_output: Flag = Flag(default=False, alias="ensure_safe_range", keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha": 1.0 + stream.uniform(*self.contrast_range), "beta": stream.uniform(*self.brightness_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        alpha, beta = params["alpha"], params["beta"]
        by_max, safe = params["brightness_by_max"], params["ensure_safe_output"]
        if by_max and not safe:
            return (ops.Linear((alpha,), (beta,)),)
        return (ops.LinearByMean(alpha, beta, by_max, safe),)


class RandomGamma(ImageTransform):
    """Raise intensities, as fractions of full range, to the power gamma; above 1 darkens.

    gamma_range: 100 * gamma; one number a means (1, a).
    """

    gamma_range: Limits = Limits(default=(80, 120), low=1, scalar=1, alias="gamma_limit", unit="percent")
    lowers_to = ops.Gamma, "gamma"

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"gamma": stream.uniform(*self.gamma_range) / 100.0}


class RandomToneCurve(ImageTransform):
    """A cubic Bezier tone curve from black to white whose two control points are drawn around heights 1/4 and 3/4.

    scale: standard deviation of the heights, which are cut to [0, 1]. per_channel: a curve for each channel.
    """

    scale: Number = Number(default=0.1, low=0, high=1, unit="fraction")
    per_channel: Flag = Flag(default=False)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        count = sig.channels if self.per_channel else 1
        scale = self.scale
        low, high = (
            [min(max(stream.normal(height, scale), 0.0), 1.0) for _ in range(count)] for height in (0.25, 0.75)
        )
        return {"low_y": low, "high_y": high} if self.per_channel else {"low_y": low[0], "high_y": high[0]}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return (ops.Tone(_tuple(params["low_y"]), _tuple(params["high_y"])),)


def _tuple(value: Any) -> tuple[Any, ...]:
    """One value, or one per channel, as ops take them."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


_BITS = IntLimits(low=0, high=8, scalar="fixed", unit="bit")
_SEVERAL = Listed(_BITS)


def _bits(value: Any) -> Any:
    """A range, or one for each channel."""
    one = not isinstance(value, (list, tuple)) or (len(value) == 2 and not isinstance(value[0], (list, tuple)))
    return (_BITS if one else _SEVERAL).convert(value)


class Posterize(ImageTransform):
    """Keep the highest bits of 8-bit values (of 16-bit values just so; floats are taken to 8 bits).

    num_bits: how many, a number, a range (low, high), or a list with one range per channel.
    """

    num_bits: Plain = Plain(
        default=(4, 4),
        check=_bits,
        shape={"anyOf": [_BITS.form()["items"], _BITS.form(), _SEVERAL.form()]},
        examples=(3, (1, 7), ((2, 4), (3, 3), (1, 8))),
        unit="bit",
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        bits = self.num_bits
        if isinstance(bits[0], int):
            # A fixed number is not drawn, so the step is lowered once.
            return {"num_bits": bits[0] if bits[0] == bits[1] else stream.integer(*bits)}
        return {"num_bits": [stream.integer(*channel) for channel in bits]}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return (ops.Posterize(_tuple(params["num_bits"])),)


class Solarize(ImageTransform):
    """Invert intensities of at least `threshold`.

    threshold_range: of the threshold, as a fraction of full range.
    """

    threshold_range: Fractions = Fractions(default=(0.5, 0.5), unit="fraction", draws="threshold")
    lowers_to = ops.Solarize, "threshold"


class InvertImg(ImageTransform):
    """Full range minus the value."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return (ops.Invert(),)


class Equalize(ImageTransform):
    """Histogram equalisation, 8-bit (float images go through 8 bits).

    mode: OpenCV's ("cv") or Pillow's ("pil") formula. by_channels: each channel, else the luma of YCrCb (RGB).
    mask: only pixels where it is not 0 are counted, all are changed; an array, or a function (image, **named) -> array,
    where `named` are the arguments of the call listed in mask_params. With a mask, the curves are drawn: they come from
    all frames of the image together, are recorded, and leave the image alone if fewer than two values are counted.
    """

    mode: Option = Option(default="cv", options=("cv", "pil"), keep=True)
    by_channels: Flag = Flag(default=True, keep=True)
    mask: Plain = Plain(
        default=None, check=masks.as_mask, shape={"type": ["array", "null"], "items": {"type": "array"}}
    )
    mask_params: Listed = Listed(Name(), default=(), empty=True)

    def check(self) -> None:
        if self.mask is not None:
            self.__dict__["needs"] = "pixels"

    @property
    def asks_for(self) -> Sequence[str]:
        return self.mask_params  # type: ignore[no-any-return]

    def draw(self, sig: Signature, stream: Stream) -> Params:
        if self.mask is None:
            return {}
        counts: Any = 0
        for frame in masks.frames(sig):
            channels = sig.channels if self.by_channels else 1
            mask = masks.mask_for(frame, self.mask, self.mask_params, sig, channels)
            counts = counts + masked_histograms(frame, mask, not self.by_channels)
        return {"tables": [equalizing_table(channel, self.mode).hex() for channel in counts]}

    def to_dict(self) -> dict[str, Any]:
        if not callable(self.mask):
            return super().to_dict()
        name = f"{self.mask.__module__}.{getattr(self.mask, '__qualname__', type(self.mask).__qualname__)}"
        return {**self.replace(mask=None).to_dict(), "mask": name}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if "tables" not in params:
            return (ops.Equalize(params["mode"], params["by_channels"]),)
        return (ops.ByteTable(tuple(bytes.fromhex(table) for table in params["tables"]), not params["by_channels"]),)


class CLAHE(ImageTransform):
    """Contrast-limited adaptive histogram equalisation of gray images, or of the lightness of Lab of RGB; 8-bit.

    clip_range: of the contrast limit, at least 1; one number a means (1, a). tile_grid_size: tiles (across, down).
    """

    clip_range: Limits = Limits(default=(1, 4), low=1, scalar=1, alias="clip_limit", draws="clip_limit")
    tile_grid_size: Size = Size(default=(8, 8), keep=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        columns, rows = params["tile_grid_size"]
        return (ops.Clahe(params["clip_limit"], rows, columns),)


class AutoContrast(ImageTransform):
    """Stretch each channel to full range; 8-bit.

    cutoff: percent of pixels at either end that are let go. ignore: a byte value that is not counted and stays.
    method: "cdf" stretches along the cumulative histogram, "pil" linearly.
    """

    cutoff: Number = Number(default=0, low=0, high=100, unit="percent", keep=True)
    ignore: Maybe = Maybe(Integer(low=0, high=255, keep=True), default=None)
    method: Option = Option(default="cdf", options=("cdf", "pil"), keep=True)
    lowers_to = ops.AutoContrast, "cutoff", "ignore", "method"
