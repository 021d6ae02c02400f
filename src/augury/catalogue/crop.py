"""Windows on the image. `crop_coords` is (x_min, y_min, x_max, y_max) in pixels of the image, ends exclusive; where it
leaves the image, borders are padded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augury import masks, ops, windows
from augury.catalogue.pad import Bordered, padded
from augury.catalogue.resize import DOWNSCALE, Scaled, resized
from augury.errors import FieldError, SampleError
from augury.fields import (
    Border, Fill, Flag, Fractions, Integer, Interpolation, IntLimits, Limits, Listed, Maybe, Name, Number, Numbers,
    Option, Plain, Probability, Sides, Size,
)  # fmt: skip
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Ops, Params
from augury.windows import POSITIONS, Box, anywhere, boxes_of, place

__all__ = [
    "AtLeastOneBBoxRandomCrop", "BBoxSafeRandomCrop", "BBoxSubsetSafeRandomCrop", "CenterCrop", "Crop", "CropAndPad",
    "CropNonEmptyMaskIfExists", "RandomCrop", "RandomCropFromBorders", "RandomCropNearBBox", "RandomResizedCrop",
    "RandomSizedBBoxSafeCrop", "RandomSizedCrop",
]  # fmt: skip


def window(params: Params, sig: Signature, may_pad: bool = False) -> Ops:
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
    pad = padded(params, top, bottom, left, right)
    if params["border_mode"] == 0 and inner[0] < inner[2] and inner[1] < inner[3]:
        # A constant border does not depend on what is cut away, so fewer pixels are padded.
        return (ops.Crop(*inner), *pad) if inner != (0, 0, width, height) else pad
    if x_min <= 0 and y_min <= 0 and x_max >= width and y_max >= height:
        return pad
    return (*pad, ops.Crop(x_min + left, y_min + top, x_max + left, y_max + top))


class _Crop(GeometricTransform, register=False, p=1):
    """Base of transforms that show a window inside the image."""

    pixel_params = frozenset({"crop_coords"})

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return window(params, sig)


class _PaddedCrop(Bordered, register=False, p=1):
    """Base of transforms that pad an image which is smaller than their window."""

    pixel_params = frozenset({"crop_coords"})
    pad_if_needed: Flag = Flag(default=False, keep=True, kw_only=True)
    pad_position: Option = Option(default="center", options=POSITIONS, kw_only=True)

    def margin(self, height: int, width: int, sig: Signature, stream: Stream) -> tuple[int, int]:
        """Rows above and columns left of the image in a frame that is at least height x width."""
        down, across = max(0, height - sig.shape[0]), max(0, width - sig.shape[1])
        if not (down or across):
            return 0, 0
        if not self.pad_if_needed:
            raise SampleError(
                f"crop of height {height} and width {width} does not fit into the image of height {sig.height} and "
                f"width {sig.width}; pass pad_if_needed=True, or pad or resize first"
            )
        return place(self.pad_position, down, across, stream)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return window(params, sig, params["pad_if_needed"])


class Crop(_PaddedCrop):
    """Cut out a fixed window.

    x_min, y_min, x_max, y_max: pixels, ends exclusive.
    pad_if_needed: pad an image that is smaller than x_max and y_max first, and cut the window out of the padded frame;
    otherwise such an image raises SampleError. pad_position: where the image stands in the padded frame.
    border_mode, fill, fill_mask: as in Pad.
    """

    x_min: Integer = Integer(default=0, low=0, unit="pixel")
    y_min: Integer = Integer(default=0, low=0, unit="pixel")
    x_max: Integer = Integer(default=1024, low=1, unit="pixel")
    y_max: Integer = Integer(default=1024, low=1, unit="pixel")

    def check(self) -> None:
        for axis in "xy":
            low, high = getattr(self, f"{axis}_min"), getattr(self, f"{axis}_max")
            if low >= high:
                raise FieldError(f"Crop.{axis}_max: got {high} with {axis}_min={low}; pass a larger {axis}_max")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        top, left = self.margin(self.y_max, self.x_max, sig, stream)
        return {"crop_coords": (self.x_min - left, self.y_min - top, self.x_max - left, self.y_max - top)}


class RandomCrop(_PaddedCrop):
    """Cut out a window of fixed size at a random place, each equally likely.

    height, width: pixels. pad_if_needed: pad an axis on which the image is smaller, otherwise such an image raises
    SampleError. pad_position: where the image stands in the padded frame. border_mode, fill, fill_mask: as in Pad.
    """

    height: Integer = Integer(low=1, unit="pixel")
    width: Integer = Integer(low=1, unit="pixel")

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return stream.integer(0, spare)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = self.height, self.width
        down, across = sig.shape[0] - height, sig.shape[1] - width
        if down < 0 or across < 0:
            top, left = self.margin(height, width, sig, stream)
        y = self._start(down, stream) if down >= 0 else -top
        x = self._start(across, stream) if across >= 0 else -left
        return {"crop_coords": (x, y, x + width, y + height)}


class CenterCrop(RandomCrop):
    """Cut out a window of fixed size around the centre; an odd pixel is cut off at the bottom or right.

    Fields as in RandomCrop.
    """

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return spare // 2


# ---- windows that are scaled to a fixed size -------------------------------------------------------------


class _SizedCrop(Scaled, register=False, p=1):
    """Base of transforms that cut out a window and scale it to a fixed `size`."""

    pixel_params = frozenset({"crop_coords"})

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        x_min, y_min, x_max, y_max = params["crop_coords"]
        return (*window(params, sig), resized(params, y_max - y_min, x_max - x_min, *params["size"]))


class RandomSizedCrop(_SizedCrop):
    """Cut out a window of random height at a random place and scale it to a fixed size.

    min_max_height: (lowest, highest) height of the window in pixels; it is cut down to the image where it is larger.
    size: (height, width) of the result in pixels. w2h_ratio: width of the window over its height.
    area_for_downscale: as in Resize.
    """

    min_max_height: IntLimits = IntLimits(low=1, scalar="fixed", unit="pixel")
    size: Size = Size(unit="pixel", keep=True)
    w2h_ratio: Number = Number(default=1.0, low=0, open_low=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height = stream.integer(*self.min_max_height)
        width = max(1, round(height * self.w2h_ratio))
        return {"crop_coords": anywhere(min(height, sig.shape[0]), min(width, sig.shape[1]), sig, stream)}


class RandomResizedCrop(_SizedCrop):
    """Cut out a window of random area, shape and place and scale it to a fixed size (Szegedy et al., 2015).

    size: (height, width) of the result in pixels. scale: range of the window's area as a fraction of the image's.
    ratio: range of width over height, uniform in its logarithm.
    sampling_method: "standard" draws area and ratio up to ten times until the window fits, which favours small areas;
    "uniform_scale" draws the area once and the ratio among those that fit. If none fits, the largest window of the
    nearest ratio is taken: in the centre ("standard") or anywhere. area_for_downscale: as in Resize.
    """

    size: Size = Size(unit="pixel", keep=True)
    scale: Fractions = Fractions(default=(0.08, 1.0), open_low=True)
    ratio: Limits = Limits(default=(0.75, 4 / 3), low=1e-6, high=1e6, scalar="fixed")
    interpolation: Interpolation = Interpolation(default=1, resize=True, kw_only=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True, kw_only=True)
    area_for_downscale: Maybe = Maybe(Option(options=DOWNSCALE, keep=True), default=None, kw_only=True)
    p: Probability = Probability(default=1, kw_only=True)
    sampling_method: Option = Option(default="standard", options=("standard", "uniform_scale"))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        of_area = windows.of_area if self.sampling_method == "standard" else windows.of_area_at_once
        return {"crop_coords": of_area(self.scale, self.ratio, sig, stream)}


# ---- sides moved by amounts ------------------------------------------------------------------------------


class CropAndPad(_Crop):
    """Move each side of the frame: outwards by positive amounts, which pads, inwards by negative ones, which crops.

    px: pixels; percent: fractions of height (top, bottom) and width (left, right). A number for all sides, a range
    (low, high), or four numbers or ranges: top, right, bottom, left. px_choices, percent_choices: lists to choose from.
    Exactly one of the four. sample_independently: each side draws its own amount. At least one pixel of each axis
    stays. keep_size: scale the result to the old size. border_mode, fill, fill_mask: as in Pad.
    """

    px: Maybe = Maybe(Sides(IntLimits(scalar="fixed", unit="pixel")), default=None)
    percent: Maybe = Maybe(Sides(Limits(low=-1, open_low=True, scalar="fixed")), default=None)
    keep_size: Flag = Flag(default=True, keep=True)
    sample_independently: Flag = Flag(default=True)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    p: Probability = Probability(default=1, kw_only=True)
    px_choices: Maybe = Maybe(Listed(Integer(unit="pixel")), default=None)
    percent_choices: Maybe = Maybe(Listed(Number(low=-1, open_low=True)), default=None)

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
        y_min, y_max = windows.with_a_pixel(-top, height + bottom, height)
        x_min, x_max = windows.with_a_pixel(-left, width + right, width)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}

    def _sides(self, stream: Stream, in_pixels: bool) -> tuple[Any, ...]:
        """Drawn amounts of top, right, bottom and left."""
        among = self.px_choices if in_pixels else self.percent_choices
        amount = self.px if in_pixels else self.percent
        uniform: Any = stream.integer if in_pixels else stream.uniform
        if among is None and isinstance(amount, tuple) and len(amount) == 4:
            return tuple(uniform(*side) if isinstance(side, tuple) else side for side in amount)
        if among is None and not isinstance(amount, tuple):
            return (amount,) * 4

        def one() -> Any:
            return uniform(*amount) if among is None else among[stream.integer(0, len(among) - 1)]

        return (one(), one(), one(), one()) if self.sample_independently else (one(),) * 4

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        height, width = sig.shape[:2]
        box = x_min, y_min, x_max, y_max = params["crop_coords"]
        if tuple(box) == (0, 0, width, height):
            return ()
        out = window(params, sig, True)
        if not params["keep_size"] or (x_max - x_min, y_max - y_min) == (width, height):
            return out
        return (*out, resized(params, y_max - y_min, x_max - x_min, height, width))


class RandomCropFromBorders(_Crop):
    """Cut a random part off each side.

    crop_left, crop_right, crop_top, crop_bottom: the largest part, as a fraction of width or height; opposite ones add
    up to at most 1. At least one pixel stays.
    """

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
        x_min, x_max = windows.trimmed(width, self.crop_left, self.crop_right, stream)
        y_min, y_max = windows.trimmed(height, self.crop_top, self.crop_bottom, stream)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}


# ---- windows that depend on labels -----------------------------------------------------------------------


_SHIFT = Numbers(sides=(2,), high=1)


def _shift_parts(value: Any) -> tuple[float, float]:
    """(Of height, of width); one number is of width alone."""
    return _SHIFT.convert(value if hasattr(value, "__len__") else (0.0, value))  # type: ignore[no-any-return]


class RandomCropNearBBox(_Crop):
    """Cut out a given box whose sides are moved at random.

    max_part_shift: furthest move of a side, as fractions of the box's (height, width); one number x means (0, x).
    cropping_bbox_key: name of the call's argument that holds the box, (x_min, y_min, x_max, y_max) in pixels:
    pipeline(image=image, cropping_bbox=box). The box is clipped to the image.
    """

    needs = "labels"
    max_part_shift: Plain = Plain(default=(0, 0.3), check=_shift_parts, shape=_SHIFT.form(), examples=(0.2, (0.5, 0.1)))
    cropping_bbox_key: Name = Name(default="cropping_bbox")

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.cropping_bbox_key,)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        x_min, y_min, x_max, y_max = windows.given(sig, self.cropping_bbox_key)
        down, across = self.max_part_shift
        down, across = round((y_max - y_min) * down), round((x_max - x_min) * across)
        x_min, x_max = windows.moved(x_min, x_max, across, width, stream)
        y_min, y_max = windows.moved(y_min, y_max, down, height, stream)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}


class BBoxSafeRandomCrop(_Crop):
    """Cut out a random window that shows every box.

    erosion_rate: how much of each box's width and height may be lost, half on either side; at 1 boxes are ignored.
    Without boxes the window has the shape of the image, shrunk by a factor from 1 - erosion_rate to 1.
    """

    needs = "labels"
    erosion_rate: Probability = Probability(default=0.0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"crop_coords": windows.safe(boxes_of(sig), sig, stream, self.erosion_rate)}


class BBoxSubsetSafeRandomCrop(_Crop):
    """Cut out a random window that shows some of the boxes, all of them whole.

    subset_fraction_range: share of the boxes, at least one. erosion_rate: as in BBoxSafeRandomCrop.
    aspect_ratio_range: width over height of the window, which grows towards it as far as the image allows.
    """

    needs = "labels"
    subset_fraction_range: Fractions = Fractions(default=(0.5, 1.0))
    erosion_rate: Probability = Probability(default=0.0)
    aspect_ratio_range: Limits = Limits(default=(0.5, 2.0), low=1e-6, high=1e6, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        boxes, fraction = boxes_of(sig), stream.uniform(*self.subset_fraction_range)
        if boxes is not None:
            boxes = boxes[list(stream.permutation(len(boxes))[: max(math.ceil(fraction * len(boxes)), 1)])]
        x_min, y_min, x_max, y_max = windows.safe(boxes, sig, stream, self.erosion_rate)
        low, high = self.aspect_ratio_range
        ratio = min(max((x_max - x_min) / (y_max - y_min), low), high)
        x_min, x_max = windows.grown(x_min, x_max, round(ratio * (y_max - y_min)), sig.width, stream)
        y_min, y_max = windows.grown(y_min, y_max, round((x_max - x_min) / ratio), sig.height, stream)
        return {"crop_coords": (x_min, y_min, x_max, y_max)}


class _FittingCrop(_Crop, register=False):
    """Base of crops of a fixed size that the image must hold."""

    needs = "labels"
    height: Integer = Integer(low=1, unit="pixel")
    width: Integer = Integer(low=1, unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = self.height, self.width
        if height > sig.height or width > sig.width:
            raise SampleError(
                f"crop of height {height} and width {width} does not fit into the image of height {sig.height} and "
                f"width {sig.width}; pad or resize first"
            )
        return {"crop_coords": self.box(height, width, sig, stream)}

    def box(self, height: int, width: int, sig: Signature, stream: Stream) -> Box:
        """The window of a call."""
        raise NotImplementedError


class AtLeastOneBBoxRandomCrop(_FittingCrop):
    """Cut out a window of fixed size that shows a random box whole, or as much of it as fits; anywhere without boxes.

    height, width: pixels, at most the image's. erosion_factor: how much of the box's width and height may be lost, half
    on either side.
    """

    erosion_factor: Probability = Probability(default=0.0)

    def box(self, height: int, width: int, sig: Signature, stream: Stream) -> Box:
        boxes = boxes_of(sig)
        if boxes is None:
            return anywhere(height, width, sig, stream)
        x0, y0, x1, y1 = boxes[stream.integer(0, len(boxes) - 1)].tolist()
        x = windows.showing(x0, x1, width, sig.width, self.erosion_factor, stream)
        y = windows.showing(y0, y1, height, sig.height, self.erosion_factor, stream)
        return x, y, x + width, y + height


class RandomSizedBBoxSafeCrop(_Crop):
    """Cut out a random window that shows every box, and scale it to a fixed size.

    height, width: of the result in pixels. erosion_rate: as in BBoxSafeRandomCrop.
    """

    needs = "labels"
    height: Integer = Integer(low=1, unit="pixel", keep=True)
    width: Integer = Integer(low=1, unit="pixel", keep=True)
    erosion_rate: Probability = Probability(default=0.0)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"crop_coords": windows.safe(boxes_of(sig), sig, stream, self.erosion_rate)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        x_min, y_min, x_max, y_max = params["crop_coords"]
        return (*window(params, sig), resized(params, y_max - y_min, x_max - x_min, params["height"], params["width"]))


class CropNonEmptyMaskIfExists(_FittingCrop):
    """Cut out a window of fixed size that holds a random pixel of the mask that is not 0; anywhere if there is none.

    height, width: pixels, at most the image's. ignore_values: mask values that count as 0. ignore_channels: channels of
    a mask (H, W, C) that count as 0. Looks at `mask`, or at all of `masks` together.
    """

    ignore_values: Maybe = Maybe(Listed(Integer(), empty=True), default=None)
    ignore_channels: Maybe = Maybe(Listed(Integer(), empty=True), default=None)

    def box(self, height: int, width: int, sig: Signature, stream: Stream) -> Box:
        filled = masks.counting(sig, self.ignore_values or (), self.ignore_channels or ())
        return windows.with_a_filled_pixel(filled, height, width, sig, stream)
