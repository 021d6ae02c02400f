"""Sections of checked keys, from which configs are built.

A key is declared once: what it accepts, its default, and a line on what it means. From it come the check, the text in
`search.yaml` and the list of known names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, field, fields
from typing import Any, ClassVar, Self, cast

from augury.errors import FieldError, nearest, shown
from augury.fields import Field, plain


def key(check: Field[Any, Any], text: str, written: str = "") -> Any:
    """One key: what it accepts, a line on what it means, and its name in the file if Python cannot have it."""
    default: dict[str, Any] = {} if check.required else {"default": check.default}
    return field(**default, metadata={"check": check, "text": text, "written": written})


def section(kind: type[Section], text: str, optional: bool = False) -> Any:
    """A key that holds further keys."""
    default: Any = (lambda: None) if optional else kind
    return field(default_factory=default, metadata={"section": kind, "text": text, "optional": optional})


class Section:
    """Base of the parts of a config; frozen, and checked however it is made."""

    # Where the section stands in the file, for messages; "" for the whole.
    path: ClassVar[str] = ""
    # Whether keys that are not declared belong to it: they are arguments of the class that one of its keys names.
    open: ClassVar[bool] = False
    # The section that holds all others.
    root: ClassVar[type[Section] | None] = None

    def __post_init__(self) -> None:
        for part in fields(cast(Any, self)):
            value = getattr(self, part.name)
            if "check" in part.metadata:
                try:
                    value = part.metadata["check"].convert(value)
                except ValueError as error:
                    raise FieldError(f"{where(self, written(part))}: got {shown(value)}; {error}") from None
                object.__setattr__(self, part.name, value)
            elif "section" in part.metadata and not (value is None and part.metadata["optional"]):
                kind = part.metadata["section"]
                object.__setattr__(self, part.name, value if isinstance(value, kind) else kind.read(value))
        self.check()

    def check(self) -> None:
        """Raise FieldError if keys that are fine alone contradict each other."""

    @classmethod
    def read(cls, values: object) -> Self:
        """The section written as a mapping; FieldError names an unknown key and the nearest known one."""
        if not isinstance(values, Mapping):
            raise FieldError(
                f"{cls.path or 'the config'}: got {shown(values)}; write a mapping of {', '.join(known(cls))}"
            )
        names = {written(part): part.name for part in fields(cast(Any, cls)) if part.metadata}
        given: dict[str, Any] = {}
        arguments: dict[str, Any] = {}
        for name, value in values.items():
            if name in names:
                given[names[name]] = value
            elif cls.open:
                arguments[str(name)] = value
            else:
                raise FieldError(unknown_key(cls, str(name)))
        for part in fields(cast(Any, cls)):
            missing = part.default is MISSING and part.default_factory is MISSING
            if missing and part.name not in given:
                raise FieldError(f"{where(cls, written(part))}: missing; {part.metadata['text']}")
        return cls(**given, **({"arguments": arguments} if cls.open else {}))

    def to_dict(self) -> dict[str, Any]:
        """The section as `search.yaml` holds it: plain data, every key."""
        out: dict[str, Any] = {}
        for part in fields(cast(Any, self)):
            value = getattr(self, part.name)
            if part.name == "arguments":
                out |= value
            else:
                out[written(part)] = value.to_dict() if isinstance(value, Section) else plain(value)
        return out


def written(part: Any) -> str:
    """The name of a key in the file."""
    return str(part.metadata.get("written") or part.name)


def known(cls: type[Section]) -> list[str]:
    """The names of a section's keys in the file."""
    return [written(part) for part in fields(cast(Any, cls)) if part.metadata]


def where(holder: Section | type[Section], name: str) -> str:
    """A key with its section, as messages name it."""
    return f"{holder.path}.{name}" if holder.path else name


def unknown_key(cls: type[Section], name: str) -> str:
    """What to say of a key that a section does not have."""
    near = nearest(name, known(cls))
    if near:
        return f"{where(cls, name)}: unknown key; did you mean {where(cls, near)!r}?"
    # A key that is right, in the wrong section.
    for other in every_section(cls.root or cls):
        if name in known(other):
            return (
                f"{where(cls, name)}: unknown key; {where(other, name)!r} is one. Known here: {', '.join(known(cls))}"
            )
    return f"{where(cls, name)}: unknown key; known here: {', '.join(known(cls))}"


def every_section(cls: type[Section]) -> Iterator[type[Section]]:
    """A section and those inside it."""
    yield cls
    for part in fields(cast(Any, cls)):
        if "section" in part.metadata:
            yield from every_section(part.metadata["section"])
