"""A ledger as TensorBoard events: losses by epoch and by step, their distribution, film strips of the worst samples."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from augury.errors import FieldError
from augury.ledger.summary import by_epoch, by_step

if TYPE_CHECKING:
    from augury.ledger.ledger import Ledger, Source


def to_tensorboard(ledger: Ledger, logdir: str | os.PathLike[str], source: Source | None, worst: int) -> str:
    """See `Ledger.to_tensorboard`."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise ImportError(f"to_tensorboard needs {error.name}: pip install 'augury[tensorboard]'") from error
    if worst < 0:
        raise FieldError(f"to_tensorboard.worst: got {worst}; pass 0 or more")

    epochs, steps = by_epoch(ledger), by_step(ledger)
    times = {row["epoch"]: row["time"] for row in epochs}
    folder = os.fspath(logdir)
    writer = EventFileWriter(folder)

    def write(epoch: int, summary: Any) -> None:
        writer.add_event(Event(wall_time=times[epoch], step=epoch, summary=summary))

    losses = ledger.sql("select coalesce(epoch, 0) as epoch, loss from ledger where isfinite(loss)")
    by = losses["epoch"].to_numpy()
    values = losses["loss"].to_numpy()
    for row in epochs:
        epoch = row["epoch"]
        for name in ("mean", "median", "p95", "highest"):
            write(epoch, scalar_pb(f"loss/{name}", row[name]))
        write(epoch, histogram_pb("losses", values[by == epoch]))
    for row in steps:
        for name, column in (("ran on", "share"), ("loss with", "ran"), ("loss without", "not_ran")):
            if row[column] is not None:
                write(row["epoch"], scalar_pb(f"{name}/{row['path']}", row[column]))
    if source is not None:
        from augury.inspect import show
        from augury.ledger.ledger import sample_of

        for number, row in enumerate(ledger.top("loss", worst, "isfinite(loss) and record is not null"), 1):
            strip = show(row["record"], **sample_of(source, row["sample_id"]))
            height, width = strip.image.shape[:2]
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=strip._repr_png_())
            write(row["epoch"] or 0, Summary(value=[Summary.Value(tag=f"worst/{number:02d}", image=image)]))
    writer.close()
    return folder
