"""One sample: the film strip of its steps, its losses over epochs, and what another draw would have made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from augury.errors import AuguryError, FieldError
from augury.explorer import controls, copies, edits
from augury.explorer.filters import Filters
from augury.explorer.pages import Given, one
from augury.explorer.pictures import describe
from augury.explorer.site import Site
from augury.explorer.study import Key, Study, plain, record_of
from augury.inspect.panels import story, values_of
from augury.inspect.trace import Trace
from augury.program import Program

PATH, TITLE, TEMPLATE = "/sample", "One sample", "sample.html"
_REASONS = {
    "skipped": "skipped by chance",
    "not_selected": "not selected by its group",
    "rejected": "rejected, and drawn again",
    "off": "switched off",
}


def data(site: Site, given: Given) -> dict[str, Any]:
    """The row, its steps with values, times and controls, its history, and the edits that the address carries."""
    study = site.study
    key = Key.read(given)
    texts = tuple(given.get("edit", ()))
    edits.read(texts)
    row = study.row(key)
    key = row["key"]
    facts = study.facts()
    filters = Filters.read(given, facts.columns, facts.sortable)
    rest = [*filters.pairs(), *([("at", one(given, "at"))] if one(given, "at") else [])]

    def here(more: Sequence[str]) -> str:
        return site.url(PATH, [*key.pairs(), *rest, *(("edit", text) for text in more)])

    out: dict[str, Any] = {
        "sample_id": row["sample_id"],
        "facts": {k: plain(v) for k, v in row.items() if k not in _ELSEWHERE and v is not None},
        "loss": plain(row["loss"]),
        "alt": describe(row),
        "edits": list(texts),
        "undo": here(texts[:-1]) if texts else None,
        "reset": here(()) if texts else None,
        "here": here(texts),
        "picture": site.picture(study, key, row, texts=texts),
        "original": site.picture(study, key, row, which="original"),
        "grid": site.url("/", filters.pairs()),
        "steps": [],
        "fate": [],
        "notes": [],
        "error": None,
        "model": None,
        "copies": None,
    }
    out |= _neighbours(site, filters, one(given, "at"))
    out["history"] = _history(site, key, rest)
    try:
        out |= _strip(site, study, key, row, texts, here)
    except AuguryError as error:
        out["error"] = str(error)
    return out


_ELSEWHERE = frozenset("sample_id record applied params pipeline key loss".split())


def _strip(
    site: Site, study: Study, key: Key, row: Mapping[str, Any], texts: Sequence[str], here: Any
) -> dict[str, Any]:
    pictures = site.pictures(study)
    program = Program.from_record(record_of(row))
    pipeline = pictures.pipeline()
    leaves = () if pipeline is None else pipeline._plan_at(program.progress).leaves()
    drawing = {leaf.path: leaf.transform for leaf in leaves}
    error = None
    ran: Trace | None = None
    edited = edits.Edited(program, frozenset(), frozenset(), {})
    try:
        edited = pictures.edited(key, texts)
        if study.source is not None:
            ran = pictures.trace(key, texts)
    except AuguryError as problem:
        error = str(problem)
    now = {step.path: step for step in edited.program.steps}
    traced = {} if ran is None else {step.path: step for step in ran.steps}
    fates: dict[str, list[str]] = {}
    for event in ran.fate if ran is not None else ():
        fates.setdefault(event["step"], []).append(_sentence(event))
    steps = []
    for at, original in enumerate(program.steps):
        step = now.get(original.path)
        runs = step is not None and step.status == "applied"
        state = "applied" if runs else "off" if original.path in edited.off else original.status
        took = traced[original.path].milliseconds if runs and original.path in traced else None
        steps.append(
            {
                "number": at,
                "path": original.path,
                "name": original.name,
                "status": state,
                "reason": None if runs else ": ".join(filter(None, (_REASONS[state], original.reason))),
                "drawn": original.path in edited.drawn,
                "changed": original.path in edited.values,
                "values": list(values_of(step)) if runs and step is not None else [],
                "milliseconds": None if took is None else round(took, 3),
                "fate": fates.get(original.path, []),
                "toggle": here([*texts, f"{'off' if runs else 'on'} {original.path}"]),
                "picture": site.picture(study, key, row, texts=texts, which=original.path, thumb=True)
                if runs and original.path in traced
                else None,
                "controls": controls.of_step(step, drawing.get(original.path)) if runs and step is not None else [],
            }
        )
    return {
        "steps": steps,
        "error": error,
        "fate": [] if ran is None else fate_of_labels(ran),
        "notes": [] if ran is None else list(pictures.seen(key, texts).notes),
        "model": _model(study, pictures, key, texts) if error is None else None,
        "copies": None if error is not None else copies.of(study, key, row, edited),
        "story": story(edited.program),
    }


def _model(study: Study, pictures: Any, key: Key, texts: Sequence[str]) -> dict[str, Any] | None:
    """The model's loss of the picture as it is now, and without edits."""
    if study.model is None or study.source is None:
        return None
    try:
        now = study.loss_of(pictures.result(key, texts))
        before = study.loss_of(pictures.result(key)) if texts else now
    except AuguryError as error:
        return {"error": str(error), "loss": None, "before": None}
    return {"error": None, "loss": plain(now), "before": plain(before)}


def _sentence(event: Mapping[str, Any]) -> str:
    name = f"{event['target']}[{event['index']}]"
    if event["event"] == "clipped" and event["value"] is not None:
        return f"{name} clipped, {event['value']:.0%} left"
    return f"{name} {event['event']} ({event['rule']})"


def fate_of_labels(ran: Trace) -> list[dict[str, Any]]:
    """Every box, keypoint and instance mask that went in, and what became of it."""
    out = []
    for target in ("bboxes", "keypoints", "masks"):
        values = ran.input.get(target)
        if values is None:
            continue
        fields = (ran.program.settings.get("bbox_params" if target == "bboxes" else "keypoint_params") or {}).get(
            "label_fields"
        ) or []
        labels = ran.input.get(fields[0], ()) if fields else ()
        for at in range(len(values)):
            events = [e for e in ran.fate if e["target"] == target and e["index"] == at]
            gone = next((e for e in events if e["event"] not in ("clipped",)), None)
            said = "; ".join(f"{_sentence(e).partition('] ')[2]} in {e['step']}" for e in events)
            out.append(
                {
                    "target": target,
                    "index": at,
                    "label": str(labels[at]) if at < len(labels) else "",
                    "kept": gone is None,
                    "fate": said or "kept whole",
                }
            )
    return out


def _history(site: Site, key: Key, rest: Any) -> list[dict[str, Any]]:
    """Every draw of the sample, oldest first."""
    out = []
    for at, row in enumerate(site.study.history(key.sample_id)):
        try:
            happened = story(json.loads(row["record"]))
        except (AuguryError, TypeError, ValueError):
            happened = "no record that can be read"
        out.append(
            {
                "epoch": row["epoch"],
                "x": at if row["epoch"] is None else row["epoch"],
                "loss": plain(row["loss"]),
                "applied": list(row["applied"] or ()),
                "story": happened,
                "url": site.url(PATH, [*row["key"].pairs(), *rest]),
                "current": row["key"][:2] == key[:2],
            }
        )
    return out


def _neighbours(site: Site, filters: Filters, text: str) -> dict[str, Any]:
    """Addresses of the samples before and after in the ranking that the reader came from."""
    if not text.isdecimal() or len(text) > 9:
        return {"at": None, "previous": None, "next": None}
    at = int(text)
    try:
        keys, _ = site.study.keys(filters, max(at - 1, 0), 3 if at else 2)
    except FieldError:
        return {"at": None, "previous": None, "next": None}

    def link(place: int) -> str | None:
        offset = place - max(at - 1, 0)
        if place < 0 or offset >= len(keys):
            return None
        return site.url(PATH, [*keys[offset][0].pairs(), *filters.pairs(), ("at", str(place))])

    return {"at": at + 1, "previous": link(at - 1), "next": link(at + 1)}
