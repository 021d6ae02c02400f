"""A ledger in a few numbers per epoch: what the exporters hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augury.errors import SampleError

if TYPE_CHECKING:
    from augury.ledger.ledger import Ledger

_ROWS = "rows as (select coalesce(epoch, 0) as epoch, applied, loss, time from ledger where isfinite(loss))"


def by_epoch(ledger: Ledger) -> list[dict[str, Any]]:
    """Per epoch: rows, mean, median, p95 (95th percentile) and highest of the finite losses, and the time of the last.

    Rows without an epoch count as epoch 0. Raises SampleError if there is no finite loss.
    """
    found: list[dict[str, Any]] = ledger.sql(
        f"""with {_ROWS} select epoch, count(*) as rows, avg(loss) as mean, quantile_cont(loss, 0.5) as median,
            quantile_cont(loss, 0.95) as p95, max(loss) as highest, epoch_us(max(time)) / 1e6 as time
        from rows group by epoch order by epoch"""
    ).to_pylist()
    if not found:
        raise SampleError(f"{ledger.uri}: no finite loss in it; log samples with loss= before exporting")
    return found


def by_step(ledger: Ledger) -> list[dict[str, Any]]:
    """Per epoch and step: the share of rows it ran on, and the mean loss with and without it (None if all had it)."""
    found: list[dict[str, Any]] = ledger.sql(
        f"""with {_ROWS},
            kinds as (select epoch, applied, count(*) as n, sum(loss) as total from rows group by all),
            every as (select epoch, sum(n) as n, sum(total) as total from kinds group by all),
            steps as (
                select epoch, path, sum(n) as n, sum(total) as total
                from (select epoch, unnest(applied) as path, n, total from kinds) group by all
            )
        select epoch, path, steps.n / every.n as share, steps.total / steps.n as ran,
            (every.total - steps.total) / nullif(every.n - steps.n, 0) as not_ran
        from steps join every using (epoch) order by epoch, path"""
    ).to_pylist()
    return found
