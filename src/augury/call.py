"""One call: checked targets become a run, a run becomes the dict that the caller gets back."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augury.errors import SampleError, shown
from augury.execute import Run, owned
from augury.rng import State
from augury.sample import (
    DTYPE_NAMES,
    IMAGE_ROLES,
    LABEL_ROLES,
    Signature,
    check_image,
    check_target,
    frame_shape,
    unknown_target,
)
from augury.targets.bindings import FORMS, Bound
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import Track


def start(
    state: State,
    targets: Mapping[str, Any],
    roles: Mapping[str, str],
    free: set[str],
    known: list[str],
    bbox_params: BboxParams | None,
    keypoint_params: KeypointParams | None,
    *,
    strict: bool,
    check_shapes: bool,
    fuse: str,
    fate: bool = False,
    bound: Bound | None = None,
) -> Run:
    """A run over checked targets; raises SampleError for what it cannot work on.

    bound: the owners of targets that were given as instances or frames.
    """
    arrays: dict[str, Any] = {}
    present: dict[str, str] = {}
    labels: list[tuple[str, str]] = []
    shape: tuple[int, ...] | None = None
    first, dtype = "", ""
    for name, value in targets.items():
        role = roles.get(name)
        if role is None:
            if name in FORMS and isinstance(value, (list, tuple)) and any(isinstance(v, Mapping) for v in value):
                raise SampleError(f"{name}: not bound; build the pipeline with {name[:-1]}_binding=['masks', ...]")
            if name not in free:
                unknown_target(name, value, known, strict)
        elif value is None:
            continue
        elif role in LABEL_ROLES:
            labels.append((name, role))
        else:
            if role == "image":
                check_image(name, value)
                size = value.shape
            else:
                check_target(name, role, value)
                size = frame_shape(name, role, value)
            if shape is None:
                shape, first = size, name
            elif check_shapes and size[:2] != shape[:2]:
                raise SampleError(
                    f"{name}: height and width {tuple(size[:2])} differ from {first}'s {tuple(shape[:2])}; resize "
                    "one, or pass "
                    "is_check_shapes=False"
                )
            if not dtype and role in IMAGE_ROLES:
                shape = size
                dtype = DTYPE_NAMES[(value[0] if isinstance(value, (list, tuple)) else value).dtype]
            arrays[name] = value
            present[name] = role
    if shape is None:
        raise SampleError(f"got {', '.join(targets) or 'no targets'}; pass an image, a volume or a mask")
    run = Run(state, arrays, present, Signature(shape, dtype or "uint8"), fuse)
    if fate:
        run.fate = []
    tracks: list[Track] = []
    for name, role in labels:
        params = bbox_params if role == "bboxes" else keypoint_params
        if params is None:
            want = "bbox_params=A.BboxParams(...)" if role == "bboxes" else "keypoint_params=A.KeypointParams(...)"
            raise SampleError(f"{name}: got labels without their parameters; build the pipeline with {want}")
        value = targets[name]
        try:
            tracks.append(Track(name, role, params, value, shape[0], shape[1], fate))
        except SampleError:
            if bound is not None:
                bound.refuse(name, role, params, shape[0], shape[1])
            raise
        if name == role:
            for field in params.label_fields or ():
                if field not in targets:
                    raise SampleError(
                        f"{field}: missing; it is one of the label_fields of {name}, pass one entry per label"
                    )
                entries = targets[field]
                if type(entries) is not list and not _is_sequence(entries):
                    raise SampleError(f"{field}: got {shown(entries)}; pass a list or array, one entry per label")
                if tracks[-1].classes is None:
                    tracks[-1].classes = entries
                if len(entries) != len(value):
                    raise SampleError(
                        f"{field}: {len(entries)} entries for {len(value)} {name}; pass one entry per label"
                    )
    run.tracks = tracks
    if bound is not None:
        run.bound = bound
        for track in tracks:
            bound.own(track)
    if free:
        run.extras = {name: targets[name] for name in free if name in targets}
    return run


def _is_sequence(value: Any) -> bool:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__getitem__"):
        return False
    return hasattr(value, "__len__") and getattr(value, "shape", None) != ()


def finish(run: Run, targets: Mapping[str, Any]) -> dict[str, Any]:
    """The result: every target under its own name, owning its memory."""
    height, width = run.sig.shape[:2]
    for track in run.tracks:
        if track.unchecked:
            track.check(track.unchecked, height, width)
    if run.bound is not None:
        run.arrays = run.bound.settle(run.tracks, run.arrays, run.fate)
    return _written(run, targets, dict(targets))


def snapshot(run: Run, targets: Mapping[str, Any]) -> dict[str, Any]:
    """Every target of a run as it stands, in the caller's formats."""
    return _written(run, targets, {})


def _written(run: Run, targets: Mapping[str, Any], out: dict[str, Any]) -> dict[str, Any]:
    """`out` with every target of a run as it stands."""
    bound, tracks = run.bound, run.tracks
    height, width = run.sig.shape[:2]
    if bound is None:
        for name, value in run.arrays.items():
            out[name] = owned(value, targets[name])
    else:
        targets = bound.flat
        arrays = {name: owned(value, targets[name]) for name, value in run.arrays.items()}
        out |= {name: value for name, value in arrays.items() if name not in bound.hidden}
        if bound.form:
            out[bound.form] = bound.closed(tracks, arrays, height, width)
            tracks = [track for track in tracks if track.owners is None]
    for track in tracks:
        out[track.name] = track.write(height, width)
        if track.name == track.role:
            for field in track.params.label_fields or ():
                out[field] = track.select(targets[field], field)
    return out


def fate_of(run: Run) -> Fate:
    """What removed or clipped which label: one dict per event, in the order of the steps for each target."""
    names = ("event", "rule", "value", "limit")
    place = (lambda name, index: {"index": index}) if run.bound is None else run.bound.place
    events = [(track.name, event) for track in run.tracks for event in track.events or ()]
    if untold:
        keep_whole()
    every = [*events, *(run.fate or ())]
    return Fate(
        [
            {"target": name, "step": step, **place(name, index), **dict(zip(names, event, strict=True))}
            for name, (step, index, *event) in every
        ]
    )


# ---- what results hold beside the targets ----------------------------------------------------------------

# A DataLoader's default collation merges dicts key by key and lists item by item, which cannot work when every sample
# drew other steps. These are ordinary dicts and lists to everyone else; torch is told to leave them whole.


class Record(dict[str, Any]):
    """A program as JSON data."""


class Applied(list[Any]):
    """(name, params) of the steps that ran.

    settings: what else the pipeline was built with that the same result needs, such as bbox_params; JSON leaves it
    behind.
    """

    settings: Mapping[str, Any] = {}


class Fate(list[Any]):
    """What removed or clipped which label."""


# Whether torch, if this process uses it at all, has yet to be told.
untold = True


def keep_whole() -> None:
    """If torch.utils.data is loaded, tell its default collation to give records and applied lists as one list per
    batch.
    """
    global untold
    by_type = getattr(sys.modules.get("torch.utils.data._utils.collate"), "default_collate_fn_map", None)
    if by_type is not None:
        by_type.update(dict.fromkeys((Record, Applied, Fate), _as_list))
        untold = False


def _as_list(batch: Sequence[Any], *, collate_fn_map: object = None) -> list[Any]:
    return list(batch)


def signature_of(value: Any) -> list[Any]:
    """Shape and dtype of a target, as records hold them."""
    if isinstance(value, np.ndarray):
        return [list(value.shape), DTYPE_NAMES.get(value.dtype) or str(value.dtype)]
    return [[len(value)], type(value).__name__]
