"""The doctor's table by Ray: rows stay spread over the machines of a cluster, only sums come together.

Ray Data reads the parts, and brings the rows of each sample together in one shard, a Panel of its own; every pass of
the statistics runs on all shards and adds up. Rows are counted and hashed by the same DuckDB queries as without Ray.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from augury.doctor.panel import Panel, arrange, table_of
from augury.errors import SampleError
from augury.ledger.batch import connect
from augury.sample import Array

if TYPE_CHECKING:
    from augury.ledger import Ledger

T = TypeVar("T")
_COLUMNS = ["sample_id", "epoch", "loss", "pipeline", "applied"]
_FEWEST = 1 << 18  # rows that are worth a shard of their own

_NARROW = """select hash(sample_id) as sample, coalesce(epoch, -9223372036854775808) as epoch, loss,
    hash(applied) as steps, (hash(sample_id) >> 32) % {shards} as shard
    from rows where applied is not null and isfinite(loss){since}"""
_SUMMARY = """select pipeline, hash(applied) as steps, any_value(applied) as applied, applied is null as bare,
    count(*) as n, count(loss) as known, count(*) filter (isinf(loss)) as infinite,
    count(*) filter (isnan(loss)) as nan, list(distinct epoch) filter (epoch is not null) as epochs,
    bool_or(epoch is null) as timeless from rows where true{since} group by all"""


class Shards:
    """What `fit` needs of a Panel, spread over a cluster: the rows of a sample are in one shard."""

    def __init__(
        self, ray: Any, shards: list[Any], paths: Sequence[str], epochs: Sequence[int | None], ran: Array
    ) -> None:
        self._ray, self._shards = ray, shards
        self.paths, self.epochs, self.ran = tuple(paths), tuple(epochs), ran
        facts = self._ask(lambda shard: (shard.rows, shard.samples, shard.weights(), float(shard.loss.sum())))
        self.rows = sum(fact[0] for fact in facts)
        self.samples = sum(fact[1] for fact in facts)
        self._weights: Array = sum((fact[2] for fact in facts), np.zeros(len(ran), np.int64))
        self.total = sum(fact[3] for fact in facts)

    def weights(self) -> Array:
        """How many rows have each pattern, (patterns,)."""
        return self._weights

    def counts(self) -> Array:
        """On how many rows each step ran, (steps,)."""
        total: Array = self._weights @ self.ran.astype(np.int64)
        return total

    def each(self, work: Callable[[Panel, slice, Array], T]) -> list[T]:
        """`work(panel, rows, starts)` for every block of every shard."""
        return [one for found in self._ask(lambda shard: shard.each(work)) for one in found]

    def _ask(self, question: Callable[[Panel], Any]) -> list[Any]:
        asked = self._ray.put(_pickled(question))
        return list(self._ray.get([_answer(self._ray).remote(shard, asked) for shard in self._shards]))


def load(ledger: Ledger, since: int | None) -> tuple[Shards, dict[str, Any], dict[str | None, int]]:
    """The ledger as shards, facts about all rows, and the number of rows by pipeline."""
    ray = connect()
    from ray import data as frames

    context = frames.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    condition = "" if since is None else f" and epoch >= {int(since)}"
    files = ledger.files()
    if not files:
        raise SampleError(f"doctor: {ledger.uri} holds no rows; log samples with their record and loss first")
    data: Any = frames.read_parquet(files, columns=_COLUMNS)
    n = len(ledger)

    def ask(query: str) -> Callable[[pa.Table], pa.Table]:
        def run(rows: pa.Table) -> pa.Table:
            import duckdb

            with duckdb.connect(config={"threads": 1}) as connection:
                connection.register("rows", rows)
                return connection.sql(query).to_arrow_table()

        return run

    told = {"batch_format": "pyarrow", "batch_size": None, "zero_copy_batch": True}
    summary = [row for row in data.map_batches(ask(_SUMMARY.format(since=condition)), **told).take_all() if row["n"]]
    lists = {row["steps"]: row["applied"] for row in summary if not row["bare"]}
    codes = np.array(sorted(lists), np.uint64)
    paths, ran = table_of([lists[int(code)] for code in codes])
    times: set[int] = {epoch for row in summary for epoch in row["epochs"] if row["epochs"] is not None}
    epochs: list[int | None] = [*([None] if any(row["timeless"] for row in summary) else []), *sorted(times)]

    count = max(1, min(int(ray.cluster_resources().get("CPU", 1)) * 4, n // _FEWEST))
    narrow = data.map_batches(ask(_NARROW.format(since=condition, shards=count)), **told)

    def pack(rows: pa.Table) -> pa.Table:
        time = rows["epoch"].to_numpy()
        known = np.array([np.iinfo(np.int64).min if epoch is None else epoch for epoch in epochs])
        panel = arrange(
            rows["sample"].to_numpy(), np.searchsorted(known, time).astype(np.int32), epochs,
            rows["loss"].to_numpy(), np.searchsorted(codes, rows["steps"].to_numpy()), paths, ran,
        )  # fmt: skip
        return pa.table({"panel": pa.array([pickle.dumps(panel)], pa.large_binary())})

    grouped = narrow.groupby("shard", num_partitions=count).map_groups(pack, batch_format="pyarrow").materialize()
    shards = Shards(ray, list(grouped.to_arrow_refs()), paths, epochs, ran)
    by_pipeline: dict[str | None, int] = {}
    for row in summary:
        by_pipeline[row["pipeline"]] = by_pipeline.get(row["pipeline"], 0) + row["n"]
    rows = sum(row["n"] for row in summary)
    facts = {
        "rows": rows, "epochs": len(epochs), "losses_missing": rows - sum(row["known"] for row in summary),
        "losses_infinite": sum(row["infinite"] for row in summary), "losses_nan": sum(row["nan"] for row in summary),
        "without_record": sum(row["n"] for row in summary if row["bare"]), "samples": shards.samples,
        "rows_used": shards.rows,
    }  # fmt: skip
    return shards, facts, by_pipeline


def _pickled(question: Callable[[Panel], Any]) -> bytes:
    from ray import cloudpickle

    return bytes(cloudpickle.dumps(question))  # type: ignore[no-untyped-call]


def _answer(ray: Any) -> Any:
    @ray.remote  # type: ignore[untyped-decorator]
    def answer(table: pa.Table, question: bytes) -> Any:
        asked = pickle.loads(question)
        found = [asked(pickle.loads(packed)) for packed in table["panel"].to_pylist()]
        return found[0] if found else None

    return answer
