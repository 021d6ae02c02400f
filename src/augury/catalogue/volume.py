"""Whole volumes (D, H, W) or (D, H, W, C), with their masks (mask3d, masks3d) and keypoints (xyz).

Axes 0, 1, 2 are z (slices), y (rows), x (columns). `crop_coords` is (z_min, y_min, x_min, z_max, y_max, x_max) in
voxels, ends exclusive; where it leaves the volume, a constant is padded. fill, fill_mask: the value of new voxels, in
the volume's own range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.catalogue.convert import need_torch
from augury.catalogue.rearrange import MOST_RECORDED
from augury.errors import FieldError, SampleError
from augury.fields import (
    AxisPairs, Border, ByAxis, Fill, Flag, Interpolation, IntLimits, Limits, Maybe, Number, Option, Probability,
    Size, VolumeAxes, Voxels,
)  # fmt: skip
from augury.maps import tile_order
from augury.maps.volume import SYMMETRIES, cut, pose, quarter_turns
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import Params, VolumeTransform

__all__ = [
    "Affine3D", "CenterCrop3D", "CoarseDropout3D", "CubicSymmetry", "ElasticTransform3D", "Flip3D", "GridShuffle3D",
    "Pad3D", "PadIfNeeded3D", "RandomCrop3D", "RandomResizedCrop3D", "RandomRotate90_3D", "Resize3D", "ToTensor3D",
]  # fmt: skip


class _Turned(VolumeTransform, register=False):
    """Base of transforms that draw a symmetry of the cube: `axes`, which axis each axis shows, and `flips`."""

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Orient(tuple(params["axes"]), tuple(params["flips"])),)


class Flip3D(_Turned, p=1):
    """Mirror along some axes.

    axes: each of these is mirrored with probability one half. flip_axes: always mirror these.
    """

    axes: VolumeAxes = VolumeAxes(default=(0, 1, 2))
    flip_axes: Maybe = Maybe(VolumeAxes(), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        some = self.flip_axes
        if some is None:
            some = [axis for axis in self.axes if stream.random() < 0.5]
        return {"axes": (0, 1, 2), "flips": tuple(axis in some for axis in range(3))}


class CubicSymmetry(_Turned, p=1):
    """One of the 48 symmetries of the cube, each equally likely: turns by right angles, with or without a mirror."""

    def draw(self, sig: Signature, stream: Stream) -> Params:
        axes, flips = SYMMETRIES[stream.integer(0, 47)]
        return {"axes": axes, "flips": flips}


_TURNS = ("e", "r90", "r180", "r270")


class RandomRotate90_3D(_Turned, p=1):
    """Turn by 0, 90, 180 or 270 degrees within a plane, each equally likely.

    axis_pairs: planes to choose from; a turn by 90 degrees takes the first axis towards the second, as np.rot90 does,
    so that (1, 2) turns every slice counter-clockwise. axis_pair: always this plane. group_element: always this turn.
    """

    axis_pairs: AxisPairs = AxisPairs(default=((0, 1), (0, 2), (1, 2)))
    axis_pair: Maybe = Maybe(VolumeAxes(counts=(2,)), default=None)
    group_element: Maybe = Maybe(Option(options=_TURNS), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        pairs = self.axis_pairs
        first, second = self.axis_pair or pairs[stream.integer(0, len(pairs) - 1)]
        turns = _TURNS.index(self.group_element) if self.group_element else stream.integer(0, 3)
        axes, flips = quarter_turns(turns, first, second)
        return {"axes": axes, "flips": flips}


def _window(params: Params, sig: Signature) -> Sequence[Op]:
    """The ops that show `crop_coords`, padded where it leaves the volume."""
    sides, window = sig.sides, params["crop_coords"]
    z, y, x, z_max, y_max, x_max = window
    if 0 <= z < z_max <= sides[0] and 0 <= y < y_max <= sides[1] and 0 <= x < x_max <= sides[2]:
        return (ops.Crop3D(*window),)
    inner, around = cut(window, sides)
    if any(low >= high for low, high in zip(inner[:3], inner[3:], strict=True)):
        raise SampleError(f"crop_coords {window} show nothing of a volume of {' x '.join(map(str, sides))}; move them")
    pad = (ops.Pad3D(*around, **_how(params, "fill", "fill_mask")),) if any(around) else ()
    return (ops.Crop3D(*inner), *pad)


class RandomCrop3D(VolumeTransform, p=1):
    """Cut out a window of fixed size at a random place, each equally likely.

    size: (depth, height, width). pad_if_needed: pad an axis on which the volume is smaller, which then stands anywhere
    in the window, otherwise such a volume raises SampleError. fill, fill_mask: see above.
    """

    pixel_params = frozenset({"crop_coords"})
    size: Voxels = Voxels()
    pad_if_needed: Flag = Flag(default=False)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return stream.integer(0, spare) if spare > 0 else -stream.integer(0, -spare)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        sides = sig.sides
        (d, h, w), (depth, height, width) = self.size, sides
        if not self.pad_if_needed and (d > depth or h > height or w > width):
            raise SampleError(
                f"a crop of {' x '.join(map(str, self.size))} does not fit into a volume of "
                f"{' x '.join(map(str, sides))}; pass pad_if_needed=True, or pad or resize first"
            )
        z, y, x = self._start(depth - d, stream), self._start(height - h, stream), self._start(width - w, stream)
        return {"crop_coords": (z, y, x, z + d, y + h, x + w)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return _window(params, sig)


class CenterCrop3D(RandomCrop3D, p=1):
    """Cut out a window of fixed size around the centre; an odd voxel is cut off, or added, at the end of its axis.

    Fields as in RandomCrop3D.
    """

    @staticmethod
    def _start(spare: int, stream: Stream) -> int:
        return int(spare / 2)


class Pad3D(VolumeTransform, p=1):
    """Add slices, rows and columns of fixed number.

    padding: a number for all sides, (depth, height, width) for both sides of each axis, or (front, behind, top, bottom,
    left, right). fill, fill_mask: see above.
    """

    padding: Voxels = Voxels(least=0, sides=True, keep=True)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        padding = params["padding"]
        sides = (padding,) * 3 if isinstance(padding, int) else padding
        sides = sides if len(sides) == 6 else [side for side in sides for _ in range(2)]
        return (ops.Pad3D(*sides, **_how(params, "fill", "fill_mask")),)


class PadIfNeeded3D(VolumeTransform, p=1):
    """Pad until the sides reach a minimum, and then a multiple of a divisor.

    min_zyx, pad_divisor_zyx: (depth, height, width), voxels; at least one of the two. position: the volume stands in
    the "center" of the larger frame, an odd voxel goes to the end of its axis, or at a "random" place of it. fill,
    fill_mask: see above.
    """

    min_zyx: Maybe = Maybe(Voxels(), default=None)
    pad_divisor_zyx: Maybe = Maybe(Voxels(), default=None)
    position: Option = Option(default="center", options=("center", "random"))
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def check(self) -> None:
        if self.min_zyx is None and self.pad_divisor_zyx is None:
            raise FieldError("PadIfNeeded3D.min_zyx: got None with pad_divisor_zyx=None; pass one of them, or both")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        around: list[int] = []
        for side, least, divisor in zip(
            sig.sides, self.min_zyx or (1, 1, 1), self.pad_divisor_zyx or (1, 1, 1), strict=True
        ):
            spare = max(side, least) + -max(side, least) % divisor - side
            front = stream.integer(0, spare) if self.position == "random" else spare // 2
            around += [front, spare - front]
        return {"padding": tuple(around)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return Pad3D.lower(params, sig)


def _resized(params: Params) -> Op:
    return ops.Resize3D(*params["size"], **_how(params, "interpolation", "mask_interpolation"))


def _how(params: Params, *names: str) -> dict[str, Any]:
    """Fields of an op that are called like the params; "border_mode" is its border."""
    return {name.removesuffix("_mode"): params[name] for name in names}


_WARPED = ("interpolation", "mask_interpolation", "border_mode", "fill", "fill_mask")


class Resize3D(VolumeTransform, p=1):
    """Scale to a fixed size, linear along each axis or nearest.

    size: (depth, height, width).
    """

    size: Voxels = Voxels(keep=True)
    interpolation: Interpolation = Interpolation(default=1, volume=True)
    mask_interpolation: Interpolation = Interpolation(default=0, volume=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (_resized(params),)


class RandomResizedCrop3D(VolumeTransform):
    """Cut out a window of random volume, shape and place and scale it to a fixed size.

    size: (depth, height, width) of the result. scale: range of the window's content as a fraction of the volume's.
    ratio: the window's sides, each as a fraction of the volume's, differ at most by this factor, at least 1.
    sampling_method: "standard" draws up to ten times until the window fits, which favours small ones, and takes the
    whole volume if none fits; "uniform_scale" draws once and cuts sides to the volume's.
    """

    pixel_params = frozenset({"crop_coords"})
    size: Voxels = Voxels(keep=True)
    scale: Limits = Limits(default=(0.08, 1.0), low=0, high=1, open_low=True, scalar="fixed")
    ratio: Number = Number(default=4 / 3, low=1, high=1e6)
    interpolation: Interpolation = Interpolation(default=1, volume=True)
    mask_interpolation: Interpolation = Interpolation(default=0, volume=True)
    p: Probability = Probability(default=1, kw_only=True)
    sampling_method: Option = Option(default="standard", options=("standard", "uniform_scale"))

    def draw(self, sig: Signature, stream: Stream) -> Params:
        sides, once = sig.sides, self.sampling_method == "uniform_scale"
        window = list(sides)
        for _ in range(1 if once else 10):
            scale, stretch = stream.uniform(*self.scale), math.sqrt(self.ratio)
            parts = [stream.log_uniform(1 / stretch, stretch) for _ in range(3)]
            # Their product is the scale.
            common = (scale / math.prod(parts)) ** (1 / 3)
            wanted = [max(1, round(side * part * common)) for side, part in zip(sides, parts, strict=True)]
            if once or all(n <= side for n, side in zip(wanted, sides, strict=True)):
                window = [min(n, side) for n, side in zip(wanted, sides, strict=True)]
                break
        low = [stream.integer(0, side - n) for n, side in zip(window, sides, strict=True)]
        return {"crop_coords": (*low, *(start + n for start, n in zip(low, window, strict=True)))}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        crop = _window({**params, "fill": 0, "fill_mask": 0}, sig)
        return (*crop, _resized(params))


class Affine3D(VolumeTransform):
    """Scale, turn about the centre, and move; what comes from outside is padded.

    rotate_range: degrees about x, y and z, in this order; about z counter-clockwise on a slice, as Affine turns.
    scale_range: factors along x, y and z. translate_percent_range: fractions of the sides. Each is a dict of ranges,
    where an axis that is left out stays as it is, or one range that all three are drawn from. Angles are between
    voxels: resize a volume of unequal spacing first, or turn about z only. border_mode: 0 constant, 1 replicate. fill,
    fill_mask: see above.
    """

    rotate_range: ByAxis = ByAxis(neutral=0.0, unit="degree")
    scale_range: ByAxis = ByAxis(neutral=1.0, low=0, unit="factor")
    translate_percent_range: ByAxis = ByAxis(neutral=0.0, unit="fraction")
    interpolation: Interpolation = Interpolation(default=1, volume=True)
    mask_interpolation: Interpolation = Interpolation(default=0, volume=True)
    border_mode: Border = Border(default=0, volume=True)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        ranges = {"rotate": self.rotate_range, "scale": self.scale_range, "translate": self.translate_percent_range}
        return {name: tuple(stream.uniform(*axes[axis]) for axis in "xyz") for name, axes in ranges.items()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        sides = sig.sides
        matrix = pose(params["scale"], params["rotate"], params["translate"], sides)
        return (ops.Affine3D(matrix, *sides, **_how(params, *_WARPED)),)


class ElasticTransform3D(VolumeTransform):
    """Bend every slice, each a little unlike its neighbours; voxels stay in their slice.

    displacement_range: how far the control points move at most along x and y, as a fraction of the shorter side of a
    slice. control_grid_shape: control points along y and x; along z there are as many as the smaller of the two.
    border_mode: 0 constant, 1 replicate. fill, fill_mask: see above.
    """

    displacement_range: Limits = Limits(default=(0.02, 0.05), low=0, high=1, scalar=0, draws="displacement")
    control_grid_shape: Size = Size(default=(7, 7), keep=True)
    interpolation: Interpolation = Interpolation(default=1, volume=True)
    mask_interpolation: Interpolation = Interpolation(default=0, volume=True)
    border_mode: Border = Border(default=0, volume=True)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        rows, columns = params["control_grid_shape"]
        return (ops.Elastic3D(params["key"], rows, columns, params["displacement"], **_how(params, *_WARPED)),)


class GridShuffle3D(VolumeTransform):
    """Cut the volume into a grid of parts and put parts of equal size in each other's places.

    grid_zyx: how many parts along z, y and x.
    """

    grid_zyx: Voxels = Voxels(default=(2, 2, 2), unit="part", keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        key = stream.key()
        order = tile_order(key, self.grid_zyx, sig.sides)
        return {"order": order} if len(order) <= MOST_RECORDED else {"key": key}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        grid = tuple(params["grid_zyx"])
        order = params["order"] if "order" in params else tile_order(params["key"], grid, sig.sides)
        return (ops.Shuffle3D(grid, tuple(order)),)


class CoarseDropout3D(VolumeTransform):
    """Overwrite some boxes of random size and place.

    num_holes_range: how many. hole_depth_range, hole_height_range, hole_width_range: their sides as fractions of the
    volume's; a side is at least one voxel. fill, fill_mask: see above; None leaves masks as they are. Keypoints in a
    box are removed if KeypointParams removes invisible ones.
    """

    pixel_params = frozenset({"holes"})
    num_holes_range: IntLimits = IntLimits(default=(1, 1), low=1, high=256, scalar="fixed")
    hole_depth_range: Limits = Limits(default=(0.1, 0.2), low=0, high=1, open_low=True, scalar="fixed")
    hole_height_range: Limits = Limits(default=(0.1, 0.2), low=0, high=1, open_low=True, scalar="fixed")
    hole_width_range: Limits = Limits(default=(0.1, 0.2), low=0, high=1, open_low=True, scalar="fixed")
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=None, nullable=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        ranges = (self.hole_depth_range, self.hole_height_range, self.hole_width_range)
        holes = []
        for _ in range(stream.integer(*self.num_holes_range)):
            shape = [min(n, max(1, round(stream.uniform(*r) * n))) for n, r in zip(sig.sides, ranges, strict=True)]
            low = [stream.integer(0, side - n) for side, n in zip(sig.sides, shape, strict=True)]
            holes.append((*low, *(start + n for start, n in zip(low, shape, strict=True))))
        return {"holes": tuple(holes)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Holes3D(params["holes"], params["fill"], params["fill_mask"]),)


class ToTensor3D(VolumeTransform, p=1):
    """Volumes (D, H, W, C) to torch tensors (C, D, H, W), same type, masks too; (D, H, W) to (1, D, H, W). Goes last.

    Needs the extra augury[torch].
    """

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        need_torch(cls.__name__)
        return (ops.VolumeToTensor(),)
