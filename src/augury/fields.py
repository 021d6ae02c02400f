"""What can vary: typed fields, declared once per transform and read by everything else.

A field knows its default, bounds, unit and aliases. From it come the constructor and its checks, the JSON
schema, the tables in the docs, the inputs of property tests and the forms of the explorer.

Fields are written `angle_range: Limits = Limits(default=(-90, 90), unit="degree")`. On an instance the
name holds the plain converted value; to a type checker a field is a descriptor that accepts `In`, gives `Out`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypedDict, TypeVar, Unpack, overload

from augury.errors import FieldError, shown
from augury.rng import Stream

In = TypeVar("In")
Out = TypeVar("Out")

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()

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


def number(value: Any, rule: str) -> float:
    """`value` as a finite Python int or float; ValueError(rule) otherwise."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise ValueError(rule)
    try:
        out: float = int(value) if hasattr(value, "__index__") else float(value)
        if math.isfinite(out):
            return out
    except (TypeError, OverflowError):
        pass
    raise ValueError(rule)


class Varying:
    """A field's value that is decided when a pipeline is called: a schedule by progress, a choice by chance."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ValueError if it cannot be."""
        raise NotImplementedError


def plain(value: object) -> Any:
    """`value` with tuples, NumPy scalars and arrays turned into what JSON knows; ValueError if it cannot be."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Varying):
        return value.to_dict()
    raise ValueError(f"{shown(value)} is not plain JSON data")


def frozen(value: Any) -> Any:
    """`value` with every list turned into a tuple, so that what came from JSON equals what was drawn."""
    if isinstance(value, (list, tuple)):
        return tuple(frozen(v) for v in value)
    if isinstance(value, dict):
        return {k: frozen(v) for k, v in value.items()}
    return value


class Common(TypedDict, total=False):
    """What every field may say of itself; see `Field`."""

    alias: str | tuple[str, ...]
    unit: str
    keep: bool
    kw_only: bool


class Field(Generic[In, Out]):
    """One argument of a transform.

    default: value used when the argument is left out; a field without one is required.
    alias: other names accepted for the argument. unit: of the number, for docs and forms.
    keep: the value travels in every step's params, because lowering needs it.
    kw_only: a class that inherits the field has it after its own ones; type checkers, which would put it before them,
    are told to pass it by name.
    """

    name: str = ""
    # Name of the drawn param that is a value of this range.
    draws: str = ""

    def __init__(
        self,
        *,
        default: In = REQUIRED,
        alias: str | tuple[str, ...] = (),
        unit: str = "",
        keep: bool = False,
        kw_only: bool = False,
    ) -> None:
        self.default = default
        self.aliases = (alias,) if isinstance(alias, str) else alias
        self.unit = unit
        self.keep = keep
        self.kw_only = kw_only

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> Out: ...
        def __get__(self, instance: object | None, owner: type) -> Self | Out: ...
        def __set__(self, instance: object, value: In | Varying) -> None: ...

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def convert(self, value: Any) -> Out:
        """The stored form of `value`; raises ValueError whose text is the rule that was broken."""
        raise NotImplementedError

    def accept(self, value: object, owner: str) -> Out:
        """`convert`, with an error that names owner, field, value and rule."""
        try:
            return self.convert(value)
        except ValueError as error:
            hint = ", or wrap a function of progress in A.schedule(...)" if callable(value) else ""
            raise FieldError(f"{owner}.{self.name}: got {shown(value)}; {error}{hint}") from None

    def schema(self) -> dict[str, Any]:
        """JSON schema of an accepted value, with default and unit."""
        out = self.form()
        if not self.required:
            out["default"] = plain(self.default)
        if self.unit:
            out["unit"] = self.unit
        if self.aliases:
            out["aliases"] = list(self.aliases)
        if self.draws:
            out["draws"] = self.draws
        return out

    def form(self) -> dict[str, Any]:
        """JSON schema of the type alone."""
        return {}


class _Bounded(Field[In, Out]):
    """A field of numbers within [low, high]."""

    integer = False

    def __init__(
        self,
        *,
        default: In = REQUIRED,
        low: float = -math.inf,
        high: float = math.inf,
        open_low: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(default=default, **common)
        self.low, self.high, self.open_low = low, high, open_low

    @property
    def rule(self) -> str:
        kind = "integer" if self.integer else "number"
        low = f"{'above' if self.open_low else 'at least'} {self.low:g}" if self.low > -math.inf else ""
        high = f"at most {self.high:g}" if self.high < math.inf else ""
        return f"pass a finite {kind} {' and '.join(part for part in (low, high) if part)}".rstrip()

    def one(self, value: object) -> Any:
        out = number(value, self.rule)
        if self.integer:
            if out != int(out):
                raise ValueError(self.rule)
            out = int(out)
        else:
            out = float(out)
        if out < self.low or out > self.high or (self.open_low and out == self.low):
            raise ValueError(self.rule)
        return out

    def bounds(self) -> dict[str, Any]:
        out: dict[str, Any] = {"type": "integer" if self.integer else "number"}
        if self.low > -math.inf:
            out["exclusiveMinimum" if self.open_low else "minimum"] = self.low
        if self.high < math.inf:
            out["maximum"] = self.high
        return out


class Number(_Bounded[float, float]):
    """A finite float within bounds."""

    def convert(self, value: Any) -> float:
        return self.one(value)  # type: ignore[no-any-return]

    def form(self) -> dict[str, Any]:
        return self.bounds()


class Integer(_Bounded[int, int]):
    """An integer within bounds."""

    integer = True

    def convert(self, value: Any) -> int:
        return self.one(value)  # type: ignore[no-any-return]

    def form(self) -> dict[str, Any]:
        return self.bounds()


class Probability(Number):
    """A number in [0, 1]."""

    def __init__(self, *, default: float = REQUIRED, **common: Unpack[Common]) -> None:
        super().__init__(default=default, low=0, high=1, **common)


class Limits(_Bounded[float | Sequence[float], tuple[float, float]]):
    """A range (low, high) from which a value is drawn, given as two numbers or one.

    scalar: what one number x means: "symmetric" (-x, x), "fixed" (x, x), "factor" (max(0, 1 - x), 1 + x), or a number a
    for (a, x).
    draws: the param under which a value drawn uniformly from the range is recorded; `Transform.draw` draws it.
    """

    # Of (stream, low, high).
    one_of: ClassVar[Any] = staticmethod(Stream.uniform)

    def __init__(
        self,
        *,
        default: float | Sequence[float] = REQUIRED,
        low: float = -math.inf,
        high: float = math.inf,
        open_low: bool = False,
        scalar: str | float = "symmetric",
        draws: str = "",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(default=default, low=low, high=high, open_low=open_low, **common)
        self.scalar = scalar
        self.draws = draws

    def convert(self, value: Any) -> tuple[float, float]:
        if isinstance(value, (list, tuple)) or (hasattr(value, "__len__") and not isinstance(value, (str, dict))):
            if len(value) != 2:
                raise ValueError("pass two numbers (low, high) or one number")
            low, high = self.one(value[0]), self.one(value[1])
        else:
            x = number(value, self.rule)
            if self.scalar == "symmetric":
                low, high = self.one(-abs(x)), self.one(abs(x))
            elif self.scalar == "fixed":
                low = high = self.one(x)
            elif self.scalar == "factor":
                low, high = self.one(max(0.0, 1.0 - x)), self.one(1.0 + x)
            else:
                low, high = sorted((self.one(self.scalar), self.one(x)))
        if low > high:
            raise ValueError(f"the low end is above the high end; did you mean {(high, low)}?")
        return low, high

    def form(self) -> dict[str, Any]:
        return {"type": "array", "items": self.bounds(), "minItems": 2, "maxItems": 2}


def odd(stream: Stream, low: int, high: int, least: int = 3) -> int:
    """A drawn odd size; both bounds are raised to the next odd number, and to `least`."""
    low = max(low | 1, least)
    return low + 2 * stream.integer(0, (max(high | 1, low) - low) // 2)


if TYPE_CHECKING:

    class IntLimits(Limits):
        """A range of integers."""

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> tuple[int, int]: ...
        def __get__(self, instance: object | None, owner: type) -> Self | tuple[int, int]: ...
else:

    class IntLimits(Limits):
        """A range (low, high) of integers, both ends included, given as two integers or one."""

        integer = True
        one_of = staticmethod(Stream.integer)


class OddLimits(IntLimits):
    """A range of integers from which odd ones of at least 3 are drawn; its ends are raised to the next one."""

    one_of = staticmethod(odd)


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
    """An OpenCV interpolation constant: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos; resizing also 5, 6 (exact)."""

    def __init__(self, *, default: int = 1, resize: bool = False, kw_only: bool = False) -> None:
        super().__init__(default=default, options=range(7 if resize else 5), keep=True, kw_only=kw_only)


class Border(Option):
    """An OpenCV border constant: 0 constant, 1 replicate, 2 reflect, 3 wrap, 4 reflect_101."""

    def __init__(self, *, default: int = 0, kw_only: bool = False) -> None:
        super().__init__(default=default, options=range(5), keep=True, kw_only=kw_only)


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


class Maybe(Field[Any, Any]):
    """None, or what another field accepts."""

    def __init__(self, inner: Field[Any, Any], *, default: Any = None, kw_only: bool = False) -> None:
        super().__init__(default=default, alias=inner.aliases, unit=inner.unit, keep=inner.keep, kw_only=kw_only)
        self.inner = inner

    def convert(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.inner.convert(value)
        except ValueError as error:
            raise ValueError(f"{error}, or None") from None

    def form(self) -> dict[str, Any]:
        return {"anyOf": [self.inner.form(), {"type": "null"}]}


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


class Numbers(Field[Any, Any]):
    """Numbers within [low, high] as nested lists; `sides` are their lengths, outermost first, 0 for any but none.

    examples: accepted values, for property tests.
    """

    def __init__(
        self,
        *,
        default: Any = REQUIRED,
        sides: Sequence[int],
        low: float = 0.0,
        high: float = math.inf,
        examples: Sequence[Any] = (),
        keep: bool = False,
    ) -> None:
        super().__init__(default=default, keep=keep)
        self.sides, self.low, self.high, self.examples = tuple(sides), low, high, tuple(examples)

    def convert(self, value: Any) -> Any:
        return self._nested(value.tolist() if hasattr(value, "tolist") else value, 0)

    def _nested(self, value: Any, depth: int) -> Any:
        shape = " x ".join(str(side or "any number") for side in self.sides)
        rule = f"pass lists of {shape} numbers from {self.low:g} to {self.high:g}"
        if depth == len(self.sides):
            out = float(number(value, rule))
            if not self.low <= out <= self.high:
                raise ValueError(rule)
            return out
        if not isinstance(value, (list, tuple)) or len(value) != (self.sides[depth] or max(len(value), 1)):
            raise ValueError(rule)
        return tuple(self._nested(one, depth + 1) for one in value)

    def form(self) -> dict[str, Any]:
        out: dict[str, Any] = {"type": "number", "minimum": self.low}
        if self.high < math.inf:
            out["maximum"] = self.high
        for side in reversed(self.sides):
            out = {"type": "array", "items": out, **({"minItems": side, "maxItems": side} if side else {"minItems": 1})}
        return out


class Plain(Field[Any, Any]):
    """A value with a shape of its own, checked by `check`, which returns the stored form or raises ValueError(rule).

    shape: JSON schema of accepted values, for forms and docs. examples: accepted values, for property tests.
    """

    def __init__(
        self,
        *,
        default: Any = REQUIRED,
        check: Callable[[Any], Any],
        shape: Mapping[str, Any] | None = None,
        examples: Sequence[Any] = (),
        **common: Unpack[Common],
    ) -> None:
        super().__init__(default=default, **common)
        self.check = check
        self.shape = dict(shape or {})
        self.examples = tuple(examples)

    def convert(self, value: Any) -> Any:
        return self.check(value)

    def form(self) -> dict[str, Any]:
        return dict(self.shape)


class Color(Numbers):
    """Red, green and blue, in 255ths of full range."""

    def __init__(self, *, default: Sequence[float]) -> None:
        super().__init__(default=default, sides=(3,), high=255, examples=((0, 128, 255),), keep=True)
        self.unit = "1/255"


class Region(Numbers):
    """A box (x_min, y_min, x_max, y_max) in fractions of the image's size."""

    def __init__(self, *, default: Sequence[float], keep: bool = False) -> None:
        super().__init__(default=default, sides=(4,), high=1, examples=((0.2, 0.1, 0.8, 1),), keep=keep)

    def convert(self, value: Any) -> Any:
        x_min, y_min, x_max, y_max = region = super().convert(value)
        if x_min > x_max or y_min > y_max:
            raise ValueError("pass (x_min, y_min, x_max, y_max) with each min at most its max")
        return region
