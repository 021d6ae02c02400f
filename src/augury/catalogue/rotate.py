"""Turns about the image centre by any angle; positive angles turn counter-clockwise, as seen on the screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from augury.catalogue.affine import BOX_METHODS, warp
from augury.fields import Border, Fill, Flag, Interpolation, Limits, Option
from augury.maps import Matrix
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["Rotate", "SafeRotate"]


class Rotate(GeometricTransform):
    """Turn about the image centre; the size stays unless crop_border.

    angle_range: degrees, counter-clockwise; a number x means (-x, x).
    rotate_method: how boxes follow, "largest_box" (hull of the turned corners) or "ellipse" (hull of the inscribed
    ellipse). crop_border: cut the result to the largest upright rectangle that shows no border.
    fill, fill_mask: of pixels from outside, in the image's own range, where border_mode is 0 (constant).
    """

    angle_range: Limits = Limits(default=(-90, 90), unit="degree", alias="limit")
    interpolation: Interpolation = Interpolation(default=1)
    border_mode: Border = Border(default=0)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    crop_border: Flag = Flag(default=False, keep=True)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"angle": stream.uniform(*self.angle_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        a, b, _, d, e, *_ = Matrix.rotate(params["angle"]).rows
        if not params["crop_border"]:
            return warp(params, (a, b, d, e), height, width, height, width)
        new_height, new_width = inner_size(abs(a), abs(b), height, width)
        return warp(params, (a, b, d, e), height, width, new_height, new_width)


def inner_size(cos: float, sin: float, height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest upright rectangle inside a turned height x width image and its frame.

    In whole pixels, of the frame's parity, so that both share their centre. Either two opposite corners touch the two
    longer sides of the turned image (when it is long and thin), or each corner touches one side.
    """
    long, short = (width, height) if width >= height else (height, width)
    if short <= 2.0 * sin * cos * long or abs(cos - sin) < 1e-9:
        half = 0.5 * short
        across, down = (half / sin, half / cos) if width >= height else (half / cos, half / sin)
    else:
        double = cos * cos - sin * sin
        across, down = (width * cos - height * sin) / double, (height * cos - width * sin) / double
    return _inside(down, height), _inside(across, width)


def _inside(length: float, size: int) -> int:
    whole = min(size, math.floor(length + 1e-6))
    return max(1, whole - (size - whole) % 2)


class SafeRotate(GeometricTransform):
    """Turn about the image centre and shrink or stretch each axis so that the whole turned image fills the old size.

    angle_range: degrees, counter-clockwise; a number x means (-x, x). Other fields as in Rotate; fill_mask None means
    0.
    """

    angle_range: Limits = Limits(default=(-90, 90), unit="degree", alias="limit")
    interpolation: Interpolation = Interpolation(default=1)
    border_mode: Border = Border(default=0)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=None, nullable=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"angle": stream.uniform(*self.angle_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        a, b, _, d, e, *_ = Matrix.rotate(params["angle"]).rows
        x = width / (abs(a) * width + abs(b) * height)
        y = height / (abs(d) * width + abs(e) * height)
        return warp(params, (x * a, x * b, y * d, y * e), height, width, height, width)
