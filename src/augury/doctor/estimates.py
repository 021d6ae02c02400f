"""What each step does to the loss, in three ways.

raw: mean loss of the rows where it ran, less that of the others. paired: the same sample under different draws; sample
and epoch are removed, and steps whose draws are tied to each other are fitted together. adjusted: all steps together.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.multitest import multipletests

from augury.doctor.panel import Panel
from augury.doctor.results import ESTIMATES, Effect, Estimate
from augury.doctor.within import Fit, Test, fit
from augury.sample import Array

if TYPE_CHECKING:
    from augury.doctor.engine import Shards

SAME = "the same samples without it"
_TIED = 0.02  # a correlation between draws that is not worth fitting two steps together for


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for all comparisons (Holm, 1979)."""
    if not values:
        return []
    # multipletests begins with a garbage collection, which takes longer than all the rest unless there is no garbage.
    spare = gc.get_freeze_count() == 0
    if spare:
        gc.freeze()
    try:
        return [float(value) for value in multipletests(values, method="holm")[1]]
    finally:
        if spare:
            gc.unfreeze()


def tied(panel: Panel | Shards, steps: Sequence[int]) -> list[list[int]]:
    """Steps in groups: those under one group of the pipeline, and those whose draws are correlated."""
    weights = panel.weights().astype(np.float64)
    ran = panel.ran[:, list(steps)].astype(np.float64)
    centred = ran - weights @ ran / max(weights.sum(), 1)
    cross = centred.T @ (centred * weights[:, None])
    scale = np.sqrt(np.where(cross.diagonal() > 0, cross.diagonal(), np.inf))
    related = np.abs(cross / scale / scale[:, None]) > max(_TIED, 4 / np.sqrt(max(panel.rows, 1)))
    heads = [path.partition("/")[0] if "/" in path else None for path in (panel.paths[i] for i in steps)]
    for i, head in enumerate(heads):
        for j in range(i):
            related[i, j] |= head is not None and head == heads[j]
    from scipy.sparse.csgraph import connected_components

    _, label = connected_components(related, directed=False)
    return [np.flatnonzero(label == one).tolist() for one in range(int(label.max(initial=-1)) + 1)]


def effects(
    panel: Panel | Shards, expected: Mapping[str, float], offered: Mapping[str, int]
) -> dict[Estimate, tuple[Effect, ...]]:
    """One row per step and estimate, in the pipeline's order where it is known."""
    varies = np.flatnonzero((panel.counts() > 0) & (panel.counts() < panel.rows)).tolist()
    table = panel.ran[:, varies].astype(np.float64)
    names = [panel.paths[i] for i in varies]
    singles = [[i] for i in range(len(varies))]
    together = tied(panel, varies)
    tests: dict[Estimate, dict[str, tuple[Test | None, str]]] = {name: {} for name in ESTIMATES}
    if varies:
        inside = fit(panel, table, [*together, list(range(len(varies)))])
        for fits, groups, name in (
            (inside[:-1], together, "paired"), (inside[-1:], [list(range(len(varies)))], "adjusted"),
            (fit(panel, table, singles, within=False), singles, "raw"),
        ):  # fmt: skip
            for one, group in zip(fits, groups, strict=True):
                for at, step in enumerate(group):
                    tests[name][names[step]] = _effect(names, group, at, one)  # type: ignore[index]
    counts = dict(zip(panel.paths, panel.counts().tolist(), strict=True))
    paths = [*expected, *(path for path in [*offered, *panel.paths] if path not in expected)]
    return {
        name: _rows(name, list(dict.fromkeys(paths)), panel.rows, counts, expected, offered, tests[name])
        for name in ESTIMATES
    }


def _rows(
    estimate: Estimate, paths: Sequence[str], rows: int, counts: Mapping[str, int], expected: Mapping[str, float],
    offered: Mapping[str, int], tests: Mapping[str, tuple[Test | None, str]],
) -> tuple[Effect, ...]:  # fmt: skip
    sound = {path: test for path, (test, _) in tests.items() if test is not None}
    corrected = dict(zip(sound, holm([test.p_value for test in sound.values()]), strict=True))
    out = []
    for path in paths:
        ran, total = counts.get(path, 0), offered.get(path, rows)
        test, against = tests.get(path, (None, "it ran on every row" if ran else "it never ran"))
        if estimate == "raw" and test is not None:
            against = "all rows without it"
        share = ran / total if total else 0.0
        known = Effect(path, ran, total, share, expected.get(path), estimate, against=against)
        if test is not None:
            known = replace(
                known, effect=test.effect, low=test.low, high=test.high, p_value=test.p_value,
                p_corrected=corrected[path],
            )  # fmt: skip
        out.append(known)
    return tuple(out)


def _effect(paths: Sequence[str], group: Sequence[int], at: int, one: Fit) -> tuple[Test | None, str]:
    """The effect of a step among those fitted with it, and what it is compared with.

    Steps of which always exactly one runs have no common reference: each is compared with the mean of the others. Steps
    that always run together have one effect, that of all of them.
    """
    if one.cross[at, at] <= 1e-9 * max(one.cross.diagonal().max(initial=0), 1.0):
        return None, "it never changed within a sample"
    weights: Array = np.zeros(len(group))
    weights[at] = 1
    family = [i for i in range(len(group)) if i != at and _family(paths[group[i]]) == _family(paths[group[at]])]
    if one.determined(weights):
        return one.test(weights), f"the same samples without {_family(paths[group[at]])}" if family else SAME
    scale = np.sqrt(np.maximum(one.cross.diagonal(), 1e-300))
    alike = one.cross[at] / scale / scale[at] > 1 - 1e-7
    together = alike.astype(np.float64)
    others = (np.abs(one.null).max(axis=1) > 1e-5) & ~alike
    partners = ", ".join(paths[group[i]] for i in np.flatnonzero(alike).tolist() if i != at)
    if one.determined(together):
        return one.test(together), f"{SAME}; always together with {partners}"
    if others.any():
        apart = together - others / others.sum()
        if one.determined(apart):
            family_name = _family(paths[group[at]])
            return one.test(apart), f"the other steps of {family_name}" if family else "the steps that ran instead"
    tied_to = ", ".join(paths[group[i]] for i in np.flatnonzero(others | alike).tolist() if i != at)
    return None, f"its draws cannot be told apart from those of {tied_to}"


def _family(path: str) -> str:
    """The group that a step stands in; its own path if it stands in none."""
    return path.rpartition("/")[0] or path
