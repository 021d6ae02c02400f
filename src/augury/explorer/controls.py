"""Forms: a control for every value that a step drew, and for every field of a transform, from their own bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from augury.explorer.edits import spelled
from augury.fields import BORDERS, INTERPOLATIONS, Border, Field, Flag, Interpolation, Limits, Maybe, Option, plain
from augury.program import Step
from augury.rng import State, Stream, seeded
from augury.sample import Signature
from augury.transform import REGISTRY, Transform

MOST = 40
"""Values of one step that get a control; longer lists are only counted."""
_DRAWS = 64
_HIDDEN = frozenset({"shape", "init", "on_channels"})


def of_step(step: Step, drawing: Transform | None) -> list[dict[str, Any]]:
    """Controls of a step's values, those that its transform fixes last. drawing: what drew them, if known.

    A number's slider spans what the transform could have drawn, or all that its field accepts where that is not much
    more; without the transform, the surroundings of the value. Every number can also be typed.
    """
    cls = REGISTRY.get(step.name)
    fixed = {name for name, field in cls.fields.items() if field.keep} if cls is not None else set()
    spans = _spans(drawing, step)
    out: list[dict[str, Any]] = []
    for name, value in plain(step.params).items():
        if name in _HIDDEN or name == "key" or name.endswith("_key"):
            continue
        for place, leaf in _leaves(value, (name,)):
            if len(out) == MOST:
                return out
            control = _control(cls, name, place, leaf, spans.get(place))
            if control is not None:
                out.append(
                    {
                        "unit": "",
                        "drawn": None,
                        **control,
                        "fixed": name in fixed,
                        "target": f"{step.path}{spelled(place)}",
                        "label": spelled(place)[1:],
                    }
                )
    return sorted(out, key=lambda control: control["fixed"])


def _leaves(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, (*place, name))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _leaves(one, (*place, at))
    else:
        yield place, value


def _control(
    cls: type[Transform] | None, name: str, place: tuple[str | int, ...], value: Any, span: tuple[float, float] | None
) -> dict[str, Any] | None:
    field = cls.fields.get(name) if cls is not None else None
    options = _options(field) if len(place) == 1 else None
    if options is not None:
        return {"kind": "option", "value": value, "options": options}
    if isinstance(value, bool):
        return {"kind": "flag", "value": value}
    if isinstance(value, str):
        levels = _options(_source(cls, name)) if len(place) == 1 else None
        return {"kind": "option", "value": value, "options": levels} if levels else None
    if not isinstance(value, (int, float)):
        return None
    whole = isinstance(value, int)
    source = _source(cls, name) if len(place) == 1 else None
    low, high, step = _slider(source, float(value), span, whole)
    return {
        "kind": "number",
        "value": value,
        "low": float(f"{low:.9g}"),
        "high": float(f"{high:.9g}"),
        "step": step,
        "drawn": list(span) if span else None,
        "unit": source.unit if source is not None else "",
    }


def _source(cls: type[Transform] | None, name: str) -> Field[Any, Any] | None:
    """The field that a drawn value came from: of the same name, or its range."""
    for guess in (name, f"{name}_range", f"{name}_limit", f"{name}s"):
        if cls is not None and guess in cls.fields:
            field = cls.fields[guess]
            return field.inner if isinstance(field, Maybe) else field
    return None


def _slider(
    source: Field[Any, Any] | None, value: float, span: tuple[float, float] | None, whole: bool
) -> tuple[float, float, float]:
    """The ends of a slider, with the value between them, and its step."""
    low, high = span if span is not None and span[0] < span[1] else (value - abs(value), value + abs(value))
    wide = high - low or 1.0
    low, high = low - wide / 2, high + wide / 2
    bound_low, bound_high = getattr(source, "low", -math.inf), getattr(source, "high", math.inf)
    if span is None or bound_low <= span[0] <= span[1] <= bound_high:
        # Bounds of another unit than the value's would not hold what was drawn.
        low = bound_low if bound_low > low - 2 * wide else low
        high = bound_high if bound_high < high + 2 * wide else high
    if span is not None and span[0] >= 0:
        low = max(low, 0.0)
    if source is not None and source.unit == "degree":
        low, high = max(low, -180.0), min(high, 180.0)
    low, high = min(low, value), max(high, value)
    step = 1 if whole else _round_step((high - low) / 200)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def _round_step(rough: float) -> float:
    """A step of 1, 2 or 5 times a power of ten, at most `rough`."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1e-3
    return max(float(f"{m * power:.1g}") for m in (1, 2, 5) if m * power <= rough * 1.0000001) if rough > 0 else 1e-3


def _spans(drawing: Transform | None, step: Step) -> dict[tuple[str | int, ...], tuple[float, float]]:
    """Lowest and highest of each number that a transform draws for the shape that the step saw."""
    if drawing is None or drawing.needs != "signature" or "shape" not in step.params:
        return {}
    out: dict[tuple[str | int, ...], tuple[float, float]] = {}
    sig = Signature(tuple(step.params["shape"]), "uint8")
    for at in range(_DRAWS):
        try:
            drawn = plain(drawing.draw(sig, Stream(State(seeded(0), (at,)), step.path.encode())))
        except Exception:  # a transform of the user's own, or an image it does not accept: sliders do without
            return {}
        for place, value in _leaves(drawn, ()):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                low, high = out.get(place, (value, value))
                out[place] = min(low, value), max(high, value)
    return out


def _options(field: Field[Any, Any] | None) -> list[tuple[Any, str]] | None:
    """The values of a field that has few, each with its name."""
    if isinstance(field, Interpolation):
        return [(option, INTERPOLATIONS[option]) for option in field.options]
    if isinstance(field, Border):
        return [(option, BORDERS[option]) for option in field.options]
    if isinstance(field, Option):
        return [(option, str(option)) for option in field.options]
    return None


def of_field(name: str, field: Field[Any, Any], value: Any) -> dict[str, Any]:
    """The control of one field of a transform: number, range, flag, option, or JSON text for what has another shape."""
    value = plain(value)
    out: dict[str, Any] = {"name": name, "value": value, "unit": field.unit, "required": field.required}
    options = _options(field)
    if isinstance(value, dict) and {"schedule", "choice"} & value.keys():
        return {**out, "kind": "json"}
    if options is not None:
        return {**out, "kind": "option", "options": options}
    if isinstance(field, Flag):
        return {**out, "kind": "flag"}
    if isinstance(field, Limits) and isinstance(value, list) and len(value) == 2:
        return {**out, **_bounds(field), "kind": "range"}
    if hasattr(field, "bounds") and isinstance(value, (int, float)) and not isinstance(field, Limits):
        return {**out, **_bounds(field), "kind": "number"}
    return {**out, "kind": "json"}


def _bounds(field: Any) -> dict[str, Any]:
    low, high = (bound if math.isfinite(bound) else None for bound in (field.low, field.high))
    step = 1 if field.integer else 0.01 if low is not None and high is not None and high - low <= 1 else "any"
    return {"low": low, "high": high, "step": step}
