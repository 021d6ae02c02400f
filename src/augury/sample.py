"""What we work on: a sample is a dict of named targets; its signature is their shapes and dtypes.

Images are (H, W) or (H, W, C) arrays of uint8, uint16 or float32; float images are nominally in [0, 1].
`images` and `volume` are stacks (N, H, W[, C]) or, for `images`, a list; `volumes` have one more leading axis.
`mask` and `masks` have any numeric dtype; `mask3d` and `masks3d` are stacks of masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numkong as nk
import numpy as np
import numpy.typing as npt

from augury.donors import Donors
from augury.errors import SampleError, nearest, shown

Array = npt.NDArray[Any]

IMAGE_ROLES = frozenset({"image", "images", "volume", "volumes"})
MASK_ROLES = frozenset({"mask", "masks", "mask3d", "masks3d"})
LABEL_ROLES = frozenset({"bboxes", "keypoints"})
ROLES = IMAGE_ROLES | MASK_ROLES | LABEL_ROLES

VOLUME_ROLES = frozenset({"volume", "volumes", "mask3d", "masks3d"})

# Leading axes before (H, W[, C]) per role.
STACKED = {"image": 0, "mask": 0, "images": 1, "masks": 1, "volume": 1, "mask3d": 1, "volumes": 2, "masks3d": 2}

# Asking a dtype for its name costs more than a flip of a small image; a look-up does not.
DTYPE_NAMES = {np.dtype(name): name for name in ("uint8", "uint16", "float32")}
MAX_VALUE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
# Image dtypes whose values cannot be NaN or infinite.
SOUND = frozenset({np.dtype(np.uint8), np.dtype(np.uint16)})


class Labels(NamedTuple):
    """What a transform that needs labels or pixels may look at while it draws: the sample after earlier steps.

    boxes: (N, 4) float64 of x_min, y_min, x_max, y_max in pixels, of the first box target. arrays: targets by name.
    classes: the boxes' entries of their first label field; None without one. donors: where donors are found.
    """

    boxes: Array | None
    arrays: Mapping[str, Any]
    extras: Mapping[str, Any]
    classes: tuple[Any, ...] | None = None
    donors: Donors | None = None


class Signature(NamedTuple):
    """Shape (H, W) or (H, W, C) and dtype name of the image, as a step sees it.

    labels is None unless the transform says that it needs labels or pixels. depth: slices of a volume or of a stack of
    masks; 0 for a sample without one.
    """

    shape: tuple[int, ...]
    dtype: str = "uint8"
    labels: Labels | None = None
    depth: int = 0

    @property
    def height(self) -> int:
        return self.shape[0]

    @property
    def width(self) -> int:
        return self.shape[1]

    @property
    def channels(self) -> int:
        return self.shape[2] if len(self.shape) > 2 else 1

    @property
    def sides(self) -> tuple[int, int, int]:
        """Depth, height and width; SampleError for a sample without a volume."""
        if not self.depth:
            raise SampleError("works on whole volumes, and there is none; pass volume=, volumes=, mask3d= or masks3d=")
        return self.depth, self.shape[0], self.shape[1]

    @property
    def max_value(self) -> float:
        """Full range of the dtype: 255, 65535 or 1."""
        return MAX_VALUE.get(self.dtype, 1.0)


def new_signature(shape: tuple[int, ...], dtype: str, depth: int = 0) -> Signature:
    """A signature without labels, for half the price of calling the class: one is made for every step that resizes."""
    return tuple.__new__(Signature, (shape, dtype, None, depth))


def recorded_signature(shape: tuple[int, ...], dtype: str = "uint8") -> Signature:
    """The signature that a step was recorded for: (H, W), (H, W, C), or (D, H, W, C) if it saw whole volumes."""
    return Signature(shape[1:], dtype, None, shape[0]) if len(shape) == 4 else Signature(shape, dtype)


def check_image(name: str, image: object, leading: int = 0) -> None:
    """Raise SampleError unless `image` is an image array with `leading` stacked axes."""
    if type(image) is np.ndarray and image.dtype in SOUND and 2 <= image.ndim - leading <= 3 and image.size:
        return
    if not isinstance(image, np.ndarray):
        raise SampleError(f"{name}: got {type(image).__name__}; pass a NumPy array (for PIL, np.asarray(image))")
    if image.dtype not in DTYPE_NAMES:
        raise SampleError(
            f"{name}: dtype {image.dtype} is not supported; use uint8, uint16 or float32, for example "
            f"{name}.astype(np.float32)"
        )
    _check_shape(name, image, leading)
    if image.dtype == np.float32 and not _finite(image):
        raise SampleError(f"{name}: holds NaN or infinite values; repair them, for example with np.nan_to_num({name})")


def _finite(image: Array) -> bool:
    flat = image.reshape(-1)
    if flat.size < 1 << 14:
        # Added in float64, which no number of float32 overflows.
        return math.isfinite(nk.sum(flat))
    # The dot product is three times cheaper than isfinite, and finite unless a value is not, or it overflows.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.dot(flat, flat))) or bool(np.isfinite(flat).all())


def check_mask(name: str, mask: object, leading: int = 0) -> None:
    """Raise SampleError unless `mask` is a numeric array with `leading` stacked axes."""
    if not isinstance(mask, np.ndarray):
        raise SampleError(f"{name}: got {type(mask).__name__}; pass a NumPy array")
    if mask.dtype.kind not in "buif" or mask.dtype.itemsize > 8 or mask.dtype == np.float16:
        raise SampleError(
            f"{name}: dtype {mask.dtype} is not supported; use an integer, bool, float32 or float64 dtype"
        )
    _check_shape(name, mask, leading)


def _check_shape(name: str, array: Array, leading: int) -> None:
    if not 2 <= array.ndim - leading <= 3:
        want = "(H, W) or (H, W, C)" if not leading else f"{leading} leading axes and (H, W) or (H, W, C)"
        raise SampleError(f"{name}: shape {array.shape} has {array.ndim} axes; pass {want}")
    if array.size == 0:
        raise SampleError(f"{name}: shape {array.shape} holds no pixels; drop empty samples before augmenting")


def frame_shape(name: str, role: str, value: Any) -> tuple[int, ...]:
    """(H, W[, C]) of one frame of a target."""
    if isinstance(value, (list, tuple)):
        if not len(value):
            raise SampleError(f"{name}: an empty list; leave the target out instead")
        return tuple(np.shape(value[0]))
    return tuple(value.shape[STACKED[role] :])


def check_target(name: str, role: str, value: Any) -> None:
    """Raise SampleError unless `value` is a proper image or mask target of `role`."""
    check = check_image if role in IMAGE_ROLES else check_mask
    if isinstance(value, (list, tuple)) and role in ("images", "masks"):
        for i, frame in enumerate(value):
            check(f"{name}[{i}]", frame)
        if len({np.shape(frame)[:2] for frame in value}) > 1:
            raise SampleError(
                f"{name}: frames differ in size {sorted({np.shape(f)[:2] for f in value})}; pass one size"
            )
    elif not (role == "masks" and isinstance(value, np.ndarray) and value.shape[:1] == (0,)):
        check(name, value, STACKED[role])


def unknown_target(name: str, value: object, known: list[str], strict: bool) -> None:
    """Raise SampleError if `name` must not pass through: any name when strict, else arrays and misspelt names."""
    near = nearest(name, known, 0.8)
    if strict or near or (isinstance(value, np.ndarray) and value.ndim > 1):
        hint = f"; did you mean {near!r}?" if near else ""
        raise SampleError(
            f"{name}: unknown target ({shown(value, 40)}){hint} Known here: {', '.join(known)}. "
            f"Name more with additional_targets={{{name!r}: 'image'}} or label_fields"
        )
