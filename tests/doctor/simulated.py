"""Runs whose truth is known: panels made directly, and ledgers with real records and simulated losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import augury as A
from augury.doctor.panel import Panel, arrange
from augury.sample import Array

SIDE = 16


def panel_of(loss: Array, sample: Array, epoch: Array, ran: Array, paths: Sequence[str]) -> Panel:
    """A panel of rows; ran: (rows, steps) of bool."""
    patterns, code = np.unique(ran, axis=0, return_inverse=True)
    ids = np.random.default_rng(5).integers(0, 2**64, int(sample.max()) + 1, dtype=np.uint64)
    epochs = list(range(int(epoch.max()) + 1))
    return arrange(ids[sample], epoch.astype(np.int32), epochs, loss, code.astype(np.int32).ravel(), paths, patterns)


def grid(samples: int, epochs: int) -> tuple[Array, Array]:
    """Sample and epoch of every row, epoch by epoch as training logs them."""
    epoch, sample = np.divmod(np.arange(samples * epochs), samples)
    return sample, epoch


@cache
def records(pipeline: A.ReplayCompose, samples: int, epochs: int) -> list[dict[str, Any]]:
    """What a pipeline draws for every sample in every epoch."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return [pipeline(image=image, key=(e, s))["replay"] for e in range(epochs) for s in range(samples)]


def applied(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Path -> params of the steps that ran."""
    return {step["path"]: step.get("params", {}) for step in record["steps"] if step["status"] == "applied"}


def ledger(
    folder: Path,
    pipeline: A.ReplayCompose,
    cost: Callable[[int, int, dict[str, dict[str, Any]]], float],
    samples: int = 120,
    epochs: int = 8,
    seed: int = 0,
    labels: Iterable[Any] | None = None,
) -> A.Ledger:
    """A ledger whose losses are those of easy and hard samples, falling by epoch, noisy, plus cost(sample, epoch,
    steps that ran).
    """
    rng = np.random.default_rng(seed)
    drawn = records(pipeline, samples, epochs)
    hardness = rng.gamma(2.0, 0.3, samples)
    out = A.Ledger(folder, pipeline=pipeline, flush_rows=1_000_000)
    classes = list(labels) if labels is not None else [s % 10 for s in range(samples)]
    for epoch in range(epochs):
        mine = drawn[epoch * samples : (epoch + 1) * samples]
        noise = rng.gamma(1.0, 0.15, samples)
        losses = [
            float((hardness[s] + 1.0) / (1 + 0.5 * epoch) + noise[s] + cost(s, epoch, applied(record)))
            for s, record in enumerate(mine)
        ]
        out.log(
            sample_id=[f"s{s:04d}" for s in range(samples)], record=mine, loss=losses, epoch=epoch, label=classes,
        )  # fmt: skip
    out.flush()
    return out
