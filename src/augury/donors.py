"""Donors: samples beside the one that is augmented, whose pixels and labels a step takes.

A donor is an item: a dict with "image" and, as the step reads them, mask, masks, bboxes, keypoints and label fields; a
bare array is its image. Records never hold donors, they name them by reference: {"id": its "id", where it has one,
"digest": of all else in it}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, TypeAlias

import numpy as np

from augury.digest import digest_of_item
from augury.errors import FieldError, RecordError, SampleError, shown
from augury.fields import Maybe, Plain

Item: TypeAlias = Mapping[str, Any]
Reference: TypeAlias = dict[str, Any]
Load: TypeAlias = Callable[[Any], Any] | Mapping[Any, Any]

# Of one call, and of an id in characters: so that records stay small.
MOST = 40
LONGEST = 200


class Donors:
    """Where one run finds donors: in the data passed with the call, or by the function passed to a replay.

    load: a function, or a mapping, from an id (a digest, of a donor without one) to the item. digests: whether
    references are for a record, which holds digests.
    """

    def __init__(self, extras: Mapping[str, Any], load: Load | None = None, digests: bool = False) -> None:
        self.extras = extras
        self.digests = digests
        self.taken: dict[Any, Item] = {}
        self.load: Callable[[Any], Any] | None = None
        if load is None:
            return
        if isinstance(load, Mapping):
            self.load = load.__getitem__
        elif callable(load):
            self.load = load
        else:
            raise RecordError(f"donors: got {shown(load)}; pass a function from a reference to the item, or a mapping")

    def copy(self) -> Donors:
        """The same, to take further donors by itself."""
        out = copy(self)
        out.taken = dict(self.taken)
        return out

    def given(self, key: str) -> list[Item]:
        """The items passed under `key`, one or a list; SampleError if there are none."""
        value = self.extras.get(key)
        if value is None:
            raise SampleError(f"{key}: missing; pass {key}=[...], a list of dicts with 'image'")
        one = isinstance(value, Mapping) or (isinstance(value, np.ndarray) and value.ndim < 4)
        if not one and (isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray))):
            raise SampleError(f"{key}: got {shown(value)}; pass a list of dicts with 'image', or of images")
        return [item_of(item, f"{key}[{i}]") for i, item in enumerate([value] if one else value)]

    def refer(self, item: Item) -> Reference:
        """The reference of an item, by which `find` finds it."""
        if len(self.taken) >= MOST and item.get("id") not in self.taken:
            raise SampleError(f"more than {MOST} donors in one call; pass fewer")
        reference: Reference = {}
        if "id" in item:
            name = item["id"]
            if isinstance(name, bool) or not isinstance(name, (str, int, np.integer)) or len(str(name)) > LONGEST:
                raise SampleError(f"donor id {shown(name)}: pass text of at most {LONGEST} characters, or an integer")
            reference["id"] = name = name if isinstance(name, str) else int(name)
        if self.digests or "id" not in item:
            reference["digest"] = digest_of_item(item) if self.digests else f"#{len(self.taken)}"
        self.taken[_name(reference)] = item
        return reference

    def find(self, reference: Reference, key: str) -> Item:
        """The item of a reference; RecordError if it is not to be had, or not what was recorded."""
        name = _name(reference)
        if name in self.taken:
            return self.taken[name]
        where = f"donor {name!r}"
        if self.load is not None:
            try:
                found = self.load(name)
            except Exception as error:
                raise RecordError(f"{where}: donors raised {error!r}; it has to return the recorded item") from error
            item = item_of(found, where, RecordError)
        elif self.extras.get(key) is not None:
            every = self.given(key)
            hits = [i for i in every if (i.get("id") == name if "id" in reference else digest_of_item(i) == name)]
            if not hits:
                raise RecordError(f"{where}: not among the {len(every)} items of {key}; pass the recorded one too")
            item = hits[0]
        else:
            raise RecordError(
                f"{where}: not in the record; pass donors=, a function that returns the item of an id or digest, or "
                f"{key}=[...] with it"
            )
        digest = digest_of_item(item)
        if digest != reference.get("digest"):
            raise RecordError(
                f"{where}: {', '.join(f'{k} {shown(v, 40)}' for k, v in item.items())} is not what was recorded "
                f"(digest {digest}, recorded {reference.get('digest')}); return the item as it was passed"
            )
        self.taken[name] = item
        return item


def _name(reference: Reference) -> Any:
    return reference.get("id", reference.get("digest"))


def item_of(value: Any, where: str, error: type[SampleError] | type[RecordError] = SampleError) -> Item:
    """`value` as an item; the error if it has no image."""
    item = {"image": value} if isinstance(value, np.ndarray) else value
    image = item.get("image") if isinstance(item, Mapping) else None
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or not image.size:
        raise error(f"{where}: got {shown(value)}; pass a dict whose 'image' is an array (H, W) or (H, W, C)")
    return item


def read_rgb_image(path: Any) -> np.ndarray[Any, Any]:
    """The 8-bit image of a file as (H, W, 3), red first; SampleError if there is none."""
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SampleError(f"{shown(path)}: not an image that can be read; check the path, or pass read_fn")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


class References(tuple[Any, ...]):
    """Donors given to a transform when it is built: arrays, or what its read_fn reads."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, References) or len(self) != len(other):
            return False
        return all(a is b or np.array_equal(a, b) for a, b in zip(self, other, strict=True))

    __hash__ = tuple.__hash__


# ---- the fields of transforms that take donors ---------------------------------------------------------------


def _key(value: Any) -> str:
    if not isinstance(value, str) or not value or value == "donors":
        raise ValueError("pass the name that the donors are passed under, as text other than 'donors'")
    return value


def key(default: str) -> Plain:
    """The field that names what donors are passed under; steps keep it, so that a replay may pass them there too."""
    return Plain(default=default, check=_key, shape={"type": "string"}, examples=("others",), keep=True)


def _references(value: Any) -> References:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or not len(value):
        raise ValueError("pass a list of images, or of what read_fn reads")
    return References(value)


def _function(value: Any) -> Callable[[Any], Any]:
    if not callable(value):
        raise ValueError("pass a function that returns the image of a reference")
    return value  # type: ignore[no-any-return]


def references() -> Maybe:
    """The field for donors that are given when the transform is built."""
    return Maybe(Plain(check=_references, shape={"type": "array"}), default=None, kw_only=True)


def reader() -> Maybe:
    """The field for how references are read; None reads files as RGB, and takes arrays as they are."""
    return Maybe(Plain(check=_function, shape={}), default=None, kw_only=True)


def refuse_saving(name: str, values: Mapping[str, Any]) -> None:
    """Raise FieldError if the donors that a transform was built with are not paths, or a function reads them."""
    if values["read_fn"] is not None:
        field, what = "read_fn", "a function"
    elif not all(isinstance(one, str) for one in values["reference_images"] or ()):
        field, what = "reference_images", "images"
    else:
        return
    raise FieldError(
        f"{name}.{field}: got {what}, which cannot be saved; pass paths as text, or images with each call: "
        f"{values['metadata_key']}=[...]"
    )
