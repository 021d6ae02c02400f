"""Weather and dirt. Images have any number of channels: colours are kept on three, and become gray on others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from augury import ops
from augury.catalogue.color import LUMA
from augury.fields import Color, Fractions, Integer, Limits, Maybe, Number, Option, Region
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Ops, Params

__all__ = ["AtmosphericFog", "RandomFog", "RandomGravel", "RandomRain", "RandomSnow", "Spatter"]

# Pixels per drop, and length of the streaks in pixels.
_RAIN = {"drizzle": (770, 10), "heavy": (600, 30), "torrential": (500, 60), "default": (600, 20)}
_SPATTER = {"rain": (175, 238, 238), "mud": (63, 42, 20)}


def tint(rgb: Sequence[float], sig: Signature) -> tuple[float, ...]:
    """A colour in 255ths as fractions: one per channel for three, else its gray alone."""
    if sig.channels == 3:
        return tuple([value / 255.0 for value in rgb])
    return (sum(weight * value for weight, value in zip(LUMA, rgb, strict=True)) / 255.0,)


class RandomRain(ImageTransform):
    """Rain: a blurred, darker view behind streaks of falling drops at three distances.

    slant_range: degrees from the vertical, positive to the right. drop_length, drop_width: of the nearest streaks,
    pixels; None takes the length of rain_type. drop_color: 255ths. blur_value: the image is blurred by so many pixels;
    1 leaves it sharp. brightness_coefficient: the image is multiplied by it. rain_type: how many drops and how long:
    drizzle, default, heavy, torrential. Source: Garg and Nayar, "Vision and rain", 2007; amounts as in Automold.
    """

    slant_range: Limits = Limits(default=(-10, 10), low=-45, high=45, unit="degree")
    drop_length: Maybe = Maybe(Integer(default=20, low=0, unit="pixel"), default=None)
    drop_width: Integer = Integer(default=1, low=1, high=255, unit="pixel", keep=True)
    drop_color: Color = Color(default=(200, 200, 200))
    blur_value: Integer = Integer(default=7, low=1, high=255, unit="pixel", keep=True)
    brightness_coefficient: Number = Number(default=0.7, low=0, high=1, keep=True)
    rain_type: Option = Option(default="default", options=("default", "drizzle", "heavy", "torrential"))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pixels, length = _RAIN[self.rain_type]
        return {
            "slant": stream.uniform(*self.slant_range),
            "num_drops": sig.height * sig.width // pixels,
            "length": length if self.drop_length is None else self.drop_length,
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        layer = ops.StreakLayer(*[params[name] for name in ("key", "num_drops", "slant", "length", "drop_width")])
        light = params["brightness_coefficient"]
        rain = ops.Veil(layer, -light, tint(params["drop_color"], sig), base=light)
        return (ops.BoxBlur(params["blur_value"]), rain) if params["blur_value"] > 1 else (rain,)


class RandomSnow(ImageTransform):
    """Snow: bleached ground, or a flurry.

    brightness_coeff: above 0; the lightness of bleached pixels is multiplied by it. snow_point_range: in [0, 1];
    pixels whose HLS lightness is below 1/3 + snow point / 2 are bleached. method "texture": drifting flakes of that
    amount, denser towards the top, over an image made lighter by a tenth of brightness_coeff * snow point.
    Source of bleaching: Saxena, Automold, 2018.
    """

    brightness_coeff: Number = Number(default=2.5, low=0, open_low=True, keep=True)
    snow_point_range: Fractions = Fractions(default=(0.1, 0.3))
    method: Option = Option(default="bleach", options=("bleach", "texture"), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        drawn: Params = {"snow_point": stream.uniform(*self.snow_point_range)}
        return drawn if self.method == "bleach" else {**drawn, "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        point, factor = params["snow_point"], params["brightness_coeff"]
        if params["method"] == "bleach":
            return (ops.Bleach(1 / 3 + point / 2, factor),)
        snowfall = ops.Veil(ops.SnowLayer(params["key"], point), -1.0, tint((245, 248, 255), sig))
        return (ops.Linear((1 + factor * point / 10,)), snowfall)


class RandomFog(ImageTransform):
    """Patches of fog: what is seen through a puff fades into white by Koschmieder's law (1924).

    alpha_coef: opacity of the middle of one puff at intensity 1, in [0, 1]. fog_coef_range: intensity, in [0, 1]: more
    puffs, and denser ones.
    """

    alpha_coef: Number = Number(default=0.08, low=0, high=1, keep=True)
    fog_coef_range: Fractions = Fractions(default=(0.3, 1), draws="fog_coef")
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        fog = params["fog_coef"]
        depth = -math.log(max(1 - params["alpha_coef"] * fog, 1e-3))
        return (ops.Veil(ops.PuffLayer(params["key"], round(20 + 180 * fog), 0.09, depth), -1.0, (1.0,)),)


class AtmosphericFog(ImageTransform):
    """Fog that thickens with distance: value * t + fog_color * (1 - t), t = exp(-density * depth).

    density_range: optical depth of the farthest pixel, at least 0. fog_color: 255ths. depth_mode: far is the top
    (linear), the top left corner (diagonal), or the middle, as along a road (radial).
    Source: Koschmieder, "Theorie der horizontalen Sichtweite", 1924.
    """

    density_range: Limits = Limits(default=(1.0, 3.0), low=0, scalar="fixed", draws="density")
    fog_color: Color = Color(default=(200, 200, 200))
    depth_mode: Option = Option(default="linear", options=("linear", "diagonal", "radial"), keep=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        layer = ops.DepthLayer(params["density"], params["depth_mode"])
        return (ops.Veil(layer, -1.0, tint(params["fog_color"], sig)),)


class Spatter(ImageTransform):
    """Drops of rain or spots of mud on the lens.

    mean_range, std_range: of the noise that the liquid is made of, in [0, 1]; gauss_sigma_range: its smoothing, pixels;
    cutout_threshold_range: liquid is where the noise is above. intensity_range: opacity, in [0, 1]. mode: rain, mud.
    color: 255ths; None is pale turquoise for rain, brown for mud.
    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """

    mean_range: Limits = Limits(default=(0.65, 0.65), low=0, high=1, scalar=0.0, alias="mean", draws="mean")
    std_range: Limits = Limits(default=(0.3, 0.3), low=0, high=1, scalar=0.0, alias="std", draws="std")
    gauss_sigma_range: Limits = Limits(
        default=(2, 2), low=0, high=100, scalar=0.0, alias="gauss_sigma", unit="pixel", draws="sigma"
    )
    cutout_threshold_range: Limits = Limits(
        default=(0.68, 0.68), low=0, high=1, scalar=0.0, alias="cutout_threshold", draws="threshold"
    )
    intensity_range: Limits = Limits(
        default=(0.6, 0.6), low=0, high=1, scalar=0.0, alias="intensity", draws="intensity"
    )
    mode: Option = Option(default="rain", options=("rain", "mud"), keep=True)
    color: Maybe = Maybe(Color(default=(175, 238, 238)), default=None)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        names = ("key", "mean", "std", "sigma", "threshold", "mode")
        layer = ops.SpatterLayer(*(params[name] for name in names))
        opacity, tone = params["intensity"], tint(params["color"] or _SPATTER[params["mode"]], sig)
        return (ops.Veil(layer, -opacity, tuple([opacity * value for value in tone])),)


class RandomGravel(ImageTransform):
    """Heaps of gray stones.

    gravel_roi: box that holds the middles of the heaps (x_min, y_min, x_max, y_max), fractions of the size.
    number_of_patches: heaps, each of 24 stones. After Saxena, "Automold", 2018.
    """

    gravel_roi: Region = Region(default=(0.1, 0.4, 0.9, 0.9), keep=True)
    number_of_patches: Integer = Integer(default=2, low=1, keep=True)
    draws_key = True
    lowers_to = ops.Gravel, "key", "gravel_roi", "number_of_patches"
