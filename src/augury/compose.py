"""Pipelines: transforms in order, by choice or at random, and the call that draws and runs a program for one sample."""

from __future__ import annotations

import itertools
import operator
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cached_property
from hashlib import blake2b
from typing import Any

from numpy import ndarray

from augury import call, transform
from augury.call import Applied, Record, fate_of, finish, signature_of, start
from augury.donors import Load
from augury.drawn import applied_steps
from augury.errors import FieldError, SampleError, StepError, nearest, shown
from augury.execute import ONLY_IMAGE, ONLY_VOLUME, Run, owned
from augury.fields import number, plain
from augury.groups import Branch, Group, OneOrOther, Sequential, Step, inner_groups, inner_transforms
from augury.program import FORMAT, versions
from augury.rng import OnePath, State, normal_key, process_tag, seeded
from augury.sample import DTYPE_NAMES, ROLES, Signature, check_image, new_signature
from augury.targets.bindings import Binding, read_binding
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.targets.params import LabelParams
from augury.targets.relabel import ANY, read_masks, swaps_of, written
from augury.transform import NoOp
from augury.varying import Schedule


class Compose(Group):
    """A pipeline: call it with targets by name, get a dict with the same names back.

    transforms: run in order; the whole runs with probability p.
    bbox_params, keypoint_params: formats and rules of `bboxes` and `keypoints`.
    additional_targets: more names and the role each plays, such as {"image2": "image"}.
    seed: with it, two pipelines give the same sequence; without it a seed is drawn from the system and kept in records.
    save_applied_params: adds "applied_transforms" to the result. strict: refuse every unknown name.
    is_check_shapes: refuse targets of different height and width. mask_interpolation: overrides that of every
    transform.
    fuse: "exact" rewrites with equal bits, "close" also merges resamplings, "off" runs ops as they are.
    annotation_fate: adds "fate", which names the step and rule that removed or clipped each box, keypoint or
    instance mask.
    instance_binding: which of masks, bboxes and keypoints are parts of one object; the call takes instances=[{"mask",
    "bbox", "keypoints" and label fields}, ...], and an object whose box or mask is gone goes whole.
    frame_binding: which of images, masks, bboxes and keypoints a video has; the call takes frames=[{"image", "mask",
    "bboxes", "keypoints" and label fields}, ...], all with one draw.
    semantic_mask_label_mappings: values of masks to swap when a step mirrors the image, {transform name or
    "reflection": {old: new}}, or {...: {target: {old: new}}}.
    epochs: how many epochs training takes; a call with key=(epoch, index), epochs counted from 0, then knows its
    progress, epoch / (epochs - 1), which schedules need.
    """

    # Whether the result holds a record.
    records = False

    def __init__(
        self,
        transforms: Sequence[Step] | Step,
        bbox_params: BboxParams | Mapping[str, Any] | None = None,
        keypoint_params: KeypointParams | Mapping[str, Any] | None = None,
        additional_targets: Mapping[str, str] | None = None,
        p: float | Schedule = 1.0,
        is_check_shapes: bool = True,
        strict: bool = False,
        mask_interpolation: int | None = None,
        seed: int | str | None = None,
        save_applied_params: bool = False,
        *,
        fuse: str = "exact",
        annotation_fate: bool = False,
        instance_binding: Sequence[str] | None = None,
        frame_binding: Sequence[str] | None = None,
        semantic_mask_label_mappings: Mapping[str, Any] | None = None,
        epochs: int | None = None,
    ) -> None:
        super().__init__(transforms, p)
        name = type(self).__name__
        self.bbox_params = _params(bbox_params, BboxParams, f"{name}.bbox_params")
        self.keypoint_params = _params(keypoint_params, KeypointParams, f"{name}.keypoint_params")
        if not isinstance(additional_targets or {}, Mapping):
            raise FieldError(
                f"{name}.additional_targets: got {shown(additional_targets)}; pass a dict such as {{'image2': 'image'}}"
            )
        self.additional_targets = dict(additional_targets or {})
        for target, role in self.additional_targets.items():
            if role not in ROLES:
                raise FieldError(
                    f"{name}.additional_targets: got {target!r}: {role!r}; roles are {', '.join(sorted(ROLES))}"
                )
            if target in ROLES and target != role:
                raise FieldError(f"{name}.additional_targets: {target!r} is a role itself; pick another name")
        self.is_check_shapes = bool(is_check_shapes)
        self.strict = bool(strict)
        if mask_interpolation is not None and mask_interpolation not in range(7):
            raise FieldError(
                f"{name}.mask_interpolation: got {shown(mask_interpolation)}; pass an OpenCV constant 0..6"
            )
        self.mask_interpolation = mask_interpolation
        self.seed = _seed(seed, f"{name}.seed")
        self.save_applied_params = bool(save_applied_params)
        if fuse not in ("off", "exact", "close"):
            raise FieldError(f"{name}.fuse: got {shown(fuse)}; pass 'off', 'exact' or 'close'")
        self.fuse = fuse
        self.annotation_fate = bool(annotation_fate)

        def refused(field: str) -> Any:
            return lambda got, rule: FieldError(f"{name}.{field}: got {shown(got)}; {rule}")

        self.instance_binding = read_binding(instance_binding, "instances", refused("instance_binding"))
        self.frame_binding = read_binding(frame_binding, "frames", refused("frame_binding"))
        mappings = semantic_mask_label_mappings
        self.mask_mappings = read_masks(mappings, refused("semantic_mask_label_mappings")) if mappings else None
        for mapped in (self.mask_mappings, self.keypoint_params and self.keypoint_params.label_mapping):
            for step, _ in mapped or ():
                if step != ANY and step not in transform.REGISTRY:
                    near = nearest(step, transform.REGISTRY)
                    hint = f"did you mean {near!r}?" if near else f"name a transform, or {ANY!r} for all"
                    raise FieldError(f"{name}: a label mapping is for {step!r}, which is no transform; {hint}")
        if epochs is not None and (type(epochs) is not int or epochs < 1):
            raise FieldError(f"{name}.epochs: got {shown(epochs)}; pass how many epochs training takes, at least 1")
        self.epochs = epochs
        for child in self.transforms:
            _refuse_settings(child)
        self._reseed(self.seed)
        self._compile()

    def _compile(self) -> None:
        self._moves = self.scheduled
        # The last progress that was asked for, and what is drawn at it. Any call may replace it whole.
        self._moment: tuple[float, Branch] | None = None
        for progress in (0.0, 0.5, 1.0) if self._moves else ():
            for child in self.transforms:
                child.at(progress)
        # A scheduled pipeline's own plan knows the paths; what is drawn are the plans of its moments.
        self._plan = Branch(self, "", self.mask_interpolation)
        self._roles = {**{role: role for role in ROLES}, **self.additional_targets}
        self._asked = extras = {name for t in inner_transforms(self) for name in t.asks_for} - self._roles.keys()
        fields = [f for params in (self.bbox_params, self.keypoint_params) if params for f in params.label_fields or ()]
        by_role = [params.label_fields if params else () for params in (self.bbox_params, self.keypoint_params)]
        bound = self.instance_binding or self.frame_binding
        self._binding = Binding(self.instance_binding, self.frame_binding, *by_role) if bound else None
        mapping = self.keypoint_params.label_mapping if self.keypoint_params else None
        self._swaps = swaps_of(mapping, self.mask_mappings)
        self._known = sorted({*self._roles, *fields, *extras})
        self._free = {*fields, *extras}
        self._noting = self.records or self.save_applied_params
        self._quick = not (self.annotation_fate or self._moves)
        # OneOrOther runs a transform whatever its p.
        certain = any(isinstance(group, OneOrOther) for group in inner_groups(self))
        working = any(leaf.p and not isinstance(leaf.transform, NoOp) for leaf in self._plan.leaves())
        self._state = State if len(list(self._plan.leaves())) > 1 else OnePath
        self._idle = self._quick and not (self._noting or certain or working)

    # ---- values ----

    def arguments(self) -> dict[str, Any]:
        every = {
            "bbox_params": self.bbox_params,
            "keypoint_params": self.keypoint_params,
            "additional_targets": self.additional_targets or None,
            "p": self.p,
            "is_check_shapes": self.is_check_shapes,
            "strict": self.strict,
            "mask_interpolation": self.mask_interpolation,
            "seed": self.seed,
            "save_applied_params": self.save_applied_params,
            "fuse": self.fuse,
            "annotation_fate": self.annotation_fate,
            "instance_binding": list(self.instance_binding) or None,
            "frame_binding": list(self.frame_binding) or None,
            "semantic_mask_label_mappings": written(self.mask_mappings),
            "epochs": self.epochs,
        }
        return {name: value for name, value in every.items() if name == "p" or value != _DEFAULTS[name]}

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that two pipelines share exactly if they are written the same, whatever their seed."""
        try:
            written = self.to_dict()
        except FieldError:  # a transform that cannot be saved is known by its place
            known = self if not isinstance(self.p, Schedule) else self.rebuilt((), p=1.0)
            places = [(leaf.path, _named(leaf.p)) for leaf in self._plan.leaves()]
            written = {**known._plain_arguments(), "p": _named(self.p), "transforms": places}
        settings = {
            k: v
            for k, v in written.items()
            if k not in ("seed", "save_applied_params", "save_key", "digests", "annotation_fate")
        }
        import json  # a pipeline without records needs none

        text = json.dumps({**settings, "__class_fullname__": "Compose"}, sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()

    def add_targets(self, additional_targets: Mapping[str, str]) -> None:
        """Register more target names after construction."""
        self.__dict__.pop("fingerprint", None)
        self.__dict__.pop("_header", None)
        self.__dict__.pop("_carried", None)
        fresh = type(self)(
            list(self.transforms),
            **{**self.arguments(), "additional_targets": {**self.additional_targets, **additional_targets}},
        )
        self.additional_targets = fresh.additional_targets
        self._compile()

    def set_random_seed(self, seed: int | str | None) -> None:
        """Start the sequence of `seed` from its first call."""
        self.seed = _seed(seed, f"{type(self).__name__}.seed")
        self._reseed(self.seed)

    def _reseed(self, seed: int | str | None) -> None:
        self._seed = seed if seed is not None else int.from_bytes(os.urandom(6))
        self._seeded = seeded(self._seed)
        self._calls = itertools.count()

    def __getstate__(self) -> dict[str, Any]:
        # The number of the next call travels too, so that an unpickled copy goes on where this one stands.
        state = {k: v for k, v in self.__dict__.items() if k not in ("_calls", "_seeded", "_moment")}
        state["_next"] = self._calls.__reduce__()[1][0]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._calls = itertools.count(state.pop("_next"))
        self.__dict__.update(state)
        self._seeded = seeded(self._seed)
        self._moment = None

    # ---- calls ----

    def __call__(
        self,
        *args: object,
        image: Any = None,
        key: object = None,
        force_apply: bool = False,
        progress: float | None = None,
        **targets: Any,
    ) -> dict[str, Any]:
        """Augment one sample.

        key: ints or strings such as (epoch, index); the result depends on seed and key alone. Without it the number
        of the call is the key, mixed with the seed of the DataLoader worker and with the rank.
        progress: how far training is, 0 to 1, which schedules need unless `epochs` and the key say it; records keep it.
        Raises SampleError for targets it cannot work on, StepError (with a record) if a step fails.
        """
        if type(image) is ndarray and not targets and not args and progress is None and self._quick:
            # One look-up by dtype, which costs as much as all else here: only floats can be NaN or infinite.
            dtype = DTYPE_NAMES.get(image.dtype, "")
            if not (dtype[:1] == "u" and 1 < image.ndim < 4 and image.size):
                check_image("image", image)
            if self._idle and key is None:
                return {"image": image.copy()}
            sig = new_signature(image.shape, dtype)
            return self._augment_one("image", image, ONLY_IMAGE, sig, key, force_apply)
        if args:
            raise SampleError("targets are passed by name: pipeline(image=image, mask=mask)")
        volume = targets.get("volume")
        if type(volume) is ndarray and len(targets) == 1 and image is None and progress is None and self._quick:
            check_image("volume", volume, 1)
            if self._idle and key is None:
                return {"volume": volume.copy()}
            sig = new_signature(volume.shape[1:], DTYPE_NAMES[volume.dtype], len(volume))
            return self._augment_one("volume", volume, ONLY_VOLUME, sig, key, force_apply)
        if image is not None:
            targets = {"image": image, **targets}
        if progress is not None or self._moves:
            progress = self._progress(progress, key)
        number_or_key = normal_key(key) if key is not None else (*process_tag(), next(self._calls))
        try:
            return self._result(self._start(number_or_key, targets, progress), targets, number_or_key, force_apply)
        except StepError as error:
            if error.record is None:
                error.record = self._failed_record(number_or_key, targets, force_apply, progress)
            raise

    def _progress(self, progress: Any, key: object) -> float:
        """How far training is; SampleError if a call does not say it."""
        if progress is not None:
            rule = "pass a number from 0 (the start of training) to 1 (its end)"
            try:
                if 0 <= (out := number(progress, rule)) <= 1:
                    return float(out)
            except ValueError:
                pass
            raise SampleError(f"progress: got {shown(progress)}; {rule}")
        if self.epochs is None:
            raise SampleError(
                "progress: missing; the pipeline holds schedules, pass progress=0..1, or build it with epochs=N and "
                "pass key=(epoch, index)"
            )
        parts = normal_key(key) if key is not None else ()
        if len(parts) < 2 or not isinstance(parts[0], int):
            raise SampleError(f"key: got {shown(key)}; with epochs pass key=(epoch, index), or pass progress=0..1")
        if not 0 <= parts[0] < self.epochs:
            raise SampleError(
                f"key: got epoch {parts[0]} of epochs={self.epochs}; epochs count from 0, or pass progress=0..1"
            )
        return parts[0] / max(self.epochs - 1, 1)

    def _plan_at(self, progress: float | None) -> Branch:
        """What is drawn at a progress."""
        if not self._moves or progress is None:
            return self._plan
        moment = self._moment
        if moment is None or moment[0] != progress:
            children = [child.at(progress) for child in self.transforms]
            block = Sequential(children, self.p.at(progress) if isinstance(self.p, Schedule) else self.p)
            self._moment = moment = (progress, Branch(block, "", self.mask_interpolation))
        return moment[1]

    def _augment_one(
        self, name: str, array: Any, roles: dict[str, str], sig: Signature, key: object, force_apply: bool
    ) -> dict[str, Any]:
        """A call with one image, which is what most calls are, or one volume, without what only other targets need."""
        key = normal_key(key) if key is not None else (*process_tag(), next(self._calls))
        run = Run(self._state(self._seeded, key), {name: array}, roles, sig, self.fuse)
        if self._noting:
            self._note(run)
        try:
            if self.p == 1.0:
                for child in self._plan.children:
                    child.draw(run)
            else:
                self._plan.draw(run, force_apply)
            run.flush()
        except StepError as error:
            error.record = self._failed_record(key, {name: array}, force_apply)
            raise
        result = {name: owned(run.arrays[name], array)}
        if self._noting:
            self._attach(result, run, {name: array}, key)
        return result

    def _draw(self, run: Run, force_apply: bool) -> None:
        plan = self._plan if run.progress is None else self._plan_at(run.progress)
        plan.draw(run, force_apply)
        run.flush()

    def _start(self, key: tuple[int | str, ...], targets: dict[str, Any], progress: float | None) -> Run:
        bound = self._binding.opened(targets) if self._binding else None
        run = start(
            State(self._seeded, key), bound.flat if bound else targets, self._roles, self._free, self._known,
            self.bbox_params, self.keypoint_params,
            strict=self.strict, check_shapes=self.is_check_shapes, fuse=self.fuse, fate=self.annotation_fate,
            bound=bound,
        )  # fmt: skip
        run.swaps = self._swaps
        if progress is not None:
            run.progress = progress
        return run

    def _result(
        self, run: Run, targets: dict[str, Any], key: tuple[int | str, ...], force_apply: bool
    ) -> dict[str, Any]:
        if self._noting:
            self._note(run)
        self._draw(run, force_apply)
        result = finish(run, targets)
        if run.fate is not None:
            result["fate"] = fate_of(run)
        if self._noting:
            self._attach(result, run, targets, key)
        return result

    def _note(self, run: Run) -> None:
        run.noting = True
        if self.save_applied_params:
            run.applied = []
        if self.records:
            run.steps = []

    def _attach(self, result: dict[str, Any], run: Run, targets: dict[str, Any], key: tuple[int | str, ...]) -> None:
        """Add to a result what was noted of the steps."""
        if call.untold:
            call.keep_whole()
        if self.save_applied_params:
            result["applied_transforms"] = applied = Applied(run.applied or ())
            if self._carried:
                applied.settings = self._carried

    def _record(self, run: Run, targets: dict[str, Any], key: tuple[int | str, ...]) -> Record:
        record = Record(self._header)
        record["versions"] = record["versions"].copy()
        record["seed"] = self._seed
        record["key"] = list(key)
        if run.bound is not None:
            targets = run.bound.flat
        record["signature"] = {name: signature_of(targets[name]) for name in run.roles}
        if "settings" in record:
            record["settings"] = deepcopy(record["settings"])
        record["steps"] = run.steps
        if run.progress is not None:
            record["progress"] = run.progress
        return record

    @cached_property
    def _carried(self) -> dict[str, Any]:
        """Arguments that a pipeline of the drawn steps needs too."""
        names = (*SETTINGS, "fuse")
        return {k: v for k, v in self.arguments().items() if k in names}

    @cached_property
    def _header(self) -> dict[str, Any]:
        """What all records of the pipeline share, in the order in which they are read."""
        settings = {k: _plain_argument(v) for k, v in self.arguments().items() if k in SETTINGS}
        header = {"format": FORMAT, "versions": versions(), "pipeline": self.fingerprint, "seed": None, "key": None}
        header |= {"fuse": self.fuse, "signature": None}
        return {**header, "settings": settings} if settings else header

    def _failed_record(
        self,
        key: tuple[int | str, ...],
        targets: dict[str, Any],
        force_apply: bool,
        progress: float | None = None,
    ) -> Record:
        run = self._start(key, targets, progress)
        run.noting, run.steps = True, []
        with suppress(StepError):
            self._draw(run, force_apply)
        return self._record(run, targets, key)

    @classmethod
    def from_applied_transforms(
        cls,
        applied_transforms: Sequence[Any],
        *,
        callables: Mapping[str, Any] | None = None,
        donors: Load | None = None,
        **settings: Any,
    ) -> Compose:
        """A pipeline with p=1 that repeats the values of `result["applied_transforms"]`, also after a trip through
        JSON.

        callables: functions by name for Lambda steps. donors: as in `replay`. settings: other arguments of Compose,
        such as bbox_params; those of the pipeline that made the list are the default, unless it went through JSON,
        which leaves them behind.
        Raises RecordError for unknown transforms or damaged entries.
        """
        known = getattr(applied_transforms, "settings", {})
        steps = applied_steps(applied_transforms, callables or {})
        steps.donors = donors
        return Compose(steps, **{**known, **settings})


# Arguments that running the steps again needs too.
SETTINGS = (
    "bbox_params", "keypoint_params", "additional_targets", "is_check_shapes", "instance_binding", "frame_binding",
    "semantic_mask_label_mappings",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "bbox_params": None, "keypoint_params": None, "additional_targets": None, "is_check_shapes": True, "strict": False,
    "mask_interpolation": None, "seed": None, "save_applied_params": False, "fuse": "exact", "annotation_fate": False,
    "instance_binding": None, "frame_binding": None, "semantic_mask_label_mappings": None, "epochs": None,
}  # fmt: skip


def _plain_argument(value: Any) -> Any:
    return value.explicit() if isinstance(value, LabelParams) else plain(value)


def _named(p: Any) -> Any:
    return repr(p) if isinstance(p, Schedule) else p


def _seed(value: object, where: str) -> int | str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise FieldError(f"{where}: got {shown(value)}; pass an int, a string or None") from None


def _params(value: Any, kind: Any, where: str) -> Any:
    if value is None or isinstance(value, kind):
        return value
    if isinstance(value, Mapping):
        try:
            return kind(**value)
        except TypeError as error:
            raise FieldError(f"{where}: got {shown(value)}; {error}") from None
    raise FieldError(f"{where}: got {shown(value)}; pass a {kind.__name__} or a dict of its arguments")


def _refuse_settings(step: Step) -> None:
    if isinstance(step, Compose):
        given = [k for k in step.arguments() if k == "epochs" or (k in SETTINGS and k != "is_check_shapes")]
        if given:
            raise FieldError(f"Compose inside a pipeline: {', '.join(given)} belong to the outermost one")
    if isinstance(step, Group):
        for child in step.transforms:
            _refuse_settings(child)


def _alone(step: Step) -> Compose:
    return Compose([step])


transform.pipeline_of = _alone
