"""None, lists and dicts of what other fields accept, and values with a shape of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from augury.fields.field import REQUIRED, Common, Field


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


class Listed(Field[Any, Any]):
    """A list of what another field accepts.

    counts: how long it may be, any length but 0 if none is given; empty: 0 too. alone: one value may stand by itself;
    wrapped: and is stored as a list of one.
    """

    def __init__(
        self,
        inner: Field[Any, Any],
        *,
        default: Any = REQUIRED,
        counts: Sequence[int] = (),
        empty: bool = False,
        alone: bool = False,
        wrapped: bool = False,
    ) -> None:
        super().__init__(default=default, unit=inner.unit, keep=inner.keep)
        self.inner, self.counts, self.empty, self.alone, self.wrapped = inner, tuple(counts), empty, alone, wrapped

    def convert(self, value: Any) -> Any:
        if self.alone and (isinstance(value, (str, Mapping)) or not hasattr(value, "__len__")):
            one = self.inner.convert(value)
            return (one,) if self.wrapped else one
        length = f"{' or '.join(map(str, self.counts))} values" if self.counts else "values"
        if isinstance(value, (str, Mapping)) or not hasattr(value, "__len__") or not self._fits(len(value)):
            raise ValueError(f"pass {'one value or ' if self.alone else ''}a list of {length}")
        return tuple([self.inner.convert(one) for one in value])

    def _fits(self, count: int) -> bool:
        return count in self.counts if self.counts else count > 0 or self.empty

    def form(self) -> dict[str, Any]:
        kinds: list[dict[str, Any]] = [{"type": "array", "items": self.inner.form()}]
        if self.counts:
            kinds = [{**kinds[0], "minItems": n, "maxItems": n} for n in self.counts]
        elif not self.empty:
            kinds[0]["minItems"] = 1
        kinds = [self.inner.form(), *kinds] if self.alone else kinds
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


class Keyed(Field[Any, Any]):
    """A dict that has a value for every name of `inner`, as the field of this name accepts it."""

    def __init__(self, *, default: Any = REQUIRED, inner: Mapping[str, Field[Any, Any]]) -> None:
        super().__init__(default=default)
        self.inner = dict(inner)

    def convert(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or set(value) != set(self.inner):
            raise ValueError(f"pass a dict of {', '.join(self.inner)}")
        out = {}
        for name, field in self.inner.items():
            try:
                out[name] = field.convert(value[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return out

    def form(self) -> dict[str, Any]:
        forms = {name: field.form() for name, field in self.inner.items()}
        return {"type": "object", "properties": forms, "required": list(forms), "additionalProperties": False}
