"""Running what was drawn before: records, edited programs and applied lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from augury.compose import fate_of, finish, start
from augury.errors import AuguryError, RecordError, StepError, shown
from augury.execute import Run
from augury.fields import frozen, plain
from augury.groups import Group
from augury.program import Program, Step
from augury.rng import State, seeded
from augury.sample import ROLES, Signature
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.transform import Params, Transform, find_transform


def replay(
    record: object,
    *,
    resize: str | None = None,
    callables: Mapping[str, Any] | None = None,
    fate: bool = False,
    **targets: Any,
) -> dict[str, Any]:
    """Run a record on a sample: the same bits as when it was drawn.

    record: the dict under result["replay"], its JSON text, or a Program. resize="relative" scales recorded pixel
    positions to an image of another size. callables: functions by name for Lambda steps. fate: adds "fate", as
    annotation_fate does. Raises RecordError for a record that is damaged, newer, or drawn for another image shape.
    """
    program = Program.from_record(record)
    run = open_run(program, targets, fate=fate)
    with explained(program):
        for _ in queue(run, program, resize=resize, callables=callables):
            pass
        run.flush()
        result = finish(run, targets)
    if fate:
        result["fate"] = fate_of(run)
    return result


def queue(
    run: Run, program: Program, *, resize: str | None = None, callables: Mapping[str, Any] | None = None
) -> Iterator[Step]:
    """Queue the applied steps of `program` on a run, one by one, yielding each after it is queued."""
    if resize not in (None, "relative"):
        raise RecordError(f"resize: got {shown(resize)}; pass None or 'relative'")
    original = _frame(program)
    for step in program.applied:
        transform = lowering(step, callables or {})
        params = dict(step.params)
        if resize == "relative":
            params = _relative(find_transform(step.name, step.path), params, original, run.sig)
        run.replay(step.path, step.name, transform, params, step.version)
        yield step


@contextmanager
def explained(program: Program) -> Iterator[None]:
    """Errors of kernels with the values that the failing step was recorded with, and the record that reproduces
    them.
    """
    try:
        yield
    except StepError as error:
        path = str(error).partition(": ")[0]
        params = next((dict(step.params) for step in program.applied if step.path == path), {})
        raise StepError(
            f"{error}; it ran with {shown(params, 200)}, and if these were edited they may not fit", program.to_record()
        ) from error.__cause__


def open_run(program: Program, targets: Mapping[str, Any], *, fate: bool = False, fuse: str | None = None) -> Run:
    """A run over the sample with the settings that the program was drawn with, and no step yet."""
    settings = program.settings
    bbox = settings.get("bbox_params")
    keypoint = settings.get("keypoint_params")
    try:
        bbox_params = BboxParams(**bbox) if bbox else None
        keypoint_params = KeypointParams(**keypoint) if keypoint else None
    except (TypeError, AuguryError) as error:
        raise RecordError(f"record.settings: {error}") from None
    more = settings.get("additional_targets") or {}
    if not isinstance(more, Mapping) or not ROLES.issuperset(map(str, more.values())):
        raise RecordError(f"record.settings.additional_targets: got {shown(more)}; pass names and the role each plays")
    roles = {**{role: role for role in ROLES}, **more}
    fields = {f for params in (bbox_params, keypoint_params) if params for f in params.label_fields or ()}
    return start(
        State(seeded(program.seed or 0), program.key), targets, roles, fields, sorted({*roles, *fields}), bbox_params,
        keypoint_params,
        strict=False, check_shapes=bool(settings.get("is_check_shapes", True)), fuse=fuse or program.fuse, fate=fate,
    )  # fmt: skip


def lowering(step: Step, callables: Mapping[str, Any]) -> Any:
    """What lowers a step: its transform's class, or an instance for transforms that are functions."""
    cls = find_transform(step.name, step.path)
    if step.version > cls.version:
        raise RecordError(
            f"{step.path}: recorded by {step.name} version {step.version}, this augury has version {cls.version}; "
            "update augury"
        )
    return cls.restore(dict(step.params), callables)


def _frame(program: Program) -> tuple[int, ...]:
    shapes = [step.params["shape"] for step in program.applied if "shape" in step.params]
    return tuple(shapes[0]) if shapes else ()


def _relative(cls: type[Transform], params: Params, original: tuple[int, ...], sig: Signature) -> Params:
    """Params with pixel positions scaled from the recorded shape of the step's input to the present one."""
    shape = params.pop("shape", original)
    if len(shape) < 2:
        return params
    x, y = sig.width / shape[1], sig.height / shape[0]

    def scaled(value: Any) -> Any:
        if isinstance(value, tuple) and value and isinstance(value[0], tuple):
            return tuple(scaled(part) for part in value)
        if not isinstance(value, tuple) or len(value) not in (2, 4):
            raise RecordError(
                f"{cls.__name__}: got {shown(value)} where pixel positions belong; the record was edited or damaged"
            )
        factors = (x, y, x, y)
        out = [v * f for v, f in zip(value, factors, strict=False)]
        return tuple(round(v) if isinstance(old, int) else v for v, old in zip(out, value, strict=True))

    return {
        name: scaled(value) if name in cls.pixel_params and value is not None else value
        for name, value in params.items()
    }


class Drawn(Transform, register=False):
    """A step whose values were drawn before, as a transform."""

    step: Step
    lowers: Any

    def __init__(self, step: Step, callables: Mapping[str, Any]) -> None:
        self.__dict__.update(step=step, p=1.0, lowers=lowering(step, callables))

    def __repr__(self) -> str:
        return f"{self.step.name}({', '.join(f'{k}={v!r}' for k, v in self.step.params.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drawn) and self.step == other.step

    __hash__ = Transform.__hash__


class DrawnSteps(Group):
    """Steps that were drawn before, in order."""

    transforms: tuple[Drawn, ...]

    def draw(self, branch: Any, run: Run, stream: Any) -> None:
        for drawn in self.transforms:
            step = drawn.step
            run.replay(step.path, step.name, drawn.lowers, dict(step.params), step.version)

    def to_dict(self) -> dict[str, Any]:
        steps = [drawn.step for drawn in self.transforms]
        return {
            "__class_fullname__": "DrawnSteps",
            "applied_transforms": [[step.name, plain(step.params)] for step in steps],
        }


def applied_steps(applied: Sequence[Any], callables: Mapping[str, Any]) -> DrawnSteps:
    """The steps of an applied list; RecordError naming a damaged entry."""
    if isinstance(applied, (str, bytes, Mapping)) or not isinstance(applied, Sequence):
        raise RecordError(
            f"applied_transforms: got {shown(applied)}; pass the list of (name, params) under "
            "result['applied_transforms']"
        )
    steps = []
    for i, entry in enumerate(applied):
        if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not isinstance(entry[1], Mapping):
            raise RecordError(f"applied_transforms[{i}]: got {shown(entry)}; pass a pair (name, params)")
        name, params = entry
        find_transform(name, f"applied_transforms[{i}]")
        steps.append(Drawn(Step(f"{i}/{name}", name, "applied", frozen(dict(params))), callables))
    return DrawnSteps(steps)
