"""From what `Ledger.log` receives to plain columns: equal-length lists of str, int, float, bool, list or None.

Lists, tuples, arrays and tensors of any library count as columns if they have `tolist`; everything else is a
scalar and is repeated. Nothing here imports the library a value comes from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

from augury.errors import SampleError, shown
from augury.ledger.texts import encode, text_of

Kind = Literal["text", "integer", "number", "flag", "numbers"]

FIXED: dict[str, Kind] = {"sample_id": "text", "epoch": "integer", "step": "integer", "loss": "number"}
RESERVED = frozenset([*FIXED, "record", "pipeline", "applied", "params", "time"])
PARAM = "param:"  # in front of the names of columns that hold one drawn value each
LONGEST_SPREAD = 4  # lists of up to this many numbers are spread over `params`: points, sizes, boxes

_INT64 = 2**63
_NUMBERS = frozenset([int, float, bool])
_FIXED_TYPES: dict[Kind, frozenset[type]] = {
    "integer": frozenset([int, type(None)]),
    "number": frozenset([float, type(None)]),
}


def spread(received: Mapping[str, object]) -> tuple[int, dict[str, list[Any]]]:
    """The columns as lists of one common length; scalars are repeated, 1 row if there are only scalars.

    Raises SampleError naming the columns and their lengths if they disagree.
    """
    columns: dict[str, object] = {}
    lengths: dict[str, int] = {}
    for name, value in received.items():
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (list, tuple)):
            lengths[name] = len(value)
        columns[name] = value
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise SampleError(f"log: columns of different lengths: {listed}; pass one value per sample, or a scalar")
    n = next(iter(lengths.values()), 1)
    return n, {name: list(value) if name in lengths else [value] * n for name, value in columns.items()}  # type: ignore[call-overload]


def fixed(name: str, values: list[Any]) -> list[Any]:
    """A column of `FIXED` in its own type; raises SampleError for a value that does not fit it."""
    kind = FIXED[name]
    if kind == "text":
        values = [value if type(value) is str else _text(name, value) for value in values]
    elif not _FIXED_TYPES[kind].issuperset(map(type, values)):
        convert = _number if kind == "number" else _integer
        values = [value if value is None else convert(name, _plain(value)) for value in values]
    if kind == "integer":
        _check_range(name, values)
    return values


def inferred(name: str, values: list[Any], known: Kind | None) -> tuple[Kind | None, list[Any]]:
    """A column of the user's own: its kind and its values. `known` is the kind it had before in this process.

    Whole numbers become numbers once a fraction appears; dicts are stored as JSON text; a column of None has no
    kind yet. Raises SampleError if the kind changes in another way.
    """
    types = set(map(type, values)) - {type(None)}
    if not types <= {str, int, float, bool, list}:
        values = [_plain(value) for value in values]
        types = set(map(type, values)) - {type(None)}
    kind: Kind | None
    if not types:
        return known, values
    if types == {str}:
        kind = "text"
    elif types == {bool}:
        kind = "flag"
    elif types == {int}:
        kind = "integer"
    elif types <= {int, float}:
        kind = "number"
    elif types == {list} and all(v is None or _NUMBERS.issuperset(map(type, v)) for v in values):
        kind = "numbers"
        values = [v if v is None else _floats(name, v) for v in values]
    else:
        names = ", ".join(sorted(kind.__name__ for kind in types))
        raise SampleError(
            f"log: column {name!r} holds {names}, such as {shown(next(v for v in values if v is not None))}; "
            "pass one of str, bool, int, float, flat lists of numbers, or dicts"
        )
    if int in types:
        _check_range(name, values)
    if known in (None, kind) or (known, kind) == ("integer", "number"):
        return kind, values
    if (known, kind) == ("number", "integer"):
        return known, values
    raise SampleError(f"log: column {name!r} was {known} so far and now is {kind}; give it another name")


class _Names(dict[object, Any]):
    """What the params of one step are called: by name the full name; by name and length those of its numbers.

    Each is made once, so that millions of rows share it.
    """

    def __init__(self, path: str) -> None:
        self.prefix = path + "."

    def __missing__(self, key: str | tuple[str, int]) -> str | list[str]:
        if isinstance(key, str):
            self[key] = self.prefix + key
        else:
            self[key] = [f"{self.prefix}{key[0]}[{i}]" for i in range(key[1])]
        found: str | list[str] = self[key]
        return found


_names_of = lru_cache(maxsize=4096)(_Names)


class Records:
    """Records as JSON text, and the columns that are derived from them.

    applied: paths of the steps that ran, in order. names, numbers: what they drew, as `path.param` and its value;
    lists of up to 4 numbers are spread as `path.param[0]`, `path.param[1]`, and so on. `shape` is left out: it is in
    the record. Rows without a record have None in `texts`, `pipelines` and both counts.
    """

    __slots__ = ("applied", "applied_counts", "names", "numbers", "param_counts", "pipelines", "texts")

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.pipelines: list[str | None] = []
        self.applied: list[str] = []
        self.applied_counts: list[int | None] = []
        self.names: list[str] = []
        self.numbers: list[float] = []
        self.param_counts: list[int | None] = []

    def add(self, records: Iterable[object]) -> None:
        """Append one row per record: a dict, its JSON text, or None. Raises SampleError for anything else."""
        for row, record in enumerate(records):
            if record is None:
                self.texts.append(None)
                self.pipelines.append(None)
                self.applied_counts.append(None)
                self.param_counts.append(None)
                continue
            try:
                text = record if isinstance(record, str) else None
                if text is not None:
                    record = json.loads(text)
                steps_before, params_before = len(self.applied), len(self.numbers)
                nones = 0
                for step in record["steps"]:  # type: ignore[index]
                    if step["status"] == "applied":
                        path = step["path"]
                        self.applied.append(path)
                        nones += self._add_params(path, step.get("params", {}))
                if text is None:
                    text = text_of(record, nones + (record.get("seed", 0) is None))  # type: ignore[attr-defined]
                pipeline = record.get("pipeline")  # type: ignore[attr-defined]
            except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
                raise SampleError(
                    f"log: record of row {row} is {shown(record)}: {error!r}; pass the record a pipeline returned, "
                    "as a dict or as its JSON text"
                ) from error
            self.texts.append(text)
            self.pipelines.append(pipeline if pipeline is None else str(pipeline))
            self.applied_counts.append(len(self.applied) - steps_before)
            self.param_counts.append(len(self.numbers) - params_before)

    def _add_params(self, path: str, params: dict[str, Any]) -> int:
        """Append what a step drew; how many of the values were None."""
        names, numbers, nones, known = self.names, self.numbers, 0, _names_of(path)
        for name, value in params.items():
            kind = type(value)
            if kind is float or kind is int or kind is bool:
                names.append(known[name])
                numbers.append(value if kind is float else float(value))
            elif kind is tuple or kind is list:
                if name != "shape" and len(value) <= LONGEST_SPREAD and _NUMBERS.issuperset(map(type, value)):
                    names += known[name, len(value)]
                    numbers += map(float, value)
            elif value is None:
                nones += 1
        return nones

    def extend(self, other: Records) -> None:
        """Append the rows of `other`."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))


def _plain(value: Any) -> Any:
    """A value as str, int, float, bool, list or None where it can be; dicts become JSON text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        try:
            return encode(dict(value))
        except (TypeError, ValueError, RecursionError):
            return value
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _text(name: str, value: Any) -> str:
    plain = os.fspath(value) if isinstance(value, os.PathLike) else _plain(value)
    if type(plain) not in (str, int):
        raise SampleError(f"log: {name} holds {shown(value)}; pass a string or an int per sample")
    return str(plain)


def _number(name: str, value: Any) -> float:
    if isinstance(value, (int, float)):
        _check_range(name, [value])
        return float(value)
    raise SampleError(f"log: {name} holds {shown(value)}; pass one number per sample, or None")


def _integer(name: str, value: Any) -> int:
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise SampleError(f"log: {name} holds {shown(value)}; pass whole numbers, or None")


def _floats(name: str, values: list[Any]) -> list[float]:
    _check_range(name, values)
    return [float(value) for value in values]


def _check_range(name: str, values: list[Any]) -> None:
    for value in values:
        if type(value) is int and not -_INT64 <= value < _INT64:
            raise SampleError(f"log: {name} holds {shown(value)}; whole numbers must fit in 64 bits")
