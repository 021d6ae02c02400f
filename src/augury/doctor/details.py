"""What the effects do not need: sample ids, classes and drawn values, of some samples if there are many rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augury.doctor.panel import Panel, arrange, base, codes_of, table_of
from augury.sample import Array
from augury.transform import REGISTRY

if TYPE_CHECKING:
    from augury.ledger import Ledger

MOST_CLASSES = 50


class Param(NamedTuple):
    """The values that one param of one step took: in these rows of the panel."""

    path: str
    name: str
    rows: Array
    values: Array


@dataclass(frozen=True)
class Details:
    """A panel with what was drawn. label: class codes of its rows and the classes; None if there is no such column."""

    panel: Panel
    label: tuple[Array, list[Any]] | None
    keys: list[str]
    key: Array
    value: Array
    offsets: Array

    def params(self) -> Iterator[Param]:
        """Every param that took more than one value, in the order in which they were met."""
        place = np.full(len(self.offsets) - 1, -1, np.int64)
        place[self.panel.row] = np.arange(self.panel.rows)
        row = np.repeat(place, np.diff(self.offsets))
        order = np.argsort(self.key, kind="stable")
        ends = np.cumsum(np.bincount(self.key, minlength=len(self.keys)))
        for code, (key, end) in enumerate(zip(self.keys, ends, strict=True)):
            path, _, name = key.rpartition(".")
            if base(path) != path or name == "key":  # later runs in one call; the address of a random array
                continue
            at = order[ends[code - 1] if code else 0 : end]
            at = at[(row[at] >= 0) & np.isfinite(self.value[at])]
            values = self.value[at]
            if len(values) and values.min() < values.max():
                yield Param(path, name, row[at], values)

    @cached_property
    def half(self) -> Array:
        """One half of the samples, by their ids, (samples,) of bool."""
        half: Array = (self.panel.ids >> np.uint64(17)) % np.uint64(2) == 0
        return half


def load_details(ledger: Ledger, where: str, parameters: Sequence[object], label: str, share: int) -> Details:
    """One in `share` of the samples; which ones depends on their ids alone."""
    labelled = label in ledger.columns
    some = f"hash(sample_id) % {int(share)} = 0" if share > 1 else ""
    conditions = " and ".join(part for part in (where, some) if part)
    quoted = '"' + label.replace('"', '""') + '"'
    table = ledger.sql(
        f"select hash(sample_id) as sample, epoch, loss, applied, params{f', {quoted} as label' if labelled else ''} "
        f"from ledger{f' where {conditions}' if conditions else ''}",
        parameters,
    )
    epoch, epochs = codes_of(table["epoch"])
    applied = table["applied"].combine_chunks()
    lists = applied.to_pylist()
    known: dict[tuple[str, ...], int] = {}
    pattern = np.array([known.setdefault(tuple(one or ()), len(known)) for one in lists], np.int32)
    paths, ran = table_of(list(known))
    loss = table["loss"].cast(pa.float64()).to_numpy()
    bare = applied.is_null().to_numpy(zero_copy_only=False)
    sample = table["sample"].to_numpy()
    panel = arrange(sample, epoch, epochs, np.where(bare, np.nan, loss), pattern, paths, ran)
    drawn = table["params"].combine_chunks()
    keys = drawn.keys.dictionary_encode()
    offsets = drawn.offsets.to_numpy()
    classes = None
    if labelled and (found := _classes(table["label"])) is not None:
        classes = (found[0][panel.row], found[1])
    return Details(
        panel,
        classes,
        keys.dictionary.to_pylist(),
        keys.indices.to_numpy(),
        drawn.items.to_numpy(),
        offsets - offsets[0],
    )


def _classes(column: pa.ChunkedArray) -> tuple[Array, list[Any]] | None:
    """Codes and classes, in order; None if the column does not hold a few classes."""
    if pa.types.is_nested(column.type):
        return None
    codes, values = codes_of(column)
    if not 2 <= len(values) <= MOST_CLASSES:
        return None
    order = sorted(range(len(values)), key=lambda i: (values[i] is None, values[i] if values[i] is not None else 0))
    place = np.empty(len(values), np.int64)
    place[order] = np.arange(len(values))
    return place[codes], [values[i] for i in order]


def transform_name(path: str) -> str:
    """The transform's name in the path of its step."""
    return base(path).rpartition("/")[2].partition(":")[0]


def unit_of(path: str, param: str) -> str:
    """The unit of a drawn param, from the field of the transform that it is drawn from; "" if none is known."""
    cls = REGISTRY.get(transform_name(path))
    if cls is None:
        return ""
    stem, _, index = param.partition("[")
    names = [stem, f"{stem}_range", f"{stem}_limit", f"{stem}s"] if not index else [stem]
    for name in names:
        field = cls.fields.get(cls._aliases.get(name, name))
        if field is not None and field.unit:
            return field.unit
    return ""
