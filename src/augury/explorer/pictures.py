"""Pixels, made again from records: what a sample is, what became of it, and what its labels mark, as PNG and SVG.

A picture is lossless and as large as the image, unless a thumbnail is asked for; bytes are shown as they are, all else
is brought to a viewable range, and notes say so. Labels are a second picture over it, so that both stay exact.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import cv2
import numpy as np

from augury.errors import AuguryError, SampleError, shown
from augury.explorer import edits
from augury.explorer.study import Key, Recent, Study, record_of
from augury.inspect.panels import View
from augury.inspect.trace import Trace, trace
from augury.program import Program
from augury.replay import replay
from augury.targets import keypoints
from augury.targets.bindings import view as flat
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import outlines

THUMB = 320
"""The longest side of a thumbnail; larger pictures are reduced to it, smaller ones stay as they are."""


class Picture(NamedTuple):
    """A picture and what was done to show it. overlay: SVG of its labels, empty if there are none."""

    png: bytes
    overlay: str
    width: int
    height: int
    notes: tuple[str, ...]

    @property
    def png_uri(self) -> str:
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"

    @property
    def overlay_uri(self) -> str:
        return f"data:image/svg+xml;base64,{base64.b64encode(self.overlay.encode()).decode()}"


class Pictures:
    """The pictures of a study. edits: texts as `edits.read` takes them."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._made: Recent[Picture] = Recent(512)
        self._traces: Recent[Trace] = Recent(4)
        self._pipelines: Recent[Any] = Recent(1)

    def edited(self, key: Key, texts: Sequence[str]) -> edits.Edited:
        """The program of a row after edits."""
        program = Program.from_record(record_of(self.study.row(key)))
        todo = edits.read(texts)
        needs = any(edit.verb == "on" for edit in todo)
        sample = self.study.sample(key.sample_id) if needs and self.study.source is not None else None
        return edits.apply(program, todo, self.pipeline() if needs else None, sample)

    def pipeline(self) -> Any:
        return self._pipelines.get(len(self.study.ledger), self.study.pipeline)

    def result(self, key: Key, texts: Sequence[str] = ()) -> dict[str, Any]:
        """What `augury.replay` returns for the row's record after edits."""
        program = self.edited(key, texts).program
        sample = self.study.sample(key.sample_id)
        return guarded(self.study, lambda: replay(program, **sample))  # type: ignore[no-any-return]

    def trace(self, key: Key, texts: Sequence[str] = ()) -> Trace:
        """The row's record after edits, run step by step."""

        def make() -> Trace:
            program = self.edited(key, texts).program
            sample = self.study.sample(key.sample_id)
            return guarded(self.study, lambda: trace(program, **sample))  # type: ignore[no-any-return]

        return self._traces.get((key, tuple(texts)), make)

    def original(self, key: Key, thumb: bool = False) -> Picture:
        """The sample as the data function gives it, with its labels."""

        def make() -> Picture:
            sample = self.study.sample(key.sample_id)
            settings = self._settings(key)
            return guarded(self.study, lambda: drawn(sample, sample, settings, thumb))  # type: ignore[no-any-return]

        return self._made.get((key.sample_id, thumb), make)

    def seen(self, key: Key, texts: Sequence[str] = (), thumb: bool = False) -> Picture:
        """What the model saw, or would have seen after edits."""

        def make() -> Picture:
            result, sample = self.result(key, texts), self.study.sample(key.sample_id)
            settings = self._settings(key)
            return guarded(self.study, lambda: drawn(result, sample, settings, thumb))  # type: ignore[no-any-return]

        return self._made.get((key, tuple(texts), thumb), make)

    def after(self, key: Key, path: str, texts: Sequence[str] = (), thumb: bool = True) -> Picture:
        """The sample after one step."""

        def make() -> Picture:
            ran = self.trace(key, texts)
            at = next((step.snapshot for step in ran.steps if step.path == path and step.snapshot is not None), None)
            if at is None:
                raise SampleError(f"{path}: no such step ran")
            return drawn(at, ran.input, ran.program.settings, thumb)

        return self._made.get((key, tuple(texts), path, thumb), make)

    def _settings(self, key: Key) -> Mapping[str, Any]:
        settings = record_of(self.study.row(key)).get("settings")
        return settings if isinstance(settings, Mapping) else {}


def guarded(study: Study, make: Any) -> Any:
    """`make()`; errors of data that cannot be used say that the data function gave it."""
    try:
        return make()
    except AuguryError as error:
        raise SampleError(f"{error} (the sample came from {study.data_words})") from error
    except Exception as error:  # a sample may be anything, and the reader should see why it has no picture
        raise SampleError(
            f"this sample has no picture: {type(error).__name__}: {error} (it came from {study.data_words})"
        ) from error


def drawn(sample: Mapping[str, Any], first: Mapping[str, Any], settings: Mapping[str, Any], thumb: bool) -> Picture:
    """A sample as a picture. first: the sample before the pipeline, whose labels decide the colours."""
    view = View(settings, [dict(first), dict(sample)])
    sample = flat(sample, settings)
    base, notes = view.base(sample)
    height, width = base.shape[:2]
    overlay = _overlay(view, sample, height, width)
    reduced = max(height, width) / THUMB
    if thumb and reduced > 1:
        size = max(1, round(width / reduced)), max(1, round(height / reduced))
        base = cv2.resize(base, size, interpolation=cv2.INTER_AREA)
        notes = [*notes, f"{width} x {height}, reduced"]
    return Picture(png(base), overlay, width, height, tuple(notes))


def png(picture: Any) -> bytes:
    """(H, W, 3) or (H, W, 4) bytes, RGB, as a PNG file."""
    code = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, code), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())


def _overlay(view: View, sample: Mapping[str, Any], height: int, width: int) -> str:
    """Masks, boxes and keypoints as SVG in the pixels of the picture."""
    unit = max(height, width) / 100
    marks: list[str] = []
    tint = np.zeros((height, width, 4), np.uint8)
    for region, colour in view.masks(sample, height, width):
        tint[region != 0] = (*colour, 115)
        edges, _ = cv2.findContours(region, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tint, edges, -1, (*colour, 255), 1)
    if tint[..., 3].any():
        data = base64.b64encode(png(tint)).decode()
        marks.append(
            f'<image width="{width}" height="{height}" image-rendering="pixelated" '
            f'href="data:image/png;base64,{data}"/>'
        )
    for name, labels in view.labels(sample, "bboxes", view.bbox):
        found, rows = outlines(sample[name], view.bbox, height, width)
        for corners, row in zip(found.tolist(), rows.tolist(), strict=True):
            label = labels[row] if row < len(labels) else ""
            hue = _hex(view.colours.get(label, (230, 159, 0)))
            at = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
            marks.append(f'<polygon points="{at}" fill="none" stroke="#000" stroke-width="{unit * 1.8:.2f}"/>')
            marks.append(f'<polygon points="{at}" fill="none" stroke="{hue}" stroke-width="{unit:.2f}"/>')
            if label:
                marks.append(_tag(label[:24], corners[0][0], corners[0][1], unit, hue))
    for name, labels in view.labels(sample, "keypoints", view.keypoint):
        points = KeypointParams(view.keypoint.get("coord_format", "xy"), remove_invisible=False)
        found, rows = keypoints.read(sample[name], points, height, width)
        for (x, y), row in zip(found[:, :2].tolist(), rows.tolist(), strict=True):
            hue = _hex(view.colours.get(labels[row] if row < len(labels) else "", (86, 180, 233)))
            marks.append(
                f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{unit * 1.6:.2f}" fill="{hue}" stroke="#000" '
                f'stroke-width="{unit * 0.5:.2f}"/>'
            )
    if not marks:
        return ""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{"".join(marks)}</svg>'


def _tag(text: str, x: float, y: float, unit: float, colour: str) -> str:
    """A label on its colour, at the upper left corner of a box."""
    size = unit * 6
    wide = size * 0.62 * len(text) + unit * 2
    ink = "#000" if sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) > 330 else "#fff"
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{size * 1.25:.2f}" fill="{colour}"/>'
        f'<text x="{x + unit:.2f}" y="{y + size:.2f}" font-size="{size:.2f}" font-family="sans-serif" '
        f'fill="{ink}">{escape(text)}</text>'
    )


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in colour)


def describe(row: Mapping[str, Any]) -> str:
    """A row's picture in words, for those who do not see it."""
    from augury.inspect.panels import story

    try:
        happened = story(record_of(row))
    except AuguryError:
        happened = "no record that can be read"
    loss = "" if row["loss"] is None else f", loss {row['loss']:.3g}"
    epoch = "" if row["epoch"] is None else f", epoch {row['epoch']}"
    return f"sample {shown(row['sample_id']).strip(chr(39))}{epoch}{loss}: {happened}"
