"""What is explored: one ledger, the function that gives its samples, and perhaps a model. Answers are kept in memory.

A ledger may grow while it is explored, so everything that is kept is kept for a number of rows. The user's functions
are called one at a time: few of them expect several threads.
"""

from __future__ import annotations

import datetime
import json
import math
import threading
import time
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

from augury.errors import AuguryError, FieldError, SampleError, shown
from augury.explorer.filters import Filters, quoted
from augury.ledger import Ledger

V = TypeVar("V")
Source = Callable[[str], Mapping[str, Any]]
Model = Callable[[Mapping[str, Any]], float]

PAGE, BLOCK = 24, 96
"""Rows of one page, and rows that are ranked at once."""
_LEVELS = 60
_REST = 20
"""A ledger that grows is looked at again after this many times the time that it took."""
_EPOCH = datetime.datetime(1970, 1, 1)
_OWN = frozenset("sample_id epoch step loss pipeline applied params record time".split())


class Key(NamedTuple):
    """Which row: its sample, the microsecond in which it was logged, and its number among equal ones, by loss."""

    sample_id: str
    time: int | None = None
    number: int = 0

    def pairs(self) -> list[tuple[str, str]]:
        """The key as the parameters of a URL."""
        out = [("id", self.sample_id)]
        if self.time is not None:
            out.append(("t", str(self.time)))
        if self.number:
            out.append(("n", str(self.number)))
        return out

    @classmethod
    def read(cls, given: Mapping[str, Sequence[str]]) -> Key:
        """The key among a URL's parameters; FieldError if there is none."""
        if not given.get("id"):
            raise FieldError("id: missing; open a sample from the grid, or add ?id=SAMPLE to the address")
        try:
            time = int(given["t"][-1]) if "t" in given else None
            number = int(given["n"][-1]) if "n" in given else 0
        except ValueError:
            time, number = -1, -1
        if (time is not None and not 0 <= time < 2**63) or not 0 <= number < 2**31:
            raise FieldError("t, n: pass whole numbers, as the links of the grid have them")
        return cls(given["id"][-1], time, number)


class Recent(Generic[V]):
    """The values that were used last, at most `size` of them; made one at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not held; what `make` raises is not kept."""
        with self._lock:
            if key not in self._held:
                self._held[key] = make()
                while len(self._held) > self._size:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def put(self, key: Hashable, value: V) -> None:
        """Hold a value that is known already."""
        with self._lock:
            self._held[key] = value
            while len(self._held) > self._size:
                self._held.popitem(last=False)


@dataclass(frozen=True)
class Facts:
    """What a ledger holds, as far as the pages need it at once.

    steps: paths of the pipeline, then any other that ran. params: `path.param` that were drawn. sortable, levels:
    columns to rank by, and the values of columns that have few. notes: what the reader should know.
    """

    rows: int
    columns: tuple[str, ...]
    losses: int
    not_finite: int
    first_epoch: int | None
    last_epoch: int | None
    steps: tuple[str, ...]
    params: tuple[str, ...]
    sortable: tuple[str, ...]
    fractions: frozenset[str]
    levels: Mapping[str, tuple[str, ...]]
    drawn: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class Study:
    """A ledger with what is needed to see it. data_name, model_name: how the command line named the functions."""

    ledger: Ledger
    source: Source | None = None
    model: Model | None = None
    data_name: str = ""
    model_name: str = ""
    estimate: str = "paired"
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self._reading = threading.Lock()
        self._broken: list[str] = []
        self._kept: Facts | None = None
        self._looked = self._cost = 0.0
        self._rankings: Recent[list[tuple[Key, Any]]] = Recent(64)
        self._rows: Recent[dict[str, Any]] = Recent(4096)
        self._diagnoses: Recent[Any] = Recent(1)
        self._histories: Recent[list[dict[str, Any]]] = Recent(64)

    @property
    def name(self) -> str:
        return self.ledger.uri

    @property
    def data_words(self) -> str:
        """How a message names the data function."""
        return f"the data function {self.data_name}" if self.data_name else "the data function"

    # ---- the ledger ----

    def facts(self) -> Facts:
        """What the ledger holds now."""
        with self._reading, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = len(self.ledger)
            self._broken += [str(one.message) for one in caught]
            kept, began = self._kept, time.monotonic()
            if kept is None or (rows != kept.rows and began - self._looked > _REST * self._cost):
                kept = self._kept = self._look(rows)
                self._looked = time.monotonic()
                self._cost = self._looked - began
            return kept

    def _look(self, rows: int) -> Facts:
        schema = self.ledger.sql("from ledger limit 0").schema
        columns = tuple(schema.names)
        drawn = tuple(name for name in self.ledger.sql("from drawn limit 0").column_names if name not in columns)
        kinds = {name: str(schema.field(name).type) for name in columns}
        named = [name for name in columns if name not in _OWN and kinds[name] in {"string", "int64", "bool"}]
        distinct = "".join(f", approx_count_distinct({quoted(name)}) as {quoted('n ' + name)}" for name in named)
        [counts] = self.ledger.sql(
            "select count(loss) as losses, count(*) filter (where not isfinite(loss)) as not_finite, "
            f"min(epoch) as first, max(epoch) as last{distinct} from ledger"
        ).to_pylist()
        steps, params = self._seen()
        numbers = {"int64", "double", "bool"}
        sortable = tuple(name for name in columns if kinds[name] in numbers or name == "time")
        levels = {
            name: values
            for name in named
            if 0 < counts[f"n {name}"] <= 2 * _LEVELS and (values := self._levels(name)) is not None
        }
        return Facts(
            rows=rows,
            columns=columns,
            losses=counts["losses"],
            not_finite=counts["not_finite"],
            first_epoch=counts["first"],
            last_epoch=counts["last"],
            steps=steps,
            params=params,
            sortable=sortable,
            fractions=frozenset(name for name in columns if kinds[name] == "double"),
            levels=levels,
            drawn=drawn,
            notes=tuple(self._notes(rows, counts)),
        )

    def _notes(self, rows: int, counts: Mapping[str, Any]) -> list[str]:
        out = list(self._broken)
        if not rows:
            return out
        if not counts["losses"]:
            out.append("This ledger has no losses, so nothing can be ranked by them: pass loss= to ledger.log.")
        elif counts["losses"] < rows:
            out.append(f"{rows - counts['losses']:,} of {rows:,} rows have no loss; they come last in any ranking.")
        if counts["not_finite"]:
            out.append(f"{counts['not_finite']:,} losses are NaN or infinite; NaN comes after all numbers.")
        return out

    def _seen(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Paths and params of the pipeline, and those of some rows that are not among them."""
        pipeline = self.pipeline()
        steps = [leaf.path for leaf in pipeline._plan.leaves()] if pipeline is not None else []
        params: list[str] = []
        some = self.ledger.sql("select applied, map_keys(params) as params from ledger limit 4000").to_pylist()
        for row in some:
            steps += [path for path in row["applied"] or () if path not in steps]
            params += [name for name in row["params"] or () if name not in params]
        if pipeline is not None:
            kept = {f"{leaf.path}.{name}" for leaf in pipeline._plan.leaves() for name in leaf.kept}
            params = [name for name in params if name.partition("[")[0] not in kept]
        return tuple(steps), tuple(sorted(params, key=lambda name: (_at(steps, name.partition(".")[0]), name)))

    def _levels(self, name: str) -> tuple[str, ...] | None:
        """The values of a column as text, in order, if they are few."""
        column = quoted(name)
        found = self.ledger.sql(
            f"select distinct {column} as level from ledger where {column} is not null order by 1 limit {_LEVELS + 1}"
        ).to_pylist()
        return tuple(_text(row["level"]) for row in found) if len(found) <= _LEVELS else None

    def warm(self) -> None:
        """Find now what the first page needs."""
        if self.facts().rows:
            self.ranking(Filters(), 0, PAGE)

    def pipeline(self) -> Any:
        """The pipeline of the latest manifest, or None if there is none that can be read."""
        from augury.saving import from_dict

        try:
            held = self.ledger.manifest.get("pipeline")
            return None if held is None else from_dict({"library": "augury", "format": 1, "transform": held})
        except AuguryError:
            return None

    def ranking(self, filters: Filters, start: int, count: int) -> tuple[list[dict[str, Any]], bool]:
        """Rows start..start+count of a ranking, whole, and whether there are more."""
        keys, more = self.keys(filters, start, count)
        return self._whole(filters, keys), more

    def keys(self, filters: Filters, start: int, count: int) -> tuple[list[tuple[Key, Any]], bool]:
        """Keys and ranked values of rows start..start+count of a ranking, and whether there are more."""
        first, last = start // BLOCK, (start + count) // BLOCK
        wanted = [row for at in range(first, last + 1) for row in self._block(filters, at)]
        skip = start - first * BLOCK
        return wanted[skip : skip + count], len(wanted) > skip + count

    def _block(self, filters: Filters, at: int) -> list[tuple[Key, Any]]:
        return self._rankings.get((filters, at, self.facts().rows), lambda: self._rank(filters, at))

    def _rank(self, filters: Filters, at: int) -> list[tuple[Key, Any]]:
        """One block of a ranking. Only narrow columns are read: records make up nearly all of a ledger."""
        facts = self.facts()
        condition, parameters = filters.condition(facts.drawn)
        nan = facts.not_finite > 0 if filters.rank == "loss" else filters.rank in facts.fractions
        ranked = f"select sample_id, time, {quoted(filters.rank)} as value from drawn where {condition}"
        query = f"{ranked} order by {filters.ordering(nan)} limit {BLOCK} offset {at * BLOCK}"
        seen: Counter[tuple[str, int | None]] = Counter()
        out = []
        for row in self.ledger.sql(query, parameters).to_pylist():
            place = (row["sample_id"], _micros(row["time"]))
            out.append((Key(*place, seen[place]), row["value"]))
            seen[place] += 1
        return out

    def _whole(self, filters: Filters, keys: Sequence[tuple[Key, Any]]) -> list[dict[str, Any]]:
        """The rows of keys of one ranking, read in one go."""
        missing = [(key, value) for key, value in keys if key not in self._rows]
        values = [value for _, value in missing if isinstance(value, (int, float)) and value == value]
        times = sorted({key.time for key, _ in missing if key.time is not None})
        if times and len({key[:2] for key, _ in missing}) == len(missing):
            condition = f"time in ({', '.join(['make_timestamp(?)'] * len(times))})"
            parameters: list[Any] = list(times)
            if len(values) == len(missing):
                condition = f"{quoted(filters.rank)} between ? and ? and {condition}"
                parameters = [min(values), max(values), *parameters]
            wanted = {key[:2]: (key, value) for key, value in missing if not key.number}
            query = f"select {self._columns()} from ledger where {condition}"
            for row in map(_row, self.ledger.sql(query, parameters).to_pylist()):
                key, value = wanted.get(row["key"][:2], (None, None))
                if key is not None and row[filters.rank] == value:
                    self._rows.put(key, row)
        return [self.row(key) for key, _ in keys]

    def _columns(self) -> str:
        """All columns but the params, which records hold too."""
        return ", ".join(quoted(name) for name in self.facts().columns if name != "params")

    def row(self, key: Key) -> dict[str, Any]:
        """One row, its record as text; SampleError if there is none. Without a time, the worst of the sample."""
        return self._rows.get(key, lambda: self._find(key))

    def _find(self, key: Key) -> dict[str, Any]:
        condition, parameters = "sample_id = ?", [key.sample_id]
        if key.time is not None:
            condition, parameters = f"{condition} and time = make_timestamp(?)", [*parameters, key.time]  # type: ignore[list-item]
        query = (
            f"from ledger where {condition} order by loss is null, isnan(loss), loss desc limit 1 offset {key.number}"
        )
        found = self.ledger.sql(query, parameters).to_pylist()
        if not found:
            raise SampleError(
                f"sample {shown(key.sample_id)}: not in this ledger"
                + (" at that time" if key.time is not None else "")
                + "; open one from the grid of worst samples"
            )
        row = _row(found[0])
        return row if key.time is None else {**row, "key": key}

    def history(self, sample_id: str) -> list[dict[str, Any]]:
        """All rows of a sample, oldest first, at most 1,000."""

        def make() -> list[dict[str, Any]]:
            query = f"select {self._columns()} from ledger where sample_id = ? order by epoch, step, time limit 1000"
            return [_row(row) for row in self.ledger.sql(query, [sample_id]).to_pylist()]

        return self._histories.get((sample_id, self.facts().rows), make)

    def diagnosis(self) -> Any:
        """What the doctor says about the ledger as it is now."""
        from augury.doctor import doctor

        return self._diagnoses.get(self.facts().rows, lambda: doctor(self.ledger))

    # ---- the user's functions ----

    def sample(self, sample_id: str) -> dict[str, Any]:
        """The targets of a sample; SampleError that says what the data function did wrong."""
        if self.source is None:
            raise SampleError("no pictures: start with --data module:function, a function from sample id to targets")
        with self.lock:
            try:
                targets = self.source(sample_id)
            except Exception as error:  # whatever the user's function raises is shown to the user
                raise SampleError(
                    f"{self.data_words} raised {type(error).__name__} for sample {shown(sample_id)}: {error}"
                ) from error
        if not isinstance(targets, Mapping):
            raise SampleError(
                f"{self.data_words} returned {shown(targets)} for sample {shown(sample_id)}; return a dict such as "
                "{'image': image}"
            )
        return dict(targets)

    def loss_of(self, result: Mapping[str, Any]) -> float:
        """The model's loss of an augmented sample; SampleError that says what the model function did wrong."""
        assert self.model is not None
        name = f"the model function {self.model_name}".rstrip()
        with self.lock:
            try:
                return float(self.model(result))
            except Exception as error:  # as above
                raise SampleError(f"{name} raised {type(error).__name__}: {error}") from error


def record_of(row: Mapping[str, Any]) -> Any:
    """The row's record as a dict; SampleError if it has none or it is no JSON."""
    if row["record"] is None:
        raise SampleError(f"sample {shown(row['sample_id'])}: its row has no record; log one with record=")
    try:
        return json.loads(row["record"])
    except ValueError as error:
        raise SampleError(f"sample {shown(row['sample_id'])}: its record is damaged ({error})") from None


def plain(value: Any) -> Any:
    """A value for JSON: numbers that JSON lacks as text, times as ISO 8601."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def with_filters(filters: Filters, **changes: Any) -> Filters:
    """The filters with some of them changed."""
    return replace(filters, **changes)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "key": Key(row["sample_id"], _micros(row["time"]))}


def _micros(time: datetime.datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if time is None else (time - _EPOCH) // datetime.timedelta(microseconds=1)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(steps: Sequence[str], path: str) -> int:
    return steps.index(path) if path in steps else len(steps)
