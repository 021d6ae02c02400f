"""What can go wrong, as one small tree.

AuguryError
├── FieldError    a transform or pipeline was built with a bad argument   (also a ValueError)
├── SampleError   a call received data it cannot work on                  (also a ValueError)
├── RecordError   a record, applied list or saved pipeline does not load  (also a ValueError)
├── InverseError  a step has no inverse map                               (also a ValueError)
└── StepError     a kernel failed; `.record` reproduces it                (also a RuntimeError)

Every message says where, what was received and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class AuguryError(Exception):
    """Base of every error that augury raises on purpose."""


class FieldError(AuguryError, ValueError):
    """A transform or pipeline was built with an argument it cannot accept."""


class SampleError(AuguryError, ValueError):
    """A call received a target it cannot work on."""


class RecordError(AuguryError, ValueError):
    """A record, applied list or saved pipeline cannot be loaded or does not fit the sample."""


class InverseError(AuguryError, ValueError):
    """A recorded step has no inverse map."""


class StepError(AuguryError, RuntimeError):
    """A kernel failed while running a step; `record` holds the program that reproduces it."""

    def __init__(self, message: str, record: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.record = record


def nearest(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known name most like `name`, or None if none is."""
    from difflib import get_close_matches  # needed for errors only

    return next(iter(get_close_matches(name, list(known), 1, least)), None)


def shown(value: object, limit: int = 80) -> str:
    """`value` as a short repr for an error message; an array by its shape and dtype."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    text = f"{dtype} array {shape}" if shape and dtype is not None else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def located(error: AuguryError, path: str) -> AuguryError:
    """The same error with the path of its step in front, in place of the transform's bare name."""
    return type(error)(f"{path}: {str(error).removeprefix(path.rpartition('/')[2].partition(':')[0] + ': ')}")
