"""One of a few values, or words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Unpack

from augury.fields.field import REQUIRED, Common, Field

INTERPOLATIONS = {
    0: "nearest",
    1: "linear",
    2: "cubic",
    3: "area",
    4: "lanczos4",
    5: "linear_exact",
    6: "nearest_exact",
}
BORDERS = {0: "constant", 1: "replicate", 2: "reflect", 3: "wrap", 4: "reflect_101"}


class Flag(Field[bool, bool]):
    """True or False."""

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool) and type(value).__name__ != "bool":
            raise ValueError("pass True or False")
        return bool(value)

    def form(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Option(Field[Any, Any]):
    """One of a few values."""

    def __init__(self, *, default: Any = REQUIRED, options: Sequence[Any], **common: Unpack[Common]) -> None:
        super().__init__(default=default, **common)
        self.options = tuple(options)

    def convert(self, value: Any) -> Any:
        for option in self.options if isinstance(value, Hashable) else ():
            if value == option and isinstance(value, bool) == isinstance(option, bool):
                return option
        raise ValueError(f"pass one of {', '.join(map(repr, self.options))}")

    def form(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


class Interpolation(Option):
    """An OpenCV interpolation constant: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos; resizing also 5, 6 (exact).

    A volume is interpolated by 0 or 1 only.
    """

    def __init__(self, *, default: int = 1, resize: bool = False, volume: bool = False, kw_only: bool = False) -> None:
        options = range(2 if volume else 7 if resize else 5)
        super().__init__(default=default, options=options, keep=True, kw_only=kw_only)


class Border(Option):
    """An OpenCV border constant: 0 constant, 1 replicate, 2 reflect, 3 wrap, 4 reflect_101; of a volume, 0 or 1."""

    def __init__(self, *, default: int = 0, volume: bool = False, kw_only: bool = False) -> None:
        super().__init__(default=default, options=range(2 if volume else 5), keep=True, kw_only=kw_only)


class Words(Field[Any, Any]):
    """A non-empty list of some of `options`."""

    def __init__(self, *, default: Any = REQUIRED, options: Sequence[str]) -> None:
        super().__init__(default=default)
        self.options = tuple(options)
        self.examples = (self.options[-2:],)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or not value or any(word not in self.options for word in value):
            raise ValueError(f"pass a non-empty list of {', '.join(self.options)}")
        return tuple(value)

    def form(self) -> dict[str, Any]:
        return {"type": "array", "items": {"enum": list(self.options)}, "minItems": 1}


class Name(Field[str, str]):
    """Text that is not empty."""

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError("pass a name")
        return value

    def form(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}
