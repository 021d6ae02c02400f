"""From estimates to sentences, each with what it rests on and a command to look at it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from augury.doctor.curves import ByClass, Stretch
from augury.doctor.details import transform_name
from augury.doctor.estimates import holm
from augury.doctor.panel import Panel
from augury.doctor.results import Curve, Effect, Finding, Suspect
from augury.doctor.samples import Unstable
from augury.doctor.within import Test

LEVEL = 0.05
LEAST = 0.02  # effects below this share of the mean loss are not worth a sentence, however sure
_SHOWN = 5  # suspects that get a sentence of their own


class Words:
    """What sentences and commands need to know of a run."""

    def __init__(self, uri: str, mean_loss: float, rows: int, label: str, paths: Sequence[str]) -> None:
        self.uri, self.mean_loss, self.rows, self.label = uri, mean_loss, rows, label
        names = [transform_name(path) for path in paths]
        self._short = {path: name for path, name in zip(paths, names, strict=True) if names.count(name) == 1}

    def name(self, path: str) -> str:
        """The transform's name, or the whole path if there are several of them."""
        return self._short.get(path, path)

    def top(self, conditions: Sequence[str]) -> str:
        """A command that shows the worst rows."""
        where = f" --where {_quoted(' and '.join(conditions))}" if conditions else ""
        return f"augury ledger top {shlex.quote(self.uri)}{where}"


def _quoted(condition: str) -> str:
    """A condition for a shell; double quotes where they need no escapes, since conditions are full of single ones."""
    return shlex.quote(condition) if set(condition) & set('"$`\\!') else f'"{condition}"'


def text(value: object) -> str:
    """A value as a SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _loss(test: Test) -> str:
    """An effect with its interval, all to the same decimals: "0.8 [0.6, 1.0]"."""
    width = max(test.high - test.low, 1e-12)
    decimals = int(min(max(np.ceil(-np.log10(width)) + (width < 10), 1), 6)) if width < 10 else 0
    return f"{test.effect:.{decimals}f} [{test.low:.{decimals}f}, {test.high:.{decimals}f}]"


def _with_unit(value: float, unit: str) -> str:
    if unit == "percent":
        return f"{_number(value)} %"
    if unit in ("", "fraction"):
        return _number(value)
    return f"{_number(value)} {unit}{'s' if unit in ('degree', 'pixel', 'bit', 'slice') and value != 1 else ''}"


def where_of(one: Stretch) -> str:
    """The stretch in words: "beyond 120 degrees", "with scale below 0.5"."""
    bound = one.low if one.low is not None else one.high
    if bound is None:
        return f"with {one.param} {_with_unit(one.level or 0.0, one.unit)}"
    amount = _with_unit(bound, one.unit)
    if one.magnitude:
        return f"beyond {amount}" if one.unit == "degree" else f"with {one.param} beyond ±{amount}"
    side = "above" if one.low is not None else "below"
    return f"with {one.param} {side} {amount}"


def _condition(one: Stretch) -> str:
    column = f"params[{text(f'{one.path}.{one.param}')}]"
    if one.level is not None:
        return f"{column} = {one.level:g}"
    if one.low is not None:
        return f"abs({column}) > {one.low:g}" if one.magnitude else f"{column} > {one.low:g}"
    return f"{column} < {one.high:g}"


def harmful(
    words: Words, effects: Sequence[Effect], stretches: Sequence[Stretch], classes: Mapping[str, ByClass],
    curves: Sequence[Curve], closer: Callable[[Stretch], ByClass | None],
) -> list[Finding]:  # fmt: skip
    """Steps that raise the loss, and where; steps that raise it for some classes. closer: classes within a stretch.

    All of these questions share one correction for comparisons, so that a harmless pipeline gets any such sentence in
    at most one run of twenty.
    """
    asked: list[tuple[str, object]] = []
    values: list[float] = []
    for effect in effects:
        if effect.p_value is not None:
            asked.append(("step", effect))
            values.append(effect.p_value)
    for stretch in stretches:
        asked.append(("stretch", stretch))
        values.append(stretch.apart.p_value)
    for found in classes.values():
        asked.append(("class", found))
        values.append(found.p_value)
    sure = {id(what): p for (_, what), p in zip(asked, holm(values), strict=True) if p < LEVEL}
    least = LEAST * abs(words.mean_loss)
    best: dict[str, Stretch] = {}
    for stretch in stretches:
        known = best.get(stretch.path)
        if id(stretch) not in sure or stretch.inside.low <= 0 or stretch.inside.effect < least:
            continue
        if known is None or _surety(stretch) > _surety(known):
            best[stretch.path] = stretch
    out = []
    for effect in effects:
        one, kinds = best.get(effect.path), classes.get(effect.path)
        if kinds is not None and id(kinds) not in sure:
            kinds = None
        near = closer(one) if one is not None and kinds is not None else None
        hurts = id(effect) in sure and (effect.low or 0) > 0 and (effect.effect or 0) >= least
        if one is not None or hurts:
            out.append(_harmful(words, effect, one, near or kinds, curves, sure))
        if kinds is not None:
            out += _mismatch(words, effect, near or kinds, least, sure[id(kinds)], one if near else None)
    return out


def _bounds(one: Stretch | None) -> dict[str, Any]:
    """A stretch as filters of the explorer."""
    if one is None:
        return {}
    return {"param": one.param, "low": one.low, "high": one.high, "magnitude": one.magnitude, "level": one.level}


def _surety(one: Stretch) -> float:
    return one.apart.effect / max(one.apart.high - one.apart.effect, 1e-12)


def _harmful(
    words: Words, effect: Effect, one: Stretch | None, kinds: ByClass | None, curves: Sequence[Curve],
    sure: Mapping[int, float],
) -> Finding:  # fmt: skip
    name, path = words.name(effect.path), effect.path
    conditions = [f"list_contains(applied, {text(path)})"]
    where: dict[str, Any] = {"path": path}
    evidence: dict[str, Any] = {
        "estimate": effect.estimate, "against": effect.against, "ran": effect.ran, "share": effect.share,
        "effect": effect.effect, "low": effect.low, "high": effect.high, "p_corrected": sure.get(id(effect)),
    }  # fmt: skip
    rows = effect.ran
    if one is None:
        assert effect.effect is not None and effect.low is not None and effect.high is not None
        test = Test(effect.effect, effect.low, effect.high, effect.p_value or 0.0)
        title = f"{name} raises loss by {_loss(test)}"
        share = effect.share
    else:
        test = one.inside
        title = f"{name} {where_of(one)} raises loss by {_loss(test)}"
        conditions = [_condition(one)]
        total = next((sum(b.n for b in c.bins) for c in curves if (c.path, c.param) == (path, one.param)), effect.ran)
        share = effect.share * len(one.rows) / max(total, 1)
        rows = round(effect.ran * len(one.rows) / max(total, 1))
        where |= _bounds(one)
        evidence["range"] = {
            "param": one.param, "unit": one.unit, "magnitude": one.magnitude, "runs": rows,
            "effect": test.effect, "low": test.low, "high": test.high,
            "above_the_rest": one.apart.effect, "above_the_rest_low": one.apart.low,
            "above_the_rest_high": one.apart.high, "p_corrected": sure.get(id(one)),
            "measured_on": "the half of the samples that did not choose the range",
        }  # fmt: skip
    worst = _worst_classes(kinds) if kinds is not None else []
    if worst:
        title += f", most on {words.label} {_listed([str(label) for label, _, _ in worst])}"
        evidence["classes"] = _class_table(kinds)
    return Finding(
        "harmful", title, path, one.param if one else None, (one.low, one.high) if one else None,
        one.level if one else None, [label for label, _, _ in worst] or None, evidence, words.top(conditions), where,
        max(test.effect * share / abs(words.mean_loss), 0.0) if words.mean_loss else test.effect * share,
    )  # fmt: skip


def _worst_classes(kinds: ByClass | None) -> list[tuple[Any, Test, Test]]:
    """Classes that a step costs surely more than those below them, and at least half as much as the worst, worst
    first.
    """
    if kinds is None:
        return []
    found = [
        (label, test, rest)
        for label, test, rest in zip(kinds.labels, kinds.effects, kinds.rest, strict=True)
        if test is not None and rest is not None
    ]
    corrected = holm([rest.p_value for _, _, rest in found])
    found = [one for one, p in zip(found, corrected, strict=True) if p < LEVEL and one[2].effect > 0 and one[1].low > 0]
    found.sort(key=lambda one: -one[1].effect)
    return [one for one in found if one[1].effect >= found[0][1].effect / 2]


def _class_table(kinds: ByClass | None) -> list[dict[str, Any]]:
    assert kinds is not None
    return [
        {"label": label, "effect": test.effect, "low": test.low, "high": test.high}
        for label, test in zip(kinds.labels, kinds.effects, strict=True)
        if test is not None
    ]


def _mismatch(
    words: Words, effect: Effect, kinds: ByClass, least: float, p_corrected: float, one: Stretch | None
) -> list[Finding]:
    """A step that harms a few classes and spares the rest may change what the picture shows."""
    worst = _worst_classes(kinds)
    if not worst or len(worst) > len(kinds.labels) / 2 or worst[0][1].effect < least:
        return []
    labels = [label for label, _, _ in worst]
    spared = [
        test.effect for label, test in zip(kinds.labels, kinds.effects, strict=True) if test and label not in labels
    ]
    usual = float(np.mean(spared)) if spared else 0.0
    mean = float(np.mean([test.effect for _, test, _ in worst]))
    if mean < 2 * max(usual, 0.0):
        return []
    name = words.name(effect.path) + (f" {where_of(one)}" if one is not None else "")
    listed = _listed([str(label) for label in labels])
    title = (
        f"{name} raises loss by {_number(mean)} on {words.label} {listed} and by {_number(usual)} on the others: "
        "it may change what the picture shows"
    )
    ran = _condition(one) if one is not None else f"list_contains(applied, {text(effect.path)})"
    conditions = [ran, f"{_column(words.label)} in ({', '.join(map(text, labels))})"]
    share = effect.share * len(labels) / len(kinds.labels)
    return [
        Finding(
            "label_mismatch", title, effect.path, label=labels,
            evidence={"classes": _class_table(kinds), "p_corrected": p_corrected, "estimate": effect.estimate},
            command=words.top(conditions), where={"path": effect.path, **_bounds(one), "label": labels},
            severity=max(mean - usual, 0.0) * share / abs(words.mean_loss) if words.mean_loss else 0.0,
        )
    ]  # fmt: skip


def _column(name: str) -> str:
    return name if name.isidentifier() else '"' + name.replace('"', '""') + '"'


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def dead(words: Words, effects: Sequence[Effect], command: str | None = None) -> list[Finding]:
    """Steps that never ran, although the pipeline has them."""
    out = []
    for effect in effects:
        chance = effect.p or 0.0
        never = (1 - chance) ** effect.offered if effect.p is not None else 0.0
        # One that by chance was not drawn yet is not dead.
        if effect.ran or not effect.offered or (chance > 0 and never > 0.001):
            continue
        why = "its p is 0" if effect.p == 0 else f"its p says {chance:.0%}" if effect.p else "every record says so"
        out.append(
            Finding(
                "dead_step", f"{words.name(effect.path)} never ran in {effect.offered:,} calls: {why}", effect.path,
                evidence={"ran": 0, "offered": effect.offered, "p": effect.p},
                command=words.top([]) if command is None else command,
                where={"path": effect.path}, severity=0.002,
            )
        )  # fmt: skip
    return out


def suspected(words: Words, found: Sequence[Suspect]) -> list[Finding]:
    """The worst suspects, a sentence each."""
    out = []
    for one in found[:_SHOWN]:
        labelled = f" {one.label}" if one.label is not None else ""
        title = (
            f"Sample {one.sample_id} has high loss under every one of {one.draws} draws "
            f"(mean {_number(one.mean_loss)}): suspect its label{labelled}"
        )
        out.append(
            Finding(
                "suspected_label", title, label=one.label, evidence=one.to_dict(),
                command=words.top([f"sample_id = {text(one.sample_id)}"]), where={"sample_id": one.sample_id},
                severity=one.mean_loss * one.draws / max(words.rows * abs(words.mean_loss), 1e-12),
            )
        )  # fmt: skip
    return out


def unsteady(
    words: Words, panel: Panel, found: Sequence[Unstable], names: Mapping[int, tuple[str, Any]]
) -> list[Finding]:
    """Samples that are easy until a certain step runs, by the step that the hard draws have in common."""
    if not found or not panel.paths:
        return []
    high = np.concatenate([one.high for one in found])
    ran = panel.ran[panel.pattern[high]]
    usual = panel.counts() / panel.rows
    varies = np.flatnonzero((usual > 0) & (usual < 1))
    hits = ran[:, varies].sum(axis=0)
    values = [
        float(stats.binomtest(int(hit), len(high), float(usual[step]), "greater").pvalue)
        for hit, step in zip(hits, varies, strict=True)
    ]
    out = []
    for step, hit, p in zip(varies, hits, holm(values), strict=True):
        if p >= LEVEL or hit / len(high) < 0.5:
            continue
        path = panel.paths[step]
        mine = [one for one in found if panel.ran[panel.pattern[one.high], step].mean() > 0.5]
        listed = [names[int(panel.ids[one.sample])] for one in mine[:_SHOWN] if int(panel.ids[one.sample]) in names]
        if not listed:
            continue
        share = hit / len(high)
        what = f"{len(mine):,} samples are" if len(mine) > 1 else f"Sample {listed[0][0]} is"
        title = (
            f"{what} easy under most draws and hard under a few; {words.name(path)} ran in {share:.0%} of the hard "
            f"ones, and in {usual[step]:.0%} of all"
        )
        excess = sum(float((panel.loss[one.high] - one.usual).sum()) for one in mine)
        total = float(panel.loss.sum())
        out.append(
            Finding(
                "unstable_sample", title, path,
                evidence={
                    "samples": [sample for sample, _ in listed], "how_many": len(mine), "share": float(share),
                    "usual_share": float(usual[step]), "p_corrected": p,
                },
                command=words.top([f"sample_id = {text(listed[0][0])}"]), where={"sample_id": listed[0][0]},
                severity=min(abs(excess / total), 1.0) / 2 if total else 0.0,
            )
        )  # fmt: skip
    return out
