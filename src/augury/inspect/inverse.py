"""The geometry of a record run backwards: labels and masks of the result, back on the source image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from augury import ops
from augury.custom import Custom
from augury.drawn import lowering
from augury.errors import InverseError, RecordError, shown
from augury.kernels.cpu import MASK_KERNELS as KERNELS
from augury.maps import Dense
from augury.maps.volume import Layers
from augury.program import Program
from augury.replay import open_run
from augury.rules import d4_product
from augury.sample import Array, recorded_signature
from augury.targets import keypoints
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import codec_of
from augury.transform import find_transform


@dataclass(frozen=True, eq=False)
class Unmap:
    """A dense field run backwards: an op of the inverse alone."""

    field: Dense
    back: Dense
    kind: ClassVar[str] = "geometry"

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def map(self, height: int, width: int) -> Any:
        return self

    def points(self, xy: Array) -> Array:
        """Where output points (N, 2) came from."""
        return self.field._sample(xy)[0]

    def points_and_jacobian(self, xy: Array) -> tuple[Array, Array]:
        return self.field._sample(xy)


@dataclass(frozen=True, eq=False)
class Unlayer:
    """The fields of all slices run backwards: an op of the inverse alone."""

    op: ops.Elastic3D
    kind: ClassVar[str] = "volume"

    def size(self, depth: int, height: int, width: int) -> tuple[int, int, int]:
        return depth, height, width

    def layers(self, depth: int, height: int, width: int) -> Layers:
        return self.op.map(depth, height, width)

    def map(self, depth: int, height: int, width: int) -> Any:
        return _Back(self.layers(depth, height, width))


class _Back(NamedTuple):
    layers: Layers

    def points(self, xyz: Array) -> Array:
        return self.layers.back(xyz)


class Inverse:
    """The inverse map of a record; call it with targets of the result, get them on the source image."""

    def __init__(self, steps: Sequence[Any], source: tuple[int, ...], output: tuple[int, ...], settings: Any) -> None:
        self._steps = steps
        self.source, self.output = source, output
        self._settings = settings

    def __call__(self, **targets: Any) -> dict[str, Any]:
        """Map back `mask` (any name: 2-D or 3-D arrays; for a record of whole volumes (D, H, W[, C])), `bboxes` and
        `keypoints`.

        Adds "valid": a bool mask of the source pixels that the result shows. Boxes and keypoints are in the
        formats of the record, pascal_voc and xy if it has none; they are not clipped.
        """
        out: dict[str, Any] = {}
        for name, value in targets.items():
            if name == "bboxes":
                settings = self._settings.get("bbox_params")
                params: Any = BboxParams(**settings) if settings else BboxParams("pascal_voc")
                out[name] = self._labels(codec_of(name, params), value, params, name)
            elif name == "keypoints":
                settings = self._settings.get("keypoint_params")
                params = (
                    KeypointParams(**settings) if settings else KeypointParams("xyz" if len(self.output) == 3 else "xy")
                )
                out[name] = self._labels(keypoints, value, params, name)
            else:
                out[name] = self.mask(np.asarray(value))
        out["valid"] = self.mask(np.ones(self.output, np.uint8)).astype(bool)
        return out

    @property
    def folds(self) -> bool:
        """Whether a field shows some place of the source image twice, or a stretch of it as one point.

        A mask then comes back from one of the places; boxes and keypoints find their source all the same.
        """
        return any(isinstance(op, Unmap) and op.field.folds() for op in self._steps)

    def mask(self, mask: Array) -> Array:
        """A mask of the result on the source image, nearest; 0 where the result does not show it."""
        if mask.shape[: len(self.output)] != self.output:
            raise InverseError(
                f"mask: shape {mask.shape}; the result of this record is {' x '.join(map(str, self.output))}"
            )
        for op in self._steps:
            mask = np.stack([_undone(one, op) for one in mask]) if self._by_slice(op) else _undone(mask, op)
        return np.ascontiguousarray(mask)

    def _by_slice(self, op: Any) -> bool:
        return len(self.output) == 3 and op.kind == "geometry"

    def _labels(self, codec: Any, value: Any, params: Any, name: str) -> Any:
        size = self.output
        deep = {"depth": size[0]} if len(size) == 3 and codec is keypoints and 2 in params.columns else {}
        moved, rows = codec.read(value, params, *size[-2:], name, **deep)
        for op in self._steps:
            if op.kind == "volume":
                if not deep:
                    raise InverseError(f"{name}: have no z, which this record of volumes needs; pass xyz keypoints")
                moved, size = keypoints.follow3d(moved, op, *size), op.size(*size)
            else:
                moved, size = codec.follow(moved, op, *size[-2:]), (*size[:-2], *op.size(*size[-2:]))
        return codec.write(value, moved, rows, params, *self.source[-2:])


def _undone(mask: Array, op: Any) -> Array:
    if isinstance(op, Unlayer):
        depth, height, width = mask.shape[:3]
        layers = op.layers(depth, height, width)
        return np.stack([_gather(one, layers.field(z).inverse()) for z, one in enumerate(mask)])
    if isinstance(op, Unmap):
        return _gather(mask, op.back)
    return KERNELS[type(op)](mask, op)  # type: ignore[no-any-return]


def _gather(mask: Array, field: Dense) -> Array:
    """The values at the pixels nearest to where a field points, 0 outside; any dtype, which cv2.remap does not take."""
    x, y = np.rint(field.map_x).astype(np.intp), np.rint(field.map_y).astype(np.intp)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    out = np.zeros((*x.shape, *mask.shape[2:]), mask.dtype)
    out[inside] = mask[y[inside], x[inside]]
    return out


def inverse(record: object) -> Inverse:
    """The inverse of all geometric steps of a record; steps that do not move pixels are passed over.

    Raises InverseError naming a step that moves pixels in a way that cannot be undone.
    """
    program = Program.from_record(record)
    shapes = [tuple(step.params["shape"]) for step in program.applied if "shape" in step.params]
    shape = shapes[0] if shapes else _source(program)
    whole = next((shape for shape in shapes if len(shape) == 4), None)
    source: tuple[int, ...] = shape[:2]
    if whole is not None:
        # Steps on slices before this one do not change their number.
        source = (whole[0], *recorded_signature(shape).shape[:2])
        shape = (whole[0], *recorded_signature(shape).shape)
    empty = np.broadcast_to(np.uint8(0), shape)
    run = open_run(program, {"image" if whole is None else "volume": empty}, fuse="off")
    back: list[Any] = []
    for step in program.applied:
        kind = find_transform(step.name, step.path)
        if issubclass(kind, Custom) and kind.acts_on == "dual":
            raise InverseError(
                f"{step.path}: {step.name} is a function of your own, so its inverse is not known; drop the step"
            )
        if kind.inverts == "never":
            raise InverseError(f"{step.path}: {step.name} joins several samples, which cannot be undone; drop the step")
        if kind.acts_on != "dual" or kind.inverts == "keeps":
            continue
        transform = lowering(step, {})
        run.pending.clear()
        depth = run.sig.depth
        run.replay(step.path, step.name, transform, dict(step.params), step.version)
        try:
            for _, lowered, height, width in run.pending:
                for op in lowered:
                    if op.kind == "geometry":
                        back.append(undo(op, height, width, step.path))
                        height, width = op.size(height, width)
                    elif op.kind == "volume":
                        back.append(undo3d(op, depth, height, width, step.path))
                        depth, height, width = op.size(depth, height, width)
        except InverseError:
            raise
        except Exception as error:
            raise RecordError(
                f"{step.path}: params {shown(dict(step.params), 200)} do not fit {step.name} ({error!r}); the "
                "record was edited "
                "or damaged"
            ) from None
    size = run.sig.shape[:2] if whole is None else (run.sig.depth, *run.sig.shape[:2])
    back = [op for op in back if op is not None]
    return Inverse(back[::-1], source, size, program.settings)


def _source(program: Program) -> tuple[int, ...]:
    for shape, _ in program.signature.values():
        if len(shape) >= 2:
            return tuple(shape)
    raise InverseError("inverse: the record has no steps and no array targets, so there is nothing to undo")


def undo(op: Any, height: int, width: int, path: str) -> Any:
    """The geometry op that takes the output of `op`, run on height x width, back to its input."""
    if isinstance(op, ops.D4):
        return next(ops.D4(element) for element in _ELEMENTS if d4_product(op.element, element) == "e")
    if isinstance(op, ops.Crop):
        return ops.Pad(op.y_min, height - op.y_max, op.x_min, width - op.x_max)
    if isinstance(op, ops.Pad):
        return ops.Crop(op.left, op.top, op.left + width, op.top + height)
    if isinstance(op, ops.GridShuffle):
        order = sorted(range(len(op.order)), key=op.order.__getitem__)
        return op._replace(order=tuple(order))
    if isinstance(op, ops.Remap):
        field = op.map(height, width)
        try:
            return Unmap(field, field.inverse())
        except InverseError as error:
            raise InverseError(f"{path}: {error}") from None
    try:
        matrix = op.map(height, width).inverse()
    except (ArithmeticError, ValueError):
        raise InverseError(f"{path}: squeezes the image to a line, which cannot be undone; drop the step") from None
    return ops.Warp(matrix.rows, height, width, interpolation=0)


def undo3d(op: Any, depth: int, height: int, width: int, path: str) -> Any:
    """`undo` for an op on whole volumes; None for one that leaves voxels where they are."""
    if isinstance(op, ops.Orient):
        axes = tuple(op.axes.index(axis) for axis in range(3))
        return ops.Orient(axes, tuple(op.flips[axis] for axis in axes))  # type: ignore[arg-type]
    if isinstance(op, ops.Crop3D):
        return ops.Pad3D(op.z_min, depth - op.z_max, op.y_min, height - op.y_max, op.x_min, width - op.x_max)
    if isinstance(op, ops.Pad3D):
        low = (op.front, op.top, op.left)
        return ops.Crop3D(*low, *(a + side for a, side in zip(low, (depth, height, width), strict=True)))
    if isinstance(op, ops.Shuffle3D):
        return op._replace(order=tuple(sorted(range(len(op.order)), key=op.order.__getitem__)))
    if isinstance(op, ops.Elastic3D):
        return Unlayer(op)
    if isinstance(op, (ops.Holes3D, ops.VolumeToTensor)):
        return None
    try:
        return ops.Affine3D(op.map(depth, height, width).inverse(), depth, height, width, interpolation=0)
    except InverseError as error:
        raise InverseError(f"{path}: {error}") from None


_ELEMENTS: tuple[ops.D4Element, ...] = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
