"""Affine and projective moves of the whole image; x right, y down, about the image centre."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from augury.errors import FieldError, SampleError, shown
from augury.fields import Border, Fill, Flag, Interpolation, Limits, Maybe, Option, Plain, Probability
from augury.maps import Matrix
from augury.ops import Op, Warp
from augury.rng import Stream, normal_quantile
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["Affine", "Perspective", "ShiftScaleRotate"]

BOX_METHODS = ("largest_box", "ellipse")
Linear = tuple[float, float, float, float]
Range = tuple[float, float]


def warp(
    params: Params,
    linear: Linear,
    height: int,
    width: int,
    new_height: int,
    new_width: int,
    x: float = 0.0,
    y: float = 0.0,
) -> Sequence[Op]:
    """The op of `linear` (a, b, c, d: rows of a 2x2 matrix) that brings the old centre to the new one plus (x, y)."""
    a, b, c, d = linear
    x += (new_width - a * width - b * height) / 2
    y += (new_height - c * width - d * height) / 2
    return warped(params, (a, b, x, c, d, y, 0.0, 0.0, 1.0), new_height, new_width)


def warped(params: Params, matrix: tuple[float, ...], height: int, width: int) -> Sequence[Op]:
    """The op of a 3x3 matrix with the interpolation, border and fill of `params`."""
    fill_mask = params["fill_mask"]
    return (
        Warp(
            matrix, height, width, params["interpolation"], params["mask_interpolation"], params["border_mode"],
            params["fill"], 0 if fill_mask is None else fill_mask, params.get("rotate_method", "largest_box"),
        ),
    )  # fmt: skip


def per_axis(limits: Limits, missing: float) -> Callable[[Any], dict[str, Range]]:
    """A check that turns a number, a pair or {"x": ..., "y": ...} into one range per axis."""

    def check(value: Any) -> dict[str, Range]:
        if not isinstance(value, Mapping):
            both = limits.convert(value)
            return {"x": both, "y": both}
        if not value or set(value) - {"x", "y"}:
            raise ValueError("pass a number, a pair (low, high), or a dict with 'x', 'y' or both")
        return {axis: limits.convert(value.get(axis, (missing, missing))) for axis in ("x", "y")}

    return check


def axes_shape(kind: str = "number") -> dict[str, Any]:
    """JSON schema of what `per_axis` accepts."""
    pair = {"type": "array", "items": {"type": kind}, "minItems": 2, "maxItems": 2}
    one = [{"type": kind}, pair]
    return {"anyOf": [*one, {"type": "object", "properties": {"x": {"anyOf": one}, "y": {"anyOf": one}}}]}


_SCALE = per_axis(Limits(low=0, open_low=True, scalar="fixed"), 1.0)
_SHEAR = per_axis(Limits(low=-89, high=89, scalar="fixed"), 0.0)
_PERCENT = per_axis(Limits(low=-1, high=1, scalar="fixed"), 0.0)


def _pixels(value: Any) -> dict[str, Range]:
    ranges = per_axis(Limits(scalar="fixed"), 0.0)(value)
    if any(end != int(end) for limits in ranges.values() for end in limits):
        raise ValueError("pass whole pixels; for fractions of the size there is translate_percent")
    return {axis: (int(low), int(high)) for axis, (low, high) in ranges.items()}


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
    scale: Plain = Plain(default=(1.0, 1.0), check=_SCALE, shape=axes_shape(), examples=(0.5, (0.8, 1.2)))
    translate_percent: Maybe = Maybe(
        Plain(check=_PERCENT, shape=axes_shape(), examples=((-0.1, 0.1), {"x": 0.2})), default=None
    )
    translate_px: Maybe = Maybe(
        Plain(check=_pixels, shape=axes_shape("integer"), examples=(5, {"y": (-4, 4)}), unit="pixel"), default=None
    )
    rotate: Limits = Limits(default=(0.0, 0.0), scalar="fixed", unit="degree")
    shear: Plain = Plain(
        default=(0.0, 0.0), check=_SHEAR, shape=axes_shape(), examples=((-10, 10), {"x": 5}), unit="degree"
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
    p: Probability = Probability(default=0.5, kw_only=True)

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
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        linear = linear_part(params["rotate"], params["scale"], params["shear"])
        if params["fit_output"]:
            a, b, c, d = linear
            # Rounding errors must not add a row of border.
            new_width = max(1, math.ceil(abs(a) * width + abs(b) * height - 1e-6))
            new_height = max(1, math.ceil(abs(c) * width + abs(d) * height - 1e-6))
            return warp(params, linear, height, width, new_height, new_width)
        x, y = params["translate"]
        return warp(params, linear, height, width, height, width, x, y)


def linear_part(rotate: float, scale: Mapping[str, float], shear: Mapping[str, float]) -> Linear:
    """shear @ rotate @ scale as rows of a 2x2 matrix; angles in degrees, the shear matrix is (1, -tan x, -tan y, 1)."""
    a, b, _, c, d, *_ = Matrix.rotate(rotate).rows
    x, y = scale["x"], scale["y"]
    a, b, c, d = a * x, b * y, c * x, d * y
    x, y = shear["x"], shear["y"]
    if x or y:
        x, y = math.tan(math.radians(x)), math.tan(math.radians(y))
        return a - x * c, b - x * d, c - y * a, d - y * b
    return a, b, c, d


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
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        a, b, _, c, d, *_ = Matrix.rotate(params["angle"]).rows
        scale, (x, y) = params["scale"], params["shift"]
        return warp(params, (scale * a, scale * b, scale * c, scale * d), height, width, height, width, x, y)


class Perspective(GeometricTransform):
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
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        sigma = stream.uniform(*self.scale)
        # Clockwise from the top left corner.
        corners = []
        for right, bottom in ((0, 0), (1, 0), (1, 1), (0, 1)):
            x, y = _distance(sigma, stream), _distance(sigma, stream)
            corners.append((width * (1 - x if right else x), height * (1 - y if bottom else y)))
        while not _is_convex(corners, height, width) or (self.fit_output and not _is_mild(corners, height, width)):
            ends = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
            corners = [((x + u) / 2, (y + v) / 2) for (x, y), (u, v) in zip(corners, ends, strict=True)]
        return {"corners": tuple(corners)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        p, q, r, s = params["corners"]
        new_width = max(1, round(max(math.dist(p, q), math.dist(s, r))))
        new_height = max(1, round(max(math.dist(p, s), math.dist(q, r))))
        a, b, c, d, e, f, g, h, i = from_quad((p, q, r, s), new_height, new_width)
        out_height, out_width = (height, width) if params["keep_size"] else (new_height, new_width)
        x, y, left, top = out_width / new_width, out_height / new_height, 0.0, 0.0
        if params["fit_output"]:
            (x0, x1), (y0, y1) = _extent(((a, b, c), (d, e, f), (g, h, i)), height, width)
            if not params["keep_size"]:
                out_height, out_width = max(1, math.ceil(y1 - y0 - 1e-6)), max(1, math.ceil(x1 - x0 - 1e-6))
            x, y, left, top = out_width / (x1 - x0), out_height / (y1 - y0), x0, y0
        a, b, c = x * (a - left * g), x * (b - left * h), x * (c - left * i)
        d, e, f = y * (d - top * g), y * (e - top * h), y * (f - top * i)
        return warped(params, (a, b, c, d, e, f, g, h, i), out_height, out_width)


def _distance(sigma: float, stream: Stream) -> float:
    """The absolute value of a Gaussian, folded into [0, 0.5)."""
    return -sigma * normal_quantile((1.0 - stream.random()) / 2) % 0.5


def _is_convex(corners: Sequence[Sequence[float]], height: int, width: int) -> bool:
    """Whether every corner turns clockwise, by more than a thousandth of what the image's own corners do."""
    least = 1e-3 * height * width
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    return (
        (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1) > least
        and (x2 - x1) * (y3 - y2) - (y2 - y1) * (x3 - x2) > least
        and (x3 - x2) * (y0 - y3) - (y3 - y2) * (x0 - x3) > least
        and (x0 - x3) * (y1 - y0) - (y0 - y3) * (x1 - x0) > least
    )


def _is_mild(corners: Sequence[Sequence[float]], height: int, width: int) -> bool:
    """Whether the depths of the image's corners, which their scales are inverse to, differ at most fourfold."""
    g, h, i = from_quad(corners, height, width)[6:]
    depths = (i, g * width + i, h * height + i, g * width + h * height + i)
    return min(depths) >= 0.25 * max(depths)


def from_quad(corners: Sequence[Sequence[float]], height: int, width: int) -> tuple[float, ...]:
    """The nine numbers of the projective map from four points to [0, width] x [0, height].

    Points are (x, y), clockwise from the one that becomes the top left corner.
    The map from the unit square to the points is known in closed form (Heckbert, 1989, section 2.2.3); this is its
    inverse. Raises SampleError if the points do not form a convex quadrilateral.
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    sx, sy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    dx1, dx2, dy1, dy2 = x1 - x2, x3 - x2, y1 - y2, y3 - y2
    det = dx1 * dy2 - dx2 * dy1
    if det == 0.0:
        raise SampleError(f"corners {shown(corners)} do not form a convex quadrilateral; move them apart")
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    a, b, c = x1 - x0 + g * x1, x3 - x0 + h * x3, x0
    d, e, f = y1 - y0 + g * y1, y3 - y0 + h * y3, y0
    # Divided by the determinant, the adjugate gives the first point a depth of 1: all between the points is in front.
    last = a * (e - f * h) - b * (d - f * g) + c * (d * h - e * g)
    if last == 0.0 or 1.0 + g <= 0.0 or 1.0 + h <= 0.0 or 1.0 + g + h <= 0.0:
        raise SampleError(f"corners {shown(corners)} do not form a convex quadrilateral; move them apart")
    return (
        width * (e - f * h) / last, width * (c * h - b) / last, width * (b * f - c * e) / last,
        height * (f * g - d) / last, height * (a - c * g) / last, height * (c * d - a * f) / last,
        (d * h - e * g) / last, (b * g - a * h) / last, (a * e - b * d) / last,
    )  # fmt: skip


def _extent(rows: Sequence[tuple[float, float, float]], height: int, width: int) -> tuple[Range, Range]:
    """Ranges of x and y that the moved image covers; SampleError if a corner lies behind the horizon."""
    (a, b, c), (d, e, f), (g, h, i) = rows
    xs, ys = [], []
    for x, y in ((0, 0), (width, 0), (width, height), (0, height)):
        depth = g * x + h * y + i
        if depth <= 1e-3:
            raise SampleError("fit_output: so strong a perspective moves a corner to infinity; pass a smaller scale")
        xs.append((a * x + b * y + c) / depth)
        ys.append((d * x + e * y + f) / depth)
    return (min(xs), max(xs)), (min(ys), max(ys))
