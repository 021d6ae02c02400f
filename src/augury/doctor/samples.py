"""Samples that stand out whatever is drawn, and samples that stand out under a few draws only.

A sample's loss is read without what the steps are known to cost, and as its rank among all losses of the epoch, so that
neither bad luck with the draws nor early epochs make a suspect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from augury.doctor.panel import Panel
from augury.doctor.results import Effect, Suspect
from augury.sample import Array

if TYPE_CHECKING:
    from augury.ledger import Ledger

SUSPECTS = 50
_HIGH = 0.75  # a suspect ranks above this share of its epoch under nine draws of ten
_FEWEST = 4  # draws of a sample that "every" and "most" can be said of


@dataclass(frozen=True)
class Unstable:
    """A sample whose loss is low under most draws. high: the draws, as rows of the panel, under which it is not."""

    sample: int
    draws: int
    high: Array
    usual: float
    worst: float


def adjusted_loss(panel: Panel, effects: tuple[Effect, ...]) -> Array:
    """Losses less what the steps that ran are known to cost, (rows,)."""
    cost = {one.path: one.effect or 0.0 for one in effects if one.p_corrected is not None and one.p_corrected < 0.05}
    by_pattern = panel.ran @ np.array([cost.get(path, 0.0) for path in panel.paths])
    out: Array = panel.loss - by_pattern[panel.pattern]
    return out


def ranks(values: Array, epoch: Array, epochs: int) -> Array:
    """The share of its epoch that each value is above, in [0, 1], (rows,)."""
    out = np.zeros(len(values))
    order = np.lexsort((values, epoch))
    seen = np.bincount(epoch, minlength=epochs)
    first = np.cumsum(seen) - seen
    sorted_epoch = epoch[order]
    out[order] = (np.arange(len(values)) - first[sorted_epoch]) / np.maximum(seen[sorted_epoch] - 1, 1)
    return out


def suspects(ledger: Ledger, panel: Panel, values: Array, label: str | None) -> list[Suspect]:
    """Up to 50 samples whose loss is high under every draw, the worst first."""
    sizes = panel.sizes
    if not panel.samples or sizes.max() < _FEWEST:
        return []
    rank = ranks(values, panel.epoch, len(panel.epochs))
    score = np.add.reduceat(rank, panel.starts[:-1]) / sizes
    sample = panel.sample
    low = np.bincount(sample[rank < _HIGH], minlength=panel.samples)
    suspect = (low <= sizes // 10) & (sizes >= _FEWEST)
    chosen = np.flatnonzero(suspect)
    cost = np.add.reduceat(values, panel.starts[:-1])[chosen] / sizes[chosen]
    chosen = chosen[np.argsort(-cost, kind="stable")][:SUSPECTS]
    known = names(ledger, panel.ids[chosen], label)
    mean = np.add.reduceat(panel.loss, panel.starts[:-1]) / sizes
    lowest = np.minimum.reduceat(panel.loss, panel.starts[:-1])
    return [
        Suspect(*known[int(panel.ids[i])], int(sizes[i]), float(mean[i]), float(lowest[i]), float(score[i]))
        for i in chosen
        if int(panel.ids[i]) in known
    ]


def unstable(panel: Panel) -> list[Unstable]:
    """Samples that are easy under most draws and among the hardest under a few, the widest gap first."""
    sizes = panel.sizes
    if not panel.samples or sizes.max() < _FEWEST:
        return []
    rank = ranks(panel.loss, panel.epoch, len(panel.epochs))
    sample = panel.sample
    high = rank > 0.95
    calm = rank < 0.6
    many = np.bincount(sample[high], minlength=panel.samples)
    quiet = np.bincount(sample[calm], minlength=panel.samples)
    chosen = (many >= 2) & (many <= sizes / 4) & (quiet >= 0.7 * (sizes - many)) & (sizes >= 2 * _FEWEST)
    out = []
    for i in np.flatnonzero(chosen):
        rows = np.arange(panel.starts[i], panel.starts[i + 1])
        losses = panel.loss[rows]
        out.append(Unstable(int(i), len(rows), rows[high[rows]], float(np.median(losses)), float(losses.max())))
    return sorted(out, key=lambda one: one.usual - one.worst)


def names(ledger: Ledger, ids: Array, label: str | None) -> Mapping[int, tuple[str, Any]]:
    """Hash of a sample id -> the id and its label, which is None if there is no such column."""
    if not len(ids):
        return {}
    quoted = '"' + label.replace('"', '""') + '"' if label else "null"
    rows = ledger.sql(
        f"select hash(sample_id) as id, any_value(sample_id) as name, any_value({quoted}) as label from ledger "
        f"where hash(sample_id) in ({', '.join('?' * len(ids))}) group by 1",
        [int(one) for one in ids],
    ).to_pylist()
    return {row["id"]: (row["name"], row["label"]) for row in rows}
