"""Edits of a drawn program, as a list of short texts that a URL holds: `off PATH`, `on PATH`, `set PATH.VALUE JSON`.

`off` leaves a step out. `on` runs it again, and a step that chance left out with the values that it would have drawn:
its stream depends on nothing but seed, key and path. `set` changes a value: `Rotate.angle`, `Affine.scale.x`,
`CoarseDropout.holes[0][2]`. Undo is a shorter list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from augury.errors import FieldError, RecordError, shown
from augury.fields import frozen, plain
from augury.program import Program, Step
from augury.replay import open_run, queue

LONGEST = 200
_PART = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")


class Edit(NamedTuple):
    """What is done to the step at `path`; for "set", at which place of its values, and the new one."""

    verb: str
    path: str
    place: tuple[str | int, ...] = ()
    value: Any = None

    def __str__(self) -> str:
        if self.verb != "set":
            return f"{self.verb} {self.path}"
        return f"set {self.path}{spelled(self.place)} {json.dumps(self.value, separators=(',', ':'))}"


def read(texts: Sequence[str]) -> tuple[Edit, ...]:
    """Edits from a URL; FieldError naming one that cannot be read."""
    if len(texts) > LONGEST:
        raise FieldError(f"edit: got {len(texts)} edits; undo some, at most {LONGEST} are kept")
    return tuple(_read(text) for text in texts)


def _read(text: str) -> Edit:
    verb, _, rest = text.partition(" ")
    if verb in ("off", "on") and rest:
        return Edit(verb, rest)
    target, _, value = rest.partition(" ")
    path, dot, place = target.partition(".")
    if verb == "set" and path and dot:
        parts = [name or int(number) for name, number in _PART.findall(f".{place}")]
        if spelled(parts) == f".{place}":
            try:
                return Edit("set", path, tuple(parts), json.loads(value, parse_constant=_no_constant))
            except ValueError:
                pass
    raise FieldError(f"edit: got {shown(text)}; pass 'off PATH', 'on PATH' or 'set PATH.VALUE JSON'")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def spelled(place: Sequence[str | int]) -> str:
    """A place as it is written: `.scale.x`, `.holes[0][2]`."""
    return "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in place)


def put(value: Any, place: Sequence[str | int], new: Any, where: str) -> Any:
    """`value` with what stands at a place replaced; RecordError naming `where` if there is no such place."""
    if not place:
        return new
    first, rest = place[0], place[1:]
    if isinstance(value, Mapping) and first in value:
        return {**value, first: put(value[first], rest, new, where)}
    if isinstance(value, (list, tuple)) and isinstance(first, int) and first < len(value):
        return [put(one, rest, new, where) if i == first else plain(one) for i, one in enumerate(value)]
    raise RecordError(f"{where}: no such value; the step's values are shown below its picture")


class Edited(NamedTuple):
    """A program after its edits. off: paths that were left out; drawn: paths that chance had left out."""

    program: Program
    off: frozenset[str]
    drawn: frozenset[str]
    values: Mapping[str, Mapping[str, Any]]


def apply(program: Program, edits: Sequence[Edit], pipeline: Any, sample: Mapping[str, Any] | None) -> Edited:
    """The program after its edits. pipeline, sample: what the values of a step that chance left out are drawn from."""
    known = {step.path: step for step in program.steps}
    off: set[str] = set()
    drawn: dict[str, Step] = {}
    values: dict[str, dict[str, Any]] = {}
    for edit in edits:
        step = drawn.get(edit.path) or known.get(edit.path)
        if step is None:
            raise RecordError(f"{edit.path}: no such step in this record; there are {', '.join(known) or 'none'}")
        if edit.verb == "off":
            off.add(edit.path)
            continue
        if edit.verb == "on":
            off.discard(edit.path)
            if step.status == "rejected":
                params = {k: v for k, v in step.params.items() if k != "shape"}
                drawn[edit.path] = replace(step, status="applied", params=params, reason="")
            elif step.status != "applied":
                drawn[edit.path] = draw_step(program, edit.path, pipeline, sample)
            continue
        if step.status != "applied":
            raise RecordError(f"{edit.path}: did not run, so it has no values; switch it on first")
        where = f"{edit.path}{spelled(edit.place)}"
        name = edit.place[0]
        held = values.setdefault(edit.path, {})
        if name not in step.params or not isinstance(name, str):
            raise RecordError(f"{where}: no such value; this step has {', '.join(step.params)}")
        held[name] = put(plain(held.get(name, step.params[name])), edit.place[1:], edit.value, where)
    if not edits:
        return Edited(program, frozenset(), frozenset(), {})
    out = program
    for path, step in drawn.items():
        at = next(i for i, one in enumerate(out.steps) if one.path == path)
        later = (replace(s, params={k: v for k, v in s.params.items() if k != "shape"}) for s in out.steps[at + 1 :])
        out = replace(out, steps=(*out.steps[:at], step, *later), digests=(), edited=True)
    for path, changed in values.items():
        out = out.set(path, **changed)
    for path in off:
        if any(step.path == path and step.status == "applied" for step in out.steps):
            out = out.drop(path)
    return Edited(out, frozenset(off), frozenset(drawn), values)


def draw_step(program: Program, path: str, pipeline: Any, sample: Mapping[str, Any] | None) -> Step:
    """The step that chance left out, with the values that it would have drawn."""
    plan = None if pipeline is None else pipeline._plan_at(program.progress)
    leaf = None if plan is None else next((one for one in plan.leaves() if one.path == path), None)
    if leaf is None:
        raise RecordError(f"{path}: did not run, and the manifest has no pipeline that says what it would have drawn")
    if sample is None:
        raise RecordError(f"{path}: did not run, and without the sample it cannot be drawn; start with --data")
    at = next(i for i, step in enumerate(program.steps) if step.path == path)
    run = open_run(replace(program, steps=program.steps[:at]), sample)
    for _ in queue(run, replace(program, steps=program.steps[:at])):
        pass
    run.noting, run.steps = True, []
    leaf.draw(run, forced=True)
    raw = run.steps[-1]
    return Step(path, raw["name"], "applied", frozen(dict(raw.get("params", {}))), raw.get("version", 1))
