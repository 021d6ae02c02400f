"""The report: the first four pages as one file, with everything in it, for sending by mail."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from augury.explorer.app import HERE, templates
from augury.explorer.pages import findings, sample, transforms, worst
from augury.explorer.site import PageSite
from augury.explorer.study import Study

SAMPLES = 8
"""How many of the worst samples are shown step by step."""


def report(study: Study, title: str = "") -> str:
    """Worst samples, the first of them step by step, transforms and findings, as HTML that fetches nothing."""
    site = PageSite(study)
    first = worst.data(site, {})
    rows, _ = study.ranking(_filters(study), 0, SAMPLES) if study.facts().rows else ([], False)
    texts = [transforms.data(site, {"estimate": [name]}) for name in transforms.ESTIMATES]
    shown: list[dict[str, Any]] = [sample.data(site, dict(_lists(row["key"].pairs()))) for row in rows]
    return (
        templates()
        .get_template("report.html")
        .render(
            site=site,
            title=title or Path(study.name).name or study.name,
            ledger=study.name,
            made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            style=_style(),
            worst=first,
            samples=shown,
            transforms=texts,
            findings=findings.data(site, {}),
        )
    )


def _filters(study: Study) -> Any:
    from augury.explorer.filters import Filters

    return Filters.read({}, study.facts().columns)


def _lists(pairs: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    return [(name, [value]) for name, value in pairs]


def _style() -> Any:
    from markupsafe import Markup

    return Markup((HERE / "static" / "explorer.css").read_text(encoding="utf-8"))
