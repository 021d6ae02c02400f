"""From findings to a changed pipeline, shown as a diff; no file is touched.

A harmful range of a value is cut from the field that it is drawn from, and the cut is believed only after drawing shows
that the value stays out of that range. A step that harms without a range, or never runs, is taken out.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from augury.doctor import edited
from augury.doctor.edited import CHOOSING, Node, Place
from augury.errors import AuguryError
from augury.fields import Limits, Maybe
from augury.transform import Transform

if TYPE_CHECKING:
    from augury.doctor.results import Finding

DRAWS = 48  # draws that must stay out of a range before a cut is believed
_HARM = ("harmful", "label_mismatch", "too_strong")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: at which step, what was done, and the finding that asks for it."""

    path: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A pipeline before and after. changes: what was changed; unchanged: what findings ask for in vain."""

    before: Any
    after: Any
    changes: tuple[Change, ...]
    unchanged: tuple[Change, ...]

    @property
    def diff(self) -> str:
        """The change of the pipeline as Python, in unified form; empty if nothing changes."""
        return _diff(edited.source_of(self.before), edited.source_of(self.after), "pipeline.py")

    @property
    def json_diff(self) -> str:
        """The change of the pipeline as `augury.save` writes it, in unified form."""
        before, after = (json.dumps(edited.tree(one), indent=2) for one in (self.before, self.after))
        return _diff(before, after, "pipeline.json")

    def to_dict(self) -> Node:
        """The suggestion as plain JSON data; `pipeline` is what `augury.from_dict` reads."""
        lists = {"changes": self.changes, "unchanged": self.unchanged}
        return {
            **{name: [{"path": c.path, "text": c.text, "why": c.why} for c in all_] for name, all_ in lists.items()},
            "diff": self.diff,
            "pipeline": edited.tree(self.after),
        }


def suggest(pipeline: Any, findings: Iterable[Finding]) -> Suggestion:
    """A changed pipeline that answers the findings, the most severe first.

    pipeline: an object, or what `augury.to_dict` made of one; it stays as it is. Findings about samples, and about
    steps that the pipeline does not have, are passed over. Raises FieldError for a pipeline that cannot be saved.
    """
    before = edited.tree(pipeline)
    after = edited.copy(before)
    places = edited.places(after)
    asked: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.path in places and (finding.kind in _HARM or finding.kind == "dead_step"):
            asked.setdefault(finding.path, []).append(finding)
    changes: list[Change] = []
    unchanged: list[Change] = []
    gone: list[Place] = []
    for path, reasons in asked.items():
        place = places[path]
        ranged = [one for one in reasons if one.param is not None and one.range is not None]
        for one in ranged:
            text = _cut(place.node, one)
            (unchanged if text is None else changes).append(
                Change(path, text or f"no field of {place.node['__class_fullname__']} keeps {one.param} out", one.title)
            )
        if ranged:
            continue
        first = reasons[0]
        if first.kind == "too_strong" or first.param is not None:
            unchanged.append(Change(path, "no range to cut; try weaker settings or a lower p", first.title))
        else:
            gone.append(place)
            changes.append(Change(path, "taken out", first.title))
    _take_out(gone)
    return Suggestion(edited.built(before), edited.built(after), tuple(changes), tuple(unchanged))


def _take_out(gone: Sequence[Place]) -> None:
    """Remove steps; one that a group chooses among others leaves a NoOp, so that the others run as often as before."""
    for place in sorted(gone, key=lambda place: -place.at):
        if place.group in CHOOSING:
            place.siblings[place.at] = {"__class_fullname__": "NoOp", "p": place.node.get("p", 0.5)}
        else:
            del place.siblings[place.at]


def _cut(node: Node, finding: Finding) -> str | None:
    """Narrow the field that a finding's value is drawn from; what was done, or None if no field does it."""
    low, high = finding.range or (None, None)
    low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
    magnitude = bool(finding.evidence.get("magnitude"))
    if magnitude:
        low = max(low, 0.0)

    def harmful(value: float) -> bool:
        return low < (abs(value) if magnitude else value) < high

    transform = edited.leaf({**node, "p": 1.0})
    names = sorted(transform.fields, key=lambda name: not name.startswith(str(finding.param).partition("[")[0]))
    for name in names:
        field, value = transform.fields[name], getattr(transform, name)
        field = field.inner if isinstance(field, Maybe) else field
        if not isinstance(field, Limits) or value is None:
            continue
        found = _narrowed(transform, name, str(finding.param), value, harmful)
        if found is not None:
            node[name] = list(found)
            return f"{name}={found} instead of {value}"
    return None


def _narrowed(
    transform: Transform, name: str, param: str, value: tuple[float, float], harmful: Callable[[float], bool]
) -> tuple[float, float] | None:
    """The widest part of a field's range, from a grid over it, whose draws all lie outside the harmful range."""
    whole = isinstance(value[0], int)
    grid = [value[0] + (value[1] - value[0]) * i / 64 for i in range(65)]
    grid = sorted({round(x) for x in grid}) if whole else grid

    def fine(x: float) -> bool:
        got = _drawn(transform.replace(**{name: (x, x)}), param, 0)
        return got is not None and not harmful(got)

    try:
        good = [fine(x) for x in grid]
        if all(good) or not any(good):
            return None
        start, stop = max(_stretches(good), key=lambda part: part[1] - part[0])
        low, high = grid[start], grid[stop]
        if not whole:
            low = low if start == 0 else _edge(fine, low, grid[start - 1])
            high = high if stop == len(grid) - 1 else _edge(fine, high, grid[stop + 1])
    except AuguryError:
        return None
    kept = (_inward(low, whole, math.ceil), _inward(high, whole, math.floor))
    changed = transform.replace(**{name: kept})
    draws = [_drawn(changed, param, key) for key in range(DRAWS)]
    return kept if all(got is not None and not harmful(got) for got in draws) else None


def _stretches(good: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of True."""
    for value, run in groupby(range(len(good)), key=good.__getitem__):
        if value:
            places = list(run)
            yield places[0], places[-1]


def _edge(fine: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last fine number from `inside` towards `outside`, by halving."""
    for _ in range(20):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if fine(middle) else (inside, middle)
    return inside


def _inward(x: float, whole: bool, rounding: Callable[[float], int]) -> float:
    """A number with three digits, rounded towards the inside of the range unless it is three digits but for noise."""
    if whole or x == 0:
        return x
    unit = 10.0 ** (math.floor(math.log10(abs(x))) - 2)
    return round(rounding(round(x / unit, 3)) * unit, 12)


def _drawn(transform: Transform, param: str, key: int) -> float | None:
    """The value that a step draws; None if it has no such value or it is no number."""
    name, bracket, index = param.partition("[")
    pipeline = edited.noting({"library": "augury", "format": 1, "transform": {
        "__class_fullname__": "ReplayCompose", "transforms": [transform.to_dict()]}}, 0)  # fmt: skip
    value = edited.steps(pipeline, (key,), edited.sample(64))[0].get("params", {}).get(name)
    if bracket and isinstance(value, (list, tuple)):
        value = value[int(index.rstrip("]"))]
    return float(value) if isinstance(value, (int, float)) else None


def _diff(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} as it is", f"{name} as suggested", lineterm=""
    )
    return "\n".join(lines)
