"""Light and shade. Images have any number of channels: colours are kept on three, and become gray on others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.catalogue.weather import tint
from augury.fields import (
    Color, Fractions, Integer, IntLimits, Limits, Maybe, Number, Numbers, Option, Probability, Region,
)  # fmt: skip
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Ops, Params

__all__ = [
    "Illumination", "LensFlare", "PlasmaBrightnessContrast", "PlasmaShadow", "RandomShadow", "RandomSunFlare",
    "Vignetting",
]  # fmt: skip


class RandomShadow(ImageTransform):
    """Cast shadows: polygons in which values are multiplied by 1 - intensity.

    shadow_roi: box (x_min, y_min, x_max, y_max) that holds the corners, fractions. num_shadows_range: how many.
    shadow_dimension: corners of each, at least 3. shadow_intensity_range: share of light that is lost, in [0, 1].
    Source: the polygons of Saxena, "Automold: road augmentation library", 2018.
    """

    shadow_roi: Region = Region(default=(0, 0.5, 1, 1), keep=True)
    num_shadows_range: IntLimits = IntLimits(default=(1, 2), low=1, high=128, scalar="fixed", alias="num_shadows_limit")
    shadow_dimension: Integer = Integer(default=5, low=3, keep=True)
    shadow_intensity_range: Fractions = Fractions(default=(0.5, 0.5))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        shadows = stream.integer(*self.num_shadows_range)
        intensities = tuple([stream.uniform(*self.shadow_intensity_range) for _ in range(shadows)])
        return {"intensities": intensities, "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        names = ("key", "shadow_roi", "shadow_dimension", "intensities")
        return (ops.Veil(ops.PolygonLayer(*[params[name] for name in names])),)


class RandomSunFlare(ImageTransform):
    """The sun in the picture, with a chain of reflections in the lens on the line through the middle.

    flare_roi: box (x_min, y_min, x_max, y_max) that holds the sun, fractions. src_radius: of its glow, pixels.
    src_color: 255ths. angle_range: direction of the chain, in turns. num_flare_circles_range: reflections. method:
    "overlay" paints discs; "physics_based" adds light, with the spikes of a diaphragm of six blades.
    Source: Hullin and others, "Physically-based real-time lens flare rendering", 2011.
    """

    flare_roi: Region = Region(default=(0, 0, 1, 0.5))
    src_radius: Integer = Integer(default=400, low=2, keep=True, unit="pixel")
    src_color: Color = Color(default=(255, 255, 255))
    angle_range: Fractions = Fractions(default=(0, 1), unit="turn")
    num_flare_circles_range: IntLimits = IntLimits(default=(6, 10), low=1, high=128, scalar="fixed")
    method: Option = Option(default="overlay", options=("overlay", "physics_based"), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`circles`: (distance from the sun, radius, opacity, red, green, blue), lengths per longer side."""
        x_min, y_min, x_max, y_max = self.flare_roi
        count = stream.integer(*self.num_flare_circles_range)
        # Paint that is much darker than the sun would darken the sky.
        least = 0.85 if self.method == "overlay" else 0.4
        circles = _ghosts(count, ((-0.2, 1.2), (0.01, 0.07), (0.1, 0.3)), self.src_color, stream, least)
        x, y, turn = stream.uniform(x_min, x_max), stream.uniform(y_min, y_max), stream.uniform(*self.angle_range)
        return {"flare_center": (x, y), "angle": turn, "circles": circles}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        (x, y), angle, screen = params["flare_center"], math.tau * params["angle"], params["method"] != "overlay"
        height, width = sig.height, sig.width
        longer, sun = max(height, width), tint(params["src_color"], sig)
        radius = params["src_radius"] / longer
        discs = [(x, y, radius / 9, 1.0, 0.8, *sun), (x, y, radius, 0.5, 1.0, *sun), (x, y, radius / 3, 0.4, 1.0, *sun)]
        for far, size, opacity, *rgb in params["circles"]:
            at = (x + far * math.cos(angle) * longer / width, y + far * math.sin(angle) * longer / height)
            discs.append((*at, size, opacity, 0.15, *tint(rgb, sig)))
        return (ops.Flare(tuple(discs), screen, 6 if screen else 0, radius / 2, angle),)


def _ghosts(
    count: int, ranges: Sequence[tuple[float, float]], rgb: Sequence[float], stream: Stream, least: float = 0.4
) -> Any:
    """Reflections: a value of each range, and the light's colour as one of the coatings of a lens reflects it."""

    def one() -> tuple[float, ...]:
        return (*[stream.uniform(*ends) for ends in ranges], *[value * stream.uniform(least, 1.0) for value in rgb])

    return [one() for _ in range(count)]


class LensFlare(ImageTransform):
    """Flare of a bright source: bloom, a starburst of spikes, and ghosts mirrored at the middle of the image.

    flare_roi: box (x_min, y_min, x_max, y_max) that holds the source, fractions. num_ghosts_range, num_rays_range: how
    many. intensity_range: of the source's light, in [0, 1]. bloom_range: radius of the bloom's core as a fraction of
    the longer side, in [0, 1].
    Source: Hullin and others, "Physically-based real-time lens flare rendering", 2011.
    """

    flare_roi: Region = Region(default=(0, 0, 1, 0.5))
    num_ghosts_range: IntLimits = IntLimits(default=(3, 7), low=0, high=128, scalar="fixed")
    intensity_range: Fractions = Fractions(default=(0.3, 0.7))
    num_rays_range: IntLimits = IntLimits(default=(4, 8), low=0, high=128, scalar="fixed")
    bloom_range: Fractions = Fractions(default=(0.01, 0.05))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`ghosts`: (distance along the line from source, 0, to its mirror image, 1; radius; strength; red, green,
        blue).
        """
        x_min, y_min, x_max, y_max = self.flare_roi
        count = stream.integer(*self.num_ghosts_range)
        ghosts = _ghosts(count, ((0.2, 1.3), (0.01, 0.08), (0.3, 0.6)), (255, 255, 255), stream)
        return {
            "flare_center": (stream.uniform(x_min, x_max), stream.uniform(y_min, y_max)),
            "intensity": stream.uniform(*self.intensity_range),
            "num_rays": stream.integer(*self.num_rays_range),
            "angle": stream.uniform(0, math.tau),
            "bloom": stream.uniform(*self.bloom_range),
            "ghosts": ghosts,
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        (x, y), light, bloom = params["flare_center"], params["intensity"], params["bloom"]
        white = tint((255, 250, 240), sig)
        discs = [(x, y, 3 * bloom, light, 1.0, *white), (x, y, 10 * bloom, 0.6 * light, 1.0, *white)]
        for along, radius, strength, *rgb in params["ghosts"]:
            at = (x + 2 * along * (0.5 - x), y + 2 * along * (0.5 - y))
            discs.append((*at, radius, strength * light, 0.2, *tint(rgb, sig)))
        return (ops.Flare(tuple(discs), True, params["num_rays"], 0.03 + 3 * bloom, params["angle"]),)


class Vignetting(ImageTransform):
    """Darker towards the corners, by the cosine fourth law of a lens.

    intensity_range: share of light that the farthest corner loses, in [0, 1]; above 3/4 the law at 45 degrees is made
    steeper. center_range: where the optical axis is, x and y drawn each, in fractions of the size.
    Source: Kingslake, "Optical system design", 1983.
    """

    intensity_range: Fractions = Fractions(default=(0.2, 0.5))
    center_range: Fractions = Fractions(default=(0.3, 0.7))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        center = (stream.uniform(*self.center_range), stream.uniform(*self.center_range))
        return {"intensity": stream.uniform(*self.intensity_range), "center": center}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return (ops.Veil(ops.VignetteLayer(params["center"][0], params["center"][1], params["intensity"])),)


class Illumination(ImageTransform):
    """Uneven lighting: values are multiplied by 1 + intensity * pattern, or 1 - intensity * pattern to darken.

    mode: "linear", a ramp from -1 to 1 along angle_range degrees; "corner", 1 in a drawn corner, 0 in the opposite one;
    "gaussian", exp(-d^2 / (2 sigma^2)) around a centre. effect_type: brighten, darken, or both, one of them drawn.
    center_range, sigma_range: of each of num_spots_range spots, fractions of the size and of the longer side.
    gaussian_spots: always these, a list of (x, y, sigma, strength), each from 0 to 1.
    """

    mode: Option = Option(default="linear", options=("linear", "corner", "gaussian"), keep=True)
    intensity_range: Fractions = Fractions(default=(0.01, 0.2))
    effect_type: Option = Option(default="both", options=("brighten", "darken", "both"))
    angle_range: Limits = Limits(default=(0, 360), low=0, high=360, scalar="fixed", unit="degree")
    center_range: Fractions = Fractions(default=(0.1, 0.9))
    sigma_range: Limits = Limits(default=(0.2, 1.0), low=0, open_low=True, scalar="fixed")
    p: Probability = Probability(default=0.5, kw_only=True)
    num_spots_range: IntLimits = IntLimits(default=(1, 1), low=1, high=64, scalar="fixed")
    gaussian_spots: Maybe = Maybe(
        Numbers(sides=(0, 4), high=1, examples=(((0.3, 0.4, 0.2, 1.0), (0.7, 0.5, 0.3, 0.5)),)), default=None
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        brighter = self.effect_type == "brighten" or (self.effect_type == "both" and stream.random() < 0.5)
        intensity = stream.uniform(*self.intensity_range)
        drawn: Params = {"intensity": intensity if brighter else -intensity}
        if self.mode == "linear":
            drawn["angle"] = stream.uniform(*self.angle_range)
        elif self.mode == "corner":
            drawn["corner"] = stream.integer(0, 3)
        else:
            center, sigma = self.center_range, self.sigma_range
            drawn["spots"] = self.gaussian_spots or [
                (stream.uniform(*center), stream.uniform(*center), stream.uniform(*sigma), 1.0)
                for _ in range(stream.integer(*self.num_spots_range))
            ]
        return drawn

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        strength = params["intensity"]
        if params["mode"] == "linear":
            return (ops.Veil(ops.RampLayer(params["angle"]), 2 * strength, base=1 - strength),)
        if params["mode"] == "corner":
            return (ops.Veil(ops.CornerLayer(params["corner"]), strength),)
        return (ops.Veil(ops.SpotLayer(tuple(map(tuple, params["spots"]))), strength),)


class PlasmaBrightnessContrast(ImageTransform):
    """Brightness and contrast that change over the image like a cloud.

    brightness_range: what is added where the cloud is thickest, fraction of full range, in [-1, 1]. contrast_range:
    share by which values move away from the image's mean there, in [-1, 1]. plasma_size: cells of the finest octave, a
    side. roughness: above 0; each octave is roughness / (roughness + 2) as strong as the one before.
    Source: Fournier, Fussell, Carpenter, "Computer rendering of stochastic models", 1982.
    """

    brightness_range: Limits = Limits(default=(-0.3, 0.3), low=-1, high=1, draws="brightness")
    contrast_range: Limits = Limits(default=(-0.3, 0.3), low=-1, high=1, draws="contrast")
    plasma_size: Integer = Integer(default=256, low=1, keep=True)
    roughness: Number = Number(default=3.0, low=0, open_low=True, keep=True)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        cloud = ops.PlasmaLayer(params["key"], params["plasma_size"], params["roughness"])
        return (ops.Veil(cloud, params["contrast"], (params["brightness"],), about_mean=True),)


class PlasmaShadow(ImageTransform):
    """A shadow like a cloud's: values are multiplied by 1 - intensity * cloud.

    shadow_intensity_range: share of light lost where the cloud is thickest, in [0, 1]. plasma_size, roughness: as of
    PlasmaBrightnessContrast. Source: Fournier, Fussell, Carpenter, "Computer rendering of stochastic models", 1982.
    """

    shadow_intensity_range: Fractions = Fractions(default=(0.3, 0.7), draws="intensity")
    plasma_size: Integer = Integer(default=256, low=1, keep=True)
    roughness: Number = Number(default=3.0, low=0, open_low=True, keep=True)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        cloud = ops.PlasmaLayer(params["key"], params["plasma_size"], params["roughness"])
        return (ops.Veil(cloud, -params["intensity"]),)
