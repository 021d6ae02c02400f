"""Pixels that change places with, or take the values of, others nearby."""

from __future__ import annotations

from augury import ops
from augury.catalogue.distortion import remap
from augury.fields import Border, Fill, Fractions, Integer, Interpolation, IntLimits, Limits, Maybe, Option, Size
from augury.maps import tile_order
from augury.ops import SpreadField
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, ImageTransform, Ops, Params

__all__ = ["Morphological", "PixelSpread", "RandomGridShuffle", "Superpixels"]

# Orders of more tiles than this are recorded by the key they are drawn from.
MOST_RECORDED = 128


class Morphological(GeometricTransform):
    """Let bright things grow (dilation) or shrink (erosion), in images and masks.

    scale: side of the ellipse of pixels whose maximum or minimum is taken; drawn for height and width alike. Boxes grow
    or shrink with it; keypoints stay.
    """

    scale: IntLimits = IntLimits(default=(2, 3), low=1, scalar=1, unit="pixel", draws="size")
    operation: Option = Option(default="dilation", options=("dilation", "erosion"), keep=True)
    lowers_to = ops.Morphology, "operation", "size", "size"


class RandomGridShuffle(GeometricTransform):
    """Cut the image into a grid of tiles and put tiles of equal size in each other's places.

    grid: (rows, columns). Masks and keypoints follow; boxes become the hull of their pieces.
    """

    grid: Size = Size(default=(3, 3), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        key = stream.key()
        order = tile_order(key, self.grid, sig.shape[:2])
        return {"order": order} if len(order) <= MOST_RECORDED else {"key": key}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        rows, columns = grid = params["grid"]
        order = params["order"] if "order" in params else tile_order(params["key"], grid, sig.shape[:2])
        return (ops.GridShuffle(rows, columns, tuple(order)),)


class PixelSpread(GeometricTransform):
    """Let every pixel show a random one nearby, as through frosted glass; boxes and keypoints stay.

    radius: how far away it is at most, along each axis, pixels. map_resolution_range: the displacements are drawn at
    this fraction of the size and enlarged.
    """

    radius: Integer = Integer(default=2, low=1, high=1000, unit="pixel", keep=True)
    interpolation: Interpolation = Interpolation(default=0)
    mask_interpolation: Interpolation = Interpolation(default=0)
    keypoint_remapping_method: Option = Option(default="mask", options=("mask", "direct"))
    border_mode: Border = Border(default=4)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    map_resolution_range: Fractions = Fractions(default=(1.0, 1.0), open_low=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"key": stream.key(), "map_resolution": stream.uniform(*self.map_resolution_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        radius = max(round(params["radius"] * params["map_resolution"]), 1)
        return remap(params, SpreadField(params["key"], radius))


class Superpixels(ImageTransform):
    """Fill some regions of like colour with their mean colour; other pixels stay as they are.

    p_replace_range: share of the regions that are filled. n_segments_range: how many regions there are, about.
    max_size: regions are found on an image whose sides are shrunk to this many pixels at most, with `interpolation`;
    None: on the image itself. Source: Achanta et al., "SLIC superpixels ...", 2012.
    """

    p_replace_range: Limits = Limits(default=(0, 0.1), low=0, high=1, scalar=0, alias="p_replace", draws="p_replace")
    n_segments_range: IntLimits = IntLimits(default=(100, 100), low=1, scalar=1, alias="n_segments", draws="n_segments")
    max_size: Maybe = Maybe(Integer(low=1, unit="pixel", keep=True), default=128)
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    draws_key = True
    lowers_to = ops.Superpixels, "key", "p_replace", "n_segments", "max_size", "interpolation"
