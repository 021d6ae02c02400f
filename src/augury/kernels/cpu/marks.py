"""Marks drawn over an image: lines, arrows, rectangles and text."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import FULL, channels_of
from augury.sample import Array

FONT = cv2.FONT_HERSHEY_SIMPLEX
# Lengths of strokes and gaps, in thicknesses.
_STYLES = {"dashed": (4.0, 3.0), "dotted": (0.0, 2.5)}


def draw(image: Array, op: ops.Draw) -> Array:
    """The marks of `op`, first to last; any dtype and number of channels. A colour of three fractions is averaged where
    the image has not three channels.
    """
    out = np.array(image, order="C")
    channels, full = channels_of(image), FULL[image.itemsize]
    where = np.zeros(image.shape[:2], np.uint8)
    for kind, x0, y0, x1, y1, thickness, color, detail in op.marks:
        where[:] = 0
        _MARKS[kind](where, (x0, y0), (x1, y1), thickness, detail)
        # An array of one value per channel, even where the mark has one for all.
        shades = color if len(color) == channels else (sum(color) / len(color),) * channels
        values = np.array(shades) * full
        values = (values if image.itemsize == 4 else np.rint(values)).astype(image.dtype)
        x, y, w, h = cv2.boundingRect(where)
        if w:
            window = out[y : y + h, x : x + w]
            window[where[y : y + h, x : x + w] > 0] = values if image.ndim == 3 else values[0]
    return out


def _line(where: Any, start: tuple[int, int], end: tuple[int, int], thickness: int, style: str) -> None:
    if style == "solid":
        cv2.line(where, start, end, 255, thickness)
        return
    stroke, gap = (part * thickness for part in _STYLES[style])
    length = max(math.dist(start, end), 1.0)
    (x0, y0), across, down = start, end[0] - start[0], end[1] - start[1]
    for i in range(int(length / (stroke + gap)) + 1):
        begin = i * (stroke + gap) / length
        finish = min(begin + stroke / length, 1.0)
        first = round(x0 + begin * across), round(y0 + begin * down)
        if style == "dotted":
            cv2.circle(where, first, max(thickness // 2, 1), 255, -1)
        else:
            cv2.line(where, first, (round(x0 + finish * across), round(y0 + finish * down)), 255, thickness)


def _arrow(where: Any, start: tuple[int, int], end: tuple[int, int], thickness: int, tip: float) -> None:
    cv2.arrowedLine(where, start, end, 255, thickness, tipLength=tip)


def _rectangle(where: Any, start: tuple[int, int], end: tuple[int, int], thickness: int, detail: Any) -> None:
    cv2.rectangle(where, start, end, 255, thickness)


def _text(where: Any, start: tuple[int, int], end: tuple[int, int], thickness: int, detail: tuple[str, float]) -> None:
    cv2.putText(where, detail[0], start, FONT, detail[1], 255, thickness, cv2.LINE_8)


_MARKS: dict[str, Any] = {"line": _line, "arrow": _arrow, "rectangle": _rectangle, "text": _text}
