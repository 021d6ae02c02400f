"""Boxes and keypoints on their way through a program: read once, moved by every op, filtered after every step."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.sample import Array
from augury.targets import boxes, keypoints

# (step path, row in the caller's list, "removed" or "clipped", rule, value, limit)
Event = tuple[str, int, str, str, float | None, float | None]

# These keep every label whole and inside, so that only thresholds could remove one, and the last check does that.
_HARMLESS = (ops.D4, ops.Pad, ops.Orient, ops.Pad3D)


class Track:
    """One label target: its rows as float64 in pixels, and which of the caller's rows they are."""

    __slots__ = (
        "classes", "codec", "depth", "events", "name", "params", "role", "rows", "unchecked", "value", "values",
    )  # fmt: skip

    def __init__(
        self, name: str, role: str, params: Any, value: Any, height: int, width: int, fate: bool, depth: int = 0
    ) -> None:
        self.name, self.role, self.params, self.value = name, role, params, value
        self.codec: Any = boxes if role == "bboxes" else keypoints
        self.values: Array
        self.rows: Array
        # Slices of the sample, where the labels say in which they lie; 0 otherwise.
        self.depth = depth if role == "keypoints" and 2 in params.columns else 0
        deep = {"depth": depth} if self.depth else {}
        self.values, self.rows = self.codec.read(value, params, height, width, name, **deep)
        # The caller's entries of the first label field, one per row of the caller's list.
        self.classes: Any = None
        # Path of the last step that moved the labels and was not followed by a check.
        self.unchecked = "" if self.settled else "input"
        self.events: list[Event] | None = [] if fate else None
        if self.events is not None:
            alive = set(self.rows.tolist())
            self.events += [("input", i, "removed", "invalid", None, None) for i in range(len(value)) if i not in alive]

    def copy(self) -> Track:
        """The same labels, to be moved by themselves."""
        out: Track = copy(self)
        out.values, out.events = self.values.copy(), None if self.events is None else list(self.events)
        return out

    @property
    def settled(self) -> bool:
        """Whether labels that were read, and at most mirrored or padded since, can break no rule."""
        return self.role == "keypoints" or bool(self.params.unlimited)

    def step(self, path: str, lowered: Sequence[Any], height: int, width: int, after: tuple[int, int]) -> None:
        """Move the labels through the ops of one step whose input is height x width and whose output is `after`."""
        moved = lost = False
        for op in lowered:
            if op.kind == "geometry":
                self.values = self.codec.follow(self.values, op, height, width)
                height, width = op.size(height, width)
                moved = True
                lost = lost or not isinstance(op, _HARMLESS)
            elif op.kind == "volume":
                if isinstance(op, ops.Holes3D):
                    self.values = keypoints.hide3d(self.values, op.holes, self.params)
                elif not isinstance(op, ops.VolumeToTensor):
                    self.values = keypoints.follow3d(self.values, op, self.depth, height, width)
                    self.depth, height, width = op.size(self.depth, height, width)
                moved = True
                lost = lost or not isinstance(op, _HARMLESS)
            elif isinstance(op, ops.Holes):
                self.values = self.codec.hide(self.values, op.holes, self.params)
                lost = True
            elif isinstance(op, ops.Stencil):
                self.values = self.codec.hide_where(self.values, op.where(height, width), self.params)
                lost = True
            elif isinstance(op, ops.Morphology) and self.role == "bboxes":
                self.values = boxes.grow(self.values, op, height, width)
                lost = True
            elif isinstance(op, ops.Call) and self.role in op.functions:
                self._call(path, op, height, width, after)
                lost = True
        if lost and self.params.check_each_transform:
            self.check(path, *after)
        elif lost or (moved and not (self.settled and not self.unchecked)):
            self.unchecked = path

    def _call(self, path: str, op: ops.Call, height: int, width: int, after: tuple[int, int]) -> None:
        before = np.column_stack([self.values, np.arange(len(self.rows))])
        moved = op.functions[self.role](before, (height, width), after)
        if moved.ndim != 2 or moved.shape[1] != before.shape[1]:
            raise SampleError(
                f"{path}: its function for {self.role} returned shape {moved.shape}; keep the {before.shape[1]} columns"
            )
        kept = moved[:, -1].astype(np.int64)
        if self.events is not None:
            gone = np.setdiff1d(np.arange(len(self.rows)), kept)
            self.events += [(path, int(self.rows[i]), "removed", "function", None, None) for i in gone]
        self.values, self.rows = moved[:, :-1].astype(np.float64), self.rows[kept]

    def check(self, path: str, height: int, width: int) -> None:
        """Apply the rules of the parameters: remove and clip."""
        deep = {"depth": self.depth} if self.depth else {}
        kept, self.values, events = self.codec.filter(
            self.values, self.params, height, width, explain=self.events is not None, **deep
        )
        if self.events is not None:
            self.events += [(path, int(self.rows[at]), *event) for at, *event in events]
        if len(kept) != len(self.rows):
            self.rows = self.rows[kept]
        self.unchecked = ""

    def write(self, height: int, width: int) -> Any:
        """The labels in the caller's container and format."""
        return self.codec.write(self.value, self.values, self.rows, self.params, height, width)

    def select(self, field: Any) -> Any:
        """The entries of a label field that belong to the rows that are left, in the field's own container."""
        if hasattr(field, "shape"):  # NumPy arrays and tensors
            return field[self.rows]
        if len(self.rows) == len(field):
            return field.copy() if isinstance(field, list) else field
        kept = [field[i] for i in self.rows.tolist()]
        return kept if isinstance(field, list) else type(field)(kept)
