"""What the pages need of the place they are shown in: addresses of other pages, and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from augury.errors import AuguryError
from augury.explorer.pictures import Picture, Pictures
from augury.explorer.study import Key, Study

Pairs = Sequence[tuple[str, str]]
_TINY = 200


class Site:
    """A study, perhaps a second one to compare it with, and how addresses are written.

    root: what every address starts with, such as `/TOKEN`. save: the file that a pipeline may be saved to.
    """

    static = False

    def __init__(self, study: Study, other: Study | None = None, *, root: str = "", save: Path | None = None) -> None:
        self.study = study
        self.other = other
        self.root = root
        self.save = save
        self._pictures = {id(one): Pictures(one) for one in (study, other) if one is not None}

    def pictures(self, study: Study) -> Pictures:
        return self._pictures[id(study)]

    def url(self, path: str, pairs: Pairs = ()) -> str:
        """The address of a page."""
        return f"{self.root}{path}" + (f"?{urlencode(list(pairs))}" if pairs else "")

    def picture(
        self,
        study: Study,
        key: Key,
        row: Mapping[str, Any],
        *,
        texts: Sequence[str] = (),
        which: str = "seen",
        thumb: bool = False,
    ) -> dict[str, Any] | None:
        """Where a picture and its labels are found; None without a data function or a record to make it from.

        which: "seen", "original", or the path of the step that it is seen after.
        """
        marks = marks_of(row)
        if study.source is None or marks is None:
            return None
        pairs = [*key.pairs(), *(("edit", text) for text in texts)]
        if which != "seen":
            pairs.append(("which", which))
        if thumb:
            pairs.append(("thumb", "1"))
        if study is self.other:
            pairs.append(("run", "b"))
        overlay = self.url("/picture", [*pairs, ("labels", "1")]) if marks["labels"] else None
        return {"src": self.url("/picture", pairs), "overlay": overlay, "tiny": marks["tiny"], "error": None}


class PageSite(Site):
    """A site of one page: pictures are part of it, and other pages are not there."""

    static = True

    def url(self, path: str, pairs: Pairs = ()) -> str:
        return ""

    def picture(
        self,
        study: Study,
        key: Key,
        row: Mapping[str, Any],
        *,
        texts: Sequence[str] = (),
        which: str = "seen",
        thumb: bool = False,
    ) -> dict[str, Any] | None:
        marks = marks_of(row)
        if study.source is None or marks is None:
            return None
        try:
            made = find(self.pictures(study), key, texts, which, thumb)
        except AuguryError as error:
            return {"src": None, "overlay": None, "tiny": False, "error": str(error)}
        overlay = made.overlay_uri if made.overlay else None
        return {"src": made.png_uri, "overlay": overlay, "tiny": marks["tiny"], "error": None}


def find(pictures: Pictures, key: Key, texts: Sequence[str], which: str, thumb: bool) -> Picture:
    """The picture that an address names."""
    if which == "seen":
        return pictures.seen(key, texts, thumb)
    if which == "original":
        return pictures.original(key, thumb)
    return pictures.after(key, which, texts, thumb)


def marks_of(row: Mapping[str, Any]) -> dict[str, bool] | None:
    """Whether the record of a row has labels to draw, and is of a small image; None if it cannot be read."""
    try:
        record = json.loads(row["record"])
        shapes = {name: shape for name, (shape, _) in record["signature"].items()}
        settings = record.get("settings") or {}
        roles = settings.get("additional_targets") or {}
        masks = any("mask" in str(roles.get(name, name)) for name in shapes)
        image = shapes.get("image") or next(iter(shapes.values()))
        tiny = max(image[:2]) <= _TINY
    except (TypeError, ValueError, KeyError, AttributeError, StopIteration):
        return None if row["record"] is None else {"labels": False, "tiny": False}
    return {"labels": masks or "bbox_params" in settings or "keypoint_params" in settings, "tiny": tiny}
