"""Turns about the image centre by any angle; positive angles turn counter-clockwise, as seen on the screen."""

from __future__ import annotations

from augury import windows
from augury.catalogue.affine import BOX_METHODS, warp
from augury.fields import Border, Fill, Flag, Interpolation, Limits, Option
from augury.maps import Matrix
from augury.sample import Signature
from augury.transform import GeometricTransform, Ops, Params

__all__ = ["Rotate", "SafeRotate"]


class Rotate(GeometricTransform):
    """Turn about the image centre; the size stays unless crop_border.

    angle_range: degrees, counter-clockwise; a number x means (-x, x).
    rotate_method: how boxes follow, "largest_box" (hull of the turned corners) or "ellipse" (hull of the inscribed
    ellipse). crop_border: cut the result to the largest upright rectangle that shows no border.
    fill, fill_mask: of pixels from outside, in the image's own range, where border_mode is 0 (constant).
    """

    angle_range: Limits = Limits(default=(-90, 90), unit="degree", alias="limit", draws="angle")
    interpolation: Interpolation = Interpolation(default=1)
    border_mode: Border = Border(default=0)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    crop_border: Flag = Flag(default=False, keep=True)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        height, width = sig.shape[:2]
        a, b, _, d, e, *_ = Matrix.rotate(params["angle"]).rows
        if params["crop_border"]:
            height, width = windows.inner_size(abs(a), abs(b), height, width)
        return warp(params, (a, b, d, e), sig, height, width)


class SafeRotate(GeometricTransform):
    """Turn about the image centre and shrink or stretch each axis so that the whole turned image fills the old size.

    angle_range: degrees, counter-clockwise; a number x means (-x, x). Other fields as in Rotate; fill_mask None means
    0.
    """

    angle_range: Limits = Limits(default=(-90, 90), unit="degree", alias="limit", draws="angle")
    interpolation: Interpolation = Interpolation(default=1)
    border_mode: Border = Border(default=0)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=None, nullable=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        height, width = sig.shape[:2]
        a, b, _, d, e, *_ = Matrix.rotate(params["angle"]).rows
        x = width / (abs(a) * width + abs(b) * height)
        y = height / (abs(d) * width + abs(e) * height)
        return warp(params, (x * a, x * b, y * d, y * e), sig, height, width)
