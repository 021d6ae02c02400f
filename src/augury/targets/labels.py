"""Boxes and keypoints on their way through a program: read once, moved by every op, filtered after every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.sample import Array
from augury.targets import boxes, keypoints, oriented
from augury.targets.relabel import relabelled

# (step path, row in the caller's list, "removed" or "clipped", rule, value, limit)
Event = tuple[str, int, str, str, float | None, float | None]

# These keep every label whole and inside, so that only thresholds could remove one, and the last check does that.
_HARMLESS = (ops.D4, ops.Pad)


class Track:
    """One label target: its rows as float64 in pixels, and which of the caller's rows they are."""

    __slots__ = (
        "classes",
        "codec",
        "events",
        "every",
        "name",
        "owners",
        "params",
        "renamed",
        "role",
        "rows",
        "unchecked",
        "value",
        "values",
    )  # fmt: skip

    def __init__(self, name: str, role: str, params: Any, value: Any, height: int, width: int, fate: bool) -> None:
        self.name, self.role, self.params, self.value = name, role, params, value
        self.codec: Any = codec_of(role, params)
        self.values: Array
        self.rows: Array
        self.values, self.rows = self.codec.read(value, params, height, width, name)
        # The rows at the start, if they are all of the caller's.
        self.every = self.rows if len(self.rows) == len(value) else None
        # The frame or instance of each row, while they are bound together.
        self.owners: Any = None
        # Label field -> old value -> what mirroring steps made of it.
        self.renamed: dict[str, dict[Any, Any]] | None = None
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
            elif isinstance(op, ops.Holes):
                self.values = self.codec.hide(self.values, op.holes, self.params)
                lost = True
            elif isinstance(op, ops.Stencil):
                self.values = self.codec.hide_where(self.values, op.where(height, width), self.params)
                lost = True
            elif isinstance(op, ops.Morphology) and self.role == "bboxes":
                self.values = self.codec.grow(self.values, op, height, width)
                lost = True
            elif isinstance(op, ops.Relabel):
                if self.role == "keypoints":
                    self.rename(op.fields)
            elif isinstance(op, ops.Call) and self.role in op.functions:
                self._call(path, op, height, width, after)
                lost = True
        if lost and self.params.check_each_transform:
            self.check(path, *after)
        elif lost or (moved and not (self.settled and not self.unchecked)):
            self.unchecked = path

    def _call(self, path: str, op: ops.Call, height: int, width: int, after: tuple[int, int]) -> None:
        given = self.codec.GIVEN
        before = np.column_stack([self.values[:, :given], np.arange(len(self.rows))])
        moved = op.functions[self.role](before, (height, width), after)
        if moved.ndim != 2 or moved.shape[1] != before.shape[1]:
            raise SampleError(
                f"{path}: its function for {self.role} returned shape {moved.shape}; keep the {before.shape[1]} columns"
            )
        kept = moved[:, -1].astype(np.int64)
        if self.events is not None:
            gone = np.setdiff1d(np.arange(len(self.rows)), kept)
            self.events += [(path, int(self.rows[i]), "removed", "function", None, None) for i in gone]
        self.values = np.column_stack([moved[:, :-1].astype(np.float64), self.values[kept, given:]])
        self.keep(kept)

    def check(self, path: str, height: int, width: int) -> None:
        """Apply the rules of the parameters: remove and clip."""
        kept, self.values, events = self.codec.filter(
            self.values, self.params, height, width, explain=self.events is not None
        )
        if self.events is not None:
            self.events += [(path, int(self.rows[at]), *event) for at, *event in events]
        if len(kept) != len(self.rows):
            self.keep(kept)
        self.unchecked = ""

    def keep(self, kept: Array) -> None:
        """Which of the present rows the values are from now on."""
        self.rows = self.rows[kept]
        if self.owners is not None:
            self.owners = self.owners[kept]

    def hulls(self, height: int, width: int) -> Array:
        """The boxes as upright (N, 4) x_min, y_min, x_max, y_max in pixels, inside the image if they were turned."""
        if self.codec is boxes:
            return self.values
        return np.clip(oriented.hulls(self.values), 0, (width, height, width, height))

    def rename(self, labels: Sequence[tuple[str, Any]]) -> None:
        """Swap labels: (field, ((old, new), ...)) each."""
        renamed = self.renamed = dict(self.renamed or {})
        for field, pairs in labels:
            swap, known = dict(pairs), renamed.get(field, {})
            renamed[field] = {**swap, **{old: swap.get(new, new) for old, new in known.items()}}

    def write(self, height: int, width: int) -> Any:
        """The labels in the caller's container and format."""
        return self.codec.write(self.value, self.values, self.rows, self.params, height, width)

    def select(self, field: Any, name: str = "") -> Any:
        """The entries of the label field `name` that belong to the rows that are left, in the field's container."""
        if self.renamed is None and self.rows is self.every and not hasattr(field, "shape"):
            return field.copy() if isinstance(field, list) else field
        return select(field, self.rows, self.renamed and self.renamed.get(name))


def outlines(value: Any, settings: Mapping[str, Any], height: int, width: int) -> tuple[Array, Array]:
    """The corners (N, 4, 2) of boxes, in pixels, clipped to the image as the settings of a record have them, for
    those who draw them; and which of the caller's rows they are.
    """
    names = ("coord_format", "bbox_type")
    given = {"coord_format": "pascal_voc", **{k: settings[k] for k in names if k in settings}}
    params = boxes.BboxParams(**given, clip_bboxes_on_input=True, filter_invalid_bboxes=True)
    if params.bbox_type == "obb":
        found, rows = oriented.read(value, params, height, width)
        return oriented.corners(found), rows
    found, rows = boxes.read(value, params, height, width)
    return found[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2), rows


def codec_of(role: str, params: Any) -> Any:
    """What reads, moves and writes the rows of a label target."""
    if role == "keypoints":
        return keypoints
    return oriented if params.bbox_type == "obb" else boxes


def select(field: Any, rows: Array, renamed: dict[Any, Any] | None) -> Any:
    """Entries of a label field by row, in the field's own container, with the labels that were swapped."""
    if hasattr(field, "shape"):  # NumPy arrays and tensors
        kept = field[rows]
        return kept if renamed is None else relabelled(kept, renamed)
    entries = [field[i] for i in rows.tolist()]
    if renamed is not None:
        entries = relabelled(entries, renamed)
    return entries if isinstance(field, list) else type(field)(entries)
