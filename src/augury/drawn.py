"""Steps that were drawn before, as transforms of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augury.donors import Load
from augury.errors import RecordError, shown
from augury.execute import Run
from augury.fields import frozen, plain
from augury.groups import Group
from augury.program import Step
from augury.transform import REGISTRY, Transform, find_transform


def lowering(step: Step, callables: Mapping[str, Any]) -> Any:
    """What lowers a step: its transform's class, or an instance for transforms that are functions."""
    cls = find_transform(step.name, step.path)
    if step.version > cls.version:
        raise RecordError(
            f"{step.path}: recorded by {step.name} version {step.version}, this augury has version {cls.version}; "
            "update augury"
        )
    return cls.restore(dict(step.params), callables)


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

    @property
    def asks_for(self) -> Sequence[str]:
        return passed_for(self.step)


def passed_for(step: Step) -> tuple[str, ...]:
    """Under which names donors may be passed if a step takes some: its own, and those of steps that did not run."""
    key = step.params.get("metadata_key")
    if not isinstance(key, str):
        return ()
    return key, *(cls.fields["metadata_key"].default for cls in REGISTRY.values() if "metadata_key" in cls.fields)


class DrawnSteps(Group):
    """Steps that were drawn before, in order."""

    transforms: tuple[Drawn, ...]
    donors: Load | None = None

    def draw(self, branch: Any, run: Run, stream: Any) -> None:
        if self.donors is not None:
            run.load, run.donors = self.donors, None
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
