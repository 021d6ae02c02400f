"""Affine and projective moves of the whole image; x right, y down, about the image centre."""

from __future__ import annotations

import math

from augury import maps, quads
from augury.catalogue.pad import Bordered
from augury.errors import FieldError, shown
from augury.fields import Axes, Border, Fill, Flag, Interpolation, IntLimits, Limits, Maybe, Option
from augury.ops import Warp
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Ops, Params

__all__ = ["Affine", "Perspective", "ShiftScaleRotate"]

BOX_METHODS = ("largest_box", "ellipse")
Linear = tuple[float, float, float, float]
Range = tuple[float, float]


def warp(
    params: Params, linear: Linear, sig: Signature, height: int, width: int, x: float = 0.0, y: float = 0.0
) -> Ops:
    """The op of `linear` (a, b, c, d: rows of a 2x2 matrix), whose result of height x width has the old centre (x, y)
    from its own.
    """
    old_height, old_width = sig.shape[:2]
    a, b, c, d = linear
    x += (width - a * old_width - b * old_height) / 2
    y += (height - c * old_width - d * old_height) / 2
    return warped(params, (a, b, x, c, d, y, 0.0, 0.0, 1.0), height, width)


def warped(params: Params, matrix: tuple[float, ...], height: int, width: int) -> Ops:
    """The op of a 3x3 matrix with the interpolation, border and fill of `params`."""
    fill_mask = params["fill_mask"]
    return (
        Warp(
            matrix, height, width, params["interpolation"], params["mask_interpolation"], params["border_mode"],
            params["fill"], 0 if fill_mask is None else fill_mask, params.get("rotate_method", "largest_box"),
        ),
    )  # fmt: skip


class Affine(GeometricTransform):
    """Scale, then rotate, then shear about the image centre, then translate, in one interpolation.

    scale: factor; shear: degrees, a positive x moves lower rows to the left, a positive y moves right columns up. Both:
    a number, a range drawn for each axis by itself, or {"x": ..., "y": ...}.
    translate_percent: fraction of width (x) and height (y), rounded to whole pixels; translate_px: pixels; at most one
    of them. rotate: degrees, counter-clockwise. A single number is a fixed value in all of these.
    keep_ratio: x and y share one scale. balanced_scale: shrink and enlarge equally often if the range holds both.
    fit_output: the size changes to that of the moved image, and there is no translation.
    Other fields as in Rotate; fill_mask None means 0.
    """

    pixel_params = frozenset({"translate"})
    scale: Axes = Axes(
        Limits(low=0, open_low=True, scalar="fixed"), missing=1, default=(1, 1), examples=(0.5, (0.8, 1.2))
    )
    translate_percent: Maybe = Maybe(
        Axes(Limits(low=-1, high=1, scalar="fixed"), examples=((-0.1, 0.1), {"x": 0.2})), default=None
    )
    translate_px: Maybe = Maybe(
        Axes(IntLimits(scalar="fixed", unit="pixel"), examples=(5, {"y": (-4, 4)})), default=None
    )
    rotate: Limits = Limits(default=(0.0, 0.0), scalar="fixed", unit="degree")
    shear: Axes = Axes(
        Limits(low=-89, high=89, scalar="fixed", unit="degree"), default=(0, 0), examples=((-10, 10), {"x": 5})
    )
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fit_output: Flag = Flag(default=False, keep=True)
    keep_ratio: Flag = Flag(default=True)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    balanced_scale: Flag = Flag(default=False)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=None, nullable=True)

    def check(self) -> None:
        if self.translate_percent is not None and self.translate_px is not None:
            raise FieldError(
                f"Affine.translate_px: got {shown(self.translate_px)} beside translate_percent; pass one of them"
            )
        if self.keep_ratio and self.scale["x"] != self.scale["y"]:
            raise FieldError(
                f"Affine.scale: got {shown(self.scale)} with keep_ratio; pass keep_ratio=False, or one range for both"
            )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        uniform = stream.uniform
        scale, shear = self.scale, self.shear
        x = self._factor(stream, scale["x"])
        y = x if self.keep_ratio else self._factor(stream, scale["y"])
        out: Params = {
            "scale": {"x": x, "y": y},
            "rotate": uniform(*self.rotate),
            "shear": {"x": uniform(*shear["x"]), "y": uniform(*shear["y"])},
        }
        if self.translate_px is not None:
            px = self.translate_px
            out["translate"] = (stream.integer(*px["x"]), stream.integer(*px["y"]))
        elif self.translate_percent is not None:
            part, (height, width) = self.translate_percent, sig.shape[:2]
            out["translate"] = (round(uniform(*part["x"]) * width), round(uniform(*part["y"]) * height))
        else:
            out["translate"] = (0, 0)
        return out

    def _factor(self, stream: Stream, limits: Range) -> float:
        low, high = limits
        if self.balanced_scale and low < 1.0 < high:
            return stream.uniform(low, 1.0) if stream.random() < 0.5 else stream.uniform(1.0, high)
        return stream.uniform(low, high)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        height, width = sig.shape[:2]
        linear = maps.linear(params["rotate"], params["scale"], params["shear"])
        if params["fit_output"]:
            a, b, c, d = linear
            # Rounding errors must not add a row of border.
            new_width = max(1, math.ceil(abs(a) * width + abs(b) * height - 1e-6))
            new_height = max(1, math.ceil(abs(c) * width + abs(d) * height - 1e-6))
            return warp(params, linear, sig, new_height, new_width)
        x, y = params["translate"]
        return warp(params, linear, sig, height, width, x, y)


class ShiftScaleRotate(GeometricTransform):
    """Rotate and scale about the image centre, then shift, in one interpolation.

    shift_range: fraction of width and height, rounded to whole pixels; shift_range_x and shift_range_y override it for
    one axis. scale_range: added to 1 gives the factor of both axes. rotate_range: degrees, counter-clockwise.
    A number x means (-x, x) in all of these. Other fields as in Rotate.
    """

    pixel_params = frozenset({"shift"})
    shift_range: Limits = Limits(default=(-0.0625, 0.0625), low=-1, high=1, alias="shift_limit")
    scale_range: Limits = Limits(default=(-0.1, 0.1), low=-1, open_low=True, alias="scale_limit")
    rotate_range: Limits = Limits(default=(-45, 45), unit="degree", alias="rotate_limit")
    interpolation: Interpolation = Interpolation(default=1)
    border_mode: Border = Border(default=0)
    shift_range_x: Maybe = Maybe(Limits(low=-1, high=1, alias="shift_limit_x"), default=None)
    shift_range_y: Maybe = Maybe(Limits(low=-1, high=1, alias="shift_limit_y"), default=None)
    rotate_method: Option = Option(default="largest_box", options=BOX_METHODS, keep=True)
    mask_interpolation: Interpolation = Interpolation(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        x = stream.uniform(*(self.shift_range_x or self.shift_range))
        y = stream.uniform(*(self.shift_range_y or self.shift_range))
        return {
            "shift": (round(x * width), round(y * height)),
            "scale": 1.0 + stream.uniform(*self.scale_range),
            "angle": stream.uniform(*self.rotate_range),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        a, b, _, c, d, *_ = maps.Matrix.rotate(params["angle"]).rows
        scale = params["scale"]
        return warp(params, (scale * a, scale * b, scale * c, scale * d), sig, *sig.shape[:2], *params["shift"])


class Perspective(Bordered):
    """Look at the image from another side: four points near its corners become the corners of the result.

    scale: how far the points lie inside, as the standard deviation of a fraction of the size; a number x means (0, x).
    Each distance is the absolute value of a Gaussian, folded into [0, 0.5); points that form no convex quadrilateral
    move outwards.
    keep_size: the result has the old size, otherwise that of the longer of opposite sides.
    fit_output: shrink so that the whole image stays visible, instead of only what lies between the points; these move
    outwards until no corner of the image is enlarged more than four times as much as another.
    Other fields as in Rotate.
    """

    pixel_params = frozenset({"corners"})
    scale: Limits = Limits(default=(0.05, 0.1), low=0, scalar=0.0)
    keep_size: Flag = Flag(default=True, keep=True)
    fit_output: Flag = Flag(default=False, keep=True)
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        return {"corners": quads.drawn(stream.uniform(*self.scale), height, width, self.fit_output, stream)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        height, width = sig.shape[:2]
        return warped(
            params, *quads.rectified(params["corners"], height, width, params["keep_size"], params["fit_output"])
        )
