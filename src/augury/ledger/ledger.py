"""The ledger: log what a pipeline did and what came of it while training; ask about it at any time."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import util
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from augury.errors import FieldError, SampleError, shown
from augury.ledger import manifest as manifests
from augury.ledger.columns import FIXED, PARAM, RESERVED, Kind, Records, fixed, inferred, spread

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
Sample = Mapping[str, Any]
Source = Callable[[str], Sample] | Mapping[Any, Sample]

_RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")


class Ledger:
    """An append-only table of samples in a folder, written by any number of processes at once.

    uri: a local path or any fsspec URI. Every process writes parts of its own, without locks; a part is written
    under a temporary name and renamed, so it is complete or not there. Rows wait in memory until there are
    `flush_rows` of them or until a call of `log` finds the oldest to be `flush_seconds` old; they are also written
    by `flush`, `close`, at the end of a `with` block, before this object reads, and when the process ends normally
    (DataLoader workers included). A process that is killed loses at most its rows since the last part: fewer than
    `flush_rows`, plus those of one call. Parts are not forced to disk, so a power failure may cost more; a part it
    broke is left out with a warning. If a write fails the error is raised and the rows are kept for the next try.

    pipeline: written to the manifest; anything with `to_dict()`, or a dict. model: path of a model file, whose
    SHA-256 is written too. workers: settings worth keeping, such as {"num_workers": 8}. key_scheme: what a key
    consists of, such as "(epoch, index)". rank: by default RANK, SLURM_PROCID or OMPI_COMM_WORLD_RANK, else 0.
    storage_options: for fsspec. Reading alone needs only the uri and writes nothing.

    An object may be shared by threads, forked and pickled; the copy starts with no rows waiting.
    """

    def __init__(
        self,
        uri: str | os.PathLike[str],
        *,
        pipeline: object = None,
        model: str | os.PathLike[str] | None = None,
        workers: Mapping[str, Any] | None = None,
        key_scheme: str | None = None,
        rank: int | None = None,
        flush_rows: int = 4096,
        flush_seconds: float = 60.0,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        if flush_rows < 1:
            raise FieldError(f"flush_rows: got {flush_rows}; pass 1 or more")
        self.uri = os.fspath(uri) if "://" in os.fspath(uri) else os.path.abspath(uri)
        self.rank = _rank() if rank is None else rank
        self.flush_rows = flush_rows
        self.flush_seconds = flush_seconds
        self._storage_options = dict(storage_options or {})
        self._run = manifests.describe_run(pipeline, key_scheme, workers)
        self._manifest: dict[str, Any] | None = None
        self._start()
        if pipeline is not None:
            self._describe()
        if model is not None:
            self.attach_model(model)

    def _start(self) -> None:
        """Everything that belongs to one process."""
        try:
            from augury.ledger import parts, store
        except ImportError as error:
            raise ImportError(f"a ledger needs {error.name}: pip install 'augury[ledger]'") from error
        self._parts = parts
        self._folder = store.Folder(self.uri, self._storage_options)
        self._reader = parts.Reader(self._folder)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._token = secrets.token_hex(4)
        self._count = 0
        self._kinds: dict[str, Kind] = {}
        self._finalizer: util.Finalize | None = None
        self._clear()

    def _check_process(self) -> None:
        """In a forked child, leave what the parent has waiting to the parent."""
        if self._pid != os.getpid():
            self._start()

    def _clear(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in FIXED}
        self._records = Records()
        self._times: list[int] = []
        self._oldest = 0.0

    # ---- writing -----------------------------------------------------------------------------------

    def log(
        self,
        sample_id: object,
        record: object = None,
        loss: object = None,
        epoch: object = None,
        step: object = None,
        **extra_columns: object,
    ) -> None:
        """Append one row per sample.

        Lists, tuples, arrays and tensors (any device) give one value per sample; scalars are repeated. sample_id:
        strings or ints, kept as text. record: dicts or JSON text as pipelines return them, or None. loss: numbers,
        NaN and infinity included, or None. epoch, step: whole numbers or None. Columns of your own hold text, flags,
        numbers, lists of numbers, or dicts (kept as JSON); a column keeps its type, except that whole numbers become
        numbers. Raises SampleError, and appends nothing, if lengths or types disagree.
        """
        self._check_process()
        received = {"sample_id": sample_id, "record": record, "loss": loss, "epoch": epoch, "step": step}
        n, columns = spread({**received, **extra_columns} if extra_columns else received)
        records = Records()
        records.add(columns.pop("record"))
        kinds: dict[str, Kind] = {}
        for name, values in columns.items():
            if name in FIXED:
                columns[name] = fixed(name, values)
                continue
            if name.lower() in RESERVED or name.startswith(PARAM):
                raise SampleError(f"log: column {name!r} is the ledger's own; give yours another name")
            kind, columns[name] = inferred(name, values, self._kinds.get(name))
            if kind is not None:
                kinds[name] = kind
        with self._lock:
            before = len(self._times)
            if not before:
                self._oldest = time.monotonic()
            for name, values in columns.items():
                column = self._columns.setdefault(name, [])
                column.extend([None] * (before - len(column)))
                column.extend(values)
            self._records.extend(records)
            self._times.extend([time.time_ns() // 1000] * n)
            self._kinds.update(kinds)
            if self._finalizer is None:
                self._finalizer = util.Finalize(None, self.close, exitpriority=10)
            if len(self._times) >= self.flush_rows or time.monotonic() - self._oldest >= self.flush_seconds:
                self.flush()

    def flush(self) -> None:
        """Write the waiting rows as one part."""
        self._check_process()
        with self._lock:
            if not self._times:
                return
            self._describe()
            columns = {
                name: (kind, self._column(name, kind))
                for name, kind in {**FIXED, **self._kinds}.items()
                if name in self._columns
            }
            data = self._parts.encode(self._parts.table(columns, self._records, self._times))
            self._write(data)
            self._clear()

    def _column(self, name: str, kind: Kind) -> list[Any]:
        values = self._columns[name]
        values.extend([None] * (len(self._times) - len(values)))
        if kind == "number" and name not in FIXED:
            return [value if value is None else float(value) for value in values]
        return values

    def _write(self, data: bytes) -> None:
        name = f"part-{self.rank:05d}-{self._pid}-{self._token}-{self._count:06d}.parquet"
        self._folder.write(name, data)
        self._count += 1

    def close(self) -> None:
        """Write the waiting rows. The ledger can be read, and logged to, afterwards."""
        self.flush()
        if self._finalizer is not None:
            self._finalizer.cancel()
            self._finalizer = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("uri", "rank", "flush_rows", "flush_seconds", "_storage_options", "_run", "_manifest")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    # ---- the manifest ------------------------------------------------------------------------------

    @property
    def manifest(self) -> dict[str, Any]:
        """The latest manifest: pipeline, fingerprint, seed, versions, git commit, model; {} if there is none."""
        self._check_process()
        return manifests.load(self._folder) or {}

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """Every distinct manifest of the processes that wrote here, oldest first."""
        self._check_process()
        return manifests.load_all(self._folder)

    def attach_model(self, path: str | os.PathLike[str]) -> None:
        """Add a model file's path, size and SHA-256 to the manifest."""
        self._check_process()
        model = manifests.describe_model(path)
        manifest = self._manifest or manifests.load(self._folder) or manifests.describe(self._run)
        self._manifest = {**manifest, "created": manifests.now(), "model": model}
        manifests.save(self._folder, self._manifest)

    def _describe(self) -> None:
        """Write this run's manifest, once per process."""
        if self._manifest is None:
            manifest = manifests.describe(self._run)
            manifests.save(self._folder, manifest)
            self._manifest = manifest

    # ---- reading -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        """The number of rows that can be read."""
        self.flush()
        return sum(part.rows for part in self._reader.parts().values())

    def __bool__(self) -> bool:
        """True: a ledger without rows is a ledger."""
        return True

    def files(self) -> list[str]:
        """The Parquet files of the ledger, for other engines: `ray.data.read_parquet(ledger.files())`.

        Paths on local disk, else paths for `fsspec`, with the protocol in front. Files that cannot be read are left
        out with a warning.
        """
        self.flush()
        return [self._folder.uri(name) for name in self._reader.parts()]

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.sql("from ledger limit 0").column_names)

    def sql(self, query: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Run a DuckDB query on the views `ledger` and `drawn`; the answer is a `pyarrow.Table`.

        `ledger.sql("select epoch, avg(loss) from ledger where sample_id = ? group by 1", ["a17"]).to_pylist()`

        Columns: sample_id, epoch, step, loss, pipeline (fingerprint), applied (paths of the steps that ran), params
        (map from `path.param` to what was drawn, as `params['OneOf/Rotate.angle']`), record (JSON text), time (UTC),
        and your own. `drawn` has these and a column per name in params, such as "OneOf/Rotate.angle", null where the
        step did not run; over millions of rows that is ten times faster than the map. A query sees nothing but the
        ledger and writes nothing. Raises duckdb.Error if it is wrong.
        """
        self.flush()
        return self._reader.query(query, parameters)

    def each_part(
        self, columns: Sequence[str], then: Callable[[pa.Table], T], *, encoded: Sequence[str] = ()
    ) -> list[T]:
        """`then(rows)` for every part, two at a time: for questions of all rows that a query would answer too slowly.

        rows: a `pyarrow.Table` of some of the columns from sample_id to time. encoded: those whose text, in lists too,
        comes as dictionaries. Files that cannot be read are left out with a warning.
        """
        self.flush()
        return self._reader.read(columns, encoded, then)

    def rows(
        self,
        where: str | None = None,
        parameters: Sequence[object] = (),
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Rows as dicts, `record` parsed, process by process in the order they were logged.

        where: a SQL condition on the columns of `drawn`, with `?` for each of `parameters`. All rows are held in
        memory: pass a limit, or use `sql` to select columns, when there are millions.
        """
        limited = "" if limit is None else f" limit {int(limit)}"
        return self._rows(f"{_condition(where)}{limited} offset {int(offset)}", parameters)

    def top(
        self, column: str = "loss", n: int = 20, where: str | None = None, parameters: Sequence[object] = ()
    ) -> list[dict[str, Any]]:
        """The n rows with the highest value in a column, highest first, then NaN, then None; `record` parsed.

        where: a SQL condition on the columns of `drawn`, with `?` for each of `parameters`: `"Rotate.angle" > ?`.
        Raises SampleError for an unknown column.
        """
        names = self.columns
        if column not in names:
            raise SampleError(f"top: no column {shown(column)}; there are {', '.join(names)}")
        quoted = _quoted(column)
        nan_last = f"coalesce(isnan(try_cast({quoted} as double)), false)"
        order = f"{quoted} is null, {nan_last}, {quoted} desc, sample_id, epoch"
        return self._rows(f"{_condition(where)} order by {order} limit {int(n)}", parameters)

    def _rows(self, conditions: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        self.flush()
        drawn = ", ".join(map(_quoted, self._reader.drawn()))
        query = f"select *{f' exclude ({drawn})' if drawn else ''} from drawn{conditions}"
        rows: list[dict[str, Any]] = self._reader.query(query, parameters).to_pylist()
        for row in rows:
            if row["record"] is not None:
                row["record"] = json.loads(row["record"])
                row["params"] = dict(row["params"])
        return rows

    def replay(self, row: Mapping[str, Any], source: Source) -> dict[str, Any]:
        """Run a row's record again and return what the pipeline returned then.

        row: as `top` and `rows` return it. source: the targets of a sample, `{"image": ..., "mask": ...}`, as a
        function of its id or a mapping; ids are text, a mapping is also asked for the int that the text spells.
        Raises RecordError for a row without a record, SampleError if the source has no such sample.
        """
        from augury.ledger.batch import replay_rows

        result: dict[str, Any] = next(replay_rows([row], source))
        return result

    # ---- exporting ---------------------------------------------------------------------------------

    def to_tensorboard(self, logdir: str | os.PathLike[str], source: Source | None = None, *, worst: int = 20) -> str:
        """Write TensorBoard events, one step per epoch, and return logdir.

        Scalars: loss/mean, median, p95 and highest; per step of the pipeline `ran on/PATH` (share of rows), `loss
        with/PATH` and `loss without/PATH`. Histogram: losses. With a source of samples, images: film strips of the
        `worst` rows as worst/01, ... Losses that are not finite are left out. Raises SampleError if none is left.
        """
        from augury.ledger.to_tensorboard import to_tensorboard

        return to_tensorboard(self, logdir, source, worst)

    def to_mlflow(
        self,
        tracking_uri: str | None = None,
        *,
        experiment: str = "augury",
        run_name: str | None = None,
        worst: int = 100,
    ) -> str:
        """Log the ledger as a new MLflow run, and return the run's id.

        tracking_uri: by default MLflow's own, from MLFLOW_TRACKING_URI. experiment: made if it does not exist.
        Params: fingerprint, seed, key scheme, rows, Python, platform, git commit, model digest. Metrics by epoch:
        loss_mean, loss_median, loss_p95, loss_highest; per step of the pipeline ran_on/PATH, loss_with/PATH and
        loss_without/PATH. Artifacts: manifest.json, pipeline.json, and worst.json with the `worst` rows and their
        records. Raises SampleError if there is no finite loss.
        """
        from augury.ledger.to_mlflow import to_mlflow

        return to_mlflow(self, tracking_uri, experiment, run_name, worst)

    def to_fiftyone(
        self,
        folder: str | os.PathLike[str],
        source: Source,
        n: int = 100,
        *,
        column: str = "loss",
        where: str | None = None,
        parameters: Sequence[object] = (),
    ) -> str:
        """Write the n rows with the highest value in a column as a folder that FiftyOne reads, and return it.

        `fiftyone.Dataset.from_dir("folder", dataset_type=fiftyone.types.FiftyOneDataset)`. The pictures are made again
        from the records: what the model saw, as PNG. Boxes become detections, keypoints and mask likewise; loss, epoch,
        steps, params, record (JSON text) and columns of your own become fields. where: a SQL condition. Needs no
        FiftyOne. Raises FieldError if the folder is not empty.
        """
        from augury.ledger.to_fiftyone import to_fiftyone

        return to_fiftyone(self, folder, source, n, column, where, parameters)


def opened(uri: str) -> Ledger:
    """The ledger at a path or URI; SampleError if there is none."""
    ledger = Ledger(uri)
    if not len(ledger) and not ledger.manifest:
        raise SampleError(f"{uri}: no ledger here; pass the folder or URI that Ledger(...) was given")
    return ledger


def sample_of(source: Source, sample_id: str) -> Sample:
    """The targets of a sample; SampleError if the source has none or returns something else."""
    if isinstance(source, Mapping):
        keys: list[Any] = [sample_id]
        if sample_id.isdecimal():
            keys.append(int(sample_id))
        key = next((key for key in keys if key in source), None)
        if key is None:
            raise SampleError(f"source: no sample {sample_id!r}; pass a mapping or function that knows it")
        targets = source[key]
    else:
        targets = source(sample_id)
    if not isinstance(targets, Mapping):
        raise SampleError(f"source: sample {sample_id!r} is {shown(targets)}; return a dict such as {{'image': image}}")
    return targets


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _condition(where: str | None) -> str:
    return "" if where is None else f" where ({where})"


def _rank() -> int:
    return next((int(os.environ[name]) for name in _RANK_VARIABLES if os.environ.get(name, "").isdecimal()), 0)
