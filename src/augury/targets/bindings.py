"""Targets that belong together: the mask, box and keypoints of one instance; the image and labels of one frame.

A call's `instances` or `frames`, one dict each, become ordinary targets, masks, boxes and so on, that remember their
owner, and come back as dicts. So every op, rule and record works on them as on any other sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from augury.errors import FieldError, SampleError, shown
from augury.targets.labels import codec_of, select

# The target that each part of an instance, or of a frame, becomes.
INSTANCE = {"mask": "masks", "bbox": "bboxes", "keypoints": "keypoints"}
FRAME = {"image": "images", "mask": "masks", "bboxes": "bboxes", "keypoints": "keypoints"}
FORMS = ("instances", "frames")


def read_binding(value: Any, form: str, refuse: Callable[[object, str], FieldError]) -> tuple[str, ...]:
    """Names of the targets that are bound, in a fixed order; FieldError by `refuse` if they cannot be."""
    parts = INSTANCE if form == "instances" else FRAME
    rule = f"pass a list of names among {', '.join(parts.values())}"
    if value is None:
        return ()
    if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__"):
        raise refuse(value, rule)
    names = [parts.get(name, name) if isinstance(name, str) else name for name in value]
    if not names or any(name not in parts.values() for name in names) or len(set(names)) < len(names):
        raise refuse(value, rule)
    if form == "instances" and len(names) < 2:
        raise refuse(value, "name at least two targets; one alone has nothing to be bound to")
    return tuple(target for target in parts.values() if target in names or target == "images")


class Binding(NamedTuple):
    """What a pipeline binds: target names, and the label fields of boxes and of keypoints."""

    instances: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    box_fields: tuple[str, ...] = ()
    point_fields: tuple[str, ...] = ()

    def opened(self, targets: Mapping[str, Any]) -> Bound | None:
        """The bound targets of a call, flat; None if it has none. Raises SampleError for those that do not fit."""
        given = [form for form in FORMS if getattr(self, form) and form in targets]
        if len(given) > 1:
            raise SampleError("instances, frames: got both; pass one of them")
        if given:
            return Bound(given[0], self, targets)
        flat = [name for name in self.instances if targets.get(name) is not None]
        if "keypoints" in flat:
            raise SampleError(
                "keypoints: which instance each belongs to is not known; pass instances=[{'keypoints': [...], ...}, "
                "...], or leave keypoints out of instance_binding"
            )
        if len(flat) < 2:
            return None
        if len(targets["masks"]) != len(targets["bboxes"]):
            raise SampleError(
                f"bboxes: {len(targets['bboxes'])} rows for {len(targets['masks'])} masks; instance_binding needs one "
                "box for each mask"
            )
        return Bound("", self, targets)


class Bound:
    """The bound targets of one call, and who owns which of their rows.

    form: "instances", "frames", or "" where masks and boxes of one number belong together. flat: the targets as a
    pipeline runs them. kept: the caller's entries that are left, in the order of masks or frames.
    """

    def __init__(self, form: str, binding: Binding, targets: Mapping[str, Any]) -> None:
        self.form, self.binding = form, binding
        self.names = binding.frames if form == "frames" else binding.instances
        self.parts = {part: t for part, t in (FRAME if form == "frames" else INSTANCE).items() if t in self.names}
        self.counts: dict[str, list[int]] = {}
        self.entries: Sequence[Mapping[str, Any]] = ()
        if form:
            self._open(targets)
        else:
            self.flat = dict(targets)
            self.counts = {"bboxes": [1] * len(targets["bboxes"])}
            self.kept = list(range(len(targets["bboxes"])))
        # Flat targets that the result holds in entries.
        self.hidden = set(self.parts.values()) if form else set()
        self.starts = {name: np.cumsum([0, *counts]) for name, counts in self.counts.items()}

    def _open(self, targets: Mapping[str, Any]) -> None:
        form, entries = self.form, targets[self.form]
        if isinstance(entries, (str, Mapping)) or not isinstance(entries, Sequence):
            raise SampleError(f"{form}: got {shown(entries)}; pass a list of dicts with {', '.join(self.parts)}")
        if form == "frames" and not len(entries):
            raise SampleError("frames: an empty list; pass at least one frame")
        clash = next((name for name in self._flat_names() if name in targets), None)
        if clash is not None:
            raise SampleError(f"{clash}: got it beside {form}, which hold it too; pass it in one place")
        self.entries, self.kept = entries, list(range(len(entries)))
        known = {*self.parts, *self.fields()}
        for i, entry in enumerate(entries):
            where = f"{form}[{i}]"
            if not isinstance(entry, Mapping):
                raise SampleError(f"{where}: got {shown(entry)}; pass a dict with {', '.join(sorted(known))}")
            missing, more = known - entry.keys(), entry.keys() - known
            if missing:
                raise SampleError(f"{where}: has no {min(missing)!r}; every entry needs {', '.join(sorted(known))}")
            if more:
                name = min(map(str, more))
                raise SampleError(
                    f"{where}: got {name!r}, which is not bound; every entry has {', '.join(sorted(known))}: name "
                    f"more in {form[:-1]}_binding or in label_fields"
                )
        self.flat = {name: value for name, value in targets.items() if name != form}
        for part, target in self.parts.items():
            self._flatten(part, target)

    def _flat_names(self) -> list[str]:
        return [*self.parts.values(), *self.fields()]

    def fields(self) -> dict[str, str]:
        """Label fields and the part they belong to."""
        box = "bboxes" if self.form == "frames" else "bbox"
        out = dict.fromkeys(self.binding.box_fields, box) if "bboxes" in self.names else {}
        return {**out, **(dict.fromkeys(self.binding.point_fields, "keypoints") if "keypoints" in self.names else {})}

    def _flatten(self, part: str, target: str) -> None:
        values = [entry[part] for entry in self.entries]
        if part in ("image", "mask"):
            for i, value in enumerate(values):
                if np.shape(value)[:2] != np.shape(values[0])[:2]:
                    raise SampleError(
                        f"{self.form}[{i}].{part}: shape {np.shape(value)} differs from {self.form}[0]'s "
                        f"{np.shape(values[0])} in height and width; bring all to one size"
                    )
            if values or part == "image":
                self.flat[target] = values
            return
        if part == "bbox":
            self.counts[target] = [1] * len(values)
            self.flat[target] = values
        else:
            for i, value in enumerate(values):
                if isinstance(value, (str, Mapping)) or not hasattr(value, "__len__"):
                    raise SampleError(f"{self.form}[{i}].{part}: got {shown(value)}; pass an array or a list of rows")
            self.counts[target] = [len(value) for value in values]
            self.flat[target] = [row for value in values for row in value]
        for field, owner in self.fields().items():
            if owner != part:
                continue
            entries = [entry[field] for entry in self.entries]
            if part == "bbox":
                self.flat[field] = entries
                continue
            for i, (entry, count) in enumerate(zip(entries, self.counts[target], strict=True)):
                if isinstance(entry, (str, Mapping)) or not hasattr(entry, "__len__") or len(entry) != count:
                    raise SampleError(
                        f"{self.form}[{i}].{field}: got {shown(entry)} for {count} {part}; pass one entry per row"
                    )
            self.flat[field] = [label for entry in entries for label in entry]

    # ---- while it runs ----

    def own(self, track: Any) -> None:
        """Tell the rows of a label track who owns them."""
        if track.name in self.counts:
            owners = np.repeat(np.arange(len(self.counts[track.name])), self.counts[track.name])
            track.owners = owners[track.rows]

    def refuse(self, name: str, role: str, params: Any, height: int, width: int) -> None:
        """Raise SampleError naming the entry with a bad row, if one has."""
        part = next((part for part, target in self.parts.items() if target == name), None)
        if part is None:
            return
        for i, entry in enumerate(self.entries):
            value = [entry[part]] if part == "bbox" else entry[part]
            codec_of(role, params).read(value, params, height, width, f"{self.form}[{i}].{part}")

    def take(self, tracks: Sequence[Any], path: str, indices: Sequence[int]) -> None:
        """Keep the labels of some frames, which may repeat."""
        self.kept = [self.kept[i] for i in indices]
        for track in tracks:
            if track.owners is None:
                continue
            rows = [np.flatnonzero(track.owners == i) for i in indices]
            owners = np.repeat(np.arange(len(indices)), [len(part) for part in rows])
            if track.events is not None:
                gone = ~np.isin(track.owners, indices)
                track.events += [(path, int(i), "removed", "dropped_frame", None, None) for i in track.rows[gone]]
            kept = np.concatenate(rows)
            track.values = track.values[kept]
            track.keep(kept)
            track.owners = owners

    def settle(self, tracks: Sequence[Any], arrays: dict[str, Any], fate: list[Any] | None) -> dict[str, Any]:
        """Drop instances whose box is gone or whose mask has no pixel, with all their parts; returns the arrays."""
        if self.form == "frames":
            return arrays
        alive = set(self.kept)
        mine = [track for track in tracks if track.owners is not None]
        if "masks" in self.names and "masks" in arrays:
            masks = arrays["masks"]
            alive &= {i for i, mask in zip(self.kept, masks, strict=True) if np.count_nonzero(np.asarray(mask))}
        for track in mine:
            if track.role == "bboxes":
                alive &= set(track.owners.tolist())
        if fate is not None:
            self._tell(mine, arrays, alive, fate)
        for track in mine:
            kept = np.flatnonzero(np.isin(track.owners, list(alive)))
            if len(kept) < len(track.owners):
                track.values = track.values[kept]
                track.keep(kept)
        at = [place for place, i in enumerate(self.kept) if i in alive]
        if len(at) < len(self.kept):
            self.kept = [self.kept[place] for place in at]
            if "masks" in self.names and "masks" in arrays:
                masks = arrays["masks"]
                arrays = {**arrays, "masks": [copy(masks[i]) for i in at] if isinstance(masks, list) else masks[at]}
        return arrays

    def _tell(self, mine: Sequence[Any], arrays: Mapping[str, Any], alive: set[int], fate: list[Any]) -> None:
        """Say of parts that go with an instance at which step it went: (target, event) each."""
        gone: dict[int, str] = {
            i: step for name, (step, i, event, *_) in fate if name == "masks" and event == "removed"
        }
        for track in mine:
            if track.role == "bboxes":
                gone |= {i: step for step, i, event, *_ in track.events or () if event == "removed"}
        for track in mine:
            lost = [(int(row), int(i)) for row, i in zip(track.rows, track.owners, strict=True) if i not in alive]
            track.events += [(gone.get(i, "input"), row, "removed", "instance", None, None) for row, i in lost]
        told = {i for name, (_, i, event, *_) in fate if name == "masks" and event == "removed"}
        if "masks" in arrays:
            lost_masks = [i for i in self.kept if i not in alive and i not in told]
            fate += [("masks", (gone.get(i, "input"), i, "removed", "instance", None, None)) for i in lost_masks]

    # ---- afterwards ----

    def place(self, name: str, index: int) -> dict[str, int]:
        """Where the caller finds row `index` of a flat target."""
        if not self.form or name not in self.counts or self.counts[name] == [1] * len(self.entries):
            return {"index": index}
        owner = int(np.searchsorted(self.starts[name], index, "right")) - 1
        return {self.form[:-1]: owner, "index": index - int(self.starts[name][owner])}

    def closed(self, tracks: Sequence[Any], arrays: Mapping[str, Any], height: int, width: int) -> list[dict[str, Any]]:
        """The entries that are left, in the caller's form."""
        mine = {track.name: track for track in tracks if track.owners is not None}
        out = []
        for place, i in enumerate(self.kept):
            owner = place if self.form == "frames" else i
            entry = dict(self.entries[i])
            for part, target in self.parts.items():
                if target not in mine:
                    entry[part] = arrays[target][place]
                    continue
                track = mine[target]
                at = np.flatnonzero(track.owners == owner)
                if part == "bbox" and not len(at):
                    break
                rows = track.rows[at] - self.starts[target][i]
                value = [entry[part]] if part == "bbox" else entry[part]
                moved = track.codec.write(value, track.values[at], rows, track.params, height, width)
                entry[part] = moved[0] if part == "bbox" else moved
                for field, of in self.fields().items():
                    if of == part and part != "bbox":
                        entry[field] = select(entry[field], rows, track.renamed and track.renamed.get(field))
            else:
                out.append(entry)
        return out


def view(sample: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A sample or result for those who draw it: its instances, or the first of its frames, as ordinary targets."""
    if not any(form in sample for form in FORMS):
        return dict(sample)
    bound = binding_of(settings).opened(sample)
    if bound is None or bound.form == "instances":
        return dict(sample) if bound is None else bound.flat
    return {**{name: value for name, value in sample.items() if name != "frames"}, **bound.entries[0]}


def binding_of(settings: Mapping[str, Any]) -> Binding:
    """The binding in the settings of a pipeline or record, all of them plain data; raises FieldError."""

    def refuse(value: object, rule: str) -> FieldError:
        return FieldError(f"binding: got {shown(value)}; {rule}")

    def fields(name: str) -> tuple[str, ...]:
        return tuple((settings.get(name) or {}).get("label_fields") or ())

    return Binding(
        read_binding(settings.get("instance_binding"), "instances", refuse),
        read_binding(settings.get("frame_binding"), "frames", refuse),
        fields("bbox_params"),
        fields("keypoint_params"),
    )
