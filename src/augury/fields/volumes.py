"""Sizes and axes of a volume, whose axes 0, 1, 2 are z, y, x."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from augury.fields.field import REQUIRED, number
from augury.fields.nested import Plain
from augury.fields.numbers import Limits


class Voxels(Plain):
    """Integers of at least `least`, one for each of depth, height and width.

    sides: also one integer for all, or six: two for each axis.
    """

    def __init__(
        self, *, default: Any = REQUIRED, least: int = 1, sides: bool = False, unit: str = "voxel", keep: bool = False
    ) -> None:
        many = (3, 6) if sides else (3,)
        rule = "pass (depth, height, width), integers" + (
            ", or one of them for all sides, or (front, behind, top, bottom, left, right)" if sides else ""
        )

        def check(value: Any) -> Any:
            if sides and not hasattr(value, "__len__"):
                return integers((value,), (1,), least, rule)[0]
            return integers(value, many, least, rule)

        one: dict[str, Any] = {"type": "integer", "minimum": least}
        forms: list[dict[str, Any]] = [{"type": "array", "items": one, "minItems": n, "maxItems": n} for n in many]
        super().__init__(
            default=default,
            check=check,
            shape={"anyOf": [one, *forms]} if sides else forms[0],
            examples=((2, 3, 4), (5, 12, 9), *((2, (0, 1, 2, 3, 4, 5)) if sides else ())),
            unit=unit,
            keep=keep,
        )


class VolumeAxes(Plain):
    """Different axes of a volume, as many as one of `counts` says."""

    def __init__(self, *, default: Any = REQUIRED, counts: Sequence[int] = (1, 2, 3)) -> None:
        super().__init__(
            default=default,
            check=lambda value: axes(value, counts),
            shape={"type": "array", "items": {"enum": [0, 1, 2]}, "minItems": min(counts), "maxItems": max(counts)},
            examples=((2, 1), *(((0,),) if 1 in counts else ())),
        )


class AxisPairs(Plain):
    """A non-empty list of pairs of different axes of a volume."""

    def __init__(self, *, default: Any) -> None:
        def check(value: Any) -> tuple[tuple[int, ...], ...]:
            if not isinstance(value, (list, tuple)) or not value:
                raise ValueError("pass a non-empty list of pairs of axes, such as [(0, 1), (1, 2)]")
            return tuple(axes(pair, (2,)) for pair in value)

        pair = {"type": "array", "items": {"enum": [0, 1, 2]}, "minItems": 2, "maxItems": 2}
        shape = {"type": "array", "items": pair, "minItems": 1}
        super().__init__(default=default, check=check, shape=shape, examples=(((1, 2),), ((2, 0), (0, 1))))


class ByAxis(Plain):
    """A range for each of "x", "y" and "z", as a dict, where `neutral` is meant for axes that are left out; or one
    range, or number for a range, for all three.
    """

    def __init__(self, *, neutral: float, low: float = -math.inf, unit: str) -> None:
        limits = Limits(low=low, open_low=low == 0, scalar="symmetric" if neutral == 0 else "fixed")

        def check(value: Any) -> dict[str, tuple[float, float]]:
            given: Any = dict(value) if isinstance(value, Mapping) else dict.fromkeys("xyz", value)
            if not given.keys() <= set("xyz"):
                raise ValueError("pass ranges for 'x', 'y' and 'z', such as {'z': (-15, 15)}, or one range for all")
            return {axis: limits.convert(given.get(axis, (neutral, neutral))) for axis in "xyz"}

        super().__init__(
            default=dict.fromkeys("xyz", (neutral, neutral)),
            check=check,
            shape={
                "type": "object",
                "properties": {axis: limits.form() for axis in "xyz"},
                "additionalProperties": False,
            },
            examples=({"x": (neutral, neutral + 0.2), "z": (neutral + 0.1, neutral + 0.3)}, (neutral, neutral + 0.1)),
            unit=unit,
        )


def integers(value: Any, counts: Sequence[int], least: int, rule: str) -> tuple[int, ...]:
    """`value` as a tuple of so many integers of at least `least`; ValueError otherwise."""
    rule = f"{rule}, each at least {least}"
    if not hasattr(value, "__len__") or isinstance(value, (str, Mapping)) or len(value) not in counts:
        raise ValueError(rule)
    out = [number(one, rule) for one in value]
    if any(one != int(one) or one < least for one in out):
        raise ValueError(rule)
    return tuple(map(int, out))


def axes(value: Any, counts: Sequence[int]) -> tuple[int, ...]:
    """`value` as a tuple of different axes; ValueError otherwise."""
    rule = f"pass {' or '.join(map(str, counts))} of the axes 0, 1, 2, none of them twice"
    out = integers(value, counts, 0, rule)
    if max(out) > 2 or len(set(out)) < len(out):
        raise ValueError(rule)
    return out
