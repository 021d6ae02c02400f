"""Pipeline: a form for every field of every transform, twelve draws of the pipeline as it stands, and saving it.

The pipeline travels in the address, compressed, so that the address restores it. A change is an address too: it names
what to do, and the answer leads to the address of the pipeline after it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from augury.errors import AuguryError, FieldError, RecordError, SampleError, shown
from augury.explorer import controls
from augury.explorer.filters import Filters
from augury.explorer.pages import Given, one
from augury.explorer.pictures import Picture, drawn, guarded
from augury.explorer.site import Site, marks_of
from augury.fields import plain
from augury.saving import GROUPS, from_dict
from augury.transform import REGISTRY, Transform

PATH, TITLE, TEMPLATE = "/pipeline", "Pipeline", "pipeline.html"
DRAWS = 12
_LARGEST = 1 << 20
_OFFERED_GROUPS = ("OneOf", "SomeOf", "Sequential")


def data(site: Site, given: Given) -> dict[str, Any]:
    """The pipeline as forms, the addresses of its draws, and what is wrong with it if it cannot be built."""
    tree = state_of(site, given)
    error = one(given, "error") or None
    try:
        build(tree)
    except AuguryError as problem:
        error = str(problem)
    packed = pack(tree)
    samples = _samples(site, given)
    chosen = one(given, "id")
    seed = one(given, "draw", "0")
    pairs = [("state", packed), *([("id", chosen)] if chosen else []), *([("draw", seed)] if seed != "0" else [])]
    first = int(seed) * DRAWS if seed.isdecimal() and len(seed) < 6 else 0
    return {
        "state": packed,
        "sample": chosen,
        "samples": [name for name, _ in samples],
        "draw": first // DRAWS,
        "error": error,
        "steps": forms(tree.get("transforms", []), ""),
        "names": sorted(name for name, cls in REGISTRY.items() if name in _catalogue()),
        "groups": list(_OFFERED_GROUPS),
        "pipeline": saved(tree),
        "python": _python(tree),
        "draws": [_address(site, packed, samples[n % len(samples)], first + n) for n in range(DRAWS)]
        if samples and site.study.source is not None and error is None
        else [],
        "again": site.url(PATH, [*(p for p in pairs if p[0] != "draw"), ("draw", str(first // DRAWS + 1))]),
        "reset": site.url(PATH),
        "here": site.url(PATH, pairs),
        "save": str(site.save) if site.save is not None else None,
    }


def _address(site: Site, packed: str, sample: tuple[str, bool], number: int) -> dict[str, Any]:
    """Where one draw is found."""
    pairs = [("state", packed), ("id", sample[0]), ("key", str(number))]
    overlay = site.url("/draw", [*pairs, ("labels", "1")]) if sample[1] else None
    picture = {"src": site.url("/draw", pairs), "overlay": overlay, "tiny": True, "error": None}
    return {"sample_id": sample[0], "number": number, "picture": picture}


def _catalogue() -> frozenset[str]:
    from augury.catalogue import __all__ as names

    return frozenset(names)


def _samples(site: Site, given: Given) -> list[tuple[str, bool]]:
    """The samples to draw on, and whether they may have labels: the one asked for, else the worst three."""
    if one(given, "id"):
        return [(one(given, "id"), True)]
    rows = site.study.ranking(Filters(), 0, 24)[0] if site.study.facts().rows else []
    found = {row["sample_id"]: bool((marks_of(row) or {}).get("labels")) for row in rows}
    return list(found.items())[:3]


# ---- the state -------------------------------------------------------------------------------------------


def state_of(site: Site, given: Given) -> dict[str, Any]:
    """The pipeline in the address, else that of the manifest, else an empty one."""
    text = one(given, "state")
    if text:
        return unpack(text)
    held = site.study.pipeline()
    if held is None:
        return {"__class_fullname__": "ReplayCompose", "seed": 137, "p": 1.0, "transforms": []}
    return dict(held.to_dict())


def pack(tree: Mapping[str, Any]) -> str:
    """A pipeline as text for an address."""
    data = zlib.compress(json.dumps(tree, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unpack(text: str) -> dict[str, Any]:
    """The pipeline of `pack`; RecordError if the text is damaged or the pipeline larger than a mebibyte."""
    try:
        decoder = zlib.decompressobj()
        raw = decoder.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), _LARGEST)
        tree = json.loads(raw)
        if decoder.unconsumed_tail or not isinstance(tree, dict):
            raise ValueError
    except (ValueError, zlib.error, RecursionError):
        raise RecordError("state: not a pipeline; the address is damaged, go to the pipeline page anew") from None
    return tree


def saved(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The pipeline as `augury.save` writes it."""
    from augury import __version__

    return {"library": "augury", "format": 1, "__version__": __version__, "transform": dict(tree)}


def build(tree: Mapping[str, Any]) -> Any:
    """The pipeline itself; raises RecordError or FieldError."""
    pipeline = from_dict({"library": "augury", "format": 1, "transform": tree})
    if not callable(getattr(pipeline, "arguments", None)):
        raise RecordError(f"state: got {type(pipeline).__name__}; pass a Compose or ReplayCompose")
    return pipeline


def _python(tree: Mapping[str, Any]) -> str:
    return f"import augury as A\n\npipeline = A.from_dict({saved(tree)!r})\n"


def draw(site: Site, given: Given) -> Picture:
    """One draw of the pipeline in the address on one sample."""
    pipeline = build(state_of(site, given))
    sample = site.study.sample(one(given, "id"))
    key = one(given, "key", "0")
    settings = plain({k: v for k, v in pipeline._carried.items() if k == "additional_targets"})
    for name in ("bbox_params", "keypoint_params"):
        params = getattr(pipeline, name)
        if params is not None:
            settings[name] = params.explicit()

    def make() -> Picture:
        # Schedules are shown as they end.
        progress = 1.0 if pipeline.scheduled else None
        result = pipeline(**sample, key=(int(key) if key.isdecimal() and len(key) < 9 else 0,), progress=progress)
        return drawn(result, sample, settings, True)

    return guarded(site.study, make)  # type: ignore[no-any-return]


# ---- forms -----------------------------------------------------------------------------------------------


def forms(children: list[Any], path: str) -> list[dict[str, Any]]:
    """The steps of a group as forms, groups with their own steps inside. path: `0/2/1`, places from the top."""
    out = []
    for at, raw in enumerate(children):
        place = f"{path}/{at}" if path else str(at)
        name = str(raw.get("__class_fullname__", "?")) if isinstance(raw, Mapping) else "?"
        item: dict[str, Any] = {"place": place, "name": name, "first": at == 0, "last": at == len(children) - 1}
        cls = REGISTRY.get(name)
        if cls is not None:
            item["fields"] = [
                controls.of_field(field, cls.fields[field], raw.get(field, _default(cls, field)))
                for field in sorted(cls.fields, key=lambda field: field != "p")
            ]
            item["doc"] = (cls.__doc__ or "").strip().partition("\n")[0]
        elif name in GROUPS:
            p = {
                "name": "p",
                "kind": "number",
                "value": raw.get("p", 1.0),
                "low": 0,
                "high": 1,
                "step": 0.01,
                "unit": "",
            }
            item |= {"fields": [p], "children": forms(raw.get("transforms", []), place), "doc": "", "group": True}
        else:
            item |= {"fields": [], "doc": "not known here, so it cannot be changed"}
        out.append(item)
    return out


def _default(cls: type[Transform], field: str) -> Any:
    return None if cls.fields[field].required else cls.default(field)


# ---- changes ---------------------------------------------------------------------------------------------


def changed(site: Site, given: Given) -> list[tuple[str, str]]:
    """The address parameters after a change: do=set|add|remove|up|down, at=PLACE, and name and value, or add=NAME.

    A change that the pipeline refuses leaves it as it was and adds what was wrong as `error`.
    """
    before = state_of(site, given)
    kept = [(name, one(given, name)) for name in ("id", "draw") if one(given, name)]
    try:
        after = _change(json.loads(json.dumps(before)), given)
        build(after)
    except AuguryError as error:
        return [("state", pack(before)), *kept, ("error", str(error))]
    return [("state", pack(after)), *kept]


def _change(tree: dict[str, Any], given: Given) -> dict[str, Any]:
    do, place = one(given, "do"), one(given, "at")
    if do == "add":
        group = _find(tree, place) if place else tree
        name = one(given, "add")
        if name not in _catalogue() and name not in GROUPS:
            raise FieldError(f"add: got {shown(name)}; pick a transform from the list")
        group.setdefault("transforms", []).append(_fresh(name))
        return tree
    parent_place, _, last = place.rpartition("/")
    siblings = (_find(tree, parent_place) if parent_place else tree).get("transforms", [])
    at = int(last) if last.isdecimal() else -1
    if not 0 <= at < len(siblings):
        raise FieldError(f"at: got {shown(place)}; there is no such step, load the page anew")
    if do == "remove":
        del siblings[at]
    elif do in ("up", "down"):
        to = at + (1 if do == "down" else -1)
        if 0 <= to < len(siblings):
            siblings[at], siblings[to] = siblings[to], siblings[at]
    elif do == "set":
        siblings[at][one(given, "name")] = _value(given)
    else:
        raise FieldError(f"do: got {shown(do)}; pass set, add, remove, up or down")
    return tree


def _find(tree: dict[str, Any], place: str) -> dict[str, Any]:
    for part in place.split("/"):
        children = tree.get("transforms", [])
        if not part.isdecimal() or int(part) >= len(children):
            raise FieldError(f"at: got {shown(place)}; there is no such step, load the page anew")
        tree = children[int(part)]
    return tree


def _fresh(name: str) -> dict[str, Any]:
    """A new step with its defaults, and something in place of what it needs."""
    if name in GROUPS:
        return {"__class_fullname__": name, "p": 0.5, "transforms": [_fresh("NoOp")]}
    cls = REGISTRY[name]
    needed = {"size": [224, 224], "height": 32, "width": 32, "scale": [0.5, 1.0]}
    given = {field: needed[field] for field in cls.fields if cls.fields[field].required and field in needed}
    try:
        return cls(**given).to_dict()
    except AuguryError:
        return {"__class_fullname__": name, **given}


def _value(given: Given) -> Any:
    """The value of a form: one JSON text, or two for the ends of a range."""
    texts = [text.strip() for text in given.get("value", ())]
    values = []
    for text in texts or [""]:
        try:
            values.append(json.loads(text))
        except ValueError:
            values.append(text)
    return values[0] if len(values) == 1 else values


def save(site: Site, packed: str) -> str:
    """Write the pipeline to the file named at the start, and only there; what was written."""
    if site.save is None:
        raise SampleError("save: no file was named at the start; start with --save pipeline.json, or download it")
    from augury import saving

    saving.save(build(unpack(packed)), site.save)
    return str(site.save)
