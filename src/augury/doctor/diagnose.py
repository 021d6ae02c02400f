"""The doctor: a ledger in, a diagnosis out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from augury.doctor.curves import (
    ByClass,
    Model,
    Stretch,
    by_class,
    corrected_curves,
    curve,
    cut,
    interactions,
    stretch,
)
from augury.doctor.details import load_details
from augury.doctor.estimates import effects
from augury.doctor.findings import Words, dead, harmful, suspected, unsteady
from augury.doctor.looks import Look, Strength, kept_by, look_at, strengths, too_strong
from augury.doctor.panel import Panel, base, load
from augury.doctor.rates import offers
from augury.doctor.results import ESTIMATES, Diagnosis, Effect, Engine, Estimate
from augury.doctor.samples import adjusted_loss, names, suspects, unstable
from augury.errors import AuguryError, FieldError, SampleError, shown

if TYPE_CHECKING:
    from augury.doctor.engine import Shards
    from augury.ledger import Ledger
    from augury.ledger.ledger import Source


def diagnose(
    ledger: Ledger, estimate: Estimate, since: int | None, *, label: str, data: Source | None, looks: int,
    most_rows: int, engine: Engine,
) -> Diagnosis:  # fmt: skip
    """See `augury.doctor`."""
    if engine not in ("duckdb", "ray"):
        raise FieldError(f"doctor.engine: got {shown(engine)}; pass 'duckdb' or 'ray'")
    if estimate not in ESTIMATES:
        raise FieldError(f"doctor.estimate: got {shown(estimate)}; pass one of {', '.join(ESTIMATES)}")
    if most_rows < 1:
        raise FieldError(f"doctor.most_rows: got {shown(most_rows)}; pass 1 or more")
    table, whole, facts = table_of_effects(ledger, since, engine)
    notes: list[str] = facts["notes"]
    if not whole.rows:
        return Diagnosis(table, facts={**facts, "mean_loss": None}, estimate=estimate)
    if whole.rows == whole.samples and estimate != "raw":
        notes.append(
            "No sample was seen twice with a loss, so no sample can be compared with itself: these are raw differences "
            "of means. Train for another epoch, or log the same sample_id in every epoch."
        )
        estimate = "raw"
    where, parameters = _since(since)
    share = -(-facts["rows"] // most_rows)
    details = load_details(ledger, where, parameters, label, share)
    if share > 1:
        notes.append(
            f"Effects use all {whole.rows:,} rows; curves, interactions and findings by range or class use the "
            f"{details.panel.rows:,} rows of one sample in {share}, chosen by their ids."
        )
    # With Ray no process holds all rows, so single samples are looked for among those of the subset.
    panel = whole if isinstance(whole, Panel) else details.panel
    if panel is not whole and share > 1:
        notes.append("Suspected labels and unstable samples are looked for in that subset too.")
    model = Model(details.panel, estimate)
    steps = {details.panel.paths[i] for i in np.flatnonzero(details.panel.counts())}
    cuts = [cut(param) for param in details.params() if param.path in steps]
    curves = corrected_curves([curve(model, one) for one in cuts])
    stretches = [found for one in cuts if (found := stretch(details, estimate, one)) is not None]
    classes = _classes(details, estimate, table[estimate], stretches)
    mean = whole.total / whole.rows
    words = Words(ledger.uri, mean, whole.rows, label, [one.path for one in table[estimate]])
    guilty = suspects(ledger, panel, adjusted_loss(panel, table[estimate]), label if details.label else None)
    moody = unstable(panel)
    known = names(ledger, panel.ids[[one.sample for one in moody[:200]]], None)
    measured, calls = look_again(ledger, where, parameters, data, looks)

    def closer(one: Stretch) -> ByClass | None:
        return by_class(details, estimate, one.path, one.rows)

    findings = [
        *too_strong(measured, calls, words.top([])),
        *harmful(words, table[estimate], stretches, classes, curves, closer),
        *dead(words, table[estimate]),
        *suspected(words, guilty),
        *unsteady(words, panel, moody[:200], known),
    ]
    return Diagnosis(
        table,
        tuple(curves),
        tuple(interactions(details.panel, estimate)),
        tuple(sorted(findings, key=lambda one: -one.severity)),
        tuple(guilty),
        {**facts, "mean_loss": mean, "label": label if details.label else None, "one_sample_in": share},
        estimate,
    )


def table_of_effects(
    ledger: Ledger, since: int | None = None, engine: Engine = "duckdb"
) -> tuple[dict[Estimate, tuple[Effect, ...]], Panel | Shards, dict[str, Any]]:
    """The doctor's table from every row, the panel it is made of, and facts; nothing else is computed."""
    panel: Panel | Shards
    if engine == "ray":
        from augury.doctor.engine import load as load_by_ray

        panel, facts, by_pipeline = load_by_ray(ledger, since)
    else:
        panel, facts, by_pipeline = load(ledger, since)
    if not facts["rows"]:
        after = f" from epoch {since} on" if since is not None and len(ledger) else ""
        raise SampleError(f"doctor: {ledger.uri} holds no rows{after}; log samples with their record and loss first")
    rates, offered, notes = offers(ledger, by_pipeline)
    facts |= {"since": since, "notes": [*_notes(facts), *notes]}
    return effects(panel, rates, offered), panel, facts


def look_again(
    ledger: Ledger, where: str, parameters: list[object], data: Source | None, n: int
) -> tuple[list[Strength], int]:
    """What steps did to pictures and labels on n rows, chosen by hash; without data, what their params tell.

    Raises SampleError naming the sample whose data cannot be had or are not what was logged.
    """
    condition = " and ".join(part for part in (where, "record is not null") if part)
    rows = ledger.sql(
        f"select sample_id, epoch, record from ledger where {condition} order by hash(sample_id, epoch) limit {int(n)}",
        parameters,
    ).to_pylist()
    from augury.ledger.ledger import sample_of

    looks: list[Look] = []
    for row in rows:
        try:
            record = json.loads(row["record"])
            if data is not None:
                looks += look_at(record, sample_of(data, row["sample_id"]))
                continue
            for step in record["steps"]:
                if step["status"] == "applied":
                    looks.append(Look(base(step["path"]), step.get("params", {}), kept=kept_by(step.get("params", {}))))
        except Exception as error:
            said = str(error) if isinstance(error, AuguryError) else f"{type(error).__name__}: {error}"
            raise SampleError(f"sample {row['sample_id']!r}, epoch {row['epoch']}: {said}") from error
    return strengths(looks), len(rows)


def _since(since: int | None) -> tuple[str, list[object]]:
    return ("epoch >= ?", [since]) if since is not None else ("", [])


def _notes(facts: dict[str, Any]) -> list[str]:
    out = []
    rows = facts["rows"]
    if facts["losses_missing"] == rows:
        out.append("No row has a loss, so nothing can be said about effects: pass loss= when you log.")
    elif facts["losses_missing"]:
        out.append(f"{facts['losses_missing']:,} of {rows:,} rows have no loss and are left out.")
    wild = facts["losses_nan"] + facts["losses_infinite"]
    if wild:
        out.append(
            f"{wild:,} of {rows:,} losses are not finite ({facts['losses_nan']:,} NaN, {facts['losses_infinite']:,} "
            "infinite) and are left out."
        )
    if facts["without_record"] == rows:
        out.append("No row has a record, so it is not known which steps ran: pass record= when you log.")
    elif facts["without_record"]:
        out.append(f"{facts['without_record']:,} of {rows:,} rows have no record and are left out.")
    return out


def _classes(
    details: Any, estimate: Estimate, table: tuple[Effect, ...], stretches: list[Stretch]
) -> dict[str, ByClass]:
    """The effect by class of every step that has one effect."""
    if details.label is None:
        return {}
    out = {}
    for effect in table:
        if effect.effect is None or effect.path not in details.panel.paths:
            continue
        found = by_class(details, estimate, effect.path)
        if found is not None:
            out[effect.path] = found
    return out
