"""Changes of size. Sizes that follow from a factor are rounded to the nearest pixel, and are at least 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augury import ops
from augury.catalogue.affine import axes_shape, per_axis
from augury.catalogue.pad import POSITIONS, padded, place
from augury.errors import FieldError, shown
from augury.fields import Fill, Integer, Interpolation, Limits, Maybe, Option, Plain, Size, number
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["LetterBox", "LongestMaxSize", "RandomScale", "Resize", "SmallestMaxSize"]

_AREA = 3
DOWNSCALE = ("image", "image_mask")


def resized(params: Params, old_height: int, old_width: int, height: int, width: int) -> Op:
    """The op that scales to height x width; area_for_downscale averages areas instead if either shrinks."""
    interpolation, mask_interpolation = params["interpolation"], params["mask_interpolation"]
    area = params.get("area_for_downscale")
    if area is not None and (height < old_height or width < old_width):
        interpolation = _AREA
        if area == "image_mask":
            mask_interpolation = _AREA
    return ops.Resize(height, width, interpolation, mask_interpolation)


class Resize(GeometricTransform, p=1):
    """Scale to a fixed size.

    height, width: pixels. area_for_downscale: average areas where the result is smaller, for the "image" or for
    "image_mask", instead of interpolating.
    """

    height: Integer = Integer(low=1, unit="pixel", keep=True)
    width: Integer = Integer(low=1, unit="pixel", keep=True)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (resized(params, sig.shape[0], sig.shape[1], params["height"], params["width"]),)


def scaled(params: Params, sig: Signature, x: float, y: float) -> Sequence[Op]:
    """The op that scales width by x and height by y."""
    height, width = sig.shape[:2]
    return (resized(params, height, width, max(1, round(height * y)), max(1, round(width * x))),)


def _sides(value: Any) -> int | tuple[int, ...]:
    rule = "pass an integer or a list of integers to choose from, in pixels, each at least 1"
    many = hasattr(value, "__len__") and not isinstance(value, (str, dict))
    sides = [number(side, rule) for side in (value if many else (value,))]
    if not sides or any(side != int(side) or side < 1 for side in sides):
        raise ValueError(rule)
    return tuple(int(side) for side in sides) if many else int(sides[0])


def _sides_hw(value: Any) -> tuple[int | None, int | None]:
    rule = "pass (height, width) in pixels, each at least 1, at most one of them None"
    if not hasattr(value, "__len__") or isinstance(value, (str, dict)) or len(value) != 2:
        raise ValueError(rule)
    sides = [None if side is None else number(side, rule) for side in value]
    if sides == [None, None] or any(side is not None and (side != int(side) or side < 1) for side in sides):
        raise ValueError(rule)
    return tuple(None if side is None else int(side) for side in sides)  # type: ignore[return-value]


_ONE = {"type": "integer", "minimum": 1}


class SmallestMaxSize(GeometricTransform, p=1):
    """Scale, keeping the aspect ratio, until the shorter side has a given length.

    max_size: pixels, or a list to choose from. max_size_hw: (height, width) in pixels that the result covers, each as
    short as that allows; None leaves an axis free. Exactly one of the two. area_for_downscale: as in Resize.
    """

    max_size: Maybe = Maybe(
        Plain(
            check=_sides,
            shape={"anyOf": [_ONE, {"type": "array", "items": _ONE}]},
            examples=(64, [48, 64]),
            unit="pixel",
        ),
        default=None,
    )
    max_size_hw: Maybe = Maybe(
        Plain(
            check=_sides_hw, shape={"type": "array", "minItems": 2, "maxItems": 2}, examples=((48, 64),), unit="pixel"
        ),
        default=None,
    )
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None)

    def check(self) -> None:
        if (self.max_size is None) == (self.max_size_hw is None):
            raise FieldError(
                f"{type(self).__name__}.max_size: got {shown(self.max_size)} with max_size_hw="
                f"{shown(self.max_size_hw)}; pass exactly one of them"
            )

    @staticmethod
    def _chosen(*factors: float) -> float:
        return max(factors)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        size = self.max_size
        if size is None:
            wanted = zip(self.max_size_hw, (height, width), strict=True)
            return {"scale": self._chosen(*[want / side for want, side in wanted if want is not None])}
        if isinstance(size, tuple):
            size = size[stream.integer(0, len(size) - 1)]
        return {"scale": self._chosen(size / height, size / width)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return scaled(params, sig, params["scale"], params["scale"])


class LongestMaxSize(SmallestMaxSize):
    """Scale, keeping the aspect ratio, until the longer side has a given length.

    max_size: pixels, or a list to choose from. max_size_hw: (height, width) in pixels that the result fits into, as
    large as that allows; None leaves an axis free. Exactly one of the two. area_for_downscale: as in Resize.
    """

    @staticmethod
    def _chosen(*factors: float) -> float:
        return min(factors)


_RANGE = Limits(low=-1, open_low=True)
_RANGES = per_axis(_RANGE, 0.0)


def _one_or_both(value: Any) -> Any:
    return _RANGES(value) if isinstance(value, Mapping) else _RANGE.convert(value)


class RandomScale(GeometricTransform):
    """Scale by a random factor; the size changes with it.

    scale_range: added to 1 gives the factor; a number x means (-x, x); {"x": ..., "y": ...} draws one factor per axis.
    area_for_downscale: as in Resize.
    """

    scale_range: Plain = Plain(
        default=(-0.1, 0.1),
        check=_one_or_both,
        shape=axes_shape(),
        examples=(0.2, {"x": (-0.1, 0.3)}),
        alias="scale_limit",
    )
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        limits = self.scale_range
        if isinstance(limits, Mapping):
            return {"scale": {axis: 1.0 + stream.uniform(*limits[axis]) for axis in ("x", "y")}}
        return {"scale": 1.0 + stream.uniform(*limits)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        scale = params["scale"]
        if isinstance(scale, Mapping):
            return scaled(params, sig, scale["x"], scale["y"])
        return scaled(params, sig, scale, scale)


class LetterBox(GeometricTransform, p=1):
    """Scale, keeping the aspect ratio, until the image just fits into a frame, and fill the rest of the frame.

    size: (height, width) of the frame in pixels. position: where the image stands in the frame.
    fill, fill_mask: of the rest, in the image's own range.
    """

    size: Size = Size(unit="pixel")
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    position: Option = Option(default="center", options=POSITIONS)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        (height, width), (frame_height, frame_width) = sig.shape[:2], self.size
        scale = min(frame_height / height, frame_width / width)
        new_height, new_width = max(1, round(height * scale)), max(1, round(width * scale))
        down, across = frame_height - new_height, frame_width - new_width
        top, left = place(self.position, down, across, stream)
        return {
            "height": new_height,
            "width": new_width,
            "pad_top": top,
            "pad_bottom": down - top,
            "pad_left": left,
            "pad_right": across - left,
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        resize = resized(params, sig.shape[0], sig.shape[1], params["height"], params["width"])
        sides = params["pad_top"], params["pad_bottom"], params["pad_left"], params["pad_right"]
        return (resize, *padded(params, *sides))
