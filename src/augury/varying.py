"""Values that a field takes on at a call: by schedule, a function of progress, or by choice from a list.

Progress is how far training is, from 0 at its start to 1 at its end. Values may be numbers, tuples or dicts of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augury.errors import FieldError, RecordError, shown
from augury.fields import Field, Varying, frozen, number, plain

# Where every schedule is looked at when it is built, beside its knots.
PROGRESSES = tuple(i / 10 for i in range(11))


class Schedule(Varying):
    """A value for every progress from 0 to 1. knots: where the value bends or jumps."""

    @property
    def knots(self) -> tuple[float, ...]:
        return ()

    def at(self, progress: float) -> Any:
        """The value at a progress in [0, 1]."""
        raise NotImplementedError

    def fit(self, progress: float, field: Field[Any, Any] | None) -> Any:
        """The value as the field is given it."""
        return self.at(progress)


@dataclass(frozen=True, repr=False)
class _Ramp(Schedule):
    kind: str
    start: Any
    stop: Any
    begin: float
    end: float

    def __repr__(self) -> str:
        when = "" if (self.begin, self.end) == (0, 1) else f", begin={self.begin!r}, end={self.end!r}"
        return f"{self.kind}({self.start!r}, {self.stop!r}{when})"

    @property
    def knots(self) -> tuple[float, ...]:
        return self.begin, self.end

    def at(self, progress: float) -> Any:
        if progress <= self.begin:
            return self.start
        if progress >= self.end:
            return self.stop
        share = (progress - self.begin) / (self.end - self.begin)
        if self.kind == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return _blended(self.start, self.stop, share)

    def fit(self, progress: float, field: Field[Any, Any] | None) -> Any:
        value = self.at(progress)
        if field is None or not self.begin < progress < self.end:
            return value
        try:
            field.convert(value)
        except ValueError:
            # Between two whole numbers a field of whole numbers gets whole ones; the ends are as they were given.
            return _rounded(value)
        return value

    def to_dict(self) -> dict[str, Any]:
        out = {"schedule": self.kind, "start": plain(self.start), "stop": plain(self.stop)}
        return out if (self.begin, self.end) == (0, 1) else {**out, "begin": self.begin, "end": self.end}


def linear(start: Any, stop: Any, *, begin: float = 0.0, end: float = 1.0) -> Schedule:
    """A schedule that goes from start to stop in a straight line; it rests before progress `begin` and after `end`.

    start, stop: numbers, or tuples, lists or dicts of one form, which are interpolated number by number. Where a field
    takes whole numbers only, values in between are rounded. Raises FieldError for anything else.
    """
    return _ramp("linear", start, stop, begin, end)


def cosine(start: Any, stop: Any, *, begin: float = 0.0, end: float = 1.0) -> Schedule:
    """As `linear`, along half a cosine wave: slow at both ends, fastest in the middle."""
    return _ramp("cosine", start, stop, begin, end)


def _ramp(kind: str, start: Any, stop: Any, begin: float, end: float) -> Schedule:
    try:
        start, stop = frozen(plain(start)), frozen(plain(stop))
        _blended(start, stop, 0.5)
    except ValueError as error:
        raise FieldError(f"{kind}: got {shown(start)} and {shown(stop)}; {error}") from None
    begin, end = progress_of(begin, f"{kind}.begin"), progress_of(end, f"{kind}.end")
    if begin >= end:
        raise FieldError(f"{kind}.begin: got {begin} with end={end}; pass a begin below the end")
    return _Ramp(kind, start, stop, begin, end)


def _blended(start: Any, stop: Any, share: float) -> Any:
    rule = "pass two numbers, or two tuples or dicts of numbers of one form; for other values there is steps"
    if isinstance(start, tuple) and isinstance(stop, tuple) and len(start) == len(stop):
        return tuple(_blended(a, b, share) for a, b in zip(start, stop, strict=True))
    if isinstance(start, dict) and isinstance(stop, dict) and start.keys() == stop.keys():
        return {key: _blended(start[key], stop[key], share) for key in start}
    if start == stop and type(start) is type(stop):
        return start
    first, last = number(start, rule), number(stop, rule)
    return first + (last - first) * share


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return round(value) if isinstance(value, float) else value


def progress_of(value: Any, where: str) -> float:
    """`value` as a progress, a number from 0 to 1; FieldError naming `where` otherwise."""
    rule = "pass a number from 0 to 1"
    try:
        if 0 <= (out := number(value, rule)) <= 1:
            return out
    except ValueError:
        pass
    raise FieldError(f"{where}: got {shown(value)}; {rule}")


@dataclass(frozen=True, repr=False)
class _Steps(Schedule):
    pairs: tuple[tuple[float, Any], ...]

    def __repr__(self) -> str:
        return f"steps({dict(self.pairs)!r})"

    @property
    def knots(self) -> tuple[float, ...]:
        return tuple(progress for progress, _ in self.pairs)

    def at(self, progress: float) -> Any:
        return [value for since, value in self.pairs if since <= progress][-1]

    def to_dict(self) -> dict[str, Any]:
        return {"schedule": "steps", "values": [[since, plain(value)] for since, value in self.pairs]}


def steps(values: Mapping[float, Any]) -> Schedule:
    """A schedule that jumps: each value holds from its progress, the key, until the next one's.

    values: any plain data by progress; one begins at 0. Raises FieldError otherwise.
    """
    if not hasattr(values, "items") or not values:
        raise FieldError(f"steps: got {shown(values)}; pass a dict such as {{0.0: a, 0.5: b}}")
    pairs = []
    for since, value in values.items():
        try:
            pairs.append((progress_of(since, "steps"), frozen(plain(value))))
        except ValueError as error:
            raise FieldError(f"steps: {error}") from None
    pairs.sort(key=lambda pair: pair[0])
    if pairs[0][0] != 0:
        raise FieldError(f"steps: got {shown(dict(values))}; say with key 0 what holds at the start")
    return _Steps(tuple(pairs))


@dataclass(frozen=True, repr=False)
class _Function(Schedule):
    function: Callable[[float], Any]

    def __repr__(self) -> str:
        return f"schedule({getattr(self.function, '__qualname__', type(self.function).__qualname__)})"

    def at(self, progress: float) -> Any:
        return self.function(progress)

    def to_dict(self) -> dict[str, Any]:
        raise ValueError("its schedule is a function; use A.linear, A.cosine or A.steps for pipelines that are saved")


def schedule(function: Callable[[float], Any]) -> Schedule:
    """A schedule from your own function of progress, which has to give the same value for the same progress.

    A pipeline that holds one cannot be saved; records of its calls hold the drawn values and replay without it.
    """
    if not callable(function):
        raise FieldError(f"schedule: got {shown(function)}; pass a function of progress, a number from 0 to 1")
    return _Function(function)


@dataclass(frozen=True, repr=False)
class Choice(Varying):
    """A field's value that every call draws from a list."""

    values: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"choice({list(self.values)!r})"

    def to_dict(self) -> dict[str, Any]:
        return {"choice": plain(self.values)}


def choice(values: Sequence[Any]) -> Choice:
    """A field's value that every call draws from a list, all entries equally likely; the step records what it got.

    values: what the field accepts, as plain data, at least one. Raises FieldError otherwise.
    """
    if not isinstance(values, (list, tuple)) or not values:
        raise FieldError(f"choice: got {shown(values)}; pass a list of at least one value")
    try:
        return Choice(frozen(plain(values)))
    except ValueError as error:
        raise FieldError(f"choice: {error}") from None


def read(raw: Any, where: str) -> Any:
    """A schedule or choice from its JSON form, any other value as it is; RecordError naming `where` if damaged."""
    if not isinstance(raw, Mapping) or not {"schedule", "choice"} & raw.keys():
        return raw
    try:
        kind = raw.get("schedule", "choice")
        if kind == "choice":
            return choice(raw["choice"])
        if kind == "steps":
            return steps(dict(raw["values"]))
        if kind in ("linear", "cosine"):
            return _ramp(kind, raw["start"], raw["stop"], raw.get("begin", 0.0), raw.get("end", 1.0))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{where}: got {shown(raw)}, which is damaged ({error}); save the pipeline again") from None
    raise RecordError(f"{where}: got the schedule {shown(kind)}; known are linear, cosine and steps")
