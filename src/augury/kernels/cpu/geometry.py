"""Geometry ops on arrays (H, W) or (H, W, C), images and masks alike, any number of channels, sizes from 1 x 1.

Every op works on every numeric dtype where it copies values (D4, crop, pad, nearest interpolation); blending
needs uint8, uint16, int16, float32 or float64. OpenCV does the work, with these facts in mind:

- Its warps think in index coordinates, so a matrix in edge coordinates is shifted by half a pixel on both sides.
- It lacks some dtypes and would narrow 64-bit integers, so their bits are moved as several smaller channels.
- Only one, three or four channels keep exact linear weights and their own border value; more run four at a time.
- On one thread, linear warps of larger three-channel images are faster with a fourth channel, with equal bits.

`interpolation` and `border` are OpenCV constants; cubic and Lanczos may leave the input's range on floats.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from augury import maps, ops
from augury.errors import SampleError
from augury.sample import DTYPE_NAMES

Array: TypeAlias = npt.NDArray[Any]
Scalar: TypeAlias = tuple[float, ...]

_COPIED = frozenset("BbHhifd")  # dtype characters that OpenCV moves unchanged
_BLENDED = frozenset("BHhfd")  # dtype characters that OpenCV interpolates
_NEAREST = frozenset((cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT))
_LINEAR = frozenset((cv2.INTER_LINEAR, cv2.INTER_LINEAR_EXACT))
_MAX_CHANNELS = 128  # CV_CN_MAX
_MAX_REMAP = 32766  # OpenCV remap addresses pixels by 16-bit integers

_FLIPS = {"h": 1, "v": 0, "r180": -1}
_TURNS = {"r90": cv2.ROTATE_90_COUNTERCLOCKWISE, "r270": cv2.ROTATE_90_CLOCKWISE}


def d4(image: Array, op: ops.D4) -> Array:
    """Flip, turn or transpose."""
    element = op.element
    flip = _FLIPS.get(element)
    if flip is not None:
        channels = image.shape[2] if image.ndim == 3 else 1
        if image.dtype.char in _COPIED and channels <= _MAX_CHANNELS:
            return _with_channels(cv2.flip(image, flip), image)
        return np.ascontiguousarray(image[:: -1 if flip <= 0 else 1, :: -1 if flip else 1])
    if element == "e":
        return image.copy(order="C")
    if image.dtype.char in _COPIED and (image.ndim == 2 or image.shape[2] <= 4):
        if element in _TURNS:
            return _with_channels(cv2.rotate(image, _TURNS[element]), image)
        out = cv2.transpose(image)
        return _with_channels(out if element == "t" else cv2.flip(out, -1, dst=out), image)
    turned = image.swapaxes(0, 1)
    if element in ("r90", "hvt"):
        turned = turned[::-1]
    if element in ("r270", "hvt"):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def crop(image: Array, op: ops.Crop) -> Array:
    """Cut a box out. Returns a view of `image`."""
    return image[op.y_min : op.y_max, op.x_min : op.x_max]


def pad(image: Array, op: ops.Pad) -> Array:
    """Add borders."""
    sides = (op.top, op.bottom, op.left, op.right)
    if op.fill == 0 and image.dtype in DTYPE_NAMES and image.ndim == 3 and 1 < image.shape[2] <= 4:
        return cv2.copyMakeBorder(image, *sides, op.border)

    def run(part: Array, fill: Scalar) -> Any:
        return cv2.copyMakeBorder(part, *sides, op.border, value=fill)

    return _run(image, run, op.fill if op.border == cv2.BORDER_CONSTANT else 0, True, _MAX_CHANNELS)


def resize(image: Array, op: ops.Resize) -> Array:
    """Scale to a size."""
    size, interpolation = (op.width, op.height), op.interpolation

    def run(part: Array, fill: Scalar) -> Any:
        return cv2.resize(part, size, interpolation=interpolation)

    return _run(image, run, 0, interpolation in _NEAREST, 4 if interpolation == cv2.INTER_AREA else _MAX_CHANNELS)


def warp(image: Array, op: ops.Warp) -> Array:
    """Move pixels by a matrix."""
    a, b, c, d, e, f, g, h, i = op.matrix
    c, f, i = c + (a + b) / 2, f + (d + e) / 2, i + (g + h) / 2
    size, border = (op.width, op.height), op.border
    call: Callable[..., Any]
    if g == 0.0 and h == 0.0 and i == 1.0:
        matrix = np.array(((a, b, c - 0.5), (d, e, f - 0.5)))
        call = cv2.warpAffine
    else:
        matrix = np.array(((a - g / 2, b - h / 2, c - i / 2), (d - g / 2, e - h / 2, f - i / 2), (g, h, i)))
        call = cv2.warpPerspective
    interpolation = _plain(op.interpolation)
    run = partial(_warp, call, matrix, size, interpolation, border)
    image = _two_wide(image, interpolation, border)
    return _run(image, run, op.fill if border == cv2.BORDER_CONSTANT else 0, interpolation == cv2.INTER_NEAREST, 4)


def remap(image: Array, op: ops.Remap) -> Array:
    """Read every output pixel where the op's field says; up to 32,766 pixels a side."""
    height, width = image.shape[:2]
    if max(height, width) > _MAX_REMAP:
        raise SampleError(
            f"image of {height} x {width}: dense fields reach {_MAX_REMAP} pixels a side; resize or crop it first"
        )
    field = op.map(height, width)
    interpolation = _plain(op.interpolation)
    run = partial(_remap, field.map_x, field.map_y, interpolation, op.border)
    image = _two_wide(image, interpolation, op.border)
    return _run(image, run, op.fill if op.border == cv2.BORDER_CONSTANT else 0, interpolation == cv2.INTER_NEAREST, 4)


def grid_shuffle(image: Array, op: ops.GridShuffle) -> Array:
    """Tiles copied to their new places; any dtype."""
    return shuffled(image, (op.rows, op.columns), op.order)


def shuffled(array: Array, grid: Sequence[int], order: Sequence[int]) -> Array:
    """The tiles of an image or the parts of a volume, copied to their new places; any dtype."""
    windows = maps.tile_windows(grid, array.shape[: len(grid)])
    out = np.empty(array.shape, array.dtype)
    for window, source in zip(windows, order, strict=True):
        out[window] = array[windows[source]]
    return out


# ---- how every op above meets dtypes, channels and fills -----------------------------------------------


def _plain(interpolation: int) -> int:
    """Warps have no area or exact modes; they fall back to the mode that these agree with when nothing shrinks."""
    if interpolation in (cv2.INTER_AREA, cv2.INTER_LINEAR_EXACT):
        return cv2.INTER_LINEAR
    return cv2.INTER_NEAREST if interpolation == cv2.INTER_NEAREST_EXACT else interpolation


def _two_wide(image: Array, interpolation: int, border: int) -> Array:
    """`image` with a side of one pixel doubled, alike under reflect_101: on one pixel, cubic OpenCV never returns."""
    if interpolation == cv2.INTER_CUBIC and border == cv2.BORDER_REFLECT_101:
        for axis in (0, 1):
            if image.shape[axis] == 1:
                image = image.repeat(2, axis=axis)
    return image


def _warp(
    call: Any, matrix: Array, size: tuple[int, int], interpolation: int, border: int, part: Array, fill: Scalar
) -> Any:
    if _loses_bits(part, interpolation):
        return call(_third(part), matrix, size, flags=interpolation, borderMode=border, borderValue=fill)[
            :, :, :2
        ].copy()
    if _gains_from_alpha(part, interpolation):
        source, target = _scratch(part.shape[0], part.shape[1], size, part.dtype)
        cv2.cvtColor(part, cv2.COLOR_RGB2RGBA, dst=source)
        call(source, matrix, size, dst=target, flags=interpolation, borderMode=border, borderValue=fill)
        return cv2.cvtColor(target, cv2.COLOR_RGBA2RGB)
    return call(part, matrix, size, flags=interpolation, borderMode=border, borderValue=fill)


def _remap(map_x: Array, map_y: Array, interpolation: int, border: int, part: Array, fill: Scalar) -> Any:
    if _loses_bits(part, interpolation):
        return cv2.remap(_third(part), map_x, map_y, interpolation, borderMode=border, borderValue=fill)[
            :, :, :2
        ].copy()
    if _gains_from_alpha(part, interpolation):
        height, width = map_x.shape
        source, target = _scratch(height, width, (width, height), part.dtype)
        cv2.cvtColor(part, cv2.COLOR_RGB2RGBA, dst=source)
        cv2.remap(source, map_x, map_y, interpolation, dst=target, borderMode=border, borderValue=fill)
        return cv2.cvtColor(target, cv2.COLOR_RGBA2RGB)
    return cv2.remap(part, map_x, map_y, interpolation, borderMode=border, borderValue=fill)


def _gains_from_alpha(part: Array, interpolation: int) -> bool:
    """Linear, three channels, one thread, and large enough that the two conversions, which use one thread, pay."""
    return (
        interpolation == cv2.INTER_LINEAR
        and part.ndim == 3
        and part.shape[2] == 3
        and part.dtype.char in "BHf"
        and part.shape[0] * part.shape[1] >= 9216
        and cv2.getNumThreads() <= 1
    )


def _loses_bits(part: Array, interpolation: int) -> bool:
    """Two channels take an older linear path of OpenCV, whose weights are multiples of 1/32."""
    return interpolation == cv2.INTER_LINEAR and part.ndim == 3 and part.shape[2] == 2 and part.dtype.char in "BHf"


def _third(part: Array) -> Array:
    """(H, W, 2) with its second channel repeated."""
    return np.ascontiguousarray(part[:, :, [0, 1, 1]])


_kept = threading.local()


def _scratch(height: int, width: int, size: tuple[int, int], dtype: Any) -> tuple[Array, Array]:
    """Four-channel source and target of this thread, kept while sizes repeat: fresh ones would pay page faults."""
    asked = (height, width, size, dtype)
    if getattr(_kept, "asked", None) != asked:
        _kept.pair = np.empty((height, width, 4), dtype), np.empty((size[1], size[0], 4), dtype)
        _kept.asked = asked
    return _kept.pair  # type: ignore[no-any-return]


def _run(image: Array, run: Callable[[Array, Scalar], Any], fill: ops.Fill, copies: bool, most: int) -> Array:
    """`run(part, fill)` on `image`, whatever its dtype and channels.

    copies: the op only moves values. most: channels that one run takes with a fill shared by all of them.
    """
    channels = image.shape[2] if image.ndim == 3 else 1
    char = image.dtype.char
    if char in (_COPIED if copies else _BLENDED) and channels <= min(most, 4):
        return _with_channels(run(image, _scalar(fill, channels)), image)
    fills = _fills(fill, channels)
    if not copies and char not in _BLENDED:
        raise SampleError(
            f"dtype {image.dtype}: only uint8, uint16, int16, float32 and float64 can be interpolated; "
            "use nearest interpolation (0) or convert the array first"
        )
    if char not in _COPIED:
        return _run_words(image, run, fills)
    if len(set(fills)) > 1 or channels > most:
        return _in_parts(image, run, fills, most if len(set(fills)) == 1 else 4)
    return _with_channels(run(image, (fills[0],) * 4), image)


def _in_parts(image: Array, run: Callable[[Array, Scalar], Any], fills: list[float], most: int) -> Array:
    """A few channels at a time."""
    outs: list[Array] = []
    for i in range(0, image.shape[2], most):
        part, values = np.ascontiguousarray(image[:, :, i : i + most]), fills[i : i + most]
        outs.append(_with_channels(run(part, tuple(values[:4]) + (values[0],) * (4 - len(values))), part))
    return np.concatenate(outs, axis=2)


def _run_words(image: Array, run: Callable[[Array, Scalar], Any], fills: list[float]) -> Array:
    """Values moved bit by bit as channels of uint8, uint16 or int32."""
    size = image.dtype.itemsize
    word: Any = np.uint8 if size == 1 else np.uint16 if size == 2 else np.int32
    channels = image.shape[2] if image.ndim == 3 else 1
    moved = np.ascontiguousarray(image).view(word).reshape(image.shape[0], image.shape[1], -1)
    values = np.array(fills).astype(image.dtype).view(word).tolist()
    out = _run_uniform(moved, run, values)
    whole = np.ascontiguousarray(out).view(image.dtype)
    return whole if image.ndim == 3 else whole.reshape(whole.shape[0], whole.shape[1] * channels)


def _run_uniform(moved: Array, run: Callable[[Array, Scalar], Any], values: list[float]) -> Array:
    if moved.shape[2] <= 4:
        return _with_channels(run(moved, tuple(values) + (0,) * (4 - len(values))), moved)
    return _in_parts(moved, run, values, 4)


def _scalar(fill: ops.Fill, channels: int) -> Scalar:
    """`fill` as OpenCV wants it for up to four channels."""
    if not isinstance(fill, tuple):
        return (fill, fill, fill, fill)
    return (*_fills(fill, channels), 0, 0, 0)[:4]


def _fills(fill: ops.Fill, channels: int) -> list[float]:
    """`fill` as one number per channel."""
    if not isinstance(fill, tuple):
        return [fill] * channels
    if len(fill) == 1:
        return [fill[0]] * channels
    if len(fill) != channels:
        raise SampleError(f"fill {fill} has {len(fill)} values for {channels} channels; give one, or one per channel")
    return list(fill)


def _with_channels(out: Any, image: Array) -> Array:
    """`out` with the channel axis that OpenCV drops from (H, W, 1)."""
    whole: Array = out if out.ndim == image.ndim else out[:, :, None]
    return whole
