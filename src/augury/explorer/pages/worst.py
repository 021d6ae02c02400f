"""Worst samples: a grid of what the model saw, ranked by loss or any other column, filtered by what was done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from augury.explorer.filters import Filters
from augury.explorer.pages import Given, one
from augury.explorer.pictures import describe
from augury.explorer.site import Site
from augury.explorer.study import PAGE, Study, plain

PATH, TITLE, TEMPLATE = "/", "Worst samples", "worst.html"
_ENDS = frozenset({"Normalize", "ToFloat", "ToTensorV2"})  # what ends every pipeline tells samples not apart


def data(site: Site, given: Given) -> dict[str, Any]:
    """The filters, what they can be set to, and one page of rows with the addresses of their pictures."""
    facts = site.study.facts()
    filters = Filters.read(given, facts.columns, facts.sortable)
    text = one(given, "page", "1")
    page = max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1
    rows, more = site.study.ranking(filters, (page - 1) * PAGE, PAGE) if facts.rows else ([], False)
    beside = one(given, "originals") == "1"
    pairs = [*filters.pairs(), *([("originals", "1")] if beside else [])]
    return {
        "filters": plain(asdict(filters)),
        "words": filters.words(),
        "choices": {
            "rank": list(facts.sortable),
            "step": list(facts.steps),
            "param": list(facts.params),
            "columns": {name: list(values) for name, values in facts.levels.items()},
            "epochs": [facts.first_epoch, facts.last_epoch],
        },
        "notes": list(facts.notes),
        "rows_in_ledger": facts.rows,
        "page": page,
        "originals": beside,
        "samples": [card(site, site.study, row, filters, (page - 1) * PAGE + at) for at, row in enumerate(rows)],
        "previous": site.url(PATH, [*pairs, ("page", str(page - 1))] if page > 2 else pairs) if page > 1 else None,
        "next": site.url(PATH, [*pairs, ("page", str(page + 1))]) if more else None,
        "clear": site.url(PATH),
        "data": site.study.data_name or (site.study.source is not None),
    }


def card(site: Site, study: Study, row: dict[str, Any], filters: Filters, at: int | None = None) -> dict[str, Any]:
    """A row as the grid shows it. at: its place in the ranking, which the page of the sample goes on from."""
    key = row["key"]
    pairs = [*key.pairs(), *filters.pairs(), *([("at", str(at))] if at is not None else [])]
    extras = [name for name in ("label", "class", "target", "predicted") if row.get(name) is not None]
    return {
        "sample_id": row["sample_id"],
        "epoch": row["epoch"],
        "step": row["step"],
        "loss": plain(row["loss"]),
        "rank": plain(row.get(filters.rank)),
        "facts": {name: plain(row[name]) for name in extras},
        "applied": [path for path in row["applied"] or () if path.rpartition("/")[2] not in _ENDS],
        "alt": describe(row),
        "url": site.url("/sample", pairs),
        "picture": site.picture(study, key, row, thumb=True),
        "original": site.picture(study, key, row, thumb=True, which="original"),
    }
