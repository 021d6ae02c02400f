"""The ledger as a panel: rows sorted by sample, in arrays that the statistics read block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from augury.sample import Array

if TYPE_CHECKING:
    from augury.ledger import Ledger

T = TypeVar("T")
BLOCK = 1 << 16  # rows that are worked on at once: few enough for the processor's cache
_WORD = 62  # steps that fit the bits of one signed word


@dataclass(frozen=True)
class Panel:
    """Rows with a record and a finite loss, sorted by sample.

    ids: what tells samples apart, (samples,) of uint64. starts: where each sample begins and the last one ends,
    (samples + 1,). epoch: codes into `epochs`, which are in
    order, (rows,). pattern: codes of which steps ran, (rows,), rows of `ran`, (patterns, steps) of bool. row: where the
    row stood in the query.
    """

    paths: tuple[str, ...]
    epochs: tuple[int | None, ...]
    ids: Array
    starts: Array
    loss: Array
    epoch: Array
    pattern: Array
    ran: Array
    row: Array

    @property
    def rows(self) -> int:
        return len(self.loss)

    @property
    def total(self) -> float:
        """The sum of all losses."""
        return float(self.loss.sum())

    @property
    def samples(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Array:
        """How many rows each sample has, (samples,)."""
        return np.diff(self.starts)

    @property
    def sample(self) -> Array:
        """The number of each row's sample, (rows,)."""
        return np.repeat(np.arange(self.samples), self.sizes)

    @cached_property
    def blocks(self) -> list[tuple[slice, Array]]:
        """Rows of whole samples, about BLOCK at a time, and where each sample begins within them."""
        out = []
        first = 0
        while first < self.samples:
            last = int(np.searchsorted(self.starts, self.starts[first] + BLOCK, "right")) - 1
            last = min(max(last, first + 1), self.samples)
            low, high = int(self.starts[first]), int(self.starts[last])
            out.append((slice(low, high), self.starts[first:last] - low))
            first = last
        return out

    def weights(self) -> Array:
        """How many rows have each pattern, (patterns,)."""
        return np.bincount(self.pattern, minlength=len(self.ran))

    def counts(self) -> Array:
        """On how many rows each step ran, (steps,)."""
        total: Array = self.weights() @ self.ran.astype(np.int64)
        return total

    def each(self, work: Callable[[Panel, slice, Array], T]) -> list[T]:
        """`work(self, rows, starts)` for every block."""
        return in_parallel(lambda rows, starts: work(self, rows, starts), self.blocks)


def in_parallel(work: Callable[..., T], parts: Sequence[Any]) -> list[T]:
    """`work(*part)` for every part, in order, on two threads: NumPy lets go of the interpreter while it works."""
    if len(parts) < 2:
        return [work(*part) for part in parts]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda part: work(*part), parts))


def arrange(
    sample: Array, epoch: Array, epochs: Sequence[int | None], loss: Array, pattern: Array,
    paths: Sequence[str], ran: Array,
) -> Panel:  # fmt: skip
    """Rows in order of sample, then as they came. sample: any uint64 that tells samples apart; loss: finite where the
    row counts. epoch: codes into epochs.
    """
    sample, ids = numbered(sample)
    counted = np.flatnonzero(np.isfinite(loss)).astype(np.int32)
    if len(counted) < len(loss):
        sample, loss = sample[counted], loss[counted]
    # A sparse matrix with a row per sample is sorted by counting, which takes one pass.
    by_sample = sparse.coo_array((loss, (sample, np.arange(len(loss), dtype=np.int32))), (len(ids), len(loss))).tocsr()
    rows = by_sample.indices if len(counted) == by_sample.shape[1] == len(epoch) else counted[by_sample.indices]
    seen = np.diff(by_sample.indptr) > 0
    in_time = sorted(range(len(epochs)), key=lambda i: (epochs[i] is not None, epochs[i] or 0))
    place = np.empty(max(len(in_time), 1), np.int32)
    place[in_time] = np.arange(len(in_time), dtype=np.int32)
    return Panel(
        tuple(paths), tuple(epochs[i] for i in in_time), ids[seen],
        np.append(by_sample.indptr[:-1][seen], by_sample.indptr[-1]).astype(np.int64), by_sample.data,
        place[epoch[rows]], pattern[rows], ran, rows,
    )  # fmt: skip


def numbered(ids: Array) -> tuple[Array, Array]:
    """Ids of rows as codes, and the distinct ids."""
    encoded = pa.array(ids).dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_numpy()


def codes_of(column: pa.ChunkedArray) -> tuple[Array, list[Any]]:
    """A column as int32 codes, and the distinct values; None is one of them."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def load(ledger: Ledger, since: int | None = None) -> tuple[Panel, dict[str, Any], dict[str | None, int]]:
    """Every row that has a record and a finite loss; facts about all rows; and the number of rows by pipeline.

    since: the first epoch that counts. The panel read last is kept, 20 bytes a row, and is given again as long as the
    ledger has the same parts.
    """
    key = (ledger.uri, tuple(ledger.files()), since)
    known = _kept.get(key)
    if known is None:
        _kept.clear()
        known = _kept[key] = _read(ledger, since)
    panel, facts, by_pipeline = known
    return panel, dict(facts), dict(by_pipeline)


_kept: dict[tuple[object, ...], tuple[Panel, dict[str, Any], dict[str | None, int]]] = {}


class Part(NamedTuple):
    """The rows of one part: ids of samples; codes of epochs and patterns (None: no record), and their values."""

    sample: Array
    loss: Array
    missing: int
    infinite: int
    nan: int
    epoch: Array
    epochs: list[int | None]
    pattern: Array
    patterns: list[tuple[str, ...] | None]
    pipelines: dict[str | None, int]


def _read(ledger: Ledger, since: int | None) -> tuple[Panel, dict[str, Any], dict[str | None, int]]:
    """Samples are told apart by hashes of 64 bits. Of ten million samples two share one by accident in one ledger of
    400,000.
    """
    import duckdb

    def narrow(rows: pa.Table) -> Part:
        if since is not None:
            rows = rows.filter(pc.greater_equal(rows["epoch"], since))
        with connection.cursor() as cursor:
            cursor.register("rows", rows.select(["sample_id"]))
            sample = cursor.sql("select hash(sample_id) as sample from rows").to_arrow_table()["sample"].to_numpy()
        pipelines = {one["values"]: one["counts"] for one in rows["pipeline"].value_counts().to_pylist()}
        loss, missing = rows["loss"].to_numpy(), rows["loss"].null_count
        infinite, nan = int(np.isinf(loss).sum()), int(np.isnan(loss).sum()) - missing
        return Part(
            sample, loss, missing, infinite, nan, *codes_of(rows["epoch"]), *patterns_of(rows["applied"]), pipelines
        )

    with duckdb.connect(config={"threads": 1}) as connection:
        columns = ["sample_id", "epoch", "loss", "applied", "pipeline"]
        parts = ledger.each_part(columns, narrow, encoded=["applied", "pipeline"])
    epochs: dict[int | None, int] = {}
    patterns: dict[tuple[str, ...] | None, int] = {}
    epoch = _mapped([(part.epoch, part.epochs) for part in parts], epochs)
    pattern = _mapped([(part.pattern, part.patterns) for part in parts], patterns)
    sample = np.concatenate([np.zeros(0, np.uint64), *(part.sample for part in parts)])
    loss = np.concatenate([np.zeros(0), *(part.loss for part in parts)])
    by_pipeline: dict[str | None, int] = {}
    for part in parts:
        for fingerprint, count in part.pipelines.items():
            by_pipeline[fingerprint] = by_pipeline.get(fingerprint, 0) + count
    facts: dict[str, Any] = {
        "rows": len(loss), "epochs": len(epochs), "losses_missing": sum(part.missing for part in parts),
        "losses_infinite": sum(part.infinite for part in parts), "losses_nan": sum(part.nan for part in parts),
        "without_record": 0,
    }  # fmt: skip
    if None in patterns:
        bare = pattern == patterns[None]
        facts["without_record"] = int(bare.sum())
        loss[bare] = np.nan
    paths, ran = table_of([steps or () for steps in patterns])
    panel = arrange(sample, epoch, list(epochs), loss, pattern, paths, ran)
    facts |= {"samples": panel.samples, "rows_used": panel.rows}
    return panel, facts, by_pipeline


def _mapped(parts: Sequence[tuple[Array, Sequence[Any]]], known: dict[Any, int]) -> Array:
    """Codes of all parts, into `known`, to which new values are added."""
    out = [np.zeros(0, np.int32)]
    for codes, values in parts:
        out.append(np.array([known.setdefault(value, len(known)) for value in values] or [0], np.int32)[codes])
    return np.concatenate(out)


def patterns_of(column: pa.ChunkedArray) -> tuple[Array, list[tuple[str, ...] | None]]:
    """A column of lists of steps, encoded as dictionaries, as codes of which steps ran, and these; None is a code too.

    A step's second and later runs in one call count as the step, and the order in which steps ran does not count.
    """
    known: dict[tuple[str, ...] | None, int] = {}
    codes = [np.zeros(0, np.int32)]
    for chunk in column.chunks:
        written = [base(path) for path in chunk.values.dictionary.to_pylist()]
        steps = sorted(set(written))
        offsets = chunk.offsets.to_numpy()
        which = chunk.values.indices.to_numpy()[offsets[0] : offsets[-1]]
        some = offsets[1:] > offsets[:-1]
        starts = (offsets[:-1] - offsets[0])[some]
        code, found = np.zeros(len(chunk), np.int64), [()]
        for low in range(0, max(len(steps), 1), _WORD):  # one bit per step, in as many words as it takes
            here = steps[low : low + _WORD]
            bit = np.array([1 << here.index(step) if step in here else 0 for step in written], np.int64)
            word = np.zeros(len(chunk), np.int64)
            if len(starts):
                word[some] = np.bitwise_or.reduceat(bit[which], starts)
            words, values = numbered(word)
            if low:
                code, pairs = numbered(code * len(values) + words)
            else:
                code, pairs = words, np.arange(len(values))
            bits = [(pair // len(values), int(values[pair % len(values)])) for pair in pairs.tolist()]
            found = [(*found[before], *(s for i, s in enumerate(here) if word >> i & 1)) for before, word in bits]
        mapped = np.array([known.setdefault(one, len(known)) for one in found] or [0], np.int32)[code]
        if chunk.null_count:
            mapped[chunk.is_null().to_numpy(zero_copy_only=False)] = known.setdefault(None, len(known))
        codes.append(mapped)
    return np.concatenate(codes), list(known)


def table_of(lists: Sequence[Sequence[str]]) -> tuple[list[str], Array]:
    """Paths in the order they were met, and which of them each list holds, (lists, paths)."""
    known: dict[str, int] = {}
    for applied in lists:
        for path in applied:
            known.setdefault(base(path), len(known))
    ran = np.zeros((max(len(lists), 1), len(known)), np.bool_)
    for i, applied in enumerate(lists):
        ran[i, [known[base(path)] for path in applied]] = True
    return list(known), ran


def base(path: str) -> str:
    """The path of a step without the mark of its second and later runs in one call."""
    return path.partition("~")[0]
