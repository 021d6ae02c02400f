"""Masks: where they count, the objects in them, and masks that are arguments of a transform.

`sig` is the signature of the image, with its labels. A mask is (H, W) or (H, W, C).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from augury.errors import SampleError, shown
from augury.sample import Array, Signature

_BYTES = np.arange(256)


def mask_of(sig: Signature) -> Array:
    """The mask (H, W[, C]): of a video the first frame's, of instance masks all that any of them covers.

    Raises SampleError if there is none of the image's size.
    """
    arrays = sig.labels.arrays if sig.labels is not None else {}
    mask = arrays.get("mask")
    if mask is None and len(arrays.get("masks", ())):
        masks = arrays["masks"]
        mask = masks[0] if "images" in arrays else np.max(np.stack(masks), axis=0)
    if mask is None or mask.shape[:2] != sig.shape[:2]:
        found = "missing" if mask is None else f"its shape {mask.shape} differs from the image's {sig.shape[:2]}"
        raise SampleError(f"mask: {found}; pass a mask of the image's height and width")
    return np.asarray(mask)


def counting(sig: Signature, ignore_values: Sequence[int], ignore_channels: Sequence[int]) -> Array:
    """(H, W) bool: where `mask`, or one of `masks`, is not 0 nor an ignored value, in a channel that counts."""
    arrays = sig.labels.arrays if sig.labels is not None else {}
    masks = [arrays["mask"]] if "mask" in arrays else list(arrays.get("masks", ()))
    if not masks and "masks" not in arrays:
        raise SampleError("mask: missing; pass mask or masks, or use RandomCrop")
    filled: Array | None = None
    for mask in masks:
        if mask.shape[:2] != sig.shape[:2]:
            raise SampleError(f"mask: shape {mask.shape} differs from the image's {sig.shape[:2]}; resize one of them")
        part = mask != 0
        for value in ignore_values:
            part &= mask != value
        if ignore_channels:
            if mask.ndim < 3:
                raise SampleError(f"mask: shape {mask.shape} has no channels to ignore; leave ignore_channels out")
            part[..., [c for c in ignore_channels if -mask.shape[2] <= c < mask.shape[2]]] = False
        part = part.any(axis=2) if part.ndim == 3 else part
        filled = part if filled is None else filled | part
    return np.zeros(sig.shape[:2], bool) if filled is None else filled


def flat(where: Array) -> Array:
    """(H, W[, C]) of bool as (H, W) uint8."""
    out: Array = where.astype(np.uint8)
    return out.max(axis=2) if out.ndim == 3 else out


def objects(where: Array) -> tuple[Array, int]:
    """Connected pixels of (H, W[, C]): numbers from 1 per pixel, and how many there are."""
    count, labels = cv2.connectedComponents(flat(where), connectivity=8)
    return labels, count - 1


def among(mask: Array, values: Sequence[int]) -> Array:
    """Where values are among some, (H, W[, C])."""
    if mask.dtype != np.uint8 or mask.size != mask.shape[0] * mask.shape[1]:
        return np.isin(mask, values)
    return cv2.LUT(np.ascontiguousarray(mask), np.isin(_BYTES, values).view(np.uint8))


def each_object(where: Array, most: int) -> Iterator[tuple[Array, int, int, int]]:
    """Of each of the first objects: the numbers of its pixels in its hull, row by row; left, top and width of this."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(flat(where), connectivity=8)
    for i, (left, top, w, h, _) in enumerate(stats[1 : most + 1].tolist(), 1):
        yield np.flatnonzero(labels[top : top + h, left : left + w] == i), left, top, w


def places_in(sig: Signature, name: str) -> Array | None:
    """Numbers of the pixels, row by row, that are not 0 in the call's argument `name`; None without it.

    Raises SampleError unless it is an array of the image's height and width.
    """
    seen = sig.labels
    region = None if seen is None else seen.arrays.get(name, seen.extras.get(name))
    if region is None:
        return None
    found = flat(np.asarray(region) != 0)
    if found.shape != sig.shape[:2]:
        raise SampleError(
            f"{name}: got {shown(np.shape(region))}; pass an array of the image's height and width, {sig.shape[:2]}"
        )
    return np.flatnonzero(found)


def touching(where: Array, points: Sequence[Sequence[int]]) -> Array:
    """(H, W) uint8, not 0 at the connected pixels of `where` that hold one of the points (x, y)."""
    height, width = where.shape[:2]
    found = np.zeros((height + 2, width + 2), np.uint8)
    filled = flat(where)
    for x, y in points:
        cv2.floodFill(filled, found, (x, y), 0, flags=8 | cv2.FLOODFILL_MASK_ONLY | 255 << 8)
    return found[1:-1, 1:-1]


# ---- masks as arguments ---------------------------------------------------------------------------------


class MaskArray:
    """A mask given as an array: a value that compares, hashes and saves as its content."""

    __slots__ = ("array",)

    def __init__(self, array: Array) -> None:
        self.array = array

    def tolist(self) -> Any:
        return self.array.tolist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaskArray) and bool(np.array_equal(self.array, other.array))

    def __hash__(self) -> int:
        return hash((self.array.shape, self.array.tobytes()))

    def __repr__(self) -> str:
        return f"<mask of shape {self.array.shape}, {np.count_nonzero(self.array)} set>"


def as_mask(value: Any) -> Any:
    """None, a function (image, **named) -> array, or an array as a `MaskArray`; ValueError(rule) for anything else."""
    if value is None or callable(value) or isinstance(value, MaskArray):
        return value
    rule = "pass an array (H, W) or (H, W, C), a function (image, **mask_params) -> array, or None"
    if isinstance(value, str):
        raise ValueError(f"{rule}; a file keeps only the name of a function")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(rule) from None
    if array.ndim not in (2, 3) or array.dtype.kind not in "buif":
        raise ValueError(rule)
    array = array != 0
    array.flags.writeable = False
    return MaskArray(array)


def mask_for(frame: Array, mask: Any, names: Sequence[str], sig: Signature, channels: int) -> Array:
    """The mask of one frame: (H, W), or with so many channels; SampleError for another shape.

    names: the arguments of the call that a function gets.
    """
    if isinstance(mask, MaskArray):
        found: Any = mask.array
    else:
        found = np.asarray(mask(image=frame.copy(), **{name: _argument(name, sig) for name in names}))
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[:, :, 0]
    if found.shape not in (frame.shape[:2], (*frame.shape[:2], channels)):
        raise SampleError(
            f"mask: its shape {found.shape} does not fit an image of shape {frame.shape}; pass (H, W), or with "
            "by_channels=True one mask per channel"
        )
    return found  # type: ignore[no-any-return]


def _argument(name: str, sig: Signature) -> Any:
    """An argument of the call, as it is after the steps before."""
    if sig.labels is not None:
        for given in (sig.labels.arrays, sig.labels.extras, {"bboxes": sig.labels.boxes}):
            if given.get(name) is not None:
                return given[name]
    raise SampleError(f"mask_params: {name!r} is missing; pass {name}=... with the image")


def frames(sig: Signature) -> Iterator[Array]:
    """All frames of the image, of shape sig.shape."""
    arrays = sig.labels.arrays if sig.labels is not None else {}
    found = next((arrays[name] for name in ("image", "images", "volume", "volumes") if name in arrays), None)
    if found is None:
        raise SampleError(f"mask: got {', '.join(arrays)}; pass image, images, volume or volumes, or no mask")
    shape = () if isinstance(found, (list, tuple)) else found.shape[found.ndim - len(sig.shape) :]
    frames = found.reshape(-1, *shape) if shape else found
    for frame in frames:
        if frame.ndim == 3 and frame.shape[2] != sig.channels:
            raise SampleError("mask: cannot be used on some channels only; drop the mask")
        yield frame
