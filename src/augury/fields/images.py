"""Sizes, lengths, places and colours of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augury.fields.field import REQUIRED, Field, number
from augury.fields.nested import Plain
from augury.fields.numbers import Limits, Numbers


class Size(Field[Sequence[int], tuple[int, int]]):
    """(height, width) in pixels, each at least 1."""

    def convert(self, value: Any) -> tuple[int, int]:
        rule = "pass two integers (height, width), each at least 1"
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or len(value) != 2:
            raise ValueError(rule)
        h, w = number(value[0], rule), number(value[1], rule)
        if h != int(h) or w != int(w) or h < 1 or w < 1:
            raise ValueError(rule)
        return int(h), int(w)

    def form(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}


class Lengths(Field[Any, tuple[float, float]]):
    """A range (low, high) of lengths: fractions of a side in [0, 1] (floats), or pixels (integers, both ends meant)."""

    examples = ((0.1, 0.3), (2, 8))

    def convert(self, value: Any) -> tuple[float, float]:
        rule = "pass two numbers (low, high): fractions of the image in [0, 1], or whole pixels as integers"
        pair = value if isinstance(value, (list, tuple)) else (value, value)
        if len(pair) != 2:
            raise ValueError(rule)
        low, high = number(pair[0], rule), number(pair[1], rule)
        if not 0 <= low <= high:
            raise ValueError(rule)
        if high <= 1 and not (isinstance(low, int) and isinstance(high, int)):
            return float(low), float(high)
        if low != int(low) or high != int(high):
            raise ValueError(rule)
        return int(low), int(high)

    def form(self) -> dict[str, Any]:
        return {"type": ["array", "number"], "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2}

    @staticmethod
    def pixels(limits: tuple[float, float], side: int) -> tuple[float, float]:
        """Ends of the half-open range whose whole parts are the lengths in pixels."""
        low, high = limits
        return (low, high + 1) if isinstance(low, int) else (low * side, high * side)


class Sides(Field[Any, Any]):
    """An amount, a range of amounts (low, high), or one of these for each side: top, right, bottom, left.

    limits: what a range accepts; one number is stored as it is.
    """

    def __init__(self, limits: Limits, *, default: Any = REQUIRED) -> None:
        super().__init__(default=default, unit=limits.unit)
        self.limits = limits
        self.examples = (-3, (-2, 4), (1, -2, (3, 5), 0)) if limits.integer else (0.1, (-0.2, 0.1))

    def convert(self, value: Any) -> Any:
        many = hasattr(value, "__len__") and not isinstance(value, (str, Mapping))
        if many and len(value) not in (2, 4):
            raise ValueError("pass an amount, a range (low, high), or four of these (top, right, bottom, left)")
        return tuple(map(self._amount, value)) if many and len(value) == 4 else self._amount(value)

    def _amount(self, value: Any) -> Any:
        low, high = self.limits.convert(value)
        return (low, high) if hasattr(value, "__len__") else low

    def form(self) -> dict[str, Any]:
        return {"anyOf": [self.limits.bounds(), {"type": "array", "minItems": 2, "maxItems": 4}]}


class Axes(Plain):
    """A range for x and y alike, or {"x": ..., "y": ...} with one or both; stored as the dict of both.

    limits: what each range accepts. missing: the value of an axis that is left out. together: a range for both stays
    one, from which one value is drawn for both.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        missing: float = 0.0,
        together: bool = False,
        default: Any = REQUIRED,
        examples: Sequence[Any] = (),
    ) -> None:
        pair = limits.form()
        one = [{"type": pair["items"]["type"]}, pair]
        both = {"type": "object", "properties": {"x": {"anyOf": one}, "y": {"anyOf": one}}}
        super().__init__(
            default=default, check=self.axes, shape={"anyOf": [*one, both]}, examples=examples, unit=limits.unit
        )
        self.aliases, self.limits, self.missing, self.together = limits.aliases, limits, missing, together

    def axes(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            both = self.limits.convert(value)
            return both if self.together else {"x": both, "y": both}
        if not value or set(value) - {"x", "y"}:
            raise ValueError("pass a number, a pair (low, high), or a dict with 'x', 'y' or both")
        return {axis: self.limits.convert(value.get(axis, (self.missing, self.missing))) for axis in ("x", "y")}


class Region(Numbers):
    """A box (x_min, y_min, x_max, y_max) in fractions of the image's size."""

    def __init__(self, *, default: Sequence[float], keep: bool = False) -> None:
        super().__init__(default=default, sides=(4,), high=1, examples=((0.2, 0.1, 0.8, 1),), keep=keep)

    def convert(self, value: Any) -> Any:
        x_min, y_min, x_max, y_max = region = super().convert(value)
        if x_min > x_max or y_min > y_max:
            raise ValueError("pass (x_min, y_min, x_max, y_max) with each min at most its max")
        return region


class Color(Numbers):
    """Red, green and blue, in 255ths of full range."""

    def __init__(self, *, default: Sequence[float]) -> None:
        super().__init__(default=default, sides=(3,), high=255, examples=((0, 128, 255),), keep=True)
        self.unit = "1/255"


class Fill(Field[Any, Any]):
    """A number, one number per channel, or one of `words`; in the image's own range."""

    def __init__(
        self, *, default: Any = 0, words: Sequence[str] = (), nullable: bool = False, kw_only: bool = False
    ) -> None:
        super().__init__(default=default, keep=True, kw_only=kw_only)
        self.words = tuple(words)
        self.nullable = nullable

    def convert(self, value: Any) -> Any:
        words = f" or one of {', '.join(map(repr, self.words))}" if self.words else ""
        rule = f"pass a number, one number per channel{words}{' or None' if self.nullable else ''}"
        if value is None and self.nullable:
            return None
        if isinstance(value, str):
            if value in self.words:
                return value
            raise ValueError(rule)
        if hasattr(value, "__len__"):
            if len(value) == 0 or isinstance(value, dict):
                raise ValueError(rule)
            return tuple(number(v, rule) for v in value)
        return number(value, rule)

    def form(self) -> dict[str, Any]:
        kinds: list[dict[str, Any]] = [
            {"type": "number"},
            {"type": "array", "items": {"type": "number"}, "minItems": 1},
        ]
        if self.words:
            kinds.append({"enum": list(self.words)})
        if self.nullable:
            kinds.append({"type": "null"})
        return {"anyOf": kinds}
