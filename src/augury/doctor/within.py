"""One estimator for everything: a linear model of the loss within samples, with errors that may cluster by sample.

The model is loss = sample + epoch + columns . effects + error. Sample and epoch are removed exactly (Frisch and Waugh,
1933: regress what is left of the loss on what is left of the columns), so neither an easy sample nor a loss that
falls from epoch to epoch can pass for an effect. Covariances are the cluster-robust sandwich of Liang and Zeger
(1986), with the small-sample factor G/(G-1) (N-1)/(N-K) that statsmodels uses for `cov_type="cluster"`; intervals come
from Student's t with G-1 degrees of freedom. Rows are read twice in blocks, so ten million fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse, stats
from threadpoolctl import ThreadpoolController

from augury.doctor import cells
from augury.doctor.panel import Panel
from augury.sample import Array

if TYPE_CHECKING:
    from augury.doctor.engine import Shards

Columns = Callable[[slice], Array] | Array
"""Columns of some rows, (rows, columns), as fresh float64; or those of each pattern, (patterns, columns)."""

_TINY = 1e-9


@dataclass(frozen=True)
class Test:
    """An effect with its 95 % interval and two-sided p-value."""

    effect: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Fit:
    """Effects of some columns, fitted together. cross: what is left of the columns, squared, (columns, columns)."""

    effects: Array
    covariance: Array
    cross: Array
    freedom: int

    @cached_property
    def null(self) -> Array:
        """Directions along which the effects are not determined, (columns, directions)."""
        scale = np.sqrt(np.where(self.cross.diagonal() > 0, self.cross.diagonal(), 1.0))
        values, vectors = np.linalg.eigh(self.cross / scale / scale[:, None])
        flat: Array = vectors[:, values < _TINY] / scale[:, None]
        flat /= np.maximum(np.abs(flat).max(axis=0, initial=0), 1e-300)
        return flat

    def determined(self, weights: Array) -> bool:
        """Whether the data decide the weighted sum of effects."""
        return bool(np.all(np.abs(weights @ self.null) < 1e-5))

    def test(self, weights: Array) -> Test | None:
        """A weighted sum of effects; None if the data do not decide it."""
        if self.freedom < 1 or not self.determined(weights):
            return None
        effect = float(weights @ self.effects)
        error = math.sqrt(max(float(weights @ self.covariance @ weights), 0.0))
        if error == 0.0:
            return Test(effect, effect, effect, 1.0 if effect == 0.0 else 0.0)
        low, high = stats.t.interval(0.95, self.freedom, effect, error)
        return Test(effect, float(low), float(high), float(2 * stats.t.sf(abs(effect / error), self.freedom)))

    def one(self, column: int) -> Test | None:
        """The effect of one column."""
        return self.test(np.eye(len(self.effects))[column])

    def all_zero(self, weights: Array) -> float | None:
        """p-value of every row of weights . effects being zero (Wald's F); None if none is determined."""
        rows = np.array([row for row in weights if self.determined(row)])
        if not len(rows):
            return None
        spread = rows @ self.covariance @ rows.T
        rank = int(np.linalg.matrix_rank(spread, hermitian=True))
        if rank == 0 or self.freedom < rank:
            return None
        gap = rows @ self.effects
        wald = float(gap @ np.linalg.pinv(spread, hermitian=True) @ gap)
        return float(stats.f.sf(wald / rank, rank, self.freedom))


def fit(panel: Panel | Shards, columns: Columns, groups: Sequence[Sequence[int]], *, within: bool = True) -> list[Fit]:
    """The effects of each group of columns, those of a group fitted together and apart from other groups.

    within: remove sample and epoch; without it only the overall mean is removed.
    """
    origin = panel.total / max(panel.rows, 1)
    table = None if callable(columns) else columns
    if table is not None and len(table) * (len(panel.epochs) if within else 1) > min(cells.MOST, panel.rows):
        table = None  # with so many patterns there is little to share between rows

    def products(part: Panel, rows: slice, starts: Array) -> tuple[Any, ...]:
        if table is not None:
            return cells.cross(part, table, rows, starts, within=within, origin=origin)
        return _cross(part, columns, rows, starts, within)

    with one_thread():
        first = panel.each(products)
    total = [sum(parts) for parts in zip(*first, strict=True)]
    rows, clusters, cross, by_epoch, epochs = total
    trend = np.linalg.pinv(epochs, rcond=1e-10, hermitian=True) @ by_epoch
    cross = cross - by_epoch.T @ trend
    solved = [_solve(cross, list(group)) for group in groups]
    # All groups at once: column `at[i]` of the panel, in group `own[i]`.
    at = np.array([column for group in groups for column in group], np.int64)
    own = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    effects = np.zeros((len(cross) - 1, len(groups)))
    for i, (group, (values, _, _)) in enumerate(zip(groups, solved, strict=True)):
        effects[list(group), i] = values

    def meat(part: Panel, rows: slice, starts: Array) -> Array:
        """The sum over samples of score times score."""
        if table is not None:
            return cells.meat(
                part, table, rows, starts, within=within, origin=origin, trend=trend, effects=effects, at=at, own=own,
            )  # fmt: skip
        both, _ = _left(part, columns, rows, starts, within, trend)
        errors = both[:, -1:] - both[:, :-1] @ effects
        scores = _sums(starts, len(both)) @ (both.take(at, axis=1) * errors.take(own, axis=1))
        out: Array = scores.T @ scores
        return out

    with one_thread():
        spread: Any = sum(panel.each(meat))
    out = []
    for i, (group, (values, inverse, cross_of)) in enumerate(zip(groups, solved, strict=True)):
        places = np.flatnonzero(own == i)
        width = int(np.linalg.matrix_rank(cross_of, hermitian=True)) if len(group) else 0
        factor = clusters / max(clusters - 1, 1) * (rows - 1) / max(rows - width, 1)
        covariance = factor * inverse @ spread[np.ix_(places, places)] @ inverse
        out.append(Fit(values, covariance, cross_of, clusters - 1))
    return out


def one_thread() -> AbstractContextManager[Any]:
    """Keeps products of small matrices from waking a thread per core, which costs more than the products."""
    limited: AbstractContextManager[Any] = _blas().limit(limits=1, user_api="blas")
    return limited


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _sums(starts: Array, rows: int) -> Any:
    """A matrix that adds up the rows of each sample."""
    ends = np.append(starts, rows)
    return sparse.csr_array((np.ones(rows), np.arange(rows), ends), shape=(len(starts), rows))


def _left(panel: Panel, columns: Columns, rows: slice, starts: Array, within: bool, trend: Any) -> tuple[Array, Array]:
    """What is left of columns and loss, side by side, once sample (and epoch, if its trend is known) are removed; and
    the epoch of each row.
    """
    made = columns(rows) if callable(columns) else columns.take(panel.pattern[rows], axis=0)
    both = np.column_stack([made, panel.loss[rows]])
    epoch = panel.epoch[rows] if within else np.zeros(len(both), np.int32)
    if trend is not None:
        both -= trend.take(epoch, axis=0)
    if within:
        sizes = np.diff(starts, append=len(both))
        means = (_sums(starts, len(both)) @ both) / sizes[:, None]
        both -= means.take(np.repeat(np.arange(len(sizes)), sizes), axis=0)
    return both, epoch


def _cross(panel: Panel, columns: Columns, rows: slice, starts: Array, within: bool) -> tuple[Any, ...]:
    """Rows and samples that count; products of what is left of columns, loss and epochs."""
    both, epoch = _left(panel, columns, rows, starts, within, None)
    n = len(panel.epochs) if within else 1
    sizes = np.diff(starts, append=len(both))
    is_in = sparse.csr_array((np.ones(len(both)), epoch, np.arange(len(both) + 1)), shape=(len(both), n))
    epochs = np.diag(np.bincount(epoch, minlength=n)).astype(np.float64)
    if within:
        sample = np.repeat(np.arange(len(starts)), sizes)
        seen = np.bincount(sample * n + epoch, minlength=len(starts) * n).reshape(-1, n) / np.sqrt(sizes)[:, None]
        epochs -= seen.T @ seen
    counted = sizes > int(within)  # a sample that was seen once says nothing about what changed within it
    return int(sizes[counted].sum()), int(counted.sum()), both.T @ both, is_in.T @ both, epochs


def _solve(cross: Array, group: list[int]) -> tuple[Array, Array, Array]:
    """Effects, the inverse and the products of a group of columns; the smallest effects where they are not unique."""
    own = cross[np.ix_(group, group)]
    scale = np.sqrt(np.where(own.diagonal() > 0, own.diagonal(), 1.0))
    inverse = np.linalg.pinv(own / scale / scale[:, None], rcond=_TINY, hermitian=True) / scale / scale[:, None]
    return inverse @ cross[group, -1], inverse, own
