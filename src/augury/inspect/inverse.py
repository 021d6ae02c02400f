"""The geometry of a record run backwards: labels and masks of the result, back on the source image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from augury import ops
from augury.custom import Custom
from augury.drawn import lowering
from augury.errors import InverseError, RecordError, shown
from augury.kernels.cpu import GEOMETRY
from augury.maps import Dense
from augury.program import Program
from augury.replay import open_run
from augury.rules import d4_product
from augury.sample import Array, Signature
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


class Inverse:
    """The inverse map of a record; call it with targets of the result, get them on the source image."""

    def __init__(self, steps: Sequence[Any], source: tuple[int, int], output: tuple[int, int], settings: Any) -> None:
        self._steps = steps
        self.source, self.output = source, output
        self._settings = settings

    def __call__(self, **targets: Any) -> dict[str, Any]:
        """Map back `mask` (any name: 2-D or 3-D arrays), `bboxes` and `keypoints`.

        Adds "valid": a (H, W) bool mask of the source pixels that the result shows. Boxes and keypoints are in the
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
                params = KeypointParams(**settings) if settings else KeypointParams("xy")
                out[name] = self._labels(keypoints, value, params, name)
            else:
                out[name] = self.mask(np.asarray(value))
        out["valid"] = self.mask(np.ones(self.output, np.uint8)).astype(bool)
        return out

    def mask(self, mask: Array) -> Array:
        """A mask of the result on the source image, nearest; 0 where the result does not show it."""
        if mask.shape[:2] != self.output:
            raise InverseError(
                f"mask: shape {mask.shape}; the result of this record is {self.output[0]} x {self.output[1]}"
            )
        for op in self._steps:
            mask = _gather(mask, op.back) if isinstance(op, Unmap) else GEOMETRY[type(op)](mask, op)
        return np.ascontiguousarray(mask)

    def _labels(self, codec: Any, value: Any, params: Any, name: str) -> Any:
        height, width = self.output
        moved, rows = codec.read(value, params, height, width, name)
        for op in self._steps:
            moved = codec.follow(moved, op, height, width)
            height, width = op.size(height, width)
        return codec.write(value, moved, rows, params, *self.source)


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
    shape = next((tuple(step.params["shape"]) for step in program.applied if "shape" in step.params), None)
    if shape is None:
        shape = _source(program)
    sig = Signature(shape, "uint8")
    run = open_run(program, {"image": np.broadcast_to(np.uint8(0), shape)}, fuse="off")
    back: list[Any] = []
    for step in program.applied:
        kind = find_transform(step.name, step.path)
        if issubclass(kind, Custom) and kind.acts_on == "dual":
            raise InverseError(
                f"{step.path}: {step.name} is a function of your own, so its inverse is not known; drop the step"
            )
        if kind.acts_on != "dual":
            continue
        transform = lowering(step, {})
        run.pending.clear()
        run.replay(step.path, step.name, transform, dict(step.params), step.version)
        try:
            for _, lowered, height, width in run.pending:
                for op in lowered:
                    if op.kind == "geometry":
                        back.append(undo(op, height, width, step.path))
                        height, width = op.size(height, width)
        except InverseError:
            raise
        except Exception as error:
            raise RecordError(
                f"{step.path}: params {shown(dict(step.params), 200)} do not fit {step.name} ({error!r}); the "
                "record was edited "
                "or damaged"
            ) from None
    return Inverse(back[::-1], sig.shape[:2], run.sig.shape[:2], program.settings)  # type: ignore[arg-type]


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
        return Unmap(field, field.inverse())
    try:
        matrix = op.map(height, width).inverse()
    except (ArithmeticError, ValueError):
        raise InverseError(f"{path}: squeezes the image to a line, which cannot be undone; drop the step") from None
    return ops.Warp(matrix.rows, height, width, interpolation=0)


_ELEMENTS: tuple[ops.D4Element, ...] = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
