"""Transforms that take pixels and labels from other samples: donors, which records name by reference.

The donors of a call are passed beside its targets, under `metadata_key`: a list of items, each a dict with "image", an
"id" of your own if you like, and what else the transform reads; `augury.donors` says how a replay finds them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from augury import donors, ops
from augury.catalogue.resize import resized
from augury.donors import Donors, Item, item_of, read_rgb_image, refuse_saving
from augury.errors import FieldError, SampleError, shown
from augury.fields import Fill, Integer, Interpolation, Limits, Maybe, Option, Plain, Probability, Size
from augury.kernels.cpu import mix
from augury.ops import Op
from augury.rng import Stream
from augury.sample import IMAGE_ROLES, Signature
from augury.transform import Params, Transform

__all__ = [
    "FDA", "CopyAndPaste", "HistogramMatching", "Mosaic", "OverlayElements", "PixelDistributionAdaptation",
]  # fmt: skip


def image_like(item: Item, sig: Signature, alpha: bool = False) -> Item:
    """The item, if its image has the sample's dtype and channels, or one channel more if alpha; else SampleError.

    A sample without an image takes any.
    """
    if sig.labels is not None and not IMAGE_ROLES & sig.labels.arrays.keys():
        return item
    image = item["image"]
    channels = image.shape[2] if image.ndim > 2 else 1
    if str(image.dtype) != sig.dtype or channels not in (sig.channels, sig.channels + alpha):
        raise SampleError(
            f"donor {shown(item.get('id', ''))}: image is {shown(image)}, the sample's {sig.dtype} {sig.shape}; "
            "convert one of them"
        )
    return item


class Mixing(Transform, register=False):
    """Base of transforms that ask for donors."""

    needs = "pixels"
    lower_needs_pixels = True
    p: Probability = Probability(default=0.5, kw_only=True)

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.metadata_key,)  # type: ignore[attr-defined]


def donors_of(sig: Signature) -> Donors:
    """Where a step finds its donors."""
    assert sig.labels is not None and sig.labels.donors is not None
    return sig.labels.donors


def all_found(params: Params, sig: Signature) -> Iterator[Item]:
    """The donors of a step, in its order."""
    return (donors_of(sig).find(reference, params["metadata_key"]) for reference in params["donors"])


# ---- beside: Mosaic ---------------------------------------------------------------------------------------


class Mosaic(Mixing):
    """Show a window of a grid of cells, one of them the sample, the others donors; labels of all come along.

    metadata_key: items with image, and mask, masks, bboxes, keypoints and label fields as the sample has them; where
    there are too few, the sample fills further cells. grid_yx: rows and columns of the grid, at most 6.
    target_size: (height, width) of the window. cell_shape: of a cell. center_range: where the window lies, 0 left or
    top, 1 right or bottom. fit_mode: an item fills its part of the window and is cut ("cover"), or fits into it whole
    ("contain"). The sample takes the largest part.
    """

    acts_on = "dual"
    inverts = "never"
    grid_yx: Plain = Plain(
        default=(2, 2),
        check=mix.grid_of,
        shape={"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 6}, "minItems": 2, "maxItems": 2},
        examples=((1, 2), (3, 2)),
    )
    target_size: Size = Size(default=(512, 512), keep=True)
    cell_shape: Size = Size(default=(512, 512))
    center_range: Limits = Limits(default=(0.3, 0.7), low=0, high=1, scalar="fixed")
    fit_mode: Option = Option(default="cover", options=("cover", "contain"))
    interpolation: Interpolation = Interpolation(default=1, resize=True)
    mask_interpolation: Interpolation = Interpolation(default=0, resize=True)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    metadata_key: Plain = donors.key("mosaic_metadata")

    def check(self) -> None:
        whole = [n * side for n, side in zip(self.grid_yx, self.cell_shape, strict=True)]
        if any(side > most for side, most in zip(self.target_size, whole, strict=True)):
            raise FieldError(f"Mosaic.target_size: got {self.target_size}; pass at most the grid's size {tuple(whole)}")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pool = donors_of(sig)
        items = pool.given(self.metadata_key)
        places = mix.window(
            self.grid_yx, self.cell_shape, self.target_size, *(stream.uniform(*self.center_range) for _ in "xy")
        )
        chosen = [None, *(items[i] for i in stream.permutation(len(items)))][: len(places)]
        chosen += [None] * (len(places) - len(chosen))
        cells = []
        for (x0, y0, x1, y1), item in zip(places, chosen, strict=True):
            old = sig.shape[:2] if item is None else item["image"].shape[:2]
            height, width = mix.fitted(old, y1 - y0, x1 - x0, self.fit_mode)
            x, y = (
                stream.integer(0, over) if self.fit_mode == "cover" else over // 2
                for over in (width - x1 + x0, height - y1 + y0)
            )
            cells.append((x0, y0, x1, y1, height, width, x, y))
        return {
            "cells": tuple(cells),
            "donors": tuple(None if item is None else pool.refer(item) for item in chosen),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        tiles, (height, width) = [], params["target_size"]
        for cell, reference in zip(params["cells"], params["donors"], strict=True):
            item = None if reference is None else donors_of(sig).find(reference, params["metadata_key"])
            old = sig.shape[:2] if item is None else item["image"].shape[:2]
            scale = () if old == cell[4:6] else (resized(params, *old, *cell[4:6]),)
            tiles.append(mix.tile(item, scale, *cell))
        return (ops.Collage(height, width, tuple(tiles), params["fill"], params["fill_mask"]),)


# ---- over: CopyAndPaste, OverlayElements --------------------------------------------------------------------


class CopyAndPaste(Mixing):
    """Paste objects of donors at random places; what they cover leaves masks and labels, theirs are added.

    metadata_key: items with image, mask (H, W), whose values other than 0 are the object, and, if the sample has
    them, its bbox or bboxes, keypoints and label fields; without a box the object's outline is one. The sample's mask
    gets the object's values, or the item's mask_id; `masks` gets one more per object.
    Boxes that show less than min_visibility_after_paste of their pixels are removed. scale_range: of the object's size.
    blend_mode: "hard", or "gaussian": the edge is blurred by a sigma of blend_sigma_range pixels. Objects of fewer than
    min_paste_area pixels are left out. Source: Ghiasi et al., Simple copy-paste is a strong data augmentation, 2021.
    """

    acts_on = "dual"
    inverts = "keeps"
    min_visibility_after_paste: Probability = Probability(default=0.05, keep=True)
    blend_mode: Option = Option(default="hard", options=("hard", "gaussian"))
    blend_sigma_range: Limits = Limits(default=(1, 3), low=0, open_low=True, scalar="fixed", unit="pixel")
    scale_range: Limits = Limits(default=(1, 1), low=0, open_low=True, scalar="fixed")
    min_paste_area: Integer = Integer(default=1, low=1, unit="pixel")
    metadata_key: Plain = donors.key("copy_paste_metadata")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pool = donors_of(sig)
        objects, references = [], []
        for item in pool.given(self.metadata_key):
            x0, y0, x1, y1 = mix.object_box(item, self.metadata_key)
            scale = stream.uniform(*self.scale_range)
            height, width = max(round((y1 - y0) * scale), 1), max(round((x1 - x0) * scale), 1)
            x, y = (stream.integer(*sorted((0, room))) for room in (sig.width - width, sig.height - height))
            sigma = stream.uniform(*self.blend_sigma_range) if self.blend_mode == "gaussian" else 0.0
            row = (x0, y0, x1, y1, height, width, x, y, sigma)
            if np.count_nonzero(mix.object_patch(item, sig.shape, *row).cover) >= self.min_paste_area:
                objects.append(row)
                references.append(pool.refer(item))
        return {"objects": tuple(objects), "donors": tuple(references)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        patches = tuple(
            mix.object_patch(image_like(item, sig), sig.shape, *row)
            for row, item in zip(params["objects"], all_found(params, sig), strict=True)
        )
        least = params["min_visibility_after_paste"]
        return (ops.Paste(sig.height, sig.width, patches, True, True, least),) if patches else ()


class OverlayElements(Mixing):
    """Paste donors' images at their place or, without one, at random; boxes and keypoints stay.

    metadata_key: items with image, maybe with one more channel of opacity; bbox (x_min, y_min, x_max, y_max in
    fractions of the size), which it is scaled to; mask (H, W), outside of whose values other than 0 it is transparent;
    mask_id, which the sample's mask gets where it lies. Without a bbox, an image too large is scaled to fit.
    """

    acts_on = "dual"
    inverts = "keeps"
    metadata_key: Plain = donors.key("overlay_metadata")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pool = donors_of(sig)
        items = pool.given(self.metadata_key)
        return {
            "boxes": tuple(self._place(item, sig, stream) for item in items),
            "donors": tuple(pool.refer(item) for item in items),
        }

    def _place(self, item: Item, sig: Signature, stream: Stream) -> tuple[int, ...]:
        if (bbox := item.get("bbox")) is not None:
            return mix.placed(bbox, sig, self.metadata_key)
        tall, wide = item["image"].shape[:2]
        scale = min(sig.height / tall, sig.width / wide, 1)
        height, width = max(int(tall * scale), 1), max(int(wide * scale), 1)
        x, y = stream.integer(0, sig.width - width), stream.integer(0, sig.height - height)
        return x, y, x + width, y + height

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        patches = tuple(
            mix.overlay_patch(image_like(item, sig, alpha=True), sig.shape, *box)
            for box, item in zip(params["boxes"], all_found(params, sig), strict=True)
        )
        return (ops.Paste(sig.height, sig.width, patches, True),) if patches else ()


# ---- towards: FDA, HistogramMatching, PixelDistributionAdaptation ---------------------------------------------


class Towards(Mixing, register=False):
    """Base of transforms that bring an image towards a donor's, by an op of it and of other params."""

    towards: ClassVar[tuple[Any, ...]]
    p: Probability = Probability(default=0.5, kw_only=True)  # before the two, as in the other library
    reference_images: Maybe = donors.references()
    read_fn: Maybe = donors.reader()

    @property
    def asks_for(self) -> Sequence[str]:
        return super().asks_for if self.values()["reference_images"] is None else ()

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pool, values = donors_of(sig), self.values()
        given, read, name = values["reference_images"], values["read_fn"], values["metadata_key"]
        items = pool.given(name) if given is None else given
        if not items:
            raise SampleError(f"{name}: got []; pass at least one image")
        item = items[stream.integer(0, len(items) - 1)]
        if given is not None and not isinstance(item, np.ndarray):
            item = {"id": str(item), **item_of((read or read_rgb_image)(item), f"reference {shown(item)}")}
        return {"donor": pool.refer(item_of(item, "reference_images")), **super().draw(sig, stream)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        op, *names = cls.towards
        item = image_like(donors_of(sig).find(params["donor"], params["metadata_key"]), sig)
        return (op(item["image"], *(params[name] for name in names)),)

    def to_dict(self) -> dict[str, Any]:
        refuse_saving(type(self).__name__, self.values())
        return super().to_dict()


class FDA(Towards):
    """Give the image a donor's amplitudes at low frequencies, and with them its light and colours.

    beta_range: how far from 0, as a fraction of the shorter side. reference_images, read_fn: donors for all calls, as
    arrays or as paths; without them each call passes metadata_key=[image, ...].
    Source: Yang, Soatto, FDA: Fourier domain adaptation for semantic segmentation, 2020.
    """

    beta_range: Limits = Limits(default=(0, 0.1), low=0, high=0.5, scalar=0, alias="beta_limit", draws="beta")
    metadata_key: Plain = donors.key("fda_metadata")
    towards = ops.SwapAmplitudes, "beta"


class HistogramMatching(Towards):
    """Bring each channel towards the histogram of a donor's.

    blend_ratio: how far, 0 to 1. reference_images, read_fn: as in FDA.
    """

    blend_ratio: Limits = Limits(default=(0.5, 1.0), low=0, high=1, scalar="fixed", draws="blend")
    metadata_key: Plain = donors.key("hm_metadata")
    towards = ops.MatchHistogram, "blend"


class PixelDistributionAdaptation(Towards):
    """Bring the distribution of pixels in colour space towards that of a donor's.

    transform_type: match mean and principal axes ("pca"), mean and deviation of each channel ("standard"), or its
    lowest and highest value ("minmax"). blend_ratio: how far, 0 to 1. reference_images, read_fn: as in FDA.
    """

    blend_ratio: Limits = Limits(default=(0.25, 1.0), low=0, high=1, scalar="fixed", draws="blend")
    transform_type: Option = Option(default="pca", options=("pca", "standard", "minmax"), keep=True)
    metadata_key: Plain = donors.key("pda_metadata")
    towards = ops.MatchPixels, "transform_type", "blend"
