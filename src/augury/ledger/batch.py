"""Many rows replayed: one after the other, or by Ray on all cores of one machine or many."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from augury.errors import FieldError, RecordError, shown
from augury.replay import replay

if TYPE_CHECKING:
    from augury.ledger.ledger import Source

Engine = Literal["ray"]
Then = Callable[[Mapping[str, Any], dict[str, Any]], Any]
_CHUNK = 64  # rows per task: enough that sending a task costs little beside running it


def replay_rows(
    rows: Iterable[Mapping[str, Any]],
    source: Source,
    *,
    engine: Engine | None = None,
    then: Then | None = None,
) -> Iterator[Any]:
    """What the pipeline returned for each row, in the order of the rows, a few at a time.

    rows: as `Ledger.top` and `Ledger.rows` return them. source: as `Ledger.replay` takes it; with an engine it is sent
    to other processes, so pass a function that reads the sample rather than a mapping of pixels. engine: None replays
    here, "ray" on the Ray cluster this process is connected to, else on all cores of this machine; the results are
    equal byte for byte. then: function(row, result), called where the replay ran; its value is returned in place of the
    result, so that pixels need not travel. Raises what `Ledger.replay` and `then` raise, at the row that raised it.
    """
    if engine not in (None, "ray"):
        raise FieldError(f"replay_rows.engine: got {shown(engine)}; pass 'ray' or None")
    if engine is None:
        return (_one(row, source, then) for row in rows)
    return _by_ray(rows, source, then)


def _one(row: Mapping[str, Any], source: Source, then: Then | None) -> Any:
    from augury.ledger.ledger import sample_of

    sample_id, record = str(row["sample_id"]), row["record"]
    if record is None:
        raise RecordError(f"sample {sample_id!r}: its row has no record; log one with record=")
    if isinstance(record, str):
        record = json.loads(record)
    result = replay(record, **sample_of(source, sample_id))
    return result if then is None else then(row, result)


def _by_ray(rows: Iterable[Mapping[str, Any]], source: Source, then: Then | None) -> Iterator[Any]:
    ray = connect()
    shared = ray.put((source, then))

    @ray.remote  # type: ignore[untyped-decorator]
    def several(rows: list[Mapping[str, Any]], shared: Any) -> list[Any]:
        import cv2

        cv2.setNumThreads(1)  # Ray already runs one task per core
        return [_one(row, *shared) for row in rows]

    waiting: list[Any] = []
    most = 2 * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        waiting.append(several.remote(chunk, shared))
        if len(waiting) >= most:
            yield from _fetched(ray, waiting.pop(0))
    for task in waiting:
        yield from _fetched(ray, task)


def _fetched(ray: Any, task: Any) -> list[Any]:
    try:
        got: list[Any] = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    return got


def connect() -> Any:
    """Ray, connected: to the cluster of this process if it has one, else to a new one on this machine alone.

    A new one listens on the loopback address alone, without dashboard, usage statistics or log forwarding.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(f"engine='ray' needs {error.name}: pip install 'augury[ray]'") from error
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False, _node_ip_address="127.0.0.1")
    return ray
