"""Numbers within bounds, ranges from which they are drawn, and lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, overload

from augury.fields.field import REQUIRED, Common, Field, In, Out, number
from augury.rng import Stream


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


class Fractions(Limits):
    """A range of fractions in [0, 1], given as two numbers or one, which is a fixed value."""

    def __init__(
        self,
        *,
        default: float | Sequence[float] = REQUIRED,
        open_low: bool = False,
        draws: str = "",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(default=default, low=0, high=1, open_low=open_low, scalar="fixed", draws=draws, **common)


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
