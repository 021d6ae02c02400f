"""How often each step of a pipeline runs, as the pipeline says it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from augury.compose import Compose
from augury.errors import AuguryError
from augury.groups import Branch, Group, Leaf, OneOf, OneOrOther, RandomOrder, SomeOf
from augury.saving import FORMAT, from_dict
from augury.varying import PROGRESSES

if TYPE_CHECKING:
    from augury.ledger import Ledger


def expected(pipeline: Any) -> dict[str, float]:
    """Path of every step -> probability that a call runs it at least once, groups included; in the order they run.

    Where p follows a schedule, the mean over training. An `Until` may reject what ran; that is not foreseen.
    """
    moments = [pipeline.at(progress) for progress in PROGRESSES] if pipeline.scheduled else [pipeline]
    every = [dict(_rates(Branch(moment, "", None))) for moment in moments]
    return {path: sum(rates[path] for rates in every) / len(every) for path in every[0]}


def _rates(place: Leaf | Branch, certain: bool = False) -> Iterator[tuple[str, float]]:
    """Probabilities within one turn of a place; certain: it is run whatever its own p."""
    p = 1.0 if certain else place.p
    if isinstance(place, Leaf):
        yield place.path, p
        return
    group, n = place.group, len(place.children)
    for i, child in enumerate(place.children):
        if isinstance(group, OneOf):
            chosen = place.weights[i] / sum(place.weights)
        elif isinstance(group, OneOrOther):
            chosen = group.p if i == 0 else 1 - group.p
        else:
            chosen = 1.0
        for path, rate in _rates(child, certain=isinstance(group, (OneOf, OneOrOther))):
            if isinstance(group, (SomeOf, RandomOrder)):
                low, high = group.n if isinstance(group.n, tuple) else (group.n, group.n)
                turns = range(low, high + 1)
                each = [1 - (1 - rate / n) ** k if group.replace else rate * k / n for k in turns]
                rate = sum(each) / len(each)
            yield path, p * chosen * rate


def pipelines(ledger: Ledger) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Fingerprint -> rates of every pipeline that the manifests hold, and a note on each that cannot be read."""
    found: dict[str, dict[str, float]] = {}
    notes: dict[str, None] = {}
    for manifest in ledger.manifests:
        content = manifest.get("pipeline")
        if not isinstance(content, Mapping) or str(manifest.get("fingerprint")) in found:
            continue
        saved = content if "transform" in content else {"library": "augury", "format": FORMAT, "transform": content}
        try:
            pipeline = from_dict(saved)
            if not isinstance(pipeline, Group):
                pipeline = Compose([pipeline])
            rates = expected(pipeline)
        except AuguryError as error:
            notes[
                f"A manifest's pipeline cannot be read, so it is not known how often its steps should run: {error}"
            ] = None
            continue
        # A manifest that was given a dict has the dict's fingerprint, records have the pipeline's.
        found[str(manifest.get("fingerprint"))] = rates
        found[str(getattr(pipeline, "fingerprint", ""))] = rates
    return found, list(notes)


def offers(ledger: Ledger, rows: Mapping[str | None, int]) -> tuple[dict[str, float], dict[str, int], list[str]]:
    """Path -> probability by the pipelines, weighted by their rows; path -> rows that were offered it; notes.

    rows: number of rows by fingerprint. A pipeline that no manifest holds is known by the steps of its records.
    """
    known, notes = pipelines(ledger)
    offered: dict[str, int] = {}
    weighted: dict[str, float] = {}
    unknown: set[str] = set()
    for fingerprint, count in rows.items():
        rates = known.get(str(fingerprint))
        for path in rates if rates is not None else _paths(ledger, fingerprint):
            offered[path] = offered.get(path, 0) + count
            if rates is None:
                unknown.add(path)
            else:
                weighted[path] = weighted.get(path, 0.0) + count * rates[path]
    rates = {path: weighted[path] / offered[path] for path in offered if path not in unknown and offered[path]}
    return rates, offered, notes


def _paths(ledger: Ledger, fingerprint: str | None) -> list[str]:
    """Every step in one record of a pipeline, whether it ran or not."""
    same = "pipeline = ?" if fingerprint is not None else "pipeline is null"
    found = ledger.sql(
        f"select record from ledger where {same} and record is not null limit 1",
        [fingerprint] if fingerprint is not None else [],
    )["record"].to_pylist()
    try:
        return [str(step["path"]).partition("~")[0] for text in found for step in json.loads(text)["steps"]]
    except (ValueError, KeyError, TypeError):
        return []
