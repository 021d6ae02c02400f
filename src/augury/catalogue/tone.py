"""Brightness, contrast and other changes of tone: each channel by itself, on images of any number of channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.fields import Flag, Integer, Limits, Maybe, Number, Option, Plain, Probability, Size
from augury.kernels.cpu.data import equalizing_table, masked_histograms
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Array, Signature
from augury.transform import ImageTransform, Params

__all__ = [
    "AutoContrast",
    "CLAHE",
    "Equalize",
    "InvertImg",
    "Posterize",
    "RandomBrightnessContrast",
    "RandomGamma",
    "RandomToneCurve",
    "Solarize",
]


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
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
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

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"gamma": stream.uniform(*self.gamma_range) / 100.0}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Gamma(params["gamma"]),)


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
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Tone(_tuple(params["low_y"]), _tuple(params["high_y"])),)


def _tuple(value: Any) -> tuple[Any, ...]:
    """One value, or one per channel, as ops take them."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _bits(value: object) -> tuple[Any, ...]:
    rule = "pass 0..8 bits: a number, a range (low, high), or one for each channel as ((low, high), ...) or (a, b, c)"
    if isinstance(value, (list, tuple)) and (len(value) != 2 or isinstance(value[0], (list, tuple))):
        if not value:
            raise ValueError(rule)
        return tuple(_bits(part) if isinstance(part, (list, tuple)) else _bits((part, part)) for part in value)
    low, high = value if isinstance(value, (list, tuple)) else (value, value)
    for bits in (low, high):
        if isinstance(bits, bool) or not hasattr(bits, "__index__") or not 0 <= bits <= 8:
            raise ValueError(rule)
    if low > high:
        raise ValueError(f"the low end is above the high end; did you mean {(high, low)}?")
    return int(low), int(high)


_BIT = {"type": "integer", "minimum": 0, "maximum": 8}
_BIT_RANGE = {"type": "array", "items": _BIT, "minItems": 2, "maxItems": 2}


class Posterize(ImageTransform):
    """Keep the highest bits of 8-bit values (of 16-bit values just so; floats are taken to 8 bits).

    num_bits: how many, a number, a range (low, high), or a list with one range per channel.
    """

    num_bits: Plain = Plain(
        default=(4, 4),
        check=_bits,
        shape={"anyOf": [_BIT, _BIT_RANGE, {"type": "array", "items": _BIT_RANGE, "minItems": 1}]},
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
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Posterize(_tuple(params["num_bits"])),)


class Solarize(ImageTransform):
    """Invert intensities of at least `threshold`.

    threshold_range: of the threshold, as a fraction of full range.
    """

    threshold_range: Limits = Limits(
        default=(0.5, 0.5), low=0, high=1, scalar="fixed", unit="fraction", draws="threshold"
    )
    lowers_to = ops.Solarize, "threshold"


class InvertImg(ImageTransform):
    """Full range minus the value."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Invert(),)


class MaskArray:
    """A mask given as an array: a value that compares, hashes and saves as its content."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array

    def tolist(self) -> Any:
        return self.array.tolist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaskArray) and bool(np.array_equal(self.array, other.array))

    def __hash__(self) -> int:
        return hash((self.array.shape, self.array.tobytes()))

    def __repr__(self) -> str:
        return f"<mask of shape {self.array.shape}, {np.count_nonzero(self.array)} set>"


def _mask(value: Any) -> Any:
    if value is None or callable(value) or isinstance(value, MaskArray):
        return value
    rule = "pass an array (H, W) or (H, W, C), a function (image, **mask_params) -> array, or None"
    if isinstance(value, str):
        raise ValueError(f"{rule}; a file keeps only the name of a function")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(rule) from None
    if array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        raise ValueError(rule)
    array = array != 0
    array.flags.writeable = False
    return MaskArray(array)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        raise ValueError("pass a list of names of call arguments")
    return tuple(value)


class Equalize(ImageTransform):
    """Histogram equalisation, 8-bit (float images go through 8 bits).

    mode: OpenCV's ("cv") or Pillow's ("pil") formula. by_channels: each channel, else the luma of YCrCb (RGB).
    mask: only pixels where it is not 0 are counted, all are changed; an array, or a function (image, **named) -> array,
    where `named` are the arguments of the call listed in mask_params. With a mask, the curves are drawn: they come from
    all frames of the image together, are recorded, and leave the image alone if fewer than two values are counted.
    """

    mode: Option = Option(default="cv", options=("cv", "pil"), keep=True)
    by_channels: Flag = Flag(default=True, keep=True)
    mask: Plain = Plain(default=None, check=_mask, shape={"type": ["array", "null"], "items": {"type": "array"}})
    mask_params: Plain = Plain(default=(), check=_names, shape={"type": "array", "items": {"type": "string"}})
    p: Probability = Probability(default=0.5, kw_only=True)

    def check(self) -> None:
        if self.mask is not None:
            self.__dict__["needs"] = "pixels"

    @property
    def asks_for(self) -> Sequence[str]:
        return self.mask_params  # type: ignore[no-any-return]

    def draw(self, sig: Signature, stream: Stream) -> Params:
        if self.mask is None:
            return {}
        counts = sum(
            masked_histograms(frame, self._mask_of(frame, sig), not self.by_channels) for frame in _frames(sig)
        )
        return {"tables": [equalizing_table(channel, self.mode).hex() for channel in counts]}  # type: ignore[union-attr]

    def _mask_of(self, frame: Array, sig: Signature) -> Array:
        mask = self.mask
        if isinstance(mask, MaskArray):
            found: Any = mask.array
        else:
            found = np.asarray(mask(image=frame.copy(), **{name: _argument(name, sig) for name in self.mask_params}))
        channels = 1 if frame.ndim == 2 or not self.by_channels else frame.shape[2]
        if found.ndim == 3 and found.shape[2] == 1:
            found = found[:, :, 0]
        if found.shape not in (frame.shape[:2], (*frame.shape[:2], channels)):
            raise SampleError(
                f"Equalize.mask: its shape {found.shape} does not fit an image of shape {frame.shape}; pass (H, W), or "
                "with by_channels=True one mask per channel"
            )
        return found  # type: ignore[no-any-return]

    def to_dict(self) -> dict[str, Any]:
        if not callable(self.mask):
            return super().to_dict()
        name = f"{self.mask.__module__}.{getattr(self.mask, '__qualname__', type(self.mask).__qualname__)}"
        return {**self.replace(mask=None).to_dict(), "mask": name}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if "tables" not in params:
            return (ops.Equalize(params["mode"], params["by_channels"]),)
        return (ops.ByteTable(tuple(bytes.fromhex(table) for table in params["tables"]), not params["by_channels"]),)


def _argument(name: str, sig: Signature) -> Any:
    """An argument of the call, as it is after the steps before."""
    if sig.labels is not None:
        for given in (sig.labels.arrays, sig.labels.extras, {"bboxes": sig.labels.boxes}):
            if given.get(name) is not None:
                return given[name]
    raise SampleError(f"Equalize.mask_params: {name!r} is missing; pass {name}=... with the image")


def _frames(sig: Signature) -> Iterator[Array]:
    """All frames of the image, of shape sig.shape."""
    arrays = sig.labels.arrays if sig.labels is not None else {}
    found = next((arrays[name] for name in ("image", "images", "volume", "volumes") if name in arrays), None)
    if found is None:
        raise SampleError(f"Equalize.mask: got {', '.join(arrays)}; pass image, images, volume or volumes, or no mask")
    shape = () if isinstance(found, (list, tuple)) else found.shape[found.ndim - len(sig.shape) :]
    frames = found.reshape(-1, *shape) if shape else found
    for frame in frames:
        if frame.ndim == 3 and frame.shape[2] != sig.channels:
            raise SampleError("Equalize.mask: cannot be used on some channels only; drop the mask")
        yield frame


class CLAHE(ImageTransform):
    """Contrast-limited adaptive histogram equalisation of gray images, or of the lightness of Lab of RGB; 8-bit.

    clip_range: of the contrast limit, at least 1; one number a means (1, a). tile_grid_size: tiles (across, down).
    """

    clip_range: Limits = Limits(default=(1, 4), low=1, scalar=1, alias="clip_limit")
    tile_grid_size: Size = Size(default=(8, 8), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"clip_limit": stream.uniform(*self.clip_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
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

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.AutoContrast(params["cutoff"], params["ignore"], params["method"]),)
