"""The sums that `within.fit` needs, when the columns of a row depend only on which steps ran.

Rows with the same pattern of steps in the same epoch then have the same columns: they are one cell. What is summed over
the rows of a sample is a table over cells, so a row costs the look-up of its cell and no column is ever made. The
numbers are those of `within`, where the formulas are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from augury.doctor.panel import Panel
from augury.sample import Array

MOST = 1 << 16  # cells whose tables still fit the processor's cache


def cross(
    panel: Panel, columns: Array, rows: slice, starts: Array, *, within: bool, origin: float
) -> tuple[Any, ...]:  # fmt: skip
    """What `within._cross` returns. columns: of each pattern, (patterns, columns). origin: the mean of all losses."""
    patterns = len(columns)
    n = len(panel.epochs) if within else 1
    loss, sizes = _centred(panel.loss[rows], starts, within, origin)
    pattern = panel.pattern[rows]
    cell, cells = _cells(panel, pattern, rows, n, patterns)
    width = columns.shape[1] + 1
    cross, by_epoch, epochs = np.empty((width, width)), np.empty((n, width)), np.diag(cells.sum(axis=1))
    by_epoch[:, :-1] = cells @ columns
    sums = np.bincount(cell, loss, minlength=n * patterns).reshape(n, patterns)
    by_epoch[:, -1] = sums.sum(axis=1)
    cross[:-1, :-1] = columns.T @ (columns * cells.sum(axis=0)[:, None])
    cross[:-1, -1] = cross[-1, :-1] = columns.T @ sums.sum(axis=0)
    cross[-1, -1] = loss @ loss
    if within:  # take the means of the samples away; those of the losses are zero
        ones = np.ones(len(loss))
        totals = _by_sample(starts, pattern, ones, patterns) @ columns
        means = totals / sizes[:, None]
        cross[:-1, :-1] -= totals.T @ means
        seen = _by_sample(starts, panel.epoch[rows], ones, n).toarray()
        by_epoch[:, :-1] -= seen.T @ means
        epochs = epochs - seen.T @ (seen / sizes[:, None])
    counted = sizes > int(within)
    return int(sizes[counted].sum()), int(counted.sum()), cross, by_epoch, epochs


def meat(
    panel: Panel, columns: Array, rows: slice, starts: Array, *, within: bool, origin: float, trend: Array,
    effects: Array, at: Array, own: Array,
) -> Array:  # fmt: skip
    """The sum over samples of score times score: column `at[i]` times what is left of the loss by fit `own[i]`."""
    patterns, width = columns.shape
    n = len(trend)
    loss, sizes = _centred(panel.loss[rows], starts, within, origin)
    cell, _ = _cells(panel, panel.pattern[rows], rows, n, patterns)
    left = (columns - trend[:, None, :-1]).reshape(n * patterns, width)
    known = np.repeat(trend[:, -1:], patterns, axis=0) + left @ effects
    told = [left[:, at] * known[:, own], *([left, known] if within else [])]
    sums = _by_sample(starts, cell, np.ones(len(loss)), n * patterns) @ np.hstack(told)
    scores = (_by_sample(starts, cell, loss, n * patterns) @ left)[:, at] - sums[:, : len(at)]
    if within:
        totals, knowns = sums[:, len(at) : len(at) + width], sums[:, len(at) + width :]
        scores += totals[:, at] * (knowns[:, own] / sizes[:, None])
    out: Array = scores.T @ scores
    return out


def _centred(loss: Array, starts: Array, within: bool, origin: float) -> tuple[Array, Array]:
    """Losses less the mean of their sample, or of all; and the rows of each sample."""
    sizes = np.diff(starts, append=len(loss))
    if not within:
        return loss - origin, sizes
    return loss - np.repeat(np.add.reduceat(loss, starts) / sizes, sizes), sizes


def _cells(panel: Panel, pattern: Array, rows: slice, n: int, patterns: int) -> tuple[Array, Array]:
    """The cell of each row, and how many rows each has, (epochs, patterns)."""
    cell = pattern if n == 1 else panel.epoch[rows] * np.int32(patterns) + pattern
    return cell, np.bincount(cell, minlength=n * patterns).reshape(n, patterns).astype(np.float64)


def _by_sample(starts: Array, column: Array, values: Array, width: int) -> Any:
    """A matrix (samples, width) with one value per row of the panel, in the row's column."""
    ends = np.append(starts, len(column)).astype(np.int32)
    return sparse.csr_array((values, column.astype(np.int32, copy=False), ends), shape=(len(starts), width))
