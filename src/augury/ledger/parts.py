"""Parts: Parquet files of rows, written once, checked before they are read, and queried together with DuckDB.

Columns: sample_id (text), epoch, step (int64), loss (double), pipeline (fingerprint), applied (list of the paths of
the steps that ran, in order), params (map from `path.param` to double), record (JSON text), time (UTC), and the
user's own columns. A column that a part lacks reads as null; whole numbers beside numbers read as numbers.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augury.ledger.columns import Kind, Records
from augury.ledger.manifest import FORMAT, check_format
from augury.ledger.store import Folder

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
_COMPRESSION_LEVEL = 3
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
    """A checked part: its number of rows and its ledger format."""

    rows: int
    format: int


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
    return pa.table({name: arrays[name] for name in order})


def encode(rows: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file with checksums."""
    buffer = io.BytesIO()
    pq.write_table(
        rows.replace_schema_metadata({_FORMAT_KEY: str(FORMAT)}),
        buffer,
        compression="zstd",
        compression_level=_COMPRESSION_LEVEL,
        use_dictionary=_REPEATING,
        write_statistics=_ORDERED,
        write_page_checksum=True,
    )
    return buffer.getvalue()


class Reader:
    """The parts of one folder as the DuckDB view `ledger`.

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
        """Run one statement on the view `ledger`, in memory, without access to any file but the parts."""
        names = list(self.parts())
        try:
            return self._query(names, sql, parameters)
        except duckdb.Error:
            for name in names:
                self._parts[name] = self._check(name, _read_whole)
            readable = list(self.parts())
            if readable == names:
                raise
            return self._query(readable, sql, parameters)

    def _query(self, names: list[str], sql: str, parameters: Sequence[object]) -> pa.Table:
        with duckdb.connect(":memory:", config=_CONFIG) as connection:
            if not self._folder.is_local:
                connection.register_filesystem(self._folder.fs)
            if names:
                files = [self._folder.uri(name) for name in names]
                patterns = [self._folder.pattern(name) for name in names]
                connection.execute(f"set allowed_paths = {_listed([*files, *patterns])}")
                source = f"read_parquet({_listed(patterns)}, union_by_name = true, hive_partitioning = false)"
                connection.execute(f"create view ledger as from {source}")
            else:
                connection.register("no_rows", SCHEMA.empty_table())
                connection.execute("create table ledger as from no_rows")
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


def _read_footer(file: Any) -> Part:
    metadata = pq.read_metadata(file)
    facts = metadata.metadata or {}
    if _FORMAT_KEY not in facts:
        raise ValueError("it carries no ledger format")
    return Part(metadata.num_rows, int(facts[_FORMAT_KEY]))


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


def _listed(values: Iterable[str]) -> str:
    """Strings as a DuckDB list literal."""
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"
