"""Changes of colour.

Transforms that speak of red, green and blue leave gray images as they are, or change their tone only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.errors import FieldError, SampleError
from augury.fields import Integer, IntLimits, Limits, Maybe, Number, Numbers, Option, Plain, Probability
from augury.kernels.cpu.color import COLDEST, light_of
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = [
    "ChannelShuffle",
    "ChannelSwap",
    "ColorJitter",
    "Colorize",
    "ExposureMatching",
    "FancyPCA",
    "HueSaturationValue",
    "PhotoMetricDistort",
    "PlanckianJitter",
    "RGBShift",
    "ToGray",
    "ToRGB",
    "ToSepia",
]

# ITU-R BT.601 luma.
LUMA = (0.299, 0.587, 0.114)


def is_rgb(sig: Signature, name: str) -> bool:
    """Whether the image has three channels; False for one, SampleError for other numbers."""
    channels = sig.channels
    if channels not in (1, 3):
        raise SampleError(
            f"{name}: got an image of shape {sig.shape} with {channels} channels, needs 1 (gray) or 3 (RGB); run it on "
            "three channels with SelectiveChannelTransform"
        )
    return channels == 3


class HueSaturationValue(ImageTransform):
    """Shift hue, saturation and value of HSV; gray pixels stay gray, gray images change in value only.

    hue_shift_range: steps of 2 degrees. sat_shift_range, val_shift_range: 255ths of full range.
    """

    hue_shift_range: Limits = Limits(default=(-20, 20), alias="hue_shift_limit", unit="2 degrees")
    sat_shift_range: Limits = Limits(default=(-30, 30), alias="sat_shift_limit", unit="1/255")
    val_shift_range: Limits = Limits(default=(-20, 20), alias="val_shift_limit", unit="1/255")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "hue_shift": stream.uniform(*self.hue_shift_range),
            "sat_shift": stream.uniform(*self.sat_shift_range),
            "val_shift": stream.uniform(*self.val_shift_range),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        value = params["val_shift"] / 255.0
        if not is_rgb(sig, "HueSaturationValue"):
            return (ops.Linear((1.0,), (value,)),)
        return (ops.HueSaturation(2.0 * params["hue_shift"], params["sat_shift"] / 255.0, value),)


class RGBShift(ImageTransform):
    """Add a number to each channel; gray images get the red one.

    r_shift_range, g_shift_range, b_shift_range: 255ths of full range; or fractions of it, if both ends are within
    [-1, 1].
    """

    r_shift_range: Limits = Limits(default=(-20, 20), low=-255, high=255, alias="r_shift_limit", unit="1/255")
    g_shift_range: Limits = Limits(default=(-20, 20), low=-255, high=255, alias="g_shift_limit", unit="1/255")
    b_shift_range: Limits = Limits(default=(-20, 20), low=-255, high=255, alias="b_shift_limit", unit="1/255")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """Shifts as fractions of full range."""
        return {
            "r_shift": _fraction(stream, *self.r_shift_range),
            "g_shift": _fraction(stream, *self.g_shift_range),
            "b_shift": _fraction(stream, *self.b_shift_range),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not is_rgb(sig, "RGBShift"):
            return (ops.Linear((1.0,), (params["r_shift"],)),)
        return (ops.Linear((1.0,), (params["r_shift"], params["g_shift"], params["b_shift"])),)


def _fraction(stream: Stream, low: float, high: float) -> float:
    drawn = stream.uniform(low, high)
    return drawn if low >= -1.0 and high <= 1.0 else drawn / 255.0


class ColorJitter(ImageTransform):
    """Brightness, contrast, saturation and hue, one after another in drawn order; gray images get the first two.

    brightness_range, contrast_range, saturation_range: factors; one number a means (max(0, 1 - a), 1 + a). Brightness
    blends with black, contrast with the mean gray, saturation with each pixel's gray. hue_range: turns.
    """

    brightness_range: Limits = Limits(default=(0.8, 1.2), low=0, scalar="factor", alias="brightness")
    contrast_range: Limits = Limits(default=(0.8, 1.2), low=0, scalar="factor", alias="contrast")
    saturation_range: Limits = Limits(default=(0.8, 1.2), low=0, scalar="factor", alias="saturation")
    hue_range: Limits = Limits(default=(-0.5, 0.5), low=-1, high=1, alias="hue", unit="turn")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`order` lists brightness 0, contrast 1, saturation 2, hue 3."""
        return {
            "brightness": stream.uniform(*self.brightness_range),
            "contrast": stream.uniform(*self.contrast_range),
            "saturation": stream.uniform(*self.saturation_range),
            "hue": stream.uniform(*self.hue_range),
            "order": stream.permutation(4),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        rgb = is_rgb(sig, "ColorJitter")
        program: list[Op] = []
        for which in params["order"]:
            if which == 0:
                if params["brightness"] != 1.0:
                    program.append(ops.Linear((params["brightness"],)))
            elif which == 1:
                if params["contrast"] != 1.0:
                    program.append(ops.Contrast(params["contrast"]))
            elif which == 2:
                if rgb and params["saturation"] != 1.0:
                    program.append(ops.ColorMatrix(_saturation(params["saturation"])))
            elif rgb and params["hue"] != 0.0:
                program.append(ops.HueSaturation(360.0 * params["hue"]))
        return program


class PhotoMetricDistort(ImageTransform):
    """Brightness, contrast, saturation, hue and the order of channels, each with its own chance.

    brightness_range, contrast_range, saturation_range: factors, as in ColorJitter. hue_range: turns. distort_p: chance
    of each of the five; contrast comes before or after saturation and hue. Gray images get the first two.
    Source: Liu et al., "SSD: single shot multibox detector", 2016.
    """

    brightness_range: Limits = Limits(default=(0.875, 1.125), low=0, scalar="factor")
    contrast_range: Limits = Limits(default=(0.5, 1.5), low=0, scalar="factor")
    saturation_range: Limits = Limits(default=(0.5, 1.5), low=0, scalar="factor")
    hue_range: Limits = Limits(default=(-0.05, 0.05), low=-1, high=1, unit="turn")
    distort_p: Probability = Probability(default=0.5)
    p: Probability = Probability(default=0.5, kw_only=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`order` as in ColorJitter, of what is done."""
        order = (0, 1, 2, 3) if stream.random() < 0.5 else (0, 2, 3, 1)
        params: Params = {
            "brightness": stream.uniform(*self.brightness_range),
            "contrast": stream.uniform(*self.contrast_range),
            "saturation": stream.uniform(*self.saturation_range),
            "hue": stream.uniform(*self.hue_range),
            "order": tuple([which for which in order if stream.random() < self.distort_p]),
        }
        if sig.channels == 3 and stream.random() < self.distort_p:
            params["channels_shuffled"] = stream.permutation(3)
        return params

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        shuffled = ChannelShuffle.lower(params, sig) if "channels_shuffled" in params else ()
        return (*ColorJitter.lower(params, sig), *shuffled)


def _saturation(factor: float) -> tuple[ops.Coefficients, ...]:
    """factor * pixel + (1 - factor) * its luma."""
    r, g, b = ((1.0 - factor) * weight for weight in LUMA)
    return (factor + r, g, b), (r, factor + g, b), (r, g, factor + b)


def _order(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(hasattr(i, "__index__") for i in value):
        raise ValueError("pass a list of channel indices, or None")
    order = tuple(int(i) for i in value)
    if not order or sorted(order) != list(range(len(order))):
        raise ValueError("pass every channel index 0, 1, ... once, or None")
    return order


class ChannelShuffle(ImageTransform):
    """Put the channels into another order, all orders equally likely.

    channel_order: always this one: output channel i is input channel channel_order[i].
    """

    channel_order: Plain = Plain(
        default=None,
        check=_order,
        shape={"type": ["array", "null"], "items": {"type": "integer", "minimum": 0}},
        examples=((2, 1, 0),),
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        order = self.channel_order
        if order is not None and len(order) != sig.channels:
            raise SampleError(
                f"ChannelShuffle.channel_order: {order} does not fit an image of shape {sig.shape}; name each of its "
                "channels once"
            )
        return {"channels_shuffled": order or stream.permutation(sig.channels)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        order = tuple(params["channels_shuffled"])
        return () if order == tuple(range(len(order))) else (ops.ShuffleChannels(order),)


class ChannelSwap(ChannelShuffle):
    """Put the channels into one other order.

    channel_order: output channel i is input channel channel_order[i].
    """

    channel_order: Plain = Plain(
        default=(2, 1, 0),
        check=_order,
        shape={"type": ["array", "null"], "items": {"type": "integer", "minimum": 0}},
        examples=((2, 1, 0),),
    )


class ToGray(ImageTransform):
    """One gray value per pixel, in every output channel; images of one channel stay as they are.

    num_output_channels: channels of the result. method: weighted_average (BT.601) and from_lab (lightness), which need
    RGB; desaturation (mean of least and greatest), average, max, or pca (first principal component, stretched to full
    range).
    """

    num_output_channels: Integer = Integer(default=3, low=1, keep=True)
    method: Option = Option(
        default="weighted_average",
        options=("weighted_average", "from_lab", "desaturation", "average", "max", "pca"),
        keep=True,
    )

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if sig.channels == 1:
            return ()
        count, method = params["num_output_channels"], params["method"]
        return (ops.GrayPca(count) if method == "pca" else ops.Gray(method, count),)


# The usual sepia matrix (Microsoft's GDI+ sample): rows are output channels.
_SEPIA = ops.ColorMatrix(((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131)))


class ToSepia(ImageTransform):
    """The brown tones of old photographs, by the usual sepia matrix; gray images stay as they are."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (_SEPIA,) if is_rgb(sig, "ToSepia") else ()


class FancyPCA(ImageTransform):
    """Add multiples of the image's principal colours (Krizhevsky, Sutskever, Hinton, 2012, section 4.1).

    alpha: standard deviation of the multiples, one per principal colour, in units of its eigenvalue.
    """

    alpha: Number = Number(default=0.1, low=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha_vector": [stream.normal(0.0, self.alpha) for _ in range(sig.channels)]}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.PcaShift(tuple(params["alpha_vector"])),)


class ToRGB(ImageTransform, p=1):
    """Repeat the one channel of a gray image; images of more channels stay as they are.

    num_output_channels: channels of the result.
    """

    num_output_channels: Integer = Integer(default=3, low=1, keep=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Gray("average", params["num_output_channels"]),) if sig.channels == 1 else ()


_WHITE, _HOTTEST = 6500.0, 15000.0


class PlanckianJitter(ImageTransform):
    """Light of another colour temperature than 6500 K; gray images stay as they are.

    mode: "blackbody" (a glowing body; the Planckian locus of Kim et al., 2002) or "cied" (daylight; CIE 015:2018).
    temperature_range: kelvin, None means 3000 (cied: 4000) to 15000. sampling_method: "uniform", or "gaussian" about
    6500 K with a third of the way to either end as deviation. Red and blue are scaled in linear light (sRGB
    approximated by gamma 2.2). After Zini et al., "Planckian jitter", 2023.
    """

    mode: Option = Option(default="blackbody", options=("blackbody", "cied"), keep=True)
    temperature_range: Maybe = Maybe(
        Limits(low=3000, high=15000, scalar="fixed", alias="temperature_limit", unit="kelvin"), default=None
    )
    sampling_method: Option = Option(default="uniform", options=("uniform", "gaussian"))

    def check(self) -> None:
        if self.temperature_range and self.temperature_range[0] < COLDEST[self.mode]:
            raise FieldError(
                f"PlanckianJitter.temperature_range: got {self.temperature_range}; daylight begins at 4000, raise "
                "it, or pass mode='blackbody'"
            )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        low, high = self.temperature_range or (COLDEST[self.mode], _HOTTEST)
        if self.sampling_method == "uniform":
            return {"temperature": stream.uniform(low, high)}
        z, white = stream.normal(), min(max(_WHITE, low), high)
        return {"temperature": min(max(white + z * ((high - white) if z > 0 else (white - low)) / 3, low), high)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not is_rgb(sig, "PlanckianJitter"):
            return ()
        light, white = light_of(params["mode"], params["temperature"]), light_of(params["mode"], _WHITE)
        red, blue = ((part / whole) ** (1 / 2.2) for part, whole in zip(light, white, strict=True))
        return (ops.Linear((red, 1.0, blue)),)


class ExposureMatching(ImageTransform):
    """Scale an image so that its mean becomes a drawn one.

    target_mean_range: the new mean, as a fraction of full range. gain_range: limits of the factor; None: no limits.
    """

    target_mean_range: Limits = Limits(default=(0.3, 0.5), low=0, high=1, scalar="fixed")
    gain_range: Maybe = Maybe(Limits(low=0, scalar="fixed", keep=True), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"target_mean": stream.uniform(*self.target_mean_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.MatchMean(params["target_mean"], *(params["gain_range"] or ())),)


class Colorize(ImageTransform):
    """Give every luma a colour, from dark to light; gray images stay as they are.

    black_range, white_range, mid_range: the lowest and highest colour, 0..255, of black, of white and of the luma
    mid_value_range (0..255) between them; without mid_range the way from black to white is straight.
    """

    black_range: Numbers = Numbers(default=((0, 0, 0),) * 2, sides=(2, 3), high=255)
    white_range: Numbers = Numbers(default=((255, 255, 255),) * 2, sides=(2, 3), high=255)
    mid_range: Maybe = Maybe(Numbers(sides=(2, 3), high=255, examples=(((90, 0, 0), (160, 60, 60)),)), default=None)
    mid_value_range: IntLimits = IntLimits(default=(127, 127), low=1, high=254, scalar="fixed")
    p: Probability = Probability(default=0.5, kw_only=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        def one(limits: Any) -> tuple[float, ...]:
            return tuple([stream.uniform(low, high) / 255 for low, high in zip(*limits, strict=True)])

        params: Params = {"stops": (0.0, 1.0), "colors": (one(self.black_range), one(self.white_range))}
        if self.mid_range is not None:
            black, white = params["colors"]
            params["stops"] = (0.0, stream.integer(*self.mid_value_range) / 255, 1.0)
            params["colors"] = (black, one(self.mid_range), white)
        return params

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not is_rgb(sig, "Colorize"):
            return ()
        return (ops.ColorRamp(tuple(params["stops"]), tuple(tuple(color) for color in params["colors"])),)
