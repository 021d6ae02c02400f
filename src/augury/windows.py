"""Rectangles on the image, drawn: windows that crops show and holes that dropouts overwrite.

A box is (x_min, y_min, x_max, y_max) in whole pixels, ends exclusive. Lengths and places are integers in pixels unless
they are said to be fractions. `sig` is the signature of the image; only what speaks of labels needs them in it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from augury.errors import SampleError, shown
from augury.fields import number
from augury.rng import Source, Stream
from augury.sample import Array, Signature

Box = tuple[int, int, int, int]
Range = Sequence[float]

POSITIONS = ("center", "top_left", "top_right", "bottom_left", "bottom_right", "random")
_HALF = 0xFFFFFFFF
_32 = np.uint64(32)
_ATTEMPTS = 10

# ---- places of rectangles that are known --------------------------------------------------------------


def place(position: str, height: int, width: int, stream: Stream) -> tuple[int, int]:
    """Rows above and columns left of an image that leaves `height` rows and `width` columns of its frame free."""
    if position == "center":
        return height // 2, width // 2
    if position == "random":
        return stream.integer(0, height), stream.integer(0, width)
    return height if position.startswith("bottom") else 0, width if position.endswith("right") else 0


def anywhere(height: int, width: int, sig: Signature, stream: Stream) -> Box:
    """A box of height x width, each place inside the image equally likely."""
    y, x = stream.integer(0, sig.shape[0] - height), stream.integer(0, sig.shape[1] - width)
    return x, y, x + width, y + height


def centred(x: float, y: float, w: float, h: float, sig: Signature) -> Box:
    """A box of at least a pixel about a point, cut to the image."""
    left, top = min(max(round(x - w / 2), 0), sig.width - 1), min(max(round(y - h / 2), 0), sig.height - 1)
    right, bottom = min(left + max(round(w), 1), sig.width), min(top + max(round(h), 1), sig.height)
    return left, top, right, bottom


def overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


# ---- sizes by area and aspect ratio -------------------------------------------------------------------


def of_area(scale: Range, ratio: Range, sig: Signature, stream: Stream) -> Box:
    """A box whose area, a fraction of the image's, and ratio of width to height are drawn until it fits.

    After ten attempts, the largest box of the nearest ratio, in the centre.
    """
    image_height, image_width = sig.shape[:2]
    for _ in range(_ATTEMPTS):
        area = image_height * image_width * stream.uniform(*scale)
        aspect = stream.log_uniform(*ratio)
        height, width = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < height <= image_height and 0 < width <= image_width:
            return anywhere(height, width, sig, stream)
    height, width = largest(ratio, sig)
    y, x = (image_height - height) // 2, (image_width - width) // 2
    return x, y, x + width, y + height


def of_area_at_once(scale: Range, ratio: Range, sig: Signature, stream: Stream) -> Box:
    """A box as in `of_area`, whose area is drawn once and the ratio among those that fit; the largest if none does."""
    image_height, image_width = sig.shape[:2]
    area = image_height * image_width * stream.uniform(*scale)
    low, high = max(ratio[0], area / image_height**2), min(ratio[1], image_width**2 / area)
    if low <= high:
        aspect = stream.log_uniform(low, high)
        height = min(image_height, max(1, round(math.sqrt(area / aspect))))
        width = min(image_width, max(1, round(math.sqrt(area * aspect))))
    else:
        height, width = largest(ratio, sig)
    return anywhere(height, width, sig, stream)


def largest(ratio: Range, sig: Signature) -> tuple[int, int]:
    """Height and width of the largest box whose ratio of width to height is the one nearest to the image's."""
    height, width = sig.shape[:2]
    nearest = min(max(width / height, ratio[0]), ratio[1])
    if nearest * height <= width:
        return height, max(1, round(nearest * height))
    return max(1, round(width / nearest)), width


def erased(scale: Range, ratio: Range, sig: Signature, stream: Stream) -> Box:
    """A box of drawn area and ratio, both uniform; after ten attempts the last one, cut to the image."""
    height, width = sig.shape[:2]
    for _ in range(_ATTEMPTS):
        area = stream.uniform(*scale) * height * width
        aspect = stream.uniform(*ratio)
        w, h = max(round(math.sqrt(area * aspect)), 1), max(round(math.sqrt(area / aspect)), 1)
        if w <= width and h <= height:
            break
    w, h = min(w, width), min(h, height)
    x, y = stream.integer(0, width - w), stream.integer(0, height - h)
    return x, y, x + w, y + h


def inner_size(cos: float, sin: float, height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest upright rectangle inside a turned height x width image and its frame.

    In whole pixels, of the frame's parity, so that both share their centre. Either two opposite corners touch the two
    longer sides of the turned image (when it is long and thin), or each corner touches one side.
    """
    long, short = (width, height) if width >= height else (height, width)
    if short <= 2.0 * sin * cos * long or abs(cos - sin) < 1e-9:
        half = 0.5 * short
        across, down = (half / sin, half / cos) if width >= height else (half / cos, half / sin)
    else:
        double = cos * cos - sin * sin
        across, down = (width * cos - height * sin) / double, (height * cos - width * sin) / double
    return _inside(down, height), _inside(across, width)


def _inside(length: float, size: int) -> int:
    whole = min(size, math.floor(length + 1e-6))
    return max(1, whole - (size - whole) % 2)


# ---- intervals on one axis ----------------------------------------------------------------------------


def with_a_pixel(low: int, high: int, size: int) -> tuple[int, int]:
    """low and high, moved apart in proportion to what they cut off, so that the interval shows a pixel of [0, size)."""
    cut_low, cut_high = max(0, low), max(0, size - high)
    excess = cut_low + cut_high - (size - 1)
    if excess <= 0:
        return low, high
    back = round(excess * cut_low / (cut_low + cut_high))
    return low - back, high + excess - back


def trimmed(size: int, first: float, last: float, stream: Stream) -> tuple[int, int]:
    """[0, size] with random parts cut off, at most the fractions `first` and `last`; a pixel stays."""
    most, last_most = int(first * size), int(last * size)
    low = stream.integer(0, most if most < size else size - 1)
    left = size - low - 1
    return low, size - stream.integer(0, last_most if last_most < left else left)


def moved(low: int, high: int, most: int, size: int, stream: Stream) -> tuple[int, int]:
    """low and high, each moved by up to `most` and clipped to [0, size]; as they were if they met."""
    first, last = max(0, low + stream.integer(-most, most)), min(size, high + stream.integer(-most, most))
    return (first, last) if first < last else (low, high)


def around(low: float, high: float, size: int, stream: Stream) -> tuple[int, int]:
    """A random interval of whole pixels in [0, size] around [low, high]."""
    first = min(max(0, math.floor(low)), size - 1)
    last = max(min(size, math.ceil(high)), first + 1)
    return stream.integer(0, first), stream.integer(last, size)


def grown(low: int, high: int, wanted: int, size: int, stream: Stream) -> tuple[int, int]:
    """A random interval of `wanted` pixels in [0, size] around [low, high], or the whole where that is longer."""
    wanted = min(max(wanted, high - low), size)
    first = stream.integer(max(high - wanted, 0), min(low, size - wanted))
    return first, first + wanted


def showing(low: float, high: float, length: int, size: int, erosion: float, stream: Stream) -> int:
    """Where an interval of `length` in [0, size] begins that shows [low, high], eroded, or lies in it."""
    margin = (high - low) * erosion / 2
    first, last = sorted((math.floor(low + margin), math.ceil(high - margin) - length))
    return stream.integer(*(min(max(at, 0), size - length) for at in (first, last)))


def strips(count: tuple[int, int], length: tuple[int, int], size: int, stream: Stream) -> list[tuple[int, int]]:
    """Intervals of drawn number and length in [0, size], without empty ones."""
    out = []
    for _ in range(stream.integer(*count)):
        long = min(stream.integer(*length), size)
        first = stream.integer(0, size - long)
        out += [(first, first + long)] if long else []
    return out


# ---- around labels ------------------------------------------------------------------------------------


def boxes_of(sig: Signature) -> Array | None:
    """The boxes (N, 4); None without any."""
    boxes = sig.labels.boxes if sig.labels is not None else None
    return None if boxes is None or not len(boxes) else boxes


def given(sig: Signature, key: str) -> Box:
    """The box in the call's argument `key`, on whole pixels and clipped to the image; SampleError if there is none."""
    height, width = sig.shape[:2]
    rule = (
        f"pass {key}=(x_min, y_min, x_max, y_max) in pixels, at least partly inside the image of height {height} "
        f"and width {width}"
    )
    value = sig.labels.extras.get(key) if sig.labels is not None else None
    if value is None:
        raise SampleError(f"{key}: missing; {rule}")
    try:
        x_min, y_min, x_max, y_max = (edge if type(edge) is int else number(edge, "") for edge in list(value)[:4])
    except (TypeError, ValueError):
        raise SampleError(f"{key}: got {shown(value)}; {rule}") from None
    x_min, y_min = max(0, math.floor(x_min)), max(0, math.floor(y_min))
    x_max, y_max = min(width, math.ceil(x_max)), min(height, math.ceil(y_max))
    if x_min >= x_max or y_min >= y_max:
        raise SampleError(f"{key}: got {shown(value)}; {rule}")
    return x_min, y_min, x_max, y_max


def labelled(sig: Signature, labels: Sequence[Any] | None, name: str) -> list[list[float]]:
    """The boxes whose entry in the first label field is one of `labels`; SampleError naming the argument `name`."""
    boxes = boxes_of(sig)
    if boxes is None or sig.labels is None or not labels:
        return []
    if sig.labels.classes is None:
        raise SampleError(f"{name}: the boxes have no labels; name their list in BboxParams(label_fields=[...])")
    return [box for box, label in zip(boxes.tolist(), sig.labels.classes, strict=True) if label in labels]


def safe(boxes: Array | None, sig: Signature, stream: Stream, erosion: float) -> Box:
    """A random box that holds all boxes after each lost `erosion` of its width and height, half on either side.

    Without boxes, or at erosion 1, it has the shape of the image, shrunk by a factor from 1 - erosion to 1.
    """
    height, width = sig.shape[:2]
    if boxes is None or erosion == 1.0:
        part = 1.0 - erosion * stream.random()
        return anywhere(max(1, round(height * part)), max(1, round(width * part)), sig, stream)
    low, high = boxes[:, :2], boxes[:, 2:4]
    if erosion:
        margin = (high - low) * (erosion / 2)
        low, high = low + margin, high - margin
    x_min, y_min = np.minimum.reduce(low).tolist()
    x_max, y_max = np.maximum.reduce(high).tolist()
    x_min, x_max = around(x_min, x_max, width, stream)
    y_min, y_max = around(y_min, y_max, height, stream)
    return x_min, y_min, x_max, y_max


def with_a_filled_pixel(filled: Array, height: int, width: int, sig: Signature, stream: Stream) -> Box:
    """A box of height x width that holds a random pixel where `filled`, (H, W) bool; anywhere if there is none."""
    until = np.add.reduce(filled, axis=1, dtype=np.intp).cumsum()
    if not until[-1]:
        return anywhere(height, width, sig, stream)
    at = stream.integer(0, int(until[-1]) - 1)
    row = int(until.searchsorted(at, side="right"))
    column = int(np.flatnonzero(filled[row])[at - (int(until[row - 1]) if row else 0)])
    y = min(max(0, row - stream.integer(0, height - 1)), sig.height - height)
    x = min(max(0, column - stream.integer(0, width - 1)), sig.width - width)
    return x, y, x + width, y + height


# ---- many holes ---------------------------------------------------------------------------------------


def hole(size: int, place: int, size_range: Sequence[Range], height: int, width: int) -> Box:
    """A box anywhere in the image, sides uniform between (width, height) pairs of size_range, at least 1 pixel.

    size, place: 64 random bits each, half for each axis.
    """
    (w_low, h_low), (w_high, h_high) = size_range
    w = int(w_low + (w_high - w_low) * (size >> 32) * 2.0**-32) or 1
    h = int(h_low + (h_high - h_low) * (size & _HALF) * 2.0**-32) or 1
    if w > width or h > height:
        w, h = min(w, width), min(h, height)
    x, y = (place >> 32) * (width - w + 1) >> 32, (place & _HALF) * (height - h + 1) >> 32
    return x, y, x + w, y + h


def scattered(key: str, n: int, size_range: Sequence[Range], height: int, width: int) -> tuple[Box, ...]:
    """n holes of a stream key."""
    words = iter(struct.unpack(f"<{2 * n}Q", Source(key).bytes(16 * n)))
    return tuple(hole(size, place, size_range, height, width) for size, place in zip(words, words, strict=True))


def cells(
    holes_number_xy: tuple[int, int] | None, unit_size_range: tuple[int, int] | None, sig: Signature, stream: Stream
) -> tuple[int, int]:
    """Columns and rows of a grid of such numbers, or of squares of a side drawn from a range, or of about ten by ten.

    Raises SampleError, naming the argument, if the image is too small.
    """
    width, height = sig.width, sig.height
    size = f"an image of {width} x {height} (W x H)"
    if holes_number_xy is not None:
        most = max(width // 2, 1), max(height // 2, 1)
        if holes_number_xy[0] > most[0] or holes_number_xy[1] > most[1]:
            raise SampleError(
                f"holes_number_xy={holes_number_xy} leaves cells below 2 pixels in {size}; pass at most {most}, or "
                "resize first"
            )
        return holes_number_xy
    if unit_size_range is None:
        side = max(width // 10, 2), max(height // 10, 2)
    elif unit_size_range[1] > min(width, height):
        raise SampleError(
            f"unit_size_range={unit_size_range} is larger than {size}; pass at most {min(width, height)}, or resize "
            "first"
        )
    else:
        side = (stream.integer(*unit_size_range),) * 2
    return max(width // side[0], 1), max(height // side[1], 1)


def in_cells(
    unit: Range, size: Sequence[int], shift: Sequence[int], key: str | None, height: int, width: int
) -> tuple[Box, ...]:
    """A hole of `size` in every cell of a grid of `unit`, both (width, height).

    All are `shift` (right, down) from their cell's corner, moved back to the image's edge where they would leave it;
    with a stream key, each lies anywhere in its cell.
    """
    unit_w, unit_h = unit
    w, h = (min(max(side, 1), most) for side, most in zip(size, (width, height), strict=True))
    xs = [round(i * unit_w) for i in range(max(round(width / unit_w), 1))]
    ys = [round(i * unit_h) for i in range(max(round(height / unit_h), 1))]
    if key is None:
        right, down = shift
        corners = [(min(x + right, width - w), min(y + down, height - h)) for y in ys for x in xs]
        return tuple([(x, y, x + w, y + h) for x, y in corners])
    # How many places a hole has in each column and row.
    across = np.array([max(end - x - w, 0) + 1 for x, end in zip(xs, [*xs[1:], width], strict=True)], np.uint64)
    along = np.array([max(end - y - h, 0) + 1 for y, end in zip(ys, [*ys[1:], height], strict=True)], np.uint64)
    words = np.frombuffer(Source(key).bytes(8 * len(xs) * len(ys)), "<u4").reshape(len(ys), len(xs), 2)
    left = (words[:, :, 0] * across >> _32).astype(np.int64) + xs
    top = (words[:, :, 1] * along[:, None] >> _32).astype(np.int64) + np.array(ys)[:, None]
    places = zip(left.ravel().tolist(), top.ravel().tolist(), strict=True)
    return tuple([(x, y, x + w, y + h) for x, y in places])
