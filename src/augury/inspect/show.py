"""The film strip of a sample: the input, then what every step made of it, as one picture."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from augury.errors import FieldError, SampleError, shown
from augury.inspect.panels import Panel, Picture, View, panels, printable
from augury.inspect.trace import Trace, trace
from augury.program import Program

_FONT, _SIZE, _LINE, _GAP = cv2.FONT_HERSHEY_SIMPLEX, 0.42, 17, 12
_WIDEST, _NARROWEST = 1600, 168
_PAPER, _INK, _FAINT = (255, 255, 255), (25, 25, 25), (130, 130, 130)


class Strip:
    """A drawn film strip. image: (H, W, 3) uint8, RGB; panels: its parts; notebooks show it by themselves."""

    def __init__(self, parts: list[Panel], columns: int | None) -> None:
        self.panels = parts
        self.image = _drawn(parts, columns)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the strip as PNG, or in another format that the file's suffix names."""
        suffix = Path(path).suffix or ".png"
        try:
            done, data = cv2.imencode(suffix, self.image[..., ::-1])
        except cv2.error:
            done = False
        if not done:
            raise FieldError(f"show.path: got {shown(fspath(path))}; OpenCV writes no {suffix} files, use .png")
        Path(path).write_bytes(data.tobytes())

    def _repr_png_(self) -> bytes:
        return bytes(cv2.imencode(".png", self.image[..., ::-1])[1].tobytes())

    def _repr_html_(self) -> str:
        text = html.escape(" | ".join(panel.text for panel in self.panels), quote=True)
        data = base64.b64encode(self._repr_png_()).decode()
        return f'<img alt="{text}" style="max-width:100%" src="data:image/png;base64,{data}">'

    def __repr__(self) -> str:
        return "\n".join(["Strip", *(f"  {panel.text}" for panel in self.panels)])


def show(what: object, *, path: str | PathLike[str] | None = None, columns: int | None = None, **targets: Any) -> Strip:
    """Draw a film strip, with masks, boxes and keypoints.

    what: a Trace; a record or Program, with the sample it runs on as targets; or a pipeline's result, which is drawn
    alone, or step by step if it holds a record and the sample is passed. path: where to write it too. columns: panels
    per row. Float, 16-bit and normalised images and tensors are brought to a viewable range; captions say if rescaled.
    """
    if columns is not None and columns < 1:
        raise FieldError(f"show.columns: got {shown(columns)}; pass an integer of at least 1, or None")
    strip = Strip(_panels(what, targets), columns)
    if path is not None:
        strip.save(path)
    return strip


def _panels(what: object, targets: dict[str, Any]) -> list[Panel]:
    if isinstance(what, Trace):
        return panels(what)
    if isinstance(what, Mapping) and "steps" not in what and "format" not in what:
        sample = dict(what)
        record = next((v for v in sample.values() if isinstance(v, Mapping) and "steps" in v and "format" in v), None)
        if record is None or not targets:
            settings = Program.from_record(record).settings if record is not None else {}
            return [View(settings, [sample]).panel("result", (), None, sample)]
        what = record
    if not targets:
        raise SampleError("show: a record holds no pixels; pass the sample it ran on: show(record, image=image)")
    return panels(trace(what, **targets))


def _drawn(parts: list[Panel], columns: int | None) -> Picture:
    width = max(_NARROWEST, *(panel.picture.shape[1] for panel in parts))
    columns = min(len(parts), columns or max(1, (_WIDEST - _GAP) // (width + _GAP)))
    texts = [_caption(panel, width) for panel in parts]
    rows = [range(start, min(start + columns, len(parts))) for start in range(0, len(parts), columns)]
    tall = [max(parts[i].picture.shape[0] for i in row) for row in rows]
    heights = [tall[at] + _LINE * max(len(texts[i]) for i in row) + 2 * _GAP for at, row in enumerate(rows)]
    sheet = np.full((sum(heights) + _GAP, columns * (width + _GAP) + _GAP, 3), _PAPER, np.uint8)
    top = _GAP
    for at, row in enumerate(rows):
        for column, i in enumerate(row):
            left = _GAP + column * (width + _GAP)
            picture = parts[i].picture
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            for line, (text, ink) in enumerate(texts[i]):
                below = top + tall[at] + _LINE * (line + 1)
                cv2.putText(sheet, text, (left, below), _FONT, _SIZE, ink, 1, cv2.LINE_AA)
        top += heights[at]
    return sheet


def _caption(panel: Panel, width: int) -> list[tuple[str, tuple[int, int, int]]]:
    """Lines that fit the width, each with its colour."""
    took = f"{panel.milliseconds:.2f} ms" if panel.milliseconds is not None else ""
    ink = _INK if panel.ran else _FAINT
    lines = [(text, ink) for text in _wrapped(panel.name, width)]
    for line in (*panel.lines, took):
        lines += [(text, _FAINT) for text in _wrapped(line, width)]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Text broken between words, or within one that is too long, so that every line fits the width."""
    lines, words = [], printable(text).split()
    while words:
        n = len(words)
        while n > 1 and _length(" ".join(words[:n])) > width:
            n -= 1
        line, words = " ".join(words[:n]), words[n:]
        cut = len(line)
        while cut > 1 and _length(line[:cut]) > width:
            cut -= 1
        if cut < len(line):
            words.insert(0, line[cut:])
        lines.append(line[:cut])
    return lines


def _length(text: str) -> int:
    return int(cv2.getTextSize(text, _FONT, _SIZE, 1)[0][0])
