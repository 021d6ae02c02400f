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

import cv2
import numpy as np

from augury import ops
from augury.errors import SampleError, shown
from augury.fields import Fill, Flag, Integer, IntLimits, Limits, Maybe, Number, Plain, Probability, number
from augury.ops import Op
from augury.rng import Source, Stream
from augury.sample import Array, Signature
from augury.transform import GeometricTransform, ImageTransform, Params

__all__ = [
    "ChannelDropout",
    "CoarseDropout",
    "ConstrainedCoarseDropout",
    "Erasing",
    "FrequencyMasking",
    "GridDropout",
    "GridMask",
    "GuidedCoarseDropout",
    "MaskDropout",
    "PixelDropout",
    "TimeMasking",
    "XYMasking",
]

Hole = tuple[int, int, int, int]

FILLS = ("random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns")
# Steps with more holes than this are recorded by the key they are drawn from.
MOST_RECORDED = 128
_NO_KEY = "0" * 24
_HALF = 0xFFFFFFFF
_32 = np.uint64(32)
_ATTEMPTS = 10
_BYTES = np.arange(256)


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
    ratio: Limits = Limits(default=(0.3, 3.3), low=1e-6, high=1e6, scalar="fixed")
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)

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
    p: Probability = Probability(default=0.5, kw_only=True)

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


# ---- strips ------------------------------------------------------------------------------------------


class XYMasking(_Dropout):
    """Overwrite strips that run through the whole image: of columns (x) and of rows (y).

    num_masks_x_range, num_masks_y_range: how many. mask_x_length_range, mask_y_length_range: how wide, pixels, at most
    the image. fill, fill_mask: see above. Source: Park et al., "SpecAugment", 2019.
    """

    num_masks_x_range: IntLimits = IntLimits(default=(0, 0), low=0, high=500, scalar=0, alias="num_masks_x")
    num_masks_y_range: IntLimits = IntLimits(default=(0, 0), low=0, high=500, scalar=0, alias="num_masks_y")
    mask_x_length_range: IntLimits = IntLimits(default=(0, 0), low=0, scalar=0, alias="mask_x_length", unit="pixel")
    mask_y_length_range: IntLimits = IntLimits(default=(0, 0), low=0, scalar=0, alias="mask_y_length", unit="pixel")
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)

    pixel_params = frozenset({"holes"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        across = _strips(self.num_masks_x_range, self.mask_x_length_range, sig.width, stream)
        down = _strips(self.num_masks_y_range, self.mask_y_length_range, sig.height, stream)
        holes = (*((x, 0, end, sig.height) for x, end in across), *((0, y, sig.width, end) for y, end in down))
        return _filled(self.fill, {"holes": holes}, stream)


def _strips(count: tuple[int, int], length: tuple[int, int], size: int, stream: Stream) -> list[tuple[int, int]]:
    """First and last edges of strips of at least a pixel."""
    out = []
    for _ in range(stream.integer(*count)):
        long = min(stream.integer(*length), size)
        first = stream.integer(0, size - long)
        out += [(first, first + long)] if long else []
    return out


class TimeMasking(_Dropout):
    """Overwrite a strip of columns, the time of a spectrogram, with 0, in images and masks.

    time_mask_param: its largest width, pixels. Source: Park et al., "SpecAugment", 2019.
    """

    time_mask_param: Integer = Integer(default=40, low=1, unit="pixel")

    pixel_params = frozenset({"holes"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        strips = _strips((1, 1), (0, self.time_mask_param), sig.width, stream)
        return {"holes": tuple((x, 0, end, sig.height) for x, end in strips), "fill": 0, "fill_mask": 0}


class FrequencyMasking(_Dropout):
    """Overwrite a strip of rows, the frequencies of a spectrogram, with 0, in images and masks.

    freq_mask_param: its largest height, pixels. Source: Park et al., "SpecAugment", 2019.
    """

    freq_mask_param: Integer = Integer(default=30, low=1, unit="pixel")

    pixel_params = frozenset({"holes"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        strips = _strips((1, 1), (0, self.freq_mask_param), sig.height, stream)
        return {"holes": tuple((0, y, sig.width, end) for y, end in strips), "fill": 0, "fill_mask": 0}


class GridMask(_Dropout):
    """Overwrite the lines of a grid.

    num_grid_range: cells along the shorter side. line_width_range: width of a line as a fraction of a cell.
    rotation_range: of the grid about the centre, degrees. fill, fill_mask: see above.
    Source: Chen et al., "GridMask data augmentation", 2020.
    """

    num_grid_range: IntLimits = IntLimits(default=(3, 7), low=1, scalar="fixed")
    line_width_range: Limits = Limits(default=(0.2, 0.5), low=0, high=1, scalar="fixed")
    rotation_range: Limits = Limits(default=(0, 0), unit="degree")
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5, kw_only=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        unit = max(min(sig.width, sig.height) / stream.integer(*self.num_grid_range), 1.0)
        width = unit * stream.uniform(*self.line_width_range)
        grid = (unit, width, stream.uniform(0, unit), stream.uniform(0, unit), stream.uniform(*self.rotation_range))
        return _filled(self.fill, {"grid": grid}, stream)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        pattern, fill = ops.GridLines(*params["grid"]), _fits(params["fill"], sig)
        return (ops.Stencil(pattern, fill, params["fill_mask"], params.get("key", _NO_KEY)),)


# ---- where objects are -------------------------------------------------------------------------------

# Rectangles of one step: so many fit into a record.
_MOST_HOLES = 256


def _part_range(default: tuple[float, float]) -> Limits:
    return Limits(default=default, low=0, high=1, scalar="fixed")


def _labels(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, (str, int, float)) for one in value):
        raise ValueError("pass a list of labels, or None")
    return tuple(value)


_LABELS: dict[str, Any] = {"type": "array"}


def _of_labels(sig: Signature, labels: tuple[Any, ...], name: str) -> list[list[float]]:
    """The boxes whose entry in the first label field is one of `labels`."""
    seen = sig.labels
    if seen is None or seen.boxes is None or not len(seen.boxes):
        return []
    if seen.classes is None:
        raise SampleError(f"{name}: the boxes have no labels; name their list in BboxParams(label_fields=[...])")
    return [box for box, label in zip(seen.boxes.tolist(), seen.classes, strict=True) if label in labels]


def _mask(sig: Signature) -> Array:
    """The mask (H, W[, C]): of a video the first frame's, of instance masks all that any of them covers."""
    arrays = sig.labels.arrays if sig.labels is not None else {}
    mask = arrays.get("mask")
    if mask is None and len(arrays.get("masks", ())):
        masks = arrays["masks"]
        mask = masks[0] if "images" in arrays else np.max(np.stack(masks), axis=0)
    if mask is None or mask.shape[:2] != sig.shape[:2]:
        found = "missing" if mask is None else f"its shape {mask.shape} differs from the image's {sig.shape[:2]}"
        raise SampleError(f"mask: {found}; pass a mask of the image's height and width")
    return np.asarray(mask)


def _filled_pixels(where: Array) -> Array:
    """(H, W[, C]) of bool as (H, W) uint8."""
    flat: Array = where.astype(np.uint8)
    return flat.max(axis=2) if flat.ndim == 3 else flat


def _among(mask: Array, values: Sequence[int]) -> Array:
    """Where values are among some, (H, W[, C])."""
    if mask.dtype != np.uint8 or mask.size != mask.shape[0] * mask.shape[1]:
        return np.isin(mask, values)
    return cv2.LUT(np.ascontiguousarray(mask), np.isin(_BYTES, values).view(np.uint8))


def _objects(where: Array) -> tuple[Array, int]:
    """Connected pixels of (H, W[, C]): numbers from 1 per pixel, and how many there are."""
    count, labels = cv2.connectedComponents(_filled_pixels(where), connectivity=8)
    return labels, count - 1


def _centred(x: float, y: float, w: float, h: float, sig: Signature) -> Hole:
    """A rectangle of at least a pixel about a point, cut to the image."""
    left, top = min(max(round(x - w / 2), 0), sig.width - 1), min(max(round(y - h / 2), 0), sig.height - 1)
    right, bottom = min(left + max(round(w), 1), sig.width), min(top + max(round(h), 1), sig.height)
    return left, top, right, bottom


class ConstrainedCoarseDropout(_Dropout):
    """Overwrite rectangles about points of objects.

    Objects are the connected pixels of `mask` whose values are among mask_indices, and the boxes whose labels (of the
    first label field) are among bbox_labels. num_holes_range: rectangles per object, at most 256 in all.
    hole_height_range, hole_width_range: their sides as fractions of the object's. fill, fill_mask: see above.
    """

    needs = "labels"
    num_holes_range: IntLimits = IntLimits(default=(1, 1), low=1, scalar="fixed")
    hole_height_range: Limits = _part_range((0.1, 0.1))
    hole_width_range: Limits = _part_range((0.1, 0.1))
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)
    p: Probability = Probability(default=0.5, kw_only=True)
    mask_indices: Maybe = Maybe(Plain(check=_labels, shape=_LABELS, examples=((1, 2),)), default=None)
    bbox_labels: Maybe = Maybe(Plain(check=_labels, shape=_LABELS, examples=(("cat",),)), default=None)

    pixel_params = frozenset({"holes"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        holes: list[Hole] = []
        if self.mask_indices is not None:
            where = _filled_pixels(_among(_mask(sig), self.mask_indices))
            _, labels, stats, _ = cv2.connectedComponentsWithStats(where, connectivity=8)
            for i, (left, top, w, h, _) in enumerate(stats[1 : _MOST_HOLES + 1].tolist(), 1):
                places = np.flatnonzero(labels[top : top + h, left : left + w] == i)
                for _ in range(stream.integer(*self.num_holes_range)):
                    y, x = divmod(int(places[stream.integer(0, len(places) - 1)]), w)
                    holes.append(self._hole(left + x + 0.5, top + y + 0.5, w, h, sig, stream))
        for x0, y0, x1, y1 in _of_labels(sig, self.bbox_labels, "bbox_labels") if self.bbox_labels else ():
            for _ in range(stream.integer(*self.num_holes_range)):
                at = stream.uniform(x0, x1), stream.uniform(y0, y1)
                holes.append(self._hole(*at, x1 - x0, y1 - y0, sig, stream))
        return _filled(self.fill, {"holes": tuple(holes[:_MOST_HOLES])}, stream)

    def _hole(self, x: float, y: float, w: float, h: float, sig: Signature, stream: Stream) -> Hole:
        w, h = w * stream.uniform(*self.hole_width_range), h * stream.uniform(*self.hole_height_range)
        return _centred(x, y, w, h, sig)


def _key(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("pass the name of the argument that holds the region")
    return value


class GuidedCoarseDropout(_Dropout):
    """Overwrite rectangles about points of a region, away from protected boxes.

    region_key: name of the call's argument that holds the region, an array (H, W), not 0 where rectangles may stand;
    without it they may anywhere. protected_bbox_labels: boxes with these labels (of the first label field), enlarged by
    protection_margin of their sides all around, are kept; a rectangle that finds no place in 50 tries is left out.
    num_holes_range: how many, at most 256. hole_height_range, hole_width_range: sides as fractions of the image's.
    fill, fill_mask: see above.
    """

    needs = "labels"
    region_key: Plain = Plain(default="dropout_region", check=_key, shape={"type": "string"}, examples=("region",))
    protected_bbox_labels: Maybe = Maybe(Plain(check=_labels, shape=_LABELS, examples=(("cat",),)), default=None)
    protection_margin: Number = Number(default=0.0, low=0)
    num_holes_range: IntLimits = IntLimits(default=(1, 1), low=1, high=_MOST_HOLES, scalar="fixed")
    hole_height_range: Limits = _part_range((0.05, 0.2))
    hole_width_range: Limits = _part_range((0.05, 0.2))
    fill: Fill = Fill(default=0, words=FILLS)
    fill_mask: Fill = Fill(default=None, nullable=True)

    pixel_params = frozenset({"holes"})

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.region_key,)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        places = self._places(sig)
        kept, margin = [], self.protection_margin
        if self.protected_bbox_labels is not None:
            for x0, y0, x1, y1 in _of_labels(sig, self.protected_bbox_labels, "protected_bbox_labels"):
                w, h = (x1 - x0) * margin, (y1 - y0) * margin
                kept.append((x0 - w, y0 - h, x1 + w, y1 + h))
        holes: list[Hole] = []
        count = sig.width * sig.height if places is None else len(places)
        for _ in range(stream.integer(*self.num_holes_range) if count else 0):
            for _ in range(50):
                at = stream.integer(0, count - 1)
                y, x = divmod(at if places is None else int(places[at]), sig.width)
                w = stream.uniform(*self.hole_width_range) * sig.width
                hole = _centred(x + 0.5, y + 0.5, w, stream.uniform(*self.hole_height_range) * sig.height, sig)
                if not any(hole[0] < b[2] and hole[2] > b[0] and hole[1] < b[3] and hole[3] > b[1] for b in kept):
                    holes.append(hole)
                    break
        return _filled(self.fill, {"holes": tuple(holes)}, stream)

    def _places(self, sig: Signature) -> Array | None:
        """Numbers of the pixels of the region, row by row."""
        seen = sig.labels
        region = None
        if seen is not None:
            region = seen.arrays.get(self.region_key, seen.extras.get(self.region_key))
        if region is None:
            return None
        found = _filled_pixels(np.asarray(region) != 0)
        if found.shape != sig.shape[:2]:
            raise SampleError(
                f"{self.region_key}: got {shown(np.shape(region))}; pass an array of the image's height and width, "
                f"{sig.shape[:2]}"
            )
        return np.flatnonzero(found)


class MaskDropout(GeometricTransform):
    """Overwrite whole objects: connected pixels of `mask` that are not 0, recorded by one pixel (x, y) of each.

    max_objects_range: how many, at most those there are. fill: as above, without random ones. fill_mask: what the mask
    becomes there; None leaves it alone. To run again from a record, the step needs the mask.
    """

    needs = "labels"
    lower_needs_pixels = True
    max_objects_range: IntLimits = IntLimits(default=(1, 1), low=1, high=1000, scalar=1, alias="max_objects")
    fill: Fill = Fill(default=0, words=FILLS[2:])
    fill_mask: Fill = Fill(default=0, nullable=True)

    pixel_params = frozenset({"objects"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        labels, count = _objects(_mask(sig) != 0)
        chosen = stream.permutation(count)[: stream.integer(*self.max_objects_range)]
        places = (divmod(int((labels == i + 1).argmax()), sig.width) for i in sorted(chosen))
        return {"objects": tuple((x, y) for y, x in places)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not params["objects"]:
            return ()
        where = _filled_pixels(_mask(sig) != 0)
        found = np.zeros((sig.height + 2, sig.width + 2), np.uint8)
        for x, y in params["objects"]:
            cv2.floodFill(where, found, (x, y), 0, flags=8 | cv2.FLOODFILL_MASK_ONLY | 255 << 8)
        packed = np.packbits(found[1:-1, 1:-1]).tobytes()
        return (ops.Stencil(ops.Bits(packed, sig.height, sig.width), _fits(params["fill"], sig), params["fill_mask"]),)


# ---- channels and pixels -----------------------------------------------------------------------------


class ChannelDropout(ImageTransform):
    """Set some channels to one value.

    channel_drop_range: how many, at least 1 and fewer than the image has. fill: the value.
    Raises SampleError for images with too few channels.
    """

    channel_drop_range: IntLimits = IntLimits(default=(1, 1), low=1, scalar="fixed")
    fill: Number = Number(default=0, keep=True)

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
