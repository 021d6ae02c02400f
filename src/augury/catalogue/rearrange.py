"""Pixels that change places with, or take the values of, others nearby."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from augury import ops
from augury.catalogue.distortion import remap
from augury.fields import (
    Border,
    Fill,
    Integer,
    Interpolation,
    IntLimits,
    Limits,
    Maybe,
    Option,
    Size,
)  # fmt: skip
from augury.maps import tile_edges
from augury.ops import Op, SpreadField
from augury.rng import Source, Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, ImageTransform, Params

__all__ = ["Morphological", "PixelSpread", "RandomGridShuffle", "Superpixels"]

# Orders of more tiles than this are recorded by the key they are drawn from.
MOST_RECORDED = 128


class Morphological(GeometricTransform):
    """Let bright things grow (dilation) or shrink (erosion), in images and masks.

    scale: side of the ellipse of pixels whose maximum or minimum is taken; drawn for height and width alike. Boxes grow
    or shrink with it; keypoints stay.
    """

    scale: IntLimits = IntLimits(default=(2, 3), low=1, scalar=1, unit="pixel")
    operation: Option = Option(default="dilation", options=("dilation", "erosion"), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"size": stream.integer(*self.scale)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Morphology(params["operation"], params["size"], params["size"]),)


@lru_cache(maxsize=64)
def tile_sizes(rows: int, columns: int, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Height and width of every tile, row by row."""
    tall, wide = ([b - a for a, b in pairwise(tile_edges(*cut))] for cut in ((rows, height), (columns, width)))
    return tuple((h, w) for h in tall for w in wide)


class RandomGridShuffle(GeometricTransform):
    """Cut the image into a grid of tiles and put tiles of equal size in each other's places.

    grid: (rows, columns). Masks and keypoints follow; boxes become the hull of their pieces.
    """

    grid: Size = Size(default=(3, 3), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        key = stream.key()
        order = self.order(self.grid, key, sig)
        return {"order": order} if len(order) <= MOST_RECORDED else {"key": key}

    @staticmethod
    def order(grid: tuple[int, int], key: str, sig: Signature) -> tuple[int, ...]:
        """Which tile each place shows."""
        sizes = tile_sizes(*grid, *sig.shape[:2])
        words = Source(key).uint32(len(sizes)).tolist()
        places = sorted(range(len(sizes)), key=sizes.__getitem__)
        tiles = sorted(range(len(sizes)), key=lambda i: (sizes[i], words[i]))
        return tuple([tile for _, tile in sorted(zip(places, tiles, strict=True))])

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        order = params["order"] if "order" in params else cls.order(params["grid"], params["key"], sig)
        rows, columns = params["grid"]
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
    map_resolution_range: Limits = Limits(default=(1.0, 1.0), low=0, high=1, open_low=True, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"key": stream.key(), "map_resolution": stream.uniform(*self.map_resolution_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        radius = max(round(params["radius"] * params["map_resolution"]), 1)
        return remap(params, SpreadField(params["key"], radius))


class Superpixels(ImageTransform):
    """Fill some regions of like colour with their mean colour; other pixels stay as they are.

    p_replace_range: share of the regions that are filled. n_segments_range: how many regions there are, about.
    max_size: regions are found on an image whose sides are shrunk to this many pixels at most, with `interpolation`;
    None: on the image itself. Source: Achanta et al., "SLIC superpixels ...", 2012.
    """

    p_replace_range: Limits = Limits(default=(0, 0.1), low=0, high=1, scalar=0, alias="p_replace")
    n_segments_range: IntLimits = IntLimits(default=(100, 100), low=1, scalar=1, alias="n_segments")
    max_size: Maybe = Maybe(Integer(low=1, unit="pixel", keep=True), default=128)
    interpolation: Interpolation = Interpolation(default=1, resize=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "p_replace": stream.uniform(*self.p_replace_range),
            "n_segments": stream.integer(*self.n_segments_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        values = params["key"], params["p_replace"], params["n_segments"], params["max_size"], params["interpolation"]
        return (ops.Superpixels(*values),)
