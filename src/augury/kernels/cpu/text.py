"""Text drawn with a font file, by Pillow, which is asked for only here."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from augury import ops
from augury.errors import FieldError, RecordError, SampleError, shown
from augury.fields import number
from augury.kernels.cpu.mix import placed
from augury.rng import Stream
from augury.sample import Array

# Characters and places of one step, and how far around a place is looked at to clear it.
MOST, MOST_TEXTS, AROUND = 4000, 64, 8


def name_of(value: Any) -> str:
    """`value` as the path of a font, or another name; ValueError otherwise."""
    if not isinstance(value, str) or not value:
        raise ValueError("pass text, such as the path of a font")
    return value


def words_of(value: Any) -> tuple[str, ...]:
    """`value` as words; ValueError otherwise."""
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError("pass a non-empty list of words")
    return tuple(value)


def edits_of(value: Any) -> tuple[str | None, ...]:
    """`value` as kinds of edits; ValueError otherwise."""
    if not isinstance(value, (list, tuple)) or not value or set(value) - {None, "swap", "insertion", "deletion"}:
        raise ValueError("pass a non-empty list of None, 'swap', 'insertion' and 'deletion'")
    return tuple(value)


def colors_of(value: Any) -> Any:
    """`value` as a colour or several; ValueError otherwise."""
    rule = "pass a colour, by name or as numbers, or a list of colours"
    if isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError(rule)
    if any(isinstance(one, (str, list, tuple)) for one in value):
        return tuple(colors_of(one) for one in value)
    return tuple(number(one, rule) for one in value)


def places(given: Any, key: str, sig: Any) -> list[tuple[tuple[int, ...], str]]:
    """Boxes in pixels, and their texts, of what was passed with a call; SampleError if it is not that."""
    given = [given] if isinstance(given, dict) else given
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, dict) for one in given):
        raise SampleError(f"{key}: got {shown(given)}; pass a dict with text and bbox, or a list of them")
    texts = [one.get("text") for one in given]
    if not all(isinstance(text, str) for text in texts) or sum(map(len, texts)) > MOST or len(texts) > MOST_TEXTS:
        raise SampleError(f"{key}: got texts {shown(texts)}; pass at most {MOST_TEXTS}, of {MOST} characters together")
    return [(placed(one.get("bbox"), sig, key), one["text"]) for one in given]


def clearing(box: tuple[int, ...], height: int, width: int) -> tuple[tuple[int, int, int, int], tuple[Any, ...]]:
    """A window around a box of an image, and the op that paints the box over from there."""
    x0, y0, x1, y1 = box
    left, top = max(x0 - AROUND, 0), max(y0 - AROUND, 0)
    hole = ops.Holes(((x0 - left, y0 - top, x1 - left, y1 - top),), "inpaint_telea")
    return (left, top, min(x1 + AROUND, width), min(y1 + AROUND, height)), (hole,)


def pillow(name: str) -> Any:
    """A module of Pillow; FieldError if it is not installed."""
    try:
        from importlib import import_module

        return import_module(f"PIL.{name}")
    except ImportError:
        raise FieldError("TextImage: needs Pillow to draw text; pip install 'augury[text]'") from None


def font_digest(path: str) -> str:
    """A 64-bit digest of a font file; FieldError if it cannot be read."""
    try:
        about = os.stat(path)
        return _digest(path, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise FieldError(f"TextImage.font_path: got {path!r}; cannot be read ({error.strerror})") from None


@lru_cache(maxsize=64)
def _digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return blake2b(file.read(), digest_size=8).hexdigest()


@lru_cache(maxsize=64)
def _font(path: str, digest: str, size: int) -> Any:
    try:
        return pillow("ImageFont").truetype(path, size)
    except OSError:
        raise FieldError(f"TextImage.font_path: got {path!r}; not a font file that can be read") from None


def color_of(color: Any, full: float) -> tuple[float, ...]:
    """A colour, given by name or as numbers in the image's own range, as numbers in that range."""
    if isinstance(color, str):
        return tuple(value / 255 * full for value in pillow("ImageColor").getrgb(color)[:3])
    return tuple(color)


def reworded(text: str, edit: str | None, stopwords: tuple[str, ...], stream: Stream) -> str:
    """Text with two words swapped, one left out ("deletion") or a stop word put in ("insertion")."""
    words = text.split()
    if edit == "insertion":
        words.insert(stream.integer(0, len(words)), stopwords[stream.integer(0, len(stopwords) - 1)])
    elif edit == "swap" and len(words) > 1:
        i, j = stream.permutation(len(words))[:2]
        words[i], words[j] = words[j], words[i]
    elif edit == "deletion" and len(words) > 1:
        del words[stream.integer(0, len(words) - 1)]
    return " ".join(words) if edit else text


def patch(
    path: str, digest: str, shape: tuple[int, ...], dtype: str,
    x0: int, y0: int, x1: int, y1: int, size: int, color: tuple[float, ...], text: str,
) -> ops.Patch | None:  # fmt: skip
    """Text of `size` pixels from the left of a box, in the middle of its height, cut to an image of `shape`; None if
    nothing is to be seen. RecordError if the font is not the one with this digest.
    """
    try:
        now = font_digest(path)
    except FieldError as error:
        raise RecordError(f"{error}; put the recorded font there") from None
    if now != digest:
        raise RecordError(f"TextImage.font_path: {path!r} is another font than was recorded; put that one there")
    font = _font(path, digest, size)
    left, top, right, bottom = font.getbbox(text)
    width, height = min(int(right - left), shape[1] - x0), int(bottom - top)
    y = (y0 + y1 - height) // 2
    if width < 1 or height < 1:
        return None
    page = pillow("Image").new("L", (width, height))
    pillow("ImageDraw").Draw(page).text((-left, -top), text, fill=255, font=font)
    cut = max(-y, 0)
    alpha = np.asarray(page, np.float32)[cut : shape[0] - y] / np.float32(255)
    image: Array = np.empty((*alpha.shape, *shape[2:]), dtype)
    image[...] = color if len(shape) > 2 and len(color) > 1 else color[0]
    return ops.Patch(x0, max(y, 0), image, alpha)
