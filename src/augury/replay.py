"""Running what was drawn before: records, edited programs and applied lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from augury.call import fate_of, finish, snapshot, start
from augury.compose import Compose
from augury.custom import Lambda
from augury.digest import digest_of
from augury.donors import Load
from augury.drawn import lowering, passed_for
from augury.errors import AuguryError, FieldError, RecordError, SampleError, StepError, shown
from augury.execute import Run
from augury.groups import Step as GroupStep
from augury.groups import inner_transforms
from augury.program import Program, Step
from augury.rng import State, seeded
from augury.sample import ROLES, Signature, recorded_signature
from augury.targets.bindings import FORMS, binding_of
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.targets.relabel import read_masks, swaps_of
from augury.transform import Params, Transform, find_transform


def replay(
    record: object,
    *,
    resize: str | None = None,
    callables: Mapping[str, Any] | None = None,
    donors: Load | None = None,
    fate: bool = False,
    **targets: Any,
) -> dict[str, Any]:
    """Run a record on a sample: the same bits as when it was drawn.

    record: the dict under result["replay"], its JSON text, or a Program. resize="relative" scales recorded pixel
    positions to an image of another size. callables: functions by name for Lambda steps. donors: a function (or a
    mapping) from the id of a donor, or its digest if it has none, to the item. fate: adds "fate", as annotation_fate
    does. Raises RecordError for a record that is damaged, newer, or drawn for another image shape, and for donors that
    are not to be had or differ.
    """
    program = Program.from_record(record)
    run = open_run(program, targets, fate=fate, donors=donors)
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


def open_run(
    program: Program,
    targets: Mapping[str, Any],
    *,
    fate: bool = False,
    fuse: str | None = None,
    donors: Load | None = None,
) -> Run:
    """A run over the sample with the settings that the program was drawn with, and no step yet."""
    settings = program.settings
    bbox = settings.get("bbox_params")
    keypoint = settings.get("keypoint_params")
    try:
        bbox_params = BboxParams(**bbox) if bbox else None
        keypoint_params = KeypointParams(**keypoint) if keypoint else None
        bound = binding_of(settings).opened(targets)
        mappings = settings.get("semantic_mask_label_mappings")
        masks = read_masks(mappings, lambda got, rule: FieldError(f"got {shown(got)}; {rule}")) if mappings else None
    except SampleError:
        raise
    except (TypeError, AuguryError) as error:
        raise RecordError(f"record.settings: {error}") from None
    more = settings.get("additional_targets") or {}
    if not isinstance(more, Mapping) or not ROLES.issuperset(map(str, more.values())):
        raise RecordError(f"record.settings.additional_targets: got {shown(more)}; pass names and the role each plays")
    roles = {**{role: role for role in ROLES}, **more}
    fields = {f for params in (bbox_params, keypoint_params) if params for f in params.label_fields or ()}
    # Donors may be passed as they were when the record was made.
    fields |= {name for step in program.applied for name in passed_for(step)}
    run = start(
        State(seeded(program.seed or 0), program.key), bound.flat if bound else targets, roles, fields,
        sorted({*roles, *fields}), bbox_params, keypoint_params,
        strict=False, check_shapes=bool(settings.get("is_check_shapes", True)), fuse=fuse or program.fuse, fate=fate,
        bound=bound,
    )  # fmt: skip
    run.load = donors
    run.swaps = swaps_of(keypoint_params.label_mapping if keypoint_params else None, masks)
    return run


def _frame(program: Program) -> tuple[int, ...]:
    shapes = [step.params["shape"] for step in program.applied if "shape" in step.params]
    return tuple(shapes[0]) if shapes else ()


def _relative(cls: type[Transform], params: Params, original: tuple[int, ...], sig: Signature) -> Params:
    """Params with pixel positions scaled from the recorded shape of the step's input to the present one."""
    shape = params.pop("shape", original)
    if len(shape) < 2:
        return params
    seen = recorded_signature(shape)
    z, y, x = sig.depth / (seen.depth or 1), sig.height / seen.height, sig.width / seen.width

    def scaled(value: Any) -> Any:
        if isinstance(value, tuple) and value and isinstance(value[0], tuple):
            return tuple(scaled(part) for part in value)
        if not isinstance(value, tuple) or len(value) not in (2, 4, 6):
            raise RecordError(
                f"{cls.__name__}: got {shown(value)} where pixel positions belong; the record was edited or damaged"
            )
        factors = (z, y, x, z, y, x) if len(value) == 6 else (x, y, x, y)
        out = [v * f for v, f in zip(value, factors, strict=False)]
        return tuple(round(v) if isinstance(old, int) else v for v, old in zip(out, value, strict=True))

    return {
        name: scaled(value) if name in cls.pixel_params and value is not None else value
        for name, value in params.items()
    }


def digests_of(
    program: Program,
    targets: Mapping[str, Any],
    callables: Mapping[str, Any] | None = None,
    donors: Load | None = None,
) -> list[dict[str, Any]]:
    """Digests of every target before the first and after each applied step, run one by one."""
    run = open_run(program, targets, fuse="off", donors=donors)
    out = [_digests(snapshot(run, targets))]
    with explained(program):
        for _ in queue(run, program, callables=callables):
            run.flush()
            out.append(_digests(snapshot(run, targets)))
    return out


def _digests(values: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in values.items() if name not in FORMS}
    for form in values.keys() - flat.keys():
        for i, entry in enumerate(values[form]):
            flat |= {f"{form}[{i}].{part}": value for part, value in entry.items()}
    return {name: digest_of(value) for name, value in flat.items()}


class ReplayCompose(Compose):
    """A pipeline whose result holds the record of what was drawn under `save_key`; `replay` runs it again.

    digests: the record also holds a digest of every target after every step, for `verify`; it costs a second run.
    """

    records = True

    def __init__(
        self,
        transforms: Sequence[GroupStep] | GroupStep,
        *args: Any,
        save_key: str = "replay",
        digests: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(transforms, *args, **kwargs)
        self.save_key = save_key
        self.digests = bool(digests)

    def arguments(self) -> dict[str, Any]:
        extra: dict[str, Any] = {} if self.save_key == "replay" else {"save_key": self.save_key}
        return {**super().arguments(), **extra, **({"digests": True} if self.digests else {})}

    def _attach(self, result: dict[str, Any], run: Run, targets: dict[str, Any], key: tuple[int | str, ...]) -> None:
        super()._attach(result, run, targets, key)
        result[self.save_key] = record = self._record(run, targets, key)
        if self.digests:
            # Without what only draws read; donors are those that were taken.
            known = {*self._known, *FORMS} - self._asked
            sample = {name: value for name, value in targets.items() if name in known}
            callables = {t.name: t for t in inner_transforms(self) if isinstance(t, Lambda) and t.name}
            record["digests"] = digests_of(
                Program.from_record(record), sample, callables, run.donors.taken if run.donors else None
            )

    @staticmethod
    def replay(saved_augmentations: object, **targets: Any) -> dict[str, Any]:
        """Run a record on a sample; see `augury.replay`."""
        return replay(saved_augmentations, **targets)
