"""What the parameters of boxes and keypoints, and the reading of their rows, have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from augury.errors import FieldError, SampleError, shown

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Event = tuple[int, str, str, float | None, float | None]


class LabelParams:
    """Base of `BboxParams` and `KeypointParams`: frozen, comparable, saved as plain data."""

    _names: ClassVar[tuple[str, ...]] = ()
    coord_format: str
    label_fields: tuple[str, ...]

    def _set(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise FieldError(f"{type(self).__name__}.{name}: got {shown(value)}; parameters are frozen, build new ones")

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain JSON data; `type(self)(**data)` builds it again."""
        data = {name: getattr(self, name) for name in self._names}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}

    def explicit(self) -> dict[str, Any]:
        """The format and what differs from its defaults, as plain JSON data."""
        usual = type(self)(self.coord_format).to_dict()  # type: ignore[call-arg]
        return {k: v for k, v in self.to_dict().items() if k == "coord_format" or v != usual[k]}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.to_dict().items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._names)))

    def _refuse(self, field: str, value: object, remedy: str) -> FieldError:
        return FieldError(f"{type(self).__name__}.{field}: got {shown(value)}; {remedy}")

    def _format(self, coord_format: object, alias: object, known: Sequence[str]) -> str:
        if coord_format is not None and alias is not None:
            raise self._refuse("coord_format", coord_format, f"format={alias!r} is the same field, pass one of them")
        value = alias if coord_format is None else coord_format
        if not isinstance(value, str) or value not in known:
            raise self._refuse("coord_format", value, f"use one of {', '.join(known)}")
        return value

    def _labels(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise self._refuse("label_fields", value, "use a list of names, such as ['labels']")
        if len(set(value)) < len(value):
            raise self._refuse("label_fields", value, "name each field once")
        return tuple(value)

    def _flags(self, **flags: object) -> dict[str, bool]:
        for name, value in flags.items():
            if not isinstance(value, (bool, np.bool_)):
                raise self._refuse(name, value, "use True or False")
        return {name: bool(value) for name, value in flags.items()}

    def _at_least(self, low: float, high: float = float("inf"), **numbers: Any) -> dict[str, float]:
        for name, value in numbers.items():
            real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not real or not low <= value <= high:
                top = f" and at most {high:g}" if high < float("inf") else ""
                raise self._refuse(name, value, f"use a number of at least {low:g}{top}")
        return {name: float(value) for name, value in numbers.items()}


def read_rows(value: Any, columns: int, name: str, layout: str) -> Floats:
    """A copy of the first `columns` columns of the caller's rows as float64; SampleError if they are not numbers."""
    if isinstance(value, np.ndarray):
        if value.ndim == 2 and value.shape[1] >= columns:
            try:
                return value[:, :columns].astype(np.float64)
            except (TypeError, ValueError):
                raise SampleError(f"{name}: an array of {value.dtype} is not numeric; pass numbers {layout}") from None
        if value.size == 0:
            return np.empty((0, columns))
        raise SampleError(f"{name}: array of shape {value.shape}; pass (N, {columns} or more), columns {layout}")
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise SampleError(f"{name}: got {type(value).__name__}; pass an array or a list of rows, columns {layout}")
    if not len(value):
        return np.empty((0, columns))
    try:
        # Half the time of np.array, for the common case of plain numbers.
        if set(map(len, value)) == {columns}:
            return np.fromiter(chain.from_iterable(value), np.float64, columns * len(value)).reshape(-1, columns)
    except (TypeError, ValueError):
        pass  # a bad row: find it below
    out = np.empty((len(value), columns))
    for i, row in enumerate(value):
        try:
            for j in range(columns):
                out[i, j] = row[j]
        except (TypeError, ValueError, IndexError, KeyError):
            raise SampleError(
                f"{name}[{i}]: got {shown(row)}; each row starts with {columns} numbers, {layout}"
            ) from None
    return out


def write_rows(value: Any, moved: Floats, rows: Rows) -> Any:
    """(n, columns) numbers in the caller's container: arrays keep a float dtype (integers become float32), lists of
    lists or tuples stay so; further columns of the caller's rows are carried along."""
    columns = moved.shape[1]
    if isinstance(value, np.ndarray):
        dtype = value.dtype if value.dtype.kind in "fO" else np.dtype(np.float32)
        if value.ndim != 2 or value.shape[1] <= columns:
            return moved.astype(dtype)
        out = value[rows].astype(dtype)
        out[:, :columns] = moved
        return out
    listed: list[Any]
    kinds = set(map(type, value))
    exact = set(map(len, value)) == {columns}
    if kinds == {tuple} and exact:
        # Columns first: cheaper than making tuples of the lists of rows.
        listed = list(zip(*(moved[:, i].tolist() for i in range(columns)), strict=True))
    else:
        listed = moved.tolist()
    if len(listed) and not (exact and kinds <= {list, tuple} and len(kinds) == 1):
        listed = [_like(value[i], numbers, columns) for i, numbers in zip(rows.tolist(), listed, strict=True)]
    return tuple(listed) if isinstance(value, tuple) else listed


def _like(row: Any, numbers: list[float], columns: int) -> Any:
    if isinstance(row, np.ndarray):
        return np.array([*numbers, *row[columns:].tolist()], row.dtype if row.dtype.kind in "fO" else np.float32)
    full = [*numbers, *row[columns:]]
    return tuple(full) if isinstance(row, tuple) else full
