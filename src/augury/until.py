"""Draw again until the result is accepted: `Until`, and what results are most often asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from augury.errors import AuguryError, FieldError, RecordError, SampleError, StepError, shown
from augury.execute import Run
from augury.fields import number
from augury.groups import Branch, Group, Step
from augury.rng import Stream
from augury.varying import Schedule

OTHERWISE = ("skip", "keep", "raise")
# A record lists so many rejected tries, so that it stays small; paths of later tries go on counting.
LISTED = 10


class Result(dict[str, Any]):
    """The targets after a try, by name: arrays read-only, labels in the caller's format, those that are left."""

    def __init__(self, run: Run, start: Run) -> None:
        super().__init__(_targets(run))
        self._start = start

    @cached_property
    def before(self) -> dict[str, Any]:
        """The same targets before the try."""
        return _targets(self._start.copy())


def _targets(run: Run) -> dict[str, Any]:
    run.flush()
    height, width = run.sig.shape[:2]
    out = {name: _locked(value) for name, value in run.arrays.items()}
    for track in run.tracks:
        left = track.copy()
        if left.unchecked:
            left.check(left.unchecked, height, width)
        out[left.name] = left.write(height, width)
        if left.name == left.role:
            for field in left.params.label_fields or ():
                out[field] = left.select(run.extras[field], field)
    return out


def _locked(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    elif isinstance(value, (list, tuple)):
        return [_locked(one) for one in value]
    return value


class Until(Group):
    """All transforms in order, drawn and run again until the result is accepted.

    accept: a function of the result, a dict of targets by name whose `before` holds them before the try; it returns
    True, or False or the reason for a rejection as text. `boxes_left` and `mask_left` make such functions.
    tries: how often the transforms are drawn at most. otherwise, after the last rejection: "skip" leaves the sample as
    it was before, "keep" keeps the last try, "raise" raises SampleError.
    name: under which `accept` is saved; pass it again to `load(..., nonserializable={name: accept})`.
    A record holds the first 10 rejected tries, with the reason; replay runs what was accepted, and needs no `accept`.
    """

    def __init__(
        self,
        transforms: Sequence[Step] | Step,
        accept: Callable[[Result], Any],
        tries: int = 5,
        otherwise: str = "skip",
        name: str | None = None,
        p: float | Schedule = 1.0,
    ) -> None:
        super().__init__(transforms, p)
        if not callable(accept):
            raise FieldError(
                f"Until.accept: got {shown(accept)}; pass a function of the result that returns True, False or a reason"
            )
        if type(tries) is not int or tries < 1:
            raise FieldError(f"Until.tries: got {shown(tries)}; pass an integer of at least 1")
        if otherwise not in OTHERWISE:
            raise FieldError(f"Until.otherwise: got {shown(otherwise)}; pass {', '.join(map(repr, OTHERWISE))}")
        if name is not None and not isinstance(name, str):
            raise FieldError(f"Until.name: got {shown(name)}; pass text, or None")
        self.accept, self.tries, self.otherwise, self.name = accept, tries, otherwise, name

    def arguments(self) -> dict[str, Any]:
        named = {} if self.name is None else {"name": self.name}
        return {"accept": self.accept, "tries": self.tries, "otherwise": self.otherwise, **named, "p": self.p}

    def _plain_arguments(self) -> dict[str, Any]:
        if isinstance(self.accept, Left):
            return super()._plain_arguments()
        if self.name is None:
            raise FieldError("Until.name: got None; give the function `accept` a name to save the pipeline")
        return {**self.rebuilt((), accept=_NOTHING)._plain_arguments(), "accept": {"name": self.name}}

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        # Rewriting with equal bits may stop here. Merged resamplings may not: replay, which does not stop, would merge
        # others. Then a copy of the run is looked at.
        merges = run.fuse == "close"
        if not merges:
            run.flush()
        start, outer = run.copy(), run.again
        noted, applied = len(run.steps or ()), len(run.applied or ())
        reason: str | None = None
        for i in range(self.tries):
            # As for children that run again: first tries keep their paths.
            run.again = f"{outer}~{i}" if outer or i else ""
            super().draw(branch, run, stream)
            run.again = outer
            reason = self._rejection(branch.path, Result(run.copy() if merges else run, start))
            if reason is None:
                return
            kept = self.otherwise == "keep" and i + 1 == self.tries
            if run.steps is not None:
                run.steps[noted:] = _rejected(run.steps[noted:], reason, kept) if kept or i < LISTED else []
                noted = len(run.steps)
            if kept:
                return
            if run.applied is not None:
                del run.applied[applied:]
            run.go_back_to(start)
        if self.otherwise == "raise":
            raise SampleError(
                f"{branch.path}: {self.tries} tries were rejected, the last for: {reason}; raise tries, widen what is "
                "drawn or accepted, or pass otherwise='skip'"
            )

    def _rejection(self, path: str, result: Result) -> str | None:
        """Why a try is rejected; None if it is not."""
        try:
            verdict = self.accept(result)
        except AuguryError:
            raise
        except Exception as error:
            raise StepError(f"{path}.accept: {type(error).__name__}: {error}") from error
        if isinstance(verdict, str):
            return verdict or "rejected"
        if isinstance(verdict, (bool, np.bool_)):
            return None if verdict else "rejected"
        raise SampleError(f"{path}.accept: returned {shown(verdict)}; return True, or False or a reason as text")


def _rejected(steps: Sequence[dict[str, Any]], reason: str, kept: bool) -> list[dict[str, Any]]:
    """The steps of a rejected try as records keep them: those that ran, and why the try was rejected; all if kept."""
    status = "applied" if kept else "rejected"
    return [
        {**step, "status": status, "reason": reason} if step["status"] == "applied" else step
        for step in steps
        if kept or step["status"] in ("applied", "rejected")
    ]


# ---- what is asked for most ------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Left:
    """A condition on what is left of a target; `boxes_left` and `mask_left` make it."""

    of: str
    least: float
    target: str

    def __repr__(self) -> str:
        default = {"boxes_left": "bboxes", "mask_left": "mask"}[self.of]
        return f"{self.of}({self.least!r}{'' if self.target == default else f', {self.target!r}'})"

    def __call__(self, result: Result) -> bool | str:
        if self.target not in result:
            raise SampleError(f"{self.of}: the call has no {self.target!r}; pass it, or name another target")
        if self.of == "boxes_left":
            count = len(result[self.target])
            return count >= self.least or f"{count} of {len(result.before[self.target])} boxes left"
        had, has = (_filled(one[self.target]) for one in (result.before, result))
        return has >= self.least * had or f"{has} of {had} mask pixels left"

    def to_dict(self) -> dict[str, Any]:
        return {"of": self.of, "least": self.least, "target": self.target}


_NOTHING = Left("boxes_left", 0, "bboxes")


def boxes_left(least: int = 1, target: str = "bboxes") -> Left:
    """For `Until`: at least so many boxes (or keypoints, as target) are left."""
    if type(least) is not int or least < 0:
        raise FieldError(f"boxes_left.least: got {shown(least)}; pass an integer of at least 0")
    return Left("boxes_left", least, _text(target, "boxes_left"))


def mask_left(least: float, target: str = "mask") -> Left:
    """For `Until`: at least this fraction of the mask's pixels that are not 0 is left; counted, so resize later."""
    rule = "pass a fraction from 0 to 1"
    try:
        least = number(least, rule)
        if not 0 <= least <= 1:
            raise ValueError(rule)
    except ValueError:
        raise FieldError(f"mask_left.least: got {shown(least)}; {rule}") from None
    return Left("mask_left", least, _text(target, "mask_left"))


def _text(target: object, where: str) -> str:
    if not isinstance(target, str):
        raise FieldError(f"{where}.target: got {shown(target)}; pass the name of a target")
    return target


def _filled(value: Any) -> int:
    frames = value if isinstance(value, (list, tuple)) else [value]
    return sum(int(np.count_nonzero(np.asarray(frame))) for frame in frames)


def read_accept(raw: Any, functions: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`accept`, and its name, from the JSON form of an Until; RecordError naming `where` if it cannot be found."""
    if not isinstance(raw, Mapping) or not {"of", "name"} & raw.keys():
        raise RecordError(f"{where}: got {shown(raw)}; pass {{'of': 'boxes_left', 'least': 1}} or {{'name': ...}}")
    name = raw.get("name")
    if name is not None:
        if name not in functions:
            raise RecordError(f"{where}: {shown(name)} is not in the file; pass nonserializable={{{name!r}: accept}}")
        return {"accept": functions[name], "name": name}
    makers: dict[Any, Callable[..., Left]] = {"boxes_left": boxes_left, "mask_left": mask_left}
    if raw["of"] not in makers:
        raise RecordError(f"{where}: got {shown(raw['of'])}; known are {', '.join(makers)}")
    return {"accept": makers[raw["of"]](**{k: v for k, v in raw.items() if k in ("least", "target")})}
