"""Dropout: rectangles, channels or pixels overwritten.

Fills are in the image's own range. `fill` of a rectangle: a number, one number per channel, "random" (a value per pixel
and channel), "random_uniform" (one colour per hole), "grayscale" (the hole loses its colour), "inpaint_telea" or
"inpaint_ns" (the hole is continued from its surroundings). `fill_mask`: a number or one per channel; None leaves masks
alone. Boxes shrink to the hull of what holes leave visible; keypoints inside holes are removed. Holes are x_min, y_min,
x_max, y_max in pixels, end exclusive.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.fields import Fill, Flag, IntLimits, Limits, Maybe, Number, Plain, Probability, number
from augury.ops import Op
from augury.rng import Source, Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, ImageTransform, Params

__all__ = ["ChannelDropout", "CoarseDropout", "Erasing", "GridDropout", "PixelDropout"]

Hole = tuple[int, int, int, int]

FILLS = ("random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns")
# Steps with more holes than this are recorded by the key they are drawn from.
MOST_RECORDED = 128
_NO_KEY = "0" * 24
_HALF = 0xFFFFFFFF
_32 = np.uint64(32)
_ATTEMPTS = 10


class _Dropout(GeometricTransform, register=False):
    """Base of transforms that overwrite rectangles."""

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Hole, ...]:
        """The rectangles of a drawn step."""
        return params["holes"]  # type: ignore[no-any-return]

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        fill = _fits(params["fill"], sig)
        return (ops.Holes(cls.holes(params, sig), fill, params["fill_mask"], params.get("key", _NO_KEY)),)


def _filled(fill: Any, params: Params, stream: Stream) -> Params:
    """Params with a key for the fill, if the fill is drawn."""
    if fill in ("random", "random_uniform"):
        params["key"] = stream.key()
    return params


def _fits(fill: Any, sig: Signature) -> Any:
    """`fill` if it has one value, or one per channel; SampleError otherwise."""
    if isinstance(fill, tuple) and len(fill) not in (1, sig.channels):
        raise SampleError(
            f"fill {fill} has {len(fill)} values for an image of shape {sig.shape}; pass one, or one per channel"
        )
    return fill


# ---- rectangles --------------------------------------------------------------------------------------


def _side_range(value: Any) -> tuple[float, float]:
    rule = "pass two numbers (low, high): fractions of the image in [0, 1], or whole pixels as integers"
    pair = value if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2:
        raise ValueError(rule)
    low, high = number(pair[0], rule), number(pair[1], rule)
    if not 0 <= low <= high:
        raise ValueError(rule)
    if high <= 1 and not (isinstance(low, int) and isinstance(high, int)):
        return float(low), float(high)
    if low != int(low) or high != int(high):
        raise ValueError(rule)
    return int(low), int(high)


_SIDE = {
    "type": ["array", "number"],
    "items": {"type": "number", "minimum": 0},
    "minItems": 2,
    "maxItems": 2,
}


def _side(limits: tuple[float, float], size: int) -> tuple[float, float]:
    """Ends of the half-open range of pixels whose whole part is a hole's side."""
    low, high = limits
    return (low, high + 1) if isinstance(low, int) else (low * size, high * size)


def _hole(size: int, place: int, size_range: Sequence[Sequence[float]], height: int, width: int) -> Hole:
    """A hole anywhere in the image, sides uniform between (width, height) pairs of size_range, at least 1 pixel.

    size, place: 64 random bits each, half for each axis.
    """
    (w_low, h_low), (w_high, h_high) = size_range
    w = int(w_low + (w_high - w_low) * (size >> 32) * 2.0**-32) or 1
    h = int(h_low + (h_high - h_low) * (size & _HALF) * 2.0**-32) or 1
    if w > width or h > height:
        w, h = min(w, width), min(h, height)
    x, y = (place >> 32) * (width - w + 1) >> 32, (place & _HALF) * (height - h + 1) >> 32
    return x, y, x + w, y + h


def _scattered(key: str, n: int, size_range: Sequence[Sequence[float]], height: int, width: int) -> tuple[Hole, ...]:
    """n holes of a stream key."""
    words = iter(struct.unpack(f"<{2 * n}Q", Source(key).bytes(16 * n)))
    return tuple(_hole(size, place, size_range, height, width) for size, place in zip(words, words, strict=True))


class CoarseDropout(_Dropout):
    """Overwrite some rectangles of random size and place.

    num_holes_range: how many, at least 1. hole_height_range, hole_width_range: sides, as fractions of the image in [0,
    1] (floats) or in pixels (integers, both ends included); a side is at least one pixel and at most the image's.
    fill, fill_mask: see above. Source: DeVries and Taylor, "Improved regularization of convolutional neural networks
    with Cutout", 2017.
    """

    num_holes_range: IntLimits = IntLimits(default=(1, 2), low=1, scalar="fixed")
    hole_height_range: Plain = Plain(default=(0.1, 0.2), check=_side_range, shape=_SIDE, examples=((0.1, 0.3), (2, 8)))
    hole_width_range: Plain = Plain(default=(0.1, 0.2), check=_side_range, shape=_SIDE, examples=((0.1, 0.3), (2, 8)))
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5)

    pixel_params = frozenset({"holes", "hole_size_range"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        n = stream.integer(*self.num_holes_range)
        height, width = sig.shape[:2]
        w, h = _side(self.hole_width_range, width), _side(self.hole_height_range, height)
        sizes = ((w[0], h[0]), (w[1], h[1]))
        if n <= MOST_RECORDED:
            holes = tuple([_hole(stream.word(), stream.word(), sizes, height, width) for _ in range(n)])
            return _filled(self.fill, {"holes": holes}, stream)
        return _filled(self.fill, {"num_holes": n, "hole_size_range": sizes, "holes_key": stream.key()}, stream)

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Hole, ...]:
        if "holes" in params:
            return params["holes"]  # type: ignore[no-any-return]
        return _scattered(params["holes_key"], params["num_holes"], params["hole_size_range"], sig.height, sig.width)


class Erasing(_Dropout):
    """Overwrite one rectangle.

    scale: its area as a fraction of the image's, in [0, 1]. ratio: its width divided by its height, above 0. Both are
    drawn again, up to ten times, until the rectangle fits; the last one is cut to the image. fill, fill_mask: see
    above. Source: Zhong et al., "Random erasing data augmentation", 2020.
    """

    scale: Limits = Limits(default=(0.02, 0.33), low=0, high=1, scalar="fixed")
    ratio: Limits = Limits(default=(0.3, 3.3), low=0, open_low=True, scalar="fixed")
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5)

    pixel_params = frozenset({"holes"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.height, sig.width
        for _ in range(_ATTEMPTS):
            area = stream.uniform(*self.scale) * height * width
            ratio = stream.uniform(*self.ratio)
            w, h = max(round(math.sqrt(area * ratio)), 1), max(round(math.sqrt(area / ratio)), 1)
            if w <= width and h <= height:
                break
        w, h = min(w, width), min(h, height)
        x, y = stream.integer(0, width - w), stream.integer(0, height - h)
        return _filled(self.fill, {"holes": ((x, y, x + w, y + h),)}, stream)


def _pair(least: int, name: str) -> Any:
    rule = f"pass two integers {name}, each at least {least}, or None"

    def check(value: Any) -> tuple[int, int] | None:
        if value is None:
            return None
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError(rule)
        first, second = number(value[0], rule), number(value[1], rule)
        if first != int(first) or second != int(second) or first < least or second < least:
            raise ValueError(rule)
        return int(first), int(second)

    return check


_PAIR = {"type": ["array", "null"], "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}


class GridDropout(_Dropout):
    """Overwrite one rectangle in every cell of a grid.

    ratio: side of a hole divided by the side of its cell, in (0, 1]; a hole is at least one pixel and, in cells of two
    pixels and more, one pixel less than the cell at most.
    random_offset: each hole lies anywhere in its cell; else all are shift_xy pixels (right, down) from their cell's
    corner, and holes that would leave the image are moved back to its edge.
    The image is cut evenly into holes_number_xy (columns, rows) cells; or into as many squares of a side drawn from
    unit_size_range (pixels, at least 2) as fit whole; or, without both, into about ten by ten.
    fill, fill_mask: see above. Source: Chen et al., "GridMask data augmentation", 2020.
    """

    ratio: Number = Number(default=0.5, low=0, high=1, open_low=True)
    random_offset: Flag = Flag(default=True)
    unit_size_range: Maybe = Maybe(IntLimits(low=2, scalar="fixed", unit="pixel"), default=None)
    holes_number_xy: Plain = Plain(default=None, check=_pair(1, "(columns, rows)"), shape=_PAIR, examples=((3, 2),))
    shift_xy: Plain = Plain(
        default=(0, 0), check=_pair(0, "(right, down)"), shape=_PAIR, examples=((2, 1),), unit="pixel"
    )
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5)

    pixel_params = frozenset({"unit_size", "hole_size", "shift_xy"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        width, height = sig.width, sig.height
        if self.holes_number_xy is not None:
            columns, rows = self.holes_number_xy
            most = max(width // 2, 1), max(height // 2, 1)
            if columns > most[0] or rows > most[1]:
                raise SampleError(
                    f"holes_number_xy={self.holes_number_xy} leaves cells below 2 pixels in an image of {width} x "
                    f"{height} (W x H); pass at most {most}, or resize first"
                )
        else:
            side = self._unit(width, height, stream)
            columns, rows = max(width // side[0], 1), max(height // side[1], 1)
        unit = (width / columns, height / rows)
        params: Params = {"unit_size": unit, "hole_size": (self._side(unit[0]), self._side(unit[1]))}
        if self.random_offset:
            params["offset_key"] = stream.key()
        else:
            params["shift_xy"] = self.shift_xy or (0, 0)
        return _filled(self.fill, params, stream)

    def _unit(self, width: int, height: int, stream: Stream) -> tuple[int, int]:
        if self.unit_size_range is None:
            return max(width // 10, 2), max(height // 10, 2)
        if self.unit_size_range[1] > min(width, height):
            raise SampleError(
                f"unit_size_range={self.unit_size_range} is larger than an image of {width} x {height} (W x H); pass "
                f"at most {min(width, height)}, or resize first"
            )
        side = stream.integer(*self.unit_size_range)
        return side, side

    def _side(self, unit: float) -> int:
        return max(min(int(unit * self.ratio), int(unit) - 1), 1)

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Hole, ...]:
        width, height = sig.width, sig.height
        unit_w, unit_h = params["unit_size"]
        w, h = (min(max(side, 1), most) for side, most in zip(params["hole_size"], (width, height), strict=True))
        xs = [round(i * unit_w) for i in range(max(round(width / unit_w), 1))]
        ys = [round(i * unit_h) for i in range(max(round(height / unit_h), 1))]
        key = params.get("offset_key")
        if key is None:
            right, down = params["shift_xy"]
            corners = [(min(x + right, width - w), min(y + down, height - h)) for y in ys for x in xs]
            return tuple([(x, y, x + w, y + h) for x, y in corners])
        # How many places a hole has in each column and row.
        across = np.array([max(end - x - w, 0) + 1 for x, end in zip(xs, [*xs[1:], width], strict=True)], np.uint64)
        along = np.array([max(end - y - h, 0) + 1 for y, end in zip(ys, [*ys[1:], height], strict=True)], np.uint64)
        words = np.frombuffer(Source(key).bytes(8 * len(xs) * len(ys)), "<u4").reshape(len(ys), len(xs), 2)
        left = (words[:, :, 0] * across >> _32).astype(np.int64) + xs
        top = (words[:, :, 1] * along[:, None] >> _32).astype(np.int64) + np.array(ys)[:, None]
        places = zip(left.ravel().tolist(), top.ravel().tolist(), strict=True)
        return tuple([(x, y, x + w, y + h) for x, y in places])


# ---- channels and pixels -----------------------------------------------------------------------------


class ChannelDropout(ImageTransform):
    """Set some channels to one value.

    channel_drop_range: how many, at least 1 and fewer than the image has. fill: the value.
    Raises SampleError for images with too few channels.
    """

    channel_drop_range: IntLimits = IntLimits(default=(1, 1), low=1, scalar="fixed")
    fill: Number = Number(default=0, keep=True)
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        if self.channel_drop_range[1] >= sig.channels:
            raise SampleError(
                f"channel_drop_range={self.channel_drop_range} could drop every channel of an image of shape "
                f"{sig.shape}; pass fewer than its channels, or drop images with one channel before"
            )
        n = stream.integer(*self.channel_drop_range)
        return {"channels_to_drop": stream.permutation(sig.channels)[:n]}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        fill = params["fill"]
        if fill and sig.dtype != "float32":
            fill = min(max(round(fill), 0), int(sig.max_value))
        return (ops.FillChannels(params["channels_to_drop"], fill),)


class PixelDropout(GeometricTransform):
    """Overwrite single pixels; boxes and keypoints stay.

    dropout_prob: probability of each pixel, in [0, 1]. per_channel: channels are dropped one by one.
    drop_value: a number, one per channel, or None for random values. mask_drop_value: what the same pixels of masks
    become; None leaves masks alone.
    """

    dropout_prob: Probability = Probability(default=0.01, keep=True)
    per_channel: Flag = Flag(default=False, keep=True)
    drop_value: Fill = Fill(default=0, nullable=True)
    mask_drop_value: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (
            ops.DropPixels(
                params["key"],
                params["dropout_prob"],
                params["per_channel"],
                _fits(params["drop_value"], sig),
                params["mask_drop_value"],
            ),
        )
