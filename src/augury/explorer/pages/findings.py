"""Findings: the doctor's sentences, each with what it rests on, pictures of it, and a way to see more."""

from __future__ import annotations

from typing import Any

from augury.errors import AuguryError
from augury.explorer.filters import Filters
from augury.explorer.pages import Given
from augury.explorer.pages.worst import card
from augury.explorer.site import Site
from augury.explorer.study import plain

PATH, TITLE, TEMPLATE = "/findings", "Findings", "findings.html"
PICTURES, WITH_PICTURES = 6, 12
"""Pictures per finding, and how many of the first findings have them."""


def data(site: Site, given: Given) -> dict[str, Any]:
    """Every finding with its evidence, its worst samples and the address of all of them."""
    facts = site.study.facts()
    out: dict[str, Any] = {"findings": [], "facts": {}, "notes": list(facts.notes), "error": None}
    try:
        diagnosis = site.study.diagnosis()
    except AuguryError as error:
        return {**out, "error": str(error)}
    from augury.doctor.results import KINDS

    for at, finding in enumerate(diagnosis.findings):
        said = finding.to_dict()
        magnitude = bool(said["evidence"].get("magnitude"))
        try:
            filters = Filters.of({**said["where"], **({"magnitude": True} if magnitude else {})}, facts.columns)
        except AuguryError:
            filters = Filters()
        rows = site.study.ranking(filters, 0, PICTURES)[0] if at < WITH_PICTURES else []
        out["findings"].append(
            {
                **said,
                "number": at + 1,
                "kind_name": KINDS.get(finding.kind, finding.kind),
                "url": site.url("/", filters.pairs()),
                "samples": [card(site, site.study, row, filters, n) for n, row in enumerate(rows)],
            }
        )
    out["facts"] = diagnosis.to_dict()["facts"]
    return plain(out)  # type: ignore[no-any-return]
