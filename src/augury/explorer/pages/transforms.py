"""Transforms: what each did to the loss, by the doctor's three estimates, and along the values that it drew."""

from __future__ import annotations

from typing import Any

from augury.errors import AuguryError
from augury.explorer.filters import Filters
from augury.explorer.pages import Given, one
from augury.explorer.site import Site
from augury.explorer.study import plain

PATH, TITLE, TEMPLATE = "/transforms", "Transforms", "transforms.html"
ESTIMATES = {
    "paired": "Within each sample: the same sample with the step and without it.",
    "raw": "Plain difference of mean losses; other steps and the trend over epochs are not taken out.",
    "adjusted": "Difference after the trend over epochs and the other steps are taken out.",
}


def data(site: Site, given: Given) -> dict[str, Any]:
    """The doctor's table, curves and interactions, every line with the address of its samples."""
    facts = site.study.facts()
    estimate = one(given, "estimate", "paired")
    out: dict[str, Any] = {
        "estimates": [
            {"name": name, "text": text, "url": site.url(PATH, [("estimate", name)] if name != "paired" else [])}
            for name, text in ESTIMATES.items()
        ],
        "estimate": estimate if estimate in ESTIMATES else "paired",
        "effects": [],
        "curves": [],
        "too_few": [],
        "interactions": [],
        "facts": {},
        "notes": list(facts.notes),
        "error": None,
    }
    try:
        diagnosis = site.study.diagnosis().to_dict()
    except AuguryError as error:
        return {**out, "error": str(error)}
    columns = facts.columns

    def samples(**where: Any) -> str:
        try:
            return site.url("/", Filters.of(where, columns).pairs())
        except AuguryError:
            return site.url("/")

    effects = diagnosis["effects"].get(out["estimate"], [])
    out["effects"] = [{**effect, "url": samples(path=effect["path"])} for effect in effects]
    reach = [abs(v) for e in effects for v in (e["effect"], e["low"], e["high"]) if v is not None]
    out["reach"] = max(reach, default=1.0) or 1.0
    drawn = [curve for curve in diagnosis["curves"] if any(part["effect"] is not None for part in curve["bins"])]
    out["curves"] = [_curve(curve, samples) for curve in drawn]
    out["too_few"] = [f"{c['path']}.{c['param']}" for c in diagnosis["curves"] if c not in drawn]
    out["interactions"] = [{**pair, "url": samples(path=pair["path"])} for pair in diagnosis["interactions"]]
    out["facts"] = diagnosis["facts"]
    out["curve_estimate"] = diagnosis["estimate"]
    return plain(out)  # type: ignore[no-any-return]


def _curve(curve: dict[str, Any], samples: Any) -> dict[str, Any]:
    bins = []
    for one_bin in curve["bins"]:
        level = one_bin["level"]
        number = level if isinstance(level, (int, float)) else None
        low = one_bin["low"] if level is None else number
        high = one_bin["high"] if level is None else number
        text = str(level) if level is not None else f"{_middle(low, high):.3g}"
        reach = text if level is not None else f"{low:.3g} to {high:.3g}"
        effect = "" if one_bin["effect"] is None else f": {one_bin['effect']:+.3g} loss"
        bins.append(
            {
                **one_bin,
                "text": text,
                "title": f"{curve['param']} {reach}{effect}, {one_bin['n']:,} rows",
                "url": samples(path=curve["path"], param=curve["param"], low=low, high=high),
            }
        )
    return {**curve, "bins": bins}


def _middle(low: float | None, high: float | None) -> float:
    ends = [end for end in (low, high) if end is not None]
    return sum(ends) / max(len(ends), 1)
