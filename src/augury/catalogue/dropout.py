"""Dropout: rectangles, channels or pixels overwritten.

Fills are in the image's own range. `fill` of a rectangle: a number, one number per channel, "random" (a value per pixel
and channel), "random_uniform" (one colour per hole), "grayscale" (the hole loses its colour), "inpaint_telea" or
"inpaint_ns" (the hole is continued from its surroundings). `fill_mask`: a number or one per channel; None leaves masks
alone. Boxes shrink to the hull of what holes leave visible; keypoints inside holes are removed. Holes are x_min, y_min,
x_max, y_max in pixels, end exclusive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from augury import masks, ops, windows
from augury.errors import SampleError
from augury.fields import (
    Fill, Flag, Fractions, Integer, IntLimits, Lengths, Limits, Listed, Maybe, Name, Number, Plain, Probability,
)  # fmt: skip
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, ImageTransform, Ops, Params
from augury.windows import Box

__all__ = [
    "ChannelDropout", "CoarseDropout", "ConstrainedCoarseDropout", "Erasing", "FrequencyMasking", "GridDropout",
    "GridMask", "GuidedCoarseDropout", "MaskDropout", "PixelDropout", "TimeMasking", "XYMasking",
]  # fmt: skip

FILLS = ("random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns")
# Steps with more holes than this are recorded by the key they are drawn from.
MOST_RECORDED = 128
# Rectangles of one step about objects: so many fit into a record.
_MOST_HOLES = 256
_NO_KEY = "0" * 24


class _Holes(GeometricTransform, register=False):
    """Base of transforms that overwrite rectangles."""

    pixel_params = frozenset({"holes"})

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Box, ...]:
        """The rectangles of a drawn step."""
        return params["holes"]  # type: ignore[no-any-return]

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        fill = _fits(params["fill"], sig)
        return (ops.Holes(cls.holes(params, sig), fill, params["fill_mask"], params.get("key", _NO_KEY)),)


class _Dropout(_Holes, register=False):
    """Base of those whose fill is chosen."""

    fill: Fill = Fill(default=0, words=FILLS, kw_only=True)
    fill_mask: Fill = Fill(default=None, nullable=True, kw_only=True)


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


class CoarseDropout(_Dropout):
    """Overwrite some rectangles of random size and place.

    num_holes_range: how many, at least 1. hole_height_range, hole_width_range: sides, as fractions of the image in [0,
    1] (floats) or in pixels (integers, both ends included); a side is at least one pixel and at most the image's.
    fill, fill_mask: see above. Source: DeVries and Taylor, "Improved regularization of convolutional neural networks
    with Cutout", 2017.
    """

    num_holes_range: IntLimits = IntLimits(default=(1, 2), low=1, scalar="fixed")
    hole_height_range: Lengths = Lengths(default=(0.1, 0.2))
    hole_width_range: Lengths = Lengths(default=(0.1, 0.2))

    pixel_params = frozenset({"holes", "hole_size_range"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        n = stream.integer(*self.num_holes_range)
        height, width = sig.shape[:2]
        w, h = Lengths.pixels(self.hole_width_range, width), Lengths.pixels(self.hole_height_range, height)
        sizes = ((w[0], h[0]), (w[1], h[1]))
        if n <= MOST_RECORDED:
            holes = tuple([windows.hole(stream.word(), stream.word(), sizes, height, width) for _ in range(n)])
            return _filled(self.fill, {"holes": holes}, stream)
        return _filled(self.fill, {"num_holes": n, "hole_size_range": sizes, "holes_key": stream.key()}, stream)

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Box, ...]:
        if "holes" in params:
            return params["holes"]  # type: ignore[no-any-return]
        key, n, sizes = params["holes_key"], params["num_holes"], params["hole_size_range"]
        return windows.scattered(key, n, sizes, sig.height, sig.width)


class Erasing(_Dropout):
    """Overwrite one rectangle.

    scale: its area as a fraction of the image's, in [0, 1]. ratio: its width divided by its height, above 0. Both are
    drawn again, up to ten times, until the rectangle fits; the last one is cut to the image. fill, fill_mask: see
    above. Source: Zhong et al., "Random erasing data augmentation", 2020.
    """

    scale: Fractions = Fractions(default=(0.02, 0.33))
    ratio: Limits = Limits(default=(0.3, 3.3), low=1e-6, high=1e6, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return _filled(self.fill, {"holes": (windows.erased(self.scale, self.ratio, sig, stream),)}, stream)


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
    holes_number_xy: Maybe = Maybe(Listed(Integer(low=1), counts=(2,)), default=None)
    shift_xy: Maybe = Maybe(Listed(Integer(low=0, unit="pixel"), counts=(2,)), default=(0, 0))

    pixel_params = frozenset({"unit_size", "hole_size", "shift_xy"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        columns, rows = windows.cells(self.holes_number_xy, self.unit_size_range, sig, stream)
        unit = (sig.width / columns, sig.height / rows)
        params: Params = {"unit_size": unit, "hole_size": (self._side(unit[0]), self._side(unit[1]))}
        if self.random_offset:
            params["offset_key"] = stream.key()
        else:
            params["shift_xy"] = self.shift_xy or (0, 0)
        return _filled(self.fill, params, stream)

    def _side(self, unit: float) -> int:
        return max(min(int(unit * self.ratio), int(unit) - 1), 1)

    @classmethod
    def holes(cls, params: Params, sig: Signature) -> tuple[Box, ...]:
        shift, key = params.get("shift_xy", (0, 0)), params.get("offset_key")
        return windows.in_cells(params["unit_size"], params["hole_size"], shift, key, sig.height, sig.width)


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

    def draw(self, sig: Signature, stream: Stream) -> Params:
        across = windows.strips(self.num_masks_x_range, self.mask_x_length_range, sig.width, stream)
        down = windows.strips(self.num_masks_y_range, self.mask_y_length_range, sig.height, stream)
        holes = (*((x, 0, end, sig.height) for x, end in across), *((0, y, sig.width, end) for y, end in down))
        return _filled(self.fill, {"holes": holes}, stream)


class TimeMasking(_Holes):
    """Overwrite a strip of columns, the time of a spectrogram, with 0, in images and masks.

    time_mask_param: its largest width, pixels. Source: Park et al., "SpecAugment", 2019.
    """

    time_mask_param: Integer = Integer(default=40, low=1, unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        strips = windows.strips((1, 1), (0, self.time_mask_param), sig.width, stream)
        return {"holes": tuple((x, 0, end, sig.height) for x, end in strips), "fill": 0, "fill_mask": 0}


class FrequencyMasking(_Holes):
    """Overwrite a strip of rows, the frequencies of a spectrogram, with 0, in images and masks.

    freq_mask_param: its largest height, pixels. Source: Park et al., "SpecAugment", 2019.
    """

    freq_mask_param: Integer = Integer(default=30, low=1, unit="pixel")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        strips = windows.strips((1, 1), (0, self.freq_mask_param), sig.height, stream)
        return {"holes": tuple((0, y, sig.width, end) for y, end in strips), "fill": 0, "fill_mask": 0}


class GridMask(_Dropout):
    """Overwrite the lines of a grid.

    num_grid_range: cells along the shorter side. line_width_range: width of a line as a fraction of a cell.
    rotation_range: of the grid about the centre, degrees. fill, fill_mask: see above.
    Source: Chen et al., "GridMask data augmentation", 2020.
    """

    num_grid_range: IntLimits = IntLimits(default=(3, 7), low=1, scalar="fixed")
    line_width_range: Fractions = Fractions(default=(0.2, 0.5))
    rotation_range: Limits = Limits(default=(0, 0), unit="degree")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        unit = max(min(sig.width, sig.height) / stream.integer(*self.num_grid_range), 1.0)
        width = unit * stream.uniform(*self.line_width_range)
        grid = (unit, width, stream.uniform(0, unit), stream.uniform(0, unit), stream.uniform(*self.rotation_range))
        return _filled(self.fill, {"grid": grid}, stream)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        pattern, fill = ops.GridLines(*params["grid"]), _fits(params["fill"], sig)
        return (ops.Stencil(pattern, fill, params["fill_mask"], params.get("key", _NO_KEY)),)


# ---- where objects are -------------------------------------------------------------------------------


def _labels(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, (str, int, float)) for one in value):
        raise ValueError("pass a list of labels, or None")
    return tuple(value)


def _label_field() -> Maybe:
    return Maybe(Plain(check=_labels, shape={"type": "array"}, examples=((1, 2), ("cat",))), default=None)


class ConstrainedCoarseDropout(_Dropout):
    """Overwrite rectangles about points of objects.

    Objects are the connected pixels of `mask` whose values are among mask_indices, and the boxes whose labels (of the
    first label field) are among bbox_labels. num_holes_range: rectangles per object, at most 256 in all.
    hole_height_range, hole_width_range: their sides as fractions of the box's, or of the root of the area of an object
    in the mask. fill, fill_mask: see above.
    """

    needs = "labels"
    num_holes_range: IntLimits = IntLimits(default=(1, 1), low=1, scalar="fixed")
    hole_height_range: Fractions = Fractions(default=(0.1, 0.1))
    hole_width_range: Fractions = Fractions(default=(0.1, 0.1))
    fill: Fill = Fill(default=0, words=FILLS, kw_only=True)
    fill_mask: Fill = Fill(default=None, nullable=True, kw_only=True)
    p: Probability = Probability(default=0.5, kw_only=True)
    mask_indices: Maybe = _label_field()
    bbox_labels: Maybe = _label_field()

    def draw(self, sig: Signature, stream: Stream) -> Params:
        holes: list[Box] = []
        if self.mask_indices is not None:
            found = masks.among(masks.mask_of(sig), self.mask_indices)
            for places, left, top, w in masks.each_object(found, _MOST_HOLES):
                side = math.sqrt(len(places))
                for _ in range(stream.integer(*self.num_holes_range)):
                    y, x = divmod(int(places[stream.integer(0, len(places) - 1)]), w)
                    holes.append(self._hole(left + x + 0.5, top + y + 0.5, side, side, sig, stream))
        for x0, y0, x1, y1 in windows.labelled(sig, self.bbox_labels, "bbox_labels"):
            for _ in range(stream.integer(*self.num_holes_range)):
                at = stream.uniform(x0, x1), stream.uniform(y0, y1)
                holes.append(self._hole(*at, x1 - x0, y1 - y0, sig, stream))
        return _filled(self.fill, {"holes": tuple(holes[:_MOST_HOLES])}, stream)

    def _hole(self, x: float, y: float, w: float, h: float, sig: Signature, stream: Stream) -> Box:
        w, h = w * stream.uniform(*self.hole_width_range), h * stream.uniform(*self.hole_height_range)
        return windows.centred(x, y, w, h, sig)


class GuidedCoarseDropout(_Dropout):
    """Overwrite rectangles about points of a region, away from protected boxes.

    region_key: name of the call's argument that holds the region, an array (H, W), not 0 where rectangles may stand;
    without it they may anywhere. protected_bbox_labels: boxes with these labels (of the first label field), enlarged by
    protection_margin of their sides all around, are kept; a rectangle that finds no place in 50 tries is left out.
    num_holes_range: how many, at most 256. hole_height_range, hole_width_range: sides as fractions of the image's.
    fill, fill_mask: see above.
    """

    needs = "labels"
    region_key: Name = Name(default="dropout_region")
    protected_bbox_labels: Maybe = _label_field()
    protection_margin: Number = Number(default=0.0, low=0)
    num_holes_range: IntLimits = IntLimits(default=(1, 1), low=1, high=_MOST_HOLES, scalar="fixed")
    hole_height_range: Fractions = Fractions(default=(0.05, 0.2))
    hole_width_range: Fractions = Fractions(default=(0.05, 0.2))

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.region_key,)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        places = masks.places_in(sig, self.region_key)
        kept, margin = [], self.protection_margin
        for x0, y0, x1, y1 in windows.labelled(sig, self.protected_bbox_labels, "protected_bbox_labels"):
            w, h = (x1 - x0) * margin, (y1 - y0) * margin
            kept.append((x0 - w, y0 - h, x1 + w, y1 + h))
        holes: list[Box] = []
        count = sig.width * sig.height if places is None else len(places)
        for _ in range(stream.integer(*self.num_holes_range) if count else 0):
            for _ in range(50):
                at = stream.integer(0, count - 1)
                y, x = divmod(at if places is None else int(places[at]), sig.width)
                w = stream.uniform(*self.hole_width_range) * sig.width
                hole = windows.centred(x + 0.5, y + 0.5, w, stream.uniform(*self.hole_height_range) * sig.height, sig)
                if not any(windows.overlap(hole, box) for box in kept):
                    holes.append(hole)
                    break
        return _filled(self.fill, {"holes": tuple(holes)}, stream)


class MaskDropout(GeometricTransform):
    """Overwrite whole objects: connected pixels of `mask` that are not 0, recorded by one pixel (x, y) of each.

    max_objects_range: how many, at most those there are. fill: as above, without random ones. fill_mask: what the mask
    becomes there; None leaves it alone. To run again from a record, the step needs the mask.
    """

    needs = "labels"
    lower_needs_pixels = True
    inverts = "keeps"
    max_objects_range: IntLimits = IntLimits(default=(1, 1), low=1, high=1000, scalar=1, alias="max_objects")
    fill: Fill = Fill(default=0, words=FILLS[2:])
    fill_mask: Fill = Fill(default=0, nullable=True)

    pixel_params = frozenset({"objects"})

    def draw(self, sig: Signature, stream: Stream) -> Params:
        labels, count = masks.objects(masks.mask_of(sig) != 0)
        chosen = stream.permutation(count)[: stream.integer(*self.max_objects_range)]
        places = (divmod(int((labels == i + 1).argmax()), sig.width) for i in sorted(chosen))
        return {"objects": tuple((x, y) for y, x in places)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if not params["objects"]:
            return ()
        packed = np.packbits(masks.touching(masks.mask_of(sig) != 0, params["objects"])).tobytes()
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
    def lower(cls, params: Params, sig: Signature) -> Ops:
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
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        fill, fill_mask = _fits(params["drop_value"], sig), params["mask_drop_value"]
        return (ops.DropPixels(params["key"], params["dropout_prob"], params["per_channel"], fill, fill_mask),)
