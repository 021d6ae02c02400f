"""What a field is, and the plain data that its values are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypedDict, TypeVar, overload

from augury.errors import FieldError, shown

In = TypeVar("In")
Out = TypeVar("Out")

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()


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
