"""What lenses, film and print do to a picture."""

from __future__ import annotations

from collections.abc import Sequence

from augury import ops
from augury.catalogue.color import is_rgb
from augury.fields import Flag, Integer, Interpolation, IntLimits, Limits, Option
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["ChromaticAberration", "Dithering", "FilmGrain", "Halftone"]


class ChromaticAberration(ImageTransform):
    """Colour fringes: red and blue are distorted about the middle, green is not; gray images stay as they are.

    primary_distortion_range, secondary_distortion_range: k1, k2 of 1 + k1 r^2 + k2 r^4, r in fractions of the size.
    mode: "green_purple" bends red and blue the same way, "red_blue" opposite ways, "random" each as drawn.
    Source: Brown, "Decentering distortion of lenses", 1966.
    """

    primary_distortion_range: Limits = Limits(default=(-0.02, 0.02), alias="primary_distortion_limit")
    secondary_distortion_range: Limits = Limits(default=(-0.05, 0.05), alias="secondary_distortion_limit")
    mode: Option = Option(default="green_purple", options=("green_purple", "red_blue", "random"))
    interpolation: Interpolation = Interpolation(default=1, resize=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """`red`, `blue`: (k1, k2)."""
        red, blue = (
            [stream.uniform(*self.primary_distortion_range), stream.uniform(*self.secondary_distortion_range)]
            for _ in range(2)
        )
        if self.mode != "random":
            sign = 1 if self.mode == "green_purple" else -1
            blue = [sign * abs(b) if r >= 0 else -sign * abs(b) for r, b in zip(red, blue, strict=True)]
        return {"red": red, "blue": blue}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not is_rgb(sig, "ChromaticAberration"):
            return ()
        return (ops.Aberration(tuple(params["red"]), tuple(params["blue"]), params["interpolation"]),)


class FilmGrain(ImageTransform):
    """Grain of photographic film: gray noise, strongest in the middle tones.

    intensity_range: in [0, 1]; the noise of a tone v has the standard deviation intensity * sqrt(v (1 - v)), as grains
    cover a share of the film that is the tone. grain_size_range: pixels, at least 1.
    Source: Newson and others, "A stochastic film grain model", 2017.
    """

    intensity_range: Limits = Limits(default=(0.1, 0.3), low=0, high=1, scalar="fixed")
    grain_size_range: IntLimits = IntLimits(default=(1, 3), low=1, high=256, scalar="fixed", unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        intensity, size = stream.uniform(*self.intensity_range), stream.integer(*self.grain_size_range)
        return {"intensity": intensity, "grain_size": size, "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Grain(params["key"], params["intensity"], params["grain_size"]),)


class Halftone(ImageTransform):
    """Print: each channel as dots of ink on a turned grid, whose area is the darkness.

    dot_size_range: distance of the dots, pixels, at least 2. blend_range: share of the image that remains, in [0, 1].
    Source: Ulichney, "Digital halftoning", 1987; screens at 15, 75 and 0 degrees for red, green, blue, else at 45.
    """

    dot_size_range: IntLimits = IntLimits(default=(4, 10), low=2, high=1024, scalar="fixed", unit="pixel")
    blend_range: Limits = Limits(default=(0.0, 0.5), low=0, high=1, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"dot_size": stream.integer(*self.dot_size_range), "blend": stream.uniform(*self.blend_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Halftone(params["dot_size"], params["blend"]),)


class Dithering(ImageTransform):
    """Few colours, spread so that areas keep their mean.

    method: "error_diffusion" hands a pixel's error on to later ones, as error_diffusion_algorithm says, every other row
    backwards if serpentine; "ordered" compares with a Bayer matrix of bayer_matrix_size; "random" with noise in
    noise_range, in steps between colours. n_colors: levels per channel, 2 to 256. color_mode: "grayscale" makes all
    channels the dithered gray, "per_channel" dithers each. Sources: Floyd and Steinberg, 1976; Bayer, 1973; Roberts,
    1962.
    """

    method: Option = Option(default="error_diffusion", options=("error_diffusion", "ordered", "random"), keep=True)
    n_colors: Integer = Integer(default=2, low=2, high=256, keep=True)
    color_mode: Option = Option(default="grayscale", options=("grayscale", "per_channel"), keep=True)
    error_diffusion_algorithm: Option = Option(
        default="floyd_steinberg",
        options=("floyd_steinberg", "jarvis", "stucki", "atkinson", "burkes", "sierra", "sierra_2row", "sierra_lite"),
        keep=True,
    )
    bayer_matrix_size: Option = Option(default=4, options=(2, 4, 8, 16), keep=True)
    serpentine: Flag = Flag(default=False, keep=True)
    noise_range: Limits = Limits(default=(-0.5, 0.5), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"key": stream.key() if self.method == "random" else ""}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        gray = params["color_mode"] == "grayscale"
        algorithm, serpentine = params["error_diffusion_algorithm"], params["serpentine"]
        size, (low, high) = params["bayer_matrix_size"], params["noise_range"]
        return (
            ops.Dither(
                params["method"], params["n_colors"], gray, algorithm, serpentine, size, params["key"], low, high
            ),
        )
