"""The only loop over ops: a run carries one sample through the steps that are drawn or replayed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import groupby
from typing import Any, Protocol, TypeAlias

import numpy as np

from augury import ops, rules
from augury.donors import Donors, Load
from augury.errors import AuguryError, RecordError, SampleError, StepError, located, shown
from augury.kernels.cpu import KERNELS, MASK_KERNELS
from augury.kernels.cpu.mix import new_instances
from augury.rng import State
from augury.sample import (
    DTYPE_NAMES,
    IMAGE_ROLES,
    STACKED,
    VOLUME_ROLES,
    Array,
    Labels,
    Signature,
    new_signature,
)
from augury.targets.labels import Event, Track
from augury.targets.relabel import ANY, mirrors

Params = dict[str, Any]
# A lowered step that has not run yet: its path, its ops, height and width of its input.
Pending: TypeAlias = tuple[str, Sequence[Any], int, int]


class Lowers(Protocol):
    """What a run needs of a transform."""

    @property
    def lower_needs_pixels(self) -> bool: ...
    @property
    def sees(self) -> str: ...

    def lower(self, params: Params, sig: Signature) -> Sequence[Any]: ...


class Run:
    """One sample on its way: arrays and label tracks, the signature that the next step sees, steps waiting to run.

    noting: whether anybody asked for what is drawn: in `applied` (name, params) of the steps that ran, in `steps` one
    plain dict for every step, each None unless asked for.
    fate: events of instance masks, (target, event) each; None unless asked for.
    """

    # Defaults of what few calls need live on the class: a run is made for every call.
    tracks: Sequence[Track] = ()
    extras: Mapping[str, Any] = {}
    noting = False
    steps: list[dict[str, Any]] | None = None
    applied: list[tuple[str, Params]] | None = None
    fate: list[tuple[str, Event]] | None = None
    # The signature of the whole image and the channels, while steps see only some of them.
    selected: tuple[Signature, tuple[int, ...]] | None = None
    # What a replay finds donors by, and those that steps have asked for so far.
    load: Load | None = None
    donors: Donors | None = None
    # What steps that mirror the image do to labels, by the name of the transform; None if nothing.
    swaps: Mapping[str, ops.Relabel] | None = None
    # Frames or instances whose parts go together; None unless the pipeline binds any.
    bound: Any = None
    # What paths end with while a group runs a child again, such as "~1".
    again = ""
    # How far training is, 0 to 1, if the call was told.
    progress: float | None = None

    def __init__(self, state: State, arrays: dict[str, Any], roles: dict[str, str], sig: Signature, fuse: str) -> None:
        self.state = state
        self.arrays = arrays
        self.roles = roles
        self.sig = sig
        self.fuse = fuse
        self.pending: list[Pending] = []

    # ---- going back ----

    def copy(self) -> Run:
        """The run as it stands, to be taken on by itself; both note their steps in the same lists."""
        out = copy(self)
        out.pending = list(self.pending)
        out.tracks = [track.copy() for track in self.tracks]
        out.fate = None if self.fate is None else list(self.fate)
        out.bound = copy(self.bound)
        out.donors = None if self.donors is None else self.donors.copy()
        return out

    def go_back_to(self, start: Run) -> None:
        """Be again what `start` was copied from; what was noted of steps stays."""
        again = start.copy()
        self.arrays, self.sig, self.selected = again.arrays, again.sig, again.selected
        self.pending, self.tracks, self.fate = again.pending, again.tracks, again.fate
        self.donors, self.bound = again.donors, again.bound

    # ---- what a draw may see ----

    def labelled(self) -> Signature:
        """The signature with the labels and arrays after all steps so far, which are run for it."""
        self.flush()
        if self.donors is None:
            self.donors = Donors(self.extras, self.load, self.noting)
        hulls = classes = None
        for track in self.tracks:
            if track.role == "bboxes":
                hulls = track.hulls(*self._frame())
                if track.classes is not None:
                    classes = tuple(track.select(track.classes, track.params.label_fields[0]))
                break
        labels = Labels(hulls, self.arrays, self.extras, classes, self.donors)
        sig = self.sig  # built anew: `_replace` costs three times as much
        return Signature(sig.shape, sig.dtype, labels, sig.depth)

    def select(self, channels: tuple[int, ...]) -> None:
        """Let the next steps see and change only some channels of the image."""
        self.selected = (self.sig, channels)
        self.sig = self.sig._replace(shape=(*self.sig.shape[:2], len(channels)))

    def select_all(self) -> None:
        """End `select`."""
        if self.selected is not None:
            self.sig, self.selected = self.selected[0], None

    # ---- steps ----

    def add(self, path: str, name: str, transform: Lowers, params: Params, version: int = 1) -> Sequence[Any]:
        """Lower a step and queue it, note it if a record is wanted; returns its ops."""
        sig = self.sig
        if sig.dtype == "tensor":
            raise SampleError(f"{path}: the image is a tensor already; make ToTensorV2 the last step, or ToTensor3D")
        seen = self.labelled() if transform.lower_needs_pixels else sig
        try:
            lowered: Sequence[Any] = transform.lower(params, seen)
        except AuguryError as error:
            raise located(error, path) from None
        if self.noting:
            self.note(path, name, params, version, transform.sees)
        if not lowered:
            return lowered
        if self.selected is not None:
            if any(op.kind in WHOLE for op in lowered):
                raise SampleError(
                    f"{path}: works on whole volumes, not on some of their channels; move it out of "
                    "SelectiveChannelTransform"
                )
            lowered = [ops.OnChannels(self.selected[1], tuple(lowered))]
        steps = lowered if self.swaps is None else self.swapped(name, lowered)
        shape = sig.shape
        height = old_height = shape[0]
        width = old_width = shape[1]
        depth = sig.depth
        self.pending.append((path, steps, height, width))
        for op in lowered:
            kind = op.kind
            if kind == "geometry":
                height, width = op.size(height, width)
            elif kind in _SAME:
                continue
            elif kind == "volume":
                self.need_volumes(path)
                depth, height, width = op.size(depth, height, width)
                if type(op) is ops.VolumeToTensor:
                    self.sig = sig = sig._replace(dtype="tensor")
            elif type(op) is ops.Call:
                self.called()
                return lowered
            elif kind == "mix":
                if self.bound is not None and op.adds:
                    raise SampleError(
                        f"{path}: adds labels, which instances or frames that are bound together have no place for; "
                        "leave the binding out"
                    )
                height, width = op.size(height, width)
            elif kind == "stack":
                self.pending.pop()
                self.take(path, op)
                return lowered
            elif type(op) in _RETYPES:
                self.sig = sig = _RETYPES[type(op)](op, sig)
        if height != old_height or width != old_width or depth != sig.depth:
            self.sig = new_signature((height, width, *sig.shape[2:]), sig.dtype, depth)
        if lowered[-1].kind == "mix":
            self.flush()  # what it adds to a list of masks is added once, after its own step
        return lowered

    def need_volumes(self, path: str) -> None:
        """Raise SampleError if the sample holds what cannot follow a step that sees whole volumes."""
        if self.roles is ONLY_VOLUME:
            return
        flat = [name for name, role in self.roles.items() if role not in VOLUME_ROLES]
        flat += [track.name for track in self.tracks if track.role == "bboxes"]
        if flat:
            raise SampleError(
                f"{path}: works on whole volumes, which {', '.join(flat)} cannot follow; pass volumes, their masks "
                "(mask3d, masks3d) and keypoints in a call of their own"
            )
        for track in self.tracks:
            if not track.depth:
                raise SampleError(
                    f"{path}: works on whole volumes, and {track.name} ({track.params.coord_format}) have no z; pass "
                    "them as KeypointParams(coord_format='xyz')"
                )

    def swapped(self, name: str, lowered: Sequence[Any]) -> Sequence[Any]:
        """The ops of a step of transform `name`, and what they do to labels if they mirror the image."""
        assert self.swaps is not None
        mirrored = mirrors(lowered)
        # Of a function only its author, who named it, knows that it mirrors.
        op = self.swaps.get(name, self.swaps.get(ANY) if mirrored else None) if mirrored is not False else None
        return lowered if op is None else (*lowered, op)

    def take(self, path: str, op: ops.TakeFrames) -> None:
        """Keep some frames of images and masks, and the labels of these frames."""
        self.flush()
        roles = ("images", "masks") if self.bound is None or self.bound.form == "frames" else ("images",)
        stacks = [name for name, role in self.roles.items() if role in roles]
        out = self.arrays.copy()
        for name in stacks:
            value, indices = out[name], op.indices(len(out[name]))
            # Fresh arrays, since a frame may repeat.
            out[name] = [copy(value[i]) for i in indices] if isinstance(value, (list, tuple)) else value[indices]
        self.arrays = out
        if self.bound is not None and self.bound.form == "frames":
            self.bound.take(self.tracks, path, op.indices(len(self.bound.kept)))

    def note(self, path: str, name: str, params: Params, version: int, sees: str = "frames") -> None:
        """Write down a step that ran."""
        sig = self.sig
        whole = sees == "volumes" and sig.depth
        params = {"shape": (sig.depth, *sig.shape[:2], sig.channels) if whole else sig.shape, **params}
        if self.selected is not None:
            params["on_channels"] = self.selected[1]
        if self.applied is not None:
            self.applied.append((name, params if self.steps is None else params.copy()))
        if self.steps is not None:
            step: dict[str, Any] = {"path": path, "name": name, "status": "applied", "params": params}
            if version != 1:
                step["version"] = version
            self.steps.append(step)

    def replay(self, path: str, name: str, transform: Lowers, params: Params, version: int) -> None:
        """Queue a step whose params were drawn before; RecordError if it was drawn for another shape."""
        params = dict(params)
        shape = params.pop("shape", None)
        channels = params.pop("on_channels", None)
        try:
            if channels is not None:
                self.select(tuple(channels))
            sig = self.sig
            seen = sig.shape if shape is None or len(shape) < 4 else (sig.depth, *sig.shape[:2], sig.channels)
            if shape is not None and tuple(shape) != seen[: len(shape)]:
                what = "an image" if len(shape) < 4 else "a volume"
                raise RecordError(
                    f"{path}: recorded for {what} of shape {tuple(shape)}, got {seen}. Resize it, "
                    f"replay with resize='relative', or draw again with the pipeline and the record's key"
                )
            self.add(path, name, transform, params, version)
        except AuguryError:
            raise
        except Exception as error:
            raise RecordError(
                f"{path}: params {shown(params, 200)} do not fit {name} ({error!r}); the record was edited or damaged"
            ) from None
        finally:
            self.select_all()

    def called(self) -> None:
        """Run a queued function at once and read shape and dtype again: nothing else is known about its output."""
        self.flush()
        for name, role in self.roles.items():
            if role in IMAGE_ROLES or not IMAGE_ROLES & set(self.roles.values()):
                frame = first_frame(self.arrays[name], role)
                dtype = DTYPE_NAMES.get(frame.dtype) or str(frame.dtype)
                self.sig = new_signature(frame.shape, dtype if role in IMAGE_ROLES else self.sig.dtype, self.sig.depth)
                return

    # ---- running ----

    def flush(self) -> None:
        """Run all queued steps on every target."""
        pending = self.pending
        if not pending:
            return
        self.pending = []
        if self.fate is None:
            if not self.sig.depth or len(pending) == 1:
                self._flush(pending)
                return
            # Steps that see whole volumes run by themselves; no rule reaches across them.
            for whole, steps in groupby(pending, _is_whole):
                for part in ([step] for step in steps) if whole else (list(steps),):
                    self._flush(part)
            return
        for step in pending:
            before = self.arrays
            self._flush([step])
            self.fate += instance_events(step, self.roles, before, self.arrays)

    def _flush(self, pending: Sequence[Pending]) -> None:
        _, lowered, height, width = pending[0]
        if len(pending) > 1:
            lowered = [op for step in pending for op in step[1]]
        try:
            if self.roles is ONLY_IMAGE:
                program = self._rewritten(lowered, height, width)
                self.arrays = {"image": run_frame(self.arrays["image"], program, KERNELS)}
            elif self.roles is ONLY_VOLUME and lowered[-1].kind != "mix":
                program = self._rewritten(lowered, height, width)
                self.arrays = {"volume": run_volume(self.arrays["volume"], program, KERNELS, 1)}
            else:
                self.arrays = self._run_arrays(lowered, height, width)
        except Exception as error:
            path = self._culprit(pending)
            if isinstance(error, AuguryError):
                raise located(error, path) from None
            raise StepError(f"{path}: {type(error).__name__}: {error}") from error
        for track in self.tracks:
            for i, (path, step, height, width) in enumerate(pending):
                after = pending[i + 1][2:] if i + 1 < len(pending) else self._frame()
                try:
                    track.step(path, step, height, width, after)
                except AuguryError:
                    raise
                except Exception as error:
                    raise StepError(f"{path}: {track.name}: {type(error).__name__}: {error}") from error

    def _frame(self) -> tuple[int, int]:
        """Height and width of the sample as it stands."""
        for name, role in self.roles.items():
            frame = first_frame(self.arrays[name], role)
            if isinstance(frame, np.ndarray):
                return frame.shape[0], frame.shape[1]
        return self.sig.height, self.sig.width

    def _culprit(self, pending: Sequence[Pending]) -> str:
        """Path of the first step that fails when the queued steps run one by one."""
        for path, step, height, width in pending[:-1]:
            try:
                self.arrays = self._run_arrays(step, height, width)
            except Exception:
                return path
        return pending[-1][0]

    def _rewritten(self, lowered: Sequence[Any], height: int, width: int) -> Sequence[Any]:
        if len(lowered) < 2 or self.fuse == "off":
            return lowered
        return rules.rewrite(lowered, height, width, self.fuse == "close")

    def _run_arrays(self, lowered: Sequence[Any], height: int, width: int) -> dict[str, Any]:
        out = self.arrays.copy()
        programs: dict[tuple[bool, bool] | str, Sequence[Any]] = {}
        for name, role in self.roles.items():
            is_image, is_volume = role in IMAGE_ROLES, role in VOLUME_ROLES
            # Masks share their ops, unless their values change by name.
            group = (is_image, is_volume) if is_image or self.swaps is None else name
            if group not in programs:
                some = lowered if is_image else [for_mask(op, name) for op in lowered if acts_on_masks(op)]
                if is_image and (self.swaps is not None or (self.sig.depth and not is_volume)):
                    some = [op for op in some if op.kind != "labels" and (is_volume or op.kind != "scan")]
                programs[group] = self._rewritten(some, height, width)
            if program := programs[group]:
                kernels = KERNELS if is_image else MASK_KERNELS
                mixes = program[-1].kind == "mix"
                if mixes:
                    program = [*program[:-1], program[-1]._replace(target=name, role=role)]
                more = new_instances(out[name], program[-1]) if mixes and role == "masks" else []
                run = run_volume if is_volume else run_stack
                out[name] = run(out[name], program, kernels, STACKED[role])
                if more:
                    out[name] = [*out[name], *more] if isinstance(out[name], list) else _stacked(out[name], more)
        return out


def _stacked(frames: Any, more: list[Array]) -> Any:
    return (*frames, *more) if isinstance(frames, tuple) else np.stack([*frames, *more])


def first_frame(value: Any, role: str) -> Any:
    """The first (H, W[, C]) frame of a target."""
    if isinstance(value, (list, tuple)):
        return value[0]
    for _ in range(STACKED[role]):
        value = value[0]
    return value


def run_stack(value: Any, program: Sequence[Any], kernels: dict[type, Any], leading: int) -> Any:
    """Run ops on one frame, or on each frame of a stack with `leading` extra axes or of a list."""
    if leading == 0:
        return run_frame(value, program, kernels)
    if isinstance(value, (list, tuple)):
        return [run_frame(frame, program, kernels) for frame in value]
    out = [run_stack(frame, program, kernels, leading - 1) for frame in value]
    if not out:
        return value
    if isinstance(out[0], np.ndarray):
        return np.stack(out)
    import torch

    return torch.stack(out)


def run_volume(value: Any, program: Sequence[Any], kernels: dict[type, Any], leading: int) -> Any:
    """`run_stack`, and ops that see whole volumes on each of them."""
    if len(program) == 1:
        return run_stack(value, program, kernels, leading - (program[0].kind in WHOLE))
    for whole, part in groupby(program, lambda op: op.kind in WHOLE):
        value = run_stack(value, list(part), kernels, leading - whole)
    return value


def _is_whole(step: Pending) -> bool:
    return any(op.kind in WHOLE for op in step[1])


def run_frame(frame: Array, program: Sequence[Any], kernels: dict[type, Any]) -> Any:
    """Run ops on one frame, first to last."""
    for op in program:
        frame = kernels[type(op)](frame, op)
    return frame


def instance_events(
    step: Pending, roles: Mapping[str, str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, Event]]:
    """What a step did to instance masks: removed if no pixel is left, clipped if a step that keeps the scale lost
    some.
    """
    path, lowered, _, _ = step
    keeps_scale = all(isinstance(op, (ops.D4, ops.Crop, ops.Pad, ops.Holes, ops.Stencil)) for op in lowered)
    rule = "hole" if any(isinstance(op, (ops.Holes, ops.Stencil)) for op in lowered) else "frame"
    events: list[tuple[str, Event]] = []
    for name, role in roles.items():
        if role == "masks":
            for i, (old, new) in enumerate(zip(before[name], after[name], strict=False)):
                had, has = np.count_nonzero(old), np.count_nonzero(np.asarray(new))
                if had and not has:
                    events.append((name, (path, i, "removed", rule, 0.0, None)))
                elif keeps_scale and has < had:
                    events.append((name, (path, i, "clipped", rule, has / had, None)))
    return events


def owned(value: Any, source: Any) -> Any:
    """`value` as a contiguous array that shares no memory with `source`."""
    if isinstance(value, np.ndarray):
        if value is source or not value.flags.c_contiguous:
            return value.copy(order="C")
        if value.base is not None and isinstance(source, np.ndarray) and np.may_share_memory(value, source):
            return value.copy(order="C")
        return value
    if isinstance(value, (list, tuple)):
        same = isinstance(source, (list, tuple)) and len(source) == len(value)
        return [owned(frame, source[i] if same else source) for i, frame in enumerate(value)]
    return value


def for_mask(op: Any, name: str = "mask") -> Any:
    """The op as it runs on the mask target `name`."""
    if type(op) is ops.Relabel:
        return op.on(name)
    return op.for_mask() if hasattr(op, "for_mask") else op


def acts_on_masks(op: Any) -> bool:
    """Whether masks change with the image."""
    kind = op.kind
    if kind in ("geometry", "layout", "labels"):
        return True
    if kind == "volume":
        return not isinstance(op, ops.Holes3D) or op.fill_mask is not None
    if kind == "mix":
        return bool(op.on_masks)
    if kind == "call":
        return isinstance(op, ops.Call)
    if isinstance(op, ops.Morphology):
        return True
    return isinstance(op, (ops.Holes, ops.Stencil, ops.DropPixels)) and op.fill_mask is not None


# The roles of a call with nothing but an image, or a volume, told apart by identity.
ONLY_IMAGE = {"image": "image"}
ONLY_VOLUME = {"volume": "volume"}

# Kinds whose ops never change shape or dtype.
_SAME = frozenset({"curve", "region", "noise", "codec", "scan"})
# Kinds whose kernels take (D, H, W[, C]).
WHOLE = frozenset({"volume", "scan"})

_RETYPES: dict[type, Any] = {
    ops.Normalize: lambda op, sig: sig._replace(dtype="float32"),
    ops.NormalizeByImage: lambda op, sig: sig._replace(dtype="float32"),
    ops.ToFloat: lambda op, sig: sig._replace(dtype="float32"),
    ops.FromFloat: lambda op, sig: sig._replace(dtype=op.dtype),
    ops.ColorRamp: lambda op, sig: sig._replace(shape=(*sig.shape[:2], len(op.colors[0]))),
    ops.Gray: lambda op, sig: sig._replace(shape=(*sig.shape[:2], op.channels)),
    ops.GrayPca: lambda op, sig: sig._replace(shape=(*sig.shape[:2], op.channels)),
    ops.ToTensor: lambda op, sig: sig._replace(dtype="tensor"),
}
