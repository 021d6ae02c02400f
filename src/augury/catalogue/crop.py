"""Windows on the image. `crop_coords` is (x_min, y_min, x_max, y_max) in pixels of the image, ends exclusive; where it
leaves the image, borders are padded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from augury import ops
from augury.catalogue.pad import POSITIONS, padded, place
from augury.catalogue.resize import DOWNSCALE, resized
from augury.errors import FieldError, SampleError, shown
from augury.fields import (
    Border,
    Fill,
    Flag,
    Integer,
    Interpolation,
    IntLimits,
    Limits,
    Maybe,
    Number,
    Option,
    Plain,
    Probability,
    Size,
    number,
)
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Array, Signature
from augury.transform import GeometricTransform, Params

__all__ = [
    "AtLeastOneBBoxRandomCrop",
    "BBoxSafeRandomCrop",
    "BBoxSubsetSafeRandomCrop",
    "CenterCrop",
    "Crop",
    "CropAndPad",
    "CropNonEmptyMaskIfExists",
    "RandomCrop",
    "RandomCropFromBorders",
    "RandomCropNearBBox",
    "RandomResizedCrop",
    "RandomSizedBBoxSafeCrop",
    "RandomSizedCrop",
]

Box = tuple[int, int, int, int]


def window(params: Params, sig: Signature, may_pad: bool = False) -> Sequence[Op]:
    """The ops that show `crop_coords`; SampleError if it leaves the image and may not."""
    height, width = sig.shape[:2]
    x_min, y_min, x_max, y_max = params["crop_coords"]
    if 0 <= x_min < x_max <= width and 0 <= y_min < y_max <= height:
        return (ops.Crop(x_min, y_min, x_max, y_max),)
    if x_min >= x_max or y_min >= y_max:
        raise SampleError(
            f"crop_coords {params['crop_coords']} hold no pixel; raise x_max and y_max above x_min and y_min"
        )
    if not may_pad:
        raise SampleError(
            f"crop_coords {params['crop_coords']} leave the image of height {height} and width {width}; shrink them"
        )
    left, top, right, bottom = max(0, -x_min), max(0, -y_min), max(0, x_max - width), max(0, y_max - height)
    inner = (max(0, x_min), max(0, y_min), min(width, x_max), min(height, y_max))
    if params["border_mode"] == 0 and inner[0] < inner[2] and inner[1] < inner[3]:
        # A constant border does not depend on what is cut away, so fewer pixels are padded.
        pad = padded(params, top, bottom, left, right)
        return (ops.Crop(*inner), *pad) if inner != (0, 0, width, height) else pad
    pad = padded(params, top, bottom, left, right)
    if x_min <= 0 and y_min <= 0 and x_max >= width and y_max >= height:
        return pad
    return (*pad, ops.Crop(x_min + left, y_min + top, x_max + left, y_max + top))


class Crop(GeometricTransform, p=1):
    """Cut out a fixed window.

    x_min, y_min, x_max, y_max: pixels, ends exclusive.
    pad_if_needed: pad an image that is smaller than x_max and y_max first, and cut the window out of the padded frame;
    otherwise such an image raises SampleError. pad_position: where the image stands in the padded frame.
    border_mode, fill, fill_mask: as in Pad.
    """

    pixel_params = frozenset({"crop_coords"})
    x_min: Integer = Integer(default=0, low=0, unit="pixel")
    y_min: Integer = Integer(default=0, low=0, unit="pixel")
    x_max: Integer = Integer(default=1024, low=1, unit="pixel")
    y_max: Integer = Integer(default=1024, low=1, unit="pixel")
    pad_if_needed: Flag = Flag(default=False, keep=True)
    pad_position: Option = Option(default="center", options=POSITIONS)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def check(self) -> None:
        for axis in "xy":
            low, high = getattr(self, f"{axis}_min"), getattr(self, f"{axis}_max")
            if low >= high:
                raise FieldError(f"Crop.{axis}_max: got {high} with {axis}_min={low}; pass a larger {axis}_max")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        down, across = max(0, self.y_max - height), max(0, self.x_max - width)
        top = left = 0
        if down or across:
            _need_padding(self.pad_if_needed, self.y_max, self.x_max, height, width)
            top, left = place(self.pad_position, down, across, stream)
        return {"crop_coords": (self.x_min - left, self.y_min - top, self.x_max - left, self.y_max - top)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig, params["pad_if_needed"])


def _need_padding(allowed: bool, height: int, width: int, image_height: int, image_width: int) -> None:
    if not allowed:
        raise SampleError(
            f"crop of height {height} and width {width} does not fit into the image of height {image_height} and width "
            f"{image_width}; pass pad_if_needed=True, or pad or resize first"
        )


class RandomCrop(GeometricTransform, p=1):
    """Cut out a window of fixed size at a random place, each equally likely.

    height, width: pixels. pad_if_needed: pad an axis on which the image is smaller, otherwise such an image raises
    SampleError. pad_position: where the image stands in the padded frame. border_mode, fill, fill_mask: as in Pad.
    """

    pixel_params = frozenset({"crop_coords"})
    height: Integer = Integer(low=1, unit="pixel")
    width: Integer = Integer(low=1, unit="pixel")
    pad_if_needed: Flag = Flag(default=False, keep=True)
    pad_position: Option = Option(default="center", options=POSITIONS)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return stream.integer(0, spare)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        image_height, image_width = sig.shape[:2]
        height, width = self.height, self.width
        down, across = height - image_height, width - image_width
        if down > 0 or across > 0:
            _need_padding(self.pad_if_needed, height, width, image_height, image_width)
            top, left = place(self.pad_position, max(0, down), max(0, across), stream)
        y = self._start(-down, stream) if down <= 0 else -top
        x = self._start(-across, stream) if across <= 0 else -left
        return {"crop_coords": (x, y, x + width, y + height)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig, params["pad_if_needed"])


class CenterCrop(RandomCrop):
    """Cut out a window of fixed size around the centre; an odd pixel is cut off at the bottom or right.

    Fields as in RandomCrop.
    """

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return spare // 2


# ---- windows that are scaled to a fixed size -------------------------------------------------------------


class _SizedCrop(GeometricTransform, register=False):
    """Base of transforms that cut out a window and scale it to a fixed `size`."""

    pixel_params = frozenset({"crop_coords"})

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        x_min, y_min, x_max, y_max = params["crop_coords"]
        return (*window(params, sig), resized(params, y_max - y_min, x_max - x_min, *params["size"]))


def _at_random(height: int, width: int, sig: Signature, stream: Stream) -> Box:
    """A window of height x width somewhere inside the image."""
    y, x = stream.integer(0, sig.shape[0] - height), stream.integer(0, sig.shape[1] - width)
    return x, y, x + width, y + height


class RandomSizedCrop(_SizedCrop, p=1):
    """Cut out a window of random height at a random place and scale it to a fixed size.

    min_max_height: (lowest, highest) height of the window in pixels; it is cut down to the image where it is larger.
    size: (height, width) of the result in pixels. w2h_ratio: width of the window over its height.
    area_for_downscale: as in Resize.
    """

    min_max_height: IntLimits = IntLimits(low=1, scalar="fixed", unit="pixel")
    size: Size = Size(unit="pixel", keep=True)
    w2h_ratio: Number = Number(default=1.0, low=0, open_low=True)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height = stream.integer(*self.min_max_height)
        width = max(1, round(height * self.w2h_ratio))
        return {"crop_coords": _at_random(min(height, sig.shape[0]), min(width, sig.shape[1]), sig, stream)}


class RandomResizedCrop(_SizedCrop):
    """Cut out a window of random area, shape and place and scale it to a fixed size (Szegedy et al., 2015).

    size: (height, width) of the result in pixels. scale: range of the window's area as a fraction of the image's.
    ratio: range of width over height, uniform in its logarithm.
    sampling_method: "standard" draws area and ratio up to ten times until the window fits, which favours small areas;
    "uniform_scale" draws the area once and the ratio among those that fit. If none fits, the largest window of the
    nearest ratio is taken: in the centre ("standard") or anywhere. area_for_downscale: as in Resize.
    """

    size: Size = Size(unit="pixel", keep=True)
    scale: Limits = Limits(default=(0.08, 1.0), low=0, high=1, open_low=True, scalar="fixed")
    ratio: Limits = Limits(default=(0.75, 4 / 3), low=1e-6, high=1e6, scalar="fixed")
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None)
    p: Probability = Probability(default=1, kw_only=True)
    sampling_method: Option = Option(default="standard", options=("standard", "uniform_scale"))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        draw = self._standard if self.sampling_method == "standard" else self._uniform_scale
        return {"crop_coords": draw(sig, stream)}

    def _standard(self, sig: Signature, stream: Stream) -> Box:
        image_height, image_width = sig.shape[:2]
        for _ in range(10):
            area = image_height * image_width * stream.uniform(*self.scale)
            ratio = stream.log_uniform(*self.ratio)
            height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < height <= image_height and 0 < width <= image_width:
                return _at_random(height, width, sig, stream)
        height, width = self._largest(image_height, image_width)
        y, x = (image_height - height) // 2, (image_width - width) // 2
        return x, y, x + width, y + height

    def _uniform_scale(self, sig: Signature, stream: Stream) -> Box:
        image_height, image_width = sig.shape[:2]
        area = image_height * image_width * stream.uniform(*self.scale)
        low = max(self.ratio[0], area / image_height**2)
        high = min(self.ratio[1], image_width**2 / area)
        if low <= high:
            ratio = stream.log_uniform(low, high)
            height = min(image_height, max(1, round(math.sqrt(area / ratio))))
            width = min(image_width, max(1, round(math.sqrt(area * ratio))))
        else:
            height, width = self._largest(image_height, image_width)
        return _at_random(height, width, sig, stream)

    def _largest(self, image_height: int, image_width: int) -> tuple[int, int]:
        """Height and width of the largest window whose ratio is the one in `ratio` nearest to the image's."""
        ratio = min(max(image_width / image_height, self.ratio[0]), self.ratio[1])
        if ratio * image_height <= image_width:
            return image_height, max(1, round(ratio * image_height))
        return max(1, round(image_width / ratio)), image_width


# ---- sides moved by amounts ------------------------------------------------------------------------------


def _amount(value: Any, integer: bool) -> float | tuple[float, float]:
    """A fixed amount or a range."""
    rule = "pass an amount, a range (low, high), or four of these (top, right, bottom, left)"
    many = hasattr(value, "__len__") and not isinstance(value, (str, dict))
    if many and len(value) != 2:
        raise ValueError(rule)
    ends = [number(end, rule) for end in (value if many else (value,))]
    if integer:
        if any(end != int(end) for end in ends):
            raise ValueError("pass whole pixels; for fractions of the size there is percent")
        ends = [int(end) for end in ends]
    elif any(end <= -1 for end in ends):
        raise ValueError("pass fractions above -1, which would cut everything away")
    if not many:
        return ends[0]
    if ends[0] > ends[1]:
        raise ValueError(f"the low end is above the high end; did you mean {(ends[1], ends[0])}?")
    return ends[0], ends[1]


def _amounts(integer: bool) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if hasattr(value, "__len__") and not isinstance(value, (str, dict)) and len(value) == 4:
            return tuple(_amount(side, integer) for side in value)
        return _amount(value, integer)

    return check


def _choices(integer: bool) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError("pass a non-empty list of amounts to choose from")
        return tuple(_amount(number(one, "pass a list of numbers"), integer) for one in value)

    return check


_AMOUNTS = {"anyOf": [{"type": "number"}, {"type": "array", "minItems": 2, "maxItems": 4}]}
_LIST = {"type": "array", "items": {"type": "number"}, "minItems": 1}


class CropAndPad(GeometricTransform):
    """Move each side of the frame: outwards by positive amounts, which pads, inwards by negative ones, which crops.

    px: pixels; percent: fractions of height (top, bottom) and width (left, right). A number for all sides, a range
    (low, high), or four numbers or ranges: top, right, bottom, left. px_choices, percent_choices: lists to choose from.
    Exactly one of the four. sample_independently: each side draws its own amount. At least one pixel of each axis
    stays. keep_size: scale the result to the old size. border_mode, fill, fill_mask: as in Pad.
    """

    pixel_params = frozenset({"crop_coords"})
    px: Maybe = Maybe(
        Plain(check=_amounts(True), shape=_AMOUNTS, examples=(-3, (-2, 4), (1, -2, (3, 5), 0)), unit="pixel"),
        default=None,
    )
    percent: Maybe = Maybe(Plain(check=_amounts(False), shape=_AMOUNTS, examples=(0.1, (-0.2, 0.1))), default=None)
    keep_size: Flag = Flag(default=True, keep=True)
    sample_independently: Flag = Flag(default=True)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    p: Probability = Probability(default=1, kw_only=True)
    px_choices: Maybe = Maybe(
        Plain(check=_choices(True), shape=_LIST, examples=([-2, 0, 3],), unit="pixel"), default=None
    )
    percent_choices: Maybe = Maybe(Plain(check=_choices(False), shape=_LIST, examples=([-0.1, 0.2],)), default=None)

    def check(self) -> None:
        given = [name for name in ("px", "percent", "px_choices", "percent_choices") if getattr(self, name) is not None]
        if len(given) != 1:
            raise FieldError(
                f"CropAndPad.px: got {' and '.join(given) or 'no amount'}; pass one of px, percent, px_choices, "
                "percent_choices"
            )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        in_pixels = self.px is not None or self.px_choices is not None
        amounts = self._sides(stream, in_pixels)
        if not in_pixels:
            amounts = tuple(round(a * size) for a, size in zip(amounts, (height, width, height, width), strict=True))
        top, right, bottom, left = amounts
        y_min, y_max = _with_a_pixel(-top, height + bottom, height)
        x_min, x_max = _with_a_pixel(-left, width + right, width)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}

    def _sides(self, stream: Stream, in_pixels: bool) -> tuple[Any, ...]:
        """Drawn amounts of top, right, bottom and left."""
        among = self.px_choices if in_pixels else self.percent_choices
        if among is not None:
            pick = [among[stream.integer(0, len(among) - 1)] for _ in range(4 if self.sample_independently else 1)]
            return tuple(pick) if self.sample_independently else tuple(pick) * 4
        amount = self.px if in_pixels else self.percent
        uniform: Any = stream.integer if in_pixels else stream.uniform
        if not isinstance(amount, tuple):
            return (amount,) * 4
        if len(amount) == 4:
            return tuple(uniform(*side) if isinstance(side, tuple) else side for side in amount)
        if self.sample_independently:
            return uniform(*amount), uniform(*amount), uniform(*amount), uniform(*amount)
        return (uniform(*amount),) * 4

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        height, width = sig.shape[:2]
        box = x_min, y_min, x_max, y_max = params["crop_coords"]
        if tuple(box) == (0, 0, width, height):
            return ()
        out = window(params, sig, True)
        if not params["keep_size"] or (x_max - x_min, y_max - y_min) == (width, height):
            return out
        return (*out, resized(params, y_max - y_min, x_max - x_min, height, width))


def _with_a_pixel(low: int, high: int, size: int) -> tuple[int, int]:
    """low and high, moved apart in proportion to what they cut off, so that the interval shows a pixel of [0, size)."""
    cut_low, cut_high = max(0, low), max(0, size - high)
    excess = cut_low + cut_high - (size - 1)
    if excess <= 0:
        return low, high
    back = round(excess * cut_low / (cut_low + cut_high))
    return low - back, high + excess - back


class RandomCropFromBorders(GeometricTransform, p=1):
    """Cut a random part off each side.

    crop_left, crop_right, crop_top, crop_bottom: the largest part, as a fraction of width or height; opposite ones add
    up to at most 1. At least one pixel stays.
    """

    pixel_params = frozenset({"crop_coords"})
    crop_left: Probability = Probability(default=0.1)
    crop_right: Probability = Probability(default=0.1)
    crop_top: Probability = Probability(default=0.1)
    crop_bottom: Probability = Probability(default=0.1)

    def check(self) -> None:
        for one, other in (("left", "right"), ("top", "bottom")):
            total = getattr(self, f"crop_{one}") + getattr(self, f"crop_{other}")
            if total > 1 + 1e-9:
                raise FieldError(
                    f"RandomCropFromBorders.crop_{one}: with crop_{other} it adds up to {total:g}; pass at most 1"
                )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        x_min, x_max = _trimmed(width, self.crop_left, self.crop_right, stream)
        y_min, y_max = _trimmed(height, self.crop_top, self.crop_bottom, stream)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)


def _trimmed(size: int, first: float, last: float, stream: Stream) -> tuple[int, int]:
    most, last_most = int(first * size), int(last * size)
    low = stream.integer(0, most if most < size else size - 1)
    left = size - low - 1
    return low, size - stream.integer(0, last_most if last_most < left else left)


# ---- windows that depend on labels -----------------------------------------------------------------------


def _shift_parts(value: Any) -> tuple[float, float]:
    rule = "pass (of height, of width), or one number for width alone, each in [0, 1]"
    many = hasattr(value, "__len__") and not isinstance(value, (str, dict))
    parts = [number(part, rule) for part in (value if many else (0.0, value))]
    if len(parts) != 2 or any(not 0 <= part <= 1 for part in parts):
        raise ValueError(rule)
    return float(parts[0]), float(parts[1])


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("pass the name of the argument that holds the box")
    return value


class RandomCropNearBBox(GeometricTransform, p=1):
    """Cut out a given box whose sides are moved at random.

    max_part_shift: furthest move of a side, as fractions of the box's (height, width); one number x means (0, x).
    cropping_bbox_key: name of the call's argument that holds the box, (x_min, y_min, x_max, y_max) in pixels:
    pipeline(image=image, cropping_bbox=box). The box is clipped to the image.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    max_part_shift: Plain = Plain(
        default=(0, 0.3),
        check=_shift_parts,
        shape={"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 2, "maxItems": 2},
        examples=(0.2, (0.5, 0.1)),
    )
    cropping_bbox_key: Plain = Plain(default="cropping_bbox", check=_name, shape={"type": "string"}, examples=("box",))

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.cropping_bbox_key,)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        x_min, y_min, x_max, y_max = self._box(sig)
        down, across = (
            round((end - start) * part)
            for start, end, part in zip((y_min, x_min), (y_max, x_max), self.max_part_shift, strict=True)
        )
        move = stream.integer
        x = _near(x_min + move(-across, across), x_max + move(-across, across), x_min, x_max, width)
        y = _near(y_min + move(-down, down), y_max + move(-down, down), y_min, y_max, height)
        return {"crop_coords": (x[0], y[0], x[1], y[1])}

    def _box(self, sig: Signature) -> Box:
        """The box on whole pixels, clipped to the image."""
        key, height, width = self.cropping_bbox_key, sig.shape[0], sig.shape[1]
        value = sig.labels.extras.get(key) if sig.labels is not None else None
        if value is None:
            raise SampleError(f"{key}: missing; {self._rule(height, width)}")
        try:
            edges = [edge if type(edge) is int else number(edge, "") for edge in list(value)[:4]]
            x_min, y_min, x_max, y_max = edges
        except (TypeError, ValueError):
            raise SampleError(f"{key}: got {shown(value)}; {self._rule(height, width)}") from None
        x_min, y_min = max(0, math.floor(x_min)), max(0, math.floor(y_min))
        x_max, y_max = min(width, math.ceil(x_max)), min(height, math.ceil(y_max))
        if x_min >= x_max or y_min >= y_max:
            raise SampleError(f"{key}: got {shown(value)}; {self._rule(height, width)}")
        return x_min, y_min, x_max, y_max

    def _rule(self, height: int, width: int) -> str:
        return (
            f"pass {self.cropping_bbox_key}=(x_min, y_min, x_max, y_max) in pixels, at least partly inside the image "
            f"of height {height} and width {width}"
        )

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)


def _near(low: int, high: int, old_low: int, old_high: int, size: int) -> tuple[int, int]:
    """low and high clipped to [0, size]; the old ones if they met."""
    low, high = max(0, low), min(size, high)
    return (low, high) if low < high else (old_low, old_high)


def _boxes(sig: Signature) -> Array | None:
    return sig.labels.boxes if sig.labels is not None else None


def _safe_window(sig: Signature, stream: Stream, erosion: float) -> Box:
    """A random window that shows all boxes after each lost `erosion` of its width and height, half on either side."""
    height, width = sig.shape[:2]
    boxes = _boxes(sig)
    if boxes is None or not len(boxes) or erosion == 1.0:
        part = 1.0 - erosion * stream.random()
        return _at_random(max(1, round(height * part)), max(1, round(width * part)), sig, stream)
    low, high = boxes[:, :2], boxes[:, 2:4]
    if erosion:
        margin = (high - low) * (erosion / 2)
        low, high = low + margin, high - margin
    x_min, y_min = np.minimum.reduce(low).tolist()
    x_max, y_max = np.maximum.reduce(high).tolist()
    x_min, x_max = _around(x_min, x_max, width, stream)
    y_min, y_max = _around(y_min, y_max, height, stream)
    return x_min, y_min, x_max, y_max


def _around(low: float, high: float, size: int, stream: Stream) -> tuple[int, int]:
    """A random interval of whole pixels in [0, size] around [low, high]."""
    first = min(max(0, math.floor(low)), size - 1)
    last = max(min(size, math.ceil(high)), first + 1)
    return stream.integer(0, first), stream.integer(last, size)


class BBoxSafeRandomCrop(GeometricTransform, p=1):
    """Cut out a random window that shows every box.

    erosion_rate: how much of each box's width and height may be lost, half on either side; at 1 boxes are ignored.
    Without boxes the window has the shape of the image, shrunk by a factor from 1 - erosion_rate to 1.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    erosion_rate: Probability = Probability(default=0.0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"crop_coords": _safe_window(sig, stream, self.erosion_rate)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)


class BBoxSubsetSafeRandomCrop(GeometricTransform, p=1):
    """Cut out a random window that shows some of the boxes, all of them whole.

    subset_fraction_range: share of the boxes, at least one. erosion_rate: as in BBoxSafeRandomCrop.
    aspect_ratio_range: width over height of the window, which grows towards it as far as the image allows.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    subset_fraction_range: Limits = Limits(default=(0.5, 1.0), low=0, high=1, scalar="fixed")
    erosion_rate: Probability = Probability(default=0.0)
    aspect_ratio_range: Limits = Limits(default=(0.5, 2.0), low=1e-6, high=1e6, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        boxes, fraction = _boxes(sig), stream.uniform(*self.subset_fraction_range)
        if sig.labels is not None and boxes is not None and len(boxes):
            some = stream.permutation(len(boxes))[: max(math.ceil(fraction * len(boxes)), 1)]
            sig = sig._replace(labels=sig.labels._replace(boxes=boxes[list(some)]))
        x_min, y_min, x_max, y_max = _safe_window(sig, stream, self.erosion_rate)
        low, high = self.aspect_ratio_range
        ratio = min(max((x_max - x_min) / (y_max - y_min), low), high)
        x_min, x_max = _grown(x_min, x_max, round(ratio * (y_max - y_min)), sig.width, stream)
        y_min, y_max = _grown(y_min, y_max, round((x_max - x_min) / ratio), sig.height, stream)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)


def _grown(low: int, high: int, wanted: int, size: int, stream: Stream) -> tuple[int, int]:
    """A random interval of `wanted` pixels in [0, size] around [low, high], or the whole where that is longer."""
    wanted = min(max(wanted, high - low), size)
    first = stream.integer(max(high - wanted, 0), min(low, size - wanted))
    return first, first + wanted


class AtLeastOneBBoxRandomCrop(GeometricTransform, p=1):
    """Cut out a window of fixed size that shows a random box whole, or as much of it as fits; anywhere without boxes.

    height, width: pixels, at most the image's. erosion_factor: how much of the box's width and height may be lost, half
    on either side.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    height: Integer = Integer(low=1, unit="pixel")
    width: Integer = Integer(low=1, unit="pixel")
    erosion_factor: Probability = Probability(default=0.0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = self.height, self.width
        _need_fit(height, width, sig)
        boxes = _boxes(sig)
        if boxes is None or not len(boxes):
            return {"crop_coords": _at_random(height, width, sig, stream)}
        x0, y0, x1, y1 = boxes[stream.integer(0, len(boxes) - 1)].tolist()
        x = _showing(x0, x1, width, sig.width, self.erosion_factor, stream)
        y = _showing(y0, y1, height, sig.height, self.erosion_factor, stream)
        return {"crop_coords": (x, y, x + width, y + height)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)


def _showing(low: float, high: float, length: int, size: int, erosion: float, stream: Stream) -> int:
    """Where an interval of `length` in [0, size] begins that shows [low, high], eroded, or lies in it."""
    margin = (high - low) * erosion / 2
    first, last = sorted((math.floor(low + margin), math.ceil(high - margin) - length))
    return stream.integer(*(min(max(at, 0), size - length) for at in (first, last)))


def _need_fit(height: int, width: int, sig: Signature) -> None:
    if height > sig.height or width > sig.width:
        raise SampleError(
            f"crop of height {height} and width {width} does not fit into the image of height {sig.height} and width "
            f"{sig.width}; pad or resize first"
        )


class RandomSizedBBoxSafeCrop(GeometricTransform, p=1):
    """Cut out a random window that shows every box, and scale it to a fixed size.

    height, width: of the result in pixels. erosion_rate: as in BBoxSafeRandomCrop.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    height: Integer = Integer(low=1, unit="pixel", keep=True)
    width: Integer = Integer(low=1, unit="pixel", keep=True)
    erosion_rate: Probability = Probability(default=0.0)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"crop_coords": _safe_window(sig, stream, self.erosion_rate)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        x_min, y_min, x_max, y_max = params["crop_coords"]
        return (*window(params, sig), resized(params, y_max - y_min, x_max - x_min, params["height"], params["width"]))


def _integers(value: Any) -> tuple[int, ...]:
    rule = "pass a list of integers, or None"
    if not isinstance(value, (list, tuple)):
        raise ValueError(rule)
    numbers = [number(one, rule) for one in value]
    if any(one != int(one) for one in numbers):
        raise ValueError(rule)
    return tuple(int(one) for one in numbers)


_INTEGERS = {"type": "array", "items": {"type": "integer"}}


class CropNonEmptyMaskIfExists(GeometricTransform, p=1):
    """Cut out a window of fixed size that holds a random pixel of the mask that is not 0; anywhere if there is none.

    height, width: pixels, at most the image's. ignore_values: mask values that count as 0. ignore_channels: channels of
    a mask (H, W, C) that count as 0. Looks at `mask`, or at all of `masks` together.
    """

    needs = "labels"
    pixel_params = frozenset({"crop_coords"})
    height: Integer = Integer(low=1, unit="pixel")
    width: Integer = Integer(low=1, unit="pixel")
    ignore_values: Maybe = Maybe(Plain(check=_integers, shape=_INTEGERS, examples=([1, 2],)), default=None)
    ignore_channels: Maybe = Maybe(Plain(check=_integers, shape=_INTEGERS, examples=([0],)), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        image_height, image_width = sig.shape[:2]
        height, width = self.height, self.width
        _need_fit(height, width, sig)
        filled = self._filled(sig)
        until = np.add.reduce(filled, axis=1, dtype=np.intp).cumsum()
        if not until[-1]:
            return {"crop_coords": _at_random(height, width, sig, stream)}
        at = stream.integer(0, int(until[-1]) - 1)
        row = int(until.searchsorted(at, side="right"))
        column = int(np.flatnonzero(filled[row])[at - (int(until[row - 1]) if row else 0)])
        y = min(max(0, row - stream.integer(0, height - 1)), image_height - height)
        x = min(max(0, column - stream.integer(0, width - 1)), image_width - width)
        return {"crop_coords": (x, y, x + width, y + height)}

    def _filled(self, sig: Signature) -> Array:
        """(H, W) bool, where a mask counts."""
        arrays = sig.labels.arrays if sig.labels is not None else {}
        masks = [arrays["mask"]] if "mask" in arrays else list(arrays.get("masks", ()))
        if not masks and "masks" not in arrays:
            raise SampleError("mask: missing; pass mask or masks, or use RandomCrop")
        filled: Array | None = None
        for mask in masks:
            if mask.shape[:2] != sig.shape[:2]:
                raise SampleError(
                    f"mask: shape {mask.shape} differs from the image's {sig.shape[:2]}; resize one of them"
                )
            part = mask != 0
            for value in self.ignore_values or ():
                part &= mask != value
            if self.ignore_channels:
                if mask.ndim < 3:
                    raise SampleError(f"mask: shape {mask.shape} has no channels to ignore; leave ignore_channels out")
                part[..., [c for c in self.ignore_channels if -mask.shape[2] <= c < mask.shape[2]]] = False
            part = part.any(axis=2) if part.ndim == 3 else part
            filled = part if filled is None else filled | part
        return np.zeros(sig.shape[:2], bool) if filled is None else filled

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return window(params, sig)
