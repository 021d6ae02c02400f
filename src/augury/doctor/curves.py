"""Effects along the range of a param, in stretches of it, by class, and of two steps together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augury.doctor.details import Details, Param, unit_of
from augury.doctor.estimates import SAME, holm, tied
from augury.doctor.panel import Panel
from augury.doctor.results import Bin, Curve, Estimate, Interaction
from augury.doctor.within import Fit, Test, fit
from augury.sample import Array

MOST_LEVELS = 10
_BINS = 12
_FEWEST = 25  # rows in a bin, in a class or in a cell of an interaction that are worth an estimate
_MOST_PAIRS = 120
_STEPS = (1.0, 2.0, 2.5, 3.0, 5.0, 6.0, 10.0)
_TURNS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 90.0)


@dataclass(frozen=True)
class Stretch:
    """A part of a param's range in which its step costs more, found on one half of the samples, measured on the other.

    low, high: None where open. magnitude: they bound the absolute value. inside: effect where the value lies in it.
    apart: how much more that is than elsewhere. rows: the rows that lie in it.
    """

    path: str
    param: str
    unit: str
    low: float | None
    high: float | None
    level: float | None
    magnitude: bool
    inside: Test
    apart: Test
    rows: Array


@dataclass(frozen=True)
class ByClass:
    """The effect of a step on each class, and how much more it is than on those it affects less; p_value of all being
    equal.
    """

    path: str
    labels: tuple[Any, ...]
    effects: tuple[Test | None, ...]
    rest: tuple[Test | None, ...]
    p_value: float


class Model:
    """Fits of columns beside the steps that an estimate takes into account."""

    def __init__(self, panel: Panel, estimate: Estimate, samples: Array | None = None) -> None:
        if samples is not None:
            panel = _of(panel, samples)
        self.panel, self.estimate = panel, estimate
        counts = panel.counts()
        self.varies = np.flatnonzero((counts > 0) & (counts < panel.rows)).tolist()
        self._groups = tied(panel, self.varies) if estimate == "paired" else []

    def beside(self, path: str) -> list[int]:
        """Steps to fit together with those of `path`, which is not among them."""
        own = self.panel.paths.index(path)
        if self.estimate == "adjusted":
            return [step for step in self.varies if step != own]
        for group in self._groups:
            steps = [self.varies[i] for i in group]
            if own in steps:
                return [step for step in steps if step != own]
        return []

    def fit(self, columns: Array, path: str) -> Fit:
        """Columns, one row per row of the panel, fitted with the steps beside `path`."""
        others = self.panel.ran[:, self.beside(path)].astype(np.float64)
        pattern = self.panel.pattern
        n = columns.shape[1]
        return fit(
            self.panel,
            lambda rows: np.hstack([columns[rows], others.take(pattern[rows], axis=0)]),
            [range(n + others.shape[1])] if self.estimate != "raw" else [range(n)],
            within=self.estimate != "raw",
        )[0]


def _of(panel: Panel, samples: Array) -> Panel:
    """The panel of some of the samples; `row` numbers rows of the whole one."""
    rows = np.flatnonzero(np.repeat(samples, panel.sizes))
    starts = np.concatenate([[0], np.cumsum(panel.sizes[samples])])
    return replace(
        panel, ids=panel.ids[samples], starts=starts, loss=panel.loss[rows], epoch=panel.epoch[rows],
        pattern=panel.pattern[rows], row=rows,
    )  # fmt: skip


# ---- along a param ---------------------------------------------------------------------------------------


def edges_of(values: Array, unit: str) -> Array:
    """Edges of at most about 12 bins, on round numbers; by counts where the values crowd together."""
    low, high = float(values.min()), float(values.max())
    width = (high - low) / _BINS
    if unit == "degree":
        step = next((turn for turn in _TURNS if turn >= width * 0.999), 90.0)
    else:
        scale = 10.0 ** math.floor(math.log10(width))
        step = next(scale * one for one in _STEPS if scale * one >= width * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    edges = np.array([round(i * step, 12) for i in range(first, last + 1)])
    counts = np.histogram(values, edges)[0]
    if np.sum(counts >= _FEWEST) >= min(len(counts), 4) or len(values) < 8 * _FEWEST:
        return edges
    return np.unique(np.quantile(values, np.linspace(0, 1, 9)))


@dataclass(frozen=True)
class Cut:
    """A param cut into bins or levels. code: the bin of each of its rows."""

    param: Param
    unit: str
    edges: Array | None
    levels: tuple[float, ...] | None
    code: Array
    width: int


def cut(param: Param) -> Cut:
    """Levels if the param takes few values, bins otherwise."""
    unit = unit_of(param.path, param.name)
    levels, code = np.unique(param.values, return_inverse=True)
    if len(levels) <= MOST_LEVELS:
        return Cut(param, unit, None, tuple(levels.tolist()), code, len(levels))
    edges = edges_of(param.values, unit)
    code = np.clip(np.searchsorted(edges, param.values, "right") - 1, 0, len(edges) - 2)
    return Cut(param, unit, edges, None, code, len(edges) - 1)


def _dummies(rows: int, at: Array, code: Array, width: int) -> Array:
    out = np.zeros((rows, width))
    out[at, code] = 1.0
    return out


def curve(model: Model, one: Cut) -> tuple[Curve, float | None]:
    """The curve of a param, and the p-value of its being flat."""
    counts = np.bincount(one.code, minlength=one.width)
    fitted = model.fit(_dummies(model.panel.rows, one.param.rows, one.code, one.width), one.param.path)
    size = len(fitted.effects)
    tests, against = [], SAME if model.estimate != "raw" else "all rows without it"
    shares = np.zeros(size)
    shares[: one.width] = counts / counts.sum()
    known = counts >= _FEWEST
    unit = np.eye(size)
    if not all(fitted.determined(unit[i]) for i in np.flatnonzero(known)):
        against = "the mean over the whole range"
        tests = [fitted.test(unit[i] - shares) if known[i] else None for i in range(one.width)]
    else:
        tests = [fitted.test(unit[i]) if known[i] else None for i in range(one.width)]
    flat = fitted.all_zero(np.array([unit[i] - shares for i in np.flatnonzero(known)])) if known.sum() > 1 else None
    bins = []
    for i, test in enumerate(tests):
        low, high = (float(one.edges[i]), float(one.edges[i + 1])) if one.edges is not None else (None, None)
        level = one.levels[i] if one.levels is not None else None
        numbers = (test.effect, test.low, test.high) if test else (None, None, None)
        bins.append(Bin(low, high, level, int(counts[i]), *numbers))
    kind = "numeric" if one.edges is not None else "categorical"
    return Curve(one.param.path, one.param.name, kind, one.unit, tuple(bins), against), flat  # type: ignore[arg-type]


# ---- in a stretch of a param -----------------------------------------------------------------------------


def stretch(details: Details, estimate: Estimate, one: Cut) -> Stretch | None:
    """The part of a param's range in which its step costs most, if there is any.

    It is chosen on one half of the samples and measured on the other, so choosing does not flatter the measure.
    """
    chosen = _choose(Model(details.panel, estimate, details.half), details, one)
    if chosen is None:
        return None
    low, high, level, magnitude, member = chosen
    model = Model(details.panel, estimate, ~details.half)
    param = one.param
    place = np.full(details.panel.rows, -1)
    place[model.panel.row] = np.arange(model.panel.rows)
    here = place[param.rows] >= 0
    columns = _dummies(model.panel.rows, place[param.rows][here], (~member[here]).astype(int), 2)
    if columns.sum(axis=0).min() < _FEWEST:
        return None
    fitted = model.fit(columns, param.path)
    weights = np.zeros(len(fitted.effects))
    weights[:2] = 1, -1
    apart, inside = fitted.test(weights), fitted.one(0)
    if apart is None:
        return None
    return Stretch(
        param.path, param.name, one.unit, low, high, level, magnitude, inside or apart, apart, param.rows[member]
    )


def _choose(
    model: Model, details: Details, one: Cut
) -> tuple[float | None, float | None, float | None, bool, Array] | None:
    """Bounds of the costliest stretch, and which of the param's rows lie in it."""
    param = one.param
    place = np.full(details.panel.rows, -1)
    place[model.panel.row] = np.arange(model.panel.rows)
    here = place[param.rows] >= 0
    code = one.code[here]
    counts = np.bincount(code, minlength=one.width)
    if (counts >= _FEWEST).sum() < 2:
        return None
    fitted = model.fit(_dummies(model.panel.rows, place[param.rows][here], code, one.width), param.path)
    cost = fitted.effects[: one.width]
    options: list[tuple[float | None, float | None, float | None, bool, Array]] = []
    if one.levels is not None:
        options = [(None, None, level, False, np.arange(one.width) == i) for i, level in enumerate(one.levels)]
    else:
        assert one.edges is not None
        middle = (one.edges[1:] + one.edges[:-1]) / 2
        for edge in one.edges[1:-1].tolist():
            options += [(edge, None, None, False, middle > edge), (None, edge, None, False, middle < edge)]
            if edge > 0 and np.isclose(one.edges, -edge, atol=1e-9 * abs(one.edges[-1])).any():
                options.append((edge, None, None, True, np.abs(middle) > edge))
    best, gain = None, 0.0
    for option in options:
        inner = option[-1]
        n_in, n_out = counts[inner].sum(), counts[~inner].sum()
        if min(n_in, n_out) < _FEWEST:
            continue
        gap = np.average(cost[inner], weights=counts[inner]) - np.average(cost[~inner], weights=counts[~inner])
        worth = float(gap * abs(gap) * n_in * n_out / (n_in + n_out))
        if worth > gain * 1.0001:
            best, gain = option, worth
    if best is None:
        return None
    return (*best[:4], best[-1][one.code])


# ---- by class --------------------------------------------------------------------------------------------


def by_class(details: Details, estimate: Estimate, path: str, rows: Array | None = None) -> ByClass | None:
    """The effect of a step on every class; rows: only of these runs of it."""
    if details.label is None:
        return None
    code, labels = details.label
    panel = details.panel
    model = Model(panel, estimate)
    ran = panel.ran[panel.pattern, panel.paths.index(path)]
    inside = ran.copy()
    if rows is not None:
        inside[:] = False
        inside[rows] = True
    counts = np.bincount(code[inside], minlength=len(labels))
    kept = np.flatnonzero(counts >= _FEWEST)
    if len(kept) < 2:
        return None
    columns = np.zeros((panel.rows, len(labels) + 1))
    at = np.flatnonzero(inside)
    columns[at, code[at]] = 1.0
    columns[np.flatnonzero(ran & ~inside), -1] = 1.0
    fitted = model.fit(columns, path)
    unit = np.eye(len(fitted.effects))[: len(labels)]
    shares = np.zeros(len(fitted.effects))
    shares[kept] = counts[kept] / counts[kept].sum()
    p_value = fitted.all_zero(np.array([unit[i] - shares for i in kept]))
    if p_value is None:
        return None
    effects, rest = [], []
    for i in kept:
        effects.append(fitted.test(unit[i]))
        below = shares * (
            np.concatenate([fitted.effects[: len(labels)], np.zeros(len(shares) - len(labels))]) < fitted.effects[i]
        )
        below[len(labels) :] = 0
        rest.append(fitted.test(unit[i] - below / below.sum()) if below.any() else None)
    return ByClass(path, tuple(labels[i] for i in kept), tuple(effects), tuple(rest), p_value)


# ---- two steps together ----------------------------------------------------------------------------------


def interactions(panel: Panel, estimate: Estimate) -> list[Interaction]:
    """Pairs of steps, the surest first: what both together cost beyond the sum of both."""
    counts = panel.counts()
    varies = np.flatnonzero((counts > 0) & (counts < panel.rows))
    weights = np.bincount(panel.pattern, minlength=len(panel.ran))
    ran = panel.ran[:, varies].astype(np.float64)
    both = ran.T @ (ran * weights[:, None])
    pairs = []
    for j in range(len(varies)):
        for i in range(j):
            alone = both[i, i] - both[i, j], both[j, j] - both[i, j]
            neither = panel.rows - both[i, i] - both[j, j] + both[i, j]
            if min(both[i, j], *alone, neither) >= _FEWEST:
                pairs.append((float(both[i, j]), i, j))
    pairs = sorted(pairs, reverse=True)[:_MOST_PAIRS]
    if not pairs:
        return []
    means = weights @ ran / max(panel.rows, 1)
    centred = ran - means
    table = np.hstack([ran, np.stack([centred[:, i] * centred[:, j] for _, i, j in pairs], axis=1)])
    fitted = fit(panel, table, [range(table.shape[1])], within=estimate != "raw")[0]
    found = [(pair, fitted.one(len(varies) + at)) for at, pair in enumerate(pairs)]
    sound = [(pair, test) for pair, test in found if test is not None]
    corrected = holm([test.p_value for _, test in sound])
    out = [
        Interaction(
            panel.paths[varies[i]], panel.paths[varies[j]], int(n), test.effect, test.low, test.high, p_corrected
        )
        for ((n, i, j), test), p_corrected in zip(sound, corrected, strict=True)
    ]
    return sorted(out, key=lambda one: (one.p_corrected, -abs(one.effect)))


def corrected_curves(drawn: Sequence[tuple[Curve, float | None]]) -> list[Curve]:
    """Curves with the p-values of their being flat, corrected for all of them."""
    known = [p for _, p in drawn if p is not None]
    values = iter(holm(known))
    return [one if p is None else replace(one, p_corrected=next(values)) for one, p in drawn]
