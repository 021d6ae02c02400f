"""Blur and sharpening: neighbourhood filters on images; borders are mirrored without repeating the edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.errors import FieldError, shown
from augury.fields import Flag, Integer, IntLimits, Limits, Maybe, Number, Option, Probability
from augury.ops import Coefficients, Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["Blur", "Defocus", "Emboss", "GaussianBlur", "MedianBlur", "MotionBlur", "Sharpen"]

Rows = tuple[Coefficients, ...]


def _odd(stream: Stream, low: int, high: int, least: int = 3) -> int:
    """A drawn odd size; both bounds are raised to the next odd number, and to `least`."""
    low = max(low | 1, least)
    return low + 2 * stream.integer(0, (max(high | 1, low) - low) // 2)


class Blur(ImageTransform):
    """Mean of a square of pixels.

    blur_range: side of the square, pixels; odd sizes of at least 3 are drawn, so bounds are raised to the next one.
    """

    blur_range: IntLimits = IntLimits(default=(3, 7), low=0, scalar=3, alias="blur_limit", unit="pixel")
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"kernel": _odd(stream, *self.blur_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.BoxBlur(params["kernel"]),)


class MedianBlur(Blur):
    """Median of a square of pixels; above 5 pixels, uint16 and float images are rounded to 8 bits.

    blur_range: side of the square, pixels; odd sizes of at least 3 are drawn, so bounds are raised to the next one.
    """

    p: Probability = Probability(default=0.5)

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
    p: Probability = Probability(default=0.5)
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
        low, high = self.blur_range
        if low > 0:
            size = _odd(stream, low, high, 1)
        else:
            # The choices 1, 3, 5 ..., where 1 stands for the size that sigma asks for.
            size = _odd(stream, 1, high, 1) if high > 0 else 1
            size = size if size > 1 else 0
        return {"kernel_size": size, "sigma": stream.uniform(*self.sigma_range)}

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
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        size = _odd(stream, *self.blur_range)
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
    p: Probability = Probability(default=0.5)

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
    p: Probability = Probability(default=0.5)

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
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"alpha": stream.uniform(*self.alpha_range), "strength": stream.uniform(*self.strength_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        side = params["alpha"] * params["strength"]
        corner = params["alpha"] + side
        return (ops.Filter(((-corner, -side, 0.0), (-side, 1.0, side), (0.0, side, corner))),)
