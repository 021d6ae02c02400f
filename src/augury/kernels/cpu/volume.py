"""Ops that move voxels, on arrays (D, H, W) or (D, H, W, C), volumes and masks alike, any number of channels.

Whatever copies values works on every numeric dtype; blending needs uint8, uint16, int16, float32 or float64, is
computed in float and rounded once. Where a whole volume would not fit into the cache it is worked on slice by slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from augury import maps, ops
from augury.errors import SampleError
from augury.kernels.cpu import geometry, layout
from augury.maps.volume import Matrix3
from augury.sample import Array

if TYPE_CHECKING:
    import torch

_NEAREST = frozenset((cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT))
_BLENDED = frozenset("BHhfd")
# What OpenCV's remap addresses.
_MOST_ROWS = 32766
# Rows of a piece that remap reads: float32 places in it are exact to 1/4096 of a row.
_ROWS = 4096


# ---- copies --------------------------------------------------------------------------------------------

# What a turned slice is, by whether its rows and its columns are mirrored after the transpose.
_TURNED: dict[tuple[bool, bool], ops.D4Element] = {
    (False, False): "t",
    (True, False): "r90",
    (False, True): "r270",
    (True, True): "hvt",
}


def orient(volume: Array, op: ops.Orient) -> Array:
    """Permute and mirror the axes."""
    axes, flips = op.axes, op.flips
    if axes[2] == 2:
        moved = volume if axes[0] == 0 else volume.swapaxes(0, 1)
        moved = moved[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
        out = moved.copy(order="C")
        if not flips[2]:
            return out
        # One tall image: mirroring it mirrors every row.
        return geometry.d4(out.reshape(-1, *out.shape[2:]), ops.D4("h")).reshape(out.shape)
    # The planes in which x takes another axis's place are transposed one by one; `other` counts them.
    other, at = 1 - axes[2], axes.index(2)
    op_2d = ops.D4(_TURNED[flips[at], flips[2]])
    sides = volume.shape
    out = np.empty((*(sides[axis] for axis in axes), *sides[3:]), volume.dtype)
    sources, targets = (array if first else array.swapaxes(0, 1) for array, first in ((volume, not other), (out, at)))
    if flips[1 - at]:
        targets = targets[::-1]
    for source, target in zip(sources, targets, strict=True):
        target[:] = geometry.d4(source, op_2d)
    return out


def crop(volume: Array, op: ops.Crop3D) -> Array:
    """Cut a box out. Returns a view of `volume`."""
    return volume[op.z_min : op.z_max, op.y_min : op.y_max, op.x_min : op.x_max]


def pad(volume: Array, op: ops.Pad3D) -> Array:
    """Add a constant on all sides."""
    depth, height, width = volume.shape[:3]
    shape = (*op.size(depth, height, width), *volume.shape[3:])
    fill = fill_value(op.fill, volume)
    if not fill.any():
        out = np.zeros(shape, volume.dtype)
    else:
        out = np.empty(shape, volume.dtype)
        out[: op.front] = out[op.front + depth :] = fill
        middle = out[op.front : op.front + depth]
        middle[:, : op.top] = middle[:, op.top + height :] = fill
        rows = middle[:, op.top : op.top + height]
        rows[:, :, : op.left] = rows[:, :, op.left + width :] = fill
    out[op.front : op.front + depth, op.top : op.top + height, op.left : op.left + width] = volume
    return out


def shuffle(volume: Array, op: ops.Shuffle3D) -> Array:
    """Parts copied to their new places."""
    return geometry.shuffled(volume, op.grid, op.order)


def holes(volume: Array, op: ops.Holes3D) -> Array:
    """Overwrite boxes with `fill`."""
    out = volume.copy(order="C")
    fill = fill_value(op.fill, volume)
    for z_min, y_min, x_min, z_max, y_max, x_max in op.holes:
        out[z_min:z_max, y_min:y_max, x_min:x_max] = fill
    return out


def to_tensor(volume: Array, op: ops.VolumeToTensor) -> torch.Tensor:
    """(D, H, W, C) to a contiguous tensor (C, D, H, W), (D, H, W) to (1, D, H, W); memory not shared."""
    depth, height, width = volume.shape[:3]
    tall = np.ascontiguousarray(volume).reshape(depth * height, width, *volume.shape[3:])
    return layout.to_tensor(tall, ops.ToTensor()).reshape(-1, depth, height, width)


def mask_to_tensor(mask: Array, op: ops.VolumeToTensor) -> torch.Tensor:
    """`to_tensor` for any dtype."""
    return layout.mask_to_tensor(np.moveaxis(mask, 3, 0) if mask.ndim == 4 else mask[None], ops.ToTensor())


def fill_value(fill: ops.Fill, volume: Array) -> Array:
    """`fill` as one value of the volume's dtype, or one per channel; SampleError if their number is wrong."""
    channels = volume.shape[3] if volume.ndim == 4 else 1
    if isinstance(fill, tuple) and len(fill) not in (1, channels):
        raise SampleError(f"fill {fill} has {len(fill)} values for {channels} channels; give one, or one per channel")
    value: Any = np.array(fill if volume.ndim == 4 or not isinstance(fill, tuple) else fill[0], np.float64)
    if volume.dtype.kind in "iu":
        limits = np.iinfo(volume.dtype)
        value = np.rint(value).clip(limits.min, limits.max)
    out: Array = value.astype(volume.dtype)
    return out


# ---- resampling ----------------------------------------------------------------------------------------


def resize(volume: Array, op: ops.Resize3D) -> Array:
    """Scale to a size, nearest or linear along each axis, the ends repeated."""
    sides, size = volume.shape[:3], (op.depth, op.height, op.width)
    if op.interpolation in _NEAREST:
        z, y, x = ((2 * np.arange(n) + 1) * side // (2 * n) for side, n in zip(sides, size, strict=True))
        near: Array = volume[z[:, None, None], y[:, None], x]
        return near
    _need_blended(volume)
    at = ((np.arange(op.depth) + 0.5) * (sides[0] / op.depth) - 0.5).clip(0, sides[0] - 1)
    kind = np.float64 if volume.dtype.char == "d" else np.float32
    out = np.empty((*size, *volume.shape[3:]), volume.dtype)
    plane = ops.Resize(op.height, op.width, cv2.INTER_LINEAR)
    for target, place in zip(out, at.tolist(), strict=True):
        z = int(place)
        mixed = volume[z].astype(kind)
        if place > z:
            mixed += (volume[z + 1] - mixed) * kind(place - z)
        target[:] = rounded(geometry.resize(mixed, plane), volume.dtype)
    return out


def affine(volume: Array, op: ops.Affine3D) -> Array:
    """Move voxels by a matrix."""
    return moved(volume, op, volume.dtype)


def moved(volume: Array, op: ops.Affine3D, dtype: Any) -> Array:
    """`affine` with values of `dtype`: float results are not rounded."""
    back, sides = Matrix3(*op.matrix).inverse(), volume.shape[:3]  # type: ignore[arg-type]
    voxels = volume.reshape(*sides, -1)
    size = (op.depth, op.height, op.width)
    x = np.arange(op.width) + 0.5
    y = (np.arange(op.height) + 0.5)[:, None]
    # Index coordinates of what the pixels of slice z show: this, and its step * (z + 0.5).
    flat = [(a * x + b * y + d - 0.5).astype(np.float32) for a, b, _, d in back]
    steps = [row[2] for row in back]
    out = np.empty((*size, voxels.shape[3]), dtype)
    if op.interpolation in _NEAREST:
        values = np.ascontiguousarray(voxels).reshape(-1, voxels.shape[3])
        fill = fill_value(op.fill, volume)
        for z, target in enumerate(out):
            _nearest(values, sides, flat, [step * (z + 0.5) for step in steps], op.border, fill, target)
    else:
        _need_blended(volume)
        ringed = _ringed(voxels, op.border, fill_value(op.fill, volume))
        ends = [float(side) for side in sides[::-1]]
        low = 1.0 if op.border else 0.0
        for z, target in enumerate(out):
            # A ring of one voxel stands for all that is outside, and moves every place by one.
            at = [
                np.clip(part + np.float32(step * (z + 0.5) + 1), low, end + 1 - low)
                for part, step, end in zip(flat, steps, ends, strict=True)
            ]
            _linear(ringed, at[0], at[1], at[2], target)
    return out.reshape(*size, *volume.shape[3:])


def _nearest(
    values: Array, sides: Any, flat: list[Array], shifts: list[float], border: int, fill: Array, out: Array
) -> None:
    """One slice of the nearest values (N, C) of a volume."""
    place: Any = 0
    outside: Any = False
    for part, shift, side in zip(flat[::-1], shifts[::-1], sides, strict=True):
        index = np.floor(part + np.float32(shift + 0.5)).astype(np.intp)
        inside = index.clip(0, side - 1)
        if not border:
            outside = outside | (index != inside)
        place = place * side + inside
    np.take(values, place, axis=0, out=out)
    if not border:
        out[outside] = fill


def _ringed(voxels: Array, border: int, fill: Array) -> Array:
    """Float (D, H, W, C) with one voxel more on every side: of the fill, or of the nearest voxel."""
    kind = np.float64 if voxels.dtype.char == "d" else np.float32
    depth, height, width, channels = voxels.shape
    out = np.empty((depth + 2, height + 2, width + 2, channels), kind)
    out[1:-1, 1:-1, 1:-1] = voxels
    for axis in range(3):
        at = np.moveaxis(out, axis, 0)
        at[0], at[-1] = (at[1], at[-2]) if border else (fill, fill)
    return out


def _linear(ringed: Array, x: Array, y: Array, z: Array, out: Array) -> None:
    """Read a slice (H, W, C) at places of a ringed volume: within two neighbouring slices each, then between them.

    Slices below each other are one tall image, of which remap reads the rows it needs.
    """
    rows = ringed.shape[1]
    if 2 * rows > _MOST_ROWS or ringed.shape[2] > _MOST_ROWS:
        raise SampleError(
            f"slices of {rows - 2} x {ringed.shape[2] - 2}: {_MOST_ROWS // 2 - 2} rows of {_MOST_ROWS - 2} can be "
            "warped; crop or resize the volume first"
        )
    base = np.floor(z).clip(0, ringed.shape[0] - 2)
    low, high = int(base.min()), int(base.max()) + 2
    if (high - low) * rows > max(_ROWS, 2 * rows) and x.size > 1:
        axis = int(x.shape[1] > x.shape[0])
        half = x.shape[axis] // 2
        for part in (slice(None, half), slice(half, None)):
            at = (part,) if axis == 0 else (slice(None), part)
            _linear(ringed, x[at], y[at], z[at], out[at])
        return
    tall = ringed[low:high].reshape(-1, *ringed.shape[2:])
    share = z - base
    y = (base - low) * rows + y
    between = bool(share.any())
    # OpenCV's exact linear weights are for one, three and four channels.
    channels = ringed.shape[3]
    many = channels if channels in (3, 4) else 1
    for c in range(0, channels, many):
        some = tall if many == channels else np.ascontiguousarray(tall[..., c : c + many])
        seen = _remapped(some, x, y)
        if between:
            upper = _remapped(some, x, y + rows)
            upper -= seen
            upper *= share[..., None]
            seen += upper
        out[..., c : c + many] = rounded(seen, out.dtype)


def _remapped(image: Array, x: Array, y: Array) -> Array:
    out = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(*x.shape, -1)


def rounded(values: Array, dtype: Any) -> Array:
    """Float values of the range of `dtype` as `dtype`, halves to even."""
    if np.dtype(dtype).kind == "f":
        return values
    return np.rint(values, out=values).astype(dtype)


def _need_blended(volume: Array) -> None:
    if volume.dtype.char not in _BLENDED:
        raise SampleError(
            f"dtype {volume.dtype}: only uint8, uint16, int16, float32 and float64 can be interpolated; use nearest "
            "interpolation (0) or convert the array first"
        )


class _Slice(NamedTuple):
    """What `geometry.remap` needs of an op, with a field that is known."""

    field: maps.Dense
    interpolation: int
    border: int
    fill: ops.Fill

    def map(self, height: int, width: int) -> maps.Dense:
        return self.field


def elastic(volume: Array, op: ops.Elastic3D) -> Array:
    """Read every slice where its field says."""
    layers = op.map(*volume.shape[:3])
    out = np.empty(volume.shape, volume.dtype)
    for z, target in enumerate(out):
        one = _Slice(layers.field(z), op.interpolation, op.border, op.fill)
        target[:] = geometry.remap(np.ascontiguousarray(volume[z]), one)  # type: ignore[arg-type]
    return out
