"""Compare two runs: what changed in the pipeline, loss by transform side by side, and the same samples in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augury.explorer.filters import Filters
from augury.explorer.pages import Given
from augury.explorer.pages.worst import card
from augury.explorer.site import Site
from augury.explorer.study import Key, Study, plain

PATH, TITLE, TEMPLATE = "/compare", "Compare", "compare.html"
SHOWN = 12


def data(site: Site, given: Given) -> dict[str, Any]:
    """The differences between the study and the other one; a hint if there is only one."""
    if site.other is None:
        return {"other": None, "a": site.study.name}
    a, b = site.study, site.other
    return plain(  # type: ignore[no-any-return]
        {
            "a": a.name,
            "other": b.name,
            "notes": [f"{name}: {note}" for name, one in (("A", a), ("B", b)) for note in one.facts().notes],
            "totals": [_totals(a), _totals(b)],
            "pipeline": differences(a.pipeline(), b.pipeline()),
            "steps": _by_step(a, b),
            "samples": _samples(site, a, b),
        }
    )


def differences(a: Any, b: Any) -> list[dict[str, Any]]:
    """What differs between two pipelines, by the paths of their steps: added, removed, moved, or a field's values."""
    if a is None or b is None:
        missing = " and ".join(name for name, one in (("A", a), ("B", b)) if one is None)
        return [{"kind": "unknown", "path": "", "field": "", "a": None, "b": None,
                 "text": f"The manifest of {missing} holds no pipeline that can be read."}]  # fmt: skip
    left = {leaf.path: leaf.transform for leaf in a._plan.leaves()}
    right = {leaf.path: leaf.transform for leaf in b._plan.leaves()}
    out = []
    for path in [*left, *(path for path in right if path not in left)]:
        if path not in right:
            out.append(_change("removed", path, "", repr(left[path]), None, f"{path} is only in A"))
        elif path not in left:
            out.append(_change("added", path, "", None, repr(right[path]), f"{path} is only in B"))
        else:
            before, after = left[path].values(), right[path].values()
            out += [
                _change("changed", path, name, value, after[name], f"{path}: {name} {value!r} became {after[name]!r}")
                for name, value in before.items()
                if value != after.get(name)
            ]
    common = [path for path in left if path in right]
    if common != [path for path in right if path in left]:
        out.append(_change("moved", "", "", common, [p for p in right if p in left], "The steps run in another order"))
    settings = ({k: v for k, v in one.arguments().items() if k != "seed"} for one in (a, b))
    first, second = settings
    out += [
        _change("changed", "", name, first.get(name), second.get(name),
                f"{name}: {first.get(name)!r} became {second.get(name)!r}")
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    ]  # fmt: skip
    return out


def _change(kind: str, path: str, field: str, a: Any, b: Any, text: str) -> dict[str, Any]:
    return {"kind": kind, "path": path, "field": field, "a": a and str(a), "b": b and str(b), "text": text}


def _totals(study: Study) -> dict[str, Any]:
    [row] = study.ledger.sql(
        "select count(*) as rows, avg(loss) filter (isfinite(loss)) as loss, min(epoch) as first, max(epoch) as last "
        "from ledger"
    ).to_pylist()
    manifest = study.ledger.manifest
    return {"name": study.name, "seed": manifest.get("seed"), "fingerprint": manifest.get("fingerprint"), **row}


def _by_step(a: Study, b: Study) -> list[dict[str, Any]]:
    """Share and mean loss of the rows on which each step ran, in both."""
    left, right = _means(a), _means(b)
    paths = [*left, *(path for path in right if path not in left)]
    rows = [
        {
            "path": path,
            "a": left.get(path),
            "b": right.get(path),
            "a_url_where": path,
            "change": None
            if path not in left or path not in right or None in (left[path]["loss"], right[path]["loss"])
            else right[path]["loss"] - left[path]["loss"],
        }
        for path in paths
    ]
    return sorted(rows, key=lambda row: -abs(row["change"] or 0.0))


def _means(study: Study) -> dict[str, dict[str, Any]]:
    table = study.ledger.sql(
        "with total as (select count(*) as n from ledger), "
        "ran as (select unnest(applied) as path, loss from ledger) "
        "select path, count(*) / any_value(n) as share, avg(loss) filter (isfinite(loss)) as loss "
        "from ran, total group by path order by path"
    )
    known = study.facts().steps
    found = {row["path"]: {"share": row["share"], "loss": row["loss"]} for row in table.to_pylist()}
    return {path: found[path] for path in [*known, *(p for p in found if p not in known)] if path in found}


def _samples(site: Site, a: Study, b: Study) -> list[dict[str, Any]]:
    """Samples of both runs whose mean loss differs most."""
    mean = "select sample_id, avg(loss) as loss, max(loss) as worst from ledger where isfinite(loss) group by sample_id"
    left, right = a.ledger.sql(mean), b.ledger.sql(mean)
    both = left.join(right, "sample_id", right_suffix="_b", join_type="inner")
    if not both.num_rows:
        return []
    import pyarrow.compute as pc

    change = pc.subtract(both["loss_b"], both["loss"])
    both = both.append_column("change", change).append_column("size", pc.abs(change))
    chosen = both.sort_by([("size", "descending"), ("sample_id", "ascending")]).slice(0, SHOWN).to_pylist()
    filters = Filters()
    return [
        {
            "sample_id": row["sample_id"],
            "change": row["change"],
            "a": {"mean": row["loss"], **_side(site, a, row["sample_id"], filters)},
            "b": {"mean": row["loss_b"], **_side(site, b, row["sample_id"], filters)},
        }
        for row in chosen
    ]


def _side(site: Site, study: Study, sample_id: str, filters: Filters) -> Mapping[str, Any]:
    row = study.row(Key(sample_id))
    shown = card(site, study, row, filters)
    if study is site.other:
        shown["url"] = ""  # the pages of one sample show the first run
    return shown
