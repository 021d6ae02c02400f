"""Blur and sharpening: neighbourhood filters on images; borders are mirrored without repeating the edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.errors import FieldError, shown
from augury.fields import Flag, Integer, IntLimits, Limits, Maybe, Number, Option, Probability
from augury.kernels.cpu.blur import noisy_gaussian, sinc_kernel
from augury.ops import Coefficients, Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = [
    "AdvancedBlur",
    "Blur",
    "Defocus",
    "Emboss",
    "Enhance",
    "GaussianBlur",
    "GlassBlur",
    "MedianBlur",
    "ModeFilter",
    "MotionBlur",
    "RingingOvershoot",
    "Sharpen",
    "UnsharpMask",
    "ZoomBlur",
]

Rows = tuple[Coefficients, ...]


def odd(stream: Stream, low: int, high: int, least: int = 3) -> int:
    """A drawn odd size; both bounds are raised to the next odd number, and to `least`."""
    low = max(low | 1, least)
    return low + 2 * stream.integer(0, (max(high | 1, low) - low) // 2)


def _gaussian_size(stream: Stream, low: int, high: int) -> int:
    """A drawn odd size; from 0, the choices are 3, 5 ... and 0, which stands for the size that sigma asks for."""
    if low > 0:
        return odd(stream, low, high, 1)
    size = odd(stream, 1, high, 1) if high > 0 else 1
    return size if size > 1 else 0


class Blur(ImageTransform):
    """Mean of a square of pixels.

    blur_range: side of the square, pixels; odd sizes of at least 3 are drawn, so bounds are raised to the next one.
    """

    blur_range: IntLimits = IntLimits(default=(3, 7), low=0, scalar=3, alias="blur_limit", unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"kernel": odd(stream, *self.blur_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.BoxBlur(params["kernel"]),)


class MedianBlur(Blur):
    """Median of a square of pixels; above 5 pixels, uint16 and float images are rounded to 8 bits.

    blur_range: side of the square, pixels; odd sizes of at least 3 are drawn, so bounds are raised to the next one.
    """

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.MedianBlur(params["kernel"]),)


class GaussianBlur(ImageTransform):
    """Gaussian-weighted mean.

    blur_range: side of the kernel, pixels; odd sizes are drawn. 0 means 2 * floor(3.5 * sigma) + 1; with a range from
    0, that is one of the choices, beside the odd sizes from 3.
    sigma_range: standard deviation, pixels; 0 means 0.15 * (side - 1) + 0.5 for a drawn side, and no blur
    without one.
    volume_mode: "slice" blurs each slice of a volume alone. "3d", sigma_z_range and blur_z_range, which blur across
    slices, raise FieldError.
    """

    blur_range: IntLimits = IntLimits(default=(0, 0), low=0, scalar=0, alias="blur_limit", unit="pixel")
    sigma_range: Limits = Limits(default=(0.5, 3.0), low=0, scalar=0, alias="sigma_limit", unit="pixel")
    p: Probability = Probability(default=0.5, kw_only=True)
    volume_mode: Option = Option(default="slice", options=("slice", "3d"))
    sigma_z_range: Maybe = Maybe(Limits(low=0, scalar=0, unit="slice"), default=None)
    blur_z_range: Maybe = Maybe(IntLimits(low=0, scalar=0, unit="slice"), default=None)

    def check(self) -> None:
        across: dict[str, Any] = {"sigma_z_range": self.sigma_z_range, "blur_z_range": self.blur_z_range}
        if self.volume_mode != "slice":
            across = {"volume_mode": self.volume_mode}
        for name, value in across.items():
            if value is not None:
                raise FieldError(
                    f"GaussianBlur.{name}: got {shown(value)}; blurring across slices is not supported, leave it out"
                    " and every slice of a volume is blurred alone"
                )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"kernel_size": _gaussian_size(stream, *self.blur_range), "sigma": stream.uniform(*self.sigma_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        size, sigma = params["kernel_size"], params["sigma"]
        return (ops.GaussianBlur(size, sigma or (0.15 * (size - 1) + 0.5 if size else 0.0)),)


def motion_kernel(size: int, angle: float, direction: float, shift: tuple[int, int]) -> Rows:
    """Weights, equal and of sum 1, of a line of pixels through a square of size x size.

    The line runs at `angle` (degrees, clockwise from the right) from size // 2 pixels behind the centre to as many
    ahead; a positive direction shortens what lies behind, a negative one what lies ahead, to nothing at 1 and -1. It is
    moved by `shift` (right, down; pixels), and what then lies outside the square is left out. Points at most one pixel
    apart on the line each count for the nearest pixel.
    """
    half = size // 2
    start, end = -half * (1 - max(direction, 0.0)), half * (1 + min(direction, 0.0))
    x_step, y_step = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    count = math.ceil(end - start)
    line = set()
    for i in range(count + 1):
        at = start + (end - start) * i / count
        # Rounded to a millionth first, so that no library's last bit of a sine decides between two pixels.
        x, y = round(half + shift[0] + at * x_step, 6), round(half + shift[1] + at * y_step, 6)
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if 0 <= row < size and 0 <= column < size:
            line.add((row, column))
    weight = 1.0 / len(line)
    return tuple([tuple([weight if (row, column) in line else 0.0 for column in range(size)]) for row in range(size)])


class MotionBlur(ImageTransform):
    """Mean along a line, as if camera or object had moved.

    blur_range: length of the line, pixels; odd sizes of at least 3 are drawn, so bounds are raised to the next one.
    allow_shifted: the line need not pass through the pixel; it is moved by up to a quarter of its length along x and y.
    angle_range: direction of the line, degrees clockwise from the right, in [0, 360]. direction_range: in [-1, 1]; 0 is
    a line to both sides of the pixel, 1 only ahead, -1 only behind.
    """

    blur_range: IntLimits = IntLimits(default=(3, 7), low=0, scalar=3, alias="blur_limit", unit="pixel")
    allow_shifted: Flag = Flag(default=True)
    angle_range: Limits = Limits(default=(0, 360), low=0, high=360, scalar="fixed", unit="degree")
    direction_range: Limits = Limits(default=(-1.0, 1.0), low=-1, high=1, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        size = odd(stream, *self.blur_range)
        angle, direction = stream.uniform(*self.angle_range), stream.uniform(*self.direction_range)
        far = size // 4 if self.allow_shifted else 0
        shift = (stream.integer(-far, far), stream.integer(-far, far))
        return {"kernel_size": size, "angle": angle, "direction": direction, "shift": shift}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (
            ops.Filter(motion_kernel(params["kernel_size"], params["angle"], params["direction"], params["shift"])),
        )


class Defocus(ImageTransform):
    """Blur of a lens out of focus: mean over a soft disc.

    radius_range: of the disc, pixels, at least 1. alias_blur_range: standard deviation of the Gaussian that softens its
    edge, pixels. Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """

    radius_range: IntLimits = IntLimits(default=(3, 10), low=1, scalar=1, alias="radius", unit="pixel")
    alias_blur_range: Limits = Limits(default=(0.1, 0.5), low=0, scalar=0, alias="alias_blur", unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"radius": stream.integer(*self.radius_range), "alias_blur": stream.uniform(*self.alias_blur_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Defocus(params["radius"], params["alias_blur"]),)


class Sharpen(ImageTransform):
    """Strengthen what differs from the neighbourhood.

    alpha_range: how much, in [0, 1]. method "kernel": the image correlated with (1 - alpha) * identity + alpha * K,
    where K is 8 + lightness in the centre of 3 x 3 and -1 around; lightness 1 (lightness_range, at least 0) keeps flat
    areas.
    method "gaussian": value + alpha * (value - Gaussian of kernel_size (odd, pixels, at least 3) and sigma (pixels,
    above 0)).
    """

    alpha_range: Limits = Limits(default=(0.2, 0.5), low=0, high=1, scalar="fixed", alias="alpha")
    lightness_range: Limits = Limits(default=(0.5, 1.0), low=0, scalar="fixed", alias="lightness")
    method: Option = Option(default="kernel", options=("kernel", "gaussian"), keep=True)
    kernel_size: Integer = Integer(default=5, low=3, unit="pixel", keep=True)
    sigma: Number = Number(default=1.0, low=0, open_low=True, unit="pixel", keep=True)

    def check(self) -> None:
        if self.kernel_size % 2 == 0:
            raise FieldError(f"Sharpen.kernel_size: got {self.kernel_size}; pass an odd integer")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha": stream.uniform(*self.alpha_range), "lightness": stream.uniform(*self.lightness_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        alpha = params["alpha"]
        if params["method"] == "gaussian":
            return (ops.Unsharp(params["kernel_size"], params["sigma"], alpha),)
        centre = 1 - alpha + alpha * (8 + params["lightness"])
        full = (-alpha, -alpha, -alpha)
        return (ops.Filter((full, (-alpha, centre, -alpha), full)),)


class Emboss(ImageTransform):
    """Relief lit from one corner, mixed with the image.

    alpha_range: share of the relief, in [0, 1]. strength_range: s >= 0 in the relief's kernel, row by row
    (-1 - s, -s, 0), (-s, 1, s), (0, s, 1 + s).
    """

    alpha_range: Limits = Limits(default=(0.2, 0.5), low=0, high=1, scalar="fixed", alias="alpha")
    strength_range: Limits = Limits(default=(0.2, 0.7), low=0, scalar="fixed", alias="strength")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha": stream.uniform(*self.alpha_range), "strength": stream.uniform(*self.strength_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        side = params["alpha"] * params["strength"]
        corner = params["alpha"] + side
        return (ops.Filter(((-corner, -side, 0.0), (-side, 1.0, side), (0.0, side, corner))),)


# Kernels of Pillow's filters EDGE_ENHANCE and DETAIL, minus the identity: weights of corners, sides and the centre.
_ENHANCE = {"edge": (-0.5, -0.5, 4.0), "detail": (0.0, -1 / 6, 4 / 6)}


class Enhance(ImageTransform):
    """Strengthen edges or details as Pillow's filters EDGE_ENHANCE and DETAIL do.

    alpha_range: share of the filtered image, in [0, 1].
    """

    mode: Option = Option(default="edge", options=("edge", "detail"), keep=True)
    alpha_range: Limits = Limits(default=(0.5, 1.0), low=0, high=1, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha": stream.uniform(*self.alpha_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        corner, side, centre = (params["alpha"] * weight for weight in _ENHANCE[params["mode"]])
        return (ops.Filter(((corner, side, corner), (side, 1 + centre, side), (corner, side, corner))),)


class UnsharpMask(ImageTransform):
    """Sharpen edges, and leave alone what differs little from its neighbourhood.

    blur_range, sigma_range: of the Gaussian that an edge is compared with, as in GaussianBlur, pixels. alpha_range: how
    much of the difference is added. threshold: least difference that counts as an edge, 255ths of full range.
    """

    blur_range: IntLimits = IntLimits(default=(3, 7), low=0, scalar=3, alias="blur_limit", unit="pixel")
    sigma_range: Limits = Limits(default=(0.0, 0.0), low=0, scalar=0, alias="sigma_limit", unit="pixel")
    alpha_range: Limits = Limits(default=(0.2, 0.5), low=0, high=1, scalar=0, alias="alpha")
    threshold: Integer = Integer(default=10, low=0, high=255, keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        size, sigma = _gaussian_size(stream, *self.blur_range), stream.uniform(*self.sigma_range)
        return {"kernel_size": size or (0 if sigma else 3), "sigma": sigma, "alpha": stream.uniform(*self.alpha_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Unsharp(params["kernel_size"], params["sigma"], params["alpha"], params["threshold"] / 255),)


class AdvancedBlur(ImageTransform):
    """Mean with weights of a turned, generalised and noisy Gaussian.

    blur_range: side of the kernel, pixels; odd sizes of at least 3. sigma_x_range, sigma_y_range: widths, pixels.
    rotate_range: degrees. beta_range: exponent; 1 is a Gaussian, more a box, less a peak; half of the draws are below 1
    where the range allows. noise_range: factor of each weight.
    Source: Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data", 2021.
    """

    blur_range: IntLimits = IntLimits(default=(3, 7), low=0, high=255, scalar=3, alias="blur_limit", unit="pixel")
    sigma_x_range: Limits = Limits(default=(0.2, 1.0), low=0, scalar=0, alias="sigma_x_limit", unit="pixel")
    sigma_y_range: Limits = Limits(default=(0.2, 1.0), low=0, scalar=0, alias="sigma_y_limit", unit="pixel")
    rotate_range: Limits = Limits(default=(-90, 90), alias="rotate_limit", unit="degree")
    beta_range: Limits = Limits(default=(0.5, 8.0), low=0, scalar=0, alias="beta_limit")
    noise_range: Limits = Limits(default=(0.9, 1.1), low=0, scalar=0, alias="noise_limit")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        low, high = self.beta_range
        if low < 1.0 < high:
            low, high = (low, 1.0) if stream.random() < 0.5 else (1.0, high)
        return {
            "kernel_size": odd(stream, *self.blur_range),
            "sigma": (stream.uniform(*self.sigma_x_range), stream.uniform(*self.sigma_y_range)),
            "angle": stream.uniform(*self.rotate_range),
            "beta": stream.uniform(low, high),
            "noise": self.noise_range,
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        keys = ("kernel_size", "sigma", "angle", "beta", "noise", "key")
        return (ops.Filter(noisy_gaussian(*(params[key] for key in keys))),)


class RingingOvershoot(ImageTransform):
    """Ripples beside edges, from cutting off high frequencies sharply.

    blur_range: side of the kernel, pixels; odd sizes of at least 3. cutoff_range: highest frequency that is kept,
    radians per pixel, in (0, pi]. Source: Wang et al., "Real-ESRGAN ...", 2021.
    """

    blur_range: IntLimits = IntLimits(default=(7, 15), low=0, high=255, scalar=3, alias="blur_limit", unit="pixel")
    cutoff_range: Limits = Limits(
        default=(math.pi / 4, math.pi / 2), low=0, high=math.pi, open_low=True, scalar="fixed", alias="cutoff"
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"kernel_size": odd(stream, *self.blur_range), "cutoff": stream.uniform(*self.cutoff_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Filter(sinc_kernel(params["kernel_size"], params["cutoff"])),)


class ZoomBlur(ImageTransform):
    """Blur along rays from the centre, as if the camera had moved forward.

    max_factor_range: largest enlargement. step_factor_range: step between the enlargements that are averaged, raised
    where more than 256 of them would be needed.
    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """

    max_factor_range: Limits = Limits(default=(1, 1.31), low=1, scalar=1, alias="max_factor")
    step_factor_range: Limits = Limits(default=(0.01, 0.03), low=0, scalar=0, alias="step_factor")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        factor, step = stream.uniform(*self.max_factor_range), stream.uniform(*self.step_factor_range)
        return {"max_factor": factor, "step_factor": max(step, (factor - 1) / 255, 1e-6)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.ZoomBlur(params["max_factor"], params["step_factor"]),)


class GlassBlur(ImageTransform):
    """Frosted glass: pixels change places at random between two Gaussian blurs.

    sigma: of both blurs, pixels. max_delta: how far a pixel moves at most, along each axis, pixels. iterations: how
    often. mode: "exact" lets pairs trade places one after another, "fast" lets every pixel show another at once.
    Source: Hendrycks and Dietterich, "Benchmarking neural network robustness", 2019.
    """

    sigma: Number = Number(default=0.7, low=0, unit="pixel", keep=True)
    max_delta: Integer = Integer(default=4, low=1, high=1000, unit="pixel", keep=True)
    iterations: Integer = Integer(default=2, low=1, keep=True)
    mode: Option = Option(default="fast", options=("fast", "exact"), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        move = ops.Scatter(params["key"], params["max_delta"], params["iterations"], params["mode"] == "exact")
        soft = (ops.GaussianBlur(0, params["sigma"]),) if params["sigma"] else ()
        return (*soft, move, *soft)


class ModeFilter(ImageTransform):
    """The most frequent value of a square of pixels, as in Pillow; uint16 and float images are rounded to 8 bits.

    kernel_range: side of the square, pixels; odd sizes of at least 3.
    """

    kernel_range: IntLimits = IntLimits(default=(3, 7), low=1, high=255, scalar=3, unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"kernel": odd(stream, *self.kernel_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.ModeFilter(params["kernel"]),)
