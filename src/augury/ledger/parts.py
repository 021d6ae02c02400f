"""Parts: Parquet files of rows, written once, checked before they are read, and queried together with DuckDB.

Columns: sample_id (text), epoch, step (int64), loss (double), pipeline (fingerprint), applied (list of the paths of
the steps that ran, in order), params (map from `path.param` to double), record (JSON text), time (UTC), and the
user's own columns. A column that a part lacks reads as null; whole numbers beside numbers read as numbers.

Every name in `params` is also a column of its own, `param:path.param` (double, null where the step did not run): a
question about one value then reads that value alone, which over millions of rows is ten times faster than the map.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from augury.ledger.columns import PARAM, Kind, Records
from augury.ledger.manifest import FORMAT, check_format
from augury.ledger.store import Folder

T = TypeVar("T")

NAME = re.compile(r"part-\d+-\d+-[0-9a-f]+-\d+\.parquet")

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "numbers": pa.list_(pa.float64()),
}
SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("epoch", pa.int64()),
        ("step", pa.int64()),
        ("loss", pa.float64()),
        ("pipeline", pa.string()),
        ("applied", pa.list_(pa.string())),
        ("params", pa.map_(pa.string(), pa.float64())),
        ("record", pa.string()),
        ("time", pa.timestamp("us")),
    ]
)
_COMPRESSION_LEVEL = 1
_REPEATING = ["sample_id", "epoch", "step", "pipeline", "applied.list.element", "params.key_value.key"]
_ORDERED = ["sample_id", "epoch", "step", "loss", "time"]
_FORMAT_KEY = b"augury.ledger"

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "temp_directory": "",
}


class Part(NamedTuple):
    """A checked part: its number of rows, its ledger format, and the names that have a column in it."""

    rows: int
    format: int
    drawn: tuple[str, ...]


def table(columns: dict[str, tuple[Kind, list[Any]]], records: Records, times: list[int]) -> pa.Table:
    """Rows as an Arrow table. times: microseconds since 1970, UTC. A column of None without a kind is left out."""
    arrays: dict[str, pa.Array] = {name: _array(values, TYPES[kind]) for name, (kind, values) in columns.items()}
    arrays["pipeline"] = _array(records.pipelines, pa.string())
    offsets, missing = _offsets(records.applied_counts)
    arrays["applied"] = pa.ListArray.from_arrays(offsets, _array(records.applied, pa.string()), mask=missing)
    offsets, missing = _offsets(records.param_counts)
    names, numbers = _array(records.names, pa.string()), pa.array(records.numbers, pa.float64())
    arrays["params"] = pa.MapArray.from_arrays(offsets, names, numbers, mask=missing)
    arrays["record"] = _array(records.texts, pa.string())
    arrays["time"] = pa.array(times, pa.timestamp("us"))
    order = [*SCHEMA.names, *(name for name in arrays if name not in SCHEMA.names)]
    return pa.table({**{name: arrays[name] for name in order}, **_drawn(records, names)})


def _drawn(records: Records, names: pa.Array) -> dict[str, pa.Array]:
    """A column for every name in `params`: what each row drew, null where it drew nothing."""
    rows = len(records.param_counts)
    row = np.repeat(np.arange(rows), [count or 0 for count in records.param_counts])
    numbers = np.array(records.numbers, np.float64)
    coded = names.dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    columns = {}
    for at, name in enumerate(coded.dictionary.to_pylist()):
        here = order[ends[at] : ends[at + 1]]
        values, missing = np.zeros(rows), np.ones(rows, np.bool_)
        values[row[here]] = numbers[here]
        missing[row[here]] = False
        columns[PARAM + name] = pa.array(values, mask=missing)
    return columns


def encode(rows: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file with checksums."""
    buffer = io.BytesIO()
    pq.write_table(
        rows.replace_schema_metadata({_FORMAT_KEY: str(FORMAT)}),
        buffer,
        compression="zstd",
        compression_level=_COMPRESSION_LEVEL,
        use_dictionary=_REPEATING,
        write_statistics=[name for name in rows.column_names if _bounded(name, rows[name])],
        write_page_checksum=True,
    )
    return buffer.getvalue()


class Reader:
    """The parts of one folder as two DuckDB views: `ledger`, and `drawn`, which has a column per name in `params` too.

    A file that is not a readable part is left out with a warning that names it; a part of a newer ledger format
    raises RecordError. Parts never change, so each is checked once.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._parts: dict[str, Part | None] = {}

    def parts(self) -> dict[str, Part]:
        """The parts to read now, by name."""
        names = [name for name in self._folder.names() if NAME.fullmatch(name)]
        for name in names:
            if name not in self._parts:
                self._parts[name] = self._check(name, _read_footer)
        return {name: part for name in names if (part := self._parts[name]) is not None}

    def query(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run one statement on the views, in memory, without access to any file but the parts."""
        parts = self.parts()
        try:
            return self._query(parts, sql, parameters)
        except duckdb.Error:
            for name in parts:
                self._parts[name] = self._check(name, _read_whole)
            readable = self.parts()
            if list(readable) == list(parts):
                raise
            return self._query(readable, sql, parameters)

    def drawn(self) -> list[str]:
        """The names in `params`, over all parts: the columns that `drawn` has and `ledger` has not."""
        return _drawn_in(self.parts())

    def read(self, columns: Sequence[str], encoded: Sequence[str], then: Callable[[pa.Table], T]) -> list[T]:
        """`then(rows)` for every part, with some columns of `SCHEMA`; text of those `encoded` comes as dictionaries.

        Two parts are read and worked on at a time. A part that turns out to be broken is left out with a warning.
        """
        kinds = {name: SCHEMA.field(name).type for name in columns}
        text = [f"{name}.list.element" if pa.types.is_list(kinds[name]) else name for name in encoded]

        def one(name: str) -> T | None:
            path, fs = self._folder.path(name), None if self._folder.is_local else self._folder.fs
            try:
                rows = pq.read_table(
                    path,
                    columns=list(columns),
                    read_dictionary=text,
                    use_threads=False,
                    filesystem=fs,
                    partitioning=None,
                )
            except (pa.ArrowException, OSError, ValueError):
                return None
            return then(rows)

        names = list(self.parts())
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(one, names))
        for name, result in zip(names, found, strict=True):
            if result is None:
                self._parts[name] = self._check(name, _read_whole)
        return [result for result in found if result is not None]

    def _query(self, parts: dict[str, Part], sql: str, parameters: Sequence[object]) -> pa.Table:
        with duckdb.connect(":memory:", config=_CONFIG) as connection:
            if not self._folder.is_local:
                connection.register_filesystem(self._folder.fs)
            if parts:
                files = [self._folder.uri(name) for name in parts]
                patterns = [self._folder.pattern(name) for name in parts]
                connection.execute(f"set allowed_paths = {_listed([*files, *patterns])}")
                source = f"read_parquet({_listed(patterns)}, union_by_name = true, hive_partitioning = false)"
                drawn = [(_quoted(PARAM + name), _quoted(name)) for name in _drawn_in(parts)]
                without = f" exclude ({', '.join(column for column, _ in drawn)})" if drawn else ""
                named = f" rename ({', '.join(f'{column} as {name}' for column, name in drawn)})" if drawn else ""
                connection.execute(f"create view ledger as select *{without} from {source}")
                connection.execute(f"create view drawn as select *{named} from {source}")
            else:
                connection.register("no_rows", SCHEMA.empty_table())
                connection.execute("create table ledger as from no_rows")
                connection.execute("create view drawn as from ledger")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            result = connection.sql(sql, params=list(parameters))
            if result is None:
                raise duckdb.InvalidInputException(f"{sql!r} returns no rows; pass a select")
            return result.to_arrow_table()

    def _check(self, name: str, read: Callable[[Any], Part]) -> Part | None:
        try:
            with self._folder.fs.open(self._folder.path(name), "rb") as file:
                part = read(file)
        except FileNotFoundError:
            return None
        except (pa.ArrowException, OSError, ValueError) as error:
            warnings.warn(f"{self._folder.uri(name)}: left out, not a readable part: {error}", stacklevel=2)
            return None
        check_format(part.format, self._folder.uri(name))
        return part


def _bounded(name: str, column: pa.ChunkedArray) -> bool:
    """Whether the lowest and highest value are worth writing. Parquet leaves NaN out of them, and readers that trust
    them would then take a part for one without NaN: none are written for a column that holds one.
    """
    if name not in _ORDERED and not name.startswith(PARAM):
        return False
    return not pa.types.is_floating(column.type) or not pc.any(pc.is_nan(column)).as_py()


def _read_footer(file: Any) -> Part:
    metadata = pq.read_metadata(file)
    facts = metadata.metadata or {}
    if _FORMAT_KEY not in facts:
        raise ValueError("it carries no ledger format")
    names = metadata.schema.to_arrow_schema().names
    drawn = tuple(name.removeprefix(PARAM) for name in names if name.startswith(PARAM))
    return Part(metadata.num_rows, int(facts[_FORMAT_KEY]), drawn)


def _read_whole(file: Any) -> Part:
    """Like `_read_footer`, once every page has been read and matches its checksum."""
    pq.read_table(file, page_checksum_verification=True, use_threads=False)
    file.seek(0)
    return _read_footer(file)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values as an Arrow array; text that is not UTF-8, as in odd file names, is kept with backslash escapes."""
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        escaped = [v if v is None else v.encode("utf-8", "backslashreplace").decode() for v in values]
        return pa.array(escaped, kind)


def _offsets(counts: list[int | None]) -> tuple[pa.Array, pa.Array]:
    """Where each row's list starts, then the end of the last; and which rows have none."""
    sizes = np.array([count or 0 for count in counts], np.int32)
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return pa.array(offsets), pa.array([count is None for count in counts], pa.bool_())


def _drawn_in(parts: dict[str, Part]) -> list[str]:
    return sorted({name for part in parts.values() for name in part.drawn})


def _quoted(name: str) -> str:
    """A name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def _listed(values: Iterable[str]) -> str:
    """Strings as a DuckDB list literal."""
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"
