"""Which augmentation hurts: effects on the loss with their uncertainty, and findings in words.

`results` says what comes back, `within` holds the statistics, `diagnose` puts the parts together. This file stays
light, because it is loaded with augury: `augury.doctor` is the function, and the modules are imported from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augury.doctor.results import Diagnosis, Engine, Estimate
    from augury.ledger import Ledger
    from augury.ledger.ledger import Source

__all__ = ["doctor"]


def doctor(
    ledger: Ledger,
    estimate: Estimate = "paired",
    since: int | None = None,
    *,
    label: str = "label",
    data: Source | None = None,
    looks: int = 200,
    most_rows: int = 200_000,
    engine: Engine = "duckdb",
) -> Diagnosis:
    """Say which steps raise the loss, by how much and how surely, and what else is wrong with a run.

    estimate: what curves and findings rest on: "paired" (the same sample under different draws), "raw" (a plain
    difference of means) or "adjusted" (paired, with every other step taken into account). since: the first epoch to
    look at. label: the column that holds classes, if there is one. data: the samples, as `Ledger.replay` takes them;
    with them `looks` rows are made again to see what steps do to pictures and labels. most_rows: effects use every
    row; curves, interactions and findings by range or class use a subset of the samples, chosen by their ids, with
    about this many rows. engine: "ray" reads the parts with Ray Data and computes effects on all cores, or on the Ray
    cluster that this process is connected to; the numbers are the same, and no process holds all rows.
    Raises SampleError for a ledger without rows, RecordError for one that a newer augury wrote.
    """
    from augury.doctor.diagnose import diagnose

    return diagnose(ledger, estimate, since, label=label, data=data, looks=looks, most_rows=most_rows, engine=engine)
